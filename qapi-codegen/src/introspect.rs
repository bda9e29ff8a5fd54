//! The answer to query-qmp-schema.
//!
//! Only what a client can reach is told: commands and events first, then the types they use, then
//! the types those use, breadth first. Names of types are hidden behind numbers, because they are
//! no part of the interface. The numbers are given out over the whole schema; conditions are
//! applied after that, so a type has the same number in every configuration.

use std::collections::{HashMap, HashSet, VecDeque};

use qapi_schema::model::{
    Branch, Builtin, Command, Cond, Entity, EntityId, Enum, Feature, Item, Kind, Object, Schema,
};
use serde_json::{Map, Value, json};

use crate::Options;
use crate::conditions::holds;
use crate::context::cfg;

/// The entities that query-qmp-schema answers with, in its order, in the configuration that the
/// defines make.
pub fn introspect(schema: &Schema, options: &Options) -> Vec<Value> {
    walk(schema, &Options { cfg: false, ..options.clone() })
}

/// The same as text: a JSON array, one entity a line.
pub(crate) fn to_text(schema: &Schema, options: &Options) -> String {
    let lines: Vec<_> = introspect(schema, options).iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// The text cut into pieces, of which some are there under a condition only: an attribute, and the
/// piece with the comma that separates it from the next. The runtime joins them.
pub(crate) fn to_pieces(schema: &Schema, options: &Options) -> Vec<(Option<String>, String)> {
    let mut pieces = Pieces::default();
    pieces.text.push_str("[\n");
    for entity in walk(schema, options) {
        pieces.element(&entity);
        pieces.text.push('\n');
    }
    pieces.text.push_str("]\n");
    pieces.cut(None);
    pieces.done
}

fn walk(schema: &Schema, options: &Options) -> Vec<Value> {
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
    for item in schema.modules.iter().flat_map(|module| &module.items) {
        if let Item::Entity(id) = item {
            walk.interface(schema.get(*id));
        }
    }
    while let Some(id) = walk.queue.pop_front() {
        walk.type_entity(id);
    }
    walk.output
}

/// What marks an element that is there under a condition only; no schema can have such a name.
const CFG: &str = "#cfg";

#[derive(Default)]
struct Pieces {
    text: String,
    done: Vec<(Option<String>, String)>,
}

impl Pieces {
    /// Ends a piece; the next one begins with what follows.
    fn cut(&mut self, attribute: Option<String>) {
        if !self.text.is_empty() {
            self.done.push((attribute, std::mem::take(&mut self.text)));
        }
    }

    /// An element of an array with a comma after it.
    fn element(&mut self, value: &Value) {
        if let Some(attribute) = value.get(CFG) {
            self.cut(None);
            self.value(&value["of"]);
            self.text.push(',');
            self.cut(attribute.as_str().map(String::from));
        } else {
            self.value(value);
            self.text.push(',');
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Array(elements) => {
                self.text.push('[');
                elements.iter().for_each(|element| self.element(element));
                self.text.push(']');
            }
            Value::Object(members) => {
                self.text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    self.text.push_str(if index == 0 { "\"" } else { ",\"" });
                    self.text.push_str(name);
                    self.text.push_str("\":");
                    self.value(value);
                }
                self.text.push('}');
            }
            scalar => self.text.push_str(&scalar.to_string()),
        }
    }
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

impl<'a> Walk<'a> {
    /// An element that is there under a condition: as it is or not at all, or, where the compiler
    /// is to decide, marked.
    fn under(&self, cond: Option<&Cond>, value: impl Into<Value>) -> Option<Value> {
        match cfg(cond) {
            Some(attribute) if self.options.cfg => {
                Some(json!({ CFG: attribute, "of": value.into() }))
            }
            _ => (self.options.cfg || holds(cond, self.options)).then(|| value.into()),
        }
    }

    /// The phases of a command, unless they are the default, the last one alone.
    fn phases(&self, command: &Command) -> Option<Value> {
        let Kind::Enum(phases) = &self.schema.get(self.schema.phase_enum?).kind else {
            return None;
        };
        let permitted = self.schema.phases_of(command);
        if permitted == Vec::from_iter(phases.values.last().map(|value| value.name.as_str())) {
            return None;
        }
        let told = phases.values.iter().filter(|value| permitted.contains(&value.name.as_str()));
        let told = told.filter_map(|value| self.under(value.cond.as_ref(), value.name.as_str()));
        Some(told.collect::<Vec<_>>().into())
    }

    fn interface(&mut self, entity: &Entity) {
        let (meta, mut more) = match &entity.kind {
            Kind::Command(command) => {
                let mut more = self.refer("arg-type", command.arguments);
                more.extend(self.refer("ret-type", command.returns));
                if command.allow_oob {
                    more.insert("allow-oob".into(), true.into());
                }
                if let Some(phases) = self.phases(command).filter(|_| self.options.phases) {
                    more.insert("allowed-phases".into(), phases);
                }
                ("command", more)
            }
            Kind::Event(event) => ("event", self.refer("arg-type", event.data)),
            _ => return,
        };
        more.extend(self.features(&entity.features));
        self.emit(entity.cond.as_ref(), entity.name.clone(), meta, more);
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
        self.emit(self.cond_of(id), name, meta, more);
    }

    /// An entity's own condition; an array has its element's.
    fn cond_of(&self, id: EntityId) -> Option<&'a Cond> {
        match &self.schema.get(id).kind {
            Kind::Array(element) => self.cond_of(*element),
            _ => self.schema.get(id).cond.as_ref(),
        }
    }

    fn emit(&mut self, cond: Option<&Cond>, name: String, meta: &str, more: Map<String, Value>) {
        let mut entity = members([("name", name), ("meta-type", meta.to_owned())]);
        entity.extend(more);
        self.output.extend(self.under(cond, entity));
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
        let names = features
            .iter()
            .filter_map(|feature| self.under(feature.cond.as_ref(), feature.name.as_str()));
        members([("features", names.collect::<Vec<_>>())])
    }

    fn enumeration(&self, definition: &Enum) -> Map<String, Value> {
        let (mut told, mut plain) = (Vec::new(), Vec::new());
        for value in &definition.values {
            let mut member = members([("name", value.name.as_str())]);
            member.extend(self.features(&value.features));
            told.extend(self.under(value.cond.as_ref(), member));
            plain.extend(self.under(value.cond.as_ref(), value.name.as_str()));
        }
        members([("members", told), ("values", plain)])
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
            told.extend(self.under(member.cond.as_ref(), entry));
        }
        let mut more = members([("members", told)]);
        if let Some(variants) = &object.variants {
            let mut cases = Vec::new();
            for case in &variants.cases {
                let ty = self.reference(case.ty);
                let entry = json!({ "case": case.name, "type": ty });
                cases.extend(self.under(case.cond.as_ref(), entry));
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
            told.extend(self.under(branch.cond.as_ref(), json!({ "type": ty })));
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
