//! An internet in tables: hosts, SRV records, directories, a user who consents or does not, and a clock that nobody waits for.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire_auth::{Credentials, UserName};
use oxwire_autodiscover::discovery::{
    Config, Destination, Discovery, Entry, Event, Failure, Found, QuestionHandle, SrvRecord, Step,
};
use oxwire_autodiscover::scp::ConnectionPoint;
use oxwire_core::{ConnectionId, FileTime, SecretString};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResetCause, ResponseHead, Scheme};

/// What a host does with a connection, or with a request.
#[derive(Debug, Clone)]
pub(crate) enum Host {
    /// Nobody listens.
    Refused,
    /// The connection never opens.
    Hanging,
    /// The certificate is another host's.
    WrongCertificate,
    /// Takes the request, and never answers.
    Silent,
    /// Answers the head and a piece of the body, and no more.
    Stalling,
    /// Takes the request, and is gone.
    Cut,
    /// 401 to everything.
    Unauthorized,
    /// Answers as the function says.
    Serves(fn(&Request) -> Reply),
    /// Always this answer.
    Says(Reply),
    /// An answer for each path.
    Routes(Vec<(&'static str, Reply)>),
    /// This answer to whoever logs on by Basic as `kim@example.com` with `secret`, and 401 to everybody else.
    Basic(Reply),
    /// 401 that closes the connection, with NTLM's challenge never complete.
    Storm,
}

/// A request as a host sees it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) body: String,
    pub(crate) authorization: Option<String>,
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// A response of a status, with neither type nor body.
pub(crate) fn status(status: u16) -> Reply {
    Reply { status, fields: Vec::new(), body: String::new() }
}

/// 200 with a document of that type.
pub(crate) fn document(content_type: &str, body: &str) -> Reply {
    Reply { status: 200, fields: vec![("Content-Type", content_type.to_owned())], body: body.to_owned() }
}

/// 302 to that place.
pub(crate) fn moved(to: &str) -> Reply {
    Reply { status: 302, fields: vec![("Location", to.to_owned())], body: String::new() }
}

/// A POX response with this account; written from the examples of the reference.
pub(crate) fn pox(account: &str) -> Reply {
    let (outer, inner) = (
        "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006",
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
    );
    let body = format!(
        r#"<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{outer}"><Response xmlns="{inner}">{account}</Response></Autodiscover>"#
    );
    document("text/xml; charset=utf-8", &body)
}

/// Settings of a server of that name.
pub(crate) fn settings(server: &str) -> Reply {
    pox(&format!(
        "<User><LegacyDN>/o=example/cn=kim</LegacyDN></User><Account><AccountType>email</AccountType><Action>settings</Action>\
         <Protocol Type=\"mapiHttp\" Version=\"1\"><MailStore><InternalUrl>https://{server}.internal/mapi/emsmdb/</InternalUrl>\
         <ExternalUrl>https://{server}/mapi/emsmdb/?MailboxId=1@example.com</ExternalUrl></MailStore></Protocol>\
         <Protocol><Type>EXCH</Type><Server>1@example.com</Server></Protocol>\
         <Protocol><Type>EXPR</Type><Server>{server}</Server><SSL>On</SSL><AuthPackage>Ntlm</AuthPackage>\
         <CertPrincipalName>msstd:{server}</CertPrincipalName></Protocol></Account>"
    ))
}

/// `redirectAddr`, as the reference's example has it.
pub(crate) fn redirect_address(address: &str) -> Reply {
    pox(&format!("<Account><Action>redirectAddr</Action><RedirectAddr>{address}</RedirectAddr></Account>"))
}

/// `redirectUrl`.
pub(crate) fn redirect_url(url: &str) -> Reply {
    pox(&format!("<Account><Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl></Account>"))
}

/// A directory's objects.
pub(crate) type Objects = &'static [(&'static [&'static str], &'static [&'static str])];

/// What the user says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    Consents,
    Refuses,
    IsAway,
}

/// The world around one search.
pub(crate) struct Internet {
    /// By origin (`https://example.com`); a host that is not here has no name.
    pub(crate) hosts: HashMap<String, Host>,
    /// By name. `None` is a name server that does not answer; a name that is not here has no records.
    pub(crate) srv: HashMap<String, Option<Vec<SrvRecord>>>,
    /// By server, the client's own as "". `None` never answers; a server that is not here cannot be reached.
    pub(crate) directories: HashMap<String, Option<Objects>>,
    /// The administrator's document.
    pub(crate) local_xml: Option<String>,
    pub(crate) user: User,
    /// How long everything takes.
    pub(crate) latency: Duration,
    /// Credentials for the layer in between; without them there is no layer.
    pub(crate) password: Option<&'static str>,
    /// What is without TLS goes through a forward proxy that wants the password of the layer in between.
    pub(crate) proxy: bool,
    /// Bytes in one piece of a body.
    pub(crate) piece: usize,
}

impl Default for Internet {
    fn default() -> Self {
        Self {
            hosts: HashMap::new(),
            srv: HashMap::new(),
            directories: HashMap::new(),
            local_xml: None,
            user: User::Consents,
            latency: Duration::from_millis(20),
            password: None,
            proxy: false,
            piece: 100,
        }
    }
}

/// How a search went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Result<Box<Found>, Failure>,
    pub(crate) trail: Vec<Entry>,
    pub(crate) took: Duration,
    /// `METHOD URL`, with ` as <Authorization>` where that was sent.
    pub(crate) requests: Vec<String>,
    /// Where consent was asked for.
    pub(crate) asked: Vec<String>,
    /// How many connections were open at once.
    pub(crate) side_by_side: usize,
}

impl Run {
    /// The trail, a line each.
    pub(crate) fn trail(&self) -> String {
        self.trail.iter().fold(String::new(), |mut all, entry| {
            let _ = writeln!(all, "{entry}");
            all
        })
    }

    /// The server that the settings name.
    pub(crate) fn server(&self) -> Option<String> {
        let found = self.outcome.as_ref().ok()?;
        let account = found.response.account.as_ref()?;
        let expr = account.protocol(&oxwire_autodiscover::pox::ProtocolType::Expr)?;
        expr.value(oxwire_autodiscover::pox::Setting::Server).map(str::to_owned)
    }

    /// The steps that gave settings.
    pub(crate) fn step(&self) -> Option<Step> {
        self.outcome.as_ref().ok().map(|found| found.step)
    }
}

/// Something that will happen.
enum Later {
    Http(ConnectionId, HttpEvent),
    Directory(QuestionHandle, String, String),
    Srv(QuestionHandle, String),
    Local(QuestionHandle),
    Consent(QuestionHandle),
}

struct Peer {
    origin: Origin,
    request: Option<(RequestHead, Vec<u8>)>,
}

/// The driver.
struct World<'i> {
    net: &'i Internet,
    now: Instant,
    agenda: BTreeMap<(Instant, u64), Later>,
    next: u64,
    peers: HashMap<ConnectionId, Peer>,
    opened: HashSet<ConnectionId>,
    /// Connections to the forward proxy, and for whom.
    proxied: HashMap<ConnectionId, Origin>,
    layer: Option<ClientLayer>,
    requests: Vec<String>,
    asked: Vec<String>,
    side_by_side: usize,
}

impl Internet {
    pub(crate) fn host(mut self, origin: &str, host: Host) -> Self {
        self.hosts.insert(origin.to_owned(), host);
        self
    }

    /// Runs one search to its end, in virtual time.
    pub(crate) fn discover(&self, address: &str, config: &Config) -> Run {
        let start = Instant::now();
        let mut machine = Discovery::new(address, config.clone(), start).expect("an address");
        let layer = self.password.map(|password| {
            let entropy = Box::new(|out: &mut [u8]| out.fill(7));
            let mut client = ClientConfig::default();
            client.cleartext_to_proxy = true;
            let mut layer = ClientLayer::new(client, entropy, start, FileTime::from_intervals(0));
            if self.proxy {
                layer.set_credentials(start, Target::Proxy, credentials(password));
            }
            // For hosts without TLS too: it is not for want of a password that they get none.
            for origin in self.hosts.keys() {
                let (origin, _) = Origin::from_url(origin).unwrap();
                layer.set_credentials(start, Target::Origin(origin), credentials(password));
            }
            layer
        });
        let mut world = World {
            net: self,
            now: start,
            agenda: BTreeMap::new(),
            next: 0,
            peers: HashMap::new(),
            opened: HashSet::new(),
            proxied: HashMap::new(),
            layer,
            requests: Vec::new(),
            asked: Vec::new(),
            side_by_side: 0,
        };
        for _ in 0..100_000 {
            if let Some(outcome) = world.settle(&mut machine) {
                assert!(machine.is_over() && machine.poll_timeout().is_none());
                return Run {
                    outcome,
                    trail: machine.trail().to_vec(),
                    took: world.now - start,
                    requests: world.requests,
                    asked: world.asked,
                    side_by_side: world.side_by_side,
                };
            }
            world.advance(&mut machine);
        }
        panic!("the search has no end:\n{:#?}", machine.trail());
    }
}

/// The head as a forward proxy wants it.
fn absolute(proxied: &HashMap<ConnectionId, Origin>, transmit: HttpTransmit) -> HttpTransmit {
    match (proxied.get(&transmit.conn()), transmit) {
        (Some(origin), HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) }) => {
            let head = head.to_absolute_form(origin).unwrap();
            HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) }
        }
        (_, transmit) => transmit,
    }
}

fn credentials(password: &str) -> Credentials {
    Credentials::Password { user: UserName::parse("kim@example.com"), password: SecretString::new(password.to_owned()) }
}

impl World<'_> {
    fn schedule(&mut self, after: Duration, what: Later) {
        self.next += 1;
        self.agenda.insert((self.now + after, self.next), what);
    }

    /// Moves everything between its neighbours until nobody has anything left.
    fn settle(&mut self, machine: &mut Discovery) -> Option<Result<Box<Found>, Failure>> {
        let mut outcome = None;
        loop {
            let mut idle = true;
            while let Some(transmit) = machine.poll_transmit(self.now) {
                idle = false;
                let conn = transmit.conn();
                let opens = matches!(transmit, HttpTransmit::Open { .. });
                assert!(!opens || self.opened.insert(conn), "opened twice");
                assert!(self.opened.contains(&conn), "not opened");
                let Some(layer) = &mut self.layer else {
                    self.transmit(transmit);
                    continue;
                };
                if let HttpTransmit::Open { conn, origin } = &transmit {
                    self.proxied
                        .extend((self.net.proxy && origin.scheme == Scheme::Http).then(|| (*conn, origin.clone())));
                }
                layer.handle_outgoing(self.now, absolute(&self.proxied, transmit)).unwrap();
                if opens && !machine.may_authenticate(conn) {
                    layer.keep_anonymous(conn).unwrap();
                }
            }
            while let Some(transmit) = self.layer.as_mut().and_then(|layer| layer.poll_transmit(self.now)) {
                idle = false;
                self.transmit(transmit);
            }
            while let Some((conn, event)) = self.layer.as_mut().and_then(ClientLayer::poll_deliver) {
                idle = false;
                machine.handle(self.now, conn, event).unwrap();
            }
            while let Some(event) = self.layer.as_mut().and_then(ClientLayer::poll_event) {
                idle = false;
                if let ClientEvent::CredentialsNeeded { handle, .. } = event {
                    // Those that are known were refused, or there are none: nobody types any.
                    self.layer.as_mut().unwrap().refuse(self.now, handle).unwrap();
                }
            }
            while let Some(event) = machine.poll_event() {
                idle = false;
                assert!(outcome.is_none(), "an event behind the end: {event:?}");
                outcome = self.on_event(event);
            }
            if idle {
                return outcome;
            }
        }
    }

    fn on_event(&mut self, event: Event) -> Option<Result<Box<Found>, Failure>> {
        let latency = self.net.latency;
        match event {
            Event::SearchDirectory { handle, search } => {
                assert_eq!(search.base, "configurationNamingContext");
                let server = search.server.as_deref().unwrap_or_default().to_owned();
                if !matches!(self.net.directories.get(&server), Some(None)) {
                    self.schedule(latency, Later::Directory(handle, server, search.filter.to_owned()));
                }
            }
            // A name server that never answers.
            Event::ResolveSrv { name, .. } if matches!(self.net.srv.get(&*name), Some(None)) => {}
            Event::ResolveSrv { handle, name } => self.schedule(latency, Later::Srv(handle, name.to_string())),
            Event::ReadLocalXml { handle, .. } => self.schedule(latency, Later::Local(handle)),
            Event::ConsentNeeded { handle, to, .. } => {
                self.asked.push(match to {
                    Destination::Url(url) => url.to_string(),
                    Destination::Address(address) => address.to_string(),
                });
                if self.net.user != User::IsAway {
                    self.schedule(Duration::from_secs(30), Later::Consent(handle));
                }
            }
            Event::Found(found) => return Some(Ok(found)),
            Event::Failed(failure) => return Some(Err(failure)),
            _ => {}
        }
        None
    }

    fn transmit(&mut self, transmit: HttpTransmit) {
        match transmit {
            HttpTransmit::Open { conn, origin } => {
                self.peers.insert(conn, Peer { origin, request: None });
                self.side_by_side = self.side_by_side.max(self.peers.len());
                self.on_open(conn);
            }
            HttpTransmit::Event { conn, event } => {
                let Some(peer) = self.peers.get_mut(&conn) else { return };
                match event {
                    HttpEvent::Head(Head::Request(head)) => peer.request = Some((head, Vec::new())),
                    HttpEvent::Body(piece) => peer.request.as_mut().unwrap().1.extend_from_slice(&piece),
                    HttpEvent::End => self.on_request(conn),
                    _ => {}
                }
            }
            HttpTransmit::Close { conn } | HttpTransmit::Abort { conn } => {
                self.peers.remove(&conn);
            }
            _ => {}
        }
    }

    fn host_of(&self, conn: ConnectionId) -> Option<Host> {
        self.net.hosts.get(&self.peers.get(&conn)?.origin.to_string()).cloned()
    }

    fn on_open(&mut self, conn: ConnectionId) {
        let (cause, reason) = match self.host_of(conn) {
            None => (ResetCause::NameNotFound, "the name has no address"),
            Some(Host::Refused) => (ResetCause::Unreachable, "connection refused"),
            Some(Host::WrongCertificate) => (ResetCause::Certificate, "the certificate is for *.hosting.example"),
            Some(_) => return,
        };
        let reset = Reset::not_sent(reason).with_cause(cause);
        self.schedule(self.net.latency, Later::Http(conn, HttpEvent::Reset(reset)));
    }

    fn on_request(&mut self, conn: ConnectionId) {
        let Some(host) = self.host_of(conn) else { return };
        let peer = self.peers.get_mut(&conn).unwrap();
        let Some((head, body)) = peer.request.take() else { return };
        let request = Request {
            method: head.method().to_owned(),
            target: head.target().to_owned(),
            body: String::from_utf8(body).unwrap(),
            authorization: head.fields().text("Authorization").map(str::to_owned),
        };
        if matches!(host, Host::Refused | Host::Hanging | Host::WrongCertificate) {
            return;
        }
        let expected = head.fields().text("Content-Length").map_or(0, |length| length.parse().unwrap());
        assert_eq!(request.body.len(), expected);
        let proxied = self.proxied.contains_key(&conn);
        let mut line = match proxied {
            true => format!("{} {} by proxy", request.method, request.target),
            false => format!("{} {}{}", request.method, peer.origin, request.target),
        };
        if let Some(authorization) = &request.authorization {
            assert_eq!(peer.origin.scheme, Scheme::Https, "credentials without TLS");
            let _ = write!(line, " as {}", authorization.split(' ').next().unwrap_or_default());
        }
        if proxied && head.fields().text("Proxy-Authorization") != Some("Basic a2ltQGV4YW1wbGUuY29tOnNlY3JldA==") {
            self.requests.push(line);
            let challenge = vec![("Proxy-Authenticate", "Basic realm=\"p\"".to_owned())];
            return self.reply(conn, &Reply { status: 407, fields: challenge, body: String::new() });
        }
        self.requests.push(if proxied { format!("{line}, logged on there") } else { line });
        match host {
            Host::Cut => {
                let reset = Reset::unknown("cut").with_cause(ResetCause::Lost);
                self.schedule(self.net.latency, Later::Http(conn, HttpEvent::Reset(reset)));
            }
            Host::Stalling => {
                let head = ResponseHead::builder(200, "OK").field("Content-Type", "text/xml").response().unwrap();
                self.schedule(self.net.latency, Later::Http(conn, HttpEvent::Head(Head::Response(head))));
                self.schedule(self.net.latency, Later::Http(conn, HttpEvent::Body(Bytes::from_static(b"<Auto"))));
            }
            Host::Unauthorized => self.reply(conn, &challenge("Basic realm=\"x\"")),
            Host::Storm => self.reply(conn, &challenge("NTLM")),
            Host::Serves(f) => self.reply(conn, &f(&request)),
            Host::Says(reply) => self.reply(conn, &reply),
            Host::Routes(routes) => {
                let route = routes.iter().find(|(path, _)| *path == request.target);
                self.reply(conn, &route.map_or_else(|| status(404), |(_, reply)| reply.clone()));
            }
            // Base64 of `kim@example.com:secret`.
            Host::Basic(reply)
                if request.authorization.as_deref() == Some("Basic a2ltQGV4YW1wbGUuY29tOnNlY3JldA==") =>
            {
                self.reply(conn, &reply);
            }
            Host::Basic(_) => self.reply(conn, &challenge("Basic realm=\"x\"")),
            _ => {}
        }
    }

    fn reply(&mut self, conn: ConnectionId, reply: &Reply) {
        let mut head = ResponseHead::builder(reply.status, "Whatever");
        for (name, value) in &reply.fields {
            head = head.field(name, value);
        }
        let mut events = VecDeque::from([HttpEvent::Head(Head::Response(head.response().unwrap()))]);
        let pieces = reply.body.as_bytes().chunks(self.net.piece.max(1));
        events.extend(pieces.map(|piece| HttpEvent::Body(Bytes::copy_from_slice(piece))));
        events.push_back(HttpEvent::End);
        for event in events {
            self.schedule(self.net.latency, Later::Http(conn, event));
        }
    }

    /// Goes to the next thing that happens.
    fn advance(&mut self, machine: &mut Discovery) {
        let timer = [machine.poll_timeout(), self.layer.as_ref().and_then(ClientLayer::poll_timeout)];
        let timer = timer.into_iter().flatten().min().expect("a search that is not over has a timer");
        match self.agenda.first_key_value() {
            Some((&(at, _), _)) if at <= timer => {
                self.now = at;
                let (_, what) = self.agenda.pop_first().unwrap();
                self.happen(machine, what);
            }
            _ => {
                self.now = self.now.max(timer);
                machine.handle_timeout(self.now);
                if let Some(layer) = &mut self.layer {
                    layer.handle_timeout(self.now);
                }
                assert!(machine.poll_timeout().is_none_or(|at| at > self.now), "still due");
            }
        }
    }

    fn happen(&mut self, machine: &mut Discovery, what: Later) {
        let now = self.now;
        match what {
            Later::Http(conn, event) => {
                if matches!(event, HttpEvent::Reset(_)) {
                    self.peers.remove(&conn);
                } else if !self.peers.contains_key(&conn) {
                    return;
                }
                match &mut self.layer {
                    Some(layer) => layer.handle(now, conn, event).unwrap(),
                    None => machine.handle(now, conn, event).unwrap(),
                }
            }
            Later::Directory(handle, server, filter) => {
                assert_eq!(filter, oxwire_autodiscover::scp::FILTER);
                let objects = self.net.directories.get(&server).copied().flatten();
                let points: Option<Vec<ConnectionPoint<'_>>> = objects.map(|objects| {
                    objects.iter().map(|(keywords, binding)| ConnectionPoint { keywords, binding }).collect()
                });
                let answer = points.as_deref().ok_or("no directory is configured");
                machine.answer_directory(now, handle, answer).unwrap();
            }
            Later::Srv(handle, name) => {
                let records = self.net.srv.get(&name).cloned().flatten().unwrap_or_default();
                machine.answer_srv(now, handle, Ok(records), &mut |out: &mut [u8]| out.fill(0)).unwrap();
            }
            Later::Local(handle) => {
                machine.answer_local_xml(now, handle, Ok(self.net.local_xml.clone().map(Bytes::from))).unwrap();
            }
            Later::Consent(handle) if self.net.user == User::Consents => machine.consent(now, handle).unwrap(),
            Later::Consent(handle) => machine.refuse(now, handle).unwrap(),
        }
    }
}

fn challenge(value: &str) -> Reply {
    Reply { status: 401, fields: vec![("WWW-Authenticate", value.to_owned())], body: String::new() }
}
