//! NSPI, the address book over RPC: [MS-OXNSPI] 3.1.4.1.
//!
//! The calls carry the types of [`oxwire_mapi::nspi`], which are those of MAPI over HTTP too: a server that answers one encoding
//! answers the other. A [`Request`] is the handle and the request body, a [`Response`] is the success response body; what RPC does
//! not have (auxiliary buffers, a STAT that is absent, the code page of an answer) is refused when written, and empty when read.
//!
//! What crashes Outlook cannot be written here either. Rows and matches come from an `oxwire_mapi` writer within the
//! request's [`RowLimit`](oxwire_mapi::nspi::RowLimit); an answer whose return value is a failure has null for every pointer and
//! zero for every number but the STAT, which a server has to leave as it came.
//!
//! Stub data of a big-endian sender is not read: [`Unsupported`](oxwire_core::DecodeErrorKind::Unsupported). No such client is known.

mod names;
mod object;
mod parts;
mod restriction;
mod session;
mod table;
mod value;

use oxwire_core::Guid;
use oxwire_rpc::ndr::ContextHandle;
use oxwire_rpc::pdu::SyntaxIdentifier;

pub use names::ResolveNamesRequest;
pub use restriction::Filter;
pub use session::{BindRequest, BindResponse, UnbindRequest, UnbindResponse};
pub use table::GetMatchesRequest;

/// nspi 56.0.
pub const NSPI: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xf5cc_5a18, 0x4264, 0x101a, [0x8c, 0x59, 0x08, 0x00, 0x2b, 0x2f, 0x84, 0x26]),
    version: 56,
};

/// A call inside a session: the handle that NspiBind gave, and what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<B> {
    /// hRpc.
    pub handle: ContextHandle,
    /// The request body of that call's request type, without auxiliary buffer.
    pub body: B,
}

/// What answers a [`Request`]: the out-parameters and the return value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response<B>(
    /// The success response body of that call's request type, without auxiliary buffer.
    pub B,
);

/// Names both structures of a call, and says where its request goes.
macro_rules! call {
    ($name:literal, $spec:literal, $opnum:literal, $request:ty, $response:ty) => {
        impl oxwire_core::Structure for $request {
            const NAME: &'static str = concat!($name, " request");
            const SPEC: &'static str = $spec;
        }

        impl $crate::Operation for $request {
            const INTERFACE: oxwire_rpc::pdu::SyntaxIdentifier = $crate::nspi::NSPI;
            const OPNUM: u16 = $opnum;
        }

        impl oxwire_core::Structure for $response {
            const NAME: &'static str = concat!($name, " response");
            const SPEC: &'static str = $spec;
        }
    };
}

use call;
