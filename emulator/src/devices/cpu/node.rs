//! A hart's node in a device tree (Linux, bindings/riscv/cpus.yaml and extensions.yaml).

use boardwright_devicetree::Node;
use boardwright_riscv::{CpuModel, Extension, Modes};

/// The node of a hart, with its interrupt controller, which has the phandle.
pub(super) fn write(model: &CpuModel, hartid: u64, phandle: u32) -> Node {
    let controller = Node::new("interrupt-controller")
        .with_u32("#interrupt-cells", 1)
        .with_flag("interrupt-controller")
        .with_strings("compatible", &["riscv,cpu-intc"])
        .with_phandle(phandle);
    let mut node = Node::new(format!("cpu@{hartid:x}"))
        .with_str("device_type", "cpu")
        .with_u32("reg", u32::try_from(hartid).unwrap_or(u32::MAX))
        .with_str("status", "okay")
        .with_strings("compatible", &["riscv"])
        .with_str("riscv,isa", &model.isa_string())
        .with_str("riscv,isa-base", model.isa_base())
        .with_strings("riscv,isa-extensions", &model.isa_extensions());
    for (extension, name, block) in [
        (Extension::Zicbom, "riscv,cbom-block-size", model.cbom_block),
        (Extension::Zicbop, "riscv,cbop-block-size", model.cbom_block),
        (Extension::Zicboz, "riscv,cboz-block-size", model.cboz_block),
    ] {
        if model.extensions.has(extension) {
            node = node.with_u32(name, block.into());
        }
    }
    let mmu = model.mmu.device_tree_name();
    if let Some(mmu) = mmu.or((model.modes == Modes::Msu).then_some("riscv,none")) {
        node = node.with_str("mmu-type", mmu);
    }
    node = node.with_u32("riscv,pmpregions", model.pmp_regions.into());
    node.with_child(controller)
}
