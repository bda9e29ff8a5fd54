//! The rows of a command table, and what happens between a request and a method.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::object::decode_members;
use crate::{
    Empty, Encode, Map, Mode, Object, ObjectInfo, Path, PhaseSet, Policy, QmpError, Subject, Value,
};

/// What the schema says about a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its arguments; `None` if it takes none, or takes them unchecked (`'gen': false`).
    pub arguments: Option<ObjectInfo>,
    /// The type that it returns as the schema spells it; `None` if it returns nothing.
    pub returns: Option<&'static str>,
    /// Whether a client may have it run out of band.
    pub allow_oob: bool,
    /// Whether it may wait for something while it runs.
    pub coroutine: bool,
    /// The phases in which it may run.
    pub phases: PhaseSet,
    /// Whether scalars among its arguments may come as strings.
    pub keyval: bool,
    /// Whether success is answered; `false` for a command that ends the program.
    pub success_response: bool,
    /// Its features.
    pub features: &'static [&'static str],
    /// The first paragraph of its documentation.
    pub doc: &'static str,
}

impl CommandInfo {
    /// Whether the schema gives the command this feature.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.contains(&name)
    }

    /// Lets the command through, or tells that the policy does not. The reference asks this after
    /// the command is found and before the phase gate.
    ///
    /// # Errors
    /// The command is deprecated or unstable, and the policy rejects that.
    pub fn admit(&self, policy: Policy) -> Result<(), QmpError> {
        policy.admit(Subject::Command, self.name, self.features)
    }
}

/// A command of which we know how to run it.
#[derive(Debug)]
pub struct CommandEntry<C: ?Sized, S: ?Sized> {
    /// What the schema says about it.
    pub info: &'static CommandInfo,
    /// What runs it.
    pub run: Handler<C, S>,
}

impl<C: ?Sized, S: ?Sized> CommandEntry<C, S> {
    /// Decodes the arguments, calls the method and encodes what comes back. Waits for a command
    /// that waits.
    ///
    /// # Errors
    /// What is wrong with the arguments, or what the method says.
    pub fn run(
        self,
        commands: &mut C,
        shared: &S,
        arguments: &Map,
        policy: Policy,
    ) -> Result<Value, QmpError> {
        let call = self.call(arguments, policy);
        match self.run {
            Handler::InBand(run) => run(commands, call),
            Handler::OutOfBand(run) => run(shared, call),
            Handler::Coroutine(run) => block_on(run(commands, call)),
        }
    }

    /// The same for a server that has other things to do meanwhile.
    ///
    /// # Errors
    /// As for [`CommandEntry::run`].
    pub async fn run_async(
        self,
        commands: &mut C,
        shared: &S,
        arguments: &Map,
        policy: Policy,
    ) -> Result<Value, QmpError> {
        let call = self.call(arguments, policy);
        match self.run {
            Handler::InBand(run) => run(commands, call),
            Handler::OutOfBand(run) => run(shared, call),
            Handler::Coroutine(run) => run(commands, call).await,
        }
    }

    /// The call that the handler is given.
    pub fn call<'a>(&self, arguments: &'a Map, policy: Policy) -> Invocation<'a> {
        let mode = if self.info.keyval { Mode::KEYVAL } else { Mode::STRICT };
        Invocation { arguments, mode: mode.under(policy) }
    }
}

/// What runs a command: it decodes the arguments, calls the method, encodes what comes back.
pub enum Handler<C: ?Sized, S: ?Sized> {
    /// Runs in order with other commands and may change the machine.
    InBand(fn(&mut C, Invocation<'_>) -> Result<Value, QmpError>),
    /// Runs beside them over shared state; what `allow-oob` asks for.
    OutOfBand(fn(&S, Invocation<'_>) -> Result<Value, QmpError>),
    /// Runs in order with other commands and may wait; what `coroutine` asks for.
    Coroutine(for<'a> fn(&'a mut C, Invocation<'a>) -> Pending<'a>),
}

/// A command that has been begun.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Value, QmpError>> + Send + 'a>>;

/// The arguments of a command as they came, and how they are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    arguments: &'a Map,
    mode: Mode,
}

impl<'a> Invocation<'a> {
    /// The arguments as a type of the schema.
    ///
    /// # Errors
    /// What does not fit.
    pub fn arguments<T: Object>(&self) -> Result<T, QmpError> {
        decode_members(self.arguments, &Path::ARGUMENTS, self.mode)
    }

    /// Makes sure that there are no arguments.
    ///
    /// # Errors
    /// There are some.
    pub fn nothing(&self) -> Result<(), QmpError> {
        self.arguments::<Empty>().map(|Empty {}| ())
    }

    /// The arguments of a command that checks them itself (`'gen': false`).
    ///
    /// # Errors
    /// None.
    pub fn raw(&self) -> Result<&'a Map, QmpError> {
        Ok(self.arguments)
    }

    /// What a command returned, for the wire.
    ///
    /// # Errors
    /// None.
    pub fn reply<T: Encode>(&self, reply: T) -> Result<Value, QmpError> {
        Ok(reply.encode_under(self.mode.policy()))
    }

    /// The same for a command that returns nothing.
    ///
    /// # Errors
    /// None.
    pub fn empty(&self, (): ()) -> Result<Value, QmpError> {
        Ok(Value::Object(Map::new()))
    }
}

/// Runs a future on this thread, which sleeps while there is nothing to do.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

// Derives would ask the same of C and S, of which there are only references here.
impl<C: ?Sized, S: ?Sized> Clone for CommandEntry<C, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized, S: ?Sized> Copy for CommandEntry<C, S> {}

impl<C: ?Sized, S: ?Sized> Clone for Handler<C, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: ?Sized, S: ?Sized> Copy for Handler<C, S> {}

impl<C: ?Sized, S: ?Sized> fmt::Debug for Handler<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InBand(_) => "InBand",
            Self::OutOfBand(_) => "OutOfBand",
            Self::Coroutine(_) => "Coroutine",
        })
    }
}
