//! Random numbers for guests: the host's, or repeatable ones where a run is to be repeated (`-seed`).

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

/// Where random numbers come from when nothing is said.
pub const RANDOM: &str = "/dev/urandom";

/// A source of random bytes.
pub enum Random {
    /// A file of the host.
    File(File),
    /// The same numbers in every run; no secret is to be made of them.
    Seeded(Mutex<SplitMix>),
}

impl Random {
    /// What guests are given: of the host, or of a seed. A purpose has numbers of its own, so that
    /// what one takes changes nothing for another.
    ///
    /// # Errors
    /// The host refuses.
    pub fn for_guests(seed: Option<u64>, purpose: &str) -> io::Result<Self> {
        match seed {
            Some(seed) => Ok(Self::Seeded(Mutex::new(SplitMix::new(seed, purpose)))),
            None => File::open(RANDOM).map(Self::File),
        }
    }

    /// Fills what it can of some bytes; returns how many. A source that ends gives no more.
    pub fn fill(&self, bytes: &mut [u8]) -> usize {
        match self {
            Self::File(file) => { file }.read(bytes).unwrap_or(0),
            Self::Seeded(numbers) => {
                let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
                for piece in bytes.chunks_mut(8) {
                    let number = numbers.next().to_le_bytes();
                    piece.iter_mut().zip(number).for_each(|(to, from)| *to = from);
                }
                bytes.len()
            }
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub struct SplitMix(u64);

impl SplitMix {
    fn new(seed: u64, purpose: &str) -> Self {
        purpose.bytes().fold(Self(seed), |numbers, byte| {
            let mut numbers = Self(numbers.0 ^ u64::from(byte));
            Self(numbers.next())
        })
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: Option<u64>, purpose: &str) -> [u8; 13] {
        let mut bytes = [0; 13];
        assert_eq!(Random::for_guests(seed, purpose).unwrap().fill(&mut bytes), 13);
        bytes
    }

    #[test]
    fn seeds_and_purposes_have_numbers_of_their_own() {
        assert_eq!(bytes(Some(1), "a"), bytes(Some(1), "a"));
        for (seed, purpose) in [(Some(2), "a"), (Some(1), "b"), (Some(1), "aa"), (None, "a")] {
            assert_ne!(bytes(Some(1), "a"), bytes(seed, purpose), "{seed:?} {purpose}");
        }
        assert_ne!(bytes(None, "a"), bytes(None, "a"));
    }
}
