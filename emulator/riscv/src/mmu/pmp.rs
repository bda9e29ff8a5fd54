//! Physical memory protection (volume II, "Physical Memory Protection").

use super::Access;
use crate::trap::Mode;

const R: u8 = 1;
const W: u8 = 2;
const X: u8 = 4;
const LOCK: u8 = 0x80;

/// Address-matching modes, in bits 4 to 3 of a configuration byte.
const TOR: u8 = 1;
const NA4: u8 = 2;
const NAPOT: u8 = 3;

/// The PMP entries of a hart.
#[derive(Debug)]
pub(crate) struct Pmp {
    /// How many entries do something. The others read as zero.
    count: usize,
    config: [u8; 64],
    addr: [u64; 64],
    /// What each entry covers: the first and the last address, if it is on.
    ranges: [Option<(u64, u64)>; 64],
}

/// What the entries say of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The access is allowed anywhere in it.
    Allowed,
    /// The access is denied anywhere in it.
    Denied,
    /// It depends on where.
    Mixed,
}

impl Pmp {
    pub(crate) fn new(count: u8) -> Pmp {
        let count = usize::from(count).min(64);
        Pmp { count, config: [0; 64], addr: [0; 64], ranges: [None; 64] }
    }

    /// The configuration byte of an entry.
    pub(crate) fn config(&self, entry: usize) -> u8 {
        self.config[entry & 63]
    }

    /// The address register of an entry.
    pub(crate) fn addr(&self, entry: usize) -> u64 {
        self.addr[entry & 63]
    }

    /// What a write of a configuration byte makes of it.
    pub(crate) fn legal_config(&self, entry: usize, value: u8) -> u8 {
        let old = self.config(entry);
        // Writable but not readable is reserved.
        let reserved = value & (R | W) == W;
        if entry >= self.count || old & LOCK != 0 || reserved { old } else { value & 0x9f }
    }

    /// What a write of an address register makes of it.
    pub(crate) fn legal_addr(&self, entry: usize, value: u64) -> u64 {
        // The next entry, if it is locked and a top-of-range one, locks its lower bound too.
        let next = if entry < 63 { self.config(entry + 1) } else { 0 };
        let bound = next & LOCK != 0 && mode(next) == TOR;
        if entry >= self.count || self.config(entry) & LOCK != 0 || bound {
            self.addr(entry)
        } else {
            value & ((1 << 54) - 1)
        }
    }

    /// Sets a configuration byte to a legal value.
    pub(crate) fn set_config(&mut self, entry: usize, value: u8) {
        self.config[entry & 63] = value;
        self.update();
    }

    /// Sets an address register to a legal value.
    pub(crate) fn set_addr(&mut self, entry: usize, value: u64) {
        self.addr[entry & 63] = value;
        self.update();
    }

    fn update(&mut self) {
        for entry in 0..self.count {
            let addr = self.addr[entry];
            self.ranges[entry] = match mode(self.config[entry]) {
                TOR => {
                    let low = if entry == 0 { 0 } else { self.addr[entry - 1] };
                    // An empty range matches nothing.
                    (low < addr).then(|| (low << 2, (addr << 2) - 1))
                }
                NA4 => Some((addr << 2, (addr << 2) + 3)),
                NAPOT => {
                    // Ones at the end tell the size: n of them make 2^(n+3) bytes.
                    let size = addr.trailing_ones();
                    let span = (1u64 << (size + 3)) - 1;
                    Some(((addr << 2) & !span, (addr << 2) & !span | span))
                }
                _ => None,
            };
        }
    }

    /// What the entries say of an access to bytes `first` to `last`. The first entry that covers
    /// any of them decides; an access of which it covers only a part fails.
    pub(crate) fn check(&self, first: u64, last: u64, access: Access, mode: Mode) -> Verdict {
        for entry in 0..self.count {
            let Some((low, high)) = self.ranges[entry] else { continue };
            if last < low || first > high {
                continue;
            }
            if first < low || last > high {
                return Verdict::Mixed;
            }
            let config = self.config[entry];
            let needed = match access {
                Access::Fetch => X,
                Access::Load => R,
                Access::Store => W,
            };
            let binding = mode != Mode::Machine || config & LOCK != 0;
            let allowed = !binding || config & needed != 0;
            return if allowed { Verdict::Allowed } else { Verdict::Denied };
        }
        if mode == Mode::Machine || self.count == 0 { Verdict::Allowed } else { Verdict::Denied }
    }
}

fn mode(config: u8) -> u8 {
    config >> 3 & 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(pmp: &Pmp, addr: u64, access: Access, mode: Mode) -> bool {
        pmp.check(addr, addr + 3, access, mode) == Verdict::Allowed
    }

    #[test]
    fn without_entries_user_mode_is_denied_unless_there_are_none_to_have() {
        assert!(!allowed(&Pmp::new(16), 0, Access::Load, Mode::User));
        assert!(allowed(&Pmp::new(16), 0, Access::Load, Mode::Machine));
        assert!(allowed(&Pmp::new(0), 0, Access::Load, Mode::User));
    }

    #[test]
    fn each_matching_mode_covers_its_range() {
        for (entries, inside, outside) in [
            (&[(NA4 << 3 | R, 0x1000 >> 2)][..], &[0x1000][..], &[0xffc, 0x1004][..]),
            (&[(NAPOT << 3 | R, 0x1000 >> 2)][..], &[0x1000, 0x1004], &[0xffc, 0x1008]),
            (&[(NAPOT << 3 | R, 0x1fff >> 2)][..], &[0x0, 0x3ffc], &[0x4000]),
            (&[(0, 0x1000 >> 2), (TOR << 3 | R, 0x2000 >> 2)], &[0x1000, 0x1ffc], &[0xffc, 0x2000]),
            (&[(TOR << 3 | R, 0x2000 >> 2)], &[0, 0x1ffc], &[0x2000]),
            (&[(NAPOT << 3 | R, (1 << 54) - 1)], &[0, 1 << 55], &[]),
        ] {
            let mut pmp = Pmp::new(16);
            for (entry, &(config, addr)) in entries.iter().enumerate() {
                pmp.set_addr(entry, addr);
                pmp.set_config(entry, config);
            }
            for &addr in inside {
                assert!(allowed(&pmp, addr, Access::Load, Mode::Supervisor), "{addr:#x}");
                assert!(!allowed(&pmp, addr, Access::Store, Mode::Supervisor), "{addr:#x}");
                assert!(allowed(&pmp, addr, Access::Store, Mode::Machine), "{addr:#x}");
            }
            for &addr in outside {
                assert!(!allowed(&pmp, addr, Access::Load, Mode::User), "{addr:#x}");
            }
        }
    }

    #[test]
    fn the_first_match_decides_and_must_cover_the_access() {
        let mut pmp = Pmp::new(16);
        pmp.set_addr(0, 0x1000 >> 2);
        pmp.set_config(0, NA4 << 3);
        pmp.set_addr(1, (1 << 54) - 1);
        pmp.set_config(1, NAPOT << 3 | R | W | X);
        assert!(!allowed(&pmp, 0x1000, Access::Load, Mode::User));
        assert!(allowed(&pmp, 0x1004, Access::Load, Mode::User));
        assert_eq!(pmp.check(0x1000, 0x1007, Access::Load, Mode::User), Verdict::Mixed);
    }

    #[test]
    fn a_lock_binds_machine_mode_and_itself() {
        let mut pmp = Pmp::new(16);
        pmp.set_addr(1, 0x2000 >> 2);
        pmp.set_config(1, LOCK | TOR << 3 | R);
        assert!(!allowed(&pmp, 0x1000, Access::Store, Mode::Machine));
        assert_eq!(pmp.legal_config(1, 0x1f), LOCK | TOR << 3 | R);
        assert_eq!(pmp.legal_addr(1, 5), 0x2000 >> 2);
        assert_eq!(pmp.legal_addr(0, 5), 0, "the lower bound is locked too");
        assert_eq!(pmp.legal_addr(2, 5), 5);
        assert_eq!(pmp.legal_config(2, W), 0, "reserved");
        assert_eq!(pmp.legal_config(16, 7), 0, "not there");
    }
}
