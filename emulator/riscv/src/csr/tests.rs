//! Every register of every kind of hart: what is written becomes legal, and stays.

use std::sync::Arc;

use super::*;
use crate::config::HartConfig;
use crate::cpu::CPU_MODELS;
use crate::hart::Clock;
use crate::interrupts::Interrupts;
use crate::memory::{Bus, BusError, RamPage};
use crate::trap::Mode;

struct Nothing;

impl Bus for Nothing {
    fn read(&self, _: u64, _: u8) -> Result<u64, BusError> {
        Err(BusError::Unmapped)
    }
    fn write(&self, _: u64, _: u8, _: u64) -> Result<(), BusError> {
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
            for value in [u64::MAX, 0, 0xaaaa_aaaa_aaaa_aaaa, 0x5555_5555_5555_5555, reset] {
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
