//! What ends one virtual connection, by an error that names PDU, state and section, and leaves every other alone.

use bytes::Bytes;
use oxwire_http::HttpEvent;

use super::harness::{IN_CONN, Net, OUT_CONN};
use crate::endpoint::{EndpointConfig, VirtualConnectionConfig};
use crate::test_pdus::*;

/// Each PDU that has no place on the IN channel of an open virtual connection.
#[test]
fn pdus_out_of_sequence_on_the_in_channel() {
    for (pdu, named) in [
        (conn_b1(), "CONN/B1"),
        (conn_a1(65_536), "CONN/A1"),
        (in_a1(IN, 0xB2), "IN_R2/A1"),
        (cookie_alone(0xB2), "IN_R2/A5"),
        (out_r2_a7(0xA2), "OUT_R2/A7"),
        (out_a8(0xA2), "OUT_R2/A7"),
        (out_r2_c1(), "OUT_R2/C1"),
        (out_a3(OUT, 0xA2, 65_536), "OUT_R2/A3"),
        (rts(NONE, &[ance()]), "OUT_R1/A11"),
        (rts(NONE, &[nance()]), "OUT_R2/B2"),
        (rts(NONE, &[empty()]), "IN_R1/B1"),
        (rts(ECHO, &[]), "Echo"),
        (rts(OTHER_CMD, &[ping_traffic(1)]), "Ping Traffic Sent Notify"),
        (rts(NONE, &[version(), window(1), timeout(120_000)]), "CONN/C2"),
        (ack_to(0, 0, 65_536, OUT), "FlowControlAckWithDestination"),
        (rts(0x80, &[]), "no section has"),
        (rts(NONE, &[[99, 0, 0, 0].to_vec()]), "CommandType"),
    ] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        net.body(IN_CONN, [rpc(32, 1), pdu, rpc(32, 2)].concat().into());
        assert_eq!(net.pdus(), [rpc(32, 1)], "what came before it is told, what comes after it is not");
        net.assert_ended(&[named, "opened", "[MS-RPCH]"]);
        assert!(net.last.is_err());
        assert!(net.sent[&IN_CONN].aborted && net.sent[&OUT_CONN].aborted, "{named}");
    }
}

#[test]
fn anything_on_the_out_channel_is_out_of_sequence() {
    for (pdu, named) in [(out_r2_c1(), "OUT_R2/C1"), (rpc(16, 1), "request"), (conn_a1(8_192), "CONN/A1")] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        net.body(OUT_CONN, pdu);
        net.assert_ended(&[named, "opened", "[MS-RPCH] 3.2.4.5"]);
    }
}

#[test]
fn a_second_a1_or_b1_while_half_open_ends_both() {
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_out(1, 76);
    net.body(1, conn_a1(65_536));
    net.request_out(2, 76);
    net.body(2, conn_a1(65_536));
    assert!(net.sent[&1].aborted && net.sent[&2].closed);
    assert!(net.refused.iter().all(|refused| {
        let text = refused.fault.to_string();
        text.contains("CONN/A1") && text.contains("B2W") && text.contains("[MS-RPCH] 3.2.4.5.3")
    }));
    assert_eq!((net.refused.len(), net.endpoint.half_open()), (2, 0));
}

#[test]
fn a_second_a1_or_b1_of_an_open_virtual_connection_ends_it() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_out(12, 76);
    net.body(12, conn_a1(65_536));
    net.assert_ended(&["CONN/A1", "opened", "[MS-RPCH] 3.2.4.5.3"]);
    assert!(net.sent[&12].aborted && net.sent[&IN_CONN].aborted && net.sent[&OUT_CONN].aborted);
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_in(11, 0x4000_0000);
    net.body(11, conn_b1());
    net.assert_ended(&["CONN/B1", "opened", "[MS-RPCH] 3.2.3.5.3"]);
    assert!(net.sent[&11].aborted);
}

#[test]
fn recycling_with_wrong_cookies_or_at_a_wrong_time_ends_it() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_in(11, 0x4000_0000);
    net.body(11, in_a1(0x99, 0xB2));
    net.assert_ended(&["IN_R2/A1", "PredecessorChannelCookie", "opened", "[MS-RPCH] 3.2.3.5.5.1"]);
    assert!(net.sent[&11].aborted && net.sent[&IN_CONN].aborted);

    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_in(11, 0x4000_0000);
    net.body(11, in_a1(IN, 0xB2));
    net.request_in(12, 0x4000_0000);
    net.body(12, in_a1(IN, 0xB3));
    net.assert_ended(&["IN_R2/A1", "Opened_A5W", "[MS-RPCH] 3.2.3.5.5.1"]);
    assert!([11, 12, IN_CONN, OUT_CONN].iter().all(|conn| net.sent[conn].aborted));

    // Nobody has asked for a successor OUT channel.
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.request_out(12, 120);
    net.body(12, out_a3(OUT, 0xA2, 65_536));
    net.assert_ended(&["OUT_R2/A3", "opened", "[MS-RPCH] 3.2.4.5.6.1"]);
}

/// An unknown cookie ends the channel that names it.
#[test]
fn recycling_of_nothing() {
    for (length, conn, pdu) in [(0x4000_0000, 1, in_a1(IN, 0xB2)), (120, 2, out_a3(OUT, 0xA2, 65_536))] {
        let mut net = Net::new(EndpointConfig::DEFAULT);
        if length == 120 {
            net.request_out(conn, length)
        } else {
            net.request_in(conn, length)
        }
        net.body(conn, pdu);
        assert_eq!(net.sent[&conn].head.as_deref(), Some("503 RPC Error: 6c0"));
        assert!(net.refused[0].fault.to_string().contains("unknown cookie"));
        assert_eq!(net.endpoint.half_open(), 0);
    }
}

/// Sizes: frag_length 0, a fragment that is too large, a window that is overrun, an acknowledgement that cannot be.
#[test]
fn lengths_and_windows() {
    let mut zero = rpc(16, 1).to_vec();
    zero[8] = 0;
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.body(IN_CONN, zero.into());
    net.assert_ended(&["frag_length", "opened"]);

    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.body(IN_CONN, rpc(32_769, 1).slice(..16));
    net.assert_ended(&["32769", "32768", "opened"]);

    let mut net = Net::opened(EndpointConfig::DEFAULT);
    for fill in 0..2 {
        net.body(IN_CONN, rpc(32_768, fill));
    }
    net.body(IN_CONN, rpc(16, 3));
    assert_eq!(net.pdus().len(), 2);
    net.assert_ended(&["AvailableWindowAdvertised", "opened", "[MS-RPCH] 3.2.1.4.1.3"]);

    for bad in [ack_to(3, 1, 65_536, OUT), ack_to(3, 0, 65_537, OUT)] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        net.body(IN_CONN, bad);
        net.assert_ended(&["FlowControlAck", "opened", "[MS-RPCH] 3.2.1.5.1.1"]);
    }
}

/// [MS-RPCH] 2.1.2.1.1, 2.1.2.1.2: lengths that no channel has, each ends its own request alone.
#[test]
fn content_lengths() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    let mut conn = 100;
    for (method, lengths) in
        [("RPC_IN_DATA", ["17", "131071", "2147483649", "x"]), ("RPC_OUT_DATA", ["17", "75", "77", "121"])]
    {
        for length in lengths {
            net.request(conn, method, "/rpc/rpcproxy.dll?mbx.test:6001", length);
            assert_eq!(net.sent[&conn].head.as_deref(), Some("503 RPC Error: 6c0"), "{method} {length}");
            assert!(net.sent[&conn].closed);
            let fault = net.refused.pop().unwrap().fault.to_string();
            assert!(fault.contains("Content-Length") && fault.contains("Open_Start"), "{fault}");
            conn += 1;
        }
    }
    net.body(IN_CONN, rpc(100, 1));
    assert_eq!(net.pdus(), [rpc(100, 1)], "the other virtual connection goes on");
}

/// The first PDU: of the wrong kind, cut off, or flooded.
#[test]
fn first_pdus() {
    for (pdu, named) in [
        (conn_a1(65_536), "CONN/A1"),
        (rpc(16, 1), "request"),
        (ping(), "Ping"),
        (rts(NONE, &[[99, 0, 0, 0].to_vec()]), "CommandType"),
        (Bytes::from_static(&[0; 16]), "rpc_vers"),
        (vec![0; 5_000].into(), "4096"),
    ] {
        let mut net = Net::new(EndpointConfig::DEFAULT);
        net.request_in(1, 0x4000_0000);
        net.body(1, pdu);
        assert_eq!(net.sent[&1].head.as_deref(), Some("503 RPC Error: 6c0"));
        let fault = net.refused[0].fault.to_string();
        assert!(fault.contains(named), "{named} is not in: {fault}");
        assert_eq!(net.endpoint.half_open(), 0);
    }
    let mut net = Net::new(EndpointConfig::DEFAULT);
    net.request_out(1, 76);
    net.body(1, conn_a1(65_536).slice(..75));
    net.event(1, HttpEvent::End);
    assert!(net.refused[0].fault.to_string().contains("the end of the request"));
}

/// The IN channel request ends, or a connection does: so does the virtual connection.
#[test]
fn connections_that_end() {
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.event(IN_CONN, HttpEvent::End);
    net.assert_ended(&["IN channel"]);
    for conn in [IN_CONN, OUT_CONN] {
        let mut net = Net::opened(EndpointConfig::DEFAULT);
        net.reset(conn);
        net.assert_ended(&["cut"]);
    }
    // The end of an OUT channel's request is its ordinary course.
    let mut net = Net::opened(EndpointConfig::DEFAULT);
    net.event(OUT_CONN, HttpEvent::End);
    assert!(!net.vc().is_closed());
}

/// Any prefix and any flipped byte of a conversation: no panic, no state that a timer does not end.
#[test]
fn damage_never_panics() {
    let config =
        EndpointConfig::DEFAULT.with_connection(VirtualConnectionConfig::DEFAULT.with_channel_lifetime(131_072));
    let first = conn_b1();
    let later = [rpc(64, 1), ping(), ack_to(3, 0, 65_536, OUT), cookie_alone(0xB2)].concat();
    for at in 0..first.len() + later.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut net = Net::new(config);
            net.request_out(OUT_CONN, 76);
            net.body(OUT_CONN, conn_a1(65_536));
            net.request_in(IN_CONN, 0x4000_0000);
            let mut stream = [&first[..], &later[..]].concat();
            stream[at] ^= flip;
            net.body(IN_CONN, stream.into());
            net.wait(std::time::Duration::from_secs(3_600));
            assert!(net.vc.as_ref().is_none_or(|vc| vc.is_closed()));
            assert_eq!(net.endpoint.half_open(), 0);
        }
    }
}
