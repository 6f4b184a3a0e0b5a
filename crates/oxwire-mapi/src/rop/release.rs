//! RopRelease, [MS-OXCROPS] 2.2.15.3: ends a Server object. There is no response.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{request_head, write_request_head};
use super::{HandleIndexes, Request, RopId};

/// RopRelease request, [MS-OXCROPS] 2.2.15.3.1. The server never answers it, whatever comes of it (3.2.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// The logon.
    pub logon_id: u8,
    /// The object to end.
    pub input_handle_index: u8,
}

impl Structure for ReleaseRequest {
    const NAME: &'static str = "RopRelease request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.15.3.1";
}

impl Encode for ReleaseRequest {
    fn encoded_len(&self) -> usize {
        3
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::RELEASE, self.logon_id, self.input_handle_index);
        Ok(())
    }
}

impl<'de> Decode<'de> for ReleaseRequest {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::RELEASE, "InputHandleIndex")?;
        Ok(Self { logon_id, input_handle_index })
    }
}

impl Request for ReleaseRequest {
    fn rop_id(&self) -> RopId {
        RopId::RELEASE
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: None }
    }
}
