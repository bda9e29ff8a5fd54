//! The extensions of the instruction set: their names, what belongs to what, and sets of them.
//!
//! The names, their order and the rules follow volume I, chapter "ISA Extension Naming
//! Conventions" (and each extension's own chapter), volume II for those that begin with `s`, and
//! the RVA22 profile for the names it gives to properties of the memory system.

use std::fmt;

use crate::config::Xlen;

/// What is known of an extension. A row of `extensions!`.
struct Row {
    name: &'static str,
    modelled: bool,
    parts: &'static [Extension],
    needs: &'static [Extension],
}

/// Makes the enum and the table of rows. `later` is what no hart can have yet.
macro_rules! extensions {
    (@modelled modelled) => { true };
    (@modelled later) => { false };
    ($($(#[$doc:meta])* $name:ident $text:literal $state:ident
        $(parts [$($part:ident)*])? $(needs [$($need:ident)*])?;)*) => {
        /// An extension of the instruction set, base sets included.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Extension {
            $($(#[$doc])* $name,)*
        }

        impl Extension {
            /// All that have a name here, in the order of the ISA string.
            pub const ALL: &[Extension] = &[$(Extension::$name),*];
        }

        const ROWS: &[Row] = &[$(Row {
            name: $text,
            modelled: extensions!(@modelled $state),
            parts: &[$($(Extension::$part),*)?],
            needs: &[$($(Extension::$need),*)?],
        }),*];
    };
}

// In the order in which the ISA string names them: the base, letters, `z` by category and then
// alphabetically, supervisor level, machine level.
extensions! {
    /// The base integer instruction set.
    I "i" modelled;
    /// The base integer instruction set with 16 registers.
    E "e" modelled;
    /// Multiplication and division.
    M "m" modelled parts [Zmmul];
    /// Atomic instructions.
    A "a" modelled parts [Zaamo Zalrsc];
    /// Single-precision floating point.
    F "f" modelled needs [Zicsr];
    /// Double-precision floating point.
    D "d" modelled needs [F];
    /// Compressed instructions. With `d` it has `zcd` too, and on RV32 with `f` `zcf`.
    C "c" modelled parts [Zca];
    /// Bit manipulation.
    B "b" modelled parts [Zba Zbb Zbs];
    /// Vectors.
    V "v" later needs [D];
    /// Hypervisors.
    H "h" later needs [I Zicsr];

    /// Cache blocks are 64 bytes long.
    Zic64b "zic64b" modelled;
    /// Cache-block management.
    Zicbom "zicbom" modelled;
    /// Cache-block prefetching.
    Zicbop "zicbop" modelled;
    /// Zeroing of cache blocks.
    Zicboz "zicboz" modelled;
    /// Main memory supports all atomic operations.
    Ziccamoa "ziccamoa" modelled needs [Zaamo];
    /// Instructions are fetched from main memory in one piece.
    Ziccif "ziccif" modelled;
    /// Main memory supports misaligned loads and stores.
    Zicclsm "zicclsm" modelled;
    /// Loops with reservations get on in the end.
    Ziccrse "ziccrse" modelled needs [Zalrsc];
    /// Base counters and timers.
    Zicntr "zicntr" modelled needs [Zicsr];
    /// Conditional operations.
    Zicond "zicond" modelled;
    /// CSR instructions.
    Zicsr "zicsr" modelled;
    /// Instruction-fetch fence.
    Zifencei "zifencei" modelled;
    /// Hints that a memory access will not be repeated.
    Zihintntl "zihintntl" modelled;
    /// A hint that this is a loop that waits.
    Zihintpause "zihintpause" modelled;
    /// Hardware performance counters.
    Zihpm "zihpm" modelled needs [Zicsr];
    /// Instructions that may become operations.
    Zimop "zimop" modelled;
    /// Multiplication alone.
    Zmmul "zmmul" modelled;

    /// Reservation sets are 64 bytes long at most.
    Za64rs "za64rs" modelled needs [Zalrsc];
    /// Atomic memory operations.
    Zaamo "zaamo" modelled;
    /// Atomic memory operations on bytes and halfwords.
    Zabha "zabha" modelled needs [Zaamo];
    /// Atomic compare and swap.
    Zacas "zacas" modelled needs [Zaamo];
    /// Load reserved and store conditional.
    Zalrsc "zalrsc" modelled;
    /// Waiting on a reservation.
    Zawrs "zawrs" modelled needs [Zalrsc];

    /// Additional floating-point instructions.
    Zfa "zfa" modelled needs [F];
    /// Half-precision floating point.
    Zfh "zfh" modelled parts [Zfhmin] needs [F];
    /// Half-precision floating point: loads, stores and conversions.
    Zfhmin "zfhmin" modelled needs [F];

    /// Compressed instructions without those of floating point.
    Zca "zca" modelled;
    /// More compressed instructions.
    Zcb "zcb" modelled needs [Zca];
    /// Compressed loads and stores of `d`.
    Zcd "zcd" modelled needs [Zca D];
    /// Compressed loads and stores of `f`, RV32 only.
    Zcf "zcf" modelled needs [Zca F];
    /// Compressed instructions that may become operations.
    Zcmop "zcmop" modelled needs [Zca];

    /// Address generation.
    Zba "zba" modelled;
    /// Basic bit manipulation.
    Zbb "zbb" modelled;
    /// Carry-less multiplication.
    Zbc "zbc" modelled;
    /// Bit manipulation for cryptography.
    Zbkb "zbkb" modelled;
    /// Carry-less multiplication for cryptography.
    Zbkc "zbkc" modelled;
    /// Crossbar permutations.
    Zbkx "zbkx" modelled;
    /// Single bits.
    Zbs "zbs" modelled;

    /// Scalar cryptography.
    Zk "zk" later parts [Zkn Zkr Zkt];
    /// The NIST suite of algorithms.
    Zkn "zkn" modelled parts [Zbkb Zbkc Zbkx Zknd Zkne Zknh];
    /// AES decryption.
    Zknd "zknd" modelled;
    /// AES encryption.
    Zkne "zkne" modelled;
    /// SHA-2 hashes.
    Zknh "zknh" modelled;
    /// The entropy source.
    Zkr "zkr" later needs [Zicsr];
    /// The ShangMi suite of algorithms.
    Zks "zks" modelled parts [Zbkb Zbkc Zbkx Zksed Zksh];
    /// The SM4 cipher.
    Zksed "zksed" modelled;
    /// The SM3 hash.
    Zksh "zksh" modelled;
    /// Latencies that do not depend on data.
    Zkt "zkt" modelled;

    /// Page tables can be in any main memory.
    Ssccptr "ssccptr" modelled;
    /// Overflow of counters, and filtering by mode.
    Sscofpmf "sscofpmf" modelled needs [Zihpm];
    /// Every counter can be enabled for user mode.
    Sscounterenw "sscounterenw" modelled;
    /// State of extensions enabled for the modes below.
    Ssstateen "ssstateen" modelled;
    /// The timer of supervisor mode.
    Sstc "sstc" modelled;
    /// `stval` holds the faulting address or instruction.
    Sstvala "sstvala" modelled;
    /// `stvec` can hold any aligned address in direct mode.
    Sstvecd "sstvecd" modelled;
    /// The accessed and dirty bits raise page faults.
    Svade "svade" modelled;
    /// The accessed and dirty bits are updated.
    Svadu "svadu" modelled;
    /// Invalidation of translations in small steps.
    Svinval "svinval" modelled;
    /// Translations of naturally aligned powers of two of pages, RV64 only.
    Svnapot "svnapot" modelled;
    /// Memory types chosen by page, RV64 only.
    Svpbmt "svpbmt" modelled;

    /// Triggers for debuggers.
    Sdtrig "sdtrig" modelled needs [Zicsr];
    /// Filtering of cycles and instructions by mode.
    Smcntrpmf "smcntrpmf" modelled needs [Zicntr];
    /// Physical memory protection that restricts machine mode.
    Smepmp "smepmp" modelled needs [Zicsr];
    /// Non-maskable interrupts that can be returned from.
    Smrnmi "smrnmi" modelled needs [Zicsr];
    /// State of extensions enabled for the modes below, machine level.
    Smstateen "smstateen" modelled parts [Ssstateen] needs [Zicsr];
}

impl Extension {
    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The name in an ISA string or a device tree.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The extension of that name.
    pub fn find(name: &str) -> Option<Extension> {
        Extension::ALL.iter().copied().find(|extension| extension.name() == name)
    }

    /// Whether harts can have it.
    pub const fn modelled(self) -> bool {
        self.row().modelled
    }

    /// What it must not be without, and does not bring along: `f` for `d`.
    pub const fn needs(self) -> &'static [Extension] {
        self.row().needs
    }

    /// What it consists of, wholly or in part: `zaamo` and `zalrsc` for `a`.
    pub const fn parts(self) -> &'static [Extension] {
        self.row().parts
    }

    /// Whether it has meaning for supervisor mode only, as the name says.
    pub fn is_supervisor_level(self) -> bool {
        self == Extension::H || self.name().starts_with("ss") || self.name().starts_with("sv")
    }

    /// The register width it exists at, if not at both.
    pub const fn width(self) -> Option<Xlen> {
        match self {
            Extension::Zcf => Some(Xlen::Rv32),
            Extension::Svnapot | Extension::Svpbmt => Some(Xlen::Rv64),
            _ => None,
        }
    }

    /// The bit in `misa`, for those that have a letter.
    pub(crate) fn misa(self) -> u64 {
        match self.name().as_bytes() {
            [letter] => 1 << (letter - b'a'),
            _ => 0,
        }
    }
}

/// A set of extensions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtensionSet(u128);

const _: () = assert!(ROWS.len() <= u128::BITS as usize, "the set is to be widened");

impl ExtensionSet {
    /// The set of these.
    pub const fn of(list: &[Extension]) -> ExtensionSet {
        let mut set = ExtensionSet(0);
        let mut i = 0;
        while i < list.len() {
            set.0 |= 1 << list[i] as u32;
            i += 1;
        }
        set
    }

    /// What a hart of some width has that is to have these: all parts of them, and nothing that is
    /// not modelled yet.
    pub const fn complete(list: &[Extension], xlen: Xlen) -> ExtensionSet {
        let mut set = ExtensionSet::of(list).with_parts(xlen);
        let mut i = 0;
        while i < ROWS.len() {
            if !ROWS[i].modelled {
                set.0 &= !(1 << i);
            }
            i += 1;
        }
        set
    }

    /// Whether an extension is in the set.
    pub const fn has(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u32) != 0
    }

    /// Puts an extension in or takes it out.
    pub fn set(&mut self, extension: Extension, present: bool) {
        let bit = 1 << extension as u32;
        self.0 = if present { self.0 | bit } else { self.0 & !bit };
    }

    /// Everything in either set.
    pub const fn union(self, other: ExtensionSet) -> ExtensionSet {
        ExtensionSet(self.0 | other.0)
    }

    /// Everything that is not in the other set.
    pub const fn without(self, other: ExtensionSet) -> ExtensionSet {
        ExtensionSet(self.0 & !other.0)
    }

    /// The set with all parts of its members, on harts of some width.
    pub const fn with_parts(self, xlen: Xlen) -> ExtensionSet {
        let mut set = self;
        loop {
            let more = set.union(set.parts(xlen));
            if more.0 == set.0 {
                return set;
            }
            set = more;
        }
    }

    /// The set after some extensions have been put in or taken out, the last word on each of them
    /// counting. What is put in brings its parts along, and what is taken out takes with it what
    /// is a part of nothing else, and what needs it, unless that has a letter: of letters people
    /// know, and are told. But what is named itself is as it is named, so that the result may lack
    /// something.
    #[must_use]
    pub fn with_choices(self, choices: &[(Extension, bool)], xlen: Xlen) -> ExtensionSet {
        let named = |mut set: ExtensionSet| {
            choices.iter().for_each(|(extension, present)| set.set(*extension, *present));
            set
        };
        let mut set = named(self);
        loop {
            let complete = named(set.with_parts(xlen));
            let orphans = self.parts(xlen).without(set.parts(xlen));
            let less = named(set.without(orphans).without(self.stranded(complete)));
            if less == set {
                return complete;
            }
            set = less;
        }
    }

    /// The members without a letter that would miss what they need in another set.
    fn stranded(self, other: ExtensionSet) -> ExtensionSet {
        let misses = |extension: &Extension| {
            extension.name().len() > 1 && extension.needs().iter().any(|needed| !other.has(*needed))
        };
        let list: Vec<_> = self.iter().filter(misses).collect();
        ExtensionSet::of(&list)
    }

    /// What the members consist of.
    const fn parts(self, xlen: Xlen) -> ExtensionSet {
        let mut parts = ExtensionSet(0);
        let mut i = 0;
        while i < ROWS.len() {
            if self.0 & (1 << i) != 0 {
                parts = parts.union(self.parts_of(Extension::ALL[i], xlen));
            }
            i += 1;
        }
        parts
    }

    /// What a member consists of in this company.
    pub const fn parts_of(self, extension: Extension, xlen: Xlen) -> ExtensionSet {
        let parts = ExtensionSet::of(extension.parts());
        if !matches!(extension, Extension::C) {
            return parts;
        }
        let floats = match xlen {
            Xlen::Rv32 if self.has(Extension::D) => {
                ExtensionSet::of(&[Extension::Zcd, Extension::Zcf])
            }
            Xlen::Rv32 if self.has(Extension::F) => ExtensionSet::of(&[Extension::Zcf]),
            Xlen::Rv64 if self.has(Extension::D) => ExtensionSet::of(&[Extension::Zcd]),
            _ => ExtensionSet(0),
        };
        parts.union(floats)
    }

    /// The members in the order of the ISA string.
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.iter().copied().filter(move |extension| self.has(*extension))
    }
}

impl fmt::Debug for ExtensionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Extension::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a name stands in an ISA string.
    fn place(name: &str) -> (usize, usize, &str) {
        let letter = |letter: &str, order: &str| order.find(letter).unwrap_or(usize::MAX);
        match name.as_bytes() {
            [_] => (0, letter(name, "iemafdqcbpvh"), ""),
            [b'z', ..] => (1, letter(&name[1..2], "imafdqcbkvh"), name),
            [b's', b's' | b'v', ..] => (2, 0, name),
            _ => (3, 0, name),
        }
    }

    #[test]
    fn names_stand_in_the_order_of_the_manual() {
        let names: Vec<_> = Extension::ALL.iter().map(|e| place(e.name())).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        assert_eq!(ROWS.len(), Extension::ALL.len());
    }

    #[test]
    fn parts_come_along() {
        use Extension::*;
        let set = |list: &[Extension], xlen| ExtensionSet::of(list).with_parts(xlen);
        let names = |set: ExtensionSet| set.iter().map(Extension::name).collect::<Vec<_>>();
        assert_eq!(names(set(&[A, M], Xlen::Rv64)), ["m", "a", "zmmul", "zaamo", "zalrsc"]);
        assert_eq!(names(set(&[C, F], Xlen::Rv64)), ["f", "c", "zca"]);
        assert_eq!(names(set(&[C, F], Xlen::Rv32)), ["f", "c", "zca", "zcf"]);
        assert_eq!(names(set(&[C, F, D], Xlen::Rv64)), ["f", "d", "c", "zca", "zcd"]);
        assert!(set(&[Zk], Xlen::Rv64).has(Zbkx));
    }

    #[test]
    fn choices_take_parts_along_unless_they_are_named() {
        use Extension::*;
        let general = ExtensionSet::of(&[I, M, A, F, D, C, Zk]).with_parts(Xlen::Rv64);
        let missing = |choices: &[(Extension, bool)]| {
            let chosen = general.with_choices(choices, Xlen::Rv64);
            general.without(chosen).iter().map(Extension::name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(missing(&[]), "");
        assert_eq!(missing(&[(A, false)]), "a zaamo zalrsc");
        assert_eq!(missing(&[(A, false), (Zaamo, true)]), "a zalrsc");
        assert_eq!(missing(&[(A, false), (A, true)]), "");
        assert_eq!(missing(&[(Zaamo, false)]), "zaamo");
        assert_eq!(missing(&[(D, false)]), "d zcd");
        assert_eq!(missing(&[(Zks, true), (Zk, false)]), "zk zkn zknd zkne zknh zkr zkt");
        let chosen = ExtensionSet::of(&[I]).with_choices(&[(C, true), (D, true)], Xlen::Rv64);
        assert_eq!(chosen, ExtensionSet::of(&[I, D, C, Zca, Zcd]));
    }

    #[test]
    fn what_is_modelled_needs_only_what_is_modelled() {
        for extension in Extension::ALL.iter().filter(|extension| extension.modelled()) {
            for other in extension.needs().iter().chain(extension.parts()) {
                assert!(other.modelled(), "{} without {}", extension.name(), other.name());
            }
        }
    }
}
