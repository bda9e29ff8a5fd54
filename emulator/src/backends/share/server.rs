//! What the requests of one client mean. They are answered one after the other.
//!
//! A client calls files by numbers of its own, fids. A fid is a list of names, which follows when
//! the client renames a directory on the way; only one that is open has a descriptor of the host, or
//! a directory's entries, and there is a limit to these.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::{OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, makedev};
use rustix::io::{Errno, Result};
use rustix::process::{Resource, getrlimit};

use super::folder::{Change, Entry, Facts, Folder, Made, Names, errno};
use super::wire::{HEADER, Reader, Writer, kind};

/// The longest message.
pub const LONGEST: u32 = 512 << 10;
/// The shortest that a client can ask for: an answer with a name.
const SHORTEST: u32 = 4096;
/// What is beside the data in a message with data.
const BESIDE_DATA: u32 = 24;
/// The most fids of a client.
const MOST_FIDS: usize = 1 << 14;
/// The most that are open at a time, where the host allows as many.
const MOST_OPEN: usize = 1024;
/// The most names of a walk.
const MOST_NAMES: u16 = 16;
/// No fid.
const NONE: u32 = u32::MAX;
/// All that `getattr` tells, but birth and generation.
const BASIC: u64 = 0x7ff;

/// Bits of `setattr`.
mod set {
    pub(super) const MODE: u32 = 1;
    pub(super) const UID: u32 = 1 << 1;
    pub(super) const GID: u32 = 1 << 2;
    pub(super) const SIZE: u32 = 1 << 3;
    pub(super) const ATIME: u32 = 1 << 4;
    pub(super) const MTIME: u32 = 1 << 5;
    pub(super) const ATIME_SET: u32 = 1 << 7;
    pub(super) const MTIME_SET: u32 = 1 << 8;
}

/// Flags of `open` as the protocol has them, and what they are on this host.
const FLAGS: [(u32, OFlags); 7] = [
    (0o1, OFlags::WRONLY),
    (0o2, OFlags::RDWR),
    (0o200, OFlags::EXCL),
    (0o1000, OFlags::TRUNC),
    (0o2000, OFlags::APPEND),
    (0o10000, OFlags::DSYNC),
    (0o4010000, OFlags::SYNC),
];

fn flags(given: u32) -> OFlags {
    let there = FLAGS.into_iter().filter(|(bits, _)| given & bits == *bits);
    there.fold(OFlags::RDONLY, |all, (_, flag)| all | flag)
}

/// What a fid has open.
enum Open {
    File(File),
    /// The entries as they were when they were read from the begin.
    Folder(Option<Vec<Entry>>),
}

struct Fid {
    names: Names,
    /// Who the client says it acts for.
    uid: u32,
    open: Option<Open>,
}

/// The server of one client.
pub struct Server {
    folder: Arc<Folder>,
    /// The longest message that was agreed on.
    size: u32,
    fids: BTreeMap<u32, Fid>,
    /// How many may be open.
    most_open: usize,
}

impl Server {
    /// A server of a folder.
    #[must_use]
    pub fn new(folder: Arc<Folder>) -> Self {
        // Others of this program need descriptors, too.
        let host = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 2;
        let most_open = usize::try_from(host).unwrap_or(usize::MAX).min(MOST_OPEN);
        Self { folder, size: LONGEST, fids: BTreeMap::new(), most_open }
    }

    /// Whether a client uses the folder.
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.fids.is_empty()
    }

    /// Forgets the client.
    pub fn reset(&mut self) {
        self.fids.clear();
        self.size = LONGEST;
    }

    /// Answers a message; nothing answers what has no tag to be answered by.
    pub fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut request = Reader(message);
        let size = request.u32().ok()? as usize;
        let (kind, tag) = (request.u8().ok()?, request.u16().ok()?);
        let body = size.checked_sub(HEADER).and_then(|len| request.take(len).ok());
        let mut answer = Writer::default();
        let done = match body {
            Some(body) => self.request(kind, &mut Reader(body), &mut answer),
            None => Err(Errno::INVAL),
        };
        Some(match done {
            Ok(()) => answer.finish(kind.wrapping_add(1), tag),
            Err(error) => {
                let mut refusal = Writer::default();
                refusal.u32(error.raw_os_error().unsigned_abs());
                refusal.finish(kind::ERROR, tag)
            }
        })
    }

    fn request(&mut self, kind: u8, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        match kind {
            kind::VERSION => self.version(of, to),
            kind::ATTACH => self.attach(of, to),
            kind::WALK => self.walk(of, to),
            kind::OPEN => self.open(of, to),
            kind::CREATE => self.create(of, to),
            kind::READ => self.read(of, to),
            kind::WRITE => self.write(of, to),
            kind::READDIR => self.list(of, to),
            kind::GETATTR => self.facts(of, to),
            kind::SETATTR => self.change(of),
            kind::STATFS => self.statfs(of, to),
            kind::FSYNC => self.sync(of),
            kind::MKDIR | kind::MKNOD | kind::SYMLINK => self.make(kind, of, to),
            kind::LINK => self.link(of),
            kind::READLINK => {
                let target = self.folder.read_link(&self.fid(of)?.names)?;
                to.text(&target);
                Ok(())
            }
            kind::RENAME => self.rename(of),
            kind::RENAMEAT => self.rename_at(of),
            kind::UNLINKAT => self.unlink(of),
            kind::REMOVE => self.remove(of),
            kind::CLUNK => {
                let fid = of.u32()?;
                self.fids.remove(&fid).map(drop).ok_or(Errno::BADF)
            }
            // All that came before is answered.
            kind::FLUSH => Ok(()),
            kind::LOCK => {
                // Locks are the guest's matter: granted.
                self.fid(of)?;
                to.u8(0);
                Ok(())
            }
            kind::GETLOCK => self.get_lock(of, to),
            // No passwords, no extended attributes.
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn fid(&self, of: &mut Reader<'_>) -> Result<&Fid> {
        self.fids.get(&of.u32()?).ok_or(Errno::BADF)
    }

    /// The names of what a request calls by a directory and a name.
    fn child(&self, of: &mut Reader<'_>) -> Result<(Names, u32)> {
        let fid = self.fid(of)?;
        Ok((Folder::child(&fid.names, of.text()?)?, fid.uid))
    }

    /// Room for one more fid that is open.
    fn room_to_open(&self) -> Result<()> {
        let open = self.fids.values().filter(|fid| fid.open.is_some()).count();
        if open < self.most_open { Ok(()) } else { Err(Errno::MFILE) }
    }

    fn version(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (size, version) = (of.u32()?, of.text()?);
        if size < SHORTEST {
            return Err(Errno::MSGSIZE);
        }
        self.reset();
        self.size = size.min(LONGEST);
        let known = version == b"9P2000.L";
        to.u32(self.size).text(if known { version } else { b"unknown" });
        Ok(())
    }

    fn add(&mut self, number: u32, fid: Fid) -> Result<()> {
        if number == NONE || self.fids.contains_key(&number) {
            return Err(Errno::BADF);
        }
        if self.fids.len() >= MOST_FIDS {
            return Err(Errno::NFILE);
        }
        self.fids.insert(number, fid);
        Ok(())
    }

    fn attach(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, _auth) = (of.u32()?, of.u32()?);
        let (_user, _name) = (of.text()?, of.text()?);
        let uid = of.u32()?;
        let names = Names::new();
        to.qid(self.folder.facts(&names)?.qid());
        self.add(number, Fid { names, uid, open: None })
    }

    fn walk(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (from, number, count) = (of.u32()?, of.u32()?, of.u16()?);
        let Fid { names, uid, .. } = self.fids.get(&from).ok_or(Errno::BADF)?;
        if count > MOST_NAMES {
            return Err(Errno::INVAL);
        }
        let (mut names, uid) = (names.clone(), *uid);
        let mut qids = Vec::new();
        for _ in 0..count {
            let step = match of.text()? {
                b"." => Ok(names.clone()),
                // Above the folder is the folder.
                b".." => {
                    Ok(names.split_last().map_or_else(Names::new, |(_, above)| above.to_vec()))
                }
                name => Folder::child(&names, name).map_err(|_| Errno::NOENT),
            };
            match step.and_then(|step| Ok((self.folder.facts(&step)?.qid(), step))) {
                Ok((qid, step)) => {
                    qids.push(qid);
                    names = step;
                }
                Err(error) if qids.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        to.u16(qids.len() as u16);
        qids.iter().for_each(|qid| {
            to.qid(*qid);
        });
        if qids.len() < usize::from(count) {
            // As far as it goes; there is no new fid.
            return Ok(());
        }
        if from == number {
            self.fids.remove(&from);
        }
        self.add(number, Fid { names, uid, open: None })
    }

    fn open(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, given) = (of.u32()?, of.u32()?);
        self.room_to_open()?;
        let fid = self.fids.get_mut(&number).ok_or(Errno::BADF)?;
        if fid.open.is_some() {
            return Err(Errno::BADF);
        }
        let facts = self.folder.facts(&fid.names)?;
        fid.open = Some(match facts.is_folder() {
            true if given & 3 != 0 => return Err(Errno::ISDIR),
            true => Open::Folder(None),
            false => Open::File(self.folder.open_file(&fid.names, flags(given))?),
        });
        to.qid(facts.qid()).u32(self.size - BESIDE_DATA);
        Ok(())
    }

    fn create(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, name) = (of.u32()?, of.text()?);
        let (given, mode, gid) = (of.u32()?, of.u32()?, of.u32()?);
        self.room_to_open()?;
        let fid = self.fids.get_mut(&number).ok_or(Errno::BADF)?;
        if fid.open.is_some() {
            return Err(Errno::BADF);
        }
        let names = Folder::child(&fid.names, name)?;
        let file = self.folder.create(&names, flags(given), Made { mode, uid: fid.uid, gid })?;
        to.qid(self.folder.facts_of_open(&file)?.qid()).u32(self.size - BESIDE_DATA);
        (fid.names, fid.open) = (names, Some(Open::File(file)));
        Ok(())
    }

    fn file(&self, number: u32) -> Result<&File> {
        match self.fids.get(&number).ok_or(Errno::BADF)?.open.as_ref() {
            Some(Open::File(file)) => Ok(file),
            Some(Open::Folder(_)) => Err(Errno::ISDIR),
            None => Err(Errno::BADF),
        }
    }

    fn read(&self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, offset, count) = (of.u32()?, of.u64()?, of.u32()?);
        let file = self.file(number)?;
        let mut data = vec![0; count.min(self.size - BESIDE_DATA) as usize];
        let mut done = 0;
        // A short read is the end.
        while let Some(rest) = data.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(done as u64)).map_err(errno) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        to.u32(done as u32).0.extend(data.iter().take(done));
        Ok(())
    }

    fn write(&self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, offset, count) = (of.u32()?, of.u64()?, of.u32()?);
        self.folder.may_change()?;
        let data = of.take(count as usize)?;
        self.file(number)?.write_all_at(data, offset).map_err(errno)?;
        to.u32(count);
        Ok(())
    }

    fn list(&mut self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (number, offset, count) = (of.u32()?, of.u64()?, of.u32()?);
        let fid = self.fids.get_mut(&number).ok_or(Errno::BADF)?;
        let Some(Open::Folder(entries)) = &mut fid.open else { return Err(Errno::BADF) };
        if offset == 0 || entries.is_none() {
            *entries = Some(self.folder.list(&fid.names)?);
        }
        let first = usize::try_from(offset).unwrap_or(usize::MAX);
        let all = entries.iter().flatten().enumerate().skip(first);
        let room = count.min(self.size - BESIDE_DATA) as usize;
        let mut listed = Writer::default();
        for (index, entry) in all {
            // A qid, the place of the next, the kind and the name.
            if listed.0.len() + 24 + entry.name.len() > room {
                break;
            }
            let kind = match entry.kind {
                4 => 0x80,
                10 => 2,
                _ => 0,
            };
            listed.u8(kind).u32(0).u64(entry.ino);
            listed.u64(index as u64 + 1).u8(entry.kind).text(&entry.name);
        }
        to.u32(listed.0.len() as u32).0.extend(listed.0);
        Ok(())
    }

    fn facts(&self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let fid = self.fid(of)?;
        let Facts { stat, mode, uid, gid, rdev } = match &fid.open {
            // It may have lost its name.
            Some(Open::File(file)) => self.folder.facts_of_open(file)?,
            _ => self.folder.facts(&fid.names)?,
        };
        let qid = Facts { stat, mode, uid, gid, rdev }.qid();
        to.u64(BASIC).qid(qid).u32(mode).u32(uid).u32(gid);
        // By way of a number that no host has there.
        to.u64(stat.st_nlink as i64 as u64).u64(rdev).u64(stat.st_size as u64);
        to.u64(stat.st_blksize as u64).u64(stat.st_blocks as u64);
        to.u64(stat.st_atime as u64).u64(stat.st_atime_nsec);
        to.u64(stat.st_mtime as u64).u64(stat.st_mtime_nsec);
        to.u64(stat.st_ctime as u64).u64(stat.st_ctime_nsec);
        // Birth, generation and version of the data are not told.
        (0..4).for_each(|_| {
            to.u64(0);
        });
        Ok(())
    }

    fn change(&self, of: &mut Reader<'_>) -> Result<()> {
        let fid = self.fid(of)?;
        let valid = of.u32()?;
        let (mode, uid, gid, size) = (of.u32()?, of.u32()?, of.u32()?, of.u64()?);
        let mut time = |now: u32, given: u32| -> Result<Timespec> {
            let (tv_sec, nanoseconds) = (of.u64()? as i64, of.u64()?);
            Ok(match (valid & now != 0, valid & given != 0) {
                (true, true) if nanoseconds < 1_000_000_000 => {
                    Timespec { tv_sec, tv_nsec: nanoseconds as i64 }
                }
                (true, true) => return Err(Errno::INVAL),
                (true, false) => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
                (false, _) => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            })
        };
        let last_access = time(set::ATIME, set::ATIME_SET)?;
        let last_modification = time(set::MTIME, set::MTIME_SET)?;
        let has = |bit: u32| valid & bit != 0;
        let change = Change {
            mode: has(set::MODE).then_some(mode & 0o7777),
            uid: has(set::UID).then_some(uid),
            gid: has(set::GID).then_some(gid),
            size: has(set::SIZE).then_some(size),
            times: has(set::ATIME | set::MTIME)
                .then_some(Timestamps { last_access, last_modification }),
        };
        match &fid.open {
            Some(Open::File(file)) => self.folder.change_open(file, &change),
            _ => self.folder.change(&fid.names, &change),
        }
    }

    fn statfs(&self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let stat = self.folder.statfs(&self.fid(of)?.names)?;
        // V9FS_MAGIC: what it is to the guest.
        to.u32(0x0102_1997).u32(stat.f_bsize as u32);
        to.u64(stat.f_blocks).u64(stat.f_bfree).u64(stat.f_bavail);
        to.u64(stat.f_files).u64(stat.f_ffree).u64(0).u32(255);
        Ok(())
    }

    fn sync(&self, of: &mut Reader<'_>) -> Result<()> {
        let fid = self.fid(of)?;
        match (&fid.open, of.u32()? & 1 != 0) {
            (Some(Open::File(file)), true) => file.sync_data().map_err(errno),
            (Some(Open::File(file)), false) => file.sync_all().map_err(errno),
            _ => self.folder.sync(&fid.names),
        }
    }

    fn make(&self, kind: u8, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        let (names, uid) = self.child(of)?;
        match kind {
            kind::MKDIR => {
                let (mode, gid) = (of.u32()?, of.u32()?);
                self.folder.make_folder(&names, Made { mode, uid, gid })?;
            }
            kind::MKNOD => {
                let (mode, major, minor, gid) = (of.u32()?, of.u32()?, of.u32()?, of.u32()?);
                self.folder.make_node(&names, makedev(major, minor), Made { mode, uid, gid })?;
            }
            _ => {
                let (target, gid) = (of.text()?, of.u32()?);
                self.folder.make_link(&names, target, Made { mode: 0o777, uid, gid })?;
            }
        }
        to.qid(self.folder.facts(&names)?.qid());
        Ok(())
    }

    fn link(&self, of: &mut Reader<'_>) -> Result<()> {
        let parent = &self.fid(of)?.names;
        let from = &self.fid(of)?.names;
        self.folder.link(from, &Folder::child(parent, of.text()?)?)
    }

    fn rename(&mut self, of: &mut Reader<'_>) -> Result<()> {
        let from = self.fid(of)?.names.clone();
        let (to, _) = self.child(of)?;
        self.moved(&from, &to)
    }

    fn rename_at(&mut self, of: &mut Reader<'_>) -> Result<()> {
        let ((from, _), (to, _)) = (self.child(of)?, self.child(of)?);
        self.moved(&from, &to)
    }

    /// Renames, and with it what fids are called that are in there.
    fn moved(&mut self, from: &Names, to: &Names) -> Result<()> {
        self.folder.rename(from, to)?;
        for fid in self.fids.values_mut() {
            if let Some(rest) = fid.names.strip_prefix(from.as_slice()) {
                fid.names = [to.as_slice(), rest].concat();
            }
        }
        Ok(())
    }

    fn unlink(&self, of: &mut Reader<'_>) -> Result<()> {
        const REMOVEDIR: u32 = 0x200;
        let (names, _) = self.child(of)?;
        self.folder.remove(&names, of.u32()? & REMOVEDIR != 0)
    }

    fn remove(&mut self, of: &mut Reader<'_>) -> Result<()> {
        // The fid is gone, whatever comes of it.
        let fid = self.fids.remove(&of.u32()?).ok_or(Errno::BADF)?;
        let is_folder = self.folder.facts(&fid.names)?.is_folder();
        self.folder.remove(&fid.names, is_folder)
    }

    fn get_lock(&self, of: &mut Reader<'_>, to: &mut Writer) -> Result<()> {
        const UNLOCKED: u8 = 2;
        self.fid(of)?;
        let (_kind, start, length, process) = (of.u8()?, of.u64()?, of.u64()?, of.u32()?);
        to.u8(UNLOCKED).u64(start).u64(length).u32(process).text(of.text()?);
        Ok(())
    }
}
