//! Privileged instructions (volume II, "Trap-Return Instructions", "Wait for Interrupt" and
//! "Supervisor Memory-Management Fence Instruction", "'Svinval' Extension for Fine-Grained
//! Address-Translation Cache Invalidation", "'Smrnmi' Extension for Resumable Non-Maskable Interrupts"). In which modes they may be used, the helpers check.

use super::{Helper, Instruction, Needs, extension};
use crate::extension::Extension;

pub(super) const MACHINE: &[Instruction] = machine::INSTRUCTIONS;
pub(super) const SMRNMI: &[Instruction] = smrnmi::INSTRUCTIONS;
pub(super) const SUPERVISOR: &[Instruction] = supervisor::INSTRUCTIONS;
pub(super) const SVINVAL: &[Instruction] = svinval::INSTRUCTIONS;

mod machine {
    use super::*;

    extension! { Needs::Machine;
        "mret" Any None "0011000 00010 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::Mret, zero, zero)?;
        }
        "wfi" Any None "0001000 00101 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::Wfi, zero, zero)?;
        }
    }
}

mod smrnmi {
    use super::*;

    extension! { Needs::Extension(Extension::Smrnmi);
        "mnret" Any None "0111000 00010 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::Mnret, zero, zero)?;
        }
    }
}

mod supervisor {
    use super::*;

    extension! { Needs::Supervisor;
        "sret" Any None "0001000 00010 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::Sret, zero, zero)?;
        }
        "sfence.vma" Any Sources "0001001 ..... ..... 000 00000 1110011" |b, i| {
            let (addr, asid) = (b.x(i.rs1), b.x(i.rs2));
            b.helper(Helper::SfenceVma, addr, asid)?;
        }
    }
}

mod svinval {
    use super::*;

    extension! { Needs::Extension(Extension::Svinval);
        "sinval.vma" Any Sources "0001011 ..... ..... 000 00000 1110011" |b, i| {
            let (addr, asid) = (b.x(i.rs1), b.x(i.rs2));
            b.helper(Helper::SfenceVma, addr, asid)?;
        }
        "sfence.w.inval" Any None "0001100 00000 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::SfenceInval, zero, zero)?;
        }
        "sfence.inval.ir" Any None "0001100 00001 00000 000 00000 1110011" |b, _i| {
            let zero = b.constant(0);
            b.helper(Helper::SfenceInval, zero, zero)?;
        }
    }
}
