//! Atomic instructions: values, reservations, and harts on threads of their own.

use std::thread;

use crate::common::*;
use boardwright_riscv::{CpuModel, Exit};

const DATA: u64 = RAM + 0x3000;

#[test]
fn operations_give_the_old_value_and_leave_the_new() {
    type Formula = fn(i64, i64) -> i64;
    // On sign-extended words, which keep the order of unsigned ones.
    let table: [(&str, Formula); 9] = [
        ("amoswap", |_, b| b),
        ("amoadd", |a, b| a.wrapping_add(b)),
        ("amoxor", |a, b| a ^ b),
        ("amoand", |a, b| a & b),
        ("amoor", |a, b| a | b),
        ("amomin", i64::min),
        ("amomax", i64::max),
        ("amominu", |a, b| (a as u64).min(b as u64) as i64),
        ("amomaxu", |a, b| (a as u64).max(b as u64) as i64),
    ];
    let edges =
        [0, 1, -1, i64::MAX, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN), 0x1_2345_6789];
    for (cpu, width) in [("rv32", "w"), ("rv64", "w"), ("rv64", "d")] {
        let mut machine = Machine::new(cpu, &[]);
        for (name, formula) in table {
            machine.memory.put(RAM, &[r(&format!("{name}.{width}"), A0, A1, A2)]);
            machine.hart.flush();
            for a in edges {
                for b in edges {
                    let cut = |v: i64| if width == "w" { i64::from(v as i32) } else { v };
                    machine.memory.put64(DATA, a as u64);
                    machine.hart.set_pc(RAM);
                    machine.hart.set_x(A1.into(), DATA);
                    machine.hart.set_x(A2.into(), b as u64);
                    machine.step(1);
                    let old = if cpu == "rv32" { a as u32 as u64 } else { cut(a) as u64 };
                    assert_eq!(machine.hart.x(A0.into()), old, "{cpu} {name}.{width} {a:x} {b:x}");
                    let new = cut(formula(cut(a), cut(b)));
                    let stored = machine.memory.get64(DATA);
                    let expected = if width == "w" {
                        a as u64 & !0xffff_ffff | new as u32 as u64
                    } else {
                        new as u64
                    };
                    assert_eq!(stored, expected, "{cpu} {name}.{width} {a:x} {b:x}");
                }
            }
        }
    }
}

/// `lr.w a0,(a1)`, something, `sc.w a3,a2,(t0)`: whether the store is done.
fn reserve(between: &[u32], to: u64) -> bool {
    let mut program = vec![r("lr.w", A0, A1, 0)];
    program.extend(between);
    program.push(r("sc.w", A3, T0, A2));
    let mut machine = Machine::new("rv64", &program);
    machine.set_csr("mtvec", RAM + 4 * program.len() as u64 - 4);
    machine.memory.put64(DATA, 5);
    machine.hart.set_x(A1.into(), DATA);
    machine.hart.set_x(A2.into(), 6);
    machine.hart.set_x(T0.into(), to);
    machine.step(program.len() as u64);
    assert_eq!(machine.hart.x(A0.into()), 5);
    let done = machine.hart.x(A3.into()) == 0;
    assert_eq!(machine.memory.get64(DATA), if done { 6 } else { 5 });
    done
}

#[test]
fn a_conditional_store_needs_an_unbroken_reservation() {
    let nop = i("addi", 0, 0, 0);
    assert!(reserve(&[], DATA));
    assert!(reserve(&[nop, nop], DATA));
    assert!(!reserve(&[], DATA + 4), "another word");
    assert!(!reserve(&[r("sc.w", T1, T0, A2)], DATA + 8), "used up");
    assert!(!reserve(&[plain("ecall")], DATA), "a trap came between");
    // A conditional store without a reservation.
    let mut machine = Machine::new("rv64", &[r("sc.d", A0, A1, A2)]);
    machine.hart.set_x(A1.into(), DATA);
    machine.hart.set_x(A2.into(), 9);
    machine.step(1);
    assert_eq!((machine.hart.x(A0.into()), machine.memory.get64(DATA)), (1, 0));
}

#[test]
fn another_hart_s_store_breaks_the_reservation() {
    let mut machine = Machine::new("rv64", &[r("lr.d", A0, A1, 0), r("sc.d", A3, A1, A2)]);
    machine.hart.set_x(A1.into(), DATA);
    machine.hart.set_x(A2.into(), 9);
    machine.step(1);
    machine.memory.put64(DATA, 1);
    machine.step(1);
    assert_eq!((machine.hart.x(A3.into()), machine.memory.get64(DATA)), (1, 1));
}

#[test]
fn only_aligned_ram_can_be_worked_on() {
    let lr = r("lr.w", A0, A1, 0);
    let sc = r("sc.w", A0, A1, A2);
    let amo = r("amoadd.w", A0, A1, A2);
    for (word, addr, cause) in [
        (lr, DATA + 2, 4),
        (sc, DATA + 2, 6),
        (amo, DATA + 1, 6),
        (lr, DEVICE, 5),
        (sc, DEVICE, 7),
        (amo, DEVICE, 7),
        (amo, ROM, 7),
        (amo, 0x4000_0000, 7),
    ] {
        let mut machine = Machine::new("rv64", &[word]);
        machine.set_csr("mtvec", RAM + 0x1000);
        machine.hart.set_x(A1.into(), addr);
        machine.step(1);
        assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (cause, addr), "{word:x}");
    }
}

/// Two harts add to one word, one by `amoadd`, one by `lr` and `sc`; nothing gets lost.
#[test]
fn harts_on_threads_share_a_word() {
    const ROUNDS: u64 = 50_000;
    let by_amo =
        [r("amoadd.w", 0, A1, A2), i("addi", T0, T0, -1), s("bne", 0, T0, -8), plain("wfi")];
    let by_reservation = [
        r("lr.w", A0, A1, 0),
        r("add", A0, A0, A2),
        r("sc.w", A3, A1, A0),
        s("bne", 0, A3, -12),
        i("addi", T0, T0, -1),
        s("bne", 0, T0, -20),
        plain("wfi"),
    ];
    let memory = Memory::new();
    memory.put(RAM + 0x1000, &by_amo);
    memory.put(RAM + 0x2000, &by_reservation);
    let threads: Vec<_> = [0x1000, 0x2000, 0x1000, 0x2000]
        .into_iter()
        .enumerate()
        .map(|(n, entry)| {
            let cpu = CpuModel::find(if n < 2 { "rv64" } else { "rv32" }).unwrap().clone();
            let mut machine = Machine::sharing(cpu, n as u64, memory.clone());
            machine.hart.set_pc(RAM + entry);
            machine.hart.set_x(A1.into(), DATA);
            machine.hart.set_x(A2.into(), 1);
            machine.hart.set_x(T0.into(), ROUNDS);
            thread::spawn(move || while machine.hart.run(1_000_000) != Exit::Wfi {})
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(u64::from(memory.get32(DATA)), 4 * ROUNDS);
}
