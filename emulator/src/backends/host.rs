//! The host's side of a program: character back ends, monitors, the log.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qapi_runtime::QmpError;

use super::block::Blocks;
use super::char::{CharConfig, CharError, Chardev};
use super::io_thread::IoThread;
use super::net::{NetConfig, NetError, NetEvent, Netdev, Netdevs};
use super::objects::{self, Objects};
use super::recipes::Recipes;
use super::share::Shares;
use crate::machine::Icount;
use crate::machine::rtc::RealTime;
use crate::machine::semihosting;
use crate::machine::trace::Trace;
use crate::qapi::ObjectOptions;
use crate::qmp::{EventHub, Monitor};

/// The character back ends by id.
#[derive(Default)]
pub struct Chardevs {
    by_id: Mutex<BTreeMap<String, Arc<Chardev>>>,
    /// Further names: `serial0` for what `-serial chardev:ID` says.
    names: Mutex<BTreeMap<String, String>>,
}

impl Chardevs {
    /// The back end of an id, or of a further name of one.
    pub fn get(&self, name: &str) -> Option<Arc<Chardev>> {
        let id = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        self.lock().get(id.as_deref().unwrap_or(name)).cloned()
    }

    /// Gives a back end a further name.
    ///
    /// # Errors
    /// There is no such back end.
    pub fn alias(&self, name: String, id: String) -> Result<(), QmpError> {
        if self.get(&id).is_none() {
            return Err(QmpError::device_not_found(format!("Character back end '{id}' not found")));
        }
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name, id);
        Ok(())
    }

    /// Adds one.
    ///
    /// # Errors
    /// The id is taken.
    pub fn add(&self, chardev: Arc<Chardev>) -> Result<(), QmpError> {
        let id = chardev.id().to_string();
        match self.lock().entry(id) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(chardev);
                Ok(())
            }
            std::collections::btree_map::Entry::Occupied(taken) => {
                Err(QmpError::generic(format!("Duplicate ID '{}' for chardev", taken.key())))
            }
        }
    }

    /// Takes one away; it is closed when nobody uses it any more.
    pub fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// All of them, by id.
    pub fn all(&self) -> Vec<Arc<Chardev>> {
        self.lock().values().cloned().collect()
    }

    /// Waits until everything written has reached the host.
    pub fn drain(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        for chardev in self.all() {
            chardev.drain(deadline.saturating_duration_since(Instant::now()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Chardev>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of it.
pub struct Host {
    /// The monitors, kept open.
    pub monitors: Vec<Monitor>,
    /// Where events go.
    pub hub: Arc<EventHub>,
    /// The character back ends.
    pub chardevs: Arc<Chardevs>,
    /// The network back ends.
    pub netdevs: Arc<Netdevs>,
    /// Disk images.
    pub blocks: Arc<Blocks>,
    /// Objects that devices name.
    pub objects: Arc<Objects>,
    /// The commands that made the others.
    pub recipes: Recipes,
    /// Shared folders.
    pub shares: Arc<Shares>,
    /// The log.
    pub trace: Arc<Trace>,
    /// What guests may ask the host for, if anything.
    pub semihosting: Option<Arc<semihosting::Config>>,
    /// Whether time goes by instructions, and how.
    pub icount: Option<Icount>,
    /// What real-time clocks say.
    pub real_time: RealTime,
    /// Whether nothing leads out: see [`Host::closed`].
    closed: bool,
    /// The thread that serves sockets and terminals; the last to go.
    pub io: IoThread,
}

impl Host {
    /// Without back ends and monitors.
    ///
    /// # Errors
    /// The host gives no thread.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self {
            io: IoThread::start()?,
            chardevs: Arc::default(),
            netdevs: Arc::default(),
            blocks: Arc::default(),
            objects: Arc::default(),
            recipes: Recipes::default(),
            shares: Arc::default(),
            monitors: Vec::new(),
            hub: EventHub::new(),
            trace: Arc::default(),
            semihosting: None,
            icount: None,
            real_time: RealTime::default(),
            closed: false,
        })
    }

    /// A host for boards that are looked at and never run: back ends have their names and lead
    /// nowhere, and no file is written.
    ///
    /// # Errors
    /// The host gives no thread.
    pub fn closed() -> std::io::Result<Self> {
        Ok(Self { closed: true, ..Self::start()? })
    }

    /// Whether nothing leads out.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Opens a back end; on a closed host, one that leads nowhere.
    ///
    /// # Errors
    /// The host refuses.
    pub fn open(&self, id: &str, config: &CharConfig) -> Result<Arc<Chardev>, CharError> {
        let config = if self.closed { &CharConfig::Null } else { config };
        Chardev::open(id, config, self.io.handle())
    }

    /// Opens a network back end; on a closed host, one that leads nowhere.
    ///
    /// # Errors
    /// The host refuses.
    pub fn open_netdev(
        &self,
        id: &str,
        config: NetConfig,
        listener: impl Fn(NetEvent) + Send + Sync + 'static,
    ) -> Result<Netdev, NetError> {
        let config = if self.closed { NetConfig::Null } else { config };
        Netdev::open(id, config, self.io.handle(), listener)
    }

    /// Adds an object; on a closed host, without looking for its file.
    ///
    /// # Errors
    /// The id is taken, there can be no such object, or its file cannot be opened.
    pub fn add_object(&self, object: ObjectOptions) -> Result<(), QmpError> {
        if !self.closed {
            objects::try_open(&object.qom_type)?;
        }
        self.objects.add(object)
    }

    /// Tells the user something that is no error.
    pub fn warn(&self, text: &str) {
        // Standard error that is closed is no reason to stop.
        let _ = writeln!(std::io::stderr(), "boardwright: {text}");
    }
}

/// Bytes of memory that the host has, where it tells (proc(5), /proc/meminfo).
pub fn memory() -> Option<u64> {
    let facts = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = facts.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1 << 10)
}
