//! Harts: several arrays, their CPUs by command, and what older scripts do without an array.

use anyhow::Result;
use boardwright_tests::transcript::check;

const BEGIN: &str = r#"
    -> set-machine-phase phase=initialized
    <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
    <- {}"#;

fn talk(options: &str, lines: &str) -> Result<()> {
    check(options, &format!("{BEGIN}\n{lines}"))
}

#[test]
fn a_cpu_is_configured_by_command() -> Result<()> {
    talk(
        "-M none -preconfig -S",
        r#"
        -> device_add {"driver": "riscv.hart_array", "id": "mon", "cpu-type": "rv64,i=true,g=false,m=true,a=true,f=true,d=true,c=true,s=false,u=false,x-b=true,pmp=true,mmu=false,num-pmp-regions=8"}
        <- {}
        -> qom-get path=mon/cpu[0] property=num-pmp-regions
        <- 8
        -> qom-get path=mon/harts[0] property=s
        <- false
        -> device_add driver=riscv.hart_array id=apps cpu-type=rv64-riscv-cpu num-cpus="2" hartid-base="0x1"
        <- {}
        -> qom-set path=apps/cpu[1] property=pmp value="False"
        <- {}
        -> qom-get path=apps/harts[1] property=num-pmp-regions
        <- 0
        -> qom-get path=apps/harts[0] property=pmp
        <- true
        -> qom-get path=apps property=cpu-types
        <- ["rv64-riscv-cpu", "rv64-riscv-cpu,pmp=False"]
        -> qom-set path=apps/harts[0] property=pmp value=false
        <- {}
        -> qom-set path=apps/harts[1] property=pmp value=off
        <- {}
        -> qom-get path=apps property=cpu-type
        <- "rv64-riscv-cpu,pmp=off"
        -> qom-set path=apps/harts[1] property=num-pmp-regions value="0x8"
        <- {}
        -> qom-get path=apps/harts[1] property=pmp
        <- true
        -> qom-set path=apps/harts[1] property=pmp value=perhaps
        <- GenericError: CPU property 'pmp' expects 'on' or 'off', not 'perhaps'
        -> qom-set path=apps/harts[1] property=pmp value=[]
        <- GenericError: Invalid parameter type for 'pmp', expected: bool
        -> qom-set path=apps/harts[1] property=pmpx value=true
        <- GenericError: Property 'rv64-riscv-cpu.pmpx' not found
        -> qom-set path=apps property=cpu-types value=["rv32","rv32"]
        <- GenericError: Parameter 'cpu-types' expects types of 'rv64-riscv-cpu' as 'cpu-type' is, not 'rv32': use a hart array for each
        -> qom-set path=apps property=cpu-types value=["rv64"]
        <- GenericError: Parameter 'cpu-types' expects 2 types, one a hart, not 1
        -> qom-get path=harts[0] property=type
        <- GenericError: Path 'harts[0]' is ambiguous: it fits /machine/peripheral/mon/harts[0], /machine/peripheral/apps/harts[0]
        -> finish-machine-init
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> qom-set path=apps/harts[1] property=pmp value=off
        <- GenericError: Attempt to set property 'pmp' on device '/machine/peripheral/apps/harts[1]' (type 'rv64-riscv-cpu') after it was realized
        "#,
    )
}

/// The machine's own hart is found where QEMU has it, and gives way to an array.
#[test]
fn the_option_cpu_alone_makes_a_hart() -> Result<()> {
    let options = "-M none -cpu rv64,pmp=off -preconfig -S";
    talk(
        options,
        r#"
        -> qom-get path=/machine/unattached/device[0] property=pmp
        <- false
        -> qom-list path=/machine/unattached
        <- [{"name": "type", "type": "string"}, {"name": "sysbus", "type": "child<System>"}, {"name": "device[0]", "type": "link<rv64-riscv-cpu>"}]
        -> device_add driver=riscv.hart_array id=cpus
        <- {}
        -> qom-get path=cpus property=cpu-type
        <- "rv64,pmp=off"
        -> qom-list path=/machine/unattached/device[0]
        <- DeviceNotFound: Device '/machine/unattached/device[0]' not found
        "#,
    )?;
    talk(
        options,
        r#"
        -> device_add driver=riscv.sifive.plic id=plic hart-config=M
        <- {}
        -> qom-set path=plic property=unnamed-gpio-out[1] value=/machine/unattached/device[0]/unnamed-gpio-in[11]
        <- {}
        -> device_add driver=riscv.hart_array id=cpus
        <- GenericError: Hart ids 0 to 0 of 'cpus' meet those of 'machine.cpus': choose another hartid-base
        -> device_add driver=riscv.hart_array id=cpus hartid-base=1
        <- {}
        -> qom-list path=unattached/sysbus
        <- [{"name": "type", "type": "string"}]
        "#,
    )
}

#[test]
fn the_phases_have_older_names() -> Result<()> {
    check(
        "-M none -m 64K -preconfig -S",
        r#"
        -> qom-set path=/machine property=ram-addr value="0x80000000"
        <- {}
        -> x-machine-init
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> x-machine-init
        <- GenericError: The command is permitted only before machine initialization
        -> qom-get path=machine.ram property=mmio[0]
        <- "0x80000000"
        -> qom-set path=/machine property=ram-addr value="0x90000000"
        <- {}
        -> qom-get path=machine.ram property=mmio[0]
        <- "0x90000000"
        -> x-exit-preconfig
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> x-exit-preconfig
        <- GenericError: The command is permitted only before machine initialization
        "#,
    )
}
