//! Memory.

mod cfi_pflash01;
mod sysbus_memory;

use qapi_runtime::QmpError;

use crate::backends::objects::Objects;
use crate::qapi::DeviceOptionsDriver;

/// Fills in what memory takes from its back end: the size.
///
/// # Errors
/// There is no such back end, or it has another size.
pub fn complete(options: &mut DeviceOptionsDriver, objects: &Objects) -> Result<(), QmpError> {
    let DeviceOptionsDriver::SysbusMemory(memory) = options else { return Ok(()) };
    let Some(id) = &memory.memdev else { return Ok(()) };
    let size = objects.memory_size(id)?;
    match memory.size.replace(size) {
        Some(said) if said != size => Err(QmpError::generic(format!(
            "Parameter 'size' expects the size of '{id}', {size:#x} bytes, not {said:#x}"
        ))),
        _ => Ok(()),
    }
}
