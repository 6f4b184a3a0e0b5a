//! What a whole authenticated session of MAPI over HTTP tells a subscriber of `tracing`, and what it must not tell:
//! `cargo test -p oxwire-tests --features tracing --test tracing`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::client::{ClientConfig, ClientLayer, Target};
use oxwire::auth::server::{Answer, ServerConfig as AuthConfig, ServerEvent, ServerLayer};
use oxwire::auth::{ChannelBinding, Credentials, ntlm};
use oxwire::core::{ConnectionId, FileTime, Principal, Transmit, Utf16, encode_to_bytes, utf16_le_bytes};
use oxwire::http::{Connection, Head, HttpEvent, HttpLimits, HttpTransmit, Origin, RequestHead};
use oxwire::mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectSuccess, DisconnectRequest, DisconnectSuccess, ExecuteFlags, ExecuteRequest,
    ExecuteSuccess, RequestType,
};
use oxwire::mapihttp::client::{Client, Config, Event, Outcome};
use oxwire::mapihttp::server::{self, Server, ServerConfig};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

const URL: &str = "https://mail.test/mapi/emsmdb/?MailboxId=box-of-ada@mail.test";
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
/// Password and NT hash of [MS-NLMP] 4.2.1 and 4.2.2.1.2.
const PASSWORD: &str = "Password";
const NT_HASH: [u8; 16] =
    [0xA4, 0xF4, 0x9C, 0x40, 0x65, 0x10, 0xBD, 0xCA, 0xB6, 0x82, 0x4E, 0xE7, 0xC3, 0x0F, 0xD8, 0x52];
/// They stand in the bodies, both ways.
const USER_DN: &[u8] = b"/o=secret-of-the-connect/cn=ada";
const DISPLAY_NAME: &str = "Ada Lovelace, in private";
const ROPS: &[u8] = b"Dear Charles, the engine";
const ANSWER: &[u8] = b"Dear Ada, the cards";

/// Keeps every event as a line: level, target, fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct World {
    now: Instant,
    client: Client,
    auth: ClientLayer,
    gate: ServerLayer,
    server: Server<()>,
    links: BTreeMap<ConnectionId, (Connection, Connection)>,
    /// What must be in no line: cookies and tokens, as they went over the wire.
    secrets: BTreeSet<String>,
    outcomes: Vec<RequestType>,
}

impl World {
    fn new() -> Self {
        let entropy = |seed: u8| {
            let mut next = seed;
            move |out: &mut [u8]| {
                out.fill_with(|| {
                    next = next.wrapping_mul(5).wrapping_add(3);
                    next
                })
            }
        };
        let now = Instant::now();
        Self {
            now,
            client: Client::new(Config::new(URL, &mut entropy(1)), now, WALL).unwrap(),
            auth: ClientLayer::new(ClientConfig::default(), Box::new(entropy(2)), now, WALL),
            gate: ServerLayer::new(AuthConfig::new("MBX1"), Box::new(entropy(3)), now, WALL),
            server: Server::new(now, WALL, ServerConfig::new(), entropy(4)).unwrap(),
            links: BTreeMap::new(),
            secrets: BTreeSet::new(),
            outcomes: Vec::new(),
        }
    }

    fn binding() -> ChannelBinding {
        ChannelBinding::TlsServerEndPoint(vec![9; 32].into())
    }

    /// Remembers what a head carries that nobody may read elsewhere.
    fn learn(&mut self, event: &HttpEvent) {
        let fields = match event {
            HttpEvent::Head(Head::Request(head)) => head.fields(),
            HttpEvent::Head(Head::Response(head)) => head.fields(),
            _ => return,
        };
        for (name, value) in fields.iter() {
            let value = std::str::from_utf8(value).unwrap();
            match name.to_ascii_lowercase().as_str() {
                "authorization" | "www-authenticate" => {
                    self.secrets.extend(value.split(' ').filter(|word| word.len() > 20).map(str::to_owned));
                }
                "cookie" | "set-cookie" => self.secrets.extend(
                    value
                        .split("; ")
                        .filter_map(|pair| pair.split_once('='))
                        .filter(|(_, v)| v.len() > 8)
                        .map(|(_, v)| v.to_owned()),
                ),
                _ => {}
            }
        }
    }

    fn settle(&mut self) {
        let now = self.now;
        loop {
            let mut moved = false;
            while let Some(transmit) = self.client.poll_transmit(now) {
                self.auth.handle_outgoing(now, transmit).unwrap();
                moved = true;
            }
            while let Some(transmit) = self.auth.poll_transmit(now) {
                moved = true;
                match transmit {
                    HttpTransmit::Open { conn, .. } => {
                        let server = Connection::server(now, conn, HttpLimits::DEFAULT);
                        self.links.insert(conn, (Connection::client(conn, HttpLimits::DEFAULT), server));
                        self.auth.set_channel_binding(conn, Self::binding()).unwrap();
                        self.gate.accept(conn, true, Self::binding()).unwrap();
                    }
                    HttpTransmit::Event { conn, event } => {
                        self.learn(&event);
                        self.links.get_mut(&conn).unwrap().0.send(now, event).unwrap();
                    }
                    other => self.links.get_mut(&other.conn()).unwrap().0.close(now),
                }
            }
            let ids: Vec<_> = self.links.keys().copied().collect();
            for conn in ids {
                let (client, server) = self.links.get_mut(&conn).unwrap();
                moved |= carry(now, client, server) | carry(now, server, client);
                let (up, down): (Vec<_>, Vec<_>) = (
                    std::iter::from_fn(|| server.poll_event()).collect(),
                    std::iter::from_fn(|| client.poll_event()).collect(),
                );
                moved |= !up.is_empty() || !down.is_empty();
                for event in up {
                    self.gate.handle(now, conn, event).unwrap();
                }
                for event in down {
                    self.auth.handle(now, conn, event).unwrap();
                }
            }
            while let Some(event) = self.gate.poll_event() {
                moved = true;
                if let ServerEvent::NtHashNeeded { handle, .. } = event {
                    let hash = ntlm::nt_hash(PASSWORD);
                    let answer = Answer::NtHash { hash, principal: Principal::new("ada") };
                    self.gate.answer(now, handle, answer).unwrap();
                }
            }
            while let Some(delivery) = self.gate.poll_deliver() {
                moved = true;
                self.server.handle(now, delivery.conn, delivery.principal.as_ref(), delivery.event).unwrap();
            }
            while let Some(event) = self.server.poll_event() {
                moved = true;
                self.answer(event);
            }
            while let Some(transmit) = self.server.poll_transmit(now) {
                self.gate.handle_outgoing(now, transmit).unwrap();
                moved = true;
            }
            while let Some(transmit) = self.gate.poll_transmit(now) {
                moved = true;
                let HttpTransmit::Event { conn, event } = transmit else { panic!("{transmit:?}") };
                self.learn(&event);
                self.links.get_mut(&conn).unwrap().1.send(now, event).unwrap();
            }
            while let Some((conn, event)) = self.auth.poll_deliver() {
                self.client.handle(now, conn, event).unwrap();
                moved = true;
            }
            while self.auth.poll_event().is_some() {}
            while let Some(Event::Completed(done)) = self.client.poll_event() {
                assert!(matches!(done.outcome, Outcome::Answered(_)), "{done:?}");
                self.outcomes.push(done.request_type);
            }
            if !moved {
                return;
            }
        }
    }

    fn answer(&mut self, event: server::Event<()>) {
        let now = self.now;
        match event {
            server::Event::Connect(request) => {
                let name = utf16_le_bytes(DISPLAY_NAME);
                let body = ConnectSuccess {
                    error_code: 0,
                    polls_max: 60_000,
                    retry_count: 6,
                    retry_delay: 10_000,
                    dn_prefix: b"/o=oxwire",
                    display_name: Utf16::from_truncated(&name),
                    auxiliary_buffer: &[],
                };
                self.server.accept(now, request.handle, (), &[encode_to_bytes(&body).unwrap()]).unwrap();
            }
            server::Event::Execute(request) => {
                let body = ExecuteSuccess { error_code: 0, rop_buffer: ANSWER, auxiliary_buffer: &[] };
                self.server.respond(now, request.handle, &[encode_to_bytes(&body).unwrap()]).unwrap();
            }
            server::Event::Disconnect(request) => {
                let body = encode_to_bytes(&DisconnectSuccess::default()).unwrap();
                self.server.respond(now, request.handle, &[body]).unwrap();
            }
            _ => {}
        }
    }
}

fn carry(now: Instant, from: &mut Connection, to: &mut Connection) -> bool {
    let mut moved = false;
    while let Some(transmit) = from.poll_transmit(now) {
        moved = true;
        if let Transmit::Send { head, body, .. } = transmit {
            let _told = to.handle(now, Bytes::copy_from_slice(head.as_slice()));
            let _told = to.handle(now, body);
        }
    }
    moved
}

/// Runs `f` under a subscriber that wants everything, and gives what it was told.
fn told<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    let lines = Lines::default();
    let result = tracing::subscriber::with_default(lines.clone(), f);
    let lines = lines.0.lock().unwrap().clone();
    (result, lines)
}

fn position(lines: &[String], parts: &[&str]) -> usize {
    let found = lines.iter().position(|line| parts.iter().all(|part| line.contains(part)));
    found.unwrap_or_else(|| panic!("no line with {parts:?} in\n{}", lines.join("\n")))
}

#[test]
fn a_session_tells_what_an_operator_wants_and_no_secret() {
    let (world, lines) = told(|| {
        let mut world = World::new();
        let target = Target::Origin(Origin::from_url(URL).unwrap().0);
        world.auth.set_credentials(world.now, target, Credentials::password("DOM\\ada", PASSWORD));
        let connect = ConnectRequest {
            user_dn: USER_DN,
            flags: ConnectFlags::default(),
            default_code_page: 1252,
            lcid_sort: 1033,
            lcid_string: 1033,
            auxiliary_buffer: &[],
        };
        world.client.connect(world.now, encode_to_bytes(&connect).unwrap()).unwrap();
        world.settle();
        let flags = ExecuteFlags::NONE;
        let execute = ExecuteRequest { flags, rop_buffer: ROPS, max_rop_out: 0x8000, auxiliary_buffer: &[] };
        world.client.execute(world.now, encode_to_bytes(&execute).unwrap()).unwrap();
        world.settle();
        let disconnect = encode_to_bytes(&DisconnectRequest::default()).unwrap();
        world.client.disconnect(world.now, disconnect).unwrap();
        world.settle();
        for (client, _) in world.links.values_mut() {
            client.close(world.now);
        }
        world
    });
    assert_eq!(world.outcomes, [RequestType::Connect, RequestType::Execute, RequestType::Disconnect]);

    // The facts, in their order.
    let facts: &[&[&str]] = &[
        &["DEBUG oxwire_mapihttp", "connection opened", "conn=1", "origin=https://mail.test"],
        &["DEBUG oxwire_mapihttp", "request sent", "request_type=\"Connect\""],
        &["DEBUG oxwire_http", "connection opened", "conn=1", "role=Client"],
        &["DEBUG oxwire_auth", "authentication asked for", "conn=1"],
        &["DEBUG oxwire_auth", "scheme chosen", "scheme=\"NTLM\""],
        &["TRACE oxwire_auth", "challenge sent", "conn=1"],
        &["DEBUG oxwire_auth", "authenticated", "scheme=\"NTLM\"", "binding=tls-server-end-point"],
        &["DEBUG oxwire_mapihttp", "request taken", "conn=1", "request=1", "request_type=\"Connect\""],
        &["DEBUG oxwire_mapihttp", "context created", "request=1"],
        &["DEBUG oxwire_mapihttp", "request answered", "request=1", "code=0", "duration_ms="],
        &["DEBUG oxwire_mapihttp", "context established"],
        &[
            "DEBUG oxwire_mapihttp",
            "request answered",
            "request_type=\"Execute\"",
            "outcome=\"answered\"",
            "duration_ms=",
        ],
        &["DEBUG oxwire_mapihttp", "context ended", "reason=\"disconnected\""],
        &["DEBUG oxwire_mapihttp", "context destroyed"],
        &["DEBUG oxwire_http", "connection closed", "conn=1", "reason=\"closed by the caller\""],
    ];
    let places: Vec<usize> = facts.iter().map(|fact| position(&lines, fact)).collect();
    assert!(places.is_sorted(), "{places:?}\n{}", lines.join("\n"));
    assert!(lines.iter().all(|line| !line.starts_with("WARN") && !line.starts_with("ERROR")), "{}", lines.join("\n"));

    // The secrets. Two cookies and their successors, the three messages of NTLM.
    assert!(world.secrets.len() >= 5, "{:?}", world.secrets);
    let all = lines.join("\n");
    let hex = |upper: bool| NT_HASH.map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).concat();
    let listed = format!("{NT_HASH:?}");
    let text = |bytes: &'static [u8]| std::str::from_utf8(bytes).unwrap().to_owned();
    let bodies = [text(USER_DN), DISPLAY_NAME.to_owned(), text(ROPS), text(ANSWER), "box-of-ada".to_owned()];
    let never = [PASSWORD.to_owned(), hex(true), hex(false), listed.trim_matches(['[', ']']).to_owned()];
    for secret in never.iter().chain(&bodies).chain(&world.secrets) {
        assert!(!all.contains(&**secret), "{secret:?} was told in\n{all}");
        // As a list of bytes it is as good as told.
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!all.contains(bytes.trim_matches(['[', ']'])), "{secret:?} was told as bytes in\n{all}");
    }
}

/// A token without a scheme in front of it reads like a scheme, and the refusal's reason names schemes.
#[test]
fn what_a_client_writes_in_the_place_of_a_scheme_is_not_told() {
    let ((), lines) = told(|| {
        let mut world = World::new();
        let conn = ConnectionId::new(7);
        world.gate.accept(conn, true, ChannelBinding::None).unwrap();
        let head = RequestHead::builder("POST", "/mapi/emsmdb/").field("Host", "mail.test");
        let head = head.field("Authorization", "eyJhbGciOi.a-token").request().unwrap();
        world.gate.handle(world.now, conn, HttpEvent::Head(Head::Request(head))).unwrap();
    });
    position(&lines, &["INFO oxwire_auth", "authentication refused", "conn=7", "the scheme is not offered"]);
    assert!(!lines.join("\n").contains("eyJ"), "{lines:?}");
}

#[test]
fn a_limit_that_is_reached_is_a_warning_that_names_it() {
    let ((), lines) = told(|| {
        let now = Instant::now();
        let limits = HttpLimits::DEFAULT.with_fields(1);
        let mut server = Connection::server(now, ConnectionId::new(3), limits);
        let request = Bytes::from_static(b"GET / HTTP/1.1\r\nHost: mail.test\r\nCookie: crumbs\r\n\r\n");
        assert!(server.handle(now, request).is_err());
    });
    position(&lines, &["WARN oxwire_http", "limit reached", "conn=3", "limit=\"fields\""]);
    position(&lines, &["DEBUG oxwire_http", "connection closed", "conn=3", "limit `fields`"]);
    assert!(!lines.join("\n").contains("crumbs"), "{lines:?}");
}
