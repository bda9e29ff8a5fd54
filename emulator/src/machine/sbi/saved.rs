//! What a snapshot holds of the interface.

use std::sync::atomic::Ordering;

use boardwright_riscv::Clock as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::harts::State;
use super::pmu::{Counters, FirmwareEvent};
use super::{Sbi, Slot};
use crate::devices::state::Saved;

/// The part of one hart.
#[derive(Serialize, Deserialize)]
struct Part {
    state: State,
    counters: Counters,
    events: Vec<u64>,
    due: Option<u64>,
}

impl Part {
    fn of(slot: &Slot) -> Self {
        Self {
            state: *slot.state(),
            counters: slot.counters().clone(),
            events: slot.events.iter().map(|event| event.load(Ordering::Relaxed)).collect(),
            due: *slot.due(),
        }
    }

    fn fits(&self) -> bool {
        self.events.len() == FirmwareEvent::COUNT && self.counters.fit()
    }

    fn load(self, slot: &Slot) {
        *slot.state() = self.state;
        *slot.counters() = self.counters;
        for (event, saved) in slot.events.iter().zip(self.events) {
            event.store(saved, Ordering::Relaxed);
        }
        *slot.due() = self.due;
    }
}

impl Saved for Sbi {
    fn save(&self) -> Result<Value, String> {
        let parts: Vec<Part> = self.slots.iter().map(Part::of).collect();
        serde_json::to_value(parts).map_err(|error| error.to_string())
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        let parts = Vec::<Part>::deserialize(saved).map_err(|error| error.to_string())?;
        if parts.len() != self.slots.len() || !parts.iter().all(Part::fits) {
            return Err("it is that of other harts".into());
        }
        self.slots.iter().zip(parts).for_each(|(slot, part)| part.load(slot));
        Ok(())
    }

    fn settle(&self) {
        for slot in &self.slots {
            if let Some(due) = *slot.due() {
                slot.clock.set_timer(&slot.inputs, Some(due));
            }
        }
    }
}
