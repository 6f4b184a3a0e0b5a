//! The machines, and the order in which things happen.

use std::time::{Duration, Instant};

use oxwire::core::{ConnectionId, ConnectionIds};
use oxwire::http::HttpTransmit;
use oxwire::rpch::client::Client;
use oxwire::rpch::endpoint::{Endpoint, EndpointConfig};
use oxwire::rpch::front::ProxyTransmit;
use oxwire::rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire::rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use oxwire::rpch::server::Server;

use super::configs::Configs;
use super::faults::{Fault, Planted};
use super::model::Direction;
use super::network::{Item, Network};
use super::random::Random;
use super::roles::{Far, Node, Proxy, Turned};
use super::settings::Settings;
use super::tally::Tally;

pub(super) struct World {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) settings: Settings,
    pub(super) network: Network,
    pub(super) client: Client,
    /// Two of each, where the server is apart.
    pub(super) ins: Vec<Proxy<InboundProxy, VirtualInChannel>>,
    pub(super) outs: Vec<Proxy<OutboundProxy, VirtualOutChannel>>,
    pub(super) far: Far,
    /// To the server, to the client.
    pub(super) directions: [Direction; 2],
    /// The last send was refused for want of room.
    pub(super) blocked: [bool; 2],
    /// Why the client's, and the server's, end of the virtual connection is over.
    pub(super) ends: [Option<String>; 2],
    pub(super) opened: bool,
    /// What the plan asked for has happened.
    pub(super) disturbed: bool,
    pub(super) paused_until: Option<Instant>,
    failure: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = Random::new(seed);
        let settings = Settings::new(&mut random, fault.is_some());
        let configs = Configs::new(&mut random, &settings);
        let windows = configs.windows();
        let mut noise = random.clone();
        let entropy = move |out: &mut [u8]| out.fill_with(|| noise.next().to_le_bytes()[4]);
        let planted = fault.map(|fault| Planted::new(fault, &mut random));
        let now = Instant::now();
        let ids = |n: u64| ConnectionIds::starting_at(1_000_000 * n);
        let two = if settings.collapsed { 0..0 } else { 0..2_usize };
        Self {
            start: now,
            now,
            network: Network::new(windows, planted, &settings),
            client: Client::new(configs.client, Box::new(entropy), ids(1)),
            ins: two.clone().map(|n| Proxy::new(InboundProxy::new(configs.proxies[n], ids(2 + n as u64)))).collect(),
            outs: two.map(|n| Proxy::new(OutboundProxy::new(configs.proxies[2 + n], ids(4 + n as u64)))).collect(),
            far: if settings.collapsed {
                Far::collapsed(Endpoint::new(EndpointConfig::DEFAULT.with_connection(configs.connection)))
            } else {
                Far::apart(Server::new(configs.server))
            },
            directions: Default::default(),
            blocked: [false; 2],
            ends: [None, None],
            opened: false,
            disturbed: false,
            paused_until: None,
            failure: None,
            random,
            settings,
        }
    }

    /// The first failure counts.
    pub(super) fn check(&mut self, result: Result<(), String>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }

    fn http(&mut self, from: Node, transmit: HttpTransmit) {
        let result = self.network.http(&mut self.random, self.now, from, transmit, &self.settings);
        self.check(result);
    }

    fn proxy_says(&mut self, from: Node, transmit: ProxyTransmit) {
        let result = match transmit {
            ProxyTransmit::Http(transmit) => {
                self.network.http(&mut self.random, self.now, from, transmit, &self.settings)
            }
            ProxyTransmit::Leg(transmit) => {
                self.network.leg(&mut self.random, self.now, from, transmit, &self.settings)
            }
            ProxyTransmit::OpenLeg { conn, .. } => {
                self.network.open_leg(&mut self.random, self.now, from, conn, &self.settings);
                Ok(())
            }
            other => Err(format!("{from:?} wants {other:?}")),
        };
        self.check(result);
    }

    fn deliver(&mut self, to: Node, conn: ConnectionId, item: Item) {
        let now = self.now;
        let result = match (to, item) {
            (Node::Client, Item::Http(event)) => {
                let _ended = self.client.handle(now, conn, event);
                Ok(())
            }
            (Node::Client, item) => Err(format!("the client got {item:?}")),
            (Node::In(n), item) => self.ins[n].handle(now, conn, item),
            (Node::Out(n), item) => self.outs[n].handle(now, conn, item),
            (Node::Server | Node::Endpoint, item) => self.far.handle(now, conn, item),
        };
        self.check(result);
    }

    /// Moves what there is to move at one instant.
    fn turn(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.turn_client();
            for n in 0..self.ins.len() {
                let turned = self.ins[n].turn(self.now);
                moved |= self.after(Node::In(n), turned);
                let turned = self.outs[n].turn(self.now);
                moved |= self.after(Node::Out(n), turned);
            }
            let turned = self.far.turn(self.now);
            moved |= self.after(self.far.node(), turned);
            if !moved {
                return;
            }
        }
        self.check(Err("it never comes to rest at one instant".into()));
    }

    fn turn_client(&mut self) -> bool {
        let mut moved = false;
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            moved = true;
            self.network.state = self.client.state_name();
            self.http(Node::Client, transmit);
        }
        while let Some(event) = self.client.poll_event() {
            moved = true;
            self.client_told(event);
        }
        moved
    }

    /// Takes what a role did.
    fn after(&mut self, from: Node, turned: Turned) -> bool {
        let Turned { moved, out, told, undelivered, refused } = turned;
        let moved = moved || !out.is_empty() || !told.is_empty();
        // A role turns channels away once something was cut; before, it has no reason to.
        if let Some(refused) = refused
            && !self.disturbed
            && self.ends[0].is_none()
        {
            self.check(Err(format!("{from:?}: {refused}")));
        }
        self.directions[usize::from(matches!(from, Node::Out(_)))].between += undelivered;
        told.into_iter().for_each(|event| self.server_told(event));
        out.into_iter().for_each(|transmit| self.proxy_says(from, transmit));
        moved
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let proxies = self.ins.iter().filter_map(Proxy::<InboundProxy, _>::poll_timeout);
        let proxies = proxies.chain(self.outs.iter().filter_map(Proxy::<OutboundProxy, _>::poll_timeout));
        proxies.chain(self.client.poll_timeout()).chain(self.far.poll_timeout()).min()
    }

    fn handle_timeout(&mut self) {
        let now = self.now;
        let _ended = self.client.handle_timeout(now);
        self.ins.iter_mut().for_each(|proxy| proxy.handle_timeout(now));
        self.outs.iter_mut().for_each(|proxy| proxy.handle_timeout(now));
        self.far.handle_timeout(now);
        if let Some(due) = self.poll_timeout()
            && due <= now
        {
            self.check(Err(format!("after handle_timeout a timer is due, {:?} late", now - due)));
        }
    }

    /// Time goes on to the next that happens, and it happens.
    fn step(&mut self, next: Instant) {
        self.now = self.now.max(next);
        if self.network.next_arrival().is_some_and(|arrival| arrival <= self.now) {
            match self.network.pop(self.now) {
                Ok(Some((to, conn, item))) => self.deliver(to, conn, item),
                Ok(None) => {}
                Err(error) => self.check(Err(error)),
            }
        }
        if self.poll_timeout().is_some_and(|due| due <= self.now) {
            self.handle_timeout();
        }
        self.turn();
    }

    /// Runs until all is delivered and closed, or an invariant does not hold.
    pub(super) fn run(mut self) -> Result<Tally, String> {
        if let Err(error) = self.client.connect(self.now) {
            return Err(error.to_string());
        }
        self.turn();
        let mut finishing = false;
        for steps in 0_u64.. {
            if steps > 2_000_000 {
                self.check(Err("no end".into()));
            }
            if let Some(failure) = self.failure.take() {
                return Err(format!("{failure}; {}", self.describe()));
            }
            self.applications();
            if !self.disturbed {
                self.disturb();
            }
            self.turn();
            self.memory();
            self.disturbed |= self.network.has_cut();
            if !self.disturbed && !finishing && self.ends.iter().any(Option::is_some) {
                let ends = self.ends.clone();
                self.check(Err(format!("it ended by itself: {ends:?}")));
                continue;
            }
            if self.all_delivered() && !finishing && self.opened {
                finishing = true;
                self.client.close(self.now);
                continue;
            }
            let due = self.poll_timeout();
            let arrival = self.network.next_arrival();
            let consuming = self.directions.iter().any(Direction::consuming);
            if arrival.is_none() && self.ended() && (!consuming || finishing || self.disturbed) {
                break;
            }
            let busy = consuming || (self.opened && !self.paused() && (self.may_send(0) || self.may_send(1)));
            let later = self.now + Duration::from_millis(1);
            let next = [arrival, due, busy.then_some(later), self.paused_until.filter(|until| *until > self.now)];
            let Some(next) = next.into_iter().flatten().min() else {
                self.check(Err("nothing will ever happen again".into()));
                continue;
            };
            let waiting: usize = self.directions.iter().map(Direction::undelivered).sum();
            if arrival.is_none() && !busy && waiting > 0 && due.is_none_or(|due| due > self.now) && !self.disturbed {
                self.check(Err(format!("deadlock: {waiting} PDUs wait, and nothing is on its way")));
                continue;
            }
            self.step(next);
            if self.now - self.start > Duration::from_secs(4 * 3_600) {
                self.check(Err("four hours have not been enough".into()));
            }
        }
        self.finish(finishing)
    }

    fn ended(&self) -> bool {
        self.ends[0].is_some() && (self.ends[1].is_some() || self.far.states().is_none())
    }

    fn all_delivered(&self) -> bool {
        (0..2).all(|n| self.directions[n].taken == self.settings.total[n] && self.directions[n].is_idle())
    }
}
