//! Answers of the SOAP service.

use super::facts::{Known, KnownDomain, KnownFederation, KnownSoap, Mailbox};
use super::question::Reply;
use super::settings;
use crate::soap::{
    DOMAIN_SETTINGS, ErrorCode, Fault, FederationInformation, Request, RequestBody, Response, ResponseBody,
    ServerVersionInfo, Setting, SettingError, SettingsRequest, SettingsResponse, Status, SubjectResponse, TokenIssuer,
    USER_SETTINGS,
};
use crate::text::Text;
use crate::xml::{Source, XmlErrorKind, XmlLimits, is_character};

/// What an HTTP request to `autodiscover.svc` comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedSoap {
    /// Something is asked: look it up, then [`SoapQuestion::answer`].
    Question(SoapQuestion),
    /// The reply is clear already.
    Reply(Reply),
}

/// A request for the settings of users or domains, or for what the organisation is federated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoapQuestion {
    request: Request<'static>,
}

impl AskedSoap {
    /// Reads a request: its method and its body.
    ///
    /// What is no message of this service is answered with a fault. It travels with the status 400: the 500 of SOAP 1.1 would
    /// make a client ask its user for the password. A message that asks for nobody, for nothing, or for more than
    /// [`SoapQuestion::MAX_SUBJECTS`], is answered `InvalidRequest`.
    #[must_use]
    pub fn read(method: &str, body: &[u8], limits: XmlLimits) -> Self {
        if method != "POST" {
            return Self::Reply(fault("s:Client", "This service is asked by POST."));
        }
        let source = Source::new(body, limits);
        let request = source.and_then(|source| Request::decode(&source).map(Request::into_owned));
        let question = match request {
            Ok(request) => SoapQuestion { request },
            Err(error) if error.kind == XmlErrorKind::MustUnderstand => {
                return Self::Reply(fault("s:MustUnderstand", &error.to_string()));
            }
            Err(error) => return Self::Reply(fault("s:Client", &error.to_string())),
        };
        match question.refusal() {
            Some(message) => Self::Reply(question.failed(ErrorCode::InvalidRequest, message)),
            None => Self::Question(question),
        }
    }
}

fn fault(code: &str, message: &str) -> Reply {
    // Words of an error may hold a character of the request that XML forbids.
    let message: String = message.chars().filter(|c| is_character(*c) && !c.is_control()).collect();
    let fault = Fault { code: code.into(), message: message.into(), ..Fault::default() };
    let body = Response::new(ResponseBody::Fault(fault)).encode().unwrap_or_default();
    Reply { status: 400, ..Reply::xml(body) }
}

impl SoapQuestion {
    /// How many users or domains one request may ask for. Exchange has a limit of this order.
    pub const MAX_SUBJECTS: usize = 100;

    /// The request.
    #[must_use]
    pub const fn request(&self) -> &Request<'static> {
        &self.request
    }

    /// The addresses, or the domains, that are asked for, in their order: an answer gives one [`Known`] or
    /// [`KnownDomain`] for each.
    #[must_use]
    pub fn subjects(&self) -> &[Text<'static>] {
        match &self.request.body {
            RequestBody::UserSettings(settings) | RequestBody::DomainSettings(settings) => &settings.of,
            RequestBody::FederationInformation { domain } => std::slice::from_ref(domain),
        }
    }

    fn refusal(&self) -> Option<&'static str> {
        let wants = match &self.request.body {
            RequestBody::UserSettings(settings) | RequestBody::DomainSettings(settings) => {
                !settings.settings.is_empty()
            }
            RequestBody::FederationInformation { .. } => true,
        };
        match self.subjects() {
            [] => Some("The request names nobody."),
            all if all.len() > Self::MAX_SUBJECTS => Some("The request names too many."),
            _ if !wants => Some("The request names no setting."),
            _ => None,
        }
    }

    /// The answer, from what the caller found. `server` is told in the header `ServerVersionInfo`.
    ///
    /// Facts of another operation than the one that was asked for are an `InternalServerError` inside the document.
    #[must_use]
    pub fn answer(&self, known: KnownSoap<'_>, server: Option<&ServerVersionInfo<'_>>) -> Reply {
        let body = match (&self.request.body, known) {
            (RequestBody::UserSettings(asked), KnownSoap::Users(users)) => {
                let found = users.iter().map(|known| user(asked, *known));
                ResponseBody::UserSettings(whole(asked, found, &ErrorCode::InvalidUser))
            }
            (RequestBody::DomainSettings(asked), KnownSoap::Domains(domains)) => {
                let found = domains.iter().map(|known| domain(asked, *known));
                ResponseBody::DomainSettings(whole(asked, found, &ErrorCode::InvalidDomain))
            }
            (RequestBody::FederationInformation { .. }, KnownSoap::Federation(known)) => {
                ResponseBody::FederationInformation(federation(known))
            }
            (_, KnownSoap::Busy) => return self.failed(ErrorCode::ServerBusy, "Ask again later."),
            (_, KnownSoap::Trouble(message)) => return self.failed(ErrorCode::InternalServerError, message),
            _ => return self.failed(ErrorCode::InternalServerError, "The answer belongs to another operation."),
        };
        self.reply(body, server)
    }

    fn reply(&self, body: ResponseBody<'_>, server: Option<&ServerVersionInfo<'_>>) -> Reply {
        let response = Response { relates_to: self.request.message_id.clone(), server_version: server.cloned(), body };
        match response.encode() {
            Ok(body) => Reply::xml(body),
            // A character that XML cannot hold, in the caller's facts.
            Err(_) => self.failed(ErrorCode::InternalServerError, "The answer cannot be written."),
        }
    }

    /// The whole request comes to an error.
    fn failed(&self, code: ErrorCode<'_>, message: &str) -> Reply {
        let status = Status { code, message: Some(message.into()) };
        let settings = |status| SettingsResponse { status, answers: Vec::new() };
        let body = match &self.request.body {
            RequestBody::UserSettings(_) => ResponseBody::UserSettings(settings(status)),
            RequestBody::DomainSettings(_) => ResponseBody::DomainSettings(settings(status)),
            RequestBody::FederationInformation { .. } => ResponseBody::FederationInformation(FederationInformation {
                status,
                ..FederationInformation::default()
            }),
        };
        let relates_to = self.request.message_id.clone();
        let response = Response { relates_to, ..Response::new(body) };
        response.encode().map_or_else(|_| fault("s:Server", "The answer cannot be written."), Reply::xml)
    }
}

fn no_error() -> Status<'static> {
    Status { code: ErrorCode::NoError, message: Some("No error.".into()) }
}

/// One answer for each that was asked for; those that the caller says nothing of get `missing`.
fn whole<'f>(
    asked: &SettingsRequest<'_>,
    found: impl Iterator<Item = SubjectResponse<'f>>,
    missing: &ErrorCode<'static>,
) -> SettingsResponse<'f> {
    let mut answers: Vec<_> = found.take(asked.of.len()).collect();
    answers.resize_with(asked.of.len(), || refused(missing.clone(), NOBODY));
    SettingsResponse { status: Status { code: ErrorCode::NoError, message: None }, answers }
}

const NOBODY: &str = "Nothing is known of it here.";

fn refused<'f>(code: ErrorCode<'f>, message: &'f str) -> SubjectResponse<'f> {
    let status = Status { code, message: Some(message.into()) };
    SubjectResponse { status, ..SubjectResponse::default() }
}

fn redirected<'f>(code: ErrorCode<'f>, target: &'f str) -> SubjectResponse<'f> {
    SubjectResponse { redirect_target: Some(target.into()), ..refused(code, "Ask elsewhere.") }
}

/// The settings that were asked for, each as a setting or as an error.
fn settings_of<'f>(
    asked: &SettingsRequest<'_>,
    known: &[&'static str],
    value: impl Fn(&'static str) -> Option<Setting<'f>>,
) -> SubjectResponse<'f> {
    let mut response = SubjectResponse { status: no_error(), ..SubjectResponse::default() };
    for name in &asked.settings {
        let error = |code, message: &'static str| SettingError {
            name: name.clone().into_owned().into(),
            status: Status { code, message: Some(message.into()) },
        };
        match known.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(name) => match value(name) {
                Some(setting) => response.settings.push(setting),
                None => response.errors.push(error(ErrorCode::SettingIsNotAvailable, "The setting has no value here.")),
            },
            None => response.errors.push(error(ErrorCode::InvalidSetting, "There is no such setting.")),
        }
    }
    response
}

fn user<'f>(asked: &SettingsRequest<'_>, known: Known<'f>) -> SubjectResponse<'f> {
    match known {
        Known::Mailbox(mailbox) => settings_of(asked, USER_SETTINGS, |name| user_setting(mailbox, name)),
        Known::RedirectAddr(address) => redirected(ErrorCode::RedirectAddress, address),
        Known::RedirectUrl(url) => redirected(ErrorCode::RedirectUrl, url),
        Known::Nobody => refused(ErrorCode::InvalidUser, NOBODY),
        Known::Trouble(message) => refused(ErrorCode::InternalServerError, message),
    }
}

fn user_setting<'f>(mailbox: &'f Mailbox, name: &'static str) -> Option<Setting<'f>> {
    let own = mailbox.settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    match own {
        Some((_, value)) => Some(Setting::text(name, value.as_str())),
        None => settings::value(mailbox, name).map(|value| Setting { name: name.into(), value }),
    }
}

fn domain<'f>(asked: &SettingsRequest<'_>, known: KnownDomain<'f>) -> SubjectResponse<'f> {
    match known {
        KnownDomain::Settings(values) => settings_of(asked, DOMAIN_SETTINGS, |name| {
            let (_, value) = values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(Setting::text(name, *value))
        }),
        KnownDomain::RedirectUrl(url) => redirected(ErrorCode::RedirectUrl, url),
        KnownDomain::Unknown => refused(ErrorCode::InvalidDomain, NOBODY),
        KnownDomain::Trouble(message) => refused(ErrorCode::InternalServerError, message),
    }
}

fn federation(known: KnownFederation<'_>) -> FederationInformation<'_> {
    match known {
        KnownFederation::Federated { application_uri, domains, token_issuers } => FederationInformation {
            status: Status { code: ErrorCode::NoError, message: None },
            application_uri: Some(application_uri.into()),
            domains: domains.iter().map(|domain| Text::from(*domain)).collect(),
            token_issuers: token_issuers
                .iter()
                .map(|(uri, endpoint)| TokenIssuer { uri: Some((*uri).into()), endpoint: Some((*endpoint).into()) })
                .collect(),
            unknown: Vec::new(),
        },
        KnownFederation::NotFederated => {
            let message = Some("The organisation is not federated.".into());
            let status = Status { code: ErrorCode::NotFederated, message };
            FederationInformation { status, ..FederationInformation::default() }
        }
        KnownFederation::UnknownDomain => {
            let status = Status { code: ErrorCode::InvalidDomain, message: Some(NOBODY.into()) };
            FederationInformation { status, ..FederationInformation::default() }
        }
    }
}
