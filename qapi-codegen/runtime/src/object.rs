//! Objects: reading and writing members, and what a program can know about them beforehand.

use crate::path::Fault;
use crate::{Decode, Encode, Map, Mode, Path, Policy, QmpError, Subject, Value, invalid_type};

/// A generated object type: a struct, a union, the arguments of a command.
pub trait Object: Sized {
    /// Its name in the schema; for arguments and event data spelled inline, the command's or the
    /// event's.
    const NAME: &'static str;
    /// Its members in schema order, the base's first. A union's discriminator is among them.
    const MEMBERS: &'static [MemberInfo];
    /// The discriminator, if it is a union.
    const TAG: Option<&'static str> = None;
    /// What each value of the discriminator adds.
    const VARIANTS: &'static [VariantInfo] = &[];
    /// All of the above as one value.
    const INFO: ObjectInfo = ObjectInfo {
        name: Self::NAME,
        members: Self::MEMBERS,
        tag: Self::TAG,
        variants: Self::VARIANTS,
    };

    /// Takes the members of this type out of an object, which may have more: those of the union
    /// of which this is a branch.
    fn read(object: &mut ObjectReader<'_>) -> Result<Self, QmpError>;

    /// Adds the members of this type to an object.
    fn write(&self, object: &mut ObjectWriter);

    /// The same object with its absent optional members taken from another one.
    ///
    /// What only the defaults' branch of a union has is not taken where the branches differ.
    #[must_use]
    fn or(self, defaults: Self) -> Self {
        let mut given = written(&self);
        let defaults = written(&defaults);
        Self::INFO.complete(&mut given, &defaults);
        // Both were values of this type, so their members are too.
        decode_members(&given, &Path::ARGUMENTS, Mode::STRICT).unwrap_or(self)
    }
}

/// What there is to know about an object type.
#[derive(Clone, Copy, Debug)]
pub struct ObjectInfo {
    /// See [`Object::NAME`].
    pub name: &'static str,
    /// See [`Object::MEMBERS`].
    pub members: &'static [MemberInfo],
    /// See [`Object::TAG`].
    pub tag: Option<&'static str>,
    /// See [`Object::VARIANTS`].
    pub variants: &'static [VariantInfo],
}

impl ObjectInfo {
    /// The members that are there when the discriminator has the given value, nested unions'
    /// common members included.
    pub fn members_of(&self, case: &str) -> impl Iterator<Item = &'static MemberInfo> {
        let branch = self.variants.iter().find(|variant| variant.case == case);
        self.members.iter().chain(branch.map_or(&[][..], |variant| variant.object.members))
    }

    /// Adds to an object of this type what it lacks and another one has.
    fn complete(&self, given: &mut Map, defaults: &Map) {
        for member in self.members {
            if let (false, Some(value)) =
                (given.contains_key(member.name), defaults.get(member.name))
            {
                given.insert(member.name.to_owned(), value.clone());
            }
        }
        let case = self.tag.and_then(|tag| given.get(tag)).and_then(Value::as_str);
        let branch = case.and_then(|case| self.variants.iter().find(|it| it.case == case));
        if let (Some(branch), Some(tag)) = (branch, self.tag)
            && given.get(tag) == defaults.get(tag)
        {
            branch.object.complete(given, defaults);
        }
    }
}

/// A member of an object type.
#[derive(Clone, Copy, Debug)]
pub struct MemberInfo {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type as the schema spells it: `uint32`, `[str]`, `MachineType`.
    pub ty: &'static str,
    /// Whether it may be absent.
    pub optional: bool,
    /// What the schema says about it.
    pub doc: &'static str,
    /// Its features.
    pub features: &'static [&'static str],
}

impl MemberInfo {
    /// A member that has to be there.
    pub const fn required(name: &'static str, ty: &'static str, doc: &'static str) -> Self {
        Self { name, ty, optional: false, doc, features: &[] }
    }

    /// A member that may be absent.
    pub const fn optional(name: &'static str, ty: &'static str, doc: &'static str) -> Self {
        Self { name, ty, optional: true, doc, features: &[] }
    }

    /// The same member with features.
    #[must_use]
    pub const fn with_features(self, features: &'static [&'static str]) -> Self {
        Self { features, ..self }
    }
}

/// A branch of a union.
#[derive(Clone, Copy, Debug)]
pub struct VariantInfo {
    /// The discriminator's value.
    pub case: &'static str,
    /// What it adds.
    pub object: ObjectInfo,
}

/// Takes members out of an object one by one.
#[derive(Debug)]
pub struct ObjectReader<'a> {
    members: &'a Map,
    at: &'a Path<'a>,
    mode: Mode,
    /// How many of the members were asked for; no member is asked for twice.
    found: usize,
    /// The names asked for. Kept only in the second reading that finds out which member is one
    /// too many.
    asked: Option<Vec<&'static str>>,
}

impl ObjectReader<'_> {
    /// Asks whether an optional member with features may be used, if it is there.
    ///
    /// # Errors
    /// The policy rejects it.
    pub fn admit(&self, name: &str, features: &[&str]) -> Result<(), QmpError> {
        match self.members.get(name) {
            Some(_) => self.admit_required(name, features),
            None => Ok(()),
        }
    }

    /// Asks the same for a member that has to be there. As in the reference, it does not matter
    /// whether it is.
    ///
    /// # Errors
    /// The policy rejects it.
    pub fn admit_required(&self, name: &str, features: &[&str]) -> Result<(), QmpError> {
        self.mode.policy().admit(Subject::Parameter, name, features)
    }

    /// A member that has to be there.
    pub fn required<T: Decode>(&mut self, name: &'static str) -> Result<T, QmpError> {
        self.required_with(name, T::decode)
    }

    /// A member that may be absent.
    pub fn optional<T: Decode>(&mut self, name: &'static str) -> Result<Option<T>, QmpError> {
        self.optional_with(name, T::decode)
    }

    /// A member that has to be there and is read in its own way.
    pub fn required_with<T>(
        &mut self,
        name: &'static str,
        decode: fn(&Value, &Path<'_>, Mode) -> Result<T, QmpError>,
    ) -> Result<T, QmpError> {
        match self.optional_with(name, decode)? {
            Some(value) => Ok(value),
            None => Err(self.at.member(name).fault(Fault::Missing)),
        }
    }

    /// A member that may be absent and is read in its own way.
    pub fn optional_with<T>(
        &mut self,
        name: &'static str,
        decode: fn(&Value, &Path<'_>, Mode) -> Result<T, QmpError>,
    ) -> Result<Option<T>, QmpError> {
        if let Some(asked) = &mut self.asked {
            asked.push(name);
        }
        let Some(value) = self.members.get(name) else { return Ok(None) };
        self.found += 1;
        decode(value, &self.at.member(name), self.mode).map(Some)
    }

    /// All members as they came: what a branch consists of that is not known.
    pub(crate) fn all(&mut self) -> &Map {
        self.found = self.members.len();
        self.members
    }
}

/// Reads an object and makes sure that nothing in it is left over, unless the mode is lenient.
pub fn decode_object<T: Object>(value: &Value, at: &Path<'_>, mode: Mode) -> Result<T, QmpError> {
    decode_members(value.as_object().ok_or_else(|| invalid_type(at, "object"))?, at, mode)
}

/// The same for its members.
pub(crate) fn decode_members<T: Object>(
    members: &Map,
    at: &Path<'_>,
    mode: Mode,
) -> Result<T, QmpError> {
    let mut reader = ObjectReader { members, at, mode, found: 0, asked: None };
    let object = T::read(&mut reader)?;
    if reader.found == members.len() || mode.passes_over() {
        return Ok(object);
    }
    let mut again = ObjectReader { members, at, mode, found: 0, asked: Some(Vec::new()) };
    T::read(&mut again)?;
    let asked = again.asked.unwrap_or_default();
    match members.keys().find(|name| !asked.contains(&name.as_str())) {
        Some(name) => Err(at.member(name).fault(Fault::Unexpected)),
        None => Ok(object),
    }
}

/// Puts members into an object one by one.
#[derive(Debug)]
pub struct ObjectWriter {
    members: Map,
    policy: Policy,
}

impl ObjectWriter {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { members: Map::new(), policy }
    }

    pub(crate) fn finish(self) -> Map {
        self.members
    }

    /// Adds a member.
    pub fn put<T: Encode + ?Sized>(&mut self, name: &str, value: &T) {
        self.members.insert(name.to_owned(), value.encode_under(self.policy));
    }

    /// Adds an optional member, if it is present.
    pub fn put_some<T: Encode>(&mut self, name: &str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Whether a member with these features is to be sent.
    pub fn shows(&self, features: &[&str]) -> bool {
        self.policy.shows(features)
    }

    /// Adds the members that are not there yet.
    pub(crate) fn complete(&mut self, members: &Map) {
        for (name, value) in members {
            self.members.entry(name.as_str()).or_insert_with(|| value.clone());
        }
    }
}

fn written<T: Object>(object: &T) -> Map {
    let mut writer = ObjectWriter::new(Policy::ACCEPT);
    object.write(&mut writer);
    writer.finish()
}

impl<T: Object> Object for Box<T> {
    const NAME: &'static str = T::NAME;
    const MEMBERS: &'static [MemberInfo] = T::MEMBERS;
    const TAG: Option<&'static str> = T::TAG;
    const VARIANTS: &'static [VariantInfo] = T::VARIANTS;

    fn read(object: &mut ObjectReader<'_>) -> Result<Self, QmpError> {
        T::read(object).map(Box::new)
    }

    fn write(&self, object: &mut ObjectWriter) {
        T::write(self, object);
    }
}

/// The object without members: the reply of a command that returns nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Empty {}

impl Object for Empty {
    const NAME: &'static str = "q_empty";
    const MEMBERS: &'static [MemberInfo] = &[];

    fn read(_object: &mut ObjectReader<'_>) -> Result<Self, QmpError> {
        Ok(Self {})
    }

    fn write(&self, _object: &mut ObjectWriter) {}
}
