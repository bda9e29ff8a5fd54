//! Boards in the style of scripts in the wild: QMP sessions of 2021 and 2022 with numbers as strings,
//! lists of options, PLICs in the layouts of that time. Each runs firmware that uses its own serial
//! line, timer and interrupts.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use boardwright_tests::asm::reg::{A0, A1, S0, S1, S2, S3, T0, T1, ZERO};
use boardwright_tests::asm::{addi, andi, beq, bytes, csrrs, fail, lui, lw, pass, sw};
use boardwright_tests::program::{self, Program, Scratch, root};
use serde_json::Value;

const LAST_LINE: &str = "all interrupts came: powering off";

/// Sends a session, one request a line, and lets the guest run to its end; what it printed.
fn runs(scratch: Scratch, options: &[&str], session: &str) -> Result<String> {
    let firmware = root().join("boards/guest/first-rv64.elf").display().to_string();
    let dir = scratch.path("").display().to_string();
    let (program, mut client) = Program::with_qmp_in(scratch, options)?;
    let session = session.replace("{first}", &firmware).replace("{dir}/", &dir);
    for line in session.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let request: Value = serde_json::from_str(line).with_context(|| line.to_string())?;
        let name = request["execute"].as_str().unwrap_or_default();
        client.execute(name, request["arguments"].clone()).with_context(|| line.to_string())?;
    }
    let ended = program.ended()?;
    ensure!(ended.status.success(), "{ended:?}");
    Ok(ended.out)
}

/// Options and commands mixed, as start-up code does it: harts by `-cpu`, memory by `-m`, the phases
/// by their older names, a CLINT that nobody wires, software before what it is loaded into.
#[test]
fn a_board_of_2021() -> Result<()> {
    let out = runs(
        Scratch::new()?,
        &["-M", "none", "-m", "64K", "-cpu", "rv64", "-preconfig", "-serial", "stdio"],
        r#"
        {"execute": "qom-set", "arguments": {"path": "/machine", "property": "ram-addr", "value": "0x80000000"}}
        {"execute": "x-machine-init", "arguments": {}}
        {"execute": "device_add", "arguments": {"driver": "loader", "id": "fw", "file": "{first}", "cpu-num": "0"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.clint", "id": "clint", "hartid-base": "0", "num-harts": "1", "sip-base": "0x0", "timecmp-base": "0x4000", "time-base": "0xbff8", "aperture-size": "0x10000"}}
        {"execute": "x-sysbus-mmio-map", "arguments": {"device": "clint", "mmio": "0", "addr": "0x2000000"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.plic", "id": "plic", "hart-config": "M", "hartid-base": "0", "num-sources": "53", "num-priorities": "7", "priority-base": "0x4", "pending-base": "0x1000", "enable-base": "0x2000", "enable-stride": "0x80", "context-base": "0x200000", "context-stride": "0x1000", "aperture-size": "0x4000000"}}
        {"execute": "x-sysbus-mmio-map", "arguments": {"device": "plic", "addr": "0xc000000"}}
        {"execute": "qom-set", "arguments": {"path": "plic", "property": "unnamed-gpio-out[1]", "value": "/machine/unattached/device[0]/unnamed-gpio-in[11]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.uart", "id": "uart", "chardev": "serial0"}}
        {"execute": "x-sysbus-mmio-map", "arguments": {"device": "uart", "addr": "0x10013000"}}
        {"execute": "qom-set", "arguments": {"path": "uart", "property": "sysbus-irq[0]", "value": "plic/unnamed-gpio-in[3]"}}
        {"execute": "device_add", "arguments": {"driver": "unimplemented-device", "name": "prci", "size": "0x1000"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.test", "id": "finisher"}}
        {"execute": "x-sysbus-mmio-map", "arguments": {"device": "finisher", "addr": "0x100000"}}
        {"execute": "x-exit-preconfig", "arguments": {}}
        "#,
    )?;
    ensure!(out.contains(LAST_LINE), "{out}");
    Ok(())
}

/// The CPU said by its properties, children as `cpu[N]`, a ROM that the image is loaded into, and
/// wires set from the input's side as well as from the output's.
#[test]
fn a_board_of_2022() -> Result<()> {
    let out = runs(
        Scratch::new()?,
        &["-M", "none", "-preconfig", "-serial", "stdio", "-S"],
        r#"
        {"execute": "next-machine-phase", "arguments": {}}
        {"execute": "device_add", "arguments": {"driver": "riscv.hart_array", "id": "cpus", "cpu-type": "rv64-riscv-cpu,i=true,g=false,m=true,a=true,f=true,d=true,c=true,s=false,u=false,x-b=true,mmu=false", "num-cpus": "1", "resetvec": "0x80000000"}}
        {"execute": "qom-set", "arguments": {"path": "cpus/cpu[0]", "property": "pmp", "value": "True"}}
        {"execute": "qom-set", "arguments": {"path": "cpus/cpu[0]", "property": "num-pmp-regions", "value": "8"}}
        {"execute": "device_add", "arguments": {"driver": "loader", "file": "{first}", "cpu-num": 0}}
        {"execute": "device_add", "arguments": {"driver": "sysbus-memory", "id": "ram", "size": "0x4000", "readonly": "false"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "ram", "addr": "2147483648"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.aclint.swi", "id": "swi", "hartid-base": "0", "num-harts": "1", "sswi": "0"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "swi", "addr": "0x2000000"}}
        {"execute": "qom-set", "arguments": {"path": "cpus/cpu[0]", "property": "unnamed-gpio-in[3]", "value": "swi/unnamed-gpio-out[0]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.aclint.mtimer", "id": "mtimer", "num-harts": "1", "timecmp-base": "0x0", "time-base": "0x7ff8", "aperture-size": "0x8000", "timebase-freq": "10000000"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "mtimer", "addr": "0x2004000"}}
        {"execute": "qom-set", "arguments": {"path": "mtimer", "property": "unnamed-gpio-out[0]", "value": "cpus/harts[0]/unnamed-gpio-in[7]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.plic", "id": "plic", "hart-config": "M", "num-sources": "0x10", "priority-base": "4", "aperture-size": "0x4000000"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "/machine/peripheral/plic", "addr": "0x0C000000"}}
        {"execute": "qom-set", "arguments": {"path": "/machine/peripheral/plic", "property": "unnamed-gpio-out[1]", "value": "/machine/peripheral/cpus/cpu[0]/unnamed-gpio-in[11]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.uart", "id": "uart", "chardev": "serial0"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "uart", "addr": "0x10013000"}}
        {"execute": "qom-set", "arguments": {"path": "plic", "property": "unnamed-gpio-in[3]", "value": "uart/sysbus-irq[0]"}}
        {"execute": "device_add", "arguments": {"driver": "virtio-mmio", "id": "virtio0"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "virtio0", "addr": "0x10001000"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.test", "id": "finisher"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "finisher", "addr": "0x100000"}}
        {"execute": "finish-machine-init", "arguments": {}}
        {"execute": "cont", "arguments": {}}
        "#,
    )?;
    ensure!(out.contains("hart 0x0, misa") && out.contains(LAST_LINE), "{out}");
    Ok(())
}

/// A board out of options alone, as design-flow tools write them.
#[test]
fn a_board_of_options() -> Result<()> {
    let ended = program::run(&words(
        "-M none -serial stdio \
         -device loader,file=boards/guest/first-rv64.elf,cpu-num=0 \
         -device riscv.hart_array,id=cpus,cpu-type=rv64,num-harts=1 \
         -device sysbus-memory,id=ram,size=16K -device sysbus-mmio-mapping,sysdev=ram,addr=0x80000000 \
         -device riscv.sifive.test,id=finisher -device sysbus-mmio-mapping,sysdev=finisher,addr=0x100000 \
         -device riscv.sifive.clint,id=clint -device sysbus-mmio-mapping,sysdev=clint,addr=0x2000000 \
         -device riscv.sifive.plic,id=plic,hart-config=M \
         -device sysbus-mmio-mapping,sysdev=plic,index=0,addr=0xc000000 \
         -device gpio-connection,output-device=plic,output-name=unnamed-gpio-out,output-number=1,input-device=cpus/harts[0],input-name=unnamed-gpio-in,input-number=11 \
         -device riscv.sifive.uart,id=uart,chardev=serial0 \
         -device sysbus-mmio-mapping,sysdev=uart,addr=0x10013000 \
         -device gpio-connection,output-device=uart,output-name=sysbus-irq,input-device=plic,input-number=3",
    ))?;
    ensure!(ended.status.success() && ended.out.contains(LAST_LINE), "{ended:?}");
    Ok(())
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Source 1 has its priority at the very begin of the PLIC; the UART's interrupt goes through gates.
#[test]
fn a_plic_whose_priorities_begin_at_0() -> Result<()> {
    let expect = |value: u32, wanted: u32, status: u32| {
        let skip = 4 * (fail(status).len() as i32 + 1);
        [vec![beq(value, wanted, skip)], fail(status)].concat()
    };
    let guest = [
        vec![
            lui(S0, 0xc000),
            addi(T0, ZERO, 7),
            sw(T0, S0, 0), // priority of source 1
            lui(S1, 0xc002),
            addi(T0, ZERO, 2),
            sw(T0, S1, 0), // source 1 for context 0
            lui(S2, 0x10013),
            lui(T1, 0x10),
            addi(T1, T1, 1),
            sw(T1, S2, 8), // txctrl: on, watermark 1
            addi(T0, ZERO, 1),
            sw(T0, S2, 0x10), // ie.txwm
            csrrs(A0, 0x344, ZERO),
            andi(A0, A0, -0x800),
            lui(A1, 1),
            addi(A1, A1, -0x800),
        ],
        expect(A0, A1, 1),
        vec![lui(S3, 0xc200), lw(A0, S3, 4), addi(A1, ZERO, 1)],
        expect(A0, A1, 2),
        pass(),
    ]
    .concat();
    let scratch = Scratch::new()?;
    scratch.file("guest", bytes(guest))?;
    runs(
        scratch,
        &["-M", "none", "-preconfig"],
        r#"
        {"execute": "next-machine-phase", "arguments": {}}
        {"execute": "device_add", "arguments": {"driver": "riscv.hart_array", "id": "cpus", "resetvec": "0x20400000"}}
        {"execute": "device_add", "arguments": {"driver": "loader", "file": "{dir}/guest", "addr": "0x20400000", "force-raw": "true"}}
        {"execute": "device_add", "arguments": {"driver": "sysbus-memory", "id": "rom", "size": "0x1000", "readonly": "true"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "rom", "addr": "0x20400000"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.plic", "id": "plic", "hart-config": "M", "num-sources": "0x20", "priority-base": "0"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "plic", "addr": "0xc000000"}}
        {"execute": "qom-set", "arguments": {"path": "plic", "property": "unnamed-gpio-out[1]", "value": "cpus/harts[0]/unnamed-gpio-in[11]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.uart", "id": "uart"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "uart", "addr": "0x10013000"}}
        {"execute": "device_add", "arguments": {"driver": "split-irq", "id": "split", "num-lines": "3"}}
        {"execute": "device_add", "arguments": {"driver": "or-irq", "id": "or", "num-lines": "2"}}
        {"execute": "device-connect", "arguments": {"from": "uart/sysbus-irq", "to": "split/unnamed-gpio-in"}}
        {"execute": "device-connect", "arguments": {"from": "split/unnamed-gpio-out[0]", "to": "or/unnamed-gpio-in[0]", "count": "2"}}
        {"execute": "device-connect", "arguments": {"from": "or/unnamed-gpio-out[0]", "to": "plic/unnamed-gpio-in[1]"}}
        {"execute": "device_add", "arguments": {"driver": "riscv.sifive.test", "id": "finisher"}}
        {"execute": "sysbus-mmio-map", "arguments": {"device": "finisher", "addr": "0x100000"}}
        {"execute": "next-machine-phase", "arguments": {}}
        "#,
    )?;
    Ok(())
}

/// Four harts for OpenSBI, wired in rows: the script that took 302 lines elsewhere.
#[test]
fn four_harts_in_rows() -> Result<()> {
    const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf";
    ensure!(Path::new(OPENSBI).is_file(), "there is no {OPENSBI}: run tests/setup/install.sh");
    let script = "\
machine-set type=none firmware=/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus num-harts=4
device_add driver=sysbus-memory id=ram size=64MiB
device-map device=ram addr=0x80000000
device_add driver=unimplemented-device id=soc name=soc size=0x20000000
device-map device=soc addr=0 priority=-1
device_add driver=riscv.sifive.clint id=clint num-harts=4
device-map device=clint region=clint parent=soc addr=0x02000000
device_add driver=riscv.sifive.plic id=plic hart-config=MS,MS,MS,MS
device-map device=plic parent=soc/soc addr=0x0c000000
device-connect from=plic/unnamed-gpio-out[0..3] to=cpus/harts[0..3]/seip
device-connect from=plic/unnamed-gpio-out[4..7] to=cpus/harts[0..3]/meip
device_add driver=serial-mm id=uart chardev=serial0
device-map device=uart parent=soc addr=0x10000000
device-connect from=uart/sysbus-irq to=plic/unnamed-gpio-in[10]
device_add driver=riscv.sifive.test id=finisher
device-map device=finisher parent=soc addr=0x00100000
set-machine-phase phase=ready
";
    let scratch = Scratch::new()?;
    let file = scratch.file("four.qmp", script)?.display().to_string();
    let mut program = Program::start_in(scratch, &["run", &file, "-serial", "stdio"])?;
    let table = program.wait_for("Boot HART MEDELEG")?;
    for (name, value) in [
        ("Platform HART Count", "4"),
        ("Platform Timer Device", "aclint-mtimer"),
        ("Platform IPI Device", "aclint-mswi"),
        ("Platform Shutdown Device", "sifive_test"),
    ] {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        ensure!(line.contains(value), "{name}: {line}");
    }
    Ok(())
}
