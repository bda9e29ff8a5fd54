//! A small machine for the tests: RAM, a ROM, a few bytes of RAM that fill no page, a device.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use boardwright_riscv::isa::{self, Operands};
use boardwright_riscv::{
    Bus, BusError, Clock, CpuModel, Exit, Hart, HartConfig, Interrupts, Mode, Ram, RamPage,
    Requester,
};

/// Where things are.
pub(crate) const RAM: u64 = 0x8000_0000;
pub(crate) const RAM_SIZE: u64 = 16 << 20;
pub(crate) const ROM: u64 = 0x1000;
pub(crate) const SCRATCH: u64 = 0x2040;
pub(crate) const SCRATCH_SIZE: u64 = 64;
pub(crate) const DEVICE: u64 = 0x1000_0000;
/// The handlers of traps of a machine that begins in a mode.
pub(crate) const MTVEC: u64 = RAM + 0x1000;
pub(crate) const STVEC: u64 = RAM + 0x2000;

/// Register numbers by their ABI names.
pub(crate) const RA: u8 = 1;
pub(crate) const T0: u8 = 5;
pub(crate) const T1: u8 = 6;
pub(crate) const A0: u8 = 10;
pub(crate) const A1: u8 = 11;
pub(crate) const A2: u8 = 12;
pub(crate) const A3: u8 = 13;

/// What the device's register is told is written down with its size.
#[derive(Default)]
pub(crate) struct Device {
    pub(crate) value: AtomicU64,
    pub(crate) writes: Mutex<Vec<(u64, u8, u64)>>,
    /// Who made the last access.
    pub(crate) by: Mutex<Option<Requester>>,
}

pub(crate) struct Memory {
    pub(crate) ram: Arc<Ram>,
    pub(crate) rom: Arc<Ram>,
    pub(crate) scratch: Arc<Ram>,
    pub(crate) device: Device,
}

impl Memory {
    pub(crate) fn new() -> Arc<Memory> {
        Arc::new(Memory {
            ram: Ram::new(RAM_SIZE).unwrap(),
            rom: Ram::new(4096).unwrap(),
            scratch: Ram::new(SCRATCH_SIZE).unwrap(),
            device: Device::default(),
        })
    }

    pub(crate) fn put(&self, addr: u64, words: &[u32]) {
        for (n, word) in words.iter().enumerate() {
            self.ram.write(addr - RAM + 4 * n as u64, &word.to_le_bytes()).unwrap();
        }
    }

    pub(crate) fn put64(&self, addr: u64, value: u64) {
        self.ram.store(addr - RAM, value).unwrap();
    }

    pub(crate) fn get64(&self, addr: u64) -> u64 {
        self.ram.load(addr - RAM).unwrap()
    }

    pub(crate) fn get32(&self, addr: u64) -> u32 {
        self.ram.load(addr - RAM).unwrap()
    }
}

impl Bus for Memory {
    fn read(&self, addr: u64, size: u8, by: Requester) -> Result<u64, BusError> {
        for (base, ram) in [(RAM, &self.ram), (ROM, &self.rom), (SCRATCH, &self.scratch)] {
            if addr >= base && addr - base < ram.len() {
                return ram.load_sized(addr - base, size).ok_or(BusError::Refused);
            }
        }
        if addr & !0xfff == DEVICE {
            *self.device.by.lock().unwrap() = Some(by);
            return Ok(self.device.value.load(Ordering::Relaxed) + (addr & 0xfff));
        }
        Err(BusError::Unmapped)
    }

    fn write(&self, addr: u64, size: u8, value: u64, by: Requester) -> Result<(), BusError> {
        for (base, ram) in [(RAM, &self.ram), (SCRATCH, &self.scratch)] {
            if addr >= base && addr - base < ram.len() {
                return ram.store_sized(addr - base, size, value).ok_or(BusError::Refused);
            }
        }
        if addr & !0xfff == DEVICE {
            *self.device.by.lock().unwrap() = Some(by);
            self.device.writes.lock().unwrap().push((addr, size, value));
            return Ok(());
        }
        Err(BusError::Refused)
    }

    fn ram(&self, addr: u64) -> Option<RamPage<'_>> {
        if addr >= RAM {
            return self.ram.page(addr - RAM);
        }
        (addr & !0xfff == ROM).then(|| self.rom.page(addr - ROM)).flatten().map(RamPage::read_only)
    }
}

/// A clock that somebody sets.
#[derive(Default)]
pub(crate) struct Ticks(pub AtomicU64, pub Mutex<Option<u64>>);

impl Clock for Ticks {
    fn ticks(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// What the timer is set to is written down, and compared with the time at once.
    fn set_timer(&self, interrupts: &Arc<Interrupts>, due: Option<u64>) {
        *self.1.lock().unwrap() = due;
        interrupts.set(5, due.is_some_and(|due| due <= self.ticks()));
    }

    /// Time goes by instructions where the hart counts.
    fn reached(&self, executed: u64) {
        self.0.store(executed, Ordering::Relaxed);
    }
}

/// A hart with memory; the program begins at [`RAM`].
pub(crate) struct Machine {
    pub(crate) hart: Hart,
    pub(crate) memory: Arc<Memory>,
    pub(crate) interrupts: Arc<Interrupts>,
    pub(crate) clock: Arc<Ticks>,
}

impl Machine {
    pub(crate) fn new(cpu: &str, program: &[u32]) -> Machine {
        Machine::of(CpuModel::find(cpu).unwrap().clone(), program)
    }

    pub(crate) fn of(cpu: CpuModel, program: &[u32]) -> Machine {
        let memory = Memory::new();
        memory.put(RAM, program);
        Machine::sharing(cpu, 0, memory)
    }

    /// A machine about to run a program at [`RAM`] in a mode. To get there it has run an `mret`.
    pub(crate) fn in_mode(cpu: CpuModel, mode: Mode, program: &[u32]) -> Machine {
        let mut machine = Machine::of(cpu, program);
        let entry = RAM + 0xf00;
        machine.memory.put(entry, &[plain("mret")]);
        machine.open_pmp().set_csr("mtvec", MTVEC).set_csr("mepc", RAM);
        let status = machine.csr("mstatus") & !(3 << 11);
        machine.set_csr("mstatus", status | (mode as u64) << 11);
        if machine.hart.csr_number("stvec").is_some() {
            machine.set_csr("stvec", STVEC);
        }
        machine.hart.set_pc(entry);
        machine.step(1);
        assert_eq!((machine.hart.mode(), machine.hart.pc()), (mode, RAM));
        machine
    }

    pub(crate) fn sharing(cpu: CpuModel, hartid: u64, memory: Arc<Memory>) -> Machine {
        let interrupts = Arc::new(Interrupts::new());
        let clock = Arc::new(Ticks::default());
        let bus: Arc<dyn Bus> = Arc::<Memory>::clone(&memory);
        let config = HartConfig::new(cpu, hartid, RAM);
        let ticks: Arc<dyn Clock> = Arc::<Ticks>::clone(&clock);
        let hart = Hart::new(config, bus, Arc::clone(&interrupts), ticks).unwrap();
        Machine { hart, memory, interrupts, clock }
    }

    /// Runs so many instructions.
    pub(crate) fn step(&mut self, count: u64) -> &mut Machine {
        assert_eq!(self.hart.run(count), Exit::Budget);
        self
    }

    pub(crate) fn csr(&self, name: &str) -> u64 {
        self.hart.csr_by_name(name).unwrap()
    }

    pub(crate) fn set_csr(&mut self, name: &str, value: u64) -> &mut Machine {
        let number = self.hart.csr_number(name).unwrap();
        assert!(self.hart.set_csr(number, value), "{name}");
        self
    }

    /// Opens all memory to the lower modes, as firmware does.
    pub(crate) fn open_pmp(&mut self) -> &mut Machine {
        self.set_csr("pmpaddr0", u64::MAX).set_csr("pmpcfg0", 0x1f)
    }
}

/// Encodes an instruction; the operands are those that its format has.
pub(crate) fn op(mnemonic: &str, operands: Operands) -> u32 {
    let record = isa::instructions().find(|record| record.mnemonic == mnemonic).unwrap();
    record.bits | record.format.encode(&operands)
}

/// `op rd, rs1, rs2`
pub(crate) fn r(mnemonic: &str, rd: u8, rs1: u8, rs2: u8) -> u32 {
    op(mnemonic, Operands { rd, rs1, rs2, ..Default::default() })
}

/// `op rd, rs1, imm` and `op rd, imm(rs1)`
pub(crate) fn i(mnemonic: &str, rd: u8, rs1: u8, imm: i32) -> u32 {
    op(mnemonic, Operands { rd, rs1, imm, ..Default::default() })
}

/// `op rs2, imm(rs1)` and `op rs1, rs2, offset`
pub(crate) fn s(mnemonic: &str, rs2: u8, rs1: u8, imm: i32) -> u32 {
    op(mnemonic, Operands { rs1, rs2, imm, ..Default::default() })
}

/// `csrrX rd, csr, rs1`
pub(crate) fn csr(mnemonic: &str, rd: u8, number: u16, rs1: u8) -> u32 {
    op(mnemonic, Operands { rd, rs1, imm: number.into(), ..Default::default() })
}

/// An instruction without operands.
pub(crate) fn plain(mnemonic: &str) -> u32 {
    op(mnemonic, Operands::default())
}

/// `j offset`
pub(crate) fn j(offset: i32) -> u32 {
    i("jal", 0, 0, offset)
}
