//! The plain form: an `http::Request` out, a response's head and the chunks of its body in.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Misuse};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};

use super::Discovery;
use super::task::Task;

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

/// For callers with reqwest, hyper or another HTTP client: the same machine, without connections. Use either these methods or
/// `handle` and `poll_transmit`.
///
/// ```
/// use std::time::Instant;
///
/// use bytes::Bytes;
/// use oxwire_autodiscover::discovery::{Config, Discovery, Event, PlainTransmit, Step};
/// use oxwire_autodiscover::transport::{Capabilities, Policy};
///
/// // Stands for the caller's HTTP client.
/// fn send(request: http::Request<Bytes>) -> http::Response<Bytes> {
///     assert_eq!(request.uri(), "https://example.com/autodiscover/autodiscover.xml");
///     assert_eq!(request.headers()["X-MapiHttpCapability"], "1");
///     let answer = r#"<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
///       <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>
///       <Action>settings</Action><Protocol Type="mapiHttp" Version="1"><MailStore><ExternalUrl>
///       https://mail.example.com/mapi/emsmdb/?MailboxId=1@example.com</ExternalUrl></MailStore></Protocol></Account>
///       </Response></Autodiscover>"#;
///     http::Response::builder().header("Content-Type", "text/xml").body(answer.into()).unwrap()
/// }
///
/// let mut config = Config::default();
/// config.excluded.push(Step::Scp); // No directory here.
/// let mut discovery = Discovery::new("kim@example.com", config, Instant::now())?;
/// while let Some(transmit) = discovery.poll_request(Instant::now()) {
///     let PlainTransmit::Request { conn, request, .. } = transmit else { continue };
///     let (parts, body) = send(*request).into_parts();
///     discovery.handle_response(Instant::now(), conn, &parts)?;
///     discovery.handle_body(Instant::now(), conn, body)?;
///     discovery.handle_end(Instant::now(), conn)?;
/// }
/// let Some(Event::Found(found)) = discovery.poll_event() else { panic!("{:#?}", discovery.trail()) };
/// let can = Capabilities { mapi_http: true, rpc_http: true, rpc: false };
/// assert_eq!(found.choose(can, &Policy::DEFAULT).candidates.len(), 1);
/// # Ok::<(), oxwire_core::Error>(())
/// ```
impl Discovery {
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
                    let authenticate = self.may_authenticate(conn);
                    match self.plain(conn, &head, body) {
                        Some(request) => {
                            return Some(PlainTransmit::Request { conn, authenticate, request: Box::new(request) });
                        }
                        // A head of ours that the `http` crate cannot say: its limits are narrower than HTTP's.
                        None => {
                            let reset = Reset::not_sent("the `http` crate refuses the request's head");
                            let _noted = self.handle(now, conn, HttpEvent::Reset(reset));
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
        let exchange = self.search.tasks.iter().filter_map(Task::exchange).find(|exchange| exchange.conn == conn)?;
        let mut parts = head.to_parts().ok()?;
        parts.uri = exchange.lead.endpoint.url().parse().ok()?;
        Some(http::Request::from_parts(parts, body))
    }

    /// The head of a response.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a head that no response can have.
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
    /// As [`Discovery::handle`].
    pub fn handle_body(&mut self, now: Instant, conn: ConnectionId, piece: Bytes) -> Result<(), Error> {
        if piece.is_empty() { Ok(()) } else { self.handle(now, conn, HttpEvent::Body(piece)) }
    }

    /// The response is whole.
    ///
    /// # Errors
    /// As [`Discovery::handle`].
    pub fn handle_end(&mut self, now: Instant, conn: ConnectionId) -> Result<(), Error> {
        self.handle(now, conn, HttpEvent::End)
    }

    /// The exchange failed; [`Reset::with_cause`] says how, as far as the HTTP client tells.
    ///
    /// # Errors
    /// As [`Discovery::handle`].
    pub fn handle_failed(&mut self, now: Instant, conn: ConnectionId, reset: Reset) -> Result<(), Error> {
        self.handle(now, conn, HttpEvent::Reset(reset))
    }
}
