//! oxwire-autodiscover's search, by sequences of operations, and the answers of directories.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::autodiscover::discovery::{
    Asked, Config, Discovery, Event, QuestionHandle, Service, SrvRecord, Step, Verdict,
};
use oxwire::autodiscover::scp::{Answer, ConnectionPoint, POINTER, URL};
use oxwire::core::{ConnectionId, Error};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset, ResetCause, ResponseHead, Scheme};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("autodiscover_discovery", autodiscover_discovery), ("autodiscover_scp", autodiscover_scp)];

/// The bytes that steer a run.
struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte().unwrap_or(0)).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.bytes()).unwrap_or("?")
    }
}

const SETTINGS: &[u8] = b"<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>EXPR</Type>\
    <Server>mail.example.com</Server></Protocol></Account></Response></Autodiscover>";

const USER_SETTINGS: &[u8] = b"<Envelope><Body><GetUserSettingsResponseMessage><Response><UserResponses><UserResponse>\
    <UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>https://mail.example.com/</Value></UserSetting></UserSettings>\
    </UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></Body></Envelope>";

/// A search, peers that say anything at all, and what the search promises.
struct Run {
    machine: Discovery,
    now: Instant,
    handles: Vec<QuestionHandle>,
    opened: HashSet<ConnectionId>,
    ends: usize,
    requests: usize,
}

impl Run {
    fn settle(&mut self) {
        while let Some(transmit) = self.machine.poll_transmit(self.now) {
            match transmit {
                HttpTransmit::Open { conn, origin } => {
                    assert!(self.opened.insert(conn), "opened twice");
                    let authenticates = self.machine.may_authenticate(conn);
                    assert!(!authenticates || origin.scheme == Scheme::Https, "credentials without TLS");
                }
                other => assert!(self.opened.contains(&other.conn()), "not opened"),
            }
        }
        while let Some(event) = self.machine.poll_event() {
            assert_eq!(self.ends, 0, "{event:?} behind the end");
            match event {
                Event::SearchDirectory { handle, .. }
                | Event::ResolveSrv { handle, .. }
                | Event::ReadLocalXml { handle, .. }
                | Event::ConsentNeeded { handle, .. } => self.handles.push(handle),
                Event::Found(found) => {
                    self.ends += 1;
                    assert_eq!(&*found.login, "kim@example.com");
                    let settings = |entry: &oxwire::autodiscover::discovery::Entry| entry.verdict == Verdict::Settings;
                    assert!(self.machine.trail().iter().any(settings), "settings that the trail does not know");
                }
                Event::Failed(_) => self.ends += 1,
                _ => {}
            }
        }
        assert_eq!(self.ends == 1, self.machine.is_over());
        assert!(self.opened.len() <= self.requests, "more requests than allowed");
    }

    fn handle(&self, number: u8) -> Option<QuestionHandle> {
        self.handles.get(usize::from(number) % self.handles.len().max(1)).copied()
    }

    fn say(&mut self, number: u8, event: HttpEvent) -> Result<(), Error> {
        self.machine.handle(self.now, ConnectionId::new(u64::from(number % 16) + 1), event)
    }

    fn time(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.machine.handle_timeout(self.now);
        assert!(self.machine.poll_timeout().is_none_or(|at| at > self.now), "still due");
    }

    /// One operation; `None` at the end of the input.
    fn step(&mut self, steps: &mut Steps<'_>) -> Option<()> {
        let (operation, number) = (steps.byte()?, steps.byte()?);
        let now = self.now;
        let result = match operation % 12 {
            0 => {
                self.time(u64::from(number % 64));
                Ok(())
            }
            1 | 2 => {
                let status = [200, 302, 401, 404][usize::from(number >> 6)];
                let mut head = ResponseHead::builder(status, "x").field("Content-Type", steps.bytes());
                if status == 302 {
                    head = head.field("Location", steps.bytes());
                }
                let Ok(head) = head.response() else { return Some(()) };
                self.say(number, HttpEvent::Head(Head::Response(head)))
            }
            3 => match Bytes::copy_from_slice(steps.bytes()) {
                piece if piece.is_empty() => {
                    let settings = if number & 16 == 0 { SETTINGS } else { USER_SETTINGS };
                    self.say(number, HttpEvent::Body(Bytes::from_static(settings)))
                }
                piece => self.say(number, HttpEvent::Body(piece)),
            },
            4 => self.say(number, HttpEvent::End),
            5 => {
                let causes =
                    [ResetCause::Unspecified, ResetCause::Certificate, ResetCause::Lost, ResetCause::Authentication];
                let reset = Reset::unknown(steps.text()).with_cause(causes[usize::from(number >> 6)]);
                self.say(number, HttpEvent::Reset(reset))
            }
            6 => {
                let (keyword, binding) = (steps.text(), steps.text());
                let points = [
                    ConnectionPoint { keywords: &[URL, keyword], binding: &[binding] },
                    ConnectionPoint { keywords: &[POINTER, keyword], binding: &[binding] },
                ];
                let points = points.get(..usize::from(number % 3)).ok_or("none");
                self.handle(number).map_or(Ok(()), |handle| self.machine.answer_directory(now, handle, points))
            }
            7 => {
                let record = |steps: &mut Steps<'_>| SrvRecord {
                    priority: u16::from(steps.byte().unwrap_or(0) % 3),
                    weight: u16::from(steps.byte().unwrap_or(0)),
                    port: 400 + u16::from(steps.byte().unwrap_or(0)),
                    target: steps.text().to_owned(),
                };
                let records = (0..number % 4).map(|_| record(steps)).collect();
                let entropy = &mut |out: &mut [u8]| out.fill(number);
                self.handle(number).map_or(Ok(()), |handle| self.machine.answer_srv(now, handle, Ok(records), entropy))
            }
            8 => {
                let document = Some(Bytes::copy_from_slice(steps.bytes()));
                self.handle(number).map_or(Ok(()), |handle| self.machine.answer_local_xml(now, handle, Ok(document)))
            }
            9 => self.handle(number).map_or(Ok(()), |handle| self.machine.consent(now, handle)),
            10 => self.handle(number).map_or(Ok(()), |handle| self.machine.refuse(now, handle)),
            _ => {
                if number == 255 {
                    self.machine.cancel(now, steps.text());
                }
                Ok(())
            }
        };
        assert!(matches!(result, Ok(()) | Err(Error::Misuse(_))), "{result:?}");
        Some(())
    }
}

/// Whatever peers and the caller say, in whatever order: misuse is told, nothing is asked twice, credentials go out over TLS
/// alone, and the search ends once, by its deadline.
pub fn autodiscover_discovery(data: &[u8]) {
    let mut steps = Steps(data);
    let (Some(flags), Some(more)) = (steps.byte(), steps.byte()) else { return };
    let mut config = Config::default();
    config.local_xml = true;
    config.side_by_side = usize::from(flags & 7);
    config.office365 = (flags & 8 != 0).then(|| Config::OFFICE_365.to_owned());
    config.office365_first = flags & 16 != 0;
    config.prefer_local_xml = flags & 32 != 0;
    config.excluded = Step::OUTLOOK
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| more & (1 << (bit % 8)) != 0)
        .map(|(_, step)| step)
        .collect();
    let both = flags & 64 != 0;
    config.service = match (both, flags & 128 != 0) {
        (false, false) => Service::Pox,
        (false, true) => Service::Soap,
        (true, _) => Service::SoapThenPox,
    };
    config.trusted_hosts = vec![".trusted.example".to_owned()];
    let whole = config.deadlines.whole.as_secs();
    let requests = config.limits.requests as usize;
    let now = Instant::now();
    let machine = Discovery::new("kim@example.com", config, now).expect("an address");
    let mut run = Run { machine, now, handles: Vec::new(), opened: HashSet::new(), ends: 0, requests };
    run.settle();
    while run.step(&mut steps).is_some() {
        run.settle();
    }
    run.time(whole);
    run.settle();
    assert_eq!(run.ends, 1, "the search has no end");
    let mut asked = HashMap::new();
    for entry in run.machine.trail() {
        assert!(!entry.to_string().contains(char::is_control), "{entry:?}");
        if let Asked::Http { method, url } = &entry.asked {
            let times = asked.entry((entry.address.to_lowercase(), *method, url.clone())).or_insert(0);
            *times += 1;
            // A URL of neither service is asked by both.
            assert!(*times <= 1 + usize::from(both && *method == "POST"), "{url} {times} times");
        }
    }
}

/// The answers of directories, a line a value: every URL that comes out went in, once, and a pointer comes from an object that is
/// one.
pub fn autodiscover_scp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (domain, site) = (lines.next().unwrap_or_default(), lines.next().filter(|site| !site.is_empty()));
    // `k` a keyword, `b` a binding, `u` and `p` the two kinds, anything else the next object.
    let mut objects: Vec<(Vec<&str>, Vec<&str>)> = vec![Default::default()];
    for line in lines.take(500) {
        let Some(last) = objects.last_mut() else { return };
        match line.split_at_checked(1) {
            Some(("k", keyword)) => last.0.push(keyword),
            Some(("b", binding)) => last.1.push(binding),
            Some(("u", _)) => last.0.push(URL),
            Some(("p", _)) => last.0.push(POINTER),
            _ => objects.push(Default::default()),
        }
    }
    let points: Vec<_> = objects.iter().map(|(keywords, binding)| ConnectionPoint { keywords, binding }).collect();
    let of_kind = |kind: &str, value: &str| {
        let is = |point: &&ConnectionPoint<'_>| point.keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(kind));
        points.iter().filter(is).any(|point| point.binding.contains(&value))
    };
    match Answer::of(&points, domain, site) {
        Answer::Elsewhere(server) => assert!(!server.is_empty() && of_kind(POINTER, server)),
        Answer::Urls { urls, fallback } => {
            let mut seen = HashSet::new();
            assert!(urls.iter().all(|url| of_kind(URL, url) && seen.insert(*url)), "{urls:?}");
            assert!(fallback.is_none_or(|server| of_kind(POINTER, server)));
        }
    }
}
