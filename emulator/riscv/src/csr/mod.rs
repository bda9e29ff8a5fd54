//! Control and status registers as a list of records (volume II, "Control and Status Registers").
//!
//! A record says what a register is called, when it exists, who may touch it, what it reads as,
//! which values are legal, and what a write does. Permission is checked in [`Core::csr_access`]
//! and nowhere else; reading has no side effect. A register that is not in the list does not
//! exist, and touching it is an illegal instruction.
//!
//! To add a register, add a record to the file of the extension or mode that it belongs to. The
//! test at the end writes and reads every register of every kind of hart.

mod counters;
mod counting;
pub(crate) mod environment;
pub(crate) mod float;
mod machine;
mod nmi;
mod protection;
mod state;
mod stateen;
pub(crate) mod status;
mod supervisor;
mod timer;
mod trigger;

pub(crate) use self::state::CsrState;
pub(crate) use self::trigger::Trigger;

use crate::config::Xlen;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::isa::{CsrOp, Flow};
use crate::trap::Exception;

/// A register, or several of a kind.
pub struct Csr {
    /// The name; of several, without the number.
    pub name: &'static str,
    /// The address.
    pub number: u16,
    /// How many there are, and from which number on, if the name needs one.
    pub family: Option<Family>,
    /// Whether a kind of hart has it.
    exists: fn(&CpuModel, u16) -> bool,
    /// Whether the hart's state permits an access that the mode does.
    permitted: fn(&Core, u16) -> bool,
    /// What it reads as.
    read: fn(&Core, u16) -> u64,
    /// What set and clear instructions start from, if not from what is read.
    modify: Option<fn(&Core, u16) -> u64>,
    /// Whether it keeps its value whatever is written.
    fixed: bool,
    /// If not, what a write of a value makes of it.
    legal: fn(&Core, u16, u64) -> u64,
    /// Stores a legal value.
    write: fn(&mut Core, u16, u64),
}

/// Registers that differ by their number only.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// How many.
    pub count: u16,
    /// The number in the name of the first.
    pub first: u16,
    /// What follows the number in the name.
    pub suffix: &'static str,
}

/// The lists of all registers.
const LISTS: &[&[Csr]] = &[
    machine::CSRS,
    supervisor::CSRS,
    counters::CSRS,
    timer::CSRS,
    environment::CSRS,
    stateen::CSRS,
    protection::CSRS,
    trigger::CSRS,
    nmi::CSRS,
    float::CSRS,
];

/// All registers that are modelled.
pub fn csrs() -> impl Iterator<Item = &'static Csr> {
    LISTS.iter().copied().flatten()
}

/// A record to be completed: always there, always permitted, any value legal.
const fn csr(
    name: &'static str,
    number: u16,
    read: fn(&Core, u16) -> u64,
    write: fn(&mut Core, u16, u64),
) -> Csr {
    Csr {
        name,
        number,
        family: None,
        exists: |_, _| true,
        permitted: |_, _| true,
        read,
        modify: None,
        fixed: false,
        legal: |_, _, value| value,
        write,
    }
}

/// A record of a register that keeps its value whatever is written.
const fn fixed(name: &'static str, number: u16, read: fn(&Core, u16) -> u64) -> Csr {
    Csr { fixed: true, ..csr(name, number, read, |_, _, _| ()) }
}

impl Csr {
    /// How many registers the record stands for.
    fn count(&self) -> u16 {
        self.family.map_or(1, |family| family.count)
    }

    /// What a write of a value makes of the register.
    fn legal_value(&self, core: &Core, index: u16, value: u64) -> u64 {
        if self.fixed {
            core.xlen.truncate((self.read)(core, index))
        } else {
            (self.legal)(core, index, value)
        }
    }

    /// The name of the register with a place in the family.
    fn member(&self, index: u16) -> String {
        match self.family {
            None => self.name.to_owned(),
            Some(Family { first, suffix, .. }) => {
                format!("{}{}{suffix}", self.name, first + index)
            }
        }
    }
}

/// Finds the record that a number belongs to.
fn find(cpu: &CpuModel, number: u16) -> Option<(&'static Csr, u16)> {
    csrs().find_map(|csr| {
        let index = number.checked_sub(csr.number)?;
        (index < csr.count() && (csr.exists)(cpu, index)).then_some((csr, index))
    })
}

/// The name of a register that a kind of hart has.
pub(crate) fn name_of(cpu: &CpuModel, number: u16) -> Option<String> {
    find(cpu, number).map(|(csr, index)| csr.member(index))
}

/// The number of a register that a kind of hart has.
pub(crate) fn number_of(cpu: &CpuModel, name: &str) -> Option<u16> {
    csrs().find_map(|csr| {
        let exists = |index: &u16| (csr.exists)(cpu, *index) && csr.member(*index) == name;
        (0..csr.count()).find(exists).map(|index| csr.number + index)
    })
}

/// The lowest mode that may access a register.
fn privilege(number: u16) -> u16 {
    number >> 8 & 3
}

/// Whether the address says that writing is never possible.
fn read_only(number: u16) -> bool {
    number >> 10 & 3 == 3
}

/// The registers of a hart by number, so that an access need not search.
pub(crate) struct CsrTable {
    /// One more than the place in `records`, or 0.
    places: Box<[u16; 4096]>,
    records: Vec<(&'static Csr, u16)>,
}

impl CsrTable {
    pub(crate) fn new(cpu: &CpuModel) -> CsrTable {
        let mut table = CsrTable { places: Box::new([0; 4096]), records: Vec::new() };
        for csr in csrs() {
            for index in (0..csr.count()).filter(|index| (csr.exists)(cpu, *index)) {
                table.records.push((csr, index));
                let number = usize::from(csr.number + index) & 0xfff;
                table.places[number] = table.records.len() as u16;
            }
        }
        table
    }

    fn get(&self, number: u16) -> Option<(&'static Csr, u16)> {
        let place = self.places[usize::from(number & 0xfff)];
        self.records.get(usize::from(place).checked_sub(1)?).copied()
    }
}

impl Core {
    /// What a CSR instruction does: gives the old value, and writes if there is an operand.
    pub(crate) fn csr_access(
        &mut self,
        op: CsrOp,
        number: u16,
        operand: Option<u64>,
        read: bool,
        bits: u32,
    ) -> Flow<u64> {
        let Some((csr, index)) = self.csrs.get(number) else {
            return self.raise(Exception::IllegalInstruction, bits.into());
        };
        let denied = (self.mode as u16) < privilege(number)
            || operand.is_some() && read_only(number)
            || !(csr.permitted)(self, index);
        if denied {
            return self.raise(Exception::IllegalInstruction, bits.into());
        }
        let old = if read { self.xlen.truncate((csr.read)(self, index)) } else { 0 };
        if let Some(operand) = operand {
            let base = match op {
                CsrOp::Write => 0,
                _ => csr.modify.map_or(old, |modify| modify(self, index)),
            };
            let value = match op {
                CsrOp::Write => operand,
                CsrOp::Set => base | operand,
                CsrOp::Clear => base & !operand,
            };
            self.csr.touched = if op == CsrOp::Write { u64::MAX } else { operand };
            self.csr.uncounted = 1;
            self.write_csr(csr, index, value);
            self.csr.uncounted = 0;
            self.csr.touched = u64::MAX;
        }
        Ok(old)
    }

    fn write_csr(&mut self, csr: &Csr, index: u16, value: u64) {
        let value = csr.legal_value(self, index, self.xlen.truncate(value));
        (csr.write)(self, index, value);
    }

    /// The value of a register, for a debugger.
    pub(crate) fn peek_csr(&self, number: u16) -> Option<u64> {
        let (csr, index) = self.csrs.get(number)?;
        Some(self.xlen.truncate((csr.read)(self, index)))
    }

    /// Writes a register, for a debugger. Returns whether there is such a one.
    pub(crate) fn poke_csr(&mut self, number: u16, value: u64) -> bool {
        let Some((csr, index)) = self.csrs.get(number) else { return false };
        if read_only(number) {
            return false;
        }
        self.write_csr(csr, index, value);
        true
    }

    /// The low or the high half of what a register of 64 bits becomes on RV32.
    fn merged(&self, old: u64, value: u64, high: bool) -> u64 {
        match (self.xlen, high) {
            (Xlen::Rv64, _) => value,
            (Xlen::Rv32, false) => old & !0xffff_ffff | value,
            (Xlen::Rv32, true) => old & 0xffff_ffff | value << 32,
        }
    }
}

#[cfg(test)]
mod tests;
