//! Disk images: a graph of nodes (files, raw and qcow2 images over them), and drives, which are
//! names that devices know nodes by.
//!
//! The formats are the crate `imago`'s, whose qcow2 is by that format's maintainer in QEMU: it reads
//! and writes all but encryption and compression on writing, keeps the order of metadata that a crash
//! needs, and does so without a run-time of its own. Files are opened and locked here.

mod check;
mod lock;
mod node;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qapi_runtime::QmpError;

use crate::qapi::{
    BlockDeviceInfo, BlockDeviceIoStatus, BlockErrorAction, BlockInfo, BlockIoError,
    BlockdevCacheInfo, BlockdevCacheOptions, BlockdevDiscardOptions, BlockdevDriver,
    BlockdevOnError, BlockdevOptions, BlockdevOptionsDriver, BlockdevOptionsFile,
    BlockdevOptionsNull, BlockdevOptionsQcow2, BlockdevOptionsRaw, BlockdevRef, BlockdevRefOrNull,
    DriveCache, DriveDiscard, DriveMedia, ImageInfo, IoOperationType, XDriveAdd,
};

pub use node::Node;

/// The unit of disks in bytes.
pub const SECTOR: u64 = 512;

/// What names that are made up begin with; nobody can give such a one.
const MADE_UP: &str = "#block";

/// What devices call a node by.
#[derive(Clone, Debug)]
struct Drive {
    node: Arc<Node>,
    writeback: bool,
    on_error: OnError,
}

/// What is done about errors when reading and when writing.
#[derive(Clone, Copy, Debug)]
pub struct OnError {
    read: BlockdevOnError,
    write: BlockdevOnError,
}

impl OnError {
    /// What is usual.
    const USUAL: Self = Self { read: BlockdevOnError::Report, write: BlockdevOnError::Enospc };

    /// The same, with what is said otherwise.
    pub fn with(self, read: Option<BlockdevOnError>, write: Option<BlockdevOnError>) -> Self {
        let or = |said: Option<_>, usual| match said {
            None | Some(BlockdevOnError::Auto) => usual,
            Some(said) => said,
        };
        Self { read: or(read, self.read), write: or(write, self.write) }
    }

    /// What is done about an error.
    pub fn action(self, operation: IoOperationType, error: &io::Error) -> BlockErrorAction {
        let said = match operation {
            IoOperationType::Read => self.read,
            IoOperationType::Write => self.write,
        };
        match said {
            BlockdevOnError::Ignore => BlockErrorAction::Ignore,
            BlockdevOnError::Stop => BlockErrorAction::Stop,
            BlockdevOnError::Enospc if is_full(error) => BlockErrorAction::Stop,
            BlockdevOnError::Enospc | BlockdevOnError::Report | BlockdevOnError::Auto => {
                BlockErrorAction::Report
            }
        }
    }
}

/// Whether an error says that the host's disk is full.
pub fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::StorageFull
}

/// The nodes and drives by name.
#[derive(Default)]
pub struct Blocks(Mutex<Graph>);

#[derive(Default)]
struct Graph {
    nodes: BTreeMap<String, Arc<Node>>,
    drives: BTreeMap<String, Drive>,
    /// What devices have: the path of each by the node's name.
    users: BTreeMap<String, String>,
    /// How many names were made up.
    made_up: u32,
}

/// A node as a device has it.
#[derive(Clone)]
pub struct Disk {
    node: Arc<Node>,
    drive: String,
    writeback: bool,
    on_error: OnError,
}

impl Disk {
    /// The drive's name; empty for a node without one.
    pub fn drive(&self) -> &str {
        &self.drive
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        self.node.name()
    }

    /// Whether what is written may wait for a flush, as far as the drive says.
    pub fn writeback(&self) -> bool {
        self.writeback
    }

    /// Whether it is not written to.
    pub fn read_only(&self) -> bool {
        self.node.read_only()
    }

    /// Its size in bytes: whole sectors.
    pub fn size(&self) -> u64 {
        self.node.size().next_multiple_of(SECTOR)
    }

    /// Reads; what is behind the end reads as zero.
    ///
    /// # Errors
    /// What the host says.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.node.read(at, bytes)
    }

    /// Writes.
    ///
    /// # Errors
    /// What the host says.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.node.write(at, bytes)
    }

    /// Makes all that was written last.
    ///
    /// # Errors
    /// What the host says.
    pub fn flush(&self) -> io::Result<()> {
        self.node.flush()
    }

    /// What is there is of no more use.
    ///
    /// # Errors
    /// What the host says.
    pub fn discard(&self, at: u64, len: u64) -> io::Result<()> {
        self.node.discard(at, len)
    }

    /// What is there reads as zero from now on.
    ///
    /// # Errors
    /// What the host says.
    pub fn zero(&self, at: u64, len: u64, may_unmap: bool) -> io::Result<()> {
        self.node.zero(at, len, may_unmap)
    }

    /// The event for what the host has refused to the device at a path, and the guest is told.
    pub fn failed(
        &self,
        path: &str,
        operation: IoOperationType,
        error: &io::Error,
    ) -> BlockIoError {
        BlockIoError {
            qom_path: path.into(),
            device: self.drive.clone(),
            node_name: Some(self.node().into()),
            operation,
            action: BlockErrorAction::Report,
            nospace: Some(is_full(error)),
            reason: error.to_string(),
        }
    }

    /// What the drive says is done about errors.
    pub fn on_error(&self) -> OnError {
        self.on_error
    }

    /// An error has stopped the guest.
    pub fn stops(&self, error: &io::Error) {
        self.node.set_status(match is_full(error) {
            true => BlockDeviceIoStatus::Nospace,
            false => BlockDeviceIoStatus::Failed,
        });
    }

    /// Has a call made when the size changes.
    pub fn on_resize(&self, call: impl Fn() + Send + Sync + 'static) {
        self.node.on(node::News::Size, Box::new(call));
    }

    /// Has a call made when the guest goes on.
    pub fn on_release(&self, call: impl Fn() + Send + Sync + 'static) {
        self.node.on(node::News::Release, Box::new(call));
    }
}

impl Blocks {
    fn lock(&self) -> MutexGuard<'_, Graph> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a node; a closed host has the name only.
    ///
    /// # Errors
    /// The name is taken or missing, or the image cannot be opened.
    pub fn add_node(&self, options: &BlockdevOptions, closed: bool) -> Result<(), QmpError> {
        let Some(name) = &options.node_name else {
            return Err(QmpError::generic("'node-name' must be specified for the root node"));
        };
        crate::board::check_id(name)
            .map_err(|_| QmpError::generic(format!("Invalid node-name: '{name}'")))?;
        let mut graph = self.lock();
        graph.open(options, closed).map(drop)
    }

    /// Takes a node away.
    ///
    /// # Errors
    /// There is none, or something has it.
    pub fn remove_node(&self, name: &str) -> Result<(), QmpError> {
        let mut graph = self.lock();
        let Some(node) = graph.nodes.get(name) else {
            return Err(QmpError::generic(format!("Failed to find node with node-name='{name}'"))
                .with_nearest(name, graph.nodes.keys().map(String::as_str)));
        };
        let in_use = |by: &str| Err(QmpError::generic(format!("Node {name} is in use: {by}")));
        if let Some(user) = graph.users.get(name) {
            return in_use(&format!("device '{user}' has it"));
        }
        if let Some((id, _)) = graph.drives.iter().find(|(_, drive)| drive.node.name() == name) {
            return in_use(&format!("drive '{id}' has it"));
        }
        if let Some(whole) = graph.nodes.values().find(|whole| whole.is_made_of(node)) {
            return in_use(&format!("node '{}' is made of it", whole.name()));
        }
        let node = graph.nodes.remove(name);
        graph.forget_parts();
        drop(graph);
        node.map_or(Ok(()), |node| node.flush())
            .map_err(|error| QmpError::generic(format!("Cannot write '{name}': {error}")))
    }

    /// Makes a drive and its node.
    ///
    /// # Errors
    /// A name is taken, or the image cannot be opened. What is worth a warning comes with success.
    pub fn add_drive(&self, options: XDriveAdd, closed: bool) -> Result<Option<String>, QmpError> {
        let id = options.id.clone();
        crate::board::check_id(&id)?;
        let mut graph = self.lock();
        if graph.drives.contains_key(&id) {
            return Err(QmpError::generic(format!("Duplicate ID '{id}' for drive")));
        }
        let read_only = options.readonly.or(options.read_only).unwrap_or(false)
            || options.media == Some(DriveMedia::Cdrom);
        if options.rerror == Some(BlockdevOnError::Enospc) {
            return Err(QmpError::generic("'enospc' invalid read error action"));
        }
        let on_error = OnError::USUAL.with(options.rerror, options.werror);
        let mut warning = None;
        let format = match options.format {
            Some(format) => format,
            None if closed => BlockdevDriver::Raw,
            None => {
                let found = node::probe(&options.file)?;
                if found == BlockdevDriver::Raw {
                    warning = Some(format!(
                        "Image format was not specified for '{}' and probing guessed raw: say format=raw",
                        options.file
                    ));
                }
                found
            }
        };
        let cache = options.cache.unwrap_or(DriveCache::Writeback);
        let snapshot = options.snapshot.unwrap_or(false);
        let unmap = matches!(options.discard, Some(DriveDiscard::On | DriveDiscard::Unmap));
        let file = BlockdevOptionsFile { filename: options.file, locking: None, aio: None };
        let of = |driver, node_name| BlockdevOptions {
            driver,
            node_name,
            discard: Some(if unmap {
                BlockdevDiscardOptions::Unmap
            } else {
                BlockdevDiscardOptions::Ignore
            }),
            cache: Some(BlockdevCacheOptions {
                direct: Some(matches!(cache, DriveCache::None | DriveCache::Directsync)),
                no_flush: Some(cache == DriveCache::Unsafe),
            }),
            read_only: Some(read_only || snapshot),
            auto_read_only: None,
        };
        let file = of(BlockdevOptionsDriver::File(file), None);
        let node_name = options.node_name.filter(|_| !snapshot);
        let below = match format {
            BlockdevDriver::Qcow2 => {
                let qcow2 =
                    BlockdevOptionsQcow2 { file: BlockdevRef::Definition(file), backing: None };
                of(BlockdevOptionsDriver::Qcow2(Box::new(qcow2)), node_name)
            }
            BlockdevDriver::Raw => {
                let raw = BlockdevOptionsRaw { file: BlockdevRef::Definition(file) };
                of(BlockdevOptionsDriver::Raw(Box::new(raw)), node_name)
            }
            BlockdevDriver::File => BlockdevOptions { node_name, ..file },
            BlockdevDriver::NullCo => {
                of(BlockdevOptionsDriver::NullCo(BlockdevOptionsNull { size: None }), node_name)
            }
        };
        let mut node = graph.open(&below, closed)?;
        if snapshot && !closed {
            let name = graph.name(None)?;
            node = Arc::new(Node::overlay(name, node)?);
            graph.nodes.insert(node.name().into(), node.clone());
        }
        let writeback = !matches!(cache, DriveCache::Writethrough | DriveCache::Directsync);
        graph.drives.insert(id, Drive { node, writeback, on_error });
        Ok(warning)
    }

    /// The drive or node of a name, for the device at a path.
    ///
    /// # Errors
    /// There is none, or another device has it.
    pub fn take(&self, name: &str, path: &str, driver: &str) -> Result<Disk, QmpError> {
        let mut graph = self.lock();
        let disk = graph.find(name).ok_or_else(|| {
            let known: Vec<&str> =
                graph.drives.keys().chain(graph.nodes.keys()).map(String::as_str).collect();
            QmpError::generic(format!("Property '{driver}.drive' can't find value '{name}'"))
                .with_nearest(name, known)
        })?;
        match graph.users.get(disk.node()) {
            Some(user) if user != path => Err(QmpError::generic(format!(
                "Drive '{name}' is already in use by device '{user}'"
            ))),
            _ => {
                graph.users.insert(disk.node().into(), path.into());
                Ok(disk)
            }
        }
    }

    /// Makes an image larger.
    ///
    /// # Errors
    /// There is none, or it cannot be made so.
    pub fn resize(&self, name: &str, size: u64) -> Result<(), QmpError> {
        let disk = self.lock().find(name);
        let Some(disk) = disk else {
            return Err(QmpError::device_not_found(format!("Device '{name}' not found")));
        };
        if disk.read_only() {
            return Err(QmpError::generic("Image is read-only"));
        }
        if size < disk.node.size() {
            return Err(QmpError::generic(format!(
                "'{name}' has {} bytes: it can only be made larger",
                disk.node.size()
            )));
        }
        disk.node
            .grow(size)
            .map_err(|error| QmpError::generic(format!("Could not resize file: {error}")))
    }

    /// The guest goes on: what has stopped it is tried again.
    pub fn release(&self) {
        let nodes: Vec<Arc<Node>> = self.lock().nodes.values().cloned().collect();
        nodes.iter().for_each(|node| node.release());
    }

    /// Writes all that was not yet written, at the end of the program.
    pub fn flush(&self) {
        let nodes: Vec<Arc<Node>> = self.lock().nodes.values().cloned().collect();
        for node in nodes.iter().filter(|node| !node.read_only()) {
            // Nobody is there any more to be told.
            let _ = node.flush();
        }
    }

    /// The drives, and the nodes that devices have.
    pub fn query(&self) -> Vec<BlockInfo> {
        let graph = self.lock();
        let info = |device: &str, node: &Node, writeback| BlockInfo {
            device: device.into(),
            qdev: graph.users.get(node.name()).cloned(),
            type_: "unknown".into(),
            removable: false,
            locked: false,
            inserted: Some(describe(node, writeback)),
            io_status: Some(node.status()),
        };
        let drives = graph.drives.iter().map(|(id, drive)| info(id, &drive.node, drive.writeback));
        let drives: Vec<BlockInfo> = drives.collect();
        let named = graph.drives.values().map(|drive| drive.node.name()).collect::<Vec<_>>();
        let nodes = graph.users.keys().filter(|name| !named.contains(&name.as_str()));
        let nodes = nodes.filter_map(|name| Some(info("", graph.nodes.get(name)?, true)));
        let nodes: Vec<BlockInfo> = nodes.collect();
        drives.into_iter().chain(nodes).collect()
    }

    /// The nodes.
    pub fn query_nodes(&self) -> Vec<BlockDeviceInfo> {
        self.lock().nodes.values().map(|node| describe(node, true)).collect()
    }
}

impl Graph {
    fn find(&self, name: &str) -> Option<Disk> {
        if let Some(Drive { node, writeback, on_error }) = self.drives.get(name).cloned() {
            return Some(Disk { node, drive: name.into(), writeback, on_error });
        }
        let node = self.nodes.get(name)?.clone();
        Some(Disk { node, drive: String::new(), writeback: true, on_error: OnError::USUAL })
    }

    fn name(&mut self, given: Option<&String>) -> Result<String, QmpError> {
        match given {
            Some(name) if self.nodes.contains_key(name) => {
                Err(QmpError::generic(format!("Duplicate nodes with node-name='{name}'")))
            }
            Some(name) => Ok(name.clone()),
            None => {
                self.made_up += 1;
                Ok(format!("{MADE_UP}{:03}", self.made_up))
            }
        }
    }

    fn reference(&mut self, node: &BlockdevRef, closed: bool) -> Result<Arc<Node>, QmpError> {
        match node {
            BlockdevRef::Definition(options) => self.open(options, closed),
            BlockdevRef::Reference(name) => self.known(name),
        }
    }

    fn known(&self, name: &str) -> Result<Arc<Node>, QmpError> {
        self.nodes.get(name).cloned().ok_or_else(|| {
            QmpError::generic(format!("Cannot find device='' nor node-name='{name}'"))
                .with_nearest(name, self.nodes.keys().map(String::as_str))
        })
    }

    /// Forgets nodes whose names were made up and that no other is made of any more.
    fn forget_parts(&mut self) {
        loop {
            let is_part = |one: &Arc<Node>| self.nodes.values().any(|whole| whole.is_made_of(one));
            let is_drive =
                |one: &Arc<Node>| self.drives.values().any(|drive| Arc::ptr_eq(&drive.node, one));
            let lost = self
                .nodes
                .values()
                .find(|one| one.name().starts_with(MADE_UP) && !is_part(one) && !is_drive(one));
            let Some(name) = lost.map(|lost| lost.name().to_string()) else { return };
            self.nodes.remove(&name);
        }
    }

    /// Opens a node and those that it is made of; all of them, or none.
    fn open(&mut self, options: &BlockdevOptions, closed: bool) -> Result<Arc<Node>, QmpError> {
        let before = self.nodes.clone();
        let opened = self.open_parts(options, closed);
        if opened.is_err() {
            self.nodes = before;
        }
        opened
    }

    fn open_parts(
        &mut self,
        options: &BlockdevOptions,
        closed: bool,
    ) -> Result<Arc<Node>, QmpError> {
        let name = self.name(options.node_name.as_ref())?;
        let access = node::Access::of(options);
        let node = match &options.driver {
            _ if closed => Node::nothing(name, options.driver.tag(), None)?,
            BlockdevOptionsDriver::File(file) => Node::file(name, file, access)?,
            BlockdevOptionsDriver::NullCo(BlockdevOptionsNull { size }) => {
                Node::nothing(name, BlockdevDriver::NullCo, *size)?
            }
            BlockdevOptionsDriver::Raw(raw) => {
                let file = self.reference(&inherit(&raw.file, options), closed)?;
                Node::raw(name, file, access)?
            }
            BlockdevOptionsDriver::Qcow2(qcow2) => {
                let file = self.reference(&inherit(&qcow2.file, options), closed)?;
                let backing = match &qcow2.backing {
                    None => node::Backing::AsNamed,
                    Some(BlockdevRefOrNull::Null(())) => node::Backing::None,
                    Some(BlockdevRefOrNull::Reference(name)) => {
                        node::Backing::Node(self.known(name)?)
                    }
                    Some(BlockdevRefOrNull::Definition(options)) => {
                        let options = BlockdevOptions { read_only: Some(true), ..options.clone() };
                        node::Backing::Node(self.open(&options, closed)?)
                    }
                };
                Node::qcow2(name, file, backing, access)?
            }
        };
        let node = Arc::new(node);
        self.nodes.insert(node.name().into(), node.clone());
        Ok(node)
    }
}

/// The parts of a node have of it what they do not say themselves.
fn inherit(part: &BlockdevRef, whole: &BlockdevOptions) -> BlockdevRef {
    match part {
        BlockdevRef::Reference(_) => part.clone(),
        BlockdevRef::Definition(part) => BlockdevRef::Definition(BlockdevOptions {
            discard: part.discard.or(whole.discard),
            cache: part.cache.clone().or_else(|| whole.cache.clone()),
            read_only: part.read_only.or(whole.read_only),
            ..part.clone()
        }),
    }
}

fn describe(node: &Node, writeback: bool) -> BlockDeviceInfo {
    let cache = node.access();
    let filename = node.filename();
    BlockDeviceInfo {
        file: filename.clone(),
        node_name: Some(node.name().into()),
        ro: node.read_only(),
        drv: node.driver().to_string(),
        backing_file: node.backing(),
        backing_file_depth: i64::from(node.backing().is_some()),
        encrypted: false,
        image: ImageInfo {
            filename,
            format: node.driver().to_string(),
            virtual_size: i64::try_from(node.size()).unwrap_or(i64::MAX),
            actual_size: node.actual_size(),
        },
        cache: BlockdevCacheInfo { writeback, direct: cache.direct, no_flush: cache.no_flush },
        write_threshold: 0,
    }
}
