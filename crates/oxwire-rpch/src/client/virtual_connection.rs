//! The opened virtual connection: sending, consuming, pinging, and the two virtual channels' recycling.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Misuse, PeerFault};
use oxwire_http::{HeadError, HttpEvent, HttpTransmit};
use oxwire_rpc::association::OutgoingPdu;

use super::channels::{InChannel, OutChannel};
use super::channels::{InState, Names, OutState, PROTOCOL_VERSION, Predecessor, Successor, VirtualIn, VirtualOut};
use super::event::{Event, Recycling};
use super::io::{Io, after, rts};
use crate::channel::{Heads, SendQueue};
use crate::fault::{self, Refused, RefusedReason};
use crate::flow_control::{AckThreshold, Sender};
use crate::ping::earliest;
use crate::rts::in_r1::InR1A4;
use crate::rts::other::{FlowControlAckWithDestination, KeepAlive, Ping};
use crate::rts::out_r1::{OutR1A7, OutR1A11};
use crate::rts::out_r2::{EmptyOrPadding, OutR2A7, OutR2C1};
use crate::rts::{Ance, ClientKeepalive, Cookie, Destination, Empty, FlowControlAck, ForwardDestination};

/// Predecessor IN channels that are kept for their proxies to close; older ones are closed from here.
const MAX_PREDECESSORS: usize = 4;

/// A virtual connection with its channels. [MS-RPCH] 3.2.1.1.3
#[derive(Debug)]
pub(super) struct VirtualConnection {
    pub(super) names: Names,
    pub(super) inward: VirtualIn,
    pub(super) outward: VirtualOut,
    pub(super) queue: SendQueue,
    /// RPC PDUs that went out.
    pub(super) sent: u64,
    heads: Heads,
    /// Since when the first PDU of the queue waits without progress.
    stalled_since: Option<Instant>,
    /// When something came in on the default OUT channel.
    pub(super) last_received: Instant,
}

/// Why a step cannot be taken.
pub(super) enum Stop {
    Peer(PeerFault),
    /// A configured text that no head can carry.
    Head,
}

impl From<PeerFault> for Stop {
    fn from(fault: PeerFault) -> Self {
        Self::Peer(fault)
    }
}

impl From<HeadError> for Stop {
    fn from(_: HeadError) -> Self {
        Self::Head
    }
}

impl VirtualConnection {
    pub(super) fn new(io: &Io, now: Instant, names: Names, inward: VirtualIn, outward: VirtualOut) -> Self {
        let queue = SendQueue::new(io.config.queue_bytes);
        Self {
            names,
            inward,
            outward,
            queue,
            sent: 0,
            heads: Heads::default(),
            stalled_since: None,
            last_received: now,
        }
    }

    /// Every connection that is in use.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let mut all = vec![self.inward.default.conn, self.outward.default.conn];
        if let InState::OpenedA4W(s) = &self.inward.state {
            all.push(s.channel.conn);
        }
        all.extend(self.outward.state.successor().map(|s| s.channel.conn));
        all.extend(self.inward.predecessors.iter().map(|predecessor| predecessor.conn));
        all
    }

    // Sending.

    pub(super) fn send_pdu(&mut self, now: Instant, pdu: OutgoingPdu) -> Result<(), Refused> {
        let sender = &self.inward.default.sender;
        if !sender.can_ever_send(pdu.len()) {
            return Err(Refused {
                pdu,
                reason: RefusedReason::LargerThanWindow { window: sender.peer_receive_window() },
            });
        }
        self.queue.accept(pdu)?;
        self.stalled_since = self.stalled_since.or(Some(now));
        Ok(())
    }

    /// The next RPC PDU that may go out. [MS-RPCH] 3.2.1.4.1.3
    pub(super) fn next_rpc(&mut self, io: &mut Io, now: Instant) -> Result<Option<HttpTransmit>, Stop> {
        let Some(len) = self.queue.front_len() else { return Ok(None) };
        if !self.inward.default.has_room_for_rpc(len, self.acks_to_come(io)) {
            // Expired for this PDU ([MS-RPCH] 2.1.2.1.7): it waits for the successor.
            self.start_in_recycling(io, now)?;
            return Ok(None);
        }
        if !self.inward.default.on_rpc_sent(len) {
            return Ok(None);
        }
        let Some(pdu) = self.queue.pop() else { return Ok(None) };
        let conn = self.inward.default.conn;
        let (first, rest) = self.heads.pieces(pdu);
        io.transmits.extend(rest.map(|rest| HttpTransmit::Event { conn, event: HttpEvent::Body(rest) }));
        self.sent = self.sent.saturating_add(1);
        self.inward.ping.on_sent(now);
        self.stalled_since = (!self.queue.is_empty()).then_some(now);
        if self.queue.take_writable() {
            io.events.push_back(Event::Writable);
        }
        if self.inward.default.approaches_its_end(io.config.recycle_threshold) {
            self.start_in_recycling(io, now)?;
        }
        Ok(Some(HttpTransmit::Event { conn, event: HttpEvent::Body(first) }))
    }

    /// Sends OUT_R1/A7 or OUT_R2/A7 on the default IN channel, or keeps it for the successor.
    ///
    /// With it the server changes over to the successor OUT channel, which is plugged until the predecessor is read to its end; and what the
    /// outbound proxy still holds for the predecessor waits for acknowledgements. From then on an IN_R1/A4 waits behind them, so they must
    /// not wait for it: OUT_R1/A7 goes out on an IN channel that has room for them all, and is not itself being recycled.
    fn send_a7(&mut self, io: &mut Io, now: Instant, pdu: Bytes) -> Result<(), Stop> {
        let acks = OutChannel::acks_to_the_end(&io.config);
        let has_room = self.inward.default.has_room_for_rpc(pdu.len(), acks);
        if has_room && matches!(self.inward.state, InState::Opened) && self.write_rts(io, now, &pdu) {
            return self.after_rts(io, now);
        }
        self.inward.a7 = Some(pdu);
        self.start_in_recycling(io, now)
    }

    /// Bytes of the IN channel that are kept for acknowledgements of the predecessor OUT channel.
    fn acks_to_come(&self, io: &Io) -> usize {
        if self.outward.state.ends_predecessor() { OutChannel::acks_to_the_end(&io.config) } else { 0 }
    }

    fn write_rts(&mut self, io: &mut Io, now: Instant, pdu: &Bytes) -> bool {
        let channel = &mut self.inward.default;
        if !channel.has_room_for_rts(pdu.len()) {
            return false;
        }
        channel.write_rts(io, pdu.clone());
        self.inward.ping.on_sent(now);
        true
    }

    /// RTS PDUs use lifetime too: a client that only listens recycles by its acknowledgements and pings.
    fn after_rts(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        if self.inward.default.approaches_its_end(io.config.recycle_threshold) {
            self.start_in_recycling(io, now)?;
        }
        Ok(())
    }

    /// What waited for room.
    fn flush(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        if matches!(self.inward.state, InState::Opened)
            && let Some(a7) = self.inward.a7.take()
        {
            self.send_a7(io, now, a7)?;
        }
        if let Some(client_keepalive) = self.inward.keep_alive
            && self.write_rts(io, now, &rts(&KeepAlive { client_keepalive }))
        {
            self.inward.keep_alive = None;
        }
        if self.outward.ack_due {
            self.send_ack(io, now);
        }
        self.after_rts(io, now)
    }

    /// A Keep-Alive RTS PDU, [MS-RPCH] 3.2.2.4.4.
    pub(super) fn send_keep_alive(&mut self, io: &mut Io, now: Instant, interval: ClientKeepalive) -> Result<(), Stop> {
        self.inward.keep_alive = Some(interval);
        self.flush(io, now)
    }

    // Receiving.

    /// Releases `len` bytes of RPC PDUs, oldest first. [MS-RPCH] 3.2.1.4.1.1
    pub(super) fn consume(&mut self, io: &mut Io, now: Instant, len: usize) -> Result<Result<(), Stop>, Misuse> {
        let stale = self.outward.stale.min(len);
        let due = self.outward.default.receiver.consume(len.saturating_sub(stale))?;
        self.outward.stale = self.outward.stale.saturating_sub(stale);
        if due {
            self.outward.ack_due = true;
            self.send_ack(io, now);
        }
        Ok(self.after_consume(io, now))
    }

    fn after_consume(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        if matches!(self.outward.state, OutState::Opened { asked: true }) && self.outward.stale == 0 {
            self.start_out_recycling(io, now)?;
        }
        self.after_rts(io, now)
    }

    /// FlowControlAckWithDestination for the default OUT channel, by way of the inbound proxy. [MS-RPCH] 2.2.4.51
    fn send_ack(&mut self, io: &mut Io, now: Instant) {
        let channel = &mut self.outward.default;
        let mut after = channel.receiver;
        let pdu = FlowControlAckWithDestination {
            destination: Destination(ForwardDestination::OUT_PROXY),
            flow_control_ack: after.ack(channel.cookie),
        };
        // What could not be sent was not advertised.
        if self.write_rts(io, now, &rts(&pdu)) {
            self.outward.default.receiver = after;
            self.outward.ack_due = false;
        }
    }

    /// An acknowledgement of an IN channel. [MS-RPCH] 3.2.1.5.1.2
    pub(super) fn on_ack(&mut self, now: Instant, ack: &FlowControlAck) -> Result<(), Stop> {
        let state = self.inward.state.name();
        let sender = if ack.channel_cookie == self.inward.default.cookie {
            &mut self.inward.default.sender
        } else if let InState::OpenedA4W(s) = &mut self.inward.state
            && ack.channel_cookie == s.channel.cookie
        {
            &mut s.channel.sender
        } else {
            // "MUST discard the PDU": late, for a predecessor.
            return Ok(());
        };
        let before = sender.available_window();
        sender.on_ack(ack).map_err(|fault| fault.to_peer_fault(state))?;
        if sender.available_window() > before && self.stalled_since.is_some() {
            self.stalled_since = Some(now);
        }
        Ok(())
    }

    pub(super) fn on_rpc(&mut self, io: &mut Io, pdu: Bytes) -> Result<(), Stop> {
        let state = self.outward.state.name();
        self.outward.default.receiver.on_received(pdu.len()).map_err(|fault| fault.to_peer_fault(state))?;
        io.events.push_back(Event::Pdu(pdu));
        Ok(())
    }

    // IN channel recycling.

    /// A predecessor is closed: where its successor has run out meanwhile, it goes on. An RPC PDU that waits sees to that by itself.
    pub(super) fn resume_in_recycling(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        if self.inward.a7.is_some() { self.start_in_recycling(io, now) } else { self.after_rts(io, now) }
    }

    /// [MS-RPCH] 3.2.2.5.12. Nothing where it is under way already, or has to wait for a predecessor's proxy.
    pub(super) fn start_in_recycling(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        if self.inward.may_recycle() {
            let cookie = io.cookie();
            let channel = InChannel::open_successor(io, self.names, &self.inward.default, cookie)?;
            let deadline = after(now, io.config.recycling_timeout);
            self.inward.state = InState::OpenedA4W(Successor { channel, deadline, reopens: 0 });
        }
        Ok(())
    }

    /// IN_R1/A4, or IN_R2/A4, which has neither window nor timeout. [MS-RPCH] 3.2.2.5.5
    pub(super) fn on_in_a4(&mut self, io: &mut Io, now: Instant, a4: Option<InR1A4>, pdu: &[u8]) -> Result<(), Stop> {
        let InState::OpenedA4W(successor) = &mut self.inward.state else {
            let expected = "no IN_R1/A4 or IN_R2/A4 RTS PDU unless a successor was asked for";
            return Err(fault::unexpected_pdu("opened", expected, pdu, "[MS-RPCH] 3.2.2.5.5").into());
        };
        if let Some(a4) = a4 {
            let sender = Sender::new(a4.inbound_proxy_receive_window_size.0);
            fits_the_window(&self.queue, &sender)?;
            successor.channel.sender = sender;
            let timeout = io.connection_timeout(a4.inbound_proxy_connection_timeout.0);
            self.inward.ping.set_connection_timeout(timeout);
        }
        let InState::OpenedA4W(Successor { channel, .. }) = std::mem::replace(&mut self.inward.state, InState::Opened)
        else {
            return Ok(());
        };
        // What was sent on the predecessor is in front of this already; what still waits goes out on the successor.
        let mut predecessor = std::mem::replace(&mut self.inward.default, channel);
        predecessor.send_a5(io, self.inward.default.cookie);
        self.inward.ping.on_sent(now);
        let deadline = after(now, io.config.recycling_timeout);
        self.inward.predecessors.push_back(Predecessor { conn: predecessor.conn, deadline, elsewhere: a4.is_some() });
        if self.inward.predecessors.len() > MAX_PREDECESSORS
            && let Some(oldest) = self.inward.predecessors.pop_front()
        {
            io.close(oldest.conn);
        }
        if self.stalled_since.is_some() {
            self.stalled_since = Some(now);
        }
        io.events.push_back(Event::Recycled(if a4.is_some() { Recycling::InR1 } else { Recycling::InR2 }));
        self.flush(io, now)
    }

    // OUT channel recycling.

    /// OUT_R1/A2 or OUT_R2/A2. [MS-RPCH] 3.2.2.5.6
    pub(super) fn on_out_a2(&mut self, io: &mut Io, now: Instant, pdu: &[u8]) -> Result<(), Stop> {
        match &mut self.outward.state {
            OutState::Opened { asked } if !*asked => {
                *asked = true;
                self.after_consume(io, now)
            }
            state => {
                let expected = "no OUT_R1/A2 or OUT_R2/A2 RTS PDU while a recycling is under way";
                Err(fault::unexpected_pdu(state.name(), expected, pdu, "[MS-RPCH] 3.2.2.5.6").into())
            }
        }
    }

    fn start_out_recycling(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        let cookie = io.cookie();
        let channel = OutChannel::open_successor(io, self.names, &self.outward.default, cookie)?;
        let deadline = after(now, io.config.recycling_timeout);
        self.outward.state = OutState::OpenedA6W(Successor { channel, deadline, reopens: 0 });
        Ok(())
    }

    /// OUT_R1/A6 (`r1`) or OUT_R2/A6. [MS-RPCH] 3.2.2.5.7, 3.2.2.5.9
    pub(super) fn on_out_a6(&mut self, io: &mut Io, now: Instant, r1: bool, pdu: &[u8]) -> Result<(), Stop> {
        let spec = if r1 { "[MS-RPCH] 3.2.2.5.7" } else { "[MS-RPCH] 3.2.2.5.9" };
        let successor = match std::mem::replace(&mut self.outward.state, OutState::Opened { asked: false }) {
            OutState::OpenedA6W(successor) => successor,
            state => {
                let expected = "an OUT_R1/A6 or OUT_R2/A6 RTS PDU only once OUT_R1/A3 is sent";
                let fault = fault::unexpected_pdu(state.name(), expected, pdu, spec);
                self.outward.state = state;
                return Err(fault.into());
            }
        };
        let successor_channel_cookie = Cookie(successor.channel.cookie);
        self.outward.default.receiver.set_threshold(AckThreshold::HalfWindow);
        if r1 {
            self.outward.state = OutState::OpenedA10W(successor);
            self.send_a7(io, now, rts(&OutR1A7 { successor_channel_cookie }))
        } else {
            let c1 = OutR2C1 { empty_or_padding: EmptyOrPadding::Empty(Empty) };
            let a7 = rts(&OutR2A7 { successor_channel_cookie, version: PROTOCOL_VERSION });
            let sent = self.send_a7(io, now, a7);
            successor.channel.send_last(io, rts(&c1));
            self.outward.state = OutState::B3W(successor);
            sent
        }
    }

    /// OUT_R1/A10 (`r1`) or OUT_R2/B3: the last PDU of the predecessor. [MS-RPCH] 3.2.2.5.8, 3.2.2.5.10
    pub(super) fn on_out_last(&mut self, io: &mut Io, now: Instant, r1: bool, pdu: &[u8]) -> Result<(), Stop> {
        let successor = match std::mem::replace(&mut self.outward.state, OutState::Opened { asked: false }) {
            OutState::OpenedA10W(successor) if r1 => successor,
            OutState::B3W(successor) if !r1 => successor,
            state => {
                let (expected, spec) = if r1 {
                    ("an OUT_R1/A10 RTS PDU only once OUT_R1/A7 is sent", "[MS-RPCH] 3.2.2.5.8")
                } else {
                    ("an OUT_R2/B3 RTS PDU only once OUT_R2/A7 is sent", "[MS-RPCH] 3.2.2.5.10")
                };
                let fault = fault::unexpected_pdu(state.name(), expected, pdu, spec);
                self.outward.state = state;
                return Err(fault.into());
            }
        };
        let predecessor = std::mem::replace(&mut self.outward.default, successor.channel);
        if r1 {
            self.outward.default.send_last(io, rts(&OutR1A11 { ance: Ance }));
        }
        self.outward.stale = usize::try_from(predecessor.receiver.queued()).unwrap_or(usize::MAX);
        self.outward.ack_due = false;
        self.last_received = now;
        io.close(predecessor.conn);
        io.events.push_back(Event::Recycled(if r1 { Recycling::OutR1 } else { Recycling::OutR2 }));
        Ok(())
    }

    // A successor whose request was held back.

    /// Whether `conn` is a successor's whose request goes out again, on another connection.
    pub(super) fn reopen(&mut self, io: &mut Io, conn: ConnectionId) -> Result<bool, Stop> {
        let max = io.config.max_reopens;
        if let InState::OpenedA4W(s) = &mut self.inward.state
            && s.channel.conn == conn
            && s.reopens < max
        {
            s.reopens = s.reopens.saturating_add(1);
            let cookie = s.channel.cookie;
            s.channel = InChannel::open_successor(io, self.names, &self.inward.default, cookie)?;
            return Ok(true);
        }
        if let OutState::OpenedA6W(s) = &mut self.outward.state
            && s.channel.conn == conn
            && s.reopens < max
        {
            s.reopens = s.reopens.saturating_add(1);
            let cookie = s.channel.cookie;
            s.channel = OutChannel::open_successor(io, self.names, &self.outward.default, cookie)?;
            return Ok(true);
        }
        Ok(false)
    }

    // Timers.

    pub(super) fn poll_timeout(&self, io: &Io) -> Option<Instant> {
        let successor_in = match &self.inward.state {
            InState::OpenedA4W(s) => s.deadline,
            InState::Opened => None,
        };
        earliest([
            self.inward.ping.poll_timeout(),
            successor_in,
            self.outward.state.successor().and_then(|s| s.deadline),
            self.stalled_since.and_then(|since| after(since, io.config.stall_timeout)),
            after(self.last_received, io.config.silence_timeout),
            self.inward.predecessors.iter().filter_map(|predecessor| predecessor.deadline).min(),
        ])
    }

    pub(super) fn on_timeout(&mut self, io: &mut Io, now: Instant) -> Result<(), Stop> {
        let due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        let before = self.inward.predecessors.len();
        self.inward.predecessors.retain(|predecessor| {
            let over = due(predecessor.deadline);
            if over {
                io.close(predecessor.conn);
            }
            !over
        });
        if self.inward.predecessors.len() < before {
            self.resume_in_recycling(io, now)?;
        }
        if let InState::OpenedA4W(s) = &self.inward.state
            && due(s.deadline)
        {
            let expected = "an IN_R1/A4 or IN_R2/A4 RTS PDU";
            return Err(fault::timed_out(self.inward.state.name(), expected, "[MS-RPCH] 3.2.2.5.5").into());
        }
        if let Some(s) = self.outward.state.successor()
            && due(s.deadline)
        {
            let (expected, spec) = match &self.outward.state {
                OutState::OpenedA10W(_) => ("an OUT_R1/A10 RTS PDU", "[MS-RPCH] 3.2.2.5.8"),
                OutState::B3W(_) => ("an OUT_R2/B3 RTS PDU", "[MS-RPCH] 3.2.2.5.10"),
                _ => ("an OUT_R1/A6 or OUT_R2/A6 RTS PDU", "[MS-RPCH] 3.2.2.5.7"),
            };
            return Err(fault::timed_out(self.outward.state.name(), expected, spec).into());
        }
        if due(self.stalled_since.and_then(|since| after(since, io.config.stall_timeout))) {
            let expected = "a FlowControlAck RTS PDU that makes room for the PDUs that wait";
            return Err(fault::timed_out(self.inward.state.name(), expected, "[MS-RPCH] 3.2.1.5.1.2").into());
        }
        if due(after(self.last_received, io.config.silence_timeout)) {
            let expected = "a Ping RTS PDU, or any other, on the OUT channel";
            return Err(fault::timed_out(self.outward.state.name(), expected, "[MS-RPCH] 3.2.1.1.6").into());
        }
        if self.inward.ping.is_due(now) {
            // [MS-RPCH] 3.2.2.6.1, 3.2.2.6.2. On an expired channel there is no room, and its successor is under way.
            let _sent = self.write_rts(io, now, &rts(&Ping {}));
            self.inward.ping.on_sent(now);
            self.after_rts(io, now)?;
        }
        Ok(())
    }

    pub(super) fn set_keep_alive(&mut self, interval: Option<Duration>) {
        self.inward.ping.set_keep_alive(interval);
    }
}

/// A window that has shrunk below a PDU that was taken would keep it for ever.
fn fits_the_window(queue: &SendQueue, sender: &Sender) -> Result<(), PeerFault> {
    match queue.longest() {
        Some(len) if !sender.can_ever_send(len) => Err(fault::wrong_value(
            "Opened_A4W",
            "a receive window as large as that of the predecessor inbound proxy",
            format!("one of {} bytes, and a PDU of {len} waits", sender.peer_receive_window()),
            "[MS-RPCH] 3.2.1.4.1.3",
        )),
        _ => Ok(()),
    }
}
