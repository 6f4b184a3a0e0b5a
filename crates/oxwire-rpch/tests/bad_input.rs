//! Two virtual connections at one endpoint, and bad input on the first: that one ends, by an error that names the PDU, the state and the
//! section, and the other goes on both ways. What each role does with each PDU out of sequence is tested with the role.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests; a failure here fails the test")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Encode, Principal, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead};
use oxwire_rpch::endpoint::{
    Endpoint, EndpointConfig, EndpointEvent, Event, Handled, VirtualConnection, VirtualConnectionId,
};
use oxwire_rpch::front::{Caller, Verdict};
use oxwire_rpch::rts::conn::{ConnA1, ConnB1};
use oxwire_rpch::rts::in_r1::InR1A1;
use oxwire_rpch::rts::in_r2::InR2A5;
use oxwire_rpch::rts::{
    AssociationGroupId, ChannelLifetime, ClientKeepalive, Cookie, ReceiveWindowSize, RtsCookie, Version,
};

/// The connections of the first virtual connection, and those of the second.
const IN: u64 = 1;
const OUT: u64 = 2;
const OTHER_IN: u64 = 3;
const OTHER_OUT: u64 = 4;
const FURTHER: u64 = 5;

fn cookie(fill: u8) -> Cookie {
    Cookie(RtsCookie([fill; 16]))
}

fn wire(pdu: &impl Encode) -> Bytes {
    encode_to_bytes(pdu).unwrap()
}

fn a1(connection: u8) -> Bytes {
    wire(&ConnA1 {
        version: Version(1),
        virtual_connection_cookie: cookie(connection),
        out_channel_cookie: cookie(connection + 10),
        receive_window_size: ReceiveWindowSize(65_536),
    })
}

fn b1(connection: u8) -> Bytes {
    wire(&ConnB1 {
        version: Version(1),
        virtual_connection_cookie: cookie(connection),
        in_channel_cookie: cookie(connection + 20),
        channel_lifetime: ChannelLifetime(0x4000_0000),
        client_keepalive: ClientKeepalive(300_000),
        association_group_id: AssociationGroupId(RtsCookie([connection + 30; 16])),
    })
}

/// IN_R1/A1 or IN_R2/A1: they are one PDU.
fn successor(connection: u8, predecessor: u8) -> Bytes {
    wire(&InR1A1 {
        version: Version(1),
        virtual_connection_cookie: cookie(connection),
        predecessor_channel_cookie: cookie(predecessor),
        successor_channel_cookie: cookie(99),
    })
}

/// A request PDU, [C706] 12.6.4.9, with that frag_length.
fn rpc(len: u16) -> Bytes {
    let mut pdu = vec![0; usize::from(len).max(16)];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&len.to_le_bytes());
    pdu.into()
}

struct Net {
    now: Instant,
    endpoint: Endpoint,
    connections: BTreeMap<VirtualConnectionId, VirtualConnection>,
    sent: BTreeMap<u64, Vec<Bytes>>,
    ended: Vec<u64>,
    /// What each virtual connection has told.
    events: Vec<(u8, Event)>,
    refused: Vec<String>,
}

impl Net {
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn new() -> Self {
        let mut net = Self {
            now: Instant::now(),
            endpoint: Endpoint::new(EndpointConfig::DEFAULT),
            connections: BTreeMap::new(),
            sent: BTreeMap::new(),
            ended: Vec::new(),
            events: Vec::new(),
            refused: Vec::new(),
        };
        for (number, inward, outward) in [(1, IN, OUT), (2, OTHER_IN, OTHER_OUT)] {
            net.request(outward, "RPC_OUT_DATA", "76");
            net.body(outward, a1(number));
            net.request(inward, "RPC_IN_DATA", "1073741824");
            net.body(inward, b1(number));
        }
        assert_eq!((net.connections.len(), &net.events[..]), (2, &[][..]), "{:?}", net.refused);
        net.sent.clear();
        net
    }

    fn request(&mut self, conn: u64, method: &str, length: &str) {
        let head = RequestHead::builder(method, "/rpc/rpcproxy.dll?mbx.test:6001").field("Host", "mail.test");
        let head = head.field("Content-Length", length).request().unwrap();
        self.event(conn, HttpEvent::Head(Head::Request(head)));
    }

    fn body(&mut self, conn: u64, bytes: Bytes) {
        self.event(conn, HttpEvent::Body(bytes));
    }

    fn event(&mut self, conn: u64, event: HttpEvent) {
        let caller = Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada"));
        let conn = ConnectionId::new(conn);
        if let Handled::BelongsTo(id, event) = self.endpoint.handle(self.now, conn, &caller, event).unwrap() {
            // What ends it is one of its events, too.
            let _told = self.connections.get_mut(&id).unwrap().handle(self.now, conn, event);
        }
        self.turn();
    }

    fn turn(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Access(access) => self.endpoint.verdict(self.now, access.handle, Verdict::Allow),
                EndpointEvent::Opened(connection) => drop(self.connections.insert(connection.id(), *connection)),
                EndpointEvent::Attach { id, channel } => {
                    let _told = self.connections.get_mut(&id).unwrap().attach(self.now, channel);
                }
                EndpointEvent::Refused(refused) => self.refused.push(refused.fault.to_string()),
                other => panic!("{other:?}"),
            }
        }
        let mut transmits: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit()).collect();
        for connection in self.connections.values_mut() {
            let number = connection.cookie().0[0];
            self.events.extend(std::iter::from_fn(|| connection.poll_event()).map(|event| (number, event)));
            transmits.extend(std::iter::from_fn(|| connection.poll_transmit(self.now)));
        }
        for transmit in transmits {
            let conn = transmit.conn().number();
            match transmit {
                HttpTransmit::Event { event: HttpEvent::Body(bytes), .. } => {
                    self.sent.entry(conn).or_default().push(bytes);
                }
                HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => self.ended.push(conn),
                _ => {}
            }
        }
    }

    /// The error that the first one has ended with.
    fn error_of_first(&self) -> String {
        match self.events.iter().rfind(|(number, _)| *number == 1) {
            Some((_, Event::Closed { error, .. })) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// The second one has heard nothing of it, and goes on both ways.
    fn second_goes_on(&mut self) {
        let told = |net: &Self| net.events.iter().filter(|(number, _)| *number == 2).count();
        assert_eq!(told(self), 0, "{:?}", self.events);
        assert!(![OTHER_IN, OTHER_OUT].iter().any(|conn| self.ended.contains(conn) || self.sent.contains_key(conn)));
        self.body(OTHER_IN, rpc(64));
        assert_eq!(self.events.last(), Some(&(2, Event::Pdu(rpc(64)))));
        let second = self.connections.values_mut().find(|connection| connection.cookie().0 == [2; 16]).unwrap();
        second.send_pdu(self.now, rpc(48)).unwrap();
        self.turn();
        assert_eq!((told(self), &self.sent[&OTHER_OUT][..]), (1, &[rpc(48)][..]));
    }
}

/// What is wrong; how it is done; what the error names: the PDU or its field, the state, the section.
type Case = (&'static str, fn(&mut Net), [&'static str; 3]);

const CASES: [Case; 8] = [
    (
        "a PDU out of sequence",
        |net| net.body(IN, wire(&InR2A5 { successor_channel_cookie: cookie(99) })),
        ["IN_R2/A5", "opened", "[MS-RPCH] 3.2.3.5.8"],
    ),
    ("a PDU on the OUT channel", |net| net.body(OUT, rpc(16)), ["RPC PDU request", "opened", "[MS-RPCH] 3.2.4.5"]),
    (
        "a wrong cookie",
        |net| {
            net.request(FURTHER, "RPC_IN_DATA", "1073741824");
            // The virtual connection is known, and its IN channel is another.
            net.body(FURTHER, successor(1, 77));
        },
        ["IN_R2/A1 with another cookie", "opened", "[MS-RPCH] 3.2.3.5.5.1"],
    ),
    (
        "a second A1",
        |net| {
            net.request(FURTHER, "RPC_OUT_DATA", "76");
            net.body(FURTHER, a1(1));
        },
        ["CONN/A1", "opened", "[MS-RPCH] 3.2.4.5.3"],
    ),
    (
        "a second B1",
        |net| {
            net.request(FURTHER, "RPC_IN_DATA", "1073741824");
            net.body(FURTHER, b1(1));
        },
        ["CONN/B1", "opened", "[MS-RPCH] 3.2.3.5.3"],
    ),
    ("an oversized fragment", |net| net.body(IN, rpc(32_769)), ["frag_length", "opened", "[C706] 12.6.3.1"]),
    ("a zero-length PDU", |net| net.body(IN, rpc(0)), ["frag_length", "opened", "[C706] 12.6.3.1"]),
    (
        "a window overrun",
        |net| {
            net.body(IN, rpc(32_768));
            net.body(IN, rpc(32_768));
            net.body(IN, rpc(16));
        },
        ["RPC PDU", "opened", "[MS-RPCH] 3.2.1.4.1.3"],
    ),
];

#[test]
fn bad_input_ends_its_own_virtual_connection_alone() {
    for (what, input, named) in CASES {
        let mut net = Net::new();
        input(&mut net);
        let error = net.error_of_first();
        for part in named {
            assert!(error.contains(part), "{what}: `{part}` is not in: {error}");
        }
        assert!([IN, OUT].iter().all(|conn| net.ended.contains(conn)), "{what}: {:?}", net.ended);
        net.second_goes_on();
    }
}

/// [MS-RPCH] 2.1.2.1.1 and 2.1.2.1.2: of a length that no channel has comes no virtual connection, and both that there are go on.
#[test]
fn content_lengths_that_no_channel_has_end_their_request_alone() {
    let inward = ["17", "131071", "2147483649", "4294967296"];
    let outward = ["17", "75", "77", "119", "121", "131072", "1073741824"];
    let requests = inward.map(|length| ("RPC_IN_DATA", length, "[MS-RPCH] 2.1.2.1.1"));
    let requests = requests.into_iter().chain(outward.map(|length| ("RPC_OUT_DATA", length, "[MS-RPCH] 2.1.2.1.2")));
    for (method, length, section) in requests {
        let mut net = Net::new();
        net.request(FURTHER, method, length);
        let [refused] = &net.refused[..] else { panic!("{method} {length}: {:?}", net.refused) };
        for part in ["Content-Length", length, "Open_Start", section] {
            assert!(refused.contains(part), "{method} {length}: `{part}` is not in: {refused}");
        }
        assert_eq!(net.ended, [FURTHER]);
        net.body(IN, rpc(32));
        assert_eq!(net.events, [(1, Event::Pdu(rpc(32)))]);
        net.events.clear();
        net.second_goes_on();
    }
}

/// The lengths beside those: an echo, the least and the most of an IN channel, both of an OUT channel.
#[test]
fn content_lengths_at_the_bounds_are_taken() {
    let requests = [("RPC_IN_DATA", &["16", "131072", "2147483648"][..]), ("RPC_OUT_DATA", &["16", "76", "120"])];
    for (method, lengths) in requests {
        for length in lengths {
            let mut net = Net::new();
            net.request(FURTHER, method, length);
            assert_eq!((&net.refused[..], &net.ended[..]), (&[][..], &[][..]), "{method} {length}");
        }
    }
}
