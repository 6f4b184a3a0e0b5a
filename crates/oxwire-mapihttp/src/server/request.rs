//! A request's head: what of it this endpoint reads, and when it refuses it. [MS-OXCMAPIHTTP] 2.2.2.1, 2.2.3.

use bytes::{Bytes, BytesMut};
use oxwire_core::{ConnectionId, Decode, DecodeError, Limits, Principal, decode_all};
use oxwire_http::{RequestHead, name};
use oxwire_mapi::mapihttp::RequestType;

use super::{ContextId, Refusal, ServerConfig};
use crate::{CONTENT_TYPE_MAPI, media_type_is};

/// What Microsoft's Remote Connectivity Analyzer sends for a Content-Type.
const CONTENT_TYPE_RCA: &str = "application/octet-stream";

/// X-RequestId and X-ClientInfo are a GUID, a colon and a counter: 60 characters. Longer than this is an invalid header.
const MAX_ECHOED: usize = 128;

/// A request that waits for the application's answer. Handles are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestHandle(pub(crate) u64);

/// A request that is handed to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// To answer it by.
    pub handle: RequestHandle,
    /// X-RequestType.
    pub request_type: RequestType,
    /// The connection that it came on.
    pub conn: ConnectionId,
    /// Its Session Context. A Connect or a Bind has a new one.
    pub context: ContextId,
    /// Who sent it: the same as the context's.
    pub principal: Principal,
    /// Its head.
    pub head: RequestHead,
    /// The request body, as it came: decode it with `oxwire-mapi`.
    pub body: Bytes,
}

impl Request {
    /// The request body, as a view: `ConnectRequest`, `ExecuteRequest` or `DisconnectRequest` of `oxwire_mapi::mapihttp`, or one of
    /// `oxwire_mapi::nspi`.
    ///
    /// # Errors
    /// [`DecodeError`] for another type's body. One of its own type is not handed out unless it decodes.
    pub fn decode<'a, B: Decode<'a>>(&'a self) -> Result<B, DecodeError> {
        const LIMITS: &Limits = &Limits::DEFAULT;
        decode_all(&self.body, LIMITS)
    }

    /// What client sent it, where X-ClientApplication says so in its form.
    #[must_use]
    pub fn client_application(&self) -> Option<ClientApplication<'_>> {
        ClientApplication::parse(self.head.fields().text(name::X_CLIENT_APPLICATION)?)
    }

    /// The query of the request target: `MailboxId=…` as Autodiscover gave it to the client.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.head.target().split_once('?').map(|(_, query)| query)
    }
}

/// X-ClientApplication, [MS-OXCMAPIHTTP] 2.2.3.3.6: `Outlook/15.00.4569.1503`.
///
/// The server acts on nothing of it. An application that chains ROP buffers holds it against 16.0.10000 first: Outlook 2013, and
/// Outlook 2016 before that version, mishandle chained responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientApplication<'a> {
    /// What stands before the slash.
    pub product: &'a str,
    /// Major, minor, build and revision; parts that are missing are 0.
    pub version: [u32; 4],
}

impl<'a> ClientApplication<'a> {
    /// Reads the header's value; `None` when it has no slash or a part of the version is no number.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (product, numbers) = text.split_once('/')?;
        let mut version = [0; 4];
        let mut parts = numbers.split('.');
        for (to, part) in version.iter_mut().zip(parts.by_ref()) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *to = part.parse().ok()?;
        }
        parts.next().is_none().then_some(Self { product, version })
    }
}

/// What a response repeats of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Echo {
    pub(crate) request_type: Bytes,
    pub(crate) request_id: Bytes,
    pub(crate) client_info: Bytes,
}

impl Echo {
    pub(crate) fn of(head: &RequestHead) -> Self {
        let fields = head.fields();
        let echoed = |name| match fields.first(name) {
            Some(value) if value.len() <= MAX_ECHOED => fields.shared(value),
            _ => Bytes::new(),
        };
        Self {
            request_type: echoed(name::X_REQUEST_TYPE),
            request_id: echoed(name::X_REQUEST_ID),
            client_info: echoed(name::X_CLIENT_INFO),
        }
    }
}

/// The diagnostic text of a refusal, where it says more than [`Refusal::text`].
pub(crate) type Detail = &'static str;

/// Reads a head, or says why not.
pub(crate) fn classify(head: &RequestHead, config: &ServerConfig) -> Result<RequestType, (Refusal, Detail)> {
    if head.method() != "POST" {
        return Err((Refusal::InvalidVerb, Refusal::InvalidVerb.text()));
    }
    if !config.path.as_deref().is_none_or(|path| path_is(head.target(), path)) {
        return Err((Refusal::InvalidPath, Refusal::InvalidPath.text()));
    }
    let fields = head.fields();
    let Some(request_type) = fields.first(name::X_REQUEST_TYPE) else {
        return Err((Refusal::MissingHeader, "X-RequestType is missing."));
    };
    let known = RequestType::parse(request_type).ok().filter(|kind| config.endpoint.has(*kind));
    let Some(kind) = known else {
        return Err((Refusal::InvalidRequestType, Refusal::InvalidRequestType.text()));
    };
    match fields.first(name::X_REQUEST_ID) {
        None | Some(b"") => return Err((Refusal::MissingHeader, "X-RequestId is missing.")),
        Some(id) if id.len() > MAX_ECHOED => return Err((Refusal::InvalidHeader, "X-RequestId is too long.")),
        Some(_) => {}
    }
    if fields.first(name::X_CLIENT_INFO).is_some_and(|info| info.len() > MAX_ECHOED) {
        return Err((Refusal::InvalidHeader, "X-ClientInfo is too long."));
    }
    match fields.first(name::CONTENT_TYPE) {
        Some(given) if media_type_is(given, CONTENT_TYPE_MAPI) || media_type_is(given, CONTENT_TYPE_RCA) => {}
        Some(_) => return Err((Refusal::InvalidHeader, "Content-Type is not application/mapi-http.")),
        None if !matches!(kind, RequestType::Disconnect | RequestType::Ping) => {
            return Err((Refusal::MissingHeader, "Content-Type is missing."));
        }
        None => {}
    }
    Ok(kind)
}

/// Whether a request target, in whatever form, has that path.
fn path_is(target: &str, path: &str) -> bool {
    let without_query = target.split('?').next().unwrap_or_default();
    let absolute = without_query.split_once("://").map(|(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let found = absolute.unwrap_or_else(|| without_query.strip_prefix('/').unwrap_or(without_query));
    let trimmed = |path: &str| path.trim_matches('/').to_ascii_lowercase();
    trimmed(found) == trimmed(path)
}

/// The declared length of a body, where there is one that a `u64` can say.
pub(crate) fn declared_len(head: &RequestHead) -> Option<u64> {
    head.fields().text(name::CONTENT_LENGTH)?.parse().ok()
}

/// A body on its way in. One that comes in one piece is that piece; only more pieces are put together.
#[derive(Debug, Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    Joined(BytesMut),
}

impl Body {
    /// Room is made for what was declared, but not from the number alone: at most for 64 KiB, or four times what has come.
    pub(crate) fn push(&mut self, piece: Bytes, declared: Option<u64>) {
        match self {
            Self::Empty => *self = Self::Whole(piece),
            Self::Whole(first) => {
                let come = first.len() + piece.len();
                let declared = declared.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
                let room = declared.min((come * 4).max(64 << 10)).max(come);
                let mut joined = BytesMut::with_capacity(room);
                joined.extend_from_slice(first);
                joined.extend_from_slice(&piece);
                *self = Self::Joined(joined);
            }
            Self::Joined(joined) => joined.extend_from_slice(&piece),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Whole(piece) => piece.len(),
            Self::Joined(joined) => joined.len(),
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Empty => Bytes::new(),
            Self::Whole(piece) => piece,
            Self::Joined(joined) => joined.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_versions() {
        let parse = |text| ClientApplication::parse(text).map(|app| (app.product, app.version));
        assert_eq!(parse("Outlook/15.00.4569.1503"), Some(("Outlook", [15, 0, 4569, 1503])));
        assert_eq!(parse("MapiHttpClient/15"), Some(("MapiHttpClient", [15, 0, 0, 0])));
        for text in ["", "Outlook", "Outlook/", "Outlook/a", "Outlook/1.2.3.4.5", "Outlook/+1", "Outlook/99999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn paths_in_every_form_of_a_target() {
        for target in ["/mapi/emsmdb", "/mapi/emsmdb/", "/MAPI/EMSMDB/?MailboxId=a/b", "https://h/mapi/emsmdb/?x"] {
            assert!(path_is(target, "/mapi/emsmdb"), "{target}");
        }
        for target in ["/", "*", "/mapi/emsmdbx", "/mapi/nspi/", "/mapi", "/x/mapi/emsmdb", "https://mapi/emsmdb"] {
            assert!(!path_is(target, "/mapi/emsmdb"), "{target}");
        }
    }

    #[test]
    fn a_body_in_one_piece_is_not_copied_and_one_in_many_is_joined_once() {
        let piece = Bytes::from_static(b"one piece");
        let mut body = Body::default();
        body.push(piece.clone(), Some(9));
        assert_eq!(body.into_bytes().as_ptr(), piece.as_ptr());
        let mut body = Body::default();
        for _ in 0..3 {
            body.push(Bytes::from(vec![7; 11_000]), Some(33_000));
        }
        assert!(matches!(&body, Body::Joined(joined) if joined.capacity() == 33_000));
        assert_eq!((body.len(), body.into_bytes().len()), (33_000, 33_000));
        let mut body = Body::default();
        body.push(Bytes::from_static(b"a"), Some(u64::MAX));
        body.push(Bytes::from_static(b"b"), Some(u64::MAX));
        assert!(matches!(&body, Body::Joined(joined) if joined.capacity() < 100_000));
    }
}
