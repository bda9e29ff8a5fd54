//! `device_del`, devices that stand for something else, and devices of the wiring.

use anyhow::Result;
use boardwright_tests::transcript::check;

const BEGIN: &str = r#"
    -> set-machine-phase phase=initialized
    <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
    <- {}
    -> device_add driver=riscv.hart_array id=cpus num-harts=2
    <- {}
    -> device_add driver=riscv.sifive.plic id=plic hart-config=MS,MS
    <- {}
    -> device_add driver=riscv.sifive.uart id=uart
    <- {}"#;

fn talk(lines: &str) -> Result<()> {
    check("-M none -preconfig -S", &format!("{BEGIN}\n{lines}"))
}

#[test]
fn a_device_goes_with_its_mappings_and_wires() -> Result<()> {
    talk(
        r#"
        -> sysbus-mmio-map device=uart addr=268513280
        <- {}
        -> qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[3]
        <- {}
        -> device_del id=uart
        <- event DEVICE_DELETED {"device": "uart", "path": "/machine/peripheral/uart"}
        <- {}
        -> device_del id=uart
        <- DeviceNotFound: Device 'uart' not found
        -> device_add driver=serial-mm id=uart
        <- {}
        -> sysbus-mmio-map device=uart addr=268513280
        <- {}
        -> qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[3]
        <- {}
        -> device_add driver=unimplemented-device name=hole size=16
        <- {}
        -> device_del {"id": "/machine/peripheral-anon/unimplemented-device[0]"}
        <- event DEVICE_DELETED {"path": "/machine/peripheral-anon/unimplemented-device[0]"}
        <- {}
        -> finish-machine-init
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> device_del id=uart
        <- GenericError: Bus 'main-system-bus' does not support hotplugging
        -> device_del id=cpus
        <- GenericError: Device 'cpus' does not support hotplugging
        "#,
    )
}

#[test]
fn a_wire_and_a_mapping_may_be_written_as_devices() -> Result<()> {
    let options = "-M none -preconfig -S \
        -device riscv.hart_array,id=cpus -device riscv.sifive.plic,id=plic \
        -device riscv.sifive.uart,id=uart \
        -device sysbus-mmio-mapping,sysdev=uart,index=0,addr=0x10013000 \
        -device gpio-connection,input-device=plic,input-name=unnamed-gpio-in,input-number=3,output-device=uart,output-name=sysbus-irq,output-number=0 \
        -device gpio-connection,output-device=plic,output-number=1,input-device=cpus/harts[0],input-number=11";
    check(
        options,
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> qom-get path=uart property=mmio[0]
        <- "0x10013000"
        -> qom-get path=uart property=sysbus-irq[0]
        <- "/machine/peripheral/plic/unnamed-gpio-in[3]"
        -> qom-get path=plic property=unnamed-gpio-out[1]
        <- "/machine/peripheral/cpus/harts[0]/unnamed-gpio-in[11]"
        -> device_add driver=gpio-connection id=wire output-device=plic output-number="0" input-device=cpus/harts[0] input-number="0x9"
        <- {}
        -> device_del id=wire
        <- DeviceNotFound: Device 'wire' not found
        -> device_add driver=gpio-connection id=uart output-device=plic input-device=cpus/harts[0]
        <- GenericError: Duplicate device ID 'uart'
        -> device_add driver=gpio-connection input-device=plic
        <- GenericError: property 'output-device' not specified
        -> device_add driver=gpio-connection output-device=nope input-device=plic
        <- DeviceNotFound: Device 'nope' not found
        -> device_add driver=sysbus-mmio-mapping sysdev=uart
        <- GenericError: property 'addr' not specified
        -> device_add driver=sysbus-mmio-mapping sysdev=uart addr=0
        <- GenericError: MMIO index '0' is already mapped
        -> device_add driver=sysbus-mmio-mapping sysdev=plic index=2 addr=0
        <- GenericError: MMIO index '2' does not exist in 'plic'
        -> qom-list path=/machine/peripheral-anon
        <- [{"name": "type", "type": "string"}]
        "#,
    )
}

/// Older scripts do not wire a CLINT; those that do find its wires in the order of QEMU 6.1.
#[test]
fn a_clint_finds_its_harts() -> Result<()> {
    talk(
        r#"
        -> device_add driver=riscv.sifive.clint id=clint num-harts="2" sip-base="0x0" timecmp-base="0x4000" time-base="0xbff8" aperture-size="0x10000"
        <- {}
        -> qom-get path=clint property=unnamed-gpio-out[1]
        <- "/machine/peripheral/cpus/harts[1]/unnamed-gpio-in[7]"
        -> qom-get path=clint property=unnamed-gpio-out[2]
        <- "/machine/peripheral/cpus/harts[0]/unnamed-gpio-in[3]"
        -> qom-set path=clint property=unnamed-gpio-out[2] value=cpus/harts[0]/unnamed-gpio-in[3]
        <- {}
        -> device_add driver=riscv.sifive.clint id=second
        <- {}
        -> qom-get path=second property=unnamed-gpio-out[0]
        <- ""
        -> device_add driver=riscv.sifive.clint id=third num-harts=2 sip-base=0x4000
        <- GenericError: Parameter 'sip-base' expects a multiple of 4 at which 2 registers are within the region and apart from the timer's, not 0x4000
        -> device_add driver=riscv.sifive.clint id=third time-base=0x4000
        <- GenericError: Parameter 'time-base' expects an offset that is not among the mtimecmp registers
        -> device_add driver=split-irq id=split num-lines=0
        <- GenericError: Parameter 'num-lines' expects a number from 1 to 64, not 0
        "#,
    )
}
