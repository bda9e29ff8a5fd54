//! CPU types and their properties, as clients ask for them and options set them.

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::Program;
use boardwright_tests::transcript::words;
use serde_json::{Value, json};

/// A type, and the properties that it has with some of them set.
fn expand(client: &mut Client, name: &str, props: Value) -> Result<Value> {
    let model = json!({ "name": name, "props": props });
    let arguments = json!({ "type": "full", "model": model });
    let answer = client.execute("query-cpu-model-expansion", arguments)?;
    assert_eq!(answer["model"]["name"], name);
    Ok(answer["model"]["props"].clone())
}

#[test]
fn types_are_listed_before_there_is_a_machine() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    let list = client.execute("query-cpu-definitions", json!({}))?;
    let list = list.as_array().context("no array")?;
    for (name, fixed) in [
        ("lowrisc-ibex", true),
        ("max", false),
        ("max32", false),
        ("rv32", false),
        ("rv32e", true),
        ("rv32i", true),
        ("rv64", false),
        ("rv64e", true),
        ("rv64i", true),
        ("rva22s64", true),
        ("sifive-e31", true),
        ("sifive-e34", true),
        ("sifive-e51", true),
        ("sifive-u34", true),
        ("sifive-u54", true),
    ] {
        let expected = json!({ "name": name, "static": fixed, "deprecated": false,
            "typename": format!("{name}-riscv-cpu") });
        assert!(list.contains(&expected), "{name}: {list:?}");
        assert!(expand(&mut client, name, json!({}))?["zicsr"].is_boolean());
    }
    Ok(())
}

#[test]
fn an_expansion_tells_what_properties_bring_along() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    for (name, props, property, value) in [
        ("rv64", json!({}), "zba", json!(true)),
        ("rv64", json!({ "zba": false }), "zba", json!(false)),
        ("rv64", json!({ "x-zbkb": true }), "zbkb", json!(true)),
        ("rv64i", json!({ "a": true }), "zalrsc", json!(true)),
        ("rv64", json!({ "a": false }), "zawrs", json!(false)),
        ("rv64", json!({ "mmu": false }), "sv39", json!(false)),
        ("rv64", json!({ "num-pmp-regions": 8 }), "pmp", json!(true)),
        ("rv64", json!({ "priv_spec": "v1.11.0" }), "priv_spec", json!("v1.11.0")),
        ("rv32e-riscv-cpu", json!({}), "e", json!(true)),
        ("sifive-u54", json!({}), "mvendorid", json!(0x489)),
    ] {
        assert_eq!(expand(&mut client, name, props.clone())?[property], value, "{name} {props}");
    }
    // What is told describes the type.
    let all = expand(&mut client, "rva22s64", json!({}))?;
    assert_eq!(expand(&mut client, "rva22s64", all.clone())?, all);
    Ok(())
}

#[test]
fn what_describes_no_cpu_is_refused() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    let cpu = |name: &str, props: Value| json!({ "type": "full", "model": { "name": name, "props": props } });
    for (arguments, text) in [
        (
            json!({ "type": "static", "model": { "name": "host" } }),
            "The requested expansion type is not supported",
        ),
        (cpu("host", json!({})), "The CPU type 'host' is not a known RISC-V CPU type"),
        (cpu("rv64", json!([])), "Invalid parameter type for 'props', expected: dict"),
        (
            cpu("rv64", json!({ "zba": "on" })),
            "Invalid parameter type for 'zba', expected: boolean",
        ),
        (
            cpu("rv64", json!({ "mimpid": true })),
            "Invalid parameter type for 'mimpid', expected: uint64",
        ),
        (
            cpu("rv64", json!({ "priv_spec": 1 })),
            "Invalid parameter type for 'priv_spec', expected: string",
        ),
        (
            cpu("rv64", json!({ "num-pmp-regions": -1 })),
            "CPU property 'num-pmp-regions' expects a number from 0 to 64, not '-1'",
        ),
        (cpu("rv64", json!({ "zbx": true })), "Property 'rv64-riscv-cpu.zbx' not found"),
        (
            cpu("rv64", json!({ "m": true, "zmmul": false })),
            "CPU type 'rv64': 'm' includes 'zmmul': set zmmul=on or m=off",
        ),
    ] {
        let error = client.refused("query-cpu-model-expansion", arguments.clone())?;
        assert!(error.contains(text), "{arguments}: {error}");
    }
    Ok(())
}

/// The harts of a board have the properties that their type says.
#[test]
fn a_hart_tells_its_properties() -> Result<()> {
    let options = words("-M none -cpu rv64,zba=off,Zifencei=off,num-pmp-regions=4 -smp 2 -S");
    let (_program, mut client) = Program::with_qmp(&options)?;
    let mut get = |property: &str| {
        let arguments = json!({ "path": "harts[1]", "property": property });
        client.execute("qom-get", arguments)
    };
    assert_eq!(get("zba")?, false);
    assert_eq!(get("zbb")?, true);
    assert_eq!(get("zifencei")?, false);
    assert_eq!(get("num-pmp-regions")?, 4);
    let arguments = json!({ "path": "harts[0]", "property": "zba", "value": true });
    client.refused("qom-set", arguments)?;
    let list = client.execute("qom-list-properties", json!({ "typename": "rv64-riscv-cpu" }))?;
    let mut names = list.as_array().into_iter().flatten().map(|property| &property["name"]);
    assert!(names.any(|name| name == "svadu"));
    Ok(())
}
