//! `riscv.sifive.test`: the test finisher of SiFive's test benches (`sifive,test0`): one register
//! that ends or resets the machine. Low half-word: 0x5555 pass, 0x3333 fail with the code in the
//! high half-word, 0x7777 reset.

use std::sync::Arc;

use boardwright_devicetree::{Node, TreeError};
use qapi_runtime::QmpError;

use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Region};
use crate::machine::{Site, Surroundings, Wish};
use crate::qapi::{DeviceOptionsDriver, DeviceTreeProblem, RiscvSifiveTestProperties};

/// Power off, all is well.
const PASS: u32 = 0x5555;
/// Power off with an error code.
const FAIL: u32 = 0x3333;
/// Reset the machine.
const RESET: u32 = 0x7777;

impl Defaults for RiscvSifiveTestProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for RiscvSifiveTestProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("finisher", 0x1000)]
    }

    fn bindings() -> &'static [Binding] {
        &[
            Binding {
                nodes: Nodes::Compatible(&["sifive,test0", "sifive,test1"]),
                read: |node| {
                    let test = RiscvSifiveTestProperties {};
                    Ok(node.device(DeviceOptionsDriver::RiscvSifiveTest(test)))
                },
            },
            Binding {
                nodes: Nodes::Compatible(&["syscon-poweroff", "syscon-reboot"]),
                read: read_use,
            },
        ]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("test", &["sifive,test1", "sifive,test0", "syscon"])?;
        Some(node.with_cells("phandle", &[place.phandle()]))
    }

    fn uses(&self, place: &Place<'_>) -> Vec<Node> {
        let syscon = |name: &str, value| {
            Node::new(name)
                .with_strings("compatible", &[&format!("syscon-{name}")])
                .with_u32("regmap", place.phandle())
                .with_u32("offset", 0)
                .with_u32("value", value)
        };
        vec![syscon("poweroff", PASS), syscon("reboot", RESET)]
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Arc::new(Finisher(site.around.clone()))))
    }
}

/// `syscon-poweroff` and `syscon-reboot`: the finisher behind them does the work; the guest's tree
/// has these nodes again.
fn read_use(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let target = node.phandles.get(node.node.require("regmap")?.u32()?);
    let names = target.map(|target| target.compatible()).unwrap_or_default();
    let mut found = node.nothing();
    if !names.iter().any(|name| name.starts_with("sifive,test")) {
        let text = "its regmap leads to no test finisher: left out";
        found.remark(DeviceTreeProblem::LeftOut, text);
        return Ok(found);
    }
    let expected = if node.node.is_compatible("syscon-poweroff") { PASS } else { RESET };
    let (offset, value) = (node.number("offset")?.unwrap_or(0), node.number("value")?);
    if offset != 0 || value.is_some_and(|value| value != expected) {
        let text = format!("the finisher does this for {expected:#x} at offset 0 only");
        found.remark(DeviceTreeProblem::LeftOut, text);
    }
    Ok(found)
}

struct Finisher(Surroundings);

impl Device for Finisher {
    fn saved(&self) -> Option<&dyn Saved> {
        None
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let command = (value & 0xffff) as u32;
        let code = (value >> 16) as u16;
        match (offset, command) {
            (0, PASS) => (self.0.wish)(Wish::PowerOff { status: 0 }),
            // An exit status has eight bits; a failure must not turn into success.
            (0, FAIL) => {
                (self.0.wish)(Wish::PowerOff { status: u8::try_from(code).unwrap_or(255).max(1) })
            }
            (0, RESET) => (self.0.wish)(Wish::Reset),
            _ => self.0.trace.guest_error(|| {
                format!(
                    "riscv.sifive.test: write of {value:#x} (size {size}) at offset {offset:#x}"
                )
            }),
        }
    }
}
