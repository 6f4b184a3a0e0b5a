//! Execute bodies written around a ROP buffer in one go, and taken apart without a copy.

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Limits, Reader, Structure, Writer};

use super::{ExecuteFlags, ExecuteRequest, ExecuteSuccess};
use crate::aux_buffer::{AuxBlock, auxiliary_buffer_len, write_auxiliary_buffer_with};
use crate::rpc_header_ext::{ChainWriter, ExtendedBuffer, ExtendedBuffers, Packer, PayloadForm, RpcHeaderExt};

/// An [`ExecuteRequest`] whose ROPs are yet to be written.
///
/// ```
/// use oxwire_core::{Limits, decode_all};
/// use oxwire_mapi::mapihttp::{ExecuteRequest, ExecuteRequestBuilder};
///
/// // An empty ROP list: RopSize counts itself.
/// let body = ExecuteRequestBuilder::default().build(2, |w| {
///     w.u16_le(2);
///     Ok(())
/// })?;
/// let request: ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT)?;
/// assert_eq!(&request.rop_payload(&body)?[..], [2, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ExecuteRequestBuilder<'a> {
    /// How the server is to build the ROP responses. Default: neither compressed nor obfuscated.
    pub flags: ExecuteFlags,
    /// How the ROP requests and the auxiliary blocks are stored. Default: plain.
    pub form: PayloadForm,
    /// The longest `RopBuffer` that the response may carry, in bytes. Default: one RPC_HEADER_EXT with 32,767 bytes, the
    /// most that fits an answer without chaining.
    pub max_rop_out: u32,
    /// The client's auxiliary blocks. Default: none.
    pub auxiliary: &'a [AuxBlock<'a>],
}

impl Default for ExecuteRequestBuilder<'_> {
    fn default() -> Self {
        Self {
            flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC,
            form: PayloadForm::Plain,
            max_rop_out: 0x7FFF + 8,
            auxiliary: &[],
        }
    }
}

impl ExecuteRequestBuilder<'_> {
    /// How long the body is around a payload of `payload` bytes (the ROP list and its server object handle table).
    #[must_use]
    pub fn len_with(&self, payload: usize) -> usize {
        4 * 4 + RpcHeaderExt::LEN + payload + auxiliary_buffer_len(self.auxiliary)
    }

    /// Makes the body. With `payload_len` exact it takes one buffer, which never grows.
    ///
    /// # Errors
    /// Those of [`ExecuteRequestBuilder::write`].
    pub fn build(
        &self,
        payload_len: usize,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::with_capacity(self.len_with(payload_len));
        self.write(&mut out, payload)?;
        Ok(out.freeze())
    }

    /// Appends the body to a buffer of the caller's. `payload` writes the ROP list and the server object handle table.
    ///
    /// # Errors
    /// Those of `payload`; [`EncodeErrorKind::TooLong`] when the payload or the auxiliary blocks pass
    /// [`MAX_PAYLOAD`](crate::rpc_header_ext::MAX_PAYLOAD). `out` is as it was then.
    pub fn write(
        &self,
        out: &mut BytesMut,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.write_with(&mut Packer::new(), out, payload)
    }

    /// [`ExecuteRequestBuilder::write`] with a packer that is kept: a compressed form takes no allocation then.
    ///
    /// # Errors
    /// Those of [`ExecuteRequestBuilder::write`].
    pub fn write_with(
        &self,
        packer: &mut Packer,
        out: &mut BytesMut,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        restoring(out, |out| {
            out.extend_from_slice(&self.flags.bits().to_le_bytes());
            sized::<ExecuteRequest<'_>>(out, "RopBufferSize", |out| packer.write(out, self.form, payload))?;
            out.extend_from_slice(&self.max_rop_out.to_le_bytes());
            sized::<ExecuteRequest<'_>>(out, "AuxiliaryBufferSize", |out| {
                write_auxiliary_buffer_with(packer, out, self.form, self.auxiliary)
            })
        })
    }
}

/// An [`ExecuteSuccess`] whose ROP responses are yet to be written.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecuteSuccessBuilder<'a> {
    /// The return value of the operation, [MS-OXCRPC] 3.1.4.2; 0 is success.
    pub error_code: u32,
    /// How the ROP responses and the auxiliary blocks are stored: [`PayloadForm::allowed_by`] says what the request's flags allow, and
    /// plain is never wrong.
    pub form: PayloadForm,
    /// The server's auxiliary blocks.
    pub auxiliary: &'a [AuxBlock<'a>],
}

impl ExecuteSuccessBuilder<'_> {
    /// How long the body is around a payload of `payload` bytes (the ROP list and its server object handle table).
    #[must_use]
    pub fn len_with(&self, payload: usize) -> usize {
        5 * 4 + RpcHeaderExt::LEN + payload + auxiliary_buffer_len(self.auxiliary)
    }

    /// Makes the body. With `payload_len` exact it takes one buffer, which never grows.
    ///
    /// # Errors
    /// Those of [`ExecuteSuccessBuilder::write`].
    pub fn build(
        &self,
        payload_len: usize,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::with_capacity(self.len_with(payload_len));
        self.write(&mut out, payload)?;
        Ok(out.freeze())
    }

    /// Appends the body to a buffer of the caller's. `payload` writes the ROP list and the server object handle table.
    ///
    /// # Errors
    /// Those of `payload`; [`EncodeErrorKind::TooLong`] when the payload or the auxiliary blocks pass
    /// [`MAX_PAYLOAD`](crate::rpc_header_ext::MAX_PAYLOAD). `out` is as it was then.
    pub fn write(
        &self,
        out: &mut BytesMut,
        payload: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut packer = Packer::new();
        self.write_around(&mut packer, out, self.form, |packer, out| packer.write(out, self.form, payload))
    }

    /// Appends the body of the answer to a request with these `flags` and `max_rop_out`: `payloads` pushes the ROP responses, as many
    /// payloads as [`ChainWriter::can_pack`] lets it. What the flags do not allow of [`Self::form`](ExecuteSuccessBuilder::form) is left
    /// out, in the auxiliary buffer too.
    ///
    /// # Errors
    /// Those of `payloads`; [`EncodeErrorKind::TooLong`] when the auxiliary blocks pass
    /// [`MAX_PAYLOAD`](crate::rpc_header_ext::MAX_PAYLOAD). `out` is as it was then.
    pub fn write_answer(
        &self,
        packer: &mut Packer,
        out: &mut BytesMut,
        flags: ExecuteFlags,
        max_rop_out: u32,
        payloads: impl FnOnce(&mut ChainWriter<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let max_len = usize::try_from(max_rop_out).unwrap_or(usize::MAX);
        self.write_around(packer, out, self.form.allowed_by(flags), |packer, out| {
            let start = out.len();
            payloads(&mut ChainWriter::new(packer, out, self.form, flags, max_len))?;
            Ok(out.len().saturating_sub(start))
        })
    }

    fn write_around(
        &self,
        packer: &mut Packer,
        out: &mut BytesMut,
        form: PayloadForm,
        rop_buffer: impl FnOnce(&mut Packer, &mut BytesMut) -> Result<usize, EncodeError>,
    ) -> Result<(), EncodeError> {
        restoring(out, |out| {
            let mut w = Writer::new(out);
            w.u32_le(0);
            w.u32_le(self.error_code);
            w.u32_le(0);
            sized::<ExecuteSuccess<'_>>(out, "RopBufferSize", |out| rop_buffer(packer, out))?;
            sized::<ExecuteSuccess<'_>>(out, "AuxiliaryBufferSize", |out| {
                write_auxiliary_buffer_with(packer, out, form, self.auxiliary)
            })
        })
    }
}

impl<'de> ExecuteRequest<'de> {
    /// The ROP list and the server object handle table of a `RopBuffer` with one payload: a slice of `body`, from which this view was
    /// decoded, or one allocation to undo compression and obfuscation. Empty when there is no `RopBuffer`.
    ///
    /// # Errors
    /// [`DecodeError`] when `RopBuffer` is no [`ExtendedBuffer`], and for a chain; its offset counts from the beginning of the body.
    pub fn rop_payload(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        rop_payload(self.rop_buffer, 8, body)
    }

    /// The payloads of a `RopBuffer`, one after the other, as [`Self::rop_payload`] gives one. The offsets of errors count from the
    /// beginning of the body.
    pub fn rop_payloads<'b>(&self, body: &'b Bytes) -> impl Iterator<Item = Result<Bytes, DecodeError>> + use<'b, 'de> {
        rop_payloads(self.rop_buffer, 8, body)
    }
}

impl<'de> ExecuteSuccess<'de> {
    /// The ROP list and the server object handle table of a `RopBuffer` with one payload: a slice of `body`, from which this view was
    /// decoded, or one allocation to undo compression and obfuscation. Empty when there is no `RopBuffer`.
    ///
    /// # Errors
    /// [`DecodeError`] when `RopBuffer` is no [`ExtendedBuffer`], and for a chain; its offset counts from the beginning of the body.
    pub fn rop_payload(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        rop_payload(self.rop_buffer, 16, body)
    }

    /// The payloads of a `RopBuffer`, one after the other, as [`Self::rop_payload`] gives one. The offsets of errors count from the
    /// beginning of the body.
    pub fn rop_payloads<'b>(&self, body: &'b Bytes) -> impl Iterator<Item = Result<Bytes, DecodeError>> + use<'b, 'de> {
        rop_payloads(self.rop_buffer, 16, body)
    }
}

fn rop_payload(rop_buffer: &[u8], offset: usize, body: &Bytes) -> Result<Bytes, DecodeError> {
    if rop_buffer.is_empty() {
        return Ok(Bytes::new());
    }
    let (name, spec) = (ExtendedBuffer::NAME, ExtendedBuffer::SPEC);
    let mut r = Reader::with_limits(rop_buffer, &Limits::DEFAULT).named(name, spec).at_offset(offset);
    let buffer: ExtendedBuffer<'_> = r.structure()?;
    r.finish()?;
    buffer.payload_bytes(body)
}

fn rop_payloads<'b, 'de>(
    rop_buffer: &'de [u8],
    offset: usize,
    body: &'b Bytes,
) -> impl Iterator<Item = Result<Bytes, DecodeError>> + use<'b, 'de> {
    ExtendedBuffers::new(rop_buffer).at_offset(offset).map(|buffer| buffer?.payload_bytes(body))
}

/// Runs `write`, and cuts `out` back to what it was when that fails.
fn restoring(
    out: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let result = write(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Writes a 32-bit length and what it counts.
fn sized<T: Structure>(
    out: &mut BytesMut,
    field: &'static str,
    write: impl FnOnce(&mut BytesMut) -> Result<usize, EncodeError>,
) -> Result<(), EncodeError> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let len = write(out)?;
    let Ok(wide) = u32::try_from(len) else {
        let kind = EncodeErrorKind::TooLong { max: u32::MAX as usize, len };
        return Err(EncodeError { name: T::NAME, field, spec: T::SPEC, kind });
    };
    for (to, from) in out.iter_mut().skip(at).zip(wide.to_le_bytes()) {
        *to = from;
    }
    Ok(())
}
