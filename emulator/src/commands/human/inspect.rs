//! Commands of the human monitor that look at a machine: memory, code, expressions, harts.

use std::fmt::Write as _;

use boardwright_riscv::isa::disassemble;
use boardwright_riscv::{CpuModel, Hart};
use qapi_runtime::QmpError;

use crate::debug::memory::{self, View};
use crate::door::Door;
use crate::machine::{Machine, trace};

/// What one line may show.
const MOST: u64 = 1 << 16;

/// How values are shown: the `/FMT` of `x`, `xp` and `print`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    count: u64,
    letter: char,
    /// Bytes of a value.
    size: usize,
}

impl Format {
    /// Takes `/FMT` from the begin of a line.
    fn take(line: &str) -> Result<(Self, &str), QmpError> {
        let mut format = Self { count: 1, letter: 'x', size: 4 };
        let Some(rest) = line.strip_prefix('/') else { return Ok((format, line)) };
        let (text, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (count, letters) = text.split_at(digits);
        if !count.is_empty() {
            format.count = count.parse().ok().filter(|count| *count <= MOST).ok_or_else(|| {
                QmpError::generic(format!("no more than {MOST} values are shown"))
            })?;
        }
        for letter in letters.chars() {
            match letter {
                'x' | 'd' | 'u' | 'o' | 'c' | 'i' => format.letter = letter,
                'b' => format.size = 1,
                'h' => format.size = 2,
                'w' => format.size = 4,
                'g' => format.size = 8,
                _ => {
                    return Err(QmpError::generic(format!(
                        "invalid char in format: '{letter}' (expected a count, one of xduoci, and one of bhwg)"
                    )));
                }
            }
        }
        Ok((format, rest.trim_start()))
    }

    fn show(self, value: u64) -> String {
        let bits = self.size * 8;
        let signed = (value << (64 - bits)) as i64 >> (64 - bits);
        let width = (bits * 10).div_ceil(33);
        match self.letter {
            'd' => format!("{signed:>width$}"),
            'u' => format!("{value:>width$}"),
            'o' => format!("{value:#o}").replacen("0o", "0", 1),
            'c' => match value as u8 {
                byte @ 0x20..=0x7e => format!("'{}'", byte as char),
                byte => format!("'\\x{byte:02x}'"),
            },
            _ => format!("0x{value:0digits$x}", digits = self.size * 2),
        }
    }
}

impl Door {
    fn live(&self) -> Result<&Machine, QmpError> {
        self.stage.machine().ok_or_else(|| {
            QmpError::generic(format!(
                "No CPU runs at '{}': harts exist from 'ready' on",
                self.phase()
            ))
        })
    }
}

fn with_hart<R>(
    door: &Door,
    hart: usize,
    work: impl FnOnce(&mut Hart) -> R,
) -> Result<R, QmpError> {
    let no_hart = || QmpError::generic("No CPU available");
    door.live()?.harts().with(hart, work).ok_or_else(no_hart)
}

/// `x/FMT ADDR`: memory as a hart sees it.
pub(super) fn x(door: &mut Door, line: &str, hart: usize) -> Result<String, QmpError> {
    dump(door, line, hart, View::Hart(hart))
}

/// `xp/FMT ADDR`: memory by physical address.
pub(super) fn xp(door: &mut Door, line: &str, hart: usize) -> Result<String, QmpError> {
    dump(door, line, hart, View::Physical)
}

fn dump(door: &Door, line: &str, hart: usize, view: View) -> Result<String, QmpError> {
    let (format, expression) = Format::take(line)?;
    let addr = evaluate(door, expression, hart)?;
    let machine = door.live()?;
    let read = |addr: u64, bytes: &mut [u8]| memory::read(machine, view, addr, bytes).is_ok();
    let mut text = String::new();
    if format.letter == 'i' {
        let cpu = with_hart(door, hart, |hart| hart.config().cpu.clone())?;
        list(&mut text, &cpu, addr, format.count, read);
        return Ok(text);
    }
    let per_line = match format.letter {
        'c' => 8,
        _ => 16 / format.size as u64,
    };
    for index in 0..format.count {
        let at = addr.wrapping_add(index * format.size as u64);
        if index % per_line == 0 {
            let _ = write!(text, "{}{at:016x}:", if index > 0 { "\n" } else { "" });
        }
        let mut bytes = [0; 8];
        if !read(at, bytes.get_mut(..format.size).unwrap_or_default()) {
            text.push_str(" Cannot access memory");
            break;
        }
        let _ = write!(text, " {}", format.show(u64::from_le_bytes(bytes)));
    }
    text.push('\n');
    Ok(text)
}

fn list(
    text: &mut String,
    cpu: &CpuModel,
    mut addr: u64,
    count: u64,
    read: impl Fn(u64, &mut [u8]) -> bool,
) {
    for _ in 0..count {
        let mut bytes = [0; 4];
        // The second half may lie in a page that there is not.
        if !read(addr, &mut bytes) && !read(addr, &mut bytes[..2]) {
            let _ = writeln!(text, "0x{addr:016x}:  Cannot access memory");
            return;
        }
        let bits = u32::from_le_bytes(bytes);
        let (name, length) = disassemble(cpu, addr, bits);
        let bits = if length == 2 { bits & 0xffff } else { bits };
        let _ = writeln!(text, "{}", trace::listing(addr, bits, length, &name));
        addr = addr.wrapping_add(length.into());
    }
}

/// `print/FMT EXPRESSION`
pub(super) fn print(door: &mut Door, line: &str, hart: usize) -> Result<String, QmpError> {
    let (format, expression) = Format::take(line)?;
    let value = evaluate(door, expression, hart)?;
    Ok(match format.letter {
        'x' => format!("{value:#x}\n"),
        _ => format!("{}\n", Format { size: 8, ..format }.show(value).trim_start()),
    })
}

/// The value of numbers and registers with `+`, `-` and `*` between them.
fn evaluate(door: &Door, expression: &str, hart: usize) -> Result<u64, QmpError> {
    let text: String = expression.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut sum = 0_u64;
    let mut rest = text.as_str();
    let mut minus = false;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (product, more) = rest.split_at(end);
        let factors = product.split('*').map(|factor| operand(door, factor, hart));
        let value = factors.reduce(|a, b| Ok(a?.wrapping_mul(b?))).unwrap_or(Ok(0))?;
        sum = if minus { sum.wrapping_sub(value) } else { sum.wrapping_add(value) };
        let Some(sign) = more.chars().next() else { return Ok(sum) };
        minus = sign == '-';
        rest = &more[1..];
    }
}

fn operand(door: &Door, text: &str, hart: usize) -> Result<u64, QmpError> {
    let number = match (text.strip_prefix("0x"), text.strip_prefix('$')) {
        (Some(digits), _) => u64::from_str_radix(digits, 16).ok(),
        (None, Some(name)) => {
            return with_hart(door, hart, |hart| hart.register(name))?
                .ok_or_else(|| QmpError::generic(format!("unknown register '${name}'")));
        }
        (None, None) => text.parse().ok(),
    };
    number.ok_or_else(|| {
        QmpError::generic(format!("'{text}' is no number or register: expected 16, 0x10 or $pc"))
    })
}

/// `info registers [-a]`
pub(super) fn registers(door: &mut Door, all: bool, hart: usize) -> Result<String, QmpError> {
    let harts = door.live()?.harts();
    let range = if all { 0..harts.len() } else { hart..hart + 1 };
    let show = |index| {
        let text = with_hart(door, index, |hart| hart.registers())?;
        Ok(format!("\nCPU#{index}\n{}\n", text.trim_end_matches('\n')))
    };
    range.map(show).collect()
}

/// `info cpus`
pub(super) fn cpus(door: &mut Door, hart: usize) -> Result<String, QmpError> {
    let harts = door.live()?.harts();
    let line = |index| {
        let mark = if index == hart { '*' } else { ' ' };
        let thread = harts.thread_id(index).unwrap_or_default();
        format!("{mark} CPU #{index}: thread_id={thread}\n")
    };
    Ok((0..harts.len()).map(line).collect())
}

/// `cpu N`: the hart that lines of human monitors are about.
pub(super) fn cpu(door: &mut Door, line: &str, _hart: usize) -> Result<String, QmpError> {
    let harts = door.live()?.harts().len();
    door.chosen_hart = line.parse().ok().filter(|index| *index < harts).ok_or_else(|| {
        QmpError::generic(format!("invalid CPU index: there are {harts}, counted from 0"))
    })?;
    Ok(String::new())
}
