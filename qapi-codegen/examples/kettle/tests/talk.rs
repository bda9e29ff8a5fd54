//! The example says what its documentation shows.

use std::process::Command;

#[test]
fn a_server_and_a_client_talk() {
    let output = Command::new(env!("CARGO_BIN_EXE_kettle")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = "\
heat: GenericError: The command 'heat' is not permitted at this phase
event: filled
pour: GenericError: There is room for 1250 ml, not for 2000 ml
event: heating
heat: GenericError: The kettle was switched off
event: filled
event: heating
event: hot
query-kettle: 250 ml at 30 degrees
";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_kettle")).arg("boil").output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("usage: kettle [serve PATH]"), "{text}");
}
