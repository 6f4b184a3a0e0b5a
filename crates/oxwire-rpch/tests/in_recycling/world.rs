//! One virtual connection between all four roles, with everything that goes over the wire written down. Nothing takes time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Principal, Transmit};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, Reset};
use oxwire_rpc::PduStream;
use oxwire_rpch::client::{Client as ClientMachine, Config, Event};
use oxwire_rpch::flow_control::AckThreshold;
use oxwire_rpch::front::{Caller, Handled, LegEvent, ProxyConfig, ProxyEvent, ProxyTransmit, Verdict};
use oxwire_rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire_rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use oxwire_rpch::server::{self, Server as ServerMachine, ServerConfig, ServerEvent};

use Node::{Client, In1, In2, Out, Server};

pub(crate) const LEGACY_SERVER_RESPONSE: &str = "legacy server response";
pub(crate) const SERVER_WINDOW: u32 = 60_000;

/// Who sits at an end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Client,
    In1,
    In2,
    Out,
    Server,
}

/// The ReceiveWindow of an inbound proxy.
pub(crate) const fn window(proxy: Node) -> u32 {
    if matches!(proxy, In2) { 50_000 } else { 65_536 }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// An IN channel request.
    Request,
    LegacyServerResponse,
    Pdu(Bytes),
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) from: Node,
    pub(crate) to: Node,
    pub(crate) conn: ConnectionId,
    pub(crate) what: What,
}

#[derive(Debug)]
enum Item {
    Http(HttpEvent),
    Leg(LegEvent),
}

/// A proxy, and the one machine that it has handed out.
struct Proxy<P, M> {
    proxy: P,
    machine: Option<M>,
}

/// Both kinds are driven alike; their types share no trait.
macro_rules! drive {
    ($($proxy:ty, $machine:ty);*) => {$(
        impl Proxy<$proxy, $machine> {
            fn handle(&mut self, now: Instant, conn: ConnectionId, item: Item) {
                let caller = Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada"));
                match item {
                    Item::Http(event) => {
                        if let Handled::BelongsTo(_, event) = self.proxy.handle(now, conn, &caller, event).unwrap() {
                            self.machine.as_mut().unwrap().handle(now, conn, event).unwrap();
                        }
                    }
                    Item::Leg(event) => {
                        // One that has come to its end wants no more.
                        if let Some(machine) = self.machine.as_mut().filter(|machine| !machine.is_closed()) {
                            machine.handle_leg(now, conn, event).unwrap();
                        }
                    }
                }
            }

            fn turn(&mut self, now: Instant) -> Vec<ProxyTransmit> {
                while let Some(event) = self.proxy.poll_event() {
                    match event {
                        ProxyEvent::Access(request) => self.proxy.verdict(now, request.handle, Verdict::Allow),
                        ProxyEvent::Opened(machine) => self.machine = Some(*machine),
                        ProxyEvent::Attach { channel, .. } => self.machine.as_mut().unwrap().attach(now, channel).unwrap(),
                        other => panic!("{other:?}"),
                    }
                }
                let mut out: Vec<_> = std::iter::from_fn(|| self.proxy.poll_transmit()).map(ProxyTransmit::Http).collect();
                if let Some(machine) = &mut self.machine {
                    out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
                    while machine.poll_event().is_some() {}
                }
                out
            }
        }
    )*};
}

drive!(InboundProxy, VirtualInChannel; OutboundProxy, VirtualOutChannel);

pub(crate) struct World {
    now: Instant,
    client: ClientMachine,
    ins: [Proxy<InboundProxy, VirtualInChannel>; 2],
    out: Proxy<OutboundProxy, VirtualOutChannel>,
    server: ServerMachine,
    connection: Option<server::VirtualConnection>,
    /// Where the next IN channel goes, and where each connection of the client went.
    next_in: Node,
    channels: BTreeMap<ConnectionId, Node>,
    owners: BTreeMap<ConnectionId, Node>,
    /// The outgoing bytes of each end of each connection, cut into PDUs.
    streams: BTreeMap<(Node, ConnectionId), PduStream>,
    /// A hop that is stopped, and what waits there.
    held: Option<(Node, Node)>,
    waiting: Vec<(Node, ConnectionId, Item)>,
    queue: VecDeque<(Node, ConnectionId, Item)>,
    number: u32,
    delivered: Vec<Bytes>,
    /// What went over the wire before the recycling, and since.
    before: Vec<Step>,
    pub(crate) trace: Vec<Step>,
    /// Who opened connections to the server.
    pub(crate) legs: Vec<Node>,
    /// Who closed a connection, and towards whom.
    pub(crate) closed: BTreeSet<(Node, Node)>,
    pub(crate) events: Vec<Event>,
}

impl World {
    /// A virtual connection that has carried the calls 1 and 2, 42,400 bytes each, on IN channels of 128 KiB.
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    pub(crate) fn opened() -> Self {
        let ack = AckThreshold::EveryRelease;
        let config = |node| {
            let config =
                ProxyConfig::DEFAULT.with_receive_window(window(node)).with_ack_threshold(ack).with_max_pdu(u16::MAX);
            config.with_connection_timeout(Duration::from_secs(180))
        };
        let inbound = |node, legs| Proxy {
            proxy: InboundProxy::new(config(node), ConnectionIds::starting_at(legs)),
            machine: None,
        };
        let client = Config::new(Origin::from_url("http://proxy.test/").unwrap().0, "mbx1:6001".parse().unwrap())
            .with_in_channel_length(131_072)
            .with_ack_threshold(ack);
        let server =
            ServerConfig::DEFAULT.with_receive_window(SERVER_WINDOW).with_ack_threshold(ack).with_max_pdu(u16::MAX);
        // Cookies that count, so that they differ.
        let mut next = 0_u8;
        let entropy = move |out: &mut [u8]| {
            next += 1;
            out.fill(next);
        };
        let mut world = Self {
            now: Instant::now(),
            client: ClientMachine::new(client, Box::new(entropy), ConnectionIds::default()),
            ins: [inbound(In1, 1000), inbound(In2, 2000)],
            out: Proxy { proxy: OutboundProxy::new(config(Out), ConnectionIds::starting_at(3000)), machine: None },
            server: ServerMachine::new(server),
            connection: None,
            next_in: In1,
            channels: BTreeMap::new(),
            owners: BTreeMap::new(),
            streams: BTreeMap::new(),
            held: None,
            waiting: Vec::new(),
            queue: VecDeque::new(),
            number: 0,
            delivered: Vec::new(),
            before: Vec::new(),
            trace: Vec::new(),
            legs: Vec::new(),
            closed: BTreeSet::new(),
            events: Vec::new(),
        };
        world.client.connect(world.now).unwrap();
        world.turn();
        assert!(matches!(world.events[..], [Event::Opened { .. }]), "{:?}", world.events);
        world.send(42_400);
        world.send(42_400);
        world.before = std::mem::take(&mut world.trace);
        world
    }

    /// Sends call 3, with which the IN channel has less than 4 KiB left. Its successor is that proxy's.
    pub(crate) fn recycle_to(&mut self, successor: Node) {
        self.next_in = successor;
        self.send(42_400);
    }

    /// Sends the next call: a request PDU, [C706] 12.6.4.9, whose call_id is its number.
    pub(crate) fn send(&mut self, len: u16) {
        self.number += 1;
        let mut pdu = vec![0; usize::from(len)];
        pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
        pdu[8..10].copy_from_slice(&len.to_le_bytes());
        pdu[12..16].copy_from_slice(&self.number.to_le_bytes());
        self.client.send_pdu(self.now, Bytes::from(pdu)).unwrap();
        self.turn();
    }

    /// Stops what goes from one to another.
    pub(crate) fn hold(&mut self, from: Node, to: Node) {
        self.held = Some((from, to));
    }

    pub(crate) fn release(&mut self, from: Node, to: Node) {
        assert_eq!(self.held.take(), Some((from, to)));
        for (to, conn, item) in std::mem::take(&mut self.waiting) {
            self.put(from, to, conn, item);
        }
        self.turn();
    }

    fn turn(&mut self) {
        loop {
            while let Some((to, conn, item)) = self.queue.pop_front() {
                self.deliver(to, conn, item);
            }
            while let Some(transmit) = self.client.poll_transmit(self.now) {
                self.http(Client, transmit);
            }
            self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
            let now = self.now;
            let [first, second] = &mut self.ins;
            let said = [(In1, first.turn(now)), (In2, second.turn(now)), (Out, self.out.turn(now))];
            for (node, transmits) in said {
                transmits.into_iter().for_each(|transmit| self.proxy_says(node, transmit));
            }
            self.turn_server();
            if self.queue.is_empty() {
                return;
            }
        }
    }

    fn turn_server(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                ServerEvent::Opened(connection) => self.connection = Some(*connection),
                ServerEvent::Attach { leg, .. } => self.connection.as_mut().unwrap().attach(self.now, leg).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        let mut said: Vec<_> = std::iter::from_fn(|| self.server.poll_transmit()).collect();
        if let Some(connection) = &mut self.connection {
            while let Some(event) = connection.poll_event() {
                if let oxwire_rpch::endpoint::Event::Pdu(pdu) = event {
                    connection.consume(self.now, pdu.len()).unwrap();
                    self.delivered.push(pdu);
                }
            }
            said.extend(std::iter::from_fn(|| connection.poll_transmit(self.now)));
        }
        for transmit in said {
            let to = self.owners[&transmit.conn()];
            self.leg(Server, to, transmit);
        }
    }

    fn deliver(&mut self, to: Node, conn: ConnectionId, item: Item) {
        match (to, item) {
            (Client, Item::Http(event)) => self.client.handle(self.now, conn, event).unwrap(),
            (In1, item) => self.ins[0].handle(self.now, conn, item),
            (In2, item) => self.ins[1].handle(self.now, conn, item),
            (Out, item) => self.out.handle(self.now, conn, item),
            (Server, Item::Leg(LegEvent::Opened)) => {
                self.server.accept(self.now, conn, IpAddr::from([192, 0, 2, 9])).unwrap();
            }
            (Server, Item::Leg(event)) => {
                if let Handled::BelongsTo(_, event) = self.server.handle(self.now, conn, event).unwrap() {
                    self.connection.as_mut().unwrap().handle(self.now, conn, event).unwrap();
                }
            }
            (to, item) => panic!("{to:?} gets {item:?}"),
        }
    }

    fn http(&mut self, from: Node, transmit: HttpTransmit) {
        let conn = transmit.conn();
        let event = match transmit {
            HttpTransmit::Event { event, .. } => event,
            HttpTransmit::Open { .. } => return,
            _ => HttpEvent::Reset(Reset::unknown("closed by the peer")),
        };
        if let HttpEvent::Head(Head::Request(head)) = &event {
            let inward = head.method() == "RPC_IN_DATA";
            let to = if inward { self.next_in } else { Out };
            self.channels.insert(conn, to);
            if inward {
                self.trace.push(Step { from, to, conn, what: What::Request });
            }
        }
        let to = if from == Client { self.channels[&conn] } else { Client };
        match &event {
            HttpEvent::Body(bytes) => self.record(from, to, conn, bytes),
            HttpEvent::Reset(_) => drop(self.closed.insert((from, to))),
            _ => {}
        }
        self.put(from, to, conn, Item::Http(event));
    }

    fn proxy_says(&mut self, from: Node, transmit: ProxyTransmit) {
        match transmit {
            ProxyTransmit::Http(transmit) => self.http(from, transmit),
            ProxyTransmit::OpenLeg { conn, .. } => {
                self.owners.insert(conn, from);
                self.legs.push(from);
                self.queue.push_back((Server, conn, Item::Leg(LegEvent::Opened)));
                self.queue.push_back((from, conn, Item::Leg(LegEvent::Opened)));
            }
            ProxyTransmit::Leg(transmit) => self.leg(from, Server, transmit),
            other => panic!("{other:?}"),
        }
    }

    fn leg(&mut self, from: Node, to: Node, transmit: Transmit) {
        let conn = transmit.conn();
        let event = match transmit {
            Transmit::Send { head, body, .. } => {
                let bytes = Bytes::from([head.as_slice(), &body].concat());
                self.record(from, to, conn, &bytes);
                LegEvent::Bytes(bytes)
            }
            _ => {
                self.closed.insert((from, to));
                LegEvent::Lost("closed by the peer".into())
            }
        };
        self.put(from, to, conn, Item::Leg(event));
    }

    /// On its way, or held.
    fn put(&mut self, from: Node, to: Node, conn: ConnectionId, item: Item) {
        if self.held == Some((from, to)) {
            self.waiting.push((to, conn, item));
        } else {
            self.queue.push_back((to, conn, item));
        }
    }

    fn record(&mut self, from: Node, to: Node, conn: ConnectionId, bytes: &Bytes) {
        let mut bytes = bytes.clone();
        if bytes.starts_with(b"ncacn_http/1.0") {
            self.trace.push(Step { from, to, conn, what: What::LegacyServerResponse });
            bytes = bytes.slice(14..);
        }
        let stream = self.streams.entry((from, conn)).or_insert_with(|| PduStream::new(u16::MAX));
        stream.push(bytes);
        while let Some(pdu) = stream.next_pdu().unwrap() {
            self.trace.push(Step { from, to, conn, what: What::Pdu(pdu) });
        }
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.before.iter().chain(&self.trace)
    }

    /// Every PDU that went from one to the other.
    pub(crate) fn pdus(&self, from: Node, to: Node) -> impl DoubleEndedIterator<Item = &Bytes> {
        self.steps().filter(move |step| (step.from, step.to) == (from, to)).filter_map(|step| match &step.what {
            What::Pdu(pdu) => Some(pdu),
            _ => None,
        })
    }

    /// The calls among them.
    pub(crate) fn calls(&self, from: Node, to: Node) -> Vec<u32> {
        self.pdus(from, to).filter_map(number).collect()
    }

    /// How many calls each IN channel of the client has carried.
    pub(crate) fn calls_of_in_channels(&self) -> Vec<usize> {
        let on = |conn| self.steps().filter(move |step| step.from == Client && step.conn == conn);
        let is_call = |step: &&Step| matches!(&step.what, What::Pdu(pdu) if number(pdu).is_some());
        self.in_connections().map(|conn| on(conn).filter(is_call).count()).collect()
    }

    fn in_connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.channels.iter().filter(|(_, node)| **node != Out).map(|(conn, _)| *conn)
    }

    /// Where the client's IN channels went.
    pub(crate) fn in_channels(&self) -> Vec<Node> {
        self.in_connections().map(|conn| self.channels[&conn]).collect()
    }

    pub(crate) fn last_on_first_in_channel(&self) -> Bytes {
        let first = self.in_connections().next().unwrap();
        let last = self.steps().rfind(|step| step.from == Client && step.conn == first).unwrap();
        let What::Pdu(pdu) = &last.what else { panic!("{last:?}") };
        pdu.clone()
    }

    /// The calls that have come to the server's application, whole.
    pub(crate) fn received(&self) -> Vec<u32> {
        self.delivered.iter().filter_map(number).collect()
    }

    pub(crate) fn server_states(&self) -> (&'static str, &'static str) {
        self.connection.as_ref().unwrap().states()
    }
}

fn number(pdu: &Bytes) -> Option<u32> {
    (pdu[2] == 0).then(|| u32::from_le_bytes(pdu[12..16].try_into().unwrap()))
}
