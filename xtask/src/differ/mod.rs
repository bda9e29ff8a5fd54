//! `cargo xtask differ`: random code on our harts and on QEMU's, compared at every trap.
//!
//! `generate.rs` makes the code, `runtime.s` runs it, on both sides as one and the same guest, and
//! prints a hash of everything after each group. Where hashes differ, the group is run alone and
//! in full, and the first trap that differs is shown with the code around it. What differs for a
//! reason is kept out of the code, or of the CPU's properties, and the place that does so says why.

mod generate;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use boardwright_riscv::{CpuModel, Extension, ExtensionSet, isa};
use lexopt::prelude::*;

use self::generate::{GROUP, HEADER, Header};
use crate::guest::{PREFIX, Scratch, output};
use crate::tidy::root;

const USAGE: &str = "\
usage: cargo xtask differ [--cpu NAME] [--instructions N] [--seed N]

    --cpu NAME          only this kind of hart
    --instructions N    how many to run on each (default: 1000000)
    --seed N            what the code is made from (default: 1)
";

/// Rounds that a slot is run for, each with other registers.
const ROUNDS: u64 = 8;
/// About how many instructions a round of a slot runs.
const PER_ROUND: u64 = 16;
/// Groups of one image.
const GROUPS: u64 = 1024;
/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A kind of hart to compare.
struct Kind {
    name: &'static str,
    /// What ours is asked for.
    ours: &'static str,
    /// What the peer is asked for.
    peer: &'static str,
    extensions: &'static [Extension],
    /// The width of the f registers.
    float: u64,
    paging: bool,
}

/// What the peer's generic types have on top, and the code here does not.
macro_rules! without {
    ($rest:literal) => {
        concat!("f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off", $rest)
    };
}

/// Bit manipulation and cryptography, as properties.
macro_rules! bits {
    () => {
        "zba=on,zbb=on,zbc=on,zbs=on,zbkb=on,zbkc=on,zbkx=on,zknd=on,zkne=on,zknh=on,zksed=on,zksh=on"
    };
}

const IMAC: &[Extension] = {
    use Extension::*;
    &[I, M, A, C, Zicsr, Zifencei]
};
const BITS: &[Extension] = {
    use Extension::*;
    &[
        I, M, A, C, Zicsr, Zifencei, Zba, Zbb, Zbc, Zbs, Zbkb, Zbkc, Zbkx, Zknd, Zkne, Zknh, Zksed,
        Zksh,
    ]
};

const FLOAT: &[Extension] = {
    use Extension::*;
    &[I, M, A, F, D, C, Zicsr, Zifencei]
};

const KINDS: &[Kind] = &[
    Kind {
        name: "rv64imac",
        ours: concat!("rv64,", without!("")),
        peer: concat!("rv64,", without!("")),
        extensions: IMAC,
        float: 0,
        paging: false,
    },
    Kind {
        name: "rv64-paging",
        ours: concat!("rv64,", without!("")),
        peer: concat!("rv64,", without!("")),
        extensions: IMAC,
        float: 0,
        paging: true,
    },
    Kind {
        name: "rv64-bits",
        ours: concat!("rv64,f=off,d=off,h=off,", bits!()),
        peer: concat!("rv64,f=off,d=off,h=off,", bits!()),
        extensions: BITS,
        float: 0,
        paging: false,
    },
    Kind {
        name: "rv64-float",
        ours: "rv64,h=off,zba=off,zbb=off,zbc=off,zbs=off,zfa=off",
        peer: "rv64,h=off,zba=off,zbb=off,zbc=off,zbs=off",
        extensions: FLOAT,
        float: 64,
        paging: false,
    },
    Kind {
        name: "rv32imac",
        ours: concat!("rv32,", without!("")),
        peer: concat!("rv32,", without!("")),
        extensions: IMAC,
        float: 0,
        paging: false,
    },
    Kind {
        name: "rv32-paging",
        ours: concat!("rv32,", without!("")),
        peer: concat!("rv32,", without!("")),
        extensions: IMAC,
        float: 0,
        paging: true,
    },
    Kind {
        name: "rv32-bits",
        ours: concat!("rv32,f=off,d=off,h=off,", bits!()),
        peer: concat!("rv32,f=off,d=off,h=off,", bits!()),
        extensions: BITS,
        float: 0,
        paging: false,
    },
    Kind {
        name: "rv32-float",
        ours: "rv32,h=off,zba=off,zbb=off,zbc=off,zbs=off,zfa=off",
        peer: "rv32,h=off,zba=off,zbb=off,zbc=off,zbs=off",
        extensions: FLOAT,
        float: 64,
        paging: false,
    },
];

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let (mut only, mut instructions, mut seed) = (None, 1_000_000, 1);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("cpu") => only = Some(parser.value()?.string()?),
            Long("instructions") => instructions = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Short('h') | Long("help") => {
                eprint!("{USAGE}");
                return Ok(ExitCode::from(2));
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let kinds: Vec<_> =
        KINDS.iter().filter(|kind| only.as_ref().is_none_or(|only| only == kind.name)).collect();
    if kinds.is_empty() {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        bail!("no such kind of hart; there are {}", names.join(", "));
    }
    let mut differences = 0;
    for kind in kinds {
        differences += compare(kind, instructions, seed)?;
    }
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compares one kind; how many groups differ.
fn compare(kind: &Kind, instructions: u64, seed: u64) -> anyhow::Result<u64> {
    let begin = Instant::now();
    let scratch = Scratch::new()?;
    let bench = Bench::new(kind, &scratch.0)?;
    let (mut done, mut differences, mut number) = (0, 0, seed);
    while done < instructions {
        let groups = (instructions - done).div_ceil(GROUP * ROUNDS * PER_ROUND).clamp(1, GROUPS);
        let run = bench.both(&bench.header(number, 0..groups, false))?;
        let differing = run.ours.iter().zip(&run.peer).position(|(ours, peer)| ours != peer);
        if let Some(group) = differing {
            differences += 1;
            bench.explain(number, group as u64)?;
        }
        ensure!(run.ours.len() as u64 == groups, "ours printed {} groups", run.ours.len());
        ensure!(run.peer.len() as u64 == groups, "the peer printed {} groups", run.peer.len());
        ensure!(run.instructions > 0, "no instruction was run");
        done += run.instructions;
        number += 1;
    }
    println!(
        "{}: {done} instructions from seed {seed}, {differences} images differ, {:.1} s",
        kind.name,
        begin.elapsed().as_secs_f64()
    );
    Ok(differences)
}

/// What both sides said.
struct Both {
    /// The lines, one a group, or one a trap.
    ours: Vec<String>,
    peer: Vec<String>,
    /// How many instructions ours counted.
    instructions: u64,
}

/// A kind of hart, ready to run code.
struct Bench<'a> {
    kind: &'a Kind,
    cpu: CpuModel,
    runtime: PathBuf,
    scratch: &'a Path,
}

impl<'a> Bench<'a> {
    fn new(kind: &'a Kind, scratch: &'a Path) -> anyhow::Result<Self> {
        let name = kind.ours.split(',').next().unwrap_or_default();
        let mut cpu = CpuModel::find(name).context("no such CPU model")?.clone();
        cpu.extensions = ExtensionSet::of(kind.extensions).with_choices(&[], cpu.xlen);
        let runtime = assemble(cpu.xlen.bits(), scratch)?;
        Ok(Self { kind, cpu, runtime, scratch })
    }

    fn header(&self, seed: u64, groups: std::ops::Range<u64>, verbose: bool) -> Header {
        let Kind { float, paging, .. } = *self.kind;
        Header { seed, groups, rounds: ROUNDS, verbose, float, paging }
    }

    /// Runs the same code on both.
    fn both(&self, header: &Header) -> anyhow::Result<Both> {
        let image = self.scratch.join("image.bin");
        std::fs::write(&image, generate::memory(&self.cpu, header))?;
        let (runtime, image) = (self.runtime.display(), image.display());
        let wide = self.cpu.xlen.bits();
        let board = self.scratch.join("board.qmp");
        let script = format!(
            "machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus cpu-type={} num-harts=1 resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=256MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=serial-mm id=uart chardev=serial0
sysbus-mmio-map device=uart addr=0x10000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x00100000
device_add driver=loader id=runtime file={runtime}
device_add driver=loader id=image file={image} addr={HEADER:#x} force-raw=on
set-machine-phase phase=ready
",
            self.kind.ours
        );
        std::fs::write(&board, script)?;
        let own = std::env::current_exe()?;
        let ours = own.with_file_name("boardwright");
        let mut ours = Command::new(ours);
        ours.arg("run").arg(&board);
        let mut peer = Command::new(format!("qemu-system-riscv{wide}"));
        peer.args(["-M", "virt", "-m", "256", "-cpu", self.kind.peer, "-bios"]).arg(&self.runtime);
        peer.arg("-device").arg(format!("loader,file={image},addr={HEADER:#x},force-raw=on"));
        peer.args(["-display", "none", "-serial", "stdio", "-monitor", "none"]);
        // Both cores at work.
        let (ours, peer) = std::thread::scope(|scope| {
            let peer = scope.spawn(|| lines(&mut peer));
            let ours = lines(&mut ours);
            (ours, peer.join())
        });
        let (mut ours, mut peer) = (ours?, peer.map_err(|_| anyhow::anyhow!("a thread died"))??);
        let counted = |lines: &mut Vec<String>| {
            let last = lines.pop_if(|line| line.starts_with('#'))?;
            u64::from_str_radix(last.trim_matches(['#', ' ']), 16).ok()
        };
        counted(&mut peer);
        let instructions = counted(&mut ours).unwrap_or(0);
        Ok(Both { ours, peer, instructions })
    }

    /// Runs a group alone, and shows the first trap that differs.
    fn explain(&self, seed: u64, group: u64) -> anyhow::Result<()> {
        println!("{}, seed {seed}, group {group}:", self.kind.name);
        let header = self.header(seed, group..group + 1, true);
        let run = self.both(&header)?;
        let at = run.ours.iter().zip(&run.peer).position(|(ours, peer)| ours != peer);
        let Some(at) = at else {
            println!("    no difference when the group is run alone");
            return Ok(());
        };
        let (ours, peer) = (fields(run.ours.get(at)), fields(run.peer.get(at)));
        for (name, (ours, peer)) in names(self.kind.float).iter().zip(ours.iter().zip(&peer)) {
            if ours != peer {
                println!("    {name:8} ours {ours} peer {peer}");
            }
        }
        let hex = |text: Option<&&str>| {
            u64::from_str_radix(text.copied().unwrap_or("0"), 16).unwrap_or(0)
        };
        let memory = generate::memory(&self.cpu, &header);
        let slot = hex(ours.first());
        println!("    mcause {}", ours.get(1).unwrap_or(&"-"));
        let mut pc = slot;
        while pc < slot + 128 {
            let at = (pc - HEADER) as usize;
            let word = memory.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            let word = word.map_or(0, u32::from_le_bytes);
            let (text, len) = isa::disassemble(&self.cpu, pc, word);
            let mark = if pc == hex(ours.get(2)) { "ours ->" } else { "" };
            let peer_mark = if pc == hex(peer.get(2)) { "peer ->" } else { "" };
            println!("{peer_mark:>8}{mark:>8} {pc:x}: {word:08x} {text}");
            pc += u64::from(len);
        }
        Ok(())
    }
}

fn fields(line: Option<&String>) -> Vec<&str> {
    line.map(|line| line.split_whitespace().collect()).unwrap_or_default()
}

/// What the fields of a line are.
fn names(float: u64) -> Vec<String> {
    let mut names: Vec<String> =
        ["slot", "mcause", "mepc", "mtval", "mstatus"].map(Into::into).into();
    names.extend((1..32).map(|n| format!("x{n}")));
    if float > 0 {
        names.push("fcsr".into());
        names.extend((0..32).flat_map(|n| [format!("f{n}"), format!("f{n} high")]));
    }
    names.push("hash".into());
    names
}

/// Runs a program to its end; what it printed.
fn lines(command: &mut Command) -> anyhow::Result<Vec<String>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let stdout = reader(child.stdout.take().context("no output")?);
    let stderr = reader(child.stderr.take().context("no messages")?);
    let begin = Instant::now();
    while child.try_wait()?.is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let [text, messages] = [stdout, stderr].map(|thread| {
        thread.join().map_err(|_| anyhow::anyhow!("a thread died")).and_then(|text| Ok(text?))
    });
    let (text, messages) = (text?, messages?);
    ensure!(child.wait()?.success(), "{command:?} failed:\n{messages}");
    Ok(text.lines().map(String::from).collect())
}

/// Reads all there is, so that a program that writes much need not wait.
fn reader(mut from: impl Read + Send + 'static) -> JoinHandle<std::io::Result<String>> {
    std::thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).map(|_| text)
    })
}

/// The runtime for a width.
fn assemble(xlen: u32, scratch: &Path) -> anyhow::Result<PathBuf> {
    let source = root().join("xtask/src/differ/runtime.s");
    let (object, elf) = (scratch.join("runtime.o"), scratch.join("runtime.elf"));
    let abi = if xlen == 64 { "lp64d" } else { "ilp32d" };
    let mut assemble = Command::new(format!("{PREFIX}as"));
    assemble.args(["-march", &format!("rv{xlen}imafdc_zicsr"), "-mabi", abi, "--defsym"]);
    assemble.arg(format!("XLEN={xlen}")).arg("-o").arg(&object).arg(source);
    output(&mut assemble)?;
    let mut link = Command::new(format!("{PREFIX}ld"));
    link.args(["-m", &format!("elf{xlen}lriscv"), "-n", "-static", "-Ttext=0x80000000", "-o"]);
    output(link.arg(&elf).arg(object))?;
    Ok(elf)
}
