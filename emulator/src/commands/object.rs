//! `qapi/object.json`.

use qapi_runtime::QmpError;

use crate::board::check_id;
use crate::door::Door;
use crate::qapi::{ObjectCommands, ObjectDel, ObjectOptions};

impl ObjectCommands for Door {
    fn object_add(&mut self, arguments: ObjectOptions) -> Result<(), QmpError> {
        check_id(&arguments.id)?;
        self.host.add_object(arguments)
    }

    fn object_del(&mut self, arguments: ObjectDel) -> Result<(), QmpError> {
        let id = &arguments.id;
        let devices = self.stage.board().ok().into_iter().flat_map(|board| board.devices());
        let mut users = devices.filter(|device| device.driver().object() == Some(id));
        if let Some(user) = users.next() {
            return Err(QmpError::generic(format!(
                "object '{id}' is in use, can not be deleted: device '{}' has it",
                user.name
            )));
        }
        self.host.objects.remove(id)
    }
}
