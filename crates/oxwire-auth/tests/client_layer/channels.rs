//! Channels of RPC over HTTP, whose requests do not end.

use std::time::Duration;

use bytes::Bytes;
use oxwire_auth::AuthScheme;
use oxwire_auth::client::{ClientConfig, ClientEvent, Target};
use oxwire_http::{Head, HttpEvent};

use crate::script::{NTLM, Script, URL, response};
use crate::support::{PASSWORD, origin, request};

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
