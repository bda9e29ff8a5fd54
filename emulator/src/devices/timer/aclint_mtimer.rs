//! `riscv.aclint.mtimer`: the machine timer (RISC-V ACLINT specification 1.0, chapter 2): `mtime`
//! counts, and a hart's output is high while `mtime >= mtimecmp`.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use boardwright_devicetree::Node;
use qapi_runtime::{Object, QmpError};
use serde::{Deserialize, Serialize};

use super::nodes;
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, LineUse, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{Alarm, AlarmId, Line, Site, TimeSource, VirtualClock};
use crate::qapi::RiscvAclintMtimerProperties;

const MAX_HARTS: u32 = 4095;
/// The cause that it raises.
const MACHINE_TIMER: u32 = 7;
const NANOSECONDS: u128 = 1_000_000_000;

impl Defaults for RiscvAclintMtimerProperties {
    fn defaults() -> Self {
        Self {
            hartid_base: Some(0),
            num_harts: Some(1),
            timecmp_base: Some(0),
            time_base: Some(0x7ff8),
            aperture_size: Some(0x8000),
            timebase_freq: Some(10_000_000),
        }
    }
}

/// The properties with their defaults.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) harts: u32,
    pub(super) timecmp: u64,
    pub(super) time: u64,
    pub(super) size: u64,
    pub(super) frequency: u32,
}

impl RiscvAclintMtimerProperties {
    fn layout(&self) -> Layout {
        let all = self.clone().or(Self::defaults());
        Layout {
            harts: all.num_harts.unwrap_or_default(),
            timecmp: all.timecmp_base.unwrap_or_default().into(),
            time: all.time_base.unwrap_or_default().into(),
            size: all.aperture_size.unwrap_or_default().into(),
            frequency: all.timebase_freq.unwrap_or_default(),
        }
    }
}

impl Layout {
    /// Refuses registers that lie outside the region or in each other.
    pub(super) fn check(&self) -> Result<(), QmpError> {
        let layout = self;
        check_harts(layout.harts, MAX_HARTS)?;
        if layout.frequency == 0 {
            return Err(QmpError::generic("Parameter 'timebase-freq' expects a number above 0"));
        }
        for (name, base) in [("timecmp-base", layout.timecmp), ("time-base", layout.time)] {
            if base % 8 != 0 {
                return Err(QmpError::generic(format!(
                    "Parameter '{name}' expects a multiple of 8, not {base:#x}"
                )));
            }
        }
        let compares = layout.timecmp..layout.timecmp + 8 * u64::from(layout.harts);
        if compares.end > layout.size || layout.time + 8 > layout.size {
            return Err(QmpError::generic(format!(
                "Parameter 'aperture-size' expects a size that holds mtime at {:#x} and {} mtimecmp at {:#x}",
                layout.time, layout.harts, layout.timecmp
            )));
        }
        if layout.time < compares.end && compares.start < layout.time + 8 {
            return Err(QmpError::generic(
                "Parameter 'time-base' expects an offset that is not among the mtimecmp registers",
            ));
        }
        Ok(())
    }
}

/// Refuses a number of harts that the specification has no registers for.
pub(super) fn check_harts(harts: u32, most: u32) -> Result<(), QmpError> {
    if (1..=most).contains(&harts) {
        return Ok(());
    }
    Err(QmpError::generic(format!(
        "Parameter 'num-harts' expects a number from 1 to {most}, not {harts}"
    )))
}

impl Driver for RiscvAclintMtimerProperties {
    fn check(&self) -> Result<(), QmpError> {
        self.layout().check()
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("mtimer", self.layout().size)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::outputs(self.layout().harts)]
    }

    fn line_use(&self, _port: &Port, line: u32) -> LineUse {
        let hartid = u64::from(self.hartid_base.unwrap_or(0)) + u64::from(line);
        LineUse::Hart { hartid, cause: MACHINE_TIMER }
    }

    fn timebase(&self) -> Option<u32> {
        Some(self.layout().frequency)
    }

    fn bindings() -> &'static [Binding] {
        &[Binding { nodes: Nodes::Compatible(&["riscv,aclint-mtimer"]), read: nodes::mtimer }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let layout = self.layout();
        let (addr, _) = place.region(0)?;
        // The binding wants mtime first, then the compare registers; each goes on to where the
        // other begins, or to the end.
        let reach = |from: u64, other: u64| {
            if from < other { other - from } else { layout.size - from }
        };
        let (time, compare) = (layout.time, layout.timecmp);
        let reg = [addr + time, reach(time, compare), addr + compare, reach(compare, time)];
        let node = Node::new(format!("mtimer@{:x}", addr + time))
            .with_strings("compatible", &["riscv,aclint-mtimer"])
            .with_u64s("reg", &reg);
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let lines = site.lines.clone();
        Ok(Built::device(Timer::new(self.layout(), &site.clock, lines, site.block())))
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    compare: Vec<u64>,
    /// What is added to the ticks of the clock, so that `mtime` can be written.
    offset: u64,
    /// `mtime` when the registers were last looked at.
    now: u64,
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        for (line, compare) in lines.iter().zip(&self.compare) {
            line.set(self.now >= *compare);
        }
    }
}

pub(super) struct Timer {
    chip: Chip<State>,
    layout: Layout,
    clock: Arc<VirtualClock>,
    alarms: Vec<AlarmId>,
    own: Weak<Self>,
    /// Who compares with the time too.
    followers: Mutex<Vec<Weak<dyn Alarm>>>,
    block: Block,
}

/// A register of the timer.
enum Register {
    Compare(usize),
    Time,
}

impl Timer {
    /// A timer that drives a line a hart.
    pub(super) fn new(
        layout: Layout,
        clock: &Arc<VirtualClock>,
        lines: Vec<Line>,
        block: Block,
    ) -> Arc<Self> {
        let state = State { compare: vec![u64::MAX; layout.harts as usize], offset: 0, now: 0 };
        let alarms = (0..layout.harts).map(|_| clock.new_alarm()).collect();
        Arc::new_cyclic(|own: &Weak<Self>| Self {
            chip: Chip::new(state, lines),
            layout,
            clock: clock.clone(),
            alarms,
            own: own.clone(),
            followers: Mutex::default(),
            block,
        })
    }

    fn clock_ticks(&self) -> u64 {
        let ticks = u128::from(self.clock.now()) * u128::from(self.layout.frequency) / NANOSECONDS;
        // 64 bits of ticks wrap as mtime does.
        ticks as u64
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.chip.with(|state| {
            let result = work(state);
            state.now = self.clock_ticks().wrapping_add(state.offset);
            result
        })
    }

    fn decode(&self, offset: u64) -> Option<(Register, u64)> {
        let compares = 8 * u64::from(self.layout.harts);
        if let Some(at) = offset.checked_sub(self.layout.timecmp).filter(|at| *at < compares) {
            return Some((Register::Compare((at / 8) as usize), at % 8));
        }
        let at = offset.checked_sub(self.layout.time).filter(|at| *at < 8)?;
        Some((Register::Time, at))
    }

    /// The guest time in nanoseconds at which `mtime` will be `ticks`.
    fn due(&self, state: &State, ticks: u64) -> Option<u64> {
        let clock = self.clock_ticks();
        let now = clock.wrapping_add(state.offset);
        let left = ticks.checked_sub(now).filter(|left| *left > 0)?;
        // By the clock's ticks, so that it is the same whenever it is asked.
        let ticks = u128::from(clock) + u128::from(left);
        u64::try_from((ticks * NANOSECONDS).div_ceil(self.layout.frequency.into())).ok()
    }

    /// `mtime` has been set anew.
    fn rearm_all(&self) {
        (0..self.alarms.len()).for_each(|hart| self.rearm(hart));
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        followers.iter().filter_map(Weak::upgrade).for_each(|follower| follower.ring(0));
    }

    /// Sets the alarm of a hart to the moment at which its output rises. The chip's lock is held
    /// meanwhile: an alarm that is computed before the guest writes and set after would undo the
    /// guest's.
    fn rearm(&self, hart: usize) {
        let Some(alarm) = self.alarms.get(hart) else { return };
        self.with(|state| {
            let due = state.compare.get(hart).and_then(|compare| self.due(state, *compare));
            let own: Weak<dyn Alarm> = self.own.clone();
            self.clock.set_alarm(*alarm, due, own, u32::try_from(hart).unwrap_or(u32::MAX));
        });
    }
}

impl Alarm for Timer {
    fn ring(&self, hart: u32) {
        // The clock's rounding may ring a tick early: look, and wait again if so.
        self.rearm(hart as usize);
    }
}

impl TimeSource for Timer {
    fn ticks(&self) -> u64 {
        self.chip.peek(|state| self.clock_ticks().wrapping_add(state.offset))
    }

    fn when(&self, ticks: u64) -> Option<u64> {
        self.chip.peek(|state| self.due(state, ticks))
    }

    fn on_change(&self, follower: Weak<dyn Alarm>) {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner).push(follower);
    }
}

/// Replaces `size` bytes at byte `at` of a 64-bit register.
fn merge(old: u64, at: u64, size: u8, value: u64) -> u64 {
    let shift = at * 8;
    let mask = if size >= 8 { u64::MAX } else { ((1 << (8 * u32::from(size))) - 1) << shift };
    old & !mask | (value << shift) & mask
}

impl Device for Timer {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn settle(&self) {
        self.rearm_all();
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        match self.decode(offset).filter(|_| size >= 4) {
            Some((Register::Compare(hart), at)) => {
                self.chip.peek(|state| state.compare.get(hart).copied().unwrap_or(0)) >> (8 * at)
            }
            Some((Register::Time, at)) => self.ticks() >> (8 * at),
            None => {
                self.block.unmodelled_read(offset, size);
                0
            }
        }
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        match self.decode(offset).filter(|_| size >= 4) {
            Some((Register::Compare(hart), at)) => {
                self.with(|state| {
                    if let Some(compare) = state.compare.get_mut(hart) {
                        *compare = merge(*compare, at, size, value);
                    }
                });
                self.rearm(hart);
            }
            Some((Register::Time, at)) => {
                self.with(|state| {
                    let ticks = self.clock_ticks();
                    let time = merge(ticks.wrapping_add(state.offset), at, size, value);
                    state.offset = time.wrapping_sub(ticks);
                });
                self.rearm_all();
            }
            None => self.block.unmodelled_write(offset, size, value),
        }
    }

    fn reset(&self) {
        self.with(|state| {
            state.compare.fill(u64::MAX);
            state.offset = 0u64.wrapping_sub(self.clock_ticks());
        });
        self.rearm_all();
    }

    fn time_source(&self) -> Option<Arc<dyn TimeSource>> {
        self.own.upgrade().map(|own| own as Arc<dyn TimeSource>)
    }
}
