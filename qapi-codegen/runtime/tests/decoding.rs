//! What is read off the wire and what is refused, with the texts.

use qapi_runtime::{
    Decode, Encode, Enum, MemberInfo, Mode, Object, ObjectReader, ObjectWriter, Path, QmpError,
    Value, arguments, decode_size,
};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Colour {
    Red,
    Green,
}

impl Enum for Colour {
    const NAME: &'static str = "Colour";
    const ALL: &'static [Self] = &[Self::Red, Self::Green];

    fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
        }
    }
}

qapi_runtime::enum_on_the_wire!(Colour);

/// One optional member of every type.
#[derive(Clone, Debug, Default, PartialEq)]
struct All {
    int: Option<i64>,
    int8: Option<i8>,
    int16: Option<i16>,
    int32: Option<i32>,
    uint8: Option<u8>,
    uint16: Option<u16>,
    uint32: Option<u32>,
    uint64: Option<u64>,
    size: Option<u64>,
    number: Option<f64>,
    bool: Option<bool>,
    str: Option<String>,
    any: Option<Value>,
    null: Option<()>,
    colour: Option<Colour>,
    colours: Option<Vec<Colour>>,
    nested: Option<Box<Nested>>,
    list: Option<Vec<Nested>>,
}

impl Object for All {
    const NAME: &'static str = "All";
    const MEMBERS: &'static [MemberInfo] = &[];

    fn read(object: &mut ObjectReader<'_>) -> Result<Self, QmpError> {
        Ok(Self {
            int: object.optional("int")?,
            int8: object.optional("int8")?,
            int16: object.optional("int16")?,
            int32: object.optional("int32")?,
            uint8: object.optional("uint8")?,
            uint16: object.optional("uint16")?,
            uint32: object.optional("uint32")?,
            uint64: object.optional("uint64")?,
            size: object.optional_with("size", decode_size)?,
            number: object.optional("number")?,
            bool: object.optional("bool")?,
            str: object.optional("str")?,
            any: object.optional("any")?,
            null: object.optional("null")?,
            colour: object.optional("colour")?,
            colours: object.optional("colours")?,
            nested: object.optional("nested")?,
            list: object.optional("list")?,
        })
    }

    fn write(&self, object: &mut ObjectWriter) {
        object.put_some("int", &self.int);
        object.put_some("int8", &self.int8);
        object.put_some("int16", &self.int16);
        object.put_some("int32", &self.int32);
        object.put_some("uint8", &self.uint8);
        object.put_some("uint16", &self.uint16);
        object.put_some("uint32", &self.uint32);
        object.put_some("uint64", &self.uint64);
        object.put_some("size", &self.size);
        object.put_some("number", &self.number);
        object.put_some("bool", &self.bool);
        object.put_some("str", &self.str);
        object.put_some("any", &self.any);
        object.put_some("null", &self.null);
        object.put_some("colour", &self.colour);
        object.put_some("colours", &self.colours);
        object.put_some("nested", &self.nested);
        object.put_some("list", &self.list);
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Nested {
    must: String,
    deep: Option<Vec<Nested>>,
}

impl Object for Nested {
    const NAME: &'static str = "Nested";
    const MEMBERS: &'static [MemberInfo] = &[];

    fn read(object: &mut ObjectReader<'_>) -> Result<Self, QmpError> {
        Ok(Self { must: object.required("must")?, deep: object.optional("deep")? })
    }

    fn write(&self, object: &mut ObjectWriter) {
        object.put("must", &self.must);
        object.put_some("deep", &self.deep);
    }
}

fn decode(text: &str, mode: Mode) -> Result<All, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    arguments(&value, mode).map_err(|error| error.to_string())
}

/// What decodes and encodes to itself.
#[test]
fn unchanged() {
    let rows = [
        r#"{}"#,
        r#"{"int":-9223372036854775808}"#,
        r#"{"int":9223372036854775807}"#,
        r#"{"int8":-128,"int16":-32768,"int32":-2147483648}"#,
        r#"{"int8":127,"int16":32767,"int32":2147483647}"#,
        r#"{"uint8":255,"uint16":65535,"uint32":4294967295}"#,
        r#"{"uint64":18446744073709551615,"size":0}"#,
        r#"{"number":0.5,"bool":false,"str":"","null":null}"#,
        r#"{"any":null}"#,
        r#"{"any":{"b":1,"a":[1.5]}}"#,
        r#"{"colour":"green","colours":["red","red"]}"#,
        r#"{"colours":[]}"#,
        r#"{"nested":{"must":"x","deep":[{"must":"y"},{"must":"z","deep":[]}]}}"#,
    ];
    for row in rows {
        for mode in [Mode::STRICT, Mode::KEYVAL] {
            let decoded = decode(row, mode).expect(row);
            assert_eq!(decoded.encode().to_string(), row);
        }
    }
}

/// What decodes to something spelled otherwise.
#[test]
fn respelled() {
    let strict = [
        (r#"{"uint64":-1}"#, r#"{"uint64":18446744073709551615}"#),
        (r#"{"size":-9223372036854775808}"#, r#"{"size":9223372036854775808}"#),
        (r#"{"number":3}"#, r#"{"number":3.0}"#),
    ];
    let keyval = [
        (r#"{"int":"0x4000"}"#, r#"{"int":16384}"#),
        (r#"{"int":"-0X10"}"#, r#"{"int":-16}"#),
        (r#"{"int":"-5"}"#, r#"{"int":-5}"#),
        (r#"{"uint8":"007"}"#, r#"{"uint8":7}"#),
        (r#"{"uint32":"53"}"#, r#"{"uint32":53}"#),
        (r#"{"uint64":"0xffffffffffffffff"}"#, r#"{"uint64":18446744073709551615}"#),
        (r#"{"uint64":"-1"}"#, r#"{"uint64":18446744073709551615}"#),
        (r#"{"size":"4096"}"#, r#"{"size":4096}"#),
        (r#"{"size":"0x10"}"#, r#"{"size":16}"#),
        (r#"{"size":"1k"}"#, r#"{"size":1024}"#),
        (r#"{"size":"2K"}"#, r#"{"size":2048}"#),
        (r#"{"size":"64M"}"#, r#"{"size":67108864}"#),
        (r#"{"size":"1G"}"#, r#"{"size":1073741824}"#),
        (r#"{"size":"1T"}"#, r#"{"size":1099511627776}"#),
        (r#"{"size":"1KiB"}"#, r#"{"size":1024}"#),
        (r#"{"size":"0x2MiB"}"#, r#"{"size":2097152}"#),
        (r#"{"size":"3GiB"}"#, r#"{"size":3221225472}"#),
        (r#"{"number":"1.5e3"}"#, r#"{"number":1500.0}"#),
        (r#"{"bool":"true"}"#, r#"{"bool":true}"#),
        (r#"{"bool":"True"}"#, r#"{"bool":true}"#),
        (r#"{"bool":"on"}"#, r#"{"bool":true}"#),
        (r#"{"bool":"yes"}"#, r#"{"bool":true}"#),
        (r#"{"bool":"false"}"#, r#"{"bool":false}"#),
        (r#"{"bool":"False"}"#, r#"{"bool":false}"#),
        (r#"{"bool":"off"}"#, r#"{"bool":false}"#),
        (r#"{"bool":"no"}"#, r#"{"bool":false}"#),
        (r#"{"str":"0x10"}"#, r#"{"str":"0x10"}"#),
    ];
    let rows = strict.map(|row| (Mode::STRICT, row)).into_iter();
    for (mode, (row, expected)) in rows.chain(keyval.map(|row| (Mode::KEYVAL, row))) {
        let decoded = decode(row, mode).expect(row);
        assert_eq!(decoded.encode().to_string(), expected, "{row}");
    }
}

/// What is refused whatever the mode.
#[test]
fn refused() {
    let rows = [
        // Objects and their members.
        (r#"[]"#, "Invalid parameter type for 'arguments', expected: object"),
        (r#"{"bogus":1}"#, "Parameter 'bogus' is unexpected"),
        (r#"{"nested":{}}"#, "Parameter 'nested.must' is missing"),
        (
            r#"{"nested":{"must":null}}"#,
            "Invalid parameter type for 'nested.must', expected: string",
        ),
        (r#"{"nested":{"must":"x","bogus":0}}"#, "Parameter 'nested.bogus' is unexpected"),
        (r#"{"nested":null}"#, "Invalid parameter type for 'nested', expected: object"),
        (r#"{"list":{}}"#, "Invalid parameter type for 'list', expected: array"),
        (r#"{"list":[1]}"#, "Invalid parameter type for 'list[0]', expected: object"),
        (r#"{"list":[{"must":"x"},{}]}"#, "Parameter 'list[1].must' is missing"),
        (
            r#"{"list":[{"must":"x","deep":[{"must":"y"},{"must":"z","nope":1}]}]}"#,
            "Parameter 'list[0].deep[1].nope' is unexpected",
        ),
        // Missing and wrong ones come before unexpected ones.
        (r#"{"bogus":1,"nested":{}}"#, "Parameter 'nested.must' is missing"),
        (r#"{"bogus":1,"bool":null}"#, "Invalid parameter type for 'bool', expected: boolean"),
        // The first of two that are missing or wrong, in the order of the type.
        (r#"{"nested":{"deep":[1]}}"#, "Parameter 'nested.must' is missing"),
        (
            r#"{"nested":{"must":"x","deep":[{"must":"y"},{"must":1}]}}"#,
            "Invalid parameter type for 'nested.deep[1].must', expected: string",
        ),
        (
            r#"{"nested":{"must":"x","deep":[[]]}}"#,
            "Invalid parameter type for 'nested.deep[0]', expected: object",
        ),
        (
            r#"{"nested":{"must":"x","deep":"y"}}"#,
            "Invalid parameter type for 'nested.deep', expected: array",
        ),
        (r#"{"":1}"#, "Parameter '' is unexpected"),
        (r#"{"Int":1}"#, "Parameter 'Int' is unexpected"),
        // Enumerations.
        (r#"{"colour":null}"#, "Invalid parameter type for 'colour', expected: string"),
        (r#"{"colours":[1]}"#, "Invalid parameter type for 'colours[0]', expected: string"),
        (r#"{"colour":"nope"}"#, "Parameter 'colour' does not accept value 'nope'"),
        (r#"{"colour":""}"#, "Parameter 'colour' does not accept value ''"),
        (r#"{"colour":1}"#, "Invalid parameter type for 'colour', expected: string"),
        (r#"{"colours":["red","Red"]}"#, "Parameter 'colours[1]' does not accept value 'Red'"),
        (r#"{"colours":"red"}"#, "Invalid parameter type for 'colours', expected: array"),
        (r#"{"colours":null}"#, "Invalid parameter type for 'colours', expected: array"),
        // Signed integers.
        (r#"{"int":1.0}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int":1e3}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int":9223372036854775808}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int":true}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int":null}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int8":128}"#, "Parameter 'int8' expects int8_t"),
        (r#"{"int8":-129}"#, "Parameter 'int8' expects int8_t"),
        (r#"{"int8":1.5}"#, "Invalid parameter type for 'int8', expected: integer"),
        (r#"{"int16":32768}"#, "Parameter 'int16' expects int16_t"),
        (r#"{"int32":2147483648}"#, "Parameter 'int32' expects int32_t"),
        (r#"{"int":-9223372036854775809}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int":[]}"#, "Invalid parameter type for 'int', expected: integer"),
        (r#"{"int16":-32769}"#, "Parameter 'int16' expects int16_t"),
        (r#"{"int32":-2147483649}"#, "Parameter 'int32' expects int32_t"),
        (r#"{"int8":9223372036854775808}"#, "Invalid parameter type for 'int8', expected: integer"),
        // Unsigned ones go through uint64.
        (r#"{"uint16":-1}"#, "Parameter 'uint16' expects uint16_t"),
        (r#"{"uint32":-9223372036854775808}"#, "Parameter 'uint32' expects uint32_t"),
        (r#"{"uint64":-9223372036854775809}"#, "Parameter 'uint64' expects uint64"),
        (r#"{"uint64":null}"#, "Parameter 'uint64' expects uint64"),
        (r#"{"size":1.5}"#, "Parameter 'size' expects uint64"),
        (r#"{"uint8":256}"#, "Parameter 'uint8' expects uint8_t"),
        (r#"{"uint8":-1}"#, "Parameter 'uint8' expects uint8_t"),
        (r#"{"uint8":1.0}"#, "Parameter 'uint8' expects uint64"),
        (r#"{"uint8":[]}"#, "Parameter 'uint8' expects uint64"),
        (r#"{"uint16":65536}"#, "Parameter 'uint16' expects uint16_t"),
        (r#"{"uint32":4294967296}"#, "Parameter 'uint32' expects uint32_t"),
        (r#"{"uint64":18446744073709551616}"#, "Parameter 'uint64' expects uint64"),
        (r#"{"uint64":1.0}"#, "Parameter 'uint64' expects uint64"),
        (r#"{"uint64":false}"#, "Parameter 'uint64' expects uint64"),
        (r#"{"size":{}}"#, "Parameter 'size' expects uint64"),
        // The rest.
        (r#"{"number":true}"#, "Invalid parameter type for 'number', expected: number"),
        (r#"{"bool":1}"#, "Invalid parameter type for 'bool', expected: boolean"),
        (r#"{"bool":null}"#, "Invalid parameter type for 'bool', expected: boolean"),
        (r#"{"str":1}"#, "Invalid parameter type for 'str', expected: string"),
        (r#"{"str":true}"#, "Invalid parameter type for 'str', expected: string"),
        (r#"{"number":null}"#, "Invalid parameter type for 'number', expected: number"),
        (r#"{"number":[1]}"#, "Invalid parameter type for 'number', expected: number"),
        (r#"{"str":null}"#, "Invalid parameter type for 'str', expected: string"),
        (r#"{"str":["x"]}"#, "Invalid parameter type for 'str', expected: string"),
        (r#"{"null":false}"#, "Invalid parameter type for 'null', expected: null"),
        (r#"{"null":0}"#, "Invalid parameter type for 'null', expected: null"),
    ];
    for (row, expected) in rows {
        for mode in [Mode::STRICT, Mode::KEYVAL] {
            assert_eq!(decode(row, mode).expect_err(row), expected, "{row}");
        }
    }
}

/// Strings for scalars: refused in strict mode, and in keyval mode unless they have the form.
#[test]
fn refused_strings() {
    let rows = [
        (
            r#"{"int":"abc"}"#,
            "Invalid parameter type for 'int', expected: integer",
            "Parameter 'int' expects an integer (decimal or 0x hexadecimal), not 'abc'",
        ),
        (
            r#"{"uint32":""}"#,
            "Parameter 'uint32' expects uint64",
            "Parameter 'uint32' expects an integer (decimal or 0x hexadecimal), not ''",
        ),
        (
            r#"{"uint32":"0x"}"#,
            "Parameter 'uint32' expects uint64",
            "Parameter 'uint32' expects an integer (decimal or 0x hexadecimal), not '0x'",
        ),
        (
            r#"{"uint64":"64K"}"#,
            "Parameter 'uint64' expects uint64",
            "Parameter 'uint64' expects an integer (decimal or 0x hexadecimal), not '64K'",
        ),
        (
            r#"{"int":" 1"}"#,
            "Invalid parameter type for 'int', expected: integer",
            "Parameter 'int' expects an integer (decimal or 0x hexadecimal), not ' 1'",
        ),
        (
            r#"{"int":"1.0"}"#,
            "Invalid parameter type for 'int', expected: integer",
            "Parameter 'int' expects an integer (decimal or 0x hexadecimal), not '1.0'",
        ),
        (
            r#"{"uint8":"256"}"#,
            "Parameter 'uint8' expects uint64",
            "Parameter 'uint8' expects uint8_t",
        ),
        (
            r#"{"uint64":"0x10000000000000000"}"#,
            "Parameter 'uint64' expects uint64",
            "Parameter 'uint64' expects uint64",
        ),
        (
            r#"{"uint64":"999999999999999999999999999999999999999999999"}"#,
            "Parameter 'uint64' expects uint64",
            "Parameter 'uint64' expects uint64",
        ),
        (
            r#"{"size":"16777216T"}"#,
            "Parameter 'size' expects uint64",
            "Parameter 'size' expects uint64",
        ),
        (
            r#"{"size":"1.5G"}"#,
            "Parameter 'size' expects uint64",
            "Parameter 'size' expects a size (decimal or 0x hexadecimal, perhaps with a suffix \
             K, M, G or T), not '1.5G'",
        ),
        (
            r#"{"bool":"maybe"}"#,
            "Invalid parameter type for 'bool', expected: boolean",
            "Parameter 'bool' expects 'on' or 'off', not 'maybe'",
        ),
        (
            r#"{"bool":"ON"}"#,
            "Invalid parameter type for 'bool', expected: boolean",
            "Parameter 'bool' expects 'on' or 'off', not 'ON'",
        ),
        (
            r#"{"number":"nan"}"#,
            "Invalid parameter type for 'number', expected: number",
            "Parameter 'number' expects a decimal number, not 'nan'",
        ),
        (
            r#"{"null":"null"}"#,
            "Invalid parameter type for 'null', expected: null",
            "Invalid parameter type for 'null', expected: null",
        ),
    ];
    for (row, strict, keyval) in rows {
        assert_eq!(decode(row, Mode::STRICT).expect_err(row), strict, "{row}");
        assert_eq!(decode(row, Mode::KEYVAL).expect_err(row), keyval, "{row}");
    }
}

/// What a server says is told in other words than what a client sends. The name of the outermost
/// value shows only where there is no other.
#[test]
fn replies() {
    let error =
        |value: Value| Nested::decode(&value, &Path::RETURN, Mode::STRICT).unwrap_err().desc;
    assert_eq!(error(json!(1)), "expected object");
    assert_eq!(error(json!({})), "member 'must': missing");
    let error = Vec::<Nested>::decode(&json!([{}]), &Path::RETURN, Mode::STRICT).unwrap_err().desc;
    assert_eq!(error, "member 'return[0].must': missing");
}
