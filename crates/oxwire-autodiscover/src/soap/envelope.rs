//! The envelope around all messages.

use oxwire_core::EncodeError;

use crate::pox::Unknown;
use crate::pox::element::{encode_unknown, once};
use crate::text::Text;
use crate::text::into_owned;
use crate::xml::{Element, Reader, Source, Writer, XmlError, XmlErrorKind};

/// The namespace of the service's elements.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";

/// `ServerVersionInfo`: the server that answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerVersionInfo<'x> {
    /// `MajorVersion`.
    pub major_version: Option<Text<'x>>,
    /// `MinorVersion`.
    pub minor_version: Option<Text<'x>>,
    /// `MajorBuildNumber`.
    pub major_build_number: Option<Text<'x>>,
    /// `MinorBuildNumber`.
    pub minor_build_number: Option<Text<'x>>,
    /// `Version`, as in `Exchange2013_SP1`.
    pub version: Option<Text<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(ServerVersionInfo {
    major_version,
    minor_version,
    major_build_number,
    minor_build_number,
    version,
    unknown,
});

impl<'x> ServerVersionInfo<'x> {
    fn decode(reader: &mut Reader<'x>) -> Result<Self, XmlError> {
        let mut info = Self::default();
        while let Some(element) = reader.child()? {
            let field = match () {
                () if is(&element, "MajorVersion") => &mut info.major_version,
                () if is(&element, "MinorVersion") => &mut info.minor_version,
                () if is(&element, "MajorBuildNumber") => &mut info.major_build_number,
                () if is(&element, "MinorBuildNumber") => &mut info.minor_build_number,
                () if is(&element, "Version") => &mut info.version,
                () => {
                    info.unknown.push(keep(reader, &element)?);
                    continue;
                }
            };
            once(field, &mut info.unknown, reader, &element)?;
        }
        Ok(info)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.start("ServerVersionInfo", &[("xmlns", NAMESPACE)])?;
        writer.optional("MajorVersion", self.major_version.as_deref())?;
        writer.optional("MinorVersion", self.minor_version.as_deref())?;
        writer.optional("MajorBuildNumber", self.major_build_number.as_deref())?;
        writer.optional("MinorBuildNumber", self.minor_build_number.as_deref())?;
        writer.optional("Version", self.version.as_deref())?;
        encode_unknown(&self.unknown, writer);
        writer.end("ServerVersionInfo");
        Ok(())
    }
}

/// What the headers say.
#[derive(Debug, Default)]
pub(super) struct Headers<'x> {
    pub(super) version: Option<Text<'x>>,
    pub(super) to: Option<Text<'x>>,
    pub(super) message_id: Option<Text<'x>>,
    pub(super) relates_to: Option<Text<'x>>,
    pub(super) action: Option<Text<'x>>,
    pub(super) reply_to: Option<Text<'x>>,
    pub(super) server_version: Option<ServerVersionInfo<'x>>,
}

pub(super) fn is(element: &Element<'_>, name: &str) -> bool {
    element.name().eq_ignore_ascii_case(name)
}

/// Reads the headers, then the first element of the body by `decode`, which closes it. Where it is `strict`, a header that must
/// be understood and is none of these is an error.
pub(super) fn decode<'x, T>(
    source: &'x Source<'x>,
    strict: bool,
    decode: impl Fn(&mut Reader<'x>, &Element<'x>) -> Result<T, XmlError>,
) -> Result<(Headers<'x>, T), XmlError> {
    let mut reader = Reader::new(source);
    let root = reader.root()?;
    if !is(&root, "Envelope") {
        return Err(reader.error_at(&root, XmlErrorKind::Element { expected: "Envelope" }));
    }
    let mut headers = Headers::default();
    let mut found = None;
    while let Some(part) = reader.child()? {
        if is(&part, "Header") {
            while let Some(header) = reader.child()? {
                let field = match () {
                    () if is(&header, "RequestedServerVersion") => &mut headers.version,
                    () if is(&header, "To") => &mut headers.to,
                    () if is(&header, "MessageID") => &mut headers.message_id,
                    () if is(&header, "RelatesTo") => &mut headers.relates_to,
                    () if is(&header, "Action") => &mut headers.action,
                    () if is(&header, "ReplyTo") => {
                        within(&mut reader, "Address", |reader| {
                            headers.reply_to = some(reader)?;
                            Ok(())
                        })?;
                        continue;
                    }
                    () if is(&header, "ServerVersionInfo") => {
                        headers.server_version = Some(ServerVersionInfo::decode(&mut reader)?);
                        continue;
                    }
                    () if strict && must_understand(&header) => {
                        return Err(reader.error_at(&header, XmlErrorKind::MustUnderstand));
                    }
                    () => {
                        reader.skip()?;
                        continue;
                    }
                };
                *field = Some(reader.text()?).filter(|text| !text.is_empty());
            }
        } else if is(&part, "Body") && found.is_none() {
            while let Some(message) = reader.child()? {
                match found {
                    None => found = Some(decode(&mut reader, &message)?),
                    Some(_) => reader.skip()?,
                }
            }
        } else {
            reader.skip()?;
        }
    }
    reader.finish()?;
    found.map(|message| (headers, message)).ok_or_else(|| reader.missing(&root, "Body, with a message"))
}

fn must_understand(header: &Element<'_>) -> bool {
    header.attribute("mustUnderstand").is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

/// Opens `name` somewhere inside the innermost element and hands it to `decode`, which closes it; the rest is skipped.
pub(super) fn within<'x>(
    reader: &mut Reader<'x>,
    name: &str,
    mut decode: impl FnMut(&mut Reader<'x>) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    while let Some(element) = reader.child()? {
        if is(&element, name) {
            decode(reader)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(())
}

/// The texts of all elements of a name inside the innermost element.
pub(super) fn list<'x>(reader: &mut Reader<'x>, name: &str, to: &mut Vec<Text<'x>>) -> Result<(), XmlError> {
    within(reader, name, |reader| {
        to.push(reader.text()?);
        Ok(())
    })
}

/// Text where there is some: an element that is empty, or `nil`, has none.
pub(super) fn some<'x>(reader: &mut Reader<'x>) -> Result<Option<Text<'x>>, XmlError> {
    Ok(Some(reader.text()?).filter(|text| !text.is_empty()))
}

/// Keeps an element as it stands.
pub(super) fn keep<'x>(reader: &mut Reader<'x>, element: &Element<'x>) -> Result<Unknown<'x>, XmlError> {
    Unknown::decode(reader, element)
}

/// The URI of an operation's action, from its name.
pub(super) fn action(operation: &str) -> String {
    format!("{NAMESPACE}/Autodiscover/{operation}")
}

/// Writes an envelope. `action` is the operation's name, with `Response` where it is one, and goes before the action of the headers.
pub(super) fn encode(
    action: &str,
    headers: &Headers<'_>,
    body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<String, EncodeError> {
    let mut writer = Writer::document(2048);
    writer.start("s:Envelope", &[("xmlns:s", SOAP), ("xmlns:a", ADDRESSING)])?;
    writer.start("s:Header", &[])?;
    if let Some(version) = &headers.version {
        writer.text_with("RequestedServerVersion", &[("xmlns", NAMESPACE)], version)?;
    }
    if !action.is_empty() {
        writer.text_with("a:Action", &[("s:mustUnderstand", "1")], &self::action(action))?;
    }
    if let Some(version) = &headers.server_version {
        version.encode(&mut writer)?;
    }
    writer.optional("a:MessageID", headers.message_id.as_deref())?;
    writer.optional("a:RelatesTo", headers.relates_to.as_deref())?;
    writer.optional("a:To", headers.to.as_deref())?;
    if let Some(address) = &headers.reply_to {
        writer.start("a:ReplyTo", &[])?;
        writer.text("a:Address", address)?;
        writer.end("a:ReplyTo");
    }
    writer.end("s:Header");
    writer.start("s:Body", &[])?;
    body(&mut writer)?;
    writer.end("s:Body");
    writer.end("s:Envelope");
    Ok(writer.finish())
}
