//! A network inside this program that needs no rights on the host: `-netdev user`.
//!
//! The guest has a gateway (10.0.2.2), a name server (10.0.2.3) and a DHCP server. What it sends
//! further leaves through ordinary sockets of the host, so the host's firewall and routes see an
//! ordinary program. The gateway is the host's own loopback.
//!
//! ```text
//! frame -> admit -> smoltcp (ARP, echo, fragments, TCP) <-> tcp.rs  <-> stream of the host
//!                          datagrams                     -> udp.rs  <-> socket of the host
//!                                                        -> dhcp.rs
//! ```
//!
//! The protocols come from `smoltcp`: pure Rust without `unsafe` where it is used here, maintained,
//! 0BSD, and made for hostile peers and fixed buffers. Unlike `libslirp`, which QEMU uses, it needs
//! no library of the host. It answers for every address (AnyIP); a guest's first segment is kept
//! back until the host has connected, so that a guest sees a refusal as a refusal.
//!
//! There is no IPv6, no TFTP, and no echo from beyond the gateway.

mod admit;
mod config;
mod dhcp;
mod forward;
mod stack;
mod tcp;
mod udp;

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smoltcp::wire::EthernetAddress;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

pub use config::{Addresses, UserConfig};
pub use forward::{Entrance, Forward, Protocol};

use self::admit::Verdict;
use self::forward::Forwarding;
use self::stack::Stack;
use super::NetError;
use super::wire::Wire;

/// The gateway's card; QEMU's.
const GATEWAY: EthernetAddress = EthernetAddress([0x52, 0x55, 10, 0, 2, 2]);
/// How many frames of the guest are looked at before others get their turn.
const TURN: usize = 64;

/// A network.
pub struct Network {
    config: UserConfig,
    wire: Arc<Wire>,
    io: Handle,
    stack: Mutex<Stack>,
    /// Told when something was done with a socket of the stack.
    changed: Notify,
    forwards: Mutex<Vec<Forwarding>>,
    /// One for each connection and each guest's port; finished ones are removed by the next.
    tasks: Mutex<JoinSet<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Network {
    /// Makes one and opens its forwarded ports; [`Self::run`] is to be spawned.
    ///
    /// # Errors
    /// A port cannot be opened.
    pub(super) fn start(
        config: UserConfig,
        wire: &Arc<Wire>,
        io: &Handle,
    ) -> Result<Arc<Self>, NetError> {
        let network = Arc::new(Self {
            stack: Mutex::new(Stack::new(&config, wire.clone())),
            wire: wire.clone(),
            io: io.clone(),
            changed: Notify::new(),
            forwards: Mutex::default(),
            tasks: Mutex::default(),
            config,
        });
        for rule in &network.config.forwards {
            network.forward(*rule)?;
        }
        Ok(network)
    }

    fn config(&self) -> &UserConfig {
        &self.config
    }

    fn stack(&self) -> MutexGuard<'_, Stack> {
        lock(&self.stack)
    }

    /// Opens a port of the host that leads to the guest.
    ///
    /// # Errors
    /// The host refuses.
    pub fn forward(self: &Arc<Self>, rule: Forward) -> Result<(), NetError> {
        let forwarding = forward::start(self, rule, &self.io)?;
        lock(&self.forwards).push(forwarding);
        Ok(())
    }

    /// Closes one; whether there was such a one. Connections that came by it stay.
    pub fn unforward(&self, entrance: &Entrance) -> bool {
        let mut forwards = lock(&self.forwards);
        let place = forwards.iter().position(|forward| forward.rule.entrance == *entrance);
        place.map(|place| forwards.remove(place)).is_some()
    }

    /// The rules, each with where the host really listens.
    pub fn forwards(&self) -> Vec<(Forward, SocketAddr)> {
        lock(&self.forwards).iter().map(|forward| (forward.rule, forward.host)).collect()
    }

    /// Where a rule leads: to the first address that guests are given where it names none.
    pub fn destination(&self, rule: &Forward) -> SocketAddrV4 {
        match rule.guest.ip().is_unspecified() {
            true => SocketAddrV4::new(self.config.dhcp, rule.guest.port()),
            false => rule.guest,
        }
    }

    /// How many connections there are, and how many sockets for them.
    #[cfg(test)]
    pub(super) fn connections(&self) -> (usize, usize) {
        self.stack().connections()
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        lock(&self.forwards).clear();
        lock(&self.tasks).abort_all();
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        // What is finished is forgotten here, so that there are never more than at work.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.io)
    }

    /// Passes frames between the guest and the stack, for ever.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let mut left = TURN;
            while left > 0
                && self.wire.has_room()
                && let Some(frame) = self.wire.take()
            {
                self.frame(frame);
                left -= 1;
            }
            let next = self.stack().poll();
            if left == 0 {
                tokio::task::yield_now().await;
                continue;
            }
            let alarm = async {
                match next {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.wire.arrived() => {}
                () = self.wire.drained() => {}
                () = self.changed.notified() => {}
                () = alarm => {}
            }
        }
    }

    /// A frame of the guest.
    fn frame(self: &Arc<Self>, frame: Vec<u8>) {
        match admit::admit(&self.config, &frame) {
            Verdict::Drop => {}
            Verdict::Pass => self.ingress(frame),
            // Nothing listens there, which the stack tells the guest.
            Verdict::Connect(_) if self.config.restrict => self.ingress(frame),
            Verdict::Connect(flow) => self.tcp_from_guest(flow, frame),
        }
    }

    /// A frame that is fit for the stack.
    fn ingress(self: &Arc<Self>, frame: Vec<u8>) {
        let datagrams = self.stack().ingress(frame);
        for datagram in datagrams {
            self.udp_from_guest(&datagram);
        }
    }
}
