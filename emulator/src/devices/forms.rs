//! What design-flow tools write as devices in lists of options and is none: a wire, a mapping. The
//! wire or mapping is what stays on the board, the same as if its own command had made it.

use qapi_runtime::QmpError;

use super::{Built, Defaults, Driver};
use crate::board::Board;
use crate::machine::Site;
use crate::qapi::{GpioConnectionProperties, SysbusMmioMap, SysbusMmioMappingProperties};

/// The ports of devices that do not name theirs.
const INPUT: &str = "unnamed-gpio-in";
const OUTPUT: &str = "unnamed-gpio-out";

fn required<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str, QmpError> {
    value
        .map(String::as_str)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| QmpError::generic(format!("property '{name}' not specified")))
}

impl Defaults for GpioConnectionProperties {
    fn defaults() -> Self {
        Self {
            output_device: None,
            output_name: Some(OUTPUT.into()),
            output_number: Some(0),
            input_device: None,
            input_name: Some(INPUT.into()),
            input_number: Some(0),
        }
    }
}

impl GpioConnectionProperties {
    fn connect(&self, board: &mut Board) -> Result<(), QmpError> {
        let line = |device, name: &Option<String>, usual, number: Option<u32>| {
            let name = name.as_deref().filter(|name| !name.is_empty()).unwrap_or(usual);
            board.find_port(&format!("{device}/{name}[{}]", number.unwrap_or(0)))
        };
        let output = required(self.output_device.as_ref(), "output-device")?;
        let input = required(self.input_device.as_ref(), "input-device")?;
        let output = line(output, &self.output_name, OUTPUT, self.output_number)?;
        let input = line(input, &self.input_name, INPUT, self.input_number)?;
        board.connect_free(&output, &input)
    }
}

impl Driver for GpioConnectionProperties {
    fn on_bus(&self) -> bool {
        false
    }

    fn instead(&self, board: &mut Board) -> Option<Result<(), QmpError>> {
        Some(self.connect(board))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Err(no_device(site))
    }
}

impl Defaults for SysbusMmioMappingProperties {
    fn defaults() -> Self {
        Self { sysdev: None, index: Some(0), addr: None, priority: Some(0) }
    }
}

impl SysbusMmioMappingProperties {
    fn map(&self, board: &mut Board) -> Result<(), QmpError> {
        let device = required(self.sysdev.as_ref(), "sysdev")?.to_string();
        let addr = self.addr.ok_or_else(|| QmpError::generic("property 'addr' not specified"))?;
        board.map(&SysbusMmioMap {
            device,
            mmio: self.index,
            addr,
            priority: self.priority,
            alias: None,
            offset: None,
            size: None,
        })
    }
}

impl Driver for SysbusMmioMappingProperties {
    fn on_bus(&self) -> bool {
        false
    }

    fn instead(&self, board: &mut Board) -> Option<Result<(), QmpError>> {
        Some(self.map(board))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Err(no_device(site))
    }
}

/// A board has none of them, so this is never said.
fn no_device(site: &Site<'_>) -> QmpError {
    QmpError::generic(format!("'{}' is no device", site.device.name))
}
