//! The Unbind request type, [MS-OXCMAPIHTTP] 2.2.5.2: destroys a Session Context with an address book.

use super::UnbindFailure;
use super::body::{request, response};

request! {
    /// The Unbind request type request body, [MS-OXCMAPIHTTP] 2.2.5.2.1. NspiUnbind, [MS-OXNSPI] 3.1.4.1.2.
    UnbindRequest, "Unbind request body", "[MS-OXCMAPIHTTP] 2.2.5.2.1";
    @reserved "Reserved";
}

response! {
    /// The Unbind request type success response body, [MS-OXCMAPIHTTP] 2.2.5.2.2.
    UnbindSuccess, "Unbind success response body", "[MS-OXCMAPIHTTP] 2.2.5.2.2";
    UnbindResponse, "Unbind response body", "[MS-OXCMAPIHTTP] 2.2.5.2", UnbindFailure;
}
