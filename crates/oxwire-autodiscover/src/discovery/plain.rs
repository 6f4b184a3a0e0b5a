//! The plain form: an `http::Request` out, a response's head and the chunks of its body in.

use std::time::Instant;

use oxwire_core::{ConnectionId, Error};
use oxwire_http::{HttpEvent, HttpTransmit, Origin, PlainForm};

use super::Discovery;
use super::task::Task;

/// ```
/// use std::time::Instant;
///
/// use bytes::Bytes;
/// use oxwire_autodiscover::discovery::{Config, Discovery, Event, Step};
/// use oxwire_http::{PlainForm as _, PlainTransmit};
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
impl PlainForm for Discovery {
    fn next_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.poll_transmit(now)
    }

    fn take_event(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.handle(now, conn, event)
    }

    fn request_to(&self, conn: ConnectionId) -> Option<(Origin, bool)> {
        let exchange = self.search.tasks.iter().filter_map(Task::exchange).find(|exchange| exchange.conn == conn)?;
        Some((exchange.lead.endpoint.origin.clone(), self.may_authenticate(conn)))
    }
}
