//! Lost connections, repeated requests, and contexts that move to another node.

use bytes::Bytes;
use oxwire_core::{ConnectionId, FileTime};
use oxwire_http::HeadBuilder;
use oxwire_mapihttp::server::{
    CancelReason, Event, ExportError, ImportError, RequestHandle, Server, ServerConfig, TableLimits,
};
use std::time::Duration;

use crate::harness::{Harness, Jar, Response, WALL, connect_body, execute_body, execute_success};

const MINUTE: Duration = Duration::from_secs(60);

fn execute_head(h: &Harness, jar: &Jar) -> HeadBuilder {
    h.head("Execute", &jar.line()).set("X-RequestId", "{a}:7")
}

fn send_execute(h: &mut Harness, jar: &Jar, rops: &[u8]) -> ConnectionId {
    let conn = h.conn();
    h.send(conn, Some("alice"), execute_head(h, jar), &execute_body(rops));
    conn
}

fn gone(h: &mut Harness, conn: ConnectionId) -> RequestHandle {
    h.reset(conn);
    match h.events.pop() {
        Some(Event::Cancelled { handle, reason: CancelReason::ClientGone, .. }) => handle,
        other => panic!("expected a cancelled request, found {other:?}"),
    }
}

/// The answer that nobody read is given to the repetition, with the same X-RequestId and the sequence cookie of its first time.
#[test]
fn a_repeated_request_gets_the_stored_answer() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let conn = send_execute(&mut h, &jar, b"send the message");
    let handle = h.request().handle;
    assert_eq!(gone(&mut h, conn), handle);
    h.server.respond(h.now, handle, &[execute_success(b"sent")]).unwrap();
    for _ in 0..2 {
        let conn = send_execute(&mut h, &jar, b"send the message");
        let response = h.receive(conn);
        assert!(response.ended);
        assert_eq!(response.payload(), execute_success(b"sent"));
        // The cookies go on from the first time: the client is in step.
        let mut jar = jar.clone();
        jar.learn(&response);
        assert!(h.events.is_empty(), "the application is not asked again");
    }
    let mut now = jar.clone();
    let conn = send_execute(&mut h, &jar, b"send the message");
    now.learn(&h.receive(conn));
    assert_eq!(h.execute("alice", &mut now, b"").code(), 0);
}

#[test]
fn an_x_request_id_with_another_body_is_refused() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 1);
    let conn = send_execute(&mut h, &jar, b"one");
    let handle = h.request().handle;
    // While the first is being answered, and after.
    let head = execute_head(&h, &jar);
    assert_eq!(h.refusal(Some("alice"), head, &execute_body(b"two")).code(), 12);
    h.server.respond(h.now, handle, &[execute_success(b"")]).unwrap();
    jar.learn(&h.receive(conn));
    let head = execute_head(&h, &jar);
    assert_eq!(h.refusal(Some("alice"), head, &execute_body(b"two")).code(), 12);
    // Another user, or another context, has ids of its own.
    let (_, other) = h.connect("bob", 1);
    let conn = h.conn();
    h.send(conn, Some("bob"), execute_head(&h, &other), &execute_body(b"two"));
    assert_eq!(h.request().body, execute_body(b"two"));
}

/// The first connection may be dead without anybody knowing: the answer goes where it is asked for last.
#[test]
fn a_request_repeated_while_it_is_being_answered_takes_the_answer_over() {
    for known in [true, false] {
        let mut h = Harness::plain();
        let (_, jar) = h.connect("alice", 1);
        let first = send_execute(&mut h, &jar, b"slow");
        let handle = h.request().handle;
        h.receive(first);
        if known {
            gone(&mut h, first);
        }
        h.pass(MINUTE);
        let second = send_execute(&mut h, &jar, b"slow");
        let mut response = h.receive(second);
        assert_eq!(response.meta_tags(), ["PROCESSING"]);
        h.pass(Duration::from_secs(15));
        h.receive_more(second, &mut response);
        assert_eq!(response.meta_tags(), ["PROCESSING", "PENDING"]);
        h.server.respond(h.now, handle, &[execute_success(b"done")]).unwrap();
        h.receive_more(second, &mut response);
        assert_eq!(response.payload(), execute_success(b"done"));
        assert!(response.text().contains("X-ElapsedTime: 75000\r\n"), "counted from the first time");
        let mut left = Response { head: response.head.clone(), ..Response::default() };
        if !known {
            h.receive_more(first, &mut left);
            assert_eq!(left.closed, Some("Abort"));
        }
        assert!(h.events.is_empty());
    }
}

#[test]
fn a_client_that_is_gone_during_a_connect_leaves_no_context() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    assert_eq!(gone(&mut h, conn), handle);
    assert!(h.server.contexts().is_empty());
    assert_eq!(h.server.accept(h.now, handle, 9, &[]).unwrap_err().state, 9);
}

/// Work that is never finished does not hold its context for ever.
#[test]
fn an_orphaned_request_ends_with_its_deadline() {
    let config = ServerConfig::new().with_answer_timeout(MINUTE);
    let mut h = Harness::new(config);
    let (_, mut jar) = h.connect("alice", 1);
    let conn = send_execute(&mut h, &jar, b"");
    let handle = h.request().handle;
    jar.learn(&h.receive(conn));
    gone(&mut h, conn);
    assert_eq!(h.execute_code("alice", &jar.line()), 15);
    h.pass(MINUTE);
    assert!(matches!(
        h.events.pop(),
        Some(Event::Cancelled { handle: of, reason: CancelReason::TimedOut, .. }) if of == handle
    ));
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
}

#[test]
fn stored_answers_are_bounded_in_all() {
    let table = TableLimits::DEFAULT.with_answer_bytes(40_000);
    let mut h = Harness::new(ServerConfig::new().with_table(table));
    let mut jars: Vec<Jar> = (0..8).map(|n| h.connect("alice", n).1).collect();
    for jar in &mut jars {
        let conn = send_execute(&mut h, &jar.clone(), b"");
        let handle = h.request().handle;
        h.server.respond(h.now, handle, &[Bytes::from(vec![0; 10_000])]).unwrap();
        assert!(h.receive(conn).ended);
        assert!(h.server.contexts().answer_bytes() <= 40_000);
    }
    // The contexts that answered longest ago have lost theirs: the repetition is out of sequence.
    let codes = jars.iter().map(|jar| {
        let conn = send_execute(&mut h, jar, b"");
        h.receive(conn).code()
    });
    assert_eq!(codes.collect::<Vec<_>>(), [15, 15, 15, 15, 15, 0, 0, 0]);
    for jar in &jars {
        h.connect_with("alice", 0, &jar.context);
    }
    assert_eq!(h.server.contexts().answer_bytes(), 0);
}

#[test]
fn an_exported_context_goes_on_elsewhere_with_the_same_cookies() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 7);
    let conn = send_execute(&mut h, &jar, b"first");
    let before = jar.clone();
    let handle = h.request().handle;
    assert_eq!(h.server.export(h.now, context).unwrap_err(), ExportError::Busy);
    h.server.respond(h.now, handle, &[execute_success(b"answer")]).unwrap();
    jar.learn(&h.receive(conn));
    let wait = h.begin_wait("alice", &jar);
    h.receive(wait);
    h.server.notify(h.now, context);
    h.pass(10 * MINUTE);
    let (exported, state) = h.server.export(h.now, context).unwrap();
    assert_eq!((exported.principal(), state), ("alice", Some(7)));
    let shown = format!("{exported:?}");
    assert!(shown.contains("alice") && !shown.contains("cookie"), "{shown}");
    assert_eq!(h.server.export(h.now, context).unwrap_err(), ExportError::NotFound);
    assert_eq!(h.execute_code("alice", &jar.line()), 10);

    // A node whose clock started at another instant, a minute of wall time later.
    let mut other = Harness::plain();
    other.now += Duration::from_secs(5_000_000);
    other.server.set_wall(other.now, FileTime::from_intervals(WALL + 11 * 600_000_000));
    let context = other.server.import(other.now, exported, 8).unwrap();
    assert_eq!(other.server.contexts().state(context), Some(&8));
    let conn = send_execute(&mut other, &before, b"first");
    assert_eq!(other.receive(conn).payload(), execute_success(b"answer"), "a repetition is answered there, too");
    let wait = other.begin_wait("alice", &jar);
    assert!(other.receive(wait).ended, "the event is still queued");
    assert_eq!(other.execute_code("bob", &jar.line()), 10);
    assert_eq!(other.execute_code("alice", &jar.line()), 0);
}

#[test]
fn an_exported_context_expires_by_wall_time() {
    let mut h = Harness::plain();
    for (minutes, expected) in [(14, None), (15, Some(ImportError::Expired)), (100, Some(ImportError::Expired))] {
        let (context, _) = h.connect("alice", 7);
        let (exported, _) = h.server.export(h.now, context).unwrap();
        let mut other = Harness::plain();
        other.server.set_wall(other.now, exported.expires());
        let wall = FileTime::from_intervals(exported.expires().intervals() - 15 * 600_000_000 + minutes * 600_000_000);
        other.server.set_wall(other.now, wall);
        let imported = other.server.import(other.now, exported, 8);
        assert_eq!(imported.map_err(|error| (error.error, error.state)).err(), expected.map(|error| (error, 8)));
        other.pass(MINUTE + 15 * MINUTE / 64);
        assert!(other.server.contexts().is_empty());
    }
}

#[test]
fn a_context_is_imported_once() {
    let mut h = Harness::plain();
    let config = ServerConfig::new().with_table(TableLimits::DEFAULT.with_contexts(1));
    let mut full: Server<u32> =
        Server::new(h.now, FileTime::from_intervals(WALL), config, |out: &mut [u8]| out.fill(1)).unwrap();
    let (first, _) = h.connect("alice", 1);
    let (second, _) = h.connect("alice", 2);
    let (first, _) = h.server.export(h.now, first).unwrap();
    let (second, _) = h.server.export(h.now, second).unwrap();
    full.import(h.now, first, 1).unwrap();
    let refused = full.import(h.now, second, 2).unwrap_err();
    assert!(matches!(refused.error, ImportError::Full(_)), "{refused}");
    // It came back whole.
    assert!(h.server.import(h.now, refused.exported, refused.state).is_ok());
}

/// With the feature `serde`, an exported context is data that can be stored: the cookie is in it, and in no `Debug`.
#[cfg(feature = "serde")]
#[test]
fn an_exported_context_can_be_stored() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 7);
    h.execute("alice", &mut jar, b"");
    let (exported, _) = h.server.export(h.now, context).unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    let mut other = Harness::plain();
    other.server.import(other.now, serde_json::from_str(&text).unwrap(), 8).unwrap();
    assert_eq!(other.execute_code("alice", &jar.line()), 0);
}
