//! The request bodies.

use oxwire_core::Utf16;
use oxwire_mapi::nspi::{
    BindFlags, BindRequest, CompareMIdsRequest, DisplayType, DnToMIdRequest, EntryIds, ExplicitTable,
    GetAddressBookUrlRequest, GetMailboxUrlRequest, GetMatchesRequest, GetPropListRequest, GetPropsRequest,
    GetSpecialTableRequest, GetTemplateInfoRequest, MinimalEntryId, MinimalEntryIds, ModLinkAttRequest, ModLinkFlags,
    ModPropsRequest, PropertyFlags, PropertyName, QueryColumnsFlags, QueryColumnsRequest, QueryRowsRequest,
    ResolveNamesRequest, ResortRestrictionRequest, SeekEntriesRequest, SpecialTableFlags, Strings, TemplateFlags,
    UnbindRequest, UpdateStatRequest, ValueList, WideStrings,
};
use oxwire_mapi::property::{PropertyTag, PropertyTags};

use super::{
    AUX, AUX_17, AUX_17_SIZE, AUX_SIZE, Case, EPHEMERAL, FALSE, GUID, IDS, LIST, NONE, PERMANENT, STAT, TAGS, TRUE,
    check, exist, guid, stat, target, values, wide,
};

#[test]
fn bind_request() {
    let plain = BindRequest { flags: BindFlags::NONE, state: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, BindRequest<'_>>] = &[
        ("R337", &[NONE, FALSE, NONE], plain),
        (
            "R331 R1320",
            &[b"\x20\0\0\x80", FALSE, NONE],
            BindRequest { flags: BindFlags::from_bits(0x8000_0020), ..plain },
        ),
        ("R333 R334 R336", &[NONE, TRUE, STAT, NONE], BindRequest { state: Some(stat()), ..plain }),
        ("R337 R338 R339", &[NONE, FALSE, AUX_SIZE, AUX], BindRequest { auxiliary_buffer: AUX, ..plain }),
        ("R337 R338 R339", &[NONE, FALSE, AUX_17_SIZE, AUX_17], BindRequest { auxiliary_buffer: AUX_17, ..plain }),
    ];
    cases.iter().for_each(check);
}

#[test]
fn unbind_request() {
    let plain = UnbindRequest { auxiliary_buffer: b"" };
    let cases: &[Case<'_, UnbindRequest<'_>>] = &[
        ("R1379 R358 R359 R360", &[NONE, NONE], plain),
        ("R360 R361 R362", &[NONE, AUX_SIZE, AUX], UnbindRequest { auxiliary_buffer: AUX }),
        ("R360 R361 R362", &[NONE, AUX_17_SIZE, AUX_17], UnbindRequest { auxiliary_buffer: AUX_17 }),
    ];
    cases.iter().for_each(check);
}

#[test]
fn compare_mids_request() {
    let plain = CompareMIdsRequest {
        state: None,
        minimal_id_1: MinimalEntryId(0),
        minimal_id_2: MinimalEntryId(0),
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, CompareMIdsRequest<'_>>] = &[
        ("R382 R1382 R383 R390", &[NONE, FALSE, NONE, NONE, NONE], plain),
        ("R384 R385 R387", &[NONE, TRUE, STAT, NONE, NONE, NONE], CompareMIdsRequest { state: Some(stat()), ..plain }),
        (
            "R388",
            &[NONE, FALSE, b"\x10\0\0\0", NONE, NONE],
            CompareMIdsRequest { minimal_id_1: MinimalEntryId(0x10), ..plain },
        ),
        (
            "R389",
            &[NONE, FALSE, NONE, b"\x11\0\0\0", NONE],
            CompareMIdsRequest { minimal_id_2: MinimalEntryId(0x11), ..plain },
        ),
        (
            "R390 R391 R392",
            &[NONE, FALSE, NONE, NONE, AUX_SIZE, AUX],
            CompareMIdsRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R390 R391 R392",
            &[NONE, FALSE, NONE, NONE, AUX_17_SIZE, AUX_17],
            CompareMIdsRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn dn_to_mid_request() {
    let plain = DnToMIdRequest { names: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, DnToMIdRequest<'_>>] = &[
        ("R1385 R412 R413 R418", &[NONE, FALSE, NONE], plain),
        (
            "R414 R415 R416",
            &[NONE, TRUE, b"\x02\0\0\0/o=A/cn=b\0\0", NONE],
            DnToMIdRequest { names: Some(Strings::new(&[b"/o=A/cn=b", b""])), ..plain },
        ),
        ("R418 R419 R420", &[NONE, FALSE, AUX_SIZE, AUX], DnToMIdRequest { auxiliary_buffer: AUX, ..plain }),
        ("R418 R419 R420", &[NONE, FALSE, AUX_17_SIZE, AUX_17], DnToMIdRequest { auxiliary_buffer: AUX_17, ..plain }),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_matches_request() {
    let plain = GetMatchesRequest {
        state: None,
        minimal_ids: None,
        filter: None,
        property_name: None,
        row_count: 0,
        columns: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetMatchesRequest<'_>>] = &[
        ("R1388 R481 R482 R507 R1391 R493 R494", &[NONE, FALSE, FALSE, NONE, FALSE, FALSE, NONE, FALSE, NONE], plain),
        (
            "R1456 R484 R486",
            &[NONE, TRUE, STAT, FALSE, NONE, FALSE, FALSE, NONE, FALSE, NONE],
            GetMatchesRequest { state: Some(stat()), ..plain },
        ),
        (
            "R487 R488 R489 R490 R492",
            &[NONE, FALSE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", NONE, FALSE, FALSE, NONE, FALSE, NONE],
            GetMatchesRequest { minimal_ids: Some(MinimalEntryIds::new(&IDS)), ..plain },
        ),
        (
            "R495 R472 R496",
            &[NONE, FALSE, FALSE, NONE, TRUE, b"\x08\x1F\0\x01\x30", FALSE, NONE, FALSE, NONE],
            GetMatchesRequest { filter: Some(exist()), ..plain },
        ),
        (
            "R497 R498 R499 R500 R501",
            &[NONE, FALSE, FALSE, NONE, FALSE, TRUE, GUID, b"\x09\x80\0\0", NONE, FALSE, NONE],
            GetMatchesRequest { property_name: Some(PropertyName { guid: guid(), id: 0x8009 }), ..plain },
        ),
        (
            "R502",
            &[NONE, FALSE, FALSE, NONE, FALSE, FALSE, b"\x78\x56\x34\x12", FALSE, NONE],
            GetMatchesRequest { row_count: 0x1234_5678, ..plain },
        ),
        (
            "R503 R504 R505",
            &[NONE, FALSE, FALSE, NONE, FALSE, FALSE, NONE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            GetMatchesRequest { columns: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        (
            "R507 R508 R509",
            &[NONE, FALSE, FALSE, NONE, FALSE, FALSE, NONE, FALSE, AUX_SIZE, AUX],
            GetMatchesRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R507 R508 R509",
            &[NONE, FALSE, FALSE, NONE, FALSE, FALSE, NONE, FALSE, AUX_17_SIZE, AUX_17],
            GetMatchesRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_prop_list_request() {
    let plain = GetPropListRequest {
        flags: PropertyFlags::NONE,
        minimal_id: MinimalEntryId(0),
        code_page: 0,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetPropListRequest<'_>>] = &[
        ("R569", &[NONE, NONE, NONE, NONE], plain),
        (
            "R560 R565 R1321",
            &[b"\x01\0\0\x40", NONE, NONE, NONE],
            GetPropListRequest { flags: PropertyFlags::from_bits(0x4000_0001), ..plain },
        ),
        ("R567", &[NONE, b"\x10\0\0\0", NONE, NONE], GetPropListRequest { minimal_id: MinimalEntryId(0x10), ..plain }),
        ("R568", &[NONE, NONE, b"\x78\x56\x34\x12", NONE], GetPropListRequest { code_page: 0x1234_5678, ..plain }),
        ("R569 R570 R571", &[NONE, NONE, NONE, AUX_SIZE, AUX], GetPropListRequest { auxiliary_buffer: AUX, ..plain }),
        (
            "R569 R570 R571",
            &[NONE, NONE, NONE, AUX_17_SIZE, AUX_17],
            GetPropListRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_props_request() {
    let plain = GetPropsRequest { flags: PropertyFlags::NONE, state: None, property_tags: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetPropsRequest<'_>>] = &[
        ("R608", &[NONE, FALSE, FALSE, NONE], plain),
        (
            "R592 R599 R1323",
            &[b"\x03\0\0\x40", FALSE, FALSE, NONE],
            GetPropsRequest { flags: PropertyFlags::from_bits(0x4000_0003), ..plain },
        ),
        ("R601 R602 R604", &[NONE, TRUE, STAT, FALSE, NONE], GetPropsRequest { state: Some(stat()), ..plain }),
        (
            "R605 R606 R607",
            &[NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            GetPropsRequest { property_tags: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        ("R608 R609 R610", &[NONE, FALSE, FALSE, AUX_SIZE, AUX], GetPropsRequest { auxiliary_buffer: AUX, ..plain }),
        (
            "R608 R609 R610",
            &[NONE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            GetPropsRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_special_table_request() {
    let plain =
        GetSpecialTableRequest { flags: SpecialTableFlags::NONE, state: None, version: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetSpecialTableRequest<'_>>] = &[
        ("R650", &[NONE, FALSE, FALSE, NONE], plain),
        (
            "R634 R641 R1322",
            &[b"\x06\0\0\x40", FALSE, FALSE, NONE],
            GetSpecialTableRequest { flags: SpecialTableFlags::from_bits(0x4000_0006), ..plain },
        ),
        ("R643 R644 R646", &[NONE, TRUE, STAT, FALSE, NONE], GetSpecialTableRequest { state: Some(stat()), ..plain }),
        (
            "R647 R648 R649",
            &[NONE, FALSE, TRUE, b"\x07\0\0\0", NONE],
            GetSpecialTableRequest { version: Some(7), ..plain },
        ),
        (
            "R650 R651 R652",
            &[NONE, FALSE, FALSE, AUX_SIZE, AUX],
            GetSpecialTableRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R650 R651 R652",
            &[NONE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            GetSpecialTableRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_template_info_request() {
    let plain = GetTemplateInfoRequest {
        flags: TemplateFlags::NONE,
        display_type: DisplayType::MAILUSER,
        template_dn: None,
        code_page: 0,
        locale_id: 0,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetTemplateInfoRequest<'_>>] = &[
        ("R702", &[NONE, NONE, FALSE, NONE, NONE, NONE], plain),
        (
            "R685 R693 R1324",
            &[b"\x75\0\0\x40", NONE, FALSE, NONE, NONE, NONE],
            GetTemplateInfoRequest { flags: TemplateFlags::from_bits(0x4000_0075), ..plain },
        ),
        (
            "R695 R696",
            &[NONE, b"\x06\0\0\0", FALSE, NONE, NONE, NONE],
            GetTemplateInfoRequest { display_type: DisplayType::REMOTE_MAILUSER, ..plain },
        ),
        (
            "R697 R698 R699",
            &[NONE, NONE, TRUE, b"/o=A/cn=t\0", NONE, NONE, NONE],
            GetTemplateInfoRequest { template_dn: Some(b"/o=A/cn=t"), ..plain },
        ),
        (
            "R700",
            &[NONE, NONE, FALSE, b"\x78\x56\x34\x12", NONE, NONE],
            GetTemplateInfoRequest { code_page: 0x1234_5678, ..plain },
        ),
        (
            "R701",
            &[NONE, NONE, FALSE, NONE, b"\x09\x04\0\0", NONE],
            GetTemplateInfoRequest { locale_id: 0x0409, ..plain },
        ),
        (
            "R702 R703 R704",
            &[NONE, NONE, FALSE, NONE, NONE, AUX_SIZE, AUX],
            GetTemplateInfoRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R702 R703 R704",
            &[NONE, NONE, FALSE, NONE, NONE, AUX_17_SIZE, AUX_17],
            GetTemplateInfoRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn mod_link_att_request() {
    let plain = ModLinkAttRequest {
        flags: ModLinkFlags::NONE,
        property_tag: PropertyTag(0),
        minimal_id: MinimalEntryId(0),
        entry_ids: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, ModLinkAttRequest<'_>>] = &[
        ("R749", &[NONE, NONE, NONE, FALSE, NONE], plain),
        (
            "R726 R734 R1325",
            &[b"\x01\0\0\x40", NONE, NONE, FALSE, NONE],
            ModLinkAttRequest { flags: ModLinkFlags::from_bits(0x4000_0001), ..plain },
        ),
        (
            "R736",
            &[NONE, b"\x0D\0\x09\x80", NONE, FALSE, NONE],
            ModLinkAttRequest { property_tag: PropertyTag(0x8009_000D), ..plain },
        ),
        (
            "R740",
            &[NONE, NONE, b"\x10\0\0\0", FALSE, NONE],
            ModLinkAttRequest { minimal_id: MinimalEntryId(0x10), ..plain },
        ),
        (
            "R741 R742 R744 R745 R746 R747",
            &[NONE, NONE, NONE, TRUE, b"\x02\0\0\0\x20\0\0\0", EPHEMERAL, b"\x1E\0\0\0", PERMANENT, NONE],
            ModLinkAttRequest { entry_ids: Some(EntryIds::new(&[EPHEMERAL, PERMANENT])), ..plain },
        ),
        (
            "R749 R750 R751",
            &[NONE, NONE, NONE, FALSE, AUX_SIZE, AUX],
            ModLinkAttRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R749 R750 R751",
            &[NONE, NONE, NONE, FALSE, AUX_17_SIZE, AUX_17],
            ModLinkAttRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn mod_props_request() {
    let values = values();
    let plain = ModPropsRequest { state: None, property_tags: None, property_values: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ModPropsRequest<'_>>] = &[
        ("R1406 R774 R775 R788", &[NONE, FALSE, FALSE, FALSE, NONE], plain),
        ("R776 R777 R1448", &[NONE, TRUE, STAT, FALSE, FALSE, NONE], ModPropsRequest { state: Some(stat()), ..plain }),
        (
            "R782 R783 R784",
            &[NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", FALSE, NONE],
            ModPropsRequest { property_tags: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        (
            "R785 R786 R787",
            &[NONE, FALSE, FALSE, TRUE, LIST, NONE],
            ModPropsRequest { property_values: Some(ValueList::new(&values)), ..plain },
        ),
        (
            "R788 R789 R790",
            &[NONE, FALSE, FALSE, FALSE, AUX_SIZE, AUX],
            ModPropsRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R788 R789 R790",
            &[NONE, FALSE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            ModPropsRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn query_rows_request() {
    let plain = QueryRowsRequest {
        flags: PropertyFlags::NONE,
        state: None,
        explicit_table: ExplicitTable::default(),
        row_count: 0,
        columns: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, QueryRowsRequest<'_>>] = &[
        ("R829", &[NONE, FALSE, NONE, NONE, FALSE, NONE], plain),
        (
            "R806 R807 R1326",
            &[b"\x03\0\0\x40", FALSE, NONE, NONE, FALSE, NONE],
            QueryRowsRequest { flags: PropertyFlags::from_bits(0x4000_0003), ..plain },
        ),
        (
            "R818 R819 R821",
            &[NONE, TRUE, STAT, NONE, NONE, FALSE, NONE],
            QueryRowsRequest { state: Some(stat()), ..plain },
        ),
        (
            "R822 R823 R824",
            &[NONE, FALSE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", NONE, FALSE, NONE],
            QueryRowsRequest { explicit_table: ExplicitTable(MinimalEntryIds::new(&IDS)), ..plain },
        ),
        (
            "R825",
            &[NONE, FALSE, NONE, b"\x78\x56\x34\x12", FALSE, NONE],
            QueryRowsRequest { row_count: 0x1234_5678, ..plain },
        ),
        (
            "R826 R827 R828",
            &[NONE, FALSE, NONE, NONE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            QueryRowsRequest { columns: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        (
            "R829 R830 R831",
            &[NONE, FALSE, NONE, NONE, FALSE, AUX_SIZE, AUX],
            QueryRowsRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R829 R830 R831",
            &[NONE, FALSE, NONE, NONE, FALSE, AUX_17_SIZE, AUX_17],
            QueryRowsRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn query_columns_request() {
    let plain = QueryColumnsRequest { mapi_flags: QueryColumnsFlags::NONE, auxiliary_buffer: b"" };
    let cases: &[Case<'_, QueryColumnsRequest<'_>>] = &[
        ("R1411 R871 R872 R875", &[NONE, NONE, NONE], plain),
        (
            "R868 R873 R1412",
            &[NONE, b"\x01\0\0\x80", NONE],
            QueryColumnsRequest { mapi_flags: QueryColumnsFlags::from_bits(0x8000_0001), ..plain },
        ),
        ("R875 R876 R877", &[NONE, NONE, AUX_SIZE, AUX], QueryColumnsRequest { auxiliary_buffer: AUX, ..plain }),
        (
            "R875 R876 R877",
            &[NONE, NONE, AUX_17_SIZE, AUX_17],
            QueryColumnsRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn resolve_names_request() {
    let plain = ResolveNamesRequest { state: None, property_tags: None, names: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ResolveNamesRequest<'_>>] = &[
        ("R1415 R906 R907 R918", &[NONE, FALSE, FALSE, FALSE, NONE], plain),
        (
            "R908 R909 R911",
            &[NONE, TRUE, STAT, FALSE, FALSE, NONE],
            ResolveNamesRequest { state: Some(stat()), ..plain },
        ),
        (
            "R912 R913 R914",
            &[NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", FALSE, NONE],
            ResolveNamesRequest { property_tags: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        (
            "R915 R2183 R2184 R2185 R2186 R2187 R917",
            &[NONE, FALSE, FALSE, TRUE, b"\x02\0\0\0a\0\xEB\0\0\0b\0\0\0", NONE],
            ResolveNamesRequest { names: Some(WideStrings::new(&["a\u{EB}", "b"])), ..plain },
        ),
        (
            "R918 R919 R920",
            &[NONE, FALSE, FALSE, FALSE, AUX_SIZE, AUX],
            ResolveNamesRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R918 R919 R920",
            &[NONE, FALSE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            ResolveNamesRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn resort_restriction_request() {
    let plain = ResortRestrictionRequest { state: None, minimal_ids: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ResortRestrictionRequest<'_>>] = &[
        ("R1418 R968 R969 R980", &[NONE, FALSE, FALSE, NONE], plain),
        ("R970 R971 R973", &[NONE, TRUE, STAT, FALSE, NONE], ResortRestrictionRequest { state: Some(stat()), ..plain }),
        (
            "R974 R975 R976 R977 R978 R979",
            &[NONE, FALSE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", NONE],
            ResortRestrictionRequest { minimal_ids: Some(MinimalEntryIds::new(&IDS)), ..plain },
        ),
        (
            "R980 R981 R982",
            &[NONE, FALSE, FALSE, AUX_SIZE, AUX],
            ResortRestrictionRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R980 R981 R982",
            &[NONE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            ResortRestrictionRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn seek_entries_request() {
    let plain =
        SeekEntriesRequest { state: None, target: None, explicit_table: None, columns: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, SeekEntriesRequest<'_>>] = &[
        ("R1421 R1318 R1445 R1034", &[NONE, FALSE, FALSE, FALSE, FALSE, NONE], plain),
        (
            "R1018 R1019 R1021",
            &[NONE, TRUE, STAT, FALSE, FALSE, FALSE, NONE],
            SeekEntriesRequest { state: Some(stat()), ..plain },
        ),
        (
            "R1022 R1023 R1024",
            &[NONE, FALSE, TRUE, b"\x1F\0\x01\x30\xFFa\0\0\0", FALSE, FALSE, NONE],
            SeekEntriesRequest { target: Some(target()), ..plain },
        ),
        (
            "R1025 R1026 R1027 R1028 R1029 R1030",
            &[NONE, FALSE, FALSE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", FALSE, NONE],
            SeekEntriesRequest { explicit_table: Some(ExplicitTable(MinimalEntryIds::new(&IDS))), ..plain },
        ),
        (
            "R1031 R1032 R1033",
            &[NONE, FALSE, FALSE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            SeekEntriesRequest { columns: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
        (
            "R1034 R1035 R1036",
            &[NONE, FALSE, FALSE, FALSE, FALSE, AUX_SIZE, AUX],
            SeekEntriesRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R1034 R1035 R1036",
            &[NONE, FALSE, FALSE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            SeekEntriesRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn update_stat_request() {
    let plain = UpdateStatRequest { state: None, delta_requested: false, auxiliary_buffer: b"" };
    let cases: &[Case<'_, UpdateStatRequest<'_>>] = &[
        ("R1061 R1062 R1063 R1070", &[NONE, FALSE, FALSE, NONE], plain),
        ("R1064 R1065 R1067", &[NONE, TRUE, STAT, FALSE, NONE], UpdateStatRequest { state: Some(stat()), ..plain }),
        ("R1068 R1069 R1424", &[NONE, FALSE, TRUE, NONE], UpdateStatRequest { delta_requested: true, ..plain }),
        (
            "R1070 R1071 R1072",
            &[NONE, FALSE, FALSE, AUX_SIZE, AUX],
            UpdateStatRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R1070 R1071 R1072",
            &[NONE, FALSE, FALSE, AUX_17_SIZE, AUX_17],
            UpdateStatRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_mailbox_url_request() {
    let plain = GetMailboxUrlRequest { server_dn: Utf16::default(), auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetMailboxUrlRequest<'_>>] = &[
        ("R1091 R1092 R1093 R1095", &[NONE, b"\0\0", NONE], plain),
        ("R1094", &[NONE, b"/\0o\0\0\0", NONE], GetMailboxUrlRequest { server_dn: wide(b"/\0o\0"), ..plain }),
        ("R1095 R1096 R1097", &[NONE, b"\0\0", AUX_SIZE, AUX], GetMailboxUrlRequest { auxiliary_buffer: AUX, ..plain }),
        (
            "R1095 R1096 R1097",
            &[NONE, b"\0\0", AUX_17_SIZE, AUX_17],
            GetMailboxUrlRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn get_address_book_url_request() {
    let plain = GetAddressBookUrlRequest { user_dn: Utf16::default(), auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetAddressBookUrlRequest<'_>>] = &[
        ("R1108 R1109 R1110 R1113", &[NONE, b"\0\0", NONE], plain),
        ("R1111 R1112", &[NONE, b"/\0o\0\0\0", NONE], GetAddressBookUrlRequest { user_dn: wide(b"/\0o\0"), ..plain }),
        (
            "R1113 R1114 R1115",
            &[NONE, b"\0\0", AUX_SIZE, AUX],
            GetAddressBookUrlRequest { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R1113 R1114 R1115",
            &[NONE, b"\0\0", AUX_17_SIZE, AUX_17],
            GetAddressBookUrlRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}
