//! What guests want that is not modelled: registers that a device does not have, devices that are
//! placeholders, addresses where nothing is. Each access is counted by its place and by the code
//! that makes it, so that a client can ask and the program can tell at its end.
//!
//! Who makes the access that a device is asked about is known to the bus and not to the device;
//! [`serve`] keeps it for the thread, which is that of the hart. Accesses of debuggers are served
//! without, and are not counted: they are not the guest's.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boardwright_riscv::Requester;

use super::symbols::Symbols;
use super::trace::Trace;

/// How many places are told apart; accesses to further ones are only counted together. A guest
/// that runs over all addresses must not fill the host's memory.
const MOST_PLACES: usize = 4096;
/// How many instructions are told apart at each place.
const MOST_CALLERS: usize = 16;

thread_local! {
    static REQUESTER: Cell<Option<Requester>> = const { Cell::new(None) };
}

/// Does something on behalf of an instruction of a guest.
pub(super) fn serve<R>(by: Requester, work: impl FnOnce() -> R) -> R {
    let before = REQUESTER.replace(Some(by));
    let result = work();
    REQUESTER.set(before);
    result
}

/// The instruction that this thread is at work for, if it is for one.
pub fn requester() -> Option<Requester> {
    REQUESTER.get()
}

/// Where an access went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The device; none where nothing is mapped.
    pub block: Option<BlockName>,
    /// Offset in the device's region, or the physical address.
    pub offset: u64,
    /// Size in bytes.
    pub size: u8,
    /// Whether it was a write.
    pub write: bool,
}

/// A device as people and programs call it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockName {
    /// For people: its id, or what it stands for.
    pub name: Arc<str>,
    /// Its path in the object tree.
    pub path: Arc<str>,
}

/// How often a place was accessed, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often in all.
    pub count: u64,
    /// The first instructions that did it, each with how often.
    pub callers: Vec<(Requester, u64)>,
}

/// All counts.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// By place.
    pub places: HashMap<Place, Tally>,
    /// How many accesses went to places beyond those.
    pub beyond: u64,
}

impl Counts {
    /// The places, those that were accessed most first.
    pub fn sorted(&self) -> Vec<(&Place, &Tally)> {
        let mut all: Vec<_> = self.places.iter().collect();
        all.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
        all
    }

    /// How many accesses there were.
    pub fn total(&self) -> u64 {
        self.places.values().map(|tally| tally.count).sum::<u64>() + self.beyond
    }

    /// A table for people; empty where nothing was accessed.
    pub fn report(&self, symbols: &Symbols) -> String {
        let total = self.total();
        if total == 0 {
            return String::new();
        }
        let mut text = format!(
            "Accesses to what is not modelled: {total} at {} places\n{:>10}  {:<8}  {:<32}  first from\n",
            self.places.len(),
            "count",
            "access",
            "place",
        );
        for (place, tally) in self.sorted() {
            let access = format!("{} {}", if place.write { "write" } else { "read" }, place.size);
            let wherever = match &place.block {
                Some(block) => format!("{}+{:#x}", block.name, place.offset),
                None => format!("{:#x} (nothing is there)", place.offset),
            };
            let from = tally.callers.first().map(|(by, _)| name_of(by.pc, symbols));
            let more = match tally.callers.len() {
                0 | 1 => String::new(),
                MOST_CALLERS => format!(", and {} or more others", MOST_CALLERS - 1),
                n => format!(", and {} others", n - 1),
            };
            let from = from.unwrap_or_default();
            let _ =
                writeln!(text, "{:>10}  {access:<8}  {wherever:<32}  {from}{more}", tally.count);
        }
        if self.beyond > 0 {
            let _ =
                writeln!(text, "{:>10}  at further places, which are not told apart", self.beyond);
        }
        text
    }
}

/// The address of an instruction, with the name of the code it is in.
pub fn name_of(pc: u64, symbols: &Symbols) -> String {
    match symbols.find(pc) {
        Some(symbol) => format!("pc {pc:#x} ({symbol})"),
        None => format!("pc {pc:#x}"),
    }
}

/// Counts accesses. One for the whole program.
#[derive(Default)]
pub struct Unmodelled(Mutex<Counts>);

impl Unmodelled {
    /// Counts an access of a guest; others are not counted.
    pub fn count(&self, place: Place) {
        let Some(by) = requester() else { return };
        let mut counts = self.lock();
        if !counts.places.contains_key(&place) && counts.places.len() >= MOST_PLACES {
            counts.beyond += 1;
            return;
        }
        let tally = counts.places.entry(place).or_default();
        tally.count += 1;
        match tally.callers.iter_mut().find(|(known, _)| *known == by) {
            Some((_, count)) => *count += 1,
            None => {
                if tally.callers.len() < MOST_CALLERS {
                    tally.callers.push((by, 1));
                }
            }
        }
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device's own way to say that a guest wants what it does not have.
#[derive(Clone)]
pub struct Block {
    name: BlockName,
    what: &'static str,
    trace: Arc<Trace>,
}

impl Block {
    /// A device that has registers, and not all that a guest may look for.
    pub(super) fn new(name: BlockName, trace: Arc<Trace>) -> Self {
        Self { name, what: "unmodelled register", trace }
    }

    /// For tests of devices without a board.
    #[cfg(test)]
    pub(crate) fn unnamed(trace: Arc<Trace>) -> Self {
        Self::new(BlockName { name: "".into(), path: "".into() }, trace)
    }

    /// The same for a device that only stands for another.
    pub fn placeholder(self, name: &str) -> Self {
        let name = BlockName { name: name.into(), ..self.name };
        Self { name, what: "unimplemented device", ..self }
    }

    /// What the device is called.
    pub fn name(&self) -> &str {
        &self.name.name
    }

    /// The log.
    pub fn trace(&self) -> &Arc<Trace> {
        &self.trace
    }

    /// A read where there is no register.
    pub fn unmodelled_read(&self, offset: u64, size: u8) {
        self.trace.unmodelled(self.place(offset, size, false), || {
            format!("{}: {} read (size {size}, offset {offset:#06x})", self.name.name, self.what)
        });
    }

    /// A write where there is no register.
    pub fn unmodelled_write(&self, offset: u64, size: u8, value: u64) {
        self.trace.unmodelled(self.place(offset, size, true), || {
            format!(
                "{}: {} write (size {size}, offset {offset:#06x}, value {value:#x})",
                self.name.name, self.what
            )
        });
    }

    fn place(&self, offset: u64, size: u8, write: bool) -> Place {
        Place { block: Some(self.name.clone()), offset, size, write }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64) -> Place {
        Place { block: None, offset, size: 4, write: false }
    }

    #[test]
    fn memory_for_counts_is_bounded() {
        let unmodelled = Unmodelled::default();
        let most = MOST_PLACES as u64;
        for offset in 0..most + 10 {
            serve(Requester { hartid: 0, pc: 0x80 }, || unmodelled.count(place(offset)));
        }
        for pc in 0..100 {
            serve(Requester { hartid: 1, pc }, || unmodelled.count(place(7)));
        }
        let counts = unmodelled.counts();
        assert_eq!(
            (counts.places.len(), counts.beyond, counts.total()),
            (MOST_PLACES, 10, most + 110)
        );
        let (first, tally) = counts.sorted()[0];
        assert_eq!((first.offset, tally.count, tally.callers.len()), (7, 101, MOST_CALLERS));
    }

    #[test]
    fn who_is_no_guest_is_not_counted() {
        let unmodelled = Unmodelled::default();
        unmodelled.count(place(0));
        assert_eq!(unmodelled.counts().total(), 0);
        assert_eq!(unmodelled.counts().report(&Symbols::default()), "");
    }
}
