//! One setting: its name and its value.

use oxwire_core::EncodeError;

use super::collection::{self, AlternateMailbox, DocumentSharingLocation, ProtocolConnection, WebClientUrl};
use super::envelope::{is, keep};
use crate::pox::Unknown;
use crate::text::{IntoOwned, Text, into_owned};
use crate::xml::{Element, Reader, Writer, XmlError};

const WEB_CLIENT_URLS: (&str, &str) = ("WebClientUrls", "WebClientUrl");
const PROTOCOL_CONNECTIONS: (&str, &str) = ("ProtocolConnections", "ProtocolConnection");
const ALTERNATE_MAILBOXES: (&str, &str) = ("AlternateMailboxes", "AlternateMailbox");
const DOCUMENT_SHARING_LOCATIONS: (&str, &str) = ("DocumentSharingLocations", "DocumentSharingLocation");

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'x> {
    /// Text.
    Text(Text<'x>),
    /// `WebClientUrls`.
    WebClientUrls(Vec<WebClientUrl<'x>>),
    /// `ProtocolConnections`.
    ProtocolConnections(Vec<ProtocolConnection<'x>>),
    /// `AlternateMailboxes`.
    AlternateMailboxes(Vec<AlternateMailbox<'x>>),
    /// `DocumentSharingLocations`.
    DocumentSharingLocations(Vec<DocumentSharingLocation<'x>>),
    /// Another kind, kept as markup.
    Other {
        /// The attribute `type`, as in `ProtocolConnectionCollectionSetting`.
        kind: Text<'x>,
        /// The element that holds the value.
        markup: Unknown<'x>,
    },
}

impl IntoOwned for Value<'_> {
    type Owned = Value<'static>;

    fn owned(self) -> Self::Owned {
        match self {
            Self::Text(text) => Value::Text(text.owned()),
            Self::WebClientUrls(all) => Value::WebClientUrls(all.owned()),
            Self::ProtocolConnections(all) => Value::ProtocolConnections(all.owned()),
            Self::AlternateMailboxes(all) => Value::AlternateMailboxes(all.owned()),
            Self::DocumentSharingLocations(all) => Value::DocumentSharingLocations(all.owned()),
            Self::Other { kind, markup } => Value::Other { kind: kind.owned(), markup: markup.owned() },
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

impl<'x> Setting<'x> {
    /// A setting that holds text.
    #[must_use]
    pub fn text(name: impl Into<Text<'x>>, value: impl Into<Text<'x>>) -> Self {
        Self { name: name.into(), value: Value::Text(value.into()) }
    }

    /// Reads a setting; `None` where it has a name and no value.
    pub(super) fn decode(reader: &mut Reader<'x>, start: &Element<'x>) -> Result<Option<Self>, XmlError> {
        let kind = start.attribute("type").unwrap_or_default();
        let mut name = Text::Borrowed("");
        let mut value = None;
        while let Some(element) = reader.child()? {
            value = Some(match () {
                () if is(&element, "Name") => {
                    name = reader.text()?;
                    continue;
                }
                () if value.is_some() => {
                    reader.skip()?;
                    continue;
                }
                () if is(&element, "Value") => Value::Text(reader.text()?),
                () if is(&element, WEB_CLIENT_URLS.0) => {
                    Value::WebClientUrls(collection::decode(reader, WEB_CLIENT_URLS.1, WebClientUrl::decode)?)
                }
                () if is(&element, PROTOCOL_CONNECTIONS.0) => {
                    let all = collection::decode(reader, PROTOCOL_CONNECTIONS.1, ProtocolConnection::decode)?;
                    Value::ProtocolConnections(all)
                }
                () if is(&element, ALTERNATE_MAILBOXES.0) => {
                    let all = collection::decode(reader, ALTERNATE_MAILBOXES.1, AlternateMailbox::decode)?;
                    Value::AlternateMailboxes(all)
                }
                () if is(&element, DOCUMENT_SHARING_LOCATIONS.0) => {
                    let one = DocumentSharingLocation::decode;
                    Value::DocumentSharingLocations(collection::decode(reader, DOCUMENT_SHARING_LOCATIONS.1, one)?)
                }
                () => Value::Other { kind: kind.clone(), markup: keep(reader, &element)? },
            });
        }
        Ok(value.map(|value| Self { name, value }))
    }

    /// Writes the setting; `text` is the type of one that holds text.
    pub(super) fn encode(
        &self,
        element: &'static str,
        text: &'static str,
        writer: &mut Writer,
    ) -> Result<(), EncodeError> {
        let kind = match &self.value {
            Value::Text(_) => text,
            Value::WebClientUrls(_) => "WebClientUrlCollectionSetting",
            Value::ProtocolConnections(_) => "ProtocolConnectionCollectionSetting",
            Value::AlternateMailboxes(_) => "AlternateMailboxCollectionSetting",
            Value::DocumentSharingLocations(_) => "DocumentSharingLocationCollectionSetting",
            Value::Other { kind, .. } => kind,
        };
        writer.start(element, &[("i:type", kind)])?;
        writer.text("Name", &self.name)?;
        match &self.value {
            Value::Text(text) => writer.text("Value", text)?,
            Value::WebClientUrls(all) => collection::encode(writer, WEB_CLIENT_URLS, all, WebClientUrl::encode)?,
            Value::ProtocolConnections(all) => {
                collection::encode(writer, PROTOCOL_CONNECTIONS, all, ProtocolConnection::encode)?;
            }
            Value::AlternateMailboxes(all) => {
                collection::encode(writer, ALTERNATE_MAILBOXES, all, AlternateMailbox::encode)?;
            }
            Value::DocumentSharingLocations(all) => {
                collection::encode(writer, DOCUMENT_SHARING_LOCATIONS, all, DocumentSharingLocation::encode)?;
            }
            Value::Other { markup, .. } => markup.encode(writer),
        }
        writer.end(element);
        Ok(())
    }
}
