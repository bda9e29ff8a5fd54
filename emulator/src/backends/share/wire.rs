//! Messages of 9P2000.L: size, type, tag, then members, all little-endian, texts after their length.

use rustix::io::Errno;

/// What is before the members: size, type and tag.
pub(super) const HEADER: usize = 7;

/// Types of requests; an answer's is one more.
pub(super) mod kind {
    /// The answer to what fails.
    pub(in super::super) const ERROR: u8 = 7;
    pub(in super::super) const STATFS: u8 = 8;
    pub(in super::super) const OPEN: u8 = 12;
    pub(in super::super) const CREATE: u8 = 14;
    pub(in super::super) const SYMLINK: u8 = 16;
    pub(in super::super) const MKNOD: u8 = 18;
    pub(in super::super) const RENAME: u8 = 20;
    pub(in super::super) const READLINK: u8 = 22;
    pub(in super::super) const GETATTR: u8 = 24;
    pub(in super::super) const SETATTR: u8 = 26;
    pub(in super::super) const READDIR: u8 = 40;
    pub(in super::super) const FSYNC: u8 = 50;
    pub(in super::super) const LOCK: u8 = 52;
    pub(in super::super) const GETLOCK: u8 = 54;
    pub(in super::super) const LINK: u8 = 70;
    pub(in super::super) const MKDIR: u8 = 72;
    pub(in super::super) const RENAMEAT: u8 = 74;
    pub(in super::super) const UNLINKAT: u8 = 76;
    pub(in super::super) const VERSION: u8 = 100;
    pub(in super::super) const ATTACH: u8 = 104;
    pub(in super::super) const FLUSH: u8 = 108;
    pub(in super::super) const WALK: u8 = 110;
    pub(in super::super) const READ: u8 = 116;
    pub(in super::super) const WRITE: u8 = 118;
    pub(in super::super) const CLUNK: u8 = 120;
    pub(in super::super) const REMOVE: u8 = 122;
}

/// The members of a request that are not read yet.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Errno> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Errno::INVAL)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, size: usize) -> Result<u64, Errno> {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(self.take(size)?).for_each(|(to, from)| *to = *from);
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Errno> {
        self.number(1).map(|number| number as u8)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Errno> {
        self.number(2).map(|number| number as u16)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Errno> {
        self.number(4).map(|number| number as u32)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Errno> {
        self.number(8)
    }

    pub(super) fn text(&mut self) -> Result<&'a [u8], Errno> {
        let len = self.u16()?;
        self.take(len.into())
    }
}

/// An answer while it is written.
#[derive(Default)]
pub(super) struct Writer(pub Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A text, or as much of it as one can be long.
    pub(super) fn text(&mut self, text: &[u8]) -> &mut Self {
        let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.u16(len);
        self.0.extend(text.iter().take(len.into()));
        self
    }

    pub(super) fn qid(&mut self, qid: Qid) -> &mut Self {
        self.u8(qid.kind).u32(qid.version).u64(qid.path)
    }

    /// The message, of a type and with a tag.
    pub(super) fn finish(self, kind: u8, tag: u16) -> Vec<u8> {
        let mut message = Self::default();
        message.u32((HEADER + self.0.len()) as u32).u8(kind).u16(tag);
        message.0.extend(self.0);
        message.0
    }
}

/// What tells a file from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Qid {
    /// 0x80 a directory, 2 a symbolic link.
    pub kind: u8,
    pub version: u32,
    pub path: u64,
}
