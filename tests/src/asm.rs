//! A few RISC-V instructions as words (unprivileged manual, chapter 2), for guests of a line or two.

/// Register numbers by their names in the calling convention.
pub mod reg {
    #![expect(missing_docs, reason = "the names are the calling convention's")]
    pub const ZERO: u32 = 0;
    pub const T0: u32 = 5;
    pub const T1: u32 = 6;
    pub const S0: u32 = 8;
    pub const S1: u32 = 9;
    pub const A0: u32 = 10;
    pub const A1: u32 = 11;
    pub const S2: u32 = 18;
    pub const S3: u32 = 19;
    pub const S4: u32 = 20;
}

fn i_type(opcode: u32, funct3: u32, rd: u32, rs1: u32, imm: i32) -> u32 {
    ((imm as u32) & 0xfff) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode
}

/// `lui rd, imm`: the upper 20 bits.
pub fn lui(rd: u32, imm: u32) -> u32 {
    imm << 12 | rd << 7 | 0x37
}

/// `auipc rd, 0`
pub fn here(rd: u32) -> u32 {
    rd << 7 | 0x17
}

/// `addi rd, rs1, imm`
pub fn addi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x13, 0, rd, rs1, imm)
}

/// `andi rd, rs1, imm`
pub fn andi(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x13, 7, rd, rs1, imm)
}

/// `lw rd, imm(rs1)`
pub fn lw(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x03, 2, rd, rs1, imm)
}

/// `ld rd, imm(rs1)`
pub fn ld(rd: u32, rs1: u32, imm: i32) -> u32 {
    i_type(0x03, 3, rd, rs1, imm)
}

fn s_type(funct3: u32, rs2: u32, rs1: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 0x1f) << 7 | 0x23
}

/// `sw rs2, imm(rs1)`
pub fn sw(rs2: u32, rs1: u32, imm: i32) -> u32 {
    s_type(2, rs2, rs1, imm)
}

/// `sd rs2, imm(rs1)`
pub fn sd(rs2: u32, rs1: u32, imm: i32) -> u32 {
    s_type(3, rs2, rs1, imm)
}

fn b_type(funct3: u32, rs1: u32, rs2: u32, imm: i32) -> u32 {
    let imm = imm as u32;
    (imm >> 12 & 1) << 31
        | (imm >> 5 & 0x3f) << 25
        | rs2 << 20
        | rs1 << 15
        | funct3 << 12
        | (imm >> 1 & 0xf) << 8
        | (imm >> 11 & 1) << 7
        | 0x63
}

/// `beq rs1, rs2, offset`
pub fn beq(rs1: u32, rs2: u32, offset: i32) -> u32 {
    b_type(0, rs1, rs2, offset)
}

/// `bltu rs1, rs2, offset`
pub fn bltu(rs1: u32, rs2: u32, offset: i32) -> u32 {
    b_type(6, rs1, rs2, offset)
}

/// `j 0`: a loop of one instruction.
pub const SPIN: u32 = 0x6f;
/// `mret`
pub const MRET: u32 = 0x3020_0073;

/// `csrrw zero, csr, rs1`
pub fn csrw(csr: u32, rs1: u32) -> u32 {
    csr << 20 | rs1 << 15 | 1 << 12 | 0x73
}

/// `csrrs rd, csr, rs1`
pub fn csrrs(rd: u32, csr: u32, rs1: u32) -> u32 {
    csr << 20 | rs1 << 15 | 2 << 12 | rd << 7 | 0x73
}

/// Powers off by the test finisher at 0x100000 with status 0; uses t0 and t1.
pub fn pass() -> Vec<u32> {
    use reg::{T0, T1};
    vec![lui(T1, 0x100), lui(T0, 5), addi(T0, T0, 0x555), sw(T0, T1, 0), SPIN]
}

/// Powers off with an exit status from 1 to 7; uses t0 and t1.
pub fn fail(status: u32) -> Vec<u32> {
    use reg::{T0, T1};
    vec![lui(T1, 0x100), lui(T0, status << 4 | 3), addi(T0, T0, 0x333), sw(T0, T1, 0), SPIN]
}

/// The words as bytes.
pub fn bytes(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// An atomic operation on a word (chapter "A"): `funct5` tells which, 2 being `lr.w`, 3 `sc.w`
/// and 0 `amoadd.w`.
pub fn amo_w(funct5: u32, rd: u32, rs2: u32, rs1: u32) -> u32 {
    funct5 << 27 | rs2 << 20 | rs1 << 15 | 2 << 12 | rd << 7 | 0x2f
}

/// `wfi`
pub const WFI: u32 = 0x1050_0073;
