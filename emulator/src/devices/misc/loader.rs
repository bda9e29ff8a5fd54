//! `loader`: puts a file or a number into memory before the harts start, and can say where one of
//! them starts.

use std::path::Path;
use std::sync::Arc;

use qapi_runtime::QmpError;

use crate::boot::{Facts, Image, Loaded};
use crate::devices::{Built, Defaults, Driver, Passive, Start};
use crate::machine::Site;
use crate::qapi::LoaderProperties;

impl Defaults for LoaderProperties {
    fn defaults() -> Self {
        Self {
            file: None,
            addr: None,
            cpu_num: None,
            force_raw: Some(false),
            data: None,
            data_len: None,
            data_be: Some(false),
        }
    }
}

/// What the properties ask for.
enum Load<'a> {
    File {
        path: &'a Path,
        addr: u64,
        raw: bool,
    },
    Data {
        addr: u64,
        bytes: Vec<u8>,
    },
    /// Only a start address for a hart.
    Start(u64),
}

fn load(properties: &LoaderProperties) -> Result<Load<'_>, QmpError> {
    let error = |text: &str| Err(QmpError::generic(text));
    match (&properties.file, properties.data, properties.data_len) {
        (Some(_), Some(_), _) => error("Specifying data is not supported with a file"),
        (Some(_), _, Some(_)) => error("Specifying data-len is not supported with a file"),
        (Some(path), None, None) => Ok(Load::File {
            path: Path::new(path),
            addr: properties.addr.unwrap_or(0),
            raw: properties.force_raw.unwrap_or(false),
        }),
        (None, Some(data), Some(len @ 1..=8)) => {
            let Some(addr) = properties.addr else {
                return error("Parameter 'addr' is missing: where does 'data' go?");
            };
            let len = usize::from(len);
            let mut bytes = data.to_le_bytes();
            if bytes.iter().skip(len).any(|byte| *byte != 0) {
                return error("Parameter 'data' does not fit into 'data-len' bytes");
            }
            let bytes = bytes.get_mut(..len).unwrap_or_default();
            if properties.data_be.unwrap_or(false) {
                bytes.reverse();
            }
            Ok(Load::Data { addr, bytes: bytes.to_vec() })
        }
        (None, Some(_), _) => error("Parameter 'data-len' expects a number from 1 to 8"),
        (None, None, Some(_)) => error("Parameter 'data' is missing"),
        (None, None, None) => match (properties.addr, properties.cpu_num) {
            (Some(addr), Some(_)) => Ok(Load::Start(addr)),
            _ => error(
                "Please include valid arguments: 'file', or 'data' with 'data-len' and 'addr', or 'addr' with 'cpu-num'",
            ),
        },
    }
}

impl Driver for LoaderProperties {
    fn check(&self) -> Result<(), QmpError> {
        // Read here so that a missing or broken file fails the command that names it.
        match load(self)? {
            Load::File { path, addr, raw } => Loaded::read(path, addr, raw).map(|_| ())?,
            Load::Data { .. } | Load::Start(_) => {}
        }
        Ok(())
    }

    fn start(&self) -> Result<Option<Start>, QmpError> {
        let Some(hart) = self.cpu_num else { return Ok(None) };
        let source = self.file.clone().unwrap_or_default();
        Ok(Some(match load(self)? {
            Load::File { path, addr, raw } => {
                let loaded = Loaded::read(path, addr, raw)?;
                let pc = loaded.entry.unwrap_or(addr);
                Start { hart, pc, width: loaded.width, source }
            }
            Load::Start(pc) | Load::Data { addr: pc, .. } => {
                Start { hart, pc, width: None, source }
            }
        }))
    }

    fn software(&self) -> Result<Option<Facts>, QmpError> {
        Ok(match load(self)? {
            Load::File { path, addr, raw } => Some(Facts::read(path, addr, raw)?),
            Load::Data { addr, bytes } => Some(Facts::data(addr, bytes.len() as u64)),
            Load::Start(_) => None,
        })
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn build(&self, _site: &Site<'_>) -> Result<Built, QmpError> {
        let images = match load(self)? {
            Load::File { path, addr, raw } => Loaded::read(path, addr, raw)?.images,
            Load::Data { addr, bytes } => vec![Image { source: "loader data".into(), addr, bytes }],
            Load::Start(_) => Vec::new(),
        };
        Ok(Built { images, ..Built::device(Arc::new(Passive)) })
    }
}
