//! Memory map, paths and wires of a board.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Bench, Row};

const MAPS: &[Row] = &[
    ("sysbus-mmio-map", "'device': 'nope', 'addr': 0", "Device 'nope' not found"),
    ("sysbus-mmio-map", "'device': '', 'addr': 0", "Device '' not found"),
    ("sysbus-mmio-map", "'device': '/machine', 'addr': 0", "Device '/machine' not found"),
    ("sysbus-mmio-map", "'device': 'cpus/harts[0]', 'addr': 0", "Device 'cpus/harts[0]' not found"),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'mmio': 1, 'addr': 0",
        "MMIO index '1' does not exist in 'spare'",
    ),
    ("sysbus-mmio-map", "'device': 'cpus', 'addr': 0", "MMIO index '0' does not exist in 'cpus'"),
    ("sysbus-mmio-map", "'device': 'ram', 'addr': 0", "MMIO index '0' is already mapped"),
    ("x-sysbus-mmio-map", "'device': 'ram', 'addr': 0", "MMIO index '0' is already mapped"),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'offset': 0",
        "offset is only permitted when alias is set",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'size': 1",
        "size is only permitted when alias is set",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 18446744073709547521",
        "Parameter 'addr' expects an address at which 0x1000 bytes end below 2^64, not 0xfffffffffffff001",
    ),
    // -4095 wraps to the same.
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': -4095",
        "Parameter 'addr' expects …, not 0xfffffffffffff001",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a', 'size': 4097",
        "Alias of 0x1001 bytes at offset 0x0 is not within MMIO index '0' of 0x1000 bytes",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a', 'offset': 4095, 'size': 2",
        "Alias of 0x2 bytes at offset 0xfff is not within …",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a', 'offset': 4096",
        "Alias of 0x0 bytes at offset 0x1000 is …",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a', 'size': 0",
        "Alias of 0x0 bytes at offset 0x0 is not …",
    ),
    (
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a', 'offset': 18446744073709551615, 'size': 18446744073709551615",
        "Alias of 0xffffffffffffffff bytes at offset 0xffffffffffffffff is not within …",
    ),
];

const PATHS: &[Row] = &[
    ("qom-list", "'path': ''", "Device '' not found"),
    ("qom-list", "'path': '/nowhere'", "Device '/nowhere' not found"),
    (
        "qom-list",
        "'path': '/machine/peripheral/nope'",
        "Device '/machine/peripheral/nope' not found",
    ),
    (
        "qom-list",
        "'path': '/machine/peripheral-anon/uart'",
        "Device '/machine/peripheral-anon/uart' not found",
    ),
    ("qom-list", "'path': 'cpus/harts[2]'", "Device 'cpus/harts[2]' not found"),
    ("qom-list", "'path': 'cpus/harts[-1]'", "Device 'cpus/harts[-1]' not found"),
    ("qom-list", "'path': 'cpus/harts[99999999999]'", "Device 'cpus/harts[99999999999]' not found"),
    ("qom-list", "'path': 'cpus/harts[0]/more'", "Device 'cpus/harts[0]/more' not found"),
    ("qom-get", "'path': 'uart', 'property': ''", "Property 'riscv.sifive.uart.' not found"),
    (
        "qom-get",
        "'path': 'uart', 'property': 'nope'",
        "Property 'riscv.sifive.uart.nope' not found",
    ),
    (
        "qom-get",
        "'path': 'uart', 'property': 'sysbus-irq[1]'",
        "Property 'riscv.sifive.uart.sysbus-irq[1]' not found",
    ),
    (
        "qom-get",
        "'path': '/machine', 'property': 'strict'",
        "Property 'none-machine.strict' not found",
    ),
];

const WIRES: &[Row] = &[
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'plic/unnamed-gpio-in[3]'",
        "'/machine/peripheral/plic/unnamed-gpio-in[3]' is already driven by '/machine/peripheral/uart/sysbus-irq[0]'",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'uart/sysbus-irq[0]'",
        "'/machine/peripheral/uart/sysbus-irq[0]' is not an interrupt input",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'plic/unnamed-gpio-in[54]'",
        "Port 'unnamed-gpio-in[54]' not found; '/machine/peripheral/plic' has unnamed-gpio-in[0..53], unnamed-gpio-out[0..3]",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'plic/pin[1]'",
        "Port 'pin[1]' not found; …",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'ram/pin[1]'",
        "Port 'pin[1]' not found; … has no ports",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'plic'",
        "'plic' is no interrupt: expected DEVICE/PORT[N], such as plic/unnamed-gpio-in[3]",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 'pilc/unnamed-gpio-in[1]'",
        "Device 'pilc' not found",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[0]', 'value': 3",
        "Invalid parameter type for 'sysbus-irq[0]', expected: string",
    ),
    (
        "qom-set",
        "'path': 'serial', 'property': 'sysbus-irq[1]', 'value': ''",
        "Property 'serial-mm.sysbus-irq[1]' not found",
    ),
    (
        "qom-set",
        "'path': 'cpus', 'property': 'unnamed-gpio-in[3]', 'value': ''",
        "Property 'riscv.hart_array.unnamed-gpio-in[3]' not found",
    ),
    (
        "qom-set",
        "'path': 'plic', 'property': 'unnamed-gpio-out[4]', 'value': 'cpus/harts[0]/unnamed-gpio-in[11]'",
        "Property 'riscv.sifive.plic.unnamed-gpio-out[4]' not found",
    ),
    (
        "qom-set",
        "'path': 'plic', 'property': 'unnamed-gpio-out[0]', 'value': 'cpus/harts[0]/unnamed-gpio-in[64]'",
        "Port 'unnamed-gpio-in[64]' not found; '/machine/peripheral/cpus/harts[0]' has unnamed-gpio-in[0..63], nmi[0..0]",
    ),
    (
        "qom-set",
        "'path': 'plic', 'property': 'unnamed-gpio-out[0]', 'value': 'cpus/harts[2]/unnamed-gpio-in[3]'",
        "Device 'cpus/harts[2]' not found",
    ),
];

#[test]
fn mappings_are_refused() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(MAPS)?;
    bench.good("sysbus-mmio-map", "'device': 'spare', 'addr': -4096")?;
    bench.good("sysbus-mmio-map", "'device': 'spare', 'addr': 0, 'alias': 'a', 'offset': 4095")?;
    bench.refuses(&[(
        "sysbus-mmio-map",
        "'device': 'spare', 'addr': 0, 'alias': 'a'",
        "Alias 'a' of MMIO index '0' exists already",
    )])?;
    let map = bench.info("mtree")?;
    for line in [
        "    0000000000000000-0000000000000000 (prio 0): spare[0] (alias a)\r\n",
        "    fffffffffffff000-ffffffffffffffff (prio 0): spare[0]\r\n",
    ] {
        ensure!(map.contains(line), "no {line:?} in\n{map}");
    }
    bench.quit().map(drop)
}

#[test]
fn overlaps_are_accepted_and_shown() -> Result<()> {
    let mut bench = Bench::board()?;
    // Name, address, size, priority.
    let memories = [
        ("below", 0x8000_0000_u64, 0x1000, -1),
        ("above", 0x8000_1000, 0x1000, 1),
        ("later", 0x8000_2000, 0x1000, 0),
        ("half", 0x800f_f000, 0x2000, -1),
    ];
    for (id, addr, size, priority) in memories {
        bench
            .client
            .execute("device_add", json!({ "driver": "sysbus-memory", "id": id, "size": size }))?;
        bench.client.execute(
            "sysbus-mmio-map",
            json!({ "device": id, "addr": addr, "priority": priority }),
        )?;
    }
    let map = bench.info("mtree")?;
    for line in [
        "(prio 0): ram[0] [partly hidden]\r\n",
        "(prio -1): below[0] [hidden]\r\n",
        "(prio 1): above[0]\r\n",
        "(prio 0): later[0]\r\n",
        "(prio -1): half[0] [partly hidden]\r\n",
    ] {
        ensure!(map.contains(line), "no {line:?} in\n{map}");
    }
    bench.good("next-machine-phase", "")?;
    bench.quit().map(drop)
}

#[test]
fn paths_that_lead_nowhere_or_to_several_things_are_refused() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(PATHS)?;
    ensure!(bench.good("qom-get", "'path': 'harts[1]', 'property': 'type'")? == "rv64-riscv-cpu");
    bench.good("device_add", "'driver': 'riscv.hart_array', 'id': 'more', 'hartid-base': 2")?;
    bench.refuses(&[(
        "qom-get",
        "'path': 'harts[0]', 'property': 'type'",
        "Path 'harts[0]' is ambiguous: it fits /machine/peripheral/cpus/harts[0], /machine/peripheral/more/harts[0]",
    )])?;
    // The second array has one only.
    bench.good("qom-get", "'path': 'cpu[1]', 'property': 'type'")?;
    bench.quit().map(drop)
}

#[test]
fn wires_are_refused_changed_and_removed() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(WIRES)?;
    let read = |bench: &mut Bench, path: &str, property: &str| -> Result<String> {
        let value =
            bench.client.execute("qom-get", json!({ "path": path, "property": property }))?;
        Ok(value.as_str().unwrap_or_default().into())
    };
    let set = |bench: &mut Bench, path: &str, property: &str, value: &str| {
        bench
            .client
            .execute("qom-set", json!({ "path": path, "property": property, "value": value }))
    };
    ensure!(
        read(&mut bench, "uart", "sysbus-irq[0]")? == "/machine/peripheral/plic/unnamed-gpio-in[3]"
    );
    // The same again is no mistake.
    set(&mut bench, "uart", "sysbus-irq[0]", "plic/unnamed-gpio-in[3]")?;
    // Elsewhere: the old input is free for another.
    set(&mut bench, "uart", "sysbus-irq[0]", "plic/unnamed-gpio-in[4]")?;
    set(&mut bench, "serial", "sysbus-irq[0]", "plic/unnamed-gpio-in[3]")?;
    // Gone, and from the other end back again.
    set(&mut bench, "serial", "sysbus-irq[0]", "")?;
    ensure!(read(&mut bench, "serial", "sysbus-irq[0]")?.is_empty());
    set(&mut bench, "plic", "unnamed-gpio-in[3]", "serial/sysbus-irq[0]")?;
    ensure!(
        read(&mut bench, "serial", "sysbus-irq[0]")?
            == "/machine/peripheral/plic/unnamed-gpio-in[3]"
    );
    let tree = bench.info("qtree")?;
    for line in [
        "irq /machine/peripheral/uart/sysbus-irq[0] -> /machine/peripheral/plic/unnamed-gpio-in[4]\r\n",
        "irq /machine/peripheral/serial/sysbus-irq[0] -> /machine/peripheral/plic/unnamed-gpio-in[3]\r\n",
    ] {
        ensure!(tree.contains(line), "no {line:?} in\n{tree}");
    }
    // Emptying an input takes its wire away too.
    set(&mut bench, "plic", "unnamed-gpio-in[3]", "")?;
    ensure!(read(&mut bench, "serial", "sysbus-irq[0]")?.is_empty());
    bench.good("next-machine-phase", "")?;
    bench.quit().map(drop)
}
