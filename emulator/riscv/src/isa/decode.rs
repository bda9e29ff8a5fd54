//! From bits to records.
//!
//! A decoder holds the records a hart of some configuration has, sorted by opcode, so that a
//! search is over a handful. It runs once for each instruction of a block, not once each time the
//! instruction runs.
//!
//! Some encodings are special cases of others that extensions have given a name, and hints among
//! them a purpose: of several that fit, the one that fixes the most bits is meant.

use super::{COMPRESSED, Compressed, Instruction, Operands, instructions};
use crate::cpu::CpuModel;
use crate::extension::Extension;

/// The decoder of a hart.
#[derive(Debug)]
pub struct Decoder {
    /// By bits 6 to 2.
    wide: [Vec<&'static Instruction>; 32],
    /// By bits 15 to 13 and 1 to 0.
    narrow: [Vec<(&'static Compressed, &'static Instruction)>; 32],
    /// Whether there are only 16 registers.
    embedded: bool,
}

/// What some bits are.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// The instruction; of a compressed one, the one that it is short for.
    pub instruction: &'static Instruction,
    /// The compressed one.
    pub compressed: Option<&'static Compressed>,
    /// Its operands.
    pub operands: Operands,
}

/// The length in bytes of an instruction that begins with these bits.
#[inline]
pub(crate) fn length(bits: u32) -> u8 {
    if bits & 3 == 3 { 4 } else { 2 }
}

impl Decoder {
    /// The decoder for harts of a kind.
    pub fn new(cpu: &CpuModel) -> Decoder {
        let mut decoder = Decoder {
            wide: Default::default(),
            narrow: Default::default(),
            embedded: cpu.extensions.has(Extension::E),
        };
        for instruction in instructions().filter(|instruction| instruction.exists(cpu)) {
            decoder.wide[(instruction.bits >> 2 & 31) as usize].push(instruction);
        }
        for list in &mut decoder.wide {
            list.sort_by_key(|instruction| instruction.mask.count_zeros());
        }
        for compressed in COMPRESSED.iter().filter(|compressed| compressed.exists(cpu)) {
            let base =
                instructions().find(|base| base.mnemonic == compressed.base && base.exists(cpu));
            if let Some(base) = base {
                decoder.narrow[narrow_index(compressed.bits)].push((compressed, base));
            }
        }
        decoder
    }

    /// Finds the instruction; `None` if there is none, which is an illegal instruction. Of a
    /// compressed instruction only the low half counts.
    pub fn decode(&self, bits: u32) -> Option<Match> {
        let found = if length(bits) == 4 {
            let list = &self.wide[(bits >> 2 & 31) as usize];
            let instruction = list.iter().find(|i| bits & i.mask == i.bits)?;
            let operands = instruction.format.decode(bits);
            Match { instruction, compressed: None, operands }
        } else {
            let half = bits as u16;
            let list = &self.narrow[narrow_index(half)];
            let (compressed, instruction) = list.iter().find(|(c, _)| c.matches(half))?;
            let operands = (compressed.operands)(half.into());
            Match { instruction, compressed: Some(compressed), operands }
        };
        let registers = found.instruction.format.integer_registers(&found.operands);
        (!self.embedded || registers < 16).then_some(found)
    }
}

fn narrow_index(bits: u16) -> usize {
    usize::from(bits >> 13 << 2 | bits & 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> [&'static CpuModel; 2] {
        ["max32", "max"].map(|name| CpuModel::find(name).unwrap())
    }

    /// The instructions of 32 bits that a hart has.
    fn existing(cpu: &CpuModel) -> Vec<&'static Instruction> {
        instructions().filter(|instruction| instruction.exists(cpu)).collect()
    }

    /// What is a special case of another instruction.
    const SPECIAL: &[(&str, &str)] = &[
        ("zext.h", "pack"),
        ("zext.h", "packw"),
        ("pause", "fence"),
        ("prefetch.i", "ori"),
        ("prefetch.r", "ori"),
        ("prefetch.w", "ori"),
        ("ntl.p1", "add"),
        ("ntl.pall", "add"),
        ("ntl.s1", "add"),
        ("ntl.all", "add"),
    ];

    #[test]
    fn no_two_encodings_overlap_unless_listed() {
        let mut seen = std::collections::BTreeSet::new();
        for cpu in kinds() {
            let list = existing(cpu);
            for (n, a) in list.iter().enumerate() {
                assert_eq!(a.bits & !a.mask, 0, "{}", a.mnemonic);
                assert_eq!(a.bits & 3, 3, "{} is no instruction of 32 bits", a.mnemonic);
                for b in &list[n + 1..] {
                    let common = a.mask & b.mask;
                    if a.bits & common != b.bits & common {
                        continue;
                    }
                    let (special, general) =
                        if a.mask.count_ones() > b.mask.count_ones() { (a, b) } else { (b, a) };
                    let pair = (special.mnemonic, general.mnemonic);
                    assert!(SPECIAL.contains(&pair), "{pair:?} overlap");
                    assert_eq!(common, general.mask, "{pair:?} only overlap in part");
                    seen.insert(pair);
                }
            }
            for bits in 0..=u16::MAX {
                let existing = COMPRESSED.iter().filter(|c| c.exists(cpu));
                let names: Vec<_> =
                    existing.filter(|c| c.matches(bits)).map(|c| c.mnemonic).collect();
                assert!(names.len() <= 1, "{bits:04x} is {names:?}");
            }
        }
        assert_eq!(seen.len(), SPECIAL.len(), "of the list only these: {seen:?}");
    }

    #[test]
    fn a_record_is_found_again_by_its_encoding_with_its_operands() {
        let mut random = 1u32;
        for cpu in kinds() {
            let decoder = Decoder::new(cpu);
            for instruction in existing(cpu) {
                for _ in 0..200 {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let bits = instruction.bits | random.rotate_left(16) & !instruction.mask;
                    let found = decoder.decode(bits).unwrap();
                    if found.instruction.mnemonic != instruction.mnemonic {
                        let pair = (found.instruction.mnemonic, instruction.mnemonic);
                        assert!(SPECIAL.contains(&pair), "{pair:?} {bits:08x}");
                        continue;
                    }
                    let again = instruction.format.encode(&found.operands);
                    // The fences have register fields that are to be ignored.
                    let ignored = match instruction.mnemonic {
                        "fence" => 0x000f_8f80,
                        "fence.i" => 0xffff_8f80,
                        _ => 0,
                    };
                    assert_eq!((again | instruction.bits) & !ignored, bits & !ignored);
                }
            }
        }
    }

    #[test]
    fn every_compressed_instruction_has_its_base() {
        for cpu in kinds() {
            let decoder = Decoder::new(cpu);
            let found: usize = decoder.narrow.iter().map(Vec::len).sum();
            assert_eq!(found, COMPRESSED.iter().filter(|c| c.exists(cpu)).count());
        }
    }

    #[test]
    fn operands_fit_the_width() {
        let rv32 = Decoder::new(CpuModel::find("rv32").unwrap());
        assert!(rv32.decode(0x0201_1093).is_none(), "slli by 32");
        assert!(rv32.decode(0x1086).is_none(), "c.slli by 33");
        let mut embedded = CpuModel::find("rv32e").unwrap().clone();
        embedded.extensions.set(Extension::Zca, true);
        embedded.extensions.set(Extension::F, true);
        let embedded = Decoder::new(&embedded);
        assert!(embedded.decode(0x0000_0813).is_none(), "li a6,0");
        assert!(embedded.decode(0x0000_0793).is_some(), "li a5,0");
        assert!(embedded.decode(0x4801).is_none(), "c.li a6,0");
        assert!(embedded.decode(0x0108_7853).is_some(), "fadd.s fa6,fa6,fa6");
        assert!(embedded.decode(0xe008_0853).is_none(), "fmv.x.w a6,fa6");
    }
}
