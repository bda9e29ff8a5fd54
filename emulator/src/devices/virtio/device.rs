//! What a device is to its transport, and a transport to its device.

use std::sync::{Arc, Weak};

use serde_json::Value;

use super::function::Function;
use super::ring::Chain;

/// Ids of devices (Virtio 1.2, section 5).
pub(super) mod id {
    pub(in super::super) const NETWORK: u32 = 1;
    pub(in super::super) const BLOCK: u32 = 2;
    pub(in super::super) const CONSOLE: u32 = 3;
    pub(in super::super) const ENTROPY: u32 = 4;
    pub(in super::super) const BALLOON: u32 = 5;
    pub(in super::super) const SHARED: u32 = 9;
}

/// A device, apart from where a guest finds it.
///
/// Called from any hart's thread, with no lock held.
pub trait VirtioDevice: Send + Sync {
    /// What it is (section 5).
    fn id(&self) -> u32;

    /// The features of its kind that it offers; those of queues and transports are not its matter.
    fn features(&self) -> u64;

    /// Whether it offers packed queues.
    fn packed(&self) -> bool {
        false
    }

    /// The largest size of each of its queues.
    fn queues(&self) -> Vec<u16>;

    /// Its configuration as a driver reads it now.
    fn config(&self) -> Vec<u8>;

    /// A driver writes to the configuration, within it.
    fn write_config(&self, offset: usize, bytes: &[u8]) {
        let _ = (offset, bytes);
    }

    /// It has been plugged in.
    fn plugged(&self, link: Link);

    /// There may be requests in a queue. A device that waits for the host does so on a thread of its
    /// own.
    fn notify(&self, queue: u16);

    /// Waits until nothing is on its way: all that was notified is done.
    fn drain(&self);

    /// What a snapshot holds of it, its queues apart.
    ///
    /// # Errors
    /// It is in the middle of what cannot be written down.
    fn save(&self) -> Result<Value, String> {
        Ok(Value::Null)
    }

    /// Takes that over, after a reset.
    ///
    /// # Errors
    /// It is no state of such a device.
    fn load(&self, saved: &Value) -> Result<(), String> {
        let _ = saved;
        Ok(())
    }

    /// Back to the state after power-on. When this returns, nothing of guest memory is touched for
    /// requests that were taken before.
    fn reset(&self);
}

/// A transport, as a bus that one device can be plugged into.
pub trait VirtioBus: Send + Sync {
    /// Plugs a device in. Done once, before the machine runs.
    fn plug(self: Arc<Self>, device: Arc<dyn VirtioDevice>);
}

/// A device's way to its queues and its driver.
#[derive(Clone)]
pub struct Link(pub(super) Weak<Function>);

impl Link {
    fn function(&self) -> Option<Arc<Function>> {
        self.0.upgrade()
    }

    /// Takes the next request of a queue, if there is one and the driver is at work.
    pub fn pop(&self, queue: u16) -> Option<Chain> {
        self.function()?.pop(queue)
    }

    /// Puts the request back that was taken last.
    pub fn unpop(&self, queue: u16, chain: &Chain) {
        if let Some(function) = self.function() {
            function.unpop(queue, chain);
        }
    }

    /// Gives a request back, with so many bytes written to it. One of before a reset is forgotten.
    pub fn push(&self, queue: u16, chain: &Chain, written: u32) {
        if let Some(function) = self.function() {
            function.push(queue, chain, written);
        }
    }

    /// The features that were negotiated; none before that.
    pub fn features(&self) -> u64 {
        self.function().map_or(0, |function| function.accepted())
    }

    /// Tells the driver that the configuration is another.
    pub fn config_changed(&self) {
        if let Some(function) = self.function() {
            function.config_changed();
        }
    }

    /// Tells the log of what the driver should not do.
    pub fn complain(&self, text: impl FnOnce() -> String) {
        if let Some(function) = self.function() {
            function.complain(text);
        }
    }

    /// The driver has made a request that is none: the device needs a reset.
    pub fn fail(&self, reason: &str) {
        if let Some(function) = self.function() {
            function.fail(reason);
        }
    }
}
