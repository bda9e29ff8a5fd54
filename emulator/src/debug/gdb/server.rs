//! What packets ask for, done on the machine thread.

use std::sync::Arc;

use boardwright_riscv::{DebugStop, Hart};

use super::link::{Event, Link, Submit};
use super::packet::{LONGEST, from_hex, number, to_hex};
use super::points::{Point, Points};
use super::thread::{self, Threads};
use super::{points, registers};
use crate::backends::char::{CharError, Chardev, ClientId, Connection};
use crate::cli::GDB_ID;
use crate::debug::memory::{self, View};
use crate::door::Door;
use crate::machine::{Halt, HaltReason, Machine, Pace};
use crate::qapi::{Phase, RunState, ShutdownCause};

/// Thread ids in one answer.
const IDS: usize = 100;

/// A server on a back end; dropping it disconnects.
pub struct Server {
    link: Arc<Link>,
    session: Session,
    _connection: Connection,
}

/// What is known of one client, from its coming to its going.
#[derive(Default)]
struct Session {
    client: Option<ClientId>,
    /// It has sent something.
    heard: bool,
    /// The client's thread ids have a process.
    multiprocess: bool,
    /// The hart whose registers and memory are meant.
    general: usize,
    /// The hart that is stepped by packets that name none.
    stepped: usize,
    /// The hart that was stopped at last.
    stopped: usize,
    /// The client waits to hear that the guest has stopped.
    waiting: bool,
    /// Addresses are physical.
    physical: bool,
    /// Where the guest is to stop.
    points: Points,
    /// How far the list of threads has been told.
    listed: usize,
}

/// What a packet comes to.
enum Reply {
    Body(Vec<u8>),
    /// The answer comes when the guest stops.
    Later,
}

/// Why nothing is done.
enum Refusal {
    /// It is not understood, or not supported: an empty answer.
    Unknown,
    /// It is malformed or names what there is not.
    Invalid,
    /// There is no such memory or register.
    Fault,
}

type Answer = Result<Reply, Refusal>;

fn text(body: impl Into<String>) -> Answer {
    Ok(Reply::Body(body.into().into_bytes()))
}

/// `OK`, or a refusal.
fn ok_if(done: bool, refusal: Refusal) -> Answer {
    if done { text("OK") } else { Err(refusal) }
}

impl Server {
    /// A server that has no client yet.
    ///
    /// # Errors
    /// Somebody else uses the back end.
    pub(super) fn open(chardev: &Arc<Chardev>, submit: Submit) -> Result<Self, CharError> {
        let link = Link::new(Arc::clone(chardev), submit);
        let connection = chardev.connect(link.clone())?;
        Ok(Self { link, session: Session::default(), _connection: connection })
    }

    /// There is a machine to debug.
    pub fn ready(&self) {
        self.link.ready();
    }

    /// The guest has stopped, by a command or because of a hart.
    pub fn stopped(&mut self, halt: Option<Halt>) {
        const SIGINT: u8 = 2;
        const SIGTRAP: u8 = 5;
        if let Some(halt) = halt {
            self.session.stopped = halt.hart;
            self.session.general = halt.hart;
        }
        if !std::mem::take(&mut self.session.waiting) {
            return;
        }
        let signal = if halt.is_some() { SIGTRAP } else { SIGINT };
        let reply = self.session.stop_reply(signal, halt.map(|halt| halt.reason));
        self.send(reply.as_bytes());
    }

    /// The program is about to end.
    pub fn exited(&self, status: u8) {
        if self.session.waiting {
            self.send(format!("W{status:02x}").as_bytes());
        }
    }

    fn send(&self, body: &[u8]) {
        if let Some(client) = self.session.client {
            self.link.send(client, body);
        }
    }
}

impl Session {
    fn stop_reply(&self, signal: u8, reason: Option<HaltReason>) -> String {
        let thread = self.id(self.stopped);
        let detail = match reason {
            Some(HaltReason::Debug(DebugStop::Watchpoint { kind, addr })) => {
                format!("{}:{addr:x};", points::name(kind))
            }
            Some(HaltReason::Step | HaltReason::Debug(_) | HaltReason::Budget) | None => {
                String::new()
            }
        };
        format!("T{signal:02x}thread:{thread};{detail}")
    }

    fn id(&self, hart: usize) -> String {
        thread::id(hart, self.multiprocess)
    }

    fn view(&self) -> View {
        if self.physical { View::Physical } else { View::Hart(self.general) }
    }
}

impl Door {
    /// Does what a debugger asks for.
    pub(crate) fn debug(&mut self, event: Event) {
        let Some(server) = &mut self.debugger else { return };
        match event {
            Event::Attached(client) => {
                server.session = Session { client: Some(client), ..Session::default() };
                self.stop_machine();
            }
            Event::Gone(client) if server.session.client == Some(client) => {
                // The guest goes on as it is, and does not meet what nobody would hear of.
                server.session = Session::default();
                self.set_points(&Points::default());
            }
            Event::Gone(_) => {}
            Event::Interrupt if self.run_state == RunState::Running => self.stop_machine(),
            Event::Interrupt => server.stopped(None),
            Event::Packet(packet) => {
                // It may have come before there was a guest to stop.
                if !std::mem::replace(&mut server.session.heard, true) {
                    self.stop_machine();
                }
                let Some(server) = &mut self.debugger else { return };
                let link = server.link.clone();
                // Out of the server, where the guest's stopping would find a client to tell.
                let session = std::mem::take(&mut server.session);
                let mut call = Call { door: self, session, link };
                let answer = packet.as_deref().map_or(Err(Refusal::Invalid), |body| call.run(body));
                let Call { session, link, .. } = call;
                let body = match answer {
                    Ok(Reply::Body(body)) => Some(body),
                    Ok(Reply::Later) => None,
                    Err(Refusal::Unknown) => Some(vec![]),
                    Err(Refusal::Invalid) => Some(b"E22".to_vec()),
                    Err(Refusal::Fault) => Some(b"E14".to_vec()),
                };
                if let (Some(client), Some(body)) = (session.client, body) {
                    link.send(client, &body);
                }
                link.done();
                if let Some(server) = &mut self.debugger {
                    server.session = session;
                }
            }
        }
    }
}

/// A packet while it is dealt with.
struct Call<'a> {
    door: &'a mut Door,
    session: Session,
    link: Arc<Link>,
}

/// How a packet is known.
enum Name {
    /// By all of it.
    Whole(&'static str),
    /// By its begin; the rest are arguments.
    Begin(&'static str),
}

use Name::{Begin, Whole};

type Run = fn(&mut Call<'_>, &str) -> Answer;

/// The packets that are understood, apart from `X`, which is not text. The first that fits counts.
const PACKETS: &[(Name, Run)] = &[
    (Whole("?"), |call, _| text(call.session.stop_reply(5, None))),
    (Whole("!"), |_, _| text("OK")),
    (Whole("g"), |call, _| {
        let bytes = call.hart(|hart| registers::read_general(hart))?;
        text(to_hex(&bytes))
    }),
    (Begin("G"), |call, digits| {
        let bytes = from_hex(digits.as_bytes()).ok_or(Refusal::Invalid)?;
        ok_if(call.hart(|hart| registers::write_general(hart, &bytes))?, Refusal::Invalid)
    }),
    (Begin("p"), |call, digits| {
        let number = number(digits.as_bytes()).ok_or(Refusal::Invalid)?;
        let bytes = call.hart(|hart| registers::read(hart, number))?.ok_or(Refusal::Fault)?;
        text(to_hex(&bytes))
    }),
    (Begin("P"), |call, arguments| {
        let (register, digits) = arguments.split_once('=').ok_or(Refusal::Invalid)?;
        let register = number(register.as_bytes()).ok_or(Refusal::Invalid)?;
        let bytes = from_hex(digits.as_bytes()).ok_or(Refusal::Invalid)?;
        ok_if(call.hart(|hart| registers::write(hart, register, &bytes))?, Refusal::Fault)
    }),
    (Begin("m"), |call, place| call.read_memory(place)),
    (Begin("M"), |call, arguments| {
        let (place, digits) = arguments.split_once(':').ok_or(Refusal::Invalid)?;
        let bytes = from_hex(digits.as_bytes()).ok_or(Refusal::Invalid)?;
        call.write_memory(place, &bytes)
    }),
    (Begin("Hg"), |call, id| {
        call.session.general = call.threads(id)?.one();
        text("OK")
    }),
    (Begin("Hc"), |call, id| {
        call.session.stepped = call.threads(id)?.one();
        text("OK")
    }),
    (Begin("T"), |call, id| {
        call.threads(id)?;
        text("OK")
    }),
    (Begin("Z"), |call, point| call.change_point(point, Points::insert)),
    (Begin("z"), |call, point| call.change_point(point, Points::remove)),
    (Whole("vCont?"), |_, _| text("vCont;c;C;s;S")),
    (Begin("vCont;"), |call, actions| {
        let harts = call.machine()?.harts().len();
        let paces = thread::paces(actions, harts).ok_or(Refusal::Invalid)?;
        call.resume(paces)
    }),
    (Begin("c"), |call, addr| call.resume_at(addr, Pace::Run)),
    (Begin("C"), |call, rest| call.resume_at(after_signal(rest)?, Pace::Run)),
    (Begin("s"), |call, addr| call.resume_at(addr, Pace::Step)),
    (Begin("S"), |call, rest| call.resume_at(after_signal(rest)?, Pace::Step)),
    (
        Whole("D"),
        |call, _| if call.session.multiprocess { Err(Refusal::Invalid) } else { call.detach() },
    ),
    (Begin("D;"), |call, process| match number(process.as_bytes()) {
        Some(1) => call.detach(),
        _ => Err(Refusal::Invalid),
    }),
    (Begin("vKill;"), |call, _| {
        call.kill();
        text("OK")
    }),
    (Whole("k"), |call, _| {
        call.kill();
        Ok(Reply::Later)
    }),
    (Begin("vAttach;"), |call, _| text(call.session.stop_reply(5, None))),
    (Whole("qC"), |call, _| text(format!("QC{}", call.session.id(call.session.general)))),
    (Begin("qSupported"), |call, features| {
        call.session.multiprocess = features.contains("multiprocess+");
        text(format!("PacketSize={LONGEST:x};qXfer:features:read+;vContSupported+;multiprocess+"))
    }),
    (Begin("qXfer:features:read:"), |call, window| call.describe(window)),
    (Whole("qfThreadInfo"), |call, _| {
        call.session.listed = 0;
        call.list_threads()
    }),
    (Whole("qsThreadInfo"), |call, _| call.list_threads()),
    (Begin("qThreadExtraInfo,"), |call, id| {
        let hart = call.threads(id)?.one();
        let waits = call.machine()?.harts().with(hart, |hart| hart.waiting());
        let state = if waits.unwrap_or(false) { "halted" } else { "running" };
        text(to_hex(format!("CPU#{hart} [{state}]").as_bytes()))
    }),
    (Begin("qAttached"), |_, _| text("1")),
    (Begin("qRcmd,"), |call, line| call.monitor(line)),
    (Whole("qqemu.Supported"), |_, _| text("PhyMemMode")),
    (Whole("qqemu.PhyMemMode"), |call, _| text(if call.session.physical { "1" } else { "0" })),
    (Begin("Qqemu.PhyMemMode:"), |call, value| {
        call.session.physical = number(value.as_bytes()).ok_or(Refusal::Invalid)? != 0;
        text("OK")
    }),
];

/// What follows the signal's two digits and perhaps a `;`. There is nobody to give a signal to.
fn after_signal(rest: &str) -> Result<&str, Refusal> {
    let (_, addr) = rest.split_at_checked(2).ok_or(Refusal::Invalid)?;
    Ok(addr.strip_prefix(';').unwrap_or(addr))
}

/// A pair of numbers, as in `m80000000,4`.
fn pair(arguments: &str) -> Option<(u64, u64)> {
    let (a, b) = arguments.split_once(',')?;
    Some((number(a.as_bytes())?, number(b.as_bytes())?))
}

impl Call<'_> {
    fn run(&mut self, body: &[u8]) -> Answer {
        if let Some(rest) = body.strip_prefix(b"X") {
            return self.write_binary(rest);
        }
        let body = std::str::from_utf8(body).map_err(|_| Refusal::Unknown)?;
        let found = PACKETS.iter().find_map(|(name, run)| match name {
            Whole(name) => (body == *name).then_some((run, "")),
            Begin(name) => body.strip_prefix(name).map(|rest| (run, rest)),
        });
        let (run, rest) = found.ok_or(Refusal::Unknown)?;
        run(self, rest)
    }

    fn machine(&self) -> Result<&Machine, Refusal> {
        self.door.stage.machine().ok_or(Refusal::Invalid)
    }

    /// Does something with the hart that the client has chosen.
    fn hart<R>(&self, work: impl FnOnce(&mut Hart) -> R) -> Result<R, Refusal> {
        self.machine()?.harts().with(self.session.general, work).ok_or(Refusal::Invalid)
    }

    fn threads(&self, id: &str) -> Result<Threads, Refusal> {
        Threads::parse(id, self.machine()?.harts().len()).ok_or(Refusal::Invalid)
    }

    fn list_threads(&mut self) -> Answer {
        let begin = self.session.listed;
        let end = self.machine()?.harts().len().min(begin + IDS);
        self.session.listed = end;
        let ids: Vec<String> = (begin..end).map(|hart| self.session.id(hart)).collect();
        text(if ids.is_empty() { "l".into() } else { format!("m{}", ids.join(",")) })
    }

    fn read_memory(&mut self, place: &str) -> Answer {
        let (addr, len) = pair(place).ok_or(Refusal::Invalid)?;
        // Two digits a byte have to fit.
        let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST / 2);
        let mut bytes = vec![0; len.ok_or(Refusal::Invalid)?];
        memory::read(self.machine()?, self.session.view(), addr, &mut bytes)
            .map_err(|_| Refusal::Fault)?;
        text(to_hex(&bytes))
    }

    fn write_memory(&mut self, place: &str, bytes: &[u8]) -> Answer {
        let (addr, len) = pair(place).ok_or(Refusal::Invalid)?;
        if len != bytes.len() as u64 {
            return Err(Refusal::Invalid);
        }
        let written = memory::write(self.machine()?, self.session.view(), addr, bytes);
        ok_if(written.is_ok(), Refusal::Fault)
    }

    /// `X`: as `M`, the bytes as they are.
    fn write_binary(&mut self, rest: &[u8]) -> Answer {
        let colon = rest.iter().position(|byte| *byte == b':').ok_or(Refusal::Invalid)?;
        let (place, bytes) = rest.split_at(colon);
        let place = std::str::from_utf8(place).map_err(|_| Refusal::Invalid)?;
        self.write_memory(place, bytes.get(1..).unwrap_or_default())
    }

    /// `qXfer:features:read`: a piece of a document, after `m` if there is more, else after `l`.
    fn describe(&mut self, arguments: &str) -> Answer {
        let (name, window) = arguments.split_once(':').ok_or(Refusal::Invalid)?;
        let (begin, len) = pair(window).ok_or(Refusal::Invalid)?;
        let document = self
            .machine()?
            .harts()
            .with(0, |hart| registers::description(hart, name))
            .flatten()
            .ok_or(Refusal::Invalid)?;
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
        let rest = document.as_bytes().get(begin..).ok_or(Refusal::Invalid)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(LONGEST - 5);
        let piece = rest.get(..len).unwrap_or(rest);
        let mark = if piece.len() < rest.len() { b'm' } else { b'l' };
        Ok(Reply::Body([&[mark], piece].concat()))
    }

    /// `qRcmd`: a line of the human monitor; what it prints comes line by line.
    fn monitor(&mut self, digits: &str) -> Answer {
        let line = from_hex(digits.as_bytes()).ok_or(Refusal::Invalid)?;
        let line = String::from_utf8_lossy(&line);
        let output = self.door.human(&line, self.session.general);
        if let Some(client) = self.session.client {
            for line in output.split_inclusive('\n') {
                self.link.send(client, format!("O{}", to_hex(line.as_bytes())).as_bytes());
            }
        }
        text("OK")
    }

    /// `Z` and `z`: kind, address and length.
    fn change_point(&mut self, point: &str, change: fn(&mut Points, Point)) -> Answer {
        let (kind, place) = point.split_once(',').ok_or(Refusal::Invalid)?;
        let (addr, len) = pair(place).ok_or(Refusal::Invalid)?;
        let point = Point::new(kind, addr, len).ok_or(Refusal::Unknown)?;
        change(&mut self.session.points, point);
        self.door.set_points(&self.session.points);
        text("OK")
    }

    fn resume_at(&mut self, addr: &str, pace: Pace) -> Answer {
        let hart = self.session.stepped;
        if !addr.is_empty() {
            let addr = number(addr.as_bytes()).ok_or(Refusal::Invalid)?;
            self.machine()?.harts().with(hart, |hart| hart.set_pc(addr));
        }
        let mut paces = vec![Pace::Run; self.machine()?.harts().len()];
        if let Some(own) = paces.get_mut(hart) {
            *own = pace;
        }
        self.resume(paces)
    }

    fn resume(&mut self, paces: Vec<Pace>) -> Answer {
        self.session.waiting = true;
        self.door.run_machine_at(paces);
        Ok(Reply::Later)
    }

    fn detach(&mut self) -> Answer {
        self.session = Session { client: self.session.client, ..Session::default() };
        self.door.set_points(&self.session.points);
        self.door.run_machine();
        text("OK")
    }

    fn kill(&mut self) {
        self.door.host.warn("terminated by the debugger");
        self.door.end(false, ShutdownCause::HostUi, 0);
    }
}

impl Door {
    /// Lets the harts stop at these points and no others.
    fn set_points(&self, points: &Points) {
        if let Some(machine) = self.stage.machine() {
            machine.harts().each(|hart| points.apply(hart));
        }
    }

    /// Serves debuggers on a back end, or no longer.
    ///
    /// # Errors
    /// Somebody else uses the back end.
    pub(crate) fn serve_debugger(
        &mut self,
        chardev: Option<&Arc<Chardev>>,
    ) -> Result<(), CharError> {
        // The old one goes first: it may be on the same back end.
        if self.debugger.take().is_some() {
            self.set_points(&Points::default());
            self.host.chardevs.remove(GDB_ID);
        }
        let Some(chardev) = chardev else { return Ok(()) };
        let inbox = self.inbox().clone();
        let server = Server::open(chardev, Box::new(move |event| inbox.debug(event)))?;
        if self.phase() == Phase::Ready {
            server.ready();
        }
        self.debugger = Some(server);
        Ok(())
    }
}
