//! Waiting on a reservation (volume I, "'Zawrs' Extension for Wait-on-Reservation-Set
//! instructions"). A wait may end at any time, and these end at once, so that no time limit is ever
//! reached; but the host may run another hart first.

use super::{Hint, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zawrs);
    "wrs.nto" Any None "000000001101 00000 000 00000 1110011" |b, _i| { b.hint(Hint::Pause); }
    "wrs.sto" Any None "000000011101 00000 000 00000 1110011" |b, _i| { b.hint(Hint::Pause); }
}
