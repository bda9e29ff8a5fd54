//! Registers as the schema has them (`qapi/devices-regfile.json`): from the property `registers`,
//! and from a JSON file.

use std::collections::BTreeMap;

use qapi_runtime::{Decode, Mode, Path, Value};
use serde_json::value::RawValue;

use super::access::Access;
use super::description::{Bits, Description, Field, Range, Register};
use crate::qapi::{RegfileField, RegfileRegister, RegfileStep};

/// Reads a JSON file.
///
/// # Errors
/// What is wrong, with line and column.
pub(super) fn read(path: &str, text: &str) -> Result<Description, String> {
    let syntax = |base: usize| {
        move |error: serde_json::Error| {
            let (line, column) = position(text, base, error.line(), error.column());
            // The library puts the position at the end, counted from where it began.
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default().to_owned();
            format!("{path}:{line}:{column}: {what}")
        }
    };
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(syntax(0))?;
    let mut description = Description::default();
    for (name, value) in &members {
        let base = offset_in(text, value.get());
        let (line, column) = position(text, base, 1, 1);
        match name.as_str() {
            "size" => {
                let value: Value = serde_json::from_str(value.get()).map_err(syntax(base))?;
                let size = qapi_runtime::decode_size(&value, &Path::Root("size"), Mode::KEYVAL);
                let size = size
                    .map_err(|error| format!("{path}:{line}:{column}: 'size': {}", error.desc))?;
                description.size = Some(size);
            }
            "registers" => {
                let list: Vec<&RawValue> =
                    serde_json::from_str(value.get()).map_err(syntax(base))?;
                for register in list {
                    let base = offset_in(text, register.get());
                    let (line, column) = position(text, base, 1, 1);
                    let at = format!("{path}:{line}:{column}");
                    let value: Value =
                        serde_json::from_str(register.get()).map_err(syntax(base))?;
                    let name = value["name"].as_str().unwrap_or("?");
                    let register =
                        RegfileRegister::decode(&value, &Path::Root("register"), Mode::KEYVAL)
                            .map_err(|error| format!("{at}: register '{name}': {}", error.desc))?;
                    if description.find(&register.name).is_some() {
                        return Err(format!(
                            "{at}: register '{name}': there is another of that name: rename one"
                        ));
                    }
                    description.apply(&register, &at)?;
                }
            }
            _ => {
                return Err(format!(
                    "{path}:{line}:{column}: member '{name}' is unknown: a description has 'registers' and perhaps 'size'"
                ));
            }
        }
    }
    if !members.contains_key("registers") {
        return Err(format!("{path}: there is no member 'registers', the list of registers"));
    }
    Ok(description)
}

/// Where a part of a text begins.
fn offset_in(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// Line and column in a text of what has them in the part that begins at an offset.
fn position(text: &str, base: usize, line: usize, column: usize) -> (usize, usize) {
    let before = text.get(..base).unwrap_or_default();
    let lines = before.matches('\n').count();
    let last = before.rsplit('\n').next().unwrap_or_default().chars().count();
    // An empty text ends before its first column.
    (lines + line, (if line == 1 { last + column } else { column }).max(1))
}

impl Description {
    /// Adds a register, or changes the one of that name.
    ///
    /// # Errors
    /// What is wrong, with where it stands.
    pub(super) fn apply(&mut self, given: &RegfileRegister, at: &str) -> Result<(), String> {
        let wrong = |what: String| format!("{at}: register '{}': {what}", given.name);
        if given.name.is_empty() {
            return Err(format!("{at}: a register without a name: give 'name'"));
        }
        let known = self.find(&given.name).is_some();
        let register = match (known, given.offset) {
            (true, _) => self.find(&given.name),
            (false, None) => {
                return Err(wrong(
                    "'offset' is missing, and the file has no register of that name to change"
                        .into(),
                ));
            }
            (false, Some(offset)) => Some(self.push(Register {
                name: given.name.clone(),
                offset,
                size: 4,
                reset: 0,
                bits: Bits::plain(Access::READ_WRITE),
                fields: Vec::new(),
                at: at.into(),
            })),
        };
        let Some(register) = register else { return Ok(()) };
        register.offset = given.offset.unwrap_or(register.offset);
        if let Some(size) = given.size {
            if !matches!(size, 1 | 2 | 4 | 8) {
                return Err(wrong(format!("'size' expects 1, 2, 4 or 8 bytes, not {size}")));
            }
            register.size = size;
        }
        register.reset = given.reset.unwrap_or(register.reset);
        let RegfileRegister { access, sequence, interrupt, enabled_by, .. } = given;
        behave(&mut register.bits, (*access).map(Access::from), sequence, *interrupt, enabled_by)
            .map_err(wrong)?;
        for field in given.fields.iter().flatten() {
            apply_field(register, field)
                .map_err(|what| wrong(format!("field '{}': {what}", field.name)))?;
        }
        Ok(())
    }
}

fn apply_field(register: &mut Register, given: &RegfileField) -> Result<(), String> {
    let range = given.bits.as_deref().map(parse_bits).transpose()?;
    let known = register.fields.iter_mut().find(|known| known.name == given.name);
    let field = match (known, range) {
        (Some(known), _) => known,
        (None, None) => return Err("'bits' is missing: give a bit, 4, or a range, 7:4".into()),
        (None, Some(range)) => {
            let bits = Bits::plain(register.bits.access);
            let name = given.name.clone();
            register.fields.push(Field { name, range, bits, values: Vec::new() });
            let last = register.fields.len() - 1;
            &mut register.fields[last]
        }
    };
    field.range = range.unwrap_or(field.range);
    if let Some(values) = &given.values {
        field.values = values.iter().map(|value| (value.name.clone(), value.value)).collect();
    }
    let RegfileField { access, sequence, interrupt, enabled_by, .. } = given;
    behave(&mut field.bits, (*access).map(Access::from), sequence, *interrupt, enabled_by)
}

fn behave(
    bits: &mut Bits,
    access: Option<Access>,
    sequence: &Option<Vec<RegfileStep>>,
    interrupt: Option<u16>,
    enabled_by: &Option<String>,
) -> Result<(), String> {
    bits.access = access.unwrap_or(bits.access);
    bits.interrupt = interrupt.or(bits.interrupt);
    if enabled_by.is_some() {
        bits.enabled_by.clone_from(enabled_by);
    }
    if let Some(sequence) = sequence {
        let steps = sequence.iter().map(|step| match step {
            RegfileStep::Value(value) => (*value, 1),
            RegfileStep::Run(run) => (run.value, run.reads.unwrap_or(1)),
        });
        bits.sequence = steps.collect();
        if bits.sequence.iter().any(|(_, reads)| *reads == 0) {
            return Err("'reads' in a sequence expects a number above 0".into());
        }
        if bits.access.read == super::access::Read::Nothing {
            return Err(
                "a sequence is what reads give, and this is write only: give another 'access'"
                    .into(),
            );
        }
    }
    Ok(())
}

/// `4` or `7:4`.
fn parse_bits(text: &str) -> Result<Range, String> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let range = match text.split_once(':') {
        Some((msb, lsb)) => number(msb).zip(number(lsb)),
        None => number(text).map(|bit| (bit, bit)),
    };
    range.and_then(|(msb, lsb)| Range::new(msb, lsb)).ok_or_else(|| {
        format!("'bits' expects a bit from 0 to 63, or a range, the higher one first, such as 7:4, not '{text}'")
    })
}
