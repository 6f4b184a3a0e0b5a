//! What real clients and servers do beyond the texts, each named after the product.

use bytes::Bytes;
use oxwire_http::{Head, HttpEvent, HttpLimits, ResponseHead};

use crate::common::*;

/// IIS answers 411 to a body-less authentication leg without Content-Length: a leg says 0, and that is a request without a
/// body that leaves the connection as it was.
#[test]
fn iis_legs_carry_content_length_0() {
    let now = start();
    let mut c = client();
    for answer in [
        &b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n"[..],
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM TlRM\r\nContent-Length: 0\r\n\r\n",
    ] {
        c.send(now, request("POST", "/mapi/emsmdb/", &[("Content-Length", "0"), ("Authorization", "NTLM TlRM")]))
            .unwrap();
        c.send(now, HttpEvent::End).unwrap();
        assert!(sent(&mut c, now).contains("\r\nContent-Length: 0\r\nAuthorization: NTLM TlRM\r\n\r\n"));
        c.handle(now, Bytes::from_static(answer)).unwrap();
        assert_eq!(told(&events(&mut c)).last().unwrap(), "end");
        assert!(c.is_idle());
    }
}

/// Outlook 2010, 2013 and 16.0.4266 want response header names in the specifications' spelling (haproxy#561).
#[test]
fn outlook_gets_the_specifications_spelling() {
    let head = ResponseHead::builder(401, "Unauthorized")
        .field("www-authenticate", "NTLM")
        .field("x-responsecode", "0")
        .field("set-cookie", "a=b")
        .field("x-requestid", "{A}:1")
        .field("x-clientinfo", "x")
        .response()
        .unwrap();
    assert_eq!(
        head.as_bytes(),
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nX-ResponseCode: 0\r\nSet-Cookie: a=b\r\nX-RequestId: {A}:1\r\nX-ClientInfo: x\r\n\r\n"
    );
}

/// Exchange SE sends header names in lower case.
#[test]
fn exchange_se_sends_lower_case_names() {
    let mut text = Bytes::from_static(
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nset-cookie: a=b; path=/mapi/\r\nset-cookie: c=d\r\nx-responsecode: 0\r\n\r\n",
    );
    let head = ResponseHead::parse(&mut text, &HttpLimits::DEFAULT).unwrap().unwrap();
    assert_eq!(head.fields().text("X-ResponseCode"), Some("0"));
    assert_eq!(head.fields().all("Set-Cookie").collect::<Vec<_>>(), [&b"a=b; path=/mapi/"[..], b"c=d"]);
}

/// Outlook sends several Cookie lines.
#[test]
fn outlook_sends_several_cookie_lines() {
    let now = start();
    let mut s = server(now);
    s.handle(
        now,
        Bytes::from_static(
            b"POST / HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nX-A: y\r\nCookie: c=d; e=f\r\nContent-Length: 0\r\n\r\n",
        ),
    )
    .unwrap();
    let Some(HttpEvent::Head(Head::Request(head))) = s.poll_event() else { panic!("no head") };
    assert_eq!(head.fields().all("cookie").collect::<Vec<_>>(), [&b"a=b"[..], b"c=d; e=f"]);
}

/// impacket's first request has Content-Length 0 and `Expect: 100-continue`: there is no body to continue with, so no interim
/// response is due, and a client that takes the next status line for the answer is not misled.
#[test]
fn impacket_expects_continue_without_a_body() {
    let now = start();
    let mut s = server(now);
    s.handle(
        now,
        Bytes::from_static(
            b"RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
        ),
    )
    .unwrap();
    assert_eq!(told(&events(&mut s)), ["RPC_IN_DATA /rpc/rpcproxy.dll", "end"]);
    assert_eq!(sent(&mut s, now), "");
}

/// gromox never answers `Expect`: the body goes out after the time set for it.
#[test]
fn gromox_never_answers_expect() {
    let now = start();
    let mut c = client();
    c.send(now, request("POST", "/", &[("Content-Length", "5"), ("Expect", "100-continue")])).unwrap();
    c.send(now, body("hello")).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    assert!(!sent(&mut c, now).contains("hello"));
    c.handle_timeout(at(now, 1));
    assert_eq!(sent(&mut c, at(now, 1)), "hello");
}

/// openchange answers the IN channel with `200 Success` and Content-Length 0 while its body is open: the body goes on.
#[test]
fn openchange_answers_while_the_request_body_is_open() {
    let now = start();
    let (mut c, mut s) = (client(), server(now));
    c.send(now, request("RPC_IN_DATA", "/rpc/rpcproxy.dll?a:6001", &[("Content-Length", "1073741824")])).unwrap();
    c.send(now, body("CONN/B1")).unwrap();
    s.handle(now, wire(&mut c, now).0.into()).unwrap();
    s.send(now, response(200, &[("Content-Length", "0")])).unwrap();
    s.send(now, HttpEvent::End).unwrap();
    c.handle(now, wire(&mut s, now).0.into()).unwrap();
    assert_eq!(told(&events(&mut c)), ["200 Success", "end"]);
    assert!(!c.is_idle());
    c.send(now, body(" bind")).unwrap();
    s.handle(now, wire(&mut c, now).0.into()).unwrap();
    assert_eq!(told(&events(&mut s)), ["RPC_IN_DATA /rpc/rpcproxy.dll?a:6001", "body CONN/B1 bind"]);
}

/// The OUT channel gets `HTTP/1.1 200 Success` and a body of 1 GiB that never ends; a proxy that loses its server writes
/// `HTTP/1.0 503 RPC Error: 6ba` in the middle of it. To HTTP these are bytes of the body.
#[test]
fn a_503_in_mid_stream_is_body() {
    let now = start();
    for length in ["Content-Length: 1073741824\r\n", ""] {
        let mut c = client();
        c.send(now, request("RPC_OUT_DATA", "/rpc/rpcproxy.dll?a:6001", &[("Content-Length", "76")])).unwrap();
        c.send(now, HttpEvent::Body(Bytes::from(vec![b'x'; 76]))).unwrap();
        c.send(now, HttpEvent::End).unwrap();
        wire(&mut c, now);
        let text = format!("HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\n{length}\r\nPDU");
        c.handle(now, text.into()).unwrap();
        c.handle(now, Bytes::from_static(b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\n")).unwrap();
        assert_eq!(told(&events(&mut c)), ["200 Success", "body PDUHTTP/1.0 503 RPC Error: 6ba\\r\\n\\r\\n"]);
    }
}

/// A proxy's `HTTP/1.0 503 RPC Error: 5` as the answer itself, its text in the server's own language and character set.
#[test]
fn windows_proxies_localise_reasons() {
    let mut text = Bytes::from_static(b"HTTP/1.0 503 RPC-Fehler f\xFCr 5\r\n\r\n");
    let head = ResponseHead::parse(&mut text, &HttpLimits::DEFAULT).unwrap().unwrap();
    assert_eq!((head.status(), head.reason()), (503, &b"RPC-Fehler f\xFCr 5"[..]));
}

/// gromox leaves a request unanswered and holds the connection open (its IN channel): nothing is told, nothing times out here,
/// and the caller's own end is a close.
#[test]
fn gromox_leaves_the_in_channel_unanswered() {
    let now = start();
    let mut c = client();
    c.send(now, request("RPC_IN_DATA", "/rpc/rpcproxy.dll?a:6001", &[("Content-Length", "1073741824")])).unwrap();
    wire(&mut c, now);
    c.handle_timeout(at(now, 100_000));
    assert_eq!((c.poll_event(), c.poll_timeout()), (None, None));
    c.close(now);
    assert_eq!(wire(&mut c, now).1, ["close"]);
}

/// An unread response body costs the connection that NTLM authenticated: the next request is refused until it has ended.
#[test]
fn an_unread_response_body_blocks_the_connection() {
    let now = start();
    let mut c = client();
    c.send(now, get()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    c.handle(now, Bytes::from_static(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 1293\r\n\r\n<!DOCTYPE")).unwrap();
    c.send(now, get()).unwrap_err();
    c.handle(now, Bytes::from(vec![b'x'; 1284])).unwrap();
    c.send(now, get()).unwrap();
}

/// The probe of Microsoft's Remote Connectivity Analyzer: `RPC_IN_DATA` with a body of four bytes.
#[test]
fn rca_echo_has_a_body_of_four_bytes() {
    let now = start();
    let mut s = server(now);
    s.handle(
        now,
        Bytes::from_static(
            b"RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\xF8\xE8\x18\x08",
        ),
    )
    .unwrap();
    assert_eq!(told(&events(&mut s)), ["RPC_IN_DATA /rpc/rpcproxy.dll", "body \\xf8\\xe8\\x18\\x08", "end"]);
}

/// Outlook's first request carries an empty `Authorization: Bearer`, and Exchange SE's cookies come as four lines.
#[test]
fn outlook_probes_with_an_empty_bearer() {
    let now = start();
    let mut s = server(now);
    s.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \r\nX-Empty:\r\n\r\n"))
        .unwrap();
    let Some(HttpEvent::Head(Head::Request(head))) = s.poll_event() else { panic!("no head") };
    assert_eq!((head.fields().text("authorization"), head.fields().text("x-empty")), (Some("Bearer"), Some("")));
}
