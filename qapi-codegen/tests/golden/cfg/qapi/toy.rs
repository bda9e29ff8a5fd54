//! Generated from toy.json by qapi-codegen; do not edit.

#![allow(
    clippy::enum_variant_names,
    clippy::large_enum_variant,
    deprecated,
    unused_imports,
    unused_variables,
    reason = "names, sizes and conditions are the schema's"
)]

use qapi_runtime as rt;

use super::parts::{LampKind, LampOptions, Plug, Ref, Tree};

/// How far the room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// nothing is in it
    Empty,
    /// lamps can be added
    Wired,
    /// there is light
    Lit,
}

impl Stage {
    /// All values, in schema order.
    pub const ALL: &'static [Self] = &[Self::Empty, Self::Wired, Self::Lit];

    /// The value as spelled on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Wired => "wired",
            Self::Lit => "lit",
        }
    }
}

impl rt::Enum for Stage {
    const NAME: &'static str = "Stage";
    const ALL: &'static [Self] = Self::ALL;

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

rt::enum_on_the_wire!(Stage);

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
        Self {
            kind: None,
            max_count,
        }
    }
}

impl rt::Object for LampList {
    const NAME: &'static str = "lamp-list";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "kind": "LampKind", "only lamps of this kind (default: all)";
        required "max-count": "uint8", "at most so many";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            kind: object.optional("kind")?,
            max_count: object.required("max-count")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put_some("kind", &self.kind);
        object.put("max-count", &self.max_count);
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
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "stage": "Stage", "the stage";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            stage: object.required("stage")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("stage", &self.stage);
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
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "from": "Tree";
        required "ref": "Ref";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            from: object.required("from")?,
            ref_: object.required("ref")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("from", &self.from);
        object.put("ref", &self.ref_);
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
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "type": "str";
        optional "self": "bool";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            type_: object.required("type")?,
            self_: object.optional("self")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("type", &self.type_);
        object.put_some("self", &self.self_);
    }
}

/// The arguments of `lamp-dump`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LampDumpArguments {
    /// in the words of before
    #[deprecated(
        note = "Use lamp-list instead; programs can read what that tells, and it says more about \
          each lamp."
    )]
    pub old: Option<bool>,
    /// how deep to go
    ///
    /// **Unstable**: how deep is deep is not decided
    pub x_depth: Option<i64>,
    /// only lamps of this kind
    pub kind: Option<LampKind>,
}

impl rt::Object for LampDumpArguments {
    const NAME: &'static str = "lamp-dump";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        optional "old": "bool" ["deprecated"], "in the words of before";
        optional "x-depth": "int" ["unstable"], "how deep to go";
        optional "kind": "LampKind", "only lamps of this kind";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        object.admit("old", &["deprecated"])?;
        object.admit("x-depth", &["unstable"])?;
        Ok(Self {
            old: object.optional("old")?,
            x_depth: object.optional("x-depth")?,
            kind: object.optional("kind")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        if object.shows(&["deprecated"]) {
            object.put_some("old", &self.old);
        }
        if object.shows(&["unstable"]) {
            object.put_some("x-depth", &self.x_depth);
        }
        object.put_some("kind", &self.kind);
    }
}

/// `LampDump`.
#[derive(Clone, Debug, PartialEq)]
pub struct LampDump {
    /// `text`.
    pub text: String,
    /// `old`.
    #[deprecated]
    pub old: Option<String>,
    /// `x-depth`.
    ///
    /// **Unstable**: this may change
    pub x_depth: i64,
}

impl LampDump {
    /// Has what is required and nothing else.
    pub fn new(text: String, x_depth: i64) -> Self {
        Self {
            text,
            old: None,
            x_depth,
        }
    }
}

impl rt::Object for LampDump {
    const NAME: &'static str = "LampDump";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "text": "str";
        optional "old": "str" ["deprecated"];
        required "x-depth": "int" ["unstable"];
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        object.admit("old", &["deprecated"])?;
        object.admit_required("x-depth", &["unstable"])?;
        Ok(Self {
            text: object.required("text")?,
            old: object.optional("old")?,
            x_depth: object.required("x-depth")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("text", &self.text);
        if object.shows(&["deprecated"]) {
            object.put_some("old", &self.old);
        }
        if object.shows(&["unstable"]) {
            object.put("x-depth", &self.x_depth);
        }
    }
}

/// The arguments of `wait-for`.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitFor {
    /// `stage`.
    pub stage: Stage,
}

impl rt::Object for WaitFor {
    const NAME: &'static str = "wait-for";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "stage": "Stage";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            stage: object.required("stage")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("stage", &self.stage);
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

    fn write(&self, _object: &mut rt::ObjectWriter) {}
}

impl rt::Event for StopEvent {
    const NAME: &'static str = "STOP";
    const INFO: rt::EventInfo = rt::EventInfo {
        name: Self::NAME,
        features: &[],
        doc: "",
    };
}

/// `OLD_NEWS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OldNews;

impl rt::Object for OldNews {
    const NAME: &'static str = "OLD_NEWS";
    const MEMBERS: &'static [rt::MemberInfo] = &[];

    fn read(_object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self)
    }

    fn write(&self, _object: &mut rt::ObjectWriter) {}
}

impl rt::Event for OldNews {
    const NAME: &'static str = "OLD_NEWS";
    const INFO: rt::EventInfo = rt::EventInfo {
        name: Self::NAME,
        features: &["deprecated"],
        doc: "",
    };
}

/// `NEWS`.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// `n`.
    pub n: i64,
    /// `x-n`.
    ///
    /// **Unstable**: this may change
    pub x_n: Option<i64>,
}

impl News {
    /// Has what is required and nothing else.
    pub fn new(n: i64) -> Self {
        Self { n, x_n: None }
    }
}

impl rt::Object for News {
    const NAME: &'static str = "NEWS";
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "n": "int";
        optional "x-n": "int" ["unstable"];
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        object.admit("x-n", &["unstable"])?;
        Ok(Self {
            n: object.required("n")?,
            x_n: object.optional("x-n")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("n", &self.n);
        if object.shows(&["unstable"]) {
            object.put_some("x-n", &self.x_n);
        }
    }
}

impl rt::Event for News {
    const NAME: &'static str = "NEWS";
    const INFO: rt::EventInfo = rt::EventInfo {
        name: Self::NAME,
        features: &[],
        doc: "",
    };
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
    const MEMBERS: &'static [rt::MemberInfo] = rt::members! {
        required "id": "str";
        optional "watts": "int";
    };

    fn read(object: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError> {
        Ok(Self {
            id: object.required("id")?,
            watts: object.optional("watts")?,
        })
    }

    fn write(&self, object: &mut rt::ObjectWriter) {
        object.put("id", &self.id);
        object.put_some("watts", &self.watts);
    }
}

impl rt::Event for LampBroke {
    const NAME: &'static str = "LAMP_BROKE";
    const INFO: rt::EventInfo = rt::EventInfo {
        name: Self::NAME,
        features: &[],
        doc: "",
    };
}

/// `TREE_GREW`.
///
/// **Unstable**: this may change
#[derive(Clone, Debug, PartialEq)]
pub struct TreeGrew(
    /// The event's data.
    pub Tree,
);

rt::around_on_the_wire!(TreeGrew);

impl rt::Event for TreeGrew {
    const NAME: &'static str = "TREE_GREW";
    const INFO: rt::EventInfo = rt::EventInfo {
        name: Self::NAME,
        features: &["unstable"],
        doc: "",
    };
}

/// The commands of `toy.json`.
pub trait ToyCommands {
    /// Hangs up a lamp. At `lit` the lamp burns at once.
    ///
    /// ```text
    /// -> { "execute": "lamp_add",
    ///      "arguments": { "kind": "bulb.e27", "id": "l0", "watts": 40 } }
    /// <- { "return": {} }
    /// ```
    ///
    /// # Errors
    ///
    /// - GenericError when the hook `LampOptions.id` is taken; it then
    ///   keeps what it has
    /// - DeviceNotFound for lamps\[N\] with N \> 7
    fn lamp_add(&mut self, arguments: LampOptions) -> Result<(), rt::QmpError>;

    /// Lists lamps.
    ///
    /// Returns: the lamps, in the order of their hooks
    fn lamp_list(&mut self, arguments: LampList) -> Result<Vec<LampOptions>, rt::QmpError>;

    /// `pick`.
    fn pick(&mut self, arguments: Pick) -> Result<rt::Value, rt::QmpError>;

    /// `raw`.
    fn raw(&mut self, arguments: &rt::Map) -> Result<rt::Value, rt::QmpError>;

    /// `leave`.
    fn leave(&mut self) -> Result<(), rt::QmpError>;

    /// `nothing`.
    fn nothing(&mut self) -> Result<(), rt::QmpError>;

    /// `stop`.
    fn stop(&mut self, arguments: Stop) -> Result<(), rt::QmpError>;

    /// `only-if-extra`.
    #[cfg(feature = "extra")]
    fn only_if_extra(&mut self) -> Result<(), rt::QmpError>;

    /// `only-if-plain`.
    #[cfg(not(feature = "extra"))]
    fn only_if_plain(&mut self) -> Result<(), rt::QmpError>;

    /// Tells all about the lamps, for people.
    #[deprecated(
        note = "Use lamp-list instead; programs can read what that tells, and it says more about \
          each lamp."
    )]
    fn lamp_dump(&mut self, arguments: LampDumpArguments) -> Result<LampDump, rt::QmpError>;

    /// `wait-for`.
    fn wait_for(
        &mut self,
        arguments: WaitFor,
    ) -> impl Future<Output = Result<StageInfo, rt::QmpError>> + Send;

    /// `wait`.
    fn wait(&mut self) -> impl Future<Output = Result<(), rt::QmpError>> + Send;

    /// `plug`.
    fn plug(&mut self, arguments: Plug) -> Result<Plug, rt::QmpError>;
}

/// The commands of `toy.json` that may run beside all others.
pub trait ToyOobCommands {
    /// Tells the stage, also while a lamp is being hung up.
    ///
    /// Returns: the stage
    fn stage(&self) -> Result<StageInfo, rt::QmpError>;
}

/// What the schema says about `lamp_add`.
pub static LAMP_ADD: rt::CommandInfo = rt::CommandInfo {
    name: "lamp_add",
    arguments: Some(<LampOptions as rt::Object>::INFO),
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Wired as u32, Stage::Lit as u32]),
    keyval: true,
    success_response: true,
    features: &["keyval-values"],
    doc: "Hangs up a lamp. At lit the lamp burns at once.",
};

/// What the schema says about `lamp-list`.
pub static LAMP_LIST: rt::CommandInfo = rt::CommandInfo {
    name: "lamp-list",
    arguments: Some(<LampList as rt::Object>::INFO),
    returns: Some("[LampOptions]"),
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::ALL,
    keyval: false,
    success_response: true,
    features: &[],
    doc: "Lists lamps.",
};

/// What the schema says about `stage`.
pub static STAGE: rt::CommandInfo = rt::CommandInfo {
    name: "stage",
    arguments: None,
    returns: Some("StageInfo"),
    allow_oob: true,
    coroutine: false,
    phases: rt::PhaseSet::ALL,
    keyval: false,
    success_response: true,
    features: &[],
    doc: "Tells the stage, also while a lamp is being hung up.",
};

/// What the schema says about `pick`.
pub static PICK: rt::CommandInfo = rt::CommandInfo {
    name: "pick",
    arguments: Some(<Pick as rt::Object>::INFO),
    returns: Some("any"),
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `raw`.
pub static RAW: rt::CommandInfo = rt::CommandInfo {
    name: "raw",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `leave`.
pub static LEAVE: rt::CommandInfo = rt::CommandInfo {
    name: "leave",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: false,
    features: &[],
    doc: "",
};

/// What the schema says about `nothing`.
pub static NOTHING: rt::CommandInfo = rt::CommandInfo {
    name: "nothing",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `stop`.
pub static STOP: rt::CommandInfo = rt::CommandInfo {
    name: "stop",
    arguments: Some(<Stop as rt::Object>::INFO),
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `only-if-extra`.
#[cfg(feature = "extra")]
pub static ONLY_IF_EXTRA: rt::CommandInfo = rt::CommandInfo {
    name: "only-if-extra",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `only-if-plain`.
#[cfg(not(feature = "extra"))]
pub static ONLY_IF_PLAIN: rt::CommandInfo = rt::CommandInfo {
    name: "only-if-plain",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `lamp-dump`.
pub static LAMP_DUMP: rt::CommandInfo = rt::CommandInfo {
    name: "lamp-dump",
    arguments: Some(<LampDumpArguments as rt::Object>::INFO),
    returns: Some("LampDump"),
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &["deprecated"],
    doc: "Tells all about the lamps, for people.",
};

/// What the schema says about `wait-for`.
pub static WAIT_FOR: rt::CommandInfo = rt::CommandInfo {
    name: "wait-for",
    arguments: Some(<WaitFor as rt::Object>::INFO),
    returns: Some("StageInfo"),
    allow_oob: false,
    coroutine: true,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `wait`.
pub static WAIT: rt::CommandInfo = rt::CommandInfo {
    name: "wait",
    arguments: None,
    returns: None,
    allow_oob: false,
    coroutine: true,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};

/// What the schema says about `plug`.
pub static PLUG: rt::CommandInfo = rt::CommandInfo {
    name: "plug",
    arguments: Some(<Plug as rt::Object>::INFO),
    returns: Some("Plug"),
    allow_oob: false,
    coroutine: false,
    phases: rt::PhaseSet::of(&[Stage::Lit as u32]),
    keyval: false,
    success_response: true,
    features: &[],
    doc: "",
};
