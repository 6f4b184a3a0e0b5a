//! The DNToMId request type, [MS-OXCMAPIHTTP] 2.2.5.4: maps DNs to Minimal Entry IDs.

use super::body::{request, response};
use super::{Failure, MinimalEntryIds, Strings};

request! {
    /// The DNToMId request type request body, [MS-OXCMAPIHTTP] 2.2.5.4.1. NspiDNToMId, [MS-OXNSPI] 3.1.4.1.13.
    DnToMIdRequest, "DNToMId request body", "[MS-OXCMAPIHTTP] 2.2.5.4.1";
    @reserved "Reserved";
    /// Names: the DNs.
    names: Option<Strings<'de>> = "HasNames";
}

response! {
    /// The DNToMId request type success response body, [MS-OXCMAPIHTTP] 2.2.5.4.2.
    DnToMIdSuccess, "DNToMId success response body", "[MS-OXCMAPIHTTP] 2.2.5.4.2";
    DnToMIdResponse, "DNToMId response body", "[MS-OXCMAPIHTTP] 2.2.5.4", Failure;
    /// MinimalIds: one for each DN, [`MinimalEntryId::UNRESOLVED`](super::MinimalEntryId::UNRESOLVED) for one that is not known.
    minimal_ids: Option<MinimalEntryIds<'de>> = "HasMinimalIds";
}
