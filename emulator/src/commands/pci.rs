//! `qapi/pci.json`: functions as QEMU tells of them.

use qapi_runtime::QmpError;

use crate::board::Board;
use crate::devices::LiveBus;
use crate::devices::pci::{BarKind, ConfigSpace, PciBus};
use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{
    PciBridgeInfo, PciBusInfo, PciCommands, PciDeviceClass, PciDeviceId, PciDeviceInfo, PciInfo,
    PciMemoryRange, PciMemoryRegion,
};

impl PciCommands for Door {
    fn query_pci(&mut self) -> Result<Vec<PciInfo>, QmpError> {
        let Stage::Ready(board, machine) = &self.stage else { return Ok(Vec::new()) };
        let roots = board.devices().filter(|device| device.driver().seat().is_none());
        let buses = roots.filter_map(|device| match machine.bus(&device.name) {
            Some(LiveBus::Pci(bus)) => Some(PciInfo { bus: 0, devices: devices(board, bus, 0) }),
            _ => None,
        });
        Ok(buses.collect())
    }
}

fn devices(board: &Board, bus: &PciBus, number: u8) -> Vec<PciDeviceInfo> {
    let tell = |(place, function): (u8, std::sync::Arc<dyn crate::devices::pci::PciFunction>)| {
        let mut told = None;
        let id = board.device(function.name()).filter(|device| device.named);
        let id = id.map_or("", |device| &*device.name);
        function.look(&mut |config| told = Some(device(config, number, place, id)));
        let mut told = told?;
        if let (Some(bridge), Some(behind)) = (&mut told.pci_bridge, function.bus())
            && let secondary @ 1.. = bridge.bus.secondary
        {
            bridge.devices = Some(devices(board, behind, u8::try_from(secondary).unwrap_or(0)));
        }
        Some(told)
    };
    bus.functions().into_iter().filter_map(tell).collect()
}

fn device(config: &ConfigSpace, bus: u8, place: u8, name: &str) -> PciDeviceInfo {
    let word = |offset| i64::from(config.get16(offset));
    let byte = |offset| i64::from(config.read(offset, 1));
    let plain = !config.is_bridge();
    let pin = byte(0x3d);
    PciDeviceInfo {
        bus: bus.into(),
        slot: (place >> 3).into(),
        function: (place & 7).into(),
        class_info: PciDeviceClass { desc: class_name(word(10)).map(Into::into), class: word(10) },
        id: PciDeviceId {
            device: word(2),
            vendor: word(0),
            subsystem: plain.then(|| word(0x2e)),
            subsystem_vendor: plain.then(|| word(0x2c)),
        },
        irq: (pin != 0).then(|| byte(0x3c)),
        irq_pin: pin,
        qdev_id: name.to_owned(),
        pci_bridge: config.is_bridge().then(|| bridge(config, bus)),
        regions: regions(config),
    }
}

fn bridge(config: &ConfigSpace, bus: u8) -> PciBridgeInfo {
    let (secondary, subordinate) = config.buses();
    let [io_range, memory_range, prefetchable_range] = config
        .forwarded()
        .map(|(_, base, limit)| PciMemoryRange { base: base as i64, limit: limit as i64 });
    PciBridgeInfo {
        bus: PciBusInfo {
            number: bus.into(),
            secondary: secondary.into(),
            subordinate: subordinate.into(),
            io_range,
            memory_range,
            prefetchable_range,
        },
        devices: None,
    }
}

fn regions(config: &ConfigSpace) -> Vec<PciMemoryRegion> {
    let region = |bar: &crate::devices::pci::Bar| {
        let memory = bar.kind != BarKind::Io;
        PciMemoryRegion {
            bar: bar.index.into(),
            type_: if memory { "memory" } else { "io" }.into(),
            address: config.decoded(*bar).map_or(-1, |(first, _)| first as i64),
            size: bar.size as i64,
            prefetch: memory.then_some(bar.kind == BarKind::Prefetchable),
            mem_type_64: memory.then_some(bar.kind == BarKind::Prefetchable),
        }
    };
    let mut bars = config.bars().to_vec();
    bars.sort_by_key(|bar| bar.index);
    bars.iter().map(region).collect()
}

/// QEMU's names of classes.
fn class_name(class: i64) -> Option<&'static str> {
    Some(match class {
        0x0100 => "SCSI controller",
        0x0200 => "Ethernet controller",
        0x0600 => "Host bridge",
        0x0604 => "PCI bridge",
        0x0780 => "Communication controller",
        _ => return None,
    })
}
