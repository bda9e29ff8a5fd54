//! UARTs.

mod ibex_uart;
mod ns16550a;
mod port;
mod sifive_uart;
