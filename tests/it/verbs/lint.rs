//! Verb `lint`, the commands behind it, and machines that are strict.

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{self, Program, Scratch};
use boardwright_tests::transcript::{check, words};
use serde_json::{Value, json};

/// A hart without a timer, memory without an address, and a UART nobody sees.
const BOARD: &str = "\
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus
device_add driver=sysbus-memory id=ram size=64KiB
";
/// What is wrong is waived.
const WAIVED: &str = "\
board-lint-waive rule=hart-no-timer reason='none needed'
board-lint-waive rule=memory-missing reason='none needed'
board-lint-waive rule=region-unmapped object=ram reason='none needed'
";

/// Arguments of `lint`, its status, and texts of what it prints: to standard output where the status
/// is 0 or 1, to standard error otherwise.
const ROWS: &[(&str, i32, &[&str])] = &[
    (
        "{dir}/bad.qmp",
        1,
        &[
            "warning[region-unmapped]: 'ram' has no address\n  --> ",
            "bad.qmp:4: device_add driver=sysbus-memory id=ram size=64KiB\n",
            "\n  help: sysbus-mmio-map device=ram addr=0x80000000\n",
            "bad.qmp: 3 warnings, 1 note\n",
        ],
    ),
    ("boards/first.qmp {dir}/bad.qmp", 1, &["boards/first.qmp: no findings\n", ": 3 warnings"]),
    ("{dir}/waived.qmp", 0, &["note[console-missing]: ", "waived.qmp: 1 note, 3 waived\n"]),
    ("{dir}/waived.qmp --strict", 1, &["1 note, 3 waived\n"]),
    ("--severity warning {dir}/waived.qmp --strict", 0, &["no findings, 3 waived\n"]),
    ("--severity error {dir}/bad.qmp", 0, &["bad.qmp: no findings\n"]),
    ("--rule hart-no-timer --rule console-missing {dir}/bad.qmp", 1, &[": 1 warning, 1 note\n"]),
    ("machine:none machine:sifive_dt", 0, &["machine:none: no findings\nmachine:sifive_dt: no f"]),
    ("--json machine:none", 0, &[r#"{"board":"machine:none","errors":0,"warnings":0,"notes":0,"#]),
    ("--format sarif {dir}/bad.qmp", 1, &[r#""version":"2.1.0""#, r#"{"startLine":4}"#]),
    ("--list", 0, &["map-overlap            warning   two regions of the same priority overlap\n"]),
    ("--explain wire-dead", 0, &["error[wire-dead]: ", "\nA board with such", "\nInstead:\n"]),
    ("--manual", 0, &["# Rules of lint\n", "\n## wire-dead\n"]),
    ("", 2, &["lint needs a board\nusage: boardwright lint [OPTION...] BOARD..."]),
    ("--explain wire-ded", 2, &["there is no rule 'wire-ded'; did you mean wire-dead?\nusage: "]),
    ("--rule zzzzzz machine:none", 2, &["there is no rule 'zzzzzz'; lint --list has them all\n"]),
    ("--severity bad machine:none", 2, &["option --severity: 'bad' is not accepted"]),
    ("--format yaml machine:none", 2, &["'yaml' is not accepted: expected --format FORMAT"]),
    ("--json --format sarif machine:none", 2, &["options --json and --format contradict"]),
    ("--list machine:none", 2, &["unexpected argument: machine:none\nusage: "]),
    ("--explain wire-dead machine:none", 2, &["unexpected argument: machine:none\nusage: "]),
    ("{dir}/bad.qmp /no/where.qmp", 2, &["Cannot read '/no/where.qmp'"]),
    ("boards/guest/first.s", 2, &["'boards/guest/first.s' is no board.\n"]),
];

fn scratch() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    scratch.file("bad.qmp", BOARD)?;
    scratch.file("waived.qmp", format!("{BOARD}{WAIVED}"))?;
    Ok(scratch)
}

fn lint(scratch: &Scratch, line: &str) -> Result<program::Ended> {
    let dir = scratch.path("").display().to_string();
    let line = line.replace("{dir}", dir.trim_end_matches('/'));
    let words: Vec<&str> = std::iter::once("lint").chain(line.split_whitespace()).collect();
    program::run(&words)
}

#[test]
fn the_verb_tells_people_and_programs() -> Result<()> {
    let scratch = scratch()?;
    for (line, status, texts) in ROWS {
        let ended = lint(&scratch, line)?;
        ensure!(ended.status.code() == Some(*status), "{line}: {ended:?}");
        let (told, silent) =
            if *status == 2 { (&ended.err, &ended.out) } else { (&ended.out, &ended.err) };
        ensure!(silent.is_empty(), "{line}: {ended:?}");
        for text in *texts {
            ensure!(told.contains(text), "{line}: no {text:?} in {told}");
        }
    }
    Ok(())
}

/// What `--json` prints is what the command answers, with a summary.
#[test]
fn a_finding_has_all_that_a_program_needs() -> Result<()> {
    let scratch = scratch()?;
    let ended = lint(&scratch, "--json --rule region-unmapped {dir}/bad.qmp {dir}/waived.qmp")?;
    let boards: Vec<Value> =
        ended.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let [bad, waived] = boards.as_slice() else { anyhow::bail!("{}", ended.out) };
    let file = bad["board"].as_str().context("no name")?;
    let finding = &bad["findings"][0];
    for (member, value) in [
        ("rule", json!("region-unmapped")),
        ("severity", json!("warning")),
        ("objects", json!(["/machine/peripheral/ram"])),
        ("place", json!(format!("{file}:4"))),
        (
            "fix",
            json!([{ "command": "sysbus-mmio-map",
                         "arguments": { "device": "ram", "addr": 0x8000_0000_u32 } }]),
        ),
    ] {
        ensure!(finding[member] == value, "{member}: {finding}");
    }
    ensure!(bad["warnings"] == 1 && bad["waived"] == 0 && finding["waived"].is_null(), "{bad}");
    ensure!(waived["warnings"] == 0 && waived["waived"] == 1, "{waived}");
    ensure!(waived["findings"][0]["waived"] == "none needed", "{waived}");
    Ok(())
}

#[test]
fn clients_ask_and_waive() -> Result<()> {
    check(
        "-M none -preconfig -device riscv.hart_array,id=cpus -device sysbus-memory,id=ram,size=4K",
        r#"
        -> query-board-lint
        <- GenericError: The command 'query-board-lint' is not permitted at this phase
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> query-board-lint {"rules": ["no-such"]}
        <- GenericError: Parameter 'rules[0]' does not accept value 'no-such'
        -> query-board-lint severity=error
        <- []
        -> board-lint-waive rule=region-unmapped object=rom reason=x
        <- DeviceNotFound: Device 'rom' not found
        -> board-lint-waive rule=region-unmapped object=ram reason=""
        <- GenericError: Parameter 'reason' expects a text: why may the finding stay?
        -> board-lint-waive rule=region-unmapped object=ram
        <- GenericError: Parameter 'reason' is missing
        -> board-lint-waive rule=region-unmapped object=ram reason=x
        <- {}
        -> board-lint-waive rule=region-unmapped object=/machine/peripheral/ram reason=y
        <- GenericError: There is a waiver of 'region-unmapped' about '/machine/peripheral/ram' already
        -> query-board-lint {"rules": ["region-unmapped"]}
        <- []
        "#,
    )
}

/// A strict board is mended where it was refused; others are told of, or not looked at.
#[test]
fn strict_boards_are_refused_until_they_are_right() -> Result<()> {
    let options = "-M none,lint=strict -preconfig -device riscv.hart_array,id=cpus -m 64K";
    let (_program, mut client) = Program::with_qmp(&words(options))?;
    client.talk(
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        "#,
    )?;
    let refused = client.try_execute("next-machine-phase", json!({}))?;
    let expected = "The board has a finding (lint=strict); mend or waive them:\n\
        warning[hart-no-timer]: 'cpus/harts[0]' gets no timer interrupts";
    ensure!(refused["error"]["desc"] == expected, "{refused}");
    client.talk(
        r#"
        -> query-machine-phase
        <- {"phase": "initialized"}
        -> qom-set path=/machine property=lint value=strictly
        <- GenericError: Parameter 'lint' does not accept value 'strictly'
        -> board-lint-waive rule=hart-no-timer reason=short
        <- {}
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        -> query-board-lint {"rules": ["hart-no-timer"]}
        <- []
        "#,
    )?;
    for (mode, status) in [("off", false), ("warn", true)] {
        let scratch = Scratch::new()?;
        let board = format!(
            "{}\nsysbus-mmio-map device=ram addr=0\n",
            BOARD.replace("none", &format!("none lint={mode}"))
        );
        let finisher = "device_add driver=riscv.sifive.test id=end\n\
            sysbus-mmio-map device=end addr=0x100000\n\
            device_add driver=loader addr=0 data=0x001002b7 data-len=4\n\
            device_add driver=loader addr=4 data=0x00005337 data-len=4\n\
            device_add driver=loader addr=8 data=0x55530313 data-len=4\n\
            device_add driver=loader addr=12 data=0x0062a023 data-len=4\n\
            device_add driver=loader addr=0 cpu-num=0\nset-machine-phase phase=ready\n";
        let path = scratch.file("run.qmp", format!("{board}{finisher}"))?;
        let ended = program::run(&["run", &path.display().to_string()])?;
        let told = ended.err.contains("boardwright: warning[hart-no-timer]: ");
        ensure!(ended.status.success() && told == status, "{mode}: {ended:?}");
    }
    Ok(())
}
