//! What generated QAPI code links to, and what the server around it uses: values on the wire,
//! decoding with messages that name the member at fault, encoding, reflection, the shape of a
//! command table, the phase gate, events.
//!
//! Nothing here reads a schema, and nothing here knows a command. The texts of errors are those
//! that QMP clients know.

#![forbid(unsafe_code)]

#[cfg(feature = "client")]
pub mod client;
mod command;
mod decode;
mod encode;
mod enumeration;
mod error;
mod event;
mod introspection;
pub mod json;
mod keyval;
mod macros;
mod message;
mod nearest;
mod object;
mod open;
mod path;
mod phase;
mod policy;
mod request;
mod scalar;

pub use command::{CommandEntry, CommandInfo, Handler, Invocation, Pending};
pub use decode::{Decode, Mode, arguments, decode_size, decode_sizes, invalid_type};
pub use encode::Encode;
pub use enumeration::{Enum, UnknownValue, decode_enum, parse_enum};
pub use error::{ErrorClass, QmpError};
pub use event::{Event, EventInfo, wire_event};
pub use introspection::{hide_deprecated, join};
pub use message::{Call, greeting, is_out_of_band, response, take_id};
pub use nearest::nearest;
pub use object::{
    Empty, MemberInfo, Object, ObjectInfo, ObjectReader, ObjectWriter, VariantInfo, decode_object,
};
pub use open::{AnyEvent, OpenEnum, UnknownBranch, UnknownEvent, decode_open_enum, event_data};
pub use path::Path;
pub use phase::{PhaseSet, gate};
pub use policy::{InputPolicy, OutputPolicy, Policy, Subject};
pub use request::{OobRequest, Request};
pub use serde_json::{Map as JsonMap, Number, Value};

/// The members of a JSON object, in the order in which they came.
pub type Map = JsonMap<String, Value>;
