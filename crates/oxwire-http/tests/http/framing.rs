//! Which body a message has ([RFC 9112] 6.3), and what may be sent when.

use bytes::Bytes;
use oxwire_http::{Fault, Fields, HttpEvent, HttpLimits, SendRefusal};

use crate::common::*;

/// What a client makes of `text`, sent in answer to `method`, with or without the end of the connection behind it.
fn answer(method: &str, text: &'static str, eof: bool) -> Vec<String> {
    let now = start();
    let mut client = client();
    client.send(now, request(method, "/", &[])).unwrap();
    client.send(now, HttpEvent::End).unwrap();
    wire(&mut client, now);
    client.handle(now, Bytes::from_static(text.as_bytes())).unwrap();
    if eof {
        client.handle_eof(now);
    }
    told(&events(&mut client))
}

#[test]
fn response_bodies() {
    for (method, text, expected) in [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", &["200 OK", "body abc", "end"][..]),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &["200 OK", "end"]),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", &["200 OK", "end"]),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &["200 OK", "end"]),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", &["204 No Content", "end"]),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", &["204 No Content", "end"]),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", &["304 Not Modified", "end"]),
        (
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            &["100 Continue", "103 Early", "200 OK", "end"],
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3 ;a=\"b;c\"\r\nabc\r\n0A\t\r\n0123456789\r\n000;x\r\n\r\n",
            &["200 OK", "body abc0123456789", "end"],
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-ElapsedTime: 7\r\nX-B:\r\n\r\n",
            &["200 OK", "body a", "trailers {\"X-ElapsedTime\": 7, \"X-B\": }", "end"],
        ),
    ] {
        assert_eq!(answer(method, text, false), expected, "{text:?}");
    }
}

#[test]
fn close_delimited_responses() {
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\nabc", &["200 OK", "body abc", "end", "reset NotSent"][..]),
        ("HTTP/1.0 200 OK\r\n\r\n", &["200 OK", "end", "reset NotSent"]),
        ("HTTP/1.1 200\r\nConnection: keep-alive\r\n\r\nabc", &["200 ", "body abc", "end", "reset NotSent"]),
        // Cut short: no end is told, and the request had been answered in part.
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", &["200 OK", "body abc", "reset Unknown"]),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", &["200 OK", "body abc", "reset Unknown"]),
        ("HTTP/1.1 200 O", &["reset Unknown"]),
    ] {
        assert_eq!(answer("GET", text, true), expected, "{text:?}");
    }
}

#[test]
fn a_truncated_message_is_a_named_fault() {
    let now = start();
    let mut server = server(now);
    server.handle(now, Bytes::from_static(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")).unwrap();
    server.handle_eof(now);
    assert_eq!(server.fault(), Some(Fault::Truncated));
    assert_eq!(told(&events(&mut server)), ["POST /", "body abc", "reset NotSent"]);
}

#[test]
fn connections_outlast_responses_or_not() {
    for (request_fields, text, lasts) in [
        (&[][..], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (&[], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo, Close\r\n\r\n", false),
        (&[], "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        (&[], "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", true),
        (&[("Connection", "close")], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let now = start();
        let mut client = client();
        client.send(now, request("GET", "/", request_fields)).unwrap();
        client.send(now, HttpEvent::End).unwrap();
        wire(&mut client, now);
        client.handle(now, Bytes::from_static(text.as_bytes())).unwrap();
        assert_eq!(client.is_idle(), lasts, "{text:?}");
        assert_eq!(wire(&mut client, now).1, if lasts { &[][..] } else { &["close"] }, "{text:?}");
    }
}

/// What a server sends for `event`s in answer to the head `text`.
fn served(text: &'static str, answer: Vec<HttpEvent>) -> (String, Vec<&'static str>) {
    let now = start();
    let mut server = server(now);
    server.handle(now, Bytes::from_static(text.as_bytes())).unwrap();
    for event in answer {
        server.send(now, event).unwrap();
    }
    let (bytes, acts) = wire(&mut server, now);
    (String::from_utf8(bytes).unwrap(), acts)
}

#[test]
fn servers_say_what_becomes_of_the_connection() {
    let ok = || vec![response(200, &[("Content-Length", "0")]), HttpEvent::End];
    let chunked = || vec![response(200, &[("Transfer-Encoding", "chunked")]), body("abc"), HttpEvent::End];
    for (text, answer, sent, acts) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", ok(), "HTTP/1.1 200 Success\r\nContent-Length: 0\r\n\r\n", &[][..]),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            ok(),
            "HTTP/1.1 200 Success\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            &["close"],
        ),
        // What the head says to the contrary gives way.
        (
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            vec![response(200, &[("Connection", "Keep-Alive"), ("Content-Length", "0")]), HttpEvent::End],
            "HTTP/1.1 200 Success\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            &["close"],
        ),
        (
            "GET / HTTP/1.0\r\n\r\n",
            ok(),
            "HTTP/1.1 200 Success\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            &["close"],
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            ok(),
            "HTTP/1.1 200 Success\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
            &[],
        ),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            chunked(),
            "HTTP/1.1 200 Success\r\nConnection: close\r\n\r\nabc",
            &["close"],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            chunked(),
            "HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            &[],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            vec![response(200, &[]), body("abc"), HttpEvent::End],
            "HTTP/1.1 200 Success\r\nConnection: close\r\n\r\nabc",
            &["close"],
        ),
        (
            "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
            vec![response(200, &[("Content-Length", "99")]), HttpEvent::End],
            "HTTP/1.1 200 Success\r\nContent-Length: 99\r\n\r\n",
            &[],
        ),
        // Interim responses are not for HTTP/1.0.
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            [vec![response(102, &[])], ok()].concat(),
            "HTTP/1.1 200 Success\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
            &[],
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            [vec![response(102, &[])], ok()].concat(),
            "HTTP/1.1 102 Success\r\n\r\nHTTP/1.1 200 Success\r\nContent-Length: 0\r\n\r\n",
            &[],
        ),
    ] {
        let (bytes, did) = served(text, answer);
        assert_eq!((bytes.as_str(), &did[..]), (sent, acts), "{text:?}");
    }
}

#[test]
fn trailers_are_sent_and_their_names_spelled() {
    let fields = Fields::from_pairs([("x-elapsedtime", &b"7"[..])]).unwrap();
    let answer = vec![
        response(200, &[("Transfer-Encoding", "chunked")]),
        body("abc"),
        HttpEvent::Trailers(fields),
        HttpEvent::End,
    ];
    let (sent, _) = served("GET / HTTP/1.1\r\nHost: x\r\n\r\n", answer);
    assert!(sent.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nX-ElapsedTime: 7\r\n\r\n"), "{sent:?}");
}

#[test]
fn events_out_of_order_come_back() {
    let now = start();
    let refused = |connection: &mut oxwire_http::Connection, event: HttpEvent| {
        let error = connection.send(now, event.clone()).unwrap_err();
        assert_eq!(*error.event, event);
        assert!(matches!(error.reason, SendRefusal::Misuse(_) | SendRefusal::Head(_)), "{error}");
    };
    let mut c = client();
    for event in [body("x"), HttpEvent::End, response(200, &[]), HttpEvent::Trailers(Fields::default())] {
        refused(&mut c, event);
    }
    refused(&mut c, request("POST", "/", &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")]));
    c.send(now, request("POST", "/", &[("Content-Length", "5")])).unwrap();
    refused(&mut c, HttpEvent::End);
    refused(&mut c, get());
    refused(&mut c, body("123456"));
    refused(&mut c, HttpEvent::Trailers(Fields::default()));
    c.send(now, body("12345")).unwrap();
    refused(&mut c, body("6"));
    c.send(now, HttpEvent::End).unwrap();
    refused(&mut c, get());
    refused(&mut c, HttpEvent::Reset(oxwire_http::Reset::unknown("x")));

    let mut c = client();
    c.send(now, get()).unwrap();
    refused(&mut c, body("x"));

    let mut s = server(now);
    for event in [get(), response(200, &[]), body("x"), HttpEvent::End] {
        refused(&mut s, event);
    }
    s.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    refused(&mut s, body("x"));
    s.send(now, response(200, &[("Transfer-Encoding", "chunked")])).unwrap();
    refused(&mut s, response(200, &[]));
    s.send(now, HttpEvent::Trailers(Fields::default())).unwrap();
    refused(&mut s, body("x"));

    s.close(now);
    let error = s.send(now, HttpEvent::End).unwrap_err();
    assert!(matches!(error.reason, SendRefusal::Closed(_)));
}

#[test]
fn a_full_queue_gives_the_event_back() {
    let now = start();
    let limits = HttpLimits::DEFAULT.with_queued_bytes(1000);
    let mut c = oxwire_http::Connection::client(oxwire_core::ConnectionId::new(1), limits);
    c.send(now, request("POST", "/", &[("Content-Length", "2700")])).unwrap();
    let piece = HttpEvent::Body(Bytes::from(vec![7; 900]));
    c.send(now, piece.clone()).unwrap();
    c.send(now, piece.clone()).unwrap();
    let queued = c.queued_bytes();
    assert!(queued > 1800);
    let error = c.send(now, piece.clone()).unwrap_err();
    assert_eq!((*error.event, error.reason), (piece.clone(), SendRefusal::Full { queued }));
    assert_eq!(c.queued_bytes(), queued);
    wire(&mut c, now);
    assert_eq!(c.queued_bytes(), 0);
    c.send(now, piece).unwrap();
    // An end is never refused for want of room.
    c.send(now, HttpEvent::End).unwrap();
    let mut c = oxwire_http::Connection::client(oxwire_core::ConnectionId::new(1), limits.with_queued_bytes(1));
    c.send(now, request("POST", "/", &[("Transfer-Encoding", "chunked")])).unwrap();
    assert!(matches!(c.send(now, body("x")).unwrap_err().reason, SendRefusal::Full { .. }));
    c.send(now, HttpEvent::End).unwrap();
    assert!(wire(&mut c, now).0.ends_with(b"\r\n\r\n0\r\n\r\n"));
}

/// A body of 2 GiB is announced and streamed; here its pieces are one buffer, over and over.
#[test]
fn two_gibibytes_are_streamed_and_never_held() {
    const TOTAL: u64 = 2 << 30;
    let now = start();
    let (mut c, mut s) = (client(), server(now));
    c.send(now, request("RPC_IN_DATA", "/rpc/rpcproxy.dll?a:6001", &[("Content-Length", &TOTAL.to_string())])).unwrap();
    let piece = Bytes::from(vec![7_u8; 64 << 20]);
    let mut received = 0;
    for _ in 0..TOTAL / piece.len() as u64 {
        c.send(now, HttpEvent::Body(piece.clone())).unwrap();
        while let Some(oxwire_core::Transmit::Send { body, .. }) = c.poll_transmit(now) {
            s.handle(now, body).unwrap();
        }
        assert_eq!(c.queued_bytes(), 0);
        for event in events(&mut s) {
            if let HttpEvent::Body(bytes) = event {
                assert_eq!(bytes.as_ptr(), piece.as_ptr(), "copied");
                received += bytes.len() as u64;
            }
        }
    }
    assert_eq!(received, TOTAL);
    c.send(now, HttpEvent::End).unwrap();
}
