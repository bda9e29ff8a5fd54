//! Semihosting: a guest without devices of its own asks the host for a console, files and the
//! time ("Semihosting for AArch32 and AArch64", and the RISC-V semihosting specification for how
//! it asks).
//!
//! A call is the sequence `slli x0, x0, 0x1f; ebreak; srai x0, x0, 7`, uncompressed and in one
//! page, with the operation in a0 and its argument in a1. Any other `ebreak` is the guest's own.
//!
//! Files are those that the user who runs the program may use, by paths relative to its working
//! directory; only regular files are opened. Commands are not run on the host (`SYS_SYSTEM`).

mod call;
mod console;
mod files;
mod heap;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use boardwright_riscv::{Hart, Mode};

use self::call::{Call, Outcome};
pub use self::console::Console;
use self::files::Files;
use self::heap::Heap;
use super::{AddressSpace, Guest, Surroundings, Wish};
use crate::boot::Image;

const A0: usize = 10;
const A1: usize = 11;

const PREFIX: u32 = 0x01f0_1013;
const EBREAK: u32 = 0x0010_0073;
const SUFFIX: u32 = 0x4070_5013;

/// What the guest may ask for, as chosen before there is a machine.
pub struct Config {
    /// Whether user mode may ask, too.
    pub userspace: bool,
    /// What `SYS_GET_CMDLINE` tells; without it the kernel and its command line.
    pub arguments: Option<String>,
    /// The console.
    pub console: Arc<Console>,
}

/// What is to be done with a hart that has met an `ebreak`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ebreak {
    /// Let it go on.
    Done,
    /// The call is not done: let it go on when [`boardwright_riscv::Interrupts`] are asked for
    /// an exit, and make the call anew.
    Wait,
}

/// The host's side of one machine.
pub struct Semihosting {
    config: Arc<Config>,
    around: Surroundings,
    space: Arc<AddressSpace>,
    command_line: String,
    heap: Option<Heap>,
    begin: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: Files,
    errno: i32,
}

impl Semihosting {
    /// For a machine with these images in memory; `command_line` is the kernel's.
    pub fn new(
        config: Arc<Config>,
        around: Surroundings,
        space: Arc<AddressSpace>,
        images: &[Image],
        command_line: String,
    ) -> Self {
        Self {
            command_line: config.arguments.clone().unwrap_or(command_line),
            heap: Heap::find(&space, images),
            config,
            around,
            space,
            begin: Instant::now(),
            state: Mutex::default(),
        }
    }

    /// Does what the `ebreak` at a hart's pc asks for, or lets the guest have its exception.
    pub fn ebreak(&self, hart: &mut Hart) -> Ebreak {
        if !self.is_call(hart) {
            hart.raise_breakpoint();
            return Ebreak::Done;
        }
        let outcome = Call {
            host: self,
            guest: Guest::new(&self.space, Some(hart)),
            width: hart.config().cpu.xlen.bits() / 8,
            argument: hart.x(A1),
            inputs: hart.interrupts(),
        }
        .run(hart.x(A0));
        match outcome {
            Ok(Outcome::Return(value)) => self.answer(hart, value),
            Ok(Outcome::Wait) => return Ebreak::Wait,
            // The hart does not come back from this call.
            Ok(Outcome::Exit(status)) => {
                (self.around.wish)(Wish::PowerOff { status });
                return Ebreak::Wait;
            }
            Err(errno) => {
                self.lock().errno = errno;
                self.answer(hart, u64::MAX);
            }
        }
        Ebreak::Done
    }

    fn answer(&self, hart: &mut Hart, value: u64) {
        hart.set_x(A0, value);
        hart.set_pc(hart.pc().wrapping_add(4));
    }

    fn is_call(&self, hart: &Hart) -> bool {
        let pc = hart.pc();
        let (before, after) = (pc.wrapping_sub(4), pc.wrapping_add(4));
        let page = |addr: u64| addr / boardwright_riscv::PAGE_SIZE;
        let allowed = hart.mode() != Mode::User || self.config.userspace;
        let mut bytes = [0; 12];
        let readable = Guest::new(&self.space, Some(hart)).read(before, &mut bytes).is_ok();
        let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        allowed && page(before) == page(after) && readable && words.eq([PREFIX, EBREAK, SUFFIX])
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
