//! `boardwright fmt`.

use super::super::format;
use super::{lines, show};

/// Lays out, and checks that it is done then and that the script means the same.
fn laid_out(text: &str) -> Result<String, String> {
    let once = format("b.qmp", text.into()).map_err(|error| error.to_string())?;
    let twice = format("b.qmp", once.clone()).map_err(|error| format!("{error}\n{once}"))?;
    assert_eq!(once, twice, "not done at once: {text:?}");
    // Lines move, commands stay.
    let commands = |text: &str| match lines(text, &[], &[]) {
        Ok(lines) => Ok(lines.into_iter().map(|line| line.command).collect::<Vec<_>>()),
        Err(error) => Err(error.message),
    };
    assert_eq!(commands(text), commands(&once), "{text:?} became {once:?}");
    Ok(once)
}

#[test]
fn layout() {
    let rows = [
        ("", ""),
        ("\n\n\n", ""),
        ("  a   x=1    y=2  ", "a x=1 y=2\n"),
        ("a\n\n\n\nb\n\n", "a\n\nb\n"),
        ("\u{feff}a\r\nb\r\n", "a\nb\n"),
        ("#c\n   // d\na#b", "#c\n// d\n"),
        ("a x=\"two  words\"   # why", "a x=\"two  words\"  # why\n"),
        ("a # 1\nlonger # 2\n\nc # 3", "a       # 1\nlonger  # 2\n\nc  # 3\n"),
        ("a x=1 \\\n y=2 \\\n      z=3", "a x=1 \\\n    y=2 \\\n    z=3\n"),
        ("a \\\n\nb", "a\nb\n"),
        ("let   x=1+2", "let x = 1+2\n"),
        ("param  n:int=4 in 1..8   help 'x'", "param n: int = 4 in 1..8 help 'x'\n"),
        ("for i in 0..2 {a x=$i\n}", "for i in 0..2 {\n    a x=$i\n}\n"),
        ("for i in 0..2 { a x=$i }", "for i in 0..2 {\n    a x=$i\n}\n"),
        ("for i in 0..2 { # why\n\n\na\n\n}\nb", "for i in 0..2 {  # why\n    a\n}\nb\n"),
        (
            "if true { a } else if false {\nb }\nelse_ x=1",
            "if true {\n    a\n} else if false {\n    b\n}\nelse_ x=1\n",
        ),
        ("if true {\n# only\n}", "if true {\n    # only\n}\n"),
        ("if true { } # end", "if true {\n}  # end\n"),
        ("if true { a } b", "if true {\n    a\n}\nb\n"),
        ("a x={\"b\":  1}\\\n y=1", "a x={\"b\":  1} \\\n    y=1\n"),
        ("include   f.qmp   n=1", "include f.qmp n=1\n"),
    ];
    for (text, expected) in rows {
        match laid_out(text) {
            Ok(text) => assert_eq!(text, expected),
            // A row that is no script is one whose comment touches a word.
            Err(error) => assert!(text.contains("a#b"), "{text:?}: {error}"),
        }
    }
}

#[test]
fn the_scripts_of_the_tree_mean_the_same_afterwards() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../boards");
    let mut folders = vec![root];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "qmp") {
                laid_out(&std::fs::read_to_string(&path).unwrap()).unwrap();
                seen += 1;
            }
        }
    }
    assert!(seen >= 3);
}

#[test]
fn random_scripts_mean_the_same_afterwards() {
    let pieces = [
        "a\n",
        "b x=1\n",
        "  b  y=$i z=2\n",
        "\n",
        "\n\n",
        " # c\n",
        "// d\n",
        "a # e\n",
        "{",
        "}",
        "}\n",
        "for i in 0..2 {\n",
        "for i in [1] { a x=$i } # one\n",
        "if true {",
        "} else {\n",
        "} else if 1 < 2 {\n",
        "let i = 1 + 2\n",
        "a \\\n x=1\n",
        "a x={'a': 1} \\\n",
        "b x=\"s\"\r\n",
        "\"",
        "let v = 1 \\\n",
        "let v = 1 \\\n + 2\n",
        "  ",
        "if false { a } b\n",
    ];
    let mut state = 7u64;
    let (mut good, mut bad) = (0, 0);
    for _ in 0..6_000 {
        let text: String = (0..6)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                pieces[(state >> 33) as usize % pieces.len()]
            })
            .collect();
        match laid_out(&text) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
        let _ = show(lines(&text, &[], &[]));
    }
    assert!(good > 300 && bad > 300, "{good} {bad}");
}
