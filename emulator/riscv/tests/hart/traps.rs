//! Exceptions, delegation, interrupts, returns, and what the lower modes may not do.

use crate::common::*;
use boardwright_riscv::{CpuModel, Exit, Extension, Mode};

const MIE: u64 = 1 << 3;
const SIE: u64 = 1 << 1;
const MPIE: u64 = 1 << 7;
const SPIE: u64 = 1 << 5;
const SPP: u64 = 1 << 8;
const MPRV: u64 = 1 << 17;
const TVM: u64 = 1 << 20;
const TW: u64 = 1 << 21;
const TSR: u64 = 1 << 22;

fn mpp(mode: Mode) -> u64 {
    (mode as u64) << 11
}

fn machine(cpu: &str, mode: Mode, program: &[u32]) -> Machine {
    Machine::in_mode(CpuModel::find(cpu).unwrap().clone(), mode, program)
}

fn assert_machine_trap(machine: &Machine, cause: u64, tval: u64) {
    assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::Machine, MTVEC));
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (cause, tval));
}

#[test]
fn each_exception_has_its_cause_and_value() {
    let ecall = plain("ecall");
    for (mode, cause) in [(Mode::User, 8), (Mode::Supervisor, 9), (Mode::Machine, 11)] {
        let mut machine = machine("rv64", mode, &[i("addi", 0, 0, 0), ecall]);
        machine.step(2);
        assert_machine_trap(&machine, cause, 0);
        assert_eq!(machine.csr("mepc"), RAM + 4);
        assert_eq!(machine.csr("mstatus") & mpp(Mode::Machine), mpp(mode));
        assert_eq!(machine.hart.instructions(), 2, "mret and addi; ecall does not retire");
    }
    for (program, cause, tval) in [
        (plain("ebreak"), 3, RAM),
        (0xffff_ffff, 2, 0xffff_ffff),
        (0x0000_0000, 2, 0), // a compressed one
        (csr("csrrs", A0, 0x7c0, 0), 2, csr("csrrs", A0, 0x7c0, 0).into()),
        (csr("csrrw", 0, 0xf14, A0), 2, csr("csrrw", 0, 0xf14, A0).into()),
    ] {
        let mut machine = machine("rv64", Mode::Machine, &[program]);
        machine.step(1);
        assert_machine_trap(&machine, cause, tval);
        assert_eq!(machine.csr("mepc"), RAM);
    }
}

#[test]
fn a_misaligned_jump_traps_where_it_is_and_links_nothing() {
    let mut cpu = CpuModel::find("rv64").unwrap().clone();
    cpu.extensions = cpu.extensions.with_choices(&[(Extension::C, false)], cpu.xlen);
    let branch = s("beq", 0, 0, 0x102);
    for program in [i("jal", RA, 0, 0x102), branch, i("jalr", RA, A0, 2)] {
        let mut machine = Machine::of(cpu.clone(), &[program]);
        machine.set_csr("mtvec", MTVEC);
        machine.hart.set_x(A0.into(), RAM + 0x100);
        machine.step(1);
        assert_machine_trap(&machine, 0, RAM + 0x102);
        assert_eq!((machine.csr("mepc"), machine.hart.x(1)), (RAM, 0));
    }
    let mut machine = Machine::of(cpu, &[i("jalr", RA, A0, 1)]);
    machine.hart.set_x(A0.into(), RAM + 0x100);
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 0x100);
}

#[test]
fn delegated_exceptions_go_to_supervisor_mode() {
    for (cpu, top) in [("rv32", 31), ("rv64", 63)] {
        let mut machine = machine(cpu, Mode::User, &[plain("ecall")]);
        machine.set_csr("medeleg", 1 << 8 | 1 << 2);
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::Supervisor, STVEC));
        assert_eq!((machine.csr("scause"), machine.csr("sepc")), (8, RAM));
        assert_eq!(machine.csr("sstatus") & SPP, 0);
        // From machine mode nothing is delegated.
        let mut machine = self::machine(cpu, Mode::Machine, &[0]);
        machine.set_csr("medeleg", 1 << 2);
        machine.step(1);
        assert_machine_trap(&machine, 2, 0);
        // From supervisor mode it is, and remembered.
        let mut machine = self::machine(cpu, Mode::Supervisor, &[0]);
        machine.set_csr("medeleg", 1 << 2).set_csr("sstatus", SIE);
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.csr("scause")), (Mode::Supervisor, 2));
        assert_eq!(machine.csr("sstatus") & (SIE | SPIE | SPP), SPIE | SPP);
        // An interrupt sets the top bit of the cause, and a vectored handler has an entry.
        machine.set_csr("mideleg", 1 << 9).set_csr("mie", 1 << 9).set_csr("stvec", STVEC | 1);
        machine.set_csr("sstatus", SIE);
        machine.interrupts.set(9, true);
        machine.memory.put(STVEC + 36, &[j(0)]);
        machine.step(1);
        assert_eq!(machine.csr("scause"), 1 << top | 9);
        assert_eq!(machine.hart.pc(), STVEC + 36);
    }
}

#[test]
fn returns_restore_mode_and_interrupt_enable() {
    let mut machine = machine("rv64", Mode::Machine, &[plain("mret")]);
    machine.set_csr("mstatus", MPIE | mpp(Mode::Supervisor) | MPRV).set_csr("mepc", STVEC + 1);
    machine.step(1);
    assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::Supervisor, STVEC));
    assert_eq!(machine.csr("mstatus") & (MIE | MPIE | MPRV | mpp(Mode::Machine)), MIE | MPIE);

    machine.memory.put(STVEC, &[plain("sret")]);
    machine.set_csr("mstatus", SPIE | MPRV).set_csr("sepc", RAM + 0x40);
    machine.step(1);
    assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::User, RAM + 0x40));
    assert_eq!(machine.csr("mstatus") & (SIE | SPIE | MPRV | SPP), SIE | SPIE);
}

#[test]
fn privileged_instructions_are_illegal_in_lower_modes() {
    let satp = csr("csrrs", A0, 0x180, 0);
    let fence = r("sfence.vma", 0, 0, 0);
    let (mret, sret, wfi) = (plain("mret"), plain("sret"), plain("wfi"));
    for (mode, status, word, legal) in [
        (Mode::User, 0, mret, false),
        (Mode::Supervisor, 0, mret, false),
        (Mode::User, 0, sret, false),
        (Mode::Supervisor, 0, sret, true),
        (Mode::Supervisor, TSR, sret, false),
        (Mode::Machine, TSR, sret, true),
        (Mode::User, 0, fence, false),
        (Mode::Supervisor, 0, fence, true),
        (Mode::Supervisor, TVM, fence, false),
        (Mode::Machine, TVM, fence, true),
        (Mode::User, 0, satp, false),
        (Mode::Supervisor, 0, satp, true),
        (Mode::Supervisor, TVM, satp, false),
        (Mode::Machine, TVM, satp, true),
        (Mode::User, 0, wfi, false),
        (Mode::Supervisor, 0, wfi, true),
        (Mode::Supervisor, TW, wfi, false),
        (Mode::Machine, TW, wfi, true),
        (Mode::User, 0, csr("csrrs", A0, 0x300, 0), false),
        (Mode::Supervisor, 0, csr("csrrs", A0, 0x344, 0), false),
        (Mode::Supervisor, 0, csr("csrrs", A0, 0x144, 0), true),
    ] {
        let mut machine = machine("rv64", mode, &[word]);
        let old = machine.csr("mstatus");
        machine.set_csr("mstatus", old | status);
        machine.hart.run(1);
        let illegal = machine.hart.pc() == MTVEC && machine.csr("mcause") == 2;
        assert_eq!(!illegal, legal, "{word:08x} in {mode:?} with {status:x}");
    }
    // Without supervisor mode, there is neither sret nor sfence.vma, and user mode may wait.
    for (mode, word, legal) in
        [(Mode::Machine, sret, false), (Mode::Machine, fence, false), (Mode::User, wfi, true)]
    {
        let mut machine = machine("sifive-e51", mode, &[word]);
        machine.hart.run(1);
        assert_eq!(machine.hart.pc() != MTVEC, legal, "{word:08x}");
    }
}

#[test]
fn interrupts_are_taken_by_enable_and_priority() {
    let idle = [j(0)];
    let all = 0xaaa;
    // (mode, mstatus, mie, mideleg, inputs) -> the cause that is taken and the mode it goes to
    for (mode, status, mie, mideleg, inputs, expected) in [
        (Mode::Machine, 0, all, 0, all, None),
        (Mode::Machine, MIE, 0, 0, all, None),
        (Mode::Machine, MIE, all, 0, 0, None),
        (Mode::Machine, MIE, all, 0, all, Some((11, Mode::Machine))),
        (Mode::Machine, MIE, all, 0, all & !(1 << 11), Some((3, Mode::Machine))),
        (Mode::Machine, MIE, all, 0, 1 << 7 | 0x222, Some((7, Mode::Machine))),
        (Mode::Machine, MIE, all, 0, 0x222, Some((9, Mode::Machine))),
        (Mode::Machine, MIE, all, 0, 0x022, Some((1, Mode::Machine))),
        (Mode::Machine, MIE, all, 0, 0x020, Some((5, Mode::Machine))),
        (Mode::Machine, MIE | SIE, all, 0x222, 0x222, None),
        (Mode::Supervisor, 0, all, 0x222, 0x222, None),
        (Mode::Supervisor, SIE, all, 0x222, 0x222, Some((9, Mode::Supervisor))),
        (Mode::Supervisor, 0, all, 0, 0x222, Some((9, Mode::Machine))),
        (Mode::Supervisor, SIE, all, 0x222, 0x2a2, Some((7, Mode::Machine))),
        (Mode::User, 0, all, 0x222, 0x220, Some((9, Mode::Supervisor))),
        (Mode::User, 0, all, 0x222, 0x088, Some((3, Mode::Machine))),
    ] {
        let mut machine = machine("rv64", mode, &idle);
        machine.memory.put(MTVEC, &idle);
        machine.memory.put(STVEC, &idle);
        let old = machine.csr("mstatus") & !(MIE | SIE);
        machine.set_csr("mstatus", old | status).set_csr("mie", mie).set_csr("mideleg", mideleg);
        machine.step(3);
        for cause in 0..12 {
            machine.interrupts.set(cause, inputs >> cause & 1 != 0);
        }
        machine.step(3);
        let taken = match machine.hart.pc() {
            RAM => None,
            MTVEC => Some((machine.csr("mcause"), Mode::Machine)),
            _ => Some((machine.csr("scause"), Mode::Supervisor)),
        };
        let expected = expected.map(|(cause, to): (u64, Mode)| (cause | 1 << 63, to));
        assert_eq!(taken, expected, "{mode:?} {status:x} {mie:x} {mideleg:x} {inputs:x}");
        if let Some((_, to)) = taken {
            assert_eq!(machine.hart.mode(), to);
        }
    }
}

#[test]
fn pending_bits_are_inputs_and_what_software_wrote() {
    let mut machine =
        Machine::new("rv64", &[csr("csrrs", A0, 0x344, A1), csr("csrrc", A0, 0x344, A1)]);
    machine.interrupts.set(9, true);
    machine.interrupts.set(7, true);
    machine.hart.set_x(A1.into(), 1 << 1 | 1 << 5);
    machine.step(1);
    assert_eq!(machine.hart.x(A0.into()), 1 << 9 | 1 << 7);
    assert_eq!(machine.csr("mip"), 1 << 9 | 1 << 7 | 1 << 5 | 1 << 1);
    machine.interrupts.set(9, false);
    assert_eq!(machine.csr("mip"), 1 << 7 | 1 << 5 | 1 << 1, "the input was not written back");
    machine.step(1);
    assert_eq!(machine.csr("mip"), 1 << 7);
    // A device raises a software interrupt, and the guest clears it.
    machine.interrupts.set(1, true);
    assert_eq!(machine.csr("mip"), 1 << 7 | 1 << 1);
    machine.hart.set_pc(RAM + 4);
    machine.step(1);
    assert_eq!(machine.csr("mip"), 1 << 7);
}

#[test]
fn the_supervisor_view_shows_what_is_delegated() {
    let mut machine = Machine::new("rv64", &[]);
    machine.set_csr("mideleg", 1 << 9 | 1 << 1).set_csr("mie", 0xaaa).set_csr("mip", 0x222);
    assert_eq!(machine.csr("sie"), 1 << 9 | 1 << 1);
    assert_eq!(machine.csr("sip"), 1 << 9 | 1 << 1);
    machine.set_csr("sie", 1 << 5);
    assert_eq!(machine.csr("mie"), 0x8a8 | 1 << 5);
    machine.set_csr("sip", 0);
    assert_eq!(machine.csr("mip"), 1 << 9 | 1 << 5);
}

#[test]
fn wfi_waits_for_an_enabled_interrupt_even_if_masked() {
    let mut machine = Machine::new("rv64", &[plain("wfi"), i("addi", A0, A0, 1), j(-4)]);
    machine.set_csr("mie", 1 << 7);
    machine.interrupts.set(3, true);
    assert_eq!(machine.hart.run(10), Exit::Wfi);
    assert!(machine.hart.waiting());
    assert_eq!(machine.hart.run(10), Exit::Wfi, "not enabled");
    assert_eq!(machine.hart.instructions(), 1);
    machine.interrupts.set(7, true);
    assert_eq!(machine.hart.run(5), Exit::Budget);
    assert_eq!(machine.hart.x(A0.into()), 3);
    // A trap from the sleep returns to the next instruction.
    machine.interrupts.set(7, false);
    machine.hart.set_pc(RAM);
    machine.set_csr("mtvec", MTVEC).set_csr("mstatus", MIE);
    machine.memory.put(MTVEC, &[j(0)]);
    assert_eq!(machine.hart.run(10), Exit::Wfi);
    machine.interrupts.set(7, true);
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.csr("mepc")), (MTVEC, RAM + 4));
}

/// A hart whose handler of traps lies where no memory is does not keep its thread busy.
#[test]
fn a_handler_that_cannot_be_fetched_stops_the_hart() {
    let mut machine = Machine::new("rv64", &[0, j(0)]);
    assert_eq!(machine.hart.run(1000), Exit::Wfi, "mtvec is 0, where nothing is");
    assert_eq!((machine.csr("mcause"), machine.csr("mepc"), machine.hart.pc()), (1, 0, 0));
    machine.set_csr("mie", 1 << 7);
    machine.interrupts.set(7, true);
    assert_eq!(machine.hart.run(1000), Exit::Wfi, "an interrupt cannot be taken either");
    // A debugger may help it, and so may a reset.
    machine.hart.set_pc(RAM + 4);
    assert_eq!(machine.hart.run(10), Exit::Budget);
    machine.hart.reset();
    assert_eq!(machine.hart.run(1000), Exit::Wfi);
}

/// MPRV gives loads and stores, but not fetches, the rights of another mode.
#[test]
fn mprv_uses_the_rights_of_the_previous_mode() {
    let mut machine = Machine::new("rv64", &[i("lw", A0, A1, 0), i("lw", A0, A1, 0)]);
    machine.set_csr("mtvec", MTVEC).hart.set_x(A1.into(), RAM);
    machine.set_csr("mstatus", MPRV | mpp(Mode::Machine));
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 4);
    // User mode may nothing while no PMP entry says so.
    machine.set_csr("mstatus", MPRV | mpp(Mode::User));
    machine.step(1);
    assert_machine_trap(&machine, 5, RAM);
}

#[test]
fn modes_that_do_not_exist_cannot_be_chosen() {
    for (cpu, written, kept) in [
        ("rv64i", 0, 3),
        ("sifive-e51", 1, 0),
        ("sifive-e51", 3, 3),
        ("rv64", 2, 0),
        ("rv64", 1, 1),
        ("rv32", 3, 3),
    ] {
        let mut machine = Machine::new(cpu, &[]);
        machine.set_csr("mstatus", written << 11);
        assert_eq!(machine.csr("mstatus") >> 11 & 3, kept, "{cpu} {written}");
    }
}
