//! Machines: each is a template that issues commands on entering `initialized`.
//!
//! A machine is one file and one row in the list at the end. Its properties are a struct of the
//! schema (`qapi/machine.json`).

mod none;
mod opentitan;
mod sifive_dt;
mod sifive_e;
mod sifive_u;
mod steps;
mod virt;

use std::ops::RangeInclusive;

use qapi_runtime::{Encode, MemberInfo, Object, QmpError, Value};

use crate::board::{Board, Change, MOST_HARTS, Origin, Property};
use crate::door::{Command, Step};
use crate::qapi::{
    CommandOrigin, DeviceOptions, MachineOptions, MachineOptionsBase, MachineOptionsNone,
    MachineOptionsOpentitan, MachineOptionsSifiveDt, MachineOptionsSifiveE, MachineOptionsSifiveU,
    MachineOptionsType, MachineOptionsVirt, MachineType,
};

/// The harts that a machine has of itself.
pub const OWN_HARTS: &str = "machine.cpus";

/// What a kind of machine is.
pub trait Template: Sync {
    /// What it is, in a few words.
    fn description(&self) -> &'static str;

    /// Whether the option `dtb` is what the board is made from, rather than for the guest.
    fn built_from_tree(&self) -> bool {
        false
    }

    /// Whether what is to start expects firmware before it, where none is given.
    fn has_firmware(&self, options: &MachineOptions) -> bool {
        let _ = options;
        false
    }

    /// How many harts it can have.
    fn harts(&self) -> RangeInclusive<u32> {
        0..=MOST_HARTS
    }

    /// What device trees say the board is, if it is one that has a name.
    fn identity(&self) -> Option<Identity> {
        None
    }

    /// The commands that build its board, and what there is to say about it.
    ///
    /// # Errors
    /// Something it is built from is missing or malformed.
    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError>;

    /// Takes away what the machine has of itself and a device that is to be added replaces.
    ///
    /// # Errors
    /// It cannot be taken away.
    fn make_room(&self, board: &mut Board, device: &DeviceOptions) -> Result<(), QmpError> {
        let _ = (board, device);
        Ok(())
    }

    /// Lets the board follow a property that was set at `initialized`.
    ///
    /// # Errors
    /// The board cannot follow.
    fn follow(&self, board: &mut Board, property: &str) -> Result<(), QmpError>;
}

/// The commands that build a machine's board, and what there is to say about it.
///
/// # Errors
/// As [`Template::commands`].
pub fn plan(options: &MachineOptions) -> Result<Plan, QmpError> {
    let kind = options.type_.tag();
    let template = template(kind);
    let mut plan = template.commands(options)?;
    let Some(Identity { model, compatible }) = template.identity() else { return Ok(plan) };
    let given = [("model", model, &options.model), ("compatible", compatible, &options.compatible)];
    let commands = given
        .into_iter()
        .filter(|(.., given)| given.is_none())
        .map(|(property, value, _)| Change::of_machine(property, value.into()).command());
    plan.steps.splice(0..0, Plan::of(kind, commands.collect()).steps);
    Ok(plan)
}

/// What software knows a board by.
pub struct Identity {
    /// `model` of the device tree.
    pub model: &'static str,
    /// `compatible` of its root, separated by spaces.
    pub compatible: &'static str,
}

/// What a template wants done.
#[derive(Default)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// What was not understood, for the user.
    pub remarks: Vec<String>,
}

impl Plan {
    /// Commands that a machine's template issues of itself.
    pub fn of(kind: MachineType, commands: Vec<Command>) -> Self {
        let origin = Origin::new(CommandOrigin::Machine, format!("machine {kind}"));
        let step = |command| Step { command, origin: origin.clone() };
        Self { steps: commands.into_iter().map(step).collect(), remarks: Vec::new() }
    }
}

/// One row a machine, in the schema's order; a machine of the schema without a row does not compile.
macro_rules! machines {
    ($($kind:ident => $module:ident, $properties:ident;)*) => {
        /// The template of a kind of machine.
        pub fn template(kind: MachineType) -> &'static dyn Template {
            match kind {
                $(MachineType::$kind => &$module::TEMPLATE,)*
            }
        }

        fn own_members(kind: MachineType) -> &'static [MemberInfo] {
            match kind {
                $(MachineType::$kind => <$properties as Object>::MEMBERS,)*
            }
        }
    };
}

machines! {
    None => none, MachineOptionsNone;
    Opentitan => opentitan, MachineOptionsOpentitan;
    SifiveDt => sifive_dt, MachineOptionsSifiveDt;
    SifiveE => sifive_e, MachineOptionsSifiveE;
    SifiveU => sifive_u, MachineOptionsSifiveU;
    Virt => virt, MachineOptionsVirt;
}

/// The members of a machine's options: those of every machine, then its own.
fn members(kind: MachineType) -> impl Iterator<Item = &'static MemberInfo> {
    <MachineOptionsBase as Object>::MEMBERS
        .iter()
        .chain(own_members(kind))
        .filter(|m| m.name != "type")
}

/// Machine `none`, of which nothing is said: where any board can be put.
pub fn empty() -> MachineOptions {
    MachineOptions {
        cpu: None,
        smp: None,
        memory: None,
        firmware: None,
        kernel: None,
        initrd: None,
        append: None,
        dtb: None,
        dumpdtb: None,
        lint: None,
        model: None,
        compatible: None,
        type_: MachineOptionsType::None(MachineOptionsNone {
            ram_addr: None,
            memory_backend: None,
        }),
    }
}

/// The properties of a kind of machine.
pub fn properties(kind: MachineType) -> impl Iterator<Item = Property> {
    members(kind).map(|member| Property {
        name: member.name.into(),
        ty: member.ty.into(),
        description: Some(member.doc.into()).filter(|doc: &String| !doc.is_empty()),
        default: None,
    })
}

/// Whether a kind of machine has a property.
pub fn has(kind: MachineType, property: &str) -> bool {
    members(kind).any(|member| member.name == property)
}

/// The value of a property; null where nothing was given.
pub fn get(options: &MachineOptions, property: &str) -> Option<Value> {
    if !has(options.type_.tag(), property) {
        return None;
    }
    Some(options.encode().get(property).cloned().unwrap_or(Value::Null))
}

/// Sets a property of the machine a board was made for.
///
/// # Errors
/// The value does not fit, or the board cannot follow.
pub fn set_on_board(board: &mut Board, property: &str, value: &Value) -> Result<(), QmpError> {
    let options = crate::board::change_machine(&board.machine, property, value)?;
    let template = template(options.type_.tag());
    board.machine = std::sync::Arc::new(options);
    match property {
        // Looked at when `ready` is entered: there is nothing to follow.
        "lint" | "model" | "compatible" => Ok(()),
        _ => template.follow(board, property),
    }
}
