//! `sifive_soc.gpio`: SiFive's GPIO controller (FE310-G002 manual, chapter 17; the FU540-C000's has
//! 16 pins).
//!
//! Pin N is an input `unnamed-gpio-in[N]` and an output `unnamed-gpio-out[N]`. What the SoC's other
//! devices put on it comes in at `iof0[N]` and `iof1[N]`. A pin that nothing drives is pulled up or
//! down.

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::board::PortRef;
use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Port, PortDirection, Region};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, SifiveSocGpioProperties};

/// Pins of a register.
const MOST_PINS: u32 = 32;
/// Ports: the pins as outputs and as inputs.
const PINS_OUT: u32 = 1;
const PINS_IN: u32 = 2;
/// Rows of inputs, in this order.
const ROWS: usize = 3;

registers! {
    /// Table 17.1; the last two are the FU540's (FU540-C000 manual, table 17.1).
    enum Register {
        InputVal = 0x00,
        InputEn = 0x04,
        OutputEn = 0x08,
        OutputVal = 0x0c,
        Pue = 0x10,
        Ds = 0x14,
        RiseIe = 0x18,
        RiseIp = 0x1c,
        FallIe = 0x20,
        FallIp = 0x24,
        HighIe = 0x28,
        HighIp = 0x2c,
        LowIe = 0x30,
        LowIp = 0x34,
        IofEn = 0x38,
        IofSel = 0x3c,
        OutXor = 0x40,
        PassthruHighIe = 0x44,
        PassthruLowIe = 0x48,
    }
}

impl Defaults for SifiveSocGpioProperties {
    fn defaults() -> Self {
        Self { ngpio: Some(MOST_PINS) }
    }
}

impl SifiveSocGpioProperties {
    fn pins(&self) -> u32 {
        self.ngpio.unwrap_or(MOST_PINS)
    }
}

impl Driver for SifiveSocGpioProperties {
    fn check(&self) -> Result<(), QmpError> {
        if (1..=MOST_PINS).contains(&self.pins()) {
            return Ok(());
        }
        Err(QmpError::generic(format!(
            "Parameter 'ngpio' expects a number from 1 to {MOST_PINS}, not {}",
            self.pins()
        )))
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("gpio", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        let count = self.pins();
        let input = |name| Port { name, direction: PortDirection::Input, count };
        vec![
            Port::irqs(count),
            Port::outputs(count),
            Port::inputs(count),
            input("iof0"),
            input("iof1"),
        ]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,gpio0", "sifive,fu540-c000-gpio"]),
            read: |node| {
                let ngpio = node.number("ngpios")?.or(Some(node.interrupts.len() as u32));
                let ngpio = ngpio.filter(|pins| (1..=MOST_PINS).contains(pins)).or(Some(MOST_PINS));
                Ok(node.device(DeviceOptionsDriver::SifiveSocGpio(Self { ngpio })))
            },
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place
            .bus_node("gpio", &["sifive,gpio0"])?
            .with_flag("gpio-controller")
            .with_u32("#gpio-cells", 2)
            .with_u32("ngpios", self.pins())
            .with_flag("interrupt-controller")
            .with_u32("#interrupt-cells", 2)
            .with_cells("phandle", &[place.phandle()]);
        Some(place.with_interrupts(node))
    }

    fn pin_number(&self, output: &PortRef) -> Option<u32> {
        (output.port == PINS_OUT).then_some(output.line)
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let mut wired = 0;
        for input in site.board.wired_inputs(site.device) {
            if input.port == PINS_IN {
                wired |= 1 << input.line;
            }
        }
        Ok(Built::device(Bank::new(Gpio::new(self.pins(), wired), site)))
    }
}

/// Registers have a bit a pin.
#[derive(Serialize, Deserialize)]
struct Gpio {
    /// The pins there are.
    pins: u32,
    count: u32,
    /// The pins that something outside drives.
    wired: u32,
    /// What comes in: pins, functions 0, functions 1.
    rows: [u32; ROWS],
    input_en: u32,
    output_en: u32,
    output_val: u32,
    pue: u32,
    ds: u32,
    /// Enabled and pending interrupts: rise, fall, high, low.
    ie: [u32; 4],
    ip: [u32; 4],
    iof_en: u32,
    iof_sel: u32,
    out_xor: u32,
    passthru_high_ie: u32,
    passthru_low_ie: u32,
    /// What `input_val` was.
    seen: u32,
}

/// Indices of the kinds of interrupt.
const RISE: usize = 0;
const FALL: usize = 1;
const HIGH: usize = 2;
const LOW: usize = 3;

impl Gpio {
    fn new(count: u32, wired: u32) -> Self {
        let pins = u32::MAX >> (MOST_PINS - count);
        let mut gpio = Self {
            pins,
            count,
            wired,
            rows: [0; ROWS],
            input_en: 0,
            output_en: 0,
            output_val: 0,
            pue: 0,
            ds: 0,
            ie: [0; 4],
            ip: [0; 4],
            iof_en: 0,
            iof_sel: 0,
            out_xor: 0,
            passthru_high_ie: 0,
            passthru_low_ie: 0,
            seen: 0,
        };
        gpio.sample();
        gpio
    }

    /// The pins that the chip drives.
    fn driven(&self) -> u32 {
        self.output_en | self.iof_en
    }

    /// What the chip puts on the pins that it drives.
    fn output(&self) -> u32 {
        let [_, iof0, iof1] = self.rows;
        let function = iof1 & self.iof_sel | iof0 & !self.iof_sel;
        (function & self.iof_en | self.output_val & !self.iof_en) ^ self.out_xor
    }

    /// The levels of the pins: of what is outside where that drives them, whatever the chip does.
    fn levels(&self) -> u32 {
        let [outside, ..] = self.rows;
        let own = self.output() & self.driven() | self.pue & !self.driven();
        (outside & self.wired | own & !self.wired) & self.pins
    }

    /// Lets interrupts follow the pins.
    fn sample(&mut self) {
        let value = self.levels() & self.input_en;
        self.ip[RISE] |= value & !self.seen;
        self.ip[FALL] |= !value & self.seen;
        self.ip[HIGH] |= value;
        self.ip[LOW] |= !value & self.pins;
        self.seen = value;
    }

    fn interrupts(&self) -> u32 {
        let pending = self.ie.iter().zip(&self.ip).fold(0, |all, (ie, ip)| all | ie & ip);
        pending | self.seen & self.passthru_high_ie | !self.seen & self.passthru_low_ie
    }

    /// A register that is no more than its bits.
    fn plain(&mut self, register: Register) -> Option<&mut u32> {
        Some(match register {
            Register::InputEn => &mut self.input_en,
            Register::OutputEn => &mut self.output_en,
            Register::OutputVal => &mut self.output_val,
            Register::Pue => &mut self.pue,
            Register::Ds => &mut self.ds,
            Register::RiseIe => &mut self.ie[RISE],
            Register::FallIe => &mut self.ie[FALL],
            Register::HighIe => &mut self.ie[HIGH],
            Register::LowIe => &mut self.ie[LOW],
            Register::IofEn => &mut self.iof_en,
            Register::IofSel => &mut self.iof_sel,
            Register::OutXor => &mut self.out_xor,
            Register::PassthruHighIe => &mut self.passthru_high_ie,
            Register::PassthruLowIe => &mut self.passthru_low_ie,
            _ => return None,
        })
    }

    /// The pending bits of a kind, which writing ones clears.
    fn pending(&mut self, register: Register) -> Option<&mut u32> {
        let kind = match register {
            Register::RiseIp => RISE,
            Register::FallIp => FALL,
            Register::HighIp => HIGH,
            Register::LowIp => LOW,
            _ => return None,
        };
        Some(&mut self.ip[kind])
    }
}

impl Outputs for Gpio {
    fn drive(&self, lines: &[Line]) {
        // A pin that the chip does not drive is what pulls it, for whoever looks.
        let levels = u64::from(self.output() & self.driven() | self.pue & !self.driven());
        let all = u64::from(self.interrupts()) | levels << self.count;
        for (index, line) in lines.iter().enumerate() {
            line.set(all >> index & 1 != 0);
        }
    }
}

impl Registers for Gpio {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        if let Some(value) = self.plain(register) {
            return *value;
        }
        let seen = self.seen;
        self.pending(register).map_or(seen, |pending| *pending)
    }

    fn write(&mut self, register: Register, value: u32) {
        let pins = self.pins;
        if let Some(pending) = self.pending(register) {
            *pending &= !value;
        } else if let Some(register) = self.plain(register) {
            *register = value & pins;
        }
        self.sample();
    }

    fn input(&mut self, line: u32, level: bool) {
        let row = (line / self.count) as usize;
        if let Some(pins) = self.rows.get_mut(row) {
            let bit = 1 << (line % self.count);
            *pins = if level { *pins | bit } else { *pins & !bit };
            self.sample();
        }
    }

    fn reset(&mut self) {
        // What comes in from outside stays as it is.
        let rows = self.rows;
        *self = Self::new(self.count, self.wired);
        self.rows = rows;
        self.sample();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Register::*;

    /// A step: write a register, or set an input line; then what interrupts and outputs there are.
    enum Step {
        Write(Register, u32),
        Input(u32, bool),
    }
    use Step::*;

    #[test]
    fn pins_and_their_interrupts() {
        // 8 pins; pin 3 is driven from outside. Steps; interrupts; levels; input_val.
        type Case = (&'static str, &'static [Step], u32, u32, u32);
        let cases: &[Case] = &[
            ("after reset", &[], 0, 0, 0),
            ("an output", &[Write(OutputEn, 2), Write(OutputVal, 3)], 0, 2, 0),
            ("read back", &[Write(InputEn, 2), Write(OutputEn, 2), Write(OutputVal, 2)], 0, 2, 2),
            ("inverted", &[Write(InputEn, 6), Write(OutputEn, 6), Write(OutXor, 2)], 0, 2, 2),
            ("pulled up", &[Write(InputEn, 1), Write(Pue, 0x11)], 0, 0x11, 1),
            ("from outside", &[Write(InputEn, 8), Input(3, true)], 0, 8, 8),
            ("not looked at", &[Input(3, true)], 0, 8, 0),
            (
                "outside wins",
                &[Write(InputEn, 8), Write(OutputEn, 8), Write(OutputVal, 8)],
                0,
                0,
                0,
            ),
            ("rise", &[Write(InputEn, 8), Write(RiseIe, 8), Input(3, true)], 8, 8, 8),
            (
                "rise, taken back",
                &[Write(InputEn, 8), Write(RiseIe, 8), Input(3, true), Write(RiseIp, 8)],
                0,
                8,
                8,
            ),
            (
                "fall",
                &[Write(InputEn, 8), Write(FallIe, 8), Input(3, true), Input(3, false)],
                8,
                0,
                0,
            ),
            (
                "high stays while it is",
                &[Write(InputEn, 8), Write(HighIe, 8), Input(3, true), Write(HighIp, 8)],
                8,
                8,
                8,
            ),
            (
                "high, gone, still pending",
                &[Write(InputEn, 8), Write(HighIe, 8), Input(3, true), Input(3, false)],
                8,
                0,
                0,
            ),
            ("low", &[Write(InputEn, 8), Write(LowIe, 8)], 8, 0, 0),
            (
                "passed through",
                &[Write(InputEn, 8), Write(PassthruHighIe, 8), Write(PassthruLowIe, 1)],
                1,
                0,
                0,
            ),
            ("function 0", &[Write(IofEn, 1), Input(8, true), Input(16, false)], 0, 1, 0),
            ("function 1", &[Write(IofEn, 1), Write(IofSel, 1), Input(8, true)], 0, 0, 0),
            ("function 1 high", &[Write(IofEn, 1), Write(IofSel, 1), Input(16, true)], 0, 1, 0),
            ("pins that are not there", &[Write(OutputEn, !0), Write(OutputVal, !0)], 0, 0xf7, 0),
        ];
        for (name, steps, interrupts, levels, input) in cases {
            let mut gpio = Gpio::new(8, 8);
            for step in *steps {
                match *step {
                    Write(register, value) => gpio.write(register, value),
                    Step::Input(line, level) => gpio.input(line, level),
                }
            }
            assert_eq!(gpio.interrupts(), *interrupts, "{name}: interrupts");
            assert_eq!(gpio.levels(), *levels, "{name}: levels");
            assert_eq!(gpio.read(InputVal), *input, "{name}: input_val");
        }
    }

    #[test]
    fn a_reset_leaves_what_is_outside() {
        let mut gpio = Gpio::new(32, 8);
        gpio.input(3, true);
        gpio.write(OutputEn, 1);
        gpio.write(OutputVal, 1);
        gpio.reset();
        assert_eq!((gpio.levels(), gpio.read(OutputEn)), (8, 0));
        assert_eq!(gpio.read(LowIp), u32::MAX, "inputs that are off are low");
    }
}
