//! The endpoint: pairs channels by their cookie, and hands out what they belong to.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use oxwire_core::{ConnectionId, Error, Misuse, PeerFault, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit};

use super::connection::Parts;
use super::{EndpointConfig, VirtualConnection, VirtualConnectionId};
use crate::front::{
    AccessHandle, AccessRequest, Arrival, Caller, Channel, ChannelRefused, Claim, FirstPdu, Front, Handled, Registry,
    SERVER_TOO_BUSY, Verdict, limit_fault, opens, setup_fault,
};
use crate::http::{ChannelKind, RpcError, out_channel_response};
use crate::rts::conn::ConnA3;
use crate::rts::{ConnectionTimeout, RtsCookie};

/// What an [`Endpoint`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndpointEvent {
    /// May this caller reach that host and port? Answer with [`Endpoint::verdict`]; the half-open timer goes on meanwhile.
    Access(AccessRequest),
    /// Both channels are here. From now on the events of its connections go to it, and no longer to the endpoint.
    Opened(Box<VirtualConnection>),
    /// A successor channel of a virtual connection: give it to [`VirtualConnection::attach`], and its connection's events after it. If
    /// the virtual connection has ended meanwhile, close the channel's connection.
    Attach {
        /// Whose it is.
        id: VirtualConnectionId,
        /// The channel.
        channel: Box<Channel>,
    },
    /// A channel was turned away, or a half-open one has ended; nothing is left to do.
    Refused(ChannelRefused),
}

/// One channel that waits for the other.
#[derive(Debug)]
struct HalfOpen {
    channel: Box<Channel>,
    /// OUT channels only: bytes of its response's body that went out.
    sent: usize,
}

impl HalfOpen {
    /// The state of the virtual connection, in the words of [MS-RPCH] 3.2.5: which PDU it waits for.
    fn state(&self) -> &'static str {
        match self.channel.kind() {
            ChannelKind::In => "A2W",
            ChannelKind::Out => "B2W",
        }
    }
}

/// Inbound proxy, outbound proxy and server in one: takes channel requests over HTTP and hands out virtual connections.
///
/// # How it goes
/// - [`handle`](Self::handle) takes the events of every connection on which `/rpc/rpcproxy.dll` (or `/rpcwithcert/…`) was asked
///   for, with who authentication says it is. Echo requests are answered here.
/// - For each channel request comes [`EndpointEvent::Access`]; the application answers [`verdict`](Self::verdict).
/// - IN and OUT channel are paired by their virtual connection cookie, in any order. They must name one RPC server and be one
///   principal's, else both are turned away.
/// - [`EndpointEvent::Opened`] hands out a [`VirtualConnection`] that is `Send` and driven by itself: its connections' events go to it, and
///   what it transmits comes out of it. The endpoint keeps its cookie, so that a successor channel finds it
///   ([`EndpointEvent::Attach`]), and learns by itself when it ends or is dropped.
/// - What breaks one virtual connection leaves every other one alone; a channel of another principal that names a cookie it does not own
///   is turned away by itself.
///
/// What is still to be sent on a connection goes with it into the virtual connection: of one connection, nothing has to be taken from the
/// endpoint after it was handed out.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    front: Front,
    /// States B2W and A2W of [MS-RPCH] 3.2.5: one channel is here.
    waiting: HashMap<RtsCookie, HalfOpen>,
    half_open: HashMap<ConnectionId, RtsCookie>,
    registry: Registry,
    events: VecDeque<EndpointEvent>,
}

impl Endpoint {
    /// An endpoint without connections.
    #[must_use]
    pub fn new(config: EndpointConfig) -> Self {
        Self {
            front: Front::new(config.limits, config.half_open_timeout, config.connection.max_pdu),
            config,
            waiting: HashMap::new(),
            half_open: HashMap::new(),
            registry: Registry::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes an event of a connection. `caller` is read with a head.
    ///
    /// # Errors
    /// [`Misuse`] for a head on a connection whose channel is still open. What clients do wrong comes as
    /// [`EndpointEvent::Refused`].
    pub fn handle(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        caller: &Caller,
        event: HttpEvent,
    ) -> Result<Handled, Error> {
        self.sweep();
        if let Some(id) = self.registry.owner(conn) {
            return Ok(Handled::BelongsTo(id, event));
        }
        let is_head = matches!(event, HttpEvent::Head(_));
        if is_head && (self.front.holds(conn) || self.half_open.contains_key(&conn)) {
            let advice = "a connection has one request at a time; its channel ends with the connection";
            return Err(Misuse { call: "handle", state: "half open", advice }.into());
        }
        if let Some(cookie) = self.half_open.get(&conn).copied() {
            self.on_half_open(cookie, event);
        } else {
            self.front.handle(now, conn, caller, event);
            self.settle(now);
        }
        Ok(Handled::Taken)
    }

    /// Takes the verdict on a channel request. Without effect once its connection is gone.
    pub fn verdict(&mut self, now: Instant, handle: AccessHandle, verdict: Verdict) {
        self.sweep();
        self.front.verdict(handle, verdict);
        self.settle(now);
    }

    /// Ends half-open channels whose time is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sweep();
        while let Some(conn) = self.front.next_due(now) {
            if let Some(cookie) = self.half_open.get(&conn).copied() {
                let state = self.waiting.get(&cookie).map_or("Open_Start", HalfOpen::state);
                self.end_half_open(cookie, setup_fault(state), RpcError::SERVER_UNAVAILABLE);
            }
        }
        self.settle(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.front.poll_timeout()
    }

    /// What is to be done with the connections that are still the endpoint's.
    pub fn poll_transmit(&mut self) -> Option<HttpTransmit> {
        self.front.poll_transmit()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<EndpointEvent> {
        self.events.pop_front()
    }

    /// Virtual connections that are open.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.front.ledger.connections()
    }

    /// Channel requests that belong to no open virtual connection.
    #[must_use]
    pub const fn half_open(&self) -> usize {
        self.front.ledger.half_open()
    }

    /// Bytes that are set aside for the virtual connections that are open.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.front.ledger.memory()
    }

    /// Forgets virtual connections that have ended.
    fn sweep(&mut self) {
        self.registry.sweep(&mut self.front.ledger);
    }

    /// Takes what the front has found.
    fn settle(&mut self, now: Instant) {
        while let Some(arrival) = self.front.poll_arrival() {
            match arrival {
                Arrival::Access(request) => self.events.push_back(EndpointEvent::Access(request)),
                Arrival::Refused(refused) => self.events.push_back(EndpointEvent::Refused(refused)),
                Arrival::Channel(channel) => self.on_channel(now, channel),
            }
        }
    }

    fn on_channel(&mut self, now: Instant, channel: Box<Channel>) {
        let cookie = channel.virtual_connection_cookie();
        let first = opens(&channel.first);
        if let Some((id, row)) = self.registry.find(cookie) {
            let fault = if row.caller.principal != channel.caller.principal {
                Some(fault(&channel, "opened", "one principal for all channels", "another principal", PRINCIPAL))
            } else if row.rpc.as_ref() != Some(&channel.request.rpc) {
                Some(fault(&channel, "opened", "one RPC server for all channels", "another", SERVER))
            } else {
                None
            };
            if let Some(fault) = fault {
                return self.refuse(*channel, fault);
            }
            // A second CONN/A1 or CONN/B1 goes the same way: the virtual connection ends itself for it.
            self.registry.attach(id, channel.kind(), channel.conn);
            self.front.release(channel.conn, &channel.caller);
            self.events.push_back(EndpointEvent::Attach { id, channel });
            return;
        }
        let Some(other) = self.waiting.get(&cookie) else {
            if first {
                return self.wait(cookie, channel);
            }
            let expected = "the cookie of a virtual connection that is open";
            let fault = fault(&channel, "Open_Start", expected, "an unknown cookie", UNKNOWN);
            return self.refuse(*channel, fault);
        };
        let state = other.state();
        let twice = match (other.channel.kind(), channel.kind()) {
            (ChannelKind::Out, ChannelKind::Out) => Some(("CONN/B1 on the IN channel", "a second CONN/A1")),
            (ChannelKind::In, ChannelKind::In) => Some(("CONN/A1 on the OUT channel", "a second CONN/B1")),
            _ => None,
        };
        if other.channel.caller.principal != channel.caller.principal {
            let fault = fault(&channel, state, "one principal for both channels", "another principal", PRINCIPAL);
            self.refuse(*channel, fault);
        } else if !first {
            let fault = fault(&channel, state, "a virtual connection that is open", "one that is half open", UNKNOWN);
            self.refuse(*channel, fault);
        } else if let Some((expected, found)) = twice {
            let fault = fault(&channel, state, expected, found, TWICE);
            self.end_half_open(cookie, fault.clone(), RpcError::PROTOCOL_ERROR);
            self.refuse(*channel, fault);
        } else if other.channel.request.rpc != channel.request.rpc {
            let fault = fault(&channel, state, "one RPC server for both channels", "another", SERVER);
            self.end_half_open(cookie, fault.clone(), RpcError::PROTOCOL_ERROR);
            self.refuse(*channel, fault);
        } else {
            self.pair(now, cookie, channel);
        }
    }

    /// The first channel of a virtual connection. The OUT channel is answered at once: response and CONN/A3.
    fn wait(&mut self, cookie: RtsCookie, channel: Box<Channel>) {
        let conn = channel.conn;
        let sent = if channel.kind() == ChannelKind::Out { self.answer_out(&channel) } else { 0 };
        if channel.kind() == ChannelKind::In && channel.ended {
            self.refuse(*channel, in_ended_fault("A2W"));
            return;
        }
        self.half_open.insert(conn, cookie);
        self.waiting.insert(cookie, HalfOpen { channel, sent });
    }

    /// [MS-RPCH] 3.2.4.5.3: the OUT channel response, then CONN/A3. Gives the length of the body so far.
    fn answer_out(&mut self, channel: &Channel) -> usize {
        let conn = channel.conn;
        let timeout = super::connection::out_timeout(&self.config.connection, channel);
        let a3 = ConnA3 { connection_timeout: ConnectionTimeout(super::connection::millis(timeout)) };
        let head = out_channel_response(self.config.connection.channel_lifetime);
        let (Ok(head), Ok(a3)) = (head, encode_to_bytes(&a3)) else { return 0 };
        let sent = a3.len();
        self.front.transmit(HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) });
        self.front.transmit(HttpTransmit::Event { conn, event: HttpEvent::Body(a3) });
        sent
    }

    /// Both channels are here: CONN/C2, and the virtual connection is open.
    fn pair(&mut self, now: Instant, cookie: RtsCookie, channel: Box<Channel>) {
        let claim = Claim::Connection { memory: self.config.connection.memory() };
        let state = self.waiting.get(&cookie).map_or("Open_Start", HalfOpen::state);
        if let Err(limit) = self.front.ledger.claim(&self.config.limits, &channel.caller, claim) {
            let fault = limit_fault(state, limit);
            self.end_half_open(cookie, fault.clone(), SERVER_TOO_BUSY);
            self.front.release(channel.conn, &channel.caller);
            self.front.turn_away(channel.conn, channel.caller.clone(), fault, SERVER_TOO_BUSY);
            return;
        }
        let Some(other) = self.take_half_open(cookie) else { return };
        let (in_channel, out_channel, sent) = match channel.kind() {
            ChannelKind::In => (channel, other.channel, other.sent),
            ChannelKind::Out => {
                let sent = self.answer_out(&channel);
                (other.channel, channel, sent)
            }
        };
        let conns = [(ChannelKind::In, in_channel.conn), (ChannelKind::Out, out_channel.conn)];
        let mut transmits = VecDeque::new();
        for channel in [&in_channel, &out_channel] {
            self.front.release(channel.conn, &channel.caller);
            transmits.append(&mut self.front.take_transmits(channel.conn));
        }
        let (caller, rpc) = (in_channel.caller.clone(), in_channel.request.rpc.clone());
        let lease = self.registry.insert(cookie, caller, Some(rpc), claim, &conns);
        let parts = Parts { config: self.config.connection, in_channel, out_channel, sent, transmits, lease };
        self.events.push_back(EndpointEvent::Opened(Box::new(VirtualConnection::open(now, parts))));
        self.sweep();
    }

    /// An event of a half-open channel's connection.
    fn on_half_open(&mut self, cookie: RtsCookie, event: HttpEvent) {
        let Some(half) = self.waiting.get_mut(&cookie) else { return };
        let fault = match event {
            HttpEvent::Body(bytes) => half.channel.push(bytes).err(),
            HttpEvent::End => {
                half.channel.ended = true;
                (half.channel.kind() == ChannelKind::In).then(|| in_ended_fault("A2W"))
            }
            HttpEvent::Reset(_) => {
                if let Some(half) = self.take_half_open(cookie) {
                    self.front.release(half.channel.conn, &half.channel.caller);
                }
                return;
            }
            _ => None,
        };
        if let Some(fault) = fault {
            self.end_half_open(cookie, fault, RpcError::PROTOCOL_ERROR);
            while let Some(Arrival::Refused(refused)) = self.front.poll_arrival() {
                self.events.push_back(EndpointEvent::Refused(refused));
            }
        }
    }

    fn take_half_open(&mut self, cookie: RtsCookie) -> Option<HalfOpen> {
        let half = self.waiting.remove(&cookie)?;
        self.half_open.remove(&half.channel.conn);
        Some(half)
    }

    fn end_half_open(&mut self, cookie: RtsCookie, fault: PeerFault, code: u32) {
        let Some(half) = self.take_half_open(cookie) else { return };
        let Channel { conn, caller, .. } = *half.channel;
        self.front.release(conn, &caller);
        if half.sent > 0 {
            self.front.cut_off(conn, caller, fault);
        } else {
            self.front.turn_away(conn, caller, fault, code);
        }
    }

    /// Turns away a channel whose response has not begun.
    fn refuse(&mut self, channel: Channel, fault: PeerFault) {
        self.front.release(channel.conn, &channel.caller);
        self.front.turn_away(channel.conn, channel.caller, fault, RpcError::PROTOCOL_ERROR);
    }
}

const UNKNOWN: &str = "the virtual connection has ended, or the client recycles before it is open";
const PRINCIPAL: &str = "a virtual connection belongs to the user who opened it";
const TWICE: &str = "the client has used a virtual connection cookie twice";
const SERVER: &str = "both URLs have to name the same RPC server";

fn fault(
    channel: &Channel,
    state: &'static str,
    expected: &'static str,
    found: &str,
    advice: &'static str,
) -> PeerFault {
    let spec = match channel.first {
        FirstPdu::ConnA1(_) => "[MS-RPCH] 3.2.4.5.3",
        FirstPdu::ConnB1(_) => "[MS-RPCH] 3.2.3.5.3",
        FirstPdu::InA1(_) => "[MS-RPCH] 3.2.3.5.5",
        FirstPdu::OutA3(_) => "[MS-RPCH] 3.2.4.5.6",
    };
    PeerFault {
        state,
        expected: expected.into(),
        found: format!("{} with {found}", channel.first.name()).into(),
        spec,
        advice,
    }
}

fn in_ended_fault(state: &'static str) -> PeerFault {
    PeerFault {
        state,
        expected: "the IN channel request to stay open".into(),
        found: "its end".into(),
        spec: "[MS-RPCH] 3.2.3.5.10",
        advice: "the client has closed the IN channel",
    }
}
