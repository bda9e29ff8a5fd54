//! How phases are entered, and in which order clients hear of it.

use anyhow::{Context, Result};
use boardwright_tests::transcript::check;

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
