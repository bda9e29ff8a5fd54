//! The QAPI schema language: text in, checked schema out.
//!
//! [`load`] reads a root file with everything that it includes and returns a [`Schema`] in which
//! all names are resolved, or [`Diagnostics`]. The stages, each in a file of its own:
//!
//! 1. `syntax` parses files by the grammar; `explain` words what the grammar refuses.
//! 2. `parse` follows includes and pragmas; `docs` reads documentation comments.
//! 3. `definitions` and `shape` check each definition by itself; `names` has the naming rules.
//! 4. `register` numbers all entities.
//! 5. `check`, `check_object` and `check_uses` resolve names and compare definitions;
//!    `document` compares them with their documentation.
//!
//! The order of stages and checks decides which error comes first, and it is the reference
//! generator's. Later stages run only on what earlier ones found no fault with, so that every
//! error shown is worth correcting.
#![forbid(unsafe_code)]

// The example of the page is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

mod ast;
mod check;
mod check_object;
mod check_uses;
mod definitions;
mod diagnostics;
mod docs;
mod document;
mod dump;
mod error;
mod explain;
mod expr;
mod input;
pub mod model;
mod names;
mod parse;
mod paths;
mod pragma;
mod register;
mod render;
mod shape;
mod source;
mod suggest;
mod syntax;

use std::io;
use std::path::Path;

pub use crate::diagnostics::{Diagnostic, Diagnostics};
pub use crate::dump::dump;
pub use crate::error::Problem;
pub use crate::model::Schema;
pub use crate::suggest::nearest;

use crate::ast::Definition;
use crate::check::{Checker, State};
use crate::docs::DocComment;
use crate::model::{DocBlock, Entity, EntityId, Item, Module, ModuleId, Span};
use crate::parse::{DocState, Expression, Parsed};
use crate::register::{RawKind, Registered, Registry, Request};

/// Reads and checks a schema: the root file and everything that it includes.
///
/// # Errors
///
/// All errors of the stage that found any; the first one is the reference generator's.
pub fn load(path: &Path) -> Result<Schema, Diagnostics> {
    load_with(path, &mut input::read_file)
}

/// Does the same with files that `read` gives: an editor's buffers, an archive, texts of a test.
/// It gets paths as messages print them: that of an include is joined to its includer's directory.
///
/// # Errors
///
/// As [`load`] does; what `read` refuses is an error of the schema.
pub fn load_with(
    path: &Path,
    read: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<Schema, Diagnostics> {
    let mut parsed = parse::parse(&path.to_string_lossy(), read);
    let (definitions, requests) = definitions(&mut parsed);
    if !parsed.errors.is_empty() {
        return Err(Diagnostics::new(parsed.errors, parsed.sources));
    }
    let mut errors = Vec::new();
    let registry = register::register(definitions, &requests, &parsed.sources, &mut errors);
    let mut checker = Checker::new(&registry, &parsed.pragmas);
    checker.errors = errors;
    checker.phases();
    check_all(&mut checker, &parsed);
    if !checker.errors.is_empty() {
        return Err(Diagnostics::new(checker.errors, parsed.sources));
    }
    let (states, phase_enum) = (checker.states, checker.phase_enum);
    Ok(assemble(registry, states, phase_enum, parsed.docs, parsed.sources))
}

/// Checks the shape of all definitions and says what is to be registered.
fn definitions(parsed: &mut Parsed) -> (Vec<Definition>, Vec<Request>) {
    let (mut definitions, mut requests) = (Vec::new(), Vec::new());
    for expression in &parsed.expressions {
        match expression {
            Expression::Include { span, path } => {
                requests.push(Request::Include { file: span.file, path: path.clone() });
            }
            Expression::Definition { object, span, doc } => {
                let comment = comment(&parsed.docs, *doc);
                let input = definitions::Input { object, span: *span, doc: *doc, comment };
                let checked = definitions::check(&input, &parsed.pragmas, &mut parsed.errors);
                if let Some(definition) = checked {
                    requests.push(Request::Definition(definitions.len()));
                    definitions.push(definition);
                }
            }
        }
    }
    (definitions, requests)
}

fn comment(docs: &[DocComment], doc: DocState) -> Option<&DocComment> {
    match doc {
        DocState::Index(index) => docs.get(index),
        DocState::None | DocState::Broken => None,
    }
}

/// Checks all entities, then all documentation comments.
fn check_all(checker: &mut Checker<'_>, parsed: &Parsed) {
    let registry = checker.registry;
    for (index, raw) in registry.raws.iter().enumerate() {
        let id = EntityId(index);
        if !checker.check(id, 0) || !matches!(raw.kind, RawKind::Definition) {
            continue;
        }
        if let Some(definition) = checker.owner(id)
            && let Some(comment) = comment(&parsed.docs, definition.doc)
        {
            let missing = document::undocumented(definition, comment, &parsed.pragmas);
            checker.errors.extend(missing);
        }
    }
    for definition in &registry.definitions {
        if let Some(comment) = comment(&parsed.docs, definition.doc) {
            checker.errors.extend(document::nonexistent(definition, comment));
        }
    }
    checker.errors.extend(registry.too_many_features());
}

/// Puts the checked parts together.
fn assemble(
    registry: Registry,
    states: Vec<State>,
    phase_enum: Option<EntityId>,
    comments: Vec<DocComment>,
    sources: source::SourceMap,
) -> Schema {
    let module = |span: Option<Span>| {
        ModuleId(span.and_then(|it| registry.file_modules.get(it.file).copied()).unwrap_or(0))
    };
    let owner = |id: EntityId| {
        let owner = registry.raws.get(id.0)?.owner?;
        registry.definitions.get(owner)
    };
    let mut entities: Vec<Entity> = Vec::new();
    for (raw, state) in registry.raws.iter().zip(states) {
        // Without errors every entity is done.
        let State::Done(checked) = state else { continue };
        let id = EntityId(entities.len());
        let definition = owner(id);
        let mut entity = Entity {
            name: raw.name.clone(),
            kind: checked.kind,
            cond: definition.and_then(|it| it.cond.clone()),
            features: Vec::new(),
            doc: None,
            span: definition.map(|it| it.span),
            module: module(definition.map(|it| it.span)),
        };
        match &raw.kind {
            RawKind::Definition => {
                entity.features = definition.map(|it| it.features.clone()).unwrap_or_default();
                entity.doc = definition.and_then(|definition| {
                    let comment = comment(&comments, definition.doc)?;
                    Some(document::model(definition, comment))
                });
            }
            RawKind::Array(element) => {
                // An array is where its element type is, and exists if that does.
                let element = registry.names.get(&element.name).and_then(|id| owner(*id));
                entity.cond = element.and_then(|it| it.cond.clone());
                entity.module = module(element.map(|it| it.span));
            }
            _ => {}
        }
        entities.push(entity);
    }
    let names = registry.modules.iter().cloned();
    let mut modules: Vec<Module> =
        names.map(|name| Module { name, items: Vec::new(), docs: Vec::new() }).collect();
    for registered in &registry.order {
        let (home, item) = match registered {
            Registered::Include { file, module } => {
                let name = registry.modules.get_index(*module).cloned().unwrap_or_default();
                (registry.file_modules.get(*file).copied(), Item::Include(name))
            }
            Registered::Entity(id) => {
                (entities.get(id.0).map(|entity| entity.module.0), Item::Entity(*id))
            }
        };
        if let Some(home) = home.and_then(|home| modules.get_mut(home)) {
            home.items.push(item);
        }
    }
    let mut docs = Vec::new();
    for comment in comments {
        if let Some(symbol) = comment.symbol {
            docs.extend(registry.names.get(&symbol).map(|id| DocBlock::Entity(*id)));
        } else {
            let text = comment.sections.into_iter().map(|section| section.text).collect::<String>();
            let ModuleId(home) = module(Some(comment.span));
            if let Some(module) = modules.get_mut(home) {
                module.docs.push(text.clone());
            }
            docs.push(DocBlock::FreeForm { module: ModuleId(home), span: comment.span, text });
        }
    }
    let names = registry.names;
    Schema { files: sources.into_files(), modules, entities, phase_enum, docs, names }
}
