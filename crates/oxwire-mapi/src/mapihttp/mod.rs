//! What a MAPI over HTTP exchange carries: request types, response codes, the bodies of the mailbox endpoint, and the
//! meta-tags and additional headers in front of a response body. [MS-OXCMAPIHTTP] 2.2.
//!
//! A body view borrows from the bytes it was decoded from. Whoever holds those bytes as [`bytes::Bytes`] gets any field
//! out without a copy: `body.slice_ref(view.rop_buffer)`.

pub(crate) mod auxiliary;
mod connect;
mod disconnect;
mod execute;
mod execute_builder;
pub(crate) mod failure;
mod notification_wait;
mod ping;
mod request_type;
mod response;
mod response_code;
mod response_emitter;

pub use connect::{ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess};
pub use disconnect::{DisconnectRequest, DisconnectResponse, DisconnectSuccess};
pub use execute::{ExecuteFlags, ExecuteRequest, ExecuteResponse, ExecuteSuccess};
pub use execute_builder::{ExecuteRequestBuilder, ExecuteSuccessBuilder};
pub use failure::Failure;
pub use notification_wait::{EventPending, NotificationWaitRequest, NotificationWaitResponse, NotificationWaitSuccess};
pub use ping::{PingRequest, PingResponse};
pub use request_type::{RequestType, UnknownRequestType};
pub use response::{AdditionalHeader, AdditionalHeaders, MetaTag, ResponseLimits, ResponseParser, ResponsePart};
pub use response_code::{ParseResponseCodeError, ResponseCode};
pub use response_emitter::DoneHead;
