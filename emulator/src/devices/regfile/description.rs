//! What a stub is made of, wherever it was described, and the checks that hold for all of it.

use std::collections::HashMap;

use super::access::Access;

/// The most registers: as many as fill 256 KiB.
const MOST_REGISTERS: usize = 1 << 16;
/// The most interrupt outputs.
const MOST_LINES: u16 = 1024;

/// Registers as they were described.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// Size of the region, if it was told.
    pub(super) size: Option<u64>,
    pub(super) registers: Vec<Register>,
    /// What is in the description and is not modelled.
    pub(super) remarks: Vec<String>,
    /// Where each register is in the list; the first of a name, should there be several.
    index: HashMap<String, usize>,
}

/// A register.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) name: String,
    pub(super) offset: u64,
    /// In bytes: 1, 2, 4 or 8.
    pub(super) size: u8,
    pub(super) reset: u64,
    /// What holds for bits that are in no field; its sequence and interrupt for all bits.
    pub(super) bits: Bits,
    pub(super) fields: Vec<Field>,
    /// Where it is described: a file with line and column, or the place in a list.
    pub(super) at: String,
}

/// Named bits of a register.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) range: Range,
    pub(super) bits: Bits,
    pub(super) values: Vec<(String, u64)>,
}

/// How bits behave.
#[derive(Clone, Debug)]
pub(super) struct Bits {
    pub(super) access: Access,
    /// What successive reads give, each with for how many reads.
    pub(super) sequence: Vec<(u64, u64)>,
    /// The output that they drive.
    pub(super) interrupt: Option<u16>,
    /// The register or field that enables that.
    pub(super) enabled_by: Option<String>,
}

impl Bits {
    pub(super) fn plain(access: Access) -> Self {
        Self { access, sequence: Vec::new(), interrupt: None, enabled_by: None }
    }
}

/// Bits that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) lsb: u32,
    pub(super) width: u32,
}

impl Range {
    /// From the highest and the lowest bit.
    pub(super) fn new(msb: u32, lsb: u32) -> Option<Self> {
        (lsb <= msb && msb < 64).then(|| Self { lsb, width: msb - lsb + 1 })
    }

    /// All bits of a register.
    pub(super) fn whole(size: u8) -> Self {
        Self { lsb: 0, width: u32::from(size) * 8 }
    }

    pub(super) fn mask(self) -> u64 {
        (u64::MAX >> (64 - self.width)) << self.lsb
    }

    /// These bits of a register's value, as a number.
    pub(super) fn of(self, value: u64) -> u64 {
        (value & self.mask()) >> self.lsb
    }
}

/// A description that holds together.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) size: u64,
    /// By offset.
    pub(super) registers: Vec<Register>,
    pub(super) drives: Vec<Drive>,
    /// How many interrupt outputs there are.
    pub(super) lines: u32,
}

/// Bits that drive an interrupt output.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    pub(super) line: u16,
    pub(super) source: Place,
    pub(super) enable: Option<Place>,
}

/// Bits of a register, which is given by its index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) register: usize,
    pub(super) range: Range,
}

impl Register {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size.into())
    }

    /// Which bits there are whose access fits.
    pub(super) fn mask(&self, fits: fn(Access) -> bool) -> u64 {
        self.parts()
            .filter(|(_, bits)| fits(bits.access))
            .map(|(mask, _)| mask)
            .fold(0, |a, b| a | b)
    }

    /// Masks of bits that behave alike: those of each field, then the rest.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u64, &Bits)> {
        let named = self.fields.iter().fold(0, |all, field| all | field.range.mask());
        let rest = Range::whole(self.size).mask() & !named;
        let fields = self.fields.iter().map(|field| (field.range.mask(), &field.bits));
        fields.chain(std::iter::once((rest, &self.bits)))
    }

    /// Every row of bits that has a sequence or an interrupt of its own.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Range, &Bits)> {
        let fields = self.fields.iter().map(|field| (field.range, &field.bits));
        std::iter::once((Range::whole(self.size), &self.bits)).chain(fields)
    }

    /// What is wrong with it, told where it stands.
    pub(super) fn error(&self, what: &str) -> String {
        format!("{}: register '{}': {what}", self.at, self.name)
    }

    fn check(&self) -> Result<(), String> {
        let whole = Range::whole(self.size);
        if self.offset.checked_add(self.size.into()).is_none() {
            return Err(self.error("it ends beyond 2^64: give a lower offset"));
        }
        if self.reset & !whole.mask() != 0 {
            return Err(self.error(&format!(
                "the reset value {:#x} does not fit into {} bits: give a larger size",
                self.reset, whole.width
            )));
        }
        for (index, field) in self.fields.iter().enumerate() {
            let wrong = |what: String| Err(self.error(&format!("field '{}': {what}", field.name)));
            let Range { lsb, width } = field.range;
            if lsb + width > whole.width {
                let last = lsb + width - 1;
                return wrong(format!(
                    "bit {last} is outside the {} bits of the register",
                    whole.width
                ));
            }
            let others = &self.fields[..index];
            if others.iter().any(|other| other.name == field.name) {
                return wrong("there is another field of that name: rename one".into());
            }
            if let Some(other) = others.iter().find(|o| o.range.mask() & field.range.mask() != 0) {
                return wrong(format!(
                    "it shares bits with '{}': correct the bits of one",
                    other.name
                ));
            }
            if let Some((name, value)) =
                field.values.iter().find(|(_, value)| *value > field.range.of(u64::MAX))
            {
                return wrong(format!(
                    "its value '{name}', {value:#x}, does not fit into {width} bits"
                ));
            }
        }
        for (range, bits) in self.ranges() {
            if let Some((value, _)) =
                bits.sequence.iter().find(|(value, _)| *value > range.of(u64::MAX))
            {
                return Err(self.error(&format!(
                    "the sequence has {value:#x}, which does not fit into {} bits",
                    range.width
                )));
            }
            match (bits.interrupt, &bits.enabled_by) {
                (None, Some(_)) => {
                    return Err(self.error(
                        "'enabled-by' says when an interrupt counts: give 'interrupt' as well",
                    ));
                }
                (Some(line), _) if line >= MOST_LINES => {
                    return Err(self.error(&format!(
                        "'interrupt' expects a number below {MOST_LINES}, not {line}"
                    )));
                }
                _ => {}
            }
        }
        let in_fields = self.fields.iter().any(|field| !field.bits.sequence.is_empty());
        if in_fields && !self.bits.sequence.is_empty() {
            return Err(self.error("both it and a field of it have a sequence: give one of them"));
        }
        Ok(())
    }

    /// Whether a guest could not tell which of the two it reads or writes.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        let both = |fits: fn(Access) -> bool| self.mask(fits) != 0 && other.mask(fits) != 0;
        self.offset < other.end()
            && other.offset < self.end()
            && (both(Access::readable) || both(Access::writable))
    }
}

impl Description {
    /// Of registers, whose names may not be checked yet.
    pub(super) fn new(registers: Vec<Register>, remarks: Vec<String>, size: Option<u64>) -> Self {
        let mut description = Self { size, remarks, ..Self::default() };
        for register in registers {
            description.push(register);
        }
        description
    }

    /// The register of a name.
    pub(super) fn find(&mut self, name: &str) -> Option<&mut Register> {
        self.registers.get_mut(*self.index.get(name)?)
    }

    /// Adds a register, and gives it.
    pub(super) fn push(&mut self, register: Register) -> &mut Register {
        let at = self.registers.len();
        self.index.entry(register.name.clone()).or_insert(at);
        self.registers.push(register);
        &mut self.registers[at]
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// What is wrong, with where it stands and what to do.
    pub(super) fn layout(mut self, size: Option<u64>) -> Result<Layout, String> {
        if self.registers.is_empty() {
            return Err("there is no register: give 'registers', or a 'file' that has some".into());
        }
        if self.registers.len() > MOST_REGISTERS {
            return Err(format!(
                "there are {} registers, and a stub can have {MOST_REGISTERS}: divide it into several",
                self.registers.len()
            ));
        }
        self.registers.sort_by_key(|register| register.offset);
        let registers = self.registers;
        let mut names = HashMap::with_capacity(registers.len());
        for (index, register) in registers.iter().enumerate() {
            register.check()?;
            if let Some(other) = names.insert(register.name.as_str(), index) {
                let other: &Register = &registers[other];
                return Err(register
                    .error(&format!("there is another of that name ({}): rename one", other.at)));
            }
            // No register is longer than eight bytes, so that those before are few.
            let before = registers[..index].iter().rev();
            let near = before.take_while(|other| register.offset - other.offset < 8);
            if let Some(other) = near.into_iter().find(|other| register.conflicts(other)) {
                return Err(register.error(&format!(
                    "at offset {:#x} it meets '{}' at {:#x} ({}): move one, or make one read only and the other write only",
                    register.offset, other.name, other.offset, other.at
                )));
            }
        }
        let end = registers.iter().map(Register::end).max().unwrap_or_default();
        let size = size.or(self.size).unwrap_or_else(|| end.next_multiple_of(4));
        if let Some(beyond) = registers.iter().find(|register| register.end() > size) {
            return Err(beyond.error(&format!(
                "it ends at {:#x}, beyond the size of the region, {size:#x}: give a larger 'size'",
                beyond.end()
            )));
        }
        let drives = drives(&registers, &names)?;
        let lines = drives.iter().map(|drive| u32::from(drive.line) + 1).max().unwrap_or(0);
        Ok(Layout { size, registers, drives, lines })
    }
}

fn drives(registers: &[Register], names: &HashMap<&str, usize>) -> Result<Vec<Drive>, String> {
    let find = |name: &str| {
        if let Some(&register) = names.get(name) {
            return Some(Place { register, range: Range::whole(registers[register].size) });
        }
        // Names of registers may have dots: those of clusters do.
        let (register, field) = name.rsplit_once('.')?;
        let register = *names.get(register)?;
        let field = registers[register].fields.iter().find(|known| known.name == field)?;
        Some(Place { register, range: field.range })
    };
    let mut drives = Vec::new();
    for (index, register) in registers.iter().enumerate() {
        for (range, bits) in register.ranges() {
            let Some(line) = bits.interrupt else { continue };
            let enable = match &bits.enabled_by {
                None => None,
                Some(name) => Some(find(name).filter(|place| place.range.width == range.width).ok_or_else(|| {
                    register.error(&format!(
                        "'enabled-by' expects a register or REGISTER.FIELD of {} bits, not '{name}'",
                        range.width
                    ))
                })?),
            };
            drives.push(Drive { line, source: Place { register: index, range }, enable });
        }
    }
    Ok(drives)
}
