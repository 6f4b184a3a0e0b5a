//! Contexts and their requests: [MS-OXCMAPIHTTP] 3.2.5.1, 3.2.5.3, 3.2.5.4, 3.2.5.6, 3.2.6.

use std::time::Duration;

use bytes::Bytes;
use oxwire_mapihttp::server::{CancelReason, EndReason, Event, ServerConfig, TableLimits};

use crate::harness::{Harness, connect_body, connect_success, disconnect_success, execute_body, execute_success};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn r1219_r1221_r1236_a_session_from_connect_to_disconnect() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 7);
    assert_eq!(h.server.contexts().state(context), Some(&7));
    let before = jar.clone();
    let response = h.execute("alice", &mut jar, b"rops");
    assert_eq!(response.payload(), execute_success(b"rops"));
    assert_ne!(jar.sequence, before.sequence);
    assert_eq!(jar.context, before.context);
    // 256 bits as base64url.
    assert_eq!(jar.context.len(), "MapiContext=".len() + 43);
}

#[test]
fn r1250_r1255_r2233_r2234_r2236_r1253_a_disconnect_ends_the_context() {
    let mut h = Harness::plain();
    let (context, jar) = h.connect("alice", 7);
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Disconnect", &jar.line()), &Bytes::new());
    let request = h.request();
    h.server.respond(h.now, request.handle, &[disconnect_success()]).unwrap();
    let response = h.receive(conn);
    assert!(response.ended);
    assert_eq!(response.payload(), disconnect_success());
    assert_eq!(response.cookies().len(), 2);
    h.collect();
    let Some(Event::Ended { removed, reason: EndReason::Disconnected }) = h.events.pop() else { panic!() };
    assert_eq!((removed.context, removed.state, removed.principal.name()), (context, Some(7), "alice"));
    assert!(h.server.contexts().is_empty());
    assert_eq!(h.execute_code("alice", &jar.line()), 10);
    assert!(!h.server.notify(h.now, context));
}

#[test]
fn r1251_a_disconnect_that_is_declined_leaves_the_context() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 7);
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Disconnect", &jar.line()), &Bytes::new());
    let handle = h.request().handle;
    let failure = Bytes::from_static(&[5, 0, 0, 0, 0, 0, 0, 0]);
    h.server.decline(h.now, handle, std::slice::from_ref(&failure)).unwrap();
    let response = h.receive(conn);
    assert_eq!(response.payload(), failure);
    jar.learn(&response);
    assert_eq!(h.execute("alice", &mut jar, b"").code(), 0);
}

/// Refusals of these request types are whole, so they carry a length.
#[test]
fn r1235_r1254_r1262_r1281_r1345_what_is_not_chunked_has_a_content_length() {
    let mut h = Harness::plain();
    for (kind, body) in
        [("Disconnect", Bytes::new()), ("NotificationWait", crate::harness::wait_body()), ("Connect", connect_body())]
    {
        let head = h.head(kind, "MapiContext=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; MapiSequence=00000000");
        let response = h.refusal(Some("alice"), head, &body);
        assert_eq!(
            (response.code(), response.header("Content-Length")),
            (10, &*response.body.len().to_string()),
            "{kind}"
        );
    }
}

/// R1224, R1225: the other user's request changes nothing, whatever it asks for.
#[test]
fn r1224_r1225_a_context_of_another_user_is_never_reached() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 7);
    h.pass(14 * MINUTE);
    for (kind, body) in [
        ("Execute", execute_body(b"")),
        ("Disconnect", Bytes::new()),
        ("NotificationWait", crate::harness::wait_body()),
        ("PING", Bytes::new()),
        ("Connect", connect_body()),
    ] {
        for who in ["bob", "Alice", "alice2", ""] {
            let head = h.head(kind, &jar.line());
            let response = h.refusal(Some(who), head, &body);
            assert_eq!(response.code(), 10, "{kind} of {who}");
        }
    }
    assert!(h.events.iter().all(|event| matches!(event, Event::Refused { .. })));
    assert_eq!(h.execute("alice", &mut jar.clone(), b"").code(), 0);
    jar = h.connect_with("alice", 8, &jar.context).1;
    assert!(!h.server.contexts().contains(context));
    // Nor did it keep the context alive: with the touch by its owner alone it would expire now.
    h.pass(15 * MINUTE);
    assert_eq!(h.execute_code("alice", &jar.line()), 10);
}

/// A cookie whose naming half is right and whose proving half is not is no cookie of the context.
#[test]
fn half_a_cookie_opens_nothing() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 7);
    let mut text = jar.context.clone().into_bytes();
    let last = text.len() - 3;
    text[last] = if text[last] == b'A' { b'B' } else { b'A' };
    let cookie = String::from_utf8(text).unwrap();
    assert_eq!(h.execute_code("alice", &format!("{cookie}; {}", jar.sequence)), 10);
}

#[test]
fn r1277_r1278_r1279_r1280_r1329_a_connect_with_the_old_cookie_replaces_the_context() {
    for sequence in [true, false] {
        let mut h = Harness::plain();
        let (old, jar) = h.connect("alice", 7);
        let cookies = if sequence { format!("{}; MapiSequence=ffffffff", jar.context) } else { jar.context.clone() };
        let (new, new_jar) = h.connect_with("alice", 8, &cookies);
        assert_ne!(old, new);
        assert!(new_jar.context != jar.context && !new_jar.sequence.is_empty());
        let Some(Event::Ended { removed, reason: EndReason::Replaced }) = h.events.pop() else { panic!() };
        assert_eq!((removed.context, removed.state), (old, Some(7)));
        assert_eq!(h.server.contexts().len(), 1);
        assert_eq!(h.execute_code("alice", &jar.line()), 10);
        assert_eq!(h.execute_code("alice", &new_jar.line()), 0);
    }
}

/// What the old context was doing ends, and its clients are told.
#[test]
fn r1277_a_replaced_context_cancels_its_requests() {
    let mut h = Harness::plain();
    let (old, jar) = h.connect("alice", 7);
    let wait = h.begin_wait("alice", &jar);
    let (execute, handle) = h.begin_execute("alice", &jar, b"");
    h.connect_with("alice", 8, &jar.context);
    for conn in [wait, execute] {
        let response = h.receive(conn);
        assert!(response.ended && response.text().contains("\r\nX-ResponseCode: 10\r\n"), "{}", response.text());
    }
    let cancelled = Event::<u32>::Cancelled { handle, context: old, reason: CancelReason::ContextEnded };
    assert!(h.events.iter().any(|event| format!("{event:?}") == format!("{cancelled:?}")));
    assert!(h.server.respond(h.now, handle, &[execute_success(b"")]).is_err());
}

#[test]
fn r1283_r1285_an_idle_context_expires_and_a_connect_with_its_cookie_gets_code_10() {
    let mut h = Harness::plain();
    let (context, jar) = h.connect("alice", 7);
    h.pass(15 * MINUTE - Duration::from_millis(1));
    assert!(h.events.is_empty());
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
    // To the millisecond on request, and within a sixty-fourth of the lifetime for the application.
    h.pass(15 * MINUTE);
    let head = h.head("Connect", &jar.line());
    assert_eq!(h.refusal(Some("alice"), head, &connect_body()).code(), 10);
    h.pass(15 * MINUTE / 64);
    let ended = h.events.iter().find_map(|event| match event {
        Event::Ended { removed, reason: EndReason::Expired } => Some((removed.context, removed.state)),
        _ => None,
    });
    assert_eq!(ended, Some((context, Some(7))));
    assert!(h.server.contexts().is_empty() && h.server.poll_timeout().is_none());
}

/// R1217, R1284: the idle-time timer counts while no request is pending.
#[test]
fn r1217_r1284_a_context_does_not_expire_while_it_works() {
    let config = ServerConfig::new().with_table(TableLimits::DEFAULT.with_lifetime(MINUTE));
    let mut h = Harness::new(config);
    let (_, mut jar) = h.connect("alice", 7);
    let (conn, handle) = h.begin_execute("alice", &jar, b"");
    let mut response = h.receive(conn);
    for _ in 0..20 {
        h.pass(MINUTE / 4);
        h.receive_more(conn, &mut response);
    }
    h.server.respond(h.now, handle, &[execute_success(b"")]).unwrap();
    h.receive_more(conn, &mut response);
    jar.learn(&response);
    h.pass(MINUTE - Duration::from_millis(1));
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
}

#[test]
fn r1124_r1127_r1247_r1249_r1460_a_ping_is_answered_at_once_without_a_body() {
    let mut h = Harness::plain();
    for cookies in ["".to_owned(), h.connect("alice", 1).1.line()] {
        let conn = h.conn();
        h.send(conn, Some("alice"), h.head("PING", &cookies), &Bytes::new());
        let response = h.receive(conn);
        assert!(response.ended && response.code() == 0);
        assert_eq!(response.meta_tags(), ["PROCESSING", "DONE"]);
        assert_eq!(response.payload(), b"");
        assert_eq!(response.header("X-ExpirationInfo"), "900000");
        assert_eq!(response.cookies().is_empty(), cookies.is_empty());
    }
    assert!(h.events.is_empty());
}

#[test]
fn r1248_a_ping_begins_the_lifetime_anew() {
    let mut h = Harness::plain();
    let (_, jar) = h.connect("alice", 7);
    for _ in 0..5 {
        h.pass(14 * MINUTE);
        let conn = h.conn();
        h.send(conn, Some("alice"), h.head("PING", &jar.line()), &Bytes::new());
        assert!(h.receive(conn).ended);
    }
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
}

/// R1227, R1228: each of the later requests, not only the second.
#[test]
fn r1227_r1228_one_request_at_a_time() {
    let mut h = Harness::plain();
    let (_, mut jar) = h.connect("alice", 7);
    let (conn, handle) = h.begin_execute("alice", &jar, b"first");
    let mut first = h.receive(conn);
    jar.learn(&first);
    for _ in 0..3 {
        assert_eq!(h.execute_code("alice", &jar.line()), 15);
    }
    let head = h.head("Disconnect", &jar.line());
    assert_eq!(h.refusal(Some("alice"), head, &Bytes::new()).code(), 15);
    h.server.respond(h.now, handle, &[execute_success(b"first")]).unwrap();
    h.receive_more(conn, &mut first);
    assert_eq!(first.payload(), execute_success(b"first"));
    assert_eq!(h.execute("alice", &mut jar, b"second").code(), 0);
}

/// A request is not in sequence before its Connect was accepted.
#[test]
fn a_context_whose_connect_is_not_accepted_does_nothing_yet() {
    let mut h = Harness::plain();
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Connect", ""), &connect_body());
    let handle = h.request().handle;
    let mut jar = crate::harness::Jar::default();
    jar.learn(&h.receive(conn));
    assert_eq!(h.execute_code("alice", &jar.line()), 15);
    assert!(h.server.respond(h.now, handle, &[]).is_err());
    h.server.accept(h.now, handle, 3, &[connect_success()]).unwrap();
    assert_eq!(h.server.accept(h.now, handle, 4, &[]).unwrap_err().state, 4);
    assert_eq!(h.execute_code("alice", &jar.line()), 0);
}

#[test]
fn a_connect_without_cookies_leaves_the_users_other_contexts() {
    let mut h = Harness::plain();
    let (_, first) = h.connect("alice", 1);
    let (_, second) = h.connect("alice", 2);
    assert_ne!(first.context, second.context);
    assert_eq!(h.execute_code("alice", &first.line()), 0);
    assert_eq!(h.execute_code("alice", &second.line()), 0);
}

/// A request with the cookies of two contexts mixed belongs to neither.
#[test]
fn cookies_of_two_contexts_do_not_mix() {
    let mut h = Harness::plain();
    let (_, first) = h.connect("alice", 1);
    let (_, second) = h.connect("alice", 2);
    assert_eq!(h.execute_code("alice", &format!("{}; {}", first.context, second.sequence)), 15);
}
