//! Verb `sweep`: firmware on every variant of a board.
//!
//! A script with parameters is a family of boards. Each combination of their values is a machine of
//! its own in this process, with nothing on its inputs and its first serial port kept in memory; it
//! runs until the guest ends it or the budget of instructions is used up.

mod report;
mod variant;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::{Arguments, Flag, Run, Verb};
use crate::cli::script::{Datum, Parameter};
use crate::program::{Failure, script};
use variant::Outcome;

/// Instructions for each variant where nothing else is said.
const BUDGET: u64 = 1_000_000_000;
/// More variants than anybody wants to wait for.
const MOST_VARIANTS: usize = 10_000;

pub(super) const VERB: Verb = Verb {
    name: "sweep",
    arguments: "[OPTION...] SCRIPT [NAME=VALUE,VALUE...]...",
    help: "runs a board script with every combination of values of its parameters: of those that are given, as in harts=1,2,4 or harts=1..=4, and of those that the script declares as a list",
    options: &[
        Flag {
            name: "budget",
            value: Some("N"),
            help: "instructions for each variant, such as 50M (default: 1G)",
        },
        Flag {
            name: "format",
            value: Some("text|junit|json"),
            help: "how results are printed (default: text)",
        },
        Flag {
            name: "jobs",
            value: Some("N"),
            help: "variants at the same time (default: one a processor)",
        },
        Flag {
            name: "param",
            value: Some("NAME=VALUE,VALUE..."),
            help: "the same as an argument NAME=VALUE,VALUE...",
        },
    ],
    run: Run::Plain(run),
};

/// The values of the parameters of one run.
type Values = Vec<(String, Datum)>;

/// A variant and what became of it.
struct Tried {
    values: Values,
    outcome: Outcome,
}

fn run(given: &Arguments) -> Result<u8, Failure> {
    let (path, settings) = match given.operands.split_first() {
        Some((path, settings)) => (Path::new(path), settings),
        None => return Err(given.misuse("sweep needs a board script")),
    };
    let format = given.value("format").unwrap_or("text");
    let print = report::format(format).ok_or_else(|| given.wrong("format", format))?;
    let budget = match given.value("budget") {
        Some(text) => crate::cli::instructions(text).ok_or_else(|| given.wrong("budget", text))?,
        None => BUDGET,
    };
    let jobs = match given.parsed::<usize>("jobs")? {
        Some(0) => return Err(given.wrong("jobs", "0")),
        Some(jobs) => jobs,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let parameters = script::load(path)?.parameters().map_err(script::Failed::from)?;
    let settings = settings.iter().map(String::as_str).chain(given.values("param"));
    let axes = axes(given, path, &parameters, settings)?;
    let tried = try_all(path, &combinations(given, &axes)?, budget, jobs);
    super::print(&print(&path.display().to_string(), &tried));
    Ok(u8::from(tried.iter().any(|tried| !tried.outcome.passed())))
}

/// The parameters that vary or are set, each with its values.
fn axes<'a>(
    given: &Arguments,
    path: &Path,
    parameters: &[Parameter],
    settings: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, Vec<Datum>)>, Failure> {
    let mut chosen: Vec<(&str, Vec<Datum>)> = Vec::new();
    for setting in settings {
        let Some((name, values)) = setting.split_once('=') else {
            return Err(given.misuse(&format!("'{setting}' is no parameter: NAME=VALUE,VALUE...")));
        };
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let names: Vec<&str> = parameters.iter().map(|parameter| &*parameter.name).collect();
            let hint = match names.as_slice() {
                [] => "it has none".into(),
                names => format!("it has {}", names.join(", ")),
            };
            let path = path.display();
            return Err(Failure::Misuse(format!("{path} has no parameter '{name}': {hint}")));
        };
        if chosen.iter().any(|(known, _)| *known == name) {
            return Err(Failure::Misuse(format!("parameter '{name}' is given twice")));
        }
        let values = parameter.read_list(values, MOST_VARIANTS);
        chosen.push((name, values.map_err(Failure::Misuse)?));
    }
    let axis = |parameter: &Parameter| {
        let found = chosen.iter().find(|(name, _)| *name == parameter.name);
        let values = match (found, &parameter.choices) {
            (Some((_, values)), _) => values.clone(),
            (None, Some(Datum::List(declared))) => declared.to_vec(),
            _ => return None,
        };
        Some((parameter.name.clone(), values))
    };
    Ok(parameters.iter().filter_map(axis).collect())
}

/// Every combination, the last parameter changing fastest.
fn combinations(given: &Arguments, axes: &[(String, Vec<Datum>)]) -> Result<Vec<Values>, Failure> {
    let mut all: Vec<Values> = vec![Values::new()];
    for (name, values) in axes {
        if all.len().saturating_mul(values.len()) > MOST_VARIANTS {
            return Err(given.misuse(&format!("there are more than {MOST_VARIANTS} variants")));
        }
        let with = |before: &Values, value: &Datum| {
            let mut values = before.clone();
            values.push((name.clone(), value.clone()));
            values
        };
        all = all
            .iter()
            .flat_map(|before| values.iter().map(move |value| with(before, value)))
            .collect();
    }
    Ok(all)
}

/// Runs the variants, some at the same time; the results are in their order.
fn try_all(path: &Path, variants: &[Values], budget: u64, jobs: usize) -> Vec<Tried> {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(variants.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((index, values)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    variants.get(index).map(|values| (index, values))
                } {
                    // One variant that breaks the program is not the end of the others.
                    let outcome =
                        catch_unwind(AssertUnwindSafe(|| variant::run(path, values, budget)));
                    let outcome = outcome.unwrap_or_else(|_| {
                        Outcome::error("the program has panicked: this is a bug of Boardwright")
                    });
                    let _ = sender.send((index, Tried { values: values.clone(), outcome }));
                }
            });
        }
    });
    drop(sender);
    let mut all: Vec<(usize, Tried)> = results.iter().collect();
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, tried)| tried).collect()
}
