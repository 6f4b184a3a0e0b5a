//! The server's end of the 401 loop.

mod config;
mod connection;
mod flow;
mod judge;
mod negotiate;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use oxwire_core::{ConnectionId, Entropy, Error, FileTime, Misuse, Principal};
use oxwire_http::{HttpEvent, HttpTransmit};

use crate::ChannelBinding;
use crate::clock::WallClock;
use crate::closed::ClosedIds;
use crate::trace::event;

pub use config::{Answer, QuestionHandle, RefuseReason, ServerCall, ServerConfig, ServerEvent};

use connection::{Connection, Step};

/// What a server machine gets: an event, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The connection.
    pub conn: ConnectionId,
    /// Who sent the request. `None` only with a `Reset` of a connection that is not authenticated as a whole.
    pub principal: Option<Principal>,
    /// What came.
    pub event: HttpEvent,
}

/// Stands between HTTP connections and a server machine: what is not authenticated does not pass.
///
/// # How it goes
/// - A request without credentials gets a 401 with one `WWW-Authenticate` line for each scheme, in the configured order. So does an
///   empty `Authorization: Bearer`, by which Outlook asks for that list.
/// - NTLM and Negotiate authenticate the connection: after them, requests pass without a header. Basic and Bearer authenticate each request; a value
///   that was accepted passes for [`ServerConfig::recheck`] on the same connection without asking again.
/// - Who the user is, the caller says: [`ServerEvent::NtHashNeeded`], [`ServerEvent::PasswordNeeded`], [`ServerEvent::TokenNeeded`],
///   [`ServerEvent::PrincipalNeeded`], answered by [`answer`](Self::answer). A mechanism of the caller's (Kerberos) takes its steps
///   outside: [`ServerEvent::MechanismNeeded`], [`take_call`](Self::take_call), [`finish_call`](Self::finish_call). The request waits, and its body with it, up to [`ServerConfig::held_bytes`].
/// - Every refusal is the same bare 401 on the wire; [`ServerEvent::Refused`] says why. The body of a refused request is read, or the
///   connection closed when it is longer than [`ServerConfig::drain_bytes`].
/// - A token of NTLM or Negotiate belongs to the connection on which its handshake began; on another one it is refused as unexpected. A proxy
///   in front that deals requests out over connections (haproxy with `http-reuse`, HTTP/2 to several users) breaks it: switch the
///   reuse off there.
///
/// The driver calls [`accept`](Self::accept) for each connection, and passes the `Reset` that ends one, unless this layer or the
/// machine closed it.
pub struct ServerLayer {
    config: ServerConfig,
    entropy: Box<dyn Entropy + Send>,
    wall: WallClock,
    connections: HashMap<ConnectionId, Connection>,
    closed: ClosedIds,
    timers: BTreeSet<(Instant, ConnectionId)>,
    /// Which connection a question is about.
    questions: HashMap<QuestionHandle, ConnectionId>,
    next_handle: u64,
    half_open: usize,
    transmits: VecDeque<HttpTransmit>,
    deliveries: VecDeque<Delivery>,
    events: VecDeque<ServerEvent>,
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer")
            .field("connections", &self.connections)
            .field("half_open", &self.half_open)
            .finish_non_exhaustive()
    }
}

impl ServerLayer {
    /// A layer without connections. `entropy` gives the server challenges, which an attacker must not guess; `wall` is the time at
    /// `now`.
    #[must_use]
    pub fn new(config: ServerConfig, entropy: Box<dyn Entropy + Send>, now: Instant, wall: FileTime) -> Self {
        Self {
            config,
            entropy,
            wall: WallClock::new(now, wall),
            connections: HashMap::new(),
            closed: ClosedIds::default(),
            timers: BTreeSet::new(),
            questions: HashMap::new(),
            next_handle: 1,
            half_open: 0,
            transmits: VecDeque::new(),
            deliveries: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Says the wall time anew: after a sleep, or when the system's clock was set.
    pub fn set_wall(&mut self, now: Instant, wall: FileTime) {
        self.wall = WallClock::new(now, wall);
    }

    /// Takes a connection that was accepted. `secure` says whether TLS protects it, here or at a proxy in front; `binding` is that
    /// of this end's certificate, or of the proxy's where that ends TLS.
    ///
    /// # Errors
    /// [`Error::Misuse`] when it is there already.
    pub fn accept(&mut self, conn: ConnectionId, secure: bool, binding: ChannelBinding) -> Result<(), Error> {
        if self.connections.contains_key(&conn) {
            let advice = "give each connection a number of its own";
            return Err(Misuse { call: "accept", state: "connection open already", advice }.into());
        }
        event!(debug, conn = conn.number(), secure, binding = %binding.kind(), "connection accepted");
        self.connections.insert(conn, Connection::new(conn, secure, binding));
        Ok(())
    }

    /// Says that a connection carries several requests side by side (HTTP/2, HTTP/3): NTLM and Negotiate are not offered on it, and
    /// refused with [`RefuseReason::NeedsHttp11`].
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that was not accepted.
    pub fn set_multiplexed(&mut self, conn: ConnectionId) -> Result<(), Error> {
        self.on_connection(conn, "set_multiplexed", |_, c| {
            c.multiplexed = true;
            Ok(())
        })
    }

    /// Takes what a connection said.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that was not accepted, and for a request before the response to the one in front has
    /// ended: pipelined requests are held back by `oxwire-http`.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.on_connection(conn, "handle", |this, c| this.on_event(now, c, event))
    }

    /// Takes what the machine wants done.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a response on a connection whose request the machine does not have.
    pub fn handle_outgoing(&mut self, now: Instant, transmit: HttpTransmit) -> Result<(), Error> {
        let conn = transmit.conn();
        self.on_connection(conn, "handle_outgoing", |this, c| this.on_outgoing(now, c, transmit))
    }

    /// Answers a question. An answer to a question that is over (the connection ended, time passed) does nothing.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that was not given out, and for an answer that does not fit the question: a bare `Accept`
    /// for NTLM, a session key for Basic or Bearer, an NT hash for Bearer. The question stands then.
    pub fn answer(&mut self, now: Instant, handle: QuestionHandle, answer: Answer) -> Result<(), Error> {
        if handle.0 >= self.next_handle {
            let advice = "answer with the handle of an event";
            return Err(Misuse { call: "answer", state: "no such question", advice }.into());
        }
        let Some(conn) = self.questions.get(&handle).copied() else { return Ok(()) };
        self.on_connection(conn, "answer", |this, c| this.on_answer(now, c, answer))
    }

    /// What goes to the network next.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<HttpTransmit> {
        self.transmits.pop_front()
    }

    /// What goes to the machine next.
    pub fn poll_deliver(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// What the application is asked or told next.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// Takes the passing of time. Early, it does nothing; after it no timer is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, conn)) = self.timers.first().copied()
            && at <= now
        {
            let known = self.on_connection(conn, "handle_timeout", |this, c| {
                this.on_deadline(now, c);
                Ok(())
            });
            if known.is_err() {
                self.timers.remove(&(at, conn));
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Runs `f` on a connection and keeps the timers and counts in step with it.
    fn on_connection(
        &mut self,
        conn: ConnectionId,
        call: &'static str,
        f: impl FnOnce(&mut Self, &mut Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(mut c) = self.connections.remove(&conn) else {
            if self.closed.has(conn) {
                return Ok(());
            }
            let advice = "call `accept` first, and keep one connection on one `ConnectionId`";
            return Err(Misuse { call, state: "no such connection", advice }.into());
        };
        let asked = Self::handle_of(&c);
        let result = f(self, &mut c);
        if let Some(handle) = asked
            && (c.gone || Self::handle_of(&c) != asked)
        {
            self.questions.remove(&handle);
        }
        let half_open = !c.gone && matches!(c.handshaking, connection::Handshake::Challenged(_));
        match (c.half_open, half_open) {
            (false, true) => self.half_open += 1,
            (true, false) => self.half_open = self.half_open.saturating_sub(1),
            _ => {}
        }
        c.half_open = half_open;
        let timer = if c.gone { None } else { c.deadline() };
        if timer != c.timer {
            if let Some(at) = c.timer.take() {
                self.timers.remove(&(at, conn));
            }
            if let Some(at) = timer {
                self.timers.insert((at, conn));
            }
            c.timer = timer;
        }
        if c.gone {
            self.closed.add(conn);
        } else {
            self.connections.insert(conn, c);
        }
        result
    }

    const fn handle_of(c: &Connection) -> Option<QuestionHandle> {
        match &c.step {
            Step::Waiting(waiting) => Some(waiting.handle),
            _ => None,
        }
    }
}
