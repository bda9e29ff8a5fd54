//! Where a node's interrupts go: `interrupts` and `interrupts-extended` (chapter 2.4.1), through any
//! number of nexuses (`interrupt-map`, chapter 2.4.3).

use crate::error::{Problem, TreeError};
use crate::property::Property;
use crate::query::{NodeRef, Phandles};

/// One interrupt of a node: the controller it goes to and the specifier in that controller's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupt<'t> {
    /// The controller.
    pub controller: NodeRef<'t>,
    /// The specifier: as many cells as the controller's `#interrupt-cells` says.
    pub cells: Vec<u32>,
}

impl<'t> NodeRef<'t> {
    /// The interrupts in order. As the specification says, `interrupts-extended` wins over
    /// `interrupts` where a node has both. An empty list if it has neither.
    pub fn interrupts(&self, phandles: &Phandles<'t>) -> Result<Vec<Interrupt<'t>>, TreeError> {
        if let Some(extended) = self.property("interrupts-extended") {
            let list = extended_list(&extended, phandles)?;
            return self.through_nexuses(list, &extended, phandles);
        }
        let Some(interrupts) = self.property("interrupts") else { return Ok(Vec::new()) };
        let Some(controller) = self.interrupt_parent(phandles)? else {
            return Err(interrupts.error(Problem::NoInterruptParent));
        };
        let width = controller.interrupt_cells(&interrupts)?;
        let cells = interrupts.u32s()?;
        let mut specifiers = cells.chunks_exact(width);
        let list: Vec<_> = (&mut specifiers)
            .map(|cells| Interrupt { controller: controller.clone(), cells: cells.to_vec() })
            .collect();
        match specifiers.remainder().len() {
            0 => self.through_nexuses(list, &interrupts, phandles),
            left => Err(interrupts.error(Problem::CutEntry {
                left,
                needed: width,
                controller: controller.path(),
            })),
        }
    }

    /// The node that `interrupts` of this node speaks to: the one named by the nearest
    /// `interrupt-parent` here or above, or the nearest node above that takes interrupts.
    pub fn interrupt_parent(
        &self,
        phandles: &Phandles<'t>,
    ) -> Result<Option<NodeRef<'t>>, TreeError> {
        let mut place = self.clone();
        loop {
            if let Some(named) = place.property("interrupt-parent") {
                let phandle = named.u32()?;
                let missing = || named.error(Problem::NoSuchPhandle(phandle));
                return phandles.get(phandle).cloned().ok_or_else(missing).map(Some);
            }
            match place.parent() {
                None => return Ok(None),
                Some(parent) if parent.has("#interrupt-cells") => return Ok(Some(parent)),
                Some(parent) => place = parent,
            }
        }
    }

    /// Follows interrupts of this node to controllers that are no nexus.
    fn through_nexuses(
        &self,
        list: Vec<Interrupt<'t>>,
        asking: &Property<'t>,
        phandles: &Phandles<'t>,
    ) -> Result<Vec<Interrupt<'t>>, TreeError> {
        let unit = |width: usize| -> Vec<u32> {
            let cells = self.property("reg").and_then(|reg| reg.u32s().ok()).unwrap_or_default();
            (0..width).map(|cell| cells.get(cell).copied().unwrap_or(0)).collect()
        };
        list.into_iter()
            .map(|interrupt| Route { interrupt, unit: None }.follow(&unit, asking, phandles))
            .collect()
    }

    /// Where the pins of the first device on a PCI bus lead (IEEE 1275, PCI Bus Binding), of the bridge
    /// to it; none where it has no `interrupt-map`.
    pub fn pins(&self, phandles: &Phandles<'t>) -> Result<Vec<Interrupt<'t>>, TreeError> {
        const PINS: std::ops::RangeInclusive<u32> = 1..=4;
        let Some(map) = self.property("interrupt-map") else { return Ok(Vec::new()) };
        let route = |pin| Route {
            interrupt: Interrupt { controller: self.clone(), cells: vec![pin] },
            unit: Some(Vec::new()),
        };
        PINS.map(|pin| route(pin).follow(&|_| Vec::new(), &map, phandles)).collect()
    }

    /// How many cells a specifier for this controller has; `asking` is the property to blame.
    fn interrupt_cells(&self, asking: &Property<'t>) -> Result<usize, TreeError> {
        match self.cell_count("#interrupt-cells", 0)? {
            0 => Err(asking.error(Problem::NotAController(self.path()))),
            count => Ok(count as usize),
        }
    }
}

/// From how many nexuses in a row on a tree is taken to lead in a circle.
const MOST_NEXUSES: usize = 16;

/// An interrupt on its way: where it has come to, with the unit address that it has there.
struct Route<'t> {
    interrupt: Interrupt<'t>,
    /// None at the first nexus, where it is the node's own.
    unit: Option<Vec<u32>>,
}

impl<'t> Route<'t> {
    /// Goes on to the controller that is no nexus.
    fn follow(
        mut self,
        own_unit: &impl Fn(usize) -> Vec<u32>,
        asking: &Property<'t>,
        phandles: &Phandles<'t>,
    ) -> Result<Interrupt<'t>, TreeError> {
        for _ in 0..MOST_NEXUSES {
            let Some(map) = self.interrupt.controller.property("interrupt-map") else {
                return Ok(self.interrupt);
            };
            self = self.next(&map, own_unit, asking, phandles)?;
        }
        Err(asking.error(Problem::TooManyNexuses(MOST_NEXUSES)))
    }

    /// What the nexus that it has come to makes of it.
    fn next(
        &self,
        map: &Property<'t>,
        own_unit: &impl Fn(usize) -> Vec<u32>,
        asking: &Property<'t>,
        phandles: &Phandles<'t>,
    ) -> Result<Self, TreeError> {
        let (nexus, specifier) = (&self.interrupt.controller, &self.interrupt.cells);
        // Where a nexus says nothing of addresses, none count: 2 is the default for buses only.
        let unit_cells = nexus.cell_count("#address-cells", 0)? as usize;
        let mut wanted = self.unit.clone().unwrap_or_else(|| own_unit(unit_cells));
        wanted.resize(unit_cells, 0);
        wanted.extend(specifier);
        let mask = match nexus.property("interrupt-map-mask") {
            Some(mask) => mask.u32s()?,
            None => Vec::new(),
        };
        let alike = |entry: &[u32]| {
            let masks = mask.iter().copied().chain(std::iter::repeat(u32::MAX));
            entry.iter().zip(&wanted).zip(masks).all(|((a, b), mask)| a & mask == b & mask)
        };
        let cells = map.u32s()?;
        let mut rest = cells.as_slice();
        let cut = |left: usize, needed: usize| {
            map.error(Problem::CutEntry { left, needed, controller: nexus.path() })
        };
        while !rest.is_empty() {
            let (child, after) =
                rest.split_at_checked(wanted.len()).ok_or_else(|| cut(rest.len(), wanted.len()))?;
            let (&phandle, after) = after.split_first().ok_or_else(|| cut(0, 1))?;
            let parent = phandles.get(phandle);
            let parent = parent.ok_or_else(|| map.error(Problem::NoSuchPhandle(phandle)))?;
            let unit_cells = parent.cell_count("#address-cells", 0)? as usize;
            let width = unit_cells + parent.interrupt_cells(map)?;
            let (target, after) =
                after.split_at_checked(width).ok_or_else(|| cut(after.len(), width))?;
            if alike(child) {
                let (unit, cells) = target.split_at(unit_cells);
                let interrupt = Interrupt { controller: parent.clone(), cells: cells.to_vec() };
                return Ok(Self { interrupt, unit: Some(unit.to_vec()) });
            }
            rest = after;
        }
        let specifier = specifier.clone();
        Err(asking.error(Problem::NotInMap { specifier, nexus: nexus.path() }))
    }
}

fn extended_list<'t>(
    property: &Property<'t>,
    phandles: &Phandles<'t>,
) -> Result<Vec<Interrupt<'t>>, TreeError> {
    let cells = property.u32s()?;
    let mut cells = cells.as_slice();
    let mut list = Vec::new();
    while let Some((&phandle, rest)) = cells.split_first() {
        let controller = phandles.get(phandle);
        let controller =
            controller.ok_or_else(|| property.error(Problem::NoSuchPhandle(phandle)))?;
        let width = controller.interrupt_cells(property)?;
        let Some((specifier, rest)) = rest.split_at_checked(width) else {
            let (left, controller) = (rest.len(), controller.path());
            return Err(property.error(Problem::CutEntry { left, needed: width, controller }));
        };
        list.push(Interrupt { controller: controller.clone(), cells: specifier.to_vec() });
        cells = rest;
    }
    Ok(list)
}
