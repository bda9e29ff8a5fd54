//! Where a hart stops for a debugger, or traps for the guest's own.
//!
//! Breakpoints and watchpoints of a debugger and triggers of the guest (`csr/trigger.rs`) are one
//! list of points, each a range of virtual addresses. It costs nothing where there is no point: a page that a point lies on is cached neither for data nor for
//! code, so that accesses go the slow way (`mmu/access.rs`) and instructions are fetched one by one
//! (`interp/block.rs`), and only there the list is looked at.
//!
//! A hart stops or traps before the instruction is done. To go on, a debugger takes the point away for a
//! single step, as gdb does.

use std::sync::Arc;

use crate::core::Core;
use crate::csr::Trigger;
use crate::isa::{Flow, Stop};
use crate::memory::PAGE_SIZE;
use crate::mmu::Access;
use crate::observe::{Detail, Observer};
use crate::trap::{Exception, Mode};

/// Why a hart stands still before the instruction at its `pc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugStop {
    /// There is a breakpoint at the instruction.
    Breakpoint,
    /// The instruction is about to touch what is watched.
    Watchpoint {
        /// What the watchpoint is for.
        kind: WatchKind,
        /// The first watched byte that would be touched.
        addr: u64,
    },
    /// The instruction is `ebreak` or `c.ebreak`.
    Ebreak,
    /// The instruction is an `ecall` of supervisor mode, and somebody outside serves it.
    SupervisorCall,
}

/// The accesses that a watchpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchKind {
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Both.
    Access,
}

/// Memory that a debugger watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchpoint {
    /// The accesses to tell of.
    pub kind: WatchKind,
    /// The first virtual address.
    pub addr: u64,
    /// How many bytes; 0 watches nothing.
    pub len: u64,
}

/// What a point does when it is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The hart stops at a breakpoint.
    Break,
    /// The hart stops at a watchpoint.
    Watch(WatchKind),
    /// The hart traps, in some modes: their bits.
    Trap(u8),
}

/// A range of virtual addresses, and the accesses to them that are of interest.
#[derive(Debug, Clone, Copy)]
struct Point {
    first: u64,
    last: u64,
    fetch: bool,
    load: bool,
    store: bool,
    action: Action,
}

impl Point {
    fn about(&self, access: Access) -> bool {
        match access {
            Access::Fetch => self.fetch,
            Access::Load => self.load,
            Access::Store => self.store,
        }
    }
}

/// The points of a hart.
#[derive(Debug, Default)]
pub(crate) struct Points {
    list: Vec<Point>,
    /// Whether any is about fetches, and whether any is about data.
    code: bool,
    data: bool,
    /// Whether `ebreak` stops the hart instead of raising an exception.
    ebreak: bool,
    /// Whether an `ecall` of supervisor mode does.
    supervisor_call: bool,
    /// Whether all accesses to data are noted, and those of the instruction at hand.
    note: bool,
    pub(crate) touched: Vec<(Access, u64, u64)>,
}

impl Points {
    /// Whether accesses to the page that holds an address have to be looked at one by one. An
    /// atomic operation loads by way of what is cached for stores, so these are not told apart.
    pub(crate) fn on_page(&self, access: Access, addr: u64) -> bool {
        let fetch = access == Access::Fetch;
        if !(if fetch { self.code } else { self.data }) {
            return false;
        }
        if !fetch && self.note {
            return true;
        }
        let page = addr & !(PAGE_SIZE - 1);
        let end = page | (PAGE_SIZE - 1);
        self.list.iter().any(|point| {
            let about = if fetch { point.fetch } else { point.load || point.store };
            about && point.first <= end && page <= point.last
        })
    }

    /// The first point that an access meets, and the first address where it does. Triggers count
    /// if they are `armed` in the mode.
    fn met(
        &self,
        access: Access,
        addr: u64,
        size: u64,
        armed: Option<Mode>,
    ) -> Option<(Action, u64)> {
        let last = addr.saturating_add(size - 1);
        let meets = |point: &&Point| {
            let counts = match point.action {
                Action::Trap(modes) => armed.is_some_and(|mode| modes >> mode as u8 & 1 != 0),
                _ => true,
            };
            counts && point.about(access) && point.first <= last && addr <= point.last
        };
        self.list.iter().find(meets).map(|point| (point.action, addr.max(point.first)))
    }

    fn update(&mut self) {
        self.code = self.list.iter().any(|point| point.fetch);
        self.data = self.note || self.list.iter().any(|point| point.load || point.store);
    }
}

impl Core {
    /// Sets the debugger's breakpoints, in the place of those that there were.
    pub(crate) fn set_breakpoints(&mut self, addrs: &[u64]) {
        let points = addrs.iter().map(|&addr| Point {
            first: addr,
            last: addr,
            fetch: true,
            load: false,
            store: false,
            action: Action::Break,
        });
        self.points.list.retain(|point| point.action != Action::Break);
        self.points.list.splice(0..0, points);
        self.points_changed();
    }

    /// Sets the debugger's watchpoints, in the place of those that there were.
    pub(crate) fn set_watchpoints(&mut self, list: &[Watchpoint]) {
        let points = list.iter().filter(|watch| watch.len > 0).map(|watch| Point {
            first: watch.addr,
            last: watch.addr.saturating_add(watch.len - 1),
            fetch: false,
            load: watch.kind != WatchKind::Write,
            store: watch.kind != WatchKind::Read,
            action: Action::Watch(watch.kind),
        });
        self.points.list.retain(|point| !matches!(point.action, Action::Watch(_)));
        self.points.list.splice(0..0, points);
        self.points_changed();
    }

    /// Takes over the guest's triggers. They come last: what a debugger wants comes first.
    pub(crate) fn triggers_changed(&mut self) {
        let modes = |trigger: &Trigger| {
            let there = [Mode::User, Mode::Supervisor, Mode::Machine].into_iter();
            there.filter(|mode| trigger.in_mode(*mode)).fold(0, |bits, mode| bits | 1 << mode as u8)
        };
        let points: Vec<Point> = self
            .triggers()
            .map(|trigger| Point {
                first: trigger.first,
                last: trigger.last,
                fetch: trigger.fetch,
                load: trigger.load,
                store: trigger.store,
                action: Action::Trap(modes(&trigger)),
            })
            .collect();
        self.points.list.retain(|point| !matches!(point.action, Action::Trap(_)));
        self.points.list.extend(points);
        self.points_changed();
    }

    /// Chooses whether `ebreak` stops the hart.
    pub(crate) fn stop_at_ebreak(&mut self, stop: bool) {
        self.points.ebreak = stop;
    }

    /// Chooses whether an `ecall` of supervisor mode stops the hart.
    pub(crate) fn stop_at_supervisor_call(&mut self, stop: bool) {
        self.points.supervisor_call = stop;
    }

    /// Sets or removes the observer.
    pub(crate) fn observe(&mut self, observer: Option<Arc<dyn Observer>>) {
        self.detail = observer.as_ref().map_or(Detail::Decoded, |observer| observer.detail());
        self.observer = observer;
        self.points.note = self.detail == Detail::Retired;
        self.points_changed();
    }

    fn points_changed(&mut self) {
        self.points.update();
        self.flush_memory();
    }

    /// Stops before an access that somebody wants to know of.
    #[inline]
    pub(crate) fn watch(&mut self, access: Access, addr: u64, size: u64) -> Flow {
        let any = if access == Access::Fetch { self.points.code } else { self.points.data };
        if any { self.watch_slow(access, addr, size) } else { Ok(()) }
    }

    #[cold]
    fn watch_slow(&mut self, access: Access, addr: u64, size: u64) -> Flow {
        let armed = self.triggers_work().then_some(self.mode);
        let Some((action, addr)) = self.points.met(access, addr, size, armed) else {
            if self.points.note && access != Access::Fetch {
                self.points.touched.push((access, addr, size));
            }
            return Ok(());
        };
        match action {
            Action::Trap(_) => self.raise(Exception::Breakpoint, addr),
            Action::Break => self.stop(DebugStop::Breakpoint),
            Action::Watch(kind) => self.stop(DebugStop::Watchpoint { kind, addr }),
        }
    }

    /// `ebreak`: for the debugger, if it has asked for it, else for the guest.
    pub(crate) fn breakpoint(&mut self, pc: u64) -> Flow {
        if self.points.ebreak {
            return self.stop(DebugStop::Ebreak);
        }
        self.raise(Exception::Breakpoint, pc)
    }

    /// `ecall`: for who serves the mode from outside, else for the mode that does.
    pub(crate) fn environment_call(&mut self) -> Flow {
        let exception = match self.mode {
            Mode::Supervisor if self.points.supervisor_call => {
                return self.stop(DebugStop::SupervisorCall);
            }
            Mode::User => Exception::UserCall,
            Mode::Supervisor => Exception::SupervisorCall,
            Mode::Machine => Exception::MachineCall,
        };
        self.raise(exception, 0)
    }

    fn stop(&mut self, stop: DebugStop) -> Flow {
        self.debug_stop = Some(stop);
        Err(Stop::Debug)
    }
}
