//! The journal and what it is for: undoing, transactions, boards as data, waivers.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Bench, Row, fits};

/// At `initialized`.
const ROWS: &[Row] = &[
    ("board-log", "'x': 1", "Parameter 'x' is unexpected"),
    ("board-undo", "'count': 0", "Parameter 'count' expects a number from 1"),
    ("board-undo", "'count': -1", "Parameter 'count' expects uint32_t"),
    ("board-undo", "'count': '1'", "Parameter 'count' expects uint64"),
    ("board-undo", "'count': 4294967296", "Parameter 'count' expects uint32_t"),
    ("board-undo", "'count': 4294967295", "…are more than have changed the board…"),
    ("board-dump", "'format': 'xml'", "Parameter 'format' does not accept value 'xml'"),
    ("board-dump", "'format': 3", "Invalid parameter type for 'format', expected: string"),
    ("board-diff", "", "Exactly one of 'with' and 'ago' is expected"),
    ("board-diff", "'ago': 1000", "…are more than have changed the board…"),
    ("board-diff", "'with': {}", "Parameter 'with.machine' is missing"),
    ("transaction", "", "Parameter 'actions' is missing"),
    ("transaction", "'actions': {}", "Invalid parameter type for 'actions', expected: array"),
    ("transaction", "'actions': [1]", "Invalid parameter type for 'actions[0]', expected: object"),
    ("transaction", "'actions': [{}]", "Parameter 'actions[0].command' is missing"),
    (
        "transaction",
        "'actions': [{'command': 'nope'}]",
        "actions[0]: The command nope has not been found",
    ),
    (
        "transaction",
        "'actions': [{'command': 'device_add', 'arguments': null}]",
        "actions[0]: QMP input member 'arguments' must be an object",
    ),
    (
        "transaction",
        "'actions': [], 'dry-run': 'on'",
        "Invalid parameter type for 'dry-run', expected: boolean",
    ),
    (
        "transaction",
        "'actions': [{'command': 'machine-set', 'arguments': {'type': 'virt'}}]",
        "actions[0]: The command 'machine-set' is not permitted at this phase",
    ),
    (
        "transaction",
        "'actions': [{'command': 'quit'}]",
        "actions[0]: The command 'quit' does not change the board, or not only that: it cannot be part of a transaction",
    ),
    (
        "transaction",
        "'actions': [{'command': 'device_del', 'arguments': {'id': 'ram'}}, {'command': 'board-undo'}]",
        "actions[1]: The command 'board-undo' does not change the board, …",
    ),
    // The object goes with the rest.
    (
        "transaction",
        "'actions': [{'command': 'object-add', 'arguments': {'qom-type': 'rng-builtin', 'id': 'r'}}, {'command': 'device_del', 'arguments': {'id': 'none'}}]",
        "actions[1]: Device 'none' not found",
    ),
    (
        "transaction",
        "'actions': [{'command': 'object-del', 'arguments': {'id': 'r'}}]",
        "actions[0]: object 'r' not found",
    ),
    ("board-lint-waive", "'rule': 'wire-dead'", "Parameter 'reason' is missing"),
    (
        "board-lint-waive",
        "'rule': 'wire-dead', 'reason': ' '",
        "Parameter 'reason' expects a text: why may the finding stay?",
    ),
    (
        "board-lint-waive",
        "'rule': 'x', 'reason': 'y'",
        "Parameter 'rule' does not accept value 'x'",
    ),
    (
        "board-lint-waive",
        "'rule': 'wire-dead', 'object': 'none', 'reason': 'y'",
        "Device 'none' not found",
    ),
    ("board-lint-unwaive", "", "Parameter 'rule' is missing"),
    ("board-lint-unwaive", "'rule': 'wire-dead'", "There is no waiver of 'wire-dead'"),
    (
        "board-lint-unwaive",
        "'rule': 'wire-dead', 'object': 'none'",
        "There is no waiver of 'wire-dead' about 'none'",
    ),
];

#[test]
fn the_journal_refuses_what_is_wrong() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(ROWS)?;
    images(&mut bench)?;
    bench.quit().map(drop)
}

fn images(bench: &mut Bench) -> Result<()> {
    let empty =
        json!({ "machine": { "type": "none" }, "devices": [], "mappings": [], "wires": [] });
    let uart = json!({ "driver": "riscv.sifive.uart", "id": "a" });
    let rows = [
        ("machine", json!({ "type": "virt" }), "machine: type other than 'none', …"),
        ("devices", json!([{ "driver": "x" }]), "Parameter 'with.devices[0].driver' …"),
        ("devices", json!([uart, uart]), "devices[1]: Duplicate device ID 'a'"),
        ("mappings", json!([{ "device": "a", "addr": 0 }]), "mappings[0]: Device 'a' not found"),
        ("wires", json!([{ "from": "x", "to": "y" }]), "wires[0]: 'x' is no output: …"),
        ("wires", json!([{ "from": "x/y[0]", "to": "" }]), "wires[0]: Device 'x' not found"),
        (
            "waivers",
            json!([{ "rule": "wire-dead", "reason": "" }]),
            "waivers[0]: Parameter 'reason' expects a text…",
        ),
        ("backends", json!([{ "command": "quit" }]), "The command 'quit' makes no back end"),
        (
            "objects",
            json!([{ "qom-type": "memory-backend-ram", "id": "m", "size": 0 }]),
            "objects[0]: property 'size' of a memory back end must be non-zero",
        ),
        (
            "objects",
            json!([{ "qom-type": "rng-builtin", "id": "1 2" }]),
            "objects[0]: Parameter 'id' expects an identifier…",
        ),
    ];
    for (member, value, text) in rows {
        let mut image = empty.clone();
        image[member] = value;
        let arguments = format!("'with': {image}");
        let error = bench.refused("board-diff", &arguments)?;
        let said = error["desc"].as_str().unwrap_or_default();
        ensure!(fits(text, said), "{arguments}: {said}");
    }
    Ok(())
}
