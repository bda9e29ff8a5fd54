//! CPU types as options spell them: `rv64`, `rv64-riscv-cpu`, `rv64,c=false,pmp=true`.

use boardwright_riscv::{CPU_MODELS, CpuModel, Extension, Mmu, Modes};
use qapi_runtime::QmpError;

/// The type of harts for which nothing is said.
pub const DEFAULT: &str = "rv64";
/// What QEMU's object types of CPUs end in.
const SUFFIX: &str = "-riscv-cpu";

/// What `g` is short for.
const GENERAL: [Extension; 7] = [
    Extension::I,
    Extension::M,
    Extension::A,
    Extension::F,
    Extension::D,
    Extension::Zicsr,
    Extension::Zifencei,
];

/// Properties that are on or off and no extensions.
const SWITCHES: &[&str] = &["misaligned", "mmu", "pmp", "s", "sv32", "sv39", "sv48", "sv57", "u"];

/// The CPU that a `cpu-type` names.
///
/// # Errors
/// There is no such type, no such property, or the result is no CPU.
pub fn parse(text: &str) -> Result<CpuModel, QmpError> {
    let mut parts = text.split(',');
    let name = parts.next().unwrap_or_default();
    let short = name.strip_suffix(SUFFIX).unwrap_or(name);
    let Some(found) = CpuModel::find(short) else {
        return Err(QmpError::generic(format!("unable to find CPU model '{name}'"))
            .with_nearest(short, CPU_MODELS.iter().map(|model| model.name)));
    };
    let mut model = found.clone();
    let mut choices = Vec::new();
    for property in parts {
        let (key, value) = property.split_once('=').unwrap_or((property, "on"));
        set(&mut model, &mut choices, key, value)?;
    }
    if model.modes != Modes::Msu {
        let supervisor = Extension::ALL.iter().filter(|e| e.is_supervisor_level());
        choices.splice(0..0, supervisor.map(|extension| (*extension, false))).for_each(drop);
    }
    model.extensions = model.extensions.with_choices(&choices, model.xlen);
    model.check().map_err(|error| QmpError::generic(format!("CPU type '{text}': {error}")))?;
    Ok(model)
}

/// The object type of a CPU: what `units` of a hart array are.
pub fn type_name(text: &str) -> String {
    let name = text.split(',').next().unwrap_or_default();
    format!("{}{SUFFIX}", name.strip_suffix(SUFFIX).unwrap_or(name))
}

fn set(
    model: &mut CpuModel,
    choices: &mut Vec<(Extension, bool)>,
    key: &str,
    value: &str,
) -> Result<(), QmpError> {
    if key == "num-pmp-regions" {
        let count = value.parse().ok().filter(|count| *count <= 64);
        model.pmp_regions = count.ok_or_else(|| expects(key, "a number from 0 to 64", value))?;
        return Ok(());
    }
    if key == "pmp-granularity" {
        let bytes = value.parse().ok().filter(|bytes: &u32| *bytes >= 4 && bytes.is_power_of_two());
        model.pmp_granularity =
            bytes.ok_or_else(|| expects(key, "a power of two from 4 up", value))?;
        return Ok(());
    }
    let extension = Extension::find(key.strip_prefix("x-").unwrap_or(key));
    if !SWITCHES.contains(&key) && extension.is_none() && key != "g" {
        return Err(QmpError::generic(format!("CPU property '{key}' not found")));
    }
    let on = match value {
        "on" | "true" | "True" | "yes" => true,
        "off" | "false" | "False" | "no" => false,
        _ => return Err(expects(key, "'on' or 'off'", value)),
    };
    match key {
        "pmp" if !on => model.pmp_regions = 0,
        "pmp" if model.pmp_regions == 0 => model.pmp_regions = 16,
        "pmp" => {}
        "mmu" if on => {
            if model.mmu == Mmu::Bare {
                model.mmu = if model.xlen.bits() == 32 { Mmu::Sv32 } else { Mmu::Sv48 };
            }
        }
        "mmu" => model.mmu = Mmu::Bare,
        "misaligned" => model.misaligned = on,
        // QEMU's properties for the largest address-translation mode.
        "sv32" | "sv39" | "sv48" | "sv57" if on => {
            model.mmu = match key {
                "sv32" => Mmu::Sv32,
                "sv39" => Mmu::Sv39,
                "sv48" => Mmu::Sv48,
                _ => Mmu::Sv57,
            };
        }
        "s" if on => model.modes = Modes::Msu,
        "s" if model.modes == Modes::Msu => {
            model.modes = Modes::Mu;
            model.mmu = Mmu::Bare;
        }
        "u" if on => {
            if model.modes == Modes::M {
                model.modes = Modes::Mu;
            }
        }
        "u" => {
            model.modes = Modes::M;
            model.mmu = Mmu::Bare;
        }
        "s" => {}
        // A shorthand: what is named itself counts more.
        "g" if on => {
            choices.splice(0..0, GENERAL.map(|extension| (extension, true))).for_each(drop)
        }
        "g" => {}
        // None for `sv39=off` of a hart that has another mode.
        _ => choices.extend(extension.map(|extension| (extension, on))),
    }
    Ok(())
}

fn expects(key: &str, what: &str, value: &str) -> QmpError {
    QmpError::generic(format!("CPU property '{key}' expects {what}, not '{value}'"))
}
