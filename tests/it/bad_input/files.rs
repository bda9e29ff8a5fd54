//! Files that a loader or the machine's options name.

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{Scratch, root};
use serde_json::json;

use super::{Bench, Row};

const FILES: &[Row] = &[
    (
        "board-draw",
        "'filename': '/no/where/a.svg'",
        "Cannot write '/no/where/a.svg': No such file…",
    ),
    ("board-draw", "'filename': ''", "Cannot write '': …"),
    ("board-draw", "'filename': '{dir}'", "Cannot write '…': Is a directory…"),
    ("board-draw", "'format': 'pdf'", "Parameter 'format' does not accept value 'pdf'"),
    (
        "device_add",
        "'driver': 'loader', 'file': '/no/where'",
        "Cannot read '/no/where': No such file or directory…",
    ),
    ("device_add", "'driver': 'loader', 'file': ''", "Cannot read '': …"),
    ("device_add", "'driver': 'loader', 'file': '{dir}'", "Cannot read '…': …directory…"),
    ("device_add", "'driver': 'loader', 'file': '/dev/zero'", "Cannot read '/dev/zero': …"),
    ("device_add", "'driver': 'loader', 'file': '{dir}/sparse'", "Cannot read '…/sparse': …"),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/empty'",
        "Cannot load '…/empty': the file is empty",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/empty', 'force-raw': true",
        "Cannot load '…/empty': the file is empty",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/magic'",
        "Cannot load ELF file '…/magic': …",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/header'",
        "Cannot load ELF file '…/header': …",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/half'",
        "Cannot load ELF file '…/half': …truncated…",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/x86'",
        "Cannot load ELF file '…/x86': it is for machine …, not RISC-V …",
    ),
    (
        "device_add",
        "'driver': 'loader', 'file': '{dir}/noseg'",
        "Cannot load ELF file '…/noseg': it has nothing to load (no PT_LOAD segment)",
    ),
    ("device_add", "'driver': 'loader', 'file': '{dir}/fat'", "Cannot load ELF file '…/fat': …"),
];

/// Fields of an ELF64 header and of its first program header.
const MACHINE: usize = 18;
const PHNUM: usize = 56;
const PHOFF: usize = 32;
const P_MEMSZ: usize = 40;

/// A directory with broken files, made from the project's own guest.
fn broken_files() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let guest = std::fs::read(root().join("boards/guest/first-rv64.elf"))?;
    let patched = |at: usize, bytes: &[u8]| -> Result<Vec<u8>> {
        let mut copy = guest.clone();
        copy.get_mut(at..at + bytes.len()).context("a short file")?.copy_from_slice(bytes);
        Ok(copy)
    };
    let phoff =
        u64::from_le_bytes(guest.get(PHOFF..PHOFF + 8).context("a short file")?.try_into()?);
    let headers = usize::try_from(phoff)?;
    scratch.file("empty", "")?;
    scratch.file("magic", b"\x7fELF")?;
    scratch.file("header", &guest[..40])?;
    scratch.file("half", &guest[..0x400])?;
    scratch.file("x86", patched(MACHINE, &62_u16.to_le_bytes())?)?;
    scratch.file("noseg", patched(PHNUM, &[0, 0])?)?;
    let mut fat = guest.clone();
    for at in (headers..).step_by(56).take(usize::from(guest[PHNUM])) {
        fat.get_mut(at + P_MEMSZ..at + P_MEMSZ + 8).context("a short file")?.fill(0x7f);
    }
    scratch.file("fat", fat)?;
    std::fs::File::create(scratch.path("sparse"))?.set_len(1 << 40)?;
    Ok(scratch)
}

#[test]
fn files_that_cannot_be_loaded_are_refused_at_once() -> Result<()> {
    let mut bench = Bench::board_in(broken_files()?)?;
    bench.refuses(FILES)?;
    // The test itself is an ELF file for another machine.
    let own = std::env::current_exe()?;
    let text = bench.client.refused("device_add", json!({ "driver": "loader", "file": own }))?;
    ensure!(text.contains("it is for machine") && text.contains("not RISC-V"), "{text}");
    // Raw, any bytes will do.
    bench.good(
        "device_add",
        "'driver': 'loader', 'file': '{dir}/x86', 'force-raw': true, 'addr': '0x80000000'",
    )?;
    bench.good("next-machine-phase", "")?;
    bench.quit().map(drop)
}

#[test]
fn an_image_outside_memory_keeps_the_board_from_ready_until_it_is_mended() -> Result<()> {
    // A loader that asks for the impossible, the refusal of `ready`, and what mends it.
    let rows: &[(&str, &str, &str)] = &[
        (
            "'data': 1, 'data-len': 4, 'addr': '0x40000000'",
            "Cannot load 'loader data': 0x4 bytes at 0x40000000 are not all memory; …",
            "'path': 'image', 'property': 'addr', 'value': '0x80000000'",
        ),
        (
            "'data': 1, 'data-len': 4, 'addr': '0x800ffffe'",
            "Cannot load 'loader data': 0x4 bytes at 0x800ffffe are not all memory; …",
            "'path': 'image', 'property': 'data-len', 'value': 2",
        ),
        (
            "'data': 1, 'data-len': 8, 'addr': '0xffffffffffffffff'",
            "Cannot load 'loader data': 0x8 bytes at 0xffffffffffffffff …",
            "'path': 'image', 'property': 'addr', 'value': '0x80000000'",
        ),
        (
            "'data': 1, 'data-len': 8, 'addr': '0x10013000'",
            "Cannot load 'loader data': 0x8 bytes at 0x10013000 are not all memory; …",
            "'path': 'image', 'property': 'addr', 'value': '0x80000000'",
        ),
        (
            "'file': 'boards/guest/first-rv64.elf', 'force-raw': true, 'addr': '0xfffffffffffffff0'",
            "Cannot load 'boards/guest/first-rv64.elf': … bytes at 0xfffffffffffffff0 …",
            "'path': 'image', 'property': 'addr', 'value': '0x80000000'",
        ),
    ];
    for (loader, refusal, mending) in rows {
        let mut bench = Bench::board()?;
        bench.good("device_add", &format!("'driver': 'loader', 'id': 'image', {loader}"))?;
        for command in ["next-machine-phase", "cont", "finish-machine-init", "next-machine-phase"] {
            bench.refuses(&[(command, "", *refusal)])?;
        }
        bench.good("qom-set", mending)?;
        bench.good("next-machine-phase", "")?;
        ensure!(bench.client.phase()? == "ready");
        bench.good("cont", "")?;
        bench.quit()?;
    }
    Ok(())
}

#[test]
fn software_of_another_width_is_refused() -> Result<()> {
    let guests = root().join("boards/guest");
    for (cpu, guest) in [("rv64", "first-rv32.elf"), ("rv32", "first-rv64.elf")] {
        let mut bench = Bench::empty(Scratch::new()?, &["-S"])?;
        let file = guests.join(guest);
        bench.client.execute(
            "machine-set",
            json!({ "type": "none", "cpu": cpu, "smp": { "cpus": 1 }, "memory": "16M", "ram-addr": "0x80000000" }),
        )?;
        bench.good("set-machine-phase", "'phase': 'initialized'")?;
        bench.client.execute(
            "device_add",
            json!({ "driver": "loader", "id": "image", "file": file, "cpu-num": 0 }),
        )?;
        let error = bench.refused("next-machine-phase", "")?;
        let text = error["desc"].as_str().unwrap_or_default();
        ensure!(
            text.contains(guest) && text.contains("32") && text.contains("64"),
            "{cpu}: {text}"
        );
        let right = guests.join(if cpu == "rv64" { "first-rv64.elf" } else { "first-rv32.elf" });
        bench
            .client
            .execute("qom-set", json!({ "path": "image", "property": "file", "value": right }))?;
        bench.good("next-machine-phase", "")?;
        bench.quit()?;
    }
    Ok(())
}

#[test]
fn software_of_the_machine_is_looked_for_on_entering_ready() -> Result<()> {
    // A machine's property, what is wrong with it, the refusal of `ready`, and what is right.
    let rows: &[(&str, &str, &str, &str)] = &[
        ("firmware", "/no/where", "Cannot read '/no/where': …", "boards/guest/first-rv64.elf"),
        ("firmware", "{dir}/half", "Cannot load ELF file '…/half': …truncated…", "none"),
        ("firmware", "boards/guest/first-rv32.elf", "Cannot load '…': it is for RV32 …", "default"),
        ("kernel", "/no/where", "Cannot read '/no/where': …", "boards/guest/first-rv64.elf"),
        (
            "kernel",
            "{dir}/x86",
            "Cannot load ELF file '…/x86': it is for machine …",
            "boards/first.qmp",
        ),
        ("initrd", "/no/where", "Cannot read '/no/where': …", "boards/first.qmp"),
        ("initrd", "{dir}/empty", "Cannot load '…/empty': the file is empty", "boards/first.qmp"),
        ("dtb", "/no/where", "…/no/where…", "emulator/machines-data/sifive_dt.dts"),
        ("dtb", "{dir}/half", "…/half…", "emulator/machines-data/sifive_dt.dts"),
    ];
    for (property, bad, refusal, good) in rows {
        let mut bench = Bench::empty(broken_files()?, &["-S"])?;
        let machine =
            "'type': 'none', 'memory': '256M', 'ram-addr': '0x80000000', 'smp': {'cpus': 1}";
        bench.good("machine-set", machine)?;
        bench.good("set-machine-phase", "'phase': 'initialized'")?;
        let set = |value: &str| {
            format!("'path': '/machine', 'property': '{property}', 'value': '{value}'")
        };
        bench.good("qom-set", &set(bad))?;
        bench.refuses(&[("next-machine-phase", "", *refusal), ("cont", "", *refusal)])?;
        bench.good("qom-set", &set(good))?;
        bench.good("next-machine-phase", "")?;
        bench.quit()?;
    }
    Ok(())
}
