//! One step that is being gone through.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use oxwire_http::Origin;

use super::exchange::{Exchange, Kind, Lead};
use super::trail::{Asked, Via};
use super::{Found, QuestionHandle, Step};

/// A step under way.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) step: Step,
    /// When the step ends, answered or not; put off by the time that questions to the user take.
    pub(super) deadline: Instant,
    /// What to ask next.
    pub(super) leads: VecDeque<Lead>,
    /// The URLs that led to the one which is being asked, itself included.
    pub(super) chain: Vec<String>,
    /// Directories that were searched, and one for when nothing else is left.
    pub(super) directories: Vec<Option<Arc<str>>>,
    pub(super) fallback: Option<Arc<str>>,
    pub(super) doing: Doing,
}

#[derive(Debug)]
pub(super) enum Doing {
    /// Taking the next lead.
    Next,
    /// The caller is asked.
    Asking(Question),
    /// A request is in flight.
    Fetching(Box<Exchange>),
    /// The step has its answer, and waits for those before it.
    Answered(Reached),
}

/// The answer of a step.
#[derive(Debug)]
pub(super) enum Reached {
    Found(Box<Found>),
    Address(Arc<str>),
}

/// A question to the caller.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) handle: QuestionHandle,
    pub(super) what: What,
    pub(super) asked: Instant,
    pub(super) until: Instant,
}

#[derive(Debug)]
pub(super) enum What {
    Directory(Option<Arc<str>>),
    Srv(Arc<str>),
    LocalXml,
    /// Consent to ask a URL.
    Url(Box<Lead>),
    /// Consent to go on with an address.
    Address(Arc<str>),
}

impl What {
    pub(super) const fn is_consent(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Address(_))
    }

    pub(super) fn asked(&self) -> Asked {
        match self {
            Self::Directory(server) => Asked::Directory(server.clone()),
            Self::Srv(name) => Asked::Srv(name.clone()),
            Self::LocalXml => Asked::LocalXml,
            Self::Url(_) | Self::Address(_) => Asked::Nothing,
        }
    }

    /// Without consent nothing else is asked there either.
    pub(super) fn drop_leads(&self, task: &mut Task) {
        if let Self::Url(lead) = self {
            task.drop_leads(&lead.endpoint.origin);
        }
    }

    /// What consent is about.
    pub(super) fn destination(&self) -> Option<(Via, Arc<str>)> {
        match self {
            Self::Url(lead) => Some((lead.via, lead.endpoint.url().into())),
            Self::Address(address) => Some((Via::RedirectAddr, address.clone())),
            _ => None,
        }
    }
}

impl Task {
    pub(super) const fn new(step: Step, deadline: Instant) -> Self {
        Self {
            step,
            deadline,
            leads: VecDeque::new(),
            chain: Vec::new(),
            directories: Vec::new(),
            fallback: None,
            doing: Doing::Next,
        }
    }

    /// Nothing more is asked of a server for what led to it.
    pub(super) fn drop_leads(&mut self, origin: &Origin) {
        self.leads.retain(|lead| lead.endpoint.origin != *origin);
    }

    /// A server that was not reached for one service, or that refused, is not asked for the other.
    pub(super) fn drop_other_service(&mut self, lead: &Lead) {
        if lead.kind == Kind::Soap {
            self.drop_leads(&lead.endpoint.origin);
        }
    }

    /// When it does something by itself.
    pub(super) fn timer(&self) -> Option<Instant> {
        match &self.doing {
            Doing::Next | Doing::Answered(_) => None,
            Doing::Asking(question) if question.what.is_consent() => Some(question.until),
            Doing::Asking(question) => Some(question.until.min(self.deadline)),
            Doing::Fetching(exchange) => Some(exchange.deadline.min(self.deadline)),
        }
    }

    pub(super) const fn exchange(&self) -> Option<&Exchange> {
        match &self.doing {
            Doing::Fetching(exchange) => Some(exchange),
            _ => None,
        }
    }

    pub(super) const fn question(&self) -> Option<&Question> {
        match &self.doing {
            Doing::Asking(question) => Some(question),
            _ => None,
        }
    }

    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.doing, Doing::Answered(_))
    }
}
