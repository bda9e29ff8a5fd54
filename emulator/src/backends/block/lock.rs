//! Locks on images, so that no two programs write to one.
//!
//! They are QEMU's, so that they keep it out as well: an open file holds shared locks on bytes that
//! stand for what it does (from 100 on) and for what it does not bear that others do (from 200 on).

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, fcntl};

/// Where the bytes begin.
const DONE: i64 = 100;
const NOT_BORNE: i64 = 200;
/// What there is to do: a bit of QEMU's permissions, and its name in messages.
const READ: (i64, &str) = (0, "consistent read");
const WRITE: (i64, &str) = (1, "write");
const RESIZE: (i64, &str) = (3, "resize");

/// What another program does not let be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("Failed to get \"{0}\" lock\nIs another process using the image [{1}]?")]
    Done(&'static str, String),
    #[error("Failed to get shared \"{0}\" lock\nIs another process using the image [{1}]?")]
    Shared(&'static str, String),
    #[error("Failed to lock byte {0}: {1}")]
    Host(i64, io::Error),
}

fn range(kind: i32, byte: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte,
        l_len: 1,
        l_pid: 0,
    }
}

fn hold(file: &File, byte: i64) -> Result<(), Refused> {
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&range(libc::F_RDLCK, byte))) {
        Ok(_) => Ok(()),
        // File systems without locks.
        Err(nix::Error::ENOLCK | nix::Error::EINVAL | nix::Error::EOPNOTSUPP) => Ok(()),
        Err(error) => Err(Refused::Host(byte, error.into())),
    }
}

/// Whether somebody else holds a byte.
fn is_held(file: &File, byte: i64) -> bool {
    let mut found = range(libc::F_WRLCK, byte);
    let asked = fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut found));
    asked.is_ok() && i32::from(found.l_type) != libc::F_UNLCK
}

/// Locks a file as long as it is open.
pub(super) fn lock(file: &File, name: &str, writes: bool) -> Result<(), Refused> {
    let (done, not_borne): (&[_], &[_]) = match writes {
        true => (&[READ, WRITE], &[WRITE, RESIZE]),
        // Who only reads does not bear writers.
        false => (&[READ], &[WRITE, RESIZE]),
    };
    for (bit, _) in done {
        hold(file, DONE + bit)?;
    }
    for (bit, _) in not_borne {
        hold(file, NOT_BORNE + bit)?;
    }
    for (bit, what) in done {
        if is_held(file, NOT_BORNE + bit) {
            return Err(Refused::Done(what, name.into()));
        }
    }
    for (bit, what) in not_borne {
        if is_held(file, DONE + bit) {
            return Err(Refused::Shared(what, name.into()));
        }
    }
    Ok(())
}
