//! What a search asks its caller, and what it comes to.

use std::sync::Arc;

use super::{LastKnownGood, Step, Via};
use crate::pox::Response;
use crate::soap::SubjectResponse;
use crate::transport::{Capabilities, Choice, Policy, choose};

/// Names a question. Timers go on while it waits; an answer that comes too late is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionHandle(pub(super) u64);

/// A question, or the end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Search a directory for service connection points, and answer by
    /// [`answer_directory`](super::Discovery::answer_directory).
    SearchDirectory {
        /// Names the question.
        handle: QuestionHandle,
        /// The search.
        search: DirectorySearch,
    },
    /// Resolve SRV records, and answer by [`answer_srv`](super::Discovery::answer_srv).
    ResolveSrv {
        /// Names the question.
        handle: QuestionHandle,
        /// The name, `_autodiscover._tcp.<domain>`.
        name: Arc<str>,
    },
    /// Read the administrator's document for a domain, and answer by
    /// [`answer_local_xml`](super::Discovery::answer_local_xml).
    ReadLocalXml {
        /// Names the question.
        handle: QuestionHandle,
        /// The domain of the address.
        domain: Arc<str>,
    },
    /// Credentials would go to a host that nobody has named yet: answer by [`consent`](super::Discovery::consent) or
    /// [`refuse`](super::Discovery::refuse). Ask the user, who knows whether the two belong together.
    ConsentNeeded {
        /// Names the question.
        handle: QuestionHandle,
        /// The step.
        step: Step,
        /// What leads there.
        via: Via,
        /// The URL or the name that says so.
        from: Arc<str>,
        /// Where to.
        to: Destination,
    },
    /// The search begins anew for another address. The name to log on with stays as it was.
    AddressChanged {
        /// The address before.
        from: Arc<str>,
        /// The address from now on.
        to: Arc<str>,
    },
    /// The settings. The search is over.
    Found(Box<Found>),
    /// No settings. The search is over; its trail says why.
    Failed(Failure),
}

/// Where credentials would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To this URL.
    Url(Arc<str>),
    /// To the hosts of this address's domain.
    Address(Arc<str>),
}

/// A search for service connection points: over the whole subtree below the `configurationNamingContext` of the root DSE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySearch {
    /// The directory, as a pointer names it (`LDAP://dc.example.com`); `None` is the client's own.
    pub server: Option<Arc<str>>,
    /// The attribute of the root DSE that names the base of the search.
    pub base: &'static str,
    /// The filter.
    pub filter: &'static str,
    /// The attributes.
    pub attributes: &'static [&'static str],
}

impl DirectorySearch {
    pub(super) const fn of(server: Option<Arc<str>>) -> Self {
        let attributes = &crate::scp::ATTRIBUTES;
        Self { server, base: "configurationNamingContext", filter: crate::scp::FILTER, attributes }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The step that found it.
    pub step: Step,
    /// The name to log on with: the address that the search began with, whatever redirects it went through.
    pub login: Arc<str>,
    /// The mailbox's address as it was asked for last.
    pub address: Arc<str>,
    /// The URL that gave the settings; `None` for a local document.
    pub url: Option<Arc<str>>,
    /// The response, with settings. Those of the SOAP service stand in it as far as POX has a place for them:
    /// [`SubjectResponse::to_pox`].
    pub response: Response<'static>,
    /// What the SOAP service answered, where it was that which gave the settings.
    pub user_settings: Option<SubjectResponse<'static>>,
}

impl Found {
    /// The ways to the mailbox, in the order to try them, with all that the server publishes for each: URLs, whether TLS is used,
    /// the name in the certificate, the authentication.
    #[must_use]
    pub fn choose(&self, can: Capabilities, policy: &Policy<'_>) -> Choice<'_> {
        choose(&self.response, can, policy)
    }

    /// What to keep for the next search.
    #[must_use]
    pub fn last_known_good(&self) -> Option<LastKnownGood> {
        let url = self.url.as_deref()?.to_owned();
        Some(LastKnownGood { address: self.address.to_string(), url })
    }
}

/// Why a search ended without settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Every step was gone through.
    #[error("no step led to settings")]
    NothingFound,
    /// The time for all of it is over.
    #[error("no settings within the time for the whole search (`Deadlines::whole`)")]
    Deadline,
    /// As many servers as allowed refused the credentials: going on could lock the account.
    #[error("{origins} servers refused the credentials; more could lock the account (`DiscoveryLimits::refusals`)")]
    CredentialsRefused {
        /// How many.
        origins: usize,
    },
    /// As many requests as allowed were sent.
    #[error("{limit} requests led to no settings (`DiscoveryLimits::requests`)")]
    TooManyRequests {
        /// The limit.
        limit: u32,
    },
    /// The caller ended it.
    #[error("{0}")]
    Cancelled(Arc<str>),
}
