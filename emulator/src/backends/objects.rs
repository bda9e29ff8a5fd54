//! Objects that are no devices and that devices name: memory, random numbers.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boardwright_riscv::Ram;
use qapi_runtime::{Encode, MemberInfo, Object as _, QmpError, Value};

use super::char::Plain;
use super::random::{RANDOM, Random};
use crate::qapi::{
    MemoryBackendFileProperties, MemoryBackendProperties, ObjectOptions, ObjectOptionsQomType,
    ObjectType, RngBuiltinProperties, RngRandomProperties,
};

/// The objects by id.
#[derive(Default)]
pub struct Objects(Mutex<BTreeMap<String, ObjectOptions>>);

impl Objects {
    /// Adds one.
    ///
    /// # Errors
    /// The id is taken, or there can be no such object.
    pub fn add(&self, object: ObjectOptions) -> Result<(), QmpError> {
        check(&object.qom_type)?;
        let mut all = self.lock();
        if all.contains_key(&object.id) {
            let id = object.id;
            return Err(QmpError::generic(format!(
                "attempt to add duplicate property '{id}' to object (type 'container')"
            )));
        }
        all.insert(object.id.clone(), object);
        Ok(())
    }

    /// Takes one away.
    ///
    /// # Errors
    /// There is none.
    pub fn remove(&self, id: &str) -> Result<(), QmpError> {
        // A lock within the match would be held while the error looks for names that are alike.
        let removed = self.lock().remove(id);
        removed.map(drop).ok_or_else(|| self.not_found(id))
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<ObjectOptions> {
        self.lock().get(id).cloned()
    }

    /// All of them as they are now, for [`Objects::restore`].
    pub fn copy(&self) -> BTreeMap<String, ObjectOptions> {
        self.lock().clone()
    }

    /// All of them as they were.
    pub fn restore(&self, before: BTreeMap<String, ObjectOptions>) {
        *self.lock() = before;
    }

    /// The ids and kinds of all of them.
    pub fn all(&self) -> Vec<(String, String)> {
        let all = self.lock();
        all.values().map(|one| (one.id.clone(), one.qom_type.tag().to_string())).collect()
    }

    /// The properties of one, as an object of the wire.
    pub fn properties(&self, id: &str) -> Option<Value> {
        self.lock().get(id).map(Encode::encode)
    }

    /// The size of a memory back end in bytes.
    ///
    /// # Errors
    /// There is no object of that id, or it is no memory.
    pub fn memory_size(&self, id: &str) -> Result<u64, QmpError> {
        match self.lock().get(id).map(|object| &object.qom_type) {
            Some(ObjectOptionsQomType::MemoryBackendRam(ram)) => return Ok(ram.size),
            Some(ObjectOptionsQomType::MemoryBackendFile(file)) => return Ok(file.size),
            Some(other) => {
                return Err(QmpError::generic(format!(
                    "Object '{id}' is no memory but '{}'",
                    other.tag()
                )));
            }
            None => {}
        }
        Err(self.not_found(id))
    }

    /// The memory of a back end.
    ///
    /// # Errors
    /// There is no such back end, or the host refuses.
    pub fn memory(&self, id: &str) -> Result<Arc<Ram>, QmpError> {
        let size = self.memory_size(id)?;
        let file = match self.lock().get(id).map(|object| &object.qom_type) {
            Some(ObjectOptionsQomType::MemoryBackendFile(file)) => Some(file.clone()),
            _ => None,
        };
        match file {
            Some(file) => of_file(&file).map_err(|error| unusable(&file, &error)),
            None => Ram::new(size).map_err(|error| {
                QmpError::generic(format!(
                    "Object '{id}': cannot have {size:#x} bytes of memory: {}",
                    Plain(&error)
                ))
            }),
        }
    }

    /// The random numbers of an object, or of this program. Those of this program begin with the
    /// seed of the run, if it has one, and are others for every user.
    ///
    /// # Errors
    /// There is no such object, it gives no random numbers, or the host refuses.
    pub fn random(
        &self,
        id: Option<&str>,
        seed: Option<u64>,
        user: &str,
    ) -> Result<Random, QmpError> {
        let name = match id.map(|id| (id, self.get(id))) {
            Some((id, None)) => return Err(self.not_found(id)),
            None => None,
            Some((id, Some(object))) => match object.qom_type {
                ObjectOptionsQomType::RngBuiltin(_) => None,
                ObjectOptionsQomType::RngRandom(rng) => {
                    Some(rng.filename.unwrap_or_else(|| RANDOM.into()))
                }
                other => {
                    return Err(QmpError::generic(format!(
                        "Object '{id}' gives no random numbers: it is a '{}'",
                        other.tag()
                    )));
                }
            },
        };
        let opened = match &name {
            Some(name) => File::open(name).map(Random::File),
            None => Random::for_guests(seed, user),
        };
        opened.map_err(|error| {
            let name = name.as_deref().unwrap_or(RANDOM);
            QmpError::generic(format!("Could not open '{name}': {}", Plain(&error)))
        })
    }

    fn not_found(&self, id: &str) -> QmpError {
        let all = self.all();
        QmpError::generic(format!("object '{id}' not found"))
            .with_nearest(id, all.iter().map(|(known, _)| known.as_str()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ObjectOptions>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The properties of a kind of object, as the schema declares them.
pub fn members(kind: ObjectType) -> &'static [MemberInfo] {
    match kind {
        ObjectType::MemoryBackendFile => MemoryBackendFileProperties::MEMBERS,
        ObjectType::MemoryBackendRam => MemoryBackendProperties::MEMBERS,
        ObjectType::RngBuiltin => RngBuiltinProperties::MEMBERS,
        ObjectType::RngRandom => RngRandomProperties::MEMBERS,
    }
}

/// Whether there can be such an object.
///
/// # Errors
/// What is wrong with it.
pub fn check(kind: &ObjectOptionsQomType) -> Result<(), QmpError> {
    let sized = |size: u64| match size {
        0 => Err(QmpError::generic("property 'size' of a memory back end must be non-zero")),
        _ => Ok(()),
    };
    match kind {
        ObjectOptionsQomType::MemoryBackendRam(ram) => sized(ram.size),
        ObjectOptionsQomType::MemoryBackendFile(file) => sized(file.size),
        ObjectOptionsQomType::RngBuiltin(_) | ObjectOptionsQomType::RngRandom(_) => Ok(()),
    }
}

/// Whether the file of an object, if it has one, can be opened. One of shared memory is made.
///
/// # Errors
/// It cannot; or what is wrong with the object, of which nothing is made then.
pub fn try_open(kind: &ObjectOptionsQomType) -> Result<(), QmpError> {
    check(kind)?;
    match kind {
        ObjectOptionsQomType::MemoryBackendFile(file) => {
            open(file).map(drop).map_err(|error| unusable(file, &error))
        }
        ObjectOptionsQomType::MemoryBackendRam(_) | ObjectOptionsQomType::RngBuiltin(_) => Ok(()),
        ObjectOptionsQomType::RngRandom(rng) => {
            let name = rng.filename.as_deref().unwrap_or(RANDOM);
            File::open(name).map(drop).map_err(|error| {
                QmpError::generic(format!("Could not open '{name}': {}", Plain(&error)))
            })
        }
    }
}

fn unusable(file: &MemoryBackendFileProperties, error: &std::io::Error) -> QmpError {
    QmpError::generic(format!("Could not open '{}': {}", file.mem_path, Plain(error)))
}

fn is_shared(file: &MemoryBackendFileProperties) -> bool {
    file.share.unwrap_or(false)
}

/// The file: one that is shared is made where there is none.
fn open(file: &MemoryBackendFileProperties) -> std::io::Result<File> {
    let shared = is_shared(file);
    OpenOptions::new().read(true).write(shared).create(shared).truncate(false).open(&file.mem_path)
}

fn of_file(file: &MemoryBackendFileProperties) -> std::io::Result<Arc<Ram>> {
    let mut opened = open(file)?;
    if is_shared(file) {
        if opened.metadata()?.len() < file.size {
            opened.set_len(file.size)?;
        }
        return Ram::of_file(&opened, file.size);
    }
    let ram = Ram::new(file.size)?;
    let mut piece = vec![0; 0x1_0000];
    let mut at = 0;
    while at < file.size {
        let most = piece.len().min(usize::try_from(file.size - at).unwrap_or(usize::MAX));
        let count = opened.read(piece.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            break;
        }
        // It fits: no more was asked for.
        let _ = ram.write(at, piece.get(..count).unwrap_or_default());
        at += count as u64;
    }
    Ok(ram)
}
