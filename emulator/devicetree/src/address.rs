//! Where a node's registers are: `reg` and `ranges` (chapters 2.3.5, 2.3.6 and 2.3.8).

use crate::error::{Problem, TreeError};
use crate::property::Property;
use crate::query::NodeRef;

/// A piece of an address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub address: u64,
    /// Length in bytes; 0 where the bus has no sizes.
    pub size: u64,
}

/// One entry of `ranges`: a window in the parent's address space that shows the child's.
struct Window {
    child: u64,
    parent: u64,
    size: u64,
}

impl Window {
    fn translate(&self, region: Region) -> Option<Region> {
        let offset = region.address.checked_sub(self.child)?;
        let fits = u128::from(offset) + u128::from(region.size) <= u128::from(self.size);
        // An empty region must still begin inside the window.
        if !fits || offset >= self.size {
            return None;
        }
        Some(Region { address: self.parent.checked_add(offset)?, size: region.size })
    }
}

impl<'t> NodeRef<'t> {
    /// `reg` as the harts see it: translated through the `ranges` of every bus above. An empty list
    /// if there is no `reg`; an error if a bus above does not show its addresses to the harts.
    pub fn reg(&self) -> Result<Vec<Region>, TreeError> {
        let mut regions = self.local_reg()?;
        let mut bus = self.parent();
        while let Some(this) = bus.filter(|bus| !bus.is_root()) {
            if !regions.is_empty() {
                self.translate_through(&this, &mut regions)?;
            }
            bus = this.parent();
        }
        Ok(regions)
    }

    /// `reg` in the address space of the parent: a hart's id, a chip select, an address on a bus.
    pub fn local_reg(&self) -> Result<Vec<Region>, TreeError> {
        let (Some(reg), Some(parent)) = (self.property("reg"), self.parent()) else {
            return Ok(Vec::new());
        };
        let (address, size) = (parent.address_cells()?, parent.size_cells()?);
        let entries = entries(&reg, &[address, size])?;
        Ok(entries.iter().map(|entry| Region { address: entry[0], size: entry[1] }).collect())
    }

    /// How many cells an address of a child takes; 2 where the node does not say.
    pub fn address_cells(&self) -> Result<u32, TreeError> {
        self.cell_count("#address-cells", 2)
    }

    /// How many cells a size of a child takes; 1 where the node does not say.
    pub fn size_cells(&self) -> Result<u32, TreeError> {
        self.cell_count("#size-cells", 1)
    }

    pub(crate) fn cell_count(&self, name: &str, default: u32) -> Result<u32, TreeError> {
        let Some(property) = self.property(name) else { return Ok(default) };
        match property.u32()? {
            // The specification sets no bound; a hostile one must not make us multiply beyond sense.
            count @ 0..=8 => Ok(count),
            count => Err(property.error(Problem::CellCount(count))),
        }
    }

    fn translate_through(
        &self,
        bus: &NodeRef<'t>,
        regions: &mut [Region],
    ) -> Result<(), TreeError> {
        let Some(ranges) = bus.property("ranges") else {
            return Err(self.error("reg", Problem::NotMapped(bus.path())));
        };
        if ranges.bytes().is_empty() {
            return Ok(());
        }
        let Some(parent) = bus.parent() else { return Ok(()) };
        let widths = [bus.address_cells()?, parent.address_cells()?, bus.size_cells()?];
        let windows: Vec<Window> = entries(&ranges, &widths)?
            .iter()
            .map(|entry| Window { child: entry[0], parent: entry[1], size: entry[2] })
            .collect();
        for region in regions {
            let translated = windows.iter().find_map(|window| window.translate(*region));
            *region = translated.ok_or_else(|| {
                let end = u128::from(region.address) + u128::from(region.size);
                let address = region.address;
                self.error("reg", Problem::OutsideRanges { address, end, bus: bus.path() })
            })?;
        }
        Ok(())
    }
}

/// Cuts a property into entries of numbers with the given widths in cells.
fn entries<const N: usize>(
    property: &Property<'_>,
    widths: &[u32; N],
) -> Result<Vec<[u64; N]>, TreeError> {
    let cells = property.u32s()?;
    let width = widths.iter().sum::<u32>() as usize;
    if width == 0 || cells.len() % width != 0 {
        let parts: Vec<String> = widths.iter().map(u32::to_string).collect();
        return Err(property.length(format!("entries of {} cells", parts.join(" + "))));
    }
    let mut entries = Vec::with_capacity(cells.len() / width);
    for mut cells in cells.chunks_exact(width) {
        let mut entry = [0; N];
        for (value, &width) in entry.iter_mut().zip(widths) {
            let (number, rest) = cells.split_at(width as usize);
            cells = rest;
            for &cell in number {
                if *value >> 32 != 0 {
                    return Err(property.error(Problem::TooWide(width)));
                }
                *value = *value << 32 | u64::from(cell);
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}
