//! Fields of the address book's bodies: how each is read, written and counted, so that a body is its list of fields.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Guid, Limits, Reader, Utf16, Writer};

use crate::property::{CountWidth, ErrorCode, PropertyTag, PropertyTags, Restriction};

/// The most elements of an array or table that [MS-OXCMAPIHTTP] 2.2.1.8 and 2.2.5, and [MS-OXNSPI], allow.
pub const MAX_ELEMENTS: usize = 100_000;

/// For views over what was read once within the limits of the caller: what they let through is not refused then.
pub(super) static REREAD: Limits =
    Limits::DEFAULT.with_items(usize::MAX).with_value_bytes(usize::MAX).with_depth(u16::MAX);

/// TRUE of the Has… fields. The specification asks for a value other than zero; this one is what the HasValue field of
/// [MS-OXCMAPIHTTP] 2.2.1.1 has, and what gromox takes.
const TRUE: u8 = 0xFF;

/// One field of a body.
pub(super) trait Field<'de>: Sized {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError>;
    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError>;
    fn size(&self) -> usize;
}

/// A Boolean field that says whether the one behind it is there, and that one.
impl<'de, T: Field<'de>> Field<'de> for Option<T> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        if bool::read(r, field)? { T::read(r, field.strip_prefix("Has").unwrap_or(field)).map(Some) } else { Ok(None) }
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        self.is_some().write(w, field)?;
        self.iter().try_for_each(|value| value.write(w, field.strip_prefix("Has").unwrap_or(field)))
    }

    fn size(&self) -> usize {
        self.as_ref().map_or(0, Field::size).saturating_add(1)
    }
}

impl Field<'_> for bool {
    fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        Ok(r.u8(field)? != 0)
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        w.u8(if *self { TRUE } else { 0 });
        Ok(())
    }

    fn size(&self) -> usize {
        1
    }
}

/// Fields of fixed size.
macro_rules! fixed_fields {
    ($($ty:ty, $size:literal, |$r:ident, $field:ident| $read:expr, |$w:ident, $value:ident| $write:expr;)*) => {$(
        impl Field<'_> for $ty {
            fn read($r: &mut Reader<'_>, $field: &'static str) -> Result<Self, DecodeError> {
                Ok($read)
            }

            fn write(&self, $w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
                let $value = *self;
                $write;
                Ok(())
            }

            fn size(&self) -> usize {
                $size
            }
        }
    )*};
}
pub(super) use fixed_fields;

fixed_fields! {
    u32, 4, |r, field| r.u32_le(field)?, |w, value| w.u32_le(value);
    i32, 4, |r, field| r.i32_le(field)?, |w, value| w.i32_le(value);
    Guid, 16, |r, field| r.guid(field)?, |w, value| w.guid(value);
    ErrorCode, 4, |r, field| ErrorCode(r.u32_le(field)?), |w, value| w.u32_le(value.0);
    PropertyTag, 4, |r, field| PropertyTag(r.u32_le(field)?), |w, value| w.u32_le(value.0);
}

/// A string with its NUL: a DN is ASCII, and is not checked.
impl<'de> Field<'de> for &'de [u8] {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        r.c_string(field)
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        w.c_string(self, field)
    }

    fn size(&self) -> usize {
        self.len().saturating_add(1)
    }
}

/// A Unicode string with its NUL.
impl<'de> Field<'de> for Utf16<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        r.c_utf16(field)
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        if self.units().any(|unit| unit == 0) {
            return Err(w.error(field, EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
        }
        w.bytes(self.as_bytes());
        w.u16_le(0);
        Ok(())
    }

    fn size(&self) -> usize {
        self.as_bytes().len().saturating_add(2)
    }
}

/// A LargePropertyTagArray, [MS-OXCMAPIHTTP] 2.2.1.8: a 32-bit count and the tags.
impl<'de> Field<'de> for PropertyTags<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, "PropertyTagCount")?;
        Self::decode(r, count, field)
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), "PropertyTagCount")?;
        self.encode(w);
        Ok(())
    }

    fn size(&self) -> usize {
        self.len().saturating_mul(4).saturating_add(4)
    }
}

/// A restriction, [MS-OXCDATA] 2.12, with the counts and HasValue bytes of the address book.
impl<'de> Field<'de> for Restriction<'de> {
    fn read(r: &mut Reader<'de>, _: &'static str) -> Result<Self, DecodeError> {
        Self::decode(r, CountWidth::AddressBook)
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        if self.width() != CountWidth::AddressBook {
            let expected = "a restriction with the counts and HasValue bytes of the address book";
            let found = u64::try_from(self.width().binary()).unwrap_or_default();
            return Err(w.error(field, EncodeErrorKind::Value { expected, found }));
        }
        w.bytes(self.as_bytes());
        Ok(())
    }

    fn size(&self) -> usize {
        self.as_bytes().len()
    }
}

/// Reads the count of an array or table, which the specification limits to [`MAX_ELEMENTS`].
pub(super) fn read_count(r: &mut Reader<'_>, field: &'static str) -> Result<usize, DecodeError> {
    let at = r.offset();
    let count = r.len_u32_le(field)?;
    if count > MAX_ELEMENTS {
        return Err(r.invalid(at, field, "at most 100,000", u64::try_from(count).unwrap_or(u64::MAX)));
    }
    Ok(count)
}

/// Writes such a count.
pub(super) fn write_count(w: &mut Writer<'_>, count: usize, field: &'static str) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error(field, EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.len_u32_le(count, field)
}
