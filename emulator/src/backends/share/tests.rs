//! Clients that do what they may, and what they may not: requests as text, in rows.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::wire::{HEADER, Reader, Writer, kind};
use super::{Folder, Owners, Server};

/// A folder with something in it and something beside it, and a server of it.
struct Client {
    place: PathBuf,
    server: Server,
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// What `mkdir`, `create` and the like end in: their mode and group.
const MODE: &str = "4:420 4:0";

impl Client {
    fn new(name: &str, owners: Owners, readonly: bool) -> Self {
        let place = std::env::temp_dir().join(format!("bw-share-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("shared/sub/deep")).unwrap();
        fs::write(place.join("secret"), "secret").unwrap();
        fs::write(place.join("shared/file"), "contents").unwrap();
        symlink("../secret", place.join("shared/out")).unwrap();
        symlink("..", place.join("shared/up")).unwrap();
        symlink("file", place.join("shared/in")).unwrap();
        let folder = Folder::open(&place.join("shared"), owners, readonly).unwrap();
        let mut client = Self { place, server: Server::new(Arc::new(folder)) };
        client.ok(kind::VERSION, "4:8192 9P2000.L");
        client.ok(kind::ATTACH, "4:1 4:0xffffffff u n 4:0");
        client
    }

    fn shared(&self, name: &str) -> PathBuf {
        self.place.join("shared").join(name)
    }

    /// Makes a request: members are numbers, `SIZE:NUMBER`, or texts. Returns the answer's members,
    /// or the error.
    fn ask(&mut self, kind: u8, members: &str) -> Result<Vec<u8>, u32> {
        let mut request = Writer::default();
        for member in members.split_whitespace() {
            let number = member.split_once(':').and_then(|(size, value)| {
                let value = match value.strip_prefix("0x") {
                    Some(digits) => u64::from_str_radix(digits, 16).ok()?,
                    None => value.parse().ok()?,
                };
                Some((size.parse::<usize>().ok()?, value))
            });
            match number {
                Some((size, value)) => request.0.extend(value.to_le_bytes().iter().take(size)),
                None => {
                    request.text(member.as_bytes());
                }
            }
        }
        let answer = self.server.answer(&request.finish(kind, 7)).unwrap();
        let mut reader = Reader(&answer);
        assert_eq!(reader.u32().unwrap() as usize, answer.len());
        let (got, tag) = (reader.u8().unwrap(), reader.u16().unwrap());
        assert_eq!(tag, 7);
        if got == kind::ERROR {
            return Err(reader.u32().unwrap());
        }
        assert_eq!(got, kind + 1);
        Ok(answer[HEADER..].to_vec())
    }

    fn ok(&mut self, kind: u8, members: &str) -> Vec<u8> {
        self.ask(kind, members).unwrap_or_else(|error| panic!("{kind} {members}: error {error}"))
    }

    fn rows(&mut self, rows: &[(u8, &str, u32)]) {
        for (kind, members, error) in rows {
            let members = members.replace("MODE", MODE);
            let got = self.ask(*kind, &members).err().unwrap_or(0);
            assert_eq!(got, *error, "{kind} {members}");
        }
    }
}

const NOENT: u32 = 2;
const NXIO: u32 = 6;
const BADF: u32 = 9;
const BUSY: u32 = 16;
const EXIST: u32 = 17;
const NOTDIR: u32 = 20;
const INVAL: u32 = 22;
const MFILE: u32 = 24;
const ROFS: u32 = 30;
const NOTSUP: u32 = 95;

#[test]
fn files_are_made_read_changed_and_removed() {
    for (name, owners) in [("mine", Owners::Mine), ("beside", Owners::Beside)] {
        let mut client = Client::new(name, owners, false);
        if owners == Owners::Beside
            && rustix::fs::setxattr(
                client.shared("file"),
                "user.t",
                b"1",
                rustix::fs::XattrFlags::empty(),
            )
            .is_err()
        {
            eprintln!("not tried: the file system has no extended attributes");
            continue;
        }
        client.rows(&[
            (kind::WALK, "4:1 4:2 2:1 sub", 0),
            (kind::CREATE, "4:2 new 4:2 MODE", 0),
            (kind::WRITE, "4:2 8:0 4:5 2:0x6568 2:0x6c6c 1:0x6f", 0),
            (kind::FSYNC, "4:2 4:0", 0),
            (kind::CREATE, "4:2 other 4:2 MODE", BADF),
            (kind::MKDIR, "4:1 folder MODE", 0),
            (kind::MKDIR, "4:1 folder MODE", EXIST),
            (kind::RENAMEAT, "4:1 sub 4:1 moved", 0),
            (kind::STATFS, "4:1", 0),
        ]);
        assert_eq!(fs::read(client.shared("moved/new")).unwrap(), b"hello");
        // The fid has followed, and reads what is there.
        assert_eq!(client.ok(kind::READ, "4:2 8:1 4:100"), b"\x04\0\0\0ello");
        client.rows(&[
            (kind::SETATTR, "4:2 4:8 4:0 4:0 4:0 8:2 8:0 8:0 8:0 8:0", 0),
            (kind::UNLINKAT, "4:1 moved 4:0x200", 39),
            (kind::WALK, "4:1 4:3 2:2 moved new", 0),
            (kind::LINK, "4:1 4:3 second", 0),
            (kind::REMOVE, "4:3", 0),
            (kind::GETATTR, "4:2 8:0x7ff", 0),
            (kind::CLUNK, "4:2", 0),
            (kind::CLUNK, "4:2", BADF),
            (kind::UNLINKAT, "4:1 folder 4:0x200", 0),
            (kind::SYMLINK, "4:1 link ../../secret 4:0", 0),
            (kind::WALK, "4:1 4:4 2:1 link", 0),
        ]);
        assert_eq!(fs::read(client.shared("second")).unwrap(), b"he");
        assert!(!client.shared("folder").exists());
        // A link is what the guest makes of it.
        assert_eq!(client.ok(kind::READLINK, "4:4"), b"\x0c\0../../secret");
        assert_eq!(client.shared("link").is_symlink(), owners == Owners::Mine);
    }
}

#[test]
fn who_the_guest_says_is_kept_beside() {
    let mut client = Client::new("kept", Owners::Beside, false);
    if rustix::fs::setxattr(client.shared("file"), "user.t", b"1", rustix::fs::XattrFlags::empty())
        .is_err()
    {
        eprintln!("not tried: the file system has no extended attributes");
        return;
    }
    client.rows(&[
        (kind::WALK, "4:1 4:2 2:1 file", 0),
        (kind::SETATTR, "4:2 4:7 4:0x9ed 4:1234 4:5678 8:0 8:0 8:0 8:0 8:0", 0),
        (kind::MKNOD, "4:1 null 4:0x21b6 4:1 4:3 4:0", 0),
        (kind::WALK, "4:1 4:3 2:1 null", 0),
        (kind::OPEN, "4:3 4:0", NXIO),
    ]);
    let facts = client.ok(kind::GETATTR, "4:2 8:0x7ff");
    let mut facts = Reader(&facts[21..]);
    assert_eq!([facts.u32(), facts.u32(), facts.u32()], [Ok(0o104_755), Ok(1234), Ok(5678)]);
    let facts = client.ok(kind::GETATTR, "4:3 8:0x7ff");
    assert_eq!(Reader(&facts[21..]).u32(), Ok(0o020_666));
    assert!(client.shared("null").is_file());
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let mut client = Client::new("out", Owners::Mine, false);
    client.rows(&[
        (kind::WALK, "4:1 4:2 2:1 ../secret", NOENT),
        (kind::WALK, "4:1 4:2 2:1 sub/deep", NOENT),
        (kind::WALK, "4:1 4:2 2:2 up secret", 0),
        (kind::OPEN, "4:2 4:0", BADF),
        (kind::WALK, "4:1 4:3 2:1 out", 0),
        (kind::OPEN, "4:3 4:0", NXIO),
        (kind::OPEN, "4:3 4:0x241", NXIO),
        (kind::WALK, "4:1 4:4 2:1 up", 0),
        (kind::CREATE, "4:4 new 4:2 MODE", NOTDIR),
        (kind::MKDIR, "4:4 new MODE", NOTDIR),
        (kind::UNLINKAT, "4:4 secret 4:0", NOTDIR),
        (kind::RENAMEAT, "4:1 file 4:4 file", NOTDIR),
        (kind::READDIR, "4:4 8:0 4:100", BADF),
        (kind::CREATE, "4:1 .. 4:2 MODE", INVAL),
        (kind::MKDIR, "4:1 a/b MODE", INVAL),
        (kind::RENAMEAT, "4:1 file 4:1 ../file", INVAL),
        (kind::UNLINKAT, "4:1 .. 4:0x200", INVAL),
        (kind::SETATTR, "4:3 4:8 4:0 4:0 4:0 8:0 8:0 8:0 8:0 8:0", INVAL),
        // A link that is made is not the way to what it leads to.
        (kind::SYMLINK, "4:1 abroad /etc 4:0", 0),
        (kind::WALK, "4:1 4:6 2:2 abroad passwd", 0),
        (kind::GETATTR, "4:6 8:0x7ff", BADF),
        // Above the folder is the folder.
        (kind::WALK, "4:1 4:5 2:3 .. .. file", 0),
        (kind::OPEN, "4:5 4:0", 0),
        (kind::WALK, "4:1 4:7 2:0", 0),
        (kind::REMOVE, "4:7", BUSY),
    ]);
    assert_eq!(fs::read(client.place.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&client.place).unwrap().count(), 2);
}

#[test]
fn a_folder_to_read_is_not_changed() {
    let mut client = Client::new("readonly", Owners::Mine, true);
    client.rows(&[
        (kind::WALK, "4:1 4:2 2:1 file", 0),
        (kind::OPEN, "4:2 4:1", ROFS),
        (kind::OPEN, "4:2 4:0x200", ROFS),
        (kind::SETATTR, "4:2 4:1 4:0 4:0 4:0 8:0 8:0 8:0 8:0 8:0", ROFS),
        (kind::MKDIR, "4:1 new MODE", ROFS),
        (kind::SYMLINK, "4:1 new file 4:0", ROFS),
        (kind::MKNOD, "4:1 new 4:0x1000 4:0 4:0 4:0", ROFS),
        (kind::LINK, "4:1 4:2 new", ROFS),
        (kind::RENAMEAT, "4:1 file 4:1 new", ROFS),
        (kind::UNLINKAT, "4:1 file 4:0", ROFS),
        (kind::CREATE, "4:1 new 4:2 MODE", ROFS),
        (kind::OPEN, "4:2 4:0", 0),
        (kind::WRITE, "4:2 8:0 4:1 1:0", ROFS),
        (kind::REMOVE, "4:2", ROFS),
    ]);
    assert_eq!(fs::read(client.shared("file")).unwrap(), b"contents");
}

#[test]
fn directories_are_listed_in_pieces() {
    let mut client = Client::new("list", Owners::Mine, false);
    for index in 0..300 {
        fs::write(client.shared(&format!("sub/{index}")), "").unwrap();
    }
    client.ok(kind::WALK, "4:1 4:2 2:1 sub");
    client.ok(kind::OPEN, "4:2 4:0");
    let (mut offset, mut names) = (0, Vec::new());
    loop {
        let piece = client.ok(kind::READDIR, &format!("4:2 8:{offset} 4:1000"));
        let mut reader = Reader(&piece);
        assert!(reader.u32().unwrap() as usize == reader.0.len() && reader.0.len() <= 1000);
        if reader.0.is_empty() {
            break;
        }
        while !reader.0.is_empty() {
            reader.take(13).unwrap();
            offset = reader.u64().unwrap();
            reader.u8().unwrap();
            names.push(String::from_utf8(reader.text().unwrap().to_vec()).unwrap());
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 303, "and '.', '..', 'deep'");
}

#[test]
fn descriptors_of_the_host_have_an_end() {
    let mut client = Client::new("many", Owners::Mine, false);
    let mut refused = 0;
    for fid in 2..3000 {
        client.ok(kind::WALK, &format!("4:1 4:{fid} 2:1 file"));
        if let Err(error) = client.ask(kind::OPEN, &format!("4:{fid} 4:0")) {
            assert_eq!(error, MFILE);
            refused += 1;
        }
    }
    assert!(refused >= 2998 - 1024, "{refused}");
    let error =
        (3000..40_000).find_map(|fid| client.ask(kind::WALK, &format!("4:1 4:{fid} 2:0")).err());
    assert_eq!(error, Some(23), "ENFILE");
    client.ok(kind::VERSION, "4:8192 9P2000.L");
    assert!(!client.server.is_used());
}

#[test]
fn requests_that_are_none_are_refused() {
    let mut client = Client::new("none", Owners::Mine, false);
    client.rows(&[
        (kind::ATTACH, "4:1 4:0 u n 4:0", BADF),
        (kind::WALK, "4:9 4:2 2:0", BADF),
        (kind::WALK, "4:1 4:2 2:17", INVAL),
        (kind::WALK, "4:1 4:2 2:3 sub", INVAL),
        (kind::OPEN, "4:1", INVAL),
        (kind::READ, "4:1 8:0 4:1", BADF),
        (kind::VERSION, "4:100 9P2000.L", 90),
        (102, "4:1 u n", NOTSUP),
        (30, "4:1 4:2 user.x", NOTSUP),
        (99, "", NOTSUP),
        (255, "", NOTSUP),
        (kind::FLUSH, "2:1", 0),
        (kind::LOCK, "4:1 1:0 4:0 8:0 8:0 4:1 me", 0),
        (kind::GETLOCK, "4:1 1:0 8:0 8:0 4:1 me", 0),
    ]);
    for (message, answered) in [
        (&b""[..], false),
        (&b"\x07\0\0\0\x64\0"[..], false),
        (&b"\x06\0\0\0\x64\0\0"[..], true),
        (&b"\xff\xff\xff\xff\x64\0\0"[..], true),
    ] {
        assert_eq!(client.server.answer(message).is_some(), answered, "{message:?}");
    }
    assert!(Folder::open(Path::new("/no/where"), Owners::Mine, false).is_err());
    assert!(Folder::open(&client.place.join("secret"), Owners::Mine, false).is_err());
}

#[test]
fn clients_that_say_anything_hurt_nobody() {
    let mut client = Client::new("any", Owners::Mine, false);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let names = ["file", "sub", "deep", "..", ".", "up", "out", "new", "", "a/b"];
    for _ in 0..20_000 {
        let mut request = Writer::default();
        for _ in 0..next() % 8 {
            match next() % 4 {
                0 => request.text(names[next() as usize % names.len()].as_bytes()),
                1 => request.u32(next() as u32 % 5),
                2 => request.u64(next() % 9000),
                _ => request.u16(next() as u16 % 4),
            };
        }
        let _ = client.server.answer(&request.finish((next() % 130) as u8, 1));
    }
    assert_eq!(fs::read(client.place.join("secret")).unwrap(), b"secret");
    assert_eq!(fs::read_dir(&client.place).unwrap().count(), 2);
}
