//! Writing a document.

use oxwire_core::{EncodeError, EncodeErrorKind};

use super::reader::is_character;

/// Writes elements, in UTF-8, without white space between them.
///
/// Names come from the specifications and are written as they are; text and values are escaped. A character that XML forbids
/// is an error: there is no way to write it.
#[derive(Debug)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// A document with its declaration. `capacity` is the number of bytes it is expected to have; more is no error.
    #[must_use]
    pub fn document(capacity: usize) -> Self {
        const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
        let mut out = String::with_capacity(DECLARATION.len() + capacity);
        out.push_str(DECLARATION);
        Self { out }
    }

    /// A start tag with its attributes.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn start(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> Result<(), EncodeError> {
        self.open(name, attributes)?;
        self.out.push('>');
        Ok(())
    }

    /// An element without content.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn empty(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> Result<(), EncodeError> {
        self.open(name, attributes)?;
        self.out.push_str("/>");
        Ok(())
    }

    /// An end tag.
    pub fn end(&mut self, name: &'static str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element that holds text.
    ///
    /// # Errors
    /// Text with a character that XML forbids.
    pub fn text(&mut self, name: &'static str, text: &str) -> Result<(), EncodeError> {
        self.text_with(name, &[], text)
    }

    /// An element that holds text, with attributes.
    ///
    /// # Errors
    /// Text with a character that XML forbids.
    pub fn text_with(
        &mut self,
        name: &'static str,
        attributes: &[(&'static str, &str)],
        text: &str,
    ) -> Result<(), EncodeError> {
        if text.is_empty() {
            return self.empty(name, attributes);
        }
        self.start(name, attributes)?;
        self.escaped(name, text)?;
        self.end(name);
        Ok(())
    }

    /// An element that holds text, where there is a value.
    ///
    /// # Errors
    /// Text with a character that XML forbids.
    pub fn optional(&mut self, name: &'static str, text: Option<&str>) -> Result<(), EncodeError> {
        text.map_or(Ok(()), |text| self.text(name, text))
    }

    /// Markup as it is: an element that was kept unread.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// The document.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) -> Result<(), EncodeError> {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            self.escaped(name, value)?;
            self.out.push('"');
        }
        Ok(())
    }

    fn escaped(&mut self, name: &'static str, text: &str) -> Result<(), EncodeError> {
        if let Some(found) = text.chars().find(|c| !is_character(*c)) {
            let kind = EncodeErrorKind::Value { expected: "characters that XML allows", found: u64::from(found) };
            return Err(EncodeError { name: "XML", field: name, spec: "XML 1.0, 2.2", kind });
        }
        for piece in text.split_inclusive(['&', '<', '>', '"', '\r', '\n', '\t']) {
            let escape = match piece.as_bytes().last() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                // As they are, a reader makes spaces or one line feed of them.
                Some(b'\r') => "&#13;",
                Some(b'\n') => "&#10;",
                Some(b'\t') => "&#9;",
                _ => {
                    self.out.push_str(piece);
                    continue;
                }
            };
            let mut plain = piece.chars();
            plain.next_back();
            self.out.push_str(plain.as_str());
            self.out.push_str(escape);
        }
        Ok(())
    }
}
