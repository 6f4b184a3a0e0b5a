//! What is told of objects, of all of them, and of the hierarchy: [MS-OXNSPI] 3.1.4.1.3, 3.1.4.1.5 to 3.1.4.1.7, 3.1.4.1.14, 3.1.4.1.15,
//! 3.1.4.1.18, 3.1.4.2.

use oxwire::mapi::nspi::{
    DisplayType, EntryIds, GetPropListRequest, GetPropListSuccess, GetPropsRequest, GetPropsSuccess,
    GetSpecialTableRequest, GetSpecialTableSuccess, GetTemplateInfoRequest, MinimalEntryId, ModLinkAttRequest,
    ModLinkFlags, ModPropsRequest, PropertyFlags, QueryColumnsFlags, QueryColumnsRequest, QueryColumnsSuccess,
    QueryRowsSuccess, SpecialTableFlags, Stat, TaggedValue, TemplateFlags, ValueList,
};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};

use super::super::calls::{self, Encoding};
use super::{
    ADA, BERT, BOTH, CODES, CURRENT, EVE, NAME, NOBODY, UNICODE, answered, at, book, bytes_of, query, refused, stat,
    unicode, users,
};

fn props(state: Stat, tags: Option<&[PropertyTag]>) -> GetPropsRequest<'_> {
    GetPropsRequest {
        flags: PropertyFlags::NONE,
        state: Some(state),
        property_tags: tags.map(PropertyTags::new),
        auxiliary_buffer: &[],
    }
}

fn list(minimal_id: MinimalEntryId, code_page: u32) -> GetPropListRequest<'static> {
    GetPropListRequest { flags: PropertyFlags::NONE, minimal_id, code_page, auxiliary_buffer: &[] }
}

#[test]
fn get_props() {
    let users = users();
    let book = book(&users);
    let name_in_8_bits = PropertyTag::DISPLAY_NAME.with_type(PropertyType::STRING8);
    // In the order asked for, twice what was asked for twice.
    let tags = [PropertyTag::DISPLAY_TYPE, name_in_8_bits, PropertyTag::DISPLAY_TYPE];
    let rows =
        "MS-OXNSPI_R859 MS-OXNSPI_R886 MS-OXNSPI_R905 MS-OXNSPI_R911 MS-OXNSPI_R912 MS-OXNSPI_R913 MS-OXNSPI_R915";
    answered!(GetPropsSuccess, rows, |to| calls::get_props(&book, &props(at(BERT, 0), Some(&tags)), to), |object| {
        assert_eq!(object.error_code, ErrorCode::SUCCESS, "{rows}");
        let values: Vec<_> =
            object.property_values.unwrap().iter().map(|each| (each.tag, bytes_of(each.value).1)).collect();
        let expected = [(tags[0], vec![0; 4]), (tags[1], b"Bert".to_vec()), (tags[2], vec![0; 4])];
        assert_eq!(values, expected, "{rows}");
    });
    // What is not there is an error, of that property alone; so is everything of an object that is not there.
    let tags = [PropertyTag::TITLE, PropertyTag::DISPLAY_TYPE];
    let rows = "MS-OXNSPI_R909 MS-OXNSPI_R910";
    for (mid, second) in
        [(BERT, PropertyTag::DISPLAY_TYPE), (NOBODY, PropertyTag::DISPLAY_TYPE.with_type(PropertyType::ERROR_CODE))]
    {
        answered!(GetPropsSuccess, rows, |to| calls::get_props(&book, &props(at(mid, 0), Some(&tags)), to), |object| {
            assert_eq!(object.error_code, ErrorCode::ERRORS_RETURNED, "{rows}");
            let values: Vec<TaggedValue<'_>> = object.property_values.unwrap().iter().collect();
            let none = TaggedValue {
                tag: PropertyTag::TITLE.with_type(PropertyType::ERROR_CODE),
                value: PropertyValue::ErrorCode(ErrorCode::NOT_FOUND),
            };
            assert_eq!((values[0], values[1].tag), (none, second), "{rows}");
        });
    }
    // MID_CURRENT is no object.
    let current = props(at(CURRENT, 0), Some(&NAME));
    answered!(GetPropsSuccess, "MS-OXNSPI_R1985", |to| calls::get_props(&book, &current, to), |object| {
        let value = object.property_values.unwrap().iter().next().unwrap().value;
        assert_eq!(value, PropertyValue::ErrorCode(ErrorCode::NOT_FOUND));
    });
    let code = ErrorCode::INVALID_CODE_PAGE;
    refused("MS-OXNSPI_R873 MS-OXNSPI_R973", code, |to| {
        calls::get_props(&book, &props(unicode(), Some(&[name_in_8_bits])), to)
    });
    // Who names no properties gets those of NspiGetPropList, or its refusal.
    refused("MS-OXNSPI_R894", ErrorCode::NOT_FOUND, |to| calls::get_prop_list(&book, &list(NOBODY, 1252), to));
    refused("MS-OXNSPI_R894", ErrorCode::NOT_FOUND, |to| calls::get_props(&book, &props(at(NOBODY, 0), None), to));
    let rows = "MS-OXNSPI_R1693";
    answered!(GetPropsSuccess, rows, |to| calls::get_props(&book, &props(at(EVE, 0), None), to), |object| {
        let got: Vec<_> = object.property_values.unwrap().iter().map(|each| each.tag).collect();
        answered!(GetPropListSuccess, rows, |to| calls::get_prop_list(&book, &list(EVE, 1252), to), |listed| {
            assert_eq!(got, listed.property_tags.unwrap().iter().collect::<Vec<_>>(), "{rows}");
        });
    });
    for to in BOTH {
        let with = |bits| GetPropsRequest { flags: PropertyFlags::from_bits(bits), ..props(at(EVE, 0), None) };
        let (plain, other) = (calls::get_props(&book, &with(0), to), calls::get_props(&book, &with(0xFFFF_FFFC), to));
        assert_eq!(plain, other, "{}", "MS-OXNSPI_R1925");
    }
}

#[test]
fn get_prop_list() {
    let users = users();
    let book = book(&users);
    let rows = "MS-OXNSPI_R828 MS-OXNSPI_R854 MS-OXNSPI_R855 MS-OXNSPI_R858 MS-OXNSPI_R852";
    answered!(GetPropListSuccess, rows, |to| calls::get_prop_list(&book, &list(ADA, 1252), to), |listed| {
        let tags: Vec<_> = listed.property_tags.unwrap().iter().collect();
        assert!(tags.contains(&PropertyTag::SMTP_ADDRESS.with_type(PropertyType::STRING8)), "{rows}");
        assert!(tags.iter().all(|tag| tag.property_type() != PropertyType::STRING), "{rows}");
        // All of them have values, and a property that is not among them has none.
        answered!(GetPropsSuccess, rows, |to| calls::get_props(&book, &props(at(ADA, 0), Some(&tags)), to), |object| {
            assert_eq!(object.error_code, ErrorCode::SUCCESS, "{rows}");
        });
        assert!(!tags.iter().any(|tag| tag.id() == PropertyTag::TITLE.id()), "{rows}");
    });
    for to in BOTH {
        let with = |bits| GetPropListRequest { flags: PropertyFlags::from_bits(bits), ..list(ADA, 1252) };
        let plain = calls::get_prop_list(&book, &with(0), to);
        assert_eq!(plain, calls::get_prop_list(&book, &with(0xFFFF_FFFE), to), "{}", "MS-OXNSPI_R1924");
    }
    // With fSkipObjects no table is listed; a user has none.
    let skip = GetPropListRequest { flags: PropertyFlags::SKIP_OBJECTS, ..list(ADA, 1252) };
    answered!(GetPropListSuccess, "MS-OXNSPI_R848", |to| calls::get_prop_list(&book, &skip, to), |listed| {
        assert!(listed.property_tags.unwrap().iter().all(|tag| tag.property_type() != PropertyType::OBJECT));
    });
}

#[test]
fn query_columns() {
    let ask = |bits, to| {
        let mapi_flags = QueryColumnsFlags::from_bits(bits);
        calls::query_columns(&QueryColumnsRequest { mapi_flags, auxiliary_buffer: &[] }, to)
    };
    let users = users();
    let book = book(&users);
    for (rows, bits, is, is_not) in [
        ("MS-OXNSPI_R820", 0x8000_0000, PropertyType::STRING, PropertyType::STRING8),
        ("MS-OXNSPI_R116 MS-OXNSPI_R822", 0, PropertyType::STRING8, PropertyType::STRING),
    ] {
        answered!(QueryColumnsSuccess, rows, |to| ask(bits, to), |answer| {
            let columns: Vec<_> = answer.columns.unwrap().iter().collect();
            assert!(columns.contains(&PropertyTag::DISPLAY_NAME.with_type(is)), "{rows}");
            assert!(columns.contains(&PropertyTag::EMAIL_ADDRESS.with_type(is)), "{rows}");
            assert!(!columns.iter().any(|tag| tag.property_type() == is_not), "{rows}");
        });
    }
    // Everything that any object has, users and containers.
    let rows = "MS-OXNSPI_R801 MS-OXNSPI_R802 MS-OXNSPI_R824 MS-OXNSPI_R827";
    answered!(QueryColumnsSuccess, rows, |to| ask(0, to), |answer| {
        assert_eq!(answer.error_code, ErrorCode::SUCCESS, "{rows}");
        let columns: Vec<_> = answer.columns.unwrap().iter().collect();
        answered!(GetPropListSuccess, rows, |to| calls::get_prop_list(&book, &list(ADA, 1252), to), |listed| {
            assert!(listed.property_tags.unwrap().iter().all(|tag| columns.contains(&tag)), "{rows}");
        });
        answered!(
            GetSpecialTableSuccess,
            rows,
            |to| calls::get_special_table(&special(0, stat(), None), to),
            |table| {
                let row = table.rows.unwrap().iter().next().unwrap();
                assert!(row.iter().all(|each| columns.contains(&each.tag)), "{rows}");
            }
        );
    });
    for to in BOTH {
        assert_eq!(ask(0, to), ask(0x7FFF_FFFF, to), "{}", "MS-OXNSPI_R1923");
    }
}

fn special(bits: u32, state: Stat, version: Option<u32>) -> GetSpecialTableRequest<'static> {
    let flags = SpecialTableFlags::from_bits(bits);
    GetSpecialTableRequest { flags, state: Some(state), version, auxiliary_buffer: &[] }
}

/// NspiAddressCreationTemplates and NspiUnicodeStrings.
const CREATION: u32 = 2;
const UNICODE_STRINGS: u32 = 4;

#[test]
fn the_hierarchy_table() {
    let users = users();
    let book = book(&users);
    // PidTagEntryId: a PermanentEntryID of DT_CONTAINER, whose DN is the global address list's.
    let mut id = b"\0\0\0\0\xDC\xA7\x40\xC8\xC0\x42\x10\x1A\xB4\xB9\x08\0\x2B\x2F\xE1\x82\x01\0\0\0\0\x01\0\0".to_vec();
    id.extend(b"/\0");
    let in_8_bits = b"Global Address List".to_vec();
    let wide: Vec<u8> = in_8_bits.iter().flat_map(|byte| [*byte, 0]).collect();
    for (rows, bits, state, (name_type, name)) in [
        ("MS-OXNSPI_R760 MS-OXNSPI_R454 MS-OXNSPI_R1941 MS-OXNSPI_R1966", UNICODE_STRINGS, stat(), (0x1F, &wide)),
        ("MS-OXNSPI_R760", UNICODE_STRINGS, unicode(), (0x1F, &wide)),
        ("MS-OXNSPI_R762 MS-OXNSPI_R454 MS-OXNSPI_R1933 MS-OXNSPI_R1967", 0, stat(), (0x1E, &in_8_bits)),
    ] {
        answered!(
            GetSpecialTableSuccess,
            rows,
            |to| calls::get_special_table(&special(bits, state, Some(0)), to),
            |table| {
                let all = table.rows.unwrap();
                let rows_too = "MS-OXNSPI_R743 MS-OXNSPI_R765 MS-OXNSPI_R767 MS-OXNSPI_R1863 MS-OXNSPI_R1864 MS-OXNSPI_R1865 MS-OXNSPI_R1866 MS-OXNSPI_R1998";
                assert_eq!((table.error_code, all.len()), (ErrorCode::SUCCESS, 1), "{rows_too}");
                let row = all.iter().next().unwrap();
                let values: Vec<_> = row.iter().map(|each| (each.tag.id(), bytes_of(each.value))).collect();
                let number = |value: u8| (PropertyType(0x03), vec![value, 0, 0, 0]);
                let expected = [
                    (0x0FFF, (PropertyType(0x0102), id.clone())),
                    // AB_RECIPIENTS and AB_UNMODIFIABLE.
                    (0x3600, number(9)),
                    (0x3005, number(0)),
                    (0xFFFD, number(0)),
                    (0x3001, (PropertyType(name_type), name.clone())),
                    (0xFFFB, (PropertyType(0x0B), vec![0])),
                ];
                assert_eq!(values, expected, "{rows} {rows_too}");
                // Its id is the ContainerID of calls.
                let container_id = MinimalEntryId(0);
                let stat = Stat { container_id, ..stat() };
                answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &query(stat, 9, &NAME), to), |page| {
                    assert_eq!(page.rows.unwrap().len(), 4, "{}", "MS-OXNSPI_R317");
                });
            }
        );
    }
    refused("MS-OXNSPI_R732", ErrorCode::INVALID_CODE_PAGE, |to| {
        calls::get_special_table(&special(0, unicode(), Some(0)), to)
    });
    for to in BOTH {
        let plain = calls::get_special_table(&special(UNICODE_STRINGS, stat(), Some(0)), to);
        let other = calls::get_special_table(&special(0xFFFF_FFFD, stat(), Some(0)), to);
        assert_eq!(plain, other, "{}", "MS-OXNSPI_R1740");
    }
}

/// An address creation table has no rows here, in any language.
#[test]
fn the_address_creation_table() {
    let rows = "MS-OXNSPI_R752 MS-OXNSPI_R754 MS-OXNSPI_R757 MS-OXNSPI_R758";
    for template_locale in [0x409, 0x407, 0xFFFF] {
        for version in [None, Some(0), Some(1), Some(77)] {
            let state = Stat { template_locale, ..stat() };
            answered!(
                GetSpecialTableSuccess,
                rows,
                |to| calls::get_special_table(&special(CREATION, state, version), to),
                |table| {
                    assert_eq!((table.error_code, table.rows.unwrap().len()), (ErrorCode::SUCCESS, 0), "{rows}");
                }
            );
        }
    }
    for to in BOTH {
        for state in [stat(), unicode()] {
            let alone = calls::get_special_table(&special(CREATION, state, Some(0)), to);
            let both = calls::get_special_table(&special(CREATION | UNICODE_STRINGS, state, Some(0)), to);
            assert!(alone.is_ok());
            assert_eq!(alone, both, "{}", "MS-OXNSPI_R110 MS-OXNSPI_R741");
        }
    }
}

#[test]
fn every_object_has_them() {
    let users = users();
    let book = book(&users);
    for (rows, tag) in [
        ("MS-OXNSPI_R1721", 0x0FFE_0003),
        ("MS-OXNSPI_R1722", 0x3F08_0003),
        ("MS-OXNSPI_R1723", 0x39FF_001F),
        ("MS-OXNSPI_R1724", 0xFFFD_0003),
        ("MS-OXNSPI_R1725", 0x0FFF_0102),
        ("MS-OXNSPI_R1726", 0x0FF6_0102),
        ("MS-OXNSPI_R1727", 0x300B_0102),
        ("MS-OXNSPI_R1728", 0x0FF9_0102),
        ("MS-OXNSPI_R1729", 0x3002_001F),
        ("MS-OXNSPI_R1730", 0x3003_001F),
        ("MS-OXNSPI_R1731", 0x3900_0003),
        ("MS-OXNSPI_R1732", 0x3902_0102),
        ("MS-OXNSPI_R1733", 0x3A20_001F),
        ("MS-OXNSPI_R1734", 0x3001_001F),
        ("MS-OXNSPI_R1735", 0x0FF8_0102),
        ("MS-OXNSPI_R1736", 0x803C_001F),
    ] {
        let tags = [PropertyTag(tag)];
        for mid in [ADA, BERT, EVE] {
            answered!(
                GetPropsSuccess,
                rows,
                |to| calls::get_props(&book, &props(at(mid, 0), Some(&tags)), to),
                |object| {
                    let value = object.property_values.unwrap().iter().next().unwrap();
                    assert_eq!((object.error_code, value.tag), (ErrorCode::SUCCESS, tags[0]), "{rows}");
                    let (_, bytes) = bytes_of(value.value);
                    assert!(!bytes.is_empty(), "{rows}");
                    match tag {
                        0x0FFE_0003 => assert_eq!(bytes, [6, 0, 0, 0], "{rows}: a user"),
                        // Both are the same entry id, the permanent one, as is PidTagRecordKey.
                        0x3902_0102 | 0x0FF9_0102 => assert_eq!(bytes[24..28], [0; 4], "{rows}: of a user"),
                        0x3002_001F => assert_eq!(bytes, *b"E\0X\0", "{rows}"),
                        _ => {}
                    }
                }
            );
        }
    }
}

#[test]
fn get_template_info() {
    let ask = |code_page, flags, display_type, template_dn, locale_id| {
        calls::get_template_info(&GetTemplateInfoRequest {
            flags: TemplateFlags::from_bits(flags),
            display_type: DisplayType(display_type),
            template_dn,
            code_page,
            locale_id,
            auxiliary_buffer: &[],
        })
    };
    let dn = Some(&b"/o=oxwire/cn=t"[..]);
    for (rows, code_page, code) in [
        ("MS-OXNSPI_R1467 MS-OXNSPI_R973", UNICODE, ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1469 MS-OXNSPI_R973", 4711, ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1476 MS-OXNSPI_R975", 1252, ErrorCode::INVALID_LOCALE),
    ] {
        assert_eq!(ask(code_page, 1, 0, dn, 0x409), code, "{rows}");
        assert!(CODES.contains(&code.0), "{rows}");
        for (rows, other) in [
            ("MS-OXNSPI_R1692", ask(code_page, 0xFFFF_FFFB, 0, dn, 0x409)),
            ("MS-OXNSPI_R1982", ask(code_page, 1, 6, dn, 0x409)),
            ("MS-OXNSPI_R1983", ask(code_page, 1, 0, dn, 0x407)),
        ] {
            assert_eq!(other, code, "{rows}");
        }
    }
}

/// Nothing here is changed by a client: each refusal has its code, and the objects are as they were.
#[test]
fn changes_are_refused() {
    let users = users();
    let book = book(&users);
    let all = |to| calls::query_rows(&book, &query(stat(), 9, &NAME), to);
    let before = [all(Encoding::MapiHttp), all(Encoding::Rpc)];
    // PidTagUserX509Certificate and PidTagAddressBookX509Certificate.
    let certificates = [PropertyTag(0x3A70_1102), PropertyTag(0x8C6A_1102)];
    let values = [TaggedValue::new(PropertyTag::DISPLAY_NAME, PropertyValue::Str("mallory"))];
    let change = |state, tags: Option<&'static [PropertyTag]>| {
        calls::mod_props(
            &book,
            &ModPropsRequest {
                state: Some(state),
                property_tags: tags.map(PropertyTags::new),
                property_values: Some(ValueList::new(&values)),
                auxiliary_buffer: &[],
            },
        )
    };
    let certificates: &'static [PropertyTag] = certificates.to_vec().leak();
    for (rows, state, tags, code) in [
        ("MS-OXNSPI_R1280", unicode(), Some(certificates), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1284 MS-OXNSPI_R1291", at(ADA, 0), None, ErrorCode::INVALID_PARAMETER),
        ("MS-OXNSPI_R1284 MS-OXNSPI_R1293", at(NOBODY, 0), Some(certificates), ErrorCode::INVALID_PARAMETER),
        (
            "MS-OXNSPI_R1284 MS-OXNSPI_R1295 MS-OXNSPI_R2003007",
            at(ADA, 0),
            Some(certificates),
            ErrorCode::INVALID_OBJECT,
        ),
    ] {
        assert_eq!(change(state, tags), code, "{rows}");
        assert!(CODES.contains(&code.0), "{rows}");
    }
    let ids = [&b"\x87"[..]];
    let link = |bits, property_tag, minimal_id| {
        calls::mod_link_att(
            &book,
            &ModLinkAttRequest {
                flags: ModLinkFlags::from_bits(bits),
                property_tag: PropertyTag(property_tag),
                minimal_id,
                entry_ids: Some(EntryIds::new(&ids)),
                auxiliary_buffer: &[],
            },
        )
    };
    const MEMBER: u32 = 0x8009_000D;
    const PUBLIC_DELEGATES: u32 = 0x8015_000D;
    for (rows, tag, mid, code) in [
        ("MS-OXNSPI_R1326", 0x6789_000D, ADA, ErrorCode::NOT_FOUND),
        ("MS-OXNSPI_R1328", PUBLIC_DELEGATES, NOBODY, ErrorCode::INVALID_PARAMETER),
        ("MS-OXNSPI_R1646 MS-OXNSPI_R1647 MS-OXNSPI_R907", MEMBER, ADA, ErrorCode::ACCESS_DENIED),
        ("MS-OXNSPI_R1338 MS-OXNSPI_R907 MS-OXNSPI_R2003010", PUBLIC_DELEGATES, ADA, ErrorCode::ACCESS_DENIED),
    ] {
        assert_eq!(link(0, tag, mid), code, "{rows}");
        assert_eq!(link(0xFFFF_FFFE, tag, mid), code, "{rows} {}", "MS-OXNSPI_R1927");
    }
    assert_eq!([all(Encoding::MapiHttp), all(Encoding::Rpc)], before, "{}", "MS-OXNSPI_R1284 MS-OXNSPI_R1646");
}
