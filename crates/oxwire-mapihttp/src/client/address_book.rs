//! The verbs of the address book endpoint: the same machine, Bind and Unbind in the parts of Connect and Disconnect.

use std::time::Instant;

use bytes::Bytes;
use oxwire_mapi::mapihttp::RequestType;
use oxwire_mapi::nspi::{AddressBookRequest, BindRequest, UnbindRequest};

use super::typed::encoded;
use super::{Client, Rejected, RequestHandle};

impl Client {
    /// Establishes a Session Context with an address book endpoint: [MS-OXCMAPIHTTP] 3.1.5.1. `body` is a Bind request body; it is
    /// kept, and sent again when the context has to be re-established. As [`Client::connect`] otherwise.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn bind(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        self.begin(now, "bind", RequestType::Bind, body)
    }

    /// Sends a request of the address book: any type but Bind, Unbind and PING. `body` is its request body. One is in flight at a
    /// time; others wait.
    ///
    /// # Errors
    /// As [`Client::execute`]; also for another request type.
    pub fn call(&mut self, now: Instant, request_type: RequestType, body: Bytes) -> Result<RequestHandle, Rejected> {
        if !request_type.is_call() {
            return Err(self.refuse("call", body, "this request type has a verb of its own: `bind`, `unbind`, `ping`"));
        }
        self.in_sequence(now, "call", request_type, body)
    }

    /// Destroys the Session Context: [MS-OXCMAPIHTTP] 3.1.5.4, after what waits for its turn. It counts as destroyed only once
    /// the server has said so. `body` is an Unbind request body.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub fn unbind(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        self.finish_context(now, "unbind", RequestType::Unbind, body)
    }

    /// [`Client::bind`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::bind`], and [`Error::Encode`](oxwire_core::Error::Encode).
    pub fn bind_with(&mut self, now: Instant, body: &BindRequest<'_>) -> Result<RequestHandle, Rejected> {
        self.bind(now, encoded(body)?)
    }

    /// [`Client::call`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::call`], and [`Error::Encode`](oxwire_core::Error::Encode).
    pub fn call_with<R: AddressBookRequest>(&mut self, now: Instant, body: &R) -> Result<RequestHandle, Rejected> {
        self.call(now, R::REQUEST_TYPE, encoded(body)?)
    }

    /// [`Client::unbind`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::unbind`], and [`Error::Encode`](oxwire_core::Error::Encode).
    pub fn unbind_with(&mut self, now: Instant, body: &UnbindRequest<'_>) -> Result<RequestHandle, Rejected> {
        self.unbind(now, encoded(body)?)
    }
}
