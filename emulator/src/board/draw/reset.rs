//! The reset tree: a reset reaches every device, on a bus or not, in the order of their creation,
//! and then the harts, which go to their start.

use super::chips::{Chip, flow};
use super::figure::{Anchor, Figure, Shape};
use super::scene::{self, Scene};
use super::text::{self, Style};

/// Where the branches begin, and where their devices do.
const BRANCH: i32 = 18;
const CHIPS: i32 = 104;
const GAP: i32 = 14;

/// Draws the tree.
pub(super) fn figure(scene: &Scene<'_>, width: i32) -> Figure {
    let mut figure = Figure { width, ..Figure::default() };
    let mut y = 1;
    let mut branches = Vec::new();
    for (name, chips) in [
        ("system bus", devices(scene, true)),
        ("on no bus", devices(scene, false)),
        ("then harts", harts(scene)),
    ] {
        let chips = flow(chips, width - CHIPS - 2);
        if chips.shapes.is_empty() {
            continue;
        }
        branches.push(y + 12);
        figure.write((BRANCH + 6, y + 16), Anchor::Start, Style::Note, name);
        let height = chips.height;
        figure.place(chips, CHIPS, y);
        y += height + GAP;
    }
    for branch in &branches {
        let points = vec![(4, 12), (4, *branch), (BRANCH, *branch)];
        figure.shapes.push(Shape::Line { points, class: "branch" });
    }
    match branches.is_empty() {
        true => figure.write((0, 14), Anchor::Start, Style::Note, "There are no devices."),
        false => figure.shapes.push(Shape::Dot { at: (4, 12), class: "root" }),
    }
    figure.height = figure.height.max(20) + 1;
    figure
}

fn devices(scene: &Scene<'_>, on_bus: bool) -> Vec<Chip> {
    let here = (0_u32..).zip(&scene.devices).filter(|(_, d)| d.driver().on_bus() == on_bus);
    let groups = scene::gather(here.collect(), |(_, device)| Some(device.kind()));
    let chips = groups.into_iter().filter_map(|group| {
        let ((_, first), (_, last)) = (group.first()?, group.last()?);
        let devices: Vec<u32> = group.iter().map(|(number, _)| *number).collect();
        let places: Vec<u32> = devices.iter().map(|number| number + 1).collect();
        Some(Chip {
            mark: text::fit_list(Style::Note, &text::runs(&places, '–'), 80),
            name: scene::from_to(&first.name, &last.name),
            tip: match group.len() {
                1 => format!("{}: {}{}", first.name, first.kind(), scene.origin(first.entry)),
                _ => scene::drivers_of(group.iter().map(|(_, device)| *device)),
            },
            class: class(first),
            devices,
        })
    });
    chips.collect()
}

fn class(device: &crate::board::Device) -> &'static str {
    let driver = device.driver();
    match driver.regions().first() {
        _ if driver.units().is_some() => "hart",
        Some(region) => scene::region_class(device, region.kind),
        None => "plain",
    }
}

fn harts(scene: &Scene<'_>) -> Vec<Chip> {
    let harts = scene.board.harts();
    let harts = harts.into_iter().map(|(array, unit)| (scene.number(&array.name), unit));
    let groups = scene::gather(harts.collect(), |(array, _)| Some(*array));
    let chips = groups.into_iter().filter_map(|group| {
        Some(Chip {
            mark: String::new(),
            name: scene.names(&group),
            devices: vec![group.first()?.0],
            tip: text::counted(group.len(), "hart"),
            class: "hart",
        })
    });
    chips.collect()
}
