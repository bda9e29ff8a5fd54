//! The targets of files that a user names: disk images, kernels, device trees. Whatever is in them,
//! they are used or refused.

use std::cell::RefCell;
use std::path::PathBuf;

use boardwright::backends::block::{Blocks, SECTOR};
use boardwright::boot::{Facts, Loaded};
use boardwright::qapi::{BlockdevDriver, MachineOptions, XDriveAdd};
use boardwright_devicetree::Tree;
use qapi_runtime::{Decode, Mode, Path};
use serde_json::json;

use crate::{must, scratch};

/// What mutants of images, kernels and trees are made with.
pub(crate) const DISKS: &[&str] = &["QFI\u{fb}", "\0\0\0\0\0\0\0\0", "\u{7f}"];
pub(crate) const KERNELS: &[&str] =
    &["\u{7f}ELF\u{2}\u{1}\u{1}", "MZ\0\0zimg", "gzip\0", "RSC\u{5}", "PE\0\0", "\0\0\0\0"];
pub(crate) const TREES: &[&str] = &[
    "/dts-v1/;",
    "/ { #address-cells = <2>; };",
    "reg = <0 0 0 0>;",
    "compatible = \"virtio,mmio\";",
    "interrupts-extended = <&a 1>;",
    "/delete-node/ ",
    "/bits/ 8 ",
    "<1 2>",
    "&{/soc} ",
];

thread_local! {
    static PLACE: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// A file with these bytes, the same one for all inputs of a thread.
fn file(bytes: &[u8]) -> PathBuf {
    let path = PLACE.take().unwrap_or_else(|| scratch("file"));
    PLACE.set(Some(path.clone()));
    must(std::fs::write(&path, bytes));
    path
}

/// An image as a disk of either format, read and written by a guest.
pub(crate) fn disk(bytes: &[u8]) {
    for (format, read_only) in
        [(None, true), (Some(BlockdevDriver::Qcow2), false), (Some(BlockdevDriver::Raw), false)]
    {
        let path = file(bytes);
        let blocks = Blocks::default();
        let options = json!({ "id": "d", "file": path, "readonly": read_only });
        let mut options = must(XDriveAdd::decode(&options, &Path::ARGUMENTS, Mode::STRICT));
        options.format = format;
        if let Err(error) = blocks.add_drive(options, false) {
            assert!(error.desc.contains("Could not open"), "{}", error.desc);
            assert!(blocks.query_nodes().is_empty(), "what failed is not there");
            continue;
        }
        let disk = must(blocks.take("d", "/machine/it", "virtio-blk-device"));
        let end = disk.size();
        assert!(end.is_multiple_of(SECTOR));
        let mut sector = [0; SECTOR as usize];
        let places = [0, end / 2 / SECTOR * SECTOR, end.saturating_sub(SECTOR)];
        for at in places.into_iter().filter(|at| at + SECTOR <= end) {
            // Any of it may fail.
            let _ = disk.read(at, &mut sector);
            if !read_only {
                let _ = disk.write(at, &sector);
                let _ = disk.zero(at, SECTOR, true);
            }
        }
        if !read_only {
            let _ = disk.flush();
        }
        drop(blocks.query());
    }
}

/// A kernel, as it is loaded and as its facts are told.
pub(crate) fn kernel(bytes: &[u8]) {
    thread_local! {
        static BOARD: RefCell<Option<boardwright::board::Board>> = const { RefCell::new(None) };
    }
    let path = file(bytes);
    let board = BOARD.take().unwrap_or_else(|| {
        let options = json!({ "type": "virt", "kernel": path });
        let options = must(MachineOptions::decode(&options, &Path::ARGUMENTS, Mode::STRICT));
        boardwright::board::Board::new(options)
    });
    for width in [32, 64] {
        for kernel in boardwright::boot::files(&board, width) {
            match kernel.and_then(|kernel| kernel.facts()) {
                Ok(facts) => assert!(facts.entry.is_some()),
                Err(error) => assert!(error.to_string().contains("file"), "{error}"),
            }
        }
    }
    BOARD.set(Some(board));
    for raw in [false, true] {
        let loaded = Loaded::read(&path, 0x8000_0000, raw);
        let facts = Facts::read(&path, 0x8000_0000, raw);
        assert!(loaded.is_err() || facts.is_ok(), "what is loaded has facts");
    }
}

/// A device tree in either form, and the board that it describes.
pub(crate) fn tree(bytes: &[u8]) {
    let path = file(bytes);
    let Ok(tree) = Tree::read(&path) else { return };
    if let Ok(blob) = tree.to_blob() {
        assert_eq!(must(Tree::from_blob(&blob)), tree, "what is written is read as it was");
    }
    let options = json!({ "type": "none" });
    let options = must(MachineOptions::decode(&options, &Path::ARGUMENTS, Mode::STRICT));
    if let Ok(imported) = boardwright::board::import::import(&tree, &options) {
        let _ = imported.board();
    }
}
