//! Execute bodies written around a ROP buffer in one go, and taken apart without a copy.

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Limits, Reader, Structure, Writer};

use super::{ExecuteFlags, ExecuteRequest, ExecuteSuccess};
use crate::aux_buffer::{AuxBlock, auxiliary_buffer_len, write_auxiliary_buffer};
use crate::rpc_header_ext::{ExtendedBuffer, PayloadForm, RpcHeaderExt, write_extended_buffer};

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
        restoring(out, |out| {
            out.extend_from_slice(&self.flags.bits().to_le_bytes());
            sized::<ExecuteRequest<'_>>(out, "RopBufferSize", |out| write_extended_buffer(out, self.form, payload))?;
            out.extend_from_slice(&self.max_rop_out.to_le_bytes());
            sized::<ExecuteRequest<'_>>(out, "AuxiliaryBufferSize", |out| {
                write_auxiliary_buffer(out, self.form, self.auxiliary)
            })
        })
    }
}

/// An [`ExecuteSuccess`] whose ROP responses are yet to be written.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExecuteSuccessBuilder<'a> {
    /// The return value of the operation, [MS-OXCRPC] 3.1.4.2; 0 is success.
    pub error_code: u32,
    /// How the ROP responses and the auxiliary blocks are stored: plain where the request says
    /// [`ExecuteFlags::NO_XOR_MAGIC`], and plain is never wrong.
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
        restoring(out, |out| {
            let mut w = Writer::new(out);
            w.u32_le(0);
            w.u32_le(self.error_code);
            w.u32_le(0);
            sized::<ExecuteSuccess<'_>>(out, "RopBufferSize", |out| write_extended_buffer(out, self.form, payload))?;
            sized::<ExecuteSuccess<'_>>(out, "AuxiliaryBufferSize", |out| {
                write_auxiliary_buffer(out, self.form, self.auxiliary)
            })
        })
    }
}

impl ExecuteRequest<'_> {
    /// The ROP list and the server object handle table: a slice of `body`, from which this view was decoded, or one
    /// allocation to undo the obfuscation. Empty when there is no `RopBuffer`.
    ///
    /// # Errors
    /// [`DecodeError`] when `RopBuffer` is no [`ExtendedBuffer`]; its offset counts from the beginning of the body.
    pub fn rop_payload(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        rop_payload(self.rop_buffer, 8, body)
    }
}

impl ExecuteSuccess<'_> {
    /// The ROP list and the server object handle table: a slice of `body`, from which this view was decoded, or one
    /// allocation to undo the obfuscation. Empty when there is no `RopBuffer`.
    ///
    /// # Errors
    /// [`DecodeError`] when `RopBuffer` is no [`ExtendedBuffer`]; its offset counts from the beginning of the body.
    pub fn rop_payload(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        rop_payload(self.rop_buffer, 16, body)
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
    Ok(buffer.payload_bytes(body))
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
