//! A stub while the machine runs.
//!
//! An access covers bytes, and each register under them takes its part: so it does not matter
//! whether software reads a register at once or byte by byte.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::{Access, Read, Write};
use super::description::{Bits, Drive, Field, Layout, Place, Register};
use crate::devices::Device;
use crate::devices::chip::{Chip, Outputs};
use crate::devices::state::Saved;
use crate::machine::Line;
use crate::machine::unmodelled::Block;
use crate::qapi::LogItem;

/// The values of all registers.
#[derive(Serialize, Deserialize)]
struct State {
    #[serde(skip)]
    layout: Arc<Layout>,
    values: Vec<Value>,
}

/// The value of a register.
#[derive(Clone, Serialize, Deserialize)]
struct Value {
    now: u64,
    /// Bits that can be written once and have been.
    locked: u64,
    /// How many reads each of its sequences has answered, in the order of [`Register::ranges`].
    reads: Vec<u64>,
}

impl Value {
    fn new(register: &Register) -> Self {
        let reads = vec![0; register.fields.len() + 1];
        Self { now: register.reset, locked: 0, reads }
    }

    /// A read of some of the bits.
    fn read(&mut self, register: &Register, bits: u64) -> u64 {
        for ((range, row), reads) in register.ranges().zip(&mut self.reads) {
            if range.mask() & bits != 0
                && let Some(next) = step(row, *reads)
            {
                self.now = self.now & !range.mask() | next << range.lsb;
                *reads = reads.saturating_add(1);
            }
        }
        let value = self.now & bits & register.mask(Access::readable);
        for (mask, row) in register.parts() {
            match row.access.read {
                Read::Clears => self.now &= !(mask & bits),
                Read::Sets => self.now |= mask & bits,
                Read::Nothing | Read::Value => {}
            }
        }
        value
    }

    /// A write of some of the bits.
    fn write(&mut self, register: &Register, bits: u64, written: u64) {
        for (mask, row) in register.parts() {
            let mut bits = mask & bits;
            if row.access.once {
                bits &= !self.locked;
                self.locked |= bits;
            }
            self.now = self.now & !bits | row.access.write.apply(self.now, written) & bits;
        }
        self.reads.fill(0);
    }
}

/// The value of a sequence after so many reads; the last one stays.
fn step(bits: &Bits, reads: u64) -> Option<u64> {
    let mut before = 0_u64;
    for (value, times) in &bits.sequence {
        before = before.saturating_add(*times);
        if reads < before {
            return Some(*value);
        }
    }
    bits.sequence.last().map(|(value, _)| *value)
}

impl State {
    fn of(&self, place: Place) -> u64 {
        self.values.get(place.register).map_or(0, |value| place.range.of(value.now))
    }

    fn raised(&self, drive: &Drive) -> bool {
        let enable = drive.enable.map_or(u64::MAX, |place| self.of(place));
        self.of(drive.source) & enable != 0
    }
}

impl Outputs for State {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        let shape = |it: &Self| it.values.iter().map(|value| value.reads.len()).collect::<Vec<_>>();
        if shape(self) != shape(&saved) {
            return Err("it has other registers".into());
        }
        self.values = saved.values;
        Ok(())
    }

    fn drive(&self, lines: &[Line]) {
        let mut levels = vec![false; lines.len()];
        for drive in &self.layout.drives {
            if let Some(level) = levels.get_mut(usize::from(drive.line)) {
                *level |= self.raised(drive);
            }
        }
        lines.iter().zip(levels).for_each(|(line, level)| line.set(level));
    }
}

/// A register under an access.
struct Touched {
    index: usize,
    /// Which of its bits.
    bits: u64,
    /// How far the access's value is to be shifted left to be the register's; right if negative.
    shift: i32,
}

impl Touched {
    fn to_register(&self, value: u64) -> u64 {
        shifted(value, self.shift) & self.bits
    }

    fn to_access(&self, value: u64) -> u64 {
        shifted(value & self.bits, -self.shift)
    }
}

fn shifted(value: u64, left: i32) -> u64 {
    let amount = left.unsigned_abs();
    let moved = if left < 0 { value.checked_shr(amount) } else { value.checked_shl(amount) };
    moved.unwrap_or(0)
}

pub(super) struct Stub {
    layout: Arc<Layout>,
    chip: Chip<State>,
    block: Block,
}

impl Stub {
    pub(super) fn new(layout: Arc<Layout>, lines: Vec<Line>, block: Block) -> Self {
        let values = layout.registers.iter().map(Value::new).collect();
        let state = State { layout: layout.clone(), values };
        Self { layout, chip: Chip::new(state, lines), block }
    }

    /// The registers under an access.
    fn touched(&self, offset: u64, size: u8) -> Vec<Touched> {
        let end = offset.saturating_add(size.into());
        let all = &self.layout.registers;
        let first = all.partition_point(|register| register.offset.saturating_add(8) <= offset);
        let near = all.iter().enumerate().skip(first);
        near.take_while(|(_, register)| register.offset < end)
            .filter(|(_, register)| offset < register.end())
            .map(|(index, register)| {
                // Both are less than eight bytes apart.
                let shift = 8 * (offset as i64 - register.offset as i64) as i32;
                let whole = u64::MAX >> (64 - 8 * u32::from(size));
                let own = u64::MAX >> (64 - 8 * u32::from(register.size));
                Touched { index, bits: shifted(whole, shift) & own, shift }
            })
            .collect()
    }

    /// Tells of an access to a register, field by field.
    fn tell(&self, line: impl FnOnce(&str) -> String, register: &Register) {
        self.block.trace().stub(|| line(&format!("{}.{}", self.block.name(), register.name)));
    }

    fn tell_read(&self, register: &Register, bits: u64, value: u64) {
        self.tell(
            |name| {
                let mut line = format!("{name} -> {value:#x}");
                let fields = register
                    .fields
                    .iter()
                    .filter(|field| field.range.mask() & bits != 0 && field.bits.access.readable());
                let fields: Vec<String> =
                    fields.map(|field| format!("{}={}", field.name, shown(field, value))).collect();
                if !fields.is_empty() {
                    let _ = write!(line, " ({})", fields.join(" "));
                }
                line
            },
            register,
        );
    }

    /// A line for each field that the write is about: those that it changes, or tries to change by
    /// an effect of their own.
    fn tell_write(&self, register: &Register, bits: u64, before: u64, written: u64) {
        let mut told = false;
        for field in &register.fields {
            let (mask, write) = (field.range.mask() & bits, field.bits.access.write);
            let about = match write {
                Write::Ignored => false,
                Write::Kept => (before ^ written) & mask != 0,
                _ => write.apply(before, written) & mask != before & mask || written & mask != 0,
            };
            if about {
                told = true;
                let value = shown(field, written);
                self.tell(|name| format!("{name}.{} <- {value}", field.name), register);
            }
        }
        if !told {
            let ignored = register.mask(Access::writable) & bits == 0;
            let why = if ignored { " (read only: ignored)" } else { "" };
            self.tell(|name| format!("{name} <- {written:#x}{why}"), register);
        }
    }

    /// Whether accesses are told of; asked before anything is prepared for it.
    fn told(&self) -> bool {
        self.block.trace().on(LogItem::Stub)
    }
}

/// The value of a field: its name where it has one.
fn shown(field: &Field, register: u64) -> String {
    let value = field.range.of(register);
    match field.values.iter().find(|(_, known)| *known == value) {
        Some((name, _)) => name.clone(),
        None if value < 10 => value.to_string(),
        None => format!("{value:#x}"),
    }
}

impl Device for Stub {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let touched = self.touched(offset, size);
        if touched.is_empty() {
            self.block.unmodelled_read(offset, size);
            return 0;
        }
        let mut result = 0;
        for one in touched {
            let Some(register) = self.layout.registers.get(one.index) else { continue };
            let value = self.chip.with(|state| {
                state.values.get_mut(one.index).map_or(0, |value| value.read(register, one.bits))
            });
            result |= one.to_access(value);
            // Of two at one place, the one that can only be written has no part in this.
            if self.told() && register.mask(Access::readable) != 0 {
                self.tell_read(register, one.bits, value);
            }
        }
        result
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let touched = self.touched(offset, size);
        if touched.is_empty() {
            self.block.unmodelled_write(offset, size, value);
            return;
        }
        let alone = touched.len() == 1;
        for one in touched {
            let Some(register) = self.layout.registers.get(one.index) else { continue };
            let written = one.to_register(value);
            let before = self.chip.with(|state| {
                let value = state.values.get_mut(one.index)?;
                let before = value.now;
                value.write(register, one.bits, written);
                Some(before)
            });
            if self.told() && (alone || register.mask(Access::writable) != 0) {
                self.tell_write(register, one.bits, before.unwrap_or(0), written);
            }
        }
    }

    fn reset(&self) {
        self.chip.with(|state| {
            state.values = self.layout.registers.iter().map(Value::new).collect();
        });
    }
}
