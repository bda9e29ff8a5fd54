//! Commands: unknown ones, and arguments that are missing, too many or of a wrong type.

use anyhow::{Result, ensure};
use boardwright_tests::program::Scratch;
use serde_json::json;

use super::{Bench, Row};

/// At `initialized`. Missing and wrongly typed members come before unexpected ones.
const ARGUMENTS: &[Row] = &[
    ("device_add", "", "Parameter 'driver' is missing"),
    ("device_add", "'driver': 1", "Invalid parameter type for 'driver', expected: string"),
    (
        "device_add",
        "'driver': 'riscv.sifive.test', 'id': 1",
        "Invalid parameter type for 'id', expected: string",
    ),
    (
        "device_add",
        "'driver': 'riscv.sifive.test', 'id': null",
        "Invalid parameter type for 'id', expected: string",
    ),
    ("device_add", "'driver': 'riscv.sifive.test', 'bogus': 1", "Parameter 'bogus' is unexpected"),
    (
        "device_add",
        "'driver': 'serial-mm', 'bogus': 1, 'regshift': {}",
        "Parameter 'regshift' expects uint64",
    ),
    ("qom-get", "'path': '/'", "Parameter 'property' is missing"),
    ("qom-get", "'path': 1, 'bogus': 1", "Invalid parameter type for 'path', expected: string"),
    ("qom-get", "'path': '/', 'property': 'type', 'bogus': 1", "Parameter 'bogus' is unexpected"),
    ("qom-list", "'path': null", "Invalid parameter type for 'path', expected: string"),
    ("qom-list", "'path': ['/']", "Invalid parameter type for 'path', expected: string"),
    ("qom-list", "'Path': '/'", "Parameter 'path' is missing"),
    ("qom-set", "'path': 'ram', 'property': 'size'", "Parameter 'value' is missing"),
    ("sysbus-mmio-map", "'device': 'spare'", "Parameter 'addr' is missing"),
    ("sysbus-mmio-map", "'device': 'spare', 'addr': 1.5", "Parameter 'addr' expects uint64"),
    ("sysbus-mmio-map", "'device': 'spare', 'addr': 1.0", "Parameter 'addr' expects uint64"),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 18446744073709551616",
        "Parameter 'addr' expects uint64",
    ),
    ("sysbus-mmio-map", "'device': 'spare', 'addr': true", "Parameter 'addr' expects uint64"),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': '18446744073709551616'",
        "Parameter 'addr' expects uint64",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 'here'",
        "Parameter 'addr' expects an integer (decimal or 0x hexadecimal), not 'here'",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'mmio': 256",
        "Parameter 'mmio' expects uint8_t",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'mmio': -1",
        "Parameter 'mmio' expects uint8_t",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'priority': 2147483648",
        "Parameter 'priority' expects int32_t",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'priority': 1.0",
        "Invalid parameter type for 'priority', expected: integer",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 1",
        "Invalid parameter type for 'alias', expected: string",
    ),
    ("advance-machine-phase", "", "Parameter 'phase' is missing"),
    ("advance-machine-phase", "'phase': 3", "Invalid parameter type for 'phase', expected: string"),
    ("advance-machine-phase", "'phase': 'redy'", "Parameter 'phase' does not accept value 'redy'"),
    ("x-log-set", "'items': 'unimp'", "Invalid parameter type for 'items', expected: array"),
    ("x-log-set", "'items': [1]", "Invalid parameter type for 'items[0]', expected: string"),
    (
        "x-log-set",
        "'items': ['unimp', 'nope']",
        "Parameter 'items[1]' does not accept value 'nope'",
    ),
    (
        "x-log-set",
        "'items': [], 'filename': '/no/where/log'",
        "Cannot write the log to '/no/where/log': …",
    ),
    ("qom-list-types", "'abstract': 1", "Invalid parameter type for 'abstract', expected: boolean"),
    (
        "qom-list-types",
        "'abstract': 'on'",
        "Invalid parameter type for 'abstract', expected: boolean",
    ),
    ("human-monitor-command", "", "Parameter 'command-line' is missing"),
    (
        "human-monitor-command",
        "'command-line': 'info name', 'cpu-index': 1.0",
        "Invalid parameter type for 'cpu-index', expected: integer",
    ),
    (
        "human-monitor-command",
        "'command-line': '', 'cpu-index': 2",
        "Parameter 'cpu-index' expects a CPU number",
    ),
    (
        "human-monitor-command",
        "'command-line': '', 'cpu-index': -1",
        "Parameter 'cpu-index' expects a CPU number",
    ),
    ("query-status", "'bogus': 1", "Parameter 'bogus' is unexpected"),
    ("quit", "'now': true", "Parameter 'now' is unexpected"),
    ("next-machine-phase", "'phase': 'ready'", "Parameter 'phase' is unexpected"),
    ("x-chardev-add", "'id': 'c'", "Parameter 'backend' is missing"),
    ("x-chardev-add", "'id': 'c', 'backend': 'file'", "Parameter 'path' is missing"),
    ("x-chardev-add", "'id': 'c', 'backend': 'file', 'path': '/no/where/out'", "…/no/where/out…"),
    (
        "x-chardev-add",
        "'id': 'c', 'backend': 'socket'",
        "A socket needs 'path' (unix) or 'port' (TCP)",
    ),
    (
        "x-chardev-add",
        "'id': 'c', 'backend': 'socket', 'port': 65536",
        "Parameter 'port' expects uint16_t",
    ),
    (
        "x-chardev-add",
        "'id': 'c', 'backend': 'carrier-pigeon'",
        "Parameter 'backend' does not accept value 'carrier-pigeon'",
    ),
    ("device-list-properties", "'typename': 'nope'", "Device 'nope' not found"),
    ("qom-list-properties", "'typename': 'nope'", "Class 'nope' not found"),
    ("accel-set", "", "The command 'accel-set' is not permitted at this phase"),
    ("machine-set", "'type': 'none'", "The command 'machine-set' is not permitted at this phase"),
    // The gate comes before the arguments.
    ("machine-set", "'bogus': 1", "The command 'machine-set' is not permitted at this phase"),
    ("cont", "'bogus': 1", "Parameter 'bogus' is unexpected"),
];

/// At `no-machine`.
const MACHINE: &[Row] = &[
    ("machine-set", "", "Parameter 'type' is missing"),
    ("machine-set", "'type': 'microvm'", "Parameter 'type' does not accept value 'microvm'"),
    (
        "machine-set",
        "'type': 'none', 'smp': 4",
        "Invalid parameter type for 'smp', expected: object",
    ),
    ("machine-set", "'type': 'none', 'smp': {'cpus': {}}", "Parameter 'smp.cpus' expects uint64"),
    (
        "machine-set",
        "'type': 'none', 'smp': {'cpus': 4294967296}",
        "Parameter 'smp.cpus' expects uint32_t",
    ),
    ("machine-set", "'type': 'none', 'smp': {'cores': 1}", "Parameter 'smp.cores' is unexpected"),
    (
        "machine-set",
        "'type': 'none', 'memory': 'lots'",
        "Parameter 'memory' expects a size (…), not 'lots'",
    ),
    ("machine-set", "'type': 'none', 'strict': true", "Parameter 'strict' is unexpected"),
    ("machine-set", "'type': 'sifive_dt', 'ram-addr': 0", "Parameter 'ram-addr' is unexpected"),
    ("next-machine-phase", "", "There is no machine: choose one with 'machine-set' (option -M)"),
    ("device_add", "'driver': 'loader'", "The command 'device_add' is not permitted at this phase"),
    (
        "qom-list",
        "'path': '/machine'",
        "There is no board at 'no-machine': it exists from 'initialized' on",
    ),
];

#[test]
fn arguments_are_refused_with_the_texts_of_the_wire() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(ARGUMENTS)?;
    bench.good("sysbus-mmio-map", "'device': 'spare', 'addr': 0")?;
    bench.quit().map(drop)
}

#[test]
fn a_machine_that_is_refused_is_not_made() -> Result<()> {
    let mut bench = Bench::empty(Scratch::new()?, &[])?;
    bench.refuses(MACHINE)?;
    bench.good("machine-set", "'type': 'none'")?;
    bench.quit().map(drop)
}

#[test]
fn names_that_do_not_exist_bring_those_that_nearly_do() -> Result<()> {
    // Command and arguments; class, text and the near names.
    let rows: &[(&str, &str, &str, &str, &[&str])] = &[
        (
            "querry-status",
            "",
            "CommandNotFound",
            "The command querry-status has not been found",
            &["query-status"],
        ),
        (
            "device-add",
            "'driver': 'x'",
            "CommandNotFound",
            "The command device-add has not been found",
            &["device_add"],
        ),
        ("xyzzy", "", "CommandNotFound", "The command xyzzy has not been found", &[]),
        ("", "", "CommandNotFound", "The command  has not been found", &[]),
        (
            "device_add",
            "'driver': 'riscv.sifive.uarts', 'id': 'new'",
            "GenericError",
            "Parameter 'driver' does not accept value 'riscv.sifive.uarts'",
            &["riscv.sifive.uart"],
        ),
        (
            "device_add",
            "'driver': 'aclint.mtimer'",
            "GenericError",
            "Parameter 'driver' does not accept value 'aclint.mtimer'",
            &["riscv.aclint.mtimer"],
        ),
        (
            "device_add",
            "'driver': ''",
            "GenericError",
            "Parameter 'driver' does not accept value ''",
            &[],
        ),
        (
            "device_add",
            "'driver': 'riscv.hart_array', 'cpu-type': 'rv46'",
            "GenericError",
            "unable to find CPU model 'rv46'",
            &["rv64"],
        ),
        ("qom-list", "'path': 'urt'", "DeviceNotFound", "Device 'urt' not found", &["uart"]),
        (
            "sysbus-mmio-map",
            "'device': 'sprae', 'addr': 0",
            "DeviceNotFound",
            "Device 'sprae' not found",
            &["spare"],
        ),
        (
            "qom-get",
            "'path': 'ram', 'property': 'sise'",
            "GenericError",
            "Property 'sysbus-memory.sise' not found",
            &["size"],
        ),
        (
            "device-list-properties",
            "'typename': 'sysbus-memroy'",
            "DeviceNotFound",
            "Device 'sysbus-memroy' not found",
            &["sysbus-memory"],
        ),
    ];
    let mut bench = Bench::board()?;
    for (command, arguments, class, desc, near) in rows {
        let error = bench.refused(command, arguments)?;
        ensure!(
            error["class"] == *class && error["desc"] == *desc,
            "{command} {arguments}: {error}"
        );
        let names = error.pointer("/data/nearest").cloned().unwrap_or_else(|| json!([]));
        let names: Vec<&str> =
            names.as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        let found = if near.is_empty() {
            names.is_empty()
        } else {
            near.iter().all(|name| names.contains(name))
        };
        ensure!(found, "{command} {arguments}: near names {names:?}, expected {near:?}");
    }
    bench.good("device_add", "'driver': 'riscv.sifive.uart', 'id': 'new'")?;
    bench.quit().map(drop)
}

#[test]
fn a_refusal_by_phase_says_where_it_would_work() -> Result<()> {
    let mut bench = Bench::board()?;
    let error = bench.refused("accel-set", "")?;
    let expected = json!({
        "command": "accel-set", "phase": "initialized", "allowed-phases": ["machine-created"],
    });
    ensure!(error["data"] == expected, "{error}");
    let error = bench.refused("stop", "")?;
    ensure!(error["data"]["allowed-phases"] == json!(["ready"]), "{error}");
    bench.quit().map(drop)
}
