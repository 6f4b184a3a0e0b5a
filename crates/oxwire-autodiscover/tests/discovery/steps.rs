//! Each step: reached, and kept from its answer in every way; in both cases the search comes to the right end in time.

use std::time::Duration;

use oxwire_autodiscover::discovery::{Config, Failure, LastKnownGood, SrvRecord, Step};

use crate::internet::{Host, Internet, Objects, Reply, document, moved, redirect_url, settings, status};

/// The place that every step under test is to ask in the end.
const TARGET: &str = "https://target.example/autodiscover/autodiscover.xml";

const SCP: Objects = &[(&["77378F46-2C66-4aa9-A6A6-3E7A48B19596", "Site=Paris"], &[TARGET])];

pub(crate) fn srv(priority: u16, weight: u16, port: u16, target: &str) -> SrvRecord {
    SrvRecord { priority, weight, port, target: target.to_owned() }
}

/// The steps of Outlook without a directory.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.excluded.push(Step::Scp);
    config
}

/// A world where only one step leads anywhere, that step alone in front of a last one which always has settings, and the
/// origin that the step asks.
fn world(step: Step) -> (Internet, Config, &'static str) {
    let mut net = Internet::default().host("https://last.example", Host::Says(settings("last.example")));
    let mut config = Config::default();
    config.order = vec![step, Step::Office365];
    config.office365 = Some("https://last.example/autodiscover/autodiscover.xml".to_owned());
    let mut origin = "https://target.example";
    match step {
        Step::HttpsRootDomain => origin = "https://example.com",
        Step::HttpsAutodiscoverDomain => origin = "https://autodiscover.example.com",
        Step::HttpRedirect => {
            net = net.host("http://autodiscover.example.com", Host::Says(moved(TARGET)));
        }
        Step::Srv => {
            let records = vec![srv(0, 0, 443, "target.example.")];
            net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
        }
        Step::Scp => {
            net.directories.insert(String::new(), Some(SCP));
        }
        Step::Json => {
            let answer = format!(r#"{{"Protocol":"AutodiscoverV1","Url":"{TARGET}"}}"#);
            net = net.host("https://autodiscover.example.com", Host::Says(document("application/json", &answer)));
        }
        Step::LastKnownGood => {
            config.last_known_good =
                Some(LastKnownGood { address: "kim@example.com".to_owned(), url: TARGET.to_owned() });
        }
        Step::LocalXml => {
            config.local_xml = true;
            net.local_xml = Some(redirect_url(TARGET).body);
        }
        _ => {
            config.order = vec![Step::Office365];
            config.office365 = Some(TARGET.to_owned());
        }
    }
    (net, config, origin)
}

fn last_entry_of(step: Step, run: &crate::internet::Run) -> String {
    let entry = run.trail.iter().rfind(|entry| entry.step == step);
    entry.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn every_step_reaches_the_settings() {
    for step in Step::OUTLOOK {
        let (net, config, origin) = world(step);
        let run = net.host(origin, Host::Says(settings("target.example"))).discover("Kim@Example.com", &config);
        assert_eq!(run.server().as_deref(), Some("target.example"), "{step}:\n{}", run.trail());
        assert_eq!(run.step(), Some(step));
        assert!(last_entry_of(step, &run).ends_with("200 text/xml; charset=utf-8, settings"), "{}", run.trail());
        let found = run.outcome.unwrap();
        assert_eq!(
            (&*found.login, &*found.address),
            ("Kim@Example.com", if step == Step::LastKnownGood { "kim@example.com" } else { "Kim@Example.com" })
        );
        assert!(run.took < Duration::from_secs(40), "{step}: {:?}", run.took);
        // Only what nobody of the caller's has named is asked about.
        let foreign = matches!(step, Step::HttpRedirect | Step::Srv | Step::Json);
        assert_eq!(run.asked, if foreign { vec![TARGET] } else { vec![] }, "{step}");
        // The next search begins where this one ended.
        let kept = found.last_known_good().unwrap();
        assert_eq!(kept.url, found.url.as_deref().unwrap());
    }
}

/// Everything that can keep a step from its answer, and what its trail says.
fn faults() -> Vec<(&'static str, Host, &'static str)> {
    let html = "<!DOCTYPE html><html><body>It works!</body></html>";
    let garbage = document("text/xml", "<Autodiscover><Response>");
    let json = document("application/json", r#"{"a":1}"#);
    let says = Host::Says;
    vec![
        ("refused", Host::Refused, "not reached: connection refused"),
        ("hanging", Host::Hanging, "nothing came in time"),
        ("silent", Host::Silent, "nothing came in time"),
        ("stalling", Host::Stalling, "200 text/xml, nothing came in time"),
        ("wrong certificate", Host::WrongCertificate, "wrong certificate: the certificate is for *.hosting.example"),
        ("cut", Host::Cut, "not reached: cut"),
        ("401", Host::Unauthorized, "401 without Content-Type, the credentials were not taken (401)"),
        ("403", says(status(403)), "403 without Content-Type, status 403"),
        ("404 page", says(Reply { status: 404, ..document("text/html", html) }), "404 text/html, status 404"),
        ("500", says(status(500)), "status 500"),
        ("503", says(status(503)), "status 503"),
        ("page", says(document("text/html; charset=utf-8", html)), "200 text/html; charset=utf-8, a page for people"),
        ("page of another type", says(document("text/xml", html)), "a page for people"),
        ("wrong type", says(json), "200 application/json, no Autodiscover response: at byte"),
        ("empty", says(document("text/xml", "")), "no Autodiscover response: at byte 0"),
        ("broken", says(garbage), "no Autodiscover response: at byte 24, /Autodiscover/Response"),
        ("too large", says(document("text/xml", &" ".repeat((1 << 20) + 1))), "more than 1048576 bytes"),
        ("302 to nowhere", says(status(302)), "302 without Content-Type, status 302"),
        ("302 without TLS", says(moved("http://x.example/")), "not followed: no TLS there"),
        ("302 to another protocol", says(moved("ftp://x.example/")), "not followed: neither a URL nor an address"),
        ("302 to itself", says(moved("autodiscover.xml")), "not followed: a loop"),
        (
            "redirectUrl without TLS",
            says(redirect_url("http://x.example/")),
            "redirectUrl to http://x.example/, not followed: no TLS",
        ),
        (
            "empty settings",
            says(crate::internet::pox("<Account><Action>settings</Action></Account>")),
            "a response without settings",
        ),
        ("no account", says(crate::internet::pox("")), "a response without settings"),
        (
            "unknown action",
            says(crate::internet::pox("<Account><Action>dance</Action></Account>")),
            "a response without settings",
        ),
        (
            "error 500",
            says(crate::internet::pox(
                "<Error Time=\"1\" Id=\"2\"><ErrorCode>500</ErrorCode><Message>Nobody\nhere</Message></Error>",
            )),
            "the server's error 500: Nobody\u{FFFD}here",
        ),
    ]
}

#[test]
fn every_step_gets_past_every_fault() {
    for step in Step::OUTLOOK.into_iter().filter(|step| *step != Step::Office365) {
        for (name, fault, expected) in faults() {
            let (net, config, origin) = world(step);
            let mut net = net.host(origin, fault);
            net.piece = 1 << 19;
            let own = matches!(step, Step::HttpsRootDomain | Step::HttpsAutodiscoverDomain);
            let run = net.discover("kim@example.com", &config);
            assert_eq!(run.server().as_deref(), Some("last.example"), "{step}, {name}:\n{}", run.trail());
            let entry = last_entry_of(step, &run);
            assert!(entry.contains(expected), "{step}, {name}: {entry}");
            // A user who consents takes half a minute, a host that hangs 25 seconds.
            assert!(run.took <= Duration::from_secs(60), "{step}, {name}: {:?}", run.took);
            assert!(!own || run.asked.is_empty(), "{step}, {name}: {:?}", run.asked);
        }
    }
}

/// The same, with nothing else to try: the trail says why not.
#[test]
fn without_another_step_the_trail_says_why() {
    for (name, fault, expected) in faults() {
        let (net, mut config, origin) = world(Step::HttpsRootDomain);
        config.order = vec![Step::HttpsRootDomain];
        let mut net = net.host(origin, fault);
        net.piece = 1 << 19;
        let run = net.discover("kim@example.com", &config);
        assert_eq!(run.outcome, Err(Failure::NothingFound), "{name}");
        assert!(run.trail().contains(expected), "{name}: {}", run.trail());
    }
}

/// A host that has no name at all.
#[test]
fn a_name_without_an_address() {
    let (net, config, _) = world(Step::HttpsRootDomain);
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("last.example"));
    assert!(run.trail().contains("no such name: the name has no address"), "{}", run.trail());
}

/// The order of Outlook 2016 as its documentation numbers it, JSON behind SRV, and nobody answers.
#[test]
fn outlook_order_of_steps() {
    let mut config = Config::default();
    config.local_xml = true;
    config.last_known_good =
        Some(LastKnownGood { address: "kim@example.com".to_owned(), url: "https://old.example/a.xml".to_owned() });
    config.office365 = Some(Config::OFFICE_365.to_owned());
    let lines = |config: &Config| {
        let run = Internet::default().discover("kim@example.com", config);
        assert_eq!(run.outcome, Err(Failure::NothingFound));
        assert!(run.took < Duration::from_secs(1));
        let lines: Vec<String> = run.trail().lines().map(str::to_owned).collect();
        lines
    };
    let expected = [
        "last known good: POST https://old.example/a.xml: no such name: the name has no address",
        "SCP: the client's directory: not answered: no directory is configured",
        "https root domain: POST https://example.com/autodiscover/autodiscover.xml: no such name: the name has no address",
        "https autodiscover domain: POST https://autodiscover.example.com/autodiscover/autodiscover.xml: no such name: the name \
         has no address",
        "local XML: local document: nothing there",
        "http redirect: GET http://autodiscover.example.com/autodiscover/autodiscover.xml: no such name: the name has no address",
        "SRV: SRV _autodiscover._tcp.example.com: nothing there",
        "JSON v2: GET https://autodiscover.example.com/autodiscover/autodiscover.json/v1.0/kim@example.com?Protocol=AutodiscoverV1: \
         no such name: the name has no address",
        "Office 365: POST https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml: no such name: the name has no address",
    ];
    assert_eq!(lines(&config), expected);
    // `PreferLocalXML`, and an account that is taken for Exchange Online's.
    config.set_policy("preferlocalxml", true).unwrap();
    config.office365_first = true;
    let order = lines(&config);
    let begins = |line: &str| order.iter().position(|found| found.starts_with(line)).unwrap();
    assert_eq!(begins("local XML"), 0);
    assert_eq!(begins("last known good"), 1);
    assert_eq!(begins("Office 365"), 2);
    assert_eq!(begins("SCP"), 3);
}

/// [MS-OXDISCO] 3.1.5 names them in this order: service connection points (3.1.5.1), the domain of the address (3.1.5.2), SRV records
/// (3.1.5.3), the GET that is redirected (3.1.5.4).
#[test]
fn oxdisco_order_of_steps() {
    let mut config = Config::default();
    config.order = Step::OXDISCO.to_vec();
    let run = Internet::default().discover("kim@example.com", &config);
    let asked: Vec<String> =
        run.trail().lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    let expected = [
        "SCP: the client's directory",
        "https root domain: POST https://example.com/autodiscover/autodiscover.xml",
        "https autodiscover domain: POST https://autodiscover.example.com/autodiscover/autodiscover.xml",
        "SRV: SRV _autodiscover._tcp.example.com",
        "http redirect: GET http://autodiscover.example.com/autodiscover/autodiscover.xml",
    ];
    assert_eq!(asked, expected);
}

/// Where SRV and the redirect both lead to settings, the order decides, which is not the same for Outlook and the specification.
#[test]
fn srv_or_the_redirect_by_the_order() {
    let url = "https://moved.example/autodiscover/autodiscover.xml";
    let mut net = Internet::default()
        .host("http://autodiscover.example.com", Host::Says(moved(url)))
        .host("https://moved.example", Host::Says(settings("moved.example")))
        .host("https://srv.example", Host::Says(settings("srv.example")));
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(vec![srv(0, 0, 443, "srv.example.")]));
    for (order, expected, step) in
        [(&Step::OUTLOOK[..], "moved.example", Step::HttpRedirect), (&Step::OXDISCO[..], "srv.example", Step::Srv)]
    {
        let mut config = config();
        config.order = order.to_vec();
        let run = net.discover("kim@example.com", &config);
        assert_eq!((run.server().as_deref(), run.step()), (Some(expected), Some(step)), "{}", run.trail());
    }
}

/// Each policy key of Outlook's leaves its step out, and no other one.
#[test]
fn policy_keys_leave_steps_out() {
    let keys = [
        ("ExcludeLastKnownGoodURL", Step::LastKnownGood),
        ("ExcludeExplicitO365Endpoint", Step::Office365),
        ("ExcludeScpLookup", Step::Scp),
        ("ExcludeHttpsRootDomain", Step::HttpsRootDomain),
        ("ExcludeHttpsAutoDiscoverDomain", Step::HttpsAutodiscoverDomain),
        ("ExcludeHttpRedirect", Step::HttpRedirect),
        ("ExcludeSrvRecord", Step::Srv),
        ("DisableAutodiscoverV2Service", Step::Json),
    ];
    for (key, step) in keys {
        let (net, mut config, origin) = world(step);
        let net = net.host(origin, Host::Says(settings("target.example")));
        config.set_policy(&key.to_lowercase(), true).unwrap();
        let run = net.discover("kim@example.com", &config);
        assert_eq!(run.trail.iter().filter(|entry| entry.step == step).count(), 1);
        assert!(run.trail().contains(&format!("{step}: left out by policy")), "{key}: {}", run.trail());
        assert_ne!(run.server().as_deref(), Some("target.example"));
        config.set_policy(key, false).unwrap();
        assert_eq!(net.discover("kim@example.com", &config).server().as_deref(), Some("target.example"), "{key}");
    }
    assert!(Config::default().set_policy("ExcludeEverything", true).is_err());
}

/// What nothing is configured for is passed over, and said.
#[test]
fn steps_without_configuration() {
    let mut config = Config::default();
    config.order = vec![Step::LocalXml, Step::LastKnownGood, Step::Office365, Step::LocalXml];
    let run = Internet::default().discover("kim@example.com", &config);
    assert_eq!(
        run.trail(),
        "local XML: nothing configured\nlast known good: nothing configured\nOffice 365: nothing configured\n"
    );
    assert_eq!(run.took, Duration::ZERO);
}

/// The cached URL is asked for the address that it was good for.
#[test]
fn the_cached_answer_of_a_redirected_address() {
    let mut config = Config::default();
    config.order = vec![Step::LastKnownGood];
    config.last_known_good = Some(LastKnownGood { address: "kim@cloud.example".to_owned(), url: TARGET.to_owned() });
    let serves = Host::Serves(|request| {
        assert!(request.body.contains("<EMailAddress>kim@cloud.example</EMailAddress>"), "{}", request.body);
        settings("target.example")
    });
    let run = Internet::default().host("https://target.example", serves).discover("kim@example.com", &config);
    let found = run.outcome.unwrap();
    assert_eq!((&*found.login, &*found.address), ("kim@example.com", "kim@cloud.example"));
}

/// A URL that an earlier step has asked is not asked again.
#[test]
fn nothing_is_asked_twice() {
    let mut config = Config::default();
    config.order = vec![Step::LastKnownGood, Step::HttpsAutodiscoverDomain, Step::HttpRedirect];
    let own = "https://autodiscover.example.com/autodiscover/autodiscover.xml";
    config.last_known_good = Some(LastKnownGood { address: "kim@example.com".to_owned(), url: own.to_owned() });
    let net = Internet::default()
        .host("https://autodiscover.example.com", Host::Says(status(503)))
        .host("http://autodiscover.example.com", Host::Says(moved(own)));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.requests.len(), 2, "{:?}", run.requests);
    assert_eq!(
        run.trail(),
        format!(
            "last known good: POST {own}: 503 without Content-Type, status 503\n\
             https autodiscover domain: {own} was asked already\n\
             http redirect: GET {}: 302 without Content-Type, HTTP 302 to {own}\n\
             http redirect: HTTP 302 to {own}, not followed: asked already\n",
            own.replace("https", "http")
        )
    );
}
