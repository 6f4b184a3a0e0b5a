//! What goes out when: the order of requests, connections, repetition, time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, FileTime, Guid, Misuse, PeerFault};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestFate, RequestHead, Reset, ResponseHead, name};
use oxwire_mapi::mapihttp::RequestType;

use super::cookies::TooManyCookies;
use super::date::parse_http_date;
use super::exchange::{Exchange, Purpose, Request, fault, later, number};
use super::lane::{Lane, Which};
use super::{Client, Outcome, State};
use crate::trace::event;
use crate::{CONTENT_TYPE_MAPI, GuidCounter};

/// PINGs are never closer than this, whatever X-ExpirationInfo says.
const SHORTEST_PING: Duration = Duration::from_secs(5);

/// How long before the Session Context would expire the PING goes out, at most: latency and clocks.
const PING_MARGIN: Duration = Duration::from_secs(30);

impl Client {
    /// Sends what can be sent.
    pub(super) fn pump(&mut self, now: Instant) {
        if matches!(self.state, State::Closed(_)) || self.hold_until.is_some_and(|until| until > now) {
            return;
        }
        self.hold_until = None;
        if let Some(request) = self.next_in_sequence(now) {
            self.start(now, Which::Main, request);
        }
        if let Some(request) = self.next_wait(now) {
            self.start(now, Which::Wait, request);
        }
    }

    fn next_in_sequence(&mut self, now: Instant) -> Option<Request> {
        match &self.main {
            Lane::Closed | Lane::Idle { .. } => self.queue.pop_front(),
            Lane::Again { until, .. } if *until <= now => self.main.take_again(),
            _ => None,
        }
    }

    fn next_wait(&mut self, now: Instant) -> Option<Request> {
        match &self.wait {
            Lane::Closed | Lane::Idle { .. } => self.waiting_wait.take(),
            Lane::Again { until, .. } if *until <= now => self.wait.take_again(),
            _ => None,
        }
    }

    /// When a lane does something by itself. What is ready to go out waits for Retry-After alone.
    pub(super) fn lane_deadline(&self, which: Which) -> Option<Instant> {
        let (lane, ready) = match which {
            Which::Main => (&self.main, !self.queue.is_empty()),
            Which::Wait => (&self.wait, self.waiting_wait.is_some()),
        };
        match lane {
            Lane::Again { until, .. } => Some(self.hold_until.map_or(*until, |hold| hold.max(*until))),
            lane if lane.is_free() => self.hold_until.filter(|_| ready),
            lane => lane.deadline(),
        }
    }

    /// Sends a request: [MS-OXCMAPIHTTP] 2.2.2.1.
    fn start(&mut self, now: Instant, which: Which, mut request: Request) {
        let id = request.id.unwrap_or_else(|| self.next_request_id(request.request_type));
        request.id = Some(id);
        let wall = self.wall();
        let cookies = if request.bare { None } else { self.jar.header(&self.origin, &self.target, wall) };
        request.carried_cookies = cookies.is_some();
        let client_info = GuidCounter {
            guid: self.config.client_instance,
            counter: self.client_info.unwrap_or(self.config.client_info_counter),
        };
        let mut head = RequestHead::builder("POST", &self.target)
            .field(name::HOST, self.origin.authority())
            .field(name::CONTENT_TYPE, CONTENT_TYPE_MAPI)
            .field(name::CONTENT_LENGTH, request.body.len().to_string())
            .field(name::ACCEPT, CONTENT_TYPE_MAPI)
            .field(name::USER_AGENT, &self.config.user_agent)
            .field(name::X_REQUEST_TYPE, request.request_type.as_str())
            .field(name::X_REQUEST_ID, id.to_string())
            .field(name::X_CLIENT_INFO, client_info.to_string())
            .field(name::X_CLIENT_APPLICATION, &self.config.client_application);
        if let Some(cookies) = cookies {
            head = head.field(name::COOKIE, cookies);
        }
        let head = match head.request() {
            Ok(head) => head,
            Err(error) => {
                let (reason, body) = (error.to_string().into(), request.body.clone());
                self.finish(now, request, Outcome::NotSent { body, reason });
                return;
            }
        };
        let conn = self.connection_for(which);
        event!(
            debug,
            conn = conn.number(),
            request_id = %id,
            request_type = request.request_type.as_str(),
            bytes = request.body.len(),
            "request sent"
        );
        self.send(conn, HttpEvent::Head(Head::Request(head)));
        if !request.body.is_empty() {
            self.send(conn, HttpEvent::Body(request.body.clone()));
        }
        self.send(conn, HttpEvent::End);
        let endpoint = (self.endpoint, self.origin.clone(), self.target.clone());
        let exchange = Exchange::new(now, conn, request, endpoint, &self.config.deadlines);
        *self.lane(which) = Lane::Busy(Box::new(exchange));
    }

    fn send(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.transmits.push_back(HttpTransmit::Event { conn, event });
    }

    /// The idle connection, or a new one.
    fn connection_for(&mut self, which: Which) -> ConnectionId {
        if let Lane::Idle { conn } = *self.lane(which) {
            return conn;
        }
        let conn = self.connections.allocate();
        event!(debug, conn = conn.number(), origin = %self.origin, "connection opened");
        self.transmits.push_back(HttpTransmit::Open { conn, origin: self.origin.clone() });
        conn
    }

    /// [MS-OXCMAPIHTTP] 2.2.3.3.2: a GUID that is the context's own, a counter that only grows.
    fn next_request_id(&mut self, request_type: RequestType) -> GuidCounter {
        let context = if request_type.begins_context() {
            self.next_context = self.next_context.wrapping_add(1);
            self.next_context
        } else {
            self.context
        };
        self.request_counter = self.request_counter.wrapping_add(1);
        GuidCounter { guid: counted_up(self.config.request_guid, context), counter: self.request_counter }
    }

    pub(super) const fn lane(&mut self, which: Which) -> &mut Lane {
        match which {
            Which::Main => &mut self.main,
            Which::Wait => &mut self.wait,
        }
    }

    /// An event on the connection of a lane.
    pub(super) fn on_http(&mut self, now: Instant, which: Which, event: HttpEvent) -> Result<(), Error> {
        match std::mem::replace(self.lane(which), Lane::Closed) {
            Lane::Busy(exchange) => self.on_exchange(now, which, exchange, event),
            lane @ Lane::Idle { conn } => match event {
                HttpEvent::Reset(_) => Ok(()),
                HttpEvent::Head(Head::Response(head)) if head.status() < 200 => {
                    *self.lane(which) = lane;
                    Ok(())
                }
                _ => {
                    self.abort(conn);
                    Err(fault("no response without a request", "an event on an idle connection").into())
                }
            },
            lane => {
                *self.lane(which) = lane;
                Ok(())
            }
        }
    }

    fn on_exchange(
        &mut self,
        now: Instant,
        which: Which,
        mut exchange: Box<Exchange>,
        event: HttpEvent,
    ) -> Result<(), Error> {
        let limits = self.config.limits;
        let deadlines = self.config.deadlines;
        let result = match event {
            HttpEvent::Head(Head::Request(_)) => {
                *self.lane(which) = Lane::Busy(exchange);
                let advice = "give the client's machine what comes from the server";
                return Err(Misuse { call: "handle", state: "waiting for a response", advice }.into());
            }
            HttpEvent::Head(Head::Response(head)) if head.status() < 200 => Ok(()),
            HttpEvent::Head(Head::Response(head)) => exchange
                .on_head(now, &head, &limits, &deadlines)
                .and_then(|()| self.on_cookies(&mut exchange, &head))
                .map(|()| {
                    self.on_expiration_info(&head);
                    exchange.keep(head);
                }),
            HttpEvent::Body(piece) => exchange.on_body(now, piece, &limits),
            HttpEvent::End => match exchange.on_end(self.wall(), &limits, &deadlines) {
                Ok(finished) => {
                    let conn = exchange.conn;
                    event!(
                        debug,
                        if let super::exchange::Finished::Outcome(outcome) = &finished =>
                        conn = conn.number(),
                        request_type = exchange.request.request_type.as_str(),
                        outcome = crate::trace::word(outcome),
                        code = crate::trace::code(outcome),
                        status = crate::trace::status(outcome),
                        duration_ms = crate::trace::millis(now.saturating_duration_since(exchange.started)),
                        "request answered"
                    );
                    if exchange.reusable && exchange.sent && exchange.endpoint == self.endpoint {
                        *self.lane(which) = Lane::Idle { conn };
                    } else if exchange.sent {
                        self.transmits.push_back(HttpTransmit::Close { conn });
                    } else {
                        self.abort(conn);
                    }
                    self.on_finished(now, which, *exchange, finished);
                    return Ok(());
                }
                Err(fault) => Err(fault),
            },
            HttpEvent::Reset(reset) => {
                self.forget(exchange.conn);
                self.on_reset(now, which, *exchange, reset);
                return Ok(());
            }
            _ => Ok(()),
        };
        match result {
            Ok(()) => {
                *self.lane(which) = Lane::Busy(exchange);
                Ok(())
            }
            Err(fault) => {
                event!(debug, conn = exchange.conn.number(), expected = &*fault.expected, "response not understood");
                self.abort(exchange.conn);
                self.on_unanswered(now, *exchange, fault.to_string().into());
                Err(fault.into())
            }
        }
    }

    /// Set-Cookie counts on any response: [MS-OXCMAPIHTTP] 3.1.1. Those of a Connect are another context's until it succeeds.
    fn on_cookies(&mut self, exchange: &mut Exchange, head: &ResponseHead) -> Result<(), PeerFault> {
        let wall = self.wall();
        let date: Option<FileTime> = head.fields().first(name::DATE).and_then(parse_http_date);
        let Exchange { request, candidate, origin, target, .. } = exchange;
        let jar = if request.request_type.begins_context() { candidate } else { &mut self.jar };
        for value in head.fields().all(name::SET_COOKIE) {
            jar.store(&self.config.limits, origin, target, value, wall, date)
                .inspect_err(|_| event!(warn, conn = exchange.conn.number(), limit = "cookies", "limit reached"))
                .map_err(|TooManyCookies| fault("at most as many cookies as `ClientLimits` allows", "more"))?;
        }
        Ok(())
    }

    fn on_expiration_info(&mut self, head: &ResponseHead) {
        let expiration = number(head.fields(), name::X_EXPIRATION_INFO).map(Duration::from_millis);
        if let (State::Established(established), Some(expiration)) = (&mut self.state, expiration) {
            established.expiration = Some(expiration);
        }
    }

    pub(super) fn on_reset(&mut self, now: Instant, which: Which, exchange: Exchange, reset: Reset) {
        let not_sent = reset.request == RequestFate::NotSent || !exchange.sent;
        if not_sent && !exchange.is_answering() {
            event!(debug, conn = exchange.conn.number(), reason = &*reset.reason, "request not sent");
            self.on_not_sent(now, which, exchange.request, reset.reason);
        } else {
            event!(debug, conn = exchange.conn.number(), reason = &*reset.reason, "connection lost");
            self.on_unanswered(now, exchange, reset.reason);
        }
    }

    /// [MS-OXCMAPIHTTP] 3.1.7.1: the same request, on a new connection, in the same context.
    fn on_not_sent(&mut self, now: Instant, which: Which, mut request: Request, reason: Arc<str>) {
        request.failures = request.failures.saturating_add(1);
        if request.failures > self.config.retry.count {
            let body = request.body.clone();
            self.finish(now, request, Outcome::NotSent { body, reason });
        } else {
            let until = later(now, self.config.retry.delay_after(request.failures));
            *self.lane(which) = Lane::Again { request: Box::new(request), until };
        }
    }

    /// [MS-OXCMAPIHTTP] 3.1.7.2.
    fn on_unanswered(&mut self, now: Instant, exchange: Exchange, reason: Arc<str>) {
        event!(
            debug,
            conn = exchange.conn.number(),
            request_type = exchange.request.request_type.as_str(),
            duration_ms = crate::trace::millis(now.saturating_duration_since(exchange.started)),
            "request unanswered"
        );
        let Exchange { request, candidate, .. } = exchange;
        if request.request_type.begins_context() && !candidate.is_empty() {
            // The server had begun to answer: these are the cookies of the context that it holds now.
            self.jar = candidate;
        }
        self.finish(now, request, Outcome::Unanswered { reason });
    }

    /// Deadlines that have come.
    pub(super) fn on_time(&mut self, now: Instant) {
        for which in [Which::Main, Which::Wait] {
            if self.lane(which).deadline().is_none_or(|at| at > now) {
                continue;
            }
            match std::mem::replace(self.lane(which), Lane::Closed) {
                Lane::Busy(exchange) => {
                    event!(warn, conn = exchange.conn.number(), limit = "deadlines", "limit reached");
                    self.abort(exchange.conn);
                    let reset = Reset::unknown(exchange.deadline_reason());
                    self.on_reset(now, which, *exchange, reset);
                }
                Lane::Redirected(redirected) => self.on_redirect_refused(now, *redirected),
                lane => *self.lane(which) = lane,
            }
        }
        if self.ping_at().is_some_and(|at| at <= now) {
            if let State::Established(established) = &mut self.state {
                established.ping_at = None;
            }
            let ping = Request::new(Purpose::KeepAlive, RequestType::Ping, Bytes::new());
            self.queue.push_back(ping);
        }
    }

    /// When the next PING is due: only while nothing is in flight, since the server's idle timer stands still meanwhile
    /// ([MS-OXCMAPIHTTP] 3.1.2).
    pub(super) fn ping_at(&self) -> Option<Instant> {
        let idle = self.main.is_free() && self.queue.is_empty() && self.wait.is_free() && self.waiting_wait.is_none();
        match &self.state {
            State::Established(established) if idle && self.config.keep_alive => established.ping_at,
            _ => None,
        }
    }

    /// Starts the client's copy of the idle timer.
    pub(super) fn restart_ping(&mut self, now: Instant) {
        if let State::Established(established) = &mut self.state {
            let before = established.expiration.map(|left| left.saturating_sub((left / 2).min(PING_MARGIN)));
            established.ping_at = before.map(|before| later(now, before.max(SHORTEST_PING)));
        }
    }

    /// Closes a lane's connection, if it is idle.
    pub(super) fn close_idle(&mut self, which: Which) {
        if let Lane::Idle { conn } = *self.lane(which) {
            event!(debug, conn = conn.number(), "connection closed");
            self.transmits.push_back(HttpTransmit::Close { conn });
            *self.lane(which) = Lane::Closed;
        }
    }

    /// Drops a connection.
    pub(super) fn abort(&mut self, conn: ConnectionId) {
        event!(debug, conn = conn.number(), "connection dropped");
        if !self.forget(conn) {
            self.transmits.push_back(HttpTransmit::Abort { conn });
        }
    }

    /// Takes back what has not been handed over for a connection; whether that was all of it.
    fn forget(&mut self, conn: ConnectionId) -> bool {
        let unopened = self.transmits.iter().any(|t| matches!(t, HttpTransmit::Open { conn: c, .. } if *c == conn));
        self.transmits.retain(|transmit| transmit.conn() != conn);
        unopened
    }

    /// Gives up what a lane holds, and reports it.
    pub(super) fn abandon(&mut self, which: Which, reason: &str) {
        let now = self.now;
        match std::mem::replace(self.lane(which), Lane::Closed) {
            Lane::Closed => {}
            Lane::Idle { conn } => self.transmits.push_back(HttpTransmit::Close { conn }),
            Lane::Busy(exchange) => {
                self.abort(exchange.conn);
                if exchange.sent || exchange.is_answering() {
                    self.report(exchange.request, Outcome::Unanswered { reason: reason.into() });
                } else {
                    self.give_back(exchange.request, reason);
                }
            }
            Lane::Again { request, .. } => self.give_back(*request, reason),
            Lane::Redirected(redirected) => self.on_redirect_refused(now, *redirected),
        }
    }

    /// Gives up all that is in flight or waits, and both connections.
    pub(super) fn abandon_all(&mut self, reason: &str) {
        self.abandon(Which::Main, reason);
        self.abandon(Which::Wait, reason);
        self.flush(reason);
    }

    /// Gives back all that waits for its turn.
    pub(super) fn flush(&mut self, reason: &str) {
        let waiting: Vec<Request> = self.queue.drain(..).chain(self.waiting_wait.take()).collect();
        for request in waiting {
            self.give_back(request, reason);
        }
    }

    fn give_back(&mut self, request: Request, reason: &str) {
        let body = request.body.clone();
        self.report(request, Outcome::NotSent { body, reason: reason.into() });
    }
}

/// The GUID `by` behind another one: the last 48 bits counted up, so that version and variant stay.
fn counted_up(guid: Guid, by: u64) -> Guid {
    let mut bytes = guid.to_wire();
    let mut carry = by;
    for byte in bytes.iter_mut().skip(10).rev() {
        let [low, ..] = carry.to_le_bytes();
        let (sum, over) = byte.overflowing_add(low);
        *byte = sum;
        carry = (carry >> 8).wrapping_add(u64::from(over));
    }
    Guid::from_wire(bytes)
}
