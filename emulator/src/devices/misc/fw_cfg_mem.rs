//! `fw_cfg_mem`: what a machine tells its firmware (QEMU, docs/specs/fw_cfg.rst): items that are
//! selected by a number and read byte by byte or by DMA; those with names are files, which item 0x19
//! lists.
//!
//! Selector and DMA address are big-endian; data are bytes in their order, however many are read
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use boardwright_devicetree::Node;
use boardwright_riscv::{Bus as _, Requester};
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::boot::Loaded;
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Region};
use crate::machine::unmodelled::{Block, requester};
use crate::machine::{AddressSpace, BusAccess, Line, Site};
use crate::qapi::{DeviceOptionsDriver, FwCfgFile, FwCfgMemProperties};

/// Offsets of the registers, and the size of all.
const DATA: u64 = 0x00;
const SELECTOR: u64 = 0x08;
const DMA: u64 = 0x10;
const DMA_LOW: u64 = 0x14;
const SIZE: u64 = 0x18;
/// What the DMA address register reads as.
const DMA_SIGNATURE: &[u8; 8] = b"QEMU CFG";

/// Numbers of items.
mod item {
    pub(super) const SIGNATURE: u16 = 0x00;
    pub(super) const ID: u16 = 0x01;
    pub(super) const RAM_SIZE: u16 = 0x03;
    pub(super) const NOGRAPHIC: u16 = 0x04;
    pub(super) const NB_CPUS: u16 = 0x05;
    pub(super) const MAX_CPUS: u16 = 0x0f;
    pub(super) const FILE_DIR: u16 = 0x19;
    pub(super) const FILE_FIRST: u16 = 0x20;
}

/// `ID`: there is the traditional interface, and DMA.
const FEATURES: u32 = 1 << 1 | 1;
/// Bits of the word that a DMA begins with.
const ERROR: u32 = 1;
const READ: u32 = 1 << 1;
const SKIP: u32 = 1 << 2;
const SELECT: u32 = 1 << 3;
const WRITE: u32 = 1 << 4;
/// What of the selector is an item's number; the rest says how it would be written.
const NUMBER: u16 = 0x3fff;
/// Bytes of a file's name, its terminator included, and the most files that numbers are left for.
const NAME_SIZE: usize = 56;
const MOST_FILES: usize = (NUMBER - item::FILE_FIRST) as usize;

impl Defaults for FwCfgMemProperties {
    fn defaults() -> Self {
        Self { files: None }
    }
}

impl FwCfgMemProperties {
    fn files(&self) -> &[FwCfgFile] {
        self.files.as_deref().unwrap_or_default()
    }
}

/// What is in a file.
fn contents(file: &FwCfgFile) -> Result<Vec<u8>, QmpError> {
    match (&file.file, &file.string) {
        (None, Some(text)) => Ok(text.as_bytes().to_vec()),
        (Some(path), None) => match Loaded::read(Path::new(path), 0, true) {
            Ok(loaded) => Ok(loaded.images.into_iter().flat_map(|image| image.bytes).collect()),
            Err(error) => Err(error.into()),
        },
        _ => Err(QmpError::generic(format!(
            "fw_cfg '{}': expected either 'file' or 'string'",
            file.name
        ))),
    }
}

impl Driver for FwCfgMemProperties {
    fn check(&self) -> Result<(), QmpError> {
        let mut names = BTreeSet::new();
        for file in self.files() {
            let length = file.name.len();
            if length == 0 || length >= NAME_SIZE || file.name.contains('\0') {
                return Err(QmpError::generic(format!(
                    "fw_cfg '{}': a name has 1 to {} bytes, not {length}",
                    file.name,
                    NAME_SIZE - 1
                )));
            }
            if !names.insert(&file.name) {
                return Err(QmpError::generic(format!(
                    "fw_cfg '{}': there is one of that name already",
                    file.name
                )));
            }
            contents(file)?;
        }
        if names.len() > MOST_FILES {
            return Err(QmpError::generic(format!(
                "fw_cfg: there are more than {MOST_FILES} files"
            )));
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("fwcfg", SIZE)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["qemu,fw-cfg-mmio"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::FwCfgMem(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        Some(place.bus_node("fw-cfg", &["qemu,fw-cfg-mmio"])?.with_flag("dma-coherent"))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let harts = u16::try_from(site.board.harts().len()).unwrap_or(u16::MAX);
        let memory = crate::boot::main_memory(site.board);
        let memory = memory.map_or(0, |(first, last)| (last - first).saturating_add(1));
        let mut items = Items::default();
        items.add(item::SIGNATURE, b"QEMU");
        items.add(item::ID, &FEATURES.to_le_bytes());
        items.add(item::RAM_SIZE, &memory.to_le_bytes());
        items.add(item::NOGRAPHIC, &1_u16.to_le_bytes());
        items.add(item::NB_CPUS, &harts.to_le_bytes());
        items.add(item::MAX_CPUS, &harts.to_le_bytes());
        let mut files = Vec::new();
        for file in self.files() {
            files.push((file.name.as_str(), contents(file)?));
        }
        items.add_files(files);
        Ok(Built::device(Arc::new(FwCfg {
            chip: Chip::new(State::default(), Vec::new()),
            items,
            bus: site.bus.clone(),
            block: site.block(),
        })))
    }
}

/// What can be read, by number.
#[derive(Default)]
struct Items(BTreeMap<u16, Vec<u8>>);

impl Items {
    fn add(&mut self, number: u16, bytes: &[u8]) {
        self.0.insert(number, bytes.to_vec());
    }

    /// Adds files, and the list of them: sorted by name.
    fn add_files(&mut self, mut files: Vec<(&str, Vec<u8>)>) {
        files.sort();
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let mut list = count.to_be_bytes().to_vec();
        for (number, (name, bytes)) in (item::FILE_FIRST..).zip(files) {
            list.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            list.extend(number.to_be_bytes());
            list.extend([0; 2]);
            let end = list.len() + NAME_SIZE;
            list.extend(name.bytes());
            list.resize(end, 0);
            self.0.insert(number, bytes);
        }
        self.0.insert(item::FILE_DIR, list);
    }

    /// What is left of an item.
    fn rest(&self, number: u16, offset: u32) -> &[u8] {
        let item = self.0.get(&(number & NUMBER)).map(Vec::as_slice).unwrap_or_default();
        item.get(offset as usize..).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct State {
    /// The item that is selected.
    selected: u16,
    /// How much of it has been read.
    offset: u32,
    /// The upper half of a DMA's address, until the lower one comes.
    dma_high: u32,
}

impl Outputs for State {
    fn drive(&self, _lines: &[Line]) {}
}

impl State {
    fn select(&mut self, number: u16) {
        *self = Self { selected: number, offset: 0, ..*self };
    }
}

struct FwCfg {
    chip: Chip<State>,
    items: Items,
    bus: BusAccess,
    block: Block,
}

impl FwCfg {
    /// Does what the guest has described in memory: control, length and address, big-endian.
    fn dma(&self, state: &mut State, at: u64, by: Requester) {
        let Some(bus) = self.bus.get() else { return };
        let word = |offset: u64, size: u8| {
            let value = bus.read(at.checked_add(offset)?, size, by).ok()?;
            Some(value.swap_bytes() >> (64 - 8 * u32::from(size)))
        };
        let (Some(control), Some(length), Some(address)) = (word(0, 4), word(4, 4), word(8, 8))
        else {
            // There is no place to say that it failed.
            return;
        };
        let (control, length) = (control as u32, length as u32);
        if control & SELECT != 0 {
            state.select((control >> 16) as u16);
        }
        let failed = match control {
            control if control & READ != 0 => self.copy(state, &bus, address, length, by).is_none(),
            // Nothing of what there is can be written.
            control if control & WRITE != 0 => true,
            control if control & SKIP != 0 => {
                state.offset = state.offset.saturating_add(length);
                false
            }
            _ => false,
        };
        let answer = if failed { ERROR } else { 0 };
        let _ = bus.write(at, 4, answer.swap_bytes().into(), by);
    }

    /// Copies what is left of an item into memory, and zeros behind it; ends where memory does.
    fn copy(
        &self,
        state: &mut State,
        bus: &AddressSpace,
        address: u64,
        length: u32,
        by: Requester,
    ) -> Option<()> {
        let rest = self.items.rest(state.selected, state.offset);
        let mut done = 0;
        while done < u64::from(length) {
            let at = address.checked_add(done)?;
            let left = u64::from(length) - done;
            // As many bytes as are aligned and wanted.
            let size = 1 << at.trailing_zeros().min(left.ilog2()).min(3);
            let mut word = [0; 8];
            let bytes = rest.get(done as usize..).unwrap_or_default();
            word.iter_mut().take(size as usize).zip(bytes).for_each(|(to, from)| *to = *from);
            if !bus.is_memory(at, size) {
                return None;
            }
            bus.write(at, size as u8, u64::from_le_bytes(word), by).ok()?;
            done += size;
        }
        state.offset = state.offset.saturating_add(length);
        Some(())
    }
}

impl Device for FwCfg {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        match (offset, size) {
            (DATA, _) => self.chip.with(|state| {
                let mut bytes = [0; 8];
                let rest = self.items.rest(state.selected, state.offset);
                bytes.iter_mut().take(size.into()).zip(rest).for_each(|(to, from)| *to = *from);
                state.offset = state.offset.saturating_add(size.into());
                u64::from_le_bytes(bytes)
            }),
            (DMA | DMA_LOW, 4 | 8) => {
                let signature = u64::from_le_bytes(*DMA_SIGNATURE) >> (8 * (offset - DMA));
                if size == 4 { signature & 0xffff_ffff } else { signature }
            }
            _ => {
                self.block.unmodelled_read(offset, size);
                0
            }
        }
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        match (offset, size) {
            (SELECTOR, 2) => self.chip.with(|state| state.select((value as u16).swap_bytes())),
            (DMA, 4) => self.chip.with(|state| state.dma_high = (value as u32).swap_bytes()),
            (DMA, 8) | (DMA_LOW, 4) => {
                // Only an instruction of the guest can ask for it, not a look from outside.
                let Some(by) = requester() else { return };
                // A copy of the state: memory may be registers, and these our own.
                let mut state = self.chip.peek(|state| *state);
                let address = match size {
                    8 => value.swap_bytes(),
                    _ => u64::from(state.dma_high) << 32 | u64::from((value as u32).swap_bytes()),
                };
                state.dma_high = 0;
                self.dma(&mut state, address, by);
                self.chip.with(|now| *now = state);
            }
            // Items are read only, as they have been since data could first be written.
            (DATA, _) => {}
            _ => self.block.unmodelled_write(offset, size, value),
        }
    }

    fn reset(&self) {
        self.chip.with(|state| *state = State::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_by_name() {
        let mut items = Items::default();
        items.add_files(vec![("opt/b", b"bee".to_vec()), ("etc/a", b"ay".to_vec())]);
        let list = items.rest(item::FILE_DIR, 0);
        assert_eq!(list.len(), 4 + 2 * 64);
        assert_eq!(list[..12], [0, 0, 0, 2, 0, 0, 0, 2, 0, 0x20, 0, 0]);
        assert!(list[12..].starts_with(b"etc/a\0") && list[76..].starts_with(b"opt/b\0"));
        assert_eq!(items.rest(0x21, 1), b"ee");
        assert_eq!(items.rest(0x4021, 0), b"bee");
        assert_eq!(items.rest(0x21, 3), b"");
        assert_eq!(items.rest(0x21, u32::MAX), b"");
        assert_eq!(items.rest(0x22, 0), b"");
    }
}
