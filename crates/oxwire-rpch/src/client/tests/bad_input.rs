//! A peer that breaks the protocol: the virtual connection ends, and the error names the PDU, the state and the section.

use super::*;
use crate::client::CloseReason;
use crate::rts::other::{Echo, FlowControlAckPdu};
use crate::rts::out_r1::{OutR1A2, OutR1A6, OutR1A10};
use crate::rts::out_r2::{OutR2A6, OutR2B3};
use crate::rts::{Ance, RtsFlags, RtsHeader};

/// Gives bytes to the OUT channel in a state, and expects the end of the virtual connection, with these words.
fn ends(mut bench: Bench, bytes: impl Into<Bytes>, words: &[&str]) {
    let out =
        *bench.order.iter().find(|conn| bench.conns[*conn].head.as_ref().unwrap().method() == "RPC_OUT_DATA").unwrap();
    let error = bench.bytes(out, bytes).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(matches!(bench.closed(), Some((CloseReason::Peer(_), ..))));
    assert!(bench.all_closed());
    assert!(bench.client.poll_timeout().is_none());
    // What was on its way still comes, and does nothing.
    bench.bytes(out, rpc(1, 16)).unwrap();
    assert!(bench.received.is_empty());
}

fn responded() -> Bench {
    let mut bench = Bench::new(config());
    bench.connect();
    let out = bench.out();
    bench.head(out, success()).unwrap();
    bench
}

fn wait_c2() -> Bench {
    let mut bench = responded();
    let out = bench.out();
    bench.pdu(out, &ConnA3 { connection_timeout: ConnectionTimeout(120_000) }).unwrap();
    bench
}

fn a6w() -> Bench {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    bench.pdu(out, &OutR1A2 {}).unwrap();
    bench
}

#[test]
fn out_of_sequence_pdus() {
    let a3 = || wire(&ConnA3 { connection_timeout: ConnectionTimeout(120_000) });
    let a6 = wire(&OutR1A6 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) });
    let opened = || Bench::opened(config());
    ends(responded(), wire(&c2(WINDOW)), &["Wait_A3W", "CONN/C2", "3.2.2.5.3"]);
    ends(responded(), rpc(1, 100), &["Wait_A3W", "request", "3.2.2.5.3"]);
    ends(wait_c2(), a3(), &["Wait_C2", "CONN/A3", "3.2.2.5.4"]);
    ends(wait_c2(), rpc(1, 100), &["Wait_C2", "request", "3.2.2.5.4"]);
    ends(opened(), a3(), &["opened", "CONN/A3", "3.2.2.5"]);
    ends(opened(), wire(&c2(WINDOW)), &["opened", "CONN/C2", "3.2.2.5"]);
    ends(opened(), a6.clone(), &["opened", "OUT_R1/A6", "3.2.2.5.7"]);
    ends(opened(), wire(&OutR2A6 { ance: Ance }), &["opened", "OUT_R2/A6", "3.2.2.5.9"]);
    ends(opened(), wire(&OutR1A10 { ance: Ance }), &["opened", "OUT_R1/A10", "3.2.2.5.8"]);
    ends(opened(), wire(&OutR2B3 { ance: Ance }), &["opened", "OUT_R2/B3", "3.2.2.5.10"]);
    ends(opened(), wire(&Echo {}), &["opened", "Echo", "3.2.2.5"]);
    ends(a6w(), wire(&OutR1A2 {}), &["Opened_A6W", "OUT_R1/A2", "3.2.2.5.6"]);
    ends(a6w(), wire(&OutR1A10 { ance: Ance }), &["Opened_A6W", "OUT_R1/A10", "3.2.2.5.8"]);
    let mut a10w = a6w();
    let first = a10w.order[0];
    a10w.bytes(first, a6.clone()).unwrap();
    ends(a10w, a6, &["Opened_A10W", "OUT_R1/A6", "3.2.2.5.7"]);
    let mut b3w = a6w();
    b3w.pdu(first, &OutR2A6 { ance: Ance }).unwrap();
    ends(b3w, wire(&OutR1A10 { ance: Ance }), &["B3W", "OUT_R1/A10", "3.2.2.5.8"]);
}

#[test]
fn pdus_that_are_none() {
    let opened = || Bench::opened(config());
    let mut zero = rpc(1, 16).to_vec();
    zero[8] = 0;
    ends(opened(), zero, &["opened", "frag_length", "12.6.3.1"]);
    ends(opened(), rpc(1, 32_769), &["opened", "32769", "32768"]);
    let unknown = RtsHeader { frag_length: 20, flags: RtsFlags(0x8000), number_of_commands: 0 };
    ends(opened(), wire(&unknown), &["opened", "0x8000", "2.2.4"]);
    // A command of type 15, which there is none.
    let mut command = wire(&RtsHeader { frag_length: 24, flags: RtsFlags::NONE, number_of_commands: 1 }).to_vec();
    command.extend([15, 0, 0, 0]);
    ends(opened(), command, &["opened", "CommandType", "0xf"]);
    ends(opened(), vec![9; 16], &["opened", "rpc_vers"]);
    // ConnectionTimeout below 120 seconds, [MS-RPCH] 2.2.3.5.3.
    ends(responded(), wire(&ConnA3 { connection_timeout: ConnectionTimeout(1) }), &["Wait_A3W", "ConnectionTimeout"]);
}

/// More than was advertised.
#[test]
fn a_window_overrun() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    bench.bytes(out, [rpc(1, 32_768), rpc(2, 32_768)].concat()).unwrap();
    bench.received.clear();
    ends(bench, rpc(3, 16), &["opened", "AvailableWindowAdvertised", "3.2.1.4.1.3"]);
}

#[test]
fn acknowledgements_that_cannot_be() {
    for (received, window) in [(1, WINDOW), (0, WINDOW + 1)] {
        let bench = Bench::opened(config());
        let flow_control_ack =
            FlowControlAck { bytes_received: received, available_window: window, channel_cookie: bench.in_cookie() };
        ends(bench, wire(&FlowControlAckPdu { flow_control_ack }), &["opened", "FlowControlAck", "3.2.1.5.1.1"]);
    }
    let bench = Bench::opened(config());
    let flow_control_ack =
        FlowControlAck { bytes_received: 0, available_window: WINDOW, channel_cookie: bench.in_cookie() };
    let destination = Destination(ForwardDestination::SERVER);
    let pdu = wire(&FlowControlAckWithDestination { destination, flow_control_ack });
    ends(bench, pdu, &["opened", "FDClient", "3.2.1.5.2"]);
}

/// A successor that is not the default yet may not fill memory.
#[test]
fn a_successor_that_does_not_wait_its_turn() {
    let mut bench = a6w();
    let (successor, mut error) = (bench.out(), None);
    bench.head(successor, success()).unwrap();
    for number in 0..30 {
        if let Err(e) = bench.bytes(successor, rpc(number, 16_384)) {
            error = Some((number, e.to_string()));
            break;
        }
    }
    let (number, error) = error.unwrap();
    // The receive window, 8 KiB of RTS PDUs, and the acknowledgements of what the peer's window of 65,536 takes: 335,872 bytes.
    assert_eq!(number, 20);
    assert!(error.contains("Opened_A6W") && error.contains("3.2.1.1.4"), "{error}");
}

#[test]
fn a_second_out_channel_response() {
    let mut bench = Bench::opened(config());
    let out = bench.out();
    let error = bench.head(out, success()).unwrap_err().to_string();
    assert!(error.contains("3.2.2.5.2"), "{error}");
    let mut bench = responded();
    let out = bench.out();
    assert!(bench.head(out, success()).is_err() && bench.all_closed());
}

/// A window that shrinks below a PDU that waits would keep that for ever.
#[test]
fn a_successor_inbound_proxy_with_too_small_a_window() {
    let mut bench = Bench::opened(config().with_in_channel_length(131_072));
    let (out, cookie) = (bench.out(), bench.in_cookie());
    for number in 1..=2 {
        bench.send(rpc(number, 60_000));
        bench.ack(out, cookie, number * 60_000, WINDOW).unwrap();
    }
    bench.send(rpc(3, 30_000));
    ends(bench, wire(&in_r1_a4(8_192)), &["Opened_A4W", "8192", "30000"]);
}

/// Every byte of the streams that open and recycle, flipped and cut: no panic, and no wait without an end.
#[test]
fn damage_never_panics() {
    let stream = [
        wire(&ConnA3 { connection_timeout: ConnectionTimeout(120_000) }),
        wire(&c2(WINDOW)),
        rpc(1, 24),
        wire(&OutR1A2 {}),
        wire(&OutR1A6 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) }),
        wire(&OutR1A10 { ance: Ance }),
    ]
    .concat();
    for at in 0..stream.len() {
        for bit in [0x01, 0x80, 0xFF] {
            let mut bench = responded();
            let out = bench.out();
            let mut damaged = stream.clone();
            damaged[at] ^= bit;
            let _any = bench.bytes(out, damaged);
            assert!(bench.closed().is_some() || bench.client.poll_timeout().is_some());
        }
        let mut bench = responded();
        let out = bench.out();
        bench.bytes(out, stream[..at].to_vec()).unwrap();
        let _any = bench.reset(out, Reset::unknown("cut"));
        assert!(bench.closed().is_some() || bench.client.poll_timeout().is_some());
    }
}
