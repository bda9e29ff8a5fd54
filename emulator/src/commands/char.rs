//! `qapi/char.json`.

use std::sync::Arc;

use qapi_runtime::{Encode, QmpError};

use crate::backends::char::{
    CharConfig, CharError, Chardev, FileConfig, MuxConfig, SocketAddress, SocketConfig, StdioConfig,
};
use crate::door::{Door, Inbox};
use crate::qapi::{
    CharCommands, ChardevInfo, ChardevOptions, ChardevOptionsBackend, ChardevSocketOptions,
    MonitorMode, ShutdownCause, XMonitorAdd,
};
use crate::qmp::{Capability, Monitor, SessionConfig};

/// Ctrl-A.
const ESCAPE: u8 = 1;
/// The address of TCP sockets for which none is given: nobody else's.
const LOOPBACK: &str = "127.0.0.1";
/// What a human monitor begins with.
fn banner() -> String {
    let (major, minor, micro) = crate::QEMU_VERSION;
    format!("QEMU {major}.{minor}.{micro} monitor - type 'help' for more information")
}

fn failed(error: CharError) -> QmpError {
    QmpError::generic(error.to_string())
}

fn socket(options: ChardevSocketOptions) -> Result<CharConfig, QmpError> {
    let address = match (options.path, options.host, options.port) {
        (Some(path), None, None) => SocketAddress::Unix(path.into()),
        (None, host, Some(port)) => {
            SocketAddress::Tcp { host: host.unwrap_or_else(|| LOOPBACK.into()), port }
        }
        (Some(_), ..) => {
            return Err(QmpError::generic(
                "A socket has either 'path' or 'host' and 'port', not both",
            ));
        }
        (None, _, None) => {
            return Err(QmpError::generic("A socket needs 'path' (unix) or 'port' (TCP)"));
        }
    };
    let server = options.server.unwrap_or(false);
    let wait = server && options.wait.unwrap_or(false);
    Ok(CharConfig::Socket(SocketConfig { address, server, wait, reconnect: None }))
}

impl CharCommands for Door {
    fn query_chardev(&mut self) -> Result<Vec<ChardevInfo>, QmpError> {
        let describe = |chardev: &Arc<Chardev>| ChardevInfo {
            label: chardev.id().into(),
            filename: chardev.filename(),
            frontend_open: chardev.frontend_open(),
        };
        Ok(self.host.chardevs.all().iter().map(describe).collect())
    }

    fn x_chardev_add(&mut self, arguments: ChardevOptions) -> Result<(), QmpError> {
        let ChardevOptions { id, mux, backend } = arguments;
        if self.host.chardevs.get(&id).is_some() {
            return Err(QmpError::generic(format!("Duplicate ID '{id}' for chardev")));
        }
        let config = match backend {
            ChardevOptionsBackend::Alias(options) => {
                return self.host.chardevs.alias(id, options.chardev);
            }
            ChardevOptionsBackend::Null(_) => CharConfig::Null,
            ChardevOptionsBackend::Pty => CharConfig::Pty { path: None },
            ChardevOptionsBackend::Stdio(options) => {
                CharConfig::Stdio(StdioConfig { signal: options.signal.unwrap_or(true) })
            }
            ChardevOptionsBackend::File(options) => CharConfig::File(FileConfig {
                path: options.path.into(),
                append: options.append.unwrap_or(false),
            }),
            ChardevOptionsBackend::Socket(options) => socket(options)?,
        };
        let mux = mux.unwrap_or(false);
        let base_id = if mux { format!("{id}-base") } else { id.clone() };
        let mut chardev = self.host.open(&base_id, &config).map_err(failed)?;
        if mux {
            let inbox = self.inbox().clone();
            let quit = Box::new(move || inbox.end(ShutdownCause::HostUi));
            chardev = Chardev::open_mux(&id, chardev, MuxConfig { escape: ESCAPE, quit })
                .map_err(failed)?;
        }
        self.host.chardevs.add(chardev)
    }

    fn x_monitor_add(&mut self, arguments: XMonitorAdd) -> Result<(), QmpError> {
        let id = &arguments.chardev;
        let Some(chardev) = self.host.chardevs.get(id) else {
            return Err(QmpError::device_not_found(format!("Character back end '{id}' not found")));
        };
        let inbox = self.inbox().clone();
        let monitor = match arguments.mode.unwrap_or(MonitorMode::Readline) {
            MonitorMode::Control => {
                let config = SessionConfig {
                    version: super::control::version().encode(),
                    pretty: arguments.pretty.unwrap_or(false),
                    capabilities: vec![Capability::Oob],
                };
                Monitor::control(&chardev, Arc::new(inbox), &self.host.hub, config)
            }
            MonitorMode::Readline => {
                let human = move |line, done| Inbox::line(&inbox, line, done);
                Monitor::human(&chardev, Arc::new(human), &self.host.hub, &banner())
            }
        };
        self.host.monitors.push(monitor.map_err(failed)?);
        Ok(())
    }
}
