//! `qapi/misc.json`.

use std::path::Path;
use std::sync::Arc;

use qapi_runtime::QmpError;

use crate::backends::char::{Chardev, Plain};
use crate::door::Door;
use crate::machine::semihosting::{Config, Console};
use crate::machine::trace;
use crate::qapi::{
    HumanMonitorCommand, LogItem, MiscCommands, XGdbServer, XLogSet, XSemihostingSet,
};

impl MiscCommands for Door {
    fn human_monitor_command(
        &mut self,
        arguments: HumanMonitorCommand,
    ) -> Result<String, QmpError> {
        let invalid = || QmpError::generic("Parameter 'cpu-index' expects a CPU number");
        let index = usize::try_from(arguments.cpu_index.unwrap_or(0)).map_err(|_| invalid())?;
        let harts = self.stage.board().map_or(0, |board| board.harts().len());
        if arguments.cpu_index.is_some() && index >= harts {
            return Err(invalid());
        }
        Ok(self.human(&arguments.command_line, index))
    }

    fn x_log_set(&mut self, arguments: XLogSet) -> Result<(), QmpError> {
        let filter = arguments.filter.as_deref().map_or(Ok(vec![]), trace::parse_filter);
        let filter = filter.map_err(|wrong| {
            QmpError::generic(format!(
                "Parameter 'filter' expects ranges FIRST..LAST, FIRST+SIZE or LAST-SIZE, not '{wrong}'"
            ))
        })?;
        if self.host.is_closed() {
            return Ok(());
        }
        let file = arguments.filename.as_deref().map(Path::new);
        self.host.trace.set_file(file).map_err(|error| {
            let name = arguments.filename.as_deref().unwrap_or_default();
            QmpError::generic(format!("Cannot write the log to '{name}': {}", Plain(&error)))
        })?;
        self.host.trace.set_filter(filter);
        self.set_log_items(&arguments.items);
        Ok(())
    }

    fn x_gdb_server(&mut self, arguments: XGdbServer) -> Result<(), QmpError> {
        let chardev = self.chardev(arguments.chardev)?;
        self.serve_debugger(chardev.as_ref()).map_err(|error| QmpError::generic(error.to_string()))
    }

    fn x_semihosting_set(&mut self, arguments: XSemihostingSet) -> Result<(), QmpError> {
        // Both targets are this program.
        let XSemihostingSet { enable, target: _, chardev, userspace, arg } = arguments;
        // The console before may be on the same back end.
        self.host.semihosting = None;
        if enable == Some(false) {
            return Ok(());
        }
        let chardev = self.chardev(chardev)?;
        let console = Console::open(chardev.as_ref())
            .map_err(|error| QmpError::generic(error.to_string()))?;
        self.host.semihosting = Some(Arc::new(Config {
            userspace: userspace.unwrap_or(false),
            arguments: arg.map(|words| words.join(" ")),
            console,
        }));
        Ok(())
    }
}

impl Door {
    /// Chooses what is logged, and lets the harts know.
    pub(crate) fn set_log_items(&self, items: &[LogItem]) {
        self.host.trace.set_items(items);
        if let Some(machine) = self.stage.machine() {
            machine.watch(&self.host.trace);
        }
    }

    /// The character back end of an id; none for no id.
    fn chardev(&self, id: Option<String>) -> Result<Option<Arc<Chardev>>, QmpError> {
        let find = |id: String| {
            self.host.chardevs.get(&id).ok_or_else(|| {
                QmpError::device_not_found(format!("Character back end '{id}' not found"))
            })
        };
        id.map(find).transpose()
    }
}
