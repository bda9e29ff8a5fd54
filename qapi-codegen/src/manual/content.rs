//! What the manual says, without how it looks: chapters with entries, taken from the model.
//!
//! A chapter is a schema file. Conditions are shown, not applied: a manual is for every build.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qapi_schema::model::{
    Branch, Command, Cond, Doc, DocBlock, Entity, EntityId, Enum, Feature, Item, Kind, Member,
    ModuleId, Object, ObjectMeta, Schema, SectionKind,
};

use super::inline::Inline;
use super::markup::{Block, blocks, section, summary};

/// The whole manual.
pub(crate) struct Manual {
    pub(crate) title: String,
    pub(crate) chapters: Vec<Chapter>,
    /// What a name that the schema defines leads to.
    pub(crate) anchors: HashMap<String, String>,
}

/// One schema file.
pub(crate) struct Chapter {
    /// The first heading of its free-form documentation, or the file's name.
    pub(crate) title: Vec<Inline>,
    pub(crate) file: String,
    pub(crate) anchor: String,
    pub(crate) parts: Vec<Part>,
}

/// What a chapter consists of, in the order of the file.
pub(crate) enum Part {
    Prose(Vec<Block>),
    Entry(Box<Entry>),
}

/// A command, an event or a type.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `command`, `event`, `struct`, ...
    pub(crate) meta: &'static str,
    pub(crate) anchor: String,
    /// The first sentence.
    pub(crate) summary: Vec<Inline>,
    /// What a reader has to know at once: deprecated, unstable, out of band, ...
    pub(crate) badges: Vec<Badge>,
    pub(crate) body: Vec<Block>,
    pub(crate) tables: Vec<Table>,
    pub(crate) returns: Option<Returns>,
    pub(crate) errors: Vec<Block>,
    pub(crate) features: Vec<(String, Vec<Block>)>,
    /// All phases and whether the command is permitted in each; empty without phases.
    pub(crate) phases: Vec<(String, bool)>,
    pub(crate) cond: Option<String>,
    pub(crate) since: Option<String>,
    /// Text after the sections: examples, mostly.
    pub(crate) rest: Vec<Block>,
    /// Names of what refers to it, in the order of the schema.
    pub(crate) used_by: Vec<String>,
}

/// A word beside a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    Deprecated,
    Unstable,
    OutOfBand,
    NoAnswer,
}

impl Badge {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Deprecated => "deprecated",
            Self::Unstable => "unstable",
            Self::OutOfBand => "out of band",
            Self::NoAnswer => "no answer on success",
        }
    }
}

/// Members, arguments, values or branches.
pub(crate) struct Table {
    pub(crate) title: &'static str,
    /// A sentence above the rows.
    pub(crate) note: Vec<Inline>,
    pub(crate) rows: Vec<Row>,
}

/// A member, argument, value or branch.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) ty: Vec<Inline>,
    pub(crate) optional: bool,
    pub(crate) badges: Vec<Badge>,
    pub(crate) cond: Option<String>,
    /// The type that a member comes from, where that is another one.
    pub(crate) from: Option<String>,
    pub(crate) text: Vec<Block>,
}

/// What a command answers.
pub(crate) struct Returns {
    pub(crate) ty: Vec<Inline>,
    pub(crate) text: Vec<Block>,
}

impl Manual {
    /// Reads a schema.
    pub(crate) fn new(schema: &Schema) -> Self {
        let writer = Writer { schema, users: users(schema) };
        let chapters: Vec<Chapter> = docs_by_module(schema)
            .into_iter()
            .enumerate()
            .map(|(index, docs)| writer.chapter(ModuleId(index), &docs))
            .filter(|chapter| !chapter.parts.is_empty())
            .collect();
        let entries = chapters.iter().flat_map(|chapter| &chapter.parts).filter_map(Part::entry);
        let anchors = entries.map(|entry| (entry.name.clone(), entry.anchor.clone())).collect();
        let root = schema.files.first().and_then(|file| file.path.file_stem());
        let stem = root.map_or("schema".into(), |stem| stem.to_string_lossy());
        Self { title: format!("{stem}: reference"), chapters, anchors }
    }
}

impl Part {
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Prose(_) => None,
        }
    }
}

/// Who refers to each definition, by name. Implicit types stand for their owners.
fn users(schema: &Schema) -> HashMap<EntityId, BTreeSet<(usize, String)>> {
    fn refer(
        schema: &Schema,
        id: EntityId,
        user: &(usize, String),
        users: &mut HashMap<EntityId, BTreeSet<(usize, String)>>,
    ) {
        match &schema.get(id).kind {
            Kind::Array(element) => refer(schema, *element, user, users),
            Kind::Object(object) if object.meta == ObjectMeta::Implicit => {
                refer_object(schema, object, user, users);
            }
            _ => {
                users.entry(id).or_default().insert(user.clone());
            }
        }
    }
    fn refer_object(
        schema: &Schema,
        object: &Object,
        user: &(usize, String),
        users: &mut HashMap<EntityId, BTreeSet<(usize, String)>>,
    ) {
        let members = object.members.iter().map(|member| member.ty);
        let cases = object.variants.iter().flat_map(|variants| &variants.cases);
        let cases = cases.filter(|case| case.listed).map(|case| case.ty);
        for id in object.base.into_iter().chain(members).chain(cases) {
            refer(schema, id, user, users);
        }
    }
    let mut users = HashMap::new();
    for (index, entity) in schema.entities.iter().enumerate() {
        let user = (index, entity.name.clone());
        match &entity.kind {
            Kind::Command(command) => {
                for id in command.arguments.into_iter().chain(command.returns) {
                    refer(schema, id, &user, &mut users);
                }
            }
            Kind::Event(event) => {
                event.data.into_iter().for_each(|id| refer(schema, id, &user, &mut users));
            }
            Kind::Object(object) if object.meta != ObjectMeta::Implicit => {
                refer_object(schema, object, &user, &mut users);
            }
            Kind::Alternate(branches) => {
                branches.iter().for_each(|branch| refer(schema, branch.ty, &user, &mut users));
            }
            _ => {}
        }
    }
    users
}

/// The documentation of each module, in the order of the modules.
fn docs_by_module(schema: &Schema) -> Vec<Vec<&DocBlock>> {
    let mut docs = vec![Vec::new(); schema.modules.len()];
    for block in &schema.docs {
        let module = match block {
            DocBlock::FreeForm { module, .. } => *module,
            DocBlock::Entity(entity) => schema.get(*entity).module,
        };
        if let Some(docs) = docs.get_mut(module.0) {
            docs.push(block);
        }
    }
    docs
}

struct Writer<'s> {
    schema: &'s Schema,
    users: HashMap<EntityId, BTreeSet<(usize, String)>>,
}

impl<'s> Writer<'s> {
    /// A module's entries, with its free-form documentation where it stands.
    fn chapter(&self, id: ModuleId, docs: &[&DocBlock]) -> Chapter {
        let schema = self.schema;
        let file = schema.modules.get(id.0).map_or("", |module| module.name.as_str());
        let mut parts = Vec::new();
        // Free-form documentation stands before the next documented definition.
        let mut prose: BTreeMap<Option<EntityId>, Vec<Block>> = BTreeMap::new();
        let mut waiting = Vec::new();
        for block in docs {
            match block {
                DocBlock::FreeForm { text, .. } => waiting.extend(blocks(text)),
                DocBlock::Entity(entity) => {
                    prose.entry(Some(*entity)).or_default().append(&mut waiting);
                }
            }
        }
        prose.entry(None).or_default().append(&mut waiting);
        let items = schema.modules.get(id.0).map(|module| module.items.as_slice());
        for item in items.unwrap_or_default() {
            let Item::Entity(entity) = item else { continue };
            parts.extend(prose.remove(&Some(*entity)).map(Part::Prose));
            parts.extend(self.entry(*entity).map(|it| Part::Entry(Box::new(it))));
        }
        parts.extend(prose.remove(&None).map(Part::Prose));
        let mut title = vec![Inline::Code(file.to_owned())];
        if let Some(Part::Prose(blocks)) = parts.first_mut()
            && let Some(Block::Heading(1 | 2, heading)) = blocks.first_mut()
        {
            title = std::mem::take(heading);
            blocks.remove(0);
        }
        parts.retain(|part| !matches!(part, Part::Prose(blocks) if blocks.is_empty()));
        Chapter { title, file: file.to_owned(), anchor: format!("file-{file}"), parts }
    }

    /// An entry for what is spelled in the schema; predefined and implicit types have none.
    fn entry(&self, id: EntityId) -> Option<Entry> {
        let entity = self.schema.get(id);
        entity.span?;
        let doc = entity.doc.as_ref();
        let (meta, tables) = match &entity.kind {
            Kind::Command(command) => ("command", self.inputs(doc, command.arguments, "Arguments")),
            Kind::Event(event) => ("event", self.inputs(doc, event.data, "Data")),
            Kind::Enum(definition) => ("enum", vec![values(doc, definition)]),
            Kind::Alternate(branches) => ("alternate", vec![self.branches(doc, branches)]),
            Kind::Object(object) => match object.meta {
                ObjectMeta::Struct => ("struct", self.object(id, doc, "Members")),
                ObjectMeta::Union => ("union", self.object(id, doc, "Members")),
                ObjectMeta::Implicit | ObjectMeta::Empty => return None,
            },
            Kind::Builtin(_) | Kind::Array(_) => return None,
        };
        let body = doc.map(|doc| blocks(&doc.body)).unwrap_or_default();
        let mut badges = feature_badges(&entity.features);
        let command = match &entity.kind {
            Kind::Command(command) => Some(command),
            _ => None,
        };
        if let Some(command) = command {
            badges.extend(command.allow_oob.then_some(Badge::OutOfBand));
            badges.extend((!command.success_response).then_some(Badge::NoAnswer));
        }
        let users = self.users.get(&id).into_iter().flatten();
        Some(Entry {
            name: entity.name.clone(),
            meta,
            anchor: anchor(meta, &entity.name),
            summary: summary(&body),
            badges,
            body,
            tables: tables
                .into_iter()
                .filter(|it| !it.rows.is_empty() || !it.note.is_empty())
                .collect(),
            returns: command.and_then(|command| self.returns(doc, command)),
            errors: doc.and_then(|doc| doc.errors.as_deref()).map(section).unwrap_or_default(),
            features: features(entity),
            phases: command.map(|command| self.phases(command)).unwrap_or_default(),
            cond: entity.cond.as_ref().map(condition),
            since: doc.and_then(|doc| doc.since.clone()),
            rest: rest(doc),
            used_by: users.map(|(_, name)| name.clone()).collect(),
        })
    }

    /// The arguments of a command or the data of an event.
    fn inputs(&self, doc: Option<&Doc>, id: Option<EntityId>, title: &'static str) -> Vec<Table> {
        let Some(id) = id else { return Vec::new() };
        let entity = self.schema.get(id);
        let mut tables = match &entity.kind {
            Kind::Object(object) if object.meta == ObjectMeta::Implicit => {
                return self.object(id, doc, title);
            }
            _ => self.object(id, entity.doc.as_ref(), title),
        };
        if let Some(first) = tables.first_mut() {
            first.note = vec![Inline::text("The members of "), Inline::Name(entity.name.clone())];
        }
        tables
    }

    /// The members of an object, those of its bases first, and the branches of a union.
    fn object(&self, id: EntityId, doc: Option<&Doc>, title: &'static str) -> Vec<Table> {
        let mut rows = Vec::new();
        self.members(id, doc, None, &mut rows);
        let mut tables = vec![Table { title, note: Vec::new(), rows }];
        let Kind::Object(Object { variants: Some(variants), .. }) = &self.schema.get(id).kind
        else {
            return tables;
        };
        let listed = variants.cases.iter().filter(|case| case.listed);
        let rows = listed.map(|case| Row {
            name: case.name.clone(),
            ty: self.ty(case.ty),
            optional: false,
            badges: Vec::new(),
            cond: case.cond.as_ref().map(condition),
            from: None,
            text: Vec::new(),
        });
        let note = vec![
            Inline::text("Further members, by the value of "),
            Inline::Code(variants.tag.clone()),
        ];
        tables.push(Table { title: "Branches", note, rows: rows.collect() });
        tables
    }

    fn members(&self, id: EntityId, doc: Option<&Doc>, from: Option<&str>, rows: &mut Vec<Row>) {
        let Kind::Object(object) = &self.schema.get(id).kind else { return };
        if let Some(base) = object.base {
            let entity = self.schema.get(base);
            let implicit =
                matches!(&entity.kind, Kind::Object(it) if it.meta == ObjectMeta::Implicit);
            if implicit {
                self.members(base, doc, from, rows);
            } else {
                self.members(base, entity.doc.as_ref(), Some(&entity.name), rows);
            }
        }
        rows.extend(object.members.iter().map(|member| self.member(member, doc, from)));
    }

    fn member(&self, member: &Member, doc: Option<&Doc>, from: Option<&str>) -> Row {
        Row {
            name: member.name.clone(),
            ty: self.ty(member.ty),
            optional: member.optional,
            badges: feature_badges(&member.features),
            cond: member.cond.as_ref().map(condition),
            from: from.map(str::to_owned),
            text: described(doc, &member.name),
        }
    }

    fn branches(&self, doc: Option<&Doc>, branches: &[Branch]) -> Table {
        let rows = branches.iter().map(|branch| Row {
            name: branch.name.clone(),
            ty: self.ty(branch.ty),
            optional: false,
            badges: Vec::new(),
            cond: branch.cond.as_ref().map(condition),
            from: None,
            text: described(doc, &branch.name),
        });
        Table {
            title: "Branches",
            note: vec![Inline::text("One of these, told apart by its JSON type")],
            rows: rows.collect(),
        }
    }

    fn returns(&self, doc: Option<&Doc>, command: &Command) -> Option<Returns> {
        let ty = self.ty(command.returns?);
        let text = doc.and_then(|doc| doc.returns.as_deref()).map(section).unwrap_or_default();
        Some(Returns { ty, text })
    }

    fn phases(&self, command: &Command) -> Vec<(String, bool)> {
        let Some(Kind::Enum(all)) = self.schema.phase_enum.map(|id| &self.schema.get(id).kind)
        else {
            return Vec::new();
        };
        let permitted = self.schema.phases_of(command);
        let name = |name: &str| (name.to_owned(), permitted.contains(&name));
        all.values.iter().map(|value| name(&value.name)).collect()
    }

    /// A type as the schema spells it, its name leading to it.
    fn ty(&self, id: EntityId) -> Vec<Inline> {
        let entity = self.schema.get(id);
        match &entity.kind {
            Kind::Array(element) => {
                let mut spans = vec![Inline::text("[")];
                spans.extend(self.ty(*element));
                spans.push(Inline::text("]"));
                spans
            }
            Kind::Object(object) if object.meta == ObjectMeta::Empty => {
                vec![Inline::text("no members")]
            }
            _ => vec![Inline::Name(entity.name.clone())],
        }
    }
}

fn values(doc: Option<&Doc>, definition: &Enum) -> Table {
    let rows = definition.values.iter().map(|value| Row {
        name: value.name.clone(),
        ty: Vec::new(),
        optional: false,
        badges: feature_badges(&value.features),
        cond: value.cond.as_ref().map(condition),
        from: None,
        text: described(doc, &value.name),
    });
    Table { title: "Values", note: Vec::new(), rows: rows.collect() }
}

fn described(doc: Option<&Doc>, name: &str) -> Vec<Block> {
    let members = doc.map(|doc| doc.members.as_slice()).unwrap_or_default();
    let found = members.iter().find(|(member, _)| member == name);
    found.map(|(_, text)| section(text)).unwrap_or_default()
}

/// The features that the definition has or describes; those of members are described with it.
fn features(entity: &Entity) -> Vec<(String, Vec<Block>)> {
    let described = entity.doc.as_ref().map(|doc| doc.features.as_slice()).unwrap_or_default();
    let mut list: Vec<_> =
        described.iter().map(|(name, text)| (name.clone(), section(text))).collect();
    for feature in &entity.features {
        if !list.iter().any(|(name, _)| *name == feature.name) {
            list.push((feature.name.clone(), Vec::new()));
        }
    }
    for (name, text) in &mut list {
        let cond = entity.features.iter().find(|it| it.name == *name);
        if let Some(cond) = cond.and_then(|feature| feature.cond.as_ref()) {
            let span = Inline::text(format!("(if {})", condition(cond)));
            text.push(Block::Paragraph(vec![span]));
        }
    }
    list
}

/// Paragraphs after the first section.
fn rest(doc: Option<&Doc>) -> Vec<Block> {
    let sections = doc.map(|doc| doc.sections.as_slice()).unwrap_or_default();
    // The body is a section, too, and has been taken.
    let has_body = doc.is_some_and(|doc| !doc.body.is_empty());
    let later = sections.iter().skip(usize::from(has_body));
    later
        .filter(|(kind, _)| matches!(kind, SectionKind::Plain))
        .flat_map(|(_, text)| blocks(text))
        .collect()
}

fn feature_badges(features: &[Feature]) -> Vec<Badge> {
    let badge = |feature: &Feature| match feature.name.as_str() {
        "deprecated" => Some(Badge::Deprecated),
        "unstable" => Some(Badge::Unstable),
        _ => None,
    };
    features.iter().filter_map(badge).collect()
}

fn anchor(meta: &str, name: &str) -> String {
    let kind = match meta {
        "command" | "event" => meta,
        _ => "type",
    };
    format!("{kind}-{name}")
}

/// A condition as a formula.
fn condition(cond: &Cond) -> String {
    fn write(cond: &Cond, nested: bool) -> String {
        let join = |conds: &[Cond], word: &str| {
            let parts: Vec<_> = conds.iter().map(|cond| write(cond, true)).collect();
            let text = parts.join(word);
            if nested && parts.len() > 1 { format!("({text})") } else { text }
        };
        match cond {
            Cond::If(name) => name.clone(),
            Cond::All(conds) => join(conds, " and "),
            Cond::Any(conds) => join(conds, " or "),
            Cond::Not(cond) => format!("not {}", write(cond, true)),
        }
    }
    write(cond, false)
}
