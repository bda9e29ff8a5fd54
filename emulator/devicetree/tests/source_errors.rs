//! Every file in `data/bad` is wrong, and says in its last lines how the message must look. With
//! `BLESS=1` in the environment these lines are written anew.
#![cfg(test)]

use std::path::Path;

use boardwright_devicetree::Tree;

const MARK: &str = "\n//! ";

#[test]
fn bad_source_is_refused_with_a_good_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bad");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "the data has moved");
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        let (text, expected) = whole.split_once(MARK).unwrap_or((&whole, ""));
        let text = format!("{}\n", text.trim_end());
        let found = match Tree::from_source(name, &text) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        };
        let lines: Vec<&str> = expected.trim_end().split(MARK).collect();
        if std::env::var_os("BLESS").is_some() {
            let comment: String = found.lines().map(|line| format!("{MARK}{line}")).collect();
            std::fs::write(&path, format!("{text}{}\n", comment.trim_end())).unwrap();
        } else if found != lines.join("\n") {
            wrong.push(format!("{name}: expected\n{}\nfound\n{found}", lines.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn nesting_is_bounded_whatever_the_text() {
    let deep = |open: &str, close: &str| {
        format!("/dts-v1/; / {{ {} {} }};", open.repeat(100_000), close.repeat(100_000))
    };
    for text in [
        deep("a {", "};"),
        deep("{", "}"),
        format!("/dts-v1/; / {{ p = <{}1{}>; }};", "(".repeat(100_000), ")".repeat(100_000)),
        format!("/dts-v1/; / {{ p = <(1{}1{})>; }};", "?1".repeat(100_000), ":1".repeat(100_000)),
        format!("/dts-v1/; / {{ p = <({}1)>; }};", "-".repeat(100_000)),
        format!("/dts-v1/; / {{ p = <(1{})>; }};", "+1".repeat(100_000)),
    ] {
        // Read or refused, but not a stack overflow.
        let _ = Tree::from_source("deep", &text);
    }
    let chain = |count: usize| {
        let (open, close) = ("a { ".repeat(count), "}; ".repeat(count));
        Tree::from_source("deep", &format!("/dts-v1/; / {{ {open} {close} }};"))
    };
    assert!(chain(63).is_ok());
    assert!(chain(64).unwrap_err().message.contains("nested deeper than 64"));
}

#[test]
fn any_prefix_and_any_damage_is_an_answer() {
    let text = include_str!("data/good/tour.dts");
    for end in (0..text.len()).step_by(3) {
        let _ = Tree::from_source("cut", &text[..end]).map_err(|error| error.to_string());
    }
    // One byte replaced by one that matters to the grammar, everywhere.
    for (at, with) in (0..text.len()).flat_map(|at| b"\"'{}()<>[]&;:?/*#\\=\n\0".map(|c| (at, c))) {
        if at % 11 != 0 {
            continue;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = with;
        let text = String::from_utf8(bytes).unwrap();
        let _ = Tree::from_source("damaged", &text).map_err(|error| error.to_string());
    }
}
