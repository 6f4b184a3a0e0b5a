//! One connection from both ends: exchanges, keep-alive, close, early responses, the fate of requests.

use crate::common::*;
use bytes::Bytes;
use oxwire_http::HttpEvent;

#[test]
fn two_exchanges_on_one_connection() {
    let now = start();
    let (mut c, mut s) = (client(), server(now));
    for _ in 0..2 {
        c.send(now, request("POST", "/mapi/emsmdb/", &[("Content-Length", "5")])).unwrap();
        c.send(now, body("hello")).unwrap();
        c.send(now, HttpEvent::End).unwrap();
        let (bytes, acts) = wire(&mut c, now);
        assert!(acts.is_empty());
        s.handle(now, bytes.into()).unwrap();
        assert_eq!(told(&events(&mut s)), ["POST /mapi/emsmdb/", "body hello", "end"]);
        s.send(now, response(200, &[("Transfer-Encoding", "chunked")])).unwrap();
        s.send(now, body("PROCESSING\r\n")).unwrap();
        s.send(now, body("DONE\r\n")).unwrap();
        s.send(now, HttpEvent::End).unwrap();
        let (bytes, acts) = wire(&mut s, now);
        assert!(acts.is_empty());
        c.handle(now, bytes.into()).unwrap();
        assert_eq!(told(&events(&mut c)), ["200 Success", "body PROCESSING\\r\\nDONE\\r\\n", "end"]);
        assert!(c.is_idle());
    }
}

#[test]
fn bytes_that_are_not_http_end_the_connection() {
    let now = start();
    let mut s = server(now);
    s.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")).unwrap_err();
    assert_eq!(told(&events(&mut s)), ["reset NotSent"]);
    let (bytes, acts) = wire(&mut s, now);
    assert!(bytes.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    assert_eq!(acts, ["finish"]);
    s.handle_eof(now);
    assert_eq!(wire(&mut s, now).1, ["close"]);
}
