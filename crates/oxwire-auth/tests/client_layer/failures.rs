//! What ends an exchange with a reason: deadlines, challenges that nobody can use, calls out of order.

use std::time::Duration;

use oxwire_auth::client::{ClientConfig, FailReason, Target};
use oxwire_auth::{ChannelBinding, Credentials};
use oxwire_core::Error;
use oxwire_http::{Head, HttpEvent, HttpTransmit};

use crate::script::{NTLM, Script, URL, response};
use crate::support::{PASSWORD, conn, origin, request};

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
