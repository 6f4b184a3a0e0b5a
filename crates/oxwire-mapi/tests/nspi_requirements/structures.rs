//! The structures of [MS-OXCMAPIHTTP] 2.2.1.

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, FileTime, Limits, Reader, Writer, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{GetPropListSuccess, QueryColumnsSuccess};
use oxwire_mapi::nspi::{TaggedValue, ValueList};
use oxwire_mapi::property::{
    Cell, CountWidth, ErrorCode, Multiple, MultipleBinary, MultipleString8, PropertyRow, PropertyTag, PropertyTags,
    PropertyType, PropertyValue as V, RestrictionKind, RowFlag, encode_row,
};

use super::{LIST, check, guid, target, values, wide};

const WIDTH: CountWidth = CountWidth::AddressBook;

/// A value's bytes; `HasValue` first where its type has one.
fn value(rows: &str, wire: &[u8], value: &V<'_>) {
    let mut out = BytesMut::new();
    value.encode(&mut Writer::new(&mut out), WIDTH).unwrap();
    assert_eq!(out[..], *wire, "{rows}: encoded");
    assert_eq!(value.encoded_len(WIDTH), wire.len(), "{rows}: encoded_len");
    let mut r = Reader::new(wire);
    assert_eq!(V::decode(&mut r, value.property_type(), WIDTH).as_ref(), Ok(value), "{rows}: decoded");
    assert!(r.is_empty(), "{rows}");
    for len in 0..wire.len() {
        assert!(
            V::decode(&mut Reader::new(&wire[..len]), value.property_type(), WIDTH).is_err(),
            "{rows}: cut at {len}"
        );
    }
}

#[test]
fn has_value() {
    let times = [FileTime::from_intervals(2)];
    let cases: &[(&str, &[u8], V<'_>)] = &[
        ("R2000 R2001 R2005 R2006 R2009", b"\xFFa\0\0\0", V::String(wide(b"a\0"))),
        ("R2000 R2002 R2006", b"\xFFab\0", V::String8(b"ab")),
        ("R2000 R2003 R2006", b"\xFF\x02\0\0\0ab", V::Binary(b"ab")),
        ("R2004 R2250", b"\xFF\x01\0\0\0\x02\0", V::MultipleInteger16(Multiple::new(&[2]))),
        ("R2004 R2251", b"\xFF\x01\0\0\0\x02\0\0\0", V::MultipleInteger32(Multiple::new(&[2]))),
        ("R2004 R2252", b"\xFF\x01\0\0\0\0\0\x80\x3F", V::MultipleFloating32(Multiple::new(&[1.0]))),
        ("R2004 R2253", b"\xFF\x01\0\0\0\0\0\0\0\0\0\xF0\x3F", V::MultipleFloating64(Multiple::new(&[1.0]))),
        ("R2004 R2254", b"\xFF\x01\0\0\0\x02\0\0\0\0\0\0\0", V::MultipleCurrency(Multiple::new(&[2]))),
        ("R2004 R2255", b"\xFF\x01\0\0\0\0\0\0\0\0\0\xF0\x3F", V::MultipleFloatingTime(Multiple::new(&[1.0]))),
        ("R2004 R2256", b"\xFF\x01\0\0\0\x02\0\0\0\0\0\0\0", V::MultipleInteger64(Multiple::new(&[2]))),
        ("R2004 R2258", b"\xFF\x02\0\0\0\xFFa\0\xFF\0", V::MultipleString8(MultipleString8::new(&[b"a", b""]))),
        ("R2004 R2259", b"\xFF\x01\0\0\0\x02\0\0\0\0\0\0\0", V::MultipleTime(Multiple::new(&times))),
        (
            "R2004 R2261",
            b"\xFF\x02\0\0\0\xFF\x01\0\0\0a\xFF\0\0\0\0",
            V::MultipleBinary(MultipleBinary::new(&[b"a", b""])),
        ),
    ];
    for (rows, wire, what) in cases {
        value(rows, wire, what);
        // R2007: nothing follows FALSE; another value is neither.
        let mut absent = Reader::new(b"\0rest");
        assert_eq!(V::decode(&mut absent, what.property_type(), WIDTH), Ok(V::Null), "{rows}: absent");
        assert_eq!(absent.left(), 4, "{rows}: absent");
        let error = V::decode(&mut Reader::new(b"\x01a\0\0\0"), what.property_type(), WIDTH).unwrap_err();
        assert_eq!((error.field, error.offset), ("HasValue", 0), "{rows}");
    }
    let guids = [guid()];
    value("R2004 R2260", &[b"\xFF\x01\0\0\0", super::GUID].concat(), &V::MultipleGuid(Multiple::new(&guids)));
    let text = V::decode(&mut Reader::new(b"\xFF\x02\0\0\0\xFFa\0\0\0\xFF\0\0"), PropertyType::MULTIPLE_STRING, WIDTH);
    value("R2004 R2257", b"\xFF\x02\0\0\0\xFFa\0\0\0\xFF\0\0", &text.unwrap());
}

#[test]
fn r2007_nothing_follows_a_has_value_of_false() {
    let tagged = decode_all::<TaggedValue<'_>>(b"\x1F\0\x01\x30\0", &Limits::DEFAULT).unwrap();
    assert_eq!(tagged, TaggedValue { tag: PropertyTag(0x3001_001F), value: V::Null });
    assert!(encode_to_bytes(&tagged).is_err(), "it is not written: Outlook crashes at a null string");
}

#[test]
fn r2010_other_types_have_no_has_value() {
    for (wire, what) in [
        (&b"\x07\0"[..], V::Integer16(7)),
        (b"\x07\0\0\0", V::Integer32(7)),
        (b"\x01", V::Boolean(true)),
        (b"\x0F\x01\x04\x80", V::ErrorCode(ErrorCode::NOT_FOUND)),
        (b"\x07\0\0\0\0\0\0\0", V::Time(FileTime::from_intervals(7))),
        (super::GUID, V::Guid(guid())),
    ] {
        value("R2010", wire, &what);
    }
}

#[test]
fn exchange_and_gromox_have_a_has_value_in_each_element_and_the_section_has_none() {
    // [MS-OXCMAPIHTTP] 2.2.1.1 as it is written: no HasValue inside.
    for (wire, texts) in [
        (&b"\xFF\x02\0\0\0a\0\0\0b\0\0\0"[..], ["a", "b"]),
        (b"\xFF\x02\0\0\0\xFFa\0\0\0\xFFb\0\0\0", ["a", "b"]),
        // gromox: 0 alone, where there is no string.
        (b"\xFF\x02\0\0\0\xFFa\0\0\0\0", ["a", ""]),
    ] {
        let read = V::decode(&mut Reader::new(wire), PropertyType::MULTIPLE_STRING, WIDTH);
        let Ok(V::MultipleString(read)) = read else { panic!("{read:?}") };
        assert_eq!(read.iter().map(|text| text.to_string()).collect::<Vec<_>>(), texts);
        let mut out = BytesMut::new();
        V::MultipleString(read).encode(&mut Writer::new(&mut out), WIDTH).unwrap();
        let again =
            [&b"\xFF\x02\0\0\0\xFFa\0\0\0\xFF"[..], if texts[1] == "b" { b"b\0\0\0" } else { b"\0\0" }].concat();
        assert_eq!(out[..], again[..], "written as products write it, and never as null");
    }
    // gromox writes 0 alone for an empty binary value.
    for wire in [&b"\xFF\x02\0\0\0\0\xFF\x01\0\0\0b"[..], b"\xFF\x02\0\0\0\xFF\0\0\0\0\xFF\x01\0\0\0b"] {
        let read = V::decode(&mut Reader::new(wire), PropertyType::MULTIPLE_BINARY, WIDTH);
        assert_eq!(read, Ok(V::MultipleBinary(MultipleBinary::new(&[b"", b"b"]))));
    }
    let plain = V::decode(&mut Reader::new(b"\xFF\x01\0\0\0\x01\0\0\0b"), PropertyType::MULTIPLE_BINARY, WIDTH);
    assert_eq!(plain, Ok(V::MultipleBinary(MultipleBinary::new(&[b"b"]))));
}

#[test]
fn outlook_has_a_has_value_before_the_value_of_a_property_restriction() {
    // And of two: PidTagAccount equal to "a", as the section has it and as gromox reads it from Outlook.
    let plain = b"\x04\x04\x1F\0\0\x3A\x1F\0\0\x3A\xFFa\0\0\0";
    let outlook = b"\x04\x04\x1F\0\0\x3A\xFF\x1F\0\0\x3A\xFFa\0\0\0";
    let wire = [b"\0\x02\0\0\0", &plain[..], outlook].concat();
    let both = oxwire_mapi::property::Restriction::decode(&mut Reader::new(&wire), WIDTH).unwrap();
    assert_eq!(both.as_bytes(), wire);
    let Ok(RestrictionKind::And(both)) = both.kind() else { panic!("{both:?}") };
    assert_eq!(both.len(), 2);
    for each in both.iter() {
        let Ok(RestrictionKind::Property { rel_op: 4, tagged_value: (tag, V::String(text)), .. }) = each.kind() else {
            panic!("{each:?}")
        };
        assert_eq!((tag, text.to_string()), (PropertyTag(0x3A00_001F), "a".to_owned()));
    }
}

#[test]
fn tagged_values_and_lists() {
    check(&("R2011 R2012 R2013 R2014", &[b"\x1F\0", b"\x01\x30", b"\xFFa\0\0\0"], target()));
    let values = values();
    check(&("R10 R11 R14", &[LIST], ValueList::new(&values)));
    check(&("R11", &[&[0, 0, 0, 0]], ValueList::new(&[])));
}

/// A row of the columns, both ways.
fn row(rows: &str, columns: &[PropertyTag], wire: &[u8], flag: RowFlag, cells: &[Cell<'_>]) {
    let columns = PropertyTags::new(columns);
    let mut out = BytesMut::new();
    encode_row(&mut Writer::new(&mut out), columns, WIDTH, |index, _| cells[index]).unwrap();
    assert_eq!(out[..], *wire, "{rows}: encoded");
    let read = PropertyRow::decode(&mut Reader::new(wire), columns, WIDTH).unwrap();
    assert_eq!(read.flag(), flag, "{rows}");
    let read: Vec<_> = read.cells().map(|cell| cell.unwrap().1).collect();
    assert_eq!(read, cells, "{rows}: decoded");
    for len in 0..wire.len() {
        assert!(PropertyRow::decode(&mut Reader::new(&wire[..len]), columns, WIDTH).is_err(), "{rows}: cut at {len}");
    }
}

#[test]
fn property_rows_of_all_kinds() {
    let name = PropertyTag(0x3001_001F);
    let any = PropertyTag(0x3001_0000);
    let text = Cell::Value(V::String(wide(b"a\0")));
    let error = Cell::Error(ErrorCode::NOT_FOUND);
    row("R15 R16 R17 R18 R450 R2035 R2036", &[name], b"\0\xFFa\0\0\0", RowFlag::Standard, &[text]);
    row("R1298 R2015 R2016 R2017", &[any], b"\0\x1F\0\xFFa\0\0\0", RowFlag::Standard, &[text]);
    row(
        "R17 R453 R2018 R2019 R2021 R2022 R2023 R2024 R2027 R2036",
        &[name, name, name],
        b"\x01\0\xFFa\0\0\0\x01\x0A\x0F\x01\x04\x80",
        RowFlag::Flagged,
        &[text, Cell::Absent, error],
    );
    row(
        "R1299 R2028 R2029 R2030 R2031 R2033 R2034",
        &[any, any, any],
        b"\x01\x1F\0\0\xFFa\0\0\0\0\0\x01\x0A\0\x0A\x0F\x01\x04\x80",
        RowFlag::Flagged,
        &[text, Cell::Absent, error],
    );
}

#[test]
fn r18_r2021_r2031_another_flag_is_an_error_that_names_it() {
    for (tag, wire, at) in
        [(0x3001_001F, &b"\x02"[..], 0), (0x3001_001F, b"\x01\x02", 1), (0x3001_0000, b"\x01\x1F\0\x02", 3)]
    {
        let columns = [PropertyTag(tag)];
        let error = PropertyRow::decode(&mut Reader::new(wire), PropertyTags::new(&columns), WIDTH).unwrap_err();
        assert_eq!((error.field, error.offset), ("Flag", at));
    }
}

#[test]
fn r2034_a_value_of_another_type_than_its_column_is_not_written() {
    let columns = [PropertyTag(0x3001_001F), PropertyTag(0x0FFE_0003)];
    let cells = [Cell::Absent, Cell::Value(V::String8(b"x"))];
    let mut out = BytesMut::new();
    assert!(encode_row(&mut Writer::new(&mut out), PropertyTags::new(&columns), WIDTH, |at, _| cells[at]).is_err());
}

#[test]
fn a_value_that_is_not_there_is_an_absent_cell() {
    let columns = [PropertyTag(0x3001_001F), PropertyTag(0x3001_0000)];
    for wire in [&b"\0\0\x1E\0\0"[..], b"\x01\0\0\x1E\0\0\0"] {
        let row = PropertyRow::decode(&mut Reader::new(wire), PropertyTags::new(&columns), WIDTH).unwrap();
        assert!(row.cells().all(|cell| cell.unwrap().1 == Cell::Absent), "{row:?}");
    }
}

#[test]
fn large_property_tag_arrays() {
    let tags = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102)];
    let columns = Some(PropertyTags::new(&tags));
    let plain = GetPropListSuccess::failed(ErrorCode::SUCCESS);
    check(&(
        "R23 R24 R26",
        &[&[0; 8], &[0xFF], &[2, 0, 0, 0], b"\x1F\0\x01\x30\x02\x01\xFF\x0F", &[0; 4]],
        GetPropListSuccess { property_tags: columns, ..plain },
    ));
}

#[test]
fn r25_at_most_100_000_tags() {
    let limits = Limits::DEFAULT.with_items(200_000);
    let tags = vec![PropertyTag(0x3001_001F); 100_001];
    for (count, accepted) in [(100_000, true), (100_001, false)] {
        let body = QueryColumnsSuccess {
            columns: Some(PropertyTags::new(&tags[..count])),
            ..QueryColumnsSuccess::failed(ErrorCode::SUCCESS)
        };
        assert_eq!(encode_to_bytes(&body).is_ok(), accepted);
        let mut wire = vec![0; 8];
        wire.push(0xFF);
        wire.extend_from_slice(&u32::try_from(count).unwrap().to_le_bytes());
        wire.extend(std::iter::repeat_n([0x1F, 0, 0x01, 0x30], count).flatten());
        wire.extend_from_slice(&[0; 4]);
        match decode_all::<QueryColumnsSuccess<'_>>(&wire, &limits) {
            Ok(read) => assert!(accepted && read == body),
            Err(error) => {
                assert!(!accepted);
                assert!(matches!(error.kind, DecodeErrorKind::Value { found: 100_001, .. }), "{error}");
            }
        }
    }
}
