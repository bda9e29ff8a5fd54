//! Every register of every kind of hart: what is written becomes legal, and stays.

use std::sync::Arc;

use super::*;
use crate::config::HartConfig;
use crate::cpu::CPU_MODELS;
use crate::hart::Clock;
use crate::interrupts::Interrupts;
use crate::memory::{Bus, BusError, RamPage, Requester};
use crate::trap::Mode;

struct Nothing;

impl Bus for Nothing {
    fn read(&self, _: u64, _: u8, _: Requester) -> Result<u64, BusError> {
        Err(BusError::Unmapped)
    }
    fn write(&self, _: u64, _: u8, _: u64, _: Requester) -> Result<(), BusError> {
        Err(BusError::Unmapped)
    }
    fn ram(&self, _: u64) -> Option<RamPage<'_>> {
        None
    }
}

impl Clock for Nothing {
    fn ticks(&self) -> u64 {
        0x1234_5678_9abc
    }
    fn set_timer(&self, _: &Arc<Interrupts>, _: Option<u64>) {}
    fn reached(&self, _: u64) {}
}

fn core(cpu: &CpuModel) -> Core {
    let config = HartConfig::new(cpu.clone(), 3, 0x1000);
    Core::new(config, Arc::new(Nothing), Arc::new(Interrupts::new()), Arc::new(Nothing))
}

fn numbers(cpu: &CpuModel) -> Vec<u16> {
    (0..4096).filter(|number| find(cpu, *number).is_some()).collect()
}

#[test]
fn what_is_written_becomes_legal_and_stays() {
    for cpu in CPU_MODELS {
        for number in numbers(cpu) {
            let mut core = core(cpu);
            let (csr, index) = core.csrs.get(number).unwrap();
            let name = format!("{} of {}", csr.member(index), cpu.name);
            let reset = core.peek_csr(number).unwrap();
            let patterns = [u64::MAX, 0, 0xaaaa_aaaa_aaaa_aaaa, 0x5555_5555_5555_5555, reset];
            let random = (1..20u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
            for value in patterns.into_iter().chain(random) {
                let value = cpu.xlen.truncate(value);
                let legal = csr.legal_value(&core, index, value);
                assert_eq!(cpu.xlen.truncate(legal), legal, "{name} is too wide");
                if !core.poke_csr(number, value) {
                    assert!(read_only(number), "{name}");
                    assert_eq!(core.peek_csr(number), Some(reset), "{name}");
                    continue;
                }
                assert_eq!(core.peek_csr(number), Some(legal), "{name} after {value:#x}");
                assert_eq!(csr.legal_value(&core, index, legal), legal, "{name} does not stay");
                assert!(core.poke_csr(number, legal));
                assert_eq!(core.peek_csr(number), Some(legal), "{name} does not stay");
            }
        }
    }
}

/// What registers keep of all ones and of zeros, from the manual: beside what the records say of
/// themselves.
#[test]
fn all_ones_and_zeros_become_what_the_manual_says() {
    const ALL: u64 = u64::MAX;
    const LOW: u64 = 0xffff_ffff;
    // (CPU, register, after all ones, after zeros)
    for (cpu, name, ones, zeros) in [
        ("rv64", "misa", misa("rv64"), misa("rv64")),
        ("rv64", "medeleg", 0xb3ff, 0),
        ("rv64", "mideleg", 0x222, 0),
        ("max", "mideleg", 0x2222, 0),
        ("rv64", "mie", 0xaaa, 0),
        ("max", "mie", 0x2aaa, 0),
        ("sifive-e51", "mie", 0x888, 0),
        ("rv64", "mip", 0x222, 0),
        ("max", "mip", 0x2222, 0),
        ("rv64", "mtvec", 0, 0), // mode 3 is reserved
        ("rv64", "stvec", 0, 0),
        ("rv64", "mepc", ALL - 1, 0),
        ("rv64i", "mscratch", ALL, 0),
        ("rv32", "mscratch", LOW, 0),
        ("rv64", "mcause", ALL, 0),
        ("rv64", "satp", 0, 0), // there is no mode 15
        ("rv32", "satp", LOW, 0),
        ("rv64", "mcounteren", LOW, 0),
        ("rv64", "scounteren", LOW, 0),
        ("rv64", "mcountinhibit", LOW - 2, 0),
        ("rv64", "menvcfg", 1 << 63 | 1 << 61 | 0xf1, 0),
        ("max", "menvcfg", 7 << 61 | 0xf1, 0),
        ("rv32", "menvcfgh", 1 << 31 | 1 << 29, 0),
        ("rv64", "senvcfg", 0xf1, 0),
        ("max", "mseccfg", 7, 3), // two of them stay set
        ("rv64", "pmpcfg0", 0x9f9f_9f9f_9f9f_9f9f, 0x9f9f_9f9f_9f9f_9f9f), // locked
        ("rv32", "pmpcfg3", 0x9f9f_9f9f, 0x9f9f_9f9f),
        ("rv64", "pmpaddr3", (1 << 54) - 1, 0),
        ("rv32", "pmpaddr3", LOW, 0),
        ("rv64", "mhpmevent3", 0, 0), // there is no such event
        ("max", "mhpmevent3", 15 << 60, 0),
        ("max", "mcyclecfg", 7 << 60, 0),
        ("rv64", "mhpmcounter3", ALL, 0),
        ("max", "mstateen0", 3 << 62, 0),
        ("max", "mstateen1", 1 << 63, 0),
        ("max", "sstateen0", 0, 0),
        ("rv64", "stimecmp", ALL, 0),
        ("rv64", "tselect", 0, 0),
        ("rv64", "tdata1", 15 << 60, 15 << 60),
        ("rv64", "tdata2", ALL, 0),
        ("rv64", "tdata3", 0, 0),
        ("rv64", "tcontrol", 0x88, 0),
        ("rv32", "mstatush", 0, 0),
        ("rv64", "sip", 0, 0), // nothing is delegated
    ] {
        let mut core = core(CpuModel::find(cpu).unwrap());
        let number = number_of(&core.config.cpu, name).unwrap();
        core.poke_csr(number, ALL);
        assert_eq!(core.peek_csr(number), Some(ones), "{name} of {cpu} after all ones");
        core.poke_csr(number, 0);
        assert_eq!(core.peek_csr(number), Some(zeros), "{name} of {cpu} after zeros");
    }
}

fn misa(cpu: &str) -> u64 {
    CpuModel::find(cpu).unwrap().misa()
}

/// Of all 4096 numbers, those that no record has are illegal, in every mode and way.
#[test]
fn registers_that_are_not_there_trap() {
    for cpu in CPU_MODELS {
        let there = numbers(cpu);
        let mut core = core(cpu);
        for number in (0..4096).filter(|number| !there.contains(number)) {
            for (operand, read) in [(None, true), (Some(0), false), (Some(u64::MAX), true)] {
                let word = u32::from(number) << 20 | 0x73;
                assert!(core.csr_access(CsrOp::Set, number, operand, read, word).is_err());
                assert_eq!(core.raised, (Exception::IllegalInstruction, word.into()));
            }
        }
        assert_eq!(CsrTable::new(cpu).records.len(), there.len(), "{}", cpu.name);
    }
}

#[test]
fn names_and_numbers_are_unique() {
    for cpu in CPU_MODELS {
        let mut names: Vec<String> =
            numbers(cpu).into_iter().map(|number| name_of(cpu, number).unwrap()).collect();
        for name in &names {
            let number = number_of(cpu, name).unwrap();
            assert_eq!(name_of(cpu, number).as_ref(), Some(name));
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{}", cpu.name);
        assert_eq!(CsrTable::new(cpu).records.len(), count, "{}", cpu.name);
    }
}

#[test]
fn what_exists_follows_the_configuration() {
    let has = |cpu: &str, csr: &str| number_of(CpuModel::find(cpu).unwrap(), csr).is_some();
    assert!(has("rv64", "menvcfg") && !has("sifive-u54", "menvcfg"));
    assert!(has("rv32", "mstatush") && !has("rv64", "mstatush"));
    assert!(has("rv32", "pmpcfg1") && !has("rv64", "pmpcfg1") && has("rv64", "pmpcfg2"));
    assert!(has("rv64", "pmpaddr15") && !has("rv64", "pmpaddr16") && has("max", "pmpaddr63"));
    assert!(has("rv64", "satp") && !has("sifive-e51", "satp") && !has("sifive-e51", "medeleg"));
    assert!(has("sifive-e51", "mcounteren") && !has("rv64i", "mcounteren"));
    assert!(has("rv32", "mhpmcounter31h") && !has("rv64", "mhpmcounter31h"));
}

#[test]
fn an_access_needs_the_mode_and_a_writable_register() {
    let mut core = core(CpuModel::find("rv64").unwrap());
    let mut allowed = |mode, number, write: bool| {
        core.mode = mode;
        core.csr_access(CsrOp::Set, number, write.then_some(0), true, 0).is_ok()
    };
    assert!(allowed(Mode::Machine, 0x300, true));
    assert!(!allowed(Mode::Supervisor, 0x300, false));
    assert!(allowed(Mode::Supervisor, 0x100, true));
    assert!(!allowed(Mode::User, 0x100, false));
    assert!(allowed(Mode::Machine, 0xf14, false));
    assert!(!allowed(Mode::Machine, 0xf14, true));
    assert!(!allowed(Mode::Machine, 0x7ff, false));
    assert!(!allowed(Mode::Supervisor, 0xc01, false), "mcounteren is zero");
    assert!(allowed(Mode::Machine, 0xc01, false));
}
