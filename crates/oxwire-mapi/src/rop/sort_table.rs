//! RopSortTable, [MS-OXCROPS] 2.2.5.2, [MS-OXCTABL] 2.2.2.3.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{request_head, success_head, write_request_head, write_response_head};
use super::{AsynchronousFlags, HandleIndexes, Request, Response, RopId, TableStatus};
use crate::property::{ErrorCode, SortOrders};

/// RopSortTable request, [MS-OXCROPS] 2.2.5.2.1. The fields behind the flags are a SortOrderSet, [MS-OXCDATA] 2.13.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortTableRequest<'a> {
    /// The logon.
    pub logon_id: u8,
    /// The table.
    pub input_handle_index: u8,
    /// Whether the response may come early.
    pub sort_table_flags: AsynchronousFlags,
    /// How many of the first sort orders make categories.
    pub category_count: u16,
    /// How many of those categories are expanded.
    pub expanded_count: u16,
    /// The columns to sort by.
    pub sort_orders: SortOrders<'a>,
}

impl Structure for SortTableRequest<'_> {
    const NAME: &'static str = "RopSortTable request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.2.1";
}

impl Encode for SortTableRequest<'_> {
    fn encoded_len(&self) -> usize {
        self.sort_orders.len().saturating_mul(5).saturating_add(10)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::SORT_TABLE, self.logon_id, self.input_handle_index);
        w.u8(self.sort_table_flags.bits());
        w.len_u16_le(self.sort_orders.len(), "SortOrderCount")?;
        w.u16_le(self.category_count);
        w.u16_le(self.expanded_count);
        self.sort_orders.encode(w)
    }
}

impl<'de> Decode<'de> for SortTableRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::SORT_TABLE, "InputHandleIndex")?;
        let sort_table_flags = AsynchronousFlags::from_bits(r.u8("SortTableFlags")?);
        let count = usize::from(r.u16_le("SortOrderCount")?);
        let category_count = r.u16_le("CategoryCount")?;
        let expanded_count = r.u16_le("ExpandedCount")?;
        let sort_orders = SortOrders::decode(r, count)?;
        Ok(Self { logon_id, input_handle_index, sort_table_flags, category_count, expanded_count, sort_orders })
    }
}

impl Request for SortTableRequest<'_> {
    fn rop_id(&self) -> RopId {
        RopId::SORT_TABLE
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: None }
    }
}

/// RopSortTable success response, [MS-OXCROPS] 2.2.5.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortTableResponse {
    /// The table.
    pub input_handle_index: u8,
    /// What the table is doing.
    pub table_status: TableStatus,
}

impl Structure for SortTableResponse {
    const NAME: &'static str = "RopSortTable response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.2.2";
}

impl Encode for SortTableResponse {
    fn encoded_len(&self) -> usize {
        7
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::SORT_TABLE, self.input_handle_index, ErrorCode::SUCCESS);
        w.u8(self.table_status.0);
        Ok(())
    }
}

impl<'de> Decode<'de> for SortTableResponse {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let input_handle_index = success_head(r, RopId::SORT_TABLE, "InputHandleIndex")?;
        Ok(Self { input_handle_index, table_status: TableStatus(r.u8("TableStatus")?) })
    }
}

impl Response for SortTableResponse {
    fn rop_id(&self) -> RopId {
        RopId::SORT_TABLE
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.input_handle_index)
    }
}
