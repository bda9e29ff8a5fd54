//! Device trees that the machine `sifive_dt` cannot make a board from, and those that it can make
//! one from in part.

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{Scratch, root};
use serde_json::json;

use super::{Bench, fits};

/// A small tree that is right; rows change a part of it.
const TREE: &str = r#"/dts-v1/;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	compatible = "test,board";
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		timebase-frequency = <1000000>;
		cpu@0 {
			device_type = "cpu";
			compatible = "riscv";
			reg = <0>;
			riscv,isa = "rv64imac";
			intc: interrupt-controller {
				#interrupt-cells = <1>;
				interrupt-controller;
				compatible = "riscv,cpu-intc";
			};
		};
	};
	memory@80000000 {
		device_type = "memory";
		reg = <0x80000000 0x100000>;
	};
	soc {
		#address-cells = <1>;
		#size-cells = <1>;
		compatible = "simple-bus";
		ranges;
		plic: interrupt-controller@c000000 {
			compatible = "riscv,plic0";
			reg = <0xc000000 0x4000000>;
			#interrupt-cells = <1>;
			interrupt-controller;
			interrupts-extended = <&intc 11>, <&intc 9>;
			riscv,ndev = <31>;
		};
		uart@10000000 {
			compatible = "sifive,uart0";
			reg = <0x10000000 0x1000>;
			interrupt-parent = <&plic>;
			interrupts = <3>;
		};
	};
};
"#;

/// A part of [`TREE`], what it becomes, and the refusal.
const REFUSED: &[(&str, &str, &str)] = &[
    ("reg = <0>;", "reg = <0>", "{file}:1…: …"),
    ("#address-cells = <1>;", "#address-cells = <1;", "{file}:3:21: …"),
    ("interrupts = <3>;", "interrupts = <&nobody>;", "{file}:…nobody…"),
    ("\tcpus {", "\tprocessors {", "Device tree: there is no node /cpus: a board needs a hart"),
    ("cpu@0 {", "core@0 {", "Device tree: /cpus has no node cpu@N: a board needs a hart"),
    ("riscv,isa = \"rv64imac\";", "", "Device tree: /cpus/cpu@0: property `riscv,isa` is missing"),
    (
        "riscv,isa = \"rv64imac\";",
        "riscv,isa = <1>;",
        "Device tree: /cpus/cpu@0: property `riscv,isa` is not a zero-terminated text",
    ),
    (
        "reg = <0x80000000 0x100000>;",
        "reg = <0x80000000>;",
        "Device tree: /memory@80000000: property `reg` has 4 bytes, expected …",
    ),
    ("reg = <0x80000000 0x100000>;", "reg = <0x80000000 0>;", "…'size' must be non-zero."),
    (
        "reg = <0x10000000 0x1000>;",
        "reg = [10 00 00];",
        "Device tree: /soc/uart@10000000: property `reg` has 3 bytes, expected …",
    ),
    (
        "riscv,ndev = <31>;",
        "",
        "Device tree: /soc/interrupt-controller@c000000: property `riscv,ndev` is missing",
    ),
    (
        "riscv,ndev = <31>;",
        "riscv,ndev = <0xffffffff>;",
        "device_add interrupt-controller@c000000: Parameter 'num-sources' expects …",
    ),
];

/// A part of [`TREE`], what it becomes, and what is reported on standard error.
const REPORTED: &[(&str, &str, &str)] = &[
    (
        "interrupt-parent = <&plic>;",
        "interrupt-parent = <0x1234>;",
        "Device tree: /soc/uart@10000000: `interrupt-parent` refers to phandle 0x1234, which no node has: not wired",
    ),
    (
        "interrupts = <3>;",
        "interrupts = <99>;",
        "Device tree: /soc/uart@10000000: interrupt 0 is 99 of '/soc/interrupt-controller@c000000', which has 32: not wired",
    ),
    (
        "interrupts = <3>;",
        "interrupts = <3>, <4>;",
        "Device tree: /soc/uart@10000000: has 2 interrupts, and the device 1: the others are not wired",
    ),
    (
        "uart@10000000 {\n\t\t\tcompatible = \"sifive,uart0\";",
        "uart@10000000 {\n\t\t\tcompatible = \"acme,teleport\";",
        "Device tree: /soc/uart@10000000: compatible 'acme,teleport' is not modelled; \
         reg 0x10000000, 0x1000 bytes: unimplemented-device; interrupts [3] of /soc/interrupt-controller@c000000: not wired",
    ),
    (
        "plic: interrupt-controller@c000000 {\n\t\t\tcompatible = \"riscv,plic0\";",
        "plic: interrupt-controller@c000000 {\n\t\t\tcompatible = \"acme,controller\";",
        "Device tree: /soc/uart@10000000: interrupt 0 leads to '/soc/interrupt-controller@c000000', which is not modelled: not wired",
    ),
    (
        "riscv,isa = \"rv64imac\";",
        "riscv,isa = \"rv64gcv\";",
        "Device tree: /cpus/cpu@0: extensions v are not modelled: left out",
    ),
    (
        "riscv,isa = \"rv64imac\";",
        "riscv,isa = \"rv64imac\"; mmu-type = \"riscv,sv99\";",
        "Device tree: /cpus/cpu@0: mmu-type 'riscv,sv99' is not modelled: …",
    ),
    (
        "compatible = \"sifive,uart0\";\n\t\t\treg = <0x10000000 0x1000>;",
        "compatible = \"sifive,uart0\";",
        "Device tree: /soc/uart@10000000: 'sifive,uart0' has no reg: left out",
    ),
];

/// A board of 64-bit addresses: the ids of its two harts, another node, and the refusal.
const EXTREME: &[(&str, &str, &str, &str)] = &[
    (
        "<0xffffffff 0xffffffff>",
        "<0xffffffff 0xffffffff>",
        "",
        "Device tree: /cpus/cpu@0: Parameter 'hartid-base' expects uint32_t",
    ),
    (
        "<0 0>",
        "<0xffffffff 0xffffffff>",
        "clint { compatible = \"riscv,clint0\"; reg = <0 0x2000000 0 0x10000>; \
         interrupts-extended = <&intc 3>, <&intc 7>, <&more 3>, <&more 7>; };",
        "Device tree: /cpus/cpu@1: Parameter 'hartid-base' expects uint32_t",
    ),
    ("<0 0>", "<0 0>", "", "device_add cpus1: Hart ids 0 to 0 of 'cpus1' meet those of 'cpus': …"),
    (
        "<0 0>",
        "<0 1>",
        "clint { compatible = \"riscv,clint0\"; reg = <0xffffffff 0xfffff000 0 0x1000>; \
         interrupts-extended = <&intc 3>, <&intc 7>; };",
        "sysbus-mmio-map clint: Parameter 'addr' expects …",
    ),
    (
        "<0 0>",
        "<0 1>",
        "memory@0 { device_type = \"memory\"; reg = <0xffffffff 0xfffff000 0 0x1001>; };",
        "…0xfffffffffffff000…",
    ),
    (
        "<0 0>",
        "<0 1>",
        "x { compatible = \"x,x\"; reg = <0xffffffff 0xffffffff 0xffffffff 0xffffffff>; };",
        "…0xffffffffffffffff…",
    ),
];

/// Names that are no ids, and one that is there twice: a board all the same.
const ODD_NAMES: &[(&str, &str)] = &[
    ("uart@10000000 {", "1uart {"),
    ("uart@10000000 {", "uart+two {"),
    (
        "\t};\n};",
        "\t};\n\tbus { compatible = \"simple-bus\"; #address-cells = <1>; #size-cells = <1>; \
         ranges = <0 0x20000000 0x10000000>; \
         uart@10000000 { compatible = \"sifive,uart0\"; reg = <0 0x1000>; }; };\n};",
    ),
];

fn changed(part: &str, becomes: &str) -> Result<String> {
    ensure!(TREE.contains(part), "the tree has no {part:?}");
    Ok(TREE.replacen(part, becomes, 1))
}

#[test]
fn a_broken_tree_keeps_the_machine_from_its_board_until_it_is_mended() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.file("good.dts", TREE)?;
    let good = scratch.path("good.dts");
    let mut bench = Bench::empty(scratch, &["-S"])?;
    bench.good("machine-set", "'type': 'sifive_dt'")?;
    bench.good("next-machine-phase", "")?;
    let file = bench.program.scratch().path("bad.dts");
    let name = file.display().to_string();
    for (part, becomes, refusal) in REFUSED {
        std::fs::write(&file, changed(part, becomes)?)?;
        bench
            .client
            .execute("qom-set", json!({ "path": "/machine", "property": "dtb", "value": file }))?;
        let error = bench.refused("next-machine-phase", "").with_context(|| becomes.to_string())?;
        let text = error["desc"].as_str().unwrap_or_default();
        ensure!(
            fits(&refusal.replace("{file}", &name), text),
            "{becomes}\n expected {refusal}\n received {text}"
        );
    }
    bench
        .client
        .execute("qom-set", json!({ "path": "/machine", "property": "dtb", "value": good }))?;
    bench.good("set-machine-phase", "'phase': 'ready'")?;
    bench.quit().map(drop)
}

#[test]
fn binary_trees_may_be_cut_anywhere() -> Result<()> {
    let scratch = Scratch::new()?;
    let source = std::fs::read_to_string(root().join("emulator/machines-data/sifive_dt.dts"))?;
    let blob = boardwright_devicetree::Tree::from_source("built-in", &source)?.to_blob()?;
    let file = scratch.file("cut.dtb", &blob)?;
    let mut bench = at_accelerator(&file)?;
    for length in
        [0, 1, 3, 4, 7, 39, 40, 41, 56, 60, 100, blob.len() / 2, blob.len() - 4, blob.len() - 1]
    {
        std::fs::write(&file, &blob[..length])?;
        let error =
            bench.refused("next-machine-phase", "").with_context(|| format!("{length} bytes"))?;
        let text = error["desc"].as_str().unwrap_or_default();
        ensure!(text.contains("cut.dtb"), "{length} bytes: {text}");
    }
    std::fs::write(&file, &blob)?;
    bench.good("set-machine-phase", "'phase': 'ready'")?;
    bench.quit().map(drop)
}

#[test]
fn noise_in_binary_trees_is_refused_or_harmless() -> Result<()> {
    let scratch = Scratch::new()?;
    let source = std::fs::read_to_string(root().join("emulator/machines-data/sifive_dt.dts"))?;
    let blob = boardwright_devicetree::Tree::from_source("built-in", &source)?.to_blob()?;
    let file = scratch.file("noisy.dtb", &blob)?;
    let mut bench = at_accelerator(&file)?;
    // Every word of the header, then words all over the rest.
    for at in (0..40).step_by(4).chain((40..blob.len() - 4).step_by(132)) {
        let mut noisy = blob.clone();
        noisy[at..at + 4].fill(0xff);
        std::fs::write(&file, &noisy)?;
        let answer =
            bench.send("next-machine-phase", "").with_context(|| format!("noise at {at}"))?;
        if answer.get("error").is_none() {
            // It went on: look whether it can come to `ready`, and begin again.
            bench.send("next-machine-phase", "").with_context(|| format!("noise at {at}"))?;
            bench.quit()?;
            bench = at_accelerator(&file)?;
        }
    }
    bench.quit().map(drop)
}

/// A machine of that tree, the board of which is yet to be made.
fn at_accelerator(file: &std::path::Path) -> Result<Bench> {
    let mut bench = Bench::empty(Scratch::new()?, &["-S"])?;
    bench.client.execute("machine-set", json!({ "type": "sifive_dt", "dtb": file }))?;
    bench.good("next-machine-phase", "")?;
    Ok(bench)
}

#[test]
fn what_is_not_modelled_is_reported_and_strict_refuses_it() -> Result<()> {
    for (part, becomes, report) in REPORTED {
        let scratch = Scratch::new()?;
        let file = scratch.file("odd.dts", changed(part, becomes)?)?;
        let mut bench = Bench::empty(scratch, &["-S"])?;
        bench
            .client
            .execute("machine-set", json!({ "type": "sifive_dt", "dtb": file, "strict": true }))?;
        bench.good("next-machine-phase", "")?;
        let error = bench.refused("next-machine-phase", "")?;
        let text = error["desc"].as_str().unwrap_or_default();
        let refusal = "Device tree: strict=on refuses what is not modelled, … in all:\n  /…: …";
        ensure!(fits(refusal, text), "{becomes}: {text}");
        bench.good("qom-set", "'path': '/machine', 'property': 'strict', 'value': 'off'")?;
        bench.good("next-machine-phase", "")?;
        let heard = report.split('…').next().unwrap_or_default();
        bench.program.wait_for_err(heard).with_context(|| becomes.to_string())?;
        bench.good("next-machine-phase", "")?;
        bench.quit()?;
    }
    Ok(())
}

#[test]
fn numbers_at_the_end_of_their_range_are_refused() -> Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.path("extreme.dts");
    let mut bench = at_accelerator(&file)?;
    for (reg, other, node, refusal) in EXTREME {
        let cpu = |name: &str, reg: &str, label: &str| {
            format!(
                "{name} {{ reg = {reg}; riscv,isa = \"rv64imac\"; {label} interrupt-controller {{ \
                 #interrupt-cells = <1>; interrupt-controller; }}; }};"
            )
        };
        let tree = format!(
            "/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>; cpus {{ #address-cells = <2>; \
             #size-cells = <0>; timebase-frequency = <1000>; {} {} }}; {node} }};",
            cpu("cpu@0", reg, "intc:"),
            cpu("cpu@1", other, "more:")
        );
        std::fs::write(&file, tree)?;
        let error = bench.refused("next-machine-phase", "").with_context(|| node.to_string())?;
        let text = error["desc"].as_str().unwrap_or_default();
        ensure!(fits(refusal, text), "{reg} {other} {node}\n expected {refusal}\n received {text}");
    }
    bench.quit().map(drop)
}

#[test]
fn names_of_nodes_need_be_no_ids() -> Result<()> {
    let scratch = Scratch::new()?;
    for (part, becomes) in ODD_NAMES {
        let file = scratch.file("odd.dts", changed(part, becomes)?)?;
        let mut bench = at_accelerator(&file)?;
        bench.good("set-machine-phase", "'phase': 'ready'")?;
        bench.quit()?;
    }
    Ok(())
}
