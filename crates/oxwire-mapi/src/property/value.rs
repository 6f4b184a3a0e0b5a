//! Property values, [MS-OXCDATA] 2.11.2.

use oxwire_core::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FileTime, Guid, Reader, Utf16, Writer, utf16_le_len,
};

use super::elements::{self, HAS_VALUE, binary};
use super::multiple::encode_binary;
use super::{
    CountWidth, ErrorCode, Multiple, MultipleBinary, MultipleString, MultipleString8, PropertyType, Restriction,
    RuleActions, ServerId,
};

/// The value of a property, [MS-OXCDATA] 2.11.2.1, as a view over its bytes. The type is not part of it on the wire: the tag
/// or the column says it, and a TypedPropertyValue ([MS-OXCDATA] 2.11.3) carries it in front.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum PropertyValue<'a> {
    /// PtypNull.
    Null,
    /// PtypInteger16.
    Integer16(i16),
    /// PtypInteger32.
    Integer32(i32),
    /// PtypFloating32.
    Floating32(f32),
    /// PtypFloating64.
    Floating64(f64),
    /// PtypCurrency, in ten-thousandths.
    Currency(i64),
    /// PtypFloatingTime, days since 1899-12-30.
    FloatingTime(f64),
    /// PtypErrorCode.
    ErrorCode(ErrorCode),
    /// PtypBoolean. Read as true from every byte but 0.
    Boolean(bool),
    /// PtypInteger64.
    Integer64(i64),
    /// PtypString, as UTF-16 without its NUL.
    String(Utf16<'a>),
    /// PtypString from text of the caller's. Only written, never read: reading gives [`PropertyValue::String`].
    Str(&'a str),
    /// PtypString8 without its NUL; the code page is the connection's.
    String8(&'a [u8]),
    /// PtypTime.
    Time(FileTime),
    /// PtypGuid.
    Guid(Guid),
    /// PtypServerId.
    ServerId(ServerId<'a>),
    /// PtypRestriction.
    Restriction(Restriction<'a>),
    /// PtypRuleAction.
    RuleActions(RuleActions<'a>),
    /// PtypBinary.
    Binary(&'a [u8]),
    /// PtypEmbeddedTable, whose number is that of PtypObject: a number that refers to an address list ([MS-OXNSPI] 2.2.1.1). In the
    /// address book only: in a ROP buffer the property has no value.
    EmbeddedTable(u32),
    /// PtypMultipleInteger16.
    MultipleInteger16(Multiple<'a, i16>),
    /// PtypMultipleInteger32.
    MultipleInteger32(Multiple<'a, i32>),
    /// PtypMultipleFloating32.
    MultipleFloating32(Multiple<'a, f32>),
    /// PtypMultipleFloating64.
    MultipleFloating64(Multiple<'a, f64>),
    /// PtypMultipleCurrency.
    MultipleCurrency(Multiple<'a, i64>),
    /// PtypMultipleFloatingTime.
    MultipleFloatingTime(Multiple<'a, f64>),
    /// PtypMultipleInteger64.
    MultipleInteger64(Multiple<'a, i64>),
    /// PtypMultipleString.
    MultipleString(MultipleString<'a>),
    /// PtypMultipleString from text of the caller's. Only written, never read: reading gives [`PropertyValue::MultipleString`].
    MultipleStr(&'a [&'a str]),
    /// PtypMultipleString8.
    MultipleString8(MultipleString8<'a>),
    /// PtypMultipleTime.
    MultipleTime(Multiple<'a, FileTime>),
    /// PtypMultipleGuid.
    MultipleGuid(Multiple<'a, Guid>),
    /// PtypMultipleBinary.
    MultipleBinary(MultipleBinary<'a>),
}

impl<'a> PropertyValue<'a> {
    /// Reads a value of a type that is known from elsewhere. One of the address book whose HasValue is FALSE is read as
    /// [`PropertyValue::Null`].
    ///
    /// # Errors
    /// [`DecodeError`]; of kind [`DecodeErrorKind::Unsupported`], naming the type, for PtypObject outside
    /// the address book, for PtypUnspecified and for types that [MS-OXCDATA] 2.11.1 does not list.
    pub fn decode(r: &mut Reader<'a>, property_type: PropertyType, width: CountWidth) -> Result<Self, DecodeError> {
        const V: &str = "Value";
        if width.has_value(property_type) && !elements::has_value(r)? {
            return Ok(Self::Null);
        }
        Ok(match property_type {
            PropertyType::NULL => Self::Null,
            PropertyType::INTEGER16 => Self::Integer16(r.i16_le(V)?),
            PropertyType::INTEGER32 => Self::Integer32(r.i32_le(V)?),
            PropertyType::FLOATING32 => Self::Floating32(r.f32_le(V)?),
            PropertyType::FLOATING64 => Self::Floating64(r.f64_le(V)?),
            PropertyType::CURRENCY => Self::Currency(r.i64_le(V)?),
            PropertyType::FLOATING_TIME => Self::FloatingTime(r.f64_le(V)?),
            PropertyType::ERROR_CODE => Self::ErrorCode(ErrorCode(r.u32_le(V)?)),
            PropertyType::BOOLEAN => Self::Boolean(r.u8(V)? != 0),
            PropertyType::INTEGER64 => Self::Integer64(r.i64_le(V)?),
            PropertyType::STRING => Self::String(r.c_utf16(V)?),
            PropertyType::STRING8 => Self::String8(r.c_string(V)?),
            PropertyType::TIME => Self::Time(FileTime::from_intervals(r.u64_le(V)?)),
            PropertyType::GUID => Self::Guid(r.guid(V)?),
            PropertyType::SERVER_ID => Self::ServerId(ServerId::decode(r)?),
            PropertyType::RESTRICTION => Self::Restriction(Restriction::decode(r, width)?),
            PropertyType::RULE_ACTION => Self::RuleActions(RuleActions::decode(r, width)?),
            PropertyType::BINARY => Self::Binary(binary(r, width)?),
            PropertyType::OBJECT if width == CountWidth::AddressBook => Self::EmbeddedTable(r.u32_le(V)?),
            PropertyType::MULTIPLE_INTEGER16 => Self::MultipleInteger16(Multiple::decode(r)?),
            PropertyType::MULTIPLE_INTEGER32 => Self::MultipleInteger32(Multiple::decode(r)?),
            PropertyType::MULTIPLE_FLOATING32 => Self::MultipleFloating32(Multiple::decode(r)?),
            PropertyType::MULTIPLE_FLOATING64 => Self::MultipleFloating64(Multiple::decode(r)?),
            PropertyType::MULTIPLE_CURRENCY => Self::MultipleCurrency(Multiple::decode(r)?),
            PropertyType::MULTIPLE_FLOATING_TIME => Self::MultipleFloatingTime(Multiple::decode(r)?),
            PropertyType::MULTIPLE_INTEGER64 => Self::MultipleInteger64(Multiple::decode(r)?),
            PropertyType::MULTIPLE_STRING => Self::MultipleString(MultipleString::decode(r, width)?),
            PropertyType::MULTIPLE_STRING8 => Self::MultipleString8(MultipleString8::decode(r, width)?),
            PropertyType::MULTIPLE_TIME => Self::MultipleTime(Multiple::decode(r)?),
            PropertyType::MULTIPLE_GUID => Self::MultipleGuid(Multiple::decode(r)?),
            PropertyType::MULTIPLE_BINARY => Self::MultipleBinary(MultipleBinary::decode(r, width)?),
            unsupported => {
                let what = unsupported.name().unwrap_or("a property type that [MS-OXCDATA] 2.11.1 does not list");
                return Err(r.error(V, DecodeErrorKind::Unsupported { what }));
            }
        })
    }

    /// Leaves the reader where [`PropertyValue::decode`] would, with the same error, without making a value of fixed size.
    pub(crate) fn skip(r: &mut Reader<'a>, property_type: PropertyType, width: CountWidth) -> Result<(), DecodeError> {
        match property_type.fixed_len() {
            Some(len) => r.bytes(len, "Value").map(drop),
            None => Self::decode(r, property_type, width).map(drop),
        }
    }

    /// Its type.
    #[must_use]
    pub const fn property_type(&self) -> PropertyType {
        match self {
            Self::Null => PropertyType::NULL,
            Self::Integer16(_) => PropertyType::INTEGER16,
            Self::Integer32(_) => PropertyType::INTEGER32,
            Self::Floating32(_) => PropertyType::FLOATING32,
            Self::Floating64(_) => PropertyType::FLOATING64,
            Self::Currency(_) => PropertyType::CURRENCY,
            Self::FloatingTime(_) => PropertyType::FLOATING_TIME,
            Self::ErrorCode(_) => PropertyType::ERROR_CODE,
            Self::Boolean(_) => PropertyType::BOOLEAN,
            Self::Integer64(_) => PropertyType::INTEGER64,
            Self::String(_) | Self::Str(_) => PropertyType::STRING,
            Self::String8(_) => PropertyType::STRING8,
            Self::Time(_) => PropertyType::TIME,
            Self::Guid(_) => PropertyType::GUID,
            Self::ServerId(_) => PropertyType::SERVER_ID,
            Self::Restriction(_) => PropertyType::RESTRICTION,
            Self::RuleActions(_) => PropertyType::RULE_ACTION,
            Self::Binary(_) => PropertyType::BINARY,
            Self::EmbeddedTable(_) => PropertyType::OBJECT,
            Self::MultipleInteger16(_) => PropertyType::MULTIPLE_INTEGER16,
            Self::MultipleInteger32(_) => PropertyType::MULTIPLE_INTEGER32,
            Self::MultipleFloating32(_) => PropertyType::MULTIPLE_FLOATING32,
            Self::MultipleFloating64(_) => PropertyType::MULTIPLE_FLOATING64,
            Self::MultipleCurrency(_) => PropertyType::MULTIPLE_CURRENCY,
            Self::MultipleFloatingTime(_) => PropertyType::MULTIPLE_FLOATING_TIME,
            Self::MultipleInteger64(_) => PropertyType::MULTIPLE_INTEGER64,
            Self::MultipleString(_) | Self::MultipleStr(_) => PropertyType::MULTIPLE_STRING,
            Self::MultipleString8(_) => PropertyType::MULTIPLE_STRING8,
            Self::MultipleTime(_) => PropertyType::MULTIPLE_TIME,
            Self::MultipleGuid(_) => PropertyType::MULTIPLE_GUID,
            Self::MultipleBinary(_) => PropertyType::MULTIPLE_BINARY,
        }
    }

    /// Bytes that [`PropertyValue::encode`] writes.
    #[must_use]
    pub fn encoded_len(&self, width: CountWidth) -> usize {
        let element = usize::from(width == CountWidth::AddressBook);
        let len = match self {
            Self::Null => 0,
            Self::Boolean(_) => 1,
            Self::Integer16(_) => 2,
            Self::Integer32(_) | Self::Floating32(_) | Self::ErrorCode(_) | Self::EmbeddedTable(_) => 4,
            Self::Floating64(_) | Self::Currency(_) | Self::FloatingTime(_) | Self::Integer64(_) | Self::Time(_) => 8,
            Self::Guid(_) => 16,
            Self::String(text) => text.as_bytes().len().saturating_add(2),
            Self::Str(text) => utf16_le_len(text).saturating_add(2),
            Self::String8(text) => text.len().saturating_add(1),
            Self::ServerId(id) => id.encoded_len(),
            Self::Restriction(restriction) => restriction.as_bytes().len(),
            Self::RuleActions(actions) => actions.as_bytes().len(),
            Self::Binary(bytes) => bytes.len().saturating_add(width.binary()),
            Self::MultipleInteger16(values) => values.encoded_len(),
            Self::MultipleInteger32(values) => values.encoded_len(),
            Self::MultipleFloating32(values) => values.encoded_len(),
            Self::MultipleFloating64(values) | Self::MultipleFloatingTime(values) => values.encoded_len(),
            Self::MultipleCurrency(values) | Self::MultipleInteger64(values) => values.encoded_len(),
            Self::MultipleString(values) => values.encoded_len(width),
            Self::MultipleStr(values) => values
                .iter()
                .fold(4_usize, |sum, text| sum.saturating_add(utf16_le_len(text)).saturating_add(2 + element)),
            Self::MultipleString8(values) => values.encoded_len(width),
            Self::MultipleTime(values) => values.encoded_len(),
            Self::MultipleGuid(values) => values.encoded_len(),
            Self::MultipleBinary(values) => values.encoded_len(width),
        };
        len.saturating_add(usize::from(width.has_value(self.property_type())))
    }

    /// Writes the value, without its type. In the address book HasValue is always TRUE, the one of each string and binary value
    /// inside a multivalue too: Outlook crashes at a null string.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`] for a binary value past its count field, [`EncodeErrorKind::Value`] for text with a NUL
    /// inside, for a PtypEmbeddedTable outside the address book, and for a restriction or rule actions read with counts of another
    /// width: each would shift all that follows.
    pub fn encode(&self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        if width.has_value(self.property_type()) {
            w.u8(HAS_VALUE);
        }
        match *self {
            Self::Null => {}
            Self::Integer16(value) => w.i16_le(value),
            Self::Integer32(value) => w.i32_le(value),
            Self::Floating32(value) => w.f32_le(value),
            Self::Floating64(value) | Self::FloatingTime(value) => w.f64_le(value),
            Self::ErrorCode(ErrorCode(value)) => w.u32_le(value),
            Self::Boolean(value) => w.u8(u8::from(value)),
            Self::Integer64(value) | Self::Currency(value) => w.i64_le(value),
            Self::String(text) => {
                if text.units().any(|unit| unit == 0) {
                    let kind = EncodeErrorKind::Value { expected: "text without a NUL", found: 0 };
                    return Err(w.error("Value", kind));
                }
                w.bytes(text.as_bytes());
                w.u16_le(0);
            }
            Self::Str(text) => w.c_utf16(text, "Value")?,
            Self::String8(text) => w.c_string(text, "Value")?,
            Self::Time(value) => w.u64_le(value.intervals()),
            Self::Guid(value) => w.guid(value),
            Self::ServerId(value) => value.encode(w)?,
            Self::Restriction(value) => as_read(w, value.as_bytes(), value.width(), width)?,
            Self::RuleActions(value) => as_read(w, value.as_bytes(), value.width(), width)?,
            Self::Binary(value) => encode_binary(w, value, width)?,
            Self::EmbeddedTable(list) if width == CountWidth::AddressBook => w.u32_le(list),
            Self::EmbeddedTable(list) => {
                let expected = "a type that has a value here: PtypEmbeddedTable has one in the address book only";
                return Err(w.error("Value", EncodeErrorKind::Value { expected, found: list.into() }));
            }
            Self::MultipleInteger16(values) => values.encode(w)?,
            Self::MultipleInteger32(values) => values.encode(w)?,
            Self::MultipleFloating32(values) => values.encode(w)?,
            Self::MultipleFloating64(values) | Self::MultipleFloatingTime(values) => values.encode(w)?,
            Self::MultipleCurrency(values) | Self::MultipleInteger64(values) => values.encode(w)?,
            Self::MultipleString(values) => values.encode(w, width)?,
            Self::MultipleStr(values) => {
                w.len_u32_le(values.len(), "Count")?;
                for text in values {
                    if width == CountWidth::AddressBook {
                        w.u8(HAS_VALUE);
                    }
                    w.c_utf16(text, "Value")?;
                }
            }
            Self::MultipleString8(values) => values.encode(w, width)?,
            Self::MultipleTime(values) => values.encode(w)?,
            Self::MultipleGuid(values) => values.encode(w)?,
            Self::MultipleBinary(values) => values.encode(w, width)?,
        }
        Ok(())
    }

    /// Reads a TypedPropertyValue, [MS-OXCDATA] 2.11.3: the type, then the value.
    ///
    /// # Errors
    /// Those of [`PropertyValue::decode`].
    pub fn decode_typed(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let property_type = PropertyType(r.u16_le("PropertyType")?);
        Self::decode(r, property_type, width)
    }

    /// Writes a TypedPropertyValue, [MS-OXCDATA] 2.11.3.
    ///
    /// # Errors
    /// Those of [`PropertyValue::encode`].
    pub fn encode_typed(&self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.u16_le(self.property_type().0);
        self.encode(w, width)
    }
}

/// Writes what was read, where its counts are as wide as they are to be.
fn as_read(w: &mut Writer<'_>, bytes: &[u8], read: CountWidth, width: CountWidth) -> Result<(), EncodeError> {
    if read != width {
        let kind =
            EncodeErrorKind::Value { expected: "counts as wide as those that it was read with", found: read as u64 };
        return Err(w.error("Value", kind));
    }
    w.bytes(bytes);
    Ok(())
}
