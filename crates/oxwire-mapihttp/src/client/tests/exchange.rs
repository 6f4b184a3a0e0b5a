//! One exchange after another, nothing going wrong: headers, cookies, order.

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Guid};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Scheme, Version};
use oxwire_mapi::mapihttp::ResponseCode;

use super::{Answer, Bench, Received, URL, WALL, config, entropy, start};
use crate::GuidCounter;
use crate::client::{Client, ClientLimits, Config, ContextState, Outcome};

#[test]
fn r181_r226_r304_r1166_connect_execute_disconnect() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.client.state(), ContextState::None);
    let connect = bench.client.connect(bench.now, Bytes::from_static(b"hello")).unwrap();
    let request = bench.request();
    assert_eq!(bench.opened.len(), 1);
    assert_eq!(bench.opened[0].1.to_string(), "https://mail.test");
    assert_eq!((request.request_type(), &request.body[..]), ("Connect", &b"hello"[..]));
    bench.answer(&request, &Answer::connected());
    assert!(matches!(bench.outcome_of(connect), Outcome::Answered(_)));
    assert_eq!(bench.client.state(), ContextState::Established);

    let execute = bench.execute(b"rops");
    let request = bench.request();
    assert_eq!((request.request_type(), &request.body[..]), ("Execute", &b"rops"[..]));
    bench.answer(&request, &Answer::ok(b"answer"));
    match bench.outcome_of(execute) {
        Outcome::Answered(response) => {
            assert_eq!(response.header("x-elapsedtime"), Some(&b"3"[..]));
            assert_eq!(response.body.into_bytes(), "answer");
        }
        other => panic!("{other:?}"),
    }

    let disconnect = bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!((request.request_type(), request.header("Content-Length")), ("Disconnect", Some("0")));
    bench.answer(&request, &Answer::ok(&[0; 12]));
    assert!(matches!(bench.outcome_of(disconnect), Outcome::Answered(_)));
    assert_eq!(bench.client.state(), ContextState::None);
    assert_eq!((bench.opened.len(), bench.closed.len()), (1, 1), "one connection carried all");
    assert_eq!(bench.client.poll_timeout(), None);
    // Nothing of it is left: the next context begins without its cookies.
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    assert_eq!(bench.request().header("Cookie"), None);
}

/// Every header of every request type, against [MS-OXCMAPIHTTP] 2.2.2.1 and 2.2.3.
#[test]
fn r2_r3_r27_r37_r38_r39_r59_r61_r67_r2039_r2045_r161_r162_r180_r456_request_headers() {
    let mut bench = Bench::new(config().with_user_agent("agent/1"));
    bench.client.connect(bench.now, Bytes::from_static(b"connect")).unwrap();
    let mut seen = vec![bench.request()];
    bench.answer(&seen[0], &Answer::connected());
    bench.execute(b"rops");
    seen.push(bench.request());
    bench.answer(&seen[1], &Answer::ok(b""));
    bench.client.notification_wait(bench.now, Bytes::from_static(b"wait")).unwrap();
    seen.push(bench.request());
    bench.client.ping(bench.now).unwrap();
    seen.push(bench.request());
    bench.answer(&seen[3], &Answer::ok(b""));
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    seen.push(bench.request());
    let types: Vec<&str> = seen.iter().map(Received::request_type).collect();
    assert_eq!(types, ["Connect", "Execute", "NotificationWait", "PING", "Disconnect"]);
    assert!(bench.opened.iter().all(|(_, origin)| origin.scheme == Scheme::Https));
    for request in &seen {
        assert_eq!(request.head.method(), "POST");
        assert_eq!(request.head.version(), Version::Http11);
        // The body follows a blank line.
        assert!(request.head.as_bytes().ends_with(b"\r\n\r\n"));
        // The URL as Autodiscover gave it, its query included.
        assert_eq!(request.head.target(), "/mapi/emsmdb/?MailboxId=6e07fc3a@mail.test");
        assert_eq!(request.header("Host"), Some("mail.test"));
        assert_eq!(request.header("Content-Type"), Some("application/mapi-http"));
        assert_eq!(request.header("Content-Length"), Some(request.body.len().to_string().as_str()));
        assert_eq!(request.header("Accept"), Some("application/mapi-http"));
        assert_eq!(request.header("User-Agent"), Some("agent/1"));
        let application = request.header("X-ClientApplication").unwrap();
        let version: Vec<&str> = application.strip_prefix("Outlook/").unwrap().split('.').collect();
        assert_eq!((version[0], version.len()), ("15", 4), "Outlook/15.xx.xxxx.xxxx");
        assert!(request.header("X-RequestId").unwrap().parse::<GuidCounter>().is_ok());
        assert!(request.header("X-ClientInfo").unwrap().parse::<GuidCounter>().is_ok());
        for name in ["Transfer-Encoding", "X-DeviceInfo", "Authorization", "Expect"] {
            assert_eq!(request.header(name), None, "{name}");
        }
        let names: Vec<&str> = request.head.fields().iter().map(|(name, _)| name).collect();
        let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), unique.len(), "each header once: {names:?}");
    }
}

#[test]
fn r59_host_names_a_port_that_is_not_the_schemes_own() {
    let mut bench = Bench::new(Config::new("https://[::1]:8443/mapi/emsmdb/", &mut entropy(1)));
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!(request.header("Host"), Some("[::1]:8443"));
    assert_eq!(bench.opened[0].1.port, 8443);
}

fn id_of(request: &Received) -> GuidCounter {
    request.header("X-RequestId").unwrap().parse().unwrap()
}

fn info_of(request: &Received) -> GuidCounter {
    request.header("X-ClientInfo").unwrap().parse().unwrap()
}

/// One GUID a Session Context, one counter for all of them; X-ClientInfo one GUID a client instance, its counter one a
/// context that is established and the same for one that is re-established.
#[test]
fn r130_r131_r1305_r1330_r1432_r1464_r155_r2041_r2042_r2043_r2044_identifiers() {
    let mut bench = Bench::new(config());
    let mut ids = Vec::new();
    let mut infos = Vec::new();
    for _ in 0..2 {
        bench.client.connect(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::connected());
        bench.execute(b"");
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::ok(b""));
        bench.client.reconnect(bench.now).unwrap();
        let request = bench.request();
        assert_eq!(request.request_type(), "Connect");
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::connected());
        bench.client.disconnect(bench.now, Bytes::new()).unwrap();
        let request = bench.request();
        ids.push(id_of(&request));
        infos.push(info_of(&request));
        bench.answer(&request, &Answer::ok(b""));
    }
    assert!(ids.is_sorted_by(|a, b| a.counter < b.counter), "{ids:?}");
    let guids: Vec<Guid> = ids.iter().map(|id| id.guid).collect();
    assert_eq!((guids[0], guids[2], guids[4], guids[6]), (guids[1], guids[3], guids[5], guids[7]));
    let unique: std::collections::BTreeSet<Guid> = guids.iter().copied().collect();
    assert_eq!(unique.len(), 4, "{guids:?}");
    assert!(infos.iter().all(|info| info.guid == infos[0].guid));
    let counters: Vec<u64> = infos.iter().map(|info| info.counter).collect();
    assert_eq!(counters, [1, 1, 1, 1, 2, 2, 2, 2]);
    // Another client has other GUIDs, unless it is told that it belongs to the same instance.
    let other = Config::new(URL, &mut entropy(8));
    assert_ne!(other.client_instance, config().client_instance);
    assert_ne!(other.request_guid, config().request_guid);
    let same = other.with_client_instance(config().client_instance, 100);
    assert_eq!((same.client_instance, same.client_info_counter), (config().client_instance, 100));
}

/// Exchange SE on Connect: four cookies in four lines; all come back in one.
#[test]
fn r70_r71_r72_r73_r1140_r1148_r1149_r1150_r1151_r1154_r1155_r1212_exchange_se_cookies() {
    let mut bench = Bench::new(config());
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!(request.header("Cookie"), None, "never an empty one");
    bench.answer(
        &request,
        &Answer::connected()
            .with("Set-Cookie", "MapiRouting=r1; path=/mapi/; secure; HttpOnly")
            .with(
                "set-cookie",
                "X-BackEndCookie=b1; expires=Sun, 01-Feb-2026 00:00:00 GMT; path=/mapi; secure; HttpOnly",
            )
            .with("Set-Cookie", "cadata=; expires=Mon, 01-Jan-1990 00:00:00 GMT"),
    );
    bench.execute(b"");
    let request = bench.request();
    let cookies = "MapiContext=c1; MapiSequence=s1; MapiRouting=r1; X-BackEndCookie=b1";
    assert_eq!(request.header("Cookie"), Some(cookies));
    assert_eq!(request.head.fields().all("Cookie").count(), 1);
    // Renewed on any response; of a repeated name the last one wins; an emptied one goes.
    bench.answer(
        &request,
        &Answer::ok(b"")
            .with("Set-Cookie", "MapiSequence=s2; path=/mapi/emsmdb")
            .with("Set-Cookie", "X-BackEndCookie=b2; path=/")
            .with("Set-Cookie", "X-BackEndCookie=b3; path=/mapi")
            .with("Set-Cookie", "MapiRouting="),
    );
    bench.execute(b"");
    let request = bench.request();
    assert_eq!(request.header("Cookie"), Some("MapiContext=c1; MapiSequence=s2; X-BackEndCookie=b3"));
}

/// gromox: `sid` and `sequence` without attributes, `sequence` new at every Execute.
#[test]
fn r1150_gromox_cookies_without_attributes() {
    let mut bench = Bench::new(config());
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    let answer = Answer::ok(&[0; 31]).with("Set-Cookie", "sid=abc").with("Set-Cookie", "sequence=1");
    bench.answer(&request, &answer);
    for sequence in 1..4 {
        bench.execute(b"");
        let request = bench.request();
        assert_eq!(request.header("Cookie"), Some(format!("sid=abc; sequence={sequence}").as_str()));
        bench.answer(&request, &Answer::ok(b"").with("Set-Cookie", &format!("sequence={}", sequence + 1)));
    }
}

#[test]
fn r1167_r1160_every_later_request_carries_the_cookies() {
    let mut bench = Bench::connected(config());
    bench.client.ping(bench.now).unwrap();
    let ping = bench.request();
    assert_eq!(ping.header("Cookie"), Some("MapiContext=c1; MapiSequence=s1"));
    bench.answer(&ping, &Answer::ok(b"").with("Set-Cookie", "MapiSequence=s2; path=/mapi/emsmdb"));
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    assert_eq!(bench.request().header("Cookie"), Some("MapiContext=c1; MapiSequence=s2"));
}

#[test]
fn r1142_r1153_nothing_goes_out_before_there_is_a_context() {
    let mut bench = Bench::new(config());
    for result in [
        bench.client.execute(bench.now, Bytes::from_static(b"mine")),
        bench.client.notification_wait(bench.now, Bytes::from_static(b"mine")),
        bench.client.disconnect(bench.now, Bytes::from_static(b"mine")),
    ] {
        let rejected = result.unwrap_err();
        assert_eq!(rejected.body, "mine", "the body comes back");
        assert!(matches!(*rejected.error, Error::Misuse(_)), "{rejected}");
    }
    bench.client.connect(bench.now, Bytes::new()).unwrap();
    assert!(bench.client.execute(bench.now, Bytes::new()).is_err());
    assert!(bench.client.connect(bench.now, Bytes::new()).is_err());
    bench.request();
    bench.quiet();
}

#[test]
fn r1143_r1145_r1152_r1164_r1165_bodies_go_out_as_they_are() {
    let mut bench = Bench::new(config());
    bench.client.connect(bench.now, Bytes::from_static(b"connect request body")).unwrap();
    let request = bench.request();
    assert_eq!(request.body, "connect request body");
    assert!(request.header("X-ClientInfo").is_some());
    bench.answer(&request, &Answer::connected());
    bench.execute(b"execute request body");
    let request = bench.request();
    assert_eq!((request.request_type(), &request.body[..]), ("Execute", &b"execute request body"[..]));
    bench.answer(&request, &Answer::ok(b""));
    bench.client.disconnect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    assert_eq!((request.request_type(), request.body.len()), ("Disconnect", 0));
}

/// A body that one request sends is not copied on its way out.
#[test]
fn bodies_are_not_copied() {
    let mut bench = Bench::connected(config());
    let body = Bytes::from(vec![7; 1000]);
    bench.client.execute(bench.now, body.clone()).unwrap();
    let mut found = false;
    while let Some(transmit) = bench.client.poll_transmit(bench.now) {
        if let HttpTransmit::Event { event: HttpEvent::Body(piece), .. } = transmit {
            found = piece.as_ptr() == body.as_ptr();
        }
    }
    assert!(found);
}

#[test]
fn one_request_at_a_time_and_a_queue_with_limits() {
    let limits = ClientLimits { queue_requests: 3, queue_bytes: 10, ..ClientLimits::default() };
    let mut bench = Bench::connected(config().with_limits(limits));
    bench.execute(b"0");
    let first = bench.request();
    bench.execute(b"1234");
    bench.execute(b"5");
    let rejected = bench.client.execute(bench.now, Bytes::from_static(b"123456")).unwrap_err();
    assert_eq!(rejected.body, "123456");
    bench.execute(b"6");
    assert!(bench.client.ping(bench.now).is_err(), "three wait");
    bench.quiet();
    bench.answer(&first, &Answer::ok(b""));
    let second = bench.request();
    assert_eq!(second.body, "1234", "in their order");
    assert_eq!(second.conn, first.conn, "on the same connection");
    assert!(bench.client.execute(bench.now, Bytes::from_static(b"7")).is_ok());
}

#[test]
fn r2047_r2048_r2049_r2051_r2052_r2054_r2238_device_info_is_discarded() {
    let mut bench = Bench::connected(config());
    let handle = bench.execute(b"");
    let request = bench.request();
    assert_eq!(request.header("X-DeviceInfo"), None);
    bench.answer(&request, &Answer::ok(b"x").with("X-DeviceInfo", "proxy 7"));
    match bench.outcome_of(handle) {
        Outcome::Answered(response) => assert_eq!(response.header("X-DeviceInfo"), None),
        other => panic!("{other:?}"),
    }
    bench.execute(b"");
    assert_eq!(bench.request().header("X-DeviceInfo"), None);
}

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
fn a_connect_that_the_mailbox_refuses_makes_no_context() {
    let mut bench = Bench::new(config());
    let handle = bench.client.connect(bench.now, Bytes::new()).unwrap();
    let request = bench.request();
    // StatusCode 0, ErrorCode ecUnknownUser 0x000003EB ([MS-OXCDATA] 2.4).
    bench.answer(&request, &Answer::ok(&[0, 0, 0, 0, 0xEB, 3, 0, 0]).with("Set-Cookie", "MapiContext=c"));
    assert!(matches!(bench.outcome_of(handle), Outcome::Answered(_)));
    assert_eq!(bench.client.state(), ContextState::None);
    assert!(bench.client.execute(bench.now, Bytes::new()).is_err());
    assert!(bench.client.connect(bench.now, Bytes::new()).is_ok());
}

#[test]
fn connections_that_the_server_closes_are_not_used_again() {
    let mut bench = Bench::connected(config());
    bench.execute(b"1");
    let first = bench.request();
    bench.answer(&first, &Answer::ok(b"").with("Connection", "close"));
    assert_eq!(bench.closed, [first.conn]);
    bench.execute(b"2");
    let second = bench.request();
    assert_ne!(second.conn, first.conn);
    bench.answer(&second, &Answer::ok(b""));
    // While idle, without a word: nothing is lost.
    bench.unknown(second.conn);
    bench.events.clear();
    bench.quiet();
    bench.execute(b"3");
    let third = bench.request();
    assert_ne!(third.conn, second.conn);
    assert_eq!(third.header("Cookie"), second.header("Cookie"), "in the same context");
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

#[test]
fn r1184_r1187_r1189_r1174_any_chunking_gives_the_same_events() {
    let answer = Answer {
        body: Bytes::from_static(
            b"PROCESSING\r\nPENDING\r\nPENDING\r\nDONE\r\nX-ResponseCode: 0\r\nX-StartTime: x\r\n\r\nbody\0",
        ),
        ..Answer::ok(b"")
    };
    for size in 1..=answer.body.len() {
        let mut bench = Bench::connected(config());
        let handle = bench.execute(b"1");
        let request = bench.request();
        bench.head(&request, &answer);
        for piece in answer.body.chunks(size) {
            bench.body(&request, piece);
        }
        bench.end(&request);
        match bench.outcome_of(handle) {
            Outcome::Answered(response) => {
                assert_eq!(response.additional.len(), 2);
                assert_eq!(response.body.into_bytes(), &b"body\0"[..]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn configured_texts_are_checked_before_anything_goes_out() {
    let now = start();
    for config in [
        Config::new("mail.test/mapi", &mut entropy(1)),
        config().with_user_agent("a\r\nCookie: x"),
        config().with_client_application("a\nb"),
    ] {
        assert!(matches!(Client::new(config, now, WALL), Err(Error::Misuse(_))));
    }
}

#[test]
fn after_the_end_everything_repeats_the_reason() {
    let mut bench = Bench::connected(config());
    let first = bench.execute(b"1");
    let second = bench.execute(b"2");
    let request = bench.request();
    bench.client.close(bench.now, "done with it");
    assert!(matches!(bench.outcome_of(first), Outcome::Unanswered { .. }));
    assert!(matches!(bench.outcome_of(second), Outcome::NotSent { body, .. } if body == "2"));
    assert_eq!(bench.aborted, [request.conn]);
    assert_eq!((bench.client.state(), bench.client.poll_timeout()), (ContextState::Closed, None));
    for _ in 0..2 {
        let rejected = bench.client.execute(bench.now, Bytes::from_static(b"3")).unwrap_err();
        assert!(matches!(&*rejected.error, Error::Closed(closed) if &*closed.reason == "done with it"));
        assert!(matches!(bench.feed(request.conn, HttpEvent::End), Err(Error::Closed(_))));
        assert!(matches!(bench.client.reconnect(bench.now), Err(Error::Closed(_))));
    }
    bench.quiet();
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

#[test]
fn typed_verbs_send_what_the_codecs_write() {
    use oxwire_core::{Limits, decode_all};
    use oxwire_mapi::mapihttp::{
        ConnectFlags, ConnectRequest, DisconnectRequest, ExecuteFlags, ExecuteRequest, NotificationWaitRequest,
    };
    let mut bench = Bench::new(config());
    let connect = ConnectRequest {
        user_dn: b"/o=oxwire/cn=alice",
        flags: ConnectFlags::default(),
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        auxiliary_buffer: &[],
    };
    bench.client.connect_with(bench.now, &connect).unwrap();
    let request = bench.request();
    assert_eq!(decode_all::<ConnectRequest<'_>>(&request.body, &Limits::DEFAULT), Ok(connect));
    bench.answer(&request, &Answer::connected());
    let execute =
        ExecuteRequest { flags: ExecuteFlags::default(), rop_buffer: b"rops", max_rop_out: 9, auxiliary_buffer: &[] };
    bench.client.execute_with(bench.now, &execute).unwrap();
    let request = bench.request();
    assert_eq!(decode_all::<ExecuteRequest<'_>>(&request.body, &Limits::DEFAULT), Ok(execute));
    bench.answer(&request, &Answer::ok(b""));
    let wait = NotificationWaitRequest { auxiliary_buffer: &[] };
    bench.client.notification_wait_with(bench.now, &wait).unwrap();
    // Reserved (4 bytes) and AuxiliaryBufferSize.
    assert_eq!(bench.request().body, &[0; 8][..]);
    let disconnect = DisconnectRequest { auxiliary_buffer: &[] };
    bench.client.disconnect_with(bench.now, &disconnect).unwrap();
    assert_eq!(bench.request().body, &[0; 4][..]);
}
