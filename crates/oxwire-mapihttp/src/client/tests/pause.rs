//! Pause and resume.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::FileTime;
use oxwire_http::{Head, HttpEvent, Reset};

use super::{Answer, Bench, Received, WALL, config, start};
use crate::GuidCounter;
use crate::client::{Client, ContextState, Event, Fate, Outcome, Paused};

const DAY: Duration = Duration::from_secs(86_400);

/// As a restart of the process would have it: through the stored form, where there is one.
fn stored(paused: Paused) -> Paused {
    #[cfg(feature = "serde")]
    let paused = serde_json::from_str(&serde_json::to_string(&paused).unwrap()).unwrap();
    paused
}

fn resumed(bench: &mut Bench, away: Duration) -> Bench {
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    bench.settle();
    let now = start();
    Bench::over(Client::resume(stored(paused), now, WALL.saturating_add(away)).unwrap(), now)
}

/// Over a pause, with events that nobody has taken.
fn resumed_untaken(bench: &mut Bench) -> Bench {
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    let now = start();
    Bench::over(Client::resume(stored(paused), now, WALL).unwrap(), now)
}

#[test]
fn an_idle_client_goes_on_in_the_same_context() {
    let mut bench = Bench::connected(config());
    let last = bench.opened[0].0;
    bench.client.ping(bench.now).unwrap();
    let before = bench.request();
    bench.answer(&before, &Answer::ok(b"").with("X-ExpirationInfo", "300000"));
    let mut bench2 = resumed(&mut bench, 30 * DAY);
    assert_eq!(bench.aborted, [last], "the old connections are dropped");
    assert_eq!(bench.client.state(), ContextState::Closed);
    assert!(bench.client.pause(bench.now, WALL).is_err());
    assert_eq!(bench2.client.state(), ContextState::Established);
    // X-ExpirationInfo ran out long ago: it asks at once, and ends nothing by itself.
    assert_eq!(bench2.next_deadline(), Duration::ZERO);
    let ping = bench2.request();
    assert_eq!((ping.request_type(), ping.header("Cookie")), ("PING", Some("MapiContext=c1; MapiSequence=s1")));
    assert_ne!(ping.conn, last, "numbers of connections do not repeat");
    // The same GUID, the next number: the same context.
    let id = |request: &Received| request.header("X-RequestId").unwrap().parse::<GuidCounter>().unwrap();
    assert_eq!((id(&ping).guid, id(&ping).counter), (id(&before).guid, id(&before).counter + 1));
    assert_eq!(ping.header("X-ClientInfo"), before.header("X-ClientInfo"));
    bench2.answer(&ping, &Answer::ok(b""));
    let handle = bench2.execute(b"rops");
    let request = bench2.request();
    bench2.answer(&request, &Answer::ok(b""));
    assert!(matches!(bench2.outcome_of(handle), Outcome::Answered(_)));
    bench2.quiet();
}

#[test]
fn what_was_not_sent_goes_out_with_its_request_id() {
    let mut bench = Bench::connected(config());
    let first = bench.execute(b"first");
    let second = bench.execute(b"second");
    let request = bench.request();
    bench.not_sent(request.conn);
    let request = bench.request();
    bench.not_sent(request.conn);
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    let fates: Vec<_> = paused.in_flight().iter().map(|request| (request.handle, request.fate)).collect();
    assert_eq!(fates, [(first, Fate::NotSent), (second, Fate::NotSent)]);
    let now = start();
    let mut bench = Bench::over(Client::resume(stored(paused), now, WALL).unwrap(), now);
    let again = bench.request();
    assert_eq!((again.header("X-RequestId"), &again.body[..]), (request.header("X-RequestId"), &b"first"[..]));
    bench.answer(&again, &Answer::ok(b""));
    assert!(matches!(bench.outcome_of(first), Outcome::Answered(_)));
    let request = bench.request();
    bench.answer(&request, &Answer::ok(b""));
    assert!(matches!(bench.outcome_of(second), Outcome::Answered(_)));
}

#[test]
fn r1207_what_was_sent_and_not_answered_is_reported_after_a_pause_in_mid_response() {
    for progress in 0..3 {
        let mut bench = Bench::connected(config());
        let first = bench.execute(b"first");
        let second = bench.execute(b"second");
        let request = bench.request();
        if progress > 0 {
            bench.head(&request, &Answer::ok(b""));
        }
        if progress > 1 {
            bench.body(&request, b"PROCESSING\r\nDONE\r\nX-Response");
        }
        let paused = bench.client.pause(bench.now, WALL).unwrap();
        assert_eq!(paused.in_flight()[0].fate, Fate::Unanswered);
        assert_eq!(paused.state(), ContextState::Reconnecting);
        let now = start();
        let mut bench = Bench::over(Client::resume(stored(paused), now, WALL).unwrap(), now);
        assert!(matches!(bench.outcome_of(first), Outcome::Unanswered { .. }));
        assert!(matches!(bench.outcome_of(second), Outcome::NotSent { body, .. } if body == "second"));
        let connect = bench.request();
        assert_eq!((connect.request_type(), &connect.body[..]), ("Connect", &b"connect body"[..]));
        assert_eq!(connect.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"));
        bench.answer(&connect, &Answer::connected());
        assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
        bench.quiet();
    }
}

/// One request lost takes others with it: each is named, once, with what became of it.
#[test]
fn what_a_lost_request_takes_with_it_is_named_too() {
    let mut bench = Bench::connected(config());
    let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    bench.request();
    let execute = bench.execute(b"rops");
    let lost = bench.request();
    let second = bench.execute(b"second");
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    let mut fates: Vec<_> = paused.in_flight().iter().map(|request| (request.handle, request.fate)).collect();
    fates.sort_by_key(|(handle, _)| *handle);
    assert_eq!(fates, [(wait, Fate::Unanswered), (execute, Fate::Unanswered), (second, Fate::NotSent)]);
    // The same where the loss was known, and not told, before the pause.
    let mut bench = Bench::connected(config());
    let execute = bench.execute(b"rops");
    assert_eq!(bench.request().request_type(), lost.request_type());
    let conn = bench.opened[0].0;
    bench.client.handle(bench.now, conn, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    assert_eq!(
        paused.in_flight().iter().map(|r| (r.handle, r.fate)).collect::<Vec<_>>(),
        [(execute, Fate::Unanswered)]
    );
}

/// What no request shows at once: X-ClientInfo's counter, the advice, Retry-After, the Connect body, an event not taken.
#[test]
fn what_was_known_is_known_afterwards() {
    let second = Duration::from_secs(1);
    let mut bench = Bench::connected(config());
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    bench.answer(&request, &Answer::ok(b""));
    bench.completion();
    bench.client.connect(bench.now, Bytes::from_static(b"the second")).unwrap();
    let connect = bench.request();
    bench.answer(&connect, &Answer::connected());
    bench.completion();
    let advice = bench.client.retry_advice();
    assert!(advice.is_some());
    bench.execute(b"rops");
    let request = bench.request();
    bench.answer(&request, &Answer::status(503).with("Retry-After", "60"));
    bench.completion();

    let mut bench = resumed(&mut bench, 20 * second);
    assert_eq!(bench.client.retry_advice(), advice);
    bench.execute(b"rops");
    assert!(bench.requests.is_empty(), "Retry-After has not passed");
    assert_eq!(bench.next_deadline(), 40 * second);
    let request = bench.request();
    let info = |request: &Received| request.header("X-ClientInfo").unwrap().parse::<GuidCounter>().unwrap();
    assert_eq!((info(&request), info(&request).counter), (info(&connect), 2));
    bench.unknown(request.conn);
    bench.completion();
    let again = bench.request();
    assert_eq!((again.request_type(), &again.body[..]), ("Connect", &b"the second"[..]));

    // Answered, and the event not taken before the pause.
    let answer = Answer::connected().with("X-RequestId", again.header("X-RequestId").unwrap());
    for event in [HttpEvent::Head(Head::Response(answer.head())), HttpEvent::Body(answer.body.clone()), HttpEvent::End]
    {
        bench.client.handle(bench.now, again.conn, event).unwrap();
    }
    let mut bench = resumed_untaken(&mut bench);
    assert!(bench.client.execute(bench.now, Bytes::new()).is_err(), "before ContextReplaced was taken");
    assert!(matches!(bench.event(), Event::ContextReplaced { .. }));
    bench.execute(b"rops");
    bench.request();
}

#[test]
fn what_was_answered_is_still_told() {
    let mut bench = Bench::connected(config());
    let handle = bench.client.execute(bench.now, Bytes::from_static(b"rops")).unwrap();
    let request = bench.request();
    let answer = Answer::ok(b"the answer").with("X-RequestId", request.header("X-RequestId").unwrap());
    for event in [
        HttpEvent::Head(Head::Response(answer.with("Set-Cookie", "MapiSequence=s2").head())),
        HttpEvent::Body(Answer::ok(b"the answer").body),
        HttpEvent::End,
    ] {
        bench.client.handle(bench.now, request.conn, event).unwrap();
    }
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    assert_eq!(paused.in_flight()[0].fate, Fate::Answered);
    let now = start();
    let mut bench = Bench::over(Client::resume(stored(paused), now, WALL).unwrap(), now);
    match bench.outcome_of(handle) {
        Outcome::Answered(response) => {
            assert_eq!(response.head.status(), 200);
            assert_eq!(response.header("X-ElapsedTime"), Some(&b"3"[..]));
            assert_eq!(response.body.into_bytes(), "the answer");
        }
        other => panic!("{other:?}"),
    }
    bench.execute(b"");
    assert_eq!(bench.request().header("Cookie"), Some("MapiContext=c1; MapiSequence=s2"));
}

#[test]
fn a_notification_wait_in_flight_does_not_cost_the_context() {
    let mut bench = Bench::connected(config());
    let wait = bench.client.notification_wait(bench.now, Bytes::new()).unwrap();
    bench.request();
    let mut bench = resumed(&mut bench, DAY);
    assert!(matches!(bench.outcome_of(wait), Outcome::Unanswered { .. }));
    assert_eq!(bench.client.state(), ContextState::Established);
}

#[test]
fn every_state_survives() {
    // None.
    let mut bench = Bench::new(config());
    let mut bench = resumed(&mut bench, DAY);
    assert_eq!(bench.client.state(), ContextState::None);
    // A first Connect, not taken by the driver.
    let handle = bench.client.connect(bench.now, Bytes::from_static(b"connect body")).unwrap();
    let mut bench = resumed(&mut bench, DAY);
    let connect = bench.request();
    bench.answer(&connect, &Answer::connected());
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    // Reconnecting, with the Connect sent: it goes out again, with the old cookies.
    bench.client.reconnect(bench.now).unwrap();
    let before = bench.request();
    let mut bench = resumed(&mut bench, DAY);
    assert_eq!(bench.client.state(), ContextState::Reconnecting);
    let connect = bench.request();
    assert_eq!(connect.header("Cookie"), before.header("Cookie"));
    bench.answer(&connect, &Answer::refused(11));
    assert!(matches!(bench.event(), Event::ContextLost { .. }));
    // Lost.
    let mut bench = resumed(&mut bench, DAY);
    assert_eq!(bench.client.state(), ContextState::Lost);
    bench.client.reconnect(bench.now).unwrap();
    let connect = bench.request();
    assert_eq!(connect.header("Cookie"), before.header("Cookie"));
    bench.answer(&connect, &Answer::connected());
    bench.event();
    // Disconnecting: not sent.
    let handle = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let mut bench = resumed(&mut bench, DAY);
    let disconnect = bench.request();
    bench.answer(&disconnect, &Answer::ok(b""));
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    // A redirect that waits for consent is asked for again.
    let handle = bench.client.connect(bench.now, Bytes::new()).unwrap();
    let connect = bench.request();
    let moved = Answer::status(302).with("Location", "https://other.test/");
    bench.answer(&connect, &moved);
    assert!(matches!(bench.event(), Event::Redirect { .. }));
    let mut bench = resumed(&mut bench, DAY);
    let connect = bench.request();
    bench.answer(&connect, &moved);
    let Event::Redirect { handle: redirect, .. } = bench.event() else { panic!() };
    bench.client.refuse_redirect(bench.now, redirect).unwrap();
    assert!(matches!(bench.outcome_of(handle), Outcome::Status { status: 302, .. }));
}

#[test]
fn cookies_expire_by_wall_time_and_wall_time_that_goes_back_is_no_time() {
    let mut bench = Bench::connected(config());
    bench.execute(b"");
    let request = bench.request();
    bench.answer(
        &request,
        &Answer::ok(b"")
            .with("Set-Cookie", "hour=1; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
            .with("Set-Cookie", "year=1; expires=Fri, 01-Jan-2027 00:00:00 GMT"),
    );
    bench.events.clear();
    for (away, cookies) in [
        (DAY / 48, "MapiContext=c1; MapiSequence=s1; hour=1; year=1"),
        (DAY / 12, "MapiContext=c1; MapiSequence=s1; year=1"),
        (400 * DAY, "MapiContext=c1; MapiSequence=s1"),
    ] {
        let paused = bench.client.pause(bench.now, WALL).unwrap();
        let now = start();
        bench = Bench::over(Client::resume(stored(paused), now, WALL.saturating_add(away)).unwrap(), now);
        bench.execute(b"");
        let request = bench.requests.pop().unwrap();
        assert_eq!(request.header("Cookie"), Some(cookies));
        bench.answer(&request, &Answer::ok(b""));
        bench.events.clear();
    }
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    let now = start();
    let client = Client::resume(paused, now, FileTime::from_intervals(0)).unwrap();
    assert_eq!(client.state(), ContextState::Established);
}

#[test]
fn secrets_stay_out_of_debug() {
    let mut bench = Bench::connected(config());
    bench.execute(b"a mail");
    let shown = format!("{:?}", bench.client);
    assert!(!shown.contains("=c1") && !shown.contains("a mail") && !shown.contains("connect body"), "{shown}");
    let paused = bench.client.pause(bench.now, WALL).unwrap();
    let shown = format!("{paused:?}");
    assert!(shown.contains("MapiContext") && shown.contains("version: 1"), "{shown}");
    assert!(!shown.contains("c1") && !shown.contains("a mail"), "{shown}");
}

#[cfg(feature = "serde")]
#[test]
fn another_version_is_refused_with_advice() {
    let mut bench = Bench::connected(config());
    let text = serde_json::to_string(&bench.client.pause(bench.now, WALL).unwrap()).unwrap();
    let other: Paused = serde_json::from_str(&text.replace("\"version\":1", "\"version\":2")).unwrap();
    assert_eq!(other.version(), 2);
    assert!(matches!(Client::resume(other, start(), WALL), Err(oxwire_core::Error::Misuse(_))));
}
