//! Machine `virt` beside QEMU's: the same options give device trees and consoles that say the same,
//! but for what is listed here with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use boardwright_devicetree::{NodeRef, Phandles, Tree};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::{self, Scratch, executable};

const QEMU: &str = "qemu-system-riscv64";
const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf";
const U_BOOT: &str = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin";

/// Options, of which `{dir}` has a kernel and an initial file system.
const BOARDS: &[&str] = &[
    "",
    "-smp 4",
    "-smp 2 -machine aclint=on",
    "-m 3G",
    "-m 256M -bios {opensbi} -kernel {dir}/kernel -append console=ttyS0",
    "-m 256M -bios {opensbi} -kernel {dir}/kernel -initrd {dir}/initrd -smp 3",
];

/// What differs: how the node begins, the property, and why.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("/cpus/cpu@", "riscv,isa", "a hart's extensions are those that are modelled"),
    ("/cpus/cpu@", "riscv,isa-base", "newer than the peer"),
    ("/cpus/cpu@", "riscv,isa-extensions", "newer than the peer"),
    ("/cpus/cpu@", "riscv,cbom-block-size", "newer than the peer"),
    ("/cpus/cpu@", "riscv,cbop-block-size", "newer than the peer"),
    ("/cpus/cpu@", "riscv,cboz-block-size", "newer than the peer"),
    ("/cpus/cpu@", "riscv,pmpregions", "said besides"),
    ("/aliases", "", "newer than the peer"),
    ("/chosen", "metal,entry", "said besides: where the harts start without software"),
    ("/flash@2", "reg", "a node for each of the two banks"),
    ("/flash@22000000", "", "a node for each of the two banks"),
    ("/pmu", "", "events of the hart are not counted"),
    ("/platform-bus@4000000", "", "no platform bus"),
    ("/plic@c000000", "riscv,ndev", "newer than the peer, which counts source 0"),
    ("/plic@c000000", "riscv,max-priority", "said besides"),
    ("/serial@10000000", "reg", "as much as has registers"),
    ("/virtio_mmio@1000", "reg", "as much as has registers"),
    ("/mtimer@200", "", "named by the first of its registers, of the harts that there are"),
];

/// What a node says, in terms that do not depend on its phandles, its place below `/soc`, or the form.
fn meaning(node: &NodeRef<'_>, phandles: &Phandles<'_>) -> Result<BTreeMap<String, String>> {
    let path = |phandle: u32| phandles.get(phandle).map_or("nothing".into(), place);
    let mut said = BTreeMap::new();
    for property in node.properties() {
        let value = match property.name() {
            "phandle" | "linux,phandle" | "interrupt-parent" | "interrupts" => continue,
            "interrupts-extended" => continue,
            "reg" if node.path().starts_with("/cpus") => format!("{:?}", property.u32s()?),
            "reg" => format!("{:x?}", node.reg()?),
            "regmap" | "cpu" => path(property.u32()?),
            // Rows of a unit and a pin of PCI, a controller and a line of it.
            "interrupt-map" => {
                let rows = property.u32s()?;
                let row = |row: &[u32]| match row {
                    [unit, 0, 0, pin, to, line] => {
                        format!("{unit:#x} {pin} {} {line}", path(*to))
                    }
                    other => format!("{other:x?}"),
                };
                rows.chunks(6).map(row).collect::<Vec<_>>().join(", ")
            }
            "rng-seed" => format!("{} bytes", property.bytes().len()),
            // A number of either size.
            "linux,initrd-start" | "linux,initrd-end" => match property.u64() {
                Ok(value) => format!("{value:#x}"),
                Err(_) => format!("{:#x}", property.u32()?),
            },
            _ => format!("{:?}", property.bytes().escape_ascii().to_string()),
        };
        said.insert(property.name().to_string(), value);
    }
    let mut interrupts: Vec<String> = Vec::new();
    for interrupt in node.interrupts(phandles)? {
        interrupts.push(format!("{} {:?}", place(&interrupt.controller), interrupt.cells));
    }
    // The order is that of a PLIC's contexts; elsewhere software goes by what they are.
    if !node.name().starts_with("plic") {
        interrupts.sort();
    }
    if !interrupts.is_empty() {
        said.insert("interrupts".into(), interrupts.join(", "));
    }
    said.insert(String::new(), "there".into());
    Ok(said)
}

/// The path of a node, whether it is on the bus or beside it: the addresses are the same.
fn place(node: &NodeRef<'_>) -> String {
    let path = node.path();
    path.strip_prefix("/soc/").map_or(path.clone(), |rest| format!("/{rest}"))
}

fn read(path: &Path) -> Result<BTreeMap<(String, String), String>> {
    let tree = Tree::read(path).with_context(|| format!("{}", path.display()))?;
    let phandles = tree.phandles();
    let mut all = BTreeMap::new();
    for node in tree.walk() {
        for (property, value) in meaning(&node, &phandles)? {
            all.insert((place(&node), property), value);
        }
    }
    Ok(all)
}

#[test]
fn the_tree_of_virt_means_what_qemus_means() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.file("kernel", [0x13, 0, 0, 0])?;
    scratch.file("initrd", vec![7; 0x1234])?;
    let (ours, theirs) = (scratch.path("ours.dtb"), scratch.path("theirs.dtb"));
    let place = scratch.path("").display().to_string();
    let mut used = BTreeSet::new();
    for options in BOARDS {
        let options = options.replace("{dir}/", &place).replace("{opensbi}", OPENSBI);
        let arguments = |file: &Path| -> Vec<String> {
            let machine = format!("virt,dumpdtb={}", file.display());
            let fixed = ["-M", &machine, "-display", "none"].map(String::from);
            fixed.into_iter().chain(options.split_whitespace().map(String::from)).collect()
        };
        let given = arguments(&ours);
        let ended = program::run(&given.iter().map(String::as_str).collect::<Vec<_>>())?;
        ensure!(ended.status.success(), "{options}: {}", ended.err);
        let peer = Command::new(QEMU).args(arguments(&theirs)).output()?;
        ensure!(peer.status.success(), "{options}: {peer:?}");

        let (ours, theirs) = (read(&ours)?, read(&theirs)?);
        let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        let mut unexplained = Vec::new();
        for key in keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key)) {
            let (node, property) = key;
            let reason = EXPLAINED.iter().position(|(begin, name, _)| {
                node.starts_with(begin) && (name.is_empty() || name == property)
            });
            match reason {
                Some(reason) => _ = used.insert(reason),
                None => unexplained.push((key, ours.get(key), theirs.get(key))),
            }
        }
        ensure!(unexplained.is_empty(), "{options}: {unexplained:#?}");
    }
    let idle: Vec<_> = (0..).zip(EXPLAINED).filter(|(index, _)| !used.contains(index)).collect();
    ensure!(idle.is_empty(), "no difference any more: {idle:?}");
    Ok(())
}

#[test]
fn a_tree_that_cannot_be_written_is_an_error() -> Result<()> {
    let ended = program::run(&["-M", "virt,dumpdtb=/no/where", "-display", "none"])?;
    ensure!(ended.status.code() == Some(1), "{ended:?}");
    ensure!(ended.err.contains("Cannot write '/no/where': No such file"), "{}", ended.err);
    Ok(())
}

/// A program that must not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program says that is told these lines on its standard input and powers off at last.
fn console(program: &Path, arguments: &[&str], lines: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = Running(command.spawn().with_context(|| format!("{}", program.display()))?);
    let mut input = running.0.stdin.take().context("no input")?;
    let mut output = running.0.stdout.take().context("no output")?;
    input.write_all(lines.as_bytes())?;
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        output.read_to_end(&mut all).map(|_| String::from_utf8_lossy(&all).into_owned())
    });
    let begin = Instant::now();
    while running.0.try_wait()?.is_none() {
        ensure!(begin.elapsed() < PATIENCE, "{} does not end", program.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(input);
    reader.join().ok().context("the reader has failed")?.context("cannot read")
}

/// On which bus each device with an id is, as `info qtree` has it.
fn buses(qtree: &str) -> BTreeMap<String, String> {
    let mut bus = String::new();
    let mut buses = BTreeMap::new();
    for line in qtree.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("bus: ") {
            bus = name.into();
        } else if let Some((_, id)) = line.split_once(", id \"")
            && line.starts_with("dev: virtio-rng-device")
        {
            buses.insert(id.trim_end_matches('"').into(), bus.clone());
        }
    }
    buses
}

/// Devices that name no transport get the last that is free; buses have QEMU's names.
#[test]
fn virtio_devices_are_on_the_transports_that_qemu_chooses() -> Result<()> {
    let devices = ["id=a", "id=b", "id=c,bus=virtio-mmio-bus.5", "id=d", "id=e"];
    let mut arguments: Vec<String> =
        ["-M", "virt", "-S", "-display", "none", "-serial", "null", "-monitor", "stdio"]
            .map(String::from)
            .into();
    for device in devices {
        arguments.extend(["-device".into(), format!("virtio-rng-device,{device}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let lines = "info qtree\nquit\n";
    let ours = buses(&console(&executable()?, &arguments, lines)?);
    let theirs = buses(&console(Path::new(QEMU), &arguments, lines)?);
    ensure!(ours.len() == devices.len() && ours == theirs, "{ours:?}\n{theirs:?}");
    Ok(())
}

/// Lines `NAME : VALUE` and U-Boot's `NAME = VALUE`.
fn rows(text: &str) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let parts = line.split_once(" : ").or_else(|| line.split_once(" = "));
        if let Some((name, value)) = parts {
            rows.entry(name.trim().to_string()).or_insert_with(|| value.trim().to_string());
        }
    }
    rows
}

/// Rows that differ, and why.
const TOLD_APART: &[(&str, &str)] = &[
    ("Boot HART ID", "the harts race for it"),
    ("Boot HART MHPM Count", "more counters here"),
    ("Boot HART MIDELEG", "the peer's hart is a hypervisor's"),
    ("Boot HART MEDELEG", "the peer's hart is a hypervisor's"),
    ("Boot HART Base ISA", "the peer's hart is a hypervisor's"),
    ("Domain0 Boot HART", "the harts race for it"),
    ("boot hart", "the harts race for it"),
    ("fdt_blob", "where the tree was"),
    ("new_fdt", "where the tree was"),
    ("fdt_size", "the tree"),
];

#[test]
fn the_console_of_virt_says_what_qemus_says() -> Result<()> {
    let arguments = [
        "-M", "virt", "-smp", "2", "-m", "256M", "-display", "none", "-monitor", "none", "-serial",
        "stdio", "-bios", OPENSBI, "-kernel", U_BOOT,
    ];
    // What comes before U-Boot listens is lost.
    let lines = "\n".repeat(64) + "bdinfo\nmd.l 10001000 4\nmd.l 10101000 0\npoweroff\n";
    let ours = console(&executable()?, &arguments, &lines)?;
    let theirs = console(Path::new(QEMU), &arguments, &lines)?;
    let (our_rows, their_rows) = (rows(&ours), rows(&theirs));
    for known in ["Platform Name", "Platform Console Device", "Domain0 Next Address", "relocaddr"] {
        ensure!(our_rows.contains_key(known), "no '{known}' in\n{ours}");
    }
    let names: BTreeSet<_> = our_rows.keys().chain(their_rows.keys()).collect();
    let differing: Vec<_> = names
        .into_iter()
        .filter(|name| our_rows.get(*name) != their_rows.get(*name))
        .filter(|name| TOLD_APART.iter().all(|(known, _)| known != name))
        .map(|name| (name, our_rows.get(name), their_rows.get(name)))
        .collect();
    ensure!(differing.is_empty(), "{differing:#?}\n--- ours\n{ours}\n--- theirs\n{theirs}");
    for line in ["Model: riscv-virtio,qemu", "DRAM:  256 MiB", "10001000: 74726976 00000001"] {
        ensure!(ours.contains(line) && theirs.contains(line), "{line}:\n{ours}\n{theirs}");
    }
    Ok(())
}
