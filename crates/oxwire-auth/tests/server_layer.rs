//! The server layer against scripted clients.
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
use oxwire_auth::ntlm::{Client, ClientConfig, Refusal, nt_hash};
use oxwire_auth::server::{Answer, QuestionHandle, RefuseReason, ServerConfig, ServerEvent, ServerLayer};
use oxwire_auth::{AuthScheme, ChannelBinding, Charset, basic_value, challenges, token_value};
use oxwire_core::{ConnectionId, Error, Principal, SecurityContext, Step};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead};
use support::{PASSWORD, WALL, conn, entropy};

struct Script {
    now: Instant,
    layer: ServerLayer,
}

fn config(schemes: &[AuthScheme]) -> ServerConfig {
    let mut config = ServerConfig::new("MBX1");
    config.schemes = schemes.to_vec();
    config
}

fn head(authorization: Option<&str>, len: u64) -> RequestHead {
    let builder = RequestHead::builder("POST", "/mapi/").field("Content-Length", len.to_string());
    match authorization {
        Some(value) => builder.field("Authorization", value).request().unwrap(),
        None => builder.request().unwrap(),
    }
}

fn basic(password: &str) -> String {
    basic_value(&"alice".into(), &password.into(), Charset::Utf8).unwrap().expose().to_owned()
}

fn alice() -> Principal {
    Principal::new("alice")
}

impl Script {
    fn new(config: ServerConfig) -> Self {
        let now = Instant::now();
        let mut layer = ServerLayer::new(config, entropy(9), now, WALL);
        for number in 1..4 {
            layer.accept(conn(number), true, ChannelBinding::None).unwrap();
        }
        Self { now, layer }
    }

    fn hear(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.layer.handle(self.now, conn, event).unwrap();
    }

    fn request(&mut self, conn: ConnectionId, authorization: Option<&str>) {
        self.hear(conn, HttpEvent::Head(Head::Request(head(authorization, 0))));
        self.hear(conn, HttpEvent::End);
    }

    /// Responses that went out.
    fn replies(&mut self) -> Vec<ResponseHead> {
        let mut heads = Vec::new();
        while let Some(transmit) = self.layer.poll_transmit(self.now) {
            if let HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. } = transmit {
                heads.push(head);
            }
        }
        heads
    }

    fn events(&mut self) -> Vec<ServerEvent> {
        std::iter::from_fn(|| self.layer.poll_event()).collect()
    }

    fn handle(&mut self) -> QuestionHandle {
        let handle = self.events().into_iter().find_map(|event| match event {
            ServerEvent::NtHashNeeded { handle, .. }
            | ServerEvent::PasswordNeeded { handle, .. }
            | ServerEvent::TokenNeeded { handle, .. } => Some(handle),
            _ => None,
        });
        handle.expect("a question")
    }

    fn refusal(&mut self) -> RefuseReason {
        let reason = self.events().into_iter().find_map(|event| match event {
            ServerEvent::Refused { reason, .. } => Some(reason),
            _ => None,
        });
        reason.expect("a refusal")
    }

    fn delivered(&mut self) -> Vec<String> {
        let short = |event| match event {
            HttpEvent::Head(_) => "head".to_owned(),
            HttpEvent::Body(bytes) => format!("body {}", bytes.len()),
            HttpEvent::End => "end".into(),
            HttpEvent::Reset(_) => "reset".into(),
            other => panic!("{other:?}"),
        };
        let named = |principal: Option<Principal>| principal.map(|p| format!(" {p}")).unwrap_or_default();
        std::iter::from_fn(|| self.layer.poll_deliver()).map(|d| short(d.event) + &named(d.principal)).collect()
    }

    fn respond(&mut self, conn: ConnectionId) {
        let head = ResponseHead::builder(200, "OK").field("Content-Length", "0").response().unwrap();
        for event in [HttpEvent::Head(Head::Response(head)), HttpEvent::End] {
            self.layer.handle_outgoing(self.now, HttpTransmit::Event { conn, event }).unwrap();
        }
    }

    /// Runs the first leg of NTLM and gives the header of the second.
    fn first_leg(&mut self, conn: ConnectionId, password: &str) -> String {
        let mut client = Client::new(ClientConfig::new("DOM\\alice".into(), password));
        let mut entropy = |out: &mut [u8]| out.fill(4);
        let Ok(Step::Continue(negotiate)) = client.step(None, WALL, &mut entropy) else { panic!() };
        self.request(conn, Some(&token_value("NTLM", &negotiate)));
        let reply = self.replies().pop().unwrap();
        let lines: Vec<_> = reply.fields().all("WWW-Authenticate").collect();
        assert_eq!(lines.len(), 1, "a challenge stands alone");
        let challenge = challenges(lines[0]).next().unwrap().token_bytes(10_000).unwrap();
        let Ok(Step::Complete(Some(token))) = client.step(Some(&challenge), WALL, &mut entropy) else { panic!() };
        token_value("NTLM", &token)
    }
}

const ALL: [AuthScheme; 3] = [AuthScheme::Ntlm, AuthScheme::Basic, AuthScheme::Bearer];

#[test]
fn the_list_has_one_line_for_each_scheme_in_order() {
    let mut config = config(&ALL);
    config.bearer_params = vec![("authorization_uri".into(), "https://login.test".into())];
    let mut s = Script::new(config);
    s.request(conn(1), None);
    let reply = s.replies().pop().unwrap();
    assert_eq!(
        reply.as_bytes(),
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: NTLM\r\n\
         WWW-Authenticate: Basic realm=\"mail\", charset=\"UTF-8\"\r\n\
         WWW-Authenticate: Bearer realm=\"mail\", authorization_uri=\"https://login.test\"\r\n\r\n",
    );
    assert_eq!((s.events(), s.delivered()), (vec![], vec![]));
}

/// Outlook first sends an empty `Authorization: Bearer` and expects the list.
#[test]
fn outlook_empty_bearer_probe_gets_the_list() {
    let mut s = Script::new(config(&ALL));
    s.request(conn(1), Some("Bearer"));
    assert_eq!(s.replies()[0].fields().all("WWW-Authenticate").count(), 3);
    assert_eq!(s.events(), []);
    let mut s = Script::new(config(&[AuthScheme::Ntlm]));
    s.request(conn(1), Some("Bearer"));
    assert_eq!(s.replies()[0].fields().all("WWW-Authenticate").count(), 1);
}

#[test]
fn without_tls_no_scheme_that_shows_a_secret_is_offered_or_taken() {
    let mut s = Script::new(config(&ALL));
    let open = conn(9);
    s.layer.accept(open, false, ChannelBinding::None).unwrap();
    s.request(open, Some(&basic(PASSWORD)));
    assert_eq!(s.replies()[0].fields().all("WWW-Authenticate").collect::<Vec<_>>(), [b"NTLM"]);
    assert_eq!(s.refusal(), RefuseReason::Scheme("Basic".into()));
}

#[test]
fn a_proxy_says_407() {
    let mut config = config(&[AuthScheme::Basic]);
    config.proxy = true;
    let mut s = Script::new(config);
    s.request(conn(1), Some(&basic(PASSWORD)));
    let reply = s.replies().pop().unwrap();
    assert_eq!((reply.status(), reply.fields().all("Proxy-Authenticate").count()), (407, 1));
    let head = RequestHead::builder("CONNECT", "mail.test:443").field("Proxy-Authorization", basic(PASSWORD));
    s.hear(conn(1), HttpEvent::Head(Head::Request(head.request().unwrap())));
    s.hear(conn(1), HttpEvent::End);
    let handle = s.handle();
    s.layer.answer(s.now, handle, Answer::Accept { principal: alice() }).unwrap();
    assert_eq!(s.delivered(), ["head alice", "end alice"]);
    // A tunnel: bytes go on after the request's end, and after the machine's own.
    s.respond(conn(1));
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"x")));
    s.hear(conn(1), HttpEvent::End);
    assert_eq!(s.delivered(), ["body 1 alice", "end alice"]);
}

#[test]
fn every_refusal_is_the_same_on_the_wire() {
    let mut seen = Vec::new();
    for (verdict, reason) in [
        (Answer::UnknownUser, Refusal::UnknownUser),
        (Answer::Refuse, Refusal::Verdict),
        (Answer::NtHash { hash: nt_hash("other"), principal: alice() }, Refusal::WrongProof),
        (Answer::SessionBaseKey { key: nt_hash("wrong"), principal: alice() }, Refusal::WrongMic),
    ] {
        let mut s = Script::new(config(&ALL));
        let value = s.first_leg(conn(1), PASSWORD);
        s.request(conn(1), Some(&value));
        let handle = s.handle();
        s.layer.answer(s.now, handle, verdict).unwrap();
        seen.extend(s.replies().into_iter().map(|reply| reply.as_bytes().clone()));
        assert_eq!(s.refusal(), RefuseReason::Ntlm(reason));
        assert_eq!(s.delivered(), [""; 0]);
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

/// haproxy#581, haproxy#2985: connections that are dealt out among users.
#[test]
fn haproxy_reuse_an_ntlm_message_on_another_connection_is_unexpected() {
    let mut s = Script::new(config(&[AuthScheme::Ntlm]));
    let value = s.first_leg(conn(1), PASSWORD);
    s.request(conn(2), Some(&value));
    assert_eq!(s.refusal(), RefuseReason::Ntlm(Refusal::Unexpected));
    assert!(Refusal::Unexpected.to_string().contains("proxy"));
    // The connection on which it began is not harmed; nor is the second one authenticated by it.
    s.request(conn(1), Some(&value));
    let handle = s.handle();
    s.layer.answer(s.now, handle, Answer::NtHash { hash: nt_hash(PASSWORD), principal: alice() }).unwrap();
    assert_eq!(s.delivered(), ["head alice", "end alice"]);
    s.request(conn(2), None);
    assert_eq!(s.delivered(), [""; 0]);
}

#[test]
fn the_body_waits_for_the_verdict_and_follows_the_head() {
    let mut s = Script::new(config(&[AuthScheme::Ntlm]));
    let value = s.first_leg(conn(1), PASSWORD);
    let channel = RequestHead::builder("RPC_IN_DATA", "/rpc/rpcproxy.dll").field("Content-Length", "1073741824");
    let channel = channel.field("Authorization", value).request().unwrap();
    s.hear(conn(1), HttpEvent::Head(Head::Request(channel)));
    for _ in 0..3 {
        s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"CONN/B1")));
    }
    assert_eq!(s.delivered(), [""; 0]);
    let handle = s.handle();
    s.layer.answer(s.now, handle, Answer::NtHash { hash: nt_hash(PASSWORD), principal: alice() }).unwrap();
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"more")));
    assert_eq!(s.delivered(), ["head alice", "body 7 alice", "body 7 alice", "body 7 alice", "body 4 alice"]);
    assert_eq!(s.layer.poll_timeout(), None);
}

/// A peer that nobody knows yet makes an event of each byte: it is counted for the room that it takes.
#[test]
fn single_bytes_are_held_no_longer_than_their_room_lasts() {
    let mut config = config(&[AuthScheme::Basic]);
    config.held_bytes = 1000;
    let mut s = Script::new(config);
    s.hear(conn(1), HttpEvent::Head(Head::Request(head(Some(&basic(PASSWORD)), 200))));
    s.handle();
    for _ in 0..15 {
        s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"x")));
    }
    assert!(s.events().is_empty());
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"x")));
    assert_eq!(s.refusal(), RefuseReason::BodyTooLarge);
}

#[test]
fn a_body_past_what_is_held_ends_the_connection() {
    let mut config = config(&[AuthScheme::Basic]);
    config.held_bytes = 10;
    let mut s = Script::new(config);
    s.hear(conn(1), HttpEvent::Head(Head::Request(head(Some(&basic(PASSWORD)), 20))));
    let handle = s.handle();
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(&[0; 11])));
    assert_eq!(s.refusal(), RefuseReason::BodyTooLarge);
    assert_eq!(s.replies()[0].fields().text("Connection"), Some("close"));
    s.layer.answer(s.now, handle, Answer::Accept { principal: alice() }).unwrap();
    assert_eq!(s.delivered(), [""; 0], "too late");
}

#[test]
fn a_refused_body_is_read_or_the_connection_closed() {
    let mut config = config(&[AuthScheme::Ntlm]);
    config.drain_bytes = 10;
    let mut s = Script::new(config);
    s.hear(conn(1), HttpEvent::Head(Head::Request(head(None, 10))));
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(&[0; 10])));
    assert!(s.replies().is_empty(), "the reply goes out behind the body");
    s.hear(conn(1), HttpEvent::End);
    assert_eq!(s.replies()[0].fields().text("Connection"), None);
    // Announced as too long: at once.
    s.hear(conn(1), HttpEvent::Head(Head::Request(head(None, 11))));
    assert_eq!(s.replies()[0].fields().text("Connection"), Some("close"));
    s.hear(conn(1), HttpEvent::Body(Bytes::from_static(b"x")));
    // Chunked, and too long as it comes.
    let chunked = RequestHead::builder("POST", "/").field("Transfer-Encoding", "chunked").request().unwrap();
    s.hear(conn(2), HttpEvent::Head(Head::Request(chunked)));
    s.hear(conn(2), HttpEvent::Body(Bytes::from_static(&[0; 10])));
    s.hear(conn(2), HttpEvent::Body(Bytes::from_static(b"x")));
    assert_eq!(s.replies()[0].fields().text("Connection"), Some("close"));
    assert_eq!(s.delivered(), [""; 0]);
}

#[test]
fn half_open_handshakes_are_limited_and_end() {
    let mut config = config(&[AuthScheme::Ntlm]);
    config.max_half_open = 1;
    let mut s = Script::new(config);
    s.first_leg(conn(1), PASSWORD);
    s.first_leg(conn(1), PASSWORD);
    let mut client = Client::new(ClientConfig::new("x".into(), "x"));
    let Ok(Step::Continue(negotiate)) = client.step(None, WALL, &mut |out: &mut [u8]| out.fill(4)) else { panic!() };
    s.request(conn(2), Some(&token_value("NTLM", &negotiate)));
    assert_eq!(s.replies()[0].status(), 503);
    assert_eq!(s.refusal(), RefuseReason::TooManyHandshakes);

    assert_eq!(s.layer.poll_timeout(), Some(s.now + Duration::from_secs(60)));
    s.now += Duration::from_secs(60);
    s.layer.handle_timeout(s.now);
    assert_eq!(s.layer.poll_timeout(), None);
    assert!(matches!(s.layer.poll_transmit(s.now), Some(HttpTransmit::Abort { .. })));
    assert_eq!(s.events(), [ServerEvent::TimedOut { conn: conn(1) }]);
    s.first_leg(conn(3), PASSWORD);
}

#[test]
fn a_question_without_an_answer_ends_in_a_401() {
    let mut config = config(&[AuthScheme::Basic]);
    config.answer_timeout = Duration::from_secs(5);
    let mut s = Script::new(config);
    s.request(conn(1), Some(&basic(PASSWORD)));
    let handle = s.handle();
    s.now += Duration::from_secs(5);
    s.layer.handle_timeout(s.now);
    assert_eq!(s.replies()[0].status(), 401);
    assert_eq!(s.refusal(), RefuseReason::NoVerdict);
    s.layer.answer(s.now, handle, Answer::Accept { principal: alice() }).unwrap();
    assert_eq!(s.delivered(), [""; 0]);
}

#[test]
fn headers_that_cannot_be_read_are_refused() {
    let malformed = |what| RefuseReason::Malformed(what);
    for (value, expected) in [
        ("", malformed("no scheme")),
        ("\"x\"", malformed("no scheme")),
        ("Basic", malformed("no token")),
        ("NTLM", malformed("no token")),
        ("Basic !!!", malformed("no token")),
        ("Basic YWJj", malformed("not base64 of user name, colon and password")),
        ("NTLM a", malformed("not base64, or longer than `ServerConfig::token_bytes`")),
        ("NTLM AAAA", RefuseReason::Ntlm(Refusal::Unexpected)),
        ("NTLM TlRMTVNTUAACAAAA", RefuseReason::Ntlm(Refusal::Unexpected)),
        ("Negotiate YWJj", RefuseReason::Scheme("Negotiate".into())),
    ] {
        let mut s = Script::new(config(&ALL));
        s.request(conn(1), Some(value));
        assert_eq!(s.replies()[0].status(), 401, "{value}");
        assert_eq!(s.refusal(), expected, "{value}");
    }
    let mut s = Script::new(config(&ALL));
    let long = format!("Bearer {}", "a".repeat(30_000));
    s.request(conn(1), Some(&long));
    assert_eq!(s.refusal(), malformed("longer than `ServerConfig::token_bytes`"));
    let two = RequestHead::builder("GET", "/").field("Authorization", "NTLM").field("Authorization", "NTLM");
    s.hear(conn(1), HttpEvent::Head(Head::Request(two.request().unwrap())));
    assert_eq!(s.refusal(), malformed("more than one"));
}

#[test]
fn basic_is_asked_again_only_after_its_time() {
    let mut s = Script::new(config(&[AuthScheme::Basic]));
    let ask = |s: &mut Script, password: &str| {
        s.request(conn(1), Some(&basic(password)));
        let asked = s.events().into_iter().find_map(|event| match event {
            ServerEvent::PasswordNeeded { handle, .. } => Some(handle),
            _ => None,
        });
        if let Some(handle) = asked {
            let answer = Answer::NtHash { hash: nt_hash(PASSWORD), principal: alice() };
            s.layer.answer(s.now, handle, answer).unwrap();
        }
        let passed = s.delivered() == ["head alice", "end alice"];
        if passed {
            s.respond(conn(1));
        }
        (asked.is_some(), passed)
    };
    assert_eq!(ask(&mut s, PASSWORD), (true, true));
    assert_eq!(ask(&mut s, PASSWORD), (false, true));
    assert_eq!(ask(&mut s, "wrong"), (true, false));
    assert_eq!(s.refusal(), RefuseReason::WrongPassword);
    s.now += Duration::from_secs(60);
    assert_eq!(ask(&mut s, PASSWORD), (true, true));
}

#[test]
fn misuse_is_told_apart() {
    let mut s = Script::new(config(&ALL));
    let misuse = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Misuse(_))), "{result:?}");
    misuse(s.layer.accept(conn(1), true, ChannelBinding::None));
    misuse(s.layer.handle(s.now, conn(1), HttpEvent::End));
    misuse(s.layer.handle(s.now, conn(77), HttpEvent::End));
    let out = |event| HttpTransmit::Event { conn: conn(1), event };
    misuse(s.layer.handle_outgoing(s.now, out(HttpEvent::End)));

    let value = s.first_leg(conn(1), PASSWORD);
    s.request(conn(1), Some(&value));
    let ntlm = s.handle();
    s.request(conn(2), Some(&basic(PASSWORD)));
    let plain = s.handle();
    s.request(conn(3), Some("Bearer token"));
    let token = s.handle();
    let principal = alice;
    misuse(s.layer.answer(s.now, ntlm, Answer::Accept { principal: principal() }));
    misuse(s.layer.answer(s.now, plain, Answer::SessionBaseKey { key: nt_hash(""), principal: principal() }));
    misuse(s.layer.answer(s.now, token, Answer::NtHash { hash: nt_hash(""), principal: principal() }));
    assert_eq!(s.delivered(), [""; 0], "the questions stand");
    s.layer.answer(s.now, token, Answer::Accept { principal: principal() }).unwrap();
    s.layer.answer(s.now, token, Answer::Refuse).unwrap();
    assert_eq!(s.delivered(), ["head alice", "end alice"]);
    // The next request, before the response.
    misuse(s.layer.handle(s.now, conn(3), HttpEvent::Head(Head::Request(head(None, 0)))));
    let response = ResponseHead::builder(200, "OK").response().unwrap();
    misuse(s.layer.handle(s.now, conn(2), HttpEvent::Head(Head::Response(response))));
}

#[test]
fn the_machine_hears_of_the_end_of_what_it_knows_alone() {
    let mut s = Script::new(config(&[AuthScheme::Basic]));
    s.request(conn(1), None);
    s.hear(conn(1), HttpEvent::Reset(Reset::unknown("eof")));
    assert_eq!(s.delivered(), [""; 0]);
    s.hear(conn(1), HttpEvent::End);
    s.request(conn(2), Some(&basic(PASSWORD)));
    let handle = s.handle();
    s.layer.answer(s.now, handle, Answer::Accept { principal: alice() }).unwrap();
    s.delivered();
    s.respond(conn(2));
    s.hear(conn(2), HttpEvent::Reset(Reset::unknown("eof")));
    assert_eq!(s.delivered(), ["reset"]);
}

#[test]
fn secrets_are_shown_nowhere() {
    let mut s = Script::new(config(&ALL));
    let value = s.first_leg(conn(1), PASSWORD);
    s.request(conn(1), Some(&value));
    s.request(conn(2), Some(&basic(PASSWORD)));
    s.request(conn(3), Some("Bearer secret-token"));
    let events = s.events();
    let mut shown = format!("{:?} {events:?}", s.layer);
    for event in events {
        if let ServerEvent::PasswordNeeded { handle, .. } | ServerEvent::TokenNeeded { handle, .. } = event {
            s.layer.answer(s.now, handle, Answer::Accept { principal: alice() }).unwrap();
        }
    }
    let answer = Answer::NtHash { hash: nt_hash(PASSWORD), principal: alice() };
    let deliveries: Vec<_> = std::iter::from_fn(|| s.layer.poll_deliver()).collect();
    shown += &format!("{:?} {deliveries:?} {answer:?}", s.layer);
    for secret in [PASSWORD, "secret-token", "Y29ycmVjdCBob3JzZQ", "b3JzZQ==", &value[10..], &basic(PASSWORD)[8..]] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
