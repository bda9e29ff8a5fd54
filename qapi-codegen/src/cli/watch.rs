//! `--watch`: the same again whenever a file changes that was read.
//!
//! Files are looked at a few times a second. A schema is some dozens of files, so that this costs
//! nothing one could measure, works on every file system and needs no service of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, thread};

use super::arguments::Arguments;
use super::{Failure, once};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Goes on until the program is stopped, whatever is wrong meanwhile.
pub(super) fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let mut files = vec![arguments.schema.clone()];
    for round in 1u64.. {
        // Before anything is read: a change while it is read makes another round.
        let before = stamps(&files);
        let told = match once(arguments) {
            Ok(done) => {
                files = watched(done.files, done.verdict, &arguments.schema);
                let verdict = if done.verdict { "fine" } else { "not accepted" };
                format!("{verdict}, files written: {}", done.written)
            }
            Err(Failure(message)) => {
                eprintln!("error: {message}");
                "failed".to_owned()
            }
        };
        // Files that were not known before the round are looked at now.
        let mut seen = stamps(&files);
        seen.extend(before.into_iter().filter(|(path, _)| files.contains(path)));
        eprintln!("round {round}: {told}, watched: {}", files.len());
        wait_for_change(&files, &seen);
    }
    Ok(true)
}

/// Waits until files have changed and then rest: an editor may write one in several steps.
fn wait_for_change(files: &[PathBuf], seen: &Stamps) {
    let mut last = stamps(files);
    loop {
        thread::sleep(INTERVAL);
        let now = stamps(files);
        if now != *seen && now == last {
            return;
        }
        last = now;
    }
}

/// What to look at. After an error the folders, too: a file that is missing may appear.
fn watched(mut files: Vec<PathBuf>, fine: bool, schema: &Path) -> Vec<PathBuf> {
    if !files.iter().any(|file| file == schema) {
        files.push(schema.to_owned());
    }
    if !fine {
        let folders: Vec<_> = files.iter().filter_map(|file| file.parent()).collect();
        let folder =
            |folder: &Path| if folder == Path::new("") { ".".into() } else { folder.into() };
        let folders: Vec<PathBuf> = folders.into_iter().map(folder).collect();
        files.extend(folders);
    }
    files.sort();
    files.dedup();
    files
}

/// The state of each file that is looked at.
type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

/// When each file was changed, and its size; nothing for one that is not there.
fn stamps(files: &[PathBuf]) -> Stamps {
    let stamp = |path: &PathBuf| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    };
    files.iter().map(|path| (path.clone(), stamp(path))).collect()
}
