//! What answers lead to: settings, elsewhere, the end; and the trail of it.

use std::sync::Arc;
use std::time::Instant;

use oxwire_core::ConnectionId;
use oxwire_http::HttpTransmit;

use super::exchange::{Answer, Exchange, Kind, Lead, Settings, pox_request};
use super::task::{Doing, Reached, Task, What};
use super::trail::{Asked, Came, Entry, NotFollowed, Verdict, Via, clean};
use super::url::{Endpoint, domain_of};
use super::{Discovery, Event, Failure, Found, Step};

/// Characters of a URL or an address of a peer's that a trail shows.
const SHOWN: usize = 300;

impl Discovery {
    /// A response has its verdict, or leads on.
    pub(super) fn on_answer(&mut self, now: Instant, task: &mut Task, exchange: Exchange, answer: Answer) {
        match answer {
            Answer::NotYet => {}
            Answer::Is(verdict) => {
                let refused = verdict == Verdict::Unauthorized && exchange.lead.kind.has_credentials();
                self.record_exchange(now, task.step, &exchange, verdict);
                if refused {
                    task.drop_other_service(&exchange.lead);
                    self.on_refusal(now, exchange);
                }
            }
            Answer::Settings(settings) => {
                self.record_exchange(now, task.step, &exchange, Verdict::Settings);
                let Lead { endpoint, address, .. } = exchange.lead;
                self.on_settings(now, task, address, Some(endpoint.url().into()), *settings);
            }
            Answer::Url(via, location) => {
                // A Location may be relative, a URL in a document may not.
                let to = match via {
                    Via::Http(_) => exchange.lead.endpoint.join(&location),
                    _ => Endpoint::parse(&location),
                };
                let lead = self.redirected(task, via, to, &exchange.lead);
                self.record_exchange(now, task.step, &exchange, verdict(via, &location, &lead));
                if let Ok(lead) = lead {
                    task.leads.push_front(lead);
                }
            }
            Answer::Address(address) => {
                let checked = self.check_address(&address);
                self.record_exchange(now, task.step, &exchange, verdict(Via::RedirectAddr, &address, &checked));
                if let Ok(domain) = checked {
                    self.go_to_address(now, task, address.into(), &domain);
                }
            }
        }
    }

    /// What a local document comes to.
    pub(super) fn on_local_document(&mut self, now: Instant, task: &mut Task, asked: Instant, answer: Answer) {
        let address = self.search.address.clone();
        let asked = (Asked::LocalXml, None, asked);
        match answer {
            Answer::NotYet => {}
            Answer::Is(verdict) => self.record(now, task.step, &address, asked, verdict),
            Answer::Settings(settings) => {
                self.record(now, task.step, &address, asked, Verdict::Settings);
                self.on_settings(now, task, address, None, *settings);
            }
            Answer::Url(via, url) => {
                let (from, lead) = ("the local document".into(), Endpoint::parse(&url).ok_or(NotFollowed::Malformed));
                let lead = lead.and_then(|to| if to.is_https() { Ok(to) } else { Err(NotFollowed::NotHttps) });
                self.record(now, task.step, &address, asked, verdict(via, &url, &lead));
                if let Ok(endpoint) = lead {
                    // The administrator has said so.
                    self.allowed.insert(endpoint.origin.clone());
                    task.leads.push_front(Lead { endpoint, kind: Kind::Service, via, from, address });
                }
            }
            Answer::Address(to) => {
                let checked = self.check_address(&to);
                self.record(now, task.step, &address, asked, verdict(Via::RedirectAddr, &to, &checked));
                if checked.is_ok() {
                    self.on_reached(now, task, Reached::Address(to.into()));
                }
            }
        }
    }

    fn on_settings(
        &mut self,
        now: Instant,
        task: &mut Task,
        address: Arc<str>,
        url: Option<Arc<str>>,
        Settings { response, user_settings }: Settings,
    ) {
        let login = self.login.clone();
        let found = Found { step: task.step, login, address, url, response, user_settings };
        self.on_reached(now, task, Reached::Found(Box::new(found)));
    }

    /// Whether a redirect to another URL is followed.
    fn redirected(&self, task: &Task, via: Via, to: Option<Endpoint>, before: &Lead) -> Result<Lead, NotFollowed> {
        let endpoint = to.ok_or(NotFollowed::Malformed)?;
        if !endpoint.is_https() {
            return Err(NotFollowed::NotHttps);
        }
        if task.chain.contains(&endpoint.url()) {
            return Err(NotFollowed::Loop);
        }
        if task.chain.len() > usize::try_from(self.config.limits.redirects).unwrap_or(usize::MAX) {
            return Err(NotFollowed::TooMany);
        }
        let (from, address) = (before.endpoint.url().into(), before.address.clone());
        let kind = match before.kind {
            // A redirect of the JSON query goes to another place that knows the same query.
            Kind::Json if via != Via::Json => Kind::Json,
            Kind::Json | Kind::Redirect | Kind::Service => Kind::Service,
            kind @ (Kind::Pox | Kind::Soap) => kind,
        };
        Ok(Lead { endpoint, kind, via, from, address })
    }

    /// Whether another address can be asked for: its domain.
    fn check_address(&self, address: &str) -> Result<String, NotFollowed> {
        let domain = domain_of(address).filter(|_| pox_request(address).is_some()).ok_or(NotFollowed::Malformed)?;
        if self.addresses.contains(&address.to_lowercase()) {
            return Err(NotFollowed::Loop);
        }
        if self.addresses.len() > usize::try_from(self.config.limits.addresses).unwrap_or(usize::MAX) {
            return Err(NotFollowed::TooMany);
        }
        Ok(domain)
    }

    /// Goes on with another address, once the caller agrees where its domain is another one.
    fn go_to_address(&mut self, now: Instant, task: &mut Task, address: Arc<str>, domain: &str) {
        let known = self.addresses.iter().filter_map(|known| known.rsplit_once('@')).any(|(_, known)| known == domain);
        if known || self.config.trusts(domain) {
            self.on_reached(now, task, Reached::Address(address));
        } else {
            self.ask(now, task, What::Address(address));
        }
    }

    /// A step has its answer.
    pub(super) fn on_reached(&mut self, now: Instant, task: &mut Task, reached: Reached) {
        task.doing = Doing::Answered(reached);
        self.answered.get_or_insert(now);
    }

    /// Takes the answer of the first step that has one, once the steps before it are over or have had their time.
    pub(super) fn conclude(&mut self, now: Instant) -> bool {
        let Some(at) = self.search.tasks.iter().position(Task::is_answered) else {
            if self.search.tasks.is_empty() && self.search.steps.is_empty() {
                self.fail(now, Failure::NothingFound);
                return true;
            }
            return false;
        };
        let waited = self.answered.is_none_or(|since| super::flow::later(since, self.config.deadlines.grace) <= now);
        if at > 0 && !waited {
            return false;
        }
        let task = self.search.tasks.remove(at);
        self.give_up(now);
        if let Doing::Answered(reached) = task.doing {
            match reached {
                Reached::Found(found) => {
                    self.ended = true;
                    self.events.push_back(Event::Found(found));
                }
                Reached::Address(to) => {
                    let domain = domain_of(&to).unwrap_or_default().into();
                    let from = self.search.address.clone();
                    self.events.push_back(Event::AddressChanged { from, to: to.clone() });
                    self.begin_search(to, domain);
                }
            }
        }
        true
    }

    /// A server refused the credentials.
    fn on_refusal(&mut self, now: Instant, exchange: Exchange) {
        let origin = exchange.lead.endpoint.origin;
        if !self.refused_by.contains(&origin) {
            self.refused_by.push(origin);
        }
        let origins = self.refused_by.len();
        if origins >= self.config.limits.refusals {
            self.fail(now, Failure::CredentialsRefused { origins });
        }
    }

    /// Ends the search.
    pub(super) fn fail(&mut self, now: Instant, failure: Failure) {
        if !self.ended {
            self.give_up(now);
            self.ended = true;
            self.events.push_back(Event::Failed(failure));
        }
    }

    /// Drops every step that is under way.
    fn give_up(&mut self, now: Instant) {
        let address = self.search.address.clone();
        for task in std::mem::take(&mut self.search.tasks) {
            match task.doing {
                Doing::Next | Doing::Answered(_) => {}
                Doing::Fetching(exchange) => {
                    self.abort(exchange.conn);
                    self.record_exchange(now, task.step, &exchange, Verdict::GivenUp);
                }
                Doing::Asking(question) => {
                    let asked = (question.what.asked(), None, question.asked);
                    self.record(now, task.step, &address, asked, Verdict::GivenUp);
                }
            }
        }
        self.search.steps.clear();
    }

    /// Nothing that waits to go out on a connection need go any more; its opening goes, so that its end means something.
    pub(super) fn forget(&mut self, conn: ConnectionId) {
        let stays = |transmit: &HttpTransmit| transmit.conn() != conn || matches!(transmit, HttpTransmit::Open { .. });
        self.transmits.retain(stays);
    }

    pub(super) fn abort(&mut self, conn: ConnectionId) {
        self.forget(conn);
        self.transmits.push_back(HttpTransmit::Abort { conn });
    }

    /// An entry about something that was asked.
    pub(super) fn record(
        &mut self,
        now: Instant,
        step: Step,
        address: &Arc<str>,
        (asked, came, since): (Asked, Option<Came>, Instant),
        verdict: Verdict,
    ) {
        let at = since.saturating_duration_since(self.begun);
        let took = now.saturating_duration_since(since);
        self.trail.push(Entry { step, address: address.clone(), asked, came, verdict, at, took });
    }

    pub(super) fn record_exchange(&mut self, now: Instant, step: Step, exchange: &Exchange, verdict: Verdict) {
        let asked = (exchange.lead.asked(), exchange.came.clone(), exchange.asked);
        self.record(now, step, &exchange.lead.address, asked, verdict);
    }

    /// An entry about something that was not asked.
    pub(super) fn note(&mut self, now: Instant, step: Step, verdict: Verdict) {
        let address = self.search.address.clone();
        self.record(now, step, &address, (Asked::Nothing, None, now), verdict);
    }

    pub(super) fn note_not_followed(&mut self, now: Instant, step: Step, via: Via, to: &str, why: NotFollowed) {
        self.note(now, step, Verdict::NotFollowed { via, to: clean(to, SHOWN).into(), why });
    }
}

/// The verdict on something that leads elsewhere.
fn verdict<T>(via: Via, to: &str, followed: &Result<T, NotFollowed>) -> Verdict {
    let to = clean(to, SHOWN).into();
    match followed {
        Ok(_) => Verdict::Redirected { via, to },
        Err(why) => Verdict::NotFollowed { via, to, why: *why },
    }
}
