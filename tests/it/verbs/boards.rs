//! Boards as arguments: every form, and what cannot be one.

use anyhow::{Result, ensure};
use boardwright_tests::program::{self, Program, Scratch};

/// Arguments of `check` and what it prints; `{dir}` is a directory with the files below.
const GOOD: &[(&[&str], &[&str])] = &[
    (&["machine:none"], &["machine:none: machine none, devices: 0, harts: 0\n"]),
    (&["machine:none,memory=1048576"], &["machine none, devices: 1, harts: 0\n"]),
    (&["machine:sifive_dt"], &["machine:sifive_dt: machine sifive_dt, devices: "]),
    (&["boards/first.qmp"], &["boards/first.qmp: machine none, devices: 8, harts: 1\n"]),
    (&["boards/opensbi.qmp", "machine:none"], &["harts: 4\n", "machine:none: "]),
    (&["{dir}/one.dts"], &["machine sifive_dt, devices: ", "harts: 1\n"]),
    (&["{dir}/early.qmp"], &["machine none, devices: 0"]),
    (&["{dir}/later.qmp"], &["machine none, devices: 1"]),
    (
        &["--json", "machine:none"],
        &[r#"{"board":"machine:none","machine":"none","devices":0,"harts":0}"#],
    ),
];

/// The same for what fails: texts on standard error.
const BAD: &[(&[&str], &[&str])] = &[
    (&["a.elf"], &["'a.elf' is no board.\nA BOARD is one of:\n"]),
    (&["/no/where.qmp"], &["Cannot read '/no/where.qmp': No such file or directory"]),
    (&["/no/where.dts"], &["/no/where.dts: ", "No such file or directory"]),
    (&["machine:nope"], &["machine:nope: ", "'nope'"]),
    (&["machine:"], &["machine:: Parameter 'type' does not accept value ''"]),
    (&["machine:none,zzz=1"], &["machine:none,zzz=1: ", "'zzz'"]),
    (&["machine:none,help"], &["'machine:none,help' asks for help: -M none,help gives it"]),
    (&["harts=2"], &["'harts=2': a parameter follows the script that declares it"]),
    (&["machine:none", "harts=2"], &["'harts=2': a parameter follows"]),
    (&["{dir}/empty.qmp"], &["empty.qmp' makes no machine: machine-set type=none is how"]),
    (&["{dir}/wrong.qmp"], &["wrong.qmp:2:1: ", "device_add driver=nope\n^"]),
    (&["boards/first.qmp", "{dir}/wrong.qmp"], &["wrong.qmp:2:1: "]),
];

fn scratch() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    scratch.file(
        "one.dts",
        r#"/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;
            cpus { #address-cells = <1>; #size-cells = <0>;
                cpu@0 { device_type = "cpu"; reg = <0>; riscv,isa = "rv64imac"; }; };
            memory@80000000 { device_type = "memory"; reg = <0x80000000 0x10000>; }; };"#,
    )?;
    scratch.file("early.qmp", "machine-set type=none")?;
    // What comes after the board is complete is for the machine.
    scratch.file(
        "later.qmp",
        "machine-set type=none\nset-machine-phase phase=initialized\n\
         device_add driver=sysbus-memory id=m size=4096\nfinish-machine-init\ncont\nno-such\n",
    )?;
    scratch.file("empty.qmp", "# nothing\n")?;
    scratch.file("wrong.qmp", "machine-set type=none\ndevice_add driver=nope\n")?;
    Ok(scratch)
}

fn check(scratch: &Scratch, words: &[&str]) -> Result<program::Ended> {
    let dir = scratch.path("").display().to_string();
    let words = words.iter().map(|word| word.replace("{dir}", dir.trim_end_matches('/')));
    let words: Vec<String> = std::iter::once("check".to_string()).chain(words).collect();
    program::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_board_may_be_written_in_many_ways() -> Result<()> {
    let scratch = scratch()?;
    for (words, texts) in GOOD {
        let ended = check(&scratch, words)?;
        ensure!(ended.status.success(), "{words:?}: {ended:?}");
        for text in *texts {
            ensure!(ended.out.contains(text), "{words:?}: no {text:?} in {}", ended.out);
        }
    }
    Ok(())
}

#[test]
fn what_is_no_board_is_named() -> Result<()> {
    let scratch = scratch()?;
    for (words, texts) in BAD {
        let ended = check(&scratch, words)?;
        ensure!(ended.status.code() == Some(2) && ended.out.is_empty(), "{words:?}: {ended:?}");
        for text in *texts {
            ensure!(ended.err.contains(text), "{words:?}: no {text:?} in {}", ended.err);
        }
    }
    Ok(())
}

/// A board that is looked at opens nothing and writes nothing.
#[test]
fn to_look_at_a_board_touches_nothing() -> Result<()> {
    let scratch = Scratch::new()?;
    let script = "\
x-chardev-add id=out backend=file path=\"{dir}/out\"
x-chardev-add id=sock backend=socket path=\"{dir}/sock\" server=true wait=true
x-chardev-add id=mon backend=stdio
x-monitor-add chardev=mon mode=control
x-log-set items=[\"int\"] filename=\"{dir}/log\"
object-add qom-type=memory-backend-file id=m size=64KiB mem-path=\"{dir}/ram\" share=true
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.sifive.uart id=uart chardev=out
set-machine-phase phase=ready
";
    let dir = scratch.path("").display().to_string();
    scratch.file("x.qmp", script.replace("{dir}", dir.trim_end_matches('/')))?;
    let ended = check(&scratch, &["{dir}/x.qmp"])?;
    ensure!(ended.status.success() && ended.out.contains("devices: 1"), "{ended:?}");
    for name in ["out", "sock", "log", "ram"] {
        ensure!(!scratch.path(name).exists(), "{name} was made");
    }
    Ok(())
}

/// A program that runs is a board, with all that clients have made of it.
#[test]
fn a_program_that_runs_is_a_board() -> Result<()> {
    let (program, mut client) = Program::with_qmp(&["-M", "none", "-preconfig", "-nodefaults"])?;
    client.talk(
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=sysbus-memory id=ram size=4096
        <- {}
        -> sysbus-mmio-map device=ram addr=0x80000000
        <- {}
        "#,
    )?;
    // A monitor serves one client at a time.
    drop(client);
    let scratch = program.scratch();
    scratch.file(
        "same.qmp",
        "machine-set type=none\nset-machine-phase phase=initialized\n\
         device_add driver=sysbus-memory id=ram size=4KiB\n\
         sysbus-mmio-map device=ram addr=0x80000000\n",
    )?;
    let socket = format!("unix:{}", scratch.path("qmp").display());
    let same = scratch.path("same.qmp").display().to_string();
    let rows: &[(&[&str], i32, &str)] = &[
        (&["check", &socket], 0, "machine none, devices: 1, harts: 0\n"),
        (&["dump", &socket], 0, "sysbus-mmio-map device=ram addr=0x80000000\n"),
        (&["lint", &socket], 1, "there are devices and no hart"),
        (&["diff", &socket, &same], 0, ""),
        (&["diff", &socket, "machine:none"], 1, "- device ram: sysbus-memory\n"),
    ];
    for (words, status, text) in rows {
        let ended = program::run(words)?;
        ensure!(ended.status.code() == Some(*status), "{words:?}: {ended:?}");
        ensure!(ended.out.contains(text), "{words:?}: no {text:?} in {}", ended.out);
    }
    let nobody = program::run(&["check", "unix:/no/where"])?;
    ensure!(
        nobody.status.code() == Some(2) && nobody.err.contains("'unix:/no/where'"),
        "{nobody:?}"
    );
    Ok(())
}
