//! PDUs both ways, windows, pings, queues.

use std::time::Duration;

use bytes::Bytes;
use oxwire_http::HttpEvent;

use super::harness::{IN_CONN, Net, OUT_CONN};
use crate::endpoint::{EndpointConfig, Event, VirtualConnectionConfig};
use crate::fault::RefusedReason;
use crate::flow_control::AckThreshold;
use crate::test_pdus::*;

fn config(connection: VirtualConnectionConfig) -> EndpointConfig {
    EndpointConfig::DEFAULT.with_connection(connection)
}

#[test]
fn pdus_of_the_client_come_out_in_order_at_any_chunking() {
    let stream = [rpc(100, 1), ping(), rpc(16, 2), rpc(300, 3), ping()].concat();
    for size in [1, 2, 7, 16, 99, 100, 436, stream.len()] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        for piece in stream.chunks(size) {
            net.body(IN_CONN, Bytes::copy_from_slice(piece));
        }
        assert_eq!(net.pdus(), [rpc(100, 1), rpc(16, 2), rpc(300, 3)], "pieces of {size}");
        assert_eq!(net.last, Ok(()));
    }
}

#[test]
fn pdus_to_the_client_go_out_as_they_are() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    let pdu = rpc(5_000, 1);
    let at = pdu.as_ptr();
    net.send(pdu).unwrap();
    net.send(rpc(16, 2)).unwrap();
    net.turn();
    let sent = net.out(OUT_CONN);
    assert_eq!(sent, [rpc(5_000, 1), rpc(16, 2)]);
    assert_eq!(sent[0].as_ptr(), at, "not copied");
}

/// [MS-RPCH] 3.2.1.4.1.1, 2.2.4.51 with FDClient: the inbound proxy's way to the client.
#[test]
fn consumed_pdus_are_acknowledged_to_the_client() {
    let every = VirtualConnectionConfig::DEFAULT.with_ack_threshold(AckThreshold::EveryRelease);
    let mut net = Net::opened(config(every));
    net.body(IN_CONN, rpc(250, 1));
    net.body(IN_CONN, rpc(500, 2));
    net.consume(250).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [ack_to(0, 750, 65_536 - 500, IN)]);
    assert!(net.consume(501).is_err(), "more than came");
    net.consume(500).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [ack_to(0, 750, 65_536, IN)]);
}

/// Note 27: Windows acknowledges once less than half of the window is still advertised.
#[test]
fn by_default_acknowledgements_are_as_seldom_as_those_of_windows() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    for round in 0..2 {
        net.body(IN_CONN, rpc(16_384, round));
        net.consume(16_384).unwrap();
        net.turn();
        assert!(net.out(OUT_CONN).is_empty());
    }
    net.body(IN_CONN, rpc(16, 3));
    net.consume(16).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [ack_to(0, 32_784, 65_536, IN)]);
}

/// The client's window is obeyed, RTS PDUs pass it, and an acknowledgement by either form opens it (ruler and impacket send
/// FlowControlAckWithDestination).
#[test]
fn the_window_of_the_client_is_obeyed() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    for fill in 1..=3 {
        net.send(rpc(32_768, fill)).unwrap();
    }
    net.turn();
    assert_eq!(net.out(OUT_CONN).len(), 2, "the window of 65,536 is full, exactly");
    net.wait(Duration::from_secs(60));
    assert_eq!(net.out(OUT_CONN), [ping()], "a ping does not wait for the window");
    net.body(IN_CONN, ack_to(3, 32_768, 32_768, OUT));
    assert!(net.out(OUT_CONN).is_empty(), "what is in flight counts");
    net.body(IN_CONN, ack_to(3, 65_536, 32_768, OUT));
    assert_eq!(net.out(OUT_CONN), [rpc(32_768, 3)]);
    net.body(IN_CONN, rts(OTHER_CMD, &[ack(98_304, 65_536, OUT)]));
    net.send(rpc(32_768, 4)).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [rpc(32_768, 4)]);
    // Of a channel that is not one of its own: discarded, 3.2.1.5.1.2.
    net.body(IN_CONN, ack_to(3, 0, 0, 0x77));
    assert_eq!(net.last, Ok(()));
}

#[test]
fn what_cannot_be_sent_comes_back() {
    let small = VirtualConnectionConfig::DEFAULT.with_send_queue(40_000);
    let mut net = Net::opened(config(small));
    let refused = net.send(ping()).unwrap_err();
    assert_eq!((refused.pdu.into_bytes(), refused.reason), (ping(), RefusedReason::NotAPdu));
    let half = rpc(100, 1).slice(..50);
    assert_eq!(net.send(half).unwrap_err().reason, RefusedReason::NotAPdu);
    // The window is 65,536, which no frag_length passes; the queue fills once the window is full.
    for fill in 1..=3 {
        net.send(rpc(32_768, fill)).unwrap();
        net.turn();
    }
    let refused = net.send(rpc(7_233, 4)).unwrap_err();
    assert_eq!((refused.pdu.into_bytes(), refused.reason), (rpc(7_233, 4), RefusedReason::QueueFull { limit: 40_000 }));
    assert!(net.events.is_empty());
    net.body(IN_CONN, ack_to(3, 65_536, 65_536, OUT));
    assert_eq!(net.events, [Event::Writable]);
    net.send(rpc(7_233, 4)).unwrap();

    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_out(OUT_CONN, 76);
    net.body(OUT_CONN, conn_a1(8_192));
    net.request_in(IN_CONN, 0x4000_0000);
    net.body(IN_CONN, conn_b1());
    let refused = net.send(rpc(8_193, 1)).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::LargerThanWindow { window: 8_192 });
    net.send(rpc(8_192, 1)).unwrap();
}

/// [MS-RPCH] 3.2.1.2.1: after half of the shorter interval without a PDU. A keep-alive of 0 is 300 s, one below 60 s is 60 s.
#[test]
fn pings_and_keep_alive_values() {
    for (keep_alive, seconds) in [(0, 60), (1, 30), (59_999, 30), (60_000, 30), (80_000, 40), (600_000, 60)] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        net.body(IN_CONN, rts(OTHER_CMD, &[keepalive(keep_alive)]));
        net.wait(Duration::from_secs(seconds) - Duration::from_millis(1));
        assert!(net.out(OUT_CONN).is_empty(), "{keep_alive}");
        net.wait(Duration::from_millis(1));
        assert_eq!(net.out(OUT_CONN), [ping()], "{keep_alive}");
        net.send(rpc(16, 1)).unwrap();
        net.turn();
        net.wait(Duration::from_secs(seconds) - Duration::from_millis(1));
        assert_eq!(net.out(OUT_CONN), [rpc(16, 1)], "what was sent pings as well");
    }
}

/// [MS-RPCH] 3.2.4.5.1: MinConnTimeout of the OUT channel request is ConnectionTimeout.
#[test]
fn the_connection_timeout_is_what_the_request_asks_for() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    let head = oxwire_http::RequestHead::builder("RPC_OUT_DATA", "/RPC/RpcProxy.dll?mbx.test:6001")
        .field("Content-Length", "76")
        .field("Pragma", "No-cache")
        .field("Pragma", "MinConnTimeout=300")
        .request()
        .unwrap();
    net.event(OUT_CONN, HttpEvent::Head(oxwire_http::Head::Request(head)));
    net.body(OUT_CONN, conn_a1(65_536));
    assert_eq!(net.out(OUT_CONN), [rts(NONE, &[timeout(300_000)])]);
}

/// A client that neither sends nor pings is gone; one that pings is not.
#[test]
fn silence_ends_it() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.wait(Duration::from_secs(800));
    net.body(IN_CONN, ping());
    net.wait(Duration::from_secs(899));
    assert!(!net.vc().is_closed());
    net.wait(Duration::from_secs(1));
    net.assert_ended(&["opened", "a ping from the client"]);
    assert!(net.sent[&IN_CONN].aborted && net.sent[&OUT_CONN].aborted);
}

/// What never went out comes back; what went out unacknowledged is counted.
#[test]
fn the_end_says_what_was_not_delivered() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    for fill in 1..=5 {
        net.send(rpc(20_000, fill)).unwrap();
    }
    net.turn();
    assert_eq!(net.out(OUT_CONN).len(), 3);
    net.body(IN_CONN, ack_to(3, 20_000, 45_536, OUT));
    net.body(IN_CONN, rpc(16, 9));
    net.reset(OUT_CONN);
    let Some(Event::Closed { error, in_doubt_pdus: 2, in_doubt_bytes: 40_000 }) = net.events.pop() else {
        panic!("{:?}", net.events)
    };
    assert!(error.to_string().contains("OUT channel"), "{error}");
    assert_eq!(
        net.events,
        [Event::Pdu(rpc(16, 9)), Event::Undelivered(rpc(20_000, 4)), Event::Undelivered(rpc(20_000, 5))]
    );
    assert!(net.sent[&IN_CONN].aborted);
    let refused = net.send(rpc(16, 1)).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::Closed);
}
