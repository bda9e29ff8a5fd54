//! What changed for a client between two versions of an interface.
//!
//! Only what is on the wire counts: names of types do not, nor their order. A change is judged by
//! its direction. What a client sends may become more general (an argument may be left out, a
//! value is new); what it gets may become more special (a member is always there, a value never
//! comes again). Members that a client does not know in an answer do not hurt it; values that it
//! does not know do.
//!
//! The old version is a schema, or an answer to query-qmp-schema that somebody kept. Without
//! defines, what is conditional counts as being there.

mod compare;
mod interface;
mod recorded;

use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use qapi_schema::{Diagnostics, Schema, load};
use serde_json::{Value, json};

use crate::Options;

/// The version to compare with.
#[derive(Clone, Debug)]
pub enum Old {
    /// A schema.
    Schema(Box<Schema>),
    /// The entities of an answer to query-qmp-schema.
    Recorded(Vec<Value>),
}

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub enum OldError {
    /// The schema is wrong.
    #[error("the old schema has errors\n\n{0}")]
    Schema(Box<Diagnostics>),
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// An answer to query-qmp-schema that cannot be one.
    #[error("{path}: no answer to query-qmp-schema: {what}")]
    Recorded {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl Old {
    /// Reads a schema's root file, or a recorded answer (the array, or the whole message).
    pub fn load(path: &Path) -> Result<Self, OldError> {
        let text =
            fs::read(path).map_err(|cause| OldError::Read { path: path.to_owned(), cause })?;
        // A schema is no JSON: its strings have single quotes.
        let answer = match serde_json::from_slice(&text) {
            Ok(Value::Array(entities)) => Some(entities),
            Ok(Value::Object(mut message)) => match message.remove("return") {
                Some(Value::Array(entities)) => Some(entities),
                _ => None,
            },
            _ => None,
        };
        match answer {
            Some(entities) => {
                let wrong = |what| OldError::Recorded { path: path.to_owned(), what };
                recorded::interface(&entities).map_err(wrong)?;
                Ok(Self::Recorded(entities))
            }
            None => load(path)
                .map(|schema| Self::Schema(Box::new(schema)))
                .map_err(|errors| OldError::Schema(Box::new(errors))),
        }
    }
}

/// How much a change matters to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A client that worked may fail.
    Incompatible,
    /// A client goes on working, and its author should know.
    Notice,
    /// A client need not know.
    Compatible,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incompatible => "incompatible",
            Self::Notice => "notice",
            Self::Compatible => "compatible",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// How much it matters.
    pub level: Level,
    /// What it belongs to: `command 'x'`, `event 'X'`, `type 'X' in arguments`.
    pub subject: String,
    /// What has changed, and how.
    pub message: String,
    /// `added`, `removed` or `changed`.
    pub kind: &'static str,
}

/// All differences, what matters most first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(pub Vec<Change>);

impl Changes {
    /// Whether every client of the old version can go on.
    pub fn compatible(&self) -> bool {
        self.count(Level::Incompatible) == 0
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|change| change.level == level).count()
    }

    /// For tools.
    pub fn json(&self) -> Value {
        let change = |change: &Change| {
            json!({
                "level": change.level.to_string(),
                "kind": change.kind,
                "subject": change.subject,
                "message": change.message,
            })
        };
        json!({
            "changes": self.0.iter().map(change).collect::<Vec<_>>(),
            "incompatible": self.count(Level::Incompatible),
            "notice": self.count(Level::Notice),
            "compatible": self.count(Level::Compatible),
        })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Change { level, subject, message, .. } in &self.0 {
            writeln!(f, "{level}: {subject}: {message}")?;
        }
        if self.0.is_empty() {
            return write!(f, "nothing has changed for a client");
        }
        let count = |level| format!("{} {level}", self.count(level));
        let levels = [Level::Incompatible, Level::Notice, Level::Compatible].map(count);
        write!(f, "{} changes: {}", self.0.len(), levels.join(", "))
    }
}

/// Compares an old version with a schema.
pub fn diff(old: &Old, new: &Schema, options: &Options) -> Changes {
    let new = interface::interface(new, options);
    let old = match old {
        Old::Schema(schema) => interface::interface(schema, options),
        // It was read when it was loaded.
        Old::Recorded(entities) => recorded::interface(entities).unwrap_or_default(),
    };
    let mut changes = compare::compare(&old, &new);
    changes.sort();
    changes.dedup();
    Changes(changes)
}
