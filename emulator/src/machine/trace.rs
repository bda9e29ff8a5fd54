//! What is logged of the guest: `-d` and `-D`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use boardwright_riscv::{Observer, TracedInstruction, TrapEvent};

use crate::qapi::LogItem;

/// Which items are on, and where lines go. One for the whole program.
#[derive(Default)]
pub struct Trace {
    items: AtomicU32,
    /// Standard error without a file.
    file: Mutex<Option<File>>,
}

fn bit(item: LogItem) -> u32 {
    1 << item as u32
}

impl Trace {
    /// Chooses the items, and a file if one is given.
    ///
    /// # Errors
    /// The file cannot be created; nothing changes then.
    pub fn set(&self, items: &[LogItem], file: Option<&Path>) -> std::io::Result<()> {
        let file = file.map(File::create).transpose()?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        self.items.store(items.iter().fold(0, |all, &item| all | bit(item)), Ordering::Relaxed);
        Ok(())
    }

    /// Whether an item is on.
    pub fn on(&self, item: LogItem) -> bool {
        self.items.load(Ordering::Relaxed) & bit(item) != 0
    }

    /// Logs a line of an item that is on.
    pub fn log(&self, item: LogItem, line: impl FnOnce() -> String) {
        if !self.on(item) {
            return;
        }
        let line = line();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that cannot be written must not stop the guest.
        let _ = match file.as_mut() {
            Some(file) => writeln!(file, "{line}"),
            None => writeln!(std::io::stderr(), "{line}"),
        };
    }

    /// Logs what a guest does wrong.
    pub fn guest_error(&self, line: impl FnOnce() -> String) {
        self.log(LogItem::GuestErrors, line);
    }

    /// Logs an access to what is not modelled.
    pub fn unimplemented(&self, line: impl FnOnce() -> String) {
        self.log(LogItem::Unimp, line);
    }
}

/// Logs what harts do: traps for `int`, decoded code for `in_asm`.
pub struct HartTrace(pub std::sync::Arc<Trace>);

impl Observer for HartTrace {
    fn trap(&self, event: &TrapEvent) {
        self.0.log(LogItem::Int, || {
            format!(
                "hart {}: {} {} ({}), epc {:#x}, tval {:#x}, {:?} -> {:?}",
                event.hartid,
                if event.interrupt { "interrupt" } else { "exception" },
                event.cause,
                event.description(),
                event.epc,
                event.tval,
                event.from,
                event.to,
            )
        });
    }

    fn lost(&self, hartid: u64, pc: u64) {
        self.0.guest_error(|| {
            format!("hart {hartid}: stands still: its trap handler at {pc:#x} cannot be fetched")
        });
    }

    fn block(&self, hartid: u64, pc: u64, instructions: &[TracedInstruction]) {
        self.0.log(LogItem::InAsm, || {
            let mut text = format!("hart {hartid}: code at {pc:#x}");
            for one in instructions {
                let digits = usize::from(one.len) * 2;
                let _ = write!(text, "\n{:#010x}:  {:0digits$x}  {}", one.pc, one.bits, one.text);
            }
            text
        });
    }
}
