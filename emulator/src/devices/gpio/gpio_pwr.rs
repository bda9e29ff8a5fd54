//! `gpio-pwr`: two inputs that reset the machine and power it off, for pins of a GPIO controller
//! that a board leads to its reset and power circuits.

use std::sync::Arc;

use qapi_runtime::QmpError;

use crate::devices::binding::{Binding, Nodes};
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, PinUse, Port, PortDirection};
use crate::machine::{Site, Surroundings, VirtualClock, Wish};
use crate::qapi::{DeviceTreeProblem, GpioPwrProperties};

impl Defaults for GpioPwrProperties {
    fn defaults() -> Self {
        Self { active_low: Some(false) }
    }
}

/// What device trees call them, in order of the ports.
const USES: [&str; 2] = ["gpio-restart", "gpio-poweroff"];
/// What they wish for.
const WISHES: [Wish; 2] = [Wish::Reset, Wish::PowerOff { status: 0 }];

impl Driver for GpioPwrProperties {
    fn on_bus(&self) -> bool {
        false
    }

    fn ports(&self) -> Vec<Port> {
        let input = |name| Port { name, direction: PortDirection::Input, count: 1 };
        vec![input("reset"), input("shutdown")]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&USES),
            read: |node| {
                let mut found = node.nothing();
                // A binding's devices lead to interrupts; what leads to this one is a pin.
                let text =
                    "its pin is not wired: device_add driver=gpio-pwr, and a wire from the pin";
                found.remark(DeviceTreeProblem::LeftOut, text);
                Ok(found)
            },
        }]
    }

    fn pin_use(&self, port: u32) -> Option<PinUse> {
        let name = USES.get(port as usize)?;
        Some(PinUse { name, active_low: self.active_low.unwrap_or(false) })
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Arc::new(GpioPwr {
            active: !self.active_low.unwrap_or(false),
            around: site.around.clone(),
            clock: site.clock.clone(),
        })))
    }
}

struct GpioPwr {
    /// The level that does it; only an edge to it counts.
    active: bool,
    around: Surroundings,
    clock: Arc<VirtualClock>,
}

impl Device for GpioPwr {
    fn saved(&self) -> Option<&dyn Saved> {
        None
    }

    fn input(&self, _unit: u32, line: u32, level: bool) {
        // While the clock stands, the machine is being reset: the pin falls back, nobody wishes.
        if level == self.active
            && self.clock.is_running()
            && let Some(wish) = WISHES.get(line as usize)
        {
            (self.around.wish)(*wish);
        }
    }
}
