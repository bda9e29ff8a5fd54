//! `ibex-plic`: OpenTitan's interrupt controller of 2020 and 2021 (OpenTitan, "Interrupt Controller
//! Technical Specification"): one context, its registers packed.
//!
//! Source N's priority register stands at `priority-base + 4 * (N - 1)`, as in QEMU 5.1 to 6.1.

use std::sync::Arc;

use qapi_runtime::{Object, QmpError};

use super::gateways::Gateways;
use crate::devices::chip::Chip;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port, Region};
use crate::machine::Site;
use crate::machine::unmodelled::Block;
use crate::qapi::IbexPlicProperties;

/// Size of the region, as QEMU has it.
const SIZE: u64 = 0x400;
/// The most sources that the region has room for.
const MAX_SOURCES: u32 = 255;
/// The most harts: as many as a board can have.
const MAX_HARTS: u32 = crate::board::MOST_HARTS;
/// The bits of a priority and of the threshold.
const PRIORITY: u32 = 7;

impl Defaults for IbexPlicProperties {
    fn defaults() -> Self {
        Self {
            num_cpus: Some(1),
            num_sources: Some(176),
            pending_base: Some(0),
            pending_num: Some(6),
            source_base: Some(0x18),
            source_num: Some(6),
            priority_base: Some(0x30),
            priority_num: Some(177),
            enable_base: Some(0x300),
            enable_num: Some(6),
            threshold_base: Some(0x318),
            claim_base: Some(0x31c),
        }
    }
}

/// A group of registers: the property that places it, its first offset, how many words.
#[derive(Clone, Copy)]
struct Group {
    property: &'static str,
    base: u64,
    words: u64,
    what: fn(usize) -> Register,
}

/// A register, with its index.
#[derive(Clone, Copy)]
enum Register {
    Pending(usize),
    Source,
    Priority(usize),
    Enable(usize),
    Threshold,
    Claim,
}

impl IbexPlicProperties {
    fn all(&self) -> Self {
        self.clone().or(Self::defaults())
    }

    fn groups(&self) -> [Group; 6] {
        let all = self.all();
        let group = |property, base: Option<u32>, words: Option<u32>, what| Group {
            property,
            base: base.unwrap_or_default().into(),
            words: words.unwrap_or_default().into(),
            what,
        };
        [
            group("pending-base", all.pending_base, all.pending_num, Register::Pending),
            group("source-base", all.source_base, all.source_num, |_| Register::Source),
            group("priority-base", all.priority_base, all.priority_num, Register::Priority),
            group("enable-base", all.enable_base, all.enable_num, Register::Enable),
            group("threshold-base", all.threshold_base, Some(1), |_| Register::Threshold),
            group("claim-base", all.claim_base, Some(1), |_| Register::Claim),
        ]
    }

    fn harts(&self) -> u32 {
        self.all().num_cpus.unwrap_or_default()
    }

    fn sources(&self) -> u32 {
        self.all().num_sources.unwrap_or_default()
    }
}

impl Driver for IbexPlicProperties {
    fn check(&self) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        if !(1..=MAX_HARTS).contains(&self.harts()) {
            return error(format!(
                "Parameter 'num-cpus' expects a number from 1 to {MAX_HARTS}, not {}",
                self.harts()
            ));
        }
        if !(2..=MAX_SOURCES).contains(&self.sources()) {
            return error(format!(
                "Parameter 'num-sources' expects a number from 2 to {MAX_SOURCES} (source 0 does not exist), not {}",
                self.sources()
            ));
        }
        let groups = self.groups();
        for (index, group) in groups.iter().enumerate() {
            let Group { property, base, words, .. } = *group;
            if base % 4 != 0 {
                return error(format!(
                    "Parameter '{property}' expects a multiple of 4, not {base:#x}"
                ));
            }
            if base + 4 * words > SIZE {
                return error(format!(
                    "Parameter '{property}' puts {words} registers beyond the region of {SIZE:#x} bytes"
                ));
            }
            let clash = groups[..index]
                .iter()
                .find(|other| base < other.base + 4 * other.words && other.base < base + 4 * words);
            if let Some(other) = clash {
                return error(format!(
                    "Parameter '{property}' puts registers over those of '{}'",
                    other.property
                ));
            }
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("plic", SIZE)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::inputs(self.sources()), Port::outputs(self.harts())]
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let outputs = (0..self.harts()).map(|hart| (0, hart)).collect();
        let state = Gateways::new(self.sources(), 1, outputs);
        Ok(Built::device(Arc::new(Plic {
            groups: self.groups(),
            chip: Chip::new(state, site.lines.clone()),
            block: site.block(),
        })))
    }
}

struct Plic {
    groups: [Group; 6],
    chip: Chip<Gateways>,
    block: Block,
}

impl Plic {
    fn decode(&self, offset: u64, size: u8) -> Option<Register> {
        let group = self
            .groups
            .iter()
            .find(|group| (group.base..group.base + 4 * group.words).contains(&offset))?;
        let index = usize::try_from((offset - group.base) / 4).ok()?;
        (size == 4 && offset.is_multiple_of(4)).then(|| (group.what)(index))
    }
}

impl Device for Plic {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let Some(register) = self.decode(offset, size) else {
            self.block.unmodelled_read(offset, size);
            return 0;
        };
        let word = |words: &[u32], index: usize| words.get(index).copied().unwrap_or(0);
        let value = match register {
            // A read of this one register does something.
            Register::Claim => self.chip.with(|state| state.claim(0)),
            Register::Pending(index) => self.chip.peek(|state| word(&state.pending, index)),
            Register::Source => 0,
            Register::Priority(index) => self.chip.peek(|state| word(&state.priority, index + 1)),
            Register::Enable(index) => self.chip.peek(|state| word(&state.enable[0], index)),
            Register::Threshold => self.chip.peek(|state| state.threshold[0]),
        };
        value.into()
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let Some(register) = self.decode(offset, size) else {
            self.block.unmodelled_write(offset, size, value);
            return;
        };
        let value = value as u32;
        self.chip.with(|state| match register {
            Register::Priority(index) => {
                if let Some(priority) = state.priority.get_mut(index + 1) {
                    *priority = value & PRIORITY;
                }
            }
            Register::Enable(index) => {
                if let Some(enable) = state.enable[0].get_mut(index) {
                    // Source 0 does not exist.
                    *enable = value & !u32::from(index == 0);
                }
            }
            Register::Threshold => state.threshold[0] = value & PRIORITY,
            Register::Claim => {
                state.complete(0, value as usize);
            }
            Register::Pending(_) | Register::Source => {}
        });
    }

    fn input(&self, _unit: u32, line: u32, level: bool) {
        self.chip.with(|state| state.set_level(line as usize, level));
    }

    fn reset(&self) {
        self.chip.with(Gateways::reset);
    }
}
