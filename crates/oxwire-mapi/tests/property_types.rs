//! Every property type of [MS-OXCDATA] 2.11.1: bytes built by hand from the text, read, written, cut short and changed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail")]

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, FileTime, Guid, Reader, Utf16, Writer};
use oxwire_mapi::property::{
    Cell, CountWidth, ErrorCode, FolderId, MessageId, Multiple, MultipleBinary, MultipleString8, PropertyRow,
    PropertyTag, PropertyTags, PropertyType, PropertyValue as V, ServerId, encode_row,
};

const ROP: CountWidth = CountWidth::RopBuffer;
const WIDE: CountWidth = CountWidth::Extended;

/// A GUID in the byte order of [MS-DTYP] 2.3.4.2.
const GUID: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

struct Case {
    number: u16,
    value: V<'static>,
    /// In a ROP buffer.
    bytes: &'static [u8],
    /// Where the counts are wide, if that is another.
    wide: Option<&'static [u8]>,
    /// What it is read as, if that is another.
    read: Option<V<'static>>,
}

fn case(number: u16, value: V<'static>, bytes: &'static [u8]) -> Case {
    Case { number, value, bytes, wide: None, read: None }
}

fn utf16(bytes: &'static [u8]) -> V<'static> {
    V::String(Utf16::new(bytes).unwrap())
}

/// The numbers and widths are those of the table in 2.11.1; floating point is IEEE 754 ([MS-DTYP] 2.2.16 and 2.2.9), 1.5 in both widths.
fn cases() -> Vec<Case> {
    let ours = ServerId::Ours {
        folder_id: FolderId::from_wire([1, 0, 0, 0, 0, 0, 0, 5]),
        message_id: MessageId::from_wire([1, 0, 0, 0, 0, 0, 0, 6]),
        instance: 2,
    };
    let mut cases = vec![
        case(0x0001, V::Null, b""),
        case(0x0002, V::Integer16(-2), b"\xFE\xFF"),
        case(0x0003, V::Integer32(0x0102_0304), b"\x04\x03\x02\x01"),
        case(0x0004, V::Floating32(1.5), b"\x00\x00\xC0\x3F"),
        case(0x0005, V::Floating64(1.5), b"\x00\x00\x00\x00\x00\x00\xF8\x3F"),
        case(0x0006, V::Currency(12_345), b"\x39\x30\x00\x00\x00\x00\x00\x00"),
        case(0x0007, V::FloatingTime(1.5), b"\x00\x00\x00\x00\x00\x00\xF8\x3F"),
        case(0x000A, V::ErrorCode(ErrorCode::NOT_FOUND), b"\x0F\x01\x04\x80"),
        case(0x000B, V::Boolean(true), b"\x01"),
        case(0x000B, V::Boolean(false), b"\x00"),
        case(0x0014, V::Integer64(-1), b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        case(0x001E, V::String8(b"ab"), b"ab\0"),
        case(0x001E, V::String8(b""), b"\0"),
        case(0x001F, utf16(b"a\0\xE9\0"), b"a\0\xE9\0\0\0"),
        case(0x0040, V::Time(FileTime::from_intervals(0x0102_0304_0506_0708)), b"\x08\x07\x06\x05\x04\x03\x02\x01"),
        case(0x0048, V::Guid(Guid::from_wire(GUID)), &GUID),
        case(0x00FB, V::ServerId(ours), b"\x15\0\x01\x01\0\0\0\0\0\0\x05\x01\0\0\0\0\0\0\x06\x02\0\0\0"),
        case(0x00FB, V::ServerId(ServerId::Client { ours: 0, data: b"xy" }), b"\x03\0\0xy"),
        case(0x00FB, V::ServerId(ServerId::Empty), b"\0\0"),
        case(0x1002, V::MultipleInteger16(Multiple::new(&[1, -1])), b"\x02\0\0\0\x01\0\xFF\xFF"),
        case(0x1003, V::MultipleInteger32(Multiple::new(&[7])), b"\x01\0\0\0\x07\0\0\0"),
        case(0x1004, V::MultipleFloating32(Multiple::new(&[1.5])), b"\x01\0\0\0\0\0\xC0\x3F"),
        case(0x1005, V::MultipleFloating64(Multiple::new(&[1.5])), b"\x01\0\0\0\0\0\0\0\0\0\xF8\x3F"),
        case(0x1006, V::MultipleCurrency(Multiple::new(&[1, 2])), b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"),
        case(0x1007, V::MultipleFloatingTime(Multiple::new(&[1.5])), b"\x01\0\0\0\0\0\0\0\0\0\xF8\x3F"),
        case(0x1014, V::MultipleInteger64(Multiple::new(&[])), b"\0\0\0\0"),
        case(0x101E, V::MultipleString8(MultipleString8::new(&[b"a", b"", b"bc"])), b"\x03\0\0\0a\0\0bc\0"),
        case(
            0x1040,
            V::MultipleTime(Multiple::new(const { &[FileTime::from_intervals(9)] })),
            b"\x01\0\0\0\x09\0\0\0\0\0\0\0",
        ),
        case(
            0x1048,
            V::MultipleGuid(Multiple::new(const { &[Guid::from_wire(GUID)] })),
            b"\x01\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F\x10",
        ),
    ];
    // Counts of bytes are 16 bits in a ROP buffer and 32 bits elsewhere; counts of values are 32 bits in both.
    let wide = Some(&b"\x02\0\0\0\x07\x08"[..]);
    cases.push(Case { wide, ..case(0x0102, V::Binary(&[7, 8]), b"\x02\0\x07\x08") });
    let values = V::MultipleBinary(MultipleBinary::new(&[&[7, 8], &[]]));
    let wide = Some(&b"\x02\0\0\0\x02\0\0\0\x07\x08\0\0\0\0"[..]);
    cases.push(Case { wide, ..case(0x1102, values, b"\x02\0\0\0\x02\0\x07\x08\0\0") });
    // Text of Rust's goes out as UTF-16 and comes back as that.
    let read = Some(utf16(b"a\0\xE9\0"));
    cases.push(Case { read, ..case(0x001F, V::Str("a\u{E9}"), b"a\0\xE9\0\0\0") });
    let bytes = b"\x02\0\0\0a\0\0\0\0\0";
    let read = V::decode(&mut Reader::new(bytes), PropertyType(0x101F), ROP).ok();
    cases.push(Case { read, ..case(0x101F, V::MultipleStr(&["a", ""]), bytes) });
    cases.extend(read.map(|value| case(0x101F, value, bytes)));
    cases
}

fn written(value: &V<'_>, width: CountWidth) -> BytesMut {
    let mut out = BytesMut::new();
    value.encode(&mut Writer::new(&mut out), width).unwrap();
    assert_eq!(value.encoded_len(width), out.len(), "{value:?}");
    out
}

/// Each form of each case: the case, the width, and the bytes in that width.
fn forms(case: &Case) -> [(CountWidth, &'static [u8]); 2] {
    [(ROP, case.bytes), (WIDE, case.wide.unwrap_or(case.bytes))]
}

#[test]
fn every_type_is_written_and_read() {
    for case in cases() {
        let property_type = PropertyType(case.number);
        assert_eq!(case.value.property_type(), property_type);
        for (width, bytes) in forms(&case) {
            assert_eq!(written(&case.value, width), bytes, "{:?}", case.value);
            let expected = case.read.unwrap_or(case.value);
            let mut r = Reader::new(bytes);
            assert_eq!(V::decode(&mut r, property_type, width), Ok(expected));
            assert!(r.is_empty(), "{property_type:?}");
            // A TypedPropertyValue, 2.11.3: the same behind the type.
            let mut typed = BytesMut::new();
            case.value.encode_typed(&mut Writer::new(&mut typed), width).unwrap();
            assert_eq!((&typed[..2], &typed[2..]), (&case.number.to_le_bytes()[..], bytes));
            assert_eq!(V::decode_typed(&mut Reader::new(&typed), width), Ok(expected));
        }
    }
}

/// [MS-OXNSPI] 2.2.1.1: 0x000D is PtypEmbeddedTable in the address book, one number of 32 bits; in a ROP buffer there is none.
#[test]
fn oxnspi_r31_an_embedded_table_is_a_number_of_the_address_book() {
    const BOOK: CountWidth = CountWidth::AddressBook;
    let (value, wire) = (V::EmbeddedTable(0x0102_0304), b"\x04\x03\x02\x01");
    assert_eq!((value.property_type(), value.property_type().0), (PropertyType::OBJECT, 0x000D));
    assert_eq!(written(&value, BOOK), &wire[..]);
    assert_eq!(V::decode(&mut Reader::new(wire), PropertyType::OBJECT, BOOK), Ok(value));
    for len in 0..4 {
        assert!(V::decode(&mut Reader::new(&wire[..len]), PropertyType::OBJECT, BOOK).is_err());
    }
    for width in [ROP, WIDE] {
        assert!(value.encode(&mut Writer::new(&mut BytesMut::new()), width).is_err());
        let error = V::decode(&mut Reader::new(wire), PropertyType::OBJECT, width).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Unsupported { what: "PtypObject" });
    }
}

/// 2.11.1 lists 32 types: 28 have a value here, two in `restrictions.rs`, one stands for any, and one has no value.
#[test]
fn no_type_is_left_out() {
    let cases = cases();
    let elsewhere = [PropertyType::RESTRICTION, PropertyType::RULE_ACTION];
    let without = [PropertyType::UNSPECIFIED, PropertyType::OBJECT];
    let mut named = 0;
    for property_type in (0..=u16::MAX).map(PropertyType) {
        let has_case = cases.iter().any(|case| case.number == property_type.0);
        named += usize::from(property_type.name().is_some());
        if elsewhere.contains(&property_type) {
            continue;
        }
        assert_eq!(has_case, property_type.name().is_some() && !without.contains(&property_type), "{property_type:?}");
        if !has_case {
            let error = V::decode(&mut Reader::new(&[0; 64]), property_type, ROP).unwrap_err();
            assert!(matches!(error.kind, DecodeErrorKind::Unsupported { .. }), "{property_type:?}");
        }
    }
    assert_eq!(named, 32);
}

/// A value that is cut anywhere is an error, never a shorter value: each has one length that its first bytes tell.
#[test]
fn every_prefix_of_every_type_is_an_error() {
    for case in cases() {
        for (width, bytes) in forms(&case) {
            for cut in 0..bytes.len() {
                let mut r = Reader::new(&bytes[..cut]);
                let read = V::decode(&mut r, PropertyType(case.number), width);
                assert!(read.is_err(), "{:?} cut at {cut}: {read:?}", case.value);
            }
        }
    }
}

/// What a changed byte gives is read to the end, and writes the bytes that were read: nothing but a Boolean has two forms.
#[test]
fn every_changed_byte_of_every_type_ends() {
    for case in cases() {
        for (width, bytes) in forms(&case) {
            for at in 0..bytes.len() {
                for changed in 0..=u8::MAX {
                    let mut copy = bytes.to_vec();
                    copy[at] = changed;
                    let mut r = Reader::new(&copy);
                    let Ok(value) = V::decode(&mut r, PropertyType(case.number), width) else { continue };
                    let used = copy.len() - r.left();
                    let _shown = format!("{value:?}");
                    match value {
                        V::Boolean(value) => assert_eq!(value, changed != 0),
                        _ => assert_eq!(written(&value, width), copy[..used], "{:?} at {at}", case.value),
                    }
                }
            }
        }
    }
}

/// One column of each type, in both kinds of row, is passed over as it is read: the row ends where its bytes end, and any cut is an
/// error.
#[test]
fn a_row_of_every_type_ends_where_its_cells_end() {
    let cases = cases();
    let columns: Vec<PropertyTag> =
        cases.iter().zip(0x6600..).map(|(case, id)| PropertyTag::new(id, PropertyType(case.number))).collect();
    for (flagged, width) in [(false, ROP), (false, WIDE), (true, ROP), (true, WIDE)] {
        let mut expected: Vec<Cell<'_>> = cases.iter().map(|case| case.value.into()).collect();
        if flagged {
            expected[3] = Cell::Absent;
            expected[4] = Cell::Error(ErrorCode::OUT_OF_MEMORY);
        }
        let mut out = BytesMut::new();
        encode_row(&mut Writer::new(&mut out), PropertyTags::new(&columns), width, |index, _| expected[index]).unwrap();
        assert_eq!(out[0], u8::from(flagged));
        let len = out.len();
        out.extend_from_slice(b"next");
        let mut r = Reader::new(&out);
        let row = PropertyRow::decode(&mut r, PropertyTags::new(&columns), width).unwrap();
        assert_eq!(r.rest(), b"next");
        for (index, cell) in row.cells().enumerate() {
            let (tag, cell) = cell.unwrap();
            assert_eq!(tag, columns[index]);
            let written_as = cases[index].read.filter(|_| expected[index].value().is_some()).map(Cell::Value);
            assert_eq!(cell, written_as.unwrap_or(expected[index]));
        }
        for cut in 0..len {
            let row = PropertyRow::decode(&mut Reader::new(&out[..cut]), PropertyTags::new(&columns), width);
            assert!(row.is_err(), "cut at {cut} of {len}");
        }
    }
}

/// 2.11.1.3: a column with the MultivalueInstance bit has one single value in its cell.
#[test]
fn a_column_of_multivalue_instances_has_single_values() {
    let tag = PropertyTag::new(0x6600, PropertyType(0x1003 | PropertyType::MULTIVALUE_INSTANCE));
    let row = [0, 7, 0, 0, 0];
    let mut r = Reader::new(&row);
    let columns = [tag];
    let row = PropertyRow::decode(&mut r, PropertyTags::new(&columns), ROP).unwrap();
    assert!(r.is_empty());
    assert_eq!(row.cell(tag), Some(Ok(Cell::Value(V::Integer32(7)))));
}

/// What would shift all that follows is refused when it is written.
#[test]
fn what_the_wire_cannot_say_is_refused() {
    let long = vec![0; 0x1_0000];
    let values = [&long[..]];
    let id = ServerId::Client { ours: 0, data: &long };
    let refused: [V<'_>; 8] = [
        V::Binary(&long),
        V::MultipleBinary(MultipleBinary::new(&values)),
        V::ServerId(id),
        V::Str("a\0b"),
        V::MultipleStr(&["a", "\0"]),
        V::String8(b"\0"),
        V::MultipleString8(MultipleString8::new(&[b"a\0"])),
        utf16(b"a\0\0\0b\0"),
    ];
    for value in refused {
        let mut out = BytesMut::new();
        assert!(value.encode(&mut Writer::new(&mut out), ROP).is_err(), "{:?}", value.property_type());
    }
    assert!(V::Binary(&long).encode(&mut Writer::new(&mut BytesMut::new()), WIDE).is_ok());
}

/// A count of values that the input has no room for is refused before any is looked at.
#[test]
fn a_count_past_the_input_is_an_error() {
    for number in (0x1000..0x1200).filter(|number| PropertyType(*number).name().is_some()) {
        for width in [ROP, WIDE] {
            let bytes = b"\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
            let error = V::decode(&mut Reader::new(bytes), PropertyType(number), width).unwrap_err();
            assert!(matches!(error.kind, DecodeErrorKind::Eof { .. } | DecodeErrorKind::Limit { .. }), "{number:#x}");
        }
    }
}
