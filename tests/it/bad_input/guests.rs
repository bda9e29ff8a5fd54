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
        (
            json!({ "driver": "riscv.hart_array", "id": "cpus", "cpu-type": cpu, "num-harts": harts, "resetvec": "0x80000000" }),
            None,
        ),
        (json!({ "driver": "sysbus-memory", "id": "ram", "size": "1M" }), Some(0x8000_0000_u64)),
        (
            json!({ "driver": "riscv.aclint.swi", "id": "swi", "num-harts": harts }),
            Some(0x200_0000),
        ),
        (
            json!({ "driver": "riscv.aclint.mtimer", "id": "timer", "num-harts": harts }),
            Some(0x200_4000),
        ),
        (
            json!({ "driver": "riscv.sifive.plic", "id": "plic", "hart-config": config }),
            Some(0xc00_0000),
        ),
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
    bench.good(
        "device_add",
        "'driver': 'loader', 'file': '{dir}/guest', 'addr': '0x80000000', 'force-raw': true",
    )?;
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
    // Numbers of a congruential generator go to registers that it chooses, in several widths, and
    // are read back; what traps is passed over.
    const GUEST: &[u32] = &[
        0x0000_0417, // auipc s0, 0
        0x05c4_0293, // addi  t0, s0, handler
        0x3052_9073, // csrw  mtvec, t0
        0xf140_2e73, // csrr  t3, mhartid
        0x001e_0e13, // addi  t3, t3, 1
        0x41c6_54b7, // lui   s1, 0x41c65
        0xe6d4_8493, // addi  s1, s1, -403
        0x029e_0e33, // loop: mul t3, t3, s1
        0x3f5e_0e13, // addi  t3, t3, 1013
        0x014e_5e93, // srli  t4, t3, 20
        0x01ce_fe93, // andi  t4, t4, 0x1c
        0x008e_8eb3, // add   t4, t4, s0
        0x06ce_ee83, // lwu   t4, table(t4)
        0x021e_5f13, // srli  t5, t3, 33
        0x7fff_7f13, // andi  t5, t5, 0x7ff
        0x002f_1f13, // slli  t5, t5, 2
        0x01ee_8eb3, // add   t4, t4, t5
        0x01ce_a023, // sw    t3, 0(t4)
        0x000e_af83, // lw    t6, 0(t4)
        0x01ce_b023, // sd    t3, 0(t4)
        0x001e_bf83, // ld    t6, 1(t4)
        0x01ce_81a3, // sb    t3, 3(t4)
        0xfc5f_f06f, // j     loop
        0x3410_2ff3, // handler: csrr t6, mepc
        0x004f_8f93, // addi  t6, t6, 4
        0x341f_9073, // csrw  mepc, t6
        0x3020_0073, // mret
        0x0200_0000, // table: swi
        0x0200_4000, // timer, mtimecmp
        0x0200_a000, // timer, mtime
        0x0c00_0000, // plic, priorities
        0x0c00_1000, // plic, pending and enables
        0x0c20_0000, // plic, contexts
        0x1000_0000, // serial
        0x1001_3000, // uart
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
        ("a jump to nowhere", &[0x0000_0067]),   // jr zero
        ("a load from nowhere", &[0x0000_3303]), // ld t1, 0(zero)
        ("a store to nowhere", &[0x0000_3023]),  // sd zero, 0(zero)
        ("a call of nobody", &[0x0000_0073]),    // ecall
        ("a breakpoint", &[0x0010_0073]),        // ebreak
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
    bench
        .client
        .execute("x-log-set", json!({ "items": ["guest_errors", "int"], "filename": log }))?;
    bench.good("system_reset", "")?;
    bench.good("cont", "")?;
    std::thread::sleep(Duration::from_millis(200));
    bench.good("x-log-set", "'items': []")?;
    let text = std::fs::read_to_string(&log)?;
    for line in [
        "read of 8 bytes at 0x40000000: nothing is there",
        "write of 8 bytes at 0x40000000: nothing is there",
        "desc=load_access_fault",
        "desc=store_access_fault",
    ] {
        ensure!(text.contains(line), "no {line:?} in\n{}", text.get(..2000).unwrap_or(&text));
    }
    endure(bench, Duration::from_millis(200))
}

/// Every CSR number is written with a number that differs from round to round, and each trap is
/// passed over; `mtvec` alone is left.
#[test]
fn every_register_is_written() -> Result<()> {
    const MTVEC: u32 = 0x305;
    let (s0, t1, t2) = (8, 6, 7);
    let mut guest = vec![
        0x0000_0417, // auipc s0, 0
        0x0184_0293, // addi  t0, s0, handler
        0x3052_9073, // csrw  mtvec, t0
        0x0304_0413, // addi  s0, s0, loop
        0x0200_006f, // j     .+32: loop
        0x0000_0013, // nop
        // handler:
        0x3410_2ff3, // csrr  t6, mepc
        0x004f_8f93, // addi  t6, t6, 4
        0x341f_9073, // csrw  mepc, t6
        0x3020_0073, // mret
        0x0000_0013, // nop
        0x0000_0013, // nop
    ];
    // loop:
    guest.push(0x0073_8393); // addi t2, t2, 7
    guest.push(0x4073_0333); // sub  t1, t1, t2
    for number in (0..0x1000).filter(|number| *number != MTVEC) {
        guest.push(number << 20 | t1 << 15 | 1 << 12 | t2 << 7 | 0x73); // csrrw t2, number, t1
    }
    guest.push(s0 << 15 | 0x67); // jr s0
    for (cpu, harts) in [("max", 2), ("rv32", 1)] {
        let scratch = Scratch::new()?;
        scratch.words("guest", &guest)?;
        endure(start(scratch, cpu, harts)?, Duration::from_secs(1))?;
    }
    Ok(())
}

#[test]
fn tables_and_code_that_are_not_what_they_seem() -> Result<()> {
    let guests: &[(&str, &[u32])] = &[
        (
            "a page table that maps itself at every level, with code in it",
            &[
                0x0000_0297, // auipc t0, 0
                0x00c2_d313, // srli  t1, t0, 12
                0x0013_0313, // addi  t1, t1, 1: the page after this one
                0x00a3_1393, // slli  t2, t1, 10
                0x0013_8393, // addi  t2, t2, 1: a pointer
                0x00c3_1e13, // slli  t3, t1, 12
                0x0000_1eb7, // lui   t4, 1
                0x01ce_8eb3, // add   t4, t4, t3
                0x007e_3023, // sd    t2, 0(t3)
                0x008e_0e13, // addi  t3, t3, 8
                0xffde_4ce3, // blt   t3, t4, -8
                0xfff0_0f13, // li    t5, -1
                0x3b0f_1073, // csrw  pmpaddr0, t5
                0x01f0_0f13, // li    t5, 0x1f
                0x3a0f_1073, // csrw  pmpcfg0, t5
                0x0010_0393, // li    t2, 1
                0x03f3_9393, // slli  t2, t2, 63
                0x0073_6333, // or    t1, t1, t2
                0x1803_1073, // csrw  satp, t1
                0x0000_1337, // lui   t1, 1
                0x8003_0313, // addi  t1, t1, -2048: MPP is supervisor mode
                0x3003_2073, // csrs  mstatus, t1
                0x3410_1073, // csrw  mepc, zero
                0x3052_9073, // csrw  mtvec, t0
                0x3020_0073, // mret
            ],
        ),
        (
            "a jump into a device",
            &[
                0x1001_32b7, // lui   t0, 0x10013
                0x0002_8067, // jr    t0
            ],
        ),
        (
            "a device as the handler of traps",
            &[
                0x1000_02b7, // lui   t0, 0x10000
                0x3052_9073, // csrw  mtvec, t0
                0x0000_0000,
            ],
        ),
        (
            "code that one hart runs and the others write",
            &[
                0x0000_0297, // auipc t0, 0
                0xf140_2373, // csrr  t1, mhartid
                0x0003_1e63, // bnez  t1, .+28
                0x0010_0513, // li    a0, 1: this is what is written
                0x0000_0013, // nop
                0x0000_100f, // fence.i
                0xff5f_f06f, // j     .-12
                0x0000_0013, // nop
                0x0000_0013, // nop
                0x00c2_a383, // lw    t2, 12(t0)
                0x0010_0e37, // lui   t3, 0x100
                0x01c3_c3b3, // xor   t2, t2, t3
                0x0072_a623, // sw    t2, 12(t0)
                0xff1f_f06f, // j     .-16
            ],
        ),
        (
            "a program that writes itself as it goes",
            &[
                0x0000_0297, // auipc t0, 0
                0x0002_a303, // lw    t1, 0(t0)
                0x0062_a223, // sw    t1, 4(t0)
                0x0000_100f, // fence.i
                0xff1f_f06f, // j     .-16
            ],
        ),
        (
            "counters that overflow at once, and triggers on everything",
            &[
                0x0000_0297, // auipc t0, 0
                0x0002_8293, // addi  t0, t0, 0
                0x3052_9073, // csrw  mtvec, t0
                0xfff0_0313, // li    t1, -1
                0xb033_1073, // csrw  mhpmcounter3, t1
                0x0020_0393, // li    t2, 2
                0x3233_9073, // csrw  mhpmevent3, t2
                0x3043_1073, // csrw  mie, t1
                0x7a23_1073, // csrw  tdata2, t1
                0x0080_0393, // li    t2, 8
                0x7a53_9073, // csrw  tcontrol, t2
                0x0060_0393, // li    t2, 6
                0x03c3_9393, // slli  t2, t2, 60
                0x1df3_8393, // addi  t2, t2, 0x1df: all modes and accesses below the address
                0x7a13_9073, // csrw  tdata1, t2
                0x3003_1073, // csrw  mstatus, t1
                0x0000_006f, // j     .
            ],
        ),
    ];
    for (what, guest) in guests {
        let scratch = Scratch::new()?;
        scratch.words("guest", guest)?;
        let bench = start(scratch, "max", 2)?;
        endure(bench, Duration::from_millis(300)).map_err(|error| error.context(*what))?;
    }
    Ok(())
}
