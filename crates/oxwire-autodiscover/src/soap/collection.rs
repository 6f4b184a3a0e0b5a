//! Settings that hold a list: URLs of the web client, protocol connections, alternate mailboxes, places for documents.

use oxwire_core::EncodeError;

use super::envelope::{is, list, within};
use crate::pox::Unknown;
use crate::pox::element::{encode_unknown, leaves, once};
use crate::text::{Text, into_owned};
use crate::xml::{Reader, Writer, XmlError};

leaves! {
    /// `WebClientUrl`: where the web client is, and how it authenticates.
    WebClientUrl {
        /// `AuthenticationMethods`: names with commas between them.
        authentication_methods: "AuthenticationMethods",
        /// `Url`.
        url: "Url",
    }
}

leaves! {
    /// `ProtocolConnection`: a server of POP3, IMAP4 or SMTP.
    ProtocolConnection {
        /// `Hostname`.
        hostname: "Hostname",
        /// `Port`.
        port: "Port",
        /// `EncryptionMethod`, as in `SSL` and `TLS`.
        encryption_method: "EncryptionMethod",
    }
}

leaves! {
    /// `AlternateMailbox`: another mailbox that the user has access to.
    AlternateMailbox {
        /// `Type`, as in `Archive` and `Delegate`.
        mailbox_type: "Type",
        /// `DisplayName`.
        display_name: "DisplayName",
        /// `LegacyDN`.
        legacy_dn: "LegacyDN",
        /// `Server`.
        server: "Server",
        /// `SmtpAddress`: the address to ask Autodiscover for in turn.
        smtp_address: "SmtpAddress",
        /// `OwnerSmtpAddress`: the address of the mailbox's owner.
        owner_smtp_address: "OwnerSmtpAddress",
    }
}

/// `DocumentSharingLocation`: where documents can be stored to share them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentSharingLocation<'x> {
    /// `ServiceUrl`: the web service of the place.
    pub service_url: Option<Text<'x>>,
    /// `LocationUrl`: the place.
    pub location_url: Option<Text<'x>>,
    /// `DisplayName`.
    pub display_name: Option<Text<'x>>,
    /// `FileExtension` inside `SupportedFileExtensions`.
    pub supported_file_extensions: Vec<Text<'x>>,
    /// `ExternalAccessAllowed`: `true` where it is reached from outside.
    pub external_access_allowed: Option<Text<'x>>,
    /// `AnonymousAccessAllowed`: `true` where nobody need authenticate.
    pub anonymous_access_allowed: Option<Text<'x>>,
    /// `CanModifyPermissions`: `true` where the user may say who has access.
    pub can_modify_permissions: Option<Text<'x>>,
    /// `IsDefault`: `true` for the place that is offered first.
    pub is_default: Option<Text<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(DocumentSharingLocation {
    service_url,
    location_url,
    display_name,
    supported_file_extensions,
    external_access_allowed,
    anonymous_access_allowed,
    can_modify_permissions,
    is_default,
    unknown,
});

impl<'x> DocumentSharingLocation<'x> {
    pub(super) fn decode(reader: &mut Reader<'x>) -> Result<Self, XmlError> {
        let mut place = Self::default();
        while let Some(element) = reader.child()? {
            let field = match () {
                () if is(&element, "SupportedFileExtensions") => {
                    list(reader, "FileExtension", &mut place.supported_file_extensions)?;
                    continue;
                }
                () if is(&element, "ServiceUrl") => &mut place.service_url,
                () if is(&element, "LocationUrl") => &mut place.location_url,
                () if is(&element, "DisplayName") => &mut place.display_name,
                () if is(&element, "ExternalAccessAllowed") => &mut place.external_access_allowed,
                () if is(&element, "AnonymousAccessAllowed") => &mut place.anonymous_access_allowed,
                () if is(&element, "CanModifyPermissions") => &mut place.can_modify_permissions,
                () if is(&element, "IsDefault") => &mut place.is_default,
                () => {
                    place.unknown.push(Unknown::decode(reader, &element)?);
                    continue;
                }
            };
            once(field, &mut place.unknown, reader, &element)?;
        }
        Ok(place)
    }

    pub(super) fn encode(&self, name: &'static str, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.start(name, &[])?;
        writer.optional("ServiceUrl", self.service_url.as_deref())?;
        writer.optional("LocationUrl", self.location_url.as_deref())?;
        writer.optional("DisplayName", self.display_name.as_deref())?;
        writer.start("SupportedFileExtensions", &[])?;
        for extension in &self.supported_file_extensions {
            writer.text("FileExtension", extension)?;
        }
        writer.end("SupportedFileExtensions");
        writer.optional("ExternalAccessAllowed", self.external_access_allowed.as_deref())?;
        writer.optional("AnonymousAccessAllowed", self.anonymous_access_allowed.as_deref())?;
        writer.optional("CanModifyPermissions", self.can_modify_permissions.as_deref())?;
        writer.optional("IsDefault", self.is_default.as_deref())?;
        encode_unknown(&self.unknown, writer);
        writer.end(name);
        Ok(())
    }
}

/// The elements of one kind inside the innermost element.
pub(super) fn decode<'x, T>(
    reader: &mut Reader<'x>,
    name: &str,
    one: impl Fn(&mut Reader<'x>) -> Result<T, XmlError>,
) -> Result<Vec<T>, XmlError> {
    let mut all = Vec::new();
    within(reader, name, |reader| {
        all.push(one(reader)?);
        Ok(())
    })?;
    Ok(all)
}

/// Writes elements of one kind inside of `outer`.
pub(super) fn encode<T>(
    writer: &mut Writer,
    (outer, inner): (&'static str, &'static str),
    all: &[T],
    one: impl Fn(&T, &'static str, &mut Writer) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    writer.start(outer, &[])?;
    for item in all {
        one(item, inner, writer)?;
    }
    writer.end(outer);
    Ok(())
}
