//! Forward proxies and tunnels.

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error};
use oxwire_http::{Connection, Fault, Head, HttpEvent, HttpLimits, Origin, RequestHead, SendRefusal, Version};

use crate::common::*;

fn connect() -> HttpEvent {
    let (origin, _) = Origin::from_url("https://mail.test/mapi").unwrap();
    let head = RequestHead::connect(&origin).field("proxy-authorization", "Basic eDp5").request().unwrap();
    HttpEvent::Head(Head::Request(head))
}

#[test]
fn connect_makes_a_tunnel() {
    let now = start();
    let (mut c, mut s) = (client(), server(now));
    c.send(now, connect()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    let (bytes, _) = wire(&mut c, now);
    assert_eq!(
        bytes,
        b"CONNECT mail.test:443 HTTP/1.1\r\nHost: mail.test:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
    );
    s.handle(now, bytes.into()).unwrap();
    // Bytes of the tunnel that come too early wait for it.
    s.handle(now, Bytes::from_static(b"early ")).unwrap();
    assert_eq!(told(&events(&mut s)), ["CONNECT mail.test:443", "end"]);
    s.send(now, response(200, &[])).unwrap();
    assert!(s.is_tunnel());
    s.send(now, body("server speaks")).unwrap();
    c.handle(now, wire(&mut s, now).0.into()).unwrap();
    assert!(c.is_tunnel());
    assert_eq!(told(&events(&mut c)), ["200 Success", "body server speaks"]);
    c.send(now, body("client \r\n\r\n speaks")).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    let (bytes, acts) = wire(&mut c, now);
    assert_eq!(acts, ["finish"]);
    s.handle(now, bytes.into()).unwrap();
    s.handle_eof(now);
    assert_eq!(told(&events(&mut s)), ["body early client \\r\\n\\r\\n speaks", "end"]);
    // The other half stays open.
    s.send(now, body("last words")).unwrap();
    s.send(now, HttpEvent::End).unwrap();
    let (bytes, acts) = wire(&mut s, now);
    assert_eq!(acts, ["finish", "close"]);
    c.handle(now, bytes.into()).unwrap();
    c.handle_eof(now);
    assert_eq!(told(&events(&mut c)), ["body last words", "end", "reset Unknown"]);
    assert_eq!(wire(&mut c, now).1, ["close"]);
}

#[test]
fn a_407_passes_up_and_the_connection_goes_on() {
    let now = start();
    let mut c = client();
    c.send(now, connect()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    let text = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno";
    c.handle(now, Bytes::from_static(text)).unwrap();
    let heard = events(&mut c);
    assert_eq!(told(&heard), ["407 Proxy Authentication Required", "body no", "end"]);
    let HttpEvent::Head(Head::Response(head)) = &heard[0] else { panic!("{heard:?}") };
    assert_eq!(head.fields().all("proxy-authenticate").collect::<Vec<_>>(), [&b"Negotiate"[..], b"NTLM"]);
    assert!(c.is_idle() && !c.is_tunnel());
    c.send(now, connect()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    // Lengths in a 2xx to CONNECT mean nothing ([RFC 9110] 9.3.6).
    c.handle(now, Bytes::from_static(b"HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n\x16\x03\x01"))
        .unwrap();
    assert_eq!(told(&events(&mut c)), ["200 Connection established", "body \\x16\\x03\\x01"]);
}

/// A proxy that closes after its 407, as many do.
#[test]
fn a_407_that_closes_lets_the_request_go_out_again() {
    let now = start();
    let mut c = client();
    c.send(now, connect()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    c.handle(now, Bytes::from_static(b"HTTP/1.0 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n")).unwrap();
    c.handle_eof(now);
    assert_eq!(told(&events(&mut c)), ["407 No", "end", "reset NotSent"]);
}

/// [MS-RPCH] 2.1.1.1.1: version 1 of RPC over HTTP streams PDUs both ways behind RPC_CONNECT.
#[test]
fn rpc_connect_makes_a_tunnel() {
    let now = start();
    let mut c = client();
    c.send(now, request("RPC_CONNECT", "mail.test:6001", &[("Pragma", "No-cache")])).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    c.handle(now, Bytes::from_static(b"HTTP/1.1 200 Success\r\n\r\nncacn_http/1.0")).unwrap();
    assert_eq!(told(&events(&mut c)), ["200 Success", "body ncacn_http/1.0"]);
    assert!(c.is_tunnel());
}

/// 101 turns the connection of a request with `Upgrade` into a tunnel, both ends.
#[test]
fn switching_protocols_makes_a_tunnel() {
    let now = start();
    let mut c = client();
    c.send(now, request("GET", "/", &[("Upgrade", "y"), ("Connection", "Upgrade")])).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    c.handle(now, Bytes::from_static(b"HTTP/1.1 101 Switching\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\nraw"))
        .unwrap();
    assert_eq!(told(&events(&mut c)), ["101 Switching", "body raw"]);
    assert!(c.is_tunnel());
    let mut s = server(now);
    s.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n"))
        .unwrap();
    s.send(now, response(101, &[("Upgrade", "y"), ("Connection", "Upgrade")])).unwrap();
    assert!(sent(&mut s, now).ends_with("Connection: Upgrade\r\n\r\n"));
    s.handle(now, Bytes::from_static(b"raw")).unwrap();
    assert_eq!(told(&events(&mut s)), ["GET /", "end", "body raw"]);
}

/// [RFC 9110] 7.8: a server does not switch to what the request did not name, and an Upgrade in HTTP/1.0 names nothing.
#[test]
fn switching_protocols_unasked_is_a_fault() {
    let now = start();
    let http10 = RequestHead::builder("GET", "/").version(Version::Http10).field("Upgrade", "y").request().unwrap();
    let http10 = HttpEvent::Head(Head::Request(http10));
    for head in [get(), request("GET", "/", &[("Upgrade", "")]), connect(), http10] {
        let mut c = client();
        c.send(now, head.clone()).unwrap();
        c.send(now, HttpEvent::End).unwrap();
        wire(&mut c, now);
        let unasked = Bytes::from_static(b"HTTP/1.1 101 Switching\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\nraw");
        let error = c.handle(now, unasked).unwrap_err();
        assert!(matches!(error, Error::Peer(_)), "{error:?}");
        assert_eq!(c.fault(), Some(Fault::SwitchNotAsked), "{head:?}");
        assert!(!c.is_tunnel());
        assert_eq!(told(&events(&mut c)), ["reset Unknown"]);
        assert_eq!(wire(&mut c, now).1, ["abort"]);
    }
    for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\nUpgrade: y\r\n\r\n"] {
        let mut s = server(now);
        s.handle(now, Bytes::from_static(text.as_bytes())).unwrap();
        let refused = s.send(now, response(101, &[("Upgrade", "y"), ("Connection", "Upgrade")])).unwrap_err();
        assert!(matches!(refused.reason, SendRefusal::Misuse(_)), "{refused:?}");
        // Nothing has changed: the request is still to be answered.
        s.send(now, response(204, &[])).unwrap();
        assert!(!s.is_tunnel());
    }
}

#[test]
fn a_raw_connection_has_no_heads() {
    let now = start();
    let mut raw = Connection::raw(ConnectionId::new(1), HttpLimits::DEFAULT);
    raw.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\n")).unwrap();
    raw.send(now, body("pdu")).unwrap();
    assert_eq!(sent(&mut raw, now), "pdu");
    raw.send(now, get()).unwrap_err();
    raw.handle_eof(now);
    assert_eq!(told(&events(&mut raw)), ["body GET / HTTP/1.1\\r\\n", "end"]);
    raw.send(now, HttpEvent::End).unwrap();
    assert_eq!(wire(&mut raw, now).1, ["finish", "close"]);
    assert_eq!(told(&events(&mut raw)), ["reset Unknown"]);
}
