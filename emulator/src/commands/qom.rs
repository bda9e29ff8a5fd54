//! `qapi/qom.json`.

use boardwright_riscv::{CPU_MODELS, CpuModel};
use qapi_runtime::{QmpError, Value};

use super::place::Place;
use crate::backends::objects;
use crate::board::{Property, change_machine, cpu_properties, driver_properties};
use crate::door::Door;
use crate::machines;
use crate::phase::Stage;
use crate::qapi::{
    DeviceDriver, MachineType, ObjectPropertyInfo, ObjectType, ObjectTypeInfo, QomCommands, QomGet,
    QomList, QomListProperties, QomListTypes, QomSet,
};

/// The kinds of which special cases exist.
const ABSTRACT: &[(&str, Option<&str>)] = &[
    ("object", None),
    ("device", Some("object")),
    ("machine", Some("object")),
    ("riscv-cpu", Some("device")),
];

pub(super) fn info_of(property: Property) -> ObjectPropertyInfo {
    let Property { name, ty, description, default } = property;
    ObjectPropertyInfo { name, type_: ty, description, default_value: default }
}

pub(super) fn unknown_type(what: &str, name: &str) -> QmpError {
    QmpError::device_not_found(format!("{what} '{name}' not found"))
        .with_nearest(name, DeviceDriver::ALL.iter().map(|driver| driver.as_str()))
}

/// Every type with its parent.
fn types() -> Vec<(String, Option<&'static str>, bool)> {
    let mut all: Vec<_> =
        ABSTRACT.iter().map(|(name, parent)| (String::from(*name), *parent, true)).collect();
    all.extend(DeviceDriver::ALL.iter().map(|driver| (driver.to_string(), Some("device"), false)));
    all.extend(
        MachineType::ALL.iter().map(|kind| (format!("{kind}-machine"), Some("machine"), false)),
    );
    all.extend(
        CPU_MODELS.iter().map(|cpu| (format!("{}-riscv-cpu", cpu.name), Some("riscv-cpu"), false)),
    );
    all.extend(ObjectType::ALL.iter().map(|kind| (kind.to_string(), Some("object"), false)));
    all.push(("tcg-accel".into(), Some("object"), false));
    all
}

impl QomCommands for Door {
    fn qom_list(&mut self, arguments: QomList) -> Result<Vec<ObjectPropertyInfo>, QmpError> {
        Ok(match self.place(&arguments.path)? {
            Place::Beside(beside) => beside.properties().map(info_of).collect(),
            Place::Board(object) => {
                self.stage.board()?.properties(&object).into_iter().map(info_of).collect()
            }
        })
    }

    fn qom_get(&mut self, arguments: QomGet) -> Result<Value, QmpError> {
        match self.place(&arguments.path)? {
            Place::Beside(beside) => beside.get(&arguments.property),
            Place::Board(object) => self.stage.board()?.get(&object, &arguments.property),
        }
    }

    fn qom_set(&mut self, arguments: QomSet) -> Result<(), QmpError> {
        let QomSet { path, property, value } = &arguments;
        if path.trim_matches('/') != "machine"
            && let Place::Beside(beside) = self.place(path)?
        {
            beside.get(property)?;
            let kind = beside.kind;
            return Err(QmpError::generic(format!("Property '{kind}.{property}' is read-only")));
        }
        match &self.stage {
            Stage::MachineCreated(_) | Stage::AccelCreated(..)
                if path.trim_matches('/') == "machine" =>
            {
                self.set_up(|options| {
                    let kind = options.type_.tag();
                    if !machines::has(kind, property) {
                        return Err(QmpError::generic(format!(
                            "Property '{kind}-machine.{property}' not found"
                        )));
                    }
                    *options = change_machine(options, property, value)?;
                    Ok(())
                })
            }
            Stage::Initialized(_) => self.edit(|board| {
                let object = board.find(path)?;
                board.set(&object, property, value)
            }),
            Stage::Ready(board, _) => {
                let object = board.find(path)?;
                // Tells an unknown property from one that can no longer be set.
                board.get(&object, property)?;
                Err(QmpError::generic(format!(
                    "Attempt to set property '{property}' on device '{}' (type '{}') after it was realized",
                    object.path(),
                    object.type_name(board)
                )))
            }
            stage => stage.board().map(|_| ()),
        }
    }

    fn qom_list_types(&mut self, arguments: QomListTypes) -> Result<Vec<ObjectTypeInfo>, QmpError> {
        let all = types();
        let parent_of = |name: &str| {
            all.iter().find(|(known, ..)| known == name).and_then(|(_, parent, _)| *parent)
        };
        let implements = |name: &str, wanted: &str| {
            let mut at = Some(name);
            while let Some(here) = at {
                if here == wanted {
                    return true;
                }
                at = parent_of(here);
            }
            false
        };
        let with_abstract = arguments.abstract_.unwrap_or(false);
        Ok(all
            .iter()
            .filter(|(_, _, is_abstract)| with_abstract || !is_abstract)
            .filter(|(name, ..)| {
                arguments.implements.as_ref().is_none_or(|wanted| implements(name, wanted))
            })
            .map(|(name, parent, is_abstract)| ObjectTypeInfo {
                name: name.clone(),
                abstract_: is_abstract.then_some(true),
                parent: parent.map(String::from),
            })
            .collect())
    }

    fn qom_list_properties(
        &mut self,
        arguments: QomListProperties,
    ) -> Result<Vec<ObjectPropertyInfo>, QmpError> {
        let name = &arguments.typename;
        if let Ok(driver) = name.parse::<DeviceDriver>() {
            return Ok(driver_properties(driver).map(info_of).collect());
        }
        if let Ok(kind) = name.parse::<ObjectType>() {
            let members = objects::members(kind).iter();
            return Ok(members
                .map(|member| ObjectPropertyInfo {
                    name: member.name.into(),
                    type_: member.ty.into(),
                    description: Some(member.doc.into()).filter(|doc: &String| !doc.is_empty()),
                    default_value: None,
                })
                .collect());
        }
        let machine =
            name.strip_suffix("-machine").and_then(|kind| kind.parse::<MachineType>().ok());
        if let Some(kind) = machine {
            return Ok(machines::properties(kind).map(info_of).collect());
        }
        let cpu = name.strip_suffix("-riscv-cpu").and_then(CpuModel::find);
        if let Some(cpu) = cpu {
            return Ok(cpu_properties(cpu).map(info_of).collect());
        }
        match types().iter().any(|(known, ..)| known == name) {
            true => Ok(Vec::new()),
            false => Err(unknown_type("Class", name)),
        }
    }
}
