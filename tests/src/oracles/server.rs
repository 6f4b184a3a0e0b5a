//! oxwire-mapihttp's server machine, by sequences of operations.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, FileTime, Principal};
use oxwire::http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};
use oxwire::mapihttp::server::{
    Availability, ContextId, Event, Refusal, RequestHandle, Server, ServerConfig, ServerLimits, TableLimits,
};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("server_machine", server_machine)];

const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// An operation is one byte and what it takes from the rest; there are none after the end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let at = usize::from(self.byte()) % from.len().max(1);
        from.get(at).cloned()
    }
}

struct World {
    server: Server<String>,
    now: Instant,
    /// Cookies as they were set, with the user that they were set for.
    cookies: Vec<(String, String)>,
    conns: BTreeMap<ConnectionId, String>,
    handles: Vec<(RequestHandle, ContextId, String)>,
    contexts: BTreeMap<ContextId, String>,
}

/// Whatever the order of requests, answers, cuts and time: no context is reached by another user, each that was accepted ends once
/// and gives its state back, no timer is due right after `handle_timeout`, limits hold, and in the end nothing is left.
pub fn server_machine(data: &[u8]) {
    let now = Instant::now();
    let table = TableLimits::DEFAULT.with_lifetime(Duration::from_secs(60)).with_contexts(6).with_answer_bytes(2_000);
    let limits = ServerLimits::DEFAULT
        .with_half_open(4, 3, 2)
        .with_request_bytes(2_000)
        .with_sending_bytes(10_000)
        .with_pipelined_bytes(3_000);
    let config = ServerConfig::new().with_table(table).with_limits(limits).with_answer_timeout(Duration::from_secs(90));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let entropy = move |out: &mut [u8]| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[0];
        }
    };
    let wall = FileTime::from_intervals(130_371_137_960_000_000);
    let server = Server::new(now, wall, config, entropy).expect("the texts of the configuration are good");
    let (cookies, conns) = (Vec::new(), BTreeMap::new());
    let mut world = World { server, now, cookies, conns, handles: Vec::new(), contexts: BTreeMap::new() };
    let mut script = Script(data);
    while !script.0.is_empty() {
        world.step(&mut script);
        world.settle();
    }
    world.server.set_availability(world.now, Availability::Open);
    for _ in 0..12 {
        world.now += Duration::from_secs(60);
        world.server.handle_timeout(world.now);
        world.settle();
    }
    world.drain();
    assert_eq!(world.server.poll_timeout(), None, "nothing waits for ever");
    assert!(world.server.contexts().is_empty() && world.contexts.is_empty());
    assert_eq!((world.server.half_open(), world.server.sending_bytes()), (0, 0));
}

impl World {
    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 12 {
            0..=3 => self.request(script),
            4 | 5 => self.answer(script),
            6 => self.drain(),
            7 => {
                let seconds = [1, 16, 61, 400][usize::from(script.byte() % 4)];
                self.now += Duration::from_secs(seconds);
                self.server.handle_timeout(self.now);
            }
            8 => {
                let conns: Vec<ConnectionId> = self.conns.keys().copied().collect();
                let Some(conn) = script.pick(&conns) else { return };
                let event = match script.byte() % 3 {
                    0 => HttpEvent::Reset(Reset::unknown("cut")),
                    1 => HttpEvent::End,
                    _ => HttpEvent::Body(Bytes::copy_from_slice(b"more")),
                };
                let who = self.conns.get(&conn).map(|name| Principal::new(name.as_str()));
                // A body without a head is the driver's mistake, and says so.
                let _ = self.server.handle(self.now, conn, who.as_ref(), event);
            }
            9 => {
                let contexts: Vec<ContextId> = self.contexts.keys().copied().collect();
                let Some(context) = script.pick(&contexts) else { return };
                match script.byte() % 3 {
                    0 => assert!(self.server.notify(self.now, context)),
                    1 => assert!(self.server.end_context(self.now, context)),
                    _ => self.migrate(context),
                }
            }
            10 => {
                let availability = [Availability::Open, Availability::Disabled, Availability::ShuttingDown];
                self.server.set_availability(self.now, availability[usize::from(script.byte() % 3)]);
            }
            _ => self.server.handle_timeout(self.now),
        }
    }

    fn request(&mut self, script: &mut Script<'_>) {
        const KINDS: [&str; 6] = ["Connect", "Execute", "Disconnect", "NotificationWait", "PING", "Bind"];
        let conn = ConnectionId::new(u64::from(script.byte() % 16));
        let name = USERS[usize::from(script.byte() % 3)];
        let shape = script.byte();
        let kind = KINDS[usize::from(script.byte()) % KINDS.len()];
        let mut head = RequestHead::builder("POST", "/mapi/emsmdb/?MailboxId=a")
            .field("Content-Type", "application/mapi-http")
            .field("X-RequestType", kind)
            .field("X-RequestId", format!("{{a}}:{}", shape & 3));
        let picked = script.pick(&self.cookies).map_or_else(String::new, |(cookies, _)| cookies);
        if shape & 4 == 0 {
            head = head.field("Cookie", &picked);
        }
        if shape & 8 != 0 {
            // A header of the script's own, over what there is.
            let names = ["X-RequestType", "X-RequestId", "X-ClientInfo", "Content-Type", "Content-Length", "Cookie"];
            let name = names[usize::from(script.byte()) % names.len()];
            head = head.set(name, script.bytes());
        }
        let Ok(head) = head.request() else { return };
        let body = match kind {
            _ if shape & 16 != 0 => Bytes::copy_from_slice(script.bytes()),
            // By hand from 2.2.4.1.1: an empty UserDn, four numbers, no auxiliary buffer.
            "Connect" => Bytes::from_static(&[0; 21]),
            // 2.2.4.2.1: Flags, an empty ROP buffer, MaxRopOut, no auxiliary buffer.
            "Execute" => Bytes::from_static(&[0; 16]),
            "NotificationWait" => Bytes::from_static(&[0; 8]),
            _ => Bytes::new(),
        };
        let principal = (shape & 32 == 0).then(|| Principal::new(name));
        if shape & 64 != 0 {
            self.server.open(conn, Some([127, 0, 0, 1].into()));
        }
        self.conns.insert(conn, name.to_owned());
        let mut events = vec![HttpEvent::Head(Head::Request(head))];
        if !body.is_empty() {
            events.push(HttpEvent::Body(body));
        }
        if shape & 128 == 0 {
            events.push(HttpEvent::End);
        }
        for event in events {
            let _ = self.server.handle(self.now, conn, principal.as_ref(), event);
        }
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        let Some((handle, context, owner)) = script.pick(&self.handles) else { return };
        let body = [Bytes::copy_from_slice(script.bytes()), Bytes::from_static(&[0; 16])];
        let answered = match script.byte() % 4 {
            0 => {
                let accepted = self.server.accept(self.now, handle, String::new(), &body).is_ok();
                if accepted {
                    // It may have ended by now: a request sent ahead on the same connection may have replaced it.
                    self.contexts.insert(context, owner);
                }
                accepted
            }
            1 => self.server.respond(self.now, handle, &body).is_ok(),
            2 => self.server.decline(self.now, handle, &body).is_ok(),
            _ => self.server.fail(self.now, handle, Refusal::NoPrivilege, "<no>").is_ok(),
        };
        if answered {
            assert!(self.server.respond(self.now, handle, &body).is_err(), "answered twice");
            self.handles.retain(|(known, ..)| *known != handle);
        }
    }

    fn migrate(&mut self, context: ContextId) {
        let Ok((exported, state)) = self.server.export(self.now, context) else { return };
        let owner = self.contexts.remove(&context).expect("known");
        if let Ok(context) = self.server.import(self.now, exported, state.expect("it was accepted")) {
            self.contexts.insert(context, owner);
        }
    }

    /// Takes what is sent, as a client does: it learns cookies.
    fn drain(&mut self) {
        while let Some(transmit) = self.server.poll_transmit(self.now) {
            match transmit {
                HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) } => {
                    let lines = head.fields().all("Set-Cookie");
                    let pairs = lines.map(|line| line.split(|byte| *byte == b';').next().unwrap_or_default());
                    let cookies =
                        pairs.map(|pair| String::from_utf8_lossy(pair).into_owned()).collect::<Vec<_>>().join("; ");
                    if !cookies.is_empty() {
                        let owner = self.conns.get(&conn).cloned().unwrap_or_default();
                        self.cookies.push((cookies, owner));
                        let excess = self.cookies.len().saturating_sub(16);
                        self.cookies.drain(..excess);
                    }
                }
                HttpTransmit::Event { event: HttpEvent::Head(Head::Request(_)) | HttpEvent::Reset(_), .. } => {
                    panic!("a server sends no such thing")
                }
                _ => {}
            }
        }
    }

    fn settle(&mut self) {
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Connect(request) | Event::Execute(request) | Event::Disconnect(request) => {
                    // Each context is one user's, from its Connect to its end.
                    if let Some(owner) = self.contexts.get(&request.context) {
                        assert_eq!(owner, request.principal.name(), "a context of another user was reached");
                    }
                    self.handles.push((request.handle, request.context, request.principal.name().to_owned()));
                }
                Event::Waiting { handle, context } => self.handles.push((handle, context, String::new())),
                Event::Ended { removed, .. } => {
                    assert!(removed.state.is_some());
                    assert_eq!(self.contexts.remove(&removed.context).as_deref(), Some(removed.principal.name()));
                }
                _ => {}
            }
        }
        self.server.handle_timeout(self.now);
        assert!(self.server.poll_timeout().is_none_or(|at| at > self.now), "a timer is still due");
        assert!(self.server.contexts().len() <= 6 && self.server.half_open() <= 4);
    }
}
