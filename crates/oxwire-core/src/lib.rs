//! What every oxwire protocol crate stands on: a [`Reader`] and a [`Writer`] that cannot panic, [`Limits`], errors that
//! say where, the base types of the Microsoft Open Specifications, and the conventions of the sans-IO machines.
//!
//! Nothing here does I/O, asks a clock or draws entropy: time, wall time and [`Entropy`] are arguments.

mod codec;
mod connection;
mod entropy;
mod error;
mod file_time;
mod guid;
mod limits;
mod principal;
mod reader;
mod secret;
mod security;
mod utf16;
mod writer;

pub use codec::{Decode, Encode, Structure, decode_all, encode_to_bytes};
pub use connection::{ConnectionId, ConnectionIds, Inline, Transmit};
pub use entropy::Entropy;
pub use error::{Closed, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Error, Misuse, PeerFault};
pub use file_time::{FileTime, HttpDate};
pub use guid::{Guid, ParseGuidError};
pub use limits::Limits;
pub use principal::Principal;
pub use reader::Reader;
pub use secret::{SecretBytes, SecretString};
pub use security::{Part, SecurityContext, SecurityError, Step};
pub use utf16::{Utf16, utf16_le_bytes, utf16_le_len};
pub use writer::{Patch, Writer};
