//! Loads, stores and fetches: widths, alignment, devices, faults.

use boardwright_riscv::Requester;

use crate::common::*;

const DATA: u64 = RAM + 0x3000;

fn load(machine: &mut Machine, mnemonic: &str, addr: u64) -> u64 {
    machine.memory.put(RAM, &[i(mnemonic, A0, A1, -16)]);
    machine.hart.flush();
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A1.into(), addr.wrapping_add(16));
    machine.step(1);
    machine.hart.x(A0.into())
}

fn store(machine: &mut Machine, mnemonic: &str, addr: u64, value: u64) {
    machine.memory.put(RAM, &[s(mnemonic, A2, A1, 16)]);
    machine.hart.flush();
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A1.into(), addr.wrapping_sub(16));
    machine.hart.set_x(A2.into(), value);
    machine.step(1);
}

/// The cause and value of the trap that the last step took.
fn trap(machine: &Machine) -> (u64, u64) {
    assert_eq!(machine.hart.pc(), 0, "no trap");
    (machine.csr("mcause"), machine.csr("mtval"))
}

#[test]
fn loads_extend_at_every_alignment() {
    let bytes: Vec<u8> = (0..32u8).map(|n| n.wrapping_mul(9).wrapping_add(0x71)).collect();
    for (cpu, xlen) in [("rv32", 32), ("rv64", 64)] {
        let mut machine = Machine::new(cpu, &[]);
        // Across the border of two pages.
        let start = DATA + 0x1000 - 16;
        machine.memory.ram.write(start - RAM, &bytes).unwrap();
        for at in 0..24 {
            for (mnemonic, size, signed) in [
                ("lb", 1, true),
                ("lh", 2, true),
                ("lw", 4, true),
                ("lbu", 1, false),
                ("lhu", 2, false),
                ("lwu", 4, false),
                ("ld", 8, true),
            ] {
                if xlen == 32 && matches!(mnemonic, "lwu" | "ld") {
                    continue;
                }
                let mut wide = [0; 16];
                wide[..size].copy_from_slice(&bytes[at..at + size]);
                let mut expected = i128::from_le_bytes(wide);
                if signed && expected >> (8 * size - 1) != 0 {
                    expected -= 1 << (8 * size);
                }
                let expected = (expected & ((1 << xlen) - 1)) as u64;
                let got = load(&mut machine, mnemonic, start + at as u64);
                assert_eq!(got, expected, "{cpu} {mnemonic} at {at}");
            }
        }
    }
}

#[test]
fn stores_change_their_bytes_and_no_others() {
    let mut machine = Machine::new("rv64", &[]);
    for at in [DATA + 8, DATA + 0xffd, DATA + 0xffe, DATA + 0xfff, DATA + 0x1001] {
        for (mnemonic, size) in [("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)] {
            machine.memory.ram.write(at - RAM - 8, &[0xee; 24]).unwrap();
            store(&mut machine, mnemonic, at, 0x8877_6655_4433_2211);
            let mut expected = [0xee; 24];
            expected[8..8 + size].copy_from_slice(&0x8877_6655_4433_2211_u64.to_le_bytes()[..size]);
            let mut got = [0; 24];
            machine.memory.ram.read(at - RAM - 8, &mut got).unwrap();
            assert_eq!(got, expected, "{mnemonic} at {at:#x}");
        }
    }
}

#[test]
fn a_device_sees_each_access_with_its_size() {
    let mut machine = Machine::new("rv64", &[]);
    for (mnemonic, offset) in [("lb", 1), ("lhu", 2), ("lw", 4), ("ld", 8)] {
        assert_eq!(load(&mut machine, mnemonic, DEVICE + offset), offset);
    }
    for (mnemonic, offset) in [("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)] {
        store(&mut machine, mnemonic, DEVICE + offset, 0x1122_3344_5566_7788);
    }
    let writes = machine.memory.device.writes.lock().unwrap().clone();
    let expected = [
        (DEVICE + 1, 1, 0x88),
        (DEVICE + 2, 2, 0x7788),
        (DEVICE + 4, 4, 0x5566_7788),
        (DEVICE + 8, 8, 0x1122_3344_5566_7788),
    ];
    assert_eq!(writes, expected);
}

#[test]
fn a_device_is_told_which_instruction_wants_something() {
    // The second and the third of a block, and one of the next block.
    let program =
        [i("addi", A2, 0, 1), i("lw", A0, A1, 0), s("sw", A0, A1, 0), j(4), i("lw", A0, A1, 0)];
    let mut machine = Machine::new("rv64", &program);
    machine.hart.set_x(A1.into(), DEVICE);
    for (steps, pc) in [(2, RAM + 4), (1, RAM + 8), (2, RAM + 16)] {
        machine.step(steps);
        let by = machine.memory.device.by.lock().unwrap().take();
        assert_eq!(by, Some(Requester { hartid: 0, pc }));
    }
}

#[test]
fn ram_that_fills_no_page_works_by_way_of_the_bus() {
    let mut machine = Machine::new("rv64", &[]);
    store(&mut machine, "sd", SCRATCH + 8, 0x0102_0304_0506_0708);
    assert_eq!(load(&mut machine, "lw", SCRATCH + 12), 0x0102_0304);
    store(&mut machine, "sd", SCRATCH + SCRATCH_SIZE, 0);
    assert_eq!(trap(&machine), (7, SCRATCH + SCRATCH_SIZE));
    // Code runs there, too.
    machine.memory.scratch.store::<u32>(0, i("addi", A0, 0, 42)).unwrap();
    machine.hart.set_pc(SCRATCH);
    machine.step(1);
    assert_eq!((machine.hart.x(A0.into()), machine.hart.pc()), (42, SCRATCH + 4));
}

#[test]
fn what_the_bus_refuses_is_an_access_fault() {
    let mut machine = Machine::new("rv64", &[]);
    load(&mut machine, "lw", 0x4000_0000);
    assert_eq!(trap(&machine), (5, 0x4000_0000));
    store(&mut machine, "sb", 0x4000_0001, 0);
    assert_eq!(trap(&machine), (7, 0x4000_0001));
    store(&mut machine, "sb", ROM, 0);
    assert_eq!(trap(&machine), (7, ROM));
    load(&mut machine, "ld", u64::MAX - 15);
    assert_eq!(trap(&machine), (5, u64::MAX - 15), "no such physical address");
    machine.hart.set_pc(0x4000_0000);
    machine.step(1);
    assert_eq!(trap(&machine), (1, 0x4000_0000));
    assert_eq!(machine.csr("mepc"), 0x4000_0000);
    // The second half of an instruction, and the end of an access that is not aligned anyway.
    let end = RAM + RAM_SIZE;
    machine.memory.ram.write(RAM_SIZE - 2, &[0x13, 0x05]).unwrap();
    machine.hart.set_pc(end - 2);
    machine.step(1);
    assert_eq!((trap(&machine), machine.csr("mepc")), ((1, end), end - 2));
    load(&mut machine, "lw", end - 2);
    assert_eq!(trap(&machine), (4, end - 2));
}

#[test]
fn a_device_does_not_do_misaligned_accesses() {
    let mut machine = Machine::new("rv64", &[]);
    load(&mut machine, "lw", DEVICE + 2);
    assert_eq!(trap(&machine), (4, DEVICE + 2));
    store(&mut machine, "sh", DEVICE + 1, 0);
    assert_eq!(trap(&machine), (6, DEVICE + 1));
    store(&mut machine, "sw", ROM + 1, 0);
    assert_eq!(trap(&machine), (6, ROM + 1));
    assert!(machine.memory.device.writes.lock().unwrap().is_empty());
}

#[test]
fn rom_can_be_read_and_run() {
    let mut machine = Machine::new("rv32", &[]);
    machine.memory.rom.store::<u32>(0, i("addi", A0, A0, 1)).unwrap();
    machine.memory.rom.store::<u32>(4, j(-4)).unwrap();
    machine.hart.set_pc(ROM);
    machine.step(2000);
    assert_eq!(machine.hart.x(A0.into()), 1000);
    assert_eq!(load(&mut machine, "lbu", ROM), 0x13);
}

#[test]
fn an_address_of_rv32_wraps() {
    let mut machine = Machine::new("rv32", &[i("lw", A0, A1, 0x10), i("jalr", 0, A2, 0x14)]);
    machine.hart.set_x(A1.into(), DATA - 0x10);
    machine.hart.set_x(A2.into(), RAM - 0x14);
    machine.memory.put(DATA, &[0x8000_0001]);
    machine.step(2);
    assert_eq!(machine.hart.x(A0.into()), 0x8000_0001);
    assert_eq!(machine.hart.pc(), RAM);
    load(&mut machine, "lw", 0xffff_fff0);
    assert_eq!(trap(&machine), (5, 0xffff_fff0));
}

/// `fence.i` makes stores to code visible; a page and code that were seen before are looked at
/// again.
#[test]
fn changed_code_runs_after_a_fence() {
    let patch = i("addi", A0, A0, 100);
    let mut machine = Machine::new(
        "rv64",
        &[
            i("addi", A0, A0, 1), // replaced
            s("sw", A2, A1, 0),
            plain("fence.i"),
            j(-12),
        ],
    );
    machine.hart.set_x(A1.into(), RAM);
    machine.hart.set_x(A2.into(), patch.into());
    machine.step(8);
    assert_eq!(machine.hart.x(A0.into()), 101);
}

/// An instruction that lies in two pages, at both widths of alignment.
#[test]
fn code_crosses_pages() {
    let mut machine = Machine::new("rv64", &[]);
    let nop = 0x0001u16;
    let word = i("addi", A0, A0, 7);
    let at = 0x1000 - 4;
    machine.memory.ram.store::<u16>(at, nop).unwrap();
    machine.memory.ram.store::<u16>(at + 2, word as u16).unwrap();
    machine.memory.ram.store::<u16>(at + 4, (word >> 16) as u16).unwrap();
    machine.memory.ram.store::<u16>(at + 6, 0xbfdd).unwrap(); // c.j -10
    machine.hart.set_pc(RAM + at);
    machine.step(2);
    assert_eq!((machine.hart.x(A0.into()), machine.hart.pc()), (7, RAM + at + 6));
    // And again, after it has been kept; then changed.
    machine.hart.set_pc(RAM + at);
    machine.step(2);
    let other = i("addi", A0, A0, 0x70);
    machine.memory.ram.store::<u16>(at + 4, (other >> 16) as u16).unwrap();
    machine.hart.flush();
    machine.hart.set_pc(RAM + at);
    machine.step(2);
    assert_eq!(machine.hart.x(A0.into()), 14 + 0x70);
}

#[test]
fn misaligned_accesses_trap_if_the_hart_does_not_do_them() {
    let mut cpu = boardwright_riscv::CpuModel::find("rv64").unwrap().clone();
    cpu.misaligned = false;
    for (word, cause) in
        [(i("lw", A0, A1, 1), 4), (s("sd", A0, A1, 4), 6), (i("lhu", A0, A1, 3), 4)]
    {
        let mut machine = Machine::of(cpu.clone(), &[word]);
        machine.set_csr("mtvec", MTVEC).hart.set_x(A1.into(), RAM + 0x100);
        machine.step(1);
        assert_eq!((machine.hart.pc(), machine.csr("mcause")), (MTVEC, cause), "{word:08x}");
        assert_eq!(machine.csr("mtval") & !7, RAM + 0x100);
    }
}
