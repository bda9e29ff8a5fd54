//! Requests: their shapes, ids and strings, malformed input and what comes after it, the portions in
//! which they arrive.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{check, negotiated, start};

#[test]
fn shapes_of_requests() -> Result<()> {
    let object = "QMP input must be a JSON object";
    let rows: &[(&[u8], &[&str])] = &[
        (b"1\n", &[object]),
        (b"'text'", &[object]),
        (b"null ", &[object]),
        (b"[]", &[object]),
        (b"[{'execute': 'query-name'}]", &[object]),
        (b"{}", &["QMP input lacks member 'execute'"]),
        (b"{'execute': null}", &["QMP input member 'execute' must be a string"]),
        (b"{'execute': ['query-name']}", &["QMP input member 'execute' must be a string"]),
        (
            b"{'execute': 'query-name', 'arguments': null}",
            &["QMP input member 'arguments' must be an object"],
        ),
        (
            b"{'execute': 'query-name', 'arguments': []}",
            &["QMP input member 'arguments' must be an object"],
        ),
        (b"{'execute': 'query-name', 'extra': 1}", &["QMP input member 'extra' is unexpected"]),
        (b"{'Execute': 'query-name'}", &["QMP input member 'Execute' is unexpected"]),
        (
            b"{'execute': 'query-name', 'exec-oob': 'query-name'}",
            &["QMP input member 'exec-oob' is unexpected"],
        ),
        (b"{'execute': ''}", &["CommandNotFound: The command  has not been found"]),
        (
            b"{'execute': 'QUERY-NAME'}",
            &["CommandNotFound: The command QUERY-NAME has not been found"],
        ),
        (
            b"{'execute': 'query-name', 'execute': 'query-name'}",
            &["JSON parse error, duplicate key"],
        ),
        (
            b"{'execute': 'qom-list', 'arguments': {'path': 1, 'path': 2}}",
            &["JSON parse error, duplicate key"],
        ),
        (b"{'execute': 'query-name', 'arguments': {}}", &[r#"{"return":{}}"#]),
        (b"{'arguments': {}, 'execute': 'query-name'}", &[r#"{"return":{}}"#]),
        (b" \r\n\t{ 'execute'\n:\r'query-name'\t}\n\n\n", &[r#"{"return":{}}"#]),
    ];
    check(&mut negotiated(&start()?)?, rows)
}

#[test]
fn ids_are_echoed_by_value() -> Result<()> {
    // As sent and as it comes back, to the byte.
    let rows: &[(&str, &str)] = &[
        ("'text'", r#""text""#),
        ("\"it's\"", r#""it's""#),
        ("7", "7"),
        ("-0", "0"),
        ("1.0", "1"),
        ("1e2", "100"),
        ("0.1", "0.10000000000000001"),
        ("1e-7", "9.9999999999999995e-08"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("-9223372036854775809", "-9.2233720368547758e+18"),
        ("null", "null"),
        ("false", "false"),
        ("[]", "[]"),
        ("{}", "{}"),
        ("{'a': [1, {'b': null}]}", r#"{"a": [1, {"b": null}]}"#),
        (r"'\u0000\u001f\u007f/é\ud83d\ude00'", r#""\u0000\u001F\u007F/\u00E9\uD83D\uDE00""#),
        (r"'\b\f\n\r\t\\\/\''", r#""\b\f\n\r\t\\/'""#),
    ];
    let program = start()?;
    let mut client = negotiated(&program)?;
    for (sent, back) in rows {
        client.send(format!("{{'execute': 'query-name', 'id': {sent}}}"))?;
        let line = client.read_line()?;
        ensure!(line == format!("{{\"return\": {{}}, \"id\": {back}}}\r\n"), "{sent}: {line}");
        // In errors too, those of shape included.
        client.send(format!("{{'id': {sent}, 'extra': 1}}"))?;
        let line = client.read_line()?;
        let error = r#""error": {"class": "GenericError", "desc": "QMP input member 'extra' is unexpected"}"#;
        ensure!(line == format!("{{\"id\": {back}, {error}}}\r\n"), "{sent}: {line}");
    }
    // What is not a finite number cannot be sent back.
    let rows: &[(&[u8], &[&str])] = &[
        (
            b"{'id': 1e400, 'execute': 'query-name'}",
            &["JSON parse error, number '1e400' is out of range"],
        ),
        (
            b"{'id': -1e400, 'execute': 'query-name'}",
            &["JSON parse error, number '-1e400' is out of range"],
        ),
    ];
    check(&mut client, rows)
}

#[test]
fn malformed_input_is_answered_and_over() -> Result<()> {
    let value = "JSON parse error, expecting value";
    let escape = "JSON parse error, invalid escape sequence in string";
    let utf8 = "JSON parse error, invalid UTF-8 sequence in string";
    let lacks = "QMP input lacks member 'execute'";
    let object = "QMP input must be a JSON object";
    let rows: &[(&[u8], &[&str])] = &[
        (b"{]", &[value]),
        (b"{'a':}", &[value]),
        (b"{'a':1,}", &[value]),
        (b"[1,]", &[value]),
        (b"[,]", &[value]),
        (b"}", &[value]),
        (b"]", &[value]),
        (b",", &[value]),
        (b":", &[value]),
        (b"{'a' 1}", &["JSON parse error, missing : in object pair"]),
        (b"{'a':1 'b'}", &["JSON parse error, expected separator in dict"]),
        (b"[1 2]", &["JSON parse error, expected separator in list"]),
        (b"{1:2}", &["JSON parse error, key is not a string in object"]),
        (b"nul ", &["JSON parse error, invalid keyword 'nul'"]),
        (b"[truth]", &["JSON parse error, invalid keyword 'truth'"]),
        (b"[01]", &["JSON parse error, stray '01'", value]),
        (b"[.5]", &["JSON parse error, stray '.'", value]),
        (b"[+1]", &["JSON parse error, stray '+'", value]),
        (b"[1.]", &["JSON parse error, stray '1.]'"]),
        (b"# comment\n", &["JSON parse error, stray '#'"]),
        (b"{'a': True}", &["JSON parse error, stray 'T'", value]),
        (b"{'\\x': 1}", &[escape]),
        (b"['\\0']", &[escape]),
        (b"['\\ud83d']", &[r"JSON parse error, \ud83d is not a valid Unicode character"]),
        (b"['\\ude00\\ud83d']", &[r"JSON parse error, \ude00 is not a valid Unicode character"]),
        (b"['\\uFFFE']", &[r"JSON parse error, \uFFFE is not a valid Unicode character"]),
        (b"['\xc3\x28']", &[utf8]),
        (b"['\xed\xa0\x80']", &[utf8]),
        (b"['\xf4\x90\x80\x80']", &[utf8]),
        // What is right in strings.
        (b"[\"it's\", 'say \"hi\"', '%s', '\xef\xbf\xbd']", &[object]),
        (b"{'a\\u0000b': '\\''}", &["QMP input member 'a\0b' is unexpected"]),
        // Bytes that force a known state, in the middle of anything.
        (b"{'execute': \xff", &["JSON parse error, stray '\u{fffd}'"]),
        (b"{'execute': 'query\xfe", &["JSON parse error, stray ''query\u{fffd}'"]),
        (b"[12\x1b", &["JSON parse error, stray '\u{1b}'"]),
        (b"[nul\x01", &["JSON parse error, stray '\u{1}'"]),
        (b"\x00", &["JSON parse error, stray ''"]),
        // A line end within a string costs two errors.
        (b"{'a\nb'}", &["JSON parse error, stray ''a\n'", value]),
        (b"{}{}{}", &[lacks, lacks, lacks]),
    ];
    check(&mut negotiated(&start()?)?, rows)
}

#[test]
fn requests_come_in_any_portions() -> Result<()> {
    let program = start()?;
    let mut client = negotiated(&program)?;
    // Several in one write, answered in order.
    let several: String =
        (0..100).map(|id| format!("{{'execute': 'query-name', 'id': {id}}}")).collect();
    client.send(&several)?;
    for id in 0..100 {
        let answer = client.answer()?;
        ensure!(answer == json!({ "return": {}, "id": id }), "{answer}");
    }
    // One byte by byte.
    for byte in b"{\"execute\": \"query-machine-phase\", \"id\": \"\\u00e9\xc3\xa9\"}" {
        client.send([*byte])?;
        std::thread::sleep(Duration::from_millis(1));
    }
    let line = client.read_line()?;
    ensure!(
        line == "{\"return\": {\"phase\": \"no-machine\"}, \"id\": \"\\u00E9\\u00E9\"}\r\n",
        "{line}"
    );
    // A number ends where the next character shows it.
    client.send("1")?;
    std::thread::sleep(Duration::from_millis(50));
    check(&mut client, &[(b"2\n", &["QMP input must be a JSON object"])])
}
