//! The client's layers as the driver sees them: authentication over HTTP events, the virtual connection, the association on it.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

use oxwire::auth::client::ClientEvent;
use oxwire::auth::spnego::Initiator;
use oxwire::core::{ConnectionId, Error, FileTime};
use oxwire::http::{HttpEvent, HttpTransmit};
use oxwire::rpc::association::client::{self as association, Association};
use oxwire::rpc::association::{OutgoingPdu, SecurityId};
use oxwire::rpch::client::{self as connection, Client, Route};

use super::super::auth_side::AuthSide;
use crate::kerberos::work;
use crate::net::driver::{Call, Done, Stack, Way, Work};
use crate::net::socket::Opened;

/// A fact, from whichever layer.
#[derive(Debug)]
pub(super) enum Happening {
    /// Of authentication at the proxy.
    Auth(ClientEvent),
    /// Of the virtual connection.
    Connection(connection::Event),
    /// Of the association.
    Association(association::Event),
}

/// Authentication, virtual connection, association.
pub(crate) struct RpcStack {
    pub(super) auth: AuthSide,
    pub(super) client: Client,
    pub(super) association: Association<Initiator>,
    /// What the association sends and the send queue has no room for.
    unsent: Option<OutgoingPdu>,
    events: VecDeque<Happening>,
    /// Bytes of PDUs, out and in.
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl RpcStack {
    /// Of a layer that has its credentials, and two that have sent nothing.
    pub(super) const fn new(auth: AuthSide, client: Client, association: Association<Initiator>) -> Self {
        Self { auth, client, association, unsent: None, events: VecDeque::new(), sent: 0, received: 0 }
    }

    /// The next fact.
    pub(super) fn poll_event(&mut self) -> Option<Happening> {
        if let Some(event) = self.auth.poll_event() {
            return Some(Happening::Auth(event));
        }
        self.settle(Instant::now());
        self.events.pop_front()
    }

    /// Lets the two talk until neither has anything left to say.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(event) = self.client.poll_event() {
                self.on_connection(now, event);
            } else if let Some(event) = self.association.poll_event() {
                match event {
                    association::Event::SecurityPending { security } => self.run_outside(security),
                    event => self.events.push_back(Happening::Association(event)),
                }
            } else if !self.send(now) {
                return;
            }
        }
    }

    /// A step of Kerberos inside RPC, for another thread.
    fn run_outside(&mut self, security: SecurityId) {
        if let Some(call) = self.association.security_mut(security).and_then(Initiator::take_call) {
            self.auth.run(work(Call::Association(security), call, None));
        }
    }

    fn on_connection(&mut self, now: Instant, event: connection::Event) {
        match event {
            connection::Event::Pdu(pdu) => {
                let len = pdu.len();
                self.received = self.received.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
                let wall = FileTime::from_system(SystemTime::now());
                // What ends either is one of its events, too.
                let _ = self.association.handle_pdu(now, wall, pdu);
                let _ = self.client.consume(now, len);
            }
            event => {
                if let connection::Event::Closed { reason, .. } = &event {
                    self.association.handle_lost(now, &reason.to_string());
                }
                self.events.push_back(Happening::Connection(event));
            }
        }
    }

    /// Hands one PDU over; false where there is none, or no room.
    fn send(&mut self, now: Instant) -> bool {
        let pdu = match self.unsent.take() {
            Some(pdu) => pdu,
            None => match self.association.poll_transmit(now) {
                Ok(Some(pdu)) => pdu,
                Ok(None) => return false,
                // The association has ended, and says so as an event.
                Err(_) => return true,
            },
        };
        let len = u64::try_from(pdu.len()).unwrap_or(u64::MAX);
        match self.client.send_pdu(now, pdu) {
            Ok(()) => {
                self.sent = self.sent.saturating_add(len);
                true
            }
            Err(refused) => {
                self.unsent = Some(refused.pdu);
                false
            }
        }
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some((conn, event)) = self.auth.layer.poll_deliver() {
            let result = self.client.handle(now, conn, event);
            if first.is_ok() {
                first = result;
            }
        }
        self.settle(now);
        first
    }
}

impl Stack for RpcStack {
    fn on_open(&mut self, _now: Instant, conn: ConnectionId, opened: &Opened) {
        self.auth.on_open(conn, opened);
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.auth.layer.handle(now, conn, event)?;
        // What ends the virtual connection closes its connections by itself.
        let _ = self.deliver(now);
        Ok(())
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            if let Some(transmit) = self.auth.poll_transmit(now) {
                return Some(transmit);
            }
            // What the layer has for the machine may make the machine speak, and the other way round.
            let _ = self.deliver(now);
            let transmit = self.client.poll_transmit(now)?;
            if let Some(abort) = self.auth.pass(now, transmit) {
                return Some(abort);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.auth.layer.handle_timeout(now);
        let _ = self.deliver(now);
        // What was awaited in vain is an event.
        let _ = self.client.handle_timeout(now);
        self.association.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let machines = self.client.poll_timeout().into_iter().chain(self.association.poll_timeout());
        machines.chain(self.auth.layer.poll_timeout()).min()
    }

    fn way(&self, conn: ConnectionId) -> Way {
        match self.client.route(conn) {
            Route::Direct => Way::Direct,
            Route::HttpProxy => Way::ByProxy,
        }
    }

    fn take_work(&mut self) -> Option<Work> {
        self.auth.take_work()
    }

    fn on_work_done(&mut self, now: Instant, done: Done) {
        match done.call {
            Call::Association(security) => {
                let wall = FileTime::from_system(SystemTime::now());
                let initiator = self.association.security_mut(security);
                if initiator.is_some_and(|initiator| initiator.finish_call(done.reply).is_ok()) {
                    // What ends the association is one of its events, too.
                    let _ = self.association.resume_security(now, wall, security);
                }
                self.settle(now);
            }
            _ => self.auth.on_work_done(now, done),
        }
    }
}
