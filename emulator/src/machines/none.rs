//! `none`: an empty board. Harts and memory of its own only where the options ask for them.

use qapi_runtime::QmpError;
use serde_json::json;

use super::{Plan, Template};
use crate::board::Board;
use crate::door::Command;
use crate::qapi::{MachineOptions, MachineOptionsType, MachineType};

/// The machine's own memory.
const MEMORY: &str = "machine.ram";
/// The harts that the option -smp asks for.
const HARTS: &str = "machine.cpus";

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
        if let Some(size) = options.memory {
            let device = json!({ "driver": "sysbus-memory", "id": MEMORY, "size": size });
            commands.push(Command::new("device_add", device)?);
            let mapping = json!({ "device": MEMORY, "addr": memory_address(options) });
            commands.push(Command::new("sysbus-mmio-map", mapping)?);
        }
        if let Some(cpus) = options.smp.as_ref().and_then(|smp| smp.cpus) {
            let device = json!({ "driver": "riscv.hart_array", "id": HARTS, "num-harts": cpus });
            commands.push(Command::new("device_add", device)?);
        }
        Ok(Plan::of(MachineType::None, commands))
    }

    fn follow(&self, board: &mut Board, property: &str) -> Result<(), QmpError> {
        let memory = board.device(MEMORY).cloned();
        match (property, memory) {
            ("ram-addr", Some(memory)) => {
                let addr = memory_address(&board.machine);
                board.remap(&memory, 0, addr)
            }
            ("memory" | "smp", _) => Err(QmpError::generic(format!(
                "Property '{property}' of the machine is used on entering 'initialized': set it before, or add a device"
            ))),
            _ => Ok(()),
        }
    }
}
