//! GUIDs, [MS-DTYP] 2.3.4.

use std::fmt;
use std::str::FromStr;

/// A GUID in its wire form ([MS-DTYP] 2.3.4.2): three little-endian integers and eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Guid([u8; 16]);

impl Guid {
    /// All zero.
    pub const NIL: Self = Self([0; 16]);

    /// From the 16 bytes as they stand on the wire.
    #[must_use]
    pub const fn from_wire(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes as they stand on the wire.
    #[must_use]
    pub const fn to_wire(self) -> [u8; 16] {
        self.0
    }

    /// From the parts of its string form: `Guid::new(0xa4f1db00, 0xca47, 0x1067, [0xb3, 0x1f, …])`.
    #[must_use]
    pub const fn new(data1: u32, data2: u16, data3: u16, data4: [u8; 8]) -> Self {
        let a = data1.to_le_bytes();
        let b = data2.to_le_bytes();
        let c = data3.to_le_bytes();
        let [d0, d1, d2, d3, d4, d5, d6, d7] = data4;
        Self([a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d0, d1, d2, d3, d4, d5, d6, d7])
    }

    /// A random GUID (RFC 9562 version 4) from 16 bytes of entropy.
    #[must_use]
    pub const fn from_entropy(mut bytes: [u8; 16]) -> Self {
        bytes[7] = bytes[7] & 0x0F | 0x40;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        Self(bytes)
    }
}

/// The string form without braces, in upper case: `A4F1DB00-CA47-1067-B31F-00DD010662DA`.
impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, rest @ ..] = self.0;
        write!(
            f,
            "{:08X}-{:04X}-{:04X}-{d0:02X}{d1:02X}-",
            u32::from_le_bytes([a0, a1, a2, a3]),
            u16::from_le_bytes([b0, b1]),
            u16::from_le_bytes([c0, c1]),
        )?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// Text that is not a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a GUID as in A4F1DB00-CA47-1067-B31F-00DD010662DA, with or without braces")]
pub struct ParseGuidError;

impl FromStr for Guid {
    type Err = ParseGuidError;

    /// Either letter case, with or without braces.
    fn from_str(text: &str) -> Result<Self, ParseGuidError> {
        let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let mut groups = text.split('-');
        let mut group = |digits: usize| {
            let group = groups.next().filter(|g| g.len() == digits && g.bytes().all(|b| b.is_ascii_hexdigit()));
            group.and_then(|g| u64::from_str_radix(g, 16).ok()).ok_or(ParseGuidError)
        };
        let a = u32::try_from(group(8)?).map_err(|_| ParseGuidError)?;
        let b = u16::try_from(group(4)?).map_err(|_| ParseGuidError)?;
        let c = u16::try_from(group(4)?).map_err(|_| ParseGuidError)?;
        let (d, e) = (group(4)?, group(12)?);
        if groups.next().is_some() {
            return Err(ParseGuidError);
        }
        Ok(Self::new(a, b, c, (d << 48 | e).to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// \[C706\] appendix and [MS-OXCRPC] 1.9: the EMSMDB interface, as it stands in a bind PDU.
    #[test]
    fn wire_and_string_forms() {
        let wire = [0x00, 0xdb, 0xf1, 0xa4, 0x47, 0xca, 0x67, 0x10, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda];
        let guid: Guid = "a4f1db00-ca47-1067-b31f-00dd010662da".parse().unwrap();
        assert_eq!(guid.to_wire(), wire);
        assert_eq!(guid.to_string(), "A4F1DB00-CA47-1067-B31F-00DD010662DA");
        assert_eq!("{A4F1DB00-CA47-1067-B31F-00DD010662DA}".parse(), Ok(guid));
        assert_eq!(Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0, 0xdd, 1, 6, 0x62, 0xda]), guid);
    }

    #[test]
    fn what_is_not_a_guid_is_refused() {
        for text in [
            "",
            "{a4f1db00-ca47-1067-b31f-00dd010662da",
            "a4f1db00ca471067b31f00dd010662da",
            "a4f1db00-ca47-1067-b31f-00dd010662da-0",
            "+4f1db00-ca47-1067-b31f-00dd010662da",
            "a4f1db0-0ca47-1067-b31f-00dd010662da",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text}");
        }
    }

    #[test]
    fn random_guids_carry_version_and_variant() {
        let text = Guid::from_entropy([0xFF; 16]).to_string();
        assert_eq!(text, "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF");
    }
}
