//! `-d` and `-D`: what is logged, and where.

use anyhow::Result;
use boardwright_tests::program::{self, Scratch};
use boardwright_tests::transcript::words;

#[test]
fn what_is_logged_goes_to_the_file() -> Result<()> {
    // Reads what is not modelled, writes what the finisher does not know, then powers off.
    let guest = [
        0x0010_02b7, // lui t0, 0x100: the finisher
        0x1001_2337, // lui t1, 0x10012: the placeholder of the GPIO block
        0x0043_2383, // lw t2, 4(t1)
        0x1230_0393, // li t2, 0x123
        0x0072_a023, // sw t2, 0(t0)
        0x0000_53b7, // lui t2, 0x5
        0x5553_8393, // addi t2, t2, 0x555
        0x0072_a023, // sw t2, 0(t0): power off
        0x0000_006f, // j .
    ];
    // The built-in tree with a block that has no model.
    let tree = std::fs::read_to_string(
        program::root().join("emulator/machines-data/sifive_dt.dts"),
    )? + r#"/ { soc { i2c@10012000 { compatible = "opencores,i2c-ocores"; reg = <0x0 0x10012000 0x0 0x1000>; }; }; };"#;
    let small = "-M sifive_dt,dtb={dir}/board.dts -serial null -device loader,file={dir}/guest,addr=0x80000000,cpu-num=0";
    let first = "run boards/first.qmp";
    let rows: &[(&str, &str, &[&str])] = &[
        (
            first,
            "int",
            &["desc=machine_timer\n", "desc=machine_external\n", "desc=machine_software\n"],
        ),
        (first, "in_asm", &["IN: _start\nHart: 0\n0x0000000080000000:  "]),
        (small, "unimp", &["i2c@10012000: unimplemented device read (size 4, offset 0x0004)"]),
        (small, "guest_errors", &["riscv.sifive.test: write of 0x123 (size 4) at offset 0x0"]),
        (small, "unimp,in_asm", &["i2c@10012000: ", "lui"]),
        (small, "int", &[]),
    ];
    for (arguments, items, expected) in rows {
        let scratch = Scratch::new()?;
        scratch.words("guest", &guest)?;
        scratch.file("board.dts", &tree)?;
        let log = scratch.path("log");
        let dir = scratch.path("").display().to_string();
        let line = format!("{arguments} -d {items} -D {{dir}}/log").replace("{dir}/", &dir);
        let all = words(&line);
        let ended = program::run(&all)?;
        assert!(ended.status.success(), "{ended:?}");
        let logged = std::fs::read_to_string(&log)?;
        for text in *expected {
            assert!(logged.contains(text), "-d {items}: no {text:?} in {logged:.2000}");
        }
        assert_eq!(logged.is_empty(), expected.is_empty(), "-d {items}: {logged:.2000}");
        // Without -D it goes to standard error.
        let without = &all[..all.len() - 2];
        let ended = program::run(without)?;
        for text in *expected {
            assert!(ended.err.contains(text), "-d {items}: no {text:?} in {:.2000}", ended.err);
        }
    }
    Ok(())
}
