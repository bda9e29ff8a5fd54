//! Turns the schema of the visitor target into Rust.

fn main() {
    // What is wrong with the schema has been printed by then.
    if qapi_codegen::Builder::new("schema.json").build().is_err() {
        std::process::exit(1);
    }
}
