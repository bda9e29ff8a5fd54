//! Non-maskable interrupts, with Smrnmi and without.

use crate::common::*;
use boardwright_riscv::{CpuModel, Exit, Mode};

const NMI_VECTOR: u64 = RAM + 0x4000;
const NMI_EXCEPTIONS: u64 = RAM + 0x5000;
const NMIE: u64 = 1 << 3;
const MIE: u64 = 1 << 3;
const MPRV: u64 = 1 << 17;
const UNKNOWN: u64 = 1 << 63;

fn mpp(mode: Mode) -> u64 {
    (mode as u64) << 11
}

/// A machine that runs a program over and over, whose handlers of interrupts do nothing twice.
fn machine(resumable: bool, mode: Mode, program: &[u32]) -> Machine {
    let switch = if resumable { "on" } else { "off" };
    let vectors = [NMI_VECTOR, NMI_EXCEPTIONS].map(|vector| vector.to_string());
    let cpu = CpuModel::find("rv64").unwrap().with_properties([
        ("smrnmi", switch),
        ("rnmi-interrupt-vector", &vectors[0]),
        ("rnmi-exception-vector", &vectors[1]),
    ]);
    let machine = Machine::in_mode(cpu.unwrap(), mode, program);
    let nop = i("addi", 0, 0, 0);
    machine.memory.put(NMI_VECTOR, &[nop, if resumable { plain_resumable() } else { nop }]);
    machine.memory.put(NMI_EXCEPTIONS, &[nop, nop]);
    machine
}

/// `mnret`, which the models that the helpers encode for do not have.
fn plain_resumable() -> u32 {
    0x7020_0073
}

#[test]
fn without_the_extension_it_overwrites_the_machine_registers_whatever_is_masked() {
    for mode in [Mode::User, Mode::Supervisor, Mode::Machine] {
        let mut machine = machine(false, mode, &[j(0)]);
        machine.set_csr("mie", 0);
        machine.interrupts.raise_nmi();
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::Machine, NMI_VECTOR + 4));
        assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (UNKNOWN, RAM));
        assert_eq!(machine.csr("mstatus") & mpp(Mode::Machine), mpp(mode));
        machine.step(1);
        assert_eq!(machine.hart.pc(), NMI_VECTOR + 8, "an edge is taken once");
    }
}

#[test]
fn with_it_nothing_is_lost_and_mnret_goes_back() {
    for mode in [Mode::User, Mode::Supervisor, Mode::Machine] {
        let mut machine = machine(true, mode, &[j(0)]);
        machine.set_csr("mnstatus", NMIE).set_csr("mcause", 7).set_csr("mepc", 0x44);
        machine.set_csr("mstatus", MPRV | machine.csr("mstatus"));
        let status = machine.csr("mstatus");
        machine.interrupts.raise_nmi();
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.hart.pc()), (Mode::Machine, NMI_VECTOR + 4));
        assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (7, 0x44));
        assert_eq!((machine.csr("mncause"), machine.csr("mnepc")), (UNKNOWN, RAM));
        assert_eq!(machine.csr("mnstatus"), mpp(mode));
        assert_eq!(machine.csr("mstatus"), status);
        // Another one waits for the return, after which it is taken.
        machine.interrupts.raise_nmi();
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.hart.pc()), (mode, RAM));
        let kept = if mode == Mode::Machine { MPRV } else { 0 };
        assert_eq!(machine.csr("mstatus") & MPRV, kept);
        assert_eq!(machine.csr("mnstatus") & NMIE, NMIE);
        machine.step(1);
        assert_eq!(machine.hart.pc(), NMI_VECTOR + 4);
    }
}

#[test]
fn until_it_is_enabled_no_interrupt_is_taken_and_exceptions_have_their_own_handler() {
    let mut machine = machine(true, Mode::Machine, &[i("addi", 0, 0, 0), plain("ecall")]);
    assert_eq!(machine.csr("mnstatus") & NMIE, 0, "after reset");
    let status = machine.csr("mstatus");
    machine.set_csr("mie", 1 << 3).set_csr("mstatus", MIE | status);
    machine.interrupts.set(3, true);
    machine.interrupts.raise_nmi();
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 4);
    machine.step(1);
    assert_eq!(machine.hart.pc(), NMI_EXCEPTIONS);
    assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (11, RAM + 4));
    // Software sets the bit, and does not clear it; the interrupt that waited comes at once.
    machine.set_csr("mnstatus", NMIE).set_csr("mnstatus", 0);
    assert_eq!(machine.csr("mnstatus") & NMIE, NMIE);
    machine.step(1);
    assert_eq!(machine.hart.pc(), NMI_VECTOR + 4);
}

#[test]
fn loads_have_their_own_rights_while_one_is_handled() {
    // User mode may not touch the page; machine mode may, unless MPRV says otherwise.
    let load = [i("ld", A0, A1, 0), i("ld", A0, A1, 0)];
    let mut machine = machine(true, Mode::Machine, &load);
    machine.memory.put64(RAM + 0x3000, 42);
    machine.hart.set_x(A1.into(), RAM + 0x3000);
    machine.set_csr("pmpaddr0", 0).set_csr("pmpcfg0", 0);
    machine.set_csr("mstatus", MPRV | machine.csr("mstatus") & !mpp(Mode::Machine));
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.hart.x(A0.into())), (RAM + 4, 42));
    machine.set_csr("mnstatus", NMIE);
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.csr("mcause")), (MTVEC, 5));
}

#[test]
fn it_wakes_a_hart_that_waits_if_it_may_be_taken() {
    for (status, exit) in [(0, Exit::Wfi), (NMIE, Exit::Budget)] {
        let mut machine = machine(true, Mode::Machine, &[plain("wfi"), j(0)]);
        machine.set_csr("mnstatus", status);
        assert_eq!(machine.hart.run(2), Exit::Wfi);
        machine.interrupts.raise_nmi();
        assert_eq!(machine.hart.run(1), exit, "{status:#x}");
    }
}

#[test]
fn the_registers_and_the_return_are_machine_modes_own() {
    for (resumable, mode) in [(true, Mode::Supervisor), (false, Mode::Machine)] {
        for word in [plain_resumable(), csr("csrrs", A0, 0x744, 0)] {
            let mut machine = machine(resumable, mode, &[word]);
            machine.set_csr("medeleg", 0);
            if resumable {
                machine.set_csr("mnstatus", NMIE);
            }
            machine.step(1);
            assert_eq!((machine.hart.pc(), machine.csr("mcause")), (MTVEC, 2));
        }
    }
}
