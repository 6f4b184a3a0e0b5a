//! The ResortRestriction request type, [MS-OXCMAPIHTTP] 2.2.5.15: sorts an Explicit Table.

use super::body::{request, response};
use super::{Failure, Matches, MinimalEntryIds, RowLimit, Stat, StatAnswer};

request! {
    /// The ResortRestriction request type request body, [MS-OXCMAPIHTTP] 2.2.5.15.1. NspiResortRestriction, [MS-OXNSPI] 3.1.4.1.11.
    ResortRestrictionRequest, "ResortRestriction request body", "[MS-OXCMAPIHTTP] 2.2.5.15.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// MinimalIds: the rows to sort.
    minimal_ids: Option<MinimalEntryIds<'de>> = "HasMinimalIds";
}

response! {
    /// The ResortRestriction request type success response body, [MS-OXCMAPIHTTP] 2.2.5.15.2.
    ResortRestrictionSuccess, "ResortRestriction success response body", "[MS-OXCMAPIHTTP] 2.2.5.15.2";
    ResortRestrictionResponse, "ResortRestriction response body", "[MS-OXCMAPIHTTP] 2.2.5.15", Failure;
    /// State: the place at the end of the operation.
    state: Option<StatAnswer> = "HasState";
    /// MinimalIds: the rows that are in the container, sorted.
    minimal_ids: Option<Matches<'de>> = "HasMinimalIds";
}

impl ResortRestrictionRequest<'_> {
    /// The most ids that the answer may have: as many as were given.
    #[must_use]
    pub fn row_limit(&self) -> RowLimit {
        RowLimit::new(self.minimal_ids.map_or(0, MinimalEntryIds::len))
    }
}
