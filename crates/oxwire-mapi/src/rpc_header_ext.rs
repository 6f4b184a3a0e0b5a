//! RPC_HEADER_EXT and the payload behind it, [MS-OXCRPC] 2.2.2.1: what `RopBuffer` and `AuxiliaryBuffer` hold.
//!
//! Built here: one payload, plain or obfuscated (XorMagic, [MS-OXCRPC] 3.1.4.1.1.3). A compressed payload and a chain of
//! several are [`DecodeErrorKind::Unsupported`], which names the flag; no byte of them is dropped or taken for another.
//!
//! ```
//! use oxwire_core::{Limits, decode_all};
//! use oxwire_mapi::rpc_header_ext::ExtendedBuffer;
//!
//! let buffer = [0, 0, 6, 0, 2, 0, 2, 0, 0xA7, 0xA5];
//! let buffer: ExtendedBuffer<'_> = decode_all(&buffer, &Limits::DEFAULT)?;
//! assert_eq!(&buffer.payload()[..], [2, 0]);
//! # Ok::<(), oxwire_core::DecodeError>(())
//! ```

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use oxwire_core::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer,
};

use crate::flags::flags;

flags! {
    /// `Flags` of an RPC_HEADER_EXT.
    RpcHeaderFlags: u16 {
        /// The payload is compressed; SizeActual says how long it is when uncompressed.
        COMPRESSED = 0x0001;
        /// The payload is obfuscated.
        XOR_MAGIC = 0x0002;
        /// No other RPC_HEADER_EXT follows the payload.
        LAST = 0x0004;
    }
}

/// RPC_HEADER_EXT, [MS-OXCRPC] 2.2.2.1. Its Version is 0, the only one there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RpcHeaderExt {
    /// How the payload is to be read.
    pub flags: RpcHeaderFlags,
    /// Bytes of the payload as it stands behind the header.
    pub size: u16,
    /// Bytes of the payload when uncompressed: less than which `size` is only with [`RpcHeaderFlags::COMPRESSED`].
    pub size_actual: u16,
}

impl RpcHeaderExt {
    /// Bytes of the header.
    pub const LEN: usize = 8;
}

impl Structure for RpcHeaderExt {
    const NAME: &'static str = "RPC_HEADER_EXT";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.1";
}

impl Decode<'_> for RpcHeaderExt {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let version = r.u16_le("Version")?;
        if version != 0 {
            return Err(r.invalid(at, "Version", "0", version));
        }
        let flags = RpcHeaderFlags::from_bits(r.u16_le("Flags")?);
        let size = r.u16_le("Size")?;
        let at = r.offset();
        let size_actual = r.u16_le("SizeActual")?;
        if flags.contains(RpcHeaderFlags::COMPRESSED) {
            if size >= size_actual {
                return Err(r.invalid(
                    at,
                    "SizeActual",
                    "more than Size, since the payload is compressed",
                    size_actual,
                ));
            }
        } else if size != size_actual {
            return Err(r.invalid(at, "SizeActual", "Size, since the payload is not compressed", size_actual));
        }
        Ok(Self { flags, size, size_actual })
    }
}

impl Encode for RpcHeaderExt {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let compressed = self.flags.contains(RpcHeaderFlags::COMPRESSED);
        if compressed && self.size >= self.size_actual || !compressed && self.size != self.size_actual {
            let expected = "Size, or more than Size of a compressed payload";
            let kind = EncodeErrorKind::Value { expected, found: u64::from(self.size_actual) };
            return Err(w.error("SizeActual", kind));
        }
        w.u16_le(0);
        w.u16_le(self.flags.bits());
        w.u16_le(self.size);
        w.u16_le(self.size_actual);
        Ok(())
    }
}

/// One RPC_HEADER_EXT and its payload: a whole `RopBuffer` or `AuxiliaryBuffer`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExtendedBuffer<'de> {
    header: RpcHeaderExt,
    stored: &'de [u8],
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
        let header: RpcHeaderExt = r.structure()?;
        let unsupported = |what| r.error_at(at.saturating_add(2), "Flags", DecodeErrorKind::Unsupported { what });
        if header.flags.contains(RpcHeaderFlags::COMPRESSED) {
            return Err(unsupported("the Compressed flag (0x0001): a compressed payload"));
        }
        if !header.flags.contains(RpcHeaderFlags::LAST) {
            return Err(unsupported("no Last flag (0x0004): a chain of payloads"));
        }
        Ok(Self { header, stored: r.bytes(usize::from(header.size), "payload")? })
    }
}

impl<'de> ExtendedBuffer<'de> {
    /// The header.
    #[must_use]
    pub const fn header(&self) -> RpcHeaderExt {
        self.header
    }

    /// Whether the payload is obfuscated.
    #[must_use]
    pub const fn is_obfuscated(&self) -> bool {
        self.header.flags.contains(RpcHeaderFlags::XOR_MAGIC)
    }

    /// The payload as it stands on the wire, obfuscated or not.
    #[must_use]
    pub const fn stored(&self) -> &'de [u8] {
        self.stored
    }

    /// The payload: borrowed as it is, or one allocation to undo the obfuscation.
    #[must_use]
    pub fn payload(&self) -> Cow<'de, [u8]> {
        if self.is_obfuscated() {
            Cow::Owned(self.stored.iter().map(|byte| byte ^ XOR_MAGIC).collect())
        } else {
            Cow::Borrowed(self.stored)
        }
    }

    /// The payload as [`Bytes`]: a slice of `input`, from which this view was decoded, or one allocation to undo the
    /// obfuscation.
    #[must_use]
    pub fn payload_bytes(&self, input: &Bytes) -> Bytes {
        match self.payload() {
            Cow::Owned(payload) => payload.into(),
            Cow::Borrowed(payload) => slice_of(input, payload),
        }
    }

    /// Appends the payload to a buffer of the caller's.
    pub fn copy_payload_to(&self, out: &mut BytesMut) {
        let start = out.len();
        out.extend_from_slice(self.stored);
        if self.is_obfuscated() {
            xor_magic(out.get_mut(start..).unwrap_or_default());
        }
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

/// The value of [MS-OXCRPC] 3.1.4.1.1.3.
const XOR_MAGIC: u8 = 0xA5;

/// Obfuscates, or undoes it: the same operation. Not a protection of anything, [MS-OXCRPC] 3.1.4.1.1.3.
pub fn xor_magic(payload: &mut [u8]) {
    for byte in payload {
        *byte ^= XOR_MAGIC;
    }
}

/// How a payload is stored behind its RPC_HEADER_EXT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PayloadForm {
    /// As it is. The connection's TLS is what protects it.
    #[default]
    Plain,
    /// Obfuscated.
    XorMagic,
}

/// The longest payload that is sent behind one RPC_HEADER_EXT, in bytes ([MS-OXCRPC] 3.1.4.1.1). What is received is
/// bounded by the Size field alone.
pub const MAX_PAYLOAD: usize = 32 * 1024;

/// Appends one RPC_HEADER_EXT, with the Last flag, and the payload that `payload` writes behind it, and returns how many
/// bytes that made. No buffer of its own: the payload is written, and obfuscated, in place.
///
/// # Errors
/// Those of `payload`, and [`EncodeErrorKind::TooLong`] past [`MAX_PAYLOAD`]; `out` is as it was then.
pub fn write_extended_buffer(
    out: &mut BytesMut,
    form: PayloadForm,
    payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let start = out.len();
    let result = write_at(out, start, form, payload);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn write_at(
    out: &mut BytesMut,
    start: usize,
    form: PayloadForm,
    payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    let behind = start.saturating_add(RpcHeaderExt::LEN);
    let mut w = Writer::new(out);
    w.zeros(RpcHeaderExt::LEN);
    payload(&mut w)?;
    let stored = out.get_mut(behind..).unwrap_or_default();
    let (name, spec) = (RpcHeaderExt::NAME, RpcHeaderExt::SPEC);
    let too_long = EncodeErrorKind::TooLong { max: MAX_PAYLOAD, len: stored.len() };
    let size = u16::try_from(stored.len()).ok().filter(|size| usize::from(*size) <= MAX_PAYLOAD);
    let size = size.ok_or(EncodeError { name, field: "Size", spec, kind: too_long })?;
    let flags = match form {
        PayloadForm::Plain => RpcHeaderFlags::LAST,
        PayloadForm::XorMagic => {
            xor_magic(stored);
            RpcHeaderFlags::LAST | RpcHeaderFlags::XOR_MAGIC
        }
    };
    let [flags_0, flags_1] = flags.bits().to_le_bytes();
    let [size_0, size_1] = size.to_le_bytes();
    let header = [0, 0, flags_0, flags_1, size_0, size_1, size_0, size_1];
    for (to, from) in out.iter_mut().skip(start).zip(header) {
        *to = from;
    }
    Ok(RpcHeaderExt::LEN + usize::from(size))
}

#[cfg(test)]
mod tests {
    use oxwire_core::{Limits, decode_all};

    use super::*;

    fn decode(bytes: &[u8]) -> Result<ExtendedBuffer<'_>, DecodeError> {
        decode_all(bytes, &Limits::DEFAULT)
    }

    /// Built by hand from [MS-OXCRPC] 2.2.2.1 and 3.1.4.1.1.3: 0x02 ^ 0xA5 is 0xA7.
    #[test]
    fn plain_and_obfuscated() {
        let plain = [0, 0, 4, 0, 3, 0, 3, 0, 2, 0, 0xFF];
        let xor = [0, 0, 6, 0, 3, 0, 3, 0, 0xA7, 0xA5, 0x5A];
        for (form, wire) in [(PayloadForm::Plain, plain), (PayloadForm::XorMagic, xor)] {
            let mut out = BytesMut::from(&b"before"[..]);
            let written = write_extended_buffer(&mut out, form, |w| {
                w.bytes(&[2, 0, 0xFF]);
                Ok(())
            });
            assert_eq!(written, Ok(11));
            assert_eq!(&out[6..], wire);
            let input = Bytes::copy_from_slice(&wire);
            let buffer = decode(&input).unwrap();
            assert_eq!(buffer.is_obfuscated(), form == PayloadForm::XorMagic);
            assert_eq!(matches!(buffer.payload(), Cow::Borrowed(_)), form == PayloadForm::Plain);
            assert_eq!(&buffer.payload()[..], [2, 0, 0xFF]);
            assert_eq!(&buffer.payload_bytes(&input)[..], [2, 0, 0xFF]);
            let mut copy = BytesMut::from(&b"x"[..]);
            buffer.copy_payload_to(&mut copy);
            assert_eq!(&copy[..], [b'x', 2, 0, 0xFF]);
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let compressed = decode(&[0, 0, 5, 0, 1, 0, 2, 0, 0]).unwrap_err();
        assert_eq!((compressed.offset, compressed.field), (2, "Flags"));
        assert!(compressed.to_string().contains("Compressed flag (0x0001)"), "{compressed}");
        let chained = decode(&[0, 0, 0, 0, 1, 0, 1, 0, 7, 0, 0, 4, 0, 1, 0, 1, 0, 7]).unwrap_err();
        assert!(chained.to_string().contains("Last flag (0x0004)"), "{chained}");
        let behind_last = decode(&[0, 0, 4, 0, 1, 0, 1, 0, 7, 8]).unwrap_err();
        assert_eq!((behind_last.offset, behind_last.kind), (9, DecodeErrorKind::Trailing { left: 1 }));
    }

    #[test]
    fn a_payload_that_is_refused_leaves_the_buffer_as_it_was() {
        let mut out = BytesMut::from(&b"before"[..]);
        let written = write_extended_buffer(&mut out, PayloadForm::Plain, |w| {
            w.zeros(MAX_PAYLOAD + 1);
            Ok(())
        });
        assert_eq!(written.unwrap_err().kind, EncodeErrorKind::TooLong { max: 32_768, len: 32_769 });
        assert_eq!(&out[..], b"before");
        assert_eq!(
            write_extended_buffer(&mut out, PayloadForm::Plain, |w| {
                w.zeros(MAX_PAYLOAD);
                Ok(())
            }),
            Ok(32_776)
        );
    }
}
