//! The compatibility policy: what becomes of what the schema marks `deprecated` or `unstable`.
//!
//! It models QEMU's `-compat` (`qapi/compat.json`), so that whoever tests a client against an
//! emulator can find out what the client will miss one day. Texts and error classes are QEMU's.

use crate::{ErrorClass, QmpError};

/// What becomes of commands, arguments and enumeration values that a client sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InputPolicy {
    /// They are taken.
    #[default]
    Accept,
    /// They are refused.
    Reject,
    /// The process aborts: for test suites that must not overlook one.
    Crash,
}

/// What becomes of members and events that a client would get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OutputPolicy {
    /// They are sent.
    #[default]
    Accept,
    /// They are left out.
    Hide,
}

/// What becomes of what has the feature `deprecated` or `unstable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Deprecated input.
    pub deprecated_input: InputPolicy,
    /// Deprecated output.
    pub deprecated_output: OutputPolicy,
    /// Unstable input.
    pub unstable_input: InputPolicy,
    /// Unstable output.
    pub unstable_output: OutputPolicy,
}

/// What a policy decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A command.
    Command,
    /// An argument of a command, or a member of one.
    Parameter,
    /// A value of an enumeration.
    Value,
}

impl Policy {
    /// Everything is taken and sent.
    pub const ACCEPT: Self = Self {
        deprecated_input: InputPolicy::Accept,
        deprecated_output: OutputPolicy::Accept,
        unstable_input: InputPolicy::Accept,
        unstable_output: OutputPolicy::Accept,
    };

    /// Decides on input with the given features.
    ///
    /// # Errors
    /// It is to be refused.
    pub fn admit(self, what: Subject, name: &str, features: &[&str]) -> Result<(), QmpError> {
        if features.is_empty() {
            return Ok(());
        }
        let (kind, class) = match what {
            Subject::Command => ("command", ErrorClass::CommandNotFound),
            Subject::Parameter => ("parameter", ErrorClass::GenericError),
            Subject::Value => ("value", ErrorClass::GenericError),
        };
        let rows = [
            ("deprecated", "Deprecated", self.deprecated_input),
            ("unstable", "Unstable", self.unstable_input),
        ];
        for (feature, adjective, policy) in rows {
            if policy == InputPolicy::Accept || !features.contains(&feature) {
                continue;
            }
            let text = format!("{adjective} {kind} {name} disabled by policy");
            if policy == InputPolicy::Crash {
                eprintln!("{text}: aborting, as the policy asks");
                std::process::abort();
            }
            return Err(QmpError::new(class, text));
        }
        Ok(())
    }

    /// Whether output with the given features is to be sent.
    pub fn shows(self, features: &[&str]) -> bool {
        let hidden = |policy, feature| policy == OutputPolicy::Hide && features.contains(&feature);
        !hidden(self.deprecated_output, "deprecated") && !hidden(self.unstable_output, "unstable")
    }
}
