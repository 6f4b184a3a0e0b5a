//! The GetPropList request type, [MS-OXCMAPIHTTP] 2.2.5.6: lists the properties that an object has.

use super::body::{request, response};
use super::{Failure, MinimalEntryId, PropertyFlags};
use crate::property::PropertyTags;

request! {
    /// The GetPropList request type request body, [MS-OXCMAPIHTTP] 2.2.5.6.1. NspiGetPropList, [MS-OXNSPI] 3.1.4.1.6.
    GetPropListRequest, "GetPropList request body", "[MS-OXCMAPIHTTP] 2.2.5.6.1";
    /// Options.
    flags: PropertyFlags = "Flags";
    /// MinimalId: the object.
    minimal_id: MinimalEntryId = "MinimalId";
    /// CodePage: of string values.
    code_page: u32 = "CodePage";
}

response! {
    /// The GetPropList request type success response body, [MS-OXCMAPIHTTP] 2.2.5.6.2.
    GetPropListSuccess, "GetPropList success response body", "[MS-OXCMAPIHTTP] 2.2.5.6.2";
    GetPropListResponse, "GetPropList response body", "[MS-OXCMAPIHTTP] 2.2.5.6", Failure;
    /// PropertyTags.
    property_tags: Option<PropertyTags<'de>> = "HasPropertyTags";
}
