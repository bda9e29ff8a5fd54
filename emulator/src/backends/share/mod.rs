//! Folders of the host that guests share, by the protocol 9P2000.L.
//!
//! [`folder`] does things to files, and never to one outside of its folder; [`wire`] is how messages
//! are written; [`server`] is what a client's requests mean. A device only carries messages.
//!
//! The server is our own: crosvm's crate `p9` relies on a sandbox around it for what a guest must
//! not reach, holds a descriptor of the host for every name that a guest looks at, and knows neither
//! folders that are read only nor owners that are kept beside the files.

mod folder;
mod server;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use qapi_runtime::QmpError;

pub use self::folder::{Folder, Owners};
pub use self::server::{LONGEST, Server};
use super::char::Plain;
use crate::qapi::{FsdevOptions, FsdevSecurityModel};

/// The shared folders by id.
#[derive(Default)]
pub struct Shares(Mutex<BTreeMap<String, Option<Arc<Folder>>>>);

impl Shares {
    /// Adds one; what is `closed` is only a name.
    ///
    /// # Errors
    /// The id is taken, or there is no such folder.
    pub fn add(&self, given: &FsdevOptions, closed: bool) -> Result<(), QmpError> {
        let FsdevOptions { id, path, security_model, readonly, .. } = given;
        if self.lock().contains_key(id) {
            return Err(QmpError::generic(format!("Duplicate ID '{id}' for fsdev")));
        }
        let owners = match security_model {
            FsdevSecurityModel::None => Owners::Mine,
            FsdevSecurityModel::Passthrough => Owners::Host,
            FsdevSecurityModel::Mapped | FsdevSecurityModel::MappedXattr => Owners::Beside,
        };
        let open = || {
            Folder::open(path.as_ref(), owners, readonly.unwrap_or(false)).map_err(|error| {
                QmpError::generic(format!(
                    "cannot initialize fsdev '{id}': failed to open '{path}': {}",
                    Plain(&error)
                ))
            })
        };
        let folder = if closed { None } else { Some(Arc::new(open()?)) };
        self.lock().insert(id.clone(), folder);
        Ok(())
    }

    /// The folder of an id.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, id: &str) -> Result<Arc<Folder>, QmpError> {
        let all = self.lock();
        all.get(id).cloned().flatten().ok_or_else(|| {
            QmpError::generic(format!(
                "9pfs device couldn't find fsdev with the id = {id}: add -fsdev local,id={id},path=PATH,security_model=MODEL"
            ))
            .with_nearest(id, all.keys().map(String::as_str))
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Arc<Folder>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
