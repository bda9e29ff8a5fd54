//! The committed output for the toy schema compiles and does what it should.

/// The generated code, as a build script would have made it.
pub mod qapi {
    include!("golden/qapi.rs");
}

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::UNIX_EPOCH;

use qapi::{
    Bulb, Colour, Count, LampBroke, LampDump, LampDumpArguments, LampKind, LampList, LampOptions,
    LampOptionsKind, Mixed, Named, News, OldNews, PartsCommands, Pick, Plug, Rgb, Stage, StageInfo,
    Stop, StopEvent, String_, Strip, ToyCommands, ToyOobCommands, Tree, TreeGrew, WaitFor,
};
use qapi_runtime::{
    Decode, Encode, ErrorClass, Event, Handler, InputPolicy, Map, Mode, Object, OutputPolicy, Path,
    Policy, QmpError, Value, arguments, hide_deprecated,
};
use serde_json::json;

/// A room; it answers with what it was asked.
#[derive(Default)]
struct Room {
    lamps: Vec<LampOptions>,
    seen: Vec<String>,
}

impl PartsCommands for Room {
    fn count(&mut self, arguments: qapi::CountArguments) -> Result<(), QmpError> {
        self.seen.push(format!("{:?}", arguments.n));
        Ok(())
    }
}

impl ToyCommands for Room {
    fn lamp_add(&mut self, arguments: LampOptions) -> Result<(), QmpError> {
        self.lamps.push(arguments);
        Ok(())
    }

    fn lamp_list(&mut self, arguments: LampList) -> Result<Vec<LampOptions>, QmpError> {
        let wanted =
            |lamp: &&LampOptions| arguments.kind.is_none_or(|kind| lamp.kind.tag() == kind);
        let lamps = self.lamps.iter().filter(wanted).take(arguments.max_count.into());
        Ok(lamps.cloned().collect())
    }

    fn pick(&mut self, arguments: Pick) -> Result<Value, QmpError> {
        self.seen.push(format!("{:?}", arguments.ref_));
        Ok(json!("picked"))
    }

    fn raw(&mut self, arguments: &Map) -> Result<Value, QmpError> {
        Ok(Value::Object(arguments.clone()))
    }

    fn leave(&mut self) -> Result<(), QmpError> {
        Ok(())
    }

    fn nothing(&mut self) -> Result<(), QmpError> {
        Err(QmpError::generic("nothing to do"))
    }

    fn stop(&mut self, arguments: Stop) -> Result<(), QmpError> {
        self.seen.push(format!("{} {:?}", arguments.type_, arguments.self_));
        Ok(())
    }

    #[expect(deprecated, reason = "a server fills in what is deprecated, too")]
    fn lamp_dump(&mut self, arguments: LampDumpArguments) -> Result<LampDump, QmpError> {
        self.seen.push(format!("{:?}", arguments.kind));
        Ok(LampDump { text: "t".into(), old: Some("o".into()), x_depth: 1 })
    }

    async fn wait_for(&mut self, arguments: WaitFor) -> Result<StageInfo, QmpError> {
        Twice(false).await;
        Ok(StageInfo { stage: arguments.stage })
    }

    async fn wait(&mut self) -> Result<(), QmpError> {
        Err(QmpError::generic("waited in vain"))
    }

    fn plug(&mut self, arguments: Plug) -> Result<Plug, QmpError> {
        Ok(arguments)
    }

    fn only_if_plain(&mut self) -> Result<(), QmpError> {
        Ok(())
    }
}

/// Ready at the second look.
struct Twice(bool);

impl Future for Twice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        std::thread::spawn(move || waker.wake());
        Poll::Pending
    }
}

struct Shared;

impl ToyOobCommands for Shared {
    fn stage(&self) -> Result<StageInfo, QmpError> {
        Ok(StageInfo { stage: Stage::Wired })
    }
}

fn run(room: &mut Room, name: &str, arguments: Value) -> Result<Value, String> {
    let entry = qapi::command::<Room, Shared>(name).ok_or("no such command")?;
    assert_eq!(entry.info.name, name);
    let Value::Object(arguments) = arguments else { return Err("no object".into()) };
    entry.run(room, &Shared, &arguments, Policy::ACCEPT).map_err(|error| error.desc)
}

#[test]
fn dispatch() {
    let mut room = Room::default();
    let rows = [
        ("lamp_add", json!({"kind": "bulb.e27", "watts": "0x28", "hours": 3}), Ok(json!({}))),
        ("lamp_add", json!({"kind": "led-strip", "sizes": ["1K", 2], "dim": "on"}), Ok(json!({}))),
        ("lamp_add", json!({"kind": "none", "id": "x"}), Ok(json!({}))),
        ("lamp_add", json!({}), Err("Parameter 'kind' is missing")),
        (
            "lamp_add",
            json!({"kind": "laser"}),
            Err("Parameter 'kind' does not accept value 'laser'"),
        ),
        ("lamp_add", json!({"kind": "led-strip"}), Err("Parameter 'sizes' is missing")),
        ("lamp_add", json!({"kind": "none", "hours": 3}), Err("Parameter 'hours' is unexpected")),
        (
            "lamp_add",
            json!({"kind": "led-strip", "sizes": [], "hours": 3}),
            Err("Parameter 'hours' is unexpected"),
        ),
        (
            "lamp_add",
            json!({"kind": "led-strip", "sizes": [], "colour": {"way": "rgb", "r": 1, "g": 2}}),
            Err("Parameter 'colour.b' is missing"),
        ),
        (
            "lamp_add",
            json!({"kind": "led-strip", "sizes": [],
                   "colour": {"way": "mixed", "first": {"way": "name", "name": "a"},
                              "second": {"way": "rgb", "r": 1, "g": 2, "b": 3, "name": "z"}}}),
            Err("Parameter 'colour.second.name' is unexpected"),
        ),
        (
            "lamp_add",
            json!({"kind": "bulb.e27", "watts": "many"}),
            Err("Parameter 'watts' expects an integer (decimal or 0x hexadecimal), not 'many'"),
        ),
        (
            "lamp-list",
            json!({"max-count": 1}),
            Ok(json!([{"watts": 40, "kind": "bulb.e27", "hours": 3}])),
        ),
        (
            "lamp-list",
            json!({"kind": "led-strip", "max-count": 9}),
            Ok(json!([{"kind": "led-strip", "dim": true, "sizes": [1024, 2]}])),
        ),
        // No feature keyval-values here.
        ("lamp-list", json!({"max-count": "1"}), Err("Parameter 'max-count' expects uint64")),
        ("stage", json!({}), Ok(json!({"stage": "wired"}))),
        ("stage", json!({"a": 1}), Err("Parameter 'a' is unexpected")),
        ("raw", json!({"any": ["thing"]}), Ok(json!({"any": ["thing"]}))),
        ("leave", json!({}), Ok(json!({}))),
        ("nothing", json!({}), Err("nothing to do")),
        ("stop", json!({"type": "t", "self": false}), Ok(json!({}))),
        ("count", json!({"n": 3}), Ok(json!({}))),
        ("count", json!({"n": "0x10"}), Ok(json!({}))),
        ("count", json!({"n": ["1G"]}), Ok(json!({}))),
        ("count", json!({"n": true}), Err("Invalid parameter type for 'n', expected: Count")),
        ("pick", json!({"from": {"String": {}}, "ref": "r"}), Ok(json!("picked"))),
        ("pick", json!({"from": {"String": {}}, "ref": null}), Ok(json!("picked"))),
        (
            "pick",
            json!({"from": {"String": {}}, "ref": {"String": {}, "left": {}}}),
            Err("Parameter 'ref.left.String' is missing"),
        ),
        (
            "pick",
            json!({"from": {"String": {}}, "ref": 1}),
            Err("Invalid parameter type for 'ref', expected: Ref"),
        ),
        ("pick", json!({"from": {"String": {}}}), Err("Parameter 'ref' is missing")),
        ("only-if-plain", json!({}), Ok(json!({}))),
        ("wait-for", json!({"stage": "lit"}), Ok(json!({"stage": "lit"}))),
        ("wait-for", json!({}), Err("Parameter 'stage' is missing")),
        ("wait", json!({}), Err("waited in vain")),
        ("wait", json!({"a": 1}), Err("Parameter 'a' is unexpected")),
        ("plug", json!({"pins": 1, "kind": "none"}), Ok(json!({"pins": 1, "kind": "none"}))),
        (
            "plug",
            json!({"pins": 1, "beam": {}, "kind": "none"}),
            Err("Parameter 'beam' is unexpected"),
        ),
        ("only-if-extra", json!({}), Err("no such command")),
        ("STOP", json!({}), Err("no such command")),
        ("", json!({}), Err("no such command")),
    ];
    for (name, arguments, expected) in rows {
        let got = run(&mut room, name, arguments.clone());
        assert_eq!(got, expected.map_err(str::to_owned), "{name} {arguments}");
    }
    let seen = "t Some(false), N(3), N(16), Many([1073741824]), Name(\"r\"), Nil(())";
    assert_eq!(room.seen.join(", "), seen);
}

#[test]
fn every_command_is_found_and_described() {
    let names: Vec<_> = qapi::COMMANDS.iter().map(|info| info.name).collect();
    let expected = "lamp_add lamp-list stage pick raw leave nothing stop only-if-plain lamp-dump \
                    wait-for wait plug count";
    assert_eq!(names.join(" "), expected);
    for info in qapi::COMMANDS {
        let entry = qapi::command::<Room, Shared>(info.name).unwrap();
        assert!(std::ptr::eq(entry.info, *info), "{}", info.name);
        let oob = matches!(entry.run, Handler::OutOfBand(_));
        assert_eq!(oob, info.allow_oob, "{}", info.name);
    }
    let info = |name| qapi::command::<Room, Shared>(name).unwrap().info;
    assert!(info("lamp_add").keyval && !info("lamp-list").keyval);
    assert!(!info("leave").success_response);
    assert_eq!(info("lamp_add").doc, "Hangs up a lamp. At lit the lamp burns at once.");
    assert_eq!(info("lamp-list").returns, Some("[LampOptions]"));
    let arguments = info("lamp_add").arguments.unwrap();
    let of = |case| arguments.members_of(case).map(|m| m.name).collect::<Vec<_>>().join(" ");
    assert_eq!(of("led-strip"), "id watts fuse kind dim sizes colour");
    assert_eq!(of("none"), "id watts fuse kind dim");
    let events: Vec<_> = qapi::EVENTS.iter().map(|info| info.name).collect();
    assert_eq!(events.join(" "), "STOP OLD_NEWS NEWS LAMP_BROKE TREE_GREW");
}

/// What the policy lets through, refuses and hides.
#[test]
fn policies() {
    let reject = InputPolicy::Reject;
    let hide = OutputPolicy::Hide;
    let accept = Policy::ACCEPT;
    let deprecated_input = Policy { deprecated_input: reject, ..accept };
    let unstable_input = Policy { unstable_input: reject, ..accept };
    let deprecated_output = Policy { deprecated_output: hide, ..accept };
    let unstable_output = Policy { unstable_output: hide, ..accept };
    let all = || json!({"text": "t", "old": "o", "x-depth": 1});
    let old = || json!({"old": true});
    let rows = [
        (accept, json!({"old": true, "x-depth": 2, "kind": "led-strip"}), Ok(all())),
        (deprecated_input, json!({"x-depth": 2, "kind": "none"}), Ok(all())),
        (deprecated_input, old(), Err("Deprecated parameter old disabled by policy")),
        (
            deprecated_input,
            json!({"kind": "led-strip"}),
            Err("Deprecated value led-strip disabled by policy"),
        ),
        (unstable_input, old(), Ok(all())),
        (
            unstable_input,
            json!({"x-depth": 1}),
            Err("Unstable parameter x-depth disabled by policy"),
        ),
        (deprecated_output, old(), Ok(json!({"text": "t", "x-depth": 1}))),
        (unstable_output, json!({}), Ok(json!({"text": "t", "old": "o"}))),
    ];
    let entry = qapi::command::<Room, Shared>("lamp-dump").unwrap();
    for (policy, arguments, expected) in rows {
        let given = arguments.as_object().unwrap();
        let got = entry.run(&mut Room::default(), &Shared, given, policy);
        assert_eq!(got.map_err(|e| e.desc), expected.map_err(str::to_owned), "{arguments}");
    }
    let error = entry.info.admit(deprecated_input).unwrap_err();
    assert_eq!(error.desc, "Deprecated command lamp-dump disabled by policy");
    assert_eq!(error.class, ErrorClass::CommandNotFound);
    assert_eq!(entry.info.admit(unstable_input), Ok(()));
    let news = News { n: 1, x_n: Some(2) };
    let sent = |policy| news.to_wire_under(UNIX_EPOCH, policy).map(|event| event["data"].clone());
    assert_eq!(sent(accept), Some(json!({"n": 1, "x-n": 2})));
    assert_eq!(sent(unstable_output), Some(json!({"n": 1})));
    assert!(OldNews.to_wire_under(UNIX_EPOCH, unstable_output).is_some());
    assert_eq!(OldNews.to_wire_under(UNIX_EPOCH, deprecated_output), None);
    let mut schema: Value = serde_json::from_str(qapi::QMP_SCHEMA).unwrap();
    let told = |schema: &Value, text: &str| schema.to_string().contains(text);
    assert!(told(&schema, "lamp-dump") && told(&schema, "OLD_NEWS") && told(&schema, "x-n"));
    hide_deprecated(&mut schema, deprecated_output);
    assert!(!told(&schema, "lamp-dump") && !told(&schema, "OLD_NEWS") && told(&schema, "x-n"));
    assert!(!told(&schema, r#""name":"old""#) && told(&schema, "led-strip"));
}

/// A server with other things to do awaits a command instead of waiting for it.
#[test]
fn coroutines() {
    let entry = qapi::command::<Room, Shared>("wait-for").unwrap();
    assert!(entry.info.coroutine && matches!(entry.run, Handler::Coroutine(_)));
    let arguments = Map::from_iter([("stage".to_string(), json!("lit"))]);
    let mut room = Room::default();
    let mut running = pin!(entry.run_async(&mut room, &Shared, &arguments, Policy::ACCEPT));
    let mut context = Context::from_waker(Waker::noop());
    assert!(running.as_mut().poll(&mut context).is_pending());
    let expected = Ok(json!({"stage": "lit"}));
    assert_eq!(running.as_mut().poll(&mut context), Poll::Ready(expected));
}

#[test]
fn phases() {
    let gate = |name: &str, phase| {
        qapi::gate(qapi::command::<Room, Shared>(name).unwrap().info, phase).map_err(|e| e.data)
    };
    assert_eq!(gate("lamp-list", Stage::Empty), Ok(()));
    assert_eq!(gate("lamp_add", Stage::Wired), Ok(()));
    assert_eq!(gate("pick", Stage::Lit), Ok(()));
    let expected =
        json!({"command": "lamp_add", "phase": "empty", "allowed-phases": ["wired", "lit"]});
    assert_eq!(gate("lamp_add", Stage::Empty), Err(Some(expected)));
    assert!(gate("pick", Stage::Wired).is_err());
}

#[test]
fn round_trips() {
    fn check<T: Decode + Encode + PartialEq + std::fmt::Debug>(value: T, wire: Value) {
        assert_eq!(value.encode(), wire);
        assert_eq!(T::decode(&wire, &Path::ARGUMENTS, Mode::STRICT), Ok(value));
    }
    let leaf = || Tree { string: String_ {}, left: None, right: None, twigs: None };
    let strip = Strip { sizes: vec![1], colour: None };
    let lamp =
        LampOptions { id: Some("a".into()), ..LampOptions::new(LampOptionsKind::LedStrip(strip)) };
    check(lamp, json!({"id": "a", "kind": "led-strip", "sizes": [1]}));
    check(LampOptions::new(LampOptionsKind::_1_5mm), json!({"kind": "1.5mm"}));
    let name = |name: &str| Colour::Name(Named { name: name.into() });
    let mixed = Mixed { first: name("a"), second: Colour::Rgb(Rgb { r: 1, g: 2, b: 3 }) };
    check(
        Colour::Mixed(Box::new(mixed)),
        json!({"way": "mixed", "first": {"way": "name", "name": "a"},
               "second": {"way": "rgb", "r": 1, "g": 2, "b": 3}}),
    );
    let tree = Tree { left: Some(Box::new(leaf())), twigs: Some(vec![leaf()]), ..leaf() };
    check(tree.clone(), json!({"String": {}, "left": {"String": {}}, "twigs": [{"String": {}}]}));
    check(Count::Many(vec![1, 2]), json!([1, 2]));
    check(StopEvent, json!({}));
    check(TreeGrew(leaf()), json!({"String": {}}));
    check(Stop { type_: "x".into(), self_: None }, json!({"type": "x"}));
}

#[test]
fn enumerations() {
    assert_eq!(LampKind::ALL.len(), 4);
    for value in LampKind::ALL {
        assert_eq!(value.to_string().parse(), Ok(*value));
    }
    let error = "Empty".parse::<Stage>().unwrap_err();
    assert_eq!(error.to_string(), "'Empty' is not a value of Stage: empty, wired, lit");
    assert!(Stage::Empty < Stage::Lit);
}

#[test]
fn defaults_fill_what_is_absent() {
    let given: LampOptions =
        arguments(&json!({"kind": "bulb.e27", "watts": 1}), Mode::STRICT).unwrap();
    let defaults = LampOptions {
        id: Some("d".into()),
        watts: Some(60),
        fuse: None,
        kind: LampOptionsKind::BulbE27(Bulb { hours: Some(7) }),
        dim: Some(false),
    };
    assert_eq!(
        given.clone().or(defaults.clone()).encode(),
        json!({"id": "d", "watts": 1, "kind": "bulb.e27", "dim": false, "hours": 7})
    );
    let other = LampOptions { kind: LampOptionsKind::None, ..defaults };
    assert_eq!(given.or(other).kind, LampOptionsKind::BulbE27(Bulb::default()));
}

#[test]
fn events() {
    let event = LampBroke { id: "a".into(), watts: None };
    assert_eq!(event.to_wire(UNIX_EPOCH)["event"], "LAMP_BROKE");
    assert_eq!(event.to_wire(UNIX_EPOCH)["data"], json!({"id": "a"}));
    assert_eq!(StopEvent.to_wire(UNIX_EPOCH).get("data"), None);
}

#[test]
fn introspection_is_json() {
    let schema: Vec<Value> = serde_json::from_str(qapi::QMP_SCHEMA).unwrap();
    let command = |name| schema.iter().find(|entity| entity["name"] == name).unwrap();
    assert_eq!(command("lamp_add")["allowed-phases"], json!(["wired", "lit"]));
    assert_eq!(command("lamp_add")["features"], json!(["keyval-values"]));
    // The default, the last phase alone, is not told.
    assert_eq!(command("pick").get("allowed-phases"), None);
    assert_eq!(command("stage")["allow-oob"], true);
}
