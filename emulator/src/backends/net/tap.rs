//! A network interface of the host (Linux, Documentation/networking/tuntap.rst): frames of the guest
//! are frames of that interface. The host's administrator makes it (`ip tuntap add mode tap`) and
//! gives it to the user, or lets the program make it.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_tun::{Tun, TunBuilder};

use super::netdev::NetError;
use super::wire::{LONGEST, Wire};

/// An interface.
#[derive(Clone, Debug, Default)]
pub struct TapConfig {
    /// Its name; the system chooses one where there is none.
    pub ifname: Option<String>,
}

/// Opens the interface; what there is to say of it comes with the task.
pub(super) fn start(
    config: &TapConfig,
    wire: Arc<Wire>,
    io: &Handle,
) -> Result<(JoinHandle<()>, String), NetError> {
    let name = config.ifname.as_deref().unwrap_or_default();
    let refuse = |error: tokio_tun::Error| {
        NetError::Settings(format!("could not configure /dev/net/tun ({name}): {error}"))
    };
    let _entered = io.enter();
    let mut tuns = TunBuilder::new().name(name).tap().build().map_err(refuse)?;
    let Some(tun) = tuns.pop() else {
        return Err(NetError::Settings("could not configure /dev/net/tun".into()));
    };
    let text = format!("type=tap,ifname={},script=no,downscript=no", tun.name());
    let task = io.spawn(async move {
        tokio::select! {
            () = to_guest(&tun, &wire) => {}
            () = to_host(&tun, &wire) => {}
        }
        // The interface is gone.
        wire.close();
    });
    Ok((task, text))
}

async fn to_guest(tun: &Tun, wire: &Wire) {
    let mut bytes = vec![0; LONGEST];
    loop {
        wire.ready().await;
        let Ok(length) = tun.recv(&mut bytes).await else { return };
        wire.give(bytes[..length].to_vec());
    }
}

async fn to_host(tun: &Tun, wire: &Wire) {
    loop {
        let frame = wire.next().await;
        // An interface that is down takes no frames: they are lost, as on a cable that is not there.
        let _ = tun.send(&frame).await;
    }
}
