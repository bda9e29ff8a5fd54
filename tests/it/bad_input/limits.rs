//! Enormous numbers: a clear answer, no panic, no host brought to its knees.

use anyhow::{Result, ensure};
use boardwright_tests::program::Scratch;
use serde_json::json;

use super::{Bench, Row};

const HUGE: &[Row] = &[
    (
        "device_add",
        "'driver': 'riscv.hart_array', 'num-harts': 4294967295",
        "Parameter 'num-harts' expects …, not 4294967295",
    ),
    (
        "device_add",
        "'driver': 'riscv.hart_array', 'num-harts': 4294967296",
        "Parameter 'num-harts' expects uint32_t",
    ),
    (
        "device_add",
        "'driver': 'riscv.aclint.swi', 'num-harts': 4294967295",
        "Parameter 'num-harts' expects …, not 4294967295",
    ),
    (
        "device_add",
        "'driver': 'riscv.aclint.mtimer', 'num-harts': 4294967295",
        "Parameter 'num-harts' expects …, not 4294967295",
    ),
    (
        "device_add",
        "'driver': 'riscv.sifive.plic', 'num-sources': 4294967295",
        "Parameter 'num-sources' expects …, not 4294967295",
    ),
    (
        "device_add",
        "'driver': 'riscv.sifive.plic', 'priority-base': 4294967292",
        "Parameter 'aperture-size' expects …",
    ),
    (
        "device_add",
        "'driver': 'sysbus-memory', 'id': 'm', 'size': 18446744073709551616",
        "Parameter 'size' expects uint64",
    ),
    (
        "device_add",
        "'driver': 'sysbus-memory', 'id': 'm', 'size': 1e30",
        "Parameter 'size' expects uint64",
    ),
];

#[test]
fn enormous_numbers_are_refused() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.refuses(HUGE)?;
    let contexts = vec!["MS"; 8000].join(",");
    let text = bench
        .client
        .refused("device_add", json!({ "driver": "riscv.sifive.plic", "hart-config": contexts }))?;
    ensure!(text == "Parameter 'hart-config' expects at most 15872 contexts", "{text}");
    bench.quit().map(drop)
}

#[test]
fn memory_that_the_host_cannot_give_keeps_the_board_from_ready() -> Result<()> {
    for size in ["0x8000000000000000", "0xffffffffffffffff", "0x7ffffffffffff000", "4096T"] {
        let mut bench = Bench::board()?;
        bench.client.execute(
            "device_add",
            json!({ "driver": "sysbus-memory", "id": "big", "size": size }),
        )?;
        // At 0, below everything else.
        bench.good("sysbus-mmio-map", "'device': 'big', 'addr': 0, 'priority': -1")?;
        for _ in 0..2 {
            bench.refuses(&[(
                "next-machine-phase",
                "",
                "Device 'big': cannot have 0x… bytes of memory: …",
            )])?;
        }
        bench.good("qom-get", "'path': 'big', 'property': 'mmio[0]'")?;
        bench.quit()?;
    }
    Ok(())
}

#[test]
fn machines_of_enormous_size_are_refused_on_entering_initialized() -> Result<()> {
    // The machine's options, the phase it comes to, and what keeps it there.
    let rows: &[(&str, &str, &str)] = &[
        (
            "'smp': {'cpus': 100000}",
            "accel-created",
            "device_add machine.cpus: Parameter 'num-harts' expects a number from 1 to 512, not 100000",
        ),
        (
            "'smp': {'cpus': 0}",
            "accel-created",
            "device_add machine.cpus: Parameter 'num-harts' expects …, not 0",
        ),
        ("'memory': 0", "accel-created", "device_add machine.ram: 'size' must be non-zero."),
        (
            "'memory': '16M', 'ram-addr': -4096",
            "accel-created",
            "sysbus-mmio-map machine.ram: Parameter 'addr' expects an address …",
        ),
        (
            "'memory': '8388608T'",
            "initialized",
            "Device 'machine.ram': cannot have 0x8000000000000000 bytes of memory: …",
        ),
    ];
    for (options, phase, refusal) in rows {
        let mut bench = Bench::empty(Scratch::new()?, &["-S"])?;
        bench.good("machine-set", &format!("'type': 'none', {options}"))?;
        bench.good("set-machine-phase", &format!("'phase': '{phase}'"))?;
        bench.refuses(&[("next-machine-phase", "", *refusal), ("cont", "", *refusal)])?;
        ensure!(bench.client.phase()? == *phase);
        bench.quit()?;
    }
    Ok(())
}

#[test]
fn boards_at_the_end_of_the_address_space_become_ready() -> Result<()> {
    let scratch = Scratch::new()?;
    let initrd = scratch.file("initrd", vec![1; 5000])?;
    let mut bench = Bench::empty(scratch, &["-S"])?;
    bench.client.execute(
        "machine-set",
        json!({ "type": "none", "smp": { "cpus": 1 }, "memory": "16M", "ram-addr": "0xffffffffff000000", "initrd": initrd }),
    )?;
    bench.good("set-machine-phase", "'phase': 'initialized'")?;
    for (id, driver) in [
        ("plic", "riscv.sifive.plic"),
        ("swi", "riscv.aclint.swi"),
        ("timer", "riscv.aclint.mtimer"),
    ] {
        bench.client.execute("device_add", json!({ "driver": driver, "id": id }))?;
    }
    bench.good(
        "sysbus-mmio-map",
        "'device': 'timer', 'addr': '0xffffffffffff8000', 'priority': 1",
    )?;
    bench.good(
        "sysbus-mmio-map",
        "'device': 'plic', 'addr': '0xfffffffffc000000', 'priority': -1",
    )?;
    let answer = bench.send("next-machine-phase", "")?;
    // There is no room for the initial file system behind the kernel's place: said, not suffered.
    ensure!(answer.get("return").is_some() || answer.get("error").is_some(), "{answer}");
    ensure!(
        bench.client.phase()?
            == if answer.get("error").is_some() { "initialized" } else { "ready" }
    );
    bench.quit().map(drop)
}

#[test]
fn many_devices_and_deep_paths_are_no_trouble() -> Result<()> {
    let mut bench = Bench::board()?;
    for index in 0..2000_u64 {
        bench.client.execute("device_add", json!({ "driver": "unimplemented-device", "id": format!("u{index}"), "name": "u", "size": 4096 }))?;
        bench.client.execute(
            "sysbus-mmio-map",
            json!({ "device": format!("u{index}"), "addr": 0x1_0000_0000 + index * 2048 }),
        )?;
    }
    let path = "/x".repeat(100_000);
    let text = bench.client.refused("qom-list", json!({ "path": path }))?;
    ensure!(text.starts_with("Device '/x/x/x"), "{}", &text[..40]);
    let name = "n".repeat(100_000);
    let text = bench.client.refused("qom-list", json!({ "path": name }))?;
    ensure!(text.starts_with("Device 'nnn"), "{}", &text[..40]);
    bench.good("next-machine-phase", "")?;
    bench.quit().map(drop)
}
