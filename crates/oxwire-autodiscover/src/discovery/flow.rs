//! What happens when: steps in their order, leads one after the other, time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxwire_core::{ConnectionId, Error, Misuse};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Reset, ResetCause, Scheme};

use super::event::{Destination, DirectorySearch};
use super::exchange::{Answer, Exchange, Kind, Lead};
use super::task::{Doing, Question, Task, What};
use super::trail::{NotFollowed, Verdict, Via, clean};
use super::url::{Endpoint, domain_of, is_host, service};
use super::{Discovery, Event, Failure, QuestionHandle, Step};
use crate::json;

/// The time `duration` later. `Instant` cannot say every time: what it cannot say is a day away.
pub(super) fn later(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration).or_else(|| now.checked_add(Duration::from_secs(86_400))).unwrap_or(now)
}

/// A question to one of the domain's own hosts.
pub(super) fn domain_lead(address: &Arc<str>, host: &str, kind: Kind, via: Via) -> Lead {
    let scheme = if kind == Kind::Redirect { Scheme::Http } else { Scheme::Https };
    let mut endpoint = service(scheme, host, scheme.default_port());
    if kind == Kind::Json {
        endpoint.target = json::Query::new(&**address, json::Protocol::AutodiscoverV1).to_string();
    }
    Lead { endpoint, kind, via, from: address.clone(), address: address.clone() }
}

impl Discovery {
    /// Begins with the steps for an address.
    pub(super) fn begin_search(&mut self, address: Arc<str>, domain: Arc<str>) {
        self.addresses.push(address.to_lowercase());
        for host in [&*domain, &format!("autodiscover.{domain}")] {
            self.allowed.insert(service(Scheme::Https, host, Scheme::Https.default_port()).origin);
        }
        self.answered = None;
        self.search.steps = self.config.steps().into();
        self.search.address = address;
        self.search.domain = domain;
    }

    /// Does what can be done.
    pub(super) fn pump(&mut self, now: Instant) {
        while !self.ended {
            let done = self.begin_step(now) || self.take_lead(now) || self.conclude(now);
            if !done {
                return;
            }
        }
    }

    fn begin_step(&mut self, now: Instant) -> bool {
        if self.answered.is_some() || self.search.tasks.len() >= self.config.side_by_side.max(1) {
            return false;
        }
        let Some(step) = self.search.steps.pop_front() else { return false };
        if self.config.excluded.contains(&step) {
            self.note(now, step, Verdict::Excluded);
            return true;
        }
        let first = self.addresses.len() == 1;
        let address = self.search.address.clone();
        let domain = self.search.domain.clone();
        let autodiscover = format!("autodiscover.{domain}");
        let lead = |host: &str, kind| VecDeque::from([domain_lead(&address, host, kind, Via::Config)]);
        let mut task = Task::new(step, later(now, self.config.deadlines.step));
        match step {
            Step::HttpsRootDomain => task.leads = lead(&domain, Kind::Service),
            Step::HttpsAutodiscoverDomain => task.leads = lead(&autodiscover, Kind::Service),
            Step::HttpRedirect => task.leads = lead(&autodiscover, Kind::Redirect),
            Step::Json => {
                let more = self.config.json_hosts.iter().map(String::as_str).filter(|host| is_host(host));
                let hosts = std::iter::once(&*autodiscover).chain(more);
                task.leads = hosts.map(|host| domain_lead(&address, host, Kind::Json, Via::Config)).collect();
            }
            Step::LastKnownGood => match self.config.last_known_good.clone().filter(|_| first) {
                Some(good) => self.add_configured(now, &mut task, &good.url, &good.address.into()),
                None => self.note(now, step, Verdict::NotConfigured),
            },
            Step::Office365 => match self.config.office365.clone() {
                Some(url) => self.add_configured(now, &mut task, &url, &address),
                None => self.note(now, step, Verdict::NotConfigured),
            },
            Step::Scp => self.ask_directory(now, &mut task, None),
            Step::Srv => self.ask(now, &mut task, What::Srv(format!("_autodiscover._tcp.{domain}").into())),
            Step::LocalXml if self.config.local_xml => self.ask(now, &mut task, What::LocalXml),
            Step::LocalXml => self.note(now, step, Verdict::NotConfigured),
        }
        self.search.tasks.push(task);
        true
    }

    /// A URL of the caller's own: it may have credentials.
    fn add_configured(&mut self, now: Instant, task: &mut Task, url: &str, address: &Arc<str>) {
        match Endpoint::parse(url).filter(|_| domain_of(address).is_some()) {
            Some(endpoint) => {
                self.allowed.insert(endpoint.origin.clone());
                let (address, from) = (address.clone(), address.clone());
                task.leads.push_back(Lead { endpoint, kind: Kind::Service, via: Via::Config, from, address });
            }
            None => self.note_not_followed(now, task.step, Via::Config, url, NotFollowed::Malformed),
        }
    }

    /// The next lead of a step that has nothing else to do; without one the step is over.
    fn take_lead(&mut self, now: Instant) -> bool {
        let Some(at) = self.search.tasks.iter().position(|task| matches!(task.doing, Doing::Next)) else {
            return false;
        };
        let mut task = self.search.tasks.remove(at);
        if let Some(lead) = task.leads.pop_front() {
            let lead = self.of_service(&mut task, lead);
            if matches!(lead.via, Via::Srv | Via::Scp | Via::Config) {
                task.chain.clear();
            }
            self.follow(now, &mut task, lead, false);
        } else if let Some(server) = task.fallback.take() {
            self.ask_directory(now, &mut task, Some(server));
        } else {
            return true;
        }
        if !self.ended {
            self.search.tasks.insert(at, task);
        }
        true
    }

    /// The service that a lead is asked for first; what else is to be asked there comes next.
    fn of_service(&self, task: &mut Task, lead: Lead) -> Lead {
        if lead.kind != Kind::Service {
            return lead;
        }
        let mut leads = Kind::of_service(self.config.service).iter().map(|kind| lead.clone().asking(*kind));
        let first = leads.next();
        for (at, next) in leads.enumerate() {
            task.leads.insert(at, next);
        }
        first.unwrap_or(lead)
    }

    /// Asks a URL, once the caller agrees where it has to.
    pub(super) fn follow(&mut self, now: Instant, task: &mut Task, lead: Lead, consented: bool) {
        let url = lead.endpoint.url();
        let redirected = matches!(lead.via, Via::Http(_) | Via::RedirectUrl | Via::Json);
        if lead.kind.has_credentials() && !lead.endpoint.is_https() {
            return self.note_not_followed(now, task.step, lead.via, &url, NotFollowed::NotHttps);
        }
        let service = if lead.kind == Kind::Soap { "SOAP" } else { lead.method() };
        let key = (lead.address.to_lowercase().into(), format!("{service} {url}"));
        if self.seen.contains(&key) {
            if redirected {
                return self.note_not_followed(now, task.step, lead.via, &url, NotFollowed::AlreadyTried);
            }
            return self.note(now, task.step, Verdict::AlreadyTried(url.into()));
        }
        let origin = &lead.endpoint.origin;
        if consented || self.config.trusts(&origin.host) {
            self.allowed.insert(origin.clone());
        }
        if lead.kind.has_credentials() && !self.allowed.contains(origin) {
            return self.ask(now, task, What::Url(Box::new(lead)));
        }
        let limit = self.config.limits.requests;
        if self.requests >= limit {
            return self.fail(now, Failure::TooManyRequests { limit });
        }
        self.requests += 1;
        let request = match lead.request(&self.config) {
            Ok(request) => request,
            Err(error) => {
                let verdict = Verdict::NotReached { cause: ResetCause::Unspecified, reason: error.to_string().into() };
                return self.record(now, task.step, &lead.address, (lead.asked(), None, now), verdict);
            }
        };
        self.seen.insert(key);
        task.chain.push(url);
        let deadline = later(now, self.config.deadlines.request);
        let exchange = Exchange::new(self.connections.allocate(), lead, request, now, deadline);
        self.send(&exchange);
        task.doing = Doing::Fetching(Box::new(exchange));
    }

    fn send(&mut self, exchange: &Exchange) {
        let conn = exchange.conn;
        self.transmits.push_back(HttpTransmit::Open { conn, origin: exchange.lead.endpoint.origin.clone() });
        let head = HttpEvent::Head(Head::Request(exchange.head.clone()));
        self.transmits.push_back(HttpTransmit::Event { conn, event: head });
        if !exchange.body.is_empty() {
            self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::Body(exchange.body.clone()) });
        }
        self.transmits.push_back(HttpTransmit::Event { conn, event: HttpEvent::End });
    }

    /// Asks the caller.
    pub(super) fn ask(&mut self, now: Instant, task: &mut Task, what: What) {
        let handle = QuestionHandle(self.next_handle);
        self.next_handle += 1;
        let deadlines = &self.config.deadlines;
        let patience = if what.is_consent() { deadlines.consent } else { deadlines.request };
        let domain = self.search.domain.clone();
        self.events.push_back(match &what {
            What::Directory(server) => Event::SearchDirectory { handle, search: DirectorySearch::of(server.clone()) },
            What::Srv(name) => Event::ResolveSrv { handle, name: name.clone() },
            What::LocalXml => Event::ReadLocalXml { handle, domain },
            What::Url(lead) => {
                let to = Destination::Url(lead.endpoint.url().into());
                let (via, from) = (lead.via, lead.from.clone());
                Event::ConsentNeeded { handle, step: task.step, via, from, to }
            }
            What::Address(address) => {
                let from = task.chain.last().map_or_else(|| self.search.address.clone(), |url| url.as_str().into());
                let to = Destination::Address(address.clone());
                Event::ConsentNeeded { handle, step: task.step, via: Via::RedirectAddr, from, to }
            }
        });
        task.doing = Doing::Asking(Question { handle, what, asked: now, until: later(now, patience) });
    }

    /// Asks a directory, unless that was done, or too often.
    pub(super) fn ask_directory(&mut self, now: Instant, task: &mut Task, server: Option<Arc<str>>) {
        let limit = usize::try_from(self.config.limits.directories).unwrap_or(usize::MAX);
        let why = match () {
            () if task.directories.contains(&server) => NotFollowed::Loop,
            () if task.directories.len() > limit => NotFollowed::TooMany,
            () => {
                task.directories.push(server.clone());
                return self.ask(now, task, What::Directory(server));
            }
        };
        self.note_not_followed(now, task.step, Via::Scp, server.as_deref().unwrap_or_default(), why);
    }

    /// An event on a connection.
    pub(super) fn on_http(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let ours = |task: &Task| task.exchange().is_some_and(|exchange| exchange.conn == conn);
        let Some(at) = self.search.tasks.iter().position(ours) else { return Ok(()) };
        if matches!(event, HttpEvent::Head(Head::Request(_))) {
            let advice = "give the search what comes from the servers";
            return Err(Misuse { call: "handle", state: "waiting for a response", advice }.into());
        }
        let mut task = self.search.tasks.remove(at);
        if let Doing::Fetching(exchange) = std::mem::replace(&mut task.doing, Doing::Next) {
            self.on_exchange(now, &mut task, exchange, event);
        }
        if !self.ended {
            self.search.tasks.insert(at, task);
        }
        Ok(())
    }

    fn on_exchange(&mut self, now: Instant, task: &mut Task, mut exchange: Box<Exchange>, event: HttpEvent) {
        let limits = self.config.limits;
        let whole = matches!(event, HttpEvent::End);
        let answer = match event {
            HttpEvent::Head(Head::Response(head)) if head.status() >= 200 => exchange.on_head(&head),
            HttpEvent::Body(piece) => exchange.on_body(piece, &limits),
            HttpEvent::End => exchange.on_end(&limits),
            HttpEvent::Reset(reset) => return self.on_reset(now, task, exchange, reset),
            _ => Answer::NotYet,
        };
        if matches!(answer, Answer::NotYet) {
            task.doing = Doing::Fetching(exchange);
            return;
        }
        let conn = exchange.conn;
        if whole {
            self.transmits.push_back(HttpTransmit::Close { conn });
        } else {
            self.abort(conn);
        }
        self.on_answer(now, task, *exchange, answer);
    }

    /// The connection ended before the response did.
    fn on_reset(&mut self, now: Instant, task: &mut Task, mut exchange: Box<Exchange>, reset: Reset) {
        self.forget(exchange.conn);
        // The request only asks: it may go out twice.
        let again = match reset.cause {
            ResetCause::Authentication => exchange.resends < self.config.limits.resends,
            ResetCause::Lost | ResetCause::Unspecified => exchange.resends == 0 && self.config.limits.resends > 0,
            _ => false,
        };
        if again && self.requests < self.config.limits.requests {
            self.requests += 1;
            exchange.begin_again(self.connections.allocate());
            self.send(&exchange);
            task.doing = Doing::Fetching(exchange);
            return;
        }
        let reason = clean(&reset.reason, 300).into();
        let verdict = Verdict::NotReached { cause: reset.cause, reason };
        task.drop_other_service(&exchange.lead);
        self.record_exchange(now, task.step, &exchange, verdict);
    }

    /// Timers that have come.
    pub(super) fn on_time(&mut self, now: Instant) {
        while !self.ended {
            if self.deadline <= now {
                return self.fail(now, Failure::Deadline);
            }
            let due = |task: &Task| task.timer().is_some_and(|at| at <= now);
            if let Some(at) = self.search.tasks.iter().position(due) {
                self.on_task_time(now, at);
            }
            self.pump(now);
            if !self.search.tasks.iter().any(due) {
                return;
            }
        }
    }

    fn on_task_time(&mut self, now: Instant, at: usize) {
        let mut task = self.search.tasks.remove(at);
        let mut over = task.deadline <= now;
        match std::mem::replace(&mut task.doing, Doing::Next) {
            Doing::Fetching(exchange) => {
                self.abort(exchange.conn);
                task.drop_other_service(&exchange.lead);
                self.record_exchange(now, task.step, &exchange, Verdict::Deadline);
            }
            Doing::Asking(question) => match question.what.destination() {
                Some((via, to)) => {
                    // The user's time is not the step's.
                    task.deadline = later(task.deadline, now.saturating_duration_since(question.asked));
                    over = false;
                    self.note_not_followed(now, task.step, via, &to, NotFollowed::NoConsent);
                    question.what.drop_leads(&mut task);
                }
                None => {
                    let address = self.search.address.clone();
                    let asked = (question.what.asked(), None, question.asked);
                    self.record(now, task.step, &address, asked, Verdict::Deadline);
                }
            },
            doing => task.doing = doing,
        }
        if !over {
            self.search.tasks.insert(at, task);
        }
    }
}
