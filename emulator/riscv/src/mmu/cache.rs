//! Operations on cache blocks (volume I, "Cache Management Operations"). Memory is always up to
//! date, so that all of them but zeroing are permission checks.

use super::{Access, Fault};
use crate::core::Core;
use crate::csr::environment::{CBCFE, CBIE, CBZE};
use crate::isa::{CacheOp, Flow};
use crate::trap::Mode;

impl Core {
    /// Does something to the block that an address lies in. `bits` and `offset` are the
    /// instruction's.
    pub(crate) fn cache_block(
        &mut self,
        operation: CacheOp,
        addr: u64,
        bits: u32,
        offset: u16,
    ) -> Flow {
        let cpu = &self.config.cpu;
        let (permission, size) = match operation {
            CacheOp::Invalidate => (CBIE, cpu.cbom_block),
            CacheOp::Clean | CacheOp::Flush => (CBCFE, cpu.cbom_block),
            CacheOp::Zero => (CBZE, cpu.cboz_block),
        };
        let size = u64::from(size);
        if self.environment(permission) == 0 {
            return self.illegal(bits);
        }
        let addr = self.xlen.truncate(addr);
        let block = addr & !(size - 1);
        if operation == CacheOp::Zero {
            // A fault names the address in the register: nothing of the block is written then, as
            // it lies in one page, and rights change at multiples of its size or the hart's
            // protection is finer than its caches.
            self.check_block(addr, block, size)?;
            for n in (0..size).step_by(8) {
                self.store::<u64>(block + n, 0, offset)?;
            }
            return Ok(());
        }
        // What may be loaded may be managed as well, but a fault is always that of a store.
        match self.translate(block, size, Access::Load) {
            Ok(_) => Ok(()),
            Err(_) => self.check_block(addr, block, size),
        }
    }

    /// What `menvcfg` and `senvcfg` leave of some of their fields to the present mode.
    fn environment(&self, fields: u64) -> u64 {
        let user = if self.has_supervisor() { self.csr.senvcfg } else { u64::MAX };
        match self.mode {
            Mode::Machine => fields,
            Mode::Supervisor => fields & self.csr.menvcfg,
            Mode::User => fields & self.csr.menvcfg & user,
        }
    }

    /// Whether all of the block may be stored to.
    fn check_block(&mut self, addr: u64, block: u64, size: u64) -> Flow {
        match self.translate(block, size, Access::Store) {
            Ok(_) => Ok(()),
            Err(fault) => self.raise(Fault::exception(fault, Access::Store), addr),
        }
    }
}
