//! Lines of output: what is sent, and how a line ends.

use qapi_runtime::{Map, QmpError, Value, json};

use super::monitor::SessionConfig;

/// One message as it goes to the wire, with CRLF at the end of each of its lines.
#[derive(Debug, Clone)]
pub(super) struct Line(String);

impl Line {
    /// Renders a message.
    pub(super) fn render(message: &Value, pretty: bool) -> Self {
        let mut text = if pretty {
            // Line ends inside strings are escaped: these are all of the layout.
            json::to_string_pretty(message).replace('\n', "\r\n")
        } else {
            json::to_string(message)
        };
        text.push_str("\r\n");
        Self(text)
    }

    /// The bytes.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What a client is greeted with.
pub(super) fn greeting(config: &SessionConfig) -> Value {
    let capabilities = config.capabilities.iter().map(|c| Value::from(c.as_str())).collect();
    object([(
        "QMP",
        object([("version", config.version.clone()), ("capabilities", Value::Array(capabilities))]),
    )])
}

/// The answer to a request. An `id` is echoed if there was one.
pub(super) fn response(id: Option<Value>, result: Result<Value, QmpError>) -> Value {
    let mut members = Map::new();
    match result {
        Ok(value) => {
            members.insert("return".into(), value);
            members.extend(id.map(|id| ("id".to_owned(), id)));
        }
        Err(error) => {
            members.extend(id.map(|id| ("id".to_owned(), id)));
            members.insert("error".into(), error.to_value());
        }
    }
    Value::Object(members)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
