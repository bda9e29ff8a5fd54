//! The machines: each is built, and firmware runs on it as on the board rebuilt from nothing.

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{self, Program, Scratch};
use serde_json::json;

/// The names of all machines.
fn machines() -> Result<Vec<String>> {
    let (_program, mut client) = Program::with_qmp(&["-preconfig", "-M", "none"])?;
    let answer = client.ask(&json!({ "execute": "query-machines" }))?;
    let machines = answer["return"].as_array().context("no list of machines")?;
    Ok(machines.iter().filter_map(|one| Some(one["name"].as_str()?.to_string())).collect())
}

#[test]
fn every_machine_gets_ready() -> Result<()> {
    let machines = machines()?;
    for known in ["none", "sifive_dt", "sifive_e", "sifive_u", "virt"] {
        ensure!(machines.iter().any(|machine| machine == known), "{known}: {machines:?}");
    }
    for machine in machines {
        let (_program, mut client) = Program::with_qmp(&["-M", &machine, "-S", "-serial", "null"])?;
        let answer = client.ask(&json!({ "execute": "query-machine-phase" }))?;
        assert_eq!(answer, json!({ "return": { "phase": "ready" } }), "{machine}");
    }
    Ok(())
}

/// Options, and what is wrong with them.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["-M", "sifive_e", "-smp", "2"],
        "Invalid SMP CPUs 2. The max CPUs supported by machine 'sifive_e' is 1",
    ),
    (
        &["-M", "sifive_u", "-smp", "1"],
        "Invalid SMP CPUs 1. The min CPUs supported by machine 'sifive_u' is 2",
    ),
    (
        &["-M", "sifive_u", "-smp", "6"],
        "Invalid SMP CPUs 6. The max CPUs supported by machine 'sifive_u' is 5",
    ),
    (&["-M", "sifive_e", "-m", "32K"], "Invalid RAM size, should be 16 KiB"),
    (&["-M", "sifive_e", "-kernel", "/no/where"], "Cannot read '/no/where'"),
    (&["-M", "sifive_e,msel=1"], "msel"),
    (
        &["-M", "virt", "-smp", "513"],
        "Invalid SMP CPUs 513. The max CPUs supported by machine 'virt' is 512",
    ),
    (&["-M", "virt,aia=aplic"], "'aia' does not accept value 'aplic' (accepted: none)"),
    (
        &["-M", "virt,acpi=on"],
        "Machine 'virt' has no ACPI tables: leave 'acpi' out, or say acpi=off",
    ),
    (&["-M", "virt,iommu-sys=on"], "Machine 'virt' has no IOMMU"),
    (&["-M", "virt,usb=on"], "Machine 'virt' has no USB controller"),
];

/// Files, what they begin with and how long they are; options; and what is wrong with them.
type Software =
    (&'static [(&'static str, &'static [u8], usize)], &'static [&'static str], &'static str);

const NO_SOFTWARE: &[Software] = &[
    (&[("k", b"", 0)], &["-kernel", "{dir}/k"], "Cannot load '{dir}/k': the file is empty"),
    (
        &[("k", b"\x7fELF\x02\x01\x01", 16)],
        &["-kernel", "{dir}/k"],
        "Cannot load ELF file '{dir}/k': ",
    ),
    (
        &[("k", b"\x1f\x8b\x08", 100)],
        &["-kernel", "{dir}/k"],
        "Cannot load kernel '{dir}/k': it cannot be unpacked by gzip",
    ),
    (
        &[("k", b"\xfd7zXZ\0", 100)],
        &["-kernel", "{dir}/k"],
        "Cannot load kernel '{dir}/k': it is compressed by xz: unpack it first (unxz)",
    ),
    (
        &[("k", b"\x13", 4), ("i", b"", 40 << 20)],
        &["-m", "32M", "-kernel", "{dir}/k", "-initrd", "{dir}/i"],
        "Cannot load '{dir}/i': its 0x2800000 bytes do not fit into the memory behind the kernel, \
         which ends at 0x80000004: give the machine more memory (-m)",
    ),
    (
        &[("k", b"\x13", 33 << 20)],
        &["-m", "32M", "-kernel", "{dir}/k"],
        "Cannot load '{dir}/k': 0x2100000 bytes at 0x80000000 are not all memory",
    ),
    (&[("k", b"\x13", 4)], &["-kernel", "{dir}/k", "-dtb", "{dir}/k"], "{dir}/k"),
];

#[test]
fn software_that_cannot_be_started_is_refused() -> Result<()> {
    for (files, options, problem) in NO_SOFTWARE {
        let scratch = Scratch::new()?;
        for (name, begin, size) in *files {
            let mut bytes = begin.to_vec();
            bytes.resize(*size, 0);
            std::fs::write(scratch.path(name), bytes)?;
        }
        let place = scratch.path("").display().to_string();
        let filled = |text: &str| text.replace("{dir}/", &place);
        let options: Vec<String> = options.iter().map(|option| filled(option)).collect();
        let mut arguments = vec!["-M", "virt", "-bios", "none", "-nographic"];
        arguments.extend(options.iter().map(String::as_str));
        let ended = program::run(&arguments)?;
        ensure!(ended.status.code() == Some(1), "{arguments:?}: {ended:?}");
        ensure!(ended.err.contains(&filled(problem)), "{problem}: {}", ended.err);
    }
    Ok(())
}

#[test]
fn what_a_machine_cannot_be_is_refused() -> Result<()> {
    for (options, problem) in REFUSED {
        let ended = program::run(options)?;
        ensure!(ended.status.code() == Some(1), "{options:?}: {ended:?}");
        ensure!(ended.err.contains(problem), "{options:?}: {}", ended.err);
    }
    Ok(())
}

/// What `boards/guest/fe310.s` prints: every line is an interrupt that came through the PLIC, except
/// the first and those about what the flash holds.
const FE310: &str = "\
FE310 guest: misa 0x40101105, oscillator 0xc0100004\r
pin 5 rises: source 0xd\r
comparator 0: source 0x28\r
a pulse on pin 19: source 0x1b\r
the clock rings: source 0x2\r
the watchdog barks: source 0x1\r
the flash answers: source 0x5\r
the flash is 0x9d6018\r
programmed and read: 0xcafe, in place: 0xfffffeca\r
the watchdog has bitten: done\r
";

#[test]
fn the_devices_of_the_fe310_interrupt_on_the_machine_and_on_a_board_from_nothing() -> Result<()> {
    let machine = ["-M", "sifive_e", "-kernel", "boards/guest/fe310.elf", "-nographic"];
    for arguments in [&machine[..], &["run", "boards/hifive1.qmp"]] {
        let mut program = Program::start(arguments)?;
        program.wait_for("done\r\n")?;
        assert_eq!(program.out(), FE310, "{arguments:?}");
    }
    Ok(())
}
