//! oxwire-http: URLs, heads, bodies, connections.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, Fault, Fields, Head, HttpEvent, HttpLimits, Origin, RequestHead, ResponseHead};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("http_url", http_url), ("http_head", http_head), ("http_body", http_body), ("http_connection", http_connection)];

/// A URL that is accepted names an origin whose own URL names the same origin, and a target that starts with `/`.
pub fn http_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((origin, target)) = Origin::from_url(text) else { return };
    assert!(target.starts_with('/'), "{target:?}");
    let again = format!("{}://{}{target}", origin.scheme.as_str(), origin.authority());
    assert_eq!(Origin::from_url(&again).as_ref(), Ok(&(origin, target)), "{again:?}");
}

/// Names in any letter case, values byte for byte.
fn same_fields(one: &Fields, other: &Fields) -> bool {
    let lower = |fields: &Fields| -> Vec<(String, Vec<u8>)> {
        fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_vec())).collect()
    };
    lower(one) == lower(other)
}

/// A head that is accepted is one that the builder writes, and reads again as the same; the `http` crate's types are no way
/// around the checks; a head and what follows it are all the input.
pub fn http_head(data: &[u8]) {
    let limits = HttpLimits::DEFAULT;
    let mut input = Bytes::copy_from_slice(data);
    match RequestHead::parse(&mut input, &limits) {
        Ok(Some(head)) => {
            assert!(data.ends_with(&[head.as_bytes(), &input[..]].concat()));
            let mut again = head.to_builder().request().expect("what was read can be written").as_bytes().clone();
            let again = RequestHead::parse(&mut again, &limits).expect("what was written can be read").expect("whole");
            assert_eq!(
                (again.method(), again.target(), again.version()),
                (head.method(), head.target(), head.version())
            );
            assert!(same_fields(again.fields(), head.fields()));
            if let Ok(parts) = head.to_parts() {
                let _ = RequestHead::from_parts(&parts);
            }
        }
        Ok(None) => assert_eq!(input, data),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    let mut input = Bytes::copy_from_slice(data);
    match ResponseHead::parse(&mut input, &limits) {
        Ok(Some(head)) => {
            assert_eq!([head.as_bytes(), &input[..]].concat(), data);
            let mut again = head.to_builder().response().expect("what was read can be written").as_bytes().clone();
            let again = ResponseHead::parse(&mut again, &limits).expect("what was written can be read").expect("whole");
            assert_eq!((again.status(), again.reason()), (head.status(), head.reason()));
            assert!(same_fields(again.fields(), head.fields()));
            if let Ok(parts) = head.to_parts() {
                let again = ResponseHead::from_parts(&parts).expect("what was read can be written");
                assert_eq!(again.status(), head.status());
            }
        }
        Ok(None) => assert_eq!(input, data),
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
}

fn start() -> Instant {
    Instant::now()
}

fn request(method: &str, fields: &[(&str, &str)]) -> HttpEvent {
    let builder = RequestHead::builder(method, "/x").field("Host", "mail.test");
    let builder = fields.iter().fold(builder, |builder, (name, value)| builder.field(name, value));
    HttpEvent::Head(Head::Request(builder.request().expect("a sound head")))
}

fn response(status: u16, fields: &[(&str, &str)]) -> HttpEvent {
    let builder = ResponseHead::builder(status, "Success");
    let builder = fields.iter().fold(builder, |builder, (name, value)| builder.field(name, value));
    HttpEvent::Head(Head::Response(builder.response().expect("a sound head")))
}

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");
const EMPTY: (&str, &str) = ("Content-Length", "0");

/// A connection before the stream that the kind names, and the bytes that stand in front of it.
fn before_stream(kind: u8, now: Instant) -> (Connection, &'static [u8]) {
    let conn = ConnectionId::new(1);
    let server = || Connection::server(now, conn, HttpLimits::DEFAULT);
    let client = |method: &str| {
        let mut client = Connection::client(conn, HttpLimits::DEFAULT);
        client.send(now, request(method, &[])).expect("idle");
        client.send(now, HttpEvent::End).expect("no body");
        while client.poll_transmit(now).is_some() {}
        client
    };
    match kind % 6 {
        0 => (server(), b""),
        1 => (client("GET"), b""),
        2 => (server(), b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        3 => (client("POST"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        4 => (client("HEAD"), b""),
        _ => (client("CONNECT"), b""),
    }
}

/// What came of a stream, neighbouring pieces of a body joined, and the fault.
fn heard(kind: u8, stream: &[u8], mut step: impl FnMut() -> usize) -> (Vec<HttpEvent>, Option<Fault>) {
    let now = start();
    let (mut connection, before) = before_stream(kind, now);
    let all = [before, stream].concat();
    let (mut rest, mut heard) = (&all[..], Vec::<HttpEvent>::new());
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(step().clamp(1, rest.len()));
        rest = behind;
        let result = connection.handle(now, Bytes::copy_from_slice(piece));
        while let Some(event) = connection.poll_event() {
            if event == HttpEvent::End && !connection.is_tunnel() {
                // Answered at once, so that a next request is let in. On a client's end this is refused.
                let _ = connection.send(now, response(200, &[EMPTY]));
                let _ = connection.send(now, HttpEvent::End);
            }
            match (heard.last_mut(), event) {
                (Some(HttpEvent::Body(before)), HttpEvent::Body(bytes)) => {
                    *before = [&before[..], &bytes].concat().into()
                }
                (_, event) => heard.push(event),
            }
        }
        if result.is_err() {
            break;
        }
    }
    connection.handle_eof(now);
    heard.extend(std::iter::from_fn(|| connection.poll_event()));
    (heard, connection.fault())
}

/// Any chunking of one stream gives the same events and ends in the same fault. The first byte names the kind of stream, the
/// second the chunking.
pub fn http_body(data: &[u8]) {
    let [kind, seed, stream @ ..] = data else { return };
    let whole = heard(*kind, stream, || usize::MAX);
    assert_eq!(heard(*kind, stream, || 1), whole, "byte by byte");
    let mut state = u32::from(*seed) | 0x100;
    let chunking = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % 40 + 1
    };
    assert_eq!(heard(*kind, stream, chunking), whole, "in pieces");
}

/// What peers say, whole or in part.
const SAID: [&[u8]; 16] = [
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
    b"HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 Success\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"HTT",
    b"\r\n",
];

/// What a caller sends.
fn sent(choice: u8) -> HttpEvent {
    match choice % 16 {
        0 => request("POST", &[("Content-Length", "5")]),
        1 => request("POST", &[("Content-Length", "5"), ("Expect", "100-continue")]),
        2 => request("POST", &[CHUNKED]),
        3 => request("GET", &[]),
        4 => request("HEAD", &[("Connection", "close")]),
        5 => request("CONNECT", &[]),
        6 => response(100, &[]),
        7 => response(200, &[EMPTY]),
        8 => response(200, &[CHUNKED]),
        9 => response(401, &[EMPTY, ("Connection", "close")]),
        10 => response(200, &[]),
        11 => HttpEvent::Body(Bytes::from_static(b"hello")),
        12 => HttpEvent::Body(Bytes::from_static(b"he")),
        13 => HttpEvent::Trailers(Fields::from_pairs([("X", &b"y"[..])]).expect("sound")),
        _ => HttpEvent::End,
    }
}

/// Takes what there is to send; the bytes are those that were announced, and nothing follows a close.
fn drain(connection: &mut Connection, now: Instant, closed: &mut bool) {
    let announced = connection.queued_bytes();
    let mut taken = 0;
    while let Some(transmit) = connection.poll_transmit(now) {
        assert!(!*closed, "{transmit:?} behind the close");
        match transmit {
            Transmit::Send { head, body, .. } => taken += head.as_slice().len() + body.len(),
            Transmit::Close { .. } => *closed = true,
            Transmit::Abort { .. } => {
                *closed = true;
                // What was not yet out did not go.
                taken = announced;
            }
            _ => {}
        }
    }
    assert_eq!(taken + connection.queued_bytes(), announced);
}

/// Any order of calls and of bytes: refused events come back whole, no timer is due after its time, the reset is the last event,
/// the close the last transmit, and the connection comes to rest.
pub fn http_connection(data: &[u8]) {
    let [role, operations @ ..] = data else { return };
    let mut now = start();
    let conn = ConnectionId::new(1);
    let limits = HttpLimits::DEFAULT.with_queued_bytes(40).with_held_bytes(200).with_auto_continue(role & 4 == 0);
    let mut connection = match role % 3 {
        0 => Connection::client(conn, limits),
        1 => Connection::server(now, conn, limits),
        _ => Connection::raw(conn, limits),
    };
    let (mut reset, mut closed) = (false, false);
    for pair in operations.chunks_exact(2).take(200) {
        let [operation, choice] = *pair else { break };
        match operation % 10 {
            0..=2 => {
                let said = SAID[usize::from(choice % 16)];
                let len = if choice & 0x80 == 0 { said.len() } else { said.len() / 2 };
                let _ = connection.handle(now, Bytes::from_static(&said[..len]));
            }
            3..=5 => {
                let (event, before) = (sent(choice), connection.queued_bytes());
                if let Err(error) = connection.send(now, event.clone()) {
                    assert_eq!(*error.event, event);
                    assert_eq!(connection.queued_bytes(), before);
                }
            }
            6 => drain(&mut connection, now, &mut closed),
            7 => {
                now += Duration::from_millis(u64::from(choice) * 100);
                connection.handle_timeout(now);
                assert!(connection.poll_timeout().is_none_or(|due| due > now), "a timer is due after its time");
            }
            8 => match choice % 32 {
                0 => connection.handle_eof(now),
                1 => connection.handle_lost(now, u64::from(choice), "lost"),
                2 => connection.close(now),
                3 => connection.abort(now),
                _ => {}
            },
            _ => {}
        }
        while let Some(event) = connection.poll_event() {
            assert!(!reset, "{event:?} behind the reset");
            reset = matches!(event, HttpEvent::Reset(_));
        }
    }
    connection.close(now);
    for _ in 0..100 {
        drain(&mut connection, now, &mut closed);
        let Some(due) = connection.poll_timeout() else { break };
        now = due;
        connection.handle_timeout(now);
    }
    assert!(closed && connection.poll_timeout().is_none() && connection.queued_bytes() == 0, "does not come to rest");
}
