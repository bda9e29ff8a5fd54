//! `board-log`: every command that has made the board, with its place.

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch, root};
use boardwright_tests::transcript::words;
use serde_json::{Value, json};

/// A line an entry: number, origin, place, command, what it is about.
fn log(client: &mut Client) -> Result<Vec<String>> {
    let entries = client.execute("board-log", json!({}))?;
    let entries = entries.as_array().context("no list")?;
    Ok(entries
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            let arguments = &entry["arguments"];
            let about = ["id", "device", "path", "type"].iter().find_map(|key| arguments.get(*key));
            let about = about.and_then(Value::as_str).unwrap_or_default();
            format!(
                "{} {} [{}] {} {about}",
                entry["number"],
                text("origin"),
                text("place"),
                text("command")
            )
        })
        .collect())
}

#[test]
fn each_command_is_told_once_with_the_place_it_came_from() -> Result<()> {
    let options = "-M none -m 1M -preconfig -device riscv.hart_array,id=cpus";
    let (_program, mut client) = Program::with_qmp(&words(options))?;
    client.talk(
        r#"
        -> board-log
        <- *
        -> qom-set path=/machine property=append value=quiet
        <- {}
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=sysbus-memory id=ram size=64KiB
        <- {}
        -> device_add driver=sysbus-memory id=ram size=64KiB
        <- GenericError: Duplicate device ID 'ram'
        -> qom-get path=ram property=size
        <- 65536
        -> human-monitor-command {"command-line": "device_add riscv.sifive.test,id=test"}
        <- ""
        -> x-sysbus-mmio-map device=test addr=0x100000
        <- {}
        "#,
    )?;
    let log = log(&mut client)?;
    let expected = [
        "1 option [option -M none] machine-set none",
        "2 client [QMP client 1 at compat_monitor0] qom-set /machine",
        "3 machine [machine none] device_add machine.ram",
        "4 machine [machine none] sysbus-mmio-map machine.ram",
        "5 option [option -device riscv.hart_array,id=cpus] device_add cpus",
        "6 client [QMP client 1 at compat_monitor0] device_add ram",
        "7 client [QMP client 1 at compat_monitor0] device_add test",
        "8 client [QMP client 1 at compat_monitor0] x-sysbus-mmio-map test",
    ];
    assert_eq!(log, expected);
    Ok(())
}

#[test]
fn scripts_are_told_with_file_and_line_and_clients_with_their_request() -> Result<()> {
    let scratch = Scratch::new()?;
    let script = scratch.file(
        "b.qmp",
        "machine-set type=none\n\nset-machine-phase phase=initialized\ndevice_add driver=sysbus-memory \\\n  id=ram size=4K\n",
    )?;
    let script = script.display().to_string();
    let monitor = "unix:{dir}/qmp,server=on,wait=off";
    let program = Program::start_in(scratch, &["run", &script, "-qmp", monitor])?;
    let mut client = Client::connect(&program.scratch().path("qmp"))?;
    client.send(
        json!({ "execute": "sysbus-mmio-map", "arguments": { "device": "ram", "addr": 0 }, "id": "m7" })
            .to_string(),
    )?;
    client.read()?;
    let expected = [
        format!("1 script [{script}:1] machine-set none"),
        format!("2 script [{script}:4] device_add ram"),
        "3 client [QMP client 1 at compat_monitor0, request \"m7\"] sysbus-mmio-map ram".into(),
    ];
    assert_eq!(log(&mut client)?, expected);
    Ok(())
}

#[test]
fn what_a_device_tree_asks_for_is_told_with_its_node() -> Result<()> {
    let tree = root().join("emulator/machines-data/sifive_dt.dts").display().to_string();
    for (option, file) in [
        ("sifive_dt".to_string(), String::new()),
        (format!("sifive_dt,dtb={tree}"), format!("{tree}: ")),
    ] {
        let (_program, mut client) = Program::with_qmp(&["-M", &option, "-S"])?;
        let log = log(&mut client)?;
        let harts = log.iter().find(|line| line.contains("device_add"));
        let harts = harts.context("no device")?.split_once(' ').map(|(_, entry)| entry);
        assert_eq!(harts, Some(&*format!("device-tree [{file}/cpus/cpu@0] device_add cpus")));
        assert!(
            log.iter().skip(1).all(|line| line.contains(&format!("device-tree [{file}/"))),
            "{log:?}"
        );
    }
    Ok(())
}
