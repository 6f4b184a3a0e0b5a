//! The server machine: connections, input, output and time. What a request comes to is in `admission.rs`, how it is answered
//! in `answering.rs`.

use core::net::IpAddr;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Entropy, Error, FileTime, Misuse, Principal};
use oxwire_http::{Head, HeadError, HttpEvent, HttpTransmit, RequestHead};
use oxwire_mapi::mapihttp::RequestType;

use super::connection::{Connection, Fate, Receiving, held_len};
use super::half_open::HalfOpen;
use super::request::{Body, Detail, Echo, classify, declared_len};
use super::response::{accepted, diagnostic, refused};
use super::{ContextId, ContextTable, Event, Refusal, ServerConfig};
use crate::trace::event;

/// Whether an endpoint takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Availability {
    /// It does.
    #[default]
    Open,
    /// It is switched off: code 16.
    Disabled,
    /// It is being shut down: code 18. Requests that are being answered are answered; waits end.
    ShuttingDown,
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// `None` when the client is gone.
    pub(crate) conn: Option<ConnectionId>,
    pub(crate) context: ContextId,
    pub(crate) kind: RequestType,
    pub(crate) request_id: Bytes,
    pub(crate) fingerprint: u64,
    pub(crate) started: Instant,
    pub(crate) next_pending: Instant,
    pub(crate) deadline: Instant,
    /// Where it stands among the timers.
    pub(crate) timer: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Exchange(u64),
    Receive(ConnectionId),
    Send(ConnectionId),
}

/// An endpoint of MAPI over HTTP, [MS-OXCMAPIHTTP] 3.2, over HTTP events: the mailbox endpoint, or the address book endpoint with
/// [`ServerConfig::address_book`].
///
/// Requests come in by [`Server::handle`], each with the [`Principal`] that authentication found; what the application has to
/// answer comes out of [`Server::poll_event`], and what is to be sent out of [`Server::poll_transmit`]. Each request that is
/// accepted is acknowledged at once (PROCESSING), kept alive (PENDING), and finished by the application's answer (DONE, the
/// additional headers, the body). Bodies pass through as `Bytes`: a request body in one piece, and every part of an answer, is
/// handed on and not copied. `T` is the application's own state for each context: [`ContextTable`].
///
/// Work on payloads is the application's and can go on in any thread, between the event and the answer: the machine is held
/// for moving handles only.
pub struct Server<T> {
    pub(crate) config: ServerConfig,
    pub(crate) table: ContextTable<T>,
    pub(crate) entropy: Box<dyn Entropy + Send>,
    /// An instant and the wall time that it had.
    anchor: (Instant, FileTime),
    latest: Instant,
    availability: Availability,
    pub(crate) connections: HashMap<ConnectionId, Connection>,
    pub(crate) call_ids: ConnectionIds,
    /// Connections that have output, the two forms apart.
    ready: BTreeSet<ConnectionId>,
    pub(crate) ready_calls: BTreeSet<ConnectionId>,
    pub(crate) resumable: VecDeque<ConnectionId>,
    pub(crate) exchanges: HashMap<u64, Exchange>,
    pub(crate) last_exchange: u64,
    pub(crate) timers: BTreeSet<(Instant, Timer)>,
    half_open: HalfOpen,
    receiving_bytes: usize,
    pub(crate) sending_bytes: usize,
    pub(crate) events: VecDeque<Event<T>>,
}

impl<T> Server<T> {
    /// An endpoint without contexts. `wall` is the wall time at `now`: X-StartTime is counted from it.
    ///
    /// # Errors
    /// [`HeadError`] when a text of `config` cannot stand in a header.
    pub fn new(
        now: Instant,
        wall: FileTime,
        mut config: ServerConfig,
        entropy: impl Entropy + Send + 'static,
    ) -> Result<Self, HeadError> {
        config.keep_alive = config.keep_alive.min(config.pending_period).max(Duration::from_millis(1));
        let echo = Echo::default();
        let cookie = super::ContextCookie::draw(&mut |out: &mut [u8]| out.fill(0));
        let cookies = super::response::SetCookies { context: &cookie, sequence: None };
        accepted(&config, &echo, Some(&cookies))?;
        refused(&config, &echo, Refusal::UnknownFailure, 0)?;
        let table = ContextTable::new(now, config.table);
        config.table = *table.limits();
        Ok(Self {
            table,
            config,
            entropy: Box::new(entropy),
            anchor: (now, wall),
            latest: now,
            availability: Availability::Open,
            connections: HashMap::new(),
            call_ids: ConnectionIds::starting_at(1 << 63),
            ready: BTreeSet::new(),
            ready_calls: BTreeSet::new(),
            resumable: VecDeque::new(),
            exchanges: HashMap::new(),
            last_exchange: 0,
            timers: BTreeSet::new(),
            half_open: HalfOpen::default(),
            receiving_bytes: 0,
            sending_bytes: 0,
            events: VecDeque::new(),
        })
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// The contexts.
    #[must_use]
    pub const fn contexts(&self) -> &ContextTable<T> {
        &self.table
    }

    /// The application's state of a context, to change it.
    pub fn state_mut(&mut self, context: ContextId) -> Option<&mut T> {
        self.table.state_mut(context)
    }

    /// Sets the wall time at `now`, after the system's clock was set.
    pub fn set_wall(&mut self, now: Instant, wall: FileTime) {
        self.anchor = (now, wall);
    }

    pub(crate) fn wall(&self, at: Instant) -> FileTime {
        let (now, wall) = self.anchor;
        let since = at.saturating_duration_since(now);
        let before = u64::try_from(now.saturating_duration_since(at).as_nanos() / 100).unwrap_or(u64::MAX);
        FileTime::from_intervals(wall.saturating_add(since).intervals().saturating_sub(before))
    }

    /// Time does not go back.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// Opens or closes the endpoint to requests that are yet to come.
    pub fn set_availability(&mut self, now: Instant, availability: Availability) {
        let now = self.advance(now);
        self.availability = availability;
        if availability == Availability::ShuttingDown {
            self.end_waits(now);
        }
        self.resume_held(now);
    }

    /// Tells of a connection and where it comes from, so that limits by address hold. Optional: a connection that was not told
    /// of begins with its first head.
    pub fn open(&mut self, conn: ConnectionId, address: Option<IpAddr>) {
        event!(debug, conn = conn.number(), address = ?address, "connection opened");
        self.connections.entry(conn).or_default().address = address;
    }

    /// Takes an event of a connection, and who its request comes from; `None` is nobody (code 8). The principal counts with
    /// the head. `Reset`, when the connection ends for whatever reason, is what forgets it.
    ///
    /// # Errors
    /// [`Misuse`] for events that no request is made of: a response's head, a body without a head, a second head before the end.
    /// The peer's bytes never cause an error: they are refused in the protocol's words.
    pub fn handle(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        principal: Option<&Principal>,
        event: HttpEvent,
    ) -> Result<(), Error> {
        let now = self.advance(now);
        let is_head = match &event {
            HttpEvent::Reset(_) => {
                self.drop_connection(now, conn);
                self.resume_held(now);
                return Ok(());
            }
            HttpEvent::Head(Head::Response(_)) => return Err(misuse("a server takes requests, not responses")),
            HttpEvent::Head(Head::Request(_)) => true,
            _ => false,
        };
        let connection = match self.connections.get_mut(&conn) {
            Some(connection) => connection,
            None if is_head => self.connections.entry(conn).or_default(),
            // What was on its way when the connection ended.
            None => return Ok(()),
        };
        if connection.ended {
            return Ok(());
        }
        if connection.answering.is_some() || !connection.held.is_empty() {
            connection.held_bytes += held_len(&event);
            if connection.held_bytes > self.config.limits.pipelined_bytes {
                event!(warn, conn = conn.number(), limit = "pipelined_bytes", "limit reached");
                self.abort(now, conn);
            } else {
                connection.held.push_back((principal.cloned(), event));
            }
        } else {
            self.on_event(now, conn, principal, event)?;
        }
        self.resume_held(now);
        Ok(())
    }

    fn on_event(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        principal: Option<&Principal>,
        event: HttpEvent,
    ) -> Result<(), Error> {
        let receiving = self.connections.get(&conn).is_some_and(|connection| connection.receiving.is_some());
        match event {
            HttpEvent::Head(Head::Request(head)) if !receiving => self.on_head(now, conn, principal, head),
            HttpEvent::Head(_) => return Err(misuse("deliver the end of the request that has begun first")),
            _ if !receiving => return Err(misuse("deliver the head of the request first")),
            HttpEvent::Body(piece) => self.on_body(now, conn, piece),
            HttpEvent::End => self.on_end(now, conn),
            // Fields behind a body carry nothing of this protocol.
            _ => {}
        }
        Ok(())
    }

    /// Goes on with what came on connections while they were being answered.
    pub(crate) fn resume_held(&mut self, now: Instant) {
        while let Some(conn) = self.resumable.pop_front() {
            while let Some(connection) = self.connections.get_mut(&conn) {
                if connection.answering.is_some() || connection.ended {
                    break;
                }
                let Some((principal, event)) = connection.held.pop_front() else { break };
                connection.held_bytes = connection.held_bytes.saturating_sub(held_len(&event));
                // A driver that breaks the order of events loses the connection, since nobody is there to tell.
                if self.on_event(now, conn, principal.as_ref(), event).is_err() {
                    self.abort(now, conn);
                }
            }
        }
    }

    fn on_head(&mut self, now: Instant, conn: ConnectionId, principal: Option<&Principal>, head: RequestHead) {
        let echo = Echo::of(&head);
        let declared = declared_len(&head);
        let address = self.connections.get(&conn).and_then(|connection| connection.address);
        let limits = &self.config.limits;
        let checked = match (principal, self.availability) {
            (None, _) => Err((Refusal::AnonymousNotAllowed, Refusal::AnonymousNotAllowed.text())),
            (_, Availability::Disabled) => Err((Refusal::EndpointDisabled, Refusal::EndpointDisabled.text())),
            (_, Availability::ShuttingDown) => {
                Err((Refusal::EndpointShuttingDown, Refusal::EndpointShuttingDown.text()))
            }
            (Some(user), Availability::Open) => classify(&head, &self.config).and_then(|kind| {
                let counted = self.half_open.begin(limits, user, address);
                counted.map(|()| kind).map_err(|limit| (Refusal::UnknownFailure, limit))
            }),
        };
        let too_large = declared.is_some_and(|len| len > limits.request_bytes as u64);
        let fate = match checked {
            Ok(_) if too_large => {
                if let Some(user) = principal {
                    self.half_open.end(user, address);
                }
                return self.refuse(
                    now,
                    conn,
                    principal.cloned(),
                    &echo,
                    Refusal::TooLarge,
                    Refusal::TooLarge.text(),
                    true,
                );
            }
            Ok(kind) => Fate::Taken { kind, body: Body::default() },
            Err((refusal, detail)) if too_large => {
                return self.refuse(now, conn, principal.cloned(), &echo, refusal, detail, true);
            }
            Err((refusal, detail)) => Fate::Refused { refusal, detail, seen: 0 },
        };
        let deadline = now.checked_add(self.config.receive_timeout).unwrap_or(now);
        let receiving = Receiving { principal: principal.cloned(), head, echo, declared, deadline, fate };
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.receiving = Some(receiving);
            self.timers.insert((deadline, Timer::Receive(conn)));
        }
    }

    fn on_body(&mut self, now: Instant, conn: ConnectionId, piece: Bytes) {
        let limit = self.config.limits.request_bytes;
        let room = self.config.limits.receiving_bytes.saturating_sub(self.receiving_bytes);
        let Some(receiving) = self.connections.get_mut(&conn).and_then(|connection| connection.receiving.as_mut())
        else {
            return;
        };
        let (refusal, detail) = match &mut receiving.fate {
            Fate::Taken { body, .. } if body.len().saturating_add(piece.len()) > limit => {
                (Refusal::TooLarge, Refusal::TooLarge.text())
            }
            Fate::Taken { .. } if piece.len() > room => (Refusal::UnknownFailure, "Too many request bodies at a time."),
            Fate::Taken { body, .. } => {
                self.receiving_bytes += piece.len();
                return body.push(piece, receiving.declared);
            }
            Fate::Refused { refusal, detail, seen } => {
                *seen = seen.saturating_add(piece.len());
                if *seen <= limit {
                    return;
                }
                (*refusal, *detail)
            }
        };
        if let Some(receiving) = self.take_receiving(conn) {
            self.refuse(now, conn, receiving.principal, &receiving.echo, refusal, detail, true);
        }
    }

    fn on_end(&mut self, now: Instant, conn: ConnectionId) {
        let Some(receiving) = self.take_receiving(conn) else { return };
        let Receiving { principal, head, echo, fate, .. } = receiving;
        match (fate, principal) {
            (Fate::Taken { kind, body }, Some(principal)) => {
                self.admit(now, conn, principal, head, &echo, kind, body.into_bytes());
            }
            (Fate::Taken { .. }, None) => {
                let refusal = Refusal::AnonymousNotAllowed;
                self.refuse(now, conn, None, &echo, refusal, refusal.text(), false);
            }
            (Fate::Refused { refusal, detail, .. }, principal) => {
                self.refuse(now, conn, principal, &echo, refusal, detail, false);
            }
        }
    }

    /// Ends the receiving of a request, whatever comes of it.
    fn take_receiving(&mut self, conn: ConnectionId) -> Option<Receiving> {
        let connection = self.connections.get_mut(&conn)?;
        let address = connection.address;
        let receiving = connection.receiving.take()?;
        self.timers.remove(&(receiving.deadline, Timer::Receive(conn)));
        if let (Fate::Taken { body, .. }, Some(user)) = (&receiving.fate, &receiving.principal) {
            self.half_open.end(user, address);
            self.receiving_bytes = self.receiving_bytes.saturating_sub(body.len());
        }
        Some(receiving)
    }

    /// Sends a refusal whole; `close` where the rest of the request is not worth reading.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request that was taken apart by the caller")]
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        principal: Option<Principal>,
        echo: &Echo,
        refusal: Refusal,
        detail: Detail,
        close: bool,
    ) {
        let text = diagnostic(refusal, detail);
        let Ok(head) = refused(&self.config, echo, refusal, text.len()) else { return self.abort(now, conn) };
        // What is refused before the application is asked is refused with these two codes because of a limit.
        event!(
            warn,
            if let Refusal::TooLarge | Refusal::UnknownFailure = refusal =>
            conn = conn.number(),
            code = refusal.code().number(),
            limit = detail,
            "limit reached"
        );
        event!(debug, conn = conn.number(), code = refusal.code().number(), reason = detail, "request refused");
        self.events.push_back(Event::Refused { conn, principal, refusal, detail });
        self.emit(now, conn, HttpEvent::Head(Head::Response(head)));
        self.emit(now, conn, HttpEvent::Body(text));
        self.emit(now, conn, HttpEvent::End);
        if close && let Some(connection) = self.connections.get_mut(&conn) {
            connection.output.push_back(HttpTransmit::Close { conn });
            connection.ended = true;
            connection.held.clear();
        }
    }

    /// Queues an event for a connection.
    pub(crate) fn emit(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let bytes = match event {
            HttpEvent::Body(piece) => connection.put_body(conn, piece),
            event => connection.put(conn, event),
        };
        self.sending_bytes = self.sending_bytes.saturating_add(bytes);
        self.mark_ready(now, conn);
    }

    fn mark_ready(&mut self, now: Instant, conn: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if connection.output.is_empty() || connection.ready {
            return;
        }
        connection.ready = true;
        let queue = if connection.plain { &mut self.ready_calls } else { &mut self.ready };
        queue.insert(conn);
        let deadline = now.checked_add(self.config.send_timeout).unwrap_or(now);
        connection.send_deadline = Some(deadline);
        self.timers.insert((deadline, Timer::Send(conn)));
    }

    /// The next thing to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.advance(now);
        while let Some(conn) = self.ready.first().copied() {
            if let Some(transmit) = self.poll_transmit_of(conn) {
                return Some(transmit);
            }
            self.ready.remove(&conn);
        }
        None
    }

    /// The next thing to send on one connection: for a driver that stops asking while a connection's peer does not read. Output
    /// that is not taken within [`ServerConfig::send_timeout`] ends the connection.
    pub fn poll_transmit_of(&mut self, conn: ConnectionId) -> Option<HttpTransmit> {
        let connection = self.connections.get_mut(&conn)?;
        let taken = connection.take_output();
        if let Some((_, bytes)) = &taken {
            self.sending_bytes = self.sending_bytes.saturating_sub(*bytes);
        }
        if connection.output.is_empty() {
            connection.ready = false;
            self.ready.remove(&conn);
            self.ready_calls.remove(&conn);
            if let Some(deadline) = connection.send_deadline.take() {
                self.timers.remove(&(deadline, Timer::Send(conn)));
            }
            if connection.ended {
                self.connections.remove(&conn);
            }
        }
        taken.map(|(transmit, _)| transmit)
    }

    /// The next thing that the application answers or learns.
    pub fn poll_event(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// When to call [`Server::handle_timeout`] next; `None` is never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        match (timer, self.table.poll_timeout()) {
            (Some(timer), Some(table)) => Some(timer.min(table)),
            (timer, table) => timer.or(table),
        }
    }

    /// Does what is due: PENDING, the end of waits, contexts that have expired, peers that neither send nor read.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        while let Some((at, timer)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Exchange(exchange) => self.on_exchange_timer(now, exchange),
                Timer::Receive(conn) => {
                    event!(warn, conn = conn.number(), limit = "receive_timeout", "limit reached");
                    self.abort(now, conn);
                }
                Timer::Send(conn) => {
                    event!(warn, conn = conn.number(), limit = "send_timeout", "limit reached");
                    self.abort(now, conn);
                }
            }
        }
        self.expire(now);
        self.resume_held(now);
    }

    /// Drops a connection of its own accord: what waits on it is told, what was queued for it is forgotten.
    pub(crate) fn abort(&mut self, now: Instant, conn: ConnectionId) {
        let Some(connection) = self.forget_connection(now, conn) else { return };
        let ended = Connection { ended: true, plain: connection.plain, ..Connection::default() };
        self.connections.entry(conn).or_insert(ended).output.push_back(HttpTransmit::Abort { conn });
        self.mark_ready(now, conn);
    }

    /// The connection is gone.
    pub(crate) fn drop_connection(&mut self, now: Instant, conn: ConnectionId) {
        self.forget_connection(now, conn);
    }

    fn forget_connection(&mut self, now: Instant, conn: ConnectionId) -> Option<Connection> {
        self.take_receiving(conn);
        let connection = self.connections.remove(&conn)?;
        event!(debug, conn = conn.number(), answering = connection.answering, "connection closed");
        self.ready.remove(&conn);
        self.ready_calls.remove(&conn);
        if let Some(deadline) = connection.send_deadline {
            self.timers.remove(&(deadline, Timer::Send(conn)));
        }
        self.sending_bytes = self.sending_bytes.saturating_sub(connection.output_bytes);
        if let Some(exchange) = connection.answering {
            self.on_client_gone(now, exchange);
        }
        Some(connection)
    }

    /// Requests whose body is not yet whole.
    #[must_use]
    pub const fn half_open(&self) -> usize {
        self.half_open.total()
    }

    /// Bytes of answers that were not yet taken.
    #[must_use]
    pub const fn sending_bytes(&self) -> usize {
        self.sending_bytes
    }
}

fn misuse(advice: &'static str) -> Error {
    Error::Misuse(Misuse { call: "handle", state: "Server", advice })
}

impl<T> fmt::Debug for Server<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("contexts", &self.table)
            .field("connections", &self.connections.len())
            .field("exchanges", &self.exchanges.len())
            .field("availability", &self.availability)
            .finish_non_exhaustive()
    }
}
