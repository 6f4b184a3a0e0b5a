//! The service behind HTTP: requests in as events, questions out, replies out as events.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use oxwire_core::{ConnectionId, Error, Misuse, Principal};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, ResponseHead};

use super::facts::{Known, KnownSoap};
use super::json::AskedJson;
use super::question::{Asked, Question, Reply};
use super::soap::{AskedSoap, SoapQuestion};
use crate::json::Query;
use crate::xml::XmlLimits;

/// Which of the services a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// `/autodiscover/autodiscover.xml`: POX.
    Pox,
    /// `/autodiscover/autodiscover.svc`: SOAP.
    Soap,
    /// `/autodiscover/autodiscover.json`: v2, which clients ask without authentication.
    Json,
}

impl Service {
    /// The service of a request target, its path in any letter case; `None` is none of Autodiscover's.
    #[must_use]
    pub fn of_target(target: &str) -> Option<Self> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let under = |file: &str| {
            path.get(..file.len()).filter(|start| start.eq_ignore_ascii_case(file)).and(path.get(file.len()..))
        };
        if under("/autodiscover/autodiscover.xml") == Some("") {
            Some(Self::Pox)
        } else if under("/autodiscover/autodiscover.svc") == Some("") {
            Some(Self::Soap)
        } else if under("/autodiscover/autodiscover.json").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        {
            Some(Self::Json)
        } else {
            None
        }
    }

    /// Whether a client may ask without having authenticated.
    #[must_use]
    pub const fn is_anonymous(self) -> bool {
        matches!(self, Self::Json)
    }
}

/// What a [`Responder`] allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponderConfig {
    /// Limits of a request's document. Default: [`XmlLimits::DEFAULT`] with 64 KiB.
    pub xml: XmlLimits,
    /// How long a question waits for its reply; then the client is told that the server has trouble. Default 30 seconds.
    pub answer_timeout: Duration,
}

impl ResponderConfig {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self =
        Self { xml: XmlLimits::DEFAULT.with_bytes(64 << 10), answer_timeout: Duration::from_secs(30) };

    /// Sets [`ResponderConfig::xml`].
    #[must_use]
    pub const fn with_xml(mut self, xml: XmlLimits) -> Self {
        self.xml = xml;
        self
    }

    /// Sets [`ResponderConfig::answer_timeout`].
    #[must_use]
    pub const fn with_answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }
}

impl Default for ResponderConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Names a question; of use once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionHandle {
    conn: ConnectionId,
    number: u64,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// POX: the settings of a mailbox.
    Pox(Question),
    /// SOAP: settings of users or domains, or what the organisation is federated with.
    Soap(SoapQuestion),
    /// v2: the URL of one protocol.
    Json(Query<'static>),
}

/// A question to the application: look it up, make the reply, and give it to [`Responder::reply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Names the question.
    pub handle: QuestionHandle,
    /// The connection.
    pub conn: ConnectionId,
    /// Who asks. Whether that one may ask about the mailbox is the application's to say.
    pub principal: Option<Principal>,
    /// What is asked.
    pub wanted: Wanted,
}

/// Autodiscover's server over HTTP events.
///
/// Requests come in by [`handle`](Self::handle), each with the [`Principal`] that authentication found; whoever routes them asks
/// [`Service::of_target`] first. A mailbox that is asked for comes out of [`poll_event`](Self::poll_event), and the reply goes to
/// [`reply`](Self::reply). What is no request is answered without asking. No response has the status 500.
///
/// A connection holds at most one document of [`XmlLimits::bytes`]; how many connections there are is the caller's to limit.
pub struct Responder {
    config: ResponderConfig,
    connections: HashMap<ConnectionId, Step>,
    events: VecDeque<Event>,
    transmits: VecDeque<HttpTransmit>,
    /// Questions in the order in which their time runs out; those that were answered are passed over.
    deadlines: VecDeque<(Instant, QuestionHandle)>,
    latest: Option<Instant>,
    last: u64,
}

/// Where the request of a connection stands.
enum Step {
    Reading { head: RequestHead, principal: Option<Principal>, body: Body },
    Asking { number: u64, trouble: Reply, to_head: bool },
}

/// A body: one piece is kept as it came.
enum Body {
    None,
    One(Bytes),
    Joined(BytesMut),
    TooLong,
}

impl Body {
    fn push(&mut self, piece: Bytes, limit: usize) {
        let held = self.bytes().map_or(0, <[u8]>::len);
        *self = match std::mem::replace(self, Self::TooLong) {
            Self::TooLong => Self::TooLong,
            _ if piece.len() > limit.saturating_sub(held) => Self::TooLong,
            Self::None => Self::One(piece),
            Self::One(first) => {
                let mut joined = BytesMut::with_capacity(held + piece.len());
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&piece);
                Self::Joined(joined)
            }
            Self::Joined(mut joined) => {
                joined.extend_from_slice(&piece);
                Self::Joined(joined)
            }
        };
    }

    /// `None` where it was longer than the limit.
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::None => Some(&[]),
            Self::One(bytes) => Some(bytes),
            Self::Joined(bytes) => Some(bytes),
            Self::TooLong => None,
        }
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}

impl Responder {
    /// A service without connections.
    #[must_use]
    pub fn new(config: ResponderConfig) -> Self {
        Self {
            config,
            connections: HashMap::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            deadlines: VecDeque::new(),
            latest: None,
            last: 0,
        }
    }

    /// Takes an event of a connection, and who its request comes from. The principal counts with the head. `Reset` is what
    /// forgets a connection.
    ///
    /// # Errors
    /// [`Misuse`] for events that no request is made of, and for a request while the one in front of it is not answered. The
    /// peer's bytes never cause an error.
    pub fn handle(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        principal: Option<&Principal>,
        event: HttpEvent,
    ) -> Result<(), Error> {
        let limit = self.config.xml.bytes;
        match (self.connections.get_mut(&conn), event) {
            (_, HttpEvent::Reset(_)) => {
                self.connections.remove(&conn);
                self.transmits.retain(|transmit| transmit.conn() != conn);
                self.events.retain(|event| event.conn != conn);
                self.pass_over();
            }
            (None, HttpEvent::Head(Head::Request(head))) => {
                let step = Step::Reading { head, principal: principal.cloned(), body: Body::None };
                self.connections.insert(conn, step);
            }
            (_, HttpEvent::Head(Head::Request(_))) => return Err(misuse("hold the next request back until the reply")),
            (_, HttpEvent::Head(Head::Response(_))) => return Err(misuse("a server takes requests, not responses")),
            (Some(Step::Reading { body, .. }), HttpEvent::Body(piece)) => body.push(piece, limit),
            (Some(Step::Reading { .. }), HttpEvent::End) => self.on_request(now, conn),
            // Fields behind a body carry nothing of this protocol.
            (Some(Step::Reading { .. }), _) => {}
            // What was on its way when the connection ended, or behind a request that was answered before its end.
            (_, _) => return Err(misuse("deliver the head of a request first")),
        }
        Ok(())
    }

    fn on_request(&mut self, now: Instant, conn: ConnectionId) {
        let Some(Step::Reading { head, principal, body }) = self.connections.remove(&conn) else { return };
        let to_head = head.method() == "HEAD";
        let fields = head.fields().iter().filter_map(|(name, value)| Some((name, std::str::from_utf8(value).ok()?)));
        let (wanted, trouble) = match Service::of_target(head.target()) {
            Some(Service::Pox) => {
                // A document that is too long is no request, and neither is an empty one.
                let body = body.bytes().unwrap_or_default();
                match Asked::pox(head.method(), fields, body, self.config.xml) {
                    Asked::Question(question) => {
                        let trouble = question.answer(Known::Trouble(TROUBLE));
                        (Wanted::Pox(question), trouble)
                    }
                    Asked::Reply(reply) => return self.send(conn, &reply, to_head),
                }
            }
            Some(Service::Soap) => {
                match AskedSoap::read(head.method(), body.bytes().unwrap_or_default(), self.config.xml) {
                    AskedSoap::Question(question) => {
                        let trouble = question.answer(KnownSoap::Busy, None);
                        (Wanted::Soap(question), trouble)
                    }
                    AskedSoap::Reply(reply) => return self.send(conn, &reply, to_head),
                }
            }
            Some(Service::Json) => match AskedJson::read(head.method(), head.target()) {
                AskedJson::Query(query) => (Wanted::Json(query), Reply::unavailable()),
                AskedJson::Reply(reply) => return self.send(conn, &reply, to_head),
            },
            None => return self.send(conn, &Reply::not_found(), to_head),
        };
        self.last += 1;
        let handle = QuestionHandle { conn, number: self.last };
        // Time does not go back, so the deadlines stand in their order.
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        if let Some(deadline) = now.checked_add(self.config.answer_timeout) {
            self.deadlines.push_back((deadline, handle));
        }
        self.connections.insert(conn, Step::Asking { number: self.last, trouble, to_head });
        self.events.push_back(Event { handle, conn, principal, wanted });
    }

    /// The next question.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Answers a question. Without effect where the client is gone, or was answered for want of time.
    pub fn reply(&mut self, handle: QuestionHandle, reply: &Reply) {
        if self.is_open(handle)
            && let Some(Step::Asking { to_head, .. }) = self.connections.remove(&handle.conn)
        {
            self.send(handle.conn, reply, to_head);
            self.pass_over();
        }
    }

    fn is_open(&self, handle: QuestionHandle) -> bool {
        matches!(self.connections.get(&handle.conn), Some(Step::Asking { number, .. }) if *number == handle.number)
    }

    /// Drops deadlines in front that nobody waits for any more.
    fn pass_over(&mut self) {
        while self.deadlines.front().is_some_and(|(_, handle)| !self.is_open(*handle)) {
            self.deadlines.pop_front();
        }
    }

    /// Sends a reply; without its body where the request was a HEAD.
    fn send(&mut self, conn: ConnectionId, reply: &Reply, to_head: bool) {
        let event = |event| HttpTransmit::Event { conn, event };
        match reply.head() {
            Some(head) => {
                let body = Bytes::copy_from_slice(reply.body.as_bytes());
                self.transmits.push_back(event(HttpEvent::Head(Head::Response(head))));
                if !body.is_empty() && !to_head {
                    self.transmits.push_back(event(HttpEvent::Body(body)));
                }
                self.transmits.push_back(event(HttpEvent::End));
            }
            // The application's Location cannot stand in a header.
            None => self.transmits.push_back(HttpTransmit::Abort { conn }),
        }
    }

    /// What is to be sent.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<HttpTransmit> {
        self.transmits.pop_front()
    }

    /// The earliest time at which a question has waited too long.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Answers questions that have waited too long: the server has trouble.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, handle)) = self.deadlines.front().copied().filter(|(deadline, _)| *deadline <= now) {
            self.deadlines.pop_front();
            if self.is_open(handle)
                && let Some(Step::Asking { trouble, to_head, .. }) = self.connections.remove(&handle.conn)
            {
                self.events.retain(|event| event.handle != handle);
                self.send(handle.conn, &trouble, to_head);
            }
        }
        self.pass_over();
    }
}

const TROUBLE: &str = "The directory gave no answer in time.";

impl Reply {
    /// v2 knows no error of this meaning.
    const fn unavailable() -> Self {
        Self { status: 503, content_type: "text/plain; charset=utf-8", location: None, body: String::new() }
    }

    const fn not_found() -> Self {
        Self { status: 404, content_type: "text/plain; charset=utf-8", location: None, body: String::new() }
    }

    /// The head that goes in front of the body; `None` where [`Reply::location`] cannot stand in a header.
    #[must_use]
    pub fn head(&self) -> Option<ResponseHead> {
        let reason = match self.status {
            200 => "OK",
            302 => "Found",
            400 => "Bad Request",
            404 => "Not Found",
            503 => "Service Unavailable",
            _ => "",
        };
        let mut head = ResponseHead::builder(self.status, reason).field("Cache-Control", "private");
        if !self.body.is_empty() {
            head = head.field("Content-Type", self.content_type);
        }
        if let Some(location) = &self.location {
            head = head.field("Location", location);
        }
        head.field("Content-Length", self.body.len().to_string()).response().ok()
    }
}

fn misuse(advice: &'static str) -> Error {
    Error::Misuse(Misuse { call: "handle", state: "Responder", advice })
}
