//! A virtual OUT channel as the outbound proxy holds it: the client's OUT channel, and the leg to the server.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Encode, Error, PeerFault, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit};

use super::states::{Instance, State, Waiting};
use crate::channel::{PdusIn, SendQueue};
use crate::endpoint::connection::millis;
use crate::endpoint::out_channel::{Former, OutChannel};
use crate::endpoint::send::put;
use crate::fault::{timed_out, wrong_value};
use crate::flow_control::Receiver;
use crate::front::{
    Channel, FirstPdu, ProxyChannelEvent, ProxyConfig, ProxyParts, ProxyTransmit, VirtualChannel, opens,
    virtual_channel_methods,
};
use crate::http::out_channel_response;
use crate::ping::{PingOriginator, earliest};
use crate::rts::conn::{ConnA2, ConnA3};
use crate::rts::other::{FlowControlAckPdu, Ping, PingTrafficSentNotifyPdu};
use crate::rts::out_r1::{OutR1A4, OutR1A10};
use crate::rts::out_r2::{OutR2A4, OutR2B3};
use crate::rts::{
    Ance, ChannelLifetime, ConnectionTimeout, PingTrafficSentNotify, ReceiveWindowSize, RtsCookie, Version,
};
use crate::unacknowledged::in_doubt;

/// After so many bytes of pings the server is told: note 50.
const PING_TRAFFIC: u32 = 1_031;

/// One virtual OUT channel at the outbound proxy: what the server sends is forwarded to the client, under the flow control of either
/// side.
///
/// It is `Send` and driven by itself, as [`VirtualInChannel`](crate::inbound_proxy::VirtualInChannel) is. The OUT channel response goes
/// out once the driver has told [`LegEvent::Opened`](crate::front::LegEvent::Opened).
pub struct VirtualOutChannel {
    pub(super) channel: VirtualChannel,
    pub(super) state: State,
    /// The predecessor of OUT_R2, once OUT_R2/B1 has come: what it holds goes out on it, then OUT_R2/B3.
    pub(super) leaving: Option<Waiting>,
    /// What the client may not have of a predecessor that has said OUT_R2/B3.
    pub(super) former: Option<Former>,
    /// The leg's flow control: it outlives the OUT channels that use it.
    pub(super) receiver: Receiver,
    /// The cookie that the server names the leg by.
    pub(super) leg_cookie: RtsCookie,
    pub(super) timeout: Duration,
    ping: PingOriginator,
    ping_traffic: u32,
}

impl VirtualOutChannel {
    /// CONN/A1, or OUT_R1/A3 with an unknown cookie. [MS-RPCH] 3.2.4.5.3, 3.2.4.5.6.2
    pub(super) fn open(now: Instant, parts: ProxyParts) -> Self {
        let ProxyParts { config, channel, leg, transmits, lease } = parts;
        let first = channel.first;
        let mut common = VirtualChannel::new(now, config, &channel, leg, transmits, lease);
        let deadline = now.checked_add(config.setup_timeout);
        let timeout = asked_timeout(&config, &channel);
        let (lifetime, window) = (ChannelLifetime(config.channel_lifetime), ReceiveWindowSize(config.receive_window));
        let (state, leg_cookie) = match first {
            FirstPdu::ConnA1(pdu) => {
                let a2 = ConnA2 {
                    version: Version(1),
                    virtual_connection_cookie: pdu.virtual_connection_cookie,
                    out_channel_cookie: pdu.out_channel_cookie,
                    channel_lifetime: lifetime,
                    receive_window_size: window,
                };
                common.send_on_leg(&a2);
                let cookie = pdu.out_channel_cookie.0;
                let instance = instance(*channel, cookie, pdu.receive_window_size.0, &config);
                (State::C1W(Waiting { instance, deadline }), cookie)
            }
            FirstPdu::OutA3(pdu) => {
                let a4 = OutR1A4 {
                    version: Version(1),
                    virtual_connection_cookie: pdu.virtual_connection_cookie,
                    predecessor_channel_cookie: pdu.predecessor_channel_cookie,
                    successor_channel_cookie: pdu.successor_channel_cookie,
                    channel_lifetime: lifetime,
                    outbound_proxy_receive_window_size: window,
                    outbound_proxy_connection_timeout: ConnectionTimeout(millis(timeout)),
                };
                common.send_on_leg(&a4);
                let cookie = pdu.successor_channel_cookie.0;
                let instance = instance(*channel, cookie, pdu.outbound_proxy_receive_window_size.0, &config);
                (State::A11W(Waiting { instance, deadline }), cookie)
            }
            // The proxy makes this machine of OUT channels only.
            FirstPdu::ConnB1(_) | FirstPdu::InA1(_) => (State::Finished, RtsCookie::default()),
        };
        let mut this = Self {
            channel: common,
            state,
            leaving: None,
            former: None,
            receiver: config.receiver(),
            leg_cookie,
            timeout,
            ping: PingOriginator::new(now, timeout),
            ping_traffic: 0,
        };
        let read = this.read_client();
        let _told = this.fail_on(read.map_err(Error::from));
        this
    }

    virtual_channel_methods!();

    fn dispatch(&mut self, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let leaving = self.leaving.as_ref().is_some_and(|waiting| waiting.instance.channel.conn == conn);
        match event {
            HttpEvent::Body(bytes) => match self.instance_of(conn) {
                Some(instance) => {
                    instance.channel.pdus.push(bytes);
                    self.read_client().map_err(Error::from)
                }
                None => Ok(()),
            },
            HttpEvent::Reset(reset) if leaving || self.instance_of(conn).is_some() => {
                Err(Error::Transport(format!("the client is gone: {}", reset.reason).into()))
            }
            // The request of an OUT channel is whole with its first PDUs.
            _ => Ok(()),
        }
    }

    /// The state, in the words of [MS-RPCH] 3.2.4.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Bytes that wait for the client's window.
    #[must_use]
    pub fn queued(&self) -> usize {
        let leaving = self.leaving.as_ref().map(|waiting| &waiting.instance);
        [self.state.default(), self.state.successor(), leaving].into_iter().flatten().map(|of| of.queue.bytes()).sum()
    }

    /// Pings, and ends what takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.channel.life.is_over() {
            return;
        }
        let now = self.channel.life.tick(now);
        let over = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if over(self.state.deadline()) {
            let (expected, spec) = self.state.awaited();
            self.end(timed_out(self.state.name(), expected, spec).into());
        } else if over(self.leaving.as_ref().and_then(|waiting| waiting.deadline)) {
            let expected = "window of the client for what is queued on the predecessor";
            self.end(timed_out(self.state.name(), expected, "[MS-RPCH] 3.2.4.5.10").into());
        } else if self.ping.is_due(now) {
            let result = self.send_ping();
            self.ping.on_sent(now);
            let _told = self.fail_on(result.map_err(Error::from));
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.channel.life.is_over() {
            return None;
        }
        let leaving = self.leaving.as_ref().and_then(|waiting| waiting.deadline);
        earliest([self.ping.poll_timeout(), self.state.deadline(), leaving])
    }

    /// [MS-RPCH] 3.2.4.6, and note 50: the server is told of the pings that take from the channel lifetime.
    fn send_ping(&mut self) -> Result<(), PeerFault> {
        if self.state.default().is_none_or(|instance| instance.channel.plugged.is_some()) {
            return Ok(());
        }
        self.send_to_client(&Ping {})?;
        self.ping_traffic = self.ping_traffic.saturating_add(20);
        if self.ping_traffic > PING_TRAFFIC {
            let ping_traffic_sent_notify = PingTrafficSentNotify(mem::take(&mut self.ping_traffic));
            self.channel.send_on_leg(&PingTrafficSentNotifyPdu { ping_traffic_sent_notify });
        }
        Ok(())
    }

    /// What is to be done. Take from it no more than the connection can hold: what is not taken holds the server's window.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<ProxyTransmit> {
        if let Some(transmit) = self.channel.transmits.pop_front() {
            return Some(transmit);
        }
        self.channel.life.tick(now);
        if let Some(waiting) = &mut self.leaving {
            // What comes behind is the successor's, and waits for OUT_R2/B3.
            return match next(&mut waiting.instance, "B1W") {
                Ok(Some(pdu)) => Some(self.forwarded(pdu)),
                Ok(None) if waiting.instance.queue.is_empty() => {
                    let result = self.take_leave();
                    let _told = self.fail_on(result.map_err(Error::from));
                    self.channel.transmits.pop_front()
                }
                Ok(None) => None,
                Err(fault) => {
                    self.end(fault.into());
                    self.channel.transmits.pop_front()
                }
            };
        }
        let state = self.state.name();
        let instance = self.state.default_mut()?;
        match next(instance, state) {
            Ok(Some(pdu)) => Some(self.forwarded(pdu)),
            Ok(None) if instance.queue.is_empty() && matches!(self.state, State::Finishing(_)) => {
                let result = self.finish();
                let _told = self.fail_on(result.map_err(Error::from));
                self.channel.transmits.pop_front()
            }
            Ok(None) => None,
            Err(fault) => {
                self.end(fault.into());
                self.channel.transmits.pop_front()
            }
        }
    }

    /// A PDU goes to the client, which is what consumes it here: [MS-RPCH] 3.2.1.4.1.1.
    fn forwarded(&mut self, (conn, pdu): (ConnectionId, Bytes)) -> ProxyTransmit {
        self.ping.on_sent(self.channel.life.now());
        if self.receiver.consume(pdu.len()) == Ok(true) {
            let flow_control_ack = self.receiver.ack(self.leg_cookie);
            self.channel.send_on_leg(&FlowControlAckPdu { flow_control_ack });
        }
        ProxyTransmit::Http(HttpTransmit::Event { conn, event: HttpEvent::Body(pdu) })
    }

    pub(super) fn send_to_client<T: Encode>(&mut self, pdu: &T) -> Result<(), PeerFault> {
        encode_to_bytes(pdu).map_or(Ok(()), |bytes| self.forward(bytes))
    }

    /// Puts an RTS PDU on the default OUT channel, or has it wait where that is plugged.
    pub(super) fn forward(&mut self, bytes: Bytes) -> Result<(), PeerFault> {
        let (now, state) = (self.channel.life.now(), self.state.name());
        let Some(instance) = self.state.default_mut() else { return Ok(()) };
        if let Some(plugged) = &mut instance.channel.plugged {
            plugged.push_back(bytes);
            return Ok(());
        }
        let transmit = put(&mut instance.channel, bytes, state)?;
        self.channel.put_http(transmit);
        self.ping.on_sent(now);
        Ok(())
    }

    /// Ends plugged channel mode of the default OUT channel: the response, then what has waited.
    pub(super) fn unplug(&mut self) -> Result<(), PeerFault> {
        let (now, state) = (self.channel.life.now(), self.state.name());
        let Some(instance) = self.state.default_mut() else { return Ok(()) };
        let Some(waiting) = instance.channel.plugged.take() else { return Ok(()) };
        if let Ok(head) = out_channel_response(self.channel.config.channel_lifetime) {
            let (conn, event) = (instance.channel.conn, HttpEvent::Head(Head::Response(head)));
            self.channel.put_http(HttpTransmit::Event { conn, event });
        }
        for bytes in waiting {
            let transmit = put(&mut instance.channel, bytes, state)?;
            self.channel.put_http(transmit);
        }
        self.ping.on_sent(now);
        Ok(())
    }

    /// [MS-RPCH] 3.2.4.5.3: once the server is reached, the response and CONN/A3. A successor's response waits for OUT_R1/A11.
    fn on_leg_opened(&mut self) -> Result<(), PeerFault> {
        if !matches!(self.state, State::C1W(_)) {
            return Ok(());
        }
        self.unplug()?;
        self.send_to_client(&ConnA3 { connection_timeout: ConnectionTimeout(millis(self.timeout)) })
    }

    fn on_successor(&mut self, now: Instant, channel: Channel) -> Result<(), PeerFault> {
        let FirstPdu::OutA3(pdu) = channel.first else {
            let (found, opens) = (channel.first.name(), opens(&channel.first));
            let expected = if opens { "no second CONN/A1" } else { "OUT_R2/A3" };
            return Err(wrong_value(self.state.name(), expected, found, "[MS-RPCH] 3.2.4.5.3"));
        };
        self.state.check_out_r2_a3(pdu.predecessor_channel_cookie.0)?;
        if self.leaving.is_some() {
            let expected = "OUT_R2/A3 after OUT_R2/B3";
            return Err(wrong_value("opened", expected, "OUT_R2/A3", "[MS-RPCH] 3.2.4.5.6.1"));
        }
        // The client has come over to the predecessor, or it could not ask for its successor.
        self.former = None;
        self.timeout = asked_timeout(&self.channel.config, &channel);
        self.ping.set_connection_timeout(self.timeout);
        let window = pdu.outbound_proxy_receive_window_size.0;
        let successor = instance(channel, pdu.successor_channel_cookie.0, window, &self.channel.config);
        if let State::Opened(state) = mem::replace(&mut self.state, State::Finished) {
            let deadline = now.checked_add(self.channel.config.setup_timeout);
            self.state = State::B1OrC1W(Box::new(state.on_out_r2_a3(successor, deadline)));
        }
        self.channel.send_on_leg(&OutR2A4 { successor_channel_cookie: pdu.successor_channel_cookie });
        self.read_client()
    }

    /// The predecessor of OUT_R2 holds nothing more: OUT_R2/B3, and the successor is unplugged where OUT_R2/C1 has come.
    fn take_leave(&mut self) -> Result<(), PeerFault> {
        let Some(Waiting { mut instance, .. }) = self.leaving.take() else { return Ok(()) };
        let Ok(b3) = encode_to_bytes(&OutR2B3 { ance: Ance }) else { return Ok(()) };
        let last = put(&mut instance.channel, b3, "B1W");
        self.channel.transmits.extend(last.clone().map(ProxyTransmit::Http));
        self.channel.put_http(HttpTransmit::Close { conn: instance.channel.conn });
        self.former = Some(Former::new(instance.channel));
        last?;
        if matches!(self.state, State::Opened(_)) {
            self.unplug()?;
            self.channel.events.push_back(ProxyChannelEvent::Recycled);
        }
        Ok(())
    }

    /// Everything queued is out, and OUT_R1/A9 has come: OUT_R1/A10 and the end. [MS-RPCH] 3.2.4.5.8
    fn finish(&mut self) -> Result<(), PeerFault> {
        self.send_to_client(&OutR1A10 { ance: Ance })?;
        let last = self.state.default().map(|instance| instance.channel.conn);
        self.channel.finish(self.in_doubt(), last, "another outbound proxy has taken over (OUT_R1)");
        self.state = State::Finished;
        Ok(())
    }

    /// PDUs that the client may or may not have, and their bytes: of the default OUT channel, and of the one before, which is either about to
    /// leave or has left.
    fn in_doubt(&self) -> (usize, u32) {
        let former = self.former.as_ref().map(|former| &former.sent);
        let leaving = self.leaving.as_ref().map(|waiting| &waiting.instance.channel.sent);
        in_doubt(former.or(leaving), self.state.default().map(|instance| &instance.channel.sent))
    }

    fn instance_of(&mut self, conn: ConnectionId) -> Option<&mut Instance> {
        if self.state.default().is_some_and(|instance| instance.channel.conn == conn) {
            return self.state.default_mut();
        }
        self.state.successor_mut().filter(|instance| instance.channel.conn == conn)
    }

    /// [MS-RPCH] 3.2.4.5.14, and 3.2.3.5.11 where the server could not be reached.
    fn end(&mut self, error: Error) {
        if self.channel.life.is_over() {
            return;
        }
        let unreached = matches!(error, Error::Transport(_)) && matches!(self.state, State::C1W(_) | State::A11W(_));
        let in_doubt = self.in_doubt();
        let leaving = self.leaving.take().map(|waiting| waiting.instance);
        let mut instances = vec![leaving];
        match mem::replace(&mut self.state, State::Finished) {
            State::B1OrC1W(state) => instances.extend([Some(state.predecessor), Some(state.successor)]),
            State::C1W(state) | State::A11W(state) | State::R2C1W(state) | State::Finishing(state) => {
                instances.push(Some(state.instance));
            }
            State::Opened(state) => instances.push(Some(state.instance)),
            State::Finished => {}
        }
        for mut instance in instances.into_iter().flatten() {
            // A channel is plugged until its response has begun.
            self.channel.turn_away(instance.channel.conn, unreached && instance.channel.plugged.is_some());
            self.channel.events.extend(instance.queue.drain().map(ProxyChannelEvent::Undelivered));
        }
        self.channel.close(in_doubt, error);
    }
}

/// The next PDU of an OUT channel, where channel mode, window and lifetime let it go.
fn next(instance: &mut Instance, state: &'static str) -> Result<Option<(ConnectionId, Bytes)>, PeerFault> {
    let Instance { channel, queue } = instance;
    let Some(len) = queue.front_len() else { return Ok(None) };
    if channel.plugged.is_some() {
        return Ok(None);
    }
    let spec = "[MS-RPCH] 2.1.2.1.8";
    if !channel.sent.sender().can_ever_send(len) {
        let found = format!("{len} bytes into {}", channel.sent.sender().peer_receive_window());
        return Err(wrong_value(state, "RPC PDUs that the client's ReceiveWindow takes", found, spec));
    }
    if !channel.lifetime.has_room_for_rpc(len) {
        let found = format!("{len} bytes, and {} are left", channel.lifetime.left());
        return Err(wrong_value(state, "RPC PDUs within the channel lifetime that the server was told", found, spec));
    }
    if !channel.send(len) {
        return Ok(None);
    }
    Ok(queue.pop().map(|pdu| (channel.conn, pdu.into_bytes())))
}

/// An OUT channel in plugged channel mode. What is kept back for RTS PDUs is for OUT_R1/A10 or OUT_R2/B3 alone: the server counts the
/// lifetime and leaves room for the rest.
fn instance(channel: Channel, cookie: RtsCookie, window: u32, config: &ProxyConfig) -> Instance {
    let Channel { conn, pdus, .. } = channel;
    let pdus: PdusIn = pdus;
    let mut channel = OutChannel::new(conn, cookie, window, config.channel_lifetime, pdus, Some(VecDeque::new()));
    channel.lifetime = channel.lifetime.with_reserve(64);
    Instance { channel, queue: SendQueue::new(usize::MAX) }
}

/// ConnectionTimeout: what the request asks for, [MS-RPCH] 3.2.4.5.1, or the setting.
fn asked_timeout(config: &ProxyConfig, channel: &Channel) -> Duration {
    let asked = channel.request.pragmas.min_conn_timeout.map(|seconds| Duration::from_secs(u64::from(seconds)));
    asked.unwrap_or(config.connection_timeout)
}

impl std::fmt::Debug for VirtualOutChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualOutChannel")
            .field("life", &self.channel.life)
            .field("caller", &self.channel.caller)
            .field("state", &self.state.name())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
