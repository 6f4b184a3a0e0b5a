//! The client and all roles against each other, on a virtual clock: every PDU arrives once and in order, whatever channel is recycled
//! between whatever proxies, at whatever latency and chunking.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Principal, Transmit};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, Reset, Scheme};

use crate::client::{self, Client, Recycling};
use crate::endpoint::{self, Endpoint, EndpointConfig, EndpointEvent, VirtualConnectionConfig};
use crate::front::{Caller, Handled, LegEvent, ProxyConfig, ProxyEvent, ProxyTransmit, Verdict, VirtualConnectionId};
use crate::inbound_proxy::{InboundProxy, VirtualInChannel};
use crate::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use crate::server::{self, Server, ServerConfig, ServerEvent};
use crate::test_pdus::rpc;

/// xorshift: a seed replays alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Node {
    Client,
    In(usize),
    Out(usize),
    Server,
    Endpoint,
}

#[derive(Debug)]
enum Item {
    Http(HttpEvent),
    Leg(LegEvent),
}

/// One side of the application: numbered PDUs out, numbered PDUs in.
#[derive(Default)]
struct Side {
    sent: u64,
    received: u64,
    unconsumed: VecDeque<usize>,
    closed: Option<String>,
}

struct World {
    start: Instant,
    now: Instant,
    random: Random,
    wire: BinaryHeap<Reverse<(Instant, u64)>>,
    items: HashMap<u64, (Node, ConnectionId, Item)>,
    next: u64,
    /// When the last thing on a connection arrives at a node: a connection keeps its order.
    arrives: HashMap<(Node, ConnectionId), Instant>,
    /// The other end of each connection, as each end sees it.
    peers: HashMap<(Node, ConnectionId), Node>,
    client: Client,
    ins: Vec<(InboundProxy, BTreeMap<VirtualConnectionId, VirtualInChannel>)>,
    outs: Vec<(OutboundProxy, BTreeMap<VirtualConnectionId, VirtualOutChannel>)>,
    server: Server,
    server_vc: Option<server::VirtualConnection>,
    endpoint: Endpoint,
    endpoint_vc: Option<endpoint::VirtualConnection>,
    collapsed: bool,
    client_side: Side,
    server_side: Side,
    total: u64,
    sizes: u64,
    recyclings: Vec<Recycling>,
}

fn pdu(number: u64, size: usize) -> Bytes {
    let mut bytes = rpc(size.max(24), 0).to_vec();
    bytes[16..24].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn number(pdu: &[u8]) -> u64 {
    u64::from_le_bytes(pdu[16..24].try_into().unwrap())
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn new(seed: u64, collapsed: bool) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        let now = Instant::now();
        // Twice the largest PDU and more: an acknowledgement each half of a window is enough then.
        let window = |random: &mut Random| 8_192 << random.below(6);
        let lifetime = |random: &mut Random| 131_072 + u32::try_from(random.below(100_000)).unwrap();
        let origin = Origin { scheme: Scheme::Http, host: "proxy.test".into(), port: 80 };
        let config = client::Config::new(origin, "mbx.test:6001".parse().unwrap())
            .with_in_channel_length(lifetime(&mut random))
            .with_receive_window(window(&mut random))
            .with_max_pdu(4_096);
        let mut state = seed | 1;
        let entropy = move |out: &mut [u8]| {
            for byte in out {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state.to_le_bytes()[0];
            }
        };
        let client = Client::new(config, Box::new(entropy), ConnectionIds::starting_at(1));
        let mut proxy = || {
            ProxyConfig::DEFAULT
                .with_receive_window(window(&mut random))
                .with_channel_lifetime(lifetime(&mut random))
                .with_max_pdu(4_096)
        };
        let ins = (0..2)
            .map(|n| (InboundProxy::new(proxy(), ConnectionIds::starting_at(1_000_000 * (n + 1))), BTreeMap::new()))
            .collect();
        let outs = (0..2)
            .map(|n| (OutboundProxy::new(proxy(), ConnectionIds::starting_at(10_000_000 * (n + 1))), BTreeMap::new()))
            .collect();
        let connection = VirtualConnectionConfig::DEFAULT
            .with_receive_window(window(&mut random))
            .with_channel_lifetime(lifetime(&mut random))
            .with_max_pdu(4_096);
        let server = ServerConfig::DEFAULT.with_receive_window(window(&mut random)).with_max_pdu(4_096);
        let sizes = [200, 2_000, 4_096][usize::try_from(random.below(3)).unwrap()];
        Self {
            start: now,
            now,
            random,
            wire: BinaryHeap::new(),
            items: HashMap::new(),
            next: 0,
            arrives: HashMap::new(),
            peers: HashMap::new(),
            client,
            ins,
            outs,
            server: Server::new(server),
            server_vc: None,
            endpoint: Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection)),
            endpoint_vc: None,
            collapsed,
            client_side: Side::default(),
            server_side: Side::default(),
            total: 1_200_000 / sizes,
            sizes,
            recyclings: Vec::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// Puts something on a connection; it arrives after what is on it already.
    fn put(&mut self, to: Node, conn: ConnectionId, item: Item) {
        let latency = Duration::from_micros(100 + self.below(40_000));
        let key = (to, conn);
        let at = (self.now + latency).max(self.arrives.get(&key).copied().unwrap_or(self.now));
        self.arrives.insert(key, at);
        let pieces = match item {
            Item::Http(HttpEvent::Body(bytes)) => {
                self.cut(bytes).into_iter().map(|b| Item::Http(HttpEvent::Body(b))).collect()
            }
            Item::Leg(LegEvent::Bytes(bytes)) => {
                self.cut(bytes).into_iter().map(|b| Item::Leg(LegEvent::Bytes(b))).collect()
            }
            other => vec![other],
        };
        for piece in pieces {
            self.next += 1;
            self.wire.push(Reverse((at, self.next)));
            self.items.insert(self.next, (to, conn, piece));
        }
    }

    fn cut(&mut self, bytes: Bytes) -> Vec<Bytes> {
        let at = usize::try_from(self.below(3 * bytes.len() as u64)).unwrap();
        if at == 0 || at >= bytes.len() { vec![bytes] } else { vec![bytes.slice(..at), bytes.slice(at..)] }
    }

    fn http(&mut self, from: Node, transmit: HttpTransmit) {
        let conn = transmit.conn();
        let item = match transmit {
            HttpTransmit::Open { .. } => return,
            HttpTransmit::Event { event, .. } => {
                if let (Node::Client, HttpEvent::Head(Head::Request(head))) = (from, &event) {
                    let which = usize::try_from(self.below(2)).unwrap();
                    let to = match head.method() {
                        _ if self.collapsed => Node::Endpoint,
                        "RPC_IN_DATA" => Node::In(which),
                        _ => Node::Out(which),
                    };
                    self.peers.insert((from, conn), to);
                    self.peers.insert((to, conn), from);
                }
                Item::Http(event)
            }
            HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => {
                Item::Http(HttpEvent::Reset(Reset::unknown(format!("closed by {from:?}"))))
            }
            other => panic!("{other:?}"),
        };
        if let Some(to) = self.peers.get(&(from, conn)).copied() {
            if matches!(item, Item::Http(HttpEvent::Reset(_))) {
                self.peers.remove(&(from, conn));
            }
            self.put(to, conn, item);
        }
    }

    fn leg(&mut self, from: Node, transmit: Transmit) {
        let conn = transmit.conn();
        let item = match transmit {
            Transmit::Send { body, .. } => LegEvent::Bytes(body),
            Transmit::Close { .. } | Transmit::Abort { .. } => LegEvent::Lost(format!("closed by {from:?}").into()),
            other => panic!("{other:?}"),
        };
        if let Some(to) = self.peers.get(&(from, conn)).copied() {
            if matches!(item, LegEvent::Lost(_)) {
                self.peers.remove(&(from, conn));
            }
            self.put(to, conn, Item::Leg(item));
        }
    }

    fn proxy(&mut self, from: Node, transmit: ProxyTransmit) {
        match transmit {
            ProxyTransmit::Http(transmit) => self.http(from, transmit),
            ProxyTransmit::Leg(transmit) => self.leg(from, transmit),
            ProxyTransmit::OpenLeg { conn, .. } => {
                self.peers.insert((from, conn), Node::Server);
                self.peers.insert((Node::Server, conn), from);
                self.put(Node::Server, conn, Item::Leg(LegEvent::Opened));
                self.put(from, conn, Item::Leg(LegEvent::Opened));
            }
        }
    }

    fn deliver(&mut self, to: Node, conn: ConnectionId, item: Item) {
        let now = self.now;
        let caller = Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada"));
        match (to, item) {
            (Node::Client, Item::Http(event)) => {
                let _told = self.client.handle(now, conn, event);
            }
            (Node::In(n), Item::Http(event)) => {
                let (proxy, machines) = &mut self.ins[n];
                if let Handled::BelongsTo(id, event) = proxy.handle(now, conn, &caller, event).unwrap() {
                    let _told = machines.get_mut(&id).map(|machine| machine.handle(now, conn, event));
                }
            }
            (Node::Out(n), Item::Http(event)) => {
                let (proxy, machines) = &mut self.outs[n];
                if let Handled::BelongsTo(id, event) = proxy.handle(now, conn, &caller, event).unwrap() {
                    let _told = machines.get_mut(&id).map(|machine| machine.handle(now, conn, event));
                }
            }
            (Node::In(n), Item::Leg(event)) => {
                for machine in self.ins[n].1.values_mut().filter(|machine| machine.leg() == conn) {
                    let _told = machine.handle_leg(now, conn, event.clone());
                }
            }
            (Node::Out(n), Item::Leg(event)) => {
                for machine in self.outs[n].1.values_mut().filter(|machine| machine.leg() == conn) {
                    let _told = machine.handle_leg(now, conn, event.clone());
                }
            }
            (Node::Server, Item::Leg(LegEvent::Opened)) => {
                self.server.accept(now, conn, IpAddr::from([192, 0, 2, 9])).unwrap();
            }
            (Node::Server, Item::Leg(event)) => {
                if let Handled::BelongsTo(_, event) = self.server.handle(now, conn, event).unwrap() {
                    let _told = self.server_vc.as_mut().map(|vc| vc.handle(now, conn, event));
                }
            }
            (Node::Endpoint, Item::Http(event)) => {
                if let Handled::BelongsTo(_, event) = self.endpoint.handle(now, conn, &caller, event).unwrap() {
                    let _told = self.endpoint_vc.as_mut().map(|vc| vc.handle(now, conn, event));
                }
            }
            (to, item) => panic!("{to:?} got {item:?}"),
        }
    }

    /// Moves what there is to move at one instant.
    fn turn(&mut self) {
        let now = self.now;
        loop {
            let mut moved = false;
            while let Some(transmit) = self.client.poll_transmit(now) {
                moved = true;
                self.http(Node::Client, transmit);
            }
            while let Some(event) = self.client.poll_event() {
                moved = true;
                match event {
                    client::Event::Pdu(pdu) => Self::received(&mut self.client_side, &pdu),
                    client::Event::Recycled(which) => self.recyclings.push(which),
                    client::Event::Closed { reason, .. } => self.client_side.closed = Some(reason.to_string()),
                    _ => {}
                }
            }
            for n in 0..2 {
                moved |= self.turn_in(n);
                moved |= self.turn_out(n);
            }
            moved |= self.turn_server();
            moved |= self.turn_endpoint();
            if !moved {
                return;
            }
        }
    }

    fn turn_in(&mut self, n: usize) -> bool {
        let now = self.now;
        let (proxy, machines) = &mut self.ins[n];
        let mut out = Vec::new();
        let mut moved = false;
        while let Some(event) = proxy.poll_event() {
            moved = true;
            match event {
                ProxyEvent::Access(request) => proxy.verdict(now, request.handle, Verdict::Allow),
                ProxyEvent::Opened(machine) => {
                    machines.insert(machine.id(), *machine);
                }
                ProxyEvent::Attach { id, channel } => {
                    let _told = machines.get_mut(&id).unwrap().attach(now, channel);
                }
                ProxyEvent::Refused(refused) => panic!("{refused:?}"),
            }
        }
        out.extend(std::iter::from_fn(|| proxy.poll_transmit()).map(ProxyTransmit::Http));
        for machine in machines.values_mut() {
            out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
            moved |= std::iter::from_fn(|| machine.poll_event()).count() > 0;
        }
        machines.retain(|_, machine| !machine.is_closed());
        moved |= !out.is_empty();
        out.into_iter().for_each(|transmit| self.proxy(Node::In(n), transmit));
        moved
    }

    fn turn_out(&mut self, n: usize) -> bool {
        let now = self.now;
        let (proxy, machines) = &mut self.outs[n];
        let mut out = Vec::new();
        let mut moved = false;
        while let Some(event) = proxy.poll_event() {
            moved = true;
            match event {
                ProxyEvent::Access(request) => proxy.verdict(now, request.handle, Verdict::Allow),
                ProxyEvent::Opened(machine) => {
                    machines.insert(machine.id(), *machine);
                }
                ProxyEvent::Attach { id, channel } => {
                    let _told = machines.get_mut(&id).unwrap().attach(now, channel);
                }
                ProxyEvent::Refused(refused) => panic!("{refused:?}"),
            }
        }
        out.extend(std::iter::from_fn(|| proxy.poll_transmit()).map(ProxyTransmit::Http));
        for machine in machines.values_mut() {
            out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
            moved |= std::iter::from_fn(|| machine.poll_event()).count() > 0;
        }
        machines.retain(|_, machine| !machine.is_closed());
        moved |= !out.is_empty();
        out.into_iter().for_each(|transmit| self.proxy(Node::Out(n), transmit));
        moved
    }

    fn turn_server(&mut self) -> bool {
        let now = self.now;
        let mut moved = false;
        while let Some(event) = self.server.poll_event() {
            moved = true;
            match event {
                ServerEvent::Opened(vc) => self.server_vc = Some(*vc),
                ServerEvent::Attach { leg, .. } => {
                    let _told = self.server_vc.as_mut().unwrap().attach(now, leg);
                }
                other => panic!("{other:?}"),
            }
        }
        let mut out: Vec<_> = std::iter::from_fn(|| self.server.poll_transmit()).collect();
        if let Some(vc) = &mut self.server_vc {
            out.extend(std::iter::from_fn(|| vc.poll_transmit(now)));
            while let Some(event) = vc.poll_event() {
                moved = true;
                Self::told(&mut self.server_side, event);
            }
        }
        moved |= !out.is_empty();
        out.into_iter().for_each(|transmit| self.leg(Node::Server, transmit));
        moved
    }

    fn turn_endpoint(&mut self) -> bool {
        let now = self.now;
        let mut moved = false;
        while let Some(event) = self.endpoint.poll_event() {
            moved = true;
            match event {
                EndpointEvent::Access(request) => self.endpoint.verdict(now, request.handle, Verdict::Allow),
                EndpointEvent::Opened(vc) => self.endpoint_vc = Some(*vc),
                EndpointEvent::Attach { channel, .. } => {
                    let _told = self.endpoint_vc.as_mut().unwrap().attach(now, channel);
                }
                EndpointEvent::Refused(refused) => panic!("{refused:?}"),
            }
        }
        let mut out: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit()).collect();
        if let Some(vc) = &mut self.endpoint_vc {
            out.extend(std::iter::from_fn(|| vc.poll_transmit(now)));
            while let Some(event) = vc.poll_event() {
                moved = true;
                Self::told(&mut self.server_side, event);
            }
        }
        moved |= !out.is_empty();
        out.into_iter().for_each(|transmit| self.http(Node::Endpoint, transmit));
        moved
    }

    fn told(side: &mut Side, event: endpoint::Event) {
        match event {
            endpoint::Event::Pdu(pdu) => Self::received(side, &pdu),
            endpoint::Event::Closed { error, .. } => side.closed = Some(error.to_string()),
            _ => {}
        }
    }

    fn received(side: &mut Side, pdu: &Bytes) {
        assert_eq!(number(pdu), side.received, "once and in order");
        side.received += 1;
        side.unconsumed.push_back(pdu.len());
    }

    /// The applications: each sends while it may, and consumes when it likes.
    fn applications(&mut self) {
        let now = self.now;
        for _ in 0..self.below(4) {
            if self.client_side.sent < self.total {
                let size = usize::try_from(24 + self.below(self.sizes - 24)).unwrap();
                if self.client.send_pdu(now, pdu(self.client_side.sent, size)).is_ok() {
                    self.client_side.sent += 1;
                }
            }
            if self.server_side.sent < self.total {
                let size = usize::try_from(24 + self.below(self.sizes - 24)).unwrap();
                let bytes = pdu(self.server_side.sent, size);
                let sent = match (&mut self.server_vc, &mut self.endpoint_vc) {
                    (Some(vc), _) => vc.send_pdu(now, bytes).is_ok(),
                    (_, Some(vc)) => vc.send_pdu(now, bytes).is_ok(),
                    _ => false,
                };
                self.server_side.sent += u64::from(sent);
            }
        }
        if self.below(3) > 0 {
            while let Some(len) = self.client_side.unconsumed.pop_front() {
                let _told = self.client.consume(now, len);
            }
            while let Some(len) = self.server_side.unconsumed.pop_front() {
                let _told = self.server_vc.as_mut().map(|vc| vc.consume(now, len));
                let _told = self.endpoint_vc.as_mut().map(|vc| vc.consume(now, len));
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let machines =
            self.ins.iter().flat_map(|(_, machines)| machines.values()).filter_map(VirtualInChannel::poll_timeout);
        let outs =
            self.outs.iter().flat_map(|(_, machines)| machines.values()).filter_map(VirtualOutChannel::poll_timeout);
        let rest = [
            self.client.poll_timeout(),
            self.server_vc.as_ref().and_then(server::VirtualConnection::poll_timeout),
            self.endpoint_vc.as_ref().and_then(endpoint::VirtualConnection::poll_timeout),
        ];
        machines.chain(outs).chain(rest.into_iter().flatten()).min()
    }

    fn handle_timeout(&mut self) {
        let now = self.now;
        let _told = self.client.handle_timeout(now);
        self.ins
            .iter_mut()
            .flat_map(|(_, machines)| machines.values_mut())
            .for_each(|machine| machine.handle_timeout(now));
        self.outs
            .iter_mut()
            .flat_map(|(_, machines)| machines.values_mut())
            .for_each(|machine| machine.handle_timeout(now));
        if let Some(vc) = &mut self.server_vc {
            vc.handle_timeout(now);
        }
        if let Some(vc) = &mut self.endpoint_vc {
            vc.handle_timeout(now);
        }
    }

    fn done(&self) -> bool {
        self.client_side.received == self.total && self.server_side.received == self.total
    }

    /// Where everybody stands.
    fn describe(&self) -> String {
        let ins = self.ins.iter().flat_map(|(_, machines)| machines.values());
        let outs = self.outs.iter().flat_map(|(_, machines)| machines.values());
        format!(
            "after {:?}: client {}/{} {:?}, server {}/{} {:?} {:?}, in {:?}, out {:?}",
            self.now - self.start,
            self.client_side.received,
            self.total,
            self.client.state_name(),
            self.server_side.received,
            self.total,
            self.server_vc.as_ref().map(|vc| (vc.states(), vc.queued())),
            self.endpoint_vc.as_ref().map(|vc| (vc.states(), vc.queued())),
            ins.map(|machine| (machine.state(), machine.queued())).collect::<Vec<_>>(),
            outs.map(|machine| (machine.state(), machine.queued())).collect::<Vec<_>>(),
        )
    }

    /// Runs until everything has arrived.
    fn run(&mut self, seed: u64) {
        self.client.connect(self.now).unwrap();
        self.turn();
        let mut steps = 0_u64;
        while !self.done() {
            steps += 1;
            assert!(steps < 3_000_000, "seed {seed}: no end");
            let closed = [&self.client_side.closed, &self.server_side.closed];
            assert!(closed.iter().all(|closed| closed.is_none()), "seed {seed}: {closed:?}, {}", self.describe());
            self.applications();
            self.turn();
            let due = self.poll_timeout();
            match self.wire.peek().map(|Reverse((at, _))| *at) {
                Some(at) if due.is_none_or(|due| due > at) => {
                    let Some(Reverse((_, id))) = self.wire.pop() else { continue };
                    self.now = self.now.max(at);
                    let (to, conn, item) = self.items.remove(&id).unwrap();
                    self.deliver(to, conn, item);
                }
                _ => {
                    // Nothing on the wire: the applications get time, or a timer is due.
                    let idle = self.wire.is_empty()
                        && self.client_side.unconsumed.len() + self.server_side.unconsumed.len() > 0;
                    self.now = if idle { self.now + Duration::from_millis(1) } else { due.unwrap_or(self.now) };
                    self.handle_timeout();
                }
            }
            self.turn();
            assert!(self.now - self.start < Duration::from_secs(600), "seed {seed}: stalled, {}", self.describe());
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    1..9
}

#[test]
fn all_roles() {
    let mut seen = [0; 4];
    for seed in seeds() {
        let mut world = World::new(seed, false);
        world.run(seed);
        for which in &world.recyclings {
            seen[*which as usize] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "IN_R1, IN_R2, OUT_R1, OUT_R2: {seen:?}");
}

#[test]
fn the_collapsed_form() {
    let mut seen = [0; 4];
    for seed in seeds() {
        let mut world = World::new(seed, true);
        world.run(seed);
        for which in &world.recyclings {
            seen[*which as usize] += 1;
        }
    }
    assert!(seen[1] > 0 && seen[3] > 0 && seen[0] == 0 && seen[2] == 0, "{seen:?}");
}
