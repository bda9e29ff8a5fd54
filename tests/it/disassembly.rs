//! The disassembler against objdump of binutils 2.40: what is an instruction, and how it is written.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use boardwright_riscv::isa::{Decoder, Match, Needs, X_NAMES, instructions, text};
use boardwright_riscv::{CpuModel, Extension};
use boardwright_tests::program::Scratch;

/// All that binutils 2.40 know and a hart can have.
const EXTENSIONS: &str =
    "gc_zicbom_zicbop_zicboz_zihintpause_zawrs_zfh_zba_zbb_zbc_zbs_zkn_zks_svinval";

/// What is newer than binutils 2.40, of January 2023, or was not ratified then: objdump knows none of
/// it. A newer release that does fails the test, and the list gets shorter.
const NEWER: &[Extension] = &[
    Extension::Zabha,
    Extension::Zacas,
    Extension::Zcb,
    Extension::Zcmop,
    Extension::Zfa,
    Extension::Zicond,
    Extension::Zimop,
];

/// A word that the two read otherwise.
struct Pair<'a> {
    bits: u32,
    ours: &'a str,
    theirs: &'a str,
}

/// A reason to differ, and whether it is that of a pair.
type Reason = (&'static str, fn(&Pair) -> bool);

/// Why two texts may differ, and whether these do so for that reason. Each has to occur.
const DIFFERENCES: &[Reason] = &[
    ("2.40 writes immediate forms by the name of the register form", |p| {
        without_i(p.ours) == p.theirs
    }),
    ("2.40 writes hints by their compressed names", |p| {
        p.bits & 3 != 3 && known(p.ours) && p.theirs.starts_with("c.")
    }),
    ("2.40 shows the zero that a hint adds", |p| p.bits & 0xf07f == 1 && p.theirs.ends_with(",0")),
    ("2.40 does not know the hints of Zihintntl", |p| {
        p.ours.starts_with("ntl.") && p.theirs.starts_with("add zero,zero,")
    }),
    ("of some CSRs only one of the two has the name", |p| {
        p.ours.starts_with("csr")
            && p.ours.contains("0x") != p.theirs.contains("0x")
            && [without_csr(p.ours), without_csr(&without_i(p.ours))]
                .contains(&without_csr(p.theirs))
    }),
    ("volume I: shifts by more than the width are reserved", |p| {
        !known(p.ours) && (0x20..0x40).any(|by| p.theirs.ends_with(&format!(",{by:#x}")))
    }),
    ("scalar cryptography: round numbers above 10 are reserved", |p| {
        !known(p.ours) && p.bits >> 20 & 15 > 10 && p.theirs.starts_with("aes64ks1i ")
    }),
    ("volume I: adding nothing to sp is reserved", |p| p.bits == 0x6101 && !known(p.ours)),
    ("volume I: all zeros is no instruction; 2.40 has a name for it", |p| {
        p.bits == 0 && p.theirs == "unimp"
    }),
    ("of older privileged architectures", |p| {
        !known(p.ours) && ["hret", "uret", "sfence.vm"].contains(&p.theirs)
    }),
    ("volume I: the reserved fields of fences are ignored", |p| {
        p.ours.starts_with("fence") && !known(p.theirs)
    }),
    ("2.40 has no name for an empty set of a fence", |p| {
        p.ours.starts_with("fence ") && p.theirs.contains("unknown")
    }),
    ("volume I: the rounding mode of exact conversions has no effect", |p| {
        p.ours.starts_with("fcvt.") && p.bits >> 12 & 7 != 0 && !known(p.theirs)
    }),
];

fn known(text: &str) -> bool {
    !text.starts_with('.')
}

/// `add a0,a0,1` for `addi a0,a0,1`.
fn without_i(text: &str) -> String {
    let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
    match name.rfind('i') {
        Some(at) => format!("{}{} {operands}", &name[..at], &name[at + 1..]),
        None => text.to_owned(),
    }
}

/// A CSR instruction without the operand that is no general register or small number.
fn without_csr(text: &str) -> Vec<String> {
    let general = |part: &&str| {
        part.starts_with("csr") || X_NAMES.contains(part) || part.parse::<u8>().is_ok()
    };
    text.split([' ', ',']).filter(general).map(str::to_owned).collect()
}

/// A generator of words (Numerical Recipes' linear congruence, its better half).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// Whether binutils take it for an instruction of 32 bits, rather than a longer one.
fn is_wide(bits: u32) -> bool {
    bits & 3 == 3 && bits & 0x1c != 0x1c
}

/// The words to compare: each record with operands of all zeros, all ones, one bit alone and chance;
/// each with one of its fixed bits turned over, which it is not; any word; and all halfwords.
fn words(cpu: &CpuModel) -> Vec<u32> {
    let mut random = Random(1);
    let mut list = Vec::new();
    for record in instructions().filter(|record| record.exists(cpu)) {
        let bit = |n: u32| 1 << n;
        let mut operands = vec![0, !0];
        operands.extend((0..32).map(bit).filter(|bit| bit & record.mask == 0));
        operands.extend((0..12).map(|_| random.next()));
        list.extend(operands.iter().map(|operands| record.bits | operands & !record.mask));
        let fixed = (2..32).map(bit).filter(|bit| bit & record.mask != 0);
        list.extend(fixed.map(|bit| record.bits ^ bit | random.next() & !record.mask));
    }
    // objdump looks at every extension for each word that it does not know: more of these take long.
    list.extend((0..20_000).map(|_| random.next() | 3));
    list.retain(|bits| is_wide(*bits));
    list.extend((0..0x1_0000).filter(|bits| bits & 3 != 3));
    list
}

/// What objdump makes of them, one after the other from address 0.
fn objdump(arch: &str, words: &[u32]) -> Result<Vec<String>> {
    let scratch = Scratch::new()?;
    let mut source = String::new();
    for bits in words {
        writeln!(source, ".insn {bits:#x}")?;
    }
    let (source, object) = (scratch.file("words.s", source)?, scratch.path("words.o"));
    let run = |program: &str, arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(format!("riscv64-unknown-elf-{program}"));
        command.args(arguments);
        let output = command.output().with_context(|| {
            format!("no riscv64-unknown-elf-{program}: run tests/setup/install.sh")
        })?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    };
    let abi = if arch.starts_with("rv32") { "-mabi=ilp32" } else { "-mabi=lp64" };
    let (source, object) = (source.to_string_lossy(), object.to_string_lossy());
    run("as", &[&format!("-march={arch}"), abi, "-o", &object, &source])?;
    let dump = run("objdump", &["-d", "-z", &object])?;
    // `  1c:\t7fffff6f          \tjal\tt5,10001a <.text+0x10001a>`
    let lines = dump.lines().filter_map(|line| line.split_once(":\t")?.1.split_once('\t'));
    Ok(lines.map(|(_, text)| normalised(text)).collect())
}

/// objdump's text without what it says of it, and with targets written as other numbers.
fn normalised(text: &str) -> String {
    let text = text.split(" # ").next().unwrap_or(text).trim().replace('\t', " ");
    let Some((text, _symbol)) = text.split_once(" <") else { return text };
    match text.rfind([' ', ',']) {
        Some(at) => format!("{}0x{}", &text[..=at], &text[at + 1..]),
        None => text.to_owned(),
    }
}

/// Whether objdump may not know an instruction at all.
fn is_newer(found: &Match) -> bool {
    let needed: &[Extension] = match (found.compressed, &found.instruction.needs) {
        (Some(compressed), _) => &[compressed.extension],
        (None, Needs::Extension(extension)) => &[*extension],
        (None, Needs::All(list) | Needs::Any(list)) => list,
        (None, Needs::Machine | Needs::Supervisor) => &[],
    };
    needed.iter().any(|extension| NEWER.contains(extension))
}

/// Compares at one width, and gives the differences that occurred.
fn compare(model: &str, arch: &str) -> Result<BTreeSet<&'static str>> {
    let cpu = CpuModel::find(model).context("no such model")?;
    let decoder = Decoder::new(cpu);
    let words = words(cpu);
    let theirs = objdump(arch, &words)?;
    ensure!(theirs.len() == words.len(), "{} texts of {} words", theirs.len(), words.len());
    let (mut pc, mut seen, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for (&bits, theirs) in words.iter().zip(&theirs) {
        let (ours, length) = text(&decoder, cpu, pc, bits);
        pc += u64::from(length);
        let found = decoder.decode(bits);
        ensure!(found.is_some() == known(&ours), "{model}: {bits:#x} is {ours}");
        let pair = Pair { bits, ours: &ours, theirs };
        if found.is_some_and(|found| is_newer(&found)) {
            if known(theirs) {
                wrong.push(format!("{bits:#x}: '{ours}' is not newer: '{theirs}'"));
            }
        } else if ours == *theirs {
        } else if let Some((reason, _)) = DIFFERENCES.iter().find(|(_, holds)| holds(&pair)) {
            seen.insert(*reason);
        } else {
            wrong.push(format!("{bits:#x}: '{ours}', objdump: '{theirs}'"));
        }
    }
    let first: Vec<_> = wrong.iter().take(40).cloned().collect();
    ensure!(wrong.is_empty(), "{model}: {} differ, among them\n{}", wrong.len(), first.join("\n"));
    Ok(seen)
}

#[test]
fn every_word_is_what_objdump_says() -> Result<()> {
    let (wide, narrow) = std::thread::scope(|scope| {
        let narrow = scope.spawn(|| compare("max32", &format!("rv32{EXTENSIONS}")));
        (compare("max", &format!("rv64{EXTENSIONS}")), narrow.join())
    });
    let Ok(narrow) = narrow else { bail!("the comparison at 32 bits panicked") };
    let seen = &wide? | &narrow?;
    let rest: Vec<_> = DIFFERENCES.iter().map(|d| d.0).filter(|d| !seen.contains(d)).collect();
    ensure!(rest.is_empty(), "these no longer occur: {rest:#?}");
    Ok(())
}
