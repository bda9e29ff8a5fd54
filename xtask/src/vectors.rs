//! `cargo xtask vectors`: what instructions give, according to another implementation.
//!
//! The files in `emulator/riscv/tests/vectors` list instructions on `a1` and `a2`, and values of
//! these. This assembles a guest that tries each instruction on each pair of values and prints what
//! `a0` becomes, runs it on QEMU, and writes encodings and results into the files; the hart's tests
//! read them. To add an instruction, write its assembly text on a line behind any eight digits.
//! `--check` only compares.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

use crate::guest::{PREFIX, Scratch, assembler_version, output};

/// A file of vectors, as its lines say.
#[derive(Debug, Default)]
struct Vectors {
    /// What the assembler and QEMU are to know of, `rv32...` and a CPU type.
    march: String,
    cpu: String,
    /// The values of `a1` and `a2`.
    inputs: Vec<(String, String)>,
    instructions: Vec<String>,
}

pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let mut check = false;
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("check") => check = true,
            _ => bail!("usage: cargo xtask vectors [--check]"),
        }
    }
    assembler_version()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../emulator/riscv/tests/vectors");
    let scratch = Scratch::new()?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.sort();
    let mut different = false;
    for path in files {
        let text = std::fs::read_to_string(&path)?;
        let vectors = Vectors::read(&text).with_context(|| path.display().to_string())?;
        let made = vectors.make(&scratch.0).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or_default().display();
        if made == text {
            println!("{name}: {} instructions, unchanged", vectors.instructions.len());
        } else if check {
            println!("{name}: differs from what QEMU gives");
            different = true;
        } else {
            std::fs::write(&path, made)?;
            println!("{name}: {} instructions, written", vectors.instructions.len());
        }
    }
    Ok(if different { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Vectors {
    fn read(text: &str) -> anyhow::Result<Vectors> {
        let mut vectors = Vectors::default();
        for line in text.lines() {
            let words = line.split_once(' ');
            match words {
                _ if line.starts_with('#') || line.is_empty() => {}
                Some(("march", rest)) => vectors.march = rest.to_owned(),
                Some(("cpu", rest)) => vectors.cpu = rest.to_owned(),
                Some(("input", rest)) => {
                    let (a1, a2) = rest.split_once(' ').context("an input is two values")?;
                    vectors.inputs.push((a1.to_owned(), a2.to_owned()));
                }
                // Results of before.
                Some(("", _)) => {}
                Some((_, instruction)) => vectors.instructions.push(instruction.to_owned()),
                None => bail!("what is '{line}'?"),
            }
        }
        ensure!(!vectors.march.is_empty() && !vectors.cpu.is_empty(), "no march or no cpu");
        Ok(vectors)
    }

    fn xlen(&self) -> usize {
        if self.march.starts_with("rv32") { 32 } else { 64 }
    }

    /// The file as it should be.
    fn make(&self, scratch: &Path) -> anyhow::Result<String> {
        let encodings = self.assemble(scratch)?;
        let results = self.run(scratch)?;
        let wanted = self.instructions.len() * self.inputs.len();
        ensure!(results.len() == wanted, "{} results instead of {wanted}", results.len());
        let mut text = String::from("# Made by `cargo xtask vectors` with QEMU.\n");
        writeln!(text, "march {}\ncpu {}\n", self.march, self.cpu)?;
        for (a1, a2) in &self.inputs {
            writeln!(text, "input {a1} {a2}")?;
        }
        text.push('\n');
        let results = results.chunks(self.inputs.len());
        for ((instruction, encoding), results) in
            self.instructions.iter().zip(encodings).zip(results)
        {
            writeln!(text, "{encoding} {instruction}")?;
            for row in results.chunks(if self.xlen() == 32 { 10 } else { 5 }) {
                writeln!(text, "  {}", row.join(" "))?;
            }
        }
        Ok(text)
    }

    /// Assembles and links the guest; gives the instructions' encodings.
    fn assemble(&self, scratch: &Path) -> anyhow::Result<Vec<String>> {
        let source = scratch.join("vectors.s");
        let (object, elf) = (scratch.join("vectors.o"), scratch.join("vectors.elf"));
        std::fs::write(&source, self.guest()?)?;
        let rv32 = self.xlen() == 32;
        let (abi, emulation) =
            if rv32 { ("ilp32", "elf32lriscv") } else { ("lp64", "elf64lriscv") };
        let mut assemble = Command::new(format!("{PREFIX}as"));
        assemble.args(["-march", &self.march, "-mabi", abi, "-mno-relax", "-o"]);
        output(assemble.arg(&object).arg(&source))?;
        let mut link = Command::new(format!("{PREFIX}ld"));
        link.args(["-m", emulation, "-n", "-Ttext=0x80000000", "--no-warn-rwx-segments", "-o"]);
        output(link.arg(&elf).arg(&object))?;
        // In front of each instruction there is a label `try`.
        let mut dump = Command::new(format!("{PREFIX}objdump"));
        let dump = output(dump.arg("-d").arg(&elf))?;
        let mut lines = dump.lines();
        let mut encodings = Vec::new();
        while let Some(line) = lines.next() {
            if line.contains("<try") && line.ends_with(">:") {
                let encoding = lines.next().and_then(|line| line.split_whitespace().nth(1));
                encodings.push(encoding.context("an empty instruction")?.to_owned());
            }
        }
        Ok(encodings)
    }

    /// Tries every instruction on every input, prints `a0`, and ends.
    fn guest(&self) -> anyhow::Result<String> {
        let rv32 = self.xlen() == 32;
        let (load, word, size) = if rv32 { ("lw", ".word", 4) } else { ("ld", ".dword", 8) };
        let mut text = format!(
            "    .globl _start
_start:
    la s0, functions
next_function:
    {load} s1, 0(s0)
    beqz s1, end
    la s2, inputs
    la s3, inputs_end
next_input:
    {load} a1, 0(s2)
    {load} a2, {size}(s2)
    li a0, 0
    jalr s1
    li t0, {top}
digit:
    srl t1, a0, t0
    andi t1, t1, 15
    li t2, 10
    blt t1, t2, decimal
    addi t1, t1, 'a' - '0' - 10
decimal:
    addi t1, t1, '0'
    call put
    addi t0, t0, -4
    bgez t0, digit
    li t1, '\\n'
    call put
    addi s2, s2, 2 * {size}
    bltu s2, s3, next_input
    addi s0, s0, {size}
    j next_function
end:
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
    j .
put:
    li t2, 0x10000000
    sb t1, 0(t2)
    ret
",
            top = self.xlen() - 4,
        );
        for (n, instruction) in self.instructions.iter().enumerate() {
            writeln!(text, "    .globl try{n}\ntry{n}: {instruction}\n    ret")?;
        }
        text.push_str("    .balign 8\ninputs:\n");
        for (a1, a2) in &self.inputs {
            writeln!(text, "    {word} 0x{a1}, 0x{a2}")?;
        }
        text.push_str("inputs_end:\nfunctions:\n");
        for n in 0..self.instructions.len() {
            writeln!(text, "    {word} try{n}")?;
        }
        writeln!(text, "    {word} 0")?;
        Ok(text)
    }

    fn run(&self, scratch: &Path) -> anyhow::Result<Vec<String>> {
        let mut qemu = Command::new(format!("qemu-system-riscv{}", self.xlen()));
        qemu.args(["-M", "virt", "-bios", "none", "-display", "none", "-monitor", "none"]);
        qemu.args(["-serial", "stdio", "-cpu", &self.cpu, "-kernel"]);
        let printed = output(qemu.arg(scratch.join("vectors.elf")))?;
        Ok(printed.split_whitespace().map(str::to_owned).collect())
    }
}
