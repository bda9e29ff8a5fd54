//! The DHCP server (RFC 2131, RFC 2132): every card is given an address, the same one each time it
//! asks.

use std::net::Ipv4Addr;

use smoltcp::wire::{
    DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr,
    EthernetAddress,
};

use super::config::UserConfig;

/// The server's port.
pub(super) const SERVER: u16 = DHCP_SERVER_PORT;
/// The client's.
pub(super) const CLIENT: u16 = DHCP_CLIENT_PORT;
/// How many addresses there are to give, as in QEMU.
const ADDRESSES: usize = 16;
/// How long an address is given for, in seconds: a day.
const LEASE: u32 = 86_400;

/// Numbers of options (RFC 2132; 119 is RFC 3397's).
mod option {
    pub(super) const HOST_NAME: u8 = 12;
    pub(super) const DOMAIN: u8 = 15;
    pub(super) const SEARCH: u8 = 119;
}

/// Who has which address.
#[derive(Debug, Default)]
pub(super) struct Leases {
    cards: Vec<EthernetAddress>,
}

impl Leases {
    /// The address of a card. When all are given, all are given anew.
    fn address(&mut self, config: &UserConfig, card: EthernetAddress) -> Ipv4Addr {
        let slot = self.cards.iter().position(|known| *known == card).unwrap_or_else(|| {
            if self.cards.len() == ADDRESSES {
                self.cards.clear();
            }
            self.cards.push(card);
            self.cards.len() - 1
        });
        let first = u32::from(config.dhcp);
        let mut free = (0..).map(|offset| Ipv4Addr::from(first.wrapping_add(offset)));
        let own = free.by_ref().filter(|address| !config.is_own(*address)).nth(slot);
        own.filter(|address| config.contains(*address)).unwrap_or(config.dhcp)
    }

    /// The answer to a client's message, if it gets one.
    pub(super) fn answer(&mut self, config: &UserConfig, message: &[u8]) -> Option<Vec<u8>> {
        let packet = DhcpPacket::new_checked(message).ok()?;
        let asked = DhcpRepr::parse(&packet).ok()?;
        // A request that names another server is a refusal of this one's offer.
        if asked.server_identifier.is_some_and(|server| server != config.host) {
            return None;
        }
        let address = self.address(config, asked.client_hardware_address);
        let wanted = asked.requested_ip.unwrap_or(asked.client_ip);
        let kind = match asked.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            DhcpMessageType::Request if wanted == address => DhcpMessageType::Ack,
            DhcpMessageType::Request => DhcpMessageType::Nak,
            DhcpMessageType::Inform => DhcpMessageType::Ack,
            _ => return None,
        };
        let refused = kind == DhcpMessageType::Nak;
        let lease = !refused && asked.message_type != DhcpMessageType::Inform;
        let search = search_list(&config.search);
        let mut options = Vec::new();
        for (kind, data) in [
            (option::HOST_NAME, config.hostname.as_deref().unwrap_or_default().as_bytes()),
            (option::DOMAIN, config.domain.as_deref().unwrap_or_default().as_bytes()),
            (option::SEARCH, &search),
        ] {
            if !data.is_empty() && !refused {
                options.push(DhcpOption { kind, data });
            }
        }
        let answer = DhcpRepr {
            message_type: kind,
            transaction_id: asked.transaction_id,
            secs: 0,
            client_hardware_address: asked.client_hardware_address,
            client_ip: if refused { Ipv4Addr::UNSPECIFIED } else { asked.client_ip },
            your_ip: if lease { address } else { Ipv4Addr::UNSPECIFIED },
            server_ip: config.host,
            router: (!refused && !config.restrict).then_some(config.host),
            subnet_mask: (!refused).then(|| config.mask().into()),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: asked.broadcast,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(config.host),
            parameter_request_list: None,
            dns_servers: (!refused).then(|| [config.dns].into_iter().collect()),
            max_size: None,
            lease_duration: lease.then_some(LEASE),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &options,
        };
        let mut bytes = vec![0; answer.buffer_len()];
        answer.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).ok()?;
        Some(bytes)
    }
}

/// Names as DNS writes them, not compressed; at most what an option can hold.
fn search_list(domains: &[String]) -> Vec<u8> {
    let mut list = Vec::new();
    for domain in domains {
        let mut name = Vec::new();
        for label in domain.split('.').filter(|label| !label.is_empty()) {
            let Ok(length @ 1..64) = u8::try_from(label.len()) else { continue };
            name.push(length);
            name.extend(label.bytes());
        }
        name.push(0);
        if list.len() + name.len() <= 255 {
            list.extend(name);
        }
    }
    list
}
