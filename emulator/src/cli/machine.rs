//! The machine: what `-M`, `-cpu`, `-smp`, `-m`, `-kernel` and the like say together becomes one
//! `machine-set`, and what is said of accelerators one `accel-set`.

use qapi_runtime::{Map, Value};

use crate::door::Step;
use crate::qapi::Accelerator;

use super::error::CliError;
use super::invocation::{Ask, Given, is_help};
use super::keyval;

/// What has been said about the machine so far.
#[derive(Debug, Default)]
pub(super) struct MachineParts {
    /// The type, and the option that gave it.
    kind: Option<(String, Step)>,
    /// The other members of `machine-set`; what is said later replaces what was said before.
    members: Map,
    /// The first option that makes no sense without a machine.
    dependent: Option<String>,
    /// The error for a `-M` that has properties only, unless another one names the type.
    untyped: Option<CliError>,
    /// The accelerators to try, in order, with further properties.
    accelerators: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    name: String,
    step: Step,
    /// The error if this one is not known and no other is.
    refusal: CliError,
}

impl MachineParts {
    /// `-M TYPE,PROP=VALUE,accel=NAME:NAME`
    pub(super) fn machine(&mut self, given: Given<'_>) -> Result<Option<Ask>, CliError> {
        let mut kind = None;
        let mut asked = false;
        for item in keyval::items_with("type", given.value) {
            if item.value.is_none() && is_help(&item.key) {
                asked = true;
                continue;
            }
            let (key, value) = item.setting();
            match key.as_str() {
                "type" => kind = Some(value),
                "accel" => self.candidates(given, &value, &Map::new()),
                _ => given.put(&mut self.members, &key, value.into())?,
            }
        }
        match kind {
            Some(kind) if is_help(&kind) => return Ok(Some(Ask::MachineHelp)),
            Some(kind) if asked => return Ok(Some(Ask::MachineProperties(kind))),
            Some(kind) => self.kind = Some((kind, given.step("machine-set", Map::new()))),
            // Properties may come in an option of their own, before or after.
            None => {
                let problem = "names no machine: expected TYPE[,PROP=VALUE...]";
                self.untyped.get_or_insert_with(|| given.error(problem));
            }
        }
        Ok(None)
    }

    /// An option that is a member of `machine-set` as it stands.
    pub(super) fn member(&mut self, given: Given<'_>, key: &str) {
        self.set(given, key, given.value.into());
    }

    /// `-fw_cfg`: one more file.
    pub(super) fn fw_cfg(&mut self, given: Given<'_>) -> Result<(), CliError> {
        const FILES: &str = "fw-cfg";
        let mut file = Map::new();
        for item in keyval::items_with("name", given.value) {
            let (key, value) = item.setting();
            given.put(&mut file, &key, value.into())?;
        }
        let mut files = match self.members.remove(FILES) {
            Some(Value::Array(files)) => files,
            _ => Vec::new(),
        };
        files.push(Value::Object(file));
        self.set(given, FILES, Value::Array(files));
        Ok(())
    }

    /// `-smp`
    pub(super) fn smp(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let cpus = cpus(given)?;
        self.set(given, "smp", Value::Object(Map::from_iter([("cpus".into(), cpus.into())])));
        Ok(())
    }

    /// `-m`
    pub(super) fn memory(&mut self, given: Given<'_>) -> Result<(), CliError> {
        for item in keyval::items_with("size", given.value) {
            match (item.key.as_str(), item.value) {
                ("size", Some(text)) => {
                    let size = size(&text).ok_or_else(|| {
                        given.error(format!(
                            "'{text}' is no size: expected MiB, or a suffix, as in 128, 64K or 1G"
                        ))
                    })?;
                    self.set(given, "memory", size.into());
                }
                (key, _) => {
                    return Err(given.error(format!(
                        "'{key}' is not supported, memory cannot be plugged: expected -m SIZE"
                    )));
                }
            }
        }
        Ok(())
    }

    /// `-accel NAME:NAME,PROP=VALUE`
    pub(super) fn accel(&mut self, given: Given<'_>) -> Result<Option<Ask>, CliError> {
        let mut names = String::new();
        let mut properties = Map::new();
        for item in keyval::items_with("accel", given.value) {
            let (key, value) = item.setting();
            if key == "accel" {
                names = value;
            } else {
                given.put(&mut properties, &key, value.into())?;
            }
        }
        if is_help(&names) {
            return Ok(Some(Ask::AccelHelp));
        }
        self.dependent(given);
        self.candidates(given, &names, &properties);
        Ok(None)
    }

    /// `machine-set` and `accel-set`, with warnings about accelerators passed over.
    pub(super) fn finish(
        self,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<Step>, Option<Step>), CliError> {
        let Some((kind, mut machine)) = self.kind else {
            let needing = self.dependent.map(|option| CliError::NeedsMachine { option });
            return self.untyped.or(needing).map_or(Ok((None, None)), Err);
        };
        machine.command.arguments.insert("type".into(), kind.into());
        machine.command.arguments.extend(self.members);
        Ok((Some(machine), choose(self.accelerators, warnings)?))
    }

    /// A member of `machine-set`.
    pub(super) fn set(&mut self, given: Given<'_>, key: &str, value: Value) {
        self.dependent(given);
        self.members.insert(key.into(), value);
    }

    fn dependent(&mut self, given: Given<'_>) {
        self.dependent.get_or_insert_with(|| given.option.into());
    }

    fn candidates(&mut self, given: Given<'_>, names: &str, properties: &Map) {
        for name in names.split(':') {
            let mut arguments = Map::from_iter([("accel".into(), name.into())]);
            arguments.extend(properties.clone());
            let known: Vec<&str> = Accelerator::ALL.iter().map(|known| known.as_str()).collect();
            let problem = format!("invalid accelerator {name}: expected {}", known.join(" or "));
            self.accelerators.push(Candidate {
                name: name.into(),
                step: given.step("accel-set", arguments),
                refusal: given.error(problem),
            });
        }
    }
}

/// The first accelerator that this program has.
fn choose(
    candidates: Vec<Candidate>,
    warnings: &mut Vec<String>,
) -> Result<Option<Step>, CliError> {
    let known = |name: &str| Accelerator::ALL.iter().any(|known| known.as_str() == name);
    let mut refusal = None;
    for candidate in candidates {
        if known(&candidate.name) {
            if refusal.is_some() {
                warnings.push(format!("falling back to {}", candidate.name));
            }
            return Ok(Some(candidate.step));
        }
        warnings.push(format!("invalid accelerator {}", candidate.name));
        refusal.get_or_insert(candidate.refusal);
    }
    refusal.map_or(Ok(None), Err)
}

/// The number of harts. Where only a topology is given, it is the product of its levels, as in
/// QEMU; the topology itself has no counterpart on a board.
fn cpus(given: Given<'_>) -> Result<u32, CliError> {
    const LEVELS: &[&str] =
        &["drawers", "books", "sockets", "dies", "clusters", "modules", "cores", "threads"];
    let (mut cpus, mut maximum, mut product) = (None, None, None);
    for item in keyval::items_with("cpus", given.value) {
        let text = item.value.unwrap_or_default();
        let number = text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(|| {
            given.error(format!("'{text}' is no number of harts: expected N or cpus=N"))
        })?;
        match item.key.as_str() {
            "cpus" => cpus = Some(number),
            "maxcpus" => maximum = Some(number),
            level if LEVELS.contains(&level) => {
                product = Some(u32::saturating_mul(product.unwrap_or(1), number));
            }
            other => {
                return Err(given.error(format!(
                    "there is no '{other}': expected cpus, maxcpus, sockets, cores or threads"
                )));
            }
        }
    }
    let number = cpus.or(product).or(maximum).unwrap_or(1);
    match maximum {
        Some(maximum) if maximum < number => Err(given
            .error(format!("maxcpus={maximum} is less than {number} harts: leave maxcpus out"))),
        _ => Ok(number),
    }
}

/// A size as `-m` has it: MiB unless a suffix says otherwise.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let suffix = suffix.to_ascii_lowercase();
    let shift = match suffix.strip_suffix("ib").unwrap_or(&suffix) {
        "b" => 0,
        "k" => 10,
        "" | "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}
