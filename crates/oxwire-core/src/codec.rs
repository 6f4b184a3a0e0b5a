//! The three traits of a codec.

use bytes::{Bytes, BytesMut};

use crate::{DecodeError, EncodeError, Limits, Reader, Writer};

/// A structure of a specification: its name there and the section that lays it out.
pub trait Structure {
    /// The specification's own name of the structure.
    const NAME: &'static str;
    /// The section that lays it out, as in `[MS-RPCH] 2.2.3.5.3`.
    const SPEC: &'static str;
}

/// A structure that can be written.
pub trait Encode: Structure {
    /// The number of bytes that [`Encode::encode`] writes. Used to reserve once; a wrong value costs time, not safety.
    fn encoded_len(&self) -> usize;

    /// Writes the structure.
    ///
    /// # Errors
    /// [`EncodeError`] when a value does not fit the field that carries it.
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError>;
}

/// A structure that can be read. Views borrow from the input for `'de`.
pub trait Decode<'de>: Structure + Sized {
    /// Reads the structure and leaves the reader behind it.
    ///
    /// # Errors
    /// [`DecodeError`] with the offset and the field that did not hold what the section says.
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError>;
}

/// Reads one `T` that must fill `input` to its end.
///
/// # Errors
/// [`DecodeError`]; trailing bytes are one.
pub fn decode_all<'de, T: Decode<'de>>(input: &'de [u8], limits: &'de Limits) -> Result<T, DecodeError> {
    let mut r = Reader::with_limits(input, limits);
    let value = r.structure::<T>()?;
    r.finish_as(T::NAME, T::SPEC)?;
    Ok(value)
}

/// Writes one `T` into a buffer of its own, with one allocation where `encoded_len` is exact.
///
/// # Errors
/// [`EncodeError`] when a value does not fit its field.
pub fn encode_to_bytes<T: Encode + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(value.encoded_len());
    Writer::new(&mut out).structure(value)?;
    Ok(out.freeze())
}
