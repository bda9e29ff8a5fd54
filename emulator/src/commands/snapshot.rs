//! `qapi/snapshot.json`.

use std::path::Path;

use qapi_runtime::{Decode, Encode, Mode, Path as Place, QmpError};

use crate::board::{Board, Origin};
use crate::door::Door;
use crate::machine::{Machine, Snapshot};
use crate::phase::Stage;
use crate::qapi::{
    BoardDump, BoardDumpFormat, CommandOrigin, RunState, SnapshotCommands, SnapshotLoad,
    SnapshotSave,
};

impl SnapshotCommands for Door {
    fn snapshot_save(&mut self, arguments: SnapshotSave) -> Result<(), QmpError> {
        let running = self.run_state == RunState::Running;
        let (board, machine) = live(&self.stage)?;
        let image = board.dump(BoardDumpFormat::Json)?.encode();
        let saved = standing(machine, running, || machine.save(image, Path::new(&arguments.file)));
        saved.map_err(|problem| QmpError::generic(format!("Snapshot {problem}")))
    }

    fn snapshot_load(&mut self, arguments: SnapshotLoad) -> Result<(), QmpError> {
        let running = self.run_state == RunState::Running;
        let (board, machine) = live(&self.stage)?;
        let file = &arguments.file;
        let mut snapshot = Snapshot::open(Path::new(file))
            .map_err(|problem| QmpError::generic(format!("Snapshot {problem}")))?;
        same_board(board, &snapshot, file)?;
        standing(machine, running, || machine.load(&mut snapshot)).map_err(|problem| {
            QmpError::generic(format!("Snapshot '{file}' does not fit: {problem}"))
        })
    }
}

fn live(stage: &Stage) -> Result<(&Board, &Machine), QmpError> {
    match stage {
        Stage::Ready(board, machine) => Ok((board, machine)),
        // The gate lets no command through that needs one.
        _ => Err(QmpError::generic("There is no machine: it exists from 'ready' on")),
    }
}

/// Does something while the guest stands still, which then goes on if it ran.
fn standing<R>(machine: &Machine, running: bool, work: impl FnOnce() -> R) -> R {
    machine.stop();
    let result = work();
    if running {
        machine.run();
    }
    result
}

fn same_board(board: &Board, snapshot: &Snapshot, file: &str) -> Result<(), QmpError> {
    let other = match BoardDump::decode(snapshot.board(), &Place::ARGUMENTS, Mode::STRICT)? {
        BoardDump::Json(image) => {
            let origin = |place: &str| Origin::new(CommandOrigin::Script, place);
            Board::from_image(&image, origin)?
        }
        _ => return Err(QmpError::generic(format!("Snapshot '{file}' has no board"))),
    };
    let diff = board.diff(&other)?;
    if diff.is_empty() {
        return Ok(());
    }
    let devices = diff.devices.iter().map(|change| format!("device '{}'", change.device));
    let mappings = diff.mappings.iter().filter_map(|change| {
        let mapping = change.before.as_ref().or(change.after.as_ref())?;
        Some(format!("a mapping of '{}'", mapping.device))
    });
    let wires = diff.wires.iter().map(|change| format!("the wire from '{}'", change.from));
    let machine = diff.machine.iter().map(|change| format!("the machine's {}", change.property));
    let all: Vec<String> = devices.chain(mappings).chain(wires).chain(machine).collect();
    let (first, more) = match all.split_first() {
        Some((first, rest)) if !rest.is_empty() => {
            (first.as_str(), format!(" and {} more", rest.len()))
        }
        Some((first, _)) => (first.as_str(), String::new()),
        None => ("the order of its devices", String::new()),
    };
    Err(QmpError::generic(format!(
        "Snapshot '{file}' is of another board, which differs in {first}{more}"
    )))
}
