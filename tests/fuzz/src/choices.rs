//! Choices made by a row of bytes, so that mutants of the bytes are mutants of what is chosen.

/// Reads choices off bytes; when they are used up, the first alternative is taken.
pub(crate) struct Choices<'b> {
    bytes: &'b [u8],
}

impl<'b> Choices<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// A number below `limit`, which is at most 256.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % limit.max(1)
    }

    /// A number of so many bytes, the lowest first.
    pub(crate) fn number(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |all, byte| all | (self.below(256) as u64) << (8 * byte))
    }

    /// One of a list.
    pub(crate) fn of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }

    /// True in one of `many` cases.
    pub(crate) fn rarely(&mut self, many: usize) -> bool {
        self.below(many) == many - 1
    }

    /// One of the words.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len())).copied().unwrap_or("")
    }

    /// As many pieces as a choice says, fewer than `limit`.
    pub(crate) fn list(
        &mut self,
        limit: usize,
        mut piece: impl FnMut(&mut Self) -> String,
    ) -> String {
        let pieces: Vec<String> = (0..self.below(limit)).map(|_| piece(self)).collect();
        pieces.join(", ")
    }

    /// Whether all bytes are used up.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
