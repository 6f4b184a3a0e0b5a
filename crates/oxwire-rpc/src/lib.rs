//! DCE/RPC over connections (\[C706\] chapter 12 with [MS-RPCE]): the PDUs, encode and decode, and a stream cut into PDUs.
//!
//! NDR and the association, client and server, are not built yet; this crate holds the bytes.

pub mod pdu;
mod stream;

pub use stream::{PduStream, StreamError};
