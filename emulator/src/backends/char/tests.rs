//! Back ends of every kind against the real host: sockets, pseudo terminals, files, and a child
//! process for the standard streams.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio as ChildStdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, tcgetattr};

use super::sync::lock;
use super::*;
use crate::backends::io_thread::IoThread;

const LONG: Duration = Duration::from_secs(10);

/// A front end with a FIFO of limited size, like a UART.
#[derive(Default)]
struct Fifo {
    state: Mutex<FifoState>,
    changed: Condvar,
}

#[derive(Default)]
struct FifoState {
    room: usize,
    bytes: VecDeque<u8>,
    events: Vec<&'static str>,
}

impl Fifo {
    fn with_room(room: usize) -> Arc<Self> {
        let fifo = Self::default();
        lock(&fifo.state).room = room;
        Arc::new(fifo)
    }

    /// Waits until `done` likes the state.
    fn wait<T>(&self, done: impl Fn(&mut FifoState) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        let mut state = lock(&self.state);
        loop {
            if let Some(result) = done(&mut state) {
                return result;
            }
            assert!(Instant::now() < deadline, "{:?} {:?}", state.bytes, state.events);
            state = self.changed.wait_timeout(state, Duration::from_millis(50)).unwrap().0;
        }
    }

    fn expect(&self, text: &str) {
        let got = self.wait(|state| {
            (state.bytes.len() >= text.len()).then(|| state.bytes.drain(..).collect::<Vec<u8>>())
        });
        assert_eq!(String::from_utf8_lossy(&got), text);
    }

    fn expect_event(&self, event: &'static str) {
        let got = self.wait(|state| (!state.events.is_empty()).then(|| state.events.remove(0)));
        assert_eq!(got, event);
    }
}

impl FrontEnd for Fifo {
    fn receive(&self, bytes: &[u8]) -> usize {
        let mut state = lock(&self.state);
        let count = bytes.len().min(state.room - state.bytes.len().min(state.room));
        state.bytes.extend(&bytes[..count]);
        self.changed.notify_all();
        count
    }

    fn event(&self, event: CharEvent) {
        lock(&self.state).events.push(match event {
            CharEvent::Opened(_) => "opened",
            CharEvent::Closed => "closed",
            CharEvent::Break => "break",
            CharEvent::FocusIn => "in",
            CharEvent::FocusOut => "out",
        });
        self.changed.notify_all();
    }
}

fn temporary(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("boardwright-char-{}-{count}-{name}", std::process::id()))
}

fn socket(address: SocketAddress, server: bool) -> SocketConfig {
    SocketConfig { address, server, wait: false, reconnect: None }
}

fn open(io: &IoThread, config: SocketConfig) -> Arc<Chardev> {
    Chardev::open("c", &CharConfig::Socket(config), io.handle()).unwrap()
}

fn expect(stream: &mut impl Read, text: &str) {
    let mut got = vec![0; text.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8_lossy(&got), text);
}

fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !what() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn null_and_ring() {
    let io = IoThread::start().unwrap();
    let null = Chardev::open("n", &CharConfig::Null, io.handle()).unwrap();
    let front = Fifo::with_room(1);
    assert!(!null.frontend_open());
    let connection = null.connect(front.clone()).unwrap();
    assert!(null.frontend_open());
    let error = null.connect(front.clone()).unwrap_err();
    assert_eq!(error.to_string(), "Device 'n' is in use");
    drop(connection);
    assert!(!null.frontend_open());
    assert_eq!((null.write(b"abc"), null.queued(), null.filename().as_str()), (3, 0, "null"));
    assert!(null.drain(LONG));

    let ring = Chardev::open("r", &CharConfig::Ringbuf { size: 8 }, io.handle()).unwrap();
    ring.write(b"0123456789");
    assert!(ring.ring_write(b"ab"));
    assert_eq!(ring.ring_read(3).unwrap(), b"456");
    assert_eq!(ring.ring_read(100).unwrap(), b"789ab");
    assert_eq!(null.ring_read(1), None);
    let error = Chardev::open("r", &CharConfig::Ringbuf { size: 12 }, io.handle()).unwrap_err();
    assert_eq!(error.to_string(), "size of ringbuf chardev must be power of two");
}

#[test]
fn files() {
    let io = IoThread::start().unwrap();
    let path = temporary("file");
    let config = |append| CharConfig::File(FileConfig { path: path.clone(), append });
    for (append, text, expected) in
        [(false, "one", "one"), (true, "two", "onetwo"), (false, "three", "three")]
    {
        let file = Chardev::open("f", &config(append), io.handle()).unwrap();
        assert_eq!(file.filename(), "file");
        for byte in text.bytes() {
            file.write(&[byte]);
        }
        assert!(file.drain(LONG));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }
    std::fs::remove_file(&path).unwrap();
    let config = CharConfig::File(FileConfig { path: "/nonexistent/x".into(), append: false });
    let error = Chardev::open("f", &config, io.handle()).unwrap_err();
    assert_eq!(error.to_string(), "Could not open '/nonexistent/x': No such file or directory");
}

#[test]
fn unix_server() {
    let io = IoThread::start().unwrap();
    let path = temporary("unix");
    // A socket left over by a process that was killed.
    drop(UnixListener::bind(&path).unwrap());
    let chardev = open(&io, socket(SocketAddress::Unix(path.clone()), true));
    let name = format!("unix:{},server=on", path.display());
    assert_eq!(chardev.filename(), format!("disconnected:{name}"));
    chardev.write(b"nobody hears this");
    assert_eq!(chardev.queued(), 0);

    let front = Fifo::with_room(100);
    let connection = chardev.connect(front.clone()).unwrap();
    for _ in 0..2 {
        let mut client = UnixStream::connect(&path).unwrap();
        front.expect_event("opened");
        assert_eq!(chardev.filename(), name);
        connection.write(b"hello");
        expect(&mut client, "hello");
        client.write_all(b"world").unwrap();
        front.expect("world");
        drop(client);
        front.expect_event("closed");
        wait_until(|| chardev.filename() == format!("disconnected:{name}"));
    }
    drop(connection);

    // A front end that connects later hears of the client and gets what it typed before.
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"early").unwrap();
    wait_until(|| chardev.filename() == name);
    let late = Fifo::with_room(100);
    let _connection = chardev.connect(late.clone()).unwrap();
    late.expect_event("opened");
    late.expect("early");
    // What was written before the end arrives.
    let bulk = vec![b'x'; 1 << 20];
    chardev.write(&bulk);
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        got.len()
    });
    assert!(chardev.drain(LONG));
    chardev.close();
    assert_eq!(reader.join().unwrap(), 1 << 20);
    assert!(!path.exists());
}

#[test]
fn input_waits_for_room() {
    let io = IoThread::start().unwrap();
    let path = temporary("room");
    let chardev = open(&io, socket(SocketAddress::Unix(path.clone()), true));
    let front = Fifo::with_room(3);
    let connection = chardev.connect(front.clone()).unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    let text: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sent = text.clone();
    // More than is read ahead; and the client leaves before all of it is taken.
    let sender = std::thread::spawn(move || client.write_all(&sent).unwrap());
    let mut got = Vec::new();
    while got.len() < text.len() {
        got.extend(front.wait(|state| {
            (!state.bytes.is_empty()).then(|| state.bytes.drain(..).collect::<Vec<u8>>())
        }));
        lock(&front.state).room = 3 + got.len() % 5000;
        connection.accept_input();
    }
    sender.join().unwrap();
    assert!(got == text);
    // A client that only says something and leaves: it arrives, and the next one is served.
    lock(&front.state).room = 0;
    UnixStream::connect(&path).unwrap().write_all(b"bye").unwrap();
    let mut next = UnixStream::connect(&path).unwrap();
    next.write_all(b"!").unwrap();
    std::thread::sleep(Duration::from_millis(50));
    lock(&front.state).room = 10;
    connection.accept_input();
    front.expect("bye!");
}

#[test]
fn a_peer_that_does_not_read_is_bounded() {
    let io = IoThread::start().unwrap();
    let path = temporary("bounded");
    let chardev = open(&io, socket(SocketAddress::Unix(path.clone()), true));
    let front = Fifo::with_room(1);
    let _connection = chardev.connect(front.clone()).unwrap();
    let client = UnixStream::connect(&path).unwrap();
    front.expect_event("opened");
    let megabyte = vec![0; 1 << 20];
    let written: usize = (0..64).map(|_| chardev.write(&megabyte)).sum();
    assert!((16 << 20..20 << 20).contains(&written), "{written}");
    assert!(!chardev.drain(Duration::from_millis(20)));
    drop(client);
    front.expect_event("closed");
    assert!(chardev.drain(LONG));
}

#[test]
fn tcp_both_ways() {
    let io = IoThread::start().unwrap();
    let local = |port| SocketAddress::Tcp { host: "127.0.0.1".into(), port };
    let server = open(&io, socket(local(0), true));
    let name = server.filename();
    let port = name.strip_prefix("disconnected:tcp:127.0.0.1:").unwrap();
    let port: u16 = port.strip_suffix(",server=on").unwrap().parse().unwrap();
    let heard = Fifo::with_room(100);
    let _server_end = server.connect(heard.clone()).unwrap();

    let client = open(&io, socket(local(port), false));
    let answered = Fifo::with_room(100);
    let _client_end = client.connect(answered.clone()).unwrap();
    heard.expect_event("opened");
    answered.expect_event("opened");
    client.write(b"ping");
    heard.expect("ping");
    server.write(b"pong");
    answered.expect("pong");
    assert!(server.filename().starts_with(&format!("tcp:127.0.0.1:{port},server=on <-> 127.0")));
    assert!(client.filename().ends_with(&format!(" <-> 127.0.0.1:{port}")));
    client.close();
    heard.expect_event("closed");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Chardev::open("t", &CharConfig::Socket(socket(local(port), true)), io.handle());
    assert_eq!(
        error.unwrap_err().to_string(),
        format!("Failed to bind socket to 127.0.0.1:{port}: Address already in use")
    );
}

#[test]
fn clients_connect_once_or_again() {
    let io = IoThread::start().unwrap();
    let path = temporary("client");
    let address = SocketAddress::Unix(path.clone());
    let config = CharConfig::Socket(socket(address.clone(), false));
    let error = Chardev::open("c", &config, io.handle()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("Failed to connect to '{}': No such file or directory", path.display())
    );
    let again =
        SocketConfig { reconnect: Some(Duration::from_millis(20)), ..socket(address, false) };
    let chardev = open(&io, again);
    let front = Fifo::with_room(100);
    let _connection = chardev.connect(front.clone()).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    for _ in 0..2 {
        let (mut peer, _) = listener.accept().unwrap();
        front.expect_event("opened");
        peer.write_all(b"hi").unwrap();
        front.expect("hi");
        drop(peer);
        front.expect_event("closed");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn waiting_for_the_first_client() {
    let io = IoThread::start().unwrap();
    let path = temporary("wait");
    let target = path.clone();
    let client = std::thread::spawn(move || {
        loop {
            if let Ok(mut stream) = UnixStream::connect(&target) {
                stream.write_all(b"here").unwrap();
                return stream;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let chardev = open(&io, SocketConfig { wait: true, ..socket(SocketAddress::Unix(path), true) });
    let front = Fifo::with_room(100);
    let _connection = chardev.connect(front.clone()).unwrap();
    front.expect("here");
    drop(client.join().unwrap());
    front.expect_event("opened");
    front.expect_event("closed");
}

#[test]
fn inherited_descriptors() {
    let io = IoThread::start().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let chardev = open(&io, socket(SocketAddress::Fd(ours.as_raw_fd()), false));
    drop(ours);
    let front = Fifo::with_room(100);
    let _connection = chardev.connect(front.clone()).unwrap();
    front.expect_event("opened");
    chardev.write(b"fd");
    expect(&mut theirs, "fd");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = open(&io, socket(SocketAddress::Fd(listener.as_raw_fd()), true));
    let front = Fifo::with_room(100);
    let _connection = server.connect(front.clone()).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(b"x").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    front.expect("x");

    let error =
        Chardev::open("c", &CharConfig::Socket(socket(SocketAddress::Fd(999), true)), io.handle());
    assert!(error.unwrap_err().to_string().starts_with("File descriptor 999 is not a usable"));
}

fn open_terminal(path: &Path) -> std::fs::File {
    std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[test]
fn pseudo_terminal() {
    let io = IoThread::start().unwrap();
    let link = temporary("pty");
    let config = CharConfig::Pty { path: Some(link.clone()) };
    let chardev = Chardev::open("p", &config, io.handle()).unwrap();
    let name = chardev.filename();
    assert!(name.starts_with("pty:/dev/pts/"), "{name}");
    let front = Fifo::with_room(100);
    let _connection = chardev.connect(front.clone()).unwrap();
    for _ in 0..2 {
        let mut user = open_terminal(&link);
        front.expect_event("opened");
        chardev.write(b"login: \x03\n");
        expect(&mut user, "login: \x03\n");
        user.write_all(b"root\r\x04").unwrap();
        front.expect("root\r\x04");
        drop(user);
        front.expect_event("closed");
    }
    chardev.close();
    assert!(std::fs::symlink_metadata(&link).is_err());
}

#[test]
fn mux() {
    let io = IoThread::start().unwrap();
    let path = temporary("mux");
    let base = open(&io, socket(SocketAddress::Unix(path.clone()), true));
    let quit = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&quit);
    let quit_action = Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let config = MuxConfig { escape: 1, quit: quit_action };
    let mux = Chardev::open_mux("m", Arc::clone(&base), config).unwrap();
    assert_eq!((mux.filename().as_str(), base.frontend_open()), ("mux", true));
    let (monitor, console) = (Fifo::with_room(100), Fifo::with_room(4));
    let monitor_end = mux.connect(monitor.clone()).unwrap();
    let console_end = mux.connect(console.clone()).unwrap();

    let mut user = UnixStream::connect(&path).unwrap();
    monitor.expect_event("opened");
    console.expect_event("opened");
    console.expect_event("in");
    console_end.write(b"boot");
    expect(&mut user, "boot");
    // A full console stops everything behind it, also the key that would take the focus away.
    user.write_all(b"abcd\x01\x01ef\x01cinfo").unwrap();
    console.expect("abcd");
    console_end.accept_input();
    console.expect("\x01ef");
    console.expect_event("out");
    monitor.expect_event("in");
    monitor.expect("info");
    user.write_all(b"\x01b").unwrap();
    monitor.expect_event("break");
    user.write_all(b"\x01h").unwrap();
    expect(&mut user, "\n\rC-a h    print this help\n\r");
    let mut help = String::new();
    while !help.ends_with("sends C-a\n\r") {
        let mut byte = [0];
        user.read_exact(&mut byte).unwrap();
        help.push(char::from(byte[0]));
    }
    user.write_all(b"\x01x").unwrap();
    wait_until(|| quit.load(Ordering::SeqCst) == 1);
    expect(&mut user, "QEMU: Terminated\n\r");
    // Without the monitor the focus goes back.
    drop(monitor_end);
    console.expect_event("in");
    user.write_all(b"z").unwrap();
    console.expect("z");
    drop(user);
    console.expect_event("closed");
}

/// The part of [`stdio`] that runs in a child process; does nothing otherwise.
#[test]
fn stdio_child() {
    if std::env::var_os("BOARDWRIGHT_STDIO_CHILD").is_none() {
        return;
    }
    let io = IoThread::start().unwrap();
    let config = CharConfig::Stdio(StdioConfig { signal: false });
    let chardev = Chardev::open("s", &config, io.handle()).unwrap();
    let second = Chardev::open("t", &config, io.handle()).unwrap_err();
    assert_eq!(second.to_string(), "cannot use stdio by multiple character devices");
    let ended = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&ended);
    terminal::on_termination(io.handle(), move || {
        count.fetch_add(1, Ordering::SeqCst);
    })
    .unwrap();
    let front = Fifo::with_room(100);
    let connection = chardev.connect(front.clone()).unwrap();
    front.expect_event("opened");
    connection.write(b"<ready>");
    front.expect("key\x03");
    connection.write(b"<heard>");
    wait_until(|| ended.load(Ordering::SeqCst) == 1);
    connection.write(b"<ended>");
    assert!(chardev.drain(LONG));
}

#[test]
fn stdio() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&control).unwrap();
    unlockpt(&control).unwrap();
    let name = ptsname(&control, Vec::new()).unwrap();
    let user = open_terminal(Path::new(name.to_str().unwrap()));
    let raw = || {
        let modes = tcgetattr(&user).unwrap().local_modes;
        let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        if modes.contains(cooked) {
            false
        } else {
            assert!(!modes.intersects(cooked), "{modes:?}");
            true
        }
    };
    assert!(!raw());
    let fd = |file: &std::fs::File| -> OwnedFd { file.as_fd().try_clone_to_owned().unwrap() };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("{}::stdio_child", module_path!().split_once("::").unwrap().1))
        .env("BOARDWRIGHT_STDIO_CHILD", "1")
        .stdin(ChildStdio::from(fd(&user)))
        .stdout(ChildStdio::from(fd(&user)))
        .spawn()
        .unwrap();
    let mut screen = std::fs::File::from(control);
    let mut keyboard = screen.try_clone().unwrap();
    let mut shown = String::new();
    let mut wait_for = |marker: &str| {
        while !shown.contains(marker) {
            let mut buffer = [0; 256];
            let count = screen.read(&mut buffer).unwrap();
            shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    };
    wait_for("<ready>");
    assert!(raw());
    keyboard.write_all(b"key\x03").unwrap();
    wait_for("<heard>");
    // A signal restores the terminal before anything else happens.
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    wait_for("<ended>");
    assert!(!raw());
    assert!(child.wait().unwrap().success());
}
