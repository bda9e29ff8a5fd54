//! Machines written to a file and taken up again, by another process.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use boardwright_tests::client::Client;
use boardwright_tests::linux::Linux;
use boardwright_tests::program::{Program, Scratch, run};
use serde_json::json;

use crate::debugging::counters;

/// Four harts that count, with the machine timer, an interrupt controller and a UART.
const BOARD: &str = "\
param size = 1MiB
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus num-harts=4 resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=$size
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=riscv.sifive.clint id=clint num-harts=4
sysbus-mmio-map device=clint addr=0x02000000
device_add driver=riscv.sifive.plic id=plic num-sources=8 hart-config=M
sysbus-mmio-map device=plic addr=0x0c000000
device_add driver=riscv.sifive.uart id=uart chardev=serial0
sysbus-mmio-map device=uart addr=0x10013000
device_add driver=loader file={image} addr=0x80000000
set-machine-phase phase=ready
";

/// A directory with the board and its guest.
fn scratch() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let image = scratch.words("guest", &counters())?.display().to_string();
    scratch.file("board.qmp", BOARD.replace("{image}", &image))?;
    Ok(scratch)
}

/// Starts the board of a directory, which another process may have used.
fn start(place: &Path, more: &[&str]) -> Result<(Program, Client)> {
    let board = place.join("board.qmp").display().to_string();
    let socket = "unix:{dir}/qmp,server=on,wait=off";
    let usual = ["run", &board, "-nodefaults", "-qmp", socket];
    let arguments: Vec<&str> = usual.iter().chain(more).copied().collect();
    let program = Program::start(&arguments)?;
    let mut client = Client::connect(&program.scratch().path("qmp"))?;
    while client.phase()? != "ready" {}
    Ok((program, client))
}

fn human(client: &mut Client, line: &str) -> Result<String> {
    let said = client.execute("human-monitor-command", json!({ "command-line": line }))?;
    Ok(said.as_str().context("no text")?.into())
}

/// What one can see of a machine: registers, counters in memory, time, an interrupt's priority.
fn seen(client: &mut Client) -> Result<Vec<String>> {
    let lines = ["info registers -a", "x/2xg 0x80000100", "xp/2xw 0x200bff8", "xp/4xw 0xc000000"];
    lines.iter().map(|line| human(client, line)).collect()
}

#[test]
fn another_process_goes_on_where_a_machine_was() -> Result<()> {
    let place = scratch()?;
    let file = place.path("it").display().to_string();
    let (_first, mut client) = start(&place.path(""), &[])?;
    // A hart that runs has counted.
    while human(&mut client, "xp/xg 0x80000100")?.ends_with("0x0000000000000000\r\n") {}
    client.execute("stop", json!({}))?;
    let before = seen(&mut client)?;
    client.execute("snapshot-save", json!({ "file": file }))?;
    assert_eq!(seen(&mut client)?, before, "saving leaves it as it was");

    let (_second, mut other) = start(&place.path(""), &["-S", "-loadvm", &file])?;
    assert_eq!(other.execute("query-status", json!({}))?["status"], "prelaunch");
    assert_eq!(seen(&mut other)?, before, "with -loadvm");
    other.execute("cont", json!({}))?;
    for addr in ["0x80000100", "0x80000200"] {
        let count = format!("xp/xg {addr}");
        let now = human(&mut other, &count)?;
        while human(&mut other, &count)? == now {}
    }

    // Back, by command, while it runs: it goes on running.
    other.execute("snapshot-load", json!({ "file": file }))?;
    assert_eq!(other.execute("query-status", json!({}))?["status"], "running");
    other.execute("stop", json!({}))?;
    other.execute("snapshot-load", json!({ "file": file }))?;
    assert_eq!(seen(&mut other)?, before, "by command");
    Ok(())
}

/// What is not a whole snapshot of an equal board, and what is said of it.
#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() -> Result<()> {
    let place = scratch()?;
    let (_program, mut client) = start(&place.path(""), &["-S"])?;
    let path = |name: &str| place.path(name).display().to_string();
    client.execute("snapshot-save", json!({ "file": path("good") }))?;
    ensure!(!place.path("good.partial").exists(), "a partial file is left");
    let good = fs::read(place.path("good"))?;
    let with = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&good[..64]).replacen(from, to, 1);
        [text.as_bytes(), &good[64..]].concat()
    };
    let mut flipped = good.clone();
    let in_memory = flipped.len() - 100;
    flipped[in_memory] ^= 1;
    for (name, bytes) in [
        ("empty", vec![]),
        ("text", b"machine-set type=none\n".to_vec()),
        ("newer", with("snapshot 1", "snapshot 2")),
        ("flipped", flipped),
        ("longer", [&good[..], b"\0"].concat()),
        ("short", good[..good.len() - 1].to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("head", good[..40].to_vec()),
        ("line", good[..10].to_vec()),
    ] {
        place.file(name, bytes)?;
    }
    let (_other, mut other) = start(&place.path(""), &["-S", "size=2MiB"])?;
    other.execute("snapshot-save", json!({ "file": path("other") }))?;

    human(&mut client, "info registers")?;
    let before = seen(&mut client)?;
    for (name, expected) in [
        ("none", "' cannot be read or written: No such file or directory"),
        ("", "' cannot be read or written: Is a directory"),
        ("empty", "' is no snapshot: snapshot-save writes one"),
        ("text", "' is no snapshot: snapshot-save writes one"),
        ("line", "' is no snapshot: snapshot-save writes one"),
        ("newer", "' is a snapshot of version 2: this program reads 1"),
        ("flipped", "' is damaged: its checksum is wrong"),
        ("longer", "' is damaged: its checksum is wrong"),
        ("short", "' is cut short"),
        ("half", "' is cut short"),
        ("head", "' is cut short"),
        ("other", "' is of another board, which differs in device 'ram'"),
    ] {
        let said = client.refused("snapshot-load", json!({ "file": path(name) }))?;
        assert_eq!(said, format!("Snapshot '{}{expected}", path(name)));
        assert_eq!(seen(&mut client)?, before, "{name} has changed the machine");
    }
    let nowhere = path("no/where");
    let said = client.refused("snapshot-save", json!({ "file": nowhere }))?;
    let expected = "cannot be read or written: No such file or directory";
    assert_eq!(said, format!("Snapshot '{nowhere}' {expected}"));

    // At the start it is the reason not to start.
    let board = path("board.qmp");
    let ended = run(&["run", &board, "-nodefaults", "-loadvm", &path("text")])?;
    ensure!(!ended.status.success() && ended.err.contains("is no snapshot"), "{ended:?}");
    Ok(())
}

#[test]
fn linux_goes_on_in_another_process() -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let place = Scratch::new()?;
    let lines = "export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
cat /dev/vda >/dev/null
echo say a word
read word
echo heard $word
echo $word >/dev/vda
sync
echo random $(dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c)
poweroff -f
";
    linux.initrd_with(&place.path("initrd"), &["virtio_blk", "virtio-rng"], lines)?;
    let disk = place.file("disk", [0; 4096])?;
    let file = place.path("booted").display().to_string();
    let given = format!(
        "-M virt -smp 2 -m 256M -nodefaults -display none -serial stdio -kernel {} -initrd {} \
         -append console=ttyS0 -drive file={},format=raw,if=virtio -nic user \
         -device pcie-root-port,id=port0 -device virtio-rng-pci,bus=port0 \
         -qmp unix:{{dir}}/qmp,server=on,wait=off",
        linux.kernel.display(),
        place.path("initrd").display(),
        disk.display(),
    );
    let arguments: Vec<&str> = given.split_whitespace().collect();
    {
        let mut first = Program::start(&arguments)?;
        first.wait_for("say a word").context("no shell")?;
        let mut client = Client::connect(&first.scratch().path("qmp"))?;
        client.execute("snapshot-save", json!({ "file": file }))?;
    }
    let mut second = Program::start(&[&arguments[..], &["-loadvm", &file]].concat())?;
    second.type_in("again\n")?;
    let ended = second.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    ensure!(ended.out.contains("heard again"), "{ended:?}");
    ensure!(ended.out.contains("random 16"), "{ended:?}");
    ensure!(fs::read(&disk)?.starts_with(b"again\n"), "the disk was not written");
    ensure!(!ended.out.contains("Linux version"), "it has booted: {ended:?}");
    Ok(())
}
