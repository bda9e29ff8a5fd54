//! How the guest runs, stops and ends: run states, what becomes of what a guest wishes for, and the
//! events that tell of it. The order of events is QEMU's.

use std::sync::atomic::Ordering;

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::machine::{Pace, Wish};
use crate::qapi::{
    self, PanicAction, RebootAction, Reset, RunState, SetAction, Shutdown, ShutdownAction,
    ShutdownCause, Watchdog, WatchdogAction,
};

/// What becomes of what guests wish for (command `set-action`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actions {
    reboot: RebootAction,
    shutdown: ShutdownAction,
    panic: PanicAction,
    watchdog: WatchdogAction,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            reboot: RebootAction::Reset,
            shutdown: ShutdownAction::Poweroff,
            panic: PanicAction::Shutdown,
            watchdog: WatchdogAction::Reset,
        }
    }
}

impl Actions {
    /// Changes those that are named.
    pub(crate) fn set(&mut self, chosen: SetAction) {
        let SetAction { reboot, shutdown, panic, watchdog } = chosen;
        self.reboot = reboot.unwrap_or(self.reboot);
        self.shutdown = shutdown.unwrap_or(self.shutdown);
        self.panic = panic.unwrap_or(self.panic);
        self.watchdog = watchdog.unwrap_or(self.watchdog);
    }
}

impl Door {
    /// Does what a guest wishes for.
    pub(crate) fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::PowerOff { status } => {
                self.shut_down(true, ShutdownCause::GuestShutdown, status);
            }
            Wish::Reset => self.reset(true, ShutdownCause::GuestReset),
            Wish::Watchdog => self.bite(),
        }
    }

    /// A watchdog of the guest was not fed in time.
    fn bite(&mut self) {
        let action = self.actions.watchdog;
        self.emit(&Watchdog { action });
        // The guest may wish again.
        self.wished.store(false, Ordering::Release);
        match action {
            WatchdogAction::Reset => self.reset(true, ShutdownCause::GuestReset),
            WatchdogAction::Shutdown => self.emit(&qapi::Powerdown {}),
            WatchdogAction::Poweroff => self.end(true, ShutdownCause::None, 0),
            WatchdogAction::Pause => self.halt_machine(RunState::Watchdog),
            WatchdogAction::Debug => self.host.warn("the guest's watchdog has fired"),
            WatchdogAction::None => {}
            WatchdogAction::InjectNmi => {
                if let Some(machine) = self.stage.machine() {
                    machine.harts().raise_nmi(0);
                }
            }
        }
    }

    /// Ends the program, or stops the guest where that is what is wanted.
    fn shut_down(&mut self, guest: bool, reason: ShutdownCause, status: u8) {
        if self.actions.shutdown == ShutdownAction::Pause {
            self.emit(&Shutdown { guest, reason });
            return self.halt_machine(RunState::Shutdown);
        }
        // No STOP: what clients see of a guest that powers off is SHUTDOWN.
        if let Some(machine) = self.stage.machine() {
            machine.stop();
        }
        self.run_state = RunState::Shutdown;
        self.end(guest, reason, status);
    }

    /// Decides the end of the program.
    pub(crate) fn end(&self, guest: bool, reason: ShutdownCause, status: u8) {
        if self.ending.set(status).is_ok() {
            self.emit(&Shutdown { guest, reason });
            if let Some(debugger) = &self.debugger {
                debugger.exited(status);
            }
        }
    }

    /// Resets the machine, if there is one that runs or can run and that is what is wanted.
    pub(crate) fn reset(&mut self, guest: bool, reason: ShutdownCause) {
        let Some(machine) = self.stage.machine() else { return };
        if self.actions.reboot == RebootAction::Shutdown {
            return self.shut_down(guest, reason, 0);
        }
        machine.stop();
        // The harts stand still: what they wished for before is what is done now.
        self.wished.store(false, Ordering::Release);
        machine.reset();
        if self.run_state == RunState::Running {
            machine.run();
        } else {
            self.run_state = RunState::Prelaunch;
        }
        self.emit(&Reset { guest, reason });
    }

    /// Whether the guest can go on.
    ///
    /// # Errors
    /// It has powered off.
    pub(crate) fn may_run(&self) -> Result<(), QmpError> {
        match self.run_state {
            RunState::Shutdown => Err(QmpError::generic(
                "Resetting the Virtual Machine is required: the guest has powered off; system_reset starts it anew",
            )),
            _ => Ok(()),
        }
    }

    /// Lets the guest run. Nothing happens where it does already.
    pub(crate) fn run_machine(&mut self) {
        self.run_machine_at(Vec::new());
    }

    /// The same, each hart at its pace.
    pub(crate) fn run_machine_at(&mut self, paces: Vec<Pace>) {
        // A program that is about to end lets nothing run again.
        let idle = self.run_state != RunState::Running && self.ending.get().is_none();
        if let (Some(machine), true) = (self.stage.machine(), idle) {
            self.host.blocks.release();
            machine.run_at(paces);
            self.run_state = RunState::Running;
            self.emit(&qapi::Resume {});
        }
    }

    /// The host could not do what the guest asked of a disk.
    pub(crate) fn disk_fails(&mut self, event: &qapi::BlockIoError) {
        self.emit(event);
        if event.action == qapi::BlockErrorAction::Stop {
            self.halt_machine(RunState::IoError);
        }
    }

    /// Stops the guest, and tells who has done so if a hart has already. Nothing happens where it
    /// stands.
    pub(crate) fn stop_machine(&mut self) {
        self.halt_machine(RunState::Paused);
    }

    /// The same, for a reason.
    fn halt_machine(&mut self, why: RunState) {
        let (Some(machine), RunState::Running) = (self.stage.machine(), self.run_state) else {
            return;
        };
        machine.stop();
        let halt = machine.harts().halt();
        self.run_state = if halt.is_some() { RunState::Debug } else { why };
        self.emit(&qapi::Stop {});
        if let Some(debugger) = &mut self.debugger {
            debugger.stopped(halt);
        }
    }
}
