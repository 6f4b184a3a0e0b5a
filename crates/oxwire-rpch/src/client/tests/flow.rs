//! Flow control, pings and deadlines of an opened virtual connection.

use super::*;
use crate::client::CloseReason;
use crate::fault::RefusedReason;
use crate::flow_control::AckThreshold;
use crate::rts::other::{KeepAlive, Ping};

/// [MS-RPCH] 3.2.1.4.1.3, 3.2.1.5.1.2.
#[test]
fn the_window_is_obeyed_and_acknowledgements_open_it() {
    let mut bench = Bench::opened(config());
    let (inward, out, cookie) = (bench.inward(), bench.out(), bench.in_cookie());
    for number in 1..=20 {
        bench.send(rpc(number, 5_840));
    }
    // 11 × 5,840 = 64,240 of 65,536.
    assert_eq!(bench.calls(inward), (1..=11).collect::<Vec<_>>());
    bench.ack(out, cookie, 5_840, 65_536).unwrap();
    assert_eq!(bench.calls(inward).len(), 12);
    bench.ack(out, cookie, 12 * 5_840, 65_536).unwrap();
    assert_eq!(bench.calls(inward), (1..=20).collect::<Vec<_>>());
    assert_eq!(bench.client.queued_bytes(), 0);
}

/// "If no matching channel can be found, an implementation MUST discard the PDU."
#[test]
fn an_acknowledgement_of_an_unknown_channel_is_discarded() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    bench.ack(out, RtsCookie([0xEE; 16]), 1, 1).unwrap();
    assert!(bench.closed().is_none());
}

/// Note 27, and the destination: by way of the inbound proxy to the outbound one.
#[test]
fn consumed_pdus_are_acknowledged_below_half_of_the_window() {
    let mut bench = Bench::opened(config());
    let (inward, out, cookie) = (bench.inward(), bench.out(), bench.out_cookie());
    bench.bytes(out, rpc(1, 30_000)).unwrap();
    bench.consume(30_000);
    assert_eq!(bench.conns[&inward].pdus.len(), 1, "35,536 bytes are advertised: more than half");
    bench.bytes(out, rpc(2, 10_000)).unwrap();
    assert_eq!(bench.conns[&inward].pdus.len(), 1, "received is not consumed");
    bench.consume(10_000);
    let ack: FlowControlAckWithDestination = bench.last_sent(inward);
    assert_eq!(ack.destination.0, ForwardDestination::OUT_PROXY);
    let expected = FlowControlAck { bytes_received: 40_000, available_window: 65_536, channel_cookie: cookie };
    assert_eq!(ack.flow_control_ack, expected);
    assert_eq!(bench.received.len(), 2);
    assert!(matches!(bench.client.consume(bench.now, 1), Err(Error::Misuse(_))));
}

#[test]
fn every_release_is_acknowledged_where_that_is_asked_for() {
    let mut bench = Bench::opened(config().with_ack_threshold(AckThreshold::EveryRelease));
    let (inward, out) = (bench.inward(), bench.out());
    for number in 1..=3 {
        bench.bytes(out, rpc(number, 100)).unwrap();
        bench.consume(100);
    }
    assert_eq!(bench.conns[&inward].pdus.len(), 4);
}

#[test]
fn what_cannot_be_sent_is_refused_with_its_reason() {
    let mut bench = Bench::new(config().with_queue_bytes(100_000));
    bench.connect();
    bench.establish(20_000);
    let mut refusal = |pdu: Bytes| {
        let refused = bench.client.send_pdu(bench.now, pdu.clone()).unwrap_err();
        assert_eq!(refused.pdu.into_bytes(), pdu);
        refused.reason
    };
    assert_eq!(refusal(rpc(1, 20_001)), RefusedReason::LargerThanWindow { window: 20_000 });
    assert_eq!(refusal(Bytes::from_static(b"no PDU")), RefusedReason::NotAPdu);
    assert_eq!(refusal(wire(&Ping {})), RefusedReason::NotAPdu);
    assert_eq!(refusal(rpc(1, 100).slice(..99)), RefusedReason::NotAPdu);
    for number in 0..6 {
        bench.send(rpc(number, 20_000));
    }
    let refused = bench.client.send_pdu(bench.now, rpc(9, 16)).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::QueueFull { limit: 100_000 });
    assert_eq!(bench.calls(bench.inward()), [0]);
    // Told once it is half empty.
    let (out, cookie) = (bench.out(), bench.in_cookie());
    for number in 1..=3 {
        assert_eq!(bench.events.len(), 1);
        bench.ack(out, cookie, number * 20_000, 20_000).unwrap();
    }
    assert_eq!(bench.events.last(), Some(&Event::Writable));
}

/// [MS-RPCH] 3.2.2.6.1 with note 35: half of ConnectionTimeout without a PDU.
#[test]
fn pings_keep_the_in_channel_open() {
    let mut bench = Bench::opened(config());
    let inward = bench.inward();
    bench.wait(Duration::from_secs(59)).unwrap();
    assert_eq!(bench.conns[&inward].pdus.len(), 1);
    bench.send(rpc(1, 100));
    bench.wait(Duration::from_secs(59)).unwrap();
    assert_eq!(bench.conns[&inward].pdus.len(), 2, "a PDU puts the ping off");
    bench.wait(Duration::from_secs(1)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(inward), Ping {});
    bench.wait(Duration::from_secs(60)).unwrap();
    assert_eq!(bench.conns[&inward].pdus.len(), 4);
}

/// Home routers drop what is silent for 300 s, or less: a shorter ConnectionTimeout of the client's own.
#[test]
fn a_shorter_connection_timeout_pings_more_often() {
    let mut bench = Bench::opened(config().with_connection_timeout(Some(Duration::from_secs(20))));
    let inward = bench.inward();
    bench.wait(Duration::from_secs(10)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(inward), Ping {});
}

/// [MS-RPCH] 3.2.2.4.4, 2.2.4.46.
#[test]
fn a_keep_alive_interval_is_told_to_the_inbound_proxy() {
    let mut bench = Bench::opened(config());
    let inward = bench.inward();
    bench.client.set_keep_alive(bench.now, Some(Duration::from_secs(90))).unwrap();
    bench.pump();
    assert_eq!(bench.last_sent::<KeepAlive>(inward).client_keepalive.0, 90_000);
    bench.wait(Duration::from_secs(45)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(inward), Ping {});
    bench.client.set_keep_alive(bench.now, None).unwrap();
    bench.pump();
    assert_eq!(bench.last_sent::<KeepAlive>(inward).client_keepalive.0, 300_000);
}

#[test]
fn a_window_that_never_opens_ends_the_virtual_connection() {
    let mut bench = Bench::opened(config());
    bench.send(rpc(1, 65_536 - 1));
    bench.send(rpc(2, 100));
    for _ in 0..4 {
        bench.wait(Duration::from_secs(60)).unwrap();
    }
    let error = bench.wait(Duration::from_secs(60)).unwrap_err().to_string();
    assert!(error.contains("FlowControlAck") && error.contains("3.2.1.5.1.2"), "{error}");
    assert_eq!(bench.closed().map(|(_, unsent, sent)| (unsent.to_vec(), sent)), Some((vec![rpc(2, 100)], 1)));
}

#[test]
fn a_silent_out_channel_ends_the_virtual_connection() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    for _ in 0..14 {
        bench.wait(Duration::from_secs(60)).unwrap();
    }
    bench.pdu(out, &Ping {}).unwrap();
    for _ in 0..14 {
        bench.wait(Duration::from_secs(60)).unwrap();
    }
    let error = bench.wait(Duration::from_secs(60)).unwrap_err().to_string();
    assert!(error.contains("Ping RTS PDU") && error.contains("3.2.1.1.6"), "{error}");
    assert!(matches!(bench.closed(), Some((CloseReason::Peer(_), [], 0))));
}

#[test]
fn a_pdu_comes_out_as_a_slice_of_the_input() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    let input: Bytes = [rpc(1, 100), rpc(2, 200)].concat().into();
    bench.bytes(out, input.clone()).unwrap();
    assert_eq!(bench.received[1].as_ptr(), input[100..].as_ptr());
}
