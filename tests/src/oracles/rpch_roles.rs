//! oxwire-rpch: the roles on the server's side, by sequences of operations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, ConnectionIds, Principal, Transmit};
use oxwire::http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};
use oxwire::rpch::endpoint::{
    Endpoint, EndpointConfig, EndpointEvent, Event, VirtualConnection, VirtualConnectionConfig,
};
use oxwire::rpch::fault::Refused;
use oxwire::rpch::front::{
    Caller, Handled, LegEvent, ProxyConfig, ProxyEvent, ProxyTransmit, Verdict, VirtualConnectionId,
};
use oxwire::rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire::rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use oxwire::rpch::server::{Server, ServerConfig, ServerEvent, VirtualConnection as ServerConnection};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("rpch_endpoint", rpch_endpoint),
    ("rpch_inbound_proxy", rpch_inbound_proxy),
    ("rpch_outbound_proxy", rpch_outbound_proxy),
    ("rpch_server", rpch_server),
];

/// The bytes that steer a run.
pub(super) struct Steps<'a>(pub(super) &'a [u8]);

impl Steps<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    pub(super) fn raw(&mut self) -> Bytes {
        let len = self.below(256).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        Bytes::copy_from_slice(taken)
    }

    /// Time that passes.
    pub(super) fn span(&mut self) -> Duration {
        [Duration::from_millis(1), Duration::from_secs(31), Duration::from_secs(61), Duration::from_secs(901)]
            [self.below(4)]
    }

    /// A PDU that some state wants, or raw bytes.
    pub(super) fn pdu(&mut self, number: u32) -> Bytes {
        let (kind, a, b) = (self.below(40), self.byte() & 3, self.byte() & 3);
        let size = 16 + 64 * self.below(256);
        let (vc, version) = (cookie(0x70 | a & 1), command(6, &[1, 0, 0, 0]));
        let window = command(0, &[[0, 0x20, 0, 0], [0, 0, 1, 0], [255; 4], [0; 4]][usize::from(b)]);
        let timeout = command(2, &120_000_u32.to_le_bytes());
        let lifetime = command(4, &0x2_0000_u32.to_le_bytes());
        let to = |destination: u8| command(13, &[destination, 0, 0, 0]);
        let ack = command(1, &[&(size as u32).to_le_bytes()[..], &[0, 0x20, 0, 0], &[a; 16]].concat());
        let (ance, nance, empty) = (command(10, &[]), command(9, &[]), command(7, &[]));
        let group = command(12, &[9; 16]);
        let address = command(11, &[0; 20]);
        match kind {
            0 => rts(0, &[version, vc, cookie(b), window]),
            1 => rts(0, &[version, vc, cookie(b), lifetime, command(5, &[b, 0, 0, 0]), group]),
            2 => rts(4, &[version, vc, cookie(a), cookie(b)]),
            3 => rts(4, &[version, vc, cookie(a), cookie(b), window]),
            4 => rts(0, &[cookie(b)]),
            5 => rts(0x10, &[to(2), cookie(b), version]),
            6 => rts(0x10, &[to(2), cookie(b)]),
            7 => rts(1, &[empty]),
            8 => rts(1, &[]),
            9 => rts(2, &[to(a), ack]),
            10 => rts(2, &[ack]),
            11 => rts(2, &[command(5, &[a, b, 0, 0])]),
            12 => rts(0x10, &[version, vc, cookie(b), lifetime, window]),
            13 => rts(8, &[version, vc, cookie(b), window, timeout, group, address]),
            14 => rts(0, &[window, version]),
            15 => rts(0, &[version, window, timeout]),
            16 => rts(0x0C, &[version, vc, cookie(a), cookie(b), window, timeout]),
            17 => rts(0, &[to(0), version, window, timeout]),
            18 => rts(0, &[empty]),
            19 => rts(0, &[window]),
            20 => rts(0, &[to(0)]),
            21 => rts(4, &[to(0)]),
            22 => rts(0x14, &[version, vc, cookie(a), cookie(b), lifetime, window, timeout]),
            23 => rts(0x10, &[to(0), version, timeout]),
            24 => rts(0, &[ance]),
            25 => rts(0, &[to(0), ance]),
            26 => rts(0, &[nance]),
            27 => rts(0x20, &[ance]),
            28 => rts(2, &[command(14, &[a, b, 0, 0])]),
            29 => self.raw(),
            30 => Bytes::from_static(b"ncacn_http/1.0"),
            _ => rpc(number, size),
        }
    }
}

fn command(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0], body].concat()
}

fn cookie(fill: u8) -> Vec<u8> {
    command(3, &[fill; 16])
}

/// [MS-RPCH] 2.2.3.6, by hand.
fn rts(flags: u8, commands: &[Vec<u8>]) -> Bytes {
    let body = commands.concat();
    let len = u8::try_from(20 + body.len()).expect("RTS PDUs are short");
    let count = u8::try_from(commands.len()).expect("and have few commands");
    [&[5, 0, 20, 3, 0x10, 0, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, flags, 0, count, 0][..], &body].concat().into()
}

/// An RPC PDU that says which it is.
pub(super) fn rpc(number: u32, len: usize) -> Bytes {
    let mut pdu = vec![0; len];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&u16::try_from(len).expect("short").to_le_bytes());
    pdu[12..16].copy_from_slice(&number.to_le_bytes());
    pdu.into()
}

/// The number of an RPC PDU; `None` for an RTS PDU.
fn number(pdu: &[u8]) -> Option<u32> {
    (pdu.get(2) != Some(&20)).then(|| u32::from_le_bytes(pdu[12..16].try_into().expect("four bytes")))
}

fn caller(steps: &mut Steps<'_>) -> Caller {
    let user = if steps.below(16) == 0 { "eve" } else { "ada" };
    Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new(user))
}

fn head(steps: &mut Steps<'_>) -> HttpEvent {
    let (method, length) = [
        ("RPC_IN_DATA", "131072"),
        ("RPC_OUT_DATA", "76"),
        ("RPC_OUT_DATA", "120"),
        ("RPC_IN_DATA", "4"),
        ("RPC_IN_DATA", "17"),
        ("RPC_CONNECT", "0"),
    ][[0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 5][steps.below(13)]];
    let head = RequestHead::builder(method, "/rpc/rpcproxy.dll?a:1").field("Content-Length", length).request();
    HttpEvent::Head(Head::Request(head.expect("a head")))
}

/// Connections of clients by place: a place gets another connection once its own has ended.
struct Places {
    conns: [Option<ConnectionId>; 6],
    ids: ConnectionIds,
    /// The role has ended them: nothing more may go out on them.
    over: BTreeSet<ConnectionId>,
    asked: BTreeSet<ConnectionId>,
}

impl Places {
    fn new() -> Self {
        Self { conns: [None; 6], ids: ConnectionIds::starting_at(1), over: BTreeSet::new(), asked: BTreeSet::new() }
    }

    fn at(&mut self, place: usize) -> ConnectionId {
        let ids = &mut self.ids;
        *self.conns[place].get_or_insert_with(|| ids.allocate())
    }

    /// The peer has ended it: what was on its way goes nowhere, and the role may not know yet.
    fn cut(&mut self, conn: ConnectionId) {
        self.conns.iter_mut().filter(|at| **at == Some(conn)).for_each(|at| *at = None);
    }

    fn end(&mut self, conn: ConnectionId) {
        self.over.insert(conn);
        self.cut(conn);
    }

    /// What goes out: nothing after the end.
    fn sent(&mut self, transmit: &HttpTransmit) {
        let conn = transmit.conn();
        assert!(!self.over.contains(&conn), "{transmit:?} after the end");
        if matches!(transmit, HttpTransmit::Close { .. } | HttpTransmit::Abort { .. }) {
            self.end(conn);
        }
    }

    /// One event of a client, if there is one to be had on that connection.
    fn event(&mut self, steps: &mut Steps<'_>, numbered: &mut u32) -> Option<(ConnectionId, HttpEvent)> {
        let place = steps.below(6);
        let conn = self.at(place);
        let event = match steps.below(8) {
            0 | 1 if self.asked.insert(conn) => head(steps),
            0..=5 => {
                let pdu = steps.pdu(*numbered);
                *numbered += u32::from(number_of_rpc(&pdu));
                if pdu.is_empty() {
                    return None;
                }
                HttpEvent::Body(pdu)
            }
            6 => HttpEvent::End,
            _ => {
                self.cut(conn);
                HttpEvent::Reset(Reset::unknown("cut"))
            }
        };
        Some((conn, event))
    }
}

fn number_of_rpc(pdu: &[u8]) -> bool {
    pdu.get(..3) == Some(&[5, 0, 0])
}

/// PDUs that were taken, and what became of them: each goes out once and in order, or comes back.
#[derive(Default)]
pub(super) struct Promised {
    pub(super) taken: u32,
    pub(super) handed: u32,
    received: usize,
    pub(super) closed: bool,
}

impl Promised {
    pub(super) fn took(&mut self, result: Result<(), Refused>) {
        if result.is_ok() {
            self.taken += 1;
        }
    }

    pub(super) fn sent(&mut self, pdu: &[u8]) {
        if let Some(number) = number(pdu) {
            assert_eq!(number, self.handed, "out of order");
            self.handed += 1;
        }
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.closed, "{event:?} after Closed");
        match event {
            Event::Pdu(pdu) => self.received += pdu.len(),
            Event::Undelivered(pdu) => self.sent(pdu),
            Event::Closed { .. } => {
                self.closed = true;
                assert_eq!(self.handed, self.taken, "a PDU is lost");
            }
            _ => {}
        }
    }
}

/// The endpoint and what it hands out: whatever comes in whatever order, PDUs go out once and in order or come back, nothing goes out after
/// the end of a connection, no timer is due right after `handle_timeout`, and in the end nothing is left.
pub fn rpch_endpoint(data: &[u8]) {
    let mut steps = Steps(data);
    let connection = VirtualConnectionConfig::DEFAULT
        .with_channel_lifetime(131_072)
        .with_receive_window(8_192)
        .with_send_queue(40_000);
    let mut endpoint = Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection));
    let mut vcs: BTreeMap<VirtualConnectionId, (VirtualConnection, Promised)> = BTreeMap::new();
    let (mut places, mut now, mut numbered) = (Places::new(), Instant::now(), 0);
    loop {
        let at_end = steps.0.is_empty();
        match steps.below(10) {
            0 if !at_end => now += steps.span(),
            1 => {
                if let Some((vc, promised)) = vcs.values_mut().next() {
                    let size = 16 + 128 * steps.below(256);
                    promised.took(vc.send_pdu(now, rpc(promised.taken, size)));
                }
            }
            2 => {
                if let Some((vc, promised)) = vcs.values_mut().next() {
                    let _closed = vc.consume(now, std::mem::take(&mut promised.received));
                }
            }
            3 if steps.below(32) == 0 => {
                if let Some((vc, _)) = vcs.values_mut().next() {
                    let _closed = vc.close(now);
                }
            }
            _ if !at_end => {
                if let Some((conn, event)) = places.event(&mut steps, &mut numbered) {
                    let caller = caller(&mut steps);
                    if let Ok(Handled::BelongsTo(id, event)) = endpoint.handle(now, conn, &caller, event)
                        && let Some((vc, _)) = vcs.get_mut(&id)
                    {
                        let _ended = vc.handle(now, conn, event);
                    }
                }
            }
            _ => {}
        }
        if at_end {
            now += Duration::from_secs(901);
        }
        endpoint.handle_timeout(now);
        assert!(endpoint.poll_timeout().is_none_or(|due| due > now));
        while let Some(event) = endpoint.poll_event() {
            match event {
                EndpointEvent::Access(request) => {
                    let verdict = if steps.below(32) == 31 { Verdict::Deny(5) } else { Verdict::Allow };
                    endpoint.verdict(now, request.handle, verdict);
                }
                EndpointEvent::Opened(vc) => {
                    vcs.insert(vc.id(), (*vc, Promised::default()));
                }
                EndpointEvent::Attach { id, channel } => {
                    if let Some((vc, _)) = vcs.get_mut(&id) {
                        let _ended = vc.attach(now, channel);
                    }
                }
                _ => {}
            }
        }
        while let Some(transmit) = endpoint.poll_transmit() {
            places.sent(&transmit);
        }
        for (vc, promised) in vcs.values_mut() {
            vc.handle_timeout(now);
            assert!(vc.poll_timeout().is_none_or(|due| due > now), "a timer is due after handle_timeout");
            while let Some(transmit) = vc.poll_transmit(now) {
                places.sent(&transmit);
                if let HttpTransmit::Event { event: HttpEvent::Body(pdu), .. } = &transmit {
                    promised.sent(pdu);
                }
            }
            while let Some(event) = vc.poll_event() {
                promised.told(&event);
            }
            assert_eq!(vc.is_closed(), promised.closed);
        }
        vcs.retain(|_, (vc, _)| !vc.is_closed());
        if at_end && vcs.is_empty() && endpoint.poll_timeout().is_none() {
            break;
        }
    }
    endpoint.handle_timeout(now);
    assert_eq!((endpoint.connections(), endpoint.half_open(), endpoint.memory()), (0, 0, 0));
}

/// What both proxies have, so that one oracle runs either.
macro_rules! proxy_oracle {
    ($(#[$doc:meta])* $oracle:ident $proxy:ident $machine:ident) => {
        $(#[$doc])*
        pub fn $oracle(data: &[u8]) {
            let mut steps = Steps(data);
            let config = ProxyConfig::DEFAULT.with_channel_lifetime(131_072).with_receive_window(8_192);
            let mut proxy = $proxy::new(config, ConnectionIds::starting_at(1_000_000));
            let mut machines: BTreeMap<VirtualConnectionId, $machine> = BTreeMap::new();
            let (mut places, mut now, mut numbered) = (Places::new(), Instant::now(), 0);
            loop {
                let at_end = steps.0.is_empty();
                match steps.below(8) {
                    0 if !at_end => now += steps.span(),
                    1..=3 => {
                        if let Some(machine) = machines.values_mut().next() {
                            let leg = machine.leg();
                            let event = match steps.below(16) {
                                0 | 1 => LegEvent::Opened,
                                2 => LegEvent::Lost("cut".into()),
                                _ => LegEvent::Bytes(steps.pdu(numbered)),
                            };
                            let _ended = machine.handle_leg(now, leg, event);
                        }
                    }
                    _ if !at_end => {
                        if let Some((conn, event)) = places.event(&mut steps, &mut numbered) {
                            let caller = caller(&mut steps);
                            if let Ok(Handled::BelongsTo(id, event)) = proxy.handle(now, conn, &caller, event)
                                && let Some(machine) = machines.get_mut(&id)
                            {
                                let _ended = machine.handle(now, conn, event);
                            }
                        }
                    }
                    _ => {}
                }
                if at_end {
                    now += Duration::from_secs(901);
                }
                proxy.handle_timeout(now);
                assert!(proxy.poll_timeout().is_none_or(|due| due > now));
                while let Some(event) = proxy.poll_event() {
                    match event {
                        ProxyEvent::Access(request) => proxy.verdict(now, request.handle, Verdict::Allow),
                        ProxyEvent::Opened(machine) => {
                            machines.insert(machine.id(), *machine);
                        }
                        ProxyEvent::Attach { id, channel } => {
                            if let Some(machine) = machines.get_mut(&id) {
                                let _ended = machine.attach(now, channel);
                            }
                        }
                        _ => {}
                    }
                }
                while let Some(transmit) = proxy.poll_transmit() {
                    places.sent(&transmit);
                }
                for machine in machines.values_mut() {
                    machine.handle_timeout(now);
                    assert!(machine.poll_timeout().is_none_or(|due| due > now), "a timer is due after handle_timeout");
                    let mut leg_over = false;
                    while let Some(transmit) = machine.poll_transmit(now) {
                        match transmit {
                            ProxyTransmit::Http(transmit) => places.sent(&transmit),
                            ProxyTransmit::Leg(transmit) => {
                                assert!(!leg_over, "{transmit:?} after the end");
                                leg_over = matches!(transmit, Transmit::Close { .. } | Transmit::Abort { .. });
                            }
                            _ => {}
                        }
                    }
                    assert_eq!(machine.is_closed(), leg_over || machine.state() == "finished");
                    while machine.poll_event().is_some() {}
                    // A receive window of the channel and of its successor.
                    assert!(machine.queued() <= 2 * 8_192, "{} bytes are held", machine.queued());
                }
                machines.retain(|_, machine| !machine.is_closed());
                if at_end && proxy.poll_timeout().is_none() {
                    // An OUT channel that is open waits for its server, and pings.
                    let waiting = machines.values().all(|machine| machine.state() == "opened");
                    if machines.is_empty() || waiting {
                        break;
                    }
                }
            }
            machines.clear();
            proxy.handle_timeout(now);
            assert_eq!((proxy.connections(), proxy.half_open()), (0, 0));
        }
    };
}

proxy_oracle! {
    /// The inbound proxy: nothing goes out after the end, what is held is bounded, no timer is due right after `handle_timeout`, and in the
    /// end nothing is left.
    rpch_inbound_proxy InboundProxy VirtualInChannel
}

proxy_oracle! {
    /// The outbound proxy, likewise.
    rpch_outbound_proxy OutboundProxy VirtualOutChannel
}

/// The server and what it hands out, likewise; PDUs go out once and in order or come back.
pub fn rpch_server(data: &[u8]) {
    let mut steps = Steps(data);
    let config = ServerConfig::DEFAULT.with_receive_window(8_192).with_send_queue(40_000);
    let mut server = Server::new(config);
    let mut vcs: BTreeMap<VirtualConnectionId, (ServerConnection, Promised)> = BTreeMap::new();
    let (mut places, mut now, mut numbered) = (Places::new(), Instant::now(), 0);
    loop {
        let at_end = steps.0.is_empty();
        match steps.below(10) {
            0 if !at_end => now += steps.span(),
            1 => {
                if let Some((vc, promised)) = vcs.values_mut().next() {
                    let size = 16 + 128 * steps.below(256);
                    promised.took(vc.send_pdu(now, rpc(promised.taken, size)));
                }
            }
            2 => {
                if let Some((vc, promised)) = vcs.values_mut().next() {
                    let _closed = vc.consume(now, std::mem::take(&mut promised.received));
                }
            }
            _ if !at_end => {
                let place = steps.below(6);
                let conn = places.at(place);
                if places.asked.insert(conn) {
                    server.accept(now, conn, IpAddr::from([192, 0, 2, 9])).expect("a name that was not used");
                }
                let event = if steps.below(16) == 0 {
                    places.cut(conn);
                    LegEvent::Lost("cut".into())
                } else {
                    let pdu = steps.pdu(numbered);
                    numbered += u32::from(number_of_rpc(&pdu));
                    LegEvent::Bytes(pdu)
                };
                if let Ok(Handled::BelongsTo(id, event)) = server.handle(now, conn, event)
                    && let Some((vc, _)) = vcs.get_mut(&id)
                {
                    let _ended = vc.handle(now, conn, event);
                }
            }
            _ => {}
        }
        if at_end {
            now += Duration::from_secs(901);
        }
        server.handle_timeout(now);
        assert!(server.poll_timeout().is_none_or(|due| due > now));
        while let Some(event) = server.poll_event() {
            match event {
                ServerEvent::Opened(vc) => {
                    vcs.insert(vc.id(), (*vc, Promised::default()));
                }
                ServerEvent::Attach { id, leg } => {
                    if let Some((vc, _)) = vcs.get_mut(&id) {
                        let _ended = vc.attach(now, leg);
                    }
                }
                _ => {}
            }
        }
        let mut sent = |transmit: &Transmit| {
            let conn = transmit.conn();
            assert!(!places.over.contains(&conn), "{transmit:?} after the end");
            if matches!(transmit, Transmit::Close { .. } | Transmit::Abort { .. }) {
                places.end(conn);
            }
        };
        while let Some(transmit) = server.poll_transmit() {
            sent(&transmit);
        }
        for (vc, promised) in vcs.values_mut() {
            vc.handle_timeout(now);
            assert!(vc.poll_timeout().is_none_or(|due| due > now), "a timer is due after handle_timeout");
            while let Some(transmit) = vc.poll_transmit(now) {
                sent(&transmit);
                if let Transmit::Send { body, .. } = &transmit
                    && body.len() >= 16
                    && !body.starts_with(b"ncacn")
                    && !promised.closed
                    && number(body).is_some_and(|number| number < promised.taken)
                {
                    promised.sent(body);
                }
            }
            while let Some(event) = vc.poll_event() {
                promised.told(&event);
            }
            assert_eq!(vc.is_closed(), promised.closed);
        }
        vcs.retain(|_, (vc, _)| !vc.is_closed());
        if at_end && server.poll_timeout().is_none() && vcs.values().all(|(vc, _)| vc.poll_timeout().is_none()) {
            break;
        }
    }
    vcs.clear();
    server.handle_timeout(now);
    assert_eq!((server.connections(), server.half_open()), (0, 0));
}
