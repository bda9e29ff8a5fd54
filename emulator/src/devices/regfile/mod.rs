//! `regfile`: a stub device whose registers are data: a list of the schema's own
//! (`qapi/devices-regfile.json`), a JSON file with such a list, or a peripheral of a CMSIS-SVD file,
//! whose registers a list can change. It stands for what is not modelled, so that firmware gets
//! past it: reset values, access kinds, statuses that become ready after some reads, interrupts.
//!
//! The description is read once, when the device is added ([`Driver::resolve`]): a board needs to
//! know the size of the region and the number of outputs, and a file that is missing or wrong is to
//! be told there. The board keeps the properties as they were given, so that a dump names the file.

mod access;
mod chip;
mod description;
mod json;
mod node;
mod svd;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;

use self::description::{Description, Layout};
use crate::backends::char::Plain;
use crate::devices::binding::Binding;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Port, Region};
use crate::machine::Site;
use crate::qapi::RegfileProperties;

/// The largest description that is read: ten times the largest SVD files of vendors.
const MOST_BYTES: u64 = 256 << 20;

impl Defaults for RegfileProperties {
    fn defaults() -> Self {
        Self { file: None, peripheral: None, registers: None, size: None, compatible: None }
    }
}

impl RegfileProperties {
    fn understood(&self) -> Result<Regfile, String> {
        let mut description = match (&self.file, &self.registers) {
            (Some(path), _) => read(path, self.peripheral.as_deref())?,
            (None, Some(_)) => Description::default(),
            (None, None) => {
                return Err(
                    "Parameter 'file' is missing: give a description of the registers, JSON or SVD, or a list 'registers'"
                        .into(),
                );
            }
        };
        if self.peripheral.is_some() && self.file.is_none() {
            return Err(
                "Parameter 'peripheral' chooses from an SVD file: give 'file' as well".into()
            );
        }
        for (index, register) in self.registers.iter().flatten().enumerate() {
            description.apply(register, &format!("registers[{index}]"))?;
        }
        let remarks = std::mem::take(&mut description.remarks);
        if self.size == Some(0) {
            return Err("Parameter 'size' expects a number above 0".into());
        }
        let layout = Arc::new(description.layout(self.size)?);
        Ok(Regfile { given: self.clone(), layout, remarks })
    }
}

/// Reads a description, whatever its form.
fn read(path: &str, peripheral: Option<&str>) -> Result<Description, String> {
    let text = text_of(path)?;
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return svd::read(path, &text, peripheral);
    }
    match peripheral {
        None => json::read(path, &text),
        Some(_) => Err(format!("{path}: 'peripheral' chooses from an SVD file, and this is none")),
    }
}

fn text_of(path: &str) -> Result<String, String> {
    use std::io::Read;
    let cannot =
        |error: &std::io::Error| format!("{path}: cannot read the description: {}", Plain(error));
    let file = std::fs::File::open(path).map_err(|error| cannot(&error))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!(
            "{path}: a description can have {} MiB, and this has more",
            MOST_BYTES >> 20
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{path}: the description is no text in UTF-8 (byte {at})")
    })
}

/// What is not understood makes no device; [`Driver::resolve`] gives the one that is.
impl Driver for RegfileProperties {
    fn resolve(&self) -> Result<Option<Arc<dyn Driver>>, QmpError> {
        let understood = self.understood().map_err(QmpError::generic)?;
        Ok(Some(Arc::new(understood)))
    }

    fn bindings() -> &'static [Binding] {
        node::BINDINGS
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        self.understood().map_err(QmpError::generic)?.build(site)
    }
}

/// The driver with its description read.
struct Regfile {
    given: RegfileProperties,
    layout: Arc<Layout>,
    remarks: Vec<String>,
}

impl Driver for Regfile {
    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("registers", self.layout.size)]
    }

    fn ports(&self) -> Vec<Port> {
        match self.layout.lines {
            0 => Vec::new(),
            lines => vec![Port::irqs(lines)],
        }
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        node::write(&self.given, place)
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let stub = chip::Stub::new(self.layout.clone(), site.lines.clone(), site.block());
        Ok(Built::device(Arc::new(stub)))
    }
}
