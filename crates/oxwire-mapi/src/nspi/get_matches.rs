//! The GetMatches request type, [MS-OXCMAPIHTTP] 2.2.5.5: makes an Explicit Table of the rows that match.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::body::response;
use super::field::Field;
use super::{ColumnsAndRows, Failure, Matches, MinimalEntryIds, PropertyName, RowLimit, Stat, StatAnswer};
use crate::mapihttp::auxiliary;
use crate::property::{PropertyTags, Restriction};

/// The GetMatches request type request body, [MS-OXCMAPIHTTP] 2.2.5.5.1. NspiGetMatches, [MS-OXNSPI] 3.1.4.1.10.
///
/// Its Reserved and InterfaceOptionFlags fields are written as 0 and ignored on receipt, and so not kept here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GetMatchesRequest<'de> {
    /// State: the container and the place in it.
    pub state: Option<Stat>,
    /// MinimalIds: an Explicit Table.
    pub minimal_ids: Option<MinimalEntryIds<'de>>,
    /// Filter: which rows.
    pub filter: Option<Restriction<'de>>,
    /// PropertyNameGuid and PropertyNameId: the property to open.
    pub property_name: Option<PropertyName>,
    /// RowCount: the most rows to answer.
    pub row_count: u32,
    /// Columns; `None` for no rows.
    pub columns: Option<PropertyTags<'de>>,
    /// The extended buffer of the client's auxiliary blocks; empty for none.
    pub auxiliary_buffer: &'de [u8],
}

impl Structure for GetMatchesRequest<'_> {
    const NAME: &'static str = "GetMatches request body";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.5.5.1";
}

impl<'de> Decode<'de> for GetMatchesRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        r.u32_le("Reserved")?;
        let state = Field::read(r, "HasState")?;
        let minimal_ids = Field::read(r, "HasMinimalIds")?;
        r.u32_le("InterfaceOptionFlags")?;
        Ok(Self {
            state,
            minimal_ids,
            filter: Field::read(r, "HasFilter")?,
            property_name: Field::read(r, "HasPropertyName")?,
            row_count: Field::read(r, "RowCount")?,
            columns: Field::read(r, "HasColumns")?,
            auxiliary_buffer: auxiliary::read(r)?,
        })
    }
}

impl Encode for GetMatchesRequest<'_> {
    fn encoded_len(&self) -> usize {
        let fields = [
            self.state.size(),
            self.minimal_ids.size(),
            self.filter.size(),
            self.property_name.size(),
            self.row_count.size(),
            self.columns.size(),
            auxiliary::encoded_len(self.auxiliary_buffer),
        ];
        fields.into_iter().fold(8, usize::saturating_add)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(0);
        Field::write(&self.state, w, "HasState")?;
        Field::write(&self.minimal_ids, w, "HasMinimalIds")?;
        w.u32_le(0);
        Field::write(&self.filter, w, "HasFilter")?;
        Field::write(&self.property_name, w, "HasPropertyName")?;
        w.u32_le(self.row_count);
        Field::write(&self.columns, w, "HasColumns")?;
        auxiliary::write(w, self.auxiliary_buffer)
    }
}

impl GetMatchesRequest<'_> {
    /// The most matches, and rows, that the answer may have: as many as were asked for.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::new(self.row_count)
    }
}

response! {
    /// The GetMatches request type success response body, [MS-OXCMAPIHTTP] 2.2.5.5.2.
    GetMatchesSuccess, "GetMatches success response body", "[MS-OXCMAPIHTTP] 2.2.5.5.2";
    GetMatchesResponse, "GetMatches response body", "[MS-OXCMAPIHTTP] 2.2.5.5", Failure;
    /// State: the place at the end of the operation.
    state: Option<StatAnswer> = "HasState";
    /// MinimalIds: the rows that match, no more than the request asked for.
    minimal_ids: Option<Matches<'de>> = "HasMinimalIds";
    /// Columns, RowCount and RowData.
    rows: Option<ColumnsAndRows<'de>> = "HasColumnsAndRows";
}
