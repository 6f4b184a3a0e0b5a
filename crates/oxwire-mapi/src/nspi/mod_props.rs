//! The ModProps request type, [MS-OXCMAPIHTTP] 2.2.5.11: changes properties of an object.

use super::body::{request, response};
use super::{Failure, Stat, ValueList};
use crate::property::PropertyTags;

request! {
    /// The ModProps request type request body, [MS-OXCMAPIHTTP] 2.2.5.11.1. NspiModProps, [MS-OXNSPI] 3.1.4.1.14.
    ModPropsRequest, "ModProps request body", "[MS-OXCMAPIHTTP] 2.2.5.11.1";
    @reserved "Reserved";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
    /// PropertiesTags: the properties to change or remove.
    property_tags: Option<PropertyTags<'de>> = "HasPropertyTags";
    /// PropertyValues: the values to set.
    property_values: Option<ValueList<'de>> = "HasPropertyValues";
}

response! {
    /// The ModProps request type success response body, [MS-OXCMAPIHTTP] 2.2.5.11.2.
    ModPropsSuccess, "ModProps success response body", "[MS-OXCMAPIHTTP] 2.2.5.11.2";
    ModPropsResponse, "ModProps response body", "[MS-OXCMAPIHTTP] 2.2.5.11", Failure;
}
