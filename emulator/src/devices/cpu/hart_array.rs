//! `riscv.hart_array`: a row of equal harts and their interrupt inputs.

use std::sync::Arc;

use boardwright_devicetree::Node;
use boardwright_riscv::{HartConfig, Interrupts};
use qapi_runtime::QmpError;

use super::{model, node};
use crate::board::MOST_HARTS;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Device, Driver, Port, PortDirection, Units};
use crate::machine::{HartClock, HartPlan, Site};
use crate::qapi::RiscvHartArrayProperties;

/// Where harts start that nothing else gives a start.
const RESET_VECTOR: u64 = 0x1000;
/// Lines of a hart's first port.
const INPUT_COUNT: u32 = 64;
/// The port of the non-maskable interrupt, whose line follows those.
const NMI: &str = "nmi";
/// Interrupt inputs of a hart that mean something: the standard causes of the privileged
/// architecture, section 3.1.9.
const INPUTS: [u32; 6] = [SUPERVISOR_SOFTWARE, 3, 5, 7, 9, 11];
/// The input that is remembered rather than followed.
const SUPERVISOR_SOFTWARE: u32 = 1;

impl Defaults for RiscvHartArrayProperties {
    fn defaults() -> Self {
        Self {
            cpu_type: Some(model::DEFAULT.into()),
            num_harts: Some(1),
            num_cpus: None,
            hartid_base: Some(0),
            resetvec: Some(RESET_VECTOR),
        }
    }
}

impl RiscvHartArrayProperties {
    /// How many harts there are.
    pub fn count(&self) -> u32 {
        self.num_harts.or(self.num_cpus).unwrap_or(1)
    }

    /// `mhartid` of a hart.
    pub fn hartid(&self, unit: u32) -> u64 {
        u64::from(self.hartid_base.unwrap_or(0)) + u64::from(unit)
    }

    /// The CPU.
    ///
    /// # Errors
    /// `cpu-type` names none.
    pub fn cpu(&self) -> Result<boardwright_riscv::CpuModel, QmpError> {
        model::parse(self.type_text())
    }

    fn type_text(&self) -> &str {
        self.cpu_type.as_deref().unwrap_or(model::DEFAULT)
    }
}

impl Driver for RiscvHartArrayProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.num_harts.is_some() && self.num_cpus.is_some() && self.num_harts != self.num_cpus {
            return Err(QmpError::generic(
                "Parameters 'num-harts' and 'num-cpus' are the same: give one of them",
            ));
        }
        if !(1..=MOST_HARTS).contains(&self.count()) {
            return Err(QmpError::generic(format!(
                "Parameter 'num-harts' expects a number from 1 to {MOST_HARTS}, not {}",
                self.count()
            )));
        }
        self.cpu().map(|_| ())
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn units(&self) -> Option<Units> {
        let kind = model::type_name(self.type_text());
        Some(Units {
            names: &["harts", "cpu"],
            count: self.count(),
            first_hartid: self.hartid(0),
            kind,
        })
    }

    fn ports(&self) -> Vec<Port> {
        let nmi = Port { name: NMI, direction: PortDirection::Input, count: 1 };
        vec![Port::inputs(INPUT_COUNT), nmi]
    }

    fn unit_node(&self, place: &Place<'_>, unit: u32) -> Option<Node> {
        Some(node::write(&self.cpu().ok()?, self.hartid(unit), place.unit_phandle(unit)))
    }

    fn interrupt_specifier(&self, input: u32) -> Option<Vec<u32>> {
        Some(vec![input])
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let cpu = self.cpu()?;
        let inputs: Vec<Arc<Interrupts>> =
            (0..self.count()).map(|_| Arc::new(Interrupts::new())).collect();
        let harts = (0..self.count())
            .zip(&inputs)
            .map(|(unit, interrupts)| HartPlan {
                config: HartConfig::new(
                    cpu.clone(),
                    self.hartid(unit),
                    self.resetvec.unwrap_or(RESET_VECTOR),
                ),
                start: self.resetvec,
                interrupts: interrupts.clone(),
                clock: HartClock::new(site.clock.clone()),
            })
            .collect();
        Ok(Built { harts, ..Built::device(Arc::new(HartArray(inputs))) })
    }
}

struct HartArray(Vec<Arc<Interrupts>>);

impl Device for HartArray {
    fn input(&self, unit: u32, line: u32, level: bool) {
        let Some(interrupts) = self.0.get(unit as usize) else { return };
        if line == INPUT_COUNT && level {
            interrupts.raise_nmi();
        }
        if !INPUTS.contains(&line) {
            return;
        }
        // SSIP stays until software clears it (ACLINT specification, chapter 4).
        if level || line != SUPERVISOR_SOFTWARE {
            interrupts.set(line, level);
        }
    }

    fn reset(&self) {
        self.0.iter().for_each(|interrupts| interrupts.set(SUPERVISOR_SOFTWARE, false));
    }
}
