//! Properties with their tags: AddressBookTaggedPropertyValue and AddressBookPropertyValueList, [MS-OXCMAPIHTTP] 2.2.1.2, 2.2.1.3.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

use super::field::{Field, REREAD, read_count, write_count};
use super::ndr::{self, Ndr, Properties, RowSet};
use crate::property::{CountWidth, PropertyTag, PropertyType, PropertyValue};

const WIDTH: CountWidth = CountWidth::AddressBook;

/// An AddressBookTaggedPropertyValue, [MS-OXCMAPIHTTP] 2.2.1.2: PropertyType, PropertyId, and the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaggedValue<'a> {
    /// The tag. Its type is PtypErrorCode when the value says why there is none.
    pub tag: PropertyTag,
    /// The value; [`PropertyValue::Null`] under a tag of another type is one whose HasValue was FALSE. Such a one is not written.
    pub value: PropertyValue<'a>,
}

impl<'a> TaggedValue<'a> {
    /// Reads a PropertyValue_r as NDR has it, [MS-OXNSPI] 2.3.1.12, and what it refers to. The reader stands at a multiple of 4 of
    /// little-endian stub data.
    ///
    /// # Errors
    /// As [`ValueList::decode_ndr`].
    pub fn decode_ndr(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut ndr = Ndr::new(r.clone());
        let value = ndr::value(&mut ndr)?;
        r.bytes(ndr.position(), "PropertyValue_r")?;
        Ok(value)
    }

    /// A value under the id of `tag`, with the type that the value has.
    #[must_use]
    pub const fn new(tag: PropertyTag, value: PropertyValue<'a>) -> Self {
        Self { tag: tag.with_type(value.property_type()), value }
    }
}

impl Structure for TaggedValue<'_> {
    const NAME: &'static str = "AddressBookTaggedPropertyValue";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.1.2";
}

impl<'de> Decode<'de> for TaggedValue<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let property_type = PropertyType(r.u16_le("PropertyType")?);
        let tag = PropertyTag::new(r.u16_le("PropertyId")?, property_type);
        Ok(Self { tag, value: PropertyValue::decode(r, property_type, WIDTH)? })
    }
}

impl Encode for TaggedValue<'_> {
    fn encoded_len(&self) -> usize {
        self.value.encoded_len(WIDTH).saturating_add(4)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        if self.value.property_type() != self.tag.property_type() {
            let found = u64::from(self.value.property_type().0);
            return Err(
                w.error("PropertyValue", EncodeErrorKind::Value { expected: "a value of the tag's type", found })
            );
        }
        w.u32_le(self.tag.0);
        self.value.encode(w, WIDTH)
    }
}

/// An AddressBookPropertyValueList, [MS-OXCMAPIHTTP] 2.2.1.3, as a view: a slice of the caller's, or the wire.
#[derive(Clone, Copy)]
pub struct ValueList<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [TaggedValue<'a>]),
    Wire { count: usize, bytes: &'a [u8] },
    Ndr(Properties<'a>),
}

impl<'a> ValueList<'a> {
    /// Reads a PropertyRow_r as NDR has it, [MS-OXNSPI] 2.3.2: Reserved, cValues, the pointer, and the values. The reader stands at
    /// a multiple of 4 of little-endian stub data.
    ///
    /// # Errors
    /// [`DecodeError`]: counts that do not agree, or past the bytes or the limits; a type that [MS-OXNSPI] does not have.
    pub fn decode_ndr(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut ndr = Ndr::new(r.clone());
        let properties = ndr::whole_row(&mut ndr)?;
        r.bytes(ndr.position(), "PropertyRow_r")?;
        Ok(Self(Source::Ndr(properties)))
    }

    /// A view over a slice.
    #[must_use]
    pub const fn new(values: &'a [TaggedValue<'a>]) -> Self {
        Self(Source::Slice(values))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Source::Slice(values) => values.len(),
            Source::Wire { count, .. } => count,
            Source::Ndr(properties) => properties.count,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Each with its tag, in order.
    pub fn iter(self) -> impl Iterator<Item = TaggedValue<'a>> + 'a {
        let (slice, wire, ndr): (&[TaggedValue<'_>], &[u8], Properties<'_>) = match self.0 {
            Source::Slice(values) => (values, &[], Properties::EMPTY),
            Source::Wire { bytes, .. } => (&[], bytes, Properties::EMPTY),
            Source::Ndr(properties) => (&[], &[], properties),
        };
        let mut r = Reader::with_limits(wire, &REREAD);
        // Never an error: each was read once.
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { r.structure().ok() });
        slice.iter().copied().chain(wire).chain(ndr.iter())
    }

    /// The value of the property with this id, whatever its type.
    #[must_use]
    pub fn value(self, tag: PropertyTag) -> Option<PropertyValue<'a>> {
        self.iter().find(|each| each.tag.id() == tag.id()).map(|each| each.value)
    }
}

impl Structure for ValueList<'_> {
    const NAME: &'static str = "AddressBookPropertyValueList";
    const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.1.3";
}

impl<'de> Decode<'de> for ValueList<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let count = read_count(r, "PropertyValueCount")?;
        let count = r.count(count, 4, "PropertyValues")?;
        let (left, bytes) = (r.left(), r.peek_rest());
        for _ in 0..count {
            r.structure::<TaggedValue<'_>>()?;
        }
        let bytes = bytes.get(..left.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self(Source::Wire { count, bytes }))
    }
}

impl Encode for ValueList<'_> {
    /// Not what was read: strings of a multivalue property that came without HasValue go out with it.
    fn encoded_len(&self) -> usize {
        self.iter().fold(4, |sum, value| sum.saturating_add(value.encoded_len()))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_count(w, self.len(), "PropertyValueCount")?;
        self.iter().try_for_each(|value| w.structure(&value))
    }
}

impl PartialEq for ValueList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Tags and lengths are shown, not values: an address book is personal data.
impl fmt::Debug for ValueList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|value| value.tag)).finish()
    }
}

/// The rows of GetSpecialTable, each an AddressBookPropertyValueList, as a view: a slice of the caller's, or the wire.
#[derive(Clone, Copy)]
pub struct ValueLists<'a>(ListSource<'a>);

#[derive(Clone, Copy)]
enum ListSource<'a> {
    Slice(&'a [ValueList<'a>]),
    Wire { count: usize, bytes: &'a [u8] },
    Ndr(RowSet<'a>),
}

impl<'a> ValueLists<'a> {
    /// Reads a PropertyRowSet_r as NDR has it, [MS-OXNSPI] 2.3.3: the maximum count, cRows, the rows, and their values. The reader
    /// stands at a multiple of 4 of little-endian stub data.
    ///
    /// # Errors
    /// As [`ValueList::decode_ndr`].
    pub fn decode_ndr(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut ndr = Ndr::new(r.clone());
        let rows = RowSet::read(&mut ndr)?;
        r.bytes(ndr.position(), "PropertyRowSet_r")?;
        Ok(Self(ListSource::Ndr(rows)))
    }

    /// A view over a slice.
    #[must_use]
    pub const fn new(rows: &'a [ValueList<'a>]) -> Self {
        Self(ListSource::Slice(rows))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            ListSource::Slice(rows) => rows.len(),
            ListSource::Wire { count, .. } => count,
            ListSource::Ndr(rows) => rows.count,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The rows, in order.
    pub fn iter(self) -> impl Iterator<Item = ValueList<'a>> + 'a {
        let none = RowSet::EMPTY;
        let (slice, wire, ndr): (&[ValueList<'_>], &[u8], RowSet<'_>) = match self.0 {
            ListSource::Slice(rows) => (rows, &[], none),
            ListSource::Wire { bytes, .. } => (&[], bytes, none),
            ListSource::Ndr(rows) => (&[], &[], rows),
        };
        let ndr = ndr.iter().map(|properties| ValueList(Source::Ndr(properties)));
        let mut r = Reader::with_limits(wire, &REREAD);
        // Never an error, as above.
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { r.structure().ok() });
        slice.iter().copied().chain(wire).chain(ndr)
    }
}

impl PartialEq for ValueLists<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for ValueLists<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> Field<'de> for ValueLists<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, "RowsCount")?;
        let count = r.count(count, 4, field)?;
        let (left, bytes) = (r.left(), r.peek_rest());
        for _ in 0..count {
            r.structure::<ValueList<'_>>()?;
        }
        let bytes = bytes.get(..left.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self(ListSource::Wire { count, bytes }))
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), "RowsCount")?;
        self.iter().try_for_each(|row| w.structure(&row))
    }

    fn size(&self) -> usize {
        self.iter().fold(4, |sum, row| sum.saturating_add(row.encoded_len()))
    }
}

/// A structure that is a field.
macro_rules! structure_fields {
    ($($ty:ident),*) => {$(
        impl<'de> Field<'de> for $ty<'de> {
            fn read(r: &mut Reader<'de>, _: &'static str) -> Result<Self, DecodeError> {
                r.structure()
            }

            fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
                w.structure(self)
            }

            fn size(&self) -> usize {
                self.encoded_len()
            }
        }
    )*};
}

structure_fields!(TaggedValue, ValueList);

#[cfg(test)]
mod tests {
    use oxwire_core::{Limits, decode_all, encode_to_bytes};

    use super::*;

    /// [MS-OXCMAPIHTTP] 2.2.1.1 by the letter has no HasValue inside of a multivalue property; products write it.
    #[test]
    fn a_list_that_is_read_has_the_length_that_it_is_written_with() {
        let head = b"\x01\0\0\0\x1E\x10\x01\x30\xFF\x02\0\0\0";
        for strings in [&b"ab\0c\0"[..], b"\xFFab\0\xFFc\0"] {
            let read = [&head[..], strings].concat();
            let list: ValueList<'_> = decode_all(&read, &Limits::DEFAULT).unwrap();
            let written = encode_to_bytes(&list).unwrap();
            assert_eq!(written, [&head[..], b"\xFFab\0\xFFc\0"].concat());
            assert_eq!(list.encoded_len(), written.len());
        }
    }
}
