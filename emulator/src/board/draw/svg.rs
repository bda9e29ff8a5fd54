//! Figures as SVG 1.1. What a figure says may come from anybody: every text is escaped here.

use std::fmt::Write as _;

use super::figure::{Anchor, Figure, Item, Shape};
use super::text;

/// The radius of corners and of dots.
const CORNER: i32 = 3;
const RADIUS: i32 = 3;
/// An arrow's head: length, and half its width.
const HEAD: (i32, i32) = (7, 4);

/// Adds the shapes of a figure to a document.
pub(super) fn write(out: &mut String, figure: &Figure) {
    figure.shapes.iter().for_each(|shape| draw(out, shape));
}

fn draw(out: &mut String, shape: &Shape) {
    // Writing to a string does not fail.
    let _ = match shape {
        Shape::Box { rect, class } => writeln!(
            out,
            r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}" rx="{CORNER}"/>"#,
            rect.x, rect.y, rect.width, rect.height
        ),
        Shape::Line { points, class } => {
            let list: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
            writeln!(out, r#"<polyline class="{class}" points="{}"/>"#, list.join(" "))
        }
        Shape::Wire { points, class, wide } => {
            wire(out, points, class, if *wide { " wide" } else { "" })
        }
        Shape::Dot { at: (x, y), class } => {
            writeln!(out, r#"<circle class="{class}" cx="{x}" cy="{y}" r="{RADIUS}"/>"#)
        }
        Shape::Text { at: (x, y), anchor, style, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " middle",
                Anchor::End => " end",
            };
            let (class, text) = (style.class(), escape(text));
            writeln!(out, r#"<text class="{class}{anchor}" x="{x}" y="{y}">{text}</text>"#)
        }
        Shape::Item(item) => return draw_item(out, item),
    };
}

fn draw_item(out: &mut String, item: &Item) {
    let class = if item.wire { "link" } else { "item" };
    let devices = text::runs(&item.devices, '-').replace(", ", " ");
    let tip = item.tip.split('\n').map(escape).collect::<Vec<_>>().join("\n");
    let _ = writeln!(out, r#"<g class="{class}" data-d="{devices}"><title>{tip}</title>"#);
    item.shapes.iter().for_each(|shape| draw(out, shape));
    out.push_str("</g>\n");
}

fn wire(out: &mut String, points: &[(i32, i32)], class: &str, wide: &str) -> std::fmt::Result {
    let [(x, y), rest @ ..] = points else { return Ok(()) };
    write!(out, r#"<path class="wire {class}{wide}" d="M{x} {y}"#)?;
    let mut at = (*x, *y);
    for (index, (x, y)) in rest.iter().enumerate() {
        let end = if index + 1 == rest.len() { x - HEAD.0 + 1 } else { *x };
        // What runs back to the left needs room to turn.
        let bend = ((end - at.0) / 2).max(if end < at.0 { 60 } else { 0 });
        write!(out, " C{} {} {} {y} {end} {y}", at.0 + bend, at.1, end - bend)?;
        at = (*x, *y);
    }
    let (x, y) = at;
    let (back, half) = HEAD;
    out.push_str("\"/>");
    writeln!(
        out,
        r#"<path class="head {class}" d="M{} {}L{x} {y}L{} {}Z"/>"#,
        x - back,
        y - half,
        x - back,
        y + half
    )
}

/// A text as it stands in an element or in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text::clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
