//! What inbound and outbound proxy have in common: requests come in, machines of one virtual channel each are handed out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Error, Misuse, PeerFault};
use oxwire_http::{HttpEvent, HttpTransmit};

use super::{
    AccessHandle, AccessRequest, Arrival, Caller, Channel, ChannelRefused, Claim, FirstPdu, Front, Lease, Registry,
    RoleLimits, SERVER_TOO_BUSY, Verdict, VirtualConnectionId, limit_fault,
};
use crate::fault::wrong_value;
use crate::flow_control::AckThreshold;
use crate::http::{ChannelKind, RpcError};
use crate::settings::settings;

/// Settings of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyConfig {
    /// Who may hold how much.
    pub limits: RoleLimits,
    /// How long a request may take until its first PDU is here. Default 15 minutes.
    pub half_open_timeout: Duration,
    /// How long the server may take to establish or recycle. Default 15 minutes, [MS-RPCH] 3.2.5.2.1.
    pub setup_timeout: Duration,
    /// ConnectionTimeout, 120 to 14,400 seconds. Default 120 s; Windows reads it from its configuration, 900 s by default (note 41).
    pub connection_timeout: Duration,
    /// ReceiveWindow, 8,192 to 262,144 bytes: from the client on an IN channel, from the server on an OUT channel. Default 65,536.
    pub receive_window: u32,
    /// When received bytes are acknowledged. Default as Windows (note 27).
    pub ack_threshold: AckThreshold,
    /// Content-Length of OUT channel responses, 131,072 to 2,147,483,648. Default 1 GiB (note 45).
    pub channel_lifetime: u32,
    /// The largest PDU that is taken, in bytes. Default 32,768.
    pub max_pdu: u16,
    /// How long the client may be silent on an IN channel. Default 900 s; `None` is for ever.
    pub idle_timeout: Option<Duration>,
}

impl ProxyConfig {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        limits: RoleLimits::DEFAULT,
        half_open_timeout: Duration::from_secs(15 * 60),
        setup_timeout: Duration::from_secs(15 * 60),
        connection_timeout: Duration::from_secs(120),
        receive_window: 65_536,
        ack_threshold: AckThreshold::HalfWindow,
        channel_lifetime: 1 << 30,
        max_pdu: 32_768,
        idle_timeout: Some(Duration::from_secs(900)),
    };

    settings!(receiver limits connection_timeout channel_lifetime idle_timeout);

    /// Sets how long a request, and how long the server, may take.
    #[must_use]
    pub const fn with_timeouts(mut self, half_open: Duration, setup: Duration) -> Self {
        self.half_open_timeout = half_open;
        self.setup_timeout = setup;
        self
    }

    /// Bytes that a virtual channel may come to hold: its receive window, and its successor's.
    #[must_use]
    pub fn memory(&self) -> usize {
        usize::try_from(self.receive_window).unwrap_or(usize::MAX).saturating_mul(2)
    }
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a proxy tells; `T` is the machine of one virtual channel.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyEvent<T> {
    /// May this caller reach that host and port? Answer with the proxy's `verdict`.
    Access(AccessRequest),
    /// A virtual channel. From now on the events of its connection go to it, and no longer to the proxy.
    Opened(Box<T>),
    /// A successor channel: give it to the machine's `attach`, and its connection's events after it. If the machine has ended
    /// meanwhile, close the channel's connection.
    Attach {
        /// Whose it is.
        id: VirtualConnectionId,
        /// The channel.
        channel: Box<Channel>,
    },
    /// A channel was turned away; nothing is left to do.
    Refused(ChannelRefused),
}

/// What a role did with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an event that belongs to a virtual connection is lost otherwise"]
pub enum Handled<E = HttpEvent> {
    /// It was the role's.
    Taken,
    /// The connection belongs to a machine that was handed out: the event is for it.
    BelongsTo(VirtualConnectionId, E),
}

/// What the machine of one virtual channel tells.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyChannelEvent {
    /// The client wants another keep-alive interval on the leg to the server: set it on the TCP connection, [MS-RPCH] 3.2.3.2.1.
    KeepAlive(Duration),
    /// A successor channel has taken over.
    Recycled,
    /// The virtual channel has ended, and this PDU was not forwarded.
    Undelivered(Bytes),
    /// The virtual channel has ended, and this was forwarded and not acknowledged: it may have arrived or not. Most end with a little of it,
    /// also where another proxy has taken over. What an outbound proxy tells, nobody else can: the server has the proxy's own
    /// acknowledgements only. What an inbound proxy tells is among what the client reports as sent. At most two of the receiver's windows.
    Unacknowledged {
        /// How many PDUs.
        pdus: usize,
        /// Their bytes.
        bytes: u32,
    },
    /// Another proxy has taken over; all that there was is forwarded. The last event.
    Finished,
    /// It has ended by an error, or by the end of a connection. The last event.
    Closed(Error),
}

/// PDUs by their length: they are somebody's mail.
impl std::fmt::Debug for ProxyChannelEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeepAlive(interval) => write!(f, "KeepAlive({interval:?})"),
            Self::Recycled => f.write_str("Recycled"),
            Self::Undelivered(pdu) => write!(f, "Undelivered({} bytes)", pdu.len()),
            Self::Unacknowledged { pdus, bytes } => write!(f, "Unacknowledged({pdus} PDUs of {bytes} bytes)"),
            Self::Finished => f.write_str("Finished"),
            Self::Closed(error) => write!(f, "Closed({error})"),
        }
    }
}

/// What the machine of a virtual channel is made of.
pub(crate) struct ProxyParts {
    pub(crate) config: ProxyConfig,
    pub(crate) channel: Box<Channel>,
    /// The name of its leg to the server.
    pub(crate) leg: ConnectionId,
    pub(crate) transmits: VecDeque<HttpTransmit>,
    pub(crate) lease: Lease,
}

/// Either proxy: takes requests of one kind, looks the cookie up, opens or attaches.
#[derive(Debug)]
pub(crate) struct ProxyCore<T> {
    kind: ChannelKind,
    config: ProxyConfig,
    front: Front,
    registry: Registry,
    legs: ConnectionIds,
    open: fn(Instant, ProxyParts) -> T,
    events: VecDeque<ProxyEvent<T>>,
}

impl<T> ProxyCore<T> {
    pub(crate) fn new(
        kind: ChannelKind,
        config: ProxyConfig,
        legs: ConnectionIds,
        open: fn(Instant, ProxyParts) -> T,
    ) -> Self {
        let front = Front::new(config.limits, config.half_open_timeout, config.max_pdu);
        Self { kind, config, front, registry: Registry::new(), legs, open, events: VecDeque::new() }
    }

    pub(crate) fn handle(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        caller: &Caller,
        event: HttpEvent,
    ) -> Result<Handled, Error> {
        self.registry.sweep(&mut self.front.ledger);
        if let Some(id) = self.registry.owner(conn) {
            return Ok(Handled::BelongsTo(id, event));
        }
        if matches!(event, HttpEvent::Head(_)) && self.front.holds(conn) {
            let advice = "a connection has one request at a time; its channel ends with the connection";
            return Err(Misuse { call: "handle", state: "Open_Start", advice }.into());
        }
        self.front.handle(now, conn, caller, event);
        self.settle(now);
        Ok(Handled::Taken)
    }

    pub(crate) fn verdict(&mut self, now: Instant, handle: AccessHandle, verdict: Verdict) {
        self.registry.sweep(&mut self.front.ledger);
        self.front.verdict(handle, verdict);
        self.settle(now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.registry.sweep(&mut self.front.ledger);
        // What is half open is all in the front here: the machine takes over with the first PDU.
        while self.front.next_due(now).is_some() {}
        self.settle(now);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.front.poll_timeout()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<HttpTransmit> {
        self.front.poll_transmit()
    }

    pub(crate) fn poll_event(&mut self) -> Option<ProxyEvent<T>> {
        self.events.pop_front()
    }

    pub(crate) const fn connections(&self) -> usize {
        self.front.ledger.connections()
    }

    pub(crate) const fn half_open(&self) -> usize {
        self.front.ledger.half_open()
    }

    fn settle(&mut self, now: Instant) {
        while let Some(arrival) = self.front.poll_arrival() {
            match arrival {
                Arrival::Access(request) => self.events.push_back(ProxyEvent::Access(request)),
                Arrival::Refused(refused) => self.events.push_back(ProxyEvent::Refused(refused)),
                Arrival::Channel(channel) => self.on_channel(now, channel),
            }
        }
    }

    fn on_channel(&mut self, now: Instant, channel: Box<Channel>) {
        if channel.kind() != self.kind {
            let (expected, spec) = match self.kind {
                ChannelKind::In => ("RPC_IN_DATA at the inbound proxy", "[MS-RPCH] 3.2.3.5.1"),
                ChannelKind::Out => ("RPC_OUT_DATA at the outbound proxy", "[MS-RPCH] 3.2.4.5.1"),
            };
            let fault = wrong_value("Open_Start", expected, channel.kind().method(), spec);
            return self.refuse(&channel, fault, RpcError::PROTOCOL_ERROR);
        }
        let cookie = channel.virtual_connection_cookie();
        if let Some((id, row)) = self.registry.find(cookie) {
            if row.caller.principal != channel.caller.principal || row.rpc.as_ref() != Some(&channel.request.rpc) {
                let spec = if self.kind == ChannelKind::In { "[MS-RPCH] 3.2.3.5.5" } else { "[MS-RPCH] 3.2.4.5.6" };
                let expected = "the principal and the RPC server of the virtual connection";
                let fault = wrong_value("opened", expected, format!("{} of others", channel.first.name()), spec);
                return self.refuse(&channel, fault, RpcError::PROTOCOL_ERROR);
            }
            // A second CONN/A1 or CONN/B1 goes the same way: the virtual channel ends itself for it.
            self.registry.attach(id, self.kind, channel.conn);
            self.front.release(channel.conn, &channel.caller);
            self.events.push_back(ProxyEvent::Attach { id, channel });
            return;
        }
        let claim = Claim::Connection { memory: self.config.memory() };
        if let Err(limit) = self.front.ledger.claim(&self.config.limits, &channel.caller, claim) {
            return self.refuse(&channel, limit_fault("Open_Start", limit), SERVER_TOO_BUSY);
        }
        self.front.release(channel.conn, &channel.caller);
        let transmits = self.front.take_transmits(channel.conn);
        let (caller, rpc) = (channel.caller.clone(), channel.request.rpc.clone());
        let lease = self.registry.insert(cookie, caller, Some(rpc), claim, &[(self.kind, channel.conn)]);
        let parts = ProxyParts { config: self.config, channel, leg: self.legs.allocate(), transmits, lease };
        let machine = (self.open)(now, parts);
        self.events.push_back(ProxyEvent::Opened(Box::new(machine)));
        self.registry.sweep(&mut self.front.ledger);
    }

    fn refuse(&mut self, channel: &Channel, fault: PeerFault, code: u32) {
        self.front.release(channel.conn, &channel.caller);
        self.front.turn_away(channel.conn, channel.caller.clone(), fault, code);
    }
}

/// Whether the first PDU of a channel opens a virtual connection, as against recycling one of its channels.
pub(crate) const fn opens(first: &FirstPdu) -> bool {
    matches!(first, FirstPdu::ConnA1(_) | FirstPdu::ConnB1(_))
}

/// The methods that a proxy has from its core.
macro_rules! proxy_methods {
    ($machine:ty) => {
        /// Takes an event of a connection. `caller` is read with a head.
        ///
        /// # Errors
        /// [`oxwire_core::Error::Misuse`] for a head on a connection whose request is still open. What clients do wrong comes as
        /// [`ProxyEvent::Refused`](crate::front::ProxyEvent::Refused).
        pub fn handle(
            &mut self,
            now: std::time::Instant,
            conn: oxwire_core::ConnectionId,
            caller: &crate::front::Caller,
            event: oxwire_http::HttpEvent,
        ) -> Result<crate::front::Handled, oxwire_core::Error> {
            self.core.handle(now, conn, caller, event)
        }

        /// Takes the verdict on a channel request. Without effect once its connection is gone.
        pub fn verdict(
            &mut self,
            now: std::time::Instant,
            handle: crate::front::AccessHandle,
            verdict: crate::front::Verdict,
        ) {
            self.core.verdict(now, handle, verdict);
        }

        /// Ends requests whose time is over.
        pub fn handle_timeout(&mut self, now: std::time::Instant) {
            self.core.handle_timeout(now);
        }

        /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
        #[must_use]
        pub fn poll_timeout(&self) -> Option<std::time::Instant> {
            self.core.poll_timeout()
        }

        /// What is to be done with the connections that are still the proxy's.
        pub fn poll_transmit(&mut self) -> Option<oxwire_http::HttpTransmit> {
            self.core.poll_transmit()
        }

        /// What happened.
        pub fn poll_event(&mut self) -> Option<crate::front::ProxyEvent<$machine>> {
            self.core.poll_event()
        }

        /// Virtual channels that are open.
        #[must_use]
        pub const fn connections(&self) -> usize {
            self.core.connections()
        }

        /// Requests whose first PDU has not come.
        #[must_use]
        pub const fn half_open(&self) -> usize {
            self.core.half_open()
        }
    };
}

pub(crate) use proxy_methods;
