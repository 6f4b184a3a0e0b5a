//! Session Contexts of MAPI over HTTP, client and server: [MS-OXCMAPIHTTP] 3.

pub mod client;
mod endpoint;
mod headers;
pub mod server;
mod trace;

pub use endpoint::Endpoint;
pub use headers::{CONTENT_TYPE_DIAGNOSTICS, CONTENT_TYPE_MAPI, GuidCounter, ParseGuidCounterError, media_type_is};
