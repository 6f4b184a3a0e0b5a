//! Echo, admission, pairing, half-open channels.

use std::time::Duration;

use crate::endpoint::{EndpointConfig, Event, InChannelResponse, VirtualConnectionConfig};
use crate::front::{Quota, RoleLimits, Verdict};
use crate::http::RpcError;
use crate::rts::RtsCookie;
use bytes::Bytes;
use oxwire_core::Principal;
use oxwire_http::HttpEvent;

use super::harness::{IN_CONN, Net, OUT_CONN};
use crate::test_pdus::*;

const fn _send<T: Send>() {}
const _: () = _send::<crate::endpoint::VirtualConnection>();
const _: () = _send::<crate::front::Channel>();

/// [MS-RPCH] 2.1.2.1.6 and 2.2.4.48; the connection goes on.
fn assert_echo(net: &mut Net, conn: u64) {
    let sent = net.sent.remove(&conn).unwrap();
    assert_eq!(sent.head.as_deref(), Some("200 Success"));
    let fields = sent.fields.unwrap();
    assert_eq!(fields.text("Content-Length"), Some("20"));
    assert_eq!(fields.text("Content-Type"), Some("application/rpc"));
    assert_eq!(fields.text("Connection"), Some("Keep-Alive"));
    assert_eq!(sent.body, [rts(ECHO, &[])]);
    assert!(sent.end && !sent.closed && !sent.aborted);
}

/// RCA first sends RPC_IN_DATA with a body of F8 E8 18 08, as Windows clients do (note 12).
#[test]
fn rca_gets_its_echo() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_in(1, 4);
    net.body(1, Bytes::from_static(&[0xF8, 0xE8, 0x18, 0x08]));
    net.event(1, HttpEvent::End);
    assert_echo(&mut net, 1);
    // The connection is a connection like any other again.
    net.request_out(1, 0x10);
    net.body(1, Bytes::from_static(&[0; 0x10]));
    net.event(1, HttpEvent::End);
    assert_echo(&mut net, 1);
    assert!(net.asked.is_empty() && net.refused.is_empty());
}

/// impacket's first request has no query string and Content-Length 0.
#[test]
fn impacket_gets_its_echo() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request(1, "RPC_OUT_DATA", "/rpc/rpcproxy.dll", "0");
    net.event(1, HttpEvent::End);
    assert_echo(&mut net, 1);
}

fn assert_open(net: &mut Net) {
    assert_eq!(net.asked, ["mbx.test:6001", "mbx.test:6001"]);
    let out = &net.sent[&OUT_CONN];
    assert_eq!(out.head.as_deref(), Some("200 Success"));
    assert_eq!(out.fields.as_ref().unwrap().text("Content-Type"), Some("application/rpc"));
    assert_eq!(out.fields.as_ref().unwrap().text("Content-Length"), Some("1073741824"));
    let a3 = rts(NONE, &[timeout(120_000)]);
    let c2 = rts(NONE, &[version(), window(65_536), timeout(120_000)]);
    assert_eq!(net.out(OUT_CONN), [a3, c2]);
    assert!(!net.sent.contains_key(&IN_CONN), "no response while the IN channel is open");
    let vc = net.vc.as_ref().unwrap();
    assert_eq!(vc.cookie(), RtsCookie(cookie(VC)));
    assert_eq!(vc.association_group(), RtsCookie(cookie(GROUP)));
    assert_eq!(vc.principal().map(Principal::name), Some("ada"));
    assert_eq!((&*vc.rpc().server, vc.rpc().port), ("mbx.test", 6001));
    assert_eq!(vc.states(), ("opened", "opened"));
    assert_eq!((net.endpoint.connections(), net.endpoint.half_open()), (1, 0));
}

/// [MS-RPCH] 3.2.1.5.3.1 as the client sees it.
#[test]
fn a1_then_b1() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_out(OUT_CONN, 76);
    net.body(OUT_CONN, conn_a1(65_536));
    net.event(OUT_CONN, HttpEvent::End);
    assert_eq!(net.sent[&OUT_CONN].body, [rts(NONE, &[timeout(120_000)])], "CONN/A3 does not wait for the IN channel");
    assert_eq!((net.endpoint.connections(), net.endpoint.half_open()), (0, 1));
    net.request_in(IN_CONN, 0x4000_0000);
    net.body(IN_CONN, conn_b1());
    assert_open(&mut net);
}

/// quirks: B1 may arrive before A1.
#[test]
fn b1_then_a1() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_in(IN_CONN, 0x4000_0000);
    net.body(IN_CONN, conn_b1());
    assert!(net.sent.is_empty());
    net.request_out(OUT_CONN, 76);
    net.body(OUT_CONN, conn_a1(65_536));
    assert_open(&mut net);
}

#[test]
fn any_chunking_opens_it() {
    for size in 1..104 {
        let mut net = Net::new(EndpointConfig::DEFAULT);
        net.request_in(IN_CONN, 0x4000_0000);
        net.request_out(OUT_CONN, 76);
        let (a1, b1) = (conn_a1(65_536), conn_b1());
        let mut pieces: Vec<_> = a1.chunks(size).map(|piece| (OUT_CONN, piece)).collect();
        for (at, piece) in b1.chunks(size).enumerate() {
            pieces.insert((2 * at).min(pieces.len()), (IN_CONN, piece));
        }
        for (conn, piece) in pieces {
            net.body(conn, Bytes::copy_from_slice(piece));
        }
        assert_open(&mut net);
    }
}

/// Pings, and the client's first RPC PDU in one piece with CONN/B1, do not get lost on the way into the virtual connection.
#[test]
fn what_comes_before_the_other_channel_is_kept() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_in(IN_CONN, 0x4000_0000);
    net.body(IN_CONN, [conn_b1(), ping()].concat().into());
    net.body(IN_CONN, ping());
    net.body(IN_CONN, rpc(64, 7));
    net.request_out(OUT_CONN, 76);
    net.body(OUT_CONN, conn_a1(65_536));
    assert_eq!(net.pdus(), [rpc(64, 7)]);
}

#[test]
fn in_channel_responses_by_policy() {
    for (policy, head, length, end) in [
        (InChannelResponse::Nothing, None, "", false),
        (InChannelResponse::HeldOpen, Some("200 Success"), "1073741824", false),
        (InChannelResponse::Success, Some("200 Success"), "0", true),
    ] {
        let connection = VirtualConnectionConfig::DEFAULT.with_in_channel_response(policy);
        let net = Net::opened(EndpointConfig::DEFAULT.with_connection(connection));
        let sent = net.sent.get(&IN_CONN);
        assert_eq!(sent.and_then(|sent| sent.head.as_deref()), head);
        if let Some(sent) = sent {
            assert_eq!((sent.fields.as_ref().unwrap().text("Content-Length"), sent.end), (Some(length), end));
        }
    }
}

#[test]
fn a_denied_target_is_told_as_access_denied() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.verdict = Verdict::Deny(RpcError::ACCESS_DENIED);
    net.request_in(IN_CONN, 0x4000_0000);
    let sent = &net.sent[&IN_CONN];
    assert_eq!(sent.head.as_deref(), Some("503 RPC Error: 5"));
    assert!(sent.end && sent.closed);
    assert!(net.refused[0].fault.to_string().contains("mbx.test:6001"));
    assert_eq!(net.endpoint.half_open(), 0);
}

/// [MS-RPCH] 3.2.5.2.1: 15 minutes, for each channel that waits, in whatever state.
#[test]
fn half_open_channels_end_with_the_connection_setup_timer() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_out(1, 76);
    net.body(1, conn_a1(65_536));
    net.request_in(2, 0x4000_0000);
    net.wait(Duration::from_secs(15 * 60 - 1));
    assert_eq!(net.endpoint.half_open(), 2);
    net.wait(Duration::from_secs(1));
    assert_eq!((net.endpoint.half_open(), net.endpoint.poll_timeout()), (0, None));
    assert!(net.sent[&1].aborted, "the response has begun");
    assert_eq!(net.sent[&2].head.as_deref(), Some("503 RPC Error: 6ba"));
    let texts: Vec<_> = net.refused.iter().map(|refused| refused.fault.to_string()).collect();
    assert!(
        texts.iter().any(|text| text.contains("B2W")) && texts.iter().any(|text| text.contains("Open_Start")),
        "{texts:?}"
    );
    assert!(texts.iter().all(|text| text.contains("[MS-RPCH] 3.2.5.2.1")));
}

#[test]
fn limits_of_half_open_channels_and_of_connections() {
    let quota = |connections, half_open| Quota { connections, half_open, memory: usize::MAX };
    let limits = RoleLimits::DEFAULT.with_per_address(quota(1, 2));
    let mut net = Net::new(EndpointConfig::DEFAULT.with_limits(limits));
    for conn in 10..13 {
        net.request_in(conn, 0x4000_0000);
    }
    assert_eq!(net.sent[&12].head.as_deref(), Some("503 RPC Error: 6bb"));
    assert!(net.refused[0].fault.to_string().contains("per_address.half_open"));
    net.reset(10);
    net.reset(11);
    assert_eq!(net.endpoint.half_open(), 0);

    let mut net = Net::opened(EndpointConfig::DEFAULT.with_limits(limits));
    let first = net.vc.take().unwrap();
    let other =
        |pdu: Bytes| -> Bytes { pdu.iter().map(|b| if *b == VC { 0xC1 } else { *b }).collect::<Vec<_>>().into() };
    net.request_in(21, 0x4000_0000);
    net.body(21, other(conn_b1()));
    net.request_out(22, 76);
    net.body(22, other(conn_a1(65_536)));
    assert!(net.refused.iter().all(|refused| refused.fault.to_string().contains("per_address.connections")));
    assert_eq!((net.refused.len(), net.endpoint.half_open()), (2, 0));
    // Once the first is gone there is room again.
    drop(first);
    net.request_in(23, 0x4000_0000);
    net.body(23, other(conn_b1()));
    net.request_out(24, 76);
    net.body(24, other(conn_a1(65_536)));
    assert!(net.vc.is_some());
    assert_eq!(net.endpoint.connections(), 1);
}

/// A virtual connection that ends gives its cookie and its place back, and its memory.
#[test]
fn the_end_is_known_to_the_endpoint() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    assert_eq!(net.endpoint.memory(), VirtualConnectionConfig::DEFAULT.memory());
    let now = net.now;
    net.vc().close(now).unwrap();
    net.turn();
    assert!(net.sent[&IN_CONN].closed && net.sent[&OUT_CONN].closed);
    assert!(matches!(net.events.last(), Some(Event::Closed { .. })));
    net.endpoint.handle_timeout(now);
    assert_eq!((net.endpoint.connections(), net.endpoint.memory()), (0, 0));
    assert!(net.vc().close(now).is_err(), "closed is terminal");
}
