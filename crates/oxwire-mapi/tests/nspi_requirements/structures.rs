//! The structures of [MS-OXCMAPIHTTP] 2.2.1.

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, FileTime, Limits, Reader, Writer, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    CP_TELETEX, CP_WINUNICODE, ComparisonFlags, DEFAULT_LOCALE, DisplayType, EntryId, MinimalEntryId, ModLinkFlags,
    Place, PropertyFlags, QueryColumnsFlags, SortType, SpecialTableFlags, Stat, TaggedValue, TemplateFlags, ValueList,
};
use oxwire_mapi::nspi::{GetPropListSuccess, QueryColumnsSuccess};
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

/// [MS-OXNSPI] 2.2.8 (2.3.7 of later editions): each field of a STAT at its place.
#[test]
fn stat_fields() {
    let wire = super::STAT;
    let stat: Stat = decode_all(wire, &Limits::DEFAULT).unwrap();
    assert_eq!(encode_to_bytes(&stat).as_deref(), Ok(wire), "{}", "MS-OXNSPI_R1587");
    for (rows, at, value) in [
        ("MS-OXNSPI_R311 MS-OXNSPI_R92", 0, stat.sort_type.0),
        ("MS-OXNSPI_R315 MS-OXNSPI_R316 MS-OXNSPI_R1591", 4, stat.container_id.0),
        ("MS-OXNSPI_R319 MS-OXNSPI_R320", 8, stat.current_rec.0),
        ("MS-OXNSPI_R322 MS-OXNSPI_R323", 12, stat.delta.cast_unsigned()),
        ("MS-OXNSPI_R325 MS-OXNSPI_R326", 16, stat.num_pos),
        ("MS-OXNSPI_R330 MS-OXNSPI_R331", 20, stat.total_recs),
        ("MS-OXNSPI_R334 MS-OXNSPI_R335", 24, stat.code_page),
        ("MS-OXNSPI_R338 MS-OXNSPI_R756", 28, stat.template_locale),
        ("MS-OXNSPI_R341", 32, stat.sort_locale),
    ] {
        assert_eq!(wire[at..at + 4], value.to_le_bytes(), "{rows}");
    }
}

#[test]
fn oxnspi_r314_r318_r324_r337_r340_r344_an_answer_changes_only_what_a_server_may_change() {
    let asked: Stat = decode_all(super::STAT, &Limits::DEFAULT).unwrap();
    let place = Place { current_rec: MinimalEntryId(0x99), num_pos: 1, total_recs: 2 };
    let answered = *asked.answer(place).unwrap().stat();
    let wire = encode_to_bytes(&answered).unwrap();
    assert_eq!(wire[..8], super::STAT[..8], "SortType and ContainerID");
    assert_eq!(wire[8..24], [0x99, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(wire[24..], super::STAT[24..], "CodePage, TemplateLocale, SortLocale");
}

/// [MS-OXNSPI] 2.2.9.2, 2.2.9.3: the EntryIDs, field by field.
#[test]
fn entry_id_fields() {
    let uid = super::GUID;
    let nspi = b"\xDC\xA7\x40\xC8\xC0\x42\x10\x1A\xB4\xB9\x08\0\x2B\x2F\xE1\x82";
    let ephemeral: &[(&str, &[u8])] = &[
        ("MS-OXNSPI_R361 MS-OXNSPI_R362", &[0x87]),
        ("MS-OXNSPI_R364 MS-OXNSPI_R1713", &[0]),
        ("MS-OXNSPI_R366 MS-OXNSPI_R1714", &[0]),
        ("MS-OXNSPI_R368 MS-OXNSPI_R1715", &[0]),
        ("MS-OXNSPI_R370", uid),
        ("MS-OXNSPI_R372 MS-OXNSPI_R1716", &[1, 0, 0, 0]),
        ("MS-OXNSPI_R374 MS-OXNSPI_R375 MS-OXNSPI_R378 MS-OXNSPI_R606 MS-OXNSPI_R56", &[0, 1, 0, 0]),
        ("MS-OXNSPI_R380 MS-OXNSPI_R381", &[0x10, 0, 0, 0]),
    ];
    let permanent: &[(&str, &[u8])] = &[
        ("MS-OXNSPI_R392 MS-OXNSPI_R393", &[0]),
        ("MS-OXNSPI_R395 MS-OXNSPI_R1717", &[0]),
        ("MS-OXNSPI_R397 MS-OXNSPI_R1718", &[0]),
        ("MS-OXNSPI_R399 MS-OXNSPI_R1719", &[0]),
        ("MS-OXNSPI_R401 MS-OXNSPI_R1664", nspi),
        ("MS-OXNSPI_R403 MS-OXNSPI_R1720", &[1, 0, 0, 0]),
        ("MS-OXNSPI_R405 MS-OXNSPI_R406 MS-OXNSPI_R409 MS-OXNSPI_R604 MS-OXNSPI_R55", &[6, 0, 0, 0]),
        ("MS-OXNSPI_R411", b"/o=A/cn=b\0"),
    ];
    let ids = [
        (
            ephemeral,
            EntryId::Ephemeral {
                provider_uid: guid(),
                display_type: DisplayType::CONTAINER,
                mid: MinimalEntryId(0x10),
            },
        ),
        (
            permanent,
            EntryId::Permanent { display_type: DisplayType::REMOTE_MAILUSER, distinguished_name: b"/o=A/cn=b" },
        ),
    ];
    for (parts, id) in ids {
        let wire: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let rows: Vec<_> = parts.iter().map(|(rows, _)| rows).collect();
        assert_eq!(encode_to_bytes(&id).as_deref(), Ok(&wire[..]), "{rows:?}");
        assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(id), "{rows:?}");
    }
}

/// The numbers of [MS-OXNSPI] 2.2.1.
#[test]
fn constants() {
    for (row, value, number) in [
        ("MS-OXNSPI_R48", DisplayType::MAILUSER.0, 0x0000),
        ("MS-OXNSPI_R49", DisplayType::DISTLIST.0, 0x0001),
        ("MS-OXNSPI_R50", DisplayType::FORUM.0, 0x0002),
        ("MS-OXNSPI_R51", DisplayType::AGENT.0, 0x0003),
        ("MS-OXNSPI_R52", DisplayType::ORGANIZATION.0, 0x0004),
        ("MS-OXNSPI_R54", DisplayType::PRIVATE_DISTLIST.0, 0x0005),
        ("MS-OXNSPI_R55", DisplayType::REMOTE_MAILUSER.0, 0x0006),
        ("MS-OXNSPI_R56", DisplayType::CONTAINER.0, 0x0100),
        ("MS-OXNSPI_R58", DisplayType::TEMPLATE.0, 0x0101),
        ("MS-OXNSPI_R60", DisplayType::ADDRESS_TEMPLATE.0, 0x0102),
        ("MS-OXNSPI_R62", DisplayType::SEARCH.0, 0x0200),
        ("MS-OXNSPI_R69", DEFAULT_LOCALE, 0x0409),
        ("MS-OXNSPI_R73", CP_TELETEX, 0x4F25),
        ("MS-OXNSPI_R74", CP_WINUNICODE, 0x04B0),
        ("MS-OXNSPI_R79 MS-OXNSPI_R80", MinimalEntryId::BEGINNING_OF_TABLE.0, 0),
        ("MS-OXNSPI_R79 MS-OXNSPI_R81", MinimalEntryId::END_OF_TABLE.0, 2),
        ("MS-OXNSPI_R79", MinimalEntryId::CURRENT.0, 1),
        ("MS-OXNSPI_R87 MS-OXNSPI_R88 MS-OXNSPI_R1611", MinimalEntryId::UNRESOLVED.0, 0),
        ("MS-OXNSPI_R87 MS-OXNSPI_R89", MinimalEntryId::AMBIGUOUS.0, 1),
        ("MS-OXNSPI_R87 MS-OXNSPI_R90", MinimalEntryId::RESOLVED.0, 2),
        ("MS-OXNSPI_R348", MinimalEntryId::FIRST_ROW.0, 0x10),
        ("MS-OXNSPI_R93", SortType::DISPLAY_NAME.0, 0),
        ("MS-OXNSPI_R95", SortType::PHONETIC_DISPLAY_NAME.0, 3),
        ("MS-OXNSPI_R98", SortType::DISPLAY_NAME_RO.0, 0x03E8),
        ("MS-OXNSPI_R100", SortType::DISPLAY_NAME_W.0, 0x03E9),
        ("MS-OXNSPI_R103 MS-OXNSPI_R104", PropertyFlags::SKIP_OBJECTS.bits(), 1),
        ("MS-OXNSPI_R103 MS-OXNSPI_R105", PropertyFlags::EPHEMERAL_IDS.bits(), 2),
        ("MS-OXNSPI_R107 MS-OXNSPI_R108 MS-OXNSPI_R109", SpecialTableFlags::ADDRESS_CREATION_TEMPLATES.bits(), 2),
        ("MS-OXNSPI_R107 MS-OXNSPI_R108 MS-OXNSPI_R111", SpecialTableFlags::UNICODE_STRINGS.bits(), 4),
        ("MS-OXNSPI_R113 MS-OXNSPI_R115", QueryColumnsFlags::UNICODE_PROPTYPES.bits(), 0x8000_0000),
        ("MS-OXNSPI_R118 MS-OXNSPI_R120", TemplateFlags::TEMPLATE.bits(), 0x01),
        ("MS-OXNSPI_R118 MS-OXNSPI_R121", TemplateFlags::SCRIPT.bits(), 0x04),
        ("MS-OXNSPI_R126 MS-OXNSPI_R127 MS-OXNSPI_R128", ModLinkFlags::DELETE.bits(), 0x01),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1828", ComparisonFlags::IGNORE_CASE.bits(), 1),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1829", ComparisonFlags::IGNORE_NONSPACE.bits(), 1 << 1),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1830", ComparisonFlags::IGNORE_SYMBOLS.bits(), 1 << 2),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1840", ComparisonFlags::STRING_SORT.bits(), 1 << 12),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1844", ComparisonFlags::IGNORE_KANA_TYPE.bits(), 1 << 16),
        ("MS-OXNSPI_R1827 MS-OXNSPI_R1846", ComparisonFlags::IGNORE_WIDTH.bits(), 1 << 17),
        (
            "MS-OXNSPI_R1820",
            ComparisonFlags::OF_DEFAULT_LOCALE.bits(),
            (ComparisonFlags::IGNORE_CASE
                | ComparisonFlags::IGNORE_KANA_TYPE
                | ComparisonFlags::IGNORE_NONSPACE
                | ComparisonFlags::IGNORE_WIDTH
                | ComparisonFlags::STRING_SORT)
                .bits(),
        ),
        (
            "MS-OXNSPI_R1823",
            ComparisonFlags::OF_OTHER_LOCALES.bits(),
            (ComparisonFlags::OF_DEFAULT_LOCALE | ComparisonFlags::IGNORE_SYMBOLS).bits(),
        ),
        ("MS-OXNSPI_R122", TemplateFlags::EMAIL_TYPE.bits(), 0x10),
        ("MS-OXNSPI_R123", TemplateFlags::HELPFILE_NAME.bits(), 0x20),
        ("MS-OXNSPI_R124", TemplateFlags::HELPFILE_CONTENTS.bits(), 0x40),
    ] {
        assert_eq!(value, number, "{row}");
    }
}
