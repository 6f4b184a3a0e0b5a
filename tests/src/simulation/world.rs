//! The machines, their applications, and the order in which things happen.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, ConnectionIds, Principal};
use oxwire::http::{HttpEvent, HttpTransmit, Origin, Scheme};
use oxwire::rpch::client::{self, Client, ProxyUse};
use oxwire::rpch::endpoint::{self, Endpoint, EndpointConfig, EndpointEvent, VirtualConnectionConfig};
use oxwire::rpch::fault::RefusedReason;
use oxwire::rpch::flow_control::AckThreshold;
use oxwire::rpch::front::{
    Caller, Handled, LegEvent, ProxyChannelEvent, ProxyConfig, ProxyEvent, ProxyTransmit, Verdict, VirtualConnectionId,
};
use oxwire::rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire::rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use oxwire::rpch::server::{self, Server, ServerConfig, ServerEvent};

use super::faults::{Fault, Planted};
use super::model::Direction;
use super::network::{Item, Network};
use super::random::Random;
use super::settings::{Plan, Settings};
use super::tally::Tally;

/// Who sits at an end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Node {
    Client,
    In(usize),
    Out(usize),
    Server,
    Endpoint,
}

/// A proxy and the virtual channels that it handed out.
#[derive(Debug)]
struct Proxy<P, M> {
    proxy: P,
    machines: BTreeMap<VirtualConnectionId, M>,
}

/// The largest PDU.
const MAX_PDU: u16 = 4_096;

/// Bytes that the client's and the server's queue take.
const QUEUE: usize = 100_000;

pub(super) struct World {
    start: Instant,
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) settings: Settings,
    pub(super) network: Network,
    client: Client,
    ins: Vec<Proxy<InboundProxy, VirtualInChannel>>,
    outs: Vec<Proxy<OutboundProxy, VirtualOutChannel>>,
    server: Server,
    server_vc: Option<server::VirtualConnection>,
    endpoint: Endpoint,
    endpoint_vc: Option<endpoint::VirtualConnection>,
    /// To the server, to the client.
    directions: [Direction; 2],
    /// The last send was refused for want of room.
    blocked: [bool; 2],
    client_end: Option<String>,
    server_end: Option<String>,
    opened: bool,
    /// What the plan asked for has happened.
    disturbed: bool,
    paused_until: Option<Instant>,
    failure: Option<String>,
}

fn pdu(random: &mut Random, number: u64, size: usize) -> Bytes {
    let mut bytes = vec![number.to_le_bytes()[0]; size];
    bytes[..10].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0, 0, 0]);
    bytes[8..10].copy_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_le_bytes());
    bytes[10..12].fill(0);
    bytes[12..16].copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    bytes[16..24].copy_from_slice(&random.next().to_le_bytes());
    bytes.into()
}

impl World {
    pub(super) fn new(seed: u64, fault: Option<Fault>) -> Self {
        let mut random = Random::new(seed);
        let settings = Settings::new(&mut random, fault.is_some());
        let now = Instant::now();
        let window = |random: &mut Random| ((8_192 << random.below(6)) - u32::from(random.one_in(4)) * 100).max(8_192);
        let lifetime = |random: &mut Random| 131_072 + u32::try_from(random.below(60_000)).unwrap_or(0);
        let threshold = |random: &mut Random| {
            [AckThreshold::HalfWindow, AckThreshold::EveryRelease, AckThreshold::Below(6_000)][random.index(3)]
        };
        let origin = Origin { scheme: Scheme::Http, host: "proxy.test".into(), port: 80 };
        let Ok(rpc) = "mbx.test:6001".parse() else { panic!("a target") };
        let config = client::Config::new(origin, rpc)
            .with_in_channel_length(lifetime(&mut random))
            // Not yet with less, nor with an acknowledgement for every PDU: while both channels are recycled, what is left of the IN
            // channel has to hold the acknowledgements of all that stands before IN_R1/A4 on the OUT channel.
            .with_receive_window(window(&mut random).max(65_536))
            .with_queue_bytes(QUEUE)
            .with_proxy_use(if settings.determine { ProxyUse::Determine } else { ProxyUse::Direct })
            .with_max_pdu(MAX_PDU);
        let mut noise = random.clone();
        let entropy = move |out: &mut [u8]| out.fill_with(|| noise.next().to_le_bytes()[4]);
        let mut proxy = || {
            ProxyConfig::DEFAULT
                .with_receive_window(window(&mut random))
                .with_ack_threshold(threshold(&mut random))
                .with_channel_lifetime(lifetime(&mut random))
                .with_connection_timeout(Duration::from_secs(120 + random.below(300)))
                .with_max_pdu(MAX_PDU)
        };
        let configs: Vec<ProxyConfig> = (0..4).map(|_| proxy()).collect();
        let connection = VirtualConnectionConfig::DEFAULT
            .with_receive_window(window(&mut random))
            .with_ack_threshold(threshold(&mut random))
            .with_channel_lifetime(lifetime(&mut random))
            .with_send_queue(QUEUE)
            .with_max_pdu(MAX_PDU);
        let mut server = ServerConfig::DEFAULT
            .with_receive_window(window(&mut random))
            .with_ack_threshold(threshold(&mut random))
            .with_max_pdu(MAX_PDU);
        server.send_queue = QUEUE;
        let windows = BTreeMap::from([
            (Node::Client, config.receive_window),
            (Node::In(0), configs[0].receive_window),
            (Node::In(1), configs[1].receive_window),
            (Node::Out(0), configs[2].receive_window),
            (Node::Out(1), configs[3].receive_window),
            (Node::Server, server.receive_window),
            (Node::Endpoint, connection.receive_window),
        ]);
        let planted = fault.map(|fault| Planted::new(fault, &mut random));
        let ids = |n: u64| ConnectionIds::starting_at(1_000_000 * n);
        Self {
            start: now,
            now,
            network: Network::new(windows, planted, &settings),
            client: Client::new(config, Box::new(entropy), ids(1)),
            ins: (0..2)
                .map(|n| Proxy { proxy: InboundProxy::new(configs[n], ids(2 + n as u64)), machines: BTreeMap::new() })
                .collect(),
            outs: (0..2)
                .map(|n| Proxy {
                    proxy: OutboundProxy::new(configs[2 + n], ids(4 + n as u64)),
                    machines: BTreeMap::new(),
                })
                .collect(),
            server: Server::new(server),
            server_vc: None,
            endpoint: Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection)),
            endpoint_vc: None,
            directions: Default::default(),
            blocked: [false; 2],
            client_end: None,
            server_end: None,
            opened: false,
            disturbed: false,
            paused_until: None,
            failure: None,
            random,
            settings,
        }
    }

    fn check(&mut self, result: Result<(), String>) {
        if let Err(error) = result
            && self.failure.is_none()
        {
            self.failure = Some(error);
        }
    }

    fn http(&mut self, from: Node, transmit: HttpTransmit) {
        // Not yet back to a proxy that has not finished with an earlier channel of this virtual connection: it takes IN_R1/A1 and
        // OUT_R1/A3 for IN_R2 and OUT_R2 then, names the predecessor's cookie as wrong, and ends.
        self.network.taken = [0, 1].map(|n| [!self.ins[n].machines.is_empty(), !self.outs[n].machines.is_empty()]);
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
        let caller = Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada"));
        let result = match (to, item) {
            (Node::Client, Item::Http(event)) => {
                let _ended = self.client.handle(now, conn, event);
                Ok(())
            }
            (Node::In(n), Item::Http(event)) => match self.ins[n].proxy.handle(now, conn, &caller, event) {
                Ok(Handled::BelongsTo(id, event)) => {
                    let _ended = self.ins[n].machines.get_mut(&id).map(|machine| machine.handle(now, conn, event));
                    Ok(())
                }
                Ok(Handled::Taken) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            (Node::Out(n), Item::Http(event)) => match self.outs[n].proxy.handle(now, conn, &caller, event) {
                Ok(Handled::BelongsTo(id, event)) => {
                    let _ended = self.outs[n].machines.get_mut(&id).map(|machine| machine.handle(now, conn, event));
                    Ok(())
                }
                Ok(Handled::Taken) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            (Node::In(n), Item::Leg(event)) => {
                for machine in self.ins[n].machines.values_mut().filter(|machine| machine.leg() == conn) {
                    let _ended = machine.handle_leg(now, conn, event.clone());
                }
                Ok(())
            }
            (Node::Out(n), Item::Leg(event)) => {
                for machine in self.outs[n].machines.values_mut().filter(|machine| machine.leg() == conn) {
                    let _ended = machine.handle_leg(now, conn, event.clone());
                }
                Ok(())
            }
            (Node::Server, Item::Leg(LegEvent::Opened)) => {
                self.server.accept(now, conn, IpAddr::from([192, 0, 2, 9])).map_err(|error| error.to_string())
            }
            (Node::Server, Item::Leg(event)) => match self.server.handle(now, conn, event) {
                Ok(Handled::BelongsTo(_, event)) => {
                    let _ended = self.server_vc.as_mut().map(|vc| vc.handle(now, conn, event));
                    Ok(())
                }
                Ok(Handled::Taken) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            (Node::Endpoint, Item::Http(event)) => match self.endpoint.handle(now, conn, &caller, event) {
                Ok(Handled::BelongsTo(_, event)) => {
                    let _ended = self.endpoint_vc.as_mut().map(|vc| vc.handle(now, conn, event));
                    Ok(())
                }
                Ok(Handled::Taken) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            (to, item) => Err(format!("{to:?} got {item:?}")),
        };
        self.check(result);
    }

    /// Moves what there is to move at one instant.
    fn turn(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.turn_client();
            if self.settings.collapsed {
                moved |= self.turn_endpoint();
            } else {
                for n in 0..2 {
                    moved |= self.turn_in(n);
                    moved |= self.turn_out(n);
                }
                moved |= self.turn_server();
            }
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
            let told = if self.client_end.is_some() { Err(format!("{event:?} after the last event")) } else { Ok(()) };
            self.check(told);
            match event {
                client::Event::Opened { .. } => self.opened = true,
                client::Event::Pdu(pdu) => {
                    let result = self.directions[1].deliver(&pdu);
                    self.check(result);
                }
                client::Event::Recycled(which) => self.network.tally().recyclings[which as usize] += 1,
                client::Event::Writable => self.blocked[0] = false,
                client::Event::Closed { reason, unsent, sent } => {
                    self.client_end = Some(reason.to_string());
                    let taken = self.directions[0].taken;
                    if sent + unsent.len() as u64 != taken {
                        let (unsent, error) = (unsent.len(), "PDUs were taken, but of them were");
                        self.check(Err(format!("{taken} {error} {sent} sent and {unsent} unsent")));
                    }
                    self.directions[0].ended = Some(sent);
                    unsent.into_iter().for_each(|pdu| self.directions[0].give_back(pdu));
                }
                _ => {}
            }
        }
        moved
    }

    fn turn_in(&mut self, n: usize) -> bool {
        let now = self.now;
        let Proxy { proxy, machines } = &mut self.ins[n];
        let (mut out, mut moved, mut failed) = (Vec::new(), false, None);
        while let Some(event) = proxy.poll_event() {
            moved = true;
            match event {
                ProxyEvent::Access(request) => proxy.verdict(now, request.handle, Verdict::Allow),
                ProxyEvent::Opened(machine) => drop(machines.insert(machine.id(), *machine)),
                ProxyEvent::Attach { id, channel } => match machines.get_mut(&id) {
                    Some(machine) => drop(machine.attach(now, channel)),
                    None => failed = Some("a channel for a machine that has ended".to_owned()),
                },
                ProxyEvent::Refused(refused) => failed = Some(format!("{refused:?}")),
                other => failed = Some(format!("{other:?}")),
            }
        }
        out.extend(std::iter::from_fn(|| proxy.poll_transmit()).map(ProxyTransmit::Http));
        for machine in machines.values_mut() {
            out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
            for event in std::iter::from_fn(|| machine.poll_event()) {
                moved = true;
                self.directions[0].between += u64::from(matches!(event, ProxyChannelEvent::Undelivered(_)));
            }
        }
        machines.retain(|_, machine| !machine.is_closed());
        self.after(Node::In(n), moved, out, failed)
    }

    fn turn_out(&mut self, n: usize) -> bool {
        let now = self.now;
        let Proxy { proxy, machines } = &mut self.outs[n];
        let (mut out, mut moved, mut failed) = (Vec::new(), false, None);
        while let Some(event) = proxy.poll_event() {
            moved = true;
            match event {
                ProxyEvent::Access(request) => proxy.verdict(now, request.handle, Verdict::Allow),
                ProxyEvent::Opened(machine) => drop(machines.insert(machine.id(), *machine)),
                ProxyEvent::Attach { id, channel } => match machines.get_mut(&id) {
                    Some(machine) => drop(machine.attach(now, channel)),
                    None => failed = Some("a channel for a machine that has ended".to_owned()),
                },
                ProxyEvent::Refused(refused) => failed = Some(format!("{refused:?}")),
                other => failed = Some(format!("{other:?}")),
            }
        }
        out.extend(std::iter::from_fn(|| proxy.poll_transmit()).map(ProxyTransmit::Http));
        for machine in machines.values_mut() {
            out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
            for event in std::iter::from_fn(|| machine.poll_event()) {
                moved = true;
                self.directions[1].between += u64::from(matches!(event, ProxyChannelEvent::Undelivered(_)));
            }
        }
        machines.retain(|_, machine| !machine.is_closed());
        self.after(Node::Out(n), moved, out, failed)
    }

    fn after(&mut self, from: Node, moved: bool, out: Vec<ProxyTransmit>, failed: Option<String>) -> bool {
        // A role turns channels away once something was cut; before, it has no reason to.
        if let Some(failed) = failed
            && !self.disturbed
            && self.client_end.is_none()
        {
            self.check(Err(format!("{from:?}: {failed}")));
        }
        let moved = moved || !out.is_empty();
        out.into_iter().for_each(|transmit| self.proxy_says(from, transmit));
        moved
    }

    fn turn_server(&mut self) -> bool {
        let now = self.now;
        let (mut moved, mut failed) = (false, None);
        while let Some(event) = self.server.poll_event() {
            moved = true;
            match event {
                ServerEvent::Opened(vc) => self.server_vc = Some(*vc),
                ServerEvent::Attach { leg, .. } => {
                    let _ended = self.server_vc.as_mut().map(|vc| vc.attach(now, leg));
                }
                other => failed = Some(format!("{other:?}")),
            }
        }
        let mut out: Vec<_> = std::iter::from_fn(|| self.server.poll_transmit()).collect();
        let mut events = Vec::new();
        if let Some(vc) = &mut self.server_vc {
            out.extend(std::iter::from_fn(|| vc.poll_transmit(now)));
            events.extend(std::iter::from_fn(|| vc.poll_event()));
        }
        moved |= !events.is_empty();
        events.into_iter().for_each(|event| self.server_told(event));
        self.after(Node::Server, moved, out.into_iter().map(ProxyTransmit::Leg).collect(), failed)
    }

    fn turn_endpoint(&mut self) -> bool {
        let now = self.now;
        let (mut moved, mut failed) = (false, None);
        while let Some(event) = self.endpoint.poll_event() {
            moved = true;
            match event {
                EndpointEvent::Access(request) => self.endpoint.verdict(now, request.handle, Verdict::Allow),
                EndpointEvent::Opened(vc) => self.endpoint_vc = Some(*vc),
                EndpointEvent::Attach { channel, .. } => {
                    let _ended = self.endpoint_vc.as_mut().map(|vc| vc.attach(now, channel));
                }
                other => failed = Some(format!("{other:?}")),
            }
        }
        let mut out: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit()).collect();
        let mut events = Vec::new();
        if let Some(vc) = &mut self.endpoint_vc {
            out.extend(std::iter::from_fn(|| vc.poll_transmit(now)));
            events.extend(std::iter::from_fn(|| vc.poll_event()));
        }
        moved |= !events.is_empty();
        events.into_iter().for_each(|event| self.server_told(event));
        self.after(Node::Endpoint, moved, out.into_iter().map(ProxyTransmit::Http).collect(), failed)
    }

    fn server_told(&mut self, event: endpoint::Event) {
        let told = if self.server_end.is_some() { Err(format!("{event:?} after the last event")) } else { Ok(()) };
        self.check(told);
        match event {
            endpoint::Event::Pdu(pdu) => {
                let result = self.directions[0].deliver(&pdu);
                self.check(result);
            }
            endpoint::Event::Writable => self.blocked[1] = false,
            endpoint::Event::Undelivered(pdu) => self.directions[1].give_back(pdu),
            endpoint::Event::Closed { error, in_doubt_pdus, .. } => {
                self.server_end = Some(error.to_string());
                self.directions[1].ended = Some(in_doubt_pdus as u64);
            }
            _ => {}
        }
    }

    fn paused(&self) -> bool {
        self.paused_until.is_some_and(|until| until > self.now)
    }

    /// The applications: each sends while it may, and consumes when it likes.
    fn applications(&mut self) {
        let now = self.now;
        if self.paused_until.is_none()
            && let Some((at, pause)) = self.settings.pause
            && self.directions[0].taken >= at
            && self.opened
        {
            self.paused_until = Some(now + pause);
            if self.random.one_in(2) {
                let interval = Duration::from_secs(60 + self.random.below(600));
                let _ended = self.client.set_keep_alive(now, Some(interval));
            }
        }
        if self.opened && !self.paused() {
            for _ in 0..self.random.below(4) {
                self.send(0);
                self.send(1);
            }
        }
        if self.random.one_in(self.settings.slowness) {
            while let Some(len) = self.directions[1].unconsumed.pop_front() {
                let _ended = self.client.consume(now, len);
            }
            while let Some(len) = self.directions[0].unconsumed.pop_front() {
                let _ended = self.server_vc.as_mut().map(|vc| vc.consume(now, len));
                let _ended = self.endpoint_vc.as_mut().map(|vc| vc.consume(now, len));
            }
        }
    }

    fn may_send(&self, which: usize) -> bool {
        let ended = if which == 0 { &self.client_end } else { &self.server_end };
        ended.is_none() && !self.blocked[which] && self.directions[which].taken < self.settings.total[which]
    }

    fn send(&mut self, which: usize) {
        if !self.may_send(which) {
            return;
        }
        let size = usize::try_from(24 + self.random.below(self.settings.largest - 23)).unwrap_or(24);
        let pdu = pdu(&mut self.random, self.directions[which].taken, size);
        let now = self.now;
        let result = match (which, &mut self.server_vc, &mut self.endpoint_vc) {
            (0, ..) => self.client.send_pdu(now, pdu.clone()),
            (_, Some(vc), _) => vc.send_pdu(now, pdu.clone()),
            (_, _, Some(vc)) => vc.send_pdu(now, pdu.clone()),
            _ => return,
        };
        match result {
            Ok(()) => self.directions[which].take(pdu),
            Err(refused) => match refused.reason {
                RefusedReason::QueueFull { .. } if refused.pdu == pdu => self.blocked[which] = true,
                RefusedReason::NotOpened | RefusedReason::Closed if refused.pdu == pdu => {}
                reason => self.check(Err(format!("a PDU of {size} bytes was refused: {reason:?}"))),
            },
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let mut due = vec![self.client.poll_timeout()];
        if self.settings.collapsed {
            due.push(self.endpoint.poll_timeout());
            due.push(self.endpoint_vc.as_ref().and_then(endpoint::VirtualConnection::poll_timeout));
        } else {
            for Proxy { proxy, machines } in &self.ins {
                due.push(proxy.poll_timeout());
                due.extend(machines.values().map(VirtualInChannel::poll_timeout));
            }
            for Proxy { proxy, machines } in &self.outs {
                due.push(proxy.poll_timeout());
                due.extend(machines.values().map(VirtualOutChannel::poll_timeout));
            }
            due.push(self.server.poll_timeout());
            due.push(self.server_vc.as_ref().and_then(server::VirtualConnection::poll_timeout));
        }
        due.into_iter().flatten().min()
    }

    fn handle_timeout(&mut self) {
        let now = self.now;
        let _ended = self.client.handle_timeout(now);
        if self.settings.collapsed {
            self.endpoint.handle_timeout(now);
            if let Some(vc) = &mut self.endpoint_vc {
                vc.handle_timeout(now);
            }
        } else {
            for Proxy { proxy, machines } in &mut self.ins {
                proxy.handle_timeout(now);
                machines.values_mut().for_each(|machine| machine.handle_timeout(now));
            }
            for Proxy { proxy, machines } in &mut self.outs {
                proxy.handle_timeout(now);
                machines.values_mut().for_each(|machine| machine.handle_timeout(now));
            }
            self.server.handle_timeout(now);
            if let Some(vc) = &mut self.server_vc {
                vc.handle_timeout(now);
            }
        }
        if let Some(due) = self.poll_timeout()
            && due <= now
        {
            self.check(Err(format!("after handle_timeout a timer is due, {:?} late", now - due)));
        }
    }

    fn memory(&mut self) {
        let queued = [
            self.client.queued_bytes(),
            self.server_vc.as_ref().map_or(0, server::VirtualConnection::queued),
            self.endpoint_vc.as_ref().map_or(0, endpoint::VirtualConnection::queued),
        ];
        if queued.iter().any(|queued| *queued > QUEUE) {
            self.check(Err(format!("{queued:?} bytes are queued, of {QUEUE}")));
        }
        for node in 0..2 {
            let window = |which| usize::try_from(self.network.windows[&which]).unwrap_or(0) * 2;
            let (ins, outs) = (window(Node::In(node)), window(Node::Out(node)));
            let inward = self.ins[node].machines.values().any(|machine| machine.queued() > ins);
            let outward = self.outs[node].machines.values().any(|machine| machine.queued() > outs);
            if inward || outward {
                self.check(Err("a proxy queues more than two windows".into()));
            }
        }
    }

    /// Where everybody stands.
    fn describe(&self) -> String {
        let ins = self.ins.iter().flat_map(|proxy| proxy.machines.values());
        let outs = self.outs.iter().flat_map(|proxy| proxy.machines.values());
        format!(
            "after {:?}: {:?}; client {:?} {:?}, server {:?} {:?} {:?}, in {:?}, out {:?}; delivered {:?} of {:?}",
            self.now - self.start,
            self.settings,
            self.client.state_name(),
            self.client_end,
            self.server_vc.as_ref().map(|vc| (vc.states(), vc.queued())),
            self.endpoint_vc.as_ref().map(|vc| (vc.states(), vc.queued())),
            self.server_end,
            ins.map(|machine| (machine.state(), machine.queued())).collect::<Vec<_>>(),
            outs.map(|machine| (machine.state(), machine.queued())).collect::<Vec<_>>(),
            self.directions.iter().map(|direction| direction.delivered).collect::<Vec<_>>(),
            self.directions.iter().map(|direction| direction.taken).collect::<Vec<_>>(),
        )
    }

    fn ended(&self) -> bool {
        let server = self.server_vc.is_some() || self.endpoint_vc.is_some();
        self.client_end.is_some() && (self.server_end.is_some() || !server)
    }

    fn all_delivered(&self) -> bool {
        (0..2).all(|n| self.directions[n].taken == self.settings.total[n] && self.directions[n].is_idle())
    }

    /// Something closes, by plan.
    fn disturb(&mut self) {
        let now = self.now;
        match self.settings.plan {
            Plan::ClientCloses(at) if self.directions[0].taken >= at && self.opened => {
                self.disturbed = true;
                self.client.close(now);
            }
            Plan::ServerCloses(at) if self.directions[1].taken >= at && self.opened => {
                self.disturbed = true;
                let _ended = self.server_vc.as_mut().map(|vc| vc.close(now));
                let _ended = self.endpoint_vc.as_mut().map(|vc| vc.close(now));
            }
            _ => {}
        }
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
            if !self.disturbed && !finishing && (self.client_end.is_some() || self.server_end.is_some()) {
                let ends = (self.client_end.clone(), self.server_end.clone());
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
            if arrival.is_none() && self.ended() && (self.client_end.is_some()) {
                let consuming = self.directions.iter().any(|direction| !direction.unconsumed.is_empty());
                if !consuming || finishing || self.disturbed {
                    break;
                }
            }
            let busy = self.directions.iter().any(|direction| !direction.unconsumed.is_empty())
                || (self.opened && !self.paused() && (self.may_send(0) || self.may_send(1)));
            let later = self.now + Duration::from_millis(1);
            let next = [arrival, due, busy.then_some(later), self.paused_until.filter(|until| *until > self.now)]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next else {
                self.check(Err("nothing will ever happen again".into()));
                continue;
            };
            let waiting: usize = self.directions.iter().map(Direction::undelivered).sum();
            if arrival.is_none() && !busy && waiting > 0 && due.is_none_or(|due| due > self.now) && !self.disturbed {
                self.check(Err(format!("deadlock: {waiting} PDUs wait, and nothing is on its way")));
                continue;
            }
            self.now = self.now.max(next);
            if arrival.is_some_and(|arrival| arrival <= self.now) {
                match self.network.pop(self.now) {
                    Ok(Some((to, conn, item))) => self.deliver(to, conn, item),
                    Ok(None) => {}
                    Err(error) => self.check(Err(error)),
                }
            }
            if due.is_some_and(|due| due <= self.now) {
                self.handle_timeout();
            }
            self.turn();
            if self.now - self.start > Duration::from_secs(4 * 3_600) {
                self.check(Err("four hours have not been enough".into()));
            }
        }
        self.finish(finishing)
    }

    /// All is over: nobody holds anything, and what did not arrive was told.
    fn finish(mut self, complete: bool) -> Result<Tally, String> {
        let mut result = Ok(());
        for n in 0..2 {
            let delivered_all = complete && self.directions[n].undelivered() > 0;
            if delivered_all {
                result = Err(format!("{} PDUs are lost", self.directions[n].undelivered()));
            }
            let window = if n == 1 && !self.settings.collapsed { self.network.windows[&Node::Client] } else { 0 };
            result = result.and_then(|()| self.directions[n].settle(usize::try_from(window).unwrap_or(0) * 2));
        }
        if let Err(error) = result {
            return Err(format!("{error}; {}", self.describe()));
        }
        let delivered = self.directions.iter().map(|direction| direction.delivered).sum::<u64>();
        let end = if complete { "everything delivered".to_owned() } else { format!("{:?}", self.settings.plan) };
        let tally = self.network.tally();
        tally.delivered += delivered;
        tally.seeds += 1;
        let end = end.split('(').next().unwrap_or_default().to_owned();
        *tally.ends.entry(end).or_default() += 1;
        Ok(std::mem::take(tally))
    }
}

/// Whether an event ends a connection.
pub(super) const fn is_end(event: &HttpEvent) -> bool {
    matches!(event, HttpEvent::Reset(_))
}
