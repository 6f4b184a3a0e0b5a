//! Who gets credentials, with the layer that answers 401 in between.

use oxwire_autodiscover::discovery::{Config, Failure, Step};

use crate::internet::{Host, Internet, User, document, moved, settings};
use crate::steps::{config, srv};

fn logged_on() -> Internet {
    Internet { password: Some("secret"), ..Internet::default() }
}

#[test]
fn basic_over_tls() {
    let net = logged_on().host("https://example.com", Host::Basic(settings("mail.example.com")));
    let run = net.discover("kim@example.com", &config());
    assert_eq!(run.server().as_deref(), Some("mail.example.com"), "{}", run.trail());
    assert_eq!(
        run.requests,
        [
            "POST https://example.com/autodiscover/autodiscover.xml",
            "POST https://example.com/autodiscover/autodiscover.xml as Basic"
        ]
    );
    // The trail has one entry for both, and nothing of the credentials.
    assert_eq!(run.trail.iter().filter(|entry| entry.step == Step::HttpsRootDomain).count(), 1);
    assert!(!format!("{:?}", run.trail).contains("a2lt") && !run.trail().contains("secret"));
}

/// A forward proxy that wants a password gets its own, with the plain GET too, which carries none for the host.
#[test]
fn a_proxy_is_answered_and_the_host_is_not() {
    let mut net = logged_on()
        .host("http://autodiscover.example.com", Host::Says(moved("https://mail.example.com/autodiscover.xml")))
        .host("https://mail.example.com", Host::Basic(settings("mail.example.com")));
    let mut config = config();
    config.order = vec![Step::HttpRedirect];
    for challenged in [false, true] {
        if challenged {
            net = net.host("http://autodiscover.example.com", Host::Unauthorized);
        }
        net.proxy = true;
        let run = net.discover("kim@example.com", &config);
        let get = "GET http://autodiscover.example.com/autodiscover/autodiscover.xml by proxy";
        assert_eq!(run.requests[..2], [get.to_owned(), format!("{get}, logged on there")], "{}", run.trail());
        assert_eq!(run.server().as_deref(), (!challenged).then_some("mail.example.com"), "{}", run.trail());
    }
}

/// Before the user consents, a foreign host sees neither credentials nor a request; a JSON query never carries any.
#[test]
fn nobody_else_gets_credentials() {
    for user in [User::Refuses, User::IsAway, User::Consents] {
        let mut net = logged_on()
            .host("https://example.com", Host::Says(moved("https://evil.example/a")))
            .host("http://autodiscover.example.com", Host::Says(moved("https://evil.example/b")))
            .host("https://evil.example", Host::Basic(settings("evil.example")))
            .host("https://srv.example", Host::Unauthorized)
            .host("https://autodiscover.example.com", Host::Unauthorized);
        net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(vec![srv(0, 0, 443, "srv.example")]));
        net.user = user;
        let mut config = config();
        config.excluded.push(Step::HttpsAutodiscoverDomain);
        config.deadlines.whole = std::time::Duration::from_secs(3600);
        let run = net.discover("kim@example.com", &config);
        let to_evil: Vec<_> = run.requests.iter().filter(|request| request.contains("evil")).collect();
        if user == User::Consents {
            assert_eq!(run.server().as_deref(), Some("evil.example"));
            assert_eq!(to_evil.len(), 2);
        } else {
            assert!(to_evil.is_empty(), "{to_evil:?}");
            assert_eq!(run.asked.len(), 3, "{:?}", run.asked);
            let json = run.requests.iter().find(|request| request.contains("autodiscover.json")).unwrap();
            assert!(!json.contains(" as "), "{json}");
        }
    }
}

/// Servers that refuse the credentials: as many as allowed, and the search ends before the account is locked.
#[test]
fn storms_of_401_end_the_search() {
    let net = |password| {
        let net = Internet { password, ..Internet::default() };
        let json = document("application/json", r#"{"Url":"https://d.example/"}"#);
        net.host("https://example.com", Host::Unauthorized)
            .host("https://autodiscover.example.com", Host::Unauthorized)
            .host("http://autodiscover.example.com", Host::Says(moved("https://c.example/")))
            .host("https://c.example", Host::Unauthorized)
            .host("https://d.example", Host::Says(settings("d.example")))
            .host("https://e.example", Host::Says(json))
    };
    let mut config = config();
    for password in [Some("wrong"), None] {
        let run = net(password).discover("kim@example.com", &config);
        assert_eq!(run.outcome, Err(Failure::CredentialsRefused { origins: 3 }), "{}", run.trail());
        assert_eq!(run.trail().matches("the credentials were not taken (401)").count(), 3);
        // With a password: once without it and once with it, at each. Never a second guess.
        assert_eq!(run.requests.len(), if password.is_some() { 7 } else { 4 }, "{:?}", run.requests);
    }
    config.limits.refusals = 4;
    config.json_hosts.push("e.example".to_owned());
    let run = net(Some("wrong")).discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("d.example"), "{}", run.trail());
}

/// NTLM that never comes to its end: the layer gives up, and the step is over.
#[test]
fn storms_of_ntlm_end() {
    let net = logged_on()
        .host("https://example.com", Host::Storm)
        .host("https://autodiscover.example.com", Host::Basic(settings("mail.example.com")));
    let run = net.discover("kim@example.com", &config());
    assert_eq!(run.server().as_deref(), Some("mail.example.com"), "{}", run.trail());
    assert!(run.requests.len() < 8, "{:?}", run.requests);
}

/// The same origin refusing at several URLs is one refusal.
#[test]
fn one_origin_refuses_once() {
    let mut config = config();
    config.limits.refusals = 2;
    let net = Internet::default()
        .host("https://example.com", Host::Unauthorized)
        .host("http://autodiscover.example.com", Host::Says(moved("https://example.com/other")))
        .host("https://autodiscover.example.com", Host::Refused);
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.outcome, Err(Failure::NothingFound), "{}", run.trail());
    assert_eq!(run.requests.iter().filter(|request| request.contains("//example.com")).count(), 2);
}

/// A service connection point without TLS gets no request.
#[test]
fn directories_cannot_switch_tls_off() {
    let mut config = Config::default();
    config.order = vec![Step::Scp];
    let mut net = logged_on().host("http://scp.example", Host::Says(settings("scp.example")));
    net.directories.insert(
        String::new(),
        Some(&[(&["77378F46-2C66-4aa9-A6A6-3E7A48B19596"], &["http://scp.example/autodiscover/autodiscover.xml"])]),
    );
    let run = net.discover("kim@example.com", &config);
    assert!(run.requests.is_empty());
    assert!(run.trail().ends_with("not followed: no TLS there\n"), "{}", run.trail());
}
