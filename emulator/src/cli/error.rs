//! What can be wrong with a command line. Every text names the option and the way out.

use super::options::{self, OptionRow};

/// How many options an error suggests.
const SUGGESTIONS: usize = 3;

/// Why a command line is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CliError {
    /// There is no such option.
    #[error("invalid option: {option}; {hint}")]
    UnknownOption {
        /// The option as written.
        option: String,
        /// Options of similar names, or where to find all.
        hint: String,
    },
    /// The option is the last word and needs another.
    #[error("option {option} needs a value: {usage}")]
    MissingValue {
        /// The option as written.
        option: String,
        /// How it is written.
        usage: String,
    },
    /// The option's value cannot be right.
    #[error("option {option}: {problem}")]
    BadValue {
        /// The option with its value, as written.
        option: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The option says something about a machine, and there is none.
    #[error("option {option} needs a machine: add -M TYPE (-M help lists the types)")]
    NeedsMachine {
        /// The option as written.
        option: String,
    },
    /// A word that is neither an option nor the value of one.
    #[error("unexpected argument: {argument}; {hint}")]
    Unexpected {
        /// The word.
        argument: String,
        /// What may have been meant.
        hint: String,
    },
    /// A word is not UTF-8.
    #[error("argument {argument} is not UTF-8: options, paths and values are UTF-8 text")]
    NotText {
        /// The word, with replacement characters.
        argument: String,
    },
    /// The verb is not complete.
    #[error("run needs a board script: run SCRIPT [OPTION...] [NAME=VALUE...]")]
    MissingScript,
}

impl CliError {
    /// The error for an option that is not in the table.
    pub(super) fn unknown_option(option: &str) -> Self {
        let name = option.trim_start_matches('-');
        let hint = match name.split_once('=') {
            Some((name, value)) if options::find(name).is_some_and(|row| row.value.is_some()) => {
                format!("the value is a word of its own: -{name} {value}")
            }
            _ => {
                let near: Vec<String> = qapi_runtime::nearest(name, options::names())
                    .iter()
                    .take(SUGGESTIONS)
                    .map(|name| format!("-{name}"))
                    .collect();
                if near.is_empty() {
                    "-help lists the options".into()
                } else {
                    format!("did you mean {}?", near.join(" or "))
                }
            }
        };
        Self::UnknownOption { option: option.into(), hint }
    }

    /// The error for an option at the end of the line that needs a value.
    pub(super) fn missing_value(option: &str, row: &OptionRow) -> Self {
        Self::MissingValue { option: option.into(), usage: row.usage() }
    }
}
