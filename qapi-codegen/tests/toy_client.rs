//! The committed client for the toy schema compiles, and takes what a newer server says.

/// The generated code, as a build script would have made it.
pub mod client {
    include!("golden/client.rs");
}

use client::request::{Count, LampAdd, LampList, Leave, Nothing, OnlyIfPlain, Pick, Raw, Stop};
use client::{
    Bulb, Colour, Event, LampKind, LampOptions, LampOptionsKind, Ref, Stage, StageInfo, Tree,
};
use qapi_runtime::{
    AnyEvent, Decode, Empty, Encode, Map, Mode, OobRequest, OpenEnum, Path, QmpError, Request,
    UnknownBranch, UnknownEvent, Value,
};
use serde_json::json;

fn reply<R: Request>(value: Value) -> Result<R::Reply, String> {
    R::Reply::decode(&value, &Path::RETURN, Mode::LENIENT).map_err(|error| error.desc)
}

#[test]
fn every_command_has_a_request() {
    fn sent<R: Request>(request: &R) -> (&'static str, bool, Value) {
        (R::NAME, R::ANSWERED, request.encode())
    }
    let tree = || Tree { string: client::String_ {}, left: None, right: None, twigs: None };
    let bulb = LampOptions::new(LampOptionsKind::BulbE27(Bulb::default()));
    let raw = Map::from_iter([("a".to_string(), json!(1))]);
    let rows = [
        (sent(&LampAdd(bulb)), ("lamp_add", true, json!({"kind": "bulb.e27"}))),
        (sent(&LampList::new(3)), ("lamp-list", true, json!({"max-count": 3}))),
        (sent(&client::request::Stage), ("stage", true, json!({}))),
        (
            sent(&Pick { from: tree(), ref_: Ref::Nil(()) }),
            ("pick", true, json!({"from": {"String": {}}, "ref": null})),
        ),
        (sent(&Raw(raw)), ("raw", true, json!({"a": 1}))),
        (sent(&Leave), ("leave", false, json!({}))),
        (sent(&Nothing), ("nothing", true, json!({}))),
        (sent(&Stop::new("t".into())), ("stop", true, json!({"type": "t"}))),
        (sent(&OnlyIfPlain), ("only-if-plain", true, json!({}))),
        (sent(&Count { n: client::Count::N(1) }), ("count", true, json!({"n": 1}))),
    ];
    for (got, expected) in rows {
        assert_eq!(got, expected);
    }
    fn overtakes(_: impl OobRequest) {}
    overtakes(client::request::Stage);
}

#[test]
fn replies_of_a_newer_server() {
    assert_eq!(reply::<Nothing>(json!({"more": 1})), Ok(Empty {}));
    assert_eq!(reply::<Raw>(json!([1])), Ok(json!([1])));
    let stage = StageInfo { stage: "burnt-out".into() };
    assert_eq!(reply::<client::request::Stage>(json!({"stage": "burnt-out", "x": {}})), Ok(stage));
    let lamps = json!([{"kind": "laser", "id": "a", "range": 3}]);
    let lamp = reply::<LampList>(lamps.clone()).unwrap().remove(0);
    assert_eq!(lamp.id.as_deref(), Some("a"));
    assert_eq!(lamp.kind.tag(), LampKind::Unknown("laser".into()));
    let LampOptionsKind::Unknown(UnknownBranch { members, .. }) = &lamp.kind else {
        panic!("{lamp:?}");
    };
    assert_eq!(members["range"], json!(3));
    assert_eq!(lamp.encode(), json!({"id": "a", "kind": "laser", "range": 3}));
    let rows = [
        (json!({}), "expected array"),
        (json!([{"id": "a"}]), "member 'return[0].kind': missing"),
        (json!([{"kind": 1}]), "member 'return[0].kind': expected string"),
        (
            json!([{"kind": "led-strip", "sizes": [1, -1, "x"]}]),
            "member 'return[0].sizes[2]': expected uint64",
        ),
        (
            json!([{"kind": "led-strip", "sizes": [], "colour": {"way": "rgb", "r": 256}}]),
            "member 'return[0].colour.r': expected uint8_t",
        ),
    ];
    for (value, expected) in rows {
        assert_eq!(reply::<LampList>(value).unwrap_err(), expected);
    }
    let hue = Colour::decode(&json!({"way": "hue", "h": 1}), &Path::RETURN, Mode::LENIENT).unwrap();
    assert_eq!(hue.encode(), json!({"way": "hue", "h": 1}));
}

#[test]
fn enumerations_are_open() {
    assert_eq!(Stage::KNOWN.len(), 3);
    for stage in Stage::KNOWN {
        assert_eq!(Stage::from(stage.as_str()), *stage);
        assert!(!matches!(stage, Stage::Unknown(_)));
    }
    assert_eq!(Stage::named("on fire").to_string(), "on fire");
    assert_eq!(Stage::from("on fire").encode(), json!("on fire"));
}

#[test]
fn events_are_open() {
    let read = |name: &str, data: Value| Event::read(name, &data);
    assert_eq!(read("STOP", json!({"more": 1})), Ok(Event::Stop(client::StopEvent)));
    let broke = client::LampBroke { id: "a".into(), watts: Some(1) };
    let event = read("LAMP_BROKE", json!({"id": "a", "watts": 1})).unwrap();
    assert_eq!((event.name(), &event), ("LAMP_BROKE", &Event::LampBroke(broke)));
    let event = read("LAMP_SANG", json!({"song": 1})).unwrap();
    let unknown = UnknownEvent { name: "LAMP_SANG".into(), data: json!({"song": 1}) };
    assert_eq!((event.name(), &event), ("LAMP_SANG", &Event::Unknown(unknown)));
    let error = |name, data| read(name, data).map_err(|QmpError { desc, .. }| desc).unwrap_err();
    assert_eq!(error("LAMP_BROKE", json!({})), "member 'id': missing");
    assert_eq!(
        error("TREE_GREW", json!({"String": {}, "left": 1})),
        "member 'left': expected object"
    );
}
