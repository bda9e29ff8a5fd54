//! The answer to query-qmp-schema.
//!
//! Only what a client can reach is told: commands and events first, then the types they use, then
//! the types those use, breadth first. Names of types are hidden behind numbers, because they are
//! no part of the interface. The numbers are given out over the whole schema; conditions are
//! applied after that, so a type has the same number in every configuration.

use std::collections::{HashMap, HashSet, VecDeque};

use qapi_schema::model::{
    Branch, Builtin, Cond, Entity, EntityId, Enum, Feature, Item, Kind, Object, Schema,
};
use serde_json::{Map, Value, json};

use crate::Options;
use crate::conditions::{configure, holds};

/// The entities that query-qmp-schema answers with, in its order.
pub fn introspect(schema: &Schema, options: &Options) -> Vec<Value> {
    let mut walk = Walk {
        schema,
        options,
        empty: schema.find("q_empty"),
        int: schema.find("int"),
        ints: schema.find("intList"),
        numbers: HashMap::new(),
        seen: HashSet::new(),
        queue: VecDeque::new(),
        output: Vec::new(),
    };
    let configured = configure(schema, options);
    for item in schema.modules.iter().flat_map(|module| &module.items) {
        if let Item::Entity(id) = item {
            walk.interface(schema.get(*id), &configured);
        }
    }
    while let Some(id) = walk.queue.pop_front() {
        walk.type_entity(id);
    }
    walk.output
}

/// The same as text: a JSON array, one entity a line.
pub(crate) fn to_text(schema: &Schema, options: &Options) -> String {
    let lines: Vec<_> = introspect(schema, options).iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

struct Walk<'a> {
    schema: &'a Schema,
    options: &'a Options,
    empty: Option<EntityId>,
    int: Option<EntityId>,
    ints: Option<EntityId>,
    /// The numbers that stand for names.
    numbers: HashMap<EntityId, usize>,
    seen: HashSet<EntityId>,
    queue: VecDeque<EntityId>,
    output: Vec<Value>,
}

impl Walk<'_> {
    fn holds(&self, cond: Option<&Cond>) -> bool {
        holds(cond, self.options)
    }

    fn interface(&mut self, entity: &Entity, configured: &Schema) {
        let (meta, mut more) = match &entity.kind {
            Kind::Command(command) => {
                let mut more = self.refer("arg-type", command.arguments);
                more.extend(self.refer("ret-type", command.returns));
                if command.allow_oob {
                    more.insert("allow-oob".into(), true.into());
                }
                if self.options.phases {
                    let phases = configured.phases_of(command);
                    let last = configured.phase_enum.and_then(|id| {
                        let Kind::Enum(phases) = &configured.get(id).kind else { return None };
                        phases.values.last().map(|value| value.name.as_str())
                    });
                    if last.is_some() && phases != Vec::from_iter(last) {
                        more.insert("allowed-phases".into(), phases.into());
                    }
                }
                ("command", more)
            }
            Kind::Event(event) => ("event", self.refer("arg-type", event.data)),
            _ => return,
        };
        more.extend(self.features(&entity.features));
        if self.holds(entity.cond.as_ref()) {
            self.emit(entity.name.clone(), meta, more);
        }
    }

    fn type_entity(&mut self, id: EntityId) {
        let entity = self.schema.get(id);
        let name = self.name(id);
        let (meta, mut more) = match &entity.kind {
            Kind::Builtin(builtin) => ("builtin", members([("json-type", json_type(*builtin))])),
            Kind::Array(element) => {
                ("array", members([("element-type", self.reference(*element))]))
            }
            Kind::Enum(definition) => ("enum", self.enumeration(definition)),
            Kind::Object(object) => ("object", self.object(id, object)),
            Kind::Alternate(branches) => ("alternate", self.alternate(branches)),
            Kind::Command(_) | Kind::Event(_) => return,
        };
        more.extend(self.features(&entity.features));
        if self.holds(self.cond_of(id)) {
            self.emit(name, meta, more);
        }
    }

    /// An entity's own condition; an array has its element's.
    fn cond_of(&self, id: EntityId) -> Option<&Cond> {
        match &self.schema.get(id).kind {
            Kind::Array(element) => self.cond_of(*element),
            _ => self.schema.get(id).cond.as_ref(),
        }
    }

    fn emit(&mut self, name: String, meta: &str, more: Map<String, Value>) {
        let mut entity = members([("name", name), ("meta-type", meta.to_owned())]);
        entity.extend(more);
        self.output.push(Value::Object(entity));
    }

    /// A member with a reference to a type, or to the empty object where there is none.
    fn refer(&mut self, member: &str, id: Option<EntityId>) -> Map<String, Value> {
        let name = id.or(self.empty).map(|id| self.reference(id));
        name.into_iter().map(|name| (member.to_owned(), name.into())).collect()
    }

    /// Makes sure that a type is told, and gives its name.
    fn reference(&mut self, id: EntityId) -> String {
        let id = self.plain(id);
        if self.seen.insert(id) {
            self.queue.push_back(id);
        }
        self.name(id)
    }

    /// Integers of all sizes look the same to a client.
    fn plain(&self, id: EntityId) -> EntityId {
        match &self.schema.get(id).kind {
            Kind::Builtin(builtin) if is_int(*builtin) => self.int.unwrap_or(id),
            Kind::Array(element) => match &self.schema.get(*element).kind {
                Kind::Builtin(builtin) if is_int(*builtin) => self.ints.unwrap_or(id),
                _ => id,
            },
            _ => id,
        }
    }

    fn name(&mut self, id: EntityId) -> String {
        let entity = self.schema.get(id);
        match &entity.kind {
            Kind::Builtin(_) => entity.name.clone(),
            Kind::Array(element) => format!("[{}]", self.reference(*element)),
            _ if !self.options.mask => entity.name.clone(),
            _ => {
                let next = self.numbers.len();
                self.numbers.entry(id).or_insert(next).to_string()
            }
        }
    }

    fn features(&self, features: &[Feature]) -> Map<String, Value> {
        if features.is_empty() {
            return Map::new();
        }
        let held = features.iter().filter(|feature| self.holds(feature.cond.as_ref()));
        let names: Vec<_> = held.map(|feature| Value::from(feature.name.as_str())).collect();
        members([("features", names)])
    }

    fn enumeration(&self, definition: &Enum) -> Map<String, Value> {
        let values: Vec<_> =
            definition.values.iter().filter(|value| self.holds(value.cond.as_ref())).collect();
        let named = values.iter().map(|value| {
            let mut member = members([("name", value.name.as_str())]);
            member.extend(self.features(&value.features));
            Value::Object(member)
        });
        let plain = values.iter().map(|value| Value::from(value.name.as_str()));
        members([("members", named.collect::<Vec<_>>()), ("values", plain.collect())])
    }

    fn object(&mut self, id: EntityId, object: &Object) -> Map<String, Value> {
        let mut told = Vec::new();
        for member in self.schema.all_members(id) {
            let mut entry = members([("name", member.name.clone())]);
            entry.insert("type".into(), self.reference(member.ty).into());
            if member.optional {
                entry.insert("default".into(), Value::Null);
            }
            entry.extend(self.features(&member.features));
            if self.holds(member.cond.as_ref()) {
                told.push(Value::Object(entry));
            }
        }
        let mut more = members([("members", told)]);
        if let Some(variants) = &object.variants {
            let mut cases = Vec::new();
            for case in &variants.cases {
                let ty = self.reference(case.ty);
                if self.holds(case.cond.as_ref()) {
                    cases.push(json!({ "case": case.name, "type": ty }));
                }
            }
            more.insert("tag".into(), variants.tag.as_str().into());
            more.insert("variants".into(), cases.into());
        }
        more
    }

    fn alternate(&mut self, branches: &[Branch]) -> Map<String, Value> {
        let mut told = Vec::new();
        for branch in branches {
            let ty = self.reference(branch.ty);
            if self.holds(branch.cond.as_ref()) {
                told.push(json!({ "type": ty }));
            }
        }
        members([("members", told)])
    }
}

fn members<V: Into<Value>, const N: usize>(members: [(&str, V); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn is_int(builtin: Builtin) -> bool {
    json_type(builtin) == "int"
}

fn json_type(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Str => "string",
        Builtin::Number => "number",
        Builtin::Bool => "boolean",
        Builtin::Any => "value",
        Builtin::Null => "null",
        Builtin::Int
        | Builtin::Int8
        | Builtin::Int16
        | Builtin::Int32
        | Builtin::Int64
        | Builtin::Uint8
        | Builtin::Uint16
        | Builtin::Uint32
        | Builtin::Uint64
        | Builtin::Size => "int",
    }
}
