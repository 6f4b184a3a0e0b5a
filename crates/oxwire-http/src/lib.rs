//! HTTP/1.1 between bytes and events, both directions, sans-IO.
//!
//! A [`RequestHead`] or [`ResponseHead`] is a view over one `Bytes`: the text as it stands on the wire and an index into it.
//! Machines take and emit [`HttpEvent`]s and [`HttpTransmit`]s for each connection.

mod event;
mod head;
mod names;

pub use event::{Head, HttpEvent, HttpTransmit, Origin, RequestFate, Reset, Scheme};
pub use head::{Fields, HeadBuilder, HeadError, RequestHead, ResponseHead, Version};
pub use names::{canonical_name, name};
