//! The function of a PCI bus around a virtio device: BARs, interrupts, reset, state.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Value, json};

use super::state::{Form, LEGACY, MESSAGES, MODERN, NOTIFY_MULTIPLIER, STRUCTURE, State, window};
use crate::devices::Device;
use crate::devices::chip::Chip;
use crate::devices::pci::{ConfigSpace, PciFunction};
use crate::devices::state::Saved;
use crate::devices::virtio::device::VirtioDevice;
use crate::devices::virtio::function::{Function, Interrupts};
use crate::machine::unmodelled::Block;
use crate::machine::{BusAccess, Line, Site};
/// Bits of the interrupt status.
const USED: u8 = 1;
const CONFIG: u8 = 2;

/// The function, and the device in it.
pub(super) struct Transport {
    name: String,
    pub(super) chip: Chip<State>,
    pin: Line,
    bus: BusAccess,
    pub(super) block: Block,
    function: OnceLock<Arc<Function>>,
}

impl Interrupts for Transport {
    fn used(&self, queue: u16) {
        self.tell(Some(queue), USED);
    }

    fn config(&self) {
        self.tell(None, CONFIG);
    }
}

impl Transport {
    /// Puts a function around a device.
    pub(super) fn around(
        device: Arc<dyn VirtioDevice>,
        form: Form,
        vectors: Option<u32>,
        site: &Site<'_>,
    ) -> Arc<Self> {
        let pin = Line::default();
        let state = State::new(&*device, form, vectors);
        let transport = Arc::new(Self {
            name: site.device.name.to_string(),
            chip: Chip::new(state, vec![pin.clone()]),
            pin,
            bus: site.bus.clone(),
            block: site.block(),
            function: OnceLock::new(),
        });
        let interrupts: Arc<dyn Interrupts> = transport.clone();
        let interrupts: Weak<dyn Interrupts> = Arc::downgrade(&interrupts);
        let (bus, block) = (site.bus.clone(), site.block());
        let _ = transport.function.set(Function::plug(device, interrupts, bus, block, false));
        transport
    }

    /// Changes something; pin and messages follow.
    pub(super) fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let (result, messages) = self.chip.with(|state| {
            let result = work(state);
            let pending = state.isr != 0 && !state.msix.is_on(&state.config);
            state.config.set_intx(pending);
            (result, state.msix.due(&state.config))
        });
        messages.into_iter().for_each(|message| message.send(&self.bus));
        result
    }

    fn tell(&self, queue: Option<u16>, bit: u8) {
        let message = self.change(|state| {
            if !state.msix.is_on(&state.config) {
                state.isr |= bit;
                return None;
            }
            let vector = state.vector(queue).copied()?;
            state.msix.raise(&state.config, vector)
        });
        if let Some(message) = message {
            message.send(&self.bus);
        }
    }

    /// What an access to the window's data is: where that is, and what it reaches in [`MODERN`].
    fn through_window(&self, offset: u16) -> Option<(u16, u64, u8)> {
        self.chip.peek(|state| {
            let at = state.window + window::DATA;
            let word = |register| state.config.read(state.window + register, 4);
            let (bar, to, len) = (word(window::BAR), word(window::OFFSET), word(window::LENGTH));
            let fits = matches!(len, 1 | 2 | 4) && to % len == 0;
            let ours = state.window != 0 && offset == at && bar & 0xff == MODERN;
            (ours && fits && u64::from(to) < 4 * STRUCTURE).then_some((at, to.into(), len as u8))
        })
    }

    /// The way to memory follows the command register.
    pub(super) fn follow_command(&self, function: &Function) {
        function.set_access(self.chip.peek(|state| state.config.is_master()));
    }

    pub(super) fn take_isr(&self) -> u64 {
        self.change(|state| std::mem::take(&mut state.isr)).into()
    }

    pub(super) fn set_status(&self, function: &Function, value: u8) {
        if value == 0 {
            self.change(State::forget);
        }
        function.set_status(value);
    }
}

pub(super) fn read_config(function: &Function, offset: u64, size: u8) -> u64 {
    let config = function.device().config();
    let bytes = config.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let bytes: Vec<u8> = bytes.take(size.into()).copied().collect();
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

pub(super) fn write_config(function: &Function, offset: u64, size: u8, value: u64) {
    let len = function.device().config().len() as u64;
    if let (Ok(at), Some(bytes)) = (usize::try_from(offset), value.to_le_bytes().get(..size.into()))
        && offset + u64::from(size) <= len
    {
        function.device().write_config(at, bytes);
    }
}

impl PciFunction for Transport {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self, look: &mut dyn FnMut(&ConfigSpace)) {
        self.chip.peek(|state| look(&state.config));
    }

    fn read_config(&self, offset: u16, size: u8) -> u32 {
        if let Some((place, at, len)) = self.through_window(offset) {
            let value = Device::read(self, MODERN, at, len) as u32;
            self.chip.with(|state| state.config.set32(place, value));
        }
        self.chip.peek(|state| state.config.read(offset, size))
    }

    fn write_config(&self, offset: u16, size: u8, value: u32) {
        let reset = self.change(|state| {
            state.config.write(offset, size, value);
            state.config.wants_reset()
        });
        if reset {
            return Device::reset(self);
        }
        if let Some(function) = self.function.get() {
            self.follow_command(function);
        }
        if let Some((_, at, len)) = self.through_window(offset) {
            Device::write(self, MODERN, at, len, value.into());
        }
    }

    fn pin(&self) -> Option<&Line> {
        Some(&self.pin)
    }
}

impl Device for Transport {
    fn read(&self, bar: u32, offset: u64, size: u8) -> u64 {
        let Some(function) = self.function.get() else { return 0 };
        let place = offset % STRUCTURE;
        match (bar, offset / STRUCTURE) {
            (_, 2) if bar == MODERN => read_config(function, place, size),
            (_, _) if size == 8 => self.read(bar, offset, 4) | self.read(bar, offset + 4, 4) << 32,
            (LEGACY, _) => self.read_legacy(function, offset, size),
            (MESSAGES, _) => {
                let word = self.chip.peek(|state| state.msix.read(offset));
                u64::from(word) >> (8 * (offset & 3))
            }
            (MODERN, 0) => self.read_common(function, place),
            (MODERN, 1) if place == 0 => self.take_isr(),
            _ => 0,
        }
    }

    fn write(&self, bar: u32, offset: u64, size: u8, value: u64) {
        let Some(function) = self.function.get() else { return };
        let place = offset % STRUCTURE;
        match (bar, offset / STRUCTURE) {
            (_, 2) if bar == MODERN => write_config(function, place, size, value),
            (_, _) if size == 8 => {
                self.write(bar, offset, 4, value & 0xffff_ffff);
                self.write(bar, offset + 4, 4, value >> 32);
            }
            (LEGACY, _) => self.write_legacy(function, offset, size, value),
            (MESSAGES, _) if size == 4 => {
                self.change(|state| state.msix.write(offset, value as u32));
            }
            (MODERN, 0) => self.write_common(function, place, value as u32),
            (MODERN, 3) => function.notify((place / u64::from(NOTIFY_MULTIPLIER)) as u16),
            _ => {}
        }
    }

    fn reset(&self) {
        if let Some(function) = self.function.get() {
            function.reset();
        }
        self.change(|state| {
            state.forget();
            state.config.reset();
            state.msix.reset();
        });
        if let Some(function) = self.function.get() {
            self.follow_command(function);
        }
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(self)
    }
}

impl Saved for Transport {
    fn save(&self) -> Result<Value, String> {
        let function = self.function.get().map_or(Ok(Value::Null), |it| it.save())?;
        Ok(json!({ "transport": self.chip.save()?, "function": function }))
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        if let Some(function) = self.function.get() {
            function.load(&saved["function"])?;
        }
        self.chip.load(&saved["transport"])
    }

    fn settle(&self) {
        self.chip.settle();
        if let Some(function) = self.function.get() {
            self.follow_command(function);
            function.resume();
        }
    }
}
