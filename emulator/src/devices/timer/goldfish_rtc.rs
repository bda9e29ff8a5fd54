//! `goldfish_rtc`: the real-time clock of Android's Goldfish platform (Android, "GOLDFISH VIRTUAL
//! HARDWARE", section "Goldfish RTC"; Linux, bindings/rtc/google,goldfish-rtc.yaml): nanoseconds since 1970,
//! and an alarm. What it begins with and what lets it go on the options choose (`machine/rtc.rs`).

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Port, Region};
use crate::machine::rtc::TimeOfDay;
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, GoldfishRtcProperties};

registers! {
    enum Register {
        /// Reading it holds the other half still.
        TimeLow = 0x00,
        TimeHigh = 0x04,
        /// Writing it sets the alarm.
        AlarmLow = 0x08,
        AlarmHigh = 0x0c,
        IrqEnabled = 0x10,
        ClearAlarm = 0x14,
        AlarmStatus = 0x18,
        ClearInterrupt = 0x1c,
    }
}

impl Defaults for GoldfishRtcProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for GoldfishRtcProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("rtc", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["google,goldfish-rtc"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::GoldfishRtc(Self {}))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        Some(place.with_interrupts(place.bus_node("rtc", &["google,goldfish-rtc"])?))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let rtc: Arc<Bank<Rtc>> = Bank::new(Rtc::new(site.around.real_time.begin()), site);
        Ok(Built::device(rtc))
    }
}

/// How often a clock that does not follow guest time is looked at for its alarm: a second.
const LOOK: u64 = 1_000_000_000;

#[derive(Serialize, Deserialize)]
struct Rtc {
    /// What it is to say, if the guest does not set it.
    #[serde(skip)]
    source: TimeOfDay,
    /// What the guest has added.
    offset: u64,
    /// Guest time.
    now: u64,
    /// The time of day then.
    day: u64,
    /// The upper half of the time as it was when the lower one was read.
    held: u32,
    alarm: u64,
    armed: bool,
    enabled: bool,
    pending: bool,
}

fn with_low(value: u64, low: u32) -> u64 {
    value & !0xffff_ffff | u64::from(low)
}

fn with_high(value: u64, high: u32) -> u64 {
    value & 0xffff_ffff | u64::from(high) << 32
}

impl Rtc {
    /// A clock that the guest has not set.
    fn new(source: TimeOfDay) -> Self {
        let day = source.at(0);
        Self {
            source,
            offset: 0,
            now: 0,
            day,
            held: 0,
            alarm: 0,
            armed: false,
            enabled: false,
            pending: false,
        }
    }

    fn time(&self) -> u64 {
        self.day.wrapping_add(self.offset)
    }

    fn set_time(&mut self, time: u64) {
        self.offset = time.wrapping_sub(self.day);
        self.look();
    }

    /// Rings if it is time.
    fn look(&mut self) {
        if self.armed && self.alarm <= self.time() {
            self.armed = false;
            self.pending = true;
        }
    }
}

impl Outputs for Rtc {
    fn drive(&self, lines: &[Line]) {
        for line in lines {
            line.set(self.enabled && self.pending);
        }
    }

    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        *self = Self { source: self.source.resume(saved.day, saved.now), ..saved };
        Ok(())
    }
}

impl Registers for Rtc {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        match register {
            Register::TimeLow => {
                let time = self.time();
                self.held = (time >> 32) as u32;
                time as u32
            }
            Register::TimeHigh => self.held,
            Register::AlarmLow => self.alarm as u32,
            Register::AlarmHigh => (self.alarm >> 32) as u32,
            Register::IrqEnabled => self.enabled.into(),
            Register::AlarmStatus => self.armed.into(),
            Register::ClearAlarm | Register::ClearInterrupt => 0,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        match register {
            Register::TimeLow => self.set_time(with_low(self.time(), value)),
            Register::TimeHigh => self.set_time(with_high(self.time(), value)),
            Register::AlarmLow => {
                self.alarm = with_low(self.alarm, value);
                self.armed = true;
                self.look();
            }
            Register::AlarmHigh => self.alarm = with_high(self.alarm, value),
            Register::IrqEnabled => self.enabled = value & 1 != 0,
            Register::ClearAlarm => self.armed = false,
            Register::ClearInterrupt => self.pending = false,
            Register::AlarmStatus => {}
        }
    }

    fn reset(&mut self) {
        // As a clock with a battery, it goes on with the time that it was set to.
        *self =
            Self { offset: self.offset, now: self.now, day: self.day, ..Self::new(self.source) };
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        self.day = self.source.at(now);
        self.look();
    }

    fn next(&self) -> Option<u64> {
        let left = self.alarm.saturating_sub(self.time());
        // A clock that goes on while the guest stands, or may be set, is looked at now and then.
        let left = if self.source.follows_guest() { left } else { left.min(LOOK) };
        // One that lies beyond the end of guest time never rings.
        self.armed.then(|| self.now.saturating_add(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 1_700_000_000_000_000_000;
    const VM: TimeOfDay = TimeOfDay::Vm { base: BASE };

    #[test]
    fn the_halves_of_the_time_belong_together() {
        let mut rtc = Rtc::new(VM);
        rtc.advance(5);
        let low = rtc.read(Register::TimeLow);
        rtc.advance(1 << 40);
        let high = rtc.read(Register::TimeHigh);
        assert_eq!(u64::from(high) << 32 | u64::from(low), BASE + 5);
        // Written by halves, and going on from there.
        rtc.write(Register::TimeHigh, 7);
        rtc.write(Register::TimeLow, 9);
        rtc.advance((1 << 40) + 100);
        assert_eq!(rtc.time(), 7 << 32 | 109);
        rtc.reset();
        assert_eq!(rtc.time(), 7 << 32 | 109, "a reset does not set it");
    }

    #[test]
    fn a_clock_of_the_host_is_looked_at_for_its_alarm() {
        let mut rtc = Rtc::new(TimeOfDay::Host { ahead: 0 });
        rtc.write(Register::AlarmHigh, u32::MAX);
        rtc.write(Register::AlarmLow, 0);
        rtc.advance(5);
        assert_eq!(rtc.next(), Some(5 + LOOK));
        // What is written is kept whatever the host says.
        rtc.write(Register::TimeHigh, 7);
        rtc.write(Register::TimeLow, 0);
        rtc.advance(6);
        assert_eq!(rtc.time() >> 32, 7);
    }

    #[test]
    fn the_alarm_rings_once_when_it_is_due() {
        let mut rtc = Rtc::new(VM);
        let due = BASE + 1000;
        rtc.write(Register::AlarmHigh, (due >> 32) as u32);
        rtc.write(Register::AlarmLow, due as u32);
        assert_eq!((rtc.next(), rtc.read(Register::AlarmStatus)), (Some(1000), 1));
        rtc.advance(999);
        assert!(!rtc.pending);
        rtc.advance(1000);
        assert!(rtc.pending && rtc.next().is_none() && !rtc.enabled);
        rtc.write(Register::ClearInterrupt, 1);
        rtc.advance(2000);
        assert!(!rtc.pending);
        // What lies in the past rings at once; what is taken back does not.
        rtc.write(Register::AlarmLow, due as u32);
        assert!(rtc.pending);
        rtc.write(Register::ClearInterrupt, 1);
        rtc.write(Register::AlarmHigh, u32::MAX);
        rtc.write(Register::AlarmLow, 0);
        rtc.write(Register::ClearAlarm, 1);
        assert_eq!((rtc.next(), rtc.pending), (None, false));
    }
}
