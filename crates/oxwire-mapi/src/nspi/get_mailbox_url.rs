//! The GetMailboxUrl request type, [MS-OXCMAPIHTTP] 2.2.5.18: gets the URL of a mailbox server endpoint.

use oxwire_core::Utf16;

use super::Failure;
use super::body::{request, response};

request! {
    /// The GetMailboxUrl request type request body, [MS-OXCMAPIHTTP] 2.2.5.18.1. RfrGetFQDNFromServerDN, [MS-OXABREF] 3.1.4.2, has this part over RPC.
    GetMailboxUrlRequest, "GetMailboxUrl request body", "[MS-OXCMAPIHTTP] 2.2.5.18.1";
    @reserved "Flags";
    /// ServerDn: the DN of the mailbox server.
    server_dn: Utf16<'de> = "ServerDn";
}

response! {
    /// The GetMailboxUrl request type success response body, [MS-OXCMAPIHTTP] 2.2.5.18.2.
    GetMailboxUrlSuccess, "GetMailboxUrl success response body", "[MS-OXCMAPIHTTP] 2.2.5.18.2";
    GetMailboxUrlResponse, "GetMailboxUrl response body", "[MS-OXCMAPIHTTP] 2.2.5.18", Failure;
    /// ServerUrl: the URL of the mailbox endpoint.
    server_url: Utf16<'de> = "ServerUrl";
}
