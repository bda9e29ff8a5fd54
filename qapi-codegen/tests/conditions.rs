//! Conditions that are left to the compiler: the committed output says in one configuration what
//! output that was resolved for it says.
//!
//! Both configurations are tested: `cargo test -p qapi-codegen --test conditions`, and the same
//! with `--features extra`.

/// The generated code, as it would be committed.
pub mod qapi {
    include!("golden/cfg/qapi.rs");
}

use std::path::Path;

use qapi::{COMMANDS, LampKind, Plug};
use qapi_codegen::Options;
use qapi_runtime::{Mode, Object, Value, arguments};
use serde_json::json;

const EXTRA: bool = cfg!(feature = "extra");

#[test]
fn introspection_follows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy/toy.json");
    let schema = qapi_schema::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let options = Options::default().define(EXTRA.then_some("EXTRA"));
    let resolved = Value::from(qapi_codegen::introspect(&schema, &options));
    let compiled: Value = serde_json::from_str(&qapi::QMP_SCHEMA).unwrap();
    assert_eq!(compiled, resolved);
}

#[test]
fn commands_follow() {
    let has = |name| COMMANDS.iter().any(|info| info.name == name);
    assert_eq!((has("only-if-extra"), has("only-if-plain")), (EXTRA, !EXTRA));
    assert!(has("lamp_add"));
}

#[test]
fn types_follow() {
    assert_eq!(LampKind::ALL.len(), if EXTRA { 5 } else { 4 });
    assert_eq!("laser".parse::<LampKind>().is_ok(), EXTRA);
    let names: Vec<_> = Plug::MEMBERS.iter().map(|member| member.name).collect();
    let odd = if EXTRA { "beam" } else { "plain" };
    assert_eq!(names, ["pins", odd, "kind"]);
    let read = |value| arguments::<Plug>(&value, Mode::STRICT).map_err(|error| error.desc);
    let beam = read(json!({"pins": 1, "kind": "none", "beam": {"mw": 5}}));
    let plain = read(json!({"pins": 1, "kind": "none", "plain": "x"}));
    let (good, bad, name) = if EXTRA { (beam, plain, "plain") } else { (plain, beam, "beam") };
    assert!(good.is_ok(), "{good:?}");
    assert_eq!(bad, Err(format!("Parameter '{name}' is unexpected")));
}
