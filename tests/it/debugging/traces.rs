//! What `-d` writes.

use anyhow::Result;
use boardwright_tests::asm::fail;
use boardwright_tests::program::{Program, run};

use serde_json::json;

use super::board;

/// The log of a guest that ends with status 3.
fn log(items: &[&str]) -> Result<String> {
    let options = [&["-S", "-D", "{dir}/log", "-d"], items].concat();
    let (mut program, mut client) = board(1, &fail(3), &options)?;
    client.execute("cont", json!({}))?;
    client.wait_event("SHUTDOWN")?;
    let log = program.scratch().path("log");
    while program.is_running() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(program.status()?, 3);
    Ok(std::fs::read_to_string(log)?)
}

#[test]
fn retired_instructions_are_lines_of_spike() -> Result<()> {
    let expected = "\
core   0: 3 0x0000000080000000 (0x00100337) x6  0x0000000000100000
core   0: 3 0x0000000080000004 (0x000332b7) x5  0x0000000000033000
core   0: 3 0x0000000080000008 (0x33328293) x5  0x0000000000033333
core   0: 3 0x000000008000000c (0x00532023) mem 0x0000000000100000 0x00033333
";
    let text = log(&["commits"])?;
    assert!(text.starts_with(expected), "{text}");
    let text = log(&["commits", "-dfilter", "0x80000004+4,0x8000000c..0x8000000f"])?;
    let lines: Vec<&str> = expected.lines().collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), [lines[1], lines[3]]);
    Ok(())
}

#[test]
fn code_is_listed_and_its_blocks_are_named() -> Result<()> {
    let text = log(&["in_asm,exec,cpu,nochain"])?;
    for piece in [
        "----------------\nIN: \nHart: 0\n",
        "0x0000000080000000:  00100337          lui                     t1,0x100\n",
        "Trace 0: [0000000080000000]\n",
        "CPU#0\n pc       0000000080000000\n",
    ] {
        assert!(text.contains(piece), "no {piece:?} in {text}");
    }
    Ok(())
}

/// The guest's ELF file has symbols.
#[test]
fn symbols_are_those_of_the_elf_file() -> Result<()> {
    let arguments = ["run", "boards/first.qmp", "-d", "in_asm,exec,int", "-D", "{dir}/log"];
    let mut program = Program::start(&arguments)?;
    let log = program.scratch().path("log");
    while program.is_running() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let text = std::fs::read_to_string(log)?;
    for piece in [
        "IN: _start\n",
        "Trace 0: [0000000080000000] _start\n",
        "riscv_cpu_do_interrupt: hart:0, async:1, cause:0000000000000007, epc:0x0000000080",
        "desc=machine_timer\n",
    ] {
        assert!(text.contains(piece), "no {piece:?} in {}", &text[..text.len().min(4000)]);
    }
    Ok(())
}

#[test]
fn a_range_that_is_none_is_refused() -> Result<()> {
    let ended = run(&["-M", "none", "-dfilter", "0x1000"])?;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.err.contains("FIRST..LAST, FIRST+SIZE or LAST-SIZE, not '0x1000'"), "{ended:?}");
    Ok(())
}
