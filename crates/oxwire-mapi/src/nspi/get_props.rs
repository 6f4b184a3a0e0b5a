//! The GetProps request type, [MS-OXCMAPIHTTP] 2.2.5.7: gets properties of an object.

use super::body::{request, response};
use super::{Failure, PropertyFlags, Stat, ValueList};
use crate::property::PropertyTags;

request! {
    /// The GetProps request type request body, [MS-OXCMAPIHTTP] 2.2.5.7.1. NspiGetProps, [MS-OXNSPI] 3.1.4.1.7.
    GetPropsRequest, "GetProps request body", "[MS-OXCMAPIHTTP] 2.2.5.7.1";
    /// Options.
    flags: PropertyFlags = "Flags";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// PropertyTags: the properties; `None` for those that the server chooses.
    property_tags: Option<PropertyTags<'de>> = "HasPropertyTags";
}

response! {
    /// The GetProps request type success response body, [MS-OXCMAPIHTTP] 2.2.5.7.2.
    GetPropsSuccess, "GetProps success response body", "[MS-OXCMAPIHTTP] 2.2.5.7.2";
    GetPropsResponse, "GetProps response body", "[MS-OXCMAPIHTTP] 2.2.5.7", Failure;
    /// CodePage: of string values.
    code_page: u32 = "CodePage";
    /// PropertyValues.
    property_values: Option<ValueList<'de>> = "HasPropertyValues";
}
