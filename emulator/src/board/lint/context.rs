//! What rules look at, computed once: each part in time that is linear in the board, but for sorting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use boardwright_riscv::{CpuModel, Modes};
use qapi_runtime::QmpError;

use crate::backends::host::Host;
use crate::board::compare::compare;
use crate::board::{Board, Device, Mapping, Name, Object, PortRef, Span, View};
use crate::boot::{self, Facts};
use crate::devices::{self, LineUse, Port, PortDirection, Region, RegionKind, cpu};
use crate::qapi::{DeviceTreeDifference, DeviceTreeDisagreement, DeviceTreeSide};

/// Supervisor software, timer and external interrupt (privileged architecture, section 3.1.9).
const SUPERVISOR_CAUSES: [u32; 3] = [1, 5, 9];

/// A device with what its driver declares.
pub(super) struct Known<'a> {
    pub(super) device: &'a Arc<Device>,
    pub(super) regions: Vec<Region>,
    pub(super) ports: Vec<Port>,
}

impl Known<'_> {
    /// Its outputs and what each of them is for.
    pub(super) fn outputs(&self) -> impl Iterator<Item = (PortRef, LineUse)> {
        self.lines(PortDirection::Output)
    }

    /// Its lines of one direction; of the first of its children, where it has any.
    pub(super) fn lines(
        &self,
        direction: PortDirection,
    ) -> impl Iterator<Item = (PortRef, LineUse)> {
        let ports = (0..).zip(&self.ports).filter(move |(_, port)| port.direction == direction);
        ports.flat_map(move |(index, port)| {
            (0..port.count).map(move |line| {
                let device = self.device.name.clone();
                let place = PortRef { device, unit: 0, port: index, line };
                (place, self.device.driver().line_use(port, line))
            })
        })
    }

    /// Whether devices send their interrupts to it.
    pub(super) fn is_controller(&self) -> bool {
        let driver = self.device.driver();
        driver.units().is_none() && driver.interrupt_specifier(1).is_some()
    }
}

/// A hart.
pub(super) struct Hart<'a> {
    pub(super) array: &'a Arc<Device>,
    pub(super) unit: u32,
    pub(super) id: u64,
    pub(super) cpu: Option<Arc<CpuModel>>,
    /// Where it starts, if the board says so, and what says it.
    pub(super) start: Option<(u64, StartSource)>,
}

impl Hart<'_> {
    pub(super) fn path(&self) -> String {
        Object::Unit(self.array.clone(), self.unit).path()
    }

    pub(super) fn input(&self, cause: u32) -> PortRef {
        PortRef { device: self.array.name.clone(), unit: self.unit, port: 0, line: cause }
    }

    /// Whether it can be interrupted for a cause.
    pub(super) fn takes(&self, cause: u32) -> bool {
        let supervisor = self.cpu.as_ref().is_none_or(|cpu| cpu.modes == Modes::Msu);
        supervisor || !SUPERVISOR_CAUSES.contains(&cause)
    }
}

/// What says where a hart starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StartSource {
    /// A device such as a loader.
    Device,
    /// The reset vector of its array.
    ResetVector,
    /// Firmware or kernel.
    Software,
}

/// An image and what has put it onto the board.
pub(super) struct Image {
    pub(super) facts: Facts,
    /// The device that loads it, if it is not the machine itself.
    pub(super) device: Option<Arc<Device>>,
    /// The hart that starts in it, by its number on the board.
    pub(super) hart: Option<usize>,
}

/// What stands at an address.
pub(super) enum Seen<'a> {
    Nothing,
    Memory { writable: bool },
    Registers(&'a Device),
}

/// The mappings that stand in the same: the harts' address space, or a region.
pub(super) struct Layer {
    pub(super) view: View,
    /// Sums of the priorities of what is seen, one more than there are spans.
    priorities: Vec<i128>,
}

impl Layer {
    fn new(mappings: Vec<Mapping>) -> Self {
        let view = View::of_neighbours(mappings);
        let mut priorities = vec![0];
        let mut sum = 0;
        for span in &view.spans {
            sum += i128::from(view.mappings[span.mapping].priority);
            priorities.push(sum);
        }
        Self { view, priorities }
    }

    /// The first addresses of a mapping at which one of higher priority is seen, and that one.
    pub(super) fn first_above(&self, mapping: &Mapping) -> Option<(&Span, &Mapping)> {
        let spans = &self.view.spans;
        let first = spans.partition_point(|span| span.last < mapping.addr);
        let mut end = spans.partition_point(|span| span.first <= mapping.last());
        // Nothing of lower priority is seen where this mapping is: so the sum tells whether all
        // spans up to one are of its own.
        let own = i128::from(mapping.priority);
        let is_own = |place: usize| {
            let count = i128::try_from(place - first).unwrap_or(0);
            self.priorities[place] - self.priorities[first] == own * count
        };
        let mut begin = first;
        while begin < end {
            let middle = begin + (end - begin) / 2;
            if is_own(middle + 1) {
                begin = middle + 1;
            } else {
                end = middle;
            }
        }
        let span = spans.get(begin).filter(|span| span.first <= mapping.last())?;
        Some((span, &self.view.mappings[span.mapping]))
    }
}

/// The board, looked at once.
pub(super) struct Context<'a> {
    pub(super) board: &'a Board,
    /// The host with its back ends, where it is known.
    pub(super) host: Option<&'a Host>,
    /// In the order of their creation.
    pub(super) devices: Vec<Known<'a>>,
    places: HashMap<&'a Name, usize>,
    /// The places of those that devices send their interrupts to.
    controllers: Vec<usize>,
    pub(super) view: View,
    /// How many bytes of each mapping are seen.
    pub(super) visible: Vec<u128>,
    /// The harts' address space, and each region with something in it.
    pub(super) layers: Vec<Layer>,
    pub(super) harts: Vec<Hart<'a>>,
    by_id: HashMap<u64, usize>,
    /// By input, the output that drives it.
    pub(super) drivers: HashMap<&'a PortRef, &'a PortRef>,
    /// For which causes of which harts there are outputs, wired or not.
    pub(super) aimed: HashSet<(u64, u32)>,
    pub(super) images: Vec<Image>,
    /// Files that cannot be read: why, and whose they are.
    pub(super) unreadable: Vec<(String, Option<Arc<Device>>)>,
    /// The path of the tree that the guest is given, and in what it differs.
    tree: OnceLock<Option<(String, Vec<DeviceTreeDifference>)>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(board: &'a Board, host: Option<&'a Host>) -> Self {
        let devices: Vec<Known<'a>> = board
            .devices()
            .map(|device| {
                let driver = device.driver();
                Known { device, regions: driver.regions(), ports: driver.ports() }
            })
            .collect();
        let places =
            (0..).zip(&devices).map(|(place, known)| (&known.device.name, place)).collect();
        let controllers = (0..).zip(&devices).filter(|(_, known)| known.is_controller());
        let controllers = controllers.map(|(place, _)| place).collect();
        let view = board.view();
        let mut visible = vec![0; view.mappings.len()];
        for span in &view.spans {
            visible[span.mapping] += u128::from(span.last - span.first) + 1;
        }
        let mut layers: BTreeMap<_, Vec<Mapping>> = BTreeMap::new();
        for mapping in &view.mappings {
            layers.entry(mapping.parent.clone()).or_default().push(mapping.clone());
        }
        let layers = layers.into_values().map(Layer::new).collect();
        let harts = harts(&devices);
        let by_id = (0..).zip(&harts).map(|(place, hart)| (hart.id, place)).collect();
        let drivers = board.wires().map(|(output, input)| (input, output)).collect();
        let aimed =
            devices.iter().flat_map(|known| known.outputs()).filter_map(|(_, line)| match line {
                LineUse::Hart { hartid, cause } => Some((hartid, cause)),
                _ => None,
            });
        let aimed = aimed.collect();
        let mut context = Self {
            board,
            host,
            devices,
            places,
            controllers,
            view,
            visible,
            layers,
            harts,
            by_id,
            drivers,
            aimed,
            images: Vec::new(),
            unreadable: Vec::new(),
            tree: OnceLock::new(),
        };
        context.read_software();
        context
    }

    /// The tree that the guest is given instead of one that is made from the board, by its path, and
    /// what in it is not so.
    pub(super) fn tree(&self) -> Option<&(String, Vec<DeviceTreeDifference>)> {
        let compared = || {
            let machine = &self.board.machine;
            let template = crate::machines::template(machine.type_.tag());
            let path = machine.dtb.as_deref().filter(|_| !template.built_from_tree())?;
            let tree = boot::tree::read(path).ok()?;
            let mut found = compare(&tree, self.board).ok()?;
            // A tree that leaves something out tells no lie.
            found.retain(|one| {
                one.side != DeviceTreeSide::Board || one.kind == DeviceTreeDisagreement::Hart
            });
            Some((path.into(), found))
        };
        self.tree.get_or_init(compared).as_ref()
    }

    /// The images, and where they let harts start.
    fn read_software(&mut self) {
        let from_loaders: Vec<_> = self
            .devices
            .iter()
            .map(|known| known.device)
            .map(|device| (device, device.driver().software(), device.driver().start()))
            .collect();
        let mut starts = HashMap::new();
        for (device, software, start) in from_loaders {
            let hart = start.ok().flatten().map(|start| {
                starts.insert(start.hart as usize, start.pc);
                start.hart as usize
            });
            self.take(software.transpose(), Some(device), hart);
        }
        let width = self.harts.first().and_then(|hart| hart.cpu.as_ref());
        let width = width.map_or(64, |cpu| cpu.xlen.bits());
        let mut entry = None;
        for file in boot::files(self.board, width) {
            let facts = file.and_then(|file| file.facts());
            if let Ok(facts) = &facts {
                entry = entry.or(facts.entry);
            }
            self.take(Some(facts.map_err(QmpError::from)), None, None);
        }
        for (place, hart) in (0..).zip(&mut self.harts) {
            let reset = hart.array.driver().reset_vector();
            hart.start = starts
                .get(&place)
                .map(|pc| (*pc, StartSource::Device))
                .or(reset.map(|pc| (pc, StartSource::ResetVector)))
                .or(entry.map(|pc| (pc, StartSource::Software)));
        }
    }

    fn take(
        &mut self,
        software: Option<Result<Facts, QmpError>>,
        device: Option<&Arc<Device>>,
        hart: Option<usize>,
    ) {
        let device = device.cloned();
        match software {
            Some(Ok(facts)) => self.images.push(Image { facts, device, hart }),
            Some(Err(error)) => self.unreadable.push((error.desc, device)),
            None => {}
        }
    }

    /// The device of a name.
    pub(super) fn known(&self, name: &Name) -> Option<&Known<'a>> {
        self.devices.get(*self.places.get(name)?)
    }

    /// The device of a mapping, and the region.
    pub(super) fn mapped(&self, mapping: &Mapping) -> Option<(&Known<'a>, &Region)> {
        let known = self.known(&mapping.device)?;
        Some((known, known.regions.get(mapping.region as usize)?))
    }

    /// What kind of region a mapping shows.
    pub(super) fn kind(&self, mapping: &Mapping) -> Option<RegionKind> {
        self.mapped(mapping).map(|(_, region)| region.kind)
    }

    /// Whether a mapping shows a placeholder.
    pub(super) fn is_placeholder(&self, mapping: &Mapping) -> bool {
        self.known(&mapping.device).is_some_and(|known| known.device.driver().is_placeholder())
    }

    /// The hart of an id.
    pub(super) fn hart(&self, id: u64) -> Option<&Hart<'a>> {
        self.harts.get(*self.by_id.get(&id)?)
    }

    /// Whether an input does anything.
    pub(super) fn is_live(&self, input: &PortRef) -> bool {
        let place = self.known(&input.device).and_then(|known| known.device.driver().units());
        let hart = place.and_then(|units| self.hart(units.first_hartid + u64::from(input.unit)));
        let takes = hart.is_none_or(|hart| input.port != 0 || hart.takes(input.line));
        takes && self.line_use(input) != LineUse::Nothing
    }

    /// What a line is for.
    pub(super) fn line_use(&self, place: &PortRef) -> LineUse {
        self.known(&place.device)
            .and_then(|known| {
                let port = known.ports.get(place.port as usize)?;
                Some(known.device.driver().line_use(port, place.line))
            })
            .unwrap_or(LineUse::Nothing)
    }

    /// The controllers that devices send their interrupts to.
    pub(super) fn controllers(&self) -> impl Iterator<Item = &Known<'a>> {
        self.controllers.iter().filter_map(|place| self.devices.get(*place))
    }

    /// Where among the spans an address would be.
    fn span_place(&self, addr: u64) -> usize {
        self.view.spans.partition_point(|span| span.last < addr)
    }

    /// What is seen at an address.
    pub(super) fn span_at(&self, addr: u64) -> Option<&Span> {
        self.view.spans.get(self.span_place(addr)).filter(|span| span.first <= addr)
    }

    /// What kind of thing stands at an address.
    pub(super) fn seen(&self, addr: u64) -> Seen<'_> {
        let Some(span) = self.span_at(addr) else { return Seen::Nothing };
        match self.mapped(&self.view.mappings[span.mapping]) {
            Some((_, region)) if region.kind == RegionKind::Ram => Seen::Memory { writable: true },
            Some((_, region)) if matches!(region.kind, RegionKind::Rom | RegionKind::Flash) => {
                Seen::Memory { writable: false }
            }
            Some((known, _)) => Seen::Registers(known.device),
            None => Seen::Nothing,
        }
    }

    /// The first of some addresses at which no memory is seen.
    pub(super) fn hole(&self, first: u64, last: u64) -> Option<u64> {
        let mut at = first;
        for span in self.view.spans.iter().skip(self.span_place(first)) {
            let memory = self.kind(&self.view.mappings[span.mapping]) != Some(RegionKind::Io);
            if span.first > at || !memory {
                return Some(at);
            }
            if span.last >= last {
                return None;
            }
            at = span.last + 1;
        }
        Some(at)
    }

    /// The command that wires an output to an input.
    pub(super) fn wire(
        &self,
        output: &PortRef,
        input: Option<&PortRef>,
    ) -> (String, String, String) {
        let path = self.short_port(output);
        let (object, property) = path.rsplit_once('/').unwrap_or((&path, ""));
        let value = input.map_or_else(String::new, |input| self.short_port(input));
        (object.into(), property.into(), value)
    }

    /// A port, as one would type it.
    pub(super) fn short_port(&self, port: &PortRef) -> String {
        short(&self.board.port_path(port))
    }

    /// An id that no device has.
    pub(super) fn free_id(&self, wanted: &str) -> String {
        let taken = |id: &String| self.board.device(id).is_some();
        let numbered = (1_u32..).map(|number| format!("{wanted}{number}"));
        std::iter::once(wanted.to_string())
            .chain(numbered)
            .find(|id| !taken(id))
            .unwrap_or_else(|| wanted.into())
    }
}

fn harts<'a>(devices: &[Known<'a>]) -> Vec<Hart<'a>> {
    let mut harts = Vec::new();
    for Known { device, .. } in devices {
        let Some(units) = device.driver().units() else { continue };
        // Most harts are like the one before.
        let mut last: Option<Arc<CpuModel>> = None;
        let mut cpu = |unit| {
            let cpu = cpu::of_unit(&device.options, unit);
            if last.as_deref() != cpu.as_ref() {
                last = cpu.map(Arc::new);
            }
            last.clone()
        };
        harts.extend((0..units.count).map(|unit| Hart {
            array: device,
            unit,
            id: units.first_hartid + u64::from(unit),
            cpu: cpu(unit),
            start: None,
        }));
    }
    harts
}

/// A path without what goes without saying.
pub(super) fn short(path: &str) -> String {
    let homes = ["/machine/peripheral/", "/machine/peripheral-anon/"];
    let short = homes.iter().find_map(|home| path.strip_prefix(home)).unwrap_or(path);
    // A device may be called like one of the containers.
    let first = short.split('/').next().unwrap_or_default();
    match first {
        "machine" | "peripheral" | "peripheral-anon" => path.into(),
        _ => short.into(),
    }
}

/// Whether a driver has a property.
pub(super) fn has_property(device: &Device, name: &str) -> bool {
    devices::properties(device.kind()).iter().any(|member| member.name == name)
}

/// Addresses that nothing has, each given out once.
pub(super) struct Free<'c> {
    spans: std::iter::Peekable<std::slice::Iter<'c, Span>>,
    at: u64,
}

impl<'c> Free<'c> {
    /// From an address on.
    pub(super) fn from(context: &'c Context<'_>, at: u64) -> Self {
        let first = context.span_place(at);
        Self { spans: context.view.spans[first..].iter().peekable(), at }
    }

    /// A place for a region, at a multiple of its size.
    pub(super) fn take(&mut self, size: u64) -> Option<u64> {
        let step = size.checked_next_power_of_two()?.max(0x1000);
        loop {
            let addr = self.at.checked_next_multiple_of(step)?;
            let last = addr.checked_add(size - 1)?;
            match self.spans.peek() {
                Some(span) if span.first <= last => {
                    self.at = self.at.max(span.last.checked_add(1)?);
                    self.spans.next();
                }
                _ => {
                    self.at = last.checked_add(1)?;
                    return Some(addr);
                }
            }
        }
    }
}
