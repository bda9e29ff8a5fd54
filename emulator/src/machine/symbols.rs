//! The names of code, from the symbol tables of the ELF files that were loaded.

use std::collections::BTreeSet;

use object::{Object, ObjectSymbol, SymbolKind};

use crate::boot::Image;

/// Symbols by address.
#[derive(Debug, Default)]
pub struct Symbols(Vec<Symbol>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Symbol {
    addr: u64,
    /// One past the last address.
    end: u64,
    name: String,
}

impl Symbols {
    /// From the files of images. One that cannot be read any more has no symbols.
    pub fn read(images: &[Image]) -> Self {
        let files: BTreeSet<&str> = images.iter().map(|image| image.source.as_str()).collect();
        let mut all: Vec<Symbol> = files.into_iter().flat_map(of_file).collect();
        all.sort_unstable();
        // What tells no size reaches to the next.
        for index in 0..all.len() {
            let next = all.get(index + 1).map_or(u64::MAX, |next| next.addr);
            if let Some(symbol) = all.get_mut(index).filter(|symbol| symbol.end == symbol.addr) {
                symbol.end = next;
            }
        }
        Self(all)
    }

    /// The name of the code at an address.
    pub fn find(&self, addr: u64) -> Option<&str> {
        let after = self.0.partition_point(|symbol| symbol.addr <= addr);
        let symbol = self.0.get(after.checked_sub(1)?)?;
        (addr < symbol.end).then_some(symbol.name.as_str())
    }
}

fn of_file(path: &str) -> Vec<Symbol> {
    // What is not a file of its own, such as the device tree, has a source that is no path; and a
    // FIFO is not read a second time.
    let is_file = std::fs::metadata(path).is_ok_and(|data| data.is_file());
    if !is_file {
        return vec![];
    }
    let Ok(bytes) = std::fs::read(path) else { return vec![] };
    let Ok(file) = object::File::parse(&*bytes) else { return vec![] };
    let code = |symbol: &object::Symbol<'_, '_>| {
        // Constants of the assembler have no section.
        matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown)
            && symbol.section_index().is_some()
    };
    let symbols = file.symbols().filter(code).filter_map(|symbol| {
        let name = symbol.name().ok().filter(|name| !name.is_empty() && !name.starts_with('$'))?;
        let addr = symbol.address();
        Some(Symbol { addr, end: addr.saturating_add(symbol.size()), name: name.to_owned() })
    });
    symbols.collect()
}
