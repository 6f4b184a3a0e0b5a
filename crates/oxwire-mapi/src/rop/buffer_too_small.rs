//! RopBufferTooSmall, [MS-OXCROPS] 2.2.15.1 and 3.1.5.1.2.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::rop_id;
use super::{Response, RopId};

/// RopBufferTooSmall response, [MS-OXCROPS] 2.2.15.1.1: the last of its list. The requests inside were not processed; the
/// client sends them again with a larger output buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferTooSmallResponse<'a> {
    /// Bytes that the ROP output buffer needs; servers estimate.
    pub size_needed: u16,
    /// The RopsList of what was not processed.
    pub request_buffers: &'a [u8],
}

impl Structure for BufferTooSmallResponse<'_> {
    const NAME: &'static str = "RopBufferTooSmall response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.15.1.1";
}

impl Encode for BufferTooSmallResponse<'_> {
    fn encoded_len(&self) -> usize {
        self.request_buffers.len().saturating_add(3)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(RopId::BUFFER_TOO_SMALL.0);
        w.u16_le(self.size_needed);
        w.bytes(self.request_buffers);
        Ok(())
    }
}

/// Reads to the end: RequestBuffers has no length of its own.
impl<'de> Decode<'de> for BufferTooSmallResponse<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        rop_id(r, RopId::BUFFER_TOO_SMALL)?;
        Ok(Self { size_needed: r.u16_le("SizeNeeded")?, request_buffers: r.rest() })
    }
}

impl Response for BufferTooSmallResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::BUFFER_TOO_SMALL
    }

    fn handle_index(&self) -> Option<u8> {
        None
    }
}
