//! Whatever the text, loading ends with a schema or with errors: no panic, no overflow, and no
//! time out of proportion.
#![expect(clippy::expect_used, reason = "helpers of tests may fail as tests may")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use qapi_schema::{Diagnostics, Schema};

/// A schema with a bit of everything.
const SCHEMA: &str = "# A comment
{ 'pragma': { 'doc-required': false, 'phase-enum': 'Phase',
              'member-name-exceptions': [ 'Et' ] } }
##
# = Heading
##

##
# @St:
#
# Body \u{e4} of it.
#
# @a: member
#     text
# @b: more
#
# Features:
# @f: feature
#
# Since: 1
##
{ 'struct': 'St', 'data': { 'a': 'str', '*b': { 'type': ['Et'], 'if': { 'all': [ 'A', { 'not': 'B' } ] } } },
  'features': [ { 'name': 'f', 'if': 'F' } ] }
{ 'enum': 'Et', 'data': [ 'x', { 'name': 'Y_y', 'features': [ 'deprecated' ] } ], 'prefix': 'E' }
{ 'enum': 'Phase', 'data': [ 'early', 'late' ] }
{ 'union': 'Un', 'base': { 'k': 'Et' }, 'discriminator': 'k', 'data': { 'x': 'St' } }
{ 'alternate': 'At', 'data': { 'o': 'Un', 's': 'str', 'l': ['int'] } }
##
# @halt:
#
# Returns: something
##
{ 'command': 'halt', 'returns': ['St'], 'allow-oob': true, 'allowed-phases': [ 'late' ] }
{ 'event': 'HALTED', 'data': 'Un', 'boxed': true } # the end
";

fn path(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("robust").join(test);
    fs::create_dir_all(&directory).expect("a directory");
    directory.join("schema.json")
}

fn load(test: &str, text: &[u8]) -> Result<Schema, Diagnostics> {
    let path = path(test);
    fs::write(&path, text).expect("a file");
    qapi_schema::load(&path)
}

/// Loads a text and asks for everything that can be asked of the result.
fn exercise(test: &str, text: &[u8]) {
    match load(test, text) {
        Ok(schema) => assert!(!qapi_schema::dump(&schema).is_empty()),
        Err(errors) => {
            assert!(!errors.qemu().is_empty());
            assert!(errors.to_string().contains("error"));
            assert!(errors.json()["errors"].is_array());
        }
    }
}

fn message(test: &str, text: &str) -> String {
    let errors = load(test, text.as_bytes()).expect_err("a wrong schema");
    errors.iter().next().expect("an error").problem.to_string()
}

#[test]
fn the_schema_is_right() {
    assert!(load("right", SCHEMA.as_bytes()).is_ok());
}

#[test]
fn every_truncation() {
    for length in 0..SCHEMA.len() {
        exercise("truncation", &SCHEMA.as_bytes()[..length]);
    }
}

#[test]
fn every_missing_line() {
    let lines: Vec<&str> = SCHEMA.lines().collect();
    for missing in 0..lines.len() {
        let kept: Vec<&str> =
            lines.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, it)| *it).collect();
        exercise("line", kept.join("\n").as_bytes());
    }
}

#[test]
fn random_damage() {
    // A small linear congruential generator: the same damage every time.
    let mut state = 1_u64;
    let mut random = move |limit: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % limit
    };
    let pieces: [&[u8]; 14] = [
        b"{", b"}", b"[", b"]", b":", b",", b"'", b"##\n", b"#", b"\\", b"\n", b"\xE4", b"@x:", b"",
    ];
    for _ in 0..3000 {
        let mut text = SCHEMA.as_bytes().to_vec();
        for _ in 0..=random(3) {
            let start = random(text.len());
            let end = (start + random(3)).min(text.len());
            text.splice(start..end, pieces[random(pieces.len())].iter().copied());
        }
        exercise("damage", &text);
    }
}

#[test]
fn deep_expressions() {
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(message("deep", &arrays(400)), "top-level expression must be an object");
    let refused = "expression nests too deep (at most 400 levels)";
    assert_eq!(message("deep", &arrays(401)), refused);
    assert_eq!(message("deep", &"{ 'a':\n".repeat(100_000)), refused);
    assert_eq!(message("deep", &"[".repeat(1_000_000)), refused);
    // What is wrong before the limit is reached comes first.
    assert_eq!(message("deep", &format!("; {}", arrays(401))), "stray ';'");

    let condition = |depth: usize| {
        let (open, close) = ("{ 'not': ".repeat(depth), "}".repeat(depth));
        format!("{{ 'struct': 'Sa', 'data': {{}}, 'if': {open} 'A' {close} }}")
    };
    let schema = load("condition", condition(399).as_bytes()).expect("not too deep");
    assert!(qapi_schema::dump(&schema).contains("'A'"));
    assert_eq!(message("condition", &condition(400)), refused);
}

#[test]
fn long_chains_of_bases() {
    let chain = |up: bool| {
        let number = |at: usize| if up { at } else { 9_999 - at };
        let mut text = String::from("{ 'struct': 'S0', 'data': {} }\n");
        for at in 1..9_999 {
            let this = number(at).max(1);
            writeln!(text, "{{ 'struct': 'S{this}', 'base': 'S{}', 'data': {{}} }}", this - 1)
                .expect("a string");
        }
        text.replace("'S", "'Sa")
    };
    for up in [false, true] {
        let text = message("bases", &chain(up));
        assert!(text.ends_with("nests too deep (at most 200 levels of base types and branches)"));
    }
}

#[test]
fn long_chains_of_includes() {
    let directory = path("includes");
    let directory = directory.parent().expect("a directory");
    for number in 0..150 {
        let text = format!("{{ 'include': 'i{}.json' }}", number + 1);
        fs::write(directory.join(format!("i{number}.json")), text).expect("a file");
    }
    let errors = qapi_schema::load(&directory.join("i0.json")).expect_err("too many");
    assert_eq!(errors.files().count(), 101);
    assert!(errors.qemu().ends_with("includes nest too deep (at most 100 levels)"));
}

#[test]
fn files_beyond_all_measure() {
    let too_large = "the schema is larger than 16 MiB";
    let root = path("large");
    // A hole: 100 MiB that take no room.
    let large = root.with_file_name("large.json");
    let file = fs::File::create(&large).expect("a file");
    file.set_len(100 << 20).expect("a size");
    for path in [large.as_path(), Path::new("/dev/zero")] {
        let text = qapi_schema::load(path).expect_err("too large").qemu();
        assert_eq!(text, format!("can't read schema file '{}': {too_large}", path.display()));
    }
    // What counts is all files together.
    let half = format!("#{}\n", " ".repeat(9 << 20));
    fs::write(root.with_file_name("half.json"), &half).expect("a file");
    let text = message("large", &format!("{{ 'include': 'half.json' }}\n{half}"));
    assert!(text.starts_with("can't read include file") && text.ends_with(too_large), "{text}");
}

#[test]
fn lines_beyond_all_measure() {
    let long = " ".repeat(1 << 20);
    let errors = load("long", format!("{long}; {long}").as_bytes()).expect_err("a wrong schema");
    assert!(errors.qemu().ends_with("schema.json:1:1048577: stray ';'"));
    assert!(errors.to_string().len() < 1000, "a line of a megabyte is not shown in full");
    assert_eq!(message("long", &format!("'{}", "x".repeat(1 << 20))), "missing terminating \"'\"");
    // What messages quote is quoted in full, and only there.
    let name = "x".repeat(1 << 20);
    let text = format!("{{ 'command': 'x', 'data': '{name}' }}");
    let errors = load("long", text.as_bytes()).expect_err("a wrong schema").to_string();
    assert!(errors.len() < 3 << 20, "{}", errors.len());
}

#[test]
fn control_characters() {
    assert_eq!(message("control", "{ \0 }"), "stray '\0'");
    assert_eq!(message("control", "{ 'a\0b': 'c' }"), "funny character in string");
    assert_eq!(message("control", "##\n# a\0\n"), "documentation comment must end with '##'");
    assert!(load("control", b"# \0 \x1B[2J \x7F\n").is_ok());
    // A terminal gets to see none of them.
    for text in ["{ \0 }", "\x1B[2J", "'\x1B' \x1B[2J", "# \x1B[2J\n?"] {
        let errors = load("control", text.as_bytes()).expect_err("a wrong schema").to_string();
        let shown = |c: char| c == '\n' || !c.is_control();
        assert!(errors.chars().all(shown), "{errors:?}");
    }
}

#[test]
fn time_is_in_proportion() {
    let mut definitions = String::new();
    for number in 0..5_000 {
        writeln!(
            definitions,
            "##\n# @Sa{number}:\n#\n# @a: text\n#\n# @b: text\n##\n\
             {{ 'struct': 'Sa{number}', 'data': {{ 'a': 'Sa{}', '*b': ['int'] }} }}",
            number * 7 % 5_000
        )
        .expect("a string");
    }
    let members: Vec<String> = (0..20_000).map(|it| format!("'m{it}': 'str'")).collect();
    let values: Vec<String> = (0..2_000).map(|it| format!("'v{it}'")).collect();
    let branches: Vec<String> = (0..2_000).map(|it| format!("'v{it}': 'Sa'")).collect();
    let texts = [
        definitions,
        format!("{{ 'struct': 'Sa', 'data': {{ {} }} }}", members.join(", ")),
        format!(
            "{{ 'enum': 'Et', 'data': [ {} ] }}\n{{ 'struct': 'Sa', 'data': {{ 'x': 'str' }} }}\n\
             {{ 'union': 'Un', 'base': {{ 'k': 'Et' }}, 'discriminator': 'k', 'data': {{ {} }} }}",
            values.join(", "),
            branches.join(", ")
        ),
        format!(
            "##\n# @Sa:\n#\n{}##\n{{ 'struct': 'Sa', 'data': {{ {} }} }}",
            (0..20_000).map(|it| format!("# @m{it}: text\n")).collect::<String>(),
            (0..20_000).map(|it| format!("'m{it}': 'str'")).collect::<Vec<_>>().join(", ")
        ),
        "{ 'command': }\n".repeat(5_000),
        "{ 'command': 'x'\n".repeat(5_000),
        (0..5_000).map(|it| format!("{{ 'command': 'x{it}', 'data': 'Sa{it}' }}\n")).collect(),
        "[ {},\n".repeat(300) + &"{},\n".repeat(10_000),
        "##\n".repeat(20_001),
        "'".repeat(200_000),
    ];
    // What is not in proportion takes hours: the runner's own limit is what fails it.
    for text in texts {
        exercise("time", text.as_bytes());
    }
}
