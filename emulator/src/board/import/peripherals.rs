//! Memory, UARTs, the test finisher, and what is not modelled.

use boardwright_devicetree::{NodeRef, TreeError};
use serde_json::json;

use super::{Import, Wires};

/// `compatible` strings and what they are here.
#[derive(Clone, Copy)]
enum Kind {
    Clint,
    Plic,
    Memory {
        readonly: bool,
    },
    SifiveUart,
    Ns16550a,
    Test,
    Syscon,
    /// A number for others to look up.
    Nothing,
}

/// The first string that stands here decides.
const KINDS: &[(&str, Kind)] = &[
    ("fixed-clock", Kind::Nothing),
    ("ns16550", Kind::Ns16550a),
    ("ns16550a", Kind::Ns16550a),
    ("riscv,clint0", Kind::Clint),
    ("riscv,plic0", Kind::Plic),
    ("sifive,clint0", Kind::Clint),
    ("sifive,dtim0", Kind::Memory { readonly: false }),
    ("sifive,itim0", Kind::Memory { readonly: false }),
    ("sifive,plic-1.0.0", Kind::Plic),
    ("sifive,rom0", Kind::Memory { readonly: true }),
    ("sifive,test0", Kind::Test),
    ("sifive,test1", Kind::Test),
    ("sifive,uart0", Kind::SifiveUart),
    ("syscon-poweroff", Kind::Syscon),
    ("syscon-reboot", Kind::Syscon),
];

impl<'t> Import<'t> {
    /// Adds and maps what a node describes; returns how it is wired.
    pub(super) fn node(&mut self, node: &NodeRef<'t>) -> Result<Option<Wires>, TreeError> {
        let is_memory = node
            .property("device_type")
            .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "memory"));
        let compatible = node.compatible();
        let kind = if is_memory {
            Some(Kind::Memory { readonly: false })
        } else {
            compatible
                .iter()
                .find_map(|name| KINDS.iter().find(|(known, _)| known == name))
                .map(|(_, kind)| *kind)
        };
        let regions = node.reg()?;
        let (Some(kind), Some(first)) = (kind, regions.first()) else {
            return self.without_registers(node, kind);
        };
        match kind {
            Kind::Clint => return self.clint(node, first.address),
            Kind::Plic => return self.plic(node, first.address, first.size),
            Kind::Syscon | Kind::Nothing => return self.without_registers(node, Some(kind)),
            _ => {}
        }
        let name = self.id(node);
        match kind {
            Kind::Memory { readonly } => {
                for (index, region) in regions.iter().enumerate() {
                    let id = if index == 0 { name.clone() } else { format!("{name}.{index}") };
                    let size = self
                        .options
                        .memory
                        .filter(|_| is_memory && index == 0)
                        .unwrap_or(region.size);
                    let device = json!({ "driver": "sysbus-memory", "id": id, "size": size, "readonly": readonly });
                    self.command("device_add", device);
                    self.map(&id, region.address);
                }
                return Ok(None);
            }
            Kind::SifiveUart => {
                let chardev = self.chardev(node);
                self.command(
                    "device_add",
                    json!({ "driver": "riscv.sifive.uart", "id": name, "chardev": chardev }),
                );
            }
            Kind::Ns16550a => {
                let chardev = self.chardev(node);
                let mut uart = json!({ "driver": "serial-mm", "id": name, "chardev": chardev });
                if let Some(shift) = node.property("reg-shift") {
                    uart["regshift"] = shift.u32()?.into();
                }
                if let Some(clock) = node.property("clock-frequency") {
                    uart["baudbase"] = (clock.u32()? / 16).into();
                }
                self.command("device_add", uart);
            }
            Kind::Test => {
                self.command("device_add", json!({ "driver": "riscv.sifive.test", "id": name }))
            }
            Kind::Clint | Kind::Plic | Kind::Syscon | Kind::Nothing => {}
        }
        self.map(&name, first.address);
        Ok(Some(Wires::Irqs(name)))
    }

    /// Nodes without registers, or without a model.
    fn without_registers(
        &mut self,
        node: &NodeRef<'t>,
        kind: Option<Kind>,
    ) -> Result<Option<Wires>, TreeError> {
        if matches!(kind, Some(Kind::Syscon)) {
            // The finisher behind it does the work; the guest's tree has these nodes again.
            let target = node.require("regmap")?.u32()?;
            let finisher = self.tree.by_phandle(target).map(|target| target.compatible());
            if !finisher
                .is_some_and(|names| names.iter().any(|name| name.starts_with("sifive,test")))
            {
                self.remark(node, "its regmap leads to no test finisher: left out");
            }
            return Ok(None);
        }
        if matches!(kind, Some(Kind::Nothing)) {
            return Ok(None);
        }
        let compatible = node.compatible().join(", ");
        if kind.is_some() {
            self.remark(node, &format!("'{compatible}' has no reg: left out"));
            return Ok(None);
        }
        let regions = node.reg()?;
        let interrupts: Vec<String> = node
            .interrupts()?
            .iter()
            .map(|one| format!("{:?} of {}", one.cells, one.controller.path()))
            .collect();
        let mut what = format!("compatible '{compatible}' is not modelled");
        for (index, region) in regions.iter().enumerate().filter(|(_, region)| region.size != 0) {
            let id = if index == 0 {
                node.name().to_string()
            } else {
                format!("{}.{index}", node.name())
            };
            let device = json!({
                "driver": "unimplemented-device", "id": id, "name": node.name(), "size": region.size,
            });
            self.command("device_add", device);
            self.map(&id, region.address);
            what += &format!(
                "; reg {:#x}, {:#x} bytes: unimplemented-device",
                region.address, region.size
            );
        }
        if !interrupts.is_empty() {
            what += &format!("; interrupts {}: not wired", interrupts.join(", "));
        }
        self.remark(node, &what);
        Ok(None)
    }

    /// The console has the first serial back end; others follow in order of the tree.
    fn chardev(&mut self, node: &NodeRef<'t>) -> String {
        let console = self.tree.stdout();
        if console.as_ref().is_some_and(|console| console.path() == node.path()) {
            return "serial0".into();
        }
        let number = self.serials + usize::from(console.is_some());
        self.serials += 1;
        format!("serial{number}")
    }
}
