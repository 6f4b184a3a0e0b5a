//! One run: the machines, the network between them, and the order in which things happen.

use std::time::{Duration, Instant};

use oxwire::core::ConnectionIds;
use oxwire::rpch::client::Client;
use oxwire::rpch::endpoint::{Endpoint, EndpointConfig};
use oxwire::rpch::front::ProxyTransmit;
use oxwire::rpch::inbound_proxy::InboundProxy;
use oxwire::rpch::outbound_proxy::OutboundProxy;
use oxwire::rpch::server::Server;

use super::configs::Configs;
use super::dump::Dump;
use super::faults::{Fault, Planted};
use super::machines::Machines;
use super::model::Direction;
use super::network::Network;
use super::random::Random;
use super::roles::{Far, Node, Proxy, Turned};
use super::settings::Settings;
use super::tally::Tally;
use super::violation::{Invariant, Violation};

pub(super) struct World {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) settings: Settings,
    pub(super) network: Network,
    pub(super) machines: Machines,
    /// To the server, to the client.
    pub(super) directions: [Direction; 2],
    /// The last send was refused for want of room.
    pub(super) blocked: [bool; 2],
    /// Why the client's, and the server's, end of the virtual connection is over.
    pub(super) ends: [Option<String>; 2],
    /// Why virtual channels of proxies are over.
    pub(super) closed: Vec<String>,
    pub(super) opened: bool,
    /// What the plan asked for has happened.
    pub(super) disturbed: bool,
    /// Everything was delivered, and the client has closed.
    pub(super) finishing: bool,
    pub(super) paused_until: Option<Instant>,
    failure: Option<Violation>,
}

/// How long a run may last, and how long after both ends are over somebody may still hold something.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);
const LINGER: Duration = Duration::from_secs(2 * 3_600);

impl World {
    pub(super) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = Random::new(seed);
        let settings = Settings::new(&mut random, fault);
        let configs = Configs::new(&mut random, &settings);
        let windows = configs.windows();
        let mut noise = random.fork();
        let entropy = move |out: &mut [u8]| out.fill_with(|| noise.next().to_le_bytes()[4]);
        let planted = fault.map(|fault| Planted::new(fault, &mut random));
        let forgetful = planted.as_ref().is_some_and(Planted::forgets);
        let now = Instant::now();
        let ids = |n: u64| ConnectionIds::starting_at(1_000_000 * n);
        let two = if settings.collapsed { 0..0 } else { 0..2_usize };
        let ins = two.clone().map(|n| Proxy::new(InboundProxy::new(configs.proxies[n], ids(2 + n as u64))));
        let outs = two.map(|n| Proxy::new(OutboundProxy::new(configs.proxies[2 + n], ids(4 + n as u64))));
        let machines = Machines {
            ins: ins.collect(),
            outs: outs.collect(),
            client: Client::new(configs.client, Box::new(entropy), ids(1)),
            far: if settings.collapsed {
                Far::collapsed(Endpoint::new(EndpointConfig::DEFAULT.with_connection(configs.connection)))
            } else {
                Far::apart(Server::new(configs.server))
            },
        };
        Self {
            start: now,
            now,
            network: Network::new(random.fork(), windows, planted, &settings),
            machines,
            directions: [Direction::new(forgetful), Direction::new(false)],
            blocked: [false; 2],
            ends: [None, None],
            closed: Vec::new(),
            opened: false,
            disturbed: false,
            finishing: false,
            paused_until: None,
            failure: None,
            random,
            settings,
        }
    }

    /// Has what is sent written down.
    pub(super) fn dumping(mut self) -> Self {
        self.network.watch.dump = Some(Dump::default());
        self
    }

    /// The first failure counts.
    pub(super) fn check(&mut self, result: Result<(), Violation>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }

    fn says(&mut self, from: Node, transmit: ProxyTransmit) {
        let Self { now, network, machines, .. } = self;
        let result = match transmit {
            ProxyTransmit::Http(transmit) => network.http(*now, from, transmit, machines),
            ProxyTransmit::Leg(transmit) => network.leg(*now, from, transmit, machines),
            ProxyTransmit::OpenLeg { conn, .. } => {
                network.open_leg(*now, from, conn);
                Ok(())
            }
            other => Err(Invariant::Driver.broken(format!("{from:?} wants {other:?}"))),
        };
        self.check(result);
    }

    /// Moves what there is to move at one instant.
    fn turn(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.turn_client();
            for n in 0..self.machines.ins.len() {
                let turned = self.machines.ins[n].turn(self.now);
                moved |= self.after(Node::In(n), turned);
                let turned = self.machines.outs[n].turn(self.now);
                moved |= self.after(Node::Out(n), turned);
            }
            let turned = self.machines.far.turn(self.now);
            moved |= self.after(self.machines.far.node(), turned);
            if !moved {
                return;
            }
        }
        self.check(Err(Invariant::Driver.broken("it never comes to rest at one instant")));
    }

    fn turn_client(&mut self) -> bool {
        let mut moved = false;
        while let Some(transmit) = self.machines.client.poll_transmit(self.now) {
            moved = true;
            self.says(Node::Client, ProxyTransmit::Http(transmit));
        }
        while let Some(event) = self.machines.client.poll_event() {
            moved = true;
            self.client_told(event);
        }
        moved
    }

    /// Takes what a role did.
    fn after(&mut self, from: Node, turned: Turned) -> bool {
        let Turned { moved, out, told, undelivered, unacknowledged, closed, refused } = turned;
        self.closed.extend(closed.into_iter().map(|error| format!("{from:?}: {error}")));
        let moved = moved || !out.is_empty() || !told.is_empty();
        // A role turns channels away once something was cut; before, it has no reason to.
        if let Some(refused) = refused
            && !self.disturbed
            && self.ends[0].is_none()
        {
            self.check(Err(Invariant::End.broken(format!("{from:?}: {refused}"))));
        }
        let direction = &mut self.directions[usize::from(matches!(from, Node::Out(_)))];
        direction.between += undelivered;
        direction.unacknowledged += unacknowledged;
        told.into_iter().for_each(|event| self.server_told(event));
        out.into_iter().for_each(|transmit| self.says(from, transmit));
        moved
    }

    /// Time goes on to the next that happens, and it happens.
    fn step(&mut self, next: Instant) {
        self.now = self.now.max(next);
        if let Some((to, conn, item)) = self.network.pop(self.now) {
            let result = self.machines.handle(self.now, to, conn, item);
            self.check(result);
        }
        if self.machines.poll_timeout().is_some_and(|due| due <= self.now) {
            let result = self.machines.handle_timeout(self.now);
            self.check(result);
        }
        self.turn();
    }

    /// Runs until all is delivered and closed and nobody holds anything, or an invariant does not hold.
    pub(super) fn run(mut self) -> Result<(Tally, String), Violation> {
        if let Err(error) = self.machines.client.connect(self.now) {
            return Err(Invariant::Driver.broken(error.to_string()));
        }
        self.turn();
        let result = self.run_until_over().and_then(|()| self.finish()).and_then(|()| self.linger());
        match result {
            Ok(()) => Ok(self.told()),
            Err(Violation { invariant, text }) => {
                Err(Violation { invariant, text: format!("{text}; {}", self.describe()) })
            }
        }
    }

    fn run_until_over(&mut self) -> Result<(), Violation> {
        for _ in 0..2_000_000_u64 {
            self.failure.take().map_or(Ok(()), Err)?;
            self.applications();
            if !self.disturbed {
                self.disturb();
            }
            self.turn();
            self.failure.take().map_or(Ok(()), Err)?;
            self.check_memory()?;
            self.disturbed |= self.network.has_cut();
            if !self.disturbed && !self.finishing {
                if self.ends.iter().any(Option::is_some) {
                    return Err(Invariant::End.broken(format!("it ended by itself: {:?}", self.ends)));
                }
                if self.opened {
                    self.network.check_silence(self.now)?;
                }
            }
            if self.all_delivered() && !self.finishing && self.opened {
                self.finishing = true;
                self.network.relax();
                self.machines.client.close(self.now);
                continue;
            }
            let due = self.machines.poll_timeout();
            let arrival = self.network.next_arrival();
            let consuming = self.directions.iter().any(Direction::consuming);
            if arrival.is_none() && self.ended() && (!consuming || self.finishing || self.disturbed) {
                return Ok(());
            }
            let busy = consuming || (self.opened && !self.paused() && (self.may_send(0) || self.may_send(1)));
            let later = self.now + Duration::from_millis(1);
            let next = [arrival, due, busy.then_some(later), self.paused_until.filter(|until| *until > self.now)];
            let Some(next) = next.into_iter().flatten().min() else {
                let over = self.ends.iter().any(Option::is_some);
                let invariant = if over { Invariant::Leak } else { Invariant::Deadlock };
                return Err(invariant.broken(format!("nothing will ever happen again; over: {over}")));
            };
            let waiting: usize = self.directions.iter().map(Direction::undelivered).sum();
            if arrival.is_none() && !busy && waiting > 0 && due.is_none_or(|due| due > self.now) && !self.disturbed {
                return Err(Invariant::Deadlock.broken(format!("{waiting} PDUs wait, and nothing is on its way")));
            }
            self.step(next);
            self.network.cut_between(self.now, &self.machines);
            if self.now - self.start > LONGEST {
                let over = self.ends.iter().any(Option::is_some);
                let invariant = if over { Invariant::Leak } else { Invariant::Deadlock };
                return Err(invariant.broken(format!("{LONGEST:?} have not been enough; over: {over}")));
            }
        }
        Err(Invariant::Deadlock.broken("no end"))
    }

    /// Both ends are over: whoever still holds something lets go of it in time.
    fn linger(&mut self) -> Result<(), Violation> {
        let over = self.now;
        while let Some(next) = self.network.next_arrival().into_iter().chain(self.machines.poll_timeout()).min() {
            self.step(next);
            self.failure.take().map_or(Ok(()), Err)?;
            if self.now - over > LINGER {
                return Err(
                    Invariant::Leak.broken(format!("after {LINGER:?} timers are left, or something is on its way"))
                );
            }
        }
        self.machines.check_empty(self.now)
    }

    fn ended(&self) -> bool {
        self.ends[0].is_some() && (self.ends[1].is_some() || self.machines.far.states().is_none())
    }

    fn all_delivered(&self) -> bool {
        (0..2).all(|n| self.directions[n].taken == self.settings.total[n] && self.directions[n].is_idle())
    }
}
