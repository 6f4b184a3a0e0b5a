//! Legs of a handshake: what goes out instead of the request, what is held meanwhile, what a cut or a close means.

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, FailReason, Target};
use oxwire_auth::{AuthScheme, Credentials};
use oxwire_http::{Head, HttpEvent, Reset, ResponseHead};

use crate::script::{CLOSE, NTLM, Script, URL, response};
use crate::support::{PASSWORD, origin, request};

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

/// The refusal comes while the body still goes out, and only then the body grows past what is held.
#[test]
fn a_body_that_grows_past_the_limit_after_its_refusal_is_not_sent_again_without_it() {
    let mut config = ClientConfig::default();
    config.held_bytes = 8;
    let mut s = Script::logged_in(config, URL);
    let c = s.open(1, URL);
    s.say(c, HttpEvent::Head(Head::Request(request("POST", 9))));
    s.say(c, HttpEvent::Body(Bytes::from_static(b"12345678")));
    s.sent();
    s.reply(c, 401, &[NTLM]);
    s.say(c, HttpEvent::Body(Bytes::from_static(b"9")));
    assert_eq!(s.delivered(), ["reset NotSent"]);
    assert_eq!(s.sent(), ["close"], "no leg and no request without its body");
}

/// Behind a refusal that closes, the request goes again on another connection only, where the machine begins it anew: nothing of it is kept
/// here, and the question to the caller goes on.
#[test]
fn a_parked_request_whose_connection_closes_waits_on_whatever_the_length_of_its_body() {
    for cut in [false, true] {
        let mut config = ClientConfig::default();
        config.held_bytes = 8;
        let mut s = Script::new(config);
        let c = s.open(1, URL);
        s.say(c, HttpEvent::Head(Head::Request(request("POST", 10))));
        s.say(c, HttpEvent::Body(Bytes::from_static(b"12345678")));
        s.reply(c, 401, &[NTLM, CLOSE]);
        let handle = s.question();
        s.sent();
        if cut {
            s.layer.handle(s.now, c, HttpEvent::Reset(Reset::unknown("cut"))).unwrap();
        }
        s.say(c, HttpEvent::Body(Bytes::from_static(b"90")));
        s.say(c, HttpEvent::End);
        assert_eq!(s.sent(), if cut { vec![] } else { vec!["body 2", "end"] });
        assert_eq!(s.delivered(), [""; 0], "the same question would only come up again");
        // There is room for another body.
        let other = s.open(2, URL);
        s.post(other, b"12345678");
        s.reply(other, 401, &[NTLM]);
        assert_eq!(s.delivered(), [""; 0]);
        s.sent();
        s.layer.provide(s.now, handle, Credentials::password("DOM\\alice", PASSWORD)).unwrap();
        assert_eq!(s.delivered(), ["reset NotSent"]);
        let goes_on = ["close", "POST cl=0 auth=NTLM", "end"];
        assert_eq!(s.sent(), goes_on[usize::from(cut)..], "no leg and no request of the first");
    }
}
