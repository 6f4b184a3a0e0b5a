//! Payloads and chains of them written.

use bytes::BytesMut;
use oxwire_core::{EncodeError, EncodeErrorKind, Structure, Writer};

use super::{ExtendedBuffers, RpcHeaderExt, RpcHeaderFlags, xor_magic};
use crate::lz77::Compressor;
use crate::mapihttp::ExecuteFlags;
use crate::rop::RopId;

/// How a payload is to be stored behind its RPC_HEADER_EXT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PayloadForm {
    /// As it is. The connection's TLS is what protects it.
    #[default]
    Plain,
    /// Obfuscated.
    XorMagic,
    /// Compressed where that makes it shorter, else as it is.
    Compressed,
    /// Compressed where that makes it shorter, and obfuscated.
    CompressedXorMagic,
}

impl PayloadForm {
    const fn new(compressed: bool, obfuscated: bool) -> Self {
        match (compressed, obfuscated) {
            (false, false) => Self::Plain,
            (false, true) => Self::XorMagic,
            (true, false) => Self::Compressed,
            (true, true) => Self::CompressedXorMagic,
        }
    }

    /// Whether the payload is compressed where that makes it shorter.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        matches!(self, Self::Compressed | Self::CompressedXorMagic)
    }

    /// Whether the payload is obfuscated.
    #[must_use]
    pub const fn is_obfuscated(self) -> bool {
        matches!(self, Self::XorMagic | Self::CompressedXorMagic)
    }

    /// What a server may answer with of what it would like to, by the flags of the request: [MS-OXCRPC] 3.1.4.2. Plain is never
    /// wrong.
    #[must_use]
    pub const fn allowed_by(self, flags: ExecuteFlags) -> Self {
        Self::new(
            self.is_compressed() && !flags.contains(ExecuteFlags::NO_COMPRESSION),
            self.is_obfuscated() && !flags.contains(ExecuteFlags::NO_XOR_MAGIC),
        )
    }
}

/// The longest payload that is sent behind one RPC_HEADER_EXT, in bytes ([MS-OXCRPC] 3.1.4.1.1). What is received is
/// bounded by the Size and SizeActual fields alone.
pub const MAX_PAYLOAD: usize = 32 * 1024;

/// Below this many bytes a payload is not compressed: what it would save is less than a packet's worth ([MS-OXCRPC] 3.1.4.1.1).
const MIN_COMPRESSED: usize = 128;

/// Writes payloads, one after the other, with a compressor and a buffer of its own, both made when a compressed form first needs
/// them: about 64 KiB, then no allocation for as long as it is kept.
#[derive(Debug, Default)]
pub struct Packer {
    compressor: Option<Compressor>,
    scratch: BytesMut,
}

impl Packer {
    /// With nothing allocated yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one RPC_HEADER_EXT, with the Last flag, and the payload that `payload` writes behind it, and returns how many
    /// bytes that made. The payload is written, and obfuscated, in place.
    ///
    /// # Errors
    /// Those of `payload`, and [`EncodeErrorKind::TooLong`] past [`MAX_PAYLOAD`]; `out` is as it was then.
    pub fn write(
        &mut self,
        out: &mut BytesMut,
        form: PayloadForm,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        let start = out.len();
        let result = self.write_at(out, start, form, payload);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn write_at(
        &mut self,
        out: &mut BytesMut,
        start: usize,
        form: PayloadForm,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        let behind = start.saturating_add(RpcHeaderExt::LEN);
        let mut w = Writer::new(out);
        w.zeros(RpcHeaderExt::LEN);
        payload(&mut w)?;
        let len = out.len().saturating_sub(behind);
        let size_actual = u16::try_from(len).ok().filter(|size| usize::from(*size) <= MAX_PAYLOAD);
        let size_actual = size_actual.ok_or(too_long(MAX_PAYLOAD, len))?;
        let mut header = RpcHeaderExt { flags: RpcHeaderFlags::LAST, size: size_actual, size_actual };
        if form.is_compressed()
            && let Some(size) = self.compress(out, behind)
        {
            header = RpcHeaderExt { flags: header.flags | RpcHeaderFlags::COMPRESSED, size, ..header };
        }
        if form.is_obfuscated() {
            header.flags = header.flags | RpcHeaderFlags::XOR_MAGIC;
            xor_magic(out.get_mut(behind..).unwrap_or_default());
        }
        put_header(out, start, header);
        Ok(RpcHeaderExt::LEN + usize::from(header.size))
    }

    /// Puts the compressed form in the place of the payload, where that is shorter.
    fn compress(&mut self, out: &mut BytesMut, behind: usize) -> Option<u16> {
        let payload = out.get(behind..).filter(|payload| payload.len() >= MIN_COMPRESSED)?;
        self.scratch.clear();
        let compressor = self.compressor.get_or_insert_with(Compressor::new);
        let size = u16::try_from(compressor.compress(payload, &mut self.scratch)?).ok()?;
        out.truncate(behind);
        out.extend_from_slice(&self.scratch);
        Some(size)
    }
}

const fn too_long(max: usize, len: usize) -> EncodeError {
    let kind = EncodeErrorKind::TooLong { max, len };
    EncodeError { name: RpcHeaderExt::NAME, field: "Size", spec: RpcHeaderExt::SPEC, kind }
}

fn put_header(out: &mut BytesMut, at: usize, header: RpcHeaderExt) {
    let [flags_0, flags_1] = header.flags.bits().to_le_bytes();
    let [size_0, size_1] = header.size.to_le_bytes();
    let [actual_0, actual_1] = header.size_actual.to_le_bytes();
    let bytes = [0, 0, flags_0, flags_1, size_0, size_1, actual_0, actual_1];
    for (to, from) in out.iter_mut().skip(at).zip(bytes) {
        *to = from;
    }
}

/// [`Packer::write`] by a packer for this one payload: no buffer of its own unless the form is a compressed one.
///
/// # Errors
/// Those of [`Packer::write`].
pub fn write_extended_buffer(
    out: &mut BytesMut,
    form: PayloadForm,
    payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<usize, EncodeError> {
    Packer::new().write(out, form, payload)
}

/// Writes a server's rgbOut, the `RopBuffer` of an Execute response: one payload, or as many as the request's flags and MaxRopOut let
/// it pack, [MS-OXCRPC] 3.1.4.2.1.2.2. After each payload the buffer is whole: the last header has the Last flag, no other.
#[derive(Debug)]
pub struct ChainWriter<'a> {
    packer: &'a mut Packer,
    out: &'a mut BytesMut,
    start: usize,
    /// Where the last header stands.
    last: usize,
    form: PayloadForm,
    chain: bool,
    max_len: usize,
    count: usize,
}

impl<'a> ChainWriter<'a> {
    /// Appends behind what `out` holds. `flags` and `max_rop_out` are those of the request (Execute's Flags and MaxRopOut, pulFlags and
    /// pcbOut of EcDoRpcExt2); `form` is what the server would like, as far as the flags allow it.
    #[must_use]
    pub fn new(
        packer: &'a mut Packer,
        out: &'a mut BytesMut,
        form: PayloadForm,
        flags: ExecuteFlags,
        max_rop_out: usize,
    ) -> Self {
        let (start, form) = (out.len(), form.allowed_by(flags));
        let chain = flags.contains(ExecuteFlags::CHAIN);
        Self { packer, out, start, last: start, form, chain, max_len: max_rop_out, count: 0 }
    }

    /// Bytes that are left of MaxRopOut.
    #[must_use]
    pub fn left(&self) -> usize {
        self.max_len.saturating_sub(self.out.len().saturating_sub(self.start))
    }

    /// The longest payload that can be pushed, in bytes: what is left without a header, at most [`MAX_PAYLOAD`]; 0 where no other
    /// may follow. A compressed one may turn out shorter; that it will is not counted on.
    #[must_use]
    pub fn room(&self) -> usize {
        let may_follow = self.count == 0 || self.chain && self.count < ExtendedBuffers::MAX;
        if may_follow { self.left().saturating_sub(RpcHeaderExt::LEN).min(MAX_PAYLOAD) } else { 0 }
    }

    /// Whether another payload may follow that goes on with `rop`, the last ROP of the request: the flags allow it, it is one of the
    /// three that are packed, and what is left is not less than 8 KB for RopReadStream and RopFastTransferSourceGetBuffer, 32 KB
    /// for RopQueryRows.
    #[must_use]
    pub fn can_pack(&self, rop: RopId) -> bool {
        let least = match rop {
            RopId::QUERY_ROWS => 32 * 1024,
            RopId::READ_STREAM | RopId::FAST_TRANSFER_SOURCE_GET_BUFFER => 8 * 1024,
            _ => return false,
        };
        self.count > 0 && self.left() >= least && self.room() > 0
    }

    /// Appends a payload.
    ///
    /// # Errors
    /// Those of `payload`, and [`EncodeErrorKind::TooLong`] past [`ChainWriter::room`]. What was there before stays as it was.
    pub fn push(
        &mut self,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let (at, room) = (self.out.len(), self.room());
        self.packer.write(self.out, self.form, |w| {
            let before = w.position();
            payload(w)?;
            let len = w.position().saturating_sub(before);
            if len > room { Err(too_long(room, len)) } else { Ok(()) }
        })?;
        if self.count > 0 {
            let flags = self.last.saturating_add(2);
            for byte in self.out.iter_mut().skip(flags).take(1) {
                *byte &= !LAST_BYTE;
            }
        }
        self.last = at;
        self.count += 1;
        Ok(())
    }

    /// Payloads so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The Last flag in the lower byte of Flags.
const LAST_BYTE: u8 = 0x04;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::Bytes;
    use oxwire_core::{DecodeError, Limits, decode_all};

    use super::super::ExtendedBuffer;
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
            assert_eq!(matches!(buffer.payload(), Ok(Cow::Borrowed(_))), form == PayloadForm::Plain);
            assert_eq!(&buffer.payload().unwrap()[..], [2, 0, 0xFF]);
            assert_eq!(&buffer.payload_bytes(&input).unwrap()[..], [2, 0, 0xFF]);
            let mut copy = BytesMut::from(&b"x"[..]);
            buffer.copy_payload_to(&mut copy).unwrap();
            assert_eq!(&copy[..], [b'x', 2, 0, 0xFF]);
        }
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
