//! A script, read and not yet evaluated. Offsets lead to the places in its file.

use qapi_runtime::Value;

/// A line, or a block of lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    /// Where it begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: StatementKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum StatementKind {
    /// `NAME KEY=VALUE...`
    Command { name: String, arguments: Vec<Argument> },
    /// `let NAME = EXPRESSION`
    Let { name: String, value: Expression },
    /// `param NAME[: TYPE] [= DEFAULT] [in CHOICES] [help "..."]`
    Param(Param),
    /// `for NAME in LIST { ... }`
    For { name: String, list: Expression, body: Vec<Statement> },
    /// `if CONDITION { ... } else if ... else { ... }`
    If { arms: Vec<(Expression, Vec<Statement>)>, otherwise: Vec<Statement> },
    /// `include FILE [NAME=VALUE...]`
    Include { path: Template, arguments: Vec<Argument> },
}

/// `KEY=VALUE`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    pub(super) offset: usize,
    pub(super) key: String,
    pub(super) value: Template,
}

/// What a script lets its user choose.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Param {
    pub(super) offset: usize,
    pub(super) name: String,
    pub(super) kind: Option<Kind>,
    pub(super) default: Option<Expression>,
    pub(super) choices: Option<Expression>,
    pub(super) help: Option<String>,
}

/// The types of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number, with or without a unit.
    Int,
    /// `true` or `false`.
    Bool,
    /// A text.
    String,
}

impl Kind {
    /// All of them with the names they have in scripts.
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("int", Self::Int), ("bool", Self::Bool), ("string", Self::String)];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Bool => "bool",
            Self::String => "string",
        }
    }
}

/// A value of a command, with places for variables in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Template {
    /// Without any.
    Constant(Value),
    /// `$x` or `${...}` alone: the value keeps its type.
    Expression(Expression),
    /// Text with variables in it. A bare word is read again when they are in: it may be a number.
    Text {
        pieces: Vec<Piece>,
        quoted: bool,
    },
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Literal(String),
    Expression(Expression),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    pub(super) offset: usize,
    pub(super) kind: ExpressionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ExpressionKind {
    Number(i128),
    Bool(bool),
    Text(Vec<Piece>),
    Name(String),
    List(Vec<Expression>),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// `condition ? one : other`
    Choice(Box<[Expression; 3]>),
    /// `from..to`, `from..=to`, and the step if there is one.
    Range {
        from: Box<Expression>,
        to: Box<Expression>,
        closed: bool,
        step: Option<Box<Expression>>,
    },
    Index(Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Minus,
    Not,
    Complement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    BitOr,
    BitXor,
    BitAnd,
    Left,
    Right,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Binary {
    /// How operators are written and how tightly they bind; those that begin with others first.
    pub(super) const ALL: [(&'static str, Self, u8); 18] = [
        ("||", Self::Or, 1),
        ("&&", Self::And, 2),
        ("==", Self::Equal, 3),
        ("!=", Self::Unequal, 3),
        ("<<", Self::Left, 8),
        (">>", Self::Right, 8),
        ("<=", Self::LessEqual, 4),
        (">=", Self::GreaterEqual, 4),
        ("<", Self::Less, 4),
        (">", Self::Greater, 4),
        ("|", Self::BitOr, 5),
        ("^", Self::BitXor, 6),
        ("&", Self::BitAnd, 7),
        ("+", Self::Add, 9),
        ("-", Self::Subtract, 9),
        ("*", Self::Multiply, 10),
        ("/", Self::Divide, 10),
        ("%", Self::Remainder, 10),
    ];

    pub(super) fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, operator, _)| *operator == self).map_or("?", |(sign, ..)| sign)
    }
}
