//! Where things are on machine `opentitan`, and which interrupts they have, for each version of QEMU
//! in which that changed.

use qapi_runtime::{QmpError, Value};
use serde_json::json;

/// A block that is not modelled: name, address, size.
type Block = (&'static str, u64, u64);

/// A version of the machine.
pub(super) struct Layout {
    /// Since which version of QEMU.
    since: (u32, u32),
    /// Address and size.
    pub(super) rom: (u64, u64),
    pub(super) ram: (u64, u64),
    pub(super) flash: (u64, u64),
    /// Where flash is seen a second time.
    pub(super) flash_view: Option<(u64, u64)>,
    pub(super) resetvec: u64,
    pub(super) controller: Controller,
    pub(super) uart: Uart,
    pub(super) timer: Option<Timer>,
    pub(super) blocks: &'static [Block],
}

/// Which interrupt controller.
pub(super) enum Controller {
    /// OpenTitan's first one, `packed` as a device.
    Ibex { addr: u64, packed: fn() -> Value },
    /// The standard's.
    Sifive { addr: u64, priority: u64, size: u64 },
}

pub(super) struct Uart {
    pub(super) addr: u64,
    /// The source of output 0; the others follow.
    pub(super) first_source: u32,
}

pub(super) struct Timer {
    pub(super) addr: u64,
    pub(super) source: u32,
    /// Offset of CTRL: a register for alerts was put before it.
    pub(super) ctrl: u64,
}

const TIMER: u64 = 0x4010_0000;
const PLIC: u64 = 0x4800_0000;

/// The versions, the newest last: each is the one before with what changed.
static LAYOUTS: [Layout; 5] = [V6_0, V6_1, V6_2, V7_2, V8_0];

const V6_0: Layout = Layout {
    since: (6, 0),
    rom: (0x8000, 0x4000),
    ram: (0x1000_0000, 0x1_0000),
    flash: (0x2000_0000, 0x8_0000),
    flash_view: None,
    resetvec: 0x8090,
    controller: Controller::Ibex { addr: 0x4101_0000, packed: plic_of_80 },
    uart: Uart { addr: 0x4000_0000, first_source: 0x21 },
    timer: None,
    blocks: BLOCKS_6_0,
};

const V6_1: Layout = Layout {
    since: (6, 1),
    flash_view: Some((0x8000_0000, 0x8_0000)),
    controller: Controller::Ibex { addr: 0x4101_0000, packed: plic_of_176 },
    uart: Uart { first_source: 1, ..V6_0.uart },
    timer: Some(Timer { addr: TIMER, source: 125, ctrl: 0 }),
    blocks: BLOCKS_6_1,
    ..V6_0
};

const V6_2: Layout = Layout {
    since: (6, 2),
    resetvec: 0x8080,
    // Source N at 4 * (N - 1), as the controller's model was then.
    controller: Controller::Sifive { addr: PLIC, priority: 0, size: 0x400_5000 },
    timer: Some(Timer { addr: TIMER, source: 126, ctrl: 0 }),
    blocks: BLOCKS_6_2,
    ..V6_1
};

const V7_2: Layout = Layout {
    since: (7, 2),
    rom: (0x8000, 0x8000),
    ram: (0x1000_0000, 0x2_0000),
    flash: (0x2000_0000, 0x10_0000),
    resetvec: 0x2000_0400,
    timer: Some(Timer { addr: TIMER, source: 127, ctrl: 4 }),
    blocks: BLOCKS_7_2,
    ..V6_2
};

const V8_0: Layout = Layout {
    since: (8, 0),
    // Source N at 4 * N, as the hardware has it.
    controller: Controller::Sifive { addr: PLIC, priority: 4, size: 0x800_0000 },
    timer: Some(Timer { addr: TIMER, source: 124, ctrl: 4 }),
    blocks: BLOCKS_8_0,
    ..V7_2
};

fn plic_of_80() -> Value {
    json!({
        "driver": "ibex-plic", "num-sources": 80, "pending-num": 3,
        "source-base": 0x0c, "source-num": 3, "priority-base": 0x18, "priority-num": 80,
        "enable-base": 0x200, "enable-num": 3, "threshold-base": 0x20c, "claim-base": 0x210,
    })
}

fn plic_of_176() -> Value {
    json!({ "driver": "ibex-plic" })
}

/// The layout that a version of QEMU has; the newest for none.
///
/// # Errors
/// There is no such version with these layouts.
pub(super) fn of(version: Option<&str>) -> Result<&'static Layout, QmpError> {
    let newest = &LAYOUTS[LAYOUTS.len() - 1];
    let Some(text) = version else { return Ok(newest) };
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let wanted = parts.next().flatten().zip(parts.next().flatten());
    let found =
        wanted.and_then(|wanted| LAYOUTS.iter().rev().find(|layout| layout.since <= wanted));
    found.ok_or_else(|| {
        QmpError::generic(format!(
            "Parameter 'version' expects a version of QEMU from 6.0 on, such as 7.2 or 10.0, not '{text}'"
        ))
    })
}

#[rustfmt::skip]
const BLOCKS_6_0: &[Block] = &[
    ("gpio", 0x4004_0000, 0x1000),
    ("spi", 0x4005_0000, 0x1000),
    ("i2c", 0x4008_0000, 0x1000),
    ("pattgen", 0x400e_0000, 0x1000),
    ("rv_timer", 0x4010_0000, 0x1000),
    ("sensor_ctrl", 0x4011_0000, 0x1000),
    ("otp_ctrl", 0x4013_0000, 0x4000),
    ("pwrmgr", 0x4040_0000, 0x1000),
    ("rstmgr", 0x4041_0000, 0x1000),
    ("clkmgr", 0x4042_0000, 0x1000),
    ("pinmux", 0x4046_0000, 0x1000),
    ("padctrl", 0x4047_0000, 0x1000),
    ("usbdev", 0x4050_0000, 0x1000),
    ("flash_ctrl", 0x4100_0000, 0x1000),
    ("aes", 0x4110_0000, 0x1000),
    ("hmac", 0x4111_0000, 0x1000),
    ("kmac", 0x4112_0000, 0x1000),
    ("keymgr", 0x4113_0000, 0x1000),
    ("csrng", 0x4115_0000, 0x1000),
    ("entropy", 0x4116_0000, 0x1000),
    ("edn0", 0x4117_0000, 0x1000),
    ("edn1", 0x4118_0000, 0x1000),
    ("alert_handler", 0x411b_0000, 0x1000),
    ("nmi_gen", 0x411c_0000, 0x1000),
    ("otbn", 0x411d_0000, 0x1_0000),
];

#[rustfmt::skip]
const BLOCKS_6_1: &[Block] = &[
    ("gpio", 0x4004_0000, 0x1000),
    ("spi", 0x4005_0000, 0x1000),
    ("i2c", 0x4008_0000, 0x1000),
    ("pattgen", 0x400e_0000, 0x1000),
    ("sensor_ctrl", 0x4011_0000, 0x1000),
    ("otp_ctrl", 0x4013_0000, 0x4000),
    ("usbdev", 0x4015_0000, 0x1000),
    ("pwrmgr", 0x4040_0000, 0x1000),
    ("rstmgr", 0x4041_0000, 0x1000),
    ("clkmgr", 0x4042_0000, 0x1000),
    ("pinmux", 0x4046_0000, 0x1000),
    ("padctrl", 0x4047_0000, 0x1000),
    ("flash_ctrl", 0x4100_0000, 0x1000),
    ("aes", 0x4110_0000, 0x1000),
    ("hmac", 0x4111_0000, 0x1000),
    ("kmac", 0x4112_0000, 0x1000),
    ("keymgr", 0x4113_0000, 0x1000),
    ("csrng", 0x4115_0000, 0x1000),
    ("entropy", 0x4116_0000, 0x1000),
    ("edn0", 0x4117_0000, 0x1000),
    ("edn1", 0x4118_0000, 0x1000),
    ("alert_handler", 0x411b_0000, 0x1000),
    ("nmi_gen", 0x411c_0000, 0x1000),
    ("otbn", 0x411d_0000, 0x1_0000),
    ("peri", 0x411f_0000, 0x1_0000),
];

#[rustfmt::skip]
const BLOCKS_6_2: &[Block] = &[
    ("gpio", 0x4004_0000, 0x1000),
    ("spi_device", 0x4005_0000, 0x1000),
    ("i2c", 0x4008_0000, 0x1000),
    ("pattgen", 0x400e_0000, 0x1000),
    ("sensor_ctrl", 0x4011_0000, 0x1000),
    ("otp_ctrl", 0x4013_0000, 0x4000),
    ("usbdev", 0x4015_0000, 0x1000),
    ("spi_host0", 0x4030_0000, 0x1000),
    ("spi_host1", 0x4031_0000, 0x1000),
    ("pwrmgr", 0x4040_0000, 0x1000),
    ("rstmgr", 0x4041_0000, 0x1000),
    ("clkmgr", 0x4042_0000, 0x1000),
    ("pinmux", 0x4046_0000, 0x1000),
    ("padctrl", 0x4047_0000, 0x1000),
    ("flash_ctrl", 0x4100_0000, 0x1000),
    ("aes", 0x4110_0000, 0x1000),
    ("hmac", 0x4111_0000, 0x1000),
    ("kmac", 0x4112_0000, 0x1000),
    ("otbn", 0x4113_0000, 0x1_0000),
    ("keymgr", 0x4114_0000, 0x1000),
    ("csrng", 0x4115_0000, 0x1000),
    ("entropy", 0x4116_0000, 0x1000),
    ("edn0", 0x4117_0000, 0x1000),
    ("edn1", 0x4118_0000, 0x1000),
    ("alert_handler", 0x411b_0000, 0x1000),
    ("nmi_gen", 0x411c_0000, 0x1000),
    ("peri", 0x411f_0000, 0x1_0000),
];

#[rustfmt::skip]
const BLOCKS_7_2: &[Block] = &[
    ("gpio", 0x4004_0000, 0x1000),
    ("spi_device", 0x4005_0000, 0x1000),
    ("i2c", 0x4008_0000, 0x1000),
    ("pattgen", 0x400e_0000, 0x1000),
    ("otp_ctrl", 0x4013_0000, 0x4000),
    ("lc_ctrl", 0x4014_0000, 0x1000),
    ("alert_handler", 0x4015_0000, 0x1000),
    ("spi_host0", 0x4030_0000, 0x1000),
    ("spi_host1", 0x4031_0000, 0x1000),
    ("usbdev", 0x4032_0000, 0x1000),
    ("pwrmgr", 0x4040_0000, 0x1000),
    ("rstmgr", 0x4041_0000, 0x1000),
    ("clkmgr", 0x4042_0000, 0x1000),
    ("pinmux", 0x4046_0000, 0x1000),
    ("aon_timer", 0x4047_0000, 0x1000),
    ("sensor_ctrl", 0x4049_0000, 0x1000),
    ("flash_ctrl", 0x4100_0000, 0x1000),
    ("aes", 0x4110_0000, 0x1000),
    ("hmac", 0x4111_0000, 0x1000),
    ("kmac", 0x4112_0000, 0x1000),
    ("otbn", 0x4113_0000, 0x1_0000),
    ("keymgr", 0x4114_0000, 0x1000),
    ("csrng", 0x4115_0000, 0x1000),
    ("entropy", 0x4116_0000, 0x1000),
    ("edn0", 0x4117_0000, 0x1000),
    ("edn1", 0x4118_0000, 0x1000),
    ("nmi_gen", 0x411c_0000, 0x1000),
    ("peri", 0x411f_0000, 0x1_0000),
];

#[rustfmt::skip]
const BLOCKS_8_0: &[Block] = &[
    ("gpio", 0x4004_0000, 0x40),
    ("spi_device", 0x4005_0000, 0x2000),
    ("i2c", 0x4008_0000, 0x80),
    ("pattgen", 0x400e_0000, 0x40),
    ("otp_ctrl", 0x4013_0000, 0x2000),
    ("lc_ctrl", 0x4014_0000, 0x100),
    ("alert_handler", 0x4015_0000, 0x800),
    ("spi_host0", 0x4030_0000, 0x40),
    ("spi_host1", 0x4031_0000, 0x40),
    ("usbdev", 0x4032_0000, 0x1000),
    ("pwrmgr", 0x4040_0000, 0x80),
    ("rstmgr", 0x4041_0000, 0x80),
    ("clkmgr", 0x4042_0000, 0x80),
    ("pinmux", 0x4046_0000, 0x1000),
    ("aon_timer", 0x4047_0000, 0x40),
    ("sensor_ctrl", 0x4049_0000, 0x40),
    ("flash_ctrl", 0x4100_0000, 0x200),
    ("aes", 0x4110_0000, 0x100),
    ("hmac", 0x4111_0000, 0x1000),
    ("kmac", 0x4112_0000, 0x1000),
    ("otbn", 0x4113_0000, 0x1_0000),
    ("keymgr", 0x4114_0000, 0x100),
    ("csrng", 0x4115_0000, 0x80),
    ("entropy", 0x4116_0000, 0x100),
    ("edn0", 0x4117_0000, 0x80),
    ("edn1", 0x4118_0000, 0x80),
    ("sram_ctrl", 0x411c_0000, 0x20),
    ("ibex_cfg", 0x411f_0000, 0x100),
];
