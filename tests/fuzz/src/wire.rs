//! The targets of the wire.

use qapi_runtime::json::{Parser, parse, to_string};
use qapi_runtime::{Decode, Encode, Mode, Path, Value};

use crate::qapi::{Choice, Everything, Shaded};

/// What requests are made of.
pub(crate) const DICTIONARY: &[&str] = &[
    "{ \"shade\": \"dark\", \"depth\": 1 }",
    "\"shaded\": ",
    "\"choice\": ",
    "\"below\": [ ",
    "null",
    "true",
    "-9223372036854775808",
    "18446744073709551615",
    "1e400",
    "0.1",
    "\"0x10\"",
    "\"1k\"",
    "\\ud83d\\ude00",
    "[ 1, 2 ]",
    "'\\''",
];

/// Text through the reader, in one piece and byte by byte, and what it gives through the writer.
pub(crate) fn json(text: &[u8]) {
    let whole = messages(text, text.len());
    assert_eq!(whole, messages(text, 1), "what comes in pieces is the same");
    // C prints the double -0.0 as `-0`, and that reads as the integer 0.
    let same = |line: &&String| !line.starts_with("error: ") && !line.contains("-0");
    for line in whole.iter().filter(same) {
        let again = parse(line.as_bytes()).map(|value| to_string(&value));
        assert_eq!(again.as_ref().ok(), Some(line), "what is written can be read");
    }
}

/// Everything that a text amounts to, in pieces of a size: values as written, errors as told.
fn messages(text: &[u8], size: usize) -> Vec<String> {
    let mut parser = Parser::new();
    for piece in text.chunks(size.max(1)) {
        parser.feed(piece);
    }
    parser.finish();
    parser
        .map(|message| match message {
            Ok(value) => {
                let line = to_string(&value);
                assert!(line.is_ascii(), "{line}");
                line
            }
            Err(error) => format!("error: {error}"),
        })
        .collect()
}

/// Text through the decoders, in every mode, and what they give back through the encoders.
pub(crate) fn visitor(text: &[u8]) {
    let Ok(value) = parse(text) else { return };
    for mode in [Mode::STRICT, Mode::KEYVAL, Mode::LENIENT] {
        round_trip::<Everything>(&value, mode);
        round_trip::<Shaded>(&value, mode);
        round_trip::<Choice>(&value, mode);
    }
}

fn round_trip<T: Decode + Encode>(value: &Value, mode: Mode) {
    match T::decode(value, &Path::ARGUMENTS, mode) {
        Err(error) => assert!(!error.desc.is_empty()),
        Ok(decoded) => {
            let wire = decoded.encode();
            let again = T::decode(&wire, &Path::ARGUMENTS, Mode::STRICT).map(|it| it.encode());
            assert_eq!(again.as_ref().ok(), Some(&wire), "{value} became {wire}, then {again:?}");
        }
    }
}
