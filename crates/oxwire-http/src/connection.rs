//! One connection, either end: bytes on one side, [`HttpEvent`]s on the other.

mod closing;
mod receive;
mod send;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, Error, Transmit};

use crate::body::BodyReader;
use crate::framing::RequestKind;
use crate::output::Output;
use crate::scan::{Section, SectionKind};
use crate::trace::event;
use crate::{Fault, HttpEvent, HttpLimits, Reset, ResetCause, Version};

pub use self::send::{SendError, SendRefusal};

/// HTTP/1.1 on one transport connection, as a client or as a server.
///
/// Bytes from the socket go into [`handle`](Self::handle) and come out of [`poll_event`](Self::poll_event) as heads, pieces
/// of bodies and ends; what is to be said goes into [`send`](Self::send) and comes out of
/// [`poll_transmit`](Self::poll_transmit) as bytes to write. Bodies are never buffered: a piece is a slice of the input or of
/// what was given, so 1 GiB is announced and streamed like 1 KiB.
///
/// # Rules
/// - The head decides the framing. A head with `Content-Length` or `Transfer-Encoding: chunked` is sent as it is; chunks are
///   framed here. A request with neither has no body; a response with neither ends with the connection.
/// - Request and response overlap freely: a response may begin, and end, while the request body is still open, and the
///   request body goes on after it (RPC over HTTP lives on that). An exchange is over when both have ended.
/// - One exchange at a time. The client's end refuses a request before the one in front is over; the server's end holds the
///   bytes of pipelined requests back until then (see [`wants_input`](Self::wants_input)).
/// - A response body has to be read, or at least arrive, to its end before the next request: whoever does not want it gives
///   the connection up, and with it what NTLM authenticated.
/// - A 2xx to `CONNECT` or `RPC_CONNECT`, and 101 to a request with `Upgrade`, turn the connection into a tunnel: `Body` is
///   then bytes as they are, both ways, and `End` is the half-close. 101 to another request is a fault.
/// - To an HTTP/1.0 client a chunked response goes out close-delimited, and interim responses do not go out.
/// - `Connection: close` (or `keep-alive`, to HTTP/1.0) is added to a response when it is what will happen and the head does
///   not say it.
/// - Any error, and the end of the connection, is told as [`HttpEvent::Reset`], once, as the last event.
///
/// # The fate of a request
/// [`Reset::request`](crate::Reset::request) is exact: what was not taken by `poll_transmit` was not sent, and a driver whose
/// write fails says by [`handle_lost`](Self::handle_lost) how many of the taken bytes the transport did not accept. Without a
/// request in flight it is `NotSent`: whatever comes next has not been sent. On the server's end `NotSent` says that the
/// request did not arrive whole.
#[derive(Debug)]
pub struct Connection {
    conn: ConnectionId,
    role: Role,
    limits: HttpLimits,
    /// The latest `now`; time does not go back.
    clock: Option<Instant>,
    input: VecDeque<Bytes>,
    held: usize,
    events: VecDeque<HttpEvent>,
    output: Output,
    receiving: Receiving,
    sending: Sending,
    exchange: Exchange,
    gate: Option<Gate>,
    timers: Timers,
    closing: Closing,
    ended: Option<Arc<str>>,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
    /// No HTTP at all.
    Raw,
}

/// What is expected from the peer.
#[derive(Debug)]
enum Receiving {
    /// Nothing: the client asked for nothing, or the server is answering.
    Nothing,
    Head(Section),
    Body(BodyReader),
    Tunnel,
    /// The connection, or the peer's half of the tunnel, is over.
    Ended,
}

/// What is expected from the caller.
#[derive(Debug)]
enum Sending {
    /// On the client a request head; on the server nothing.
    Nothing,
    /// On the server, a response head.
    Head,
    /// No body: the end.
    Empty,
    Length {
        left: u64,
    },
    /// With the trailer section, once it was given.
    Chunked {
        trailers: Option<Bytes>,
    },
    UntilClose,
    Tunnel,
    /// A request body that the server refused to see: it is taken and dropped.
    Withheld,
    /// The message is whole.
    Ended,
}

/// The exchange under way.
#[derive(Debug, Clone, Copy)]
struct Exchange {
    kind: RequestKind,
    /// Of the request.
    version: Version,
    persists: bool,
    /// 101 may answer the request.
    switches: bool,
    interim: usize,
    /// Where on the wire the request begins and, once that is known, ends.
    begin: u64,
    end: Option<u64>,
}

impl Exchange {
    const NONE: Self = Self {
        kind: RequestKind::Other,
        version: Version::Http11,
        persists: true,
        switches: false,
        interim: 0,
        begin: 0,
        end: None,
    };
}

/// Holds a request body back for `100 Continue`.
#[derive(Debug, Clone, Copy)]
struct Gate {
    /// What lies behind this offset on the wire waits.
    offset: u64,
    /// Runs from the moment the head is taken.
    until: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Timers {
    head: Option<Instant>,
    idle: Option<Instant>,
    stall: Option<Instant>,
    linger: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    Open,
    /// Close once the output is drained.
    Draining,
    /// Half-closed; the peer's bytes are dropped until it closes, or until the timer.
    Lingering,
    /// Drop the connection.
    Aborting,
    Closed,
}

impl Connection {
    /// The client's end of `conn`. Events may be sent before the transport is open.
    #[must_use]
    pub fn client(conn: ConnectionId, limits: HttpLimits) -> Self {
        Self::new(conn, Role::Client, limits, Receiving::Nothing, Sending::Nothing)
    }

    /// The server's end of `conn`, accepted at `now`: the time for the first head runs from here.
    #[must_use]
    pub fn server(now: Instant, conn: ConnectionId, limits: HttpLimits) -> Self {
        let head = Receiving::Head(Section::new(SectionKind::RequestHead));
        let mut this = Self::new(conn, Role::Server, limits, head, Sending::Nothing);
        this.clock = Some(now);
        this.timers.head = now.checked_add(limits.head_timeout);
        this
    }

    /// Either end of a connection that carries no HTTP: `Body` and `End` alone, as behind a tunnel's head. The legs between
    /// the proxies and the server of [MS-RPCH] 2.1.2.2 are such.
    #[must_use]
    pub fn raw(conn: ConnectionId, limits: HttpLimits) -> Self {
        Self::new(conn, Role::Raw, limits, Receiving::Tunnel, Sending::Tunnel)
    }

    fn new(conn: ConnectionId, role: Role, limits: HttpLimits, receiving: Receiving, sending: Sending) -> Self {
        event!(debug, conn = conn.number(), role = ?role, "connection opened");
        Self {
            conn,
            role,
            limits,
            clock: None,
            input: VecDeque::new(),
            held: 0,
            events: VecDeque::new(),
            output: Output::default(),
            receiving,
            sending,
            exchange: Exchange::NONE,
            gate: None,
            timers: Timers::default(),
            closing: Closing::Open,
            ended: None,
            fault: None,
        }
    }

    /// Takes bytes from the peer.
    ///
    /// # Errors
    /// [`Error::Peer`] for bytes that are not HTTP/1.1 or break a limit ([`fault`](Self::fault) tells which as a value); the
    /// connection is finished then, and `poll_event` tells so too. A server's end answers with the fitting status first, where
    /// no response has begun. [`Error::Closed`] after the end.
    pub fn handle(&mut self, now: Instant, bytes: Bytes) -> Result<(), Error> {
        let now = self.tick(now);
        if let (Receiving::Ended, Some(reason)) = (&self.receiving, &self.ended) {
            // Bytes that cross the end are no error: they were on their way.
            return match self.closing {
                Closing::Closed => Err(Closed { reason: reason.clone() }.into()),
                _ => Ok(()),
            };
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.held = self.held.saturating_add(bytes.len());
        self.input.push_back(bytes);
        self.run(now)
    }

    /// Takes the end of the peer's bytes: it closed, or half-closed, the connection. Outside a tunnel a client that half-closes
    /// while it waits for an answer is taken as gone: it cannot be told from one that is.
    pub fn handle_eof(&mut self, now: Instant) {
        let now = self.tick(now);
        self.on_eof(now);
    }

    /// Takes the loss of the connection: it was reset, or a write failed. `unwritten` is the number of bytes
    /// that `poll_transmit` handed out and the transport did not accept: on it hangs whether a request may go out again.
    pub fn handle_lost(&mut self, now: Instant, unwritten: u64, reason: impl Into<Arc<str>>) {
        self.tick(now);
        let fate = self.fate(unwritten);
        self.end(fate, reason.into(), Closing::Aborting);
    }

    /// Takes that the connection could not be opened, and why: nothing was sent, whatever `poll_transmit` handed out.
    pub fn handle_not_opened(&mut self, now: Instant, cause: ResetCause, reason: impl Into<Arc<str>>) {
        self.tick(now);
        self.end_for(Reset::not_sent(reason).with_cause(cause), Closing::Aborting);
    }

    /// Takes the passing of time. Early, it does nothing; after it no timer is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.tick(now);
        self.on_timeout(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let Timers { head, idle, stall, linger } = self.timers;
        [head, idle, stall, linger, self.gate.and_then(|gate| gate.until)].into_iter().flatten().min()
    }

    /// Sends a part of a message, or of a tunnel.
    ///
    /// # Errors
    /// [`SendError`], with the event in it: the queue is full, the order is wrong, the head contradicts itself, or the
    /// connection has ended. But for the last nothing has changed.
    pub fn send(&mut self, now: Instant, event: HttpEvent) -> Result<(), SendError> {
        let now = self.tick(now);
        self.on_send(event)?;
        // The end of a response lets the next, held request in. A fault in it is told as an event.
        let _told_as_reset = self.run(now);
        Ok(())
    }

    /// Closes the connection once all that was sent is out. No event follows.
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        self.quit("closed by the caller", Closing::Draining);
    }

    /// Drops the connection now. No event follows.
    pub fn abort(&mut self, now: Instant) {
        self.tick(now);
        self.quit("dropped by the caller", Closing::Aborting);
    }

    /// The next thing that the peer did.
    pub fn poll_event(&mut self) -> Option<HttpEvent> {
        self.events.pop_front()
    }

    /// The next thing to do with the transport. Bytes that are taken count as sent unless
    /// [`handle_lost`](Self::handle_lost) says otherwise.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let now = self.tick(now);
        if self.closing == Closing::Aborting {
            self.output.clear();
            self.closing = Closing::Closed;
            return Some(Transmit::Abort { conn: self.conn });
        }
        let offset = self.gate.map(|gate| gate.offset);
        if let Some(transmit) = self.output.next(self.conn, offset) {
            return Some(transmit);
        }
        if let (Some(gate), Some(patience)) = (&mut self.gate, self.limits.continue_timeout)
            && gate.until.is_none()
        {
            gate.until = now.checked_add(patience);
        }
        if self.closing == Closing::Draining && self.output.is_empty() {
            self.closing = Closing::Closed;
            self.timers = Timers::default();
            return Some(Transmit::Close { conn: self.conn });
        }
        None
    }

    /// Bytes that wait to be taken by `poll_transmit`.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.output.queued()
    }

    /// Whether to read more from the transport. `false` while a pipelined request is held back, and after the end; a driver
    /// that reads all the same is cut off at [`HttpLimits::held_bytes`].
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.held == 0 && self.closing != Closing::Closed
    }

    /// Whether a client's end takes a request now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.role == Role::Client && matches!((&self.sending, &self.receiving), (Sending::Nothing, Receiving::Nothing))
    }

    /// Whether the connection is a tunnel.
    #[must_use]
    pub fn is_tunnel(&self) -> bool {
        matches!(self.receiving, Receiving::Tunnel) || matches!(self.sending, Sending::Tunnel)
    }

    /// Why the connection has ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// What the peer did wrong, if that is why it ended.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The connection's name.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        self.conn
    }

    /// `now`, or the latest one that was given.
    fn tick(&mut self, now: Instant) -> Instant {
        let latest = self.clock.map_or(now, |clock| clock.max(now));
        self.clock = Some(latest);
        latest
    }

    /// What it is doing, for errors.
    const fn state(&self) -> &'static str {
        match (self.role, &self.receiving, &self.sending) {
            (_, Receiving::Ended, _) if self.ended.is_some() => "ended",
            (_, Receiving::Tunnel, _) | (_, _, Sending::Tunnel) => "tunnel",
            (Role::Client, Receiving::Head(_), _) => "response head",
            (Role::Client, Receiving::Body(_), _) => "response body",
            (Role::Server, Receiving::Head(_), _) => "request head",
            (Role::Server, Receiving::Body(_), _) => "request body",
            (Role::Server, Receiving::Nothing, _) => "answering",
            _ => "idle",
        }
    }
}
