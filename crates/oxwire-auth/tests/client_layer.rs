//! The client layer against scripted servers and proxies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests, which may fail and begin at some point of time"
)]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, ClientLayer, CredentialsHandle, FailReason, Target};
use oxwire_auth::ntlm::{Acceptor, AcceptorConfig};
use oxwire_auth::{AuthScheme, ChannelBinding, Credentials, challenges, token_value};
use oxwire_core::{ConnectionId, Error, SecurityContext, Step};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};
use support::{PASSWORD, WALL, conn, entropy, origin, request};

struct Script {
    now: Instant,
    layer: ClientLayer,
}

impl Script {
    fn new(config: ClientConfig) -> Self {
        let now = Instant::now();
        Self { now, layer: ClientLayer::new(config, entropy(3), now, WALL) }
    }

    fn logged_in(config: ClientConfig, url: &str) -> Self {
        let mut this = Self::new(config);
        this.login(url, PASSWORD);
        this
    }

    fn login(&mut self, url: &str, password: &str) {
        let target = Target::Origin(origin(url));
        self.layer.set_credentials(self.now, target, Credentials::password("DOM\\alice", password));
    }

    fn open(&mut self, number: u64, url: &str) -> ConnectionId {
        let conn = conn(number);
        self.layer.handle_outgoing(self.now, HttpTransmit::Open { conn, origin: origin(url) }).unwrap();
        assert!(matches!(self.layer.poll_transmit(self.now), Some(HttpTransmit::Open { .. })));
        conn
    }

    fn say(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.layer.handle_outgoing(self.now, HttpTransmit::Event { conn, event }).unwrap();
    }

    fn post(&mut self, conn: ConnectionId, body: &'static [u8]) {
        self.send(conn, request("POST", body.len()), body);
    }

    fn send(&mut self, conn: ConnectionId, head: RequestHead, body: &'static [u8]) {
        self.say(conn, HttpEvent::Head(Head::Request(head)));
        if !body.is_empty() {
            self.say(conn, HttpEvent::Body(Bytes::from_static(body)));
        }
        self.say(conn, HttpEvent::End);
    }

    /// What went to the network, in short: `POST cl=5 auth=NTLM`, `body 5`, `end`, `close`.
    fn sent(&mut self) -> Vec<String> {
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

    fn reply(&mut self, conn: ConnectionId, status: u16, fields: &[(&str, &str)]) {
        let builder = fields.iter().fold(ResponseHead::builder(status, "X"), |b, (n, v)| b.field(n, v));
        let head = HttpEvent::Head(Head::Response(builder.response().unwrap()));
        self.layer.handle(self.now, conn, head).unwrap();
        self.layer.handle(self.now, conn, HttpEvent::Body(Bytes::from_static(b"some text"))).unwrap();
        self.layer.handle(self.now, conn, HttpEvent::End).unwrap();
    }

    /// What went to the machine, in short.
    fn delivered(&mut self) -> Vec<String> {
        let short = |event| match event {
            HttpEvent::Head(Head::Response(head)) => head.status().to_string(),
            HttpEvent::Body(bytes) => format!("body {}", bytes.len()),
            HttpEvent::End => "end".into(),
            HttpEvent::Reset(reset) => format!("reset {:?}", reset.request),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| self.layer.poll_deliver()).map(|(_, event)| short(event)).collect()
    }

    fn events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.layer.poll_event()).collect()
    }

    fn failure(&mut self) -> FailReason {
        let reason = self.events().into_iter().find_map(|event| match event {
            ClientEvent::Failed { reason, .. } => Some(reason),
            _ => None,
        });
        reason.expect("a failure")
    }

    fn question(&mut self) -> CredentialsHandle {
        let handle = self.events().into_iter().find_map(|event| match event {
            ClientEvent::CredentialsNeeded { handle, .. } => Some(handle),
            _ => None,
        });
        handle.expect("a question")
    }

    /// The answer to the NEGOTIATE_MESSAGE that was just sent.
    fn challenge(&mut self, field: &str) -> String {
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

const URL: &str = "https://mail.test";
const NTLM: (&str, &str) = ("WWW-Authenticate", "NTLM");
const CLOSE: (&str, &str) = ("Connection", "close");

#[test]
fn the_body_of_a_refusal_is_drained_and_never_delivered() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    assert_eq!(s.sent(), ["POST cl=5", "body 5", "end"]);
    s.layer.handle(s.now, c, response(401, &[NTLM])).unwrap();
    for _ in 0..3 {
        s.layer.handle(s.now, c, HttpEvent::Body(Bytes::from_static(b"<html>"))).unwrap();
        assert_eq!(s.sent(), [""; 0], "an unread body would cost the connection");
    }
    s.layer.handle(s.now, c, HttpEvent::End).unwrap();
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"]);
    s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
    assert_eq!(s.sent(), ["POST cl=5 auth=NTLM", "body 5", "end"]);
    assert_eq!(s.delivered(), [""; 0]);
    s.reply(c, 200, &[]);
    assert_eq!(s.delivered(), ["200", "body 9", "end"]);
}

fn response(status: u16, fields: &[(&str, &str)]) -> HttpEvent {
    let builder = fields.iter().fold(ResponseHead::builder(status, "X"), |b, (n, v)| b.field(n, v));
    HttpEvent::Head(Head::Response(builder.response().unwrap()))
}

#[test]
fn a_refusal_that_closes_leads_to_a_leg_on_another_connection() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    s.sent();
    s.reply(c, 401, &[NTLM, CLOSE]);
    assert_eq!(s.sent()[..], ["close"]);
    assert_eq!(s.delivered(), ["reset NotSent"]);
    // What is still on its way from the old connection does nothing.
    s.layer.handle(s.now, c, HttpEvent::Reset(Reset::unknown("eof"))).unwrap();
    assert_eq!(s.delivered(), [""; 0]);
    let c = s.open(2, URL);
    s.post(c, b"hello");
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"], "the scheme is known, the body waits");
}

#[test]
fn http_1_0_without_keep_alive_closes_too() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    let head = ResponseHead::builder(401, "X").version(oxwire_http::Version::Http10).field(NTLM.0, NTLM.1);
    s.layer.handle(s.now, c, HttpEvent::Head(Head::Response(head.response().unwrap()))).unwrap();
    s.layer.handle(s.now, c, HttpEvent::End).unwrap();
    assert_eq!(s.delivered(), ["reset NotSent"]);
}

#[test]
fn a_server_that_closes_every_leg_is_given_up() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    s.sent();
    s.reply(c, 401, &[NTLM, CLOSE]);
    assert_eq!(s.delivered(), ["reset NotSent"]);
    for number in 2..=3 {
        s.sent();
        let c = s.open(number, URL);
        s.post(c, b"hello");
        let challenge = s.challenge("Authorization");
        s.reply(c, 401, &[("WWW-Authenticate", &challenge), CLOSE]);
        assert_eq!(s.delivered(), ["reset NotSent"], "{number}");
    }
    s.sent();
    let c = s.open(4, URL);
    s.post(c, b"hello");
    let challenge = s.challenge("Authorization");
    s.sent();
    s.events();
    s.reply(c, 401, &[("WWW-Authenticate", &challenge), CLOSE]);
    assert_eq!(s.delivered(), ["401", "end"]);
    assert_eq!(s.failure(), FailReason::ClosedInHandshake { times: 4 });
}

#[test]
fn a_cut_during_a_leg_leaves_the_request_not_sent() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    s.layer.assume_scheme(Target::Origin(origin(URL)), AuthScheme::Ntlm);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"]);
    s.layer.handle(s.now, c, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
    assert_eq!(s.delivered(), ["reset NotSent"]);
    // A cut of the request itself stays what it was.
    let c = s.open(2, "https://other.test");
    s.post(c, b"hello");
    s.layer.handle(s.now, c, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
    assert_eq!(s.delivered(), ["reset Unknown"]);
}

/// gromox: a challenge to `Authorization: NTLM` comes back as `WWW-Authenticate: Negotiate`.
#[test]
fn gromox_challenge_under_negotiate() {
    let mut config = ClientConfig::default();
    config.preference = vec![AuthScheme::Ntlm];
    let mut s = Script::logged_in(config, URL);
    let c = s.open(1, URL);
    s.post(c, b"hello");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", "Negotiate, NTLM")]);
    let challenge = s.challenge("Authorization").replace("NTLM ", "Negotiate ");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
    assert_eq!(s.sent(), ["POST cl=5 auth=NTLM", "body 5", "end"]);
}

#[test]
fn a_401_in_mid_connection_begins_a_handshake_again() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    for round in 0..2 {
        s.post(c, b"hello");
        assert_eq!(s.sent(), ["POST cl=5", "body 5", "end"]);
        s.reply(c, 401, &[NTLM]);
        let challenge = s.challenge("Authorization");
        s.sent();
        s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
        assert_eq!(s.sent(), ["POST cl=5 auth=NTLM", "body 5", "end"]);
        s.reply(c, 200, &[]);
        assert_eq!(s.delivered(), ["200", "body 9", "end"], "{round}");
        s.post(c, b"x");
        assert_eq!(s.sent(), ["POST cl=1", "body 1", "end"], "authenticated: no header");
        s.reply(c, 200, &[]);
        s.delivered();
    }
    assert!(!s.events().iter().any(|event| matches!(event, ClientEvent::Failed { .. })));
}

/// [MS-RPCH] 2.1.2.1 and `design.md` 3: body-less legs, the last token on the channel request itself, the body only then.
#[test]
fn a_channel_request_sends_no_body_before_its_last_token() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.say(c, HttpEvent::Head(Head::Request(request("RPC_IN_DATA", 1 << 30))));
    s.say(c, HttpEvent::Body(Bytes::from_static(b"CONN/A1")));
    assert_eq!(s.sent(), ["RPC_IN_DATA cl=0", "end"]);
    s.reply(c, 401, &[NTLM]);
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"]);
    s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
    assert_eq!(s.sent(), ["RPC_IN_DATA cl=1073741824 auth=NTLM", "body 7"]);
    s.say(c, HttpEvent::Body(Bytes::from_static(b"more")));
    assert_eq!(s.sent(), ["body 4"]);
    assert_eq!(s.delivered(), [""; 0]);
    // A 401 now ends the channel.
    s.layer.handle(s.now, c, response(401, &[NTLM])).unwrap();
    assert_eq!(s.delivered(), ["reset NotSent"]);
    assert_eq!(s.sent(), ["close"]);
}

/// [MS-RPCH] 2.1.2.1.3: an IN channel is answered in error conditions only, so no other connection waits for what it learns; and it
/// leaves the first try to an OUT channel that is on its way, so that a wrong password costs one failed logon.
#[test]
fn an_in_channel_does_not_keep_its_out_channel_waiting() {
    for in_first in [true, false] {
        let mut s = Script::new(ClientConfig::default());
        let (inward, out) = (s.open(1, URL), s.open(2, URL));
        s.say(inward, HttpEvent::Head(Head::Request(request("RPC_IN_DATA", 1 << 30))));
        s.say(out, HttpEvent::Head(Head::Request(request("RPC_OUT_DATA", 76))));
        s.sent();
        let order = if in_first { [inward, out] } else { [out, inward] };
        for conn in order {
            s.reply(conn, 401, &[("WWW-Authenticate", "Basic realm=\"mail\"")]);
        }
        s.login(URL, PASSWORD);
        assert_eq!(s.sent(), ["RPC_OUT_DATA cl=76 auth=Basic"], "{in_first}");
        s.layer.handle(s.now, out, response(200, &[])).unwrap();
        assert_eq!(s.sent(), ["RPC_IN_DATA cl=1073741824 auth=Basic"], "{in_first}");
        // Credentials that are known from the start: none of the two waits.
        let mut s = Script::logged_in(ClientConfig::default(), URL);
        s.layer.assume_scheme(Target::Origin(origin(URL)), AuthScheme::Basic);
        let (inward, out) = (s.open(1, URL), s.open(2, URL));
        s.say(inward, HttpEvent::Head(Head::Request(request("RPC_IN_DATA", 1 << 30))));
        s.say(out, HttpEvent::Head(Head::Request(request("RPC_OUT_DATA", 76))));
        assert_eq!(s.sent(), ["RPC_IN_DATA cl=1073741824 auth=Basic", "RPC_OUT_DATA cl=76 auth=Basic"]);
    }
}

/// A channel that is refused after its body has begun is opened again by its machine: what the caller declined meanwhile is not
/// asked again, and no wrong password sent again.
#[test]
fn a_question_that_was_declined_is_not_put_again_by_the_next_channel() {
    for (pause, asked_again) in [(59, false), (60, true)] {
        let mut s = Script::logged_in(ClientConfig::default(), URL);
        let out = s.open(1, URL);
        s.say(out, HttpEvent::Head(Head::Request(request("RPC_OUT_DATA", 76))));
        let basic = [("WWW-Authenticate", "Basic realm=\"mail\"")];
        s.reply(out, 401, &basic);
        s.say(out, HttpEvent::Body(Bytes::from_static(b"A1")));
        s.layer.handle(s.now, out, response(401, &basic)).unwrap();
        assert_eq!(s.delivered(), ["reset NotSent"]);
        let asked = |event: ClientEvent| match event {
            ClientEvent::CredentialsNeeded { handle, .. } => Some(handle),
            _ => None,
        };
        let handle = s.events().into_iter().find_map(asked).unwrap();
        s.layer.refuse(s.now, handle).unwrap();
        s.now += Duration::from_secs(pause);
        s.sent();
        let again = s.open(2, URL);
        s.say(again, HttpEvent::Head(Head::Request(request("RPC_OUT_DATA", 76))));
        s.reply(again, 401, &basic);
        assert_eq!(s.events().into_iter().find_map(asked).is_some(), asked_again);
        assert_eq!(s.delivered(), if asked_again { vec![] } else { vec!["401", "body 9", "end"] });
    }
}

#[test]
fn a_channel_request_that_nobody_wants_authenticated_goes_after_its_probe() {
    let mut s = Script::new(ClientConfig::default());
    let c = s.open(1, URL);
    s.say(c, HttpEvent::Head(Head::Request(request("RPC_OUT_DATA", 76))));
    assert_eq!(s.sent(), ["RPC_OUT_DATA cl=0", "end"]);
    s.reply(c, 200, &[]);
    assert_eq!(s.sent(), ["RPC_OUT_DATA cl=76"]);
    s.layer.handle(s.now, c, response(200, &[])).unwrap();
    assert_eq!(s.delivered(), ["200"]);
    // Both directions flow.
    s.say(c, HttpEvent::Body(Bytes::from_static(b"A1")));
    s.layer.handle(s.now, c, HttpEvent::Body(Bytes::from_static(b"A3"))).unwrap();
    assert_eq!((s.sent(), s.delivered()), (vec!["body 2".to_owned()], vec!["body 2".to_owned()]));
}

/// [MS-RPCH] 2.1.1.1: behind the answer to RPC_CONNECT everything passes, both ways.
#[test]
fn rpc_connect_becomes_a_tunnel() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.send(c, request("RPC_CONNECT", 0), b"");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", "Basic realm=\"mail\"")]);
    assert_eq!(s.sent().len(), 2, "the head with credentials, and its end");
    s.layer.handle(s.now, c, response(200, &[])).unwrap();
    s.say(c, HttpEvent::Body(Bytes::from_static(b"bind")));
    s.layer.handle(s.now, c, HttpEvent::Body(Bytes::from_static(b"bind_ack"))).unwrap();
    assert_eq!((s.sent(), s.delivered()), (vec!["body 4".to_owned()], vec!["200".to_owned(), "body 8".to_owned()]));
}

#[test]
fn connect_through_a_proxy_with_ntlm_becomes_a_tunnel() {
    let mut s = Script::new(ClientConfig::default());
    s.layer.set_credentials(s.now, Target::Proxy, Credentials::password("alice", PASSWORD));
    let c = s.open(1, "http://proxy.test:3128");
    let head = RequestHead::builder("CONNECT", "mail.test:443").field("Host", "mail.test:443").request().unwrap();
    s.send(c, head, b"");
    assert_eq!(s.sent(), ["CONNECT", "end"]);
    s.reply(c, 407, &[("Proxy-Authenticate", "NTLM"), ("Proxy-Connection", "keep-alive")]);
    let challenge = s.challenge("Proxy-Authorization");
    s.sent();
    s.reply(c, 407, &[("Proxy-Authenticate", &challenge)]);
    assert_eq!(s.sent(), ["CONNECT proxy=NTLM", "end"]);
    s.layer.handle(s.now, c, response(200, &[])).unwrap();
    s.say(c, HttpEvent::Body(Bytes::from_static(b"\x16\x03")));
    s.layer.handle(s.now, c, HttpEvent::Body(Bytes::from_static(b"\x16"))).unwrap();
    s.layer.handle(s.now, c, HttpEvent::End).unwrap();
    assert_eq!(s.sent(), ["body 2"]);
    assert_eq!(s.delivered(), ["200", "body 1", "end"]);
    assert!(matches!(s.events().last(), Some(ClientEvent::Authenticated { target: Target::Proxy, .. })));
}

/// An anonymous connection: the proxy is answered, the origin's 401 is the machine's, and what the origin took elsewhere, or
/// would take at once, stays here.
#[test]
fn an_anonymous_connection_has_nothing_for_the_origin() {
    let mut config = ClientConfig::default();
    config.cleartext_to_proxy = true;
    config.cleartext = true;
    let url = "http://mail.test";
    let mut s = Script::logged_in(config, url);
    s.layer.assume_scheme(Target::Origin(origin(url)), AuthScheme::Basic);
    s.layer.set_credentials(s.now, Target::Proxy, Credentials::password("alice", "proxy password"));
    let c = s.open(1, url);
    s.layer.keep_anonymous(c).unwrap();
    let head = RequestHead::builder("GET", "http://mail.test/").field("Host", "mail.test").request().unwrap();
    s.send(c, head, b"");
    assert_eq!(s.sent(), ["GET", "end"]);
    s.reply(c, 407, &[("Proxy-Authenticate", "Basic realm=\"p\"")]);
    assert_eq!(s.sent(), ["GET proxy=Basic", "end"]);
    s.reply(c, 401, &[NTLM, ("WWW-Authenticate", "Basic realm=\"x\"")]);
    assert_eq!(s.sent(), Vec::<String>::new());
    assert_eq!(s.delivered(), ["401", "body 9", "end"]);
    assert!(!s.events().iter().any(|event| matches!(event, ClientEvent::Failed { .. })));
    assert!(matches!(s.layer.keep_anonymous(conn(9)), Err(Error::Misuse(_))));
}

#[test]
fn proxy_and_origin_each_get_their_own() {
    let mut config = ClientConfig::default();
    config.cleartext_to_proxy = true;
    let url = "http://mail.test";
    let mut s = Script::logged_in(config, url);
    s.layer.set_credentials(s.now, Target::Proxy, Credentials::password("alice", "proxy password"));
    let c = s.open(1, url);
    let head = || {
        let builder = RequestHead::builder("POST", "http://mail.test/mapi/").field("Host", "mail.test");
        builder.field("Content-Length", "5").request().unwrap()
    };
    s.send(c, head(), b"hello");
    s.sent();
    s.reply(c, 407, &[("Proxy-Authenticate", "Basic realm=\"p\"")]);
    assert_eq!(s.sent(), ["POST cl=5 proxy=Basic", "body 5", "end"]);
    s.reply(c, 401, &[NTLM]);
    let challenge = s.challenge("Authorization");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
    assert_eq!(s.sent(), ["POST cl=5 auth=NTLM proxy=Basic", "body 5", "end"]);
    s.reply(c, 200, &[]);
    assert_eq!(s.delivered(), ["200", "body 9", "end"]);
    s.send(c, head(), b"hello");
    assert_eq!(s.sent(), ["POST cl=5 proxy=Basic", "body 5", "end"]);
    s.reply(c, 200, &[]);
    // Inside a tunnel, or to the origin itself, the proxy's password has no place.
    s.post(c, b"hello");
    assert_eq!(s.sent(), ["POST cl=5", "body 5", "end"]);
}

/// The origin asks for the proxy's credentials, from inside of a tunnel or reached directly; the proxy asks for the origin's.
#[test]
fn neither_side_gets_what_is_for_the_other() {
    let mut config = ClientConfig::default();
    (config.cleartext, config.cleartext_to_proxy) = (true, true);
    for challenge in ["Basic realm=\"x\"", "NTLM"] {
        let mut s = Script::logged_in(config.clone(), URL);
        s.layer.set_credentials(s.now, Target::Proxy, Credentials::password("alice", "proxy password"));
        let c = s.open(1, URL);
        s.post(c, b"hello");
        s.sent();
        s.reply(c, 407, &[("Proxy-Authenticate", challenge)]);
        assert_eq!(s.sent(), [""; 0], "{challenge}");
        assert_eq!(s.delivered(), ["407", "body 9", "end"]);
        assert_eq!(s.failure(), FailReason::Misplaced { status: 407 });
        // What is asked for rightly still works on the same connection.
        s.post(c, b"hello");
        s.sent();
        s.reply(c, 401, &[("WWW-Authenticate", challenge)]);
        assert!(s.sent()[0].contains("auth="), "{challenge}");

        let mut s = Script::logged_in(config.clone(), URL);
        let c = s.open(1, URL);
        let head = RequestHead::builder("CONNECT", "mail.test:443").field("Host", "mail.test:443").request().unwrap();
        s.send(c, head, b"");
        s.sent();
        s.reply(c, 401, &[("WWW-Authenticate", challenge)]);
        assert_eq!(s.sent(), [""; 0], "{challenge}");
        assert_eq!(s.delivered(), ["401", "body 9", "end"]);
        assert_eq!(s.failure(), FailReason::Misplaced { status: 401 });
    }
}

#[test]
fn no_password_in_clear_unless_told_so() {
    let basic = [("WWW-Authenticate", "Basic realm=\"x\"")];
    for allowed in [false, true] {
        let mut config = ClientConfig::default();
        config.cleartext = allowed;
        let mut s = Script::logged_in(config, "http://mail.test");
        let c = s.open(1, "http://mail.test");
        s.post(c, b"x");
        s.sent();
        s.reply(c, 401, &basic);
        if allowed {
            assert_eq!(s.sent(), ["POST cl=1 auth=Basic", "body 1", "end"]);
        } else {
            assert_eq!(s.sent(), [""; 0]);
            assert_eq!(s.delivered(), ["401", "body 9", "end"]);
            assert_eq!(s.failure(), FailReason::NeedsTls);
        }
    }
}

#[test]
fn a_downgrade_is_told() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    s.layer.assume_scheme(Target::Origin(origin(URL)), AuthScheme::Ntlm);
    let c = s.open(1, URL);
    // NTLM was accepted here before; now the list has only Basic.
    s.post(c, b"x");
    let challenge = s.challenge("Authorization");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", &challenge)]);
    s.reply(c, 200, &[]);
    s.sent();
    s.events();
    s.post(c, b"y");
    s.reply(c, 401, &[("WWW-Authenticate", "Basic realm=\"x\""), ("WWW-Authenticate", "Strange a=b")]);
    let Some(ClientEvent::SchemeChosen { scheme, offered, downgrade_from, .. }) = s.events().into_iter().next() else {
        panic!()
    };
    assert_eq!((scheme, downgrade_from), (AuthScheme::Basic, Some(AuthScheme::Ntlm)));
    assert_eq!(offered, ["Basic".into(), "Strange".into()]);
}

#[test]
fn unproven_credentials_are_tried_by_one_connection_alone() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let (a, b) = (s.open(1, URL), s.open(2, URL));
    s.post(a, b"a");
    s.post(b, b"b");
    s.sent();
    s.reply(a, 401, &[NTLM]);
    s.reply(b, 401, &[NTLM]);
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"], "the second waits");
    s.reply(a, 401, &[("WWW-Authenticate", &challenge)]);
    s.sent();
    // Refused: one failed logon, and one question for both.
    s.reply(a, 401, &[NTLM]);
    let handle = s.question();
    assert_eq!(s.sent(), [""; 0]);
    s.layer.provide(s.now, handle, Credentials::password("DOM\\alice", "right")).unwrap();
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"]);
    s.reply(a, 401, &[("WWW-Authenticate", &challenge)]);
    s.sent();
    s.layer.handle(s.now, a, response(200, &[])).unwrap();
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"], "proven: the second goes on");
}

#[test]
fn a_tester_that_dies_hands_over() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let (a, b) = (s.open(1, URL), s.open(2, URL));
    s.post(a, b"a");
    s.post(b, b"b");
    s.sent();
    s.reply(a, 401, &[NTLM]);
    s.reply(b, 401, &[NTLM]);
    s.sent();
    s.layer.handle(s.now, a, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"]);
}

#[test]
fn a_refused_question_gives_the_machine_its_401() {
    let mut s = Script::new(ClientConfig::default());
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.reply(c, 401, &[("WWW-Authenticate", "Bearer authorization_uri=\"https://login.test\", Basic realm=\"r\"")]);
    let Some(ClientEvent::CredentialsNeeded { handle, offers, usable, after: None, .. }) = s.events().pop() else {
        panic!()
    };
    assert_eq!(usable, [AuthScheme::Bearer, AuthScheme::Basic]);
    assert_eq!(offers[0].param("Authorization_URI"), Some("https://login.test"));
    assert_eq!(s.delivered(), [""; 0]);
    s.layer.refuse(s.now, handle).unwrap();
    assert_eq!(s.delivered(), ["401", "end"]);
    assert_eq!(s.failure(), FailReason::NoCredentials);
    // A late answer serves the next request.
    s.layer.provide(s.now, handle, Credentials::Bearer("token".into())).unwrap();
    s.sent();
    s.post(c, b"y");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", "Bearer")]);
    assert_eq!(s.sent(), ["POST cl=1 auth=Bearer", "body 1", "end"]);
}

#[test]
fn a_connection_that_dies_while_the_user_types_is_replaced() {
    let mut s = Script::new(ClientConfig::default());
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.sent();
    s.reply(c, 401, &[NTLM]);
    let handle = s.question();
    s.layer.handle(s.now, c, HttpEvent::Reset(Reset::not_sent("idle"))).unwrap();
    assert_eq!(s.delivered(), [""; 0], "the machine would run into the same question");
    s.layer.provide(s.now, handle, Credentials::password("alice", PASSWORD)).unwrap();
    assert_eq!(s.delivered(), ["reset NotSent"]);
    let c = s.open(2, URL);
    s.post(c, b"x");
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"]);
}

#[test]
fn waits_have_an_end() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    assert_eq!(s.layer.poll_timeout(), None);
    s.post(c, b"x");
    assert_eq!(s.layer.poll_timeout(), None, "the machine's own deadline");
    s.reply(c, 401, &[NTLM]);
    s.sent();
    assert_eq!(s.layer.poll_timeout(), Some(s.now + Duration::from_secs(60)));
    s.layer.handle_timeout(s.now);
    assert_eq!(s.delivered(), [""; 0], "early does nothing");
    s.now += Duration::from_secs(60);
    s.layer.handle_timeout(s.now);
    assert_eq!(s.layer.poll_timeout(), None);
    assert_eq!((s.sent(), s.delivered()), (vec!["abort".to_owned()], vec!["reset NotSent".to_owned()]));
    assert_eq!(s.failure(), FailReason::LegTimeout);

    let mut s = Script::new(ClientConfig::default());
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.reply(c, 401, &[NTLM]);
    assert_eq!(s.layer.poll_timeout(), Some(s.now + Duration::from_secs(300)));
    s.now += Duration::from_secs(300);
    s.layer.handle_timeout(s.now);
    assert_eq!(s.delivered(), ["401", "end"]);
    assert_eq!((s.failure(), s.layer.poll_timeout()), (FailReason::NoCredentials, None));
}

#[test]
fn what_cannot_be_used_fails_with_its_reason() {
    for (fields, expected) in [
        (
            &[("WWW-Authenticate", "Hoba, Digest realm=\"x\"")][..],
            FailReason::NoCommonScheme { offered: "Hoba, Digest".into() },
        ),
        (&[], FailReason::NoCommonScheme { offered: "".into() }),
    ] {
        let mut s = Script::logged_in(ClientConfig::default(), URL);
        let c = s.open(1, URL);
        s.post(c, b"x");
        s.reply(c, 401, fields);
        assert_eq!(s.delivered(), ["401", "body 9", "end"]);
        assert_eq!(s.failure(), expected);
    }
    for (value, expected) in [
        ("NTLM".to_owned(), "carries no challenge"),
        ("NTLM TlRMTVNTUAACAAAA".to_owned(), "CHALLENGE_MESSAGE.TargetNameFields"),
        (format!("NTLM {}", "A".repeat(40_000)), "token_bytes"),
        ("NTLM TlRMTVNTUAABAAAA".to_owned(), "MessageType"),
    ] {
        let mut s = Script::logged_in(ClientConfig::default(), URL);
        let c = s.open(1, URL);
        s.post(c, b"x");
        s.reply(c, 401, &[NTLM]);
        s.reply(c, 401, &[("WWW-Authenticate", &value)]);
        assert_eq!(s.delivered(), ["401", "body 9", "end"], "an unexpected message gets no new request");
        let reason = s.failure().to_string();
        assert!(reason.contains(expected), "{value}: {reason}");
    }
    let mut s = Script::new(ClientConfig::default());
    s.layer.set_credentials(s.now, Target::Origin(origin(URL)), Credentials::password("a:b", PASSWORD));
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.reply(c, 401, &[("WWW-Authenticate", "Basic")]);
    assert!(s.failure().to_string().contains("colon"));
    let mut s = Script::new(ClientConfig::default());
    s.layer.set_credentials(s.now, Target::Origin(origin(URL)), Credentials::Bearer("a\nb".into()));
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.sent();
    s.reply(c, 401, &[("WWW-Authenticate", "Bearer")]);
    assert!(s.failure().to_string().contains("no header can carry"));
    assert_eq!(s.delivered(), ["reset NotSent"]);
}

#[test]
fn an_answer_to_a_leg_other_than_401_is_the_answer() {
    for (status, expected) in [(503, vec!["503", "body 9", "end"]), (302, vec!["302", "body 9", "end"]), (200, vec![])]
    {
        let mut s = Script::logged_in(ClientConfig::default(), URL);
        s.layer.assume_scheme(Target::Origin(origin(URL)), AuthScheme::Ntlm);
        let c = s.open(1, URL);
        s.post(c, b"x");
        assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"]);
        s.layer.handle(s.now, c, response(100, &[])).unwrap();
        s.reply(c, status, &[]);
        assert_eq!(s.delivered(), expected, "{status}");
        if status == 200 {
            assert_eq!(s.sent(), ["POST cl=1", "body 1", "end"], "the leg was taken for a request");
            s.reply(c, 200, &[]);
        }
        s.post(c, b"z");
    }
}

#[test]
fn a_401_before_the_end_of_the_request_waits_for_it() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let c = s.open(1, URL);
    s.say(c, HttpEvent::Head(Head::Request(request("POST", 4))));
    s.say(c, HttpEvent::Body(Bytes::from_static(b"ab")));
    s.sent();
    s.reply(c, 401, &[NTLM]);
    assert_eq!(s.sent(), [""; 0], "the refused request has to end on the wire first");
    s.say(c, HttpEvent::Body(Bytes::from_static(b"cd")));
    s.say(c, HttpEvent::End);
    assert_eq!(s.sent(), ["body 2", "end", "POST cl=0 auth=NTLM", "end"]);
}

#[test]
fn a_body_past_the_limit_is_let_go_and_sent_again_by_the_machine() {
    let mut config = ClientConfig::default();
    config.held_bytes = 8;
    let mut s = Script::logged_in(config, URL);
    let c = s.open(1, URL);
    s.send(c, request("POST", 9), b"123456789");
    assert_eq!(s.sent(), ["POST cl=9", "body 9", "end"], "it goes out all the same");
    s.reply(c, 401, &[NTLM]);
    assert_eq!(s.delivered(), ["reset NotSent"]);
    s.sent();
    // On the next connection the legs come first; what does not fit cannot wait for them.
    let c = s.open(2, URL);
    s.events();
    s.send(c, request("POST", 9), b"123456789");
    assert_eq!(s.failure(), FailReason::BodyTooLarge { limit: 8 });
    assert_eq!(s.delivered(), ["reset NotSent"]);
}

#[test]
fn misuse_is_told_apart() {
    let mut s = Script::new(ClientConfig::default());
    let misuse = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Misuse(_))), "{result:?}");
    let event = |event| HttpTransmit::Event { conn: conn(1), event };
    misuse(s.layer.handle(s.now, conn(1), HttpEvent::End));
    misuse(s.layer.set_channel_binding(conn(1), ChannelBinding::None));
    misuse(s.layer.handle_outgoing(s.now, event(HttpEvent::End)));
    let c = s.open(1, URL);
    misuse(s.layer.handle_outgoing(s.now, HttpTransmit::Open { conn: c, origin: origin(URL) }));
    misuse(s.layer.handle_outgoing(s.now, event(HttpEvent::End)));
    misuse(s.layer.handle_outgoing(s.now, event(response(200, &[]))));
    misuse(s.layer.handle(s.now, c, HttpEvent::Head(Head::Request(request("GET", 0)))));
    s.post(c, b"x");
    let head = HttpEvent::Head(Head::Request(request("POST", 0)));
    misuse(s.layer.handle_outgoing(s.now, event(head)));
    // A challenge is good for its own connection only.
    misuse(s.layer.handle(s.now, conn(7), response(401, &[NTLM])));
    s.layer.handle_outgoing(s.now, HttpTransmit::Abort { conn: c }).unwrap();
    assert_eq!(s.sent(), ["abort"]);
    s.layer.handle(s.now, c, HttpEvent::End).unwrap();
}

#[test]
fn secrets_are_shown_nowhere() {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    s.layer.set_credentials(s.now, Target::Proxy, Credentials::Bearer("proxy-token".into()));
    let c = s.open(1, URL);
    s.post(c, b"x");
    s.reply(c, 401, &[("WWW-Authenticate", "Basic realm=\"x\"")]);
    let mut shown = format!("{:?}", s.layer);
    let transmits: Vec<_> = std::iter::from_fn(|| s.layer.poll_transmit(s.now)).collect();
    s.reply(c, 401, &[("WWW-Authenticate", "Basic realm=\"x\"")]);
    let events = s.events();
    shown += &format!("{transmits:?} {:?} {events:?}", s.layer);
    // DOM\alice and the password in base64, in two alignments of its letters.
    for secret in [PASSWORD, "proxy-token", "RE9NXGFsaWNl", "Y29ycmVjdCBob3JzZQ", "b3JzZQ=="] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
