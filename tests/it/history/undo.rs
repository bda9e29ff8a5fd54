//! `board-undo` and `transaction`: the way back, and all or nothing.

use anyhow::{Context, Result};
use boardwright_tests::program::Program;
use boardwright_tests::transcript::{check, words};
use serde_json::json;

#[test]
fn what_commands_have_done_is_taken_back_down_to_the_empty_board() -> Result<()> {
    check(
        "-M none -m 1M -preconfig -device riscv.hart_array,id=cpus",
        r#"
        -> board-undo
        <- GenericError: The command 'board-undo' is not permitted at this phase
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=sysbus-memory id=ram size=4096
        <- {}
        -> sysbus-mmio-map device=ram addr=0
        <- {}
        -> board-undo count=0
        <- GenericError: Parameter 'count' expects a number from 1
        -> board-undo count=6
        <- GenericError: 6 commands are more than have changed the board: 5 (a transaction is one)
        -> qom-list path=ram
        <- *
        -> board-undo count=2
        <- *
        -> qom-list path=ram
        <- DeviceNotFound: Device 'ram' not found
        -> device_add driver=sysbus-memory id=ram size=8192
        <- {}
        -> board-undo count=4
        <- *
        -> qom-list path=/machine/peripheral
        <- [{"name": "type", "type": "string"}]
        -> board-undo
        <- GenericError: No command has changed the board since it is there
        -> set-machine-phase phase=ready
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        -> board-undo
        <- GenericError: The command 'board-undo' is not permitted at this phase
        "#,
    )
}

#[test]
fn what_was_before_is_not_lost_with_a_phase_that_cannot_be_entered() -> Result<()> {
    check(
        "-M none -preconfig",
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=riscv.sifive.uart id=u chardev=missing
        <- {}
        -> next-machine-phase
        <- GenericError: Device 'u': character back end 'missing' not found
        -> board-undo
        <- *
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        "#,
    )
}

#[test]
fn a_transaction_is_all_or_nothing_and_one_step_back() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&words("-M none -preconfig"))?;
    client.execute("next-machine-phase", json!({}))?;
    let ram = json!({ "command": "device_add",
                      "arguments": { "driver": "sysbus-memory", "id": "ram", "size": 4096 } });
    let at = json!({ "command": "sysbus-mmio-map", "arguments": { "device": "ram", "addr": 0 } });
    let refusals = [
        (json!([ram, at, at]), "actions[2]: MMIO index '0' is already mapped"),
        (
            json!([ram, { "command": "device_add", "arguments": [] }]),
            "actions[1]: QMP input member 'arguments' must be an object",
        ),
        (
            json!([ram, { "command": "nonesuch" }]),
            "actions[1]: The command nonesuch has not been found",
        ),
        (
            json!([ram, { "command": "machine-set", "arguments": { "type": "none" } }]),
            "actions[1]: The command 'machine-set' is not permitted at this phase",
        ),
        (
            json!([ram, { "command": "board-undo" }]),
            "actions[1]: The command 'board-undo' does not change the board, or not only that: it cannot be part of a transaction",
        ),
        (
            json!([{ "command": "transaction", "arguments": { "actions": [ram] } }]),
            "actions[0]: The command 'transaction' does not change the board, or not only that: it cannot be part of a transaction",
        ),
        (
            json!([{ "command": "next-machine-phase" }]),
            "actions[0]: The command 'next-machine-phase' does not change the board, or not only that: it cannot be part of a transaction",
        ),
    ];
    for (actions, refusal) in refusals {
        for dry in [false, true] {
            let arguments = json!({ "actions": actions, "dry-run": dry });
            assert_eq!(client.refused("transaction", arguments)?, refusal);
            assert_eq!(client.execute("board-log", json!({}))?.as_array().map(Vec::len), Some(1));
        }
    }
    let rehearsed =
        client.execute("transaction", json!({ "actions": [ram, at], "dry-run": true }))?;
    assert_eq!(rehearsed["changes"]["devices"][0]["device"], "ram");
    assert_eq!(rehearsed["changes"]["mappings"][0]["after"]["addr"], 0);
    client.refused("qom-list", json!({ "path": "ram" }))?;

    assert_eq!(client.execute("transaction", json!({ "actions": [] }))?, json!({}));
    assert_eq!(client.execute("transaction", json!({ "actions": [ram, at] }))?, json!({}));
    let log = client.execute("board-log", json!({}))?;
    let place = log[2]["place"].as_str().context("no place")?;
    assert_eq!(place, "QMP client 1 at compat_monitor0, actions[1]");
    let since = client.execute("board-diff", json!({ "ago": 1 }))?;
    assert_eq!(since, rehearsed["changes"]);
    let undone = client.execute("board-undo", json!({}))?;
    assert_eq!(undone.as_array().map(Vec::len), Some(2));
    assert_eq!(undone[0]["command"], "sysbus-mmio-map");
    client.refused("qom-list", json!({ "path": "ram" }))?;
    Ok(())
}
