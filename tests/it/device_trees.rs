//! Device trees in and out: a tree becomes a board with a report, a board becomes a tree, and what
//! goes round comes back the same.

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{self, Ended, Program, Scratch, root};
use serde_json::{Value, json};

/// A core complex with 4 harts of 2 types, and 8 blocks that are not modelled.
const FLOW: &str = "boards/flow.dts";
const GUEST: &str = "boards/guest/tree-rv64.elf";
const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf";

fn flow() -> Result<String> {
    Ok(std::fs::read_to_string(root().join(FLOW))?)
}

/// The source of a tree with some parts of it changed.
fn changed(changes: &[(&str, &str)]) -> Result<String> {
    let mut text = flow()?;
    for (part, becomes) in changes {
        ensure!(text.contains(part), "the tree has no {part:?}");
        text = text.replace(part, becomes);
    }
    Ok(text)
}

fn verb(arguments: &[&str]) -> Result<Ended> {
    program::run(arguments)
}

/// The tree of a board without what tells which machine it is.
fn tree_of(board: &str) -> Result<String> {
    let ended = verb(&["dts", board])?;
    ensure!(ended.status.success(), "{board}: {ended:?}");
    let named = |line: &&str| !line.contains("\"boardwright,");
    Ok(ended.out.lines().filter(named).map(|line| format!("{line}\n")).collect())
}

/// Writes the tree of a board, reads it, and writes it again: both trees.
fn round(scratch: &Scratch, board: &str) -> Result<(String, String)> {
    let file = scratch.path("round.dts").display().to_string();
    let ended = verb(&["dts", board])?;
    ensure!(ended.status.success(), "{board}: {ended:?}");
    std::fs::write(&file, &ended.out)?;
    Ok((tree_of(board)?, tree_of(&file)?))
}

#[test]
fn a_tree_of_a_design_flow_is_a_board_and_a_report() -> Result<()> {
    let ended = verb(&["dt-to-board", "--json", FLOW])?;
    let answer: Value = serde_json::from_str(&ended.out)?;
    let report = answer["report"].as_array().context("no report")?;
    let unknown: Vec<&str> = report
        .iter()
        .filter(|one| one["problem"] == "not-modelled")
        .filter_map(|one| one["node"].as_str())
        .collect();
    assert_eq!(
        unknown,
        [
            "/soc/bus@10000000/dma@10000",
            "/soc/bus@10000000/crypto@20000",
            "/soc/bus@10000000/watchdog@30000",
            "/soc/bus@10000000/adc@40000",
            "/soc/bus@10000000/mailbox@50000",
            "/soc/bus@20000000/accelerator@0",
            "/soc/bus@20000000/display@100000",
            "/soc/bus@20000000/ethernet@200000",
        ]
    );
    assert_eq!(unknown.len(), report.len(), "{report:?}");
    // Two registers, translated by the bus above, and two interrupts.
    assert_eq!(report[1]["reg"][1], json!({ "addr": 0x1002_8000, "size": 0x1000 }));
    assert_eq!(report[1]["interrupts"][1]["specifier"], json!([15]));
    let commands = answer["commands"].as_array().context("no commands")?;
    let harts: Vec<&Value> = commands
        .iter()
        .map(|command| &command["arguments"])
        .filter(|arguments| arguments["driver"] == "riscv.hart_array")
        .collect();
    assert_eq!(harts.len(), 2, "{harts:?}");
    assert_eq!((&harts[0]["num-harts"], &harts[1]["num-harts"]), (&json!(1), &json!(3)));
    let strict = verb(&["dt-to-board", "--strict", FLOW])?;
    assert_eq!(strict.status.code(), Some(1), "{strict:?}");
    assert!(strict.err.contains("8 in all"), "{strict:?}");
    Ok(())
}

#[test]
fn the_printed_script_builds_the_same_board() -> Result<()> {
    let scratch = Scratch::new()?;
    for tree in
        [FLOW, "emulator/machines-data/sifive_dt.dts", "emulator/machines-data/sifive_dt-rv32.dts"]
    {
        let script = verb(&["dt-to-board", tree])?;
        let file = scratch.file("board.qmp", &script.out)?.display().to_string();
        assert_eq!(tree_of(&file)?, tree_of(tree)?, "{tree}");
    }
    Ok(())
}

#[test]
fn a_tree_goes_round_unchanged() -> Result<()> {
    let scratch = Scratch::new()?;
    for board in [
        "machine:none,memory=1M,smp.cpus=3",
        "machine:sifive_dt",
        "machine:sifive_dt,cpu=rv32",
        "boards/opensbi.qmp",
        FLOW,
    ] {
        let (first, second) = round(&scratch, board)?;
        assert_eq!(first, second, "{board}");
    }
    Ok(())
}

#[test]
fn the_tree_of_a_machine_is_the_same_board() -> Result<()> {
    let scratch = Scratch::new()?;
    let (_program, mut client) = Program::with_qmp(&[])?;
    let machines = client.execute("query-machines", json!({}))?;
    let names = machines.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    for name in names.filter(|name| *name != "none") {
        let board = format!("machine:{name}");
        let (first, second) = round(&scratch, &board)?;
        assert_eq!(first, second, "{name}");
        let file = scratch.path("round.dts").display().to_string();
        let ended = verb(&["diff", &board, &file])?;
        ensure!(ended.status.success(), "{name}: {ended:?}");
    }
    Ok(())
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A board of some harts, a PLIC, and devices anywhere, some of them wired.
fn random_board(seed: u64) -> String {
    let mut chance = Chance(seed);
    let harts = 1 + chance.below(4);
    let contexts: Vec<&str> = (0..harts).map(|_| ["M", "MS"][chance.below(2) as usize]).collect();
    let mut text = format!(
        "machine-set type=none\nset-machine-phase phase=initialized\n\
         device_add driver=riscv.hart_array id=cpus cpu-type=rv64,pmp=true num-harts={harts}\n\
         device_add driver=riscv.sifive.plic id=plic hart-config={} num-sources=64\n\
         sysbus-mmio-map device=plic addr=0xc000000\n",
        contexts.join(",")
    );
    for (hart, levels) in (0..harts).zip(&contexts) {
        for (letter, cause, line) in [('S', 9, hart), ('M', 11, harts + hart)] {
            if levels.contains(letter) {
                text += &format!(
                    "qom-set path=plic property=unnamed-gpio-out[{line}] value=cpus/harts[{hart}]/unnamed-gpio-in[{cause}]\n"
                );
            }
        }
    }
    let mut sources: Vec<u64> = (1..64).collect();
    for number in 0..2 + chance.below(30) {
        let addr = 0x4000_0000 + 0x1_0000 * number;
        let (driver, lines) = [
            ("riscv.sifive.uart", 1),
            ("serial-mm regshift=2", 1),
            ("sysbus-memory size=4096 readonly=true", 0),
            ("sysbus-memory size=0x3000", 0),
            ("unimplemented-device name=some_block size=8192", 0),
            ("riscv.sifive.test", 0),
        ][chance.below(6) as usize];
        text += &format!(
            "device_add driver={driver} id=d{number}\nsysbus-mmio-map device=d{number} addr={addr}\n"
        );
        if lines != 0 && chance.below(4) != 0 {
            let source = sources.swap_remove(chance.below(sources.len() as u64) as usize);
            text += &format!(
                "qom-set path=d{number} property=sysbus-irq[0] value=plic/unnamed-gpio-in[{source}]\n"
            );
        }
    }
    text
}

#[test]
fn random_boards_go_round_unchanged() -> Result<()> {
    let scratch = Scratch::new()?;
    for seed in 0..24 {
        let script = random_board(seed);
        let file = scratch.file("random.qmp", &script)?.display().to_string();
        let ended = verb(&["dts", &file])?;
        ensure!(ended.status.success(), "{script}\n{ended:?}");
        // Serial ports get back ends, which these boards do not have; nothing else is added or lost.
        let tree = scratch.file("random.dts", &ended.out)?.display().to_string();
        let compared = verb(&["dt-compare", &tree, &file])?;
        assert_eq!((compared.status.code(), &*compared.out), (Some(0), ""), "{script}");
        assert!(ended.err.is_empty(), "{script}\n{}", ended.err);
        let (first, second) = round(&scratch, &tree)?;
        assert_eq!(first, second, "{script}");
    }
    Ok(())
}

#[test]
fn a_guest_finds_its_console_by_the_tree_wherever_it_is() -> Result<()> {
    let scratch = Scratch::new()?;
    type Row = (&'static [(&'static str, &'static str)], &'static str);
    const ROWS: &[Row] = &[
        (&[], "console /soc/serial@10000000 is sifive,uart0 at 0x0000000010000000, harts: 4"),
        (
            &[("ranges = <0 0x10000000 0x100000>", "ranges = <0 0x30000000 0x100000>")],
            "console /soc/serial@30000000 is sifive,uart0 at 0x0000000030000000, harts: 4",
        ),
        (
            &[
                ("reg-shift = <2>;", ""),
                ("stdout-path = \"serial0:115200n8\"", "stdout-path = \"serial1\""),
            ],
            "console /soc/serial@10001000 is ns16550a at 0x0000000010001000, harts: 4",
        ),
    ];
    for (changes, expected) in ROWS {
        let tree = scratch.file("flow.dts", changed(changes)?)?;
        let machine = format!("sifive_dt,dtb={}", tree.display());
        let loader = format!("loader,file={GUEST},cpu-num=0");
        let ended = program::run(&["-M", &machine, "-nographic", "-device", &loader])?;
        assert_eq!(ended.out.trim(), *expected, "{ended:?}");
        assert!(ended.status.success(), "{ended:?}");
    }
    Ok(())
}

#[test]
fn opensbi_finds_the_platform_of_the_tree() -> Result<()> {
    let machine = format!("sifive_dt,dtb={FLOW}");
    let mut program = Program::start(&["-M", &machine, "-nographic", "-bios", OPENSBI])?;
    program.wait_for("Boot HART MEDELEG")?;
    let table = program.out();
    for line in [
        "Platform HART Count       : 4",
        "Platform Timer Device     : aclint-mtimer @ 1000000Hz",
        "Platform Console Device   : sifive_uart",
        "Platform Shutdown Device  : sifive_test",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
    Ok(())
}

/// A change of the tree, and what the comparison with the board of the unchanged one says.
const COMPARED: &[(&str, &str, &str)] = &[
    ("model = \"acme,flow\"", "model = \"acme,other\"", ""),
    (
        "timebase-frequency = <1000000>",
        "timebase-frequency = <32768>",
        "timebase: /cpus: time counts 32768 a second in the tree and 1000000 on the board",
    ),
    (
        "reg = <0 0x80000000 0 0x4000000>",
        "reg = <0 0x80000000 0 0x8000000>",
        "memory: /memory@80000000: 'size' is 134217728 in the tree and 67108864 on the board",
    ),
    (
        "interrupts = <4>",
        "interrupts = <7>",
        "interrupt: /soc/bus@10000000/serial@0: sysbus-irq[0] leads to interrupt 7 of the riscv.sifive.plic at 0xc000000 in the tree and to interrupt 4 of the riscv.sifive.plic at 0xc000000 on the board",
    ),
    (
        "reg = <0x0 0x1000>;\n\t\t\t\tinterrupts",
        "reg = <0x9000 0x1000>;\n\t\t\t\tinterrupts",
        "address: /soc/bus@10000000/serial@0: riscv.sifive.uart is at 0x10009000 in the tree and at 0x10000000 on the board",
    ),
    (
        "rv64imac_zicsr_zifencei",
        "rv64imafc_zicsr_zifencei",
        "isa: /cpus/cpu@0: extensions f are not on the board",
    ),
    (
        "rv64imac_zicsr_zifencei",
        "rv64ima_zicsr_zifencei",
        "isa: /cpus/cpu@0: extensions c, zca are not in the tree",
    ),
    (
        "pmpregions = <8>",
        "pmpregions = <4>",
        "hart-property: /cpus/cpu@0: 'riscv,pmpregions' is 4 in the tree and 8 on the board",
    ),
    (
        "status = \"disabled\"",
        "status = \"okay\"",
        "device: /soc/bus@10000000/serial@2000: riscv.sifive.uart at 0x10002000, 0x1000 bytes, is not on the board",
    ),
    (
        "\"ns16550a\"",
        "\"acme,uart\"",
        "device: /machine/peripheral/serial@1000: serial-mm at 0x10001000, 0x20 bytes, is not in the tree",
    ),
];

#[test]
fn a_tree_is_compared_with_a_board() -> Result<()> {
    let scratch = Scratch::new()?;
    for (part, becomes, expected) in COMPARED {
        let tree = scratch.file("claim.dts", changed(&[(part, becomes)])?)?.display().to_string();
        let ended = verb(&["dt-compare", &tree, FLOW])?;
        let lines: Vec<&str> = ended.out.lines().collect();
        assert_eq!(
            ended.status.code(),
            Some(i32::from(!expected.is_empty())),
            "{becomes}: {ended:?}"
        );
        assert!(expected.is_empty() || lines.contains(expected), "{becomes}: {lines:#?}");
    }
    Ok(())
}

#[test]
fn the_commands_say_what_the_verbs_say() -> Result<()> {
    let (_program, mut client) =
        Program::with_qmp(&["-S", "-M", &format!("sifive_dt,dtb={FLOW}")])?;
    let board = client.execute("dt-to-board", json!({ "path": FLOW }))?;
    let printed = verb(&["dt-to-board", "--json", FLOW])?;
    assert_eq!(board, serde_json::from_str::<Value>(&printed.out)?);
    let tree = client.execute("board-to-dt", json!({}))?;
    assert_eq!(tree["data"].as_str(), Some(verb(&["dts", FLOW])?.out.as_str()));
    assert_eq!(tree["dropped"], json!([]));
    let blob = client.execute("board-to-dt", json!({ "format": "dtb" }))?;
    assert!(blob["data"].as_str().is_some_and(|data| data.starts_with("0A3+7Q")), "{blob}");
    assert_eq!(client.execute("dt-compare", json!({ "path": FLOW }))?, json!([]));
    Ok(())
}

#[test]
fn what_a_tree_cannot_say_is_said() -> Result<()> {
    let ended = verb(&["dts", "boards/first.qmp"])?;
    assert!(ended.status.success(), "{ended:?}");
    let expected =
        "only as a command in /boardwright: /machine/peripheral/guest: loader is at no address";
    assert!(ended.err.contains(expected), "{}", ended.err);
    Ok(())
}

/// What stands in the tree of a board beside memory and a hart, and what the board has of it.
const MEANT: &[(&str, &[&str])] = &[
    (
        "gpio: gpio@10060000 { compatible = \"sifive,gpio0\"; reg = <0x10060000 0x1000>; ngpios = <16>; };
         restart { compatible = \"gpio-restart\"; gpios = <&gpio 10 1>; };",
        &[
            "device_add driver=gpio-pwr id=restart active-low=true",
            "qom-set path=gpio@10060000 property=unnamed-gpio-out[10] value=restart/reset[0]",
        ],
    ),
    (
        "stub@40000000 { compatible = \"acme,dma\", \"boardwright,regfile\"; reg = <0x40000000 0x100>;
         boardwright,registers = \"[{\\\"name\\\":\\\"CTRL\\\",\\\"offset\\\":0}]\"; };",
        &["driver=regfile id=stub@40000000 registers=[{\"name\":\"CTRL\",\"offset\":0}] compatible=acme,dma"],
    ),
    (
        "boardwright { commands = \"device_add driver=split-irq id=a\", \"device_del id=a\"; };",
        &["# /boardwright\ndevice_add driver=split-irq id=a\ndevice_del id=a"],
    ),
];

/// What is wrong with such a tree, and what is said.
const MISSAID: &[(&str, &str)] = &[
    (
        "boardwright { commands = \"quit\"; };",
        "Device tree: /boardwright: 'quit' does not change the board, or not only that: a tree cannot ask for it",
    ),
    (
        "boardwright { commands = \"include /etc/passwd\"; };",
        "Device tree: /boardwright:1:1: '/etc/passwd': a tree includes no scripts",
    ),
    ("boardwright { commands = \"a b\"; };", "Device tree: /boardwright:1:3: expected key=value"),
    ("boardwright { commands = <1>; };", "Device tree: /boardwright: property `commands` is not"),
    (
        "restart { compatible = \"gpio-restart\"; gpios = <9 10 1>; };",
        "Device tree: /restart: property `gpios` refers to phandle 0x9",
    ),
    (
        "stub@0 { compatible = \"boardwright,regfile\"; reg = <0 4>; };",
        "Device tree: /stub@0: property `boardwright,file` is wrong: Parameter 'file' is missing",
    ),
    (
        "stub@0 { compatible = \"boardwright,regfile\"; reg = <0 4>; boardwright,registers = \"[\"; };",
        "Device tree: /stub@0: property `boardwright,registers` is wrong: EOF while",
    ),
];

fn tree_with(scratch: &Scratch, node: &str) -> Result<String> {
    let tree = format!(
        "/dts-v1/; / {{ #address-cells = <1>; #size-cells = <1>; {node} cpus {{ \
         #address-cells = <1>; #size-cells = <0>; cpu@0 {{ reg = <0>; riscv,isa = \"rv64imac\"; }}; \
         }}; }};"
    );
    Ok(scratch.file("with.dts", tree)?.display().to_string())
}

#[test]
fn what_a_tree_says_in_words_of_its_own_is_understood() -> Result<()> {
    let scratch = Scratch::new()?;
    for (node, lines) in MEANT {
        let ended = verb(&["dt-to-board", &tree_with(&scratch, node)?])?;
        for line in *lines {
            assert!(ended.out.contains(line), "{node}: no {line} in {}{}", ended.out, ended.err);
        }
        let (first, second) = round(&scratch, &tree_with(&scratch, node)?)?;
        assert_eq!(first, second, "{node}");
    }
    for (node, expected) in MISSAID {
        let ended = program::run(&["check", &tree_with(&scratch, node)?])?;
        assert_eq!(ended.status.code(), Some(2), "{node}: {ended:?}");
        assert!(ended.err.contains(expected), "{node}: {}", ended.err);
    }
    Ok(())
}

#[test]
fn a_board_keeps_the_names_of_its_tree() -> Result<()> {
    let scratch = Scratch::new()?;
    let names = "model = \"ACME One\"; compatible = \"acme,one\", \"acme,any\";
        chosen { bootargs = \"quiet\"; };";
    let first = tree_of(&tree_with(&scratch, names)?)?;
    for line in ["model = \"ACME One\"", "\"acme,one\", \"acme,any\"", "bootargs = \"quiet\""] {
        assert!(first.contains(line), "no {line} in {first}");
    }
    // A script has them too, so that the guest of the dumped board sees the same.
    let dump = verb(&["dump", "machine:sifive_u"])?;
    assert!(dump.out.contains("model='SiFive HiFive Unleashed A00'"), "{}", dump.out);
    Ok(())
}

/// Arguments that are wrong, and the begin of the message.
const WRONG: &[(&[&str], &str)] = &[
    (&["dt-to-board"], "dt-to-board needs one device tree"),
    (&["dt-to-board", "/nonexistent.dts"], "/nonexistent.dts: cannot read the device tree"),
    (&["dt-compare", FLOW], "dt-compare needs a device tree and one board"),
    (&["dt-compare", FLOW, FLOW, FLOW], "dt-compare needs a device tree and one board"),
    (&["dts"], "dts needs a board"),
    (&["dts", "--dtb", "/nonexistent/x.dtb", FLOW], "Cannot write '/nonexistent/x.dtb'"),
];

#[test]
fn misuse_is_refused_with_the_way_out() -> Result<()> {
    for (arguments, expected) in WRONG {
        let ended = verb(arguments)?;
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(expected), "{arguments:?}: {}", ended.err);
    }
    Ok(())
}
