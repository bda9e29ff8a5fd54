//! emulator/riscv
