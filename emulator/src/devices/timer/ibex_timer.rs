//! `ibex-timer`: OpenTitan's timer (OpenTitan, "Timer Technical Specification", with the offsets that
//! QEMU keeps): a counter of 64 bits that runs while `CTRL.active` is set, and one that it is
//! compared with.
//!
//! Two outputs say that the time has come: one through `INTR_STATE` and `INTR_ENABLE`, for an
//! interrupt controller, and one as it is, for the hart's own timer interrupt.

use std::sync::{Arc, Weak};

use boardwright_devicetree::Node;
use qapi_runtime::{Object, QmpError};
use serde::{Deserialize, Serialize};

use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{Alarm, AlarmId, Line, Site, VirtualClock};
use crate::qapi::{DeviceOptionsDriver, IbexTimerProperties};

/// Offsets of the registers; that of CTRL is a property.
mod register {
    pub(super) const ALERT_TEST: u64 = 0x00;
    pub(super) const CFG0: u64 = 0x100;
    pub(super) const LOWER0: u64 = 0x104;
    pub(super) const UPPER0: u64 = 0x108;
    pub(super) const COMPARE_LOWER0: u64 = 0x10c;
    pub(super) const COMPARE_UPPER0: u64 = 0x110;
    pub(super) const INTR_ENABLE: u64 = 0x114;
    pub(super) const INTR_STATE: u64 = 0x118;
    pub(super) const INTR_TEST: u64 = 0x11c;
}

/// What device trees call it, in Zephyr's binding, and a property of our own: the registers moved.
const COMPATIBLE: &str = "lowrisc,machine-timer";
const CTRL_OFFSET: &str = "boardwright,ctrl-offset";
/// Size of the region.
const SIZE: u64 = 0x200;
/// `CTRL.active`, and the one timer's bit in the registers of interrupts.
const TIMER: u32 = 1;
/// `CFG0.prescale` and `CFG0.step`.
const CFG0: u32 = 0x00ff_0fff;
/// A step of one.
const CFG0_RESET: u32 = 0x1_0000;
const NANOSECONDS: u128 = 1_000_000_000;

impl Defaults for IbexTimerProperties {
    fn defaults() -> Self {
        Self { timebase_freq: Some(10_000), ctrl_offset: Some(4) }
    }
}

impl Driver for IbexTimerProperties {
    fn check(&self) -> Result<(), QmpError> {
        let all = self.clone().or(Self::defaults());
        if all.timebase_freq == Some(0) {
            return Err(QmpError::generic("Parameter 'timebase-freq' expects a number above 0"));
        }
        match all.ctrl_offset {
            Some(0 | 4) => Ok(()),
            other => Err(QmpError::generic(format!(
                "Parameter 'ctrl-offset' expects 0 or 4, not {}",
                other.unwrap_or_default()
            ))),
        }
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("timer", SIZE)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1), Port::outputs(1)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&[COMPATIBLE]),
            read: |node| {
                let timebase_freq = node.clock()?.or(Self::defaults().timebase_freq);
                let ctrl_offset = node.number(CTRL_OFFSET)?.or(Self::defaults().ctrl_offset);
                let options = Self { timebase_freq, ctrl_offset };
                Ok(node.device(DeviceOptionsDriver::IbexTimer(options)))
            },
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let all = self.clone().or(Self::defaults());
        let node = place
            .bus_node("timer", &[COMPATIBLE])?
            .with_u32("clock-frequency", all.timebase_freq.unwrap_or_default())
            .with_u32(CTRL_OFFSET, all.ctrl_offset.unwrap_or_default());
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let all = self.clone().or(Self::defaults());
        let timer = Arc::new_cyclic(|own: &Weak<Timer>| Timer {
            chip: Chip::new(State::default(), site.lines.clone()),
            ctrl: all.ctrl_offset.unwrap_or_default().into(),
            frequency: all.timebase_freq.unwrap_or(1).into(),
            clock: site.clock.clone(),
            alarm: site.clock.new_alarm(),
            own: own.clone(),
            block: site.block(),
        });
        Ok(Built::device(timer))
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    ctrl: u32,
    cfg: u32,
    compare: u64,
    enable: u32,
    pending: u32,
    /// What the counter had when it was last set, started or stopped.
    base: u64,
    /// Ticks of the clock then.
    since: u64,
    /// Ticks of the clock when the registers were last looked at.
    now: u64,
}

impl Default for State {
    fn default() -> Self {
        let (ctrl, enable, pending) = (0, 0, 0);
        let compare = u64::MAX;
        Self { ctrl, cfg: CFG0_RESET, compare, enable, pending, base: 0, since: 0, now: 0 }
    }
}

impl State {
    fn active(&self) -> bool {
        self.ctrl & TIMER != 0
    }

    fn value(&self) -> u64 {
        let gone = if self.active() { self.now.wrapping_sub(self.since) } else { 0 };
        self.base.wrapping_add(gone)
    }

    fn expired(&self) -> bool {
        self.active() && self.value() >= self.compare
    }

    /// Makes the present value the one to count on from.
    fn settle(&mut self) {
        self.base = self.value();
        self.since = self.now;
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        let levels = [self.pending & self.enable != 0, self.expired()];
        lines.iter().zip(levels).for_each(|(line, level)| line.set(level));
    }
}

struct Timer {
    chip: Chip<State>,
    ctrl: u64,
    /// Ticks a second.
    frequency: u128,
    clock: Arc<VirtualClock>,
    alarm: AlarmId,
    own: Weak<Self>,
    block: Block,
}

impl Timer {
    fn ticks(&self) -> u64 {
        (u128::from(self.clock.now()) * self.frequency / NANOSECONDS) as u64
    }

    /// Does something at the present time, and sets the alarm to when the counter arrives, under
    /// the chip's lock: an alarm that is computed before and set after would be an old one.
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.chip.with(|state| {
            state.now = self.ticks();
            let result = work(state);
            if state.expired() {
                state.pending |= TIMER;
            }
            let left = state.compare.checked_sub(state.value()).filter(|left| *left > 0);
            let due = left.filter(|_| state.active()).and_then(|left| {
                let at = u128::from(state.now.checked_add(left)?) * NANOSECONDS;
                u64::try_from(at.div_ceil(self.frequency)).ok()
            });
            let own: Weak<dyn Alarm> = self.own.clone();
            self.clock.set_alarm(self.alarm, due, own, 0);
            result
        })
    }
}

impl Alarm for Timer {
    fn ring(&self, _tag: u32) {
        self.with(|_| ());
    }
}

/// Replaces the low or the high half.
fn half(old: u64, high: bool, value: u32) -> u64 {
    let (shift, keep) = if high { (32, 0xffff_ffff) } else { (0, !0xffff_ffff) };
    old & keep | u64::from(value) << shift
}

impl Device for Timer {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn settle(&self) {
        self.with(|_| ());
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let value = self.with(|state| {
            Some(match offset {
                _ if size != 4 => return None,
                at if at == self.ctrl => state.ctrl,
                register::CFG0 => state.cfg,
                register::LOWER0 => state.value() as u32,
                register::UPPER0 => (state.value() >> 32) as u32,
                register::COMPARE_LOWER0 => state.compare as u32,
                register::COMPARE_UPPER0 => (state.compare >> 32) as u32,
                register::INTR_ENABLE => state.enable,
                register::INTR_STATE => state.pending,
                // These can only be written.
                register::ALERT_TEST | register::INTR_TEST => 0,
                _ => return None,
            })
        });
        if value.is_none() {
            self.block.unmodelled_read(offset, size);
        }
        value.unwrap_or(0).into()
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let written = value as u32;
        let known = self.with(|state| {
            match offset {
                _ if size != 4 => return false,
                at if at == self.ctrl => {
                    state.settle();
                    state.ctrl = written & TIMER;
                }
                register::CFG0 => state.cfg = written & CFG0,
                register::LOWER0 | register::UPPER0 => {
                    state.settle();
                    state.base = half(state.base, offset == register::UPPER0, written);
                }
                register::COMPARE_LOWER0 | register::COMPARE_UPPER0 => {
                    let high = offset == register::COMPARE_UPPER0;
                    state.compare = half(state.compare, high, written);
                }
                register::INTR_ENABLE => state.enable = written & TIMER,
                register::INTR_STATE => state.pending &= !written,
                register::INTR_TEST => state.pending |= written & TIMER,
                register::ALERT_TEST => {}
                _ => return false,
            }
            true
        });
        if !known {
            self.block.unmodelled_write(offset, size, value);
        }
    }

    fn reset(&self) {
        self.with(|state| *state = State { now: state.now, ..State::default() });
    }
}
