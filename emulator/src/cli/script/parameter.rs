//! Parameters: what a script lets its user choose, and what was chosen.

use std::collections::BTreeMap;

use super::Unit;
use super::ast::{Kind, Param};
use super::datum::{Datum, Range};
use super::number::number;
use super::source::Fault;
use crate::cli::keyval;

/// A parameter of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// Its value where none is given; without, one has to be.
    pub default: Option<Datum>,
    /// The values it can have: a list or a range.
    pub choices: Option<Datum>,
    /// What it is about.
    pub help: Option<String>,
}

/// What is given for parameters.
#[derive(Default)]
pub(super) struct Given {
    /// As words of the command line.
    pub(super) words: BTreeMap<String, String>,
    values: BTreeMap<String, Datum>,
}

impl Parameter {
    /// Checks a declaration.
    pub(super) fn new(
        param: &Param,
        default: Option<Datum>,
        choices: Option<Datum>,
    ) -> Result<Self, Fault> {
        let fault = |problem: String| Fault::new(param.offset, problem);
        let name = &param.name;
        let of_default = default.as_ref().map(|value| (value.what(), value.kind()));
        let kind = match (param.kind, of_default) {
            (Some(kind), Some((what, of_default))) if of_default != Some(kind) => {
                let kind = kind.name();
                return Err(fault(format!("'{name}' is of type {kind} and its default {what}")));
            }
            (Some(kind), _) | (None, Some((_, Some(kind)))) => kind,
            (None, Some((what, None))) => {
                let problem = format!("{what} cannot be given on a command line");
                return Err(fault(format!("'{name}' cannot be a parameter: {problem}")));
            }
            // The reader asks for one or the other.
            (None, None) => Kind::String,
        };
        let parameter =
            Self { name: name.clone(), kind, default, choices, help: param.help.clone() };
        if let Some(choices) = &parameter.choices {
            let Some((count, item)) = choices.items() else {
                return Err(fault(format!("'{name}' is one of a range or a list: in [1, 2, 4]")));
            };
            let wrong = match choices {
                Datum::Range(_) => kind != Kind::Int,
                _ => (0..count).any(|index| item(index).kind() != Some(kind)),
            };
            if wrong || count == 0 {
                let kind = kind.name();
                return Err(fault(format!("'{name}' is of type {kind}, and so are its choices")));
            }
        }
        if let Some(default) = &parameter.default {
            parameter.check(default).map_err(fault)?;
        }
        Ok(parameter)
    }

    /// The value that a word says.
    ///
    /// # Errors
    /// It is not of the parameter's type, or not one of its choices.
    pub fn read(&self, word: &str) -> Result<Datum, String> {
        let value = match self.kind {
            Kind::Int => number(word).flatten().map(Datum::Number),
            Kind::String => Some(Datum::text(word)),
            Kind::Bool => match word.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" => Some(Datum::Bool(true)),
                "false" | "off" | "no" => Some(Datum::Bool(false)),
                _ => None,
            },
        };
        let Some(value) = value else {
            let expected = match self.kind {
                Kind::Int => "a number, such as 4, 0x1000, 16MiB or 10MHz",
                Kind::Bool => "true or false",
                Kind::String => "a text",
            };
            return Err(format!("parameter '{}' expects {expected}, not '{word}'", self.name));
        };
        self.check(&value)?;
        Ok(value)
    }

    /// The values that a list of words says, `1,2,4`, or a range, `1..=4`; at most so many. A comma
    /// in a value is written twice.
    ///
    /// # Errors
    /// As [`Parameter::read`], or there are too many.
    pub fn read_list(&self, words: &str, most: usize) -> Result<Vec<Datum>, String> {
        let mut values = Vec::new();
        for word in keyval::split(words) {
            match self.range(&word)? {
                Some(range) => {
                    let Some((count, item)) = range.items() else { continue };
                    if usize::try_from(count).map_or(true, |count| count > most) {
                        return Err(format!("parameter '{}': {word} is too large", self.name));
                    }
                    let items: Vec<Datum> = (0..count).map(item).collect();
                    items.iter().try_for_each(|value| self.check(value))?;
                    values.extend(items);
                }
                None => values.push(self.read(&word)?),
            }
        }
        if values.is_empty() {
            return Err(format!("parameter '{}' has no value in '{words}'", self.name));
        }
        Ok(values)
    }

    /// The range that a word says, where numbers are wanted.
    fn range(&self, word: &str) -> Result<Option<Datum>, String> {
        let Some((from, to)) = word.split_once("..").filter(|_| self.kind == Kind::Int) else {
            return Ok(None);
        };
        let (to, closed) = to.strip_prefix('=').map_or((to, false), |to| (to, true));
        match (number(from).flatten(), number(to).flatten()) {
            (Some(from), Some(to)) => {
                Range::new(from, to, closed, 1).map(|range| Some(Datum::Range(range)))
            }
            _ => Ok(None),
        }
    }

    fn check(&self, value: &Datum) -> Result<(), String> {
        match &self.choices {
            Some(choices) if !choices.has(value) => {
                Err(format!("parameter '{}' is one of {choices}, not {value}", self.name))
            }
            _ => Ok(()),
        }
    }

    /// A value where none is needed.
    pub(super) fn stand_in(&self) -> Datum {
        let first = self.choices.as_ref().and_then(Datum::items).map(|(_, item)| item(0));
        self.default.clone().or(first).unwrap_or_else(|| match self.kind {
            Kind::Int => Datum::Number(0),
            Kind::Bool => Datum::Bool(false),
            Kind::String => Datum::text(""),
        })
    }

    /// The line of a help text: how it is written, and what it is about.
    pub fn describe(&self) -> (String, String) {
        let default = match &self.default {
            Some(Datum::Text(text)) if text.is_empty() => " (default: empty)".into(),
            Some(default) => format!(" (default: {default})"),
            None => " (has to be given)".into(),
        };
        let choices = match &self.choices {
            Some(choices) => format!(" in {choices}"),
            None => String::new(),
        };
        let form = format!("{}=<{}>{choices}", self.name, self.kind.name());
        (form, format!("{}{default}", self.help.as_deref().unwrap_or_default()).trim().into())
    }
}

impl Given {
    /// Gives a value; false where there is one already.
    pub(super) fn insert(&mut self, name: &str, value: Datum) -> bool {
        self.values.insert(name.into(), value).is_none()
    }

    /// The value of a parameter: what is given, or its default.
    pub(super) fn get(&self, parameter: &Parameter) -> Result<Datum, String> {
        let name = &parameter.name;
        if let Some(word) = self.words.get(name) {
            return parameter.read(word);
        }
        match (self.values.get(name), &parameter.default) {
            (Some(value), _) if value.kind() != Some(parameter.kind) => Err(format!(
                "parameter '{name}' is of type {}, not {}",
                parameter.kind.name(),
                value.what()
            )),
            (Some(value), _) => parameter.check(value).map(|()| value.clone()),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => {
                let kind = parameter.kind.name();
                Err(format!("parameter '{name}' has no default: give {name}=<{kind}>"))
            }
        }
    }
}

/// The message for a parameter that a file does not have.
pub(super) fn unknown(name: &str, unit: &Unit) -> String {
    let names: Vec<&str> = unit.parameters().map(|param| param.name.as_str()).collect();
    let hint = match qapi_runtime::nearest(name, names.iter().copied()).as_slice() {
        [] if names.is_empty() => "it has none".into(),
        [] => format!("it has {}", names.join(", ")),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    format!("{} has no parameter '{name}': {hint}", unit.file.name)
}
