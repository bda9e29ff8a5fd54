//! `unimplemented-device`: stands for what is not modelled, and says when a guest wants it.

use std::sync::Arc;

use qapi_runtime::QmpError;

use crate::devices::{Built, Defaults, Device, Driver, Region};
use crate::machine::Site;
use crate::machine::unmodelled::Block;
use crate::qapi::UnimplementedDeviceProperties;

impl Defaults for UnimplementedDeviceProperties {
    fn defaults() -> Self {
        Self { name: None, size: None }
    }
}

impl Driver for UnimplementedDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.name.as_deref().is_none_or(str::is_empty) {
            return Err(QmpError::generic("property 'name' not specified"));
        }
        match self.size {
            None | Some(0) => Err(QmpError::generic("property 'size' not specified or zero")),
            Some(_) => Ok(()),
        }
    }

    fn is_stand_in(&self) -> bool {
        true
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io(self.name.clone().unwrap_or_default(), self.size.unwrap_or(0))]
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let name = self.name.as_deref().unwrap_or_default();
        Ok(Built::device(Arc::new(Unimplemented(site.block().placeholder(name)))))
    }
}

struct Unimplemented(Block);

impl Device for Unimplemented {
    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        self.0.unmodelled_read(offset, size);
        0
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        self.0.unmodelled_write(offset, size, value);
    }
}
