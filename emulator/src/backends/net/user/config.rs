//! The addresses of a user-mode network, and what is said to guests about it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use super::forward::Forward;
use crate::backends::net::NetError;

/// A network of the kind `user`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserConfig {
    /// The address of the network itself.
    pub net: Ipv4Addr,
    /// How many bits of an address are the network's.
    pub prefix: u8,
    /// The gateway, behind which is the host: `.2`.
    pub host: Ipv4Addr,
    /// The name server: `.3`.
    pub dns: Ipv4Addr,
    /// The first address that guests are given: `.15`.
    pub dhcp: Ipv4Addr,
    /// Whether nothing leads out but forwarded ports.
    pub restrict: bool,
    /// The name that a guest is given.
    pub hostname: Option<String>,
    /// The domain that a guest is told it is in.
    pub domain: Option<String>,
    /// The domains that a guest looks names up in.
    pub search: Vec<String>,
    /// Ports of the host that lead to the guest.
    pub forwards: Vec<Forward>,
    /// Who answers for the name server; the host's name server where there is none.
    pub resolver: Option<SocketAddr>,
}

/// What of the addresses is given.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// `ADDRESS[/MASK]`, the mask as a length or as an address.
    pub net: Option<String>,
    /// The gateway.
    pub host: Option<String>,
    /// The first address for guests.
    pub dhcp: Option<String>,
    /// The name server.
    pub dns: Option<String>,
}

impl Default for UserConfig {
    fn default() -> Self {
        Self {
            net: Ipv4Addr::new(10, 0, 2, 0),
            prefix: 24,
            host: Ipv4Addr::new(10, 0, 2, 2),
            dns: Ipv4Addr::new(10, 0, 2, 3),
            dhcp: Ipv4Addr::new(10, 0, 2, 15),
            restrict: false,
            hostname: None,
            domain: None,
            search: Vec::new(),
            forwards: Vec::new(),
            resolver: None,
        }
    }
}

impl UserConfig {
    /// With addresses that fit each other.
    ///
    /// # Errors
    /// They do not; the texts are QEMU's.
    pub fn with(given: &Addresses) -> Result<Self, NetError> {
        let mut config = Self::default();
        let refuse = |text: &str| NetError::Settings(text.into());
        if let Some(net) = &given.net {
            let (address, prefix) = network(net)?;
            config.prefix = prefix;
            config.net = (u32::from(address) & config.mask()).into();
            // QEMU's, in a small network: the bits that there are.
            let (net, bits) = (u32::from(config.net), !config.mask());
            let own = |low: u32| Ipv4Addr::from(net | low & bits);
            (config.host, config.dhcp, config.dns) = (own(0x0202), own(0x020f), own(0x0203));
        }
        let parse = |text: &Option<String>, usual: Ipv4Addr, problem: &str| {
            text.as_ref().map_or(Ok(usual), |text| text.parse().map_err(|_| refuse(problem)))
        };
        config.host = parse(&given.host, config.host, "Failed to parse host")?;
        config.dhcp = parse(&given.dhcp, config.dhcp, "Failed to parse DHCP start address")?;
        config.dns = parse(&given.dns, config.dns, "Failed to parse DNS")?;
        let fits = |address: Ipv4Addr| config.contains(address);
        for (wrong, text) in [
            (!fits(config.host), "Host doesn't belong to network"),
            (!fits(config.dns), "DNS doesn't belong to network"),
            (config.dns == config.host, "DNS must be different from host"),
            (!fits(config.dhcp), "DHCP doesn't belong to network"),
            (
                config.dhcp == config.host || config.dhcp == config.dns,
                "DHCP must be different from host and DNS",
            ),
        ] {
            if wrong {
                return Err(refuse(text));
            }
        }
        Ok(config)
    }

    /// The network's bits.
    pub(super) fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    /// Whether an address is one of the network.
    pub(super) fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask() == u32::from(self.net)
    }

    /// Whether an address is the gateway's or the name server's.
    pub(super) fn is_own(&self, address: Ipv4Addr) -> bool {
        address == self.host || address == self.dns
    }

    /// Whether an address can only be outside: not of this network, and of one host.
    pub(super) fn is_outside(&self, address: Ipv4Addr) -> bool {
        !self.contains(address)
            && !address.is_unspecified()
            && !address.is_loopback()
            && !address.is_multicast()
            && !address.is_broadcast()
            && address.octets()[0] < 240
    }
}

impl fmt::Display for UserConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restrict = if self.restrict { "on" } else { "off" };
        write!(f, "type=user,net={},restrict={restrict}", self.net)
    }
}

/// `ADDRESS[/MASK]`; without a mask, that of the address's class.
fn network(text: &str) -> Result<(Ipv4Addr, u8), NetError> {
    let refuse = |text: &str| NetError::Settings(text.into());
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let address: Ipv4Addr = address.parse().map_err(|_| refuse("Failed to parse netmask"))?;
    let prefix = match mask {
        None => match address.octets()[0] {
            ..128 => 8,
            128..192 => 16,
            _ => 24,
        },
        Some(mask) => match (mask.parse::<u8>(), mask.parse::<Ipv4Addr>()) {
            (Ok(bits), _) => bits,
            (_, Ok(mask)) if u32::from(mask).leading_ones() == u32::from(mask).count_ones() => {
                u32::from(mask).leading_ones() as u8
            }
            _ => return Err(refuse("Failed to parse netmask")),
        },
    };
    if !(4..=29).contains(&prefix) {
        return Err(refuse("Invalid netmask provided (must be in range 4-29)"));
    }
    Ok((address, prefix))
}
