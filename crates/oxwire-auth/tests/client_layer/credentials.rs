//! Credentials: the question for them, who tries them first, and where they never go.

use oxwire_auth::client::{ClientConfig, ClientEvent, FailReason, Target};
use oxwire_auth::{AuthScheme, Credentials};
use oxwire_core::ConnectionId;
use oxwire_http::{HttpEvent, Reset};

use crate::script::{NTLM, Script, URL, response};
use crate::support::{PASSWORD, origin};

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

/// Two connections whose requests have been refused: one of them tries the credentials.
fn both_refused() -> (Script, ConnectionId) {
    let mut s = Script::logged_in(ClientConfig::default(), URL);
    let (a, b) = (s.open(1, URL), s.open(2, URL));
    s.post(a, b"a");
    s.post(b, b"b");
    s.sent();
    s.reply(a, 401, &[NTLM]);
    s.reply(b, 401, &[NTLM]);
    (s, a)
}

#[test]
fn unproven_credentials_are_tried_by_one_connection_alone() {
    let (mut s, tester) = both_refused();
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"], "the second waits");
    s.reply(tester, 401, &[("WWW-Authenticate", &challenge)]);
    s.sent();
    // Refused: one failed logon, and one question for both.
    s.reply(tester, 401, &[NTLM]);
    let handle = s.question();
    assert_eq!(s.sent(), [""; 0]);
    s.layer.provide(s.now, handle, Credentials::password("DOM\\alice", "right")).unwrap();
    let challenge = s.challenge("Authorization");
    assert_eq!(s.sent(), ["end"]);
    s.reply(tester, 401, &[("WWW-Authenticate", &challenge)]);
    s.sent();
    s.layer.handle(s.now, tester, response(200, &[])).unwrap();
    assert_eq!(s.sent(), ["POST cl=0 auth=NTLM", "end"], "proven: the second goes on");
}

#[test]
fn a_tester_that_dies_hands_over() {
    let (mut s, tester) = both_refused();
    s.sent();
    s.layer.handle(s.now, tester, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
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
