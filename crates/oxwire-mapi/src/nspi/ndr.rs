//! Property rows as NDR lays them out, as views: PropertyValue_r, PropertyRow_r and PropertyRowSet_r of [MS-OXNSPI] 2.3.1 to 2.3.3.
//!
//! Little-endian, without an alignment above 4. What a pointer refers to stands behind the outermost construction, in the order of
//! the pointers: so a view has two cursors, one over the values and one over what they refer to.

use oxwire_core::{DecodeError, DecodeErrorKind, FileTime, Guid, Reader, Utf16};

use super::field::{MAX_ELEMENTS, REREAD};
use super::value_list::TaggedValue;
use crate::property::{
    ErrorCode, Multiple, MultipleBinary, MultipleString, MultipleString8, PropertyTag, PropertyType, PropertyValue,
};

/// The longest binary value over RPC, [MS-OXNSPI] 2.3.1.3.
const MAX_BINARY: usize = 2_097_152;

/// A reader that aligns. It begins at a multiple of 4 of the stub data.
#[derive(Debug, Clone)]
pub(super) struct Ndr<'a> {
    r: Reader<'a>,
    begin: usize,
}

impl<'a> Ndr<'a> {
    pub(super) fn new(r: Reader<'a>) -> Self {
        let begin = r.left();
        Self { r, begin }
    }

    pub(super) const fn position(&self) -> usize {
        self.begin.saturating_sub(self.r.left())
    }

    pub(super) fn align(&mut self) -> Result<(), DecodeError> {
        let position = self.position();
        self.r.bytes(position.next_multiple_of(4).saturating_sub(position), "alignment").map(drop)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.align()?;
        self.r.u32_le(field)
    }

    fn len(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        self.align()?;
        self.r.len_u32_le(field)
    }

    /// A count of what stands elsewhere, which the specification limits to 100,000.
    fn count(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        self.align()?;
        let at = self.r.offset();
        let count = self.r.len_u32_le(field)?;
        if count > MAX_ELEMENTS {
            return Err(self.r.invalid(at, field, "at most 100,000", u64::try_from(count).unwrap_or(u64::MAX)));
        }
        Ok(count)
    }

    /// The maximum count of an array that has `count` elements of `min` bytes.
    fn maximum(&mut self, count: usize, min: usize, field: &'static str) -> Result<(), DecodeError> {
        self.align()?;
        let at = self.r.offset();
        let maximum = self.r.len_u32_le(field)?;
        if maximum != count {
            let found = u64::try_from(maximum).unwrap_or(u64::MAX);
            return Err(self.r.invalid(at, field, "a maximum count that is the count in front of the pointer", found));
        }
        self.r.count(count, min, field).map(drop)
    }
}

/// A value as it stands among the others: what it is, and what is still to come.
#[derive(Debug, Clone, Copy)]
enum Stub<'a> {
    Whole(PropertyValue<'a>),
    /// A single value behind a pointer, and for a binary one its length.
    Behind(PropertyType, usize),
    /// A number of values behind a pointer.
    Several(PropertyType, usize),
}

/// Reads the part of a PropertyValue_r that stands in the array.
fn fixed<'a>(p: &mut Ndr<'a>) -> Result<(PropertyTag, Stub<'a>), DecodeError> {
    const V: &str = "Value";
    p.align()?;
    let at = p.r.offset();
    let tag = PropertyTag(p.u32("ulPropTag")?);
    p.u32("ulReserved")?;
    let union_at = p.r.offset();
    let discriminant = p.u32("Value")?;
    let property_type = tag.property_type();
    if discriminant != u32::from(property_type.0) {
        return Err(p.r.invalid(union_at, V, "the type in ulPropTag", discriminant));
    }
    let null = |stub: Stub<'a>, pointer: u32| if pointer == 0 { Stub::Whole(PropertyValue::Null) } else { stub };
    let stub = match property_type {
        PropertyType::INTEGER16 => Stub::Whole(PropertyValue::Integer16(p.r.i16_le(V)?)),
        PropertyType::BOOLEAN => Stub::Whole(PropertyValue::Boolean(p.r.u16_le(V)? != 0)),
        PropertyType::INTEGER32 => Stub::Whole(PropertyValue::Integer32(p.r.i32_le(V)?)),
        PropertyType::ERROR_CODE => Stub::Whole(PropertyValue::ErrorCode(ErrorCode(p.r.u32_le(V)?))),
        PropertyType::TIME => Stub::Whole(PropertyValue::Time(FileTime::from_intervals(p.r.u64_le(V)?))),
        PropertyType::OBJECT => Stub::Whole(PropertyValue::EmbeddedTable(p.u32("lReserved")?)),
        PropertyType::NULL | PropertyType::UNSPECIFIED => {
            p.u32("lReserved")?;
            Stub::Whole(PropertyValue::Null)
        }
        PropertyType::STRING | PropertyType::STRING8 | PropertyType::GUID => {
            null(Stub::Behind(property_type, 0), p.u32(V)?)
        }
        PropertyType::BINARY => {
            let len = p.len("cb")?;
            if len > MAX_BINARY {
                let found = u64::try_from(len).unwrap_or(u64::MAX);
                return Err(p.r.invalid(p.r.offset(), "cb", "at most 2,097,152", found));
            }
            null(Stub::Behind(property_type, len), p.u32("lpb")?)
        }
        PropertyType::MULTIPLE_INTEGER16
        | PropertyType::MULTIPLE_INTEGER32
        | PropertyType::MULTIPLE_STRING8
        | PropertyType::MULTIPLE_BINARY
        | PropertyType::MULTIPLE_GUID
        | PropertyType::MULTIPLE_STRING
        | PropertyType::MULTIPLE_TIME => {
            let count = p.count("cValues")?;
            null(Stub::Several(property_type, count), p.u32(V)?)
        }
        other => {
            let what = other.name().unwrap_or("a property type that [MS-OXNSPI] 2.2.1 does not list");
            return Err(p.r.error_at(at, V, DecodeErrorKind::Unsupported { what }));
        }
    };
    Ok((tag, stub))
}

/// Reads what a value refers to.
fn behind<'a>(r: &mut Ndr<'a>, stub: Stub<'a>) -> Result<PropertyValue<'a>, DecodeError> {
    const V: &str = "Value";
    Ok(match stub {
        Stub::Whole(value) => value,
        Stub::Behind(PropertyType::GUID, _) => PropertyValue::Guid(r.r.guid(V)?),
        Stub::Behind(PropertyType::BINARY, len) => {
            r.align()?;
            let maximum = r.len("MaximumCount")?;
            if maximum != len {
                let found = u64::try_from(maximum).unwrap_or(u64::MAX);
                return Err(r.r.invalid(r.r.offset(), "MaximumCount", "cb", found));
            }
            PropertyValue::Binary(r.r.value_bytes(len, V)?)
        }
        Stub::Behind(PropertyType::STRING, _) => PropertyValue::String(Utf16::from_truncated(string(r, 2)?)),
        Stub::Behind(..) => PropertyValue::String8(string(r, 1)?),
        Stub::Several(property_type, count) => {
            let min = match property_type {
                PropertyType::MULTIPLE_INTEGER16 => 2,
                PropertyType::MULTIPLE_TIME | PropertyType::MULTIPLE_BINARY => 8,
                _ => 4,
            };
            r.maximum(count, min, "MaximumCount")?;
            let r = &mut r.r;
            match property_type {
                PropertyType::MULTIPLE_INTEGER16 => PropertyValue::MultipleInteger16(several(r, count, 2)?),
                PropertyType::MULTIPLE_INTEGER32 => PropertyValue::MultipleInteger32(several(r, count, 4)?),
                PropertyType::MULTIPLE_TIME => PropertyValue::MultipleTime(several(r, count, 8)?),
                PropertyType::MULTIPLE_GUID => PropertyValue::MultipleGuid(guids(r, count)?),
                PropertyType::MULTIPLE_STRING8 => {
                    PropertyValue::MultipleString8(MultipleString8::decode_referents(r, count)?)
                }
                PropertyType::MULTIPLE_STRING => {
                    PropertyValue::MultipleString(MultipleString::decode_referents(r, count)?)
                }
                _ => PropertyValue::MultipleBinary(MultipleBinary::decode_referents(r, count)?),
            }
        }
    })
}

fn several<'a, T: crate::property::Fixed>(
    r: &mut Reader<'a>,
    count: usize,
    len: usize,
) -> Result<Multiple<'a, T>, DecodeError> {
    let bytes = r.value_bytes(count.saturating_mul(len), "Values")?;
    // Never an error: that many whole values.
    Multiple::from_wire(bytes).ok_or_else(|| r.error("Values", DecodeErrorKind::Unsupported { what: "half a value" }))
}

/// A FlatUIDArray_r: pointers, then as many FlatUID_r. [MS-OXNSPI] 2.3.1.8
fn guids<'a>(r: &mut Reader<'a>, count: usize) -> Result<Multiple<'a, Guid>, DecodeError> {
    for _ in 0..count {
        let at = r.offset();
        if r.u32_le("lpguid")? == 0 {
            return Err(r.invalid(at, "lpguid", "a pointer that is not null", 0_u32));
        }
    }
    several(r, count, 16)
}

/// A conformant and varying string of units of `unit` bytes: the text in front of its NUL.
fn string<'a>(r: &mut Ndr<'a>, unit: usize) -> Result<&'a [u8], DecodeError> {
    let maximum = r.len("MaximumCount")?;
    let at = r.r.offset();
    let offset = r.u32("Offset")?;
    let actual = r.len("ActualCount")?;
    if offset != 0 || actual > maximum {
        let found = u64::try_from(actual).unwrap_or(u64::MAX);
        return Err(r.r.invalid(at, "ActualCount", "a count within MaximumCount, from 0 on", found));
    }
    let text = r.r.value_bytes(actual.saturating_mul(unit), "Value")?;
    let nul = text.chunks_exact(unit).position(|each| each.iter().all(|byte| *byte == 0));
    let kind = DecodeErrorKind::Text { expected: "a NUL at the end of the string" };
    let nul = nul.ok_or_else(|| r.r.error_at(at, "Value", kind))?;
    Ok(text.get(..nul.saturating_mul(unit)).unwrap_or_default())
}

/// Reads one PropertyValue_r that is an argument: the value, then what it refers to.
pub(super) fn value<'a>(r: &mut Ndr<'a>) -> Result<TaggedValue<'a>, DecodeError> {
    let (tag, stub) = fixed(r)?;
    Ok(TaggedValue { tag, value: behind(r, stub)? })
}

/// The properties of a PropertyRow_r: an array of PropertyValue_r behind a pointer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Properties<'a> {
    pub(super) count: usize,
    /// From the first value on to the end of what the last refers to.
    bytes: &'a [u8],
    /// Where in there the values end.
    split: usize,
}

impl<'a> Properties<'a> {
    pub(super) const EMPTY: Self = Self { count: 0, bytes: &[], split: 0 };

    /// Reads the array of `count` values that a pointer refers to.
    fn read(r: &mut Ndr<'a>, count: usize) -> Result<Self, DecodeError> {
        r.maximum(count, 14, "lpProps")?;
        let (bytes, start) = (r.r.peek_rest(), r.position());
        let mut values = r.clone();
        (0..count).try_for_each(|_| fixed(&mut values).map(drop))?;
        let mut referents = values.clone();
        for _ in 0..count {
            let (_, stub) = fixed(r)?;
            behind(&mut referents, stub)?;
        }
        let split = values.position().saturating_sub(start);
        *r = referents;
        let len = r.position().saturating_sub(start);
        Ok(Self { count, bytes: bytes.get(..len).unwrap_or_default(), split })
    }

    /// Each value, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = TaggedValue<'a>> + 'a {
        let mut values = Ndr::new(Reader::with_limits(self.bytes, &REREAD));
        let mut referents = values.clone();
        let begun = referents.r.bytes(self.split, "Value").is_ok();
        // Never an error: each was read once.
        (0..self.count).filter(move |_| begun).map_while(move |_| {
            let (tag, stub) = fixed(&mut values).ok()?;
            Some(TaggedValue { tag, value: behind(&mut referents, stub).ok()? })
        })
    }
}

/// Reads the part of a PropertyRow_r that stands in the array: how many values it has, `None` for a null pointer.
fn row<'a>(r: &mut Ndr<'a>) -> Result<Option<usize>, DecodeError> {
    r.u32("Reserved")?;
    let count = r.count("cValues")?;
    let pointer = r.u32("lpProps")?;
    Ok((pointer != 0).then_some(count))
}

/// Reads one PropertyRow_r that is an argument: the row, then its values.
pub(super) fn whole_row<'a>(r: &mut Ndr<'a>) -> Result<Properties<'a>, DecodeError> {
    match row(r)? {
        Some(count) => Properties::read(r, count),
        None => Ok(Properties::EMPTY),
    }
}

/// A PropertyRowSet_r, [MS-OXNSPI] 2.3.3.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowSet<'a> {
    pub(super) count: usize,
    /// From the first row on to the end of the values of the last.
    bytes: &'a [u8],
}

/// Bytes of a PropertyRow_r in its array.
const ROW: usize = 12;

impl<'a> RowSet<'a> {
    pub(super) const EMPTY: Self = Self { count: 0, bytes: &[] };

    /// Reads the maximum count, cRows and the rows.
    pub(super) fn read(r: &mut Ndr<'a>) -> Result<Self, DecodeError> {
        let count = r.count("aRow")?;
        r.maximum(count, ROW, "cRows")?;
        let (bytes, start) = (r.r.peek_rest(), r.position());
        let mut rows = r.clone();
        r.r.bytes(count.saturating_mul(ROW), "aRow")?;
        for _ in 0..count {
            if let Some(values) = row(&mut rows)? {
                Properties::read(r, values)?;
            }
        }
        let len = r.position().saturating_sub(start);
        Ok(Self { count, bytes: bytes.get(..len).unwrap_or_default() })
    }

    /// Each row, in order.
    pub(super) fn iter(self) -> impl Iterator<Item = Properties<'a>> + 'a {
        let mut rows = Ndr::new(Reader::with_limits(self.bytes, &REREAD));
        let mut values = rows.clone();
        let begun = values.r.bytes(self.count.saturating_mul(ROW), "aRow").is_ok();
        // Never an error: each was read once.
        (0..self.count).filter(move |_| begun).map_while(move |_| match row(&mut rows).ok()? {
            Some(count) => Properties::read(&mut values, count).ok(),
            None => Some(Properties::EMPTY),
        })
    }
}
