//! The public face of a hart.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, HartConfig};
use crate::core::Core;
use crate::csr;
use crate::debug::{DebugStop, Watchpoint};
use crate::interp::{self, Blocks};
use crate::interrupts::Interrupts;
use crate::isa::{Decoder, F_NAMES, X_NAMES};
use crate::memory::Bus;
use crate::observe::Observer;
use crate::trap::{Exception, Mode};

/// The time as a hart sees it.
pub trait Clock: Send + Sync {
    /// The value of the `time` CSR.
    fn ticks(&self) -> u64;

    /// Makes the input of the supervisor timer interrupt (cause 5) high while `ticks` is `due` or
    /// more, or takes that back with `None`. What is so at once is to be set before this returns.
    fn set_timer(&self, interrupts: &Arc<Interrupts>, due: Option<u64>);

    /// The hart has [executed](Hart::executed) so many instructions: called before each look at the
    /// time, by a device too, of a hart that [counts](Hart::count_exactly) for its clock.
    fn reached(&self, executed: u64);
}

/// Why [`Hart::run`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The budget is used up.
    Budget,
    /// The guest waits for an interrupt and none is pending, or it [stands
    /// still](Hart::stand_still), or it can never go on: see [`Observer::lost`].
    Wfi,
    /// [`Interrupts::request_exit`] was called.
    Requested,
    /// The next instruction is of interest to the debugger, and has not been done.
    Debug(DebugStop),
}

/// How a hart is kept from executing by who serves its supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standstill {
    /// Whatever interrupts come.
    Stopped,
    /// Interrupts that it has enabled end [`Interrupts::wait`], for others to let it go on.
    UntilInterrupt,
}

/// A hart: registers, decoded code, and the connections to the machine around it.
///
/// It does nothing by itself; [`Hart::run`] makes it go on. All that others may touch while it
/// runs is in its [`Interrupts`].
pub struct Hart {
    core: Core,
    blocks: Blocks,
}

impl Hart {
    /// A hart in its reset state.
    pub fn new(
        config: HartConfig,
        bus: Arc<dyn Bus>,
        interrupts: Arc<Interrupts>,
        clock: Arc<dyn Clock>,
    ) -> Result<Hart, ConfigError> {
        config.cpu.check()?;
        let unaligned = if config.cpu.compressed() { 1 } else { 3 };
        if config.reset_vector & unaligned != 0 {
            return Err(ConfigError::ResetVector(config.reset_vector));
        }
        let decoder = Decoder::new(&config.cpu);
        let core = Core::new(config, bus, interrupts, clock);
        Ok(Hart { core, blocks: Blocks::new(decoder) })
    }

    /// What the hart is made of.
    pub fn config(&self) -> &HartConfig {
        &self.core.config
    }

    /// The interrupt inputs.
    pub fn interrupts(&self) -> &Arc<Interrupts> {
        &self.core.interrupts
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }

    /// Puts the hart in its reset state.
    pub fn reset(&mut self) {
        self.core.reset();
        self.blocks.clear();
    }

    /// Runs until the budget is used up or there is another reason to return.
    ///
    /// The budget is in instructions and is kept exactly, so that 1 makes a single step. A trap
    /// that an instruction raises counts as an instruction. Taking an interrupt costs nothing,
    /// but is followed by an instruction of its handler.
    pub fn run(&mut self, budget: u64) -> Exit {
        self.core.interrupts.begin();
        let exit = interp::run(&mut self.core, &mut self.blocks, budget);
        self.core.interrupts.end();
        exit
    }

    /// Sets or removes the observer. Code is decoded anew, so that a new one sees all of it.
    pub fn set_observer(&mut self, observer: Option<Arc<dyn Observer>>) {
        self.core.observe(observer);
        self.blocks.clear();
    }

    /// Sets the breakpoints, in the place of those that there were: virtual addresses before
    /// whose instructions [`Hart::run`] returns `Exit::Debug`. A reset leaves them.
    pub fn set_breakpoints(&mut self, addrs: &[u64]) {
        self.core.set_breakpoints(addrs);
    }

    /// Sets the watchpoints, in the place of those that there were: [`Hart::run`] returns
    /// `Exit::Debug` before an instruction that touches one of them. A reset leaves them.
    pub fn set_watchpoints(&mut self, list: &[Watchpoint]) {
        self.core.set_watchpoints(list);
    }

    /// Chooses whether [`Hart::run`] returns `Exit::Debug` before an `ebreak`, for breakpoints
    /// written into memory and for semihosting. Who then finds that it is the guest's own lets it
    /// have the exception by [`Hart::raise_breakpoint`]. A reset leaves it.
    pub fn stop_at_ebreak(&mut self, stop: bool) {
        self.core.stop_at_ebreak(stop);
    }

    /// Lets the guest take the exception of an `ebreak` at `pc`.
    pub fn raise_breakpoint(&mut self) {
        let pc = self.core.pc;
        self.core.take_trap(Exception::Breakpoint as u64, false, pc);
    }

    /// Chooses whether [`Hart::run`] returns `Exit::Debug` before an `ecall` of supervisor mode, for
    /// those who serve that mode in the place of software in machine mode. A reset leaves it.
    pub fn stop_at_supervisor_call(&mut self, stop: bool) {
        self.core.stop_at_supervisor_call(stop);
    }

    /// Keeps the hart from executing, or lets it go on with `None`, as a reset does. While it stands
    /// still [`Hart::run`] returns `Exit::Wfi`.
    pub fn stand_still(&mut self, how: Option<Standstill>) {
        self.core.standstill = how;
    }

    /// Whether the hart is kept from executing.
    pub fn standstill(&self) -> Option<Standstill> {
        self.core.standstill
    }

    /// Whether an interrupt is pending that ends a `wfi`.
    pub fn roused(&self) -> bool {
        self.core.roused()
    }

    /// Sets the privilege mode. A mode that the hart does not have is ignored.
    pub fn set_mode(&mut self, mode: Mode) {
        let there = match mode {
            Mode::Machine => true,
            Mode::Supervisor => self.core.has_supervisor(),
            Mode::User => self.core.has_user(),
        };
        if there {
            self.core.enter(mode, self.core.retired);
        }
    }

    /// Forgets which pages are RAM and looks again at code that was decoded. To be called after a
    /// loader or a debugger wrote to memory; a device asks by [`Interrupts::request_flush`].
    pub fn flush(&mut self) {
        self.core.lost = false;
        self.core.flush_memory();
        self.core.flush_code();
    }

    /// An integer register, as wide as the hart's registers are.
    pub fn x(&self, index: usize) -> u64 {
        self.core.x.get(index).map_or(0, |value| self.core.xlen.truncate(*value))
    }

    /// Sets an integer register. `x0` and registers that there are not ignore it.
    pub fn set_x(&mut self, index: usize, value: u64) {
        if index > 0 && index < self.core.x.len() {
            self.core.x[index] = self.core.xlen.extend(value);
        }
    }

    /// A floating-point register. A number that is narrower than 64 bits has ones above.
    pub fn f(&self, index: usize) -> u64 {
        self.core.f.get(index).copied().unwrap_or(0)
    }

    /// Sets a floating-point register. Registers that there are not ignore it.
    pub fn set_f(&mut self, index: usize, value: u64) {
        if let Some(register) = self.core.f.get_mut(index) {
            *register = value;
            self.core.float_is_dirty();
        }
    }

    /// The address of the next instruction.
    pub fn pc(&self) -> u64 {
        self.core.pc
    }

    /// Sets the address of the next instruction; the bits that no instruction's address has are
    /// ignored. A hart in `wfi` wakes.
    pub fn set_pc(&mut self, pc: u64) {
        self.core.pc = self.core.xlen.truncate(pc & !self.core.misaligned_pc);
        self.core.waiting = false;
        self.core.lost = false;
    }

    /// The privilege mode.
    pub fn mode(&self) -> Mode {
        self.core.mode
    }

    /// A control and status register, without side effects; `None` if the hart has none of that
    /// number.
    pub fn csr(&self, number: u16) -> Option<u64> {
        self.core.peek_csr(number)
    }

    /// A control and status register by its name.
    pub fn csr_by_name(&self, name: &str) -> Option<u64> {
        self.csr(self.csr_number(name)?)
    }

    /// The number of the register of that name, if the hart has it.
    pub fn csr_number(&self, name: &str) -> Option<u16> {
        csr::number_of(&self.core.config.cpu, name)
    }

    /// The name of the register of that number, if the hart has it.
    pub fn csr_name(&self, number: u16) -> Option<String> {
        csr::name_of(&self.core.config.cpu, number)
    }

    /// Writes a control and status register, of which it keeps what is legal. Returns whether
    /// there is such a register and it can be written.
    pub fn set_csr(&mut self, number: u16, value: u64) -> bool {
        self.core.poke_csr(number, value)
    }

    /// A register by its name: `pc`, `x10` or `a0`, `ft0`, or that of a control and status register.
    pub fn register(&self, name: &str) -> Option<u64> {
        let number = || name.strip_prefix('x')?.parse().ok().filter(|index| *index < 32);
        match X_NAMES.iter().position(|own| *own == name).or_else(number) {
            Some(index) => Some(self.x(index)),
            None if name == "pc" => Some(self.pc()),
            None if self.csr_number("fcsr").is_some() && F_NAMES.contains(&name) => {
                F_NAMES.iter().position(|own| *own == name).map(|index| self.f(index))
            }
            None => self.csr_by_name(name),
        }
    }

    /// How many instructions have retired since reset.
    pub fn instructions(&self) -> u64 {
        self.core.retired
    }

    /// How many instructions have been done or have raised an exception: what [`Hart::run`] takes of its
    /// budget. To be compared with what it was before; a reset and [`Hart::restore`] do not set it
    /// to anything certain.
    pub fn executed(&self) -> u64 {
        self.core.retired.wrapping_add(self.core.raising)
    }

    /// Chooses whether time goes by instructions: the clock is then [told](Clock::reached) of them, and
    /// an access to a device is done by itself, so that what it causes does not depend on where runs
    /// begin and end. A reset leaves it.
    pub fn count_exactly(&mut self, exactly: bool) {
        self.core.exact = exactly;
    }

    /// Whether the hart waits for an interrupt.
    pub fn waiting(&self) -> bool {
        self.core.waiting
    }

    /// The registers as text.
    pub fn registers(&self) -> String {
        self.core.dump()
    }

    /// The physical address that a load from a virtual one would read in the present mode,
    /// without marking the page as accessed. `None` if the load would fault.
    pub fn translate(&self, addr: u64) -> Option<u64> {
        self.core.peek(self.core.xlen.truncate(addr))
    }
}
