//! An interface out of an answer to query-qmp-schema: entities that refer to each other by name.

use std::collections::HashMap;

use serde_json::Value;

use super::interface::{Command, Event, Interface, Member, Object, Shape, Type, TypeId};

/// Reads the entities, or says what is wrong with them.
pub(super) fn interface(entities: &[Value]) -> Result<Interface, String> {
    let types = entities
        .iter()
        .filter(|entity| !matches!(entity["meta-type"].as_str(), Some("command" | "event")));
    let mut reader = Reader { ids: HashMap::new() };
    for (id, entity) in types.clone().enumerate() {
        reader.ids.insert(text(entity, "name")?, id);
    }
    let mut interface = Interface::default();
    for entity in types {
        interface.types.push(reader.ty(entity)?);
    }
    for entity in entities {
        let features = strings(&entity["features"]);
        match entity["meta-type"].as_str() {
            Some("command") => {
                let phases = &entity["allowed-phases"];
                let command = Command {
                    arguments: Some(reader.id(entity, "arg-type")?),
                    returns: Some(reader.id(entity, "ret-type")?),
                    allow_oob: entity["allow-oob"] == true,
                    // Without the member it is the last one, whose name is not told.
                    phases: phases.is_array().then(|| strings(phases)),
                    features,
                };
                interface.commands.insert(text(entity, "name")?.to_owned(), command);
            }
            Some("event") => {
                let event = Event { data: Some(reader.id(entity, "arg-type")?), features };
                interface.events.insert(text(entity, "name")?.to_owned(), event);
            }
            _ => {}
        }
    }
    Ok(interface)
}

struct Reader<'v> {
    ids: HashMap<&'v str, TypeId>,
}

impl Reader<'_> {
    fn id(&self, entity: &Value, member: &str) -> Result<TypeId, String> {
        let name = text(entity, member)?;
        self.ids.get(name).copied().ok_or_else(|| format!("there is no type '{name}'"))
    }

    fn ty(&self, entity: &Value) -> Result<Type, String> {
        let name = text(entity, "name")?;
        // Numbers stand for names that are hidden.
        let hidden = name.starts_with(|c: char| c.is_ascii_digit() || c == '[');
        let mut named = !hidden && !name.starts_with("q_");
        let shape = match text(entity, "meta-type")? {
            "builtin" => {
                named = false;
                match text(entity, "json-type")? {
                    "string" => Shape::String,
                    "number" => Shape::Number,
                    "int" => Shape::Integer(None),
                    "boolean" => Shape::Bool,
                    "null" => Shape::Null,
                    _ => Shape::Any,
                }
            }
            "array" => Shape::Array(self.id(entity, "element-type")?),
            "enum" => Shape::Enum(values(entity)?),
            "object" => self.object(entity)?,
            "alternate" => {
                let branches = list(entity, "members")?.iter();
                let ids: Result<_, _> = branches.map(|branch| self.id(branch, "type")).collect();
                Shape::Alternate(ids?)
            }
            other => return Err(format!("'{name}' has the unknown meta-type '{other}'")),
        };
        Ok(Type { name: named.then(|| name.to_owned()), shape })
    }

    fn object(&self, entity: &Value) -> Result<Shape, String> {
        let mut object = Object::default();
        for member in list(entity, "members")? {
            object.members.push(Member {
                name: text(member, "name")?.to_owned(),
                ty: self.id(member, "type")?,
                optional: member.get("default").is_some(),
                features: strings(&member["features"]),
            });
        }
        if let Some(tag) = entity["tag"].as_str() {
            tag.clone_into(&mut object.tag);
            for case in list(entity, "variants")? {
                object.cases.push((text(case, "case")?.to_owned(), self.id(case, "type")?));
            }
        }
        Ok(Shape::Object(object))
    }
}

/// The values of an enumeration; old servers list only their names.
fn values(entity: &Value) -> Result<Vec<(String, Vec<String>)>, String> {
    if entity["members"].is_null() {
        return Ok(strings(&entity["values"]).into_iter().map(|name| (name, Vec::new())).collect());
    }
    let members = list(entity, "members")?.iter();
    let value = |member| Ok((text(member, "name")?.to_owned(), strings(&member["features"])));
    members.map(value).collect()
}

fn text<'v>(entity: &'v Value, member: &str) -> Result<&'v str, String> {
    entity[member].as_str().ok_or_else(|| format!("an entity has no string '{member}'"))
}

fn list<'v>(entity: &'v Value, member: &str) -> Result<&'v Vec<Value>, String> {
    entity[member].as_array().ok_or_else(|| format!("an entity has no array '{member}'"))
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}
