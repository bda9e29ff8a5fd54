//! `qapi/unmodelled.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::machine::Symbols;
use crate::machine::unmodelled::{Place, Tally};
use crate::qapi::{
    LogItem, UnmodelledAccess, UnmodelledCaller, UnmodelledCommands, UnmodelledInfo,
    UnmodelledPlace,
};

impl UnmodelledCommands for Door {
    fn query_unmodelled(&mut self) -> Result<UnmodelledInfo, QmpError> {
        let none = Symbols::default();
        let symbols = self.stage.machine().map_or(&none, |machine| machine.symbols());
        let counts = self.host.trace.counts().counts();
        let places = counts.sorted().into_iter();
        Ok(UnmodelledInfo {
            total: counts.total(),
            places: places.map(|(place, tally)| describe(place, tally, symbols)).collect(),
            beyond: counts.beyond,
        })
    }
}

fn describe(place: &Place, tally: &Tally, symbols: &Symbols) -> UnmodelledPlace {
    let caller = |(by, count): &(boardwright_riscv::Requester, u64)| UnmodelledCaller {
        hart: by.hartid,
        pc: by.pc,
        symbol: symbols.find(by.pc).map(String::from),
        count: *count,
    };
    UnmodelledPlace {
        block: place.block.as_ref().map(|block| block.name.to_string()),
        path: place.block.as_ref().map(|block| block.path.to_string()),
        offset: place.offset,
        size: place.size,
        access: if place.write { UnmodelledAccess::Write } else { UnmodelledAccess::Read },
        count: tally.count,
        callers: tally.callers.iter().map(caller).collect(),
    }
}

impl Door {
    /// Writes the table of what was wanted and is not modelled to the log, if it is asked for.
    pub(crate) fn report_unmodelled(&self) {
        let trace = &self.host.trace;
        let Some(machine) = self.stage.machine() else { return };
        if !trace.any(&[LogItem::Unimp, LogItem::Unmodelled]) {
            return;
        }
        // Harts that still run would go on counting.
        machine.stop();
        let report = trace.counts().counts().report(machine.symbols());
        if !report.is_empty() {
            trace.write(report.trim_end());
        }
    }
}
