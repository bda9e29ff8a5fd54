//! Who interrupts whom: devices and harts in columns by their distance from the harts, equal ones
//! as one node, the wires between two nodes as one edge.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::board::draw::scene::{self, Scene};
use crate::board::draw::text;
use crate::devices::cpu;
use crate::devices::{Port, PortDirection};
use crate::qapi::DeviceDriver;

/// The most columns left of the harts: a chain of more is folded.
const MOST_COLUMNS: usize = 6;

/// A device, a hart, or several equal ones.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) about: String,
    /// Where it came from, if it is one device: a line.
    pub(super) origin: String,
    /// The devices' numbers.
    pub(super) devices: Vec<u32>,
    pub(super) hart: bool,
    /// How many columns it stands left of the harts.
    pub(super) column: usize,
    /// In the order of their numbers.
    pub(super) inputs: Vec<Row>,
    pub(super) outputs: Vec<Row>,
}

/// A line of a node: ports with one edge, or without any.
#[derive(Debug)]
pub(super) struct Row {
    /// The first of its lines.
    line: u32,
    pub(super) label: String,
    /// The edge's number, if there is one.
    pub(super) edge: Option<usize>,
}

/// Wires from one node to another.
#[derive(Debug)]
pub(super) struct Edge {
    /// The node that drives.
    pub(super) from: usize,
    /// The node that is driven.
    pub(super) to: usize,
    /// How many wires it stands for.
    pub(super) wires: usize,
    pub(super) class: &'static str,
    pub(super) tip: String,
}

/// Nodes, and edges between them.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
}

/// What has ports: a device, or a child of one.
struct Part {
    device: u32,
    unit: u32,
    hart: bool,
    ports: Vec<Port>,
}

/// A wire between parts.
struct Wire {
    from: usize,
    port: u32,
    line: u32,
    to: usize,
    to_port: u32,
    to_line: u32,
}

impl Wire {
    /// The input that harts tell apart; of other devices all lines of a port are alike.
    fn cause(&self, parts: &[Part]) -> u32 {
        if parts[self.to].hart { self.to_line } else { u32::MAX }
    }
}

/// Reads the net off a board.
pub(super) fn net(scene: &Scene<'_>) -> Net {
    let (parts, wires) = collect(scene);
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut into: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    for (index, wire) in wires.iter().enumerate() {
        out[wire.from].push(index);
        into[wire.to].push(index);
    }
    let columns = columns(&parts, &wires, &out, &into);
    let groups = groups(scene, &parts, &wires, &out, &into, &columns);
    build(scene, &parts, &wires, &groups, &columns)
}

fn collect(scene: &Scene<'_>) -> (Vec<Part>, Vec<Wire>) {
    let mut parts = Vec::new();
    let mut first = HashMap::new();
    for (number, device) in (0_u32..).zip(&scene.devices) {
        let (ports, units) = (device.driver().ports(), device.driver().units());
        if ports.iter().all(|port| port.count == 0) {
            continue;
        }
        first.insert(device.name.clone(), parts.len());
        let hart = units.is_some();
        for unit in 0..units.map_or(1, |units| units.count) {
            parts.push(Part { device: number, unit, hart, ports: ports.clone() });
        }
    }
    let find = |port: &crate::board::PortRef| {
        first.get(&port.device).map(|first| first + port.unit as usize)
    };
    let wires = scene.board.wires().filter_map(|(from, to)| {
        Some(Wire {
            from: find(from)?,
            port: from.port,
            line: from.line,
            to: find(to)?,
            to_port: to.port,
            to_line: to.line,
        })
    });
    let wires = wires.collect();
    (parts, wires)
}

/// Harts stand in column 0, everything else one column left of the leftmost thing it drives. In a
/// ring, the part that was made first stands as if its wires into the ring were not there.
fn columns(parts: &[Part], wires: &[Wire], out: &[Vec<usize>], into: &[Vec<usize>]) -> Vec<usize> {
    let mut open: Vec<usize> = out.iter().map(Vec::len).collect();
    let mut column: Vec<Option<usize>> = vec![None; parts.len()];
    let mut ready: Vec<usize> = (0..parts.len()).filter(|part| open[*part] == 0).collect();
    let mut next = 0;
    loop {
        let part = match ready.pop() {
            Some(part) => part,
            None => match (next..parts.len()).find(|part| column[*part].is_none()) {
                Some(part) => part,
                None => break,
            },
        };
        if column[part].is_some() {
            continue;
        }
        if open[part] > 0 {
            next = part;
        }
        let driven = out[part].iter().filter_map(|wire| column[wires[*wire].to]).max();
        let at = if parts[part].hart { 0 } else { driven.map_or(1, |driven| driven + 1) };
        column[part] = Some(at.min(MOST_COLUMNS));
        for wire in &into[part] {
            let from = wires[*wire].from;
            open[from] = open[from].saturating_sub(1);
            if open[from] == 0 {
                ready.push(from);
            }
        }
    }
    // What drives nothing and is driven by nothing stands with the outermost.
    let last = column.iter().flatten().copied().max().unwrap_or(1).max(1);
    let lonely = |part: usize| !parts[part].hart && out[part].is_empty() && into[part].is_empty();
    (0..parts.len())
        .map(|part| if lonely(part) { last } else { column[part].unwrap_or(last) })
        .collect()
}

/// What makes parts equal: harts of an array that are driven alike, devices of a driver that drive
/// the same nodes.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Hart(u32, Vec<(u32, DeviceDriver)>),
    Device(DeviceDriver, Vec<(u32, usize, u32, u32)>),
}

/// The parts of each node. A column is divided when those right of it are.
fn groups(
    scene: &Scene<'_>,
    parts: &[Part],
    wires: &[Wire],
    out: &[Vec<usize>],
    into: &[Vec<usize>],
    columns: &[usize],
) -> Vec<Vec<usize>> {
    let driver = |part: usize| scene.devices[parts[part].device as usize].kind();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: Vec<usize> = vec![usize::MAX; parts.len()];
    let mut by_column: Vec<Vec<usize>> = vec![Vec::new(); MOST_COLUMNS + 1];
    for (part, column) in columns.iter().enumerate() {
        by_column[*column].push(part);
    }
    for members in by_column {
        let kind = |part: usize| {
            if parts[part].hart {
                let inputs = into[part].iter().map(|w| (wires[*w].to_line, driver(wires[*w].from)));
                let mut inputs: Vec<_> = inputs.collect();
                inputs.sort_unstable();
                return Kind::Hart(parts[part].device, inputs);
            }
            let targets = out[part].iter().map(|wire| {
                let wire = &wires[*wire];
                (wire.port, group_of[wire.to], wire.to_port, wire.cause(parts))
            });
            let mut targets: Vec<_> = targets.collect();
            targets.sort_unstable();
            targets.dedup();
            Kind::Device(driver(part), targets)
        };
        let gathered = scene::gather(members, |part| Some(kind(*part)));
        for group in gathered {
            group.iter().for_each(|part| group_of[*part] = groups.len());
            groups.push(group);
        }
    }
    groups
}

/// The lines of each port that are wired.
type Used = HashMap<(usize, u32), HashSet<u32>>;

/// The ends of an edge while it is gathered.
#[derive(Default)]
struct Ends {
    from: Vec<u32>,
    to: Vec<u32>,
}

fn build(
    scene: &Scene<'_>,
    parts: &[Part],
    wires: &[Wire],
    groups: &[Vec<usize>],
    columns: &[usize],
) -> Net {
    let mut group_of = vec![0; parts.len()];
    for (group, members) in groups.iter().enumerate() {
        members.iter().for_each(|part| group_of[*part] = group);
    }
    let mut net = Net::default();
    for members in groups {
        net.nodes.push(node(scene, parts, members, columns[members[0]]));
    }
    // Sorted by what they enter, so that inputs stand in the order of their numbers.
    let mut edges: BTreeMap<(usize, u32, u32, usize, u32), Ends> = BTreeMap::new();
    let mut used = Used::new();
    for wire in wires {
        let (from, to) = (group_of[wire.from], group_of[wire.to]);
        let ends = edges.entry((to, wire.to_port, wire.cause(parts), from, wire.port)).or_default();
        ends.from.push(wire.line);
        ends.to.push(wire.to_line);
        used.entry((wire.from, wire.port)).or_default().insert(wire.line);
    }
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_by_key(|((to, port, _, from, _), ends)| {
        (*to, *port, ends.to.iter().min().copied(), *from)
    });
    for ((to, to_port, _, from, port), ends) in edges {
        let hart = net.nodes[to].hart;
        let from_port = &parts[groups[from][0]].ports[port as usize];
        let into_port = &parts[groups[to][0]].ports[to_port as usize];
        let class = match (hart, ends.to.first()) {
            (true, Some(line)) => cause_class(*line),
            _ => "irq",
        };
        let source = lines(from_port, &ends.from);
        let target = match (hart, ends.to.first()) {
            (true, Some(line)) => cause_label(*line),
            _ => lines(into_port, &ends.to),
        };
        let tip = format!("{} {source} → {} {target}", net.nodes[from].name, net.nodes[to].name);
        let edge = Some(net.edges.len());
        net.nodes[from].outputs.push(Row {
            line: ends.from.iter().min().copied().unwrap_or(0),
            label: source,
            edge,
        });
        net.nodes[to].inputs.push(Row {
            line: ends.to.iter().min().copied().unwrap_or(0),
            label: target,
            edge,
        });
        net.edges.push(Edge { from, to, wires: ends.from.len(), class, tip });
    }
    for (group, members) in groups.iter().enumerate() {
        if net.nodes[group].hart {
            open_inputs(scene, parts, members, &mut net, group);
        } else {
            open_outputs(parts, members, &used, &mut net.nodes[group]);
        }
    }
    net
}

fn node(scene: &Scene<'_>, parts: &[Part], members: &[usize], column: usize) -> Node {
    let first = &parts[members[0]];
    let device = &scene.devices[first.device as usize];
    let part = |part: &usize| (parts[*part].device, parts[*part].unit);
    let numbers: Vec<(u32, u32)> = members.iter().map(part).collect();
    let about = match device.driver().units() {
        Some(units) => {
            let base = u32::try_from(units.first_hartid).unwrap_or(0);
            let id = |(_, unit): &(u32, u32)| base.saturating_add(*unit);
            let ids: Vec<u32> = numbers.iter().map(id).collect();
            let what = if ids.len() == 1 { "id" } else { "ids" };
            let model = cpu::of_units(&device.options).map_or("hart", |model| model.name);
            format!("{model} · {what} {}", text::runs(&ids, '–'))
        }
        None if members.len() == 1 => device.kind().to_string(),
        None => format!("{} × {}", text::count(members.len()), device.kind()),
    };
    let mut devices: Vec<u32> = numbers.iter().map(|(device, _)| *device).collect();
    devices.dedup();
    Node {
        name: scene.names(&numbers),
        about,
        origin: if members.len() == 1 { scene.origin(device.entry) } else { String::new() },
        devices,
        hart: first.hart,
        column,
        ..Node::default()
    }
}

/// Outputs that lead nowhere.
fn open_outputs(parts: &[Part], members: &[usize], used: &Used, node: &mut Node) {
    for (index, port) in (0_u32..).zip(&parts[members[0]].ports) {
        if port.direction != PortDirection::Output {
            continue;
        }
        let free = |part: usize| {
            let count = parts[part].ports.get(index as usize).map_or(0, |port| port.count);
            let taken = used.get(&(part, index));
            (0..count).filter(move |line| !taken.is_some_and(|taken| taken.contains(line)))
        };
        let label = match members {
            [only] => {
                let free: Vec<u32> = free(*only).collect();
                if free.is_empty() { String::new() } else { lines(port, &free) }
            }
            several => match several.iter().map(|part| free(*part).count()).sum() {
                0 => String::new(),
                total => format!("{} × {}", text::count(total), scene::short_name(port)),
            },
        };
        if !label.is_empty() {
            node.outputs.push(Row { line: 0, label, edge: None });
        }
    }
}

/// Inputs that every hart should have a driver for, and has not.
fn open_inputs(scene: &Scene<'_>, parts: &[Part], members: &[usize], net: &mut Net, group: usize) {
    let device = &scene.devices[parts[members[0]].device as usize];
    let Some(model) = cpu::of_units(&device.options) else { return };
    let node = &mut net.nodes[group];
    for line in cpu::usual_inputs(&model) {
        let before = node.inputs.partition_point(|row| row.line < *line);
        if node.inputs.get(before).is_none_or(|row| row.line != *line) {
            node.inputs.insert(before, Row { line: *line, label: cause_label(*line), edge: None });
        }
    }
}

/// Lines of a port, with how many of them there are when several devices have the same.
fn lines(port: &Port, numbers: &[u32]) -> String {
    let told = text::runs(numbers, '–');
    let label =
        format!("{}[{}]", scene::short_name(port), text::fit_list(text::Style::Code, &told, 100));
    let mut distinct = numbers.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    match distinct.len() == numbers.len() {
        true => label,
        false => format!("{label} × {}", text::count(numbers.len())),
    }
}

fn cause_label(line: u32) -> String {
    match cpu::input_name(line) {
        // The interrupt, of which the bit `msip` tells that it is pending: MSI.
        Some(bit) => format!("{line} {}", bit.trim_end_matches('p').to_ascii_uppercase()),
        None => format!("in[{line}]"),
    }
}

fn cause_class(line: u32) -> &'static str {
    match cpu::input_name(line) {
        Some("msip" | "ssip") => "msi",
        Some("mtip" | "stip") => "mti",
        Some("seip") => "sei",
        Some("meip") => "mei",
        _ => "irq",
    }
}
