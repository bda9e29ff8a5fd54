//! The page: the figures, and what they are about as data that its script shows when it is asked.
//!
//! Ids, names and commands are whatever somebody typed. Outside the data they are escaped as text;
//! in the data they are JSON without a `<`, which the script only ever puts into text nodes.

use qapi_runtime::{Map, Value};
use serde_json::json;

use super::scene::{self, Scene};
use super::{Drawing, STYLE, cpus, journal, legend, svg, text};
use crate::board::Device;
use crate::board::object::options_object;
use crate::devices;

const TEMPLATE: &str = include_str!("assets/page.html");
const PAGE_STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

/// Up to here, scripts in a browser know whole numbers exactly.
const EXACT: u64 = 1 << 53;

/// Writes the page.
pub(super) fn write(drawing: &Drawing<'_>) -> String {
    let mut page = String::new();
    // One pass: what is filled in is not looked at again.
    for (index, part) in TEMPLATE.split("%%").enumerate() {
        if index % 2 == 0 {
            page.push_str(part);
        } else {
            fill(&mut page, drawing, part);
        }
    }
    page
}

fn fill(page: &mut String, drawing: &Drawing<'_>, name: &str) {
    match name {
        "title" => page.push_str(&svg::escape(&drawing.title)),
        "summary" => page.push_str(&svg::escape(&drawing.summary)),
        "figure-style" => page.push_str(STYLE),
        "page-style" => page.push_str(PAGE_STYLE),
        "script" => page.push_str(SCRIPT),
        "data" => page.push_str(&data(&drawing.scene).to_string().replace('<', "\\u003c")),
        "legend" => {
            let figures = drawing.parts().map(|(_, figure)| figure);
            embed(page, "Legend", &legend::figure(&figures, 560));
        }
        part => {
            if let Some((name, figure)) = drawing.parts().iter().find(|(name, _)| *name == part) {
                embed(page, name, figure);
            }
        }
    }
}

fn embed(page: &mut String, name: &str, figure: &super::Figure) {
    let (width, height) = (figure.width + 1, figure.height + 1);
    page.push_str(&format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"group\" aria-label=\"{name}\">\n"
    ));
    svg::write(page, figure);
    page.push_str("</svg>");
}

/// What the script knows of the board.
fn data(scene: &Scene<'_>) -> Value {
    let numbered = (0_u32..).zip(&scene.devices);
    let devices: Vec<Value> = numbered.map(|(_, device)| describe(scene, device)).collect();
    let mut drivers = Map::new();
    for device in &scene.devices {
        let kind = device.kind();
        if !drivers.contains_key(kind.as_str()) {
            drivers.insert(kind.to_string(), simple(devices::defaults(kind)));
        }
    }
    let (entries, origins) = journal::told(scene.board);
    clean(json!({
        "drivers": drivers,
        "devices": devices,
        "journal": entries,
        "origins": origins,
        "findings": scene.findings.told(),
    }))
}

/// A device: name, driver, given properties, mappings, outputs and what else there is to tell.
fn describe(scene: &Scene<'_>, device: &Device) -> Value {
    let mut given = options_object(device);
    given.remove("driver");
    let regions = device.driver().regions();
    let mappings = scene.mappings_of(device).map(|mapping| {
        let region = regions.get(mapping.region as usize);
        json!([
            region.map_or("", |region| region.name.as_str()),
            text::address(mapping.addr),
            text::address(mapping.last()),
            text::bytes(mapping.size.into()),
            region.map_or("", |region| scene::region_class(device, region.kind)),
            mapping.alias,
        ])
    });
    let mappings: Vec<Value> = mappings.collect();
    let wires = scene.board.wires_from(device);
    let wires = wires.iter().map(|(from, to)| {
        json!([scene.port(from), scene.number(&to.device), scene.owner(to), scene.port(to)])
    });
    let wires: Vec<Value> = wires.collect();
    let mut told = json!({ "name": device.name.as_ref(), "driver": device.kind().as_str() });
    for (key, value) in [
        ("given", simple(Value::Object(given))),
        ("mappings", mappings.into()),
        ("wires", wires.into()),
        ("facts", cpus::facts(device)),
        ("entries", journal::makers(scene.board, device).into()),
    ] {
        let empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if !empty {
            told[key] = value;
        }
    }
    told
}

/// Numbers that a browser would round become texts.
fn simple(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|n| n > EXACT) => {
            format!("{:#x}", number.as_u64().unwrap_or(0)).into()
        }
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| (key, simple(value))).collect())
        }
        Value::Array(array) => array.into_iter().map(simple).collect(),
        other => other,
    }
}

/// No text can turn the direction of those around it.
fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => text::clean(&text).into(),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| (key, clean(value))).collect())
        }
        Value::Array(array) => array.into_iter().map(clean).collect(),
        other => other,
    }
}
