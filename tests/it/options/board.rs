//! Options that make a board, beside the commands that make the same.

use anyhow::Result;
use boardwright_tests::client::Client;
use boardwright_tests::program::Program;
use boardwright_tests::transcript::{check, words};
use serde_json::{Value, json};

/// Every option has its command: the same board, made both ways, is the same.
#[test]
fn an_option_is_the_command_it_stands_for() -> Result<()> {
    let options = concat!(
        "-M none,ram-addr=0x40000000 -m 64K -cpu rv32 -smp 2 -S ",
        "-device sysbus-memory,id=rom,size=4K,readonly=on ",
        r#"-device {"driver":"sysbus-memory","id":"ram","size":65536} "#,
        "-device riscv.sifive.plic,id=plic,hart-config=MS,,MS,num-sources=32 ",
        "-device driver=riscv.sifive.uart,id=uart,chardev=serial0",
    );
    let commands = r#"
        -> machine-set {"type": "none", "ram-addr": 1073741824, "memory": 65536, "cpu": "rv32", "smp": {"cpus": 2}}
        <- event MACHINE_PHASE_CHANGE {"phase": "machine-created"}
        <- {}
        -> set-machine-phase phase=initialized
        <- event MACHINE_PHASE_CHANGE {"phase": "accel-created"}
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=sysbus-memory id=rom size=4KiB readonly=true
        <- {}
        -> device_add driver=sysbus-memory id=ram size=0x10000
        <- {}
        -> device_add driver=riscv.sifive.plic id=plic hart-config=MS,MS num-sources=32
        <- {}
        -> device_add driver=riscv.sifive.uart id=uart chardev=serial0
        <- {}
        -> set-machine-phase phase=ready
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}"#;
    let (_first, mut by_option) = Program::with_qmp(&words(options))?;
    let (_second, mut by_command) = Program::with_qmp(&["-S"])?;
    by_command.talk(commands)?;
    assert_eq!(describe(&mut by_option)?, describe(&mut by_command)?);
    assert_eq!(by_option.execute("query-cpus-fast", json!({}))?.as_array().map(Vec::len), Some(2));
    Ok(())
}

/// All properties of all devices, and the memory map.
fn describe(client: &mut Client) -> Result<Vec<Value>> {
    let mut all =
        vec![client.execute("human-monitor-command", json!({ "command-line": "info mtree" }))?];
    let children = client.execute("qom-list", json!({ "path": "/machine/peripheral" }))?;
    all.push(children.clone());
    for child in children.as_array().into_iter().flatten().filter(|one| one["name"] != "type") {
        let path = format!("/machine/peripheral/{}", child["name"].as_str().unwrap_or_default());
        for property in
            client.execute("qom-list", json!({ "path": path }))?.as_array().into_iter().flatten()
        {
            let value =
                client.execute("qom-get", json!({ "path": path, "property": property["name"] }))?;
            all.push(json!([path, property, value]));
        }
    }
    assert!(all.len() > 10, "{all:?}");
    Ok(all)
}

#[test]
fn a_client_goes_on_where_the_options_ended() -> Result<()> {
    check(
        concat!(
            "-M none,ram-addr=0x40000000 -m 64K -preconfig ",
            "-device sysbus-memory,id=m0,size=4096 ",
            r#"-device {"driver":"riscv.sifive.plic","id":"plic"}"#,
        ),
        r#"
        -> qom-get path=/machine property=ram-addr
        <- 1073741824
        -> device_add driver=sysbus-memory id=early size=4096
        <- GenericError: The command 'device_add' is not permitted at this phase
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=sysbus-memory id=m0 size=4096
        <- GenericError: Duplicate device ID 'm0'
        -> sysbus-mmio-map device=m0 addr=0x1000
        <- {}
        -> device_add driver=riscv.sifive.uart id=uart
        <- {}
        -> qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[3]
        <- {}
        -> qom-get path=uart property=sysbus-irq[0]
        <- "/machine/peripheral/plic/unnamed-gpio-in[3]"
        -> qom-set path=/machine property=ram-addr value=0x80000000
        <- {}
        -> qom-get path=/machine property=ram-addr
        <- 2147483648
        -> human-monitor-command {"command-line": "info mtree"}
        <- "address-space: memory\r\n  0000000000000000-ffffffffffffffff (prio 0, i/o): system\r\n    0000000000001000-0000000000001fff (prio 0): m0[0]\r\n    0000000080000000-000000008000ffff (prio 0): machine.ram[0]\r\n"
        -> qom-get path=m0 property=hotplugged
        <- false
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}
        -> qom-set path=/machine property=ram-addr value=0
        <- GenericError: Attempt to set property 'ram-addr' on device '/machine' (type 'none-machine') after it was realized
        -> device_add driver=loader id=late addr=0x80000000 data=1 data-len=4
        <- GenericError: Device 'loader' does not support hotplugging
        "#,
    )
}

#[test]
fn options_alone_make_a_machine_that_stands_or_runs() -> Result<()> {
    let standing = r#"{"running": false, "status": "prelaunch"}"#;
    let running = r#"{"running": true, "status": "running"}"#;
    let rows = [
        ("", "no-machine", standing, "{}"),
        ("-S", "no-machine", standing, "{}"),
        ("-M none", "ready", running, "{}"),
        ("-M none -S -name board", "ready", standing, r#"{"name": "board"}"#),
        (
            "-M none -preconfig -name guest=g,debug-threads=on",
            "accel-created",
            standing,
            r#"{"name": "g"}"#,
        ),
        ("-machine sifive_dt,accel=tcg -S -no-user-config -nodefaults", "ready", standing, "{}"),
        ("-machine type=sifive_dt -accel kvm:tcg -cpu rv32", "ready", running, "{}"),
        (
            "-M none -device sysbus-memory,id=m,size=4K -display none -vga none -S",
            "ready",
            standing,
            "{}",
        ),
    ];
    for (options, phase, status, name) in rows {
        check(
            options,
            &format!(
                "-> query-machine-phase\n<- {{\"phase\": \"{phase}\"}}\n-> query-status\n<- {status}\n-> query-name\n<- {name}"
            ),
        )?;
    }
    Ok(())
}
