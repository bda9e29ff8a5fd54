//! What is built from a dump is the same board, whatever the board came from.

use std::ops::ControlFlow;

use qapi_runtime::{Decode, Encode, Mode, Path, Value};
use serde_json::json;

use crate::board::random::{Random, board, step};
use crate::board::{Board, Origin};
use crate::cli::script::{Line, Program};
use crate::door::{Command, Door, Startup};
use crate::edit::Draft;
use crate::phase::{Arrival, Stage};
use crate::qapi::{BoardDump, BoardDumpFormat, MachineType, Phase};

/// How many random boards are tried, unless the environment's `BOARDWRIGHT_BOARDS` says so.
const BOARDS: u64 = 40;

fn boards() -> u64 {
    let wanted = std::env::var("BOARDWRIGHT_BOARDS").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(BOARDS)
}

fn door() -> Door {
    let host = crate::backends::host::Host::closed().unwrap();
    Door::new(host, Startup::default())
}

fn machine(kind: MachineType) -> Board {
    let mut door = door();
    door.execute(&Command::new("machine-set", json!({ "type": kind.as_str() })).unwrap()).unwrap();
    door.advance(Phase::Initialized, Arrival::Be).unwrap();
    door.board().unwrap()
}

fn json_of(board: &Board) -> Value {
    board.dump(BoardDumpFormat::Json).unwrap().encode()
}

fn script_of(board: &Board) -> String {
    match board.dump(BoardDumpFormat::Script).unwrap() {
        BoardDump::Script(script) => script.text,
        other => panic!("{other:?}"),
    }
}

/// The board that a program with a board's options has; what has no option is no board here.
fn from_options(board: &Board) -> Option<Board> {
    let BoardDump::Options(options) = board.dump(BoardDumpFormat::Options).ok()? else {
        panic!("no options");
    };
    let given = crate::cli::parse(options.arguments).unwrap();
    let mut door = door();
    door.defer(given.devices);
    given.setup.iter().chain(&given.machine).for_each(|step| drop(door.perform(step).unwrap()));
    door.advance(Phase::Initialized, Arrival::Be).unwrap();
    Some(door.board().unwrap())
}

fn from_json(dump: &Value) -> Board {
    match BoardDump::decode(dump, &Path::ARGUMENTS, Mode::STRICT).unwrap() {
        BoardDump::Json(image) => Board::from_image(&image, |_| Origin::program()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn from_script(text: &str) -> Board {
    let mut door = door();
    walk(&mut door, text);
    door.board().unwrap()
}

fn walk(door: &mut Door, text: &str) {
    let program = Program::parse("dump".as_ref(), text.into()).unwrap();
    let mut step = |line: &Line| {
        door.perform(&line.step()).map_err(|error| error.desc)?;
        Ok(ControlFlow::Continue(()))
    };
    program.walk(&[], &|_| Err("no files".into()), &mut step).unwrap();
}

/// Whether both forms lead to the same board, and to the same form again.
fn check(name: &str, board: &Board) {
    let (dump, script) = (json_of(board), script_of(board));
    let built = [from_json(&dump), from_script(&script)];
    for again in built.into_iter().chain(from_options(board)) {
        assert_eq!(json_of(&again), dump, "{name}");
        assert_eq!(script_of(&again), script, "{name}");
        assert_eq!(again.view_by_label(), board.view_by_label(), "{name}");
        let diff = board.diff(&again).unwrap();
        assert!(diff.is_empty(), "{name}: {diff:?}");
    }
}

impl Board {
    /// What harts see, by what devices are called in dumps.
    fn view_by_label(&self) -> Vec<(u64, u64, String, u64)> {
        let (_, labels) = super::Normal::with_names(self);
        let view = self.view();
        let seen = view.spans.iter().map(|span| {
            let mapping = &view.mappings[span.mapping];
            let offset = mapping.offset + (span.first - mapping.addr);
            (span.first, span.last, labels[&mapping.device].to_string(), offset)
        });
        seen.collect()
    }
}

#[test]
fn every_machine() {
    for kind in MachineType::ALL {
        check(kind.as_str(), &machine(*kind));
    }
}

#[test]
fn random_boards() {
    for seed in 0..boards() {
        let board = board(&mut Random::new(seed), 60);
        check(&format!("seed {seed}"), &board);
    }
}

/// The patch, executed as a client would, makes the one into the other.
#[test]
fn patches_of_random_boards() {
    for seed in 0..boards() {
        let mut random = Random::new(seed + 1000);
        let first = board(&mut random, 30);
        let other = match seed % 2 {
            0 => board(&mut random, 30),
            _ => (0..8).fold(first.clone(), |board, _| step(&mut random, &board)),
        };
        let diff = first.diff(&other).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut door = door();
        door.stage = Stage::Initialized(Draft::new(first));
        door.transact(&diff.patch).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(
            script_of(&door.board().unwrap()),
            script_of(&other),
            "seed {seed}: {:?}",
            diff.patch
        );
    }
}

#[test]
fn the_order_of_independent_commands_does_not_show() {
    let commands = [
        r"device_add driver=sysbus-memory id=b size=4KiB",
        r"device_add driver=sysbus-memory id=a size=0x1000 readonly=false",
        r"device_add driver=riscv.sifive.uart id=u1 chardev=serial1",
        r"device_add driver=riscv.sifive.uart id=u0 chardev=serial0",
        r"device_add driver=riscv.sifive.plic id=plic",
    ];
    let after = "sysbus-mmio-map device=b addr=0x2000\nsysbus-mmio-map device=a addr=0x1000\nqom-set path=u1 property=sysbus-irq[0] value=plic/unnamed-gpio-in[3]\n";
    let script = |commands: &mut dyn Iterator<Item = &&str>| {
        let devices: String = commands.map(|line| format!("{line}\n")).collect();
        format!(
            "machine-set type=none append='a, $b \"c\" \\\\ # d'\nset-machine-phase phase=initialized\n{devices}{after}"
        )
    };
    let one = from_script(&script(&mut commands.iter()));
    let other = from_script(&script(&mut commands.iter().rev()));
    check("in order", &one);
    assert_eq!(script_of(&one), script_of(&other));
}

/// A board of `none` that commands have made.
fn none(commands: &str) -> Board {
    from_script(&format!("machine-set type=none\nset-machine-phase phase=initialized\n{commands}"))
}

#[test]
fn waivers_are_part_of_a_board() {
    const UARTS: &str = "device_add driver=riscv.sifive.uart id=u\n\
        device_add driver=riscv.sifive.uart\ndevice_add driver=riscv.sifive.uart\n";
    const LATER: &str = "riscv.sifive.uart[1]";
    let waived = |object: &str| {
        let waiver = "board-lint-waive rule=region-unmapped reason='not yet'";
        let object = if object.is_empty() { String::new() } else { format!(" object='{object}'") };
        format!("{waiver}{object}\n")
    };
    let plain = none(UARTS);
    for object in ["", "u", "/machine/peripheral/u", "u/sysbus-irq[0]", LATER] {
        let board = none(&format!("{UARTS}{}", waived(object)));
        check(object, &board);
        assert!(script_of(&board).contains("rule=region-unmapped"), "{}", script_of(&board));
        let diff = plain.diff(&board).unwrap();
        assert_eq!(diff.waivers.len(), 1, "{object}");
        assert_eq!(diff.patch.len(), 1, "{object}: {:?}", diff.patch);
        let back = board.diff(&plain).unwrap();
        assert_eq!(back.patch[0].command, "board-lint-unwaive", "{object}");
    }
    // The second of two that have no id comes first by address, so it is called like the first.
    let places = "device_add driver=unimplemented-device name=x size=4KiB\n".repeat(2);
    let map = "sysbus-mmio-map device='unimplemented-device[1]' addr=0\n";
    let board = none(&format!("{places}{map}{}", waived("unimplemented-device[1]")));
    check("moved", &board);
    let script = script_of(&board);
    assert!(script.contains("object=/machine/peripheral-anon/unimplemented-device[0]"), "{script}");
    // What a waiver is about may go.
    let board = none(&format!("{UARTS}{}device_del id=u\n", waived("u")));
    check("gone", &board);
    assert!(!script_of(&board).contains("region-unmapped"));
}

/// Commands, and what of a host its devices name.
const MEMORY: &str = "object-add qom-type=memory-backend-file id=m size=64KiB mem-path=/nowhere/a\n\
    device_add driver=sysbus-memory id=ram memdev=m\nsysbus-mmio-map device=ram addr=0x80000000\n";
const DISK: &str = "object-add qom-type=rng-random id=r filename=/nowhere/b\n\
    blockdev-add driver=file node-name=f filename=/nowhere/c\n\
    blockdev-add driver=raw node-name=d file=f\n\
    netdev_add type=user id=n hostfwd=[{\"str\": \"tcp::7000-:22\"}]\n\
    x-chardev-add backend=socket id=c path=/nowhere/d server=true wait=false\n\
    chardev-add id=e backend={\"type\": \"file\", \"data\": {\"out\": \"/nowhere/e\"}}\n\
    device_add driver=virtio-mmio id=t0\ndevice_add driver=virtio-mmio id=t1\n\
    device_add driver=virtio-mmio id=t2\n\
    device_add driver=virtio-rng-device id=rng rng=r bus=t0\n\
    device_add driver=virtio-blk-device id=blk drive=d bus=t1\n\
    device_add driver=virtio-net-device id=net netdev=n bus=t2\n\
    device_add driver=riscv.sifive.uart id=u chardev=c\n\
    device_add driver=riscv.sifive.uart id=v chardev=e\n\
    device_add driver=riscv.sifive.uart id=w chardev=serial0\n";

#[test]
fn what_devices_name_is_dumped_with_them() {
    for commands in [MEMORY, DISK] {
        let unused = "object-add qom-type=rng-builtin id=unused\nnetdev_add type=user id=idle\n";
        let board = none(&format!("{unused}{commands}"));
        check(commands, &board);
        let script = script_of(&board);
        assert!(!script.contains("unused") && !script.contains("idle"), "{script}");
        assert!(!script.contains("add id=serial0"), "{script}");
        for name in ["a", "b", "c", "d", "e"].map(|name| format!("/nowhere/{name}")) {
            assert_eq!(script.contains(&name), commands.contains(&name), "{name}: {script}");
        }
        let hart = "device_add driver=riscv.hart_array id=cpus\n";
        let board = none(&format!("{hart}{commands}"));
        let tree = crate::board::export::as_file(&board).unwrap();
        let again = crate::board::import::import(&tree, &crate::machines::empty()).unwrap();
        let lines: Vec<String> = again.commands().map(|(_, one)| one.label()).collect();
        let object = if commands == MEMORY { "object-add m" } else { "object-add r" };
        assert!(lines.iter().any(|line| line == object), "{lines:?}");
    }
}

/// Objects decide what harts see, and are compared; where this host leads to is not.
#[test]
fn objects_are_compared_and_back_ends_are_not() {
    let path = |commands: &str, old: &str| commands.replace(old, "/elsewhere");
    let (memory, disk) = (none(MEMORY), none(DISK));
    assert!(disk.diff(&none(&path(DISK, "/nowhere/c"))).unwrap().is_empty());
    for (before, after) in [
        (&memory, none(&path(MEMORY, "/nowhere/a"))),
        (&disk, none(&path(DISK, "/nowhere/b"))),
        (&none(""), memory.clone()),
        (&memory, none("")),
        (&memory, none(&MEMORY.replace("64KiB", "4KiB"))),
    ] {
        let diff = before.diff(&after).unwrap();
        assert_eq!(diff.objects.len(), 1, "{diff:?}");
        let text = script_of(before);
        let (_, commands) = text.split_once("phase=initialized\n").unwrap();
        let mut door = door();
        let start =
            format!("machine-set type=none\nset-machine-phase phase=initialized\n{commands}");
        walk(&mut door, &start);
        let dry = door.rehearse(&diff.patch).unwrap();
        assert_eq!(dry.objects, diff.objects);
        assert_eq!(script_of(&door.board().unwrap()), text, "a rehearsal leaves nothing");
        door.transact(&diff.patch).unwrap_or_else(|error| panic!("{error}: {:?}", diff.patch));
        assert!(door.board().unwrap().diff(&after).unwrap().is_empty(), "{:?}", diff.patch);
    }
}
