//! emulator/devicetree
