//! The one door: whatever changes a board or a machine comes through [`Door::execute`].
//!
//! One thread owns the door and executes commands in order. Options, script lines and templates of
//! machines call it directly; QMP clients reach it through the inbox that [`Door::serve`] empties.
//! What the schema marks out-of-band runs beside it, on what [`Shared`] holds.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use qapi_runtime::{Event, Handler, Map, Policy, QmpError, Value};

use crate::backends::host::Host;
use crate::board::{Board, Origin};
use crate::debug::gdb;
use crate::machine::{Notice, Surroundings, Wish};
use crate::phase::Stage;
use crate::qapi::{self, CommandOrigin, MachinePhaseChange, Phase, RunState, ShutdownCause};
use crate::qmp::{CommandFacts, EventHub, Executor, MonitorState, Request};
use crate::running::Actions;

/// The feature of commands that change a board, and nothing else.
const BOARD_EDIT: &str = "board-edit";

/// The exit status when the budget of instructions is used up; that of timeout(1).
const EXHAUSTED: u8 = 124;

/// A command as every transport delivers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its name in the schema.
    pub name: String,
    /// Its arguments, not checked.
    pub arguments: Map,
}

impl Command {
    /// From a name and an object.
    ///
    /// # Errors
    /// The arguments are no object.
    pub fn new(name: impl Into<String>, arguments: Value) -> Result<Self, QmpError> {
        match arguments {
            Value::Object(arguments) => Ok(Self { name: name.into(), arguments }),
            _ => Err(QmpError::generic("QMP input member 'arguments' must be an object")),
        }
    }

    /// What it is about, for a message: the command and its device or path.
    pub fn label(&self) -> String {
        let about = ["id", "device", "path", "driver"]
            .iter()
            .find_map(|key| self.arguments.get(*key)?.as_str());
        about.map_or_else(|| self.name.clone(), |about| format!("{} {about}", self.name))
    }
}

/// What a door is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To run a machine.
    #[default]
    Run,
    /// To see the board only: `ready` is never entered, and what would enter it ends the script.
    Look,
}

/// A command and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What to execute.
    pub command: Command,
    /// Where it comes from, for the journal and for messages.
    pub origin: Origin,
}

/// What the program was told at its start and no command changes.
#[derive(Clone, Debug, Default)]
pub struct Startup {
    /// Whether the board is to run.
    pub purpose: Purpose,
    /// The guest's name, `-name`.
    pub name: Option<String>,
    /// `-S`: entering `ready` does not start the guest.
    pub stopped: bool,
    /// `-budget`: how many instructions the machine may execute.
    pub budget: Option<u64>,
    /// `-seed`: what random numbers for guests begin with.
    pub seed: Option<u64>,
}

/// What commands that run out of band may look at.
#[derive(Default)]
pub struct Shared {
    phase: AtomicU32,
    policy: Mutex<Policy>,
}

impl Shared {
    /// The phase the machine is in.
    pub fn phase(&self) -> Phase {
        let index = self.phase.load(Ordering::Acquire);
        Phase::ALL.iter().copied().find(|phase| *phase as u32 == index).unwrap_or(Phase::NoMachine)
    }

    /// What becomes of what is deprecated or unstable, where QMP clients are concerned.
    pub(crate) fn policy(&self) -> Policy {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }
}

/// What the machine thread is asked.
enum Message {
    /// By a QMP client.
    Request(Request),
    /// By a person at a human monitor.
    Line(String, Box<dyn FnOnce(String) + Send>),
    /// By a debugger.
    Debug(gdb::Event),
    /// By the guest.
    Wish(Wish),
    /// By a device, for clients.
    Notice(Notice),
    /// By a hart that has made all of them stand still.
    Halted,
    /// To end, by a signal or at the terminal.
    End(ShutdownCause),
}

/// A way to the machine thread for everybody else.
#[derive(Clone)]
pub struct Inbox {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

impl Inbox {
    /// Asks the program to end.
    pub fn end(&self, cause: ShutdownCause) {
        // When nobody reads any more, the program is ending already.
        let _ = self.sender.send(Message::End(cause));
    }

    /// Passes on what a debugger does.
    pub fn debug(&self, event: gdb::Event) {
        let _ = self.sender.send(Message::Debug(event));
    }

    /// Passes a line of a human monitor on.
    pub fn line(&self, line: String, done: Box<dyn FnOnce(String) + Send>) {
        let _ = self.sender.send(Message::Line(line, done));
    }
}

impl Executor for Inbox {
    fn submit(&self, request: Request) {
        let _ = self.sender.send(Message::Request(request));
    }

    fn lookup(&self, name: &str) -> Option<CommandFacts> {
        let entry = qapi::command::<Door, Shared>(name)?;
        Some(CommandFacts { allow_oob: entry.info.allow_oob })
    }

    fn not_found(&self, name: &str) -> QmpError {
        not_found(name)
    }

    fn out_of_band(
        &self,
        name: &str,
        arguments: &Map,
        _monitor: &Arc<MonitorState>,
    ) -> Result<Value, QmpError> {
        let entry = qapi::command::<Door, Shared>(name).ok_or_else(|| not_found(name))?;
        let policy = self.shared.policy();
        entry.info.admit(policy)?;
        qapi::gate(entry.info, self.shared.phase())?;
        match entry.run {
            Handler::OutOfBand(run) => run(&self.shared, entry.call(arguments, policy)),
            Handler::InBand(_) | Handler::Coroutine(_) => {
                Err(QmpError::generic(format!("The command {name} does not support OOB")))
            }
        }
    }
}

/// Sends events from other threads.
pub(crate) struct Teller {
    hub: Arc<EventHub>,
    shared: Arc<Shared>,
}

impl Teller {
    /// Sends an event to every monitor.
    pub(crate) fn emit(&self, event: &impl Event) {
        if let Some(event) = event.to_wire_under(SystemTime::now(), self.shared.policy()) {
            self.hub.emit(&event);
        }
    }
}

/// The owner of board and machine.
pub struct Door {
    pub(crate) stage: Stage,
    /// Commands of the options, for when `initialized` is entered.
    pub(crate) pending: Vec<Step>,
    /// To be executed on entering `ready`, before the guest runs.
    pub(crate) load: Option<Step>,
    pub(crate) startup: Startup,
    pub(crate) host: Host,
    pub(crate) debugger: Option<gdb::Server>,
    /// The hart that lines of human monitors are about.
    pub(crate) chosen_hart: usize,
    pub(crate) run_state: RunState,
    /// What becomes of what guests wish for.
    pub(crate) actions: Actions,
    pub(crate) remarks: Vec<String>,
    /// The client whose command is being executed.
    pub(crate) caller: Option<Arc<MonitorState>>,
    /// Whether all has been seen that [`Purpose::Look`] is about.
    pub(crate) seen: bool,
    /// Whether it ends because the machine may execute no more instructions; a guest that has
    /// powered off may have gone on until then.
    pub(crate) exhausted: bool,
    /// Where commands come from at the moment.
    origin: Origin,
    /// The command that is being executed, if it changes boards.
    editing: Option<Command>,
    /// What it may use of what is deprecated or unstable.
    pub(crate) policy: Policy,
    shared: Arc<Shared>,
    /// Whether a wish of the guest waits to be granted.
    pub(crate) wished: Arc<AtomicBool>,
    inbox: Inbox,
    messages: Receiver<Message>,
    /// The exit status, once the end is decided.
    pub(crate) ending: OnceLock<u8>,
}

impl Door {
    /// At `no-machine`.
    pub fn new(host: Host, startup: Startup) -> Self {
        let (sender, messages) = std::sync::mpsc::channel();
        let shared = Arc::new(Shared::default());
        Self {
            stage: Stage::NoMachine,
            pending: Vec::new(),
            load: None,
            startup,
            host,
            debugger: None,
            chosen_hart: 0,
            run_state: RunState::Prelaunch,
            actions: Actions::default(),
            remarks: Vec::new(),
            caller: None,
            seen: false,
            exhausted: false,
            origin: Origin::program(),
            editing: None,
            policy: Policy::ACCEPT,
            inbox: Inbox { sender, shared: shared.clone() },
            shared,
            wished: Arc::default(),
            messages,
            ending: OnceLock::new(),
        }
    }

    /// The way to this door for other threads.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The phase the machine is in.
    pub fn phase(&self) -> Phase {
        self.stage.phase()
    }

    /// Commands to execute on entering `initialized`, after the machine's own.
    pub fn defer(&mut self, steps: Vec<Step>) {
        self.pending.extend(steps);
    }

    /// A command to execute on entering `ready`, before the guest runs.
    pub fn begin_with(&mut self, load: Option<Step>) {
        self.load = load;
    }

    /// Where the command comes from that is being executed.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether a command changes boards and nothing else.
    ///
    /// # Errors
    /// There is no such command.
    pub(crate) fn edits_boards(command: &Command) -> Result<bool, QmpError> {
        let entry = qapi::command::<Self, Shared>(&command.name);
        entry.map_or_else(
            || Err(not_found(&command.name)),
            |entry| Ok(entry.info.has_feature(BOARD_EDIT)),
        )
    }

    /// Whether a command only says what a board is to be, so that it can be taken back: it changes
    /// the board, or the objects that devices name.
    ///
    /// # Errors
    /// There is no such command.
    pub(crate) fn describes_boards(command: &Command) -> Result<bool, QmpError> {
        let objects = ["object-add", "object-del"].contains(&command.name.as_str());
        Ok(Self::edits_boards(command)? || objects)
    }

    /// Executes a command: looks it up, asks the gate, decodes the arguments, runs it. It comes
    /// from where the command comes from that has led here, if any ([`Door::perform`]).
    ///
    /// # Errors
    /// Whatever is wrong with it; board and machine are as before then.
    pub fn execute(&mut self, command: &Command) -> Result<Value, QmpError> {
        self.execute_under(command, Policy::ACCEPT)
    }

    /// The same for a command that says where it comes from.
    ///
    /// # Errors
    /// As for [`Door::execute`].
    pub fn perform(&mut self, step: &Step) -> Result<Value, QmpError> {
        self.on_behalf(step.origin.clone(), |door| door.execute(&step.command))
    }

    /// Does something of which all commands come from one place.
    pub(crate) fn on_behalf<T>(&mut self, origin: Origin, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.origin, origin);
        let result = work(self);
        self.origin = before;
        result
    }

    /// The command that is being executed and where it comes from, for the journal.
    ///
    /// # Errors
    /// The schema does not say that it changes boards, so nobody would know that it does.
    pub(crate) fn executing(&self) -> Result<Step, QmpError> {
        let command = self.editing.clone().ok_or_else(|| {
            QmpError::generic(format!("The command lacks the feature '{BOARD_EDIT}'"))
        })?;
        Ok(Step { command, origin: self.origin.clone() })
    }

    /// The same for a client, who is held to the policy.
    pub(crate) fn execute_under(
        &mut self,
        command: &Command,
        policy: Policy,
    ) -> Result<Value, QmpError> {
        let entry =
            qapi::command::<Self, Shared>(&command.name).ok_or_else(|| not_found(&command.name))?;
        entry.info.admit(policy)?;
        qapi::gate(entry.info, self.stage.phase())?;
        let shared = self.shared.clone();
        let edits = entry.info.has_feature(BOARD_EDIT).then(|| command.clone());
        let outer = std::mem::replace(&mut self.editing, edits);
        let outer_policy = std::mem::replace(&mut self.policy, policy);
        let result = entry.run(self, &shared, &command.arguments, policy);
        (self.editing, self.policy) = (outer, outer_policy);
        result
    }

    /// Serves clients and the guest until the program is to end; returns its exit status.
    pub fn serve(&mut self) -> u8 {
        while self.ending.get().is_none() {
            match self.messages.recv() {
                Ok(message) => self.serve_one(message),
                // The door itself holds a sender.
                Err(_) => break,
            }
        }
        if let Some(machine) = self.stage.machine() {
            machine.stop();
        }
        self.ending.get().copied().unwrap_or(0)
    }

    /// The exit status, if the program is to end.
    pub fn ended(&self) -> Option<u8> {
        self.ending.get().copied()
    }

    fn serve_one(&mut self, message: Message) {
        match message {
            Message::Request(request) => {
                let Request { name, arguments, id, monitor, done } = request;
                let request = id.map(|id| format!(", request {id}")).unwrap_or_default();
                let place =
                    format!("QMP client {} at {}{request}", monitor.id(), monitor.chardev());
                self.caller = Some(monitor);
                let command = Command { name, arguments };
                let policy = self.shared.policy();
                let result = self.on_behalf(Origin::new(CommandOrigin::Client, place), |door| {
                    door.execute_under(&command, policy)
                });
                self.caller = None;
                done(result.map(Some));
            }
            Message::Line(line, done) => {
                let place = format!("human monitor: {}", line.trim());
                let said = self.on_behalf(Origin::new(CommandOrigin::Person, place), |door| {
                    door.human(&line, door.chosen_hart)
                });
                done(said);
            }
            Message::Wish(wish) => {
                self.grant(wish);
                if let (Some(machine), RunState::Running) = (self.stage.machine(), self.run_state) {
                    machine.harts().heard();
                }
            }
            Message::Notice(Notice::BlockIoError(event)) => self.disk_fails(&event),
            Message::Notice(Notice::BalloonChange(event)) => self.emit(&event),
            Message::Notice(Notice::VserportChange(event)) => self.emit(&event),
            Message::Notice(Notice::Unplugged(name)) => self.unplugged(&name),
            Message::Notice(Notice::UnplugRefused(name)) => self.unplug_refused(&name),
            Message::Debug(event) => self.debug(event),
            // It may be old news: the guest was let go again meanwhile.
            Message::Halted => {
                let machine = self.stage.machine();
                if machine.is_some_and(|machine| machine.harts().exhausted()) {
                    self.stop_machine();
                    self.exhausted = true;
                    self.end(false, ShutdownCause::None, EXHAUSTED);
                } else if machine.is_some_and(|machine| machine.harts().halt().is_some()) {
                    self.stop_machine();
                }
            }
            Message::End(cause) => self.end(false, cause, 0),
        }
    }

    /// Sends an event to every monitor.
    pub(crate) fn emit(&self, event: &impl Event) {
        self.teller().emit(event);
    }

    /// A way to send events for back ends, which are not on this thread.
    pub(crate) fn teller(&self) -> Teller {
        let shared = self.shared.clone();
        Teller { hub: self.host.hub.clone(), shared }
    }

    /// Tells everybody of a phase that was entered.
    pub(crate) fn phase_changed(&self, phase: Phase) {
        self.publish_phase();
        self.emit(&MachinePhaseChange { phase });
    }

    /// Lets out-of-band commands see the phase.
    pub(crate) fn publish_phase(&self) {
        self.shared.phase.store(self.stage.phase() as u32, Ordering::Release);
        if let (Phase::Ready, Some(debugger)) = (self.stage.phase(), &self.debugger) {
            debugger.ready();
        }
    }

    /// Says on standard error what a template did not understand.
    pub(crate) fn report_remarks(&mut self) {
        for remark in std::mem::take(&mut self.remarks) {
            self.host.warn(&remark);
        }
    }

    /// What out-of-band commands see as well.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        let sender = self.inbox.sender.clone();
        let wished = self.wished.clone();
        let halted = self.inbox.sender.clone();
        let noticed = self.inbox.sender.clone();
        Surroundings {
            trace: self.host.trace.clone(),
            wish: Arc::new(move |wish| {
                // A guest that goes on wishing has been heard.
                if !wished.swap(true, Ordering::AcqRel) {
                    let _ = sender.send(Message::Wish(wish));
                }
            }),
            notice: Arc::new(move |notice| {
                let _ = noticed.send(Message::Notice(notice));
            }),
            halted: Arc::new(move || {
                let _ = halted.send(Message::Halted);
            }),
            chardevs: self.host.chardevs.clone(),
            netdevs: self.host.netdevs.clone(),
            blocks: self.host.blocks.clone(),
            objects: self.host.objects.clone(),
            shares: self.host.shares.clone(),
            semihosting: self.host.semihosting.clone(),
            icount: self.host.icount,
            real_time: match self.host.icount {
                Some(_) => self.host.real_time.or_fixed(),
                None => self.host.real_time,
            },
            budget: self.startup.budget,
            // A run by instructions is the same each time.
            seed: self.startup.seed.or(self.host.icount.map(|_| 0)),
        }
    }

    /// The board, from `initialized` on.
    ///
    /// # Errors
    /// There is none yet.
    pub fn board(&self) -> Result<Board, QmpError> {
        Ok(self.stage.board()?.with_backends(&self.host))
    }

    /// The live machine, at `ready`.
    pub fn machine(&self) -> Option<&crate::machine::Machine> {
        self.stage.machine()
    }

    /// The hub that events go through, to drain it before the program exits.
    pub fn hub(&self) -> &Arc<EventHub> {
        &self.host.hub
    }

    /// The character back ends, to drain them before the program exits.
    pub fn chardevs(&self) -> &Arc<crate::backends::host::Chardevs> {
        &self.host.chardevs
    }
}

fn not_found(name: &str) -> QmpError {
    QmpError::command_not_found(format!("The command {name} has not been found"))
        .with_nearest(name, qapi::COMMANDS.iter().map(|command| command.name))
}
