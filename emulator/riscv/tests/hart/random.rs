//! Whatever words a guest runs, in whatever mode, the hart goes on: no panic, no wait without end.

use std::time::{Duration, Instant};

use crate::common::*;
use boardwright_riscv::{CPU_MODELS, isa};

/// A generator of numbers that is good enough (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Fills a page with words of which most are instructions that exist.
fn program(random: &mut Random) -> Vec<u32> {
    let records: Vec<_> = isa::instructions().collect();
    let word = |_| {
        let record = records[random.next() as usize % records.len()];
        let word = random.next() as u32;
        match random.next() % 8 {
            0 => word,
            // CSR numbers that exist are rare among all.
            1 if record.mnemonic.starts_with("csr") => {
                let areas = [0x100, 0x140, 0x180, 0x300, 0x340, 0x3a0, 0x3b0, 0xb00, 0xc00];
                let area = areas[random.next() as usize % areas.len()];
                word & !record.mask & 0xfffff | record.bits | (area + (word >> 28)) << 20
            }
            _ => record.bits | word & !record.mask,
        }
    };
    (0..1024).map(word).collect()
}

/// What a fuzzer would call: a seed in, nothing out but the hart's survival.
fn survive(seed: u64) {
    let mut random = Random(seed | 1);
    let cpu = &CPU_MODELS[random.next() as usize % CPU_MODELS.len()];
    let mut machine = Machine::of(cpu.clone(), &program(&mut random));
    for n in 1..32 {
        // Half the registers point to something.
        let place = [RAM, RAM + 0x1000, DEVICE, ROM, SCRATCH][random.next() as usize % 5];
        let value = random.next();
        machine.hart.set_x(n, if value & 1 == 0 { value } else { place + (value >> 1 & 0xfff) });
    }
    for number in 0..4096 {
        if random.next().is_multiple_of(3) {
            let _ = machine.hart.set_csr(number, random.next());
        }
    }
    machine.set_csr_if_there("mtvec", RAM + (random.next() & 0xffd));
    machine.set_csr_if_there("stvec", RAM + (random.next() & 0xffd));
    for _ in 0..20 {
        for cause in 0..12 {
            machine.interrupts.set(cause, random.next().is_multiple_of(4));
        }
        machine.hart.run(random.next() % 2000);
        machine.hart.set_pc(RAM + (random.next() & 0xfff));
        let _ = machine.hart.translate(random.next());
    }
    assert!(!machine.hart.registers().is_empty());
}

impl Machine {
    fn set_csr_if_there(&mut self, name: &str, value: u64) {
        if let Some(number) = self.hart.csr_number(name) {
            self.hart.set_csr(number, value);
        }
    }
}

/// For a second, or as many as `BOARDWRIGHT_FUZZ_SECONDS` says.
#[test]
fn random_programs_do_no_harm() {
    let seconds = std::env::var("BOARDWRIGHT_FUZZ_SECONDS").ok().and_then(|n| n.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(1));
    let start = Instant::now();
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    while start.elapsed() < time {
        seed = Random(seed).next();
        survive(seed);
    }
}

#[test]
fn random_words_can_be_disassembled() {
    let mut random = Random(1);
    for cpu in CPU_MODELS {
        for _ in 0..2000 {
            let (text, length) = isa::disassemble(cpu, random.next(), random.next() as u32);
            assert!(!text.is_empty() && (length == 2 || length == 4));
        }
    }
}
