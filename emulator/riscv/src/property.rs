//! What can be said of a CPU type, by name and value: `rv64,zba=off,num-pmp-regions=8`.
//!
//! Every extension is a property, and there are those of the table below. The names are those of
//! QEMU's properties, and the spellings of older versions of it are understood.

use std::borrow::Cow;
use std::fmt;

use crate::config::{ConfigError, Mmu, Modes, PrivilegedSpec, Xlen};
use crate::cpu::CpuModel;
use crate::extension::Extension;

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpuValue {
    /// On or off.
    Switch(bool),
    /// A number.
    Number(u64),
    /// One of several words.
    Word(&'static str),
}

impl fmt::Display for CpuValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CpuValue::Switch(on) => f.write_str(if *on { "on" } else { "off" }),
            CpuValue::Number(number) => write!(f, "{number}"),
            CpuValue::Word(word) => f.write_str(word),
        }
    }
}

/// Why a property cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// There is none of that name.
    #[error("CPU property '{0}' not found")]
    Unknown(String),
    /// The value is not of its kind.
    #[error("CPU property '{name}' expects {expected}, not '{value}'")]
    Value {
        /// The property.
        name: String,
        /// What it takes.
        expected: Cow<'static, str>,
        /// What it was given.
        value: String,
    },
    /// The properties do not go together.
    #[error(transparent)]
    Conflict(#[from] ConfigError),
}

/// A property.
#[derive(Debug, Clone, Copy)]
pub enum CpuProperty {
    /// Whether there is an extension.
    Extension(Extension),
    /// Short for several extensions: says nothing when off.
    General,
    /// Anything else.
    Feature(&'static Feature),
}

/// A property that is no extension.
#[derive(Debug)]
pub struct Feature {
    name: &'static str,
    kind: Kind,
    get: fn(&CpuModel) -> CpuValue,
    /// Is only called with a value of the kind.
    set: fn(&mut CpuModel, &CpuValue),
}

/// What values a property takes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Switch,
    /// From, to.
    Number(u64, u64),
    /// A power of two, from, to.
    Power(u64, u64),
    Word(&'static [&'static str]),
}

/// What `g` is short for.
const GENERAL: &[Extension] = {
    use Extension::{A, D, F, I, M, Zicsr, Zifencei};
    &[I, M, A, F, D, Zicsr, Zifencei]
};

/// Names of older versions of QEMU, and what they have become.
const OLD_NAMES: &[(&str, &str)] = &[("Counters", "zicntr")];

const PRIVILEGED: &[&str] = &["v1.10.0", "v1.11.0", "v1.12.0"];
const UNPRIVILEGED: &[&str] = &["20191213"];
const VECTOR: &[&str] = &["v1.0"];

/// A row of the table for a property that is on or off.
const fn switch(
    name: &'static str,
    get: fn(&CpuModel) -> CpuValue,
    set: fn(&mut CpuModel, &CpuValue),
) -> Feature {
    Feature { name, kind: Kind::Switch, get, set }
}

const FEATURES: &[Feature] = &[
    Feature {
        name: "cbom_blocksize",
        kind: Kind::Power(8, 4096),
        get: |cpu| CpuValue::Number(cpu.cbom_block.into()),
        set: |cpu, value| cpu.cbom_block = number(value) as u16,
    },
    Feature {
        name: "cboz_blocksize",
        kind: Kind::Power(8, 4096),
        get: |cpu| CpuValue::Number(cpu.cboz_block.into()),
        set: |cpu, value| cpu.cboz_block = number(value) as u16,
    },
    Feature {
        name: "marchid",
        kind: Kind::Number(0, u64::MAX),
        get: |cpu| CpuValue::Number(cpu.marchid),
        set: |cpu, value| cpu.marchid = number(value),
    },
    Feature {
        name: "mimpid",
        kind: Kind::Number(0, u64::MAX),
        get: |cpu| CpuValue::Number(cpu.mimpid),
        set: |cpu, value| cpu.mimpid = number(value),
    },
    switch(
        "misaligned",
        |cpu| CpuValue::Switch(cpu.misaligned),
        |cpu, value| cpu.misaligned = on(value),
    ),
    switch(
        "mmu",
        |cpu| CpuValue::Switch(cpu.mmu != Mmu::Bare),
        |cpu, value| match (on(value), cpu.mmu) {
            (true, Mmu::Bare) => cpu.mmu = narrowest_usual(cpu.xlen),
            (true, _) => {}
            (false, _) => cpu.mmu = Mmu::Bare,
        },
    ),
    Feature {
        name: "mvendorid",
        kind: Kind::Number(0, u32::MAX as u64),
        get: |cpu| CpuValue::Number(cpu.mvendorid.into()),
        set: |cpu, value| cpu.mvendorid = number(value) as u32,
    },
    Feature {
        name: "num-pmp-regions",
        kind: Kind::Number(0, 64),
        get: |cpu| CpuValue::Number(cpu.pmp_regions.into()),
        set: |cpu, value| cpu.pmp_regions = number(value) as u8,
    },
    switch(
        "pmp",
        |cpu| CpuValue::Switch(cpu.pmp_regions > 0),
        |cpu, value| match (on(value), cpu.pmp_regions) {
            (true, 0) => cpu.pmp_regions = 16,
            (true, _) => {}
            (false, _) => cpu.pmp_regions = 0,
        },
    ),
    Feature {
        name: "pmp-granularity",
        kind: Kind::Power(4, 1 << 31),
        get: |cpu| CpuValue::Number(cpu.pmp_granularity.into()),
        set: |cpu, value| cpu.pmp_granularity = number(value) as u32,
    },
    Feature {
        name: "priv_spec",
        kind: Kind::Word(PRIVILEGED),
        get: |cpu| CpuValue::Word(PRIVILEGED[cpu.privileged as usize]),
        set: |cpu, value| {
            cpu.privileged = match value {
                CpuValue::Word("v1.10.0") => PrivilegedSpec::V1_10,
                CpuValue::Word("v1.11.0") => PrivilegedSpec::V1_11,
                _ => PrivilegedSpec::V1_12,
            }
        },
    },
    Feature {
        name: "rnmi-exception-vector",
        kind: Kind::Number(0, u64::MAX),
        get: |cpu| CpuValue::Number(cpu.nmi_exception_vector),
        set: |cpu, value| cpu.nmi_exception_vector = number(value),
    },
    Feature {
        name: "rnmi-interrupt-vector",
        kind: Kind::Number(0, u64::MAX),
        get: |cpu| CpuValue::Number(cpu.nmi_vector),
        set: |cpu, value| cpu.nmi_vector = number(value),
    },
    switch(
        "s",
        |cpu| CpuValue::Switch(cpu.modes == Modes::Msu),
        |cpu, value| match (on(value), cpu.modes) {
            (true, _) => cpu.modes = Modes::Msu,
            (false, Modes::Msu) => (cpu.modes, cpu.mmu) = (Modes::Mu, Mmu::Bare),
            (false, _) => {}
        },
    ),
    switch(
        "sv32",
        |cpu| has_scheme(cpu, Mmu::Sv32),
        |cpu, value| set_scheme(cpu, Mmu::Sv32, value),
    ),
    switch(
        "sv39",
        |cpu| has_scheme(cpu, Mmu::Sv39),
        |cpu, value| set_scheme(cpu, Mmu::Sv39, value),
    ),
    switch(
        "sv48",
        |cpu| has_scheme(cpu, Mmu::Sv48),
        |cpu, value| set_scheme(cpu, Mmu::Sv48, value),
    ),
    switch(
        "sv57",
        |cpu| has_scheme(cpu, Mmu::Sv57),
        |cpu, value| set_scheme(cpu, Mmu::Sv57, value),
    ),
    switch(
        "u",
        |cpu| CpuValue::Switch(cpu.modes != Modes::M),
        |cpu, value| match (on(value), cpu.modes) {
            (true, Modes::M) => cpu.modes = Modes::Mu,
            (true, _) => {}
            (false, _) => (cpu.modes, cpu.mmu) = (Modes::M, Mmu::Bare),
        },
    ),
    // There is one version of these.
    Feature {
        name: "user_spec",
        kind: Kind::Word(UNPRIVILEGED),
        get: |_| CpuValue::Word(UNPRIVILEGED[0]),
        set: |_, _| {},
    },
    Feature {
        name: "vext_spec",
        kind: Kind::Word(VECTOR),
        get: |_| CpuValue::Word(VECTOR[0]),
        set: |_, _| {},
    },
];

fn has_scheme(cpu: &CpuModel, mmu: Mmu) -> CpuValue {
    let of_width = (mmu == Mmu::Sv32) == (cpu.xlen == Xlen::Rv32);
    CpuValue::Switch(of_width && cpu.mmu >= mmu)
}

/// On: this is the widest one. Off: the next narrower one is, if there was one as wide as this.
fn set_scheme(cpu: &mut CpuModel, mmu: Mmu, value: &CpuValue) {
    if on(value) {
        cpu.mmu = mmu;
    } else if has_scheme(cpu, mmu) == CpuValue::Switch(true) {
        cpu.mmu = match mmu {
            Mmu::Sv57 => Mmu::Sv48,
            Mmu::Sv48 => Mmu::Sv39,
            _ => Mmu::Bare,
        };
    }
}

fn narrowest_usual(xlen: Xlen) -> Mmu {
    match xlen {
        Xlen::Rv32 => Mmu::Sv32,
        Xlen::Rv64 => Mmu::Sv48,
    }
}

fn on(value: &CpuValue) -> bool {
    *value == CpuValue::Switch(true)
}

fn number(value: &CpuValue) -> u64 {
    match value {
        CpuValue::Number(number) => *number,
        _ => 0,
    }
}

impl Kind {
    fn expected(self) -> Cow<'static, str> {
        match self {
            Kind::Switch => "'on' or 'off'".into(),
            Kind::Number(0, u64::MAX) => "a number".into(),
            Kind::Number(from, to) => format!("a number from {from} to {to}").into(),
            Kind::Power(from, to) => format!("a power of two from {from} to {to}").into(),
            Kind::Word(words) => format!("one of {}", words.join(", ")).into(),
        }
    }

    fn parse(self, text: &str) -> Option<CpuValue> {
        let number = || match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        match self {
            Kind::Switch => match text {
                "on" | "true" | "True" | "yes" => Some(CpuValue::Switch(true)),
                "off" | "false" | "False" | "no" => Some(CpuValue::Switch(false)),
                _ => None,
            },
            Kind::Number(from, to) => {
                number().filter(|n| (from..=to).contains(n)).map(CpuValue::Number)
            }
            Kind::Power(from, to) => number()
                .filter(|n| n.is_power_of_two() && (from..=to).contains(n))
                .map(CpuValue::Number),
            Kind::Word(words) => {
                words.iter().find(|word| **word == text).map(|word| CpuValue::Word(word))
            }
        }
    }
}

impl CpuProperty {
    /// All of them, extensions first.
    pub fn all() -> impl Iterator<Item = CpuProperty> {
        let extensions = Extension::ALL.iter().copied().map(CpuProperty::Extension);
        let features = FEATURES.iter().map(CpuProperty::Feature);
        extensions.chain([CpuProperty::General]).chain(features)
    }

    /// The property of a name, which may be one of an older version of QEMU: with `x-` before it,
    /// or beginning with a capital.
    pub fn find(name: &str) -> Option<CpuProperty> {
        let exact = |name: &str| CpuProperty::all().find(|property| property.name() == name);
        let old = || OLD_NAMES.iter().find(|(old, _)| *old == name).and_then(|(_, new)| exact(new));
        let experimental = || {
            let extension = Extension::find(name.strip_prefix("x-")?)?;
            Some(CpuProperty::Extension(extension))
        };
        let capital = || {
            let rest = name.strip_prefix('Z').or_else(|| name.strip_prefix('S'))?;
            let lower = name[..1].to_ascii_lowercase() + rest;
            Extension::find(&lower).map(CpuProperty::Extension)
        };
        exact(name).or_else(old).or_else(experimental).or_else(capital)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            CpuProperty::Extension(extension) => extension.name(),
            CpuProperty::General => "g",
            CpuProperty::Feature(feature) => feature.name,
        }
    }

    fn kind(self) -> Kind {
        match self {
            CpuProperty::Extension(_) | CpuProperty::General => Kind::Switch,
            CpuProperty::Feature(feature) => feature.kind,
        }
    }

    /// The QAPI type of the value.
    pub fn type_name(self) -> &'static str {
        match self.kind() {
            Kind::Switch => "bool",
            Kind::Number(..) | Kind::Power(..) => "uint64",
            Kind::Word(_) => "str",
        }
    }

    /// The value that a CPU has.
    pub fn get(self, cpu: &CpuModel) -> CpuValue {
        match self {
            CpuProperty::Extension(extension) => CpuValue::Switch(cpu.extensions.has(extension)),
            CpuProperty::General => {
                CpuValue::Switch(GENERAL.iter().all(|part| cpu.extensions.has(*part)))
            }
            CpuProperty::Feature(feature) => (feature.get)(cpu),
        }
    }
}

impl CpuModel {
    /// The CPU with some properties set, in order. What an extension brings along or takes with it,
    /// a property named here overrules, in whichever order.
    ///
    /// # Errors
    /// There is no such property, a value is not of its kind, or the whole describes no CPU.
    pub fn with_properties<'a>(
        &self,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<CpuModel, PropertyError> {
        let mut cpu = self.clone();
        let (mut general, mut choices, mut schemes) = (Vec::new(), Vec::new(), Vec::new());
        for (name, text) in properties {
            let property =
                CpuProperty::find(name).ok_or_else(|| PropertyError::Unknown(name.into()))?;
            let kind = property.kind();
            let value = kind.parse(text).ok_or_else(|| PropertyError::Value {
                name: name.into(),
                expected: kind.expected(),
                value: text.into(),
            })?;
            match property {
                CpuProperty::Extension(extension) => choices.push((extension, on(&value))),
                CpuProperty::General if on(&value) => {
                    general.extend(GENERAL.iter().map(|extension| (*extension, true)));
                }
                CpuProperty::General => {}
                CpuProperty::Feature(feature) => {
                    (feature.set)(&mut cpu, &value);
                    if feature.name.starts_with("sv") && on(&value) {
                        schemes.push(cpu.mmu);
                    }
                }
            }
        }
        // Of several schemes, all of which are to be there, the widest.
        cpu.mmu = schemes.into_iter().chain([cpu.mmu]).max().unwrap_or(cpu.mmu);
        general.append(&mut choices);
        cpu.choose(&general);
        cpu.check()?;
        Ok(cpu)
    }

    /// Puts extensions in and takes them out. Those that only supervisor mode could use, and that
    /// nobody has named, go without it.
    fn choose(&mut self, choices: &[(Extension, bool)]) {
        let without = Extension::ALL.iter().filter(|_| self.modes != Modes::Msu);
        let mut all: Vec<_> = without
            .filter(|extension| extension.is_supervisor_level())
            .map(|extension| (*extension, false))
            .collect();
        all.extend(choices);
        self.extensions = self.extensions.with_choices(&all, self.xlen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::CPU_MODELS;

    /// A CPU as an option says it.
    fn cpu(text: &str) -> Result<CpuModel, String> {
        let mut parts = text.split(',');
        let model = CpuModel::find(parts.next().unwrap()).unwrap();
        model
            .with_properties(parts.map(|part| part.split_once('=').unwrap()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_read_describes_the_cpu() {
        for model in CPU_MODELS {
            let texts: Vec<_> =
                CpuProperty::all().map(|p| (p.name(), p.get(model).to_string())).collect();
            let said = texts.iter().map(|(name, text)| (*name, text.as_str()));
            let base = if model.xlen == Xlen::Rv32 { "rv32" } else { "rv64" };
            let other = CpuModel { name: model.name, stable: model.stable, ..other(base) };
            assert_eq!(model.with_properties(said.clone()).as_ref(), Ok(model));
            assert_eq!(other.with_properties(said).as_ref(), Ok(model));
        }
        for property in CpuProperty::all() {
            assert_eq!(CpuProperty::find(property.name()).unwrap().name(), property.name());
        }
    }

    fn other(name: &str) -> CpuModel {
        CpuModel::find(name).unwrap().clone()
    }

    #[test]
    fn values_become_what_the_hart_is_made_of() {
        let get = |text: &str, name: &str| {
            CpuProperty::find(name).unwrap().get(&cpu(text).unwrap()).to_string()
        };
        for (text, name, value) in [
            ("rv64,zba=off", "zba", "off"),
            ("rv64,x-zbkb=true", "zbkb", "on"),
            ("rv64,Zifencei=off", "zifencei", "off"),
            ("rv64,Counters=off", "zicntr", "off"),
            ("rv64,x-b=on", "b", "on"),
            ("rv64i,m=on", "zmmul", "on"),
            ("rv64,c=off", "zca", "off"),
            ("rv64,zca=on,c=off", "zca", "on"),
            ("rv64,a=off", "zawrs", "off"),
            ("rv64,pmp=off", "num-pmp-regions", "0"),
            ("rv64,num-pmp-regions=0x8", "num-pmp-regions", "8"),
            ("rv64,priv_spec=v1.11.0", "priv_spec", "v1.11.0"),
            ("rv64,mvendorid=0x489", "mvendorid", "1161"),
            ("rv64,sv57=on,sv39=on", "sv57", "on"),
            ("rv64,sv39=on", "sv48", "off"),
            ("rv64,sv48=off", "sv39", "on"),
            ("rv64,s=off", "svadu", "off"),
            ("rv64,s=off", "mmu", "off"),
            (
                "rv64,i=true,g=false,m=true,a=true,c=true,s=false,u=false,x-b=true,pmp=true,mmu=false",
                "b",
                "on",
            ),
        ] {
            assert_eq!(get(text, name), value, "{text} {name}");
        }
    }

    #[test]
    fn conflicts_say_what_to_do() {
        for (text, error) in [
            ("rv64,e=on", "a hart has exactly one of the base instruction sets 'i' and 'e'"),
            ("rv64i,zihpm=on,zicsr=off", "'zihpm' needs 'zicsr': set zicsr=on or zihpm=off"),
            ("rv64,m=on,zmmul=off", "'m' includes 'zmmul': set zmmul=on or m=off"),
            ("rv64,zaamo=off,zabha=on,a=off", "'zabha' needs 'zaamo': set zaamo=on or zabha=off"),
            ("rv64,v=on,d=off", "'v' needs 'd': set d=on or v=off"),
            ("rv64,v=on", "'v' is not modelled yet: leave it out or set v=off"),
            ("rv64,f=off", "'d' needs 'f': set f=on or d=off"),
            ("rv64i,sstc=on", "'sstc' needs supervisor mode: set s=on or sstc=off"),
            ("rv32,svnapot=on", "'svnapot' does not exist at this register width: set svnapot=off"),
            (
                "rv64,zic64b=on,cboz_blocksize=32",
                "'zic64b' needs cache blocks of 64 bytes: set cbom_blocksize=64 and cboz_blocksize=64, or zic64b=off",
            ),
            (
                "rv64,num-pmp-regions=65",
                "CPU property 'num-pmp-regions' expects a number from 0 to 64, not '65'",
            ),
            (
                "rv64,cboz_blocksize=48",
                "CPU property 'cboz_blocksize' expects a power of two from 8 to 4096, not '48'",
            ),
            (
                "rv64,priv_spec=v9",
                "CPU property 'priv_spec' expects one of v1.10.0, v1.11.0, v1.12.0, not 'v9'",
            ),
            ("rv64,sparkle=on", "CPU property 'sparkle' not found"),
            ("rv64,zba=perhaps", "CPU property 'zba' expects 'on' or 'off', not 'perhaps'"),
        ] {
            assert_eq!(cpu(text).map(|cpu| cpu.isa_string()), Err(error.to_owned()), "{text}");
        }
    }
}
