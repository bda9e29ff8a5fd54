//! `riscv.hart_array`: a row of equal harts and their interrupt inputs.

use std::sync::Arc;

use boardwright_devicetree::Node;
use boardwright_riscv::{HartConfig, Interrupts};
use qapi_runtime::QmpError;

use super::{INPUTS, SUPERVISOR_SOFTWARE, input_name, model, node};
use crate::board::MOST_HARTS;
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{
    Built, Defaults, Device, Driver, LineName, LineUse, Port, PortDirection, Units,
};
use crate::machine::{HartClock, HartPlan, Site};
use crate::qapi::RiscvHartArrayProperties;

/// Where harts start that nothing else gives a start.
const RESET_VECTOR: u64 = 0x1000;
/// Lines of a hart's first port.
const INPUT_COUNT: u32 = 64;
/// The port of the non-maskable interrupt, whose line follows those.
const NMI: &str = "nmi";

impl Defaults for RiscvHartArrayProperties {
    fn defaults() -> Self {
        Self {
            cpu_type: Some(model::DEFAULT.into()),
            cpu_types: None,
            num_harts: Some(1),
            num_cpus: None,
            hartid_base: Some(0),
            resetvec: Some(RESET_VECTOR),
        }
    }

    /// Without a CPU type the machine's is meant, and a reset vector that is given is stronger
    /// than the entry of the firmware: these two say something whatever their value is.
    fn normal(&self) -> Self {
        Self {
            num_harts: Some(self.count()).filter(|count| *count != 1),
            num_cpus: None,
            hartid_base: self.hartid_base.filter(|base| *base != 0),
            ..self.clone()
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

    /// The CPU of a hart.
    ///
    /// # Errors
    /// `cpu-type` names none.
    pub fn cpu(&self, unit: u32) -> Result<boardwright_riscv::CpuModel, QmpError> {
        model::parse(self.type_of(unit))
    }

    fn type_of(&self, unit: u32) -> &str {
        let own = self.cpu_types.as_ref().and_then(|types| types.get(unit as usize));
        own.map_or_else(|| self.type_of_all(), String::as_str)
    }

    fn type_of_all(&self) -> &str {
        self.cpu_type.as_deref().unwrap_or(model::DEFAULT)
    }

    /// Changes a property of one hart.
    pub(super) fn set_cpu(&mut self, unit: u32, property: &str, value: &str) {
        let mut types: Vec<String> =
            (0..self.count()).map(|unit| self.type_of(unit).into()).collect();
        if let Some(own) = types.get_mut(unit as usize) {
            *own = model::with_property(own, property, value);
        }
        // Harts that are equal again are said to be so.
        let first = types.first().cloned();
        if types.iter().all(|one| Some(one) == first.as_ref()) {
            (self.cpu_type, self.cpu_types) = (first, None);
        } else {
            self.cpu_types = Some(types);
        }
    }

    fn check_types(&self) -> Result<(), QmpError> {
        let Some(types) = &self.cpu_types else { return self.cpu(0).map(drop) };
        if types.len() != self.count() as usize {
            return Err(QmpError::generic(format!(
                "Parameter 'cpu-types' expects {} types, one a hart, not {}",
                self.count(),
                types.len()
            )));
        }
        let kind = model::type_name(self.type_of_all());
        for (unit, one) in (0..).zip(types) {
            self.cpu(unit)?;
            if model::type_name(one) != kind {
                return Err(QmpError::generic(format!(
                    "Parameter 'cpu-types' expects types of '{kind}' as 'cpu-type' is, not '{one}': use a hart array for each"
                )));
            }
        }
        Ok(())
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
        self.check_types()
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn units(&self) -> Option<Units> {
        let kind = model::type_name(self.type_of_all());
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

    fn reset_vector(&self) -> Option<u64> {
        self.resetvec
    }

    fn line_use(&self, port: &Port, line: u32) -> LineUse {
        match port.name {
            NMI => LineUse::Signal,
            _ if input_name(line).is_some() => LineUse::Request,
            _ => LineUse::Nothing,
        }
    }

    fn unit_node(&self, place: &Place<'_>, unit: u32) -> Option<Node> {
        Some(node::write(&self.cpu(unit).ok()?, self.hartid(unit), place.unit_phandle(unit)))
    }

    fn line_names(&self) -> &'static [LineName] {
        INPUTS
    }

    fn interrupt_specifier(&self, input: u32) -> Option<Vec<u32>> {
        Some(vec![input])
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let inputs: Vec<Arc<Interrupts>> =
            (0..self.count()).map(|_| Arc::new(Interrupts::new())).collect();
        let harts = (0..self.count())
            .zip(&inputs)
            .map(|(unit, interrupts)| {
                Ok(HartPlan {
                    config: HartConfig::new(
                        self.cpu(unit)?,
                        self.hartid(unit),
                        self.resetvec.unwrap_or(RESET_VECTOR),
                    ),
                    start: self.resetvec,
                    interrupts: interrupts.clone(),
                    clock: HartClock::new(site.clock.clone()),
                })
            })
            .collect::<Result<_, QmpError>>()?;
        Ok(Built { harts, ..Built::device(Arc::new(HartArray(inputs))) })
    }
}

struct HartArray(Vec<Arc<Interrupts>>);

impl Device for HartArray {
    fn saved(&self) -> Option<&dyn Saved> {
        // The harts are saved with their inputs.
        None
    }

    fn input(&self, unit: u32, line: u32, level: bool) {
        let Some(interrupts) = self.0.get(unit as usize) else { return };
        if line == INPUT_COUNT && level {
            interrupts.raise_nmi();
        }
        if input_name(line).is_none() {
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
