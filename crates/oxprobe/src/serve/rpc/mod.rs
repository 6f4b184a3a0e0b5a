//! Outlook Anywhere: the endpoint behind `/rpc/rpcproxy.dll`, and the virtual connections that it hands out.

mod calls;
mod connection;
#[cfg(test)]
mod emsmdb_tests;
mod mgmt;
mod nspi;
#[cfg(test)]
mod nspi_requirements;
mod rfr;
mod sessions;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use oxwire::auth::spnego::MechanismReply;
use oxwire::core::{ConnectionId, Error, FileTime, Principal};
use oxwire::http::{HttpEvent, HttpTransmit};
use oxwire::mapirpc::async_emsmdb::ASYNC_EMSMDB;
use oxwire::mapirpc::emsmdb::EMSMDB;
use oxwire::mapirpc::mgmt::MGMT;
use oxwire::mapirpc::nspi::NSPI;
use oxwire::mapirpc::rfr::RFR;
use oxwire::rpc::association::{AssociationGroups, CallId, SecurityId};
use oxwire::rpc::pdu::SyntaxIdentifier;
use oxwire::rpch::endpoint::{
    Endpoint, EndpointConfig, EndpointEvent, Handled, VirtualConnectionConfig, VirtualConnectionId,
};
use oxwire::rpch::front::{AccessRequest, Caller, Verdict};
use oxwire::rpch::http::RpcError;
use oxwire::rpch::rts::RtsCookie;

use super::app::App;
use crate::kerberos::Helper;
use crate::mailbox::Delivered;
use crate::net::driver::Work;

use connection::Served;
use sessions::Sessions;

/// What all virtual connections share.
pub(crate) struct Shared {
    sessions: Sessions,
    address_book: nspi::Sessions,
    groups: AssociationGroups<RtsCookie>,
    statistics: mgmt::Statistics,
    /// Kerberos inside RPC.
    kerberos: Option<Helper>,
    work: VecDeque<Work>,
}

/// The RPC servers behind the proxy: the store, referral, and the address book. Exchange 2013 and later answer every interface on each.
const PORTS: [u16; 3] = [6001, 6002, 6004];

/// What they answer.
const INTERFACES: [SyntaxIdentifier; 5] = [EMSMDB, ASYNC_EMSMDB, NSPI, RFR, MGMT];

/// Association groups at a time.
const GROUP_LIMIT: usize = 4096;

/// RPC over HTTP of this server.
pub(crate) struct RpcSide {
    endpoint: Endpoint,
    served: HashMap<VirtualConnectionId, Served>,
    owners: HashMap<ConnectionId, VirtualConnectionId>,
    shared: Shared,
    transmits: VecDeque<HttpTransmit>,
    /// What is let through beside [`PORTS`].
    port: Option<u16>,
}

impl RpcSide {
    /// `channel_lifetime` is how many bytes an OUT channel carries; `None` is the library's default. `port` is let through, too.
    /// `kerberos` accepts tickets inside RPC.
    pub(crate) fn new(channel_lifetime: Option<u32>, port: Option<u16>, kerberos: Option<Helper>) -> Self {
        let mut connection = VirtualConnectionConfig::DEFAULT;
        if let Some(bytes) = channel_lifetime {
            connection = connection.with_channel_lifetime(bytes);
        }
        let config = EndpointConfig::DEFAULT.with_connection(connection);
        Self {
            endpoint: Endpoint::new(config),
            served: HashMap::new(),
            owners: HashMap::new(),
            shared: Shared {
                sessions: Sessions::default(),
                address_book: nspi::Sessions::default(),
                groups: AssociationGroups::new(1, GROUP_LIMIT),
                statistics: mgmt::Statistics::default(),
                kerberos,
                work: VecDeque::new(),
            },
            transmits: VecDeque::new(),
            port,
        }
    }

    /// Takes an event of a connection on which the proxy was asked for.
    ///
    /// # Errors
    /// The connection is of no further use.
    pub(crate) fn handle(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        peer: Option<IpAddr>,
        principal: Option<&Principal>,
        event: HttpEvent,
    ) -> Result<(), Error> {
        let address = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let caller = match principal {
            Some(principal) => Caller::new(address, principal.clone()),
            None => Caller::anonymous(address),
        };
        match self.endpoint.handle(now, conn, &caller, event)? {
            Handled::Taken => Ok(()),
            Handled::BelongsTo(id, event) => match self.served.get_mut(&id) {
                // What ends a virtual connection is one of its events, too.
                Some(served) => served.connection.handle(now, conn, event).or(Ok(())),
                None => Ok(()),
            },
        }
    }

    /// Lets endpoint, virtual connections and associations talk until nobody has anything left to say.
    pub(crate) fn settle(&mut self, now: Instant, wall: FileTime, app: &mut App) {
        while let Some(event) = self.endpoint.poll_event() {
            self.on_event(now, app, event);
        }
        let mut ended = Vec::new();
        loop {
            for (id, served) in &mut self.served {
                served.settle(now, wall, &mut self.shared, app);
                while let Some(transmit) = served.connection.poll_transmit(now) {
                    self.transmits.push_back(transmit);
                }
                if served.connection.is_closed() && !ended.contains(id) {
                    ended.push(*id);
                }
            }
            let waits = self.shared.sessions.take_ended();
            if waits.is_empty() {
                break;
            }
            self.end_waits(waits);
        }
        for id in ended {
            if let Some(mut served) = self.served.remove(&id) {
                served.end(now, &mut self.shared, app);
            }
            self.owners.retain(|_, owner| *owner != id);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.transmits.push_back(transmit);
        }
    }

    fn on_event(&mut self, now: Instant, app: &App, event: EndpointEvent) {
        match event {
            EndpointEvent::Access(AccessRequest { handle, conn, request, .. }) => {
                let known = PORTS.contains(&request.rpc.port) || self.port == Some(request.rpc.port);
                let verdict = if known { Verdict::Allow } else { Verdict::Deny(RpcError::SERVER_UNAVAILABLE) };
                let told = if known { "opened" } else { "refused: no such port" };
                app.note(conn, &format!("{} to {} {told}", request.kind, request.rpc));
                self.endpoint.verdict(now, handle, verdict);
            }
            EndpointEvent::Opened(connection) => {
                let id = connection.id();
                for conn in connection.connections() {
                    self.owners.insert(conn, id);
                    app.note(conn, &format!("virtual connection {} is open", id.number()));
                }
                self.served.insert(id, Served::new(*connection, now));
            }
            EndpointEvent::Attach { id, channel } => {
                let conn = channel.conn();
                match self.served.get_mut(&id) {
                    Some(served) => {
                        self.owners.insert(conn, id);
                        app.note(conn, &format!("virtual connection {}: a successor channel", id.number()));
                        // What ends a virtual connection is one of its events, too.
                        let _ = served.connection.attach(now, channel);
                    }
                    None => self.transmits.push_back(HttpTransmit::Close { conn }),
                }
            }
            EndpointEvent::Refused(refused) => app.note(refused.conn, &format!("refused: {}", refused.fault)),
            _ => {}
        }
    }

    /// What is to be done.
    pub(crate) fn poll_transmit(&mut self) -> Option<HttpTransmit> {
        self.transmits.pop_front()
    }

    /// A step of Kerberos, for another thread.
    pub(crate) fn take_work(&mut self) -> Option<Work> {
        self.shared.work.pop_front()
    }

    /// It has been run. The virtual connection may have ended meanwhile.
    pub(crate) fn on_work_done(
        &mut self,
        now: Instant,
        wall: FileTime,
        (id, security): (VirtualConnectionId, SecurityId),
        reply: MechanismReply,
    ) {
        if let Some(served) = self.served.get_mut(&id) {
            served.on_work_done(now, wall, security, reply);
        }
    }

    /// Whose session waits for an event that is not there: once for each wait.
    pub(crate) fn take_waiting(&mut self) -> Option<Principal> {
        self.shared.sessions.take_waiting()
    }

    /// Tells the sessions of a user of a delivery.
    pub(crate) fn on_delivered(&mut self, to: &Principal, delivered: Delivered) {
        let waits = self.shared.sessions.on_delivered(to, delivered);
        self.end_waits(waits);
    }

    /// Answers waits that are over because there is something to tell, or nobody left to tell it.
    fn end_waits(&mut self, waits: Vec<(VirtualConnectionId, CallId)>) {
        for (id, call) in waits {
            if let Some(served) = self.served.get_mut(&id) {
                served.end_wait(call);
            }
        }
    }

    /// The time that `poll_timeout` gave has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        for (call, id) in self.shared.sessions.take_overdue(now) {
            if let Some(served) = self.served.get_mut(&id) {
                served.end_wait_empty(call);
            }
        }
        for served in self.served.values_mut() {
            served.handle_timeout(now);
        }
    }

    /// When to call `handle_timeout`.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let served = self.served.values().filter_map(Served::poll_timeout);
        served.chain(self.endpoint.poll_timeout()).chain(self.shared.sessions.poll_timeout()).min()
    }
}
