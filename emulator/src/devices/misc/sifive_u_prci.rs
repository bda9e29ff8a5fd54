//! `riscv.sifive.u.prci`: clocks and resets of the FU540 (FU540-C000 manual, chapter 7). Clocks are
//! there at once: the oscillator is ready, the loops are locked. How fast they are changes nothing,
//! and no device is held in reset.

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
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveUPrciProperties};

registers! {
    /// Table 7.1.
    enum Register {
        HfxoscCfg = 0x00,
        CorePllCfg = 0x04,
        DdrPllCfg = 0x0c,
        DdrPllOut = 0x10,
        GemPllCfg = 0x1c,
        GemPllOut = 0x20,
        CoreClkSel = 0x24,
        DevicesReset = 0x28,
        ClkMuxStatus = 0x2c,
    }
}

/// `hfxosccfg`: enabled and ready.
const OSCILLATOR: u32 = 1 << 30;
const READY: u32 = 1 << 31;
/// `ddrpllcfg1` and `gemgxlpllcfg1`: the clock is let out.
const OUT: u32 = 1 << 31;
/// `coreclksel`: the core runs on the oscillator, not on its loop.
const ON_OSCILLATOR: u32 = 1;

/// `corepllcfg0` and its like (section 7.4.2).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Pll {
    #[bits(6)]
    divr: u8,
    #[bits(9)]
    divf: u16,
    #[bits(3)]
    divq: u8,
    #[bits(3)]
    range: u8,
    #[bits(3)]
    __: u8,
    bypass: bool,
    /// The loop's own feedback.
    fse: bool,
    #[bits(5)]
    __: u8,
    lock: bool,
}

impl Pll {
    const RESET: Self =
        Self::new().with_divr(1).with_divf(31).with_divq(3).with_fse(true).with_lock(true);

    fn written(value: u32) -> Self {
        Self::from_bits(value & 0x031f_ffff).with_fse(true).with_lock(true)
    }
}

impl Defaults for RiscvSifiveUPrciProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for RiscvSifiveUPrciProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("prci", 0x1000)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,fu540-c000-prci"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveUPrci(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("clock-controller", &["sifive,fu540-c000-prci"])?;
        Some(node.with_u32("#clock-cells", 1).with_cells("phandle", &[place.phandle()]))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Bank::new(Prci::default(), site)))
    }
}

#[derive(Serialize, Deserialize)]
struct Prci {
    hfxosc: u32,
    /// Core, DDR, GEM.
    plls: [Pll; 3],
    /// Whether DDR's and GEM's clock is let out.
    out: [u32; 2],
    coreclksel: u32,
    devicesreset: u32,
}

impl Default for Prci {
    fn default() -> Self {
        Self {
            hfxosc: OSCILLATOR | READY,
            plls: [Pll::RESET; 3],
            out: [0; 2],
            coreclksel: ON_OSCILLATOR,
            devicesreset: 0,
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
            Register::HfxoscCfg => self.hfxosc,
            Register::CorePllCfg => self.plls[0].into_bits(),
            Register::DdrPllCfg => self.plls[1].into_bits(),
            Register::DdrPllOut => self.out[0],
            Register::GemPllCfg => self.plls[2].into_bits(),
            Register::GemPllOut => self.out[1],
            Register::CoreClkSel => self.coreclksel,
            Register::DevicesReset => self.devicesreset,
            // Bit 0 tells the core's clock; the others are straps that read as zero.
            Register::ClkMuxStatus => self.coreclksel,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        match register {
            Register::HfxoscCfg => self.hfxosc = value & OSCILLATOR | (value & OSCILLATOR) << 1,
            Register::CorePllCfg => self.plls[0] = Pll::written(value),
            Register::DdrPllCfg => self.plls[1] = Pll::written(value),
            Register::DdrPllOut => self.out[0] = value & OUT,
            Register::GemPllCfg => self.plls[2] = Pll::written(value),
            Register::GemPllOut => self.out[1] = value & OUT,
            Register::CoreClkSel => self.coreclksel = value & ON_OSCILLATOR,
            Register::DevicesReset => self.devicesreset = value & 0x2f,
            Register::ClkMuxStatus => {}
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
    fn loops_are_locked_whatever_is_written() {
        use Register::*;
        let cases = [
            (HfxoscCfg, None, 0xc000_0000),
            (HfxoscCfg, Some(0), 0),
            (CorePllCfg, None, 0x8201_87c1),
            (CorePllCfg, Some(0), 0x8200_0000),
            (DdrPllCfg, Some(u32::MAX), 0x831f_ffff),
            (GemPllOut, Some(u32::MAX), 1 << 31),
            (CoreClkSel, None, 1),
            (CoreClkSel, Some(0), 0),
            (DevicesReset, Some(u32::MAX), 0x2f),
            (ClkMuxStatus, Some(0), 1),
        ];
        check_registers::<Prci>(&cases);
    }
}
