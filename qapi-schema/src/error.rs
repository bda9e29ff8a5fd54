//! Everything that can be wrong with a schema, in the reference generator's words.
//!
//! Texts are interface: QEMU's developers and its test suite know them. Where this project adds a
//! rule of its own or refuses what makes the reference crash, the text says so in the same style.

use strum::{IntoStaticStr, VariantNames};
use thiserror::Error;

/// What is wrong. The text of each variant says what it means.
#[derive(Clone, Debug, PartialEq, Eq, Error, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "the text of each variant is its documentation")]
pub enum Problem {
    // Files.
    #[error("can't read schema file '{path}': {reason}")]
    UnreadableSchema { path: String, reason: String },
    #[error("can't read include file '{path}': {reason}")]
    UnreadableInclude { path: String, reason: String },
    #[error("file is not valid UTF-8")]
    NotUtf8,
    #[error("inclusion loop for {0}")]
    InclusionLoop(String),
    #[error("includes nest too deep (at most {0} levels)")]
    IncludesTooDeep(usize),

    // Tokens and expressions.
    #[error("missing terminating \"'\"")]
    UnterminatedString,
    #[error("unknown escape \\{0}")]
    UnknownEscape(char),
    #[error("funny character in string")]
    FunnyCharacter,
    #[error("stray '{0}'")]
    Stray(String),
    #[error("expected {0}")]
    Expected(&'static str),
    #[error("duplicate key '{0}'")]
    DuplicateKey(String),
    #[error("expression nests too deep (at most {0} levels)")]
    NestingTooDeep(usize),

    // Directives.
    #[error("top-level expression must be an object")]
    NotAnObject,
    #[error("invalid '{0}' directive")]
    InvalidDirective(&'static str),
    #[error("value of 'include' must be a string")]
    IncludeNotString,
    #[error("value of 'pragma' must be an object")]
    PragmaNotObject,
    #[error("pragma 'doc-required' must be boolean")]
    PragmaNotBoolean,
    #[error("pragma {0} must be a list of strings")]
    PragmaNotList(String),
    #[error("pragma 'phase-enum' must be a string")]
    PragmaNotString,
    #[error("unknown pragma '{0}'")]
    UnknownPragma(String),
    #[error("pragma 'phase-enum' uses unknown type '{0}'")]
    UnknownPhaseEnum(String),
    #[error("pragma 'phase-enum' requires an enum type, {0} isn't")]
    PhaseEnumIsNoEnum(String),

    // The shape of documentation comments.
    #[error("junk after '##' at start of documentation comment")]
    DocJunkAtStart,
    #[error("junk after '##' at end of documentation comment")]
    DocJunkAtEnd,
    #[error("documentation comment must end with '##'")]
    DocUnterminated,
    #[error("missing space after #")]
    DocMissingSpace,
    #[error("line should end with ':'")]
    DocSymbolWithoutColon,
    #[error("name required after '@'")]
    DocSymbolEmpty,
    #[error("'@{0}:' not allowed in free-form documentation")]
    DocMemberInFreeForm(String),
    #[error("'=' heading must come first in a comment block")]
    DocLateHeading,
    #[error("unexpected '=' markup in definition documentation")]
    DocHeadingInDefinition,
    #[error("description of '@{0}:' follows a section")]
    DocLateMember(String),
    #[error("duplicated 'Features:' line")]
    DocRepeatedFeatures,
    #[error("feature descriptions expected")]
    DocNoFeatures,
    #[error("unexpected de-indent (expected at least {0} spaces)")]
    DocDeindent(usize),
    #[error(
        "The '{0}' section is no longer supported. Please use rST's '.. note::' or \
         '.. admonition:: notes' directives, or another suitable admonition instead."
    )]
    DocNote(String),
    #[error(
        "The '{0}' section is no longer supported. Please use the '.. qmp-example::' \
         directive, or other suitable markup instead."
    )]
    DocExample(String),
    #[error("duplicated '{0}' section")]
    DocRepeatedSection(&'static str),
    #[error("invalid parameter name")]
    DocUnnamedMember,
    #[error("'{0}' parameter name duplicated")]
    DocRepeatedMember(String),
    #[error("text required after '{0}:'")]
    DocEmptySection(&'static str),

    // Documentation comments and what they document.
    #[error("definition documentation required")]
    DocFreeFormBeforeDefinition,
    #[error("documentation for '{0}' is not followed by the definition")]
    DocWithoutDefinition(String),
    #[error("documentation comment is for '{0}'")]
    DocForOther(String),
    #[error("documentation comment required")]
    DocRequired,
    #[error("'Returns' section, but command doesn't return anything")]
    DocReturnsNothing,
    #[error("'{0}' section is only valid for commands")]
    DocOnlyForCommands(&'static str),
    #[error("{role} '{name}' lacks documentation")]
    Undocumented { role: &'static str, name: String },
    #[error("documented {what}{} {} {} not exist", plural(.names), quoted(.names), does(.names))]
    DocumentedNothing { what: &'static str, names: Vec<String> },

    // Keys and names.
    #[error(
        "expression must have exactly one key 'enum', 'struct', 'union', 'alternate', \
         'command', 'event'"
    )]
    NoMeta,
    #[error("{what} requires a string name")]
    NameNotString { what: String },
    #[error("{what} has an invalid name")]
    InvalidName { what: String },
    #[error("name of {what} must not use lowercase or '-'")]
    NotUpperCase { what: String },
    #[error("name of {what} must not use uppercase or '_'")]
    NotLowerCase { what: String },
    #[error("name of {what} must use CamelCase")]
    NotCamelCase { what: String },
    #[error("{what} name should not end in 'List'")]
    NamedList { what: String },
    #[error("{what} uses reserved name")]
    ReservedName { what: String },
    #[error("{what} misses key{} {}", plural(.names), quoted(.names))]
    MissingKeys { what: String, names: Vec<String> },
    #[error(
        "{what} has unknown key{} {}\nValid keys are {}.",
        plural(.names), quoted(.names), quoted(.valid)
    )]
    UnknownKeys { what: String, names: Vec<String>, valid: Vec<String> },

    // Values of keys.
    #[error("'data' must be an array")]
    DataNotArray,
    #[error("'data' must be an object")]
    DataNotObject,
    #[error("'data' must not be empty")]
    DataEmpty,
    #[error("'prefix' must be a string")]
    PrefixNotString,
    #[error("{what} should be a type name")]
    NotTypeName { what: String },
    #[error("{what} should be a type name or array")]
    NotTypeNameOrArray { what: String },
    #[error("{what}: array type must contain single type name")]
    NotSingleElement { what: String },
    #[error("{what} should be an object or type name")]
    NotObjectOrTypeName { what: String },
    #[error("'boxed': true requires 'data'")]
    BoxedNothing,
    #[error("flag '{0}' may only use {1} value")]
    FlagValue(&'static str, bool),
    #[error("flags 'allow-oob' and 'coroutine' are incompatible")]
    OutOfBandCoroutine,
    #[error("'if' condition '{cond}' of {what} is not a valid identifier")]
    CondIdentifier { cond: String, what: String },
    #[error("'if' condition of {what} must be a string or an object")]
    CondForm { what: String },
    #[error("'if' condition of {what} has conflicting keys")]
    CondKeys { what: String },
    #[error("'{operator}' condition of {what} must be an array")]
    CondNotArray { operator: &'static str, what: String },
    #[error("'if' condition [] of {what} is useless")]
    CondUseless { what: String },
    #[error("'features' must be an array")]
    FeaturesNotArray,

    // The phases of commands, which the reference does not know.
    #[error("'allowed-phases' needs the pragma 'phase-enum'")]
    PhasesWithoutEnum,
    #[error("'allowed-phases' must be an array")]
    PhasesNotArray,
    #[error("'allowed-phases' must not be empty")]
    PhasesEmpty,
    #[error("'allowed-phases' member '{phase}' is not a value of enum type '{phases}'")]
    PhaseUnknown { phase: String, phases: String },
    #[error("'allowed-phases' member '{0}' is duplicated")]
    PhaseRepeated(String),
    #[error("'allowed-phases' and '{0}' are incompatible")]
    PhasesAndFlag(&'static str),

    // Cross references.
    #[error("'{name}' is already defined")]
    Redefined { name: String },
    #[error("{0} is already defined")]
    RedefinedPredefined(String),
    #[error("{user} uses unknown type '{name}'")]
    UnknownType { user: String, name: String },
    #[error("array of {user} cannot use {element}")]
    ArrayOfArray { user: String, element: String },
    #[error("feature '{0}' is not supported for types")]
    FeatureOfType(String),
    #[error("Maximum of 64 schema features is permitted")]
    TooManyFeatures,
    #[error("object {0} contains itself")]
    ContainsItself(String),
    #[error("object {name} nests too deep (at most {limit} levels of base types and branches)")]
    ContainsTooDeep { name: String, limit: usize },
    #[error("'base' requires a struct type, {0} isn't")]
    BaseNotStruct(String),
    #[error("{one} collides with {other}")]
    Collision { one: String, other: String },
    #[error("discriminator '{tag}' is not a member of 'base'")]
    TagNotInBase { tag: String },
    #[error("discriminator member '{tag}' of {base} must be of enum type")]
    TagNotEnum { tag: String, base: String },
    #[error("discriminator member '{tag}' of {base} must not be optional")]
    TagOptional { tag: String, base: String },
    #[error("discriminator member '{tag}' of {base} must not be conditional")]
    TagConditional { tag: String, base: String },
    #[error("union has no branches")]
    NoBranches,
    #[error("branch '{branch}' is not a value of {tag}")]
    BranchNotValue { branch: String, tag: String },
    #[error("branch '{branch}' cannot use {ty}")]
    BranchType { branch: String, ty: String },
    #[error("branch '{branch}' can't be distinguished from '{other}'")]
    BranchAmbiguous { branch: String, other: String },
    #[error("{meta}'s '{key}' cannot take {ty}")]
    CannotTake { meta: &'static str, key: &'static str, ty: String },
    #[error("{meta}'s 'data' can take {ty} only with 'boxed': true")]
    OnlyBoxed { meta: &'static str, ty: String },
    #[error("conditional {0} arguments require 'boxed': true")]
    ConditionalArguments(&'static str),
}

impl Problem {
    /// The codes of all problems there are.
    pub const CODES: &'static [&'static str] = Self::VARIANTS;

    /// A stable name for tools: the variant's, in kebab case.
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

fn plural(names: &[String]) -> &'static str {
    if names.len() == 1 { "" } else { "s" }
}

fn does(names: &[String]) -> &'static str {
    if names.len() == 1 { "does" } else { "do" }
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    quoted.join(", ")
}
