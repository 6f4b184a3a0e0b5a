//! A server on a virtual clock, and a client that is a few lines of text.

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, FileTime, Guid, Principal, Utf16, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};
use oxwire_mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectSuccess, DisconnectSuccess, ExecuteFlags, ExecuteRequest, ExecuteSuccess,
    NotificationWaitRequest,
};
use oxwire_mapihttp::server::{ContextId, Event, Request, RequestHandle, Server, ServerConfig};

/// 2014-02-17 12:29:56 UTC (Python: datetime.fromtimestamp(1392640196, UTC)).
pub const WALL: u64 = 130_371_137_960_000_000;

pub fn user(name: &str) -> Principal {
    Principal::new(name)
}

pub fn connect_body() -> Bytes {
    let body = ConnectRequest {
        user_dn: b"/o=oxwire/cn=alice",
        flags: ConnectFlags::default(),
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        auxiliary_buffer: &[],
    };
    encode_to_bytes(&body).unwrap()
}

pub fn connect_success() -> Bytes {
    let body = ConnectSuccess {
        error_code: 0,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        dn_prefix: b"/o=oxwire",
        display_name: Utf16::new(b"A\0").unwrap(),
        auxiliary_buffer: &[],
    };
    encode_to_bytes(&body).unwrap()
}

pub fn execute_body(rop_buffer: &[u8]) -> Bytes {
    let body =
        ExecuteRequest { flags: ExecuteFlags::default(), rop_buffer, max_rop_out: 65_536, auxiliary_buffer: &[] };
    encode_to_bytes(&body).unwrap()
}

pub fn execute_success(rop_buffer: &[u8]) -> Bytes {
    encode_to_bytes(&ExecuteSuccess { error_code: 0, rop_buffer, auxiliary_buffer: &[] }).unwrap()
}

pub fn disconnect_success() -> Bytes {
    encode_to_bytes(&DisconnectSuccess::default()).unwrap()
}

pub fn wait_body() -> Bytes {
    encode_to_bytes(&NotificationWaitRequest::default()).unwrap()
}

/// A response as far as it has come.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub head: Option<ResponseHead>,
    pub body: Vec<u8>,
    pub ended: bool,
    /// `Close` or `Abort`.
    pub closed: Option<&'static str>,
}

impl Response {
    pub fn header(&self, name: &str) -> &str {
        self.head.as_ref().expect("a head").fields().text(name).unwrap_or("")
    }

    pub fn code(&self) -> u32 {
        self.header("X-ResponseCode").parse().expect("an X-ResponseCode")
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The cookies that it sets, as a client sends them back.
    pub fn cookies(&self) -> Vec<String> {
        let head = self.head.as_ref().expect("a head");
        let first = |line: &[u8]| String::from_utf8_lossy(line).split(';').next().unwrap().to_owned();
        head.fields().all("Set-Cookie").map(first).collect()
    }

    /// What stands behind the empty line.
    pub fn payload(&self) -> &[u8] {
        let at = self.body.windows(4).position(|w| w == b"\r\n\r\n").expect("an empty line");
        &self.body[at + 4..]
    }

    /// The meta-tags, in order.
    pub fn meta_tags(&self) -> Vec<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next().unwrap();
        head.split("\r\n")
            .filter(|line| matches!(*line, "PROCESSING" | "PENDING" | "DONE"))
            .map(str::to_owned)
            .collect()
    }
}

/// What a client remembers.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    pub context: String,
    pub sequence: String,
}

impl Jar {
    pub fn learn(&mut self, response: &Response) {
        for cookie in response.cookies() {
            if cookie.starts_with("MapiContext=") {
                self.context = cookie;
            } else if cookie.starts_with("MapiSequence=") {
                self.sequence = cookie;
            }
        }
    }

    pub fn line(&self) -> String {
        format!("{}; {}", self.context, self.sequence)
    }
}

pub struct Harness {
    pub server: Server<u32>,
    pub start: Instant,
    pub now: Instant,
    pub events: Vec<Event<u32>>,
    last_request: Cell<u64>,
    last_conn: u64,
}

thread_local! {
    static START: Instant = {
        #[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
        Instant::now()
    };
}

impl Harness {
    pub fn new(config: ServerConfig) -> Self {
        let start = START.with(|start| *start);
        let mut state = 0x1234_5678_9ABC_DEF0_u64;
        let entropy = move |out: &mut [u8]| {
            for byte in out {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state.to_le_bytes()[0];
            }
        };
        let server = Server::new(start, FileTime::from_intervals(WALL), config, entropy).unwrap();
        Self { server, start, now: start, events: Vec::new(), last_request: Cell::new(0), last_conn: 0 }
    }

    pub fn plain() -> Self {
        Self::new(ServerConfig::new())
    }

    /// Lets time pass as a driver does: stopping at every timer.
    pub fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.server.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.server.handle_timeout(self.now);
            assert!(self.server.poll_timeout().is_none_or(|next| next > self.now), "a timer is still due");
            self.collect();
        }
        self.now = end;
        self.server.handle_timeout(end);
        self.collect();
    }

    pub fn collect(&mut self) {
        while let Some(event) = self.server.poll_event() {
            self.events.push(event);
        }
    }

    pub fn conn(&mut self) -> ConnectionId {
        self.last_conn += 1;
        ConnectionId::new(self.last_conn)
    }

    pub fn next_id(&self) -> String {
        self.last_request.set(self.last_request.get() + 1);
        format!("{{{}}}:{}", Guid::from_entropy([7; 16]), self.last_request.get())
    }

    pub fn head(&self, kind: &str, cookies: &str) -> oxwire_http::HeadBuilder {
        let mut head = RequestHead::builder("POST", "/mapi/emsmdb/?MailboxId=a@oxwire.test")
            .field("Host", "mail.oxwire.test")
            .field("Content-Type", "application/mapi-http")
            .field("X-RequestType", kind)
            .field("X-RequestId", self.next_id())
            .field("X-ClientInfo", "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123")
            .field("X-ClientApplication", "Outlook/15.00.4569.1503");
        if !cookies.is_empty() {
            head = head.field("Cookie", cookies);
        }
        head
    }

    /// Sends a request whole.
    pub fn send(&mut self, conn: ConnectionId, who: Option<&str>, head: oxwire_http::HeadBuilder, body: &Bytes) {
        let who = who.map(user);
        let head = head.field("Content-Length", body.len().to_string()).request().unwrap();
        let mut events = vec![HttpEvent::Head(Head::Request(head))];
        if !body.is_empty() {
            events.push(HttpEvent::Body(body.clone()));
        }
        events.push(HttpEvent::End);
        for event in events {
            self.server.handle(self.now, conn, who.as_ref(), event).unwrap();
        }
        self.collect();
    }

    pub fn reset(&mut self, conn: ConnectionId) {
        self.server.handle(self.now, conn, None, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
        self.collect();
    }

    /// What has come on a connection since it was asked last; other connections' output stays.
    pub fn receive(&mut self, conn: ConnectionId) -> Response {
        let mut response = Response::default();
        self.receive_more(conn, &mut response);
        response
    }

    pub fn receive_more(&mut self, conn: ConnectionId, response: &mut Response) {
        self.collect();
        while let Some(transmit) = self.server.poll_transmit_of(conn) {
            assert_eq!(transmit.conn(), conn);
            match transmit {
                HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. } => {
                    assert!(response.head.is_none(), "a second head");
                    response.head = Some(head);
                }
                HttpTransmit::Event { event: HttpEvent::Body(piece), .. } => {
                    assert!(response.head.is_some() && !response.ended && !piece.is_empty());
                    response.body.extend_from_slice(&piece);
                }
                HttpTransmit::Event { event: HttpEvent::End, .. } => {
                    assert!(response.head.is_some() && !response.ended);
                    response.ended = true;
                    return;
                }
                HttpTransmit::Close { .. } => response.closed = Some("Close"),
                HttpTransmit::Abort { .. } => response.closed = Some("Abort"),
                other => panic!("a server sends no {other:?}"),
            }
        }
    }

    pub fn refusal(&mut self, who: Option<&str>, head: oxwire_http::HeadBuilder, body: &Bytes) -> Response {
        let conn = self.conn();
        self.send(conn, who, head, body);
        let response = self.receive(conn);
        assert!(response.ended, "expected a whole response, found {response:?}");
        response
    }

    /// The last event, which must be a request.
    pub fn request(&mut self) -> Request {
        self.collect();
        match self.events.pop() {
            Some(Event::Connect(request) | Event::Execute(request) | Event::Disconnect(request)) => request,
            other => panic!("expected a request, found {other:?}"),
        }
    }

    /// Connects; the application's state is `state`.
    pub fn connect(&mut self, who: &str, state: u32) -> (ContextId, Jar) {
        self.connect_with(who, state, "")
    }

    pub fn connect_with(&mut self, who: &str, state: u32, cookies: &str) -> (ContextId, Jar) {
        let conn = self.conn();
        self.send(conn, Some(who), self.head("Connect", cookies), &connect_body());
        let request = self.request();
        self.server.accept(self.now, request.handle, state, &[connect_success()]).unwrap();
        let response = self.receive(conn);
        assert!(response.ended && response.code() == 0, "{response:?}");
        let mut jar = Jar::default();
        jar.learn(&response);
        (request.context, jar)
    }

    /// Begins an Execute and hands back what the application answers.
    pub fn begin_execute(&mut self, who: &str, jar: &Jar, rops: &[u8]) -> (ConnectionId, RequestHandle) {
        let conn = self.conn();
        self.send(conn, Some(who), self.head("Execute", &jar.line()), &execute_body(rops));
        (conn, self.request().handle)
    }

    pub fn execute(&mut self, who: &str, jar: &mut Jar, rops: &[u8]) -> Response {
        let (conn, handle) = self.begin_execute(who, jar, rops);
        self.server.respond(self.now, handle, &[execute_success(rops)]).unwrap();
        let response = self.receive(conn);
        assert!(response.ended, "{response:?}");
        jar.learn(&response);
        response
    }

    /// X-ResponseCode of an Execute with these cookies, whatever it comes to.
    pub fn execute_code(&mut self, who: &str, cookies: &str) -> u32 {
        let conn = self.conn();
        self.send(conn, Some(who), self.head("Execute", cookies), &execute_body(b""));
        let mut response = self.receive(conn);
        if let Some(Event::Execute(_)) = self.events.last() {
            let handle = self.request().handle;
            self.server.respond(self.now, handle, &[execute_success(b"")]).unwrap();
            self.receive_more(conn, &mut response);
        }
        assert!(response.ended);
        response.code()
    }

    pub fn begin_wait(&mut self, who: &str, jar: &Jar) -> ConnectionId {
        let conn = self.conn();
        self.send(conn, Some(who), self.head("NotificationWait", &jar.line()), &wait_body());
        conn
    }
}
