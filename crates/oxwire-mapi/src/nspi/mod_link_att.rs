//! The ModLinkAtt request type, [MS-OXCMAPIHTTP] 2.2.5.10: changes a property of a row that holds other rows.

use super::body::{request, response};
use super::{EntryIds, Failure, MinimalEntryId, ModLinkFlags};
use crate::property::PropertyTag;

request! {
    /// The ModLinkAtt request type request body, [MS-OXCMAPIHTTP] 2.2.5.10.1. NspiModLinkAtt, [MS-OXNSPI] 3.1.4.1.15.
    ModLinkAttRequest, "ModLinkAtt request body", "[MS-OXCMAPIHTTP] 2.2.5.10.1";
    /// Whether to add or to remove.
    flags: ModLinkFlags = "Flags";
    /// PropertyTag: PidTagAddressBookMember or PidTagAddressBookPublicDelegates.
    property_tag: PropertyTag = "PropertyTag";
    /// MinimalId: the row.
    minimal_id: MinimalEntryId = "MinimalId";
    /// EntryIds: what to add or remove, encoded [`EntryId`](super::EntryId)s.
    entry_ids: Option<EntryIds<'de>> = "HasEntryIds";
}

response! {
    /// The ModLinkAtt request type success response body, [MS-OXCMAPIHTTP] 2.2.5.10.2.
    ModLinkAttSuccess, "ModLinkAtt success response body", "[MS-OXCMAPIHTTP] 2.2.5.10.2";
    ModLinkAttResponse, "ModLinkAtt response body", "[MS-OXCMAPIHTTP] 2.2.5.10", Failure;
}
