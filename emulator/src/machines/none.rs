//! `none`: an empty board. Harts and memory of its own only where the options ask for them.

use qapi_runtime::QmpError;
use serde_json::json;

use super::{OWN_HARTS, Plan, Template};
use crate::board::Board;
use crate::devices::driver;
use crate::door::Command;
use crate::qapi::{DeviceOptions, MachineOptions, MachineOptionsType, MachineType};

/// The machine's own memory.
const MEMORY: &str = "machine.ram";

pub(super) struct None;
pub(super) const TEMPLATE: None = None;

fn memory_address(options: &MachineOptions) -> u64 {
    match &options.type_ {
        MachineOptionsType::None(own) => own.ram_addr.unwrap_or(0),
        _ => 0,
    }
}

impl Template for None {
    fn description(&self) -> &'static str {
        "empty machine"
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let mut commands = Vec::new();
        let backend = match &options.type_ {
            MachineOptionsType::None(own) => own.memory_backend.as_deref(),
            _ => Option::None,
        };
        if options.memory.is_some() || backend.is_some() {
            let mut device = json!({ "driver": "sysbus-memory", "id": MEMORY });
            if let Some(size) = options.memory {
                device["size"] = size.into();
            }
            if let Some(backend) = backend {
                device["memdev"] = backend.into();
            }
            commands.push(Command::new("device_add", device)?);
            let mapping = json!({ "device": MEMORY, "addr": memory_address(options) });
            commands.push(Command::new("sysbus-mmio-map", mapping)?);
        }
        let asked = options.smp.as_ref().and_then(|smp| smp.cpus);
        if let Some(cpus) = asked.or(options.cpu.is_some().then_some(1)) {
            let device =
                json!({ "driver": "riscv.hart_array", "id": OWN_HARTS, "num-harts": cpus });
            commands.push(Command::new("device_add", device)?);
        }
        Ok(Plan::of(MachineType::None, commands))
    }

    /// A hart that only -cpu has asked for gives way to a hart array, for which -cpu then says the
    /// type; unless something is wired to it already.
    fn make_room(&self, board: &mut Board, device: &DeviceOptions) -> Result<(), QmpError> {
        let implied = board.machine.smp.as_ref().is_none_or(|smp| smp.cpus.is_none());
        let is_array = driver(&device.driver).units().is_some();
        if implied && is_array && board.device(OWN_HARTS).is_some() && !board.is_wired(OWN_HARTS) {
            board.remove(OWN_HARTS)?;
        }
        Ok(())
    }

    fn follow(&self, board: &mut Board, property: &str) -> Result<(), QmpError> {
        let memory = board.device(MEMORY).cloned();
        match (property, memory) {
            ("ram-addr", Some(memory)) => {
                let addr = memory_address(&board.machine);
                board.remap(&memory, 0, addr)
            }
            ("memory" | "memory-backend" | "smp", _) => Err(QmpError::generic(format!(
                "Property '{property}' of the machine is used on entering 'initialized': set it before, or add a device"
            ))),
            _ => Ok(()),
        }
    }
}
