//! The inbound proxy against bytes built by hand: each transition of figure 27.

use std::time::Duration;

use bytes::Bytes;

use super::InboundProxy;
use crate::flow_control::AckThreshold;
use crate::front::test_net::{LEG, ProxyNet};
use crate::front::{LegEvent, ProxyChannelEvent, ProxyConfig};
use crate::test_pdus::*;

type Net = ProxyNet<InboundProxy>;

const CONN: u64 = 1;
const CONN2: u64 = 2;
const IN2: u8 = 0xB2;

fn config() -> ProxyConfig {
    ProxyConfig::DEFAULT.with_ack_threshold(AckThreshold::EveryRelease)
}

/// Open_Start to B3W by CONN/B1.
fn b3w() -> Net {
    let mut net = Net::new(config());
    net.request(CONN, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN, conn_b1());
    assert_eq!(net.state(), "B3W");
    net
}

/// B3W to opened by CONN/B3, with a server window of 8,192.
fn opened() -> Net {
    let mut net = b3w();
    net.leg(LegEvent::Opened);
    net.server([b"ncacn_http/1.0", &conn_b3(8_192)[..]].concat().into());
    assert_eq!(net.state(), "opened");
    net.out(LEG);
    net.events.clear();
    net
}

fn all<E: std::fmt::Debug>(events: &[E]) -> String {
    format!("{events:?}")
}

/// [MS-RPCH] 3.2.3.5.3, field by field of 2.2.4.6.
#[test]
fn conn_b1_opens_a_leg_and_sends_b2() {
    let mut net = b3w();
    assert_eq!(net.legs, [(LEG, "mbx.test:6001".to_owned())]);
    assert_eq!(net.out(LEG), [conn_b2(65_536)]);
    assert_eq!(net.events, [ProxyChannelEvent::KeepAlive(Duration::from_secs(300))]);
    assert!(!net.sent.contains_key(&CONN), "an IN channel response is for errors only");
}

/// Plugged channel mode: what comes before CONN/B3 waits. [MS-RPCH] 3.2.3.5.3, 3.2.3.5.4
#[test]
fn b3w_is_plugged_until_b3() {
    let mut net = b3w();
    net.out(LEG);
    net.body(CONN, [rpc(100, 1), ack_to(3, 0, 65_536, OUT), rpc(100, 2)].concat().into());
    assert!(net.out(LEG).is_empty());
    net.server(conn_b3(8_192));
    let sent = net.out(LEG);
    let rpcs: Vec<_> = sent.iter().filter(|pdu| pdu[2] == 0).cloned().collect();
    assert_eq!(rpcs, [rpc(100, 1), rpc(100, 2)]);
    assert!(sent.contains(&ack_to(3, 0, 65_536, OUT)));
}

/// [MS-RPCH] 3.2.3.5.2, 3.2.1.5.1: RPC PDUs under the server's window, acknowledged to the client by way of the server.
#[test]
fn pdus_are_forwarded_within_the_window_of_the_server() {
    let mut net = opened();
    net.body(CONN, [rpc(5_000, 1), rpc(5_000, 2), ping()].concat().into());
    assert_eq!(net.out(LEG), [rpc(5_000, 1), ack_to(0, 10_000, 60_536, IN)]);
    net.server(ack_direct(5_000, 8_192, IN));
    assert_eq!(net.out(LEG), [rpc(5_000, 2), ack_to(0, 10_000, 65_536, IN)]);
    net.server(ack_direct(0, 0, 0x77));
    assert_eq!(net.last, Ok(()), "of no channel of this virtual connection: discarded");
}

/// [MS-RPCH] 3.2.1.5.2: whatever has a destination other than the inbound proxy goes to the server, byte for byte.
#[test]
fn forwarding_by_destination() {
    for pdu in [ack_to(3, 1, 2, OUT), out_a8(0xA2), ack_to(2, 1, 2, OUT), ack_to(0, 1, 2, OUT)] {
        let mut net = opened();
        net.body(CONN, pdu.clone());
        assert_eq!(net.out(LEG), [pdu]);
    }
}

/// [MS-RPCH] 2.2.4.40 and 2.2.4.41: what goes on of OUT_R2/A7 has no Version.
#[test]
fn out_r2_a7_goes_on_as_out_r2_a8() {
    let mut net = opened();
    net.body(CONN, out_r2_a7(0xA2));
    assert_eq!(net.out(LEG), [out_a8(0xA2)]);
}

#[test]
fn keep_alive_values() {
    for (value, seconds) in [(0, 300), (1, 60), (59_999, 60), (61_000, 61)] {
        let mut net = opened();
        net.body(CONN, rts(OTHER_CMD, &[keepalive(value)]));
        assert_eq!(net.events, [ProxyChannelEvent::KeepAlive(Duration::from_secs(seconds))]);
        assert!(net.out(LEG).is_empty());
    }
}

/// IN_R2, [MS-RPCH] 3.2.1.5.3.3: the same proxy, by the cookie in its table.
#[test]
fn in_r2() {
    let mut net = opened();
    net.body(CONN, rpc(5_000, 1));
    net.body(CONN, rpc(5_000, 2));
    net.out(LEG);
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(IN, IN2));
    assert_eq!(net.out(LEG), [cookie_alone(IN2)], "IN_R2/A2");
    assert_eq!(net.state(), "Opened_A5W");
    net.body(CONN2, rpc(100, 3));
    assert!(net.out(LEG).is_empty());
    net.body(CONN, cookie_alone(IN2));
    assert_eq!(net.state(), "opened");
    assert!(net.sent[&CONN].closed);
    assert_eq!(net.events, [ProxyChannelEvent::Recycled]);
    assert!(net.legs.len() == 1, "the leg goes on");
    // What the predecessor had queued comes first and is acknowledged to nobody; the successor's count begins anew.
    net.server(ack_direct(5_000, 8_192, IN2));
    assert_eq!(net.out(LEG), [rpc(5_000, 2), rpc(100, 3), ack_to(0, 100, 65_536, IN2)]);
    // The server may have named the leg by its old cookie, on a slower way.
    net.server(ack_direct(10_100, 8_192, IN));
    net.body(CONN2, rpc(8_192, 4));
    assert_eq!(net.out(LEG), [rpc(8_192, 4), ack_to(0, 8_292, 65_536, IN2)]);
    net.reset(CONN);
    assert_eq!(net.last, Ok(()));
}

/// A successor brings a whole window. So that no more than two are ever held, the next one waits until what came before its predecessor is
/// forwarded; meanwhile it is the only one.
#[test]
fn no_more_than_two_windows_are_held() {
    let waiting = || {
        let mut net = opened();
        net.body(CONN, [rpc(8_000, 1), rpc(8_000, 2)].concat().into());
        net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
        net.body(CONN2, in_a1(IN, IN2));
        net.body(CONN, cookie_alone(IN2));
        net.body(CONN2, rpc(8_000, 3));
        net.out(LEG);
        net.request(3, "RPC_IN_DATA", 0x4000_0000);
        net.body(3, in_a1(IN2, 0xB3));
        assert_eq!((net.state(), net.out(LEG)), ("opened", vec![]));
        net
    };
    let mut net = waiting();
    net.server(ack_direct(8_000, 8_192, IN2));
    assert_eq!((net.state(), net.out(LEG)), ("Opened_A5W", vec![rpc(8_000, 2), cookie_alone(0xB3)]));
    net.body(CONN2, cookie_alone(0xB3));
    net.body(3, rpc(8_000, 4));
    net.server(ack_direct(16_000, 8_192, 0xB3));
    net.server(ack_direct(24_000, 8_192, 0xB3));
    let sent = net.out(LEG);
    let sent: Vec<_> = sent.into_iter().filter(|pdu| pdu[2] == 0).collect();
    assert_eq!(sent, [rpc(8_000, 3), rpc(8_000, 4)]);

    let mut net = waiting();
    net.request(4, "RPC_IN_DATA", 0x4000_0000);
    net.body(4, in_a1(IN2, 0xB4));
    net.assert_ended(&[CONN2, 3, 4, LEG], &["opened", "no second successor IN channel", "[MS-RPCH] 3.2.3.5.5.1"]);

    // IN_R1/A5: the client has gone to another proxy, whatever it wanted here.
    let mut net = waiting();
    net.body(CONN2, cookie_alone(0xB4));
    assert!(net.sent[&3].aborted);
    net.server(ack_direct(8_000, 8_192, IN2));
    net.server(ack_direct(16_000, 8_192, IN2));
    assert_eq!((net.state(), net.out(LEG).last()), ("finished", Some(&in_r1_b1())));
}

/// [MS-RPCH] 3.2.3.5.8: with another cookie the successor is closed, and the predecessor goes on.
#[test]
fn in_r2_a5_with_another_cookie() {
    let mut net = opened();
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(IN, IN2));
    net.body(CONN, cookie_alone(0x99));
    assert_eq!(net.state(), "opened");
    assert!(net.sent[&CONN2].aborted);
    net.out(LEG);
    net.body(CONN, rpc(100, 1));
    assert_eq!(net.out(LEG)[0], rpc(100, 1));
}

/// IN_R1 at the predecessor, [MS-RPCH] 3.2.3.5.6: A6, what is queued under the window, B1, the end.
#[test]
fn in_r1_at_the_predecessor() {
    let mut net = opened();
    net.body(CONN, [rpc(5_000, 1), rpc(5_000, 2)].concat().into());
    net.out(LEG);
    net.body(CONN, [cookie_alone(IN2), rpc(100, 9)].concat().into());
    assert_eq!(net.out(LEG), [cookie_alone(IN2)], "IN_R1/A6");
    assert!(!net.sent[&LEG].closed);
    net.server(ack_direct(5_000, 8_192, IN));
    let sent = net.out(LEG);
    assert_eq!((sent.first(), sent.last()), (Some(&rpc(5_000, 2)), Some(&in_r1_b1())));
    assert!(net.sent[&CONN].closed && net.sent[&LEG].closed);
    let second = ProxyChannelEvent::Unacknowledged { pdus: 1, bytes: 5_000 };
    assert_eq!(net.events, [second, ProxyChannelEvent::Finished]);
    assert_eq!(net.state(), "finished");
}

/// IN_R1 at the successor, [MS-RPCH] 3.2.3.5.5.2 and 3.2.3.5.7: an unknown cookie.
#[test]
fn in_r1_at_the_successor() {
    let mut net = Net::new(config());
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(IN, IN2));
    assert_eq!(net.state(), "Wait_B2");
    assert_eq!(net.legs.len(), 1);
    assert_eq!(net.out(LEG), [in_r1_a2(IN, IN2)]);
    net.body(CONN2, rpc(100, 1));
    assert!(net.out(LEG).is_empty(), "plugged channel mode");
    net.server([b"ncacn_http/1.0", &in_r1_b2(8_192)[..]].concat().into());
    assert_eq!(net.state(), "opened");
    assert_eq!(net.out(LEG), [rpc(100, 1), ack_to(0, 100, 65_536, IN2)]);
}

/// The server tells the client of the virtual connection before it tells the proxy: a client may have gone through a whole channel by then.
#[test]
fn a_successor_that_comes_before_conn_b3_waits_for_it() {
    let mut net = b3w();
    net.leg(LegEvent::Opened);
    net.body(CONN, rpc(100, 1));
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(IN, IN2));
    assert_eq!((net.state(), &net.last), ("B3W", &Ok(())));
    net.out(LEG);
    net.server([b"ncacn_http/1.0", &conn_b3(8_192)[..]].concat().into());
    assert_eq!(net.state(), "Opened_A5W");
    assert!(net.out(LEG).contains(&rpc(100, 1)));
}

/// Likewise IN_R1/A5 on a channel that the client has gone through before IN_R1/B2, or CONN/B3, is here.
#[test]
fn in_r1_a5_that_comes_before_conn_b3_waits_for_it() {
    let mut net = b3w();
    net.leg(LegEvent::Opened);
    net.body(CONN, [rpc(100, 1), cookie_alone(IN2)].concat().into());
    net.event(CONN, oxwire_http::HttpEvent::End);
    assert_eq!((net.state(), &net.last), ("B3W", &Ok(())));
    net.out(LEG);
    net.server([b"ncacn_http/1.0", &conn_b3(8_192)[..]].concat().into());
    assert!(net.sent[&CONN].closed && net.sent[&LEG].closed);
    assert_eq!(net.events.last(), Some(&ProxyChannelEvent::Finished));
    assert!(net.out(LEG).contains(&rpc(100, 1)));
}

/// [MS-RPCH] 3.2.3.5.11: a server that cannot be reached is told to the client.
#[test]
fn an_unreachable_server() {
    let mut net = b3w();
    net.leg(LegEvent::Lost("refused".into()));
    assert_eq!(net.sent[&CONN].head.as_deref(), Some("503 RPC Error: 6ba"));
    assert!(net.sent[&CONN].closed);
    assert!(all(&net.events).contains("refused"));
}

/// [MS-RPCH] 3.2.3.5.10, and the timers: nothing waits for ever, and what was not forwarded is told.
#[test]
fn what_ends_it() {
    let mut net = b3w();
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[CONN, LEG], &["B3W", "CONN/B3"]);

    for cut in [0, 1] {
        let mut net = opened();
        net.body(CONN, [rpc(5_000, 1), rpc(5_000, 2)].concat().into());
        if cut == 0 {
            net.reset(CONN)
        } else {
            net.leg(LegEvent::Lost("cut".into()))
        }
        net.assert_ended(&[CONN, LEG], &["cut"]);
        assert_eq!(net.events[0], ProxyChannelEvent::Undelivered(rpc(5_000, 2)));
        assert_eq!(net.events[1], ProxyChannelEvent::Unacknowledged { pdus: 1, bytes: 5_000 });
    }

    let mut net = opened();
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[CONN, LEG], &["opened", "a ping from the client"]);
}

#[test]
fn pdus_out_of_sequence() {
    for (pdu, named) in [
        (conn_b1(), "CONN/B1"),
        (in_a1(IN, IN2), "IN_R2/A1"),
        (rts(NONE, &[ance()]), "OUT_R1/A9"),
        (ack_direct(0, 65_536, OUT), "FlowControlAck"),
        (ack_to(1, 0, 65_536, OUT), "FlowControlAckWithDestination"),
        (rts(ECHO, &[]), "Echo"),
    ] {
        let mut net = opened();
        net.body(CONN, pdu);
        net.assert_ended(&[CONN, LEG], &[named, "opened", "[MS-RPCH] 3.2.3.5"]);
    }
    for (pdu, named) in [
        (conn_b3(8_192), "CONN/B3"),
        (in_r1_b2(8_192), "IN_R1/B2"),
        (rpc(16, 1), "request"),
        (conn_c1(8_192), "CONN/C1"),
        (ack_direct(1, 8_192, IN), "FlowControlAck"),
    ] {
        let mut net = opened();
        net.server(pdu);
        net.assert_ended(&[CONN, LEG], &[named, "opened", "[MS-RPCH] 3.2"]);
    }
    for pdu in [in_r1_b2(8_192), rpc(16, 1), Bytes::from_static(b"HTTP/1.1 200 OK\r\n\r\n")] {
        let mut net = b3w();
        net.server(pdu);
        net.assert_ended(&[CONN, LEG], &["B3W"]);
    }
    // In A5W no second successor, in opened none with another predecessor.
    let mut net = opened();
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(0x99, IN2));
    net.assert_ended(&[CONN, CONN2, LEG], &["IN_R2/A1", "PredecessorChannelCookie", "[MS-RPCH] 3.2.3.5.5.1"]);
    let mut net = opened();
    for conn in [CONN2, 3] {
        net.request(conn, "RPC_IN_DATA", 0x4000_0000);
        net.body(conn, in_a1(IN, IN2));
    }
    net.assert_ended(&[CONN, CONN2, 3, LEG], &["IN_R2/A1", "Opened_A5W"]);
    let mut net = opened();
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, conn_b1());
    net.assert_ended(&[CONN, CONN2, LEG], &["CONN/B1", "opened", "[MS-RPCH] 3.2.3.5.3"]);
}

/// A window that is overrun, a channel for the other proxy, a channel of another user.
#[test]
fn others_are_turned_away() {
    let mut net = opened();
    for fill in 0..3 {
        net.body(CONN, rpc(30_000, fill));
    }
    net.assert_ended(&[CONN, LEG], &["opened"]);

    let mut net = opened();
    net.request(3, "RPC_OUT_DATA", 76);
    net.body(3, conn_a1(65_536));
    assert_eq!(net.sent[&3].head.as_deref(), Some("503 RPC Error: 6c0"));
    net.principal = oxwire_core::Principal::new("eve");
    net.request(CONN2, "RPC_IN_DATA", 0x4000_0000);
    net.body(CONN2, in_a1(IN, IN2));
    assert_eq!(net.sent[&CONN2].head.as_deref(), Some("503 RPC Error: 6c0"));
    assert_eq!(net.state(), "opened");
}
