//! A client on a virtual clock, with a server that a test writes line by line.

mod answers;
mod cookies;
mod exchange;
mod failure;
mod headers;
mod pause;
mod plain;
mod property;
mod wait;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use oxwire_core::{ConnectionId, Error, FileTime};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead};

use crate::client::{Client, Completion, Config, Event, Outcome, RequestHandle};

pub(super) const URL: &str = "https://mail.test/mapi/emsmdb/?MailboxId=6e07fc3a@mail.test";

/// A request as it reached the server, whole.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) conn: ConnectionId,
    pub(super) head: RequestHead,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.fields().text(name)
    }

    pub(super) fn request_type(&self) -> &str {
        self.header("X-RequestType").unwrap()
    }
}

/// A response to be sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    /// A 200 with X-ResponseCode 0, PROCESSING, DONE and a body.
    pub(super) fn ok(body: &[u8]) -> Self {
        let stream = [b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 3\r\n\r\n", body].concat();
        Self { status: 200, headers: Vec::new(), body: stream.into() }
            .with("X-ResponseCode", "0")
            .with("Content-Type", "application/mapi-http")
            .with("Transfer-Encoding", "chunked")
    }

    /// A success body of Connect (2.2.4.1.2): StatusCode, ErrorCode, PollsMax 60000, RetryCount 3, RetryDelay 1000, an empty
    /// DnPrefix, an empty DisplayName, no auxiliary buffer.
    pub(super) fn connected() -> Self {
        let mut body = vec![0; 8];
        for number in [60_000_u32, 3, 1000] {
            body.extend(number.to_le_bytes());
        }
        body.extend([0, 0, 0, 0, 0, 0, 0]);
        Self::ok(&body)
            .with("Set-Cookie", "MapiContext=c1; path=/mapi/emsmdb; secure; HttpOnly")
            .with("Set-Cookie", "MapiSequence=s1; path=/mapi/emsmdb; secure; HttpOnly")
    }

    /// A 200 with another X-ResponseCode and diagnostic text.
    pub(super) fn refused(code: u32) -> Self {
        Self { status: 200, headers: Vec::new(), body: Bytes::from_static(b"<html>why</html>") }
            .with("X-ResponseCode", &code.to_string())
            .with("Content-Type", "text/html")
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::from_static(b"<html>status</html>") }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn head(&self) -> ResponseHead {
        let mut head = ResponseHead::builder(self.status, "whatever");
        for (name, value) in &self.headers {
            head = head.field(name, value);
        }
        head.response().unwrap()
    }
}

/// The client, its clock, and what it has said so far.
pub(super) struct Bench {
    pub(super) client: Client,
    pub(super) now: Instant,
    pub(super) opened: Vec<(ConnectionId, Origin)>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) aborted: Vec<ConnectionId>,
    pub(super) requests: Vec<Received>,
    pub(super) events: Vec<Event>,
    partial: Vec<(ConnectionId, RequestHead, BytesMut)>,
}

pub(super) fn entropy(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut next = seed;
    move |out: &mut [u8]| {
        for byte in out {
            *byte = next;
            next = next.wrapping_mul(5).wrapping_add(3);
        }
    }
}

/// Some instant: a test's clock starts there and moves by hand.
#[expect(clippy::disallowed_methods, reason = "there is no other way to make an Instant")]
pub(super) fn start() -> Instant {
    Instant::now()
}

pub(super) fn config() -> Config {
    Config::new(URL, &mut entropy(7))
}

/// 2026-01-01 00:00 UTC.
pub(super) const WALL: FileTime = FileTime::from_intervals(134_117_856_000_000_000);

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        let now = start();
        Self::over(Client::new(config, now, WALL).unwrap(), now)
    }

    pub(super) fn over(client: Client, now: Instant) -> Self {
        Self {
            client,
            now,
            opened: Vec::new(),
            closed: Vec::new(),
            aborted: Vec::new(),
            requests: Vec::new(),
            events: Vec::new(),
            partial: Vec::new(),
        }
    }

    /// A bench whose client has a Session Context.
    pub(super) fn connected(config: Config) -> Self {
        let mut bench = Self::new(config);
        bench.client.connect(bench.now, Bytes::from_static(b"connect body")).unwrap();
        let request = bench.request();
        bench.answer(&request, &Answer::connected().with("X-ExpirationInfo", "300000"));
        let done = bench.completion();
        assert!(matches!(done.outcome, Outcome::Answered(_)), "{done:?}");
        bench
    }

    /// Takes all that the client has to say.
    pub(super) fn settle(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            match transmit {
                HttpTransmit::Open { conn, origin } => self.opened.push((conn, origin)),
                HttpTransmit::Close { conn } => self.closed.push(conn),
                HttpTransmit::Abort { conn } => self.aborted.push(conn),
                HttpTransmit::Event { conn, event } => match event {
                    HttpEvent::Head(Head::Request(head)) => self.partial.push((conn, head, BytesMut::new())),
                    HttpEvent::Body(piece) => {
                        let partial = self.partial.iter_mut().find(|(c, ..)| *c == conn).expect("a head before a body");
                        partial.2.extend_from_slice(&piece);
                    }
                    HttpEvent::End => {
                        let at = self.partial.iter().position(|(c, ..)| *c == conn).expect("a head before the end");
                        let (conn, head, body) = self.partial.remove(at);
                        self.requests.push(Received { conn, head, body: body.freeze() });
                    }
                    other => panic!("a client sends no {other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.client.poll_event() {
            self.events.push(event);
        }
    }

    /// The one request that has reached the server and that no test has looked at.
    pub(super) fn request(&mut self) -> Received {
        self.settle();
        assert_eq!(self.requests.len(), 1, "{:?}", self.requests);
        self.requests.remove(0)
    }

    pub(super) fn quiet(&mut self) {
        self.settle();
        assert!(self.requests.is_empty(), "{:?}", self.requests);
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    pub(super) fn event(&mut self) -> Event {
        self.settle();
        assert!(!self.events.is_empty(), "an event was expected");
        self.events.remove(0)
    }

    pub(super) fn completion(&mut self) -> Completion {
        match self.event() {
            Event::Completed(completion) => completion,
            other => panic!("a completion was expected: {other:?}"),
        }
    }

    /// The completion of that request, which has to be the next event.
    pub(super) fn outcome_of(&mut self, handle: RequestHandle) -> Outcome {
        let completion = self.completion();
        assert_eq!(completion.handle, handle);
        completion.outcome
    }

    pub(super) fn feed(&mut self, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let result = self.client.handle(self.now, conn, event);
        self.settle();
        result
    }

    pub(super) fn head(&mut self, request: &Received, answer: &Answer) {
        let mut answer = answer.clone();
        if !answer.headers.iter().any(|(name, _)| name == "X-RequestId") {
            answer = answer.with("X-RequestId", request.header("X-RequestId").unwrap());
        }
        self.feed(request.conn, HttpEvent::Head(Head::Response(answer.head()))).unwrap();
    }

    pub(super) fn body(&mut self, request: &Received, piece: &[u8]) {
        self.feed(request.conn, HttpEvent::Body(Bytes::copy_from_slice(piece))).unwrap();
    }

    pub(super) fn end(&mut self, request: &Received) {
        self.feed(request.conn, HttpEvent::End).unwrap();
    }

    pub(super) fn answer(&mut self, request: &Received, answer: &Answer) {
        self.head(request, answer);
        if !answer.body.is_empty() {
            self.body(request, &answer.body);
        }
        self.end(request);
    }

    pub(super) fn not_sent(&mut self, conn: ConnectionId) {
        self.feed(conn, HttpEvent::Reset(Reset::not_sent("cut"))).unwrap();
    }

    pub(super) fn unknown(&mut self, conn: ConnectionId) {
        self.feed(conn, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
    }

    pub(super) fn execute(&mut self, body: &'static [u8]) -> RequestHandle {
        let handle = self.client.execute(self.now, Bytes::from_static(body)).unwrap();
        self.settle();
        handle
    }

    pub(super) fn wait_for(&mut self, duration: Duration) {
        self.now += duration;
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a timer is due after handle_timeout");
        self.settle();
    }

    /// Goes to the next deadline.
    pub(super) fn next_deadline(&mut self) -> Duration {
        let at = self.client.poll_timeout().expect("a deadline");
        let waited = at.saturating_duration_since(self.now);
        self.wait_for(waited);
        waited
    }
}
