//! Lines of output: what is sent, and how a line ends.

use qapi_runtime::{Value, json};

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
    let capabilities: Vec<&str> = config.capabilities.iter().map(|c| c.as_str()).collect();
    qapi_runtime::greeting(config.version.clone(), &capabilities)
}
