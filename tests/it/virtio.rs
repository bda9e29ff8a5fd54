//! Virtio devices that are neither disk nor network: consoles and channels, the balloon, shared
//! folders. Debian's
//! kernel has them all at once; where there is no kernel, that is not tried (see `linux.rs`).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use boardwright_tests::PATIENCE;
use boardwright_tests::client::Client;
use boardwright_tests::linux::{Linux, SHARED};
use boardwright_tests::program::{Program, Scratch, run};
use serde_json::json;

/// The guest has a second shell on its console, and one program for each other device.
const LINES: &str = r#"export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /sys
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
setsid sh -c 'exec sh </dev/hvc0 >/dev/hvc0 2>&1' &
p=$(echo /dev/vport*p1)
echo port $(cat /sys/class/virtio-ports/vport*p1/name)
until read line <$p; do sleep 1; done
echo heard $line
(echo echo $line; i=0; while [ $i -lt 256 ]; do cat /bin/busybox; i=$((i+64)); done) >$p
echo has written
mkdir /mnt /ro
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 work /mnt
mount -t 9p -o trans=virtio,version=9p2000.L read /ro
echo mounted
read line
echo big $(md5sum </mnt/big)
cp /mnt/big /mnt/copy
mkdir -p /mnt/d/e
mv /mnt/copy /mnt/d/moved
mv /mnt/d /mnt/f
echo moved $(md5sum </mnt/f/moved)
echo of the guest >/mnt/new
rm /mnt/old
ln -s /proc/version /mnt/inner
echo link $(cut -c 1-5 /mnt/inner)
cat /mnt/out/secret || echo stays inside
echo list $(ls /mnt)
cat /ro/new
touch /ro/other
rm -r /ro/f
umount /mnt
umount /ro
echo unmounted
wait
poweroff -f
"#;

/// The lines of the host's side of a socket.
fn connect(path: &Path) -> Result<BufReader<UnixStream>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// Reads until a line has this text.
fn wait_for(from: &mut BufReader<UnixStream>, text: &str) -> Result<String> {
    let mut all = String::new();
    while !all.lines().any(|line| line.contains(text)) {
        let count = from.read_line(&mut all).with_context(|| format!("{text}: {all}"))?;
        ensure!(count > 0, "{text} is not in\n{all}");
    }
    Ok(all)
}

/// The memory that a process has, in KiB.
fn resident(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.split_whitespace().next().context("no number")?.parse()?)
}

fn actual(client: &mut Client) -> Result<u64> {
    let balloon = client.execute("query-balloon", json!({}))?;
    balloon["actual"].as_u64().with_context(|| balloon.to_string())
}

#[test]
fn debians_kernel_has_a_console_a_channel_and_a_balloon() -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    let modules: Vec<&str> =
        ["virtio_mmio", "virtio_balloon"].iter().chain(SHARED).copied().collect();
    linux.initrd_with(&initrd, &modules, LINES)?;
    let work = scratch.path("work");
    std::fs::create_dir(&work)?;
    scratch.file("secret", "secret")?;
    std::fs::write(work.join("old"), "old")?;
    std::os::unix::fs::symlink("..", work.join("out"))?;
    let big: Vec<u8> =
        (0..2_u32 << 20).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    std::fs::write(work.join("big"), &big)?;
    let (console, channel) = (scratch.path("console"), scratch.path("channel"));
    let given = format!(
        "-M virt -m 256M -nodefaults -display none -serial stdio -kernel {} -initrd {} \
         -append console=ttyS0 \
         -chardev socket,path={},server=on,wait=off,id=c0 \
         -chardev socket,path={},server=on,wait=off,id=c1 \
         -device virtio-serial-device,id=serial -device virtconsole,chardev=c0 \
         -device virtserialport,chardev=c1,name=org.example,id=port \
         -device virtio-balloon-device \
         -virtfs local,path={work},mount_tag=work,security_model=none \
         -fsdev local,path={work},id=read,security_model=none,readonly=on \
         -device virtio-9p-device,fsdev=read,mount_tag=read",
        linux.kernel.display(),
        initrd.display(),
        console.display(),
        channel.display(),
        work = work.display(),
    );
    let given: Vec<&str> = given.split_whitespace().collect();
    let (mut program, mut client) = Program::with_qmp_in(scratch, &given)?;
    program.wait_for("port org.example")?;

    // A channel: there and back, and more than is kept of what nobody reads.
    let mut channel = connect(&channel)?;
    channel.get_mut().write_all(b"a word\n")?;
    program.wait_for("heard a word")?;
    let opened = client.wait_event("VSERPORT_CHANGE")?;
    ensure!(opened["data"] == json!({ "id": "port", "open": true }), "{opened}");
    let mut console = connect(&console)?;
    // A line comes back as it is typed: the answer has to be another text.
    let mut shell = |line: &str, answer: &str| {
        console.get_mut().write_all(format!("{line}\n").as_bytes())?;
        wait_for(&mut console, answer)
    };
    // The console answers while the channel is full.
    shell("echo $((6*7)) answers", "42 answers")?;
    wait_for(&mut channel, "echo a word")?;
    let busybox = std::fs::read(linux.kernel.with_file_name("busybox"))?;
    for copy in 0..4 {
        let mut bytes = vec![0; busybox.len()];
        channel.read_exact(&mut bytes).with_context(|| format!("copy {copy}"))?;
        ensure!(bytes == busybox, "copy {copy} is another");
    }
    program.wait_for("has written")?;

    // Ports that come and go.
    let late = json!({ "driver": "virtserialport", "id": "late", "name": "org.late" });
    client.execute("device_add", late.clone())?;
    let names = "cat /sys/class/virtio-ports/*/name";
    shell(&format!("until {names} | grep late; do :; done; echo came $((1+1))"), "came 2")?;
    ensure!(client.refused("device_add", late)?.contains("late"));
    client.execute("device_del", json!({ "id": "late" }))?;
    client.wait_event("DEVICE_DELETED")?;
    shell(&format!("while {names} | grep late; do :; done; echo went $((1+1))"), "went 2")?;

    // Folders: what is in them, what the guest does there, and what it cannot.
    program.wait_for("mounted")?;
    let refused = client.refused("snapshot-save", json!({ "file": initrd.with_extension("s") }))?;
    ensure!(refused.contains("mounted in the guest, by mount_tag"), "{refused}");
    program.type_in("go\n")?;
    let said = program.wait_for("unmounted")?.replace('\r', "");
    let moved = std::fs::read(work.join("f/moved"))?;
    ensure!(moved == big && std::fs::read(work.join("new"))? == b"of the guest\n", "{said}");
    ensure!(work.join("inner").is_symlink() && !work.join("old").exists(), "{said}");
    let sum = said.lines().find_map(|line| line.strip_prefix("big ")).context("no sum")?;
    for line in [
        format!("moved {sum}"),
        "link Linux".into(),
        "stays inside".into(),
        "list big f inner new out".into(),
        "of the guest".into(),
        "touch: /ro/other: Read-only file system".into(),
        "Read-only file system".into(),
    ] {
        ensure!(said.contains(&line), "{line} is not in\n{said}");
    }

    // The balloon: what the guest had in memory becomes the host's.
    let all = actual(&mut client)?;
    ensure!(all == 256 << 20, "{all}");
    shell(
        "dd if=/dev/zero of=/big bs=1M count=96; rm /big; echo 3 >/proc/sys/vm/drop_caches; echo free $((1+1))",
        "free 2",
    )?;
    let before = resident(program.id())?;
    let kept = 112 << 20;
    client.execute("balloon", json!({ "value": kept }))?;
    while actual(&mut client)? > kept {
        client.wait_event("BALLOON_CHANGE")?;
    }
    let after = resident(program.id())?;
    ensure!(after + (64 << 10) < before, "{before} KiB, then {after}");
    // Each question asks the guest, and tells what it has answered so far.
    let total = |client: &mut Client| -> Result<Option<u64>> {
        let balloon = client.execute("query-balloon", json!({}))?;
        Ok(balloon["stats"]["total-memory"].as_u64())
    };
    while total(&mut client)? < Some(1) {}
    client.execute("balloon", json!({ "value": all }))?;
    while actual(&mut client)? < all {
        client.wait_event("BALLOON_CHANGE")?;
    }
    shell("dd if=/dev/zero of=/big bs=1M count=64 && echo room $((1+1))", "room 2")?;

    console.get_mut().write_all(b"exit\n")?;
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    Ok(())
}

/// Devices that cannot be: the options after `-M virt`, and what is said.
#[test]
fn devices_that_cannot_be_are_refused() -> Result<()> {
    let serial = "-device virtio-serial-device,id=s";
    let rows = [
        ("-device virtconsole", "No 'virtio-serial-bus' bus found for device 'virtconsole'"),
        ("-device virtio-serial-device,max_ports=0", "Parameter 'max_ports' expects 1 to 511"),
        ("-device virtio-serial-device,max_ports=512", "maximum ports supported: 511"),
        ("{s} -device virtserialport,nr=0", "Port number 0 on virtio-serial devices reserved for"),
        ("{s} -device virtserialport,nr=31", "Out-of-range port id specified, max. allowed: 30"),
        (
            "{s} -device virtserialport,nr=2 -device virtconsole,nr=2",
            "virtio-serial-bus: A port already exists at id 2",
        ),
        (
            "{s} -device virtconsole,name=a -device virtserialport,name=a",
            "virtio-serial-bus: A port already exists by name a",
        ),
        (
            "-device virtio-serial-device,max_ports=1 -device virtconsole -device virtconsole",
            "virtio-serial-bus: Maximum port limit for this device reached",
        ),
        ("{s} -device virtconsole,bus=t", "Bus 't' not found: 'bus' names a virtio serial device"),
        ("{s} -device virtio-rng-device,bus=s", "'s' is not a virtio transport"),
        ("{s} -device virtserialport,name=", "Parameter 'name' expects 1 to 255 bytes"),
        ("{s} -device virtconsole,chardev=none", "character back end 'none' not found"),
        (
            "{s} -chardev null,id=c -device virtconsole,chardev=c -device virtserialport,chardev=c",
            "in use",
        ),
        ("-device virtio-9p-device,mount_tag=t", "fsdev property not set"),
        ("-device virtio-9p-device,fsdev=f", "mount_tag property not set"),
        ("-device virtio-9p-device,fsdev=f,mount_tag=t", "couldn't find fsdev with the id = f"),
        (
            "-virtfs local,path=/,security_model=none,mount_tag=123456789012345678901234567890123",
            "(33 bytes) is longer than maximum (32 bytes)",
        ),
        ("-virtfs local,path=/,security_model=none", "has no mount_tag: add mount_tag=TAG"),
        ("-fsdev local,path=/,security_model=none", "has no id: add id=NAME"),
        ("-fsdev local,id=f,security_model=none", "Parameter 'path' is missing"),
        ("-fsdev local,id=f,path=/", "Parameter 'security_model' is missing"),
        ("-fsdev local,id=f,path=/,security_model=mapped-file", "mapped-file"),
        ("-fsdev proxy,id=f,path=/,security_model=none", "proxy"),
        (
            "-fsdev local,id=f,path=/dev/null,security_model=none",
            "cannot initialize fsdev 'f': failed to open '/dev/null': Not a directory",
        ),
        (
            "-fsdev local,id=f,path=/,security_model=none -fsdev local,id=f,path=/,security_model=none",
            "Duplicate ID 'f' for fsdev",
        ),
        (
            "-device virtio-balloon-device -device virtio-balloon-pci",
            "Only one balloon device is supported",
        ),
    ];
    for (options, expected) in rows {
        let options = options.replace("{s}", serial);
        let usual = ["-M", "virt", "-bios", "none", "-S", "-display", "none", "-monitor", "none"];
        let given: Vec<&str> = usual.into_iter().chain(options.split_whitespace()).collect();
        let ended = run(&given)?;
        ensure!(ended.status.code() == Some(1), "{options}: {ended:?}");
        ensure!(ended.err.contains(expected), "{options}: {expected} is not in\n{}", ended.err);
    }
    Ok(())
}

#[test]
fn who_has_no_balloon_is_told_so() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&["-M", "none", "-S", "-nodefaults"])?;
    let none = "No balloon device has been activated";
    ensure!(client.refused("query-balloon", json!({}))?.contains(none));
    ensure!(client.refused("balloon", json!({ "value": 1 }))?.contains(none));
    Ok(())
}
