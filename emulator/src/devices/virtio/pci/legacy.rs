//! The I/O ports of a transport on PCI from before Virtio 1.0 (section 4.1.4.8).

use super::common::register as common;
use super::transport::{Transport, read_config, write_config};
use crate::devices::virtio::function::{Function, status};

pub(super) mod register {
    pub(super) const DEVICE_FEATURES: u64 = 0x00;
    pub(super) const DRIVER_FEATURES: u64 = 0x04;
    pub(super) const QUEUE_PFN: u64 = 0x08;
    pub(super) const QUEUE_SIZE: u64 = 0x0c;
    pub(super) const QUEUE_SELECT: u64 = 0x0e;
    pub(super) const QUEUE_NOTIFY: u64 = 0x10;
    pub(super) const STATUS: u64 = 0x12;
    pub(super) const ISR: u64 = 0x13;
    pub(super) const CONFIG_VECTOR: u64 = 0x14;
    pub(super) const QUEUE_VECTOR: u64 = 0x16;
    /// The device's configuration, without and with messages.
    pub(in super::super) const CONFIG: [u64; 2] = [0x14, 0x18];
    pub(super) const PAGE: u64 = 4096;
}

impl Transport {
    /// Where the device's configuration is in the ports.
    pub(super) fn legacy_config(&self) -> u64 {
        let messages = self.chip.peek(|state| state.msix.is_on(&state.config));
        register::CONFIG[usize::from(messages)]
    }

    pub(super) fn read_legacy(&self, function: &Function, offset: u64, size: u8) -> u64 {
        if let Some(at) = offset.checked_sub(self.legacy_config()) {
            return read_config(function, at, size);
        }
        let queue = self.chip.peek(|state| state.queue);
        match offset {
            register::DEVICE_FEATURES => function.offered() & 0xffff_ffff,
            register::DRIVER_FEATURES => function.accepted() & 0xffff_ffff,
            register::QUEUE_PFN if function.is_enabled(queue) => {
                function.queue(queue, |it| it.layout.descriptors / register::PAGE).unwrap_or(0)
            }
            register::QUEUE_SIZE => function.queue(queue, |it| it.largest.into()).unwrap_or(0),
            register::QUEUE_SELECT => queue.into(),
            register::STATUS => function.status().into(),
            register::ISR => self.take_isr(),
            register::CONFIG_VECTOR => self.read_common(function, common::CONFIG_VECTOR),
            register::QUEUE_VECTOR => self.read_common(function, common::QUEUE_VECTOR),
            _ => 0,
        }
    }

    pub(super) fn write_legacy(&self, function: &Function, offset: u64, size: u8, value: u64) {
        if let Some(at) = offset.checked_sub(self.legacy_config()) {
            return write_config(function, at, size, value);
        }
        let value = value as u32;
        match offset {
            register::DRIVER_FEATURES => function.accept(0, value),
            register::QUEUE_PFN => {
                let queue = self.chip.peek(|state| state.queue);
                function.queue(queue, |it| {
                    let (layout, size) = (&mut it.layout, u64::from(it.largest));
                    layout.descriptors = u64::from(value) * register::PAGE;
                    layout.driver = layout.descriptors + 16 * size;
                    layout.device = (layout.driver + 6 + 2 * size).next_multiple_of(register::PAGE);
                });
                function.enable(queue, value != 0);
            }
            register::QUEUE_SELECT => self.write_common(function, common::QUEUE_SELECT, value),
            register::QUEUE_NOTIFY => function.notify(value as u16),
            register::STATUS => {
                self.set_status(function, value as u8);
                if value as u8 & status::DRIVER_OK != 0 {
                    // Old drivers leave that out, and QEMU does it for them.
                    self.change(|state| state.config.make_master());
                    self.follow_command(function);
                }
            }
            register::CONFIG_VECTOR => self.write_common(function, common::CONFIG_VECTOR, value),
            register::QUEUE_VECTOR => self.write_common(function, common::QUEUE_VECTOR, value),
            _ => self.block.unmodelled_write(offset, size, value.into()),
        }
    }
}
