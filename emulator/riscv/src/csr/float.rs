//! Floating-point state (volume I, "Floating-Point Control and Status Register"), and how it is
//! switched off and tracked (volume II, "Extension Context Status in mstatus Register").

use super::{Csr, csr, status};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::float::{self, FloatFormat, FloatOp, Rounding, host};

const FLAGS: u64 = 0x1f;
const MODE: u64 = 7;
const MODE_SHIFT: u32 = 5;
/// The field of an instruction that says to round as `frm` says.
const DYNAMIC: u8 = 7;

pub(super) const CSRS: &[Csr] = &[
    Csr {
        legal: |_, _, value| value & FLAGS,
        ..here(
            "fflags",
            0x001,
            |core, _| core.fflags.into(),
            |core, _, value| {
                core.fflags = value as u8;
                core.float_is_dirty();
            },
        )
    },
    Csr {
        legal: |_, _, value| value & MODE,
        ..here(
            "frm",
            0x002,
            |core, _| core.frm.into(),
            |core, _, value| {
                core.frm = value as u8;
                core.float_is_dirty();
            },
        )
    },
    Csr {
        legal: |_, _, value| value & (MODE << MODE_SHIFT | FLAGS),
        ..here(
            "fcsr",
            0x003,
            |core, _| core.fcsr(),
            |core, _, value| {
                core.fflags = (value & FLAGS) as u8;
                core.frm = (value >> MODE_SHIFT) as u8;
                core.float_is_dirty();
            },
        )
    },
];

const fn here(
    name: &'static str,
    number: u16,
    read: fn(&Core, u16) -> u64,
    write: fn(&mut Core, u16, u64),
) -> Csr {
    Csr {
        exists: |cpu, _| exists(cpu),
        permitted: |core, _| !core.float_is_off(),
        ..csr(name, number, read, write)
    }
}

/// Whether a kind of hart has floating-point registers.
pub(crate) fn exists(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::F)
}

impl Core {
    pub(crate) fn fcsr(&self) -> u64 {
        u64::from(self.frm) << MODE_SHIFT | u64::from(self.fflags)
    }

    /// Whether instructions that touch floating-point state are illegal now.
    #[inline(always)]
    pub(crate) fn float_is_off(&self) -> bool {
        self.csr.mstatus & status::FS == 0
    }

    /// Notes that floating-point state differs from what software may have saved.
    #[inline(always)]
    pub(crate) fn float_is_dirty(&mut self) {
        self.csr.mstatus |= status::FS;
    }

    /// Does an operation and accrues its flags; `None` if there is no such rounding mode.
    #[inline(always)]
    pub(crate) fn float(
        &mut self,
        op: FloatOp,
        format: FloatFormat,
        rm: u8,
        operands: [u64; 3],
    ) -> Option<u64> {
        let mode = if rm == DYNAMIC { self.frm } else { rm };
        let rounding = Rounding::from_bits(mode)?;
        let (value, flags) = match host::operate(op, format, rounding, self.fflags, operands) {
            Some(answer) => answer,
            None => float::operate(op, format, rounding, operands),
        };
        if flags != 0 {
            self.fflags |= flags;
            self.float_is_dirty();
        }
        Some(value)
    }
}
