//! What a file says of the board it is for: where its parts go, what instructions it has, where its
//! stack begins (RISC-V ELF psABI: e_flags, `.riscv.attributes`).

use std::path::Path;

use boardwright_riscv::Extension;
use object::elf::{
    EF_RISCV_FLOAT_ABI, EF_RISCV_FLOAT_ABI_DOUBLE, EF_RISCV_FLOAT_ABI_SINGLE, EF_RISCV_RVC,
    EF_RISCV_RVE, FileHeader32, FileHeader64, PF_W, PF_X, PT_LOAD, SHN_UNDEF, SHT_RISCV_ATTRIBUTES,
    SHT_SYMTAB,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, FileKind};

use super::image::{LoadError, before_sections, contents};

/// Names that linker scripts give to the first address above a stack.
const STACKS: &[&str] = &[
    "_estack",
    "_sp",
    "_stack_start",
    "_stack_top",
    "__StackTop",
    "__sp",
    "__stack_pointer",
    "__stack_top",
    "stack_top",
];

/// `Tag_RISCV_arch`.
const TAG_ARCH: u64 = 5;

/// Addresses that a file fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Whether there are instructions.
    pub code: bool,
    /// Whether the software writes there, and not to a copy of it.
    pub written: bool,
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What it is called in messages.
    pub source: String,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Where it starts, if it says so.
    pub entry: Option<u64>,
    /// 32 or 64, if it says so.
    pub width: Option<u8>,
    /// Names of the extensions that it is compiled for.
    pub extensions: Vec<String>,
    /// The name and the value of the symbol for its initial stack pointer.
    pub stack: Option<(String, u64)>,
    /// Whether it is there to change what others have loaded.
    pub patch: bool,
}

impl Facts {
    /// Of a number that is stored.
    pub fn data(addr: u64, size: u64) -> Self {
        let part =
            Part { first: addr, last: addr.saturating_add(size - 1), code: true, written: false };
        Self { source: "loader data".into(), parts: vec![part], patch: true, ..Self::default() }
    }

    /// Of a file that is loaded as [`super::Loaded::read`] does it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path, addr: u64, raw: bool) -> Result<Self, LoadError> {
        let bytes =
            contents(path).map_err(|reason| LoadError::Read { path: path.into(), reason })?;
        Self::of(path, &bytes, addr, raw)
    }

    /// Of the bytes of such a file.
    ///
    /// # Errors
    /// They are none, or a broken ELF file.
    pub(super) fn of(path: &Path, bytes: &[u8], addr: u64, raw: bool) -> Result<Self, LoadError> {
        let source = path.display().to_string();
        if bytes.is_empty() {
            return Err(LoadError::Empty { path: path.into() });
        }
        if raw || !bytes.starts_with(b"\x7fELF") {
            let last = addr.saturating_add(bytes.len() as u64 - 1);
            // Nobody knows what of it is code.
            let part = Part { first: addr, last, code: true, written: false };
            return Ok(Self { source, parts: vec![part], ..Self::default() });
        }
        let parsed = match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => of_elf::<FileHeader32<Endianness>>(bytes),
            Ok(FileKind::Elf64) => of_elf::<FileHeader64<Endianness>>(bytes),
            Ok(kind) => Err(format!("it is {kind:?}")),
            Err(error) => Err(error.to_string()),
        };
        let facts = parsed.map_err(|reason| LoadError::Elf { path: path.into(), reason })?;
        Ok(Self { source, ..facts })
    }

    /// The part that has an address.
    pub fn part_at(&self, addr: u64) -> Option<&Part> {
        self.parts.iter().find(|part| part.first <= addr && addr <= part.last)
    }
}

fn of_elf<H: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Facts, String> {
    let text = |error: object::read::Error| error.to_string();
    let header = H::parse(bytes).map_err(text)?;
    let endian = header.endian().map_err(text)?;
    let segments = header.program_headers(endian, bytes).map_err(text)?;
    let parts = segments
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_memsz(endian).into() > 0)
        .map(|segment| {
            let begin: u64 = segment.p_paddr(endian).into();
            let size: u64 = segment.p_memsz(endian).into();
            let at: u64 = segment.p_vaddr(endian).into();
            let head = before_sections::<H>(header, endian, bytes, segment) as u64;
            let flags = segment.p_flags(endian);
            Part {
                first: begin.saturating_add(head),
                last: begin.saturating_add(size - 1),
                code: flags.contains(PF_X),
                // What is to stand elsewhere is copied there by the software itself.
                written: flags.contains(PF_W) && at == begin,
            }
        })
        .collect();
    // Sections are not needed to run: a file without them, or with broken ones, says less.
    let arch = arch::<H>(header, endian, bytes);
    let extensions = match arch {
        Some(arch) => extensions(&arch),
        None => {
            let flags = header.e_flags(endian);
            let float = flags.0 & EF_RISCV_FLOAT_ABI;
            let mut names = Vec::new();
            names.extend(flags.contains(EF_RISCV_RVE).then_some("e"));
            names.extend((float == EF_RISCV_FLOAT_ABI_SINGLE.0).then_some("f"));
            names.extend((float == EF_RISCV_FLOAT_ABI_DOUBLE.0).then_some("d"));
            names.extend(flags.contains(EF_RISCV_RVC).then_some("c"));
            names.into_iter().map(String::from).collect()
        }
    };
    Ok(Facts {
        source: String::new(),
        parts,
        entry: Some(header.e_entry(endian).into()),
        width: Some(if header.is_type_64() { 64 } else { 32 }),
        extensions,
        stack: stack::<H>(header, endian, bytes),
        patch: false,
    })
}

fn arch<H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &[u8],
) -> Option<String> {
    let sections = header.sections(endian, bytes).ok()?;
    let section =
        sections.iter().find(|section| section.sh_type(endian) == SHT_RISCV_ATTRIBUTES)?;
    let attributes = section.attributes(endian, bytes).ok()?;
    let mut vendors = attributes.subsections().ok()?;
    while let Ok(Some(vendor)) = vendors.next() {
        let mut scopes = vendor.subsubsections();
        while let Ok(Some(scope)) = scopes.next() {
            let mut values = scope.attributes();
            // An odd tag has a string, an even one a number.
            while let Ok(Some(tag)) = values.read_tag() {
                if tag % 2 == 0 {
                    values.read_integer().ok()?;
                    continue;
                }
                let value = values.read_string().ok()?;
                if tag == TAG_ARCH {
                    return String::from_utf8(value.to_vec()).ok();
                }
            }
        }
    }
    None
}

fn stack<H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &[u8],
) -> Option<(String, u64)> {
    let sections = header.sections(endian, bytes).ok()?;
    let symbols = sections.symbols(endian, bytes, SHT_SYMTAB).ok()?;
    symbols
        .iter()
        .filter(|symbol| symbol.st_shndx(endian) != SHN_UNDEF)
        .filter_map(|symbol| {
            let name = std::str::from_utf8(symbol.name(endian, symbols.strings()).ok()?).ok()?;
            Some((String::from(name), symbol.st_value(endian).into()))
        })
        .find(|(name, value)| STACKS.contains(&name.as_str()) && *value != 0)
}

/// The names in an ISA string such as `rv64i2p1_m2p0_zicsr2p0` or `rv32imac`, versions left out.
fn extensions(arch: &str) -> Vec<String> {
    let lower = arch.to_ascii_lowercase();
    let rest = lower.strip_prefix("rv").unwrap_or(&lower);
    let rest = rest.trim_start_matches(|char: char| char.is_ascii_digit());
    let mut names = Vec::new();
    for word in rest.split('_').filter(|word| !word.is_empty()) {
        if matches!(word.as_bytes().first(), Some(b'z' | b's' | b'x')) {
            names.push(without_version(word).to_string());
            continue;
        }
        let mut version = false;
        for char in word.chars() {
            match char {
                '0'..='9' => version = true,
                'p' if version => {}
                'g' => {
                    names.extend(["i", "m", "a", "f", "d", "zicsr", "zifencei"].map(String::from))
                }
                _ => {
                    version = false;
                    names.push(char.to_string());
                }
            }
        }
    }
    names
}

/// `zicsr2p0` without `2p0`; names such as `zve32x` and `zvl128b` keep their digits.
fn without_version(word: &str) -> &str {
    let digits = |char: char| char.is_ascii_digit();
    let before = word.trim_end_matches(digits);
    match before.strip_suffix('p') {
        Some(major) if before.len() < word.len() && major.ends_with(digits) => {
            major.trim_end_matches(digits)
        }
        _ if Extension::find(before).is_some() => before,
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::extensions;

    #[test]
    fn isa_strings_are_taken_apart() {
        for (arch, names) in [
            ("rv64i2p1_m2p0_a2p1_c2p0_zicsr2p0", "i m a c zicsr"),
            ("rv32imac", "i m a c"),
            ("rv32e1p9", "e"),
            ("RV64GC_zba1p0", "i m a f d zicsr zifencei c zba"),
            ("rv64i2p1_zic64b1p0_zve32x1p0_xthead1p0", "i zic64b zve32x xthead"),
            ("", ""),
        ] {
            assert_eq!(extensions(arch).join(" "), names, "{arch}");
        }
    }
}
