//! `qapi/char.json`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use qapi_runtime::{Encode, QmpError};

use crate::backends::char::{
    CharConfig, CharError, Chardev, FileConfig, MuxConfig, SocketAddress, SocketConfig, StdioConfig,
};
use crate::backends::recipes::BackendKind;
use crate::door::{Door, Inbox};
use crate::qapi::{
    CharCommands, ChardevAdd, ChardevBackend, ChardevBackendInfo, ChardevBackendType,
    ChardevFileWrapper, ChardevInfo, ChardevMuxWrapper, ChardevOptions, ChardevOptionsBackend,
    ChardevPtyWrapper, ChardevRemove, ChardevReturn, ChardevRingbuf, ChardevRingbufWrapper,
    ChardevSocketOptions, ChardevSocketWrapper, ChardevStdioOptions, ChardevStdioWrapper,
    DataFormat, FdSocketAddressWrapper, InetSocketAddressWrapper, MonitorMode, RingbufRead,
    RingbufWrite, ShutdownCause, SocketAddressLegacy, UnixSocketAddressWrapper, XMonitorAdd,
};
use crate::qmp::{Capability, Monitor, SessionConfig};

/// Ctrl-A.
const ESCAPE: u8 = 1;
/// The size of a ring buffer for which none is given, in bytes.
const RING_SIZE: u64 = 0x1_0000;
/// The address of TCP sockets for which none is given: nobody else's.
const LOOPBACK: &str = "127.0.0.1";
/// What a human monitor begins with.
fn banner() -> String {
    let (major, minor, micro) = crate::QEMU_VERSION;
    format!("QEMU {major}.{minor}.{micro} monitor - type 'help' for more information")
}

fn failed(error: CharError) -> QmpError {
    QmpError::generic(error.to_string())
}

fn socket(options: ChardevSocketOptions) -> Result<CharConfig, QmpError> {
    let address = match (options.path, options.host, options.port) {
        (Some(path), None, None) => SocketAddress::Unix(path.into()),
        (None, host, Some(port)) => {
            SocketAddress::Tcp { host: host.unwrap_or_else(|| LOOPBACK.into()), port }
        }
        (Some(_), ..) => {
            return Err(QmpError::generic(
                "A socket has either 'path' or 'host' and 'port', not both",
            ));
        }
        (None, _, None) => {
            return Err(QmpError::generic("A socket needs 'path' (unix) or 'port' (TCP)"));
        }
    };
    let server = options.server.unwrap_or(false);
    let wait = server && options.wait.unwrap_or(false);
    Ok(CharConfig::Socket(SocketConfig { address, server, wait, reconnect: None }))
}

fn stdio(options: ChardevStdioOptions) -> CharConfig {
    CharConfig::Stdio(StdioConfig { signal: options.signal.unwrap_or(true) })
}

fn file(path: String, append: Option<bool>) -> CharConfig {
    CharConfig::File(FileConfig { path: path.into(), append: append.unwrap_or(false) })
}

fn ringbuf(options: ChardevRingbuf) -> CharConfig {
    let size = options.size.unwrap_or(RING_SIZE);
    CharConfig::Ringbuf { size: usize::try_from(size).unwrap_or(usize::MAX) }
}

/// What a back end is made from in QEMU's form; a mux is made from another back end.
fn config(backend: ChardevBackend) -> Result<CharConfig, QmpError> {
    Ok(match backend {
        ChardevBackend::Null(_) | ChardevBackend::Mux(_) => CharConfig::Null,
        ChardevBackend::Stdio(ChardevStdioWrapper { data }) => stdio(data),
        ChardevBackend::Pty(ChardevPtyWrapper { data }) => {
            CharConfig::Pty { path: data.path.map(Into::into) }
        }
        ChardevBackend::File(ChardevFileWrapper { data }) => file(data.out, data.append),
        ChardevBackend::Ringbuf(ChardevRingbufWrapper { data })
        | ChardevBackend::Memory(ChardevRingbufWrapper { data }) => ringbuf(data),
        ChardevBackend::Socket(ChardevSocketWrapper { data }) => {
            let server = data.server.unwrap_or(true);
            let reconnect = data.reconnect.filter(|seconds| *seconds > 0);
            for (given, option) in [
                (data.wait.is_some() && !server, "wait"),
                (reconnect.is_some() && server, "reconnect"),
            ] {
                if given {
                    let state = if server { "listen" } else { "connect" };
                    return Err(failed(CharError::Incompatible { option, state }));
                }
            }
            CharConfig::Socket(SocketConfig {
                address: address(data.addr)?,
                server,
                wait: server && data.wait.unwrap_or(false),
                reconnect: reconnect.map(|seconds| Duration::from_secs(seconds.into())),
            })
        }
    })
}

fn address(address: SocketAddressLegacy) -> Result<SocketAddress, QmpError> {
    let number = |text: &str, what: &str| {
        QmpError::generic(format!("Parameter '{what}' expects a number, not '{text}'"))
    };
    Ok(match address {
        SocketAddressLegacy::Unix(UnixSocketAddressWrapper { data }) => {
            SocketAddress::Unix(data.path.into())
        }
        SocketAddressLegacy::Inet(InetSocketAddressWrapper { data }) => {
            let port = data.port.parse().map_err(|_| number(&data.port, "port"))?;
            let host = if data.host.is_empty() { LOOPBACK.into() } else { data.host };
            SocketAddress::Tcp { host, port }
        }
        SocketAddressLegacy::Fd(FdSocketAddressWrapper { data }) => {
            SocketAddress::Fd(data.str.parse().map_err(|_| number(&data.str, "str"))?)
        }
    })
}

impl Door {
    fn check_chardev_id(&self, id: &str) -> Result<(), QmpError> {
        match self.host.chardevs.get(id) {
            Some(_) => Err(QmpError::generic(format!("Duplicate ID '{id}' for chardev"))),
            None => crate::board::check_id(id),
        }
    }

    fn existing_chardev(&self, id: &str) -> Result<Arc<Chardev>, QmpError> {
        let missing = || {
            let all = self.host.chardevs.all();
            QmpError::generic(format!("Chardev '{id}' not found"))
                .with_nearest(id, all.iter().map(|chardev| chardev.id()))
        };
        self.host.chardevs.get(id).ok_or_else(missing)
    }

    fn ringbuf(&self, id: &str) -> Result<Arc<Chardev>, QmpError> {
        let missing = || QmpError::generic(format!("Device '{id}' not found"));
        let chardev = self.host.chardevs.get(id).ok_or_else(missing)?;
        match chardev.ring_read(0) {
            Some(_) => Ok(chardev),
            None => Err(QmpError::generic(format!("{id} is not a ringbuf device"))),
        }
    }

    fn open_chardev(&self, id: &str, config: &CharConfig) -> Result<Arc<Chardev>, QmpError> {
        self.host.open(id, config).map_err(failed)
    }

    fn mux(&self, id: &str, base: Arc<Chardev>) -> Result<Arc<Chardev>, QmpError> {
        let inbox = self.inbox().clone();
        let quit = Box::new(move || inbox.end(ShutdownCause::HostUi));
        Chardev::open_mux(id, base, MuxConfig { escape: ESCAPE, quit }).map_err(failed)
    }
}

impl CharCommands for Door {
    fn query_chardev(&mut self) -> Result<Vec<ChardevInfo>, QmpError> {
        let describe = |chardev: &Arc<Chardev>| ChardevInfo {
            label: chardev.id().into(),
            filename: chardev.filename(),
            frontend_open: chardev.frontend_open(),
        };
        Ok(self.host.chardevs.all().iter().map(describe).collect())
    }

    fn query_chardev_backends(&mut self) -> Result<Vec<ChardevBackendInfo>, QmpError> {
        Ok(ChardevBackendType::ALL.iter().map(|name| ChardevBackendInfo { name: *name }).collect())
    }

    fn chardev_add(&mut self, arguments: ChardevAdd) -> Result<ChardevReturn, QmpError> {
        let ChardevAdd { id, backend } = arguments.clone();
        self.check_chardev_id(&id)?;
        let chardev = match backend {
            ChardevBackend::Mux(ChardevMuxWrapper { data }) => {
                let base = self.existing_chardev(&data.chardev)?;
                self.mux(&id, base)?
            }
            backend => self.open_chardev(&id, &config(backend)?)?,
        };
        let pty = chardev.filename().strip_prefix("pty:").map(String::from);
        self.host.chardevs.add(chardev)?;
        self.host.recipes.learn(BackendKind::Chardev, [&id], "chardev-add", &arguments);
        Ok(ChardevReturn { pty })
    }

    fn chardev_remove(&mut self, arguments: ChardevRemove) -> Result<(), QmpError> {
        let id = &arguments.id;
        if self.existing_chardev(id)?.frontend_open() {
            return Err(QmpError::generic(format!("Chardev '{id}' is busy")));
        }
        self.host.chardevs.remove(id);
        self.host.recipes.forget(BackendKind::Chardev, id);
        Ok(())
    }

    fn ringbuf_write(&mut self, arguments: RingbufWrite) -> Result<(), QmpError> {
        let RingbufWrite { device, data, format } = arguments;
        let chardev = self.ringbuf(&device)?;
        let bytes = match format.unwrap_or(DataFormat::Utf8) {
            DataFormat::Utf8 => data.into_bytes(),
            DataFormat::Base64 => BASE64.decode(&data).map_err(|error| {
                QmpError::generic(format!("Parameter 'data' expects base64: {error}"))
            })?,
        };
        chardev.write(&bytes);
        Ok(())
    }

    fn ringbuf_read(&mut self, arguments: RingbufRead) -> Result<String, QmpError> {
        let RingbufRead { device, size, format } = arguments;
        let chardev = self.ringbuf(&device)?;
        let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
            return Err(QmpError::generic("size must be greater than zero"));
        };
        let bytes = chardev.ring_read(size).unwrap_or_default();
        Ok(match format.unwrap_or(DataFormat::Utf8) {
            DataFormat::Utf8 => String::from_utf8_lossy(&bytes).into_owned(),
            DataFormat::Base64 => BASE64.encode(bytes),
        })
    }

    fn x_chardev_add(&mut self, arguments: ChardevOptions) -> Result<(), QmpError> {
        let ChardevOptions { id, mux, backend } = arguments.clone();
        self.check_chardev_id(&id)?;
        let learn = |door: &Self| {
            door.host.recipes.learn(BackendKind::Chardev, [&id], "x-chardev-add", &arguments);
        };
        let config = match backend {
            ChardevOptionsBackend::Alias(options) => {
                self.host.chardevs.alias(id.clone(), options.chardev)?;
                learn(self);
                return Ok(());
            }
            ChardevOptionsBackend::Null(_) => CharConfig::Null,
            ChardevOptionsBackend::Pty => CharConfig::Pty { path: None },
            ChardevOptionsBackend::Stdio(options) => stdio(options),
            ChardevOptionsBackend::File(options) => file(options.path, options.append),
            ChardevOptionsBackend::Socket(options) => socket(options)?,
            ChardevOptionsBackend::Ringbuf(options) => ringbuf(options),
        };
        let mux = mux.unwrap_or(false);
        let base_id = if mux { format!("{id}-base") } else { id.clone() };
        let mut chardev = self.open_chardev(&base_id, &config)?;
        if mux {
            chardev = self.mux(&id, chardev)?;
        }
        self.host.chardevs.add(chardev)?;
        learn(self);
        Ok(())
    }

    fn x_monitor_add(&mut self, arguments: XMonitorAdd) -> Result<(), QmpError> {
        let id = &arguments.chardev;
        let Some(chardev) = self.host.chardevs.get(id) else {
            return Err(QmpError::device_not_found(format!("Character back end '{id}' not found")));
        };
        let inbox = self.inbox().clone();
        let monitor = match arguments.mode.unwrap_or(MonitorMode::Readline) {
            MonitorMode::Control => {
                let config = SessionConfig {
                    version: super::control::version().encode(),
                    pretty: arguments.pretty.unwrap_or(false),
                    capabilities: vec![Capability::Oob],
                };
                Monitor::control(&chardev, Arc::new(inbox), &self.host.hub, config)
            }
            MonitorMode::Readline => {
                let human = move |line, done| Inbox::line(&inbox, line, done);
                Monitor::human(&chardev, Arc::new(human), &self.host.hub, &banner())
            }
        };
        self.host.monitors.push(monitor.map_err(failed)?);
        Ok(())
    }
}
