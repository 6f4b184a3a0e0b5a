//! What happens when a connection fails: [MS-OXCMAPIHTTP] 3.1.5.7 and 3.1.7.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::Error;
use oxwire_mapi::mapihttp::ResponseCode;

use super::{Answer, Bench, config};
use crate::client::{ClientLimits, ContextState, Event, Outcome};

const COOKIES: Option<&str> = Some("MapiContext=c1; MapiSequence=s1");

#[test]
fn r1204_r1205_r1206_a_request_not_wholly_sent_goes_out_again_as_it_is() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    let first = bench.request();
    bench.not_sent(first.conn);
    let second = bench.request();
    assert_ne!(second.conn, first.conn, "on a new connection");
    assert_eq!(second.head.as_bytes(), first.head.as_bytes(), "as it was: X-RequestId, cookies and all");
    assert_eq!(second.body, first.body);
    bench.answer(&second, &Answer::ok(b"once"));
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::Established, "in the same context");
}

/// The driver had not even taken all of it.
#[test]
fn r1205_what_the_driver_has_not_taken_is_not_sent() {
    let mut bench = Bench::connected(config());
    bench.client.execute(bench.now, Bytes::from_static(b"rops")).unwrap();
    let opened = bench.opened.clone();
    let conn = opened[0].0;
    let head = bench.client.poll_transmit(bench.now);
    assert!(head.is_some());
    bench.client.handle(bench.now, conn, oxwire_http::HttpEvent::Reset(oxwire_http::Reset::unknown("cut"))).unwrap();
    let second = bench.request();
    assert_ne!(second.conn, conn);
    assert_eq!(second.request_type(), "Execute");
}

#[test]
fn r1205_tries_are_bounded_and_further_and_further_apart() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    // The Connect response advised three tries, one second apart.
    let mut waits = Vec::new();
    for _ in 0..3 {
        let request = bench.request();
        let before = bench.now;
        bench.not_sent(request.conn);
        while bench.requests.is_empty() {
            bench.next_deadline();
        }
        waits.push(bench.now - before);
    }
    assert_eq!(waits, [0, 1, 2].map(Duration::from_secs));
    let request = bench.request();
    bench.not_sent(request.conn);
    assert!(matches!(bench.outcome_of(handle), Outcome::NotSent { body, .. } if body == "rops"));
    // The context is still taken to be valid: the next request says.
    assert_eq!(bench.client.state(), ContextState::Established);
    bench.execute(b"more");
    assert_eq!(bench.request().header("Cookie"), COOKIES);
}

#[test]
fn r1191_r1192_r1193_r1196_r1197_r1207_r1276_r1282_sent_and_unanswered_is_reported_and_the_context_replaced_once() {
    // Cut before the head, after it, in the middle of the body.
    for cut in 0..3 {
        let mut bench = Bench::connected(config());
        let first = bench.execute(b"first");
        let second = bench.execute(b"second");
        let request = bench.request();
        if cut > 0 {
            bench.head(&request, &Answer::ok(b""));
        }
        if cut > 1 {
            bench.body(&request, b"PROCESSING\r\nDONE\r\n\r\nhal");
        }
        bench.unknown(request.conn);
        assert!(matches!(bench.outcome_of(first), Outcome::Unanswered { .. }));
        // What waited names handles of the old context: it comes back.
        assert!(matches!(bench.outcome_of(second), Outcome::NotSent { body, .. } if body == "second"));
        assert_eq!(bench.client.state(), ContextState::Reconnecting);
        let rejected = bench.client.execute(bench.now, Bytes::from_static(b"third")).unwrap_err();
        assert!(matches!(*rejected.error, Error::Transport(_)), "nobody's mistake: {rejected}");
        let connect = bench.request();
        assert_eq!((connect.request_type(), &connect.body[..]), ("Connect", &b"connect body"[..]));
        assert_eq!(connect.header("Cookie"), COOKIES, "all cookies, whatever they mean");
        assert_ne!(connect.header("X-RequestId"), request.header("X-RequestId"));
        let answer = Answer::ok(&[0; 31]).with("Set-Cookie", "MapiContext=c2; path=/mapi/emsmdb");
        bench.head(&connect, &answer);
        bench.body(&connect, &answer.body);
        bench.client.handle(bench.now, connect.conn, oxwire_http::HttpEvent::End).unwrap();
        let early = bench.client.execute(bench.now, Bytes::new()).unwrap_err();
        assert!(matches!(*early.error, Error::Misuse(_)), "before ContextReplaced was taken: {early}");
        assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
        bench.quiet();
        bench.execute(b"third");
        // Old and new cookies are never mixed: the old sequence cookie is gone.
        assert_eq!(bench.request().header("Cookie"), Some("MapiContext=c2"));
    }
}

#[test]
fn r1199_r1200_r1343_time_passed_ends_nothing_by_itself() {
    let mut bench = Bench::connected(config().with_keep_alive(false));
    assert_eq!(bench.client.poll_timeout(), None);
    bench.wait_for(Duration::from_secs(100 * 86_400));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::Established);
    let handle = bench.execute(b"rops");
    let request = bench.request();
    assert_eq!(
        (request.request_type(), request.header("Cookie")),
        ("Execute", COOKIES),
        "it goes on where it left off"
    );
    // Code 10 says that the context is gone.
    bench.answer(&request, &Answer::refused(10));
    let outcome = bench.outcome_of(handle);
    assert!(matches!(outcome, Outcome::Refused { code: ResponseCode::CONTEXT_NOT_FOUND, .. }));
    let connect = bench.request();
    assert_eq!((connect.request_type(), connect.header("Cookie")), ("Connect", COOKIES));
    // Code 10 to a Connect that carried old cookies: one Connect without them.
    bench.answer(&connect, &Answer::refused(10));
    let bare = bench.request();
    assert_eq!((bare.request_type(), bare.header("Cookie")), ("Connect", None));
    assert_ne!(bare.header("X-RequestId"), connect.header("X-RequestId"));
    bench.answer(&bare, &Answer::connected());
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
    bench.quiet();
}

#[test]
fn code_10_to_a_bare_connect_is_the_end_of_it() {
    let mut bench = Bench::connected(config());
    bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &Answer::refused(10));
    for _ in 0..2 {
        let connect = bench.request();
        bench.answer(&connect, &Answer::refused(10));
    }
    bench.event();
    let lost = bench.event();
    assert!(matches!(
        lost,
        Event::ContextLost { outcome: Outcome::Refused { code: ResponseCode::CONTEXT_NOT_FOUND, .. } }
    ));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::Lost);
    assert_eq!(bench.client.poll_timeout(), None);
    // The caller tries again, when it wants to.
    bench.client.reconnect(bench.now).unwrap();
    let connect = bench.request();
    bench.answer(&connect, &Answer::connected());
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
}

#[test]
fn r1194_the_user_forces_a_reconnect() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    bench.settle();
    let conns = [bench.requests[0].conn, bench.requests[1].conn];
    bench.requests.clear();
    bench.client.reconnect(bench.now).unwrap();
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    assert!(matches!(bench.outcome_of(wait), Outcome::Unanswered { .. }));
    assert_eq!(bench.aborted, conns);
    let connect = bench.request();
    assert_eq!(connect.header("Cookie"), COOKIES);
    bench.answer(&connect, &Answer::connected());
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
}

#[test]
fn a_connect_that_reestablishes_is_tried_again_within_bounds() {
    let mut bench = Bench::connected(config());
    bench.execute(b"rops");
    let request = bench.request();
    bench.unknown(request.conn);
    let mut connects = 0;
    while bench.client.state() == ContextState::Reconnecting {
        if bench.requests.is_empty() {
            bench.next_deadline();
            continue;
        }
        let connect = bench.request();
        assert_eq!((connect.request_type(), connect.header("Cookie")), ("Connect", COOKIES));
        bench.unknown(connect.conn);
        bench.settle();
        connects += 1;
    }
    assert_eq!(connects, 4, "three tries beyond the first, as the server advised");
    bench.event();
    assert!(matches!(bench.event(), Event::ContextLost { outcome: Outcome::Unanswered { .. } }));
    bench.quiet();
}

/// The server began to answer the Connect: the context is the new one, and so are the cookies that the next Connect carries.
#[test]
fn cookies_of_a_half_answered_connect() {
    let mut bench = Bench::connected(config());
    bench.execute(b"rops");
    let request = bench.request();
    bench.unknown(request.conn);
    let connect = bench.request();
    bench.head(&connect, &Answer::ok(b"").with("Set-Cookie", "MapiContext=c2; path=/mapi/emsmdb"));
    bench.unknown(connect.conn);
    let again = bench.request();
    assert_eq!(again.header("Cookie"), Some("MapiContext=c2"));
}

/// A refused Connect's cookies are not the context's.
#[test]
fn cookies_of_a_refused_connect_are_not_mixed_in() {
    let mut bench = Bench::connected(config());
    bench.execute(b"rops");
    let request = bench.request();
    bench.unknown(request.conn);
    let connect = bench.request();
    bench.answer(&connect, &Answer::refused(18).with("Set-Cookie", "X-BackEndCookie=other; path=/"));
    assert_eq!(bench.request().header("Cookie"), COOKIES);
}

#[test]
fn a_first_connect_is_never_repeated_once_it_was_sent() {
    let mut bench = Bench::new(config());
    let handle = bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.not_sent(request.conn);
    let again = bench.request();
    assert_eq!(again.header("X-RequestId"), request.header("X-RequestId"));
    bench.unknown(again.conn);
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::None);
}

#[test]
fn r1168_a_context_is_destroyed_only_once_the_server_says_so() {
    let mut bench = Bench::connected(config());
    let handle = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    assert!(bench.client.execute(bench.now, Bytes::new()).is_err());
    let request = bench.request();
    bench.unknown(request.conn);
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    assert_eq!(bench.client.state(), ContextState::Established);
    bench.quiet();
    let handle = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!(request.header("Cookie"), COOKIES);
    // It was destroyed the first time.
    bench.answer(&request, &Answer::refused(10));
    assert!(matches!(bench.outcome_of(handle), Outcome::Refused { .. }));
    assert_eq!(bench.client.state(), ContextState::None);
    bench.quiet();
}

/// 2.2.4.3.3 (StatusCode 1) and 2.2.4.3.2 with an ErrorCode: the server has not destroyed it, and the client goes on.
#[test]
fn r1168_a_disconnect_that_fails_leaves_the_context() {
    for body in [&[1, 0, 0, 0, 0, 0, 0, 0][..], &[0, 0, 0, 0, 5, 0, 7, 0x80, 0, 0, 0, 0]] {
        let mut bench = Bench::connected(config());
        let handle = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        bench.answer(&request, &Answer::ok(body));
        assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
        assert_eq!(bench.client.state(), ContextState::Established);
        bench.execute(b"rops");
        assert_eq!(bench.request().header("Cookie"), COOKIES);
    }
}

/// All that is wanted of the context is its end: it is not replaced first.
#[test]
fn a_failure_before_a_waiting_disconnect() {
    let mut bench = Bench::connected(config());
    let first = bench.execute(b"1");
    let second = bench.execute(b"2");
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.unknown(request.conn);
    assert!(matches!(bench.outcome_of(first), Outcome::Unanswered { .. }));
    assert!(matches!(bench.outcome_of(second), Outcome::NotSent { .. }));
    assert_eq!(bench.request().request_type(), "Disconnect");
}

/// A response was lost, and with it the sequence cookie of the next request: code 15 says so, and the context is of no use.
#[test]
fn a_sequence_that_went_on_without_us() {
    // The Disconnect behind a lost Execute.
    let mut bench = Bench::connected(config());
    bench.execute(b"1");
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.unknown(request.conn);
    let disconnect = bench.request();
    bench.events.clear();
    bench.answer(&disconnect, &Answer::refused(15));
    assert!(matches!(bench.completion().outcome, Outcome::Refused { .. }));
    assert!(matches!(bench.event(), Event::ContextLost { .. }));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::Lost);
    // An Execute behind a lost Disconnect, or behind a lost PING.
    for ping in [true, false] {
        let mut bench = Bench::connected(config());
        if ping {
            bench.client.ping(bench.now).unwrap();
        } else {
            bench.client.disconnect(bench.now, Bytes::new()).unwrap();
        }
        let request = bench.request();
        bench.unknown(request.conn);
        bench.events.clear();
        let handle = bench.execute(b"1");
        let request = bench.request();
        bench.answer(&request, &Answer::refused(15));
        assert!(matches!(bench.outcome_of(handle), Outcome::Refused { .. }));
        assert_eq!(bench.request().header("Cookie"), COOKIES);
        assert_eq!(bench.client.state(), ContextState::Reconnecting);
    }
}

#[test]
fn bodies_over_the_limit_end_the_connection() {
    let limits = ClientLimits { body_bytes: 100, ..ClientLimits::default() };
    let mut bench = Bench::connected(config().with_limits(limits));
    let handle = bench.execute(b"1");
    let request = bench.request();
    bench.head(&request, &Answer::ok(b""));
    let piece = Bytes::from([&b"DONE\r\n\r\n"[..], &[7; 101]].concat());
    let error = bench.feed(request.conn, oxwire_http::HttpEvent::Body(piece)).unwrap_err();
    assert!(error.to_string().contains("body_bytes"), "{error}");
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    assert_eq!(bench.aborted, [request.conn]);
}

#[test]
fn cookies_over_the_limit_end_the_connection() {
    let mut bench = Bench::connected(config());
    bench.execute(b"1");
    let request = bench.request();
    let many = (0..100).fold(Answer::ok(b""), |answer, n| answer.with("Set-Cookie", &format!("c{n}=v")));
    let head = oxwire_http::HttpEvent::Head(oxwire_http::Head::Response(many.head()));
    assert!(matches!(bench.feed(request.conn, head), Err(Error::Peer(_))));
}

/// A response that is cut by its sender, in good order: DONE never came.
#[test]
fn a_response_without_done_is_no_answer() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"1");
    let request = bench.request();
    bench.head(&request, &Answer::ok(b""));
    bench.body(&request, b"PROCESSING\r\nPENDING\r\n");
    assert!(matches!(bench.feed(request.conn, oxwire_http::HttpEvent::End), Err(Error::Peer(_))));
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    assert_eq!(bench.request().request_type(), "Connect");
}

/// After a loss the caller connects with another body: the old cookies go with it, and code 10 costs them alone.
#[test]
fn r1193_a_connect_after_a_loss() {
    let mut bench = Bench::connected(config());
    bench.client.reconnect(bench.now).unwrap();
    let connect = bench.request();
    bench.answer(&connect, &Answer::refused(11));
    assert!(matches!(bench.event(), Event::ContextLost { .. }));
    let rejected = bench.client.execute(bench.now, Bytes::from_static(b"mine")).unwrap_err();
    assert!(matches!(*rejected.error, Error::Transport(_)));
    let handle = bench.client.connect(bench.now, Bytes::from_static(b"another body")).unwrap();
    let connect = bench.request();
    assert_eq!((connect.header("Cookie"), &connect.body[..]), (COOKIES, &b"another body"[..]));
    bench.answer(&connect, &Answer::refused(10));
    let bare = bench.request();
    assert_eq!((bare.header("Cookie"), &bare.body[..]), (None, &b"another body"[..]));
    bench.answer(&bare, &Answer::connected());
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    bench.quiet();
}

#[test]
fn a_503_to_the_connect_that_reestablishes_is_waited_out() {
    let mut bench = Bench::connected(config());
    bench.client.reconnect(bench.now).unwrap();
    let connect = bench.request();
    bench.answer(&connect, &Answer::status(503).with("Retry-After", "40"));
    bench.quiet();
    assert_eq!(bench.next_deadline(), Duration::from_secs(40));
    let connect = bench.request();
    assert_eq!(connect.header("Cookie"), COOKIES);
    bench.answer(&connect, &Answer::connected());
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
}

/// Cookies that were refused with code 10 are not sent again.
#[test]
fn cookies_of_a_context_that_is_gone_are_gone() {
    let mut bench = Bench::connected(config());
    bench.client.reconnect(bench.now).unwrap();
    let connect = bench.request();
    bench.answer(&connect, &Answer::refused(10));
    let bare = bench.request();
    bench.answer(&bare, &Answer::refused(11));
    assert!(matches!(bench.event(), Event::ContextLost { .. }));
    bench.client.reconnect(bench.now).unwrap();
    assert_eq!(bench.request().header("Cookie"), None);
}

/// Whatever the driver says of the request: the server has begun to answer it.
#[test]
fn an_answer_that_began_was_asked_for() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    let request = bench.request();
    bench.head(&request, &Answer::ok(b""));
    bench.not_sent(request.conn);
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    assert_eq!(bench.request().request_type(), "Connect");
}
