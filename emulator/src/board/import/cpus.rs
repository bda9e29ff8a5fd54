//! `/cpus`: harts. Equal harts with consecutive ids become one array.

use std::collections::BTreeSet;

use boardwright_devicetree::{NodeRef, TreeError};
use boardwright_riscv::Extension;
use qapi_runtime::QmpError;
use serde_json::json;

use super::{Import, Inputs, wrong};

/// Letters of an ISA string that stand for privilege modes in older trees, not for extensions.
const MODES: &[char] = &['s', 'u'];

/// The bases, which the type's name tells.
const BASES: [Extension; 2] = [Extension::I, Extension::E];
/// What was part of the base when many a tree was written.
const ONCE_BASE: [Extension; 3] = [Extension::Zicntr, Extension::Zicsr, Extension::Zifencei];

/// A hart as the tree describes it.
struct Cpu<'t> {
    node: NodeRef<'t>,
    hartid: u64,
    cpu_type: String,
}

impl<'t> Import<'t> {
    pub(super) fn cpus(&mut self) -> Result<(), QmpError> {
        let Some(cpus) = self.tree.find("/cpus") else {
            return Err(QmpError::generic(
                "Device tree: there is no node /cpus: a board needs a hart",
            ));
        };
        let resetvec = self.entry().map_err(wrong)?;
        let mut found = Vec::new();
        for node in cpus.children().filter(|node| node.node().base_name() == "cpu") {
            let hartid = node.local_reg().map_err(wrong)?.first().map_or(0, |reg| reg.address);
            let cpu_type = self.cpu_type(&node).map_err(wrong)?;
            found.push(Cpu { node, hartid, cpu_type });
        }
        if found.is_empty() {
            return Err(QmpError::generic(
                "Device tree: /cpus has no node cpu@N: a board needs a hart",
            ));
        }
        let wanted = self.options.smp.as_ref().and_then(|smp| smp.cpus);
        if let Some(wanted) = wanted.filter(|wanted| *wanted as usize != found.len()) {
            return Err(QmpError::generic(format!(
                "Device tree: /cpus has {} harts and the machine's smp.cpus (option -smp) is {wanted}: \
                 the harts of this machine come from its tree",
                found.len()
            )));
        }
        found.sort_by_key(|cpu| cpu.hartid);
        let arrays = found
            .chunk_by(|a, b| a.cpu_type == b.cpu_type && a.hartid.checked_add(1) == Some(b.hartid));
        for (index, array) in arrays.enumerate() {
            let id = if index == 0 { "cpus".to_string() } else { format!("cpus{index}") };
            let Some(first) = array.first() else { continue };
            let mut device = json!({
                "driver": "riscv.hart_array", "id": id, "cpu-type": first.cpu_type,
                "num-harts": array.len(), "hartid-base": first.hartid,
            });
            if let Some(resetvec) = resetvec {
                device["resetvec"] = resetvec.into();
            }
            self.command(&first.node, "device_add", device);
            for (unit, cpu) in array.iter().enumerate() {
                let controller = cpu.node.children().find(|node| node.has("#interrupt-cells"));
                if let Some(controller) = controller {
                    let inputs = Inputs { path: format!("{id}/harts[{unit}]"), count: 64 };
                    self.inputs.insert(controller.path(), inputs);
                    self.harts.insert(controller.path(), cpu.hartid);
                } else {
                    self.remark(
                        &cpu.node,
                        "no interrupt controller: its interrupts cannot be wired",
                    );
                }
            }
        }
        Ok(())
    }

    /// The type of a hart: the option -cpu if there is one, otherwise as `riscv,isa`,
    /// `mmu-type` and `riscv,pmpregions` say.
    fn cpu_type(&mut self, node: &NodeRef<'t>) -> Result<String, TreeError> {
        if let Some(cpu) = &self.options.cpu {
            return Ok(cpu.clone());
        }
        let (width, extensions) = isa(node)?;
        let present = present(&extensions);
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
            self.remark(
                node,
                &format!("extensions {} are not modelled: left out", unknown.join(", ")),
            );
        }
        match node.property("mmu-type").map(|mmu| mmu.str()).transpose()? {
            // A core that has no word on it has no supervisor mode, or so it seems.
            None if present.iter().any(|e| e.is_supervisor_level()) => text += ",u=on,s=on",
            None => text += ",u=on",
            Some(mmu) => match mmu.strip_prefix("riscv,") {
                Some("none") => text += ",s=on",
                Some(mode @ ("sv32" | "sv39" | "sv48" | "sv57")) => {
                    text += &format!(",s=on,{mode}=on");
                }
                _ => {
                    text += ",s=on,mmu=on";
                    self.remark(
                        node,
                        &format!("mmu-type '{mmu}' is not modelled: the usual one is used"),
                    );
                }
            },
        }
        match node.property("riscv,pmpregions") {
            Some(regions) => text += &format!(",num-pmp-regions={}", regions.u32()?),
            None => text += ",pmp=on",
        }
        Ok(text)
    }

    /// Where the harts start: `/chosen metal,entry`, unless firmware is given.
    fn entry(&self) -> Result<Option<u64>, TreeError> {
        if self.options.firmware.is_some() || self.options.kernel.is_some() {
            return Ok(None);
        }
        let Some(entry) =
            self.tree.find("/chosen").and_then(|chosen| chosen.property("metal,entry"))
        else {
            return Ok(None);
        };
        let cells = entry.u32s()?;
        let [phandle, offset @ ..] = cells.as_slice() else { return Ok(None) };
        let base = match self.phandles.get(*phandle) {
            Some(node) => node.reg()?.first().map_or(0, |region| region.address),
            None => return Ok(None),
        };
        let offset = offset.iter().fold(0_u64, |sum, cell| sum << 32 | u64::from(*cell));
        Ok(Some(base.wrapping_add(offset)))
    }
}

/// The extensions of some names that are modelled, with what they imply, in order.
fn present(names: &[String]) -> BTreeSet<Extension> {
    let named = names.iter().filter_map(|name| Extension::find(name));
    let mut new: Vec<Extension> = named.filter(|e| e.modelled()).chain(ONCE_BASE).collect();
    let mut present = BTreeSet::new();
    while let Some(extension) = new.pop() {
        if present.insert(extension) {
            new.extend(extension.needs());
        }
    }
    present
}

/// Width and extensions, from the newer properties or from the ISA string.
fn isa(node: &NodeRef<'_>) -> Result<(u32, Vec<String>), TreeError> {
    if let (Some(base), Some(extensions)) =
        (node.property("riscv,isa-base"), node.property("riscv,isa-extensions"))
    {
        let width = if base.str()?.starts_with("rv32") { 32 } else { 64 };
        return Ok((width, extensions.strings()?.into_iter().map(String::from).collect()));
    }
    let text = node.require("riscv,isa")?.str()?.to_ascii_lowercase();
    let width = if text.starts_with("rv32") { 32 } else { 64 };
    let letters = text.get(4..).unwrap_or_default();
    let mut parts = letters.split('_');
    let mut extensions: Vec<String> = Vec::new();
    for letter in parts.next().unwrap_or_default().chars().filter(|letter| !MODES.contains(letter))
    {
        match letter {
            'g' => extensions.extend(["i", "m", "a", "f", "d"].map(String::from)),
            other => extensions.push(other.into()),
        }
    }
    extensions.extend(parts.map(String::from));
    Ok((width, extensions))
}
