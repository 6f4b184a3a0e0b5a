//! The caller's answers.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Entropy, Error, Misuse};
use oxwire_http::Scheme;

use super::exchange::{Answer, Kind, Lead, pox_answer};
use super::srv::in_order;
use super::task::{Doing, Question, Reached, Task, What};
use super::trail::{NotFollowed, Verdict, Via, clean};
use super::url::{Endpoint, is_host, service};
use super::{Discovery, QuestionHandle, SrvRecord};
use crate::scp;

/// Characters of the caller's own reason, or of a directory's name, that a trail shows.
const SHOWN: usize = 300;

impl Discovery {
    /// Answers [`Event::SearchDirectory`](super::Event::SearchDirectory): the objects found, or why the directory could not be
    /// asked.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that names no such question. An answer that comes too late is passed over.
    pub fn answer_directory(
        &mut self,
        now: Instant,
        handle: QuestionHandle,
        answer: Result<&[scp::ConnectionPoint<'_>], &str>,
    ) -> Result<(), Error> {
        let kind = |what: &What| matches!(what, What::Directory(_));
        self.answer(now, handle, "answer_directory", kind, |this, now, task, question| {
            let points = match answer {
                Ok(points) => points,
                Err(reason) => return this.on_no_answer(now, task, &question, reason),
            };
            let address = this.search.address.clone();
            let asked = (question.what.asked(), None, question.asked);
            let site = this.config.site.clone();
            match scp::Answer::of(points, &this.search.domain.clone(), site.as_deref()) {
                scp::Answer::Elsewhere(server) => {
                    let server: Arc<str> = clean(server, SHOWN).into();
                    let verdict = Verdict::Redirected { via: Via::Scp, to: server.clone() };
                    this.record(now, task.step, &address, asked, verdict);
                    this.ask_directory(now, task, Some(server));
                }
                scp::Answer::Urls { urls, fallback } => {
                    let mut leads = Vec::new();
                    for url in urls.into_iter().take(this.config.limits.leads) {
                        match Endpoint::parse(url) {
                            Some(endpoint) => leads.push(endpoint),
                            None => this.note_not_followed(now, task.step, Via::Scp, url, NotFollowed::Malformed),
                        }
                    }
                    this.record(now, task.step, &address, asked, leads_verdict(&leads));
                    task.fallback = fallback.map(|server| clean(server, SHOWN).into());
                    let from: Arc<str> = question.what.asked().to_string().into();
                    for endpoint in leads {
                        if endpoint.is_https() {
                            this.allowed.insert(endpoint.origin.clone());
                        }
                        let (from, address) = (from.clone(), address.clone());
                        task.leads.push_back(Lead { endpoint, kind: Kind::Service, via: Via::Scp, from, address });
                    }
                }
            }
        })
    }

    /// Answers [`Event::ResolveSrv`](super::Event::ResolveSrv): the records, none where the name has none, or why the name
    /// server could not be asked. `entropy` deals records of one priority out by their weights.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that names no such question. An answer that comes too late is passed over.
    pub fn answer_srv(
        &mut self,
        now: Instant,
        handle: QuestionHandle,
        answer: Result<Vec<SrvRecord>, &str>,
        entropy: &mut dyn Entropy,
    ) -> Result<(), Error> {
        let kind = |what: &What| matches!(what, What::Srv(_));
        self.answer(now, handle, "answer_srv", kind, |this, now, task, question| {
            let mut records = match answer {
                Ok(records) => records,
                Err(reason) => return this.on_no_answer(now, task, &question, reason),
            };
            // A dot alone says that there is no such service.
            records.retain(|record| !matches!(&*record.target, "." | ""));
            let address = this.search.address.clone();
            let mut leads = Vec::new();
            for record in in_order(records, entropy).into_iter().take(this.config.limits.leads) {
                let host = record.target.strip_suffix('.').unwrap_or(&record.target);
                let port = if this.config.ignore_srv_port || record.port == 0 { 443 } else { record.port };
                let to = format!("{host}:{port}");
                match () {
                    () if !is_host(host) => {
                        this.note_not_followed(now, task.step, Via::Srv, &to, NotFollowed::Malformed);
                    }
                    () if port == Scheme::Http.default_port() => {
                        this.note_not_followed(now, task.step, Via::Srv, &to, NotFollowed::NotHttps);
                    }
                    () => leads.push(service(Scheme::Https, host, port)),
                }
            }
            let asked = question.what.asked();
            let from: Arc<str> = asked.to_string().into();
            this.record(now, task.step, &address, (asked, None, question.asked), leads_verdict(&leads));
            for endpoint in leads {
                let (from, address) = (from.clone(), address.clone());
                task.leads.push_back(Lead { endpoint, kind: Kind::Service, via: Via::Srv, from, address });
            }
        })
    }

    /// Answers [`Event::ReadLocalXml`](super::Event::ReadLocalXml): the document, `None` where there is none, or why it could
    /// not be read.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that names no such question. An answer that comes too late is passed over.
    pub fn answer_local_xml(
        &mut self,
        now: Instant,
        handle: QuestionHandle,
        answer: Result<Option<Bytes>, &str>,
    ) -> Result<(), Error> {
        let kind = |what: &What| matches!(what, What::LocalXml);
        self.answer(now, handle, "answer_local_xml", kind, |this, now, task, question| {
            let answer = match answer {
                Ok(Some(document)) => pox_answer(&document, false, &this.config.limits),
                Ok(None) => Answer::Is(Verdict::Nothing),
                Err(reason) => return this.on_no_answer(now, task, &question, reason),
            };
            this.on_local_document(now, task, question.asked, answer);
        })
    }

    /// Consents to what [`Event::ConsentNeeded`](super::Event::ConsentNeeded) names: credentials may go there.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that names no such question. An answer that comes too late is passed over.
    pub fn consent(&mut self, now: Instant, handle: QuestionHandle) -> Result<(), Error> {
        self.answer(now, handle, "consent", What::is_consent, |this, now, task, question| {
            task.deadline = super::flow::later(task.deadline, now.saturating_duration_since(question.asked));
            match question.what {
                What::Url(lead) => this.follow(now, task, *lead, true),
                What::Address(address) => this.on_reached(now, task, Reached::Address(address)),
                _ => {}
            }
        })
    }

    /// Refuses what [`Event::ConsentNeeded`](super::Event::ConsentNeeded) names: the search goes on without it.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that names no such question. An answer that comes too late is passed over.
    pub fn refuse(&mut self, now: Instant, handle: QuestionHandle) -> Result<(), Error> {
        self.answer(now, handle, "refuse", What::is_consent, |this, now, task, question| {
            task.deadline = super::flow::later(task.deadline, now.saturating_duration_since(question.asked));
            if let Some((via, to)) = question.what.destination() {
                this.note_not_followed(now, task.step, via, &to, NotFollowed::Refused);
                question.what.drop_leads(task);
            }
        })
    }

    /// Gives an answer to the step that waits for it.
    fn answer(
        &mut self,
        now: Instant,
        handle: QuestionHandle,
        call: &'static str,
        kind: impl FnOnce(&What) -> bool,
        then: impl FnOnce(&mut Self, Instant, &mut Task, Question),
    ) -> Result<(), Error> {
        let now = self.tick(now);
        let misuse =
            Misuse { call, state: "no such question", advice: "answer with the handle of the event, and its method" };
        if handle.0 >= self.next_handle {
            return Err(misuse.into());
        }
        let asks = |task: &Task| task.question().is_some_and(|question| question.handle == handle);
        let Some(at) = self.search.tasks.iter().position(asks) else { return Ok(()) };
        if !self.search.tasks.get(at).and_then(Task::question).is_some_and(|question| kind(&question.what)) {
            return Err(misuse.into());
        }
        let mut task = self.search.tasks.remove(at);
        if let Doing::Asking(question) = std::mem::replace(&mut task.doing, Doing::Next) {
            then(self, now, &mut task, question);
        }
        if !self.ended {
            self.search.tasks.insert(at, task);
        }
        self.pump(now);
        Ok(())
    }

    fn on_no_answer(&mut self, now: Instant, task: &Task, question: &Question, reason: &str) {
        let address = self.search.address.clone();
        let asked = (question.what.asked(), None, question.asked);
        self.record(now, task.step, &address, asked, Verdict::Unanswered(clean(reason, SHOWN).into()));
    }
}

fn leads_verdict(leads: &[Endpoint]) -> Verdict {
    if leads.is_empty() {
        Verdict::Nothing
    } else {
        Verdict::Leads(leads.iter().map(|lead| lead.url().into()).collect())
    }
}
