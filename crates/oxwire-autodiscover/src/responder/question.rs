//! What is asked, and the reply.

use oxwire_core::EncodeError;

use super::facts::{Known, Mailbox};
use super::outlook;
use crate::pox::{
    ActionError, MobileResponse, MobileUser, Request, RequestHeaders, Response, Schema, Server, ServerError,
};
use crate::xml::{Source, XmlLimits};

/// A reply to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status. Of POX always 200, whatever the document says; 400 around a fault of SOAP; of JSON also 302, 400 and
    /// 404.
    pub status: u16,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The value of `Location`, with the status 302.
    pub location: Option<String>,
    /// The document.
    pub body: String,
}

impl Reply {
    pub(super) fn xml(body: String) -> Self {
        Self { status: 200, content_type: "text/xml; charset=utf-8", location: None, body }
    }

    /// An error document of the framework that hosts all schemas.
    fn error(code: u16, message: &'static str) -> Self {
        // The message is one of this file's own: it is always written.
        Self::xml(Response::of_error(ServerError::new(code, message)).encode().unwrap_or_default())
    }

    fn of(document: Result<String, EncodeError>) -> Self {
        // A character that XML cannot hold, in the caller's facts.
        document.map_or_else(|_| Self::error(ServerError::UNKNOWN_ADDRESS, UNKNOWN), Self::xml)
    }
}

const UNKNOWN: &str = "The address has no settings here.";

/// What an HTTP request comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A mailbox is asked for: look it up, then [`Question::answer`].
    Question(Question),
    /// The reply is clear already: it was no request, or one for a schema that nobody answers.
    Reply(Reply),
}

impl Asked {
    /// Reads a request to `autodiscover.xml`: its method, its header fields and its body.
    ///
    /// Anything but a POST is answered with error 600, a body that is no request too, and an acceptable schema that is none
    /// of Outlook's or ActiveSync's with error 601.
    #[must_use]
    pub fn pox<'h>(
        method: &str,
        fields: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: &[u8],
        limits: XmlLimits,
    ) -> Self {
        let invalid = || Self::Reply(Reply::error(ServerError::INVALID_REQUEST, "Invalid Request"));
        if method != "POST" {
            return invalid();
        }
        let Ok(source) = Source::new(body, limits) else { return invalid() };
        let Ok(request) = Request::decode(&source) else { return invalid() };
        match request.answer_in() {
            Some(schema) => Self::Question(Question {
                schema,
                request: request.into_owned(),
                headers: RequestHeaders::from_fields(fields).into_owned(),
            }),
            None => Self::Reply(Reply::error(ServerError::NO_PROVIDER, "No provider answers the requested schema.")),
        }
    }
}

/// Whose mailbox a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'q> {
    /// That of an address.
    Address(&'q str),
    /// That of a distinguished name.
    LegacyDn(&'q str),
}

/// A request for the settings of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    schema: Schema,
    request: Request<'static>,
    headers: RequestHeaders<'static>,
}

impl Question {
    /// Whose mailbox is asked for. Where a request names an address and a distinguished name, the name counts: [MS-OXDSCLI] 3.2.5.
    /// `None` is not seen in what [`Asked::pox`] gives: a request without either is answered with error 600.
    #[must_use]
    pub fn subject(&self) -> Option<Subject<'_>> {
        self.legacy_dn().map(Subject::LegacyDn).or_else(|| self.email_address().map(Subject::Address))
    }

    /// The address in the request.
    #[must_use]
    pub fn email_address(&self) -> Option<&str> {
        self.request.email_address.as_deref().filter(|address| !address.is_empty())
    }

    /// The distinguished name in the request.
    #[must_use]
    pub fn legacy_dn(&self) -> Option<&str> {
        self.request.legacy_dn.as_deref().filter(|name| !name.is_empty())
    }

    /// The schema of the answer.
    #[must_use]
    pub const fn schema(&self) -> Schema {
        self.schema
    }

    /// The headers that change the answer.
    #[must_use]
    pub const fn headers(&self) -> &RequestHeaders<'static> {
        &self.headers
    }

    /// The answer, from what the caller found.
    #[must_use]
    pub fn answer(&self, known: Known<'_>) -> Reply {
        match self.schema {
            Schema::Outlook => self.outlook(known),
            Schema::MobileSync => self.mobile_sync(known),
        }
    }

    fn outlook(&self, known: Known<'_>) -> Reply {
        let response = match known {
            Known::Mailbox(mailbox) => outlook::settings(mailbox, &self.headers),
            Known::RedirectAddr(address) => Some(outlook::redirect_addr(address)),
            Known::RedirectUrl(url) => Some(outlook::redirect_url(url)),
            Known::Nobody => None,
            Known::Trouble(message) => {
                Some(Response::of_error(ServerError::new(ServerError::UNKNOWN_ADDRESS, message)))
            }
        };
        match response {
            Some(response) => Reply::of(response.encode()),
            None => Reply::error(ServerError::UNKNOWN_ADDRESS, UNKNOWN),
        }
    }

    fn mobile_sync(&self, known: Known<'_>) -> Reply {
        let mut response = MobileResponse { culture: Some("en:us".into()), ..MobileResponse::default() };
        match known {
            Known::Mailbox(Mailbox { address, display_name, active_sync_url: Some(url), .. }) => {
                response.user = Some(MobileUser {
                    display_name: Some(display_name.as_str().into()),
                    email_address: Some(address.as_str().into()),
                    unknown: Vec::new(),
                });
                response.servers.push(Server {
                    server_type: Some("MobileSync".into()),
                    url: Some(url.as_str().into()),
                    name: Some(url.as_str().into()),
                    ..Server::default()
                });
            }
            Known::RedirectAddr(address) => response.redirect = Some(address.into()),
            Known::Trouble(message) => {
                response.action_error = Some(ActionError {
                    status: Some("2".into()),
                    message: Some(message.into()),
                    ..ActionError::default()
                });
            }
            Known::Mailbox(_) | Known::RedirectUrl(_) | Known::Nobody => {
                return Reply::error(ServerError::UNKNOWN_ADDRESS, UNKNOWN);
            }
        }
        Reply::of(response.encode())
    }
}
