//! Generated from toy.json by qapi-codegen; do not edit.

#![allow(
    clippy::enum_variant_names,
    clippy::large_enum_variant,
    reason = "names and sizes are the schema's"
)]

use qapi_runtime as rt;

use super::parts::LampKind;
use super::parts::Ref;
use super::parts::Tree;

/// How far the room is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// nothing is in it
    Empty,
    /// lamps can be added
    Wired,
    /// there is light
    Lit,
    /// A value that the schema does not have.
    Unknown(Box<str>),
}

impl Stage {
    /// The values that the schema has, in its order.
    pub const KNOWN: &'static [Self] = &[Self::Empty, Self::Wired, Self::Lit];

    /// The value as spelled on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Empty => "empty",
            Self::Wired => "wired",
            Self::Lit => "lit",
            Self::Unknown(name) => name,
        }
    }
}

impl rt::OpenEnum for Stage {
    const NAME: &'static str = "Stage";
    const KNOWN: &'static [Self] = Self::KNOWN;

    fn unknown(name: &str) -> Self {
        Self::Unknown(name.into())
    }

    fn as_str(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&str> for Stage {
    fn from(name: &str) -> Self {
        rt::OpenEnum::named(name)
    }
}

impl rt::Decode for Stage {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        _mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_open_enum(value, at)
    }
}

impl rt::Encode for Stage {
    fn encode(&self) -> rt::Value {
        rt::Value::from(self.as_str())
    }
}

/// The arguments of `lamp-list`.
#[derive(Clone, Debug, PartialEq)]
pub struct LampList {
    /// only lamps of this kind (default: all)
    pub kind: Option<LampKind>,
    /// at most so many
    pub max_count: u8,
}

impl LampList {
    /// Has what is required and nothing else.
    pub fn new(max_count: u8) -> Self {
        Self { kind: None, max_count }
    }
}

impl rt::Object for LampList {
    const NAME: &'static str = "lamp-list";
    const MEMBERS: &'static [rt::MemberInfo] = &[
        rt::MemberInfo::optional(
            "kind",
            "LampKind",
            "only lamps of this kind (default: all)",
        ),
        rt::MemberInfo::required("max-count", "uint8", "at most so many"),
    ];

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            kind: object.optional("kind")?,
            max_count: object.required("max-count")?,
        })
    }

    fn write(&self, object: &mut rt::Map) {
        rt::put_some(object, "kind", &self.kind);
        rt::put(object, "max-count", &self.max_count);
    }

    fn or(self, defaults: Self) -> Self {
        Self {
            kind: self.kind.or(defaults.kind),
            max_count: self.max_count,
        }
    }
}

impl rt::Decode for LampList {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for LampList {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

/// A stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageInfo {
    /// the stage
    pub stage: Stage,
}

impl rt::Object for StageInfo {
    const NAME: &'static str = "StageInfo";
    const MEMBERS: &'static [rt::MemberInfo] = &[
        rt::MemberInfo::required("stage", "Stage", "the stage"),
    ];

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            stage: object.required("stage")?,
        })
    }

    fn write(&self, object: &mut rt::Map) {
        rt::put(object, "stage", &self.stage);
    }
}

impl rt::Decode for StageInfo {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for StageInfo {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

/// The arguments of `pick`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pick {
    /// `from`.
    pub from: Tree,
    /// `ref`.
    pub ref_: Ref,
}

impl rt::Object for Pick {
    const NAME: &'static str = "pick";
    const MEMBERS: &'static [rt::MemberInfo] = &[
        rt::MemberInfo::required("from", "Tree", ""),
        rt::MemberInfo::required("ref", "Ref", ""),
    ];

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            from: object.required("from")?,
            ref_: object.required("ref")?,
        })
    }

    fn write(&self, object: &mut rt::Map) {
        rt::put(object, "from", &self.from);
        rt::put(object, "ref", &self.ref_);
    }
}

impl rt::Decode for Pick {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for Pick {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

/// The arguments of `stop`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// `type`.
    pub type_: String,
    /// `self`.
    pub self_: Option<bool>,
}

impl Stop {
    /// Has what is required and nothing else.
    pub fn new(type_: String) -> Self {
        Self { type_, self_: None }
    }
}

impl rt::Object for Stop {
    const NAME: &'static str = "stop";
    const MEMBERS: &'static [rt::MemberInfo] = &[
        rt::MemberInfo::required("type", "str", ""),
        rt::MemberInfo::optional("self", "bool", ""),
    ];

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            type_: object.required("type")?,
            self_: object.optional("self")?,
        })
    }

    fn write(&self, object: &mut rt::Map) {
        rt::put(object, "type", &self.type_);
        rt::put_some(object, "self", &self.self_);
    }

    fn or(self, defaults: Self) -> Self {
        Self {
            type_: self.type_,
            self_: self.self_.or(defaults.self_),
        }
    }
}

impl rt::Decode for Stop {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for Stop {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

/// `STOP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopEvent;

impl rt::Object for StopEvent {
    const NAME: &'static str = "STOP";
    const MEMBERS: &'static [rt::MemberInfo] = &[];

    fn read(_object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self)
    }

    fn write(&self, _object: &mut rt::Map) {}
}

impl rt::Decode for StopEvent {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for StopEvent {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

impl rt::Event for StopEvent {
    const NAME: &'static str = "STOP";
}

/// `LAMP_BROKE`.
#[derive(Clone, Debug, PartialEq)]
pub struct LampBroke {
    /// `id`.
    pub id: String,
    /// `watts`.
    pub watts: Option<i64>,
}

impl LampBroke {
    /// Has what is required and nothing else.
    pub fn new(id: String) -> Self {
        Self { id, watts: None }
    }
}

impl rt::Object for LampBroke {
    const NAME: &'static str = "LAMP_BROKE";
    const MEMBERS: &'static [rt::MemberInfo] = &[
        rt::MemberInfo::required("id", "str", ""),
        rt::MemberInfo::optional("watts", "int", ""),
    ];

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            id: object.required("id")?,
            watts: object.optional("watts")?,
        })
    }

    fn write(&self, object: &mut rt::Map) {
        rt::put(object, "id", &self.id);
        rt::put_some(object, "watts", &self.watts);
    }

    fn or(self, defaults: Self) -> Self {
        Self {
            id: self.id,
            watts: self.watts.or(defaults.watts),
        }
    }
}

impl rt::Decode for LampBroke {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::decode_object(value, at, mode)
    }
}

impl rt::Encode for LampBroke {
    fn encode(&self) -> rt::Value {
        rt::encode_object(self)
    }
}

impl rt::Event for LampBroke {
    const NAME: &'static str = "LAMP_BROKE";
}

/// `TREE_GREW`.
#[derive(Clone, Debug, PartialEq)]
pub struct TreeGrew(
    /// The event's data.
    pub Tree,
);

impl rt::Decode for TreeGrew {
    fn decode(
        value: &rt::Value,
        at: &rt::Path<'_>,
        mode: rt::Mode,
    ) -> Result<Self, rt::QmpError> {
        rt::Decode::decode(value, at, mode).map(Self)
    }
}

impl rt::Encode for TreeGrew {
    fn encode(&self) -> rt::Value {
        rt::Encode::encode(&self.0)
    }
}

impl rt::Event for TreeGrew {
    const NAME: &'static str = "TREE_GREW";
}
