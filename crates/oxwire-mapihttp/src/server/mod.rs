//! The server: Session Contexts, and the machine that answers for them. [MS-OXCMAPIHTTP] 3.2.
//!
//! - [`ContextTable`] hands out contexts: cookies, lifetimes, limits, the application's state.
//! - [`Server`] is the endpoint over HTTP events, for any driver.
//! - [`Server::call`] is the same in the plain form, for callers with axum, hyper or another server.
//! - [`Refusal`] has every X-ResponseCode and when it is sent.
//!
//! # In the plain form
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::Bytes;
//! use oxwire_core::{FileTime, Principal, Utf16, encode_to_bytes};
//! use oxwire_mapi::mapihttp::{ConnectFlags, ConnectRequest, ConnectSuccess};
//! use oxwire_mapihttp::server::{CallBody, Event, Server, ServerConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (now, wall) = (Instant::now(), FileTime::default());
//! // `out` from the system's generator, in earnest.
//! let mut server = Server::new(now, wall, ServerConfig::new(), |out: &mut [u8]| out.fill(7))?;
//!
//! // What axum or hyper hands to a handler, and who authentication says it is.
//! # let body = ConnectRequest { user_dn: b"/o=oxwire/cn=alice", flags: ConnectFlags::default(), default_code_page: 1252,
//! #     lcid_sort: 1033, lcid_string: 1033, auxiliary_buffer: &[] };
//! # let body = encode_to_bytes(&body)?;
//! let request = http::Request::post("/mapi/emsmdb/")
//!     .header("content-type", "application/mapi-http")
//!     .header("x-requesttype", "Connect")
//!     .header("x-requestid", "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1")
//!     .body(body)?;
//! let (response, call) = server.call(now, Some(&Principal::new("alice")), request)?;
//! assert_eq!(response.headers()["x-responsecode"], "0");
//!
//! // The application's side, in its own time and its own thread.
//! while let Some(event) = server.poll_event() {
//!     if let Event::Connect(request) = event {
//!         let asked: ConnectRequest<'_> = request.decode()?;
//!         assert_eq!(asked.user_dn, b"/o=oxwire/cn=alice");
//!         let success = ConnectSuccess { error_code: 0, polls_max: 60_000, retry_count: 6, retry_delay: 10_000,
//!             dn_prefix: b"/o=oxwire", display_name: Utf16::new(b"A\0l\0").ok_or("whole units")?, auxiliary_buffer: &[] };
//!         server.accept(now, request.handle, "the session of alice", &[encode_to_bytes(&success)?])?;
//!     }
//! }
//!
//! // The response's body: piece by piece, as it comes.
//! let mut pieces = Vec::new();
//! while let CallBody::Chunk(piece) = server.poll_call(&call) {
//!     pieces.push(piece);
//! }
//! assert_eq!(pieces[0], Bytes::from_static(b"PROCESSING\r\n"));
//! # Ok(())
//! # }
//! ```

mod admission;
mod answering;
mod answers;
mod config;
mod connection;
mod cookie;
mod event;
mod export;
mod front;
mod half_open;
mod limits;
mod machine;
mod plain;
mod refusal;
mod request;
mod response;
mod slots;
mod table;
mod wheel;

pub use answering::{AnswerError, NotAccepted};
pub use config::{ServerConfig, ServerLimits};
pub use cookie::{CONTEXT_COOKIE, ContextCookie, SEQUENCE_COOKIE};
pub use event::{CancelReason, EndReason, Event};
pub use export::{ExportError, ExportedContext, ImportError, NotImported};
pub use limits::{TableFull, TableLimits};
pub use machine::{Availability, Server};
pub use plain::{Call, CallBody, CallError};
pub use refusal::Refusal;
pub use request::{ClientApplication, Request, RequestHandle};
pub use table::{ContextId, ContextTable, Removed};
