//! What devices name that is no device: objects, which are part of a board, and the back ends of the
//! host.
//!
//! An object (memory, random numbers) decides what harts see, so boards with different ones differ.
//! A drive, a network or a character back end is where this run leads to on this host; it is told
//! with the board, so that what is written down can be started as it stands, and is not compared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use qapi_runtime::QmpError;
use rpds::RedBlackTreeMapSync;

use super::{Board, check_id};
use crate::backends::host::Host;
use crate::backends::objects;
use crate::backends::recipes::BackendKind;
use crate::devices::Driver;
use crate::qapi::{BoardCommand, ObjectOptions};

/// What the devices of a board name, as far as it is known. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub(super) struct Backends {
    /// Objects by id.
    objects: RedBlackTreeMapSync<String, ObjectOptions>,
    /// Commands that make the back ends of the host.
    commands: Arc<[BoardCommand]>,
}

impl Board {
    /// The board with what its devices name on a host.
    #[must_use]
    pub fn with_backends(&self, host: &Host) -> Self {
        let named = |of: fn(&dyn Driver) -> Option<&str>| -> BTreeSet<&str> {
            self.devices().filter_map(|device| of(device.driver())).collect()
        };
        let serial = |name: &&str| !is_serial(name);
        let commands = [
            (BackendKind::Drive, named(|driver| driver.drive())),
            (BackendKind::Netdev, named(|driver| driver.netdev())),
            (BackendKind::Chardev, named(|driver| driver.chardev())),
            (BackendKind::Share, named(|driver| driver.share())),
        ]
        .into_iter()
        .flat_map(|(kind, names)| host.recipes.tell(kind, names.into_iter().filter(serial)));
        let objects = named(|driver| driver.object())
            .into_iter()
            .filter_map(|id| Some((id.to_string(), host.objects.get(id)?)));
        let backends = Backends { objects: objects.collect(), commands: commands.collect() };
        Self { backends, ..self.clone() }
    }

    /// The objects that its devices name, as far as they are known.
    pub(super) fn objects(&self) -> BTreeMap<String, ObjectOptions> {
        let named = self.devices().filter_map(|device| device.driver().object());
        let known = named.filter_map(|id| self.backends.objects.get_key_value(id));
        known.map(|(id, object)| (id.clone(), object.clone())).collect()
    }

    /// The commands that make what its devices name on the host.
    pub(super) fn backend_commands(&self) -> &[BoardCommand] {
        &self.backends.commands
    }

    /// An object becomes known, or another one under the same id.
    ///
    /// # Errors
    /// There can be no such object.
    pub(super) fn provide(&mut self, object: ObjectOptions) -> Result<(), QmpError> {
        check_id(&object.id)?;
        objects::check(&object.qom_type)?;
        self.backends.objects.insert_mut(object.id.clone(), object);
        Ok(())
    }

    /// An object is forgotten.
    pub(super) fn discard(&mut self, id: &str) {
        self.backends.objects.remove_mut(id);
    }

    /// Back ends of the host become known.
    ///
    /// # Errors
    /// A command makes none.
    pub(super) fn know(&mut self, commands: &[BoardCommand]) -> Result<(), QmpError> {
        let other = |one: &&BoardCommand| !BackendKind::is_made_by(&one.command);
        if let Some(one) = commands.iter().find(other) {
            let text = format!("The command '{}' makes no back end", one.command);
            return Err(QmpError::generic(text));
        }
        self.backends.commands = commands.into();
        Ok(())
    }
}

/// Whether a character back end is what the option `-serial` gives: every run has its own.
pub(super) fn is_serial(name: &str) -> bool {
    name.strip_prefix("serial").is_some_and(|number| number.parse::<u32>().is_ok())
}
