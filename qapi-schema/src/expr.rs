//! The expression tree: objects, arrays, strings and booleans with their places.

use indexmap::IndexMap;

use crate::model::Span;

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

/// The four forms of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Object(Object),
    Array(Vec<Node>),
    String(String),
    Boolean(bool),
}

/// Keys in the order in which they are written.
pub(crate) type Object = IndexMap<String, Entry>;

/// A key's place and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Span,
    pub(crate) node: Node,
}

impl Node {
    /// The object, if it is one.
    pub(crate) fn object(&self) -> Option<&Object> {
        match &self.value {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub(crate) fn array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub(crate) fn string(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is a boolean.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// What the reference takes for true: anything but `false` and the empty.
    pub(crate) fn is_truthy(&self) -> bool {
        match &self.value {
            Value::Object(object) => !object.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::String(text) => !text.is_empty(),
            Value::Boolean(value) => *value,
        }
    }
}
