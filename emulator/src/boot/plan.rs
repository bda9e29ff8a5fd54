//! What is where when the harts start, and where each of them starts.
//!
//! A hart starts at the entry that a loader gave it; otherwise at its reset vector, if the board
//! names one; otherwise at the firmware, or the kernel where there is no firmware. It finds its
//! hart id in a0, the address of the guest's device tree in a1 and, for OpenSBI's fw_dynamic, that
//! of a `fw_dynamic_info` in a2 (OpenSBI, docs/firmware/fw_dynamic.md). Where the emulator itself is
//! the firmware (`machine/sbi`), the first hart starts at the kernel, in supervisor mode.

use std::collections::HashMap;

use boardwright_riscv::Modes;
use qapi_runtime::QmpError;

use super::software::{Firmware, Software, check_width, main_memory, memory_base};
use super::{Image, tree};
use crate::backends::random::Random;
use crate::board::{Board, Mapping, export};
use crate::machine::{AddressSpace, HartPlan};

/// Alignment of the device tree; Linux wants 8 bytes, U-Boot 16; a page reads well.
const TREE_ALIGNMENT: u64 = 0x1000;
/// Room after the tree for what firmware adds to it in place.
const TREE_ROOM: u64 = 0x4000;
/// Highest address for the tree and the initial file system: a 32-bit firmware must reach them.
const LOW_END: u64 = 0xc000_0000;
/// Bytes of `rng-seed`, as QEMU's.
const SEED: usize = 32;
/// What `fw_dynamic_info` begins with: "OSBI".
const DYNAMIC_MAGIC: u64 = 0x4942_534f;

/// How a hart starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its first instruction.
    pub pc: u64,
    /// Register numbers and values.
    pub arguments: [(usize, u64); 3],
}

/// All that a reset has to put in place.
#[derive(Clone, Debug)]
pub struct BootPlan {
    /// Written to memory in this order.
    pub images: Vec<Image>,
    /// The guest's device tree, wherever it is.
    pub tree: Vec<u8>,
    /// One a hart, in the order of the board.
    pub starts: Vec<Start>,
    /// Whether the emulator does for them what firmware would: they start in supervisor mode.
    pub supervisor: bool,
}

/// Plans the start of a board.
///
/// # Errors
/// A file cannot be read, or an image does not fit into memory.
pub fn plan(
    board: &Board,
    space: &AddressSpace,
    harts: &[HartPlan],
    mut images: Vec<Image>,
    seeds: &Random,
) -> Result<BootPlan, QmpError> {
    let width = harts.first().map_or(64, |hart| hart.config.cpu.xlen.bits());
    let mut software = Software::read(board, width)?;
    images.append(&mut software.images);
    let mut a1 = 0;
    let mut a2 = 0;
    let taken = images.iter().map(|image| (image.addr, image.end()));
    let occupied: Vec<(u64, u64)> = taken.chain(software.kernel).chain(hidden(board)).collect();
    let blob = guest_tree(board, &software, seeds)?;
    let room = (blob.len() as u64 + TREE_ROOM).next_multiple_of(TREE_ALIGNMENT);
    if let Some(at) = place(board, room, &occupied) {
        a1 = at;
        // The last of the room: 6 words of at most 8 bytes.
        a2 = at + room - 64;
        images.push(Image {
            source: "the guest's device tree".into(),
            addr: a1,
            bytes: blob.clone(),
        });
        images.push(Image {
            source: "fw_dynamic_info".into(),
            addr: a2,
            bytes: dynamic_info(software.next, width, harts.first().map_or(0, |h| h.config.hartid)),
        });
    }
    for image in &images {
        if !space.is_memory(image.addr, image.bytes.len() as u64) {
            return Err(QmpError::generic(format!(
                "Cannot load '{}': {:#x} bytes at {:#x} are not all memory; add or map a sysbus-memory there",
                image.source,
                image.bytes.len(),
                image.addr
            )));
        }
    }
    let supervisor = serves_supervisors(board, harts, &software)?;
    // Who starts a kernel starts it at its begin.
    let entry = if supervisor { Some(software.next) } else { None };
    let entry = entry.filter(|_| software.kernel.is_some()).or(software.entry);
    let given = given_starts(board, harts)?;
    let starts = (0..).zip(harts).map(|(index, hart)| {
        let pc =
            given.get(&index).copied().or(hart.start).or(entry).unwrap_or(hart.config.reset_vector);
        Start { pc, arguments: [(10, hart.config.hartid), (11, a1), (12, a2)] }
    });
    Ok(BootPlan { starts: starts.collect(), tree: blob, images, supervisor })
}

/// Whether the emulator is what firmware would be. A kernel that stands where memory begins is
/// firmware itself, unless the board says otherwise.
fn serves_supervisors(
    board: &Board,
    harts: &[HartPlan],
    software: &Software,
) -> Result<bool, QmpError> {
    let said = board.machine.firmware.is_some();
    let at_begin = software.kernel.is_some_and(|(first, _)| first == memory_base(board));
    if Firmware::of(&board.machine) != Firmware::BuiltIn || at_begin && !said {
        return Ok(false);
    }
    let able = harts.iter().any(|hart| hart.config.cpu.modes == Modes::Msu);
    if !able && said && software.kernel.is_some() {
        return Err(QmpError::generic(
            "Cannot start the kernel: property 'firmware' of the machine is 'default', and no hart has supervisor mode; choose another cpu-type, or firmware=none (option -bios)",
        ));
    }
    Ok(able)
}

/// The starts that devices ask for, by number of the hart; the last device wins.
fn given_starts(board: &Board, harts: &[HartPlan]) -> Result<HashMap<u32, u64>, QmpError> {
    let mut starts = HashMap::new();
    for device in board.devices() {
        let Some(start) = device.driver().start()? else { continue };
        let Some(hart) = harts.get(start.hart as usize) else {
            return Err(QmpError::generic(format!(
                "Device '{}': 'cpu-num' is {}, and the board has {} harts, counted from 0",
                device.name,
                start.hart,
                harts.len()
            )));
        };
        check_width(&start.source, start.width, hart.config.cpu.xlen.bits())?;
        starts.insert(start.hart, start.pc);
    }
    Ok(starts)
}

/// The tree; one that is made from the board has a seed for the guest's random numbers.
fn guest_tree(board: &Board, software: &Software, seeds: &Random) -> Result<Vec<u8>, QmpError> {
    let machine = &board.machine;
    let template = crate::machines::template(machine.type_.tag());
    match machine.dtb.as_deref().filter(|_| !template.built_from_tree()) {
        Some(path) => {
            let tree = crate::boot::tree::read(path)?;
            tree::to_blob(&tree)
        }
        None => {
            let mut tree = export::describe(board);
            if let (Some((first, end)), Some(chosen)) = (software.initrd, tree.find_mut("/chosen"))
            {
                chosen.set("linux,initrd-start", first.to_be_bytes());
                chosen.set("linux,initrd-end", end.to_be_bytes());
            }
            if let Some(chosen) = tree.find_mut("/chosen") {
                let mut seed = [0; SEED];
                seeds.fill(&mut seed);
                chosen.set("rng-seed", seed);
            }
            tree::to_blob(&tree)
        }
    }
}

/// The highest place below 3 GiB in the machine's main memory that no image takes.
fn place(board: &Board, room: u64, occupied: &[(u64, u64)]) -> Option<u64> {
    let (first, last) = main_memory(board)?;
    // Memory that begins above the limit has no place below it.
    let limit = if first < LOW_END { LOW_END } else { u64::MAX };
    let end = last.saturating_add(1).min(limit);
    let mut at = end.checked_sub(room)? & !(TREE_ALIGNMENT - 1);
    loop {
        if at < first {
            return None;
        }
        match occupied.iter().find(|(first, last)| at < *last && *first < at + room) {
            None => return Some(at),
            Some((taken, _)) => at = taken.checked_sub(room)? & !(TREE_ALIGNMENT - 1),
        }
    }
}

/// Addresses at which something else than memory is seen: first and end.
fn hidden(board: &Board) -> Vec<(u64, u64)> {
    let view = board.view();
    let is_ram = |mapping: &Mapping| {
        let regions = board.device(&mapping.device).map(|device| device.driver().regions());
        let region = regions.as_ref().and_then(|regions| regions.get(mapping.region as usize));
        region.is_some_and(|region| region.kind.is_ram())
    };
    let seen = view.spans.iter().filter(|span| !is_ram(&view.mappings[span.mapping]));
    seen.map(|span| (span.first, span.last.saturating_add(1))).collect()
}

/// `struct fw_dynamic_info`, version 2: magic, version, next address, next mode (S), options, boot
/// hart; each a word of the hart's width.
fn dynamic_info(next: u64, width: u32, boot_hart: u64) -> Vec<u8> {
    let word = if width == 32 { 4 } else { 8 };
    [DYNAMIC_MAGIC, 2, next, 1, 0, boot_hart]
        .iter()
        .flat_map(|value| value.to_le_bytes().into_iter().take(word))
        .collect()
}
