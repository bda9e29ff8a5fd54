//! The memory map: what a hart sees at each address, what is hidden there, and what has no address.
//!
//! From 16 bytes to many gibibytes, no linear scale shows both a UART and the memory. So a block
//! grows by a step each time its size doubles, equal sizes are equally high, and a hole of any size
//! is a break in the axis that says how large it is. The strip above shows the same to scale.

mod layers;
mod map;
mod rows;
mod strip;
mod unmapped;

use self::layers::{Block, Cell, blocks};
use self::map::Map;
use self::rows::{Row, ends, rows};
use super::chips::flow;
use super::figure::{Anchor, Figure, Item, Rect, Shape, write};
use super::scene::{self, Scene};
use super::text::{self, Style};
use crate::board::Mapping;

/// The width of the blocks.
const WIDTH: i32 = 264;
/// The width of what is hidden, beside them.
const HIDDEN: i32 = 132;
/// From one column to the next.
const GAP: i32 = 10;
/// The least height of a block: a line of text.
const LEAST: i32 = 26;
/// How much a block grows when its size doubles.
const STEP: i32 = 4;
/// Sizes up to this one are drawn at the least height, in powers of two.
const SMALL: u32 = 12;
/// A block with room for a second line.
const TWO_LINES: i32 = 38;
/// The height of a break, and of a row that stands for many.
const BREAK: i32 = 24;
const BUNDLE: i32 = 48;
/// Draws the map.
pub(super) fn figure(scene: &Scene<'_>) -> Figure {
    let map = Map(scene);
    let rows = rows(&map, &blocks(&scene.view));
    let shadows = rows.iter().flatten().flat_map(|block| &block.cells).any(|cell| cell.depth > 0);
    let ends = rows.iter().flatten().flat_map(|block| [block.first(), block.last()]);
    let labels = ends.map(|addr| text::width(Style::Code, &text::address(addr))).max().unwrap_or(0);
    let left = labels + GAP;
    let width = left + WIDTH + if shadows { GAP + HIDDEN } else { 0 };
    let mut figure = Figure { width, ..Figure::default() };
    if rows.is_empty() {
        figure.write((0, 14), Anchor::Start, Style::Note, "Nothing is mapped.");
        figure.height = 20;
    } else {
        strip::draw(&mut figure, &map, &rows);
        map.draw(&mut figure, left, &rows);
    }
    let chips = flow(unmapped::unmapped(scene), width - 2);
    if !chips.shapes.is_empty() {
        let y = figure.height + 20;
        figure.write((0, y + 10), Anchor::Start, Style::Note, "Not mapped");
        figure.place(chips, 1, y + 18);
        figure.height += 1;
    }
    figure
}

impl Map<'_> {
    /// Draws the rows below each other, with what is between them.
    fn draw(&self, figure: &mut Figure, left: i32, rows: &[Row]) {
        let mut y = figure.height;
        let labels = left - GAP + 2;
        for (index, row) in rows.iter().enumerate() {
            let (shapes, height) = match row.as_slice() {
                [block] => self.block(left, y, block),
                many => self.bundle(left, y, many),
            };
            figure.shapes.extend(shapes);
            let (first, last) = ends(row);
            figure.write((labels, y + 10), Anchor::End, Style::Code, text::address(first));
            let next = rows.get(index + 1).map(|next| ends(next).0);
            // Where the next one begins at once, its first address says it.
            if next.is_none_or(|next| next - last > 1) {
                let at = (labels, y + height - 3);
                figure.write(at, Anchor::End, Style::Note, text::address(last));
            }
            y += height;
            if let Some(hole) = next.map(|next| next - last - 1).filter(|hole| *hole > 0) {
                draw_break(figure, left, y, hole.into());
                y += BREAK;
            }
        }
        figure.height = y + 1;
    }

    /// A block, and beside it what it hides.
    fn block(&self, x: i32, y: i32, block: &Block) -> (Vec<Shape>, i32) {
        let mapping = &self.0.view.mappings[block.mapping];
        let height = block.cells.iter().map(cell_height).sum();
        let class = self.class(mapping);
        let rect = Rect::new(x, y, WIDTH, height);
        let mut shapes = vec![Shape::Box { rect, class }];
        if mapping.alias.is_some() {
            shapes.push(Shape::Box {
                rect: Rect::new(x + 2, y + 2, WIDTH - 4, height - 4),
                class: "alias",
            });
        }
        let seen = u128::from(block.last() - block.first()) + 1;
        let size = match seen == u128::from(mapping.size) {
            true => text::bytes(seen),
            false => format!("{} of {}", text::bytes(seen), text::bytes(mapping.size.into())),
        };
        let about = self.about(mapping);
        label(&mut shapes, rect, &self.name(mapping), &about, &size);
        let devices = vec![self.0.number(&mapping.device)];
        let mut items =
            vec![Shape::Item(Item { devices, wire: false, tip: self.tip(mapping), shapes })];
        let mut at = y;
        for cell in &block.cells {
            let height = cell_height(cell);
            if cell.depth > 0 {
                let rect = Rect::new(x + WIDTH + GAP, at, HIDDEN, height);
                items.push(self.hidden(rect, cell));
            }
            at += height;
        }
        (items, height)
    }

    fn hidden(&self, rect: Rect, cell: &Cell) -> Shape {
        let below: Vec<&Mapping> =
            cell.hidden.iter().map(|index| &self.0.view.mappings[*index]).collect();
        let names: Vec<String> = below.iter().map(|mapping| self.name(mapping)).collect();
        let more = match cell.depth - names.len() {
            0 => String::new(),
            more => format!(" and {} more", text::count(more)),
        };
        let devices = below.iter().map(|mapping| self.0.number(&mapping.device)).collect();
        let seen = self.name(&self.0.view.mappings[cell.seen]);
        let tip = format!(
            "{}{more}: hidden by {seen}\n{} – {} ({})",
            names.join(", "),
            text::address(cell.first),
            text::address(cell.last),
            text::bytes(cell.size())
        );
        let mut shapes = vec![
            Shape::Box { rect, class: "hidden" },
            Shape::Line {
                points: vec![(rect.x - GAP, rect.y + 13), (rect.x, rect.y + 13)],
                class: "lead",
            },
        ];
        let about = format!("under {seen}");
        label(&mut shapes, rect, &format!("{}{more}", names.join(", ")), &about, "");
        Shape::Item(Item { devices, wire: false, tip, shapes })
    }

    /// A row that stands for many.
    fn bundle(&self, x: i32, y: i32, blocks: &[Block]) -> (Vec<Shape>, i32) {
        let mappings: Vec<&Mapping> =
            blocks.iter().map(|block| &self.0.view.mappings[block.mapping]).collect();
        let ([first, ..], [.., last]) = (mappings.as_slice(), mappings.as_slice()) else {
            return (Vec::new(), 0);
        };
        let same = blocks.iter().all(|block| self.key(block) == self.key(&blocks[0]));
        let class = if same { self.class(first) } else { "plain" };
        // The edges of those below show that it is a pile.
        let layer = |by| {
            let rect = Rect::new(x + by, y, WIDTH - 2 * by, BUNDLE - by);
            Shape::Box { rect, class }
        };
        let mut shapes = vec![layer(0), layer(3), layer(6)];
        let about = scene::drivers_of(mappings.iter().filter_map(|mapping| self.device(mapping)));
        let name = match same {
            true => scene::from_to(&self.name(first), &self.name(last)),
            false => text::counted(mappings.len(), "device"),
        };
        let size = text::bytes(first.size.into());
        let size = if same { format!("each {size}") } else { String::new() };
        label(&mut shapes, Rect::new(x + 6, y, WIDTH - 12, BUNDLE - 8), &name, &about, &size);
        let mut strides = mappings.windows(2).map(|pair| pair[1].addr - pair[0].addr);
        let stride = strides.next().filter(|stride| strides.all(|other| other == *stride));
        let every = stride.map(|stride| format!(", one every {}", text::bytes(stride.into())));
        let tip = format!(
            "{name}: {about}\n{} – {}\n{size}{}",
            text::address(first.addr),
            text::address(last.last()),
            every.filter(|_| same).unwrap_or_default()
        );
        let devices = mappings.iter().map(|mapping| self.0.number(&mapping.device)).collect();
        (vec![Shape::Item(Item { devices, wire: false, tip, shapes })], BUNDLE)
    }
}

/// A block grows by a step each time its size doubles.
fn cell_height(cell: &Cell) -> i32 {
    let doublings = cell.size().ilog2().saturating_sub(SMALL);
    LEAST + STEP * i32::try_from(doublings).unwrap_or(0)
}

/// Name, kind and size in a box, on as many lines as it has room for.
fn label(shapes: &mut Vec<Shape>, rect: Rect, name: &str, about: &str, size: &str) {
    let (left, right) = (rect.x + 12, rect.x + rect.width - 9);
    let room = right - left;
    let for_size = if size.is_empty() { 0 } else { text::width(Style::Note, size) + 8 };
    let name = text::fit(Style::Name, name, room - for_size);
    let used = text::width(Style::Name, &name) + 8;
    let top =
        rect.y + if rect.height < TWO_LINES { rect.height / 2 + 4 } else { rect.height / 2 - 3 };
    write(shapes, (right, top), Anchor::End, Style::Note, size);
    let (at, about) = match rect.height < TWO_LINES {
        true => ((left + used, top), text::fit(Style::Note, about, room - for_size - used)),
        false => ((left, top + 15), text::fit(Style::Note, about, room)),
    };
    write(shapes, (left, top), Anchor::Start, Style::Name, name);
    write(shapes, at, Anchor::Start, Style::Note, about);
}

/// A hole: the axis is broken.
fn draw_break(figure: &mut Figure, x: i32, y: i32, size: u128) {
    let middle = y + BREAK / 2;
    let words = text::bytes(size);
    let half = text::width(Style::Note, &words) / 2 + 10;
    for (from, to) in [(x, x + WIDTH / 2 - half), (x + WIDTH / 2 + half, x + WIDTH)] {
        // Teeth of 6 by 6 pixels.
        let teeth = (0..).map(|n| (from + 6 * n, middle + if n % 2 == 0 { 3 } else { -3 }));
        let points = teeth.take_while(|(x, _)| *x <= to).collect();
        figure.shapes.push(Shape::Line { points, class: "break" });
    }
    figure.write((x + WIDTH / 2, middle + 4), Anchor::Middle, Style::Note, words);
}
