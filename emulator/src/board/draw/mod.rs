//! Pictures of a board: the memory map, who interrupts whom, what hangs on a bus, what a reset reaches,
//! and the harts;
//! as one SVG, and as a page to search and to ask.
//!
//! A board becomes figures, which are values: what stands where ([`figure`]). Only then is anything
//! written ([`svg`], [`page`]). The same board makes the same bytes, and nothing of it comes from
//! elsewhere: no font, no script, no style.

mod buses;
mod chips;
mod cpus;
pub mod figure;
mod findings;
mod interrupts;
mod journal;
mod legend;
mod memory;
mod page;
mod reset;
mod scene;
mod svg;
pub mod text;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use self::figure::Figure;
use self::scene::Scene;
use crate::board::Board;
use crate::devices::RegionKind;
use crate::qapi::DrawingFormat;

/// What all figures look like.
const STYLE: &str = include_str!("assets/figure.css");
/// The narrowest right half of a picture.
const NARROWEST: i32 = 560;
/// Around everything, and between its parts.
const MARGIN: i32 = 24;
const GAP: i32 = 40;
/// What the name of a part takes.
const HEADING: i32 = 22;
const TITLE: i32 = 62;

/// The figures of a board, and what stands above them.
pub struct Drawing<'a> {
    scene: Scene<'a>,
    title: String,
    summary: String,
    memory: Figure,
    cpus: Figure,
    interrupts: Figure,
    buses: Figure,
    reset: Figure,
}

impl<'a> Drawing<'a> {
    /// Lays a board out.
    pub fn new(board: &'a Board, title: &str) -> Self {
        let scene = Scene::new(board);
        let interrupts = interrupts::figure(&scene);
        let width = interrupts.width.max(NARROWEST);
        let mut drawing = Self {
            title: text::clean(title),
            summary: summary(&scene),
            memory: memory::figure(&scene),
            cpus: cpus::figure(&scene, width),
            buses: buses::figure(&scene, width),
            reset: reset::figure(&scene, width),
            interrupts,
            scene,
        };
        // A reset reaches everything: what is wrong is shown where it is wrong.
        for figure in [&mut drawing.memory, &mut drawing.cpus, &mut drawing.interrupts] {
            drawing.scene.findings.mark(figure);
        }
        drawing
    }

    /// The figures with their names, the tall one first.
    pub fn parts(&self) -> [(&'static str, &Figure); 5] {
        [
            ("Memory map", &self.memory),
            ("Harts", &self.cpus),
            ("Interrupts", &self.interrupts),
            ("Buses", &self.buses),
            ("Reset", &self.reset),
        ]
    }

    /// All of it as one SVG document.
    pub fn svg(&self) -> String {
        let (mut body, mut width, mut height) = (String::new(), 0, 0);
        let mut place = |name: &str, figure: &Figure, x: i32, y: i32| {
            let id = name.to_lowercase().replace(' ', "-");
            let _ = writeln!(body, r#"<g id="{id}" transform="translate({x} {y})">"#);
            let _ = writeln!(body, r#"<text class="title" x="0" y="12">{name}</text>"#);
            let _ = writeln!(body, r#"<g transform="translate(0 {HEADING})">"#);
            svg::write(&mut body, figure);
            body.push_str("</g></g>\n");
            width = width.max(x + figure.width + MARGIN);
            height = height.max(y + HEADING + figure.height);
            y + HEADING + figure.height + GAP
        };
        let [(name, memory), others @ ..] = self.parts();
        place(name, memory, MARGIN, TITLE + MARGIN);
        let x = MARGIN + memory.width + GAP;
        let mut y = TITLE + MARGIN;
        for (name, figure) in others {
            y = place(name, figure, x, y);
        }
        let legend = legend::figure(&self.parts().map(|(_, figure)| figure), width - 2 * MARGIN);
        let (legend_y, height) = (height + MARGIN, height + 2 * MARGIN + legend.height);
        let _ = writeln!(body, r#"<g transform="translate({MARGIN} {legend_y})">"#);
        svg::write(&mut body, &legend);
        body.push_str("</g>\n");
        let (title, summary) = (svg::escape(&self.title), svg::escape(&self.summary));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<desc>{summary}</desc>
<style>
{STYLE}</style>
<rect class="paper" width="{width}" height="{height}"/>
<text class="headline" x="{MARGIN}" y="44">{title}</text>
<text class="note" x="{MARGIN}" y="64">{summary}</text>
{body}</svg>
"#
        )
    }

    /// All of it in a format.
    pub fn document(&self, format: DrawingFormat) -> String {
        match format {
            DrawingFormat::Svg => self.svg(),
            DrawingFormat::Html => self.page(),
        }
    }

    /// All of it as one HTML page.
    pub fn page(&self) -> String {
        page::write(self)
    }
}

/// What there is on the board, in a line.
fn summary(scene: &Scene<'_>) -> String {
    let regions = scene.devices.iter().flat_map(|device| device.driver().regions());
    let ram = regions.filter(|region| region.kind == RegionKind::Ram);
    let ram: u128 = ram.map(|region| u128::from(region.size)).sum();
    let mut parts = vec![
        format!("machine {}", scene.board.machine.type_.tag()),
        text::counted(scene.board.harts().len(), "hart"),
        format!("{} of RAM", text::bytes(ram)),
        text::counted(scene.devices.len(), "device"),
        text::counted(scene.board.wires().count(), "wire"),
    ];
    parts.extend(scene.findings.summary());
    parts.join(" · ")
}
