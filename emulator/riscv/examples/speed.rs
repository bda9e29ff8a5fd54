//! How many guest instructions a second: `cargo run --release -p boardwright-riscv --example
//! speed`.

use std::sync::Arc;
use std::time::Instant;

use boardwright_riscv::isa::{self, Operands};
use boardwright_riscv::{
    Bus, BusError, Clock, CpuModel, Hart, HartConfig, Interrupts, Ram, RamPage, Requester,
};

const BASE: u64 = 0x8000_0000;
/// `mstatus.FS`.
const FLOAT_ON: u64 = 1 << 13;

struct Flat(Arc<Ram>);

impl Bus for Flat {
    fn read(&self, _: u64, _: u8, _: Requester) -> Result<u64, BusError> {
        Err(BusError::Unmapped)
    }
    fn write(&self, _: u64, _: u8, _: u64, _: Requester) -> Result<(), BusError> {
        Err(BusError::Unmapped)
    }
    fn ram(&self, addr: u64) -> Option<RamPage<'_>> {
        self.0.page(addr.checked_sub(BASE)?)
    }
}

struct Stopped;

impl Clock for Stopped {
    fn ticks(&self) -> u64 {
        0
    }
    fn set_timer(&self, _: &Arc<Interrupts>, _: Option<u64>) {}
    fn reached(&self, _: u64) {}
}

fn op(mnemonic: &str, rd: u8, rs1: u8, rs2: u8, imm: i32) -> u32 {
    let operands = Operands { rd, rs1, rs2, imm, ..Operands::default() };
    let record = isa::instructions().find(|record| record.mnemonic == mnemonic);
    record.map_or(0, |record| record.bits | record.format.encode(&operands))
}

fn main() {
    let alu = [
        op("addi", 10, 10, 0, 1),
        op("add", 11, 11, 10, 0),
        op("xor", 12, 11, 10, 0),
        op("srli", 13, 12, 0, 7),
        op("and", 14, 13, 11, 0),
        op("bne", 0, 10, 0, -20),
    ];
    let memory = [
        op("auipc", 9, 0, 0, 0x1_0000),
        op("lw", 11, 9, 0, 0),
        op("addi", 11, 11, 0, 1),
        op("sw", 0, 9, 11, 0),
        op("lw", 12, 9, 0, 64),
        op("sw", 0, 9, 12, 128),
        op("jal", 0, 0, 0, -20),
    ];
    let short = [op("addi", 10, 10, 0, 1), op("bne", 0, 10, 0, -4)];
    // A function called over and over.
    let calls = [
        op("jal", 1, 0, 0, 8),
        op("jal", 0, 0, 0, -4),
        op("addi", 10, 10, 0, 1),
        op("add", 11, 11, 10, 0),
        op("jalr", 0, 1, 0, 0),
    ];
    // A logistic map: f2 = f2 * (f1 - f2), rounded to nearest as most programs do.
    let float = [
        op("fsub.d", 4, 1, 2, 0),
        op("fmul.d", 2, 2, 4, 0),
        op("fadd.d", 5, 5, 2, 0),
        op("fmul.d", 6, 5, 2, 0),
        op("jal", 0, 0, 0, -16),
    ];
    for (name, program) in [
        ("alu", &alu[..]),
        ("memory", &memory),
        ("short", &short),
        ("calls", &calls),
        ("float", &float),
    ] {
        for cpu in ["rv32", "rv64"] {
            let Some(cpu) = CpuModel::find(cpu) else { continue };
            match measure(cpu, program) {
                Ok(speed) => println!("{name:8} {:6} {speed:6.0} M/s", cpu.name),
                Err(error) => println!("{name:8} {:6} {error}", cpu.name),
            }
        }
    }
}

fn measure(cpu: &CpuModel, program: &[u32]) -> Result<f64, Box<dyn std::error::Error>> {
    const COUNT: u64 = 300_000_000;
    let ram = Ram::new(1 << 20)?;
    for (n, word) in program.iter().enumerate() {
        ram.write(4 * n as u64, &word.to_le_bytes())?;
    }
    let config = HartConfig::new(cpu.clone(), 0, BASE);
    let interrupts = Arc::new(Interrupts::new());
    let mut hart = Hart::new(config, Arc::new(Flat(ram)), interrupts, Arc::new(Stopped))?;
    if let Some(mstatus) = hart.csr_number("mstatus") {
        hart.set_csr(mstatus, FLOAT_ON);
    }
    hart.set_f(1, 3.9f64.to_bits());
    hart.set_f(2, 1.3f64.to_bits());
    let start = Instant::now();
    hart.run(COUNT);
    Ok(COUNT as f64 / start.elapsed().as_secs_f64() / 1e6)
}
