//! A machine that stands, written down whole, and taken up again.
//!
//! A snapshot is the board (what the machine is), its state (harts, devices, clock) and its memory.
//! It is loaded into a machine that was made from an equal board: nothing of the machine is built by
//! it. What is outside is not part of it: back ends, their files, disks.
//!
//! `file` is the form on disk.

mod file;

use std::collections::BTreeMap;
use std::path::Path;

use boardwright_riscv::{HartState, Ram};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Machine, Position, rota};
use crate::devices::state::Saved as _;
use file::{Problem, Reader, Writer};

/// What a machine is at a moment, apart from its memory.
#[derive(Serialize, Deserialize)]
struct State {
    /// Nanoseconds of guest time.
    clock: u64,
    harts: Vec<HartState>,
    /// By path.
    devices: BTreeMap<String, Value>,
    /// Of who serves the harts in the place of firmware.
    sbi: Option<Value>,
    /// Whose turn it is, where time goes by instructions.
    rota: Option<rota::Saved>,
}

/// What stands before the memory in a snapshot.
#[derive(Serialize, Deserialize)]
struct Head {
    /// As `board-dump` has it.
    board: Value,
    state: State,
    memory: Vec<Block>,
}

/// A piece of memory of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    device: String,
    /// Which of the device's.
    index: usize,
    /// In bytes.
    size: u64,
    /// How many of its pages are not all zero.
    pages: u64,
}

impl Block {
    /// Whether it is the same piece, whatever is in it.
    fn fits(&self, other: &Self) -> bool {
        (&self.device, self.index, self.size) == (&other.device, other.index, other.size)
    }
}

/// A snapshot that was read and found to be whole; its memory is still in the file.
pub struct Snapshot {
    head: Head,
    reader: Reader,
}

impl Snapshot {
    /// Reads the file once, from its begin to its checksum.
    ///
    /// # Errors
    /// It is no snapshot, one of another version, or not whole; the text names it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let named = |problem: Problem| format!("'{}' {problem}", path.display());
        let mut reader = Reader::open(path).map_err(named)?;
        let head: Head = reader.head().map_err(named)?;
        for block in &head.memory {
            reader.pages(block.pages, |_, _| Ok(())).map_err(named)?;
        }
        reader.end().map_err(named)?;
        Ok(Self { head, reader })
    }

    /// The board that it was taken of, as `board-dump` has it.
    pub fn board(&self) -> &Value {
        &self.head.board
    }
}

impl Machine {
    /// Writes the machine, which stands still, to a file. `board` is its board, as `board-dump` has
    /// it. A file of that name is replaced when all went well.
    ///
    /// # Errors
    /// The file cannot be written; the text names it.
    pub fn save(&self, board: Value, path: &Path) -> Result<(), String> {
        // First, as devices end what they are about, which may write memory.
        let state = self.state()?;
        // Which pages there are is looked up once: the harts stand, but a file may be shared.
        let offsets: Vec<Vec<u64>> =
            self.memory().map(|(_, ram)| ram.occupied().collect()).collect();
        let memory = self
            .memory()
            .zip(&offsets)
            .map(|((block, _), offsets)| Block { pages: offsets.len() as u64, ..block });
        let head = Head { board, state, memory: memory.collect() };
        let written = Writer::create(path).and_then(|mut writer| {
            writer.head(&head)?;
            for ((_, ram), offsets) in self.memory().zip(&offsets) {
                writer.pages(ram, offsets)?;
            }
            writer.finish()
        });
        written.map_err(|problem| format!("'{}' {problem}", path.display()))
    }

    /// Goes on from a snapshot of an equal board; the machine stands still and goes on standing.
    ///
    /// # Errors
    /// It does not fit; the machine is as it was then.
    pub fn load(&self, snapshot: &mut Snapshot) -> Result<(), String> {
        let before = self.state()?;
        let Snapshot { head, reader } = snapshot;
        let own: Vec<Block> = self.memory().map(|(block, _)| block).collect();
        let like = own.len() == head.memory.len()
            && own.iter().zip(&head.memory).all(|(own, saved)| own.fits(saved));
        if !like {
            return Err("its memory is not that of this machine".into());
        }
        if let Err(problem) = self.adopt(&head.state) {
            // What the machine had it can have again.
            let _ = self.adopt(&before);
            return Err(problem);
        }
        let filled = self.fill(&head.memory, reader);
        self.settle(&head.state);
        filled.map_err(|problem| format!("the file has changed meanwhile: it {problem}"))
    }

    fn state(&self) -> Result<State, String> {
        let mut harts = Vec::with_capacity(self.harts.len());
        self.harts.each(|hart| harts.push(hart.save()));
        let mut devices = BTreeMap::new();
        for (path, device) in self.paths.iter().zip(&self.devices) {
            if let Some(part) = device.saved() {
                let saved = part.save().map_err(|why| format!("device '{path}': {why}"))?;
                devices.insert(path.clone(), saved);
            }
        }
        let sbi = self.sbi.as_ref().map(|sbi| sbi.save()).transpose()?;
        let rota = self.rota.as_ref().map(|rota| rota.save());
        Ok(State { clock: self.clock.now(), harts, devices, sbi, rota })
    }

    /// Gives every device its registers; lines, alarms and harts are not touched.
    fn adopt(&self, state: &State) -> Result<(), String> {
        if state.harts.len() != self.harts.len() {
            let (saved, own) = (state.harts.len(), self.harts.len());
            return Err(format!("it has {saved} harts, and the machine {own}"));
        }
        let icount = |position: Option<Position>| {
            position.map_or("without -icount".into(), |position| {
                format!("with -icount shift={}", position.shift)
            })
        };
        let own = self.rota.as_ref().map(|rota| rota.position());
        let free = self.rota.as_ref().is_some_and(|rota| rota.config.shift.is_none());
        let saved = state.rota.as_ref().map(|saved| saved.position);
        let like = match (own, saved) {
            (Some(own), Some(saved)) => free || own.shift == saved.shift,
            (own, saved) => own.is_some() == saved.is_some(),
        };
        if !like {
            let (saved, own) = (icount(saved), icount(own));
            return Err(format!("it was taken {saved}, and this is {own}"));
        }
        let mut fit = true;
        let mut saved = state.harts.iter();
        self.harts.each(|hart| fit &= saved.next().is_some_and(|saved| hart.fits(saved)));
        if !fit {
            return Err("its harts are of another kind".into());
        }
        for (path, device) in self.paths.iter().zip(&self.devices) {
            match (device.saved(), state.devices.get(path)) {
                (Some(part), Some(saved)) => {
                    part.load(saved).map_err(|why| format!("device '{path}': {why}"))?;
                }
                (None, None) => {}
                (Some(_), None) => return Err(format!("it has no state of device '{path}'")),
                (None, Some(_)) => return Err(format!("device '{path}' has no state here")),
            }
        }
        match (&self.sbi, &state.sbi) {
            (Some(sbi), Some(saved)) => {
                sbi.load(saved).map_err(|why| format!("supervisor interface: {why}"))
            }
            (None, None) => Ok(()),
            _ => Err("one of the two starts its kernel without firmware".into()),
        }
    }

    fn fill(&self, blocks: &[Block], reader: &mut Reader) -> Result<(), Problem> {
        reader.rewind()?;
        for ((_, ram), block) in self.memory().zip(blocks) {
            ram.clear();
            reader.pages(block.pages, |offset, page| {
                // The last page may be a part of one.
                let size = ram.len().saturating_sub(offset).min(page.len() as u64) as usize;
                ram.write(offset, &page[..size]).map_err(|_| Problem::Damaged)
            })?;
        }
        Ok(())
    }

    /// Lets lines and alarms follow the devices' registers, then sets the harts, whose inputs then
    /// are what they were.
    fn settle(&self, state: &State) {
        self.clock.set(state.clock);
        if let (Some(rota), Some(position)) = (&self.rota, &state.rota) {
            rota.restore(position);
        }
        self.devices.iter().for_each(|device| device.settle());
        self.sbi.iter().for_each(|sbi| sbi.settle());
        let mut saved = state.harts.iter();
        self.harts.each(|hart| {
            if let Some(saved) = saved.next() {
                hart.restore(saved);
            }
        });
    }

    /// The memory, in the order of the board; the pages are not counted.
    fn memory(&self) -> impl Iterator<Item = (Block, &Ram)> {
        self.memory.iter().map(|(device, index, ram)| {
            (Block { device: device.clone(), index: *index, size: ram.len(), pages: 0 }, &**ram)
        })
    }
}
