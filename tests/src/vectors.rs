//! Vectors: one annotated hex file for each example, and the checks that every one of them gets.
//!
//! A file in `tests/vectors/` begins with a line `# <section>: <source>`. Then come bytes in hex, blanks between
//! them as one likes; from `#` to the end of a line is annotation.
//!
//! ```text
//! # [MS-OXCMAPIHTTP] 2.2.6: built by hand
//! 00 00 00 00    # StatusCode
//! ```
//!
//! [`vector!`](crate::vector) makes a test of a file, a type and the value that the bytes mean.

use std::fs;
use std::path::{Path, PathBuf};

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Section and source: the first line.
    pub heading: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Vector {
    /// Reads `tests/vectors/<file>`.
    ///
    /// # Panics
    /// When there is no such file, or it is not what the module says.
    #[must_use]
    pub fn load(file: &str) -> Self {
        let path = directory().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, and on which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let heading = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        if !heading.starts_with("[MS-") || !heading.contains(": ") {
            return Err("line 1: expected `# [MS-…] section: source`".to_owned());
        }
        let mut bytes = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let hex = line.split('#').next().unwrap_or_default();
            let digits: String = hex.split_whitespace().collect();
            let digits = digits.as_bytes();
            if !digits.len().is_multiple_of(2) {
                return Err(format!("line {number}: expected whole bytes"));
            }
            for pair in digits.chunks(2) {
                let pair = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.push(pair.ok_or_else(|| format!("line {number}: expected hex digits"))?);
            }
        }
        Ok(Self { heading: heading.to_owned(), bytes })
    }

    /// The bytes cut off at every length but the whole.
    pub fn truncations(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.bytes.len()).map(|len| &self.bytes[..len])
    }

    /// The bytes with one of them changed, every one of them in three ways: its lowest bit, its highest bit, all bits.
    pub fn flips(&self) -> impl Iterator<Item = Vec<u8>> {
        (0..self.bytes.len()).flat_map(move |at| {
            [0x01, 0x80, 0xFF].into_iter().map(move |mask| {
                let mut bytes = self.bytes.clone();
                bytes[at] ^= mask;
                bytes
            })
        })
    }
}

/// `tests/vectors`.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// A test of one vector file: the bytes mean the value, the value encodes to the bytes, `encoded_len` is exact; no
/// truncation means the same, and no truncation or flip panics or decodes to a value that does not survive being
/// encoded.
///
/// ```
/// use oxwire::mapi::mapihttp::DisconnectRequest;
/// oxwire_tests::vector!(
///     disconnect_request,
///     DisconnectRequest<'_>,
///     "ms-oxcmapihttp/disconnect_request_aux.hex",
///     DisconnectRequest { auxiliary_buffer: b"\0\0\x04\0\x08\0\x08\0\x08\0\x01\x17\x01\0\0\0" }
/// );
/// ```
#[macro_export]
macro_rules! vector {
    ($(#[$meta:meta])* $name:ident, $type:ty, $file:literal, $expected:expr) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            use ::oxwire::core::{Encode as _, Limits, decode_all, encode_to_bytes};
            let vector = $crate::vectors::Vector::load($file);
            let value: $type = match decode_all(&vector.bytes, &Limits::DEFAULT) {
                Ok(value) => value,
                Err(error) => panic!("{}: {error}", $file),
            };
            assert_eq!(value, $expected, "{}", $file);
            assert_eq!(encode_to_bytes(&value).as_deref(), Ok(&vector.bytes[..]), "{}", $file);
            assert_eq!(value.encoded_len(), vector.bytes.len(), "{}", $file);
            let survives = |damaged: &[u8]| {
                let Ok(other) = decode_all::<$type>(damaged, &Limits::DEFAULT) else { return false };
                // What is sent is stricter than what is received, so it may be refused.
                if let Ok(again) = encode_to_bytes(&other) {
                    let again: Result<$type, _> = decode_all(&again, &Limits::DEFAULT);
                    assert_eq!(again.as_ref(), Ok(&other), "{}: {damaged:02x?}", $file);
                }
                other == value
            };
            for truncated in vector.truncations() {
                assert!(!survives(truncated), "{}: means the same cut off at {}", $file, truncated.len());
            }
            for flipped in vector.flips() {
                survives(&flipped);
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_refused() {
        let vector = Vector::parse("# [MS-X] 1: by hand\n00 01ff # three\n# none\n\n10").unwrap();
        assert_eq!((&vector.heading[..], &vector.bytes[..]), ("[MS-X] 1: by hand", &[0, 1, 0xFF, 0x10][..]));
        for text in ["", "00", "# [MS-X] 1\n00", "# [MS-X] 1: x\n0", "# [MS-X] 1: x\n0g", "# [MS-X] 1: x\nü0"] {
            assert!(Vector::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(vector.truncations().count(), 4);
        assert_eq!(vector.flips().count(), 12);
    }
}
