//! Mutates inputs and runs a target with them, on stable Rust: no coverage, but many runs.

use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{channel, sync_channel};
use std::time::{Duration, Instant};

use crate::Target;

/// A run that takes longer than this has failed: the inputs are small.
const TOO_LONG: Duration = Duration::from_secs(2);
/// A run that takes longer than this is not waited for.
const FOR_EVER: Duration = Duration::from_secs(60);
/// All runs together take no more memory than this.
const MOST_MEMORY: u64 = 1 << 30;
/// Mutants do not grow beyond this.
const MAX_LENGTH: usize = 1 << 14;

/// What came of fuzzing.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// How many mutants were tried.
    pub runs: u64,
}

/// What is wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Fault {
    /// It panics.
    Panics,
    /// It takes long.
    IsSlow,
    /// It does not end.
    Hangs,
    /// It takes very much memory.
    IsGreedy,
}

/// An input with which a target failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The input.
    pub input: Vec<u8>,
    /// What is wrong.
    pub fault: Fault,
}

/// Tries mutants of `corpus` until the time is up or one fails.
///
/// # Errors
///
/// The mutant that failed; a panic's message has been printed by then.
pub fn fuzz(
    target: &Target,
    corpus: &[Vec<u8>],
    seed: u64,
    time: Duration,
) -> Result<Summary, Failure> {
    // On a thread of its own, which is left behind when a run does not end.
    let (inputs, work) = sync_channel::<Vec<u8>>(1);
    let (tell, outcomes) = channel();
    let run = target.run;
    std::thread::spawn(move || {
        for input in work {
            if tell.send(catch_unwind(|| run(&input)).is_ok()).is_err() {
                return;
            }
        }
    });
    let begin = Instant::now();
    let mut runs = 0;
    // Where an input is found that takes the whole process down.
    let running = Running(target.folder().join("running"));
    for input in mutants(target, corpus, seed) {
        if begin.elapsed() >= time {
            break;
        }
        let _ = std::fs::write(&running.0, &input);
        let start = Instant::now();
        // Nobody to take it: that thread has ended, which the next line tells as well.
        let _ = inputs.send(input.clone());
        let fault = match outcomes.recv_timeout(FOR_EVER) {
            Err(_) => Some(Fault::Hangs),
            Ok(false) => Some(Fault::Panics),
            Ok(true) if start.elapsed() > TOO_LONG => Some(Fault::IsSlow),
            Ok(true) if peak_memory() > MOST_MEMORY => Some(Fault::IsGreedy),
            Ok(true) => None,
        };
        if let Some(fault) = fault {
            return Err(Failure { input, fault });
        }
        runs += 1;
    }
    Ok(Summary { runs })
}

/// The input of the current run, as a file of the corpus while it is tried.
struct Running(PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The most memory that this process has had, in bytes (proc(5), `VmHWM`).
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) << 10
}

/// Mutants of `corpus` without end; the same ones for the same seed.
pub fn mutants(target: &Target, corpus: &[Vec<u8>], seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(seed);
    std::iter::repeat_with(move || {
        let mut input = random.one_of(corpus).cloned().unwrap_or_default();
        for _ in 0..=random.below(4) {
            mutate(&mut input, corpus, target.dictionary, &mut random);
        }
        input.truncate(MAX_LENGTH);
        input
    })
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], dictionary: &[&str], random: &mut Random) {
    let start = random.below(input.len() + 1);
    let end = (start + random.below(16)).min(input.len());
    match random.below(7) {
        // Something goes away, comes twice, or becomes something else.
        0 => drop(input.drain(start..end)),
        1 => {
            let piece = input.get(start..end).unwrap_or(&[]).to_vec();
            let at = random.below(input.len() + 1);
            input.splice(at..at, piece);
        }
        2 => {
            let byte = random.below(256) as u8;
            input.splice(start..end.min(start + 1), [byte]);
        }
        3 => {
            const MARKS: &[u8] = b"{}[]:,'\"\\#@ \n*0-_";
            let mark = random.one_of(MARKS).copied();
            input.splice(start..start, mark);
        }
        4 => {
            if let Some(byte) = input.get_mut(start) {
                *byte ^= 1 << random.below(8);
            }
        }
        5 => {
            let piece = random.one_of(dictionary).copied().unwrap_or_default();
            input.splice(start..end.min(start + random.below(2)), piece.bytes());
        }
        // Two inputs meet.
        _ => {
            let other = random.one_of(corpus).map_or(&[][..], Vec::as_slice);
            let from = random.below(other.len() + 1);
            let to = (from + random.below(200)).min(other.len());
            input.splice(start..end, other.get(from..to).unwrap_or(&[]).iter().copied());
        }
    }
}

/// Marsaglia's xorshift with a multiplication, "xorshift64*".
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Zero would stay zero.
        let mut x = self.0.max(1);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, or zero.
    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) as usize).checked_rem(limit).unwrap_or(0)
    }

    fn one_of<'l, T>(&mut self, list: &'l [T]) -> Option<&'l T> {
        list.get(self.below(list.len()))
    }
}
