//! The CompareMIds request type, [MS-OXCMAPIHTTP] 2.2.5.3: compares the places of two objects in a container.

use super::body::{request, response};
use super::{Failure, MinimalEntryId, Stat};

request! {
    /// The CompareMIds request type request body, [MS-OXCMAPIHTTP] 2.2.5.3.1. NspiCompareMIds, [MS-OXNSPI] 3.1.4.1.12.
    CompareMIdsRequest, "CompareMIds request body", "[MS-OXCMAPIHTTP] 2.2.5.3.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// MinimalId1: the first object.
    minimal_id_1: MinimalEntryId = "MinimalId1";
    /// MinimalId2: the second object.
    minimal_id_2: MinimalEntryId = "MinimalId2";
}

response! {
    /// The CompareMIds request type success response body, [MS-OXCMAPIHTTP] 2.2.5.3.2.
    CompareMIdsSuccess, "CompareMIds success response body", "[MS-OXCMAPIHTTP] 2.2.5.3.2";
    CompareMIdsResponse, "CompareMIds response body", "[MS-OXCMAPIHTTP] 2.2.5.3", Failure;
    /// Result: below 0 when the first comes before the second, 0 when both are the same object, above 0 otherwise.
    result: i32 = "Result";
}
