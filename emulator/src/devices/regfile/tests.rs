//! Descriptions that are understood, and those that are refused.

use serde_json::json;

use super::chip::Stub;
use super::*;
use crate::devices::Device;
use crate::machine::trace::Trace;
use crate::machine::unmodelled::Block;
use qapi_runtime::{Decode, Mode, Path, Value};

fn properties(value: &Value) -> Result<RegfileProperties, String> {
    RegfileProperties::decode(value, &Path::ARGUMENTS, Mode::KEYVAL).map_err(|error| error.desc)
}

fn understood(value: &Value) -> Result<Regfile, String> {
    properties(value)?.understood()
}

fn stub(value: &Value) -> Stub {
    let regfile = understood(value).unwrap();
    Stub::new(regfile.layout, Vec::new(), Block::unnamed(Arc::new(Trace::default())))
}

/// A file of a test; taken away with it.
struct File(std::path::PathBuf);

impl File {
    fn new(text: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("regfile-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    /// What reading it leads to, with `FILE` for its name.
    fn read(&self, peripheral: Option<&str>) -> Result<Description, String> {
        let path = self.0.display().to_string();
        super::read(&path, peripheral).map_err(|error| error.replace(&path, "FILE"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What reads and writes do, by the names of UVM: reset to 0b1100, written with 0b1010, then what
/// is read, and read again.
#[test]
fn access_kinds_do_what_their_names_say() {
    let rows = [
        ("ro", 0b1100, 0b1100),
        ("rw", 0b1010, 0b1010),
        ("rc", 0b1100, 0),
        ("rs", 0b1100, 0b1111),
        ("wrc", 0b1010, 0),
        ("wrs", 0b1010, 0b1111),
        ("wc", 0, 0),
        ("ws", 0b1111, 0b1111),
        ("w1c", 0b0100, 0b0100),
        ("w1s", 0b1110, 0b1110),
        ("w1t", 0b0110, 0b0110),
        ("w0c", 0b1000, 0b1000),
        ("w0s", 0b1101, 0b1101),
        ("w0t", 0b1001, 0b1001),
        ("w1", 0b1010, 0b1010),
        ("wo", 0, 0),
        ("wo1", 0, 0),
    ];
    for (access, first, second) in rows {
        let field = json!({ "name": "F", "bits": "3:0", "access": access });
        let register = json!({ "name": "R", "offset": 0, "reset": 0b1100, "access": "ro",
                               "fields": [field] });
        let stub = stub(&json!({ "registers": [register] }));
        stub.write(0, 0, 4, 0b1010);
        assert_eq!(stub.read(0, 0, 4), first, "{access}");
        assert_eq!(stub.read(0, 0, 4), second, "{access}, again");
        // Once is once until a reset.
        stub.write(0, 0, 4, 0b0011);
        if access == "w1" {
            assert_eq!(stub.read(0, 0, 4), 0b1010);
            stub.reset();
            stub.write(0, 0, 4, 0b0011);
            assert_eq!(stub.read(0, 0, 4), 0b0011);
        }
    }
}

#[test]
fn accesses_of_any_size_reach_the_bytes_they_cover() {
    let registers = json!([
        { "name": "WORD", "offset": 0, "reset": 0x1122_3344 },
        { "name": "BYTE", "offset": 4, "size": 1, "reset": 0x55 },
        { "name": "HALF", "offset": 6, "size": 2, "reset": 0x6677 },
        { "name": "LONG", "offset": 8, "size": 8, "reset": "0x8899aabbccddeeff" },
        { "name": "IN", "offset": 16, "access": "ro", "reset": 7 },
        { "name": "OUT", "offset": 16, "access": "wo" },
    ]);
    let stub = stub(&json!({ "registers": registers, "size": "0x20" }));
    let rows = [
        (0, 4, 0x1122_3344),
        (1, 1, 0x33),
        (2, 2, 0x1122),
        (0, 8, 0x6677_0055_1122_3344),
        (4, 4, 0x6677_0055),
        (8, 8, 0x8899_aabb_ccdd_eeff),
        (12, 4, 0x8899_aabb),
        (15, 1, 0x88),
        (16, 4, 7),
        (20, 4, 0),
    ];
    for (offset, size, expected) in rows {
        assert_eq!(stub.read(0, offset, size), expected, "{size} at {offset}");
    }
    stub.write(0, 9, 1, 0x12);
    stub.write(0, 2, 4, 0xaabb_ccdd);
    stub.write(0, 16, 4, 9);
    assert_eq!(stub.read(0, 8, 8), 0x8899_aabb_ccdd_12ff);
    assert_eq!(stub.read(0, 0, 8), 0x6677_00bb_ccdd_3344);
    assert_eq!(stub.read(0, 16, 4), 7, "the one that can be written is another");
}

#[test]
fn sequences_go_on_with_each_read_and_begin_anew() {
    let ready = json!({ "name": "READY", "bits": "31", "access": "ro",
                        "sequence": [{ "value": 0, "reads": 2 }, 1] });
    let registers = json!([
        { "name": "STATUS", "offset": 0, "fields": [ready] },
        { "name": "ID", "offset": 4, "access": "ro", "sequence": [1, "0x20", 3] },
    ]);
    let stub = stub(&json!({ "registers": registers }));
    let reads = |offset| (0..4).map(|_| stub.read(0, offset, 4)).collect::<Vec<_>>();
    assert_eq!(reads(0), [0, 0, 1 << 31, 1 << 31]);
    assert_eq!(reads(4), [1, 0x20, 3, 3]);
    stub.write(0, 0, 4, 5);
    assert_eq!(reads(0), [5, 5, 1 << 31 | 5, 1 << 31 | 5]);
    stub.reset();
    assert_eq!(reads(0), [0, 0, 1 << 31, 1 << 31]);
    assert_eq!(reads(4), [1, 0x20, 3, 3]);
}

#[test]
fn lists_that_make_no_stub_are_refused() {
    let one = |register: Value| json!({ "registers": [register] });
    let two = |other: Value| json!({ "registers": [{ "name": "A", "offset": 0 }, other] });
    let field =
        |field: Value| one(json!({ "name": "A", "offset": 0, "size": 1, "fields": [field] }));
    let rows = [
        (json!({}), "Parameter 'file' is missing: give a description"),
        (json!({ "registers": [] }), "there is no register: give 'registers'"),
        (
            json!({ "registers": [], "peripheral": "P" }),
            "Parameter 'peripheral' chooses from an SVD file",
        ),
        (one(json!({ "name": "A" })), "registers[0]: register 'A': 'offset' is missing"),
        (one(json!({ "name": "", "offset": 0 })), "registers[0]: a register without a name"),
        (
            one(json!({ "name": "A", "offset": 0, "size": 3 })),
            "'size' expects 1, 2, 4 or 8 bytes, not 3",
        ),
        (
            one(json!({ "name": "A", "offset": 0, "size": 1, "reset": 256 })),
            "the reset value 0x100 does not fit into 8 bits",
        ),
        (one(json!({ "name": "A", "offset": u64::MAX })), "it ends beyond 2^64"),
        (
            one(json!({ "name": "A", "offset": 0, "access": "w1x" })),
            "Parameter 'registers[0].access' does not accept value 'w1x'",
        ),
        (
            one(json!({ "name": "A", "offset": 0, "sequence": ["0x100000000"] })),
            "the sequence has 0x100000000, which does not fit into 32 bits",
        ),
        (
            one(json!({ "name": "A", "offset": 0, "sequence": [{ "value": 1, "reads": 0 }] })),
            "'reads' in a sequence expects a number above 0",
        ),
        (
            one(json!({ "name": "A", "offset": 0, "access": "wo", "sequence": [1] })),
            "this is write only",
        ),
        (
            one(json!({ "name": "A", "offset": 0, "interrupt": 2000 })),
            "'interrupt' expects a number below 1024, not 2000",
        ),
        (one(json!({ "name": "A", "offset": 0, "enabled-by": "A" })), "give 'interrupt' as well"),
        (
            one(json!({ "name": "A", "offset": 0, "interrupt": 0, "enabled-by": "B.C" })),
            "expects a register or REGISTER.FIELD of 32 bits, not 'B.C'",
        ),
        (
            two(json!({ "name": "B", "offset": 2 })),
            "registers[1]: register 'B': at offset 0x2 it meets 'A' at 0x0 (registers[0])",
        ),
        (
            json!({ "registers": [{ "name": "A", "offset": 4 }], "size": 6 }),
            "it ends at 0x8, beyond the size of the region, 0x6",
        ),
        (
            json!({ "registers": [{ "name": "A", "offset": 4 }], "size": 0 }),
            "Parameter 'size' expects a number above 0",
        ),
        (
            field(json!({ "name": "F" })),
            "field 'F': 'bits' is missing: give a bit, 4, or a range, 7:4",
        ),
        (
            field(json!({ "name": "F", "bits": "4:7" })),
            "'bits' expects a bit from 0 to 63, or a range",
        ),
        (
            field(json!({ "name": "F", "bits": "x" })),
            "'bits' expects a bit from 0 to 63, or a range",
        ),
        (
            field(json!({ "name": "F", "bits": "8:7" })),
            "field 'F': bit 8 is outside the 8 bits of the register",
        ),
        (
            field(json!({ "name": "F", "bits": "1", "values": [{ "name": "TWO", "value": 2 }] })),
            "its value 'TWO', 0x2, does not fit into 1 bits",
        ),
        (
            one(
                json!({ "name": "A", "offset": 0, "fields": [{ "name": "F", "bits": "3:0" }, { "name": "G", "bits": "3" }] }),
            ),
            "field 'G': it shares bits with 'F'",
        ),
        (
            json!({ "file": "/nowhere/at/all.json" }),
            "/nowhere/at/all.json: cannot read the description: No such file",
        ),
        (json!({ "file": "/dev/null" }), "/dev/null:1:1: EOF while parsing"),
    ];
    for (given, expected) in rows {
        match understood(&given) {
            Err(error) => assert!(error.contains(expected), "{given}: {error}"),
            Ok(_) => panic!("accepted: {given}"),
        }
    }
}

#[test]
fn what_is_wrong_in_a_file_is_told_with_line_and_column() {
    let register = |inner: &str| {
        format!(
            "{{\n  \"registers\": [\n    {{ \"name\": \"A\", \"offset\": 0 }},\n    {inner}\n  ]\n}}"
        )
    };
    let svd = |inner: &str| {
        format!(
            "<device>\n<peripherals>\n<peripheral><name>P</name>\n<registers>\n{inner}\n</registers></peripheral></peripherals></device>"
        )
    };
    let named = |offset: &str| {
        format!("<register><name>R</name><addressOffset>{offset}</addressOffset></register>")
    };
    let rows: Vec<(String, &str)> = vec![
        (register("{ \"name\": \"B\" }"), "FILE:4:5: register 'B': 'offset' is missing"),
        (register("{ \"name\": \"B\", \"offset\": true }"), "FILE:4:5: register 'B': member 'offset': expected uint64"),
        (register("{ \"name\": \"B\", \"offst\": 1 }"), "FILE:4:5: register 'B': member 'offst': unexpected"),
        (register("{ \"name\": \"A\", \"offset\": 8 }"), "FILE:4:5: register 'A': there is another of that name"),
        (register("{ \"name\": \"B\", }"), "FILE:4:20: key must be a string"),
        (register("7"), "FILE:4:5: register '?': "),
        ("{\n \"regs\": [] }".into(), "FILE:2:10: member 'regs' is unknown"),
        ("{}".into(), "FILE: there is no member 'registers'"),
        ("[]".into(), "FILE:1:"),
        (format!("{{ \"registers\": {}", "[".repeat(100_000)), "FILE:1:"),
        ("<device>\n<peripherals>".into(), "FILE:1:1: cannot read the XML: the root node was opened but never closed"),
        ("<!DOCTYPE d [<!ENTITY a \"b\">]><device/>".into(), "FILE:1:1: cannot read the XML: "),
        ("<top/>".into(), "FILE:1:1: this is no SVD file"),
        ("<device/>".into(), "FILE:1:1: the device has no 'peripherals'"),
        (svd(&named("x")), "FILE:5:25: 'addressOffset' expects a number, not 'x'"),
        (svd("<register><addressOffset>0</addressOffset></register>"), "FILE:5:1: the register has no name"),
        (svd("<register><name>R</name></register>"), "FILE:5:1: 'addressOffset' is missing"),
        (svd("<register derivedFrom='S'><name>R</name></register>"), "FILE:5:1: derivedFrom names no register 'S'"),
        (svd("<register derivedFrom='S'><name>R</name></register>\n<register derivedFrom='R'><name>S</name></register>"), "FILE:6:1: derivedFrom leads round in a circle"),
        (svd("<register><dim>70000</dim><dimIncrement>4</dimIncrement><name>R%s</name><addressOffset>0</addressOffset></register>"), "FILE:5:1: 'dim' expects a number from 1 to 65536, not 70000"),
        (svd(&format!("{}{}{}", "<cluster><dim>60000</dim><dimIncrement>4</dimIncrement><name>C%s</name><addressOffset>0</addressOffset>".repeat(5), named("0"), "</cluster>".repeat(5))), "arrays amount to more than"),
        (svd(&format!("{}{}{}", "<cluster><name>C</name><addressOffset>0</addressOffset>".repeat(40), named("0"), "</cluster>".repeat(40))), "clusters lie more than 16 deep"),
        (svd("<register><name>R</name><addressOffset>0</addressOffset><access>sometimes</access></register>"), "the access 'sometimes' is unknown"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let error = File::new(&text).read(None).err().unwrap_or_else(|| "accepted".into());
        if !error.contains(expected) {
            wrong.push(format!("{text:.200}: {error}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const SVD: &str = r#"<?xml version="1.0"?>
<device>
  <name>SOC</name> <addressUnitBits>8</addressUnitBits> <width>32</width>
  <size>32</size> <access>read-write</access> <resetValue>0x5</resetValue>
  <peripherals>
    <peripheral>
      <name>UART0</name>
      <addressBlock><offset>0</offset><size>0x100</size><usage>registers</usage></addressBlock>
      <registers>
        <register>
          <name>CTRL</name> <addressOffset>0</addressOffset> <resetValue>0x30</resetValue>
          <fields>
            <field><name>EN</name><bitRange>[0:0]</bitRange></field>
            <field><name>MODE</name><lsb>4</lsb><msb>5</msb>
              <enumeratedValues>
                <enumeratedValue><name>slow</name><value>0</value></enumeratedValue>
                <enumeratedValue><name>any</name><value>#1x</value></enumeratedValue>
                <enumeratedValue><name>fast</name><value>#11</value></enumeratedValue>
              </enumeratedValues>
            </field>
            <field><dim>2</dim><dimIncrement>1</dimIncrement><dimIndex>RX,TX</dimIndex>
              <name>%sIE</name><bitOffset>8</bitOffset><bitWidth>1</bitWidth></field>
          </fields>
        </register>
        <register>
          <name>STAT</name> <addressOffset>4</addressOffset> <size>16</size> <access>read-only</access>
          <readAction>clear</readAction>
          <fields><field><name>ERR</name><bitOffset>2</bitOffset></field></fields>
        </register>
        <register derivedFrom="STAT"><name>STAT2</name><addressOffset>6</addressOffset></register>
        <register><name>RX</name><addressOffset>8</addressOffset><access>read-only</access></register>
        <register><name>TX</name><addressOffset>8</addressOffset><access>write-only</access></register>
        <register><name>ALT</name><alternateRegister>CTRL</alternateRegister><addressOffset>0</addressOffset></register>
        <register><name>IP</name><addressOffset>12</addressOffset>
          <modifiedWriteValues>oneToClear</modifiedWriteValues></register>
        <cluster>
          <dim>2</dim><dimIncrement>0x10</dimIncrement><name>CH[%s]</name>
          <addressOffset>0x20</addressOffset>
          <register><name>SRC</name><addressOffset>0</addressOffset></register>
          <register><dim>2</dim><dimIncrement>4</dimIncrement><name>D%s</name><addressOffset>4</addressOffset></register>
        </cluster>
      </registers>
    </peripheral>
    <peripheral derivedFrom="UART0"><name>UART1</name></peripheral>
    <peripheral><dim>2</dim><dimIncrement>0x1000</dimIncrement><name>TIMER%s</name>
      <registers><register derivedFrom="UART0.CTRL"><name>CTRL</name><addressOffset>0</addressOffset></register></registers>
    </peripheral>
  </peripherals>
</device>"#;

#[test]
fn svd_files_are_read_with_what_levels_inherit() {
    let file = File::new(SVD);
    let error = file.read(None).unwrap_err();
    assert_eq!(
        error,
        "FILE: there are several peripherals: choose one by 'peripheral'; it has UART0, UART1, TIMER0, TIMER1"
    );
    let error = file.read(Some("UART9")).unwrap_err();
    assert!(error.starts_with("FILE: there is no peripheral 'UART9'; it has UART0, "), "{error}");
    for name in ["UART0", "UART1"] {
        let description = file.read(Some(name)).unwrap();
        assert_eq!(description.remarks.len(), 1, "{:?}", description.remarks);
        assert!(
            description.remarks[0]
                .contains("left out: register 'ALT': it stands where 'CTRL' does")
        );
        let layout = description.layout(None).unwrap();
        assert_eq!(layout.size, 0x100);
        let rows: Vec<(&str, u64, u8, u64)> =
            layout.registers.iter().map(|r| (r.name.as_str(), r.offset, r.size, r.reset)).collect();
        let expected = [
            ("CTRL", 0, 4, 0x30),
            ("STAT", 4, 2, 5),
            ("STAT2", 6, 2, 5),
            ("RX", 8, 4, 5),
            ("TX", 8, 4, 5),
            ("IP", 12, 4, 5),
            ("CH[0].SRC", 0x20, 4, 5),
            ("CH[0].D0", 0x24, 4, 5),
            ("CH[0].D1", 0x28, 4, 5),
            ("CH[1].SRC", 0x30, 4, 5),
            ("CH[1].D0", 0x34, 4, 5),
            ("CH[1].D1", 0x38, 4, 5),
        ];
        assert_eq!(rows, expected, "{name}");
        let fields: Vec<(&str, u64)> =
            layout.registers[0].fields.iter().map(|f| (f.name.as_str(), f.range.mask())).collect();
        assert_eq!(fields, [("EN", 1), ("MODE", 0x30), ("RXIE", 0x100), ("TXIE", 0x200)]);
        assert_eq!(layout.registers[0].fields[1].values, [("slow".into(), 0), ("fast".into(), 3)]);
    }
    assert_eq!(file.read(Some("TIMER1")).unwrap().registers[0].fields.len(), 4);
}

#[test]
fn a_list_changes_what_a_file_says() {
    let file = File::new(SVD);
    let stub = stub(&json!({
        "file": file.0.to_str(), "peripheral": "UART0",
        "registers": [
            { "name": "RX", "sequence": [0x41, 0x42] },
            { "name": "CTRL", "fields": [{ "name": "EN", "access": "w1s" }] },
            { "name": "EXTRA", "offset": 0x40, "reset": 9 },
        ],
    }));
    assert_eq!([stub.read(0, 8, 4), stub.read(0, 8, 4)], [0x41, 0x42]);
    stub.write(0, 0, 4, 1);
    stub.write(0, 0, 4, 0);
    assert_eq!(stub.read(0, 0, 4), 1, "EN is set and stays");
    assert_eq!(stub.read(0, 0x40, 4), 9);
    // STAT is cleared by a read; IP by ones.
    assert_eq!([stub.read(0, 4, 2), stub.read(0, 4, 2), stub.read(0, 6, 2)], [5, 0, 5]);
    stub.write(0, 12, 4, 4);
    assert_eq!(stub.read(0, 12, 4), 1);
}
