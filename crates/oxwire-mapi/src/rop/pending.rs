//! RopPending, [MS-OXCROPS] 2.2.14.3, [MS-OXCNOTIF] 2.2.1.3.4.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::rop_id;
use super::{Response, RopId};

/// RopPending response, [MS-OXCROPS] 2.2.14.3.1: more notifications are queued than the buffer had room for. There is no
/// request; it stands at the end of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingResponse {
    /// The session that has notifications.
    pub session_index: u16,
}

impl Structure for PendingResponse {
    const NAME: &'static str = "RopPending response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.14.3.1";
}

impl Encode for PendingResponse {
    fn encoded_len(&self) -> usize {
        3
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(RopId::PENDING.0);
        w.u16_le(self.session_index);
        Ok(())
    }
}

impl<'de> Decode<'de> for PendingResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        rop_id(r, RopId::PENDING)?;
        Ok(Self { session_index: r.u16_le("SessionIndex")? })
    }
}

impl Response for PendingResponse {
    fn rop_id(&self) -> RopId {
        RopId::PENDING
    }

    fn handle_index(&self) -> Option<u8> {
        None
    }
}
