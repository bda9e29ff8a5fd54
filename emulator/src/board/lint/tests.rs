//! Every rule has an example with a board that has such a finding, and one that just does not; what
//! mends a finding mends it; boards that are meant to be right have none.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{Finding, RULES, Rule, run};
use crate::backends::host::Host;
use crate::board::Origin;
use crate::cli::script::{Line, Program};
use crate::door::{Command, Door, Purpose, Startup, Step};
use crate::phase::Arrival;
use crate::qapi::{LintRule, MachineType, Phase};

/// What examples begin with that have no machine of their own.
const PRELUDE: &str = "machine-set type=none\naccel-set\nnext-machine-phase\n";

fn door() -> Door {
    let host = Host::closed().unwrap();
    Door::new(host, Startup { purpose: Purpose::Look, ..Startup::default() })
}

fn execute(door: &mut Door, command: Command) {
    let name = command.name.clone();
    let step = Step { command, origin: Origin::program() };
    door.perform(&step).unwrap_or_else(|error| panic!("{name}: {}", error.desc));
}

/// A directory with the files that comments of an example describe, such as `# app.elf: rv64 ...`.
struct Files(PathBuf);

impl Files {
    fn of(id: LintRule, which: &str, text: &str) -> Self {
        let name = format!("boardwright-lint-{}-{id}-{which}", std::process::id());
        let files = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&files.0).unwrap();
        for line in text.lines() {
            let Some((name, what)) = line.strip_prefix("# ").and_then(|line| line.split_once(": "))
            else {
                continue;
            };
            let bytes = match Path::new(name).extension().and_then(|end| end.to_str()) {
                Some("elf") => elf::make(what),
                Some("dts") => tree(what).into_bytes(),
                _ => vec![0; number(what.split(' ').next().unwrap()) as usize],
            };
            std::fs::write(files.0.join(name), bytes).unwrap();
        }
        files
    }

    /// The script, with the places of its files.
    fn placed(&self, text: &str) -> String {
        let mut text = text.to_string();
        for key in ["file", "dtb", "kernel"] {
            let here = format!("{key}={}/", self.0.display());
            text = text.replace(&format!(" {key}="), &format!(" {here}"));
        }
        text
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

/// `harts 0 1`, `memory 0x80000000+0x1000` or `uart 0x10000000` as a tree.
fn tree(what: &str) -> String {
    let (kind, rest) = what.split_once(' ').unwrap();
    // A tree without a hart is none.
    let harts = if kind == "harts" { rest } else { "0" };
    let hart = |id: &str| {
        let isa = "riscv,isa = \"rv64imafdc\";";
        format!("cpu@{id} {{ device_type = \"cpu\"; reg = <{id}>; {isa} }};")
    };
    let nodes: String = harts.split(' ').map(hart).collect();
    let other = match rest.split_once('+').filter(|_| kind == "memory") {
        Some((first, size)) => {
            format!("memory {{ device_type = \"memory\"; reg = <{first} {size}>; }};")
        }
        None if kind == "uart" => {
            format!("serial {{ compatible = \"sifive,uart0\"; reg = <{rest} 0x1000>; }};")
        }
        None => String::new(),
    };
    format!(
        "/dts-v1/; / {{ #address-cells = <1>; #size-cells = <1>; {other} \
         cpus {{ #address-cells = <1>; #size-cells = <0>; {nodes} }}; }};"
    )
}

/// ELF files out of a description: `rv64 entry=A code=FIRST+SIZE data=FIRST+SIZE[@LOADED]
/// isa=STRING stack=SYMBOL:VALUE`.
mod elf {
    use super::number;

    const RISCV: u16 = 243;
    const HEADER: u64 = 64;
    const PROGRAM_HEADER: u64 = 56;
    const SECTION_HEADER: u64 = 64;

    pub(super) fn make(what: &str) -> Vec<u8> {
        let mut words = what.split(' ');
        let width = words.next().unwrap();
        let mut entry = 0;
        let mut segments: Vec<(u32, u64, u64, u64)> = Vec::new();
        let (mut attributes, mut symbol) = (Vec::new(), None);
        for word in words {
            let (key, value) = word.split_once('=').unwrap();
            match key {
                "entry" => entry = number(value),
                "code" | "data" => {
                    let (place, loaded) = match value.split_once('@') {
                        Some((place, loaded)) => (place, Some(number(loaded))),
                        None => (value, None),
                    };
                    let (first, size) = place.split_once('+').unwrap();
                    let first = number(first);
                    let flags = if key == "code" { 5 } else { 6 };
                    segments.push((flags, first, loaded.unwrap_or(first), number(size)));
                }
                "isa" => attributes = arch(value),
                "stack" => {
                    let (name, value) = value.split_once(':').unwrap();
                    symbol = Some((name.to_string(), number(value)));
                }
                _ => panic!("{word}"),
            }
        }
        if width == "rv32" {
            return small(entry as u32, &segments);
        }
        large(entry, &segments, &attributes, symbol)
    }

    /// A file of 32 bits: headers and segments only.
    fn small(entry: u32, segments: &[(u32, u64, u64, u64)]) -> Vec<u8> {
        let mut out = b"\x7fELF\x01\x01\x01".to_vec();
        out.resize(16, 0);
        out.extend(2_u16.to_le_bytes().iter().chain(&RISCV.to_le_bytes()));
        for word in [1, entry, 52, 0, 0] {
            out.extend(u32::to_le_bytes(word));
        }
        for half in [52, 32, segments.len() as u16, 40, 0, 0] {
            out.extend(u16::to_le_bytes(half));
        }
        for (flags, at, loaded, size) in segments {
            for word in [1, 0, *at as u32, *loaded as u32, 0, *size as u32, *flags, 4] {
                out.extend(u32::to_le_bytes(word));
            }
        }
        out
    }

    fn large(
        entry: u64,
        segments: &[(u32, u64, u64, u64)],
        attributes: &[u8],
        symbol: Option<(String, u64)>,
    ) -> Vec<u8> {
        // Behind the headers: strings, symbols, attributes; then the section headers.
        let strings = format!("\0{}\0", symbol.as_ref().map_or("", |(name, _)| name)).into_bytes();
        let value = symbol.map_or(0, |(_, value)| value);
        let mut symbols = vec![0; 24];
        symbols.extend(1_u32.to_le_bytes());
        symbols.extend([0x10, 0, 0xf1, 0xff]);
        symbols.extend([value, 0].iter().flat_map(|word: &u64| word.to_le_bytes()));
        let begin = HEADER + PROGRAM_HEADER * segments.len() as u64;
        let at =
            [begin, begin + strings.len() as u64, begin + (strings.len() + symbols.len()) as u64];
        let sections = at[2] + attributes.len() as u64;
        let mut out = b"\x7fELF\x02\x01\x01".to_vec();
        out.resize(16, 0);
        out.extend(2_u16.to_le_bytes().iter().chain(&RISCV.to_le_bytes()));
        out.extend(1_u32.to_le_bytes());
        for word in [entry, HEADER, sections] {
            out.extend(u64::to_le_bytes(word));
        }
        out.extend(0_u32.to_le_bytes());
        for half in [
            HEADER as u16,
            PROGRAM_HEADER as u16,
            segments.len() as u16,
            SECTION_HEADER as u16,
            4,
            1,
        ] {
            out.extend(u16::to_le_bytes(half));
        }
        for (flags, address, loaded, size) in segments {
            out.extend(1_u32.to_le_bytes().iter().chain(&flags.to_le_bytes()));
            for word in [0, *address, *loaded, 0, *size, 4] {
                out.extend(u64::to_le_bytes(word));
            }
        }
        out.extend(&strings);
        out.extend(&symbols);
        out.extend(attributes);
        // Type, offset, size, link, information, size of an entry.
        let headers = [
            (0, 0, 0, 0, 0, 0),
            (3, at[0], strings.len() as u64, 0, 0, 0),
            (2, at[1], symbols.len() as u64, 1, 1, 24),
            (0x7000_0003, at[2], attributes.len() as u64, 0, 0, 0),
        ];
        for (kind, offset, size, link, info, entry) in headers {
            out.extend([0_u32, kind].iter().flat_map(|word| word.to_le_bytes()));
            out.extend([0, 0, offset, size].iter().flat_map(|word| u64::to_le_bytes(*word)));
            out.extend([link, info].iter().flat_map(|word| u32::to_le_bytes(*word)));
            out.extend([1, entry].iter().flat_map(|word| u64::to_le_bytes(*word)));
        }
        out
    }

    /// `.riscv.attributes` with an arch string.
    fn arch(isa: &str) -> Vec<u8> {
        let mut values = vec![5];
        values.extend(isa.bytes().chain([0]));
        let scope = values.len() as u32 + 5;
        let vendor = scope + 4 + 6;
        let mut out = vec![b'A'];
        out.extend(vendor.to_le_bytes());
        out.extend(b"riscv\0\x01");
        out.extend(scope.to_le_bytes());
        out.extend(values);
        out
    }
}

/// A board as an example has it.
fn build(id: LintRule, which: &str, text: &str) -> (Door, Files) {
    let files = Files::of(id, which, text);
    let whole = if text.contains("machine-set") { text.into() } else { format!("{PRELUDE}{text}") };
    let mut door = door();
    let program = Program::parse(Path::new(id.as_str()), files.placed(&whole)).unwrap();
    let nothing = |_: &Path| Err("no file".into());
    let mut run = |line: &Line| {
        execute(&mut door, line.command.clone());
        Ok(ControlFlow::Continue(()))
    };
    program.walk(&[], &nothing, &mut run).unwrap();
    (door, files)
}

fn findings(door: &Door) -> Vec<Finding> {
    run(&door.board().unwrap(), Some(&door.host))
}

fn of(door: &Door, id: LintRule) -> Vec<Finding> {
    findings(door).into_iter().filter(|f| f.rule.id == id && f.waived.is_none()).collect()
}

#[test]
fn the_table_is_complete_and_tells_what_the_schema_tells() {
    let ids: Vec<LintRule> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, LintRule::ALL);
    assert!(RULES.is_sorted_by_key(|rule| rule.id.as_str()));
    let schema = include_str!("../../../qapi/lint.json").replace("#     ", "").replace('\n', " ");
    for Rule { id, summary, explanation, .. } in RULES {
        assert!(schema.contains(&format!("@{id}: {summary}")), "{id}: {summary}");
        assert!(explanation.ends_with('.') && !explanation.contains("  "), "{id}");
    }
}

#[test]
fn every_rule_has_a_board_with_a_finding_and_one_without() {
    for rule in RULES {
        let (bad, good) = rule.boards();
        assert!(!bad.is_empty() && !good.is_empty(), "{}: an example without two boards", rule.id);
        let (door, _files) = build(rule.id, "bad", bad);
        assert!(!of(&door, rule.id).is_empty(), "{} finds nothing in its example", rule.id);
        let (door, _files) = build(rule.id, "good", good);
        let wrong = of(&door, rule.id);
        assert!(wrong.is_empty(), "{}: {:?}", rule.id, wrong[0].problem);
    }
}

/// What a finding says mends it can be executed, and the finding is gone.
#[test]
fn what_mends_a_finding_mends_it() {
    let mut mended = 0;
    for rule in RULES {
        let (door, files) = build(rule.id, "mended", rule.boards().0);
        for number in 0..findings(&door).len() {
            let (mut door, _same) = build(rule.id, "mended", rule.boards().0);
            let finding = findings(&door).swap_remove(number);
            if finding.problem.fix.is_empty() {
                continue;
            }
            for command in &finding.problem.fix {
                execute(&mut door, command.clone());
            }
            let left = of(&door, finding.rule.id);
            let same = left.iter().find(|left| left.problem.objects == finding.problem.objects);
            assert!(same.is_none(), "in {}: {:?}", rule.id, finding.problem);
            mended += 1;
        }
        drop(files);
    }
    assert!(mended > 50, "{mended}");
}

#[test]
fn every_finding_is_about_something_that_exists() {
    for rule in RULES {
        let (door, _files) = build(rule.id, "objects", rule.boards().0);
        let board = door.board().unwrap();
        for finding in findings(&door) {
            for path in &finding.problem.objects {
                let exists = board.find(path).is_ok() || board.find_port(path).is_ok();
                assert!(exists, "{}: {path}", finding.rule.id);
            }
            let entry = finding.problem.entry;
            assert!(entry == 0 || board.journal().entry(entry).is_some(), "{}", finding.rule.id);
        }
    }
}

#[test]
fn built_in_machines_have_no_findings() {
    for kind in MachineType::ALL {
        let mut door = door();
        let options = serde_json::json!({ "type": kind.as_str() });
        execute(&mut door, Command::new("machine-set", options).unwrap());
        door.advance(Phase::Initialized, Arrival::Be).unwrap();
        let found = findings(&door);
        assert!(found.is_empty(), "{kind}: {:?}", found[0].problem);
    }
}

/// A waiver is about an object and all that is part of it, or about a rule.
#[test]
fn waivers_let_findings_stay() {
    const BOARD: &str = "device_add driver=riscv.hart_array id=cpus num-harts=2\n\
        device_add driver=riscv.aclint.mtimer id=mtimer num-harts=2\n";
    for (waiver, left) in [
        ("", 2),
        ("board-lint-waive rule=line-unconnected reason=polled", 0),
        ("board-lint-waive rule=line-unconnected object=mtimer reason=polled", 0),
        ("board-lint-waive rule=line-unconnected object=cpus reason=polled", 0),
        ("board-lint-waive rule=line-unconnected object=cpus/harts[1] reason=polled", 1),
        ("board-lint-waive rule=line-unconnected object=mtimer/unnamed-gpio-out[0] reason=x", 1),
        ("board-lint-waive rule=line-misrouted reason=polled", 2),
    ] {
        let rule = LintRule::LineUnconnected;
        let (door, _files) = build(rule, "waived", &format!("{BOARD}{waiver}\n"));
        assert_eq!(of(&door, rule).len(), left, "{waiver}");
        let all = findings(&door);
        assert_eq!(all.iter().filter(|f| f.rule.id == rule).count(), 2, "{waiver}");
        let unused = all.iter().filter(|f| f.rule.id == LintRule::WaiverUnused).count();
        assert_eq!(unused, usize::from(left == 2 && !waiver.is_empty()), "{waiver}");
    }
}
