//! From tokens to text that reads as if somebody had written it.

use proc_macro2::TokenStream;

/// Formats the items of a file and puts a header before them.
pub(crate) fn file(header: &str, items: TokenStream) -> String {
    format!("{header}\n\n{}", text(items))
}

/// Formats items.
pub(crate) fn text(items: TokenStream) -> String {
    match syn::parse2(items) {
        Ok(file) => air(&prettyplease::unparse(&file)),
        // A defect of an emitter; the compiler tells it wherever the output is used.
        Err(error) => {
            let message = format!("qapi-codegen wrote what is no Rust: {error}");
            format!("compile_error!({message:?});\n")
        }
    }
}

/// Puts blank lines between items and between methods; the formatter puts none.
fn air(text: &str) -> String {
    let mut aired = String::with_capacity(text.len() + text.len() / 20);
    let mut previous = "";
    for line in text.lines() {
        let next_item =
            ends_item(previous) && starts_item(line) && indent(previous) == indent(line);
        if next_item && (list(previous).is_none() || list(previous) != list(line)) {
            aired.push('\n');
        }
        aired.push_str(line);
        aired.push('\n');
        previous = line;
    }
    aired
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn ends_item(line: &str) -> bool {
    line.ends_with([';', '}']) && !line.trim_start().starts_with("//")
}

fn starts_item(line: &str) -> bool {
    const STARTS: [&str; 9] =
        ["///", "#[", "pub ", "fn ", "const ", "static ", "type ", "impl", "use "];
    STARTS.iter().any(|start| line.trim_start().starts_with(start))
}

/// The list that a line is part of: imports stand together without blank lines, so do the
/// constants and types at the head of an `impl`.
fn list(line: &str) -> Option<usize> {
    const LISTS: [&[&str]; 2] = [&["use ", "pub use "], &["const ", "type "]];
    let line = line.trim_start();
    LISTS.iter().position(|starts| starts.iter().any(|start| line.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_stand_between_items() {
        let tight = "use a;\nuse b;\nstruct A {\n    a: u8,\n}\nimpl A {\n    const X: u8 = 1;\n    \
                     const Y: u8 = 2;\n    /// Says;\n    /// more.\n    fn f() {}\n    fn g() {\n        \
                     let x = 1;\n        x\n    }\n}\nimpl B for A {}\nstatic C: u8 = 1;\n";
        let aired = "use a;\nuse b;\nstruct A {\n    a: u8,\n}\n\nimpl A {\n    const X: u8 = 1;\n    \
                     const Y: u8 = 2;\n\n    /// Says;\n    /// more.\n    fn f() {}\n\n    fn g() {\n        \
                     let x = 1;\n        x\n    }\n}\n\nimpl B for A {}\n\nstatic C: u8 = 1;\n";
        assert_eq!(air(tight), aired);
    }
}
