//! Properties of devices and machine, set before and after `ready`.

use anyhow::{Result, ensure};

use super::{Bench, Row};

const PROPERTIES: &[Row] = &[
    (
        "qom-set",
        "'path': 'spare', 'property': 'size', 'value': true",
        "Parameter 'size' expects uint64",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'size', 'value': null",
        "Parameter 'size' expects uint64",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'size', 'value': {}",
        "Parameter 'size' expects uint64",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'size', 'value': 'big'",
        "Parameter 'size' expects a size (…), not 'big'",
    ),
    ("qom-set", "'path': 'spare', 'property': 'size', 'value': 0", "'size' must be non-zero."),
    (
        "qom-set",
        "'path': 'spare', 'property': 'readonly', 'value': 'maybe'",
        "Parameter 'readonly' expects 'on' or 'off', not 'maybe'",
    ),
    (
        "qom-set",
        "'path': 'plic', 'property': 'hart-config', 'value': 'X'",
        "Parameter 'hart-config' expects …, not 'X'",
    ),
    (
        "qom-set",
        "'path': 'plic', 'property': 'num-sources', 'value': 3",
        "Port '/machine/peripheral/plic/unnamed-gpio-in[3]' is wired and would vanish",
    ),
    (
        "qom-set",
        "'path': 'cpus', 'property': 'num-harts', 'value': 4294967295",
        "Parameter 'num-harts' expects a number from 1 to 512, not 4294967295",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'colour', 'value': 1",
        "Property 'sysbus-memory.colour' not found",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'driver', 'value': 'loader'",
        "Property 'sysbus-memory.driver' not found",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'type', 'value': 'loader'",
        "Property 'sysbus-memory.type' is read-only",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'hotplugged', 'value': true",
        "Property 'sysbus-memory.hotplugged' is read-only",
    ),
    (
        "qom-set",
        "'path': 'spare', 'property': 'mmio[0]', 'value': 0",
        "Property 'sysbus-memory.mmio[0]' is read-only",
    ),
    (
        "qom-set",
        "'path': 'cpus', 'property': 'harts[0]', 'value': 'x'",
        "Property 'riscv.hart_array.harts[0]' is read-only",
    ),
    (
        "qom-set",
        "'path': '/', 'property': 'machine', 'value': 'x'",
        "Property 'container.machine' is read-only",
    ),
    (
        "qom-set",
        "'path': '/machine', 'property': 'memory', 'value': 4096",
        "Property 'memory' of the machine is used on entering 'initialized': …",
    ),
    (
        "qom-set",
        "'path': '/machine', 'property': 'ram-addr', 'value': 'x'",
        "Parameter 'ram-addr' expects …, not 'x'",
    ),
    // What is mapped keeps its size: the map would otherwise show what is not there.
    (
        "qom-set",
        "'path': 'ram', 'property': 'size', 'value': 4096",
        "Region 0 of 'ram' is mapped …",
    ),
];

/// At `ready`.
const AFTER_READY: &[Row] = &[
    (
        "qom-set",
        "'path': 'ram', 'property': 'size', 'value': 4096",
        "Attempt to set property 'size' on device '/machine/peripheral/ram' (type 'sysbus-memory') after it was realized",
    ),
    (
        "qom-set",
        "'path': 'uart', 'property': 'sysbus-irq[0]', 'value': ''",
        "Attempt to set property 'sysbus-irq[0]' on device … after it was realized",
    ),
    (
        "qom-set",
        "'path': 'ram', 'property': 'nope', 'value': 1",
        "Property 'sysbus-memory.nope' not found",
    ),
    ("qom-set", "'path': 'rma', 'property': 'size', 'value': 1", "Device 'rma' not found"),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0",
        "The command 'sysbus-mmio-map' is not permitted at this phase",
    ),
    ("next-machine-phase", "", "Cannot increment machine init phase any further"),
];

#[test]
fn properties_are_refused_before_and_after_ready() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(PROPERTIES)?;
    bench.good("qom-set", "'path': 'spare', 'property': 'size', 'value': '8K'")?;
    ensure!(bench.good("qom-get", "'path': 'spare', 'property': 'size'")? == 8192);
    bench.good("next-machine-phase", "")?;
    bench.refuses(AFTER_READY)?;
    ensure!(bench.good("qom-get", "'path': 'spare', 'property': 'size'")? == 8192);
    bench.good("cont", "")?;
    bench.quit().map(drop)
}
