//! The mixed proxy of RPC over HTTP v1, [MS-RPCH] 3.1.2: one `RPC_CONNECT` request, one TCP connection to the server.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, Error, PeerFault, Transmit};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead};

use crate::fault::{timed_out, wrong_value};
use crate::front::{LEGACY_SERVER_RESPONSE, LegEvent, ProxyTransmit, on_leg};
use crate::http::{RpcError, RpcTarget, connect_response, rpc_error_response};

/// Settings of a [`MixedProxy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long verdict, connection and legacy server response may take. Default 2 minutes.
    pub setup_timeout: Duration,
    /// Bytes that may wait each way, from which on no more is wanted from the other side. Default 256 KiB.
    pub queue_bytes: usize,
}

impl Config {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self { setup_timeout: Duration::from_secs(120), queue_bytes: 256 << 10 };

    /// Sets [`Config::setup_timeout`].
    #[must_use]
    pub const fn with_setup_timeout(mut self, timeout: Duration) -> Self {
        self.setup_timeout = timeout;
        self
    }

    /// Sets [`Config::queue_bytes`].
    #[must_use]
    pub const fn with_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a [`MixedProxy`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// May the client reach this server? Answer with [`MixedProxy::allow`] or [`MixedProxy::deny`].
    Access(RpcTarget),
    /// The server has answered: PDUs pass.
    Opened,
    /// It has ended: the last event.
    Closed {
        /// Why.
        error: Error,
        /// Bytes that the client has sent and that were not forwarded.
        to_server: usize,
        /// Bytes that the server has sent and that were not forwarded.
        to_client: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AccessWait,
    /// Until the legacy server response is whole: how much of it has come.
    LegacyResponseWait(usize),
    Opened,
    Closed,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::AccessWait => "AccessWait",
            Self::LegacyResponseWait(_) => "waiting for the legacy server response",
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}

/// One client's `RPC_CONNECT`, and its leg to the server: bytes pass both ways as they are.
///
/// The client's bytes wait until the legacy server response is here: [MS-RPCH] 3.1.2.5.1 wants it in version 1. One of these is made for each
/// request; how many a client may have is the caller's to count.
pub struct MixedProxy {
    config: Config,
    conn: ConnectionId,
    leg: ConnectionId,
    rpc: Option<RpcTarget>,
    state: State,
    deadline: Option<Instant>,
    to_server: Queue,
    to_client: Queue,
    transmits: VecDeque<ProxyTransmit>,
    events: VecDeque<Event>,
    ended: Option<Closed>,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes = self.bytes.saturating_add(piece.len());
            self.pieces.push_back(piece);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes = self.bytes.saturating_sub(piece.len());
        Some(piece)
    }
}

impl MixedProxy {
    /// A request has come on `conn`; `leg` is the name of the connection to the server that will be asked for. A request that is no
    /// `RPC_CONNECT` for an RPC server is answered and closed.
    #[must_use]
    pub fn new(now: Instant, config: Config, conn: ConnectionId, leg: ConnectionId, head: &RequestHead) -> Self {
        let mut this = Self {
            config,
            conn,
            leg,
            rpc: None,
            state: State::AccessWait,
            deadline: now.checked_add(config.setup_timeout),
            to_server: Queue::default(),
            to_client: Queue::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            ended: None,
        };
        match target(head) {
            Ok(rpc) => {
                this.events.push_back(Event::Access(rpc.clone()));
                this.rpc = Some(rpc);
            }
            Err(fault) => this.end(fault.into(), RpcError::PROTOCOL_ERROR),
        }
        this
    }

    /// The server that the client asks for.
    #[must_use]
    pub const fn rpc(&self) -> Option<&RpcTarget> {
        self.rpc.as_ref()
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether more is wanted from the client.
    #[must_use]
    pub const fn wants_client_input(&self) -> bool {
        self.ended.is_none() && self.to_server.bytes < self.config.queue_bytes
    }

    /// Whether more is wanted from the server.
    #[must_use]
    pub const fn wants_server_input(&self) -> bool {
        self.ended.is_none() && self.to_client.bytes < self.config.queue_bytes
    }

    /// The client may reach the server: the leg is opened. Without effect in another state.
    pub fn allow(&mut self) {
        if let (State::AccessWait, Some(rpc)) = (self.state, self.rpc.clone()) {
            self.transmits.push_back(ProxyTransmit::OpenLeg { conn: self.leg, rpc });
            self.state = State::LegacyResponseWait(0);
        }
    }

    /// The client may not: `503 RPC Error: <code>`. Without effect in another state.
    pub fn deny(&mut self, code: u32) {
        if self.state == State::AccessWait {
            let found = format!("refused with RPC Error {code:x}");
            let expected = "a host and port that this user may reach";
            self.end(wrong_value("AccessWait", expected, found, "[MS-RPCH] 3.1.2.5.1").into(), code);
        }
    }

    /// Takes an event of the client's connection, behind the head.
    ///
    /// # Errors
    /// [`Error::Transport`] for the end of the connection; [`Error::Closed`] after the end.
    pub fn handle(&mut self, event: HttpEvent) -> Result<(), Error> {
        self.alive()?;
        let reason = match event {
            HttpEvent::Body(bytes) => {
                self.to_server.push(bytes);
                return Ok(());
            }
            // A request without Content-Length has no body as far as HTTP goes, before the 2xx.
            HttpEvent::End if self.state != State::Opened => return Ok(()),
            HttpEvent::End => "the client has closed the connection".into(),
            HttpEvent::Reset(reset) => reset.reason,
            _ => return Ok(()),
        };
        self.fail(Error::Transport(reason))
    }

    /// Takes what happened to the leg.
    ///
    /// # Errors
    /// [`Error::Peer`] for a server that begins with something else than the legacy server response, [`Error::Transport`] for the end of the
    /// leg; [`Error::Closed`] after the end.
    pub fn handle_leg(&mut self, event: LegEvent) -> Result<(), Error> {
        self.alive()?;
        match event {
            LegEvent::Opened => Ok(()),
            LegEvent::Lost(reason) => self.fail(Error::Transport(reason)),
            LegEvent::Bytes(bytes) => self.on_server_bytes(bytes),
        }
    }

    fn on_server_bytes(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        if let State::LegacyResponseWait(seen) = self.state {
            let expected = LEGACY_SERVER_RESPONSE.get(seen..).unwrap_or_default();
            let (now, later) = expected.split_at_checked(bytes.len()).unwrap_or((expected, &[]));
            if !bytes.starts_with(now) {
                let expected = "the legacy server response ncacn_http/1.0";
                let fault = wrong_value(self.state.name(), expected, "something else", "[MS-RPCH] 3.1.2.5.1");
                return self.fail(fault.into());
            }
            let _legacy = bytes.split_to(now.len());
            self.state = State::LegacyResponseWait(LEGACY_SERVER_RESPONSE.len().saturating_sub(later.len()));
            if later.is_empty() {
                self.state = State::Opened;
                self.deadline = None;
                if let Ok(head) = connect_response() {
                    let (conn, event) = (self.conn, HttpEvent::Head(Head::Response(head)));
                    self.transmits.push_back(ProxyTransmit::Http(HttpTransmit::Event { conn, event }));
                }
                self.events.push_back(Event::Opened);
            }
        }
        self.to_client.push(bytes);
        Ok(())
    }

    /// Ends a setup that takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let fault = timed_out(self.state.name(), "the legacy server response", "[MS-RPCH] 3.1.2.5.1");
            self.end(fault.into(), RpcError::SERVER_UNAVAILABLE);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; `None` is "never".
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is to be done with the two connections.
    pub fn poll_transmit(&mut self) -> Option<ProxyTransmit> {
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        if self.state != State::Opened {
            return None;
        }
        if let Some(piece) = self.to_server.pop() {
            return Some(ProxyTransmit::Leg(on_leg(self.leg, piece)));
        }
        let event = HttpEvent::Body(self.to_client.pop()?);
        Some(ProxyTransmit::Http(HttpTransmit::Event { conn: self.conn, event }))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn alive(&self) -> Result<(), Error> {
        self.ended.as_ref().map_or(Ok(()), |closed| Err(closed.clone().into()))
    }

    fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.end(error.clone(), RpcError::SERVER_UNAVAILABLE);
        Err(error)
    }

    /// [MS-RPCH] 3.1.2.5.3: what one side sent before it closed still goes to the other.
    fn end(&mut self, error: Error, code: u32) {
        let opened = self.state == State::Opened;
        if opened {
            while let Some(piece) = self.to_server.pop() {
                self.transmits.push_back(ProxyTransmit::Leg(on_leg(self.leg, piece)));
            }
            while let Some(piece) = self.to_client.pop() {
                let event = HttpEvent::Body(piece);
                self.transmits.push_back(ProxyTransmit::Http(HttpTransmit::Event { conn: self.conn, event }));
            }
        } else if let Ok((head, _)) = rpc_error_response(&RpcError::new(code)) {
            for event in [HttpEvent::Head(Head::Response(head)), HttpEvent::End] {
                self.transmits.push_back(ProxyTransmit::Http(HttpTransmit::Event { conn: self.conn, event }));
            }
        }
        self.transmits.push_back(ProxyTransmit::Http(HttpTransmit::Close { conn: self.conn }));
        if self.state != State::AccessWait {
            self.transmits.push_back(ProxyTransmit::Leg(Transmit::Close { conn: self.leg }));
        }
        let (to_server, to_client) = (self.to_server.bytes, self.to_client.bytes);
        self.state = State::Closed;
        self.deadline = None;
        self.ended = Some(Closed { reason: error.to_string().into() });
        self.events.push_back(Event::Closed { error, to_server, to_client });
    }
}

/// The server that a request names, [MS-RPCH] 2.1.1.1.1 and 2.2.2.
fn target(head: &RequestHead) -> Result<RpcTarget, PeerFault> {
    let fault = |expected, found: String| wrong_value("AccessWait", expected, found, "[MS-RPCH] 2.1.1.1.1");
    if head.method() != "RPC_CONNECT" {
        return Err(fault("RPC_CONNECT", "another method".to_owned()));
    }
    // It listens on the whole namespace, 3.1.2.3: the path says nothing.
    let (_path, query) = head.target().split_once('?').unwrap_or((head.target(), ""));
    query.parse().map_err(|error: crate::http::RpcTargetError| fault("?server-name:server-port", error.to_string()))
}

impl fmt::Debug for MixedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MixedProxy")
            .field("conn", &self.conn)
            .field("leg", &self.leg)
            .field("rpc", &self.rpc)
            .field("state", &self.state.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_pdus::rpc;

    const CONN: ConnectionId = ConnectionId::new(1);
    const LEG: ConnectionId = ConnectionId::new(2);

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn asked(method: &str, target: &str) -> (Instant, MixedProxy) {
        let now = Instant::now();
        let head = RequestHead::builder(method, target).field("User-Agent", "RPC").request().unwrap();
        (now, MixedProxy::new(now, Config::DEFAULT, CONN, LEG, &head))
    }

    fn sent(proxy: &mut MixedProxy) -> Vec<ProxyTransmit> {
        std::iter::from_fn(|| proxy.poll_transmit()).collect()
    }

    fn to_client(bytes: Bytes) -> ProxyTransmit {
        ProxyTransmit::Http(HttpTransmit::Event { conn: CONN, event: HttpEvent::Body(bytes) })
    }

    fn close() -> [ProxyTransmit; 2] {
        [ProxyTransmit::Http(HttpTransmit::Close { conn: CONN }), ProxyTransmit::Leg(Transmit::Close { conn: LEG })]
    }

    fn opened() -> MixedProxy {
        let (_, mut proxy) = asked("RPC_CONNECT", "/?mbx.test:6001");
        proxy.allow();
        proxy.handle_leg(LegEvent::Bytes(Bytes::from_static(b"ncacn_http/1.0"))).unwrap();
        sent(&mut proxy);
        while proxy.poll_event().is_some() {}
        proxy
    }

    /// [MS-RPCH] 3.1.2.5.1, 3.1.2.5.2: nothing passes before the legacy server response, everything after it.
    #[test]
    fn pdus_pass_behind_the_legacy_server_response() {
        let (_, mut proxy) = asked("RPC_CONNECT", "/rpc/rpcproxy.dll?mbx.test:6001");
        let rpc_server: RpcTarget = "mbx.test:6001".parse().unwrap();
        assert_eq!(proxy.poll_event(), Some(Event::Access(rpc_server.clone())));
        assert!(sent(&mut proxy).is_empty());
        proxy.allow();
        assert_eq!(sent(&mut proxy), [ProxyTransmit::OpenLeg { conn: LEG, rpc: rpc_server }]);
        proxy.handle_leg(LegEvent::Opened).unwrap();
        proxy.handle(HttpEvent::Body(rpc(100, 1))).unwrap();
        proxy.handle_leg(LegEvent::Bytes(Bytes::from_static(b"ncacn_"))).unwrap();
        assert!(sent(&mut proxy).is_empty());
        let rest = [&b"http/1.0"[..], &rpc(50, 2)].concat();
        proxy.handle_leg(LegEvent::Bytes(rest.into())).unwrap();
        assert_eq!(proxy.poll_event(), Some(Event::Opened));
        let all = sent(&mut proxy);
        let ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. }) = &all[0]
        else {
            panic!("{all:?}")
        };
        assert_eq!((head.status(), head.reason()), (200, &b"OK"[..]));
        assert_eq!(all[1..], [ProxyTransmit::Leg(on_leg(LEG, rpc(100, 1))), to_client(rpc(50, 2))]);
        assert_eq!(proxy.poll_timeout(), None);
    }

    /// [MS-RPCH] 3.1.2.5.3: either side's end is the other's.
    #[test]
    fn the_end_of_one_side_ends_the_other() {
        let mut proxy = opened();
        proxy.handle_leg(LegEvent::Bytes(rpc(64, 1))).unwrap();
        assert!(proxy.handle_leg(LegEvent::Lost("closed".into())).is_err());
        let [http, leg] = close();
        assert_eq!(sent(&mut proxy), [to_client(rpc(64, 1)), http.clone(), leg.clone()]);
        let mut proxy = opened();
        proxy.handle(HttpEvent::Body(rpc(64, 1))).unwrap();
        assert!(proxy.handle(HttpEvent::End).is_err());
        assert_eq!(sent(&mut proxy), [ProxyTransmit::Leg(on_leg(LEG, rpc(64, 1))), http, leg]);
        assert!(proxy.is_closed() && proxy.handle(HttpEvent::End).is_err());
    }

    #[test]
    fn refusals() {
        let reason = |proxy: &mut MixedProxy| match sent(proxy).first() {
            Some(ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. })) => {
                format!("{} {}", head.status(), head.reason().escape_ascii())
            }
            other => panic!("{other:?}"),
        };
        for (method, target) in [("RPC_CONNECT", "/"), ("RPC_CONNECT", "/?mbx.test"), ("POST", "/?mbx.test:6001")] {
            let (_, mut proxy) = asked(method, target);
            assert_eq!(reason(&mut proxy), "503 RPC Error: 6c0");
            assert!(proxy.is_closed());
        }
        let (_, mut proxy) = asked("RPC_CONNECT", "/?mbx.test:6001");
        proxy.deny(RpcError::ACCESS_DENIED);
        assert_eq!(reason(&mut proxy), "503 RPC Error: 5");
        for event in [LegEvent::Lost("refused".into()), LegEvent::Bytes(rpc(16, 1))] {
            let (_, mut proxy) = asked("RPC_CONNECT", "/?mbx.test:6001");
            proxy.allow();
            sent(&mut proxy);
            assert!(proxy.handle_leg(event).is_err());
            assert_eq!(reason(&mut proxy), "503 RPC Error: 6ba");
        }
        let (now, mut proxy) = asked("RPC_CONNECT", "/?mbx.test:6001");
        assert_eq!(proxy.poll_timeout(), Some(now + Duration::from_secs(120)));
        proxy.handle_timeout(now + Duration::from_secs(120));
        assert_eq!(reason(&mut proxy), "503 RPC Error: 6ba");
        assert_eq!(proxy.poll_timeout(), None);
    }

    #[test]
    fn more_is_not_wanted_while_much_waits() {
        let mut proxy = opened();
        assert!(proxy.wants_client_input() && proxy.wants_server_input());
        let large = Bytes::from(vec![0; 256 << 10]);
        proxy.handle(HttpEvent::Body(large.clone())).unwrap();
        proxy.handle_leg(LegEvent::Bytes(large)).unwrap();
        assert!(!proxy.wants_client_input() && !proxy.wants_server_input());
        sent(&mut proxy);
        assert!(proxy.wants_client_input() && proxy.wants_server_input());
    }
}
