//! `sifive.spi`: SiFive's SPI controller (FE310-G002 manual, chapter 19; the FU540-C000's is the
//! same).
//!
//! A frame takes no time: what is written is on the bus at once, so the transmit queue is always
//! empty. The memory-mapped mode of a flash is not here: the flash's contents are a region of its
//! own (`ssi/spi_nor.rs`), and `fctrl` and `ffmt` keep what is written.

use std::collections::VecDeque;
use std::sync::Arc;

use bitfield_struct::bitfield;
use boardwright_devicetree::{Node, NodeRef, TreeError};
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::SpiBus;
use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Described, Found, Nodes, Part};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Bus, BusKind, Defaults, Driver, LiveBus, Port, Region};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, DeviceTreeProblem, SifiveSpiProperties, SpiNorProperties};

/// Entries of each queue (section 19.2).
const DEPTH: usize = 8;
/// Chip selects that the registers have bits for.
const MOST_SELECTS: u32 = 32;
/// What device trees say a flash can bear, in Hz.
const MAX_FREQUENCY: u32 = 50_000_000;
/// `txdata.full` and `rxdata.empty`.
const FLAG: u32 = 1 << 31;
/// Bits of `ie` and `ip`.
const TXWM: u32 = 1;
const RXWM: u32 = 2;
/// `csmode`: the select is active for a frame, from the first frame on, or not by itself.
const AUTO: u32 = 0;
const HOLD: u32 = 2;

registers! {
    /// Table 19.2.
    enum Register {
        SckDiv = 0x00,
        SckMode = 0x04,
        CsId = 0x10,
        CsDef = 0x14,
        CsMode = 0x18,
        Delay0 = 0x28,
        Delay1 = 0x2c,
        Fmt = 0x40,
        TxData = 0x48,
        RxData = 0x4c,
        TxMark = 0x50,
        RxMark = 0x54,
        FCtrl = 0x60,
        FFmt = 0x64,
        Ie = 0x70,
        Ip = 0x74,
    }
}

/// `fmt` (section 19.9).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Format {
    /// Wires a bit goes over: 1, 2 or 4 as 0, 1, 2; the bytes are the same.
    #[bits(2)]
    proto: u8,
    /// Least significant bit first.
    endian: bool,
    /// What comes back is not kept.
    dir: bool,
    #[bits(12)]
    __: u16,
    /// Bits of a frame.
    #[bits(4)]
    len: u8,
    #[bits(12)]
    __: u16,
}

impl Defaults for SifiveSpiProperties {
    fn defaults() -> Self {
        Self { num_cs: Some(1) }
    }
}

impl SifiveSpiProperties {
    fn selects(&self) -> u32 {
        self.num_cs.unwrap_or(1)
    }
}

impl Driver for SifiveSpiProperties {
    fn check(&self) -> Result<(), QmpError> {
        if (1..=MOST_SELECTS).contains(&self.selects()) {
            return Ok(());
        }
        Err(QmpError::generic(format!(
            "Parameter 'num-cs' expects a number from 1 to {MOST_SELECTS}, not {}",
            self.selects()
        )))
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("spi", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn bus(&self) -> Option<Bus> {
        Some(Bus { kind: BusKind::Spi, slots: self.selects() })
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,spi0", "sifive,fu540-c000-spi"]),
            read: described,
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let mut node = place
            .bus_node("spi", &["sifive,spi0"])?
            .with_u32("#address-cells", 1)
            .with_u32("#size-cells", 0)
            .with_u32("num-cs", self.selects());
        let mut reg: Vec<u64> =
            place.region(0).into_iter().flat_map(|(at, size)| [at, size]).collect();
        for (device, select) in place.board.on_bus_of(place.device) {
            // A flash that harts see in place is the controller's second region.
            if let Some(at) = place.board.address_of(&device.name, 0) {
                let size = device.driver().regions().first().map_or(0, |region| region.size);
                reg.extend([at, size]);
            }
            node.push(
                Node::new(format!("flash@{select:x}"))
                    .with_strings("compatible", &["jedec,spi-nor"])
                    .with_u32("reg", select)
                    .with_u32("spi-max-frequency", MAX_FREQUENCY),
            );
        }
        Some(place.with_interrupts(node.with_u64s("reg", &reg)))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let bus = Arc::new(SpiBus::new(self.selects()));
        let spi = Bank::new(Spi::new(self.selects(), bus.clone()), site);
        Ok(Built { bus: Some(LiveBus::Spi(bus)), ..Built::device(spi) })
    }
}

/// A controller and the flash memories on its bus; a second region is the contents of the first.
fn described(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let flashes: Vec<NodeRef<'_>> =
        node.node.children().filter(|child| child.is_compatible("jedec,spi-nor")).collect();
    let mut selects = Vec::new();
    for flash in &flashes {
        selects.push(flash.require("reg")?.u32()?);
    }
    let most = selects.iter().max().map_or(1, |most| most.saturating_add(1));
    let num_cs = node.number("num-cs")?.unwrap_or(most).clamp(1, MOST_SELECTS);
    let options = SifiveSpiProperties { num_cs: Some(num_cs) };
    let mut found = node.device(DeviceOptionsDriver::SifiveSpi(options));
    let name = node.node.name();
    let others = node.node.children().filter(|child| !child.is_compatible("jedec,spi-nor"));
    // Something else on the bus is told of by the reader.
    found.has_children = others.count() == 0;
    let mut contents = node.regions.get(1);
    for select in selects {
        let Some(cs) = u8::try_from(select).ok().filter(|_| select < num_cs) else {
            let text = format!("has no chip select {select}: its flash is left out");
            found.remark(DeviceTreeProblem::LeftOut, text);
            continue;
        };
        let size = contents.map(|region| region.size);
        let mut flash = Part::new(DeviceOptionsDriver::SpiNor(SpiNorProperties {
            bus: Some(name.into()),
            cs: Some(cs),
            part: Some(super::spi_nor::of_size(size)),
            file: None,
        }));
        if let Some(region) = contents.take() {
            flash = flash.at(region.address);
        }
        found.devices.push(flash);
    }
    Ok(found)
}

#[derive(Serialize, Deserialize)]
struct Spi {
    #[serde(skip)]
    bus: Arc<SpiBus>,
    selects: u32,
    /// The chip select that is active.
    active: Option<u32>,
    received: VecDeque<u8>,
    sckdiv: u32,
    sckmode: u32,
    csid: u32,
    csdef: u32,
    csmode: u32,
    delay0: u32,
    delay1: u32,
    fmt: Format,
    txmark: u32,
    rxmark: u32,
    fctrl: u32,
    ffmt: u32,
    ie: u32,
}

impl Spi {
    fn new(selects: u32, bus: Arc<SpiBus>) -> Self {
        Self {
            bus,
            selects,
            active: None,
            received: VecDeque::new(),
            sckdiv: 3,
            sckmode: 0,
            csid: 0,
            csdef: u32::MAX >> (MOST_SELECTS - selects),
            csmode: AUTO,
            delay0: 0x0001_0001,
            delay1: 0x0000_0001,
            fmt: Format::new().with_len(8),
            txmark: 0,
            rxmark: 0,
            fctrl: 1,
            ffmt: 0x0003_0007,
            ie: 0,
        }
    }

    fn ip(&self) -> u32 {
        // The transmit queue is empty: it has fewer entries than any mark above 0.
        let transmit = if self.txmark > 0 { TXWM } else { 0 };
        let receive = if self.received.len() > self.rxmark as usize { RXWM } else { 0 };
        transmit | receive
    }

    /// Makes one chip select active, or none.
    fn select(&mut self, select: Option<u32>) {
        if self.active != select {
            if let Some(old) = self.active {
                self.bus.select(old, false);
            }
            if let Some(new) = select {
                self.bus.select(new, true);
            }
            self.active = select;
        }
    }

    /// The select that software drives itself, by making the level of rest the active one.
    fn forced(&self) -> Option<u32> {
        (0..self.selects).find(|select| self.csdef >> select & 1 == 0)
    }

    fn exchange(&mut self, byte: u8) {
        match self.csmode {
            AUTO | HOLD => self.select(Some(self.csid)),
            _ => self.select(self.forced()),
        }
        let turn = |byte: u8| if self.fmt.endian() { byte.reverse_bits() } else { byte };
        let answer = turn(self.active.map_or(0xff, |select| self.bus.transfer(select, turn(byte))));
        if !self.fmt.dir() && self.received.len() < DEPTH {
            self.received.push_back(answer);
        }
        if self.csmode == AUTO {
            self.select(None);
        }
    }

    /// A register that is no more than its bits, and which of them exist.
    fn plain(&mut self, register: Register) -> Option<(&mut u32, u32)> {
        Some(match register {
            Register::SckDiv => (&mut self.sckdiv, 0xfff),
            Register::SckMode => (&mut self.sckmode, 3),
            Register::Delay0 => (&mut self.delay0, 0x00ff_00ff),
            Register::Delay1 => (&mut self.delay1, 0x00ff_00ff),
            Register::TxMark => (&mut self.txmark, 7),
            Register::RxMark => (&mut self.rxmark, 7),
            Register::FCtrl => (&mut self.fctrl, 1),
            Register::FFmt => (&mut self.ffmt, 0xffff_3fff),
            Register::Ie => (&mut self.ie, TXWM | RXWM),
            _ => return None,
        })
    }
}

impl Outputs for Spi {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if saved.selects != self.selects {
            return Err(format!("it has {} chip selects, not {}", self.selects, saved.selects));
        }
        *self = Self { bus: self.bus.clone(), ..saved };
        Ok(())
    }

    fn drive(&self, lines: &[Line]) {
        for line in lines {
            line.set(self.ip() & self.ie != 0);
        }
    }
}

impl Registers for Spi {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        if let Some((value, _)) = self.plain(register) {
            return *value;
        }
        match register {
            Register::CsId => self.csid,
            Register::CsDef => self.csdef,
            Register::CsMode => self.csmode,
            Register::Fmt => self.fmt.into_bits(),
            Register::RxData => self.received.pop_front().map_or(FLAG, u32::from),
            Register::Ip => self.ip(),
            // txdata is never full.
            _ => 0,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        if let Some((old, legal)) = self.plain(register) {
            *old = value & legal;
            return;
        }
        match register {
            Register::TxData => self.exchange(value as u8),
            Register::Fmt => self.fmt = Format::from_bits(value & 0x000f_000f),
            // A held select is let go when another is chosen or the mode changes (19.6 to 19.8).
            Register::CsId if value != self.csid => {
                self.select(None);
                // One that is not there selects nothing.
                self.csid = value;
            }
            Register::CsMode if value & 3 != self.csmode => {
                self.select(None);
                self.csmode = value & 3;
            }
            Register::CsDef => {
                self.csdef = value & (u32::MAX >> (MOST_SELECTS - self.selects));
                self.select(self.forced());
            }
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.select(None);
        *self = Self::new(self.selects, self.bus.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::SpiPeripheral;
    use super::*;
    use std::sync::Mutex;

    /// Answers each byte with its complement, and remembers what happened.
    #[derive(Default)]
    struct Probe(Mutex<String>);

    impl SpiPeripheral for Probe {
        fn select(&self, active: bool) {
            self.0.lock().unwrap().push(if active { '(' } else { ')' });
        }

        fn transfer(&self, sent: u8) -> u8 {
            *self.0.lock().unwrap() += &format!("{sent:02x}");
            !sent
        }
    }

    #[test]
    fn frames_and_chip_selects() {
        use Register::*;
        // Writes; what the device on select 0 saw; what was received.
        type Case = (&'static str, &'static [(Register, u32)], &'static str, &'static [u8]);
        let cases: &[Case] = &[
            ("a frame each", &[(TxData, 0x12), (TxData, 0x34)], "(12)(34)", &[0xed, 0xcb]),
            (
                "held",
                &[(CsMode, 2), (TxData, 1), (TxData, 2), (CsMode, 0)],
                "(0102)",
                &[0xfe, 0xfd],
            ),
            ("not selected", &[(CsMode, 3), (TxData, 1)], "", &[0xff]),
            ("by hand", &[(CsMode, 3), (CsDef, 2), (TxData, 1), (CsDef, 3)], "(01)", &[0xfe]),
            ("another", &[(CsMode, 2), (TxData, 1), (CsId, 1), (TxData, 2)], "(01)", &[0xfe, 0xff]),
            ("beyond", &[(CsId, 9), (TxData, 1)], "", &[0xff]),
            ("sent only", &[(Fmt, 0x8_0008), (TxData, 1)], "(01)", &[]),
            ("lowest bit first", &[(Fmt, 0x8_0004), (TxData, 1)], "(80)", &[0xfe]),
        ];
        for (name, writes, seen, received) in cases {
            let bus = Arc::new(SpiBus::new(2));
            let probe = Arc::new(Probe::default());
            bus.attach(0, probe.clone());
            let mut spi = Spi::new(2, bus);
            for (register, value) in *writes {
                spi.write(*register, *value);
            }
            assert_eq!(*probe.0.lock().unwrap(), *seen, "{name}");
            assert_eq!(spi.received, *received, "{name}");
        }
    }

    #[test]
    fn queues_and_interrupts() {
        let mut spi = Spi::new(1, Arc::new(SpiBus::new(1)));
        assert_eq!((spi.ip(), spi.read(Register::RxData)), (0, FLAG));
        spi.write(Register::TxMark, 1);
        spi.write(Register::RxMark, 9);
        assert_eq!((spi.read(Register::Ip), spi.read(Register::RxMark)), (TXWM, 1));
        for (sent, ip) in [(1, TXWM), (2, TXWM | RXWM), (30, TXWM | RXWM)] {
            for _ in spi.received.len()..sent.min(DEPTH) {
                spi.write(Register::TxData, 0);
            }
            assert_eq!(spi.ip(), ip, "{sent}");
        }
        spi.write(Register::TxData, 0);
        assert_eq!(spi.received.len(), DEPTH, "what does not fit is lost");
        spi.reset();
        assert_eq!(spi.read(Register::RxData), FLAG);
    }
}
