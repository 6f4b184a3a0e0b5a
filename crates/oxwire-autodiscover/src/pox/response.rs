//! Outlook's response.

use oxwire_core::EncodeError;

use super::element::{Unknown, document, encode_unknown, is, leaves, once, write_document};
use super::protocol::{Protocol, ProtocolType};
use super::schema::{self, Schema};
use crate::text::{IntoOwned, Text, into_owned};
use crate::xml::{Element, Reader, Source, Writer, XmlError};

leaves! {
    /// The user: [MS-OXDSCLI] 2.2.4.1.1.1.
    User {
        /// `DisplayName`.
        display_name: "DisplayName",
        /// `LegacyDN`: the distinguished name that Connect of MAPI/HTTP and EcDoConnectEx are given.
        legacy_dn: "LegacyDN",
        /// `AutoDiscoverSMTPAddress`: the user's primary address.
        auto_discover_smtp_address: "AutoDiscoverSMTPAddress",
        /// `DeploymentId`: the forest, a GUID.
        deployment_id: "DeploymentId",
    }
}

leaves! {
    /// Another mailbox that the user has access to: [MS-OXDSCLI] 2.2.4.1.1.2.1.
    AlternativeMailbox {
        /// `Type`: `Archive`, `Delegate` or `TeamMailbox`.
        mailbox_type: "Type",
        /// `DisplayName`.
        display_name: "DisplayName",
        /// `LegacyDN`; Exchange SE leaves it out where it gives `SmtpAddress`.
        legacy_dn: "LegacyDN",
        /// `Server`: the server, in the form of `EXCH`'s.
        server: "Server",
        /// `SmtpAddress`: the address to ask Autodiscover for in turn.
        smtp_address: "SmtpAddress",
        /// `OwnerSmtpAddress`: the address of the mailbox's owner.
        owner_smtp_address: "OwnerSmtpAddress",
    }
}

leaves! {
    /// The public folder mailbox of the user.
    PublicFolderInformation {
        /// `SmtpAddress`: the address to ask Autodiscover for in turn.
        smtp_address: "SmtpAddress",
    }
}

/// What the client does with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'x> {
    /// `settings`: the settings are here.
    Settings,
    /// `redirectAddr`: ask again for another address.
    RedirectAddr,
    /// `redirectUrl`: ask again at another URL.
    RedirectUrl,
    /// Another action.
    Other(Text<'x>),
}

impl<'x> Action<'x> {
    fn of(name: Text<'x>) -> Self {
        match () {
            () if name.eq_ignore_ascii_case("settings") => Self::Settings,
            () if name.eq_ignore_ascii_case("redirectAddr") => Self::RedirectAddr,
            () if name.eq_ignore_ascii_case("redirectUrl") => Self::RedirectUrl,
            () => Self::Other(name),
        }
    }

    /// The name, in the specification's spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Settings => "settings",
            Self::RedirectAddr => "redirectAddr",
            Self::RedirectUrl => "redirectUrl",
            Self::Other(name) => name,
        }
    }
}

impl IntoOwned for Action<'_> {
    type Owned = Action<'static>;

    fn owned(self) -> Self::Owned {
        Action::of(Text::from(self.name().to_owned()))
    }
}

/// An error that the server answers: [MS-OXDSCLI] 2.2.4.1.2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError<'x> {
    /// The attribute `Time`.
    pub time: Option<Text<'x>>,
    /// The attribute `Id`: a hash of the server's name.
    pub id: Option<Text<'x>>,
    /// `ErrorCode`, as it came: see [`ServerError::code`].
    pub error_code: Option<Text<'x>>,
    /// `Message`.
    pub message: Option<Text<'x>>,
    /// `DebugData`.
    pub debug_data: Option<Text<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(ServerError { time, id, error_code, message, debug_data, unknown });

impl<'x> ServerError<'x> {
    /// 600: the request was not understood, or was no request (a GET).
    pub const INVALID_REQUEST: u16 = 600;
    /// 601: no provider answers the schema that was asked for.
    pub const NO_PROVIDER: u16 = 601;
    /// 500: the address cannot be found, or nothing can be given for it.
    pub const UNKNOWN_ADDRESS: u16 = 500;

    /// An error of a number, with its message.
    #[must_use]
    pub fn new(code: u16, message: impl Into<Text<'x>>) -> Self {
        Self {
            error_code: Some(code.to_string().into()),
            message: Some(message.into()),
            debug_data: Some("".into()),
            ..ServerError::default()
        }
    }

    /// The error's number.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.error_code.as_deref()?.parse().ok()
    }

    pub(super) fn decode(reader: &mut Reader<'x>, element: &Element<'x>) -> Result<Self, XmlError> {
        let mut error = Self { time: element.attribute("Time"), id: element.attribute("Id"), ..ServerError::default() };
        while let Some(element) = reader.child()? {
            let field = match () {
                () if is(&element, "ErrorCode") => &mut error.error_code,
                () if is(&element, "Message") => &mut error.message,
                () if is(&element, "DebugData") => &mut error.debug_data,
                () => {
                    error.unknown.push(Unknown::decode(reader, &element)?);
                    continue;
                }
            };
            once(field, &mut error.unknown, reader, &element)?;
        }
        Ok(error)
    }

    pub(super) fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        let time = self.time.as_deref().map(|time| ("Time", time));
        let id = self.id.as_deref().map(|id| ("Id", id));
        let attributes: Vec<_> = time.into_iter().chain(id).collect();
        writer.start("Error", &attributes)?;
        writer.optional("ErrorCode", self.error_code.as_deref())?;
        writer.optional("Message", self.message.as_deref())?;
        writer.optional("DebugData", self.debug_data.as_deref())?;
        encode_unknown(&self.unknown, writer);
        writer.end("Error");
        Ok(())
    }
}

/// The account: [MS-OXDSCLI] 2.2.4.1.1.2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account<'x> {
    /// `AccountType`: `email`.
    pub account_type: Option<Text<'x>>,
    /// `Action`.
    pub action: Option<Action<'x>>,
    /// `MicrosoftOnline`: `True` where Exchange Online holds the mailbox.
    pub microsoft_online: Option<Text<'x>>,
    /// `RedirectUrl`.
    pub redirect_url: Option<Text<'x>>,
    /// `RedirectAddr`.
    pub redirect_addr: Option<Text<'x>>,
    /// `Image`: a picture of the provider's.
    pub image: Option<Text<'x>>,
    /// `ServiceHome`: the provider's home page.
    pub service_home: Option<Text<'x>>,
    /// `Protocol`, in the server's order of preference.
    pub protocols: Vec<Protocol<'x>>,
    /// `PublicFolderInformation`.
    pub public_folder_information: Option<PublicFolderInformation<'x>>,
    /// `AlternativeMailbox`.
    pub alternative_mailboxes: Vec<AlternativeMailbox<'x>>,
    /// `Error`.
    pub error: Option<ServerError<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(Account {
    account_type,
    action,
    microsoft_online,
    redirect_url,
    redirect_addr,
    image,
    service_home,
    protocols,
    public_folder_information,
    alternative_mailboxes,
    error,
    unknown,
});

impl<'x> Account<'x> {
    /// The first protocol of a type.
    #[must_use]
    pub fn protocol(&self, protocol_type: &ProtocolType<'_>) -> Option<&Protocol<'x>> {
        self.protocols.iter().find(|protocol| protocol.protocol_type == *protocol_type)
    }

    fn decode(reader: &mut Reader<'x>) -> Result<Self, XmlError> {
        let mut account = Self::default();
        while let Some(element) = reader.child()? {
            let field = match () {
                () if is(&element, "Protocol") => {
                    account.protocols.push(Protocol::decode(reader, &element)?);
                    continue;
                }
                () if is(&element, "AlternativeMailbox") => {
                    account.alternative_mailboxes.push(AlternativeMailbox::decode(reader)?);
                    continue;
                }
                () if is(&element, "Action") && account.action.is_none() => {
                    account.action = Some(Action::of(reader.text()?));
                    continue;
                }
                () if is(&element, "PublicFolderInformation") && account.public_folder_information.is_none() => {
                    account.public_folder_information = Some(PublicFolderInformation::decode(reader)?);
                    continue;
                }
                () if is(&element, "Error") && account.error.is_none() => {
                    account.error = Some(ServerError::decode(reader, &element)?);
                    continue;
                }
                () if is(&element, "AccountType") => &mut account.account_type,
                () if is(&element, "MicrosoftOnline") => &mut account.microsoft_online,
                () if is(&element, "RedirectUrl") => &mut account.redirect_url,
                () if is(&element, "RedirectAddr") => &mut account.redirect_addr,
                () if is(&element, "Image") => &mut account.image,
                () if is(&element, "ServiceHome") => &mut account.service_home,
                () => {
                    account.unknown.push(Unknown::decode(reader, &element)?);
                    continue;
                }
            };
            once(field, &mut account.unknown, reader, &element)?;
        }
        Ok(account)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.start("Account", &[])?;
        writer.optional("AccountType", self.account_type.as_deref())?;
        writer.optional("Action", self.action.as_ref().map(Action::name))?;
        writer.optional("MicrosoftOnline", self.microsoft_online.as_deref())?;
        writer.optional("RedirectUrl", self.redirect_url.as_deref())?;
        writer.optional("RedirectAddr", self.redirect_addr.as_deref())?;
        writer.optional("Image", self.image.as_deref())?;
        writer.optional("ServiceHome", self.service_home.as_deref())?;
        for protocol in &self.protocols {
            protocol.encode(writer)?;
        }
        if let Some(information) = &self.public_folder_information {
            information.encode("PublicFolderInformation", writer)?;
        }
        for mailbox in &self.alternative_mailboxes {
            mailbox.encode("AlternativeMailbox", writer)?;
        }
        if let Some(error) = &self.error {
            error.encode(writer)?;
        }
        encode_unknown(&self.unknown, writer);
        writer.end("Account");
        Ok(())
    }
}

/// Outlook's response: [MS-OXDSCLI] 2.2.4.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response<'x> {
    /// `User`.
    pub user: Option<User<'x>>,
    /// `Account`.
    pub account: Option<Account<'x>>,
    /// `Error`, where no account is answered.
    pub error: Option<ServerError<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(Response { user, account, error, unknown });

/// What a response comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'r, 'x> {
    /// The settings of the mailbox.
    Settings(&'r Account<'x>),
    /// Ask again for this address. The name to log on with stays as it was: in a hybrid organisation the new address is
    /// nobody's login.
    RedirectAddr(&'r str),
    /// Ask again at this URL.
    RedirectUrl(&'r str),
    /// The server's error.
    Error(&'r ServerError<'x>),
    /// Nothing of all this.
    Nothing,
}

impl<'x> Response<'x> {
    /// What the response comes to: an error first, then what `Action` says, and without an action what is there.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_, 'x> {
        let account = self.account.as_ref();
        if let Some(error) = self.error.as_ref().or_else(|| account?.error.as_ref()) {
            return Outcome::Error(error);
        }
        let Some(account) = account else { return Outcome::Nothing };
        let filled = |value: &'_ Option<Text<'x>>| value.as_ref().is_some_and(|value| !value.is_empty());
        let address = || account.redirect_addr.as_deref().map_or(Outcome::Nothing, Outcome::RedirectAddr);
        let url = || account.redirect_url.as_deref().map_or(Outcome::Nothing, Outcome::RedirectUrl);
        match &account.action {
            Some(Action::RedirectAddr) if filled(&account.redirect_addr) => address(),
            Some(Action::RedirectUrl) if filled(&account.redirect_url) => url(),
            Some(Action::RedirectAddr | Action::RedirectUrl | Action::Other(_)) => Outcome::Nothing,
            Some(Action::Settings) => Outcome::Settings(account),
            None if !account.protocols.is_empty() => Outcome::Settings(account),
            None if filled(&account.redirect_addr) => address(),
            None if filled(&account.redirect_url) => url(),
            None => Outcome::Nothing,
        }
    }

    /// A response that is an error.
    #[must_use]
    pub fn of_error(error: ServerError<'x>) -> Self {
        Self { error: Some(error), ..Response::default() }
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, another document, another namespace.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        let ours = |name: &str| schema::is_common(name) || Schema::of_response(name) == Some(Schema::Outlook);
        document(source, "Response", Schema::Outlook.response(), ours, |reader, _| {
            let mut response = Self::default();
            while let Some(element) = reader.child()? {
                if is(&element, "User") && response.user.is_none() {
                    response.user = Some(User::decode(reader)?);
                } else if is(&element, "Account") && response.account.is_none() {
                    response.account = Some(Account::decode(reader)?);
                } else if is(&element, "Error") && response.error.is_none() {
                    response.error = Some(ServerError::decode(reader, &element)?);
                } else {
                    response.unknown.push(Unknown::decode(reader, &element)?);
                }
            }
            Ok(response)
        })
    }

    /// Writes the response. One that is only an error stands in the common namespace, as servers send it.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let error_only = self.error.is_some() && self.account.is_none() && self.user.is_none();
        let namespace = if error_only { schema::RESPONSE } else { Schema::Outlook.response() };
        let capacity = if error_only { 1 << 9 } else { 1 << 13 };
        write_document(capacity, schema::RESPONSE, ("Response", namespace), |writer| {
            if let Some(user) = &self.user {
                user.encode("User", writer)?;
            }
            if let Some(account) = &self.account {
                account.encode(writer)?;
            }
            if let Some(error) = &self.error {
                error.encode(writer)?;
            }
            encode_unknown(&self.unknown, writer);
            Ok(())
        })
    }
}
