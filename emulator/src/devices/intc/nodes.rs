//! Device-tree nodes of a PLIC (Linux, bindings/interrupt-controller/sifive,plic-1.0.0): an entry of
//! `interrupts-extended` is a context, in the order of their registers.

use boardwright_devicetree::{Interrupt, TreeError};

use crate::devices::binding::{Described, Found, Part};
use crate::qapi::{DeviceOptionsDriver, RiscvSifivePlicProperties};

/// Supervisor and machine external interrupt (privileged architecture, section 3.1.9).
const SUPERVISOR_EXTERNAL: u32 = 9;
const MACHINE_EXTERNAL: u32 = 11;
/// A context that leads nowhere.
const NOWHERE: u32 = u32::MAX;

pub(super) fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let Some(region) = node.regions.first() else { return Ok(node.without_registers()) };
    let harts = harts(&node.interrupts);
    let levels: Vec<Vec<char>> = harts.iter().map(|hart| levels(hart)).collect();
    let config: Vec<String> = levels.iter().map(|hart| hart.iter().collect()).collect();
    let sources = node.node.require("riscv,ndev")?.u32()?.saturating_add(1);
    let plic = RiscvSifivePlicProperties {
        hart_config: Some(config.join(",")).filter(|config| !config.is_empty()),
        num_sources: Some(sources),
        num_priorities: node.number("riscv,max-priority")?,
        aperture_size: Some(u32::try_from(region.size).unwrap_or(u32::MAX)),
        hartid_base: None,
        priority_base: None,
        pending_base: None,
        enable_base: None,
        enable_stride: None,
        context_base: None,
        context_stride: None,
    };
    // Outputs: the S contexts of hart 0 to n-1, then their M contexts.
    let mut wires = Vec::new();
    let mut place = 0;
    for (index, (hart, levels)) in harts.iter().zip(&levels).enumerate() {
        for (context, level) in hart.iter().zip(levels) {
            let output = if *level == 'S' { index } else { harts.len() + index };
            if context.cells.first() != Some(&NOWHERE) {
                wires.push((format!("unnamed-gpio-out[{output}]"), place));
            }
            place += 1;
        }
    }
    let part =
        Part::new(DeviceOptionsDriver::RiscvSifivePlic(plic)).at(region.address).wired(wires);
    Ok(part.into())
}

/// The contexts of each hart: consecutive entries for one controller, two at most.
fn harts<'a, 't>(contexts: &'a [Interrupt<'t>]) -> Vec<&'a [Interrupt<'t>]> {
    contexts.chunk_by(|a, b| a.controller == b.controller).flat_map(|same| same.chunks(2)).collect()
}

/// The level of each context of a hart; one that leads nowhere is what the other is not.
fn levels(hart: &[Interrupt<'_>]) -> Vec<char> {
    let level = |context: &Interrupt<'_>| match context.cells.first() {
        Some(&MACHINE_EXTERNAL) => Some('M'),
        Some(&SUPERVISOR_EXTERNAL) => Some('S'),
        _ => None,
    };
    let mut free = vec!['S', 'M'];
    free.retain(|free| !hart.iter().any(|context| level(context) == Some(*free)));
    hart.iter().map(|context| level(context).or_else(|| free.pop()).unwrap_or('M')).collect()
}
