//! IN_R2 and OUT_R2 as a client sees them, [MS-RPCH] 3.2.1.5.3.3 and 3.2.1.5.3.5.

use std::time::Duration;

use bytes::Bytes;
use oxwire_core::Principal;
use oxwire_http::HttpEvent;

use super::harness::{IN_CONN, Net, OUT_CONN};
use crate::endpoint::{EndpointConfig, Event, InChannelResponse, VirtualConnectionConfig};
use crate::flow_control::AckThreshold;
use crate::http::ChannelKind;
use crate::test_pdus::*;

const IN2_CONN: u64 = 11;
const OUT2_CONN: u64 = 12;
const IN2: u8 = 0xB2;
const OUT2: u8 = 0xA2;

fn short() -> EndpointConfig {
    let connection =
        VirtualConnectionConfig::DEFAULT.with_channel_lifetime(131_072).with_ack_threshold(AckThreshold::EveryRelease);
    EndpointConfig::DEFAULT.with_connection(connection)
}

fn in_r2_a4() -> Bytes {
    rts(NONE, &[destination(0)])
}

fn out_r2_a2() -> Bytes {
    rts(RECYCLE, &[destination(0)])
}

fn out_r2_a6() -> Bytes {
    rts(NONE, &[destination(0), ance()])
}

fn out_r2_b3() -> Bytes {
    rts(EOF, &[ance()])
}

/// The successor's PDUs wait for IN_R2/A5, whichever connection is faster.
#[test]
fn in_r2() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.body(IN_CONN, rpc(100, 1));
    net.request_in(IN2_CONN, 0x4000_0000);
    net.body(IN2_CONN, in_a1(IN, IN2));
    assert_eq!(net.out(OUT_CONN), [in_r2_a4()]);
    assert_eq!(net.vc().states(), ("Opened_A5W", "opened"));
    net.body(IN2_CONN, [rpc(100, 3), ping(), rpc(100, 4)].concat().into());
    net.body(IN_CONN, rpc(100, 2));
    assert_eq!(net.pdus(), [rpc(100, 1), rpc(100, 2)], "plugged channel mode");
    net.body(IN_CONN, cookie_alone(IN2));
    assert_eq!(net.pdus(), [rpc(100, 3), rpc(100, 4)]);
    assert!(net.sent[&IN_CONN].closed);
    assert_eq!(net.events, [Event::Recycled(ChannelKind::In)]);
    assert_eq!(net.vc().states(), ("opened", "opened"));
    // Whatever the predecessor still says or how it ends does not matter.
    net.body(IN_CONN, rpc(100, 9));
    net.reset(IN_CONN);
    assert_eq!(net.last, Ok(()));
    assert!(net.pdus().is_empty());
    // And once more.
    net.consume(400).unwrap();
    net.request_in(21, 0x4000_0000);
    net.body(21, in_a1(IN2, 0xB3));
    net.body(IN2_CONN, cookie_alone(0xB3));
    net.body(21, rpc(100, 5));
    assert_eq!(net.pdus(), [rpc(100, 5)]);
}

/// A successor brings a whole window. So that no more than two are ever held, the next one waits until what came before its predecessor is
/// consumed; meanwhile it is the only one.
#[test]
fn no_more_than_two_windows_are_held() {
    let waiting = || {
        let mut net = Net::opened(short());
        net.body(IN_CONN, rpc(32_768, 1));
        net.body(IN_CONN, rpc(32_768, 2));
        net.request_in(IN2_CONN, 0x4000_0000);
        net.body(IN2_CONN, in_a1(IN, IN2));
        net.body(IN_CONN, cookie_alone(IN2));
        net.body(IN2_CONN, rpc(32_768, 3));
        net.body(IN2_CONN, rpc(32_768, 4));
        net.out(OUT_CONN);
        net.request_in(21, 0x4000_0000);
        net.body(21, in_a1(IN2, 0xB3));
        assert_eq!((net.vc().states(), net.out(OUT_CONN)), (("opened", "opened"), vec![]));
        net
    };
    let mut net = waiting();
    net.consume(32_768).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), Vec::<Bytes>::new(), "a PDU of the first channel is still there");
    net.consume(32_768).unwrap();
    net.turn();
    assert_eq!((net.vc().states(), net.out(OUT_CONN)), (("Opened_A5W", "opened"), vec![in_r2_a4()]));
    net.body(IN2_CONN, cookie_alone(0xB3));
    net.body(21, rpc(32_768, 5));
    assert_eq!(net.pdus().len(), 5);

    let mut net = waiting();
    net.request_in(22, 0x4000_0000);
    net.body(22, in_a1(IN2, 0xB4));
    net.assert_ended(&["opened", "no second successor IN channel", "IN_R2/A1", "[MS-RPCH] 3.2.3.5.5.1"]);
    assert!([IN2_CONN, 21, 22, OUT_CONN].iter().all(|conn| net.sent[conn].aborted));

    let mut net = waiting();
    net.reset(21);
    net.assert_ended(&["successor IN channel"]);
}

/// Counters begin anew on the successor; what was not consumed of the predecessor is acknowledged to nobody.
#[test]
fn acknowledgements_are_of_one_channel_instance() {
    let mut net = Net::opened(short());
    net.body(IN_CONN, rpc(1_000, 1));
    net.request_in(IN2_CONN, 0x4000_0000);
    net.body(IN2_CONN, in_a1(IN, IN2));
    net.body(IN_CONN, cookie_alone(IN2));
    net.body(IN2_CONN, rpc(500, 2));
    net.out(OUT_CONN);
    net.consume(1_000).unwrap();
    net.turn();
    assert!(net.out(OUT_CONN).is_empty());
    net.consume(500).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [ack_to(0, 500, 65_536, IN2)]);
    assert!(net.consume(1).is_err());
}

#[test]
fn the_successor_is_answered_by_the_policy() {
    for (policy, before, after) in [
        (InChannelResponse::Nothing, None, None),
        (InChannelResponse::HeldOpen, Some("200 Success"), Some("200 Success")),
        (InChannelResponse::Success, None, Some("200 Success")),
    ] {
        let connection = VirtualConnectionConfig::DEFAULT.with_in_channel_response(policy);
        let mut net = Net::opened(EndpointConfig::DEFAULT.with_connection(connection));
        net.request_in(IN2_CONN, 0x4000_0000);
        net.body(IN2_CONN, in_a1(IN, IN2));
        let head = |net: &Net| net.sent.get(&IN2_CONN).and_then(|sent| sent.head.clone());
        assert_eq!(head(&net).as_deref(), before);
        net.body(IN_CONN, cookie_alone(IN2));
        assert_eq!(head(&net).as_deref(), after);
    }
}

/// [MS-RPCH] 3.2.3.5.8: with another cookie the successor is closed, and the predecessor goes on.
#[test]
fn in_r2_a5_with_another_cookie_gives_the_successor_up() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_in(IN2_CONN, 0x4000_0000);
    net.body(IN2_CONN, in_a1(IN, IN2));
    net.body(IN_CONN, cookie_alone(0x99));
    assert!(net.sent[&IN2_CONN].aborted);
    assert_eq!(net.vc().states(), ("opened", "opened"));
    net.body(IN_CONN, rpc(100, 1));
    assert_eq!(net.pdus(), [rpc(100, 1)]);
}

/// Sends until OUT_R2/A2 has come; gives how much of the lifetime was used by then.
fn fill(net: &mut Net) -> usize {
    let mut used = 28 + 36;
    let mut received = 0;
    loop {
        net.send(rpc(4_096, 1)).unwrap();
        net.turn();
        for pdu in net.out(OUT_CONN) {
            used += pdu.len();
            if pdu == out_r2_a2() {
                return used;
            }
            received += 4_096;
        }
        net.body(IN_CONN, ack_to(3, received, 65_536, OUT));
    }
}

/// Note 51: with 8 KiB left; the channel goes on meanwhile, and the PDUs that no longer fit go out on the successor.
#[test]
fn out_r2_with_c1_before_a7() {
    let mut net = Net::opened(short());
    let used = fill(&mut net);
    assert!((131_072 - 8_192..131_072 - 4_096).contains(&used), "{used}");
    assert_eq!(net.vc().states(), ("opened", "Opened_A4W"));
    for fill in 2..=5 {
        net.send(rpc(4_096, fill)).unwrap();
    }
    net.turn();
    assert_eq!(net.out(OUT_CONN), [rpc(4_096, 2)], "one more fits, and what is reserved for RTS PDUs is kept");
    net.request_out(OUT2_CONN, 120);
    net.body(OUT2_CONN, [out_a3(OUT, OUT2, 65_536), out_r2_c1()].concat().into());
    net.event(OUT2_CONN, HttpEvent::End);
    assert_eq!(net.out(OUT_CONN), [out_r2_a6()]);
    assert_eq!(net.vc().states(), ("opened", "B1W"));
    assert!(!net.sent.contains_key(&OUT2_CONN), "plugged channel mode");
    net.body(IN_CONN, out_r2_a7(OUT2));
    assert_eq!(net.out(OUT_CONN), [out_r2_b3()]);
    assert!(net.sent[&OUT_CONN].closed);
    assert_eq!(net.sent[&OUT2_CONN].head.as_deref(), Some("200 Success"));
    assert_eq!(net.out(OUT2_CONN), [rpc(4_096, 3), rpc(4_096, 4), rpc(4_096, 5)]);
    assert_eq!(net.events, [Event::Recycled(ChannelKind::Out)]);
    assert_eq!(net.vc().states(), ("opened", "opened"));
    net.body(IN_CONN, ack_to(3, 0, 0, OUT));
    net.body(IN_CONN, ack_to(3, 3 * 4_096, 65_536, OUT2));
    assert_eq!(net.last, Ok(()));
}

/// Two PDUs of 4,096 bytes went out on the predecessor and are not acknowledged; OUT_R2/B3 has followed them.
fn recycled_with_two_in_doubt() -> (Net, u32) {
    let mut net = Net::opened(short());
    let acknowledged = u32::try_from((fill(&mut net) - 28 - 36 - out_r2_a2().len()) / 4_096 * 4_096).unwrap() - 4_096;
    net.send(rpc(4_096, 2)).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [rpc(4_096, 2)]);
    net.request_out(OUT2_CONN, 120);
    net.body(OUT2_CONN, [out_a3(OUT, OUT2, 65_536), out_r2_c1()].concat().into());
    net.body(IN_CONN, out_r2_a7(OUT2));
    assert_eq!(net.vc().states(), ("opened", "opened"));
    (net, acknowledged)
}

fn in_doubt(net: &mut Net, conn: u64) -> (usize, u32) {
    net.reset(conn);
    match net.events.last() {
        Some(Event::Closed { in_doubt_pdus, in_doubt_bytes, .. }) => (*in_doubt_pdus, *in_doubt_bytes),
        other => panic!("{other:?}"),
    }
}

/// What the predecessor had sent is in doubt until the client shows that it has come over, whatever is sent on the successor.
#[test]
fn what_a_recycled_out_channel_had_sent_is_in_doubt() {
    let (mut net, _) = recycled_with_two_in_doubt();
    assert_eq!(in_doubt(&mut net, OUT2_CONN), (2, 8_192));

    let (mut net, _) = recycled_with_two_in_doubt();
    net.send(rpc(1_000, 3)).unwrap();
    net.turn();
    net.body(IN_CONN, ack_to(3, 0, 65_536, OUT2));
    assert_eq!(in_doubt(&mut net, OUT2_CONN), (3, 9_192), "it has read nothing of the successor yet");
}

/// An acknowledgement that was under way when OUT_R2/A7 came still tells what has arrived; one that cannot be is discarded.
#[test]
fn late_acknowledgements_of_a_recycled_out_channel_count() {
    let (mut net, acknowledged) = recycled_with_two_in_doubt();
    net.body(IN_CONN, ack_to(3, acknowledged + 4_096, 65_536, OUT));
    net.body(IN_CONN, ack_to(3, acknowledged + 100_000, 65_536, OUT));
    net.body(IN_CONN, ack_to(3, acknowledged + 8_192, 65_536, 0x99));
    assert_eq!(net.last, Ok(()));
    assert_eq!(in_doubt(&mut net, OUT2_CONN), (1, 4_096));
}

/// The client reads a successor once it has read its predecessor to the end.
#[test]
fn an_acknowledgement_on_the_successor_ends_the_doubt() {
    let (mut net, _) = recycled_with_two_in_doubt();
    net.send(rpc(1_000, 3)).unwrap();
    net.send(rpc(500, 4)).unwrap();
    net.turn();
    net.body(IN_CONN, ack_to(3, 1_000, 65_536, OUT2));
    assert_eq!(in_doubt(&mut net, OUT2_CONN), (1, 500));
}

/// So does a successor of the successor: nothing was acknowledged, with a window that is larger than two lifetimes.
#[test]
fn a_further_successor_ends_the_doubt() {
    const OUT3_CONN: u64 = 13;
    let send_to_the_end = |net: &mut Net, conn| {
        for sent in 1.. {
            net.send(rpc(4_096, 1)).unwrap();
            net.turn();
            if net.out(conn).contains(&out_r2_a2()) {
                return sent;
            }
        }
        0
    };
    for further in [false, true] {
        let mut net = Net::new(short());
        net.request_out(OUT_CONN, 76);
        net.body(OUT_CONN, conn_a1(262_144));
        net.request_in(IN_CONN, 0x4000_0000);
        net.body(IN_CONN, conn_b1());
        let first = send_to_the_end(&mut net, OUT_CONN);
        net.request_out(OUT2_CONN, 120);
        net.body(OUT2_CONN, [out_a3(OUT, OUT2, 262_144), out_r2_c1()].concat().into());
        net.body(IN_CONN, out_r2_a7(OUT2));
        let second = send_to_the_end(&mut net, OUT2_CONN);
        if further {
            net.request_out(OUT3_CONN, 120);
            net.body(OUT3_CONN, out_a3(OUT2, 0xA3, 262_144));
        }
        assert_eq!(in_doubt(&mut net, OUT2_CONN).0, if further { second } else { first + second });
    }
}

#[test]
fn out_r2_with_a7_before_c1() {
    let mut net = Net::opened(short());
    fill(&mut net);
    net.request_out(OUT2_CONN, 120);
    net.body(OUT2_CONN, out_a3(OUT, OUT2, 65_536));
    assert_eq!(net.vc().states(), ("opened", "B1OrC1W"));
    net.out(OUT_CONN);
    // Some clients send the form without a Version, which the inbound proxy would have made of it.
    net.body(IN_CONN, out_a8(OUT2));
    assert_eq!(net.out(OUT_CONN), [out_r2_b3()]);
    assert_eq!(net.vc().states(), ("opened", "R2C1W"));
    // What is due meanwhile waits for the response: an acknowledgement, a PDU.
    net.body(IN_CONN, rpc(100, 1));
    net.consume(100).unwrap();
    net.send(rpc(64, 2)).unwrap();
    net.wait(Duration::from_secs(100));
    assert!(!net.sent.contains_key(&OUT2_CONN));
    net.body(OUT2_CONN, rts(PING, &[[8, 0, 0, 0, 0, 0, 0, 0].to_vec()]));
    assert_eq!(net.out(OUT2_CONN), [ack_to(0, 100, 65_536, IN), rpc(64, 2)]);
    assert_eq!(net.vc().states(), ("opened", "opened"));
}

/// [MS-RPCH] 3.2.5.5.15: both recyclings go on in parallel.
#[test]
fn in_and_out_at_a_time() {
    let mut net = Net::opened(short());
    fill(&mut net);
    net.request_out(OUT2_CONN, 120);
    net.body(OUT2_CONN, out_a3(OUT, OUT2, 65_536));
    net.request_in(IN2_CONN, 0x4000_0000);
    net.body(IN2_CONN, in_a1(IN, IN2));
    assert_eq!(net.out(OUT_CONN), [out_r2_a6(), in_r2_a4()]);
    net.body(IN2_CONN, out_r2_a7(OUT2));
    assert_eq!(net.vc().states(), ("Opened_A5W", "B1OrC1W"), "the successor IN channel is plugged");
    net.body(IN_CONN, cookie_alone(IN2));
    assert_eq!(net.vc().states(), ("opened", "R2C1W"));
    net.body(OUT2_CONN, out_r2_c1());
    assert_eq!(net.vc().states(), ("opened", "opened"));
}

/// A PDU that has no room starts recycling, however much is left.
#[test]
fn a_pdu_without_room_recycles() {
    let mut net = Net::opened(short());
    let mut received = 0;
    for _ in 0..3 {
        net.send(rpc(32_768, 1)).unwrap();
        net.turn();
        received += 32_768;
        net.body(IN_CONN, ack_to(3, received, 65_536, OUT));
    }
    net.out(OUT_CONN);
    net.send(rpc(32_768, 2)).unwrap();
    net.turn();
    assert_eq!(net.out(OUT_CONN), [out_r2_a2()]);
}

/// A client that does not follow keeps what is left, and ends with the timer: nothing waits for ever.
#[test]
fn a_client_that_does_not_recycle_ends_with_the_timer() {
    let mut net = Net::opened(short());
    fill(&mut net);
    for fill in 2..=5 {
        net.send(rpc(4_096, fill)).unwrap();
    }
    for _ in 0..15 {
        net.wait(Duration::from_secs(60));
        if !net.vc().is_closed() {
            net.body(IN_CONN, ping());
        }
    }
    net.assert_ended(&["Opened_A4W", "OUT_R2/A3", "[MS-RPCH] 3.2.5.2.1"]);
    let undelivered = net.events.iter().filter(|event| matches!(event, Event::Undelivered(_))).count();
    assert_eq!(undelivered, 3);
}

/// A channel of another user that names this virtual connection is turned away, and nothing else happens.
#[test]
fn another_user_does_not_get_in() {
    let mut net = Net::opened(short());
    net.principal = Some(Principal::new("eve"));
    net.request_in(IN2_CONN, 0x4000_0000);
    net.body(IN2_CONN, in_a1(IN, IN2));
    assert_eq!(net.sent[&IN2_CONN].head.as_deref(), Some("503 RPC Error: 6c0"));
    net.request_out(OUT2_CONN, 76);
    net.body(OUT2_CONN, conn_a1(65_536));
    assert_eq!(net.sent[&OUT2_CONN].head.as_deref(), Some("503 RPC Error: 6c0"));
    assert_eq!(net.refused.len(), 2);
    net.body(IN_CONN, rpc(100, 1));
    assert_eq!(net.pdus(), [rpc(100, 1)]);
}
