//! Instructions against the results of another implementation: the files in `tests/vectors`, which
//! `cargo xtask vectors` makes.

use std::path::Path;

use crate::common::*;

/// What QEMU 7.2 gets wrong, mended in 8.0: its `ctzw` looks beyond the word.
fn corrected(heading: &str, a1: u64) -> Option<u64> {
    (heading.contains(" ctzw ") && a1 as u32 == 0).then_some(32)
}

/// Tries all instructions of a file on all its inputs; says how many results were compared.
fn compare(text: &str) -> usize {
    let rv32 = text.lines().any(|line| line.starts_with("march rv32"));
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let inputs: Vec<(u64, u64)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("input "))
        .map(|line| line.split_once(' ').unwrap())
        .map(|(a1, a2)| (number(a1), number(a2)))
        .collect();
    let mut machine = Machine::new(if rv32 { "max32" } else { "max" }, &[]);
    let mut heading = "";
    let mut left = [].iter();
    let mut compared = 0;
    for line in text.lines().skip_while(|line| !line.starts_with("input")) {
        if let Some(results) = line.strip_prefix("  ") {
            for expected in results.split(' ').map(number) {
                let (a1, a2) = left.next().unwrap();
                machine.hart.set_pc(RAM);
                machine.hart.set_x(A1.into(), *a1);
                machine.hart.set_x(A2.into(), *a2);
                machine.step(1);
                assert_eq!(machine.hart.pc(), RAM + 4, "{heading} trapped");
                let expected = corrected(heading, *a1).unwrap_or(expected);
                let got = machine.hart.x(A0.into());
                assert_eq!(got, expected, "{heading}: {a1:x} {a2:x}: {got:x}, not {expected:x}");
                compared += 1;
            }
        } else if !line.is_empty() && !line.starts_with("input ") {
            assert_eq!(left.len(), 0, "{heading} has results missing");
            heading = line;
            left = inputs.iter();
            machine.memory.put(RAM, &[number(line.split(' ').next().unwrap()) as u32]);
            machine.hart.flush();
        }
    }
    assert_eq!(left.len(), 0, "{heading} has results missing");
    compared
}

#[test]
fn instructions_give_what_they_give_elsewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let compared = compare(&std::fs::read_to_string(&path).unwrap());
        assert!(compared > 0, "{} is empty", path.display());
    }
}
