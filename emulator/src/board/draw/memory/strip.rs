//! The whole address space on one line, to scale.

use super::layers::Block;
use super::map::Map;
use super::rows::Row;
use crate::board::draw::figure::{Anchor, Figure, Rect, Shape};
use crate::board::draw::text::{self, Style};

/// Where the strip begins and how high it is, and what it takes with its words.
const TOP: i32 = 16;
const HEIGHT: i32 = 12;
const HEAD: i32 = 40;
/// What can still be seen.
const NARROWEST: i32 = 2;

/// Draws the strip at the top of a figure.
pub(super) fn draw(figure: &mut Figure, map: &Map<'_>, rows: &[Row]) {
    let width = figure.width;
    let last = rows.iter().flatten().map(Block::last).max().unwrap_or(0);
    let bits = (64 - last.leading_zeros()).max(32);
    let at = |addr: u64| ((u128::from(addr) * width.unsigned_abs() as u128) >> bits) as i32;
    let mut slivers = vec![(0, width, "strip")];
    for block in rows.iter().flatten() {
        let from = at(block.first()).min(width - NARROWEST);
        let length = (at(block.last()) - from).max(NARROWEST);
        let sliver = (from, length, sliver(map.class(&map.0.view.mappings[block.mapping])));
        // Of what falls on one pixel, the first is as good as the others.
        if slivers.last() != Some(&sliver) {
            slivers.push(sliver);
        }
    }
    for (x, length, class) in slivers {
        figure.shapes.push(Shape::Box { rect: Rect::new(x, TOP, length, HEIGHT), class });
    }
    figure.write((0, TOP - 6), Anchor::Start, Style::Note, "to scale, from 0");
    let end = format!("to {}", text::bytes(1 << bits));
    figure.write((width, TOP - 6), Anchor::End, Style::Note, end);
    figure.height = HEAD;
}

/// The same colours without a border: a sliver may be two pixels wide.
fn sliver(class: &str) -> &'static str {
    match class {
        "ram" => "sliver-ram",
        "rom" => "sliver-rom",
        "mmio" => "sliver-mmio",
        _ => "sliver-stub",
    }
}
