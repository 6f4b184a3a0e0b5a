//! What real servers do, each by the name of the product.

use super::*;
use crate::client::CloseReason;
use crate::http::{ChannelKind, RpcError, rpc_error_response};
use crate::rts::Ance;
use crate::rts::out_r1::{OutR1A2, OutR1A6, OutR1A10};
use crate::rts::out_r2::{OutR2A6, OutR2B3};

fn ends_well(mut bench: Bench) {
    bench.establish(WINDOW);
    bench.send(rpc(1, 100));
    assert_eq!(bench.calls(bench.inward()), [1]);
    assert!(bench.closed().is_none());
}

/// gromox: no IN channel response while the request's body is open. (Every other test here is of that kind.)
#[test]
fn gromox_answers_nothing_on_the_in_channel() {
    let mut bench = Bench::new(config());
    bench.connect();
    ends_well(bench);
}

/// LPE: a 200 on the IN channel whose body stays open.
#[test]
fn lpe_holds_a_200_open_on_the_in_channel() {
    let mut bench = Bench::new(config());
    bench.connect();
    let inward = bench.inward();
    bench.head(inward, success()).unwrap();
    bench.bytes(inward, &b"whatever"[..]).unwrap();
    ends_well(bench);
}

/// openchange: `200 Success` with Content-Length 0 right after pairing; the request's body goes on.
#[test]
fn openchange_ends_its_in_channel_response_at_once() {
    let mut bench = Bench::new(config());
    bench.connect();
    let inward = bench.inward();
    let head = ResponseHead::builder(200, "Success").field("Content-Length", "0").response().unwrap();
    bench.head(inward, head).unwrap();
    bench.event(inward, HttpEvent::End).unwrap();
    ends_well(bench);
}

/// Content-Length 0x40000000 (Windows), 0x20000, chunked: "ignore the values of all other header fields".
#[test]
fn out_channel_responses_of_windows_and_others() {
    for head in [
        success(),
        crate::http::out_channel_response(0x2_0000).unwrap(),
        ResponseHead::builder(200, "OK").field("Transfer-Encoding", "chunked").response().unwrap(),
        ResponseHead::builder(200, "").response().unwrap(),
    ] {
        let mut bench = Bench::new(config());
        bench.connect();
        let out = bench.out();
        bench.head(out, head).unwrap();
        bench.pdu(out, &ConnA3 { connection_timeout: ConnectionTimeout(120_000) }).unwrap();
        bench.pdu(out, &c2(WINDOW)).unwrap();
        assert_eq!(bench.client.state_name().0, "opened");
    }
}

/// Windows: `HTTP/1.0 503 RPC Error: 6ba` in the head, the information in the body.
#[test]
fn windows_tells_an_rpc_error_in_the_head() {
    for kind in [ChannelKind::In, ChannelKind::Out] {
        let mut bench = Bench::new(config());
        bench.connect();
        let conn = if kind == ChannelKind::In { bench.inward() } else { bench.out() };
        let error = RpcError { code: 0x6BA, ee_info: Some(Bytes::from_static(b"information")) };
        let (head, body) = rpc_error_response(&error).unwrap();
        bench.head(conn, head).unwrap();
        assert!(bench.closed().is_none(), "the body may tell more");
        for byte in body {
            bench.bytes(conn, vec![byte]).unwrap();
        }
        bench.event(conn, HttpEvent::End).unwrap();
        assert_eq!(bench.closed(), Some((&CloseReason::RpcError { channel: kind, error }, &[][..], 0)));
        assert!(bench.all_closed());
    }
}

#[test]
fn a_body_that_does_not_come_is_not_awaited_for_ever() {
    let mut bench = Bench::opened(config());
    let inward = bench.inward();
    bench.client.send_pdu(bench.now, rpc(1, 100)).unwrap();
    let head = ResponseHead::builder(503, "RPC Error: 5").response().unwrap();
    bench.client.handle(bench.now, inward, HttpEvent::Head(Head::Response(head))).unwrap();
    bench.pump();
    bench.wait(Duration::from_secs(5)).unwrap();
    let error = RpcError::new(5);
    let reason = CloseReason::RpcError { channel: ChannelKind::In, error };
    assert_eq!(bench.closed(), Some((&reason, &[rpc(1, 100)][..], 0)));
    assert!(reason.to_string().contains("denied"), "{reason}");
}

/// impacket, FreeRDP#2282: a status line in place of a PDU, in a stream that began with 200; cut anywhere.
#[test]
fn windows_tells_an_rpc_error_in_mid_stream() {
    let stream = [
        &wire(&ConnA3 { connection_timeout: ConnectionTimeout(120_000) })[..],
        b"HTTP/1.0 503 RPC Error: 5\r\nContent-Type: text/plain\r\n\r\nZugriff verweigert",
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
        bench.reset(out, Reset::unknown("closed")).unwrap();
        let Some((CloseReason::RpcError { channel: ChannelKind::Out, error }, ..)) = bench.closed() else {
            panic!("pieces of {size}: {:?}", bench.events)
        };
        assert_eq!(error.code, 5);
    }
}

#[test]
fn other_statuses_are_told_with_their_text() {
    for (status, reason) in [(401, "Unauthorized"), (404, "Not Found"), (503, "Service Unavailable"), (302, "Found")] {
        let mut bench = Bench::new(config());
        bench.connect();
        let out = bench.out();
        bench.head(out, ResponseHead::builder(status, reason).response().unwrap()).unwrap();
        bench.event(out, HttpEvent::End).unwrap();
        let expected = CloseReason::Status { channel: ChannelKind::Out, status, reason: reason.into() };
        assert_eq!(bench.closed(), Some((&expected, &[][..], 0)));
    }
}

/// 0 means 300,000 by the text, and a Windows proxy answers it with 0x6C0 (impacket).
#[test]
fn windows_wants_a_client_keepalive() {
    for (given, sent) in [(0, 300_000), (1_000, 60_000), (120_000, 120_000)] {
        let mut bench = Bench::new(config().with_client_keepalive(given));
        bench.connect();
        assert_eq!(bench.sent::<ConnB1>(bench.inward(), 0).client_keepalive.0, sent);
    }
}

/// Windows Server 2003 and 2008 send undefined bytes behind OUT_R1/A10 and OUT_R2/B3 (notes 46, 48, 49), in the same piece or later:
/// what follows on the successor is none the worse for it.
#[test]
fn windows_server_2003_sends_undefined_bytes_behind_the_predecessors_last_pdu() {
    let a6 = wire(&OutR1A6 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) });
    let r1 = [a6, wire(&OutR1A10 { ance: Ance })];
    let r2 = [wire(&OutR2A6 { ance: Ance }), wire(&OutR2B3 { ance: Ance })];
    for [a6, last] in [r1, r2] {
        let mut bench = Bench::opened(config());
        let predecessor = bench.out();
        bench.pdu(predecessor, &OutR1A2 {}).unwrap();
        bench.bytes(predecessor, a6).unwrap();
        bench.bytes(predecessor, [&last[..], &[0; 40], b"HTTP/1.0 503 RPC Error: 5\r\n"].concat()).unwrap();
        bench.bytes(predecessor, vec![0xFF; 40]).unwrap();
        bench.event(predecessor, HttpEvent::End).unwrap();
        let successor = bench.out();
        assert_ne!(predecessor, successor);
        bench.head(successor, success()).unwrap();
        bench.bytes(successor, rpc(1, 100)).unwrap();
        assert_eq!(bench.received, [rpc(1, 100)]);
        assert_eq!(bench.client.state_name(), ("opened", "opened"));
    }
}

/// gromox closes the connection with its 401 to a channel request without `Authorization`: authentication tells that the request
/// was not sent, and it goes out again.
#[test]
fn gromox_closes_the_connection_with_its_401() {
    let mut bench = Bench::new(config());
    bench.connect();
    let out = bench.out();
    bench.reset(out, Reset::not_sent("the server closes where the handshake would go on")).unwrap();
    assert!(bench.closed().is_none());
    ends_well(bench);
}
