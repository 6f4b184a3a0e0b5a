//! `Protocol`: how one service of the mailbox is reached.

use oxwire_core::EncodeError;

use super::element::{Unknown, encode_unknown, is, leaves};
use super::setting::Setting;
use crate::text::{IntoOwned, Text, into_owned};
use crate::xml::{Element, Reader, Writer, XmlError};

/// What a [`Protocol`] speaks. Names are read in any letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtocolType<'x> {
    /// `EXCH`: RPC, from inside.
    Exch,
    /// `EXPR`: RPC over HTTP, from outside.
    Expr,
    /// `EXHTTP`: RPC over HTTP, once for the inside and once for the outside.
    ExHttp,
    /// `WEB`: the web client, with more protocols in `Internal` and `External`.
    Web,
    /// `mapiHttp`: MAPI over HTTP. The only one that names itself in an attribute.
    MapiHttp,
    /// `POP3`.
    Pop3,
    /// `IMAP`.
    Imap,
    /// `SMTP`.
    Smtp,
    /// Another name; empty where there is none.
    Other(Text<'x>),
}

impl<'x> ProtocolType<'x> {
    const NAMED: [Self; 8] =
        [Self::Exch, Self::Expr, Self::ExHttp, Self::Web, Self::MapiHttp, Self::Pop3, Self::Imap, Self::Smtp];

    /// The type of a name, in any letter case.
    #[must_use]
    pub fn of(name: Text<'x>) -> Self {
        Self::NAMED.into_iter().find(|known| known.name().eq_ignore_ascii_case(&name)).unwrap_or(Self::Other(name))
    }

    /// The name, in the specification's spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Exch => "EXCH",
            Self::Expr => "EXPR",
            Self::ExHttp => "EXHTTP",
            Self::Web => "WEB",
            Self::MapiHttp => "mapiHttp",
            Self::Pop3 => "POP3",
            Self::Imap => "IMAP",
            Self::Smtp => "SMTP",
            Self::Other(name) => name,
        }
    }
}

impl IntoOwned for ProtocolType<'_> {
    type Owned = ProtocolType<'static>;

    fn owned(self) -> Self::Owned {
        ProtocolType::of(Text::from(self.name().to_owned()))
    }
}

/// How one service of the mailbox is reached: [MS-OXDSCLI] 2.2.4.1.1.2.6.
///
/// Its parts stand in the order of the document, so that it is written as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol<'x> {
    /// What it speaks.
    pub protocol_type: ProtocolType<'x>,
    /// The attribute `Version`; 1 with MAPI/HTTP.
    pub version: Option<Text<'x>>,
    /// What stands inside.
    pub parts: Vec<Part<'x>>,
}
into_owned!(Protocol { protocol_type, version, parts });

/// What stands inside of a [`Protocol`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<'x> {
    /// A value.
    Setting(Setting, Text<'x>),
    /// `Internal`: URLs from inside; WEB.
    Internal(Location<'x>),
    /// `External`: URLs from outside; WEB.
    External(Location<'x>),
    /// `MailStore`: the mailbox by MAPI/HTTP.
    MailStore(MapiUrls<'x>),
    /// `AddressBook`: the address book by MAPI/HTTP.
    AddressBook(MapiUrls<'x>),
    /// `NetworkRequirements`: where the client must be for this protocol.
    NetworkRequirements(NetworkRequirements<'x>),
    /// `OWAUrl` directly inside the protocol.
    OwaUrl(OwaUrl<'x>),
    /// An element that this library does not know.
    Unknown(Unknown<'x>),
}

impl IntoOwned for Part<'_> {
    type Owned = Part<'static>;

    fn owned(self) -> Self::Owned {
        match self {
            Self::Setting(setting, value) => Part::Setting(setting, value.owned()),
            Self::Internal(location) => Part::Internal(location.owned()),
            Self::External(location) => Part::External(location.owned()),
            Self::MailStore(urls) => Part::MailStore(urls.owned()),
            Self::AddressBook(urls) => Part::AddressBook(urls.owned()),
            Self::NetworkRequirements(requirements) => Part::NetworkRequirements(requirements.owned()),
            Self::OwaUrl(url) => Part::OwaUrl(url.owned()),
            Self::Unknown(unknown) => Part::Unknown(unknown.owned()),
        }
    }
}

leaves! {
    /// The two URLs of an endpoint of MAPI/HTTP, to be used as they are, query included.
    MapiUrls {
        /// `InternalUrl`: from inside the organisation's network.
        internal_url: "InternalUrl",
        /// `ExternalUrl`: from outside.
        external_url: "ExternalUrl",
    }
}

leaves! {
    /// The addresses from which a protocol can be used.
    NetworkRequirements {
        /// First IPv4 address.
        ipv4_start: "IPv4Start",
        /// Last IPv4 address.
        ipv4_end: "IPv4End",
        /// First IPv6 address.
        ipv6_start: "IPv6Start",
        /// Last IPv6 address.
        ipv6_end: "IPv6End",
    }
}

/// A URL of the web client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwaUrl<'x> {
    /// The attribute `AuthenticationMethod`: names with commas between them.
    pub authentication_method: Option<Text<'x>>,
    /// The URL.
    pub url: Text<'x>,
}
into_owned!(OwaUrl { authentication_method, url });

impl<'x> OwaUrl<'x> {
    fn decode(reader: &mut Reader<'x>, element: &Element<'x>) -> Result<Self, XmlError> {
        Ok(Self { authentication_method: element.attribute("AuthenticationMethod"), url: reader.text()? })
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        match self.authentication_method.as_deref() {
            Some(method) => writer.text_with("OWAUrl", &[("AuthenticationMethod", method)], &self.url),
            None => writer.text("OWAUrl", &self.url),
        }
    }
}

/// `Internal` or `External`: the URLs of WEB from there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location<'x> {
    /// `OWAUrl`.
    pub owa_urls: Vec<OwaUrl<'x>>,
    /// `Protocol`: a type and the availability URL.
    pub protocols: Vec<Protocol<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(Location { owa_urls, protocols, unknown });

impl<'x> Location<'x> {
    fn decode(reader: &mut Reader<'x>) -> Result<Self, XmlError> {
        let mut location = Self::default();
        while let Some(element) = reader.child()? {
            if is(&element, "OWAUrl") {
                location.owa_urls.push(OwaUrl::decode(reader, &element)?);
            } else if is(&element, "Protocol") {
                location.protocols.push(Protocol::decode(reader, &element)?);
            } else {
                location.unknown.push(Unknown::decode(reader, &element)?);
            }
        }
        Ok(location)
    }

    fn encode(&self, name: &'static str, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.start(name, &[])?;
        for url in &self.owa_urls {
            url.encode(writer)?;
        }
        for protocol in &self.protocols {
            protocol.encode(writer)?;
        }
        encode_unknown(&self.unknown, writer);
        writer.end(name);
        Ok(())
    }
}

impl<'x> Protocol<'x> {
    /// A protocol without parts.
    #[must_use]
    pub const fn new(protocol_type: ProtocolType<'x>) -> Self {
        Self { protocol_type, version: None, parts: Vec::new() }
    }

    /// MAPI/HTTP with its two endpoints.
    #[must_use]
    pub fn mapi_http(mail_store: MapiUrls<'x>, address_book: MapiUrls<'x>) -> Self {
        let parts = vec![Part::MailStore(mail_store), Part::AddressBook(address_book)];
        Self { protocol_type: ProtocolType::MapiHttp, version: Some("1".into()), parts }
    }

    /// The same with one more setting.
    #[must_use]
    pub fn with(mut self, setting: Setting, value: impl Into<Text<'x>>) -> Self {
        self.parts.push(Part::Setting(setting, value.into()));
        self
    }

    /// The first value of a setting that is not empty.
    #[must_use]
    pub fn value(&self, setting: Setting) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Setting(found, value) if *found == setting && !value.is_empty() => Some(&**value),
            _ => None,
        })
    }

    /// `MailStore`.
    #[must_use]
    pub fn mail_store(&self) -> Option<&MapiUrls<'x>> {
        self.parts.iter().find_map(|part| if let Part::MailStore(urls) = part { Some(urls) } else { None })
    }

    /// `AddressBook`.
    #[must_use]
    pub fn address_book(&self) -> Option<&MapiUrls<'x>> {
        self.parts.iter().find_map(|part| if let Part::AddressBook(urls) = part { Some(urls) } else { None })
    }

    /// `Internal`.
    #[must_use]
    pub fn internal(&self) -> Option<&Location<'x>> {
        self.parts.iter().find_map(|part| if let Part::Internal(location) = part { Some(location) } else { None })
    }

    /// `External`.
    #[must_use]
    pub fn external(&self) -> Option<&Location<'x>> {
        self.parts.iter().find_map(|part| if let Part::External(location) = part { Some(location) } else { None })
    }

    pub(super) fn decode(reader: &mut Reader<'x>, element: &Element<'x>) -> Result<Self, XmlError> {
        let mut named = element.attribute("Type");
        let version = element.attribute("Version");
        let mut parts = Vec::new();
        while let Some(child) = reader.child()? {
            // Nearly all of them are settings, spelt so.
            if let Some(setting) = Setting::spelt(child.name()) {
                parts.push(Part::Setting(setting, reader.text()?));
                continue;
            }
            parts.push(match child.name() {
                _ if is(&child, "Type") && named.as_ref().is_none_or(|name| name.is_empty()) => {
                    named = Some(reader.text()?);
                    continue;
                }
                _ if is(&child, "Internal") => Part::Internal(Location::decode(reader)?),
                _ if is(&child, "External") => Part::External(Location::decode(reader)?),
                _ if is(&child, "MailStore") => Part::MailStore(MapiUrls::decode(reader)?),
                _ if is(&child, "AddressBook") => Part::AddressBook(MapiUrls::decode(reader)?),
                _ if is(&child, "NetworkRequirements") => {
                    Part::NetworkRequirements(NetworkRequirements::decode(reader)?)
                }
                _ if is(&child, "OWAUrl") => Part::OwaUrl(OwaUrl::decode(reader, &child)?),
                name => match Setting::of(name) {
                    Some(setting) => Part::Setting(setting, reader.text()?),
                    None => Part::Unknown(Unknown::decode(reader, &child)?),
                },
            });
        }
        Ok(Self { protocol_type: ProtocolType::of(named.unwrap_or_default()), version, parts })
    }

    pub(super) fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        let version = self.version.as_deref().map(|version| ("Version", version));
        let name = self.protocol_type.name();
        match (&self.protocol_type, version) {
            (ProtocolType::MapiHttp, Some(version)) => writer.start("Protocol", &[("Type", name), version])?,
            (ProtocolType::MapiHttp, None) => writer.start("Protocol", &[("Type", name)])?,
            (_, version) => {
                writer.start("Protocol", version.as_slice())?;
                if !name.is_empty() {
                    writer.text("Type", name)?;
                }
            }
        }
        for part in &self.parts {
            match part {
                Part::Setting(setting, value) => writer.text(setting.name(), value)?,
                Part::Internal(location) => location.encode("Internal", writer)?,
                Part::External(location) => location.encode("External", writer)?,
                Part::MailStore(urls) => urls.encode("MailStore", writer)?,
                Part::AddressBook(urls) => urls.encode("AddressBook", writer)?,
                Part::NetworkRequirements(requirements) => requirements.encode("NetworkRequirements", writer)?,
                Part::OwaUrl(url) => url.encode(writer)?,
                Part::Unknown(unknown) => unknown.encode(writer),
            }
        }
        writer.end("Protocol");
        Ok(())
    }
}
