//! A client layer whose network and whose machine are a script.

use std::time::Instant;

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, ClientLayer, CredentialsHandle, FailReason, Target};
use oxwire_auth::ntlm::{Acceptor, AcceptorConfig};
use oxwire_auth::{Credentials, challenges, token_value};
use oxwire_core::{ConnectionId, SecurityContext, Step};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, ResponseHead};

use crate::support::{PASSWORD, WALL, conn, entropy, origin, request};

pub(crate) struct Script {
    pub(crate) now: Instant,
    pub(crate) layer: ClientLayer,
}

impl Script {
    pub(crate) fn new(config: ClientConfig) -> Self {
        let now = Instant::now();
        Self { now, layer: ClientLayer::new(config, entropy(3), now, WALL) }
    }

    pub(crate) fn logged_in(config: ClientConfig, url: &str) -> Self {
        let mut this = Self::new(config);
        this.login(url, PASSWORD);
        this
    }

    pub(crate) fn login(&mut self, url: &str, password: &str) {
        let target = Target::Origin(origin(url));
        self.layer.set_credentials(self.now, target, Credentials::password("DOM\\alice", password));
    }

    pub(crate) fn open(&mut self, number: u64, url: &str) -> ConnectionId {
        let conn = conn(number);
        self.layer.handle_outgoing(self.now, HttpTransmit::Open { conn, origin: origin(url) }).unwrap();
        assert!(matches!(self.layer.poll_transmit(self.now), Some(HttpTransmit::Open { .. })));
        conn
    }

    pub(crate) fn say(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.layer.handle_outgoing(self.now, HttpTransmit::Event { conn, event }).unwrap();
    }

    pub(crate) fn post(&mut self, conn: ConnectionId, body: &'static [u8]) {
        self.send(conn, request("POST", body.len()), body);
    }

    pub(crate) fn send(&mut self, conn: ConnectionId, head: RequestHead, body: &'static [u8]) {
        self.say(conn, HttpEvent::Head(Head::Request(head)));
        if !body.is_empty() {
            self.say(conn, HttpEvent::Body(Bytes::from_static(body)));
        }
        self.say(conn, HttpEvent::End);
    }

    /// What went to the network, in short: `POST cl=5 auth=NTLM`, `body 5`, `end`, `close`.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.layer.poll_transmit(self.now)).map(|t| short(&t)).collect()
    }

    fn token_sent(&mut self, field: &str) -> Vec<u8> {
        let transmit = self.layer.poll_transmit(self.now).unwrap();
        let HttpTransmit::Event { event: HttpEvent::Head(Head::Request(head)), .. } = &transmit else {
            panic!("{transmit:?}")
        };
        let value = head.fields().first(field).unwrap();
        challenges(value).next().unwrap().token_bytes(10_000).unwrap()
    }

    pub(crate) fn reply(&mut self, conn: ConnectionId, status: u16, fields: &[(&str, &str)]) {
        let builder = fields.iter().fold(ResponseHead::builder(status, "X"), |b, (n, v)| b.field(n, v));
        let head = HttpEvent::Head(Head::Response(builder.response().unwrap()));
        self.layer.handle(self.now, conn, head).unwrap();
        self.layer.handle(self.now, conn, HttpEvent::Body(Bytes::from_static(b"some text"))).unwrap();
        self.layer.handle(self.now, conn, HttpEvent::End).unwrap();
    }

    /// What went to the machine, in short.
    pub(crate) fn delivered(&mut self) -> Vec<String> {
        let short = |event| match event {
            HttpEvent::Head(Head::Response(head)) => head.status().to_string(),
            HttpEvent::Body(bytes) => format!("body {}", bytes.len()),
            HttpEvent::End => "end".into(),
            HttpEvent::Reset(reset) => format!("reset {:?}", reset.request),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| self.layer.poll_deliver()).map(|(_, event)| short(event)).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.layer.poll_event()).collect()
    }

    pub(crate) fn failure(&mut self) -> FailReason {
        let reason = self.events().into_iter().find_map(|event| match event {
            ClientEvent::Failed { reason, .. } => Some(reason),
            _ => None,
        });
        reason.expect("a failure")
    }

    pub(crate) fn question(&mut self) -> CredentialsHandle {
        let handle = self.events().into_iter().find_map(|event| match event {
            ClientEvent::CredentialsNeeded { handle, .. } => Some(handle),
            _ => None,
        });
        handle.expect("a question")
    }

    /// The answer to the NEGOTIATE_MESSAGE that was just sent.
    pub(crate) fn challenge(&mut self, field: &str) -> String {
        let negotiate = self.token_sent(field);
        let mut acceptor = Acceptor::new(AcceptorConfig::new("MBX1"));
        let Ok(Step::Continue(token)) = acceptor.step(Some(&negotiate), WALL, &mut |out: &mut [u8]| out.fill(1)) else {
            panic!()
        };
        token_value("NTLM", &token)
    }
}

fn short(transmit: &HttpTransmit) -> String {
    match transmit {
        HttpTransmit::Event { event: HttpEvent::Head(Head::Request(head)), .. } => {
            let field = |name| head.fields().text(name).map(|v| v.split(' ').next().unwrap().to_owned());
            let part = |label, name| field(name).map(|v| format!(" {label}={v}")).unwrap_or_default();
            let (cl, auth) = (part("cl", "Content-Length"), part("auth", "Authorization"));
            format!("{}{cl}{auth}{}", head.method(), part("proxy", "Proxy-Authorization"))
        }
        HttpTransmit::Event { event: HttpEvent::Body(bytes), .. } => format!("body {}", bytes.len()),
        HttpTransmit::Event { event: HttpEvent::End, .. } => "end".into(),
        HttpTransmit::Close { .. } => "close".into(),
        HttpTransmit::Abort { .. } => "abort".into(),
        other => panic!("{other:?}"),
    }
}

pub(crate) const URL: &str = "https://mail.test";
pub(crate) const NTLM: (&str, &str) = ("WWW-Authenticate", "NTLM");
pub(crate) const CLOSE: (&str, &str) = ("Connection", "close");

pub(crate) fn response(status: u16, fields: &[(&str, &str)]) -> HttpEvent {
    let builder = fields.iter().fold(ResponseHead::builder(status, "X"), |b, (n, v)| b.field(n, v));
    HttpEvent::Head(Head::Response(builder.response().unwrap()))
}
