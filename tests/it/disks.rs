//! Disks: Debian's kernel with a file system on virtio, and what is left of a disk when the program
//! is killed. Where there is no kernel, what needs it is not tried (see `linux.rs`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use boardwright_tests::client::Client;
use boardwright_tests::linux::{DISK, EXT4, Linux};
use boardwright_tests::program::{Program, Scratch, run};
use serde_json::{Value, json};

const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";

/// What a guest needs to have before it uses its disk.
const PREPARE: &str = "export PATH=/bin
for name in cat dd md5sum mkdir mount poweroff umount; do /bin/busybox ln -s busybox /bin/$name; done
mount -t devtmpfs dev /dev
mkdir /mnt
";

fn linux() -> Option<Linux> {
    let linux = Linux::fetched();
    if linux.is_none() {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
    }
    linux
}

/// Does something with a program of the host, as root's path has it.
fn host(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .output()
        .with_context(|| format!("no {program}: run tests/setup/install.sh"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{program} {arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}

/// Makes an image of so many MiB with a file system that has one file, `piece`.
fn ext4(files: &Scratch, image: &Path, mebibytes: u64) -> Result<()> {
    let folder = files.path("folder");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("piece"), piece())?;
    std::fs::File::create(image)?.set_len(mebibytes << 20)?;
    host("mkfs.ext4", &["-q", "-d", text(&folder)?, text(image)?]).map(drop)
}

/// A MiB of which no two words are alike.
fn piece() -> Vec<u8> {
    (0..1_u32 << 18).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect()
}

/// What has the disk.
#[derive(Clone, Copy)]
enum On<'a> {
    /// The board of `boards/linux.qmp`, with these parameters.
    Script(&'a [&'a str]),
    /// Machine `virt`, by QEMU's options, with this driver: a legacy transport in memory, or PCI.
    Virt(&'a str),
}

/// Boots a kernel with an image of a format as its disk, and has its shell execute these lines.
fn boot(image: &Path, format: &str, on: On<'_>, lines: &str) -> Result<Option<Program>> {
    let Some(linux) = linux() else { return Ok(None) };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    let modules: Vec<&str> = DISK.iter().chain(EXT4).copied().collect();
    linux.initrd_with(&initrd, &modules, &format!("{PREPARE}{lines}"))?;
    let (image, initrd, kernel) = (text(image)?, text(&initrd)?, text(&linux.kernel)?);
    let given = match on {
        On::Script(parameters) => {
            let given =
                format!("run boards/linux.qmp disk={image} format={format} initrd={initrd}");
            format!("{given} {}", parameters.join(" "))
        }
        On::Virt(driver) => format!(
            "-M virt -m 256M -nographic -bios {OPENSBI} -kernel {kernel} -initrd {initrd} \
             -append console=ttyS0 -drive file={image},format={format},id=d0,if=none \
             -device {driver},drive=d0"
        ),
    };
    Program::start_in(scratch, &given.split_whitespace().collect::<Vec<_>>()).map(Some)
}

/// A file as large as this many MiB is written, flushed and read again by another mount.
fn keeps_a_file(image: &Path, format: &str, mebibytes: u32, on: On<'_>) -> Result<()> {
    let lines = format!(
        "echo begins to write
mount -t ext4 /dev/vda /mnt
i=0; while [ $i -lt {mebibytes} ]; do cat /mnt/piece; i=$((i+1)); done >/mnt/big
umount /mnt
echo has written
mount -t ext4 /dev/vda /mnt
md5sum /mnt/big
umount /mnt
poweroff -f
"
    );
    let files = Scratch::new()?;
    let expected = files.file("expected", piece().repeat(mebibytes as usize))?;
    let expected = host("md5sum", &[text(&expected)?])?;
    let expected = expected.split_whitespace().next().context("no sum")?;
    let Some(mut program) = boot(image, format, on, &lines)? else { return Ok(()) };
    program.wait_for("begins to write")?;
    program.wait_for("has written")?;
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    ensure!(ended.out.contains(&format!("{expected}  /mnt/big")), "{expected}:\n{}", ended.out);
    Ok(())
}

/// The same on an image of a format, which is in order after that.
fn a_disk_keeps_a_file(format: &str, mebibytes: u32, on: On<'_>) -> Result<()> {
    let files = Scratch::new()?;
    let (raw, image) = (files.path("disk.img"), files.path("disk"));
    ext4(&files, &raw, u64::from(mebibytes) + 48)?;
    host("qemu-img", &["convert", "-O", format, text(&raw)?, text(&image)?])?;
    std::fs::remove_file(&raw)?;
    keeps_a_file(&image, format, mebibytes, on)?;
    match format {
        "raw" => host("e2fsck", &["-fn", text(&image)?])?,
        _ => host("qemu-img", &["check", text(&image)?])?,
    };
    Ok(())
}

#[test]
fn a_raw_disk_of_virt_keeps_256_mib() -> Result<()> {
    a_disk_keeps_a_file("raw", 256, On::Virt("virtio-blk-device"))
}

#[test]
fn a_raw_disk_on_pci_keeps_256_mib() -> Result<()> {
    a_disk_keeps_a_file("raw", 256, On::Virt("virtio-blk-pci"))
}

#[test]
fn a_raw_disk_keeps_a_file_on_a_modern_transport() -> Result<()> {
    a_disk_keeps_a_file("raw", 16, On::Script(&["harts=2"]))
}

#[test]
fn a_raw_disk_keeps_a_file_by_packed_queues() -> Result<()> {
    a_disk_keeps_a_file("raw", 16, On::Script(&["harts=1", "packed=on"]))
}

#[test]
fn a_qcow2_disk_keeps_a_file() -> Result<()> {
    a_disk_keeps_a_file("qcow2", 32, On::Script(&["harts=1"]))
}

/// A guest writes one record after the other and flushes each, and says so; the program is killed.
/// What was flushed is there.
fn outlasts_a_kill(format: &str, records: u32) -> Result<()> {
    let files = Scratch::new()?;
    let image = files.path("disk");
    host("qemu-img", &["create", "-f", format, text(&image)?, "64M"])?;
    let lines = "i=0
while true; do
  i=$((i+1))
  echo record $i | dd of=/dev/vda bs=64k seek=$i conv=sync,fsync,notrunc 2>/dev/null
  echo flushed $i.
done
";
    let Some(mut program) = boot(&image, format, On::Script(&["harts=1"]), lines)? else {
        return Ok(());
    };
    program.wait_for(&format!("flushed {records}."))?;
    host("kill", &["-9", &program.id().to_string()])?;
    while program.is_running() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let flushed = program.out().lines().filter(|line| line.starts_with("flushed ")).count();
    let raw = files.path("raw");
    host("qemu-img", &["check", "-f", "qcow2", text(&image)?])
        .or_else(|error| if format == "raw" { Ok(String::new()) } else { Err(error) })?;
    host("qemu-img", &["convert", "-f", format, "-O", "raw", text(&image)?, text(&raw)?])?;
    let bytes = std::fs::read(&raw)?;
    for record in 1..=flushed {
        let expected = format!("record {record}\n");
        let found = bytes.get(record << 16..).and_then(|rest| rest.get(..expected.len()));
        ensure!(found == Some(expected.as_bytes()), "{record} of {flushed} is lost");
    }
    Ok(())
}

/// Once, or as often as `BOARDWRIGHT_KILLS` says: each time it comes after another record.
fn outlasts_kills(format: &str) -> Result<()> {
    let rounds = std::env::var("BOARDWRIGHT_KILLS").map_or(Ok(1), |rounds| rounds.parse())?;
    for round in 0..rounds {
        outlasts_a_kill(format, 20 + round % 17).with_context(|| format!("in round {round}"))?;
        println!("{format}: {} of {rounds}", round + 1);
    }
    Ok(())
}

#[test]
fn what_is_flushed_outlasts_a_kill_on_a_raw_disk() -> Result<()> {
    outlasts_kills("raw")
}

#[test]
fn what_is_flushed_outlasts_a_kill_on_a_qcow2_disk() -> Result<()> {
    outlasts_kills("qcow2")
}

/// A file system of 6 MiB of which 4 are in use, that only the program sees, with images that do not
/// fit on it.
const SMALL: &[&str] = &[
    "unshare",
    "-Urm",
    "sh",
    "-c",
    "mount -t tmpfs -o size=6m small {dir}/small && head -c 4194304 /dev/zero >{dir}/small/other &&
     truncate -s 8M {dir}/small/stops {dir}/small/reports {dir}/small/ignores && exec \"$@\"",
    "sh",
];

/// What the guest does with the disk of a serial number.
const FILL: &str = "mkdir /sys; mount -t sysfs sys /sys
fill() {
  for disk in vda vdb vdc; do
    [ $(cat /sys/block/$disk/serial) = $1 ] || continue
    dd if=/dev/zero of=/dev/$disk bs=64k count=64 conv=fsync 2>/dev/null
    echo status $? of $1
  done
}
";

#[test]
fn a_disk_of_the_host_that_is_full_stops_the_guest_until_there_is_room() -> Result<()> {
    let Some(linux) = linux() else { return Ok(()) };
    if host("unshare", &["-Urm", "true"]).is_err() {
        eprintln!("not tried: this host gives no mounts of one's own");
        return Ok(());
    }
    let scratch = Scratch::new()?;
    std::fs::create_dir(scratch.path("small"))?;
    let initrd = scratch.path("initrd");
    let order = "fill stops; fill reports; fill ignores; poweroff -f\n";
    linux.initrd_with(&initrd, DISK, &format!("{PREPARE}{FILL}{order}"))?;
    let (kernel, initrd) = (text(&linux.kernel)?, text(&initrd)?);
    let mut given = format!(
        "-M virt -m 128M -nographic -kernel {kernel} -initrd {initrd} -append console=ttyS0"
    );
    for (name, policy) in
        [("stops", ""), ("reports", ",werror=report"), ("ignores", ",werror=ignore")]
    {
        given.push_str(&format!(
            " -drive file={{dir}}/small/{name},format=raw,id={name},if=none{policy} \
             -device virtio-blk-device,drive={name},serial={name}"
        ));
    }
    let given: Vec<&str> = given.split_whitespace().collect();
    let (program, mut client) = Program::with_qmp_by(SMALL, scratch, &given)?;
    let event = client.wait_event("BLOCK_IO_ERROR")?;
    let data = &event["data"];
    ensure!(
        data["device"] == "stops"
            && data["action"] == "stop"
            && data["operation"] == "write"
            && data["nospace"] == true,
        "{event}"
    );
    client.wait_event("STOP")?;
    let status = client.execute("query-status", json!({}))?;
    ensure!(status == json!({ "running": false, "status": "io-error" }), "{status}");
    let of_disk = |client: &mut Client, name: &str| -> Result<Value> {
        let all = client.execute("query-block", json!({}))?;
        let found = all.as_array().into_iter().flatten().find(|one| one["device"] == name);
        Ok(found.context("no such drive")?["io-status"].clone())
    };
    ensure!(of_disk(&mut client, "stops")? == "nospace");
    // As long as there is no room, it stops again.
    client.execute("cont", json!({}))?;
    client.wait_event("BLOCK_IO_ERROR")?;
    client.wait_event("STOP")?;
    // Its own view of the files: nobody else has the small one.
    let seen =
        format!("/proc/{}/root{}/other", program.id(), program.scratch().path("small").display());
    std::fs::remove_file(&seen).context(seen)?;
    client.execute("cont", json!({}))?;
    // The second finds little room and is told so, the third is told nothing.
    let event = client.wait_event("BLOCK_IO_ERROR")?;
    ensure!(event["data"]["device"] == "reports" && event["data"]["action"] == "report", "{event}");
    ensure!(of_disk(&mut client, "stops")? == "ok");
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    for line in ["status 0 of stops", "status 1 of reports", "status 0 of ignores"] {
        ensure!(ended.out.contains(line), "{line} is not in\n{}", ended.out);
    }
    Ok(())
}

/// `-drive` and `-blockdev` that cannot be: the refusal, after the option.
#[test]
fn images_that_cannot_be_opened_are_refused_in_qemus_words() -> Result<()> {
    let files = Scratch::new()?;
    let dir = text(&files.path(""))?.trim_end_matches('/').to_string();
    files.file("disk.img", vec![0; 4096])?;
    files.file("cut.qcow2", b"QFI\xfb\0\0\0\x03")?;
    let make = |arguments: &str| {
        let arguments = arguments.replace("{d}", &dir);
        let words: Vec<&str> = arguments.split_whitespace().collect();
        host("qemu-img", &[&["create", "-q", "-f", "qcow2"], words.as_slice()].concat())
    };
    make("-b {d}/none.img -F raw -u {d}/lost.qcow2 1M")?;
    make("-b {d}/second.qcow2 -F qcow2 -u {d}/first.qcow2 1M")?;
    make("-b {d}/first.qcow2 -F qcow2 -u {d}/second.qcow2 1M")?;
    make("{d}/half.qcow2 1M")?;
    std::fs::File::options().write(true).open(files.path("half.qcow2"))?.set_len(100_000)?;
    host("mkfifo", &[&format!("{dir}/fifo")])?;
    let rows = [
        (
            "-drive",
            "file={d}/none.img,if=none,id=d",
            "Could not open '{d}/none.img': No such file or directory",
        ),
        ("-drive", "file={d},if=none,id=d,format=raw", "Is a directory"),
        ("-drive", "file={d}/cut.qcow2,if=none,id=d", "Could not open '{d}/cut.qcow2'"),
        (
            "-drive",
            "file={d}/lost.qcow2,if=none,id=d",
            "Backing file \"{d}/none.img\": Could not open '{d}/none.img': No such file or directory",
        ),
        (
            "-drive",
            "file={d}/first.qcow2,if=none,id=d,readonly=on",
            "the backing files lead back to '{d}/first.qcow2'",
        ),
        ("-drive", "file={d}/half.qcow2,if=none,id=d", "is it truncated? Repair it"),
        ("-drive", "file={d}/fifo,if=none,id=d", "requires '{d}/fifo' to be a regular file"),
        (
            "-drive",
            "file={d}/fifo,format=raw,if=none,id=d,readonly=on",
            "requires '{d}/fifo' to be a regular file",
        ),
        (
            "-drive",
            "file=/dev/null,format=raw,if=none,id=d",
            "requires '/dev/null' to be a regular file",
        ),
        (
            "-drive",
            "file={d}/disk.img,if=none,id=d,rerror=enospc",
            "'enospc' invalid read error action",
        ),
        ("-drive", "file={d}/disk.img,format=qcow2,if=none,id=d", "Could not open '{d}/disk.img'"),
        ("-drive", "file={d}/disk.img,format=vhd,if=none,id=d", "vhd"),
        ("-drive", "if=none,id=d", "names no image: add file=PATH"),
        ("-drive", "file={d}/disk.img,if=ide", "expected if=none, if=virtio or if=pflash"),
        (
            "-blockdev",
            "raw,file.driver=file,file.filename={d}/disk.img",
            "'node-name' must be specified",
        ),
        ("-blockdev", "raw,node-name=n,file=other", "Cannot find device='' nor node-name='other'"),
        ("-blockdev", "raw,node-name=n", "Parameter 'file' is missing"),
    ];
    for (option, value, expected) in rows {
        let (value, expected) = (value.replace("{d}", &dir), expected.replace("{d}", &dir));
        let ended = run(&["-M", "none", "-S", "-monitor", "none", option, &value])?;
        ensure!(ended.status.code() != Some(0), "{value}: {ended:?}");
        ensure!(ended.err.contains(&expected), "{value}: {expected} is not in\n{}", ended.err);
    }
    Ok(())
}
