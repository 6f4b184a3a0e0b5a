//! From the bytes of a document to its text: byte order marks and the encodings that a declaration names.

use std::borrow::Cow;

use super::error::{Path, XmlError, XmlErrorKind};
use super::limits::XmlLimits;

/// How the bytes became text; offsets into the text are taken back by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    Utf16,
    OneByte,
}

/// The text of a document. Borrows the bytes where they are UTF-8.
///
/// A byte order mark decides first, then the bytes themselves: a declaration that says `utf-16` over bytes of one each (as
/// .NET programs write that built the text in memory) is taken for UTF-8. Known encodings: UTF-8, US-ASCII, UTF-16 of both
/// orders, ISO-8859-1, windows-1252.
#[derive(Debug, Clone)]
pub struct Source<'b> {
    text: Cow<'b, str>,
    form: Form,
    mark: usize,
    limits: XmlLimits,
    holds: Holds,
}

/// What stands anywhere in a text: most documents hold none of it, and where they do not, no value has to be looked through for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Holds {
    /// A byte that can begin a character which XML forbids.
    pub(super) forbidden: bool,
    /// A carriage return, which line ends are normalised from.
    pub(super) carriage_return: bool,
    /// A closing bracket, which `]]>` begins with.
    pub(super) bracket: bool,
}

impl Holds {
    fn of(text: &str) -> Self {
        // No branch and no early end: so the bytes are taken sixteen at a time and more.
        let (mut forbidden, mut carriage_return, mut bracket) = (false, false, false);
        for byte in text.bytes() {
            let control = (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
            forbidden |= control | (byte == 0xEF);
            carriage_return |= byte == b'\r';
            bracket |= byte == b']';
        }
        Self { forbidden, carriage_return, bracket }
    }
}

impl<'b> Source<'b> {
    /// Reads the bytes as text.
    ///
    /// # Errors
    /// [`XmlErrorKind::Limit`], [`XmlErrorKind::Encoding`], [`XmlErrorKind::NotInEncoding`].
    pub fn new(bytes: &'b [u8], limits: XmlLimits) -> Result<Self, XmlError> {
        if bytes.len() > limits.bytes {
            return Err(limit(limits));
        }
        let (text, form, mark) = match bytes {
            [0, 0, 0xFE, 0xFF, ..] | [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
                return Err(at(0, XmlErrorKind::Encoding));
            }
            [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest, 3)?,
            [0xFF, 0xFE, rest @ ..] => utf16(rest, 2, u16::from_le_bytes)?,
            [0xFE, 0xFF, rest @ ..] => utf16(rest, 2, u16::from_be_bytes)?,
            [b'<', 0, ..] => utf16(bytes, 0, u16::from_le_bytes)?,
            [0, b'<', ..] => utf16(bytes, 0, u16::from_be_bytes)?,
            _ => declared(bytes)?,
        };
        if text.len() > limits.bytes {
            return Err(limit(limits));
        }
        if text.starts_with('\u{FEFF}') {
            return Err(at(mark, XmlErrorKind::Character { found: 0xFEFF }));
        }
        let holds = Holds::of(&text);
        Ok(Self { text, form, mark, limits, holds })
    }

    /// The text, without a byte order mark.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The limits that its readers keep.
    #[must_use]
    pub const fn limits(&self) -> &XmlLimits {
        &self.limits
    }

    /// What its readers have to look for in values.
    pub(super) const fn holds(&self) -> Holds {
        self.holds
    }

    /// Where an offset into the text was in the input.
    pub(super) fn input_offset(&self, offset: usize) -> usize {
        let before = self.text.char_indices().take_while(|(at, _)| *at < offset);
        self.mark
            + match self.form {
                Form::Utf8 => offset,
                Form::OneByte => before.count(),
                Form::Utf16 => before.map(|(_, c)| 2 * c.len_utf16()).sum(),
            }
    }
}

/// A text, its form, and the length of its byte order mark.
type Decoded<'b> = (Cow<'b, str>, Form, usize);

fn declared(bytes: &[u8]) -> Result<Decoded<'_>, XmlError> {
    let Some((offset, label)) = declared_encoding(bytes) else { return utf8(bytes, 0) };
    let is = |names: &[&[u8]]| names.iter().any(|name| name.eq_ignore_ascii_case(label));
    if is(&[b"utf-8", b"utf8", b"us-ascii", b"ascii", b"utf-16", b"unicode"]) {
        utf8(bytes, 0)
    } else if is(&[b"iso-8859-1", b"latin1", b"latin-1", b"windows-1252", b"cp1252"]) {
        let text = bytes.iter().map(|byte| windows_1252(*byte)).collect();
        Ok((Cow::Owned(text), Form::OneByte, 0))
    } else {
        Err(at(offset, XmlErrorKind::Encoding))
    }
}

fn utf8(bytes: &[u8], mark: usize) -> Result<Decoded<'_>, XmlError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((Cow::Borrowed(text), Form::Utf8, mark)),
        Err(error) => Err(at(mark + error.valid_up_to(), XmlErrorKind::NotInEncoding { encoding: "UTF-8" })),
    }
}

fn utf16(bytes: &[u8], mark: usize, unit: fn([u8; 2]) -> u16) -> Result<Decoded<'_>, XmlError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let bad = |offset| at(offset, XmlErrorKind::NotInEncoding { encoding: "UTF-16" });
    let mut text = String::with_capacity(pairs.len());
    let mut offset = mark;
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let c = c.map_err(|_| bad(offset))?;
        offset += 2 * c.len_utf16();
        text.push(c);
    }
    if rest.is_empty() { Ok((Cow::Owned(text), Form::Utf16, mark)) } else { Err(bad(offset)) }
}

const fn at(offset: usize, kind: XmlErrorKind) -> XmlError {
    XmlError { offset, path: Path::EMPTY, kind }
}

const fn limit(limits: XmlLimits) -> XmlError {
    at(limits.bytes, XmlErrorKind::Limit { limit: "bytes", allowed: limits.bytes })
}

/// The name that the XML declaration gives the encoding, and where it stands. The declaration itself is checked later.
fn declared_encoding(bytes: &[u8]) -> Option<(usize, &[u8])> {
    const KEY: &[u8] = b"encoding";
    let end = bytes.strip_prefix(b"<?xml")?.windows(2).position(|pair| pair == b"?>")?;
    let declaration = bytes.get(..end + 5)?;
    let key = declaration.windows(KEY.len()).position(|window| window == KEY)?;
    let open = key + declaration.get(key..)?.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    let label = declaration.get(open + 1..)?;
    let len = label.iter().position(|byte| matches!(byte, b'"' | b'\''))?;
    Some((open + 1, label.get(..len)?))
}

/// ISO-8859-1 is read by this table too, as everybody does: its range 0x80 to 0x9F holds controls that nobody sends.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match byte.checked_sub(0x80) {
        Some(high) => HIGH.get(usize::from(high)).copied().unwrap_or(char::from(byte)),
        None => char::from(byte),
    }
}
