//! `qapi/time.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::machine::rtc::{Base, RealTime};
use crate::qapi::{TimeCommands, XRtcSet};

impl TimeCommands for Door {
    fn x_rtc_set(&mut self, arguments: XRtcSet) -> Result<(), QmpError> {
        // No clock ticks, so that there is no drift.
        let XRtcSet { base, clock, driftfix: _ } = arguments;
        let base = base.as_deref().map(str::parse::<Base>).transpose();
        let base = base
            .map_err(|problem| QmpError::generic(format!("Parameter 'base' expects {problem}")))?;
        self.host.real_time = RealTime { base, clock };
        Ok(())
    }
}
