//! The outbound proxy against bytes built by hand: each transition of figure 28.

use std::time::Duration;

use bytes::Bytes;

use super::OutboundProxy;
use crate::flow_control::AckThreshold;
use crate::front::test_net::{LEG, ProxyNet};
use crate::front::{LegEvent, ProxyChannelEvent, ProxyConfig};
use crate::test_pdus::*;

type Net = ProxyNet<OutboundProxy>;

const CONN: u64 = 1;
const CONN2: u64 = 2;
const OUT2: u8 = 0xA2;
const LIFETIME: u32 = 131_072;

fn config() -> ProxyConfig {
    ProxyConfig::DEFAULT.with_ack_threshold(AckThreshold::EveryRelease).with_channel_lifetime(LIFETIME)
}

/// Open_Start to C1W by CONN/A1, with a client window of 8,192.
fn c1w() -> Net {
    let mut net = Net::new(config());
    net.request(CONN, "RPC_OUT_DATA", 76);
    net.body(CONN, conn_a1(8_192));
    assert_eq!(net.state(), "C1W");
    net
}

fn opened() -> Net {
    let mut net = c1w();
    net.leg(LegEvent::Opened);
    net.server([b"ncacn_http/1.0", &conn_c1(65_536)[..]].concat().into());
    assert_eq!(net.state(), "opened");
    net.out(LEG);
    net.out(CONN);
    net
}

/// opened to B1OrC1W by OUT_R2/A3.
fn recycling() -> Net {
    let mut net = opened();
    net.request(CONN2, "RPC_OUT_DATA", 120);
    net.body(CONN2, out_a3(OUT, OUT2, 8_192));
    assert_eq!(net.state(), "B1OrC1W");
    assert_eq!(net.out(LEG), [cookie_alone(OUT2)], "OUT_R2/A4");
    net
}

/// [MS-RPCH] 3.2.4.5.3: A2 to the server; response and A3 once the server is reached. 3.2.4.5.4: C1 is passed on as C2.
#[test]
fn conn() {
    let mut net = c1w();
    assert_eq!(net.legs, [(LEG, "mbx.test:6001".to_owned())]);
    assert_eq!(net.out(LEG), [conn_a2(LIFETIME, 65_536)]);
    assert!(!net.sent.contains_key(&CONN));
    net.leg(LegEvent::Opened);
    assert_eq!(net.sent[&CONN].head.as_deref(), Some("200 Success"));
    assert_eq!(net.out(CONN), [rts(NONE, &[timeout(120_000)])]);
    net.server(Bytes::from_static(b"ncacn_http/1.0"));
    net.server(conn_c1(65_536));
    assert_eq!(net.out(CONN), [conn_c1(65_536)]);
    assert_eq!(net.state(), "opened");
}

/// [MS-RPCH] 3.2.4.5.2: under the client's window, acknowledged to the server.
#[test]
fn pdus_are_forwarded_within_the_window_of_the_client() {
    let mut net = opened();
    net.server([rpc(5_000, 1), rpc(5_000, 2)].concat().into());
    assert_eq!(net.out(CONN), [rpc(5_000, 1)]);
    assert_eq!(net.out(LEG), [ack_direct(10_000, 60_536, OUT)]);
    net.server(ack_to(3, 5_000, 8_192, OUT));
    assert_eq!(net.out(CONN), [rpc(5_000, 2)]);
    assert_eq!(net.out(LEG), [ack_direct(10_000, 65_536, OUT)]);
    net.server(ack_to(3, 0, 0, 0x77));
    assert_eq!(net.last, Ok(()), "of no channel of this virtual connection: discarded");
}

/// [MS-RPCH] 3.2.1.5.2: what is for the client is passed on, byte for byte.
#[test]
fn forwarding_by_destination() {
    for pdu in [out_a1(), in_r1_a3(), in_r2_a3(), out_r1_a5(), out_r2_a5(), ack_to(0, 1, 2, IN)] {
        let mut net = opened();
        net.server(pdu.clone());
        assert_eq!(net.out(CONN), [pdu]);
        assert_eq!(net.state(), "opened");
    }
}

/// OUT_R2 with C1 before B1: B1OrC1W, B1W, opened. [MS-RPCH] 3.2.4.5.10, 3.2.4.5.11
#[test]
fn out_r2_c1_then_b1() {
    let mut net = recycling();
    net.body(CONN2, out_r2_c1());
    assert_eq!(net.state(), "B1W");
    net.server([rpc(5_000, 1), rpc(5_000, 2)].concat().into());
    assert_eq!(net.out(CONN), [rpc(5_000, 1)]);
    net.server([ance_alone(), rpc(5_000, 3)].concat().into());
    assert_eq!(net.state(), "opened");
    assert!(net.out(CONN).is_empty(), "what is queued on the predecessor waits for the window");
    assert!(!net.sent.contains_key(&CONN2), "and so do OUT_R2/B3 and the successor");
    net.server(ack_to(3, 5_000, 8_192, OUT));
    assert_eq!(net.out(CONN), [rpc(5_000, 2), out_r2_b3()]);
    assert!(net.sent[&CONN].closed);
    assert_eq!(net.sent[&CONN2].head.as_deref(), Some("200 Success"));
    assert_eq!(net.out(CONN2), [rpc(5_000, 3)]);
    assert_eq!(net.events, [ProxyChannelEvent::Recycled]);
    assert_eq!(net.out(LEG).last(), Some(&ack_direct(15_000, 65_536, OUT2)), "the leg goes on, by its new cookie");
    assert_eq!(net.legs.len(), 1);
}

/// OUT_R2 with B1 before C1: B1OrC1W, R2C1W, opened.
#[test]
fn out_r2_b1_then_c1() {
    let mut net = recycling();
    net.server(ance_alone());
    assert_eq!(net.state(), "R2C1W");
    assert_eq!(net.out(CONN), [out_r2_b3()]);
    net.server([rpc(100, 1), in_r2_a3()].concat().into());
    net.wait(Duration::from_secs(100));
    assert!(!net.sent.contains_key(&CONN2), "plugged channel mode");
    net.body(CONN2, out_r2_c1());
    assert_eq!(net.out(CONN2), [in_r2_a3(), rpc(100, 1)]);
    assert_eq!(net.events, [ProxyChannelEvent::Recycled]);
}

/// [MS-RPCH] 3.2.4.5.12
#[test]
fn out_r2_b2_gives_the_successor_up() {
    let mut net = recycling();
    net.body(CONN2, out_r2_c1());
    net.server(out_r2_b2());
    assert_eq!(net.state(), "opened");
    assert!(net.sent[&CONN2].aborted);
    net.server(rpc(100, 1));
    assert_eq!(net.out(CONN), [rpc(100, 1)]);
    let mut net = recycling();
    net.server(out_r2_b2());
    net.assert_ended(&[CONN, CONN2, LEG], &["OUT_R2/B2", "B1OrC1W"]);
}

/// OUT_R1 at the predecessor, [MS-RPCH] 3.2.4.5.8: what is queued under the window, A10, the end.
#[test]
fn out_r1_at_the_predecessor() {
    let mut net = opened();
    net.server([out_a1(), out_r1_a5(), rpc(5_000, 1), rpc(5_000, 2), ance_alone()].concat().into());
    assert_eq!(net.out(CONN), [out_a1(), out_r1_a5(), rpc(5_000, 1)]);
    net.server(ack_to(3, 5_000, 8_192, OUT));
    assert_eq!(net.out(CONN), [rpc(5_000, 2), ance_alone()]);
    assert!(net.sent[&CONN].closed && net.sent[&LEG].closed);
    let second = ProxyChannelEvent::Unacknowledged { pdus: 1, bytes: 5_000 };
    assert_eq!(net.events, [second, ProxyChannelEvent::Finished]);
    assert_eq!(net.state(), "finished");
}

/// OUT_R1 at the successor, [MS-RPCH] 3.2.4.5.6.2 and 3.2.4.5.9.
#[test]
fn out_r1_at_the_successor() {
    let mut net = Net::new(config());
    net.request(CONN2, "RPC_OUT_DATA", 120);
    net.body(CONN2, out_a3(OUT, OUT2, 8_192));
    assert_eq!(net.state(), "A11W");
    assert_eq!(net.out(LEG), [out_r1_a4(OUT, OUT2, LIFETIME)]);
    net.leg(LegEvent::Opened);
    net.server([b"ncacn_http/1.0", &rpc(100, 1)[..], &in_r2_a3()].concat().into());
    assert!(!net.sent.contains_key(&CONN2), "plugged channel mode");
    net.body(CONN2, ance_alone());
    assert_eq!(net.state(), "opened");
    assert_eq!(net.sent[&CONN2].head.as_deref(), Some("200 Success"));
    assert_eq!(net.out(CONN2), [in_r2_a3(), rpc(100, 1)]);
    // And its table knows the virtual connection from now on: OUT_R2.
    net.request(3, "RPC_OUT_DATA", 120);
    net.body(3, out_a3(OUT2, 0xA3, 8_192));
    assert_eq!(net.state(), "B1OrC1W");
}

/// [MS-RPCH] 3.2.4.6 and note 50: a ping each half of ConnectionTimeout, and the server is told once there are more than 1,031 bytes.
#[test]
fn pings_and_ping_traffic() {
    let mut net = opened();
    for round in 1..=52 {
        net.wait(Duration::from_secs(60));
        assert_eq!(net.out(CONN), [ping()]);
        let told = if round == 52 { vec![rts(OTHER_CMD, &[ping_traffic(1_040)])] } else { Vec::new() };
        assert_eq!(net.out(LEG), told, "ping {round}");
    }
    net.wait(Duration::from_secs(60));
    assert!(net.out(LEG).is_empty(), "counted anew");
}

#[test]
fn an_unreachable_server() {
    for recycled in [false, true] {
        let mut net = Net::new(config());
        net.request(CONN, "RPC_OUT_DATA", if recycled { 120 } else { 76 });
        net.body(CONN, if recycled { out_a3(OUT, OUT2, 8_192) } else { conn_a1(8_192) });
        net.leg(LegEvent::Lost("refused".into()));
        assert_eq!(net.sent[&CONN].head.as_deref(), Some("503 RPC Error: 6ba"));
        assert!(net.sent[&CONN].closed);
    }
}

#[test]
fn what_ends_it() {
    for cut in [0, 1] {
        let mut net = opened();
        net.server([rpc(5_000, 1), rpc(5_000, 2)].concat().into());
        if cut == 0 {
            net.reset(CONN)
        } else {
            net.leg(LegEvent::Lost("cut".into()))
        }
        net.assert_ended(&[CONN, LEG], &["cut"]);
        assert_eq!(net.events[0], ProxyChannelEvent::Undelivered(rpc(5_000, 2)));
    }
    let mut net = c1w();
    net.leg(LegEvent::Opened);
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[CONN, LEG], &["C1W", "CONN/C1"]);
    let mut net = recycling();
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[CONN, CONN2, LEG], &["B1OrC1W", "OUT_R2/B1"]);
    // The predecessor's queue never empties.
    let mut net = recycling();
    net.body(CONN2, out_r2_c1());
    net.server([rpc(5_000, 1), rpc(5_000, 2), ance_alone()].concat().into());
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[CONN, CONN2, LEG], &["what is queued on the predecessor"]);
    assert_eq!(net.events[0], ProxyChannelEvent::Undelivered(rpc(5_000, 2)));
}

/// What the client has not acknowledged when it is cut off: nobody else can tell that it may be lost.
#[test]
fn what_the_client_has_not_acknowledged_is_told() {
    let unacknowledged = |pdus, bytes| ProxyChannelEvent::Unacknowledged { pdus, bytes };
    let cut = |mut net: Net, told: &[ProxyChannelEvent]| {
        net.leg(LegEvent::Lost("cut".into()));
        net.assert_ended(&[LEG], &["cut"]);
        let before: Vec<_> = net.events.iter().rev().skip(1).rev().cloned().collect();
        assert_eq!(before, told);
    };
    cut(opened(), &[]);
    let mut net = opened();
    net.server([rpc(1_000, 1), rpc(2_000, 2), rpc(3_000, 3)].concat().into());
    net.server(ack_to(3, 1_000, 8_192, OUT));
    assert_eq!(net.out(CONN).len(), 3);
    cut(net, &[unacknowledged(2, 5_000)]);

    // OUT_R2: of the predecessor too, before OUT_R2/B3 and after it, until the client shows that it has come over.
    let leaving = || {
        let mut net = recycling();
        net.body(CONN2, out_r2_c1());
        net.server([rpc(5_000, 1), rpc(5_000, 2), ance_alone()].concat().into());
        net
    };
    cut(leaving(), &[ProxyChannelEvent::Undelivered(rpc(5_000, 2)), unacknowledged(1, 5_000)]);
    let left = || {
        let mut net = leaving();
        net.server([ack_to(3, 5_000, 8_192, OUT), rpc(100, 3)].concat().into());
        net
    };
    cut(left(), &[ProxyChannelEvent::Recycled, unacknowledged(2, 5_100)]);
    let mut net = left();
    net.server(ack_to(3, 10_000, 8_192, OUT));
    cut(net, &[ProxyChannelEvent::Recycled, unacknowledged(1, 100)]);
    let mut net = left();
    net.server(rpc(200, 4));
    net.server(ack_to(3, 100, 8_192, OUT2));
    cut(net, &[ProxyChannelEvent::Recycled, unacknowledged(1, 200)]);
    let mut net = left();
    net.request(3, "RPC_OUT_DATA", 120);
    net.body(3, out_a3(OUT2, 0xA3, 8_192));
    cut(net, &[ProxyChannelEvent::Recycled, unacknowledged(1, 100)]);
}

#[test]
fn pdus_out_of_sequence() {
    for (pdu, named) in [
        (conn_c1(8_192), "CONN/C1"),
        (out_r2_b2(), "OUT_R2/B2"),
        (conn_b3(8_192), "CONN/B3"),
        (ack_direct(0, 8_192, OUT), "FlowControlAck"),
        (out_a8(OUT2), "OUT_R1/A8"),
        (ack_to(3, 1, 8_192, OUT), "FlowControlAck"),
        (ping(), "Ping"),
    ] {
        let mut net = opened();
        net.server(pdu);
        net.assert_ended(&[CONN, LEG], &[named, "opened", "[MS-RPCH] 3.2"]);
    }
    // [MS-RPCH] 3.2.4.5.5 and 3.2.4.5.7: in state opened only.
    for pdu in [out_a1(), out_r1_a5()] {
        let mut net = recycling();
        net.server(pdu);
        net.assert_ended(&[CONN, CONN2, LEG], &["OUT_R1/A", "B1OrC1W"]);
    }
    for (pdu, named) in [(rpc(16, 1), "request"), (out_r2_c1(), "OUT_R2/C1"), (ance_alone(), "OUT_R1/A11")] {
        let mut net = opened();
        net.body(CONN, pdu);
        net.assert_ended(&[CONN, LEG], &[named, "opened"]);
    }
    let mut net = opened();
    net.request(CONN2, "RPC_OUT_DATA", 120);
    net.body(CONN2, out_a3(0x99, OUT2, 8_192));
    net.assert_ended(&[CONN, CONN2, LEG], &["OUT_R2/A3", "PredecessorChannelCookie", "[MS-RPCH] 3.2.4.5.6.1"]);
    let mut net = opened();
    net.request(CONN2, "RPC_OUT_DATA", 76);
    net.body(CONN2, conn_a1(8_192));
    net.assert_ended(&[CONN, CONN2, LEG], &["CONN/A1", "opened", "[MS-RPCH] 3.2.4.5.3"]);
    let mut net = opened();
    for fill in 0..3 {
        net.server(rpc(32_768, fill));
    }
    net.assert_ended(&[CONN, LEG], &["opened"]);
}
