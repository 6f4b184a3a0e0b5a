//! NotificationWait: [MS-OXCMAPIHTTP] 3.2.5.5.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{Limits, decode_all};
use oxwire_mapi::mapihttp::{EventPending, NotificationWaitSuccess};
use oxwire_mapihttp::server::{Availability, Event, ServerConfig, TableLimits};

use crate::harness::{Harness, Jar, Response, connect_body, connect_success, execute_success};

const SECOND: Duration = Duration::from_secs(1);

fn event_pending(response: &Response) -> EventPending {
    assert!(response.ended && response.code() == 0, "{response:?}");
    decode_all::<NotificationWaitSuccess<'_>>(response.payload(), &Limits::DEFAULT).unwrap().event_pending
}

#[test]
fn r1256_r1258_a_wait_ends_with_an_event() {
    let mut h = Harness::plain();
    let (context, jar) = h.connect("alice", 1);
    let conn = h.begin_wait("alice", &jar);
    assert!(matches!(h.events.pop(), Some(Event::Waiting { context: of, .. }) if of == context));
    h.pass(100 * SECOND);
    let mut response = h.receive(conn);
    assert!(!response.ended);
    assert!(h.server.notify(h.now, context));
    h.receive_more(conn, &mut response);
    assert_eq!(event_pending(&response), EventPending::PENDING);
    // [MS-OXCMAPIHTTP] 2.2.4.4.2: StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize.
    assert_eq!(response.payload(), [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn r1259_r1215_a_wait_without_an_event_ends_after_five_minutes() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let conn = h.begin_wait("alice", &jar);
    let mut response = h.receive(conn);
    for _ in 0..19 {
        h.pass(15 * SECOND);
        h.receive_more(conn, &mut response);
    }
    h.pass(15 * SECOND - Duration::from_millis(1));
    h.receive_more(conn, &mut response);
    assert!(!response.ended);
    assert_eq!(response.meta_tags().len(), 20, "PROCESSING, and PENDING every 15 s");
    h.pass(Duration::from_millis(1));
    h.receive_more(conn, &mut response);
    assert_eq!(event_pending(&response), EventPending::default());
}

/// quirks: gromox b6f63fd91. Events that are queued already end a wait at once, or mail shows up only after 300 s.
#[test]
fn gromox_events_that_are_queued_end_a_wait_at_once() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 1);
    h.server.notify(h.now, context);
    for _ in 0..2 {
        let conn = h.begin_wait("alice", &jar);
        assert_eq!(event_pending(&h.receive(conn)), EventPending::PENDING);
    }
    // The Execute fetches them (R318), and what is queued during it is told again.
    h.execute("alice", &mut jar, b"");
    let conn = h.begin_wait("alice", &jar);
    let mut response = h.receive(conn);
    assert!(!response.ended);
    let (execute, handle) = h.begin_execute("alice", &jar, b"");
    h.server.notify(h.now, context);
    h.receive_more(conn, &mut response);
    assert_eq!(event_pending(&response), EventPending::PENDING);
    h.server.respond(h.now, handle, &[execute_success(b"")]).unwrap();
    h.receive(execute);
    let conn = h.begin_wait("alice", &jar);
    assert_eq!(event_pending(&h.receive(conn)), EventPending::PENDING);
}

/// The cookies go out before the Connect is answered: who uses them at once waits for a context that may never be.
#[test]
fn a_wait_before_the_connect_is_answered_is_out_of_sequence() {
    let mut h = Harness::plain();
    let connect = h.conn();
    h.send(connect, Some("alice"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    let mut jar = Jar::default();
    let mut response = h.receive(connect);
    jar.learn(&response);
    let conn = h.begin_wait("alice", &jar);
    assert_eq!(h.receive(conn).code(), 15);
    assert!(!h.events.iter().any(|event| matches!(event, Event::Waiting { .. })), "{:?}", h.events);
    h.server.accept(h.now, handle, 1, &[connect_success()]).unwrap();
    h.receive_more(connect, &mut response);
    assert!(response.ended);
    let conn = h.begin_wait("alice", &jar);
    assert!(!h.receive(conn).ended);
}

/// R1170, seen from the server: beside an Execute, and without a part in the sequence.
#[test]
fn r1261_a_wait_goes_on_beside_an_execute_and_sets_the_context_cookie() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 1);
    let (execute, handle) = h.begin_execute("alice", &jar, b"");
    let wait = h.begin_wait("alice", &jar);
    let mut waiting = h.receive(wait);
    // Exchange SE sets MapiContext alone here: a MapiSequence that is read late would undo the Execute's.
    assert_eq!(waiting.cookies(), [jar.context.clone()]);
    h.server.respond(h.now, handle, &[execute_success(b"")]).unwrap();
    let response = h.receive(execute);
    jar.learn(&response);
    jar.learn(&waiting);
    assert_eq!(h.execute("alice", &mut jar, b"").code(), 0);
    h.receive_more(wait, &mut waiting);
    assert!(!waiting.ended);
    h.server.notify(h.now, context);
    h.receive_more(wait, &mut waiting);
    assert_eq!(event_pending(&waiting), EventPending::PENDING);
}

#[test]
fn r1260_a_wait_keeps_the_context_alive_and_its_end_begins_the_lifetime_anew() {
    let table = TableLimits::DEFAULT.with_lifetime(60 * SECOND);
    let mut h = Harness::new(ServerConfig::new().with_table(table));
    let (_, jar) = h.connect("alice", 1);
    let conn = h.begin_wait("alice", &jar);
    let mut response = h.receive(conn);
    for _ in 0..20 {
        h.pass(15 * SECOND);
        h.receive_more(conn, &mut response);
    }
    assert_eq!(event_pending(&response), EventPending::default());
    h.pass(60 * SECOND - Duration::from_millis(1));
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
}

#[test]
fn r1257_a_wait_is_declined_in_its_own_words() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let conn = h.begin_wait("alice", &jar);
    let Some(Event::Waiting { handle, .. }) = h.events.pop() else { panic!() };
    // 2.2.4.4.3: a StatusCode that is not 0, AuxiliaryBufferSize.
    let failure = Bytes::from_static(&[1, 0, 0, 0, 0, 0, 0, 0]);
    h.server.decline(h.now, handle, std::slice::from_ref(&failure)).unwrap();
    let response = h.receive(conn);
    assert_eq!((response.ended, response.code(), response.payload()), (true, 0, &failure[..]));
}

/// A client whose connection died unnoticed waits anew: the second wait counts, and the first is let go.
#[test]
fn a_second_wait_takes_the_place_of_the_first() {
    let mut h = Harness::plain();
    let (context, jar) = h.connect("alice", 1);
    let first = h.begin_wait("alice", &jar);
    let second = h.begin_wait("alice", &jar);
    assert_eq!(event_pending(&h.receive(first)), EventPending::default());
    h.reset(first);
    let mut response = h.receive(second);
    assert!(!response.ended);
    h.server.notify(h.now, context);
    h.receive_more(second, &mut response);
    assert_eq!(event_pending(&response), EventPending::PENDING);
}

#[test]
fn a_wait_whose_client_is_gone_lets_the_context_expire() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let conn = h.begin_wait("alice", &jar);
    h.reset(conn);
    h.pass(16 * 60 * SECOND);
    assert!(h.server.contexts().is_empty());
}

#[test]
fn a_shutdown_ends_waits_and_lets_answers_out() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 1);
    let wait = h.begin_wait("alice", &jar);
    let (execute, handle) = h.begin_execute("alice", &jar, b"");
    h.server.set_availability(h.now, Availability::ShuttingDown);
    let response = h.receive(wait);
    assert!(response.ended && response.text().contains("\r\nX-ResponseCode: 18\r\n"));
    h.server.respond(h.now, handle, &[execute_success(b"")]).unwrap();
    assert_eq!(h.receive(execute).payload(), execute_success(b""));
}
