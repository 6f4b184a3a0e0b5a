//! The plain form: `http::Request` in, `http::Response` and chunks out.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use oxwire_mapihttp::server::{Call, CallBody, CancelReason, Event};

use crate::harness::{Harness, connect_body, connect_success, user};

fn post(kind: &str, body: Bytes) -> Request<Bytes> {
    Request::post("https://mail.oxwire.test/mapi/emsmdb/?MailboxId=a")
        .header("content-type", "application/mapi-http")
        .header("x-requesttype", kind)
        .header("x-requestid", "{a}:1")
        .body(body)
        .unwrap()
}

fn read(h: &mut Harness, call: &Call, body: &mut Vec<u8>) -> CallBody {
    loop {
        match h.server.poll_call(call) {
            CallBody::Chunk(piece) => body.extend_from_slice(&piece),
            other => return other,
        }
    }
}

#[test]
fn a_connect_in_the_plain_form() {
    let mut h = Harness::plain();
    let (response, call) = h.server.call(h.now, Some(&user("alice")), post("Connect", connect_body())).unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["x-responsecode"]), (200, &"0".parse().unwrap()));
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert!(!response.headers().contains_key("transfer-encoding"), "framing is the caller's server's");
    let request = h.request();
    assert_eq!(request.conn, call.id());
    let mut body = Vec::new();
    assert_eq!(read(&mut h, &call, &mut body), CallBody::Waiting);
    assert_eq!(h.server.poll_call_ready(), None);
    h.pass(Duration::from_secs(15));
    assert_eq!(h.server.poll_call_ready(), Some(call.id()));
    h.server.accept(h.now, request.handle, 1, &[connect_success()]).unwrap();
    assert_eq!(h.server.poll_transmit(h.now), None, "calls are apart from connections");
    assert_eq!(read(&mut h, &call, &mut body), CallBody::End);
    assert!(body.starts_with(b"PROCESSING\r\nPENDING\r\nDONE\r\n") && body.ends_with(&connect_success()));
    assert_eq!(h.server.poll_call(&call), CallBody::Lost);
    assert_eq!(h.server.poll_call_ready(), None);
}

#[test]
fn refusals_are_responses_and_not_errors() {
    let mut h = Harness::plain();
    let alice = user("alice");
    let cases = [
        (None, post("Connect", connect_body()), "8"),
        (Some(&alice), post("Connect", Bytes::new()), "12"),
        (Some(&alice), Request::get("/mapi/emsmdb/").body(Bytes::new()).unwrap(), "2"),
        (Some(&alice), post("Execute", Bytes::from(vec![0; (16 << 20) + 1])), "9"),
    ];
    for (who, request, code) in cases {
        let (response, call) = h.server.call(h.now, who, request).unwrap();
        assert_eq!(response.headers()["x-responsecode"], code);
        let mut body = Vec::new();
        assert_eq!(read(&mut h, &call, &mut body), CallBody::End);
        assert_eq!(response.headers()["content-length"], body.len().to_string());
        h.server.drop_call(h.now, call);
    }
}

#[test]
fn a_call_that_is_dropped_cancels_its_work() {
    let mut h = Harness::plain();
    let (_, call) = h.server.call(h.now, Some(&user("alice")), post("Connect", connect_body())).unwrap();
    let handle = h.request().handle;
    h.server.drop_call(h.now, call);
    h.collect();
    assert!(matches!(
        h.events.pop(),
        Some(Event::Cancelled { handle: of, reason: CancelReason::ClientGone, .. }) if of == handle
    ));
    assert_eq!((h.server.poll_call_ready(), h.server.poll_timeout()), (None, None));
}

#[test]
fn a_call_that_is_not_read_is_lost() {
    let mut h = Harness::plain();
    let (_, call) = h.server.call(h.now, Some(&user("alice")), post("Connect", connect_body())).unwrap();
    h.pass(Duration::from_secs(120));
    assert_eq!(h.server.poll_call(&call), CallBody::Lost);
}
