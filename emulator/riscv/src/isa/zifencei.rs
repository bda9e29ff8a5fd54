//! The instruction-fetch fence (volume I, "'Zifencei' Extension for Instruction-Fetch Fence").

use super::{Helper, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zifencei);
    "fence.i" Any None "............ ..... 001 ..... 0001111" |b, _i| {
        let zero = b.constant(0);
        b.helper(Helper::FenceI, zero, zero)?;
    }
}
