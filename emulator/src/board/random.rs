//! Random boards for tests: out of commands of which some fail.

use qapi_runtime::{Decode, Mode, Path, Value};
use serde_json::json;

use super::{Board, Origin};
use crate::door::Command;
use crate::machines;
use crate::qapi::{DeviceMap, DeviceOptions, LintRule, LintWaiver, SysbusMmioMap};

/// Numbers that a seed decides (Marsaglia's xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = self.below(list.len().max(1) as u64);
        list.get(usize::try_from(index).unwrap_or(0))
    }
}

fn decode<T: Decode>(value: &Value) -> T {
    T::decode(value, &Path::ARGUMENTS, Mode::KEYVAL).unwrap()
}

/// An empty board.
pub(super) fn empty() -> Board {
    Board::new(machines::empty())
}

/// A board that so many commands have made.
pub(super) fn board(random: &mut Random, commands: usize) -> Board {
    (0..commands).fold(empty(), |board, _| step(random, &board))
}

/// The board after one command more; the same if that has failed.
pub(super) fn step(random: &mut Random, board: &Board) -> Board {
    let names: Vec<String> = board.devices().map(|device| device.name.to_string()).collect();
    let device = random.pick(&names).cloned().unwrap_or_default();
    let other = random.pick(&names).cloned().unwrap_or_default();
    let (name, arguments) = match random.below(13) {
        0..4 => ("device_add", new_device(random)),
        4..7 => ("sysbus-mmio-map", mapping(random, &device)),
        7..9 => ("qom-set", wire(random, board, &device)),
        9 => ("device_del", json!({ "id": device })),
        10 => (
            "device-map",
            json!({ "device": device, "parent": other, "addr": random.below(4) * 0x400 }),
        ),
        11 => ("qom-set", property(random, &device)),
        _ => ("board-lint-waive", waiver(random, &device)),
    };
    let command = Command::new(name, arguments.clone()).unwrap();
    let edited = board.edited(Origin::program(), command, |board| match name {
        "device_add" => {
            let mut options = decode::<DeviceOptions>(&arguments);
            crate::devices::cpu::complete(&mut options.driver, &board.machine);
            board.add(options).map(drop)
        }
        "device_del" => board.remove(&device).map(drop),
        "device-map" => board.map_named(&decode::<DeviceMap>(&arguments)),
        "board-lint-waive" => board.waive(&decode::<LintWaiver>(&arguments)),
        "sysbus-mmio-map" => board.map(&decode::<SysbusMmioMap>(&arguments)),
        _ => {
            let text = |key: &str| arguments[key].as_str().unwrap_or_default();
            let object = board.find(text("path"))?;
            board.set(&object, text("property"), &arguments["value"])
        }
    });
    edited.map_or_else(|_| board.clone(), |(board, ())| board)
}

fn new_device(random: &mut Random) -> Value {
    let mut device = match random.below(10) {
        8 => json!({ "driver": "riscv.sifive.clint", "num-harts": 1 + random.below(3) }),
        0 => json!({ "driver": "riscv.hart_array", "num-harts": 1 + random.below(3),
                     "hartid-base": random.below(12) }),
        1 | 2 => {
            json!({ "driver": "sysbus-memory", "size": 0x1000 << random.below(4),
                           "readonly": random.chance(3) })
        }
        3 => {
            json!({ "driver": "riscv.sifive.uart", "chardev": format!("serial{}", random.below(3)) })
        }
        4 => json!({ "driver": "serial-mm", "regshift": random.below(3) }),
        5 => json!({ "driver": "riscv.sifive.plic", "num-sources": 8 + random.below(3) }),
        6 => json!({ "driver": "riscv.aclint.mtimer", "timebase-freq": 10_000_000 }),
        7 => json!({ "driver": "unimplemented-device", "size": 0x1000, "name": "a, $b" }),
        _ => json!({ "driver": "loader", "addr": random.below(4) << 12, "data": random.below(256),
                     "data-len": 1 + random.below(8) }),
    };
    if device["driver"] == "sysbus-memory" || random.chance(2) {
        device["id"] = format!("d{}", random.below(30)).into();
    }
    device
}

fn mapping(random: &mut Random, device: &str) -> Value {
    let mut mapping = json!({ "device": device, "addr": random.below(24) << 11 });
    if random.chance(3) {
        mapping["priority"] = (random.below(3) as i64 - 1).into();
    }
    if random.chance(4) {
        mapping["alias"] = format!("view{}", random.below(3)).into();
        mapping["offset"] = (random.below(3) * 0x400).into();
        if random.chance(2) {
            mapping["size"] = (0x400 + random.below(2) * 0x400).into();
        }
    }
    mapping
}

fn wire(random: &mut Random, board: &Board, device: &str) -> Value {
    let inputs: Vec<String> = board
        .devices()
        .filter(|device| device.kind().as_str() == "riscv.sifive.plic")
        .map(|plic| format!("{}/unnamed-gpio-in[{}]", plic.name, random.below(8)))
        .chain(["harts[0]/mtip".to_string()])
        .collect();
    let output = ["sysbus-irq[0]", "unnamed-gpio-out[0]", "unnamed-gpio-out[1]"];
    let value = if random.chance(5) {
        String::new()
    } else {
        random.pick(&inputs).cloned().unwrap_or_default()
    };
    json!({ "path": device, "property": random.pick(&output).copied(), "value": value })
}

fn waiver(random: &mut Random, device: &str) -> Value {
    let rule = random.pick(LintRule::ALL).map(|rule| rule.as_str());
    let mut waiver = json!({ "rule": rule, "reason": format!("reason {}", random.below(2)) });
    let part = ["", "/sysbus-irq[0]", "/harts[1]"];
    if !random.chance(4) {
        let part = random.pick(&part).copied().unwrap_or_default();
        waiver["object"] = format!("{device}{part}").into();
    }
    waiver
}

fn property(random: &mut Random, device: &str) -> Value {
    let rows = [
        json!({ "path": device, "property": "chardev", "value": "serial1" }),
        json!({ "path": device, "property": "regshift", "value": 2 }),
        json!({ "path": device, "property": "size", "value": 0x2000 }),
        json!({ "path": device, "property": "resetvec", "value": 0x1000 }),
        json!({ "path": "/machine", "property": "append", "value": "console=ttyS0 'quiet'" }),
        json!({ "path": "/machine", "property": "kernel", "value": "a file.elf" }),
    ];
    random.pick(&rows).cloned().unwrap_or_default()
}
