//! What the ROPs share: their heads.

use oxwire_core::{DecodeError, Encode, Reader, Writer};

use super::RopId;
use crate::property::ErrorCode;

/// The places in the Server object handle table that a ROP names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HandleIndexes {
    /// The object that it works on.
    pub input: Option<u8>,
    /// Where the server stores the handle of the object that it makes.
    pub output: Option<u8>,
}

impl HandleIndexes {
    /// The higher of the two.
    #[must_use]
    pub fn highest(self) -> Option<u8> {
        self.input.max(self.output)
    }

    /// The one that the response repeats: the output, where there is one.
    #[must_use]
    pub const fn in_response(self) -> Option<u8> {
        match (self.output, self.input) {
            (Some(index), _) | (None, Some(index)) => Some(index),
            (None, None) => None,
        }
    }
}

/// A ROP request that can be appended to a ROP input buffer.
pub trait Request: Encode {
    /// Which ROP it is.
    fn rop_id(&self) -> RopId;

    /// The places in the handle table that it names.
    fn handle_indexes(&self) -> HandleIndexes;
}

/// A ROP response that can be appended to a ROP output buffer.
pub trait Response: Encode {
    /// Which ROP it is.
    fn rop_id(&self) -> RopId;

    /// The place in the handle table that it names, if it names one.
    fn handle_index(&self) -> Option<u8>;
}

/// Reads the RopId, which has to be this one.
pub(crate) fn rop_id(r: &mut Reader<'_>, expected: RopId) -> Result<(), DecodeError> {
    let at = r.offset();
    let found = RopId(r.u8("RopId")?);
    if found == expected {
        return Ok(());
    }
    Err(r.invalid(at, "RopId", expected.name().unwrap_or("another RopId"), found.0))
}

/// Reads RopId, LogonId and a handle index.
pub(crate) fn request_head(r: &mut Reader<'_>, id: RopId, field: &'static str) -> Result<(u8, u8), DecodeError> {
    rop_id(r, id)?;
    Ok((r.u8("LogonId")?, r.u8(field)?))
}

/// Writes RopId, LogonId and a handle index.
pub(crate) fn write_request_head(w: &mut Writer<'_>, id: RopId, logon_id: u8, index: u8) {
    w.bytes(&[id.0, logon_id, index]);
}

/// Reads RopId, a handle index, and a ReturnValue of zero.
pub(crate) fn success_head(r: &mut Reader<'_>, id: RopId, field: &'static str) -> Result<u8, DecodeError> {
    rop_id(r, id)?;
    let index = r.u8(field)?;
    let at = r.offset();
    match r.u32_le("ReturnValue")? {
        0 => Ok(index),
        found => Err(r.invalid(at, "ReturnValue", "0x00000000 (a success response)", found)),
    }
}

/// Writes RopId, a handle index and the ReturnValue.
pub(crate) fn write_response_head(w: &mut Writer<'_>, id: RopId, index: u8, value: ErrorCode) {
    w.bytes(&[id.0, index]);
    w.u32_le(value.0);
}

/// A Boolean of one byte: everything but zero is true.
pub(crate) fn boolean(r: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    Ok(r.u8(field)? != 0)
}
