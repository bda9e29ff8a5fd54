//! Messages in place of an interrupt pin: MSI-X (PCI Local Bus 3.0, section 6.8.2).
//!
//! A table of messages and one bit a message that waits stand in a BAR of the function, in halves.

use std::cell::Cell;

use boardwright_riscv::{Bus, Requester};
use serde::{Deserialize, Serialize};

use super::config::{Bar, BarKind, ConfigSpace};
use crate::machine::BusAccess;
use crate::machine::unmodelled::requester;

const CAPABILITY: u8 = 0x11;
/// Bits of message control.
const ENABLE: u16 = 1 << 15;
const MASK_ALL: u16 = 1 << 14;
/// Bit of an entry's last word.
const MASKED: u32 = 1;
/// The size of an entry in words.
const WORDS: usize = 4;
/// The size of the BAR, and where the waiting bits stand in it.
const SIZE: u64 = 0x1000;
const WAITING: u64 = 0x800;
/// The most entries of the table before the waiting bits.
const MOST: u16 = (WAITING / 16) as u16;

/// A message that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    address: u64,
    data: u32,
}

impl Message {
    /// Sends it. Nothing of a device may be locked: it may be a device that gets it.
    pub fn send(self, bus: &BusAccess) {
        let Some(space) = bus.get() else { return };
        let _guard = Sending::begin();
        let by = requester().unwrap_or(Requester { hartid: 0, pc: 0 });
        // Nobody is told of a message that goes nowhere.
        let _ = space.write(self.address, 4, self.data.into(), by);
    }
}

thread_local! {
    static SENDING: Cell<bool> = const { Cell::new(false) };
}

/// While a message is on its way.
struct Sending(bool);

impl Sending {
    fn begin() -> Self {
        Self(SENDING.replace(true))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        SENDING.set(self.0);
    }
}

/// Whether what this thread does comes of a message. A function must not be reached by one: to stop
/// it is to wait for its work, of which the message may be a part.
pub(super) fn is_sending() -> bool {
    SENDING.get()
}

/// The table of a function, with its capability.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Msix {
    table: Vec<[u32; WORDS]>,
    waiting: Vec<bool>,
    #[serde(skip)]
    capability: u16,
}

impl Msix {
    /// So many messages, in the BAR of that number.
    pub fn new(config: &mut ConfigSpace, bar: u8, count: u16) -> Self {
        let count = count.clamp(1, MOST);
        let at = config.add_capability(CAPABILITY, 12);
        config.set16(at + 2, count - 1);
        config.allow(at + 2, 2, (ENABLE | MASK_ALL).into());
        config.set32(at + 4, bar.into());
        config.set32(at + 8, WAITING as u32 | u32::from(bar));
        config.add_bar(Bar { index: bar, kind: BarKind::Memory, size: SIZE });
        let mut msix =
            Self { table: vec![[0; WORDS]; count.into()], waiting: Vec::new(), capability: at };
        msix.reset();
        msix
    }

    /// Back to the state after power-on.
    pub fn reset(&mut self) {
        self.table.fill([0, 0, 0, MASKED]);
        self.waiting = vec![false; self.table.len()];
    }

    /// Takes a state over that was saved.
    ///
    /// # Errors
    /// It has another number of messages.
    pub fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if (saved.table.len(), saved.waiting.len()) != (self.table.len(), self.waiting.len()) {
            return Err("another number of messages".into());
        }
        *self = Self { capability: self.capability, ..saved };
        Ok(())
    }

    /// Whether messages are used and not the pin.
    pub fn is_on(&self, config: &ConfigSpace) -> bool {
        config.get16(self.capability + 2) & ENABLE != 0
    }

    /// Whether there is a message of that number.
    pub fn has(&self, vector: u16) -> bool {
        usize::from(vector) < self.table.len()
    }

    /// Wants a message sent: it is returned, or waits while it is masked.
    pub fn raise(&mut self, config: &ConfigSpace, vector: u16) -> Option<Message> {
        *self.waiting.get_mut(usize::from(vector))? = true;
        self.take(config, usize::from(vector))
    }

    /// The messages that may be sent now.
    pub fn due(&mut self, config: &ConfigSpace) -> Vec<Message> {
        (0..self.table.len()).filter_map(|vector| self.take(config, vector)).collect()
    }

    fn take(&mut self, config: &ConfigSpace, vector: usize) -> Option<Message> {
        let control = config.get16(self.capability + 2);
        let [low, high, data, masked] = *self.table.get(vector)?;
        let open =
            control & (ENABLE | MASK_ALL) == ENABLE && masked & MASKED == 0 && config.is_master();
        let waiting = self.waiting.get_mut(vector).filter(|_| open)?;
        let address = u64::from(low & !3) | u64::from(high) << 32;
        std::mem::take(waiting).then_some(Message { address, data })
    }

    /// Reads a word of the BAR.
    pub fn read(&self, offset: u64) -> u32 {
        let word = usize::try_from(offset / 4).unwrap_or(usize::MAX);
        if offset < WAITING {
            let entry = self.table.get(word / WORDS);
            return entry.and_then(|entry| entry.get(word % WORDS)).copied().unwrap_or(0);
        }
        let first = (offset - WAITING) as usize / 4 * 32;
        let bits = self.waiting.iter().skip(first).take(32);
        bits.rev().fold(0, |word, bit| word << 1 | u32::from(*bit))
    }

    /// Writes a word of the BAR; waiting bits cannot be written.
    pub fn write(&mut self, offset: u64, value: u32) {
        let word = (offset / 4) as usize;
        if let Some(place) = self.table.get_mut(word / WORDS).filter(|_| offset < WAITING)
            && let Some(place) = place.get_mut(word % WORDS)
        {
            *place = if word % WORDS == WORDS - 1 { value & MASKED } else { value };
        }
    }
}
