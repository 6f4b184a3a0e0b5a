//! Service connection points: what directories answer, and where they point.

use std::time::Duration;

use oxwire_autodiscover::discovery::{Config, Failure, Step};
use oxwire_autodiscover::scp::{POINTER, URL};

use crate::internet::{Host, Internet, Objects, settings, status};

const PARIS: &str = "https://paris.example/autodiscover/autodiscover.xml";
const OSLO: &str = "https://oslo.example/autodiscover/autodiscover.xml";

fn search(directories: &[(&str, Option<Objects>)]) -> (Internet, Config) {
    let mut net = Internet::default()
        .host("https://paris.example", Host::Says(settings("paris.example")))
        .host("https://oslo.example", Host::Says(settings("oslo.example")));
    net.directories = directories.iter().map(|(server, objects)| ((*server).to_owned(), *objects)).collect();
    let mut config = Config::default();
    config.order = vec![Step::Scp];
    (net, config)
}

/// The client's site goes first; without one, those of no site.
#[test]
fn sites() {
    const POINTS: Objects = &[(&[URL, "Site=Paris"], &[PARIS]), (&[URL], &[OSLO])];
    let (net, mut config) = search(&[("", Some(POINTS))]);
    assert_eq!(net.discover("kim@example.com", &config).server().as_deref(), Some("oslo.example"));
    config.site = Some("paris".to_owned());
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("paris.example"));
    // The caller's own directory is believed.
    assert!(run.asked.is_empty());
    let net = net.host("https://paris.example", Host::Says(status(503)));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(
        run.trail(),
        format!(
            "SCP: the client's directory: to try: {PARIS}, {OSLO}\n\
             SCP: POST {PARIS}: 503 without Content-Type, status 503\n\
             SCP: POST {OSLO}: 200 text/xml; charset=utf-8, settings\n"
        )
    );
}

/// A pointer for the user's domain is followed, one for no domain when nothing else answered, each directory once.
#[test]
fn pointers() {
    const SCOPED: Objects = &[(&[POINTER, "Domain=example.com"], &["LDAP://b"]), (&[URL], &[PARIS])];
    const FALLBACK: Objects = &[(&[POINTER], &["LDAP://c"]), (&[URL], &["https://dead.example/a.xml", "https://"])];
    const OSLOS: Objects = &[(&[URL], &[OSLO])];
    let (net, config) = search(&[("", Some(SCOPED)), ("LDAP://b", Some(FALLBACK)), ("LDAP://c", Some(OSLOS))]);
    let run = net.discover("kim@EXAMPLE.com", &config);
    assert_eq!(
        run.trail(),
        format!(
            "SCP: the client's directory: a service connection point to LDAP://b\n\
             SCP: directory LDAP://b: to try: https://dead.example/a.xml\n\
             SCP: POST https://dead.example/a.xml: no such name: the name has no address\n\
             SCP: directory LDAP://c: to try: {OSLO}\n\
             SCP: POST {OSLO}: 200 text/xml; charset=utf-8, settings\n"
        )
    );
}

#[test]
fn pointers_in_a_loop() {
    const TO_B: Objects = &[(&[POINTER, "Domain=example.com"], &["LDAP://b"])];
    const TO_C: Objects = &[(&[POINTER, "Domain=example.com"], &["LDAP://c"])];
    let (net, config) = search(&[("", Some(TO_B)), ("LDAP://b", Some(TO_C)), ("LDAP://c", Some(TO_B))]);
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.outcome, Err(Failure::NothingFound));
    assert!(run.trail().ends_with("to LDAP://b, not followed: a loop\n"), "{}", run.trail());
    let (net, mut config) = search(&[("", Some(TO_B)), ("LDAP://b", Some(TO_C)), ("LDAP://c", Some(TO_B))]);
    config.limits.directories = 1;
    let run = net.discover("kim@example.com", &config);
    assert!(run.trail().ends_with("to LDAP://c, not followed: too many redirects\n"), "{}", run.trail());
}

/// None, too many, a directory that is not there, and one that never answers.
#[test]
fn directories_without_an_answer() {
    const NONE: Objects = &[(&["x"], &[PARIS]), (&[URL], &["ldap://x"])];
    let (net, mut config) = search(&[("", Some(NONE))]);
    assert!(net.discover("kim@example.com", &config).trail().ends_with("the client's directory: nothing there\n"));
    const TWO: Objects = &[(&[URL], &["https://a.example/", PARIS])];
    config.limits.leads = 1;
    let (net, _) = search(&[("", Some(TWO))]);
    let run = net.discover("kim@example.com", &config);
    assert!(run.outcome.is_err() && !run.trail().contains("paris"), "{}", run.trail());
    let (net, config) = search(&[]);
    assert!(net.discover("kim@example.com", &config).trail().contains("not answered: no directory is configured"));
    let (net, config) = search(&[("", None)]);
    let run = net.discover("kim@example.com", &config);
    assert!(run.trail().ends_with("the client's directory: nothing came in time\n"));
    assert_eq!(run.took, Duration::from_secs(25));
}
