//! Ports of the host that lead to the guest: `hostfwd`.
//!
//! A rule is `[tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT`, as in QEMU. A guest sees who
//! connects by its address, and the host itself as the gateway.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::Network;
use crate::backends::net::NetError;

/// What is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// The host's side of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// What is forwarded.
    pub protocol: Protocol,
    /// Where the host listens; port 0: the system chooses.
    pub host: SocketAddrV4,
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where it begins.
    pub entrance: Entrance,
    /// The guest's address; unspecified: the first that guests are given.
    pub guest: SocketAddrV4,
}

impl Entrance {
    /// `[tcp|udp]:[HOSTADDR]:HOSTPORT`
    ///
    /// # Errors
    /// What is wrong with it, in QEMU's words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (protocol, rest) = text.split_once(':').ok_or("No : separators")?;
        let protocol = match protocol {
            "" | "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err("Bad protocol name"),
        };
        let (address, port) = rest.split_once(':').ok_or("Missing : separator")?;
        let address = address_of(address).ok_or("Bad host address")?;
        let port = port.parse().map_err(|_| "Bad host port")?;
        Ok(Self { protocol, host: SocketAddrV4::new(address, port) })
    }
}

impl Forward {
    /// From a rule's text.
    ///
    /// # Errors
    /// What is wrong with it, in QEMU's words.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        let read = || {
            if !text.contains(':') {
                return Err("No : separators");
            }
            let (host, guest) = text.split_once('-').ok_or("Bad host port separator")?;
            let entrance = Entrance::parse(host)?;
            let (address, port) = guest.split_once(':').ok_or("Missing guest address")?;
            let address = address_of(address).ok_or("Bad guest address")?;
            let port = port.parse().ok().filter(|port| *port != 0).ok_or("Bad guest port")?;
            Ok(Self { entrance, guest: SocketAddrV4::new(address, port) })
        };
        read().map_err(|problem| {
            NetError::Settings(format!("Invalid host forwarding rule '{text}' ({problem})"))
        })
    }
}

fn address_of(text: &str) -> Option<Ipv4Addr> {
    match text {
        "" => Some(Ipv4Addr::UNSPECIFIED),
        "localhost" => Some(Ipv4Addr::LOCALHOST),
        text => text.parse().ok(),
    }
}

/// A rule at work, until dropped.
#[derive(Debug)]
pub(super) struct Forwarding {
    /// The rule.
    pub rule: Forward,
    /// Where it listens really.
    pub host: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens the host's side of a rule.
pub(super) fn start(
    network: &Arc<Network>,
    rule: Forward,
    io: &Handle,
) -> Result<Forwarding, NetError> {
    let _entered = io.enter();
    let Entrance { protocol, host } = rule.entrance;
    let refuse = || {
        let Forward { guest, .. } = rule;
        NetError::host(format!("Could not set up host forwarding rule '{protocol}:{host}-{guest}'"))
    };
    // A forward does not keep its network: that would end neither.
    let inside = Arc::downgrade(network);
    let guest = network.destination(&rule);
    let (task, host) = match protocol {
        Protocol::Tcp => {
            let listener = std::net::TcpListener::bind(host).map_err(refuse())?;
            listener.set_nonblocking(true).map_err(refuse())?;
            let listener = TcpListener::from_std(listener).map_err(refuse())?;
            let address = listener.local_addr().map_err(refuse())?;
            let task = io.spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, from)) => match inside.upgrade() {
                            Some(network) => network.tcp_from_host(stream, from, guest),
                            None => return,
                        },
                        // Out of descriptors, say: what does not work is not tried at full speed.
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
            });
            (task, address)
        }
        Protocol::Udp => {
            let socket = std::net::UdpSocket::bind(host).map_err(refuse())?;
            socket.set_nonblocking(true).map_err(refuse())?;
            let socket = Arc::new(UdpSocket::from_std(socket).map_err(refuse())?);
            let address = socket.local_addr().map_err(refuse())?;
            let task = io.spawn(async move {
                let mut bytes = vec![0; super::udp::LARGEST];
                loop {
                    // An error tells of a datagram before that nobody wanted.
                    let Ok((length, from)) = socket.recv_from(&mut bytes).await else { continue };
                    let Some(network) = inside.upgrade() else { return };
                    network.udp_from_host(&socket, from, guest, &bytes[..length]);
                }
            });
            (task, address)
        }
    };
    Ok(Forwarding { rule, host, task })
}
