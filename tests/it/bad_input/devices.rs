//! Devices: properties out of range, ids, too late, and how a command line shows it.

use anyhow::{Result, ensure};
use boardwright_tests::program;

use super::{Bench, Row};

/// The refusal of a `device_add` with these members.
type AddRow = (&'static str, &'static str);

const PROPERTIES: &[AddRow] = &[
    // Ids.
    ("'driver': 'riscv.sifive.uart', 'id': 'uart'", "Duplicate device ID 'uart'"),
    ("'driver': 'riscv.sifive.test', 'id': 'cpus'", "Duplicate device ID 'cpus'"),
    ("'driver': 'riscv.sifive.test', 'id': ''", "Parameter 'id' expects an identifier: …, not ''"),
    (
        "'driver': 'riscv.sifive.test', 'id': '1st'",
        "Parameter 'id' expects an identifier: …, not '1st'",
    ),
    (
        "'driver': 'riscv.sifive.test', 'id': 'a b'",
        "Parameter 'id' expects an identifier: …, not 'a b'",
    ),
    (
        "'driver': 'riscv.sifive.test', 'id': 'a/b'",
        "Parameter 'id' expects an identifier: …, not 'a/b'",
    ),
    (
        "'driver': 'riscv.sifive.test', 'id': 'a[0]'",
        "Parameter 'id' expects an identifier: …, not 'a[0]'",
    ),
    (
        "'driver': 'riscv.sifive.test', 'id': 'Zoë'",
        "Parameter 'id' expects an identifier: …, not 'Zoë'",
    ),
    ("'driver': 'sysbus-memory', 'size': 4096", "Device 'sysbus-memory' needs an id: add id=NAME"),
    // Memory and what stands in for devices.
    ("'driver': 'sysbus-memory', 'id': 'm'", "'size' must be non-zero."),
    ("'driver': 'sysbus-memory', 'id': 'm', 'size': 0", "'size' must be non-zero."),
    ("'driver': 'sysbus-memory', 'id': 'm', 'size': '0x0'", "'size' must be non-zero."),
    ("'driver': 'unimplemented-device', 'size': 4096", "property 'name' not specified"),
    ("'driver': 'unimplemented-device', 'name': '', 'size': 4096", "property 'name' not specified"),
    ("'driver': 'unimplemented-device', 'name': 'x'", "property 'size' not specified or zero"),
    (
        "'driver': 'unimplemented-device', 'name': 'x', 'size': 0",
        "property 'size' not specified or zero",
    ),
    // Interrupt controller.
    (
        "'driver': 'riscv.sifive.plic', 'num-sources': 0",
        "Parameter 'num-sources' expects a number from 2 to 1024 …, not 0",
    ),
    ("'driver': 'riscv.sifive.plic', 'num-sources': 1", "Parameter 'num-sources' expects …, not 1"),
    (
        "'driver': 'riscv.sifive.plic', 'num-sources': 1025",
        "Parameter 'num-sources' expects …, not 1025",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'num-priorities': 0",
        "Parameter 'num-priorities' expects a number above 0",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': ''",
        "Parameter 'hart-config' expects …, not ''",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MX'",
        "Parameter 'hart-config' expects …, not 'MX'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MM'",
        "Parameter 'hart-config' expects …, not 'MM'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MS,'",
        "Parameter 'hart-config' expects …, not 'MS,'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MSM'",
        "Parameter 'hart-config' expects …, not 'MSM'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'aperture-size': 0",
        "Parameter 'aperture-size' expects at least 0xd8 for the registers at 'priority-base'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'aperture-size': '0x200000'",
        "Parameter 'aperture-size' expects at least 0x200008 for the registers at 'context-base'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'priority-base': 2",
        "Parameter 'priority-base' expects a multiple of 4, not 0x2",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'pending-base': 4",
        "Parameter 'pending-base' puts registers over those of 'priority-base'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'context-base': '0x2000'",
        "Parameter 'context-base' puts registers over those of 'enable-base'",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MS', 'enable-stride': 4",
        "Parameter 'enable-stride' expects at least 0x8",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'MS', 'context-stride': 4",
        "Parameter 'context-stride' expects at least 8",
    ),
    (
        "'driver': 'riscv.sifive.plic', 'hart-config': 'M,M,M', 'context-stride': 4294967295",
        "Parameter 'aperture-size' expects at least … for the registers at 'context-base'",
    ),
    // Devices of SiFive's SoCs.
    (
        "'driver': 'sifive_soc.gpio', 'ngpio': 0",
        "Parameter 'ngpio' expects a number from 1 to 32, not 0",
    ),
    (
        "'driver': 'sifive_soc.gpio', 'ngpio': 33",
        "Parameter 'ngpio' expects a number from 1 to 32, not 33",
    ),
    (
        "'driver': 'sifive-pwm', 'cmp-width': 17",
        "Parameter 'cmp-width' expects a number from 1 to 16, not 17",
    ),
    (
        "'driver': 'sifive-pwm', 'clock-frequency': 0",
        "Parameter 'clock-frequency' expects a number above 0",
    ),
    (
        "'driver': 'riscv.sifive.e.aon', 'wdogclk-frequency': 0",
        "Parameter 'wdogclk-frequency' expects a number above 0",
    ),
    (
        "'driver': 'sifive.spi', 'num-cs': 0",
        "Parameter 'num-cs' expects a number from 1 to 32, not 0",
    ),
    ("'driver': 'spi-nor', 'bus': 'nope'", "Bus 'nope' not found: 'bus' names an SPI controller"),
    ("'driver': 'spi-nor', 'bus': 'uart'", "Device 'uart' is not an SPI controller"),
    ("'driver': 'spi-nor', 'file': '/no/where'", "Cannot read '/no/where': …"),
    // Timer and software interrupts.
    (
        "'driver': 'riscv.aclint.mtimer', 'num-harts': 0",
        "Parameter 'num-harts' expects a number from 1 to 4095, not 0",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'num-harts': 4096",
        "Parameter 'num-harts' expects …, not 4096",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'timebase-freq': 0",
        "Parameter 'timebase-freq' expects a number above 0",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'aperture-size': 0",
        "Parameter 'aperture-size' expects a size that holds …",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'time-base': 4294967288",
        "Parameter 'aperture-size' expects a size that holds …",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'timecmp-base': 4294967288",
        "Parameter 'aperture-size' expects …",
    ),
    (
        "'driver': 'riscv.aclint.mtimer', 'time-base': 0",
        "Parameter 'time-base' expects an offset that is not among the mtimecmp registers",
    ),
    (
        "'driver': 'riscv.aclint.swi', 'num-harts': 0",
        "Parameter 'num-harts' expects a number from 1 to 4095, not 0",
    ),
    (
        "'driver': 'riscv.aclint.swi', 'num-harts': 4096",
        "Parameter 'num-harts' expects …, not 4096",
    ),
    (
        "'driver': 'serial-mm', 'regshift': 4",
        "Parameter 'regshift' expects a number from 0 to 3, not 4",
    ),
    ("'driver': 'serial-mm', 'regshift': 256", "Parameter 'regshift' expects uint8_t"),
    (
        "'driver': 'riscv.aclint.mtimer', 'time-base': 4",
        "Parameter 'time-base' expects a multiple of 8, not 0x4",
    ),
    // Harts.
    (
        "'driver': 'riscv.hart_array', 'hartid-base': 1",
        "Hart ids 1 to 1 of 'riscv.hart_array[0]' meet those of 'cpus': choose another hartid-base",
    ),
    (
        "'driver': 'riscv.hart_array', 'num-harts': 511, 'hartid-base': 2",
        "A board can have 512 harts; with 'riscv.hart_array[0]' it would have 513",
    ),
    (
        "'driver': 'riscv.hart_array', 'num-harts': 0",
        "Parameter 'num-harts' expects a number from 1 to 512, not 0",
    ),
    ("'driver': 'riscv.hart_array', 'num-cpus': 513", "Parameter 'num-harts' expects …, not 513"),
    (
        "'driver': 'riscv.hart_array', 'num-harts': 2, 'num-cpus': 3",
        "Parameters 'num-harts' and 'num-cpus' are the same: give one of them",
    ),
    ("'driver': 'riscv.hart_array', 'cpu-type': ''", "unable to find CPU model ''"),
    (
        "'driver': 'riscv.hart_array', 'cpu-type': 'cortex-a53'",
        "unable to find CPU model 'cortex-a53'",
    ),
    (
        "'driver': 'riscv.hart_array', 'cpu-type': 'rv64,sparkle=on'",
        "CPU property 'sparkle' not found",
    ),
    (
        "'driver': 'riscv.hart_array', 'cpu-type': 'rv64,v=on'",
        "CPU type 'rv64,v=on': 'v' is not modelled yet: leave it out or set v=off",
    ),
    (
        "'driver': 'riscv.hart_array', 'cpu-type': 'rv64,mmu=maybe'",
        "CPU property 'mmu' expects 'on' or 'off', not 'maybe'",
    ),
    (
        "'driver': 'riscv.hart_array', 'cpu-type': 'rv64,num-pmp-regions=65'",
        "CPU property 'num-pmp-regions' expects a number from 0 to 64, not '65'",
    ),
    ("'driver': 'riscv.hart_array', 'cpu-type': 'rv32,sv39=on'", "CPU type 'rv32,sv39=on': …"),
    // Loader, as far as no file is involved.
    ("'driver': 'loader'", "Please include valid arguments: …"),
    ("'driver': 'loader', 'addr': 0", "Please include valid arguments: …"),
    (
        "'driver': 'loader', 'data': 1, 'addr': 0",
        "Parameter 'data-len' expects a number from 1 to 8",
    ),
    (
        "'driver': 'loader', 'data': 1, 'data-len': 0, 'addr': 0",
        "Parameter 'data-len' expects a number from 1 to 8",
    ),
    (
        "'driver': 'loader', 'data': 1, 'data-len': 9, 'addr': 0",
        "Parameter 'data-len' expects a number from 1 to 8",
    ),
    (
        "'driver': 'loader', 'data': 256, 'data-len': 1, 'addr': 0",
        "Parameter 'data' does not fit into 'data-len' bytes",
    ),
    (
        "'driver': 'loader', 'data': 1, 'data-len': 4",
        "Parameter 'addr' is missing: where does 'data' go?",
    ),
    ("'driver': 'loader', 'data-len': 4, 'addr': 0", "Parameter 'data' is missing"),
    ("'driver': 'loader', 'file': 'x', 'data': 1", "Specifying data is not supported with a file"),
    (
        "'driver': 'loader', 'file': 'x', 'data-len': 1",
        "Specifying data-len is not supported with a file",
    ),
];

#[test]
fn properties_that_make_no_device_are_refused() -> Result<()> {
    let mut bench = Bench::board()?;
    let rows: Vec<Row> =
        PROPERTIES.iter().map(|(members, text)| ("device_add", *members, *text)).collect();
    bench.refuses(&rows)?;
    // The ids of the refused are free.
    bench.good("device_add", "'driver': 'sysbus-memory', 'id': 'm', 'size': 1")?;
    bench.quit().map(drop)
}

#[test]
fn nothing_is_plugged_into_a_running_board() -> Result<()> {
    let mut bench = Bench::board()?;
    bench.good("next-machine-phase", "")?;
    bench.refuses(&[
        (
            "device_add",
            "'driver': 'riscv.sifive.uart', 'id': 'u1'",
            "Bus 'main-system-bus' does not support hotplugging",
        ),
        (
            "device_add",
            "'driver': 'sysbus-memory', 'id': 'm', 'size': 1",
            "Bus 'main-system-bus' does not support hotplugging",
        ),
        (
            "device_add",
            "'driver': 'riscv.hart_array'",
            "Device 'riscv.hart_array' does not support hotplugging",
        ),
        // What is malformed is said to be so first.
        ("device_add", "'driver': 'nope'", "Parameter 'driver' does not accept value 'nope'"),
        (
            "device_add",
            "'driver': 'serial-mm', 'regshift': 'x'",
            "Parameter 'regshift' expects …, not 'x'",
        ),
    ])?;
    bench.good("cont", "")?;
    bench.quit().map(drop)
}

#[test]
fn command_line_and_scripts_show_near_names() -> Result<()> {
    let scratch = program::Scratch::new()?;
    let script = "machine-set type=none\nset-machine-phase phase=initialized\n";
    let script =
        scratch.file("x.qmp", format!("{script}device_add driver=riscv.sifive.urat id=uart\n"))?;
    let script = script.display().to_string();
    let rows: &[(&[&str], &[&str])] = &[
        (
            &["run", &script],
            &[
                "x.qmp:3:1: ",
                "does not accept value 'riscv.sifive.urat' (did you mean ",
                "riscv.sifive.uart",
            ],
        ),
        (
            &["-M", "none", "-device", "riscv.sifive.urat,id=uart"],
            &[
                "-device riscv.sifive.urat,id=uart: ",
                "does not accept value 'riscv.sifive.urat' (did you mean ",
                "riscv.sifive.uart",
            ],
        ),
        (&["-M", "nome"], &["does not accept value 'nome' (did you mean none?)"]),
        (
            &["-M", "none", "-device", "serial-mm,regshift=9"],
            &["-device serial-mm,regshift=9: Parameter 'regshift' expects"],
        ),
        (&["-M", "none", "-device", "serial-mm,colour=red"], &["Parameter 'colour' is unexpected"]),
        (&["-M", "none", "-device", "loader,file=/no/where"], &["Cannot read '/no/where'"]),
        (&["-M", "none", "-cpu", "rv46"], &["unable to find CPU model 'rv46' (did you mean rv64"]),
        (
            &["-M", "none", "-smp", "100000"],
            &["Parameter 'num-harts' expects a number from 1 to 512, not 100000"],
        ),
    ];
    for (arguments, texts) in rows {
        let ended = program::run(arguments)?;
        ensure!(ended.status.code() == Some(1), "{arguments:?}: {ended:?}");
        for text in *texts {
            ensure!(ended.err.contains(text), "{arguments:?}: no {text:?} in {}", ended.err);
        }
    }
    Ok(())
}
