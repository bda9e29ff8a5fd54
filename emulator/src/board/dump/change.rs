//! A change of a board as a command: what dumps and patches are made of.

use qapi_runtime::{Encode, Map, QmpError, Value};
use serde_json::json;

use crate::board::{Board, Object};
use crate::door::Command;
use crate::qapi::{
    BoardLintUnwaive, DeviceMap, DeviceOptions, DeviceUnmap, LintWaiver, ObjectOptions,
    SysbusMmioMap,
};

/// A change of a board.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An object that devices name is made.
    Provide(ObjectOptions),
    /// It is taken away.
    Discard(String),
    /// A device is added.
    Add(DeviceOptions),
    /// A region is mapped.
    Map(SysbusMmioMap),
    /// The device at a path is taken away, with its mappings and wires.
    Remove(String),
    /// A region is mapped into another region.
    MapWithin(DeviceMap),
    /// A mapping is taken away.
    Unmap(DeviceUnmap),
    /// A property of the object at a path gets a value; an output, the path of an input or nothing.
    Set(String, String, Value),
    /// A finding of lint may stay.
    Waive(LintWaiver),
    /// It counts again.
    Unwaive(BoardLintUnwaive),
}

impl Change {
    /// The command that does it.
    pub fn command(&self) -> Command {
        let (name, arguments) = match self {
            Self::Provide(options) => ("object-add", options.encode()),
            Self::Discard(id) => ("object-del", json!({ "id": id })),
            Self::Add(options) => ("device_add", options.encode()),
            Self::Remove(path) => ("device_del", json!({ "id": path })),
            Self::Map(request) => ("sysbus-mmio-map", request.encode()),
            Self::MapWithin(request) => ("device-map", request.encode()),
            Self::Unmap(request) => ("device-unmap", request.encode()),
            Self::Set(path, property, value) => {
                ("qom-set", json!({ "path": path, "property": property, "value": value }))
            }
            Self::Waive(waiver) => ("board-lint-waive", waiver.encode()),
            Self::Unwaive(waiver) => ("board-lint-unwaive", waiver.encode()),
        };
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            _ => Map::new(),
        };
        Command { name: name.into(), arguments }
    }

    /// Does it.
    ///
    /// # Errors
    /// What the command would say.
    pub fn apply(&self, board: &mut Board) -> Result<(), QmpError> {
        match self {
            Self::Provide(options) => board.provide(options.clone()),
            Self::Discard(id) => {
                board.discard(id);
                Ok(())
            }
            Self::Add(options) => board.add(options.clone()).map(drop),
            Self::Remove(path) => board.remove(path).map(drop),
            Self::Map(request) => board.map(request),
            Self::MapWithin(request) => board.map_named(request),
            Self::Unmap(request) => board.unmap(request),
            Self::Set(path, property, value) => {
                let object = board.find(path)?;
                board.set(&object, property, value)
            }
            Self::Waive(waiver) => board.waive(waiver),
            Self::Unwaive(waiver) => board.unwaive(waiver),
        }
    }

    /// A property of a machine gets a value.
    pub fn of_machine(property: &str, value: Value) -> Self {
        Self::Set(Object::Machine.path(), property.into(), value)
    }
}
