//! The ladder from `no-machine` to `ready`: which command is permitted where, how phases are
//! entered, in which order clients hear of it, and what happens when one cannot be entered.

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch, root};
use boardwright_tests::transcript::{check, check_in, words};
use serde_json::{Value, json};

/// The phases, and the command that enters each from the one before.
const PHASES: &[(&str, &str)] = &[
    ("no-machine", ""),
    ("machine-created", r#"machine-set {"type": "none"}"#),
    ("accel-created", "accel-set"),
    ("initialized", "next-machine-phase"),
    ("ready", "next-machine-phase"),
];

/// Where commands are permitted, written by hand from boards-by-command.md: what the schema says
/// must be this. A letter a phase: n(o-machine) m(achine-created) a(ccel-created) i(nitialized)
/// r(eady).
const PERMITTED: &[(&str, &str)] = &[
    ("qmp_capabilities", "nmair"),
    ("query-version", "nmair"),
    ("query-commands", "nmair"),
    ("query-name", "nmair"),
    ("query-qmp-schema", "nmair"),
    ("query-machines", "nmair"),
    ("query-status", "nmair"),
    ("query-chardev", "nmair"),
    ("query-machine-phase", "nmair"),
    ("next-machine-phase", "nmair"),
    ("advance-machine-phase", "nmair"),
    ("set-machine-phase", "nmair"),
    ("human-monitor-command", "nmair"),
    ("device-list-properties", "nmair"),
    ("qom-list-types", "nmair"),
    ("qom-list-properties", "nmair"),
    ("quit", "nmair"),
    ("machine-set", "n"),
    ("accel-set", "m"),
    ("x-exit-preconfig", "ar"),
    ("finish-machine-init", "mai"),
    ("cont", "mair"),
    ("qom-set", "mair"),
    ("device_add", "ir"),
    ("sysbus-mmio-map", "i"),
    ("x-sysbus-mmio-map", "i"),
    ("stop", "r"),
    ("system_reset", "r"),
    ("system_powerdown", "r"),
    ("query-cpus-fast", "r"),
];

/// The phases of a command out of the letters.
fn phases(letters: &str) -> Vec<&'static str> {
    PHASES.iter().map(|(name, _)| *name).filter(|name| letters.contains(&name[..1])).collect()
}

/// Commands with their permitted phases, as introspection tells them.
fn introspect(client: &mut Client) -> Result<Vec<(String, Vec<String>)>> {
    let schema = client.execute("query-qmp-schema", json!({}))?;
    let entries = schema.as_array().context("no array")?;
    let commands = entries.iter().filter(|entry| entry["meta-type"] == "command");
    Ok(commands
        .map(|command| {
            let phases = match command["allowed-phases"].as_array() {
                Some(list) => list.iter().filter_map(|p| p.as_str().map(String::from)).collect(),
                None => vec![String::from("ready")],
            };
            (command["name"].as_str().unwrap_or_default().into(), phases)
        })
        .collect())
}

/// Tries a command with an argument that none has, so that nothing happens either way: the gate
/// stands before the arguments.
fn try_command(client: &mut Client, phase: &str, name: &str, permitted: &[String]) -> Result<()> {
    let answer = client.try_execute(name, json!({ "zz": 1 }))?;
    if permitted.iter().any(|permitted| permitted == phase) {
        let desc = answer["error"]["desc"].as_str().unwrap_or_default();
        assert!(
            desc == "Parameter 'zz' is unexpected"
                || (desc.starts_with("Parameter '") && desc.ends_with("' is missing")),
            "{name} at {phase}: {answer}"
        );
    } else {
        let expected = json!({ "error": {
            "class": "GenericError",
            "desc": format!("The command '{name}' is not permitted at this phase"),
            "data": { "command": name, "phase": phase, "allowed-phases": permitted },
        }});
        assert_eq!(answer, expected, "{name} at {phase}");
    }
    Ok(())
}

#[test]
fn every_command_in_every_phase() -> Result<()> {
    // With a standing guest: nothing but the phase changes between the rounds.
    let (_program, mut client) = Program::with_qmp(&["-S"])?;
    let commands = introspect(&mut client)?;
    for (phase, enter) in PHASES {
        if !enter.is_empty() {
            client.talk(&format!(
                "-> {enter}\n<- event MACHINE_PHASE_CHANGE {{\"phase\": \"{phase}\"}}\n<- {{}}"
            ))?;
        }
        for (name, permitted) in &commands {
            try_command(&mut client, phase, name, permitted)?;
        }
        assert_eq!(client.phase()?, *phase, "nothing that was tried may have happened");
        let listed = client.execute("query-commands", json!({}))?;
        let expected: Vec<Value> = commands
            .iter()
            .map(|(name, permitted)| {
                json!({ "name": name, "permitted": permitted.iter().any(|one| one == phase) })
            })
            .collect();
        assert_eq!(listed, json!(expected), "query-commands at {phase}");
        let unknown = client.try_execute("no-such-command", json!({ "zz": 1 }))?;
        assert_eq!(unknown["error"]["class"], "CommandNotFound", "{unknown}");
    }
    Ok(())
}

#[test]
fn the_schema_permits_what_was_agreed() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    let commands = introspect(&mut client)?;
    for (name, letters) in PERMITTED {
        let (_, told) = commands.iter().find(|(known, _)| known == name).context(*name)?;
        assert_eq!(told, &phases(letters), "{name}");
    }
    Ok(())
}

#[test]
fn without_a_machine_no_phase_can_be_entered() -> Result<()> {
    check(
        "",
        r#"
        -> query-machine-phase
        <- {"phase": "no-machine"}
        -> next-machine-phase
        <- GenericError: There is no machine: choose one with 'machine-set' (option -M)
        -> advance-machine-phase phase=no-machine
        <- GenericError: Machine is already in the target phase
        -> advance-machine-phase phase=machine-created
        <- GenericError: Target machine phase too early to enter this way
        -> advance-machine-phase phase=ready
        <- GenericError: There is no machine: choose one with 'machine-set' (option -M)
        -> set-machine-phase phase=no-machine
        <- {}
        -> set-machine-phase phase=initialized
        <- GenericError: There is no machine: choose one with 'machine-set' (option -M)
        -> advance-machine-phase phase=finished
        <- GenericError: Parameter 'phase' does not accept value 'finished'
        -> query-machine-phase
        <- {"phase": "no-machine"}
        -> query-status
        <- {"running": false, "status": "prelaunch"}
        "#,
    )
}

#[test]
fn a_step_forward_is_told_and_a_step_back_refused() -> Result<()> {
    check(
        "-M none -preconfig",
        r#"
        -> query-machine-phase
        <- {"phase": "accel-created"}
        -> advance-machine-phase phase=accel-created
        <- GenericError: Machine is already in the target phase
        -> set-machine-phase phase=accel-created
        <- {}
        -> advance-machine-phase phase=machine-created
        <- GenericError: Target machine phase already entered
        -> set-machine-phase phase=no-machine
        <- GenericError: Target machine phase already entered
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> set-machine-phase phase=initialized
        <- {}
        -> advance-machine-phase phase=accel-created
        <- GenericError: Target machine phase already entered
        -> query-status
        <- {"running": false, "status": "prelaunch"}
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        -> query-status
        <- {"running": true, "status": "running"}
        -> next-machine-phase
        <- GenericError: Cannot increment machine init phase any further
        -> advance-machine-phase phase=ready
        <- GenericError: Machine is already in the target phase
        -> set-machine-phase phase=ready
        <- {}
        -> set-machine-phase phase=initialized
        <- GenericError: Target machine phase already entered
        -> x-exit-preconfig
        <- GenericError: The command is permitted only before machine initialization
        "#,
    )
}

/// Every way to `ready` from `machine-created`: the phases are told one by one, then the guest's
/// start if it starts, then the answer.
#[test]
fn several_steps_are_told_in_order() -> Result<()> {
    const EVENTS: &str = r#"
        <- event MACHINE_PHASE_CHANGE {"phase": "accel-created"}
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}"#;
    let running = r#"{"running": true, "status": "running"}"#;
    let standing = r#"{"running": false, "status": "prelaunch"}"#;
    let rows = [
        ("", "advance-machine-phase phase=ready", true),
        ("", "set-machine-phase phase=ready", true),
        ("", "cont", true),
        ("", "finish-machine-init", false),
        ("-S", "advance-machine-phase phase=ready", false),
        ("-S", "set-machine-phase phase=ready", false),
        ("-S", "finish-machine-init", false),
        // Whoever says cont means it.
        ("-S", "cont", true),
    ];
    for (options, command, runs) in rows {
        let (resume, status) = if runs { ("<- event RESUME", running) } else { ("", standing) };
        let transcript = format!(
            "-> machine-set type=none\n<- event MACHINE_PHASE_CHANGE {{\"phase\": \"machine-created\"}}\n<- {{}}\n\
             -> {command}\n{EVENTS}\n{resume}\n<- {{}}\n-> query-status\n<- {status}"
        );
        check(options, &transcript).with_context(|| format!("{options} {command}"))?;
    }
    Ok(())
}

#[test]
fn the_commands_that_enter_one_phase() -> Result<()> {
    check(
        "",
        r#"
        -> machine-set type=nonesuch
        <- GenericError: Parameter 'type' does not accept value 'nonesuch'
        -> machine-set type=none ram-addr=0x80000000 memory=0x10000
        <- event MACHINE_PHASE_CHANGE {"phase": "machine-created"}
        <- {}
        -> qom-get path=/machine property=ram-addr
        <- 2147483648
        -> accel-set accel=kvm
        <- GenericError: Parameter 'accel' does not accept value 'kvm'
        -> query-machine-phase
        <- {"phase": "machine-created"}
        -> accel-set accel=tcg
        <- event MACHINE_PHASE_CHANGE {"phase": "accel-created"}
        <- {}
        -> x-exit-preconfig
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        "#,
    )?;
    check(
        "-M none -preconfig -S",
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> finish-machine-init
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> query-status
        <- {"running": false, "status": "prelaunch"}
        -> cont
        <- event RESUME
        <- {}
        "#,
    )
}

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
