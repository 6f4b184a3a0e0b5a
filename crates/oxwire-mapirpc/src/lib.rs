//! The interfaces that Outlook calls over DCE/RPC, each operation a structure for its request and one for its response, both
//! with [`NdrEncode`](oxwire_rpc::ndr::NdrEncode) and [`NdrDecode`](oxwire_rpc::ndr::NdrDecode).
//!
//! Nothing here calls or answers: an `oxwire_rpc` association carries the stub data, and [`Operation`] says where a request goes.
//!
//! ```
//! use oxwire_mapirpc::{Operation, mgmt::InqStatsRequest};
//! use oxwire_rpc::ndr::encode_stub;
//!
//! # fn main() -> Result<(), oxwire_core::EncodeError> {
//! let stub = encode_stub(&InqStatsRequest { count: 4 })?;
//! assert_eq!((InqStatsRequest::OPNUM, &stub[..]), (1, &[4, 0, 0, 0][..]));
//! # Ok(())
//! # }
//! ```

pub mod async_emsmdb;
pub mod emsmdb;
pub mod mgmt;
pub mod nspi;
pub mod rfr;

use oxwire_core::Structure;
use oxwire_rpc::pdu::SyntaxIdentifier;

/// The request of an operation.
pub trait Operation: Structure {
    /// The interface that it belongs to.
    const INTERFACE: SyntaxIdentifier;
    /// Its operation number.
    const OPNUM: u16;
}
