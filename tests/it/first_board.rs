//! The README's board: built line by line, run to its end.

use anyhow::Result;
use boardwright_tests::program;

#[test]
fn the_first_board_is_built_shown_and_runs() -> Result<()> {
    let ended = program::run(&["run", "boards/first.qmp"])?;
    assert!(ended.status.success(), "{ended:?}");
    for step in [
        "machine-set type=none",
        "-> initialized",
        "device_add driver=riscv.sifive.uart",
        "-> ready",
    ] {
        assert!(ended.err.contains(step), "{step}: {}", ended.err);
    }
    let lines: Vec<&str> = ended.out.lines().collect();
    let [greeting, timer, external, software, last] = lines.as_slice() else {
        panic!("unexpected console: {lines:?}");
    };
    assert!(greeting.contains("RV64"), "{greeting}");
    assert!(timer.contains("timer interrupt, mcause 0x8000000000000007"), "{timer}");
    assert!(external.contains("source 3 of the PLIC, mcause 0x800000000000000b"), "{external}");
    assert!(software.contains("mcause 0x8000000000000003"), "{software}");
    assert!(last.contains("powering off"), "{last}");
    Ok(())
}
