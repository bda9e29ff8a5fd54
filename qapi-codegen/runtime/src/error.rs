//! The error object of QMP: a class for programs, a description for people, and, beyond what
//! QMP has always had, structured data for programs that want to know more.

use std::fmt;

use crate::{Map, Value, nearest};

/// The classes of QMP errors; a client branches on the class, never on the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Everything for which there is no class of its own.
    GenericError,
    /// There is no such command, or not in this state of the session.
    CommandNotFound,
    /// The device that the arguments name does not exist.
    DeviceNotFound,
    /// The device exists and is not in use.
    DeviceNotActive,
    /// The host cannot do what is asked.
    KVMMissingCap,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: &'static [Self] = &[
        Self::GenericError,
        Self::CommandNotFound,
        Self::DeviceNotFound,
        Self::DeviceNotActive,
        Self::KVMMissingCap,
    ];

    /// The class of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.as_str() == name)
    }

    /// The class as spelled on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GenericError => "GenericError",
            Self::CommandNotFound => "CommandNotFound",
            Self::DeviceNotFound => "DeviceNotFound",
            Self::DeviceNotActive => "DeviceNotActive",
            Self::KVMMissingCap => "KVMMissingCap",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a command did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QmpError {
    /// For programs.
    pub class: ErrorClass,
    /// For people.
    pub desc: String,
    /// Details for programs; not part of the answer when absent.
    pub data: Option<Value>,
}

impl QmpError {
    /// An error of the given class.
    pub fn new(class: ErrorClass, desc: impl Into<String>) -> Self {
        Self { class, desc: desc.into(), data: None }
    }

    /// An error of class `GenericError`.
    pub fn generic(desc: impl Into<String>) -> Self {
        Self::new(ErrorClass::GenericError, desc)
    }

    /// An error of class `CommandNotFound`.
    pub fn command_not_found(desc: impl Into<String>) -> Self {
        Self::new(ErrorClass::CommandNotFound, desc)
    }

    /// An error of class `DeviceNotFound`.
    pub fn device_not_found(desc: impl Into<String>) -> Self {
        Self::new(ErrorClass::DeviceNotFound, desc)
    }

    /// An error of class `DeviceNotActive`.
    pub fn device_not_active(desc: impl Into<String>) -> Self {
        Self::new(ErrorClass::DeviceNotActive, desc)
    }

    /// The same error with details for programs.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Value>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The same error with the names that are near to `name` in its data, if any are: for
    /// "did you mean".
    #[must_use]
    pub fn with_nearest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let near: Vec<Value> = nearest(name, known).into_iter().map(Value::from).collect();
        if near.is_empty() {
            return self;
        }
        self.with_data(Map::from_iter([("nearest".to_string(), Value::Array(near))]))
    }

    /// The value of the answer's member `error`: `{"class", "desc"}`, and `data` where there is some.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("class".into(), self.class.as_str().into());
        object.insert("desc".into(), self.desc.as_str().into());
        if let Some(data) = &self.data {
            object.insert("data".into(), data.clone());
        }
        Value::Object(object)
    }
}

impl fmt::Display for QmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.desc)
    }
}

impl std::error::Error for QmpError {}
