//! `/cpus`: harts and what they are made of (Linux, bindings/riscv/cpus.yaml).

use std::collections::BTreeSet;

use boardwright_devicetree::{NodeRef, Tree, TreeError};
use boardwright_riscv::{Extension, ExtensionSet, Xlen};
use qapi_runtime::QmpError;

use super::{Remark, isa, wrong};
use crate::qapi::{DeviceTreeProblem, MachineOptions};

/// The bases, which the type's name tells.
const BASES: [Extension; 2] = [Extension::I, Extension::E];
/// What was part of the base when many a tree was written.
const ONCE_BASE: [Extension; 3] = [Extension::Zicntr, Extension::Zicsr, Extension::Zifencei];
/// Block sizes and the CPU properties that they are.
const BLOCKS: [(&str, &str); 2] =
    [("riscv,cbom-block-size", "cbom_blocksize"), ("riscv,cboz-block-size", "cboz_blocksize")];

/// A hart as the tree describes it.
pub(in crate::board) struct Hart<'t> {
    /// Its node.
    pub(in crate::board) node: NodeRef<'t>,
    /// `mhartid`.
    pub(in crate::board) hartid: u64,
    /// What `cpu-type` of a hart array would say.
    pub(in crate::board) cpu_type: String,
    /// Its interrupt controller.
    pub(in crate::board) controller: Option<NodeRef<'t>>,
    /// What of it is not modelled.
    pub(in crate::board) remarks: Vec<Remark>,
}

/// The harts of a tree, sorted by id.
pub(super) fn read<'t>(
    tree: &'t Tree,
    options: &MachineOptions,
) -> Result<Vec<Hart<'t>>, QmpError> {
    let error = |text: String| Err(QmpError::generic(format!("Device tree: {text}")));
    let Some(cpus) = tree.find("/cpus") else {
        return error("there is no node /cpus: a board needs a hart".into());
    };
    let nodes = cpus.children().filter(|node| node.node().base_name() == "cpu");
    let mut harts =
        nodes.map(|node| hart(node, options)).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if harts.is_empty() {
        return error("/cpus has no node cpu@N: a board needs a hart".into());
    }
    let wanted = options.smp.as_ref().and_then(|smp| smp.cpus);
    if let Some(wanted) = wanted.filter(|wanted| *wanted as usize != harts.len()) {
        return error(format!(
            "/cpus has {} harts and the machine's smp.cpus (option -smp) is {wanted}: \
             the harts of this machine come from its tree",
            harts.len()
        ));
    }
    harts.sort_by_key(|hart| hart.hartid);
    Ok(harts)
}

fn hart<'t>(node: NodeRef<'t>, options: &MachineOptions) -> Result<Hart<'t>, TreeError> {
    let hartid = node.local_reg()?.first().map_or(0, |reg| reg.address);
    let controller = node.children().find(|child| child.has("#interrupt-cells"));
    let mut remarks = Vec::new();
    if controller.is_none() {
        let text = "no interrupt controller: its interrupts cannot be wired";
        remarks.push((DeviceTreeProblem::Hart, text.into()));
    }
    let cpu_type = match &options.cpu {
        Some(cpu) => cpu.clone(),
        None => cpu_type(&node, &mut remarks)?,
    };
    Ok(Hart { node, hartid, cpu_type, controller, remarks })
}

/// The type of a hart, as `riscv,isa`, `mmu-type` and `riscv,pmpregions` say.
fn cpu_type(node: &NodeRef<'_>, remarks: &mut Vec<Remark>) -> Result<String, TreeError> {
    let mut remark = |text: String| remarks.push((DeviceTreeProblem::Hart, text));
    let (width, extensions) = isa::read(node)?;
    let present = present(&extensions, &ONCE_BASE);
    let base = if present.contains(&Extension::E) { 'e' } else { 'i' };
    let mut text = format!("rv{width}{base}");
    for extension in present.iter().filter(|e| !BASES.contains(e)) {
        text += &format!(",{}=on", extension.name());
    }
    let unknown: Vec<&str> = extensions
        .iter()
        .map(String::as_str)
        .filter(|name| Extension::find(name).is_none_or(|extension| !extension.modelled()))
        .collect();
    if !unknown.is_empty() {
        remark(format!("extensions {} are not modelled: left out", unknown.join(", ")));
    }
    match node.property("mmu-type").map(|mmu| mmu.str()).transpose()? {
        // A core that has no word on it has no supervisor mode, or so it seems.
        None if present.iter().any(|e| e.is_supervisor_level()) => text += ",u=on,s=on",
        None => text += ",u=on",
        Some(mmu) => match mmu.strip_prefix("riscv,") {
            Some("none" | "sbare") => text += ",s=on",
            Some(mode @ ("sv32" | "sv39" | "sv48" | "sv57")) => {
                text += &format!(",s=on,{mode}=on");
            }
            _ => {
                text += ",s=on,mmu=on";
                remark(format!("mmu-type '{mmu}' is not modelled: the usual one is used"));
            }
        },
    }
    match node.property("riscv,pmpregions") {
        Some(regions) => text += &format!(",num-pmp-regions={}", regions.u32()?),
        None => text += ",pmp=on",
    }
    for (property, name) in BLOCKS {
        if let Some(size) = node.property(property) {
            text += &format!(",{name}={}", size.u32()?);
        }
    }
    Ok(text)
}

/// What a hart's node claims of the instruction set, for a comparison: the width, the extensions
/// that it names with what they imply, and all that one who reads it may believe to be there.
pub(in crate::board) fn claimed_extensions(
    node: &NodeRef<'_>,
) -> (u32, BTreeSet<String>, BTreeSet<String>) {
    let (width, names) = isa::read(node).unwrap_or((64, Vec::new()));
    let xlen = if width == 32 { Xlen::Rv32 } else { Xlen::Rv64 };
    let all = |more: &[Extension]| {
        let known: Vec<Extension> = present(&names, more).into_iter().collect();
        let known = ExtensionSet::of(&known).with_parts(xlen);
        let known = known.iter().map(|extension| extension.name().to_string());
        known.collect::<Vec<_>>().into_iter().chain(names.iter().cloned()).collect()
    };
    (width, all(&[]), all(&ONCE_BASE))
}

/// The extensions of some names that are modelled, and more, with what they imply, in order.
fn present(names: &[String], more: &[Extension]) -> BTreeSet<Extension> {
    let named = names.iter().filter_map(|name| Extension::find(name));
    let mut new: Vec<Extension> =
        named.filter(|e| e.modelled()).chain(more.iter().copied()).collect();
    let mut present = BTreeSet::new();
    while let Some(extension) = new.pop() {
        if present.insert(extension) {
            new.extend(extension.needs());
        }
    }
    present
}
