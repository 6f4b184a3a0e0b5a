//! The failure response that all ROPs of this crate share.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::{Response, RopId};
use crate::property::ErrorCode;

/// A failure response: RopId, the handle index that the request named, and why. Laid out alike for every ROP of this crate
/// ([MS-OXCROPS] 2.2.3.1.5, 2.2.4.1.3, 2.2.5.4.3 …).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureResponse {
    /// Which ROP failed.
    pub rop_id: RopId,
    /// OutputHandleIndex of the request where it has one, InputHandleIndex otherwise.
    pub handle_index: u8,
    /// Why. Not zero.
    pub return_value: ErrorCode,
}

impl Structure for FailureResponse {
    const NAME: &'static str = "ROP failure response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.3.1.5";
}

impl Encode for FailureResponse {
    fn encoded_len(&self) -> usize {
        6
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        super::codec::write_response_head(w, self.rop_id, self.handle_index, self.return_value);
        Ok(())
    }
}

impl Response for FailureResponse {
    fn rop_id(&self) -> RopId {
        self.rop_id
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.handle_index)
    }
}

impl<'de> Decode<'de> for FailureResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (rop_id, handle_index) = (RopId(r.u8("RopId")?), r.u8("HandleIndex")?);
        let at = r.offset();
        match ErrorCode(r.u32_le("ReturnValue")?) {
            ErrorCode::SUCCESS => Err(r.invalid(at, "ReturnValue", "a value other than 0x00000000", 0_u32)),
            return_value => Ok(Self { rop_id, handle_index, return_value }),
        }
    }
}
