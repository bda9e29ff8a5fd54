//! The protocols: an interface of `smoltcp` on the wire, with the sockets that are open in it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{raw, tcp};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, HardwareAddress, IpAddress, IpCidr,
    IpProtocol, IpVersion, Ipv4Packet,
};

use super::GATEWAY;
use super::admit::Flow;
use super::config::UserConfig;
use super::dhcp::Leases;
use super::tcp::Phase;
use super::udp::Flows;
use crate::backends::net::wire::Wire;

/// The longest frame: 1500 bytes behind the header.
pub(super) const FRAME: usize = 1514;
/// Room for datagrams of one frame, of which there is at most one.
const DATAGRAMS: usize = 0x1_0000 + 64;
/// How many cards of guests are remembered.
const CARDS: usize = 16;

/// The stack and what belongs to it.
pub(super) struct Stack {
    interface: Interface,
    sockets: SocketSet<'static>,
    card: Card,
    datagrams: SocketHandle,
    began: Instant,
    /// The connections there are.
    pub flows: HashMap<Flow, Phase>,
    /// The guests' ports that have a socket of the host.
    pub udp: Flows,
    pub leases: Leases,
    /// Which card has sent from an address, the newest last.
    neighbours: VecDeque<(Ipv4Addr, EthernetAddress)>,
}

impl Stack {
    pub(super) fn new(config: &UserConfig, wire: Arc<Wire>) -> Self {
        let mut card = Card { wire, frame: None };
        let began = Instant::now();
        let mut settings = Config::new(HardwareAddress::Ethernet(GATEWAY));
        // For sequence numbers: different in each run.
        settings.random_seed = RandomState::new().hash_one(0);
        let mut interface = Interface::new(settings, &mut card, smoltcp::time::Instant::ZERO);
        let cidr = |address: Ipv4Addr| IpCidr::new(IpAddress::Ipv4(address), config.prefix);
        interface.update_ip_addrs(|addresses| {
            // There is room for two; if there were not, the network would have no name server.
            let _ = addresses.push(cidr(config.host));
            let _ = addresses.push(cidr(config.dns));
        });
        interface.set_any_ip(true);
        // What is routed to the interface itself, it takes for its own.
        let _ = interface.routes_mut().add_default_ipv4_route(config.host);
        let mut sockets = SocketSet::new(Vec::new());
        let buffer =
            |bytes| raw::PacketBuffer::new(vec![raw::PacketMetadata::EMPTY; 4], vec![0; bytes]);
        let udp = (Some(IpVersion::Ipv4), Some(IpProtocol::Udp));
        let datagrams =
            sockets.add(raw::Socket::new(udp.0, udp.1, buffer(2 * DATAGRAMS), buffer(0)));
        Self {
            interface,
            sockets,
            card,
            datagrams,
            began,
            flows: HashMap::new(),
            udp: Flows::default(),
            leases: Leases::default(),
            neighbours: VecDeque::new(),
        }
    }

    fn now(&self) -> smoltcp::time::Instant {
        let micros = self.began.elapsed().as_micros();
        smoltcp::time::Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Takes a frame; the datagrams in it, whole, with their headers, come back.
    pub(super) fn ingress(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        self.remember(&frame);
        self.card.frame = Some(frame);
        let now = self.now();
        self.interface.poll_ingress_single(now, &mut self.card, &mut self.sockets);
        let mut datagrams = Vec::new();
        let socket = self.sockets.get_mut::<raw::Socket<'_>>(self.datagrams);
        while let Ok(datagram) = socket.recv() {
            datagrams.push(datagram.to_vec());
        }
        datagrams
    }

    fn remember(&mut self, frame: &[u8]) {
        let Ok(frame) = EthernetFrame::new_checked(frame) else { return };
        if frame.ethertype() != EthernetProtocol::Ipv4 || !frame.src_addr().is_unicast() {
            return;
        }
        let Ok(packet) = Ipv4Packet::new_checked(frame.payload()) else { return };
        let known = (packet.src_addr(), frame.src_addr());
        if self.neighbours.back() != Some(&known) && !known.0.is_unspecified() {
            self.neighbours.retain(|(address, _)| *address != known.0);
            if self.neighbours.len() == CARDS {
                self.neighbours.pop_front();
            }
            self.neighbours.push_back(known);
        }
    }

    /// The card that has sent from an address.
    pub(super) fn neighbour(&self, address: Ipv4Addr) -> Option<EthernetAddress> {
        let known = self.neighbours.iter().rev().find(|(known, _)| *known == address)?;
        Some(known.1)
    }

    /// Sends what the sockets have to send, as far as there is room; when to do it again without
    /// being told to.
    pub(super) fn poll(&mut self) -> Option<Duration> {
        let now = self.now();
        self.interface.poll_maintenance(now);
        while self.card.wire.has_room()
            && self.interface.poll_egress(now, &mut self.card, &mut self.sockets)
                == PollResult::SocketStateChanged
        {}
        if !self.card.wire.has_room() {
            // The guest tells when it has taken something.
            return None;
        }
        let delay = self.interface.poll_delay(now, &self.sockets)?;
        // Where the stack says "now" and does nothing, it waits for something.
        Some(Duration::from_micros(delay.total_micros()).max(Duration::from_millis(1)))
    }

    /// Adds a socket for a connection.
    pub(super) fn open(&mut self, socket: tcp::Socket<'static>) -> SocketHandle {
        self.sockets.add(socket)
    }

    /// A socket of a connection.
    pub(super) fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// A socket of a connection, with what it needs to connect.
    pub(super) fn parts(
        &mut self,
        handle: SocketHandle,
    ) -> (&mut tcp::Socket<'static>, &mut smoltcp::iface::Context) {
        (self.sockets.get_mut(handle), self.interface.context())
    }

    /// Forgets a connection.
    pub(super) fn remove(&mut self, flow: &Flow, handle: Option<SocketHandle>) {
        self.flows.remove(flow);
        if let Some(handle) = handle {
            self.sockets.remove(handle);
        }
    }

    /// How many connections there are in the stack.
    #[cfg(test)]
    pub(super) fn connections(&self) -> (usize, usize) {
        (self.flows.len(), self.sockets.iter().count() - 1)
    }
}

/// The gateway's network card: its end of the wire.
struct Card {
    wire: Arc<Wire>,
    /// The frame that is being received.
    frame: Option<Vec<u8>>,
}

impl Device for Card {
    type RxToken<'a> = Received;
    type TxToken<'a> = &'a Wire;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, &Wire)> {
        Some((Received(self.frame.take()?), &self.wire))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<&Wire> {
        self.wire.has_room().then_some(&*self.wire)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, use_: F) -> R {
        use_(&self.0)
    }
}

impl TxToken for &Wire {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        self.give(frame);
        result
    }
}
