//! Turns the schema in `qapi/` into the Rust that the program implements.

fn main() {
    // What is wrong with the schema has been printed by then.
    if qapi_codegen::Builder::new("qapi/qapi-schema.json").build().is_err() {
        std::process::exit(1);
    }
}
