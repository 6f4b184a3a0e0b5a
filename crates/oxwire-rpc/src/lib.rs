//! DCE/RPC over connections (\[C706\] chapter 12 with [MS-RPCE]): the PDUs, encode and decode, a stream cut into PDUs, and NDR.
//!
//! NDR is in [`ndr`]. The association, client and server, is not built yet.

pub mod ndr;
pub mod pdu;
mod stream;

pub use stream::{PduStream, StreamError};
