//! `device-list`, `device-map`, `device-unmap`, `device-connect`, `device-disconnect`.

use anyhow::Result;
use boardwright_tests::transcript::check;

/// Two harts, a PLIC for them, memory and two UARTs; nothing is mapped or wired.
const BOARD: &str = r#"
    -> set-machine-phase phase=initialized
    <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
    <- {}
    -> device_add driver=riscv.hart_array id=cpus num-harts=2
    <- {}
    -> device_add driver=riscv.sifive.plic id=plic hart-config=MS,MS
    <- {}
    -> device_add driver=riscv.aclint.swi id=swi num-harts=2
    <- {}
    -> device_add driver=sysbus-memory id=ram size=1MiB
    <- {}
    -> device_add driver=riscv.sifive.uart id=uart
    <- {}
    -> device_add driver=serial-mm id=serial
    <- {}"#;

fn talk(lines: &str) -> Result<()> {
    check("-M none -preconfig -S", &format!("{BOARD}\n{lines}"))
}

#[test]
fn a_device_is_listed_with_all_there_is_to_say_of_it() -> Result<()> {
    talk(
        r#"
        -> device-map device=uart addr="0x10013000"
        <- {}
        -> device-map device=uart region=uart addr=4096 parent=ram priority="-1" alias=view offset=16 size=32
        <- {}
        -> device-connect from=uart/sysbus-irq to=plic/unnamed-gpio-in[3]
        <- {}
        -> device-list device=uart
        <- [{"id": "uart", "path": "/machine/peripheral/uart", "driver": "riscv.sifive.uart", "hotplugged": false, "properties": {}, "regions": [{"name": "uart", "index": 0, "size": 4096, "kind": "io", "mappings": [{"addr": 268513280, "size": 4096, "priority": 0}, {"addr": 4096, "size": 32, "priority": -1, "parent": "ram/memory", "alias": "view", "offset": 16}]}], "ports": [{"name": "sysbus-irq", "direction": "output", "width": 1, "lines": [{"line": 0, "peer": "/machine/peripheral/plic/unnamed-gpio-in[3]"}]}]}]
        -> device-list device=ram
        <- [{"id": "ram", "path": "/machine/peripheral/ram", "driver": "sysbus-memory", "hotplugged": false, "properties": {"readonly": false, "size": 1048576}, "regions": [{"name": "memory", "index": 0, "size": 1048576, "kind": "ram", "mappings": []}], "ports": []}]
        -> device-list device=nope
        <- DeviceNotFound: Device 'nope' not found
        -> device-list device=cpus/harts[0]
        <- DeviceNotFound: Device 'cpus/harts[0]' not found
        -> query-reset-tree
        <- [{"path": "/machine"}, {"path": "/machine/unattached/sysbus", "parent": "/machine"}, {"path": "/machine/peripheral/cpus", "parent": "/machine"}, {"path": "/machine/peripheral/cpus/harts[0]", "parent": "/machine/peripheral/cpus"}, {"path": "/machine/peripheral/cpus/harts[1]", "parent": "/machine/peripheral/cpus"}, {"path": "/machine/peripheral/plic", "parent": "/machine/unattached/sysbus"}, {"path": "/machine/peripheral/swi", "parent": "/machine/unattached/sysbus"}, {"path": "/machine/peripheral/ram", "parent": "/machine/unattached/sysbus"}, {"path": "/machine/peripheral/uart", "parent": "/machine/unattached/sysbus"}, {"path": "/machine/peripheral/serial", "parent": "/machine/unattached/sysbus"}]
        "#,
    )
}

#[test]
fn regions_are_put_somewhere_and_taken_away() -> Result<()> {
    talk(
        r#"
        -> device-map device=uart region="0" addr="0x10013000"
        <- {}
        -> device-map device=uart addr=0
        <- GenericError: Region 'uart' of 'uart' is already mapped
        -> sysbus-mmio-map device=uart addr=0
        <- GenericError: MMIO index '0' is already mapped
        -> device-map device=uart region=registers addr=0
        <- GenericError: Region 'registers' not found; 'uart' has 'uart'
        -> device-map device=uart region=true addr=0
        <- GenericError: Invalid parameter type for 'region', expected: name (string) or index (number)
        -> device-map device=cpus addr=0
        <- GenericError: Device 'cpus' has no regions
        -> device-map device=uart addr=here
        <- GenericError: Parameter 'addr' expects an integer (decimal or 0x hexadecimal), not 'here'
        -> device-map device=uart alias=again addr="0x20000000"
        <- {}
        -> device-map device=uart alias=again addr="0x30000000"
        <- GenericError: Alias 'again' of Region 'uart' of 'uart' exists already
        -> device-unmap device=uart alias=other
        <- GenericError: Device 'uart' has no alias 'other'
        -> device-unmap device=uart alias=again
        <- {}
        -> device-unmap device=uart region=uart
        <- {}
        -> device-unmap device=uart region=0
        <- GenericError: Device 'uart' does not have that region mapped
        -> device-unmap device=uart
        <- GenericError: Device 'uart' is not mapped
        -> sysbus-mmio-map device=uart addr=0
        <- {}
        "#,
    )
}

#[test]
fn what_stands_in_a_region_goes_where_that_goes() -> Result<()> {
    talk(
        r#"
        -> device-map device=uart parent=ram/memory addr=4096
        <- {}
        -> qom-get path=uart property=mmio[0]
        <- ""
        -> device-map device=ram addr=2147483648
        <- {}
        -> qom-get path=uart property=mmio[0]
        <- "0x80001000"
        -> device-unmap device=ram
        <- {}
        -> device-map device=ram addr=1073741824
        <- {}
        -> qom-get path=uart property=mmio[0]
        <- "0x40001000"
        -> qom-set path=ram property=size value=4096
        <- GenericError: Others stand in a region of 'ram', which would change
        -> device-map device=serial parent=ram addr=1048575
        <- GenericError: Parameter 'addr' expects an offset at which 0x8 bytes end within region 'memory' of 'ram', which has 0x100000 bytes, not 0xfffff
        -> device-map device=serial parent=cpus addr=0
        <- GenericError: Device 'cpus' has no regions
        "#,
    )
}

#[test]
fn lines_are_wired_by_name_and_in_rows() -> Result<()> {
    talk(
        r#"
        -> device-connect from=swi/unnamed-gpio-out[0..1] to=cpus/harts[0..1]/msip
        <- {}
        -> qom-get path=swi property=unnamed-gpio-out[1]
        <- "/machine/peripheral/cpus/harts[1]/unnamed-gpio-in[3]"
        -> device-connect from=plic/unnamed-gpio-out[2] to=cpus/cpu[0]/meip
        <- {}
        -> device-connect from=plic/unnamed-gpio-out[2] to=cpus/cpu[1]/meip
        <- GenericError: '/machine/peripheral/plic/unnamed-gpio-out[2]' drives '/machine/peripheral/cpus/harts[0]/unnamed-gpio-in[11]' already; a device 'split-irq' drives several inputs
        -> device-connect from=uart/sysbus-irq[0] to=plic/unnamed-gpio-in[4]
        <- {}
        -> device-connect from=serial/sysbus-irq[0] to=plic/unnamed-gpio-in[4]
        <- GenericError: '/machine/peripheral/plic/unnamed-gpio-in[4]' is already driven by '/machine/peripheral/uart/sysbus-irq[0]'
        -> device-connect from=plic/unnamed-gpio-in[5] to=serial/sysbus-irq
        <- GenericError: '/machine/peripheral/plic/unnamed-gpio-in[5]' is not an interrupt output
        -> device-connect from=plic/unnamed-gpio-out[0..1] to=cpus/harts[0..1]/nonesuch
        <- GenericError: Port 'nonesuch' not found; '/machine/peripheral/cpus/harts[0]' has unnamed-gpio-in[0..63], nmi[0..0]
        -> device-connect from=plic/unnamed-gpio-out[0..1] to=cpus/harts[0]/seip
        <- GenericError: 'plic/unnamed-gpio-out[0..1]' stands for 2 lines and 'cpus/harts[0]/seip' for 1: expected as many
        -> device-connect from=plic/unnamed-gpio-out[3] to=cpus/harts[0]/seip count="2"
        <- GenericError: Parameter 'count' expects a number from 1 to 1: 'plic/unnamed-gpio-out[3]' is line 3 of 4
        -> device-connect from=plic/unnamed-gpio-out[0] to=plic/unnamed-gpio-in[20] count=2
        <- {}
        -> qom-get path=plic property=unnamed-gpio-out[1]
        <- "/machine/peripheral/plic/unnamed-gpio-in[21]"
        -> device-disconnect port=plic/unnamed-gpio-in[20] count=2
        <- {}
        -> device-disconnect port=plic/unnamed-gpio-in[20..21]
        <- GenericError: '/machine/peripheral/plic/unnamed-gpio-in[20]' is not wired
        -> device-disconnect port=swi/unnamed-gpio-out[1]
        <- {}
        -> qom-get path=swi property=unnamed-gpio-out[1]
        <- ""
        "#,
    )
}
