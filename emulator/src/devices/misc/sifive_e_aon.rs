//! `riscv.sifive.e.aon`: the always-on domain of the FE310 (FE310-G002 manual, chapters 12 to 15):
//! watchdog, real-time clock, backup registers and the power management unit, whose registers keep
//! what is written and do nothing: there is nothing to put to sleep.
//!
//! Output `sysbus-irq[0]` is the watchdog's, `sysbus-irq[1]` the real-time clock's.

use std::sync::Arc;

use bitfield_struct::bitfield;
use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::timer::counter::Counter;
use crate::devices::{Built, Defaults, Driver, Port, Region};
use crate::machine::{Line, Site, Wish};
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveEAonProperties};

/// The low-frequency clock of a HiFive1, in Hz.
const LFCLK: u64 = 32_768;
/// What opens the registers of the watchdog and the power management unit for one write.
const KEY: u32 = 0x0051_f15e;
/// What feeds the watchdog.
const FOOD: u32 = 0x0d09_f00d;
/// `wdogcount` has 31 bits, `rtccount` 48.
const WDOG_COUNT: u64 = 0x7fff_ffff;
const RTC_COUNT: u64 = 0xffff_ffff_ffff;

registers! {
    /// Table 13.1 (`AON` memory map).
    enum Register {
        WdogCfg = 0x000,
        WdogCount = 0x008,
        WdogS = 0x010,
        WdogFeed = 0x018,
        WdogKey = 0x01c,
        WdogCmp0 = 0x020,
        RtcCfg = 0x040,
        RtcCountLo = 0x048,
        RtcCountHi = 0x04c,
        RtcS = 0x050,
        RtcCmp0 = 0x060,
        LfroscCfg = 0x070,
        LfclkMux = 0x07c,
        Backup[32] = 0x080,
        PmuWakeup[8] = 0x100,
        PmuSleep[8] = 0x120,
        PmuIe = 0x140,
        PmuCause = 0x144,
        PmuGo = 0x148,
        PmuKey = 0x14c,
        Bandgap = 0x210,
        AonCfg = 0x300,
    }
}

/// `wdogcfg` (section 14.3); `rtccfg` (section 15.2) has `scale`, `enalways` and `ip0` of it.
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Config {
    #[bits(4)]
    scale: u32,
    #[bits(4)]
    __: u8,
    /// A match resets the chip.
    rsten: bool,
    /// A match begins the count anew.
    zerocmp: bool,
    #[bits(2)]
    __: u8,
    enalways: bool,
    encoreawake: bool,
    #[bits(14)]
    __: u16,
    ip0: bool,
    #[bits(3)]
    __: u8,
}

/// The bits of each that exist, the clock's `ip0` apart, which nobody writes.
const WDOG_CFG: u32 = 0x1000_330f;
const RTC_CFG: u32 = 0x0000_100f;

impl Defaults for RiscvSifiveEAonProperties {
    fn defaults() -> Self {
        Self { wdogclk_frequency: Some(LFCLK) }
    }
}

impl Driver for RiscvSifiveEAonProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.wdogclk_frequency == Some(0) {
            return Err(QmpError::generic(
                "Parameter 'wdogclk-frequency' expects a number above 0",
            ));
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("aon", 0x8000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(2)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,aon0"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveEAon(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        Some(place.with_interrupts(place.bus_node("aon", &["sifive,aon0"])?))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let aon = Aon::new(self.wdogclk_frequency.unwrap_or(LFCLK), site.around.wish.clone());
        Ok(Built::device(Bank::new(aon, site)))
    }
}

#[derive(Serialize, Deserialize)]
struct Aon {
    #[serde(skip, default = "nobody")]
    wish: Arc<dyn Fn(Wish) + Send + Sync>,
    wdog: Config,
    wdog_count: Counter,
    wdog_compare: u32,
    unlocked: bool,
    /// It has asked for a reset.
    bitten: bool,
    rtc: Config,
    rtc_count: Counter,
    rtc_compare: u32,
    /// A reset of the chip leaves these alone.
    backup: [u32; 32],
    kept: Kept,
    pmu_unlocked: bool,
}

/// Registers that keep what is written and do nothing.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    lfrosc: u32,
    lfclkmux: u32,
    wakeup: [u32; 8],
    sleep: [u32; 8],
    pmu_ie: u32,
    bandgap: u32,
    config: u32,
}

impl Kept {
    /// The low-frequency oscillator runs (section 6.8), and a reset wakes the chip (section 15.5).
    const RESET: Self = Self {
        lfrosc: 0xc010_0004,
        lfclkmux: 0,
        wakeup: [0; 8],
        sleep: [0; 8],
        pmu_ie: 1,
        bandgap: 0,
        config: 0,
    };
}

impl Aon {
    fn new(frequency: u64, wish: Arc<dyn Fn(Wish) + Send + Sync>) -> Self {
        Self {
            wish,
            wdog: Config::new(),
            wdog_count: Counter::new(frequency),
            // The manual leaves it open; QEMU's.
            wdog_compare: 0xbeef,
            unlocked: false,
            bitten: false,
            rtc: Config::new(),
            rtc_count: Counter::new(frequency),
            rtc_compare: u32::MAX,
            backup: [0; 32],
            kept: Kept::RESET,
            pmu_unlocked: false,
        }
    }

    fn wdogs(&self) -> u32 {
        (self.wdog_count.value() & WDOG_COUNT) as u32 >> self.wdog.scale() & 0xffff
    }

    fn rtcs(&self) -> u32 {
        ((self.rtc_count.value() & RTC_COUNT) >> self.rtc.scale()) as u32
    }

    /// Looks at the comparators.
    fn compare(&mut self) {
        if self.wdogs() >= self.wdog_compare {
            self.wdog.set_ip0(true);
            if self.wdog.zerocmp() {
                self.wdog_count.set(0);
            }
            // Once: what comes while the machine is being reset would reset it again.
            if self.wdog.rsten() && self.wdog_count.is_running() && !self.bitten {
                self.bitten = true;
                (self.wish)(Wish::Watchdog);
            }
        }
        self.rtc.set_ip0(self.rtcs() >= self.rtc_compare);
    }

    /// A write to the watchdog, which takes the key away again.
    fn write_watchdog(&mut self, register: Register, value: u32) {
        if !std::mem::take(&mut self.unlocked) {
            return;
        }
        match register {
            Register::WdogCfg => {
                self.wdog = Config::from_bits(value & WDOG_CFG);
                // The core is always awake.
                self.wdog_count.run(self.wdog.enalways() || self.wdog.encoreawake());
            }
            Register::WdogCount => self.wdog_count.set(u64::from(value) & WDOG_COUNT),
            Register::WdogFeed if value == FOOD => self.wdog_count.set(0),
            Register::WdogCmp0 => self.wdog_compare = value & 0xffff,
            _ => {}
        }
    }

    fn write_power(&mut self, register: Register, value: u32) {
        if !std::mem::take(&mut self.pmu_unlocked) {
            return;
        }
        match register {
            Register::PmuWakeup(index) => self.kept.wakeup[index] = value,
            Register::PmuSleep(index) => self.kept.sleep[index] = value,
            Register::PmuIe => self.kept.pmu_ie = value & 0xf,
            _ => {}
        }
    }
}

/// Hears the wishes of a state that is no chip's.
fn nobody() -> Arc<dyn Fn(Wish) + Send + Sync> {
    Arc::new(|_| ())
}

impl Outputs for Aon {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        *self = Self { wish: self.wish.clone(), ..saved };
        Ok(())
    }

    fn drive(&self, lines: &[Line]) {
        for (line, level) in lines.iter().zip([self.wdog.ip0(), self.rtc.ip0()]) {
            line.set(level);
        }
    }
}

impl Registers for Aon {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        let rtc = self.rtc_count.value() & RTC_COUNT;
        match register {
            Register::WdogCfg => self.wdog.into_bits(),
            Register::WdogCount => (self.wdog_count.value() & WDOG_COUNT) as u32,
            Register::WdogS => self.wdogs(),
            Register::WdogKey => self.unlocked.into(),
            Register::WdogCmp0 => self.wdog_compare,
            Register::RtcCfg => self.rtc.into_bits(),
            Register::RtcCountLo => rtc as u32,
            Register::RtcCountHi => (rtc >> 32) as u32,
            Register::RtcS => self.rtcs(),
            Register::RtcCmp0 => self.rtc_compare,
            Register::LfroscCfg => self.kept.lfrosc,
            Register::LfclkMux => self.kept.lfclkmux,
            Register::Backup(index) => self.backup[index],
            Register::PmuWakeup(index) => self.kept.wakeup[index],
            Register::PmuSleep(index) => self.kept.sleep[index],
            Register::PmuIe => self.kept.pmu_ie,
            Register::PmuKey => self.pmu_unlocked.into(),
            Register::Bandgap => self.kept.bandgap,
            Register::AonCfg => self.kept.config,
            // A power-on reset woke the chip, and nothing else does.
            Register::PmuCause | Register::WdogFeed | Register::PmuGo => 0,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        let rtc = self.rtc_count.value() & RTC_COUNT;
        match register {
            Register::WdogKey => self.unlocked = value == KEY,
            Register::WdogCfg
            | Register::WdogCount
            | Register::WdogS
            | Register::WdogFeed
            | Register::WdogCmp0 => self.write_watchdog(register, value),
            Register::RtcCfg => {
                self.rtc = Config::from_bits(value & RTC_CFG);
                self.rtc_count.run(self.rtc.enalways());
            }
            Register::RtcCountLo => self.rtc_count.set(rtc >> 32 << 32 | u64::from(value)),
            Register::RtcCountHi => {
                self.rtc_count.set((u64::from(value) << 32 | rtc & 0xffff_ffff) & RTC_COUNT);
            }
            Register::RtcCmp0 => self.rtc_compare = value,
            Register::LfroscCfg => {
                let ready = value << 1 & 1 << 31;
                self.kept.lfrosc = value & 0x401f_003f | ready;
            }
            Register::LfclkMux => self.kept.lfclkmux = value & 1,
            Register::Backup(index) => self.backup[index] = value,
            Register::PmuKey => self.pmu_unlocked = value == KEY,
            Register::PmuWakeup(_) | Register::PmuSleep(_) | Register::PmuIe | Register::PmuGo => {
                self.write_power(register, value);
            }
            Register::Bandgap => self.kept.bandgap = value,
            Register::AonCfg => self.kept.config = value,
            Register::RtcS | Register::PmuCause => {}
        }
        self.compare();
    }

    fn reset(&mut self) {
        // Counters stand at 0 again; what they were told of the time they keep.
        self.wdog_count.run(false);
        self.wdog_count.set(0);
        self.rtc_count.run(false);
        self.rtc_count.set(0);
        self.wdog = Config::new();
        self.wdog_compare = 0xbeef;
        self.unlocked = false;
        self.bitten = false;
        self.rtc = Config::new();
        self.rtc_compare = u32::MAX;
        self.kept = Kept::RESET;
        self.pmu_unlocked = false;
    }

    fn advance(&mut self, now: u64) {
        self.wdog_count.advance(now);
        self.rtc_count.advance(now);
        self.compare();
    }

    fn next(&self) -> Option<u64> {
        let left = |counter: &Counter, mask: u64, goal: u64| {
            let at = counter.value() & mask;
            // Behind it already: it comes round.
            let left = if at < goal { goal - at } else { mask + 1 - at };
            counter.when(left)
        };
        let wdog = u64::from(self.wdog_compare) << self.wdog.scale();
        let rtc = u64::from(self.rtc_compare) << self.rtc.scale();
        let wdog = left(&self.wdog_count, WDOG_COUNT, wdog);
        let rtc = left(&self.rtc_count, RTC_COUNT, rtc);
        wdog.into_iter().chain(rtc).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    use Register::*;

    const SECOND: u64 = 1_000_000_000;

    /// Writes the watchdog's registers with the key before each.
    fn unlocked(aon: &mut Aon, writes: &[(Register, u32)]) {
        for (register, value) in writes {
            aon.write(WdogKey, KEY);
            aon.write(*register, *value);
        }
    }

    fn aon() -> (Aon, Arc<AtomicBool>) {
        let reset = Arc::new(AtomicBool::new(false));
        let heard = reset.clone();
        let wish = Arc::new(move |wish| {
            assert!(wish == Wish::Watchdog && !heard.swap(true, Ordering::SeqCst), "once");
        });
        (Aon::new(LFCLK, wish), reset)
    }

    #[test]
    fn the_watchdog_barks_bites_and_is_fed() {
        const RUN: u32 = 1 << 12;
        const AWAKE: u32 = 1 << 13;
        const BITE: u32 = 1 << 8;
        const ZERO: u32 = 1 << 9;
        // Configuration, compare, fed after half the time?; pending, reset and count at 1.5 s.
        let cases = [
            ("off", 0, 32_768, false, (false, false, 0)),
            ("barks", RUN, 32_768, false, (true, false, 49_152)),
            ("while awake", AWAKE, 32_768, false, (true, false, 49_152)),
            ("bites", RUN | BITE, 32_768, false, (true, true, 49_152)),
            ("begins anew", RUN | ZERO, 32_768, false, (true, false, 16_384)),
            ("is fed", RUN | BITE, 32_769, true, (false, false, 32_768)),
            ("scaled", RUN | 4, 2_048, false, (true, false, 49_152)),
            ("not yet", RUN, 49_153, false, (false, false, 49_152)),
        ];
        for (name, config, compare, fed, expected) in cases {
            let (mut aon, reset) = aon();
            unlocked(&mut aon, &[(WdogCmp0, compare), (WdogCfg, config)]);
            aon.advance(SECOND / 2);
            if fed {
                unlocked(&mut aon, &[(WdogFeed, FOOD)]);
            }
            aon.advance(SECOND);
            aon.advance(SECOND * 3 / 2);
            let seen = (aon.wdog.ip0(), reset.load(Ordering::SeqCst), aon.read(WdogCount));
            assert_eq!(seen, expected, "{name}");
        }
    }

    #[test]
    fn the_key_opens_one_write() {
        let (mut aon, _) = aon();
        aon.write(WdogCmp0, 1);
        assert_eq!(aon.read(WdogCmp0), 0xbeef);
        aon.write(WdogKey, KEY);
        assert_eq!(aon.read(WdogKey), 1);
        aon.write(WdogCmp0, 0x1_2345);
        assert_eq!((aon.read(WdogKey), aon.read(WdogCmp0)), (0, 0x2345));
        aon.write(WdogCmp0, 7);
        assert_eq!(aon.read(WdogCmp0), 0x2345);
        unlocked(&mut aon, &[(WdogCfg, 1 << 28)]);
        assert!(aon.wdog.ip0(), "software may set it");
        unlocked(&mut aon, &[(WdogCfg, 0)]);
        assert!(!aon.wdog.ip0());
        aon.write(PmuIe, 3);
        assert_eq!(aon.read(PmuIe), 1);
        aon.write(PmuKey, KEY);
        aon.write(PmuIe, 3);
        assert_eq!((aon.read(PmuIe), aon.read(PmuKey)), (3, 0));
    }

    #[test]
    fn the_clock_counts_and_rings() {
        let (mut aon, _) = aon();
        aon.write(RtcCmp0, 100);
        aon.write(RtcCfg, 1 << 12);
        assert_eq!(aon.next(), Some((100 * SECOND).div_ceil(LFCLK)));
        aon.advance(SECOND);
        assert_eq!((aon.read(RtcCountLo), aon.read(RtcCountHi)), (32_768, 0));
        assert_eq!(aon.read(RtcCfg), 1 << 28 | 1 << 12);
        aon.write(RtcCmp0, 40_000);
        assert_eq!(aon.read(RtcCfg), 1 << 12, "it follows the comparator");
        aon.write(RtcCountHi, 0xffff_ffff);
        assert_eq!((aon.read(RtcCountHi), aon.read(RtcCountLo)), (0xffff, 32_768));
        aon.write(RtcCountHi, 1);
        aon.write(RtcCfg, 1 << 12 | 15);
        assert_eq!(aon.read(RtcS), 0x2_0001);
        aon.write(Backup(15), 0x1234);
        aon.reset();
        assert_eq!((aon.read(RtcCountLo), aon.read(RtcCfg), aon.next()), (0, 0, None));
        assert_eq!(aon.read(Backup(15)), 0x1234, "what backup is for");
    }
}
