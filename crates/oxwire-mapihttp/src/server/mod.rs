//! The server: Session Contexts, and the machine that answers for them. [MS-OXCMAPIHTTP] 3.2.
//!
//! - [`ContextTable`] hands out contexts: cookies, lifetimes, limits, the application's state.
//! - [`Server`] is the endpoint over HTTP events, for any driver.
//! - [`Refusal`] has every X-ResponseCode and when it is sent.

mod admission;
mod answering;
mod answers;
mod config;
mod connection;
mod cookie;
mod event;
mod export;
mod half_open;
mod machine;
mod plain;
mod refusal;
mod request;
mod response;
mod table;
mod wheel;

pub use answering::{AnswerError, NotAccepted};
pub use config::{ServerConfig, ServerLimits};
pub use cookie::{CONTEXT_COOKIE, ContextCookie, SEQUENCE_COOKIE};
pub use event::{CancelReason, EndReason, Event};
pub use export::{ExportError, ExportedContext, ImportError, NotImported};
pub use machine::{Availability, Server};
pub use plain::{Call, CallBody, CallError};
pub use refusal::Refusal;
pub use request::{ClientApplication, Request, RequestHandle};
pub use table::{ContextId, ContextTable, Removed, TableFull, TableLimits};
