//! Physical memory protection (volume II, "Physical Memory Protection"), with the rules that bind
//! machine mode too (volume II, "'Smepmp' Extension for PMP Enhancements").

use serde::{Deserialize, Serialize};
use serde_big_array::BigArray;

use super::Access;
use crate::trap::Mode;

const R: u8 = 1;
const W: u8 = 2;
const X: u8 = 4;
const LOCK: u8 = 0x80;

/// Fields of `mseccfg`: machine-mode lockdown, machine-mode allow-list policy, rule-locking bypass.
pub(crate) const MML: u64 = 1 << 0;
pub(crate) const MMWP: u64 = 1 << 1;
pub(crate) const RLB: u64 = 1 << 2;

/// Address-matching modes, in bits 4 to 3 of a configuration byte.
const TOR: u8 = 1;
const NA4: u8 = 2;
const NAPOT: u8 = 3;

/// The PMP entries of a hart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pmp {
    /// How many entries do something. The others read as zero.
    count: usize,
    #[serde(with = "BigArray")]
    config: [u8; 64],
    #[serde(with = "BigArray")]
    addr: [u64; 64],
    /// What each entry covers: the first and the last address, if it is on.
    #[serde(with = "BigArray")]
    ranges: [Option<(u64, u64)>; 64],
    /// The low bits of an address that no entry looks at, log2 of the granularity less 2.
    grain: u32,
    /// The fields of `mseccfg` above; zero without Smepmp.
    policy: u64,
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
    /// Entries that are off; ranges begin and end at multiples of `granularity` bytes, a power of
    /// two.
    pub(crate) fn new(count: u8, granularity: u32) -> Pmp {
        let count = usize::from(count).min(64);
        let grain = granularity.trailing_zeros().saturating_sub(2);
        Pmp { count, config: [0; 64], addr: [0; 64], ranges: [None; 64], grain, policy: 0 }
    }

    /// Whether these are entries of the same hart with registers that it can have.
    pub(crate) fn fits(&self, own: &Pmp) -> bool {
        let like = (self.count, self.grain) == (own.count, own.grain);
        like && self.addr.iter().all(|addr| *addr <= low_bits(54))
    }

    /// The fields of `mseccfg` that concern protection.
    pub(crate) fn policy(&self) -> u64 {
        self.policy
    }

    /// What a write of these fields makes of them: the first two stay set, and the bypass cannot
    /// come back once an entry is locked.
    pub(crate) fn legal_policy(&self, value: u64) -> u64 {
        let sticky = self.policy & (MML | MMWP);
        let locked = self.config.iter().any(|config| config & LOCK != 0);
        let fixed = if locked && self.policy & RLB == 0 { RLB } else { 0 };
        (value & (MML | MMWP | RLB) & !fixed) | sticky
    }

    /// Sets the fields to legal values.
    pub(crate) fn set_policy(&mut self, policy: u64) {
        self.policy = policy;
    }

    /// The configuration byte of an entry.
    pub(crate) fn config(&self, entry: usize) -> u8 {
        self.config[entry & 63]
    }

    /// The address register of an entry. Of the bits that are too fine, it shows what they stand
    /// for in the mode of the entry; what was written comes back with another mode.
    pub(crate) fn addr(&self, entry: usize) -> u64 {
        let addr = self.addr[entry & 63];
        match mode(self.config(entry)) {
            NAPOT => addr | low_bits(self.grain.saturating_sub(1)),
            _ => addr & !low_bits(self.grain),
        }
    }

    /// What a write of a configuration byte makes of it.
    pub(crate) fn legal_config(&self, entry: usize, value: u8) -> u8 {
        let old = self.config(entry);
        let value = value & (LOCK | 3 << 3 | R | W | X);
        let reserved = if self.policy & MML != 0 {
            // No new code for machine mode, unless rules can be taken back.
            let rights = value & (LOCK | R | W | X);
            let code = [LOCK | X, LOCK | W, LOCK | W | X, LOCK | R | X].contains(&rights);
            code && self.policy & RLB == 0
        } else {
            // Writable but not readable.
            value & (R | W) == W
        };
        if entry >= self.count || self.locked(old) || reserved {
            return old;
        }
        // Four bytes are too few for a coarser grain.
        if self.grain > 0 && mode(value) == NA4 { value & !(3 << 3) | old & 3 << 3 } else { value }
    }

    /// Whether a configuration byte keeps itself and its address from being written.
    fn locked(&self, config: u8) -> bool {
        config & LOCK != 0 && self.policy & RLB == 0
    }

    /// What a write of an address register makes of it.
    pub(crate) fn legal_addr(&self, entry: usize, value: u64) -> u64 {
        // The next entry, if it is locked and a top-of-range one, locks its lower bound too.
        let next = if entry < 63 { self.config(entry + 1) } else { 0 };
        let bound = self.locked(next) && mode(next) == TOR;
        if entry >= self.count || self.locked(self.config(entry)) || bound {
            self.addr[entry & 63]
        } else {
            value & low_bits(54)
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
            let addr = self.addr(entry);
            let below = |entry: usize| self.addr[entry] & !low_bits(self.grain);
            self.ranges[entry] = match mode(self.config[entry]) {
                TOR => {
                    let low = if entry == 0 { 0 } else { below(entry - 1) };
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
            let allowed = self.rights(self.config[entry], mode) & right(access) != 0;
            return if allowed { Verdict::Allowed } else { Verdict::Denied };
        }
        let allowed = match mode {
            _ if self.count == 0 => true,
            Mode::Machine if self.policy & MMWP != 0 => false,
            Mode::Machine => self.policy & MML == 0 || access != Access::Fetch,
            _ => false,
        };
        if allowed { Verdict::Allowed } else { Verdict::Denied }
    }

    /// What an entry gives to a mode. With machine-mode lockdown its bits have a meaning of their
    /// own (the truth table of Smepmp).
    fn rights(&self, config: u8, mode: Mode) -> u8 {
        let (lock, rights) = (config & LOCK != 0, config & (R | W | X));
        let machine = mode == Mode::Machine;
        if self.policy & MML == 0 {
            return if machine && !lock { R | W | X } else { rights };
        }
        const WX: u8 = W | X;
        const RWX: u8 = R | W | X;
        match (lock, rights) {
            (false, W) => {
                if machine {
                    R | W
                } else {
                    R
                }
            }
            (false, WX) => R | W,
            (true, W) => X,
            (true, WX) => {
                if machine {
                    R | X
                } else {
                    X
                }
            }
            (true, RWX) => R,
            // The rest is for one side only: locked entries for machine mode.
            _ if lock == machine => rights,
            _ => 0,
        }
    }
}

/// The bit that allows an access.
fn right(access: Access) -> u8 {
    match access {
        Access::Fetch => X,
        Access::Load => R,
        Access::Store => W,
    }
}

/// So many ones.
fn low_bits(count: u32) -> u64 {
    (1 << count) - 1
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
        assert!(!allowed(&Pmp::new(16, 4), 0, Access::Load, Mode::User));
        assert!(allowed(&Pmp::new(16, 4), 0, Access::Load, Mode::Machine));
        assert!(allowed(&Pmp::new(0, 4), 0, Access::Load, Mode::User));
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
            let mut pmp = Pmp::new(16, 4);
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
        let mut pmp = Pmp::new(16, 4);
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
        let mut pmp = Pmp::new(16, 4);
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

    #[test]
    fn a_coarser_grain_rounds_ranges_and_shows_it() {
        for (granularity, config, written, read, inside, outside) in [
            (4096, NAPOT << 3 | R, 0x1000 >> 2, 0x5ff, 0x1000, 0x2000),
            (4096, TOR << 3 | R, 0x2fff >> 2, 0x2000 >> 2, 0x1ffc, 0x2000),
            (8, NAPOT << 3 | R, 0x1000 >> 2, 0x1000 >> 2, 0x1004, 0x1008),
            (16, NAPOT << 3 | R, 0x1000 >> 2, 0x1000 >> 2 | 1, 0x100c, 0x1010),
        ] {
            let mut pmp = Pmp::new(16, granularity);
            pmp.set_addr(0, written);
            pmp.set_config(0, config);
            assert_eq!(pmp.addr(0), read, "{granularity} {config:#x}");
            assert!(allowed(&pmp, inside, Access::Load, Mode::User), "{granularity}");
            assert!(!allowed(&pmp, outside, Access::Load, Mode::User), "{granularity}");
        }
        assert_eq!(Pmp::new(16, 8).legal_config(0, NA4 << 3 | R), R, "too fine");
    }

    /// The truth table of Smepmp, row by row: the bits, then the rights of machine mode and of
    /// the others.
    #[test]
    fn lockdown_gives_every_combination_its_meaning() {
        for (lock, bits, machine, others) in [
            (0, 0, 0, 0),
            (0, X, 0, X),
            (0, W, R | W, R),
            (0, W | X, R | W, R | W),
            (0, R, 0, R),
            (0, R | X, 0, R | X),
            (0, R | W, 0, R | W),
            (0, R | W | X, 0, R | W | X),
            (LOCK, 0, 0, 0),
            (LOCK, X, X, 0),
            (LOCK, W, X, X),
            (LOCK, W | X, R | X, X),
            (LOCK, R, R, 0),
            (LOCK, R | X, R | X, 0),
            (LOCK, R | W, R | W, 0),
            (LOCK, R | W | X, R, R),
        ] {
            let mut pmp = Pmp::new(16, 4);
            pmp.set_policy(MML);
            for (mode, rights) in
                [(Mode::Machine, machine), (Mode::Supervisor, others), (Mode::User, others)]
            {
                assert_eq!(pmp.rights(lock | bits, mode), rights, "{lock} {bits} {mode:?}");
            }
            let code = lock == LOCK && [X, W, W | X, R | X].contains(&bits);
            let kept = if code { 0 } else { lock | bits };
            assert_eq!(pmp.legal_config(0, lock | bits), kept, "{lock} {bits}");
            pmp.set_policy(MML | RLB);
            assert_eq!(pmp.legal_config(0, lock | bits), lock | bits, "{lock} {bits}");
        }
    }

    #[test]
    fn policies_stay_and_unmatched_accesses_follow_them() {
        let mut pmp = Pmp::new(16, 4);
        let verdicts = |pmp: &Pmp| {
            [Access::Fetch, Access::Load].map(|access| allowed(pmp, 0, access, Mode::Machine))
        };
        assert_eq!(verdicts(&pmp), [true, true]);
        pmp.set_policy(MML);
        assert_eq!(verdicts(&pmp), [false, true]);
        pmp.set_policy(MML | MMWP);
        assert_eq!(verdicts(&pmp), [false, false]);
        assert_eq!(pmp.legal_policy(0), MML | MMWP);
        assert_eq!(pmp.legal_policy(RLB), MML | MMWP | RLB);
        pmp.set_policy(RLB);
        pmp.set_config(3, LOCK | R);
        assert_eq!(pmp.legal_config(3, R), R, "the bypass");
        assert_eq!(pmp.legal_policy(RLB), RLB);
        pmp.set_policy(0);
        assert_eq!(pmp.legal_policy(RLB), 0, "an entry is locked");
    }
}
