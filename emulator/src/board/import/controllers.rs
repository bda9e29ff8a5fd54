//! CLINT and PLIC: their registers, and which hart each of their outputs goes to.

use boardwright_devicetree::{Interrupt, NodeRef, TreeError};
use serde_json::json;

use super::{Import, Wires};

/// Causes of the privileged architecture: machine and supervisor external interrupt.
const MACHINE_EXTERNAL: u32 = 11;
const SUPERVISOR_EXTERNAL: u32 = 9;
/// A context that leads nowhere.
const NOWHERE: u32 = u32::MAX;
/// The CLINT: software interrupts, then at this offset the timer.
const CLINT_TIMER: u64 = 0x4000;

impl<'t> Import<'t> {
    /// A CLINT is an ACLINT of two devices.
    pub(super) fn clint(
        &mut self,
        node: &NodeRef<'t>,
        addr: u64,
    ) -> Result<Option<Wires>, TreeError> {
        // Software indexes the registers by hart id, whatever the order of the list is.
        let ids = self.clint_harts(node)?;
        let first = ids.iter().flatten().min().copied().unwrap_or(0);
        let last = ids.iter().flatten().max().copied().unwrap_or(first);
        let harts = (last - first).saturating_add(1);
        let timer_at = addr.saturating_add(CLINT_TIMER);
        let (swi, mtimer) = (format!("swi@{addr:x}"), format!("mtimer@{timer_at:x}"));
        let timebase = ["/cpus", "/cpus/cpu@0"]
            .iter()
            .find_map(|path| self.tree.find(path)?.property("timebase-frequency"));
        let mut timer = json!({ "driver": "riscv.aclint.mtimer", "id": mtimer, "num-harts": harts, "hartid-base": first });
        if let Some(timebase) = timebase {
            timer["timebase-freq"] = timebase.u32()?.into();
        }
        self.command(
            "device_add",
            json!({ "driver": "riscv.aclint.swi", "id": swi, "num-harts": harts, "hartid-base": first }),
        );
        self.command("device_add", timer);
        self.map(&swi, addr);
        self.map(&mtimer, timer_at);
        Ok(Some(Wires::Clint(swi, mtimer)))
    }

    /// The hart id of each pair of interrupts; `None` where it leads to no hart.
    fn clint_harts(&self, node: &NodeRef<'t>) -> Result<Vec<Option<u64>>, TreeError> {
        let id = |pair: &[Interrupt<'t>]| {
            let hart = self.harts.get(&pair.first()?.controller.path())?;
            Some(hart.hartid)
        };
        Ok(node.interrupts()?.chunks(2).map(id).collect())
    }

    pub(super) fn wire_clint(
        &mut self,
        node: &NodeRef<'t>,
        swi: &str,
        mtimer: &str,
    ) -> Result<(), TreeError> {
        let interrupts = node.interrupts()?;
        let ids = self.clint_harts(node)?;
        let first = ids.iter().flatten().min().copied().unwrap_or(0);
        for (pair, id) in interrupts.chunks(2).zip(ids) {
            let index = id.map_or(0, |id| id - first);
            for (interrupt, device) in pair.iter().zip([swi, mtimer]) {
                let controller = interrupt.controller.path();
                match self.input(&controller, &interrupt.cells) {
                    Some(input) => {
                        self.connect(device, &format!("unnamed-gpio-out[{index}]"), &input)
                    }
                    None => self.remark(node, &format!("'{controller}' is no hart: not wired")),
                }
            }
        }
        Ok(())
    }

    pub(super) fn plic(
        &mut self,
        node: &NodeRef<'t>,
        addr: u64,
        size: u64,
    ) -> Result<Option<Wires>, TreeError> {
        let name = self.id(node);
        let contexts = node.interrupts()?;
        let config: Vec<String> =
            harts(&contexts).iter().map(|hart| levels(hart).iter().collect()).collect();
        let mut plic = json!({
            "driver": "riscv.sifive.plic", "id": name,
            "num-sources": node.require("riscv,ndev")?.u32()?.saturating_add(1),
            "aperture-size": size,
        });
        if !config.is_empty() {
            plic["hart-config"] = config.join(",").into();
        }
        if let Some(most) = node.property("riscv,max-priority") {
            plic["num-priorities"] = most.u32()?.into();
        }
        self.command("device_add", plic);
        self.map(&name, addr);
        self.inputs.insert(node.path(), name.clone());
        Ok(Some(Wires::Plic(name)))
    }

    /// Outputs: S contexts of hart 0 to n-1, then their M contexts.
    pub(super) fn wire_plic(&mut self, node: &NodeRef<'t>, plic: &str) -> Result<(), TreeError> {
        let contexts = node.interrupts()?;
        let harts = harts(&contexts);
        for (index, hart) in harts.iter().enumerate() {
            for (context, level) in hart.iter().zip(levels(hart)) {
                let cause = context.cells.first().copied().unwrap_or(NOWHERE);
                if cause == NOWHERE {
                    continue;
                }
                let output = if level == 'S' { index } else { harts.len() + index };
                let controller = context.controller.path();
                match self.input(&controller, &context.cells) {
                    Some(input) => {
                        self.connect(plic, &format!("unnamed-gpio-out[{output}]"), &input)
                    }
                    None => {
                        self.remark(node, &format!("'{controller}' is no hart: context not wired"))
                    }
                }
            }
        }
        Ok(())
    }
}

/// The contexts of each hart: consecutive entries for one controller, two at most.
fn harts<'a, 't>(contexts: &'a [Interrupt<'t>]) -> Vec<&'a [Interrupt<'t>]> {
    contexts
        .chunk_by(|a, b| a.controller.path() == b.controller.path())
        .flat_map(|same| same.chunks(2))
        .collect()
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
