//! NDR 2.0, the transfer syntax of every interface spoken here. \[C706\] chapter 14
//!
//! An operation's arguments are a structure that implements [`NdrEncode`] and [`NdrDecode`]; [`encode_stub`] and [`decode_stub`]
//! turn it into stub data and back. Both data representations are read; what is written is little-endian.
//!
//! # Alignment
//! Every primitive is aligned to its own size from the beginning of the stub data (\[C706\] 14.2.2), and reader and writer do
//! so by themselves. A structure is aligned to its largest member: where that is not its first one, [`NdrReader::align`] says it.
//!
//! # Pointers
//! A pointer that is an argument of its own is followed by its referent at once: [`NdrReader::unique`], [`NdrWriter::unique`]. One
//! that is embedded in a structure or an array is written in place, and its referent behind the outermost construction
//! (\[C706\] 14.3.12.3). A codec therefore reads in two steps: [`NdrReader::pointer`] for each member in place, then
//! [`NdrReader::referent`] for each in the same order.
//!
//! ```
//! use oxwire_core::{DecodeError, Structure};
//! use oxwire_rpc::ndr::{NdrDecode, NdrReader};
//!
//! /// struct { DWORD id; [string] char *name; [size_is(count)] BYTE *data; DWORD count; }
//! struct Item<'de> {
//!     id: u32,
//!     name: Option<&'de [u8]>,
//!     data: Option<&'de [u8]>,
//! }
//!
//! impl Structure for Item<'_> {
//!     const NAME: &'static str = "Item";
//!     const SPEC: &'static str = "[EXAMPLE] 1";
//! }
//!
//! impl<'de> NdrDecode<'de> for Item<'de> {
//!     fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
//!         let id = r.u32("id")?;
//!         let name = r.pointer("name")?;
//!         let data = r.pointer("data")?;
//!         let count = r.u32("count")?;
//!         let name = r.referent(name, |r| r.string8("name"))?;
//!         let data = r.referent(data, |r| r.conformant_bytes_of(count, "data"))?;
//!         Ok(Self { id, name, data })
//!     }
//! }
//! ```
//!
//! # Unions
//! The arm is aligned to the largest alignment of all the arms, whichever was chosen ([MS-RPCE] 2.2.4.5): [`NdrReader::align`]
//! between the discriminant and the arm.
//!
//! Full pointers that alias each other (`ptr` in an IDL) and NDR64 are not read.

mod array;
mod context_handle;
mod reader;
mod text;
mod writer;

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, EncodeError, Limits, Structure};

pub use array::{Array, Element};
pub use context_handle::ContextHandle;
pub use reader::{NdrReader, Pointer};
pub use text::WideText;
pub use writer::NdrWriter;

use crate::pdu::DataRepresentation;

/// What can be read from stub data. Views borrow from the stub for `'de`.
pub trait NdrDecode<'de>: Structure + Sized {
    /// Reads it and leaves the reader behind it.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset in the stub data and the field.
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError>;
}

/// What can be written as stub data.
pub trait NdrEncode: Structure {
    /// Writes it.
    ///
    /// # Errors
    /// [`EncodeError`] for a value that does not fit the field that carries it.
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError>;
}

/// Reads the arguments of a call. Gives where they end, too: a sender may pad behind them, and a verification trailer may
/// follow ([`VerificationTrailer::find`](crate::pdu::VerificationTrailer::find)).
///
/// # Errors
/// Those of `T`.
pub fn decode_stub<'de, T: NdrDecode<'de>>(
    stub: &'de [u8],
    drep: DataRepresentation,
    limits: &'de Limits,
) -> Result<(T, usize), DecodeError> {
    let mut r = NdrReader::with_limits(stub, drep, limits);
    let value = r.structure::<T>()?;
    Ok((value, r.position()))
}

/// Writes the arguments of a call into a buffer of their own.
///
/// # Errors
/// Those of `T`.
pub fn encode_stub<T: NdrEncode + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    NdrWriter::new(&mut out).structure(value)?;
    Ok(out.freeze())
}
