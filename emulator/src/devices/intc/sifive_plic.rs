//! `riscv.sifive.plic`: a platform-level interrupt controller (RISC-V PLIC specification 1.0.0)
//! whose register layout is set by properties.
//!
//! The priority register of source N stands at `priority-base + 4 * (N - 1)`: the layout of the
//! scripts of 2021 and 2022, which say 4 where the registers of source 1 stand at 4.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::{Object, QmpError};

use super::gateways::Gateways;
use super::nodes;
use crate::board::PortRef;
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Chip;
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, LineUse, Port, PortDirection, Region};
use crate::machine::Site;
use crate::machine::unmodelled::Block;
use crate::qapi::RiscvSifivePlicProperties;

/// The specification's limit, source 0 included.
const MAX_SOURCES: u32 = 1024;
/// The specification's limit.
const MAX_CONTEXTS: usize = 15872;
/// Bytes of one context's threshold and claim registers.
const CONTEXT_SIZE: u64 = 8;
/// The causes that contexts raise (privileged architecture, section 3.1.9).
const SUPERVISOR_EXTERNAL: u32 = 9;
const MACHINE_EXTERNAL: u32 = 11;
/// Output port, for wires.
const OUTPUTS: u32 = 1;

impl Defaults for RiscvSifivePlicProperties {
    fn defaults() -> Self {
        Self {
            hart_config: Some("M".into()),
            hartid_base: Some(0),
            num_sources: Some(54),
            num_priorities: Some(7),
            priority_base: Some(4),
            pending_base: Some(0x1000),
            enable_base: Some(0x2000),
            enable_stride: Some(0x80),
            context_base: Some(0x20_0000),
            context_stride: Some(0x1000),
            aperture_size: Some(0x400_0000),
        }
    }
}

/// The privilege level of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Machine,
    Supervisor,
}

/// The properties with their defaults, understood.
#[derive(Clone, Debug)]
struct Layout {
    /// Output line of each context: S contexts first, then M contexts, one a hart.
    contexts: Vec<u32>,
    harts: u32,
    sources: u32,
    max_priority: u32,
    priority: u64,
    pending: u64,
    enable: u64,
    enable_stride: u64,
    context: u64,
    context_stride: u64,
    size: u64,
}

/// `M,MS,MS`: the contexts of each hart.
fn parse_hart_config(text: &str) -> Option<Vec<Vec<Level>>> {
    text.split(',')
        .map(|hart| {
            let levels: Option<Vec<Level>> = hart
                .chars()
                .map(|letter| match letter {
                    'M' => Some(Level::Machine),
                    'S' => Some(Level::Supervisor),
                    _ => None,
                })
                .collect();
            let twice = |levels: &[Level]| levels.len() == 2 && levels[0] == levels[1];
            levels.filter(|levels| matches!(levels.len(), 1 | 2) && !twice(levels))
        })
        .collect()
}

impl RiscvSifivePlicProperties {
    fn layout(&self) -> Option<Layout> {
        let all = self.clone().or(Self::defaults());
        let config = parse_hart_config(&all.hart_config.unwrap_or_default())?;
        let harts = u32::try_from(config.len()).ok()?;
        let contexts = (0..harts)
            .zip(&config)
            .flat_map(|(hart, levels)| {
                levels.iter().map(move |level| match level {
                    Level::Supervisor => hart,
                    Level::Machine => harts + hart,
                })
            })
            .collect();
        // With one context there is no next one: its registers are where they are.
        let alone = config.iter().map(Vec::len).sum::<usize>() == 1;
        let sources = all.num_sources.unwrap_or_default();
        let stride = |given: Option<u32>, least: u64| {
            let given = u64::from(given.unwrap_or_default());
            if alone { given.max(least) } else { given }
        };
        Some(Layout {
            contexts,
            harts,
            sources,
            max_priority: all.num_priorities.unwrap_or_default(),
            priority: all.priority_base.unwrap_or_default().into(),
            pending: all.pending_base.unwrap_or_default().into(),
            enable: all.enable_base.unwrap_or_default().into(),
            enable_stride: stride(all.enable_stride, 4 * u64::from(sources.div_ceil(32))),
            context: all.context_base.unwrap_or_default().into(),
            context_stride: stride(all.context_stride, CONTEXT_SIZE),
            size: all.aperture_size.unwrap_or_default().into(),
        })
    }
}

impl Layout {
    /// First offset and size of each group of registers, for a check.
    fn groups(&self) -> [(&'static str, u64, u64); 4] {
        let contexts = self.contexts.len() as u64;
        let words = 4 * u64::from(self.sources.div_ceil(32));
        [
            ("priority-base", self.priority, 4 * u64::from(self.sources - 1)),
            ("pending-base", self.pending, words),
            ("enable-base", self.enable, self.enable_stride * (contexts - 1) + words),
            ("context-base", self.context, self.context_stride * (contexts - 1) + CONTEXT_SIZE),
        ]
    }

    fn decode(&self, offset: u64) -> Option<Register> {
        let within = |base: u64, size: u64| offset.checked_sub(base).filter(|at| *at < size);
        let [(_, priority, priorities), (_, pending, words), enables, contexts] = self.groups();
        if let Some(at) = within(priority, priorities) {
            return Some(Register::Priority(at as usize / 4 + 1));
        }
        if let Some(at) = within(pending, words) {
            return Some(Register::Pending(at as usize / 4));
        }
        if let Some(at) = within(enables.1, enables.2) {
            let stride = self.enable_stride.max(1);
            let word = at % stride;
            let known = word < words && self.contexts.len() as u64 > at / stride;
            return known.then_some(Register::Enable((at / stride) as usize, word as usize / 4));
        }
        let at = within(contexts.1, contexts.2)?;
        let stride = self.context_stride.max(1);
        let context = (at / stride) as usize;
        if context >= self.contexts.len() {
            return None;
        }
        match at % stride {
            0 => Some(Register::Threshold(context)),
            4 => Some(Register::Claim(context)),
            _ => None,
        }
    }
}

impl Driver for RiscvSifivePlicProperties {
    fn check(&self) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        let Some(layout) = self.layout() else {
            return error(format!(
                "Parameter 'hart-config' expects the contexts of each hart, M, S, MS or SM, harts separated by commas, not '{}'",
                self.hart_config.as_deref().unwrap_or_default()
            ));
        };
        if !(2..=MAX_SOURCES).contains(&layout.sources) {
            return error(format!(
                "Parameter 'num-sources' expects a number from 2 to {MAX_SOURCES} (source 0 does not exist), not {}",
                layout.sources
            ));
        }
        if layout.contexts.len() > MAX_CONTEXTS {
            return error(format!(
                "Parameter 'hart-config' expects at most {MAX_CONTEXTS} contexts"
            ));
        }
        if layout.max_priority == 0 {
            return error("Parameter 'num-priorities' expects a number above 0".into());
        }
        let words = 4 * u64::from(layout.sources.div_ceil(32));
        if layout.contexts.len() > 1 {
            if layout.enable_stride < words {
                return error(format!("Parameter 'enable-stride' expects at least {words:#x}"));
            }
            if layout.context_stride < CONTEXT_SIZE {
                return error(format!(
                    "Parameter 'context-stride' expects at least {CONTEXT_SIZE}"
                ));
            }
        }
        let groups = layout.groups();
        for (index, (name, base, size)) in groups.iter().enumerate() {
            if base % 4 != 0 {
                return error(format!("Parameter '{name}' expects a multiple of 4, not {base:#x}"));
            }
            if base + size > layout.size {
                return error(format!(
                    "Parameter 'aperture-size' expects at least {:#x} for the registers at '{name}'",
                    base + size
                ));
            }
            let clash = groups[..index]
                .iter()
                .find(|(_, other, len)| base < &(other + len) && *other < base + size);
            if let Some((other, ..)) = clash {
                return error(format!("Parameter '{name}' puts registers over those of '{other}'"));
            }
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("plic", self.layout().map_or(0, |layout| layout.size))]
    }

    fn ports(&self) -> Vec<Port> {
        let layout = self.layout();
        let count = |f: fn(&Layout) -> u32| layout.as_ref().map_or(0, f);
        vec![Port::inputs(count(|l| l.sources)), Port::outputs(count(|l| 2 * l.harts))]
    }

    fn line_use(&self, port: &Port, line: u32) -> LineUse {
        if port.direction == PortDirection::Input {
            // There is no source 0.
            return if line == 0 { LineUse::Nothing } else { LineUse::Request };
        }
        match self.layout() {
            Some(layout) if layout.contexts.contains(&line) => LineUse::Hart {
                hartid: u64::from(self.hartid_base.unwrap_or(0)) + u64::from(line % layout.harts),
                cause: if line < layout.harts { SUPERVISOR_EXTERNAL } else { MACHINE_EXTERNAL },
            },
            _ => LineUse::Nothing,
        }
    }

    fn interrupt_specifier(&self, input: u32) -> Option<Vec<u32>> {
        Some(vec![input])
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["riscv,plic0", "sifive,plic-1.0.0"]),
            read: nodes::read,
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        /// What the binding has for a context that leads nowhere.
        const NOWHERE: u32 = u32::MAX;
        let layout = self.layout()?;
        let target = |line: u32| {
            let device = place.device.name.clone();
            let output = PortRef { device, unit: 0, port: OUTPUTS, line };
            place.board.wired_to(&output).and_then(|input| place.specifier(input))
        };
        let cells = |line: &u32| target(*line);
        // A PLIC that leads nowhere is one all the same: others refer to it.
        let nowhere = layout.contexts.iter().find_map(cells).map(|hart| vec![hart[0], NOWHERE]);
        let contexts: Vec<u32> = layout
            .contexts
            .iter()
            .flat_map(|line| target(*line).or_else(|| nowhere.clone()).unwrap_or_default())
            .collect();
        let node = place.bus_node("plic", &["sifive,plic-1.0.0", "riscv,plic0"])?;
        Some(
            node.with_flag("interrupt-controller")
                .with_cells("#interrupt-cells", &[1])
                .with_cells("#address-cells", &[0])
                .with_cells("riscv,ndev", &[layout.sources - 1])
                .with_cells("riscv,max-priority", &[layout.max_priority])
                .with_cells("interrupts-extended", &contexts)
                .with_cells("phandle", &[place.phandle()]),
        )
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let layout = self
            .layout()
            .ok_or_else(|| QmpError::generic("Parameter 'hart-config' is malformed"))?;
        let outputs = layout.contexts.iter().copied().enumerate().collect();
        let state = Gateways::new(layout.sources, layout.contexts.len(), outputs);
        let chip = Chip::new(state, site.lines.clone());
        Ok(Built::device(Arc::new(Plic { layout, chip, block: site.block() })))
    }
}

/// A register, with its index.
enum Register {
    Priority(usize),
    Pending(usize),
    Enable(usize, usize),
    Threshold(usize),
    Claim(usize),
}

struct Plic {
    layout: Layout,
    chip: Chip<Gateways>,
    block: Block,
}

impl Device for Plic {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let register = self.layout.decode(offset).filter(|_| size == 4);
        let Some(register) = register else {
            self.block.unmodelled_read(offset, size);
            return 0;
        };
        let value = match register {
            // A read of this one register does something.
            Register::Claim(context) => self.chip.with(|state| state.claim(context)),
            Register::Priority(source) => {
                self.chip.peek(|state| state.priority.get(source).copied().unwrap_or(0))
            }
            Register::Pending(word) => self.chip.peek(|state| state.pending[word]),
            Register::Enable(context, word) => self.chip.peek(|state| state.enable[context][word]),
            Register::Threshold(context) => self.chip.peek(|state| state.threshold[context]),
        };
        value.into()
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let value = value as u32;
        let most = self.layout.max_priority;
        // Priorities hold as many bits as the highest needs; one beyond it is not taken.
        let legal = |old: u32| {
            let kept = value & (u32::MAX >> most.leading_zeros());
            if kept <= most { kept } else { old }
        };
        let Some(register) = self.layout.decode(offset).filter(|_| size == 4) else {
            self.block.unmodelled_write(offset, size, value.into());
            return;
        };
        let accepted = self.chip.with(|state| match register {
            Register::Priority(source) => state
                .priority
                .get_mut(source)
                .map(|priority| *priority = legal(*priority))
                .is_some(),
            Register::Enable(context, word) => {
                // Source 0 does not exist.
                let nobody = u32::from(word == 0);
                state.enable[context][word] = value & !nobody;
                true
            }
            Register::Threshold(context) => {
                state.threshold[context] = legal(state.threshold[context]);
                true
            }
            Register::Claim(context) => state.complete(context, value as usize),
            Register::Pending(_) => false,
        });
        if !accepted {
            self.block.trace().guest_error(|| {
                format!(
                    "riscv.sifive.plic: write of {value:#x} (size {size}) at {offset:#x} ignored"
                )
            });
        }
    }

    fn input(&self, _unit: u32, line: u32, level: bool) {
        let source = line as usize;
        self.chip.with(|state| state.set_level(source, level));
    }

    fn reset(&self) {
        self.chip.with(Gateways::reset);
    }
}
