//! The run loop: budgets, requests, sleeping, observers, and what a debugger sees.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::*;
use boardwright_riscv::{
    ConfigError, CpuModel, Exit, Extension, Hart, HartConfig, Interrupts, Mmu, Modes, Observer,
    TracedInstruction, TrapEvent, isa,
};

#[test]
fn a_budget_is_kept_exactly() {
    let mut program = vec![i("addi", A0, A0, 1); 100];
    program.push(j(-400));
    for budget in [0, 1, 2, 31, 32, 33, 64, 99, 100, 101, 102, 1000, 12345] {
        let mut machine = Machine::new("rv64", &program);
        machine.step(budget);
        assert_eq!(machine.hart.instructions(), budget);
        assert_eq!(machine.hart.x(A0.into()), budget - budget / 101);
        assert_eq!(machine.csr("minstret"), budget);
    }
    // However it is divided.
    let mut machine = Machine::new("rv64", &program);
    for n in 0..200 {
        machine.step(n % 7);
    }
    assert_eq!(machine.hart.instructions(), (0..200).map(|n| n % 7).sum::<u64>());
}

/// A handler that traps itself traps for ever; the budget ends that. (One that cannot even be
/// fetched stops the hart: see `traps.rs`.)
#[test]
fn a_hart_lost_in_traps_still_returns() {
    for entry in [0x4000_0000, SCRATCH + SCRATCH_SIZE - 2, RAM] {
        let mut machine = Machine::new("rv64", &[0]);
        machine.set_csr("mtvec", RAM);
        machine.hart.set_pc(entry);
        machine.step(10_000);
        assert_eq!(machine.hart.instructions(), 0);
    }
}

#[test]
fn an_exit_request_is_honoured_once() {
    let mut machine = Machine::new("rv64", &[j(0)]);
    machine.interrupts.request_exit();
    assert_eq!(machine.hart.run(1000), Exit::Requested);
    assert_eq!(machine.hart.run(1000), Exit::Budget);
    let interrupts = Arc::clone(&machine.interrupts);
    let runner = thread::spawn(move || machine.hart.run(u64::MAX));
    thread::sleep(Duration::from_millis(10));
    interrupts.request_exit();
    assert_eq!(runner.join().unwrap(), Exit::Requested);
}

#[test]
fn a_sleeping_hart_is_woken_by_an_interrupt_of_another_thread() {
    let mut machine = Machine::new("rv32", &[plain("wfi"), i("addi", A0, A0, 1), j(4), j(0)]);
    machine.set_csr("mie", 1 << 11);
    let interrupts = Arc::clone(&machine.interrupts);
    let runner = thread::spawn(move || {
        let mut sleeps = 0;
        while machine.hart.run(100) == Exit::Wfi {
            sleeps += 1;
            assert!(machine.interrupts.wait(Some(Duration::from_secs(20))));
        }
        (sleeps, machine.hart.x(A0.into()))
    });
    thread::sleep(Duration::from_millis(10));
    interrupts.set(7, true); // not enabled
    thread::sleep(Duration::from_millis(10));
    interrupts.set(11, true);
    assert_eq!(runner.join().unwrap(), (1, 1));
}

#[test]
fn an_interrupt_stops_a_loop_that_runs_at_full_speed() {
    let mut machine = Machine::new("rv64", &[j(0)]);
    // The handler says that it was entered.
    machine.memory.put(RAM + 0x1000, &[s("sw", A1, A1, 0), j(0)]);
    machine.hart.set_x(A1.into(), RAM + 0x2000);
    machine.set_csr("mtvec", RAM + 0x1000).set_csr("mie", 1 << 7).set_csr("mstatus", 1 << 3);
    let (interrupts, memory) = (Arc::clone(&machine.interrupts), Arc::clone(&machine.memory));
    let runner = thread::spawn(move || {
        let exit = machine.hart.run(u64::MAX);
        (exit, machine.csr("mcause"))
    });
    thread::sleep(Duration::from_millis(10));
    interrupts.set(7, true);
    while memory.get32(RAM + 0x2000) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    interrupts.request_exit();
    assert_eq!(runner.join().unwrap(), (Exit::Requested, 1 << 63 | 7));
}

#[derive(Default)]
struct Notes {
    traps: Mutex<Vec<TrapEvent>>,
    code: Mutex<Vec<String>>,
}

impl Observer for Notes {
    fn trap(&self, event: &TrapEvent) {
        self.traps.lock().unwrap().push(event.clone());
    }
    fn block(&self, hartid: u64, pc: u64, instructions: &[TracedInstruction]) {
        for instruction in instructions {
            let TracedInstruction { pc: at, text, .. } = instruction;
            self.code.lock().unwrap().push(format!("{hartid} {pc:x} {at:x} {text}"));
        }
    }
}

#[test]
fn an_observer_sees_traps_and_code() {
    let mut machine = Machine::new("rv64", &[i("addi", A0, 0, 3), plain("ecall")]);
    machine.memory.put(RAM + 0x100, &[j(0)]);
    machine.set_csr("mtvec", RAM + 0x100);
    let notes = Arc::new(Notes::default());
    machine.hart.set_observer(Some(Arc::<Notes>::clone(&notes)));
    machine.step(5);
    let traps = notes.traps.lock().unwrap();
    assert_eq!(traps.len(), 1);
    assert_eq!((traps[0].epc, traps[0].description()), (RAM + 4, "machine_ecall"));
    let code = notes.code.lock().unwrap().join("\n");
    let expected = "0 80000000 80000000 li a0,3\n0 80000000 80000004 ecall\n\
                    0 80000100 80000100 j 0x80000100";
    assert_eq!(code, expected);
}

#[test]
fn the_register_dump_has_the_known_layout() {
    let mut machine = Machine::new("rv32", &[]);
    machine.hart.set_x(1, 0xffff_ffff_8000_0001);
    let text = machine.hart.registers();
    assert!(text.starts_with(" pc       80000000\n mhartid  00000000\n mstatus  00000000\n"));
    assert!(
        text.contains("\n x0/zero  00000000 x1/ra    80000001 x2/sp    00000000 x3/gp    0000")
    );
    assert!(text.contains("x31/t6   00000000\n fcsr     00000000\n f0/ft0   0000000000000000 "));
    assert!(text.ends_with("f31/ft11 0000000000000000\n"));
    let text = Machine::new("rv32i", &[]).hart.registers();
    assert!(text.ends_with("x31/t6   00000000\n"));
}

#[test]
fn a_debugger_reads_and_writes_registers() {
    let mut machine = Machine::new("rv32", &[]);
    let hart = &mut machine.hart;
    hart.set_x(5, 0x1_8000_0000);
    assert_eq!((hart.x(5), hart.x(32)), (0x8000_0000, 0));
    hart.set_pc(0x1_8000_0003);
    assert_eq!(hart.pc(), 0x8000_0002);
    assert!(!hart.set_csr(0xf14, 1), "read-only");
    assert!(!hart.set_csr(0x7ff, 1), "not there");
    assert_eq!(hart.csr_by_name("nonsense"), None);
    assert_eq!(hart.csr_by_name("pmpaddr15"), Some(0));
}

#[test]
fn reset_starts_over() {
    let mut machine = Machine::new("rv64", &[i("addi", A0, A0, 1), plain("wfi")]);
    machine.set_csr("mscratch", 5);
    assert_eq!(machine.hart.run(10), Exit::Wfi);
    machine.memory.put(RAM, &[i("addi", A0, A0, 2)]);
    machine.hart.reset();
    assert_eq!((machine.hart.pc(), machine.csr("mscratch")), (RAM, 0));
    machine.step(1);
    assert_eq!(machine.hart.x(A0.into()), 2);
}

#[test]
fn impossible_configurations_are_refused() {
    let rv64 = CpuModel::find("rv64").unwrap();
    let refused = |change: fn(&mut HartConfig)| {
        let mut config = HartConfig::new(rv64.clone(), 0, RAM);
        change(&mut config);
        let inputs = Arc::new(Interrupts::new());
        Hart::new(config, Memory::new(), inputs, Arc::new(Ticks::default())).err()
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|c| c.reset_vector = 1), Some(ConfigError::ResetVector(1)));
    assert_eq!(refused(|c| c.cpu.extensions.set(Extension::E, true)), Some(ConfigError::Base));
    let without = ConfigError::ExtensionWithoutSupervisor(Extension::Sstc);
    assert_eq!(refused(|c| c.cpu.modes = Modes::Mu), Some(without));
    let mut bare = CpuModel::find("rv64i").unwrap().clone();
    bare.mmu = Mmu::Sv39;
    assert_eq!(bare.check(), Err(ConfigError::MmuWithoutSupervisor));
    assert_eq!(refused(|c| c.cpu.pmp_granularity = 6), Some(ConfigError::PmpGranularity(6)));
    assert_eq!(refused(|c| c.cpu.pmp_regions = 65), Some(ConfigError::PmpRegions(65)));
}

#[test]
fn what_a_hart_lacks_is_illegal() {
    for (cpu, word, legal) in [
        ("rv64i", r("mul", A0, A0, A0), false),
        ("rv64", r("mul", A0, A0, A0), true),
        ("lowrisc-ibex", r("amoadd.w", A0, A0, A0), false),
        ("rv64i", csr("csrrs", A0, 0x300, 0), false),
        ("rv64i", plain("fence.i"), false),
        ("rv32e", i("addi", 15, 0, 0), true),
        ("rv32e", i("addi", 16, 0, 0), false),
        ("rv32", i("ld", A0, A0, 0), false),
        ("rv32", r("addw", A0, A0, A0), false),
        ("rv64", r("czero.eqz", A0, A0, A0), false),
        ("sifive-u54", r("andn", A0, A0, A0), false),
        ("rva22s64", r("andn", A0, A0, A0), true),
        ("rva22s64", r("clmul", A0, A0, A0), false),
        ("rv64e", r("addw", 15, 0, 0), true),
        ("rv64e", r("addw", 16, 0, 0), false),
    ] {
        let mut machine = Machine::new(cpu, &[word]);
        machine.hart.set_x(A0.into(), RAM + 0x100);
        machine.step(1);
        assert_eq!(machine.hart.pc() == RAM + 4, legal, "{cpu} {word:08x}");
    }
}

/// Every compressed word does what the instruction that it is short for does.
#[test]
fn compressed_instructions_are_their_base_instructions() {
    for cpu in ["max32", "max"] {
        let model = CpuModel::find(cpu).unwrap();
        let decoder = isa::Decoder::new(model);
        for bits in (0..=0xffff_u32).filter(|bits| bits & 3 != 3).step_by(7) {
            let Some(found) = decoder.decode(bits) else { continue };
            let long = found.instruction.bits | found.instruction.format.encode(&found.operands);
            let run = |word: u32| {
                let mut machine = Machine::new(cpu, &[word]);
                for n in 1..32 {
                    machine.hart.set_x(n, RAM + 0x4000 + 0x40 * n as u64);
                }
                machine.step(1);
                let hart = &machine.hart;
                let registers: Vec<u64> = (0..32).map(|n| hart.x(n)).collect();
                let cause = hart.csr_by_name("mcause");
                let mut memory = vec![0; 0x4000];
                machine.memory.ram.read(0x3000, &mut memory).unwrap();
                (hart.pc(), registers, cause, memory)
            };
            let (mut short, long) = (run(bits), run(long));
            // Only the lengths may differ.
            if short.0 == RAM + 2 && long.0 == RAM + 4 {
                short.0 += 2;
            }
            if found.operands.rd == 1 && short.1[1] == RAM + 2 {
                short.1[1] += 2;
            }
            assert_eq!(short, long, "{cpu} {bits:04x}");
        }
    }
}
