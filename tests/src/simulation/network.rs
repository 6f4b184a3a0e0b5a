//! The network: latencies, chunks, cuts, and what is planted in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset};
use oxwire::rpch::front::LegEvent;

use super::faults::Planted;
use super::random::Random;
use super::roles::Node;
use super::settings::{How, Plan, Settings};
use super::tally::Tally;
use super::watch::{Hop, Watch};

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

    fn is_end(&self) -> bool {
        match self {
            Self::Http(event) => matches!(event, HttpEvent::Reset(_)),
            Self::Leg(event) => matches!(event, LegEvent::Lost(_)),
        }
    }
}

/// When something arrives where: earliest first, and in the order of sending.
type Arrival = Reverse<(Instant, u64)>;

#[derive(Debug)]
pub(super) struct Network {
    wire: BinaryHeap<Arrival>,
    items: HashMap<u64, (Node, ConnectionId, Item)>,
    next: u64,
    /// When the last thing on a connection arrives at a node: a connection keeps its order.
    arrives: HashMap<(Node, ConnectionId), Instant>,
    /// The other end of each connection, as each end sees it, and which way it goes.
    peers: HashMap<(Node, ConnectionId), (Node, Hop)>,
    /// Content-Length of what a node sends on a connection.
    lengths: HashMap<(Node, ConnectionId), u64>,
    silent: HashSet<ConnectionId>,
    pub(super) windows: BTreeMap<Node, u32>,
    watch: Watch,
    planted: Option<Planted>,
    /// The client's states, as of its last word.
    pub(super) state: (&'static str, &'static str),
    /// Bytes until the cut; which kind of connection: HTTP or leg, inward or outward.
    cut_in: Option<u64>,
    cut_hops: [Hop; 2],
    /// Which time of the state.
    times: u64,
    was_in_state: bool,
    cut: bool,
}

const fn back(hop: Hop) -> Hop {
    match hop {
        Hop::ClientIn => Hop::InClient,
        Hop::InClient => Hop::ClientIn,
        Hop::ClientOut => Hop::OutClient,
        Hop::OutClient => Hop::ClientOut,
        Hop::InServer => Hop::ServerIn,
        Hop::ServerIn => Hop::InServer,
        Hop::OutServer => Hop::ServerOut,
        Hop::ServerOut => Hop::OutServer,
    }
}

impl Network {
    pub(super) fn new(windows: BTreeMap<Node, u32>, planted: Option<Planted>, settings: &Settings) -> Self {
        Self {
            wire: BinaryHeap::new(),
            items: HashMap::new(),
            next: 0,
            arrives: HashMap::new(),
            peers: HashMap::new(),
            lengths: HashMap::new(),
            silent: HashSet::new(),
            windows,
            watch: Watch::default(),
            planted,
            state: ("Start", "Start"),
            cut_in: match settings.plan {
                Plan::CutAtByte(bytes) => Some(bytes),
                _ => None,
            },
            cut_hops: settings.cut_hops,
            times: settings.times,
            was_in_state: false,
            cut: false,
        }
    }

    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.watch.tally
    }

    pub(super) const fn has_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.wire.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn pop(&mut self, now: Instant) -> Result<Option<(Node, ConnectionId, Item)>, String> {
        if self.next_arrival().is_none_or(|at| at > now) {
            return Ok(None);
        }
        Ok(self.wire.pop().and_then(|Reverse((_, id))| self.items.remove(&id)))
    }

    pub(super) fn http(
        &mut self,
        random: &mut Random,
        now: Instant,
        from: Node,
        transmit: HttpTransmit,
        settings: &Settings,
    ) -> Result<(), String> {
        let conn = transmit.conn();
        let item = match transmit {
            HttpTransmit::Open { .. } => return Ok(()),
            HttpTransmit::Event { event, .. } => {
                if let HttpEvent::Head(head) = &event {
                    self.head(random, from, conn, head, settings);
                }
                Item::Http(event)
            }
            HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => {
                Item::Http(HttpEvent::Reset(Reset::unknown(format!("closed by {from:?}"))))
            }
            other => return Err(format!("{from:?} wants {other:?}")),
        };
        self.put(random, now, from, conn, item, settings)
    }

    fn head(&mut self, random: &mut Random, from: Node, conn: ConnectionId, head: &Head, settings: &Settings) {
        let fields = match head {
            Head::Request(head) => head.fields(),
            Head::Response(head) => head.fields(),
        };
        if let Some(length) = fields.text("Content-Length").and_then(|text| text.parse().ok()) {
            self.lengths.insert((from, conn), length);
        }
        if let (Node::Client, Head::Request(head)) = (from, head) {
            let inward = head.method() == "RPC_IN_DATA";
            let which = random.index(2);
            let to = match inward {
                _ if settings.collapsed => Node::Endpoint,
                true => Node::In(which),
                false => Node::Out(which),
            };
            let hop = if inward { Hop::ClientIn } else { Hop::ClientOut };
            self.peers.insert((from, conn), (to, hop));
            self.peers.insert((to, conn), (from, back(hop)));
        }
    }

    pub(super) fn open_leg(
        &mut self,
        random: &mut Random,
        now: Instant,
        from: Node,
        conn: ConnectionId,
        settings: &Settings,
    ) {
        let hop = if matches!(from, Node::In(_)) { Hop::InServer } else { Hop::OutServer };
        self.peers.insert((from, conn), (Node::Server, hop));
        self.peers.insert((Node::Server, conn), (from, back(hop)));
        self.schedule(random, now, Node::Server, conn, Item::Leg(LegEvent::Opened), settings);
        self.schedule(random, now, from, conn, Item::Leg(LegEvent::Opened), settings);
    }

    pub(super) fn leg(
        &mut self,
        random: &mut Random,
        now: Instant,
        from: Node,
        transmit: Transmit,
        settings: &Settings,
    ) -> Result<(), String> {
        let conn = transmit.conn();
        let item = match transmit {
            Transmit::Send { head, body, .. } if head.as_slice().is_empty() => LegEvent::Bytes(body),
            Transmit::Send { head, body, .. } => LegEvent::Bytes([head.as_slice(), &body].concat().into()),
            Transmit::Close { .. } | Transmit::Abort { .. } => LegEvent::Lost(format!("closed by {from:?}").into()),
            other => return Err(format!("{from:?} wants {other:?}")),
        };
        self.put(random, now, from, conn, Item::Leg(item), settings)
    }

    /// A node says something on a connection.
    fn put(
        &mut self,
        random: &mut Random,
        now: Instant,
        from: Node,
        conn: ConnectionId,
        item: Item,
        settings: &Settings,
    ) -> Result<(), String> {
        let Some((to, hop)) = self.peers.get(&(from, conn)).copied() else { return Ok(()) };
        if item.is_end() {
            self.peers.remove(&(from, conn));
            self.schedule(random, now, to, conn, item, settings);
            return Ok(());
        }
        let Some(bytes) = item.bytes() else {
            self.schedule(random, now, to, conn, item, settings);
            return Ok(());
        };
        let window = self.windows.get(&to).copied().unwrap_or(0);
        let limit = self.lengths.get(&(from, conn)).copied();
        let bytes = bytes.clone();
        self.watch.sent(from, to, hop, conn, &bytes, window, limit)?;
        let arriving = match &mut self.planted {
            Some(planted) => planted.tamper(hop, bytes),
            None => vec![bytes],
        };
        for bytes in arriving {
            if let Some(at) = self.cut_here(random, hop, bytes.len(), settings) {
                if at > 0 {
                    self.schedule(random, now, to, conn, item.with(bytes.slice(..at)), settings);
                }
                let place = if at == 0 { "between PDUs" } else { "within a PDU" };
                let what = match hop {
                    Hop::ClientIn | Hop::InClient => "IN channel",
                    Hop::ClientOut | Hop::OutClient => "OUT channel",
                    Hop::InServer | Hop::ServerIn => "inbound leg",
                    Hop::OutServer | Hop::ServerOut => "outbound leg",
                };
                let (inward, outward) = self.state;
                let how = settings.how;
                *self.tally().cuts.entry(format!("{what} in {inward}, {outward}, {place}, {how:?}")).or_default() += 1;
                self.sever(random, now, conn, (from, to), settings);
                return Ok(());
            }
            for piece in pieces(random, bytes) {
                self.schedule(random, now, to, conn, item.with(piece), settings);
            }
        }
        Ok(())
    }

    /// Whether the connection is cut within this write, and after how many of its bytes.
    fn cut_here(&mut self, random: &mut Random, hop: Hop, len: usize, settings: &Settings) -> Option<usize> {
        if self.cut {
            return None;
        }
        match settings.plan {
            Plan::CutAtByte(_) if self.cut_hops.contains(&hop) => {
                let left = self.cut_in.unwrap_or(0);
                if left < len as u64 {
                    return usize::try_from(left).ok();
                }
                self.cut_in = Some(left - len as u64);
                None
            }
            Plan::CutAtState(state) => {
                let is = self.state.0 == state || self.state.1 == state;
                if is && !self.was_in_state {
                    self.times = self.times.saturating_sub(1);
                }
                self.was_in_state = is;
                (is && self.times == 0 && (random.one_in(3))).then(|| random.index(len))
            }
            _ => None,
        }
    }

    fn sever(
        &mut self,
        random: &mut Random,
        now: Instant,
        conn: ConnectionId,
        ends: (Node, Node),
        settings: &Settings,
    ) {
        self.cut = true;
        if settings.how != How::Close {
            self.items.retain(|_, (_, on, _)| *on != conn);
            let items = &self.items;
            self.wire.retain(|Reverse((_, id))| items.contains_key(id));
        }
        for (end, other) in [ends, (ends.1, ends.0)] {
            let peer = self.peers.remove(&(end, conn));
            let http = matches!(peer, Some((_, Hop::ClientIn | Hop::InClient | Hop::ClientOut | Hop::OutClient)));
            // A leg that nobody hears of is the TCP stack's to find: keep-alive, [MS-RPCH] 3.2.3.2.1.
            if settings.how == How::Silence && http {
                self.silent.insert(conn);
                continue;
            }
            let reason = format!("cut between {end:?} and {other:?}");
            let item = if http {
                Item::Http(HttpEvent::Reset(Reset::unknown(reason)))
            } else {
                Item::Leg(LegEvent::Lost(reason.into()))
            };
            if peer.is_some() {
                self.schedule(random, now, end, conn, item, settings);
            }
        }
    }

    /// Something arrives after what is on its way on that connection already.
    fn schedule(
        &mut self,
        random: &mut Random,
        now: Instant,
        to: Node,
        conn: ConnectionId,
        item: Item,
        settings: &Settings,
    ) {
        let latency =
            Duration::from_micros(50 + random.below(settings.latency.as_micros().try_into().unwrap_or(u64::MAX)));
        let key = (to, conn);
        let at = (now + latency).max(self.arrives.get(&key).copied().unwrap_or(now));
        self.arrives.insert(key, at);
        self.next += 1;
        self.wire.push(Reverse((at, self.next)));
        self.items.insert(self.next, (to, conn, item));
    }
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
