//! Physical memory protection as programs meet it: whole pages, parts of pages, code.

use crate::common::*;
use boardwright_riscv::Mode;

const DATA: u64 = RAM + 0x3000;

const NAPOT: u64 = 0x18;
const RWX: u64 = 7;
const LOCK: u64 = 0x80;

/// A machine in user mode at [`RAM`], with entries 0 and up as given, the last of which should
/// open the rest.
fn user(cpu: &str, entries: &[(u64, u64)], program: &[u32]) -> Machine {
    let mut machine = Machine::new(cpu, program);
    machine.memory.put(RAM + 0xf00, &[plain("mret")]);
    machine.memory.put(MTVEC, &[j(0)]);
    machine.set_csr("mtvec", MTVEC).set_csr("mepc", RAM);
    let mut config = 0;
    for (n, (bits, addr)) in entries.iter().enumerate() {
        machine.set_csr(&format!("pmpaddr{n}"), *addr);
        config |= bits << (8 * n);
    }
    machine.set_csr("pmpcfg0", config);
    machine.hart.set_pc(RAM + 0xf00);
    machine.step(1);
    assert_eq!(machine.hart.mode(), Mode::User);
    machine
}

/// A region of a power of two, as an address register has it.
fn region(base: u64, size: u64) -> u64 {
    (base | (size / 2 - 1)) >> 2
}

#[test]
fn nothing_is_allowed_by_default() {
    let mut machine = user("rv64", &[], &[i("addi", A0, 0, 1)]);
    machine.step(1);
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (1, RAM));
    // A hart without PMP has nothing to protect with.
    let mut cpu = boardwright_riscv::CpuModel::find("rv64").unwrap().clone();
    cpu.pmp_regions = 0;
    let mut machine = Machine::of(cpu, &[i("addi", A0, 0, 1)]);
    assert_eq!(machine.hart.csr_number("pmpaddr0"), None);
    machine.memory.put(RAM + 0xf00, &[plain("mret")]);
    machine.set_csr("mepc", RAM).hart.set_pc(RAM + 0xf00);
    machine.step(2);
    assert_eq!((machine.hart.mode(), machine.hart.x(A0.into())), (Mode::User, 1));
}

#[test]
fn each_right_is_its_own() {
    for (rights, load, store, fetch) in [
        (0, false, false, false),
        (1, true, false, false),
        (3, true, true, false),
        (4, false, false, true),
        (5, true, false, true),
        (7, true, true, true),
    ] {
        for cpu in ["rv32", "rv64"] {
            let entries = [(NAPOT | rights, region(DATA, 0x1000)), (NAPOT | RWX, (1 << 54) - 1)];
            for (program, cause, allowed) in [
                (i("lw", A0, A1, 0), 5, load),
                (s("sw", A0, A1, 0), 7, store),
                (i("jalr", 0, A1, 0), 1, fetch),
            ] {
                let mut machine = user(cpu, &entries, &[program]);
                machine.memory.put(DATA, &[i("addi", A0, 0, 1)]);
                machine.hart.set_x(A1.into(), DATA);
                machine.step(2);
                let trapped = machine.csr("mcause") == cause && machine.csr("mtval") == DATA;
                assert_eq!(!trapped, allowed, "{cpu} {rights} {cause}");
            }
        }
    }
}

/// A page that is protected in parts cannot be cached, and must not be.
#[test]
fn part_of_a_page_can_be_protected() {
    let program = [i("lw", A0, A1, 0), i("lw", A2, A1, 8), i("lw", A0, A1, 4), i("lw", A0, A1, 16)];
    let entries = [(NAPOT, region(DATA + 16, 16)), (NAPOT | RWX, (1 << 54) - 1)];
    let mut machine = user("rv64", &entries, &program);
    machine.hart.set_x(A1.into(), DATA);
    machine.step(3);
    assert_eq!(machine.hart.pc(), RAM + 12);
    machine.step(1);
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (5, DATA + 16));
    // Half an access is none.
    let mut machine = user("rv64", &entries, &[i("ld", A0, A1, 12)]);
    machine.hart.set_x(A1.into(), DATA);
    machine.step(1);
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (5, DATA + 16));
}

/// Code in a page that is executable in parts stops at the border, in the middle of an
/// instruction, too.
#[test]
fn code_stops_at_the_border_of_a_region() {
    let nops = [i("addi", A0, A0, 1); 8];
    let mut machine = user("rv64", &[(NAPOT | RWX, region(RAM, 16))], &nops);
    machine.step(5);
    assert_eq!(machine.hart.x(A0.into()), 4);
    assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (1, RAM + 16));

    let mut machine = user("rv64", &[(NAPOT | RWX, region(RAM, 16))], &nops);
    let word = i("addi", A0, A0, 1);
    machine.memory.ram.store::<u16>(12, 0x0001).unwrap();
    machine.memory.ram.store::<u16>(14, word as u16).unwrap();
    machine.memory.ram.store::<u16>(16, (word >> 16) as u16).unwrap();
    machine.step(5);
    assert_eq!((machine.csr("mepc"), machine.csr("mtval")), (RAM + 14, RAM + 16));
}

#[test]
fn a_locked_entry_binds_machine_mode_at_once() {
    let mut machine =
        Machine::new("rv64", &[s("sw", A0, A1, 0), csr("csrrw", 0, 0x3a0, A2), s("sw", A0, A1, 0)]);
    machine.set_csr("mtvec", MTVEC).set_csr("pmpaddr0", region(DATA, 0x1000));
    machine.hart.set_x(A1.into(), DATA);
    machine.hart.set_x(A2.into(), LOCK | NAPOT | 1);
    machine.step(2);
    assert_eq!(machine.hart.pc(), RAM + 8, "the page is cached by now");
    machine.step(1);
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (7, DATA));
    machine.set_csr("pmpcfg0", 0).set_csr("pmpaddr0", 0);
    assert_eq!(machine.csr("pmpcfg0"), LOCK | NAPOT | 1);
    assert_eq!(machine.csr("pmpaddr0"), region(DATA, 0x1000));
}

#[test]
fn entries_beyond_those_there_are_read_as_zero() {
    let mut machine = Machine::new("sifive-u54", &[]);
    machine.set_csr("pmpaddr7", 5).set_csr("pmpaddr8", 5).set_csr("pmpcfg2", u64::MAX);
    assert_eq!(["pmpaddr7", "pmpaddr8", "pmpcfg2"].map(|name| machine.csr(name)), [5, 0, 0]);
}
