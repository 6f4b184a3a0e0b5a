//! DCE/RPC over connections (\[C706\] chapter 12 with [MS-RPCE]): the PDUs, encode and decode, a stream cut into PDUs, NDR, and the association.
//!
//! The bytes are in [`pdu`] and [`ndr`], the two ends of a connection in [`association`].

pub mod association;
pub mod ndr;
pub mod pdu;
mod stream;

pub use stream::{PduStream, StreamError};
