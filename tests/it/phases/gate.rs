//! Which command is permitted in which phase: every command in every phase.

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::Program;
use serde_json::{Value, json};

/// The phases, and the command that enters each from the one before.
const PHASES: &[(&str, &str)] = &[
    ("no-machine", ""),
    ("machine-created", r#"machine-set {"type": "none"}"#),
    ("accel-created", "accel-set"),
    ("initialized", "next-machine-phase"),
    ("ready", "next-machine-phase"),
];

/// Where commands are permitted, written by hand from boards-by-command.md: what the schema says
/// must be this. A letter a phase: n(o-machine) m(achine-created) a(ccel-created) i(nitialized)
/// r(eady).
const PERMITTED: &[(&str, &str)] = &[
    ("qmp_capabilities", "nmair"),
    ("query-version", "nmair"),
    ("query-commands", "nmair"),
    ("board-diff", "ir"),
    ("board-dump", "ir"),
    ("board-log", "mair"),
    ("board-undo", "i"),
    ("transaction", "i"),
    ("query-name", "nmair"),
    ("query-qmp-schema", "nmair"),
    ("query-machines", "nmair"),
    ("query-cpu-definitions", "nmair"),
    ("query-cpu-model-expansion", "nmair"),
    ("query-status", "nmair"),
    ("query-chardev", "nmair"),
    ("x-compat-set", "nmair"),
    ("chardev-add", "nmair"),
    ("chardev-remove", "nmair"),
    ("query-chardev-backends", "nmair"),
    ("netdev_add", "nmair"),
    ("netdev_del", "nmair"),
    ("set_link", "nmair"),
    ("x-query-netdev", "nmair"),
    ("x-hostfwd-add", "nmair"),
    ("x-hostfwd-remove", "nmair"),
    ("ringbuf-read", "nmair"),
    ("ringbuf-write", "nmair"),
    ("blockdev-add", "nmair"),
    ("blockdev-del", "nmair"),
    ("x-drive-add", "nmair"),
    ("x-fsdev-add", "nmair"),
    ("query-block", "nmair"),
    ("query-named-block-nodes", "nmair"),
    ("block_resize", "nmair"),
    ("object-add", "nmair"),
    ("object-del", "nmair"),
    ("query-machine-phase", "nmair"),
    ("next-machine-phase", "nmair"),
    ("advance-machine-phase", "nmair"),
    ("set-machine-phase", "nmair"),
    ("human-monitor-command", "nmair"),
    ("device-list-properties", "nmair"),
    ("dt-to-board", "nmair"),
    ("board-to-dt", "ir"),
    ("dt-compare", "ir"),
    ("qom-list-types", "nmair"),
    ("qom-list-properties", "nmair"),
    ("quit", "nmair"),
    ("snapshot-load", "r"),
    ("snapshot-save", "r"),
    ("machine-set", "n"),
    ("accel-set", "m"),
    ("x-exit-preconfig", "air"),
    ("x-machine-init", "air"),
    ("finish-machine-init", "mai"),
    ("cont", "mair"),
    ("qom-set", "mair"),
    ("device_add", "ir"),
    ("board-draw", "ir"),
    ("sysbus-mmio-map", "i"),
    ("query-board-lint", "ir"),
    ("board-lint-unwaive", "i"),
    ("board-lint-waive", "i"),
    ("x-sysbus-mmio-map", "i"),
    ("device-map", "i"),
    ("device-unmap", "i"),
    ("device-connect", "i"),
    ("device-disconnect", "i"),
    ("device-list", "ir"),
    ("device_del", "ir"),
    ("query-reset-tree", "ir"),
    ("set-action", "nmair"),
    ("x-rtc-set", "nmai"),
    ("x-icount-set", "nmai"),
    ("x-query-icount", "r"),
    ("stop", "r"),
    ("inject-nmi", "r"),
    ("query-pci", "r"),
    ("balloon", "r"),
    ("query-balloon", "r"),
    ("system_reset", "r"),
    ("system_powerdown", "r"),
    ("system_wakeup", "r"),
    ("query-current-machine", "r"),
    ("query-cpus-fast", "r"),
    ("query-unmodelled", "r"),
];

/// The phases of a command out of the letters.
fn phases(letters: &str) -> Vec<&'static str> {
    PHASES.iter().map(|(name, _)| *name).filter(|name| letters.contains(&name[..1])).collect()
}

/// Commands with their permitted phases, as introspection tells them.
fn introspect(client: &mut Client) -> Result<Vec<(String, Vec<String>)>> {
    let schema = client.execute("query-qmp-schema", json!({}))?;
    let entries = schema.as_array().context("no array")?;
    let commands = entries.iter().filter(|entry| entry["meta-type"] == "command");
    Ok(commands
        .map(|command| {
            let phases = match command["allowed-phases"].as_array() {
                Some(list) => list.iter().filter_map(|p| p.as_str().map(String::from)).collect(),
                None => vec![String::from("ready")],
            };
            (command["name"].as_str().unwrap_or_default().into(), phases)
        })
        .collect())
}

/// Tries a command with an argument that none has, so that nothing happens either way: the gate
/// stands before the arguments.
fn try_command(client: &mut Client, phase: &str, name: &str, permitted: &[String]) -> Result<()> {
    let answer = client.try_execute(name, json!({ "zz": 1 }))?;
    if permitted.iter().any(|permitted| permitted == phase) {
        let desc = answer["error"]["desc"].as_str().unwrap_or_default();
        assert!(
            desc == "Parameter 'zz' is unexpected"
                || (desc.starts_with("Parameter '") && desc.ends_with("' is missing")),
            "{name} at {phase}: {answer}"
        );
    } else {
        let expected = json!({ "error": {
            "class": "GenericError",
            "desc": format!("The command '{name}' is not permitted at this phase"),
            "data": { "command": name, "phase": phase, "allowed-phases": permitted },
        }});
        assert_eq!(answer, expected, "{name} at {phase}");
    }
    Ok(())
}

#[test]
fn every_command_in_every_phase() -> Result<()> {
    // With a standing guest: nothing but the phase changes between the rounds.
    let (_program, mut client) = Program::with_qmp(&["-S"])?;
    let commands = introspect(&mut client)?;
    for (phase, enter) in PHASES {
        if !enter.is_empty() {
            client.talk(&format!(
                "-> {enter}\n<- event MACHINE_PHASE_CHANGE {{\"phase\": \"{phase}\"}}\n<- {{}}"
            ))?;
        }
        for (name, permitted) in &commands {
            try_command(&mut client, phase, name, permitted)?;
        }
        assert_eq!(client.phase()?, *phase, "nothing that was tried may have happened");
        let listed = client.execute("query-commands", json!({}))?;
        let expected: Vec<Value> = commands
            .iter()
            .map(|(name, permitted)| {
                json!({ "name": name, "permitted": permitted.iter().any(|one| one == phase) })
            })
            .collect();
        assert_eq!(listed, json!(expected), "query-commands at {phase}");
        let unknown = client.try_execute("no-such-command", json!({ "zz": 1 }))?;
        assert_eq!(unknown["error"]["class"], "CommandNotFound", "{unknown}");
    }
    Ok(())
}

#[test]
fn the_schema_permits_what_was_agreed() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    let commands = introspect(&mut client)?;
    for (name, letters) in PERMITTED {
        let (_, told) = commands.iter().find(|(known, _)| known == name).context(*name)?;
        assert_eq!(told, &phases(letters), "{name}");
    }
    Ok(())
}
