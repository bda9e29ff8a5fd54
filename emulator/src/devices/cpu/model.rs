//! CPU types as options spell them: `rv64`, `rv64-riscv-cpu`, `rv64,c=false,pmp=true`. What the
//! properties are, the crate of the harts knows.

use boardwright_riscv::{CPU_MODELS, CpuModel, CpuProperty, CpuValue, PropertyError};
use qapi_runtime::{QmpError, Value};

/// The type of harts for which nothing is said.
pub const DEFAULT: &str = "rv64";
/// What QEMU's object types of CPUs end in.
const SUFFIX: &str = "-riscv-cpu";

/// The CPU that a `cpu-type` names.
///
/// # Errors
/// There is no such type, no such property, or the result is no CPU.
pub fn parse(text: &str) -> Result<CpuModel, QmpError> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let found = find(name).ok_or_else(|| {
        QmpError::generic(format!("unable to find CPU model '{name}'"))
            .with_nearest(short(name), CPU_MODELS.iter().map(|model| model.name))
    })?;
    let properties = parts.map(|property| property.split_once('=').unwrap_or((property, "on")));
    found.with_properties(properties).map_err(|error| explain(text, &error))
}

/// The type of a name, which may be that of its object type.
pub fn find(name: &str) -> Option<&'static CpuModel> {
    CpuModel::find(short(name))
}

fn short(name: &str) -> &str {
    name.strip_suffix(SUFFIX).unwrap_or(name)
}

/// The object type of a CPU: what `units` of a hart array are.
pub fn type_name(text: &str) -> String {
    let name = text.split(',').next().unwrap_or_default();
    format!("{}{SUFFIX}", short(name))
}

/// The text of a CPU with one property changed.
pub fn with_property(text: &str, property: &str, value: &str) -> String {
    let others = text.split(',').enumerate().filter(|(index, part)| {
        let said = part.split_once('=').map_or(*part, |(said, _)| said);
        *index == 0 || usual(said) != usual(property)
    });
    let mut parts: Vec<&str> = others.map(|(_, part)| part).collect();
    let setting = format!("{}={value}", usual(property));
    parts.push(&setting);
    parts.join(",")
}

/// The usual name of a property that may have been given by another.
fn usual(name: &str) -> &str {
    CpuProperty::find(name).map_or(name, |property| property.name())
}

/// What is wrong with the properties of the CPU that a text describes.
pub fn explain(text: &str, error: &PropertyError) -> QmpError {
    match error {
        PropertyError::Unknown(name) => QmpError::generic(error.to_string())
            .with_nearest(name, CpuProperty::all().map(CpuProperty::name)),
        PropertyError::Value { .. } => QmpError::generic(error.to_string()),
        PropertyError::Conflict(_) => QmpError::generic(format!("CPU type '{text}': {error}")),
    }
}

/// The value of a property as clients read it.
pub fn value(property: CpuProperty, cpu: &CpuModel) -> Value {
    match property.get(cpu) {
        CpuValue::Switch(on) => on.into(),
        CpuValue::Number(number) => number.into(),
        CpuValue::Word(word) => word.into(),
    }
}
