//! `cargo xtask guest`: builds the guests, the example firmware in `boards/guest`.
//!
//! The images are committed, so that a board can be tried without an assembler. `--check` builds them
//! again elsewhere and fails if a byte differs, so that image and source cannot drift apart.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

/// The assembler and linker: one pair only, since another one may lay the file out differently.
pub(crate) const PREFIX: &str = "riscv64-unknown-elf-";

/// One image: a source at one width.
struct Image {
    name: &'static str,
    /// The name of the source and of the script for the linker.
    source: &'static str,
    xlen: u32,
    /// The instruction set, after its width.
    extensions: &'static str,
}

const IMAGES: [Image; 6] = [
    Image { name: "fe310", source: "fe310", xlen: 32, extensions: "imac_zicsr" },
    Image { name: "first-rv32", source: "first", xlen: 32, extensions: "imac_zicsr" },
    Image { name: "first-rv64", source: "first", xlen: 64, extensions: "imac_zicsr" },
    Image { name: "ibex", source: "ibex", xlen: 32, extensions: "imc_zicsr" },
    Image { name: "tree-rv32", source: "tree", xlen: 32, extensions: "imac_zicsr" },
    Image { name: "tree-rv64", source: "tree", xlen: 64, extensions: "imac_zicsr" },
];

/// Builds the images into `boards/guest`, or compares them with it when `--check` is given.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let mut check = false;
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("check") => check = true,
            _ => bail!("usage: cargo xtask guest [--check]"),
        }
    }
    build_all(check)?;
    Ok(ExitCode::SUCCESS)
}

fn build_all(check: bool) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boards/guest");
    let version = assembler_version()?;
    let scratch = Scratch::new()?;
    let mut differences = Vec::new();
    for image in &IMAGES {
        let built = build(image, &folder, &scratch.0)?;
        let path = folder.join(format!("{}.elf", image.name));
        if check {
            let committed = std::fs::read(&path)
                .with_context(|| format!("{} is missing: run `cargo xtask guest`", image.name))?;
            differences.extend(difference(image.name, &committed, &built));
        } else {
            std::fs::write(&path, &built)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("boards/guest/{}.elf: {} bytes", image.name, built.len());
        }
    }
    ensure!(
        differences.is_empty(),
        "the committed guest is not what its source gives:\n  {}\nrun `cargo xtask guest` and \
         commit the images, if the source has changed; another version of binutils may also differ \
         (here: {})",
        differences.join("\n  "),
        version.lines().next().unwrap_or("unknown version")
    );
    Ok(())
}

/// Says how two images differ: their lengths, or the first byte and how many.
fn difference(name: &str, committed: &[u8], built: &[u8]) -> Option<String> {
    if committed == built {
        return None;
    }
    if committed.len() != built.len() {
        let (committed, built) = (committed.len(), built.len());
        return Some(format!("{name}.elf has {committed} bytes, the source gives {built}"));
    }
    let differing = || committed.iter().zip(built).enumerate().filter(|(_, (old, new))| old != new);
    let (at, (old, new)) = differing().next()?;
    let count = differing().count();
    Some(format!(
        "{name}.elf differs in {count} bytes, first at {at:#x}: {old:#04x}, the source gives \
         {new:#04x}"
    ))
}

fn build(image: &Image, folder: &Path, scratch: &Path) -> anyhow::Result<Vec<u8>> {
    let Image { name, source, xlen, extensions } = image;
    let (abi, emulation) =
        if *xlen == 32 { ("ilp32", "elf32lriscv") } else { ("lp64", "elf64lriscv") };
    let elf = scratch.join(format!("{name}.elf"));
    // Names without a folder: the assembler notes the object's name in the symbol table.
    let object = format!("{name}.o");
    let mut assemble = Command::new(format!("{PREFIX}as"));
    assemble.args(["-march", &format!("rv{xlen}{extensions}"), "-mabi", abi, "-mno-relax"]);
    assemble.args(["--fatal-warnings", "--defsym", &format!("XLEN={xlen}"), "-o", &object]);
    output(
        assemble.arg(std::path::absolute(folder.join(format!("{source}.s")))?).current_dir(scratch),
    )?;

    let mut link = Command::new(format!("{PREFIX}ld"));
    // `-n`: no padding to pages in the file. The one segment is writable and executable, since all of
    // it is RAM, and the linker would warn of that.
    link.args(["-m", emulation, "-n", "-static", "--build-id=none", "--no-warn-rwx-segments"]);
    link.arg("-T").arg(std::path::absolute(folder.join(format!("{source}.ld")))?);
    output(link.arg("-o").arg(&elf).arg(&object).current_dir(scratch))?;
    std::fs::read(&elf).with_context(|| format!("the linker wrote no {}", elf.display()))
}

/// Runs a program and gives what it printed; fails with its messages.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{messages}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What the assembler says of itself; fails with where to get it.
pub(crate) fn assembler_version() -> anyhow::Result<String> {
    output(Command::new(format!("{PREFIX}as")).arg("--version")).context(
        "there is no assembler for RISC-V: run `tests/setup/install.sh`, or install Debian's package \
         binutils-riscv64-unknown-elf",
    )
}

/// A folder that is gone when it is no longer needed.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> anyhow::Result<Scratch> {
        let path = std::env::temp_dir().join(format!("boardwright-xtask-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder left behind in /tmp is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
