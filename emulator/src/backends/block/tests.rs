//! Images, drives and nodes, without a machine.

use serde_json::json;

use super::*;
use qapi_runtime::{Decode, Mode, Path};

/// A directory that is gone at the end.
struct Files(std::path::PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bw-block-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().into()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn drive(blocks: &Blocks, options: serde_json::Value) -> Result<Disk, QmpError> {
    let options = XDriveAdd::decode(&options, &Path::ARGUMENTS, Mode::KEYVAL).unwrap();
    let id = options.id.clone();
    blocks.add_drive(options, false)?;
    blocks.take(&id, "/machine/peripheral/it", "virtio-blk-pci")
}

fn node(blocks: &Blocks, options: serde_json::Value) -> Result<(), QmpError> {
    let options = BlockdevOptions::decode(&options, &Path::ARGUMENTS, Mode::KEYVAL).unwrap();
    blocks.add_node(&options, false)
}

#[test]
fn a_snapshot_leaves_the_image_as_it_was() {
    let files = Files::new("snapshot");
    let image = files.file("disk.img", &[7; 0x2_0000]);
    let blocks = Blocks::default();
    let disk =
        drive(&blocks, json!({ "id": "d", "file": image, "format": "raw", "snapshot": true }));
    let disk = disk.unwrap();
    assert!(!disk.read_only());
    disk.write(0x1000, &[1; 1000]).unwrap();
    disk.flush().unwrap();
    let mut back = [0; 4];
    disk.read(0x1000 + 998, &mut back).unwrap();
    assert_eq!(back, [1, 1, 7, 7]);
    assert_eq!(std::fs::read(&image).unwrap(), [7; 0x2_0000]);
}

#[test]
fn the_last_sector_may_be_in_part() {
    let files = Files::new("sector");
    let image = files.file("disk.img", &[7; 700]);
    let blocks = Blocks::default();
    let disk = drive(&blocks, json!({ "id": "d", "file": image, "format": "raw" })).unwrap();
    assert_eq!(disk.size(), 1024);
    let mut back = [1; 512];
    disk.read(512, &mut back).unwrap();
    assert_eq!((back[187], back[188]), (7, 0));
    disk.write(512, &[3; 512]).unwrap();
    assert_eq!(std::fs::metadata(&image).unwrap().len(), 1024);
}

#[test]
fn discarded_room_goes_back_to_the_host_and_reads_as_zero() {
    let files = Files::new("discard");
    let image = files.file("disk.img", &[7; 0x10_0000]);
    let blocks = Blocks::default();
    let options = json!({ "id": "d", "file": image, "format": "raw", "discard": "unmap" });
    let disk = drive(&blocks, options).unwrap();
    disk.discard(0x2000, 0x4000).unwrap();
    disk.zero(0x8000, 0x1000, true).unwrap();
    disk.zero(0xa000, 0x1001, false).unwrap();
    let bytes = std::fs::read(&image).unwrap();
    assert_eq!(bytes.len(), 0x10_0000);
    for (at, value) in
        [(0x1fff, 7), (0x7fff, 7), (0x8000, 0), (0x8fff, 0), (0x9000, 7), (0xb000, 0), (0xb001, 7)]
    {
        assert_eq!(bytes[at], value, "{at:#x}");
    }
}

#[test]
fn no_two_write_to_one_image() {
    let files = Files::new("lock");
    let image = files.file("disk.img", &[7; 4096]);
    let blocks = Blocks::default();
    let of = |id: &str, read_only: bool| json!({ "id": id, "file": image, "format": "raw", "readonly": read_only });
    drive(&blocks, of("d", false)).unwrap();
    let write = drive(&blocks, of("e", false)).err().unwrap();
    assert_eq!(
        write.desc,
        format!("Failed to get \"write\" lock\nIs another process using the image [{image}]?")
    );
    let read = drive(&blocks, of("f", true)).err().unwrap();
    assert!(read.desc.starts_with("Failed to get shared \"write\" lock"), "{}", read.desc);
    assert_eq!(blocks.query().len(), 1, "what failed is not there");
    assert_eq!(blocks.query_nodes().len(), 2);
    // Readers bear each other.
    let others = Blocks::default();
    let image = files.file("other.img", &[7; 4096]);
    let of = |id: &str| json!({ "id": id, "file": image, "format": "raw", "readonly": true });
    drive(&others, of("d")).unwrap();
    drive(&others, of("e")).unwrap();
}

#[test]
fn errors_are_reported_ignored_or_stop_the_guest() {
    use BlockErrorAction::{Ignore, Report, Stop};
    use IoOperationType::{Read, Write};
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let other = io::Error::from(io::ErrorKind::InvalidData);
    let rows = [
        (None, [Report, Report, Stop, Report]),
        (Some(BlockdevOnError::Auto), [Report, Report, Stop, Report]),
        (Some(BlockdevOnError::Report), [Report; 4]),
        (Some(BlockdevOnError::Ignore), [Ignore; 4]),
        (Some(BlockdevOnError::Stop), [Stop; 4]),
        (Some(BlockdevOnError::Enospc), [Stop, Report, Stop, Report]),
    ];
    for (said, actions) in rows {
        let policy = OnError::USUAL.with(said, said);
        let found = [(Read, &full), (Read, &other), (Write, &full), (Write, &other)]
            .map(|(operation, error)| policy.action(operation, error));
        assert_eq!(found, actions, "{said:?}");
    }
}

#[test]
fn nodes_go_when_nobody_has_them() {
    let files = Files::new("nodes");
    let image = files.file("disk.img", &[7; 4096]);
    let blocks = Blocks::default();
    node(&blocks, json!({ "driver": "file", "node-name": "f", "filename": image })).unwrap();
    node(&blocks, json!({ "driver": "raw", "node-name": "r", "file": "f" })).unwrap();
    let refused = |name: &str| blocks.remove_node(name).unwrap_err().desc;
    assert_eq!(refused("f"), "Node f is in use: node 'r' is made of it");
    assert_eq!(refused("x"), "Failed to find node with node-name='x'");
    let disk = blocks.take("r", "/machine/peripheral/it", "virtio-blk-pci").unwrap();
    assert_eq!(refused("r"), "Node r is in use: device '/machine/peripheral/it' has it");
    assert_eq!((disk.drive(), disk.node(), disk.size()), ("", "r", 4096));
    let again = json!({ "driver": "raw", "node-name": "r", "file": "f" });
    assert_eq!(node(&blocks, again).unwrap_err().desc, "Duplicate nodes with node-name='r'");
    let other = Blocks::default();
    let parts = json!({ "driver": "raw", "node-name": "r", "read-only": true,
        "file": { "driver": "file", "filename": files.file("b.img", &[0; 512]) } });
    node(&other, parts).unwrap();
    assert_eq!(other.query_nodes().len(), 2);
    other.remove_node("r").unwrap();
    assert_eq!(other.query_nodes().len(), 0);
}

#[test]
fn an_image_can_be_made_larger_and_no_smaller() {
    let files = Files::new("resize");
    let image = files.file("disk.img", &[7; 4096]);
    let blocks = Blocks::default();
    let disk = drive(&blocks, json!({ "id": "d", "file": image, "format": "raw" })).unwrap();
    blocks.resize("d", 8192).unwrap();
    assert_eq!(disk.size(), 8192);
    assert!(blocks.resize("d", 4096).unwrap_err().desc.contains("only be made larger"));
    assert!(blocks.resize("e", 4096).is_err());
}
