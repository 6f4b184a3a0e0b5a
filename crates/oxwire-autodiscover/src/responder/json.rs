//! Answers of Autodiscover v2.

use super::question::Reply;
use crate::json::{Answer, Protocol, Query, QueryError};

/// What a GET to `autodiscover.json` comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedJson {
    /// A mailbox is asked for: look it up, then [`answer_json`].
    Query(Query<'static>),
    /// The reply is clear already.
    Reply(Reply),
}

/// What the caller knows, for a query of v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownJson<'f> {
    /// The mailbox is here, and these are the URLs of its protocols.
    Urls(&'f [(Protocol<'f>, &'f str)]),
    /// Another server answers for the user: the URL of its service, without a path.
    Redirect(&'f str),
    /// Nobody has this address.
    Nobody,
}

impl AskedJson {
    /// Reads a request: its method and its target.
    #[must_use]
    pub fn read(method: &str, target: &str) -> Self {
        let error = |code, message: String| Self::Reply(error(code, message));
        if method != "GET" {
            return error(Answer::MANDATORY_PARAMETER_MISSING, "This service is asked by GET.".to_owned());
        }
        match Query::parse(target) {
            Ok(query) => Self::Query(query.into_owned()),
            Err(cause @ QueryError::NoProtocol) => error(Answer::MANDATORY_PARAMETER_MISSING, cause.to_string()),
            Err(cause) => error(Answer::INVALID_USER_ID, cause.to_string()),
        }
    }
}

/// The answer, from what the caller found.
#[must_use]
pub fn answer_json(query: &Query<'_>, known: KnownJson<'_>) -> Reply {
    match known {
        KnownJson::Urls(urls) => match urls.iter().find(|(protocol, _)| *protocol == query.protocol) {
            Some((protocol, url)) => {
                let protocol = Some(Protocol::of(protocol.name().to_owned().into()));
                reply(&Answer::Url { protocol, url: (*url).to_owned() })
            }
            None => {
                let names: Vec<_> = urls.iter().map(|(protocol, _)| protocol.name()).collect();
                let name = query.protocol.name();
                let message = format!("'{name}' is no protocol of this service. It knows '{}'.", names.join(","));
                error(Answer::INVALID_PROTOCOL, message)
            }
        },
        KnownJson::Redirect(service) => {
            let count = query.redirect_count.unwrap_or_default().saturating_add(1);
            let query = Query { redirect_count: Some(count), ..query.clone() };
            let location = format!("{}{query}", service.trim_end_matches('/'));
            Reply { status: 302, content_type: JSON, location: Some(location), body: String::new() }
        }
        KnownJson::Nobody => error(Answer::USER_NOT_FOUND, "Nobody here has this address.".to_owned()),
    }
}

const JSON: &str = "application/json; charset=utf-8";

fn error(code: &str, message: String) -> Reply {
    reply(&Answer::Error { code: code.to_owned(), message })
}

fn reply(answer: &Answer) -> Reply {
    Reply { status: answer.status(), content_type: JSON, location: None, body: answer.encode() }
}
