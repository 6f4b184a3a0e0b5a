//! What is wrong with a document, and where.

use std::fmt;

/// Bytes of a path that an error keeps.
const PATH: usize = 72;

/// The names of the elements that were open, outermost first, as in `/Autodiscover/Response/Account`.
///
/// Held in place, so that an error is `Copy`. Of a path longer than 72 bytes the end is kept, behind `…`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Path {
    bytes: [u8; PATH],
    len: u8,
}

impl Path {
    /// A path that is nowhere inside an element.
    pub(crate) const EMPTY: Self = Self { bytes: [0; PATH], len: 0 };

    /// The path of these names.
    pub(super) fn of<'n>(names: impl DoubleEndedIterator<Item = &'n str>) -> Self {
        let mut path = Self::EMPTY;
        let mut at = PATH;
        for name in names.rev() {
            if !(path.put(&mut at, name) && path.put(&mut at, "/")) {
                path.mark_cut(&mut at);
                break;
            }
        }
        path.bytes.rotate_left(at);
        path.len = u8::try_from(PATH - at).unwrap_or(u8::MAX);
        path
    }

    /// Puts `text` in front of what is there; what does not fit whole is left out.
    fn put(&mut self, at: &mut usize, text: &str) -> bool {
        let Some(start) = at.checked_sub(text.len()) else { return false };
        let Some(to) = self.bytes.get_mut(start..*at) else { return false };
        to.copy_from_slice(text.as_bytes());
        *at = start;
        true
    }

    /// Puts the mark in front, in the place of as many whole characters as that takes.
    fn mark_cut(&mut self, at: &mut usize) {
        const MARK: &str = "…";
        while *at < MARK.len() || self.bytes.get(*at).is_some_and(|byte| byte & 0xC0 == 0x80) {
            *at += 1;
        }
        self.put(at, MARK);
    }

    /// The path as text; empty outside of the root element.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.len == 0 { "outside of the root element" } else { self.as_str() })
    }
}

/// A document that is not well formed, or that is not the document which was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}, {path}: {kind}")]
pub struct XmlError {
    /// Offset into the input as it came, in bytes, before any conversion of its encoding.
    pub offset: usize,
    /// The elements that were open.
    pub path: Path,
    /// What is wrong.
    pub kind: XmlErrorKind,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlErrorKind {
    /// More than [`XmlLimits`](super::XmlLimits) allows; raise the limit if the peer is to be trusted with it.
    Limit {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        allowed: usize,
    },
    /// An encoding that is not supported.
    Encoding,
    /// Bytes that are not what the document's encoding asks for.
    NotInEncoding {
        /// The encoding's name.
        encoding: &'static str,
    },
    /// A document type declaration. None is read, and no entity is ever declared.
    Doctype,
    /// A reference to an entity that XML does not predefine.
    Entity,
    /// A reference to a character that is none, or a reference without its end.
    Reference,
    /// A character that XML forbids.
    Character {
        /// Its number.
        found: u32,
    },
    /// Markup that is not as XML has it, or that has no end.
    Markup {
        /// What XML asks for.
        expected: &'static str,
    },
    /// A name that is none.
    Name,
    /// An attribute that is not as XML has it.
    Attribute {
        /// What XML asks for.
        expected: &'static str,
    },
    /// An end tag that belongs to no element, or to another one than the innermost.
    EndTag,
    /// The document ends inside an element.
    Eof,
    /// No element at all.
    NoElement,
    /// Something other than comments and white space behind the root element.
    AfterRoot,
    /// Text where only elements may stand.
    TextAmongElements,
    /// An element inside of one that holds text.
    ElementInText,
    /// Another element than the one that must stand here.
    Element {
        /// The one that must.
        expected: &'static str,
    },
    /// An element in a namespace that is none of this document's.
    Namespace {
        /// The document's.
        expected: &'static str,
    },
    /// A header of SOAP that must be understood, and is not.
    MustUnderstand,
    /// An element that must stand inside this one and does not.
    Missing {
        /// Its name.
        element: &'static str,
    },
    /// A value that its element does not allow.
    Value {
        /// What it asks for.
        expected: &'static str,
    },
}

impl fmt::Display for XmlErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Limit { limit, allowed } => {
                write!(f, "more than {allowed} (limit `{limit}`); raise the limit to accept it")
            }
            Self::Encoding => f.write_str("an encoding that is not supported; send UTF-8"),
            Self::NotInEncoding { encoding } => write!(f, "expected {encoding}"),
            Self::Doctype => f.write_str("a document type declaration, which is not accepted"),
            Self::Entity => f.write_str("expected amp, lt, gt, apos, quot or a number after `&`"),
            Self::Reference => f.write_str("expected the number of a character, and `;`"),
            Self::Character { found } => write!(f, "found the character {found:#x}, which XML forbids"),
            Self::Markup { expected } | Self::Attribute { expected } => write!(f, "expected {expected}"),
            Self::Name => f.write_str("expected a name"),
            Self::EndTag => f.write_str("expected the end tag of the innermost element"),
            Self::Eof => f.write_str("the document ends before the element does"),
            Self::NoElement => f.write_str("expected an element, found the end of the document"),
            Self::AfterRoot => f.write_str("expected nothing behind the root element"),
            Self::TextAmongElements => f.write_str("expected elements, found text"),
            Self::ElementInText => f.write_str("expected text, found an element"),
            Self::Element { expected } => write!(f, "expected the element {expected}"),
            Self::Namespace { expected } => write!(f, "expected the namespace {expected}"),
            Self::MustUnderstand => f.write_str("expected a header that this service understands"),
            Self::Missing { element } => write!(f, "expected an element {element} inside"),
            Self::Value { expected } => write!(f, "expected {expected}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_keeps_its_end() {
        assert_eq!(Path::of(["Autodiscover", "Response"].into_iter()).as_str(), "/Autodiscover/Response");
        assert_eq!(Path::of(std::iter::empty()).to_string(), "outside of the root element");
        let long = Path::of(std::iter::repeat_n("Protocol", 20));
        assert_eq!(long.as_str(), format!("…{}", "/Protocol".repeat(8).split_at(3).1));
        let wide = "é".repeat(40);
        assert_eq!(Path::of([wide.as_str(), "Server"].into_iter()).as_str(), "…/Server");
    }

    #[test]
    fn error_fits_a_result() {
        assert!(size_of::<XmlError>() <= 128);
    }
}
