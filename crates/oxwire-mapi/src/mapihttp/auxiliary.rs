//! AuxiliaryBufferSize and AuxiliaryBuffer, which end every body of the mailbox endpoint.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Reader, Writer};

/// The length of an RPC_HEADER_EXT, without which an auxiliary buffer is either absent or damaged.
const HEADER_LEN: usize = 8;

/// Reads both fields. A size of 0 means that there is no buffer; 1 to 7 cannot hold an RPC_HEADER_EXT.
pub(crate) fn read<'de>(r: &mut Reader<'de>) -> Result<&'de [u8], DecodeError> {
    let at = r.offset();
    let size = r.u32_le("AuxiliaryBufferSize")?;
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    if len != 0 && len < HEADER_LEN {
        return Err(r.invalid(at, "AuxiliaryBufferSize", "0, or 8 or more: an RPC_HEADER_EXT and its payload", size));
    }
    r.value_bytes(len, "AuxiliaryBuffer")
}

/// Writes both fields.
pub(crate) fn write(w: &mut Writer<'_>, buffer: &[u8]) -> Result<(), EncodeError> {
    if (1..HEADER_LEN).contains(&buffer.len()) {
        let found = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let expected = "nothing, or an RPC_HEADER_EXT and its payload";
        return Err(w.error("AuxiliaryBuffer", EncodeErrorKind::Value { expected, found }));
    }
    w.len_u32_le(buffer.len(), "AuxiliaryBufferSize")?;
    w.bytes(buffer);
    Ok(())
}

/// How many bytes [`write`] writes.
pub(crate) const fn encoded_len(buffer: &[u8]) -> usize {
    4 + buffer.len()
}
