//! What hangs on whose bus: chip selects, virtio transports, functions of PCI devices.

use super::chips::{Chip, flow};
use super::figure::{Anchor, Figure, Shape};
use super::scene::Scene;
use super::text::{self, Style};
use crate::board::Device;
use crate::devices::{BusKind, pci};

/// Where the devices begin, beside the name of the device that has the bus.
const CHIPS: i32 = 136;
const GAP: i32 = 14;

/// Draws a row for each bus on which there is something.
pub(super) fn figure(scene: &Scene<'_>, width: i32) -> Figure {
    let mut figure = Figure { width, ..Figure::default() };
    let mut y = 1;
    for owner in &scene.devices {
        let Some(bus) = owner.driver().bus() else { continue };
        let chips = scene.board.on_bus_of(owner).map(|(device, slot)| Chip {
            mark: mark(bus.kind, slot),
            name: device.name.to_string(),
            devices: vec![scene.number(&device.name)],
            tip: format!("{}: {}{}", device.name, device.kind(), scene.origin(device.entry)),
            class: "plain",
        });
        let chips = flow(chips.collect(), width - CHIPS - 2);
        if chips.shapes.is_empty() {
            continue;
        }
        let name = text::fit(Style::Note, &name(scene, owner), CHIPS - 12);
        figure.write((0, y + 16), Anchor::Start, Style::Note, name);
        let line = vec![(CHIPS - 8, y), (CHIPS - 8, y + chips.height)];
        figure.shapes.push(Shape::Line { points: line, class: "branch" });
        let height = chips.height;
        figure.place(chips, CHIPS, y);
        y += height + GAP;
    }
    if figure.shapes.is_empty() {
        figure.write((0, 14), Anchor::Start, Style::Note, "Nothing hangs on a bus of another.");
    }
    figure.height = figure.height.max(20) + 1;
    figure
}

/// What the bus is called, beside the device that has it where that is another word.
fn name(scene: &Scene<'_>, owner: &Device) -> String {
    let bus = scene.board.bus_name(owner);
    if bus == *owner.name { bus } else { format!("{} ({bus})", owner.name) }
}

/// How the bus numbers its slots.
fn mark(kind: BusKind, slot: u32) -> String {
    match kind {
        BusKind::Pci => pci::address(slot),
        BusKind::Spi | BusKind::VirtioSerial => slot.to_string(),
        BusKind::Virtio => String::new(),
    }
}
