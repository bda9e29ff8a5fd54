//! `sifive_dt`: a board made from a device tree, as design-flow tools emit it; without one, from a
//! tree of the project's own.

use boardwright_devicetree::Tree;
use qapi_runtime::QmpError;

use super::{Plan, Template};
use crate::board::{Board, import};
use crate::devices::cpu::model;
use crate::qapi::{MachineOptions, MachineOptionsType};

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
        let plan = import::commands(&tree, options)?;
        let strict = match &options.type_ {
            MachineOptionsType::SifiveDt(own) => own.strict.unwrap_or(false),
            _ => false,
        };
        match plan.remarks.first() {
            Some(first) if strict => Err(QmpError::generic(format!(
                "{first} (strict=on refuses what is not modelled; {} such in all)",
                plan.remarks.len()
            ))),
            _ => Ok(plan),
        }
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        match property {
            "append" | "firmware" | "kernel" | "initrd" => Ok(()),
            _ => Err(QmpError::generic(format!(
                "Property '{property}' of the machine is used on entering 'initialized': set it before"
            ))),
        }
    }
}
