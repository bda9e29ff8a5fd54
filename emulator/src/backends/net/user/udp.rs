//! Datagrams: a guest's port has a socket of the host while it is in use. The name server's answers
//! come from the host's.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol,
    Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::stack::FRAME;
use super::{GATEWAY, Network, dhcp};

/// The longest payload of a datagram.
pub(super) const LARGEST: usize = 0xffff - 20 - 8;
/// The port of name servers.
pub(super) const DNS: u16 = 53;
/// How many sockets of the host a guest's ports can have; a further one takes the place of the one
/// that was used least recently.
const MOST: usize = 256;
/// How long a port that is not used keeps its socket.
const IDLE: Duration = Duration::from_secs(60);
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const HOPS: u8 = 64;
const RESOLVERS: &str = "/etc/resolv.conf";

/// The host's name server.
pub(super) fn resolver() -> SocketAddr {
    let text = std::fs::read_to_string(RESOLVERS).unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok()).flatten()
    });
    // What resolvers use without such a line (resolv.conf(5)).
    SocketAddr::new(named.unwrap_or(Ipv4Addr::LOCALHOST.into()), DNS)
}

/// A guest's port, and whether it is used to ask the name server: its answers are to come from the
/// address that was asked.
type Port = (SocketAddrV4, bool);
/// A guest's port and who has sent something to it by a forwarded one.
type Visit = (SocketAddrV4, SocketAddrV4);

/// The sockets of guests' ports.
#[derive(Default)]
pub(super) struct Flows {
    ports: HashMap<Port, Used<(Arc<UdpSocket>, AbortHandle)>>,
    visits: HashMap<Visit, Used<(Arc<UdpSocket>, SocketAddr)>>,
    /// The identification of the last datagram that was sent in fragments.
    ident: u16,
}

impl Flows {
    fn next_ident(&mut self) -> u16 {
        self.ident = self.ident.wrapping_add(1);
        self.ident
    }
}

struct Used<T> {
    value: T,
    last: Instant,
}

impl<T> Used<T> {
    fn now(value: T) -> Self {
        Self { value, last: Instant::now() }
    }

    fn touch(&mut self) -> &T {
        self.last = Instant::now();
        &self.value
    }
}

/// Makes room for one more.
fn make_room<K: Copy + Eq + std::hash::Hash, T>(map: &mut HashMap<K, Used<T>>) -> Option<T> {
    if map.len() < MOST {
        return None;
    }
    let oldest = *map.iter().min_by_key(|(_, used)| used.last)?.0;
    map.remove(&oldest).map(|used| used.value)
}

/// Sends a datagram at once; one that does not leave is lost, as on any network.
fn send(socket: &UdpSocket, payload: &[u8], to: SocketAddr) {
    // Not by way of tokio, where a socket that is new is not ready yet.
    let _ = rustix::net::sendto(socket, payload, rustix::net::SendFlags::DONTWAIT, &to);
}

impl Network {
    /// A datagram of the guest, with its headers.
    pub(super) fn udp_from_guest(self: &Arc<Self>, datagram: &[u8]) {
        let checksums = ChecksumCapabilities::default();
        let Ok(packet) = Ipv4Packet::new_checked(datagram) else { return };
        let Ok(udp) = UdpPacket::new_checked(packet.payload()) else { return };
        let (from, to) = (packet.src_addr(), packet.dst_addr());
        if UdpRepr::parse(&udp, &from.into(), &to.into(), &checksums).is_err() {
            return;
        }
        let payload = udp.payload();
        let guest = SocketAddrV4::new(from, udp.src_port());
        let remote = SocketAddrV4::new(to, udp.dst_port());
        let config = self.config();
        if remote.port() == dhcp::SERVER && (to.is_broadcast() || to == config.host) {
            return self.dhcp(payload);
        }
        if from.is_unspecified() {
            return;
        }
        {
            let mut stack = self.stack();
            if let Some(visit) = stack.udp.visits.get_mut(&(guest, remote)) {
                let (socket, visitor) = visit.touch();
                return send(socket, payload, *visitor);
            }
        }
        if config.restrict {
            return;
        }
        if let Some(target) = self.target(remote)
            && let Some(socket) = self.socket_for((guest, to == config.dns), target)
        {
            send(&socket, payload, target);
        }
    }

    fn dhcp(&self, message: &[u8]) {
        let config = self.config();
        let answer = self.stack().leases.answer(config, message);
        let from = SocketAddrV4::new(config.host, dhcp::SERVER);
        // To all: who asks may not have an address yet.
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, dhcp::CLIENT);
        if let Some(answer) = answer {
            self.emit(EthernetAddress::BROADCAST, from, to, &answer);
        }
    }

    /// The socket of a guest's port, made when there is none.
    fn socket_for(self: &Arc<Self>, port: Port, target: SocketAddr) -> Option<Arc<UdpSocket>> {
        let mut stack = self.stack();
        if let Some(flow) = stack.udp.ports.get_mut(&port) {
            return Some(flow.touch().0.clone());
        }
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = std::net::UdpSocket::bind(any).ok()?;
        socket.set_nonblocking(true).ok()?;
        let entered = self.io.enter();
        let socket = Arc::new(UdpSocket::from_std(socket).ok()?);
        drop(entered);
        if let Some((_, task)) = make_room(&mut stack.udp.ports) {
            task.abort();
        }
        let network = Arc::downgrade(self);
        let receiver = socket.clone();
        let task = self.spawn(async move {
            let mut bytes = vec![0; LARGEST];
            loop {
                let received = timeout(IDLE, receiver.recv_from(&mut bytes)).await;
                let Some(network) = network.upgrade() else { return };
                match received {
                    Ok(Ok((length, from))) => network.udp_to_port(port, from, &bytes[..length]),
                    // That nobody wanted what was sent is not told to guests.
                    Ok(Err(_)) => {}
                    Err(_) if network.is_idle(port) => return,
                    Err(_) => {}
                }
            }
        });
        stack.udp.ports.insert(port, Used::now((socket.clone(), task)));
        Some(socket)
    }

    /// Whether a port has not been used for long; it is forgotten then.
    fn is_idle(&self, port: Port) -> bool {
        let mut stack = self.stack();
        let idle = stack.udp.ports.get(&port).is_none_or(|used| used.last.elapsed() >= IDLE);
        if idle {
            stack.udp.ports.remove(&port);
        }
        idle
    }

    fn udp_to_port(&self, (guest, asks): Port, from: SocketAddr, payload: &[u8]) {
        let from = match asks {
            true => SocketAddrV4::new(self.config().dns, from.port()),
            false => self.visible(from),
        };
        self.udp_to_guest(from, guest, payload);
    }

    /// Somebody has sent something to a forwarded port.
    pub(super) fn udp_from_host(
        &self,
        socket: &Arc<UdpSocket>,
        visitor: SocketAddr,
        guest: SocketAddrV4,
        payload: &[u8],
    ) {
        let from = self.visible(visitor);
        {
            let visits = &mut self.stack().udp.visits;
            match visits.get_mut(&(guest, from)) {
                Some(visit) => drop(visit.touch()),
                None => {
                    make_room(visits);
                    visits.insert((guest, from), Used::now((socket.clone(), visitor)));
                }
            }
        }
        self.udp_to_guest(from, guest, payload);
    }

    fn udp_to_guest(&self, from: SocketAddrV4, guest: SocketAddrV4, payload: &[u8]) {
        // A guest that has never sent anything has no address that is known.
        let card = self.stack().neighbour(*guest.ip());
        if let Some(card) = card {
            self.emit(card, from, guest, payload);
        }
    }

    /// Gives a datagram to the guest, in as many fragments as it takes.
    fn emit(&self, card: EthernetAddress, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        let checksums = ChecksumCapabilities::default();
        let udp = UdpRepr { src_port: from.port(), dst_port: to.port() };
        let mut datagram = vec![0; udp.header_len() + payload.len()];
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut datagram),
            &IpAddress::Ipv4(*from.ip()),
            &IpAddress::Ipv4(*to.ip()),
            payload.len(),
            |room| room.copy_from_slice(payload),
            &checksums,
        );
        // Offsets of fragments are multiples of eight.
        let most = (FRAME - ETHERNET - IPV4) & !7;
        let pieces = datagram.len().div_ceil(most);
        let ident = self.stack().udp.next_ident();
        for (index, piece) in datagram.chunks(most).enumerate() {
            let mut frame = vec![0; ETHERNET + IPV4 + piece.len()];
            let link = EthernetRepr {
                src_addr: GATEWAY,
                dst_addr: card,
                ethertype: EthernetProtocol::Ipv4,
            };
            link.emit(&mut EthernetFrame::new_unchecked(&mut frame));
            let mut packet = Ipv4Packet::new_unchecked(&mut frame[ETHERNET..]);
            Ipv4Repr {
                src_addr: *from.ip(),
                dst_addr: *to.ip(),
                next_header: IpProtocol::Udp,
                payload_len: piece.len(),
                hop_limit: HOPS,
            }
            .emit(&mut packet, &checksums);
            if pieces > 1 {
                packet.set_dont_frag(false);
                packet.set_ident(ident);
                packet.set_more_frags(index + 1 < pieces);
                packet.set_frag_offset((index * most) as u16);
                packet.fill_checksum();
            }
            packet.payload_mut().copy_from_slice(piece);
            self.wire.give(frame);
        }
    }
}
