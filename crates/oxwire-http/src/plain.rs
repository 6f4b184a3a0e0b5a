//! The plain form of a machine: an `http::Request` out, a response's head and the chunks of its body in.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Misuse};

use crate::{Head, HeadError, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead};

/// What a caller with an HTTP client of its own is to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlainTransmit {
    /// Send this, follow no redirect, and tell what comes under the name of `conn`.
    Request {
        /// The name of the exchange. An HTTP client with a pool may use any connection, unless NTLM or Negotiate
        /// authenticates it: then one `conn` has to be one transport connection.
        conn: ConnectionId,
        /// Whether it may carry credentials.
        authenticate: bool,
        /// The request, with an absolute URI.
        request: Box<http::Request<Bytes>>,
    },
    /// Nobody waits for this exchange any more: drop it, and its connection.
    Cancel {
        /// The name of the exchange.
        conn: ConnectionId,
    },
}

/// A machine that asks by whole requests, for callers with reqwest, hyper or another HTTP client: the same machine, without
/// connections. Use either [`poll_request`](Self::poll_request) and the `handle_…` methods here, or the machine's own `handle`
/// and `poll_transmit`.
pub trait PlainForm {
    /// The machine's `poll_transmit`.
    fn next_transmit(&mut self, now: Instant) -> Option<HttpTransmit>;

    /// The machine's `handle`.
    fn take_event(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error>;

    /// Where the request on a connection goes, and whether it may carry credentials.
    fn request_to(&self, conn: ConnectionId) -> Option<(Origin, bool)>;

    /// The next request to send, or exchange to drop.
    fn poll_request(&mut self, now: Instant) -> Option<PlainTransmit> {
        let mut begun: Option<(ConnectionId, RequestHead, Bytes)> = None;
        while let Some(transmit) = self.next_transmit(now) {
            match transmit {
                HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) } => {
                    begun = Some((conn, head, Bytes::new()));
                }
                HttpTransmit::Event { event: HttpEvent::Body(piece), .. } => {
                    if let Some((.., body)) = &mut begun {
                        *body = piece;
                    }
                }
                HttpTransmit::Event { event: HttpEvent::End, .. } => {
                    let Some((conn, head, body)) = begun.take() else { continue };
                    let request = self.request_to(conn).and_then(|(origin, authenticate)| {
                        let request = Box::new(head.to_request(&origin, body).ok()?);
                        Some(PlainTransmit::Request { conn, authenticate, request })
                    });
                    if request.is_some() {
                        return request;
                    }
                    // A head of ours that the `http` crate cannot say: its limits are narrower than HTTP's.
                    let reset = Reset::not_sent("the `http` crate refuses the request's head");
                    let _reported = self.take_event(now, conn, HttpEvent::Reset(reset));
                }
                HttpTransmit::Abort { conn } => return Some(PlainTransmit::Cancel { conn }),
                _ => {}
            }
        }
        None
    }

    /// The head of a response.
    ///
    /// # Errors
    /// As the machine's `handle`; [`Error::Misuse`] for a head that no response can have.
    fn handle_response(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        parts: &http::response::Parts,
    ) -> Result<(), Error> {
        let head = ResponseHead::from_parts(parts).map_err(|_| Misuse {
            call: "handle_response",
            state: "waiting for a response",
            advice: "give the head as the HTTP client gave it",
        })?;
        self.take_event(now, conn, HttpEvent::Head(Head::Response(head)))
    }

    /// A piece of the response's body, wherever it is cut.
    ///
    /// # Errors
    /// As the machine's `handle`.
    fn handle_body(&mut self, now: Instant, conn: ConnectionId, piece: Bytes) -> Result<(), Error> {
        if piece.is_empty() { Ok(()) } else { self.take_event(now, conn, HttpEvent::Body(piece)) }
    }

    /// The response is whole.
    ///
    /// # Errors
    /// As the machine's `handle`.
    fn handle_end(&mut self, now: Instant, conn: ConnectionId) -> Result<(), Error> {
        self.take_event(now, conn, HttpEvent::End)
    }

    /// The exchange failed; [`Reset::with_cause`] says how, as far as the HTTP client tells. [`Reset::not_sent`] only where the
    /// request certainly did not go out whole, as when no connection could be opened.
    ///
    /// # Errors
    /// As the machine's `handle`.
    fn handle_failed(&mut self, now: Instant, conn: ConnectionId, reset: Reset) -> Result<(), Error> {
        self.take_event(now, conn, HttpEvent::Reset(reset))
    }
}

impl RequestHead {
    /// As an [`http::Request`] to this origin, with an absolute URI.
    ///
    /// # Errors
    /// [`HeadError::Foreign`] for what the `http` crate cannot hold.
    pub fn to_request(&self, origin: &Origin, body: Bytes) -> Result<http::Request<Bytes>, HeadError> {
        let mut parts = self.to_parts()?;
        let foreign = HeadError::Foreign { what: "request target" };
        parts.uri = format!("{origin}{}", self.target()).parse().map_err(|_| foreign)?;
        Ok(http::Request::from_parts(parts, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_an_absolute_uri() {
        let (origin, target) = Origin::from_url("https://mail.test:8443/mapi/emsmdb/?MailboxId=u@mail.test").unwrap();
        let head = RequestHead::builder("POST", &target).field("X-RequestType", "Connect").request().unwrap();
        let request = head.to_request(&origin, Bytes::from_static(b"body")).unwrap();
        assert_eq!(request.uri(), "https://mail.test:8443/mapi/emsmdb/?MailboxId=u@mail.test");
        assert_eq!((request.method().as_str(), &request.body()[..]), ("POST", &b"body"[..]));
        assert_eq!(request.headers()["X-RequestType"], "Connect");
    }
}
