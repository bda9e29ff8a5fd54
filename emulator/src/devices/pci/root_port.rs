//! `pcie-root-port`: a bridge from the root bus to one slot, that devices are plugged into and pulled
//! out of while the guest runs (PCI Express Base 3.0, sections 6.7 and 7.8).
//!
//! A device that is plugged in is there at once: presence detect says so, and the attention button is
//! pressed, as QEMU does. To pull one out is to press the button: the guest lets go of the device in
//! its own time and turns power off, and only then it is gone.

use std::sync::{Arc, Mutex, PoisonError};

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::bus::{PciBus, PciFunction};
use super::config::{ConfigSpace, Express, Identity};
use super::msix::{Message, Msix};
use super::parse_address;
use crate::devices::chip::{Chip, Outputs};
use crate::devices::state::Saved;
use crate::devices::{Built, Bus, BusKind, Defaults, Device, Driver, LiveBus, Peripheral, Seat};
use crate::machine::{BusAccess, Line, Notice, Site};
use crate::qapi::{DeviceOptionsDriver, PcieRootPortProperties};

const NAME: &str = "pcie-root-port";

/// Offsets in the PCI Express capability (section 7.8).
mod express {
    pub(super) const LINK_STATUS: u16 = 0x12;
    pub(super) const SLOT: u16 = 0x14;
    pub(super) const CONTROL: u16 = 0x18;
    pub(super) const STATUS: u16 = 0x1a;
    pub(super) const ROOT_CONTROL: u16 = 0x1c;
    pub(super) const LINK_CONTROL: u16 = 0x10;
}

/// Slot capabilities: button, power controller, both indicators, surprise, hot plug, interlock.
const SLOT: u32 = 0x0002_007b;
/// Bits of slot control (section 7.8.10); the events' enables have the places of the events.
mod control {
    pub(super) const INTERRUPT: u16 = 1 << 5;
    pub(super) const ATTENTION_OFF: u16 = 0b11 << 6;
    pub(super) const POWER_INDICATOR: u16 = 0b11 << 8;
    pub(super) const INDICATOR_ON: u16 = 0b01 << 8;
    pub(super) const INDICATOR_BLINKS: u16 = 0b10 << 8;
    pub(super) const INDICATOR_OFF: u16 = 0b11 << 8;
    pub(super) const POWER_OFF: u16 = 1 << 10;
    pub(super) const WRITABLE: u16 = 0x17ff;
}
/// Bits of slot status (section 7.8.11).
mod status {
    pub(super) const BUTTON: u16 = 1;
    pub(super) const PRESENCE_CHANGED: u16 = 1 << 3;
    pub(super) const COMMAND_DONE: u16 = 1 << 4;
    pub(super) const PRESENT: u16 = 1 << 6;
    /// Those that interrupt.
    pub(super) const EVENTS: u16 = 0b1_1111;
    pub(super) const LINK_CHANGED: u16 = 1 << 8;
}
/// Link status: one lane at 2.5 GT/s, and that the link is up.
const LINK: u16 = 0x0011;
const LINK_UP: u16 = 1 << 13;

impl Defaults for PcieRootPortProperties {
    fn defaults() -> Self {
        Self {
            bus: None,
            addr: None,
            multifunction: Some(false),
            chassis: None,
            slot: None,
            port: Some(0),
        }
    }
}

impl PcieRootPortProperties {
    fn place(&self) -> u32 {
        let addr = self.addr.as_deref();
        addr.map_or(Seat::ANY, |addr| parse_address(NAME, addr).unwrap_or(Seat::NONE))
    }
}

impl Driver for PcieRootPortProperties {
    fn check(&self) -> Result<(), QmpError> {
        self.addr.as_deref().map_or(Ok(()), |addr| parse_address(NAME, addr).map(drop))
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn bus(&self) -> Option<Bus> {
        // One device of 8 functions.
        Some(Bus { kind: BusKind::Pci, slots: 8 })
    }

    fn hot_plug(&self) -> bool {
        true
    }

    fn chassis_slot(&self) -> Option<(u8, u16)> {
        Some((self.chassis.unwrap_or(0), self.slot.unwrap_or(0)))
    }

    fn multifunction(&self) -> bool {
        self.multifunction == Some(true)
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Pci, bus: self.bus.as_deref(), slot: self.place() })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::PcieRootPort(options))
    }

    fn in_slot(&self, slot: u32) -> Option<DeviceOptionsDriver> {
        let options = Self { addr: Some(super::address(slot)), ..self.clone() };
        Some(DeviceOptionsDriver::PcieRootPort(options))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let slot = u32::from(self.slot.unwrap_or(0)) << 19 | SLOT;
        let (state, at) = State::new(slot, self.multifunction());
        let pin = Line::default();
        let bus = Arc::new(PciBus::default());
        let port = Arc::new(RootPort {
            name: site.device.name.to_string(),
            at,
            chip: Chip::new(state, vec![pin.clone()]),
            pin,
            bus: bus.clone(),
            access: site.bus.clone(),
            notice: site.around.notice.clone(),
            leaving: Mutex::default(),
        });
        bus.set_port(Arc::downgrade(&port));
        port.reset();
        let function: Arc<dyn PciFunction> = port.clone();
        Ok(Built {
            bus: Some(LiveBus::Pci(bus)),
            peripheral: Some(Peripheral::Pci(function)),
            ..Built::device(port)
        })
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    config: ConfigSpace,
    msix: Msix,
    /// Whether the guest is to be told of an event.
    wanted: bool,
}

impl State {
    fn new(slot: u32, multifunction: bool) -> (Self, u16) {
        let mut config = ConfigSpace::bridge(Identity {
            vendor: 0x1b36,
            device: 0x000c,
            revision: 0,
            class: 0x0604,
            subsystem: (0, 0),
            interrupt: true,
            express: true,
        });
        if multifunction {
            config.make_multifunction();
        }
        let subsystem = config.add_capability(0x0d, 8);
        config.set16(subsystem + 4, 0x1b36);
        let msix = Msix::new(&mut config, 0, 1);
        // A root port with a slot.
        let at = config.add_express(Express {
            flags: 0x0140,
            link: 0x0030_0604,
            device2: 0x0030_0020,
            link2: 0x1e,
        });
        config.set32(at + express::SLOT, slot);
        config.allow(at + express::LINK_CONTROL, 2, 0x00f3);
        config.allow(at + express::CONTROL, 2, control::WRITABLE.into());
        config.clear_by_one(
            at + express::STATUS,
            2,
            (status::EVENTS | status::LINK_CHANGED).into(),
        );
        config.allow(at + express::ROOT_CONTROL, 2, 0x000f);
        error_reporting(&mut config);
        (Self { config: config.finish(), msix, wanted: false }, at)
    }
}

/// Advanced error reporting and access control services (sections 7.10 and 7.16), with nothing to
/// tell.
fn error_reporting(config: &mut ConfigSpace) {
    config.set32(0x100, 0x1482_0001);
    config.clear_by_one(0x104, 4, 0x01ff_f030);
    config.allow(0x108, 4, 0x01ff_f030);
    config.set32(0x10c, 0x0046_2030);
    config.allow(0x10c, 4, 0x01ff_f030);
    config.clear_by_one(0x110, 4, 0x0000_f1c1);
    config.set32(0x114, 0x0000_e000);
    config.allow(0x114, 4, 0x0000_f1c1);
    config.set32(0x118, 0x0000_02a0);
    config.allow(0x118, 4, 0x0000_0140);
    config.allow(0x12c, 4, 0x0000_0007);
    config.clear_by_one(0x130, 4, 0x0000_007f);
    config.set32(0x148, 0x0001_000d);
    config.set16(0x14c, 0x005f);
    config.allow(0x14e, 2, 0x005f);
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        lines.iter().for_each(|line| line.set(self.config.pin_level()));
    }

    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        let mut msix = self.msix.clone();
        msix.adopt(saved.msix)?;
        self.config.adopt(saved.config)?;
        self.msix = msix;
        Ok(())
    }
}

/// A port.
pub(crate) struct RootPort {
    name: String,
    /// Where the PCI Express capability is.
    at: u16,
    chip: Chip<State>,
    pin: Line,
    bus: Arc<PciBus>,
    access: BusAccess,
    notice: Arc<dyn Fn(Notice) + Send + Sync>,
    /// What the guest was asked to let go of.
    leaving: Mutex<Vec<String>>,
}

impl RootPort {
    /// Changes something, tells the guest of events that came of it.
    fn change<R>(&self, work: impl FnOnce(&mut ConfigSpace, &mut Msix) -> R) -> R {
        let (result, messages) = self.chip.with(|state| {
            let result = work(&mut state.config, &mut state.msix);
            (result, self.follow(state))
        });
        messages.into_iter().for_each(|message: Message| message.send(&self.access));
        result
    }

    /// Lets the interrupt follow the events (section 6.7.3.4).
    fn follow(&self, state: &mut State) -> Vec<Message> {
        let State { config, msix, wanted } = state;
        let (control, events) =
            (config.get16(self.at + express::CONTROL), config.get16(self.at + express::STATUS));
        let link = control & status::LINK_CHANGED << 4 != 0 && events & status::LINK_CHANGED != 0;
        let asked = control & events & status::EVENTS != 0 || link;
        let wants = asked && control & control::INTERRUPT != 0;
        let begins = wants && !std::mem::replace(wanted, wants);
        config.set_intx(wants && !msix.is_on(config));
        let mut messages = msix.due(config);
        if begins && msix.is_on(config) {
            messages.extend(msix.raise(config, 0));
        }
        messages
    }

    fn raise(&self, config: &mut ConfigSpace, events: u16) {
        let at = self.at + express::STATUS;
        config.set16(at, config.get16(at) | events);
    }

    /// Says whether there is something in the slot, and the link to it.
    fn set_present(&self, config: &mut ConfigSpace, present: bool) {
        let at = self.at + express::STATUS;
        let other = config.get16(at) & !status::PRESENT;
        config.set16(at, other | if present { status::PRESENT } else { 0 });
        let link = if present { LINK | LINK_UP } else { LINK };
        config.set16(self.at + express::LINK_STATUS, link);
    }

    /// Something is in the slot that was not there before.
    pub(super) fn plugged(&self) {
        self.change(|config, _| {
            self.set_present(config, true);
            self.raise(config, status::PRESENCE_CHANGED | status::BUTTON);
        });
    }

    /// Asks the guest to let go of what is in the slot: presses the button.
    ///
    /// # Errors
    /// It was asked already, or is at work on the slot; the texts are QEMU's.
    pub(crate) fn ask(&self, device: &str) -> Result<(), QmpError> {
        let blinks =
            self.chip.peek(|state| self.indicator(&state.config) == control::INDICATOR_BLINKS);
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        if leaving.iter().any(|other| other == device) {
            return Err(QmpError::generic(format!(
                "Device {device} is already in the process of unplug"
            )));
        }
        if blinks {
            return Err(QmpError::generic(
                "Hot-unplug failed: guest is busy (power indicator blinking)",
            ));
        }
        leaving.push(device.to_owned());
        drop(leaving);
        if self.chip.peek(|state| self.is_off(&state.config)) {
            // No guest has it in use.
            self.release();
        } else {
            self.change(|config, _| self.raise(config, status::BUTTON));
        }
        Ok(())
    }

    /// Whether a guest has turned the slot off: power and its indicator.
    fn is_off(&self, config: &ConfigSpace) -> bool {
        let control = config.get16(self.at + express::CONTROL);
        control & (control::POWER_OFF | control::POWER_INDICATOR)
            == control::POWER_OFF | control::INDICATOR_OFF
    }

    fn indicator(&self, config: &ConfigSpace) -> u16 {
        config.get16(self.at + express::CONTROL) & control::POWER_INDICATOR
    }

    /// What is behind the port follows its registers: power, and the reset of the bus.
    fn follow_slot(&self) {
        let (on, reset) = self.chip.peek(|state| {
            let control = state.config.get16(self.at + express::CONTROL);
            (control & control::POWER_OFF == 0, state.config.resets_bus())
        });
        self.bus.set_power(on);
        if reset {
            self.bus.reset();
        }
    }

    /// The guest keeps what it was asked to let go of.
    fn refuse(&self) {
        let kept =
            std::mem::take(&mut *self.leaving.lock().unwrap_or_else(PoisonError::into_inner));
        kept.into_iter().for_each(|device| (self.notice)(Notice::UnplugRefused(device)));
    }

    /// The guest has turned power off: what was in the slot is gone.
    fn release(&self) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for function in self.bus.clear() {
            function.reset();
            (self.notice)(Notice::Unplugged(function.name().to_owned()));
        }
        self.change(|config, _| {
            self.set_present(config, false);
            self.raise(config, status::PRESENCE_CHANGED);
        });
    }
}

impl PciFunction for RootPort {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self, look: &mut dyn FnMut(&ConfigSpace)) {
        self.chip.peek(|state| look(&state.config));
    }

    fn write_config(&self, offset: u16, size: u8, value: u32) {
        let slot = self.at + express::CONTROL;
        let commands = (offset..offset.saturating_add(size.into())).contains(&slot);
        let (released, kept) = self.change(|config, _| {
            let (off, indicator) = (self.is_off(config), self.indicator(config));
            config.write(offset, size, value);
            let present = config.get16(self.at + express::STATUS) & status::PRESENT != 0;
            if commands {
                // Commands are done at once.
                self.raise(config, status::COMMAND_DONE);
            }
            // A guest that is done with thinking, and has not turned the slot off, keeps the device.
            let kept = indicator == control::INDICATOR_BLINKS
                && self.indicator(config) == control::INDICATOR_ON;
            (present && !off && self.is_off(config), kept)
        });
        if kept {
            self.refuse();
        }
        if released {
            self.release();
        }
        self.follow_slot();
    }

    fn pin(&self) -> Option<&Line> {
        Some(&self.pin)
    }

    fn bus(&self) -> Option<&Arc<PciBus>> {
        Some(&self.bus)
    }
}

impl Device for RootPort {
    fn read(&self, _bar: u32, offset: u64, size: u8) -> u64 {
        let word = |at| u64::from(self.chip.peek(|state| state.msix.read(at)));
        match size {
            8 => word(offset) | word(offset + 4) << 32,
            _ => word(offset) >> (8 * (offset & 3)),
        }
    }

    fn write(&self, _bar: u32, offset: u64, size: u8, value: u64) {
        self.change(|_, msix| match size {
            8 => {
                msix.write(offset, value as u32);
                msix.write(offset + 4, (value >> 32) as u32);
            }
            4 => msix.write(offset, value as u32),
            _ => {}
        });
    }

    fn reset(&self) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let present = !self.bus.is_empty();
        self.change(|config, msix| {
            config.reset();
            msix.reset();
            let power = match present {
                true => control::INDICATOR_ON,
                false => control::INDICATOR_OFF | control::POWER_OFF,
            };
            config.set16(self.at + express::CONTROL, control::ATTENTION_OFF | power);
            self.set_present(config, present);
        });
        self.follow_slot();
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn settle(&self) {
        self.follow_slot();
        self.chip.settle();
    }
}
