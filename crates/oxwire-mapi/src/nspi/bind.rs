//! The Bind request type, [MS-OXCMAPIHTTP] 2.2.5.1: establishes a Session Context with an address book.

use oxwire_core::Guid;

use super::body::{request, response};
use super::{BindFlags, Failure, Stat};

request! {
    /// The Bind request type request body, [MS-OXCMAPIHTTP] 2.2.5.1.1. NspiBind, [MS-OXNSPI] 3.1.4.1.1.
    BindRequest, "Bind request body", "[MS-OXCMAPIHTTP] 2.2.5.1.1";
    /// The type of authentication; a server ignores all but fAnonymousLogin.
    flags: BindFlags = "Flags";
    /// State: the container and the place in it.
    state: Option<Stat> = "HasState";
}

response! {
    /// The Bind request type success response body, [MS-OXCMAPIHTTP] 2.2.5.1.2.
    BindSuccess, "Bind success response body", "[MS-OXCMAPIHTTP] 2.2.5.1.2";
    BindResponse, "Bind response body", "[MS-OXCMAPIHTTP] 2.2.5.1", Failure;
    /// ServerGuid: the ProviderUID of this server's EphemeralEntryIDs.
    server_guid: Guid = "ServerGuid";
}
