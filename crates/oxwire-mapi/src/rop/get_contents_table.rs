//! RopGetContentsTable, [MS-OXCROPS] 2.2.4.14, [MS-OXCFOLD] 2.2.1.14.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{request_head, success_head, write_request_head, write_response_head};
use super::{HandleIndexes, Request, Response, RopId};
use crate::flags::flags;
use crate::property::ErrorCode;

flags! {
    /// TableFlags of RopGetContentsTable, [MS-OXCFOLD] 2.2.1.14.1. Unknown bits are kept.
    ContentsTableFlags: u8 {
        /// Folder associated messages instead of messages.
        ASSOCIATED = 0x02;
        /// The server may answer before it is done.
        DEFERRED_ERRORS = 0x08;
        /// No notifications of this table.
        NO_NOTIFICATIONS = 0x10;
        /// Soft-deleted messages only.
        SOFT_DELETES = 0x20;
        /// Strings as UTF-16.
        USE_UNICODE = 0x40;
        /// Messages of one conversation, a row each.
        CONVERSATION_MEMBERS = 0x80;
    }
}

/// RopGetContentsTable request, [MS-OXCROPS] 2.2.4.14.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetContentsTableRequest {
    /// The logon.
    pub logon_id: u8,
    /// The folder.
    pub input_handle_index: u8,
    /// Where the table's handle goes.
    pub output_handle_index: u8,
    /// What the table shows, and how.
    pub table_flags: ContentsTableFlags,
}

impl Structure for GetContentsTableRequest {
    const NAME: &'static str = "RopGetContentsTable request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.4.14.1";
}

impl Encode for GetContentsTableRequest {
    fn encoded_len(&self) -> usize {
        5
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::GET_CONTENTS_TABLE, self.logon_id, self.input_handle_index);
        w.u8(self.output_handle_index);
        w.u8(self.table_flags.bits());
        Ok(())
    }
}

impl<'de> Decode<'de> for GetContentsTableRequest {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::GET_CONTENTS_TABLE, "InputHandleIndex")?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let table_flags = ContentsTableFlags::from_bits(r.u8("TableFlags")?);
        Ok(Self { logon_id, input_handle_index, output_handle_index, table_flags })
    }
}

impl Request for GetContentsTableRequest {
    fn rop_id(&self) -> RopId {
        RopId::GET_CONTENTS_TABLE
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: Some(self.output_handle_index) }
    }
}

/// RopGetContentsTable success response, [MS-OXCROPS] 2.2.4.14.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetContentsTableResponse {
    /// Where the table's handle is.
    pub output_handle_index: u8,
    /// Rows of the table; not accurate where the request set the bit DeferredErrors.
    pub row_count: u32,
}

impl Structure for GetContentsTableResponse {
    const NAME: &'static str = "RopGetContentsTable response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.4.14.2";
}

impl Encode for GetContentsTableResponse {
    fn encoded_len(&self) -> usize {
        10
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::GET_CONTENTS_TABLE, self.output_handle_index, ErrorCode::SUCCESS);
        w.u32_le(self.row_count);
        Ok(())
    }
}

impl<'de> Decode<'de> for GetContentsTableResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let output_handle_index = success_head(r, RopId::GET_CONTENTS_TABLE, "OutputHandleIndex")?;
        Ok(Self { output_handle_index, row_count: r.u32_le("RowCount")? })
    }
}

impl Response for GetContentsTableResponse {
    fn rop_id(&self) -> RopId {
        RopId::GET_CONTENTS_TABLE
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.output_handle_index)
    }
}
