//! Guests that misbehave: the program survives and ends when it is told to.

use std::time::Duration;

use anyhow::{Result, ensure};
use boardwright_tests::program::Scratch;
use serde_json::json;

use super::Bench;

/// A board of some harts with a device of each kind, except the finisher, which a guest could end
/// the program with; the guest in `{dir}/guest`.
fn start(scratch: Scratch, cpu: &str, harts: usize) -> Result<Bench> {
    let mut bench = Bench::empty(scratch, &[])?;
    bench.good("machine-set", "'type': 'none'")?;
    bench.good("set-machine-phase", "'phase': 'initialized'")?;
    let config = vec!["MS"; harts].join(",");
    let devices = [
        (json!({ "driver": "riscv.hart_array", "id": "cpus", "cpu-type": cpu, "num-harts": harts, "resetvec": "0x80000000" }), None),
        (json!({ "driver": "sysbus-memory", "id": "ram", "size": "1M" }), Some(0x8000_0000_u64)),
        (json!({ "driver": "riscv.aclint.swi", "id": "swi", "num-harts": harts }), Some(0x200_0000)),
        (json!({ "driver": "riscv.aclint.mtimer", "id": "timer", "num-harts": harts }), Some(0x200_4000)),
        (json!({ "driver": "riscv.sifive.plic", "id": "plic", "hart-config": config }), Some(0xc00_0000)),
        (json!({ "driver": "riscv.sifive.uart", "id": "uart" }), Some(0x1001_3000)),
        (json!({ "driver": "serial-mm", "id": "serial" }), Some(0x1000_0000)),
    ];
    for (device, addr) in devices {
        let id = device["id"].clone();
        bench.client.execute("device_add", device)?;
        if let Some(addr) = addr {
            bench.client.execute("sysbus-mmio-map", json!({ "device": id, "addr": addr }))?;
        }
    }
    for hart in 0..harts {
        for (device, input) in [("swi", 3), ("timer", 7)] {
            bench.client.execute(
                "qom-set",
                json!({ "path": device, "property": format!("unnamed-gpio-out[{hart}]"), "value": format!("cpus/harts[{hart}]/unnamed-gpio-in[{input}]") }),
            )?;
        }
    }
    bench.good("device_add", "'driver': 'loader', 'file': '{dir}/guest', 'addr': '0x80000000', 'force-raw': true")?;
    bench.good("next-machine-phase", "")?;
    Ok(bench)
}

/// Lets the guest run, stops it, looks at it, resets it, and ends.
fn endure(mut bench: Bench, time: Duration) -> Result<()> {
    std::thread::sleep(time);
    bench.good("stop", "")?;
    ensure!(bench.info("registers")?.contains("pc"), "{}", bench.info("registers")?);
    bench.good("cont", "")?;
    bench.good("system_reset", "")?;
    std::thread::sleep(time / 4);
    ensure!(bench.good("query-status", "")?["running"] == true);
    bench.quit().map(drop)
}

/// Words without sense, the same each time for a seed (xorshift).
fn noise(seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    };
    (0..0x4000).map(|_| next()).collect()
}

#[test]
fn noise_as_firmware() -> Result<()> {
    for (seed, cpu, harts) in [(1, "rv64", 1), (2, "rv64", 4), (3, "rv32", 1), (4, "rv32", 4)] {
        let scratch = Scratch::new()?;
        scratch.words("guest", &noise(seed))?;
        endure(start(scratch, cpu, harts)?, Duration::from_secs(2))?;
    }
    Ok(())
}

#[test]
fn noise_at_devices() -> Result<()> {
    // Stores numbers that grow all over the place where devices are, and loads from there.
    const GUEST: &[u32] = &[
        0x0000_0297, // auipc t0, 0
        0x0402_8293, // addi  t0, t0, 0x40
        0x3052_9073, // csrw  mtvec, t0
        0xfff0_0313, // li    t1, -1
        0x3043_1073, // csrw  mie, t1
        0x3003_1073, // csrw  mstatus, t1
        0x0062_a023, // sw    t1, 0(t0), over the code at t0: traps go on from there
        0x0200_03b7, // lui   t2, 0x2000
        0x0000_6e37, // lui   t3, 6
        0x01c3_83b3, // add   t2, t2, t3
        0x0073_a023, // sw    t2, 0(t2)
        0x0003_b303, // ld    t1, 0(t2)
        0x0043_8393, // addi  t2, t2, 4
        0xff5f_f06f, // j     -12
    ];
    for harts in [1, 4] {
        let scratch = Scratch::new()?;
        scratch.words("guest", GUEST)?;
        endure(start(scratch, "rv64", harts)?, Duration::from_millis(1500))?;
    }
    Ok(())
}

#[test]
fn endless_traps() -> Result<()> {
    let guests: &[(&str, &[u32])] = &[
        // mtvec is 0 after a reset, and nothing is there: a trap at each fetch from then on.
        ("an illegal instruction", &[0x0000_0000]),
        ("a jump to nowhere", &[0x0000_0067]), // jr zero
        ("a load from nowhere", &[0x0000_3303]), // ld t1, 0(zero)
        ("a store to nowhere", &[0x0000_3023]), // sd zero, 0(zero)
        ("a call of nobody", &[0x0000_0073]), // ecall
        ("a breakpoint", &[0x0010_0073]),     // ebreak
        (
            "a handler that is the fault",
            &[
                0x0000_0297, // auipc t0, 0
                0x3052_9073, // csrw  mtvec, t0
                0x0000_0000,
            ],
        ),
        ("a sleep without an alarm", &[0x1050_0073, 0xffdf_f06f]), // wfi; j -4
        ("a jump to itself", &[0x0000_006f]),
        (
            "all interrupts and none",
            &[
                0xfff0_0313, // li    t1, -1
                0x3043_1073, // csrw  mie, t1
                0x3003_1073, // csrw  mstatus, t1
                0x1050_0073, // wfi
                0xffdf_f06f, // j     -4
            ],
        ),
    ];
    for (what, guest) in guests {
        let scratch = Scratch::new()?;
        scratch.words("guest", guest)?;
        let bench = start(scratch, "rv64", 2)?;
        endure(bench, Duration::from_millis(200)).map_err(|error| error.context(*what))?;
    }
    Ok(())
}

#[test]
fn accesses_to_nothing_are_logged_and_survived() -> Result<()> {
    // mtvec is set to `next`, so that each access is passed over.
    const GUEST: &[u32] = &[
        0x0000_0297, // auipc t0, 0
        0x01c2_8293, // addi  t0, t0, 28
        0x3052_9073, // csrw  mtvec, t0
        0x4000_0337, // lui   t1, 0x40000
        0x0003_3383, // ld    t2, 0(t1)
        0x0000_0013, // nop
        0x0000_0013, // nop
        // next:
        0x0073_3023, // sd    t2, 0(t1): traps to itself
    ];
    let scratch = Scratch::new()?;
    scratch.words("guest", GUEST)?;
    let log = scratch.path("log").display().to_string();
    let mut bench = start(scratch, "rv64", 1)?;
    bench.good("stop", "")?;
    bench.client.execute("x-log-set", json!({ "items": ["guest_errors", "int"], "filename": log }))?;
    bench.good("system_reset", "")?;
    bench.good("cont", "")?;
    std::thread::sleep(Duration::from_millis(200));
    bench.good("x-log-set", "'items': []")?;
    let text = std::fs::read_to_string(&log)?;
    for line in ["read of 8 bytes at 0x40000000: nothing is there", "write of 8 bytes at 0x40000000: nothing is there", "hart 0: exception 5", "hart 0: exception 7"] {
        ensure!(text.contains(line), "no {line:?} in\n{}", text.get(..2000).unwrap_or(&text));
    }
    endure(bench, Duration::from_millis(200))
}
