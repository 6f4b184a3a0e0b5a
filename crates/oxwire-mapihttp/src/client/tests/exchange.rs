//! One exchange after another, nothing going wrong: order, bodies, limits, the end.

use bytes::Bytes;
use oxwire_core::Error;
use oxwire_http::{HttpEvent, HttpTransmit};

use super::{Answer, Bench, config};
use crate::client::{ClientLimits, ContextState, Outcome};

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
