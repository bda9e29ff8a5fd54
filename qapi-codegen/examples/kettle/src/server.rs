//! The server: sessions on a socket. Two threads a session: one reads, and runs what is out of
//! band at once; the other runs the rest in order.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::SystemTime;

use qapi_runtime::json::{self, ParseError, Parser};
use qapi_runtime::{
    Call, Event, Policy, QmpError, Value, greeting, is_out_of_band, response, take_id,
};

use crate::kettle::{Kettle, Turn};
use crate::qapi::{self, QmpCapability};

/// Serves whoever connects.
pub(crate) fn serve(listener: &UnixListener) -> io::Result<()> {
    let kettle = Arc::new(Kettle::new());
    let sessions = Arc::new(Sessions::default());
    // One command in band at a time, whoever asks.
    let turns = Arc::new(Mutex::new(()));
    for stream in listener.incoming() {
        let session = Arc::new(Session::new(stream?));
        let (kettle, sessions) = (Arc::clone(&kettle), Arc::clone(&sessions));
        sessions.enter(&session);
        let turns = Arc::clone(&turns);
        thread::spawn(move || {
            // A client that goes away ends its session; that is no failure of the server.
            let _ = session.run(&kettle, &sessions, &turns);
            sessions.leave(&session);
        });
    }
    Ok(())
}

/// All clients: events go to each of them.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Vec<Arc<Session>>>);

impl Sessions {
    /// Sends an event to whoever has negotiated.
    pub(crate) fn emit<E: Event>(&self, event: &E) {
        let event = event.to_wire(SystemTime::now());
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for session in sessions.iter().filter(|session| session.negotiated()) {
            // Who cannot be written to cannot be read from either, and is about to leave.
            let _ = session.say(&event);
        }
    }

    fn enter(&self, session: &Arc<Session>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(session));
    }

    fn leave(&self, session: &Arc<Session>) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|other| !Arc::ptr_eq(other, session));
    }
}

/// One client.
pub(crate) struct Session {
    stream: UnixStream,
    /// One message at a time.
    writing: Mutex<()>,
    negotiated: AtomicBool,
    oob: AtomicBool,
}

impl Session {
    fn new(stream: UnixStream) -> Self {
        Self { stream, writing: Mutex::default(), negotiated: false.into(), oob: false.into() }
    }

    /// Enables what the client wants.
    pub(crate) fn negotiate(&self, enable: &[QmpCapability]) -> Result<(), QmpError> {
        if self.negotiated.swap(true, Ordering::Relaxed) {
            let desc = "Capabilities negotiation is already complete, command ignored";
            return Err(QmpError::command_not_found(desc));
        }
        self.oob.store(enable.contains(&QmpCapability::Oob), Ordering::Relaxed);
        Ok(())
    }

    fn negotiated(&self) -> bool {
        self.negotiated.load(Ordering::Relaxed)
    }

    fn say(&self, message: &Value) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.stream).write_all(format!("{}\r\n", json::to_string(message)).as_bytes())
    }

    fn run(&self, kettle: &Kettle, sessions: &Sessions, turns: &Mutex<()>) -> io::Result<()> {
        self.say(&greeting(Value::from("kettle 1"), &["oob"]))?;
        let (queue, waiting) = mpsc::channel::<Result<Value, ParseError>>();
        thread::scope(|scope| {
            scope.spawn(move || {
                for message in waiting {
                    let _turn = turns.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ =
                        self.answer(message, kettle, &mut Turn { kettle, session: self, sessions });
                }
            });
            let mut parser = Parser::new();
            let mut bytes = [0; 4096];
            loop {
                let count = (&self.stream).read(&mut bytes)?;
                if count == 0 {
                    return Ok(());
                }
                parser.feed(bytes.get(..count).unwrap_or_default());
                for message in &mut parser {
                    let oob = self.oob.load(Ordering::Relaxed);
                    if oob && message.as_ref().is_ok_and(is_out_of_band) {
                        self.answer(
                            message,
                            kettle,
                            &mut Turn { kettle, session: self, sessions },
                        )?;
                    } else {
                        let _ = queue.send(message);
                    }
                }
            }
        })
    }

    /// Carries out one request.
    fn answer(
        &self,
        message: Result<Value, ParseError>,
        kettle: &Kettle,
        turn: &mut Turn<'_>,
    ) -> io::Result<()> {
        let (id, result) = match message {
            Ok(mut message) => (take_id(&mut message), self.execute(message, kettle, turn)),
            Err(error) => (None, Err(QmpError::generic(error.to_string()))),
        };
        self.say(&response(id, result))
    }

    fn execute(
        &self,
        message: Value,
        kettle: &Kettle,
        turn: &mut Turn<'_>,
    ) -> Result<Value, QmpError> {
        let out_of_band = is_out_of_band(&message);
        let call = Call::read(message, self.oob.load(Ordering::Relaxed))?;
        if !self.negotiated() && call.name != "qmp_capabilities" {
            let desc = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return Err(QmpError::command_not_found(desc));
        }
        let entry = qapi::command::<Turn<'_>, Kettle>(&call.name).ok_or_else(|| {
            QmpError::command_not_found(format!("The command {} has not been found", call.name))
        })?;
        if out_of_band && !entry.info.allow_oob {
            return Err(QmpError::generic(format!(
                "The command {} does not support OOB",
                call.name
            )));
        }
        qapi::gate(entry.info, kettle.phase())?;
        entry.run(turn, kettle, &call.arguments, Policy::ACCEPT)
    }
}
