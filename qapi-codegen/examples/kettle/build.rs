//! Generates a server's code and a client's from the schema.

fn main() -> Result<(), qapi_codegen::BuildError> {
    qapi_codegen::Builder::new("kettle.json").build()?;
    qapi_codegen::Builder::new("kettle.json").client().build()
}
