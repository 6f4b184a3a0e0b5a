//! The QueryColumns request type, [MS-OXCMAPIHTTP] 2.2.5.13: lists the properties that there are in the address book.

use super::body::{request, response};
use super::{Failure, QueryColumnsFlags};
use crate::property::PropertyTags;

request! {
    /// The QueryColumns request type request body, [MS-OXCMAPIHTTP] 2.2.5.13.1. NspiQueryColumns, [MS-OXNSPI] 3.1.4.1.5.
    QueryColumnsRequest, "QueryColumns request body", "[MS-OXCMAPIHTTP] 2.2.5.13.1";
    @reserved "Reserved";
    /// Options.
    mapi_flags: QueryColumnsFlags = "MapiFlags";
}

response! {
    /// The QueryColumns request type success response body, [MS-OXCMAPIHTTP] 2.2.5.13.2.
    QueryColumnsSuccess, "QueryColumns success response body", "[MS-OXCMAPIHTTP] 2.2.5.13.2";
    QueryColumnsResponse, "QueryColumns response body", "[MS-OXCMAPIHTTP] 2.2.5.13", Failure;
    /// Columns.
    columns: Option<PropertyTags<'de>> = "HasColumns";
}
