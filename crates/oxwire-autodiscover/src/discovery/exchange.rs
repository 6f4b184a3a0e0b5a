//! One request and its response.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::ConnectionId;
use oxwire_http::{HeadError, RequestHead, ResponseHead, name};

use super::trail::{Asked, Came, Verdict, Via, clean, http};
use super::url::Endpoint;
use super::{Config, DiscoveryLimits, Service};
use crate::json;
use crate::pox::{Outcome, Request, RequestHeaders, Response, Schema};
use crate::soap::{self, ErrorCode, RequestBody, ResponseBody, SettingsRequest, SubjectResponse};
use crate::text::Text;
use crate::xml::Source;

/// What a URL is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// For the settings, by the service that the configuration says; settled when the lead is taken.
    Service,
    /// A POX request, with credentials where they are asked for.
    Pox,
    /// A SOAP request, the same way.
    Soap,
    /// A GET that only a redirect answers.
    Redirect,
    /// A GET of v2.
    Json,
}

impl Kind {
    /// The services to ask, in their order.
    pub(super) const fn of_service(service: Service) -> &'static [Self] {
        match service {
            Service::Pox => &[Self::Pox],
            Service::SoapThenPox => &[Self::Soap, Self::Pox],
            Service::Soap => &[Self::Soap],
        }
    }

    /// Whether credentials go with it where they are asked for.
    pub(super) const fn has_credentials(self) -> bool {
        matches!(self, Self::Service | Self::Pox | Self::Soap)
    }
}

/// A URL to ask.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    pub(super) endpoint: Endpoint,
    pub(super) kind: Kind,
    pub(super) via: Via,
    /// What led here.
    pub(super) from: Arc<str>,
    /// The address to ask for.
    pub(super) address: Arc<str>,
}

impl Lead {
    pub(super) const fn method(&self) -> &'static str {
        match self.kind {
            Kind::Service | Kind::Pox | Kind::Soap => "POST",
            Kind::Redirect | Kind::Json => "GET",
        }
    }

    /// The same for one of the services, at its own URL on that server.
    pub(super) fn asking(mut self, kind: Kind) -> Self {
        let (from, to) = if kind == Kind::Soap { (".xml", ".svc") } else { (".svc", ".xml") };
        let at = self.endpoint.target.len().saturating_sub(from.len());
        if self.endpoint.target.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(from)) {
            self.endpoint.target.truncate(at);
            self.endpoint.target.push_str(to);
        }
        self.kind = kind;
        self
    }

    pub(super) fn asked(&self) -> Asked {
        http(self.method(), &self.endpoint.origin, &self.endpoint.target)
    }

    /// Head and body of the request.
    pub(super) fn request(&self, config: &Config) -> Result<(RequestHead, Bytes), HeadError> {
        let head = RequestHead::builder(self.method(), &self.endpoint.target)
            .field(name::HOST, self.endpoint.origin.authority())
            .field(name::USER_AGENT, &config.user_agent);
        let (mut head, body) = match self.kind {
            Kind::Redirect => return Ok((head.request()?, Bytes::new())),
            Kind::Json => return Ok((head.field(name::ACCEPT, "application/json").request()?, Bytes::new())),
            Kind::Service | Kind::Pox => (head, pox_request(&self.address).ok_or(FOREIGN)?),
            Kind::Soap => {
                let (action, body) = self.soap_request(config).ok_or(FOREIGN)?;
                (head.field("SOAPAction", action), body)
            }
        };
        head = head
            .field(name::CONTENT_TYPE, "text/xml; charset=utf-8")
            .field(name::CONTENT_LENGTH, body.len().to_string())
            .field(name::ACCEPT, "text/xml, application/xml");
        let anchor = config.headers.anchor_mailbox.clone().unwrap_or_else(|| Text::from(&*self.address));
        let headers = RequestHeaders { anchor_mailbox: Some(anchor), ..config.headers.clone() };
        for (name, value) in headers.fields() {
            head = head.field(name, &*value);
        }
        Ok((head.request()?, body))
    }

    /// The action and the body that ask for the settings of the address; `None` for texts that XML cannot say.
    fn soap_request(&self, config: &Config) -> Option<(String, Bytes)> {
        let request = soap::Request {
            // The oldest server that has the service, so that every one takes it.
            requested_server_version: Some("Exchange2010".into()),
            to: Some(self.endpoint.url().into()),
            ..soap::Request::new(RequestBody::UserSettings(SettingsRequest {
                of: vec![Text::from(&*self.address)],
                settings: config.soap_settings.iter().map(|name| Text::from(name.as_str())).collect(),
                requested_version: None,
            }))
        };
        Some((request.soap_action(), request.encode().ok()?.into()))
    }
}

const FOREIGN: HeadError = HeadError::Foreign { what: "address" };

/// The body that asks for an address; `None` for one that XML cannot say.
pub(super) fn pox_request(address: &str) -> Option<Bytes> {
    Request::for_address(Schema::Outlook, address).encode().ok().map(Bytes::from)
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) conn: ConnectionId,
    pub(super) lead: Lead,
    pub(super) head: RequestHead,
    pub(super) body: Bytes,
    pub(super) asked: Instant,
    pub(super) deadline: Instant,
    pub(super) resends: u32,
    pub(super) came: Option<Came>,
    received: Vec<Bytes>,
}

/// Settings as a service gave them.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) response: Response<'static>,
    pub(super) user_settings: Option<SubjectResponse<'static>>,
}

/// What a response comes to.
#[derive(Debug)]
pub(super) enum Answer {
    /// This, and nothing follows.
    Is(Verdict),
    /// Settings.
    Settings(Box<Settings>),
    /// Another URL.
    Url(Via, String),
    /// Another address.
    Address(String),
    /// It has no verdict yet: the body is still to come.
    NotYet,
}

impl Exchange {
    pub(super) fn new(
        conn: ConnectionId,
        lead: Lead,
        request: (RequestHead, Bytes),
        asked: Instant,
        deadline: Instant,
    ) -> Self {
        let (head, body) = request;
        Self { conn, lead, head, body, asked, deadline, resends: 0, came: None, received: Vec::new() }
    }

    /// Forgets what came, for another try on another connection.
    pub(super) fn begin_again(&mut self, conn: ConnectionId) {
        self.conn = conn;
        self.resends = self.resends.saturating_add(1);
        self.came = None;
        self.received.clear();
    }

    /// A final response head.
    pub(super) fn on_head(&mut self, head: &ResponseHead) -> Answer {
        if self.came.is_some() {
            return Answer::Is(unreached("a second response to one request"));
        }
        let status = head.status();
        let text = |name: &str| head.fields().first(name).map(String::from_utf8_lossy);
        let content_type = text(name::CONTENT_TYPE).map(|value| clean(&value, 100).into());
        self.came = Some(Came { status, content_type, bytes: 0 });
        if let (301 | 302 | 303 | 307 | 308, Some(location)) = (status, text(name::LOCATION)) {
            return Answer::Url(Via::Http(status), location.into_owned());
        }
        match (self.lead.kind, status) {
            (Kind::Redirect, _) => Answer::Is(Verdict::NoRedirect),
            (_, 401) => Answer::Is(Verdict::Unauthorized),
            // A fault of SOAP 1.1 travels with 500.
            (_, 200) | (Kind::Json, 400 | 404) | (Kind::Soap, 400 | 500) => Answer::NotYet,
            _ => Answer::Is(Verdict::Status(status)),
        }
    }

    /// A piece of the body.
    pub(super) fn on_body(&mut self, piece: Bytes, limits: &DiscoveryLimits) -> Answer {
        let limit = match self.lead.kind {
            Kind::Json => limits.json.bytes,
            Kind::Service | Kind::Pox | Kind::Soap | Kind::Redirect => limits.xml.bytes,
        };
        let Some(came) = &mut self.came else { return Answer::Is(unreached("a body without a response")) };
        came.bytes = came.bytes.saturating_add(piece.len());
        if came.bytes > limit {
            self.received.clear();
            return Answer::Is(Verdict::TooLarge { limit });
        }
        self.received.push(piece);
        Answer::NotYet
    }

    /// The response is whole.
    pub(super) fn on_end(&mut self, limits: &DiscoveryLimits) -> Answer {
        let Some(came) = &self.came else { return Answer::Is(unreached("the end of a response before its head")) };
        let body = joined(std::mem::take(&mut self.received));
        let html = came.content_type.as_deref().is_some_and(|value| media_type_is(value, "text/html"));
        match self.lead.kind {
            Kind::Json => json_answer(&body, came.status, html, limits),
            Kind::Soap => soap_answer(&body, came.status, html, limits),
            Kind::Service | Kind::Pox | Kind::Redirect => pox_answer(&body, html, limits),
        }
    }
}

fn unreached(reason: &'static str) -> Verdict {
    Verdict::NotReached { cause: oxwire_http::ResetCause::Unspecified, reason: reason.into() }
}

/// One piece as it is; several are copied together.
fn joined(pieces: Vec<Bytes>) -> Bytes {
    match <[Bytes; 1]>::try_from(pieces) {
        Ok([piece]) => piece,
        Err(pieces) => {
            let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
            for piece in &pieces {
                whole.extend_from_slice(piece);
            }
            whole.freeze()
        }
    }
}

fn media_type_is(value: &str, media_type: &str) -> bool {
    value.split(';').next().is_some_and(|bare| bare.trim().eq_ignore_ascii_case(media_type))
}

/// What a POX document comes to. The body decides, whatever its Content-Type says: some servers send documents as `text/html`.
pub(super) fn pox_answer(body: &[u8], html: bool, limits: &DiscoveryLimits) -> Answer {
    let source = match Source::new(body, limits.xml) {
        Ok(source) => source,
        Err(error) => return Answer::Is(if html { Verdict::HtmlPage } else { Verdict::Document(error) }),
    };
    let response = match Response::decode(&source) {
        Ok(response) => response,
        Err(error) => {
            return Answer::Is(if html || is_page(body) { Verdict::HtmlPage } else { Verdict::Document(error) });
        }
    };
    match response.outcome() {
        Outcome::Settings(account) if !account.protocols.is_empty() => {}
        Outcome::RedirectAddr(address) => return Answer::Address(address.trim().to_owned()),
        Outcome::RedirectUrl(url) => return Answer::Url(Via::RedirectUrl, url.to_owned()),
        Outcome::Error(error) => {
            let code = clean(error.error_code.as_deref().unwrap_or("without a number"), 40).into();
            let message = clean(error.message.as_deref().unwrap_or_default(), 200).into();
            return Answer::Is(Verdict::ServerError { code, message });
        }
        Outcome::Settings(_) | Outcome::Nothing => return Answer::Is(Verdict::NoSettings),
    }
    Answer::Settings(Box::new(Settings { response: response.into_owned(), user_settings: None }))
}

/// What a SOAP message comes to.
fn soap_answer(body: &[u8], status: u16, html: bool, limits: &DiscoveryLimits) -> Answer {
    let error = |code: &str, message: Option<&str>| {
        let (code, message) = (clean(code, 40).into(), clean(message.unwrap_or_default(), 200).into());
        Answer::Is(Verdict::ServerError { code, message })
    };
    let page = html || is_page(body);
    let source = Source::new(body, limits.xml);
    let response = match source.as_ref().map_err(|error| *error).and_then(soap::Response::decode) {
        Ok(response) => response,
        Err(_) if status != 200 => return Answer::Is(Verdict::Status(status)),
        Err(_) if page => return Answer::Is(Verdict::HtmlPage),
        Err(error) => return Answer::Is(Verdict::Document(error)),
    };
    let settings = match response.body {
        ResponseBody::UserSettings(settings) => settings,
        ResponseBody::Fault(fault) => return error(&fault.code, Some(&fault.message)),
        _ => return Answer::Is(Verdict::NoSettings),
    };
    if settings.status.code != ErrorCode::NoError {
        return error(settings.status.code.name(), settings.status.message.as_deref());
    }
    let Some(answer) = settings.answers.into_iter().next() else { return Answer::Is(Verdict::NoSettings) };
    let target = answer.redirect_target.as_deref().map(str::trim).filter(|target| !target.is_empty());
    match (&answer.status.code, target) {
        (ErrorCode::NoError, _) if answer.settings.is_empty() => Answer::Is(Verdict::NoSettings),
        (ErrorCode::NoError, _) => {
            let response = answer.to_pox().into_owned();
            Answer::Settings(Box::new(Settings { response, user_settings: Some(answer.into_owned()) }))
        }
        (ErrorCode::RedirectAddress, Some(address)) => Answer::Address(address.to_owned()),
        (ErrorCode::RedirectUrl, Some(url)) => Answer::Url(Via::RedirectUrl, url.to_owned()),
        (code, _) => error(code.name(), answer.status.message.as_deref()),
    }
}

/// Whether a body begins like a page for people.
fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let begins = |with: &str| start.get(..with.len()).is_some_and(|found| found.eq_ignore_ascii_case(with.as_bytes()));
    begins("<!doctype html") || begins("<html")
}

fn json_answer(body: &[u8], status: u16, html: bool, limits: &DiscoveryLimits) -> Answer {
    match json::Answer::decode(body, limits.json) {
        Ok(json::Answer::Url { url, .. }) if status == 200 => Answer::Url(Via::Json, url),
        Ok(json::Answer::Error { code, message }) => {
            let (code, message) = (clean(&code, 40).into(), clean(&message, 200).into());
            Answer::Is(Verdict::ServerError { code, message })
        }
        _ if status != 200 => Answer::Is(Verdict::Status(status)),
        Ok(_) => Answer::Is(Verdict::NoSettings),
        Err(_) if html || is_page(body) => Answer::Is(Verdict::HtmlPage),
        Err(error) => Answer::Is(Verdict::Json(error)),
    }
}
