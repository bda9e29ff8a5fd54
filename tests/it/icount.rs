//! Time by instructions (`-icount`): the same machine does the same each time, wherever it is held back
//! and let go, stepped, or taken up in another process.

use std::fs;

use anyhow::{Result, ensure};
use boardwright_tests::asm::reg::{A0, A1, S0, S1, S2, S3, S4, T0, T1, ZERO};
use boardwright_tests::asm::{MRET, addi, beq, csrrs, csrw, here, ld, lui, pass, sd};
use boardwright_tests::client::Client;
use boardwright_tests::gdb::Debugger;
use boardwright_tests::linux::{DISK, Linux};
use boardwright_tests::program::{Program, Scratch, run};
use serde_json::json;

const WFI: u32 = 0x1050_0073;
const MSTATUS: u32 = 0x300;
const MIE: u32 = 0x304;
const MTVEC: u32 = 0x305;
const MINSTRET: u32 = 0xb02;
const TIME: u32 = 0xc01;
const MHARTID: u32 = 0xf14;

/// The first words of a guest: s1 is the hart's compare register, s2 is `mtime`, the machine timer's
/// interrupt goes to a handler `after` bytes from the begin.
fn with_timer(after: i32) -> Vec<u32> {
    vec![
        here(S0),
        addi(T0, S0, after),
        csrw(MTVEC, T0),
        lui(S1, 0x2004),
        csrrs(T0, MHARTID, ZERO),
        // slli t0, t0, 3; add s1, s1, t0
        0x0032_9293,
        0x0054_84b3,
        lui(S2, 0x200c),
        addi(S2, S2, -8),
        addi(T0, ZERO, 0x80),
        csrw(MIE, T0),
        addi(A0, ZERO, 8),
    ]
}

/// Each hart waits for its timer time and again, and looks at every clock that there is.
fn ticking() -> Vec<u32> {
    let mut words = with_timer(21 * 4);
    words.extend([
        ld(T0, S2, 0),
        addi(T0, T0, 100),
        sd(T0, S1, 0),
        csrrs(ZERO, MSTATUS, A0),
        WFI,
        csrrs(S3, TIME, ZERO),
        addi(S4, S4, 1),
        beq(S4, ZERO, 8),
        beq(ZERO, ZERO, -32),
        // The handler.
        addi(T1, ZERO, -1),
        sd(T1, S1, 0),
        csrrs(A1, MINSTRET, ZERO),
        MRET,
    ]);
    words
}

/// Waits for 1,000 seconds, of ten million ticks each, and powers off.
fn sleeping() -> Vec<u32> {
    let mut words = with_timer(18 * 4);
    words.extend([
        // As many ticks, but for the lower half of the number: slli t0, t0, 16
        lui(T0, 0x25),
        addi(T0, T0, 0x40b),
        0x0102_9293,
        sd(T0, S1, 0),
        csrrs(ZERO, MSTATUS, A0),
        WFI,
    ]);
    words.extend(pass());
    words
}

/// A directory with a guest, and the options that start it on so many harts.
fn guest(words: &[u32], harts: u32, more: &str) -> Result<(Scratch, Vec<String>)> {
    let scratch = Scratch::new()?;
    let image = scratch.words("guest", words)?.display().to_string();
    let options = format!(
        "-M virt -bios none -m 16M -smp {harts} -kernel {image} -nodefaults -display none {more}"
    );
    Ok((scratch, options.split_whitespace().map(String::from).collect()))
}

/// What a run of so many instructions leaves of itself.
const BUDGET: &str = "-budget 60000 -d commits,int";

/// What happens to a run on its way.
enum Way {
    /// Nothing.
    Left,
    /// It is stopped and let go.
    Stopped,
    /// It is stepped.
    Stepped,
}

/// Lets a run be, or not, up to its end.
fn disturb(place: &Scratch, way: &Way) -> Result<()> {
    let mut client = Client::connect(&place.path("qmp"))?;
    if matches!(way, Way::Stepped) {
        let mut debugger = Debugger::attach(&place.path("gdb"))?;
        for _ in 0..300 {
            debugger.ask("s")?;
        }
        debugger.ask("D;1")?;
    } else {
        client.execute("cont", json!({}))?;
        for _ in 0..20 {
            let _ = client.try_execute("stop", json!({}));
            let _ = client.try_execute("cont", json!({}));
        }
    }
    // It may have come to its end meanwhile.
    let _ = client.try_execute("cont", json!({}));
    Ok(())
}

/// Every instruction and trap of a run.
fn log(harts: u32, icount: &str, way: &Way) -> Result<String> {
    let (place, mut options) = guest(&ticking(), harts, &format!("-icount {icount} {BUDGET}"))?;
    let path = |name: &str| place.path(name).display().to_string();
    options.extend(["-D".into(), path("log")]);
    if !matches!(way, Way::Left) {
        let socket = |name: &str| format!("unix:{},server=on,wait=off", path(name));
        options.extend(["-S".into(), "-qmp".into(), socket("qmp")]);
        options.extend(["-gdb".into(), socket("gdb")]);
    }
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let program = Program::start(&options)?;
    if !matches!(way, Way::Left) {
        // What went wrong the end of the program tells.
        let _ = disturb(&place, way);
    }
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(124), "{ended:?}");
    Ok(fs::read_to_string(place.path("log"))?)
}

#[test]
fn a_run_is_the_same_each_time() -> Result<()> {
    for (harts, icount) in [
        (1, "shift=0,sleep=off"),
        (1, "shift=3"),
        (2, "shift=0,sleep=off"),
        (4, "shift=7,sleep=off"),
        (8, "2,sleep=off,align=off"),
    ] {
        let first = log(harts, icount, &Way::Left)?;
        for hart in 0..harts {
            ensure!(first.contains(&format!("core {hart:>3}: ")), "{harts} {icount}: {hart}");
        }
        ensure!(
            first.contains("interrupt") || first.contains("timer"),
            "{harts} {icount}: no interrupt"
        );
        for way in [Way::Left, Way::Stopped] {
            let again = log(harts, icount, &way)?;
            ensure!(first == again, "{harts} {icount}: it is another run");
        }
    }
    Ok(())
}

#[test]
fn stepping_is_running() -> Result<()> {
    for harts in [1, 2] {
        let first = log(harts, "shift=3,sleep=off", &Way::Left)?;
        let stepped = log(harts, "shift=3,sleep=off", &Way::Stepped)?;
        ensure!(first == stepped, "{harts}: it is another run");
    }
    Ok(())
}

#[test]
fn time_that_nobody_uses_is_skipped() -> Result<()> {
    let (_scratch, options) = guest(&sleeping(), 2, "-icount shift=0,sleep=off")?;
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ended = run(&options)?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    Ok(())
}

/// Starts the ticking guest in its directory, which another process may have used.
fn start(place: &Scratch, options: &[String], more: &[&str]) -> Result<(Program, Client)> {
    let socket = format!("unix:{},server=on,wait=off", place.path("qmp").display());
    let options = options.iter().map(String::as_str);
    let options: Vec<&str> = options.chain(["-qmp", &socket]).chain(more.iter().copied()).collect();
    let program = Program::start(&options)?;
    let mut client = Client::connect(&place.path("qmp"))?;
    while client.phase()? != "ready" {}
    Ok((program, client))
}

#[test]
fn a_snapshot_goes_on_with_the_same_turn() -> Result<()> {
    let icount = ["-icount", "shift=3,sleep=off"];
    let (place, options) = guest(&ticking(), 2, "")?;
    let file = place.path("it").display().to_string();
    let (program, mut client) = start(&place, &options, &[&icount[..], &["-S"]].concat())?;
    client.execute("cont", json!({}))?;
    let count = |client: &mut Client| client.execute("x-query-icount", json!({}));
    while count(&mut client)?["instructions"].as_u64() < Some(1000) {}
    client.execute("stop", json!({}))?;
    client.execute("snapshot-save", json!({ "file": file }))?;
    let saved = count(&mut client)?;
    ensure!(saved["shift"] == 3 && saved["sleep"] == false, "{saved}");
    drop((program, client));
    let mut logs = Vec::new();
    for _ in 0..2 {
        // Whoever ends by itself has removed it.
        let _ = fs::remove_file(place.path("qmp"));
        let log = place.path("log").display().to_string();
        let more = ["-budget", "30000", "-d", "commits,int", "-D", &log, "-S", "-loadvm", &file];
        let (program, mut client) = start(&place, &options, &[&icount[..], &more].concat())?;
        assert_eq!(count(&mut client)?, saved);
        client.execute("cont", json!({}))?;
        let ended = program.ended()?;
        ensure!(ended.status.code() == Some(124), "{ended:?}");
        logs.push(fs::read_to_string(&log)?);
    }
    ensure!(logs[0] == logs[1] && logs[0].lines().count() > 100, "it is another run");
    // It is refused where time goes otherwise.
    for (other, what) in [
        (
            &["-icount", "shift=4"][..],
            "it was taken with -icount shift=3, and this is with -icount shift=4",
        ),
        (&[][..], "it was taken with -icount shift=3, and this is without -icount"),
    ] {
        let more = [other, &["-loadvm", &file]].concat();
        let options: Vec<&str> = options.iter().map(String::as_str).chain(more).collect();
        let ended = run(&options)?;
        ensure!(ended.status.code() == Some(1) && ended.err.contains(what), "{ended:?}");
    }
    Ok(())
}

/// What Linux with two harts does at its disk, and when.
#[test]
fn linux_is_the_same_each_time_with_a_disk() -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scratch = Scratch::new()?;
        let lines = "b=/bin/busybox
$b mkdir -p /dev
$b mount -t devtmpfs dev /dev
$b dd if=/proc/kallsyms of=/dev/vda bs=4096 count=32 conv=fsync
$b md5sum /dev/vda
$b cat /proc/interrupts
$b sleep 100
$b date
$b poweroff -f
";
        linux.initrd_with(&scratch.path("initrd"), DISK, lines)?;
        fs::File::create(scratch.path("disk"))?.set_len(1 << 17)?;
        let path = |name: &str| scratch.path(name).display().to_string();
        let options = format!(
            "-M virt -smp 2 -m 128M -display none -monitor none -serial stdio \
             -icount shift=1,sleep=off -kernel {} -initrd {} -d int -D {} \
             -drive file={},format=raw,if=none,id=d -device virtio-blk-device,drive=d",
            linux.kernel.display(),
            path("initrd"),
            path("log"),
            path("disk")
        );
        let options = options.split_whitespace().chain(["-append", "console=ttyS0 quiet"]);
        let ended = run(&options.collect::<Vec<_>>())?;
        let out = ended.out;
        ensure!(ended.status.code() == Some(0) && out.contains("virtio"), "{out}");
        let [disk, log] =
            ["disk", "log"].map(|name| fs::read(scratch.path(name)).unwrap_or_default());
        ensure!(disk.iter().any(|byte| *byte != 0) && !log.is_empty(), "nothing was done: {out}");
        runs.push((out, disk, log));
    }
    ensure!(runs[0].0 == runs[1].0, "{}\nand then\n{}", runs[0].0, runs[1].0);
    ensure!(runs[0] == runs[1], "disk or traps differ");
    Ok(())
}
