//! The envelope around all messages.

use oxwire_core::EncodeError;

use crate::pox::Unknown;
use crate::text::Text;
use crate::xml::{Element, Reader, Source, Writer, XmlError, XmlErrorKind};

/// The namespace of the service's elements.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";

/// What the headers say.
#[derive(Debug, Default)]
pub(super) struct Headers<'x> {
    pub(super) version: Option<Text<'x>>,
    pub(super) to: Option<Text<'x>>,
    pub(super) message_id: Option<Text<'x>>,
    pub(super) relates_to: Option<Text<'x>>,
}

pub(super) fn is(element: &Element<'_>, name: &str) -> bool {
    element.name().eq_ignore_ascii_case(name)
}

/// Reads the headers, then the first element of the body by `decode`, which closes it.
pub(super) fn decode<'x, T>(
    source: &'x Source<'x>,
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

/// Writes an envelope. `action` is the operation's name, with `Response` where it is one.
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
        let action = format!("{NAMESPACE}/Autodiscover/{action}");
        writer.text_with("a:Action", &[("s:mustUnderstand", "1")], &action)?;
    }
    writer.optional("a:MessageID", headers.message_id.as_deref())?;
    writer.optional("a:RelatesTo", headers.relates_to.as_deref())?;
    writer.optional("a:To", headers.to.as_deref())?;
    writer.end("s:Header");
    writer.start("s:Body", &[])?;
    body(&mut writer)?;
    writer.end("s:Body");
    writer.end("s:Envelope");
    Ok(writer.finish())
}
