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

/// The failure response to a request that cannot be read: what its RopId says of the layout, and the bytes that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    failure: FailureResponse,
    /// Bytes of zero behind ReturnValue: those ROPs whose one response says what was done have it in a failure too.
    zeros: usize,
}

impl Refusal {
    /// The refusal of the request that `raw` begins with. `None` where no response would be right: a reserved RopId, whose
    /// responses no client could read; RopRelease, which has none (3.2.5.3); a ROP that only servers send; and a request that
    /// ends before the handle index that the response repeats.
    pub(crate) fn of(raw: &[u8], return_value: ErrorCode) -> Option<Self> {
        let rop_id = RopId(*raw.first()?);
        rop_id.name()?;
        let (index_at, zeros) = layout(rop_id)?;
        let handle_index = *raw.get(index_at)?;
        // The two share their responses, 2.2.6.9.2.
        let rop_id = if rop_id == RopId::GET_MESSAGE_STATUS { RopId::SET_MESSAGE_STATUS } else { rop_id };
        Some(Self { failure: FailureResponse { rop_id, handle_index, return_value }, zeros })
    }
}

impl Structure for Refusal {
    const NAME: &'static str = FailureResponse::NAME;
    const SPEC: &'static str = FailureResponse::SPEC;
}

impl Encode for Refusal {
    fn encoded_len(&self) -> usize {
        self.failure.encoded_len().saturating_add(self.zeros)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.structure(&self.failure)?;
        (0..self.zeros).for_each(|_| w.u8(0));
        Ok(())
    }
}

/// Where a request has the handle index that its failure response repeats, and how many bytes follow ReturnValue in it, [MS-OXCROPS]
/// 2.2.3 to 2.2.15.
const fn layout(rop_id: RopId) -> Option<(usize, usize)> {
    /// RopId, LogonId, then InputHandleIndex, SourceHandleIndex, ResponseHandleIndex, or RopLogon's OutputHandleIndex.
    const FIRST: usize = 2;
    /// RopId, LogonId, InputHandleIndex, then OutputHandleIndex.
    const SECOND: usize = 3;
    Some(match rop_id {
        RopId::RELEASE | RopId::NOTIFY | RopId::PENDING | RopId::BACKOFF | RopId::BUFFER_TOO_SMALL => return None,
        RopId::OPEN_FOLDER
        | RopId::CREATE_FOLDER
        | RopId::GET_HIERARCHY_TABLE
        | RopId::GET_CONTENTS_TABLE
        | RopId::OPEN_MESSAGE
        | RopId::CREATE_MESSAGE
        | RopId::OPEN_ATTACHMENT
        | RopId::CREATE_ATTACHMENT
        | RopId::OPEN_EMBEDDED_MESSAGE
        | RopId::GET_ATTACHMENT_TABLE
        | RopId::OPEN_STREAM
        | RopId::CLONE_STREAM
        | RopId::GET_PERMISSIONS_TABLE
        | RopId::GET_RULES_TABLE
        | RopId::FAST_TRANSFER_DESTINATION_CONFIGURE
        | RopId::FAST_TRANSFER_SOURCE_COPY_FOLDER
        | RopId::FAST_TRANSFER_SOURCE_COPY_MESSAGES
        | RopId::FAST_TRANSFER_SOURCE_COPY_TO
        | RopId::FAST_TRANSFER_SOURCE_COPY_PROPERTIES
        | RopId::SYNCHRONIZATION_CONFIGURE
        | RopId::SYNCHRONIZATION_IMPORT_MESSAGE_CHANGE
        | RopId::SYNCHRONIZATION_OPEN_COLLECTOR
        | RopId::SYNCHRONIZATION_GET_TRANSFER_STATE
        | RopId::REGISTER_NOTIFICATION => (SECOND, 0),
        // PartialCompletion.
        RopId::DELETE_FOLDER
        | RopId::MOVE_COPY_MESSAGES
        | RopId::MOVE_FOLDER
        | RopId::COPY_FOLDER
        | RopId::EMPTY_FOLDER
        | RopId::HARD_DELETE_MESSAGES_AND_SUBFOLDERS
        | RopId::DELETE_MESSAGES
        | RopId::HARD_DELETE_MESSAGES
        | RopId::SET_READ_FLAGS => (FIRST, 1),
        // DataSize, or WrittenSize.
        RopId::READ_STREAM | RopId::WRITE_STREAM | RopId::WRITE_AND_COMMIT_STREAM => (FIRST, 2),
        // WrittenSize, wider.
        RopId::WRITE_STREAM_EXTENDED => (FIRST, 4),
        // TransferStatus, InProgressCount, TotalStepCount, Reserved, BufferUsedSize or TransferBufferSize.
        RopId::FAST_TRANSFER_DESTINATION_PUT_BUFFER | RopId::FAST_TRANSFER_SOURCE_GET_BUFFER => (FIRST, 9),
        // ReadByteCount, WrittenByteCount.
        RopId::COPY_TO_STREAM => (FIRST, 16),
        _ => (FIRST, 0),
    })
}
