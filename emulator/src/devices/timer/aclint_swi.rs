//! `riscv.aclint.swi`: software interrupts (RISC-V ACLINT specification 1.0, chapters 3 and 4):
//! a register a hart; MSIP keeps its bit, SETSSIP sends an edge.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::nodes;
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, LineUse, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{Line, Site};
use crate::qapi::RiscvAclintSwiProperties;

/// Size of the region: room for the 4095 harts that the specification allows.
const SIZE: u64 = 0x4000;
const MAX_HARTS: u32 = 4095;
/// The causes that the two kinds raise.
const SUPERVISOR_SOFTWARE: u32 = 1;
const MACHINE_SOFTWARE: u32 = 3;

impl Defaults for RiscvAclintSwiProperties {
    fn defaults() -> Self {
        Self { hartid_base: Some(0), num_harts: Some(1), sswi: Some(0) }
    }
}

impl RiscvAclintSwiProperties {
    fn harts(&self) -> u32 {
        self.num_harts.unwrap_or(1)
    }

    fn supervisor(&self) -> bool {
        self.sswi.unwrap_or(0) != 0
    }
}

impl Driver for RiscvAclintSwiProperties {
    fn check(&self) -> Result<(), QmpError> {
        super::aclint_mtimer::check_harts(self.harts(), MAX_HARTS)
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io(if self.supervisor() { "sswi" } else { "mswi" }, SIZE)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::outputs(self.harts())]
    }

    fn line_use(&self, _port: &Port, line: u32) -> LineUse {
        let hartid = u64::from(self.hartid_base.unwrap_or(0)) + u64::from(line);
        let cause = if self.supervisor() { SUPERVISOR_SOFTWARE } else { MACHINE_SOFTWARE };
        LineUse::Hart { hartid, cause }
    }

    fn bindings() -> &'static [Binding] {
        &[
            Binding {
                nodes: Nodes::Compatible(&["riscv,aclint-mswi"]),
                read: |node| nodes::swi(node, MACHINE_SOFTWARE, 0),
            },
            Binding {
                nodes: Nodes::Compatible(&["riscv,aclint-sswi"]),
                read: |node| nodes::swi(node, SUPERVISOR_SOFTWARE, 1),
            },
        ]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let (name, compatible) = if self.supervisor() {
            ("sswi", "riscv,aclint-sswi")
        } else {
            ("mswi", "riscv,aclint-mswi")
        };
        let node = place.bus_node(name, &[compatible])?.with_flag("interrupt-controller");
        Some(place.with_interrupts(node.with_cells("#interrupt-cells", &[0])))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let lines = site.lines.clone();
        let swi = Swi::new(self.harts(), !self.supervisor(), lines, site.block());
        Ok(Built::device(Arc::new(swi)))
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    bits: Vec<bool>,
    /// MSIP reads back what was written; SETSSIP reads as 0.
    keeps: bool,
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        for (line, bit) in lines.iter().zip(&self.bits) {
            line.set(*bit);
        }
    }
}

pub(super) struct Swi(Chip<State>, Block);

impl Swi {
    /// A register and a line for each hart; it keeps its bit or sends an edge.
    pub(super) fn new(harts: u32, keeps: bool, lines: Vec<Line>, block: Block) -> Self {
        Self(Chip::new(State { bits: vec![false; harts as usize], keeps }, lines), block)
    }
}

impl Device for Swi {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.0)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        if size != 4 {
            self.1.unmodelled_read(offset, size);
            return 0;
        }
        self.0.with(|state| {
            let bit = state.bits.get((offset / 4) as usize).copied().unwrap_or(false);
            u64::from(bit && state.keeps)
        })
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        if size != 4 {
            self.1.unmodelled_write(offset, size, value);
            return;
        }
        let hart = (offset / 4) as usize;
        let level = value & 1 != 0;
        let edge = self.0.with(|state| {
            let Some(bit) = state.bits.get_mut(hart) else { return false };
            *bit = level;
            !state.keeps
        });
        if edge {
            self.0.with(|state| state.bits[hart] = false);
        }
    }

    fn reset(&self) {
        self.0.with(|state| state.bits.fill(false));
    }
}
