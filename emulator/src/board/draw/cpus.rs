//! The harts, a card for each array of them: how many, which instruction set, which privilege.

use boardwright_riscv::{CpuModel, Mmu, Modes};
use serde_json::json;

use super::figure::{Anchor, Figure, Item, Rect, Shape, write};
use super::scene::{self, Scene};
use super::text::{self, Style};
use crate::devices::cpu;

/// The height of a line, and of a card without any.
const LINE: i32 = 16;
const HEAD: i32 = 46;
const GAP: i32 = 10;
const PADDING: i32 = 12;

/// What a card tells; arrays of which all but the names and ids is equal share one.
struct Card {
    name: String,
    device: u32,
    ids: (u64, u64),
    about: String,
    isa: String,
}

/// Draws the cards below each other.
pub(super) fn figure(scene: &Scene<'_>, width: i32) -> Figure {
    let mut figure = Figure { width, ..Figure::default() };
    let mut y = 0;
    for group in scene::gather(cards(scene), |card| Some((card.about.clone(), card.isa.clone()))) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let lines = text::wrap(Style::Code, &first.isa, width - 2 * PADDING);
        let height = HEAD + LINE * i32::try_from(lines.len()).unwrap_or(0);
        let rect = Rect::new(1, y + 1, width - 2, height - 2);
        let mut shapes = vec![Shape::Box { rect, class: "hart" }];
        let ids = match (first.ids.0, last.ids.1) {
            (id, same) if id == same => format!("hart {id}"),
            (first, last) => format!("harts {first}–{last}"),
        };
        let name = scene::from_to(&first.name, &last.name);
        let room = width - 3 * PADDING - text::width(Style::Note, &ids);
        let name = text::fit(Style::Name, &name, room);
        let right = width - PADDING;
        write(&mut shapes, (PADDING, y + 19), Anchor::Start, Style::Name, name.as_str());
        write(&mut shapes, (right, y + 19), Anchor::End, Style::Note, ids.as_str());
        let about = text::fit(Style::Note, &first.about, width - 2 * PADDING);
        write(&mut shapes, (PADDING, y + 35), Anchor::Start, Style::Note, about);
        for (line, row) in lines.into_iter().zip(0..) {
            let at = (PADDING, y + 52 + LINE * row);
            write(&mut shapes, at, Anchor::Start, Style::Code, line);
        }
        let tip = format!("{name}, {ids}\n{}\n{}", first.about, first.isa);
        let devices = group.iter().map(|card| card.device).collect();
        figure.shapes.push(Shape::Item(Item { devices, wire: false, tip, shapes }));
        y += height + GAP;
    }
    if figure.shapes.is_empty() {
        figure.write((0, 14), Anchor::Start, Style::Note, "There are no harts.");
        y = 20 + GAP;
    }
    figure.height = y - GAP;
    figure
}

fn cards(scene: &Scene<'_>) -> Vec<Card> {
    let arrays = (0_u32..).zip(&scene.devices).filter_map(|(number, device)| {
        let (units, model) = (device.driver().units()?, cpu::of_units(&device.options)?);
        let last = units.first_hartid + u64::from(units.count.saturating_sub(1));
        Some(Card {
            name: device.name.to_string(),
            device: number,
            ids: (units.first_hartid, last),
            about: about(&model),
            isa: model.isa_string(),
        })
    });
    arrays.collect()
}

fn about(model: &CpuModel) -> String {
    let modes = match model.modes {
        Modes::M => "M mode only",
        Modes::Mu => "modes M, U",
        Modes::Msu => "modes M, S, U",
    };
    let mmu = match model.mmu {
        Mmu::Bare => "no paging",
        Mmu::Sv32 => "Sv32",
        Mmu::Sv39 => "Sv39",
        Mmu::Sv48 => "Sv48",
        Mmu::Sv57 => "Sv57",
    };
    let pmp = match model.pmp_regions {
        0 => "no PMP".into(),
        regions => text::counted(regions.into(), "PMP region"),
    };
    format!("{} · {modes} · {mmu} · {pmp}", model.name)
}

/// What a page tells of a device's CPUs.
pub(super) fn facts(device: &crate::board::Device) -> qapi_runtime::Value {
    match cpu::of_units(&device.options) {
        Some(model) => json!([["CPU", about(&model)], ["ISA", model.isa_string()]]),
        None => json!([]),
    }
}
