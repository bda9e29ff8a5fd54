//! Device trees of 1,000 and 10,000 devices: read as a board, and written from it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use super::Row;
use super::side::Side;

const SIZES: [u32; 2] = [1_000, 10_000];
/// Sources of a PLIC, which has no source 0.
const SOURCES: u32 = 1023;

/// The rows of this part.
pub(crate) fn measure(ours: &Side, _peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in SIZES {
        let file = scratch.join(format!("tree-{size}.dts"));
        std::fs::write(&file, source(size))?;
        let machine = format!("sifive_dt,dtb={}", file.display());
        let options = ["-M", &machine, "-S", "-nodefaults"].map(String::from);
        let (mut session, took) = ours.start(&options, scratch)?;
        rows.push(Row::alone(format!("a tree of {size} devices: start to `ready`"), took, 1));
        let begin = Instant::now();
        session.client.execute("board-to-dt", json!({}))?;
        let took = begin.elapsed();
        rows.push(Row::alone("the same: `board-to-dt`, with what is dropped", took, 1));
        let begin = Instant::now();
        session.client.execute("dt-compare", json!({ "path": file }))?;
        rows.push(Row::alone("the same: `dt-compare`", begin.elapsed(), 1));
        session.quit()?;
    }
    Ok(rows)
}

/// A tree of so many UARTs on as many PLICs as they need.
fn source(size: u32) -> String {
    let mut text = String::from(
        "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; cpus { #address-cells = <1>; \
         #size-cells = <0>; timebase-frequency = <1000000>; cpu@0 { reg = <0>; \
         riscv,isa = \"rv64imac\"; hart: interrupt-controller { #interrupt-cells = <1>; }; }; }; \
         memory@80000000 { device_type = \"memory\"; reg = <0 0x80000000 0 0x4000000>; };\n",
    );
    // Writing to a text cannot fail.
    for plic in 0..size.div_ceil(SOURCES) {
        let target = if plic == 0 { "interrupts-extended = <&hart 11>; " } else { "" };
        let _ = writeln!(
            text,
            "plic{plic}: plic@{:x} {{ compatible = \"riscv,plic0\"; reg = <{} 0 0 0x4000000>; \
             {target}#interrupt-cells = <1>; riscv,ndev = <{SOURCES}>; }};",
            u64::from(plic + 1) << 32,
            plic + 1
        );
    }
    for number in 0..size {
        let at = 0x1000_0000 + number * 0x1000;
        let _ = writeln!(
            text,
            "serial@{at:x} {{ compatible = \"sifive,uart0\"; reg = <0 {at:#x} 0 0x1000>; \
             interrupts-extended = <&plic{} {}>; }};",
            number / SOURCES,
            number % SOURCES + 1
        );
    }
    text + "};\n"
}
