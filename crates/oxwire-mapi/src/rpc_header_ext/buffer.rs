//! One payload behind its header.

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Decode, DecodeError, Reader, Structure};

use super::{RpcHeaderExt, RpcHeaderFlags, XOR_MAGIC, xor_magic};
use crate::lz77::decompress_into;

/// One RPC_HEADER_EXT and its payload.
///
/// Decoded by itself it is a whole buffer, whose header has the Last flag: an `AuxiliaryBuffer`, or a `RopBuffer` of one
/// payload. [`ExtendedBuffers`](super::ExtendedBuffers) reads a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExtendedBuffer<'de> {
    header: RpcHeaderExt,
    stored: &'de [u8],
    /// Where `stored` begins, absolute.
    offset: usize,
}

/// The header only: the payload can be somebody's mail.
impl fmt::Debug for ExtendedBuffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtendedBuffer").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Structure for ExtendedBuffer<'_> {
    const NAME: &'static str = "extended buffer";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.1.1, 2.2.2.1";
}

impl<'de> Decode<'de> for ExtendedBuffer<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let buffer = Self::read(r)?;
        if !buffer.is_last() {
            let expected = "the Last flag (0x0004): one payload, not a chain of them";
            return Err(r.invalid(at.saturating_add(2), "Flags", expected, buffer.header.flags.bits()));
        }
        Ok(buffer)
    }
}

impl<'de> ExtendedBuffer<'de> {
    /// Reads a header and its payload, whether or not another follows.
    pub(super) fn read(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let header: RpcHeaderExt = r.structure()?;
        let offset = r.offset();
        Ok(Self { header, stored: r.bytes(usize::from(header.size), "payload")?, offset })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> RpcHeaderExt {
        self.header
    }

    /// Whether the payload is compressed.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.header.flags.contains(RpcHeaderFlags::COMPRESSED)
    }

    /// Whether the payload is obfuscated.
    #[must_use]
    pub const fn is_obfuscated(&self) -> bool {
        self.header.flags.contains(RpcHeaderFlags::XOR_MAGIC)
    }

    /// Whether no other payload follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.header.flags.contains(RpcHeaderFlags::LAST)
    }

    /// The payload as it stands on the wire, compressed and obfuscated as it is.
    #[must_use]
    pub const fn stored(&self) -> &'de [u8] {
        self.stored
    }

    /// Where [`Self::stored`] begins, absolute, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The payload: borrowed as it is, or one allocation of SizeActual bytes to undo compression and obfuscation, in one pass.
    ///
    /// # Errors
    /// Those of [`decompress`](crate::lz77::decompress) for a compressed payload, with absolute offsets.
    pub fn payload(&self) -> Result<Cow<'de, [u8]>, DecodeError> {
        if !self.is_compressed() && !self.is_obfuscated() {
            return Ok(Cow::Borrowed(self.stored));
        }
        let mut payload = vec![0; usize::from(self.header.size_actual)];
        self.restore(&mut payload)?;
        Ok(Cow::Owned(payload))
    }

    /// The payload as [`Bytes`]: a slice of `input`, from which this view was decoded, or one allocation as for
    /// [`Self::payload`].
    ///
    /// # Errors
    /// Those of [`Self::payload`].
    pub fn payload_bytes(&self, input: &Bytes) -> Result<Bytes, DecodeError> {
        Ok(match self.payload()? {
            Cow::Owned(payload) => payload.into(),
            Cow::Borrowed(payload) => slice_of(input, payload),
        })
    }

    /// Appends the payload to a buffer of the caller's.
    ///
    /// # Errors
    /// Those of [`Self::payload`]; `out` is as it was then.
    pub fn copy_payload_to(&self, out: &mut BytesMut) -> Result<(), DecodeError> {
        let start = out.len();
        out.resize(start.saturating_add(usize::from(self.header.size_actual)), 0);
        let restored = self.restore(out.get_mut(start..).unwrap_or_default());
        if restored.is_err() {
            out.truncate(start);
        }
        restored
    }

    /// Undoes obfuscation and compression into SizeActual bytes.
    fn restore(&self, out: &mut [u8]) -> Result<(), DecodeError> {
        let restored = match (self.is_compressed(), self.is_obfuscated()) {
            (true, false) => decompress_into::<0>(self.stored, out),
            (true, true) => decompress_into::<XOR_MAGIC>(self.stored, out),
            (false, obfuscated) => {
                // The header's lengths are the same where nothing is compressed.
                out.iter_mut().zip(self.stored).for_each(|(to, from)| *to = *from);
                if obfuscated {
                    xor_magic(out);
                }
                Ok(())
            }
        };
        restored.map_err(|error| DecodeError { offset: self.offset.saturating_add(error.offset), ..error })
    }
}

/// `part` as a slice of `input` where it lies within it, else a copy: a caller's mix-up costs time, and never panics.
fn slice_of(input: &Bytes, part: &[u8]) -> Bytes {
    let (from, within) = (input.as_ptr_range(), part.as_ptr_range());
    if from.start <= within.start && within.end <= from.end {
        input.slice_ref(part)
    } else {
        Bytes::copy_from_slice(part)
    }
}
