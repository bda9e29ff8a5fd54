//! Generates a client from the emulator's schema: what somebody who drives boards would do.

fn main() {
    let schema = "../emulator/qapi/qapi-schema.json";
    // What is wrong with the schema has been printed by then.
    if qapi_codegen::Builder::new(schema).client().build().is_err() {
        std::process::exit(1);
    }
}
