//! Redirects of all kinds, and what the user says to them.

use std::time::Duration;

use oxwire_autodiscover::discovery::{Config, Event, Failure, LastKnownGood, Step};

use crate::internet::{Host, Internet, User, document, moved, pox, redirect_address, redirect_url, settings};
use crate::steps::srv;

const ROOT: &str = "https://example.com/autodiscover/autodiscover.xml";

fn root_only() -> Config {
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    config
}

/// 302 and redirectUrl, one after the other, through hosts that each need consent once.
#[test]
fn chains_of_redirects() {
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://a.example/one")))
        .host(
            "https://a.example",
            Host::Serves(|request| match &*request.target {
                "/one" => moved("/two"),
                "/two" => redirect_url("https://b.example/three"),
                _ => settings("a.example"),
            }),
        )
        .host("https://b.example", Host::Says(redirect_url("https://A.EXAMPLE/four")));
    let run = net.discover("kim@example.com", &root_only());
    assert_eq!(run.server().as_deref(), Some("a.example"), "{}", run.trail());
    assert_eq!(run.asked, ["https://a.example/one", "https://b.example/three"]);
    assert_eq!(
        run.trail(),
        format!(
            "https root domain: POST {ROOT}: 302 without Content-Type, HTTP 302 to https://a.example/one\n\
             https root domain: POST https://a.example/one: 302 without Content-Type, HTTP 302 to /two\n\
             https root domain: POST https://a.example/two: 200 text/xml; charset=utf-8, redirectUrl to https://b.example/three\n\
             https root domain: POST https://b.example/three: 200 text/xml; charset=utf-8, redirectUrl to https://A.EXAMPLE/four\n\
             https root domain: POST https://a.example/four: 200 text/xml; charset=utf-8, settings\n"
        )
    );
}

#[test]
fn loops_of_redirects_end() {
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://a.example/")))
        .host("https://a.example", Host::Says(redirect_url(ROOT)));
    let run = net.discover("kim@example.com", &root_only());
    assert_eq!(run.outcome, Err(Failure::NothingFound));
    assert!(run.trail().ends_with(&format!("redirectUrl to {ROOT}, not followed: a loop\n")), "{}", run.trail());
    assert_eq!(run.requests.len(), 2);
}

/// The reference: "stop redirecting after 10 redirects".
#[test]
fn ten_redirects_and_no_more() {
    let next = |request: &crate::internet::Request| {
        let number = request.target.strip_prefix("/r").map_or(0, |number| number.parse().unwrap());
        moved(&format!("/r{}", number + 1))
    };
    let run =
        Internet::default().host("https://example.com", Host::Serves(next)).discover("kim@example.com", &root_only());
    assert_eq!(run.requests.len(), 11);
    assert!(run.trail().ends_with("HTTP 302 to /r11, not followed: too many redirects\n"), "{}", run.trail());
}

/// The count is of one chain: the next host of a step begins anew.
#[test]
fn each_host_of_a_step_may_redirect() {
    let mut config = Config::default();
    config.order = vec![Step::Srv];
    config.limits.redirects = 2;
    config.trusted_hosts = vec![".example".to_owned()];
    let endless = |request: &crate::internet::Request| moved(&format!("{}x", request.target));
    let once = |request: &crate::internet::Request| match &*request.target {
        "/here" => settings("b.example"),
        _ => moved("/here"),
    };
    let mut net = Internet::default()
        .host("https://a.example", Host::Serves(endless))
        .host("https://b.example", Host::Serves(once));
    let records = vec![srv(0, 0, 443, "a.example"), srv(1, 0, 443, "b.example")];
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("b.example"), "{}", run.trail());
    assert_eq!(run.requests.len(), 5);
}

/// What was good for the first address is not asked for the second.
#[test]
fn the_cached_answer_is_the_first_address_alone() {
    let mut config = Config::default();
    config.order = vec![Step::LastKnownGood, Step::HttpsRootDomain];
    config.last_known_good =
        Some(LastKnownGood { address: "kim@example.com".to_owned(), url: "https://old.example/".to_owned() });
    let net = Internet::default()
        .host("https://old.example", Host::Says(redirect_address("kim@other.example")))
        .host("https://other.example", Host::Says(settings("other.example")));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("other.example"), "{}", run.trail());
    assert!(run.trail().contains("\nlast known good: nothing configured\n"), "{}", run.trail());
    assert_eq!(run.requests.len(), 2);
}

/// However hosts redirect, the number of requests has an end.
#[test]
fn requests_have_a_limit() {
    let mut config = Config::default();
    config.limits.requests = 3;
    let net = Internet::default().host("https://example.com", Host::Says(moved("/a")));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.outcome, Err(Failure::TooManyRequests { limit: 3 }));
}

/// Refused, or not answered: the step goes on without it, and the next one is tried.
#[test]
fn the_user_decides_about_hosts() {
    for (user, why, took) in [(User::Refuses, "refused by the caller", 30), (User::IsAway, "no consent in time", 120)] {
        let mut config = Config::default();
        config.order = vec![Step::HttpsRootDomain, Step::HttpsAutodiscoverDomain];
        let mut net = Internet::default()
            .host("https://example.com", Host::Says(moved("https://evil.example/")))
            .host("https://evil.example", Host::Says(settings("evil.example")))
            .host("https://autodiscover.example.com", Host::Says(settings("mail.example.com")));
        net.user = user;
        let run = net.discover("kim@example.com", &config);
        assert_eq!(run.server().as_deref(), Some("mail.example.com"), "{}", run.trail());
        assert!(run.trail().contains(&format!("https://evil.example/, not followed: {why}")), "{}", run.trail());
        assert!(run.requests.iter().all(|request| !request.contains("evil")), "{:?}", run.requests);
        assert_eq!(run.took.as_secs(), took);
    }
}

/// Outlook's `RedirectServers`: hosts, and domains with a dot in front.
#[test]
fn outlook_trusted_redirect_servers() {
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://autodiscover-s.outlook.com/a")))
        .host("https://autodiscover-s.outlook.com", Host::Says(settings("outlook.example")));
    for (trusted, asked) in [
        ("Autodiscover-S.outlook.com", 0),
        (".outlook.com", 0),
        (".s.outlook.com", 1),
        ("outlook.com", 1),
        (".com.", 1),
    ] {
        let mut config = root_only();
        config.trusted_hosts.push(trusted.to_owned());
        let run = net.discover("kim@example.com", &config);
        assert_eq!((run.asked.len(), run.server().is_some()), (asked, true), "{trusted}");
    }
}

/// Another port is another server, and may be another user's.
#[test]
fn another_port_needs_consent() {
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://example.com:8443/a")))
        .host("https://example.com:8443", Host::Says(settings("x")));
    assert_eq!(net.discover("kim@example.com", &root_only()).asked, ["https://example.com:8443/a"]);
}

/// Hybrid organisations: `RedirectAddr` names the tenant's address, and the login stays the user's own.
#[test]
fn hybrid_redirect_address_keeps_the_login() {
    let tenant = "https://autodiscover.example.mail.onmicrosoft.com";
    let net = Internet::default()
        .host("https://example.com", Host::Says(redirect_address("kim@example.mail.onmicrosoft.com")))
        .host(
            tenant,
            Host::Serves(|request| {
                assert!(request.body.contains("<EMailAddress>kim@example.mail.onmicrosoft.com<"), "{}", request.body);
                settings("outlook.office365.com")
            }),
        );
    let mut config = Config::default();
    config.excluded.push(Step::Scp);
    let run = net.discover("Kim@example.com", &config);
    assert_eq!(run.asked, ["kim@example.mail.onmicrosoft.com"]);
    let found = run.outcome.as_ref().unwrap();
    assert_eq!((&*found.login, &*found.address), ("Kim@example.com", "kim@example.mail.onmicrosoft.com"));
    assert_eq!(found.step, Step::HttpsAutodiscoverDomain);
    // The steps for the new address begin at the front.
    let second = run.trail.iter().filter(|entry| entry.address.ends_with("onmicrosoft.com"));
    let steps: Vec<Step> = second.map(|entry| entry.step).collect();
    assert_eq!(steps, [Step::LastKnownGood, Step::Scp, Step::HttpsRootDomain, Step::HttpsAutodiscoverDomain]);
    // Trusted, it needs no consent; within the same domain neither.
    config.trusted_hosts.push(".onmicrosoft.com".to_owned());
    assert_eq!(net.discover("kim@example.com", &config).asked.len(), 0);
    let net = Internet::default().host(
        "https://example.com",
        Host::Serves(|request| {
            if request.body.contains("<EMailAddress>kim@") {
                redirect_address("KIM.2@EXAMPLE.com")
            } else {
                settings("x")
            }
        }),
    );
    let run = net.discover("kim@example.com", &config);
    assert_eq!((run.asked.len(), run.step()), (0, Some(Step::HttpsRootDomain)), "{}", run.trail());
}

/// An address that was asked for before, none at all, or more of them than allowed: that URL has no answer.
#[test]
fn redirect_addresses_that_lead_nowhere() {
    let run = |host| Internet::default().host("https://example.com", host).discover("kim@example.com", &root_only());
    for (address, why) in [
        ("KIM@example.com", "a loop"),
        ("kim", "neither a URL nor an address"),
        ("kim@", "neither a URL nor an address"),
        ("kim@a b", "neither a URL nor an address"),
        ("kim&#10;@example.com", "neither a URL nor an address"),
    ] {
        let run = run(Host::Says(redirect_address(address)));
        assert_eq!(run.outcome, Err(Failure::NothingFound), "{address}");
        assert!(run.trail().contains(&format!("not followed: {why}")), "{address}: {}", run.trail());
        assert!(run.asked.is_empty());
    }
    let on = run(Host::Serves(|request| {
        let digits: String =
            request.body.chars().filter(char::is_ascii_digit).skip_while(|c| *c != '9').skip(1).collect();
        let number: u32 = digits.get(..digits.len().saturating_sub(5)).and_then(|n| n.parse().ok()).unwrap_or(0);
        redirect_address(&format!("k9{}@example.com", number + 1))
    }));
    assert!(on.requests.len() <= 11 && on.outcome.is_err(), "{}", on.trail());
}

/// Two addresses that point at each other.
#[test]
fn redirect_addresses_in_a_loop() {
    let net = Internet::default()
        .host("https://example.com", Host::Says(redirect_address("kim@other.example")))
        .host("https://other.example", Host::Says(redirect_address("kim@example.com")));
    let run = net.discover("kim@example.com", &root_only());
    assert_eq!(run.outcome, Err(Failure::NothingFound));
    assert!(run.trail().ends_with("redirectAddr to kim@example.com, not followed: a loop\n"), "{}", run.trail());
}

/// A refused address leaves the search where it was.
#[test]
fn the_user_decides_about_addresses() {
    let mut config = root_only();
    config.order.push(Step::HttpsAutodiscoverDomain);
    let mut net = Internet::default()
        .host("https://example.com", Host::Says(redirect_address("kim@evil.example")))
        .host("https://evil.example", Host::Says(settings("evil.example")))
        .host("https://autodiscover.example.com", Host::Says(settings("mail.example.com")));
    net.user = User::Refuses;
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("mail.example.com"));
    assert!(run.trail().contains("redirectAddr to kim@evil.example, not followed: refused by the caller"));
}

/// The plain GET takes a redirect and nothing else, and asks without credentials.
#[test]
fn the_plain_get_wants_a_redirect() {
    let mut config = Config::default();
    config.order = vec![Step::HttpRedirect];
    for (host, expected) in [
        (Host::Says(settings("evil.example")), "200 text/xml; charset=utf-8, no redirect"),
        (Host::Unauthorized, "401 without Content-Type, no redirect"),
        (Host::Says(moved("http://mail.example/a")), "HTTP 302 to http://mail.example/a, not followed: no TLS there"),
        (Host::Says(moved("/a")), "HTTP 302 to /a, not followed: no TLS there"),
        (Host::Says(document("text/html", "<html>")), "200 text/html, no redirect"),
    ] {
        let mut net = Internet::default().host("http://autodiscover.example.com", host);
        net.password = Some("secret");
        let run = net.discover("kim@example.com", &config);
        assert_eq!(run.outcome, Err(Failure::NothingFound));
        assert!(run.trail().contains(expected), "{}", run.trail());
        assert_eq!(run.requests, ["GET http://autodiscover.example.com/autodiscover/autodiscover.xml"]);
    }
}

/// Exchange answers a GET of `autodiscover.xml` with error 600 in a document: no redirect, and no error that ends anything.
#[test]
fn exchange_answers_the_plain_get_with_error_600() {
    let mut config = Config::default();
    config.order = vec![Step::HttpRedirect, Step::Srv];
    let error =
        pox("<Error Time=\"10:00:00\" Id=\"1\"><ErrorCode>600</ErrorCode><Message>Invalid Request</Message></Error>");
    let mut net = Internet::default()
        .host("http://autodiscover.example.com", Host::Says(error))
        .host("https://srv.example", Host::Says(settings("srv.example")));
    let records = vec![srv(0, 0, 443, "srv.example")];
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("srv.example"));
    assert!(run.trail().contains("200 text/xml; charset=utf-8, no redirect"), "{}", run.trail());
}

/// Priorities in order, the port as it stands, or 443 as some versions of Outlook have it.
#[test]
fn outlook_srv_records() {
    let mut config = Config::default();
    config.order = vec![Step::Srv];
    let mut net = Internet::default()
        .host("https://b.example:8443", Host::Refused)
        .host("https://c.example", Host::Says(settings("c.example")))
        .host("https://b.example", Host::Says(settings("b.example")));
    let records = vec![
        srv(20, 0, 443, "C.example."),
        srv(5, 0, 80, "plain.example"),
        srv(6, 0, 443, "not a host"),
        srv(10, 0, 8443, "b.example"),
    ];
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(
        run.trail(),
        "SRV: SRV to plain.example:80, not followed: no TLS there\n\
         SRV: SRV to not a host:443, not followed: neither a URL nor an address\n\
         SRV: SRV _autodiscover._tcp.example.com: to try: https://b.example:8443/autodiscover/autodiscover.xml, \
         https://c.example/autodiscover/autodiscover.xml\n\
         SRV: POST https://b.example:8443/autodiscover/autodiscover.xml: not reached: connection refused\n\
         SRV: POST https://c.example/autodiscover/autodiscover.xml: 200 text/xml; charset=utf-8, settings\n"
    );
    config.ignore_srv_port = true;
    assert_eq!(
        net.discover("kim@example.com", &config).requests.last().unwrap(),
        "POST https://b.example/autodiscover/autodiscover.xml"
    );
    // [RFC 2782]: a dot says that there is no such service.
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(vec![srv(0, 0, 0, ".")]));
    assert!(net.discover("kim@example.com", &config).trail().ends_with("nothing there\n"));
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), None);
    let run = net.discover("kim@example.com", &config);
    assert!(run.trail().ends_with("nothing came in time\n") && run.took == Duration::from_secs(25), "{}", run.trail());
}

/// The JSON of v2: `InvalidProtocol`, a redirect to another host of the same service, answers that are none.
#[test]
fn json_answers() {
    let mut config = Config::default();
    config.order = vec![Step::Json];
    config.json_hosts = vec!["json.example".to_owned(), "not a host".to_owned()];
    let invalid = r#"{"ErrorCode":"InvalidProtocol","ErrorMessage":"The given protocol value 'x' is invalid."}"#;
    let on = "https://json.example/autodiscover/autodiscover.json/v1.0/kim@example.com?Protocol=AutodiscoverV1";
    for (reply, expected) in [
        (
            crate::internet::Reply { status: 400, ..document("application/json", invalid) },
            "the server's error InvalidProtocol: The given",
        ),
        (crate::internet::Reply { status: 404, ..document("text/html", "<html>") }, "404 text/html, status 404"),
        (document("text/html", "<html>"), "a page for people"),
        (document("application/json", "{}"), "no JSON answer: expected `Url` or `ErrorCode`"),
        (
            document("application/json", r#"{"Url":"http://x.example/"}"#),
            "the JSON answer to http://x.example/, not followed: no TLS",
        ),
        (document("application/json", r#"{"Url":"/x"}"#), "the JSON answer to /x, not followed: neither a URL"),
    ] {
        let net = Internet::default().host("https://autodiscover.example.com", Host::Says(reply));
        let run = net.discover("kim@example.com", &config);
        assert!(run.trail().contains(expected), "{}", run.trail());
    }
    let json = document("application/json", r#"{"protocol":"AUTODISCOVERV1","url":"https://pox.example/a.xml"}"#);
    let net = Internet::default()
        .host("https://autodiscover.example.com", Host::Says(moved(on)))
        .host("https://json.example", Host::Says(json))
        .host("https://pox.example", Host::Says(settings("pox.example")));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("pox.example"), "{}", run.trail());
    // Nobody is asked about the query, which carries no credentials; about the URL it gives, the user is.
    assert_eq!(run.asked, ["https://pox.example/a.xml"]);
}

/// A local document with settings of its own is taken as it is.
#[test]
fn local_documents() {
    let mut config = Config::default();
    config.order = vec![Step::LocalXml];
    config.local_xml = true;
    let with =
        |text: Option<String>| Internet { local_xml: text, ..Internet::default() }.discover("kim@example.com", &config);
    let run = with(Some(settings("local.example").body));
    assert_eq!(run.server().as_deref(), Some("local.example"));
    let found = run.outcome.unwrap();
    assert_eq!((found.url.as_deref(), found.last_known_good()), (None, None));
    assert!(with(None).trail().contains("local document: nothing there"));
    assert!(with(Some("x".to_owned())).trail().contains("local document: no Autodiscover response"));
    assert!(with(Some(redirect_url("http://x.example").body)).trail().contains("not followed: no TLS there"));
    assert!(with(Some(redirect_address("kim@x.example").body)).trail().contains("redirectAddr to kim@x.example"));
    let error = pox("<Error><ErrorCode>600</ErrorCode></Error>").body;
    assert!(with(Some(error)).trail().contains("the server's error 600"));
}

/// The caller may ask what the question is about.
#[test]
fn a_question_says_who_leads_where() {
    use oxwire_autodiscover::discovery::{Destination, Discovery, Via};
    let mut config = Config::default();
    config.order = vec![Step::Srv];
    let now = std::time::Instant::now();
    let mut machine = Discovery::new("kim@example.com", config, now).unwrap();
    let Some(Event::ResolveSrv { handle, name }) = machine.poll_event() else { panic!("no question") };
    assert_eq!(&*name, "_autodiscover._tcp.example.com");
    let records = vec![srv(0, 0, 443, "srv.example")];
    machine.answer_srv(now, handle, Ok(records), &mut |out: &mut [u8]| out.fill(0)).unwrap();
    let Some(Event::ConsentNeeded { step, via, from, to, .. }) = machine.poll_event() else { panic!("no question") };
    assert_eq!((step, via, &*from), (Step::Srv, Via::Srv, "SRV _autodiscover._tcp.example.com"));
    assert_eq!(to, Destination::Url("https://srv.example/autodiscover/autodiscover.xml".into()));
}
