//! What every transport has of a device: status, negotiation, queues (Virtio 1.2, sections 2 and 3).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::device::{Link, VirtioDevice};
use super::ring::{Chain, Layout, MOST, Ring};
use crate::machine::{BusAccess, unmodelled::Block};

/// Bits of the status (section 2.1).
pub(super) mod status {
    pub(in super::super) const DRIVER_OK: u8 = 4;
    pub(in super::super) const FEATURES_OK: u8 = 8;
    pub(in super::super) const NEEDS_RESET: u8 = 64;
}

/// Features of queues and transports (section 6).
pub(super) mod feature {
    pub(in super::super) const ANY_LAYOUT: u64 = 1 << 27;
    pub(in super::super) const INDIRECT: u64 = 1 << 28;
    pub(in super::super) const EVENT_INDEX: u64 = 1 << 29;
    pub(in super::super) const VERSION_1: u64 = 1 << 32;
    pub(in super::super) const PACKED: u64 = 1 << 34;
}

/// How a transport tells the driver. Called with no lock of the function held.
pub(super) trait Interrupts: Send + Sync {
    /// A queue has requests that were given back.
    fn used(&self, queue: u16);
    /// The configuration or the status is another.
    fn config(&self);
}

/// A queue as its transport sets it up.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The most descriptors that it can have.
    pub largest: u16,
    /// What the driver says of it.
    pub layout: Layout,
    ring: Option<Ring>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    status: u8,
    /// What the driver has written of features.
    features: u64,
    queues: Vec<Queue>,
    /// How often it was reset: requests of before are forgotten.
    life: u64,
    generation: u32,
}

/// A device on a transport.
pub(super) struct Function {
    device: Arc<dyn VirtioDevice>,
    interrupts: OnceLock<Weak<dyn Interrupts>>,
    bus: BusAccess,
    block: Block,
    /// Whether the transport is one of before Virtio 1.0.
    legacy: bool,
    /// Whether the device may reach for memory, which some buses forbid.
    access: AtomicBool,
    state: Mutex<State>,
}

impl Function {
    /// Plugs a device in.
    pub(super) fn plug(
        device: Arc<dyn VirtioDevice>,
        interrupts: Weak<dyn Interrupts>,
        bus: BusAccess,
        block: Block,
        legacy: bool,
    ) -> Arc<Self> {
        let function = Arc::new(Self {
            device,
            interrupts: OnceLock::from(interrupts),
            bus,
            block,
            legacy,
            access: AtomicBool::new(true),
            state: Mutex::default(),
        });
        function.clear(&mut function.lock());
        function.device.plugged(Link(Arc::downgrade(&function)));
        function
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupts(&self) -> Option<Arc<dyn Interrupts>> {
        self.interrupts.get()?.upgrade()
    }

    /// What the device is.
    pub(super) fn device(&self) -> &dyn VirtioDevice {
        &*self.device
    }

    /// The features offered.
    pub(super) fn offered(&self) -> u64 {
        let rings = feature::INDIRECT | feature::EVENT_INDEX;
        let packed = if self.device.packed() { feature::PACKED } else { 0 };
        let transport = if self.legacy { feature::ANY_LAYOUT } else { feature::VERSION_1 | packed };
        self.device.features() | rings | transport
    }

    /// The features that the driver has accepted of those offered.
    pub(super) fn accepted(&self) -> u64 {
        self.lock().features & self.offered()
    }

    /// Writes half of the features that the driver accepts.
    pub(super) fn accept(&self, half: u32, value: u32) {
        let mut state = self.lock();
        if state.status & status::FEATURES_OK != 0 {
            self.complain(|| "features are accepted after FEATURES_OK".into());
            return;
        }
        match half {
            0 => state.features = state.features & !0xffff_ffff | u64::from(value),
            1 => state.features = state.features & 0xffff_ffff | u64::from(value) << 32,
            _ if value != 0 => self.complain(|| format!("features of word {half} are accepted")),
            _ => {}
        }
    }

    /// The status.
    pub(super) fn status(&self) -> u8 {
        self.lock().status
    }

    /// The driver writes the status; 0 is a reset.
    pub(super) fn set_status(&self, value: u8) {
        if value == 0 {
            return self.reset();
        }
        let mut state = self.lock();
        let mut value = value | state.status & status::NEEDS_RESET;
        if value & !state.status & status::FEATURES_OK != 0 {
            let strange = state.features & !self.offered();
            if strange != 0 || state.features & feature::VERSION_1 == 0 {
                // Section 3.1.1: the driver reads back that they are not accepted.
                self.complain(|| format!("features {:#x} are not accepted", state.features));
                value &= !status::FEATURES_OK;
            }
        }
        state.status = value;
    }

    /// Back to the state after power-on.
    pub(super) fn reset(&self) {
        // From here on nothing is handed out, so that what is on its way ends; what it still says of
        // the driver's mistakes is not of this life.
        self.clear(&mut self.lock());
        self.device.reset();
        self.clear(&mut self.lock());
    }

    fn clear(&self, state: &mut State) {
        let queue = |largest: u16| {
            let largest = largest.min(MOST);
            Queue { largest, layout: Layout { size: largest, ..Layout::default() }, ring: None }
        };
        *state = State {
            queues: self.device.queues().into_iter().map(queue).collect(),
            life: state.life + 1,
            ..State::default()
        };
    }

    /// What a snapshot holds: all that was notified is done then.
    pub(super) fn save(&self) -> Result<Value, String> {
        self.device.drain();
        Ok(json!({ "function": &*self.lock(), "device": self.device.save()? }))
    }

    /// Takes a state over.
    pub(super) fn load(&self, saved: &Value) -> Result<(), String> {
        let Value::Object(parts) = saved else { return Err("it has no device".into()) };
        let part = |name| parts.get(name).unwrap_or(&Value::Null);
        let (saved, device) = (part("function"), part("device"));
        let saved = State::deserialize(saved).map_err(|error| error.to_string())?;
        let sizes =
            |state: &State| state.queues.iter().map(|queue| queue.largest).collect::<Vec<_>>();
        let memory = self.bus.get().ok_or("there is no memory")?;
        for ring in saved.queues.iter().filter_map(|queue| queue.ring.as_ref()) {
            ring.check(&memory).map_err(|broken| broken.to_string())?;
        }
        self.device.reset();
        if sizes(&saved) != sizes(&self.lock()) {
            return Err("its queues are others".into());
        }
        self.device.load(device)?;
        let mut state = self.lock();
        let life = state.life + 1;
        *state = State { life, ..saved };
        Ok(())
    }

    /// Lets the device go on.
    pub(super) fn resume(&self) {
        let queues = self.lock().queues.len();
        for index in (0..queues).filter_map(|index| u16::try_from(index).ok()) {
            if self.ready(&mut self.lock(), index).is_some() {
                self.device.notify(index);
            }
        }
    }

    /// From now on the bus lets the device reach for memory, or forbids it: when this returns, nothing
    /// of it is touched. What was notified before is done.
    pub(super) fn set_access(&self, on: bool) {
        if on == self.access.load(Ordering::Acquire) {
            return;
        }
        if on {
            self.access.store(true, Ordering::Release);
            return self.resume();
        }
        self.device.drain();
        self.access.store(false, Ordering::Release);
        // Another hart may have notified a queue meanwhile.
        self.device.drain();
    }

    /// Counts the changes of the configuration.
    pub(super) fn generation(&self) -> u32 {
        self.lock().generation
    }

    /// Looks at a queue or sets it up, if there is such a queue.
    pub(super) fn queue<R>(&self, index: u16, work: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        self.lock().queues.get_mut(usize::from(index)).map(work)
    }

    /// Whether a queue is in use.
    pub(super) fn is_enabled(&self, index: u16) -> bool {
        self.queue(index, |queue| queue.ring.is_some()).unwrap_or(false)
    }

    /// Takes a queue into use as it is set up, or out of use.
    pub(super) fn enable(&self, index: u16, on: bool) {
        let features = self.accepted();
        let Some(memory) = self.bus.get() else { return };
        let made = self.queue(index, |queue| {
            let layout = Layout {
                packed: features & feature::PACKED != 0,
                indirect: features & feature::INDIRECT != 0,
                event_index: features & feature::EVENT_INDEX != 0,
                ..queue.layout
            };
            queue.ring = None;
            if on && queue.layout.size <= queue.largest {
                queue.ring = Some(Ring::new(layout, &memory)?);
            }
            Ok(())
        });
        match made {
            Some(Ok(())) => {}
            Some(Err(broken)) => self.fail(&format!("queue {index}: {}", named(broken))),
            None if on => {
                self.complain(|| format!("queue {index}, which is not there, is enabled"))
            }
            None => {}
        }
    }

    /// The driver says that a queue has requests.
    pub(super) fn notify(&self, index: u16) {
        if self.ready(&mut self.lock(), index).is_some() {
            self.device.notify(index);
        } else {
            self.complain(|| format!("queue {index} is notified and not at work"));
        }
    }

    /// The ring of a queue, while the driver is at work and has broken no rule.
    fn ready<'a>(&self, state: &'a mut State, index: u16) -> Option<&'a mut Ring> {
        let at_work = state.status & (status::DRIVER_OK | status::NEEDS_RESET) == status::DRIVER_OK
            && self.access.load(Ordering::Acquire);
        state.queues.get_mut(usize::from(index))?.ring.as_mut().filter(|_| at_work)
    }

    pub(super) fn pop(&self, index: u16) -> Option<Chain> {
        let memory = self.bus.get()?;
        let taken = {
            let mut state = self.lock();
            let life = state.life;
            self.ready(&mut state, index)?.pop(&memory).map(|mut chain| {
                if let Some(chain) = &mut chain {
                    chain.life = life;
                }
                chain
            })
        };
        taken.unwrap_or_else(|broken| {
            self.fail(&format!("queue {index}: {}", named(broken)));
            None
        })
    }

    pub(super) fn unpop(&self, index: u16, chain: &Chain) {
        let mut state = self.lock();
        if state.life == chain.life
            && let Some(ring) = self.ready(&mut state, index)
        {
            ring.unpop(chain);
        }
    }

    pub(super) fn push(&self, index: u16, chain: &Chain, written: u32) {
        let Some(memory) = self.bus.get() else { return };
        let wanted = {
            let mut state = self.lock();
            state.life == chain.life
                && self
                    .ready(&mut state, index)
                    .is_some_and(|ring| ring.push(&memory, chain, written))
        };
        if let (true, Some(interrupts)) = (wanted, self.interrupts()) {
            interrupts.used(index);
        }
    }

    pub(super) fn config_changed(&self) {
        {
            let mut state = self.lock();
            state.generation = state.generation.wrapping_add(1);
            if state.status & status::DRIVER_OK == 0 {
                return;
            }
        }
        if let Some(interrupts) = self.interrupts() {
            interrupts.config();
        }
    }

    /// The driver has broken a rule: nothing is done any more until it resets the device.
    pub(super) fn fail(&self, reason: &str) {
        self.complain(|| format!("needs a reset: {reason}"));
        let tell = {
            let mut state = self.lock();
            let before = state.status;
            state.status |= status::NEEDS_RESET;
            before & (status::DRIVER_OK | status::NEEDS_RESET) == status::DRIVER_OK
        };
        if let (true, Some(interrupts)) = (tell, self.interrupts()) {
            interrupts.config();
        }
    }

    /// Tells the log of what the driver should not do.
    pub(super) fn complain(&self, text: impl FnOnce() -> String) {
        self.block.trace().guest_error(|| format!("{}: {}", self.block.name(), text()));
    }
}

fn named(broken: super::ring::Broken) -> String {
    format!("the driver gives {broken}")
}
