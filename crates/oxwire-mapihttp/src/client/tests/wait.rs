//! Waiting: NotificationWait, deadlines, PING, Retry-After, redirects.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{Error, Limits, decode_all};
use oxwire_mapi::mapihttp::{ExecuteFlags, ExecuteRequest};

use super::{Answer, Bench, config};
use crate::client::{ContextState, Event, Outcome};

const SECOND: Duration = Duration::from_secs(1);

/// A NotificationWait success body (2.2.4.4.2): StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize.
fn wait_body(pending: u8) -> [u8; 16] {
    let mut body = [0; 16];
    body[8] = pending;
    body
}

#[test]
fn r308_r1169_r1170_notification_wait_beside_an_execute() {
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"slow");
    let slow = bench.request();
    let wait = bench.client.notification_wait(bench.now, Bytes::from_static(b"wait body")).unwrap();
    let request = bench.request();
    assert_eq!((request.request_type(), &request.body[..]), ("NotificationWait", &b"wait body"[..]));
    assert_ne!(request.conn, slow.conn, "on a connection of its own");
    assert_eq!(request.header("Cookie"), slow.header("Cookie"));
    let second = bench.client.notification_wait(bench.now, Bytes::from_static(b"2")).unwrap_err();
    assert_eq!(second.body, "2");
    // Five minutes without an event, and the server's keep-alive all along.
    bench.head(&request, &Answer::ok(b"").with("X-PendingPeriod", "30000"));
    bench.head(&slow, &Answer::ok(b"").with("X-PendingPeriod", "30000"));
    bench.body(&request, b"PROCESSING\r\n");
    for _ in 0..10 {
        bench.wait_for(30 * SECOND);
        bench.body(&request, b"PENDING\r\n");
        bench.body(&slow, b"PENDING\r\n");
    }
    // Exchange renews these two on NotificationWait.
    bench.body(&request, &[b"DONE\r\nX-ResponseCode: 0\r\n\r\n", &wait_body(0)[..]].concat());
    bench.end(&request);
    assert!(matches!(bench.outcome_of(wait), Outcome::Answered(_)));
    bench.body(&slow, b"DONE\r\nX-ResponseCode: 0\r\n\r\nx");
    bench.end(&slow);
    assert!(matches!(bench.outcome_of(execute), Outcome::Answered(_)));
    bench.quiet();
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    assert_eq!(bench.request().conn, request.conn, "the connection is used again");
}

/// Exchange 2016: NotificationWait renews `MapiContext` and `X-BackEndCookie` alone.
#[test]
fn r70_cookies_of_a_notification_wait_count() {
    let mut bench = Bench::connected(config());
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    let answer = Answer::ok(&wait_body(0)).with("Set-Cookie", "MapiContext=c2; path=/mapi/emsmdb");
    bench.answer(&request, &answer.with("Set-Cookie", "X-BackEndCookie=b; path=/mapi"));
    bench.execute(b"");
    assert_eq!(bench.request().header("Cookie"), Some("MapiSequence=s1; MapiContext=c2; X-BackEndCookie=b"));
}

#[test]
fn r317_event_pending_is_followed_by_an_execute_with_an_empty_rop_list() {
    let mut bench = Bench::connected(config());
    let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.answer(&request, &Answer::ok(&wait_body(1)));
    assert!(matches!(bench.outcome_of(wait), Outcome::Answered(_)));
    let execute = match bench.event() {
        Event::EventPending { wait: of, execute: Some(execute) } if of == wait => execute,
        other => panic!("{other:?}"),
    };
    let request = bench.request();
    assert_eq!(request.request_type(), "Execute");
    let body: ExecuteRequest<'_> = decode_all(&request.body, &Limits::DEFAULT).unwrap();
    assert_eq!(body.flags, ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC);
    // RPC_HEADER_EXT (Last, 2 bytes of payload) and RopSize 2: no ROPs, no handles.
    assert_eq!(body.rop_buffer, [0, 0, 4, 0, 2, 0, 2, 0, 2, 0]);
    bench.answer(&request, &Answer::ok(b"notifications"));
    assert!(matches!(bench.outcome_of(execute), Outcome::Answered(_)));
}

#[test]
fn r317_an_execute_that_waits_anyway_fetches_the_events() {
    let mut bench = Bench::connected(config());
    let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.execute(b"in flight");
    bench.request();
    bench.execute(b"waits");
    bench.answer(&request, &Answer::ok(&wait_body(1)));
    assert!(matches!(bench.outcome_of(wait), Outcome::Answered(_)));
    assert_eq!(bench.event(), Event::EventPending { wait, execute: None });
    bench.quiet();
    // Nor where the caller sends it by itself, nor when nothing is pending.
    for (config, pending, events) in [(config().with_fetch_pending(false), 1, 2), (config(), 0, 1)] {
        let mut bench = Bench::connected(config);
        bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        bench.answer(&request, &Answer::ok(&wait_body(pending)));
        assert_eq!(bench.events.len(), events);
        bench.events.clear();
        bench.quiet();
    }
}

#[test]
fn r1175_r1176_no_response_within_a_reasonable_time() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"1");
    let request = bench.request();
    assert_eq!(bench.next_deadline(), 120 * SECOND);
    assert_eq!(bench.aborted, [request.conn]);
    let Outcome::Unanswered { reason } = bench.outcome_of(handle) else { panic!() };
    assert_eq!(&*reason, "no response for 120s");
    assert_eq!(bench.request().request_type(), "Connect");
}

#[test]
fn r1177_r1179_r1182_silence_beyond_the_pending_period() {
    // The period that the server names, the default, and one that is out of reason.
    for (period, silence) in [(Some("15000"), 45), (None, 60), (Some("4000000000000000"), 30 * 60)] {
        let mut bench = Bench::connected(config());
        let handle = bench.execute(b"1");
        let request = bench.request();
        let mut answer = Answer::ok(b"");
        if let Some(period) = period {
            answer = answer.with("X-PendingPeriod", period);
        }
        bench.head(&request, &answer);
        bench.wait_for(SECOND);
        bench.body(&request, b"PROCESSING\r\n");
        let left = bench.client.poll_timeout().unwrap() - bench.now;
        assert_eq!(left, (silence * SECOND).min(30 * 60 * SECOND - SECOND));
        bench.next_deadline();
        assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
        assert_eq!(bench.aborted, [request.conn]);
    }
}

/// A server that says PENDING for ever does not hold a client for ever.
#[test]
fn every_wait_ends() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"1");
    let request = bench.request();
    bench.head(&request, &Answer::ok(b""));
    for _ in 0..60 {
        bench.wait_for(30 * SECOND);
        if bench.aborted.is_empty() {
            bench.body(&request, b"PENDING\r\n");
        }
    }
    let Outcome::Unanswered { reason } = bench.outcome_of(handle) else { panic!() };
    assert!(reason.contains("whole_request"), "{reason}");
}

#[test]
fn r1157_r1158_r1159_r1163_r1201_r1457_ping_before_the_context_expires() {
    let mut bench = Bench::connected(config());
    // X-ExpirationInfo 300000 on Connect, 900000 later, as Exchange SE has it.
    for (before, next) in [(270, "900000"), (870, "900000"), (870, "10000"), (5, "0"), (5, "900000")] {
        assert_eq!(bench.next_deadline(), before * SECOND);
        let ping = bench.request();
        assert_eq!((ping.request_type(), ping.body.len()), ("PING", 0));
        assert_eq!(ping.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"));
        bench.answer(&ping, &Answer::ok(b"").with("X-ExpirationInfo", next));
        bench.quiet();
    }
}

#[test]
fn r1141_no_ping_while_something_is_in_flight() {
    let mut bench = Bench::connected(config());
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let wait = bench.request();
    bench.head(&wait, &Answer::ok(b"").with("X-ExpirationInfo", "300000"));
    for _ in 0..20 {
        bench.wait_for(30 * SECOND);
        bench.body(&wait, b"PENDING\r\n");
    }
    bench.quiet();
    bench.body(&wait, &[b"DONE\r\n\r\n", &wait_body(0)[..]].concat());
    bench.end(&wait);
    assert_eq!(bench.next_deadline(), 270 * SECOND, "counted from the last response");
    assert_eq!(bench.request().request_type(), "PING");
    // And none where the caller keeps the context alive.
    let bench = Bench::connected(config().with_keep_alive(false));
    assert_eq!(bench.client.poll_timeout(), None);
}

#[test]
fn a_keep_alive_that_fails() {
    let mut bench = Bench::connected(config());
    bench.next_deadline();
    let ping = bench.request();
    bench.unknown(ping.conn);
    assert!(matches!(bench.event(), Event::KeepAliveFailed { outcome: Outcome::Unanswered { .. } }));
    // The context is taken to be valid, and the next one says that it is not.
    assert_eq!(bench.client.state(), ContextState::Established);
    assert_eq!(bench.next_deadline(), 270 * SECOND);
    let ping = bench.request();
    bench.answer(&ping, &Answer::refused(10));
    assert!(matches!(bench.event(), Event::KeepAliveFailed { outcome: Outcome::Refused { .. } }));
    assert_eq!(bench.request().request_type(), "Connect");
}

#[test]
fn a_lost_notification_wait_keeps_the_context_unless_told_otherwise() {
    for (keep, state) in [(true, ContextState::Established), (false, ContextState::Reconnecting)] {
        let mut bench = Bench::connected(config().with_context_kept_after_lost_wait(keep));
        let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        bench.unknown(request.conn);
        assert!(matches!(bench.outcome_of(wait), Outcome::Unanswered { .. }));
        assert_eq!(bench.client.state(), state);
    }
}

/// What the server sets for the old context while a new one is being established stays with the old one.
#[test]
fn a_context_is_replaced_while_its_execute_is_in_flight() {
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"slow");
    let slow = bench.request();
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let wait = bench.request();
    bench.answer(&wait, &Answer::refused(10));
    assert!(matches!(bench.completion().outcome, Outcome::Refused { .. }));
    // One request at a time: the Connect waits for the Execute.
    bench.quiet();
    bench.answer(&slow, &Answer::ok(b"").with("Set-Cookie", "MapiSequence=s9; path=/mapi/emsmdb"));
    assert!(matches!(bench.outcome_of(execute), Outcome::Answered(_)));
    let connect = bench.request();
    assert_eq!(connect.header("Cookie"), Some("MapiContext=c1; MapiSequence=s9"));
    bench.answer(&connect, &Answer::connected());
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
    bench.quiet();
}

#[test]
fn r1304_r51_5xx_and_retry_after() {
    // Seconds, a date against the response's own Date, out of reason.
    for (retry_after, seconds) in [("7", 7), ("Thu, 01 Jan 2026 00:00:20 GMT", 20), ("999999999", 600)] {
        let mut bench = Bench::connected(config());
        let handle = bench.execute(b"1");
        bench.execute(b"2");
        let request = bench.request();
        let answer = Answer::status(503).with("Retry-After", retry_after);
        bench.answer(&request, &answer.with("Date", "Thu, 01 Jan 2026 00:00:00 GMT"));
        match bench.outcome_of(handle) {
            Outcome::Status { status: 503, retry_after: Some(after), .. } => assert_eq!(after, seconds * SECOND),
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.client.state(), ContextState::Established, "an answer, if a bad one");
        bench.quiet();
        assert_eq!(bench.next_deadline(), seconds * SECOND);
        assert_eq!(bench.request().body, "2");
    }
    for status in [401, 404, 500] {
        let mut bench = Bench::connected(config());
        let handle = bench.execute(b"1");
        let request = bench.request();
        bench.answer(&request, &Answer::status(status));
        match bench.outcome_of(handle) {
            Outcome::Status { status: found, retry_after: None, .. } => assert_eq!(found, status),
            other => panic!("{other:?}"),
        }
    }
}

/// A 503 with Retry-After while a request waits to go out again: nothing is due before it has passed.
#[test]
fn retry_after_holds_back_what_goes_out_again() {
    let mut bench = Bench::connected(config());
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let wait = bench.request();
    bench.execute(b"1");
    let execute = bench.request();
    bench.answer(&execute, &Answer::status(503).with("Retry-After", "60"));
    bench.not_sent(wait.conn);
    bench.events.clear();
    bench.quiet();
    assert_eq!(bench.next_deadline(), 60 * SECOND);
    assert_eq!(bench.request().request_type(), "NotificationWait");
}

#[test]
fn the_servers_retry_advice_is_kept() {
    let bench = Bench::connected(config());
    let advice = bench.client.retry_advice().unwrap();
    assert_eq!((advice.polls_max, advice.retry_count, advice.retry_delay), (60 * SECOND, 3, SECOND));
}

#[test]
fn r1332_a_redirect_is_followed_with_consent_alone() {
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"rops");
    let request = bench.request();
    let moved = Answer::status(302).with("Location", "https://other.test/mapi/emsmdb/?MailboxId=x");
    bench.answer(&request, &moved);
    let handle = match bench.event() {
        Event::Redirect { handle, location, same_origin: false } => {
            assert_eq!(location, "https://other.test/mapi/emsmdb/?MailboxId=x");
            handle
        }
        other => panic!("{other:?}"),
    };
    bench.quiet();
    bench.client.follow_redirect(bench.now, handle).unwrap();
    let again = bench.request();
    assert_eq!(again.head.target(), "/mapi/emsmdb/?MailboxId=x");
    assert_eq!((again.header("Host"), &again.body[..]), (Some("other.test"), &b"rops"[..]));
    assert_eq!(again.header("Cookie"), None, "another host does not see this host's cookies");
    assert_eq!(bench.opened.last().unwrap().1.to_string(), "https://other.test");
    assert_eq!(bench.client.url(), "https://other.test/mapi/emsmdb/?MailboxId=x");
    assert!(matches!(bench.client.follow_redirect(bench.now, handle), Err(Error::Misuse(_))), "answered once");
    bench.answer(&again, &Answer::ok(b""));
    assert!(matches!(bench.outcome_of(execute), Outcome::Answered(_)));
}

/// A NotificationWait is in flight at the old host when a redirect is followed: what that host sets, and where it sends on to,
/// is the old host's.
#[test]
fn r1332_a_wait_at_the_host_left_behind_stays_that_hosts() {
    let mut bench = Bench::connected(config());
    let waiting = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let wait = bench.request();
    bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &Answer::status(302).with("Location", "https://other.test/mapi/emsmdb/"));
    let Event::Redirect { handle, .. } = bench.event() else { panic!() };
    bench.client.follow_redirect(bench.now, handle).unwrap();
    let again = bench.request();
    bench.head(&wait, &Answer::ok(b"").with("Set-Cookie", "Old=secret; path=/"));
    bench.answer(&again, &Answer::ok(b"").with("Set-Cookie", "New=1; path=/"));
    bench.completion();
    bench.execute(b"more");
    let more = bench.request();
    assert_eq!((more.header("Host"), more.header("Cookie")), (Some("other.test"), Some("New=1")));
    bench.answer(&more, &Answer::ok(b""));
    bench.completion();
    bench.body(&wait, &Answer::ok(&wait_body(0)).body);
    bench.end(&wait);
    assert!(matches!(bench.outcome_of(waiting), Outcome::Answered(_)));
    // And a redirect from there is relative to there.
    let mut bench = Bench::connected(config());
    bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    let wait = bench.request();
    bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &Answer::status(302).with("Location", "https://other.test/mapi/emsmdb/"));
    let Event::Redirect { handle, .. } = bench.event() else { panic!() };
    bench.client.follow_redirect(bench.now, handle).unwrap();
    bench.request();
    bench.answer(&wait, &Answer::status(302).with("Location", "/elsewhere"));
    match bench.event() {
        Event::Redirect { location, .. } => assert_eq!(location, "https://mail.test/elsewhere"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r1332_redirects_refused_unanswered_and_without_end() {
    let to_self = || Answer::status(302).with("Location", "/mapi/emsmdb/?MailboxId=y");
    let is_302 = |outcome: &Outcome| matches!(outcome, Outcome::Status { status: 302, .. });
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &to_self());
    let Event::Redirect { handle, same_origin: true, .. } = bench.event() else { panic!() };
    bench.client.refuse_redirect(bench.now, handle).unwrap();
    assert!(is_302(&bench.outcome_of(execute)));
    // Nobody answers.
    let execute = bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &to_self());
    bench.event();
    assert!(bench.next_deadline() <= 300 * SECOND);
    while bench.events.is_empty() {
        bench.next_deadline();
    }
    assert!(is_302(&bench.outcome_of(execute)));
    bench.requests.clear();
    // A loop.
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"rops");
    for _ in 0..5 {
        let request = bench.request();
        bench.answer(&request, &to_self());
        let Event::Redirect { handle, .. } = bench.event() else { panic!() };
        bench.client.follow_redirect(bench.now, handle).unwrap();
    }
    let request = bench.request();
    assert_eq!(request.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"), "the same host, the same cookies");
    bench.answer(&request, &to_self());
    assert!(is_302(&bench.outcome_of(execute)));
    // Places that are none.
    for location in ["ftp://mail.test/", "mapi", "https://user@other.test/"] {
        let execute = bench.execute(b"rops");
        let request = bench.request();
        bench.answer(&request, &Answer::status(302).with("Location", location));
        assert!(is_302(&bench.outcome_of(execute)), "{location}");
    }
}

#[test]
fn time_that_goes_back_is_no_time() {
    let mut bench = Bench::connected(config());
    bench.wait_for(200 * SECOND);
    let earlier = bench.now - 150 * SECOND;
    bench.client.handle_timeout(earlier);
    assert_eq!(bench.client.poll_timeout().unwrap() - bench.now, 70 * SECOND);
    bench.client.execute(earlier, Bytes::new()).unwrap();
    assert_eq!(bench.client.poll_timeout().unwrap() - bench.now, 120 * SECOND);
}
