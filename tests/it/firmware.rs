//! Firmware that others wrote, as Debian packages it: OpenSBI, and U-Boot behind it, on the machines
//! `sifive_dt`, `sifive_u` and `virt` and on a board built from nothing (`boards/opensbi.qmp`), to a prompt that answers,
//! powers off and resets. 32-bit boards run the project's own guest and, where
//! there is one, OpenSBI for 32 bits, which Debian 12 does not have.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::{self, Program, Scratch};

const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf";
const DYNAMIC: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf";
const U_BOOT: &str = "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin";
/// What OpenSBI's banner begins with, once a start.
const BANNER: &str = "OpenSBI v";
/// The last line of the table that OpenSBI prints.
const LAST: &str = "Boot HART MEDELEG";

/// Fails, and says how to get the file, if it is not there.
fn require(path: &str) -> Result<()> {
    ensure!(Path::new(path).is_file(), "there is no {path}: run tests/setup/install.sh");
    Ok(())
}

/// The value of a line `NAME : VALUE` of OpenSBI's table.
fn row<'a>(table: &'a str, name: &str) -> Result<&'a str> {
    let mut rows = table.lines().filter_map(|line| line.split_once(':'));
    let found = rows.find(|(left, _)| left.trim() == name).map(|(_, right)| right.trim());
    found.with_context(|| format!("no line '{name}' in\n{table}"))
}

/// What OpenSBI has to find on a board.
struct Expected {
    name: &'static str,
    harts: &'static str,
    console: &'static str,
    isa: &'static str,
    timer: &'static str,
    reboot: &'static str,
    shutdown: &'static str,
    pmp: &'static str,
}

/// Waits for OpenSBI's table and compares it.
fn check_table(program: &mut Program, expected: &Expected) -> Result<()> {
    program.wait_for(LAST)?;
    let table = program.out();
    for (name, value) in [
        ("Platform Name", expected.name),
        ("Platform HART Count", expected.harts),
        ("Platform IPI Device", "aclint-mswi"),
        ("Platform Timer Device", expected.timer),
        ("Platform Console Device", expected.console),
        ("Platform Reboot Device", expected.reboot),
        ("Platform Shutdown Device", expected.shutdown),
        ("Boot HART Base ISA", expected.isa),
        ("Boot HART PMP Count", expected.pmp),
    ] {
        assert_eq!(row(&table, name)?, value, "{name}\n{table}");
    }
    Ok(())
}

/// Waits until the console has a text so many times.
fn wait_for_times(program: &mut Program, text: &str, times: usize) -> Result<()> {
    let begin = Instant::now();
    while program.out().matches(text).count() < times {
        if begin.elapsed() > PATIENCE || !program.is_running() {
            bail!(
                "not {times} times {text:?}\n--- out\n{}\n--- err\n{}",
                program.out(),
                program.err()
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Gets U-Boot from its start to its prompt, the so many-th time.
fn prompt(program: &mut Program, times: usize) -> Result<()> {
    // The prompt comes without a key as well, but only after U-Boot has looked for a network.
    wait_for_times(program, "Hit any key to stop autoboot", times)?;
    let prompts = program.out().matches("=> ").count();
    program.type_in("\r")?;
    wait_for_times(program, "=> ", prompts + 1)
}

/// Gives U-Boot a command; what it answers, up to the next prompt.
fn command(program: &mut Program, line: &str) -> Result<String> {
    let before = program.out();
    program.type_in(&format!("{line}\r"))?;
    wait_for_times(program, "=> ", before.matches("=> ").count() + 1)?;
    Ok(program.out()[before.len()..].to_string())
}

/// OpenSBI's table, then U-Boot: questions, a reset, the same again, and power off.
fn check_boot(mut program: Program, expected: &Expected, memory: u64) -> Result<()> {
    check_table(&mut program, expected)?;
    prompt(&mut program, 1)?;
    let out = program.out();
    assert!(out.contains(&format!("Model: {}", expected.name)), "{out}");

    let info = command(&mut program, "bdinfo")?;
    assert!(info.contains("-> start    = 0x0000000080000000"), "{info}");
    assert!(info.contains(&format!("-> size     = {memory:#018x}")), "{info}");
    let version = command(&mut program, "version")?;
    assert!(version.contains("U-Boot 20") && version.contains("gcc"), "{version}");

    program.type_in("reset\r")?;
    wait_for_times(&mut program, BANNER, 2)?;
    prompt(&mut program, 2)?;
    let again = command(&mut program, "version")?;
    assert!(again.contains("U-Boot 20"), "{again}");

    program.type_in("poweroff\r")?;
    let ended = program.ended()?;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(ended.out.contains("poweroff ..."), "{}", ended.out);
    assert_eq!(ended.out.matches(BANNER).count(), 2, "{}", ended.out);
    Ok(())
}

const ON_SIFIVE_DT: Expected = Expected {
    name: "Boardwright sifive_dt",
    harts: "1",
    console: "sifive_uart",
    isa: "rv64imac",
    timer: "aclint-mtimer @ 10000000Hz",
    reboot: "sifive_test",
    shutdown: "sifive_test",
    pmp: "16",
};
const ON_FOUR_HARTS: Expected = Expected {
    name: "boardwright,none",
    harts: "4",
    console: "uart8250",
    isa: "rv64imafdc",
    ..ON_SIFIVE_DT
};
const ON_VIRT: Expected = Expected { name: "riscv-virtio,qemu", harts: "2", ..ON_FOUR_HARTS };
const ON_SIFIVE_U: Expected = Expected {
    name: "SiFive HiFive Unleashed A00",
    harts: "2",
    console: "sifive_uart",
    isa: "rv64imafdc",
    timer: "aclint-mtimer @ 1000000Hz",
    // Pin 10 of the GPIO controller; nothing powers the board off.
    reboot: "gpio-restart",
    shutdown: "---",
    pmp: "8",
};

#[test]
fn opensbi_and_u_boot_run_on_sifive_dt() -> Result<()> {
    require(OPENSBI)?;
    require(U_BOOT)?;
    let program =
        Program::start(&["-M", "sifive_dt", "-bios", OPENSBI, "-kernel", U_BOOT, "-nographic"])?;
    check_boot(program, &ON_SIFIVE_DT, 128 << 20)
}

#[test]
fn opensbi_and_u_boot_run_on_a_board_built_by_command() -> Result<()> {
    require(OPENSBI)?;
    require(U_BOOT)?;
    check_boot(Program::start(&["run", "boards/opensbi.qmp"])?, &ON_FOUR_HARTS, 256 << 20)
}

#[test]
fn opensbi_and_u_boot_run_on_sifive_u() -> Result<()> {
    require(OPENSBI)?;
    require(U_BOOT)?;
    for (smp, harts) in [(None, "2"), (Some("5"), "5")] {
        let mut arguments = vec!["-M", "sifive_u", "-nographic", "-bios", OPENSBI];
        arguments.extend(["-kernel", U_BOOT]);
        arguments.extend(smp.iter().flat_map(|smp| ["-smp", smp]));
        let mut program = Program::start(&arguments)?;
        check_table(&mut program, &Expected { harts, ..ON_SIFIVE_U })?;
        // The E51 has no supervisor mode for what comes after.
        assert_ne!(row(&program.out(), "Boot HART ID")?, "0");
        prompt(&mut program, 1)?;
        program.type_in("reset\r")?;
        wait_for_times(&mut program, BANNER, 2)?;
        prompt(&mut program, 2)?;
    }
    Ok(())
}

#[test]
fn opensbi_and_u_boot_run_on_virt() -> Result<()> {
    require(DYNAMIC)?;
    require(OPENSBI)?;
    require(U_BOOT)?;
    for (firmware, machine) in [(OPENSBI, "virt"), (DYNAMIC, "virt,aclint=on")] {
        let arguments =
            ["-M", machine, "-nographic", "-smp", "2", "-bios", firmware, "-kernel", U_BOOT];
        check_boot(Program::start(&arguments)?, &ON_VIRT, 128 << 20)?;
    }
    Ok(())
}

/// Starts U-Boot on a virt with what options ask for, and gives it lines.
fn u_boot_on_virt(options: &[&str], lines: &[(&str, &str)]) -> Result<()> {
    require(OPENSBI)?;
    require(U_BOOT)?;
    let usual = ["-M", "virt", "-nographic", "-bios", OPENSBI, "-kernel", U_BOOT];
    let mut program = Program::start(&[&usual, options].concat())?;
    prompt(&mut program, 1)?;
    for (line, answer) in lines {
        let said = command(&mut program, line)?;
        ensure!(said.contains(answer), "{line}: {said}");
    }
    Ok(())
}

/// U-Boot finds the flash of virt by its query, and its driver erases and programs it. What it has
/// done is in the image of a drive, in whole sectors; a bank that is read only refuses it.
#[test]
fn u_boot_writes_the_flash_of_virt() -> Result<()> {
    let scratch = Scratch::new()?;
    let image = |name: &str| -> Result<PathBuf> {
        let path = scratch.file(name, [])?;
        std::fs::File::options().write(true).open(&path)?.set_len(32 << 20)?;
        Ok(path)
    };
    let (first, second) = (image("first.img")?, image("second.img")?);
    let of =
        |path: &Path, more: &str| format!("if=pflash,format=raw,file={}{more}", path.display());
    let (writable, fixed) = (of(&first, ",unit=0"), of(&second, ",unit=1,readonly=on"));
    u_boot_on_virt(
        &["-drive", &fixed, "-drive", &writable],
        &[
            ("flinfo 1", "Intel Extended command set, Manufacturer ID: 0x89, Device ID: 0x0018"),
            ("md.l 20000000 1", "20000000: 00000000"),
            ("protect off all", "=> "),
            ("erase 20000000 2001ffff", "Erased 1 sectors"),
            ("md.l 2001fffc 1", "2001fffc: ffffffff"),
            ("md.l 20040000 1", "20040000: 00000000"),
            ("mw.l 84000000 12345678 100", "=> "),
            ("cp.b 84000000 20000100 100", "Copy to Flash... done"),
            ("cmp.b 84000000 20000100 100", "Total of 256 byte(s) were the same"),
            ("md.l 20000200 1", "20000200: ffffffff"),
            ("erase 22000000 2203ffff", "Erased"),
            ("md.l 22000000 1", "22000000: 00000000"),
        ],
    )?;
    let written = std::fs::read(&first)?;
    let words: Vec<u8> = 0x1234_5678_u32.to_le_bytes().repeat(64);
    assert!(written[..0x100].iter().all(|byte| *byte == 0xff));
    assert_eq!(written[0x100..0x200], words);
    assert!(written[0x200..0x4_0000].iter().all(|byte| *byte == 0xff));
    assert!(written[0x4_0000..].iter().all(|byte| *byte == 0));
    assert!(std::fs::read(&second)?.iter().all(|byte| *byte == 0));
    // Another machine finds it there.
    let node = format!("driver=file,node-name=bank,filename={}", first.display());
    let options = ["-blockdev", &node, "-machine", "pflash0=bank"];
    u_boot_on_virt(&options, &[("md.l 20000100 1", "20000100: 12345678")])
}

#[test]
fn opensbi_that_is_told_where_to_go_runs_on_sifive_u() -> Result<()> {
    require(DYNAMIC)?;
    require(U_BOOT)?;
    let arguments = ["-M", "sifive_u", "-nographic", "-bios", DYNAMIC, "-kernel", U_BOOT];
    let mut program = Program::start(&arguments)?;
    check_table(&mut program, &ON_SIFIVE_U)?;
    prompt(&mut program, 1)
}

#[test]
fn every_hart_of_the_board_takes_part() -> Result<()> {
    require(OPENSBI)?;
    require(U_BOOT)?;
    let mut program = Program::start(&["run", "boards/opensbi.qmp"])?;
    check_table(&mut program, &ON_FOUR_HARTS)?;
    // A hart has a star where it may be started; the one that boots is chosen by a race.
    let table = program.out();
    assert_eq!(row(&table, "Domain0 HARTs")?, "0*,1*,2*,3*");
    let hart: u32 = row(&table, "Boot HART ID")?.parse()?;
    assert!(hart < 4, "{table}");
    // The script's firmware is one of Debian's, not a copy of ours.
    assert!(program.err().contains(OPENSBI), "{}", program.err());
    Ok(())
}

#[test]
fn firmware_may_also_come_by_a_loader() -> Result<()> {
    require(OPENSBI)?;
    let board = script("boards/opensbi.qmp", |line| match line {
        line if line.starts_with("machine-set") => "machine-set type=none".into(),
        line if line.contains("id=cpus") => format!("{line} resetvec=0x80000000"),
        line if line.contains("device=ram") => {
            format!("{line}\ndevice_add driver=loader id=firmware file={OPENSBI}")
        }
        line => line.into(),
    })?;
    let mut program = run_script(board)?;
    check_table(&mut program, &ON_FOUR_HARTS)
}

#[test]
fn a_32_bit_board_runs_its_guest_to_the_end() -> Result<()> {
    let ended = program::run(&["run", "boards/first-rv32.qmp"])?;
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.out.contains("RV32, hart 0x0"), "{}", ended.out);
    for cause in ["mcause 0x80000007", "mcause 0x8000000b", "mcause 0x80000003", "powering off"] {
        assert!(ended.out.contains(cause), "{cause}: {}", ended.out);
    }
    Ok(())
}

#[test]
fn firmware_of_the_wrong_width_is_refused() -> Result<()> {
    require(OPENSBI)?;
    let ended = program::run(&["-M", "sifive_dt", "-cpu", "rv32", "-bios", OPENSBI, "-nographic"])?;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("it is for RV64 and the board's harts are RV32"), "{}", ended.err);
    Ok(())
}

/// OpenSBI for 32 bits: where a Debian package would put it, or a file of one's own.
const OPENSBI_32: &str = "/usr/lib/riscv32-linux-gnu/opensbi/generic/fw_jump.elf";

/// A known gap, checked: Debian 12 has OpenSBI for 64 bits only. Whoever has it for 32 bits names
/// the file in `BOARDWRIGHT_OPENSBI32`; a Debian that has it is noticed here.
fn opensbi_32() -> Result<Option<PathBuf>> {
    if let Some(own) = std::env::var_os("BOARDWRIGHT_OPENSBI32") {
        return Ok(Some(own.into()));
    }
    let package = PathBuf::from(OPENSBI_32);
    if package.is_file() {
        return Ok(Some(package));
    }
    let elsewhere: Vec<_> = ["/usr/lib/riscv32-linux-gnu", "/usr/lib/opensbi"]
        .iter()
        .filter(|path| std::path::Path::new(path).exists())
        .collect();
    anyhow::ensure!(elsewhere.is_empty(), "Debian has a 32-bit OpenSBI in {elsewhere:?}: use it");
    Ok(None)
}

#[test]
fn opensbi_32_runs_on_sifive_dt() -> Result<()> {
    let Some(firmware) = opensbi_32()? else { return Ok(()) };
    let firmware = firmware.display().to_string();
    let arguments = ["-M", "sifive_dt", "-cpu", "rv32", "-bios", &firmware, "-nographic"];
    let mut program = Program::start(&arguments)?;
    check_table(&mut program, &Expected { isa: "rv32imac", ..ON_SIFIVE_DT })
}

#[test]
fn opensbi_32_runs_on_a_board_built_by_command() -> Result<()> {
    let Some(firmware) = opensbi_32()? else { return Ok(()) };
    let board = script("boards/opensbi.qmp", |line| match line {
        line if line.starts_with("machine-set") => {
            format!("machine-set type=none firmware={}", firmware.display())
        }
        line => line.replace("cpu-type=rv64", "cpu-type=rv32"),
    })?;
    let mut program = run_script(board)?;
    check_table(&mut program, &Expected { isa: "rv32imafdc", ..ON_FOUR_HARTS })
}

/// A script of the repository with some of its lines changed.
fn script(path: &str, change: impl Fn(&str) -> String) -> Result<String> {
    let text = std::fs::read_to_string(program::root().join(path))?;
    Ok(text.lines().map(|line| change(line) + "\n").collect())
}

/// Runs a script that is not in the repository.
fn run_script(text: String) -> Result<Program> {
    let scratch = Scratch::new()?;
    scratch.file("board.qmp", text)?;
    Program::start_in(scratch, &["run", "{dir}/board.qmp"])
}
