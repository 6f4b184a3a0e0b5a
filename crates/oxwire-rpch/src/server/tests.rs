//! The server against bytes built by hand: each transition of figure 29.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Transmit};

use super::{Event, Server, ServerConfig, ServerEvent, VirtualConnection};
use crate::fault::RefusedReason;
use crate::flow_control::AckThreshold;
use crate::front::{ChannelRefused, Handled, LegEvent, Quota, RoleLimits};
use crate::http::ChannelKind;
use crate::rts::{ClientAddress, RtsCookie};
use crate::test_pdus::*;

const IN_LEG: u64 = 1;
const OUT_LEG: u64 = 2;
const IN2_LEG: u64 = 3;
const OUT2_LEG: u64 = 4;
const IN2: u8 = 0xB2;
const OUT2: u8 = 0xA2;
const LIFETIME: u32 = 131_072;

const _: () = {
    const fn send<T: Send>() {}
    send::<VirtualConnection>();
};

#[derive(Default)]
struct Sent {
    body: Vec<Bytes>,
    closed: bool,
    aborted: bool,
}

struct Net {
    now: Instant,
    server: Server,
    vc: Option<VirtualConnection>,
    v1: Option<crate::v1::server::Connection>,
    sent: BTreeMap<u64, Sent>,
    events: Vec<Event>,
    refused: Vec<ChannelRefused>,
    last: Result<(), Error>,
}

impl Net {
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn new(config: ServerConfig) -> Self {
        Self {
            now: Instant::now(),
            server: Server::new(config),
            vc: None,
            v1: None,
            sent: BTreeMap::new(),
            events: Vec::new(),
            refused: Vec::new(),
            last: Ok(()),
        }
    }

    fn accept(&mut self, conn: u64) {
        self.server.accept(self.now, ConnectionId::new(conn), IpAddr::from([192, 0, 2, 9])).unwrap();
        self.turn();
    }

    fn bytes(&mut self, conn: u64, bytes: Bytes) {
        self.event(conn, LegEvent::Bytes(bytes));
    }

    fn event(&mut self, conn: u64, event: LegEvent) {
        let id = ConnectionId::new(conn);
        if let Handled::BelongsTo(owner, event) = self.server.handle(self.now, id, event).unwrap() {
            let vc = self.vc.as_mut().unwrap();
            assert_eq!(vc.id(), owner);
            self.last = vc.handle(self.now, id, event);
        }
        self.turn();
    }

    fn turn(&mut self) {
        loop {
            if let Some(event) = self.server.poll_event() {
                match event {
                    ServerEvent::Opened(vc) => self.vc = Some(*vc),
                    ServerEvent::Attach { leg, .. } => self.last = self.vc.as_mut().unwrap().attach(self.now, leg),
                    ServerEvent::Version1(connection) => self.v1 = Some(*connection),
                    ServerEvent::Refused(refused) => self.refused.push(refused),
                }
            } else if let Some(event) = self.vc.as_mut().and_then(VirtualConnection::poll_event) {
                self.events.push(event);
            } else if let Some(transmit) = self.vc.as_mut().and_then(|vc| vc.poll_transmit(self.now)) {
                self.transmit(transmit);
            } else if let Some(transmit) = self.v1.as_mut().and_then(|connection| connection.poll_transmit()) {
                self.transmit(transmit);
            } else if let Some(transmit) = self.server.poll_transmit() {
                self.transmit(transmit);
            } else {
                return;
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let sent = self.sent.entry(transmit.conn().number()).or_default();
        assert!(!sent.closed && !sent.aborted, "{transmit:?} after the end");
        match transmit {
            Transmit::Send { body, .. } => sent.body.push(body),
            Transmit::Close { .. } => sent.closed = true,
            Transmit::Abort { .. } => sent.aborted = true,
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self, after: Duration) {
        let until = self.now + after;
        loop {
            let vc = self.vc.as_ref().and_then(VirtualConnection::poll_timeout);
            let due = [vc, self.server.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = due;
            self.server.handle_timeout(due);
            assert!(self.server.poll_timeout().is_none_or(|next| next > due));
            if let Some(vc) = &mut self.vc {
                vc.handle_timeout(due);
                assert!(vc.poll_timeout().is_none_or(|next| next > due), "a timer is due after handle_timeout");
            }
            self.turn();
        }
        self.now = until;
    }

    fn out(&mut self, conn: u64) -> Vec<Bytes> {
        self.sent.get_mut(&conn).map(|sent| std::mem::take(&mut sent.body)).unwrap_or_default()
    }

    fn send(&mut self, pdu: Bytes) {
        self.vc.as_mut().unwrap().send_pdu(self.now, pdu).unwrap();
        self.turn();
    }

    fn consume(&mut self, len: usize) {
        self.vc.as_mut().unwrap().consume(self.now, len).unwrap();
        self.turn();
    }

    fn states(&self) -> (&'static str, &'static str) {
        self.vc.as_ref().unwrap().states()
    }

    fn assert_ended(&self, conns: &[u64], named: &[&str]) {
        let Some(Event::Closed { error, .. }) = self.events.last() else { panic!("{:?}", self.events) };
        let text = error.to_string();
        for part in named {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(conns.iter().all(|conn| self.sent[conn].aborted), "{named:?}");
        assert!(self.vc.as_ref().unwrap().is_closed());
        assert_eq!(self.vc.as_ref().unwrap().poll_timeout(), None);
    }
}

fn config() -> ServerConfig {
    ServerConfig::DEFAULT.with_ack_threshold(AckThreshold::EveryRelease)
}

fn opened() -> Net {
    let mut net = Net::new(config());
    for conn in [IN_LEG, OUT_LEG] {
        net.accept(conn);
    }
    net.bytes(IN_LEG, conn_b2(65_536));
    net.bytes(OUT_LEG, conn_a2(LIFETIME, 8_192));
    assert_eq!(net.states(), ("opened", "opened"));
    net.out(IN_LEG);
    net.out(OUT_LEG);
    net
}

/// The OUT channel near the end of its lifetime: OUT_R1/A1 (OUT_R2/A1) has gone out. Gives what was sent before.
fn a4w() -> (Net, usize) {
    let mut net = opened();
    let mut sent = 0;
    loop {
        net.send(rpc(4_096, 1));
        sent += 4_096;
        let out = net.out(OUT_LEG);
        assert_eq!(out[0], rpc(4_096, 1));
        net.bytes(OUT_LEG, ack_direct(u32::try_from(sent).unwrap(), 8_192, OUT));
        if out.contains(&out_a1()) {
            assert_eq!(net.states(), ("opened", "Opened_A4W"));
            return (net, sent);
        }
    }
}

/// [MS-RPCH] 3.2.5.5.1, 3.2.5.5.3, 3.2.5.5.4: in any order, C1 and B3 once both are here.
#[test]
fn conn() {
    for out_first in [false, true] {
        let mut net = Net::new(config());
        for conn in [IN_LEG, OUT_LEG] {
            net.accept(conn);
            assert_eq!(net.out(conn), ["ncacn_http/1.0"]);
        }
        let first = if out_first { (OUT_LEG, conn_a2(LIFETIME, 8_192)) } else { (IN_LEG, conn_b2(32_768)) };
        let second = if out_first { (IN_LEG, conn_b2(32_768)) } else { (OUT_LEG, conn_a2(LIFETIME, 8_192)) };
        for (conn, pdu) in [first, second] {
            assert!(net.vc.is_none());
            for piece in pdu.chunks(13) {
                net.bytes(conn, Bytes::copy_from_slice(piece));
            }
        }
        assert_eq!(net.out(OUT_LEG), [conn_c1(32_768)], "ReceiveWindow and ConnectionTimeout of the inbound proxy");
        assert_eq!(net.out(IN_LEG), [conn_b3(65_536)], "the server's own ReceiveWindow");
        let vc = net.vc.as_ref().unwrap();
        assert_eq!((vc.cookie(), vc.association_group()), (RtsCookie(cookie(VC)), RtsCookie(cookie(GROUP))));
        assert_eq!(vc.client_address(), ClientAddress(IpAddr::from([192, 0, 2, 1])));
        assert_eq!((net.server.connections(), net.server.half_open()), (1, 0));
    }
}

/// [MS-RPCH] 3: a first PDU that is no RTS PDU makes it version 1.
#[test]
fn version_1_by_the_first_pdu() {
    let mut net = Net::new(config());
    net.accept(7);
    net.bytes(7, [rpc(100, 1), rpc(50, 2)].concat().into());
    assert_eq!(net.out(7), ["ncacn_http/1.0"]);
    let v1 = net.v1.as_mut().unwrap();
    let pdus: Vec<_> = std::iter::from_fn(|| v1.poll_event()).collect();
    assert_eq!(pdus, [crate::v1::server::Event::Pdu(rpc(100, 1)), crate::v1::server::Event::Pdu(rpc(50, 2))]);
    assert_eq!(net.server.half_open(), 0);
}

/// [MS-RPCH] 3.2.5.2.1: 15 minutes, in Open_Start and in A2W and B2W.
#[test]
fn legs_end_with_the_connection_setup_timer() {
    let mut net = Net::new(config());
    for conn in [1, 2, 3] {
        net.accept(conn);
    }
    net.bytes(1, conn_b2(65_536));
    net.bytes(2, conn_a2(LIFETIME, 8_192).iter().map(|b| if *b == VC { 0xC1 } else { *b }).collect::<Vec<_>>().into());
    net.wait(Duration::from_secs(899));
    assert_eq!(net.server.half_open(), 3);
    net.wait(Duration::from_secs(1));
    assert_eq!((net.server.half_open(), net.server.poll_timeout()), (0, None));
    let states: Vec<_> = net.refused.iter().map(|refused| refused.fault.state).collect();
    assert_eq!(states, ["A2W", "B2W", "Open_Start"]);
    assert!([1, 2, 3].iter().all(|conn| net.sent[conn].aborted));
}

/// [MS-RPCH] 3.2.5.4.1, 3.2.5.5.2: PDUs both ways, acknowledged directly.
#[test]
fn pdus_both_ways() {
    let mut net = opened();
    net.bytes(IN_LEG, [rpc(1_000, 1), rpc(2_000, 2)].concat().into());
    assert_eq!(std::mem::take(&mut net.events), [Event::Pdu(rpc(1_000, 1)), Event::Pdu(rpc(2_000, 2))]);
    net.consume(1_000);
    assert_eq!(net.out(IN_LEG), [ack_direct(3_000, 63_536, IN)]);
    net.send(rpc(5_000, 3));
    net.send(rpc(5_000, 4));
    assert_eq!(net.out(OUT_LEG), [rpc(5_000, 3)], "the proxy's window is 8,192");
    net.bytes(OUT_LEG, ack_direct(5_000, 8_192, OUT));
    assert_eq!(net.out(OUT_LEG), [rpc(5_000, 4)]);
    let refused = net.vc.as_mut().unwrap().send_pdu(net.now, rpc(8_193, 5)).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::LargerThanWindow { window: 8_192 });
}

/// A head in front of the application's bytes is one write, and neither is copied.
#[test]
fn a_head_and_its_body_are_one_write() {
    let mut net = opened();
    let pdu = rpc(1_000, 1);
    let (head, body) = (oxwire_core::Inline::new(&pdu[..24]).unwrap(), pdu.slice(24..));
    let (now, at) = (net.now, body.as_ptr());
    let vc = net.vc.as_mut().unwrap();
    vc.send_pdu(now, oxwire_rpc::association::OutgoingPdu { head, body }).unwrap();
    let Some(Transmit::Send { head: sent, body, .. }) = vc.poll_transmit(now) else { panic!("nothing is sent") };
    assert_eq!((sent, body.as_ptr(), body.len()), (head, at, 976));
    assert_eq!(vc.poll_transmit(now), None);
}

/// [MS-RPCH] 3.2.1.5.2: client and outbound proxy by the one leg, the inbound proxy by the other.
#[test]
fn forwarding_by_destination() {
    for pdu in [ack_to(0, 1, 2, IN), ack_to(3, 1, 2, OUT)] {
        let mut net = opened();
        net.bytes(IN_LEG, pdu.clone());
        assert_eq!((net.out(OUT_LEG), net.out(IN_LEG)), (vec![pdu], vec![]));
    }
    let mut net = opened();
    net.bytes(OUT_LEG, ack_to(1, 1, 2, IN));
    assert_eq!((net.out(OUT_LEG), net.out(IN_LEG)), (vec![], vec![ack_to(1, 1, 2, IN)]));
}

/// IN_R1, [MS-RPCH] 3.2.5.5.5 to 3.2.5.5.7.
#[test]
fn in_r1() {
    let mut net = opened();
    net.accept(IN2_LEG);
    net.out(IN2_LEG);
    net.bytes(IN2_LEG, in_r1_a2(IN, IN2));
    assert_eq!(net.states(), ("A6W", "opened"));
    assert_eq!(net.out(OUT_LEG), [in_r1_a3()]);
    net.bytes(IN_LEG, [rpc(100, 1), cookie_alone(IN2)].concat().into());
    assert_eq!(net.states(), ("Opened_B1W", "opened"));
    net.bytes(IN_LEG, [rpc(100, 2), in_r1_b1()].concat().into());
    assert_eq!(net.states(), ("opened", "opened"));
    assert_eq!(net.out(IN2_LEG), [in_r1_b2(65_536)]);
    assert!(net.sent[&IN_LEG].closed);
    net.bytes(IN2_LEG, rpc(100, 3));
    let events = std::mem::take(&mut net.events);
    assert_eq!(
        events,
        [Event::Pdu(rpc(100, 1)), Event::Pdu(rpc(100, 2)), Event::Recycled(ChannelKind::In), Event::Pdu(rpc(100, 3))]
    );
    // What the predecessor brought is acknowledged to nobody; the successor's count begins anew.
    net.consume(200);
    assert!(net.out(IN2_LEG).is_empty());
    net.consume(100);
    assert_eq!(net.out(IN2_LEG), [ack_direct(100, 65_536, IN2)]);
    net.event(IN_LEG, LegEvent::Lost("closed".into()));
    assert_eq!(net.last, Ok(()));
}

/// A leg of another proxy brings a whole window. So that no more than two are ever held, the next one waits until what came before its
/// predecessor is consumed; meanwhile it is the only one.
#[test]
fn no_more_than_two_windows_are_held() {
    const IN3_LEG: u64 = 5;
    let waiting = || {
        let mut net = opened();
        net.bytes(IN_LEG, rpc(30_000, 1));
        net.accept(IN2_LEG);
        net.bytes(IN2_LEG, in_r1_a2(IN, IN2));
        net.bytes(IN_LEG, [cookie_alone(IN2), in_r1_b1()].concat().into());
        net.bytes(IN2_LEG, rpc(30_000, 2));
        net.out(OUT_LEG);
        net.accept(IN3_LEG);
        net.bytes(IN3_LEG, in_r1_a2(IN2, 0xB3));
        assert_eq!((net.states(), net.out(OUT_LEG)), (("opened", "opened"), vec![]));
        net
    };
    let mut net = waiting();
    net.consume(30_000);
    assert_eq!((net.states(), net.out(OUT_LEG)), (("A6W", "opened"), vec![in_r1_a3()]));

    let mut net = waiting();
    net.accept(6);
    net.bytes(6, in_r1_a2(IN2, 0xB4));
    net.assert_ended(&[IN2_LEG, IN3_LEG, OUT_LEG, 6], &["opened", "no second successor IN channel", "IN_R1/A2"]);
}

/// IN_R2, [MS-RPCH] 3.2.5.5.8: the cookie changes, the leg and its counters go on.
#[test]
fn in_r2() {
    let mut net = opened();
    net.bytes(IN_LEG, [rpc(100, 1), cookie_alone(IN2), rpc(100, 2)].concat().into());
    assert_eq!(net.states(), ("opened", "opened"));
    assert_eq!(net.out(OUT_LEG), [in_r2_a3()]);
    net.consume(200);
    assert_eq!(net.out(IN_LEG), [ack_direct(200, 65_536, IN2)]);
}

/// OUT_R1, [MS-RPCH] 3.2.5.5.9, 3.2.5.5.10. The client's acknowledgements go where their channel is, also after OUT_R1/A9.
#[test]
fn out_r1() {
    let (mut net, sent) = a4w();
    net.accept(OUT2_LEG);
    net.out(OUT2_LEG);
    net.bytes(OUT2_LEG, out_r1_a4(OUT, OUT2, LIFETIME));
    assert_eq!(net.states(), ("opened", "Opened_A8W"));
    assert_eq!(net.out(OUT_LEG), [out_r1_a5()]);
    net.bytes(IN_LEG, out_a8(OUT2));
    assert_eq!(net.states(), ("opened", "opened"));
    assert_eq!(net.out(OUT_LEG), [ance_alone()], "OUT_R1/A9");
    assert!(!net.sent[&OUT_LEG].closed, "its proxy empties its queue first");
    assert_eq!(net.events.last(), Some(&Event::Recycled(ChannelKind::Out)));
    net.send(rpc(5_000, 2));
    assert_eq!(net.out(OUT2_LEG), [rpc(5_000, 2)]);
    let old = ack_to(3, u32::try_from(sent).unwrap(), 8_192, OUT);
    net.bytes(IN_LEG, old.clone());
    net.bytes(IN_LEG, ack_to(3, 1, 2, OUT2));
    assert_eq!((net.out(OUT_LEG), net.out(OUT2_LEG)), (vec![old], vec![ack_to(3, 1, 2, OUT2)]));
    net.event(OUT_LEG, LegEvent::Lost("closed".into()));
    assert_eq!(net.last, Ok(()));
    net.bytes(OUT2_LEG, ack_direct(5_000, 65_536, OUT2));
    assert_eq!(net.last, Ok(()));
}

/// OUT_R1: what the former proxy had not acknowledged is in doubt, after its leg has gone too, until the client shows that it has come over.
#[test]
fn what_a_former_proxy_had_not_acknowledged_is_in_doubt() {
    let recycled = || {
        let (mut net, sent) = a4w();
        net.send(rpc(1_000, 2));
        net.send(rpc(500, 3));
        net.accept(OUT2_LEG);
        net.bytes(OUT2_LEG, out_r1_a4(OUT, OUT2, LIFETIME));
        net.bytes(IN_LEG, out_a8(OUT2));
        assert_eq!(net.states(), ("opened", "opened"));
        net.send(rpc(300, 4));
        (net, u32::try_from(sent).unwrap())
    };
    let in_doubt = |mut net: Net| {
        net.event(IN_LEG, LegEvent::Lost("cut".into()));
        match net.events.last() {
            Some(Event::Closed { in_doubt_pdus, in_doubt_bytes, .. }) => (*in_doubt_pdus, *in_doubt_bytes),
            other => panic!("{other:?}"),
        }
    };
    let (net, _) = recycled();
    assert_eq!(in_doubt(net), (3, 1_800));
    // The former proxy goes on to acknowledge what it forwards; what cannot be is discarded, and all else of it.
    let (mut net, sent) = recycled();
    net.bytes(OUT_LEG, [ack_direct(sent + 1_000, 8_192, OUT), ack_direct(sent + 9_000, 8_192, OUT)].concat().into());
    net.bytes(OUT_LEG, [ping(), ack_direct(sent + 1_500, 8_192, 0x99)].concat().into());
    net.event(OUT_LEG, LegEvent::Lost("closed".into()));
    assert_eq!(net.last, Ok(()));
    assert_eq!(in_doubt(net), (2, 800));
    // The client acknowledges on the successor, to its proxy.
    let (mut net, _) = recycled();
    net.bytes(IN_LEG, ack_to(3, 0, 65_536, OUT2));
    net.bytes(IN_LEG, ack_to(3, 300, 65_536, OUT));
    net.bytes(OUT2_LEG, ack_direct(300, 8_192, OUT2));
    assert_eq!(in_doubt(net), (2, 1_500), "it has read nothing of the successor yet");
    let (mut net, _) = recycled();
    net.bytes(IN_LEG, ack_to(3, 300, 65_536, OUT2));
    assert_eq!(in_doubt(net), (1, 300));
}

/// OUT_R2, [MS-RPCH] 3.2.5.5.11, 3.2.5.5.12; OUT_R2/A7 as the proxy forwards it, and OUT_R2/A8. The lifetime begins anew.
#[test]
fn out_r2() {
    for a8 in [out_a8(OUT2), out_r2_a7(OUT2)] {
        let (mut net, sent) = a4w();
        net.bytes(OUT_LEG, cookie_alone(OUT2));
        assert_eq!(net.states(), ("opened", "Opened_R2A8W"));
        assert_eq!(net.out(OUT_LEG), [out_r2_a5()]);
        net.bytes(IN_LEG, a8);
        assert_eq!(net.states(), ("opened", "opened"));
        assert_eq!(net.out(OUT_LEG), [ance_alone()], "OUT_R2/B1");
        let sent = u32::try_from(sent).unwrap();
        net.bytes(OUT_LEG, ack_direct(sent, 8_192, OUT));
        for round in 1..=20 {
            net.send(rpc(4_096, 2));
            assert_eq!(net.out(OUT_LEG), [rpc(4_096, 2)]);
            net.bytes(OUT_LEG, ack_direct(sent + round * 4_096, 8_192, OUT2));
        }
        assert_eq!(net.states(), ("opened", "opened"), "81,920 bytes of the new lifetime");
    }
}

/// [MS-RPCH] 3.2.5.5.14: ping traffic takes from the lifetime, up to 8 KiB in four minutes (note 17).
#[test]
fn ping_traffic_counts() {
    let mut net = opened();
    for _ in 0..15 {
        for _ in 0..7 {
            net.bytes(OUT_LEG, rts(OTHER_CMD, &[ping_traffic(1_040)]));
        }
        net.wait(Duration::from_secs(240));
    }
    assert_eq!(net.states(), ("opened", "opened"), "{} bytes are used", 15 * 7 * 1_040 + 36);
    for _ in 0..7 {
        net.bytes(OUT_LEG, rts(OTHER_CMD, &[ping_traffic(1_040)]));
    }
    net.wait(Duration::from_secs(240));
    for _ in 0..7 {
        net.bytes(OUT_LEG, rts(OTHER_CMD, &[ping_traffic(1_040)]));
    }
    assert_eq!(net.states(), ("opened", "Opened_A4W"));
    assert_eq!(net.out(OUT_LEG), [out_a1()]);
    let mut net = opened();
    net.bytes(OUT_LEG, rts(OTHER_CMD, &[ping_traffic(8_193)]));
    net.assert_ended(&[IN_LEG, OUT_LEG], &["Ping Traffic Sent Notify", "opened", "8193"]);
}

#[test]
fn what_ends_it() {
    for conn in [IN_LEG, OUT_LEG] {
        let mut net = opened();
        net.send(rpc(5_000, 1));
        net.send(rpc(5_000, 2));
        net.event(conn, LegEvent::Lost("cut".into()));
        net.assert_ended(&[IN_LEG, OUT_LEG], &["cut"]);
        assert_eq!(net.events[0], Event::Undelivered(rpc(5_000, 2)));
        assert!(matches!(net.events[1], Event::Closed { in_doubt_pdus: 1, in_doubt_bytes: 5_000, .. }));
    }
    let (mut net, _) = a4w();
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[IN_LEG, OUT_LEG], &["Opened_A4W", "OUT_R1/A4 or OUT_R2/A4", "[MS-RPCH] 3.2.5.6.1"]);
    let mut net = opened();
    net.accept(IN2_LEG);
    net.bytes(IN2_LEG, in_r1_a2(IN, IN2));
    net.wait(Duration::from_secs(900));
    net.assert_ended(&[IN_LEG, OUT_LEG, IN2_LEG], &["A6W", "IN_R1/A6"]);
    let mut net = opened();
    let now = net.now;
    net.vc.as_mut().unwrap().close(now).unwrap();
    net.turn();
    assert!(net.sent[&IN_LEG].closed && net.sent[&OUT_LEG].closed);
    net.server.handle_timeout(now);
    assert_eq!(net.server.connections(), 0);
}

#[test]
fn pdus_out_of_sequence() {
    for (pdu, named) in [
        (conn_b2(65_536), "CONN/B2"),
        (in_r1_b1(), "IN_R1/B1"),
        (out_a8(OUT2), "OUT_R1/A8"),
        (out_r2_a7(OUT2), "OUT_R2/A7"),
        (ack_direct(0, 1, OUT), "FlowControlAck"),
        (ack_to(1, 0, 1, IN), "FlowControlAckWithDestination"),
        (ping(), "Ping"),
    ] {
        let mut net = opened();
        net.bytes(IN_LEG, pdu);
        net.assert_ended(&[IN_LEG, OUT_LEG], &[named, "opened", "[MS-RPCH] 3.2.5.5"]);
    }
    for (pdu, named) in [
        (conn_a2(LIFETIME, 8_192), "CONN/A2"),
        (cookie_alone(OUT2), "OUT_R2/A4"),
        (rpc(16, 1), "request"),
        (ack_direct(1, 8_192, OUT), "FlowControlAck"),
        (ack_to(0, 0, 1, IN), "FlowControlAckWithDestination"),
    ] {
        let mut net = opened();
        net.bytes(OUT_LEG, pdu);
        net.assert_ended(&[IN_LEG, OUT_LEG], &[named, "opened", "[MS-RPCH] 3.2"]);
    }
    // Cookies of another channel, and successors that nobody has asked for.
    let mut net = opened();
    net.accept(IN2_LEG);
    net.bytes(IN2_LEG, in_r1_a2(0x99, IN2));
    net.assert_ended(&[IN_LEG, OUT_LEG, IN2_LEG], &["IN_R1/A2", "PredecessorChannelCookie", "[MS-RPCH] 3.2.5.5.5"]);
    let mut net = opened();
    net.accept(IN2_LEG);
    net.bytes(IN2_LEG, in_r1_a2(IN, IN2));
    net.bytes(IN_LEG, cookie_alone(0x99));
    net.assert_ended(&[IN_LEG, OUT_LEG, IN2_LEG], &["IN_R1/A6", "A6W", "[MS-RPCH] 3.2.5.5.6"]);
    let mut net = opened();
    net.accept(OUT2_LEG);
    net.bytes(OUT2_LEG, out_r1_a4(OUT, OUT2, LIFETIME));
    net.assert_ended(&[IN_LEG, OUT_LEG, OUT2_LEG], &["OUT_R1/A4", "opened", "[MS-RPCH] 3.2.5.5.9"]);
    let (mut net, _) = a4w();
    net.bytes(OUT_LEG, cookie_alone(OUT2));
    net.out(OUT_LEG);
    net.bytes(IN_LEG, out_a8(0x99));
    net.assert_ended(&[IN_LEG, OUT_LEG], &["OUT_R2/A8", "Opened_R2A8W", "[MS-RPCH] 3.2.5.5.12"]);
    assert_eq!(net.out(OUT_LEG), [out_r2_b2()]);
    let mut net = opened();
    net.accept(OUT2_LEG);
    net.bytes(OUT2_LEG, conn_a2(LIFETIME, 8_192));
    net.assert_ended(&[IN_LEG, OUT_LEG, OUT2_LEG], &["CONN/A2", "opened", "[MS-RPCH] 3.2.5.5.3"]);
}

/// Twice the same, an unknown cookie, something else, one too many: each ends its own connection, and what it was to belong to.
#[test]
fn first_pdus() {
    let mut net = Net::new(config());
    for conn in [1, 2] {
        net.accept(conn);
        net.bytes(conn, conn_b2(65_536));
    }
    assert!(net.sent[&1].aborted && net.sent[&2].aborted);
    assert!(
        net.refused.iter().all(|refused| refused.fault.to_string().contains("CONN/B2") && refused.fault.state == "A2W")
    );
    for (pdu, named) in [
        (in_r1_a2(IN, IN2), "IN_R1/A2 with an unknown cookie"),
        (out_r1_a4(OUT, OUT2, LIFETIME), "OUT_R1/A4 with an unknown cookie"),
        (conn_a1(8_192), "CONN/A1"),
        (ping(), "Ping"),
        (Bytes::from_static(b"GET / HTTP/1.1\r\n"), "rpc_vers"),
    ] {
        let mut net = Net::new(config());
        net.accept(1);
        net.bytes(1, pdu);
        let text = net.refused[0].fault.to_string();
        assert!(text.contains(named) && text.contains("Open_Start"), "{text}");
        assert!(net.sent[&1].aborted);
        assert_eq!(net.server.half_open(), 0);
    }
    let quota = Quota { connections: 1, half_open: 1, memory: usize::MAX };
    let mut net = Net::new(config().with_limits(RoleLimits::DEFAULT.with_per_address(quota)));
    net.accept(1);
    net.accept(2);
    assert!(net.sent[&2].aborted && net.refused[0].fault.to_string().contains("per_address.half_open"));
    net.event(1, LegEvent::Lost("cut".into()));
    assert_eq!(net.server.half_open(), 0);
}
