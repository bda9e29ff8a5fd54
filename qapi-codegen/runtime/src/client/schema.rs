//! What a server says about itself in its answer to `query-qmp-schema`.
//!
//! The names of types mean nothing there (they are numbers), so one asks by the names that are
//! sent: of commands, events, members, values. A path `a.b` leads through optional members, arrays,
//! the branches of unions and alternates alike.

use std::collections::{BTreeMap, VecDeque};

use crate::{Map, QmpError, Value};

use super::ClientError;

/// More nested arrays than any schema has; a server could also send one that contains itself.
const ARRAYS: usize = 16;

/// What one server has: see [`Client::schema`](super::Client::schema).
///
/// ```
/// use qapi_runtime::client::ServerSchema;
/// use serde_json::json;
///
/// let schema = ServerSchema::new(&json!([
///     {"name": "lamp-add", "meta-type": "command", "arg-type": "0", "ret-type": "1",
///      "features": ["unstable"]},
///     {"name": "0", "meta-type": "object", "members": [
///         {"name": "kind", "type": "2"}, {"name": "watts", "type": "int", "default": null}]},
///     {"name": "1", "meta-type": "object", "members": []},
///     {"name": "2", "meta-type": "enum", "members": [{"name": "bulb"}], "values": ["bulb"]},
/// ]))?;
/// assert!(schema.has_command("lamp-add") && !schema.has_command("lamp-del"));
/// let add = schema.command("lamp-add").expect("it has");
/// assert!(add.has_feature("unstable"));
/// assert!(add.argument("watts").is_some_and(|watts| watts.is_optional()));
/// assert!(add.argument("kind").is_some_and(|kind| !kind.accepts("laser")));
/// # Ok::<(), qapi_runtime::client::ClientError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ServerSchema {
    entities: BTreeMap<String, Map>,
}

impl ServerSchema {
    /// Takes the answer as it came.
    ///
    /// # Errors
    ///
    /// [`ClientError::Unreadable`] if it is no list of named objects.
    pub fn new(answer: &Value) -> Result<Self, ClientError> {
        let named = |entity: &Value| {
            let members = entity.as_object()?;
            Some((members.get("name")?.as_str()?.to_owned(), members.clone()))
        };
        let entities = answer.as_array().and_then(|list| list.iter().map(named).collect());
        let entities = entities.ok_or_else(|| {
            let cause = QmpError::generic("expected a list of objects with names");
            ClientError::unreadable("reply of query-qmp-schema", cause, answer.clone())
        })?;
        Ok(Self { entities })
    }

    /// Whether the server has the command.
    pub fn has_command(&self, name: &str) -> bool {
        self.command(name).is_some()
    }

    /// Whether the server has the event.
    pub fn has_event(&self, name: &str) -> bool {
        self.event(name).is_some()
    }

    /// A command that the server has.
    pub fn command(&self, name: &str) -> Option<SchemaCommand<'_>> {
        let entity = self.entity(name, "command")?;
        Some(SchemaCommand { schema: self, entity })
    }

    /// An event that the server has.
    pub fn event(&self, name: &str) -> Option<SchemaEvent<'_>> {
        let entity = self.entity(name, "event")?;
        Some(SchemaEvent { schema: self, entity })
    }

    /// The names of all commands, sorted.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.names("command")
    }

    /// The names of all events, sorted.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.names("event")
    }

    fn names(&self, meta: &'static str) -> impl Iterator<Item = &str> {
        let of_kind = self.entities.iter().filter(move |(_, entity)| kind(entity) == meta);
        of_kind.map(|(name, _)| name.as_str())
    }

    fn entity(&self, name: &str, meta: &str) -> Option<&Map> {
        self.entities.get(name).filter(|entity| kind(entity) == meta)
    }

    /// The type that a member of an entity names; of an array, what it is an array of.
    fn type_of(&self, entity: &Map, reference: &str) -> Option<&Map> {
        let mut found = self.entities.get(entity.get(reference)?.as_str()?)?;
        for _ in 0..ARRAYS {
            match found.get("element-type").and_then(Value::as_str) {
                Some(element) => found = self.entities.get(element)?,
                None => return Some(found),
            }
        }
        None
    }

    /// The member at a path below a type: the first of those that the path may mean.
    fn find<'a>(&'a self, ty: &'a Map, path: &str) -> Option<SchemaMember<'a>> {
        let mut types = vec![ty];
        let mut found = None;
        for part in path.split('.') {
            let objects = self.forms(types).into_iter().filter(|form| kind(form) == "object");
            let named = objects.flat_map(|form| list(form, "members"));
            let members: Vec<_> = named.filter(|member| name(member) == part).collect();
            found = Some(members.first().copied()?);
            types = members.iter().filter_map(|member| self.type_of(member, "type")).collect();
        }
        found.map(|member| SchemaMember { schema: self, member })
    }

    /// The members of a type, and those of the branches that are chosen.
    fn members<'a>(
        &'a self,
        ty: &'a Map,
        given: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<NamedMember<'a>> {
        let mut all = Vec::new();
        let mut seen: Vec<&Map> = Vec::new();
        let mut open = VecDeque::from([ty]);
        while let Some(form) = open.pop_front() {
            if seen.iter().any(|known| std::ptr::eq(*known, form)) {
                continue;
            }
            seen.push(form);
            if kind(form) == "alternate" {
                open.extend(list(form, "members").filter_map(|it| self.type_of(it, "type")));
                continue;
            }
            let named = list(form, "members");
            all.extend(named.map(|member| (name(member), SchemaMember { schema: self, member })));
            let chosen = form.get("tag").and_then(Value::as_str).and_then(given);
            let case =
                |variant: &&Map| variant.get("case").and_then(Value::as_str) == chosen.as_deref();
            if chosen.is_some() {
                let branches = list(form, "variants").filter(case);
                open.extend(branches.filter_map(|branch| self.type_of(branch, "type")));
            }
        }
        all
    }

    /// Types and what values of them may be more exactly: the branches of a union come after what
    /// they share. Types may contain themselves, and share branches, so each is taken once.
    fn forms<'a>(&'a self, types: Vec<&'a Map>) -> Vec<&'a Map> {
        let mut forms: Vec<&Map> = Vec::new();
        let mut open = VecDeque::from(types);
        while let Some(form) = open.pop_front() {
            if forms.iter().any(|known| std::ptr::eq(*known, form)) {
                continue;
            }
            forms.push(form);
            let branches = match kind(form) {
                "alternate" => list(form, "members"),
                _ => list(form, "variants"),
            };
            open.extend(branches.filter_map(|branch| self.type_of(branch, "type")));
        }
        forms
    }
}

/// A command of a server.
#[derive(Clone, Copy, Debug)]
pub struct SchemaCommand<'a> {
    schema: &'a ServerSchema,
    entity: &'a Map,
}

impl<'a> SchemaCommand<'a> {
    /// An argument, or a member inside one: `actions.type`.
    pub fn argument(&self, path: &str) -> Option<SchemaMember<'a>> {
        self.schema.find(self.schema.type_of(self.entity, "arg-type")?, path)
    }

    /// Its arguments by name, in the schema's order. Those of a union's branch are there when `given`
    /// knows the value that chooses it.
    pub fn arguments(&self, given: &dyn Fn(&str) -> Option<String>) -> Vec<NamedMember<'a>> {
        let ty = self.schema.type_of(self.entity, "arg-type");
        ty.map_or_else(Vec::new, |ty| self.schema.members(ty, given))
    }

    /// A member of what it returns, or of each element if that is a list.
    pub fn reply(&self, path: &str) -> Option<SchemaMember<'a>> {
        self.schema.find(self.schema.type_of(self.entity, "ret-type")?, path)
    }

    /// Whether it may be executed out of band.
    pub fn allows_oob(&self) -> bool {
        self.entity.get("allow-oob") == Some(&Value::Bool(true))
    }

    /// Whether the server gives it that feature.
    pub fn has_feature(&self, feature: &str) -> bool {
        has_feature(self.entity, feature)
    }
}

/// An event of a server.
#[derive(Clone, Copy, Debug)]
pub struct SchemaEvent<'a> {
    schema: &'a ServerSchema,
    entity: &'a Map,
}

impl<'a> SchemaEvent<'a> {
    /// A member of its data, or a member inside one.
    pub fn data(&self, path: &str) -> Option<SchemaMember<'a>> {
        self.schema.find(self.schema.type_of(self.entity, "arg-type")?, path)
    }

    /// Whether the server gives it that feature.
    pub fn has_feature(&self, feature: &str) -> bool {
        has_feature(self.entity, feature)
    }
}

/// A member and its name.
pub type NamedMember<'a> = (&'a str, SchemaMember<'a>);

/// A member that a server knows.
#[derive(Clone, Copy, Debug)]
pub struct SchemaMember<'a> {
    schema: &'a ServerSchema,
    member: &'a Map,
}

impl<'a> SchemaMember<'a> {
    /// A member inside this one.
    pub fn member(&self, path: &str) -> Option<SchemaMember<'a>> {
        self.schema.find(self.schema.type_of(self.member, "type")?, path)
    }

    /// The members inside this one, as [`SchemaCommand::arguments`].
    pub fn members(&self, given: &dyn Fn(&str) -> Option<String>) -> Vec<NamedMember<'a>> {
        let ty = self.schema.type_of(self.member, "type");
        ty.map_or_else(Vec::new, |ty| self.schema.members(ty, given))
    }

    /// The values that it can have, where they are known: of an enumeration, of a boolean.
    pub fn values(&self) -> Vec<&'a str> {
        let Some(ty) = self.schema.type_of(self.member, "type") else { return Vec::new() };
        let forms = self.schema.forms(vec![ty]).into_iter();
        let of = |form: &'a Map| match (kind(form), json_type(form)) {
            ("enum", _) => list(form, "members").map(name).collect(),
            ("builtin", "boolean") => vec!["true", "false"],
            _ => Vec::new(),
        };
        forms.flat_map(of).collect()
    }

    /// What kind of value it is, in a word or two: `string`, `list of int`, `object`.
    pub fn what(&self) -> String {
        let Some(ty) = self.schema.type_of(self.member, "type") else { return "value".into() };
        let direct = self.member.get("type").and_then(Value::as_str);
        let direct = direct.and_then(|direct| self.schema.entities.get(direct));
        let one = match (kind(ty), json_type(ty)) {
            ("builtin", "") => "value",
            ("builtin", plain) => plain,
            (kind, _) => kind,
        };
        match direct.map(kind) {
            Some("array") => format!("list of {one}"),
            _ => one.into(),
        }
    }

    /// Whether it may be left out.
    pub fn is_optional(&self) -> bool {
        self.member.contains_key("default")
    }

    /// Whether the server gives it that feature.
    pub fn has_feature(&self, feature: &str) -> bool {
        has_feature(self.member, feature)
    }

    /// Whether it is an enumeration, or an alternate with one, that has the value.
    pub fn accepts(&self, value: &str) -> bool {
        self.value(value).is_some()
    }

    /// Whether the server gives that value of the enumeration that feature.
    pub fn value_has_feature(&self, value: &str, feature: &str) -> bool {
        self.value(value).is_some_and(|value| has_feature(value, feature))
    }

    fn value(&self, value: &str) -> Option<&'a Map> {
        let ty = self.schema.type_of(self.member, "type")?;
        let enums = self.schema.forms(vec![ty]).into_iter().filter(|form| kind(form) == "enum");
        enums.flat_map(|form| list(form, "members")).find(|member| name(member) == value)
    }
}

fn kind(entity: &Map) -> &str {
    entity.get("meta-type").and_then(Value::as_str).unwrap_or_default()
}

fn json_type(entity: &Map) -> &str {
    entity.get("json-type").and_then(Value::as_str).unwrap_or_default()
}

fn name(member: &Map) -> &str {
    member.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(entity: &'a Map, of: &str) -> impl Iterator<Item = &'a Map> + use<'a> {
    entity.get(of).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn has_feature(entity: &Map, feature: &str) -> bool {
    let features = entity.get("features").and_then(Value::as_array);
    features.is_some_and(|features| features.iter().any(|name| name == feature))
}
