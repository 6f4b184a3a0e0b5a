//! The plain form: an `http::Request` out, a response's head and the chunks of its body in.

use std::time::Instant;

use oxwire_core::{ConnectionId, Error};
use oxwire_http::{HttpEvent, HttpTransmit, Origin, PlainForm};

use super::Client;

/// ```
/// use std::time::{Instant, SystemTime};
///
/// use bytes::Bytes;
/// use oxwire_core::FileTime;
/// use oxwire_http::{PlainForm as _, PlainTransmit};
/// use oxwire_mapihttp::client::{Client, Config, Event, Outcome};
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
///     let PlainTransmit::Request { conn, request, .. } = transmit else { continue };
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
impl PlainForm for Client {
    fn next_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.poll_transmit(now)
    }

    fn take_event(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.handle(now, conn, event)
    }

    fn request_to(&self, conn: ConnectionId) -> Option<(Origin, bool)> {
        // Where the request was made for; a redirect may have led the client elsewhere since.
        let origin = [&self.main, &self.wait].into_iter().find_map(|lane| lane.origin_of(conn))?;
        Some((origin.clone(), true))
    }
}
