//! Device-tree nodes of machine timers and software interrupts: `clint0`, which is both, and the
//! nodes of the ACLINT, one a device. The harts are those that the interrupts go to.

use std::collections::BTreeSet;

use boardwright_devicetree::TreeError;

use crate::devices::binding::{Described, Found, Part};
use crate::qapi::{
    DeviceOptionsDriver, DeviceTreeProblem, RiscvAclintMtimerProperties, RiscvAclintSwiProperties,
    RiscvSifiveClintProperties,
};

/// Offset of the timer in a CLINT, after the software interrupts, and its end.
const CLINT_TIMER: u64 = 0x4000;
const CLINT_SIZE: u64 = 0xc000;
/// Machine software and machine timer interrupt (privileged architecture, section 3.1.9).
const MACHINE_SOFTWARE: u32 = 3;
const MACHINE_TIMER: u32 = 7;

/// The harts of a node: software finds a hart's register by its id, whatever the order of the
/// interrupts is.
struct Harts {
    base: u32,
    count: u32,
    /// Interrupts that lead to harts: index of the hart from the base, cause, place in the list.
    outputs: Vec<(u64, u32, usize)>,
    /// What there is to say about the others.
    found: Found,
}

impl Harts {
    fn of(node: &Described<'_, '_>) -> Self {
        let mut outputs = Vec::new();
        let mut found = Found::default();
        for (place, interrupt) in node.interrupts.iter().enumerate() {
            match (node.hartid(interrupt), interrupt.cells.first()) {
                (Some(hartid), Some(cause)) => outputs.push((hartid, *cause, place)),
                _ => {
                    let text = format!("'{}' is no hart: not wired", interrupt.controller.path());
                    found.remark(DeviceTreeProblem::Interrupt, text);
                }
            }
        }
        let ids = outputs.iter().map(|(hartid, ..)| *hartid);
        let (base, last) = (ids.clone().min().unwrap_or(0), ids.max().unwrap_or(0));
        outputs.iter_mut().for_each(|(hart, ..)| *hart -= base);
        // More harts than there are registers for is for the device to refuse.
        let count = u32::try_from(last - base).unwrap_or(u32::MAX).saturating_add(1);
        Self { base: u32::try_from(base).unwrap_or(u32::MAX), count, outputs, found }
    }

    /// Whether there are both interrupts of every hart, and no others.
    fn are_complete(&self) -> bool {
        let causes = [MACHINE_SOFTWARE, MACHINE_TIMER];
        let all = (0..u64::from(self.count)).flat_map(|hart| causes.map(|cause| (hart, cause)));
        let given: BTreeSet<_> =
            self.outputs.iter().map(|(hart, cause, _)| (*hart, *cause)).collect();
        given.len() == self.outputs.len() && all.eq(given)
    }

    /// The wires of the interrupts with this cause; the outputs begin with this one.
    fn wires(&self, wanted: u32, first: u32) -> impl Iterator<Item = (String, usize)> {
        self.outputs.iter().filter(move |(_, cause, _)| *cause == wanted).map(
            move |(hart, _, place)| {
                (format!("unnamed-gpio-out[{}]", u64::from(first) + hart), *place)
            },
        )
    }

    fn found(self, devices: Vec<Part>) -> Found {
        Found { devices, ..self.found }
    }
}

/// A CLINT leads to every hart that it has registers for; where the node says otherwise, it is an
/// ACLINT of two devices.
pub(super) fn clint(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let Some(region) = node.regions.first() else { return Ok(node.without_registers()) };
    let harts = Harts::of(node);
    if harts.are_complete() {
        let size = region.size.max(CLINT_SIZE);
        let clint = RiscvSifiveClintProperties {
            hartid_base: Some(harts.base),
            num_harts: Some(harts.count),
            sip_base: None,
            timecmp_base: None,
            time_base: None,
            aperture_size: Some(u32::try_from(size).unwrap_or(u32::MAX)),
            timebase_freq: node.timebase,
        };
        let first = harts.count;
        let part = Part::new(DeviceOptionsDriver::RiscvSifiveClint(clint))
            .at(region.address)
            .wired(harts.wires(MACHINE_TIMER, 0))
            .wired(harts.wires(MACHINE_SOFTWARE, first));
        return Ok(harts.found(vec![part]));
    }
    let timer_at = region.address.saturating_add(CLINT_TIMER);
    let swi = RiscvAclintSwiProperties {
        hartid_base: Some(harts.base),
        num_harts: Some(harts.count),
        sswi: None,
    };
    let timer = RiscvAclintMtimerProperties {
        hartid_base: Some(harts.base),
        num_harts: Some(harts.count),
        timebase_freq: node.timebase,
        timecmp_base: None,
        time_base: None,
        aperture_size: None,
    };
    let devices = vec![
        Part::new(DeviceOptionsDriver::RiscvAclintSwi(swi))
            .named(format!("swi@{:x}", region.address))
            .at(region.address)
            .wired(harts.wires(MACHINE_SOFTWARE, 0)),
        Part::new(DeviceOptionsDriver::RiscvAclintMtimer(timer))
            .named(format!("mtimer@{timer_at:x}"))
            .at(timer_at)
            .wired(harts.wires(MACHINE_TIMER, 0)),
    ];
    Ok(harts.found(devices))
}

/// `riscv,aclint-mswi` and `riscv,aclint-sswi`, which raise the cause given.
pub(super) fn swi(node: &Described<'_, '_>, cause: u32, sswi: u32) -> Result<Found, TreeError> {
    let Some(region) = node.regions.first() else { return Ok(node.without_registers()) };
    let harts = Harts::of(node);
    let swi = RiscvAclintSwiProperties {
        hartid_base: Some(harts.base),
        num_harts: Some(harts.count),
        sswi: Some(sswi),
    };
    let part = Part::new(DeviceOptionsDriver::RiscvAclintSwi(swi))
        .at(region.address)
        .wired(harts.wires(cause, 0));
    Ok(harts.found(vec![part]))
}

/// `riscv,aclint-mtimer`: `mtime` first, then the compare registers.
pub(super) fn mtimer(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let [time, compare, ..] = node.regions.as_slice() else { return Ok(node.without_registers()) };
    let harts = Harts::of(node);
    let base = time.address.min(compare.address);
    let end = |region: &boardwright_devicetree::Region| {
        region.address.saturating_add(region.size).saturating_sub(base)
    };
    let narrow = |offset: u64| Some(u32::try_from(offset).unwrap_or(u32::MAX));
    let timer = RiscvAclintMtimerProperties {
        hartid_base: Some(harts.base),
        num_harts: Some(harts.count),
        timebase_freq: node.timebase,
        timecmp_base: narrow(compare.address - base),
        time_base: narrow(time.address - base),
        aperture_size: narrow(end(time).max(end(compare))),
    };
    let part = Part::new(DeviceOptionsDriver::RiscvAclintMtimer(timer))
        .at(base)
        .wired(harts.wires(MACHINE_TIMER, 0));
    Ok(harts.found(vec![part]))
}
