//! OUT channel recycling, step by step against [MS-RPCH] 3.2.1.5.3.4 and 3.2.1.5.3.5.

use super::*;
use crate::client::Recycling;
use crate::flow_control::AckThreshold;
use crate::http::ChannelRequest;
use crate::rts::out_r1::{OutR1A2, OutR1A6, OutR1A7, OutR1A10, OutR1A11};
use crate::rts::out_r2::{EmptyOrPadding, OutR2A6, OutR2A7, OutR2B3, OutR2C1};
use crate::rts::{Ance, Empty};

fn a6() -> OutR1A6 {
    OutR1A6 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) }
}

/// Opened_A6W.
fn a6w() -> (Bench, ConnectionId, ConnectionId) {
    let mut bench = Bench::opened(config());
    let predecessor = bench.out();
    bench.pdu(predecessor, &OutR1A2 {}).unwrap();
    assert_eq!(bench.client.state_name(), ("opened", "Opened_A6W"));
    let successor = bench.out();
    assert_ne!(predecessor, successor);
    (bench, predecessor, successor)
}

/// 3.2.2.5.6: a replacement OUT channel request, and OUT_R1/A3 in its body.
#[test]
fn step_1_out_channel_request_and_a3() {
    let (bench, predecessor, successor) = a6w();
    let parsed = ChannelRequest::parse(bench.conns[&successor].head.as_ref().unwrap());
    assert!(matches!(parsed, Ok(ChannelRequest::Out { replacement: true, .. })));
    let (a1, a3): (ConnA1, OutR1A3) = (bench.sent(predecessor, 0), bench.sent(successor, 0));
    assert_eq!(a3.virtual_connection_cookie, a1.virtual_connection_cookie);
    assert_eq!(a3.predecessor_channel_cookie, a1.out_channel_cookie);
    assert_ne!(a3.successor_channel_cookie, a1.out_channel_cookie);
    assert_eq!(a3.outbound_proxy_receive_window_size.0, WINDOW);
    assert!(!bench.conns[&successor].ended && bench.conns[&successor].bytes == 96);
}

/// 3.2.2.5.7 and 3.2.2.5.8.
#[test]
fn out_r1_to_its_end() {
    let (mut bench, predecessor, successor) = a6w();
    let inward = bench.inward();
    bench.bytes(predecessor, rpc(1, 100)).unwrap();
    bench.pdu(predecessor, &a6()).unwrap();
    assert_eq!(bench.client.state_name().1, "Opened_A10W");
    let a7: OutR1A7 = bench.last_sent(inward);
    assert_eq!(a7.successor_channel_cookie.0, bench.out_cookie());
    assert!(!bench.conns[&successor].ended);
    // The predecessor's last PDUs, OUT_R1/A10, and the undefined bytes of note 46.
    bench
        .bytes(predecessor, [rpc(2, 100), wire(&OutR1A10 { ance: Ance }), Bytes::from_static(b"undefined")].concat())
        .unwrap();
    assert_eq!(bench.client.state_name().1, "opened");
    assert_eq!(bench.last_sent::<OutR1A11>(successor), OutR1A11 { ance: Ance });
    // 96 + 24 = 120, the Content-Length.
    assert!(bench.conns[&successor].ended && bench.conns[&successor].bytes == 120);
    assert!(bench.conns[&predecessor].closed);
    bench.bytes(predecessor, &b"more of them"[..]).unwrap();
    bench.reset(predecessor, Reset::unknown("closed")).unwrap();
    bench.head(successor, success()).unwrap();
    bench.bytes(successor, rpc(3, 100)).unwrap();
    assert_eq!(bench.received, [rpc(1, 100), rpc(2, 100), rpc(3, 100)]);
    assert_eq!(bench.events.last(), Some(&Event::Recycled(Recycling::OutR1)));
}

/// 3.2.2.5.9 and 3.2.2.5.10.
#[test]
fn out_r2_to_its_end() {
    let (mut bench, predecessor, successor) = a6w();
    let inward = bench.inward();
    bench.pdu(predecessor, &OutR2A6 { ance: Ance }).unwrap();
    assert_eq!(bench.client.state_name().1, "B3W");
    let a7: OutR2A7 = bench.last_sent(inward);
    assert_eq!(a7.successor_channel_cookie.0, bench.out_cookie());
    let c1: OutR2C1 = bench.last_sent(successor);
    assert_eq!(c1.empty_or_padding, EmptyOrPadding::Empty(Empty));
    assert!(bench.conns[&successor].ended && bench.conns[&successor].bytes == 120);
    // The successor is ahead of the predecessor's last PDU: two connections are not ordered.
    bench.head(successor, success()).unwrap();
    bench.bytes(successor, [rpc(2, 100), rpc(3, 100)].concat()).unwrap();
    assert!(bench.received.is_empty());
    bench
        .bytes(predecessor, [rpc(1, 100), wire(&OutR2B3 { ance: Ance }), Bytes::from_static(&[0; 7])].concat())
        .unwrap();
    assert_eq!(bench.received, [rpc(1, 100), rpc(2, 100), rpc(3, 100)]);
    assert_eq!(bench.client.state_name().1, "opened");
    assert!(bench.conns[&predecessor].closed);
    assert_eq!(bench.events.last(), Some(&Event::Recycled(Recycling::OutR2)));
}

/// Where every small PDU is acknowledged, a successor that is ahead brings more of that than of PDUs: bounded by what may be sent meanwhile.
#[test]
fn acknowledgements_may_wait_on_the_successor() {
    let mut bench = Bench::opened(config().with_receive_window(8_192).with_max_pdu(4_096));
    let (predecessor, cookie) = (bench.out(), bench.in_cookie());
    bench.pdu(predecessor, &OutR1A2 {}).unwrap();
    let successor = bench.out();
    bench.pdu(predecessor, &OutR2A6 { ance: Ance }).unwrap();
    bench.head(successor, success()).unwrap();
    for number in 1..=1_000 {
        bench.send(rpc(number, 24));
        bench.ack(successor, cookie, number * 24, WINDOW).unwrap();
    }
    bench.pdu(predecessor, &OutR2B3 { ance: Ance }).unwrap();
    assert_eq!(bench.client.state_name(), ("opened", "opened"));
    // No window lets a peer have more to acknowledge than this.
    let mut bench = Bench::opened(config().with_receive_window(8_192).with_max_pdu(4_096));
    let predecessor = bench.out();
    bench.pdu(predecessor, &OutR1A2 {}).unwrap();
    let successor = bench.out();
    bench.head(successor, success()).unwrap();
    let limit = 8_192 + 8_192 + 4 * usize::try_from(WINDOW).unwrap();
    bench.bytes(successor, vec![5; limit]).unwrap();
    let error = bench.bytes(successor, vec![5; 1]).unwrap_err().to_string();
    assert!(error.contains("Opened_A6W") && error.contains("[MS-RPCH] 3.2.1.1.4"), "{error}");
}

/// BytesReceived counts on the channel instance; what is left of the predecessor is released without a word.
#[test]
fn acknowledgements_name_the_successor() {
    let (mut bench, predecessor, successor) = a6w();
    let inward = bench.inward();
    bench.bytes(predecessor, rpc(1, 30_000)).unwrap();
    bench.pdu(predecessor, &a6()).unwrap();
    bench.pdu(predecessor, &OutR1A10 { ance: Ance }).unwrap();
    bench.head(successor, success()).unwrap();
    bench.bytes(successor, [rpc(2, 32_768), rpc(3, 1_000)].concat()).unwrap();
    let before = bench.conns[&inward].pdus.len();
    bench.consume(30_000);
    assert_eq!(bench.conns[&inward].pdus.len(), before);
    bench.consume(32_768);
    let ack: FlowControlAckWithDestination = bench.last_sent(inward);
    let expected =
        FlowControlAck { bytes_received: 33_768, available_window: 65_536 - 1_000, channel_cookie: bench.out_cookie() };
    assert_eq!(ack.flow_control_ack, expected);
}

/// Memory is bounded: the next recycling waits until what came before the default channel is consumed.
#[test]
fn the_next_recycling_waits_for_the_application() {
    let (mut bench, predecessor, successor) = a6w();
    bench.bytes(predecessor, rpc(1, 30_000)).unwrap();
    bench.pdu(predecessor, &a6()).unwrap();
    bench.pdu(predecessor, &OutR1A10 { ance: Ance }).unwrap();
    bench.head(successor, success()).unwrap();
    bench.pdu(successor, &OutR1A2 {}).unwrap();
    assert_eq!((bench.client.state_name().1, bench.out()), ("opened", successor));
    bench.consume(30_000);
    assert_eq!(bench.client.state_name().1, "Opened_A6W");
    assert_ne!(bench.out(), successor);
}

/// 3.2.2.5.12: "MUST be able to execute the IN channel recycling and OUT channel recycling state machines in parallel".
#[test]
fn both_at_once() {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072));
    let (first_in, first_out) = (bench.inward(), bench.out());
    let cookie = bench.in_cookie();
    for number in 1..=2 {
        bench.send(rpc(number, 60_000));
        bench.ack(first_out, cookie, number * 60_000, WINDOW).unwrap();
    }
    bench.pdu(first_out, &OutR1A2 {}).unwrap();
    bench.send(rpc(3, 20_000));
    assert_eq!(bench.client.state_name(), ("Opened_A4W", "Opened_A6W"));
    let (second_in, second_out) = (bench.inward(), bench.out());
    let on_first = bench.conns[&first_in].pdus.len();
    bench.pdu(first_out, &a6()).unwrap();
    assert_eq!(bench.client.state_name(), ("Opened_A4W", "Opened_A10W"));
    assert_eq!(bench.conns[&first_in].pdus.len(), on_first, "OUT_R1/A7 waits for the successor IN channel");
    bench.pdu(first_out, &in_r1_a4(WINDOW)).unwrap();
    assert_eq!(bench.sent::<OutR1A7>(second_in, 1).successor_channel_cookie.0, bench.out_cookie());
    assert_eq!(bench.calls(second_in), [3]);
    bench.pdu(first_out, &OutR1A10 { ance: Ance }).unwrap();
    bench.head(second_out, success()).unwrap();
    bench.bytes(second_out, rpc(7, 100)).unwrap();
    assert_eq!(bench.received, [rpc(7, 100)]);
    assert_eq!(bench.client.state_name(), ("opened", "opened"));
}

/// An IN channel of 131,072 bytes of which less than `left` are left, and OUT_R1/A6 has come. The receive window is 8,192 and the largest PDU
/// 4,096 bytes, so all that an outbound proxy may hold, 262,144 bytes, takes 66 acknowledgements of 56 bytes.
fn near_the_end_of_the_in_channel(left: u32) -> (Bench, ConnectionId, ConnectionId) {
    let config = config().with_in_channel_length(131_072).with_receive_window(8_192).with_max_pdu(4_096);
    let config = config.with_recycle_threshold(1_000).with_ack_threshold(AckThreshold::EveryRelease);
    let mut bench = Bench::opened(config);
    let (inward, out, cookie) = (bench.inward(), bench.out(), bench.in_cookie());
    let mut used = 104;
    while used < 131_072 - left {
        let len = (131_072 - left - used).clamp(24, 30_000);
        used += len;
        bench.send(rpc(1, usize::try_from(len).unwrap()));
        bench.ack(out, cookie, used - 104, WINDOW).unwrap();
    }
    bench.pdu(out, &OutR1A2 {}).unwrap();
    bench.pdu(out, &a6()).unwrap();
    assert_eq!(bench.client.state_name().1, "Opened_A10W");
    (bench, inward, out)
}

/// With OUT_R1/A7 the server changes over to a channel that is plugged until OUT_R1/A10, which waits for acknowledgements; and IN_R1/A4
/// comes behind it. So the IN channel that carries OUT_R1/A7 has room for all acknowledgements up to OUT_R1/A10.
#[test]
fn a7_goes_out_with_room_for_the_acknowledgements_behind_it() {
    let (bench, inward, _) = near_the_end_of_the_in_channel(66 * 56 + 1_024 + 48);
    assert_eq!(bench.client.state_name().0, "opened");
    assert_eq!(bench.last_sent::<OutR1A7>(inward).successor_channel_cookie.0, bench.out_cookie());

    let (mut bench, inward, out) = near_the_end_of_the_in_channel(66 * 56 + 1_024 + 47);
    assert_eq!(bench.client.state_name().0, "Opened_A4W", "more than the recycling threshold is left, and not enough");
    assert_ne!(bench.inward(), inward);
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    assert_eq!(bench.sent::<OutR1A7>(bench.inward(), 1).successor_channel_cookie.0, bench.out_cookie());
}

/// 256 KiB in the outbound proxy, 8 KiB at a time, though the setting asks for an acknowledgement of every PDU: IN_R1/A4 does not come, and
/// nothing waits for it.
#[test]
fn the_predecessor_is_read_to_its_end_on_an_expired_in_channel() {
    let (mut bench, inward, out) = near_the_end_of_the_in_channel(66 * 56 + 1_024 + 48);
    bench.send(rpc(2, 24));
    assert!(!bench.calls(inward).contains(&2), "room for acknowledgements is not for RPC PDUs");
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
    let mut sender = crate::flow_control::Sender::new(8_192);
    let mut seen = bench.conns[&inward].pdus.len();
    for _ in 0..64 {
        assert!(sender.send(4_096), "{sender:?}");
        bench.bytes(out, rpc(9, 4_096)).unwrap();
        bench.consume(4_096);
        while seen < bench.conns[&inward].pdus.len() {
            let ack: FlowControlAckWithDestination = bench.sent(inward, seen);
            sender.on_ack(&ack.flow_control_ack).unwrap();
            seen += 1;
        }
    }
    assert!(bench.conns[&inward].bytes <= 131_072 - 40, "{} bytes, and room for IN_R1/A5", bench.conns[&inward].bytes);
    bench.pdu(out, &OutR1A10 { ance: Ance }).unwrap();
    assert_eq!(bench.client.state_name(), ("Opened_A4W", "opened"));
}

#[test]
fn a_successor_that_was_not_sent_goes_out_again_with_the_same_cookie() {
    let (mut bench, _, successor) = a6w();
    let first: OutR1A3 = bench.sent(successor, 0);
    bench.reset(successor, Reset::not_sent("authentication goes on on another connection")).unwrap();
    assert_ne!(bench.out(), successor);
    assert_eq!(bench.sent::<OutR1A3>(bench.out(), 0), first);
}

#[test]
fn each_wait_has_an_end() {
    for (step, name) in [(0, "OUT_R1/A6"), (1, "OUT_R1/A10"), (2, "OUT_R2/B3")] {
        let (mut bench, predecessor, _) = a6w();
        match step {
            1 => bench.pdu(predecessor, &a6()).unwrap(),
            2 => bench.pdu(predecessor, &OutR2A6 { ance: Ance }).unwrap(),
            _ => {}
        }
        bench.wait(Duration::from_secs(119)).unwrap();
        let error = bench.wait(Duration::from_secs(1)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("3.2.2.5."), "{error}");
        assert!(bench.all_closed());
    }
}
