//! RopSetColumns, [MS-OXCROPS] 2.2.5.1, [MS-OXCTABL] 2.2.2.2.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{request_head, success_head, write_request_head, write_response_head};
use super::{AsynchronousFlags, HandleIndexes, Request, Response, RopId, TableStatus};
use crate::property::{ErrorCode, PropertyTags};

/// RopSetColumns request, [MS-OXCROPS] 2.2.5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetColumnsRequest<'a> {
    /// The logon.
    pub logon_id: u8,
    /// The table.
    pub input_handle_index: u8,
    /// Whether the response may come early.
    pub set_columns_flags: AsynchronousFlags,
    /// The columns of the rows that later ROPs answer.
    pub property_tags: PropertyTags<'a>,
}

impl Structure for SetColumnsRequest<'_> {
    const NAME: &'static str = "RopSetColumns request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.1.1";
}

impl Encode for SetColumnsRequest<'_> {
    fn encoded_len(&self) -> usize {
        self.property_tags.len().saturating_mul(4).saturating_add(6)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::SET_COLUMNS, self.logon_id, self.input_handle_index);
        w.u8(self.set_columns_flags.bits());
        self.property_tags.encode_counted(w, "PropertyTagCount")
    }
}

impl<'de> Decode<'de> for SetColumnsRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::SET_COLUMNS, "InputHandleIndex")?;
        let set_columns_flags = AsynchronousFlags::from_bits(r.u8("SetColumnsFlags")?);
        let property_tags = PropertyTags::decode_counted(r, "PropertyTagCount", "PropertyTags")?;
        Ok(Self { logon_id, input_handle_index, set_columns_flags, property_tags })
    }
}

impl Request for SetColumnsRequest<'_> {
    fn rop_id(&self) -> RopId {
        RopId::SET_COLUMNS
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: None }
    }
}

/// RopSetColumns success response, [MS-OXCROPS] 2.2.5.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetColumnsResponse {
    /// The table.
    pub input_handle_index: u8,
    /// What the table is doing.
    pub table_status: TableStatus,
}

impl Structure for SetColumnsResponse {
    const NAME: &'static str = "RopSetColumns response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.1.2";
}

impl Encode for SetColumnsResponse {
    fn encoded_len(&self) -> usize {
        7
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::SET_COLUMNS, self.input_handle_index, ErrorCode::SUCCESS);
        w.u8(self.table_status.0);
        Ok(())
    }
}

impl<'de> Decode<'de> for SetColumnsResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let input_handle_index = success_head(r, RopId::SET_COLUMNS, "InputHandleIndex")?;
        Ok(Self { input_handle_index, table_status: TableStatus(r.u8("TableStatus")?) })
    }
}

impl Response for SetColumnsResponse {
    fn rop_id(&self) -> RopId {
        RopId::SET_COLUMNS
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.input_handle_index)
    }
}
