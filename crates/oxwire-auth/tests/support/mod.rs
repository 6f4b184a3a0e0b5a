//! A client layer and a server layer joined back to back, with a machine that asks and one that echoes.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests, which may fail and begin at some point of time"
)]

pub mod toy;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire_auth::ntlm::{self, ExtendedProtection};
use oxwire_auth::server::{Answer, RefuseReason, ServerConfig, ServerEvent, ServerLayer};
use oxwire_auth::spnego::{BoxedContext, MechanismCall, MechanismReply};
use oxwire_auth::{AuthScheme, ChannelBinding, Credentials};
use oxwire_core::{ConnectionId, FileTime, Principal};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead};

pub const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
pub const PASSWORD: &str = "correct horse";

/// Bytes that differ from call to call, the same in each run.
pub fn entropy(seed: u8) -> Box<dyn oxwire_core::Entropy + Send> {
    let mut next = seed;
    Box::new(move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_mul(5).wrapping_add(29);
            *byte = next;
        }
    })
}

pub fn origin(url: &str) -> Origin {
    Origin::from_url(url).unwrap().0
}

pub fn conn(number: u64) -> ConnectionId {
    ConnectionId::new(number)
}

pub fn request(method: &str, body: usize) -> RequestHead {
    let builder = RequestHead::builder(method, "/mapi/emsmdb").field("Host", "mail.test");
    builder.field("Content-Length", body.to_string()).request().unwrap()
}

/// What the client's machine got for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Status(u16, Vec<u8>),
    Reset(Reset),
}

pub struct Pair {
    pub now: Instant,
    pub client: ClientLayer,
    pub server: ServerLayer,
    pub origin: Origin,
    pub secure: bool,
    pub client_binding: ChannelBinding,
    pub server_binding: ChannelBinding,
    /// What the server's caller knows: one user.
    pub verdict: fn(&ServerEvent) -> Answer,
    pub client_events: Vec<ClientEvent>,
    pub server_events: Vec<ServerEvent>,
    /// Heads that crossed to the server: method, Content-Length, scheme.
    pub requests: Vec<String>,
    /// Statuses that crossed to the client.
    pub responses: Vec<u16>,
    /// Principals and bodies that reached the server's machine.
    pub served: Vec<(Option<Principal>, Vec<u8>)>,
    /// Credentials for the next questions; `None` refuses.
    pub answers: VecDeque<Option<Credentials>>,
    /// Bodies are cut into pieces of so many bytes on the way.
    pub piece: usize,
    inbox: Vec<u8>,
    outcome: Option<Outcome>,
    status: u16,
    body: Vec<u8>,
    open: Option<ConnectionId>,
    next_conn: u64,
    /// Makes the client's mechanism; `None` has no ticket.
    pub ticket: Option<fn() -> BoxedContext>,
    /// Makes the server's mechanism; `None` has no keytab.
    pub keytab: Option<fn() -> BoxedContext>,
    /// Changes heads on their way down.
    pub on_response: fn(ResponseHead) -> ResponseHead,
    /// Calls are left lying.
    pub no_calls: bool,
}

fn run(call: MechanismCall, make: Option<fn() -> BoxedContext>) -> MechanismReply {
    match make {
        None => call.unavailable("no ticket"),
        Some(make) if call.needs_context() => call.with_context(make()).run(WALL, &mut *entropy(3)),
        Some(_) => call.run(WALL, &mut *entropy(3)),
    }
}

pub fn answer_by_hash(event: &ServerEvent) -> Answer {
    let principal = |user: &str| Principal::new(user.to_lowercase());
    match event {
        ServerEvent::NtHashNeeded { user, .. } if user.user().to_lowercase().starts_with("alice") => {
            Answer::NtHash { hash: ntlm::nt_hash(PASSWORD), principal: principal("alice") }
        }
        ServerEvent::PasswordNeeded { user, password, .. } if user.user() == "alice" => {
            if password.expose() == PASSWORD {
                Answer::Accept { principal: principal("alice") }
            } else {
                Answer::Refuse
            }
        }
        ServerEvent::TokenNeeded { token, .. } if token.expose() == "good-token" => {
            Answer::Accept { principal: principal("alice") }
        }
        ServerEvent::PrincipalNeeded { name, .. } if &**name == "toy" => {
            Answer::Accept { principal: principal("alice") }
        }
        ServerEvent::TokenNeeded { .. } => Answer::Refuse,
        _ => Answer::UnknownUser,
    }
}

impl Pair {
    pub fn new(client: ClientConfig, server: ServerConfig) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: ClientLayer::new(client, entropy(1), now, WALL),
            server: ServerLayer::new(server, entropy(2), now, WALL),
            origin: origin("https://mail.test"),
            secure: true,
            client_binding: ChannelBinding::None,
            server_binding: ChannelBinding::None,
            verdict: answer_by_hash,
            client_events: Vec::new(),
            server_events: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            served: Vec::new(),
            answers: VecDeque::new(),
            piece: usize::MAX,
            inbox: Vec::new(),
            outcome: None,
            status: 0,
            body: Vec::new(),
            open: None,
            next_conn: 1,
            ticket: None,
            keytab: None,
            on_response: |head| head,
            no_calls: false,
        }
    }

    pub fn with(schemes: &[AuthScheme]) -> Self {
        let mut server = ServerConfig::new("MBX1");
        server.schemes = schemes.to_vec();
        Self::new(ClientConfig::default(), server)
    }

    pub fn extended(client: ChannelBinding, policy: ExtendedProtection, server: ChannelBinding) -> Self {
        let mut config = ServerConfig::new("MBX1");
        config.ntlm.extended_protection = policy;
        let mut this = Self::new(ClientConfig::default(), config);
        (this.client_binding, this.server_binding) = (client, server);
        this.login(Credentials::password("DOM\\alice", PASSWORD));
        this
    }

    pub fn target(&self) -> Target {
        Target::Origin(self.origin.clone())
    }

    pub fn login(&mut self, credentials: Credentials) {
        let target = self.target();
        self.client.set_credentials(self.now, target, credentials);
    }

    /// Opens a connection for the client's machine, if none is open.
    pub fn connect(&mut self) -> ConnectionId {
        if let Some(open) = self.open {
            return open;
        }
        let id = conn(self.next_conn);
        self.next_conn += 1;
        self.open = Some(id);
        self.client.handle_outgoing(self.now, HttpTransmit::Open { conn: id, origin: self.origin.clone() }).unwrap();
        self.server.accept(id, self.secure, self.server_binding.clone()).unwrap();
        self.client.set_channel_binding(id, self.client_binding.clone()).unwrap();
        id
    }

    /// One request, sent whole, until the machine has an answer.
    pub fn post(&mut self, body: &[u8]) -> Outcome {
        self.send("POST", body);
        self.run();
        self.outcome.take().expect("an outcome")
    }

    pub fn try_outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    pub fn send(&mut self, method: &str, body: &[u8]) {
        let id = self.connect();
        self.outcome = None;
        self.say(id, HttpEvent::Head(Head::Request(request(method, body.len()))));
        for piece in body.chunks(self.piece.min(body.len().max(1))) {
            self.say(id, HttpEvent::Body(Bytes::copy_from_slice(piece)));
        }
        self.say(id, HttpEvent::End);
    }

    pub fn say(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.client.handle_outgoing(self.now, HttpTransmit::Event { conn, event }).unwrap();
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        for at in [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten() {
            assert!(at > self.now, "a timer is due right after handle_timeout");
        }
        self.run();
    }

    /// Moves everything until nobody has anything left.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            while let Some(transmit) = self.client.poll_transmit(self.now) {
                moved = true;
                self.carry_up(transmit);
            }
            while let Some(transmit) = self.server.poll_transmit(self.now) {
                moved = true;
                self.carry_down(transmit);
            }
            while let Some(event) = self.server.poll_event() {
                moved = true;
                let handle = match &event {
                    ServerEvent::NtHashNeeded { handle, .. }
                    | ServerEvent::PasswordNeeded { handle, .. }
                    | ServerEvent::PrincipalNeeded { handle, .. }
                    | ServerEvent::TokenNeeded { handle, .. } => Some(*handle),
                    _ => None,
                };
                if let ServerEvent::MechanismNeeded { handle, .. } = &event
                    && !self.no_calls
                {
                    let call = self.server.take_call(*handle).unwrap();
                    let reply = run(call.call, self.keytab);
                    self.server.finish_call(self.now, *handle, reply).unwrap();
                }
                if let Some(handle) = handle {
                    self.server.answer(self.now, handle, (self.verdict)(&event)).unwrap();
                }
                self.server_events.push(event);
            }
            while let Some(delivery) = self.server.poll_deliver() {
                moved = true;
                match delivery.event {
                    HttpEvent::Body(bytes) => self.inbox.extend_from_slice(&bytes),
                    HttpEvent::End => self.serve(delivery.conn, delivery.principal),
                    _ => {}
                }
            }
            while let Some(event) = self.client.poll_event() {
                moved = true;
                if let ClientEvent::CredentialsNeeded { handle, .. } = &event {
                    match self.answers.pop_front() {
                        Some(Some(credentials)) => self.client.provide(self.now, *handle, credentials).unwrap(),
                        Some(None) => self.client.refuse(self.now, *handle).unwrap(),
                        None => {}
                    }
                }
                if let ClientEvent::MechanismNeeded { handle, .. } = &event
                    && !self.no_calls
                {
                    let call = self.client.take_call(*handle).unwrap();
                    assert_eq!(&*call.service, "HTTP/mail.test");
                    let reply = run(call.call, self.ticket);
                    self.client.finish_call(self.now, *handle, reply).unwrap();
                }
                self.client_events.push(event);
            }
            while let Some((_, event)) = self.client.poll_deliver() {
                moved = true;
                self.on_deliver(event);
            }
            if !moved {
                return;
            }
        }
        panic!("the two ends do not come to rest");
    }

    fn carry_up(&mut self, transmit: HttpTransmit) {
        match transmit {
            HttpTransmit::Event { conn, event } => {
                if let HttpEvent::Head(Head::Request(head)) = &event {
                    let field = |name| head.fields().text(name).unwrap_or("-").split(' ').next().unwrap().to_owned();
                    let scheme = field("Authorization");
                    self.requests.push(format!("{} {} {scheme}", head.method(), field("Content-Length")));
                }
                match event {
                    HttpEvent::Body(bytes) => {
                        for piece in bytes.chunks(self.piece.min(bytes.len())) {
                            let piece = HttpEvent::Body(bytes.slice_ref(piece));
                            self.server.handle(self.now, conn, piece).unwrap();
                        }
                    }
                    event => self.server.handle(self.now, conn, event).unwrap(),
                }
            }
            HttpTransmit::Close { conn } | HttpTransmit::Abort { conn } => {
                let reset = HttpEvent::Reset(Reset::unknown("closed"));
                self.server.handle(self.now, conn, reset).unwrap();
            }
            _ => {}
        }
    }

    fn carry_down(&mut self, transmit: HttpTransmit) {
        match transmit {
            HttpTransmit::Event { conn, event } => {
                let event = match event {
                    HttpEvent::Head(Head::Response(head)) => {
                        self.responses.push(head.status());
                        HttpEvent::Head(Head::Response((self.on_response)(head)))
                    }
                    event => event,
                };
                self.client.handle(self.now, conn, event).unwrap();
            }
            HttpTransmit::Close { conn } | HttpTransmit::Abort { conn } => {
                let reset = HttpEvent::Reset(Reset::not_sent("closed by the server"));
                self.client.handle(self.now, conn, reset).unwrap();
            }
            _ => {}
        }
    }

    fn serve(&mut self, conn: ConnectionId, principal: Option<Principal>) {
        let body = std::mem::take(&mut self.inbox);
        let head = ResponseHead::builder(200, "OK").field("Content-Length", body.len().to_string()).response().unwrap();
        let mut events = vec![HttpEvent::Head(Head::Response(head))];
        if !body.is_empty() {
            events.push(HttpEvent::Body(Bytes::copy_from_slice(&body)));
        }
        events.push(HttpEvent::End);
        for event in events {
            self.server.handle_outgoing(self.now, HttpTransmit::Event { conn, event }).unwrap();
        }
        self.served.push((principal, body));
    }

    fn on_deliver(&mut self, event: HttpEvent) {
        match event {
            HttpEvent::Head(Head::Response(head)) => {
                self.status = head.status();
                self.body.clear();
            }
            HttpEvent::Body(bytes) => self.body.extend_from_slice(&bytes),
            HttpEvent::End => self.outcome = Some(Outcome::Status(self.status, std::mem::take(&mut self.body))),
            HttpEvent::Reset(reset) => {
                self.open = None;
                if self.outcome.is_none() {
                    self.outcome = Some(Outcome::Reset(reset));
                }
            }
            _ => {}
        }
    }

    pub fn refusals(&self) -> Vec<RefuseReason> {
        let reason = |event: &ServerEvent| match event {
            ServerEvent::Refused { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.server_events.iter().filter_map(reason).collect()
    }
}
