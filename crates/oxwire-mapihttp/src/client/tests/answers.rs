//! Answers: which code counts, whose answer it is, and what real servers send.

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error};
use oxwire_http::{Head, HttpEvent};
use oxwire_mapi::mapihttp::ResponseCode;

use super::{Answer, Bench, config};
use crate::client::{ClientLimits, ContextState, Outcome};

#[test]
fn r134_r1306_a_refusal_carries_the_servers_text() {
    let limits = ClientLimits { diagnostics_bytes: 10, ..ClientLimits::default() };
    let mut bench = Bench::connected(config().with_limits(limits));
    for code in [1, 5, 11, 12, 15, 18, 99] {
        let handle = bench.execute(b"");
        let request = bench.request();
        bench.answer(&request, &Answer::refused(code));
        match bench.outcome_of(handle) {
            Outcome::Refused { code: found, response } => {
                assert_eq!(found.number(), code);
                assert_eq!(response.body.into_bytes(), "<html>why<", "cut at the limit");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.client.state(), ContextState::Established);
    }
}

#[test]
fn r150_code_14_is_ignored() {
    let mut bench = Bench::connected(config());
    let mut reserved = Answer::ok(b"body");
    reserved.headers[0].1 = "14".to_owned();
    for answer in
        [reserved, Answer { body: Bytes::from_static(b"DONE\r\nX-ResponseCode: 14\r\n\r\nbody"), ..Answer::ok(b"") }]
    {
        let handle = bench.execute(b"");
        let request = bench.request();
        bench.answer(&request, &answer);
        match bench.outcome_of(handle) {
            Outcome::Answered(response) => assert_eq!(response.body.into_bytes(), "body"),
            other => panic!("{other:?}"),
        }
    }
}

/// Ignored, it says nothing about a body that is no MAPI/HTTP.
#[test]
fn r150_code_14_with_diagnostic_text() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    bench.answer(&request, &Answer::refused(14));
    assert!(matches!(bench.outcome_of(handle), Outcome::Status { status: 200, .. }));
}

#[test]
fn the_code_behind_done_overrides_the_one_in_the_head() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    let body = b"PROCESSING\r\nPENDING\r\nDONE\r\nX-ResponseCode: 12\r\nContent-Type: text/html\r\n\r\nbad body";
    bench.answer(&request, &Answer { body: Bytes::from_static(body), ..Answer::ok(b"") });
    match bench.outcome_of(handle) {
        Outcome::Refused { code, response } => {
            assert_eq!(code, ResponseCode::INVALID_REQUEST_BODY);
            assert_eq!(response.body.into_bytes(), "bad body");
        }
        other => panic!("{other:?}"),
    }
}

/// The request was answered, and not with success: no context is given up for it, and the text stays to be read.
#[test]
fn an_unreadable_code_behind_done_is_an_unknown_failure() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    let body = b"PROCESSING\r\nDONE\r\nX-ResponseCode: none\r\n\r\ntext";
    bench.answer(&request, &Answer { body: Bytes::from_static(body), ..Answer::ok(b"") });
    match bench.outcome_of(handle) {
        Outcome::Refused { code, response } => {
            assert_eq!(code, ResponseCode::UNKNOWN_FAILURE);
            assert_eq!(response.header("X-ResponseCode"), Some(&b"none"[..]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.client.state(), ContextState::Established);
}

/// Exchange SE without `?MailboxId=`: a 200 without X-ResponseCode.
#[test]
fn a_200_without_a_code_is_not_mapi_http() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    bench.answer(&request, &Answer::status(200));
    match bench.outcome_of(handle) {
        Outcome::Status { status: 200, response, .. } => assert_eq!(response.body.into_bytes(), "<html>status</html>"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn responses_that_nobody_asked_for() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"1");
    let request = bench.request();
    bench.answer(&request, &Answer::ok(b""));
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    // A second answer on the idle connection ends it.
    let again = HttpEvent::Head(Head::Response(Answer::ok(b"").head()));
    assert!(matches!(bench.feed(request.conn, again.clone()), Err(Error::Peer(_))));
    assert_eq!(bench.aborted, [request.conn]);
    // A late one on a connection that is gone is passed over.
    assert_eq!(bench.feed(request.conn, again), Ok(()));
    assert_eq!(bench.feed(ConnectionId::new(77), HttpEvent::End), Ok(()));
    bench.quiet();
    assert_eq!(bench.client.state(), ContextState::Established);
}

/// The answer to another request: the connection mixes things up.
#[test]
fn an_answer_with_another_request_id_is_not_ours() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"1");
    let request = bench.request();
    let answer = Answer::ok(b"").with("X-RequestId", "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1");
    let head = HttpEvent::Head(Head::Response(answer.with("Set-Cookie", "MapiContext=evil").head()));
    assert!(matches!(bench.feed(request.conn, head), Err(Error::Peer(_))));
    assert!(matches!(bench.outcome_of(handle), Outcome::Unanswered { .. }));
    let reconnect = bench.request();
    assert_eq!(reconnect.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"));
}

/// A whole response head as Exchange SE writes it: names in lower case, headers of its own, an X-RequestId without braces.
#[test]
fn exchange_se_response() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    let request = bench.request();
    let id = request.header("X-RequestId").unwrap().replace(['{', '}'], "").to_lowercase();
    let mut answer = Answer {
        status: 200,
        headers: Vec::new(),
        body: Bytes::from_static(
            b"PROCESSING\r\nPENDING\r\nDONE\r\nX-ElapsedTime: 12\r\nX-StartTime: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nbody",
        ),
    };
    for (name, value) in [
        ("cache-control", "private"),
        ("transfer-encoding", "chunked"),
        ("content-type", "application/mapi-http"),
        ("set-cookie", "MapiContext=c2; path=/mapi/emsmdb; secure; HttpOnly"),
        ("set-cookie", "X-BackEndCookie=b; expires=Sat, 31-Jan-2026 00:00:00 GMT; path=/mapi; secure; HttpOnly"),
        ("server", "Microsoft-IIS/10.0"),
        ("x-calculatedbetarget", "mail.test"),
        ("x-serverapplication", "Exchange/15.02.2562.017"),
        ("x-requesttype", "Execute"),
        ("x-tunnelexpirationtime", "1800000"),
        ("x-pendingperiod", "30000"),
        ("x-expirationinfo", "900000"),
        ("x-responsecode", "0"),
        ("x-diaginfo", "MAIL"),
        ("x-beserver", "MAIL"),
        ("x-feserver", "MAIL"),
    ] {
        answer = answer.with(name, value);
    }
    bench.answer(&request, &answer.with("X-RequestId", &id));
    match bench.outcome_of(handle) {
        Outcome::Answered(response) => {
            assert_eq!(response.header("X-FEServer"), Some(&b"MAIL"[..]));
            assert_eq!(response.number("X-ElapsedTime"), Some(12));
            assert_eq!(response.body.into_bytes(), "body");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.next_deadline(), std::time::Duration::from_secs(870));
    assert_eq!(bench.request().header("Cookie"), Some("MapiSequence=s1; MapiContext=c2; X-BackEndCookie=b"));
}

/// gromox: request types in lower case, a chunk `PENDING` without CRLF, a second PROCESSING before DONE.
#[test]
fn gromox_response() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"rops");
    let request = bench.request();
    let body = b"PROCESSING\r\nPENDINGPROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 3\r\n\r\nbody";
    let answer = Answer { body: Bytes::from_static(body), ..Answer::ok(b"") };
    bench.answer(&request, &answer.with("X-RequestType", "execute"));
    assert!(
        matches!(bench.outcome_of(handle), Outcome::Answered(response) if response.body.clone().into_bytes() == "body")
    );
}
