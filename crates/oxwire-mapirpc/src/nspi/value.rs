//! PropertyValue_r, written: [MS-OXNSPI] 2.3.1.11, 2.3.1.12. It is read as a view, by `oxwire_mapi`.

use oxwire_core::{EncodeError, EncodeErrorKind, Utf16};
use oxwire_mapi::nspi::{MAX_ELEMENTS, TaggedValue};
use oxwire_mapi::property::{Multiple, PropertyValue};
use oxwire_rpc::ndr::NdrWriter;

/// The longest binary value, [MS-OXNSPI] 2.3.1.3.
const MAX_BINARY: usize = 2_097_152;

/// What RPC carries for a value: the value, or PtypNull for one that it has no type for ([MS-OXNSPI] 2.2.1.1).
fn expressible<'a>(value: &TaggedValue<'a>) -> PropertyValue<'a> {
    use PropertyValue as V;
    match value.value {
        V::Integer16(_)
        | V::Integer32(_)
        | V::Boolean(_)
        | V::ErrorCode(_)
        | V::Time(_)
        | V::String(_)
        | V::Str(_)
        | V::String8(_)
        | V::Guid(_)
        | V::Binary(_)
        | V::EmbeddedTable(_)
        | V::MultipleInteger16(_)
        | V::MultipleInteger32(_)
        | V::MultipleString(_)
        | V::MultipleStr(_)
        | V::MultipleString8(_)
        | V::MultipleTime(_)
        | V::MultipleGuid(_)
        | V::MultipleBinary(_) => value.value,
        _ => V::Null,
    }
}

/// Holds a value against what a request may carry: not PtypNull, which says of an answer that a value cannot be expressed.
pub(super) fn check_asked(w: &NdrWriter<'_>, tagged: &TaggedValue<'_>) -> Result<(), EncodeError> {
    let found = u64::from(tagged.value.property_type().0);
    let kind =
        EncodeErrorKind::Value { expected: "a value of a type that [MS-OXNSPI] 2.2.1.1 lets a client send", found };
    if expressible(tagged) == PropertyValue::Null { Err(w.error("Value", kind)) } else { Ok(()) }
}

/// Writes the part that stands in an array or a structure.
pub(super) fn write_fixed(w: &mut NdrWriter<'_>, tagged: &TaggedValue<'_>) -> Result<(), EncodeError> {
    use PropertyValue as V;
    let value = expressible(tagged);
    let property_type = value.property_type();
    // ulPropTag, ulReserved, the discriminant.
    let ([a, b, c, d], [low, high]) =
        (tagged.tag.with_type(property_type).0.to_le_bytes(), property_type.0.to_le_bytes());
    w.align(4);
    w.bytes(&[a, b, c, d, 0, 0, 0, 0, low, high, 0, 0]);
    match value {
        V::Integer16(value) => w.i16(value),
        V::Boolean(value) => w.u16(u16::from(value)),
        V::Integer32(value) => w.i32(value),
        V::ErrorCode(code) => w.u32(code.0),
        V::EmbeddedTable(list) => w.u32(list),
        V::Time(time) => w.file_time(time),
        V::String(_) | V::Str(_) | V::String8(_) | V::Guid(_) => w.pointer(true),
        V::Binary(bytes) => {
            byte_count(w, bytes)?;
            w.pointer(true);
        }
        V::MultipleInteger16(values) => several(w, values.len())?,
        V::MultipleInteger32(values) => several(w, values.len())?,
        V::MultipleTime(values) => several(w, values.len())?,
        V::MultipleGuid(values) => several(w, values.len())?,
        V::MultipleString(values) => several(w, values.len())?,
        V::MultipleStr(values) => several(w, values.len())?,
        V::MultipleString8(values) => several(w, values.len())?,
        V::MultipleBinary(values) => several(w, values.len())?,
        _ => w.u32(0),
    }
    Ok(())
}

/// cb, of which [MS-OXNSPI] 2.3.1.3 has a longest.
fn byte_count(w: &mut NdrWriter<'_>, bytes: &[u8]) -> Result<(), EncodeError> {
    if bytes.len() > MAX_BINARY {
        return Err(w.error("cb", EncodeErrorKind::TooLong { max: MAX_BINARY, len: bytes.len() }));
    }
    w.len_u32(bytes.len(), "cb")
}

/// cValues, of which [MS-OXNSPI] 2.3.1 has a most.
fn several(w: &mut NdrWriter<'_>, count: usize) -> Result<(), EncodeError> {
    if count > MAX_ELEMENTS {
        return Err(w.error("cValues", EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: count }));
    }
    w.len_u32(count, "cValues")?;
    w.pointer(true);
    Ok(())
}

/// Writes what a value refers to.
pub(super) fn write_referent(w: &mut NdrWriter<'_>, tagged: &TaggedValue<'_>) -> Result<(), EncodeError> {
    use PropertyValue as V;
    const V: &str = "Value";
    match expressible(tagged) {
        V::String(text) => wide(w, text),
        V::Str(text) => w.string16(text, V),
        V::String8(text) => w.string8(text, V),
        V::Guid(guid) => {
            w.bytes(&guid.to_wire());
            Ok(())
        }
        V::Binary(bytes) => w.conformant_bytes(bytes, V),
        V::MultipleInteger16(values) => fixed(w, values, NdrWriter::i16),
        V::MultipleInteger32(values) => fixed(w, values, NdrWriter::i32),
        V::MultipleTime(values) => fixed(w, values, NdrWriter::file_time),
        V::MultipleGuid(values) => {
            w.conformance(values.len(), V)?;
            values.iter().for_each(|_| w.pointer(true));
            values.iter().for_each(|guid| w.bytes(&guid.to_wire()));
            Ok(())
        }
        V::MultipleString(values) => {
            pointers(w, values.len())?;
            values.iter().try_for_each(|text| wide(w, text))
        }
        V::MultipleStr(values) => {
            pointers(w, values.len())?;
            values.iter().try_for_each(|text| w.string16(text, V))
        }
        V::MultipleString8(values) => {
            pointers(w, values.len())?;
            values.iter().try_for_each(|text| w.string8(text, V))
        }
        V::MultipleBinary(values) => {
            w.conformance(values.len(), V)?;
            for bytes in values.iter() {
                byte_count(w, bytes)?;
                w.pointer(true);
            }
            values.iter().try_for_each(|bytes| w.conformant_bytes(bytes, V))
        }
        _ => Ok(()),
    }
}

/// A string of 16-bit characters as it stands on the wire already.
pub(super) fn wide(w: &mut NdrWriter<'_>, text: Utf16<'_>) -> Result<(), EncodeError> {
    if text.units().any(|unit| unit == 0) {
        return Err(w.error("Value", EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
    }
    w.conformant_varying((text.as_bytes().len() / 2).saturating_add(1), "Value")?;
    w.bytes(text.as_bytes());
    w.bytes(&[0, 0]);
    Ok(())
}

fn pointers(w: &mut NdrWriter<'_>, count: usize) -> Result<(), EncodeError> {
    w.conformance(count, "Value")?;
    (0..count).for_each(|_| w.pointer(true));
    Ok(())
}

fn fixed<'w, T: oxwire_mapi::property::Fixed>(
    w: &mut NdrWriter<'w>,
    values: Multiple<'_, T>,
    write: impl Fn(&mut NdrWriter<'w>, T),
) -> Result<(), EncodeError> {
    w.conformance(values.len(), "Value")?;
    values.iter().for_each(|value| write(w, value));
    Ok(())
}
