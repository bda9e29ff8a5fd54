//! What a server needs beside decoding: errors, events, the gate, hints.

use std::time::{Duration, UNIX_EPOCH};

use qapi_runtime::{CommandInfo, PhaseSet, QmpError, gate, nearest, wire_event};
use serde_json::json;

#[test]
fn errors_on_the_wire() {
    let plain = QmpError::device_not_found("Device 'x' not found");
    assert_eq!(
        plain.to_value().to_string(),
        r#"{"class":"DeviceNotFound","desc":"Device 'x' not found"}"#
    );
    let detailed = QmpError::generic("no").with_data(json!({"a": 1}));
    assert_eq!(
        detailed.to_value().to_string(),
        r#"{"class":"GenericError","desc":"no","data":{"a":1}}"#
    );
    assert_eq!(detailed.to_string(), "no");
}

#[test]
fn events_on_the_wire() {
    let at = UNIX_EPOCH + Duration::new(12, 345_678_999);
    assert_eq!(
        wire_event("STOP", json!({}), at).to_string(),
        r#"{"timestamp":{"seconds":12,"microseconds":345678},"event":"STOP"}"#
    );
    assert_eq!(
        wire_event("RESET", json!({"guest": true}), at).to_string(),
        r#"{"timestamp":{"seconds":12,"microseconds":345678},"event":"RESET","data":{"guest":true}}"#
    );
}

#[test]
fn the_gate_tells_where_the_command_may_run() {
    let info = CommandInfo {
        name: "cont",
        arguments: None,
        returns: None,
        allow_oob: false,
        coroutine: false,
        phases: PhaseSet::of(&[1, 3]),
        keyval: false,
        success_response: true,
        features: &[],
        doc: "",
    };
    let names = ["a", "b", "c", "d"];
    assert_eq!(gate(&info, 1, &names), Ok(()));
    assert_eq!(gate(&info, 3, &names), Ok(()));
    let error = gate(&info, 2, &names).unwrap_err();
    assert_eq!(
        error.to_value(),
        json!({
            "class": "GenericError",
            "desc": "The command 'cont' is not permitted at this phase",
            "data": {"command": "cont", "phase": "c", "allowed-phases": ["b", "d"]},
        })
    );
    assert!(gate(&info, 77, &names).is_err());
    assert!(PhaseSet::ALL.contains(31) && !PhaseSet::ALL.contains(32));
    assert_eq!(PhaseSet::of(&[0, 40]), PhaseSet(1));
}

#[test]
fn did_you_mean() {
    let known = ["query-status", "query-name", "query-version", "device_add", "stop"];
    let rows: [(&str, &[&str]); 6] = [
        ("query-statsu", &["query-status"]),
        ("device-add", &["device_add"]),
        ("QUERY-NAME", &["query-name"]),
        ("version", &["query-version"]),
        ("sotp", &["stop"]),
        ("entirely-else", &[]),
    ];
    for (name, expected) in rows {
        assert_eq!(nearest(name, known), expected, "{name}");
    }
}
