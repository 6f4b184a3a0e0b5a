//! Helpers for driving connections without sockets.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Transmit};
use oxwire_http::{Connection, Head, HttpEvent, HttpLimits, RequestHead, ResponseHead};

#[expect(clippy::disallowed_methods, reason = "a test needs one instant to count from")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

pub(crate) fn client() -> Connection {
    Connection::client(ConnectionId::new(1), HttpLimits::DEFAULT)
}

pub(crate) fn server(now: Instant) -> Connection {
    Connection::server(now, ConnectionId::new(1), HttpLimits::DEFAULT)
}

pub(crate) fn get() -> HttpEvent {
    request("GET", "/", &[])
}

pub(crate) fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> HttpEvent {
    let mut builder = RequestHead::builder(method, target).field("Host", "mail.test");
    for (name, value) in fields {
        builder = builder.field(name, value);
    }
    HttpEvent::Head(Head::Request(builder.request().unwrap()))
}

pub(crate) fn response(status: u16, fields: &[(&str, &str)]) -> HttpEvent {
    let mut builder = ResponseHead::builder(status, "Success");
    for (name, value) in fields {
        builder = builder.field(name, value);
    }
    HttpEvent::Head(Head::Response(builder.response().unwrap()))
}

pub(crate) fn body(text: &'static str) -> HttpEvent {
    HttpEvent::Body(Bytes::from_static(text.as_bytes()))
}

pub(crate) fn events(connection: &mut Connection) -> Vec<HttpEvent> {
    std::iter::from_fn(|| connection.poll_event()).collect()
}

/// What goes to the socket: the bytes, and what happens to the connection behind them.
pub(crate) fn wire(connection: &mut Connection, now: Instant) -> (Vec<u8>, Vec<&'static str>) {
    let (mut bytes, mut acts) = (Vec::new(), Vec::new());
    while let Some(transmit) = connection.poll_transmit(now) {
        match transmit {
            Transmit::Send { head, body, .. } => {
                bytes.extend_from_slice(head.as_slice());
                bytes.extend_from_slice(&body);
            }
            Transmit::Finish { .. } => acts.push("finish"),
            Transmit::Close { .. } => acts.push("close"),
            Transmit::Abort { .. } => acts.push("abort"),
            other => panic!("{other:?}"),
        }
    }
    (bytes, acts)
}

pub(crate) fn sent(connection: &mut Connection, now: Instant) -> String {
    let (bytes, acts) = wire(connection, now);
    assert!(acts.is_empty(), "{acts:?}");
    String::from_utf8(bytes).unwrap()
}

/// One line an event, neighbouring pieces of a body joined: what no chunking may change.
pub(crate) fn told(events: &[HttpEvent]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        match event {
            HttpEvent::Head(Head::Request(head)) => lines.push(format!("{} {}", head.method(), head.target())),
            HttpEvent::Head(Head::Response(head)) => {
                lines.push(format!("{} {}", head.status(), head.reason().escape_ascii()));
            }
            HttpEvent::Body(bytes) => match lines.last_mut().filter(|line| line.starts_with("body ")) {
                Some(line) => line.push_str(&bytes.escape_ascii().to_string()),
                None => lines.push(format!("body {}", bytes.escape_ascii())),
            },
            HttpEvent::Trailers(fields) => lines.push(format!("trailers {fields:?}")),
            HttpEvent::End => lines.push("end".to_owned()),
            HttpEvent::Reset(reset) => lines.push(format!("reset {:?}", reset.request)),
            other => lines.push(format!("{other:?}")),
        }
    }
    lines
}
