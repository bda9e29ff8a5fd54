//! `sifive_dt`: a board made from a device tree, as design-flow tools emit it; without one, from a
//! tree of the project's own.

use boardwright_devicetree::Tree;
use qapi_runtime::QmpError;

use super::{Plan, Template, steps};
use crate::board::import;
use crate::board::{Board, Origin};
use crate::devices::cpu::model;
use crate::door::Step;
use crate::qapi::{CommandOrigin, MachineOptions, MachineOptionsType};

/// The tree for 64-bit harts.
const DEFAULT_64: &str = include_str!("../../machines-data/sifive_dt.dts");
/// The tree for 32-bit harts.
const DEFAULT_32: &str = include_str!("../../machines-data/sifive_dt-rv32.dts");

pub(super) struct SifiveDt;
pub(super) const TEMPLATE: SifiveDt = SifiveDt;

impl SifiveDt {
    fn tree(options: &MachineOptions) -> Result<Tree, QmpError> {
        if let Some(path) = &options.dtb {
            return crate::boot::tree::read(path);
        }
        let cpu = options.cpu.as_deref().map(model::parse).transpose()?;
        let source = match cpu.map(|cpu| cpu.xlen.bits()) {
            Some(32) => DEFAULT_32,
            _ => DEFAULT_64,
        };
        Tree::from_source("the built-in tree", source)
            .map_err(|error| QmpError::generic(error.to_string()))
    }
}

impl Template for SifiveDt {
    fn description(&self) -> &'static str {
        "SiFive core complex described by a device tree"
    }

    fn built_from_tree(&self) -> bool {
        true
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let tree = Self::tree(options)?;
        let imported = import::import(&tree, options)?;
        if let MachineOptionsType::SifiveDt(own) = &options.type_
            && own.strict.unwrap_or(false)
        {
            import::refuse_remarks(&imported.report)?;
        }
        let step = |node: &str, command| {
            let place = match &options.dtb {
                Some(file) => format!("{file}: {node}"),
                None => node.into(),
            };
            Step { command, origin: Origin::new(CommandOrigin::DeviceTree, place) }
        };
        Ok(Plan {
            steps: imported.commands().map(|(node, command)| step(node, command)).collect(),
            remarks: imported.report.iter().map(import::line).collect(),
        })
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        match property {
            // The board was made from it.
            "dtb" => steps::used(property),
            _ => steps::follow(property),
        }
    }
}
