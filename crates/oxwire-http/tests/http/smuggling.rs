//! Every ambiguity that request smuggling lives on, by its name ([RFC 9112] 11.2; sections at each case). Bytes built by hand
//! from the text. The connection is finished after each.

use bytes::Bytes;
use oxwire_core::Error;
use oxwire_http::{Fault, HttpLimits, RequestHead, ResponseHead};

use crate::common::*;

/// Feeds a server whole and byte by byte; the fault, and the status that it answers with.
fn server_fault(text: &[u8]) -> (Fault, Option<u16>) {
    let now = start();
    let answers = [text.len().max(1), 1].map(|step| {
        let mut server = server(now);
        let mut result = Ok(());
        for piece in text.chunks(step) {
            result = server.handle(now, Bytes::copy_from_slice(piece));
            if result.is_err() {
                break;
            }
        }
        assert!(matches!(result, Err(Error::Peer(_))), "{result:?} for {:?}", text.escape_ascii().to_string());
        assert!(told(&events(&mut server)).last().unwrap().starts_with("reset "));
        assert!(server.ended().is_some());
        let (bytes, acts) = wire(&mut server, now);
        assert!(!acts.is_empty(), "the connection goes on");
        let status = std::str::from_utf8(&bytes).unwrap().get(9..12).and_then(|digits| digits.parse().ok());
        (server.fault().unwrap(), status)
    });
    assert_eq!(answers[0], answers[1], "another fault byte by byte");
    answers[0]
}

fn client_fault(text: &[u8]) -> Fault {
    let now = start();
    let mut client = client();
    client.send(now, get()).unwrap();
    client.send(now, oxwire_http::HttpEvent::End).unwrap();
    wire(&mut client, now);
    let result = client.handle(now, Bytes::copy_from_slice(text));
    assert!(matches!(result, Err(Error::Peer(_))), "{result:?} for {:?}", text.escape_ascii().to_string());
    assert_eq!(told(&events(&mut client)).last().unwrap(), "reset Unknown");
    assert_eq!(wire(&mut client, now).1, ["abort"]);
    client.fault().unwrap()
}

fn request_with(fields: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n0123456789").into_bytes()
}

#[test]
fn ambiguous_request_fields() {
    for (fields, fault, status) in [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Fault::ContentLengthConflict, 400),
        ("Content-Length: 5, 6\r\n", Fault::ContentLengthConflict, 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Fault::LengthAndCoding, 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Fault::LengthAndCoding, 400),
        ("Content-Length: -1\r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: +5\r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: 0x5\r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: 5 5\r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: \r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: 5,\r\n", Fault::ContentLengthInvalid, 400),
        ("Content-Length: 5\x0b\r\n", Fault::Control, 400),
        ("Content-Length: 18446744073709551616\r\n", Fault::ContentLengthOverflow, 400),
        ("Content-Length: 99999999999999999999999999\r\n", Fault::ContentLengthOverflow, 400),
        ("Transfer-Encoding: identity\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: chunked, gzip\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: xchunked\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding:\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: chunked,\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: \"chunked\"\r\n", Fault::CodingNotChunked, 400),
        ("Transfer-Encoding: chunked, chunked\r\n", Fault::CodingTwice, 400),
        ("Transfer-Encoding: gzip, chunked\r\n", Fault::CodingUnsupported, 501),
        ("Content-Length : 5\r\n", Fault::SpaceBeforeColon, 400),
        ("Transfer-Encoding\t: chunked\r\n", Fault::SpaceBeforeColon, 400),
        (" Content-Length: 5\r\n", Fault::ObsFold, 400),
        ("X-A: b\r\n\tc\r\n", Fault::ObsFold, 400),
        ("Content-Length\r\n", Fault::FieldName, 400),
        (": 5\r\n", Fault::FieldName, 400),
        ("Content Length: 5\r\n", Fault::FieldName, 400),
        ("X-\u{e9}: 5\r\n", Fault::FieldName, 400),
        ("X-A: b\nContent-Length: 5\r\n", Fault::BareLf, 400),
        ("X-A: b\n\r\n", Fault::BareLf, 400),
        ("X-A: b\r\n\n", Fault::BareLf, 400),
        ("X-A: b\rContent-Length: 5\r\n", Fault::BareCr, 400),
        ("X-A: b\r\r\n", Fault::BareCr, 400),
        ("X-A: b\0c\r\n", Fault::Nul, 400),
        ("X-A\0: b\r\n", Fault::Nul, 400),
        ("X-A: b\x7f\r\n", Fault::Control, 400),
        ("Host: y\r\n", Fault::HostRepeated, 400),
    ] {
        assert_eq!(server_fault(&request_with(fields)), (fault, Some(status)), "{fields:?}");
    }
}

#[test]
fn start_lines_that_are_none() {
    for (text, fault, status) in [
        ("GET / HTTP/1.1\r\n\r\n", Fault::HostMissing, 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fault::HostInvalid, 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Fault::HostInvalid, 400),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fault::HostInvalid, 400),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", Fault::Version, 505),
        ("GET / HTTP/1.2\r\nHost: x\r\n\r\n", Fault::Version, 505),
        ("GET /\r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        ("GET / x HTTP/1.1\r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        (" GET / HTTP/1.1\r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        ("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        ("GET / HTTP/1.1\nHost: x\r\n\r\n", Fault::BareLf, 400),
        ("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", Fault::Nul, 400),
        ("GET /\r HTTP/1.1\r\nHost: x\r\n\r\n", Fault::BareCr, 400),
        ("GET / HTTP/1.1 \r\nHost: x\r\n\r\n", Fault::StartLine, 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::CodingInHttp10, 400),
        ("\n", Fault::BareLf, 400),
    ] {
        assert_eq!(server_fault(text.as_bytes()), (fault, Some(status)), "{text:?}");
    }
}

#[test]
fn chunks_that_are_none() {
    for (body, fault) in [
        ("x\r\n", Fault::ChunkSize),
        ("\r\n", Fault::ChunkSize),
        (";a=b\r\n", Fault::ChunkSize),
        ("-1\r\n", Fault::ChunkSize),
        ("0x5\r\n", Fault::ChunkSize),
        (" 5\r\n", Fault::ChunkSize),
        ("5 5\r\n", Fault::ChunkSize),
        ("10000000000000000\r\n", Fault::ChunkSizeOverflow),
        ("fffffffffffffffff\r\n", Fault::ChunkSizeOverflow),
        ("5\n01234\r\n", Fault::BareLf),
        ("5\rx", Fault::BareCr),
        ("5;a\nb\r\n", Fault::BareLf),
        ("5;a\rb\r\n", Fault::BareCr),
        ("5;a\0\r\n", Fault::Nul),
        ("5;a\x01\r\n", Fault::Control),
        ("5\r\n012345\r\n", Fault::ChunkEnd),
        ("5\r\n01234\n", Fault::ChunkEnd),
        ("5\r\n01234\rx", Fault::ChunkEnd),
        ("5\r\n01234\r\r\n", Fault::ChunkEnd),
        ("0\r\nX-A: b\n\r\n", Fault::BareLf),
        ("0\r\nX-A : b\r\n\r\n", Fault::SpaceBeforeColon),
        ("0\r\n X-A: b\r\n\r\n", Fault::ObsFold),
        ("0\r\nX-A\r\n\r\n", Fault::FieldName),
        ("0\r\nX-A: b\0\r\n\r\n", Fault::Nul),
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(server_fault(text.as_bytes()), (fault, Some(400)), "{body:?}");
    }
}

#[test]
fn ambiguous_responses() {
    for (text, fault) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", Fault::ContentLengthConflict),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::LengthAndCoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Fault::CodingNotChunked),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::CodingInHttp10),
        ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Fault::ContentLengthInvalid),
        ("HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n", Fault::BareLf),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Fault::ObsFold),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Fault::SpaceBeforeColon),
        ("HTTP/1.1 20 OK\r\n\r\n", Fault::StartLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", Fault::StartLine),
        ("HTTP/1.1 099 OK\r\n\r\n", Fault::StartLine),
        ("HTTP/2 200 OK\r\n\r\n", Fault::Version),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", Fault::StartLine),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", Fault::StartLine),
        ("HTTP/1.1 200 \0\r\n\r\n", Fault::Nul),
        ("HTTP/1.1 200 a\rb\r\n\r\n", Fault::BareCr),
    ] {
        assert_eq!(client_fault(text.as_bytes()), fault, "{text:?}");
    }
}

#[test]
fn limits_are_named() {
    let now = start();
    let fault = |limits: HttpLimits, text: String| {
        let mut server = oxwire_http::Connection::server(now, oxwire_core::ConnectionId::new(1), limits);
        server.handle(now, text.into()).unwrap_err();
        (server.fault().unwrap(), sent_status(&mut server, now))
    };
    let base = HttpLimits::DEFAULT;
    let long = "x".repeat(200);
    assert_eq!(
        fault(base.with_line_bytes(100), format!("GET /{long} HTTP/1.1\r\n")),
        (Fault::LineTooLong, "431".to_owned())
    );
    assert_eq!(
        fault(base.with_head_bytes(100), format!("GET / HTTP/1.1\r\nA: {long}\r\n")),
        (Fault::HeadTooLong, "431".to_owned())
    );
    let fields = "A: b\r\n".repeat(40);
    assert_eq!(
        fault(base.with_fields(39), format!("GET / HTTP/1.1\r\n{fields}\r\n")),
        (Fault::TooManyFields, "431".to_owned())
    );
    // Heads that are there at once are held against the same limits.
    for (limits, expected) in [
        (base.with_line_bytes(200), Fault::LineTooLong),
        (base.with_head_bytes(200), Fault::HeadTooLong),
        (base.with_fields(1), Fault::TooManyFields),
    ] {
        let whole = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n");
        assert_eq!(fault(limits, whole), (expected, "431".to_owned()));
    }
    for (limits, len) in
        [(base.with_line_bytes(204), 232), (base.with_head_bytes(232), 232), (base.with_fields(2), 232)]
    {
        let mut whole = Bytes::from(format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n"));
        let head = RequestHead::parse(&mut whole, &limits).unwrap().unwrap();
        assert_eq!(head.as_bytes().len(), len);
    }
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(
        fault(base.with_chunk_line_bytes(20), format!("{chunked}5;{long}\r\n")),
        (Fault::ChunkLineTooLong, "400".to_owned())
    );
    assert_eq!(
        fault(base.with_fields(39), format!("{chunked}0\r\n{fields}\r\n")),
        (Fault::TooManyFields, "431".to_owned())
    );
}

fn sent_status(server: &mut oxwire_http::Connection, now: std::time::Instant) -> String {
    let (bytes, acts) = wire(server, now);
    assert_eq!(acts, ["finish"]);
    String::from_utf8(bytes).unwrap().get(9..12).unwrap().to_owned()
}

/// More fields than fit the index on the stack, and exactly as many.
#[test]
fn many_fields_are_kept() {
    for count in [31, 32, 33, 100, 127] {
        let fields: String = (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect();
        let mut text = Bytes::from(format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\nrest"));
        let head = RequestHead::parse(&mut text, &HttpLimits::DEFAULT).unwrap().unwrap();
        assert_eq!((head.fields().len(), &text[..]), (count + 1, &b"rest"[..]));
        assert_eq!(head.fields().text(&format!("x-{}", count - 1)), Some((count - 1).to_string().as_str()));
    }
}

/// [RFC 9112] 6.3: equal values in a list or in several lines may be taken as one.
#[test]
fn equal_lengths_are_one() {
    for fields in
        ["Content-Length: 10\r\nContent-Length: 10\r\n", "Content-Length: 10, 10\r\n", "content-length:10 \r\n"]
    {
        let now = start();
        let mut server = server(now);
        server.handle(now, request_with(fields).into()).unwrap();
        assert_eq!(told(&events(&mut server)), ["POST /", "body 0123456789", "end"]);
    }
}

#[test]
fn damaged_heads_never_panic() {
    let whole = b"POST /rpc/rpcproxy.dll?a:6001 HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let response =
        b"HTTP/1.1 401 Nein\r\nWWW-Authenticate: NTLM\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let limits = HttpLimits::DEFAULT;
    for text in [&whole[..], &response[..]] {
        for end in 0..text.len() {
            let mut prefix = Bytes::copy_from_slice(&text[..end]);
            assert_eq!(RequestHead::parse(&mut prefix, &limits).ok().flatten(), None);
            assert_eq!(ResponseHead::parse(&mut prefix, &limits).ok().flatten(), None);
            assert_eq!(prefix.len(), end, "input is left as it was");
        }
        for at in 0..text.len() {
            for flip in 1..=255_u8 {
                let mut damaged = text.to_vec();
                damaged[at] ^= flip;
                let _ = RequestHead::parse(&mut Bytes::from(damaged.clone()), &limits);
                let _ = ResponseHead::parse(&mut Bytes::from(damaged), &limits);
            }
        }
    }
}
