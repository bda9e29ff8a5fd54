//! Back ends by command: character back ends, memory, and where the object tree has them.

use anyhow::{Result, ensure};
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::{check, check_in};
use serde_json::json;

#[test]
fn character_back_ends_come_and_go() -> Result<()> {
    check(
        "-S",
        r#"
        -> chardev-add {"id": "log", "backend": {"type": "ringbuf", "data": {"size": "4096"}}}
        <- {}
        -> chardev-add {"id": "log", "backend": {"type": "null", "data": {}}}
        <- GenericError: Duplicate ID 'log' for chardev
        -> chardev-add {"id": "1", "backend": {"type": "null", "data": {}}}
        <- GenericError: Parameter 'id' expects an identifier: a letter, then letters, digits, '-', '.', '_' or '@', not '1'
        -> chardev-add {"id": "odd", "backend": {"type": "memory", "data": {"size": 100}}}
        <- GenericError: size of ringbuf chardev must be power of two
        -> ringbuf-write device=log data=hello
        <- {}
        -> ringbuf-read device=log size=3
        <- "hel"
        -> ringbuf-read device=log size=10 format=base64
        <- "bG8="
        -> ringbuf-read device=log size=0
        <- GenericError: size must be greater than zero
        -> ringbuf-write device=log data=*** format=base64
        <- GenericError: Parameter 'data' expects base64: Invalid symbol 42, offset 0.
        -> ringbuf-read device=nope size=1
        <- GenericError: Device 'nope' not found
        -> chardev-add {"id": "sock", "backend": {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": "{dir}/sock"}}, "server": "on", "wait": "off"}}}
        <- {}
        -> ringbuf-read device=sock size=1
        <- GenericError: sock is not a ringbuf device
        -> chardev-add {"id": "tcp", "backend": {"type": "socket", "data": {"addr": {"type": "inet", "data": {"host": "127.0.0.1", "port": "http"}}}}}
        <- GenericError: Parameter 'port' expects a number, not 'http'
        -> chardev-add {"id": "file", "backend": {"type": "file", "data": {"out": "{dir}/nowhere/x"}}}
        <- GenericError: Could not open '{dir}/nowhere/x': No such file or directory
        -> chardev-add {"id": "mux", "backend": {"type": "mux", "data": {"chardev": "sock"}}}
        <- {}
        -> chardev-remove id=sock
        <- GenericError: Chardev 'sock' is busy
        -> qom-get path=/chardevs/sock property=frontend-open
        <- true
        -> chardev-remove id=log
        <- {}
        -> chardev-remove id=log
        <- GenericError: Chardev 'log' not found
        "#,
    )
}

#[test]
fn memory_is_taken_from_a_back_end() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.file("image", [7; 16])?;
    check_in(
        scratch,
        "-object memory-backend-ram,id=own,size=64K -M none,memory-backend=own -preconfig -S",
        r#"
        -> qom-list path=/
        <- [{"name": "type", "type": "string"}, {"name": "machine", "type": "child<machine>"}, {"name": "chardevs", "type": "child<container>"}, {"name": "objects", "type": "child<container>"}, {"name": "backend", "type": "child<container>"}]
        -> object-add qom-type=memory-backend-file id=image size="4K" mem-path={dir}/image
        <- {}
        -> object-add qom-type=rng-builtin id=rng
        <- {}
        -> object-add qom-type=rng-builtin id=rng
        <- GenericError: attempt to add duplicate property 'rng' to object (type 'container')
        -> object-add qom-type=rng-random id=other filename={dir}/nope
        <- GenericError: Could not open '{dir}/nope': No such file or directory
        -> object-add qom-type=memory-backend-ram id=none size=0
        <- GenericError: property 'size' of a memory back end must be non-zero
        -> qom-list path=/objects
        <- [{"name": "type", "type": "string"}, {"name": "image", "type": "child<memory-backend-file>"}, {"name": "own", "type": "child<memory-backend-ram>"}, {"name": "rng", "type": "child<rng-builtin>"}]
        -> qom-list path=/objects/nope
        <- DeviceNotFound: Device '/objects/nope' not found
        -> qom-get path=image property=size
        <- 4096
        -> qom-set path=image property=size value=1
        <- GenericError: Property 'memory-backend-file.size' is read-only
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> qom-get path=machine.ram property=size
        <- 65536
        -> device_add driver=sysbus-memory id=rom memdev=image readonly=on
        <- {}
        -> device_add driver=sysbus-memory id=other memdev=rng
        <- GenericError: Object 'rng' is no memory but 'rng-builtin'
        -> device_add driver=sysbus-memory id=other memdev=image size=1
        <- GenericError: Parameter 'size' expects the size of 'image', 0x1000 bytes, not 0x1
        -> device_add driver=sysbus-memory id=other memdev=nope
        <- GenericError: object 'nope' not found
        -> sysbus-mmio-map device=rom addr=65536
        <- {}
        -> object-del id=image
        <- GenericError: object 'image' is in use, can not be deleted: device 'rom' has it
        -> object-del id=rng
        <- {}
        -> device_add driver=riscv.sifive.uart id=own
        <- {}
        -> qom-list path=own
        <- GenericError: Path 'own' is ambiguous: it fits /machine/peripheral/own, /objects/own
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        -> human-monitor-command {"command-line": "xp /2wx 0x1000c"}
        <- "000000000001000c: 0x07070707 0x00000000\r\n"
        "#,
    )
}

#[test]
fn what_is_not_there_brings_what_is() -> Result<()> {
    let options =
        ["-M", "none", "-preconfig", "-S", "-device", "riscv.hart_array,id=cpus,num-harts=2"];
    let (_program, mut client) = Program::with_qmp(&options)?;
    client.execute("next-machine-phase", json!({}))?;
    let rows = [
        ("/machine/peripheral/cpu", "/machine/peripheral", "cpus"),
        ("/machine/unattachd", "/machine", "unattached"),
        ("cpus/harts[2]", "/machine/peripheral/cpus", "harts[1]"),
        ("nothing", "/machine/peripheral", "cpus"),
    ];
    for (path, parent, child) in rows {
        let answer = client.try_execute("qom-list", json!({ "path": path }))?;
        let data = &answer["error"]["data"];
        ensure!(data["parent"] == parent, "{path}: {answer}");
        let children = data["children"].as_array().cloned().unwrap_or_default();
        ensure!(children.contains(&json!(child)), "{path}: {answer}");
    }
    Ok(())
}
