//! The interrupt graph, from the devices on the left over their controllers to the harts.
//!
//! A column is put in order, and each node at its height, by where the wires of its outputs end in
//! the columns right of it, which are drawn already: so wires are as level and cross as little as
//! one pass can make them. A wire that skips a column gets a place of its own in it.

mod net;

use self::net::{Edge, Net, Node, Row, net};
use super::figure::{Anchor, Figure, Item, Rect, Shape, write};
use super::scene::Scene;
use super::text::{self, Style};

/// Where the rows of a node begin, and their distance.
const HEAD: i32 = 42;
const ROW: i32 = 18;
const FOOT: i32 = 6;
/// The longest head of a node.
const WIDEST: i32 = 240;
/// Between nodes of a column.
const GAP: i32 = 18;
/// Between columns: wires need room to bend, the more of them the more.
const GUTTER: i32 = 64;
const PER_EDGE: i32 = 4;
const WIDEST_GUTTER: i32 = 140;
/// How far an output that leads nowhere sticks out.
const STUB: i32 = 16;
/// The height of a place where a wire passes a column.
const PASSAGE: i32 = 10;

/// What stands in a column.
struct Place {
    what: What,
    y: i32,
    height: i32,
    /// Which ends there are to the right, each with its offset from the top and where it leads:
    /// an edge's number.
    ends: Vec<(i32, usize)>,
}

#[derive(Clone, Copy)]
enum What {
    Node(usize),
    /// An edge on its way.
    Passage(usize),
}

/// Draws the graph.
pub(super) fn figure(scene: &Scene<'_>) -> Figure {
    let mut net = net(scene);
    if net.nodes.is_empty() {
        let mut figure = Figure { width: 240, height: 20, ..Figure::default() };
        figure.write((0, 14), Anchor::Start, Style::Note, "Nothing has an interrupt line.");
        return figure;
    }
    let columns = arrange(&mut net);
    draw(&net, &columns)
}

/// The columns, that of the harts first, with everything at its height.
fn arrange(net: &mut Net) -> Vec<Vec<Place>> {
    let last = net.nodes.iter().map(|node| node.column).max().unwrap_or(0);
    // Where each edge enters the columns right of the one at work.
    let mut aims: Vec<Option<i32>> = vec![None; net.edges.len()];
    let mut columns: Vec<Vec<Place>> = Vec::new();
    for column in 0..=last {
        let mut places = Vec::new();
        for (index, node) in net.nodes.iter_mut().enumerate() {
            if node.column == column {
                // Those that lead nowhere stand below.
                node.outputs.sort_by_key(|row| match row.edge {
                    Some(edge) => (0, aims[edge]),
                    None => (1, None),
                });
                places.push(place(index, node));
            }
        }
        for (index, edge) in net.edges.iter().enumerate() {
            if net.nodes[edge.to].column < column && column < net.nodes[edge.from].column {
                let ends = vec![(PASSAGE / 2, index)];
                places.push(Place { what: What::Passage(index), y: 0, height: PASSAGE, ends });
            }
        }
        settle(&mut places, &aims);
        for place in &places {
            match place.what {
                What::Passage(edge) => aims[edge] = Some(place.y + PASSAGE / 2),
                What::Node(node) => {
                    for (row, input) in (0..).zip(&net.nodes[node].inputs) {
                        if let Some(edge) = input.edge {
                            aims[edge] = Some(place.y + middle(row));
                        }
                    }
                }
            }
        }
        columns.push(places);
    }
    let top = columns.iter().flatten().map(|place| place.y).min().unwrap_or(0);
    columns.iter_mut().flatten().for_each(|place| place.y -= top);
    columns
}

/// A node, not yet at its height.
fn place(index: usize, node: &Node) -> Place {
    let rows = i32::try_from(node.inputs.len().max(node.outputs.len())).unwrap_or(0);
    let outputs = (0..).zip(&node.outputs);
    Place {
        what: What::Node(index),
        y: 0,
        height: HEAD + ROW * rows + FOOT,
        ends: outputs.filter_map(|(row, out)| Some((middle(row), out.edge?))).collect(),
    }
}

/// The middle of a row of a node, from the node's top.
fn middle(row: i32) -> i32 {
    HEAD + ROW * row + ROW / 2
}

/// Orders a column and gives everything its height: as near as possible, by least squares, to where
/// its wires would be level, without meeting. What has no wires stands below.
fn settle(places: &mut Vec<Place>, aims: &[Option<i32>]) {
    let wish = |place: &Place| -> Option<f64> {
        let ends = place.ends.iter().filter_map(|(offset, edge)| Some(aims[*edge]? - offset));
        let ends: Vec<i32> = ends.collect();
        (!ends.is_empty()).then(|| f64::from(ends.iter().sum::<i32>()) / ends.len() as f64)
    };
    let mut wishes: Vec<(Option<f64>, Place)> =
        places.drain(..).map(|place| (wish(&place), place)).collect();
    wishes.sort_by(|(a, _), (b, _)| {
        let low = |wish: &Option<f64>| wish.unwrap_or(f64::INFINITY);
        low(a).total_cmp(&low(b))
    });
    // Pool adjacent violators: blocks of neighbours that would meet go where their mean wish is.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    let mut above = 0.0;
    let mut offsets = Vec::new();
    for (wish, place) in &wishes {
        offsets.push(above);
        let lowest = blocks.last().map_or(0.0, |(mean, _)| *mean);
        let mut block = (wish.map_or(lowest, |wish| wish - above), 1);
        while let Some((mean, count)) = blocks.pop_if(|(mean, _)| *mean > block.0) {
            let all = count + block.1;
            block = ((mean * count as f64 + block.0 * block.1 as f64) / all as f64, all);
        }
        blocks.push(block);
        above += f64::from(place.height + GAP);
    }
    let means = blocks.into_iter().flat_map(|(mean, count)| std::iter::repeat_n(mean, count));
    for ((mut place, offset), mean) in
        wishes.into_iter().map(|(_, place)| place).zip(offsets).zip(means)
    {
        place.y = (mean + offset).round() as i32;
        places.push(place);
    }
}

/// Name and kind of a node, cut short where they would make it very wide.
fn head(node: &Node) -> (String, String) {
    let cut = |style, text| text::fit(style, text, WIDEST);
    (cut(Style::Name, &node.name), cut(Style::Note, &node.about))
}

/// The width of a node: its head, or the widest of its rows.
fn node_width(node: &Node) -> i32 {
    let (name, about) = head(node);
    let head = text::width(Style::Name, &name).max(text::width(Style::Note, &about));
    let widest = |rows: &[Row]| {
        rows.iter().map(|row| text::width(Style::Code, &row.label)).max().unwrap_or(-12)
    };
    (head + 24).max(widest(&node.inputs) + widest(&node.outputs) + 44).max(120)
}

fn draw(net: &Net, columns: &[Vec<Place>]) -> Figure {
    let width_of = |place: &Place| match place.what {
        What::Node(node) => node_width(&net.nodes[node]),
        What::Passage(_) => 0,
    };
    // The outermost stands left.
    let (mut x, mut right) = (1, 0);
    let mut lefts = vec![(0, 0); columns.len()];
    for (column, places) in columns.iter().enumerate().rev() {
        let width = places.iter().map(width_of).max().unwrap_or(0);
        lefts[column] = (x, width);
        right = x + width;
        let ends: usize = places.iter().map(|place| place.ends.len()).sum();
        let bends = PER_EDGE.saturating_mul(i32::try_from(ends).unwrap_or(i32::MAX));
        x = right + GUTTER.saturating_add(bends).min(WIDEST_GUTTER);
    }
    let mut figure = Figure { width: right + STUB, ..Figure::default() };
    let mut begin = vec![(0, 0); net.edges.len()];
    let mut end = vec![(0, 0); net.edges.len()];
    let mut passages: Vec<Vec<(i32, i32)>> = vec![Vec::new(); net.edges.len()];
    let mut nodes = Vec::new();
    for (places, (x, width)) in columns.iter().zip(&lefts) {
        for place in places {
            figure.height = figure.height.max(place.y + place.height + 1);
            match place.what {
                What::Passage(edge) => {
                    let y = place.y + PASSAGE / 2;
                    passages[edge].extend([(x + width, y), (*x, y)]);
                }
                What::Node(index) => {
                    let node = &net.nodes[index];
                    let rect = Rect::new(*x, place.y + 1, *width, place.height - 1);
                    nodes.push(draw_node(node, rect));
                    for (row, input) in (0..).zip(&node.inputs) {
                        if let Some(edge) = input.edge {
                            end[edge] = (*x, rect.y + middle(row));
                        }
                    }
                    for (row, output) in (0..).zip(&node.outputs) {
                        if let Some(edge) = output.edge {
                            begin[edge] = (x + width, rect.y + middle(row));
                        }
                    }
                }
            }
        }
    }
    for (index, edge) in net.edges.iter().enumerate() {
        let mut points = vec![begin[index]];
        points.extend(passages[index].iter().rev());
        points.push(end[index]);
        figure.shapes.push(draw_edge(net, edge, points));
    }
    figure.shapes.extend(nodes);
    figure
}

fn draw_edge(net: &Net, edge: &Edge, points: Vec<(i32, i32)>) -> Shape {
    let mut devices = net.nodes[edge.from].devices.clone();
    devices.extend(&net.nodes[edge.to].devices);
    let many = if edge.wires > 1 {
        format!("\n{}", text::counted(edge.wires, "wire"))
    } else {
        String::new()
    };
    let shapes = vec![Shape::Wire { points, class: edge.class, wide: edge.wires > 1 }];
    Shape::Item(Item { devices, wire: true, tip: format!("{}{many}", edge.tip), shapes })
}

fn draw_node(node: &Node, rect: Rect) -> Shape {
    let class = match (node.hart, node.inputs.is_empty()) {
        (true, _) => "hart",
        (false, false) => "controller",
        (false, true) => "mmio",
    };
    let mut shapes = vec![Shape::Box { rect, class }];
    let (left, right) = (rect.x + 12, rect.x + rect.width);
    let (name, about) = head(node);
    write(&mut shapes, (left, rect.y + 18), Anchor::Start, Style::Name, name);
    write(&mut shapes, (left, rect.y + 32), Anchor::Start, Style::Note, about);
    for (row, input) in (0..).zip(&node.inputs) {
        let y = rect.y + middle(row);
        if input.edge.is_none() {
            shapes.push(Shape::Dot { at: (rect.x, y), class: "open" });
        }
        write(&mut shapes, (left, y + 4), Anchor::Start, Style::Code, input.label.as_str());
    }
    for (row, output) in (0..).zip(&node.outputs) {
        let y = rect.y + middle(row);
        if output.edge.is_none() {
            let points = vec![(right, y), (right + STUB - 4, y)];
            shapes.push(Shape::Line { points, class: "open" });
            shapes.push(Shape::Dot { at: (right + STUB - 4, y), class: "open" });
        }
        write(&mut shapes, (right - 12, y + 4), Anchor::End, Style::Code, output.label.as_str());
    }
    let tip = format!("{}\n{}{}", node.name, node.about, node.origin);
    Shape::Item(Item { devices: node.devices.clone(), wire: false, tip, shapes })
}
