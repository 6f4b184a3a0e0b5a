//! The server: takes legs, pairs them by their cookie, and hands out what they belong to.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Misuse, PeerFault, Transmit};

use super::connection::Parts;
use super::legs::FirstLegPdu;
use super::{Leg, ServerConfig, VirtualConnection};
use crate::channel::{ChannelPdu, PdusIn};
use crate::fault::{broken_stream, wrong_value};
use crate::front::{
    Caller, ChannelRefused, Claim, FirstPduFault, Handled, LEGACY_SERVER_RESPONSE, Ledger, LegEvent, Registry,
    VirtualConnectionId, limit_fault, on_leg, setup_fault,
};
use crate::http::ChannelKind;
use crate::rts::RtsCookie;
use crate::v1::server::Connection as Version1;

/// What a [`Server`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// Both legs are here. From now on what happens to its connections goes to it, and no longer to the server.
    Opened(Box<VirtualConnection>),
    /// A successor leg of a virtual connection: give it to [`VirtualConnection::attach`]. If that has ended meanwhile, close the leg's
    /// connection.
    Attach {
        /// Whose it is.
        id: VirtualConnectionId,
        /// The leg.
        leg: Box<Leg>,
    },
    /// A connection of version 1, from a mixed proxy: what happens to it goes to it from now on.
    Version1(Box<Version1>),
    /// A leg was turned away, or a half-open one has ended; nothing is left to do.
    Refused(ChannelRefused),
}

#[derive(Debug)]
struct Opening {
    address: IpAddr,
    pdus: PdusIn,
}

#[derive(Debug)]
enum Held {
    /// Open_Start.
    Opening(Opening),
    /// A2W or B2W: the other leg is awaited.
    Waiting(RtsCookie),
}

/// Takes TCP connections from proxies and hands out virtual connections.
///
/// # How it goes
/// - The driver tells [`accept`](Self::accept) for each connection, and what comes on it by [`handle`](Self::handle). The legacy server
///   response goes out at once.
/// - CONN/A2 and CONN/B2 are paired by their virtual connection cookie, in any order; [`ServerEvent::Opened`] hands out a
///   [`VirtualConnection`] that is `Send` and driven by itself.
/// - IN_R1/A2 and OUT_R1/A4 find theirs by the cookie: [`ServerEvent::Attach`].
/// - A first PDU that is no RTS PDU makes it a connection of version 1: [`ServerEvent::Version1`].
///
/// Whoever can open a connection here can name any cookie: only proxies that authenticate their clients belong in front of it.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    ledger: Ledger,
    held: HashMap<ConnectionId, Held>,
    /// States A2W and B2W.
    waiting: HashMap<RtsCookie, Box<Leg>>,
    registry: Registry,
    deadlines: VecDeque<(Instant, ConnectionId)>,
    live: HashMap<ConnectionId, Instant>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<ServerEvent>,
}

impl Server {
    /// A server without connections.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            ledger: Ledger::default(),
            held: HashMap::new(),
            waiting: HashMap::new(),
            registry: Registry::new(),
            deadlines: VecDeque::new(),
            live: HashMap::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A proxy has connected: the legacy server response goes out. [MS-RPCH] 3.2.5.5.1
    ///
    /// # Errors
    /// [`Misuse`] for a name that is in use.
    pub fn accept(&mut self, now: Instant, conn: ConnectionId, address: IpAddr) -> Result<(), Error> {
        self.sweep();
        if self.held.contains_key(&conn) || self.registry.owner(conn).is_some() {
            let advice = "each connection gets a name of its own";
            return Err(Misuse { call: "accept", state: "Open_Start", advice }.into());
        }
        if let Err(limit) = self.ledger.claim(&self.config.limits, &Caller::anonymous(address), Claim::HalfOpen) {
            self.refused(conn, address, limit_fault("Open_Start", limit));
            return Ok(());
        }
        self.transmits.push_back(on_leg(conn, Bytes::from_static(LEGACY_SERVER_RESPONSE)));
        let pdus = PdusIn::new(self.config.max_pdu);
        self.held.insert(conn, Held::Opening(Opening { address, pdus }));
        if let Some(deadline) = now.checked_add(self.config.setup_timeout) {
            // What stopped waiting stays behind in the queue; it is swept once it is the greater part.
            if self.deadlines.len() > 64 && self.deadlines.len() / 2 > self.live.len() {
                let live = &self.live;
                self.deadlines.retain(|(deadline, conn)| live.get(conn) == Some(deadline));
            }
            let deadline = self.deadlines.back().map_or(deadline, |(last, _)| deadline.max(*last));
            self.deadlines.push_back((deadline, conn));
            self.live.insert(conn, deadline);
        }
        Ok(())
    }

    /// Takes what happened to a connection.
    ///
    /// # Errors
    /// None as yet: what proxies do wrong comes as [`ServerEvent::Refused`].
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: LegEvent) -> Result<Handled<LegEvent>, Error> {
        self.sweep();
        if let Some(id) = self.registry.owner(conn) {
            return Ok(Handled::BelongsTo(id, event));
        }
        match self.held.get_mut(&conn) {
            Some(Held::Opening(opening)) => match event {
                LegEvent::Bytes(bytes) => {
                    opening.pdus.push(bytes);
                    self.advance(now, conn);
                }
                LegEvent::Lost(_) => self.forget(conn),
                LegEvent::Opened => {}
            },
            Some(Held::Waiting(cookie)) => {
                let cookie = *cookie;
                match event {
                    LegEvent::Bytes(bytes) => {
                        let Some(leg) = self.waiting.get_mut(&cookie) else { return Ok(Handled::Taken) };
                        leg.pdus.push(bytes);
                        if leg.pdus.held() > crate::front::BEFORE_OPEN {
                            let (state, expected) =
                                (waiting_state(leg), "no more than 4096 bytes before CONN/B3 or CONN/C1");
                            self.end_waiting(cookie, wrong_value(state, expected, "more", "[MS-RPCH] 3.2.5.5"));
                        }
                    }
                    LegEvent::Lost(_) => {
                        let _gone = self.take_waiting(cookie);
                    }
                    LegEvent::Opened => {}
                }
            }
            None => {}
        }
        Ok(Handled::Taken)
    }

    /// Ends legs that have waited for too long. [MS-RPCH] 3.2.5.6.1
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sweep();
        while let Some((deadline, conn)) = self.deadlines.front().copied() {
            let live = self.live.get(&conn) == Some(&deadline);
            if live && deadline > now {
                return;
            }
            self.deadlines.pop_front();
            match self.held.get(&conn) {
                Some(Held::Opening(opening)) if live => {
                    let address = opening.address;
                    self.forget(conn);
                    self.refused(conn, address, setup_fault("Open_Start"));
                }
                Some(Held::Waiting(cookie)) if live => {
                    let cookie = *cookie;
                    let state = self.waiting.get(&cookie).map_or("Open_Start", |leg| waiting_state(leg));
                    self.end_waiting(cookie, setup_fault(state));
                }
                _ => {}
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.iter().find(|(deadline, conn)| self.live.get(conn) == Some(deadline)).map(|due| due.0)
    }

    /// What is to be done with the connections that are still the server's.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Virtual connections that are open.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.ledger.connections()
    }

    /// Legs that belong to no open virtual connection.
    #[must_use]
    pub const fn half_open(&self) -> usize {
        self.ledger.half_open()
    }

    fn sweep(&mut self) {
        self.registry.sweep(&mut self.ledger);
    }

    /// A connection in Open_Start is half open no more.
    fn forget(&mut self, conn: ConnectionId) {
        self.live.remove(&conn);
        if let Some(Held::Opening(opening)) = self.held.remove(&conn) {
            self.ledger.release(&Caller::anonymous(opening.address), Claim::HalfOpen);
        }
    }

    fn refused(&mut self, conn: ConnectionId, address: IpAddr, fault: PeerFault) {
        self.transmits.retain(|transmit| transmit.conn() != conn);
        self.transmits.push_back(Transmit::Abort { conn });
        let caller = Caller::anonymous(address);
        self.events.push_back(ServerEvent::Refused(ChannelRefused { conn, caller, fault }));
    }

    fn end_waiting(&mut self, cookie: RtsCookie, fault: PeerFault) {
        let Some(leg) = self.take_waiting(cookie) else { return };
        self.refused(leg.conn, leg.address, fault);
    }

    fn take_waiting(&mut self, cookie: RtsCookie) -> Option<Box<Leg>> {
        let leg = self.waiting.remove(&cookie)?;
        self.held.remove(&leg.conn);
        self.live.remove(&leg.conn);
        self.ledger.release(&Caller::anonymous(leg.address), Claim::HalfOpen);
        Some(leg)
    }

    /// Reads the first PDU of a leg.
    fn advance(&mut self, now: Instant, conn: ConnectionId) {
        let Some(Held::Opening(opening)) = self.held.get_mut(&conn) else { return };
        let fault = match opening.pdus.next_pdu() {
            Ok(None) => return,
            Ok(Some(ChannelPdu::Rts(pdu))) => match FirstLegPdu::decode(&pdu) {
                Ok(first) => {
                    let Some(Held::Opening(Opening { address, pdus })) = self.held.remove(&conn) else { return };
                    self.on_leg(now, Box::new(Leg { conn, address, first, pdus }));
                    return;
                }
                Err(fault) => {
                    let found = match fault {
                        FirstPduFault::Decode(error) => error.to_string().into(),
                        FirstPduFault::Other(name) => name,
                    };
                    wrong_value("Open_Start", "CONN/A2, CONN/B2, IN_R1/A2 or OUT_R1/A4", found, "[MS-RPCH] 3.2.5.5")
                }
            },
            // [MS-RPCH] 3: a first PDU that is an RPC PDU makes it version 1.
            Ok(Some(ChannelPdu::Rpc(pdu))) => {
                let Some(Held::Opening(Opening { address, pdus })) = self.held.remove(&conn) else { return };
                self.live.remove(&conn);
                self.ledger.release(&Caller::anonymous(address), Claim::HalfOpen);
                let connection = Version1::resume(conn, pdu, pdus, self.take_transmits(conn));
                self.events.push_back(ServerEvent::Version1(Box::new(connection)));
                return;
            }
            Err(error) => broken_stream("Open_Start", error),
        };
        let address = opening.address;
        self.forget(conn);
        self.refused(conn, address, fault);
    }

    fn on_leg(&mut self, now: Instant, leg: Box<Leg>) {
        let cookie = leg.virtual_connection_cookie();
        if let Some((id, _)) = self.registry.find(cookie) {
            // A second CONN/A2 or CONN/B2 goes the same way: the virtual connection ends itself for it.
            self.registry.attach(id, leg.kind(), leg.conn);
            self.release(&leg);
            self.events.push_back(ServerEvent::Attach { id, leg });
            return;
        }
        let Some(other) = self.waiting.get(&cookie) else {
            if leg.first.opens() {
                self.held.insert(leg.conn, Held::Waiting(cookie));
                self.waiting.insert(cookie, leg);
            } else {
                let found = format!("{} with an unknown cookie", leg.first.name());
                let expected = "the cookie of a virtual connection that is open";
                self.turn_away(&leg, wrong_value("Open_Start", expected, found, leg.first.spec()));
            }
            return;
        };
        let state = waiting_state(other);
        if !leg.first.opens() || other.kind() == leg.kind() {
            let expected = if state == "A2W" { "CONN/A2" } else { "CONN/B2" };
            let fault = wrong_value(state, expected, leg.first.name(), leg.first.spec());
            self.end_waiting(cookie, fault.clone());
            self.turn_away(&leg, fault);
            return;
        }
        let claim = Claim::Connection { memory: self.config.memory() };
        if let Err(limit) = self.ledger.claim(&self.config.limits, &Caller::anonymous(leg.address), claim) {
            let fault = limit_fault(state, limit);
            self.end_waiting(cookie, fault.clone());
            self.turn_away(&leg, fault);
            return;
        }
        let Some(other) = self.take_waiting(cookie) else { return };
        self.release(&leg);
        let caller = Caller::anonymous(leg.address);
        let (in_leg, out_leg) = if leg.kind() == ChannelKind::In { (leg, other) } else { (other, leg) };
        let conns = [(ChannelKind::In, in_leg.conn), (ChannelKind::Out, out_leg.conn)];
        let mut transmits = self.take_transmits(in_leg.conn);
        transmits.append(&mut self.take_transmits(out_leg.conn));
        let lease = self.registry.insert(cookie, caller, None, claim, &conns);
        let parts = Parts { config: self.config, in_leg, out_leg, transmits, lease };
        self.events.push_back(ServerEvent::Opened(Box::new(VirtualConnection::open(now, parts))));
        self.sweep();
    }

    fn release(&mut self, leg: &Leg) {
        self.live.remove(&leg.conn);
        self.ledger.release(&Caller::anonymous(leg.address), Claim::HalfOpen);
    }

    fn turn_away(&mut self, leg: &Leg, fault: PeerFault) {
        self.release(leg);
        self.refused(leg.conn, leg.address, fault);
    }

    /// What is still to go out on a connection that is being handed over.
    fn take_transmits(&mut self, conn: ConnectionId) -> VecDeque<Transmit> {
        if self.transmits.iter().all(|transmit| transmit.conn() != conn) {
            return VecDeque::new();
        }
        let (its, others) = self.transmits.drain(..).partition(|transmit| transmit.conn() == conn);
        self.transmits = others;
        its
    }
}

/// Which PDU a leg waits for, in the words of [MS-RPCH] 3.2.5.
const fn waiting_state(leg: &Leg) -> &'static str {
    match leg.kind() {
        ChannelKind::In => "A2W",
        ChannelKind::Out => "B2W",
    }
}
