//! Pragmas: settings of the whole schema. The last value wins, for every file and also for what
//! stands before it, because nothing is checked before everything is parsed.

use std::collections::HashSet;

use crate::diagnostics::Diagnostic;
use crate::error::Problem;
use crate::expr::Entry;
use crate::model::Span;
use crate::source::Place;
use crate::suggest::nearest;

/// All pragmas.
const NAMES: [&str; 7] = [
    "doc-required",
    "phase-enum",
    "command-name-exceptions",
    "command-returns-exceptions",
    "documentation-exceptions",
    "member-name-exceptions",
    "value-name-exceptions",
];

/// The state of all pragmas.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pragmas {
    /// Whether every definition needs documentation.
    pub(crate) doc_required: bool,
    /// Commands whose names may use `_`.
    pub(crate) command_names: HashSet<String>,
    /// Commands that may return anything.
    pub(crate) command_returns: HashSet<String>,
    /// Definitions that need not describe their members.
    pub(crate) documentation: HashSet<String>,
    /// Types whose member or value names may use capitals and `_`.
    pub(crate) member_names: HashSet<String>,
    /// Enums whose value names may use `.` (this project's addition).
    pub(crate) value_names: HashSet<String>,
    /// The enum of the phases in which commands are allowed (this project's addition).
    pub(crate) phase_enum: Option<PhaseEnum>,
}

/// What the pragma `phase-enum` says.
#[derive(Clone, Debug)]
pub(crate) struct PhaseEnum {
    pub(crate) name: String,
    pub(crate) span: Span,
    /// Where the directive begins.
    pub(crate) anchor: Place,
}

impl Pragmas {
    /// Obeys one pragma of the directive that begins at `anchor`.
    pub(crate) fn set(
        &mut self,
        name: &str,
        entry: &Entry,
        anchor: Place,
    ) -> Result<(), Box<Diagnostic>> {
        let node = &entry.node;
        let wrong = |problem| Diagnostic::semantic(problem, anchor, node.span);
        let list = match name {
            "doc-required" => {
                let value = node.boolean().ok_or_else(|| wrong(Problem::PragmaNotBoolean))?;
                self.doc_required = value;
                return Ok(());
            }
            "phase-enum" => {
                let name = node.string().ok_or_else(|| wrong(Problem::PragmaNotString))?;
                self.phase_enum =
                    Some(PhaseEnum { name: name.to_owned(), span: node.span, anchor });
                return Ok(());
            }
            "command-name-exceptions" => &mut self.command_names,
            "command-returns-exceptions" => &mut self.command_returns,
            "documentation-exceptions" => &mut self.documentation,
            "member-name-exceptions" => &mut self.member_names,
            "value-name-exceptions" => &mut self.value_names,
            _ => {
                let problem = Problem::UnknownPragma(name.to_owned());
                let error = Diagnostic::semantic(problem, anchor, entry.key);
                return Err(error.suggest("pragma", nearest(name, NAMES.into_iter())).into());
            }
        };
        let names = node.array().map(|elements| {
            elements.iter().map(|element| element.string().map(str::to_owned)).collect()
        });
        *list = names
            .and_then(|names: Option<HashSet<String>>| names)
            .ok_or_else(|| wrong(Problem::PragmaNotList(name.to_owned())))?;
        Ok(())
    }
}
