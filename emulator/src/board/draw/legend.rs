//! What the colours mean: those that are used.

use std::collections::HashSet;

use super::figure::{Anchor, Figure, Rect, Shape};
use super::text::{self, Style};

const ROW: i32 = 22;
const SWATCH: (i32, i32) = (22, 12);

/// How a colour is shown.
enum Sample {
    Box,
    Wire,
    Dot,
}

const ROWS: [(&str, Sample, &str); 14] = [
    ("ram", Sample::Box, "RAM"),
    ("rom", Sample::Box, "ROM"),
    ("mmio", Sample::Box, "registers"),
    ("stub", Sample::Box, "not modelled"),
    ("hidden", Sample::Box, "hidden"),
    ("hart", Sample::Box, "hart"),
    ("msi", Sample::Wire, "software interrupt"),
    ("mti", Sample::Wire, "timer"),
    ("sei", Sample::Wire, "external, to S mode"),
    ("mei", Sample::Wire, "external, to M mode"),
    ("irq", Sample::Wire, "other interrupt"),
    ("open", Sample::Dot, "not connected"),
    ("error", Sample::Dot, "lint: error"),
    ("warning", Sample::Dot, "lint: warning"),
];

/// Explains the colours of these figures.
pub(super) fn figure(figures: &[&Figure], most: i32) -> Figure {
    let mut used = HashSet::new();
    figures.iter().for_each(|figure| collect(&figure.shapes, &mut used));
    let mut figure = Figure { width: most, height: ROW, ..Figure::default() };
    let (mut x, mut y) = (0, 0);
    for (class, sample, words) in ROWS {
        if !used.contains(class) {
            continue;
        }
        let step = SWATCH.0 + 6 + text::width(Style::Note, words) + 12;
        if x > 0 && x + step > most {
            (x, y) = (0, y + ROW);
        }
        let (middle, end) = (y + 8, x + SWATCH.0);
        figure.shapes.push(match sample {
            Sample::Box => Shape::Box { rect: Rect::new(x, y + 2, SWATCH.0, SWATCH.1), class },
            Sample::Wire => {
                Shape::Wire { points: vec![(x, middle), (end, middle)], class, wide: false }
            }
            Sample::Dot => Shape::Dot { at: (x + SWATCH.0 / 2, middle), class },
        });
        figure.write((end + 6, y + 12), Anchor::Start, Style::Note, words);
        x += step;
        figure.height = y + ROW;
    }
    figure
}

fn collect(shapes: &[Shape], used: &mut HashSet<&'static str>) {
    for shape in shapes {
        match shape {
            Shape::Box { class, .. } | Shape::Wire { class, .. } | Shape::Dot { class, .. } => {
                used.insert(class);
            }
            Shape::Item(item) => collect(&item.shapes, used),
            Shape::Line { .. } | Shape::Text { .. } => {}
        }
    }
}
