//! The target of the user-mode network: frames that a guest sends, of which half get the sums that
//! make them believed. After them, the gateway still answers.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use boardwright::backends::io_thread::IoThread;
use boardwright::backends::net::{Card, Connection, FrontEnd, NetConfig, Netdev, UserConfig};

use crate::must;

/// An answer comes within this.
const PATIENCE: Duration = Duration::from_secs(20);
const GATEWAY: [u8; 4] = [10, 0, 2, 2];
const ETHERNET: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Rings when the network has something for the guest.
struct Bell(SyncSender<()>);

impl FrontEnd for Bell {
    fn frames(&self) {
        // One that was not heard yet is enough.
        let _ = self.0.try_send(());
    }

    fn room(&self) {
        self.frames();
    }

    fn link(&self, _up: bool) {}

    fn card(&self) -> Card {
        Card { name: "net0".into(), model: "fuzz", mac: [0; 6] }
    }
}

/// A network with the guest's end of it.
struct Guest {
    connection: Connection,
    bell: Receiver<()>,
    /// Whether its frames may reach sockets of the host: then all lead to `port`.
    port: Option<u16>,
    _netdev: Arc<Netdev>,
}

/// The networks; dropped before what serves them.
struct Networks {
    guests: Vec<Guest>,
    _host: UdpSocket,
    _io: IoThread,
}

thread_local! {
    static NETWORKS: RefCell<Option<Networks>> = const { RefCell::new(None) };
}

/// Sends what the bytes have as frames: a flag, a length of two bytes, a frame, and so on.
pub(crate) fn frames(bytes: &[u8]) {
    let networks = NETWORKS.take().unwrap_or_else(Networks::new);
    let mut rest = bytes;
    while let [flags, low, high, more @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (frame, more) = more.split_at(length);
        for guest in &networks.guests {
            guest.send(frame, flags & 1 != 0);
        }
        rest = more;
    }
    for guest in &networks.guests {
        guest.asks();
    }
    NETWORKS.set(Some(networks));
}

impl Networks {
    fn new() -> Self {
        let io = must(IoThread::start());
        let host = must(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)));
        let address = must(host.local_addr());
        let closed = UserConfig { restrict: true, ..UserConfig::default() };
        let open = UserConfig { resolver: Some(address), ..UserConfig::default() };
        let guests = [(closed, None), (open, Some(address))];
        let guests = guests.map(|(config, port)| Guest::on(config, port, &io));
        Self { guests: guests.into(), _host: host, _io: io }
    }
}

impl Guest {
    fn on(config: UserConfig, host: Option<SocketAddr>, io: &IoThread) -> Self {
        let netdev = Netdev::open("n0", NetConfig::User(config), io.handle(), |_| ());
        let netdev = Arc::new(must(netdev));
        let (ring, bell) = sync_channel(1);
        let connection = netdev.connect(Arc::new(Bell(ring)));
        let connection = must(connection.ok_or("the network has a card"));
        Self { connection, bell, port: host.map(|host| host.port()), _netdev: netdev }
    }

    /// Sends a frame, if it is fit for this network.
    fn send(&self, frame: &[u8], mend: bool) {
        let mut frame = frame.to_vec();
        if let Some(port) = self.port {
            // Nobody else on the host is to hear of it.
            if !leads_to(&mut frame, port) {
                return;
            }
        }
        if mend || self.port.is_some() {
            set_sums(&mut frame);
        }
        self.pass(&frame);
        while self.connection.receive().is_some() {}
    }

    fn pass(&self, frame: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while !self.connection.send(frame) {
            assert!(Instant::now() < until, "the network takes no more frames");
            while self.connection.receive().is_some() {}
            let _ = self.bell.recv_timeout(Duration::from_millis(1));
        }
    }

    /// Asks for the gateway's address (RFC 826), from one that no mutant of a frame has.
    fn asks(&self) {
        const ASKER: [u8; 6] = [0x52, 0x54, 0, 0xfe, 0xed, 1];
        let mut frame = [&[0xff; 6][..], &ASKER, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &ASKER].concat();
        frame.extend([10, 0, 2, 77]);
        frame.extend([0; 6]);
        frame.extend(GATEWAY);
        self.pass(&frame);
        let until = Instant::now() + PATIENCE;
        loop {
            while let Some(answer) = self.connection.receive() {
                if answer.get(..6) == Some(&ASKER) && answer.get(12..14) == Some(&[8, 6]) {
                    return;
                }
            }
            assert!(Instant::now() < until, "the gateway does not answer");
            let _ = self.bell.recv_timeout(Duration::from_millis(1));
        }
    }
}

/// The Internet header and what is behind it.
fn packet(frame: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    if frame.get(12..14) != Some(&[8, 0]) {
        return None;
    }
    let packet = frame.get_mut(ETHERNET..)?;
    let header = usize::from(packet.first()? & 15) * 4;
    let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    packet.get_mut(..total)?.split_at_mut_checked(header).filter(|(header, _)| header.len() >= 20)
}

/// Whether a frame reaches nothing of the host but a port on its loopback, which it is made to.
fn leads_to(frame: &mut [u8], port: u16) -> bool {
    let Some((header, payload)) = packet(frame) else {
        // No packet, or none that anybody takes for one.
        return frame.get(12..14) != Some(&[8, 0]);
    };
    let whole = header[6] & 0x3f == 0 && header[7] == 0;
    match (header[9], payload.get_mut(2..4)) {
        (TCP | UDP, Some(to)) if whole => {
            header[16..20].copy_from_slice(&GATEWAY);
            to.copy_from_slice(&port.to_be_bytes());
            true
        }
        (TCP | UDP, _) => false,
        _ => true,
    }
}

/// Puts the sums in that a packet should have (RFC 791, 768, 9293, 792).
fn set_sums(frame: &mut [u8]) {
    let Some((header, payload)) = packet(frame) else { return };
    header[10..12].fill(0);
    let sum = checksum(header, 0);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    let (protocol, length) = (header[9], payload.len() as u64);
    let (at, pseudo) = match protocol {
        1 => (2, 0),
        TCP => (16, 1),
        UDP => (6, 1),
        _ => return,
    };
    let addresses =
        header[12..20].chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(pair[1]));
    let begin = pseudo * (addresses.sum::<u64>() + u64::from(protocol) + length);
    let Some(field) = payload.get_mut(at..at + 2) else { return };
    field.fill(0);
    let sum = checksum(payload, begin);
    if let Some(field) = payload.get_mut(at..at + 2) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

fn checksum(bytes: &[u8], begin: u64) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low)));
    let mut sum = words.sum::<u64>() + begin;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
