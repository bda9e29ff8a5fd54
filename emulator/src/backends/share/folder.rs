//! A folder of the host, and what is done to files in it.
//!
//! A file is a list of names from the folder on. It is looked up anew for each thing that is done,
//! one name after the other and never through a symbolic link, so that no list of names leads out of
//! the folder, whatever others do meanwhile; and what was looked up is held by a descriptor that
//! can do nothing but name it (`O_PATH`) until it is known to be of the right kind. So a guest has no
//! descriptors of the host but those of the files that it has open.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{
    self, AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, StatFs, Timestamps, Uid, XattrFlags,
};
use rustix::io::{Errno, Result};

use super::wire::Qid;

/// Whose a guest's files are on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// This program's user's: who the guest says is not kept.
    Mine,
    /// Those that the guest says, which only root can do.
    Host,
    /// This program's user's; who the guest says, with mode and kind, is kept beside, as extended
    /// attributes, so that the guest has its own.
    Beside,
}

/// Where owner, group, mode and number of a device are kept, as QEMU does.
const BESIDE: [&str; 4] =
    ["user.virtfs.uid", "user.virtfs.gid", "user.virtfs.mode", "user.virtfs.rdev"];
/// The mode that such files and directories have on the host.
const FILE: u32 = 0o600;
const DIRECTORY: u32 = 0o700;
/// The bits of a mode that are its kind, and the kinds.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
/// The longest list of names, as of a path.
const LONGEST: usize = 4096;

/// Names from the folder on; the folder itself has none.
pub(super) type Names = Vec<Vec<u8>>;

/// What is known of a file.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub stat: Stat,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
}

impl Facts {
    pub(super) fn is_folder(&self) -> bool {
        self.mode & KIND == FOLDER
    }

    pub(super) fn qid(&self) -> Qid {
        // Numbers of files of several devices hardly ever meet.
        let path = self.stat.st_ino ^ self.stat.st_dev.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let kind = match self.mode & KIND {
            FOLDER => 0x80,
            LINK => 2,
            _ => 0,
        };
        Qid { kind, version: self.stat.st_mtime as u32 ^ (self.stat.st_size as u32) << 8, path }
    }
}

/// Who makes a file, and its mode.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// What of a file is to be changed.
#[derive(Default)]
pub(super) struct Change {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub size: Option<u64>,
    pub times: Option<Timestamps>,
}

/// An entry of a directory.
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub ino: u64,
    /// Its kind, as directories of Linux have it; 0 for one that is not known.
    pub kind: u8,
}

/// A file that was looked up.
struct Node(OwnedFd);

impl Node {
    /// A name of it that calls without a form for descriptors take.
    fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    /// Opens it, whatever has its name now.
    fn open(&self, flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
        fs::open(self.path(), flags, Mode::empty())
    }

    fn beside(&self, index: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        let len = fs::getxattr(self.path(), *BESIDE.get(index)?, &mut bytes[..]).ok()?;
        (len >= 4).then_some(u64::from_le_bytes(bytes))
    }

    fn set_beside(&self, index: usize, value: u64) -> Result<()> {
        let size = if index == 3 { 8 } else { 4 };
        let bytes = value.to_le_bytes();
        let name = *BESIDE.get(index).ok_or(Errno::INVAL)?;
        fs::setxattr(self.path(), name, bytes.get(..size).unwrap_or_default(), XattrFlags::empty())
    }
}

/// A folder.
pub struct Folder {
    root: OwnedFd,
    owners: Owners,
    readonly: bool,
}

impl Folder {
    /// The folder at a path.
    ///
    /// # Errors
    /// There is none, or the host has no `/proc`.
    pub fn open(path: &Path, owners: Owners, readonly: bool) -> std::io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = fs::open(path, flags, Mode::empty())?;
        fs::stat(Node(root.try_clone()?).path())?;
        Ok(Self { root, owners, readonly })
    }

    /// Refuses what changes anything, where nothing may be changed.
    pub(super) fn may_change(&self) -> Result<()> {
        if self.readonly { Err(Errno::ROFS) } else { Ok(()) }
    }

    /// The names of a file in a directory.
    pub(super) fn child(parent: &Names, name: &[u8]) -> Result<Names> {
        if name.is_empty()
            || name == b"."
            || name == b".."
            || name.iter().any(|b| matches!(b, 0 | b'/'))
        {
            return Err(Errno::INVAL);
        }
        let len: usize = parent.iter().map(|name| name.len() + 1).sum();
        if len + name.len() > LONGEST {
            return Err(Errno::NAMETOOLONG);
        }
        let mut names = parent.clone();
        names.push(name.to_vec());
        Ok(names)
    }

    fn at(&self, names: &[Vec<u8>], last: OFlags) -> Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut here = fs::openat(&self.root, ".", flags | OFlags::DIRECTORY, Mode::empty())?;
        for (index, name) in names.iter().enumerate() {
            let more = if index + 1 < names.len() { OFlags::DIRECTORY } else { last };
            here = fs::openat(&here, os(name), flags | more, Mode::empty())?;
        }
        Ok(here)
    }

    fn node(&self, names: &Names) -> Result<Node> {
        self.at(names, OFlags::empty()).map(Node)
    }

    /// The directory that a file is in, and its name there; none of the folder itself.
    fn place<'a>(&self, names: &'a Names) -> Result<(OwnedFd, &'a OsStr)> {
        let (name, parent) = names.split_last().ok_or(Errno::BUSY)?;
        Ok((self.at(parent, OFlags::DIRECTORY)?, os(name)))
    }

    /// What is known of a file.
    pub(super) fn facts(&self, names: &Names) -> Result<Facts> {
        self.facts_of(&self.node(names)?)
    }

    fn facts_of(&self, node: &Node) -> Result<Facts> {
        let stat = fs::fstat(&node.0)?;
        let mut facts = Facts {
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            rdev: stat.st_rdev,
            stat,
        };
        if self.owners == Owners::Beside && stat.st_mode & KIND != LINK {
            let [uid, gid, mode, rdev] = [0, 1, 2, 3].map(|index| node.beside(index));
            facts.uid = uid.map_or(facts.uid, |uid| uid as u32);
            facts.gid = gid.map_or(facts.gid, |gid| gid as u32);
            facts.mode = mode.map_or(facts.mode, |mode| mode as u32);
            facts.rdev = rdev.unwrap_or(facts.rdev);
        }
        Ok(facts)
    }

    /// What is known of a file that is open, which need not have a name any more.
    pub(super) fn facts_of_open(&self, file: &File) -> Result<Facts> {
        self.facts_of(&Node(file.try_clone().map_err(errno)?.into()))
    }

    /// Opens a file to be read or written. What is no file, a guest opens by itself.
    pub(super) fn open_file(&self, names: &Names, flags: OFlags) -> Result<File> {
        if flags.intersects(OFlags::WRONLY | OFlags::RDWR | OFlags::TRUNC) {
            self.may_change()?;
        }
        let node = self.node(names)?;
        let regular = fs::fstat(&node.0)?.st_mode & KIND == REGULAR;
        if !regular || self.facts_of(&node)?.mode & KIND != REGULAR {
            return Err(Errno::NXIO);
        }
        Ok(node.open(flags)?.into())
    }

    /// Makes a file and opens it.
    pub(super) fn create(&self, names: &Names, flags: OFlags, made: Made) -> Result<File> {
        self.may_change()?;
        let (parent, name) = self.place(names)?;
        let more = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match fs::openat(&parent, name, flags | more, Mode::from(FILE)) {
            Ok(file) => {
                self.own(names, made.mode & 0o7777 | REGULAR, made)?;
                Ok(file.into())
            }
            // What is there already is opened, unless it must not be there.
            Err(Errno::EXIST) if !flags.contains(OFlags::EXCL) => self.open_file(names, flags),
            Err(error) => Err(error),
        }
    }

    pub(super) fn make_folder(&self, names: &Names, made: Made) -> Result<()> {
        self.may_change()?;
        let (parent, name) = self.place(names)?;
        fs::mkdirat(&parent, name, Mode::from(DIRECTORY))?;
        self.own(names, made.mode & 0o7777 | FOLDER, made)
    }

    /// Makes a pipe, a socket or a device.
    pub(super) fn make_node(&self, names: &Names, rdev: u64, made: Made) -> Result<()> {
        self.may_change()?;
        let (parent, name) = self.place(names)?;
        if self.owners == Owners::Beside {
            fs::mknodat(&parent, name, FileType::RegularFile, Mode::from(FILE), 0)?;
            self.own(names, made.mode, made)?;
            return self.node(names)?.set_beside(3, rdev);
        }
        let kind = FileType::from_raw_mode(made.mode);
        fs::mknodat(&parent, name, kind, Mode::from(made.mode & 0o7777), rdev)?;
        self.own(names, made.mode, made)
    }

    pub(super) fn make_link(&self, names: &Names, target: &[u8], made: Made) -> Result<()> {
        self.may_change()?;
        let (parent, name) = self.place(names)?;
        if self.owners == Owners::Beside {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            let file = File::from(fs::openat(&parent, name, flags, Mode::from(FILE))?);
            file.write_all_at(target, 0).map_err(errno)?;
            return self.own(names, LINK | 0o777, made);
        }
        fs::symlinkat(os(target), &parent, name)?;
        self.own(names, LINK | 0o777, made)
    }

    /// Gives what was just made the owner and the mode that the guest says; takes it away again where
    /// that cannot be.
    fn own(&self, names: &Names, mode: u32, made: Made) -> Result<()> {
        let change = Change {
            mode: (mode & KIND != LINK || self.owners == Owners::Beside).then_some(mode),
            uid: Some(made.uid),
            gid: Some(made.gid),
            ..Change::default()
        };
        self.change(names, &change).inspect_err(|_| {
            let _ = self.remove(names, mode & KIND == FOLDER);
        })
    }

    /// Where a symbolic link leads, which is a guest's matter.
    pub(super) fn read_link(&self, names: &Names) -> Result<Vec<u8>> {
        let node = self.node(names)?;
        let facts = self.facts_of(&node)?;
        if facts.stat.st_mode & KIND == REGULAR && facts.mode & KIND == LINK {
            let mut target = vec![0; (facts.stat.st_size as usize).min(LONGEST)];
            let file = File::from(node.open(OFlags::RDONLY)?);
            file.read_exact_at(&mut target, 0).map_err(errno)?;
            return Ok(target);
        }
        Ok(fs::readlinkat(&node.0, "", Vec::new())?.into_bytes())
    }

    /// Changes what is said.
    pub(super) fn change(&self, names: &Names, change: &Change) -> Result<()> {
        self.may_change()?;
        self.change_node(&self.node(names)?, change)
    }

    pub(super) fn change_open(&self, file: &File, change: &Change) -> Result<()> {
        self.may_change()?;
        self.change_node(&Node(file.try_clone().map_err(errno)?.into()), change)
    }

    fn change_node(&self, node: &Node, change: &Change) -> Result<()> {
        if let Some(size) = change.size {
            if fs::fstat(&node.0)?.st_mode & KIND != REGULAR {
                return Err(Errno::INVAL);
            }
            fs::ftruncate(node.open(OFlags::WRONLY)?, size)?;
        }
        if self.owners == Owners::Beside {
            let kind = self.facts_of(node)?.mode & KIND;
            // The kind of what was just made is not known yet.
            let mode = change.mode.map(|mode| if mode & KIND == 0 { mode | kind } else { mode });
            for (index, value) in [change.uid, change.gid, mode].into_iter().enumerate() {
                if let Some(value) = value {
                    node.set_beside(index, value.into())?;
                }
            }
        } else {
            if change.uid.is_some() || change.gid.is_some() {
                let (uid, gid) = (change.uid.map(Uid::from_raw), change.gid.map(Gid::from_raw));
                match fs::chownat(&node.0, "", uid, gid, AtFlags::EMPTY_PATH) {
                    Err(_) if self.owners == Owners::Mine => {}
                    other => other?,
                }
            }
            // After the owner, whose change takes bits away.
            if let Some(mode) = change.mode {
                fs::chmod(node.path(), Mode::from(mode & 0o7777))?;
            }
        }
        if let Some(times) = &change.times {
            fs::utimensat(fs::CWD, node.path(), times, AtFlags::empty())?;
        }
        Ok(())
    }

    pub(super) fn remove(&self, names: &Names, folder: bool) -> Result<()> {
        self.may_change()?;
        let (parent, name) = self.place(names)?;
        fs::unlinkat(&parent, name, if folder { AtFlags::REMOVEDIR } else { AtFlags::empty() })
    }

    pub(super) fn rename(&self, from: &Names, to: &Names) -> Result<()> {
        self.may_change()?;
        let ((old, old_name), (new, new_name)) = (self.place(from)?, self.place(to)?);
        fs::renameat(&old, old_name, &new, new_name)
    }

    pub(super) fn link(&self, from: &Names, to: &Names) -> Result<()> {
        self.may_change()?;
        let ((old, old_name), (new, new_name)) = (self.place(from)?, self.place(to)?);
        fs::linkat(&old, old_name, &new, new_name, AtFlags::empty())
    }

    /// All entries of a directory, with those of itself and its parent.
    pub(super) fn list(&self, names: &Names) -> Result<Vec<Entry>> {
        let folder = self.node(names)?.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut entries = Vec::new();
        for entry in Dir::new(folder)? {
            let entry = entry?;
            let kind = match entry.file_type() {
                // What the guest takes it for stands beside it.
                FileType::RegularFile if self.owners == Owners::Beside => 0,
                FileType::Unknown => 0,
                kind => (kind.as_raw_mode() >> 12) as u8,
            };
            let name = entry.file_name().to_bytes().to_vec();
            entries.push(Entry { name, ino: entry.ino(), kind });
        }
        Ok(entries)
    }

    /// Waits until a directory's entries are on the host's disk.
    pub(super) fn sync(&self, names: &Names) -> Result<()> {
        fs::fsync(self.node(names)?.open(OFlags::RDONLY | OFlags::DIRECTORY)?)
    }

    /// The host's file system.
    pub(super) fn statfs(&self, names: &Names) -> Result<StatFs> {
        fs::fstatfs(&self.node(names)?.0)
    }
}

fn os(name: &[u8]) -> &OsStr {
    OsStr::from_bytes(name)
}

/// What the host has said.
pub(super) fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
