//! What is in flight is bounded, and what a limit refuses is told.

use core::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::Error;
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, ResponseHead};
use oxwire_mapihttp::server::{AnswerError, CancelReason, Event, Refusal, ServerConfig, ServerLimits};

use crate::harness::{Harness, connect_body, execute_body, execute_success, user};

const SECOND: Duration = Duration::from_secs(1);

fn limited(limits: ServerLimits) -> Harness {
    Harness::new(ServerConfig::new().with_limits(limits))
}

fn begin(h: &mut Harness, who: &str, address: Option<[u8; 4]>) -> oxwire_core::ConnectionId {
    let conn = h.conn();
    h.server.open(conn, address.map(IpAddr::from));
    let head = h.head("Connect", "").request().unwrap();
    h.server.handle(h.now, conn, Some(&user(who)), HttpEvent::Head(Head::Request(head))).unwrap();
    conn
}

fn finish(h: &mut Harness, conn: oxwire_core::ConnectionId, who: &str) -> u32 {
    let who = user(who);
    h.server.handle(h.now, conn, Some(&who), HttpEvent::Body(connect_body())).unwrap();
    h.server.handle(h.now, conn, Some(&who), HttpEvent::End).unwrap();
    h.collect();
    h.receive(conn).code()
}

#[test]
fn half_open_requests_are_bounded_by_user_by_address_and_in_all() {
    let mut h = limited(ServerLimits::DEFAULT.with_half_open(5, 2, 3));
    let local = Some([127, 0, 0, 1]);
    let a = begin(&mut h, "alice", None);
    let b = begin(&mut h, "alice", None);
    let c = begin(&mut h, "alice", None);
    assert_eq!(finish(&mut h, c, "alice"), 1, "a third of alice");
    assert_eq!(finish(&mut h, a, "alice"), 0);
    let d = begin(&mut h, "bob", local);
    let e = begin(&mut h, "carol", local);
    let f = begin(&mut h, "dave", local);
    let g = begin(&mut h, "eve", local);
    assert_eq!(finish(&mut h, g, "eve"), 1, "a fourth of that address");
    let i = begin(&mut h, "eve", Some([127, 0, 0, 2]));
    let j = begin(&mut h, "frank", None);
    assert_eq!(finish(&mut h, j, "frank"), 1, "a sixth in all");
    assert_eq!(h.server.half_open(), 5);
    h.reset(i);
    for (conn, who) in [(b, "alice"), (d, "bob"), (e, "carol"), (f, "dave")] {
        assert_eq!(finish(&mut h, conn, who), 0);
    }
    assert_eq!(h.server.half_open(), 0);
    let refused = |event: &Event<u32>| matches!(event, Event::Refused { refusal: Refusal::UnknownFailure, .. });
    assert_eq!(h.events.iter().filter(|event| refused(event)).count(), 3);
}

#[test]
fn r145_a_body_past_the_limit_is_told_before_it_has_come() {
    let mut h = limited(ServerLimits::DEFAULT.with_request_bytes(1000));
    // Announced.
    let conn = h.conn();
    let head = h.head("Execute", "").field("Content-Length", "1001").request().unwrap();
    h.server.handle(h.now, conn, Some(&user("alice")), HttpEvent::Head(Head::Request(head))).unwrap();
    let response = h.receive(conn);
    assert_eq!((response.code(), response.ended), (9, true));
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Close { .. })));
    // Not announced.
    let conn = begin(&mut h, "alice", None);
    for piece in [600, 401] {
        let event = HttpEvent::Body(Bytes::from(vec![0; piece]));
        h.server.handle(h.now, conn, Some(&user("alice")), event).unwrap();
    }
    assert_eq!(h.receive(conn).code(), 9);
    // What still comes is not looked at.
    h.server.handle(h.now, conn, Some(&user("alice")), HttpEvent::Body(Bytes::from(vec![0; 9]))).unwrap();
    h.server.handle(h.now, conn, Some(&user("alice")), HttpEvent::End).unwrap();
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Close { .. })));
    assert_eq!((h.server.half_open(), h.server.poll_transmit(h.now)), (0, None));
    // A request that is refused for another reason does not send for ever either.
    let conn = h.conn();
    let head = h.head("Nonsense", "").request().unwrap();
    h.server.handle(h.now, conn, Some(&user("alice")), HttpEvent::Head(Head::Request(head))).unwrap();
    for _ in 0..2 {
        let event = HttpEvent::Body(Bytes::from(vec![0; 501]));
        h.server.handle(h.now, conn, Some(&user("alice")), event).unwrap();
    }
    assert_eq!(h.receive(conn).code(), 5);
}

#[test]
fn bodies_on_their_way_in_are_bounded_in_all() {
    let mut h = limited(ServerLimits::DEFAULT);
    let body = Bytes::from(vec![0; 16 << 20]);
    let conns: Vec<_> = (0..17).map(|n| begin(&mut h, &format!("user {n}"), None)).collect();
    for (n, conn) in conns.iter().enumerate() {
        let who = user(&format!("user {n}"));
        h.server.handle(h.now, *conn, Some(&who), HttpEvent::Body(body.clone())).unwrap();
    }
    assert_eq!(h.server.half_open(), 16);
    assert_eq!(h.receive(conns[16]).code(), 1);
}

#[test]
fn a_body_that_does_not_come_loses_its_connection() {
    let mut h = Harness::plain();
    let conn = begin(&mut h, "alice", None);
    h.pass(119 * SECOND);
    assert_eq!(h.server.half_open(), 1);
    h.pass(SECOND);
    assert_eq!(h.server.half_open(), 0);
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Abort { conn: c }) if c == conn));
    assert_eq!(h.server.poll_timeout(), None);
}

#[test]
fn output_that_nobody_reads_is_bounded_and_told() {
    let limits = ServerLimits::DEFAULT.with_sending_bytes(30_000);
    let mut h = limited(limits);
    let jars: Vec<_> = (0..3).map(|n| h.connect("alice", n).1).collect();
    let pending: Vec<_> = jars.iter().map(|jar| h.begin_execute("alice", jar, b"")).collect();
    let answer = [Bytes::from(vec![0; 14_000])];
    h.server.respond(h.now, pending[0].1, &answer).unwrap();
    h.server.respond(h.now, pending[1].1, &answer).unwrap();
    let refused = h.server.respond(h.now, pending[2].1, &answer).unwrap_err();
    assert!(matches!(refused, AnswerError::Backpressure { limit: 30_000, .. }), "{refused}");
    // Nothing is lost: once there is room, the same answer goes out.
    assert!(h.receive(pending[0].0).ended);
    h.server.respond(h.now, pending[2].1, &answer).unwrap();
    assert_eq!(h.receive(pending[2].0).payload(), answer[0]);
    // The second peer never reads.
    h.pass(120 * SECOND);
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Abort { conn }) if conn == pending[1].0));
    assert_eq!(h.server.sending_bytes(), 0);
}

#[test]
fn a_slow_reader_in_mid_answer_cancels_its_work() {
    let config = ServerConfig::new().with_send_timeout(20 * SECOND);
    let mut h = Harness::new(config);
    let (_, jar) = h.connect("alice", 1);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    h.pass(20 * SECOND);
    assert!(matches!(
        h.events.pop(),
        Some(Event::Cancelled { handle: of, reason: CancelReason::ClientGone, .. }) if of == handle
    ));
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Abort { conn: c }) if c == conn));
}

/// [RFC 9112] 9.3.2: a client may send its next request before it has the answer.
#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Execute", &jar.line()), &execute_body(b"1"));
    let first = h.request().handle;
    h.send(conn, Some("alice"), h.head("PING", ""), &Bytes::new());
    h.send(conn, Some("bob"), h.head("Connect", ""), &connect_body());
    assert!(h.events.is_empty());
    h.server.respond(h.now, first, &[execute_success(b"1")]).unwrap();
    assert_eq!(h.receive(conn).payload(), execute_success(b"1"));
    assert_eq!(h.receive(conn).header("X-RequestType"), "PING");
    let connect = h.request();
    assert_eq!((connect.principal.name(), connect.conn), ("bob", conn));
}

#[test]
fn requests_sent_ahead_are_bounded() {
    let mut h = limited(ServerLimits::DEFAULT.with_pipelined_bytes(5_000));
    let (_, jar) = h.connect("alice", 1);
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Execute", &jar.line()), &execute_body(b"1"));
    h.request();
    for _ in 0..30 {
        h.send(conn, Some("alice"), h.head("PING", ""), &Bytes::new());
    }
    h.collect();
    assert!(matches!(h.events.pop(), Some(Event::Cancelled { reason: CancelReason::ClientGone, .. })));
    assert!(matches!(h.server.poll_transmit(h.now), Some(HttpTransmit::Abort { .. })));
    assert_eq!(h.server.poll_transmit(h.now), None);
}

#[test]
fn events_that_no_request_is_made_of_are_the_drivers_mistake() {
    let mut h = Harness::plain();
    let conn = h.conn();
    let response = ResponseHead::builder(200, "OK").response().unwrap();
    let request = RequestHead::builder("POST", "/").request().unwrap();
    let alice = user("alice");
    let mut handle = |event| h.server.handle(h.now, conn, Some(&alice), event);
    assert!(matches!(handle(HttpEvent::Head(Head::Response(response))), Err(Error::Misuse(_))));
    // Of a connection that is not there, perhaps not any more.
    assert!(handle(HttpEvent::Body(Bytes::from_static(b"x"))).is_ok());
    assert!(handle(HttpEvent::End).is_ok());
    assert!(handle(HttpEvent::Head(Head::Request(request.clone()))).is_ok());
    assert!(matches!(handle(HttpEvent::Head(Head::Request(request))), Err(Error::Misuse(_))));
    assert!(handle(HttpEvent::End).is_ok());
    assert!(matches!(handle(HttpEvent::End), Err(Error::Misuse(_))));
}

/// `now` that goes back counts as standing still.
#[test]
fn time_does_not_go_back() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 1);
    h.pass(10 * SECOND);
    h.now -= 10 * SECOND;
    let response = h.execute("alice", &mut jar, b"");
    assert!(response.text().contains("X-ElapsedTime: 0\r\n"));
    h.server.handle_timeout(h.start);
    assert_eq!(h.execute("alice", &mut jar, b"").code(), 0);
}

/// A driver may keep the machine behind a mutex that several threads share.
#[test]
fn a_server_can_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&Harness::plain().server);
}
