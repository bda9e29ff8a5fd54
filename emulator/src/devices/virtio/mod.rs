//! Virtio.

mod mmio;
