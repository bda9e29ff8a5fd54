//! Counters: what they count, where they stand still, who may see them, and when they overflow;
//! and the timer of supervisor mode.

use std::sync::atomic::Ordering;

use crate::common::*;
use boardwright_riscv::{CpuModel, Exit, Mode};

const OVERFLOW: u64 = 1 << 63;
const NOT_IN_MACHINE: u64 = 1 << 62;
const NOT_IN_SUPERVISOR: u64 = 1 << 61;
const NOT_IN_USER: u64 = 1 << 60;
const LCOFI: u64 = 1 << 13;
const STIP: u64 = 1 << 5;
const STCE: u64 = 1 << 63;
const TM: u64 = 1 << 1;

fn in_mode(cpu: &str, mode: Mode, program: &[u32]) -> Machine {
    Machine::in_mode(CpuModel::find(cpu).unwrap().clone(), mode, program)
}

fn nop() -> u32 {
    i("addi", 0, 0, 0)
}

#[test]
fn counters_count_and_can_be_written_stopped_and_hidden() {
    let (cycle, instret) = (0xc00, 0xc02);
    let nop = i("addi", 0, 0, 0);
    let read = csr("csrrs", A0, instret, 0);
    let mut machine = Machine::new("rv64", &[nop, nop, read, csr("csrrw", 0, 0xb02, A1), read]);
    machine.hart.set_x(A1.into(), 1000);
    machine.step(3);
    assert_eq!(machine.hart.x(A0.into()), 2);
    machine.step(2);
    assert_eq!(machine.hart.x(A0.into()), 1000, "the next instruction reads what was written");
    assert_eq!(machine.csr("minstret"), 1001);
    machine.set_csr("mcountinhibit", 1 << 2);
    machine.hart.set_pc(RAM);
    machine.step(2);
    assert_eq!((machine.csr("minstret"), machine.csr("mcycle")), (1001, 7));
    machine.set_csr("mcountinhibit", 0);
    machine.set_csr("mcycle", 5);
    assert_eq!(machine.csr("mcycle"), 5);

    machine.clock.0.store(77, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(machine.csr("time"), 77);

    let read = csr("csrrs", A0, cycle, 0);
    for (mode, mcounteren, scounteren, legal) in [
        (Mode::Supervisor, 0, 1, false),
        (Mode::Supervisor, 1, 0, true),
        (Mode::User, 1, 0, false),
        (Mode::User, 0, 1, false),
        (Mode::User, 1, 1, true),
    ] {
        let mut machine = in_mode("rv64", mode, &[read]);
        machine.set_csr("mcounteren", mcounteren).set_csr("scounteren", scounteren);
        machine.step(1);
        assert_eq!(machine.hart.pc() == RAM + 4, legal, "{mode:?} {mcounteren} {scounteren}");
    }
}

#[test]
fn counters_of_rv32_have_two_halves() {
    let mut machine = Machine::new("rv32", &[]);
    machine.set_csr("mcycle", 0xffff_ffff).set_csr("mcycleh", 0x12);
    assert_eq!((machine.csr("mcycle"), machine.csr("cycleh")), (0xffff_ffff, 0x12));
    machine.memory.put(RAM, &[i("addi", 0, 0, 0)]);
    machine.step(1);
    assert_eq!((machine.csr("mcycle"), machine.csr("mcycleh")), (0, 0x13));
    // A write of either half keeps the other from being incremented.
    let write =
        [csr("csrrw", 0, 0xb02, A1), csr("csrrw", 0, 0xb82, A1), csr("csrrs", A0, 0xb02, 0)];
    machine.memory.put(RAM, &write);
    machine.hart.flush();
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A1.into(), 0xffff_ffff);
    machine.step(3);
    assert_eq!(machine.hart.x(A0.into()), 0xffff_ffff);

    machine.clock.0.store(0x7_0000_0009, std::sync::atomic::Ordering::Relaxed);
    assert_eq!((machine.csr("time"), machine.csr("timeh")), (9, 7));
}

#[test]
fn what_is_chosen_is_counted_where_it_is_to_be() {
    // (event and filters, counted by two instructions in user mode and one in machine mode)
    for (choice, counted) in [
        (0, 0),
        (1, 3),
        (2, 3),
        (3, 0), // no such event
        (2 | NOT_IN_MACHINE, 2),
        (2 | NOT_IN_SUPERVISOR, 3),
        (2 | NOT_IN_USER, 1),
        (2 | NOT_IN_USER | NOT_IN_MACHINE, 0),
    ] {
        let ecall = plain("ecall");
        let mut machine = in_mode("max", Mode::User, &[nop(), nop(), ecall]);
        machine.memory.put(MTVEC, &[nop(), plain("mret")]);
        machine.set_csr("mhpmevent3", choice).set_csr("mhpmcounter3", 0);
        machine.step(4);
        assert_eq!(
            (machine.hart.pc(), machine.csr("mhpmcounter3")),
            (MTVEC + 4, counted),
            "{choice:x}"
        );
    }
    // The counters of cycles and instructions have filters too; an `mret` counts where it is.
    let mut machine = in_mode("max", Mode::Supervisor, &[nop(), plain("ecall")]);
    machine.memory.put(MTVEC, &[plain("mret")]);
    machine.set_csr("minstretcfg", NOT_IN_SUPERVISOR).set_csr("mcyclecfg", NOT_IN_MACHINE);
    machine.set_csr("minstret", 0).set_csr("mcycle", 0);
    machine.step(3);
    assert_eq!((machine.csr("minstret"), machine.csr("mcycle")), (1, 1));
}

#[test]
fn an_overflow_interrupts_at_its_instruction() {
    let loop_ = [nop(), nop(), j(-8)];
    let mut machine = in_mode("max", Mode::Supervisor, &loop_);
    machine.memory.put(STVEC, &[j(0)]);
    machine.set_csr("mideleg", LCOFI).set_csr("sie", LCOFI).set_csr("sstatus", 2);
    machine.set_csr("mcounteren", 1 << 3).set_csr("mhpmevent3", 2).set_csr("mhpmevent4", 2);
    machine.set_csr("mhpmcounter3", 0u64.wrapping_sub(1000));
    machine.set_csr("mhpmcounter4", 0u64.wrapping_sub(500)).set_csr("mhpmevent4", 2 | OVERFLOW);
    assert_eq!(machine.hart.run(1000), Exit::Budget);
    assert_eq!(machine.csr("scountovf"), 1 << 3, "the other one had overflown before");
    assert_eq!(machine.csr("sip"), LCOFI);
    assert_eq!((machine.csr("mhpmcounter3"), machine.hart.mode()), (0, Mode::Supervisor));
    machine.step(1);
    assert_eq!((machine.csr("scause"), machine.hart.pc()), (1 << 63 | 13, STVEC));
    assert_eq!(machine.csr("sepc"), RAM + 4);
    // The interrupt is software's to clear, and does not come again while the flag is set.
    machine.set_csr("sip", 0);
    machine.set_csr("mhpmcounter3", 0u64.wrapping_sub(10));
    machine.step(100);
    assert_eq!(machine.csr("sip"), 0);
    machine.set_csr("mcounteren", 0);
    assert_eq!(machine.csr("scountovf"), 0, "hidden");
}

#[test]
fn the_supervisor_timer_follows_its_comparison() {
    for (cpu, halves) in [("rv64", false), ("rv32", true)] {
        let mut machine = in_mode(cpu, Mode::Supervisor, &[plain("wfi"), j(-4)]);
        let enable = |machine: &mut Machine, on: bool| {
            let (name, bit) = if halves { ("menvcfgh", STCE >> 32) } else { ("menvcfg", STCE) };
            let old = machine.csr(name) & !bit;
            machine.set_csr(name, old | if on { bit } else { 0 });
        };
        machine.set_csr("mip", STIP).set_csr("mie", STIP).set_csr("mideleg", STIP);
        machine.set_csr("stimecmp", 100);
        assert_eq!(*machine.clock.1.lock().unwrap(), None, "not enabled");
        enable(&mut machine, true);
        assert_eq!(*machine.clock.1.lock().unwrap(), Some(100));
        assert_eq!(machine.csr("sip"), 0, "what software wrote does not count");
        machine.set_csr("mip", STIP);
        assert_eq!(machine.csr("mip"), 0, "nor can it be written");
        assert_eq!(machine.hart.run(10), Exit::Wfi);
        machine.clock.0.store(100, Ordering::Relaxed);
        machine.interrupts.set(5, true); // as the clock does now
        assert_eq!(machine.hart.run(10), Exit::Budget);
        assert_eq!(machine.csr("sip"), STIP);
        if halves {
            machine.set_csr("stimecmph", 1);
            assert_eq!(*machine.clock.1.lock().unwrap(), Some(1 << 32 | 100));
        } else {
            machine.set_csr("stimecmp", 101);
        }
        assert_eq!(machine.csr("sip"), 0);
        machine.set_csr("stimecmp", 99);
        enable(&mut machine, false);
        assert_eq!(*machine.clock.1.lock().unwrap(), None);
        machine.set_csr("mip", STIP);
        assert_eq!(machine.csr("sip"), STIP, "software's again");
        machine.hart.reset();
        assert_eq!(machine.csr("mip"), 0);
    }
    let read = csr("csrrs", A0, 0x14d, 0);
    for (mode, menvcfg, mcounteren, legal) in [
        (Mode::Machine, 0, 0, true),
        (Mode::Supervisor, STCE, TM, true),
        (Mode::Supervisor, 0, TM, false),
        (Mode::Supervisor, STCE, 0, false),
        (Mode::User, STCE, TM, false),
    ] {
        let mut machine = in_mode("rv64", mode, &[read]);
        machine.set_csr("menvcfg", menvcfg).set_csr("mcounteren", mcounteren);
        machine.step(1);
        assert_eq!(machine.hart.pc() == RAM + 4, legal, "{mode:?} {menvcfg:x} {mcounteren}");
    }
}

#[test]
fn state_is_enabled_for_the_modes_below() {
    let (senvcfg, sstateen0, sstateen3) = (0x10a, 0x10c, 0x10f);
    const SE: u64 = 1 << 63;
    const ENVCFG: u64 = 1 << 62;
    for (number, register, value, legal) in [
        (senvcfg, "mstateen0", 0, false),
        (senvcfg, "mstateen0", ENVCFG, true),
        (sstateen0, "mstateen0", ENVCFG, false),
        (sstateen0, "mstateen0", SE, true),
        (sstateen3, "mstateen0", SE, false),
        (sstateen3, "mstateen3", SE, true),
    ] {
        let mut machine = in_mode("max", Mode::Supervisor, &[csr("csrrs", A0, number, 0)]);
        machine.set_csr(register, value);
        machine.step(1);
        assert_eq!(machine.hart.pc() == RAM + 4, legal, "{number:x} {register} {value:x}");
    }
}
