//! `riscv.sifive.u.otp`: one-time programmable memory of the FU540 (FU540-C000 manual, chapter 11):
//! 4096 words of fuses, ones until they are blown. The board's serial number and its complement
//! stand in two of them.

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Region};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveUOtpProperties};

/// Words of fuses; an address has 12 bits.
const WORDS: usize = 4096;
const ADDRESS: u32 = 0xfff;
/// Where the serial number stands; its complement follows.
const SERIAL: usize = 0xfc;

registers! {
    /// Table 11.1.
    enum Register {
        Address = 0x00,
        Bit = 0x04,
        Redundancy = 0x08,
        InputEnable = 0x0c,
        Clock = 0x10,
        DataIn = 0x14,
        DataOut = 0x18,
        DeepStandby = 0x1c,
        Program = 0x20,
        TestColumn = 0x24,
        TestMode = 0x28,
        TestModeRepair = 0x2c,
        TestRow = 0x30,
        Trim = 0x34,
        WriteEnable = 0x38,
    }
}

impl Defaults for RiscvSifiveUOtpProperties {
    fn defaults() -> Self {
        Self { serial: Some(0) }
    }
}

impl Driver for RiscvSifiveUOtpProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("otp", 0x1000)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,fu540-c000-otp"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveUOtp(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("otp", &["sifive,fu540-c000-otp"])?;
        Some(node.with_u32("fuse-count", WORDS as u32))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Bank::new(Otp::new(self.serial.unwrap_or(0)), site)))
    }
}

#[derive(Serialize, Deserialize)]
struct Otp {
    fuses: Vec<u32>,
    /// By offset; those that mean something are read here.
    registers: [u32; 15],
}

impl Otp {
    fn new(serial: u32) -> Self {
        let mut fuses = vec![u32::MAX; WORDS];
        fuses[SERIAL] = serial;
        fuses[SERIAL + 1] = !serial;
        Self { fuses, registers: [0; 15] }
    }

    fn is_on(&self, register: Register) -> bool {
        self.registers[register as usize] & 1 != 0
    }

    fn fuse(&mut self) -> Option<&mut u32> {
        self.fuses.get_mut((self.registers[Register::Address as usize] & ADDRESS) as usize)
    }
}

impl Outputs for Otp {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if saved.fuses.len() != self.fuses.len() {
            return Err(format!("it has {} words of fuses", self.fuses.len()));
        }
        *self = saved;
        Ok(())
    }
}

impl Registers for Otp {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        if register != Register::DataOut {
            return self.registers[register as usize];
        }
        // Without power and an enabled input the memory has nothing to say.
        let awake = self.is_on(Register::InputEnable)
            && self.is_on(Register::DeepStandby)
            && self.is_on(Register::Trim);
        if awake { self.fuse().map_or(u32::MAX, |word| *word) } else { u32::MAX }
    }

    fn write(&mut self, register: Register, value: u32) {
        if register == Register::DataOut {
            return;
        }
        self.registers[register as usize] = match register {
            Register::Address => value & ADDRESS,
            Register::Bit => value & 0x1f,
            _ => value,
        };
        if register == Register::WriteEnable && self.is_on(Register::WriteEnable) {
            let (bit, one) = (self.registers[Register::Bit as usize], self.is_on(Register::DataIn));
            // A fuse that is blown stays so.
            if let Some(word) = self.fuse().filter(|_| !one) {
                *word &= !(1 << bit);
            }
        }
    }

    fn reset(&mut self) {
        self.registers = [0; 15];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Register::*;

    fn word(otp: &mut Otp, address: u32) -> u32 {
        for register in [InputEnable, DeepStandby, Trim] {
            otp.write(register, 1);
        }
        otp.write(Address, address);
        otp.read(DataOut)
    }

    #[test]
    fn fuses_are_read_and_blown_once() {
        let mut otp = Otp::new(0x1234_5678);
        otp.write(Address, SERIAL as u32);
        assert_eq!(otp.read(DataOut), u32::MAX, "asleep");
        for (address, value) in [
            (0xfc, 0x1234_5678),
            (0xfd, !0x1234_5678),
            (0, u32::MAX),
            (0xfff, u32::MAX),
            (0x10fc, 0x1234_5678),
        ] {
            assert_eq!(word(&mut otp, address), value, "{address:#x}");
        }
        for (data, bit) in [(0, 3), (0, 31), (1, 3)] {
            otp.write(Address, 7);
            otp.write(Bit, bit);
            otp.write(DataIn, data);
            otp.write(WriteEnable, 1);
            otp.write(WriteEnable, 0);
        }
        otp.reset();
        assert_eq!(word(&mut otp, 7), 0x7fff_fff7);
    }
}
