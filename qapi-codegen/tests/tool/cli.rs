//! The program: its actions, its exit status, and one clear error for each wrong usage.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::Scratch;

const GOOD: &str = "{ 'command': 'c', 'data': { 'a': 'str' } }\n";
const BAD: &str = "{ 'command': 'c', 'data': { 'a': 'strr' } }\n";

/// What a run of the program gave.
struct Run {
    status: i32,
    output: String,
    errors: String,
}

fn tool(scratch: &Scratch) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qapi-codegen"));
    command.current_dir(&scratch.0);
    command
}

fn run(scratch: &Scratch, arguments: &str) -> Run {
    let result = tool(scratch).args(arguments.split_whitespace()).output().unwrap();
    Run {
        status: result.status.code().unwrap(),
        output: String::from_utf8(result.stdout).unwrap(),
        errors: String::from_utf8(result.stderr).unwrap(),
    }
}

/// A directory with a right schema, a wrong one, and some other files.
fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.file("good.json", GOOD);
    scratch.file("bad.json", BAD);
    scratch.file("defines", "# remark\nCONFIG_A\n\nCONFIG_B # another\n");
    scratch.file("nonsense", "config-a\n");
    scratch
}

#[test]
fn wrong_usage() {
    let scratch = scratch();
    let rows = [
        ("", "what shall be done?"),
        ("--check", "--schema FILE is missing"),
        ("--schema good.json", "what shall be done?"),
        ("--schema", "--schema needs a value"),
        ("--schema --check", "--schema needs a value"),
        ("--chek", "there is no option --chek; there is --check"),
        ("--wood", "there is no option --wood"),
        ("-x", "there is no option -x"),
        ("good.json", "'good.json' is no option; --schema FILE names a schema"),
        ("--schema good.json --schema bad.json --check", "--schema is given twice"),
        ("--schema good.json --emit htm", "--emit htm: there is no such output; there is html"),
        ("--schema good.json --emit wood", "there are rust, client, introspect, dump"),
        ("--schema good.json --emit rust", "several files need --out DIR"),
        ("--schema good.json --emit html,dump", "several files need --out DIR"),
        ("--schema good.json --check --emit html", "--check with --emit needs --out DIR"),
        (
            "--schema good.json --format jsn --check",
            "--format jsn: there is no such format; there is json",
        ),
        (
            "--schema good.json --show c --out d",
            "--show and --emit and --out are different actions",
        ),
        ("--schema good.json --show c --diff bad.json", "--show and --diff are different actions"),
        ("--schema good.json --check --show c", "--check and --show are different actions"),
        ("--schema good.json --watch --show c", "--watch goes with --check, --examples and --out"),
        ("--schema good.json --out bad.json", "--out bad.json: this is a file, no directory"),
        ("--schema good.json --check --defines none", "cannot read none: No such file"),
        (
            "--schema good.json --check --defines nonsense",
            "nonsense:1: 'config-a' is no macro name",
        ),
        ("--schema good.json --diff none", "cannot read none: No such file"),
        ("--schema good.json --diff bad.json", "the old schema has errors"),
    ];
    for (arguments, message) in rows {
        let run = run(&scratch, arguments);
        assert_eq!((run.status, run.output.as_str()), (2, ""), "{arguments}: {}", run.errors);
        assert!(run.errors.starts_with("error: "), "{arguments}: {}", run.errors);
        assert!(run.errors.contains(message), "{arguments}: {}", run.errors);
    }
}

#[test]
fn help_is_an_answer() {
    let run = run(&scratch(), "--help");
    assert_eq!((run.status, run.errors.as_str()), (0, ""));
    for word in ["usage: qapi-codegen", "json-schema", "--no-phases", "Exit status:"] {
        assert!(run.output.contains(word), "{word}");
    }
}

#[test]
fn errors_in_three_forms() {
    let scratch = scratch();
    let first = |format| run(&scratch, &format!("--schema bad.json --check --format {format}"));
    let qemu = first("qemu");
    assert_eq!(qemu.status, 1);
    assert_eq!(
        qemu.errors,
        "bad.json: In command 'c':\nbad.json:1: parameter 'a' uses unknown type 'strr'\n"
    );
    assert!(
        first("human").errors.contains("there is a type 'str'")
            || first("human").errors.contains("'str'")
    );
    let json: serde_json::Value = serde_json::from_str(&first("json").errors).unwrap();
    assert_eq!(json["errors"][0]["place"]["line"], 1);
    assert_eq!(json["total"], 1);
    let missing = run(&scratch, "--schema none.json --check --format qemu");
    let expected = "can't read schema file 'none.json': No such file or directory\n";
    assert_eq!((missing.status, missing.errors.as_str()), (1, expected));
    let folder = run(&scratch, "--schema . --check --format qemu");
    assert_eq!(
        (folder.status, folder.errors.as_str()),
        (1, "can't read schema file '.': Is a directory\n")
    );
    assert_eq!(run(&scratch, "--schema good.json --check").status, 0);
}

#[test]
fn files_are_written_and_compared() {
    let scratch = scratch();
    let all =
        "--schema good.json --out out --emit rust,client,introspect,dump,html,markdown,json-schema";
    let check = format!("{all} --check");
    let missing = run(&scratch, &check);
    assert_eq!(missing.status, 1);
    assert!(missing.errors.contains("out/manual.html: missing"), "{}", missing.errors);
    let written = run(&scratch, all);
    assert_eq!(written.status, 0, "{}", written.errors);
    for name in [
        "qapi.rs",
        "qapi/good.rs",
        "qapi/introspection.json",
        "client.rs",
        "introspection.json",
        "schema.out",
        "manual.html",
        "manual.md",
        "schema.json",
    ] {
        assert!(scratch.0.join("out").join(name).is_file(), "{name}");
        assert!(written.output.contains(&format!("out/{name}\n")), "{name}");
    }
    assert_eq!(run(&scratch, &check).status, 0);
    scratch.file("out/qapi/old.rs", "");
    scratch.file("out/manual.md", "");
    scratch.file("out/mine.txt", "");
    let stale = run(&scratch, &check);
    assert_eq!(stale.status, 1);
    assert_eq!(
        stale.errors,
        "out/manual.md: out of date\nout/qapi/old.rs: no longer generated\n\
         run without --check to write them\n"
    );
    let json = run(&scratch, &format!("{check} --format json"));
    let json: serde_json::Value = serde_json::from_str(&json.errors).unwrap();
    assert_eq!(json["errors"][0]["code"], "stale");
    assert_eq!(json["errors"][0]["place"]["file"], "out/manual.md");
    // A folder where a file should be.
    std::fs::create_dir_all(scratch.0.join("blocked/manual.html/x")).unwrap();
    let blocked = run(&scratch, "--schema good.json --out blocked --emit html");
    assert_eq!(blocked.status, 2);
    assert!(
        blocked.errors.contains("cannot write blocked/manual.html: Is a directory"),
        "{}",
        blocked.errors
    );
}

#[test]
fn answers_are_printed() {
    let scratch = scratch();
    let rows = [
        ("--emit dump", "command c q_obj_c-arg -> None"),
        ("--emit introspect", "\"meta-type\":\"command\""),
        ("--emit html", "<article id=\"command-c\""),
        ("--emit markdown", "### `c` (command)"),
        ("--emit json-schema", "\"command.c.arguments\""),
        ("--show c", "--- Rust ---"),
        ("--examples", "0 examples, 0 messages, 0 wrong"),
        ("--diff good.json", "nothing has changed for a client"),
    ];
    for (arguments, expected) in rows {
        let run = run(&scratch, &format!("--schema good.json --defines defines {arguments}"));
        assert_eq!(run.status, 0, "{arguments}: {}", run.errors);
        assert!(run.output.contains(expected), "{arguments}: {}", run.output);
    }
    let unknown = run(&scratch, "--schema good.json --show d");
    assert_eq!((unknown.status, unknown.output.as_str()), (1, ""));
    scratch.file(
        "phases.json",
        "{ 'pragma': { 'phase-enum': 'Phase' } } { 'enum': 'Phase', 'data': [ 'a', 'b' ] }
        { 'command': 'c', 'allowed-phases': [ 'a' ], 'if': 'CONFIG_A' }",
    );
    let told = |more: &str| {
        run(&scratch, &format!("--schema phases.json --emit introspect {more}")).output
    };
    assert!(told("--defines defines").contains("allowed-phases"));
    assert!(!told("--defines defines --no-phases").contains("allowed-phases"));
    assert!(!told("").contains("\"c\""));
}

#[test]
fn refusals() {
    let scratch = scratch();
    scratch.file("new.json", "{ 'command': 'c', 'data': { 'a': 'str', 'b': 'str' } }");
    let diff = run(&scratch, "--schema new.json --diff good.json");
    assert_eq!(diff.status, 1);
    assert_eq!(
        diff.output,
        "incompatible: command 'c': 'arguments.b' is new and mandatory\n\
         1 changes: 1 incompatible, 0 notice, 0 compatible\n"
    );
    let json = run(&scratch, "--schema new.json --diff good.json --format json").output;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["incompatible"], &json["changes"][0]["kind"]), (&1.into(), &"added".into()));
    scratch.file("example.json", "##\n# @c:\n#\n# .. qmp-example::\n#\n#     -> { 'execute': 'd' }\n##\n{ 'command': 'c' }\n");
    let example = run(&scratch, "--schema example.json --examples");
    assert_eq!(example.status, 1);
    assert_eq!(example.errors, "example.json:6: example of 'c': there is no command 'd'\n");
    let json = run(&scratch, "--schema example.json --examples --format json");
    let json: serde_json::Value = serde_json::from_str(&json.errors).unwrap();
    assert_eq!(json["errors"][0]["code"], "example");
    // A manual is made nevertheless; so is everything that the reference accepts.
    let manual = run(&scratch, "--schema example.json --emit html --out out");
    assert_eq!(manual.status, 0);
    assert!(manual.errors.starts_with("warning: example.json:6:"), "{}", manual.errors);
    assert_eq!(run(&scratch, "--schema example.json --check").status, 0);
}

/// A program that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Each change of a file is one more round, also after an error.
#[test]
fn watching() {
    let scratch = scratch();
    scratch.file("root.json", "{ 'include': 'part.json' }\n");
    let mut child = Killed(
        tool(&scratch)
            .args(["--schema", "root.json", "--out", "out", "--emit", "dump", "--watch"])
            .args(["--format", "qemu"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut next = |start: &str| {
        let line = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("round "));
        let line = line.unwrap();
        assert!(line.starts_with(start), "{line}");
    };
    next("round 1: not accepted");
    scratch.file("part.json", GOOD);
    next("round 2: fine, files written: 1, watched: 2");
    scratch.file("part.json", "{ 'command': 'longer-name' }\n");
    next("round 3: fine, files written: 1");
    scratch.file("part.json", "{ 'command': \n");
    next("round 4: not accepted, files written: 0");
    scratch.file("part.json", "{ 'command': 'longer-name' }\n# A remark.\n");
    next("round 5: fine, files written: 0");
    drop(child);
    let dump = std::fs::read_to_string(scratch.0.join("out/schema.out")).unwrap();
    assert!(dump.contains("command longer-name"), "{dump}");
}
