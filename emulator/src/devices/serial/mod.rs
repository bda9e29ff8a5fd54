//! UARTs.

mod ns16550a;
mod port;
mod sifive_uart;
