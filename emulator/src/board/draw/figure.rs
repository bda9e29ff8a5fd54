//! A picture as a value: shapes with their places, in pixels. What it is about is decided where it
//! is made, what it looks like in the style sheet; this only says what is where.

use super::text::{self, Style};

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// The left edge.
    pub x: i32,
    /// The upper edge.
    pub y: i32,
    /// From left to right.
    pub width: i32,
    /// From top to bottom.
    pub height: i32,
}

impl Rect {
    /// From its upper left corner.
    pub fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    /// Whether the other one has no part outside this.
    pub fn contains(&self, other: &Rect) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }

    /// Whether the two have a part in common.
    pub fn meets(&self, other: &Rect) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The left one.
    Start,
    /// Its middle.
    Middle,
    /// The right one.
    End,
}

/// A part of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A rectangle with rounded corners.
    Box {
        /// Where.
        rect: Rect,
        /// What it looks like.
        class: &'static str,
    },
    /// Straight lines from point to point.
    Line {
        /// The points.
        points: Vec<(i32, i32)>,
        /// What it looks like.
        class: &'static str,
    },
    /// A curve from left to right that is level at every point; an arrow's head at its end.
    Wire {
        /// The points.
        points: Vec<(i32, i32)>,
        /// What it looks like.
        class: &'static str,
        /// Whether it stands for several.
        wide: bool,
    },
    /// A filled or hollow circle.
    Dot {
        /// Its middle.
        at: (i32, i32),
        /// What it looks like.
        class: &'static str,
    },
    /// One line of text.
    Text {
        /// Where its base line meets the anchor.
        at: (i32, i32),
        /// Which end stands there.
        anchor: Anchor,
        /// What it looks like.
        style: Style,
        /// The words.
        text: String,
    },
    /// Shapes that stand for devices.
    Item(Item),
}

/// What stands for one device or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The devices, as places in the order of creation.
    pub devices: Vec<u32>,
    /// Whether it stands for how devices are connected rather than for themselves.
    pub wire: bool,
    /// What is told of it, in lines.
    pub tip: String,
    /// What it is drawn with.
    pub shapes: Vec<Shape>,
}

/// A picture from (0, 0) to its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// From left to right.
    pub width: i32,
    /// From top to bottom.
    pub height: i32,
    /// What is on it; later ones are above.
    pub shapes: Vec<Shape>,
}

/// Puts a text into a list of shapes, unless it is empty.
pub fn write(
    shapes: &mut Vec<Shape>,
    at: (i32, i32),
    anchor: Anchor,
    style: Style,
    text: impl Into<String>,
) {
    let text = text.into();
    if !text.is_empty() {
        shapes.push(Shape::Text { at, anchor, style, text });
    }
}

impl Figure {
    /// Puts another figure on this one, which grows as far as it must.
    pub fn place(&mut self, other: Figure, x: i32, y: i32) {
        self.width = self.width.max(x + other.width);
        self.height = self.height.max(y + other.height);
        self.shapes.extend(other.shapes.into_iter().map(|shape| shape.moved(x, y)));
    }

    /// Puts a text on it.
    pub fn write(&mut self, at: (i32, i32), anchor: Anchor, style: Style, text: impl Into<String>) {
        write(&mut self.shapes, at, anchor, style, text);
    }
}

impl Shape {
    /// The same elsewhere.
    fn moved(mut self, dx: i32, dy: i32) -> Self {
        let by = |at: &mut (i32, i32)| *at = (at.0 + dx, at.1 + dy);
        match &mut self {
            Self::Box { rect, .. } => (rect.x, rect.y) = (rect.x + dx, rect.y + dy),
            Self::Line { points, .. } | Self::Wire { points, .. } => points.iter_mut().for_each(by),
            Self::Dot { at, .. } | Self::Text { at, .. } => by(at),
            Self::Item(item) => {
                let shapes = std::mem::take(&mut item.shapes);
                item.shapes = shapes.into_iter().map(|shape| shape.moved(dx, dy)).collect();
            }
        }
        self
    }

    /// What it covers.
    pub fn bounds(&self) -> Rect {
        match self {
            Self::Box { rect, .. } => *rect,
            Self::Line { points, .. } | Self::Wire { points, .. } => around(points),
            Self::Dot { at, .. } => Rect::new(at.0 - 4, at.1 - 4, 8, 8),
            Self::Text { at, anchor, style, text } => {
                let width = text::width(*style, text);
                let left = match anchor {
                    Anchor::Start => at.0,
                    Anchor::Middle => at.0 - width / 2,
                    Anchor::End => at.0 - width,
                };
                Rect::new(left, at.1 - 9, width, 11)
            }
            Self::Item(item) => {
                let corners = item.shapes.iter().flat_map(|shape| {
                    let b = shape.bounds();
                    [(b.x, b.y), (b.x + b.width, b.y + b.height)]
                });
                around(&corners.collect::<Vec<_>>())
            }
        }
    }
}

fn around(points: &[(i32, i32)]) -> Rect {
    let range = |f: fn(&(i32, i32)) -> i32| {
        let low = points.iter().map(f).min().unwrap_or(0);
        (low, points.iter().map(f).max().unwrap_or(0) - low)
    };
    let ((x, width), (y, height)) = (range(|p| p.0), range(|p| p.1));
    Rect { x, y, width, height }
}
