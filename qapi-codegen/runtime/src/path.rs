//! Where in a request a value stands.
//!
//! A path is a list on the stack whose nodes point at their parents. It becomes text only when
//! something is wrong, so decoding a good request pays for two words a level and nothing else.

use std::fmt;

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
