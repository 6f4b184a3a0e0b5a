//! HTTP/1.1 between bytes and events, both directions, sans-IO.
//!
//! A [`RequestHead`] or [`ResponseHead`] is a view over one `Bytes`: the text as it stands on the wire and an index into it.
//! Machines take and emit [`HttpEvent`]s and [`HttpTransmit`]s for each connection; a [`Connection`] makes them from the
//! bytes of one transport connection, and back. Callers with an HTTP client of their own use a machine's [`PlainForm`].

mod body;
mod connection;
mod event;
mod fault;
mod framing;
mod head;
mod limits;
mod names;
mod output;
mod parse;
mod parts;
mod plain;
mod scan;
mod trace;

pub use connection::{Connection, SendError, SendRefusal};
pub use event::{Head, HttpEvent, HttpTransmit, Origin, RequestFate, Reset, ResetCause, Scheme};
pub use fault::Fault;
pub use head::{Fields, HeadBuilder, HeadError, RequestHead, ResponseHead, Version};
pub use limits::HttpLimits;
pub use names::{canonical_name, name};
pub use parts::Reason;
pub use plain::{PlainForm, PlainTransmit};
