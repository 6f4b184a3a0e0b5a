//! What the elements have in common: unknown ones are kept, names are compared in any letter case.

use oxwire_core::EncodeError;

use crate::text::{Text, into_owned};
use crate::xml::{Element, Reader, Source, Writer, XmlError, XmlErrorKind, XmlLimits};

/// An element that this library does not know, or that stands a second time where it may stand once: kept as it came.
///
/// Prefixes that were bound outside of it are not bound again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown<'x> {
    name: Text<'x>,
    markup: Text<'x>,
}
into_owned!(Unknown { name, markup });

impl<'x> Unknown<'x> {
    /// An element of the caller's own, from its markup: one well-formed element and nothing else.
    ///
    /// # Errors
    /// [`XmlError`] where the markup is something else.
    pub fn parse(markup: &'x str) -> Result<Self, XmlError> {
        let source = Source::new(markup.as_bytes(), XmlLimits::DEFAULT)?;
        let mut reader = Reader::new(&source);
        let name = reader.root()?.name().to_owned();
        let raw = reader.raw()?;
        reader.finish()?;
        let whole = raw.len() == markup.len();
        whole.then(|| Self { name: name.into(), markup: markup.into() }).ok_or(XmlError {
            offset: 0,
            path: crate::xml::Path::EMPTY,
            kind: XmlErrorKind::Markup { expected: "one element, and nothing around it" },
        })
    }

    /// The element's name, without prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The element's markup, its own tags included.
    #[must_use]
    pub fn markup(&self) -> &str {
        &self.markup
    }

    pub(crate) fn decode(reader: &mut Reader<'x>, element: &Element<'x>) -> Result<Self, XmlError> {
        Ok(Self { name: element.name().into(), markup: reader.raw()?.into() })
    }

    pub(crate) fn encode(&self, writer: &mut Writer) {
        writer.raw(&self.markup);
    }
}

/// Puts the text of an element into its field; a second one is kept with the unknown elements.
pub(crate) fn once<'x>(
    field: &mut Option<Text<'x>>,
    unknown: &mut Vec<Unknown<'x>>,
    reader: &mut Reader<'x>,
    element: &Element<'x>,
) -> Result<(), XmlError> {
    if field.is_some() {
        unknown.push(Unknown::decode(reader, element)?);
    } else {
        *field = Some(reader.text()?);
    }
    Ok(())
}

/// Element names are compared in any letter case: the reference itself spells `RedirectUrl` in two ways.
pub(crate) fn is(element: &Element<'_>, name: &str) -> bool {
    element.name().eq_ignore_ascii_case(name)
}

/// Writes kept elements.
pub(crate) fn encode_unknown(unknown: &[Unknown<'_>], writer: &mut Writer) {
    for element in unknown {
        element.encode(writer);
    }
}

/// An element whose children each hold text and stand once.
macro_rules! leaves {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $element:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name<'x> {
            $($(#[$field_meta])* pub $field: Option<crate::Text<'x>>,)*
            /// Elements that this library does not know.
            pub unknown: Vec<crate::pox::Unknown<'x>>,
        }
        crate::text::into_owned!($name { $($field,)* unknown });

        impl<'x> $name<'x> {
            pub(crate) fn decode(reader: &mut crate::xml::Reader<'x>) -> Result<Self, crate::xml::XmlError> {
                let mut value = Self::default();
                while let Some(element) = reader.child()? {
                    let field = match element.name() {
                        $(name if name.eq_ignore_ascii_case($element) => &mut value.$field,)*
                        _ => {
                            value.unknown.push(crate::pox::Unknown::decode(reader, &element)?);
                            continue;
                        }
                    };
                    crate::pox::element::once(field, &mut value.unknown, reader, &element)?;
                }
                Ok(value)
            }

            pub(crate) fn encode(
                &self,
                name: &'static str,
                writer: &mut crate::xml::Writer,
            ) -> Result<(), oxwire_core::EncodeError> {
                writer.start(name, &[])?;
                $(writer.optional($element, self.$field.as_deref())?;)*
                crate::pox::element::encode_unknown(&self.unknown, writer);
                writer.end(name);
                Ok(())
            }
        }
    };
}
pub(crate) use leaves;

/// Decodes a document: `inner` inside `Autodiscover`, in a namespace that `schemas` accepts. Other elements beside it are skipped.
pub(crate) fn document<'x, T>(
    source: &'x Source<'x>,
    inner: &'static str,
    expected: &'static str,
    schema: impl Fn(&str) -> bool,
    decode: impl FnOnce(&mut Reader<'x>, &Element<'x>) -> Result<T, XmlError>,
) -> Result<T, XmlError> {
    let mut reader = Reader::new(source);
    let root = reader.root()?;
    if !is(&root, "Autodiscover") {
        return Err(reader.error_at(&root, XmlErrorKind::Element { expected: "Autodiscover" }));
    }
    let mut decode = Some(decode);
    let mut found = None;
    while let Some(element) = reader.child()? {
        match decode.take_if(|_| is(&element, inner)) {
            Some(decode) => {
                if !schema(reader.namespace()) {
                    return Err(reader.error_at(&element, XmlErrorKind::Namespace { expected }));
                }
                found = Some(decode(&mut reader, &element)?);
            }
            None => reader.skip()?,
        }
    }
    reader.finish()?;
    found.ok_or_else(|| reader.missing(&root, inner))
}

/// Writes a document.
pub(crate) fn write_document(
    capacity: usize,
    outer: &str,
    inner: (&'static str, &str),
    body: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
) -> Result<String, EncodeError> {
    let mut writer = Writer::document(capacity);
    writer.start("Autodiscover", &[("xmlns", outer)])?;
    writer.start(inner.0, &[("xmlns", inner.1)])?;
    body(&mut writer)?;
    writer.end(inner.0);
    writer.end("Autodiscover");
    Ok(writer.finish())
}
