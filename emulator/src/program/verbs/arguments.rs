//! The words after a verb: options from its table, and operands.
//!
//! As with the program's own options, one dash is as good as two; a value is the next word or
//! stands behind `=`. After `--` come operands only.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::Verb;
use crate::program::Failure;
use crate::program::source::{self, Source};

/// An option of a verb.
pub(crate) struct Flag {
    /// Its name, without dashes.
    pub(crate) name: &'static str,
    /// The form of its value, if it takes one.
    pub(crate) value: Option<&'static str>,
    /// What it does, in words.
    pub(crate) help: &'static str,
}

impl Flag {
    /// How it is written.
    pub(crate) fn usage(&self) -> String {
        let dashes = if self.name.len() == 1 { "-" } else { "--" };
        match self.value {
            Some(value) => format!("{dashes}{} {value}", self.name),
            None => format!("{dashes}{}", self.name),
        }
    }
}

/// What was given to a verb.
pub(crate) struct Arguments {
    verb: &'static Verb,
    /// All that is no option, in order.
    pub(crate) operands: Vec<String>,
    /// Options with their values, in order.
    options: Vec<(&'static str, String)>,
}

/// Whether a word asks for help.
pub(super) fn is_help(word: &str) -> bool {
    matches!(word, "--help" | "-help" | "-h")
}

impl Arguments {
    /// Understands the words after a verb.
    ///
    /// # Errors
    /// There is no such option, or its value is missing.
    pub(super) fn parse(verb: &'static Verb, words: &[String]) -> Result<Self, Failure> {
        let mut given = Self { verb, operands: Vec::new(), options: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                given.operands.extend(words.by_ref().cloned());
                break;
            }
            // A dash alone is a file: standard input.
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let Some(option) = name.filter(|name| !name.is_empty()) else {
                given.operands.push(word.clone());
                continue;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (option, None),
            };
            let flag = verb.options.iter().find(|flag| flag.name == name);
            let flag = flag.ok_or_else(|| given.unknown(word, name))?;
            let value = match (flag.value, value) {
                (None, None) => String::new(),
                (None, Some(_)) => {
                    return Err(given.misuse(&format!("option --{name} takes no value")));
                }
                (Some(_), Some(value)) => value,
                (Some(_), None) => words.next().cloned().ok_or_else(|| {
                    given.misuse(&format!("option --{name} needs a value: {}", flag.usage()))
                })?,
            };
            given.options.push((flag.name, value));
        }
        Ok(given)
    }

    /// Whether an option was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The value of an option; of the last one where there are several.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last()
    }

    /// The values of an option that may be given several times.
    pub(crate) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |option: &&(&str, String)| option.0 == name;
        self.options.iter().filter(named).map(|(_, value)| value.as_str())
    }

    /// The value of an option, as what it has to be.
    ///
    /// # Errors
    /// It is not that.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.value(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.wrong(name, text))
    }

    /// The error for a value that an option does not accept.
    pub(crate) fn wrong(&self, name: &str, value: &str) -> Failure {
        let usage = self.verb.options.iter().find(|flag| flag.name == name).map(Flag::usage);
        self.misuse(&format!(
            "option --{name}: '{value}' is not accepted: expected {}",
            usage.unwrap_or_default()
        ))
    }

    /// The operands as boards, each with the parameters that follow it.
    ///
    /// # Errors
    /// One cannot be a board, or there are too few or too many.
    pub(crate) fn boards(&self, count: RangeInclusive<usize>) -> Result<Vec<Source>, Failure> {
        let boards = source::sources(&self.operands)?;
        if boards.len() > *count.end() {
            let extra = &boards[*count.end()];
            return Err(self.misuse(&format!("unexpected argument: {extra}")));
        }
        if boards.len() < *count.start() {
            let many = if *count.start() == 1 { "a board" } else { "more boards" };
            return Err(self.misuse(&format!("{} needs {many}", self.verb.name)));
        }
        Ok(boards)
    }

    /// The error for a verb that is used in a wrong way.
    pub(crate) fn misuse(&self, problem: &str) -> Failure {
        let Verb { name, .. } = self.verb;
        Failure::Misuse(format!(
            "{problem}\nusage: boardwright {} (help {name} tells more)",
            self.verb.usage()
        ))
    }

    fn unknown(&self, word: &str, name: &str) -> Failure {
        let near = qapi_runtime::nearest(name, self.verb.options.iter().map(|flag| flag.name));
        let hint: Vec<String> = near.iter().map(|name| format!("--{name}")).collect();
        let hint = match hint.as_slice() {
            [] => String::new(),
            near => format!("; did you mean {}?", near.join(" or ")),
        };
        self.misuse(&format!("{} has no option {word}{hint}", self.verb.name))
    }
}
