//! The success and failure response bodies.

use bytes::BytesMut;
use oxwire_core::{Decode, Encode, Guid, Limits, Utf16, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    BindResponse, BindSuccess, CompareMIdsResponse, CompareMIdsSuccess, DnToMIdResponse, DnToMIdSuccess, Failure,
    GetAddressBookUrlResponse, GetAddressBookUrlSuccess, GetMailboxUrlResponse, GetMailboxUrlSuccess,
    GetMatchesResponse, GetMatchesSuccess, GetPropListResponse, GetPropListSuccess, GetPropsResponse, GetPropsSuccess,
    GetSpecialTableResponse, GetSpecialTableSuccess, GetTemplateInfoResponse, GetTemplateInfoSuccess, Matches,
    MinimalEntryIds, ModLinkAttResponse, ModLinkAttSuccess, ModPropsResponse, ModPropsSuccess, QueryColumnsResponse,
    QueryColumnsSuccess, QueryRowsResponse, QueryRowsSuccess, ResolveNamesResponse, ResolveNamesSuccess,
    ResortRestrictionResponse, ResortRestrictionSuccess, SeekEntriesResponse, SeekEntriesSuccess, StatAnswer,
    UnbindFailure, UnbindResponse, UnbindSuccess, UpdateStatResponse, UpdateStatSuccess, ValueList, ValueLists,
};
use oxwire_mapi::property::{ErrorCode, PropertyTags};
use std::fmt::Debug;

use super::{
    AUX, AUX_17, AUX_17_SIZE, AUX_SIZE, Case, FALSE, GUID, IDS, LIST, NONE, ROWS, STAT, TAGS, TRUE, check, guid, rows,
    stat, values, wide,
};

/// What every success response body has, with nothing but `$middle` in between: an ErrorCode that is no failure, and an auxiliary
/// buffer. The rows are those of ErrorCode, and those of the auxiliary buffer.
macro_rules! ends {
    ($plain:expr, $middle:expr, $error_code:literal, $auxiliary:literal) => {{
        let middle: &[&[u8]] = $middle;
        let mut coded = $plain;
        coded.error_code = ErrorCode(0x0004_0380);
        check(&($error_code, &[&[NONE, b"\x80\x03\x04\0"], middle, &[NONE]].concat(), coded));
        for (size, auxiliary_buffer) in [(AUX_SIZE, AUX), (AUX_17_SIZE, AUX_17)] {
            let mut with = $plain;
            with.auxiliary_buffer = auxiliary_buffer;
            check(&($auxiliary, &[&[NONE, NONE], middle, &[size, auxiliary_buffer]].concat(), with));
        }
    }};
}

#[test]
fn bind_success() {
    let plain = BindSuccess { error_code: ErrorCode::SUCCESS, server_guid: Guid::NIL, auxiliary_buffer: b"" };
    let cases: &[Case<'_, BindSuccess<'_>>] = &[
        ("R346 R347 R350", &[NONE, NONE, &[0; 16], NONE], plain),
        ("R349", &[NONE, NONE, GUID, NONE], BindSuccess { server_guid: guid(), ..plain }),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[&[0; 16]], "R348", "R350 R351 R352");
}

#[test]
fn unbind_success() {
    let plain = UnbindSuccess { error_code: ErrorCode::SUCCESS, auxiliary_buffer: b"" };
    let cases: &[Case<'_, UnbindSuccess<'_>>] = &[("R367 R1291 R369", &[NONE, NONE, NONE], plain)];
    cases.iter().for_each(check);
    ends!(plain, &[], "R368", "R369 R370 R371");
}

#[test]
fn compare_mids_success() {
    let plain = CompareMIdsSuccess { error_code: ErrorCode::SUCCESS, result: 0, auxiliary_buffer: b"" };
    let cases: &[Case<'_, CompareMIdsSuccess<'_>>] = &[
        ("R399 R1290 R402", &[NONE, NONE, NONE, NONE], plain),
        (
            "R401 R2109 R2110 R2111 R2112",
            &[NONE, NONE, b"\xFF\xFF\xFF\xFF", NONE],
            CompareMIdsSuccess { result: -1, ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[NONE], "R400", "R402 R403 R404");
}

#[test]
fn dn_to_mid_success() {
    let plain = DnToMIdSuccess { error_code: ErrorCode::SUCCESS, minimal_ids: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, DnToMIdSuccess<'_>>] = &[
        ("R1286 R1287 R440", &[NONE, NONE, FALSE, NONE], plain),
        (
            "R431 R432 R433 R1447 R436 R1288 R1289",
            &[NONE, NONE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", NONE],
            DnToMIdSuccess { minimal_ids: Some(MinimalEntryIds::new(&IDS)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE], "R430", "R440 R441 R442");
}

#[test]
fn get_matches_success() {
    let mut out = BytesMut::new();
    let rows = rows(&mut out);
    let plain = GetMatchesSuccess {
        error_code: ErrorCode::SUCCESS,
        state: None,
        minimal_ids: None,
        rows: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetMatchesSuccess<'_>>] = &[
        ("R524 R525 R555", &[NONE, NONE, FALSE, FALSE, FALSE, NONE], plain),
        (
            "R527 R528 R530 R1449",
            &[NONE, NONE, TRUE, STAT, FALSE, FALSE, NONE],
            GetMatchesSuccess { state: Some(StatAnswer::received(stat())), ..plain },
        ),
        (
            "R533 R516 R534 R535 R1450 R538 R539 R1294",
            &[NONE, NONE, FALSE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", FALSE, NONE],
            GetMatchesSuccess { minimal_ids: Some(Matches::received(MinimalEntryIds::new(&IDS))), ..plain },
        ),
        (
            "R542 R543 R544 R1451 R547 R545 R548 R551 R552 R1296",
            &[NONE, NONE, FALSE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", ROWS, NONE],
            GetMatchesSuccess { rows: Some(rows), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE, FALSE, FALSE], "R526", "R555 R556 R557");
}

#[test]
fn get_prop_list_success() {
    let plain = GetPropListSuccess { error_code: ErrorCode::SUCCESS, property_tags: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetPropListSuccess<'_>>] = &[
        ("R579 R580 R587", &[NONE, NONE, FALSE, NONE], plain),
        (
            "R582 R583 R584 R1297",
            &[NONE, NONE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            GetPropListSuccess { property_tags: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE], "R581", "R587 R588 R589");
}

#[test]
fn get_props_success() {
    let values = values();
    let plain =
        GetPropsSuccess { error_code: ErrorCode::SUCCESS, code_page: 0, property_values: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetPropsSuccess<'_>>] = &[
        ("R619 R620 R628", &[NONE, NONE, NONE, FALSE, NONE], plain),
        ("R622", &[NONE, NONE, b"\x78\x56\x34\x12", FALSE, NONE], GetPropsSuccess { code_page: 0x1234_5678, ..plain }),
        (
            "R623 R624 R626 R627",
            &[NONE, NONE, NONE, TRUE, LIST, NONE],
            GetPropsSuccess { property_values: Some(ValueList::new(&values)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[NONE, FALSE], "R621", "R628 R629 R630");
}

#[test]
fn get_special_table_success() {
    let values = values();
    let lists = [ValueList::new(&values), ValueList::new(&[])];
    let plain = GetSpecialTableSuccess {
        error_code: ErrorCode::SUCCESS,
        code_page: 0,
        version: None,
        rows: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetSpecialTableSuccess<'_>>] = &[
        ("R664 R665 R680", &[NONE, NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R667",
            &[NONE, NONE, b"\x78\x56\x34\x12", FALSE, FALSE, NONE],
            GetSpecialTableSuccess { code_page: 0x1234_5678, ..plain },
        ),
        (
            "R668 R669 R670 R671",
            &[NONE, NONE, NONE, TRUE, b"\x07\0\0\0", FALSE, NONE],
            GetSpecialTableSuccess { version: Some(7), ..plain },
        ),
        (
            "R672 R673 R675 R1452 R677 R678 R679",
            &[NONE, NONE, NONE, FALSE, TRUE, b"\x02\0\0\0", LIST, b"\0\0\0\0", NONE],
            GetSpecialTableSuccess { rows: Some(ValueLists::new(&lists)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[NONE, FALSE, FALSE], "R666", "R680 R681 R682");
}

#[test]
fn get_template_info_success() {
    let values = values();
    let plain =
        GetTemplateInfoSuccess { error_code: ErrorCode::SUCCESS, code_page: 0, row: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetTemplateInfoSuccess<'_>>] = &[
        ("R713 R714 R721", &[NONE, NONE, NONE, FALSE, NONE], plain),
        (
            "R716",
            &[NONE, NONE, b"\x78\x56\x34\x12", FALSE, NONE],
            GetTemplateInfoSuccess { code_page: 0x1234_5678, ..plain },
        ),
        (
            "R717 R718 R719 R720",
            &[NONE, NONE, NONE, TRUE, LIST, NONE],
            GetTemplateInfoSuccess { row: Some(ValueList::new(&values)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[NONE, FALSE], "R715", "R721 R722 R723");
}

#[test]
fn mod_link_att_success() {
    let plain = ModLinkAttSuccess { error_code: ErrorCode::SUCCESS, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ModLinkAttSuccess<'_>>] = &[("R757 R758 R760", &[NONE, NONE, NONE], plain)];
    cases.iter().for_each(check);
    ends!(plain, &[], "R759", "R760 R761 R762");
}

#[test]
fn mod_props_success() {
    let plain = ModPropsSuccess { error_code: ErrorCode::SUCCESS, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ModPropsSuccess<'_>>] = &[("R796 R797 R799", &[NONE, NONE, NONE], plain)];
    cases.iter().for_each(check);
    ends!(plain, &[], "R798", "R799 R800 R801");
}

#[test]
fn query_rows_success() {
    let mut out = BytesMut::new();
    let rows = rows(&mut out);
    let plain = QueryRowsSuccess { error_code: ErrorCode::SUCCESS, state: None, rows: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, QueryRowsSuccess<'_>>] = &[
        ("R843 R844 R862", &[NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R846 R847 R850 R851",
            &[NONE, NONE, TRUE, STAT, FALSE, NONE],
            QueryRowsSuccess { state: Some(StatAnswer::received(stat())), ..plain },
        ),
        (
            "R852 R853 R854 R855 R856 R857 R858 R859 R860 R861",
            &[NONE, NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", ROWS, NONE],
            QueryRowsSuccess { rows: Some(rows), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE, FALSE], "R845", "R862 R863 R864");
}

#[test]
fn query_columns_success() {
    let plain = QueryColumnsSuccess { error_code: ErrorCode::SUCCESS, columns: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, QueryColumnsSuccess<'_>>] = &[
        ("R885 R886 R892", &[NONE, NONE, FALSE, NONE], plain),
        (
            "R888 R889 R890 R891",
            &[NONE, NONE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", NONE],
            QueryColumnsSuccess { columns: Some(PropertyTags::new(&TAGS)), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE], "R887", "R892 R893 R894");
}

#[test]
fn resolve_names_success() {
    let mut out = BytesMut::new();
    let rows = rows(&mut out);
    let plain = ResolveNamesSuccess {
        error_code: ErrorCode::SUCCESS,
        code_page: 0,
        minimal_ids: None,
        rows: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, ResolveNamesSuccess<'_>>] = &[
        ("R934 R935 R955", &[NONE, NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R937",
            &[NONE, NONE, b"\x78\x56\x34\x12", FALSE, FALSE, NONE],
            ResolveNamesSuccess { code_page: 0x1234_5678, ..plain },
        ),
        (
            "R938 R939 R940 R941 R942 R943 R944",
            &[NONE, NONE, NONE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", FALSE, NONE],
            ResolveNamesSuccess { minimal_ids: Some(MinimalEntryIds::new(&IDS)), ..plain },
        ),
        (
            "R945 R946 R947 R948 R949 R950 R951 R952 R953 R954",
            &[NONE, NONE, NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", ROWS, NONE],
            ResolveNamesSuccess { rows: Some(rows), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[NONE, FALSE, FALSE], "R936", "R955 R956 R957");
}

#[test]
fn resort_restriction_success() {
    let plain = ResortRestrictionSuccess {
        error_code: ErrorCode::SUCCESS,
        state: None,
        minimal_ids: None,
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, ResortRestrictionSuccess<'_>>] = &[
        ("R993 R994 R1009", &[NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R996 R997 R999 R1000",
            &[NONE, NONE, TRUE, STAT, FALSE, NONE],
            ResortRestrictionSuccess { state: Some(StatAnswer::received(stat())), ..plain },
        ),
        (
            "R1001 R1002 R1003 R1004 R1005 R1006 R1007 R1008",
            &[NONE, NONE, FALSE, TRUE, b"\x02\0\0\0\x10\0\0\0\x11\0\0\0", NONE],
            ResortRestrictionSuccess { minimal_ids: Some(Matches::received(MinimalEntryIds::new(&IDS))), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE, FALSE], "R995", "R1009 R1010 R1011");
}

#[test]
fn seek_entries_success() {
    let mut out = BytesMut::new();
    let rows = rows(&mut out);
    let plain = SeekEntriesSuccess { error_code: ErrorCode::SUCCESS, state: None, rows: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, SeekEntriesSuccess<'_>>] = &[
        ("R1038 R1039 R1056", &[NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R1041 R1042 R1044 R1045",
            &[NONE, NONE, TRUE, STAT, FALSE, NONE],
            SeekEntriesSuccess { state: Some(StatAnswer::received(stat())), ..plain },
        ),
        (
            "R1046 R1047 R1048 R1049 R1050 R1051 R1052 R1053 R1054 R1055",
            &[NONE, NONE, FALSE, TRUE, b"\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F", ROWS, NONE],
            SeekEntriesSuccess { rows: Some(rows), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE, FALSE], "R1040", "R1056 R1057 R1058");
}

#[test]
fn update_stat_success() {
    let plain = UpdateStatSuccess { error_code: ErrorCode::SUCCESS, state: None, delta: None, auxiliary_buffer: b"" };
    let cases: &[Case<'_, UpdateStatSuccess<'_>>] = &[
        ("R1074 R1075 R1086", &[NONE, NONE, FALSE, FALSE, NONE], plain),
        (
            "R1077 R1078 R1080 R1081",
            &[NONE, NONE, TRUE, STAT, FALSE, NONE],
            UpdateStatSuccess { state: Some(StatAnswer::received(stat())), ..plain },
        ),
        (
            "R1082 R1083 R1084 R1085",
            &[NONE, NONE, FALSE, TRUE, b"\xFE\xFF\xFF\xFF", NONE],
            UpdateStatSuccess { delta: Some(-2), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[FALSE, FALSE], "R1076", "R1086 R1087 R1088");
}

#[test]
fn get_mailbox_url_success() {
    let plain =
        GetMailboxUrlSuccess { error_code: ErrorCode::SUCCESS, server_url: Utf16::default(), auxiliary_buffer: b"" };
    let cases: &[Case<'_, GetMailboxUrlSuccess<'_>>] = &[
        ("R1099 R1100 R1103", &[NONE, NONE, b"\0\0", NONE], plain),
        ("R1102", &[NONE, NONE, b"h\0s\0\0\0", NONE], GetMailboxUrlSuccess { server_url: wide(b"h\0s\0"), ..plain }),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[b"\0\0"], "R1101", "R1103 R1104 R1105");
}

#[test]
fn get_address_book_url_success() {
    let plain = GetAddressBookUrlSuccess {
        error_code: ErrorCode::SUCCESS,
        server_url: Utf16::default(),
        auxiliary_buffer: b"",
    };
    let cases: &[Case<'_, GetAddressBookUrlSuccess<'_>>] = &[
        ("R1117 R1118 R1121", &[NONE, NONE, b"\0\0", NONE], plain),
        (
            "R1120",
            &[NONE, NONE, b"h\0s\0\0\0", NONE],
            GetAddressBookUrlSuccess { server_url: wide(b"h\0s\0"), ..plain },
        ),
    ];
    cases.iter().for_each(check);
    ends!(plain, &[b"\0\0"], "R1119", "R1121 R1122 R1123");
}

/// A failure response body is told by a StatusCode other than 0. The sections have 0 for it, which is that of a success response body.
fn failure<'de, T: Decode<'de> + Encode + PartialEq + Debug>(rows: &str, make: impl Fn(Failure<'static>) -> T) {
    let plain = Failure { status_code: 5, auxiliary_buffer: b"" };
    check(&(rows, &[&[5, 0, 0, 0], NONE], make(plain)));
    check(&(
        rows,
        &[&[0, 0, 0, 0x80], AUX_SIZE, AUX],
        make(Failure { status_code: 0x8000_0000, auxiliary_buffer: AUX }),
    ));
    check(&(rows, &[&[5, 0, 0, 0], AUX_17_SIZE, AUX_17], make(Failure { auxiliary_buffer: AUX_17, ..plain })));
    assert!(encode_to_bytes(&make(Failure { status_code: 0, ..plain })).is_err(), "{rows}: 0 is success");
    assert!(decode_all::<Failure<'_>>(&[0; 8], &Limits::DEFAULT).is_err(), "{rows}: 0 is success");
}

#[test]
fn failures() {
    failure::<BindResponse<'_>>("R2093 R2094 R2095 R2091", BindResponse::Failure);
    failure::<CompareMIdsResponse<'_>>("R2117 R2118 R2119 R2115", CompareMIdsResponse::Failure);
    failure::<DnToMIdResponse<'_>>("R2125 R2126 R2127 R2123", DnToMIdResponse::Failure);
    failure::<GetMatchesResponse<'_>>("R2132 R2133 R2134 R2130", GetMatchesResponse::Failure);
    failure::<GetPropListResponse<'_>>("R2138 R2139 R2140 R2136", GetPropListResponse::Failure);
    failure::<GetPropsResponse<'_>>("R2144 R2145 R2146 R2142", GetPropsResponse::Failure);
    failure::<GetSpecialTableResponse<'_>>("R2150 R2151 R2152 R2148", GetSpecialTableResponse::Failure);
    failure::<GetTemplateInfoResponse<'_>>("R2156 R2157 R2158 R2154", GetTemplateInfoResponse::Failure);
    failure::<ModLinkAttResponse<'_>>("R2162 R2163 R2164 R2160", ModLinkAttResponse::Failure);
    failure::<ModPropsResponse<'_>>("R2168 R2169 R2170 R2166", ModPropsResponse::Failure);
    failure::<QueryRowsResponse<'_>>("R2174 R2175 R2176 R2172", QueryRowsResponse::Failure);
    failure::<QueryColumnsResponse<'_>>("R2180 R2181 R2182 R2178", QueryColumnsResponse::Failure);
    failure::<ResolveNamesResponse<'_>>("R2191 R2192 R2193 R2189", ResolveNamesResponse::Failure);
    failure::<ResortRestrictionResponse<'_>>("R2197 R2198 R2199 R2195", ResortRestrictionResponse::Failure);
    failure::<SeekEntriesResponse<'_>>("R2203 R2204 R2205 R2201", SeekEntriesResponse::Failure);
    failure::<UpdateStatResponse<'_>>("R2209 R2210 R2211 R2207", UpdateStatResponse::Failure);
    failure::<GetMailboxUrlResponse<'_>>("R2215 R2216 R2217 R2213", GetMailboxUrlResponse::Failure);
    failure::<GetAddressBookUrlResponse<'_>>("R2221 R2222 R2223 R2219", GetAddressBookUrlResponse::Failure);
}

#[test]
fn unbind_failure() {
    let plain = UnbindFailure { status_code: 5, error_code: ErrorCode::SUCCESS, auxiliary_buffer: b"" };
    let cases: &[(&str, &[&[u8]], UnbindFailure<'_>)] = &[
        ("R2100 R2104", &[&[5, 0, 0, 0], NONE, NONE], plain),
        ("R2102", &[&[5, 0, 0, 0], &[2, 0, 0, 0], NONE], UnbindFailure { error_code: ErrorCode(2), ..plain }),
        ("R2105 R2106", &[&[5, 0, 0, 0], NONE, AUX_SIZE, AUX], UnbindFailure { auxiliary_buffer: AUX, ..plain }),
        (
            "R2105 R2106",
            &[&[5, 0, 0, 0], NONE, AUX_17_SIZE, AUX_17],
            UnbindFailure { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    for (rows, fields, value) in cases {
        let wire = fields.concat();
        assert_eq!(encode_to_bytes(&UnbindResponse::Failure(*value)).as_deref(), Ok(&wire[..]), "{rows}");
        let read = decode_all::<UnbindResponse<'_>>(&wire, &Limits::DEFAULT);
        assert_eq!(read, Ok(UnbindResponse::Failure(*value)), "{rows}");
    }
    // Laid out as every other request type's, without ErrorCode.
    let short = decode_all::<UnbindFailure<'_>>(&[5, 0, 0, 0, 0, 0, 0, 0], &Limits::DEFAULT);
    assert_eq!(short, Ok(plain));
}
