//! What holds for the drawing of any board, and what hostile names come to.

use std::collections::HashSet;

use qapi_runtime::{Decode, Mode, Path, Value};
use serde_json::json;

use super::Drawing;
use super::figure::{Figure, Item, Rect, Shape};
use crate::board::{Board, Name, PortRef};
use crate::devices::PortDirection;
use crate::qapi::{DeviceMap, DeviceOptions, MachineOptions, SysbusMmioMap};

fn decode<T: Decode>(value: &Value) -> T {
    T::decode(value, &Path::ARGUMENTS, Mode::STRICT).unwrap()
}

pub(super) fn empty() -> Board {
    Board::new(decode::<MachineOptions>(&json!({ "type": "none" })))
}

pub(super) fn add(board: &mut Board, options: &Value) {
    board.add(decode::<DeviceOptions>(options)).unwrap();
}

pub(super) fn map(board: &mut Board, request: &Value) -> bool {
    board.map(&decode::<SysbusMmioMap>(request)).is_ok()
}

/// Maps a region into one of another device.
pub(super) fn nest(board: &mut Board, request: &Value) -> bool {
    board.map_named(&decode::<DeviceMap>(request)).is_ok()
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A board of anything anywhere: overlaps, aliases, wires from any output to any input.
fn random(seed: u64) -> Board {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
    let mut board = empty();
    let mut hartid = 0;
    for number in 0..dice.below(60) {
        let id = format!("{}{number}", "n".repeat(1 + dice.below(30) as usize));
        let size = 1_u64 << dice.below(40);
        let harts = 1 + dice.below(9);
        let options = match dice.below(8) {
            0 => {
                json!({ "driver": "riscv.hart_array", "id": id, "num-harts": harts, "hartid-base": hartid })
            }
            1 => {
                json!({ "driver": "sysbus-memory", "id": id, "size": size, "readonly": dice.below(2) == 0 })
            }
            2 => {
                json!({ "driver": "riscv.sifive.plic", "id": id, "hart-config": vec!["MS"; harts as usize].join(",") })
            }
            3 => json!({ "driver": "riscv.aclint.swi", "num-harts": harts }),
            4 => json!({ "driver": "unimplemented-device", "name": "<&>", "size": size }),
            5 => json!({ "driver": "loader", "addr": 0, "data": 1, "data-len": 4 }),
            6 => json!({ "driver": "serial-mm", "id": id }),
            _ => json!({ "driver": "riscv.sifive.uart", "id": id }),
        };
        hartid += harts;
        add(&mut board, &options);
        let device = board.devices().last().unwrap().name.to_string();
        if dice.below(4) > 0 {
            let bits = 12 + dice.below(40);
            let addr = dice.below(1 << bits);
            let priority = dice.below(3);
            map(&mut board, &json!({ "device": device, "addr": addr, "priority": priority }));
            if dice.below(4) == 0 {
                map(&mut board, &json!({ "device": device, "addr": addr * 3, "alias": "again" }));
            }
        }
    }
    let inputs = lines(&board, PortDirection::Input);
    for output in lines(&board, PortDirection::Output) {
        if !inputs.is_empty() && dice.below(3) > 0 {
            // An input that is taken refuses, and that is as good.
            let _ = board.connect(&output, &inputs[dice.below(inputs.len() as u64) as usize]);
        }
    }
    board
}

fn lines(board: &Board, direction: PortDirection) -> Vec<PortRef> {
    let mut found = Vec::new();
    for device in board.devices() {
        for unit in 0..device.driver().units().map_or(1, |units| units.count) {
            for (port, declared) in (0_u32..).zip(device.driver().ports()) {
                if declared.direction == direction {
                    let port = |line| PortRef { device: device.name.clone(), unit, port, line };
                    found.extend((0..declared.count.min(12)).map(port));
                }
            }
        }
    }
    found
}

fn items(figure: &Figure) -> impl Iterator<Item = &Item> {
    figure.shapes.iter().filter_map(|shape| match shape {
        Shape::Item(item) => Some(item),
        _ => None,
    })
}

/// Every text of a figure, with its place.
fn texts(shapes: &[Shape]) -> Vec<(String, Rect)> {
    let mut found = Vec::new();
    for shape in shapes {
        match shape {
            Shape::Text { text, .. } => found.push((text.clone(), shape.bounds())),
            Shape::Item(item) => found.extend(texts(&item.shapes)),
            _ => {}
        }
    }
    found
}

/// What an item is drawn in: the first of its boxes.
fn frame(item: &Item) -> Option<Rect> {
    item.shapes.iter().find_map(|shape| match shape {
        Shape::Box { rect, .. } => Some(*rect),
        _ => None,
    })
}

fn check(board: &Board, about: &str) {
    let drawing = Drawing::new(board, "any");
    for (name, figure) in drawing.parts() {
        let about = format!("{about}, {name}");
        let all = Rect::new(0, 0, figure.width, figure.height);
        let words = texts(&figure.shapes);
        for (index, (text, place)) in words.iter().enumerate() {
            assert!(all.contains(place), "{about}: {text:?} at {place:?} is outside {all:?}");
            let other = words[..index].iter().find(|(_, other)| other.meets(place));
            assert!(other.is_none(), "{about}: {text:?} at {place:?} is over {other:?}");
        }
        let frames: Vec<Rect> = items(figure).filter_map(frame).collect();
        for (index, place) in frames.iter().enumerate() {
            assert!(all.contains(place), "{about}: {place:?} is outside {all:?}");
            let other = frames[..index].iter().find(|other| other.meets(place));
            assert!(other.is_none(), "{about}: {place:?} is over {other:?}");
        }
        for item in items(figure) {
            let Some(frame) = frame(item) else { continue };
            for (text, place) in texts(&item.shapes) {
                assert!(frame.contains(&place), "{about}: {text:?} leaves its box {frame:?}");
            }
        }
    }
    everybody_is_there(board, &drawing, about);
    assert_eq!(drawing.svg(), Drawing::new(board, "any").svg(), "{about}");
    assert_eq!(drawing.page(), Drawing::new(board, "any").page(), "{about}");
}

fn everybody_is_there(board: &Board, drawing: &Drawing<'_>, about: &str) {
    let [(_, memory), (_, harts), (_, interrupts), (_, buses), (_, reset)] = drawing.parts();
    let shown = |figure: &Figure, number: u32| {
        items(figure).any(|item| !item.wire && item.devices.contains(&number))
    };
    let view = board.view();
    let seen: HashSet<&Name> =
        view.spans.iter().map(|span| &view.mappings[span.mapping].device).collect();
    for (number, device) in (0_u32..).zip(board.devices()) {
        let driver = device.driver();
        let wanted = [
            (reset, true),
            (buses, board.seat(device).is_some()),
            (harts, driver.units().is_some()),
            (interrupts, driver.ports().iter().any(|port| port.count > 0)),
        ];
        for (figure, wanted) in wanted {
            assert_eq!(shown(figure, number), wanted, "{about}: {}", device.name);
        }
        // What lies under more than three others is counted, not named.
        let seen = seen.contains(&device.name);
        let unmapped = !driver.regions().is_empty() && board.address_of(&device.name, 0).is_none();
        assert!(shown(memory, number) || !(seen || unmapped), "{about}: {}", device.name);
    }
    let wires: usize = items(interrupts).filter(|item| item.wire).count();
    assert_eq!(wires > 0, board.wires().next().is_some(), "{about}");
}

/// A board with buses of every kind.
fn buses() -> Board {
    let mut board = empty();
    for options in [
        json!({ "driver": "virtio-mmio", "id": "slot" }),
        json!({ "driver": "virtio-rng", "bus": "slot" }),
        json!({ "driver": "sifive.spi", "id": "spi" }),
        json!({ "driver": "spi-nor", "bus": "spi" }),
        json!({ "driver": "gpex-pcihost", "id": "pci" }),
        json!({ "driver": "pcie-root-port", "id": "a-port-with-a-rather-long-name" }),
        json!({ "driver": "virtio-rng", "bus": "a-port-with-a-rather-long-name" }),
    ] {
        add(&mut board, &options);
    }
    (0..20).for_each(|_| add(&mut board, &json!({ "driver": "virtio-rng" })));
    board
}

#[test]
fn nothing_is_lost_or_over_something_else() {
    check(&empty(), "an empty board");
    check(&buses(), "buses");
    for seed in 0..25 {
        check(&random(seed), &format!("board {seed}"));
    }
}

/// A board of so many equal devices.
fn uarts(count: u32) -> Board {
    let mut board = empty();
    add(&mut board, &json!({ "driver": "riscv.hart_array", "id": "cpus" }));
    add(&mut board, &json!({ "driver": "riscv.sifive.plic", "id": "plic", "num-sources": 1024 }));
    map(&mut board, &json!({ "device": "plic", "addr": 0x0c00_0000 }));
    for number in 0..count {
        let id = format!("uart{number}");
        add(&mut board, &json!({ "driver": "riscv.sifive.uart", "id": id }));
        map(&mut board, &json!({ "device": id, "addr": 0x1000_0000 + number * 0x1000 }));
        let output = board.find_port(&format!("{id}/sysbus-irq[0]")).unwrap();
        let input = board.find_port(&format!("plic/unnamed-gpio-in[{}]", number + 1)).unwrap();
        board.connect(&output, &input).unwrap();
    }
    board
}

#[test]
fn many_equal_devices_take_no_more_room_than_a_few() {
    let (few, many) = (uarts(8), uarts(1000));
    check(&many, "1,000 devices");
    let (few, many) = (Drawing::new(&few, ""), Drawing::new(&many, ""));
    for ((name, few), (_, many)) in few.parts().iter().zip(many.parts()) {
        assert_eq!(few.height, many.height, "{name}");
        assert!(many.shapes.len() <= few.shapes.len(), "{name}");
    }
    assert!(many.svg().contains("uart0 … uart999"));
    assert!(many.svg().contains("in[1–1000]"));
}

#[test]
fn hostile_names_stay_text() {
    const NAME: &str = "</text><script>alert(1)</script>\"'&\u{202e}\u{1}漢字";
    let mut board = empty();
    let stub = json!({ "driver": "unimplemented-device", "name": NAME, "size": 4096 });
    add(&mut board, &stub);
    map(&mut board, &json!({ "device": "unimplemented-device[0]", "addr": 0x1000 }));
    check(&board, "a hostile name");
    let drawing = Drawing::new(&board, NAME);
    let own = |document: &str| document.matches("<script").count();
    assert_eq!(own(&drawing.svg()), 0);
    assert_eq!(own(&drawing.page()), 2, "those of the page itself");
    for document in [drawing.svg(), drawing.page()] {
        assert!(!document.contains(['\u{202e}', '\u{1}']));
        assert!(document.contains("&lt;/text&gt;&lt;script&gt;"));
    }
    // The name reaches the page's script whole, apart from what cannot be shown.
    assert!(
        drawing.page().contains(
            "\\u003c/text>\\u003cscript>alert(1)\\u003c/script>\\\"'&\u{fffd}\u{fffd}漢字"
        )
    );
}

#[test]
fn nothing_comes_from_elsewhere() {
    let board = uarts(3);
    let drawing = Drawing::new(&board, "");
    for document in [drawing.svg(), drawing.page()] {
        let namespace = document.replace("http://www.w3.org/2000/svg", "");
        for outside in ["://", "src=", "href", "url(", "@import"] {
            assert!(!namespace.contains(outside), "{outside}");
        }
    }
}
