//! `riscv.sifive.clint`: the core-local interruptor of SiFive's cores (FU540-C000 manual, chapter
//! 9): software interrupts and machine timer in one region.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::{Object, QmpError};
use serde_json::Value;

use super::aclint_mtimer::{Layout, Timer, check_harts};
use super::aclint_swi::Swi;
use super::nodes;
use crate::board::{Board, Device as BoardDevice, PortRef};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, LineUse, Port, Region};
use crate::machine::{Site, TimeSource};
use crate::qapi::RiscvSifiveClintProperties;

/// Harts that there is room for below the compare registers where these usually are.
const MAX_HARTS: u32 = 4095;
/// Inputs of a hart.
const MACHINE_SOFTWARE: u32 = 3;
const MACHINE_TIMER: u32 = 7;

impl Defaults for RiscvSifiveClintProperties {
    fn defaults() -> Self {
        Self {
            hartid_base: Some(0),
            num_harts: Some(1),
            sip_base: Some(0),
            timecmp_base: Some(0x4000),
            time_base: Some(0xbff8),
            aperture_size: Some(0x1_0000),
            timebase_freq: Some(10_000_000),
        }
    }
}

impl RiscvSifiveClintProperties {
    fn all(&self) -> Self {
        self.clone().or(Self::defaults())
    }

    fn timer(&self) -> Layout {
        let all = self.all();
        Layout {
            harts: all.num_harts.unwrap_or_default(),
            timecmp: all.timecmp_base.unwrap_or_default().into(),
            time: all.time_base.unwrap_or_default().into(),
            size: all.aperture_size.unwrap_or_default().into(),
            frequency: all.timebase_freq.unwrap_or_default(),
        }
    }

    fn software(&self) -> std::ops::Range<u64> {
        let all = self.all();
        let first = u64::from(all.sip_base.unwrap_or_default());
        first..first + 4 * u64::from(all.num_harts.unwrap_or_default())
    }
}

impl Driver for RiscvSifiveClintProperties {
    fn check(&self) -> Result<(), QmpError> {
        let (timer, software) = (self.timer(), self.software());
        check_harts(timer.harts, MAX_HARTS)?;
        timer.check()?;
        let compares = timer.timecmp..timer.timecmp + 8 * u64::from(timer.harts);
        let time = timer.time..timer.time + 8;
        let meets =
            |other: &std::ops::Range<u64>| software.start < other.end && other.start < software.end;
        if software.start % 4 != 0 || software.end > timer.size || meets(&compares) || meets(&time)
        {
            return Err(QmpError::generic(format!(
                "Parameter 'sip-base' expects a multiple of 4 at which {} registers are within the region and apart from the timer's, not {:#x}",
                timer.harts, software.start
            )));
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("clint", self.timer().size)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::outputs(2 * self.timer().harts)]
    }

    fn line_use(&self, _port: &Port, line: u32) -> LineUse {
        let harts = self.timer().harts;
        let (hart, cause) = match line.checked_sub(harts) {
            None => (line, MACHINE_TIMER),
            Some(hart) => (hart, MACHINE_SOFTWARE),
        };
        let hartid = u64::from(self.hartid_base.unwrap_or(0)) + u64::from(hart);
        LineUse::Hart { hartid, cause }
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["riscv,clint0", "sifive,clint0"]),
            read: nodes::clint,
        }]
    }

    fn timebase(&self) -> Option<u32> {
        Some(self.timer().frequency)
    }

    /// Version 6 of QEMU had no wires here: it went by the ids of the harts.
    fn added(&self, board: &mut Board, own: &BoardDevice) -> Result<(), QmpError> {
        let harts = self.timer().harts;
        let base = u64::from(self.hartid_base.unwrap_or(0));
        for hart in 0..harts {
            let Some((device, unit)) = board.hart(base + u64::from(hart)) else { continue };
            for (line, cause) in [(hart, MACHINE_TIMER), (harts + hart, MACHINE_SOFTWARE)] {
                let input = PortRef { device: device.name.clone(), unit, port: 0, line: cause };
                if board.peer(&input).is_none() {
                    let output = PortRef { device: own.name.clone(), unit: 0, port: 0, line };
                    board.connect(&output, &input)?;
                }
            }
        }
        Ok(())
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("clint", &["sifive,clint0", "riscv,clint0"])?;
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let layout = self.timer();
        let mut lines = site.lines.clone();
        let software = lines.split_off(layout.harts as usize);
        Ok(Built::device(Arc::new(Clint {
            timer: Timer::new(layout, &site.clock, lines, site.block()),
            swi: Swi::new(layout.harts, true, software, site.block()),
            software: self.software(),
        })))
    }
}

struct Clint {
    timer: Arc<Timer>,
    swi: Swi,
    /// Offsets of the software interrupts.
    software: std::ops::Range<u64>,
}

impl Clint {
    /// What it is made of, with the names that a snapshot has for them.
    fn parts(&self) -> [(&'static str, &dyn Device); 2] {
        [("timer", &*self.timer), ("swi", &self.swi)]
    }
}

impl Saved for Clint {
    fn save(&self) -> Result<Value, String> {
        let parts = self.parts().into_iter();
        parts
            .filter_map(|(name, part)| Some((name.to_owned(), part.saved()?)))
            .map(|(name, part)| Ok((name, part.save()?)))
            .collect()
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        self.parts().into_iter().try_for_each(|(name, part)| {
            part.saved().map_or(Ok(()), |part| part.load(saved.get(name).unwrap_or(&Value::Null)))
        })
    }

    fn settle(&self) {
        self.parts().into_iter().for_each(|(_, part)| part.settle());
    }
}

impl Device for Clint {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(self)
    }

    fn read(&self, region: u32, offset: u64, size: u8) -> u64 {
        if self.software.contains(&offset) {
            return self.swi.read(region, offset - self.software.start, size);
        }
        self.timer.read(region, offset, size)
    }

    fn write(&self, region: u32, offset: u64, size: u8, value: u64) {
        if self.software.contains(&offset) {
            return self.swi.write(region, offset - self.software.start, size, value);
        }
        self.timer.write(region, offset, size, value);
    }

    fn reset(&self) {
        self.timer.reset();
        self.swi.reset();
    }

    fn time_source(&self) -> Option<Arc<dyn TimeSource>> {
        Some(self.timer.clone())
    }
}
