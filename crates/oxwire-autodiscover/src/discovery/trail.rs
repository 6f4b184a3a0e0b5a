//! What a search did: every step, what was asked, what came, and what became of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oxwire_http::{Origin, ResetCause};

use super::Step;
use crate::json::JsonError;
use crate::xml::XmlError;

/// One thing that was asked, or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The step.
    pub step: Step,
    /// The address that was asked for.
    pub address: Arc<str>,
    /// What was asked.
    pub asked: Asked,
    /// The response, where one came.
    pub came: Option<Came>,
    /// What became of it.
    pub verdict: Verdict,
    /// When it was asked, since the search began.
    pub at: Duration,
    /// Until the verdict.
    pub took: Duration,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// Nothing: the step, or one of its URLs, was passed over.
    Nothing,
    /// A local document.
    LocalXml,
    /// A directory for service connection points; `None` is the client's own.
    Directory(Option<Arc<str>>),
    /// SRV records of a name.
    Srv(Arc<str>),
    /// An HTTP request.
    Http {
        /// `POST` with a document, or `GET`.
        method: &'static str,
        /// The URL.
        url: Arc<str>,
    },
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing asked"),
            Self::LocalXml => f.write_str("local document"),
            Self::Directory(None) => f.write_str("the client's directory"),
            Self::Directory(Some(server)) => write!(f, "directory {server}"),
            Self::Srv(name) => write!(f, "SRV {name}"),
            Self::Http { method, url } => write!(f, "{method} {url}"),
        }
    }
}

/// The response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// The status.
    pub status: u16,
    /// Content-Type, cut to 100 characters.
    pub content_type: Option<Box<str>>,
    /// Bytes of the body, as far as it was read.
    pub bytes: usize,
}

/// By what one thing led to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Via {
    /// An HTTP redirect of this status.
    Http(u16),
    /// `RedirectUrl` of a document.
    RedirectUrl,
    /// `RedirectAddr` of a document.
    RedirectAddr,
    /// The URL in a JSON answer.
    Json,
    /// An SRV record.
    Srv,
    /// A service connection point.
    Scp,
    /// The configuration.
    Config,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::RedirectUrl => f.write_str("redirectUrl"),
            Self::RedirectAddr => f.write_str("redirectAddr"),
            Self::Json => f.write_str("the JSON answer"),
            Self::Srv => f.write_str("SRV"),
            Self::Scp => f.write_str("a service connection point"),
            Self::Config => f.write_str("the configuration"),
        }
    }
}

/// What became of what was asked. Texts of a peer in it are cut and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Settings: taken, unless a step before has some too.
    Settings,
    /// URLs to try next, in this order.
    Leads(Vec<Arc<str>>),
    /// It leads elsewhere, and is followed.
    Redirected {
        /// How.
        via: Via,
        /// The URL or the address.
        to: Arc<str>,
    },
    /// It leads elsewhere, and is not followed.
    NotFollowed {
        /// How.
        via: Via,
        /// The URL or the address.
        to: Arc<str>,
        /// Why not.
        why: NotFollowed,
    },
    /// A policy leaves the step out.
    Excluded,
    /// The configuration gives the step nothing to ask.
    NotConfigured,
    /// This URL has been asked for this address already.
    AlreadyTried(Arc<str>),
    /// Nothing there: no local document, no service connection points, no SRV records.
    Nothing,
    /// The caller could not ask directory, DNS or disk.
    Unanswered(Arc<str>),
    /// The request did not get through.
    NotReached {
        /// Why, as far as the driver said.
        cause: ResetCause,
        /// Why, for people.
        reason: Arc<str>,
    },
    /// 401, with everything tried that the caller allows.
    Unauthorized,
    /// Another status that is no answer.
    Status(u16),
    /// The plain GET was not answered with a redirect.
    NoRedirect,
    /// A page for people.
    HtmlPage,
    /// A document that is no response of the service that was asked.
    Document(XmlError),
    /// A document that is no JSON answer.
    Json(JsonError),
    /// A body beyond the limit.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server's error.
    ServerError {
        /// ErrorCode, a number in POX.
        code: Box<str>,
        /// The server's words.
        message: Box<str>,
    },
    /// A response without settings, redirect or error.
    NoSettings,
    /// Nothing came in time.
    Deadline,
    /// Given up, since the search ended or went on elsewhere.
    GivenUp,
}

/// Why a redirect is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotFollowed {
    /// Neither a URL nor, where one is asked for, an address.
    Malformed,
    /// Without TLS.
    NotHttps,
    /// It leads back to where it came from.
    Loop,
    /// This URL has been asked already.
    AlreadyTried,
    /// More of them than the limit.
    TooMany,
    /// The caller refused.
    Refused,
    /// The caller did not answer in time.
    NoConsent,
}

impl fmt::Display for NotFollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "neither a URL nor an address",
            Self::NotHttps => "no TLS there",
            Self::Loop => "a loop",
            Self::AlreadyTried => "asked already",
            Self::TooMany => "too many redirects",
            Self::Refused => "refused by the caller",
            Self::NoConsent => "no consent in time",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("settings"),
            Self::Leads(urls) => write!(f, "to try: {}", urls.join(", ")),
            Self::Redirected { via, to } => write!(f, "{via} to {to}"),
            Self::NotFollowed { via, to, why } => write!(f, "{via} to {to}, not followed: {why}"),
            Self::Excluded => f.write_str("left out by policy"),
            Self::NotConfigured => f.write_str("nothing configured"),
            Self::AlreadyTried(url) => write!(f, "{url} was asked already"),
            Self::Nothing => f.write_str("nothing there"),
            Self::Unanswered(reason) => write!(f, "not answered: {reason}"),
            Self::NotReached { cause: ResetCause::Certificate, reason } => write!(f, "wrong certificate: {reason}"),
            Self::NotReached { cause: ResetCause::NameNotFound, reason } => write!(f, "no such name: {reason}"),
            Self::NotReached { reason, .. } => write!(f, "not reached: {reason}"),
            Self::Unauthorized => f.write_str("the credentials were not taken (401)"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::NoRedirect => f.write_str("no redirect"),
            Self::HtmlPage => f.write_str("a page for people, no document"),
            // The path in it is made of names that the peer chose.
            Self::Document(error) => write!(f, "no Autodiscover response: {}", clean(&error.to_string(), 300)),
            Self::Json(error) => write!(f, "no JSON answer: {error}"),
            Self::TooLarge { limit } => write!(f, "more than {limit} bytes"),
            Self::ServerError { code, message } => write!(f, "the server's error {code}: {message}"),
            Self::NoSettings => f.write_str("a response without settings"),
            Self::Deadline => f.write_str("nothing came in time"),
            Self::GivenUp => f.write_str("given up"),
        }
    }
}

impl fmt::Display for Entry {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.step)?;
        if self.asked != Asked::Nothing {
            write!(f, "{}: ", self.asked)?;
        }
        if let Some(came) = &self.came {
            write!(f, "{} {}, ", came.status, came.content_type.as_deref().unwrap_or("without Content-Type"))?;
        }
        fmt::Display::fmt(&self.verdict, f)
    }
}

/// A peer's text as it may stand in a trail: at most `most` characters, none of them a control character.
pub(super) fn clean(text: &str, most: usize) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut out: String = text.trim().chars().take(most).map(shown).collect();
    if text.trim().chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// What every entry of one request shares.
pub(super) fn http(method: &'static str, origin: &Origin, target: &str) -> Asked {
    Asked::Http { method, url: format!("{origin}{target}").into() }
}
