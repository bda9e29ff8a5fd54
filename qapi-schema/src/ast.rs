//! Definitions whose shape has been checked but whose type names have not been resolved.

use crate::diagnostics::Definition as Context;
use crate::model::{Cond, EnumValue, Feature, Span};
use crate::parse::DocState;
use crate::source::Place;

/// One definition.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// `struct`, `command`, ...
    pub(crate) meta: &'static str,
    pub(crate) name: String,
    /// The place of its name.
    pub(crate) name_span: Span,
    /// All of it.
    pub(crate) span: Span,
    pub(crate) doc: DocState,
    pub(crate) cond: Option<Cond>,
    pub(crate) features: Vec<Feature>,
    pub(crate) body: Body,
}

impl Definition {
    /// What errors say about where they are.
    pub(crate) fn context(&self) -> Option<Context> {
        Some(Context { meta: self.meta, name: self.name.clone() })
    }

    /// Where errors are reported.
    pub(crate) fn anchor(&self) -> Place {
        Place::start(self.span)
    }
}

/// What differs between the kinds of definition.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Enum { values: Vec<EnumValue>, prefix: Option<String> },
    Struct { base: Option<TypeName>, members: Vec<Member> },
    Union { base: Data, tag: String, tag_span: Span, branches: Vec<Branch> },
    Alternate { branches: Vec<Branch> },
    Command { data: Data, returns: Option<TypeName>, flags: Flags },
    Event { data: Data, boxed: bool },
}

/// Arguments, event data or the base of a union.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    None,
    Named(TypeName),
    Inline(Vec<Member>),
}

impl Data {
    /// A type by its name.
    pub(crate) fn named(ty: TypeName) -> Self {
        ty.unless_empty().map_or(Self::None, Self::Named)
    }
}

/// A type as written: `'T'` or `['T']`.
#[derive(Clone, Debug)]
pub(crate) struct TypeName {
    pub(crate) name: String,
    pub(crate) array: bool,
    pub(crate) span: Span,
}

impl TypeName {
    /// The name under which the type is registered.
    pub(crate) fn entity(&self) -> String {
        if self.array { array_of(&self.name) } else { self.name.clone() }
    }

    /// Nothing for the empty name: where a type may be left out, the reference takes that as
    /// leaving it out.
    pub(crate) fn unless_empty(self) -> Option<Self> {
        (self.array || !self.name.is_empty()).then_some(self)
    }
}

/// The name of the array type of an element type.
pub(crate) fn array_of(element: &str) -> String {
    format!("{element}List")
}

/// A member, its name without `*`.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) ty: TypeName,
    pub(crate) optional: bool,
    pub(crate) cond: Option<Cond>,
    pub(crate) features: Vec<Feature>,
    pub(crate) span: Span,
}

/// A branch of a union or an alternate.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) name: String,
    pub(crate) ty: TypeName,
    pub(crate) cond: Option<Cond>,
    pub(crate) span: Span,
}

/// The flags of a command; each is true when the key is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) no_gen: bool,
    pub(crate) no_success_response: bool,
    pub(crate) boxed: bool,
    pub(crate) allow_oob: bool,
    pub(crate) allow_preconfig: bool,
    pub(crate) allow_init_config: bool,
    pub(crate) coroutine: bool,
    /// `allowed-phases`: the phases with their places.
    pub(crate) phases: Option<Vec<(String, Span)>>,
}
