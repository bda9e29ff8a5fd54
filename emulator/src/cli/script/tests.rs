//! Scripts and what they become, as data.

mod language;
mod layout;

use std::ops::ControlFlow;
use std::path::Path;

use super::evaluate::Limits;
use super::{Line, Program, ScriptError};

/// Evaluates a text that stands in `b.qmp`, with other files and parameters.
fn lines(
    text: &str,
    files: &[(&str, &str)],
    variables: &[(&str, &str)],
) -> Result<Vec<Line>, Box<ScriptError>> {
    let read = |path: &Path| {
        let plain = path.to_string_lossy().replace("parts/../", "");
        let found = files.iter().find(|(name, _)| *name == plain);
        let missing = || format!("Cannot read '{}': No such file or directory", path.display());
        found.map(|(_, text)| (*text).to_string()).ok_or_else(missing)
    };
    let variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let mut lines = Vec::new();
    let mut program = Program::parse(Path::new("b.qmp"), text.into())?;
    // The real ones take a while.
    program.limits = Limits { commands: 1000, steps: 5000 };
    program.walk(&variables, &read, &mut |line| {
        lines.push(line.clone());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(lines)
}

fn show(lines: Result<Vec<Line>, Box<ScriptError>>) -> String {
    match lines {
        Ok(lines) => lines
            .iter()
            .map(|line| {
                let arguments = serde_json::to_string(&line.command.arguments).unwrap();
                format!("{}: {} {arguments}", line.place.line, line.command.name)
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => error.to_string(),
    }
}

fn shown(text: &str) -> String {
    show(lines(text, &[], &[]))
}

fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(shown(text), *expected, "{text}");
    }
}

#[test]
fn lines_become_commands() {
    #[rustfmt::skip]
    check(&[
        ("", ""),
        ("\n  \n# only\n  // comments\n", ""),
        ("query-machine-phase", "1: query-machine-phase {}"),
        ("\u{feff}a\r\nb x=1\r\n", "1: a {}\n2: b {\"x\":1}"),
        ("  a x=1   y=2  \n\nb", "1: a {\"x\":1,\"y\":2}\n3: b {}"),
        ("a x=1 # y=2", "1: a {\"x\":1}"),
        ("a x=1 // y=2\nb", "1: a {\"x\":1}\n2: b {}"),
        ("a x=1#2 y=//z w=b//c", r##"1: a {"x":"1#2","y":"//z","w":"b//c"}"##),
        (r##"a x="# no" y="// neither" # this"##, r##"1: a {"x":"# no","y":"// neither"}"##),
        ("a x=1 \\\n  y=2 \\\r\n  z=3\nb", "1: a {\"x\":1,\"y\":2,\"z\":3}\n4: b {}"),
        ("a \\\n", "1: a {}"),
        ("a x=1\\\n  y={\"b\": 1}\\\n z=\"s\"\\\n", r#"1: a {"x":1,"y":{"b":1},"z":"s"}"#),
        ("# comment \\\nb", "2: b {}"),
        ("a x=\\n y=C:\\dir\\", r#"1: a {"x":"\\n","y":"C:\\dir\\"}"#),
        ("a b.c=1 b.d.e=x", r#"1: a {"b":{"c":1,"d":{"e":"x"}}}"#),
        ("a b={\"c\": 1} b.d=2", r#"1: a {"b":{"c":1,"d":2}}"#),
        ("x-sysbus-mmio-map device=uart addr=0x10010000",
            r#"1: x-sysbus-mmio-map {"device":"uart","addr":268500992}"#),
        ("qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[3]",
            r#"1: qom-set {"path":"uart","property":"sysbus-irq[0]","value":"plic/unnamed-gpio-in[3]"}"#),
        ("qom-set path=uart property=sysbus-irq[0] value=",
            r#"1: qom-set {"path":"uart","property":"sysbus-irq[0]","value":""}"#),
        ("device_add driver=riscv.hart_array id=cpus cpu-type=rv64,i=true,mmu=false num-harts=2",
            r#"1: device_add {"driver":"riscv.hart_array","id":"cpus","cpu-type":"rv64,i=true,mmu=false","num-harts":2}"#),
        ("human-monitor-command command-line=\"info version\"",
            r#"1: human-monitor-command {"command-line":"info version"}"#),
    ]);
}

#[test]
fn values() {
    #[rustfmt::skip]
    let rows = [
        ("0", "0"),
        ("42", "42"),
        ("-7", "-7"),
        ("0x1F", "31"),
        ("0X1f", "31"),
        ("-0x10", "-16"),
        ("0x8000_0000", "2147483648"),
        ("1_000", "1000"),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("64K", "65536"),
        ("64M", "67108864"),
        ("1G", "1073741824"),
        ("16KiB", "16384"),
        ("1MiB", "1048576"),
        ("2GiB", "2147483648"),
        ("1TiB", "1099511627776"),
        // Not numbers.
        ("007", r#""007""#),
        ("0x", r#""0x""#),
        ("0xg", r#""0xg""#),
        ("1_", r#""1_""#),
        ("1__0", r#""1__0""#),
        ("_1", r#""_1""#),
        ("K", r#""K""#),
        ("-", r#""-""#),
        ("1.5", r#""1.5""#),
        ("64k", r#""64k""#),
        ("rv64", r#""rv64""#),
        ("+1", r#""+1""#),
        // Booleans.
        ("true", "true"),
        ("True", "true"),
        ("FALSE", "false"),
        ("on", r#""on""#),
        ("null", r#""null""#),
        // Strings in quotes.
        (r#""two words""#, r#""two words""#),
        (r#""42""#, r#""42""#),
        (r#""""#, r#""""#),
        (r#""a \"b\" \\ \u0041""#, r#""a \"b\" \\ A""#),
        ("\"tab\there\"", r#""tab\there""#),
        ("'single \"quotes\"'", r#""single \"quotes\"""#),
        (r"'it\'s'", r#""it's""#),
        // JSON and nearly JSON.
        ("{}", "{}"),
        ("[ ]", "[]"),
        (r#"{"a":1}"#, r#"{"a":1}"#),
        (r#"{ "a" : [ 1 , -2.5e1, null, true ] }"#, r#"{"a":[1,-25.0,null,true]}"#),
        ("{'a': 'b', 'c': None, 'd': True}", r#"{"a":"b","c":null,"d":true}"#),
        ("[0x10, 16KiB]", "[16,16384]"),
        (r##"["# no comment", "//", "]"]"##, r##"["# no comment","//","]"]"##),
        ("[1, \\\n 2]", "[1,2]"),
    ];
    for (text, value) in rows {
        assert_eq!(shown(&format!("c v={text}")), format!("1: c {{\"v\":{value}}}"), "{text}");
    }
}

#[test]
fn errors_show_their_place() {
    #[rustfmt::skip]
    check(&[
        ("a\n\ndevice_add loader",
            "b.qmp:3:12: expected key=value, found 'loader'\ndevice_add loader\n           ^"),
        ("a x", "b.qmp:1:3: expected key=value, found 'x'\na x\n  ^"),
        ("\ta x", "b.qmp:1:4: expected key=value, found 'x'\n\ta x\n\t  ^"),
        ("ä=1", "b.qmp:1:1: expected a command, found 'ä=1'; a command that goes on in the next line ends in \\\nä=1\n^"),
        ("{\"execute\": 1}", "b.qmp:1:1: expected a command, found '{\"execute\":'\n{\"execute\": 1}\n^"),
        ("a \\\n  x=1 \\\n  y", "b.qmp:3:3: expected key=value, found 'y'\n  y\n  ^"),
        ("a x=1 x=2", "b.qmp:1:7: 'x' is given twice\na x=1 x=2\n      ^"),
        ("a x=1 x.y=2", "b.qmp:1:7: 'x' has a value of its own, so 'x.y' cannot be below it\na x=1 x.y=2\n      ^"),
        ("a x..y=2", "b.qmp:1:3: 'x..y' is no parameter name: expected NAME=VALUE\na x..y=2\n  ^"),
        ("a =2", "b.qmp:1:3: '' is no parameter name: expected NAME=VALUE\na =2\n  ^"),
        ("a ü=1 x=\"b", "b.qmp:1:9: no closing \" on this line\na ü=1 x=\"b\n        ^"),
        ("a x=\"b\\", "b.qmp:1:5: no closing \" on this line\na x=\"b\\\n    ^"),
        ("a x=\"\\q\"", "b.qmp:1:5: unknown escape in this string: JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX\na x=\"\\q\"\n    ^"),
        ("a x=\"b\"c", "b.qmp:1:8: expected white space, found 'c'\na x=\"b\"c\n       ^"),
        ("a x={\"b\": 1\nc", "b.qmp:1:5: no '}' on this line (a \\ at its end goes on)\na x={\"b\": 1\n    ^"),
        ("a x={b: 1}", "b.qmp:1:6: expected a name in quotes\na x={b: 1}\n     ^"),
        ("a x={\"b\" 1}", "b.qmp:1:10: expected ':' after 'b'\na x={\"b\" 1}\n         ^"),
        ("a x={\"b\":1 \"c\":2}", "b.qmp:1:12: expected ',' or '}', found '\"'\na x={\"b\":1 \"c\":2}\n           ^"),
        ("a x=[1, two]", "b.qmp:1:9: 'two' is no number; a string is put in quotes\na x=[1, two]\n        ^"),
        ("a x=[1,]", "b.qmp:1:8: expected a value\na x=[1,]\n       ^"),
        ("a x=[1,,2]", "b.qmp:1:8: expected a value\na x=[1,,2]\n       ^"),
        ("a x={\"b\":1,\"b\":2}", "b.qmp:1:12: 'b' is given twice\na x={\"b\":1,\"b\":2}\n           ^"),
        ("a x=18446744073709551616", "b.qmp:1:5: 18446744073709551616 does not fit 64 bits; a string is put in quotes\na x=18446744073709551616\n    ^"),
        ("a x=16777216T", "b.qmp:1:5: 16777216T does not fit 64 bits; a string is put in quotes\na x=16777216T\n    ^"),
    ]);
}

#[test]
fn brackets_cannot_exhaust_the_stack() {
    let deep = "[".repeat(100_000);
    let error = lines(&format!("a x={deep}"), &[], &[]).unwrap_err();
    assert_eq!((error.message.as_str(), error.column), ("brackets nest too deep", 69));
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "a", " ", "=", "\\", "\n", "\"", "'", "{", "}", "[", "]", ",", ":", "#", "/", "1", "K",
        "ä", "\r", ".",
    ];
    // A fixed generator: the texts are the same each time.
    let mut state = 1u64;
    for _ in 0..20_000 {
        let text: String = (0..12)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                pieces[(state >> 33) as usize % pieces.len()]
            })
            .collect();
        shown(&text);
        shown(&format!("a x={text}"));
    }
}

#[test]
fn a_command_that_failed_shows_its_line() {
    let program = Program::parse(Path::new("f"), "a\n   b x=1 \\\n   y=2 # why".into()).unwrap();
    let read = |_: &Path| Err(String::new());
    let mut refuse = |line: &Line| match line.command.name.as_str() {
        "b" => Err("Device 'x' not found".into()),
        _ => Ok(ControlFlow::Continue(())),
    };
    let error = program.walk(&[], &read, &mut refuse).unwrap_err().to_string();
    assert_eq!(error, "f:2:4: Device 'x' not found\nb x=1 y=2\n^");
}
