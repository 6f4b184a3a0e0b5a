//! What a client tells its caller.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::Error;
use oxwire_http::ResponseHead;
use oxwire_mapi::mapihttp::{AdditionalHeader, RequestType, ResponseCode};

use super::Body;

/// One request that a verb accepted. Exactly one [`Event::Completed`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestHandle(pub(super) u64);

impl RequestHandle {
    /// Its number: counted up from 1 in each client, and on across a pause.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// One redirect that waits for the caller's consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RedirectHandle(pub(super) u64);

/// A fact for the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A request came to its end.
    Completed(Completion),
    /// The Session Context is a new one: every server object handle of the old one is void. Requests that waited for their turn
    /// in the old one were given back before this. `execute` is refused until this has been taken from `poll_event`.
    ContextReplaced {
        /// The response to the Connect.
        response: Response,
    },
    /// The Session Context is gone, or beyond reach, and was not replaced; every server object handle is void. `reconnect` tries
    /// again with the cookies that are still held, `connect` with another body.
    ContextLost {
        /// Why the Connect did not replace it.
        outcome: Outcome,
    },
    /// The server sends a request elsewhere (302): [MS-OXCMAPIHTTP] 2.2.2.2. Answer with `follow_redirect` or `refuse_redirect`.
    /// Where the origin is another one, credentials would go to another host.
    Redirect {
        /// What to answer with.
        handle: RedirectHandle,
        /// Where to, absolute.
        location: String,
        /// Whether scheme, host and port stay the same.
        same_origin: bool,
    },
    /// A NotificationWait said that events are pending; they come in the response of the next Execute.
    EventPending {
        /// The NotificationWait.
        wait: RequestHandle,
        /// The Execute with an empty ROP list that the machine sends, where it does; it completes like any other.
        execute: Option<RequestHandle>,
    },
    /// A PING that the machine sent by itself did not get through, or was refused. The Session Context is still taken to be valid
    /// ([MS-OXCMAPIHTTP] 3.1.5.7), and the next request says.
    KeepAliveFailed {
        /// What came of it.
        outcome: Outcome,
    },
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Completion {
    /// The request.
    pub handle: RequestHandle,
    /// Its type.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::request_type"))]
    pub request_type: RequestType,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Outcome {
    /// X-ResponseCode 0: the body is the request type's success or failure response body.
    Answered(Response),
    /// Another X-ResponseCode, with the server's diagnostic text: [MS-OXCMAPIHTTP] 2.2.3.3.3.
    Refused {
        /// The code.
        #[cfg_attr(feature = "serde", serde(with = "super::stored::response_code"))]
        code: ResponseCode,
        /// The rest of the response; its body is diagnostic text, cut to
        /// [`ClientLimits::diagnostics_bytes`](super::ClientLimits::diagnostics_bytes).
        response: Response,
    },
    /// An HTTP status other than 200, or a 200 that is not MAPI/HTTP: it carries no X-ResponseCode. Exchange answers so when
    /// `?MailboxId=` is missing from the URL.
    Status {
        /// The status.
        status: u16,
        /// Retry-After, where the server sent it. The client itself sends nothing before it has passed.
        retry_after: Option<Duration>,
        /// The rest of the response; its body is cut like that of a refusal.
        response: Response,
    },
    /// It was sent whole and no whole response came: the server may have acted on it. The machine never sends it again.
    Unanswered {
        /// Why, for people.
        #[cfg_attr(feature = "serde", serde(with = "super::stored::text"))]
        reason: Arc<str>,
    },
    /// The server has not seen it whole, and the machine sends it no more.
    NotSent {
        /// The request's body, given back.
        body: Bytes,
        /// Why, for people.
        #[cfg_attr(feature = "serde", serde(with = "super::stored::text"))]
        reason: Arc<str>,
    },
}

/// A whole response.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Response {
    /// The HTTP head, without X-DeviceInfo, which is for devices on the way alone ([MS-OXCMAPIHTTP] 2.2.3.3.11).
    #[cfg_attr(feature = "serde", serde(with = "super::stored::head"))]
    pub head: ResponseHead,
    /// The additional headers behind DONE: [MS-OXCMAPIHTTP] 2.2.2.2.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::additional"))]
    pub additional: Vec<AdditionalHeader>,
    /// The body.
    #[cfg_attr(feature = "serde", serde(with = "super::stored::body"))]
    pub body: Body,
}

impl Response {
    /// The value of a header: of the additional one where there is one, of the head otherwise. The last one counts.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let inner = self.additional.iter().rev().find(|header| header.is(name)).map(AdditionalHeader::value);
        let outer = self.head.fields().iter().filter(|(given, _)| given.eq_ignore_ascii_case(name)).last();
        inner.or(outer.map(|(_, value)| value))
    }

    /// A header as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        std::str::from_utf8(self.header(name)?).ok()?.trim_ascii().parse().ok()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, body) = (self.head.status(), &self.body);
        f.debug_struct("Response")
            .field("status", &status)
            .field("additional", &self.additional)
            .field("body", body)
            .finish()
    }
}

/// A verb that was refused. The body is given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Rejected {
    /// The request's body as it was handed in.
    pub body: Bytes,
    /// Why.
    pub error: Box<Error>,
}

impl From<Rejected> for Error {
    fn from(rejected: Rejected) -> Self {
        *rejected.error
    }
}

/// What a client knows of its Session Context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContextState {
    /// There is none: before the first `connect`, after one that failed, after `disconnect`.
    None,
    /// A Connect of the caller's is under way.
    Connecting,
    /// There is one, as far as the client knows: time passed ends nothing by itself ([MS-OXCMAPIHTTP] 3.1.5.7).
    Established,
    /// A Connect with the old cookies is under way.
    Reconnecting,
    /// It was lost and could not be re-established.
    Lost,
    /// The client has ended.
    Closed,
}
