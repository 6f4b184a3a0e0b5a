//! A virtual connection as the server holds it: a leg from an inbound proxy and a leg to an outbound proxy.

use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, Encode, Error, PeerFault, Transmit, encode_to_bytes};
use oxwire_rpc::association::OutgoingPdu;

use super::legs::{FirstLegPdu, InLeg, LeavingLeg, OutLeg};
use super::states::{InOpened, InState, OutOpened, OutState};
use super::{Event, Leg, ServerConfig};
use crate::channel::SendQueue;
use crate::fault::{Refused, RefusedReason, timed_out, wrong_value};
use crate::front::{Lease, LegEvent, Life, VirtualConnectionId, on_leg};
use crate::orphans::Orphans;
use crate::ping::earliest;
use crate::rts::conn::{ConnB3, ConnC1};
use crate::rts::in_r1::InR1A3;
use crate::rts::other::FlowControlAckPdu;
use crate::rts::out_r1::OutR1A5;
use crate::rts::out_r2::OutR2A1;
use crate::rts::{ClientAddress, ReceiveWindowSize, RtsCookie, Version};
use crate::unacknowledged::{Unacknowledged, in_doubt};

/// What a virtual connection is made of.
pub(super) struct Parts {
    pub(super) config: ServerConfig,
    pub(super) in_leg: Box<Leg>,
    pub(super) out_leg: Box<Leg>,
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) lease: Lease,
}

/// A virtual connection over legs from proxies: a stream of RPC PDUs each way.
///
/// It is `Send`, owns its legs and is driven by itself: what happens to its connections goes into [`handle`](Self::handle), successor legs
/// into [`attach`](Self::attach), and what is to be done comes out of [`poll_transmit`](Self::poll_transmit).
///
/// PDUs that were taken by [`send_pdu`](Self::send_pdu) go out once and in order, whatever proxy they go to; when it ends, what never went
/// out comes back as [`Event::Undelivered`], and [`Event::Closed`] says how much went out and was not acknowledged.
pub struct VirtualConnection {
    pub(super) life: Life,
    pub(super) config: ServerConfig,
    cookie: RtsCookie,
    association_group: RtsCookie,
    client: ClientAddress,
    pub(super) ins: InState,
    pub(super) outs: OutState,
    /// The predecessor of OUT_R1, after OUT_R1/A9: its proxy needs the client's acknowledgements to empty its queue, and closes the leg.
    pub(super) leaving: Option<LeavingLeg>,
    /// What the client may not have of that predecessor.
    pub(super) former: Option<Unacknowledged>,
    /// A successor whose IN_R1/A2 has overtaken IN_R1/B1 on another connection, or that waits until nothing is orphaned.
    pub(super) waiting: Option<Box<Leg>>,
    /// Acknowledgements for the client that the rest of the OUT channel lifetime is too short for, the latest of each channel.
    pub(super) acks_wait: Vec<(RtsCookie, Bytes)>,
    queue: SendQueue,
    pub(super) orphans: Orphans,
    pub(super) events: VecDeque<Event>,
    pub(super) transmits: VecDeque<Transmit>,
    /// Ping traffic that the proxy told of in the window of note 17: since when, and how much.
    pub(super) ping_traffic: (Instant, u32),
}

impl VirtualConnection {
    /// Both legs are here. [MS-RPCH] 3.2.5.5.3.2, 3.2.5.5.4.2
    pub(super) fn open(now: Instant, parts: Parts) -> Self {
        let Parts { config, in_leg, out_leg, transmits, lease } = parts;
        let cookie = in_leg.virtual_connection_cookie();
        let (FirstLegPdu::ConnB2(b2), FirstLegPdu::ConnA2(a2)) = (in_leg.first, out_leg.first) else {
            // The server pairs CONN/B2 with CONN/A2 only.
            return Self::of(now, config, cookie, lease, transmits);
        };
        let mut this = Self::of(now, config, cookie, lease, transmits);
        this.association_group = b2.association_group_id.0;
        this.client = b2.client_address;
        let receiver = config.receiver();
        let leg = InLeg { conn: in_leg.conn, pdus: in_leg.pdus, cookie: b2.in_channel_cookie.0, receiver };
        this.ins = InState::Opened(InOpened { leg });
        let (window, lifetime) = (a2.receive_window_size.0, a2.channel_lifetime.0);
        let leg = OutLeg::new(out_leg.conn, out_leg.pdus, a2.out_channel_cookie.0, window, lifetime);
        this.outs = OutState::Opened(OutOpened { leg });
        let sent = this.send_to_out(&ConnC1 {
            version: Version(1),
            receive_window_size: b2.receive_window_size,
            connection_timeout: b2.connection_timeout,
        });
        this.send_to_in(&ConnB3 { receive_window_size: ReceiveWindowSize(config.receive_window), version: Version(1) });
        let read = sent.map_err(Error::from).and_then(|()| this.read_in()).and_then(|()| this.read_out());
        let _told = this.fail_on(read);
        this
    }

    fn of(now: Instant, config: ServerConfig, cookie: RtsCookie, lease: Lease, transmits: VecDeque<Transmit>) -> Self {
        Self {
            life: Life::new(now, lease),
            config,
            cookie,
            association_group: RtsCookie::default(),
            client: ClientAddress(std::net::Ipv4Addr::UNSPECIFIED.into()),
            ins: InState::Finished,
            outs: OutState::Finished,
            leaving: None,
            former: None,
            waiting: None,
            acks_wait: Vec::new(),
            queue: SendQueue::new(config.send_queue),
            orphans: Orphans::default(),
            events: VecDeque::new(),
            transmits,
            ping_traffic: (now, 0),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> VirtualConnectionId {
        self.life.id()
    }

    /// Its cookie, which the client chose.
    #[must_use]
    pub const fn cookie(&self) -> RtsCookie {
        self.cookie
    }

    /// The client's association group.
    #[must_use]
    pub const fn association_group(&self) -> RtsCookie {
        self.association_group
    }

    /// The client's address, as the inbound proxy has seen it.
    #[must_use]
    pub const fn client_address(&self) -> ClientAddress {
        self.client
    }

    /// The connections that its legs are on.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        let ins = [self.ins.reading(), self.ins.successor()].into_iter().flatten().map(|leg| leg.conn);
        let outs = [self.outs.default(), self.outs.successor()].into_iter().flatten().map(|leg| leg.conn);
        let leaving = self.leaving.as_ref().map(|leg| leg.conn);
        ins.chain(outs).chain(leaving).chain(self.waiting.as_ref().map(|leg| leg.conn))
    }

    /// The states of the virtual IN channel and of the virtual OUT channel, in the words of [MS-RPCH] 3.2.5.
    #[must_use]
    pub const fn states(&self) -> (&'static str, &'static str) {
        (self.ins.name(), self.outs.name())
    }

    /// Bytes of RPC PDUs that wait to be sent.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.life.is_over()
    }

    /// Takes what happened to one of its connections. Of a predecessor nothing is wanted.
    ///
    /// # Errors
    /// [`Error::Peer`] for what ends the virtual connection, with the PDU, the state and the section; [`Error::Closed`] after its end.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: LegEvent) -> Result<(), Error> {
        self.life.check()?;
        self.life.tick(now);
        let result = self.dispatch(conn, event);
        self.fail_on(result)
    }

    /// Takes a successor leg from the server. After the end the leg's connection is closed.
    ///
    /// # Errors
    /// Those of [`handle`](Self::handle): a successor that nobody has reason to open ends the virtual connection.
    pub fn attach(&mut self, now: Instant, leg: Box<Leg>) -> Result<(), Error> {
        let conn = leg.conn;
        let result = self.life.check().and_then(|()| {
            let now = self.life.tick(now);
            let result = self.on_successor(now, *leg);
            self.fail_on(result.map_err(Error::from))
        });
        if result.is_err() && !self.transmits.contains(&Transmit::Abort { conn }) {
            self.transmits.push_back(Transmit::Abort { conn });
        }
        result
    }

    /// Hands an RPC PDU over, whole: in one piece, or with its head apart, as an association gives it. Its body is not copied.
    ///
    /// # Errors
    /// [`Refused`], with the PDU: the queue is full ([`Event::Writable`] says when there is room), it could never be sent, it is no
    /// whole RPC PDU, or the virtual connection has ended.
    pub fn send_pdu(&mut self, now: Instant, pdu: impl Into<OutgoingPdu>) -> Result<(), Refused> {
        self.life.tick(now);
        let pdu = pdu.into();
        let never = |out: &OutLeg| out.sent.never_takes(pdu.len(), out.room(), out.limit);
        match self.outs.default().map_or(Some(RefusedReason::Closed), never) {
            Some(reason) => Err(Refused { pdu, reason }),
            None => self.queue.accept(pdu),
        }
    }

    /// Gives the receive window of consumed RPC PDUs back: each PDU once, by its length, in the order of [`Event::Pdu`].
    ///
    /// # Errors
    /// [`Error::Misuse`] for more than has been received; [`Error::Closed`] after the end.
    pub fn consume(&mut self, now: Instant, len: usize) -> Result<(), Error> {
        self.life.check()?;
        self.life.tick(now);
        // What the application has not consumed of a predecessor is consumed first, and acknowledged to nobody.
        let Some(leg) = self.ins.reading_mut() else { return Ok(()) };
        let due = leg.receiver.consume(self.orphans.rest(len))?;
        let free = self.orphans.consume(len);
        if due {
            let flow_control_ack = leg.receiver.ack(leg.cookie);
            self.send_to_in(&FlowControlAckPdu { flow_control_ack });
        }
        if free && matches!(self.ins, InState::Opened(_)) {
            let result = self.on_waiting().map_err(Error::from);
            self.fail_on(result)?;
        }
        Ok(())
    }

    /// Closes its legs. What was not handed out comes back as [`Event::Undelivered`].
    ///
    /// # Errors
    /// [`Error::Closed`] when it has ended before.
    pub fn close(&mut self, now: Instant) -> Result<(), Error> {
        self.life.check()?;
        self.life.tick(now);
        self.end(Closed { reason: "closed by the application".into() }.into(), false);
        Ok(())
    }

    /// Ends what takes too long. [MS-RPCH] 3.2.5.6.1
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.life.is_over() {
            return;
        }
        let now = self.life.tick(now);
        let over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let (state, expected) = if over(self.ins.deadline()) {
            let expected = match self.ins {
                InState::A6W(_) => "IN_R1/A6 on the predecessor IN channel",
                _ => "IN_R1/B1 on the predecessor IN channel",
            };
            (self.ins.name(), expected)
        } else if over(self.outs.deadline()) {
            let expected = match self.outs {
                OutState::OpenedA4W(_) => "OUT_R1/A4 or OUT_R2/A4",
                OutState::OpenedA8W(_) => "OUT_R1/A8",
                _ => "OUT_R2/A8",
            };
            (self.outs.name(), expected)
        } else {
            return;
        };
        self.end(timed_out(state, expected, "[MS-RPCH] 3.2.5.6.1").into(), true);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        earliest([self.ins.deadline(), self.outs.deadline()])
    }

    /// What is to be done with its connections. Take from it no more than the connection can hold: what is not taken waits in the queue.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        let len = self.queue.front_len()?;
        let now = self.life.tick(now);
        let out = self.outs.default_mut()?;
        if !out.sent.sender().can_ever_send(len) {
            let found = format!("{} bytes, and a PDU of {len} waits", out.sent.sender().peer_receive_window());
            let expected = "OUT_R1/A4 with a ReceiveWindowSize that takes what the predecessor took";
            self.end(wrong_value("opened", expected, found, "[MS-RPCH] 2.2.4.26").into(), true);
            return self.transmits.pop_front();
        }
        if !out.lifetime.has_room_for_rpc(len) {
            self.start_out_recycling(now);
            return self.transmits.pop_front();
        }
        if !out.send(len) {
            return None;
        }
        let conn = out.conn;
        let near = out.lifetime.approaches_its_end(self.config.recycle_threshold);
        let pdu = self.queue.pop()?;
        if self.queue.take_writable() {
            self.events.push_back(Event::Writable);
        }
        if near {
            self.start_out_recycling(now);
        }
        Some(on_leg(conn, pdu))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// [MS-RPCH] 3.2.5.5.15. Without effect while the OUT channel is being recycled.
    fn recycle_out(&mut self, now: Instant) -> Result<(), PeerFault> {
        if !matches!(self.outs, OutState::Opened(_)) {
            return Ok(());
        }
        let deadline = now.checked_add(self.config.setup_timeout);
        if let OutState::Opened(state) = mem::replace(&mut self.outs, OutState::Finished) {
            self.outs = OutState::OpenedA4W(state.start_recycling(deadline));
        }
        self.send_to_out(&OutR2A1 {})
    }

    pub(super) fn start_out_recycling(&mut self, now: Instant) {
        let started = self.recycle_out(now);
        let _told = self.fail_on(started.map_err(Error::from));
    }

    /// Another proxy has connected for this virtual connection.
    pub(super) fn on_successor(&mut self, now: Instant, leg: Leg) -> Result<(), PeerFault> {
        let deadline = now.checked_add(self.config.setup_timeout);
        if let FirstLegPdu::InR1A2(pdu) = leg.first {
            if self.waiting.is_some() {
                let expected = "no second successor IN channel";
                return Err(wrong_value(self.ins.name(), expected, "IN_R1/A2", "[MS-RPCH] 3.2.5.5.5"));
            }
            // IN_R1/B1 is on its way: the client has gone through another channel's lifetime already. Or PDUs of a channel before the
            // predecessor are not consumed: every leg brings a whole window, and no more than two are held.
            let checked = self.ins.check_in_r1_a2(pdu.predecessor_channel_cookie.0);
            let overtaken = self.ins.awaits_b1_for(pdu.predecessor_channel_cookie.0);
            if overtaken || (checked.is_ok() && !self.orphans.are_none()) {
                self.waiting = Some(Box::new(leg));
                return Ok(());
            }
        }
        let Leg { conn, pdus, first, .. } = leg;
        match first {
            FirstLegPdu::InR1A2(pdu) => {
                self.ins.check_in_r1_a2(pdu.predecessor_channel_cookie.0)?;
                let receiver = self.config.receiver();
                let successor = InLeg { conn, pdus, cookie: pdu.successor_channel_cookie.0, receiver };
                if let InState::Opened(state) = mem::replace(&mut self.ins, InState::Finished) {
                    self.ins = InState::A6W(Box::new(state.on_in_r1_a2(successor, deadline)));
                }
                self.send_to_out(&InR1A3 {
                    version: Version(1),
                    inbound_proxy_receive_window_size: pdu.inbound_proxy_receive_window_size,
                    inbound_proxy_connection_timeout: pdu.inbound_proxy_connection_timeout,
                })
            }
            FirstLegPdu::OutR1A4(pdu) => {
                self.outs.check_out_r1_a4(pdu.predecessor_channel_cookie.0)?;
                // The client has come over to the predecessor, or it could not ask for its successor.
                self.former = None;
                let (window, lifetime) = (pdu.outbound_proxy_receive_window_size.0, pdu.channel_lifetime.0);
                let successor = OutLeg::new(conn, pdus, pdu.successor_channel_cookie.0, window, lifetime);
                if let OutState::OpenedA4W(state) = mem::replace(&mut self.outs, OutState::Finished) {
                    self.outs = OutState::OpenedA8W(Box::new(state.on_out_r1_a4(successor, deadline)));
                }
                self.send_to_out(&OutR1A5 {
                    version: Version(1),
                    outbound_proxy_connection_timeout: pdu.outbound_proxy_connection_timeout,
                })
            }
            FirstLegPdu::ConnA2(_) | FirstLegPdu::ConnB2(_) => {
                Err(wrong_value("opened", "no second CONN/A2 or CONN/B2", first.name(), first.spec()))
            }
        }
    }

    /// Sends an RTS PDU to the inbound proxy.
    pub(super) fn send_to_in<T: Encode>(&mut self, pdu: &T) {
        if let (Ok(bytes), Some(leg)) = (encode_to_bytes(pdu), self.ins.reading()) {
            self.transmits.push_back(on_leg(leg.conn, bytes));
        }
    }

    /// Sends an RTS PDU to the default outbound proxy.
    pub(super) fn send_to_out<T: Encode>(&mut self, pdu: &T) -> Result<(), PeerFault> {
        encode_to_bytes(pdu).map_or(Ok(()), |bytes| self.put_out(bytes))
    }

    /// Puts an RTS PDU that is for the client on the default outbound leg.
    pub(super) fn put_out(&mut self, bytes: Bytes) -> Result<(), PeerFault> {
        let (now, state) = (self.life.now(), self.outs.name());
        let Some(leg) = self.outs.default_mut() else { return Ok(()) };
        let transmit = put(leg, bytes, state)?;
        let near = leg.lifetime.approaches_its_end(self.config.recycle_threshold);
        self.transmits.push_back(transmit);
        if near { self.recycle_out(now) } else { Ok(()) }
    }

    pub(super) fn fail_on(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        result.inspect_err(|error| self.end(error.clone(), true))
    }

    /// [MS-RPCH] 3.2.5.5.13
    fn end(&mut self, error: Error, abort: bool) {
        if self.life.is_over() {
            return;
        }
        let (in_doubt_pdus, in_doubt_bytes) = in_doubt(self.former.as_ref(), self.outs.default().map(|out| &out.sent));
        let conns: Vec<_> = self.connections().collect();
        self.transmits.extend(
            conns.into_iter().map(|conn| if abort { Transmit::Abort { conn } } else { Transmit::Close { conn } }),
        );
        self.events.extend(self.queue.drain().map(Event::Undelivered));
        self.life.end(&error.to_string());
        self.events.push_back(Event::Closed { error, in_doubt_pdus, in_doubt_bytes });
        self.ins = InState::Finished;
        self.outs = OutState::Finished;
        self.leaving = None;
        self.waiting = None;
    }
}

/// Counts an RTS PDU against the lifetime of its channel: the proxy passes it on.
pub(super) fn put(leg: &mut OutLeg, bytes: Bytes, state: &'static str) -> Result<Transmit, PeerFault> {
    if !leg.lifetime.has_room_for_rts(bytes.len()) {
        let found = "no room for an RTS PDU on an expired OUT channel";
        let expected = "a successor OUT channel before the end of the channel lifetime";
        return Err(wrong_value(state, expected, found, "[MS-RPCH] 2.1.2.1.8"));
    }
    leg.lifetime.on_sent(bytes.len());
    Ok(on_leg(leg.conn, bytes))
}

impl std::fmt::Debug for VirtualConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualConnection")
            .field("life", &self.life)
            .field("client", &self.client)
            .field("states", &self.states())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
