//! Floating-point instructions as a guest sees them: which registers they read and write, what the
//! environment does to them. That the arithmetic is right, the tests beside it show.

use boardwright_riscv::Extension;
use boardwright_riscv::isa::Operands;

use crate::common::*;

const FS: u64 = 3 << 13;
const FFLAGS: u16 = 1;
const FRM: u16 = 2;
const FCSR: u16 = 3;
/// `fcsr` flags.
const NV: u64 = 16;
const DZ: u64 = 8;
const NX: u64 = 1;
/// The rounding mode that is in `frm`.
const DYNAMIC: u8 = 7;

const ONE: u64 = 0xffff_ffff_3f80_0000;
const THREE: u64 = 0xffff_ffff_4040_0000;
const NAN: u64 = 0xffff_ffff_7fc0_0000;
const ONE_D: u64 = 0x3ff0_0000_0000_0000;

/// A hart that has all there is at its width, with floating point switched on.
fn machine(cpu: &str, program: &[u32]) -> Machine {
    let mut cpu = boardwright_riscv::CpuModel::find(cpu).unwrap().clone();
    for extension in [Extension::Zfa, Extension::Zfh, Extension::Zfhmin] {
        cpu.extensions.set(extension, true);
    }
    let mut machine = Machine::of(cpu, program);
    machine.set_csr("mstatus", FS).set_csr("mtvec", RAM + 0x100);
    machine
}

/// `op fd,fs1,fs2,rm`
fn f(mnemonic: &str, rd: u8, rs1: u8, rs2: u8, rm: u8) -> u32 {
    op(mnemonic, Operands { rd, rs1, rs2, aux: rm, imm: 0 })
}

/// Runs one instruction on `f1` and `f2`; gives `f3` and the flags.
fn run(mnemonic: &str, rm: u8, a: u64, b: u64) -> (u64, u64) {
    let mut machine = machine("rv64", &[f(mnemonic, 3, 1, 2, rm)]);
    machine.hart.set_f(1, a);
    machine.hart.set_f(2, b);
    machine.step(1);
    (machine.hart.f(3), machine.csr("fflags"))
}

#[test]
fn narrow_numbers_have_ones_above() {
    let unboxed = 0xffff_fffe_3f80_0000;
    for (mnemonic, a, b, expected) in [
        ("fadd.s", ONE, ONE, 0xffff_ffff_4000_0000),
        ("fadd.s", ONE, unboxed, NAN),
        ("fadd.s", 0x3f80_0000, ONE, NAN),
        ("fsgnj.s", unboxed, ONE, NAN),
        ("fsgnjn.s", ONE, unboxed, 0xffff_ffff_bf80_0000),
        ("fsgnjx.s", ONE, ONE | 1 << 31, 0xffff_ffff_bf80_0000),
        ("fmin.s", ONE, unboxed, ONE),
        ("fadd.h", 0xffff_ffff_ffff_3c00, 0xffff_ffff_ffff_3c00, 0xffff_ffff_ffff_4000),
        ("fadd.h", ONE, ONE, 0xffff_ffff_ffff_7e00),
        ("fadd.d", ONE_D, ONE_D, 0x4000_0000_0000_0000),
        ("fcvt.d.s", unboxed, 0, 0x7ff8_0000_0000_0000),
        ("fcvt.d.s", ONE, 0, ONE_D),
        ("fcvt.s.d", ONE_D, 0, ONE),
        ("fcvt.h.d", ONE_D, 0, 0xffff_ffff_ffff_3c00),
        ("fcvt.s.h", 0xffff_ffff_ffff_3c00, 0, ONE),
    ] {
        assert_eq!(run(mnemonic, 0, a, b).0, expected, "{mnemonic} {a:#x} {b:#x}");
    }
}

#[test]
fn moves_take_the_bits_as_they_are() {
    for (cpu, mnemonic, a, expected) in [
        ("rv64", "fmv.x.w", 0x0123_4567_89ab_cdef, 0xffff_ffff_89ab_cdef),
        ("rv64", "fmv.x.h", 0x0123_4567_89ab_cdef, 0xffff_ffff_ffff_cdef),
        ("rv64", "fmv.x.d", 0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef),
        ("rv32", "fmv.x.w", 0x0123_4567_89ab_cdef, 0x89ab_cdef),
        ("rv32", "fmvh.x.d", 0x0123_4567_89ab_cdef, 0x0123_4567),
        ("rv64", "fclass.s", 0x0123_4567_89ab_cdef, 1 << 9),
    ] {
        let mut machine = machine(cpu, &[f(mnemonic, A0, 1, 0, 0)]);
        machine.hart.set_f(1, a);
        machine.step(1);
        assert_eq!(machine.hart.x(A0.into()), expected, "{cpu} {mnemonic}");
    }
    for (cpu, mnemonic, expected) in [
        ("rv64", "fmv.w.x", 0xffff_ffff_89ab_cdef),
        ("rv64", "fmv.h.x", 0xffff_ffff_ffff_cdef),
        ("rv64", "fmv.d.x", 0x0123_4567_89ab_cdef),
        ("rv32", "fmvp.d.x", 0x7654_3210_89ab_cdef),
    ] {
        let mut machine = machine(cpu, &[f(mnemonic, 1, A0, A1, 0)]);
        machine.hart.set_x(A0.into(), 0x0123_4567_89ab_cdef);
        machine.hart.set_x(A1.into(), 0x7654_3210);
        machine.step(1);
        assert_eq!(machine.hart.f(1), expected, "{cpu} {mnemonic}");
    }
}

#[test]
fn loads_put_ones_above_and_stores_take_low_bits() {
    for (load, store, expected, stored) in [
        ("flh", "fsh", 0xffff_ffff_ffff_8899, 0x8899),
        ("flw", "fsw", 0xffff_ffff_eeff_8899, 0xeeff_8899),
        ("fld", "fsd", 0xaabb_ccdd_eeff_8899, 0xaabb_ccdd_eeff_8899),
    ] {
        for cpu in ["rv32", "rv64"] {
            let mut machine = machine(cpu, &[i(load, 5, A0, 8), s(store, 5, A0, 16)]);
            machine.hart.set_x(A0.into(), RAM + 0x200);
            machine.memory.put64(RAM + 0x208, 0xaabb_ccdd_eeff_8899);
            machine.step(2);
            assert_eq!(machine.hart.f(5), expected, "{cpu} {load}");
            assert_eq!(machine.memory.get64(RAM + 0x210), stored, "{cpu} {store}");
        }
    }
}

#[test]
fn products_and_sums_with_signs() {
    for (mnemonic, expected) in
        [("fmadd.d", 7.0f64), ("fmsub.d", 5.0), ("fnmsub.d", -5.0), ("fnmadd.d", -7.0)]
    {
        let operands = Operands { rd: 4, rs1: 1, rs2: 2, aux: 3 << 3 | DYNAMIC, imm: 0 };
        let mut machine = machine("rv64", &[op(mnemonic, operands)]);
        for (n, value) in [2.0, 3.0, 1.0f64].into_iter().enumerate() {
            machine.hart.set_f(n + 1, value.to_bits());
        }
        machine.step(1);
        assert_eq!(f64::from_bits(machine.hart.f(4)), expected, "{mnemonic}");
    }
}

#[test]
fn flags_accrue_until_they_are_cleared() {
    let third = 0xffff_ffff_3eaa_aaab;
    assert_eq!(run("fdiv.s", 0, ONE, THREE), (third, NX));
    assert_eq!(run("fdiv.s", 0, ONE, 0xffff_ffff_0000_0000).1, DZ);
    let clear = csr("csrrw", A0, FFLAGS, 0);
    let mut machine = machine("rv64", &[f("fdiv.s", 3, 1, 2, 0), f("fsqrt.s", 4, 5, 0, 0), clear]);
    machine.hart.set_f(1, ONE);
    machine.hart.set_f(2, THREE);
    machine.hart.set_f(5, ONE | 1 << 31);
    machine.step(3);
    assert_eq!(machine.hart.x(A0.into()), NV | NX);
    assert_eq!(machine.csr("fcsr"), 0);
}

/// The mode in the instruction counts, or the one in `frm`; those that are none are illegal.
#[test]
fn rounding_modes() {
    let (below, above) = (0xffff_ffff_3eaa_aaaa, 0xffff_ffff_3eaa_aaab);
    for (rm, frm, expected) in [
        (0, 1, Some(above)),
        (1, 0, Some(below)),
        (2, 0, Some(below)),
        (3, 0, Some(above)),
        (4, 0, Some(above)),
        (5, 0, None),
        (6, 0, None),
        (DYNAMIC, 0, Some(above)),
        (DYNAMIC, 1, Some(below)),
        (DYNAMIC, 4, Some(above)),
        (DYNAMIC, 5, None),
        (DYNAMIC, 6, None),
        (DYNAMIC, 7, None),
        (1, 7, Some(below)),
    ] {
        let word = f("fdiv.s", 3, 1, 2, rm);
        let mut machine = machine("rv64", &[word]);
        machine.hart.set_f(1, ONE);
        machine.hart.set_f(2, THREE);
        machine.set_csr("frm", frm);
        machine.step(1);
        match expected {
            Some(expected) => assert_eq!(machine.hart.f(3), expected, "{rm} {frm}"),
            None => {
                assert_eq!(machine.hart.pc(), RAM + 0x100, "{rm} {frm}");
                assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (2, word.into()));
                assert_eq!((machine.hart.f(3), machine.csr("fflags")), (0, 0));
            }
        }
    }
}

#[test]
fn what_is_switched_off_is_illegal() {
    let words = [
        f("fadd.s", 3, 1, 2, 0),
        f("fmv.x.d", A0, 1, 0, 0),
        f("fli.s", 1, 0, 0, 0),
        i("fld", 1, A0, 0),
        s("fsd", 1, A0, 0),
        csr("csrrs", A0, FCSR, 0),
        csr("csrrw", 0, FRM, A0),
    ];
    for word in words {
        let mut machine = machine("rv64", &[word]);
        machine.hart.set_x(A0.into(), RAM + 0x200);
        machine.set_csr("mstatus", 0).step(1);
        assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (2, word.into()), "{word:#x}");
    }
}

/// What changes state makes it dirty; what only reads it does not.
#[test]
fn dirty_state_is_tracked() {
    let clean = 2 << 13;
    for (cpu, sd) in [("rv32", 1 << 31), ("rv64", 1 << 63)] {
        for (word, dirties) in [
            (f("fadd.s", 3, 1, 2, 0), true),
            (f("fmv.w.x", 1, A0, 0, 0), true),
            (i("flw", 1, A0, 0), true),
            (csr("csrrw", 0, FRM, 0), true),
            (csr("csrrs", A1, FCSR, 0), false),
            (s("fsw", 1, A0, 0), false),
            (f("fmv.x.w", A1, 1, 0, 0), false),
            (f("fclass.s", A1, 1, 0, 0), false),
            // No flag is raised, or a flag is.
            (f("feq.s", A1, 1, 1, 0), false),
            (f("flt.s", A1, 2, 2, 0), true),
        ] {
            let mut machine = machine(cpu, &[word]);
            machine.hart.set_x(A0.into(), RAM + 0x200);
            machine.hart.set_f(1, ONE);
            machine.hart.set_f(2, NAN);
            machine.set_csr("mstatus", clean).step(1);
            assert_eq!(machine.hart.pc(), RAM + 4, "{word:#x}");
            let expected = if dirties { FS | sd } else { clean };
            for name in ["mstatus", "sstatus"] {
                assert_eq!(machine.csr(name) & (FS | sd), expected, "{cpu} {name} {word:#x}");
            }
        }
    }
}

#[test]
fn without_registers_there_is_no_state() {
    let mut machine = Machine::new("rv64i", &[]);
    machine.set_csr("mstatus", u64::MAX);
    assert_eq!(machine.csr("mstatus") & (FS | 1 << 63), 0);
    assert_eq!(machine.hart.csr_number("fcsr"), None);
}

#[test]
fn constants() {
    let value = |mnemonic: &str, number: u8| {
        let mut machine = machine("rv64", &[f(mnemonic, 1, number, 0, 0)]);
        machine.step(1);
        machine.hart.f(1)
    };
    let values = [
        (0, -1.0f64),
        (2, 2f64.powi(-16)),
        (6, 0.0625),
        (9, 0.3125),
        (15, 0.875),
        (16, 1.0),
        (21, 2.5),
        (27, 256.0),
        (28, 32768.0),
        (30, f64::INFINITY),
    ];
    for (number, expected) in values {
        assert_eq!(value("fli.d", number), expected.to_bits(), "{number}");
        let single = u64::from((expected as f32).to_bits());
        assert_eq!(value("fli.s", number), 0xffff_ffff_0000_0000 | single, "{number}");
    }
    let half = |number| value("fli.h", number) & 0xffff;
    assert_eq!(
        [0, 1, 2, 16, 29, 30, 31].map(half),
        [0xbc00, 0x0400, 0x0100, 0x3c00, 0x7c00, 0x7c00, 0x7e00]
    );
    assert_eq!(value("fli.s", 1), 0xffff_ffff_0080_0000);
    assert_eq!(value("fli.s", 31), NAN);
    assert_eq!(value("fli.d", 1), 0x0010_0000_0000_0000);
}
