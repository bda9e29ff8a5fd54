//! `riscv.sifive.e.prci`: clocks of the FE310 (FE310-G002 manual, chapter 6). Clocks are there at
//! once: oscillators are ready, the loop is locked. How fast they are changes nothing.

use bitfield_struct::bitfield;
use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Region};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveEPrciProperties};

registers! {
    /// Table 6.1.
    enum Register {
        HfroscCfg = 0x00,
        HfxoscCfg = 0x04,
        PllCfg = 0x08,
        PllOutDiv = 0x0c,
        ProcMonCfg = 0xf0,
    }
}

/// `hfrosccfg` and `hfxosccfg` (sections 6.3 and 6.4); the latter has only the upper two.
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Oscillator {
    #[bits(6)]
    div: u8,
    #[bits(10)]
    __: u16,
    #[bits(5)]
    trim: u8,
    #[bits(9)]
    __: u16,
    enable: bool,
    ready: bool,
}

/// `pllcfg` (section 6.5).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Pll {
    #[bits(3)]
    r: u8,
    __: bool,
    #[bits(6)]
    f: u8,
    #[bits(2)]
    q: u8,
    #[bits(4)]
    __: u8,
    sel: bool,
    refsel: bool,
    bypass: bool,
    #[bits(12)]
    __: u16,
    lock: bool,
}

/// Bits of `plloutdiv` (section 6.6), and the one for division by 1.
const PLL_OUT_DIV: u32 = 0x3f3f;
const DIV_BY_1: u32 = 1 << 8;

impl Defaults for RiscvSifiveEPrciProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for RiscvSifiveEPrciProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("prci", 0x8000)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,fe310-g000,prci", "sifive,aonclk"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveEPrci(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        place.bus_node("prci", &["sifive,fe310-g000,prci"])
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Bank::new(Prci::default(), site)))
    }
}

#[derive(Serialize, Deserialize)]
struct Prci {
    hfrosc: Oscillator,
    hfxosc: Oscillator,
    pll: Pll,
    outdiv: u32,
    procmon: u32,
}

impl Default for Prci {
    fn default() -> Self {
        let running = Oscillator::new().with_enable(true).with_ready(true);
        Self {
            hfrosc: running.with_div(4).with_trim(16),
            hfxosc: running,
            pll: Pll::new()
                .with_r(1)
                .with_f(31)
                .with_q(3)
                .with_bypass(true)
                .with_refsel(true)
                .with_lock(true),
            outdiv: DIV_BY_1,
            procmon: 0,
        }
    }
}

impl Outputs for Prci {}

impl Registers for Prci {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        match register {
            Register::HfroscCfg => self.hfrosc.into_bits(),
            Register::HfxoscCfg => self.hfxosc.into_bits(),
            Register::PllCfg => self.pll.into_bits(),
            Register::PllOutDiv => self.outdiv,
            Register::ProcMonCfg => self.procmon,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        let oscillator = Oscillator::from_bits(value);
        let new =
            Oscillator::new().with_enable(oscillator.enable()).with_ready(oscillator.enable());
        match register {
            Register::HfroscCfg => {
                self.hfrosc = new.with_div(oscillator.div()).with_trim(oscillator.trim());
            }
            Register::HfxoscCfg => self.hfxosc = new,
            Register::PllCfg => self.pll = Pll::from_bits(value & 0x0007_0ff7).with_lock(true),
            Register::PllOutDiv => self.outdiv = value & PLL_OUT_DIV,
            Register::ProcMonCfg => self.procmon = value,
        }
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::bank::check_registers;

    #[test]
    fn clocks_are_ready_when_they_are_on() {
        use Register::*;
        let cases = [
            // What HiFive1 start-up code does: external oscillator on, internal one off.
            (HfroscCfg, None, 0xc010_0004),
            (HfxoscCfg, Some(1 << 30), 0xc000_0000),
            (HfroscCfg, Some(0), 0),
            (HfxoscCfg, Some(u32::MAX), 0xc000_0000),
            (PllCfg, None, 0x8006_0df1),
            (PllCfg, Some(0), 0x8000_0000),
            (PllCfg, Some(u32::MAX), 0x8007_0ff7),
            (PllOutDiv, None, 0x100),
            (PllOutDiv, Some(u32::MAX), 0x3f3f),
        ];
        check_registers::<Prci>(&cases);
    }
}
