//! Rows of [MS-OXCMAPIHTTP] that speak of what a server writes, read off the bytes of the whole stack: HTTP connection,
//! authentication, Session Contexts. The client is text written here by hand.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::server::{Answer, ServerConfig as AuthConfig, ServerEvent, ServerLayer};
use oxwire::core::{ConnectionId, FileTime, Principal, Transmit};
use oxwire::http::{Connection, HttpLimits, HttpTransmit};
use oxwire::mapihttp::server::{Event, Server, ServerConfig};

/// Connect ([MS-OXCMAPIHTTP] 2.2.4.1.1): UserDn, Flags, DefaultCodePage 1252, both locales 0x409, no auxiliary buffer.
const CONNECT: &[u8] = b"/cn=alice\0\0\0\0\0\xe4\x04\0\0\x09\x04\0\0\x09\x04\0\0\0\0\0\0";
/// Its success (2.2.4.1.2): StatusCode, ErrorCode, PollsMax, RetryCount, RetryDelay, DnPrefix, DisplayName, no auxiliary buffer.
const CONNECTED: &[u8] = b"\0\0\0\0\0\0\0\0\x60\xea\0\0\x06\0\0\0\x10\x27\0\0/o=x\0A\0\0\0\0\0\0\0";
/// Execute (2.2.4.2.1) with two bytes of ROP buffer, and its success (2.2.4.2.2) with three.
const EXECUTE: &[u8] = b"\0\0\0\0\x02\0\0\0ab\0\0\x01\0\0\0\0\0";
const EXECUTED: &[u8] = b"\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0abc\0\0\0\0";
/// NotificationWait (2.2.4.4.1).
const WAIT: &[u8] = &[0; 8];

struct Stack {
    now: Instant,
    auth: ServerLayer,
    server: Server<()>,
    conns: Vec<Connection>,
    out: Vec<Vec<u8>>,
    events: Vec<Event<()>>,
}

fn entropy(seed: u8) -> impl FnMut(&mut [u8]) + Send + 'static {
    let mut state = u64::from(seed) + 0x9e37_79b9_7f4a_7c15;
    move |out| {
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
    }
}

impl Stack {
    fn new() -> Self {
        let now = Instant::now();
        let wall = FileTime::from_intervals(130_371_137_960_000_000);
        let mut config = AuthConfig::new("SERVER");
        config.cleartext = true;
        Self {
            now,
            auth: ServerLayer::new(config, Box::new(entropy(1)), now, wall),
            server: Server::new(now, wall, ServerConfig::new(), entropy(2)).unwrap(),
            conns: Vec::new(),
            out: Vec::new(),
            events: Vec::new(),
        }
    }

    fn open(&mut self) -> usize {
        let id = ConnectionId::new(self.conns.len() as u64);
        self.auth.accept(id, false, oxwire::auth::ChannelBinding::None).unwrap();
        self.server.open(id, None);
        self.conns.push(Connection::server(self.now, id, HttpLimits::DEFAULT));
        self.out.push(Vec::new());
        self.conns.len() - 1
    }

    /// Moves events between the layers until none has anything left.
    fn run(&mut self) {
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for at in 0..self.conns.len() {
                while let Some(event) = self.conns[at].poll_event() {
                    self.auth.handle(self.now, ConnectionId::new(at as u64), event).unwrap();
                    moved = true;
                }
                while let Some(transmit) = self.conns[at].poll_transmit(self.now) {
                    if let Transmit::Send { head, body, .. } = transmit {
                        self.out[at].extend_from_slice(head.as_ref());
                        self.out[at].extend_from_slice(&body);
                    }
                }
            }
            while let Some(event) = self.auth.poll_event() {
                if let ServerEvent::PasswordNeeded { handle, user, .. } = event {
                    let principal = Principal::new(user.user());
                    self.auth.answer(self.now, handle, Answer::Accept { principal }).unwrap();
                    moved = true;
                }
            }
            while let Some(delivery) = self.auth.poll_deliver() {
                self.server.handle(self.now, delivery.conn, delivery.principal.as_ref(), delivery.event).unwrap();
                moved = true;
            }
            while let Some(transmit) = self.server.poll_transmit(self.now) {
                self.auth.handle_outgoing(self.now, transmit).unwrap();
                moved = true;
            }
            while let Some(transmit) = self.auth.poll_transmit(self.now) {
                if let HttpTransmit::Event { conn, event } = transmit {
                    let at = usize::try_from(conn.number()).unwrap();
                    self.conns[at].send(self.now, event).unwrap();
                    moved = true;
                }
            }
            while let Some(event) = self.server.poll_event() {
                self.events.push(event);
            }
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.server.handle_timeout(self.now);
        self.auth.handle_timeout(self.now);
        self.run();
    }

    /// Sends a request of alice's, or without credentials.
    fn post(&mut self, at: usize, kind: &str, authenticated: bool, cookies: &str, body: &[u8]) {
        let authorization = if authenticated { "Authorization: Basic YWxpY2U6c2VjcmV0\r\n" } else { "" };
        let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let head = format!(
            "POST /mapi/emsmdb/?MailboxId=a@x HTTP/1.1\r\nHost: mail.test\r\nContent-Type: application/mapi-http\r\n\
             Content-Length: {}\r\nX-RequestType: {kind}\r\nX-RequestId: {{E2EA6C1C-E61B-49E9-9CFB-38184F907552}}:{at}\r\n\
             X-ClientInfo: {{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}}:123\r\n\
             X-ClientApplication: Outlook/15.00.4569.1503\r\n{authorization}{cookies}\r\n",
            body.len()
        );
        let bytes = Bytes::from([head.as_bytes(), body].concat());
        self.conns[at].handle(self.now, bytes).unwrap();
        self.run();
    }

    fn take(&mut self, at: usize) -> Answered {
        self.run();
        Answered::read(&std::mem::take(&mut self.out[at]))
    }

    /// Connects over a connection of its own, and gives the cookies.
    fn connect(&mut self) -> (Answered, String) {
        let at = self.open();
        self.post(at, "Connect", true, "", CONNECT);
        let Some(Event::Connect(request)) = self.events.pop() else { panic!("no Connect") };
        self.server.accept(self.now, request.handle, (), &[Bytes::from_static(CONNECTED)]).unwrap();
        let answered = self.take(at);
        let cookies: Vec<&str> =
            answered.all("Set-Cookie").into_iter().map(|value| value.split(';').next().unwrap()).collect();
        let cookies = cookies.join("; ");
        (answered, cookies)
    }
}

/// A response taken apart by hand: [RFC 9112] 2.1 and 7.1.
#[derive(Debug)]
struct Answered {
    status: String,
    fields: Vec<(String, String)>,
    /// What the chunks, or Content-Length, hold so far.
    inner: Vec<u8>,
    /// Chunks in their own order; empty when there is a Content-Length.
    chunks: Vec<Vec<u8>>,
    whole: bool,
}

impl Answered {
    fn read(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..at]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().to_owned();
        let fields =
            lines.map(|line| line.split_once(": ").expect("a field")).map(|(n, v)| (n.to_owned(), v.to_owned()));
        let mut answered =
            Self { status, fields: fields.collect(), inner: Vec::new(), chunks: Vec::new(), whole: false };
        let mut rest = &bytes[at + 4..];
        if let Some(length) = answered.first("Content-Length") {
            answered.whole = rest.len() == length.parse::<usize>().unwrap();
            answered.inner = rest.to_vec();
            return answered;
        }
        assert_eq!(answered.first("Transfer-Encoding"), Some("chunked"), "{head}");
        while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            let chunk = &rest[end + 2..end + 2 + size];
            assert_eq!(&rest[end + 2 + size..end + 4 + size], b"\r\n");
            rest = &rest[end + 4 + size..];
            if size == 0 {
                answered.whole = true;
                assert!(rest.is_empty());
                break;
            }
            answered.inner.extend_from_slice(chunk);
            answered.chunks.push(chunk.to_vec());
        }
        answered
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }
}

#[test]
fn r50_r1331_authentication_is_a_401_and_refusals_are_200() {
    let mut stack = Stack::new();
    let at = stack.open();
    stack.post(at, "Connect", false, "", CONNECT);
    let anonymous = stack.take(at);
    assert!(anonymous.status.starts_with("HTTP/1.1 401 "), "{}", anonymous.status);
    assert_eq!(anonymous.all("WWW-Authenticate").len(), 2, "NTLM and Basic");
    assert!(stack.events.is_empty(), "nothing reached the machine");
    // Whoever is known gets 200, whatever the refusal: unknown request type, no cookie, unknown context.
    for (kind, cookies, code) in [("Nonsense", "", "5"), ("Execute", "", "13"), ("Execute", "MapiContext=x", "6")] {
        let at = stack.open();
        stack.post(at, kind, true, cookies, EXECUTE);
        let refused = stack.take(at);
        assert!(refused.status.starts_with("HTTP/1.1 200 "), "{kind}: {}", refused.status);
        assert_eq!(refused.first("X-ResponseCode"), Some(code), "{kind} with {cookies:?}");
    }
}

#[test]
fn r460_r2038_a_refusal_is_text_of_a_known_length() {
    let mut stack = Stack::new();
    let at = stack.open();
    stack.post(at, "Execute", true, "", EXECUTE);
    let refused = stack.take(at);
    assert!(refused.first("Content-Type").unwrap().contains("text/html"));
    assert_eq!(refused.first("Content-Length"), Some(refused.inner.len().to_string().as_str()));
    assert_eq!(refused.first("Transfer-Encoding"), None);
    assert!(refused.whole && !refused.inner.is_empty());
}

#[test]
fn r1146_r1147_connect_returns_cookies_and_what_the_client_said_of_itself() {
    let mut stack = Stack::new();
    let (answered, cookies) = stack.connect();
    assert_eq!(answered.first("X-ClientInfo"), Some("{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123"));
    assert!(answered.inner.ends_with(CONNECTED));
    // The cookies name the context: with them an Execute reaches the application, without them it does not.
    let at = stack.open();
    stack.post(at, "Execute", true, "", EXECUTE);
    assert!(!stack.events.iter().any(|event| matches!(event, Event::Execute(_))));
    let at = stack.open();
    stack.post(at, "Execute", true, &cookies, EXECUTE);
    assert!(matches!(stack.events.pop(), Some(Event::Execute(_))));
}

#[test]
fn r1173_r1178_r1185_one_inner_stream_in_chunks() {
    let mut stack = Stack::new();
    let (_, cookies) = stack.connect();
    let at = stack.open();
    stack.post(at, "Execute", true, &cookies, EXECUTE);
    let Some(Event::Execute(request)) = stack.events.pop() else { panic!("no Execute") };
    stack.pass(Duration::from_secs(31));
    let early = Answered::read(&stack.out[at]);
    assert_eq!(early.first("Transfer-Encoding"), Some("chunked"));
    assert_eq!(early.inner, b"PROCESSING\r\nPENDING\r\n", "the keep-alive has its meta-tag");
    assert!(!early.whole && early.chunks.len() == 2, "{early:?}");
    stack.server.respond(stack.now, request.handle, &[Bytes::from_static(EXECUTED)]).unwrap();
    let answered = stack.take(at);
    assert!(answered.whole);
    let text = String::from_utf8_lossy(&answered.inner);
    assert!(text.starts_with("PROCESSING\r\nPENDING\r\nDONE\r\nX-"), "{text}");
    assert!(answered.inner.ends_with(&[b"\r\n\r\n", EXECUTED].concat()), "{text}");
}

#[test]
fn r318_events_are_told_in_the_answer_to_the_execute_that_follows() {
    let mut stack = Stack::new();
    let (_, cookies) = stack.connect();
    let waiting = stack.open();
    stack.post(waiting, "NotificationWait", true, &cookies, WAIT);
    let Some(Event::Waiting { context, .. }) = stack.events.pop() else { panic!("nobody waits") };
    assert!(stack.server.notify(stack.now, context));
    let pending = stack.take(waiting);
    // 2.2.4.4.2: StatusCode, ErrorCode, EventPending, AuxiliaryBufferSize, and nothing of the event.
    assert!(pending.inner.ends_with(b"\r\n\r\n\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0"), "{pending:?}");
    let at = stack.open();
    stack.post(at, "Execute", true, &cookies, EXECUTE);
    let Some(Event::Execute(request)) = stack.events.pop() else { panic!("no Execute") };
    stack.server.respond(stack.now, request.handle, &[Bytes::from_static(EXECUTED)]).unwrap();
    assert!(stack.take(at).inner.ends_with(EXECUTED));
    // Told once: the next wait finds nothing queued.
    let waiting = stack.open();
    stack.post(waiting, "NotificationWait", true, &cookies, WAIT);
    assert!(!Answered::read(&stack.out[waiting]).whole);
}
