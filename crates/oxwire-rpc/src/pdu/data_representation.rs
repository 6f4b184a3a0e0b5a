//! Data representation formats, \[C706\] 14.1.

use std::fmt;

use oxwire_core::{DecodeError, Guid, Reader};

/// packed_drep: how the sender writes integers, characters and floats. \[C706\] 14.1
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataRepresentation([u8; 4]);

impl DataRepresentation {
    /// Little-endian integers, ASCII, IEEE floats: what is sent here.
    pub const LITTLE_ENDIAN: Self = Self([0x10, 0, 0, 0]);
    /// Big-endian integers, ASCII, IEEE floats.
    pub const BIG_ENDIAN: Self = Self([0, 0, 0, 0]);

    pub(crate) const fn from_wire(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    #[must_use]
    pub const fn to_wire(self) -> [u8; 4] {
        self.0
    }

    /// Whether integers are little-endian.
    #[must_use]
    pub const fn is_little_endian(self) -> bool {
        let [integers_and_characters, ..] = self.0;
        integers_and_characters >> 4 == 1
    }

    /// Whether it is one of the two that are read: either byte order, ASCII, IEEE.
    pub(crate) const fn is_supported(self) -> bool {
        let [integers_and_characters, floats, ..] = self.0;
        matches!(integers_and_characters, 0x10 | 0x00) && floats == 0
    }

    /// Reads a 16-bit integer of the sender's.
    ///
    /// # Errors
    /// As [`Reader::u16_le`].
    pub fn u16(self, r: &mut Reader<'_>, field: &'static str) -> Result<u16, DecodeError> {
        if self.is_little_endian() { r.u16_le(field) } else { r.u16_be(field) }
    }

    /// Reads a 32-bit integer of the sender's.
    ///
    /// # Errors
    /// As [`Reader::u32_le`].
    pub fn u32(self, r: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
        if self.is_little_endian() { r.u32_le(field) } else { r.u32_be(field) }
    }

    /// Reads a UUID of the sender's.
    ///
    /// # Errors
    /// As [`Reader::guid`].
    pub fn uuid(self, r: &mut Reader<'_>, field: &'static str) -> Result<Guid, DecodeError> {
        if self.is_little_endian() {
            return r.guid(field);
        }
        let (data1, data2, data3) = (r.u32_be(field)?, r.u16_be(field)?, r.u16_be(field)?);
        Ok(Guid::new(data1, data2, data3, r.array(field)?))
    }
}

impl fmt::Debug for DataRepresentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LITTLE_ENDIAN => f.write_str("little-endian"),
            Self::BIG_ENDIAN => f.write_str("big-endian"),
            Self(bytes) => write!(f, "{bytes:02x?}"),
        }
    }
}
