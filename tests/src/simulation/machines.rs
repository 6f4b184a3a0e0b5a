//! All machines of one run.

use std::time::Instant;

use oxwire::core::ConnectionId;
use oxwire::rpch::client::Client;
use oxwire::rpch::inbound_proxy::{InboundProxy, VirtualInChannel};
use oxwire::rpch::outbound_proxy::{OutboundProxy, VirtualOutChannel};

use super::cuts::{Of, Role, State};
use super::network::Item;
use super::roles::{Far, Node, Proxy};
use super::violation::{Invariant, Violation};

pub(super) struct Machines {
    pub(super) client: Client,
    /// Two of each, where the server is apart.
    pub(super) ins: Vec<Proxy<InboundProxy, VirtualInChannel>>,
    pub(super) outs: Vec<Proxy<OutboundProxy, VirtualOutChannel>>,
    pub(super) far: Far,
}

impl Machines {
    /// Something has come on a connection.
    pub(super) fn handle(&mut self, now: Instant, to: Node, conn: ConnectionId, item: Item) -> Result<(), Violation> {
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
        result.map_err(|error| Invariant::Driver.broken(error))
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let proxies = self.ins.iter().filter_map(Proxy::<InboundProxy, _>::poll_timeout);
        let proxies = proxies.chain(self.outs.iter().filter_map(Proxy::<OutboundProxy, _>::poll_timeout));
        proxies.chain(self.client.poll_timeout()).chain(self.far.poll_timeout()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Violation> {
        let _ended = self.client.handle_timeout(now);
        self.ins.iter_mut().for_each(|proxy| proxy.handle_timeout(now));
        self.outs.iter_mut().for_each(|proxy| proxy.handle_timeout(now));
        self.far.handle_timeout(now);
        match self.poll_timeout().filter(|due| *due <= now) {
            Some(due) => {
                Err(Invariant::Timer.broken(format!("after handle_timeout a timer is due, {:?} late", now - due)))
            }
            None => Ok(()),
        }
    }

    /// The states of the role at an end of a connection. `begun`: the connection's first PDU has come there.
    pub(super) fn states(&self, node: Node, conn: ConnectionId, begun: bool, inward: bool) -> [Option<State>; 2] {
        let one = |role, name| [Some(State { role, of: Of::Both, name }), None];
        let both = |role, (ins, outs): (&'static str, &'static str)| {
            [Some(State { role, of: Of::In, name: ins }), Some(State { role, of: Of::Out, name: outs })]
        };
        match node {
            Node::Client => {
                let (ins, outs) = self.client.state_name();
                // While it opens, both virtual channels are in one state.
                let opening = ins == outs && ins != "opened";
                if opening { one(Role::Client, ins) } else { both(Role::Client, (ins, outs)) }
            }
            Node::In(n) => one(Role::InboundProxy, self.ins[n].state(conn).unwrap_or("Open_Start")),
            Node::Out(n) => one(Role::OutboundProxy, self.outs[n].state(conn).unwrap_or("Open_Start")),
            Node::Server | Node::Endpoint => {
                let role = if node == Node::Server { Role::Server } else { Role::Endpoint };
                match self.far.states() {
                    _ if !begun => one(role, "Open_Start"),
                    None => one(role, if inward { "A2W" } else { "B2W" }),
                    Some(states) => both(role, states),
                }
            }
        }
    }

    /// Both ends are over and nothing is on its way: nobody holds anything any more.
    pub(super) fn check_empty(&mut self, now: Instant) -> Result<(), Violation> {
        // Roles look for what has ended whenever they are called.
        self.handle_timeout(now)?;
        let client = (self.client.queued_bytes(), self.client.poll_timeout());
        if client != (0, None) {
            return Err(Invariant::Leak.broken(format!("the client has left {client:?}: bytes queued, next timer")));
        }
        let ins = self.ins.iter().map(Proxy::<InboundProxy, _>::left);
        let left: Vec<_> =
            ins.chain(self.outs.iter().map(Proxy::<OutboundProxy, _>::left)).chain([self.far.left()]).collect();
        if left.iter().any(|left| *left != (0, 0, 0, None)) {
            let what = "virtual connections, half open, machines and bytes, next timer";
            return Err(Invariant::Leak.broken(format!("roles have left {left:?}: {what}")));
        }
        Ok(())
    }
}
