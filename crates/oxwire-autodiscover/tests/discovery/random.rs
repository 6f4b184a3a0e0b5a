//! Any order of anything: hosts, answers, verbs, times. A search never panics, keeps its promises and ends.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_autodiscover::discovery::{
    Asked, Config, Discovery, Event, LastKnownGood, QuestionHandle, SrvRecord, Step, Verdict,
};
use oxwire_autodiscover::scp::{ConnectionPoint, POINTER, URL};
use oxwire_core::{ConnectionId, Error};
use oxwire_http::{Head, HttpEvent, HttpTransmit, PlainForm as _, PlainTransmit, Reset, ResetCause, ResponseHead};
use proptest::prelude::*;

use crate::internet::{Host, Internet, Reply, User, document, moved, redirect_address, redirect_url, settings, status};

/// Where hosts and documents may lead.
const PLACES: [&str; 9] = [
    "https://example.com/autodiscover/autodiscover.xml",
    "https://autodiscover.example.com/autodiscover/autodiscover.xml",
    "http://autodiscover.example.com/autodiscover/autodiscover.xml",
    "https://a.example/x",
    "https://b.example:444/y?z",
    "/here",
    "there",
    "//c.example/",
    "mailto:kim@example.com",
];

const HOSTS: [&str; 7] = [
    "https://example.com",
    "https://autodiscover.example.com",
    "http://autodiscover.example.com",
    "https://a.example",
    "https://b.example:444",
    "https://other.example",
    "https://autodiscover.other.example",
];

const ADDRESSES: [&str; 5] = ["kim@example.com", "KIM@other.example", "lee@example.com", "nobody", "a@b@other.example"];

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        (200_u16..600).prop_map(status),
        (0..PLACES.len()).prop_map(|place| moved(PLACES[place])),
        (0..PLACES.len()).prop_map(|place| redirect_url(PLACES[place])),
        (0..ADDRESSES.len()).prop_map(|address| redirect_address(ADDRESSES[address])),
        (0..PLACES.len()).prop_map(|place| document("application/json", &format!(r#"{{"Url":"{}"}}"#, PLACES[place]))),
        Just(settings("mail.example.com")),
        any::<String>().prop_map(|text| document("text/html", &text)),
        any::<String>().prop_map(|text| document("text/xml", &text)),
    ]
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        1 => Just(Host::Refused),
        1 => Just(Host::Hanging),
        1 => Just(Host::WrongCertificate),
        1 => Just(Host::Silent),
        1 => Just(Host::Stalling),
        1 => Just(Host::Cut),
        1 => Just(Host::Unauthorized),
        1 => Just(Host::Storm),
        8 => reply().prop_map(Host::Says),
        1 => reply().prop_map(Host::Basic),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let steps = proptest::sample::subsequence(Step::OUTLOOK.to_vec(), 0..=9).prop_shuffle();
    (steps, 0_usize..10, any::<(bool, bool, bool, bool)>(), 1_u64..100, 0_usize..3).prop_map(
        |(order, side_by_side, (good, office, first, local), seconds, refusals)| {
            let mut config = Config::default();
            config.order = order;
            config.side_by_side = side_by_side;
            config.last_known_good = good.then(|| LastKnownGood {
                address: "kim@example.com".to_owned(),
                url: "https://a.example/x".to_owned(),
            });
            config.office365 = office.then(|| "https://b.example:444/o".to_owned());
            config.office365_first = first;
            config.local_xml = local;
            config.json_hosts = vec!["a.example".to_owned()];
            config.deadlines.whole = Duration::from_secs(seconds * 5);
            config.deadlines.step = Duration::from_secs(seconds);
            config.limits.refusals = refusals;
            config
        },
    )
}

proptest! {
    /// Whatever hosts do, the search ends by its deadline, asks nothing twice, and its trail says everything.
    #[test]
    fn any_internet(
        hosts in proptest::collection::vec(proptest::option::of(host()), HOSTS.len()),
        config in config(),
        user in prop_oneof![Just(User::Consents), Just(User::Refuses), Just(User::IsAway)],
        password in prop_oneof![Just(None), Just(Some("secret")), Just(Some("wrong"))],
        latency in 0_u64..20_000,
    ) {
        let mut net = Internet { user, password, latency: Duration::from_millis(latency), ..Internet::default() };
        for (origin, host) in HOSTS.into_iter().zip(hosts) {
            net.hosts.extend(host.map(|host| (origin.to_owned(), host)));
        }
        let records = vec![SrvRecord { priority: 0, weight: 0, port: 443, target: "a.example".to_owned() }];
        net.srv.insert("_autodiscover._tcp.example.com".to_owned(), Some(records));
        let run = net.discover("kim@example.com", &config);
        prop_assert!(run.took <= config.deadlines.whole);
        // Settings only where a host had some.
        let settings = run.trail.iter().filter(|entry| entry.verdict == Verdict::Settings).count();
        prop_assert!(run.outcome.is_err() || settings > 0);
        let mut asked = HashSet::new();
        for entry in &run.trail {
            if let Asked::Http { method, url } = &entry.asked {
                prop_assert!(asked.insert((entry.address.to_lowercase(), *method, url.clone())), "{} twice", url);
                prop_assert!(*method == "GET" || url.starts_with("https:"));
            }
        }
        // What was sent is in the trail.
        for request in &run.requests {
            let url = request.split(' ').nth(1).unwrap();
            prop_assert!(run.trail.iter().any(|entry| entry.to_string().contains(url)), "{} is not in the trail", url);
        }
        let shown = format!("{:?}", run);
        prop_assert!(!shown.contains("a2ltQGV4YW1wbGUuY29tOnNlY3JldA=="));
    }
}

/// One thing that a caller does, in whatever order.
#[derive(Debug, Clone)]
enum Verb {
    Time(u64),
    Head(u64, u16, Option<usize>),
    Body(u64, Vec<u8>),
    Settings(u64),
    End(u64),
    Reset(u64, u8),
    Directory(u8, bool),
    Srv(u8, Vec<(u16, u16, u16, String)>),
    Local(u8, Option<Vec<u8>>),
    Consent(u8),
    Refuse(u8),
    Requests,
    Cancel,
}

fn verb() -> impl Strategy<Value = Verb> {
    let conn = || 1_u64..12;
    prop_oneof![
        4 => (0_u64..30).prop_map(Verb::Time),
        6 => (conn(), prop_oneof![Just(200), Just(302), Just(401), 100_u16..600], proptest::option::of(0..PLACES.len()))
            .prop_map(|(conn, status, place)| Verb::Head(conn, status, place)),
        2 => (conn(), proptest::collection::vec(any::<u8>(), 1..40)).prop_map(|(conn, bytes)| Verb::Body(conn, bytes)),
        2 => conn().prop_map(Verb::Settings),
        4 => conn().prop_map(Verb::End),
        2 => (conn(), any::<u8>()).prop_map(|(conn, cause)| Verb::Reset(conn, cause)),
        2 => any::<(u8, bool)>().prop_map(|(handle, some)| Verb::Directory(handle, some)),
        2 => (any::<u8>(), proptest::collection::vec((0_u16..3, any::<u16>(), any::<u16>(), "[a-z.]{0,9}"), 0..5))
            .prop_map(|(handle, records)| Verb::Srv(handle, records)),
        1 => (any::<u8>(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)))
            .prop_map(|(handle, text)| Verb::Local(handle, text)),
        3 => any::<u8>().prop_map(Verb::Consent),
        1 => any::<u8>().prop_map(Verb::Refuse),
        1 => Just(Verb::Requests),
        1 => Just(Verb::Cancel),
    ]
}

fn apply(machine: &mut Discovery, now: &mut Instant, handles: &[QuestionHandle], verb: Verb) -> Result<(), Error> {
    let handle = |number: u8| handles.get(usize::from(number) % handles.len().max(1)).copied();
    let with = |conn| ConnectionId::new(conn);
    match verb {
        Verb::Time(seconds) => {
            *now += Duration::from_secs(seconds);
            machine.handle_timeout(*now);
            assert!(machine.poll_timeout().is_none_or(|at| at > *now), "still due");
            Ok(())
        }
        Verb::Head(conn, status, place) => {
            let mut head = ResponseHead::builder(status, "x");
            if let Some(place) = place {
                head = head.field("Location", PLACES[place]);
            }
            machine.handle(*now, with(conn), HttpEvent::Head(Head::Response(head.response().unwrap())))
        }
        Verb::Body(conn, bytes) => machine.handle(*now, with(conn), HttpEvent::Body(bytes.into())),
        Verb::Settings(conn) => {
            machine.handle(*now, with(conn), HttpEvent::Body(settings("mail.example.com").body.into()))
        }
        Verb::End(conn) => machine.handle(*now, with(conn), HttpEvent::End),
        Verb::Reset(conn, cause) => {
            let causes = [
                ResetCause::Unspecified,
                ResetCause::NameNotFound,
                ResetCause::Unreachable,
                ResetCause::Certificate,
                ResetCause::Lost,
                ResetCause::Authentication,
            ];
            let reset = Reset::unknown("gone").with_cause(causes[usize::from(cause) % causes.len()]);
            machine.handle(*now, with(conn), HttpEvent::Reset(reset))
        }
        Verb::Directory(number, some) => {
            let points = [
                ConnectionPoint { keywords: &[URL], binding: &["https://a.example/s", "x://"] },
                ConnectionPoint { keywords: &[POINTER, "Domain=other.example"], binding: &["LDAP://x"] },
                ConnectionPoint { keywords: &[POINTER], binding: &["LDAP://y"] },
            ];
            let answer = if some { Ok(&points[..]) } else { Err("none") };
            handle(number).map_or(Ok(()), |handle| machine.answer_directory(*now, handle, answer))
        }
        Verb::Srv(number, records) => {
            let record = |(priority, weight, port, target)| SrvRecord { priority, weight, port, target };
            let records = records.into_iter().map(record).collect();
            let entropy = &mut |out: &mut [u8]| out.fill(0xA5);
            handle(number).map_or(Ok(()), |handle| machine.answer_srv(*now, handle, Ok(records), entropy))
        }
        Verb::Local(number, text) => {
            let answer = Ok(text.map(Bytes::from));
            handle(number).map_or(Ok(()), |handle| machine.answer_local_xml(*now, handle, answer))
        }
        Verb::Consent(number) => handle(number).map_or(Ok(()), |handle| machine.consent(*now, handle)),
        Verb::Refuse(number) => handle(number).map_or(Ok(()), |handle| machine.refuse(*now, handle)),
        Verb::Requests => {
            while let Some(transmit) = machine.poll_request(*now) {
                if let PlainTransmit::Request { authenticate, request, .. } = transmit {
                    assert_eq!(authenticate, request.method() == "POST");
                    assert!(!authenticate || request.uri().scheme_str() == Some("https"));
                }
            }
            Ok(())
        }
        Verb::Cancel => {
            machine.cancel(*now, "enough");
            Ok(())
        }
    }
}

proptest! {
    /// Verbs in any order, at any time: no panic, misuse told, one end, and every connection opened before it is used.
    #[test]
    fn any_order_of_verbs(config in config(), verbs in proptest::collection::vec(verb(), 0..80)) {
        let start = Instant::now();
        let mut now = start;
        let whole = config.deadlines.whole;
        let requests = config.limits.requests;
        let mut machine = Discovery::new("kim@example.com", config, start).unwrap();
        let (mut handles, mut ends, mut opened) = (Vec::new(), 0, HashSet::new());
        let long = std::iter::once(Verb::Time(whole.as_secs() + 1));
        for verb in verbs.into_iter().chain(long) {
            let result = apply(&mut machine, &mut now, &handles, verb);
            prop_assert!(matches!(result, Ok(()) | Err(Error::Misuse(_))), "{:?}", result);
            while let Some(transmit) = machine.poll_transmit(now) {
                match transmit {
                    HttpTransmit::Open { conn, .. } => prop_assert!(opened.insert(conn)),
                    // `poll_request` takes the opening of a connection away.
                    other => prop_assert!(other.conn().number() <= u64::from(requests)),
                }
            }
            while let Some(event) = machine.poll_event() {
                prop_assert_eq!(ends, 0, "{:?} behind the end", event);
                match event {
                    Event::SearchDirectory { handle, .. }
                    | Event::ResolveSrv { handle, .. }
                    | Event::ReadLocalXml { handle, .. }
                    | Event::ConsentNeeded { handle, .. } => handles.push(handle),
                    Event::Found(_) | Event::Failed(_) => ends += 1,
                    _ => {}
                }
            }
            prop_assert_eq!(ends == 1, machine.is_over());
        }
        prop_assert_eq!(ends, 1);
        prop_assert!(opened.len() <= usize::try_from(requests).unwrap());
    }
}
