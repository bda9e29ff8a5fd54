//! Small boxes with a word or two each, in rows like words of a text.

use super::figure::{Anchor, Figure, Item, Rect, Shape, write};
use super::text::{self, Style};

const HEIGHT: i32 = 24;
const GAP: i32 = 8;
const PADDING: i32 = 8;

/// A small box that stands for devices.
pub(super) struct Chip {
    /// What is told before its name, such as a number.
    pub(super) mark: String,
    pub(super) name: String,
    pub(super) devices: Vec<u32>,
    pub(super) tip: String,
    pub(super) class: &'static str,
}

/// The chips in rows no wider than this.
pub(super) fn flow(chips: Vec<Chip>, most: i32) -> Figure {
    let mut figure = Figure { width: most, ..Figure::default() };
    let (mut x, mut y) = (0, 0);
    for chip in chips {
        let mark = match chip.mark.as_str() {
            "" => 0,
            mark => text::width(Style::Note, mark) + 5,
        };
        let name = text::fit(Style::Name, &chip.name, most - mark - 2 * PADDING);
        let width = mark + text::width(Style::Name, &name) + 2 * PADDING;
        if x > 0 && x + width > most {
            (x, y) = (0, y + HEIGHT + GAP);
        }
        let rect = Rect::new(x, y, width, HEIGHT);
        let mut shapes = vec![Shape::Box { rect, class: chip.class }];
        write(&mut shapes, (x + PADDING, y + 16), Anchor::Start, Style::Note, chip.mark);
        write(&mut shapes, (x + PADDING + mark, y + 16), Anchor::Start, Style::Name, name);
        let Chip { devices, tip, .. } = chip;
        figure.shapes.push(Shape::Item(Item { devices, wire: false, tip, shapes }));
        figure.height = y + HEIGHT;
        x += width + GAP;
    }
    figure
}
