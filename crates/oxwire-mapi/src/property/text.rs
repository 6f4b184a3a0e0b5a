//! Text that is UTF-16 or in a code page, as something beside it says; TypedString, [MS-OXCDATA] 2.11.7.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Utf16, Writer};

/// Text without its NUL, in one of two encodings.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Text<'a> {
    /// UTF-16.
    Unicode(Utf16<'a>),
    /// In a code page: the connection's, or where a section says so ASCII.
    EightBit(&'a [u8]),
}

impl<'a> Text<'a> {
    /// Reads text up to its NUL.
    pub(crate) fn decode(r: &mut Reader<'a>, unicode: bool, field: &'static str) -> Result<Self, DecodeError> {
        if unicode { r.c_utf16(field).map(Self::Unicode) } else { r.c_string(field).map(Self::EightBit) }
    }

    /// Whether it is UTF-16.
    #[must_use]
    pub const fn is_unicode(self) -> bool {
        matches!(self, Self::Unicode(_))
    }

    pub(crate) const fn encoded_len(self) -> usize {
        match self {
            Self::Unicode(text) => text.as_bytes().len().saturating_add(2),
            Self::EightBit(text) => text.len().saturating_add(1),
        }
    }

    /// Writes the text and its NUL.
    pub(crate) fn encode(self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        match self {
            Self::Unicode(text) => {
                if text.units().any(|unit| unit == 0) {
                    let kind = EncodeErrorKind::Value { expected: "text without a NUL", found: 0 };
                    return Err(w.error(field, kind));
                }
                w.bytes(text.as_bytes());
                w.u16_le(0);
                Ok(())
            }
            Self::EightBit(text) => w.c_string(text, field),
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unicode(text) => text.fmt(f),
            Self::EightBit(text) => write!(f, "b\"{}\"", text.escape_ascii()),
        }
    }
}

/// TypedString, [MS-OXCDATA] 2.11.7: a byte says how the text behind it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypedString<'a> {
    /// 0x00: no string.
    Absent,
    /// 0x01: an empty string.
    Empty,
    /// 0x02: in a code page.
    EightBit(&'a [u8]),
    /// 0x03: UTF-16 whose upper bytes are all zero, without them.
    ReducedUnicode(&'a [u8]),
    /// 0x04: UTF-16.
    Unicode(Utf16<'a>),
}

impl Structure for TypedString<'_> {
    const NAME: &'static str = "TypedString";
    const SPEC: &'static str = "[MS-OXCDATA] 2.11.7";
}

impl<'de> Decode<'de> for TypedString<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        Ok(match r.u8("StringType")? {
            0x00 => Self::Absent,
            0x01 => Self::Empty,
            0x02 => Self::EightBit(r.c_string("String")?),
            0x03 => Self::ReducedUnicode(r.c_string("String")?),
            0x04 => Self::Unicode(r.c_utf16("String")?),
            unknown => return Err(r.invalid(at, "StringType", "0x00 to 0x04", unknown)),
        })
    }
}

impl Encode for TypedString<'_> {
    fn encoded_len(&self) -> usize {
        1 + match self {
            Self::Absent | Self::Empty => 0,
            Self::EightBit(text) | Self::ReducedUnicode(text) => Text::EightBit(text).encoded_len(),
            Self::Unicode(text) => Text::Unicode(*text).encoded_len(),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (kind, text) = match *self {
            Self::Absent => (0x00, None),
            Self::Empty => (0x01, None),
            Self::EightBit(text) => (0x02, Some(Text::EightBit(text))),
            Self::ReducedUnicode(text) => (0x03, Some(Text::EightBit(text))),
            Self::Unicode(text) => (0x04, Some(Text::Unicode(text))),
        };
        w.u8(kind);
        text.map_or(Ok(()), |text| text.encode(w, "String"))
    }
}
