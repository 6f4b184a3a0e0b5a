//! Requests.

use oxwire_core::EncodeError;

use super::envelope::{self, Headers, NAMESPACE, is, list, some, within};
use crate::text::{IntoOwned, Text, into_owned};
use crate::xml::{Reader, Source, Writer, XmlError, XmlErrorKind};

/// Settings of users, or of domains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsRequest<'x> {
    /// The addresses of the mailboxes, or the domains.
    pub of: Vec<Text<'x>>,
    /// The names of the settings.
    pub settings: Vec<Text<'x>>,
    /// `RequestedVersion`: the oldest server that the answer may name.
    pub requested_version: Option<Text<'x>>,
}
into_owned!(SettingsRequest { of, settings, requested_version });

/// The operation that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestBody<'x> {
    /// GetUserSettings.
    UserSettings(SettingsRequest<'x>),
    /// GetDomainSettings.
    DomainSettings(SettingsRequest<'x>),
    /// GetFederationInformation.
    FederationInformation {
        /// The domain.
        domain: Text<'x>,
    },
}

impl IntoOwned for RequestBody<'_> {
    type Owned = RequestBody<'static>;

    fn owned(self) -> Self::Owned {
        match self {
            Self::UserSettings(settings) => RequestBody::UserSettings(settings.owned()),
            Self::DomainSettings(settings) => RequestBody::DomainSettings(settings.owned()),
            Self::FederationInformation { domain } => RequestBody::FederationInformation { domain: domain.owned() },
        }
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'x> {
    /// The header `RequestedServerVersion`, as in `Exchange2013`.
    pub requested_server_version: Option<Text<'x>>,
    /// The header `To`: the URL that is asked.
    pub to: Option<Text<'x>>,
    /// The header `MessageID`, which the response repeats.
    pub message_id: Option<Text<'x>>,
    /// The header `ReplyTo`: the `Address` in it.
    pub reply_to: Option<Text<'x>>,
    /// What is asked.
    pub body: RequestBody<'x>,
}
into_owned!(Request { requested_server_version, to, message_id, reply_to, body });

impl<'x> Request<'x> {
    /// A request without headers.
    #[must_use]
    pub const fn new(body: RequestBody<'x>) -> Self {
        Self { requested_server_version: None, to: None, message_id: None, reply_to: None, body }
    }

    /// The value of the HTTP header `SOAPAction`, quotes included.
    #[must_use]
    pub fn soap_action(&self) -> String {
        let (action, _) = self.names();
        format!("\"{}\"", envelope::action(action))
    }

    /// The operation's name, and that of its message.
    const fn names(&self) -> (&'static str, &'static str) {
        match &self.body {
            RequestBody::UserSettings(_) => ("GetUserSettings", "GetUserSettingsRequestMessage"),
            RequestBody::DomainSettings(_) => ("GetDomainSettings", "GetDomainSettingsRequestMessage"),
            RequestBody::FederationInformation { .. } => {
                ("GetFederationInformation", "GetFederationInformationRequestMessage")
            }
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, no envelope, no operation of this service in it;
    /// [`XmlErrorKind::MustUnderstand`] for a header that must be understood and is not.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        let (headers, body) = envelope::decode(source, true, |reader, message| match () {
            () if is(message, "GetUserSettingsRequestMessage") => {
                settings(reader, "Users", "User").map(RequestBody::UserSettings)
            }
            () if is(message, "GetDomainSettingsRequestMessage") => {
                settings(reader, "Domains", "Domain").map(RequestBody::DomainSettings)
            }
            () if is(message, "GetFederationInformationRequestMessage") => {
                let mut domain = Text::Borrowed("");
                within(reader, "Request", |reader| {
                    within(reader, "Domain", |reader| {
                        domain = reader.text()?;
                        Ok(())
                    })
                })?;
                Ok(RequestBody::FederationInformation { domain })
            }
            () => {
                let expected = "of a request: GetUserSettingsRequestMessage and its kin";
                Err(reader.error_at(message, XmlErrorKind::Element { expected }))
            }
        })?;
        let Headers { version, to, message_id, reply_to, .. } = headers;
        Ok(Self { requested_server_version: version, to, message_id, reply_to, body })
    }

    /// Writes the request.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let headers = Headers {
            version: self.requested_server_version.clone(),
            to: self.to.clone(),
            message_id: self.message_id.clone(),
            reply_to: self.reply_to.clone(),
            ..Headers::default()
        };
        let (action, message) = self.names();
        envelope::encode(action, &headers, |writer| {
            writer.start(message, &[("xmlns", NAMESPACE)])?;
            writer.start("Request", &[])?;
            match &self.body {
                RequestBody::UserSettings(settings) => {
                    writer.start("Users", &[])?;
                    for mailbox in &settings.of {
                        writer.start("User", &[])?;
                        writer.text("Mailbox", mailbox)?;
                        writer.end("User");
                    }
                    writer.end("Users");
                    write_settings(settings, writer)?;
                }
                RequestBody::DomainSettings(settings) => {
                    writer.start("Domains", &[])?;
                    for domain in &settings.of {
                        writer.text("Domain", domain)?;
                    }
                    writer.end("Domains");
                    write_settings(settings, writer)?;
                }
                RequestBody::FederationInformation { domain } => writer.text("Domain", domain)?,
            }
            writer.end("Request");
            writer.end(message);
            Ok(())
        })
    }
}

fn write_settings(request: &SettingsRequest<'_>, writer: &mut Writer) -> Result<(), EncodeError> {
    writer.start("RequestedSettings", &[])?;
    for setting in &request.settings {
        writer.text("Setting", setting)?;
    }
    writer.end("RequestedSettings");
    writer.optional("RequestedVersion", request.requested_version.as_deref())
}

fn settings<'x>(reader: &mut Reader<'x>, many: &str, one: &str) -> Result<SettingsRequest<'x>, XmlError> {
    let mut request = SettingsRequest::default();
    within(reader, "Request", |reader| {
        while let Some(element) = reader.child()? {
            match () {
                () if is(&element, many) && one == "User" => {
                    within(reader, one, |reader| list(reader, "Mailbox", &mut request.of))?;
                }
                () if is(&element, many) => list(reader, one, &mut request.of)?,
                () if is(&element, "RequestedSettings") => list(reader, "Setting", &mut request.settings)?,
                () if is(&element, "RequestedVersion") => request.requested_version = some(reader)?,
                () => reader.skip()?,
            }
        }
        Ok(())
    })?;
    Ok(request)
}
