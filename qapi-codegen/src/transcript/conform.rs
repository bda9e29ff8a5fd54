//! Whether a sample value is one of a type: the checks of the wire, over the model.

use qapi_schema::model::{Branch, Builtin, EntityId, Kind, Object, Schema};

use super::sample::{Members, Sample, Value};

/// What is wrong with a value: its line, counted from 0 in its text, and why.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Compares samples with types.
pub(crate) struct Conform<'s> {
    pub(crate) schema: &'s Schema,
    /// Whether numbers and booleans may come as strings, as with the feature `keyval-values`.
    pub(crate) keyval: bool,
    pub(crate) findings: Vec<Finding>,
}

impl<'s> Conform<'s> {
    fn find(&mut self, sample: &Sample, path: &str, what: impl AsRef<str>) {
        let message = format!("'{path}' {}", what.as_ref());
        self.findings.push(Finding { line: sample.line, message });
    }

    /// Compares a value with a type; `path` names the value in messages.
    pub(crate) fn value(&mut self, id: EntityId, sample: &Sample, path: &str) {
        let schema = self.schema;
        let entity = schema.get(id);
        match (&entity.kind, &sample.value) {
            (_, Value::Elided) => {}
            (Kind::Builtin(builtin), _) => {
                if let Some(expected) = unlike(*builtin, &sample.value, self.keyval) {
                    self.find(sample, path, format!("must be {expected}"));
                }
            }
            (Kind::Enum(definition), Value::String(text)) => {
                if !definition.values.iter().any(|value| value.name == *text) {
                    let name = &entity.name;
                    self.find(sample, path, format!("is '{text}', which is no value of {name}"));
                }
            }
            (Kind::Enum(_), _) => {
                self.find(sample, path, format!("must be a string, a value of {}", entity.name));
            }
            (Kind::Array(element), Value::Array(elements)) => {
                for (index, value) in elements.iter().enumerate() {
                    self.value(*element, value, &format!("{path}[{index}]"));
                }
            }
            (Kind::Array(_), _) => self.find(sample, path, "must be an array"),
            (Kind::Object(_), Value::Object(members)) => self.object(id, sample, members, path),
            (Kind::Object(_), _) => self.find(sample, path, "must be an object"),
            (Kind::Alternate(branches), value) => {
                match branches.iter().find(|branch| self.fits(branch, value)) {
                    Some(branch) => self.value(branch.ty, sample, path),
                    None => {
                        let name = &entity.name;
                        self.find(sample, path, format!("has no JSON type that {name} can have"));
                    }
                }
            }
            (Kind::Command(_) | Kind::Event(_), _) => {}
        }
    }

    /// Compares an object with a type, or with nothing: then it must be empty.
    pub(crate) fn arguments(&mut self, id: Option<EntityId>, sample: &Sample, path: &str) {
        match (id, &sample.value) {
            (Some(id), _) => self.value(id, sample, path),
            (None, Value::Elided) => {}
            (None, Value::Object(members)) => {
                for (name, value) in &members.list {
                    self.find(value, &member(path, name), "is unexpected");
                }
            }
            (None, _) => self.find(sample, path, "must be an object"),
        }
    }

    fn object(&mut self, id: EntityId, sample: &Sample, members: &Members, path: &str) {
        let mut known = Vec::new();
        self.members(id, sample, members, path, &mut known);
        for (name, value) in &members.list {
            if !known.contains(&name.as_str()) {
                self.find(value, &member(path, name), "is unexpected");
            }
        }
    }

    /// Compares what a type says about an object, the branch of a union included, and notes the
    /// names that it knows. The checker of schemas bounds how deep branches go.
    fn members(
        &mut self,
        id: EntityId,
        sample: &Sample,
        members: &Members,
        path: &str,
        known: &mut Vec<&'s str>,
    ) {
        let schema = self.schema;
        for wanted in schema.all_members(id) {
            known.push(&wanted.name);
            match members.get(&wanted.name) {
                Some(value) => self.value(wanted.ty, value, &member(path, &wanted.name)),
                None if wanted.optional || members.elided => {}
                None => self.find(sample, &member(path, &wanted.name), "is missing"),
            }
        }
        let Kind::Object(Object { variants: Some(variants), .. }) = &schema.get(id).kind else {
            return;
        };
        let tag = members.get(&variants.tag).map(|sample| &sample.value);
        match tag {
            Some(Value::String(tag)) => {
                if let Some(case) = variants.cases.iter().find(|case| case.name == *tag) {
                    self.members(case.ty, sample, members, path, known);
                }
            }
            // Which branch it is, is not told: any member may be of it.
            _ => known.extend(
                variants
                    .cases
                    .iter()
                    .flat_map(|case| schema.all_members(case.ty))
                    .map(|member| member.name.as_str()),
            ),
        }
    }

    /// Whether a branch of an alternate is the one for a value's JSON type.
    fn fits(&self, branch: &Branch, value: &Value) -> bool {
        match (&self.schema.get(branch.ty).kind, value) {
            (Kind::Builtin(builtin), value) => unlike(*builtin, value, false).is_none(),
            (Kind::Enum(_), Value::String(_)) => true,
            (Kind::Object(_), Value::Object(_)) => true,
            (Kind::Array(_), Value::Array(_)) => true,
            _ => false,
        }
    }
}

fn member(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What a value would have to be for a predefined type, or nothing if it is that.
fn unlike(builtin: Builtin, value: &Value, keyval: bool) -> Option<&'static str> {
    let (min, max, name): (i128, i128, _) = match builtin {
        Builtin::Any => return None,
        Builtin::Null => return (!matches!(value, Value::Null)).then_some("null"),
        Builtin::Str => return (!matches!(value, Value::String(_))).then_some("a string"),
        Builtin::Bool => {
            let word = |text: &str| {
                matches!(text.to_ascii_lowercase().as_str(), "on" | "off" | "true" | "false")
            };
            let fits = match value {
                Value::Bool => true,
                Value::String(text) => keyval && word(text),
                _ => false,
            };
            return (!fits).then_some("true or false");
        }
        Builtin::Number => return (!matches!(value, Value::Number(_))).then_some("a number"),
        Builtin::Int8 => (i8::MIN.into(), i8::MAX.into(), "an integer of 8 bits"),
        Builtin::Int16 => (i16::MIN.into(), i16::MAX.into(), "an integer of 16 bits"),
        Builtin::Int32 => (i32::MIN.into(), i32::MAX.into(), "an integer of 32 bits"),
        Builtin::Int | Builtin::Int64 => {
            (i64::MIN.into(), i64::MAX.into(), "an integer of 64 bits")
        }
        Builtin::Uint8 => (0, u8::MAX.into(), "an unsigned integer of 8 bits"),
        Builtin::Uint16 => (0, u16::MAX.into(), "an unsigned integer of 16 bits"),
        Builtin::Uint32 => (0, u32::MAX.into(), "an unsigned integer of 32 bits"),
        Builtin::Uint64 | Builtin::Size => (0, u64::MAX.into(), "an unsigned integer of 64 bits"),
    };
    let number = match value {
        Value::Number(text) => text.parse().ok(),
        // Units and other forms of sizes are the decoder's own matter.
        Value::String(text) if keyval && text.starts_with(|c: char| c.is_ascii_digit()) => Some(0),
        _ => None,
    };
    (!number.is_some_and(|number| (min..=max).contains(&number))).then_some(name)
}
