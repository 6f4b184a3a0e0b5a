//! A virtual IN channel as the inbound proxy holds it: the client's IN channel, and the leg to the server.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Encode, Error, PeerFault, encode_to_bytes};

use super::states::{State, Waiting};
use crate::channel::SendQueue;
use crate::endpoint::connection::millis;
use crate::endpoint::in_channel::InChannel;
use crate::fault::{timed_out, wrong_value};
use crate::front::{
    Channel, FirstPdu, ProxyChannelEvent, ProxyParts, ProxyTransmit, VirtualChannel, on_leg, virtual_channel_methods,
};
use crate::orphans::Orphans;
use crate::ping::earliest;
use crate::rts::conn::ConnB2;
use crate::rts::in_r1::{InR1A2, InR1B1};
use crate::rts::other::FlowControlAckWithDestination;
use crate::rts::{
    ClientAddress, ConnectionTimeout, Cookie, Destination, Empty, ForwardDestination, ReceiveWindowSize, RtsCookie,
    Version,
};
use crate::unacknowledged::{Unacknowledged, in_doubt};

/// One virtual IN channel at the inbound proxy: what the client sends is forwarded to the server, under the flow control of either
/// side.
///
/// It is `Send` and driven by itself: events of its client connections go into [`handle`](Self::handle), what happens to its leg into
/// [`handle_leg`](Self::handle_leg), successors into [`attach`](Self::attach); what is to be done comes out of
/// [`poll_transmit`](Self::poll_transmit).
pub struct VirtualInChannel {
    pub(super) channel: VirtualChannel,
    pub(super) state: State,
    /// A successor whose IN_R2/A1 has overtaken IN_R2/A5 or IN_R1/B2 on another connection, or that waits until nothing is orphaned.
    pub(super) waiting: Option<Box<Channel>>,
    /// IN_R1/A5 that has overtaken CONN/B3 or IN_R1/B2: the client is at another proxy by now.
    pub(super) early_a5: Option<Cookie>,
    /// The leg's flow control, once the server has told its window: until then it is in plugged channel mode.
    pub(super) sent: Option<Unacknowledged>,
    /// RTS PDUs that wait for the end of plugged channel mode.
    plugged: VecDeque<Bytes>,
    pub(super) queue: SendQueue,
    /// Bytes in the queue that came on IN channels which are gone: acknowledged to nobody.
    pub(super) orphans: Orphans,
    /// The cookie of the predecessor, by which the server may still have named the leg.
    pub(super) previous: Option<RtsCookie>,
    pub(super) heard: Instant,
}

impl VirtualInChannel {
    /// CONN/B1, or IN_R1/A1 with an unknown cookie. [MS-RPCH] 3.2.3.5.3, 3.2.3.5.5.2
    pub(super) fn open(now: Instant, parts: ProxyParts) -> Self {
        let ProxyParts { config, channel, leg, transmits, lease } = parts;
        let first = channel.first;
        let mut common = VirtualChannel::new(now, config, &channel, leg, transmits, lease);
        let deadline = now.checked_add(config.setup_timeout);
        let window = ReceiveWindowSize(config.receive_window);
        let timeout = ConnectionTimeout(millis(config.connection_timeout));
        let (state, keep_alive) = match first {
            FirstPdu::InA1(pdu) => {
                let a2 = InR1A2 {
                    version: Version(1),
                    virtual_connection_cookie: pdu.virtual_connection_cookie,
                    predecessor_channel_cookie: pdu.predecessor_channel_cookie,
                    successor_channel_cookie: pdu.successor_channel_cookie,
                    inbound_proxy_receive_window_size: window,
                    inbound_proxy_connection_timeout: timeout,
                };
                common.send_on_leg(&a2);
                let channel = InChannel::new(*channel, pdu.successor_channel_cookie.0, config.receiver());
                (State::WaitB2(Waiting { channel, deadline }), None)
            }
            FirstPdu::ConnB1(pdu) => {
                let b2 = ConnB2 {
                    version: Version(1),
                    virtual_connection_cookie: pdu.virtual_connection_cookie,
                    in_channel_cookie: pdu.in_channel_cookie,
                    receive_window_size: window,
                    connection_timeout: timeout,
                    association_group_id: pdu.association_group_id,
                    client_address: ClientAddress(common.caller.address),
                };
                common.send_on_leg(&b2);
                let channel = InChannel::new(*channel, pdu.in_channel_cookie.0, config.receiver());
                (State::B3W(Waiting { channel, deadline }), Some(pdu.client_keepalive.interval_ms()))
            }
            // The proxy makes this machine of IN channels only.
            FirstPdu::ConnA1(_) | FirstPdu::OutA3(_) => (State::Finished, None),
        };
        let mut this = Self {
            channel: common,
            state,
            waiting: None,
            early_a5: None,
            sent: None,
            plugged: VecDeque::new(),
            queue: SendQueue::new(usize::MAX),
            orphans: Orphans::default(),
            previous: None,
            heard: now,
        };
        this.channel
            .events
            .extend(keep_alive.map(|ms| ProxyChannelEvent::KeepAlive(Duration::from_millis(u64::from(ms)))));
        let read = this.read_client();
        let _told = this.fail_on(read);
        this
    }

    virtual_channel_methods!();

    /// What is for the leg waits in the driver, and nothing waits for the leg here.
    const fn on_leg_opened(&self) -> Result<(), PeerFault> {
        Ok(())
    }

    /// The state, in the words of [MS-RPCH] 3.2.3.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Bytes that wait for the server's window.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// Ends what takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.channel.life.is_over() {
            return;
        }
        let now = self.channel.life.tick(now);
        let over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let fault = if over(self.state.deadline()) {
            let (expected, spec) = self.state.awaited();
            timed_out(self.state.name(), expected, spec)
        } else if over(self.idle_at()) {
            timed_out(self.state.name(), "a PDU or a ping from the client", "[MS-RPCH] 3.2.2.6.1")
        } else {
            return;
        };
        self.end(fault.into());
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.channel.life.is_over() { None } else { earliest([self.state.deadline(), self.idle_at()]) }
    }

    fn idle_at(&self) -> Option<Instant> {
        self.channel.config.idle_timeout.and_then(|patience| self.heard.checked_add(patience))
    }

    /// What is to be done. Take from it no more than the leg can hold: what is not taken holds receive window.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<ProxyTransmit> {
        if let Some(transmit) = self.channel.transmits.pop_front() {
            return Some(transmit);
        }
        let Some(len) = self.queue.front_len() else {
            self.finish();
            return self.channel.transmits.pop_front();
        };
        let sent = self.sent.as_mut()?;
        if !sent.sender().can_ever_send(len) {
            let window = sent.sender().peer_receive_window();
            let expected = "RPC PDUs that the server's ReceiveWindow takes";
            let fault =
                wrong_value(self.state.name(), expected, format!("{len} bytes into {window}"), "[MS-RPCH] 3.2.1.4.1.3");
            self.end(fault.into());
            return self.channel.transmits.pop_front();
        }
        if !sent.send(len) {
            return None;
        }
        let pdu = self.queue.pop()?;
        self.channel.life.tick(now);
        if let Err(fault) = self.consumed(len) {
            self.end(fault.into());
        }
        Some(ProxyTransmit::Leg(on_leg(self.channel.leg, pdu)))
    }

    /// A PDU was forwarded, which is what consumes it here: [MS-RPCH] 3.2.1.4.1.1.
    fn consumed(&mut self, len: usize) -> Result<(), PeerFault> {
        let rest = self.orphans.rest(len);
        let free = self.orphans.consume(len) && matches!(self.state, State::Opened(_));
        let Some(channel) = self.state.channel_mut() else { return Ok(()) };
        if channel.receiver.consume(rest) == Ok(true) {
            let flow_control_ack = channel.receiver.ack(channel.cookie);
            // The client is reached by way of the server: [MS-RPCH] 3.2.1.5.2.
            let destination = Destination(ForwardDestination::CLIENT);
            self.send_to_server(&FlowControlAckWithDestination { destination, flow_control_ack });
        }
        if free { self.on_waiting() } else { Ok(()) }
    }

    pub(super) fn send_to_server<T: Encode>(&mut self, pdu: &T) {
        if let Ok(bytes) = encode_to_bytes(pdu) {
            self.forward(bytes);
        }
    }

    /// Sends an RTS PDU on the leg, or has it wait where that is plugged.
    pub(super) fn forward(&mut self, bytes: Bytes) {
        if self.sent.is_some() {
            self.channel.put_leg(bytes);
        } else {
            self.plugged.push_back(bytes);
        }
    }

    /// The server has told its window: the leg is unplugged.
    pub(super) fn unplug(&mut self, window: u32) {
        self.sent = Some(Unacknowledged::new(window));
        while let Some(bytes) = self.plugged.pop_front() {
            self.channel.put_leg(bytes);
        }
    }

    /// Everything queued is out: where IN_R1/A5 has come, IN_R1/B1 and the end. [MS-RPCH] 3.2.3.5.6
    fn finish(&mut self) {
        if !matches!(self.state, State::Finishing(_)) || self.channel.life.is_over() {
            return;
        }
        self.send_to_server(&InR1B1 { empty: Empty });
        let last = self.state.channel().map(|channel| channel.conn);
        self.channel.finish(in_doubt(None, self.sent.as_ref()), last, "another inbound proxy has taken over (IN_R1)");
        self.state = State::Finished;
    }

    /// [MS-RPCH] 3.2.3.5.10, and 3.2.3.5.11 where the server could not be reached.
    fn end(&mut self, error: Error) {
        if self.channel.life.is_over() {
            return;
        }
        let unreached = matches!(self.state, State::B3W(_) | State::WaitB2(_)) && matches!(error, Error::Transport(_));
        let conns = [self.state.channel(), self.state.successor()].map(|channel| channel.map(|channel| channel.conn));
        let waiting = self.waiting.take().map(|waiting| waiting.conn);
        for conn in conns.into_iter().chain([waiting]).flatten() {
            self.channel.turn_away(conn, unreached);
        }
        self.channel.events.extend(self.queue.drain().map(ProxyChannelEvent::Undelivered));
        self.channel.close(in_doubt(None, self.sent.as_ref()), error);
        self.state = State::Finished;
    }
}

impl std::fmt::Debug for VirtualInChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualInChannel")
            .field("life", &self.channel.life)
            .field("caller", &self.channel.caller)
            .field("state", &self.state.name())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
