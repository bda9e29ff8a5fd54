//! `qapi/time.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::machine::rtc::{Base, RealTime};
use crate::machine::{Icount, MOST_SHIFT, Position};
use crate::qapi::{IcountInfo, TimeCommands, XIcountSet, XRtcSet};

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

    fn x_icount_set(&mut self, arguments: XIcountSet) -> Result<(), QmpError> {
        let XIcountSet { shift, sleep, align } = arguments;
        let shift = match shift.as_str() {
            "auto" => None,
            text => {
                let number = text.parse().ok().filter(|shift| *shift <= MOST_SHIFT);
                Some(number.ok_or_else(|| {
                    QmpError::generic(format!(
                        "icount: Invalid shift value '{text}': expected a number from 0 to {MOST_SHIFT}, or auto"
                    ))
                })?)
            }
        };
        let (sleep, align) = (sleep.unwrap_or(true), align.unwrap_or(false));
        if align && !sleep {
            return Err(QmpError::generic("align=on and sleep=off are incompatible"));
        }
        if align && shift.is_none() {
            return Err(QmpError::generic("shift=auto and align=on are incompatible"));
        }
        self.host.icount = Some(Icount { shift, sleep, align });
        Ok(())
    }

    fn x_query_icount(&mut self) -> Result<IcountInfo, QmpError> {
        let Some((machine, rota)) =
            self.stage.machine().and_then(|machine| Some((machine, machine.rota()?)))
        else {
            return Err(QmpError::generic(
                "Time does not go by instructions: start with -icount shift=N",
            ));
        };
        let Position { shift, executed, .. } = rota.position();
        let Icount { shift: fixed, sleep, align } = rota.config;
        Ok(IcountInfo {
            shift,
            auto: fixed.is_none(),
            sleep,
            align,
            instructions: executed,
            time: machine.clock().now(),
        })
    }
}
