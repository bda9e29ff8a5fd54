//! `qapi/introspect.json`.

use qapi_runtime::{Decode, Mode, Path, QmpError, Value, hide_deprecated};

use crate::door::Door;
use crate::qapi::{IntrospectCommands, QMP_SCHEMA, SchemaInfo};

impl IntrospectCommands for Door {
    fn query_qmp_schema(&mut self) -> Result<Vec<SchemaInfo>, QmpError> {
        let mut table: Value = serde_json::from_str(QMP_SCHEMA).map_err(|error| {
            QmpError::generic(format!("The generated schema table is broken: {error}"))
        })?;
        if self.caller.is_some() {
            hide_deprecated(&mut table, self.shared().policy());
        }
        Vec::decode(&table, &Path::RETURN, Mode::STRICT)
    }
}
