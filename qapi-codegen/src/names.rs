//! Rust names for schema names.
//!
//! | schema | Rust |
//! |---|---|
//! | type `VersionTriple` | `VersionTriple`, as it is |
//! | member `cpu-index`, command `query-version` | `cpu_index`, `query_version` |
//! | value `riscv.sifive.plic`, event `MACHINE_PHASE_CHANGE` | `RiscvSifivePlic`, `MachinePhaseChange` |
//! | a Rust keyword, a name of Rust's prelude | with a trailing underscore: `type_`, `String_` |
//! | a name that starts with a digit | with a leading underscore |
//! | inline arguments of `device-map` | `DeviceMap`; `DeviceMapArguments` if that is taken |
//! | data of the event `RESET` | `Reset`; `ResetEvent` if that is taken |
//!
//! Separators between two digits stay, as an underscore, so that `1.2` and `12` stay apart. What
//! is still equal after all this gets an underscore more; the later name in schema order yields.

use std::collections::{BTreeMap, BTreeSet};

use qapi_schema::model::{EntityId, Item, Kind, ModuleId, ObjectMeta, Schema};

/// The Rust name of an enum value, an event, a branch.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if digit(camel.chars().next_back()) && digit(word.chars().next()) {
            camel.push('_');
        }
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        let shouted = !word.chars().any(|c| c.is_ascii_lowercase());
        camel.push_str(&if shouted { rest.to_ascii_lowercase() } else { rest.to_owned() });
    }
    legal(camel)
}

/// The Rust name of a member, a command, a module.
pub(crate) fn snake(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    legal(name.chars().map(plain).collect())
}

/// The Rust name of a static.
fn screaming(name: &str) -> String {
    legal(snake(name).to_ascii_uppercase())
}

/// The words that are no identifiers, in any edition.
const KEYWORDS: &[&str] = &[
    "Self", "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

fn legal(mut name: String) -> String {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// Identifiers for a list of names, all different.
pub(crate) fn distinct<'a>(
    names: impl Iterator<Item = &'a str>,
    spell: fn(&str) -> String,
) -> Vec<String> {
    let mut taken = BTreeSet::new();
    names.map(|name| take(&mut taken, spell(name), "_")).collect()
}

fn take(taken: &mut BTreeSet<String>, mut name: String, suffix: &str) -> String {
    if taken.contains(&name) {
        name.push_str(suffix);
    }
    while !taken.insert(name.clone()) {
        name.push('_');
    }
    name
}

/// Names that a generated type must not have: those that generated code means otherwise.
const RESERVED: [&str; 17] = [
    "Box",
    "Commands",
    "Default",
    "Err",
    "Event",
    "None",
    "Ok",
    "OobCommands",
    "Option",
    "Phase",
    "Result",
    "Self",
    "Some",
    "String",
    "ToString",
    "Vec",
    "From",
];

/// The statics of the root file.
const STATICS: [&str; 4] = ["COMMANDS", "EVENTS", "PHASE_NAMES", "QMP_SCHEMA"];

/// The names of everything in a schema that becomes a Rust item.
#[derive(Debug, Default)]
pub(crate) struct Names {
    types: BTreeMap<EntityId, String>,
    tags: BTreeMap<EntityId, String>,
    modules: BTreeMap<ModuleId, String>,
    traits: BTreeMap<ModuleId, (String, String)>,
    statics: BTreeMap<EntityId, String>,
}

impl Names {
    /// Gives out all names: types first, for they are spelled in the schema.
    pub(crate) fn new(schema: &Schema) -> Self {
        let mut names = Self::default();
        let mut types: BTreeSet<String> = RESERVED.iter().map(|name| (*name).into()).collect();
        let mut files: BTreeSet<String> = ["introspection", "request"].map(String::from).into();
        let items = || {
            schema.modules.iter().flat_map(|module| &module.items).filter_map(|item| match item {
                Item::Entity(id) => Some((*id, schema.get(*id))),
                Item::Include(_) => None,
            })
        };
        let named = |kind: &Kind| match kind {
            Kind::Enum(_) | Kind::Alternate(_) => true,
            Kind::Object(object) => matches!(object.meta, ObjectMeta::Struct | ObjectMeta::Union),
            Kind::Builtin(_) | Kind::Array(_) | Kind::Command(_) | Kind::Event(_) => false,
        };
        for (id, entity) in items().filter(|(_, entity)| named(&entity.kind)) {
            names.types.insert(id, take(&mut types, camel(&entity.name), "_"));
        }
        for (id, entity) in items() {
            if let Kind::Object(object) = &entity.kind
                && let Some(variants) = &object.variants
            {
                let base = names.types.get(&id).map_or("", String::as_str);
                let name = format!("{base}{}", camel(&variants.tag));
                names.tags.insert(id, take(&mut types, name, "Branch"));
            }
        }
        for (id, entity) in items() {
            let suffix = match &entity.kind {
                Kind::Command(command) if command.arguments.is_some() => "Arguments",
                Kind::Event(_) => "Event",
                _ => continue,
            };
            names.types.insert(id, take(&mut types, camel(&entity.name), suffix));
        }
        let mut statics: BTreeSet<String> = STATICS.iter().map(|name| (*name).into()).collect();
        for (id, entity) in items() {
            if matches!(entity.kind, Kind::Command(_)) {
                names.statics.insert(id, take(&mut statics, screaming(&entity.name), "_"));
            }
        }
        for (index, module) in schema.modules.iter().enumerate() {
            let stem = module.name.trim_start_matches("./").trim_end_matches(".json");
            let file = take(&mut files, snake(stem), "_");
            let topic = camel(stem);
            let traits = (
                take(&mut types, format!("{topic}Commands"), "_"),
                take(&mut types, format!("{topic}OobCommands"), "_"),
            );
            names.modules.insert(ModuleId(index), file);
            names.traits.insert(ModuleId(index), traits);
        }
        names
    }

    /// The Rust type of a definition; of a command, its inline arguments; of an event, the event.
    pub(crate) fn ty(&self, id: EntityId) -> Option<&str> {
        self.types.get(&id).map(String::as_str)
    }

    /// The enum of a union's branches.
    pub(crate) fn branches(&self, id: EntityId) -> Option<&str> {
        self.tags.get(&id).map(String::as_str)
    }

    /// The Rust module of a schema file.
    pub(crate) fn module(&self, id: ModuleId) -> &str {
        self.modules.get(&id).map_or("builtin", String::as_str)
    }

    /// What the schema says about a command.
    pub(crate) fn info(&self, id: EntityId) -> &str {
        self.statics.get(&id).map_or("", String::as_str)
    }

    /// The traits of a module: of commands in band, and out of band.
    pub(crate) fn traits(&self, id: ModuleId) -> (&str, &str) {
        self.traits.get(&id).map_or(("Commands", "OobCommands"), |(a, b)| (a, b))
    }
}
