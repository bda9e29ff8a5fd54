//! The common configuration of a transport on PCI (section 4.1.4.3).

use super::state::{NO_VECTOR, State};
use super::transport::Transport;
use crate::devices::virtio::function::Function;
use crate::devices::virtio::ring::Layout;

pub(super) mod register {
    pub(in super::super) const DEVICE_FEATURE_SELECT: u64 = 0x00;
    pub(in super::super) const DEVICE_FEATURE: u64 = 0x04;
    pub(in super::super) const DRIVER_FEATURE_SELECT: u64 = 0x08;
    pub(in super::super) const DRIVER_FEATURE: u64 = 0x0c;
    pub(in super::super) const CONFIG_VECTOR: u64 = 0x10;
    pub(in super::super) const NUM_QUEUES: u64 = 0x12;
    pub(in super::super) const STATUS: u64 = 0x14;
    pub(in super::super) const GENERATION: u64 = 0x15;
    pub(in super::super) const QUEUE_SELECT: u64 = 0x16;
    pub(in super::super) const QUEUE_SIZE: u64 = 0x18;
    pub(in super::super) const QUEUE_VECTOR: u64 = 0x1a;
    pub(in super::super) const QUEUE_ENABLE: u64 = 0x1c;
    pub(in super::super) const QUEUE_NOTIFY_OFF: u64 = 0x1e;
    pub(in super::super) const QUEUE_DESC: u64 = 0x20;
    pub(in super::super) const QUEUE_DEVICE_HIGH: u64 = 0x34;
}

impl Transport {
    pub(super) fn read_common(&self, function: &Function, offset: u64) -> u64 {
        let (device_features, driver_features, queue) =
            self.chip.peek(|state| (state.device_features, state.driver_features, state.queue));
        let vector = |queue| self.change(|state| state.vector(queue).map_or(NO_VECTOR, |it| *it));
        let half = |all: u64, select| match select {
            0 => all & 0xffff_ffff,
            1 => all >> 32,
            _ => 0,
        };
        match offset {
            register::DEVICE_FEATURE_SELECT => device_features.into(),
            register::DEVICE_FEATURE => half(function.offered(), device_features),
            register::DRIVER_FEATURE_SELECT => driver_features.into(),
            register::DRIVER_FEATURE => half(function.accepted(), driver_features),
            register::CONFIG_VECTOR => vector(None).into(),
            register::NUM_QUEUES => function.device().queues().len() as u64,
            register::STATUS => function.status().into(),
            register::GENERATION => u64::from(function.generation() as u8),
            register::QUEUE_SELECT => queue.into(),
            register::QUEUE_SIZE => function.queue(queue, |it| it.layout.size.into()).unwrap_or(0),
            register::QUEUE_VECTOR => vector(Some(queue)).into(),
            register::QUEUE_ENABLE => function.is_enabled(queue).into(),
            register::QUEUE_NOTIFY_OFF => queue.into(),
            register::QUEUE_DESC..=register::QUEUE_DEVICE_HIGH => {
                let word = function.queue(queue, |it| *address_of(&mut it.layout, offset));
                let word = word.unwrap_or(0);
                if offset & 4 == 0 { word & 0xffff_ffff } else { word >> 32 }
            }
            _ => 0,
        }
    }

    pub(super) fn write_common(&self, function: &Function, offset: u64, value: u32) {
        let (driver_features, queue) = self.chip.peek(|state| (state.driver_features, state.queue));
        let set = |work: fn(&mut State, u32)| self.chip.with(|state| work(state, value));
        match offset {
            register::DEVICE_FEATURE_SELECT => set(|state, value| state.device_features = value),
            register::DRIVER_FEATURE_SELECT => set(|state, value| state.driver_features = value),
            register::DRIVER_FEATURE => function.accept(driver_features, value),
            register::CONFIG_VECTOR => set(|state, value| state.set_vector(None, value as u16)),
            register::STATUS => self.set_status(function, value as u8),
            register::QUEUE_SELECT => set(|state, value| state.queue = value as u16),
            register::QUEUE_SIZE => {
                function.queue(queue, |it| it.layout.size = value as u16);
            }
            register::QUEUE_VECTOR => {
                set(|state, value| state.set_vector(Some(state.queue), value as u16));
            }
            // A queue is taken out of use by a reset only.
            register::QUEUE_ENABLE if value == 1 => function.enable(queue, true),
            register::QUEUE_DESC..=register::QUEUE_DEVICE_HIGH => {
                function.queue(queue, |it| {
                    let word = address_of(&mut it.layout, offset);
                    *word = match offset & 4 {
                        0 => *word & !0xffff_ffff | u64::from(value),
                        _ => *word & 0xffff_ffff | u64::from(value) << 32,
                    };
                });
            }
            _ => self.block.unmodelled_write(offset, 4, value.into()),
        }
    }
}

/// The address of a queue's part that a register is half of.
fn address_of(layout: &mut Layout, offset: u64) -> &mut u64 {
    match offset & !7 {
        0x20 => &mut layout.descriptors,
        0x28 => &mut layout.driver,
        _ => &mut layout.device,
    }
}
