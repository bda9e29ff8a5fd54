//! What variables hold, and what operators make of it.

use std::fmt;
use std::sync::Arc;

use qapi_runtime::Value;

use super::ast::{Binary, Kind, Unary};
use super::value::integer;

/// The longest text and the longest list: who needs more has made a mistake.
pub(super) const LONGEST: usize = 1 << 20;

/// The value of a variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// A number; computed exactly, it has to fit 64 bits where a command gets it.
    Number(i128),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(Arc<str>),
    /// A list.
    List(Arc<[Datum]>),
    /// The numbers of a range.
    Range(Range),
}

/// Numbers at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub(super) from: i128,
    pub(super) count: u64,
    pub(super) step: i128,
}

impl Range {
    /// From a number, to another without or with it.
    pub(super) fn new(from: i128, to: i128, closed: bool, step: i128) -> Result<Self, String> {
        if step == 0 {
            return Err("the step of a range cannot be 0".into());
        }
        let span = if step > 0 { to - from } else { from - to };
        let span = if closed { span + 1 } else { span };
        let count = if span <= 0 { 0 } else { (span - 1) / step.abs() + 1 };
        let count = u64::try_from(count).map_err(|_| "the range is too large".to_string())?;
        Ok(Self { from, count, step })
    }

    pub(super) fn at(&self, index: u64) -> i128 {
        self.from + i128::from(index) * self.step
    }

    fn has(&self, number: i128) -> bool {
        let distance = number - self.from;
        distance % self.step == 0 && (0..i128::from(self.count)).contains(&(distance / self.step))
    }
}

impl Datum {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// What it is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Range(_) => "a range",
        }
    }

    /// The type of parameter it can be the value of.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Number(_) => Some(Kind::Int),
            Self::Bool(_) => Some(Kind::Bool),
            Self::Text(_) => Some(Kind::String),
            Self::List(_) | Self::Range(_) => None,
        }
    }

    /// The items of a list or a range.
    pub(super) fn items(&self) -> Option<(u64, impl Fn(u64) -> Datum + '_)> {
        let count = match self {
            Self::List(items) => items.len() as u64,
            Self::Range(range) => range.count,
            _ => return None,
        };
        let item = move |index: u64| match self {
            Self::Range(range) => Self::Number(range.at(index)),
            Self::List(items) => {
                let item = usize::try_from(index).ok().and_then(|index| items.get(index));
                item.cloned().unwrap_or(Self::Bool(false))
            }
            other => other.clone(),
        };
        Some((count, item))
    }

    /// Whether a list or a range has a value.
    pub(super) fn has(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::List(items), wanted) => items.contains(wanted),
            (Self::Range(range), Self::Number(number)) => range.has(*number),
            _ => false,
        }
    }

    /// As a command gets it.
    ///
    /// # Errors
    /// It does not fit.
    pub fn json(&self) -> Result<Value, String> {
        Ok(match self {
            Self::Number(number) => {
                integer(*number).ok_or_else(|| format!("{number} does not fit 64 bits"))?
            }
            Self::Bool(value) => Value::Bool(*value),
            Self::Text(text) => Value::String(text.to_string()),
            Self::List(items) => {
                Value::Array(items.iter().map(Self::json).collect::<Result<_, _>>()?)
            }
            Self::Range(range) if range.count as usize > LONGEST => {
                return Err(format!("a list of {} items is too long", range.count));
            }
            Self::Range(range) => {
                let items = (0..range.count).map(|index| Self::Number(range.at(index)).json());
                Value::Array(items.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Within a text.
    pub(super) fn in_text(&self) -> Result<String, String> {
        match self {
            Self::List(_) | Self::Range(_) => {
                Err(format!("{} cannot stand within a text", self.what()))
            }
            plain => Ok(plain.plain()),
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            other => other.to_string(),
        }
    }

    fn number(&self, operator: &str) -> Result<i128, String> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(format!("'{operator}' needs numbers, not {}", other.what())),
        }
    }

    pub(super) fn truth(&self, operator: &str) -> Result<bool, String> {
        match self {
            Self::Bool(value) => Ok(*value),
            other => Err(format!("'{operator}' needs true or false, not {}", other.what())),
        }
    }
}

/// As one would write it in a script, texts without their quotes.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::Range(range) if range.step == 1 => {
                write!(f, "{}..={}", range.from, range.from + i128::from(range.count) - 1)
            }
            Self::Range(range) => {
                let to = range.from + i128::from(range.count) * range.step;
                write!(f, "{}..{to} step {}", range.from, range.step)
            }
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

/// What an operator makes of one value.
pub(super) fn unary(operator: Unary, value: &Datum) -> Result<Datum, String> {
    match operator {
        Unary::Minus => bounded(value.number("-")?.checked_neg()),
        Unary::Complement => Ok(Datum::Number(!value.number("~")?)),
        Unary::Not => Ok(Datum::Bool(!value.truth("!")?)),
    }
}

/// What an operator makes of two values; `&&` and `||` are not among them.
pub(super) fn binary(operator: Binary, left: &Datum, right: &Datum) -> Result<Datum, String> {
    let sign = operator.sign();
    match (operator, left, right) {
        (Binary::Equal | Binary::Unequal, ..) => {
            if left.kind() != right.kind() {
                return Err(format!("{} is never {}", left.what(), right.what()));
            }
            return Ok(Datum::Bool((left == right) == (operator == Binary::Equal)));
        }
        (Binary::Add, Datum::Text(_), _) | (Binary::Add, _, Datum::Text(_)) => {
            return joined([left.in_text()?, right.in_text()?].concat());
        }
        (Binary::Add, Datum::List(one), Datum::List(other)) => {
            return list(one.iter().chain(other.iter()).cloned().collect());
        }
        _ => {}
    }
    let (left, right) = (left.number(sign)?, right.number(sign)?);
    let shift = || {
        let count = u32::try_from(right).ok().filter(|count| *count < 64);
        count.ok_or_else(|| format!("cannot shift by {right} bits"))
    };
    let zero = || if right == 0 { Err("division by zero".to_string()) } else { Ok(()) };
    Ok(match operator {
        Binary::Less => Datum::Bool(left < right),
        Binary::LessEqual => Datum::Bool(left <= right),
        Binary::Greater => Datum::Bool(left > right),
        Binary::GreaterEqual => Datum::Bool(left >= right),
        Binary::BitOr => Datum::Number(left | right),
        Binary::BitXor => Datum::Number(left ^ right),
        Binary::BitAnd => Datum::Number(left & right),
        Binary::Left => bounded(left.checked_mul(1 << shift()?))?,
        Binary::Right => Datum::Number(left >> shift()?),
        Binary::Add => bounded(left.checked_add(right))?,
        Binary::Subtract => bounded(left.checked_sub(right))?,
        Binary::Multiply => bounded(left.checked_mul(right))?,
        Binary::Divide => zero().and_then(|()| bounded(left.checked_div(right)))?,
        Binary::Remainder => zero().and_then(|()| bounded(left.checked_rem(right)))?,
        Binary::Or | Binary::And | Binary::Equal | Binary::Unequal => Datum::Bool(false),
    })
}

/// Half of what the numbers' type has, so that ranges can be computed with.
fn bounded(number: Option<i128>) -> Result<Datum, String> {
    let fits = number.filter(|number| number.unsigned_abs() < 1 << 100);
    fits.map(Datum::Number).ok_or_else(|| "the result is too large".into())
}

pub(super) fn joined(text: String) -> Result<Datum, String> {
    if text.len() > LONGEST {
        return Err(format!("a text of more than {LONGEST} bytes"));
    }
    Ok(Datum::text(text))
}

pub(super) fn list(items: Vec<Datum>) -> Result<Datum, String> {
    if items.len() > LONGEST {
        return Err(format!("a list of more than {LONGEST} items"));
    }
    Ok(Datum::List(items.into()))
}

/// The functions: name, what they take, what they do.
type Function = fn(&[Datum]) -> Result<Datum, String>;
pub(super) const FUNCTIONS: [(&str, &str, Function); 5] = [
    ("hex", "hex(NUMBER), the digits without 0x", |arguments| match arguments {
        [Datum::Number(number @ 0..)] => Ok(Datum::text(format!("{number:x}"))),
        _ => Err("expected a number that is not negative".into()),
    }),
    ("len", "len(LIST or TEXT)", |arguments| match arguments {
        [Datum::Text(text)] => Ok(Datum::Number(text.chars().count() as i128)),
        [list] => match list.items() {
            Some((count, _)) => Ok(Datum::Number(count.into())),
            None => Err(format!("{} has no length", list.what())),
        },
        _ => Err("expected one value".into()),
    }),
    ("max", "max(NUMBER, ...)", |arguments| extreme(arguments, i128::max)),
    ("min", "min(NUMBER, ...)", |arguments| extreme(arguments, i128::min)),
    ("repeat", "repeat(TEXT, NUMBER, SEPARATOR)", |arguments| match arguments {
        [Datum::Text(text), Datum::Number(count), Datum::Text(separator)] => {
            let longest = (text.len() + separator.len()).max(1);
            let fits = usize::try_from(*count).ok().filter(|count| count * longest <= LONGEST);
            let count = fits.ok_or_else(|| format!("a text cannot be repeated {count} times"))?;
            joined(vec![&**text; count].join(separator))
        }
        _ => Err("expected a text, a number, and a text".into()),
    }),
];

fn extreme(arguments: &[Datum], choose: fn(i128, i128) -> i128) -> Result<Datum, String> {
    let numbers: Result<Vec<i128>, String> =
        arguments.iter().map(|argument| argument.number("min and max")).collect();
    let found = numbers?.into_iter().reduce(choose);
    found.map(Datum::Number).ok_or_else(|| "expected numbers".into())
}
