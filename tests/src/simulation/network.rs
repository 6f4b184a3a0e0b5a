//! The network: latencies, chunks, cuts, and what is planted in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset};
use oxwire::rpch::front::LegEvent;

use super::cuts::{How, State};
use super::faults::Planted;
use super::machines::Machines;
use super::random::Random;
use super::roles::Node;
use super::sequence::Sequence;
use super::settings::{Plan, Settings};
use super::tally::Tally;
use super::violation::{Invariant, Violation};
use super::watch::{Hop, Watch, Way, decode, frag_length};

/// TCP gives up when what was written is not acknowledged for so long.
const RETRANSMISSION: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Clone)]
pub(super) enum Item {
    Http(HttpEvent),
    Leg(LegEvent),
}

impl Item {
    fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Http(HttpEvent::Body(bytes)) | Self::Leg(LegEvent::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn with(&self, bytes: Bytes) -> Self {
        match self {
            Self::Http(_) => Self::Http(HttpEvent::Body(bytes)),
            Self::Leg(_) => Self::Leg(LegEvent::Bytes(bytes)),
        }
    }

    /// The end of a connection.
    fn end(http: bool, reason: String) -> Self {
        if http {
            Self::Http(HttpEvent::Reset(Reset::unknown(reason)))
        } else {
            Self::Leg(LegEvent::Lost(reason.into()))
        }
    }

    fn is_end(&self) -> bool {
        matches!(self, Self::Http(HttpEvent::Reset(_)) | Self::Leg(LegEvent::Lost(_)))
    }
}

/// When something arrives where: earliest first, and in the order of sending.
type Arrival = Reverse<(Instant, u64)>;

pub(super) struct Network {
    random: Random,
    latency: Duration,
    slow: Option<Hop>,
    wire: BinaryHeap<Arrival>,
    items: HashMap<u64, (Node, ConnectionId, Item)>,
    next: u64,
    /// When the last thing on a connection arrives at a node: a connection keeps its order.
    arrives: HashMap<(Node, ConnectionId), Instant>,
    /// The way from each end of each connection.
    ways: HashMap<(Node, ConnectionId), Way>,
    /// Content-Length of what a node sends on a connection.
    lengths: HashMap<(Node, ConnectionId), u64>,
    got: Got,
    /// Cut, and nobody sees it; whether an end that has written since was given up on.
    silent: HashSet<ConnectionId>,
    given_up: HashSet<(Node, ConnectionId)>,
    windows: BTreeMap<Node, u32>,
    collapsed: bool,
    pub(super) watch: Watch,
    sequence: Sequence,
    planted: Option<Planted>,
    plan: Plan,
    how: How,
    cut: bool,
    relaxed: bool,
    /// RPC PDUs that outbound proxies have sent to the client: nobody acknowledges those to the server.
    pub(super) forwarded: u64,
}

impl Network {
    pub(super) fn new(
        random: Random,
        windows: BTreeMap<Node, u32>,
        planted: Option<Planted>,
        settings: &Settings,
    ) -> Self {
        Self {
            random,
            latency: settings.latency,
            slow: settings.slow,
            wire: BinaryHeap::new(),
            items: HashMap::new(),
            next: 0,
            arrives: HashMap::new(),
            ways: HashMap::new(),
            lengths: HashMap::new(),
            got: HashMap::new(),
            silent: HashSet::new(),
            given_up: HashSet::new(),
            windows,
            collapsed: settings.collapsed,
            watch: Watch::default(),
            sequence: Sequence::new(settings.collapsed, settings.patience()),
            planted,
            plan: settings.plan,
            how: settings.how,
            cut: false,
            relaxed: false,
            forwarded: 0,
        }
    }

    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.watch.tally
    }

    /// Whatever comes from now on is held against nothing: an end was asked for.
    pub(super) const fn relax(&mut self) {
        self.relaxed = true;
    }

    /// The ReceiveWindow of a role.
    pub(super) fn window(&self, node: Node) -> usize {
        self.windows.get(&node).and_then(|window| usize::try_from(*window).ok()).unwrap_or(0)
    }

    pub(super) const fn has_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.wire.peek().map(|Reverse((at, _))| *at)
    }

    /// Neither channel has been silent for too long.
    pub(super) fn check_silence(&self, now: Instant) -> Result<(), Violation> {
        self.sequence.check_silence(now)
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<(Node, ConnectionId, Item)> {
        if self.next_arrival().is_none_or(|at| at > now) {
            return None;
        }
        let (to, conn, item) = self.wire.pop().and_then(|Reverse((_, id))| self.items.remove(&id))?;
        if let Some(bytes) = item.bytes() {
            self.got.entry((to, conn)).or_default().0 += bytes.len();
        }
        Some((to, conn, item))
    }

    pub(super) fn http(
        &mut self,
        now: Instant,
        from: Node,
        transmit: HttpTransmit,
        machines: &Machines,
    ) -> Result<(), Violation> {
        let conn = transmit.conn();
        let item = match transmit {
            HttpTransmit::Open { .. } => return Ok(()),
            HttpTransmit::Event { event, .. } => {
                if let HttpEvent::Head(head) = &event {
                    self.head(from, conn, head);
                }
                Item::Http(event)
            }
            HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => Item::end(true, format!("closed by {from:?}")),
            other => return Err(Invariant::Driver.broken(format!("{from:?} wants {other:?}"))),
        };
        self.put(now, from, conn, item, machines)
    }

    fn head(&mut self, from: Node, conn: ConnectionId, head: &Head) {
        let fields = match head {
            Head::Request(head) => head.fields(),
            Head::Response(head) => head.fields(),
        };
        if let Some(length) = fields.text("Content-Length").and_then(|text| text.parse().ok()) {
            let length = self.planted.as_ref().map_or(length, |planted| planted.announced(length));
            self.lengths.insert((from, conn), length);
        }
        if let (Node::Client, Head::Request(head)) = (from, head) {
            let inward = head.method() == "RPC_IN_DATA";
            let which = self.random.index(2);
            let to = match inward {
                _ if self.collapsed => Node::Endpoint,
                true => Node::In(which),
                false => Node::Out(which),
            };
            self.connect(Way { from, to, hop: if inward { Hop::ClientIn } else { Hop::ClientOut }, conn });
        }
    }

    fn connect(&mut self, way: Way) {
        let Way { from, to, hop, conn } = way;
        self.ways.insert((from, conn), way);
        self.ways.insert((to, conn), Way { from: to, to: from, hop: hop.back(), conn });
    }

    pub(super) fn open_leg(&mut self, now: Instant, from: Node, conn: ConnectionId) {
        let hop = if matches!(from, Node::In(_)) { Hop::InServer } else { Hop::OutServer };
        self.connect(Way { from, to: Node::Server, hop, conn });
        self.schedule(now, Node::Server, conn, Item::Leg(LegEvent::Opened));
        self.schedule(now, from, conn, Item::Leg(LegEvent::Opened));
    }

    pub(super) fn leg(
        &mut self,
        now: Instant,
        from: Node,
        transmit: Transmit,
        machines: &Machines,
    ) -> Result<(), Violation> {
        let conn = transmit.conn();
        let item = match transmit {
            Transmit::Send { head, body, .. } if head.as_slice().is_empty() => Item::Leg(LegEvent::Bytes(body)),
            Transmit::Send { head, body, .. } => Item::Leg(LegEvent::Bytes([head.as_slice(), &body].concat().into())),
            Transmit::Close { .. } | Transmit::Abort { .. } => Item::end(false, format!("closed by {from:?}")),
            other => return Err(Invariant::Driver.broken(format!("{from:?} wants {other:?}"))),
        };
        self.put(now, from, conn, item, machines)
    }

    /// A node says something on a connection.
    fn put(
        &mut self,
        now: Instant,
        from: Node,
        conn: ConnectionId,
        item: Item,
        machines: &Machines,
    ) -> Result<(), Violation> {
        // What an outbound proxy hands out goes nowhere, if the connection is gone and it does not know that yet.
        let is_rpc = item.bytes().is_some_and(|pdu| pdu.get(2).is_some_and(|kind| *kind != 20));
        self.forwarded += u64::from(matches!((from, &item), (Node::Out(_), Item::Http(_))) && is_rpc);
        let Some(way) = self.ways.get(&(from, conn)).copied() else { return Ok(()) };
        let to = way.to;
        if item.is_end() {
            self.ways.remove(&(from, conn));
            if !self.silent.contains(&conn) && !self.planted.as_ref().is_some_and(Planted::swallows_end) {
                self.schedule(now, to, conn, item);
            }
            return Ok(());
        }
        if self.silent.contains(&conn) {
            if self.given_up.insert((from, conn)) {
                let end = Item::end(way.hop.is_http(), "nothing was acknowledged".into());
                self.schedule(now + RETRANSMISSION, from, conn, end);
            }
            return Ok(());
        }
        let Some(bytes) = item.bytes().cloned() else {
            // A head, or an end of a body: cut before it arrives, or not.
            match self.cut_within(way, 1, machines) {
                Some(_) => self.sever(now, way, machines),
                None => self.schedule(now, to, conn, item),
            }
            return Ok(());
        };
        let first = self.got.entry((to, conn)).or_default();
        if first.1 == 0 && bytes.first() == Some(&5) {
            first.1 = frag_length(&bytes).unwrap_or(0);
        }
        let limit = self.lengths.get(&(from, conn)).copied();
        let name = self.watch.sent(way, &bytes, self.windows.get(&to).copied().unwrap_or(0), limit)?;
        let arriving = match (&mut self.planted, self.plan) {
            (Some(planted), _) => planted.tamper(way.hop, bytes),
            (None, Plan::WrongCookie) if !self.cut => match Planted::wrong_successor(way.hop, &bytes) {
                Some(wrong) => {
                    self.cut = true;
                    vec![wrong]
                }
                None => vec![bytes],
            },
            _ => vec![bytes],
        };
        for bytes in arriving {
            if let Some(at) = self.cut_within(way, bytes.len(), machines) {
                if at > 0 {
                    self.schedule(now, to, conn, item.with(bytes.slice(..at)));
                }
                self.sever(now, way, machines);
                return Ok(());
            }
            if let (Some(name), Ok(rts), false) = (name, decode(&bytes), self.cut || self.relaxed) {
                self.sequence.arrives(name, &rts)?;
            }
            for piece in pieces(&mut self.random, bytes) {
                self.schedule(now, to, conn, item.with(piece));
            }
            let at = self.arrives.get(&(to, conn)).copied().unwrap_or(now);
            self.sequence.hears(way.hop, at);
        }
        Ok(())
    }

    /// Whether the connection is cut within this write, and after how many of its bytes.
    fn cut_within(&mut self, way: Way, len: usize, machines: &Machines) -> Option<usize> {
        if self.cut {
            return None;
        }
        match &mut self.plan {
            Plan::CutAtByte { left, hops } if hops.contains(&way.hop) => {
                let at = *left;
                *left = left.saturating_sub(len as u64);
                usize::try_from(at).ok().filter(|at| *at < len)
            }
            Plan::CutAtState { state, skip, within: true } => {
                let fits = states(machines, &self.got, way).any(|here| here == *state) && chance(skip);
                fits.then(|| self.random.index(len))
            }
            _ => None,
        }
    }

    /// Cuts a connection between two writes, by plan.
    pub(super) fn cut_between(&mut self, now: Instant, machines: &Machines) {
        let Plan::CutAtState { state, mut skip, within: false } = self.plan else { return };
        if self.cut {
            return;
        }
        let fits = |way: &&Way| states(machines, &self.got, **way).any(|here| here == state);
        let mut ways: Vec<Way> = self.ways.values().filter(fits).copied().collect();
        ways.sort_by_key(|way| (way.conn, way.hop));
        if !ways.is_empty() && chance(&mut skip) {
            let way = ways[self.random.index(ways.len())];
            self.sever(now, way, machines);
        }
        self.plan = Plan::CutAtState { state, skip, within: false };
    }

    fn sever(&mut self, now: Instant, way: Way, machines: &Machines) {
        self.cut = true;
        let states: Vec<State> = states(machines, &self.got, way).collect();
        for state in states {
            self.watch.tally.cuts.entry(state).or_default()[self.how as usize] += 1;
        }
        let (conn, http) = (way.conn, way.hop.is_http());
        if self.how != How::Close {
            self.items.retain(|_, (_, on, _)| *on != conn);
            let items = &self.items;
            self.wire.retain(|Reverse((_, id))| items.contains_key(id));
        }
        // A leg that nobody hears of is the TCP stack's to find: keep-alive, [MS-RPCH] 3.2.3.2.1.
        if self.how == How::Silence && http {
            self.silent.insert(conn);
            return;
        }
        for (end, other) in [(way.from, way.to), (way.to, way.from)] {
            if self.ways.remove(&(end, conn)).is_some() {
                let end_of = Item::end(http, format!("cut between {end:?} and {other:?}"));
                self.schedule(now, end, conn, end_of);
            }
        }
    }

    /// Something arrives after what is on its way on that connection already.
    fn schedule(&mut self, now: Instant, to: Node, conn: ConnectionId, item: Item) {
        let longest: u64 = self.latency.as_micros().try_into().unwrap_or(u64::MAX);
        let slow = self.slow.is_some() && self.ways.get(&(to, conn)).map(|way| way.hop.back()) == self.slow;
        let latency = Duration::from_micros(50 + self.random.below(longest) * if slow { 10 } else { 1 });
        let key = (to, conn);
        let at = (now + latency).max(self.arrives.get(&key).copied().unwrap_or(now));
        self.arrives.insert(key, at);
        self.next += 1;
        self.wire.push(Reverse((at, self.next)));
        self.items.insert(self.next, (to, conn, item));
    }
}

/// Whether it is time, after so many chances that are passed over.
const fn chance(skip: &mut u64) -> bool {
    let now = *skip == 0;
    *skip = skip.saturating_sub(1);
    now
}

/// Bytes that each end of a connection has got, and how many its first PDU has.
type Got = HashMap<(Node, ConnectionId), (usize, usize)>;

/// The states that both ends of a connection are in.
fn states(machines: &Machines, got: &Got, way: Way) -> impl Iterator<Item = State> {
    let begun = |node| got.get(&(node, way.conn)).is_some_and(|(got, first)| *first > 0 && got >= first);
    let of = |node| machines.states(node, way.conn, begun(node), way.hop.is_inward());
    [of(way.from), of(way.to)].into_iter().flatten().flatten()
}

/// Mostly whole, sometimes in two, sometimes in many.
fn pieces(random: &mut Random, mut bytes: Bytes) -> Vec<Bytes> {
    match random.below(8) {
        0..=4 => vec![bytes],
        5 | 6 => {
            let at = random.index(bytes.len());
            if at == 0 { vec![bytes] } else { vec![bytes.split_to(at), bytes] }
        }
        _ => {
            let mut pieces = Vec::new();
            while !bytes.is_empty() {
                let len = 1 + random.index(bytes.len().min(1_000));
                pieces.push(bytes.split_to(len));
            }
            pieces
        }
    }
}
