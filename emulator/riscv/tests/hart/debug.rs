//! Stops for a debugger: breakpoints, watchpoints, `ebreak`.

use crate::common::*;
use boardwright_riscv::{CpuModel, DebugStop, Exit, Mode, WatchKind, Watchpoint};

const BREAKPOINT: Exit = Exit::Debug(DebugStop::Breakpoint);
const EBREAK: Exit = Exit::Debug(DebugStop::Ebreak);
/// What the programs touch.
const DATA: u64 = RAM + 0x4000;

fn nop() -> u32 {
    i("addi", 0, 0, 0)
}

#[test]
fn a_breakpoint_stops_before_its_instruction_until_it_is_taken_away() {
    let count = i("addi", A0, A0, 1);
    let mut machine = Machine::new("rv64", &[count, count, count, j(-12)]);
    machine.step(4);
    machine.hart.set_breakpoints(&[RAM + 8]);
    for _ in 0..2 {
        assert_eq!(machine.hart.run(100), BREAKPOINT);
        assert_eq!((machine.hart.pc(), machine.hart.x(A0.into())), (RAM + 8, 5));
    }
    assert_eq!(machine.hart.instructions(), 6);
    machine.hart.set_breakpoints(&[]);
    machine.step(1);
    machine.hart.set_breakpoints(&[RAM + 8, RAM]);
    assert_eq!(machine.hart.run(100), BREAKPOINT);
    assert_eq!((machine.hart.pc(), machine.hart.x(A0.into())), (RAM, 6));
    machine.hart.reset();
    assert_eq!(machine.hart.run(100), BREAKPOINT, "a reset leaves it");
    machine.hart.set_breakpoints(&[]);
    machine.step(100);
}

#[test]
fn a_watchpoint_stops_before_the_access_that_touches_it() {
    use WatchKind::{Access, Read, Write};
    let amo = r("amoadd.w", A0, A1, A2);
    let (load, store) = (i("lw", A0, A1, 0), s("sw", A0, A1, 0));
    let (reserve, conditional) = (r("lr.w", A0, A1, 0), r("sc.w", A0, A1, A2));
    // (watched address, length, kind, instruction, its address) -> the byte that is told of
    for (addr, len, kind, word, at, told) in [
        (DATA, 4, Write, store, DATA, Some(DATA)),
        (DATA, 4, Write, load, DATA, None),
        (DATA, 4, Read, load, DATA, Some(DATA)),
        (DATA, 4, Read, store, DATA, None),
        (DATA, 4, Access, load, DATA, Some(DATA)),
        (DATA, 4, Access, store, DATA, Some(DATA)),
        (DATA, 4, Write, amo, DATA, Some(DATA)),
        (DATA, 4, Read, amo, DATA, Some(DATA)),
        (DATA, 4, Read, reserve, DATA, Some(DATA)),
        (DATA, 4, Write, conditional, DATA, Some(DATA)),
        (DATA + 2, 1, Write, store, DATA, Some(DATA + 2)),
        (DATA, 8, Write, store, DATA + 4, Some(DATA + 4)),
        (DATA, 4, Write, store, DATA + 4, None),
        (DATA + 4, 4, Write, store, DATA, None),
        (DATA + 2, 2, Write, store, DATA + 1, Some(DATA + 2)), // misaligned
        (DATA, 0, Write, store, DATA, None),
        (u64::MAX, 8, Write, store, DATA, None),
    ] {
        let what = format!("{addr:#x} {len} {kind:?} {word:08x} {at:#x}");
        let mut machine = Machine::new("rv64", &[nop(), word, j(0)]);
        machine.hart.set_x(A1.into(), at);
        machine.step(3);
        machine.hart.set_watchpoints(&[Watchpoint { kind, addr, len }]);
        machine.hart.set_pc(RAM);
        let exit = machine.hart.run(5);
        match told {
            Some(addr) => {
                assert_eq!(exit, Exit::Debug(DebugStop::Watchpoint { kind, addr }), "{what}");
                assert_eq!(
                    (machine.hart.pc(), machine.hart.instructions()),
                    (RAM + 4, 4),
                    "{what}"
                );
            }
            None => assert_eq!(exit, Exit::Budget, "{what}"),
        }
        machine.hart.set_watchpoints(&[]);
        machine.step(2);
        assert_eq!(machine.hart.pc(), RAM + 8, "{what}");
    }
}

#[test]
fn ebreak_is_for_whom_asks_for_it() {
    let ebreak = plain("ebreak");
    let mut machine = Machine::new("rv64", &[nop(), ebreak, ebreak]);
    machine.set_csr("mtvec", RAM + 0x100);
    machine.hart.stop_at_ebreak(true);
    assert_eq!(machine.hart.run(10), EBREAK);
    assert_eq!((machine.hart.pc(), machine.hart.instructions()), (RAM + 4, 1));
    // A semihosting call is done by somebody else and passed over.
    machine.hart.set_pc(RAM + 8);
    assert_eq!(machine.hart.run(10), EBREAK);
    machine.hart.raise_breakpoint();
    assert_eq!((machine.hart.pc(), machine.hart.mode()), (RAM + 0x100, Mode::Machine));
    assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (3, RAM + 8));
    machine.hart.stop_at_ebreak(false);
    machine.hart.set_pc(RAM + 4);
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.csr("mepc")), (RAM + 0x100, RAM + 4));
}

/// `tdata1` of a trigger: `mcontrol` or `mcontrol6` of a width, and fields that they share.
fn trigger(kind: u64, bits: u32, fields: u64) -> u64 {
    kind << (bits - 4) | fields
}

const LOAD: u64 = 1;
const STORE: u64 = 2;
const EXECUTE: u64 = 4;
const MACHINE: u64 = 64;
const EVERY_MODE: u64 = MACHINE | 16 | 8;
const NAPOT: u64 = 1 << 7;
const GREATER: u64 = 2 << 7;
const LESS: u64 = 3 << 7;
const MTE: u64 = 8;

#[test]
fn a_trigger_raises_a_breakpoint_before_the_access() {
    let (load, store) = (i("lw", A0, A1, 0), s("sw", A0, A1, 0));
    // (fields, tdata2, instruction) -> the address in mtval
    for (fields, tdata2, word, tval) in [
        (LOAD, DATA, load, Some(DATA)),
        (LOAD, DATA, store, None),
        (STORE, DATA, store, Some(DATA)),
        (LOAD | STORE, DATA + 4, load, None),
        (EXECUTE, RAM + 4, load, Some(RAM + 4)),
        (EXECUTE, DATA, load, None),
        (LOAD | GREATER, DATA - 8, load, Some(DATA)),
        (LOAD | GREATER, DATA + 8, load, None),
        (STORE | LESS, DATA + 1, store, Some(DATA)),
        (STORE | LESS, 0, store, None),
        (LOAD | NAPOT, DATA + 7, load, Some(DATA)), // 16 bytes
        (LOAD | NAPOT, DATA - 16 + 7, load, None),
        (EXECUTE | GREATER, RAM + 4, load, Some(RAM + 4)),
    ] {
        for (cpu, bits) in [("rv32", 32), ("rv64", 64)] {
            let what = format!("{cpu} {fields:#x} {tdata2:#x} {word:08x}");
            let mut machine = Machine::new(cpu, &[nop(), word, j(0)]);
            machine.hart.set_x(A1.into(), DATA);
            machine.step(3); // what was cached before must not hide it
            machine.hart.set_pc(RAM);
            machine.set_csr("mtvec", MTVEC).set_csr("tcontrol", MTE).set_csr("tselect", 1);
            machine.set_csr("tdata2", tdata2);
            machine.set_csr("tdata1", trigger(6, bits, fields | EVERY_MODE));
            machine.step(2);
            match tval {
                Some(tval) => {
                    assert_eq!((machine.hart.pc(), machine.csr("mcause")), (MTVEC, 3), "{what}");
                    assert_eq!(
                        (machine.csr("mepc"), machine.csr("mtval")),
                        (RAM + 4, tval),
                        "{what}"
                    );
                }
                None => assert_eq!(machine.hart.pc(), RAM + 8, "{what}"),
            }
        }
    }
}

#[test]
fn triggers_work_in_their_modes_and_not_in_handlers() {
    let cpu = CpuModel::find("rv64").unwrap();
    const SIE: u64 = 2;
    // (mode, modes of the trigger, tcontrol, medeleg, mstatus) -> whether it fires
    for (mode, modes, tcontrol, medeleg, mstatus, fires) in [
        (Mode::Machine, EVERY_MODE, MTE, 0, 0, true),
        (Mode::Machine, EVERY_MODE, 0, 0, 0, false),
        (Mode::Machine, 8 | 16, MTE, 0, 0, false),
        (Mode::Supervisor, EVERY_MODE, 0, 0, 0, true),
        (Mode::Supervisor, MACHINE, MTE, 0, 0, false),
        (Mode::Supervisor, 16, 0, 1 << 3, 0, false),
        (Mode::Supervisor, 16, 0, 1 << 3, SIE, true),
        (Mode::User, 8, 0, 1 << 3, 0, true),
    ] {
        let mut machine = Machine::in_mode(cpu.clone(), mode, &[nop(), nop(), j(0)]);
        machine.set_csr("tdata2", RAM + 4).set_csr("tdata1", trigger(2, 64, EXECUTE | modes));
        machine.set_csr("tcontrol", tcontrol).set_csr("medeleg", medeleg);
        let status = machine.csr("mstatus");
        machine.set_csr("mstatus", status | mstatus);
        machine.step(2);
        let fired = machine.hart.pc() != RAM + 8;
        assert_eq!(fired, fires, "{mode:?} {modes:#x} {tcontrol} {medeleg} {mstatus}");
    }
    // A trap turns them off in machine mode, and the return on again.
    let mut machine = Machine::in_mode(cpu.clone(), Mode::Machine, &[plain("ecall")]);
    machine.memory.put(MTVEC, &[plain("mret")]);
    machine.set_csr("tcontrol", MTE).step(1);
    assert_eq!(machine.csr("tcontrol"), 1 << 7);
    machine.step(1);
    assert_eq!(machine.csr("tcontrol"), 1 << 7 | MTE);
    machine.hart.reset();
    assert_eq!((machine.csr("tcontrol"), machine.csr("tdata2")), (0, 0));
}
