//! Little-endian UTF-16 as it stands on the wire.

use std::fmt;

use bytes::{BufMut, BytesMut};

/// A view over little-endian UTF-16 bytes. It stays bytes until asked for text; unpaired surrogates become U+FFFD then,
/// one each, so that one bad code unit costs one character and not the page around it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Utf16<'de> {
    bytes: &'de [u8],
}

impl<'de> Utf16<'de> {
    /// A view over whole code units, or `None` for an odd number of bytes.
    #[must_use]
    pub const fn new(bytes: &'de [u8]) -> Option<Self> {
        if bytes.len().is_multiple_of(2) { Some(Self { bytes }) } else { None }
    }

    /// A view that leaves an odd last byte out.
    #[must_use]
    pub fn from_truncated(bytes: &'de [u8]) -> Self {
        let whole = bytes.len() - bytes.len() % 2;
        Self { bytes: bytes.get(..whole).unwrap_or_default() }
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'de [u8] {
        self.bytes
    }

    /// Code units.
    pub fn units(self) -> impl Iterator<Item = u16> + 'de {
        self.bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
    }

    /// Characters, unpaired surrogates as U+FFFD.
    pub fn chars(self) -> impl Iterator<Item = char> + 'de {
        char::decode_utf16(self.units()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// Whether there is no code unit.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }
}

impl fmt::Display for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

impl fmt::Debug for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl PartialEq<str> for Utf16<'_> {
    fn eq(&self, other: &str) -> bool {
        self.units().eq(other.encode_utf16())
    }
}

pub(crate) fn encode_utf16_le(text: &str, out: &mut BytesMut) {
    let start = out.len();
    out.put_bytes(0, most(text));
    let written = out.get_mut(start..).map_or(0, |room| fill(text, room));
    out.truncate(start + written);
}

/// Text as little-endian UTF-16 bytes, without a terminator.
#[must_use]
pub fn utf16_le_bytes(text: &str) -> Vec<u8> {
    let mut out = vec![0; most(text)];
    let written = fill(text, &mut out);
    out.truncate(written);
    out
}

/// How many bytes [`utf16_le_bytes`] gives.
#[must_use]
pub fn utf16_le_len(text: &str) -> usize {
    if text.is_ascii() { most(text) } else { text.encode_utf16().count().saturating_mul(2) }
}

/// How many bytes it takes at most: no character has more code units than bytes in UTF-8.
const fn most(text: &str) -> usize {
    text.len().saturating_mul(2)
}

/// Writes into room for [`most`] and says how many bytes it took. ASCII, which names mostly are, needs no decoding.
fn fill(text: &str, room: &mut [u8]) -> usize {
    let (units, _) = room.as_chunks_mut::<2>();
    if text.is_ascii() {
        units.iter_mut().zip(text.bytes()).for_each(|(unit, byte)| *unit = [byte, 0]);
        return most(text);
    }
    let mut written = 0;
    for (to, unit) in units.iter_mut().zip(text.encode_utf16()) {
        *to = unit.to_le_bytes();
        written += 2;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpaired_surrogate_costs_one_character() {
        let text = Utf16::new(&[b'a', 0, 0x00, 0xD8, b'b', 0]).unwrap();
        assert_eq!(text.to_string(), "a\u{FFFD}b");
        assert!(Utf16::new(&[1]).is_none());
        assert_eq!(Utf16::from_truncated(&[b'x', 0, 9]).to_string(), "x");
    }

    #[test]
    fn lengths_agree() {
        for text in ["", "abc", "grüße", "𝄞"] {
            let bytes = utf16_le_bytes(text);
            assert_eq!(bytes.len(), utf16_le_len(text));
            assert!(Utf16::new(&bytes).unwrap() == *text);
        }
    }
}
