//! Stops for a debugger: breakpoints, watchpoints, `ebreak`.

use crate::common::*;
use boardwright_riscv::{DebugStop, Exit, Mode, WatchKind, Watchpoint};

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
