//! The ladder from `no-machine` to `ready`: each rung holds what exists there, so that an operation
//! in a wrong phase has nothing to act on.

use qapi_runtime::QmpError;

use crate::board::{Board, lint};
use crate::boot::tree;
use crate::door::Purpose;
use crate::edit::{Draft, Setup};
use crate::machine::Machine;
use crate::qapi::{Accelerator, CommandOrigin, Phase, ShutdownCause};

/// How far the creation of the machine has come.
pub enum Stage {
    /// There is no machine.
    NoMachine,
    /// A machine with its properties.
    MachineCreated(Box<Setup>),
    /// And its accelerator.
    AccelCreated(Box<Setup>, Accelerator),
    /// The board, to be added to.
    Initialized(Draft),
    /// The board as it was built, and the machine made from it.
    Ready(Board, Box<Machine>),
}

impl Stage {
    /// Its phase.
    pub fn phase(&self) -> Phase {
        match self {
            Self::NoMachine => Phase::NoMachine,
            Self::MachineCreated(_) => Phase::MachineCreated,
            Self::AccelCreated(..) => Phase::AccelCreated,
            Self::Initialized(_) => Phase::Initialized,
            Self::Ready(..) => Phase::Ready,
        }
    }

    /// The board, once there is one.
    ///
    /// # Errors
    /// There is none yet.
    pub fn board(&self) -> Result<&Board, QmpError> {
        match self {
            Self::Initialized(draft) => Ok(draft.board()),
            Self::Ready(board, _) => Ok(board),
            _ => Err(QmpError::generic(format!(
                "There is no board at '{}': it exists from 'initialized' on",
                self.phase()
            ))),
        }
    }

    /// The live machine, at `ready`.
    pub fn machine(&self) -> Option<&Machine> {
        match self {
            Self::Ready(_, machine) => Some(machine),
            _ => None,
        }
    }

    /// A copy, of a stage that is still a value.
    fn copy(&self) -> Option<Self> {
        Some(match self {
            Self::NoMachine => Self::NoMachine,
            Self::MachineCreated(setup) => Self::MachineCreated(setup.clone()),
            Self::AccelCreated(setup, accel) => Self::AccelCreated(setup.clone(), *accel),
            Self::Initialized(draft) => Self::Initialized(draft.clone()),
            Self::Ready(..) => return None,
        })
    }
}

/// Where a client wants the machine to be, and what it takes as a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// `advance-machine-phase`: it is a mistake to be there already.
    Leave,
    /// `set-machine-phase`: being there already is fine.
    Be,
}

impl crate::door::Door {
    /// Enters the phases up to `target`, all or none.
    ///
    /// # Errors
    /// The RFC's texts when the target lies behind, or what keeps a phase from being entered.
    pub(crate) fn advance(&mut self, target: Phase, arrival: Arrival) -> Result<(), QmpError> {
        let now = self.stage.phase();
        if target == Phase::Ready && self.startup.purpose == Purpose::Look {
            self.seen = true;
            return self.advance(Phase::Initialized, Arrival::Be);
        }
        if target == now {
            return match arrival {
                Arrival::Be => Ok(()),
                Arrival::Leave => Err(QmpError::generic("Machine is already in the target phase")),
            };
        }
        if target < now {
            return Err(QmpError::generic("Target machine phase already entered"));
        }
        if now == Phase::NoMachine {
            // Only machine-set knows which machine.
            return Err(match target {
                Phase::MachineCreated => {
                    QmpError::generic("Target machine phase too early to enter this way")
                }
                _ => no_machine(),
            });
        }
        let (before, objects) = (self.stage.copy(), self.host.objects.copy());
        let mut entered = Vec::new();
        while self.stage.phase() < target {
            if let Err(error) = self.step() {
                if let Some(before) = before {
                    self.stage = before;
                }
                self.host.objects.restore(objects);
                self.publish_phase();
                return Err(error);
            }
            entered.push(self.stage.phase());
        }
        if entered.contains(&Phase::Initialized) {
            self.pending.clear();
            self.report_remarks();
        }
        entered.into_iter().for_each(|phase| self.phase_changed(phase));
        self.end_after_dump();
        Ok(())
    }

    /// The command `next-machine-phase`.
    ///
    /// # Errors
    /// The machine is at `ready`, there is none, or the phase cannot be entered.
    pub(crate) fn next(&mut self) -> Result<(), QmpError> {
        let next = match self.stage.phase() {
            Phase::NoMachine => return Err(no_machine()),
            Phase::MachineCreated => Phase::AccelCreated,
            Phase::AccelCreated => Phase::Initialized,
            Phase::Initialized => Phase::Ready,
            Phase::Ready => {
                return Err(QmpError::generic("Cannot increment machine init phase any further"));
            }
        };
        self.advance(next, Arrival::Leave)
    }

    /// `dumpdtb`: the tree was all that was wanted.
    fn end_after_dump(&mut self) {
        let Stage::Ready(board, _) = &self.stage else { return };
        let Some(path) = board.machine.dumpdtb.clone() else { return };
        self.host.warn(&format!("device tree written to {path}"));
        self.end(false, ShutdownCause::None, 0);
    }

    fn step(&mut self) -> Result<(), QmpError> {
        match std::mem::replace(&mut self.stage, Stage::NoMachine) {
            Stage::NoMachine => Err(no_machine()),
            Stage::MachineCreated(setup) => {
                self.stage = Stage::AccelCreated(setup, Accelerator::Tcg);
                Ok(())
            }
            Stage::AccelCreated(setup, _) => self.initialize(*setup),
            Stage::Initialized(draft) => {
                let board = draft.board().clone();
                let findings = lint::admit(&board, &self.host)?;
                findings.iter().for_each(|finding| self.host.warn(finding));
                // The draft is put back by the caller when what follows fails.
                let Some(load) = self.load.clone() else { return self.elaborate(board) };
                let held = self.host.chardevs.all();
                held.iter().for_each(|chardev| chardev.hold(true));
                let loaded = self.elaborate(board).and_then(|()| self.perform(&load));
                held.iter().for_each(|chardev| chardev.hold(false));
                loaded.map(|_| self.load = None)
            }
            ready @ Stage::Ready(..) => {
                self.stage = ready;
                Err(QmpError::generic("Cannot increment machine init phase any further"))
            }
        }
    }

    fn elaborate(&mut self, board: Board) -> Result<(), QmpError> {
        let machine = Machine::elaborate(&board, &self.surroundings())?;
        if let Some(path) = &board.machine.dumpdtb {
            tree::write(path, machine.tree())?;
        }
        self.stage = Stage::Ready(board, Box::new(machine));
        Ok(())
    }

    /// The machine's own commands, then those that the options asked for.
    fn initialize(&mut self, setup: Setup) -> Result<(), QmpError> {
        let Setup { options, journal } = setup;
        if let Some(cpu) = &options.cpu {
            crate::devices::cpu::model::parse(cpu)?;
        }
        let plan = crate::machines::plan(&options)?;
        self.stage = Stage::Initialized(Draft::new(Board::begin(options, journal)));
        self.remarks = plan.remarks;
        for step in plan.steps.into_iter().chain(self.pending.clone()) {
            self.perform(&step).map_err(|error| {
                let place = match step.origin.kind {
                    CommandOrigin::Option => step.origin.text.to_string(),
                    _ => step.command.label(),
                };
                QmpError { desc: format!("{place}: {}", error.desc), ..error }
            })?;
        }
        Ok(())
    }
}

fn no_machine() -> QmpError {
    QmpError::generic("There is no machine: choose one with 'machine-set' (option -M)")
}
