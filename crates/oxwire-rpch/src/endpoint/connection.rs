//! A virtual connection: its verbs, its timers, what it sends and what ends it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use oxwire_core::{Closed, ConnectionId, Error, PeerFault, Principal};
use oxwire_http::{HttpEvent, HttpTransmit};
use oxwire_rpc::association::OutgoingPdu;

use super::in_channel::{self, InChannel, VirtualInChannel};
use super::out_channel::{self, Former, OutChannel, VirtualOutChannel};
use super::send::LAST_WORDS;
use super::{Event, VirtualConnectionConfig, VirtualConnectionId};
use crate::channel::{Heads, Lifetime, SendQueue};
use crate::fault::{Refused, RefusedReason, timed_out, wrong_value};
use crate::front::{Caller, Channel, FirstPdu, Lease, Life};
use crate::http::RpcTarget;
use crate::orphans::Orphans;
use crate::ping::{PingOriginator, earliest};
use crate::rts::conn::ConnC2;
use crate::rts::other::Ping;
use crate::rts::{ConnectionTimeout, ReceiveWindowSize, RtsCookie, Version};
use crate::unacknowledged::in_doubt;

/// What a virtual connection is made of.
pub(super) struct Parts {
    pub(super) config: VirtualConnectionConfig,
    pub(super) in_channel: Box<Channel>,
    pub(super) out_channel: Box<Channel>,
    /// Bytes of the OUT channel response's body so far.
    pub(super) sent: usize,
    pub(super) transmits: VecDeque<HttpTransmit>,
    pub(super) lease: Lease,
}

/// A virtual connection as its server holds it: a stream of RPC PDUs each way, over HTTP channels that come and go.
///
/// It is `Send`, owns its channels and is driven by itself: the events of its connections go into [`handle`](Self::handle), successor
/// channels into [`attach`](Self::attach), and what is to be done comes out of [`poll_transmit`](Self::poll_transmit). Dropping it
/// gives its place in the endpoint back; close its connections then.
///
/// # Nothing is lost
/// PDUs that were taken by [`send_pdu`](Self::send_pdu) go out once and in order, whatever channel they wait on; PDUs of the client are
/// told once and in order, also while an IN channel is recycled. When the virtual connection ends, what never went out comes back as
/// [`Event::Undelivered`], and [`Event::Closed`] says how much went out and was not acknowledged.
///
/// # Recycling
/// IN channels are recycled when the client begins it. OUT channels are recycled when [`VirtualConnectionConfig::recycle_threshold`]
/// bytes are left, or when the next PDU has no room; a client that cannot follow keeps what is left of its channel.
/// Both go by IN_R2 and OUT_R2 ([MS-RPCH] 3.2.1.5.3.3, 3.2.1.5.3.5): the proxy is always the same one.
pub struct VirtualConnection {
    pub(super) life: Life,
    pub(super) config: VirtualConnectionConfig,
    cookie: RtsCookie,
    association_group: RtsCookie,
    rpc: RpcTarget,
    caller: Caller,
    pub(super) ins: VirtualInChannel,
    pub(super) outs: VirtualOutChannel,
    /// What the client may not have of the predecessor OUT channel.
    pub(super) former: Option<Former>,
    /// A successor IN channel whose IN_R2/A1 has overtaken IN_R2/A5 on another connection, or that waits until nothing is orphaned.
    pub(super) waiting: Option<Box<Channel>>,
    /// An acknowledgement is due that the rest of the OUT channel lifetime is too short for: it goes out on the successor.
    pub(super) ack_waits: bool,
    queue: SendQueue,
    heads: Heads,
    /// Bytes received on IN channels that are gone, and not yet consumed.
    pub(super) orphans: Orphans,
    pub(super) events: VecDeque<Event>,
    pub(super) transmits: VecDeque<HttpTransmit>,
    pub(super) ping: PingOriginator,
    /// When the client was last heard.
    heard: Instant,
    keep_alive: Duration,
}

/// How a virtual connection's channels are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Farewell {
    Close,
    Abort,
}

impl VirtualConnection {
    /// Both channels are here: CONN/C2 goes out, and the state is opened. [MS-RPCH] 3.2.5.5.3.2
    pub(super) fn open(now: Instant, parts: Parts) -> Self {
        let Parts { config, in_channel, out_channel, sent, transmits, lease } = parts;
        let (in_cookie, keep_alive, group) = match in_channel.first {
            FirstPdu::ConnB1(pdu) => {
                (pdu.in_channel_cookie.0, pdu.client_keepalive.interval_ms(), pdu.association_group_id.0)
            }
            // The endpoint pairs CONN/B1 with CONN/A1 only.
            _ => (RtsCookie::default(), 300_000, RtsCookie::default()),
        };
        let (out_cookie, window) = match out_channel.first {
            FirstPdu::ConnA1(pdu) => (pdu.out_channel_cookie.0, pdu.receive_window_size.0),
            _ => (RtsCookie::default(), 0),
        };
        let mut ping = PingOriginator::new(now, out_timeout(&config, &out_channel));
        let keep_alive = Duration::from_millis(u64::from(keep_alive));
        ping.set_keep_alive(Some(keep_alive));
        let cookie = in_channel.virtual_connection_cookie();
        let (rpc, caller) = (in_channel.request.rpc.clone(), in_channel.caller.clone());
        let mut out =
            OutChannel::new(out_channel.conn, out_cookie, window, config.channel_lifetime, out_channel.pdus, None);
        out.lifetime.on_sent(sent);
        let channel = InChannel::new(*in_channel, in_cookie, config.receiver());
        let in_conn = channel.conn;
        let mut this = Self {
            life: Life::new(now, lease),
            cookie,
            association_group: group,
            rpc,
            caller,
            ins: VirtualInChannel::Opened(in_channel::Opened { channel }),
            outs: VirtualOutChannel::Opened(out_channel::Opened { channel: out }),
            former: None,
            waiting: None,
            ack_waits: false,
            queue: SendQueue::new(config.send_queue),
            heads: Heads::default(),
            orphans: Orphans::default(),
            events: VecDeque::new(),
            transmits,
            ping,
            heard: now,
            keep_alive,
            config,
        };
        let c2 = ConnC2 {
            version: Version(1),
            receive_window_size: ReceiveWindowSize(config.receive_window),
            connection_timeout: ConnectionTimeout(millis(config.connection_timeout)),
        };
        let opened = this.send_rts(&c2);
        this.answer_in(in_conn, true);
        let opened = opened.map_err(Ending::from).and_then(|()| this.read_in());
        let opened = opened.and_then(|()| this.read_out().map_err(Ending::from));
        let _told = this.fail_on(opened);
        this
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

    /// The RPC server that the client has asked for.
    #[must_use]
    pub const fn rpc(&self) -> &RpcTarget {
        &self.rpc
    }

    /// Who the client is.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whose virtual connection it is, where requests are authenticated.
    #[must_use]
    pub const fn principal(&self) -> Option<&Principal> {
        self.caller.principal.as_ref()
    }

    /// The connections that its channels are on: the IN channel, the OUT channel, and while one of them is recycled its successor.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        let ins = [self.ins.reading(), self.ins.successor()].into_iter().flatten().map(|channel| channel.conn);
        let outs = [self.outs.default(), self.outs.successor()].into_iter().flatten().map(|channel| channel.conn);
        ins.chain(outs).chain(self.waiting.as_ref().map(|channel| channel.conn))
    }

    /// The keep-alive interval that the client has asked for.
    #[must_use]
    pub const fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    /// The states of the virtual IN channel and of the virtual OUT channel, in the words of [MS-RPCH] 3.2.3, 3.2.4 and 3.2.5.
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

    /// Takes an event of one of its connections. Of a connection that is no longer one of its own (a predecessor) nothing is wanted.
    ///
    /// # Errors
    /// [`Error::Peer`] for what ends the virtual connection, with the PDU, the state and the section; [`Error::Closed`] after its end.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.life.check()?;
        let now = self.life.tick(now);
        let result = self.dispatch(now, conn, event);
        self.fail_on(result)
    }

    /// Takes a successor channel from the endpoint. After the end the channel's connection is closed.
    ///
    /// # Errors
    /// Those of [`handle`](Self::handle): a successor that nobody has reason to open ends the virtual connection.
    pub fn attach(&mut self, now: Instant, channel: Box<Channel>) -> Result<(), Error> {
        let conn = channel.conn;
        let result = self.life.check().and_then(|()| {
            let now = self.life.tick(now);
            self.heard = now;
            let result = self.on_successor(now, *channel);
            self.fail_on(result)
        });
        let aborted =
            |transmit: &HttpTransmit| matches!(transmit, HttpTransmit::Abort { conn: other } if *other == conn);
        if result.is_err() && !self.transmits.iter().any(aborted) {
            self.transmits.push_back(HttpTransmit::Abort { conn });
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
        let (pdu, lifetime) = (pdu.into(), self.config.channel_lifetime);
        let room = lifetime.saturating_sub(Lifetime::RESERVE);
        let never = |out: &OutChannel| out.sent.never_takes(pdu.len(), room, lifetime);
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
        let Some(channel) = self.ins.reading_mut() else { return Ok(()) };
        let due = channel.receiver.consume(self.orphans.rest(len))?;
        let free = self.orphans.consume(len);
        if due {
            let result = self.acknowledge();
            self.fail_on(result)?;
        }
        if free && matches!(self.ins, VirtualInChannel::Opened(_)) {
            let result = self.on_waiting();
            self.fail_on(result)?;
        }
        Ok(())
    }

    /// Closes its channels. What was not handed out comes back as [`Event::Undelivered`].
    ///
    /// # Errors
    /// [`Error::Closed`] when it has ended before.
    pub fn close(&mut self, now: Instant) -> Result<(), Error> {
        self.life.check()?;
        self.life.tick(now);
        self.end(Closed { reason: "closed by the application".into() }.into(), Farewell::Close);
        Ok(())
    }

    /// Pings, and ends what takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.life.is_over() {
            return;
        }
        let now = self.life.tick(now);
        let over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let fault = if over(self.ins.deadline()) {
            Some(timed_out("Opened_A5W", "IN_R2/A5 on the predecessor IN channel", "[MS-RPCH] 3.2.3.5.8"))
        } else if over(self.outs.deadline()) {
            let expected = match self.outs {
                VirtualOutChannel::OpenedA4W(_) => "OUT_R2/A3 on a successor OUT channel",
                VirtualOutChannel::R2C1W(_) => "OUT_R2/C1 on the successor OUT channel",
                _ => "OUT_R2/A7 on the IN channel",
            };
            Some(timed_out(self.outs.name(), expected, "[MS-RPCH] 3.2.5.2.1"))
        } else if over(self.idle_at()) {
            Some(timed_out(self.ins.name(), "a PDU or a ping from the client", "[MS-RPCH] 3.2.2.6.1"))
        } else {
            None
        };
        if let Some(fault) = fault {
            self.fail(fault.into());
        } else if self.ping.is_due(now) {
            let silent = |out: &OutChannel| out.plugged.is_some() || out.lifetime.left() < LAST_WORDS;
            let silent = self.outs.default().is_none_or(silent);
            let sent = if silent { Ok(()) } else { self.send_rts(&Ping {}) };
            self.ping.on_sent(now);
            let _told = self.fail_on(sent);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.life.is_over() {
            return None;
        }
        earliest([self.ping.poll_timeout(), self.ins.deadline(), self.outs.deadline(), self.idle_at()])
    }

    fn idle_at(&self) -> Option<Instant> {
        self.config.idle_timeout.and_then(|patience| self.heard.checked_add(patience))
    }

    /// What is to be done with its connections. Take from it no more than the connection can hold: what is not taken waits in the queue,
    /// whose limit then holds the application back.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        let len = self.queue.front_len()?;
        let out = self.outs.default_mut()?;
        if out.plugged.is_some() {
            return None;
        }
        if !out.sent.sender().can_ever_send(len) {
            let fault = wrong_value(
                "opened",
                "OUT_R2/A3 with a ReceiveWindowSize that takes what the predecessor took",
                format!("{} bytes, and a PDU of {len} waits", out.sent.sender().peer_receive_window()),
                "[MS-RPCH] 2.2.4.36",
            );
            self.fail(fault.into());
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
        let (first, rest) = self.heads.pieces(self.queue.pop()?);
        self.transmits.extend(rest.map(|rest| HttpTransmit::Event { conn, event: HttpEvent::Body(rest) }));
        let now = self.life.tick(now);
        self.ping.on_sent(now);
        if self.queue.take_writable() {
            self.events.push_back(Event::Writable);
        }
        if near {
            self.start_out_recycling(now);
        }
        Some(HttpTransmit::Event { conn, event: HttpEvent::Body(first) })
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn dispatch(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Ending> {
        let is = |channel: Option<&InChannel>| channel.is_some_and(|channel| channel.conn == conn);
        if is(self.ins.reading()) {
            match event {
                HttpEvent::Body(bytes) => {
                    self.heard = now;
                    if let Some(channel) = self.ins.reading_mut() {
                        channel.pdus.push(bytes);
                    }
                    self.read_in()?;
                }
                HttpEvent::End => {
                    if let Some(channel) = self.ins.reading_mut() {
                        channel.ended = true;
                    }
                    self.read_in()?;
                }
                HttpEvent::Reset(reset) => return Err(Ending::Gone("IN channel", reset.reason)),
                _ => {}
            }
        } else if is(self.ins.successor()) {
            match event {
                HttpEvent::Body(bytes) => {
                    self.heard = now;
                    self.hold_successor(bytes)?;
                }
                HttpEvent::End => {
                    if let Some(channel) = self.ins.successor_mut() {
                        channel.ended = true;
                    }
                }
                HttpEvent::Reset(reset) => return Err(Ending::Gone("successor IN channel", reset.reason)),
                _ => {}
            }
        } else if let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.conn == conn) {
            match event {
                HttpEvent::Body(bytes) => waiting.push(bytes)?,
                HttpEvent::End => waiting.ended = true,
                HttpEvent::Reset(reset) => return Err(Ending::Gone("successor IN channel", reset.reason)),
                _ => {}
            }
        } else if let Some(channel) = self.out_of(conn) {
            match event {
                HttpEvent::Body(bytes) => {
                    channel.pdus.push(bytes);
                    self.read_out()?;
                }
                HttpEvent::Reset(reset) => return Err(Ending::Gone("OUT channel", reset.reason)),
                // The request of an OUT channel is whole with its first PDUs.
                _ => {}
            }
        }
        Ok(())
    }

    fn out_of(&mut self, conn: ConnectionId) -> Option<&mut OutChannel> {
        if self.outs.default().is_some_and(|channel| channel.conn == conn) {
            return self.outs.default_mut();
        }
        self.outs.successor_mut().filter(|channel| channel.conn == conn)
    }

    pub(super) fn set_keep_alive(&mut self, interval_ms: u32) {
        self.keep_alive = Duration::from_millis(u64::from(interval_ms));
        self.ping.set_keep_alive(Some(self.keep_alive));
    }

    pub(super) fn fail_on<E: Into<Ending>>(&mut self, result: Result<(), E>) -> Result<(), Error> {
        result.map_err(|ending| {
            let error = ending.into().into_error();
            self.fail(error.clone());
            error
        })
    }

    fn fail(&mut self, error: Error) {
        self.end(error, Farewell::Abort);
    }

    fn end(&mut self, error: Error, farewell: Farewell) {
        if self.life.is_over() {
            return;
        }
        let (in_doubt_pdus, in_doubt_bytes) =
            in_doubt(self.former.as_ref().map(|former| &former.sent), self.outs.default().map(|out| &out.sent));
        let conns: Vec<_> = self.connections().collect();
        self.transmits.extend(conns.into_iter().map(|conn| match farewell {
            Farewell::Close => HttpTransmit::Close { conn },
            Farewell::Abort => HttpTransmit::Abort { conn },
        }));
        self.events.extend(self.queue.drain().map(Event::Undelivered));
        self.life.end(&error.to_string());
        self.events.push_back(Event::Closed { error, in_doubt_pdus, in_doubt_bytes });
        self.ins = VirtualInChannel::Finished;
        self.outs = VirtualOutChannel::Finished;
        self.waiting = None;
    }
}

/// What ends a virtual connection.
pub(super) enum Ending {
    Fault(PeerFault),
    /// A connection is gone, or the client has closed it: which, and why.
    Gone(&'static str, std::sync::Arc<str>),
}

impl From<PeerFault> for Ending {
    fn from(fault: PeerFault) -> Self {
        Self::Fault(fault)
    }
}

impl Ending {
    fn into_error(self) -> Error {
        match self {
            Self::Fault(fault) => fault.into(),
            Self::Gone(channel, reason) => Error::Transport(format!("the {channel} is gone: {reason}").into()),
        }
    }
}

/// ConnectionTimeout of an OUT channel: what its request asks for ([MS-RPCH] 3.2.4.5.1), or the setting.
pub(super) fn out_timeout(config: &VirtualConnectionConfig, channel: &Channel) -> Duration {
    let asked = channel.request.pragmas.min_conn_timeout.map(|seconds| Duration::from_secs(u64::from(seconds)));
    asked.unwrap_or(config.connection_timeout)
}

/// Milliseconds of a ConnectionTimeout command, within its range.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).clamp(120_000, 14_400_000)
}

impl std::fmt::Debug for VirtualConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualConnection")
            .field("life", &self.life)
            .field("rpc", &self.rpc)
            .field("caller", &self.caller)
            .field("states", &self.states())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
