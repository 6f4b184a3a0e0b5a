//! The GetAddressBookUrl request type, [MS-OXCMAPIHTTP] 2.2.5.19: gets the URL of an address book server endpoint.

use oxwire_core::Utf16;

use super::Failure;
use super::body::{request, response};

request! {
    /// The GetAddressBookUrl request type request body, [MS-OXCMAPIHTTP] 2.2.5.19.1. RfrGetNewDSA, [MS-OXABREF] 3.1.4.1, has this part over RPC.
    GetAddressBookUrlRequest, "GetAddressBookUrl request body", "[MS-OXCMAPIHTTP] 2.2.5.19.1";
    @reserved "Flags";
    /// UserDn: the DN of the user's mailbox.
    user_dn: Utf16<'de> = "UserDn";
}

response! {
    /// The GetAddressBookUrl request type success response body, [MS-OXCMAPIHTTP] 2.2.5.19.2.
    GetAddressBookUrlSuccess, "GetAddressBookUrl success response body", "[MS-OXCMAPIHTTP] 2.2.5.19.2";
    GetAddressBookUrlResponse, "GetAddressBookUrl response body", "[MS-OXCMAPIHTTP] 2.2.5.19", Failure;
    /// ServerUrl: the URL of the address book endpoint.
    server_url: Utf16<'de> = "ServerUrl";
}
