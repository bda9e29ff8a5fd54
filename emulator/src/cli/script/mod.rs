//! Board scripts: the commands of the schema, one a line, in qmp-shell's syntax, and what makes one
//! file a family of boards.
//!
//! ```text
//! param uarts = 2 in 1..=8 help "how many UARTs there are"
//! let base = 0x10000000
//! device_add driver=sysbus-memory id=ram size=16MiB
//! sysbus-mmio-map device=ram addr=0x80000000   // where software is linked to
//! for i in 0..uarts {
//!     device_add driver=riscv.sifive.uart id=uart$i
//!     sysbus-mmio-map device=uart$i addr=${base + i * 4KiB}
//! }
//! include parts/clint.qmp
//! ```
//!
//! A line is a command's name and `key=value` pairs between white space. A `\` at the end of a line
//! goes on in the next. `#` and `//` begin a comment at the start of a line or after white space.
//! `value` says what values may look like, `expression` what stands in `${...}`.
//!
//! A text goes through three stages: `parse` makes statements of it (`ast`), with one cursor, so that
//! every error has its place; `evaluate` makes commands of them; `format` lays the text out again.
//! Nothing here reads a file: who loads a script says how that is done.

mod ast;
mod datum;
mod error;
mod evaluate;
mod expression;
mod format;
mod number;
mod parameter;
mod parse;
mod source;
mod text;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::board::Origin;
use crate::door::{Command, Step};
use crate::qapi::CommandOrigin;

pub use ast::Kind;
use ast::{Param, Statement, StatementKind};
pub use datum::Datum;
pub use error::ScriptError;
pub use evaluate::Variables;
use evaluate::{Evaluator, LIMITS, Limits, Sink, Stop};
pub use format::format;
pub use parameter::Parameter;
use source::{Fault, File};
pub use write::{line, number_text};

/// How files are read; an error is a message.
pub type Read<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// A board script that is to be executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The file.
    pub path: PathBuf,
    /// Values of its parameters, `NAME=VALUE`, in order.
    pub variables: Vec<(String, String)>,
}

/// Where a command stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The number of its line, the first being 1; of the first one if it goes over several.
    pub line: usize,
    /// The variables of the loops around it, the outermost first.
    pub loops: Vec<(String, String)>,
}

/// `boards/first.qmp:12`, and in a loop `boards/first.qmp:12 (i=3)`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.loops.is_empty() {
            return Ok(());
        }
        let loops: Vec<String> =
            self.loops.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, " ({})", loops.join(", "))
    }
}

/// A command of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Where it stands.
    pub place: Place,
    /// The column at which it begins, the first being 1.
    pub column: usize,
    /// Its text, without comment, on one line, variables as written.
    pub text: String,
    /// The command.
    pub command: Command,
}

impl Line {
    /// The command, from where it stands.
    pub fn step(&self) -> Step {
        let origin = Origin::new(CommandOrigin::Script, self.place.to_string());
        Step { command: self.command.clone(), origin }
    }
}

/// A file that was read.
#[derive(Debug)]
struct Unit {
    file: File,
    statements: Vec<Statement>,
}

impl Unit {
    fn parse(path: &Path, text: String) -> Result<Self, Box<ScriptError>> {
        let file = File::new(path, text);
        match parse::parse(&file.text) {
            Ok(parsed) => Ok(Self { statements: parsed.statements, file }),
            Err(fault) => Err(Box::new(ScriptError::in_file(&file, fault))),
        }
    }

    fn parameters(&self) -> impl Iterator<Item = &Param> {
        self.statements.iter().filter_map(|statement| match &statement.kind {
            StatementKind::Param(param) => Some(param),
            _ => None,
        })
    }
}

impl Script {
    /// A script in a file, without variables.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), variables: vec![] }
    }
}

/// A script that was read, to be evaluated as often as one likes.
#[derive(Debug)]
pub struct Program {
    unit: Rc<Unit>,
    limits: Limits,
}

impl Program {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(path: &Path, text: String) -> Result<Self, Box<ScriptError>> {
        Ok(Self { unit: Rc::new(Unit::parse(path, text)?), limits: LIMITS })
    }

    /// Its parameters, in the order of their declarations.
    ///
    /// # Errors
    /// A declaration contradicts itself.
    pub fn parameters(&self) -> Result<Vec<Parameter>, Box<ScriptError>> {
        let read = |_: &Path| Err(String::new());
        let mut evaluator = Evaluator::new(&read, None, true);
        match evaluator.unit(&self.unit, &parameter::Given::default()) {
            Ok(()) | Err(Stop::Done) => Ok(evaluator.parameters),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    /// Hands its commands over, one after the other, until one is refused or enough.
    ///
    /// # Errors
    /// The first mistake; when it is in the script, nothing was handed over.
    pub fn walk(
        &self,
        variables: &[(String, String)],
        read: Read<'_>,
        sink: Sink<'_>,
    ) -> Result<(), Box<ScriptError>> {
        let mut given = parameter::Given::default();
        for (name, value) in variables {
            let problem = if !self.unit.parameters().any(|param| param.name == *name) {
                parameter::unknown(name, &self.unit)
            } else if given.words.insert(name.clone(), value.clone()).is_some() {
                format!("parameter '{name}' is given twice")
            } else {
                continue;
            };
            return Err(Box::new(ScriptError::in_file(&self.unit.file, Fault::new(0, problem))));
        }
        self.evaluate(&given, read, None)?;
        self.evaluate(&given, read, Some(sink))
    }

    /// All of its commands, evaluated with variables that are there already; those that it makes
    /// are kept.
    ///
    /// # Errors
    /// The first mistake; the variables are as before then.
    pub fn commands(
        &self,
        variables: &mut Variables,
        read: Read<'_>,
    ) -> Result<Vec<Command>, Box<ScriptError>> {
        let mut commands = Vec::new();
        let mut sink = |line: &Line| {
            commands.push(line.command.clone());
            Ok(ControlFlow::Continue(()))
        };
        let mut evaluator = Evaluator::new(read, Some(&mut sink), false)
            .within(self.limits)
            .with_variables(variables.clone());
        let given = parameter::Given::default();
        if let Err(Stop::Error(error)) = evaluator.unit(&self.unit, &given) {
            return Err(error);
        }
        *variables = evaluator.variables();
        Ok(commands)
    }

    fn evaluate(
        &self,
        given: &parameter::Given,
        read: Read<'_>,
        sink: Option<Sink<'_>>,
    ) -> Result<(), Box<ScriptError>> {
        match Evaluator::new(read, sink, false).within(self.limits).unit(&self.unit, given) {
            Ok(()) | Err(Stop::Done) => Ok(()),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}
