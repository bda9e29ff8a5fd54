//! Machine `opentitan` and its devices.

use anyhow::Result;
use boardwright_tests::program::Program;
use boardwright_tests::transcript::{check, words};

/// The same guest on the built-in machine and on a board made by script.
#[test]
fn a_guest_runs_alike_on_the_machine_and_on_a_board_made_by_script() -> Result<()> {
    const EXPECTED: &str = "Boardwright on Ibex: RV32, vectors at 0x00008000\r
timer interrupt\r
uart interrupt, source 0x00000002, character !\r
all interrupts came: sleeping\r\n";
    for start in [
        "run boards/ibex.qmp",
        "-M opentitan,version=6.1 -device loader,file=boards/guest/ibex.elf",
    ] {
        let line = format!("{start} -nodefaults -serial stdio");
        let mut program = Program::start(&words(&line))?;
        program.wait_for("all interrupts came: sleeping\r\n")?;
        assert_eq!(program.out(), EXPECTED, "{start}");
    }
    Ok(())
}

/// Every version: where the UART, the controller and the timer are, where the hart starts, and
/// which input of the controller the UART's receive watermark drives.
#[test]
fn versions_have_the_addresses_of_their_time() -> Result<()> {
    let rows = [
        ("version=6.0", "0x41010000", "", "34", 0x8090),
        ("version=6.1", "0x41010000", "0x40100000", "2", 0x8090),
        ("version=7.0", "0x48000000", "0x40100000", "2", 0x8080),
        ("version=7.2", "0x48000000", "0x40100000", "2", 0x2000_0400),
        ("version=10.0", "0x48000000", "0x40100000", "2", 0x2000_0400),
        ("resetvec=0x20000080", "0x48000000", "0x40100000", "2", 0x2000_0080),
    ];
    for (property, plic, timer, watermark, resetvec) in rows {
        let timer = match timer {
            "" => "<- DeviceNotFound: Device 'timer' not found".into(),
            addr => format!("<- \"{addr}\""),
        };
        check(
            &format!("-S -nodefaults -M opentitan,{property}"),
            &format!(
                r#"
                -> qom-get path=uart property=mmio[0]
                <- "0x40000000"
                -> qom-get path=plic property=mmio[0]
                <- "{plic}"
                -> qom-get path=timer property=mmio[0]
                {timer}
                -> qom-get path=uart property=sysbus-irq[1]
                <- "/machine/peripheral/plic/unnamed-gpio-in[{watermark}]"
                -> qom-get path=cpus property=resetvec
                <- {resetvec}
                -> qom-get path=harts[0] property=type
                <- "lowrisc-ibex-riscv-cpu"
                "#
            ),
        )?;
    }
    Ok(())
}

#[test]
fn what_the_hardware_has_not_is_refused() -> Result<()> {
    let rows = [
        ("-M opentitan,version=5.2", "Parameter 'version' expects a version of QEMU from 6.0 on"),
        ("-M opentitan,version=new", "not 'new'"),
        (
            "-M opentitan -smp 2",
            "Invalid SMP CPUs 2. The max CPUs supported by machine 'opentitan' is 1",
        ),
        ("-M opentitan -m 1M", "Invalid RAM size, should be 128 KiB"),
        ("-M opentitan,version=6.1 -m 128K", "Invalid RAM size, should be 64 KiB"),
    ];
    for (line, expected) in rows {
        let ended = Program::start(&words(&format!("{line} -S -nodefaults")))?.ended()?;
        assert_eq!(ended.status.code(), Some(1), "{line}");
        assert!(ended.err.contains(expected), "{line}: {}", ended.err);
    }
    check(
        "-M none -preconfig",
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=ibex-plic id=plic num-cpus=0
        <- GenericError: Parameter 'num-cpus' expects a number from 1 to 512, not 0
        -> device_add driver=ibex-plic id=plic num-sources=1
        <- GenericError: Parameter 'num-sources' expects a number from 2 to 255 (source 0 does not exist), not 1
        -> device_add driver=ibex-plic id=plic claim-base=0x400
        <- GenericError: Parameter 'claim-base' puts 1 registers beyond the region of 0x400 bytes
        -> device_add driver=ibex-plic id=plic claim-base=0x318
        <- GenericError: Parameter 'claim-base' puts registers over those of 'threshold-base'
        -> device_add driver=ibex-plic id=plic enable-base=0x302
        <- GenericError: Parameter 'enable-base' expects a multiple of 4, not 0x302
        -> device_add driver=ibex-timer id=timer timebase-freq=0
        <- GenericError: Parameter 'timebase-freq' expects a number above 0
        -> device_add driver=ibex-timer id=timer ctrl-offset=8
        <- GenericError: Parameter 'ctrl-offset' expects 0 or 4, not 8
        -> device_add driver=ibex-uart id=uart chardev=nobody
        <- {}
        -> device_add driver=ibex-uart id=uart
        <- GenericError: Duplicate device ID 'uart'
        "#,
    )
}
