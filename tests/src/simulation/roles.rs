//! The roles on the server's side, each with what it has handed out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use oxwire::core::{ConnectionId, Principal};
use oxwire::rpc::association::OutgoingPdu;
use oxwire::rpch::endpoint::{self, Endpoint, EndpointEvent, Event};
use oxwire::rpch::fault::Refused;
use oxwire::rpch::front::{
    Caller, Handled, LegEvent, ProxyChannelEvent, ProxyEvent, ProxyTransmit, Verdict, VirtualConnectionId,
};
use oxwire::rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire::rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};
use oxwire::rpch::server::{self, Server, ServerEvent};

use super::network::Item;

/// Who sits at an end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Node {
    Client,
    In(usize),
    Out(usize),
    Server,
    Endpoint,
}

/// What a role did at one turn.
#[derive(Debug, Default)]
pub(super) struct Turned {
    pub(super) moved: bool,
    pub(super) out: Vec<ProxyTransmit>,
    /// What the server's application is told.
    pub(super) told: Vec<Event>,
    /// RPC PDUs that a proxy reports as not forwarded.
    pub(super) undelivered: u64,
    /// RPC PDUs that a proxy reports as forwarded and not acknowledged.
    pub(super) unacknowledged: u64,
    /// Why a proxy's virtual channel is over.
    pub(super) closed: Option<String>,
    /// A channel was turned away.
    pub(super) refused: Option<String>,
}

/// The one client that there is.
fn caller() -> Caller {
    Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada"))
}

/// A proxy and the virtual channels that it handed out.
#[derive(Debug)]
pub(super) struct Proxy<P, M> {
    pub(super) proxy: P,
    pub(super) machines: BTreeMap<VirtualConnectionId, M>,
    /// The machine of each connection to a client, once there is one.
    owners: BTreeMap<ConnectionId, VirtualConnectionId>,
    /// The connection that something came on last.
    last: Option<ConnectionId>,
}

/// Virtual connections, half-open connections, machines and bytes, the next timer.
pub(super) type Left = (usize, usize, usize, Option<Instant>);

impl<P, M> Proxy<P, M> {
    pub(super) const fn new(proxy: P) -> Self {
        Self { proxy, machines: BTreeMap::new(), owners: BTreeMap::new(), last: None }
    }
}

/// Both proxies are driven alike; their types share no trait.
macro_rules! drive {
    ($($proxy:ident with $machine:ident),*) => {$(
        impl Proxy<$proxy, $machine> {
            /// Something has come, from the client or from the server.
            pub(super) fn handle(&mut self, now: Instant, conn: ConnectionId, item: Item) -> Result<(), String> {
                self.last = Some(conn);
                match item {
                    Item::Http(event) => match self.proxy.handle(now, conn, &caller(), event) {
                        Ok(Handled::BelongsTo(id, event)) => {
                            let _ended = self.machines.get_mut(&id).map(|machine| machine.handle(now, conn, event));
                        }
                        Ok(Handled::Taken) => {}
                        Err(error) => return Err(error.to_string()),
                    },
                    Item::Leg(event) => {
                        for machine in self.machines.values_mut().filter(|machine| machine.leg() == conn) {
                            let _ended = machine.handle_leg(now, conn, event.clone());
                        }
                    }
                }
                Ok(())
            }

            pub(super) fn turn(&mut self, now: Instant) -> Turned {
                let mut turned = Turned::default();
                while let Some(event) = self.proxy.poll_event() {
                    turned.moved = true;
                    match event {
                        ProxyEvent::Access(request) => self.proxy.verdict(now, request.handle, Verdict::Allow),
                        ProxyEvent::Opened(machine) => {
                            self.owners.extend(self.last.map(|conn| (conn, machine.id())));
                            self.machines.insert(machine.id(), *machine);
                        }
                        ProxyEvent::Attach { id, channel } => match self.machines.get_mut(&id) {
                            Some(machine) => {
                                self.owners.insert(channel.conn(), id);
                                let _ended = machine.attach(now, channel);
                            }
                            None => turned.refused = Some("a channel for a machine that has ended".to_owned()),
                        },
                        other => turned.refused = Some(format!("{other:?}")),
                    }
                }
                turned.out.extend(std::iter::from_fn(|| self.proxy.poll_transmit()).map(ProxyTransmit::Http));
                for machine in self.machines.values_mut() {
                    turned.out.extend(std::iter::from_fn(|| machine.poll_transmit(now)));
                    for event in std::iter::from_fn(|| machine.poll_event()) {
                        turned.moved = true;
                        match event {
                            ProxyChannelEvent::Undelivered(_) => turned.undelivered += 1,
                            ProxyChannelEvent::Unacknowledged { pdus, .. } => turned.unacknowledged += pdus as u64,
                            ProxyChannelEvent::Closed(error) => turned.closed = Some(error.to_string()),
                            _ => {}
                        }
                    }
                }
                self.machines.retain(|_, machine| !machine.is_closed());
                turned
            }

            pub(super) fn handle_timeout(&mut self, now: Instant) {
                self.proxy.handle_timeout(now);
                self.machines.values_mut().for_each(|machine| machine.handle_timeout(now));
            }

            pub(super) fn poll_timeout(&self) -> Option<Instant> {
                let machines = self.machines.values().filter_map($machine::poll_timeout);
                machines.chain(self.proxy.poll_timeout()).min()
            }

            /// The state of the machine that a connection belongs to.
            pub(super) fn state(&self, conn: ConnectionId) -> Option<&'static str> {
                let owner = self.owners.get(&conn).and_then(|id| self.machines.get(id));
                let machine = owner.or_else(|| self.machines.values().find(|machine| machine.leg() == conn));
                machine.map($machine::state)
            }

            /// What is left when all is over.
            pub(super) fn left(&self) -> Left {
                let held: usize = self.states().map(|(_, queued)| 1 + queued).sum();
                (self.proxy.connections(), self.proxy.half_open(), held, self.poll_timeout())
            }

            /// The state of each machine, and the bytes that it holds.
            pub(super) fn states(&self) -> impl Iterator<Item = (&'static str, usize)> {
                self.machines.values().map(|machine| (machine.state(), machine.queued()))
            }
        }
    )*};
}

drive!(InboundProxy with VirtualInChannel, OutboundProxy with VirtualOutChannel);

/// A role that hands out virtual connections, and the one that it has handed out.
#[derive(Debug)]
pub(super) struct Acceptor<R, V> {
    pub(super) role: R,
    pub(super) vc: Option<V>,
}

/// Where virtual connections end: the server apart, or collapsed with both proxies.
#[derive(Debug)]
pub(super) enum Far {
    Apart(Box<Acceptor<Server, server::VirtualConnection>>),
    Collapsed(Box<Acceptor<Endpoint, endpoint::VirtualConnection>>),
}

/// The same call of either virtual connection, if it is there.
macro_rules! of_vc {
    ($far:expr, $vc:ident => $call:expr) => {
        match $far {
            Far::Apart(far) => far.vc.as_ref().map(|$vc| $call),
            Far::Collapsed(far) => far.vc.as_ref().map(|$vc| $call),
        }
    };
    ($far:expr, mut $vc:ident => $call:expr) => {
        match $far {
            Far::Apart(far) => far.vc.as_mut().map(|$vc| $call),
            Far::Collapsed(far) => far.vc.as_mut().map(|$vc| $call),
        }
    };
}

impl Far {
    pub(super) fn apart(server: Server) -> Self {
        Self::Apart(Box::new(Acceptor { role: server, vc: None }))
    }

    pub(super) fn collapsed(endpoint: Endpoint) -> Self {
        Self::Collapsed(Box::new(Acceptor { role: endpoint, vc: None }))
    }

    pub(super) const fn node(&self) -> Node {
        match self {
            Self::Apart(_) => Node::Server,
            Self::Collapsed(_) => Node::Endpoint,
        }
    }

    /// Something has come on a leg, or on a channel.
    pub(super) fn handle(&mut self, now: Instant, conn: ConnectionId, item: Item) -> Result<(), String> {
        match (self, item) {
            (Self::Apart(far), Item::Leg(LegEvent::Opened)) => {
                far.role.accept(now, conn, IpAddr::from([192, 0, 2, 9])).map_err(|error| error.to_string())?;
            }
            (Self::Apart(far), Item::Leg(event)) => {
                let handled = far.role.handle(now, conn, event).map_err(|error| error.to_string())?;
                if let (Handled::BelongsTo(_, event), Some(vc)) = (handled, &mut far.vc) {
                    let _ended = vc.handle(now, conn, event);
                }
            }
            (Self::Collapsed(far), Item::Http(event)) => {
                let handled = far.role.handle(now, conn, &caller(), event).map_err(|error| error.to_string())?;
                if let (Handled::BelongsTo(_, event), Some(vc)) = (handled, &mut far.vc) {
                    let _ended = vc.handle(now, conn, event);
                }
            }
            (_, item) => return Err(format!("the server got {item:?}")),
        }
        Ok(())
    }

    pub(super) fn turn(&mut self, now: Instant) -> Turned {
        let mut turned = Turned::default();
        match self {
            Self::Apart(far) => {
                while let Some(event) = far.role.poll_event() {
                    turned.moved = true;
                    match event {
                        ServerEvent::Opened(vc) if far.vc.is_none() => far.vc = Some(*vc),
                        ServerEvent::Attach { leg, .. } => {
                            let _ended = far.vc.as_mut().map(|vc| vc.attach(now, leg));
                        }
                        other => turned.refused = Some(format!("{other:?}")),
                    }
                }
                turned.out.extend(std::iter::from_fn(|| far.role.poll_transmit()).map(ProxyTransmit::Leg));
                if let Some(vc) = &mut far.vc {
                    turned.out.extend(std::iter::from_fn(|| vc.poll_transmit(now)).map(ProxyTransmit::Leg));
                }
            }
            Self::Collapsed(far) => {
                while let Some(event) = far.role.poll_event() {
                    turned.moved = true;
                    match event {
                        EndpointEvent::Access(request) => far.role.verdict(now, request.handle, Verdict::Allow),
                        EndpointEvent::Opened(vc) if far.vc.is_none() => far.vc = Some(*vc),
                        EndpointEvent::Attach { channel, .. } => {
                            let _ended = far.vc.as_mut().map(|vc| vc.attach(now, channel));
                        }
                        other => turned.refused = Some(format!("{other:?}")),
                    }
                }
                turned.out.extend(std::iter::from_fn(|| far.role.poll_transmit()).map(ProxyTransmit::Http));
                if let Some(vc) = &mut far.vc {
                    turned.out.extend(std::iter::from_fn(|| vc.poll_transmit(now)).map(ProxyTransmit::Http));
                }
            }
        }
        turned.told = of_vc!(self, mut vc => std::iter::from_fn(|| vc.poll_event()).collect()).unwrap_or_default();
        turned
    }

    pub(super) fn send_pdu(&mut self, now: Instant, pdu: OutgoingPdu) -> Option<Result<(), Refused>> {
        of_vc!(self, mut vc => vc.send_pdu(now, pdu))
    }

    pub(super) fn consume(&mut self, now: Instant, len: usize) {
        let _ended = of_vc!(self, mut vc => vc.consume(now, len));
    }

    pub(super) fn close(&mut self, now: Instant) {
        let _ended = of_vc!(self, mut vc => vc.close(now));
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Apart(far) => far.role.handle_timeout(now),
            Self::Collapsed(far) => far.role.handle_timeout(now),
        }
        of_vc!(self, mut vc => vc.handle_timeout(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let of_role = match self {
            Self::Apart(far) => far.role.poll_timeout(),
            Self::Collapsed(far) => far.role.poll_timeout(),
        };
        of_role.into_iter().chain(of_vc!(self, vc => vc.poll_timeout()).flatten()).min()
    }

    /// The states of both virtual channels, once there is a virtual connection.
    pub(super) fn states(&self) -> Option<(&'static str, &'static str)> {
        of_vc!(self, vc => vc.states())
    }

    /// Bytes that wait to be sent.
    pub(super) fn queued(&self) -> usize {
        of_vc!(self, vc => vc.queued()).unwrap_or(0)
    }

    /// What is left when all is over.
    pub(super) fn left(&self) -> Left {
        let (connections, half_open) = match self {
            Self::Apart(far) => (far.role.connections(), far.role.half_open()),
            Self::Collapsed(far) => (far.role.connections(), far.role.half_open() + far.role.memory()),
        };
        let held = of_vc!(self, vc => usize::from(!vc.is_closed()) + vc.queued() + vc.connections().count());
        (connections, half_open, held.unwrap_or(0), self.poll_timeout())
    }
}
