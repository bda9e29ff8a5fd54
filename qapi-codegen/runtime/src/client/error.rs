//! What can go wrong for a client.

use std::sync::Arc;
use std::{fmt, io};

use crate::json::ParseError;
use crate::{QmpError, Value};

/// Why there is no reply, or no event.
#[derive(Debug)]
pub enum ClientError {
    /// There is no connection to begin with.
    Connect(io::Error),
    /// The server refused the command.
    Refused(QmpError),
    /// What the server said is not what the schema says.
    Unreadable(Box<Unreadable>),
    /// The connection ended.
    Lost(Lost),
    /// The server does not offer out-of-band execution.
    NoOutOfBand,
    /// So many events are missing before the next one, because nobody took them in time.
    Missed(u64),
}

impl ClientError {
    pub(super) fn unreadable(what: impl Into<String>, cause: QmpError, value: Value) -> Self {
        Self::Unreadable(Box::new(Unreadable { what: what.into(), cause, value }))
    }

    /// The server's error, if it refused the command.
    pub fn refusal(&self) -> Option<&QmpError> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("cannot connect"),
            Self::Refused(error) => write!(f, "{}: {}", error.class, error.desc),
            Self::Unreadable(unreadable) => {
                write!(f, "{}: {}", unreadable.what, unreadable.cause)
            }
            Self::Lost(lost) => write!(f, "the connection is lost: {lost}"),
            Self::NoOutOfBand => f.write_str("the server does not execute out of band"),
            Self::Missed(count) => write!(f, "{count} events were not taken in time"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<Lost> for ClientError {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// Something that a server of another version said.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// What it said: `reply of query-status`, `event STOP`.
    pub what: String,
    /// Where in it something is wrong, and what.
    pub cause: QmpError,
    /// The reply or the event's data as it came: the command was carried out, and need not be
    /// repeated for what can be read all the same.
    pub value: Value,
}

/// Why a connection ended. Everybody who waits for an answer gets the same.
#[derive(Clone, Debug)]
pub enum Lost {
    /// The server ended it.
    Closed,
    /// The server ended it in the middle of a message.
    Cut,
    /// The system says why.
    Io(Arc<io::Error>),
    /// What came is no JSON.
    NotJson(ParseError),
    /// What came is JSON that makes no sense here; the text shows it.
    NotQmp(String),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed it"),
            Self::Cut => f.write_str("the server closed it in the middle of a message"),
            Self::Io(cause) => cause.fmt(f),
            Self::NotJson(cause) => write!(f, "the server does not speak QMP: {cause}"),
            Self::NotQmp(text) => write!(f, "the server does not speak QMP: {text}"),
        }
    }
}
