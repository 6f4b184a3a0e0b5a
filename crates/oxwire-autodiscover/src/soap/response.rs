//! Responses.

use oxwire_core::EncodeError;

use super::code::ErrorCode;
use super::envelope::{self, Headers, NAMESPACE, is, keep, list, some, within};
use crate::pox::Unknown;
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

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'x> {
    /// Text.
    Text(Text<'x>),
    /// A collection, kept as markup.
    Collection {
        /// The attribute `type`, as in `ProtocolConnectionCollectionSetting`.
        kind: Text<'x>,
        /// The element that holds the collection.
        markup: Unknown<'x>,
    },
}

impl IntoOwned for Value<'_> {
    type Owned = Value<'static>;

    fn owned(self) -> Self::Owned {
        match self {
            Self::Text(text) => Value::Text(text.owned()),
            Self::Collection { kind, markup } => Value::Collection { kind: kind.owned(), markup: markup.owned() },
        }
    }
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<'x> {
    /// Its name, as in `ExternalEwsUrl`.
    pub name: Text<'x>,
    /// Its value.
    pub value: Value<'x>,
}
into_owned!(Setting { name, value });

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
}
into_owned!(SubjectResponse { status, redirect_target, errors, settings });

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
}
into_owned!(FederationInformation { status, application_uri, domains, token_issuers });

/// A fault of SOAP: the request was not taken at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault<'x> {
    /// `faultcode`, with its prefix.
    pub code: Text<'x>,
    /// `faultstring`.
    pub message: Text<'x>,
}
into_owned!(Fault { code, message });

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
    /// What is answered.
    pub body: ResponseBody<'x>,
}
into_owned!(Response { relates_to, body });

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
    /// Reads a response.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, no envelope, no answer of this service in it.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        let (headers, body) = envelope::decode(source, |reader, message| match () {
            () if is(message, USER.message) => settings(reader, &USER).map(ResponseBody::UserSettings),
            () if is(message, DOMAIN.message) => settings(reader, &DOMAIN).map(ResponseBody::DomainSettings),
            () if is(message, FEDERATION) => federation(reader).map(ResponseBody::FederationInformation),
            () if is(message, "Fault") => fault(reader).map(ResponseBody::Fault),
            () => {
                let expected = "of a response: GetUserSettingsResponseMessage and its kin, or Fault";
                Err(reader.error_at(message, XmlErrorKind::Element { expected }))
            }
        })?;
        Ok(Self { relates_to: headers.relates_to, body })
    }

    /// Writes the response.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let headers = Headers { relates_to: self.relates_to.clone(), ..Headers::default() };
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
                    answer.settings.extend(setting(reader, &element)?);
                } else {
                    reader.skip()?;
                }
            }
        } else if !answer.status.take(reader, &element)? {
            reader.skip()?;
        }
    }
    Ok(answer)
}

/// A setting; `None` where it has a name and no value.
fn setting<'x>(reader: &mut Reader<'x>, start: &Element<'x>) -> Result<Option<Setting<'x>>, XmlError> {
    let kind = start.attribute("type").unwrap_or_default();
    let mut name = Text::Borrowed("");
    let mut value = None;
    while let Some(element) = reader.child()? {
        if is(&element, "Name") {
            name = reader.text()?;
        } else if is(&element, "Value") {
            value = Some(Value::Text(reader.text()?));
        } else if value.is_none() {
            value = Some(Value::Collection { kind: kind.clone(), markup: keep(reader, &element)? });
        } else {
            reader.skip()?;
        }
    }
    Ok(value.map(|value| Setting { name, value }))
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
                reader.skip()?;
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
            () => reader.skip()?,
        }
    }
    Ok(fault)
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
            let kind = match &setting.value {
                Value::Text(_) => names.text,
                Value::Collection { kind, .. } => kind,
            };
            writer.start(names.setting, &[("i:type", kind)])?;
            writer.text("Name", &setting.name)?;
            match &setting.value {
                Value::Text(text) => writer.text("Value", text)?,
                Value::Collection { markup, .. } => markup.encode(writer),
            }
            writer.end(names.setting);
        }
        writer.end(names.settings);
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
    writer.end("Response");
    writer.end(FEDERATION);
    Ok(())
}
