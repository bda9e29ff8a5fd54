//! Names of things on the board: whole paths, and parts of one that fit one thing only.

use std::sync::Arc;

use qapi_runtime::{Map, QmpError, Value};

use super::{Board, Device, Object, PortRef, Property};
use crate::machines;

/// The most neighbours that an error lists.
const MOST_NAMES: usize = 20;

impl Board {
    /// The object at a path: `/machine/peripheral/uart`, or the end of one such as `uart`,
    /// `cpus/harts[0]`, `harts[0]`.
    ///
    /// # Errors
    /// There is none, or a partial path fits several.
    pub fn find(&self, path: &str) -> Result<Object, QmpError> {
        self.lookup(path)?.ok_or_else(|| self.not_found(path))
    }

    /// The same where it may be something else: to say what is there instead is a walk over the
    /// board.
    ///
    /// # Errors
    /// A partial path fits several.
    pub(super) fn lookup(&self, path: &str) -> Result<Option<Object>, QmpError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if path.starts_with('/') { Ok(self.walk(&parts)) } else { self.search(path, &parts) }
    }

    /// The device at a path.
    ///
    /// # Errors
    /// There is none, or the path leads to something else.
    pub fn find_device(&self, path: &str) -> Result<&Arc<Device>, QmpError> {
        // The usual case, an id, must not cost a walk over the board.
        if let Some(device) = self.device(path) {
            return Ok(device);
        }
        match self.find(path)? {
            Object::Device(device) => self.device(&device.name),
            _ => None,
        }
        .ok_or_else(|| self.not_found(path))
    }

    /// The port line at a path such as `plic/unnamed-gpio-in[3]` or
    /// `cpus/harts[0]/unnamed-gpio-in[11]`.
    ///
    /// # Errors
    /// There is no such object, or it has no such port; the message lists those it has.
    pub fn find_port(&self, path: &str) -> Result<PortRef, QmpError> {
        let Some((object, label)) = path.rsplit_once('/') else {
            return Err(QmpError::generic(format!(
                "'{path}' is no interrupt: expected DEVICE/PORT[N], such as plic/unnamed-gpio-in[3]"
            )));
        };
        let object = self.find(object)?;
        object.port(label).ok_or_else(|| {
            let ports: Vec<String> = object
                .ports()
                .iter()
                .map(|port| format!("{}[0..{}]", port.name, port.count.saturating_sub(1)))
                .collect();
            let has = if ports.is_empty() { "no ports".into() } else { ports.join(", ") };
            QmpError::generic(format!("Port '{label}' not found; '{}' has {has}", object.path()))
        })
    }

    fn walk(&self, parts: &[&str]) -> Option<Object> {
        match parts {
            [] => Some(Object::Root),
            ["machine"] => Some(Object::Machine),
            ["machine", "unattached"] => Some(Object::Unattached),
            ["machine", "unattached", "sysbus"] => Some(Object::SystemBus),
            // What QEMU calls the harts that a machine has of itself.
            ["machine", "unattached", child] => {
                let ("device", number) = split_index(child)? else { return None };
                Self::below(self.device(machines::OWN_HARTS)?, &[&format!("harts[{number}]")])
            }
            ["machine", "peripheral"] => Some(Object::Peripheral),
            ["machine", "peripheral-anon"] => Some(Object::PeripheralAnon),
            ["machine", home @ ("peripheral" | "peripheral-anon"), name, rest @ ..] => {
                let device = self.device(name)?;
                if device.named != (*home == "peripheral") {
                    return None;
                }
                Self::below(device, rest)
            }
            _ => None,
        }
    }

    fn below(device: &Arc<Device>, rest: &[&str]) -> Option<Object> {
        match rest {
            [] => Some(Object::Device(device.clone())),
            [unit] => {
                let (name, number) = split_index(unit)?;
                let units = device.driver().units()?;
                (units.names.contains(&name) && number < units.count)
                    .then(|| Object::Unit(device.clone(), number))
            }
            _ => None,
        }
    }

    fn search(&self, path: &str, parts: &[&str]) -> Result<Option<Object>, QmpError> {
        match parts {
            [] => return Ok(None),
            ["machine", ..] => return Ok(self.walk(parts)),
            ["peripheral" | "peripheral-anon" | "unattached", ..] => {
                let whole: Vec<&str> =
                    std::iter::once("machine").chain(parts.iter().copied()).collect();
                return Ok(self.walk(&whole));
            }
            [name, rest @ ..] => {
                if let Some(device) = self.device(name) {
                    return Ok(Self::below(device, rest));
                }
            }
        }
        let [unit] = parts else { return Ok(None) };
        let fits: Vec<Object> =
            self.devices().filter_map(|device| Self::below(device, &[unit])).collect();
        match fits.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            several => {
                let paths: Vec<String> = several.iter().map(Object::path).collect();
                Err(QmpError::generic(format!(
                    "Path '{path}' is ambiguous: it fits {}",
                    paths.join(", ")
                )))
            }
        }
    }

    /// Says that there is nothing at a path.
    pub(super) fn not_found(&self, path: &str) -> QmpError {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let whole = path.starts_with('/');
        let outer = (0..parts.len()).rev().find_map(|count| {
            let head = &parts[..count];
            let found =
                if whole { self.walk(head) } else { self.search(path, head).ok().flatten() };
            found.filter(|found| !matches!(found, Object::Root) || whole)
        });
        let outer = outer.unwrap_or(Object::Peripheral);
        let children = self.properties(&outer).into_iter().filter(Property::is_child);
        not_found(path, &outer.path(), children.map(|property| property.name).collect())
    }
}

/// Says that there is nothing at a path, and what is there instead, below the innermost part of
/// the path that exists.
pub(crate) fn not_found(path: &str, parent: &str, children: Vec<String>) -> QmpError {
    let wanted = path.rsplit('/').next().unwrap_or(path);
    let error = QmpError::device_not_found(format!("Device '{path}' not found"))
        .with_nearest(wanted, children.iter().map(String::as_str));
    let mut data = match &error.data {
        Some(Value::Object(nearest)) => nearest.clone(),
        _ => Map::new(),
    };
    data.insert("parent".into(), parent.into());
    data.insert("children".into(), children.into_iter().take(MOST_NAMES).collect());
    error.with_data(data)
}

/// `name[3]` as name and number.
pub(super) fn split_index(text: &str) -> Option<(&str, u32)> {
    let (name, number) = text.strip_suffix(']')?.split_once('[')?;
    Some((name, number.parse().ok()?))
}
