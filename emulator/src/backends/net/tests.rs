//! A guest without a machine: a stack of its own behind the back end, and the host's sockets on the
//! other side.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dhcpv4, icmp, tcp, udp};
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, Icmpv4Packet, Icmpv4Repr, IpAddress, IpCidr, IpEndpoint,
    Ipv4Address, Ipv4Packet,
};

use super::user::{Addresses, Forward};
use super::{Connection, FrontEnd, NetConfig, Netdev, SocketConfig, StreamAddress, UserConfig};
use crate::backends::io_thread::IoThread;

const PATIENCE: Duration = Duration::from_secs(60);
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const NAME_SERVER: Ipv4Address = Ipv4Address::new(10, 0, 2, 3);
const GUEST: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);

/// Rings when the back end has something for the guest.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap();
        let (mut rung, _) = self.changed.wait_timeout_while(rung, most, |rung| !*rung).unwrap();
        *rung = false;
    }
}

impl FrontEnd for Bell {
    fn frames(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn room(&self) {
        self.frames();
    }

    fn link(&self, _up: bool) {
        self.frames();
    }

    fn card(&self) -> super::Card {
        super::Card { name: "net0".into(), model: "tests", mac: [0; 6] }
    }
}

/// The guest's network card. Frames that the back end refuses are lost, which TCP mends.
struct Card(Connection);

impl Device for Card {
    type RxToken<'a> = Frame;
    type TxToken<'a> = &'a Connection;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Frame, &Connection)> {
        Some((Frame(self.0.receive()?), &self.0))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<&Connection> {
        Some(&self.0)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for &Connection {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        let _ = self.send(&frame);
        result
    }
}

struct Guest {
    interface: Interface,
    sockets: SocketSet<'static>,
    card: Card,
    bell: Arc<Bell>,
    began: Instant,
    port: u16,
    netdev: Arc<Netdev>,
    _io: Arc<IoThread>,
}

impl Guest {
    /// With an address that it has not asked for.
    fn on(config: UserConfig) -> Self {
        let mut guest = Self::without_address(config);
        guest.settle(GUEST);
        guest
    }

    fn without_address(config: UserConfig) -> Self {
        let io = Arc::new(IoThread::start().unwrap());
        let netdev = Netdev::open("n0", NetConfig::User(config), io.handle(), |_| ()).unwrap();
        Self::behind(Arc::new(netdev), io, 1)
    }

    fn behind(netdev: Arc<Netdev>, io: Arc<IoThread>, last: u8) -> Self {
        let bell = Arc::new(Bell::default());
        let mut card = Card(netdev.connect(bell.clone()).unwrap());
        let address = HardwareAddress::Ethernet(EthernetAddress([0x52, 0x54, 0, 0, 0, last]));
        let interface =
            Interface::new(Config::new(address), &mut card, smoltcp::time::Instant::ZERO);
        let sockets = SocketSet::new(Vec::new());
        let began = Instant::now();
        Self { interface, sockets, card, bell, began, port: 40_000, netdev, _io: io }
    }

    fn settle(&mut self, address: Ipv4Address) {
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.push(IpCidr::new(IpAddress::Ipv4(address), 24)).unwrap();
        });
        self.interface.routes_mut().add_default_ipv4_route(GATEWAY).unwrap();
    }

    fn poll(&mut self) {
        let now = smoltcp::time::Instant::from_micros(self.began.elapsed().as_micros() as i64);
        self.interface.poll(now, &mut self.card, &mut self.sockets);
    }

    /// Lives until something is so.
    fn until<T>(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.poll();
            if let Some(result) = so(self) {
                // What that has put into sockets.
                self.poll();
                return result;
            }
            assert!(Instant::now() < deadline, "never: {what}");
            self.bell.wait(Duration::from_millis(5));
        }
    }

    fn tcp(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 1 << 16]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    fn connect(&mut self, to: impl Into<IpEndpoint>) -> SocketHandle {
        let handle = self.tcp();
        self.port += 1;
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, self.port).unwrap();
        handle
    }

    fn listen(&mut self, port: u16) -> SocketHandle {
        let handle = self.tcp();
        self.sockets.get_mut::<tcp::Socket<'_>>(handle).listen(port).unwrap();
        handle
    }

    fn state(&mut self, handle: SocketHandle) -> tcp::State {
        self.sockets.get_mut::<tcp::Socket<'_>>(handle).state()
    }

    /// Whether a connection comes about, rather than a refusal.
    fn connects(&mut self, to: impl Into<IpEndpoint>) -> bool {
        let handle = self.connect(to);
        self.until("an answer", |guest| match guest.state(handle) {
            tcp::State::Established => Some(true),
            tcp::State::Closed => Some(false),
            _ => None,
        })
    }

    fn send(&mut self, handle: SocketHandle, bytes: &[u8]) {
        let mut sent = 0;
        self.until("room", |guest| {
            let socket = guest.sockets.get_mut::<tcp::Socket<'_>>(handle);
            if socket.may_send() {
                sent += socket.send_slice(&bytes[sent..]).unwrap();
            }
            (sent == bytes.len()).then_some(())
        });
    }

    /// All that comes until the other side has closed.
    fn receive_all(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut all = Vec::new();
        self.until("the end", |guest| {
            let socket = guest.sockets.get_mut::<tcp::Socket<'_>>(handle);
            while socket.can_recv() {
                socket.recv(|bytes| (bytes.len(), all.extend_from_slice(bytes))).unwrap();
            }
            let begins = matches!(
                socket.state(),
                tcp::State::Listen | tcp::State::SynSent | tcp::State::SynReceived
            );
            (!begins && !socket.may_recv()).then_some(())
        });
        all
    }

    fn close(&mut self, handle: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket<'_>>(handle).close();
    }

    fn udp(&mut self, port: u16) -> SocketHandle {
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 0x2_0000]);
        let handle = self.sockets.add(udp::Socket::new(buffer(), buffer()));
        self.sockets.get_mut::<udp::Socket<'_>>(handle).bind(port).unwrap();
        handle
    }

    fn say(&mut self, handle: SocketHandle, bytes: &[u8], to: impl Into<IpEndpoint>) {
        self.sockets.get_mut::<udp::Socket<'_>>(handle).send_slice(bytes, to.into()).unwrap();
    }

    fn hear(&mut self, handle: SocketHandle) -> (Vec<u8>, IpEndpoint) {
        self.until("a datagram", |guest| {
            let socket = guest.sockets.get_mut::<udp::Socket<'_>>(handle);
            let (bytes, from) = socket.recv().ok()?;
            Some((bytes.to_vec(), from.endpoint))
        })
    }

    /// Whether an echo comes back.
    fn echoes(&mut self, to: Ipv4Address, bytes: usize) -> bool {
        let buffer =
            || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 0x1_0000]);
        let handle = self.sockets.add(icmp::Socket::new(buffer(), buffer()));
        let socket = self.sockets.get_mut::<icmp::Socket<'_>>(handle);
        socket.bind(icmp::Endpoint::Ident(7)).unwrap();
        let data = vec![0x5a; bytes];
        let echo = Icmpv4Repr::EchoRequest { ident: 7, seq_no: 1, data: &data };
        let room = socket.send(echo.buffer_len(), to.into()).unwrap();
        echo.emit(&mut Icmpv4Packet::new_unchecked(room), &Default::default());
        let deadline =
            Instant::now() + Duration::from_millis(if to == GATEWAY { 20_000 } else { 300 });
        let mut heard = false;
        while !heard && Instant::now() < deadline {
            self.poll();
            heard = self.sockets.get_mut::<icmp::Socket<'_>>(handle).recv().is_ok();
            self.bell.wait(Duration::from_millis(5));
        }
        self.sockets.remove(handle);
        heard
    }

    fn forward(&self, rule: &str) -> SocketAddr {
        let network = self.netdev.user().unwrap();
        network.forward(Forward::parse(rule).unwrap()).unwrap();
        network.forwards().last().unwrap().1
    }
}

/// A server for one connection on the host's loopback.
fn serve<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

/// A socket for datagrams on the host's loopback.
fn host_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn pattern(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_guest_is_given_its_address_by_dhcp() {
    let config = UserConfig { hostname: Some("board".into()), ..UserConfig::default() };
    let mut guest = Guest::without_address(config);
    for _ in 0..2 {
        let handle = guest.sockets.add(dhcpv4::Socket::new());
        let given = guest.until("a lease", |guest| {
            match guest.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
                Some(dhcpv4::Event::Configured(config)) => {
                    Some((config.address, config.router, config.dns_servers.to_vec()))
                }
                _ => None,
            }
        });
        assert_eq!(given.0.to_string(), "10.0.2.15/24");
        assert_eq!((given.1, given.2), (Some(GATEWAY), vec![NAME_SERVER]));
        guest.sockets.remove(handle);
    }
}

#[test]
fn connections_reach_the_hosts_loopback_and_carry_much_both_ways() {
    let mut guest = Guest::on(UserConfig::default());
    let down = pattern(8 << 20);
    let (port, server) = serve({
        let down = down.clone();
        move |mut stream| {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            stream.write_all(&down).unwrap();
            all
        }
    });
    let handle = guest.connect((GATEWAY, port));
    let up = pattern(3 << 20);
    guest.send(handle, &up);
    // Closed one way, it still carries the other.
    guest.close(handle);
    assert!(guest.receive_all(handle) == down);
    assert!(server.join().unwrap() == up);
}

#[test]
fn a_guest_that_does_not_read_holds_its_sender_up() {
    let mut guest = Guest::on(UserConfig::default());
    let (port, server) = serve(|mut stream| {
        stream.set_nonblocking(true).unwrap();
        // Whatever buffers the host has, at some time there is no room.
        let (piece, mut sent) = (vec![7; 1 << 16], 0u64);
        let mut full_since = Instant::now();
        while full_since.elapsed() < Duration::from_secs(1) {
            match stream.write(&piece) {
                Ok(length) => {
                    sent += length as u64;
                    full_since = Instant::now();
                }
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
        sent
    });
    let handle = guest.connect((GATEWAY, port));
    while !server.is_finished() {
        guest.poll();
        guest.bell.wait(Duration::from_millis(5));
    }
    let sent = server.join().unwrap();
    assert_eq!(guest.receive_all(handle).len() as u64, sent);
}

#[test]
fn a_refusal_is_a_refusal() {
    let mut guest = Guest::on(UserConfig::default());
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert!(!guest.connects((GATEWAY, unused)));
    // The name server has one service.
    assert!(!guest.connects((NAME_SERVER, 80)));
}

#[test]
fn a_connection_that_breaks_on_one_side_breaks_on_the_other() {
    let mut guest = Guest::on(UserConfig::default());
    let (port, server) = serve(|mut stream| stream.read(&mut [0; 16]).unwrap_or(usize::MAX));
    let handle = guest.connect((GATEWAY, port));
    guest.until("open", |guest| (guest.state(handle) == tcp::State::Established).then_some(()));
    guest.sockets.get_mut::<tcp::Socket<'_>>(handle).abort();
    guest.until("told", |_| server.is_finished().then_some(()));
    assert_eq!(server.join().unwrap(), usize::MAX);
}

#[test]
fn datagrams_go_out_and_answers_come_back() {
    let host = host_socket();
    let port = host.local_addr().unwrap().port();
    let resolver = host_socket();
    let config =
        UserConfig { resolver: Some(resolver.local_addr().unwrap()), ..UserConfig::default() };
    let mut guest = Guest::on(config);
    let handle = guest.udp(5000);
    for (server, to) in [(host, (GATEWAY, port)), (resolver, (NAME_SERVER, 53))] {
        let echo = thread::spawn(move || {
            let mut bytes = vec![0; 0x1_0000];
            for _ in 0..2 {
                let (length, from) = server.recv_from(&mut bytes).unwrap();
                server.send_to(&bytes[..length], from).unwrap();
            }
        });
        for bytes in [pattern(20), pattern(1400)] {
            guest.say(handle, &bytes, to);
            let (answer, from) = guest.hear(handle);
            assert_eq!(answer, bytes);
            assert_eq!(from.addr, to.0.into());
        }
        echo.join().unwrap();
    }
}

#[test]
fn large_datagrams_reach_the_guest_in_fragments() {
    let mut guest = Guest::on(UserConfig::default());
    let host = host_socket();
    let port = host.local_addr().unwrap().port();
    let handle = guest.udp(5001);
    let large = pattern(9000);
    let server = thread::spawn({
        let large = large.clone();
        move || {
            let (_, from) = host.recv_from(&mut [0; 16]).unwrap();
            host.send_to(&large, from).unwrap();
        }
    });
    guest.say(handle, b"hello", (GATEWAY, port));
    assert!(guest.hear(handle).0 == large);
    server.join().unwrap();
}

#[test]
fn forwarded_ports_lead_to_the_guest() {
    let mut guest = Guest::on(UserConfig::default());
    let entrance = guest.forward("tcp:127.0.0.1:0-:80");
    let handle = guest.listen(80);
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(entrance).unwrap();
        stream.write_all(b"GET /").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert_eq!(guest.receive_all(handle), b"GET /");
    let from = guest.sockets.get_mut::<tcp::Socket<'_>>(handle).remote_endpoint().unwrap();
    assert_eq!(from.addr, GATEWAY.into());
    guest.send(handle, b"page");
    guest.close(handle);
    guest.until("the answer", |_| client.is_finished().then_some(()));
    assert_eq!(client.join().unwrap(), "page");

    let entrance = guest.forward("udp:127.0.0.1:0-10.0.2.15:69");
    let handle = guest.udp(69);
    let visitor = host_socket();
    visitor.send_to(b"ask", entrance).unwrap();
    let (asked, from) = guest.hear(handle);
    assert_eq!((asked.as_slice(), from.addr), (b"ask".as_slice(), GATEWAY.into()));
    guest.say(handle, b"answer", from);
    guest.poll();
    let mut bytes = [0; 16];
    let (length, back) = visitor.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..length], back), (b"answer".as_slice(), entrance));
}

#[test]
fn nobody_behind_a_forwarded_port_is_a_reset() {
    let mut guest = Guest::on(UserConfig::default());
    let entrance = guest.forward("tcp:127.0.0.1:0-:81");
    let client =
        thread::spawn(move || TcpStream::connect(entrance).unwrap().read(&mut [0; 8]).is_err());
    guest.until("the refusal", |_| client.is_finished().then_some(()));
    assert!(client.join().unwrap());
    let network = guest.netdev.user().unwrap();
    let entrance = network.forwards()[0].0.entrance;
    assert!(network.unforward(&entrance) && !network.unforward(&entrance));
}

#[test]
fn a_restricted_network_leads_nowhere_but_answers() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = (GATEWAY, host.local_addr().unwrap().port());
    let mut guest = Guest::on(UserConfig { restrict: true, ..UserConfig::default() });
    assert!(!guest.connects(to));
    assert!(guest.echoes(GATEWAY, 56));
    let entrance = guest.forward("tcp:127.0.0.1:0-:80");
    let handle = guest.listen(80);
    let client = thread::spawn(move || TcpStream::connect(entrance).unwrap().write_all(b"in"));
    assert_eq!(guest.receive_all(handle), b"in");
    client.join().unwrap().unwrap();
}

#[test]
fn the_gateway_answers_for_itself_and_not_for_others() {
    let mut guest = Guest::on(UserConfig::default());
    for (address, bytes, answers) in [
        (GATEWAY, 56, true),
        (GATEWAY, 1000, true),
        (Ipv4Address::new(10, 0, 2, 77), 56, false),
        (Ipv4Address::new(192, 0, 2, 1), 56, false),
    ] {
        assert_eq!(guest.echoes(address, bytes), answers, "{address}, {bytes} bytes");
    }
}

#[test]
fn addresses_fit_each_other_or_are_refused() {
    let given = |net: &str, host: &str, dhcp: &str, dns: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        UserConfig::with(&Addresses {
            net: some(net),
            host: some(host),
            dhcp: some(dhcp),
            dns: some(dns),
        })
    };
    for (net, host, dhcp, expected) in [
        ("192.168.76.0/24", "", "", ["192.168.76.2", "192.168.76.15", "192.168.76.3"]),
        (
            "192.168.76.9/255.255.255.0",
            "192.168.76.1",
            "",
            ["192.168.76.1", "192.168.76.15", "192.168.76.3"],
        ),
        ("10.0.0.0/8", "", "10.0.2.100", ["10.0.2.2", "10.0.2.100", "10.0.2.3"]),
        ("", "10.0.2.1", "", ["10.0.2.1", "10.0.2.15", "10.0.2.3"]),
    ] {
        let config = given(net, host, dhcp, "").unwrap();
        let made = [config.host, config.dhcp, config.dns].map(|address| address.to_string());
        assert_eq!(made, expected, "{net}");
    }
    for (net, host, dhcp, dns, problem) in [
        ("zz", "", "", "", "Failed to parse netmask"),
        ("10.0.0.0/33", "", "", "", "Invalid netmask provided (must be in range 4-29)"),
        ("10.0.0.0/255.0.255.0", "", "", "", "Failed to parse netmask"),
        ("", "zz", "", "", "Failed to parse host"),
        ("", "1.2.3.4", "", "", "Host doesn't belong to network"),
        ("", "", "zz", "", "Failed to parse DHCP start address"),
        ("", "", "11.0.2.9", "", "DHCP doesn't belong to network"),
        ("", "", "10.0.2.2", "", "DHCP must be different from host and DNS"),
        ("", "", "", "11.0.2.9", "DNS doesn't belong to network"),
        ("", "", "", "10.0.2.2", "DNS must be different from host"),
    ] {
        let refused = given(net, host, dhcp, dns).unwrap_err();
        assert_eq!(refused.to_string(), problem);
    }
}

#[test]
fn rules_are_understood_or_refused() {
    for (rule, entrance, guest) in [
        ("tcp::2222-:22", "0.0.0.0:2222", "0.0.0.0:22"),
        (":127.0.0.1:0-10.0.2.15:22", "127.0.0.1:0", "10.0.2.15:22"),
        ("udp:localhost:69-:69", "127.0.0.1:69", "0.0.0.0:69"),
    ] {
        let read = Forward::parse(rule).unwrap();
        assert_eq!(read.entrance.host.to_string(), entrance, "{rule}");
        assert_eq!(read.guest.to_string(), guest, "{rule}");
    }
    for (rule, problem) in [
        ("tcp", "No : separators"),
        ("sctp::1-:2", "Bad protocol name"),
        ("tcp:2222-:22", "Missing : separator"),
        ("tcp:x:2222-:22", "Bad host address"),
        ("tcp::2222", "Bad host port separator"),
        ("tcp::0x-:22", "Bad host port"),
        ("tcp::2222-22", "Missing guest address"),
        ("tcp::2222-x:22", "Bad guest address"),
        ("tcp::2222-:0", "Bad guest port"),
        ("tcp::2222-:65536", "Bad guest port"),
    ] {
        let refused = Forward::parse(rule).unwrap_err().to_string();
        assert_eq!(refused, format!("Invalid host forwarding rule '{rule}' ({problem})"));
    }
}

#[test]
fn two_emulators_are_neighbours_on_a_socket() {
    let directory = std::env::temp_dir().join(format!("boardwright-net-{}", std::process::id()));
    let address = StreamAddress::Unix(directory.clone());
    let io = Arc::new(IoThread::start().unwrap());
    let open = |server| {
        let config =
            SocketConfig { address: address.clone(), server, reconnect: None, kind: "stream" };
        Arc::new(Netdev::open("n0", NetConfig::Socket(config), io.handle(), |_| ()).unwrap())
    };
    let mut left = Guest::behind(open(true), io.clone(), 1);
    let mut right = Guest::behind(open(false), io.clone(), 2);
    left.settle(Ipv4Address::new(10, 0, 2, 21));
    right.settle(Ipv4Address::new(10, 0, 2, 22));
    let (listening, connecting) =
        (left.listen(9), right.connect((Ipv4Address::new(10, 0, 2, 21), 9)));
    let bytes = pattern(1 << 20);
    let (sending, mut received) = (bytes.clone(), Vec::new());
    let right = thread::spawn(move || {
        right.send(connecting, &sending);
        right.close(connecting);
        right.until("closed", |guest| {
            (!guest.sockets.get_mut::<tcp::Socket<'_>>(connecting).is_active()).then_some(())
        });
    });
    left.until("connected", |guest| {
        guest.sockets.get_mut::<tcp::Socket<'_>>(listening).may_recv().then_some(())
    });
    received.extend(left.receive_all(listening));
    left.close(listening);
    left.until("gone", |_| right.is_finished().then_some(()));
    assert!(received == bytes);
    right.join().unwrap();
    std::fs::remove_file(directory).unwrap();
}

#[test]
fn a_link_that_is_down_carries_nothing() {
    let mut guest = Guest::on(UserConfig::default());
    assert!(guest.echoes(GATEWAY, 56));
    guest.netdev.set_link(false);
    assert!(!guest.card.0.link());
    let none = guest.udp(5002);
    guest.say(none, b"lost", (GATEWAY, 9));
    guest.poll();
    guest.netdev.set_link(true);
    assert!(guest.card.0.link() && guest.echoes(GATEWAY, 60));
    guest.netdev.close();
    assert!(!guest.card.0.link());
}

#[test]
fn a_flood_of_first_segments_is_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut guest = Guest::on(UserConfig::default());
    // So that the gateway's card is known.
    assert!(guest.echoes(GATEWAY, 56));
    for _ in 0..600 {
        let handle = guest.connect((GATEWAY, port));
        guest.poll();
        // Without a word to the other side.
        guest.sockets.remove(handle);
    }
    thread::sleep(Duration::from_millis(100));
    let most = guest.netdev.user().unwrap().connections();
    assert!(most.0 <= 256 && most.1 <= 256, "{most:?}");
    drop(listener);
    assert!(guest.echoes(GATEWAY, 56));
}

#[test]
fn what_is_no_frame_of_this_network_changes_nothing() {
    let mut guest = Guest::on(UserConfig::default());
    let noise = pattern(1 << 16);
    for length in (0..2000).step_by(7) {
        let _ = guest.card.0.send(&noise[length..2 * length]);
    }
    // From an address that is not the guest's: the answer would find nobody.
    guest.settle(Ipv4Address::new(172, 16, 0, 1));
    assert!(!guest.echoes(Ipv4Addr::new(172, 16, 0, 2), 56));
    guest.settle(GUEST);
    assert!(guest.echoes(GATEWAY, 56));
}

/// Frames that a guest might send, as templates of worse ones.
fn templates() -> Vec<Vec<u8>> {
    let ethernet = |kind: [u8; 2], rest: &[u8]| {
        [&[0x52, 0x55, 10, 0, 2, 2, 0x52, 0x54, 0, 0, 0, 1], &kind[..], rest].concat()
    };
    let ip = |protocol: u8, fragment: u16, payload: &[u8]| {
        let total = (20 + payload.len()) as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 7]);
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2]);
        packet.extend(payload);
        Ipv4Packet::new_unchecked(&mut packet).fill_checksum();
        ethernet([8, 0], &packet)
    };
    let segment = [0, 80, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0];
    let datagram = [0, 68, 0, 67, 0, 12, 0, 0, 1, 2, 3, 4];
    let arp = [
        0, 1, 8, 0, 6, 4, 0, 1, 0x52, 0x54, 0, 0, 0, 1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 3,
    ];
    vec![
        ethernet([8, 6], &arp),
        ip(1, 0, &[8, 0, 0xf7, 0xff, 0, 0, 0, 0]),
        ip(6, 0, &segment),
        ip(17, 0, &datagram),
        // Fragments: the first, one that overlaps it, the last beyond any datagram's end.
        ip(17, 0x2000, &[0x55; 64]),
        ip(17, 0x2004, &[0xaa; 64]),
        ip(17, 0x1fff, &[0x33; 64]),
        ip(1, 0x1000, &[0; 1400]),
    ]
}

#[test]
fn mutants_of_frames_neither_break_the_network_nor_make_it_grow() {
    let mut guest = Guest::on(UserConfig { restrict: true, ..UserConfig::default() });
    // Restricted, because some of the mutants are addressed to anywhere.
    let templates = templates();
    let mut state = 0x2545_f491_u32;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for round in 0..30_000 {
        let mut frame = templates[next(templates.len())].clone();
        for _ in 0..next(4) {
            // Behind the cards' addresses, where all is looked at.
            let at = 12 + next(frame.len() - 12);
            frame[at] = next(256) as u8;
        }
        if next(8) == 0 {
            frame.truncate(14 + next(frame.len() - 14));
        }
        if round % 2 == 0 && frame.len() > 34 && frame[12] == 8 && frame[13] == 0 {
            // With the right sum, more of it is believed.
            let mut packet = Ipv4Packet::new_unchecked(&mut frame[14..]);
            if packet.check_len().is_ok() {
                packet.fill_checksum();
            }
        }
        while !guest.card.0.send(&frame) {
            guest.bell.wait(Duration::from_millis(5));
        }
        while guest.card.0.receive().is_some() {}
    }
    assert!(guest.echoes(GATEWAY, 56));
    let most = guest.netdev.user().unwrap().connections();
    assert!(most.0 <= 256 && most.1 <= 256, "{most:?}");
}
