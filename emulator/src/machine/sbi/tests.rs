//! Calls with right and wrong arguments, on harts of both widths: what the specification says of each.

use std::sync::{Arc, Mutex};

use boardwright_riscv::{Hart, HartConfig, Interrupts, Mode, Ram, Standstill};

use super::*;
use crate::devices::state::Saved;
use crate::devices::{Console, cpu::model};
use crate::machine::space::{Range, RangeTarget};
use crate::machine::trace::Trace;
use crate::machine::{HartClock, VirtualClock};

const RAM: u64 = 0x8000_0000;
const SIZE: u64 = 0x10_0000;
const BASE: u32 = 0x10;
const TIME: u32 = 0x5449_4d45;
const IPI: u32 = 0x73_5049;
const RFENCE: u32 = 0x5246_4e43;
const HSM: u32 = 0x48_534d;
const SRST: u32 = 0x5352_5354;
const DBCN: u32 = 0x4442_434e;
const PMU: u32 = 0x50_4d55;

/// Errors, as numbers of the specification.
const OK: i64 = 0;
const NOT_SUPPORTED: i64 = -2;
const INVALID_PARAM: i64 = -3;
const INVALID_ADDRESS: i64 = -5;
const ALREADY_AVAILABLE: i64 = -6;
const ALREADY_STARTED: i64 = -7;
const ALREADY_STOPPED: i64 = -8;
const NO_SHARED_MEMORY: i64 = -9;
/// In a table: whatever the value is.
const ANY: u64 = 0x5eed;

/// A console whose person has typed "hi".
#[derive(Default)]
struct Typed {
    out: Mutex<Vec<u8>>,
    typed: Mutex<Vec<u8>>,
}

impl Console for Typed {
    fn put(&self, bytes: &[u8]) {
        self.out.lock().unwrap().extend(bytes);
    }
    fn get(&self) -> Option<u8> {
        self.typed.lock().unwrap().pop()
    }
}

impl Device for Typed {
    fn saved(&self) -> Option<&dyn Saved> {
        None
    }
    fn console(&self) -> Option<&dyn Console> {
        Some(self)
    }
}

struct Bench {
    sbi: Sbi,
    harts: Vec<Hart>,
    console: Arc<Typed>,
    wishes: Arc<Mutex<Vec<Wish>>>,
}

impl Bench {
    /// Harts 2, 3 and 4, of which the first is a monitor without supervisor mode; 3 has started.
    fn new(cpu: &str) -> Self {
        let clock = VirtualClock::new().unwrap();
        let plans: Vec<HartPlan> = [(2, "rv64i,s=off"), (3, cpu), (4, cpu)]
            .into_iter()
            .map(|(id, cpu)| HartPlan {
                config: HartConfig::new(model::parse(cpu).unwrap(), id, RAM),
                start: None,
                interrupts: Arc::new(Interrupts::new()),
                clock: HartClock::new(clock.clone()),
            })
            .collect();
        let target =
            RangeTarget::Memory { ram: Ram::new(SIZE).unwrap(), offset: 0, writable: true };
        let range = Range { first: RAM, last: RAM + SIZE - 1, target };
        let space = Arc::new(AddressSpace::new(vec![range], Arc::new(Trace::default())));
        let console = Arc::new(Typed { typed: Mutex::new(b"ih".to_vec()), ..Typed::default() });
        let wishes = Arc::new(Mutex::new(Vec::new()));
        let wished = wishes.clone();
        let sbi = Sbi::new(
            &plans,
            space.clone(),
            Some(console.clone()),
            Arc::new(move |wish| wished.lock().unwrap().push(wish)),
        );
        let mut harts: Vec<Hart> = plans
            .into_iter()
            .map(|plan| Hart::new(plan.config, space.clone(), plan.interrupts, plan.clock).unwrap())
            .collect();
        let sbi = sbi.unwrap();
        for (index, hart) in harts.iter_mut().enumerate() {
            sbi.reset(index, hart);
        }
        Self { sbi, harts, console, wishes }
    }

    /// What a call of a hart gives: the error and the value.
    fn call(&mut self, hart: usize, id: u32, function: u32, arguments: &[u64]) -> (i64, u64) {
        let hart_at = &mut self.harts[hart];
        let bits = hart_at.config().cpu.xlen.bits();
        for (index, argument) in arguments.iter().enumerate() {
            hart_at.set_x(A0 + index, *argument);
        }
        hart_at.set_x(A6, function.into());
        hart_at.set_x(A7, id.into());
        let pc = hart_at.pc();
        self.sbi.call(hart, hart_at);
        assert_eq!(hart_at.pc(), pc + 4);
        let error = hart_at.x(A0).cast_signed() << (64 - bits) >> (64 - bits);
        (error, hart_at.x(A1))
    }
}

/// Calls of hart 3, one after another.
fn check(cpu: &str, rows: &[(u32, u32, &[u64], i64, u64)]) {
    let mut bench = Bench::new(cpu);
    for (row, (id, function, arguments, error, value)) in rows.iter().enumerate() {
        let (got_error, got) = bench.call(1, *id, *function, arguments);
        let place = format!("{cpu}, row {row}: {id:#x} {function} {arguments:x?}");
        assert_eq!(got_error, *error, "{place}");
        if *value != ANY {
            assert_eq!(got, *value, "{place}");
        }
    }
}

/// The highest number of a register of either width.
const ONES: u64 = u64::MAX;

const ROWS: &[(u32, u32, &[u64], i64, u64)] = &[
    // Base: version 2.0, what there is and what is not.
    (BASE, 0, &[], OK, 2 << 24),
    (BASE, 1, &[], OK, ANY),
    (BASE, 2, &[], OK, ANY),
    (BASE, 3, &[0], OK, 1),
    (BASE, 3, &[8], OK, 1),
    (BASE, 3, &[9], OK, 0),
    (BASE, 3, &[TIME as u64], OK, 1),
    (BASE, 3, &[PMU as u64], OK, 1),
    (BASE, 3, &[DBCN as u64], OK, 1),
    // SUSP, NACL, STA, CPPC.
    (BASE, 3, &[0x5355_5350], OK, 0),
    (BASE, 3, &[0x4e41_434c], OK, 0),
    (BASE, 3, &[0x53_5441], OK, 0),
    (BASE, 3, &[0x4350_5043], OK, 0),
    (BASE, 4, &[], OK, ANY),
    (BASE, 5, &[], OK, ANY),
    (BASE, 6, &[], OK, ANY),
    (BASE, 7, &[], NOT_SUPPORTED, 0),
    (0x5355_5350, 0, &[0, 0, 0], NOT_SUPPORTED, 0),
    (0x0999_9999, 0, &[], NOT_SUPPORTED, 0),
    (ONES as u32, ONES as u32, &[], NOT_SUPPORTED, 0),
    // Timer.
    (TIME, 0, &[ONES, ONES], OK, 0),
    (TIME, 1, &[], NOT_SUPPORTED, 0),
    // Interrupts: the harts are 3 and 4; 2 is nobody's business.
    (IPI, 0, &[1, 3], OK, 0),
    (IPI, 0, &[0b11, 3], OK, 0),
    (IPI, 0, &[0, ONES], OK, 0),
    (IPI, 0, &[0, 77], OK, 0),
    (IPI, 0, &[1, 2], INVALID_PARAM, 0),
    (IPI, 0, &[0b100, 3], INVALID_PARAM, 0),
    (IPI, 0, &[1, ONES - 1], INVALID_PARAM, 0),
    (IPI, 1, &[1, 3], NOT_SUPPORTED, 0),
    // Fences.
    (RFENCE, 0, &[0b11, 3], OK, 0),
    (RFENCE, 1, &[0, ONES, 0, 0], OK, 0),
    (RFENCE, 2, &[1, 3, 0x1000, 0x1000, 5], OK, 0),
    (RFENCE, 1, &[1, 5, 0, 0], INVALID_PARAM, 0),
    (RFENCE, 3, &[1, 3], NOT_SUPPORTED, 0),
    (RFENCE, 6, &[1, 3], NOT_SUPPORTED, 0),
    // Harts.
    (HSM, 2, &[3], OK, 0),
    (HSM, 2, &[4], OK, 1),
    (HSM, 2, &[2], INVALID_PARAM, 0),
    (HSM, 2, &[ONES], INVALID_PARAM, 0),
    (HSM, 0, &[9, RAM, 0], INVALID_PARAM, 0),
    (HSM, 0, &[4, 0x1000, 0], INVALID_ADDRESS, 0),
    (HSM, 0, &[4, RAM + 1, 0], INVALID_ADDRESS, 0),
    (HSM, 0, &[4, RAM + SIZE, 0], INVALID_ADDRESS, 0),
    (HSM, 0, &[3, RAM, 0], ALREADY_AVAILABLE, 0),
    (HSM, 0, &[4, RAM, 7], OK, 0),
    (HSM, 2, &[4], OK, 2),
    (HSM, 0, &[4, RAM, 7], ALREADY_AVAILABLE, 0),
    (HSM, 3, &[1, 0, 0], INVALID_PARAM, 0),
    (HSM, 3, &[0x0fff_ffff, 0, 0], INVALID_PARAM, 0),
    (HSM, 3, &[0x1000_0000, 0, 0], NOT_SUPPORTED, 0),
    (HSM, 3, &[0x8000_0001, RAM, 0], INVALID_PARAM, 0),
    (HSM, 3, &[0x9000_0000, RAM, 0], NOT_SUPPORTED, 0),
    (HSM, 3, &[0x8000_0000, 0x1000, 0], INVALID_ADDRESS, 0),
    (HSM, 4, &[], NOT_SUPPORTED, 0),
    // Reset: what there is not.
    (SRST, 0, &[3, 0], INVALID_PARAM, 0),
    (SRST, 0, &[0xf000_0000, 0], INVALID_PARAM, 0),
    (SRST, 0, &[0, 2], INVALID_PARAM, 0),
    (SRST, 1, &[0, 0], NOT_SUPPORTED, 0),
    // Console.
    (DBCN, 2, &[b'x' as u64], OK, 0),
    (DBCN, 0, &[4, RAM, 0], OK, 4),
    (DBCN, 0, &[0, 0, 0], OK, 0),
    (DBCN, 0, &[4, RAM + SIZE - 2, 0], INVALID_PARAM, 0),
    (DBCN, 0, &[4, 0x1000, 0], INVALID_PARAM, 0),
    (DBCN, 0, &[ONES, RAM, 0], INVALID_PARAM, 0),
    (DBCN, 0, &[4, RAM, 1], INVALID_PARAM, 0),
    (DBCN, 1, &[8, RAM, 0], OK, 2),
    (DBCN, 1, &[8, RAM, 0], OK, 0),
    (DBCN, 1, &[8, 0x1000, 0], INVALID_PARAM, 0),
    (DBCN, 3, &[], NOT_SUPPORTED, 0),
    // Counters.
    (PMU, 0, &[], OK, 48),
    (PMU, 1, &[0], OK, 0xc00 | 63 << 12),
    (PMU, 1, &[1], INVALID_PARAM, 0),
    (PMU, 1, &[2], OK, 0xc02 | 63 << 12),
    (PMU, 1, &[48], INVALID_PARAM, 0),
    (PMU, 1, &[ONES], INVALID_PARAM, 0),
    // Events of the interface: the timer was set once.
    (PMU, 2, &[32, 1, 0b110, 0xf_0005, 0], OK, 32),
    (PMU, 5, &[32], OK, 0),
    (TIME, 0, &[ONES, ONES], OK, 0),
    (PMU, 5, &[32], OK, 1),
    (PMU, 6, &[32], OK, 0),
    (PMU, 3, &[32, 1, 0, 0, 0], ALREADY_STARTED, 0),
    (PMU, 4, &[32, 1, 0], OK, 0),
    (TIME, 0, &[ONES, ONES], OK, 0),
    (PMU, 5, &[32], OK, 1),
    (PMU, 3, &[32, 1, 1, 40, 0], OK, 0),
    (TIME, 0, &[ONES, ONES], OK, 0),
    (PMU, 5, &[32], OK, 41),
    (PMU, 4, &[32, 1, 1], OK, 0),
    (PMU, 4, &[32, 1, 0], ALREADY_STOPPED, 0),
    (PMU, 3, &[32, 1, 0, 0, 0], INVALID_PARAM, 0),
    (PMU, 5, &[2], INVALID_PARAM, 0),
    (PMU, 5, &[48], INVALID_PARAM, 0),
    // Cycles: the counter is taken, and given back.
    (PMU, 2, &[0, 1, 0b110, 1, 0], OK, 0),
    (PMU, 2, &[0, 1, 0b110, 1, 0], NOT_SUPPORTED, 0),
    (PMU, 2, &[0, 1, 0b001, 1, 0], OK, 0),
    (PMU, 2, &[0, 1, 0b001, 2, 0], INVALID_PARAM, 0),
    (PMU, 4, &[0, 1, 1], OK, 0),
    (PMU, 2, &[0, 1, 0, 2, 0], NOT_SUPPORTED, 0),
    (PMU, 2, &[2, 1, 0b001, 2, 0], INVALID_PARAM, 0),
    (PMU, 2, &[2, 1, 0, 2, 0], OK, 2),
    (PMU, 4, &[2, 1, 0], ALREADY_STOPPED, 0),
    (PMU, 3, &[2, 1, 0, 0, 0], OK, 0),
    (PMU, 4, &[2, 1, 1], OK, 0),
    (PMU, 4, &[2, 1, 2], NO_SHARED_MEMORY, 0),
    (PMU, 3, &[2, 1, 2, 0, 0], NO_SHARED_MEMORY, 0),
    (PMU, 3, &[2, 1, 4, 0, 0], INVALID_PARAM, 0),
    (PMU, 4, &[2, 1, 4], INVALID_PARAM, 0),
    (PMU, 2, &[0, 0b111, 0, 1, 0], INVALID_PARAM, 0),
    (PMU, 2, &[0, 1, 0x100, 1, 0], INVALID_PARAM, 0),
    (PMU, 2, &[0, 1, 0, 0, 0], INVALID_PARAM, 0),
    (PMU, 2, &[0, 1, 0, 0x5_0000, 0], INVALID_PARAM, 0),
    (PMU, 2, &[0, 1, 0, 0x1_0000, 0], NOT_SUPPORTED, 0),
    (PMU, 2, &[0, 1, 0, 0x2_0000, 5], NOT_SUPPORTED, 0),
    (PMU, 2, &[32, 1, 0, 0xf_0016, 0], INVALID_PARAM, 0),
    (PMU, 7, &[ONES, ONES, 0], NOT_SUPPORTED, 0),
];

#[test]
fn calls_are_answered_as_the_specification_says() {
    for cpu in ["rv64", "rv32", "rv64,sstc=off", "rv64,sscofpmf=off", "rv64,zihpm=off"] {
        check(cpu, ROWS);
    }
}

#[test]
fn legacy_calls_return_one_value() {
    let mut bench = Bench::new("rv64");
    let mask = RAM + 0x100;
    bench.sbi.space.poke(mask, &0b1000_u64.to_le_bytes()).unwrap();
    for (id, argument, value) in [
        (0, ONES, 0),
        (1, b'a'.into(), 0),
        (2, 0, i64::from(b'h')),
        (2, 0, i64::from(b'i')),
        (2, 0, -1),
        (3, 0, 0),
        (4, mask, 0),
        (4, 0x10, INVALID_ADDRESS),
        (5, 0, 0),
        (6, mask, 0),
        (7, mask, 0),
    ] {
        bench.harts[1].set_x(A1, 99);
        assert_eq!(bench.call(1, id, 0, &[argument]), (value, 99), "{id} {argument:#x}");
    }
    assert_eq!(*bench.console.out.lock().unwrap(), b"a");
    assert_eq!(bench.harts[1].interrupts().pending(), 1 << 1);
    assert_eq!(bench.call(1, 8, 0, &[]).0, 0);
    assert_eq!(*bench.wishes.lock().unwrap(), [Wish::PowerOff { status: 0 }]);
}

#[test]
fn the_system_ends_as_it_is_told() {
    for (kind, reason, wish) in [
        (0, 0, Wish::PowerOff { status: 0 }),
        (0, 1, Wish::PowerOff { status: 1 }),
        (1, 0, Wish::Reset),
        (2, 1, Wish::Reset),
    ] {
        let mut bench = Bench::new("rv64");
        bench.call(1, SRST, 0, &[kind, reason]);
        assert_eq!(*bench.wishes.lock().unwrap(), [wish]);
        assert_eq!(bench.harts[1].standstill(), Some(Standstill::Stopped));
    }
}

#[test]
fn harts_start_and_stop_each_other() {
    let mut bench = Bench::new("rv64");
    let (third, fourth) = (1, 2);
    assert_eq!(bench.harts[0].standstill(), Some(Standstill::Stopped));
    assert_eq!(bench.harts[third].mode(), Mode::Supervisor);
    // Nothing reaches a hart that is stopped.
    bench.call(third, IPI, 0, &[0b10, 3]);
    assert_eq!(bench.harts[fourth].interrupts().pending(), 0);
    assert_eq!(bench.call(third, HSM, 0, &[4, RAM + 0x40, 7]), (0, 0));
    bench.sbi.attend(fourth, &mut bench.harts[fourth]);
    let started = &bench.harts[fourth];
    assert_eq!((started.pc(), started.x(A0), started.x(A1)), (RAM + 0x40, 4, 7));
    assert_eq!((started.mode(), started.standstill()), (Mode::Supervisor, None));
    assert_eq!(bench.call(third, HSM, 2, &[4]), (0, 0));
    bench.call(third, IPI, 0, &[0b10, 3]);
    assert_eq!(bench.harts[fourth].interrupts().pending(), 1 << 1);
    // It suspends itself, and goes on where it said once an interrupt is enabled.
    bench.call(fourth, HSM, 3, &[0x8000_0000, RAM + 0x80, 9]);
    bench.sbi.attend(fourth, &mut bench.harts[fourth]);
    assert_eq!(bench.call(third, HSM, 2, &[4]), (0, 4));
    bench.harts[fourth].set_csr(0x104, 1 << 1);
    bench.sbi.attend(fourth, &mut bench.harts[fourth]);
    let resumed = &bench.harts[fourth];
    assert_eq!((resumed.pc(), resumed.x(A0), resumed.x(A1)), (RAM + 0x80, 4, 9));
    // The other kind of suspension keeps everything.
    let pc = bench.harts[fourth].pc();
    assert_eq!(bench.call(fourth, HSM, 3, &[0, 0, 0]), (0, 0));
    bench.sbi.attend(fourth, &mut bench.harts[fourth]);
    assert_eq!((bench.harts[fourth].pc(), bench.harts[fourth].standstill()), (pc + 4, None));
    bench.call(fourth, HSM, 1, &[]);
    assert_eq!(bench.harts[fourth].standstill(), Some(Standstill::Stopped));
    assert_eq!(bench.call(third, HSM, 2, &[4]), (0, 1));
    // A reset puts all of them back.
    for (index, hart) in bench.harts.iter_mut().enumerate() {
        hart.reset();
        bench.sbi.reset(index, hart);
    }
    assert_eq!(bench.call(third, HSM, 2, &[3]), (0, 0));
    assert_eq!(bench.call(third, HSM, 2, &[4]), (0, 1));
    assert_eq!(bench.harts[fourth].interrupts().pending(), 0);
}

#[test]
fn the_timer_interrupts_whether_the_hart_compares_or_not() {
    const TIMER: u64 = 1 << 5;
    for cpu in ["rv64", "rv64,sstc=off", "rv32", "rv32,sstc=off"] {
        let mut bench = Bench::new(cpu);
        let pending = |bench: &Bench| bench.harts[1].interrupts().pending() & TIMER;
        bench.call(1, TIME, 0, &[0, 0]);
        assert_eq!(pending(&bench), TIMER, "{cpu}");
        bench.call(1, TIME, 0, &[ONES, ONES]);
        assert_eq!(pending(&bench), 0, "{cpu}");
        bench.call(1, TIME, 0, &[0, 0]);
        bench.harts[1].reset();
        bench.sbi.reset(1, &mut bench.harts[1]);
        assert_eq!(pending(&bench), 0, "{cpu}");
    }
}
