//! What a snapshot holds of a device: the registers of its chip, as a value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::chip::{Chip, Outputs};

/// The part of a device that goes on from where it was.
///
/// A snapshot is loaded in two steps: first every device gets its registers, then lines and alarms
/// follow them, so that no device is told of a level by another one that is still in the past.
pub trait Saved {
    /// The state.
    ///
    /// # Errors
    /// It cannot be written down.
    fn save(&self) -> Result<Value, String>;

    /// Takes a state over. Lines and alarms stay as they are until [`Saved::settle`].
    ///
    /// # Errors
    /// It is no state of such a device; the old one is left.
    fn load(&self, saved: &Value) -> Result<(), String>;

    /// Lets lines and alarms follow the state.
    fn settle(&self);
}

impl<T: Outputs + Serialize + DeserializeOwned> Saved for Chip<T> {
    fn save(&self) -> Result<Value, String> {
        self.peek(|state| serde_json::to_value(state)).map_err(|error| error.to_string())
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        let saved = T::deserialize(saved).map_err(|error| error.to_string())?;
        self.replace(saved)
    }

    fn settle(&self) {
        self.with(|_| ());
    }
}
