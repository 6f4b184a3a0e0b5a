//! The whole exchange: a client layer and a server layer, with HTTP/1.1 between them as bytes.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire::auth::ntlm::{ExtendedProtection, Refusal, nt_hash};
use oxwire::auth::server::{Answer, RefuseReason, ServerConfig, ServerEvent, ServerLayer};
use oxwire::auth::spnego::{BoxedContext, ListProtection, MechType, MechanismCall, MechanismReply};
use oxwire::auth::{AuthScheme, BindingKind, ChannelBinding, Credentials};
use oxwire::core::{ConnectionId, Principal, Transmit};
use oxwire::http::{
    Connection, Head, HttpEvent, HttpLimits, HttpTransmit, Origin, RequestFate, RequestHead, ResponseHead,
};

use super::kerberos::Ticket;
use super::{PASSWORD, Script, WALL, entropy};

/// Who takes part, and how, as the first bytes of an input say.
struct Cast {
    schemes: Vec<AuthScheme>,
    ticket: bool,
    keytab: bool,
    negotiate_ntlm: bool,
    policy: ExtendedProtection,
    /// Of the client: that of the server's channel, another's, or none.
    binding: ChannelBinding,
    password: bool,
    /// Bytes may change on the way, and connections may be lost.
    rough: bool,
}

const CHANNEL: u8 = 7;

fn channel(of: u8) -> ChannelBinding {
    ChannelBinding::TlsServerEndPoint([of; 32].into())
}

impl Cast {
    fn read(script: &mut Script<'_>) -> Self {
        let [schemes, ends, more] = [(); 3].map(|()| script.byte().unwrap_or(0));
        let all = [AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Basic, AuthScheme::Bearer];
        Self {
            schemes: (0..4_u8).filter(|at| schemes >> at & 1 == 0).map(|at| all[usize::from(at)]).collect(),
            ticket: ends & 1 != 0,
            keytab: ends & 2 != 0,
            negotiate_ntlm: ends & 4 == 0,
            password: ends & 8 == 0,
            policy: [ExtendedProtection::Off, ExtendedProtection::Allow, ExtendedProtection::Require]
                [usize::from(more % 3)],
            binding: [channel(CHANNEL), ChannelBinding::None, channel(CHANNEL + 1)][usize::from(more >> 2 & 3) % 3]
                .clone(),
            rough: more & 128 != 0,
        }
    }

    fn client(&self, script: &mut Script<'_>) -> ClientConfig {
        let mut config = ClientConfig::default();
        config.require_last_token = script.byte().unwrap_or(0) & 1 != 0;
        if self.ticket {
            config.outside_mechanisms = vec![MechType::KERBEROS];
        }
        config
    }

    fn server(&self, script: &mut Script<'_>) -> ServerConfig {
        let more = script.byte().unwrap_or(0);
        let mut config = ServerConfig::new("MBX1");
        config.schemes.clone_from(&self.schemes);
        config.ntlm.extended_protection = self.policy;
        config.ntlm.timestamp = more & 1 == 0;
        config.list_protection = if more & 2 == 0 { ListProtection::Required } else { ListProtection::WhenSent };
        config.negotiate_ntlm = self.negotiate_ntlm;
        if self.keytab {
            config.outside_mechanisms = vec![MechType::KERBEROS];
        }
        config
    }

    /// Whether every request is to be answered: what the client chooses has all that it needs.
    fn is_fair(&self) -> bool {
        let offers = |scheme| self.schemes.contains(&scheme);
        let bound = match self.policy {
            ExtendedProtection::Off => true,
            ExtendedProtection::Allow => self.binding != channel(CHANNEL + 1),
            _ => self.binding == channel(CHANNEL),
        };
        if self.rough || !self.password {
            return false;
        }
        if offers(AuthScheme::Negotiate) && (self.ticket || self.negotiate_ntlm) {
            // The stand-in for Kerberos proves no binding.
            let kerberos = self.ticket && self.keytab;
            let ntlm = !kerberos && self.negotiate_ntlm && bound;
            return ntlm || kerberos && self.policy != ExtendedProtection::Require;
        }
        (offers(AuthScheme::Ntlm) && bound) || (offers(AuthScheme::Basic) && !offers(AuthScheme::Ntlm))
    }
}

/// The two ends of one connection.
struct Link {
    client: Connection,
    server: Connection,
}

/// What the client's machine has come to.
#[derive(Default)]
struct Machine {
    open: Option<ConnectionId>,
    status: u16,
    body: Vec<u8>,
    /// A status, or 0 for a connection that was lost.
    outcome: Option<u16>,
    tries: u32,
}

struct World<'a> {
    script: Script<'a>,
    cast: Cast,
    now: Instant,
    client: ClientLayer,
    server: ServerLayer,
    links: BTreeMap<ConnectionId, Link>,
    next_conn: u64,
    origin: Origin,
    request: Vec<u8>,
    machine: Machine,
    inbox: Vec<u8>,
    /// Scheme, mechanism and binding of the last success, as either end tells it.
    told: [Option<(AuthScheme, Option<MechType>)>; 2],
    wrong_proofs: usize,
}

fn run(call: MechanismCall, context: BoxedContext) -> MechanismReply {
    let call = if call.needs_context() { call.with_context(context) } else { call };
    call.run(WALL, &mut *entropy())
}

impl World<'_> {
    /// The machine opens a connection, if none is open, and sends its request.
    fn send(&mut self) {
        let conn = self.machine.open.unwrap_or_else(|| {
            self.next_conn += 1;
            let conn = ConnectionId::new(self.next_conn);
            let open = HttpTransmit::Open { conn, origin: self.origin.clone() };
            self.client.handle_outgoing(self.now, open).expect("a connection of its own");
            conn
        });
        self.machine.open = Some(conn);
        let head = RequestHead::builder("POST", "/mapi/emsmdb").field("Host", "mail.test");
        let head = head.field("Content-Length", self.request.len().to_string()).request().expect("sound");
        let mut events = vec![HttpEvent::Head(Head::Request(head)), HttpEvent::End];
        if !self.request.is_empty() {
            events.insert(1, HttpEvent::Body(Bytes::copy_from_slice(&self.request)));
        }
        for event in events {
            let event = HttpTransmit::Event { conn, event };
            self.client.handle_outgoing(self.now, event).expect("a request in order");
        }
    }

    /// Sends a request, and lets everything happen until it is answered.
    fn post(&mut self, request: &[u8]) -> u16 {
        self.request = request.to_vec();
        self.machine = Machine { open: self.machine.open, ..Machine::default() };
        self.send();
        for _ in 0..100 {
            self.settle();
            if let Some(outcome) = self.machine.outcome.take() {
                return outcome;
            }
            self.wait();
        }
        panic!("a request without an end");
    }

    /// Time passes until somebody has something to do.
    fn wait(&mut self) {
        let http = |link: &Link| [link.client.poll_timeout(), link.server.poll_timeout()];
        let due = self.links.values().flat_map(http).flatten();
        let due = due.chain(self.client.poll_timeout()).chain(self.server.poll_timeout()).min();
        self.now = due.expect("a request that waits has a deadline").max(self.now);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        for link in self.links.values_mut() {
            link.client.handle_timeout(self.now);
            link.server.handle_timeout(self.now);
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            let moved = self.apply() | self.carry() | self.decide() | self.serve() | self.take();
            if !moved {
                return;
            }
        }
        panic!("the two ends do not come to rest");
    }

    /// What the layers want done, to the connections.
    fn apply(&mut self) -> bool {
        let mut moved = false;
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            moved = true;
            if let HttpTransmit::Open { conn, .. } = transmit {
                let client = Connection::client(conn, HttpLimits::DEFAULT);
                let server = Connection::server(self.now, conn, HttpLimits::DEFAULT);
                self.links.insert(conn, Link { client, server });
                self.server.accept(conn, true, channel(CHANNEL)).expect("a new connection");
                self.client.set_channel_binding(conn, self.cast.binding.clone()).expect("an open connection");
            } else if let Some(link) = self.links.get_mut(&transmit.conn()) {
                do_it(&mut link.client, self.now, transmit);
            }
        }
        while let Some(transmit) = self.server.poll_transmit(self.now) {
            moved = true;
            if let Some(link) = self.links.get_mut(&transmit.conn()) {
                do_it(&mut link.server, self.now, transmit);
            }
        }
        moved
    }

    /// Bytes from end to end, and what they mean to the layers.
    fn carry(&mut self) -> bool {
        let mut moved = false;
        for (conn, link) in &mut self.links {
            moved |= pump(&mut self.script, self.cast.rough, self.now, &mut link.client, &mut link.server);
            moved |= pump(&mut self.script, self.cast.rough, self.now, &mut link.server, &mut link.client);
            while let Some(event) = link.server.poll_event() {
                moved = true;
                self.server.handle(self.now, *conn, event).expect("the driver's calls are in order");
            }
            while let Some(event) = link.client.poll_event() {
                moved = true;
                self.client.handle(self.now, *conn, event).expect("the driver's calls are in order");
            }
        }
        moved
    }

    /// The callers' answers.
    fn decide(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.server.poll_event() {
            moved = true;
            let alice = || Principal::new("alice");
            let answer = match &event {
                ServerEvent::MechanismNeeded { handle, .. } => {
                    // `None` for a connection that has ended meanwhile.
                    let Some(call) = self.server.take_call(*handle) else { continue };
                    let reply = run(call.call, Ticket::acceptor());
                    self.server.finish_call(self.now, *handle, reply).expect("its reply");
                    continue;
                }
                ServerEvent::NtHashNeeded { handle, user, .. } => match user.user().eq_ignore_ascii_case("alice") {
                    true => (*handle, Answer::NtHash { hash: nt_hash(PASSWORD), principal: alice() }),
                    false => (*handle, Answer::UnknownUser),
                },
                ServerEvent::PasswordNeeded { handle, user, password, .. } => {
                    let right = user.user() == "alice" && password.expose() == PASSWORD;
                    (*handle, if right { Answer::Accept { principal: alice() } } else { Answer::Refuse })
                }
                ServerEvent::PrincipalNeeded { handle, name, .. } => match &**name {
                    "alice@MAIL.TEST" => (*handle, Answer::Accept { principal: alice() }),
                    _ => (*handle, Answer::UnknownUser),
                },
                ServerEvent::TokenNeeded { handle, .. } => (*handle, Answer::Refuse),
                ServerEvent::Authenticated { scheme, mechanism, binding, .. } => {
                    let kerberos = *mechanism == Some(MechType::KERBEROS);
                    assert!(self.cast.password || kerberos, "{scheme} without the password");
                    assert!(*binding == BindingKind::None || self.cast.binding == channel(CHANNEL), "{binding}");
                    self.told[1] = Some((*scheme, *mechanism));
                    continue;
                }
                ServerEvent::Refused { reason, .. } => {
                    let wrong =
                        [RefuseReason::Ntlm(Refusal::WrongProof), RefuseReason::WrongPassword, RefuseReason::Verdict];
                    self.wrong_proofs += usize::from(wrong.contains(reason));
                    continue;
                }
                _ => continue,
            };
            self.server.answer(self.now, answer.0, answer.1).expect("an answer of the right kind");
        }
        while let Some(event) = self.client.poll_event() {
            moved = true;
            assert!(!format!("{event:?}").contains(PASSWORD));
            match event {
                ClientEvent::CredentialsNeeded { handle, .. } => {
                    self.client.refuse(self.now, handle).expect("a question that stands");
                }
                ClientEvent::MechanismNeeded { handle, .. } => {
                    let Some(call) = self.client.take_call(handle) else { continue };
                    let reply = run(call.call, Ticket::initiator("alice@MAIL.TEST"));
                    self.client.finish_call(self.now, handle, reply).expect("its reply");
                }
                ClientEvent::Authenticated { scheme, mechanism, .. } => self.told[0] = Some((scheme, mechanism)),
                _ => {}
            }
        }
        moved
    }

    /// The server's machine echoes.
    fn serve(&mut self) -> bool {
        let mut moved = false;
        while let Some(delivery) = self.server.poll_deliver() {
            moved = true;
            let conn = delivery.conn;
            let name = delivery.principal.as_ref().map(Principal::name);
            assert!(name == Some("alice") || matches!(delivery.event, HttpEvent::Reset(_)), "{delivery:?}");
            match delivery.event {
                HttpEvent::Head(_) => self.inbox.clear(),
                HttpEvent::Body(bytes) => self.inbox.extend_from_slice(&bytes),
                HttpEvent::End => {
                    let body = Bytes::from(std::mem::take(&mut self.inbox));
                    assert!(self.cast.rough || body == self.request, "another body than was sent");
                    let head = ResponseHead::builder(200, "OK").field("Content-Length", body.len().to_string());
                    let head = head.response().expect("sound");
                    let mut events = vec![HttpEvent::Head(Head::Response(head)), HttpEvent::End];
                    if !body.is_empty() {
                        events.insert(1, HttpEvent::Body(body));
                    }
                    for event in events {
                        let event = HttpTransmit::Event { conn, event };
                        self.server.handle_outgoing(self.now, event).expect("a response in order");
                    }
                }
                _ => {}
            }
        }
        moved
    }

    /// What the client's machine gets.
    fn take(&mut self) -> bool {
        let mut moved = false;
        let mut again = false;
        while let Some((conn, event)) = self.client.poll_deliver() {
            moved = true;
            if self.machine.open != Some(conn) {
                assert!(matches!(event, HttpEvent::Reset(_)), "{event:?} on a connection that is over");
                continue;
            }
            match event {
                HttpEvent::Head(Head::Response(head)) => {
                    self.machine.status = head.status();
                    self.machine.body.clear();
                }
                HttpEvent::Body(bytes) => self.machine.body.extend_from_slice(&bytes),
                HttpEvent::End => {
                    let whole = self.machine.status != 200 || self.machine.body == self.request;
                    assert!(whole || self.cast.rough, "another body than was answered");
                    self.machine.outcome = Some(self.machine.status);
                }
                HttpEvent::Reset(reset) => {
                    self.machine.open = None;
                    again = reset.request == RequestFate::NotSent && self.machine.outcome.is_none();
                    if !again && self.machine.outcome.is_none() {
                        self.machine.outcome = Some(0);
                    }
                }
                _ => {}
            }
        }
        if again && self.machine.tries < 8 {
            self.machine.tries += 1;
            self.send();
        } else if again {
            assert!(self.cast.rough, "sent again and again");
            self.machine.outcome = Some(0);
        }
        moved
    }
}

fn do_it(connection: &mut Connection, now: Instant, transmit: HttpTransmit) {
    match transmit {
        HttpTransmit::Event { event, .. } => {
            if let Err(refused) = connection.send(now, event) {
                connection.handle_lost(now, 0, refused.reason.to_string());
            }
        }
        HttpTransmit::Close { .. } => connection.close(now),
        _ => connection.abort(now),
    }
}

/// Bytes from one end to the other, cut and, where that is allowed, changed as the script says.
fn pump(script: &mut Script<'_>, rough: bool, now: Instant, from: &mut Connection, to: &mut Connection) -> bool {
    let mut moved = false;
    while let Some(transmit) = from.poll_transmit(now) {
        moved = true;
        let Transmit::Send { head, body, .. } = transmit else {
            to.handle_eof(now);
            continue;
        };
        let mut bytes = [head.as_slice(), &body].concat();
        let way = script.byte().unwrap_or(0);
        if rough && way & 128 != 0 {
            let at = usize::from(u16::from_le_bytes([script.byte().unwrap_or(0), script.byte().unwrap_or(0)]));
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at % len) {
                *byte ^= script.byte().unwrap_or(0);
            }
        }
        if rough && way & 64 != 0 {
            from.handle_lost(now, u64::try_from(bytes.len()).unwrap_or(0), "cut");
            to.handle_lost(now, 0, "cut");
            break;
        }
        let piece = match way & 63 {
            0 => bytes.len().max(1),
            piece => usize::from(piece) * 8 - 7,
        };
        for piece in bytes.chunks(piece) {
            // What is not HTTP any more ends the connection, which it tells as an event.
            let _ = to.handle(now, Bytes::copy_from_slice(piece));
        }
    }
    moved
}

/// Three requests, whatever the ends have, the bytes cut anywhere, and changed or lost where the input says so. Each comes to an
/// end; nobody but alice is served; a wrong password is tried once; where both ends have what they need and the way is fair, each is
/// answered, and both tell the same scheme and mechanism.
pub fn auth_exchange(data: &[u8]) {
    let now = Instant::now();
    let mut script = Script::new(data);
    let cast = Cast::read(&mut script);
    let client = ClientLayer::new(cast.client(&mut script), entropy(), now, WALL);
    let server = ServerLayer::new(cast.server(&mut script), entropy(), now, WALL);
    let origin = Origin::from_url("https://mail.test").expect("a sound URL").0;
    let mut world = World {
        script,
        cast,
        now,
        client,
        server,
        links: BTreeMap::new(),
        next_conn: 0,
        origin: origin.clone(),
        request: Vec::new(),
        machine: Machine::default(),
        inbox: Vec::new(),
        told: [None, None],
        wrong_proofs: 0,
    };
    let password = if world.cast.password { PASSWORD } else { "wrong" };
    world.client.set_credentials(now, Target::Origin(origin), Credentials::password("DOM\\alice", password));
    let fair = world.cast.is_fair();
    for _ in 0..3 {
        let request = world.script.piece();
        let status = world.post(request);
        assert!(!fair || status == 200, "{status} where both ends have what they need");
        assert!(world.cast.rough || matches!(status, 200 | 401), "{status}");
    }
    assert!(!fair || world.told[0].is_some() && world.told[0] == world.told[1], "{:?}", world.told);
    assert!(world.cast.rough || world.wrong_proofs <= 1, "a wrong password was tried again");
}
