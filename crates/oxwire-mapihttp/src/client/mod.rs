//! The client's half of a Session Context: [MS-OXCMAPIHTTP] 3.1.

mod address_book;
mod body;
mod config;
mod cookies;
mod date;
mod event;
mod exchange;
mod flow;
mod lane;
mod outcome;
mod pause;
mod plain;
#[cfg(feature = "serde")]
mod stored;
#[cfg(test)]
mod tests;
mod typed;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{Closed, ConnectionId, ConnectionIds, Error, FileTime, Misuse};
use oxwire_http::{HttpEvent, HttpTransmit, Origin, RequestHead};
use oxwire_mapi::mapihttp::RequestType;

pub use body::Body;
pub use config::{ClientLimits, Config, Deadlines, Retry};
pub use event::{Completion, ContextState, Event, Outcome, RedirectHandle, Rejected, RequestHandle, Response};

pub use pause::{Fate, InFlight, Paused};

use crate::Endpoint;
use cookies::Jar;
use exchange::{Purpose, Request};
use lane::{Lane, Which};

/// What the server advises in its Connect response: [MS-OXCMAPIHTTP] 2.2.4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RetryAdvice {
    /// PollsMax: the longest interval between two polls.
    pub polls_max: Duration,
    /// RetryCount: how often to try a request again.
    pub retry_count: u32,
    /// RetryDelay: how long to wait before that.
    pub retry_delay: Duration,
}

/// Where the Session Context stands.
#[derive(Debug)]
enum State {
    None,
    /// `lost`: there was one before.
    Connecting {
        lost: bool,
    },
    Established(Established),
    Reconnecting,
    Lost,
    Closed(Closed),
}

/// A Session Context, as far as the client knows.
#[derive(Debug, Default)]
struct Established {
    /// X-ExpirationInfo, as it came last.
    expiration: Option<Duration>,
    /// When to PING, if nothing else is in flight.
    ping_at: Option<Instant>,
    /// A Disconnect waits or is in flight.
    disconnecting: bool,
    /// A response was lost and the context kept: the sequence cookie may be an old one.
    out_of_step: bool,
}

/// One client of one endpoint: it holds a Session Context, or none. The verbs are those of the mailbox endpoint, and `bind`,
/// `call` and `unbind` of the address book endpoint ([`Config::endpoint`]); one of the other endpoint is refused.
///
/// Bodies are opaque to it, save for three fields that it acts upon: ErrorCode and the retry advice of a Connect response,
/// and EventPending of a NotificationWait response. `oxwire_mapi::mapihttp` and `oxwire_mapi::nspi` have the codecs.
///
/// Each request that a verb accepts ends in exactly one [`Event::Completed`]. At most two connections are open: one for
/// requests in their order, one for a NotificationWait beside them.
///
/// Failures are handled by [MS-OXCMAPIHTTP] 3.1.7. What was not sent whole goes out again as it is, on a new connection and
/// with the same X-RequestId. What was sent and not answered is reported; then a Connect with all old cookies replaces the
/// context, and [`Event::ContextReplaced`] says so. An Execute is never repeated in another context.
pub struct Client {
    config: Config,
    origin: Origin,
    target: Arc<str>,
    /// Counts the endpoints that redirects led to.
    endpoint: u64,
    state: State,
    /// The cookies of the Session Context, or of the one that is to be re-established.
    jar: Jar,
    /// The number of the context that the next Connect begins, and of the one that holds now: each has a GUID of its own.
    next_context: u64,
    context: u64,
    /// X-RequestId's counter as it was used last.
    request_counter: u64,
    /// X-ClientInfo's counter, once the first Connect was asked for.
    client_info: Option<u64>,
    /// The caller's last Connect, for re-establishing.
    connect_body: Bytes,
    advice: Option<RetryAdvice>,
    queue: VecDeque<Request>,
    main: Lane,
    wait: Lane,
    waiting_wait: Option<Request>,
    /// Nothing is sent before this: Retry-After.
    hold_until: Option<Instant>,
    /// [`Event::ContextReplaced`] has not been taken.
    replaced: bool,
    transmits: VecDeque<HttpTransmit>,
    events: VecDeque<Event>,
    connections: ConnectionIds,
    next_handle: u64,
    /// The latest time seen, and wall time at some instant.
    now: Instant,
    wall: (Instant, FileTime),
}

/// No cookie values, no bodies.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.config.url)
            .field("state", &self.state)
            .field("cookies", &self.jar)
            .field("main", &self.main)
            .field("wait", &self.wait)
            .field("waiting", &self.queue.len())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client without a Session Context. `wall` is the wall time at `now`; cookies expire by it.
    ///
    /// # Errors
    /// [`Misuse`] when the URL is not an `http` or `https` URL, or a header's text cannot be sent.
    pub fn new(config: Config, now: Instant, wall: FileTime) -> Result<Self, Error> {
        let misuse = |advice| Misuse { call: "Client::new", state: "no Session Context", advice };
        let (origin, target) = Origin::from_url(&config.url).map_err(|_| {
            misuse("give the endpoint's URL as Autodiscover gave it, https://host/mapi/emsmdb/?MailboxId=…")
        })?;
        let trial = RequestHead::builder("POST", &target)
            .field("User-Agent", &config.user_agent)
            .field("X-ClientApplication", &config.client_application);
        trial.request().map_err(|_| misuse("take control characters out of the configured texts"))?;
        Ok(Self {
            config,
            origin,
            target: target.into(),
            endpoint: 0,
            state: State::None,
            jar: Jar::default(),
            next_context: 0,
            context: 0,
            request_counter: 0,
            client_info: None,
            connect_body: Bytes::new(),
            advice: None,
            queue: VecDeque::new(),
            main: Lane::Closed,
            wait: Lane::Closed,
            waiting_wait: None,
            hold_until: None,
            replaced: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            connections: ConnectionIds::default(),
            next_handle: 1,
            now,
            wall: (now, wall),
        })
    }

    /// Numbers the connections from `first` on: for a driver that runs several machines.
    #[must_use]
    pub const fn with_connections_from(mut self, first: u64) -> Self {
        self.connections = ConnectionIds::starting_at(first);
        self
    }

    /// Where the Session Context stands.
    #[must_use]
    pub const fn state(&self) -> ContextState {
        match &self.state {
            State::None => ContextState::None,
            State::Connecting { .. } => ContextState::Connecting,
            State::Established(_) => ContextState::Established,
            State::Reconnecting => ContextState::Reconnecting,
            State::Lost => ContextState::Lost,
            State::Closed(_) => ContextState::Closed,
        }
    }

    /// What the server advised in its last Connect response.
    #[must_use]
    pub const fn retry_advice(&self) -> Option<RetryAdvice> {
        self.advice
    }

    /// The endpoint's URL: the configured one, or the one that the last followed redirect named.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.config.url
    }

    /// Establishes a Session Context: [MS-OXCMAPIHTTP] 3.1.5.1. `body` is a Connect request body; it is kept, and sent again
    /// when the context has to be re-established. After [`Event::ContextLost`] the cookies still held go with it.
    ///
    /// # Errors
    /// [`Rejected`] with [`Error::Misuse`] when there is a Session Context, or [`Error::Closed`].
    pub fn connect(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        self.begin(now, "connect", RequestType::Connect, body)
    }

    pub(crate) fn begin(
        &mut self,
        now: Instant,
        call: &'static str,
        request_type: RequestType,
        body: Bytes,
    ) -> Result<RequestHandle, Rejected> {
        let now = self.tick(now);
        let body = self.of_endpoint(call, request_type, body)?;
        let first = match &self.state {
            State::None => true,
            State::Lost => false,
            State::Closed(closed) => return Err(Rejected { body, error: Box::new(closed.clone().into()) }),
            _ => {
                return Err(self.refuse(call, body, "a context is there or under way: `reconnect`, or end it"));
            }
        };
        if first {
            let before = self.client_info;
            self.client_info = Some(before.map_or(self.config.client_info_counter, |counter| counter.wrapping_add(1)));
        }
        self.connect_body = body.clone();
        self.state = State::Connecting { lost: !first };
        let handle = self.enqueue(request_type, body);
        self.pump(now);
        Ok(handle)
    }

    /// Sends ROPs: [MS-OXCMAPIHTTP] 3.1.5.2. `body` is an Execute request body. One is in flight at a time; others wait.
    ///
    /// # Errors
    /// [`Rejected`], with `body`: no Session Context ([`Error::Misuse`]), it is being re-established
    /// ([`Error::Transport`]), an [`Event::ContextReplaced`] has not been taken yet, the queue is full, closed.
    pub fn execute(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        self.in_sequence(now, "execute", RequestType::Execute, body)
    }

    /// Asks whether the endpoint answers, and keeps the Session Context alive: [MS-OXCMAPIHTTP] 3.1.5.3. The machine does so by
    /// itself where [`Config::keep_alive`] says so.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub fn ping(&mut self, now: Instant) -> Result<RequestHandle, Rejected> {
        self.in_sequence(now, "ping", RequestType::Ping, Bytes::new())
    }

    /// Waits for an event on the Session Context: [MS-OXCMAPIHTTP] 3.1.5.5. It goes out beside other requests, on a connection
    /// of its own. `body` is a NotificationWait request body.
    ///
    /// # Errors
    /// As [`Client::execute`]; also while another one is in flight.
    pub fn notification_wait(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        let now = self.tick(now);
        let body = self.of_endpoint("notification_wait", RequestType::NotificationWait, body)?;
        let body = self.admit("notification_wait", body)?;
        if self.waiting_wait.is_some() || !self.wait.is_free() {
            return Err(self.refuse("notification_wait", body, "one is in flight: wait for its `Completed`"));
        }
        let (handle, request) = self.request(RequestType::NotificationWait, body);
        self.waiting_wait = Some(request);
        self.pump(now);
        Ok(handle)
    }

    /// Destroys the Session Context: [MS-OXCMAPIHTTP] 3.1.5.4, after what waits for its turn. It counts as destroyed only once the
    /// server has said so. `body` is a Disconnect request body.
    ///
    /// # Errors
    /// As [`Client::execute`].
    pub fn disconnect(&mut self, now: Instant, body: Bytes) -> Result<RequestHandle, Rejected> {
        self.finish_context(now, "disconnect", RequestType::Disconnect, body)
    }

    pub(crate) fn finish_context(
        &mut self,
        now: Instant,
        call: &'static str,
        request_type: RequestType,
        body: Bytes,
    ) -> Result<RequestHandle, Rejected> {
        let handle = self.in_sequence(now, call, request_type, body)?;
        if let State::Established(established) = &mut self.state {
            established.disconnecting = true;
        }
        Ok(handle)
    }

    /// Gives the Session Context up and re-establishes it with all its cookies: [MS-OXCMAPIHTTP] 3.1.5.7. What is in flight is
    /// reported, what waits is given back, and [`Event::ContextReplaced`] or [`Event::ContextLost`] follows.
    ///
    /// # Errors
    /// [`Error::Misuse`] when there never was a context, or it is being re-established; [`Error::Closed`].
    pub fn reconnect(&mut self, now: Instant) -> Result<(), Error> {
        let now = self.tick(now);
        match &self.state {
            State::Established(_) | State::Lost => {
                self.abandon(Which::Main, "given up: the caller reconnects");
                self.begin_reconnect("given up: the caller reconnects");
                self.pump(now);
                Ok(())
            }
            State::Closed(closed) => Err(closed.clone().into()),
            _ => Err(self.misuse("reconnect", "there is no context to re-establish: `connect`").into()),
        }
    }

    /// Ends the client. What is in flight or waits is reported; the Session Context is left to expire on the server.
    pub fn close(&mut self, now: Instant, reason: impl Into<Arc<str>>) {
        self.tick(now);
        if !matches!(self.state, State::Closed(_)) {
            let reason = reason.into();
            self.abandon_all(&reason);
            self.state = State::Closed(Closed { reason });
        }
    }

    /// Something happened on a connection. What concerns a connection that the client has given up is passed over.
    ///
    /// # Errors
    /// [`Error::Peer`] when the server broke the protocol: the connection is aborted and its request reported, and the client goes
    /// on. [`Error::Misuse`] for a request head. [`Error::Closed`].
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let now = self.tick(now);
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        let which = match conn {
            conn if self.main.conn() == Some(conn) => Which::Main,
            conn if self.wait.conn() == Some(conn) => Which::Wait,
            _ => return Ok(()),
        };
        let result = self.on_http(now, which, event);
        self.pump(now);
        result
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.tick(now);
        if !matches!(self.state, State::Closed(_)) {
            self.on_time(now);
            self.pump(now);
        }
    }

    /// What the driver is to do next.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.tick(now);
        let transmit = self.transmits.pop_front()?;
        if let HttpTransmit::Event { conn, event } = &transmit {
            for lane in [&mut self.main, &mut self.wait] {
                lane.on_taken(*conn, event);
            }
        }
        Some(transmit)
    }

    /// The next fact for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if matches!(event, Event::ContextReplaced { .. }) {
            self.replaced = self.events.iter().any(|event| matches!(event, Event::ContextReplaced { .. }));
        }
        Some(event)
    }

    /// When to call `handle_timeout`, if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if matches!(self.state, State::Closed(_)) {
            return None;
        }
        let lanes = [self.lane_deadline(Which::Main), self.lane_deadline(Which::Wait)];
        lanes.into_iter().chain([self.ping_at()]).flatten().min()
    }

    /// The body, when the endpoint has that request type.
    fn of_endpoint(&self, call: &'static str, request_type: RequestType, body: Bytes) -> Result<Bytes, Rejected> {
        if self.config.endpoint.has(request_type) {
            return Ok(body);
        }
        let advice = match self.config.endpoint {
            Endpoint::Mailbox => "this is a mailbox endpoint: `connect`, `execute`, `notification_wait`, `disconnect`",
            Endpoint::AddressBook => "this is an address book endpoint: `bind`, `call`, `unbind`",
        };
        Err(self.refuse(call, body, advice))
    }

    pub(crate) fn in_sequence(
        &mut self,
        now: Instant,
        call: &'static str,
        request_type: RequestType,
        body: Bytes,
    ) -> Result<RequestHandle, Rejected> {
        let now = self.tick(now);
        let body = self.of_endpoint(call, request_type, body)?;
        let body = self.admit(call, body)?;
        let bytes: usize = self.queue.iter().map(|request| request.body.len()).sum();
        if self.queue.len() >= self.config.limits.queue_requests
            || bytes.saturating_add(body.len()) > self.config.limits.queue_bytes
        {
            return Err(self.refuse(call, body, "the queue is full: wait for a `Completed`"));
        }
        let handle = self.enqueue(request_type, body);
        self.pump(now);
        Ok(handle)
    }

    /// Whether a request in the Session Context can be taken now.
    fn admit(&self, call: &'static str, body: Bytes) -> Result<Bytes, Rejected> {
        match &self.state {
            State::Established(Established { disconnecting: false, .. }) if !self.replaced => Ok(body),
            State::Established(Established { disconnecting: false, .. }) => {
                Err(self.refuse(call, body, "take `ContextReplaced` from `poll_event` first: old handles are void"))
            }
            State::Established(_) => Err(self.refuse(call, body, "a Disconnect is under way")),
            State::Connecting { .. } | State::None => {
                Err(self.refuse(call, body, "`connect` first, and wait for its `Completed`"))
            }
            State::Reconnecting => {
                let error =
                    Error::Transport("the Session Context is being re-established: wait for `ContextReplaced`".into());
                Err(Rejected { body, error: Box::new(error) })
            }
            State::Lost => {
                let error = Error::Transport("the Session Context is lost: `reconnect` or `connect`".into());
                Err(Rejected { body, error: Box::new(error) })
            }
            State::Closed(closed) => Err(Rejected { body, error: Box::new(closed.clone().into()) }),
        }
    }

    const fn misuse(&self, call: &'static str, advice: &'static str) -> Misuse {
        let state = match &self.state {
            State::None => "no Session Context",
            State::Connecting { .. } => "creating a Session Context",
            State::Established(_) => "Session Context established",
            State::Reconnecting => "re-establishing a Session Context",
            State::Lost => "Session Context lost",
            State::Closed(_) => "closed",
        };
        Misuse { call, state, advice }
    }

    fn refuse(&self, call: &'static str, body: Bytes, advice: &'static str) -> Rejected {
        Rejected { body, error: Box::new(self.misuse(call, advice).into()) }
    }

    fn request(&mut self, request_type: RequestType, body: Bytes) -> (RequestHandle, Request) {
        let handle = RequestHandle(self.next_handle);
        self.next_handle = self.next_handle.wrapping_add(1);
        (handle, Request::new(Purpose::Caller(handle), request_type, body))
    }

    fn enqueue(&mut self, request_type: RequestType, body: Bytes) -> RequestHandle {
        let (handle, request) = self.request(request_type, body);
        self.queue.push_back(request);
        handle
    }

    /// Time does not go back.
    fn tick(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    fn wall(&self) -> FileTime {
        let (at, wall) = self.wall;
        wall.saturating_add(self.now.saturating_duration_since(at))
    }
}
