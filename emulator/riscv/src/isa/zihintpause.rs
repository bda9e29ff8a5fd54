//! A hint that this is a loop that waits (volume I, "'Zihintpause' Extension for Pause Hint"): a
//! fence of nothing.

use super::{Hint, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zihintpause);
    "pause" Any None "000000010000 00000 000 00000 0001111" |b, _i| { b.hint(Hint::Pause); }
}
