//! `qapi/run-state.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::phase::Arrival;
use crate::qapi::{
    CurrentMachineParams, InjectNmi, Phase, Powerdown, RunState, RunStateCommands, SetAction,
    ShutdownCause, StatusInfo,
};

impl RunStateCommands for Door {
    fn query_status(&mut self) -> Result<StatusInfo, QmpError> {
        let status = self.run_state;
        Ok(StatusInfo { running: status == RunState::Running, status })
    }

    fn cont(&mut self) -> Result<(), QmpError> {
        self.may_run()?;
        self.advance(Phase::Ready, Arrival::Be)?;
        self.run_machine();
        Ok(())
    }

    fn stop(&mut self) -> Result<(), QmpError> {
        self.stop_machine();
        Ok(())
    }

    fn system_reset(&mut self) -> Result<(), QmpError> {
        self.reset(false, ShutdownCause::HostQmpSystemReset);
        Ok(())
    }

    fn system_wakeup(&mut self) -> Result<(), QmpError> {
        Err(QmpError::generic("wake-up from suspend is not supported by this guest"))
    }

    fn query_current_machine(&mut self) -> Result<CurrentMachineParams, QmpError> {
        Ok(CurrentMachineParams { wakeup_suspend_support: false })
    }

    fn inject_nmi(&mut self, arguments: InjectNmi) -> Result<(), QmpError> {
        let index = arguments.cpu_index.unwrap_or(0);
        // The gate lets the command through at `ready` only.
        let Some(machine) = self.stage.machine() else { return Ok(()) };
        if machine.harts().raise_nmi(index as usize) {
            return Ok(());
        }
        Err(QmpError::generic(format!(
            "CPU {index} not found: query-cpus-fast lists the machine's harts"
        )))
    }

    fn set_action(&mut self, arguments: SetAction) -> Result<(), QmpError> {
        self.actions.set(arguments);
        Ok(())
    }

    fn system_powerdown(&mut self) -> Result<(), QmpError> {
        self.emit(&Powerdown {});
        Ok(())
    }
}
