//! What a capture is: told, or guessed from its bytes.

use bytes::Bytes;
use oxwire::core::{Limits, decode_all};
use oxwire::mapi::mapihttp::{ConnectRequest, ExecuteRequest, ExecuteResponse};
use oxwire::mapi::rop::RopBuffer;
use oxwire::mapi::rpc_header_ext::ExtendedBuffers;

use super::tree::Tree;
use super::{bodies, buffers, rpc};

/// What a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The HTTP body of a MAPI/HTTP response: meta-tags, headers, and the response body of an Execute.
    Response,
    /// A request or response body of MAPI/HTTP.
    Body(&'static bodies::Body),
    /// RPC_HEADER_EXT, once or in a chain, around ROPs.
    Extended,
    /// RPC_HEADER_EXT around auxiliary blocks.
    Auxiliary,
    /// A ROP input buffer.
    RopRequest,
    /// A ROP output buffer.
    RopResponse,
    /// DCE/RPC PDUs, RTS PDUs among them, one behind the other.
    Rpc,
}

/// Kinds that are no bodies, by name.
const NAMED: [(&str, Kind); 6] = [
    ("response", Kind::Response),
    ("extended", Kind::Extended),
    ("aux", Kind::Auxiliary),
    ("rop-request", Kind::RopRequest),
    ("rop-response", Kind::RopResponse),
    ("rpc", Kind::Rpc),
];

impl Kind {
    /// The kind that `--kind` names.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        named.or_else(|| bodies::BODIES.iter().find(|body| body.name == name).map(Kind::Body))
    }

    /// What `--kind` takes.
    pub(crate) fn names() -> String {
        let bodies = bodies::BODIES.iter().map(|body| body.name);
        NAMED.iter().map(|(name, _)| *name).chain(bodies).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Body(body) => body.name,
            other => NAMED.iter().find(|(_, kind)| *kind == other).map_or("", |(name, _)| name),
        }
    }

    /// What the bytes look like. What has a mark of its own comes first; a body is taken only when it reads to its end.
    pub(super) fn guess(bytes: &[u8]) -> Option<Self> {
        if [&b"PROCESSING"[..], b"PENDING", b"DONE"].iter().any(|tag| bytes.starts_with(tag)) {
            return Some(Self::Response);
        }
        if let [5, 0 | 1, ptype, _, 0x10 | 0, 0, 0, 0, ..] = bytes
            && *ptype <= 20
        {
            return Some(Self::Rpc);
        }
        let chain = || ExtendedBuffers::new(bytes);
        if chain().count() > 0 && chain().all(|buffer| buffer.is_ok()) {
            return Some(buffers::content_of(bytes));
        }
        if let Ok(request) = decode_all::<ExecuteRequest<'_>>(bytes, &Limits::DEFAULT)
            && ExtendedBuffers::new(request.rop_buffer).all(|buffer| buffer.is_ok())
        {
            return Self::parse("execute-request");
        }
        if let Ok(ExecuteResponse::Success(success)) = decode_all::<ExecuteResponse<'_>>(bytes, &Limits::DEFAULT)
            && ExtendedBuffers::new(success.rop_buffer).all(|buffer| buffer.is_ok())
        {
            return Self::parse("execute-response");
        }
        if bytes.starts_with(b"/") && decode_all::<ConnectRequest<'_>>(bytes, &Limits::DEFAULT).is_ok() {
            return Self::parse("connect-request");
        }
        let rops = decode_all::<RopBuffer<'_>>(bytes, &Limits::DEFAULT).ok()?;
        let requests = rops.requests().all(|request| request.is_ok());
        Some(if requests { Self::RopRequest } else { Self::RopResponse })
    }

    /// Adds the tree of `bytes`.
    pub(super) fn walk(self, bytes: &Bytes, tree: &mut Tree<'_>) {
        match self {
            Self::Response => bodies::response(bytes, tree),
            Self::Body(body) => (body.walk)(bytes, 0, tree),
            Self::Extended => buffers::rop_chain(bytes, 0, None, tree),
            Self::Auxiliary => buffers::auxiliary(bytes, 0, tree),
            Self::RopRequest => buffers::rops(bytes, true, tree),
            Self::RopResponse => buffers::rops(bytes, false, tree),
            Self::Rpc => rpc::stream(bytes, tree),
        }
    }
}
