//! `sifive.pdma`: the platform DMA engine of the FU540 (FU540-C000 manual, chapter 12): four
//! channels that move memory.
//!
//! A transfer goes on in slices, on the thread of the clock's alarms and with no lock held, so that
//! a channel may be told to move anything, for hours or onto its own registers, and hurts nobody.

use std::sync::{Arc, Weak};

use bitfield_struct::bitfield;
use boardwright_devicetree::Node;
use boardwright_riscv::{Bus, Requester};
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port, Region};
use crate::machine::unmodelled::{Block, requester};
use crate::machine::{Alarm, AlarmId, BusAccess, Line, Site, VirtualClock};
use crate::qapi::{DeviceOptionsDriver, SifivePdmaProperties};

const CHANNELS: usize = 4;
/// Distance from one channel's registers to the next.
const STRIDE: u64 = 0x1000;
/// The most that is moved at a time, and how long that takes, in nanoseconds.
const SLICE: u64 = 0x4000;
const SLICE_TIME: u64 = 10_000;
/// Bytes of the largest single access.
const WIDTH: u64 = 8;
/// `config.rsize` and `wsize` when a channel is claimed: 64 bytes. The manual has 0; QEMU notes 6 from
/// a board.
const TRANSACTION: u8 = 6;

/// Offsets of a channel's registers (table 12.1).
mod register {
    pub(super) const CONTROL: u64 = 0x000;
    pub(super) const NEXT_CONFIG: u64 = 0x004;
    pub(super) const NEXT: u64 = 0x008;
    pub(super) const EXEC_CONFIG: u64 = 0x104;
    pub(super) const EXEC: u64 = 0x108;
    /// Bytes, destination and source: 64 bits each.
    pub(super) const TRANSFER: u64 = 0x18;
}

/// `Control` (section 12.3.1).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Control {
    claim: bool,
    run: bool,
    #[bits(12)]
    __: u16,
    done_ie: bool,
    error_ie: bool,
    #[bits(14)]
    __: u16,
    done: bool,
    error: bool,
}

/// `NextConfig` and `ExecConfig` (section 12.3.2).
#[bitfield(u32)]
#[derive(Serialize, Deserialize)]
struct Config {
    #[bits(2)]
    __: u8,
    /// The transfer begins again when it is done.
    repeat: bool,
    order: bool,
    #[bits(20)]
    __: u32,
    #[bits(4)]
    wsize: u8,
    #[bits(4)]
    rsize: u8,
}

const CONFIG: u32 = 0xff00_000c;

impl Defaults for SifivePdmaProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for SifivePdmaProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("pdma", 0x10_0000)]
    }

    fn ports(&self) -> Vec<Port> {
        // Each channel's: done, then error.
        vec![Port::irqs(2 * CHANNELS as u32)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,fu540-c000-pdma", "sifive,pdma0"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::SifivePdma(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place
            .bus_node("dma-controller", &["sifive,fu540-c000-pdma", "sifive,pdma0"])?
            .with_u32("#dma-cells", 1)
            .with_u32("dma-channels", CHANNELS as u32);
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let engine = Arc::new_cyclic(|own: &Weak<Engine>| Engine {
            chip: Chip::new(Channels::default(), site.lines.clone()),
            bus: site.bus.clone(),
            clock: site.clock.clone(),
            alarms: std::array::from_fn(|_| site.clock.new_alarm()),
            block: site.block(),
            own: own.clone(),
        });
        Ok(Built::device(engine))
    }
}

/// Bytes, destination and source, in order of the registers.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Transfer {
    words: [u64; 3],
}

impl Transfer {
    fn bytes(self) -> u64 {
        self.words[0]
    }

    fn destination(self) -> u64 {
        self.words[1]
    }

    fn source(self) -> u64 {
        self.words[2]
    }

    /// What is left when so many bytes have been moved.
    fn after(self, bytes: u64) -> Self {
        let [left, destination, source] = self.words;
        let words = [left - bytes, destination.wrapping_add(bytes), source.wrapping_add(bytes)];
        Self { words }
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Channel {
    control: Control,
    next_config: Config,
    next: Transfer,
    exec_config: Config,
    exec: Transfer,
    /// Who let it run.
    by: Requester,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            control: Control::new(),
            next_config: Config::new(),
            next: Transfer::default(),
            exec_config: Config::new(),
            exec: Transfer::default(),
            by: NOBODY,
        }
    }
}

/// Who a channel moves for that a debugger let run.
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };

impl Channel {
    fn write_control(&mut self, value: u32) {
        let (old, new) = (self.control, Control::from_bits(value));
        if new.claim() && !old.claim() {
            self.next_config = Config::new().with_rsize(TRANSACTION).with_wsize(TRANSACTION);
            self.next = Transfer::default();
        }
        let claim = new.claim() || old.run();
        // A channel runs only that was claimed before.
        let starts = new.run() && old.claim() && claim && !old.run();
        self.control = Control::new()
            .with_claim(claim)
            .with_run(old.run() || starts)
            .with_done_ie(new.done_ie())
            .with_error_ie(new.error_ie())
            // Software takes these back by writing zeros.
            .with_done(old.done() && new.done() && !starts)
            .with_error(old.error() && new.error() && !starts);
        if starts {
            self.exec_config = self.next_config;
            self.exec = self.next;
            self.by = requester().unwrap_or(NOBODY);
            self.settle();
        }
    }

    /// Ends a transfer that has no bytes left, or begins it again.
    fn settle(&mut self) {
        if self.control.run() && self.exec.bytes() == 0 {
            self.control.set_done(true);
            if self.exec_config.repeat() && self.next.bytes() != 0 {
                self.exec = self.next;
            } else {
                self.control.set_run(false);
            }
        }
    }

    fn fail(&mut self) {
        self.control.set_run(false);
        self.control.set_error(true);
    }

    /// A 32-bit half of a register, if there is one.
    fn read(&self, offset: u64) -> Option<u32> {
        let half = |transfer: Transfer, at: u64| {
            let word = transfer.words[(at / 8) as usize];
            (word >> (at % 8 * 8)) as u32
        };
        let within = |base: u64| offset.checked_sub(base).filter(|at| *at < register::TRANSFER);
        Some(match offset {
            register::CONTROL => self.control.into_bits(),
            register::NEXT_CONFIG => self.next_config.into_bits(),
            register::EXEC_CONFIG => self.exec_config.into_bits(),
            _ => match (within(register::NEXT), within(register::EXEC)) {
                (Some(at), _) => half(self.next, at),
                (_, Some(at)) => half(self.exec, at),
                _ => return None,
            },
        })
    }

    /// Writes one; whether there is such a register.
    fn write(&mut self, offset: u64, value: u32) -> bool {
        match offset {
            register::CONTROL => self.write_control(value),
            register::NEXT_CONFIG => self.next_config = Config::from_bits(value & CONFIG),
            _ => {
                let at = offset.checked_sub(register::NEXT).filter(|at| *at < register::TRANSFER);
                let Some(at) = at else { return self.read(offset).is_some() };
                let (word, shift) = (&mut self.next.words[(at / 8) as usize], at % 8 * 8);
                *word = *word & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
        }
        true
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Channels([Channel; CHANNELS]);

impl Outputs for Channels {
    fn drive(&self, lines: &[Line]) {
        for (channel, lines) in self.0.iter().zip(lines.chunks(2)) {
            let control = channel.control;
            let levels =
                [control.done() && control.done_ie(), control.error() && control.error_ie()];
            lines.iter().zip(levels).for_each(|(line, level)| line.set(level));
        }
    }
}

struct Engine {
    chip: Chip<Channels>,
    bus: BusAccess,
    clock: Arc<VirtualClock>,
    alarms: [AlarmId; CHANNELS],
    block: Block,
    own: Weak<Self>,
}

impl Engine {
    /// Wakes the engine for a channel that has something to do.
    fn schedule(&self, index: usize, running: bool) {
        let at = running.then(|| self.clock.now().saturating_add(SLICE_TIME));
        self.clock.set_alarm(self.alarms[index], at, self.own.clone(), index as u32);
    }

    /// Moves the first slice of a transfer; the bytes moved, and whether that was all of the slice.
    fn slice(&self, channel: &Channel) -> (u64, bool) {
        let (transfer, config) = (channel.exec, channel.exec_config);
        let Some(bus) = self.bus.get() else { return (0, false) };
        // Different sizes are not told of in the manual; such a transfer fails.
        if config.rsize() != config.wsize() {
            return (0, false);
        }
        let most = transfer.bytes().min(SLICE);
        let mut moved = 0;
        while moved < most {
            let rest = transfer.after(moved);
            // The largest access that is aligned at both ends.
            let together = (rest.destination() | rest.source() | WIDTH).trailing_zeros();
            let size = 1 << together.min(rest.bytes().ilog2()).min(config.rsize().into());
            let copied = bus
                .read(rest.source(), size, channel.by)
                .and_then(|value| bus.write(rest.destination(), size, value, channel.by));
            if copied.is_err() {
                return (moved, false);
            }
            moved += u64::from(size);
        }
        (moved, true)
    }

    fn place(offset: u64, size: u8) -> Option<(usize, u64)> {
        let channel = (offset / STRIDE) as usize;
        let fits = matches!(size, 4 | 8) && offset.is_multiple_of(4);
        (fits && channel < CHANNELS).then_some((channel, offset % STRIDE))
    }
}

impl Alarm for Engine {
    fn ring(&self, channel: u32) {
        let index = channel as usize;
        let Some(now) = self.chip.peek(|channels| channels.0.get(index).copied()) else { return };
        if !now.control.run() {
            return;
        }
        let (moved, well) = self.slice(&now);
        let running = self.chip.with(|channels| {
            let channel = &mut channels.0[index];
            // A reset may have come meanwhile.
            if channel.control.run() {
                channel.exec = channel.exec.after(moved.min(channel.exec.bytes()));
                if well { channel.settle() } else { channel.fail() }
            }
            channel.control.run()
        });
        self.schedule(index, running);
    }
}

impl Device for Engine {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn settle(&self) {
        let running = self.chip.with(|channels| channels.0.map(|channel| channel.control.run()));
        for (index, running) in running.into_iter().enumerate() {
            self.schedule(index, running);
        }
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let value = Self::place(offset, size).and_then(|(channel, at)| {
            self.chip.peek(|channels| {
                let channel = &channels.0[channel];
                let low = u64::from(channel.read(at)?);
                let high = if size == 8 { channel.read(at + 4).unwrap_or(0) } else { 0 };
                Some(low | u64::from(high) << 32)
            })
        });
        value.unwrap_or_else(|| {
            self.block.unmodelled_read(offset, size);
            0
        })
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let written = Self::place(offset, size).filter(|&(channel, at)| {
            let (known, running) = self.chip.with(|channels| {
                let channel = &mut channels.0[channel];
                let was = channel.control.run();
                let mut known = channel.write(at, value as u32);
                if size == 8 {
                    known &= channel.write(at + 4, (value >> 32) as u32);
                }
                (known, channel.control.run() && !was)
            });
            if running {
                self.schedule(channel, true);
            }
            known
        });
        if written.is_none() {
            self.block.unmodelled_write(offset, size, value);
        }
    }

    fn reset(&self) {
        self.chip.with(|channels| *channels = Channels::default());
        (0..CHANNELS).for_each(|index| self.schedule(index, false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: u32 = 1;
    const RUN: u32 = 2;

    #[test]
    fn a_channel_is_claimed_then_runs_then_is_done() {
        // Writes of control; the register, and whether a transfer of 16 bytes has begun.
        type Case = (&'static str, &'static [u32], u32, bool);
        let cases: &[Case] = &[
            ("claimed", &[CLAIM], CLAIM, false),
            ("not claimed before", &[CLAIM | RUN], CLAIM, false),
            ("runs", &[CLAIM, CLAIM | RUN], CLAIM | RUN, true),
            ("cannot be given back while it runs", &[CLAIM, CLAIM | RUN, 0], CLAIM | RUN, true),
            ("given back", &[CLAIM, 0], 0, false),
            ("done is not for software to set", &[CLAIM, CLAIM | 3 << 30], CLAIM, false),
        ];
        for (name, writes, control, begun) in cases {
            let mut channel = Channel::default();
            for (index, value) in writes.iter().enumerate() {
                channel.write(register::CONTROL, *value);
                if index == 0 {
                    assert_eq!(channel.next_config.into_bits(), 0x6600_0000, "{name}");
                    channel.write(register::NEXT, 16);
                }
            }
            assert_eq!(channel.read(register::CONTROL), Some(*control), "{name}");
            assert_eq!(channel.read(register::EXEC), Some(if *begun { 16 } else { 0 }), "{name}");
        }
    }

    #[test]
    fn a_transfer_ends_or_begins_again() {
        let mut channel = Channel::default();
        channel.write(register::CONTROL, CLAIM);
        channel.write(register::CONTROL, CLAIM | RUN);
        assert_eq!(channel.read(register::CONTROL), Some(CLAIM | 1 << 30), "nothing to move");
        channel.write(register::CONTROL, CLAIM);
        for (offset, value) in [(0x08, 16), (0x10, 0x8000_0000), (0x14, 1), (0x18, 0x2000)] {
            assert!(channel.write(offset, value));
        }
        channel.write(register::NEXT_CONFIG, 0x6600_0004);
        channel.write(register::CONTROL, CLAIM | RUN);
        assert_eq!(channel.exec.words, [16, 0x1_8000_0000, 0x2000]);
        channel.exec = channel.exec.after(16);
        channel.settle();
        assert_eq!(channel.exec.words, [16, 0x1_8000_0000, 0x2000], "again");
        assert!(channel.control.run() && channel.control.done());
        channel.fail();
        assert!(!channel.control.run() && channel.control.error());
        assert!(!channel.write(0x100, 0) && channel.write(register::EXEC, 7));
        assert_eq!(channel.exec.bytes(), 16, "read only");
    }
}
