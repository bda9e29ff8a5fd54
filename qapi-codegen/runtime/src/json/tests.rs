//! The checks of `qmp-wire.md` sections 4 to 7, as rows: bytes in, one line out for each message.

use serde_json::Value;

use super::*;

/// Every message that `input` makes, as the line a monitor would write for it: the value, or the
/// error's text after `!`.
fn lines(input: &[u8]) -> Vec<String> {
    let mut parser = Parser::new();
    parser.feed(input);
    render(parser)
}

fn render(parser: Parser) -> Vec<String> {
    parser
        .map(|message| match message {
            Ok(value) => to_string(&value),
            Err(error) => {
                let text = error.to_string();
                format!("!{}", text.strip_prefix("JSON parse error, ").unwrap_or(&text))
            }
        })
        .collect()
}

/// The row, whole and cut at every byte, followed by a request that has to work.
fn check(input: &[u8], expected: &[&str]) {
    let mut all = input.to_vec();
    all.extend_from_slice(b"\n{\"id\":\"check\"}");
    let mut wanted: Vec<String> = expected.iter().map(ToString::to_string).collect();
    wanted.push("{\"id\": \"check\"}".into());
    let shown = String::from_utf8_lossy(input);
    assert_eq!(lines(&all), wanted, "whole: {shown}");
    let mut parser = Parser::new();
    for byte in &all {
        parser.feed(std::slice::from_ref(byte));
    }
    assert_eq!(render(parser), wanted, "byte by byte: {shown}");
}

#[test]
fn numbers_are_echoed_by_value() {
    let rows: &[(&str, &str)] = &[
        ("1.0", "1"),
        ("-0", "0"),
        ("-0.0", "-0"),
        ("0", "0"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("0.1", "0.10000000000000001"),
        ("1e-7", "9.9999999999999995e-08"),
        ("0.0001", "0.0001"),
        ("0.00001", "1.0000000000000001e-05"),
        ("123.456", "123.456"),
        ("-2.5", "-2.5"),
        ("5e-324", "4.9406564584124654e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("1e16", "10000000000000000"),
        ("1e17", "1e+17"),
        ("12345678901234567.0", "12345678901234568"),
        ("1125899906842624.25", "1125899906842624.2"),
        ("1125899906842624.75", "1125899906842624.8"),
        ("9007199254740993", "9007199254740993"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("-9223372036854775809", "-9.2233720368547758e+18"),
        ("1e400", "!number '1e400' is out of range"),
        ("-1e400", "!number '-1e400' is out of range"),
        ("01", "!stray '01'"),
        ("-", "!stray '-\n'"),
        (".5", "!stray '.'"),
        ("+1", "!stray '+'"),
        ("1.", "!stray '1.\n'"),
        ("1e", "!stray '1e\n'"),
        ("1e+", "!stray '1e+\n'"),
        ("1.x", "!stray '1.x'"),
    ];
    for (input, expected) in rows {
        check(input.as_bytes(), &[expected]);
        if !expected.starts_with('!') {
            check(format!("[{input}]").as_bytes(), &[&format!("[{expected}]")]);
        }
    }
    check(b"0x10", &["0", "!invalid keyword 'x'", "10"]);
    check(b"{\"id\":1e400}", &["!number '1e400' is out of range"]);
    let huge = "9".repeat(310);
    check(huge.as_bytes(), &[&format!("!number '{huge}' is out of range")]);
}

#[test]
fn values_of_every_kind() {
    for text in
        ["null", "false", "true", "[]", "{}", "\"\"", "[[], {}]", "{\"a\": {\"b\": [null]}}"]
    {
        check(text.as_bytes(), &[text]);
        check(format!(" \t\r\n{text}\n\n").as_bytes(), &[text]);
    }
    check(b"\t{ \"b\"\r:\n1 ,\t\"a\" : [ 1 , 2 ] } ", &["{\"b\": 1, \"a\": [1, 2]}"]);
    // Several in one piece; a string and a bracket end a value, a number needs a look further.
    check(
        b"{}{}[]\"a\"'b'1 2,",
        &["{}", "{}", "[]", "\"a\"", "\"b\"", "1", "2", "!expecting value"],
    );
    assert_eq!(lines(b"1"), [""; 0]);
    assert_eq!(lines(b"1\n"), ["1"]);
    assert_eq!(lines(b"tru"), [""; 0]);
    assert_eq!(lines(b"\"a\""), ["\"a\""]);
}

#[test]
fn strings() {
    let rows: &[(&[u8], &str)] = &[
        (br#"'a"b'"#, r#""a\"b""#),
        (br#""a'b""#, r#""a'b""#),
        (br"'\''", r#""'""#),
        (br#""\'""#, r#""'""#),
        (br#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\b\f\n\r\t""#),
        (br#""%s %""#, r#""%s %""#),
        (br#""\x""#, "!invalid escape sequence in string"),
        (br#""\a""#, "!invalid escape sequence in string"),
        (br#""\0""#, "!invalid escape sequence in string"),
        (br#""\U0041""#, "!invalid escape sequence in string"),
        (br#""\u0041\u00e9""#, r#""A\u00E9""#),
        ("\"\u{7f}é€\u{1f600}\"".as_bytes(), r#""\u007F\u00E9\u20AC\uD83D\uDE00""#),
        (br#""\u001f\u0001""#, r#""\u001F\u0001""#),
        (br#""\ud83d\ude00""#, r#""\uD83D\uDE00""#),
        (br#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#),
        (br#""\ud83d""#, r"!\ud83d is not a valid Unicode character"),
        (br#""\ud83dx""#, r"!\ud83d is not a valid Unicode character"),
        (br#""\ud83d\u0041""#, r"!\ud83d is not a valid Unicode character"),
        (br#""\ud83d\ud83d""#, r"!\ud83d is not a valid Unicode character"),
        (br#""\ude00\ud83d""#, r"!\ude00 is not a valid Unicode character"),
        (br#""\uFFFE""#, r"!\uFFFE is not a valid Unicode character"),
        (br#""\uffff""#, r"!\uffff is not a valid Unicode character"),
        (br#""\ufdd0""#, r"!\ufdd0 is not a valid Unicode character"),
        (br#""\ufdef""#, r"!\ufdef is not a valid Unicode character"),
        (br#""\ud83f\udffe""#, r"!\ud83f is not a valid Unicode character"),
        (br#""\ufffd""#, r#""\uFFFD""#),
        (br#""\u12""#, "!\\u12\" is not a valid Unicode character"),
        (br#""\u12g4""#, r"!\u12g4 is not a valid Unicode character"),
        (br#""\u+123""#, r"!\u+123 is not a valid Unicode character"),
        (br#""a\u0000b""#, r#""a\u0000b""#),
        (b"\"a\xC0\x80b\"", r#""a\u0000b""#),
        ("\"\u{fffd}\"".as_bytes(), r#""\uFFFD""#),
        ("\"\u{fffe}\"".as_bytes(), "!invalid UTF-8 sequence in string"),
        ("\"\u{ffff}\"".as_bytes(), "!invalid UTF-8 sequence in string"),
        ("\"\u{fdd0}\"".as_bytes(), "!invalid UTF-8 sequence in string"),
        ("\"\u{10ffff}\"".as_bytes(), "!invalid UTF-8 sequence in string"),
        (b"\"\x80\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xC3\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xC0\xAF\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xE0\x80\xAF\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xED\xA0\x80\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xF4\x90\x80\x80\"", "!invalid UTF-8 sequence in string"),
        (b"\"\xF8\x88\x80\x80\x80\"", "!invalid UTF-8 sequence in string"),
    ];
    for (input, expected) in rows {
        check(input, &[expected]);
        if !expected.starts_with('!') {
            // As a key and as a value.
            let object = [b"{", *input, b":", *input, b"}"].concat();
            check(&object, &[&format!("{{{expected}: {expected}}}")]);
        }
    }
}

#[test]
fn malformed_input() {
    let rows: &[(&[u8], &[&str])] = &[
        (b"{]", &["!expecting value"]),
        (b"{\"a\":}", &["!expecting value"]),
        (b"{\"a\":1,}", &["!expecting value"]),
        (b"[1,]", &["!expecting value"]),
        (b"[,]", &["!expecting value"]),
        (b"{,}", &["!expecting value"]),
        (b"}", &["!expecting value"]),
        (b"]", &["!expecting value"]),
        (b",", &["!expecting value"]),
        (b":", &["!expecting value"]),
        (b"{\"a\" 1}", &["!missing : in object pair"]),
        (b"{\"a\"}", &["!missing : in object pair"]),
        (b"{\"a\":1 \"b\"}", &["!expected separator in dict"]),
        (b"{\"a\":1 ]", &["!expected separator in dict"]),
        (b"[1 2]", &["!expected separator in list"]),
        (b"[1}", &["!expected separator in list"]),
        (b"{1:2}", &["!key is not a string in object"]),
        (b"{[1]:2}", &["!key is not a string in object"]),
        (b"{null:2}", &["!key is not a string in object"]),
        (b"nul", &["!invalid keyword 'nul'"]),
        (b"[truex]", &["!invalid keyword 'truex'"]),
        (b"{\"a\":1,\"a\":2}", &["!duplicate key"]),
        (b"{\"x\":{\"a\":1,'\\u0061':2}}", &["!duplicate key"]),
        // One mistake, one answer: the rest is skipped until the brackets balance.
        (b"{\"a\":[1 2],\"b\":{]}", &["!expected separator in list", "!expecting value"]),
        (b"{\"a\" [1 2 3]}", &["!missing : in object pair"]),
        (b"[nul, 1 2]", &["!invalid keyword 'nul'"]),
        (b"[[1 2], [3 4]]", &["!expected separator in list"]),
        (b"[}", &["!expecting value"]),
        (b"{[}]", &["!expecting value"]),
        // Capitals, comments and the like are stray, and cost what follows.
        (b"A", &["!stray 'A'"]),
        (b"Null", &["!stray 'N'"]),
        (b"# comment", &["!stray '#'"]),
        (b"/* x */", &["!stray '/'"]),
        (b"@", &["!stray '@'"]),
        (b"\\", &["!stray '\\'"]),
        (b"%", &["!stray '%'"]),
        (b"{\"a\":True}", &["!stray 'T'", "!expecting value"]),
        (b"{\"a\":\"x\ny\"}", &["!stray '\"x\n'", "!expecting value"]),
        (b"\"a\tb\"", &["!stray '\"a\t'"]),
        (b"\"a\x01", &["!stray '\"a\x01'"]),
        (b"tru\x80", &["!invalid keyword 'tru'", "!stray '\u{fffd}'"]),
    ];
    for (input, expected) in rows {
        check(input, expected);
    }
}

#[test]
fn forcing_a_known_state() {
    let partial: &[&[u8]] =
        &[b"", b"{", b"{\"a\":[1,", b"{\"a\":{\"b\"", b"{\"a\":12", b"{\"a\":tr"];
    let flush: &[(u8, &str)] = &[
        (0xFF, "\u{fffd}"),
        (0xFE, "\u{fffd}"),
        (0x1B, "\u{1b}"),
        (0x01, "\u{1}"),
        (0x00, ""),
        (0x7F, "\u{7f}"),
        (0x80, "\u{fffd}"),
        (0xFD, "\u{fffd}"),
    ];
    for before in partial {
        for (byte, shown) in flush {
            check(&[before, &[*byte][..]].concat(), &[&format!("!stray '{shown}'")]);
        }
    }
    for (byte, shown) in &flush[..5] {
        check(&[b"{\"a\":\"xy", &[*byte][..]].concat(), &[&format!("!stray '\"xy{shown}'")]);
    }
    check(b"{\"a\":\"xy\n", &["!stray '\"xy\n'"]);
    // Inside a string these bytes go on, and are looked at when the string is complete.
    check(b"{\"a\":\"x\x7F\"}", &["{\"a\": \"x\\u007F\"}"]);
    check(b"{\"a\":\"x\xFD\"}", &["!invalid UTF-8 sequence in string"]);
    // A second stray byte during recovery is silent, one that ends recovery is not.
    check(b"\xFF\x7F", &["!stray '\u{fffd}'"]);
    check(b"\xFF\xFF", &["!stray '\u{fffd}'", "!stray '\u{fffd}'"]);
    check(b"A\t\x80Z", &["!stray 'A'"]);
}

#[test]
fn nesting_is_limited() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let inner = if open == "[" { "" } else { "1" };
        let depth = 1024;
        let fine = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        let got = lines(fine.as_bytes());
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].replace(' ', ""), fine);
        assert!(to_string_pretty(&parse(fine.as_bytes()).unwrap()).len() > fine.len());

        let deep = format!("{}{}", open.repeat(depth + 1), close.repeat(depth));
        let got = lines(deep.as_bytes());
        assert_eq!(got[0], "!JSON nesting depth limit exceeded");
        let rest = &got[1..];
        // After the 1025th `{`, its `"a":` is read afresh as a string and a stray colon.
        let extra: &[&str] = if open == "[" { &[] } else { &["\"a\"", "!expecting value"] };
        assert_eq!(&rest[..extra.len()], extra);
        assert_eq!(rest.len() - extra.len(), 1024);
        assert!(rest[extra.len()..].iter().all(|line| line == "!expecting value"));
    }
}

#[test]
fn token_count_is_limited() {
    let list = |numbers: usize| {
        let mut text = String::with_capacity(2 * numbers + 2);
        text.push('[');
        for at in 0..numbers {
            text.push_str(if at == 0 { "1" } else { ",1" });
        }
        text.push(']');
        text.into_bytes()
    };
    // n numbers, n - 1 commas, two brackets.
    assert_eq!(lines(&list((1 << 20) - 1))[0].len(), 3 * ((1 << 20) - 1));
    let got = lines(&list(1 << 20));
    assert_eq!(got, ["!JSON token count limit exceeded"]);
}

#[test]
fn token_size_is_limited() {
    // In an array of one string: brackets and quotes count, and one byte is kept in reserve.
    let text = |inside: usize| {
        let mut text = vec![b'a'; inside + 4];
        text[..2].copy_from_slice(b"['");
        text[inside + 2..].copy_from_slice(b"']");
        text
    };
    let fits = MAX_TOKEN_SIZE - 5;
    let got = lines(&text(fits));
    assert_eq!((got.len(), got[0].len()), (1, fits + 4));
    // The sum is too large at the closing bracket.
    assert_eq!(lines(&text(fits + 1)), ["!JSON token size limit exceeded"]);
    // One token is too large: what is left of it is read as new input.
    let got = lines(&text(MAX_TOKEN_SIZE));
    assert_eq!(got[0], "!JSON token size limit exceeded");
    assert_eq!(got.len(), 1);
    let mut flushed = text(MAX_TOKEN_SIZE);
    flushed.extend_from_slice(b"\n{}");
    let got = lines(&flushed);
    assert_eq!(got[1..], ["!stray '']\n'".to_string(), "{}".into()]);
}

#[test]
fn whole_texts() {
    let ok = |text: &str| parse(text.as_bytes()).map(|v| to_string(&v)).map_err(|e| e.to_string());
    assert_eq!(ok(" {'a': 1} \n"), Ok("{\"a\": 1}".into()));
    assert_eq!(ok("12"), Ok("12".into()));
    assert_eq!(ok("true"), Ok("true".into()));
    assert_eq!(ok(""), Err("JSON parse error, premature EOI".into()));
    assert_eq!(ok("{\"a\":1"), Err("JSON parse error, premature EOI".into()));
    assert_eq!(ok("{\"a\":\"b"), Err("JSON parse error, stray '\"b'".into()));
    assert_eq!(ok("{} x"), Err("JSON parse error, stray 'x'".into()));
    assert_eq!(ok("-"), Err("JSON parse error, stray '-'".into()));
}

#[test]
fn pretty_output() {
    let value = parse(b"{'a':1,'b':[],'c':{},'d':[1,{'e':null}]}").unwrap();
    let expected = r#"{
    "a": 1,
    "b": [
    ],
    "c": {
    },
    "d": [
        1,
        {
            "e": null
        }
    ]
}"#;
    assert_eq!(to_string_pretty(&value), expected);
    assert_eq!(to_string_pretty(&Value::Object(serde_json::Map::new())), "{\n}");
    assert_eq!(to_string(&Value::from(0.5)), "0.5");
}

/// Any bytes, in any pieces: no panic, and the same messages however they are cut.
#[test]
fn noise_is_survived() {
    let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let alphabet =
        b"{}[]:,\"'\\u0dD8atruefalsn1.eE-+ \n\t\xC0\x80\xEF\xBF\xBE\xF0\x9F\x98\x80\xFF\x00";
    for _ in 0..3000 {
        let noise: Vec<u8> =
            (0..random() % 60).map(|_| alphabet[random() % alphabet.len()]).collect();
        let mut cut = Parser::new();
        for piece in noise.chunks(1 + random() % 7) {
            cut.feed(piece);
        }
        cut.finish();
        let mut whole = Parser::new();
        whole.feed(&noise);
        whole.finish();
        assert_eq!(render(whole), render(cut), "{noise:?}");
    }
}
