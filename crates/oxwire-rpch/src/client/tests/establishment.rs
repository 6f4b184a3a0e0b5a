//! Connection establishment and the end of a virtual connection: [MS-RPCH] 3.2.2.4.1, 3.2.2.5.2 to 3.2.2.5.4, 3.2.2.5.11.

use super::*;
use crate::client::{CloseReason, ProxyUse, Route};
use crate::fault::RefusedReason;
use crate::http::{ChannelKind, ChannelRequest, echo_response};
use crate::rts::other::Ping;

#[test]
fn both_requests_then_a1_and_b1() {
    let mut bench = Bench::new(config());
    bench.connect();
    assert_eq!(bench.client.state_name().0, "Out Channel Wait");
    let (inward, out) = (bench.inward(), bench.out());
    let request = |conn| ChannelRequest::parse(bench.conns[&conn].head.as_ref().unwrap()).unwrap();
    assert!(matches!(request(inward), ChannelRequest::In { length: 0x4000_0000, .. }));
    assert!(matches!(request(out), ChannelRequest::Out { replacement: false, .. }));
    let (a1, b1): (ConnA1, ConnB1) = (bench.sent(out, 0), bench.sent(inward, 0));
    assert_eq!(a1.virtual_connection_cookie, b1.virtual_connection_cookie);
    assert_ne!(a1.out_channel_cookie, b1.in_channel_cookie);
    assert_eq!(a1.receive_window_size.0, 65_536);
    assert_eq!((b1.channel_lifetime.0, b1.client_keepalive.0), (0x4000_0000, 300_000));
    // CONN/A1 is the whole body of its request: 76 bytes.
    assert!(bench.conns[&out].ended && bench.conns[&out].bytes == 76);
    assert!(!bench.conns[&inward].ended);
}

#[test]
fn response_a3_c2_and_opened() {
    let mut bench = Bench::new(config());
    bench.connect();
    let out = bench.out();
    let refused = bench.client.send_pdu(bench.now, rpc(1, 100)).unwrap_err();
    assert_eq!((refused.reason, refused.pdu.into_bytes()), (RefusedReason::NotOpened, rpc(1, 100)));
    bench.head(out, success()).unwrap();
    assert_eq!(bench.client.state_name().0, "Wait_A3W");
    bench.pdu(out, &ConnA3 { connection_timeout: ConnectionTimeout(120_000) }).unwrap();
    assert_eq!(bench.client.state_name().0, "Wait_C2");
    assert!(bench.events.is_empty());
    bench.pdu(out, &c2(16_384)).unwrap();
    assert_eq!(bench.client.state_name(), ("opened", "opened"));
    let opened = Event::Opened { peer_receive_window: 16_384, connection_timeout: Duration::from_secs(120) };
    assert_eq!(bench.events, [opened]);
}

#[test]
fn any_chunking_of_the_out_channel_gives_the_same_events() {
    let stream = [
        wire(&ConnA3 { connection_timeout: ConnectionTimeout(120_000) }),
        wire(&c2(WINDOW)),
        rpc(1, 100),
        wire(&Ping {}),
        rpc(2, 16),
    ]
    .concat();
    for size in 1..=stream.len() {
        let mut bench = Bench::new(config());
        bench.connect();
        let out = bench.out();
        bench.head(out, success()).unwrap();
        for piece in stream.chunks(size) {
            bench.bytes(out, Bytes::copy_from_slice(piece)).unwrap();
        }
        assert_eq!(bench.received, [rpc(1, 100), rpc(2, 16)], "pieces of {size}");
        assert_eq!(bench.events.len(), 1);
    }
}

#[test]
fn an_opening_that_is_not_answered_ends() {
    let mut bench = Bench::new(config());
    bench.connect();
    bench.wait(Duration::from_secs(119)).unwrap();
    let error = bench.wait(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(error.contains("Out Channel Wait") && error.contains("3.2.2.5.2"), "{error}");
    assert!(matches!(bench.closed(), Some((CloseReason::Peer(_), [], 0))));
    assert!(bench.all_closed());
    assert!(matches!(bench.client.connect(bench.now), Err(Error::Closed(_))));
}

/// Wait_C2 may be long: the channel is kept from looking idle.
#[test]
fn pings_from_a3_on() {
    let mut bench = Bench::new(config().with_setup_timeout(Duration::from_secs(900)));
    bench.connect();
    let (inward, out) = (bench.inward(), bench.out());
    bench.head(out, success()).unwrap();
    bench.pdu(out, &ConnA3 { connection_timeout: ConnectionTimeout(120_000) }).unwrap();
    bench.wait(Duration::from_secs(60)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(inward), Ping {});
    bench.pdu(out, &c2(WINDOW)).unwrap();
    assert_eq!(bench.client.state_name().0, "opened");
}

/// Authentication holds a channel's request back and has it sent on another connection: nothing has reached the proxy, so the
/// virtual connection begins anew, with cookies of its own.
#[test]
fn a_request_that_was_not_sent_goes_out_again() {
    let mut bench = Bench::new(config());
    bench.connect();
    let (inward, out) = (bench.inward(), bench.out());
    let first: ConnB1 = bench.sent(inward, 0);
    bench.reset(inward, Reset::not_sent("authentication goes on on another connection")).unwrap();
    assert!(bench.conns[&out].closed);
    assert_ne!((bench.inward(), bench.out()), (inward, out));
    let second: ConnB1 = bench.sent(bench.inward(), 0);
    assert_ne!(first.virtual_connection_cookie, second.virtual_connection_cookie);
    bench.reset(out, Reset::unknown("crossed the abort")).unwrap();
    bench.establish(WINDOW);
    assert_eq!(bench.client.state_name().0, "opened");
}

#[test]
fn it_does_not_go_out_again_for_ever() {
    let mut bench = Bench::new(config());
    bench.connect();
    for _ in 0..4 {
        let out = bench.out();
        bench.reset(out, Reset::not_sent("connection refused")).unwrap();
        assert!(bench.closed().is_none());
    }
    let out = bench.out();
    bench.reset(out, Reset::not_sent("connection refused")).unwrap();
    assert!(matches!(bench.closed(), Some((CloseReason::Transport { channel: ChannelKind::Out, .. }, [], 0))));
}

#[test]
fn a_lost_connection_gives_back_what_was_not_sent() {
    for which in 0..2 {
        let mut bench = Bench::opened(config());
        bench.send(rpc(1, 60_000));
        bench.send(rpc(2, 6_000));
        bench.send(rpc(3, 100));
        let conn = if which == 0 { bench.inward() } else { bench.out() };
        bench.reset(conn, Reset::unknown("connection reset by peer")).unwrap();
        let (reason, unsent, sent) = bench.closed().unwrap();
        assert!(matches!(reason, CloseReason::Transport { .. }));
        // The second does not fit the window any more, and order is kept.
        assert_eq!((unsent, sent), (&[rpc(2, 6_000), rpc(3, 100)][..], 1));
        assert!(bench.conns.iter().all(|(other, sent)| sent.closed || *other == conn));
        let refused = bench.client.send_pdu(bench.now, rpc(4, 16)).unwrap_err();
        assert_eq!((refused.reason, refused.pdu.into_bytes()), (RefusedReason::Closed, rpc(4, 16)));
        assert!(bench.client.consume(bench.now, 100).is_ok() && bench.client.poll_timeout().is_none());
    }
}

/// What `poll_transmit` has not handed out was not sent, whatever the window allows.
#[test]
fn what_was_not_handed_out_comes_back() {
    let mut bench = Bench::opened(config());
    bench.client.send_pdu(bench.now, rpc(1, 100)).unwrap();
    bench.client.close(bench.now);
    bench.pump();
    assert_eq!(bench.closed(), Some((&CloseReason::ByCaller, &[rpc(1, 100)][..], 0)));
    assert!(bench.all_closed());
    bench.client.close(bench.now);
    bench.pump();
    assert_eq!(bench.events.len(), 2, "closed is told once");
}

#[test]
fn the_end_of_the_out_channel_is_that_of_the_virtual_connection() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    bench.event(out, HttpEvent::End).unwrap();
    assert!(matches!(bench.closed(), Some((CloseReason::Transport { channel: ChannelKind::Out, .. }, [], 0))));
}

fn echo(bench: &mut Bench, conn: ConnectionId) {
    let (head, body) = echo_response().unwrap();
    bench.head(conn, head).unwrap();
    for byte in body {
        bench.bytes(conn, vec![byte]).unwrap();
    }
    bench.event(conn, HttpEvent::End).unwrap();
}

fn determining() -> (Bench, ConnectionId, ConnectionId) {
    let mut bench = Bench::new(config().with_proxy_use(ProxyUse::Determine));
    bench.connect();
    assert_eq!(bench.client.state_name().0, "Wait");
    let by = |route| *bench.order.iter().find(|conn| bench.client.route(**conn) == route).unwrap();
    let (direct, indirect) = (by(Route::Direct), by(Route::HttpProxy));
    for conn in [direct, indirect] {
        let parsed = ChannelRequest::parse(bench.conns[&conn].head.as_ref().unwrap());
        assert_eq!(parsed, Ok(ChannelRequest::Echo { kind: ChannelKind::In }));
        assert!(bench.conns[&conn].ended && bench.conns[&conn].bytes == 4);
    }
    (bench, direct, indirect)
}

/// [MS-RPCH] 3.2.2.5.1: the direct echo response comes first.
#[test]
fn proxy_use_direct_first() {
    let (mut bench, direct, _) = determining();
    echo(&mut bench, direct);
    assert_eq!(bench.events, [Event::ProxyUseDetermined { route: Route::Direct }]);
    assert_eq!(bench.client.state_name().0, "Out Channel Wait");
    assert_eq!(bench.client.route(bench.out()), Route::Direct);
    bench.establish(WINDOW);
    assert_eq!(bench.client.state_name().0, "opened");
}

/// [MS-RPCH] 3.2.2.5.1, 3.2.2.6.3: the other one comes first, and 200 ms decide.
#[test]
fn proxy_use_wait_direct() {
    for direct_answers in [true, false] {
        let (mut bench, direct, indirect) = determining();
        echo(&mut bench, indirect);
        assert_eq!(bench.client.state_name().0, "Wait_Direct");
        bench.wait(Duration::from_millis(199)).unwrap();
        assert!(bench.events.is_empty());
        if direct_answers {
            echo(&mut bench, direct);
        } else {
            bench.wait(Duration::from_millis(1)).unwrap();
        }
        let route = if direct_answers { Route::Direct } else { Route::HttpProxy };
        assert_eq!(bench.events, [Event::ProxyUseDetermined { route }]);
        assert_eq!(bench.client.route(bench.inward()), route);
        assert!(bench.conns[&direct].closed && bench.conns[&indirect].closed);
    }
}

#[test]
fn proxy_use_when_one_way_or_both_fail() {
    // The direct way fails at once: nothing is left to wait for.
    let (mut bench, direct, indirect) = determining();
    bench.reset(direct, Reset::not_sent("connection refused")).unwrap();
    echo(&mut bench, indirect);
    assert_eq!(bench.events, [Event::ProxyUseDetermined { route: Route::HttpProxy }]);
    // A page of some middlebox is no echo response.
    let (mut bench, direct, indirect) = determining();
    bench.head(direct, ResponseHead::builder(200, "OK").response().unwrap()).unwrap();
    bench.bytes(direct, &b"<html>Welcome to the hotel"[..]).unwrap();
    bench.event(direct, HttpEvent::End).unwrap();
    assert!(bench.reset(indirect, Reset::unknown("no")).is_err());
    assert!(matches!(bench.closed(), Some((CloseReason::Peer(_), [], 0))));
    // Nobody answers.
    let (mut bench, ..) = determining();
    let error = bench.wait(Duration::from_secs(30)).unwrap_err().to_string();
    assert!(error.contains("Wait") && error.contains("3.2.2.4.1.1"), "{error}");
    assert!(bench.all_closed());
}

#[test]
fn verbs_out_of_order_are_misuse_and_harmless() {
    let mut bench = Bench::new(config());
    assert!(bench.client.consume(bench.now, 1).is_ok());
    assert!(matches!(bench.client.set_keep_alive(bench.now, None), Err(Error::Misuse(_))));
    assert!(matches!(bench.client.handle(bench.now, ConnectionId::new(1), HttpEvent::End), Err(Error::Misuse(_))));
    bench.connect();
    assert!(matches!(bench.client.connect(bench.now), Err(Error::Misuse(_))));
    assert!(matches!(bench.client.handle(bench.now, ConnectionId::new(99), HttpEvent::End), Err(Error::Misuse(_))));
    let bad = config().with_path("/a\r\nb".into());
    let mut client = Client::new(bad, entropy(), ConnectionIds::default());
    assert!(matches!(client.connect(bench.now), Err(Error::Misuse(_))));
    assert!(client.poll_transmit(bench.now).is_none());
}
