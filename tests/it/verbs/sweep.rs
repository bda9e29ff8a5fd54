//! `sweep` and `-budget`.

use anyhow::{Result, ensure};
use boardwright_tests::program::{self, Ended, Scratch};

/// A board with memory and a finisher, for a guest in `{dir}`.
const BOARD: &str = "\
param guest = \"pass\" in [\"pass\", \"fail\", \"spin\", \"sleep\", \"trap\"]
param harts = 1 in 1..=4
param wrong = false
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus resetvec=0x80000000 num-harts=$harts
device_add driver=sysbus-memory id=ram size=1MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x100000
device_add driver=loader file=\"{dir}/$guest\" addr=0x80000000 force-raw=true
if wrong { device_add driver=sysbus-memory id=ram size=1 }
set-machine-phase phase=ready
";

const GUESTS: &[(&str, &[u32])] = &[
    // lui t0, 0x100; lui t1, 5; addi t1, t1, 0x555; sw t1, 0(t0); j .
    ("pass", &[0x0010_02b7, 0x0000_5337, 0x5553_0313, 0x0062_a023, 0x0000_006f]),
    // The same with 3 << 16 | 0x3333.
    ("fail", &[0x0010_02b7, 0x0003_3337, 0x3333_0313, 0x0062_a023, 0x0000_006f]),
    // j .
    ("spin", &[0x0000_006f]),
    // 1: wfi; j 1b
    ("sleep", &[0x1050_0073, 0xffdf_f06f]),
    // An illegal instruction, whose handler, at 0, is not there.
    ("trap", &[0]),
];

fn scratch() -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let dir = scratch.path("").display().to_string();
    scratch.file("x.qmp", BOARD.replace("{dir}", dir.trim_end_matches('/')))?;
    scratch.file("early.qmp", "machine-set type=none\n")?;
    scratch.file("quits.qmp", "machine-set type=none\nquit\n")?;
    for (name, words) in GUESTS {
        scratch.words(name, words)?;
    }
    Ok(scratch)
}

fn run(scratch: &Scratch, line: &str) -> Result<Ended> {
    let dir = scratch.path("").display().to_string();
    let line = line.replace("{dir}", dir.trim_end_matches('/'));
    program::run(&line.split_whitespace().collect::<Vec<_>>())
}

/// A command line, its status, and texts of its output; spaces in a row count as one.
const ROWS: &[(&str, i32, &[&str])] = &[
    (
        "sweep {dir}/x.qmp --budget 100k",
        1,
        &[
            "VARIANT STATUS INSTRUCTIONS LAST LINE\n",
            "\nguest=pass pass ",
            "\nguest=fail fail 3 ",
            "\nguest=spin timeout 100000\n",
            "\nguest=sleep timeout ",
            "\nguest=trap timeout ",
            "\n1 of 5 variants passed\n",
        ],
    ),
    (
        "sweep {dir}/x.qmp guest=pass harts=1..=4 --jobs 2",
        0,
        &["\nguest=pass harts=1 pass ", "\nguest=pass harts=4 pass ", "4 of 4 variants passed"],
    ),
    (
        "sweep {dir}/x.qmp --param guest=spin --param harts=2,4 --budget=1M",
        1,
        &["harts=2 timeout 1000000\n", "harts=4 timeout 1000000\n"],
    ),
    ("sweep {dir}/x.qmp guest=sleep harts=3 --budget 1M", 1, &["harts=3 timeout 1000000\n"]),
    (
        "sweep {dir}/x.qmp guest=pass wrong=true,false",
        1,
        &["wrong=true error 0 ", "Duplicate device ID 'ram'", "wrong=false pass "],
    ),
    (
        "sweep {dir}/x.qmp guest=pass,fail wrong=false,true --format junit",
        1,
        &[
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n",
            "tests=\"4\" failures=\"1\" errors=\"2\" skipped=\"0\"",
            "name=\"guest=fail wrong=false\"",
            "<failure type=\"fail 3\" message=\"fail 3 after ",
            "Duplicate device ID &apos;ram&apos;",
            "</testsuite>\n</testsuites>\n",
        ],
    ),
    (
        "sweep {dir}/x.qmp guest=fail harts=1,2 --format json",
        1,
        &[
            "\"parameters\": {\n \"guest\": \"fail\",\n \"harts\": 2\n }",
            "\"status\": \"fail\",\n \"code\": 3,",
            "\"passed\": 0,\n \"failed\": 2\n}",
        ],
    ),
    ("sweep {dir}/early.qmp", 1, &["(no parameters) error 0 the script ends at 'machine-created'"]),
    ("sweep {dir}/quits.qmp", 0, &["(no parameters) pass 0"]),
    ("sweep boards/first.qmp", 0, &["(no parameters) pass ", "all interrupts came: powering off"]),
    (
        "run {dir}/x.qmp guest=spin -display none -budget 1M",
        124,
        &["the budget is used up: 1000000 "],
    ),
    ("run {dir}/x.qmp guest=sleep -display none -budget 1M", 124, &["the budget is used up: "]),
    ("run {dir}/x.qmp guest=fail -display none -budget 1M", 3, &["-> ready"]),
    // What cannot be right.
    ("sweep", 2, &["sweep needs a board script\nusage: boardwright sweep "]),
    ("sweep {dir}/nope.qmp", 2, &["Cannot read '", "nope.qmp': No such file or directory"]),
    ("sweep {dir}/x.qmp hart=1", 2, &["x.qmp has no parameter 'hart': it has guest, harts, wrong"]),
    ("sweep {dir}/early.qmp n=1", 2, &["early.qmp has no parameter 'n': it has none"]),
    ("sweep {dir}/x.qmp harts", 2, &["'harts' is no parameter: NAME=VALUE,VALUE..."]),
    ("sweep {dir}/x.qmp harts=1 harts=2", 2, &["parameter 'harts' is given twice"]),
    ("sweep {dir}/x.qmp harts=1,9", 2, &["parameter 'harts' is one of 1..=4, not 9"]),
    ("sweep {dir}/x.qmp harts=1..=9", 2, &["parameter 'harts' is one of 1..=4, not 5"]),
    ("sweep {dir}/x.qmp harts=0..99999999", 2, &["parameter 'harts': 0..99999999 is too large"]),
    ("sweep {dir}/x.qmp harts=2..1", 2, &["parameter 'harts' has no value in '2..1'"]),
    ("sweep {dir}/x.qmp harts=two", 2, &["parameter 'harts' expects a number"]),
    (
        "sweep {dir}/x.qmp --budget 0",
        2,
        &["option --budget: '0' is not accepted: expected --budget N"],
    ),
    ("sweep {dir}/x.qmp --budget lots", 2, &["option --budget: 'lots' is not accepted"]),
    ("sweep {dir}/x.qmp --jobs 0", 2, &["option --jobs: '0' is not accepted"]),
    (
        "sweep {dir}/x.qmp --format xml",
        2,
        &["option --format: 'xml' is not accepted: expected --format text|junit|json"],
    ),
    (
        "-M none -S -budget x",
        1,
        &["option -budget x: 'x' is no number of instructions: 50M is one"],
    ),
];

#[test]
fn variants_are_run_and_judged() -> Result<()> {
    let scratch = scratch()?;
    let plain = |text: &str| {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.map(|line| line + "\n").collect::<String>().replace("&#39;", "&apos;")
    };
    for (line, status, texts) in ROWS {
        let ended = run(&scratch, line)?;
        ensure!(ended.status.code() == Some(*status), "{line}: {ended:?}");
        let said = plain(&format!("{}{}", ended.out, ended.err)).replace('\'', "&apos;");
        for text in *texts {
            let wanted = text.replace('\'', "&apos;");
            let wanted: Vec<&str> = wanted.split('\n').map(str::trim_start).collect();
            ensure!(said.contains(&wanted.join("\n")), "{line}: no {text:?} in {said}");
        }
    }
    Ok(())
}
