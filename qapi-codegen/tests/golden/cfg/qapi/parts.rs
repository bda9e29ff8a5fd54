//! Generated from parts.json by qapi-codegen; do not edit.

#![allow(
    clippy::enum_variant_names,
    clippy::large_enum_variant,
    deprecated,
    unused_imports,
    unused_variables,
    reason = "names, sizes and conditions are the schema's"
)]

use qapi_runtime as rt;

use super::toy::Stage;

/// The kinds of lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LampKind {
    /// a bulb
    BulbE27,
    /// many small ones
    #[deprecated(note = "bulbs are prettier")]
    LedStrip,
    /// a wire that glows
    _1_5mm,
    /// darkness
    None,
    /// a beam
    #[cfg(feature = "extra")]
    Laser,
}

impl LampKind {
    /// All values, in schema order.
    pub const ALL: &'static [Self] = &[
        Self::BulbE27,
        Self::LedStrip,
        Self::_1_5mm,
        Self::None,
        #[cfg(feature = "extra")]
        Self::Laser,
    ];

    /// The value as spelled on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BulbE27 => "bulb.e27",
            Self::LedStrip => "led-strip",
            Self::_1_5mm => "1.5mm",
            Self::None => "none",
            #[cfg(feature = "extra")]
            Self::Laser => "laser",
        }
    }
}

impl rt::Enum for LampKind {
    const NAME: &'static str = "LampKind";
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn features(self) -> &'static [&'static str] {
        match self {
            Self::LedStrip => &["deprecated"],
            _ => &[],
        }
    }
}

rt::enum_on_the_wire!(LampKind);

/// What all lamps have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thing {
    /// the hook it hangs on
    pub id: Option<String>,
}

impl rt::Object for Thing {
    const NAME: &'static str = "Thing";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "id": "str", "the hook it hangs on";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            id: object.optional("id")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("id", &self.id);
    }
}

/// What needs power.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Powered {
    /// the hook it hangs on
    pub id: Option<String>,
    /// how much it needs
    pub watts: Option<i32>,
    /// what blows
    pub fuse: Option<u64>,
}

impl rt::Object for Powered {
    const NAME: &'static str = "Powered";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "id": "str", "the hook it hangs on";
        optional "watts": "int32", "how much it needs";
        optional "fuse": "size", "what blows";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            id: object.optional("id")?,
            watts: object.optional("watts")?,
            fuse: object.optional_with("fuse", rt::decode_size)?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("id", &self.id);
        object.put_some("watts", &self.watts);
        object.put_some("fuse", &self.fuse);
    }
}

/// `LampBase`.
#[derive(Clone, Debug, PartialEq)]
pub struct LampBase {
    /// the hook it hangs on
    pub id: Option<String>,
    /// how much it needs
    pub watts: Option<i32>,
    /// what blows
    pub fuse: Option<u64>,
    /// what it is
    pub kind: LampKind,
    /// whether it can be dimmed
    pub dim: Option<bool>,
}

impl LampBase {
    /// Has what is required and nothing else.
    pub fn new(kind: LampKind) -> Self {
        Self {
            id: None,
            watts: None,
            fuse: None,
            kind,
            dim: None,
        }
    }
}

impl rt::Object for LampBase {
    const NAME: &'static str = "LampBase";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "id": "str", "the hook it hangs on";
        optional "watts": "int32", "how much it needs";
        optional "fuse": "size", "what blows";
        required "kind": "LampKind", "what it is";
        optional "dim": "bool", "whether it can be dimmed";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            id: object.optional("id")?,
            watts: object.optional("watts")?,
            fuse: object.optional_with("fuse", rt::decode_size)?,
            kind: object.required("kind")?,
            dim: object.optional("dim")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("id", &self.id);
        object.put_some("watts", &self.watts);
        object.put_some("fuse", &self.fuse);
        object.put("kind", &self.kind);
        object.put_some("dim", &self.dim);
    }
}

/// A bulb. It gets hot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bulb {
    /// how long it has burnt (default: 0x10)
    pub hours: Option<u64>,
}

impl rt::Object for Bulb {
    const NAME: &'static str = "Bulb";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "hours": "uint64", "how long it has burnt (default: 0x10)";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            hours: object.optional("hours")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("hours", &self.hours);
    }
}

/// A strip.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// of the leds
    pub sizes: Vec<u64>,
    /// what it shines in
    pub colour: Option<Colour>,
}

impl Strip {
    /// Has what is required and nothing else.
    pub fn new(sizes: Vec<u64>) -> Self {
        Self {
            sizes,
            colour: None,
        }
    }
}

impl rt::Object for Strip {
    const NAME: &'static str = "Strip";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "sizes": "[size]", "of the leds";
        optional "colour": "Colour", "what it shines in";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            sizes: object.required_with("sizes", rt::decode_sizes)?,
            colour: object.optional("colour")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("sizes", &self.sizes);
        object.put_some("colour", &self.colour);
    }
}

/// A lamp.
#[derive(Clone, Debug, PartialEq)]
pub struct LampOptions {
    /// the hook it hangs on
    pub id: Option<String>,
    /// how much it needs
    pub watts: Option<i32>,
    /// what blows
    pub fuse: Option<u64>,
    /// what it is
    ///
    /// Holds what that value adds.
    pub kind: LampOptionsKind,
    /// whether it can be dimmed
    pub dim: Option<bool>,
}

/// What each `kind` of [`LampOptions`] adds.
#[derive(Clone, Debug, PartialEq)]
pub enum LampOptionsKind {
    /// `bulb.e27`: A bulb.
    BulbE27(Bulb),
    /// `led-strip`: A strip.
    LedStrip(Strip),
    /// `1.5mm`.
    _1_5mm,
    /// `none`.
    None,
    /// `laser`: A bulb.
    #[cfg(feature = "extra")]
    Laser(Bulb),
}

impl LampOptionsKind {
    /// The discriminator's value.
    pub fn tag(&self) -> LampKind {
        match self {
            Self::BulbE27(_) => LampKind::BulbE27,
            Self::LedStrip(_) => LampKind::LedStrip,
            Self::_1_5mm => LampKind::_1_5mm,
            Self::None => LampKind::None,
            #[cfg(feature = "extra")]
            Self::Laser(_) => LampKind::Laser,
        }
    }

    fn read_branch(tag: LampKind, object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(match tag {
            LampKind::BulbE27 => Self::BulbE27(rt::Object::read(object)?),
            LampKind::LedStrip => Self::LedStrip(rt::Object::read(object)?),
            LampKind::_1_5mm => Self::_1_5mm,
            LampKind::None => Self::None,
            #[cfg(feature = "extra")]
            LampKind::Laser => Self::Laser(rt::Object::read(object)?),
        })
    }

    fn write_branch(&self, object: &mut rt::ObjectWriter) {
        match self {
            Self::BulbE27(branch) => rt::Object::write(branch, object),
            Self::LedStrip(branch) => rt::Object::write(branch, object),
            Self::_1_5mm => {}
            Self::None => {}
            #[cfg(feature = "extra")]
            Self::Laser(branch) => rt::Object::write(branch, object),
        }
    }
}

impl LampOptions {
    /// Has what is required and nothing else.
    pub fn new(kind: LampOptionsKind) -> Self {
        Self {
            id: None,
            watts: None,
            fuse: None,
            kind,
            dim: None,
        }
    }
}

impl rt::Object for LampOptions {
    const NAME: &'static str = "LampOptions";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "id": "str", "the hook it hangs on";
        optional "watts": "int32", "how much it needs";
        optional "fuse": "size", "what blows";
        required "kind": "LampKind", "what it is";
        optional "dim": "bool", "whether it can be dimmed";
    };
    const TAG: Option<&'static str> = Some("kind");
    const VARIANTS: &'static [rt::VariantInfo] = rt::variants! {
        "bulb.e27": Bulb;
        "led-strip": Strip;
        #[cfg(feature = "extra")]
        "laser": Bulb;
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        let id = object.optional("id")?;
        let watts = object.optional("watts")?;
        let fuse = object.optional_with("fuse", rt::decode_size)?;
        let kind = object.required("kind")?;
        Ok(Self {
            id,
            watts,
            fuse,
            dim: object.optional("dim")?,
            kind: LampOptionsKind::read_branch(kind, object)?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("id", &self.id);
        object.put_some("watts", &self.watts);
        object.put_some("fuse", &self.fuse);
        object.put("kind", &self.kind.tag());
        object.put_some("dim", &self.dim);
        self.kind.write_branch(object);
    }
}

/// `Way`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// `rgb`.
    Rgb,
    /// `name`.
    Name,
    /// `mixed`.
    Mixed,
}

impl Way {
    /// All values, in schema order.
    pub const ALL: &'static [Self] = &[Self::Rgb, Self::Name, Self::Mixed];

    /// The value as spelled on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Name => "name",
            Self::Mixed => "mixed",
        }
    }
}

impl rt::Enum for Way {
    const NAME: &'static str = "Way";
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

rt::enum_on_the_wire!(Way);

/// `Rgb`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rgb {
    /// `r`.
    pub r: u8,
    /// `g`.
    pub g: u8,
    /// `b`.
    pub b: u8,
}

impl rt::Object for Rgb {
    const NAME: &'static str = "Rgb";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "r": "uint8";
        required "g": "uint8";
        required "b": "uint8";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            r: object.required("r")?,
            g: object.required("g")?,
            b: object.required("b")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("r", &self.r);
        object.put("g", &self.g);
        object.put("b", &self.b);
    }
}

/// `Named`.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// `name`.
    pub name: String,
}

impl rt::Object for Named {
    const NAME: &'static str = "Named";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "name": "str";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            name: object.required("name")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("name", &self.name);
    }
}

/// `Mixed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// `first`.
    pub first: Colour,
    /// `second`.
    pub second: Colour,
}

impl rt::Object for Mixed {
    const NAME: &'static str = "Mixed";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "first": "Colour";
        required "second": "Colour";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            first: object.required("first")?,
            second: object.required("second")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("first", &self.first);
        object.put("second", &self.second);
    }
}

/// `Colour`.
#[derive(Clone, Debug, PartialEq)]
pub enum Colour {
    /// `rgb`.
    Rgb(Rgb),
    /// `name`.
    Name(Named),
    /// `mixed`.
    Mixed(Box<Mixed>),
}

impl Colour {
    /// The discriminator's value.
    pub fn tag(&self) -> Way {
        match self {
            Self::Rgb(_) => Way::Rgb,
            Self::Name(_) => Way::Name,
            Self::Mixed(_) => Way::Mixed,
        }
    }

    fn read_branch(tag: Way, object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(match tag {
            Way::Rgb => Self::Rgb(rt::Object::read(object)?),
            Way::Name => Self::Name(rt::Object::read(object)?),
            Way::Mixed => Self::Mixed(rt::Object::read(object)?),
        })
    }

    fn write_branch(&self, object: &mut rt::ObjectWriter) {
        match self {
            Self::Rgb(branch) => rt::Object::write(branch, object),
            Self::Name(branch) => rt::Object::write(branch, object),
            Self::Mixed(branch) => rt::Object::write(branch, object),
        }
    }
}

impl rt::Object for Colour {
    const NAME: &'static str = "Colour";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "way": "Way";
    };
    const TAG: Option<&'static str> = Some("way");
    const VARIANTS: &'static [rt::VariantInfo] = rt::variants! {
        "rgb": Rgb;
        "name": Named;
        "mixed": Mixed;
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        let tag = object.required("way")?;
        Self::read_branch(tag, object)
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("way", &self.tag());
        self.write_branch(object);
    }
}

/// `Tree`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// `String`.
    pub string: String_,
    /// `left`.
    pub left: Option<Box<Tree>>,
    /// `right`.
    pub right: Option<Box<Tree>>,
    /// `twigs`.
    pub twigs: Option<Vec<Tree>>,
}

impl Tree {
    /// Has what is required and nothing else.
    pub fn new(string: String_) -> Self {
        Self {
            string,
            left: None,
            right: None,
            twigs: None,
        }
    }
}

impl rt::Object for Tree {
    const NAME: &'static str = "Tree";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "String": "String";
        optional "left": "Tree";
        optional "right": "Tree";
        optional "twigs": "[Tree]";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            string: object.required("String")?,
            left: object.optional("left")?,
            right: object.optional("right")?,
            twigs: object.optional("twigs")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("String", &self.string);
        object.put_some("left", &self.left);
        object.put_some("right", &self.right);
        object.put_some("twigs", &self.twigs);
    }
}

/// `String`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct String_ {}

impl rt::Object for String_ {
    const NAME: &'static str = "String";
    const MEMBERS: &'static [rt::MemberInfo] = &[];

    fn read(_object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {})
    }

    fn write(&self, _object: &mut rt::ObjectWriter) {}
}

/// `Ref`.
#[derive(Clone, Debug, PartialEq)]
pub enum Ref {
    /// `name`.
    Name(String),
    /// `tree`.
    Tree(Tree),
    /// `refs`.
    Refs(Vec<String>),
    /// `nil`.
    Nil(()),
}

impl rt::Decode for Ref {
    fn decode(value: &rt::Value, at: &rt::Path<'_>, mode: rt::Mode) -> Result<Self, rt::QmpError> {
        match value {
            rt::Value::String(_) => rt::Decode::decode(value, at, mode).map(Self::Name),
            rt::Value::Object(_) => rt::Decode::decode(value, at, mode).map(Self::Tree),
            rt::Value::Array(_) => rt::Decode::decode(value, at, mode).map(Self::Refs),
            rt::Value::Null => rt::Decode::decode(value, at, mode).map(Self::Nil),
            _ => Err(rt::invalid_type(at, "Ref")),
        }
    }
}

impl rt::Encode for Ref {
    fn encode_under(&self, policy: rt::Policy) -> rt::Value {
        match self {
            Self::Name(value) => rt::Encode::encode_under(value, policy),
            Self::Tree(value) => rt::Encode::encode_under(value, policy),
            Self::Refs(value) => rt::Encode::encode_under(value, policy),
            Self::Nil(value) => rt::Encode::encode_under(value, policy),
        }
    }
}

/// `Count`.
#[derive(Clone, Debug, PartialEq)]
pub enum Count {
    /// `n`.
    N(i64),
    /// `many`.
    Many(Vec<u64>),
}

impl rt::Decode for Count {
    fn decode(value: &rt::Value, at: &rt::Path<'_>, mode: rt::Mode) -> Result<Self, rt::QmpError> {
        match value {
            rt::Value::Number(_) => rt::Decode::decode(value, at, mode).map(Self::N),
            rt::Value::Array(_) => rt::decode_sizes(value, at, mode).map(Self::Many),
            rt::Value::String(_) if mode.takes_strings() => {
                rt::Decode::decode(value, at, mode).map(Self::N)
            }
            _ => Err(rt::invalid_type(at, "Count")),
        }
    }
}

impl rt::Encode for Count {
    fn encode_under(&self, policy: rt::Policy) -> rt::Value {
        match self {
            Self::N(value) => rt::Encode::encode_under(value, policy),
            Self::Many(value) => rt::Encode::encode_under(value, policy),
        }
    }
}

/// `Beam`.
#[cfg(feature = "extra")]
#[derive(Clone, Debug, PartialEq)]
pub struct Beam {
    /// `mw`.
    pub mw: i64,
}

#[cfg(feature = "extra")]
impl rt::Object for Beam {
    const NAME: &'static str = "Beam";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "mw": "int";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            mw: object.required("mw")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("mw", &self.mw);
    }
}

/// `Plug`.
#[derive(Clone, Debug, PartialEq)]
pub struct Plug {
    /// `pins`.
    pub pins: i64,
    /// `beam`.
    #[cfg(feature = "extra")]
    pub beam: Option<Beam>,
    /// `plain`.
    #[cfg(all(not(feature = "extra"), not(feature = "extra")))]
    pub plain: Option<String>,
    /// `kind`.
    pub kind: LampKind,
}

impl rt::Object for Plug {
    const NAME: &'static str = "Plug";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "pins": "int";
        #[cfg(feature = "extra")]
        optional "beam": "Beam";
        #[cfg(all(not(feature = "extra"), not(feature = "extra")))]
        optional "plain": "str";
        required "kind": "LampKind" [#[cfg(feature = "extra")] "odd"];
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            pins: object.required("pins")?,
            #[cfg(feature = "extra")]
            beam: object.optional("beam")?,
            #[cfg(all(not(feature = "extra"), not(feature = "extra")))]
            plain: object.optional("plain")?,
            kind: object.required("kind")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("pins", &self.pins);
        #[cfg(feature = "extra")]
        object.put_some("beam", &self.beam);
        #[cfg(all(not(feature = "extra"), not(feature = "extra")))]
        object.put_some("plain", &self.plain);
        object.put("kind", &self.kind);
    }
}

/// The arguments of `count`.
#[derive(Clone, Debug, PartialEq)]
pub struct CountArguments {
    /// `n`.
    pub n: Count,
}

impl rt::Object for CountArguments {
    const NAME: &'static str = "count";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "n": "Count";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            n: object.required("n")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("n", &self.n);
    }
}

/// The commands of `parts.json`.
pub trait PartsCommands {
    /// `count`.
    fn count(&mut self, arguments: CountArguments) -> Result<(), rt::QmpError>;
}

/// What the schema says about `count`.
pub static COUNT: rt::CommandInfo = rt::CommandInfo {
    name: "count",
    arguments: Some(<CountArguments as rt::Object>::INFO),
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: true,
    success_response: true,
    features: &["keyval-values"],
    doc: "",
};
