//! The fifty RTS PDUs against `vectors/ms-rpch`.

use std::collections::BTreeSet;

use oxwire::core::{DecodeErrorKind, Encode as _, Limits, decode_all, encode_to_bytes};
use oxwire::rpch::rts::conn::{ConnA1, ConnA2, ConnA3, ConnB1, ConnB2, ConnB3, ConnC1, ConnC2};
use oxwire::rpch::rts::in_r1::{InR1A1, InR1A2, InR1A3, InR1A4, InR1A5, InR1A6, InR1B1, InR1B2};
use oxwire::rpch::rts::in_r2::{InR2A1, InR2A2, InR2A3, InR2A4, InR2A5};
use oxwire::rpch::rts::other::{
    Echo, FlowControlAckPdu, FlowControlAckWithDestination, KeepAlive, Ping, PingTrafficSentNotifyPdu,
};
use oxwire::rpch::rts::out_r1::{
    OutR1A1, OutR1A2, OutR1A3, OutR1A4, OutR1A5, OutR1A6, OutR1A7, OutR1A8, OutR1A9, OutR1A10, OutR1A11,
};
use oxwire::rpch::rts::out_r2::{
    EmptyOrPadding, OutR2A1, OutR2A2, OutR2A3, OutR2A4, OutR2A5, OutR2A6, OutR2A7, OutR2A8, OutR2B1, OutR2B2, OutR2B3,
    OutR2C1,
};
use oxwire::rpch::rts::{
    Ance, AssociationGroupId, ChannelLifetime, ClientAddress, ClientKeepalive, Command, CommandType, ConnectionTimeout,
    Cookie, Destination, Empty, FlowControlAck, ForwardDestination, NegativeAnce, Padding, PduName,
    PingTrafficSentNotify, ReceiveWindowSize, RtsCookie, RtsPdu, Signature, Version,
};
use oxwire_tests::vector;
use oxwire_tests::vectors::Vector;

/// Sixteen bytes that count up.
fn cookie(first: u8) -> RtsCookie {
    RtsCookie(std::array::from_fn(|at| first + u8::try_from(at).unwrap()))
}

const ACK: FlowControlAck = FlowControlAck {
    bytes_received: 32_914,
    available_window: 65_536,
    channel_cookie: RtsCookie(*b"PQRSTUVWXYZ[\\]^_"),
};

vector!(
    conn_a1,
    ConnA1,
    "ms-rpch/conn_a1.hex",
    ConnA1 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        out_channel_cookie: Cookie(cookie(0x50)),
        receive_window_size: ReceiveWindowSize(65_536)
    }
);
vector!(
    conn_a2,
    ConnA2,
    "ms-rpch/conn_a2.hex",
    ConnA2 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        out_channel_cookie: Cookie(cookie(0x50)),
        channel_lifetime: ChannelLifetime(0x4000_0000),
        receive_window_size: ReceiveWindowSize(65_536)
    }
);
vector!(conn_a3, ConnA3, "ms-rpch/conn_a3.hex", ConnA3 { connection_timeout: ConnectionTimeout(120_000) });
vector!(
    conn_b1,
    ConnB1,
    "ms-rpch/conn_b1.hex",
    ConnB1 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        in_channel_cookie: Cookie(cookie(0x50)),
        channel_lifetime: ChannelLifetime(0x4000_0000),
        client_keepalive: ClientKeepalive(300_000),
        association_group_id: AssociationGroupId(cookie(0x40))
    }
);
vector!(
    conn_b2,
    ConnB2,
    "ms-rpch/conn_b2.hex",
    ConnB2 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        in_channel_cookie: Cookie(cookie(0x50)),
        receive_window_size: ReceiveWindowSize(65_536),
        connection_timeout: ConnectionTimeout(120_000),
        association_group_id: AssociationGroupId(cookie(0x40)),
        client_address: ClientAddress("192.0.2.1".parse().unwrap())
    }
);
vector!(
    conn_b2_ipv6,
    ConnB2,
    "ms-rpch/conn_b2_ipv6.hex",
    ConnB2 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        in_channel_cookie: Cookie(cookie(0x50)),
        receive_window_size: ReceiveWindowSize(65_536),
        connection_timeout: ConnectionTimeout(120_000),
        association_group_id: AssociationGroupId(cookie(0x40)),
        client_address: ClientAddress("2001:db8::1".parse().unwrap())
    }
);
vector!(
    conn_b3,
    ConnB3,
    "ms-rpch/conn_b3.hex",
    ConnB3 { receive_window_size: ReceiveWindowSize(65_536), version: Version(1) }
);
vector!(
    conn_c1,
    ConnC1,
    "ms-rpch/conn_c1.hex",
    ConnC1 {
        version: Version(1),
        receive_window_size: ReceiveWindowSize(65_536),
        connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(
    conn_c2,
    ConnC2,
    "ms-rpch/conn_c2.hex",
    ConnC2 {
        version: Version(1),
        receive_window_size: ReceiveWindowSize(65_536),
        connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(
    in_r1_a1,
    InR1A1,
    "ms-rpch/in_r1_a1.hex",
    InR1A1 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30))
    }
);
vector!(
    in_r1_a2,
    InR1A2,
    "ms-rpch/in_r1_a2.hex",
    InR1A2 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30)),
        inbound_proxy_receive_window_size: ReceiveWindowSize(65_536),
        inbound_proxy_connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(
    in_r1_a3,
    InR1A3,
    "ms-rpch/in_r1_a3.hex",
    InR1A3 {
        version: Version(1),
        inbound_proxy_receive_window_size: ReceiveWindowSize(65_536),
        inbound_proxy_connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(
    in_r1_a4,
    InR1A4,
    "ms-rpch/in_r1_a4.hex",
    InR1A4 {
        version: Version(1),
        inbound_proxy_receive_window_size: ReceiveWindowSize(65_536),
        inbound_proxy_connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(in_r1_a5, InR1A5, "ms-rpch/in_r1_a5.hex", InR1A5 { successor_in_channel_cookie: Cookie(cookie(0x30)) });
vector!(in_r1_a6, InR1A6, "ms-rpch/in_r1_a6.hex", InR1A6 { successor_in_channel_cookie: Cookie(cookie(0x30)) });
vector!(in_r1_b1, InR1B1, "ms-rpch/in_r1_b1.hex", InR1B1 { empty: Empty });
vector!(in_r1_b2, InR1B2, "ms-rpch/in_r1_b2.hex", InR1B2 { server_receive_window_size: ReceiveWindowSize(8_192) });
vector!(
    in_r2_a1,
    InR2A1,
    "ms-rpch/in_r2_a1.hex",
    InR2A1 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30))
    }
);
vector!(in_r2_a2, InR2A2, "ms-rpch/in_r2_a2.hex", InR2A2 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(in_r2_a3, InR2A3, "ms-rpch/in_r2_a3.hex", InR2A3 {});
vector!(in_r2_a4, InR2A4, "ms-rpch/in_r2_a4.hex", InR2A4 {});
vector!(in_r2_a5, InR2A5, "ms-rpch/in_r2_a5.hex", InR2A5 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(out_r1_a1, OutR1A1, "ms-rpch/out_r1_a1.hex", OutR1A1 {});
vector!(out_r1_a2, OutR1A2, "ms-rpch/out_r1_a2.hex", OutR1A2 {});
vector!(
    out_r1_a3,
    OutR1A3,
    "ms-rpch/out_r1_a3.hex",
    OutR1A3 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30)),
        outbound_proxy_receive_window_size: ReceiveWindowSize(262_144)
    }
);
vector!(
    out_r1_a4,
    OutR1A4,
    "ms-rpch/out_r1_a4.hex",
    OutR1A4 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30)),
        channel_lifetime: ChannelLifetime(0x4000_0000),
        outbound_proxy_receive_window_size: ReceiveWindowSize(262_144),
        outbound_proxy_connection_timeout: ConnectionTimeout(120_000)
    }
);
vector!(
    out_r1_a5,
    OutR1A5,
    "ms-rpch/out_r1_a5.hex",
    OutR1A5 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) }
);
vector!(
    out_r1_a6,
    OutR1A6,
    "ms-rpch/out_r1_a6.hex",
    OutR1A6 { version: Version(1), outbound_proxy_connection_timeout: ConnectionTimeout(120_000) }
);
vector!(out_r1_a7, OutR1A7, "ms-rpch/out_r1_a7.hex", OutR1A7 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(out_r1_a8, OutR1A8, "ms-rpch/out_r1_a8.hex", OutR1A8 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(out_r1_a9, OutR1A9, "ms-rpch/out_r1_a9.hex", OutR1A9 { ance: Ance });
vector!(out_r1_a10, OutR1A10, "ms-rpch/out_r1_a10.hex", OutR1A10 { ance: Ance });
vector!(out_r1_a11, OutR1A11, "ms-rpch/out_r1_a11.hex", OutR1A11 { ance: Ance });
vector!(out_r2_a1, OutR2A1, "ms-rpch/out_r2_a1.hex", OutR2A1 {});
vector!(out_r2_a2, OutR2A2, "ms-rpch/out_r2_a2.hex", OutR2A2 {});
vector!(
    out_r2_a3,
    OutR2A3,
    "ms-rpch/out_r2_a3.hex",
    OutR2A3 {
        version: Version(1),
        virtual_connection_cookie: Cookie(cookie(0x10)),
        predecessor_channel_cookie: Cookie(cookie(0x20)),
        successor_channel_cookie: Cookie(cookie(0x30)),
        client_receive_window_size: ReceiveWindowSize(65_536)
    }
);
vector!(out_r2_a4, OutR2A4, "ms-rpch/out_r2_a4.hex", OutR2A4 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(out_r2_a5, OutR2A5, "ms-rpch/out_r2_a5.hex", OutR2A5 { ance: Ance });
vector!(out_r2_a6, OutR2A6, "ms-rpch/out_r2_a6.hex", OutR2A6 { ance: Ance });
vector!(
    out_r2_a7,
    OutR2A7,
    "ms-rpch/out_r2_a7.hex",
    OutR2A7 { successor_channel_cookie: Cookie(cookie(0x30)), version: Version(1) }
);
vector!(out_r2_a8, OutR2A8, "ms-rpch/out_r2_a8.hex", OutR2A8 { successor_channel_cookie: Cookie(cookie(0x30)) });
vector!(out_r2_b1, OutR2B1, "ms-rpch/out_r2_b1.hex", OutR2B1 { ance: Ance });
vector!(out_r2_b2, OutR2B2, "ms-rpch/out_r2_b2.hex", OutR2B2 { nance: NegativeAnce });
vector!(out_r2_b3, OutR2B3, "ms-rpch/out_r2_b3.hex", OutR2B3 { ance: Ance });
vector!(out_r2_c1, OutR2C1, "ms-rpch/out_r2_c1.hex", OutR2C1 { empty_or_padding: EmptyOrPadding::Empty(Empty) });
vector!(
    out_r2_c1_padding,
    OutR2C1,
    "ms-rpch/out_r2_c1_padding.hex",
    OutR2C1 { empty_or_padding: EmptyOrPadding::Padding(Padding(5)) }
);
vector!(keep_alive, KeepAlive, "ms-rpch/keep_alive.hex", KeepAlive { client_keepalive: ClientKeepalive(0) });
vector!(
    ping_traffic_sent_notify,
    PingTrafficSentNotifyPdu,
    "ms-rpch/ping_traffic_sent_notify.hex",
    PingTrafficSentNotifyPdu { ping_traffic_sent_notify: PingTrafficSentNotify(1031) }
);
vector!(echo, Echo, "ms-rpch/echo.hex", Echo {});
vector!(ping, Ping, "ms-rpch/ping.hex", Ping {});
vector!(
    flow_control_ack,
    FlowControlAckPdu,
    "ms-rpch/flow_control_ack.hex",
    FlowControlAckPdu { flow_control_ack: ACK }
);
vector!(
    flow_control_ack_with_destination,
    FlowControlAckWithDestination,
    "ms-rpch/flow_control_ack_with_destination.hex",
    FlowControlAckWithDestination { destination: Destination(ForwardDestination::OUT_PROXY), flow_control_ack: ACK }
);

// Captures.
vector!(
    conn_a1_capture,
    ConnA1,
    "ms-rpch/conn_a1_capture.hex",
    ConnA1 {
        version: Version(1),
        virtual_connection_cookie: Cookie(RtsCookie(*b"\xb0\xf6\xaf=wb\x98\x07\x9b!Tn\xec\xf4\"S")),
        out_channel_cookie: Cookie(RtsCookie(*b":$z7m\xc1\xed,h]45\x13FC%")),
        receive_window_size: ReceiveWindowSize(262_144),
    }
);
vector!(
    conn_a3_capture,
    ConnA3,
    "ms-rpch/conn_a3_capture.hex",
    ConnA3 { connection_timeout: ConnectionTimeout(120_000) }
);
vector!(
    conn_c2_capture,
    ConnC2,
    "ms-rpch/conn_c2_capture.hex",
    ConnC2 {
        version: Version(1),
        receive_window_size: ReceiveWindowSize(65_536),
        connection_timeout: ConnectionTimeout(120_000),
    }
);
vector!(
    flow_control_ack_with_destination_capture,
    FlowControlAckWithDestination,
    "ms-rpch/flow_control_ack_with_destination_capture.hex",
    FlowControlAckWithDestination {
        destination: Destination(ForwardDestination::CLIENT),
        flow_control_ack: FlowControlAck {
            bytes_received: 32_914,
            available_window: 65_536,
            channel_cookie: RtsCookie(*b"\xe3yn|\xbch\xa9M\xab\x8d\x82@\xa0\x05r2"),
        },
    }
);

/// [MS-RPCH] 2.2.4.1: flags, number and types of the commands tell a PDU, as far as one is to be told without its state.
#[test]
fn each_vector_has_a_signature_that_lists_its_name() {
    let table = [
        ("conn_a1", PduName::ConnA1),
        ("conn_a2", PduName::ConnA2),
        ("conn_a3", PduName::ConnA3),
        ("conn_b1", PduName::ConnB1),
        ("conn_b2", PduName::ConnB2),
        ("conn_b2_ipv6", PduName::ConnB2),
        ("conn_b3", PduName::ConnB3),
        ("conn_c1", PduName::ConnC1),
        ("conn_c2", PduName::ConnC2),
        ("in_r1_a1", PduName::InR1A1),
        ("in_r1_a2", PduName::InR1A2),
        ("in_r1_a3", PduName::InR1A3),
        ("in_r1_a4", PduName::InR1A4),
        ("in_r1_a5", PduName::InR1A5),
        ("in_r1_a6", PduName::InR1A6),
        ("in_r1_b1", PduName::InR1B1),
        ("in_r1_b2", PduName::InR1B2),
        ("in_r2_a1", PduName::InR2A1),
        ("in_r2_a2", PduName::InR2A2),
        ("in_r2_a3", PduName::InR2A3),
        ("in_r2_a4", PduName::InR2A4),
        ("in_r2_a5", PduName::InR2A5),
        ("out_r1_a1", PduName::OutR1A1),
        ("out_r1_a2", PduName::OutR1A2),
        ("out_r1_a3", PduName::OutR1A3),
        ("out_r1_a4", PduName::OutR1A4),
        ("out_r1_a5", PduName::OutR1A5),
        ("out_r1_a6", PduName::OutR1A6),
        ("out_r1_a7", PduName::OutR1A7),
        ("out_r1_a8", PduName::OutR1A8),
        ("out_r1_a9", PduName::OutR1A9),
        ("out_r1_a10", PduName::OutR1A10),
        ("out_r1_a11", PduName::OutR1A11),
        ("out_r2_a1", PduName::OutR2A1),
        ("out_r2_a2", PduName::OutR2A2),
        ("out_r2_a3", PduName::OutR2A3),
        ("out_r2_a4", PduName::OutR2A4),
        ("out_r2_a5", PduName::OutR2A5),
        ("out_r2_a6", PduName::OutR2A6),
        ("out_r2_a7", PduName::OutR2A7),
        ("out_r2_a8", PduName::OutR2A8),
        ("out_r2_b1", PduName::OutR2B1),
        ("out_r2_b2", PduName::OutR2B2),
        ("out_r2_b3", PduName::OutR2B3),
        ("out_r2_c1", PduName::OutR2C1),
        ("out_r2_c1_padding", PduName::OutR2C1),
        ("keep_alive", PduName::KeepAlive),
        ("ping_traffic_sent_notify", PduName::PingTrafficSentNotify),
        ("echo", PduName::Echo),
        ("ping", PduName::Ping),
        ("flow_control_ack", PduName::FlowControlAck),
        ("flow_control_ack_with_destination", PduName::FlowControlAckWithDestination),
        ("conn_a1_capture", PduName::ConnA1),
        ("conn_a3_capture", PduName::ConnA3),
        ("conn_c2_capture", PduName::ConnC2),
        ("flow_control_ack_with_destination_capture", PduName::FlowControlAckWithDestination),
    ];
    let mut seen = BTreeSet::new();
    for (file, name) in table {
        let vector = Vector::load(&format!("ms-rpch/{file}.hex"));
        let pdu: RtsPdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
        let signature = Signature::of(&pdu).unwrap();
        assert!(signature.names().any(|candidate| candidate == name), "{file}: {signature:?}");
        assert!(vector.heading.starts_with(&format!("{}:", name.spec())), "{file}: {}", vector.heading);
        seen.insert(name);
    }
    assert_eq!(seen.len(), 50);
}

/// Pairs that only diverge later carry both names.
#[test]
fn ambiguous_signatures_list_every_name() {
    for (file, names) in [
        ("in_r1_a1", vec!["IN_R1/A1", "IN_R2/A1"]),
        ("out_r1_a1", vec!["OUT_R1/A1", "OUT_R1/A2", "OUT_R2/A1", "OUT_R2/A2"]),
        ("out_r1_a3", vec!["OUT_R1/A3", "OUT_R2/A3"]),
        ("conn_c2", vec!["CONN/C1", "CONN/C2"]),
        ("out_r1_a10", vec!["OUT_R1/A9", "OUT_R1/A10", "OUT_R1/A11", "OUT_R2/B1"]),
        ("out_r2_b3", vec!["OUT_R2/B3"]),
    ] {
        let vector = Vector::load(&format!("ms-rpch/{file}.hex"));
        let pdu: RtsPdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
        let found: Vec<_> = Signature::of(&pdu).unwrap().names().map(PduName::name).collect();
        assert_eq!(found, names, "{file}");
    }
}

/// [MS-RPCH] 2.2.4.45, and a known slip of peers: OUT_R2/C1 is exactly as long as OUT_R1/A11, 24 bytes.
#[test]
fn out_r2_c1_is_as_long_as_out_r1_a11() {
    let c1 = OutR2C1 { empty_or_padding: EmptyOrPadding::Empty(Empty) };
    assert_eq!((c1.encoded_len(), OutR1A11 { ance: Ance }.encoded_len()), (24, 24));
}

/// gromox tells RTS PDUs apart by length: an IPv6 ClientAddress makes CONN/B2 longer, and it is CONN/B2 all the same.
#[test]
fn gromox_an_ipv6_client_address_changes_the_length_and_not_the_name() {
    let v4 = Vector::load("ms-rpch/conn_b2.hex");
    let v6 = Vector::load("ms-rpch/conn_b2_ipv6.hex");
    assert_eq!(v6.bytes.len(), v4.bytes.len() + 12);
    let signature = |bytes| Signature::of(&decode_all::<RtsPdu<'_>>(bytes, &Limits::DEFAULT).unwrap()).unwrap();
    assert!(signature(&v4.bytes) == signature(&v6.bytes));
}

/// [MS-RPCH] 2.2.3.5: a command whose type is not in the table has no known length; the error names it.
#[test]
fn an_unknown_command_is_named() {
    let bytes = b"\x05\0\x14\x03\x10\0\0\0\x18\0\0\0\0\0\0\0\0\0\x01\0\x0f\0\0\0";
    let error = decode_all::<RtsPdu<'_>>(bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (20, "CommandType"));
    assert!(matches!(error.kind, DecodeErrorKind::Value { found: 15, .. }), "{error}");
}

/// [MS-RPCH] 2.2.3.6.1: what every header must hold.
#[test]
fn a_header_that_is_not_an_rts_header_is_refused() {
    let ping = Vector::load("ms-rpch/ping.hex").bytes;
    for (at, value, field) in [
        (0, 4, "rpc_vers"),
        (1, 1, "rpc_vers_minor"),
        (2, 0, "PTYPE"),
        (3, 1, "pfc_flags"),
        (4, 0, "packed_drep"),
        (8, 19, "frag_length"),
        (10, 1, "auth_length"),
        (12, 1, "call_id"),
        (18, 1, "CommandType"),
    ] {
        let mut bytes = ping.clone();
        bytes[at] = value;
        let error = decode_all::<RtsPdu<'_>>(&bytes, &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
}

/// [MS-RPCH] 2.2.3.5.3, .5, .9, .14, 2.2.3.2: values that their sections forbid.
#[test]
fn values_out_of_range_are_refused() {
    let command = |bytes: &[u8]| decode_all::<Command>(bytes, &Limits::DEFAULT).map_err(|error| error.field);
    for (kind, value, field) in [
        (CommandType::ConnectionTimeout, 119_999, "ConnectionTimeout"),
        (CommandType::ConnectionTimeout, 14_400_001, "ConnectionTimeout"),
        (CommandType::ChannelLifetime, 0x1_FFFF, "ChannelLifetime"),
        (CommandType::ChannelLifetime, 0x8000_0001, "ChannelLifetime"),
        (CommandType::Padding, 0x1_0000, "ConformanceCount"),
        (CommandType::Destination, 4, "Destination"),
        (CommandType::ClientAddress, 2, "AddressType"),
    ] {
        let bytes = [kind.value().to_le_bytes(), u32::to_le_bytes(value)].concat();
        assert_eq!(command(&bytes), Err(field), "{kind:?} {value}");
    }
    for (kind, value) in [(CommandType::ConnectionTimeout, 120_000), (CommandType::ChannelLifetime, 0x8000_0000)] {
        let bytes = [kind.value().to_le_bytes(), u32::to_le_bytes(value)].concat();
        assert!(command(&bytes).is_ok(), "{kind:?} {value}");
    }
}

/// [MS-RPCH] 2.2.3.5.6: 0 is 300,000. gromox takes what is below 60,000, which the section forbids, as 60,000.
#[test]
fn gromox_a_keepalive_below_the_minimum_is_the_minimum() {
    for (sent, meant) in [(0, 300_000), (1, 60_000), (59_999, 60_000), (60_000, 60_000), (u32::MAX, u32::MAX)] {
        assert_eq!(ClientKeepalive(sent).interval_ms(), meant);
    }
}

/// A fixed Destination is checked, [MS-RPCH] 2.2.4.23.
#[test]
fn a_wrong_destination_is_refused() {
    let mut bytes = Vector::load("ms-rpch/out_r1_a1.hex").bytes;
    bytes[24] = 2;
    let error = decode_all::<OutR1A1>(&bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (24, "Destination"));
}

/// A cookie is what recognises a successor channel: it is not printed whole.
#[test]
fn debug_does_not_show_a_cookie() {
    assert_eq!(format!("{:?}", cookie(0x10)), "RtsCookie(1011..)");
}

/// A Padding command takes 65,535 bytes at the most, and with it the PDU no longer fits its frag_length: refused, not cut.
#[test]
fn a_pdu_past_its_length_field_is_refused() {
    let pdu = OutR2C1 { empty_or_padding: EmptyOrPadding::Padding(Padding(65_535)) };
    assert_eq!(encode_to_bytes(&pdu).unwrap_err().field, "frag_length");
}
