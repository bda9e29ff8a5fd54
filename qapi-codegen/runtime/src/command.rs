//! The rows of a command table.

use crate::{
    Empty, Map, Mode, ObjectInfo, Path, PhaseSet, QmpError, Value, decode_object, invalid_type,
};

/// What the schema says about a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its arguments; `None` if it takes none, or takes them unchecked (`'gen': false`).
    pub arguments: Option<ObjectInfo>,
    /// The type that it returns as the schema spells it; `None` if it returns nothing.
    pub returns: Option<&'static str>,
    /// Whether a client may have it run out of band.
    pub allow_oob: bool,
    /// The phases in which it may run.
    pub phases: PhaseSet,
    /// Whether scalars among its arguments may come as strings.
    pub keyval: bool,
    /// Whether success is answered; `false` for a command that ends the program.
    pub success_response: bool,
    /// Its features.
    pub features: &'static [&'static str],
    /// The first paragraph of its documentation.
    pub doc: &'static str,
}

impl CommandInfo {
    /// Whether the schema gives the command this feature.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.contains(&name)
    }
}

/// A command of which we know how to run it.
#[derive(Debug)]
pub struct CommandEntry<C: ?Sized, S: ?Sized> {
    /// What the schema says about it.
    pub info: &'static CommandInfo,
    /// What runs it.
    pub run: Handler<C, S>,
}

/// What runs a command: it decodes the arguments, calls the method, encodes what comes back.
#[derive(Debug)]
pub enum Handler<C: ?Sized, S: ?Sized> {
    /// Runs in order with other commands and may change the machine.
    InBand(fn(&mut C, &Value) -> Result<Value, QmpError>),
    /// Runs beside them over shared state; what `allow-oob` asks for.
    OutOfBand(fn(&S, &Value) -> Result<Value, QmpError>),
}

// Derives would ask the same of C and S, of which there are only references here.
impl<C: ?Sized, S: ?Sized> Clone for CommandEntry<C, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized, S: ?Sized> Copy for CommandEntry<C, S> {}

impl<C: ?Sized, S: ?Sized> Clone for Handler<C, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized, S: ?Sized> Copy for Handler<C, S> {}

/// Checks the arguments of a command that takes none.
pub fn no_arguments(arguments: &Value) -> Result<(), QmpError> {
    decode_object::<Empty>(arguments, &Path::ARGUMENTS, Mode::Strict).map(|Empty {}| ())
}

/// The arguments of a command that checks them itself (`'gen': false`).
pub fn raw_arguments(arguments: &Value) -> Result<&Map, QmpError> {
    arguments.as_object().ok_or_else(|| invalid_type(&Path::ARGUMENTS, "object"))
}
