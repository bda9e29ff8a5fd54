//! Making monitors, and what commands may know of the client that sent them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use qapi_runtime::{QmpError, Value};

use crate::backends::char::{CharError, Chardev, Connection};

use super::events::EventHub;
use super::executor::{Executor, HumanExecutor};
use super::human::HumanSession;
use super::lock;
use super::session::Session;

/// What a client may switch on when it negotiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Commands out of band.
    Oob,
}

impl Capability {
    /// As spelled on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oob => "oob",
        }
    }
}

/// How a control monitor presents itself.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The member `version` of the greeting.
    pub version: Value,
    /// Whether output is spread over lines and indented.
    pub pretty: bool,
    /// What is offered in the greeting.
    pub capabilities: Vec<Capability>,
}

/// The state of one client of a control monitor, from its greeting to its leaving.
#[derive(Debug)]
pub struct MonitorState {
    id: u64,
    chardev: Arc<str>,
    offered: Vec<Capability>,
    /// What was enabled; `None` before negotiation.
    enabled: Mutex<Option<Vec<Capability>>>,
}

impl MonitorState {
    /// The state of a new client.
    pub(super) fn new(chardev: &str, offered: Vec<Capability>) -> Self {
        static CLIENTS: AtomicU64 = AtomicU64::new(1);
        let id = CLIENTS.fetch_add(1, Ordering::Relaxed);
        Self { id, chardev: chardev.into(), offered, enabled: Mutex::new(None) }
    }

    /// A number that no other client has, for state that is kept by client.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The id of the character back end that the client has come by.
    #[must_use]
    pub fn chardev(&self) -> &str {
        &self.chardev
    }

    /// Whether negotiation is complete.
    #[must_use]
    pub fn negotiated(&self) -> bool {
        lock(&self.enabled).is_some()
    }

    /// Whether the client enabled commands out of band.
    #[must_use]
    pub fn oob_enabled(&self) -> bool {
        lock(&self.enabled).as_ref().is_some_and(|enabled| enabled.contains(&Capability::Oob))
    }

    /// Completes negotiation: what `qmp_capabilities` does.
    ///
    /// # Errors
    ///
    /// When it was complete before, or something is asked for that was not offered.
    pub fn enable(&self, wanted: &[Capability]) -> Result<(), QmpError> {
        let mut enabled = lock(&self.enabled);
        if enabled.is_some() {
            return Err(QmpError::command_not_found(
                "Capabilities negotiation is already complete, command ignored",
            ));
        }
        let missing: Vec<_> =
            wanted.iter().filter(|c| !self.offered.contains(c)).map(|c| c.as_str()).collect();
        if !missing.is_empty() {
            return Err(QmpError::generic(format!(
                "Capability {} not available",
                missing.join(", ")
            )));
        }
        *enabled = Some(wanted.to_vec());
        Ok(())
    }
}

/// A monitor on a chardev; dropping it disconnects.
#[derive(Debug)]
pub struct Monitor {
    connection: Connection,
    control: bool,
}

impl Monitor {
    /// A control monitor: QMP, for programs.
    ///
    /// # Errors
    ///
    /// When somebody else uses the chardev.
    pub fn control(
        chardev: &Arc<Chardev>,
        executor: Arc<dyn Executor>,
        hub: &EventHub,
        config: SessionConfig,
    ) -> Result<Self, CharError> {
        let session = Arc::new(Session::new(Arc::clone(chardev), executor, config));
        // Before the first request can come in: its events have to find the session.
        hub.register(chardev, Some(&session));
        let connection = chardev.connect(session)?;
        // Whoever types JSON wants to see it and to correct it.
        chardev.set_echo(true);
        Ok(Self { connection, control: true })
    }

    /// A human monitor: a prompt, for people. `banner` is the line it begins with.
    ///
    /// # Errors
    ///
    /// When somebody else uses the chardev.
    pub fn human(
        chardev: &Arc<Chardev>,
        executor: Arc<dyn HumanExecutor>,
        hub: &EventHub,
        banner: &str,
    ) -> Result<Self, CharError> {
        let session = HumanSession::new(Arc::clone(chardev), executor, banner);
        hub.register(chardev, None);
        let connection = chardev.connect(Arc::new(session))?;
        Ok(Self { connection, control: false })
    }

    /// Whether programs are served on it, with all commands; otherwise people.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.control
    }

    /// The monitor's place on its chardev.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}
