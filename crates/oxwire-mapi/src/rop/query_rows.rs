//! RopQueryRows, [MS-OXCROPS] 2.2.5.4, [MS-OXCTABL] 2.2.2.5.

use oxwire_core::{Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{boolean, request_head, success_head, write_request_head, write_response_head};
use super::{Bookmark, HandleIndexes, Request, Response, RopId};
use crate::flags::flags;
use crate::property::{CountWidth, ErrorCode, PropertyRows, PropertyTags};

flags! {
    /// QueryRowsFlags, [MS-OXCTABL] 2.2.2.5.1. Unknown bits are kept.
    QueryRowsFlags: u8 {
        /// The cursor stays.
        NO_ADVANCE = 0x01;
        /// The server may chain several buffers, where the Execute has the Chain flag.
        ENABLE_PACKED_BUFFERS = 0x02;
    }
}

impl QueryRowsFlags {
    /// The cursor moves on.
    pub const ADVANCE: Self = Self::NONE;
}

/// RopQueryRows request, [MS-OXCROPS] 2.2.5.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryRowsRequest {
    /// The logon.
    pub logon_id: u8,
    /// The table.
    pub input_handle_index: u8,
    /// Whether the cursor moves.
    pub query_rows_flags: QueryRowsFlags,
    /// Forwards, or backwards.
    pub forward_read: bool,
    /// Rows at the most; the server may answer fewer.
    pub row_count: u16,
}

impl Structure for QueryRowsRequest {
    const NAME: &'static str = "RopQueryRows request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.4.1";
}

impl Encode for QueryRowsRequest {
    fn encoded_len(&self) -> usize {
        7
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::QUERY_ROWS, self.logon_id, self.input_handle_index);
        w.u8(self.query_rows_flags.bits());
        w.u8(u8::from(self.forward_read));
        w.u16_le(self.row_count);
        Ok(())
    }
}

impl<'de> Decode<'de> for QueryRowsRequest {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::QUERY_ROWS, "InputHandleIndex")?;
        let query_rows_flags = QueryRowsFlags::from_bits(r.u8("QueryRowsFlags")?);
        let forward_read = boolean(r, "ForwardRead")?;
        let row_count = r.u16_le("RowCount")?;
        Ok(Self { logon_id, input_handle_index, query_rows_flags, forward_read, row_count })
    }
}

impl Request for QueryRowsRequest {
    fn rop_id(&self) -> RopId {
        RopId::QUERY_ROWS
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: None }
    }
}

/// RopQueryRows success response, [MS-OXCROPS] 2.2.5.4.2. It can only be read with the columns that an earlier RopSetColumns
/// set: its length is not on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRowsResponse<'a> {
    /// The table.
    pub input_handle_index: u8,
    /// Where the cursor is now.
    pub origin: Bookmark,
    /// The rows.
    pub rows: PropertyRows<'a>,
}

impl Structure for QueryRowsResponse<'_> {
    const NAME: &'static str = "RopQueryRows response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.5.4.2";
}

impl Encode for QueryRowsResponse<'_> {
    fn encoded_len(&self) -> usize {
        self.rows.as_bytes().len().saturating_add(9)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::QUERY_ROWS, self.input_handle_index, ErrorCode::SUCCESS);
        w.u8(self.origin.0);
        w.len_u16_le(self.rows.len(), "RowCount")?;
        w.bytes(self.rows.as_bytes());
        Ok(())
    }
}

impl<'a> QueryRowsResponse<'a> {
    /// Reads the response; every cell is read once, to find the end. Without columns only a response without rows can be read.
    ///
    /// # Errors
    /// [`DecodeError`]; of kind [`DecodeErrorKind::Unsupported`] when there are rows and no columns are known.
    pub fn decode(r: &mut Reader<'a>, columns: Option<PropertyTags<'a>>) -> Result<Self, DecodeError> {
        *r = r.clone().named(Self::NAME, Self::SPEC);
        let input_handle_index = success_head(r, RopId::QUERY_ROWS, "InputHandleIndex")?;
        let origin = Bookmark(r.u8("Origin")?);
        let count = usize::from(r.u16_le("RowCount")?);
        let columns = match columns {
            Some(columns) => columns,
            None if count == 0 => PropertyTags::EMPTY,
            None => {
                let what = "rows of a table whose columns are not known";
                return Err(r.error("RowData", DecodeErrorKind::Unsupported { what }));
            }
        };
        let rows = PropertyRows::decode(r, count, columns, CountWidth::RopBuffer)?;
        Ok(Self { input_handle_index, origin, rows })
    }
}

impl Response for QueryRowsResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::QUERY_ROWS
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.input_handle_index)
    }
}
