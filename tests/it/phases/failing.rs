//! Phases that cannot be entered: the machine stays where it was, and what was wrong can be mended.

use anyhow::Result;
use boardwright_tests::program::{Program, Scratch, root};
use boardwright_tests::transcript::{check, check_in, words};
use serde_json::json;

/// A device tree that is not there: `initialized` cannot be entered, until the property names one
/// that is. A jump over several phases is all or nothing.
#[test]
fn a_phase_that_cannot_be_entered_is_not_entered() -> Result<()> {
    const MACHINE: &str = r#"
        -> machine-set type=sifive_dt dtb={dir}/board.dts
        <- event MACHINE_PHASE_CHANGE {"phase": "machine-created"}
        <- {}"#;
    const ACCEL: &str = r#"
        -> accel-set
        <- event MACHINE_PHASE_CHANGE {"phase": "accel-created"}
        <- {}"#;
    const REFUSED: &str = r#"
        <- GenericError: {dir}/board.dts: cannot read the device tree: No such file or directory"#;
    // Where it stays, what leads there, the way on, and the event on it before `initialized`.
    let rows = [
        (
            "machine-created",
            MACHINE.to_string(),
            "advance-machine-phase phase=initialized",
            r#"<- event MACHINE_PHASE_CHANGE {"phase": "accel-created"}"#,
        ),
        ("accel-created", format!("{MACHINE}{ACCEL}"), "next-machine-phase", ""),
    ];
    let tree = std::fs::read(root().join("emulator/machines-data/sifive_dt.dts"))?;
    for (phase, before, next, passed) in rows {
        let mut transcript = before;
        for command in [next, "cont", "finish-machine-init", "set-machine-phase phase=ready"] {
            transcript.push_str(&format!("\n-> {command}{REFUSED}"));
        }
        transcript.push_str(&format!(
            r#"
            -> query-machine-phase
            <- {{"phase": "{phase}"}}
            -> query-status
            <- {{"running": false, "status": "prelaunch"}}
            -> qom-set path=/machine property=dtb value={{dir}}/good.dts
            <- {{}}
            -> {next}
            {passed}
            <- event MACHINE_PHASE_CHANGE {{"phase": "initialized"}}
            <- {{}}"#
        ));
        let scratch = Scratch::new()?;
        scratch.file("good.dts", &tree)?;
        check_in(scratch, "-S", &transcript)?;
    }
    Ok(())
}

#[test]
fn a_board_that_cannot_be_started_can_still_be_edited() -> Result<()> {
    let refusal = "GenericError: Cannot load 'loader data': 0x4 bytes at 0x90000000 are not all memory; add or map a sysbus-memory there";
    check(
        "-M none -preconfig",
        &format!(
            r#"
            -> next-machine-phase
            <- event MACHINE_PHASE_CHANGE {{"phase": "initialized"}}
            <- {{}}
            -> device_add driver=riscv.hart_array id=cpus resetvec=0x90000000
            <- {{}}
            -> device_add driver=loader id=image addr=0x90000000 data=0x6f data-len=4
            <- {{}}
            -> next-machine-phase
            <- {refusal}
            -> cont
            <- {refusal}
            -> finish-machine-init
            <- {refusal}
            -> query-machine-phase
            <- {{"phase": "initialized"}}
            -> query-status
            <- {{"running": false, "status": "prelaunch"}}
            -> device_add driver=sysbus-memory id=ram size=64KiB
            <- {{}}
            -> sysbus-mmio-map device=ram addr=0x90000000
            <- {{}}
            -> next-machine-phase
            <- event MACHINE_PHASE_CHANGE {{"phase": "ready"}}
            <- event RESUME
            <- {{}}
            "#
        ),
    )
}

/// A back end may be made after the device that uses it, up to `ready`.
#[test]
fn a_back_end_is_looked_for_at_ready() -> Result<()> {
    check(
        "-M none -preconfig -device riscv.sifive.uart,id=u,chardev=late",
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> next-machine-phase
        <- GenericError: Device 'u': character back end 'late' not found
        -> query-machine-phase
        <- {"phase": "initialized"}
        -> x-chardev-add id=late backend="null"
        <- {}
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        "#,
    )
}

/// What options ask for is part of entering `initialized`: if it fails, so does the phase, and
/// nothing of it remains.
#[test]
fn what_options_ask_for_can_keep_the_phase_from_being_entered() -> Result<()> {
    let rows = [
        ("-cpu nonesuch", "unable to find CPU model 'nonesuch'", "cpu"),
        (
            "-device sysbus-memory,id=a,size=4K -device sysbus-memory,id=a,size=8K",
            "option -device sysbus-memory,id=a,size=8K: Duplicate device ID 'a'",
            "",
        ),
    ];
    for (options, refusal, corrected) in rows {
        let options = format!("-M none -preconfig {options}");
        let (_program, mut client) = Program::with_qmp(&words(&options))?;
        for _ in 0..2 {
            let refused = client.refused("next-machine-phase", json!({}))?;
            assert!(refused.starts_with(refusal), "{refused}");
            assert_eq!(client.phase()?, "accel-created");
        }
        assert_eq!(client.take_events(), Vec::<String>::new());
        if !corrected.is_empty() {
            client.execute(
                "qom-set",
                json!({ "path": "/machine", "property": corrected, "value": "rv32" }),
            )?;
            client.execute("next-machine-phase", json!({}))?;
            assert_eq!(client.phase()?, "initialized");
        }
    }
    Ok(())
}
