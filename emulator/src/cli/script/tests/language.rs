//! Variables, arithmetic, loops, conditions, files and parameters.

use super::{lines, show, shown};

#[test]
fn expressions() {
    // What is written and what it is.
    #[rustfmt::skip]
    let rows = [
        ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("10 - 2 - 3", "5"), ("-2 * -3", "6"),
        ("7 / 2", "3"), ("7 % 4", "3"), ("1 << 4 | 1", "17"), ("0xff & ~0xf", "240"),
        ("6 ^ 3", "5"), ("256 >> 4", "16"), ("16KiB + 0x10", "16400"), ("10MHz / 2", "5000000"),
        ("3kHz + 1Hz", "3001"), ("1 < 2 && 2 <= 2", "true"), ("!(1 == 2) || nope", "true"),
        ("1 == 1 ? \"a\" : \"b\"", r#""a""#), ("false && nope", "false"), ("1 & 3 == 1", "true"),
        ("\"a\" + 1 + \"b\"", r#""a1b""#), ("'$x'", r#""$x""#), ("\"$$1\"", r#""$1""#),
        ("[1, 2, 3][1]", "2"), ("[[1, 2], [3]][0][1]", "2"), ("[1] + [2]", "[1,2]"),
        ("(0..4)[2]", "2"), ("0..3", "[0,1,2]"), ("0..=3", "[0,1,2,3]"), ("3..0", "[]"),
        ("0..10 step 4", "[0,4,8]"), ("3..=0 step -1", "[3,2,1,0]"), ("len(0..=9)", "10"),
        ("len(\"abc\")", "3"), ("max(1, 5, 3)", "5"), ("min(4, 2)", "2"), ("hex(255)", r#""ff""#),
        ("repeat(\"MS\", 3, \",\")", r#""MS,MS,MS""#), ("repeat(\"MS\", 0, \",\")", r#""""#),
        ("18446744073709551615", "18446744073709551615"), ("-9223372036854775808", "-9223372036854775808"),
        ("1GiB * 1GiB / 1GiB", "1073741824"),
    ];
    for (text, value) in rows {
        let script = format!("let v = {text}\nc v=$v w=${{{text}}}");
        let expected = format!("2: c {{\"v\":{value},\"w\":{value}}}");
        assert_eq!(shown(&script), expected, "{text}");
    }
}

#[test]
fn variables_stand_in_values() {
    let rows = [
        ("$n", "5"),
        ("${n}", "5"),
        ("${$n + 1}", "6"),
        ("${n+1}", "6"),
        ("uart$n", r#""uart5""#),
        ("uart${n}x", r#""uart5x""#),
        ("0x${n}000", "20480"),
        ("$s", r#""text""#),
        ("\"$n\"", r#""5""#),
        ("\"a $n ${n * 2}\"", r#""a 5 10""#),
        ("'$n'", r#""$n""#),
        ("\"\\$n\"", r#""$n""#),
        ("$$n", r#""$n""#),
        ("a$", r#""a$""#),
        ("$", r#""$""#),
        ("$1", r#""$1""#),
        ("plic/unnamed-gpio-in[$n]", r#""plic/unnamed-gpio-in[5]""#),
        ("in[${n * 2 + 1}]", r#""in[11]""#),
        ("[$n, ${n + 1}, \"$s\"]", r#"[5,6,"text"]"#),
        ("{\"a\": $n, \"b\": [\"x$n\"]}", r#"{"a":5,"b":["x5"]}"#),
        ("$l", "[1,2]"),
        ("$b", "true"),
        ("x$b", r#""xtrue""#),
    ];
    for (text, value) in rows {
        let script =
            format!("let n = 5\nlet s = \"text\"\nlet l = [1, 2]\nlet b = true\nc v={text}");
        assert_eq!(shown(&script), format!("5: c {{\"v\":{value}}}"), "{text}");
    }
}

#[test]
fn blocks() {
    let rows = [
        ("for i in 0..2 {\n  a x=$i\n}", "2: a {\"x\":0}\n2: a {\"x\":1}"),
        ("for i in 0..2 { a x=$i }", "1: a {\"x\":0}\n1: a {\"x\":1}"),
        (
            "for i in [\"p\", \"q\"] {\n a x=$i\n}\nb",
            "2: a {\"x\":\"p\"}\n2: a {\"x\":\"q\"}\n4: b {}",
        ),
        (
            "for i in 0..2 { for j in 0..=i { a x=${i * 10 + j} } }",
            "1: a {\"x\":0}\n1: a {\"x\":10}\n1: a {\"x\":11}",
        ),
        ("for i in 0..0 { a }\nb", "2: b {}"),
        ("if 1 < 2 {\n a\n} else {\n b\n}", "2: a {}"),
        ("if 1 > 2 {\n a\n} else if true {\n b\n} else { c }", "4: b {}"),
        ("if false { a }", ""),
        ("let x = 1\nif true {\n let x = 2\n a x=$x\n}\nb x=$x", "4: a {\"x\":2}\n6: b {\"x\":1}"),
        ("let x = 1\nlet x = $x + 1\na x=$x", "3: a {\"x\":2}"),
        ("for i in 0..1 { # why\n a # this\n} // done\n", "2: a {}"),
        ("for i in 0..1 \\\n {\n a\n}", "3: a {}"),
        ("if true { a x={\"b\": 1} } else { b }", "1: a {\"x\":{\"b\":1}}"),
        ("let x = \\\n 1 + \\\n 2\na x=$x", "4: a {\"x\":3}"),
        ("let x = 1 # one\nlet y = 2 // two\na x=${x + y}", "3: a {\"x\":3}"),
    ];
    for (text, expected) in rows {
        assert_eq!(shown(text), expected, "{text}");
    }
}

const FILES: &[(&str, &str)] = &[
    (
        "parts/uart.qmp",
        "param n = 0 in 0..4\nparam name: string = \"uart\"\nlet last = $n\nu id=$name$n\n",
    ),
    ("parts/two.qmp", "include uart.qmp n=1\ninclude \"../parts/uart.qmp\" n=${1 + 1} name=x\n"),
    ("parts/self.qmp", "include self.qmp\n"),
    ("parts/a.qmp", "a\ninclude b.qmp"),
    ("parts/b.qmp", "include ../parts/./a.qmp"),
    ("parts/wrong.qmp", "a\nb c\n"),
    ("parts/late.qmp", "for i in 0..2 {\n  a x=${1 / (1 - i)}\n}\n"),
];

#[test]
fn files_include_files() {
    #[rustfmt::skip]
    let rows = [
        ("include parts/uart.qmp", "4: u {\"id\":\"uart0\"}"),
        ("include parts/uart.qmp n=3\na x=$last", "4: u {\"id\":\"uart3\"}\n2: a {\"x\":3}"),
        ("include parts/two.qmp", "4: u {\"id\":\"uart1\"}\n4: u {\"id\":\"x2\"}"),
        ("for i in 0..2 { include \"parts/uart.qmp\" n=$i }", "4: u {\"id\":\"uart0\"}\n4: u {\"id\":\"uart1\"}"),
        ("let p = \"uart\"\ninclude \"parts/$p.qmp\"", "4: u {\"id\":\"uart0\"}"),
        ("include nowhere.qmp",
            "b.qmp:1:1: Cannot read 'nowhere.qmp': No such file or directory\ninclude nowhere.qmp\n^"),
        ("include 3", "b.qmp:1:9: expected a file: include FILE [NAME=VALUE...]\ninclude 3\n        ^"),
        ("include", "b.qmp:1:8: expected a file: include FILE [NAME=VALUE...]\ninclude\n       ^"),
        ("include parts/uart.qmp m=1",
            "b.qmp:1:24: parts/uart.qmp has no parameter 'm': it has n, name\ninclude parts/uart.qmp m=1\n                       ^"),
        ("include parts/uart.qmp n=1 n=2",
            "b.qmp:1:28: 'n' is given twice\ninclude parts/uart.qmp n=1 n=2\n                           ^"),
        ("include parts/uart.qmp n=7",
            "parts/uart.qmp:1:7: parameter 'n' is one of 0..=3, not 7\nparam n = 0 in 0..4\n      ^\nincluded from b.qmp:1:1"),
        ("include parts/uart.qmp n=x",
            "parts/uart.qmp:1:7: parameter 'n' is of type int, not a text\nparam n = 0 in 0..4\n      ^\nincluded from b.qmp:1:1"),
        ("a\ninclude parts/self.qmp",
            "parts/self.qmp:1:1: the files include each other: b.qmp includes parts/self.qmp includes parts/self.qmp\ninclude self.qmp\n^\nincluded from b.qmp:2:1"),
        ("include parts/a.qmp",
            "parts/b.qmp:1:1: the files include each other: b.qmp includes parts/a.qmp includes parts/b.qmp includes parts/../parts/./a.qmp\ninclude ../parts/./a.qmp\n^\nincluded from parts/a.qmp:2:1\nincluded from b.qmp:1:1"),
        ("include parts/wrong.qmp",
            "parts/wrong.qmp:2:3: expected key=value, found 'c'\nb c\n  ^\nincluded from b.qmp:1:1"),
        ("for k in [7] {\n  include parts/late.qmp\n}",
            "parts/late.qmp:2:11: division by zero\n  a x=${1 / (1 - i)}\n          ^\nin iteration i=1 of the loop at parts/late.qmp:1:1\nincluded from b.qmp:2:3\nin iteration k=7 of the loop at b.qmp:1:1"),
    ];
    for (text, expected) in rows {
        assert_eq!(show(lines(text, FILES, &[])), expected, "{text}");
    }
}

#[test]
fn parameters() {
    const SCRIPT: &str = "\
param harts = 4 in 1..=8 help \"how many\"
param cpu = \"rv64\" in [\"rv64\", \"rv32\"]
param trace = false
param ram: int = $harts * 16MiB
c v=[$harts, $cpu, $trace, $ram]";
    // `^` stands for the caret's line.
    #[rustfmt::skip]
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[], r#"5: c {"v":[4,"rv64",false,67108864]}"#),
        (&[("harts", "2")], r#"5: c {"v":[2,"rv64",false,33554432]}"#),
        (&[("harts", "0x2"), ("cpu", "rv32"), ("trace", "on"), ("ram", "1GiB")],
            r#"5: c {"v":[2,"rv32",true,1073741824]}"#),
        (&[("harts", "9")], "b.qmp:1:7: parameter 'harts' is one of 1..=8, not 9"),
        (&[("harts", "two")], "b.qmp:1:7: parameter 'harts' expects a number, such as 4, 0x1000, 16MiB or 10MHz, not 'two'"),
        (&[("harts", "")], "b.qmp:1:7: parameter 'harts' expects a number, such as 4, 0x1000, 16MiB or 10MHz, not ''"),
        (&[("cpu", "max")], "b.qmp:2:7: parameter 'cpu' is one of [rv64, rv32], not max"),
        (&[("trace", "maybe")], "b.qmp:3:7: parameter 'trace' expects true or false, not 'maybe'"),
        (&[("hart", "1")], "b.qmp:1:1: b.qmp has no parameter 'hart': did you mean harts?"),
        (&[("zzz", "1")], "b.qmp:1:1: b.qmp has no parameter 'zzz': it has harts, cpu, trace, ram"),
        (&[("harts", "1"), ("harts", "2")], "b.qmp:1:1: parameter 'harts' is given twice"),
    ];
    for (given, expected) in rows {
        let shown = show(lines(SCRIPT, &[], given));
        assert_eq!(shown.lines().next().unwrap(), *expected, "{given:?}");
    }
    let shown = show(lines("a", &[], &[("n", "1")]));
    assert!(shown.starts_with("b.qmp:1:1: b.qmp has no parameter 'n': it has none"), "{shown}");
    let shown = show(lines("param file: string\na x=$file", &[], &[]));
    assert!(
        shown.starts_with("b.qmp:1:7: parameter 'file' has no default: give file=<string>"),
        "{shown}"
    );
}

#[test]
fn mistakes_are_named() {
    let rows = [
        (
            "a x=$nope",
            "b.qmp:1:6: there is no variable 'nope': let NAME = VALUE makes one; a text is put in quotes",
        ),
        ("let base = 1\na x=$bas", "b.qmp:2:6: there is no variable 'bas': did you mean base?"),
        (
            "let x = rv64",
            "b.qmp:1:9: there is no variable 'rv64': let NAME = VALUE makes one; a text is put in quotes",
        ),
        ("let x =", "b.qmp:1:8: expected a value, found the end of the line"),
        ("let = 1", "b.qmp:1:5: expected a name: let NAME = VALUE"),
        ("let x 1", "b.qmp:1:7: expected '=': let NAME = VALUE"),
        ("let x = 1 2", "b.qmp:1:11: expected the end of the line, found '2'"),
        ("let x = 1 +", "b.qmp:1:12: expected a value, found the end of the line"),
        ("let x = (1", "b.qmp:1:9: no ')' on this line (a \\ at its end goes on)"),
        ("let x = 0x", "b.qmp:1:9: '0x' is no number: 42, 0x2a, 16KiB and 10MHz are"),
        ("let x = 12QiB", "b.qmp:1:9: '12QiB' is no number: 42, 0x2a, 16KiB and 10MHz are"),
        ("let x = 99999999999999999999", "b.qmp:1:9: 99999999999999999999 does not fit 64 bits"),
        ("let x = 1 / 0", "b.qmp:1:11: division by zero"),
        ("let x = 1 << 64", "b.qmp:1:11: cannot shift by 64 bits"),
        ("let x = \"a\" - 1", "b.qmp:1:13: '-' needs numbers, not a text"),
        ("let x = 1 == \"1\"", "b.qmp:1:11: a number is never a text"),
        ("let x = [1][1]", "b.qmp:1:12: there is no item 1: there are 1"),
        ("let x = foo(1)", "b.qmp:1:9: there is no function 'foo': hex, len, max, min, repeat are"),
        ("let x = len(1)", "b.qmp:1:9: len(LIST or TEXT): a number has no length"),
        ("let x = 1..\"a\"", "b.qmp:1:12: a range goes from number to number, not a text"),
        ("let x = 0..4 step 0", "b.qmp:1:10: the step of a range cannot be 0"),
        ("a x=${0xffffffffffffffff + 1}", "b.qmp:1:26: 18446744073709551616 does not fit 64 bits"),
        ("a x=${1", "b.qmp:1:8: expected the '}' of '${'"),
        ("let b = 1\na x=$b+0x10", "b.qmp:2:5: arithmetic stands in braces, as in ${base+1}"),
        ("let l = [1]\na x=u$l", "b.qmp:2:7: a list cannot stand within a text"),
        ("if 1 { a }", "b.qmp:1:4: a condition is true or false, not a number"),
        (
            "for i in 4 { a }",
            "b.qmp:1:10: a loop goes over a range (0..4) or a list ([1, 2]), not a number",
        ),
        ("for i in 0..4", "b.qmp:1:14: expected '{' at the end of this line"),
        ("for i 0..4 {", "b.qmp:1:7: expected 'in': for NAME in LIST {"),
        ("for i in 0..4 {\n a", "b.qmp:1:15: no '}' closes this block"),
        ("}", "b.qmp:1:1: this '}' closes no block"),
        ("else { a }", "b.qmp:1:1: 'else' stands behind the '}' of an 'if', on its line"),
        (
            "a\nparam x = 1",
            "b.qmp:2:1: parameters are declared first: before commands, blocks and includes",
        ),
        (
            "param x",
            "b.qmp:1:7: a parameter has a type or a default: param NAME: TYPE, param NAME = VALUE",
        ),
        ("param x: float", "b.qmp:1:10: 'float' is no type: int, bool and string are"),
        ("param x: int = \"a\"", "b.qmp:1:7: 'x' is of type int and its default a text"),
        (
            "param x = [1]",
            "b.qmp:1:7: 'x' cannot be a parameter: a list cannot be given on a command line",
        ),
        ("param x = 3 in [1, 2]", "b.qmp:1:7: parameter 'x' is one of [1, 2], not 3"),
        ("param x = 3 in 4", "b.qmp:1:7: 'x' is one of a range or a list: in [1, 2, 4]"),
        ("param x = 3 in [\"3\"]", "b.qmp:1:7: 'x' is of type int, and so are its choices"),
        ("param x = 3 help me", "b.qmp:1:18: expected a text in quotes after 'help'"),
        ("for i in 0..2000000 { a }", "b.qmp:1:23: a script has at most 1000 commands"),
        ("for i in 0..20000000 {\n}", "b.qmp:1:1: the script has made 5000 steps: does it end?"),
    ];
    for (text, expected) in rows {
        let shown = shown(text);
        assert_eq!(shown.lines().next().unwrap_or_default(), expected, "{text}");
    }
}

#[test]
fn what_nests_cannot_exhaust_the_stack() {
    let deep = 100_000;
    for text in [
        format!("let x = {}", "(".repeat(deep)),
        format!("let x = {}1", "-".repeat(deep)),
        format!("let x = 1{}", " + 1".repeat(deep)),
        format!("let x = {}", "[".repeat(deep)),
        format!("let x = x{}", "[0]".repeat(deep)),
        format!("let x = {}1", "1 ? 1 : ".repeat(deep)),
        format!("a x={}", "${".repeat(deep)),
        format!("a x={}", "\"${".repeat(deep)),
        format!("let x = {}", "hex(".repeat(deep)),
    ] {
        let message = shown(&text);
        assert!(message.contains("nest too deep"), "{}", &message[..200.min(message.len())]);
    }
    let message = shown(&"if true {\n".repeat(deep));
    assert!(message.contains("blocks nest too deep"), "{}", &message[..200]);
    let growing = format!("let s = \"x\"\n{}", "let s = \"$s$s\"\n".repeat(64));
    assert!(shown(&growing).contains("a text of more than 1048576 bytes"));
    let growing = format!("let s = [1]\n{}", "let s = s + s\n".repeat(64));
    assert!(shown(&growing).contains("a list of more than 1048576 items"));
}
