//! General-purpose input and output, and what hangs on its pins.

mod gpio_pwr;
mod sifive_gpio;
