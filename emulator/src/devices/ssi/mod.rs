//! Serial buses: controllers, and the devices that hang on them.

mod bus;
mod sifive_spi;
mod spi_nor;

pub use bus::{SpiBus, SpiPeripheral};
