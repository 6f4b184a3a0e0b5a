//! 16-bit strings, in either byte order.

use std::borrow::Cow;
use std::fmt;

use oxwire_core::Utf16;

/// The text of a string of 16-bit characters, without its terminator. It stays bytes until asked for; unpaired surrogates become
/// U+FFFD then.
#[derive(Clone, Copy, Default)]
pub struct WideText<'de> {
    bytes: &'de [u8],
    big_endian: bool,
}

impl<'de> WideText<'de> {
    pub(super) const fn new(bytes: &'de [u8], big_endian: bool) -> Self {
        Self { bytes, big_endian }
    }

    /// Code units.
    pub fn units(self) -> impl ExactSizeIterator<Item = u16> + Clone + use<'de> {
        self.bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(move |unit| if self.big_endian { u16::from_be_bytes(*unit) } else { u16::from_le_bytes(*unit) })
    }

    /// Characters, unpaired surrogates as U+FFFD.
    pub fn chars(self) -> impl Iterator<Item = char> + 'de {
        char::decode_utf16(self.units()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The view that the rest of the workspace speaks, where the sender is little-endian: all of Windows.
    #[must_use]
    pub const fn as_utf16(self) -> Option<Utf16<'de>> {
        if self.big_endian { None } else { Utf16::new(self.bytes) }
    }

    /// Little-endian bytes; copied only when the sender is big-endian.
    #[must_use]
    pub fn to_le_bytes(self) -> Cow<'de, [u8]> {
        if self.big_endian {
            Cow::Owned(self.units().flat_map(u16::to_le_bytes).collect())
        } else {
            Cow::Borrowed(self.bytes)
        }
    }

    /// Whether there is no code unit.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }
}

impl<'de> From<Utf16<'de>> for WideText<'de> {
    fn from(text: Utf16<'de>) -> Self {
        Self::new(text.as_bytes(), false)
    }
}

impl fmt::Display for WideText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

impl fmt::Debug for WideText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl PartialEq for WideText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.units().eq(other.units())
    }
}

impl Eq for WideText<'_> {}

impl PartialEq<str> for WideText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.units().eq(other.encode_utf16())
    }
}
