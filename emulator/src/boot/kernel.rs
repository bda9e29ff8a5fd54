//! What `-kernel` names: an ELF file, a Linux `Image` (Linux, Documentation/arch/riscv/boot-image-header.rst),
//! either of them compressed by gzip or within an EFI zboot image, or raw bytes.
//!
//! What is known to be no kernel for these harts is refused with its name: raw bytes run as
//! anything, and fail silently.

use std::io::Read as _;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::image::LoadError;

/// No kernel is larger once unpacked; a file that is, has been made to be.
const MOST_UNPACKED: u64 = 256 << 20;

/// Offsets in the header of an `Image`.
mod image {
    pub(super) const TEXT_OFFSET: usize = 8;
    pub(super) const IMAGE_SIZE: usize = 16;
    pub(super) const FLAGS: usize = 24;
    pub(super) const MAGIC: usize = 56;
    /// Where the header of a PE file is, which an `Image` may be as well.
    pub(super) const PE: usize = 60;
}

/// `magic2` of an `Image`, and what stands there in one for AArch64.
const RISCV: &[u8] = b"RSC\x05";
const AARCH64: &[u8] = b"ARM\x64";
/// Machines of PE files (Microsoft PE format, "Machine Types").
const PE_RISCV32: u16 = 0x5032;
const PE_RISCV64: u16 = 0x5064;

/// What begins files that are no kernels: magic, its offset, what it is, and what to do.
const STRANGERS: &[(&[u8], usize, &str, &str)] = &[
    (AARCH64, image::MAGIC, "it is a Linux image for AArch64", "give one for RISC-V"),
    (b"HdrS", 0x202, "it is a Linux image for x86", "give one for RISC-V"),
    (b"\x18\x28\x6f\x01", 0x24, "it is a Linux image for ARM", "give one for RISC-V"),
    (b"\x27\x05\x19\x56", 0, "it is an image for U-Boot", "give the kernel in it"),
    (b"\xd0\x0d\xfe\xed", 0, "it is a device tree, or a FIT image for U-Boot", "give the kernel"),
    (b"\xfd7zXZ\0", 0, "it is compressed by xz", "unpack it first (unxz)"),
    (b"\x28\xb5\x2f\xfd", 0, "it is compressed by zstd", "unpack it first (unzstd)"),
    (b"BZh", 0, "it is compressed by bzip2", "unpack it first (bunzip2)"),
    (b"\x02\x21\x4c\x18", 0, "it is compressed by lz4", "unpack it first (unlz4)"),
    (b"QFI\xfb", 0, "it is a qcow2 disk", "give the kernel on it"),
    (b"070701", 0, "it is a cpio archive", "give it as -initrd"),
];

/// What the header of an `Image` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Where it wants to be, from the start of memory on.
    pub(super) text_offset: u64,
    /// The memory that it needs from there on.
    pub(super) image_size: u64,
    /// 32 or 64, where it says so.
    pub(super) width: Option<u8>,
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.get(..N)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes_at(bytes, at)?)).ok()
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes_at(bytes, at).map(u64::from_le_bytes)
}

fn has(bytes: &[u8], magic: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// A PE file: where its header begins, and its machine.
fn pe(bytes: &[u8]) -> Option<(usize, u16)> {
    let at = u32_at(bytes, image::PE).filter(|_| has(bytes, b"MZ", 0))?;
    has(bytes, b"PE\0\0", at).then_some(())?;
    Some((at, u16_at(bytes, at.checked_add(4)?)?))
}

impl Header {
    /// Of a file, if it is an `Image`.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        has(bytes, RISCV, image::MAGIC).then_some(())?;
        let width = match pe(bytes)? {
            (_, PE_RISCV32) => Some(32),
            (_, PE_RISCV64) => Some(64),
            _ => None,
        };
        Some(Self {
            text_offset: u64_at(bytes, image::TEXT_OFFSET)?,
            image_size: u64_at(bytes, image::IMAGE_SIZE)?,
            width,
        })
    }
}

/// The kernel in a file, unpacked.
///
/// # Errors
/// It is something else, or not all of it.
pub(super) fn unpack(path: &Path, bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    unpacked(bytes)
        .and_then(|bytes| check(&bytes).map(|()| bytes))
        .map_err(|reason| LoadError::Kernel { path: path.into(), reason })
}

fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    if has(&bytes, b"MZ\0\0zimg", 0) {
        return zboot(&bytes);
    }
    if has(&bytes, &[0x1f, 0x8b], 0) { gunzip(&bytes) } else { Ok(bytes) }
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(MOST_UNPACKED + 1).read_to_end(&mut all);
    read.map_err(|error| format!("it cannot be unpacked by gzip ({error}): is it truncated?"))?;
    if all.len() as u64 > MOST_UNPACKED {
        return Err(format!("it has more than {} MiB when unpacked", MOST_UNPACKED >> 20));
    }
    Ok(all)
}

/// An `Image` that an EFI program carries: offset, size and the name of the compression.
fn zboot(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let (from, size) = (u32_at(bytes, 8), u32_at(bytes, 12));
    let end = from.zip(size).and_then(|(from, size)| from.checked_add(size));
    let inner = from.zip(end).and_then(|(from, end)| bytes.get(from..end));
    let Some(inner) = inner else {
        return Err("the image that it carries ends beyond the file: is it truncated?".into());
    };
    let name: Vec<u8> = bytes.iter().skip(24).take(32).copied().take_while(|b| *b != 0).collect();
    match name.as_slice() {
        b"gzip" => gunzip(inner),
        name => {
            let name = String::from_utf8_lossy(name);
            Err(format!(
                "it is an EFI program around a kernel compressed by {name}: unpack it first"
            ))
        }
    }
}

/// Refuses what is no kernel, or not all of one.
fn check(bytes: &[u8]) -> Result<(), String> {
    if let Some((.., what, way)) = STRANGERS.iter().find(|(magic, at, ..)| has(bytes, magic, *at)) {
        return Err(format!("{what}: {way}"));
    }
    let is_image = has(bytes, RISCV, image::MAGIC);
    let Some((header, machine)) = pe(bytes) else {
        return if is_image { check_flags(bytes) } else { Ok(()) };
    };
    if !matches!(machine, PE_RISCV32 | PE_RISCV64) {
        let name = match machine {
            0x014c => "x86".into(),
            0x8664 => "x86-64".into(),
            0xaa64 => "AArch64".into(),
            other => format!("machine {other:#x}"),
        };
        return Err(format!("it is an EFI program for {name}: give a kernel for RISC-V"));
    }
    if !is_image {
        return Err("it is an EFI program, not a Linux image: start it from U-Boot or EDK2".into());
    }
    check_flags(bytes)?;
    let needed = sections_end(bytes, header).unwrap_or(0);
    if needed > bytes.len() {
        return Err(format!(
            "it has {:#x} bytes and its header says {needed:#x}: it is truncated",
            bytes.len()
        ));
    }
    Ok(())
}

fn check_flags(bytes: &[u8]) -> Result<(), String> {
    match u64_at(bytes, image::FLAGS) {
        Some(flags) if flags & 1 != 0 => Err("it is a big-endian Linux image".into()),
        _ => Ok(()),
    }
}

/// Where the last section of a PE file ends in the file (PE format, "Section Table").
fn sections_end(bytes: &[u8], header: usize) -> Option<usize> {
    const HEADER_SIZE: usize = 24;
    const SECTION_SIZE: usize = 40;
    let count = usize::from(u16_at(bytes, header.checked_add(6)?)?);
    let optional = usize::from(u16_at(bytes, header.checked_add(20)?)?);
    let first = header.checked_add(HEADER_SIZE)?.checked_add(optional)?;
    let end = |index: usize| {
        let section = first + index * SECTION_SIZE;
        u32_at(bytes, section + 16)?.checked_add(u32_at(bytes, section + 20)?)
    };
    (0..count).map_while(end).max()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// An `Image` of so many bytes that is an EFI program for a machine, with a section that ends
    /// where the file is to.
    fn linux(size: usize, machine: u16, end: u32) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
        put(0, b"MZ");
        put(image::TEXT_OFFSET, &0x20_0000_u64.to_le_bytes());
        put(image::IMAGE_SIZE, &0x9000_u64.to_le_bytes());
        put(image::MAGIC, RISCV);
        put(image::PE, &64_u32.to_le_bytes());
        put(64, b"PE\0\0");
        put(68, &machine.to_le_bytes());
        put(70, &1_u16.to_le_bytes());
        put(64 + 24 + 16, &end.to_le_bytes());
        bytes
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn zboot_of(inner: &[u8], compression: &[u8]) -> Vec<u8> {
        let mut bytes = b"MZ\0\0zimg".to_vec();
        bytes.extend(64_u32.to_le_bytes());
        bytes.extend((inner.len() as u32).to_le_bytes());
        bytes.resize(24, 0);
        bytes.extend(compression);
        bytes.resize(64, 0);
        bytes.extend(inner);
        bytes
    }

    #[test]
    fn kernels_are_found_in_what_they_come_in() {
        let image = linux(0x400, PE_RISCV64, 0x400);
        let header = Header { text_offset: 0x20_0000, image_size: 0x9000, width: Some(64) };
        for file in [
            image.clone(),
            packed(&image),
            zboot_of(&packed(&image), b"gzip"),
            [packed(&image[..100]), packed(&image[100..])].concat(),
        ] {
            let kernel = unpack(Path::new("vmlinux"), file).unwrap();
            assert_eq!((Header::of(&kernel), &kernel), (Some(header), &image));
        }
        // Raw code stays what it is.
        let raw = vec![0x13, 0, 0, 0];
        assert_eq!(unpack(Path::new("raw"), raw.clone()).unwrap(), raw);
        assert_eq!(Header::of(&raw), None);
    }

    #[test]
    fn what_is_no_kernel_is_named() {
        let mut big_endian = linux(0x400, PE_RISCV64, 0x400);
        big_endian[image::FLAGS] = 1;
        let mut grub = linux(0x400, PE_RISCV64, 0x400);
        grub[image::MAGIC] = 0;
        let mut arm = linux(0x400, 0xaa64, 0x400);
        arm[image::MAGIC..image::MAGIC + 4].copy_from_slice(AARCH64);
        let small = packed(&linux(0x400, PE_RISCV64, 0x400));
        let bomb = packed(&vec![0; MOST_UNPACKED as usize + 1]);
        for (file, reason) in [
            (
                linux(0x400, PE_RISCV64, 0x500),
                "it has 0x400 bytes and its header says 0x500: it is truncated",
            ),
            (
                linux(0x400, 0x8664, 0x400),
                "it is an EFI program for x86-64: give a kernel for RISC-V",
            ),
            (arm, "it is a Linux image for AArch64: give one for RISC-V"),
            (big_endian, "it is a big-endian Linux image"),
            (grub, "it is an EFI program, not a Linux image: start it from U-Boot or EDK2"),
            (small[..small.len() - 9].to_vec(), "it cannot be unpacked by gzip"),
            (bomb, "it has more than 256 MiB when unpacked"),
            (zboot_of(&[1, 2], b"zstd"), "it is an EFI program around a kernel compressed by zstd"),
            (
                zboot_of(&[1; 64], b"gzip")[..80].to_vec(),
                "the image that it carries ends beyond the file",
            ),
            (b"\xfd7zXZ\0 and more".to_vec(), "it is compressed by xz: unpack it first (unxz)"),
            (
                b"\x27\x05\x19\x56 and more".to_vec(),
                "it is an image for U-Boot: give the kernel in it",
            ),
        ] {
            let error = unpack(Path::new("vmlinux"), file).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("Cannot load kernel 'vmlinux': {reason}")),
                "{reason}: {error}"
            );
        }
    }
}
