//! The forms in which values of device properties come, and those in which they do not.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Bench;

const SIZE: &str = "expects a size (decimal or 0x hexadecimal, perhaps with a suffix K, M, G or T)";
const INTEGER: &str = "expects an integer (decimal or 0x hexadecimal)";
#[test]
fn numbers_and_booleans_come_in_the_forms_of_scripts_in_the_wild() -> Result<()> {
    // Driver, property, the value as sent, and as it reads.
    let rows: &[(&str, &str, Value, Value)] = &[
        ("sysbus-memory", "size", json!(16384), json!(16384)),
        ("sysbus-memory", "size", json!("16384"), json!(16384)),
        ("sysbus-memory", "size", json!("0x4000"), json!(16384)),
        ("sysbus-memory", "size", json!("0X4000"), json!(16384)),
        ("sysbus-memory", "size", json!("16K"), json!(16384)),
        ("sysbus-memory", "size", json!("1MiB"), json!(1 << 20)),
        ("sysbus-memory", "size", json!("0xffffffffffffffff"), json!(u64::MAX)),
        ("sysbus-memory", "readonly", json!(true), json!(true)),
        ("sysbus-memory", "readonly", json!("true"), json!(true)),
        ("sysbus-memory", "readonly", json!("True"), json!(true)),
        ("sysbus-memory", "readonly", json!("on"), json!(true)),
        ("sysbus-memory", "readonly", json!("False"), json!(false)),
        ("sysbus-memory", "readonly", json!("off"), json!(false)),
        ("riscv.sifive.plic", "num-sources", json!(53), json!(53)),
        ("riscv.sifive.plic", "num-sources", json!("53"), json!(53)),
        ("riscv.sifive.plic", "aperture-size", json!("0x4000000"), json!(0x400_0000)),
        ("riscv.aclint.mtimer", "timebase-freq", json!("0xffffffff"), json!(u32::MAX)),
        (
            "riscv.hart_array",
            "resetvec",
            json!("0x8000_0000".replace('_', "")),
            json!(0x8000_0000_u64),
        ),
        ("serial-mm", "regshift", json!("2"), json!(2)),
    ];
    let mut bench = Bench::board()?;
    for (index, (driver, property, sent, read)) in rows.iter().enumerate() {
        let id = format!("d{index}");
        let mut device = json!({ "driver": driver, "id": id });
        // What the driver cannot do without, or cannot share with the board.
        match *driver {
            "sysbus-memory" => device["size"] = json!(4096),
            "riscv.hart_array" => device["hartid-base"] = json!(8),
            _ => {}
        }
        device[property] = sent.clone();
        bench.client.execute("device_add", device)?;
        let value = bench.client.execute("qom-get", json!({ "path": id, "property": property }))?;
        ensure!(value == *read, "{driver} {property}={sent} reads {value}");
    }
    bench.quit().map(drop)
}

#[test]
fn other_forms_are_refused_with_property_and_form() -> Result<()> {
    let rows: &[(&str, &str, Value, String)] = &[
        ("sysbus-memory", "size", json!("big"), format!("Parameter 'size' {SIZE}, not 'big'")),
        ("sysbus-memory", "size", json!(""), format!("Parameter 'size' {SIZE}, not ''")),
        ("sysbus-memory", "size", json!("1.5M"), format!("Parameter 'size' {SIZE}, not '1.5M'")),
        ("sysbus-memory", "size", json!("16 K"), format!("Parameter 'size' {SIZE}, not '16 K'")),
        ("sysbus-memory", "size", json!("16Q"), format!("Parameter 'size' {SIZE}, not '16Q'")),
        ("sysbus-memory", "size", json!("0x"), format!("Parameter 'size' {SIZE}, not '0x'")),
        (
            "sysbus-memory",
            "size",
            json!("99999999999999999999999"),
            "Parameter 'size' expects uint64".into(),
        ),
        ("sysbus-memory", "size", json!("99999999T"), "Parameter 'size' expects uint64".into()),
        ("sysbus-memory", "size", json!(1.5), "Parameter 'size' expects uint64".into()),
        ("sysbus-memory", "size", json!(null), "Parameter 'size' expects uint64".into()),
        ("sysbus-memory", "size", json!(true), "Parameter 'size' expects uint64".into()),
        ("sysbus-memory", "size", json!([1]), "Parameter 'size' expects uint64".into()),
        (
            "sysbus-memory",
            "readonly",
            json!("TRUE"),
            "Parameter 'readonly' expects 'on' or 'off', not 'TRUE'".into(),
        ),
        (
            "sysbus-memory",
            "readonly",
            json!("1"),
            "Parameter 'readonly' expects 'on' or 'off', not '1'".into(),
        ),
        (
            "sysbus-memory",
            "readonly",
            json!(1),
            "Invalid parameter type for 'readonly', expected: boolean".into(),
        ),
        (
            "riscv.sifive.plic",
            "num-sources",
            json!("many"),
            format!("Parameter 'num-sources' {INTEGER}, not 'many'"),
        ),
        (
            "riscv.sifive.plic",
            "num-sources",
            json!("1K"),
            format!("Parameter 'num-sources' {INTEGER}, not '1K'"),
        ),
        (
            "riscv.sifive.plic",
            "num-sources",
            json!("4294967296"),
            "Parameter 'num-sources' expects uint32_t".into(),
        ),
        (
            "riscv.sifive.plic",
            "hart-config",
            json!(1),
            "Invalid parameter type for 'hart-config', expected: string".into(),
        ),
        (
            "riscv.sifive.uart",
            "chardev",
            json!(0),
            "Invalid parameter type for 'chardev', expected: string".into(),
        ),
        ("serial-mm", "regshift", json!("-1"), "Parameter 'regshift' expects uint8_t".into()),
    ];
    let mut bench = Bench::board()?;
    for (driver, property, sent, expected) in rows {
        let mut device = json!({ "driver": driver, "id": "d" });
        device[property] = sent.clone();
        let text = bench.client.refused("device_add", device)?;
        ensure!(
            text == *expected,
            "{driver} {property}={sent}\n expected {expected}\n received {text}"
        );
        bench
            .client
            .execute("qom-list", json!({ "path": "/machine/peripheral/d" }))
            .err()
            .map_or_else(
                || anyhow::bail!("{driver} {property}={sent} left a device"),
                |_| Ok(()),
            )?;
    }
    bench.good("device_add", "'driver': 'serial-mm', 'id': 'd', 'regshift': '3'")?;
    bench.quit().map(drop)
}
