//! The GetSpecialTable request type, [MS-OXCMAPIHTTP] 2.2.5.8: gets the hierarchy table or the address creation table.

use super::body::{request, response};
use super::{Failure, SpecialTableFlags, Stat, ValueLists};

request! {
    /// The GetSpecialTable request type request body, [MS-OXCMAPIHTTP] 2.2.5.8.1. NspiGetSpecialTable, [MS-OXNSPI] 3.1.4.1.3.
    GetSpecialTableRequest, "GetSpecialTable request body", "[MS-OXCMAPIHTTP] 2.2.5.8.1";
    /// Which table, and its strings.
    flags: SpecialTableFlags = "Flags";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// Version: of the hierarchy table that the client has.
    version: Option<u32> = "HasVersion";
}

response! {
    /// The GetSpecialTable request type success response body, [MS-OXCMAPIHTTP] 2.2.5.8.2.
    GetSpecialTableSuccess, "GetSpecialTable success response body", "[MS-OXCMAPIHTTP] 2.2.5.8.2";
    GetSpecialTableResponse, "GetSpecialTable response body", "[MS-OXCMAPIHTTP] 2.2.5.8", Failure;
    /// CodePage: of string values.
    code_page: u32 = "CodePage";
    /// Version: of the hierarchy table that the server has.
    version: Option<u32> = "HasVersion";
    /// Rows; `None` when the client has this version.
    rows: Option<ValueLists<'de>> = "HasRows";
}
