//! The QueryRows request type, [MS-OXCMAPIHTTP] 2.2.5.12: gets rows of a table.

use super::body::{request, response};
use super::{ColumnsAndRows, ExplicitTable, Failure, PropertyFlags, RowLimit, Stat, StatAnswer};
use crate::property::PropertyTags;

request! {
    /// The QueryRows request type request body, [MS-OXCMAPIHTTP] 2.2.5.12.1. NspiQueryRows, [MS-OXNSPI] 3.1.4.1.8.
    QueryRowsRequest, "QueryRows request body", "[MS-OXCMAPIHTTP] 2.2.5.12.1";
    /// Options.
    flags: PropertyFlags = "Flags";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// ExplicitTable: the rows to take, where the table is not that of `state`.
    explicit_table: ExplicitTable<'de> = "ExplicitTable";
    /// RowCount: the most rows to answer.
    row_count: u32 = "RowCount";
    /// Columns; `None` for those that the server chooses.
    columns: Option<PropertyTags<'de>> = "HasColumns";
}

response! {
    /// The QueryRows request type success response body, [MS-OXCMAPIHTTP] 2.2.5.12.2.
    QueryRowsSuccess, "QueryRows success response body", "[MS-OXCMAPIHTTP] 2.2.5.12.2";
    QueryRowsResponse, "QueryRows response body", "[MS-OXCMAPIHTTP] 2.2.5.12", Failure;
    /// State: the place at the end of the operation.
    state: Option<StatAnswer> = "HasState";
    /// Columns, RowCount and RowData.
    rows: Option<ColumnsAndRows<'de>> = "HasColumnsAndRows";
}

impl QueryRowsRequest<'_> {
    /// The most rows that the answer may have: as many as were asked for.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::new(self.row_count)
    }
}
