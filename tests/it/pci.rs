//! PCI: Debian's kernel on virtio devices behind a host bridge, which come and go while it runs; and
//! what is refused. Where there is no kernel, what needs it is not tried (see `linux.rs`).

use anyhow::{Context, Result, ensure};
use boardwright_tests::client::Client;
use boardwright_tests::linux::{Linux, NETWORK};
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript;
use serde_json::{Value, json};

/// Debian builds its kernel without the driver of hot plug ports, so the shell is that driver, by the
/// port's registers: it waits for the button, turns power on or off and has the bus looked at.
const PORT: &str = r#"export PATH=/bin
/bin/busybox --install -s /bin
mkdir /sys
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
port=/sys/bus/pci/devices/0000:00:01.0/config
# Slot control and slot status.
control=108
status=110
word() { hexdump -s $1 -n 2 -e '1/2 "%d"' $port; }
put() { printf "$2" | dd of=$port bs=2 seek=$(($1/2)) conv=notrunc 2>/dev/null; }
button() {
  until [ $(($(word $status) & 1)) = 1 ]; do usleep 10000; done
  put $status '\377\1'
}
on() { put $control '\300\1'; echo 1 >/sys/bus/pci/rescan; }
blink() { put $control '\300\2'; }
keep() { put $control '\300\1'; }
off() { put $control '\300\7'; }
present() { echo present $(($(word $status) >> 6 & 1)); }
ids() { cd /sys/bus/pci/devices; for d in *; do echo $d $(cat $d/vendor $d/device $d/class); done; cd /; }
"#;

/// A disk comes, is kept once and goes the second time; a network card comes into the same slot.
const LINES: &str = r#"
ids
dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c
present
echo is there
button; on
until [ -e /dev/vda ]; do usleep 10000; done
echo disk $(ids | grep 0000:01)
head -c 16 /dev/vda
echo written >/dev/vda
sync
echo has a disk
button; blink; keep
echo keeps it
button; blink
echo 1 >/sys/bus/pci/devices/0000:01:00.0/remove
off
present
ls /dev/vda
button; on
until [ -e /sys/class/net/eth0 ]; do usleep 10000; done
cat >/given <<'END'
#!/bin/sh
[ "$1" = bound ] && echo given $ip
END
chmod +x /given
ifconfig eth0 up
udhcpc -i eth0 -n -q -f -s /given 2>/dev/null
poweroff -f
"#;

fn qdev_ids(client: &mut Client) -> Result<Vec<String>> {
    let buses = client.execute("query-pci", json!({}))?;
    let mut ids = Vec::new();
    collect(&buses, &mut ids);
    Ok(ids)
}

fn collect(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| collect(one, ids)),
        Value::Object(all) => {
            ids.extend(all.get("qdev_id").and_then(Value::as_str).map(str::to_owned));
            all.values().for_each(|one| collect(one, ids));
        }
        _ => {}
    }
}

#[test]
fn devices_come_and_go_under_debians_kernel() -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let scratch = Scratch::new()?;
    let disk = scratch.file("disk", [b"of the host 3210".as_slice(), &[0; 1 << 16]].concat())?;
    let (initrd, drive) = (scratch.path("initrd"), format!("file={},format=raw", disk.display()));
    let modules: Vec<&str> = NETWORK.iter().chain(&["virtio_blk", "virtio-rng"]).copied().collect();
    linux.initrd_with(&initrd, &modules, &format!("{PORT}{LINES}"))?;
    let given = format!(
        "-M virt -smp 2 -m 256M -nographic -nodefaults -serial stdio -kernel {} -initrd {} \
         -append console=ttyS0 -device pcie-root-port,id=rp0,chassis=1 -device virtio-rng-pci \
         -drive {drive},if=none,id=d0 -netdev user,id=n0",
        linux.kernel.display(),
        initrd.display(),
    );
    let given: Vec<&str> = given.split_whitespace().collect();
    let (mut program, mut client) = Program::with_qmp_in(scratch, &given)?;
    program.wait_for("is there").context("the kernel does not come so far")?;
    let disk0 = json!({ "driver": "virtio-blk-pci", "id": "disk0", "bus": "rp0", "drive": "d0" });
    let refused = client.refused("device_add", json!({ "driver": "virtio-rng-pci" }))?;
    ensure!(refused == "Bus 'pcie.0' does not support hotplugging", "{refused}");

    client.execute("device_add", disk0)?;
    program.wait_for("has a disk")?;
    ensure!(qdev_ids(&mut client)?.contains(&"disk0".to_string()));
    client.execute("device_del", json!({ "id": "disk0" }))?;
    let kept = client.wait_event("DEVICE_UNPLUG_GUEST_ERROR")?;
    ensure!(kept["data"]["path"] == "/machine/peripheral/disk0", "{kept}");
    program.wait_for("keeps it")?;
    client.execute("device_del", json!({ "id": "disk0" }))?;
    let backend = client.wait_event("DEVICE_DELETED")?;
    ensure!(backend["data"]["device"].is_null(), "{backend}");
    let gone = client.wait_event("DEVICE_DELETED")?;
    ensure!(gone["data"]["device"] == "disk0", "{gone}");
    ensure!(!qdev_ids(&mut client)?.contains(&"disk0".to_string()));
    ensure!(std::fs::read(&disk)?.starts_with(b"written\n"), "the disk was written");
    program.wait_for("No such file")?;

    let card = json!({ "driver": "virtio-net", "id": "card", "bus": "rp0", "netdev": "n0" });
    client.execute("device_add", card)?;
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    let out = ended.out.replace('\r', "");
    for line in [
        "0000:00:00.0 0x1b36 0x0008 0x060000\n0000:00:01.0 0x1b36 0x000c 0x060400\n\
         0000:00:02.0 0x1af4 0x1005 0x00ff00\n16\npresent 0\n",
        "disk 0000:01:00.0 0x1af4 0x1042 0x010000\nof the host 3210",
        "present 0\nls: /dev/vda: No such file or directory\n",
        "given 10.0.2.15\n",
        "reboot: Power down",
    ] {
        ensure!(out.contains(line), "{line:?} is not in\n{out}");
    }
    Ok(())
}

/// What comes before the guest runs is there from the start, wherever it is; texts are QEMU's.
#[test]
fn cold_and_hot_by_command() -> Result<()> {
    transcript::check(
        "-M virt -preconfig -S",
        r#"
        -> set-machine-phase phase=initialized
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=pcie-root-port id=rp0 chassis=1 multifunction=on addr="4.0"
        <- {}
        -> device_add driver=pcie-root-port id=rp1 chassis=2 addr="4.1"
        <- {}
        -> device_add driver=pcie-root-port chassis=2
        <- GenericError: Can't add chassis slot, error -16: slot 0 of chassis 2 is that of 'rp1': give another chassis or slot
        -> device_add driver=virtio-rng id=r0 bus=rp0
        <- {}
        -> device_add driver=virtio-rng id=r1 bus=rp0
        <- GenericError: PCI: no slot/function available for virtio-rng-pci, all in use or reserved: bus 'rp0' is full
        -> device_add driver=virtio-rng id=r1 bus=rp0 addr="0.1"
        <- GenericError: PCI: single function device can't be populated in function 0.1
        -> device_add driver=virtio-rng id=r1 addr="5.3"
        <- {}
        -> device_add driver=virtio-rng-pci addr="5"
        <- GenericError: PCI: 5.0 indicates single function, but 5.3 is already populated.
        -> device_add driver=virtio-rng id=r2 bus=virtio-mmio-bus.2
        <- {}
        -> set-machine-phase phase=ready
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> device_del id=r2
        <- GenericError: Bus 'virtio-mmio-bus.2' does not support hotplugging
        -> device_add driver=sysbus-memory size=4KiB
        <- GenericError: Bus 'main-system-bus' does not support hotplugging
        -> device_add driver=virtio-rng-pci id=f1 bus=rp1 addr="0.1"
        <- {}
        -> device_add driver=virtio-rng-pci id=f0 bus=rp1 addr="0.0" multifunction=on
        <- {}
        -> device_add driver=virtio-rng-pci bus=rp1 addr="0.2"
        <- GenericError: PCI: slot 0 function 0 already occupied by virtio-rng-pci, new func virtio-rng-pci cannot be exposed to guest.
        -> device_del id=r0
        <- {}
        "#,
    )
}
