//! The UpdateStat request type, [MS-OXCMAPIHTTP] 2.2.5.17: moves the place in a table.

use super::body::{request, response};
use super::{Failure, Stat, StatAnswer};

request! {
    /// The UpdateStat request type request body, [MS-OXCMAPIHTTP] 2.2.5.17.1. NspiUpdateStat, [MS-OXNSPI] 3.1.4.1.4.
    UpdateStatRequest, "UpdateStat request body", "[MS-OXCMAPIHTTP] 2.2.5.17.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// DeltaRequested: whether the answer is to say how far it moved.
    delta_requested: bool = "DeltaRequested";
}

response! {
    /// The UpdateStat request type success response body, [MS-OXCMAPIHTTP] 2.2.5.17.2.
    UpdateStatSuccess, "UpdateStat success response body", "[MS-OXCMAPIHTTP] 2.2.5.17.2";
    UpdateStatResponse, "UpdateStat response body", "[MS-OXCMAPIHTTP] 2.2.5.17", Failure;
    /// State: the place at the end of the operation.
    state: Option<StatAnswer> = "HasState";
    /// Delta: rows moved.
    delta: Option<i32> = "HasDelta";
}
