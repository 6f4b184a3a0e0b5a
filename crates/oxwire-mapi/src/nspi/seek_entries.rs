//! The SeekEntries request type, [MS-OXCMAPIHTTP] 2.2.5.16: goes to the first row that is not below a value.

use super::body::{request, response};
use super::{ColumnsAndRows, ExplicitTable, Failure, RowLimit, Stat, StatAnswer, TaggedValue};
use crate::property::PropertyTags;

request! {
    /// The SeekEntries request type request body, [MS-OXCMAPIHTTP] 2.2.5.16.1. NspiSeekEntries, [MS-OXNSPI] 3.1.4.1.9.
    SeekEntriesRequest, "SeekEntries request body", "[MS-OXCMAPIHTTP] 2.2.5.16.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// Target: the value, of the property that the table is sorted by.
    target: Option<TaggedValue<'de>> = "HasTarget";
    /// ExplicitTable: the rows to look in, where the table is not that of `state`.
    explicit_table: Option<ExplicitTable<'de>> = "HasExplicitTable";
    /// Columns of the rows; `None` for no rows.
    columns: Option<PropertyTags<'de>> = "HasColumns";
}

response! {
    /// The SeekEntries request type success response body, [MS-OXCMAPIHTTP] 2.2.5.16.2.
    SeekEntriesSuccess, "SeekEntries success response body", "[MS-OXCMAPIHTTP] 2.2.5.16.2";
    SeekEntriesResponse, "SeekEntries response body", "[MS-OXCMAPIHTTP] 2.2.5.16", Failure;
    /// State: the place at the end of the operation.
    state: Option<StatAnswer> = "HasState";
    /// Columns, RowCount and RowData.
    rows: Option<ColumnsAndRows<'de>> = "HasColumnsAndRows";
}

impl SeekEntriesRequest<'_> {
    /// The most rows that the answer may have: those of the Explicit Table; without one a server chooses, and 50 is this one's choice.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::new(self.explicit_table.map_or(50, |table| table.0.len()))
    }
}
