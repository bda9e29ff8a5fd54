//! `gpio-pwr`: two inputs that reset the machine and power it off, for pins of a GPIO controller
//! that a board leads to its reset and power circuits.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;

use crate::board::PortRef;
use crate::devices::binding::{Binding, Nodes, Part, Pin};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port, PortDirection};
use crate::machine::{Site, Surroundings, VirtualClock, Wish};
use crate::qapi::{DeviceOptionsDriver, GpioPwrProperties};

impl Defaults for GpioPwrProperties {
    fn defaults() -> Self {
        Self { active_low: Some(false) }
    }
}

/// The inputs.
const INPUTS: [&str; 2] = ["reset", "shutdown"];
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
        INPUTS.map(input).to_vec()
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&USES),
            read: |node| {
                let (controller, line, active_low) = node.pin()?;
                let options = Self { active_low: Some(active_low) };
                let mut part = Part::new(DeviceOptionsDriver::GpioPwr(options));
                let uses = USES.iter().zip(INPUTS);
                let named = uses.filter(|(name, _)| node.node.is_compatible(name));
                part.pins = named
                    .map(|(_, input)| Pin {
                        controller: controller.clone(),
                        line,
                        input: format!("{input}[0]"),
                    })
                    .collect();
                Ok(part.into())
            },
        }]
    }

    /// A node for each input that a pin of a GPIO controller drives.
    fn uses(&self, place: &Place<'_>) -> Vec<Node> {
        let active_low = self.active_low.unwrap_or(false);
        let node = |input: &PortRef| {
            let name = *USES.get(input.port as usize)?;
            let [phandle, pin, ..] = *place.pin(input)?.as_slice() else { return None };
            let node = Node::new(name).with_strings("compatible", &[name]);
            Some(node.with_cells("gpios", &[phandle, pin, active_low.into()]))
        };
        place.board.wired_inputs(place.device).filter_map(node).collect()
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
