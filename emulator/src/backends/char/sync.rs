//! Locking without the poison: a panic elsewhere must not take the host's streams with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whatever happened to the thread that held it last. What these locks protect is whole
/// between any two statements.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
