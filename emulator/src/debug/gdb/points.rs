//! Where a client wants the guest to stop: packets `Z` and `z`. A breakpoint of either kind is a
//! matter of the hart, so that memory stays as the guest has it.

use boardwright_riscv::{Hart, WatchKind, Watchpoint};

/// A breakpoint or a watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Break { hardware: bool, addr: u64 },
    Watch(Watchpoint),
}

/// All of a client's.
#[derive(Debug, Default)]
pub(super) struct Points(Vec<Point>);

impl Point {
    /// Of a kind as it is on the wire; `None` if there is none such.
    pub(super) fn new(kind: &str, addr: u64, len: u64) -> Option<Self> {
        let watch = |kind| Some(Self::Watch(Watchpoint { kind, addr, len }));
        match kind {
            "0" => Some(Self::Break { hardware: false, addr }),
            "1" => Some(Self::Break { hardware: true, addr }),
            "2" => watch(WatchKind::Write),
            "3" => watch(WatchKind::Read),
            "4" => watch(WatchKind::Access),
            _ => None,
        }
    }
}

impl Points {
    /// Adds a point that may be there already.
    pub(super) fn insert(&mut self, point: Point) {
        if !self.0.contains(&point) {
            self.0.push(point);
        }
    }

    /// Takes a point away that may not be there.
    pub(super) fn remove(&mut self, point: Point) {
        self.0.retain(|other| *other != point);
    }

    /// Lets a hart stop at these and at no others.
    pub(super) fn apply(&self, hart: &mut Hart) {
        let breaks: Vec<u64> = self
            .0
            .iter()
            .filter_map(|point| match point {
                Point::Break { addr, .. } => Some(*addr),
                Point::Watch(_) => None,
            })
            .collect();
        let watches: Vec<Watchpoint> = self
            .0
            .iter()
            .filter_map(|point| match point {
                Point::Break { .. } => None,
                Point::Watch(watch) => Some(*watch),
            })
            .collect();
        hart.set_breakpoints(&breaks);
        hart.set_watchpoints(&watches);
    }
}

/// How a stop reply calls a watchpoint.
pub(super) fn name(kind: WatchKind) -> &'static str {
    match kind {
        WatchKind::Write => "watch",
        WatchKind::Read => "rwatch",
        WatchKind::Access => "awatch",
    }
}
