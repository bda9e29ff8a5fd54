//! A ring buffer: the newest output in memory, to be read by command.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::error::CharError;
use super::sync::lock;

/// The buffer.
#[derive(Debug)]
pub(super) struct Ring {
    size: usize,
    bytes: Mutex<VecDeque<u8>>,
}

impl Ring {
    /// One of a size, which is a power of two.
    pub(super) fn new(size: usize) -> Result<Self, CharError> {
        if !size.is_power_of_two() {
            return Err(CharError::RingSize);
        }
        Ok(Self { size, bytes: Mutex::default() })
    }

    /// Adds bytes; the oldest give way.
    pub(super) fn write(&self, bytes: &[u8]) {
        let newest = bytes.get(bytes.len().saturating_sub(self.size)..).unwrap_or_default();
        let mut kept = lock(&self.bytes);
        let excess = (kept.len() + newest.len()).saturating_sub(self.size);
        kept.drain(..excess);
        kept.extend(newest);
    }

    /// Takes up to `most` of the oldest bytes.
    pub(super) fn read(&self, most: usize) -> Vec<u8> {
        let mut kept = lock(&self.bytes);
        let count = kept.len().min(most);
        kept.drain(..count).collect()
    }
}
