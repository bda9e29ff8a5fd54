//! The checks of `qmp-wire.md` sections 1 to 7 and 11 on a real socket, as rows: bytes in, lines
//! out. The commands behind it are a toy with one thread in the machine's role.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use qapi_runtime::{Map, QmpError, Value, json};

use super::*;
use crate::backends::char::{
    CharConfig, Chardev, FrontEnd, MuxConfig, SocketAddress, SocketConfig, StdioConfig,
};
use crate::backends::io_thread::IoThread;

const CAPS: &str = "{'execute':'qmp_capabilities'}";
const OOB: &str = "{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}";
const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, "package": "test"}, "capabilities": ["oob"]}}"#;
const OK: &str = r#"{"return": {}}"#;
const NEGOTIATE: &str = r#"{"error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}"#;

/// `echo` returns its arguments; `block` waits for `release`; `tell` emits an event and answers.
struct Toy {
    queue: mpsc::Sender<Request>,
    released: (Mutex<u32>, Condvar),
    started: AtomicU32,
}

impl Toy {
    fn start(hub: &Arc<EventHub>) -> Arc<Self> {
        let (queue, requests) = mpsc::channel::<Request>();
        let toy = Arc::new(Self {
            queue,
            released: (Mutex::new(0), Condvar::new()),
            started: AtomicU32::new(0),
        });
        let (machine, hub) = (Arc::downgrade(&toy), Arc::clone(hub));
        std::thread::spawn(move || {
            for request in requests {
                let Some(toy) = machine.upgrade() else { return };
                if request.name == "drop" {
                    continue;
                }
                let result = toy.run(&request, &hub);
                (request.done)(result);
            }
        });
        toy
    }

    fn run(&self, request: &Request, hub: &EventHub) -> Result<Option<Value>, QmpError> {
        match request.name.as_str() {
            "qmp_capabilities" => {
                let wanted = request.arguments.get("enable").and_then(Value::as_array);
                let wanted = vec![Capability::Oob; wanted.map_or(0, Vec::len)];
                request.monitor.enable(&wanted)?;
            }
            "echo" => return Ok(Some(Value::Object(request.arguments.clone()))),
            "block" => {
                self.started.fetch_add(1, Ordering::SeqCst);
                let mut released = self.released.0.lock().unwrap();
                while *released == 0 {
                    released = self.released.1.wait(released).unwrap();
                }
                *released -= 1;
            }
            "tell" => {
                let event = json::parse(b"{'event': 'TOLD'}").unwrap();
                hub.emit(&event);
            }
            "silent" => return Ok(None),
            _ => return Err(QmpError::generic("failed")),
        }
        Ok(Some(Value::Object(Map::new())))
    }
}

impl Executor for Toy {
    fn submit(&self, request: Request) {
        let _ = self.queue.send(request);
    }

    fn lookup(&self, name: &str) -> Option<CommandFacts> {
        let names =
            ["qmp_capabilities", "echo", "block", "tell", "silent", "fail", "drop", "release"];
        names.contains(&name).then_some(CommandFacts { allow_oob: name == "release" })
    }

    fn out_of_band(
        &self,
        _: &str,
        arguments: &Map,
        _: &Arc<MonitorState>,
    ) -> Result<Value, QmpError> {
        if arguments.contains_key("bad") {
            return Err(QmpError::generic("Parameter 'bad' is unexpected"));
        }
        *self.released.0.lock().unwrap() += 1;
        self.released.1.notify_all();
        Ok(Value::Object(Map::new()))
    }
}

/// A server with monitors on sockets of its own.
struct Server {
    hub: Arc<EventHub>,
    toy: Arc<Toy>,
    monitors: Vec<Monitor>,
    paths: Vec<PathBuf>,
    /// Last, so that it outlives what it serves.
    io: IoThread,
}

impl Server {
    fn new() -> Self {
        let io = IoThread::start().unwrap();
        let hub = EventHub::new();
        let toy = Toy::start(&hub);
        let mut server = Self { hub, toy, monitors: Vec::new(), paths: Vec::new(), io };
        server.add(false);
        server
    }

    fn chardev(&mut self) -> Arc<Chardev> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "boardwright-qmp-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        let config = CharConfig::Socket(SocketConfig {
            address: SocketAddress::Unix(path.clone()),
            server: true,
            wait: false,
            reconnect: None,
        });
        self.paths.push(path);
        Chardev::open("mon", &config, self.io.handle()).unwrap()
    }

    fn add(&mut self, pretty: bool) {
        let chardev = self.chardev();
        let version = b"{'qemu': {'micro': 2, 'minor': 0, 'major': 10}, 'package': 'test'}";
        let config = SessionConfig {
            version: json::parse(version).unwrap(),
            pretty,
            capabilities: vec![Capability::Oob],
        };
        let executor = Arc::clone(&self.toy);
        self.monitors.push(Monitor::control(&chardev, executor, &self.hub, config).unwrap());
    }

    fn connect(&self, monitor: usize) -> Client {
        let stream = UnixStream::connect(&self.paths[monitor]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client { reader: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    /// A client past negotiation.
    fn session(&self, capabilities: &str) -> Client {
        let mut client = self.connect(0);
        client.send(capabilities);
        client.expect(&[GREETING, OK]);
        client
    }
}

struct Client {
    reader: BufReader<UnixStream>,
    stream: UnixStream,
}

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        assert!(line.is_ascii());
        line.strip_suffix("\r\n").unwrap_or_else(|| panic!("{line:?} ends otherwise")).to_owned()
    }

    fn expect(&mut self, lines: &[&str]) {
        for expected in lines {
            assert_eq!(self.line(), *expected);
        }
    }

    /// Nothing comes for a moment.
    fn expect_silence(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_millis(80))).unwrap();
        let mut byte = [0];
        let kind = self.reader.read(&mut byte).map_err(|e| e.kind());
        assert_eq!(kind, Err(std::io::ErrorKind::WouldBlock), "{byte:?}");
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }

    fn expect_end(&mut self) {
        assert_eq!(self.reader.read(&mut [0]).unwrap(), 0);
    }
}

fn generic(desc: &str) -> String {
    let error = QmpError::generic(desc).to_value();
    format!("{{\"error\": {}}}", json::to_string(&error))
}

/// A row: what is sent after `before`, and the lines that answer it; then a request that works.
fn check(before: &str, input: &[u8], expected: &[&str]) {
    let server = Server::new();
    let mut client = server.session(before);
    client.send(input);
    client.send("\n{'execute':'echo','id':'check'}");
    for line in expected {
        let got = client.line();
        assert_eq!(got, *line, "{}", String::from_utf8_lossy(input));
    }
    client.expect(&[r#"{"return": {}, "id": "check"}"#]);
}

#[test]
fn greeting_and_negotiation() {
    let server = Server::new();
    let mut client = server.connect(0);
    client.expect(&[GREETING]);
    client.expect_silence();
    let shape = generic("QMP input member 'exec-oob' is unexpected");
    let before: &[(&str, &str)] = &[
        ("{'execute':'echo'}", NEGOTIATE),
        ("{'execute':'nonsense'}", NEGOTIATE),
        ("{'exec-oob':'release'}", &shape),
        ("{'execute':'qmp_capabilities'}", OK),
    ];
    for (request, answer) in before {
        client.send(request);
        client.expect(&[answer]);
    }
    client.send(CAPS);
    client.expect(&[
        r#"{"error": {"class": "CommandNotFound", "desc": "Capabilities negotiation is already complete, command ignored"}}"#,
    ]);
}

#[test]
fn framing() {
    let echo = r#"{"return": {"a": 1}}"#;
    let request = b"{'execute':'echo','arguments':{'a':1}}";
    let several = [&request[..], b"\r\n\r\n \t", request, request].concat();
    check(CAPS, &several, &[echo, echo, echo]);
    check(CAPS, b"\n\n\r\n", &[]);

    // No newline is needed, and a request may be cut anywhere.
    let server = Server::new();
    let mut client = server.session(CAPS);
    for byte in request {
        client.send([*byte]);
    }
    client.expect(&[echo]);
    // A scalar is complete when the next character shows it.
    client.send("1");
    client.expect_silence();
    client.send("\n");
    client.expect(&[&generic("QMP input must be a JSON object")]);
}

#[test]
fn requests_and_ids() {
    let object = generic("QMP input must be a JSON object");
    let lacks = generic("QMP input lacks member 'execute'");
    let extra = generic("QMP input member 'extra' is unexpected");
    let rows: &[(&str, &str)] = &[
        ("[]", &object),
        ("{}", &lacks),
        ("{'execute':'echo','extra':1}", &extra),
        (
            "{'execute':'nope'}",
            r#"{"error": {"class": "CommandNotFound", "desc": "The command nope has not been found"}}"#,
        ),
        (
            "{'execute':''}",
            r#"{"error": {"class": "CommandNotFound", "desc": "The command  has not been found"}}"#,
        ),
        (
            "{'execute':'fail','id':7}",
            r#"{"id": 7, "error": {"class": "GenericError", "desc": "failed"}}"#,
        ),
        ("{'execute':'echo','id':null}", r#"{"return": {}, "id": null}"#),
        ("{'execute':'echo','id':[]}", r#"{"return": {}, "id": []}"#),
        ("{'execute':'echo','id':{}}", r#"{"return": {}, "id": {}}"#),
        ("{'id':1.0,'execute':'echo'}", r#"{"return": {}, "id": 1}"#),
        (
            "{'id':18446744073709551616,'execute':'echo'}",
            r#"{"return": {}, "id": 1.8446744073709552e+19}"#,
        ),
        ("{'id':'é\\u0000','execute':'echo'}", r#"{"return": {}, "id": "\u00E9\u0000"}"#),
        (
            "{'id':1,'extra':2}",
            r#"{"id": 1, "error": {"class": "GenericError", "desc": "QMP input member 'extra' is unexpected"}}"#,
        ),
        (
            "{'execute':'drop'}",
            r#"{"error": {"class": "GenericError", "desc": "The command was abandoned"}}"#,
        ),
        ("{'execute':'silent'}{'execute':'echo','id':1}", r#"{"return": {}, "id": 1}"#),
    ];
    for (input, expected) in rows {
        check(CAPS, input.as_bytes(), &[expected]);
    }
}

#[test]
fn malformed_input() {
    let value = generic("JSON parse error, expecting value");
    let rows: &[(&[u8], &[&str])] = &[
        (b"{]", &[&value]),
        (b"}", &[&value]),
        (b"{'execute':'echo','execute':'echo'}", &[&generic("JSON parse error, duplicate key")]),
        (b"{'id':1e400}", &[&generic("JSON parse error, number '1e400' is out of range")]),
        (b"{'execute':'ec\xFFho'}", &[&generic("JSON parse error, stray ''ec\u{fffd}'"), &value]),
        (b"{'execute':\xFF", &[&generic("JSON parse error, stray '\u{fffd}'")]),
        (b"{'execute':'\x1B", &[&generic("JSON parse error, stray ''\u{1b}'")]),
        (b"{'a\nb'}", &[&generic("JSON parse error, stray ''a\n'"), &value]),
    ];
    for (input, expected) in rows {
        check(CAPS, input, expected);
    }
}

#[test]
fn deep_and_long_requests() {
    let nested = |depth: usize| {
        format!("{{'execute':'echo','id':{}{}}}", "[".repeat(depth), "]".repeat(depth))
    };
    let fine = format!("{{\"return\": {{}}, \"id\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    check(CAPS, nested(1000).as_bytes(), &[&fine]);
    // One deeper than allowed, counting the request's own brace.
    let mut expected = vec![generic("JSON nesting depth limit exceeded")];
    expected.resize(1 + 1025, generic("JSON parse error, expecting value"));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(CAPS, nested(1024).as_bytes(), &expected);

    let size = if cfg!(debug_assertions) { 4 << 20 } else { (64 << 20) - 100 };
    let long = "x".repeat(size);
    let started = Instant::now();
    let request = format!("{{'execute':'echo','arguments':{{'a':'{long}'}}}}");
    check(CAPS, request.as_bytes(), &[&format!("{{\"return\": {{\"a\": \"{long}\"}}}}")]);
    // It takes about a second. The bound is for a busy host; what it has to catch is work that
    // grows with the square of the length, which takes much longer still.
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn clients_come_and_go() {
    let server = Server::new();
    // One leaves in the middle of a request, having negotiated.
    let mut client = server.session(OOB);
    client.send("{'execute':'ec");
    drop(client);
    let mut second = server.connect(0);
    second.expect(&[GREETING]);
    second.send("{'execute':'echo'}");
    second.expect(&[NEGOTIATE]);
    // The next one is not greeted before this one leaves.
    let mut third = server.connect(0);
    third.expect_silence();
    drop(second);
    third.expect(&[GREETING]);
    // One leaves while its command runs: the answer goes nowhere, what waits is forgotten.
    third.send(CAPS);
    third.expect(&[OK]);
    third.send("{'execute':'block'}{'execute':'block'}{'execute':'echo'}");
    while server.toy.started.load(Ordering::SeqCst) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(third);
    let mut fourth = server.connect(0);
    fourth.expect(&[GREETING]);
    fourth.send(CAPS);
    fourth.expect_silence();
    server
        .toy
        .out_of_band("release", &Map::new(), &Arc::new(MonitorState::new("toy", vec![])))
        .unwrap();
    fourth.expect(&[OK]);
    fourth.send("{'execute':'echo','id':4}");
    fourth.expect(&[r#"{"return": {}, "id": 4}"#]);
    assert_eq!(server.toy.started.load(Ordering::SeqCst), 1);
    // One ends its input and still wants its answers (a pipe into socat).
    drop(fourth);
    let mut piped = server.connect(0);
    piped.send(format!("{CAPS}{{'execute':'tell'}}{{'execute':'echo','id':5}}"));
    piped.stream.shutdown(Shutdown::Write).unwrap();
    piped.expect(&[GREETING, OK, r#"{"event": "TOLD"}"#, OK, r#"{"return": {}, "id": 5}"#]);
    piped.expect_end();
}

#[test]
fn out_of_band() {
    let server = Server::new();
    let mut client = server.session(OOB);
    client.send("{'execute':'block','id':1}{'execute':'echo','id':2}]");
    // Refusals are immediate too.
    let rows: &[(&str, &str)] = &[
        (
            "{'exec-oob':'echo','id':3}",
            r#"{"id": 3, "error": {"class": "GenericError", "desc": "The command echo does not support OOB"}}"#,
        ),
        (
            "{'exec-oob':'qmp_capabilities'}",
            r#"{"error": {"class": "GenericError", "desc": "The command qmp_capabilities does not support OOB"}}"#,
        ),
        (
            "{'exec-oob':'nope'}",
            r#"{"error": {"class": "CommandNotFound", "desc": "The command nope has not been found"}}"#,
        ),
        (
            "{'exec-oob':'release','arguments':{'bad':1}}",
            r#"{"error": {"class": "GenericError", "desc": "Parameter 'bad' is unexpected"}}"#,
        ),
        (
            "{'exec-oob':'release','x':1,'id':4}",
            r#"{"id": 4, "error": {"class": "GenericError", "desc": "QMP input member 'x' is unexpected"}}"#,
        ),
    ];
    for (request, answer) in rows {
        client.send(request);
        client.expect(&[answer]);
    }
    // Malformed input and a request with both keys wait their turn.
    client.send("{'exec-oob':'release','execute':'echo','id':6}");
    client.expect_silence();
    client.send("{'exec-oob':'release','id':5}");
    // The answer out of band races with the command that it set free.
    let mut got: Vec<String> = (0..5).map(|_| client.line()).collect();
    let at = got.iter().position(|line| line == r#"{"return": {}, "id": 5}"#).unwrap();
    got.remove(at);
    let in_order = [
        r#"{"return": {}, "id": 1}"#,
        r#"{"return": {}, "id": 2}"#,
        &generic("JSON parse error, expecting value"),
        r#"{"id": 6, "error": {"class": "GenericError", "desc": "QMP input member 'execute' clashes with 'exec-oob'"}}"#,
    ];
    assert_eq!(got, in_order);
    // An oob-capable command may be run in band.
    client.send("{'execute':'release'}");
    client.expect(&[&generic("failed")]);
}

#[test]
fn the_queue_holds_eight_behind_the_running_one() {
    let server = Server::new();
    let mut client = server.session(OOB);
    client.send("{'execute':'block','id':0}");
    for id in 1..=7 {
        client.send(format!("{{'execute':'echo','id':{id}}}"));
    }
    // Seven wait: out of band gets through.
    client.send("{'exec-oob':'release','id':'a','arguments':{'bad':1}}");
    let refused = |id: &str| {
        format!(
            "{{\"id\": \"{id}\", \"error\": {{\"class\": \"GenericError\", \"desc\": \"Parameter 'bad' is unexpected\"}}}}"
        )
    };
    client.expect(&[&refused("a")]);
    // With the eighth, reading stops.
    client.send("{'execute':'echo','id':8}{'exec-oob':'release','id':'b','arguments':{'bad':1}}");
    client.expect_silence();
    server
        .toy
        .out_of_band("release", &Map::new(), &Arc::new(MonitorState::new("toy", vec![])))
        .unwrap();
    let mut got: Vec<String> = (0..10).map(|_| client.line()).collect();
    // The out-of-band answer may fall between any two of the others.
    got.retain(|line| *line != refused("b"));
    let wanted: Vec<_> = (0..=8).map(|id| format!("{{\"return\": {{}}, \"id\": {id}}}")).collect();
    assert_eq!(got, wanted);
}

#[test]
fn monitors_are_independent_and_share_events() {
    let mut server = Server::new();
    server.add(true);
    server.add(false);
    let mut first = server.session(CAPS);
    let mut pretty = server.connect(1);
    let mut waiting = server.connect(2);
    pretty.send(CAPS);
    let greeting = "{\n    \"QMP\": {\n        \"version\": {\n            \"qemu\": {\n                \"micro\": 2,\n                \"minor\": 0,\n                \"major\": 10\n            },\n            \"package\": \"test\"\n        },\n        \"capabilities\": [\n            \"oob\"\n        ]\n    }\n}";
    for line in greeting.lines() {
        pretty.expect(&[line]);
    }
    pretty.expect(&["{", "    \"return\": {", "    }", "}"]);
    waiting.expect(&[GREETING]);

    // The event comes before the response of the command that raised it.
    first.send("{'execute':'tell','id':1}");
    first.expect(&[r#"{"event": "TOLD"}"#, r#"{"return": {}, "id": 1}"#]);
    pretty.expect(&["{", "    \"event\": \"TOLD\"", "}"]);
    waiting.expect_silence();
    waiting.send(CAPS);
    waiting.expect(&[OK]);
    assert!(server.hub.drain(Duration::from_secs(5)));
}

#[test]
fn unread_answers_stop_the_reading() {
    let server = Server::new();
    let mut client = server.session(CAPS);
    let long = "y".repeat(200_000);
    let request = format!("{{'execute':'echo','arguments':{{'a':'{long}'}}}}");
    let mut writer = client.stream.try_clone().unwrap();
    let count = 40;
    let sender = std::thread::spawn(move || {
        for _ in 0..count {
            writer.write_all(request.as_bytes()).unwrap();
        }
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(server.monitors[0].connection().chardev().queued() < 2 << 20);
    for _ in 0..count {
        assert_eq!(client.line().len(), long.len() + 21);
    }
    sender.join().unwrap();
}

#[test]
fn human_monitor() {
    let mut server = Server::new();
    let chardev = server.chardev();
    let run = |line: String, done: Box<dyn FnOnce(String) + Send>| {
        // As the machine thread would: later, elsewhere; or never.
        if line != "drop" {
            std::thread::spawn(move || done(format!("<{line}>\nend\r\n")));
        }
    };
    let _monitor = Monitor::human(&chardev, Arc::new(run), &server.hub, "banner").unwrap();
    let mut client = server.connect(1);
    let rows: &[(&str, &str)] = &[
        ("", "banner\r\n(qemu) "),
        ("\r\n", "\r\n(qemu) "),
        ("info\r", "info\r\n<info>\r\nend\r\n(qemu) "),
        ("\nab\x7fc\n", "ab\x08 \x08c\r\n<ac>\r\nend\r\n(qemu) "),
        ("drop\r", "drop\r\n(qemu) "),
        ("xy\x03", "xy^C\r\n(qemu) "),
        ("xy\x15z\n", "xy\x08 \x08\x08 \x08z\r\n<z>\r\nend\r\n(qemu) "),
        ("\x1b[A\x1b[1;5D\x7fa\n", "a\r\n<a>\r\nend\r\n(qemu) "),
        ("a\nb\n", "a\r\n<a>\r\nend\r\n(qemu) b\r\n<b>\r\nend\r\n(qemu) "),
    ];
    for (keys, expected) in rows {
        client.send(keys);
        let mut got = vec![0; expected.len()];
        client.reader.read_exact(&mut got).unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), *expected, "{keys:?}");
    }
    client.expect_silence();
}

/// The part of [`monitor_on_a_pipe`] that runs in a child process; does nothing otherwise.
#[test]
fn pipe_child() {
    if std::env::var_os("BOARDWRIGHT_PIPE_CHILD").is_none() {
        return;
    }
    let server = Server::new();
    let config = CharConfig::Stdio(StdioConfig { signal: true });
    let chardev = Chardev::open("stdio", &config, server.io.handle()).unwrap();
    let config = SessionConfig { version: Value::Null, pretty: false, capabilities: Vec::new() };
    let toy: Arc<dyn Executor> = Arc::clone(&server.toy) as _;
    let _monitor = Monitor::control(&chardev, toy, &server.hub, config).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.toy.started.load(Ordering::SeqCst) == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(server.hub.drain(Duration::from_secs(5)));
}

/// A script pipes all its requests into the program and reads the answers: the end of input
/// loses none of them.
#[test]
fn monitor_on_a_pipe() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("{}::pipe_child", module_path!().split_once("::").unwrap().1))
        .env("BOARDWRIGHT_PIPE_CHILD", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let tells = "{'execute':'tell','id':1}".repeat(20);
    input.write_all(format!("{CAPS}{tells}{{'execute':'block'}}").as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("{\"QMP\": {\"version\": null, \"capabilities\": []}}\r\n"), "{text}");
    let answers = text.matches("{\"event\": \"TOLD\"}\r\n{\"return\": {}, \"id\": 1}\r\n").count();
    assert_eq!(answers, 20, "{text}");
}

/// `-serial mon:stdio`: the banner waits for the first Ctrl-A c.
#[test]
fn human_monitor_behind_a_mux() {
    struct Console;
    impl FrontEnd for Console {
        fn receive(&self, bytes: &[u8]) -> usize {
            bytes.len()
        }
    }
    let mut server = Server::new();
    let base = server.chardev();
    let config = MuxConfig { escape: 1, quit: Box::new(|| {}) };
    let mux = Chardev::open_mux("mux", base, config).unwrap();
    let run = |_: String, done: Box<dyn FnOnce(String) + Send>| done("out\n".into());
    let _monitor = Monitor::human(&mux, Arc::new(run), &server.hub, "banner").unwrap();
    let console = mux.connect(Arc::new(Console)).unwrap();
    let mut client = server.connect(1);
    client.expect_silence();
    console.write(b"console ");
    client.send("\x01cx\r\x01c\x01c");
    let expected = "console banner\r\n(qemu) x\r\nout\r\n(qemu) (qemu) ";
    let mut got = vec![0; expected.len()];
    client.reader.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), expected);
}
