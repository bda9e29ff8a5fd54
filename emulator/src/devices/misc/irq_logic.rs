//! `split-irq` and `or-irq`: one interrupt that drives several inputs, and several that drive one.

use std::sync::Arc;

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::chip::{Chip, Outputs};
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port};
use crate::machine::{Line, Site};
use crate::qapi::{OrIrqProperties, SplitIrqProperties};

/// The most lines of either.
const MOST: u16 = 64;

fn check_lines(lines: u16) -> Result<(), QmpError> {
    if (1..=MOST).contains(&lines) {
        return Ok(());
    }
    Err(QmpError::generic(format!(
        "Parameter 'num-lines' expects a number from 1 to {MOST}, not {lines}"
    )))
}

impl Defaults for SplitIrqProperties {
    fn defaults() -> Self {
        Self { num_lines: Some(1) }
    }
}

impl Driver for SplitIrqProperties {
    fn check(&self) -> Result<(), QmpError> {
        check_lines(self.num_lines.unwrap_or(1))
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::inputs(1), Port::outputs(self.num_lines.unwrap_or(1).into())]
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Arc::new(Gate(Chip::new(Levels(0), site.lines.clone())))))
    }
}

impl Defaults for OrIrqProperties {
    fn defaults() -> Self {
        Self { num_lines: Some(1) }
    }
}

impl Driver for OrIrqProperties {
    fn check(&self) -> Result<(), QmpError> {
        check_lines(self.num_lines.unwrap_or(1))
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::inputs(self.num_lines.unwrap_or(1).into()), Port::outputs(1)]
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Arc::new(Gate(Chip::new(Levels(0), site.lines.clone())))))
    }
}

/// The levels of the inputs, a bit each; every output is high while any of them is.
#[derive(Serialize, Deserialize)]
struct Levels(u64);

impl Outputs for Levels {
    fn drive(&self, lines: &[Line]) {
        lines.iter().for_each(|line| line.set(self.0 != 0));
    }
}

/// Follows its inputs, so that a reset has nothing to do: who drives them is reset too.
struct Gate(Chip<Levels>);

impl Device for Gate {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.0)
    }

    fn input(&self, _unit: u32, line: u32, level: bool) {
        let Some(bit) = 1_u64.checked_shl(line) else { return };
        self.0.with(|Levels(levels)| if level { *levels |= bit } else { *levels &= !bit });
    }
}
