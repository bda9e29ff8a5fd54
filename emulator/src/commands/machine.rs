//! `qapi/machine.json`.

use qapi_runtime::QmpError;

use crate::board::{Journal, Object};
use crate::door::{Door, Shared, Step};
use crate::edit::Setup;
use crate::machines;
use crate::phase::{Arrival, Stage};
use crate::qapi::{
    AccelSet, AdvanceMachinePhase, CpuInfoFast, DeviceOptionsDriver, MachineCommands, MachineInfo,
    MachineInitPhaseStatus, MachineOobCommands, MachineOptions, MachineType, Phase,
    SetMachinePhase, SysEmuTarget,
};

impl Door {
    /// Enters phases and, on arriving at `ready`, starts the guest unless it is to stay stopped.
    fn advance_and_start(&mut self, target: Phase, arrival: Arrival) -> Result<(), QmpError> {
        let before = self.phase();
        self.advance(target, arrival)?;
        self.start_on_ready(before);
        Ok(())
    }

    fn start_on_ready(&mut self, before: Phase) {
        if before != Phase::Ready && self.phase() == Phase::Ready && !self.startup.stopped {
            self.run_machine();
        }
    }
}

impl MachineCommands for Door {
    fn next_machine_phase(&mut self) -> Result<(), QmpError> {
        let before = self.phase();
        self.next()?;
        self.start_on_ready(before);
        Ok(())
    }

    fn advance_machine_phase(&mut self, arguments: AdvanceMachinePhase) -> Result<(), QmpError> {
        self.advance_and_start(arguments.phase, Arrival::Leave)
    }

    fn set_machine_phase(&mut self, arguments: SetMachinePhase) -> Result<(), QmpError> {
        self.advance_and_start(arguments.phase, Arrival::Be)
    }

    fn x_exit_preconfig(&mut self) -> Result<(), QmpError> {
        if self.phase() == Phase::Ready {
            return Err(QmpError::generic(
                "The command is permitted only before machine initialization",
            ));
        }
        self.advance_and_start(Phase::Ready, Arrival::Be)
    }

    fn x_machine_init(&mut self) -> Result<(), QmpError> {
        if self.phase() >= Phase::Initialized {
            return Err(QmpError::generic(
                "The command is permitted only before machine initialization",
            ));
        }
        self.advance(Phase::Initialized, Arrival::Leave)
    }

    fn finish_machine_init(&mut self) -> Result<(), QmpError> {
        self.advance(Phase::Ready, Arrival::Be)
    }

    fn machine_set(&mut self, arguments: MachineOptions) -> Result<(), QmpError> {
        let Step { command, origin } = self.executing()?;
        let mut journal = Journal::default();
        journal.record(origin, command);
        self.stage = Stage::MachineCreated(Box::new(Setup { options: arguments, journal }));
        self.phase_changed(Phase::MachineCreated);
        Ok(())
    }

    fn query_machines(&mut self) -> Result<Vec<MachineInfo>, QmpError> {
        let describe = |kind: &MachineType| {
            let template = machines::template(*kind);
            MachineInfo {
                name: *kind,
                description: template.description().into(),
                cpu_max: (*template.harts().end()).into(),
            }
        };
        Ok(MachineType::ALL.iter().map(describe).collect())
    }

    fn accel_set(&mut self, arguments: AccelSet) -> Result<(), QmpError> {
        // There is one accelerator, and the argument's type has checked that it is meant.
        let AccelSet { accel: _ } = arguments;
        self.advance(Phase::AccelCreated, Arrival::Leave)
    }

    fn query_cpus_fast(&mut self) -> Result<Vec<CpuInfoFast>, QmpError> {
        let board = self.stage.board()?;
        let harts = self.stage.machine().map(|machine| machine.harts());
        let mut list = Vec::new();
        for (index, (device, unit)) in board.harts().into_iter().enumerate() {
            let DeviceOptionsDriver::RiscvHartArray(array) = &device.options else { continue };
            let width = array.cpu(unit)?.xlen.bits();
            list.push(CpuInfoFast {
                cpu_index: i64::try_from(index).unwrap_or(i64::MAX),
                qom_path: Object::Unit(device.clone(), unit).path(),
                thread_id: harts.and_then(|harts| harts.thread_id(index)).unwrap_or(0).into(),
                target: if width == 32 { SysEmuTarget::Riscv32 } else { SysEmuTarget::Riscv64 },
            });
        }
        Ok(list)
    }
}

impl MachineOobCommands for Shared {
    fn query_machine_phase(&self) -> Result<MachineInitPhaseStatus, QmpError> {
        Ok(MachineInitPhaseStatus { phase: self.phase() })
    }
}
