//! ROP buffers, [MS-OXCROPS]: framing, and the operations that a mailbox is read with, both directions.
//!
//! - A client appends requests with [`RequestBuilder`] and reads the answer with [`RopBuffer::responses`], told the requests that
//!   it sent: some responses cannot be read without them ([`Exchange`]).
//! - A server runs through an input buffer with [`Execution`], which keeps the answer within its size and stops with an answer
//!   that still parses.
//! - Both read with [`RopBuffer`], whose iterators give every good ROP before a damaged one, then one [`RopError`].
//!
//! A ROP that is not listed in [`RopRequest`] or [`RopResponse`] is an error that names it and carries its bytes.
//!
//! ```
//! use bytes::BytesMut;
//! use oxwire_core::{Limits, decode_all};
//! use oxwire_mapi::rop::{Handle, LogonRequest, RequestBuilder, RopBuffer, RopRequest};
//!
//! let mut out = BytesMut::new();
//! let mut requests = RequestBuilder::new(&mut out);
//! requests.push(&LogonRequest::private(0, 0, "/o=x/ou=y/cn=Recipients/cn=z"))?;
//! requests.finish(&[Handle::UNUSED])?;
//!
//! let buffer: RopBuffer<'_> = decode_all(&out, &Limits::DEFAULT)?;
//! let first = buffer.requests().next().and_then(Result::ok).map(|request| request.rop);
//! assert!(matches!(first, Some(RopRequest::Logon(logon)) if logon.essdn.ends_with(b"cn=z")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backoff;
mod buffer;
mod buffer_too_small;
mod codec;
mod exchange;
mod execution;
mod failure;
mod get_contents_table;
mod get_hierarchy_table;
mod get_properties_specific;
mod handle;
mod logon;
mod logon_data;
mod notify;
mod open_folder;
mod pending;
mod query_rows;
mod register_notification;
mod release;
mod request;
mod response;
mod rop_id;
mod set_columns;
mod sort_table;
mod table;

pub use backoff::{BackoffResponse, BackoffRop, BackoffRops};
pub use buffer::{RequestBuilder, RopBuffer, RopError};
pub use buffer_too_small::BufferTooSmallResponse;
pub use codec::{HandleIndexes, Request, Response};
pub use exchange::{Exchange, Pair};
pub use execution::{Execution, Finished, Stop};
pub use failure::FailureResponse;
pub use get_contents_table::{ContentsTableFlags, GetContentsTableRequest, GetContentsTableResponse};
pub use get_hierarchy_table::{GetHierarchyTableRequest, GetHierarchyTableResponse, HierarchyTableFlags};
pub use get_properties_specific::{GetPropertiesSpecificRequest, GetPropertiesSpecificResponse, PropertiesResponse};
pub use handle::{Handle, HandleAllocator, HandleTable};
pub use logon::{
    LogonFlags, LogonRedirectResponse, LogonRequest, LogonResponse, OpenFlags, PrivateLogonResponse,
    PublicLogonResponse, ResponseFlags,
};
pub use logon_data::{FolderIds, LogonTime};
pub use notify::{MessageClass, NotificationData, NotificationTypes, NotifyResponse, TableEventType, TableRow};
pub use open_folder::{GhostedServers, OpenFolderRequest, OpenFolderResponse, OpenModeFlags};
pub use pending::PendingResponse;
pub use query_rows::{QueryRowsFlags, QueryRowsRequest, QueryRowsResponse};
pub use register_notification::{NotificationScope, RegisterNotificationRequest, RegisterNotificationResponse};
pub use release::ReleaseRequest;
pub use request::{RawRequest, Requests, RopRequest};
pub use response::{Responses, RopResponse};
pub use rop_id::RopId;
pub use set_columns::{SetColumnsRequest, SetColumnsResponse};
pub use sort_table::{SortTableRequest, SortTableResponse};
pub use table::{AsynchronousFlags, Bookmark, TableStatus};
