//! The generated text for the toy schema is the committed one.
//!
//! After a wanted change: `BLESS=1 cargo test -p qapi-codegen --test golden`, and read the diff.
//! That the text also compiles and does what it should is the subject of `toy.rs` and
//! `toy_client.rs`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use qapi_codegen::{Options, Output, Side, generate};
use qapi_schema::model::Schema;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// What a server and what a client get, and a server with conditions for the compiler to decide.
fn all(schema: &Schema) -> Output {
    let mut output = generate(schema, &Options::default());
    output.extend(generate(schema, &Options { side: Side::Client, ..Options::default() }));
    let conditional = generate(schema, &Options { cfg: true, ..Options::default() });
    output.extend(conditional.into_iter().map(|(name, text)| (format!("cfg/{name}"), text)));
    output
}

#[test]
fn golden() {
    let schema =
        qapi_schema::load(&here("toy/toy.json")).unwrap_or_else(|errors| panic!("{errors}"));
    let output = all(&schema);
    let bless = env::var_os("BLESS").is_some();
    let mut stale = Vec::new();
    for (name, text) in &output {
        let path = here("golden").join(name);
        if fs::read_to_string(&path).is_ok_and(|present| present == *text) {
            continue;
        }
        if bless {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else {
            stale.push(name.as_str());
        }
    }
    for dir in ["qapi", "client", "cfg/qapi"] {
        for entry in fs::read_dir(here("golden").join(dir)).unwrap() {
            let name = format!("{dir}/{}", entry.unwrap().file_name().display());
            assert!(output.contains_key(&name), "{name} is no longer generated: delete it");
        }
    }
    assert!(stale.is_empty(), "differs from tests/golden: {stale:?}; BLESS=1 writes it anew");
}

/// The text is as rustfmt would lay it out with its defaults.
#[test]
fn formatted() {
    let roots = ["qapi.rs", "client.rs", "cfg/qapi.rs"].map(|root| here("golden").join(root));
    let mut rustfmt = std::process::Command::new("rustfmt");
    // The defaults, whatever this project has.
    rustfmt.args(["--check", "--edition", "2024", "--config", "use_small_heuristics=Default"]);
    let output = rustfmt.args(roots).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// Twice the same, and the defines decide what is in it.
#[test]
fn options() {
    let schema =
        qapi_schema::load(&here("toy/toy.json")).unwrap_or_else(|errors| panic!("{errors}"));
    let plain = generate(&schema, &Options::default());
    assert_eq!(plain, generate(&schema, &Options::default()));
    let extra = generate(&schema, &Options::default().define(["EXTRA"]));
    let has = |output: &qapi_codegen::Output, file: &str, text: &str| output[file].contains(text);
    for (file, text) in [("qapi/toy.rs", "fn only_if_extra"), ("qapi/parts.rs", "Laser(Bulb)")] {
        assert!(has(&extra, file, text) && !has(&plain, file, text), "{text}");
    }
    assert!(has(&plain, "qapi/toy.rs", "fn only_if_plain"));
    assert!(!has(&extra, "qapi/toy.rs", "fn only_if_plain"));
    let phases = Options { phases: false, ..Options::default() };
    assert!(has(&plain, "qapi/introspection.json", "allowed-phases"));
    assert!(!has(&generate(&schema, &phases), "qapi/introspection.json", "allowed-phases"));
}
