//! The verbs with bodies of oxwire-mapi's types: the same machine, the encoding done here.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Encode, Error, encode_to_bytes};
use oxwire_mapi::mapihttp::{ConnectRequest, DisconnectRequest, ExecuteRequest, NotificationWaitRequest};

use super::{Client, Rejected, RequestHandle};

pub(super) fn encoded(body: &impl Encode) -> Result<Bytes, Rejected> {
    encode_to_bytes(body).map_err(|error| Rejected { body: Bytes::new(), error: Box::new(Error::Encode(error)) })
}

impl Client {
    /// [`Client::connect`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::connect`], and [`Error::Encode`].
    pub fn connect_with(&mut self, now: Instant, body: &ConnectRequest<'_>) -> Result<RequestHandle, Rejected> {
        self.connect(now, encoded(body)?)
    }

    /// [`Client::execute`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::execute`], and [`Error::Encode`].
    pub fn execute_with(&mut self, now: Instant, body: &ExecuteRequest<'_>) -> Result<RequestHandle, Rejected> {
        self.execute(now, encoded(body)?)
    }

    /// [`Client::notification_wait`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::notification_wait`], and [`Error::Encode`].
    pub fn notification_wait_with(
        &mut self,
        now: Instant,
        body: &NotificationWaitRequest<'_>,
    ) -> Result<RequestHandle, Rejected> {
        self.notification_wait(now, encoded(body)?)
    }

    /// [`Client::disconnect`] with a typed body.
    ///
    /// # Errors
    /// As [`Client::disconnect`], and [`Error::Encode`].
    pub fn disconnect_with(&mut self, now: Instant, body: &DisconnectRequest<'_>) -> Result<RequestHandle, Rejected> {
        self.disconnect(now, encoded(body)?)
    }
}
