//! What the commands do. The traits are generated: a command without a method does not compile.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qapi_runtime::QmpError;

use crate::qapi::{
    Amount, Heat, KettleCommands, KettleInfo, KettleOobCommands, KettlePhase, PhaseChange, Pour,
    QmpCapabilities, Vessel,
};
use crate::server::{Session, Sessions};

/// How much the kettle holds, in millilitres.
const CAPACITY: u16 = 1500;

/// How hot water is when it is poured in.
const COLD: u8 = 20;

/// How long it takes to heat the water by a degree.
const DEGREE: Duration = Duration::from_millis(20);

/// The kettle as all sessions see it, while it is being heated too.
pub(crate) struct Kettle {
    info: Mutex<KettleInfo>,
    /// Told when it is switched off.
    switch: Condvar,
}

impl Kettle {
    pub(crate) fn new() -> Self {
        let info = KettleInfo { phase: KettlePhase::Empty, ml: 0, celsius: COLD };
        Self { info: Mutex::new(info), switch: Condvar::new() }
    }

    pub(crate) fn phase(&self) -> KettlePhase {
        self.info().phase
    }

    fn info(&self) -> MutexGuard<'_, KettleInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command's turn: commands in band have the kettle one after the other.
pub(crate) struct Turn<'a> {
    pub(crate) kettle: &'a Kettle,
    pub(crate) session: &'a Session,
    pub(crate) sessions: &'a Sessions,
}

impl Turn<'_> {
    /// Enters a phase and tells everybody.
    fn enter(&self, info: &mut KettleInfo, phase: KettlePhase) {
        if info.phase != phase {
            info.phase = phase;
            self.sessions.emit(&PhaseChange { phase });
        }
    }
}

impl KettleCommands for Turn<'_> {
    fn qmp_capabilities(&mut self, arguments: QmpCapabilities) -> Result<(), QmpError> {
        self.session.negotiate(&arguments.enable.unwrap_or_default())
    }

    fn pour(&mut self, arguments: Pour) -> Result<(), QmpError> {
        let ml = match arguments.amount {
            Amount::Ml(ml) => ml,
            Amount::Vessel(Vessel::Cup) => 250,
            Amount::Vessel(Vessel::Pot) => 1000,
        };
        let mut info = self.kettle.info();
        let room = CAPACITY - info.ml;
        if ml > room {
            return Err(QmpError::generic(format!("There is room for {room} ml, not for {ml} ml")));
        }
        info.ml += ml;
        info.celsius = COLD;
        self.enter(&mut info, KettlePhase::Filled);
        Ok(())
    }

    fn heat(&mut self, arguments: Heat) -> Result<(), QmpError> {
        if arguments.celsius > 100 {
            return Err(QmpError::generic("Water does not get hotter than 100 degrees"));
        }
        let mut info = self.kettle.info();
        self.enter(&mut info, KettlePhase::Heating);
        while info.celsius < arguments.celsius {
            let waited = self.kettle.switch.wait_timeout(info, DEGREE);
            info = waited.unwrap_or_else(PoisonError::into_inner).0;
            if info.phase != KettlePhase::Heating {
                self.sessions.emit(&PhaseChange { phase: info.phase });
                return Err(QmpError::generic("The kettle was switched off"));
            }
            info.celsius += 1;
        }
        self.enter(&mut info, KettlePhase::Hot);
        Ok(())
    }
}

/// What runs beside the others, over what is shared.
impl KettleOobCommands for Kettle {
    fn switch_off(&self) -> Result<(), QmpError> {
        let mut info = self.info();
        // It may have become hot since the gate was passed.
        if info.phase == KettlePhase::Heating {
            info.phase = KettlePhase::Filled;
            self.switch.notify_all();
        }
        Ok(())
    }

    fn query_kettle(&self) -> Result<KettleInfo, QmpError> {
        Ok(self.info().clone())
    }
}
