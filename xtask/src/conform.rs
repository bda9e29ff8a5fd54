//! `cargo xtask conform FOLDER`: conformance tests that are already built, run on a hart alone.
//!
//! A test is an ELF program with a symbol `tohost`, as riscv-tests and the architecture tests have
//! it: what it stores there ends it, 1 for success, any other odd number for a failure. Where a
//! file `NAME.reference_output` lies beside it, the memory from `begin_signature` to
//! `end_signature` has to be what that says, four bytes a line. The project has none of them: they
//! are public, and built outside the tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use boardwright_riscv::{
    Bus, BusError, Clock, CpuModel, Exit, Hart, HartConfig, Interrupts, Ram, RamPage, Requester,
};
use lexopt::prelude::*;
use object::{Object, ObjectSegment, ObjectSymbol};

use crate::tidy::root;

const USAGE: &str = "\
usage: cargo xtask conform FOLDER [--cpu PROPERTY=VALUE,...] [--verbose]

    FOLDER       where the tests are; folders in it are looked into
    --cpu        what the harts differ in from the types max and max32
    --verbose    each failure, with what the test said

Failures that are known, with their reasons, are in xtask/conform-known.txt.
";

/// Where RAM is, in all of these tests, and more of it than any needs.
const RAM: u64 = 0x8000_0000;
const RAM_SIZE: u64 = 64 << 20;
/// Between two looks at `tohost`.
const SLICE: u64 = 2_000;
/// A test that has not ended by then does not end.
const MOST: u64 = 5_000_000;

/// How many of a group there are, and what failed.
#[derive(Default)]
struct Group {
    all: usize,
    failed: BTreeMap<String, String>,
}

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let (mut folder, mut properties, mut verbose) = (None, String::new(), false);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
            Long("cpu") => properties = parser.value()?.string()?,
            Long("verbose") => verbose = true,
            Short('h') | Long("help") => {
                eprint!("{USAGE}");
                return Ok(ExitCode::from(2));
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let Some(folder) = folder else {
        eprint!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let cpus = Cpus::new(&properties)?;
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for path in files(&folder)? {
        let data = std::fs::read(&path)?;
        let Some(test) = Test::read(&data, &path) else { continue };
        let group = groups.entry(test.group.clone()).or_default();
        group.all += 1;
        if let Err(error) = test.run(&cpus) {
            group.failed.insert(test.name.clone(), format!("{error:#}"));
        }
    }
    if groups.is_empty() {
        bail!("{} has no test: no ELF program with a symbol `tohost`", folder.display());
    }
    report(&groups, &known()?, verbose)
}

/// Prints the table; fails if anything is not as expected.
fn report(
    groups: &BTreeMap<String, Group>,
    known: &BTreeMap<String, String>,
    verbose: bool,
) -> anyhow::Result<ExitCode> {
    let (mut all, mut passed, mut unexpected) = (0, 0, 0);
    for (name, group) in groups {
        let good = group.all - group.failed.len();
        println!("{name:12} {good} of {}", group.all);
        all += group.all;
        passed += good;
        for (test, error) in &group.failed {
            let reason = known.get(test);
            unexpected += usize::from(reason.is_none());
            match reason {
                Some(reason) => println!("    {test}: known: {reason}"),
                None => println!("    {test}"),
            }
            if verbose {
                println!("        {error}");
            }
        }
    }
    println!("{:12} {passed} of {all}", "all");
    let failed = |test: &String| groups.values().any(|group| group.failed.contains_key(test));
    for test in known.keys().filter(|test| !failed(test)) {
        println!("not a failure (any more, or here): {test}");
    }
    Ok(if unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The failures that are known: a line each, name and reason.
fn known() -> anyhow::Result<BTreeMap<String, String>> {
    let path = root().join("xtask/conform-known.txt");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, reason) = line.split_once(' ').context("a known failure has no reason")?;
            Ok((name.to_owned(), reason.trim().to_owned()))
        })
        .collect()
}

/// All files in a folder and the folders in it, in order.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The harts that tests are run on: with all that there is, but for what is asked for.
struct Cpus {
    wide: CpuModel,
    narrow: CpuModel,
}

impl Cpus {
    fn new(properties: &str) -> anyhow::Result<Cpus> {
        let given = || properties.split(',').filter(|property| !property.is_empty());
        let model = |name| -> anyhow::Result<CpuModel> {
            let model = CpuModel::find(name).context("no such CPU model")?;
            let pairs =
                given().map(|property| property.split_once('=').unwrap_or((property, "on")));
            Ok(model.with_properties(pairs)?)
        };
        Ok(Cpus { wide: model("max")?, narrow: model("max32")? })
    }
}

/// A test that can be run.
struct Test<'a> {
    name: String,
    /// The extension it is about.
    group: String,
    file: object::File<'a>,
    tohost: u64,
    reference: Option<String>,
}

impl<'a> Test<'a> {
    /// The test that a file is, if it is one.
    fn read(data: &'a [u8], path: &Path) -> Option<Test<'a>> {
        let file = object::File::parse(data).ok()?;
        let tohost = symbol(&file, "tohost")?;
        let name = path.file_name()?.to_str()?.to_owned();
        // riscv-tests name the extension in the file, the architecture tests in the folder.
        let group = match name.split_once('-') {
            Some((group, _)) if group.starts_with("rv") => group.to_owned(),
            _ => path.parent()?.file_name()?.to_string_lossy().into_owned(),
        };
        let reference = std::fs::read_to_string(path.with_extension("reference_output")).ok();
        Some(Test { name, group, file, tohost, reference })
    }

    fn run(&self, cpus: &Cpus) -> anyhow::Result<()> {
        let ram = Ram::new(RAM_SIZE)?;
        for segment in self.file.segments() {
            let at = segment.address().checked_sub(RAM).context("a segment is not in RAM")?;
            ram.write(at, segment.data()?)?;
        }
        let cpu = if self.file.is_64() { cpus.wide.clone() } else { cpus.narrow.clone() };
        let mut hart = Hart::new(
            HartConfig { hartid: 0, reset_vector: self.file.entry(), cpu },
            Arc::new(Memory(ram.clone())),
            Arc::new(Interrupts::default()),
            Arc::new(Counter::default()),
        )?;
        let tohost = self.tohost.checked_sub(RAM).context("`tohost` is not in RAM")?;
        let mut left = MOST;
        loop {
            let exit = hart.run(SLICE);
            match ram.load::<u32>(tohost).context("`tohost` is not in RAM")? {
                0 => {}
                1 => return self.signature(&ram),
                value => bail!("test case {} failed", value >> 1),
            }
            left = left.saturating_sub(SLICE);
            if left == 0 || exit == Exit::Wfi {
                bail!("no end; at {:#x}", hart.pc());
            }
        }
    }

    /// Compares what the test has written with what it should have.
    fn signature(&self, ram: &Ram) -> anyhow::Result<()> {
        let Some(reference) = &self.reference else { return Ok(()) };
        let place = |name| symbol(&self.file, name).with_context(|| format!("no symbol {name}"));
        let begin = place("begin_signature")?;
        for (n, line) in reference.lines().enumerate() {
            let addr = begin + 4 * n as u64;
            let word: u32 = ram.load(addr - RAM).context("the signature is not in RAM")?;
            if u32::from_str_radix(line.trim(), 16).ok() != Some(word) {
                bail!("signature, word {n}: {word:08x}, not {line}");
            }
        }
        Ok(())
    }
}

fn symbol(file: &object::File<'_>, name: &str) -> Option<u64> {
    file.symbols().find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.address())
}

/// RAM and nothing else.
struct Memory(Arc<Ram>);

impl Bus for Memory {
    fn read(&self, _: u64, _: u8, _: Requester) -> Result<u64, BusError> {
        Err(BusError::Unmapped)
    }
    fn write(&self, _: u64, _: u8, _: u64, _: Requester) -> Result<(), BusError> {
        Err(BusError::Unmapped)
    }
    fn ram(&self, addr: u64) -> Option<RamPage<'_>> {
        self.0.page(addr.checked_sub(RAM)?)
    }
}

/// Time that goes on whenever it is looked at.
#[derive(Default)]
struct Counter(AtomicU64);

impl Clock for Counter {
    fn ticks(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
    fn set_timer(&self, _: &Arc<Interrupts>, _: Option<u64>) {}

    fn reached(&self, _: u64) {}
}
