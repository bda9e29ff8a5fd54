//! Where in a request a value stands.
//!
//! A path is a list on the stack whose nodes point at their parents. It becomes text only when
//! something is wrong, so decoding a good request pays for two words a level and nothing else.

use std::fmt;

use crate::QmpError;

/// The place of a value inside the arguments of a command.
#[derive(Clone, Copy, Debug)]
pub enum Path<'a> {
    /// The outermost value. Its name shows only in messages about that value itself.
    Root(&'a str),
    /// A member of an object.
    Member(&'a Path<'a>, &'a str),
    /// An element of an array.
    Element(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// The arguments of a command.
    pub const ARGUMENTS: Path<'static> = Path::Root("arguments");
    /// The value that a command returns.
    pub const RETURN: Path<'static> = Path::Root("return");
    /// The data of an event.
    pub const DATA: Path<'static> = Path::Root("data");

    /// The path of a member of the object that stands here.
    pub fn member<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path::Member(self, name)
    }

    /// The path of an element of the array that stands here.
    pub fn element(&self, index: usize) -> Path<'_> {
        Path::Element(self, index)
    }

    /// Whether this is a place inside the arguments of a command.
    fn in_arguments(&self) -> bool {
        match self {
            Path::Root(name) => {
                matches!(Self::ARGUMENTS, Path::Root(arguments) if arguments == *name)
            }
            Path::Member(parent, _) | Path::Element(parent, _) => parent.in_arguments(),
        }
    }

    /// What is wrong here: in arguments told in the words that clients of servers know, in what a
    /// server said in words of our own.
    pub(crate) fn fault(&self, fault: Fault<'_>) -> QmpError {
        let text = if self.in_arguments() {
            match fault {
                Fault::Missing => format!("Parameter '{self}' is missing"),
                Fault::Unexpected => format!("Parameter '{self}' is unexpected"),
                Fault::Type(ty) => format!("Invalid parameter type for '{self}', expected: {ty}"),
                Fault::Range(what) => format!("Parameter '{self}' expects {what}"),
                Fault::Value(text) => format!("Parameter '{self}' does not accept value '{text}'"),
            }
        } else {
            let place = match self {
                Path::Root(_) => String::new(),
                _ => format!("member '{self}': "),
            };
            match fault {
                Fault::Missing => format!("{place}missing"),
                Fault::Unexpected => format!("{place}unexpected"),
                Fault::Type(what) | Fault::Range(what) => format!("{place}expected {what}"),
                Fault::Value(text) => format!("{place}unknown value '{text}'"),
            }
        };
        QmpError::generic(text)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(name) => f.write_str(name),
            Path::Member(Path::Root(_), name) => f.write_str(name),
            Path::Member(parent, name) => write!(f, "{parent}.{name}"),
            Path::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// What can be wrong with a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault<'a> {
    /// It is not there and has to be.
    Missing,
    /// It is there and must not be.
    Unexpected,
    /// It is of another type than this one.
    Type(&'a str),
    /// It is an integer and not within this type.
    Range(&'a str),
    /// It is this text, which is none of the names known.
    Value(&'a str),
}
