//! `sifive-pwm`: SiFive's pulse-width modulator (FE310-G002 manual, chapter 16; the FU540-C000's is
//! the same): a counter and four comparators, each with an output and an interrupt.
//!
//! The comparators look at `pwms`, which is `pwmcount` without its lowest `scale` bits. What happens
//! between two looks at the registers is computed, not counted; outputs that change more often than
//! [`RESOLUTION`] are seen as they are at these times.

use bitfield_struct::bitfield;
use boardwright_devicetree::Node;
use qapi_runtime::{Object, QmpError};
use serde::{Deserialize, Serialize};

use super::counter::Counter;
use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Port, Region};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, SifivePwmProperties};

/// How many comparators there are.
const COMPARATORS: usize = 4;
/// Bits of `pwmcount` beyond those that the comparators see at scale 0.
const SCALES: u32 = 15;
/// The least time between two changes of the outputs by themselves, in nanoseconds.
const RESOLUTION: u64 = 10_000;

registers! {
    /// Section 16.2.
    enum Register {
        Config = 0x00,
        Count = 0x08,
        Scaled = 0x10,
        Compare[4] = 0x20,
    }
}

/// `pwmcfg` (section 16.5).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Config {
    #[bits(4)]
    scale: u32,
    #[bits(4)]
    __: u8,
    /// Interrupts stay until software takes them back.
    sticky: bool,
    /// The counter begins anew after it has reached `pwmcmp0`.
    zerocmp: bool,
    /// Comparators do not fall before the counter begins anew.
    deglitch: bool,
    __: bool,
    enalways: bool,
    enoneshot: bool,
    #[bits(2)]
    __: u8,
    /// A bit a comparator: it is of the middle of a cycle.
    #[bits(4)]
    center: u32,
    #[bits(4)]
    __: u8,
    /// A bit a comparator: its output falls when the next one's rises.
    #[bits(4)]
    gang: u32,
    /// A bit a comparator: interrupt pending.
    #[bits(4)]
    ip: u32,
}

impl Defaults for SifivePwmProperties {
    fn defaults() -> Self {
        Self { clock_frequency: Some(500_000_000), cmp_width: Some(16) }
    }
}

impl Driver for SifivePwmProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.clock_frequency == Some(0) {
            return Err(QmpError::generic("Parameter 'clock-frequency' expects a number above 0"));
        }
        match self.cmp_width {
            Some(width) if !(1..=16).contains(&width) => Err(QmpError::generic(format!(
                "Parameter 'cmp-width' expects a number from 1 to 16, not {width}"
            ))),
            _ => Ok(()),
        }
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("pwm", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(COMPARATORS as u32), Port::outputs(COMPARATORS as u32)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,pwm0", "sifive,fu540-c000-pwm"]),
            read: |node| {
                let width = node.number("sifive,comparator-widthbits")?;
                let cmp_width = width.and_then(|width| u8::try_from(width).ok());
                let clock_frequency = node.number("clock-frequency")?.map(u64::from);
                let options = Self { cmp_width, clock_frequency }.or(Self::defaults());
                Ok(node.device(DeviceOptionsDriver::SifivePwm(options)))
            },
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let all = self.clone().or(Self::defaults());
        let width = all.cmp_width.unwrap_or_default();
        let mut node = place
            .bus_node("pwm", &["sifive,pwm0"])?
            .with_u32("#pwm-cells", 3)
            .with_u32("sifive,comparator-widthbits", width.into());
        // Bindings say it by a clock's node; who has none says it itself.
        if let Ok(frequency) = u32::try_from(all.clock_frequency.unwrap_or_default()) {
            node = node.with_u32("clock-frequency", frequency);
        }
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let all = self.clone().or(Self::defaults());
        let pwm = Pwm::new(
            all.clock_frequency.unwrap_or_default(),
            all.cmp_width.unwrap_or_default().into(),
        );
        Ok(Built::device(Bank::new(pwm, site)))
    }
}

#[derive(Serialize, Deserialize)]
struct Pwm {
    config: Config,
    counter: Counter,
    /// `pwmcount` when the comparators were last looked at.
    seen: u64,
    compare: [u32; COMPARATORS],
    /// The comparators' outputs.
    high: u32,
    /// Bits of `pwms` and the compare registers.
    width: u32,
    now: u64,
}

impl Pwm {
    fn new(frequency: u64, width: u32) -> Self {
        let mut pwm = Self {
            config: Config::new(),
            counter: Counter::new(frequency),
            seen: 0,
            compare: [0; COMPARATORS],
            high: 0,
            width,
            now: 0,
        };
        pwm.reset();
        pwm
    }

    /// All ones of `pwms`.
    fn mask(&self) -> u32 {
        (1 << self.width) - 1
    }

    /// What the comparators see at a count.
    fn scaled(&self, count: u64) -> u32 {
        (count >> self.config.scale()) as u32 & self.mask()
    }

    /// What comparator `index` compares at a `pwms`: that, or its distance from the ends of the
    /// cycle.
    fn compared(&self, index: usize, scaled: u32) -> u32 {
        let centered = self.config.center() >> index & 1 != 0 && scaled >> (self.width - 1) != 0;
        if centered { !scaled & self.mask() } else { scaled }
    }

    /// Ticks from one zero of the count to the next.
    fn cycle(&self) -> u64 {
        let all = 1 << (self.width + self.config.scale());
        if self.config.zerocmp() {
            // One tick later than the match; a compare register has no more bits than pwms.
            ((u64::from(self.compare[0]) << self.config.scale()) + 1).min(all)
        } else {
            all
        }
    }

    /// Whether comparator `index` is high at some count from `first` to `last`, within a cycle.
    fn rises(&self, index: usize, first: u64, last: u64) -> bool {
        let (first, last) = (self.scaled(first), self.scaled(last));
        let middle = (1 << (self.width - 1)) - 1;
        [first, last, middle.clamp(first, last), (middle + 1).clamp(first, last)]
            .into_iter()
            .any(|scaled| self.compared(index, scaled) >= self.compare[index])
    }

    /// The comparators that are high at some count from `first` to `last`, within a cycle.
    fn risen(&self, first: u64, last: u64) -> u32 {
        (0..COMPARATORS)
            .filter(|&index| self.rises(index, first, last))
            .fold(0, |bits, index| bits | 1 << index)
    }

    /// Looks at the comparators, with all that the counter has gone through since the last time.
    fn compare(&mut self) {
        let cycle = self.cycle();
        let cycles = self.counter.value() / cycle;
        let mut passed = 0;
        if cycles > 0 {
            passed = self.risen(self.seen, cycle - 1);
            if cycles > 1 {
                passed |= self.risen(0, cycle - 1);
            }
            self.counter.take(cycles * cycle);
            self.seen = 0;
            if self.config.enoneshot() {
                self.config.set_enoneshot(false);
                self.counter.run(self.config.enalways());
                self.counter.set(0);
            }
        }
        let count = self.counter.value();
        let since = self.risen(self.seen, count);
        self.seen = count;
        self.high = match (self.config.deglitch(), cycles) {
            (false, _) => self.risen(count, count),
            (true, 0) => self.high | since,
            (true, _) => since,
        };
        let stays = self.config.ip() | passed | since;
        self.config.set_ip(if self.config.sticky() { stays } else { self.high });
    }

    fn count_mask(&self) -> u64 {
        (1 << (self.width + SCALES)) - 1
    }

    /// The outputs, gangs considered.
    fn outputs(&self) -> u32 {
        // Comparator 3's gang is 0 again.
        let next = self.high >> 1 | (self.high & 1) << (COMPARATORS - 1);
        self.high & !(self.config.gang() & next)
    }
}

impl Outputs for Pwm {
    fn drive(&self, lines: &[Line]) {
        let levels = self.config.ip() | self.outputs() << COMPARATORS;
        for (index, line) in lines.iter().enumerate() {
            line.set(levels >> index & 1 != 0);
        }
    }
}

impl Registers for Pwm {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        match register {
            Register::Config => self.config.into_bits(),
            Register::Count => (self.counter.value() & self.count_mask()) as u32,
            Register::Scaled => self.scaled(self.counter.value()),
            Register::Compare(index) => self.compare[index],
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        match register {
            Register::Config => {
                self.config = Config::from_bits(value & LEGAL);
                self.counter.run(self.config.enalways() || self.config.enoneshot());
            }
            Register::Count => {
                self.counter.set(u64::from(value) & self.count_mask());
            }
            Register::Scaled => {}
            Register::Compare(index) => self.compare[index] = value & self.mask(),
        }
        // What has gone before is judged already.
        self.counter.take(self.counter.value() / self.cycle() * self.cycle());
        self.seen = self.counter.value();
        self.high = 0;
        self.compare();
    }

    fn reset(&mut self) {
        self.config = Config::new();
        self.counter.run(false);
        self.counter.set(0);
        self.seen = 0;
        // The manual leaves the compare registers open. With these nothing is pending.
        self.compare = [self.mask(); COMPARATORS];
        self.high = 0;
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.counter.advance(now);
        if self.counter.is_running() {
            self.compare();
        }
    }

    fn next(&self) -> Option<u64> {
        let at = self.counter.value();
        let scale = self.config.scale();
        let edges = self.compare.iter().flat_map(|&compare| {
            // Where a comparator rises, and where one of the middle falls.
            let falls = u64::from(self.mask() - compare) + 1;
            [u64::from(compare) << scale, falls << scale]
        });
        let next = edges.chain([self.cycle()]).filter(|edge| *edge > at).min()?;
        Some(self.counter.when(next - at)?.max(self.now + RESOLUTION))
    }
}

/// The bits of `pwmcfg` that exist.
const LEGAL: u32 = 0xff0f_370f;

#[cfg(test)]
mod tests {
    use super::*;

    const MEGAHERTZ: u64 = 1_000_000;

    /// A modulator of 1 MHz, so that a tick is a microsecond.
    fn pwm(config: u32, compare: [u32; 4]) -> Pwm {
        let mut pwm = Pwm::new(MEGAHERTZ, 16);
        pwm.advance(0);
        for (index, value) in compare.into_iter().enumerate() {
            pwm.write(Register::Compare(index), value);
        }
        pwm.write(Register::Config, config);
        pwm
    }

    #[test]
    fn comparators_raise_interrupts_as_configured() {
        const RUN: u32 = 1 << 12;
        const STICKY: u32 = 1 << 8;
        const ZERO: u32 = 1 << 9;
        const DEGLITCH: u32 = 1 << 10;
        // Configuration; the compare registers; microseconds and the bits that are pending then.
        type Case = (&'static str, u32, [u32; 4], &'static [(u64, u32)]);
        let cases: &[Case] = &[
            ("stopped", 0, [9, 9, 9, 9], &[(100, 0)]),
            ("one by one", RUN, [10, 20, 30, 40], &[(9, 0), (10, 1), (25, 3), (39, 7), (40, 15)]),
            (
                "begins anew",
                RUN | ZERO,
                [99, 50, 60, 200],
                &[(70, 6), (100, 0), (151, 2), (199, 7)],
            ),
            ("all the way", RUN, [10, 20, 30, 65535], &[(65535, 15), (65536, 0), (65546, 1)]),
            (
                "stays",
                RUN | ZERO | STICKY,
                [99, 50, 60, 200],
                &[(10, 0), (70, 6), (120, 7), (900, 7)],
            ),
            ("a long sleep", RUN | ZERO | STICKY, [99, 50, 60, 200], &[(10_010, 7)]),
            ("scaled", RUN | 3, [10, 20, 30, 40], &[(79, 0), (80, 1), (160, 3), (320, 15)]),
            ("no glitch", RUN | ZERO | DEGLITCH, [99, 50, 60, 200], &[(70, 6), (130, 0), (170, 6)]),
            (
                "of the middle",
                RUN | 1 << 17,
                [65535, 0x7000, 65535, 65535],
                &[(0x6fff, 0), (0x7000, 2), (0x8fff, 2), (0x9000, 0), (0x1_7000, 2)],
            ),
        ];
        for (name, config, compare, expected) in cases {
            let mut pwm = pwm(*config, *compare);
            for (microseconds, pending) in *expected {
                pwm.advance(microseconds * 1000);
                assert_eq!(pwm.config.ip(), *pending, "{name}: at {microseconds}");
            }
        }
    }

    #[test]
    fn one_shot_ends_at_zero() {
        let mut pwm = pwm(1 << 13 | 1 << 9 | 1 << 8, [99, 50, 60, 200]);
        pwm.advance(50_000);
        assert_eq!(pwm.read(Register::Count), 50);
        pwm.advance(500_000);
        assert_eq!(pwm.read(Register::Count), 0);
        assert_eq!(pwm.read(Register::Config), 1 << 9 | 1 << 8 | 7 << 28);
        pwm.write(Register::Config, 1 << 9 | 1 << 8);
        assert_eq!((pwm.config.ip(), pwm.next()), (0, None), "taken back");
    }

    #[test]
    fn a_gang_is_high_between_two_compares() {
        let mut pwm = pwm(1 << 12 | 1 << 24, [10, 20, 30, 40]);
        for (microseconds, outputs) in [(5, 0), (15, 1), (25, 2)] {
            pwm.advance(microseconds * 1000);
            assert_eq!(pwm.outputs(), outputs, "at {microseconds}");
        }
    }

    #[test]
    fn it_says_when_it_changes() {
        let mut pwm = pwm(1 << 12 | 1 << 9, [999, 500, 600, 2000]);
        assert_eq!(pwm.next(), Some(500_000));
        pwm.advance(700_000);
        assert_eq!(pwm.next(), Some(999_000));
        pwm.advance(999_000);
        assert_eq!(pwm.next(), Some(1_009_000), "not more often than this");
    }

    #[test]
    fn registers_hold_what_the_manual_gives_them() {
        let mut pwm = Pwm::new(MEGAHERTZ, 8);
        pwm.write(Register::Compare(3), u32::MAX);
        assert_eq!(pwm.read(Register::Compare(3)), 0xff);
        pwm.write(Register::Count, u32::MAX);
        assert_eq!(pwm.read(Register::Count), 0xff, "it carries out of pwms into zero");
        pwm.write(Register::Config, 0x0fff_dfff);
        assert_eq!(pwm.read(Register::Config) & 0x0fff_ffff, 0x0f0f_170f);
        for (offset, register) in [
            (0, Some(Register::Config)),
            (4, None),
            (0x2c, Some(Register::Compare(3))),
            (0x30, None),
        ] {
            assert_eq!(Register::at(offset), register, "{offset:#x}");
        }
    }
}
