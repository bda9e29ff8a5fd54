//! The state of a hart as a value, to go on from another time.
//!
//! What follows from it (cached translations, decoded code, which interrupts deserve attention) is
//! made anew. A reservation is lost: a store-conditional may always fail.

use serde::{Deserialize, Serialize};

use crate::csr::CsrState;
use crate::hart::{Hart, Standstill};
use crate::trap::Mode;

/// What a hart's registers hold, and what its interrupt inputs are.
#[derive(Clone, Serialize, Deserialize)]
pub struct HartState {
    x: [u64; 32],
    f: [u64; 32],
    fflags: u8,
    frm: u8,
    pc: u64,
    mode: Mode,
    retired: u64,
    csr: CsrState,
    inputs: u64,
    waiting: bool,
    lost: bool,
    standstill: Option<Standstill>,
}

impl Hart {
    /// The hart as it stands between two instructions.
    pub fn save(&self) -> HartState {
        let core = self.core();
        HartState {
            x: core.x,
            f: core.f,
            fflags: core.fflags,
            frm: core.frm,
            pc: core.pc,
            mode: core.mode,
            retired: core.retired,
            csr: core.csr.clone(),
            inputs: core.interrupts.saved(),
            waiting: core.waiting,
            lost: core.lost,
            standstill: core.standstill,
        }
    }

    /// Whether the state is one of such a hart: to be asked before [`Hart::restore`].
    pub fn fits(&self, state: &HartState) -> bool {
        let core = self.core();
        let modes = match state.mode {
            Mode::Machine => true,
            Mode::Supervisor => core.has_supervisor(),
            Mode::User => core.has_user(),
        };
        modes
            && state.x[0] == 0
            && state.pc & core.misaligned_pc == 0
            && state.csr.triggers.fits()
            && state.csr.pmp.fits(&core.csr.pmp)
    }

    /// Goes on from a state that [fits](Hart::fits). Memory and the clock are to be restored before.
    pub fn restore(&mut self, state: &HartState) {
        let HartState {
            x,
            f,
            fflags,
            frm,
            pc,
            mode,
            retired,
            csr,
            inputs,
            waiting,
            lost,
            standstill,
        } = state;
        let core = self.core_mut();
        (core.x, core.f, core.fflags, core.frm) = (*x, *f, *fflags, *frm);
        (core.pc, core.mode, core.retired) = (*pc, *mode, *retired);
        core.csr = csr.clone();
        (core.waiting, core.lost, core.standstill) = (*waiting, *lost, *standstill);
        core.reservation = None;
        core.interrupts.restore(*inputs);
        core.triggers_changed();
        core.switch_translations();
        core.update_timer();
        core.update_attention();
        self.flush();
        // Flushing lets a hart try again that cannot go on.
        self.core_mut().lost = *lost;
    }
}
