//! Harts: how many, and what each of them is said to have.

use std::collections::{BTreeMap, BTreeSet};

use boardwright_riscv::{CpuModel, Extension};

use super::Differences;
use crate::board::import::{Hart, Reading, claimed_extensions};
use crate::board::{Board, Device};
use crate::devices::node::{Phandles, Place};
use crate::qapi::{DeviceTreeDisagreement, DeviceTreeSide};

/// Properties of a hart's node that mean the same wherever they stand. What a tree does not say, it
/// does not claim.
const COMPARED: &[&str] =
    &["mmu-type", "riscv,pmpregions", "riscv,cbom-block-size", "riscv,cboz-block-size"];

pub(super) fn compare(all: &mut Differences, reading: &Reading<'_>, board: &Board) {
    let mut there: BTreeMap<u64, (std::sync::Arc<Device>, u32)> = BTreeMap::new();
    for (device, unit) in board.harts() {
        let first = device.driver().units().map_or(0, |units| units.first_hartid);
        there.insert(first + u64::from(unit), (device, unit));
    }
    let phandles = Phandles::new(board);
    for hart in &reading.harts {
        let node = Some(hart.node.path());
        match there.remove(&hart.hartid) {
            None => all.push(DeviceTreeDisagreement::Hart, DeviceTreeSide::Tree, |found| {
                found.node = node;
                found.text = format!("hart {} is not on the board", hart.hartid);
            }),
            Some((device, unit)) => one(all, hart, board, &device, unit, &phandles),
        }
    }
    for (hartid, (device, unit)) in there {
        all.push(DeviceTreeDisagreement::Hart, DeviceTreeSide::Board, |found| {
            found.device = Some(path(&device, unit));
            found.text = format!("hart {hartid} is not in the tree");
        });
    }
}

fn path(device: &Device, unit: u32) -> String {
    let name = device.driver().units().map_or("", |units| units.names[0]);
    format!("{}/{name}[{unit}]", device.path())
}

fn one(
    all: &mut Differences,
    hart: &Hart<'_>,
    board: &Board,
    device: &Device,
    unit: u32,
    phandles: &Phandles,
) {
    let Some(cpu) = crate::devices::cpu::of_units(&device.options) else { return };
    let mut push = |kind, side, text| {
        all.push(kind, side, |found| {
            found.node = Some(hart.node.path());
            found.device = Some(path(device, unit));
            found.text = text;
        });
    };
    let (width, claimed, implied) = claimed_extensions(&hart.node);
    if width != cpu.xlen.bits() {
        let text =
            format!("the hart is RV{width} in the tree and RV{} on the board", cpu.xlen.bits());
        push(DeviceTreeDisagreement::Isa, DeviceTreeSide::Both, text);
    }
    let has = |cpu: &CpuModel, name: &str| {
        Extension::find(name).is_some_and(|extension| cpu.extensions.has(extension))
    };
    let missing: Vec<&str> =
        claimed.iter().map(String::as_str).filter(|name| !has(&cpu, name)).collect();
    if !missing.is_empty() {
        let text = format!("extensions {} are not on the board", missing.join(", "));
        push(DeviceTreeDisagreement::Isa, DeviceTreeSide::Tree, text);
    }
    let said: BTreeSet<&str> = implied.iter().map(String::as_str).collect();
    let unsaid: Vec<&str> =
        cpu.isa_extensions().into_iter().filter(|name| !said.contains(name)).collect();
    if !unsaid.is_empty() {
        let text = format!("extensions {} are not in the tree", unsaid.join(", "));
        push(DeviceTreeDisagreement::Isa, DeviceTreeSide::Board, text);
    }
    let Some(node) = device.driver().unit_node(&Place::new(board, device, phandles), unit) else {
        return;
    };
    for name in COMPARED {
        let (Some(claimed), there) = (hart.node.node().get(name), node.get(name)) else { continue };
        if Some(claimed) != there {
            let there = there.map_or_else(|| "not there".into(), show);
            let text =
                format!("'{name}' is {} in the tree and {there} on the board", show(claimed));
            push(DeviceTreeDisagreement::HartProperty, DeviceTreeSide::Both, text);
        }
    }
}

/// A property's value for people: a text or a number.
fn show(bytes: &[u8]) -> String {
    match (bytes, std::str::from_utf8(bytes)) {
        (&[a, b, c, d], _) => u32::from_be_bytes([a, b, c, d]).to_string(),
        (_, Ok(text)) => format!("'{}'", text.trim_end_matches('\0')),
        _ => format!("{bytes:02x?}"),
    }
}
