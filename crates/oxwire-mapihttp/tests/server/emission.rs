//! What a response is made of and when its parts go out: [MS-OXCMAPIHTTP] 2.2.3, 2.2.7, 3.2.5.2.

use std::time::Duration;

use bytes::Bytes;
use oxwire_http::{Head, HttpEvent, HttpTransmit};
use oxwire_mapihttp::server::{CancelReason, Event, ServerConfig};

use crate::harness::{Harness, connect_body, connect_success, execute_body, execute_success};

const SECOND: Duration = Duration::from_secs(1);

/// The whole head, field by field: names in the specification's spelling (Outlook 2010, 2013 and 16.0.4266 want it), values as the
/// rows have them.
#[test]
fn r41_r42_r43_r44_r1300_r1301_the_head_of_an_accepted_request() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", ""), &connect_body());
    let response = h.receive(conn);
    let head = response.head.as_ref().unwrap();
    let text = String::from_utf8(head.as_bytes().to_vec()).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines[..11],
        [
            "HTTP/1.1 200 OK",
            "Cache-Control: private",
            "Content-Type: application/mapi-http",
            "X-RequestType: Connect",
            "X-ResponseCode: 0",
            "X-RequestId: {07070707-0707-4707-8707-070707070707}:1",
            "X-ClientInfo: {2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123",
            "X-ServerApplication: Exchange/15.00.0847.4040",
            "X-ExpirationInfo: 900000",
            "Transfer-Encoding: chunked",
            "X-PendingPeriod: 30000",
        ],
        "{}",
        "R158002"
    );
    assert!(
        lines[11].starts_with("Set-Cookie: MapiContext=")
            && lines[11].ends_with("; path=/mapi/emsmdb; secure; HttpOnly")
    );
    assert!(
        lines[12].starts_with("Set-Cookie: MapiSequence=")
            && lines[12].ends_with("; path=/mapi/emsmdb; secure; HttpOnly")
    );
    assert_eq!(lines[13..], ["", ""]);
}

/// One row, one header: R2037 Content-Type, R76 Transfer-Encoding, R62 no Content-Length beside it, R2040 X-RequestId and R156
/// X-ClientInfo come back as they came, R157 and R1242 X-PendingPeriod, R164 and R165 X-ServerApplication, R167
/// X-ExpirationInfo, R132 X-ResponseCode, R68 Set-Cookie, R2050 no X-DeviceInfo.
#[test]
fn r2037_r76_r62_r2040_r156_r157_r164_r165_r167_r132_r68_r1232_r1242_headers_of_every_request_type() {
    let config = ServerConfig::new()
        .with_pending_period(Duration::from_millis(12_345))
        .with_server_application("Exchange/15.01.2507.039");
    let mut h = Harness::new(config);
    let (_, jar) = h.connect("alice", 1);
    for (kind, body) in [
        ("NotificationWait", crate::harness::wait_body()),
        ("PING", Bytes::new()),
        ("Execute", execute_body(b"")),
        ("Connect", connect_body()),
    ] {
        let conn = h.conn();
        let head = h.head(kind, &jar.line()).set("X-RequestId", "{0}:77").set("X-ClientInfo", "as it came:5");
        h.send(conn, Some("alice"), head, &body);
        let response = h.receive(conn);
        for (name, value) in [
            ("Content-Type", "application/mapi-http"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", ""),
            ("X-RequestType", kind),
            ("X-RequestId", "{0}:77"),
            ("X-ClientInfo", "as it came:5"),
            ("X-PendingPeriod", "12345"),
            ("X-ServerApplication", "Exchange/15.01.2507.039"),
            ("X-ExpirationInfo", "900000"),
            ("X-ResponseCode", "0"),
        ] {
            assert_eq!(response.header(name), value, "{kind}: {name}");
        }
        assert!(response.cookies()[0].starts_with("MapiContext="), "{kind}");
    }
}

#[test]
fn r2050_r2239_x_device_info_is_discarded() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", "").field("X-DeviceInfo", "balancer 7"), &connect_body());
    assert!(!h.receive(conn).head.unwrap().as_bytes().windows(12).any(|w| w == b"X-DeviceInfo"));
}

/// The example of [MS-OXCMAPIHTTP] 4.2 in its order: PROCESSING at once, PENDING on the timer, DONE, the additional headers, an empty
/// line, the body.
#[test]
fn r1130_r1131_r1134_r1135_r1136_r1244_r2228_r2231_meta_tags_in_order() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"rops");
    let mut response = h.receive(conn);
    assert_eq!(response.text(), "PROCESSING\r\n");
    h.pass(15 * SECOND);
    h.receive_more(conn, &mut response);
    assert_eq!(response.text(), "PROCESSING\r\nPENDING\r\n");
    h.pass(15 * SECOND);
    h.receive_more(conn, &mut response);
    h.pass(Duration::from_millis(1_500));
    h.server.respond(h.now, handle, &[execute_success(b"rops")]).unwrap();
    h.receive_more(conn, &mut response);
    assert!(response.ended);
    let text = response.text();
    let (before, _) = text.split_once("\r\n\r\n").unwrap();
    // R168, R169: milliseconds. R170, R171, R2046: when the Execute came, as HTTP writes dates.
    assert_eq!(
        before,
        "PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\nX-ElapsedTime: 31500\r\nX-StartTime: Mon, 17 Feb 2014 12:29:56 GMT"
    );
    assert_eq!(response.payload(), execute_success(b"rops"));
}

#[test]
fn r168_r169_r170_r171_r2046_times_are_of_the_request_and_not_of_the_server() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 1);
    h.pass(64 * SECOND);
    let response = h.execute("alice", &mut jar, b"");
    assert!(
        response.text().contains("\r\nX-ElapsedTime: 0\r\nX-StartTime: Mon, 17 Feb 2014 12:31:00 GMT\r\n\r\n"),
        "{}",
        response.text()
    );
}

/// R1237 and R1238: before the application has even seen the request. R2227: nothing is held back to fill a packet.
#[test]
fn r1229_r1230_r1237_r1238_r2226_r2227_the_acknowledgement_does_not_wait_for_the_answer() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let (conn, _) = h.begin_execute("alice", &jar, b"");
    let sent: Vec<HttpTransmit> = std::iter::from_fn(|| h.server.poll_transmit(h.now)).collect();
    assert_eq!(sent.len(), 2);
    assert!(
        matches!(&sent[0], HttpTransmit::Event { conn: c, event: HttpEvent::Head(Head::Response(_)) } if *c == conn)
    );
    assert!(matches!(&sent[1], HttpTransmit::Event { event: HttpEvent::Body(body), .. } if body == "PROCESSING\r\n"));
}

/// R1214: every 15 seconds unless told otherwise; never later than the client was told (R1241).
#[test]
fn r1239_r1241_the_keep_alive_timer() {
    for (config, expected) in [
        (ServerConfig::new(), 15),
        (ServerConfig::new().with_keep_alive(4 * SECOND), 4),
        (ServerConfig::new().with_pending_period(10 * SECOND), 10),
    ] {
        let mut h = Harness::new(config);
        let (_, jar) = h.connect("alice", 1);
        let (conn, _) = h.begin_execute("alice", &jar, b"");
        let mut response = h.receive(conn);
        h.pass(expected * SECOND - Duration::from_millis(1));
        h.receive_more(conn, &mut response);
        assert_eq!(response.meta_tags(), ["PROCESSING"]);
        h.pass(Duration::from_millis(1));
        h.receive_more(conn, &mut response);
        assert_eq!(response.meta_tags(), ["PROCESSING", "PENDING"]);
    }
}

#[test]
fn a_peer_that_does_not_read_gets_no_heap_of_pending() {
    let mut h = Harness::new(ServerConfig::new().with_send_timeout(600 * SECOND));
    let (_, jar) = h.connect("alice", 1);
    let (conn, _) = h.begin_execute("alice", &jar, b"");
    h.pass(300 * SECOND);
    assert_eq!(h.receive(conn).text(), "PROCESSING\r\n");
    h.pass(15 * SECOND);
    assert_eq!(h.server.sending_bytes(), "PENDING\r\n".len());
}

/// The parts of an answer are handed on as they are.
#[test]
fn an_answer_is_not_copied() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    h.receive(conn);
    let parts = [Bytes::from(vec![1; 11_000]), Bytes::new(), Bytes::from(vec![2; 11_000])];
    h.server.respond(h.now, handle, &parts).unwrap();
    assert_eq!(h.server.sending_bytes() / 1000, 22);
    let mut pieces = Vec::new();
    while let Some(HttpTransmit::Event { event: HttpEvent::Body(piece), .. }) = h.server.poll_transmit(h.now) {
        pieces.push(piece);
    }
    assert_eq!(pieces.len(), 3);
    assert_eq!((pieces[1].as_ptr(), pieces[2].as_ptr()), (parts[0].as_ptr(), parts[2].as_ptr()));
    assert_eq!(h.server.sending_bytes(), 0);
}

#[test]
fn an_application_that_does_not_answer_is_answered_for() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    let mut response = h.receive(conn);
    jar.learn(&response);
    for _ in 0..60 {
        h.pass(15 * SECOND);
        h.receive_more(conn, &mut response);
    }
    assert!(response.ended && response.text().contains("\r\nX-ResponseCode: 1\r\n"));
    let Some(Event::Cancelled { handle: cancelled, context: of, reason: CancelReason::TimedOut }) = h.events.pop()
    else {
        panic!()
    };
    assert_eq!((cancelled, of), (handle, context));
    assert!(h.server.respond(h.now, handle, &[]).is_err());
    assert_eq!(h.execute("alice", &mut jar, b"").code(), 0);
}

#[test]
fn r1218_r1220_r2224_a_connect_is_accepted_or_declined_in_its_own_words() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    h.server.accept(h.now, handle, 0, &[connect_success()]).unwrap();
    assert_eq!(h.receive(conn).payload(), connect_success());
    h.send(conn, Some("bob"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    // 2.2.4.1.3: StatusCode that is not 0, an AuxiliaryBufferSize of 0.
    let failure = Bytes::from_static(&[5, 0, 0, 0, 0, 0, 0, 0]);
    h.server.decline(h.now, handle, std::slice::from_ref(&failure)).unwrap();
    let response = h.receive(conn);
    assert_eq!((response.code(), response.payload()), (0, &failure[..]));
    assert_eq!(h.server.contexts().len(), 1, "the context of a declined Connect is gone");
    assert!(h.events.is_empty());
}
