//! Deadlines, and steps side by side.

use std::time::{Duration, Instant};

use oxwire_autodiscover::discovery::{Config, Discovery, Event, Failure, LastKnownGood, Step};
use oxwire_core::{ConnectionId, Error};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResetCause};

use crate::internet::{Host, Internet, User, moved, settings};
use crate::steps::{config, srv};

const SECOND: Duration = Duration::from_secs(1);

/// Every host hangs: each request has its time, each step too, and the search ends.
#[test]
fn everything_hangs() {
    let net = Internet::default()
        .host("https://example.com", Host::Hanging)
        .host("https://autodiscover.example.com", Host::Silent)
        .host("http://autodiscover.example.com", Host::Stalling);
    let run = net.discover("kim@example.com", &config());
    assert_eq!(run.outcome, Err(Failure::NothingFound));
    // Three POST or GET requests and the JSON query, 25 seconds each; SRV is answered at once.
    assert_eq!(run.trail().matches("nothing came in time").count(), 3, "{}", run.trail());
    assert!(run.took > 75 * SECOND && run.took < 101 * SECOND, "{:?}", run.took);
}

/// The deadline of the whole search, whatever is under way.
#[test]
fn the_whole_search_has_a_deadline() {
    let mut config = config();
    config.deadlines.whole = 40 * SECOND;
    let net = Internet::default()
        .host("https://example.com", Host::Hanging)
        .host("https://autodiscover.example.com", Host::Silent);
    let run = net.discover("kim@example.com", &config);
    assert_eq!((run.outcome, run.took), (Err(Failure::Deadline), 40 * SECOND));
    let last = run.trail.last().unwrap();
    assert_eq!(
        last.to_string(),
        "https autodiscover domain: POST https://autodiscover.example.com/autodiscover/autodiscover.xml: given up"
    );
    assert_eq!((last.at, last.took), (25 * SECOND, 15 * SECOND));
}

/// A step that redirects for ever, slowly, has its end.
#[test]
fn a_step_has_a_deadline() {
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    let next = |request: &crate::internet::Request| {
        let number = request.target.strip_prefix("/r").map_or(0, |number| number.parse().unwrap());
        moved(&format!("/r{}", number + 1))
    };
    let mut net = Internet::default().host("https://example.com", Host::Serves(next));
    net.latency = 11 * SECOND;
    let run = net.discover("kim@example.com", &config);
    assert_eq!((run.outcome, run.took), (Err(Failure::NothingFound), 60 * SECOND));
    assert_eq!(run.requests.len(), 6);
    assert!(run.trail.last().unwrap().to_string().ends_with("/r5: nothing came in time"));
}

/// The user's time is not the step's: 30 seconds of thought three times, and a step's deadline of 20.
#[test]
fn questions_put_the_deadline_of_a_step_off() {
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    config.deadlines.step = 20 * SECOND;
    let net = Internet::default()
        .host("https://example.com", Host::Says(moved("https://a.example/")))
        .host("https://a.example", Host::Says(moved("https://b.example/")))
        .host("https://b.example", Host::Says(moved("https://c.example/")))
        .host("https://c.example", Host::Says(settings("c.example")));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("c.example"), "{}", run.trail());
    assert_eq!(run.took.as_secs(), 90);
    let away = Internet { user: User::IsAway, ..net };
    assert_eq!(away.discover("kim@example.com", &config).took.as_secs(), 120);
}

/// A lost connection is tried once more, a refused one is not.
#[test]
fn lost_connections_are_tried_once_more() {
    let net = Internet::default()
        .host("https://example.com", Host::Cut)
        .host("https://autodiscover.example.com", Host::Refused);
    let run = net.discover("kim@example.com", &config());
    assert_eq!(run.requests.iter().filter(|request| request.contains("//example.com")).count(), 2);
    assert_eq!(run.trail().matches("not reached: cut").count(), 1);
    let mut config = config();
    config.limits.resends = 0;
    assert_eq!(net.discover("kim@example.com", &config).requests.len(), 1);
}

/// The layer in between sends a request elsewhere as often as authentication needs it, and no more often than the limit says.
#[test]
fn authentication_may_need_other_connections() {
    let now = Instant::now();
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    let mut machine = Discovery::new("kim@example.com", config, now).unwrap();
    let mut opened = 0;
    while let Some(transmit) = machine.poll_transmit(now) {
        if let HttpTransmit::Event { conn, event: HttpEvent::End } = transmit {
            opened += 1;
            let reset = Reset::not_sent("elsewhere").with_cause(ResetCause::Authentication);
            machine.handle(now, conn, HttpEvent::Reset(reset)).unwrap();
        }
    }
    assert_eq!(opened, 5);
    assert_eq!(machine.trail().len(), 1);
    assert!(machine.trail()[0].to_string().ends_with("not reached: elsewhere"));
}

/// The same where nobody answers the question: the step's next host has its time.
#[test]
fn a_question_without_an_answer_costs_the_step_no_time() {
    let mut config = Config::default();
    config.order = vec![Step::Srv];
    config.deadlines.step = 20 * SECOND;
    config.trusted_hosts.push("b.example".to_owned());
    let mut net = Internet::default().host("https://b.example", Host::Says(settings("b.example")));
    net.user = User::IsAway;
    let records = vec![srv(0, 0, 443, "a.example"), srv(1, 0, 443, "b.example")];
    net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("b.example"), "{}", run.trail());
    assert_eq!(run.took.as_secs(), 120);
}

/// Side by side the order still decides; what comes first waits a little for those before it.
#[test]
fn steps_side_by_side() {
    let slow = |request: &crate::internet::Request| match &*request.target {
        "/slow" => settings("root.example"),
        _ => moved("/slow"),
    };
    let mut config = config();
    config.side_by_side = 9;
    let mut net = Internet::default()
        .host("https://example.com", Host::Serves(slow))
        .host("https://autodiscover.example.com", Host::Says(settings("autodiscover.example")));
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("root.example"), "{}", run.trail());
    assert!(run.side_by_side >= 3);
    assert!(run.took < SECOND);
    // Both have settings in the trail, and what was under way is given up.
    assert_eq!(run.trail().matches(", settings").count(), 2, "{}", run.trail());
    net.latency = Duration::from_millis(1500);
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("root.example"));
    // Beyond the grace, the later step's answer is taken.
    config.deadlines.grace = SECOND;
    let run = net.discover("kim@example.com", &config);
    assert_eq!(run.server().as_deref(), Some("autodiscover.example"), "{}", run.trail());
    assert_eq!(run.took, Duration::from_millis(2500));
    assert!(run.trail().contains("/slow: given up"), "{}", run.trail());
    // A host that hangs costs the grace, and not its whole time.
    let hanging = net.host("https://example.com", Host::Hanging);
    assert_eq!(hanging.discover("kim@example.com", &config).took, Duration::from_millis(2500));
}

/// All steps at once, and all of them in vain: no longer than one step takes.
#[test]
fn side_by_side_in_vain() {
    let mut config = config();
    config.side_by_side = 16;
    let net = Internet::default()
        .host("https://example.com", Host::Hanging)
        .host("https://autodiscover.example.com", Host::Silent)
        .host("http://autodiscover.example.com", Host::Stalling);
    let run = net.discover("kim@example.com", &config);
    assert_eq!((run.outcome, run.took), (Err(Failure::NothingFound), 25 * SECOND));
}

/// Times that no clock can say, and times of nothing, end too.
#[test]
fn any_deadlines() {
    for duration in [Duration::ZERO, Duration::MAX] {
        let mut config = config();
        let deadlines = &mut config.deadlines;
        (deadlines.request, deadlines.step, deadlines.consent, deadlines.grace) =
            (duration, duration, duration, duration);
        let run = Internet::default().discover("kim@example.com", &config);
        assert_eq!(run.outcome, Err(Failure::NothingFound));
        config.deadlines.whole = duration;
        assert!(Internet::default().discover("kim@example.com", &config).outcome.is_err());
    }
}

/// Handles that were never given out, answers of the wrong kind, a request where a response belongs: misuse, and nothing
/// changes. Late answers are passed over.
#[test]
fn misuse_is_told_and_late_answers_are_not() {
    let now = Instant::now();
    let mut config = Config::default();
    config.order = vec![Step::Scp, Step::Srv];
    let mut machine = Discovery::new("kim@example.com", config.clone(), now).unwrap();
    let Some(Event::SearchDirectory { handle, .. }) = machine.poll_event() else { panic!("no question") };
    let entropy = &mut |out: &mut [u8]| out.fill(0);
    let misuse = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Misuse(_))), "{result:?}");
    misuse(machine.answer_srv(now, handle, Ok(Vec::new()), entropy));
    misuse(machine.answer_local_xml(now, handle, Ok(None)));
    misuse(machine.consent(now, handle));
    misuse(machine.refuse(now, handle));
    machine.answer_directory(now, handle, Err("none")).unwrap();
    machine.answer_directory(now, handle, Err("none")).unwrap();
    let Some(Event::ResolveSrv { handle: later, .. }) = machine.poll_event() else { panic!("no question") };
    let mut fresh = Discovery::new("kim@example.com", config, now).unwrap();
    misuse(fresh.answer_srv(now, later, Ok(Vec::new()), entropy));
    machine.cancel(now, "enough");
    machine.cancel(now, "again");
    assert_eq!(machine.poll_event(), Some(Event::Failed(Failure::Cancelled("enough".into()))));
    assert_eq!((machine.poll_event(), machine.poll_timeout(), machine.is_over()), (None, None, true));
    machine.answer_srv(now, later, Ok(Vec::new()), entropy).unwrap();
    let mut config = Config::default();
    config.order = vec![Step::HttpsRootDomain];
    let mut machine = Discovery::with_connections_from(70, "kim@example.com", config, now).unwrap();
    let Some(HttpTransmit::Open { conn, .. }) = machine.poll_transmit(now) else { panic!("nothing opens") };
    assert_eq!(conn, ConnectionId::new(70));
    assert!(machine.may_authenticate(conn) && !machine.may_authenticate(ConnectionId::new(1)));
    let head = RequestHead::builder("GET", "/").field("Host", "x").request().unwrap();
    misuse(machine.handle(now, conn, HttpEvent::Head(Head::Request(head))));
    machine.handle(now, ConnectionId::new(1), HttpEvent::End).unwrap();
    let reset = Reset::not_sent("no").with_cause(ResetCause::Unreachable);
    machine.handle(now, conn, HttpEvent::Reset(reset)).unwrap();
    assert_eq!(machine.poll_event(), Some(Event::Failed(Failure::NothingFound)));
}

#[test]
fn addresses_that_cannot_be_asked_for() {
    let now = Instant::now();
    for address in ["", "kim", "kim@", "@example.com", "kim@exa mple.com", "kim@bücher.example", "k\u{1}m@example.com"]
    {
        let result = Discovery::new(address, Config::default(), now);
        assert!(matches!(result, Err(Error::Misuse(_))), "{address}");
    }
    let mut config = Config::default();
    config.user_agent = "a\r\nAuthorization: x".to_owned();
    assert!(matches!(Discovery::new("kim@example.com", config, now), Err(Error::Misuse(_))));
    // The caller's URL that is none is told in the trail.
    let mut config = Config::default();
    config.order = vec![Step::LastKnownGood];
    config.last_known_good = Some(LastKnownGood { address: "kim@example.com".to_owned(), url: "mail".to_owned() });
    let run = Internet::default().discover("kim@example.com", &config);
    assert_eq!(run.trail(), "last known good: the configuration to mail, not followed: neither a URL nor an address\n");
}
