//! Responses.

use oxwire_core::EncodeError;

use super::code::ErrorCode;
use super::envelope::{self, Headers, NAMESPACE, ServerVersionInfo, is, keep, list, some, within};
use super::setting::{Setting, Value};
use crate::pox::Unknown;
use crate::pox::element::encode_unknown;
use crate::text::{IntoOwned, Text, into_owned};
use crate::xml::{Element, Reader, Source, Writer, XmlError, XmlErrorKind};

/// `ErrorCode` and `ErrorMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status<'x> {
    /// The code; [`ErrorCode::NoError`] where there is none.
    pub code: ErrorCode<'x>,
    /// The server's words.
    pub message: Option<Text<'x>>,
}
into_owned!(Status { code, message });

impl Default for Status<'_> {
    fn default() -> Self {
        Self { code: ErrorCode::NoError, message: None }
    }
}

impl<'x> Status<'x> {
    /// Takes the element where it is one of the two.
    fn take(&mut self, reader: &mut Reader<'x>, element: &Element<'x>) -> Result<bool, XmlError> {
        if is(element, "ErrorCode") {
            self.code = some(reader)?.map_or(ErrorCode::NoError, ErrorCode::of);
        } else if is(element, "ErrorMessage") {
            self.message = some(reader)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.text("ErrorCode", self.code.name())?;
        writer.text("ErrorMessage", self.message.as_deref().unwrap_or_default())
    }
}

/// A setting that could not be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingError<'x> {
    /// Its name.
    pub name: Text<'x>,
    /// Why.
    pub status: Status<'x>,
}
into_owned!(SettingError { name, status });

/// The answer for one user, or one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectResponse<'x> {
    /// What the server says of it.
    pub status: Status<'x>,
    /// The address or the URL to ask next, with [`ErrorCode::RedirectAddress`] and [`ErrorCode::RedirectUrl`].
    pub redirect_target: Option<Text<'x>>,
    /// Settings that could not be given.
    pub errors: Vec<SettingError<'x>>,
    /// The settings.
    pub settings: Vec<Setting<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(SubjectResponse { status, redirect_target, errors, settings, unknown });

impl SubjectResponse<'_> {
    /// The text of a setting.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings.iter().find_map(|setting| match &setting.value {
            Value::Text(text) if setting.name == name => Some(&**text),
            _ => None,
        })
    }
}

/// The answer to GetUserSettings or GetDomainSettings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsResponse<'x> {
    /// What the server says of the whole request.
    pub status: Status<'x>,
    /// The answers, in the order of the request.
    pub answers: Vec<SubjectResponse<'x>>,
}
into_owned!(SettingsResponse { status, answers });

/// `TokenIssuer`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenIssuer<'x> {
    /// `Endpoint`: a URL.
    pub endpoint: Option<Text<'x>>,
    /// `Uri`.
    pub uri: Option<Text<'x>>,
}
into_owned!(TokenIssuer { endpoint, uri });

/// The answer to GetFederationInformation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FederationInformation<'x> {
    /// What the server says of the request.
    pub status: Status<'x>,
    /// `ApplicationUri`.
    pub application_uri: Option<Text<'x>>,
    /// `Domains`.
    pub domains: Vec<Text<'x>>,
    /// `TokenIssuers`.
    pub token_issuers: Vec<TokenIssuer<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(FederationInformation { status, application_uri, domains, token_issuers, unknown });

/// A fault of SOAP: the request was not taken at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault<'x> {
    /// `faultcode`, with its prefix; `Code` of SOAP 1.2.
    pub code: Text<'x>,
    /// `faultstring`; `Reason` of SOAP 1.2.
    pub message: Text<'x>,
    /// `faultactor`: who says so, where that is not the server that was asked.
    pub actor: Option<Text<'x>>,
    /// `detail`, as it stands.
    pub detail: Option<Unknown<'x>>,
}
into_owned!(Fault { code, message, actor, detail });

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseBody<'x> {
    /// GetUserSettings.
    UserSettings(SettingsResponse<'x>),
    /// GetDomainSettings.
    DomainSettings(SettingsResponse<'x>),
    /// GetFederationInformation.
    FederationInformation(FederationInformation<'x>),
    /// A fault.
    Fault(Fault<'x>),
}

impl IntoOwned for ResponseBody<'_> {
    type Owned = ResponseBody<'static>;

    fn owned(self) -> Self::Owned {
        match self {
            Self::UserSettings(settings) => ResponseBody::UserSettings(settings.owned()),
            Self::DomainSettings(settings) => ResponseBody::DomainSettings(settings.owned()),
            Self::FederationInformation(federation) => ResponseBody::FederationInformation(federation.owned()),
            Self::Fault(fault) => ResponseBody::Fault(fault.owned()),
        }
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'x> {
    /// The header `RelatesTo`: the request's `MessageID`.
    pub relates_to: Option<Text<'x>>,
    /// The header `ServerVersionInfo`: which server answered.
    pub server_version: Option<ServerVersionInfo<'x>>,
    /// What is answered.
    pub body: ResponseBody<'x>,
}
into_owned!(Response { relates_to, server_version, body });

/// The names of one operation's elements.
struct Names {
    action: &'static str,
    message: &'static str,
    responses: &'static str,
    response: &'static str,
    errors: &'static str,
    error: &'static str,
    settings: &'static str,
    setting: &'static str,
    text: &'static str,
}

const USER: Names = Names {
    action: "GetUserSettingsResponse",
    message: "GetUserSettingsResponseMessage",
    responses: "UserResponses",
    response: "UserResponse",
    errors: "UserSettingErrors",
    error: "UserSettingError",
    settings: "UserSettings",
    setting: "UserSetting",
    text: "StringSetting",
};

const DOMAIN: Names = Names {
    action: "GetDomainSettingsResponse",
    message: "GetDomainSettingsResponseMessage",
    responses: "DomainResponses",
    response: "DomainResponse",
    errors: "DomainSettingErrors",
    error: "DomainSettingError",
    settings: "DomainSettings",
    setting: "DomainSetting",
    text: "DomainStringSetting",
};

const FEDERATION: &str = "GetFederationInformationResponseMessage";

impl<'x> Response<'x> {
    /// A response without headers.
    #[must_use]
    pub const fn new(body: ResponseBody<'x>) -> Self {
        Self { relates_to: None, server_version: None, body }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, no envelope, no answer of this service in it.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        let (headers, body) = envelope::decode(source, false, |reader, message| match () {
            () if is(message, USER.message) => settings(reader, &USER).map(ResponseBody::UserSettings),
            () if is(message, DOMAIN.message) => settings(reader, &DOMAIN).map(ResponseBody::DomainSettings),
            () if is(message, FEDERATION) => federation(reader).map(ResponseBody::FederationInformation),
            () if is(message, "Fault") => fault(reader).map(ResponseBody::Fault),
            () => {
                let expected = "of a response: GetUserSettingsResponseMessage and its kin, or Fault";
                Err(reader.error_at(message, XmlErrorKind::Element { expected }))
            }
        })?;
        Ok(Self { relates_to: headers.relates_to, server_version: headers.server_version, body })
    }

    /// Writes the response.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let headers = Headers {
            relates_to: self.relates_to.clone(),
            server_version: self.server_version.clone(),
            ..Headers::default()
        };
        let action = match &self.body {
            ResponseBody::UserSettings(_) => USER.action,
            ResponseBody::DomainSettings(_) => DOMAIN.action,
            ResponseBody::FederationInformation(_) => "GetFederationInformationResponse",
            ResponseBody::Fault(_) => "",
        };
        envelope::encode(action, &headers, |writer| match &self.body {
            ResponseBody::UserSettings(response) => write_settings(response, &USER, writer),
            ResponseBody::DomainSettings(response) => write_settings(response, &DOMAIN, writer),
            ResponseBody::FederationInformation(response) => write_federation(response, writer),
            ResponseBody::Fault(fault) => {
                writer.start("s:Fault", &[])?;
                writer.text("faultcode", &fault.code)?;
                writer.text("faultstring", &fault.message)?;
                writer.optional("faultactor", fault.actor.as_deref())?;
                if let Some(detail) = &fault.detail {
                    detail.encode(writer);
                }
                writer.end("s:Fault");
                Ok(())
            }
        })
    }
}

fn settings<'x>(reader: &mut Reader<'x>, names: &Names) -> Result<SettingsResponse<'x>, XmlError> {
    let mut response = SettingsResponse::default();
    within(reader, "Response", |reader| {
        while let Some(element) = reader.child()? {
            if is(&element, names.responses) {
                within(reader, names.response, |reader| {
                    response.answers.push(subject(reader, names)?);
                    Ok(())
                })?;
            } else if !response.status.take(reader, &element)? {
                reader.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(response)
}

fn subject<'x>(reader: &mut Reader<'x>, names: &Names) -> Result<SubjectResponse<'x>, XmlError> {
    let mut answer = SubjectResponse::default();
    while let Some(element) = reader.child()? {
        if is(&element, "RedirectTarget") {
            answer.redirect_target = some(reader)?;
        } else if is(&element, names.errors) {
            within(reader, names.error, |reader| {
                let mut error = SettingError::default();
                while let Some(element) = reader.child()? {
                    if is(&element, "SettingName") {
                        error.name = reader.text()?;
                    } else if !error.status.take(reader, &element)? {
                        reader.skip()?;
                    }
                }
                answer.errors.push(error);
                Ok(())
            })?;
        } else if is(&element, names.settings) {
            while let Some(element) = reader.child()? {
                if is(&element, names.setting) {
                    answer.settings.extend(Setting::decode(reader, &element)?);
                } else {
                    reader.skip()?;
                }
            }
        } else if !answer.status.take(reader, &element)? {
            answer.unknown.push(keep(reader, &element)?);
        }
    }
    Ok(answer)
}

fn federation<'x>(reader: &mut Reader<'x>) -> Result<FederationInformation<'x>, XmlError> {
    let mut response = FederationInformation::default();
    within(reader, "Response", |reader| {
        while let Some(element) = reader.child()? {
            if is(&element, "ApplicationUri") {
                response.application_uri = some(reader)?;
            } else if is(&element, "Domains") {
                list(reader, "Domain", &mut response.domains)?;
            } else if is(&element, "TokenIssuers") {
                within(reader, "TokenIssuer", |reader| {
                    let mut issuer = TokenIssuer::default();
                    while let Some(element) = reader.child()? {
                        match () {
                            () if is(&element, "Endpoint") => issuer.endpoint = some(reader)?,
                            () if is(&element, "Uri") => issuer.uri = some(reader)?,
                            () => reader.skip()?,
                        }
                    }
                    response.token_issuers.push(issuer);
                    Ok(())
                })?;
            } else if !response.status.take(reader, &element)? {
                response.unknown.push(keep(reader, &element)?);
            }
        }
        Ok(())
    })?;
    Ok(response)
}

fn fault<'x>(reader: &mut Reader<'x>) -> Result<Fault<'x>, XmlError> {
    let mut fault = Fault::default();
    while let Some(element) = reader.child()? {
        match () {
            () if is(&element, "faultcode") => fault.code = reader.text()?,
            () if is(&element, "faultstring") => fault.message = reader.text()?,
            () if is(&element, "faultactor") => fault.actor = some(reader)?,
            () if is(&element, "detail") && fault.detail.is_none() => fault.detail = Some(keep(reader, &element)?),
            () if is(&element, "Code") => inside(reader, "Value", &mut fault.code)?,
            () if is(&element, "Reason") => inside(reader, "Text", &mut fault.message)?,
            () => reader.skip()?,
        }
    }
    Ok(fault)
}

/// The text of the last element of a name inside the innermost element.
fn inside<'x>(reader: &mut Reader<'x>, name: &str, to: &mut Text<'x>) -> Result<(), XmlError> {
    within(reader, name, |reader| {
        *to = reader.text()?;
        Ok(())
    })
}

const INSTANCE: (&str, &str) = ("xmlns:i", "http://www.w3.org/2001/XMLSchema-instance");

fn write_settings(response: &SettingsResponse<'_>, names: &Names, writer: &mut Writer) -> Result<(), EncodeError> {
    writer.start(names.message, &[("xmlns", NAMESPACE)])?;
    writer.start("Response", &[INSTANCE])?;
    response.status.encode(writer)?;
    writer.start(names.responses, &[])?;
    for answer in &response.answers {
        writer.start(names.response, &[])?;
        answer.status.encode(writer)?;
        match &answer.redirect_target {
            Some(target) => writer.text("RedirectTarget", target)?,
            None => writer.empty("RedirectTarget", &[("i:nil", "true")])?,
        }
        writer.start(names.errors, &[])?;
        for error in &answer.errors {
            writer.start(names.error, &[])?;
            error.status.encode(writer)?;
            writer.text("SettingName", &error.name)?;
            writer.end(names.error);
        }
        writer.end(names.errors);
        writer.start(names.settings, &[])?;
        for setting in &answer.settings {
            setting.encode(names.setting, names.text, writer)?;
        }
        writer.end(names.settings);
        encode_unknown(&answer.unknown, writer);
        writer.end(names.response);
    }
    writer.end(names.responses);
    writer.end("Response");
    writer.end(names.message);
    Ok(())
}

fn write_federation(response: &FederationInformation<'_>, writer: &mut Writer) -> Result<(), EncodeError> {
    writer.start(FEDERATION, &[("xmlns", NAMESPACE)])?;
    writer.start("Response", &[INSTANCE])?;
    response.status.encode(writer)?;
    writer.optional("ApplicationUri", response.application_uri.as_deref())?;
    writer.start("Domains", &[])?;
    for domain in &response.domains {
        writer.text("Domain", domain)?;
    }
    writer.end("Domains");
    writer.start("TokenIssuers", &[])?;
    for issuer in &response.token_issuers {
        writer.start("TokenIssuer", &[])?;
        writer.optional("Endpoint", issuer.endpoint.as_deref())?;
        writer.optional("Uri", issuer.uri.as_deref())?;
        writer.end("TokenIssuer");
    }
    writer.end("TokenIssuers");
    encode_unknown(&response.unknown, writer);
    writer.end("Response");
    writer.end(FEDERATION);
    Ok(())
}
