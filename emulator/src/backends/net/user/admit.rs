//! What of a guest's frames reaches the stack: the stack answers for every address, so what it must
//! not answer for is turned away here.

use std::net::SocketAddrV4;

use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket,
};

use super::config::UserConfig;

/// The longest payload of a datagram whose header has no options. Fragments that reach beyond it
/// make no datagram.
const LONGEST: usize = 0xffff - 20;

/// Two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    /// The guest's.
    pub guest: SocketAddrV4,
    /// The other, as the guest sees it.
    pub remote: SocketAddrV4,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Drop,
    /// It is the stack's.
    Pass,
    /// It may begin a connection.
    Connect(Flow),
}

pub(super) fn admit(config: &UserConfig, frame: &[u8]) -> Verdict {
    judge(config, frame).unwrap_or(Verdict::Drop)
}

fn judge(config: &UserConfig, frame: &[u8]) -> Option<Verdict> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Arp => {
            let packet = ArpPacket::new_checked(frame.payload()).ok()?;
            let ArpRepr::EthernetIpv4 { target_protocol_addr, .. } =
                ArpRepr::parse(&packet).ok()?
            else {
                return None;
            };
            config.is_own(target_protocol_addr).then_some(Verdict::Pass)
        }
        EthernetProtocol::Ipv4 => ipv4(config, &Ipv4Packet::new_checked(frame.payload()).ok()?),
        _ => None,
    }
}

fn ipv4(config: &UserConfig, packet: &Ipv4Packet<&[u8]>) -> Option<Verdict> {
    let (from, to) = (packet.src_addr(), packet.dst_addr());
    let whole = !packet.more_frags() && packet.frag_offset() == 0;
    if usize::from(packet.frag_offset()) + packet.payload().len() > LONGEST {
        return None;
    }
    // Before it has an address, a guest can only ask for one.
    let known = config.contains(from) && !config.is_own(from);
    let asks = from.is_unspecified() && packet.next_header() == IpProtocol::Udp;
    if !known && !asks {
        return None;
    }
    let reachable = config.is_outside(to) || to == config.host || to == config.dns;
    match packet.next_header() {
        IpProtocol::Icmp if config.is_own(to) => Some(Verdict::Pass),
        IpProtocol::Udp if reachable || to.is_broadcast() => Some(Verdict::Pass),
        // No system sends a segment in fragments.
        IpProtocol::Tcp if reachable && whole => {
            let segment = TcpPacket::new_checked(packet.payload()).ok()?;
            if !segment.syn() || segment.ack() || segment.rst() || segment.fin() {
                return Some(Verdict::Pass);
            }
            Some(Verdict::Connect(Flow {
                guest: SocketAddrV4::new(from, segment.src_port()),
                remote: SocketAddrV4::new(to, segment.dst_port()),
            }))
        }
        _ => None,
    }
}
