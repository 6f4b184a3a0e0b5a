//! The plain form: an `http::Request` out, a response's head and the chunks of its body in.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Misuse};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};

use super::Client;

/// What a caller with an HTTP client of its own is to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlainTransmit {
    /// Send this, and tell what comes under the name of `conn`.
    Request {
        /// The name of the exchange. An HTTP client with a pool may use any connection, unless NTLM or Negotiate
        /// authenticates it: then one `conn` has to be one transport connection.
        conn: ConnectionId,
        /// The request, with an absolute URI.
        request: Box<http::Request<Bytes>>,
    },
    /// Nobody waits for this exchange any more: drop it, and its connection.
    Cancel {
        /// The name of the exchange.
        conn: ConnectionId,
    },
}

/// For callers with reqwest, hyper or another HTTP client: the same machine, without connections. Use either these methods or
/// `handle` and `poll_transmit`.
///
/// ```
/// use std::time::{Instant, SystemTime};
///
/// use bytes::Bytes;
/// use oxwire_core::FileTime;
/// use oxwire_mapihttp::client::{Client, Config, Event, Outcome, PlainTransmit};
///
/// // Stands for the caller's HTTP client: a server that accepts every Connect.
/// fn send(request: http::Request<Bytes>) -> http::Response<Bytes> {
///     assert_eq!(request.uri(), "https://mail.test/mapi/emsmdb/?MailboxId=u@mail.test");
///     assert_eq!(request.headers()["X-RequestType"], "Connect");
///     http::Response::builder()
///         .header("X-ResponseCode", "0")
///         .header("Set-Cookie", "MapiContext=1; path=/mapi/emsmdb")
///         .body(Bytes::from_static(b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\n\0\0\0\0\0\0\0\0"))
///         .unwrap()
/// }
///
/// let mut entropy = |out: &mut [u8]| out.fill(7); // The system's, in earnest.
/// let config = Config::new("https://mail.test/mapi/emsmdb/?MailboxId=u@mail.test", &mut entropy);
/// let mut client = Client::new(config, Instant::now(), FileTime::from_system(SystemTime::now()))?;
/// client.connect(Instant::now(), Bytes::from_static(b"a Connect request body"))?;
/// while let Some(transmit) = client.poll_request(Instant::now()) {
///     let PlainTransmit::Request { conn, request } = transmit else { continue };
///     let (parts, body) = send(*request).into_parts();
///     client.handle_response(Instant::now(), conn, &parts)?;
///     client.handle_body(Instant::now(), conn, body)?;
///     client.handle_end(Instant::now(), conn)?;
/// }
/// match client.poll_event() {
///     Some(Event::Completed(done)) => assert!(matches!(done.outcome, Outcome::Answered(_))),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), oxwire_core::Error>(())
/// ```
impl Client {
    /// The next request to send, or exchange to drop.
    pub fn poll_request(&mut self, now: Instant) -> Option<PlainTransmit> {
        let mut begun: Option<(ConnectionId, RequestHead, Bytes)> = None;
        while let Some(transmit) = self.poll_transmit(now) {
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
                    match self.plain(conn, &head, body) {
                        Some(request) => return Some(PlainTransmit::Request { conn, request: Box::new(request) }),
                        // A head of ours that the `http` crate cannot say: its limits are narrower than HTTP's.
                        None => {
                            let reset = Reset::not_sent("the `http` crate refuses the request's head");
                            let _reported = self.handle(now, conn, HttpEvent::Reset(reset));
                        }
                    }
                }
                HttpTransmit::Abort { conn } => return Some(PlainTransmit::Cancel { conn }),
                _ => {}
            }
        }
        None
    }

    fn plain(&self, conn: ConnectionId, head: &RequestHead, body: Bytes) -> Option<http::Request<Bytes>> {
        // Where the request was made for; a redirect may have led the client elsewhere since.
        let origin = [&self.main, &self.wait].into_iter().find_map(|lane| lane.origin_of(conn))?;
        let mut parts = head.to_parts().ok()?;
        parts.uri = format!("{origin}{}", head.target()).parse().ok()?;
        Some(http::Request::from_parts(parts, body))
    }

    /// The head of a response.
    ///
    /// # Errors
    /// As [`Client::handle`].
    pub fn handle_response(
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
        self.handle(now, conn, HttpEvent::Head(Head::Response(head)))
    }

    /// A piece of the response's body, wherever it is cut.
    ///
    /// # Errors
    /// As [`Client::handle`].
    pub fn handle_body(&mut self, now: Instant, conn: ConnectionId, piece: Bytes) -> Result<(), Error> {
        if piece.is_empty() { Ok(()) } else { self.handle(now, conn, HttpEvent::Body(piece)) }
    }

    /// The response is whole.
    ///
    /// # Errors
    /// As [`Client::handle`].
    pub fn handle_end(&mut self, now: Instant, conn: ConnectionId) -> Result<(), Error> {
        self.handle(now, conn, HttpEvent::End)
    }

    /// The exchange failed. [`Reset::not_sent`] only where the request certainly did not go out whole, as when no connection
    /// could be opened.
    ///
    /// # Errors
    /// As [`Client::handle`].
    pub fn handle_failed(&mut self, now: Instant, conn: ConnectionId, reset: Reset) -> Result<(), Error> {
        self.handle(now, conn, HttpEvent::Reset(reset))
    }
}
