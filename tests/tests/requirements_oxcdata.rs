//! Rows of [MS-OXCDATA] that stand among those of [MS-OXCMAPIHTTP]: property tags and flagged values. Bytes built by hand from
//! the text.

use oxwire::core::{Limits, Reader};
use oxwire::mapi::property::{
    Cell, CountWidth, ErrorCode, PropertyRow, PropertyTag, PropertyTags, PropertyType, PropertyValue,
};

const SUBJECT: PropertyTag = PropertyTag::new(0x0037, PropertyType::STRING);
const SIZE: PropertyTag = PropertyTag::new(0x0E08, PropertyType::INTEGER32);

fn cells(bytes: &[u8]) -> Option<Vec<String>> {
    let columns = [SUBJECT, SIZE];
    let mut reader = Reader::with_limits(bytes, &Limits::DEFAULT);
    let row = PropertyRow::decode(&mut reader, PropertyTags::new(&columns), CountWidth::RopBuffer).ok()?;
    reader.finish().ok()?;
    Some(row.cells().map(|cell| format!("{:?}", cell.unwrap().1)).collect())
}

/// MS-OXCDATA R181, R182: the type in the lower half, the id in the upper, both little-endian: PidTagSubject.
#[test]
fn oxcdata_r181_r182_a_tag_is_a_type_and_an_id() {
    let tag = PropertyTag(u32::from_le_bytes([0x1F, 0x00, 0x37, 0x00]));
    assert_eq!((tag.property_type(), tag.id()), (PropertyType::STRING, 0x0037));
    assert_eq!(tag, SUBJECT);
}

/// MS-OXCDATA R455: with its NUL, and not without.
#[test]
fn oxcdata_r455_a_string_ends_in_its_nul() {
    let mut reader = Reader::new(b"A\0\0\0");
    let value = PropertyValue::decode(&mut reader, PropertyType::STRING, CountWidth::RopBuffer).unwrap();
    assert!(reader.is_empty());
    assert_eq!(value.encoded_len(CountWidth::RopBuffer), 4);
    assert!(PropertyValue::decode(&mut Reader::new(b"A\0"), PropertyType::STRING, CountWidth::RopBuffer).is_err());
}

/// MS-OXCDATA R473, R475, R476, R479: one byte of flag before each value: 0 and the value, 1 and nothing, 0x0A and an error code.
#[test]
fn oxcdata_r473_r475_r476_r479_each_flagged_value_says_what_follows() {
    // FlaggedPropertyRow (2.8.1.2): 1; then for each column its flag and what that flag has.
    let value = format!("{:?}", Cell::Value(PropertyValue::Integer32(7)));
    let error = format!("{:?}", Cell::Error(ErrorCode(0x8004_010F)));
    let absent = format!("{:?}", Cell::Absent);
    assert_eq!(cells(b"\x01\x01\x00\x07\0\0\0").unwrap(), [absent.clone(), value.clone()]);
    assert_eq!(cells(b"\x01\x0A\x0F\x01\x04\x80\x00\x07\0\0\0").unwrap(), [error, value]);
    assert_eq!(cells(b"\x01\x01\x01").unwrap(), [absent.clone(), absent]);
    for flag in (0..=u8::MAX).filter(|flag| ![0, 1, 0x0A].contains(flag)) {
        assert_eq!(cells(&[1, 1, flag, 7, 0, 0, 0]), None, "flag {flag:#x}");
    }
}
