//! A node of the block graph.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use imago::format::PreallocateMode;
use imago::format::builder::FormatDriverBuilder;
use imago::format::gate::ImplicitOpenGate;
use imago::qcow2::Qcow2;
use imago::raw::Raw;
use imago::storage::DynStorage;
use imago::{FormatAccess, FormatCreateBuilder, StorageOpenOptions};
use qapi_runtime::QmpError;

use super::{check, lock};
use crate::backends::char::Plain;
use crate::qapi::{
    BlockDeviceIoStatus, BlockdevDiscardOptions, BlockdevDriver, BlockdevOptions,
    BlockdevOptionsFile, OnOffAuto,
};

/// What a qcow2 image begins with.
const QCOW2: [u8; 4] = *b"QFI\xfb";
/// The size of a `null-co` for which none is given.
const NOTHING: u64 = 1 << 30;
/// `cache.direct`.
const O_DIRECT: i32 = libc::O_DIRECT;

type Bytes = Arc<dyn DynStorage>;
type Image = FormatAccess<Bytes>;

/// How a node is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Not written to.
    pub read_only: bool,
    /// The host's page cache is bypassed.
    pub direct: bool,
    /// Flushes do nothing.
    pub no_flush: bool,
    /// What is discarded goes back to the host.
    pub unmap: bool,
}

impl Access {
    /// What the options of a node say.
    pub(super) fn of(options: &BlockdevOptions) -> Self {
        let cache = options.cache.as_ref();
        Self {
            read_only: options.read_only.unwrap_or(false),
            direct: cache.and_then(|cache| cache.direct).unwrap_or(false),
            no_flush: cache.and_then(|cache| cache.no_flush).unwrap_or(false),
            unmap: options.discard == Some(BlockdevDiscardOptions::Unmap),
        }
    }
}

/// Who is told of a node's news.
type Listener = Box<dyn Fn() + Send + Sync>;

/// What devices hear of their nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The size is another.
    Size,
    /// The guest goes on.
    Release,
}

/// Where a qcow2 image has what was never written.
pub(super) enum Backing {
    /// Where its header says.
    AsNamed,
    /// Nowhere: it is zero.
    None,
    /// In a node.
    Node(Arc<Node>),
}

/// A node.
pub struct Node {
    name: String,
    driver: BlockdevDriver,
    filename: String,
    access: Access,
    bytes: Bytes,
    image: RwLock<Arc<Image>>,
    /// The nodes that it is made of, so that they stay.
    parts: Vec<Arc<Node>>,
    backing: Option<String>,
    listeners: Mutex<Vec<(News, Listener)>>,
    /// Whether an error has stopped the guest.
    status: Mutex<BlockDeviceIoStatus>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("name", &self.name).finish_non_exhaustive()
    }
}

fn cannot_open(filename: &str, error: &io::Error) -> QmpError {
    // The crate's texts tell more than the host's number does.
    let why =
        if error.raw_os_error().is_some() { Plain(error).to_string() } else { error.to_string() };
    QmpError::generic(format!("Could not open '{filename}': {why}"))
}

/// Opens a file and locks it.
fn open(filename: &str, access: Access, locks: bool) -> Result<imago::file::File, QmpError> {
    let cannot = |error: &io::Error| cannot_open(filename, error);
    let mut options = OpenOptions::new();
    options.read(true).write(!access.read_only);
    // What is no file is not waited for.
    options.custom_flags(libc::O_NONBLOCK | if access.direct { O_DIRECT } else { 0 });
    let file = options.open(filename).map_err(|error| cannot(&error))?;
    let kind = file.metadata().map_err(|error| cannot(&error))?.file_type();
    if !kind.is_file() && !kind.is_block_device() {
        return Err(QmpError::generic(format!(
            "'file' driver requires '{filename}' to be a regular file"
        )));
    }
    if locks {
        lock::lock(&file, filename, !access.read_only)
            .map_err(|refused| QmpError::generic(refused.to_string()))?;
    }
    let options =
        StorageOpenOptions::new().filename(filename).write(!access.read_only).direct(access.direct);
    imago::file::File::from_open_file(file, options).map_err(|error| cannot(&error))
}

/// What a file looks like.
///
/// # Errors
/// It cannot be read.
pub(super) fn probe(filename: &str) -> Result<BlockdevDriver, QmpError> {
    let mut magic = Vec::new();
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(filename);
    let file = opened.map_err(|error| cannot_open(filename, &error))?;
    let read = file.take(QCOW2.len() as u64).read_to_end(&mut magic);
    match read {
        Ok(_) if magic == QCOW2 => Ok(BlockdevDriver::Qcow2),
        // What is no file is refused when it is opened.
        _ => Ok(BlockdevDriver::Raw),
    }
}

/// How many images deep a backing file may be: each is opened while the one above it is.
const DEEPEST: usize = 64;

/// Opens what an image names by itself: files that are only read, and locked.
#[derive(Clone, Default)]
struct Gate {
    /// The images above.
    above: Vec<PathBuf>,
}

impl Gate {
    /// For what the image of a name has below it.
    fn below(&self, path: Option<PathBuf>) -> io::Result<Self> {
        let path = path.map(|path| path.canonicalize().unwrap_or(path));
        if let Some(path) = path.as_ref().filter(|path| self.above.contains(path)) {
            let path = path.display();
            return Err(io::Error::other(format!("the backing files lead back to '{path}'")));
        }
        if self.above.len() >= DEEPEST {
            return Err(io::Error::other(format!("there are more than {DEEPEST} backing files")));
        }
        let above = self.above.iter().cloned().chain(path);
        Ok(Self { above: above.collect() })
    }
}

impl ImplicitOpenGate<Bytes> for Gate {
    fn open_format<F: FormatDriverBuilder<Bytes>>(&mut self, builder: F) -> io::Result<Image> {
        let below = self.below(builder.get_image_path())?;
        Ok(FormatAccess::new(builder.open(below)?))
    }

    fn open_storage(&mut self, options: StorageOpenOptions) -> io::Result<Bytes> {
        let filename = options.get_filename().unwrap_or(Path::new("")).display().to_string();
        let access = Access { read_only: true, direct: false, no_flush: false, unmap: false };
        let file = open(&filename, access, true).map_err(|error| io::Error::other(error.desc))?;
        Ok(Arc::new(file))
    }
}

impl Node {
    fn new(
        name: String,
        driver: BlockdevDriver,
        filename: String,
        access: Access,
        bytes: Bytes,
        image: Image,
    ) -> Self {
        Self {
            name,
            driver,
            filename,
            access,
            bytes,
            image: RwLock::new(Arc::new(image)),
            parts: Vec::new(),
            backing: None,
            listeners: Mutex::default(),
            status: Mutex::new(BlockDeviceIoStatus::Ok),
        }
    }

    /// A file of the host.
    pub(super) fn file(
        name: String,
        options: &BlockdevOptionsFile,
        access: Access,
    ) -> Result<Self, QmpError> {
        let filename = options.filename.clone();
        let locks = options.locking != Some(OnOffAuto::Off);
        let bytes: Bytes = Arc::new(open(&filename, access, locks)?);
        let image = raw(&bytes, &filename, access)?;
        Ok(Self::new(name, BlockdevDriver::File, filename, access, bytes, image))
    }

    /// Nothing, in place of a driver's image.
    pub(super) fn nothing(
        name: String,
        driver: BlockdevDriver,
        size: Option<u64>,
    ) -> Result<Self, QmpError> {
        let bytes: Bytes = Arc::new(imago::null::Null::new(size.unwrap_or(NOTHING)));
        let access = Access { read_only: false, direct: false, no_flush: true, unmap: false };
        let image = raw(&bytes, "null-co://", access)?;
        Ok(Self::new(name, driver, "null-co://".into(), access, bytes, image))
    }

    /// The bytes of another node.
    pub(super) fn raw(name: String, file: Arc<Self>, access: Access) -> Result<Self, QmpError> {
        file.check_access(access)?;
        let image = raw(&file.bytes, &file.filename, access)?;
        let (filename, bytes) = (file.filename.clone(), file.bytes.clone());
        let parts = vec![file];
        Ok(Self { parts, ..Self::new(name, BlockdevDriver::Raw, filename, access, bytes, image) })
    }

    /// An image in the format qcow2.
    pub(super) fn qcow2(
        name: String,
        file: Arc<Self>,
        backing: Backing,
        access: Access,
    ) -> Result<Self, QmpError> {
        file.check_access(access)?;
        let mut parts = vec![file.clone()];
        let mut builder =
            Qcow2::<Bytes, Arc<Image>>::builder(file.bytes.clone()).write(!access.read_only);
        let mut backed = None;
        match backing {
            Backing::AsNamed => {}
            Backing::None => builder = builder.backing(None),
            Backing::Node(node) => {
                backed = Some(node.filename.clone());
                builder = builder.backing(Some(node.image().clone()));
                parts.push(node);
            }
        }
        let filename = file.filename.clone();
        let qcow2 = Gate::default()
            .below(Some(PathBuf::from(&filename)))
            .and_then(|gate| builder.open(gate))
            .map_err(|error| cannot_open(&filename, &error))?;
        if !access.read_only {
            check::check(&|at, bytes| file.read(at, bytes)).map_err(|inconsistent| {
                QmpError::generic(format!("Could not open '{filename}': {inconsistent}"))
            })?;
        }
        let backing = backed.or_else(|| qcow2.implicit_backing_file().cloned());
        let image = FormatAccess::new(qcow2);
        let bytes = file.bytes.clone();
        let new = Self::new(name, BlockdevDriver::Qcow2, filename, access, bytes, image);
        Ok(Self { parts, backing, ..new })
    }

    /// A node that keeps what is written for itself, in a file without a name, and has the rest of
    /// another.
    pub(super) fn overlay(name: String, below: Arc<Self>) -> Result<Self, QmpError> {
        let cannot = |error: io::Error| {
            let error = Plain(&error).to_string();
            QmpError::generic(format!(
                "Could not create temporary overlay '{}': {error}",
                below.filename
            ))
        };
        let access = Access { read_only: false, no_flush: true, ..below.access };
        let file = temporary().map_err(cannot)?;
        let options = StorageOpenOptions::new().write(true);
        let bytes: Bytes =
            Arc::new(imago::file::File::from_open_file(file, options).map_err(cannot)?);
        Qcow2::<Bytes, Arc<Image>>::create_builder(bytes.clone())
            .size(below.size())
            .create()
            .map_err(cannot)?;
        let qcow2 = Qcow2::<Bytes, Arc<Image>>::builder(bytes.clone())
            .write(true)
            .backing(Some(below.image().clone()))
            .open(Gate::default())
            .map_err(cannot)?;
        let filename = below.filename.clone();
        let image = FormatAccess::new(qcow2);
        let backing = Some(filename.clone());
        let parts = vec![below];
        let new = Self::new(name, BlockdevDriver::Qcow2, filename, access, bytes, image);
        Ok(Self { parts, backing, ..new })
    }

    fn check_access(&self, above: Access) -> Result<(), QmpError> {
        if self.access.read_only && !above.read_only {
            return Err(QmpError::generic(format!("Block node '{}' is read-only", self.name)));
        }
        Ok(())
    }

    fn image(&self) -> RwLockReadGuard<'_, Arc<Image>> {
        self.image.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn image_alone(&self) -> RwLockWriteGuard<'_, Arc<Image>> {
        self.image.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another is part of it.
    pub(super) fn is_made_of(&self, part: &Arc<Self>) -> bool {
        self.parts.iter().any(|one| Arc::ptr_eq(one, part))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn driver(&self) -> BlockdevDriver {
        self.driver
    }

    /// Where its bytes are.
    pub fn filename(&self) -> String {
        self.filename.clone()
    }

    /// Where what was never written comes from.
    pub fn backing(&self) -> Option<String> {
        self.backing.clone()
    }

    /// How it is used.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether it is not written to.
    pub fn read_only(&self) -> bool {
        self.access.read_only
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.image().size()
    }

    /// How many bytes of the host it takes.
    pub fn actual_size(&self) -> Option<i64> {
        let metadata = std::fs::metadata(&self.filename).ok()?;
        i64::try_from(metadata.blocks() * 512).ok()
    }

    pub(super) fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.image().read(bytes, at)
    }

    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let image = self.image();
        let end = at + bytes.len() as u64;
        if end > image.size() {
            // The last sector of a file that has no whole number of them.
            image.resize_grow(end, PreallocateMode::None)?;
        }
        image.write(bytes, at)
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        let image = self.image();
        image.flush()?;
        if self.access.no_flush { Ok(()) } else { image.sync() }
    }

    pub(super) fn discard(&self, at: u64, len: u64) -> io::Result<()> {
        if !self.access.unmap {
            return Ok(());
        }
        let mut image = self.image_alone();
        let done = Arc::get_mut(&mut image).map_or(Ok(()), |image| {
            image.discard_to_any(at, len.min(image.size().saturating_sub(at)))
        });
        match done {
            // It is only a hint.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            done => done,
        }
    }

    pub(super) fn zero(&self, at: u64, len: u64, may_unmap: bool) -> io::Result<()> {
        if may_unmap && self.access.unmap {
            let mut image = self.image_alone();
            let len = len.min(image.size().saturating_sub(at));
            if let Some(image) = Arc::get_mut(&mut image)
                && image.discard_to_zero(at, len).is_ok()
            {
                return Ok(());
            }
        }
        let image = self.image();
        image.write_zeroes(at, len.min(image.size().saturating_sub(at)))
    }

    pub(super) fn grow(&self, size: u64) -> io::Result<()> {
        self.image().resize_grow(size, PreallocateMode::None)?;
        self.tell(News::Size);
        Ok(())
    }

    pub(super) fn on(&self, news: News, call: Listener) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push((news, call));
    }

    fn tell(&self, news: News) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter(|(of, _)| *of == news).for_each(|(_, call)| call());
    }

    /// Whether an error has stopped the guest.
    pub(super) fn status(&self) -> BlockDeviceIoStatus {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_status(&self, status: BlockDeviceIoStatus) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// The guest goes on: what has stopped it is tried again.
    pub(super) fn release(&self) {
        self.set_status(BlockDeviceIoStatus::Ok);
        self.tell(News::Release);
    }
}

fn raw(bytes: &Bytes, filename: &str, access: Access) -> Result<Image, QmpError> {
    let raw = Raw::open_image(bytes.clone(), !access.read_only);
    raw.map(FormatAccess::new).map_err(|error| cannot_open(filename, &error))
}

/// A file that nobody else sees and that is gone with this program.
fn temporary() -> io::Result<File> {
    let place =
        std::env::var_os("TMPDIR").map_or_else(|| "/var/tmp".into(), std::path::PathBuf::from);
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(place)
}
