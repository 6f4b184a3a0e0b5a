//! The client of RPC over HTTP v1, [MS-RPCH] 3.1.1.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, Error, Misuse, PeerFault};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, Reset};
use oxwire_rpc::association::OutgoingPdu;

use crate::channel::{ChannelPdu, Heads, PdusIn, SendQueue};
use crate::fault::{self, Refused, RefusedReason};
use crate::http::{PathKind, RpcTarget, connect_request};

/// Settings of a [`Client`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The mixed proxy. The text has port 80 and no TLS; another one is the caller's to say.
    pub origin: Origin,
    /// The path of the request. Default: `/rpc/rpcproxy.dll`.
    pub path: Arc<str>,
    /// The RPC server behind the proxy.
    pub rpc: RpcTarget,
    /// The Connection Setup timer, [MS-RPCH] 3.1.1.2.1. Default 2 minutes.
    pub setup_timeout: Duration,
    /// The largest PDU that is taken, in bytes. Default 65,535.
    pub max_pdu: u16,
    /// Bytes of PDUs that wait to be sent. Default 4 MiB.
    pub queue_bytes: usize,
    /// Bytes of received PDUs that are not consumed, from which on [`Client::wants_input`] is `false`. Default 256 KiB.
    pub receive_bytes: usize,
}

impl Config {
    /// The defaults, for a proxy and a server behind it.
    #[must_use]
    pub fn new(origin: Origin, rpc: RpcTarget) -> Self {
        Self {
            origin,
            path: PathKind::NoCert.as_str().into(),
            rpc,
            setup_timeout: Duration::from_secs(120),
            max_pdu: u16::MAX,
            queue_bytes: 4 << 20,
            receive_bytes: 256 << 10,
        }
    }

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

    /// Sets [`Config::receive_bytes`].
    #[must_use]
    pub const fn with_receive_bytes(mut self, bytes: usize) -> Self {
        self.receive_bytes = bytes;
        self
    }
}

/// What a [`Client`] tells.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The connection is opened: PDUs may be sent.
    Opened,
    /// A whole PDU, in order.
    Pdu(Bytes),
    /// The connection has ended. The last event.
    Closed {
        /// Why.
        reason: CloseReason,
        /// The PDUs that were taken and never went out, in order.
        unsent: Vec<Bytes>,
        /// How many PDUs went out before them; the last of those may not have arrived.
        sent: u64,
    },
}

/// PDUs by their length: they carry somebody's mail.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("Opened"),
            Self::Pdu(pdu) => write!(f, "Pdu({} bytes)", pdu.len()),
            Self::Closed { reason, unsent, sent } => {
                write!(f, "Closed({reason}; {sent} PDUs sent, {} unsent)", unsent.len())
            }
        }
    }
}

/// Why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The caller closed it.
    #[error("closed by the caller")]
    ByCaller,
    /// The peer broke the protocol, or did not answer in time.
    #[error(transparent)]
    Peer(PeerFault),
    /// A status outside 200 to 299.
    #[error("the RPC connect request was answered with status {status}; expected 200 to 299 ([MS-RPCH] 3.1.1.4.1)")]
    Status {
        /// The status.
        status: u16,
    },
    /// The connection was lost, or closed by the other side.
    #[error("the connection was lost: {0}")]
    Transport(Arc<str>),
}

#[derive(Debug)]
enum State {
    /// Not asked for.
    Start,
    /// Wait: the Connection Setup timer runs.
    Wait {
        deadline: Option<Instant>,
    },
    /// Opened.
    Opened,
    Closed(Closed),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Wait { .. } => "Wait",
            Self::Opened => "opened",
            Self::Closed(_) => "closed",
        }
    }
}

/// One connection to an RPC server, through a mixed proxy: one request, `RPC_CONNECT`, behind whose answer the connection carries
/// PDUs both ways.
///
/// Version 1 has neither flow control nor recycling nor pings: the transport's own back-pressure is all there is, so a driver
/// reads only while [`wants_input`](Self::wants_input).
pub struct Client {
    config: Config,
    conn: ConnectionId,
    state: State,
    pdus: PdusIn,
    queue: SendQueue,
    heads: Heads,
    sent: u64,
    unconsumed: usize,
    transmits: VecDeque<HttpTransmit>,
    events: VecDeque<Event>,
    now: Option<Instant>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("conn", &self.conn)
            .field("state", &self.state.name())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client that asks for nothing yet, on a connection that it names `conn`.
    #[must_use]
    pub fn new(config: Config, conn: ConnectionId) -> Self {
        Self {
            conn,
            state: State::Start,
            pdus: PdusIn::new(config.max_pdu),
            queue: SendQueue::new(config.queue_bytes),
            heads: Heads::default(),
            sent: 0,
            unconsumed: 0,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            now: None,
            config,
        }
    }

    /// Sends the RPC connect request. [MS-RPCH] 3.1.1.4.1
    ///
    /// # Errors
    /// [`Error::Misuse`] the second time, and for a path or a host that no request can carry; [`Error::Closed`] after the end.
    pub fn connect(&mut self, now: Instant) -> Result<(), Error> {
        let now = self.tick(now);
        match &self.state {
            State::Start => {}
            State::Closed(closed) => return Err(closed.clone().into()),
            _ => return Err(self.misuse("connect", "one client is one connection; make another one")),
        }
        let Config { origin, path, rpc, setup_timeout, .. } = &self.config;
        let Ok(head) = connect_request(path, rpc, &origin.authority()) else {
            return Err(self.misuse("connect", "take control characters out of the configured path and host"));
        };
        let conn = self.conn;
        self.state = State::Wait { deadline: now.checked_add(*setup_timeout) };
        self.transmits.push_back(HttpTransmit::Open { conn, origin: origin.clone() });
        self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) });
        // The request has no body of its own: what follows is the tunnel's.
        self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::End });
        Ok(())
    }

    /// Takes a whole RPC PDU to be sent: in one piece, or with its head apart, as an association gives it. Its body is not copied.
    /// [MS-RPCH] 3.1.1.4.2
    ///
    /// # Errors
    /// [`Refused`], with the PDU in it.
    pub fn send_pdu(&mut self, now: Instant, pdu: impl Into<OutgoingPdu>) -> Result<(), Refused> {
        self.tick(now);
        let pdu = pdu.into();
        match &self.state {
            State::Opened => self.queue.accept(pdu),
            State::Closed(_) => Err(Refused { pdu, reason: RefusedReason::Closed }),
            State::Start | State::Wait { .. } => Err(Refused { pdu, reason: RefusedReason::NotOpened }),
        }
    }

    /// Says that `len` bytes of received PDUs are used up.
    pub fn consume(&mut self, now: Instant, len: usize) {
        self.tick(now);
        self.unconsumed = self.unconsumed.saturating_sub(len);
    }

    /// Whether to read more from the transport.
    #[must_use]
    pub const fn wants_input(&self) -> bool {
        self.unconsumed < self.config.receive_bytes
    }

    /// Closes the connection; [`Event::Closed`] follows. [MS-RPCH] 3.1.1.4.3
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        self.end(CloseReason::ByCaller);
    }

    /// Takes what the connection said.
    ///
    /// # Errors
    /// [`Error::Peer`] when that breaks the protocol, and [`Event::Closed`] follows; [`Error::Misuse`] for another connection.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.tick(now);
        if conn != self.conn || matches!(self.state, State::Start) {
            return Err(self.misuse("handle", "pass events of the connection that this client asked to open"));
        }
        match (&self.state, event) {
            (State::Closed(_), _) => Ok(()),
            (State::Wait { .. }, HttpEvent::Head(Head::Response(head))) => {
                match head.status() {
                    ..200 => {}
                    200..300 => {
                        self.state = State::Opened;
                        self.events.push_back(Event::Opened);
                    }
                    status => self.end(CloseReason::Status { status }),
                }
                Ok(())
            }
            (State::Opened, HttpEvent::Body(piece)) => {
                self.pdus.push(piece);
                self.drain()
            }
            (_, HttpEvent::Reset(Reset { reason, .. })) => {
                self.end(CloseReason::Transport(reason));
                Ok(())
            }
            (_, HttpEvent::End) => {
                self.end(CloseReason::Transport("closed by the other side".into()));
                Ok(())
            }
            (state, HttpEvent::Head(_) | HttpEvent::Body(_)) => {
                let name = state.name();
                let (expected, found) =
                    ("one RPC connect response, and PDUs behind it", "another head, or a body before it");
                Err(self.fault(fault::wrong_value(name, expected, found, "[MS-RPCH] 2.1.1.1.2")))
            }
            _ => Ok(()),
        }
    }

    /// "It MUST pass it on without modifying the contents of the PDU." [MS-RPCH] 3.1.1.5.1
    fn drain(&mut self) -> Result<(), Error> {
        loop {
            match self.pdus.next_pdu() {
                Ok(None) => return Ok(()),
                Ok(Some(ChannelPdu::Rpc(pdu))) => {
                    self.unconsumed = self.unconsumed.saturating_add(pdu.len());
                    self.events.push_back(Event::Pdu(pdu));
                }
                Ok(Some(ChannelPdu::Rts(pdu))) => {
                    let expected = "an RPC PDU: version 1 has no RTS PDUs";
                    return Err(self.fault(fault::unexpected_pdu("opened", expected, &pdu, "[MS-RPCH] 2.2.1")));
                }
                Err(error) => return Err(self.fault(fault::broken_stream("opened", error))),
            }
        }
    }

    /// Takes the passing of time. Early, it does nothing; after it no timer is due at `now`.
    ///
    /// # Errors
    /// [`Error::Peer`] when the Connection Setup timer expires. [MS-RPCH] 3.1.1.2.1
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let now = self.tick(now);
        match self.state {
            State::Wait { deadline: Some(deadline) } if deadline <= now => {
                Err(self.fault(fault::timed_out("Wait", "an RPC connect response", "[MS-RPCH] 3.1.1.4.1")))
            }
            _ => Ok(()),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Wait { deadline } => deadline,
            _ => None,
        }
    }

    /// What goes to the connection next. A PDU that is not handed out was not sent.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.tick(now);
        if let Some(transmit) = self.transmits.pop_front() {
            return Some(transmit);
        }
        let (conn, (first, rest)) = (self.conn, self.heads.pieces(self.queue.pop()?));
        self.sent = self.sent.saturating_add(1);
        self.transmits.extend(rest.map(|rest| HttpTransmit::Event { conn, event: HttpEvent::Body(rest) }));
        Some(HttpTransmit::Event { conn, event: HttpEvent::Body(first) })
    }

    /// What the application is to know next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn end(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        if !matches!(self.state, State::Start) {
            let conn = self.conn;
            let by_caller = reason == CloseReason::ByCaller;
            let transmit = if by_caller { HttpTransmit::Close { conn } } else { HttpTransmit::Abort { conn } };
            self.transmits.push_back(transmit);
        }
        self.state = State::Closed(Closed { reason: reason.to_string().into() });
        let unsent = self.queue.drain().collect();
        self.events.push_back(Event::Closed { reason, unsent, sent: self.sent });
    }

    fn fault(&mut self, fault: PeerFault) -> Error {
        self.end(CloseReason::Peer(fault.clone()));
        fault.into()
    }

    fn tick(&mut self, now: Instant) -> Instant {
        let latest = self.now.map_or(now, |clock| clock.max(now));
        self.now = Some(latest);
        latest
    }

    fn misuse(&self, call: &'static str, advice: &'static str) -> Error {
        Misuse { call, state: self.state.name(), advice }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::connect_response;
    use oxwire_core::Transmit;
    use oxwire_http::{Connection, HttpLimits, ResponseHead};

    const CONN: ConnectionId = ConnectionId::new(7);

    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn start() -> Instant {
        Instant::now()
    }

    fn client() -> Client {
        let origin = Origin::from_url("http://proxy.test/").unwrap().0;
        Client::new(Config::new(origin, "mbx1:6001".parse().unwrap()), CONN)
    }

    /// co_cancel, \[C706\] 12.6.4.8, with a call_id of its own.
    fn pdu(call_id: u8) -> Bytes {
        vec![5, 0, 18, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, call_id, 0, 0, 0].into()
    }

    fn head(head: ResponseHead) -> HttpEvent {
        HttpEvent::Head(Head::Response(head))
    }

    fn opened(now: Instant) -> Client {
        let mut client = client();
        client.connect(now).unwrap();
        let Some(HttpTransmit::Open { conn: CONN, .. }) = client.poll_transmit(now) else { panic!() };
        let Some(HttpTransmit::Event { event: HttpEvent::Head(Head::Request(request)), .. }) =
            client.poll_transmit(now)
        else {
            panic!()
        };
        assert_eq!((request.method(), request.target()), ("RPC_CONNECT", "/rpc/rpcproxy.dll?mbx1:6001"));
        let end = HttpTransmit::Event { conn: CONN, event: HttpEvent::End };
        assert_eq!((client.poll_transmit(now), client.poll_transmit(now)), (Some(end), None));
        let refused = client.send_pdu(now, pdu(1)).unwrap_err();
        assert_eq!((refused.reason, refused.pdu.into_bytes()), (RefusedReason::NotOpened, pdu(1)));
        client.handle(now, CONN, head(connect_response().unwrap())).unwrap();
        assert_eq!(client.poll_event(), Some(Event::Opened));
        assert_eq!(client.poll_timeout(), None, "the Connection Setup timer is cancelled");
        client
    }

    /// [MS-RPCH] 3.1.1.4.1 to 3.1.1.5.1.
    #[test]
    fn a_connection_opens_and_carries_pdus_both_ways() {
        let now = start();
        let mut client = opened(now);
        client.send_pdu(now, pdu(1)).unwrap();
        client.send_pdu(now, pdu(2)).unwrap();
        for number in 1..=2 {
            let expected = HttpTransmit::Event { conn: CONN, event: HttpEvent::Body(pdu(number)) };
            assert_eq!(client.poll_transmit(now), Some(expected));
        }
        let stream = [pdu(3), pdu(4)].concat();
        for byte in stream {
            client.handle(now, CONN, HttpEvent::Body(vec![byte].into())).unwrap();
        }
        assert_eq!(client.poll_event(), Some(Event::Pdu(pdu(3))));
        assert_eq!(client.poll_event(), Some(Event::Pdu(pdu(4))));
    }

    /// Any status from 200 to 299 is success, any other a connection error.
    #[test]
    fn statuses() {
        let now = start();
        for (status, opens) in [(200, true), (299, true), (300, false), (401, false), (503, false)] {
            let mut client = client();
            client.connect(now).unwrap();
            client.handle(now, CONN, head(ResponseHead::builder(100, "").response().unwrap())).unwrap();
            client.handle(now, CONN, head(ResponseHead::builder(status, "").response().unwrap())).unwrap();
            let event = client.poll_event().unwrap();
            assert_eq!(event == Event::Opened, opens, "{status}");
            let reason = CloseReason::Status { status };
            assert!(opens || event == Event::Closed { reason, unsent: vec![], sent: 0 });
        }
    }

    /// Over bytes: the request, the response, and PDUs behind both.
    #[test]
    fn the_connection_becomes_a_tunnel() {
        let now = start();
        let mut client = client();
        client.connect(now).unwrap();
        let mut near = Connection::client(CONN, HttpLimits::DEFAULT);
        let mut far = Connection::server(now, CONN, HttpLimits::DEFAULT);
        let carry = |from: &mut Connection, to: &mut Connection| {
            while let Some(Transmit::Send { head, body, .. }) = from.poll_transmit(now) {
                to.handle(now, [head.as_slice(), &body].concat().into()).unwrap();
            }
            std::iter::from_fn(|| to.poll_event()).collect::<Vec<_>>()
        };
        let give = |client: &mut Client, near: &mut Connection| {
            while let Some(transmit) = client.poll_transmit(now) {
                if let HttpTransmit::Event { event, .. } = transmit {
                    near.send(now, event).unwrap();
                }
            }
        };
        give(&mut client, &mut near);
        let told = carry(&mut near, &mut far);
        let [HttpEvent::Head(Head::Request(head)), HttpEvent::End] = &told[..] else { panic!("{told:?}") };
        assert_eq!(head.method(), "RPC_CONNECT");
        far.send(now, self::head(connect_response().unwrap())).unwrap();
        for event in carry(&mut far, &mut near) {
            client.handle(now, CONN, event).unwrap();
        }
        assert_eq!(client.poll_event(), Some(Event::Opened));
        client.send_pdu(now, pdu(1)).unwrap();
        give(&mut client, &mut near);
        assert_eq!(carry(&mut near, &mut far), [HttpEvent::Body(pdu(1))]);
        far.send(now, HttpEvent::Body(pdu(2))).unwrap();
        for event in carry(&mut far, &mut near) {
            client.handle(now, CONN, event).unwrap();
        }
        assert_eq!(client.poll_event(), Some(Event::Pdu(pdu(2))));
    }

    #[test]
    fn the_connection_setup_timer() {
        let now = start();
        let mut client = client();
        client.connect(now).unwrap();
        assert_eq!(client.poll_timeout(), Some(now + Duration::from_secs(120)));
        client.handle_timeout(now + Duration::from_secs(119)).unwrap();
        let error = client.handle_timeout(now + Duration::from_secs(120)).unwrap_err().to_string();
        assert!(error.contains("Wait") && error.contains("3.1.1.4.1"), "{error}");
        assert!(matches!(client.poll_event(), Some(Event::Closed { .. })));
        assert!(matches!(client.connect(now), Err(Error::Closed(_))));
    }

    #[test]
    fn what_was_not_handed_out_comes_back() {
        let now = start();
        for end in [HttpEvent::End, HttpEvent::Reset(Reset::unknown("lost"))] {
            let mut client = opened(now);
            client.send_pdu(now, pdu(1)).unwrap();
            client.send_pdu(now, pdu(2)).unwrap();
            assert!(client.poll_transmit(now).is_some());
            client.handle(now, CONN, end).unwrap();
            let Some(Event::Closed { reason: CloseReason::Transport(_), unsent, sent: 1 }) = client.poll_event() else {
                panic!()
            };
            assert_eq!(unsent, [pdu(2)]);
            assert_eq!(client.send_pdu(now, pdu(3)).unwrap_err().reason, RefusedReason::Closed);
            assert_eq!(client.poll_transmit(now), Some(HttpTransmit::Abort { conn: CONN }));
            client.handle(now, CONN, HttpEvent::Body(pdu(4))).unwrap();
            assert_eq!(client.poll_event(), None);
        }
    }

    #[test]
    fn bad_input_ends_the_connection() {
        let now = start();
        // A Ping RTS PDU, and frag_length 0.
        let ping = [5, 0, 20, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        let zero = [5, 0, 0, 3, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (bytes, word) in [(&ping[..], "Ping"), (&zero[..], "frag_length")] {
            let mut client = opened(now);
            let error = client.handle(now, CONN, HttpEvent::Body(Bytes::copy_from_slice(bytes))).unwrap_err();
            assert!(error.to_string().contains(word) && error.to_string().contains("opened"), "{error}");
            assert!(matches!(client.poll_event(), Some(Event::Closed { .. })));
        }
        let mut client = opened(now);
        assert!(client.handle(now, CONN, head(connect_response().unwrap())).is_err());
        let mut early = self::client();
        early.connect(now).unwrap();
        assert!(early.handle(now, CONN, HttpEvent::Body(pdu(1))).is_err());
    }

    #[test]
    fn queues_are_bounded_both_ways() {
        let now = start();
        let mut client = opened(now);
        client.queue = SendQueue::new(20);
        client.config.queue_bytes = 20;
        client.send_pdu(now, pdu(1)).unwrap();
        assert_eq!(client.send_pdu(now, pdu(2)).unwrap_err().reason, RefusedReason::QueueFull { limit: 20 });
        assert_eq!(client.send_pdu(now, Bytes::from_static(b"x")).unwrap_err().reason, RefusedReason::NotAPdu);
        client.config.receive_bytes = 32;
        client.handle(now, CONN, HttpEvent::Body([pdu(3), pdu(4)].concat().into())).unwrap();
        assert!(!client.wants_input());
        client.consume(now, 16);
        assert!(client.wants_input());
    }

    #[test]
    fn verbs_out_of_order_are_misuse() {
        let now = start();
        let mut client = client();
        assert!(matches!(client.handle(now, CONN, HttpEvent::End), Err(Error::Misuse(_))));
        client.connect(now).unwrap();
        assert!(matches!(client.connect(now), Err(Error::Misuse(_))));
        let other = ConnectionId::new(8);
        assert!(matches!(client.handle(now, other, HttpEvent::End), Err(Error::Misuse(_))));
        client.close(now);
        client.close(now);
        let reason = CloseReason::ByCaller;
        assert_eq!(client.poll_event(), Some(Event::Closed { reason, unsent: vec![], sent: 0 }));
        assert_eq!(client.poll_event(), None);
    }
}
