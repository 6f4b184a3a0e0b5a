//! The plain form: an `http::Request` in, an `http::Response` and the chunks of its body out.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use oxwire_core::{ConnectionId, Error, Principal};
use oxwire_http::{Head, HeadError, HttpEvent, HttpTransmit, RequestHead, ResponseHead, name};

use super::Server;
use super::connection::Connection;

/// A request in the plain form, while its response is read. Give it back to [`Server::drop_call`] when the client is gone before
/// [`CallBody::End`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Call {
    conn: ConnectionId,
}

impl Call {
    /// What [`Request::conn`](super::Request::conn) and [`Server::poll_call_ready`] name it by.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.conn
    }
}

/// What there is of a response body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallBody {
    /// The next piece: send it at once, it says that the server is alive.
    Chunk(Bytes),
    /// Nothing yet: ask again when [`Server::poll_call_ready`] names the call.
    Waiting,
    /// The body is whole.
    End,
    /// The server gave the response up: end the transport connection without ending the body.
    Lost,
}

/// A request that is none of HTTP's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// A target or a header that cannot stand in a head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The machine refused the events that the request was made into.
    #[error(transparent)]
    Machine(#[from] Error),
    /// The response's head cannot be said in the `http` crate's types.
    #[error("the response's head: {0}")]
    Response(&'static str),
}

impl<T> Server<T> {
    /// Takes a whole request and gives the head of its response at once; its body comes from [`Server::poll_call`].
    ///
    /// For callers with axum, hyper or another server: the machine is the same, each call is a connection of its own. Header names
    /// of the `http` crate are in lower case; Outlook 2010 and 2013 want the specifications' spelling, so switch on what the
    /// caller's server has for that (hyper: `title_case_headers`).
    ///
    /// # Errors
    /// [`CallError`]. What is wrong in the protocol's eyes is a response, not an error.
    pub fn call(
        &mut self,
        now: Instant,
        principal: Option<&Principal>,
        request: http::Request<Bytes>,
    ) -> Result<(http::Response<()>, Call), CallError> {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut head = RequestHead::builder(parts.method.as_str(), target);
        for (name, value) in &parts.headers {
            head = head.field(name.as_str(), value.as_bytes());
        }
        let head = head.request()?;
        let conn = self.call_ids.allocate();
        self.connections.insert(conn, Connection { plain: true, ..Connection::default() });
        self.handle(now, conn, principal, HttpEvent::Head(Head::Request(head)))?;
        if !body.is_empty() {
            self.handle(now, conn, principal, HttpEvent::Body(body))?;
        }
        self.handle(now, conn, principal, HttpEvent::End)?;
        match self.poll_transmit_of(conn) {
            Some(HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. }) => {
                let response = response_of(&head).inspect_err(|_| self.drop_connection(now, conn))?;
                Ok((response, Call { conn }))
            }
            _ => {
                self.drop_connection(now, conn);
                Err(CallError::Response("the machine gave none"))
            }
        }
    }

    /// The next piece of a response's body.
    pub fn poll_call(&mut self, call: &Call) -> CallBody {
        let body = match self.poll_transmit_of(call.conn) {
            Some(HttpTransmit::Event { event: HttpEvent::Body(piece), .. }) => return CallBody::Chunk(piece),
            Some(HttpTransmit::Event { event: HttpEvent::End, .. }) => CallBody::End,
            None if self.connections.contains_key(&call.conn) => return CallBody::Waiting,
            _ => CallBody::Lost,
        };
        // One call is one connection, and it is over.
        self.connections.remove(&call.conn);
        body
    }

    /// A call that has output, each time that it gets some: wake the task that reads it.
    pub fn poll_call_ready(&mut self) -> Option<ConnectionId> {
        self.ready_calls.pop_first()
    }

    /// The client of a call is gone.
    pub fn drop_call(&mut self, now: Instant, call: Call) {
        let now = self.advance(now);
        let Call { conn } = call;
        self.drop_connection(now, conn);
        self.resume_held(now);
    }
}

fn response_of(head: &ResponseHead) -> Result<http::Response<()>, CallError> {
    let mut response = http::Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status()).map_err(|_| CallError::Response("the status"))?;
    for (name, value) in head.fields().iter() {
        // How a body is framed is the caller's server's own.
        if name.eq_ignore_ascii_case(name::TRANSFER_ENCODING) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| CallError::Response("a header's name"))?;
        let value = HeaderValue::from_bytes(value).map_err(|_| CallError::Response("a header's value"))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}
