//! What is logged of the guest: `-d`, `-D` and `-dfilter`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boardwright_riscv::{Commit, Detail, Observer, TracedInstruction, TrapEvent, Written, Xlen};

use super::symbols::Symbols;
use super::unmodelled::{Place, Unmodelled, name_of, requester};
use crate::qapi::LogItem;

/// Which items are on, and where lines go. One for the whole program.
#[derive(Default)]
pub struct Trace {
    items: AtomicU32,
    sink: Mutex<Sink>,
    unmodelled: Unmodelled,
}

#[derive(Default)]
struct Sink {
    /// Standard error without a file.
    file: Option<File>,
    /// The first and last addresses of the code that is traced; all code without any.
    filter: Vec<(u64, u64)>,
    /// The names of code, where lines say which code does something.
    symbols: Arc<Symbols>,
}

fn bit(item: LogItem) -> u32 {
    1 << item as u32
}

impl Trace {
    /// Chooses the items.
    pub fn set_items(&self, items: &[LogItem]) {
        self.items.store(items.iter().fold(0, |all, &item| all | bit(item)), Ordering::Relaxed);
    }

    /// Chooses where lines go: to a new file, or to standard error.
    ///
    /// # Errors
    /// The file cannot be created; nothing changes then.
    pub fn set_file(&self, path: Option<&Path>) -> std::io::Result<()> {
        let file = path.map(File::create).transpose()?;
        self.sink().file = file;
        Ok(())
    }

    /// Chooses which code is traced, as ranges of first and last address; all without any.
    pub fn set_filter(&self, ranges: Vec<(u64, u64)>) {
        self.sink().filter = ranges;
    }

    /// The items that are on.
    pub fn items(&self) -> Vec<LogItem> {
        LogItem::ALL.iter().copied().filter(|item| self.on(*item)).collect()
    }

    /// Whether an item is on.
    pub fn on(&self, item: LogItem) -> bool {
        self.items.load(Ordering::Relaxed) & bit(item) != 0
    }

    /// Whether one of some items is on.
    pub fn any(&self, items: &[LogItem]) -> bool {
        items.iter().any(|item| self.on(*item))
    }

    /// Logs a line of an item that is on.
    pub fn log(&self, item: LogItem, line: impl FnOnce() -> String) {
        if self.on(item) {
            self.write(&line());
        }
    }

    /// Writes a line, or several, to where the log goes.
    pub fn write(&self, line: &str) {
        let mut sink = self.sink();
        // A log that cannot be written must not stop the guest.
        let _ = match sink.file.as_mut() {
            Some(file) => writeln!(file, "{line}"),
            None => writeln!(std::io::stderr(), "{line}"),
        };
    }

    /// Logs what a guest does wrong, and where in its code.
    pub fn guest_error(&self, line: impl FnOnce() -> String) {
        self.log(LogItem::GuestErrors, || line() + &self.by());
    }

    /// Counts an access to what is not modelled, and logs it: whether the guest or the model is
    /// wrong nobody knows, so it is told with either item.
    pub fn unmodelled(&self, place: Place, line: impl FnOnce() -> String) {
        self.unmodelled.count(place);
        if self.any(&[LogItem::Unimp, LogItem::GuestErrors]) {
            self.write(&(line() + &self.by()));
        }
    }

    /// Logs an access to a register of a stub device.
    pub fn stub(&self, line: impl FnOnce() -> String) {
        self.log(LogItem::Stub, || line() + &self.by());
    }

    /// What has been counted of accesses to what is not modelled.
    pub fn counts(&self) -> &Unmodelled {
        &self.unmodelled
    }

    /// Whether lines say which code does something.
    pub(super) fn names_code(&self) -> bool {
        self.any(&[LogItem::Unimp, LogItem::GuestErrors, LogItem::Stub])
    }

    pub(super) fn set_symbols(&self, symbols: Arc<Symbols>) {
        self.sink().symbols = symbols;
    }

    /// The instruction that the line is about, where there is one.
    fn by(&self) -> String {
        let Some(by) = requester() else { return String::new() };
        let symbols = self.sink().symbols.clone();
        format!(" at {}", name_of(by.pc, &symbols))
    }

    fn traces(&self, pc: u64) -> bool {
        let filter = &self.sink().filter;
        filter.is_empty() || filter.iter().any(|(first, last)| (*first..=*last).contains(&pc))
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Logs what a hart does. The lines are those of QEMU, with the hart's number; `commits` has the
/// lines of Spike's `--log-commits`.
pub struct HartTrace {
    trace: Arc<Trace>,
    symbols: Arc<Symbols>,
    detail: Detail,
    /// Hexadecimal digits of an address.
    digits: usize,
}

impl HartTrace {
    /// For a hart; `None` if nothing is asked for that it could tell. The symbols are read only
    /// if they are.
    pub fn new(
        trace: &Arc<Trace>,
        xlen: Xlen,
        symbols: impl FnOnce() -> Arc<Symbols>,
    ) -> Option<Arc<Self>> {
        let any = |items: &[LogItem]| trace.any(items);
        let detail = if any(&[LogItem::Commits]) {
            Detail::Retired
        } else if any(&[LogItem::Exec, LogItem::Cpu]) {
            Detail::Entered
        } else if any(&[LogItem::GuestErrors, LogItem::Int, LogItem::InAsm]) {
            Detail::Decoded
        } else {
            return None;
        };
        let named = any(&[LogItem::InAsm, LogItem::Exec]);
        Some(Arc::new(Self {
            trace: trace.clone(),
            symbols: if named { symbols() } else { Arc::default() },
            detail,
            digits: xlen.bits() as usize / 4,
        }))
    }
}

impl Observer for HartTrace {
    fn detail(&self) -> Detail {
        self.detail
    }

    fn trap(&self, event: &TrapEvent) {
        let digits = self.digits;
        self.trace.log(LogItem::Int, || {
            format!(
                "riscv_cpu_do_interrupt: hart:{}, async:{}, cause:{:0digits$x}, \
                 epc:0x{:0digits$x}, tval:0x{:0digits$x}, desc={}",
                event.hartid,
                u8::from(event.interrupt),
                event.cause,
                event.epc,
                event.tval,
                event.description(),
            )
        });
    }

    fn lost(&self, hartid: u64, pc: u64) {
        self.trace.guest_error(|| {
            format!("hart {hartid}: stands still: its trap handler at {pc:#x} cannot be fetched")
        });
    }

    fn block(&self, hartid: u64, pc: u64, instructions: &[TracedInstruction]) {
        if !self.trace.on(LogItem::InAsm) || !self.trace.traces(pc) {
            return;
        }
        self.trace.log(LogItem::InAsm, || {
            let symbol = self.symbols.find(pc).unwrap_or_default();
            let mut text = format!("----------------\nIN: {symbol}\nHart: {hartid}\n");
            for one in instructions {
                let _ = writeln!(text, "{}", listing(one.pc, one.bits, one.len, &one.text));
            }
            text
        });
    }

    fn enter(&self, hartid: u64, pc: u64, registers: &dyn Fn() -> String) {
        if !self.trace.traces(pc) {
            return;
        }
        self.trace.log(LogItem::Exec, || {
            let symbol = self.symbols.find(pc).unwrap_or_default();
            let digits = self.digits;
            format!("Trace {hartid}: [{pc:0digits$x}] {symbol}").trim_end().into()
        });
        self.trace.log(LogItem::Cpu, || format!("CPU#{hartid}\n{}", registers().trim_end()));
    }

    fn retired(&self, commit: &Commit) {
        if self.trace.traces(commit.pc) {
            self.trace.log(LogItem::Commits, || commit_line(commit));
        }
    }
}

/// A line of Spike's `--log-commits`: hart, mode, address, encoding, registers, memory.
fn commit_line(commit: &Commit) -> String {
    let digits = commit.digits;
    let Commit { hartid, pc, bits, .. } = commit;
    let length = usize::from(commit.len) * 2;
    let mode = commit.mode as u8;
    let mut line = format!("core{hartid:>4}: {mode} 0x{pc:0digits$x} (0x{bits:0length$x})");
    for written in &commit.written {
        let _ = match written {
            Written::X(number, value) => write!(line, " x{number:<2} 0x{value:0digits$x}"),
            Written::F(number, value) => write!(line, " f{number:<2} 0x{value:016x}"),
            Written::Csr(number, name, value) => {
                write!(line, " c{number}_{name} 0x{value:0digits$x}")
            }
        };
    }
    for touched in &commit.touched {
        let _ = write!(line, " mem 0x{:0digits$x}", touched.addr);
        if let Some(value) = touched.stored {
            let digits = touched.size as usize * 2;
            let _ = write!(line, " 0x{value:0digits$x}");
        }
    }
    line
}

/// An instruction as lists of code have it.
pub fn listing(pc: u64, bits: u32, len: u8, text: &str) -> String {
    let code = format!("{bits:0width$x}", width = usize::from(len) * 2);
    let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
    format!("0x{pc:016x}:  {code:<18}{name:<24}{operands}").trim_end().into()
}

/// Ranges of addresses as `-dfilter` has them: `first..last`, `first+size` and `last-size`.
///
/// # Errors
/// What is none of them.
pub fn parse_filter(text: &str) -> Result<Vec<(u64, u64)>, String> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let range = |text: &str| {
        if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (number(first)?, number(last)?);
            return (first <= last).then_some((first, last));
        }
        let (addr, size) = text.split_once(['+', '-'])?;
        let (addr, more) = (number(addr)?, number(size)?.checked_sub(1)?);
        match text.contains('+') {
            true => Some((addr, addr.checked_add(more)?)),
            false => Some((addr.checked_sub(more)?, addr)),
        }
    };
    let ranges = text.split(',').map(|text| range(text).ok_or_else(|| text.to_owned()));
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use boardwright_riscv::{Mode, Touched};

    /// Lines as Spike writes them.
    #[test]
    fn commits_are_lines_of_spike() {
        let plain = Commit {
            hartid: 0,
            mode: Mode::Machine,
            digits: 16,
            pc: 0x8000_0000,
            bits: 0x297,
            len: 4,
            written: vec![Written::X(5, 0x8000_0000)],
            touched: vec![],
        };
        let store = Touched { addr: 0x8000_1000, size: 4, stored: Some(1) };
        let rows = [
            (plain.clone(), "core   0: 3 0x0000000080000000 (0x00000297) x5  0x0000000080000000"),
            (
                Commit {
                    bits: 0xc105,
                    len: 2,
                    written: vec![],
                    touched: vec![store],
                    ..plain.clone()
                },
                "core   0: 3 0x0000000080000000 (0xc105) mem 0x0000000080001000 0x00000001",
            ),
            (
                Commit {
                    hartid: 1,
                    mode: Mode::Supervisor,
                    digits: 8,
                    written: vec![Written::X(10, 2), Written::Csr(0x305, "mtvec".into(), 4)],
                    touched: vec![Touched { stored: None, ..store }],
                    ..plain
                },
                "core   1: 1 0x80000000 (0x00000297) x10 0x00000002 c773_mtvec 0x00000004 mem 0x80001000",
            ),
        ];
        for (commit, expected) in rows {
            assert_eq!(commit_line(&commit), expected);
        }
    }

    #[test]
    fn filters_are_ranges() {
        let rows = [
            ("0x1000..0x1fff", Ok(vec![(0x1000, 0x1fff)])),
            ("0x1000+0x200,0x80-16", Ok(vec![(0x1000, 0x11ff), (0x71, 0x80)])),
            ("0..0xffffffffffffffff", Ok(vec![(0, u64::MAX)])),
            ("0x1000", Err("0x1000".into())),
            ("1+0", Err("1+0".into())),
            ("2..1", Err("2..1".into())),
            ("0-2", Err("0-2".into())),
            ("", Err(String::new())),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_filter(text), expected, "{text}");
        }
    }
}
