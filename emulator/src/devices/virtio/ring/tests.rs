//! Rings that a driver of this file builds, rightly and wrongly.

use super::*;
use crate::machine::{Range, RangeTarget};
use boardwright_riscv::Ram;

const BASE: u64 = 0x8000_0000;
const SIZE: u64 = 0x1_0000;
const DESCRIPTORS: u64 = BASE;
const DRIVER: u64 = BASE + 0x1000;
const DEVICE: u64 = BASE + 0x2000;
const TABLE: u64 = BASE + 0x3000;
const DATA: u64 = BASE + 0x4000;
const WRITE: u16 = flag::WRITE;
const NEXT: u16 = flag::NEXT;
const INDIRECT: u16 = flag::INDIRECT;

fn memory() -> Arc<AddressSpace> {
    let ram = |first, size, writable| Range {
        first,
        last: first + size - 1,
        target: RangeTarget::Memory { ram: Ram::new(size).unwrap(), offset: 0, writable },
    };
    let ranges = vec![ram(0x1000, 0x1000, false), ram(BASE, SIZE, true)];
    Arc::new(AddressSpace::new(ranges, Arc::default()))
}

fn layout(packed: bool) -> Layout {
    Layout {
        size: 4,
        descriptors: DESCRIPTORS,
        driver: DRIVER,
        device: DEVICE,
        packed,
        indirect: true,
        event_index: false,
    }
}

/// Writes a descriptor of either format: address, length, flags, next or id.
fn put(memory: &AddressSpace, packed: bool, table: u64, index: u64, of: (u64, u32, u16, u16)) {
    let (address, len, flags, link) = of;
    let at = table + DESCRIPTOR * index;
    store(memory, at, 8, address);
    store(memory, at + 8, 4, len.into());
    let (a, b) = if packed { (link, flags) } else { (flags, link) };
    store(memory, at + 12, 2, a.into());
    store(memory, at + 14, 2, b.into());
}

/// Makes chains available that begin at these descriptors of a split ring.
fn offer(memory: &AddressSpace, heads: &[u16]) {
    for (slot, head) in (0..).zip(heads) {
        store(memory, DRIVER + 4 + 2 * slot, 2, (*head).into());
    }
    store(memory, DRIVER + 2, 2, heads.len() as u64);
}

type Row<'a> =
    (&'a str, &'a [(u64, u32, u16, u16)], &'a [(u64, u32, u16, u16)], Result<(u32, u32), Broken>);

#[test]
fn chains_of_split_rings_are_right_or_broken() {
    // The queue's descriptors, those of an indirect table, and how many bytes there are to read and
    // to write.
    let rows: &[Row<'_>] = &[
        ("one", &[(DATA, 16, 0, 0)], &[], Ok((16, 0))),
        ("both", &[(DATA, 16, NEXT, 2), (0, 0, 0, 0), (DATA, 5, WRITE, 0)], &[], Ok((16, 5))),
        ("read-only memory is read", &[(0x1000, 0x1000, 0, 0)], &[], Ok((0x1000, 0))),
        ("read-only memory", &[(0x1000, 16, WRITE, 0)], &[], Err(Broken::Nowhere(0x1000, 16))),
        ("nowhere", &[(0x10, 16, 0, 0)], &[], Err(Broken::Nowhere(0x10, 16))),
        (
            "beyond the end",
            &[(BASE + SIZE - 8, 16, 0, 0)],
            &[],
            Err(Broken::Nowhere(BASE + SIZE - 8, 16)),
        ),
        (
            "around the end",
            &[(u64::MAX - 7, 16, 0, 0)],
            &[],
            Err(Broken::Nowhere(u64::MAX - 7, 16)),
        ),
        ("4 GiB", &[(BASE, u32::MAX, 0, 0)], &[], Err(Broken::Nowhere(BASE, u32::MAX.into()))),
        ("empty", &[(DATA, 0, 0, 0)], &[], Err(Broken::Empty)),
        ("order", &[(DATA, 4, WRITE | NEXT, 1), (DATA, 4, 0, 0)], &[], Err(Broken::Order)),
        ("loop", &[(DATA, 4, NEXT, 1), (DATA, 4, NEXT, 0)], &[], Err(Broken::Long(4))),
        ("itself", &[(DATA, 4, NEXT, 0)], &[], Err(Broken::Long(4))),
        ("index", &[(DATA, 4, NEXT, 4)], &[], Err(Broken::Index(4, 4))),
        (
            "table",
            &[(TABLE, 32, INDIRECT, 0)],
            &[(DATA, 4, NEXT, 1), (DATA, 8, WRITE, 0)],
            Ok((4, 8)),
        ),
        ("odd table", &[(TABLE, 40, INDIRECT, 0)], &[], Err(Broken::Table(40))),
        ("no table", &[(TABLE, 0, INDIRECT, 0)], &[], Err(Broken::Table(0))),
        ("huge table", &[(TABLE, 0xffff_fff0, INDIRECT, 0)], &[], Err(Broken::Table(0xffff_fff0))),
        ("table nowhere", &[(0x10, 32, INDIRECT, 0)], &[], Err(Broken::Nowhere(0x10, 16))),
        (
            "table in table",
            &[(TABLE, 32, INDIRECT, 0)],
            &[(TABLE, 16, INDIRECT, 0)],
            Err(Broken::Nested),
        ),
        ("table and more", &[(TABLE, 32, INDIRECT | NEXT, 1)], &[], Err(Broken::Nested)),
        ("table later", &[(DATA, 4, NEXT, 1), (TABLE, 16, INDIRECT, 0)], &[], Err(Broken::Nested)),
        ("loop in table", &[(TABLE, 32, INDIRECT, 0)], &[(DATA, 4, NEXT, 0)], Err(Broken::Long(2))),
        (
            "index in table",
            &[(TABLE, 32, INDIRECT, 0)],
            &[(DATA, 4, NEXT, 2)],
            Err(Broken::Index(2, 2)),
        ),
    ];
    for (name, queue, table, expected) in rows {
        let memory = memory();
        for (at, descriptors) in [(DESCRIPTORS, queue), (TABLE, table)] {
            for (index, descriptor) in (0..).zip(*descriptors) {
                put(&memory, false, at, index, *descriptor);
            }
        }
        offer(&memory, &[0]);
        let mut ring = Ring::new(layout(false), &memory).unwrap();
        let found = ring.pop(&memory).map(|chain| {
            let chain = chain.unwrap();
            (chain.readable.size(), chain.writable.size())
        });
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn queues_lie_in_memory_and_are_aligned() {
    let good = layout(false);
    let rows = [
        (Layout { size: 0, ..good }, Some(Broken::Size(0))),
        (Layout { size: 3, ..good }, Some(Broken::Size(3))),
        (Layout { size: 2048, ..good }, Some(Broken::Size(2048))),
        (Layout { size: 3, packed: true, ..good }, None),
        (Layout { descriptors: BASE + 8, ..good }, Some(Broken::Misaligned(BASE + 8))),
        (Layout { driver: BASE + 1, ..good }, Some(Broken::Misaligned(BASE + 1))),
        (Layout { device: BASE + 2, ..good }, Some(Broken::Misaligned(BASE + 2))),
        (Layout { device: 0x1000, ..good }, Some(Broken::Nowhere(0x1000, 36))),
        (
            Layout { descriptors: BASE + SIZE - 16, ..good },
            Some(Broken::Nowhere(BASE + SIZE - 16, 64)),
        ),
        (Layout { descriptors: u64::MAX - 15, ..good }, Some(Broken::Nowhere(u64::MAX - 15, 64))),
        (good, None),
    ];
    let memory = memory();
    for (layout, expected) in rows {
        assert_eq!(Ring::new(layout, &memory).err(), expected, "{layout:x?}");
    }
}

#[test]
fn an_index_that_jumps_is_broken_and_one_that_wraps_is_not() {
    let memory = memory();
    put(&memory, false, DESCRIPTORS, 0, (DATA, 4, 0, 0));
    let mut ring = Ring::new(layout(false), &memory).unwrap();
    store(&memory, DRIVER + 2, 2, 5);
    assert_eq!(ring.pop(&memory).err(), Some(Broken::Jump(5, 4)));
    for index in 1..=0x1_0005_u64 {
        store(&memory, DRIVER + 2, 2, index & 0xffff);
        let chain = ring.pop(&memory).unwrap().unwrap();
        assert!(ring.push(&memory, &chain, 0));
        assert_eq!(u64::from(load(&memory, DEVICE + 2)), index & 0xffff);
        assert!(ring.pop(&memory).unwrap().is_none());
    }
}

#[test]
fn drivers_are_told_of_what_they_ask_for() {
    let memory = memory();
    put(&memory, false, DESCRIPTORS, 0, (DATA, 4, 0, 0));
    offer(&memory, &[0, 0, 0, 0]);
    let tells = |event_index, mark: u16, flags: u16| {
        let mut ring = Ring::new(Layout { event_index, ..layout(false) }, &memory).unwrap();
        store(&memory, DRIVER, 2, flags.into());
        store(&memory, DRIVER + 4 + 8, 2, mark.into());
        (0..3)
            .map(|_| {
                let chain = ring.pop(&memory).unwrap().unwrap();
                ring.push(&memory, &chain, 0)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(tells(false, 0, 0), [true; 3]);
    assert_eq!(tells(false, 0, 1), [false; 3]);
    assert_eq!(tells(true, 1, 1), [false, true, false]);
    assert_eq!(load(&memory, DEVICE + 4 + 32), 3, "it asks for the next one");
}

const AVAILABLE: u16 = 1 << 7;
const USED: u16 = 1 << 15;

#[test]
fn packed_rings_go_round() {
    let memory = memory();
    let mut ring = Ring::new(layout(true), &memory).unwrap();
    let mut at = (0, true);
    for round in 0..20_u16 {
        // Chains of one and of two, so that some go over the end.
        let count = 1 + round % 2;
        let (start, wrap) = at;
        assert!(ring.pop(&memory).unwrap().is_none());
        for part in 0..count {
            let (index, wrap) = at;
            let lap = if wrap { AVAILABLE } else { USED };
            let next = if part + 1 < count { NEXT } else { WRITE };
            put(&memory, true, DESCRIPTORS, index, (DATA, 8, lap | next, 100 + round));
            at = if index == 3 { (0, !wrap) } else { (index + 1, wrap) };
        }
        let chain = ring.pop(&memory).unwrap().unwrap();
        assert_eq!((chain.readable.size(), chain.writable.size()), (8 * u32::from(count - 1), 8));
        ring.unpop(&chain);
        let chain = ring.pop(&memory).unwrap().unwrap();
        assert!(ring.push(&memory, &chain, 3));
        let used = descriptor(&memory, DESCRIPTORS + DESCRIPTOR * start, true).unwrap();
        let lap = if wrap { AVAILABLE | USED } else { 0 };
        assert_eq!((used.len, used.flags & (AVAILABLE | USED), used.link), (3, lap, 100 + round));
    }
}

#[test]
fn chains_of_packed_rings_are_right_or_broken() {
    let on = |flags| AVAILABLE | flags;
    let rows: &[Row<'_>] = &[
        ("one", &[(DATA, 16, on(0), 0)], &[], Ok((16, 0))),
        ("loop", &[(DATA, 4, on(NEXT), 0); 4], &[], Err(Broken::Long(4))),
        (
            "table",
            &[(TABLE, 32, on(INDIRECT), 0)],
            &[(DATA, 4, 0, 0), (DATA, 8, WRITE, 0)],
            Ok((4, 8)),
        ),
        (
            "table in table",
            &[(TABLE, 16, on(INDIRECT), 0)],
            &[(DATA, 4, INDIRECT, 0)],
            Err(Broken::Nested),
        ),
        (
            "table later",
            &[(DATA, 4, on(NEXT), 0), (TABLE, 16, on(INDIRECT), 0)],
            &[],
            Err(Broken::Nested),
        ),
        ("order", &[(DATA, 4, on(NEXT | WRITE), 0), (DATA, 4, on(0), 0)], &[], Err(Broken::Order)),
        ("empty", &[(DATA, 0, on(0), 0)], &[], Err(Broken::Empty)),
    ];
    for (name, queue, table, expected) in rows {
        let memory = memory();
        for (at, descriptors) in [(DESCRIPTORS, queue), (TABLE, table)] {
            for (index, descriptor) in (0..).zip(*descriptors) {
                put(&memory, true, at, index, *descriptor);
            }
        }
        let mut ring = Ring::new(layout(true), &memory).unwrap();
        let found = ring.pop(&memory).map(|chain| {
            let chain = chain.unwrap();
            (chain.readable.size(), chain.writable.size())
        });
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn packed_drivers_are_told_of_what_they_ask_for() {
    // The driver's event suppression, and which of chains of two, one and two slots it is told of.
    let rows = [
        (0, 0, [true, true, true]),
        (0, 1, [false, false, false]),
        (0x8001, 2, [true, false, false]),
        (0x8002, 2, [false, true, false]),
        (0x8003, 2, [false, false, true]),
        (0x0000, 2, [false, false, true]),
    ];
    for (mark, flags, expected) in rows {
        let memory = memory();
        let layout = Layout { event_index: true, ..layout(true) };
        let mut ring = Ring::new(layout, &memory).unwrap();
        for (index, flags) in [(0, NEXT), (1, 0), (2, 0), (3, NEXT)] {
            put(&memory, true, DESCRIPTORS, index, (DATA, 8, AVAILABLE | flags, 0));
        }
        store(&memory, DRIVER, 2, mark);
        store(&memory, DRIVER + 2, 2, flags);
        let mut told = Vec::new();
        for turn in 0..3 {
            if turn == 2 {
                put(&memory, true, DESCRIPTORS, 0, (DATA, 8, USED, 0));
            }
            let chain = ring.pop(&memory).unwrap().unwrap();
            told.push(ring.push(&memory, &chain, 0));
        }
        assert_eq!(told, expected, "{mark:#x} {flags}");
    }
}

#[test]
fn buffers_are_one_run_of_bytes() {
    let memory = memory();
    let mut buffers = Buffers::new(memory.clone());
    buffers.segments = vec![
        Segment { address: DATA, len: 3 },
        Segment { address: DATA + 0x100, len: 1 },
        Segment { address: DATA + 0x200, len: 4 },
    ];
    buffers.len = 8;
    assert_eq!(buffers.write(2, b"abcd"), 4);
    let mut back = [0; 6];
    buffers.read(1, &mut back);
    assert_eq!(&back, b"\0abcd\0");
    assert_eq!(buffers.write(6, b"wxyz"), 2, "no further than the end");
    assert_eq!(buffers.write(8, b"z"), 0);
}
