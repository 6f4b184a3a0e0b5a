//! IN channel recycling, step by step against [MS-RPCH] 3.2.1.5.3.2 and 3.2.1.5.3.3. No third-party client follows it.
//!
//! | step | IN_R1 | IN_R2 | section | tests |
//! | --- | --- | --- | --- | --- |
//! | 0 | the lifetime nears its end | the same | 3.2.2.4.2, note 32 | `step_0_…` |
//! | 1 | IN channel request, A1 | the same | 3.2.2.5.12 | `step_1_…` |
//! | 2 | Opened_A4W: the predecessor carries on | the same | 3.2.2.5.12 | `step_2_…` |
//! | 3 | A4: A5 on the predecessor, the successor is the default | the same, without a window | 3.2.2.5.5 | `step_3_in_r1_…`, `step_3_in_r2_…` |
//! | 4 | acknowledgements name the successor | the same | 3.2.1.5.1.2 | `step_4_…` |
//! | 5 | the proxy ends the predecessor: A6, B1, close | close | 3.2.2.5.11, 3.2.3.5.6, 3.2.3.5.8 | `step_5_…` |
//!
//! A2, A3, A6, B1 and B2 pass between proxies and server, and are tested there.

use super::*;
use crate::client::{CloseReason, Recycling};
use crate::http::{ChannelKind, ChannelRequest};
use crate::rts::in_r1::InR1A5;
use crate::rts::in_r2::InR2A4;
use crate::rts::other::Ping;

/// The shortest channel there is, near its end: Opened_A4W.
fn near_the_end() -> (Bench, ConnectionId) {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072));
    let (inward, out, cookie) = (bench.inward(), bench.out(), bench.in_cookie());
    for number in 1..=2 {
        bench.send(rpc(number, 60_000));
        bench.ack(out, cookie, number * 60_000, WINDOW).unwrap();
    }
    assert_eq!(bench.client.state_name().0, "opened");
    (bench, inward)
}

fn a4w() -> (Bench, ConnectionId, ConnectionId) {
    let (mut bench, predecessor) = near_the_end();
    // 104 + 120,000 + 7,000 of 131,072: less than 4,096 are left.
    bench.send(rpc(3, 7_000));
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
    let successor = bench.inward();
    assert_ne!(predecessor, successor);
    (bench, predecessor, successor)
}

/// Note 32: 4 KiB left.
#[test]
fn step_0_recycling_begins_with_four_kibibytes_left() {
    let (mut bench, predecessor) = near_the_end();
    // 131,072 - 104 - 120,000 - 6,871 = 4,097.
    bench.send(rpc(3, 6_871));
    assert_eq!(bench.client.state_name().0, "opened");
    bench.send(rpc(4, 16));
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
    assert_eq!(bench.calls(predecessor), [1, 2, 3, 4]);
}

/// A PDU that no longer fits begins it too, and waits.
#[test]
fn step_0_a_pdu_without_room_begins_it() {
    let (mut bench, predecessor) = near_the_end();
    bench.send(rpc(3, 30_000));
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
    assert_eq!(bench.calls(predecessor), [1, 2]);
    let out = bench.out();
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    assert_eq!(bench.calls(bench.inward()), [3]);
}

/// 3.2.2.5.12: an IN channel request, and IN_R1/A1 in its body.
#[test]
fn step_1_in_channel_request_and_a1() {
    let (bench, predecessor, successor) = a4w();
    let parsed = ChannelRequest::parse(bench.conns[&successor].head.as_ref().unwrap());
    assert!(matches!(parsed, Ok(ChannelRequest::In { length: 131_072, .. })));
    let (b1, a1): (ConnB1, InR1A1) = (bench.sent(predecessor, 0), bench.sent(successor, 0));
    assert_eq!(a1.virtual_connection_cookie, b1.virtual_connection_cookie);
    assert_eq!(a1.predecessor_channel_cookie, b1.in_channel_cookie);
    assert_ne!(a1.successor_channel_cookie, b1.in_channel_cookie);
    assert_eq!(bench.conns[&successor].pdus.len(), 1);
}

/// Until IN_R1/A4 the predecessor is the default IN channel.
#[test]
fn step_2_the_predecessor_carries_on_in_opened_a4w() {
    let (mut bench, predecessor, successor) = a4w();
    bench.send(rpc(4, 1_000));
    assert_eq!(bench.calls(predecessor), [1, 2, 3, 4]);
    // Room is kept back for the last words.
    bench.send(rpc(5, 2_500));
    assert_eq!(bench.calls(predecessor), [1, 2, 3, 4]);
    assert!(bench.calls(successor).is_empty());
    bench.wait(Duration::from_secs(60)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(predecessor), Ping {});
}

/// 3.2.2.5.5 in IN_R1: IN_R1/A5 on the predecessor, then everything on the successor, by the new inbound proxy's window.
#[test]
fn step_3_in_r1_a4_switches_the_default_channel() {
    let (mut bench, predecessor, successor) = a4w();
    bench.send(rpc(4, 3_000));
    let out = bench.out();
    bench.pdu(out, &in_r1_a4(8_192)).unwrap();
    assert_eq!(bench.client.state_name().0, "opened");
    let a5: InR1A5 = bench.last_sent(predecessor);
    assert_eq!(a5.successor_in_channel_cookie.0, bench.in_cookie());
    assert_eq!(bench.calls(successor), [4], "what waited goes out behind IN_R1/A5");
    bench.send(rpc(5, 5_000));
    bench.send(rpc(6, 500));
    assert_eq!(bench.calls(successor), [4, 5], "8,192 bytes is the window now");
    assert_eq!(bench.events.last(), Some(&Event::Recycled(Recycling::InR1)));
    // InboundProxyConnectionTimeout is 240 s.
    bench.wait(Duration::from_secs(119)).unwrap();
    assert_eq!(bench.conns[&successor].pdus.len(), 3);
    bench.wait(Duration::from_secs(1)).unwrap();
    assert_eq!(bench.last_sent::<Ping>(successor), Ping {});
}

/// 3.2.2.5.5 in IN_R2: the same, with the window that holds already.
#[test]
fn step_3_in_r2_a4_switches_the_default_channel() {
    let (mut bench, predecessor, successor) = a4w();
    let out = bench.out();
    bench.pdu(out, &InR2A4 {}).unwrap();
    let a5: InR1A5 = bench.last_sent(predecessor);
    assert_eq!(a5.successor_in_channel_cookie.0, bench.in_cookie());
    bench.send(rpc(4, 65_536 - 1));
    assert_eq!(bench.calls(successor), [4]);
    assert_eq!(bench.events.last(), Some(&Event::Recycled(Recycling::InR2)));
}

/// BytesSent counts on the channel instance: acknowledgements name the successor, and late ones are discarded.
#[test]
fn step_4_acknowledgements_go_by_the_channel_cookie() {
    let (mut bench, _, successor) = a4w();
    let (out, predecessor_cookie) = (bench.out(), bench.sent::<InR1A1>(successor, 0).predecessor_channel_cookie.0);
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    bench.send(rpc(4, 65_535));
    bench.send(rpc(5, 100));
    bench.ack(out, predecessor_cookie, 127_000, WINDOW).unwrap();
    assert_eq!(bench.calls(successor), [4]);
    let cookie = bench.in_cookie();
    bench.ack(out, cookie, 65_535, WINDOW).unwrap();
    assert_eq!(bench.calls(successor), [4, 5]);
}

/// 3.2.3.5.6: its proxy may still be forwarding. It closes the predecessor, and 3.2.2.5.11 ignores that.
#[test]
fn step_5_the_predecessor_is_left_to_its_proxy() {
    for by_proxy in [true, false] {
        let (mut bench, predecessor, _) = a4w();
        let out = bench.out();
        bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
        assert!(!bench.conns[&predecessor].closed);
        if by_proxy {
            bench.reset(predecessor, Reset::not_sent("closed by the peer")).unwrap();
        } else {
            bench.wait(Duration::from_secs(120)).unwrap();
            assert!(bench.conns[&predecessor].closed);
        }
        assert!(bench.closed().is_none());
        bench.send(rpc(4, 100));
        assert_eq!(bench.calls(bench.inward()), [4]);
    }
}

/// A failure that the predecessor's proxy tells is no close: PDUs may not have been forwarded.
#[test]
fn step_5_a_failure_of_the_predecessor_counts() {
    let (mut bench, predecessor, _) = a4w();
    let out = bench.out();
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    let (head, _) = crate::http::rpc_error_response(&crate::http::RpcError::new(0x6BA)).unwrap();
    bench.head(predecessor, head).unwrap();
    bench.event(predecessor, HttpEvent::End).unwrap();
    assert!(matches!(bench.closed(), Some((CloseReason::RpcError { channel: ChannelKind::In, .. }, [], 3))));
}

/// Recycling again and again, in both sequences: once and in order, whatever the lengths.
#[test]
fn many_times_over() {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072));
    let mut received = 0;
    for number in 0..400 {
        bench.send(rpc(number, 16 + (usize::try_from(number).unwrap() * 7_919) % 30_000));
        let out = bench.out();
        if bench.client.state_name().0 == "Opened_A4W" {
            if number % 2 == 0 {
                let order: Vec<_> = bench.order.clone();
                let inward = |conn: &&ConnectionId| bench.conns[*conn].head.as_ref().unwrap().method() == "RPC_IN_DATA";
                let predecessor = *order.iter().rev().filter(inward).nth(1).unwrap();
                bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
                bench.reset(predecessor, Reset::unknown("closed by its proxy")).unwrap();
                bench.conns.get_mut(&predecessor).unwrap().closed = true;
            } else {
                bench.pdu(out, &InR2A4 {}).unwrap();
            }
        }
        let (inward, cookie) = (bench.inward(), bench.in_cookie());
        received = bench.conns[&inward]
            .pdus
            .iter()
            .map(|pdu| match pdu {
                ChannelPdu::Rpc(pdu) => u32::try_from(pdu.len()).unwrap(),
                ChannelPdu::Rts(_) => 0,
            })
            .sum();
        bench.ack(out, cookie, received, WINDOW).unwrap();
    }
    assert!(received > 0);
    let calls: Vec<u32> = bench.order.clone().into_iter().flat_map(|conn| bench.calls(conn)).collect();
    assert_eq!(calls, (0..400).collect::<Vec<_>>());
    assert!(bench.events.iter().filter(|event| matches!(event, Event::Recycled(_))).count() > 30);
    // In IN_R2 the proxy here never closes a predecessor: the client keeps a few, no more.
    assert!(bench.conns.values().filter(|sent| !sent.closed).count() <= 8);
}

/// 3.2.3.5.5.1: a proxy that knows the virtual connection takes IN_R1/A1 for IN_R2/A1, and ends it where the predecessor is another than it
/// knows. So nothing more is asked for until the proxy of IN_R1's predecessor has closed it, or the client has.
#[test]
fn the_next_successor_waits_for_the_proxy_that_was_left() {
    for by_proxy in [true, false] {
        let (mut bench, predecessor, second) = a4w();
        let out = bench.out();
        bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
        let cookie = bench.in_cookie();
        for number in 1..=4 {
            bench.send(rpc(10 + number, 32_000));
            bench.ack(out, cookie, number * 32_000, WINDOW).unwrap();
        }
        bench.send(rpc(20, 100));
        bench.send(rpc(21, 5_000));
        assert_eq!((bench.client.state_name().0, bench.inward()), ("opened", second));
        assert_eq!(bench.calls(second), [11, 12, 13, 14, 20]);
        if by_proxy {
            bench.reset(predecessor, Reset::unknown("closed by its proxy")).unwrap();
        } else {
            bench.wait(Duration::from_secs(120)).unwrap();
        }
        assert_eq!(bench.client.state_name().0, "Opened_A4W");
        let third = bench.inward();
        assert_ne!(third, second);
        bench.pdu(out, &InR2A4 {}).unwrap();
        assert_eq!(bench.calls(third), [21]);
    }
}

/// So does one that RTS PDUs alone have use for.
#[test]
fn acknowledgements_wait_for_the_proxy_that_was_left() {
    let (mut bench, predecessor, second) = a4w();
    let out = bench.out();
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    for _ in 0..2_400 {
        bench.bytes(out, [rpc(1, 32_768), rpc(2, 16)].concat()).unwrap();
        bench.consume(32_784);
        if bench.conns[&second].bytes > 131_072 - 100 {
            break;
        }
    }
    assert_eq!((bench.client.state_name().0, bench.inward()), ("opened", second));
    bench.reset(predecessor, Reset::unknown("closed by its proxy")).unwrap();
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
}

/// A client that only listens recycles by its acknowledgements and pings.
#[test]
fn rts_pdus_use_the_channel_up_too() {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072));
    let (first, out) = (bench.inward(), bench.out());
    let turn = |bench: &mut Bench| {
        bench.bytes(out, [rpc(1, 32_768), rpc(2, 16)].concat()).unwrap();
        bench.consume(32_784);
    };
    // (131,072 - 4,096 - 104) / 56 acknowledgements.
    for _ in 0..2_265 {
        turn(&mut bench);
    }
    assert_eq!((bench.client.state_name().0, bench.conns[&first].pdus.len()), ("opened", 2_266));
    turn(&mut bench);
    assert_eq!(bench.client.state_name().0, "Opened_A4W");
    // Those that find no room wait for the successor, and are one there.
    let mut acknowledged = 0;
    while bench.conns[&first].bytes != acknowledged {
        acknowledged = bench.conns[&first].bytes;
        turn(&mut bench);
    }
    assert!((131_072 - 56 - 40 + 1..=131_072 - 40).contains(&acknowledged), "{acknowledged}");
    bench.bytes(out, rpc(1, 32_752)).unwrap();
    bench.consume(32_752);
    bench.pdu(out, &InR2A4 {}).unwrap();
    let successor = bench.inward();
    assert_eq!(bench.conns[&successor].pdus.len(), 2, "IN_R1/A1 and one FlowControlAckWithDestination");
    let ack: FlowControlAckWithDestination = bench.last_sent(successor);
    assert_eq!(ack.flow_control_ack.available_window, WINDOW);
    assert_eq!(bench.conns[&first].bytes, acknowledged + 40);
}

/// Whatever the threshold: acknowledgements that find no room begin nothing by themselves, and nobody sends into a window that stays shut.
#[test]
fn rts_pdus_recycle_with_no_threshold_too() {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072).with_recycle_threshold(0));
    let out = bench.out();
    for _ in 0..2_400 {
        bench.bytes(out, [rpc(1, 32_768), rpc(2, 16)].concat()).unwrap();
        bench.consume(32_784);
        if bench.client.state_name().0 == "Opened_A4W" {
            return;
        }
    }
    panic!("{:?}", bench.client.state_name());
}

#[test]
fn a_successor_that_was_not_sent_goes_out_again_with_the_same_cookie() {
    let (mut bench, _, successor) = a4w();
    let first: InR1A1 = bench.sent(successor, 0);
    bench.reset(successor, Reset::not_sent("authentication goes on on another connection")).unwrap();
    let again = bench.inward();
    assert_ne!(again, successor);
    assert_eq!(bench.sent::<InR1A1>(again, 0), first);
    let out = bench.out();
    bench.pdu(out, &in_r1_a4(WINDOW)).unwrap();
    bench.send(rpc(9, 100));
    assert_eq!(bench.calls(again), [9]);
}

#[test]
fn a_successor_that_is_not_answered_ends_the_virtual_connection() {
    let (mut bench, ..) = a4w();
    bench.send(rpc(4, 30_000));
    bench.wait(Duration::from_secs(119)).unwrap();
    let error = bench.wait(Duration::from_secs(1)).unwrap_err().to_string();
    assert!(error.contains("Opened_A4W") && error.contains("IN_R1/A4") && error.contains("3.2.2.5.5"), "{error}");
    assert_eq!(bench.closed().map(|(_, unsent, sent)| (unsent.len(), sent)), Some((1, 3)));
    assert!(bench.all_closed());
}

#[test]
fn in_r1_a4_that_nobody_asked_for_is_a_protocol_error() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    let error = bench.pdu(out, &in_r1_a4(WINDOW)).unwrap_err().to_string();
    for part in ["opened", "IN_R1/A4", "[MS-RPCH] 3.2.2.5.5"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(bench.all_closed());
}
