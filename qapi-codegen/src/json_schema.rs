//! The interface as JSON Schema, draft 2020-12.
//!
//! `$defs` has every type under its name; of a command `command.NAME` (the whole message),
//! `command.NAME.arguments` and `command.NAME.returns`; of an event `event.NAME` and
//! `event.NAME.data`; and `request`, `response` and `event`, which are any of them. No type can
//! have such a name, because types are written in capitals and small letters.
//!
//! Objects are open where they are defined and closed where they are used
//! (`unevaluatedProperties`), so that a base or a branch can be part of a larger object.
//! Conditions are applied, as in generated Rust. Scalars have their JSON types, also where a command
//! takes them as strings (`keyval-values`).

use qapi_schema::model::{
    Branch, Builtin, Doc, Entity, EntityId, Enum, Feature, Item, Kind, Object, ObjectMeta, Schema,
};
use serde_json::{Map, Value, json};

use crate::Options;
use crate::conditions::configure;
use crate::context::described;
use crate::docs::markdown;

/// One document that describes every message of the interface.
pub fn json_schema(schema: &Schema, options: &Options) -> Value {
    let configured = configure(schema, options);
    let mut writer = Writer { schema: &configured, defs: Map::new() };
    let (mut requests, mut events) = (Vec::new(), Vec::new());
    for item in configured.modules.iter().flat_map(|module| &module.items) {
        let Item::Entity(id) = item else { continue };
        let entity = configured.get(*id);
        match &entity.kind {
            Kind::Command(_) => requests.push(writer.command(entity)),
            Kind::Event(_) => events.push(writer.event(entity)),
            _ => writer.define_type(*id, entity),
        }
    }
    let mut defs = writer.defs;
    defs.insert("request".into(), any_of(requests));
    defs.insert("event".into(), any_of(events));
    defs.insert("response".into(), response());
    let root = schema.files.first().map(|file| file.path.display().to_string());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root.unwrap_or_default(),
        "anyOf": [reference("request"), reference("response"), reference("event")],
        "$defs": defs,
    })
}

struct Writer<'s> {
    schema: &'s Schema,
    defs: Map<String, Value>,
}

impl Writer<'_> {
    fn define(&mut self, name: String, mut schema: Value, entity: &Entity) -> Value {
        let reference = reference(&name);
        annotate(&mut schema, entity.doc.as_ref().map(|doc| doc.body.as_str()), &entity.features);
        self.defs.insert(name, schema);
        reference
    }

    fn define_type(&mut self, id: EntityId, entity: &Entity) {
        let schema = match &entity.kind {
            Kind::Enum(definition) => enumeration(entity.doc.as_ref(), definition),
            Kind::Object(object) if object.meta == ObjectMeta::Implicit => return,
            Kind::Object(_) => self.object(id, entity.doc.as_ref(), false),
            Kind::Alternate(branches) => self.alternate(branches),
            _ => return,
        };
        self.define(entity.name.clone(), schema, entity);
    }

    /// A command's definitions; the result refers to the message.
    fn command(&mut self, entity: &Entity) -> Value {
        let Kind::Command(command) = &entity.kind else { return Value::Null };
        let name = format!("command.{}", entity.name);
        let arguments = match command.arguments {
            // What no code is generated for takes what its implementation takes.
            _ if !command.generate => json!({ "type": "object" }),
            id => self.input(id, entity.doc.as_ref()),
        };
        let required = arguments["required"].as_array().is_some_and(|list| !list.is_empty())
            || arguments.get("$ref").is_some() && self.any_required(command.arguments);
        self.defs.insert(format!("{name}.arguments"), arguments);
        let mut message = json!({
            "type": "object",
            "properties": {
                "execute": { "const": entity.name },
                "arguments": reference(&format!("{name}.arguments")),
                "id": true,
            },
            "required": if required { json!(["execute", "arguments"]) } else { json!(["execute"]) },
            "additionalProperties": false,
        });
        if command.allow_oob {
            message["properties"]["exec-oob"] = json!({ "const": entity.name });
            message["required"] = if required { json!(["arguments"]) } else { json!([]) };
            message["oneOf"] = json!([{ "required": ["execute"] }, { "required": ["exec-oob"] }]);
        }
        if command.success_response {
            let mut returns = match command.returns {
                Some(id) => self.ty(id),
                None => json!({ "type": "object" }),
            };
            let text = entity.doc.as_ref().and_then(|doc| doc.returns.as_deref());
            annotate(&mut returns, text, &[]);
            self.defs.insert(format!("{name}.returns"), returns);
        }
        self.define(name, message, entity)
    }

    /// An event's definitions; the result refers to the message.
    fn event(&mut self, entity: &Entity) -> Value {
        let Kind::Event(event) = &entity.kind else { return Value::Null };
        let name = format!("event.{}", entity.name);
        let mut properties = json!({
            "event": { "const": entity.name },
            "timestamp": timestamp(),
        });
        let mut required = vec!["event", "timestamp"];
        if event.data.is_some() {
            let data = self.input(event.data, entity.doc.as_ref());
            self.defs.insert(format!("{name}.data"), data);
            properties["data"] = reference(&format!("{name}.data"));
            required.push("data");
        }
        let message = json!({ "type": "object", "properties": properties, "required": required });
        self.define(name, message, entity)
    }

    /// Arguments or data: inline ones are spelled out, named ones referred to.
    fn input(&self, id: Option<EntityId>, doc: Option<&Doc>) -> Value {
        let Some(id) = id else {
            return json!({ "type": "object", "additionalProperties": false });
        };
        let implicit = |object: &Object| object.meta == ObjectMeta::Implicit;
        match &self.schema.get(id).kind {
            Kind::Object(object) if implicit(object) => self.object(id, doc, true),
            _ => self.ty(id),
        }
    }

    fn any_required(&self, id: Option<EntityId>) -> bool {
        id.is_some_and(|id| self.schema.all_members(id).iter().any(|member| !member.optional))
    }

    /// An object by its members; `closed` when nothing can be added to it.
    fn object(&self, id: EntityId, doc: Option<&Doc>, closed: bool) -> Value {
        let Kind::Object(object) = &self.schema.get(id).kind else { return json!({}) };
        let implicit = object.base.filter(|base| {
            matches!(&self.schema.get(*base).kind,
                Kind::Object(object) if object.meta == ObjectMeta::Implicit)
        });
        let members = match implicit {
            Some(base) => self.schema.all_members(base),
            None => object.members.iter().collect(),
        };
        let mut properties = Map::new();
        for member in &members {
            let mut schema = self.ty(member.ty);
            let described = doc.and_then(|doc| described(doc, &member.name));
            annotate(&mut schema, described, &member.features);
            properties.insert(member.name.clone(), schema);
        }
        let required: Vec<_> =
            members.iter().filter(|it| !it.optional).map(|it| it.name.as_str()).collect();
        let mut schema =
            json!({ "type": "object", "properties": properties, "required": required });
        if let Some(base) = object.base.filter(|base| Some(*base) != implicit) {
            schema["allOf"] = json!([reference(&self.schema.get(base).name)]);
        }
        if let Some(variants) = &object.variants {
            let cases = variants.cases.iter().map(|case| {
                let tag = json!({ &variants.tag: { "const": case.name } });
                let mut schema = json!({ "properties": tag });
                let branch = self.schema.get(case.ty);
                if !matches!(&branch.kind, Kind::Object(it) if it.meta == ObjectMeta::Empty) {
                    schema["$ref"] = reference(&branch.name)["$ref"].clone();
                }
                schema
            });
            schema["oneOf"] = cases.collect();
        }
        if closed {
            schema["unevaluatedProperties"] = false.into();
        }
        schema
    }

    fn alternate(&self, branches: &[Branch]) -> Value {
        any_of(branches.iter().map(|branch| self.ty(branch.ty)).collect())
    }

    /// A use of a type.
    fn ty(&self, id: EntityId) -> Value {
        let entity = self.schema.get(id);
        match &entity.kind {
            Kind::Builtin(builtin) => scalar(*builtin),
            Kind::Array(element) => json!({ "type": "array", "items": self.ty(*element) }),
            Kind::Object(object) if object.meta == ObjectMeta::Empty => {
                json!({ "type": "object", "additionalProperties": false })
            }
            Kind::Object(_) => {
                let mut schema = reference(&entity.name);
                schema["unevaluatedProperties"] = false.into();
                schema
            }
            _ => reference(&entity.name),
        }
    }
}

/// One of several; of none, nothing fits.
fn any_of(schemas: Vec<Value>) -> Value {
    if schemas.is_empty() { json!({ "not": {} }) } else { json!({ "anyOf": schemas }) }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Adds what documentation and features say.
fn annotate(schema: &mut Value, text: Option<&str>, features: &[Feature]) {
    if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
        schema["description"] = markdown(text).trim().into();
    }
    if features.iter().any(|feature| feature.name == "deprecated") {
        schema["deprecated"] = true.into();
    }
}

fn enumeration(doc: Option<&Doc>, definition: &Enum) -> Value {
    let values = definition.values.iter().map(|value| {
        let mut schema = json!({ "const": value.name });
        annotate(&mut schema, doc.and_then(|doc| described(doc, &value.name)), &value.features);
        schema
    });
    let mut schema = any_of(values.collect());
    schema["type"] = "string".into();
    schema
}

fn scalar(builtin: Builtin) -> Value {
    let int = |min: i64, max: u64| json!({ "type": "integer", "minimum": min, "maximum": max });
    match builtin {
        Builtin::Str => json!({ "type": "string" }),
        Builtin::Number => json!({ "type": "number" }),
        Builtin::Bool => json!({ "type": "boolean" }),
        Builtin::Null => json!({ "type": "null" }),
        Builtin::Any => json!({}),
        Builtin::Int8 => int(i8::MIN.into(), 0x7f),
        Builtin::Int16 => int(i16::MIN.into(), 0x7fff),
        Builtin::Int32 => int(i32::MIN.into(), 0x7fff_ffff),
        Builtin::Int | Builtin::Int64 => int(i64::MIN, i64::MAX as u64),
        Builtin::Uint8 => int(0, u8::MAX.into()),
        Builtin::Uint16 => int(0, u16::MAX.into()),
        Builtin::Uint32 => int(0, u32::MAX.into()),
        Builtin::Uint64 | Builtin::Size => int(0, u64::MAX),
    }
}

fn timestamp() -> Value {
    let int = json!({ "type": "integer" });
    json!({
        "type": "object",
        "properties": { "seconds": int, "microseconds": int },
        "required": ["seconds", "microseconds"],
    })
}

/// An answer. Which value is right depends on the command: see `command.NAME.returns`.
fn response() -> Value {
    let error = json!({
        "type": "object",
        "properties": { "class": { "type": "string" }, "desc": { "type": "string" } },
        "required": ["class", "desc"],
    });
    json!({
        "type": "object",
        "properties": { "return": true, "error": error, "id": true },
        "oneOf": [{ "required": ["return"] }, { "required": ["error"] }],
    })
}
