//! A bank of registers: what devices of 32-bit registers have in common.
//!
//! The chip ([`Registers`]) is registers and their meaning, apart from the bus that carries it: it
//! is asked for one register at a time and told what time it is, so that a test needs no machine.
//! The [`Bank`] around it knows the rest once and for all: the lock, the widths of accesses, offsets
//! where nothing is, the lines, and the alarm for when the outputs change by themselves.

use std::sync::{Arc, Weak};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Device;
use super::chip::{Chip, Outputs};
use crate::devices::state::Saved;
use crate::machine::unmodelled::Block;
use crate::machine::{Alarm, AlarmId, Line, Site, VirtualClock};

/// A chip of 32-bit registers.
pub(super) trait Registers: Outputs + Serialize + DeserializeOwned + Send + 'static {
    /// Its registers; an enum made with [`registers!`].
    type Register: Copy;

    /// The register at an offset of region 0, a multiple of 4.
    fn at(offset: u64) -> Option<Self::Register>;

    /// Reads a register; this may do something.
    fn read(&mut self, register: Self::Register) -> u32;

    /// Writes a register.
    fn write(&mut self, register: Self::Register, value: u32);

    /// An input line changes; lines are counted over all rows of inputs.
    fn input(&mut self, line: u32, level: bool) {
        let _ = (line, level);
    }

    /// Back to the state after power-on.
    fn reset(&mut self);

    /// Lets the time come: nanoseconds of guest time, never less than before. Called before
    /// anything else is.
    fn advance(&mut self, now: u64) {
        let _ = now;
    }

    /// When the outputs change by themselves, at the latest.
    fn next(&self) -> Option<u64> {
        None
    }
}

/// Indices of a row of equal registers.
pub(super) type Index<const COUNT: usize> = usize;

/// Declares the registers of a chip by their offsets: `Name = 0x10`, or `Name[4] = 0x20` for a row
/// of four. `Register::at` finds the register of an offset.
macro_rules! registers {
    ($(#[$attribute:meta])* enum $name:ident {
        $($(#[$doc:meta])* $variant:ident $([$count:literal])? = $offset:literal,)*
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name {
            $($(#[$doc])* $variant $(($crate::devices::bank::Index<$count>))?,)*
        }

        impl $name {
            fn at(offset: u64) -> Option<Self> {
                $(registers!(@at offset, $variant, $offset $(, $count)?);)*
                None
            }
        }
    };
    (@at $at:ident, $variant:ident, $offset:literal) => {
        if $at == $offset {
            return Some(Self::$variant);
        }
    };
    (@at $at:ident, $variant:ident, $offset:literal, $count:literal) => {
        if let Some(index) = u64::checked_sub($at, $offset).filter(|at| *at < 4 * $count) {
            return Some(Self::$variant((index / 4) as usize));
        }
    };
}
pub(super) use registers;

/// Looks at what registers of a chip after power-on read as, at once or after a write.
#[cfg(test)]
pub(super) fn check_registers<T>(cases: &[(T::Register, Option<u32>, u32)])
where
    T: Registers<Register: std::fmt::Debug> + Default,
{
    for (register, written, read) in cases {
        let mut chip = T::default();
        if let Some(value) = written {
            chip.write(*register, *value);
        }
        assert_eq!(chip.read(*register), *read, "{register:?} {written:x?}");
    }
}

/// The bytes of one register.
const WIDTH: u8 = 4;

/// A chip on the bus.
pub(super) struct Bank<T: Registers> {
    chip: Chip<Timed<T>>,
    block: Block,
    clock: Arc<VirtualClock>,
    alarm: AlarmId,
    own: Weak<Self>,
}

/// A chip, and what its alarm is set to.
#[derive(Serialize, Deserialize)]
struct Timed<T> {
    chip: T,
    #[serde(skip)]
    due: Option<u64>,
}

impl<T: Outputs> Outputs for Timed<T> {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        // The alarm is the clock's, which knows what it is set to.
        self.chip.adopt(saved.chip)
    }

    fn drive(&self, lines: &[Line]) {
        self.chip.drive(lines);
    }
}

impl<T: Registers> Bank<T> {
    /// Puts a chip on the bus.
    pub(super) fn new(chip: T, site: &Site<'_>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            chip: Chip::new(Timed { chip, due: None }, site.lines.clone()),
            block: site.block(),
            clock: site.clock.clone(),
            alarm: site.clock.new_alarm(),
            own: own.clone(),
        })
    }

    /// Does something with the chip as it is now.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.chip.with(|timed| {
            timed.chip.advance(self.clock.now());
            let result = work(&mut timed.chip);
            // Under the lock: an alarm computed before another access and set after would undo
            // that one's.
            let due = timed.chip.next();
            if due != timed.due {
                timed.due = due;
                self.clock.set_alarm(self.alarm, due, self.own.clone(), 0);
            }
            result
        })
    }

    /// The registers of an access: 4 bytes, or 8 as two of them, lower first, of which the higher may
    /// be nothing.
    fn words(offset: u64, size: u8) -> Option<(T::Register, Option<T::Register>)> {
        if !offset.is_multiple_of(WIDTH.into()) {
            return None;
        }
        match size {
            WIDTH => Some((T::at(offset)?, None)),
            8 => Some((T::at(offset)?, T::at(offset + 4))),
            _ => None,
        }
    }
}

impl<T: Registers> Alarm for Bank<T> {
    fn ring(&self, _: u32) {
        // The clock has forgotten the alarm that rang.
        self.chip.with(|timed| timed.due = None);
        self.with(|_| ());
    }
}

impl<T: Registers> Device for Bank<T> {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn settle(&self) {
        self.with(|_| ());
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let Some((low, high)) = Self::words(offset, size) else {
            self.block.unmodelled_read(offset, size);
            return 0;
        };
        self.with(|chip| {
            let value = u64::from(chip.read(low));
            high.map_or(value, |high| value | u64::from(chip.read(high)) << 32)
        })
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let Some((low, high)) = Self::words(offset, size) else {
            self.block.unmodelled_write(offset, size, value);
            return;
        };
        self.with(|chip| {
            chip.write(low, value as u32);
            if let Some(high) = high {
                chip.write(high, (value >> 32) as u32);
            }
        });
    }

    fn input(&self, _unit: u32, line: u32, level: bool) {
        self.with(|chip| chip.input(line, level));
    }

    fn reset(&self) {
        self.with(Registers::reset);
    }
}
