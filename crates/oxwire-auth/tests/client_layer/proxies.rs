//! A forward proxy and the origin behind it: to each what is its own.

use bytes::Bytes;
use oxwire_auth::client::{ClientConfig, ClientEvent, FailReason, Target};
use oxwire_auth::{AuthScheme, Credentials};
use oxwire_core::Error;
use oxwire_http::{HttpEvent, RequestHead};

use crate::script::{NTLM, Script, URL, response};
use crate::support::{PASSWORD, conn, origin};

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
