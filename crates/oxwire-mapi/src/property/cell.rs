//! One cell of a row, [MS-OXCDATA] 2.11.5 and 2.11.6.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Reader, Writer};

use super::{CountWidth, ErrorCode, PropertyTag, PropertyType, PropertyValue};

/// The Flag of a FlaggedPropertyValue, [MS-OXCDATA] 2.11.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CellFlag(pub u8);

impl CellFlag {
    /// The value follows.
    pub const VALUE: Self = Self(0x00);
    /// The object does not have the property; nothing follows.
    pub const ABSENT: Self = Self(0x01);
    /// An error code follows.
    pub const ERROR: Self = Self(0x0A);
}

/// What a row says of one column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// The value.
    Value(PropertyValue<'a>),
    /// The object does not have the property.
    Absent,
    /// The property could not be read, and why: NotFound for one that is not there, OutOfMemory for one that is too large.
    Error(ErrorCode),
}

impl<'a> Cell<'a> {
    /// The value, if there is one.
    #[must_use]
    pub const fn value(self) -> Option<PropertyValue<'a>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Error(_) => None,
        }
    }

    /// What a value of that type was read as: PtypNull for another type says that HasValue is FALSE.
    fn of(value: PropertyValue<'a>, property_type: PropertyType) -> Self {
        let absent = matches!(value, PropertyValue::Null) && property_type != PropertyType::NULL;
        if absent { Self::Absent } else { Self::Value(value) }
    }

    /// Reads a cell of a StandardPropertyRow.
    pub(crate) fn decode_standard(
        r: &mut Reader<'a>,
        tag: PropertyTag,
        width: CountWidth,
    ) -> Result<Self, DecodeError> {
        let property_type = match tag.property_type().in_row() {
            PropertyType::UNSPECIFIED => PropertyType(r.u16_le("PropertyType")?),
            property_type => property_type,
        };
        PropertyValue::decode(r, property_type, width).map(|value| Self::of(value, property_type))
    }

    /// Reads a cell of a FlaggedPropertyRow.
    pub(crate) fn decode_flagged(r: &mut Reader<'a>, tag: PropertyTag, width: CountWidth) -> Result<Self, DecodeError> {
        let property_type = match tag.property_type().in_row() {
            PropertyType::UNSPECIFIED => PropertyType(r.u16_le("PropertyType")?),
            property_type => property_type,
        };
        let at = r.offset();
        match CellFlag(r.u8("Flag")?) {
            CellFlag::VALUE => {
                PropertyValue::decode(r, property_type, width).map(|value| Self::of(value, property_type))
            }
            CellFlag::ABSENT => Ok(Self::Absent),
            CellFlag::ERROR => Ok(Self::Error(ErrorCode(r.u32_le("Value")?))),
            CellFlag(found) => Err(r.invalid(at, "Flag", "0x00, 0x01 or 0x0A", found)),
        }
    }

    /// Leaves the reader where [`Cell::decode_standard`] would, with the same error.
    pub(crate) fn skip_standard(r: &mut Reader<'a>, tag: PropertyTag, width: CountWidth) -> Result<(), DecodeError> {
        match tag.property_type().in_row() {
            PropertyType::UNSPECIFIED => PropertyValue::decode_typed(r, width).map(drop),
            property_type => PropertyValue::skip(r, property_type, width),
        }
    }

    /// Whether a StandardPropertyRow can carry it in a column of that tag.
    pub(crate) fn is_standard(&self, tag: PropertyTag) -> bool {
        let Self::Value(value) = self else { return false };
        let column = tag.property_type().in_row();
        column == PropertyType::UNSPECIFIED || column == value.property_type()
    }

    /// Writes a cell of a StandardPropertyRow that can carry it.
    pub(crate) fn encode_standard(
        &self,
        w: &mut Writer<'_>,
        tag: PropertyTag,
        width: CountWidth,
    ) -> Result<(), EncodeError> {
        match (self, tag.property_type().in_row()) {
            (Self::Value(value), PropertyType::UNSPECIFIED) => value.encode_typed(w, width),
            (Self::Value(value), _) => value.encode(w, width),
            (Self::Absent | Self::Error(_), _) => Ok(()),
        }
    }

    /// Writes a cell of a FlaggedPropertyRow. A value of another type than the column's is an error: the reader would take its
    /// bytes for something else.
    pub(crate) fn encode_flagged(
        &self,
        w: &mut Writer<'_>,
        tag: PropertyTag,
        width: CountWidth,
    ) -> Result<(), EncodeError> {
        let typed = tag.property_type().in_row() == PropertyType::UNSPECIFIED;
        match *self {
            Self::Value(value) if self.is_standard(tag) => {
                if typed {
                    w.u16_le(value.property_type().0);
                }
                w.u8(CellFlag::VALUE.0);
                value.encode(w, width)?;
            }
            Self::Absent => {
                if typed {
                    w.u16_le(PropertyType::UNSPECIFIED.0);
                }
                w.u8(CellFlag::ABSENT.0);
            }
            Self::Value(value) => {
                let found = u64::from(value.property_type().0);
                return Err(
                    w.error("Value", EncodeErrorKind::Value { expected: "a value of the column's type", found })
                );
            }
            Self::Error(code) => {
                if typed {
                    w.u16_le(PropertyType::ERROR_CODE.0);
                }
                w.u8(CellFlag::ERROR.0);
                w.u32_le(code.0);
            }
        }
        Ok(())
    }
}

impl<'a> From<PropertyValue<'a>> for Cell<'a> {
    fn from(value: PropertyValue<'a>) -> Self {
        Self::Value(value)
    }
}
