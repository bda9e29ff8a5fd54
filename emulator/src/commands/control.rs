//! `qapi/control.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::qapi::{
    self, CommandInfo, ControlCommands, NameInfo, QMPCapability, QmpCapabilities, ShutdownCause,
    VersionInfo, VersionTriple,
};
use crate::qmp::Capability;

/// The answer to `query-version`, also told in the greeting.
pub(crate) fn version() -> VersionInfo {
    let (major, minor, micro) = crate::QEMU_VERSION;
    VersionInfo { qemu: VersionTriple { major, minor, micro }, package: crate::PACKAGE.into() }
}

impl ControlCommands for Door {
    fn qmp_capabilities(&mut self, arguments: QmpCapabilities) -> Result<(), QmpError> {
        let wanted: Vec<Capability> = arguments
            .enable
            .unwrap_or_default()
            .iter()
            .map(|capability| match capability {
                QMPCapability::Oob => Capability::Oob,
            })
            .collect();
        match &self.caller {
            Some(monitor) => monitor.enable(&wanted),
            // Options and scripts have nothing to negotiate.
            None => Ok(()),
        }
    }

    fn query_version(&mut self) -> Result<VersionInfo, QmpError> {
        Ok(version())
    }

    fn query_commands(&mut self) -> Result<Vec<CommandInfo>, QmpError> {
        let phase = self.phase();
        let describe = |info: &qapi_runtime::CommandInfo| CommandInfo {
            name: info.name.into(),
            permitted: qapi::gate(info, phase).is_ok(),
        };
        Ok(qapi::COMMANDS.iter().copied().map(describe).collect())
    }

    fn query_name(&mut self) -> Result<NameInfo, QmpError> {
        Ok(NameInfo { name: self.startup.name.clone() })
    }

    fn quit(&mut self) -> Result<(), QmpError> {
        self.end(false, ShutdownCause::HostQmpQuit, 0);
        Ok(())
    }
}
