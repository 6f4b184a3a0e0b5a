//! The ResolveNames request type, [MS-OXCMAPIHTTP] 2.2.5.14: resolves names, ANR.

use super::body::{request, response};
use super::{ColumnsAndRows, Failure, MinimalEntryIds, RowLimit, Stat, WideStrings};
use crate::property::PropertyTags;

request! {
    /// The ResolveNames request type request body, [MS-OXCMAPIHTTP] 2.2.5.14.1. NspiResolveNamesW, [MS-OXNSPI] 3.1.4.1.17.
    ///
    /// Outlook sends 0x80000000 as Reserved.
    ResolveNamesRequest, "ResolveNames request body", "[MS-OXCMAPIHTTP] 2.2.5.14.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// PropertyTags: the columns of the rows; `None` for those that the server chooses.
    property_tags: Option<PropertyTags<'de>> = "HasPropertyTags";
    /// Names.
    names: Option<WideStrings<'de>> = "HasNames";
}

response! {
    /// The ResolveNames request type success response body, [MS-OXCMAPIHTTP] 2.2.5.14.2.
    ResolveNamesSuccess, "ResolveNames success response body", "[MS-OXCMAPIHTTP] 2.2.5.14.2";
    ResolveNamesResponse, "ResolveNames response body", "[MS-OXCMAPIHTTP] 2.2.5.14", Failure;
    /// CodePage: of string values.
    code_page: u32 = "CodePage";
    /// MinimalIds: one for each name, [`MinimalEntryId::UNRESOLVED`](super::MinimalEntryId::UNRESOLVED), AMBIGUOUS or RESOLVED.
    minimal_ids: Option<MinimalEntryIds<'de>> = "HasMinimalIds";
    /// PropertyTags, RowCount and RowData: a row for each name that is resolved.
    rows: Option<ColumnsAndRows<'de>> = "HasRowsAndCols";
}

impl ResolveNamesRequest<'_> {
    /// The most rows that the answer may have: one for each name.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::new(self.names.map_or(0, WideStrings::len))
    }
}
