//! Initial file systems for Linux: the cpio format `newc` (Linux, Documentation,
//! "initramfs buffer format").

use std::io::{Result, Write};

/// A file to be.
pub struct File<'a> {
    /// Its path, without a slash at the beginning.
    pub path: &'a str,
    /// Type and permissions, as in `st_mode`.
    pub mode: u32,
    /// Major and minor number, of a device.
    pub device: (u32, u32),
    /// What is in it.
    pub contents: &'a [u8],
}

impl<'a> File<'a> {
    /// A directory.
    pub fn directory(path: &'a str) -> Self {
        Self { path, mode: 0o040_755, device: (0, 0), contents: &[] }
    }

    /// A program.
    pub fn program(path: &'a str, contents: &'a [u8]) -> Self {
        Self { path, mode: 0o100_755, device: (0, 0), contents }
    }

    /// A character device.
    pub fn device(path: &'a str, major: u32, minor: u32) -> Self {
        Self { path, mode: 0o020_600, device: (major, minor), contents: &[] }
    }
}

/// The archive of these files.
///
/// # Errors
/// None: it is written to memory.
pub fn archive(files: &[File<'_>]) -> Result<Vec<u8>> {
    let end = File { path: "TRAILER!!!", mode: 0, device: (0, 0), contents: &[] };
    let mut out = Vec::new();
    for (inode, file) in (1..).zip(files.iter().chain([&end])) {
        let (major, minor) = file.device;
        let (size, name) = (file.contents.len(), file.path.len() + 1);
        // Magic, inode, mode, owner, group, links, time, size, device of the file, device that it
        // is, length of the name with its zero, check sum.
        write!(out, "070701{inode:08x}{:08x}{:024x}{:08x}", file.mode, 1, 0)?;
        write!(out, "{size:08x}{:016x}{major:08x}{minor:08x}{name:08x}{:08x}", 0, 0)?;
        out.write_all(file.path.as_bytes())?;
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
        out.write_all(file.contents)?;
        out.resize(out.len().next_multiple_of(4), 0);
    }
    Ok(out)
}
