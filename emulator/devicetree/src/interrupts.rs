//! Where a node's interrupts go: `interrupts` and `interrupts-extended` (chapter 2.4.1).
//!
//! An interrupt nexus (`interrupt-map`, chapter 2.4.3) is not translated: a specifier that goes to
//! one is reported with the nexus as its controller.

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
            return extended_list(&extended, phandles);
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
            0 => Ok(list),
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

    /// How many cells a specifier for this controller has; `asking` is the property to blame.
    fn interrupt_cells(&self, asking: &Property<'t>) -> Result<usize, TreeError> {
        match self.cell_count("#interrupt-cells", 0)? {
            0 => Err(asking.error(Problem::NotAController(self.path()))),
            count => Ok(count as usize),
        }
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
