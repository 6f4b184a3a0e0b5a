//! The calls: [MS-OXNSPI] 3.1.4.1.

use oxwire_core::{Guid, Limits};
use oxwire_mapi::nspi::{
    BindFlags, CompareMIdsRequest, CompareMIdsSuccess, DisplayType, DnToMIdRequest, DnToMIdSuccess, EntryIds,
    ExplicitTable, GetMatchesSuccess, GetPropListRequest, GetPropListSuccess, GetPropsRequest, GetPropsSuccess,
    GetSpecialTableRequest, GetSpecialTableSuccess, GetTemplateInfoRequest, GetTemplateInfoSuccess, Matches,
    MinimalEntryId, ModLinkAttRequest, ModLinkAttSuccess, ModLinkFlags, ModPropsRequest, ModPropsSuccess,
    PropertyFlags, QueryColumnsFlags, QueryColumnsRequest, QueryColumnsSuccess, QueryRowsRequest, QueryRowsSuccess,
    ResolveNamesSuccess, ResortRestrictionRequest, ResortRestrictionSuccess, SeekEntriesRequest, SeekEntriesSuccess,
    SpecialTableFlags, Strings, TemplateFlags, UNBIND_SUCCESS, UpdateStatRequest, UpdateStatSuccess, WideStrings,
};
use oxwire_mapi::property::{ErrorCode, PropertyTag};
use oxwire_mapirpc::nspi::{
    BindRequest, BindResponse, GetMatchesRequest, Request, ResolveNamesRequest, Response, UnbindRequest, UnbindResponse,
};
use oxwire_rpc::ndr::{ContextHandle, decode_stub, encode_stub};

use super::{
    AUX, BINARIES, EXIST, GUID, HANDLE, IDS, IDS_R, IDS_W, LE, OK, PTR0, PTR1, PTR2, PTR3, ROW, ROW1, ROWS, STAT,
    STRING, STRINGS, STRINGS1, TAGS_R, TARGET, WSTRINGS1, ZERO, answered, handle, ids, list, lists, matches, request,
    rows, stat, tags, target,
};

#[test]
fn calls() {
    call!(
        BindRequest,
        "3.1.4.1.1",
        &[
            ("MS-OXNSPI_R1669 MS-OXNSPI_R669 MS-OXNSPI_R670 MS-OXNSPI_R689", &[0x20, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R672", STAT),
            ("MS-OXNSPI_R674", PTR0),
            ("", &[7; 16])
        ],
        BindRequest { flags: BindFlags::ANONYMOUS_LOGIN, stat: stat(), server_guid: Some(GUID) }
    );
    call!(
        BindResponse,
        "3.1.4.1.1",
        &[("", PTR0), ("", &[7; 16]), ("MS-OXNSPI_R675", HANDLE), ("MS-OXNSPI_R676", ZERO)],
        BindResponse { server_guid: Some(GUID), handle: handle(), error_code: OK }
    );
    call!(
        UnbindRequest,
        "3.1.4.1.2",
        &[("MS-OXNSPI_R1672", HANDLE), ("MS-OXNSPI_R704", ZERO)],
        UnbindRequest { handle: handle() }
    );
    call!(
        UnbindResponse,
        "3.1.4.1.2",
        &[("MS-OXNSPI_R716", &[0; 20]), ("MS-OXNSPI_R706 MS-OXNSPI_R712", &[0x01, 0x00, 0x00, 0x00])],
        UnbindResponse { handle: ContextHandle::NIL, error_code: UNBIND_SUCCESS }
    );
    call!(
        Request<UpdateStatRequest<'_>>,
        "3.1.4.1.4",
        &[
            ("MS-OXNSPI_R1675 MS-OXNSPI_R769", HANDLE),
            ("MS-OXNSPI_R770 MS-OXNSPI_R771", ZERO),
            ("MS-OXNSPI_R773", STAT),
            ("", PTR0),
            ("", ZERO)
        ],
        request(UpdateStatRequest { state: Some(stat()), delta_requested: true, auxiliary_buffer: AUX })
    );
    call!(
        Response<UpdateStatSuccess<'_>>,
        "3.1.4.1.4",
        &[("", STAT), ("", PTR0), ("", &[0xFE, 0xFF, 0xFF, 0xFF]), ("MS-OXNSPI_R776", ZERO)],
        Response(UpdateStatSuccess { error_code: OK, state: answered(), delta: Some(-2), auxiliary_buffer: AUX })
    );
    call!(
        Request<QueryRowsRequest<'_>>,
        "3.1.4.1.8",
        &[
            ("MS-OXNSPI_R1680 MS-OXNSPI_R919", HANDLE),
            ("MS-OXNSPI_R920", &[0x02, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R922", STAT),
            ("MS-OXNSPI_R924 MS-OXNSPI_R925", &[0x02, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R926", PTR0),
            ("", &[0x02, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R347 MS-OXNSPI_R506 MS-OXNSPI_R507 MS-OXNSPI_R957", IDS_W),
            ("MS-OXNSPI_R927", &[0x16, 0x00, 0x00, 0x00]),
            ("", PTR1),
            ("", TAGS_R)
        ],
        request(QueryRowsRequest {
            flags: PropertyFlags::EPHEMERAL_IDS,
            state: Some(stat()),
            explicit_table: ExplicitTable(ids()),
            row_count: 22,
            columns: Some(tags()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<QueryRowsSuccess<'_>>,
        "3.1.4.1.8",
        &[("", STAT), ("MS-OXNSPI_R929", PTR0), ("", ROWS), ("MS-OXNSPI_R931", ZERO)],
        Response(QueryRowsSuccess { error_code: OK, state: answered(), rows: Some(rows()), auxiliary_buffer: AUX })
    );
    call!(
        Request<SeekEntriesRequest<'_>>,
        "3.1.4.1.9",
        &[
            ("MS-OXNSPI_R1681 MS-OXNSPI_R1000", HANDLE),
            ("MS-OXNSPI_R1001", ZERO),
            ("", STAT),
            ("MS-OXNSPI_R1005 MS-OXNSPI_R469", TARGET),
            ("MS-OXNSPI_R1006 MS-OXNSPI_R1007", PTR1),
            ("MS-OXNSPI_R506 MS-OXNSPI_R507", IDS_R),
            ("MS-OXNSPI_R1008", PTR2),
            ("", TAGS_R)
        ],
        request(SeekEntriesRequest {
            state: Some(stat()),
            target: Some(target()),
            explicit_table: Some(ExplicitTable(ids())),
            columns: Some(tags()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<SeekEntriesSuccess<'_>>,
        "3.1.4.1.9",
        &[("", STAT), ("MS-OXNSPI_R1010", PTR0), ("", ROWS), ("MS-OXNSPI_R1012", ZERO)],
        Response(SeekEntriesSuccess { error_code: OK, state: answered(), rows: Some(rows()), auxiliary_buffer: AUX })
    );
    call!(
        GetMatchesRequest<'_>,
        "3.1.4.1.10",
        &[
            ("MS-OXNSPI_R1682 MS-OXNSPI_R1079", HANDLE),
            ("MS-OXNSPI_R1080", ZERO),
            ("MS-OXNSPI_R1081", STAT),
            ("MS-OXNSPI_R1082", ZERO),
            ("MS-OXNSPI_R1083", ZERO),
            ("MS-OXNSPI_R1085 MS-OXNSPI_R1086", PTR0),
            ("", EXIST),
            ("MS-OXNSPI_R1087", PTR1),
            ("MS-OXNSPI_R286 MS-OXNSPI_R287 MS-OXNSPI_R1583 MS-OXNSPI_R288 MS-OXNSPI_R1134", PTR2),
            ("MS-OXNSPI_R290 MS-OXNSPI_R291", ZERO),
            ("MS-OXNSPI_R292 MS-OXNSPI_R293", &[0x09, 0x80, 0x00, 0x00]),
            ("MS-OXNSPI_R289", &[7; 16]),
            ("MS-OXNSPI_R1089 MS-OXNSPI_R1090", &[0x32, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1093 MS-OXNSPI_R1094", PTR3),
            ("", TAGS_R)
        ],
        matches()
    );
    call!(
        Response<GetMatchesSuccess<'_>>,
        "3.1.4.1.10",
        &[
            ("", STAT),
            ("MS-OXNSPI_R1091 MS-OXNSPI_R1092", PTR0),
            ("", IDS_R),
            ("MS-OXNSPI_R1095", ZERO),
            ("MS-OXNSPI_R1097", ZERO)
        ],
        Response(GetMatchesSuccess {
            error_code: OK,
            state: answered(),
            minimal_ids: Some(Matches::received(ids())),
            rows: None,
            auxiliary_buffer: AUX
        })
    );
    call!(
        Request<ResortRestrictionRequest<'_>>,
        "3.1.4.1.11",
        &[
            ("MS-OXNSPI_R1683 MS-OXNSPI_R1169", HANDLE),
            ("MS-OXNSPI_R1170", ZERO),
            ("MS-OXNSPI_R1172", STAT),
            ("MS-OXNSPI_R1173 MS-OXNSPI_R1174", IDS_R),
            ("MS-OXNSPI_R1175", ZERO)
        ],
        request(ResortRestrictionRequest { state: Some(stat()), minimal_ids: Some(ids()), auxiliary_buffer: AUX })
    );
    call!(
        Response<ResortRestrictionSuccess<'_>>,
        "3.1.4.1.11",
        &[("", STAT), ("", PTR0), ("", IDS_R), ("MS-OXNSPI_R1177", ZERO)],
        Response(ResortRestrictionSuccess {
            error_code: OK,
            state: answered(),
            minimal_ids: Some(Matches::received(ids())),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Request<GetSpecialTableRequest<'_>>,
        "3.1.4.1.3",
        &[
            ("MS-OXNSPI_R1674 MS-OXNSPI_R719", HANDLE),
            ("MS-OXNSPI_R720", &[0x04, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R722", STAT),
            ("MS-OXNSPI_R724 MS-OXNSPI_R725 MS-OXNSPI_R747", &[0x07, 0x00, 0x00, 0x00])
        ],
        request(GetSpecialTableRequest {
            flags: SpecialTableFlags::UNICODE_STRINGS,
            state: Some(stat()),
            version: Some(7),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<GetSpecialTableSuccess<'_>>,
        "3.1.4.1.3",
        &[("", &[0x08, 0x00, 0x00, 0x00]), ("MS-OXNSPI_R726", PTR0), ("", ROWS), ("MS-OXNSPI_R728", ZERO)],
        Response(GetSpecialTableSuccess {
            error_code: OK,
            code_page: 0,
            version: Some(8),
            rows: Some(lists()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Request<GetPropListRequest<'_>>,
        "3.1.4.1.6",
        &[
            ("MS-OXNSPI_R1678 MS-OXNSPI_R829", HANDLE),
            ("MS-OXNSPI_R830", &[0x01, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R832", &[0x10, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R833 MS-OXNSPI_R441", &[0xE4, 0x04, 0x00, 0x00])
        ],
        request(GetPropListRequest {
            flags: PropertyFlags::SKIP_OBJECTS,
            minimal_id: MinimalEntryId(0x10),
            code_page: 1252,
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<GetPropListSuccess<'_>>,
        "3.1.4.1.6",
        &[("MS-OXNSPI_R834", PTR0), ("", TAGS_R), ("MS-OXNSPI_R836", ZERO)],
        Response(GetPropListSuccess { error_code: OK, property_tags: Some(tags()), auxiliary_buffer: AUX })
    );
    call!(
        Request<GetPropsRequest<'_>>,
        "3.1.4.1.7",
        &[
            ("MS-OXNSPI_R1679 MS-OXNSPI_R860", HANDLE),
            ("MS-OXNSPI_R861", &[0x02, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R863", STAT),
            ("MS-OXNSPI_R865", PTR0),
            ("", TAGS_R)
        ],
        request(GetPropsRequest {
            flags: PropertyFlags::EPHEMERAL_IDS,
            state: Some(stat()),
            property_tags: Some(tags()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<GetPropsSuccess<'_>>,
        "3.1.4.1.7",
        &[("MS-OXNSPI_R867 MS-OXNSPI_R868", PTR0), ("", ROW), ("MS-OXNSPI_R869", ZERO)],
        Response(GetPropsSuccess {
            error_code: OK,
            code_page: 0,
            property_values: Some(list()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Request<CompareMIdsRequest<'_>>,
        "3.1.4.1.12",
        &[
            ("MS-OXNSPI_R1684 MS-OXNSPI_R1211", HANDLE),
            ("MS-OXNSPI_R1212", ZERO),
            ("MS-OXNSPI_R1214", STAT),
            ("MS-OXNSPI_R1215", &[0x10, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1216", &[0x11, 0x00, 0x00, 0x00])
        ],
        request(CompareMIdsRequest {
            state: Some(stat()),
            minimal_id_1: MinimalEntryId(0x10),
            minimal_id_2: MinimalEntryId(0x11),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<CompareMIdsSuccess<'_>>,
        "3.1.4.1.12",
        &[("MS-OXNSPI_R1217", &[0xFF; 4]), ("MS-OXNSPI_R1219", ZERO)],
        Response(CompareMIdsSuccess { error_code: OK, result: -1, auxiliary_buffer: AUX })
    );
    call!(
        Request<DnToMIdRequest<'_>>,
        "3.1.4.1.13",
        &[
            ("MS-OXNSPI_R1685 MS-OXNSPI_R1244", HANDLE),
            ("MS-OXNSPI_R1245", ZERO),
            ("MS-OXNSPI_R1247 MS-OXNSPI_R1248", STRINGS)
        ],
        request(DnToMIdRequest { names: Some(Strings::new(&[b"/o=A"])), auxiliary_buffer: AUX })
    );
    call!(
        Response<DnToMIdSuccess<'_>>,
        "3.1.4.1.13",
        &[("MS-OXNSPI_R1249", PTR0), ("", IDS_R), ("MS-OXNSPI_R1251", ZERO)],
        Response(DnToMIdSuccess { error_code: OK, minimal_ids: Some(ids()), auxiliary_buffer: AUX })
    );
    call!(
        Request<ModPropsRequest<'_>>,
        "3.1.4.1.14",
        &[
            ("MS-OXNSPI_R1686 MS-OXNSPI_R1269", HANDLE),
            ("MS-OXNSPI_R1270", ZERO),
            ("MS-OXNSPI_R1271", STAT),
            ("MS-OXNSPI_R1272", PTR0),
            ("", TAGS_R),
            ("MS-OXNSPI_R1274 MS-OXNSPI_R1275", ROW1)
        ],
        request(ModPropsRequest {
            state: Some(stat()),
            property_tags: Some(tags()),
            property_values: Some(list()),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<ModPropsSuccess<'_>>,
        "3.1.4.1.14",
        &[("MS-OXNSPI_R1276", ZERO)],
        Response(ModPropsSuccess { error_code: OK, auxiliary_buffer: AUX })
    );
    call!(
        Request<ModLinkAttRequest<'_>>,
        "3.1.4.1.15",
        &[
            ("MS-OXNSPI_R1687 MS-OXNSPI_R1308", HANDLE),
            ("MS-OXNSPI_R1309", &[0x01, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1311", b"\x0D\0\x09\x80"),
            ("", &[0x10, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1314 MS-OXNSPI_R1316", BINARIES)
        ],
        request(ModLinkAttRequest {
            flags: ModLinkFlags::DELETE,
            property_tag: PropertyTag(0x8009_000D),
            minimal_id: MinimalEntryId(0x10),
            entry_ids: Some(EntryIds::new(&[b"abcd"])),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<ModLinkAttSuccess<'_>>,
        "3.1.4.1.15",
        &[("MS-OXNSPI_R1317", ZERO)],
        Response(ModLinkAttSuccess { error_code: OK, auxiliary_buffer: AUX })
    );
    call!(
        Request<QueryColumnsRequest<'_>>,
        "3.1.4.1.5",
        &[
            ("MS-OXNSPI_R1677 MS-OXNSPI_R803", HANDLE),
            ("MS-OXNSPI_R804", ZERO),
            ("MS-OXNSPI_R806", &[0x00, 0x00, 0x00, 0x80])
        ],
        request(QueryColumnsRequest { mapi_flags: QueryColumnsFlags::UNICODE_PROPTYPES, auxiliary_buffer: AUX })
    );
    call!(
        Response<QueryColumnsSuccess<'_>>,
        "3.1.4.1.5",
        &[("MS-OXNSPI_R808 MS-OXNSPI_R809", PTR0), ("", TAGS_R), ("MS-OXNSPI_R810", ZERO)],
        Response(QueryColumnsSuccess { error_code: OK, columns: Some(tags()), auxiliary_buffer: AUX })
    );
    call!(
        Request<GetTemplateInfoRequest<'_>>,
        "3.1.4.1.18",
        &[
            ("MS-OXNSPI_R1690 MS-OXNSPI_R1445", HANDLE),
            ("MS-OXNSPI_R1446", &[0x04, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1448", &[0x06, 0x00, 0x00, 0x00]),
            ("MS-OXNSPI_R1450 MS-OXNSPI_R1451", PTR0),
            ("MS-OXNSPI_R1474", STRING),
            ("MS-OXNSPI_R1452 MS-OXNSPI_R441", &[0, 0, 0, 0xE4, 4, 0, 0]),
            ("MS-OXNSPI_R1454", &[0x09, 0x04, 0x00, 0x00])
        ],
        request(GetTemplateInfoRequest {
            flags: TemplateFlags::SCRIPT,
            display_type: DisplayType::REMOTE_MAILUSER,
            template_dn: Some(b"/o=A"),
            code_page: 1252,
            locale_id: 0x0409,
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<GetTemplateInfoSuccess<'_>>,
        "3.1.4.1.18",
        &[("MS-OXNSPI_R1456", PTR0), ("", ROW), ("MS-OXNSPI_R1458", ZERO)],
        Response(GetTemplateInfoSuccess { error_code: OK, code_page: 0, row: Some(list()), auxiliary_buffer: AUX })
    );
    call!(
        ResolveNamesRequest<'_>,
        "3.1.4.1.16",
        &[
            ("MS-OXNSPI_R1688 MS-OXNSPI_R1344", HANDLE),
            ("MS-OXNSPI_R1345", ZERO),
            ("MS-OXNSPI_R1346", STAT),
            ("MS-OXNSPI_R1347", PTR0),
            ("", TAGS_R),
            ("MS-OXNSPI_R1348 MS-OXNSPI_R1349 MS-OXNSPI_R471 MS-OXNSPI_R658", STRINGS1)
        ],
        ResolveNamesRequest {
            handle: handle(),
            stat: stat(),
            property_tags: Some(tags()),
            names: Strings::new(&[b"/o=A"])
        }
    );
    call!(
        Response<ResolveNamesSuccess<'_>>,
        "3.1.4.1.16",
        &[("MS-OXNSPI_R1351", PTR0), ("", IDS_R), ("MS-OXNSPI_R1353 MS-OXNSPI_R1354", ZERO), ("MS-OXNSPI_R1355", ZERO)],
        Response(ResolveNamesSuccess {
            error_code: OK,
            code_page: 0,
            minimal_ids: Some(ids()),
            rows: None,
            auxiliary_buffer: AUX
        })
    );
    call!(
        Request<oxwire_mapi::nspi::ResolveNamesRequest<'_>>,
        "3.1.4.1.17",
        &[
            ("MS-OXNSPI_R1689 MS-OXNSPI_R1396", HANDLE),
            ("MS-OXNSPI_R1397", ZERO),
            ("MS-OXNSPI_R1398", STAT),
            ("MS-OXNSPI_R1399", PTR0),
            ("", TAGS_R),
            ("MS-OXNSPI_R1400 MS-OXNSPI_R472 MS-OXNSPI_R660", WSTRINGS1)
        ],
        request(oxwire_mapi::nspi::ResolveNamesRequest {
            state: Some(stat()),
            property_tags: Some(tags()),
            names: Some(WideStrings::new(&["\u{EB}"])),
            auxiliary_buffer: AUX
        })
    );
    call!(
        Response<ResolveNamesSuccess<'_>>,
        "3.1.4.1.17",
        &[
            ("MS-OXNSPI_R1403 MS-OXNSPI_R1650", PTR0),
            ("", IDS_R),
            ("MS-OXNSPI_R1404 MS-OXNSPI_R1405", ZERO),
            ("MS-OXNSPI_R1406", ZERO)
        ],
        Response(ResolveNamesSuccess {
            error_code: OK,
            code_page: 0,
            minimal_ids: Some(ids()),
            rows: None,
            auxiliary_buffer: AUX
        })
    );
}

/// Fields that a server ignores: another value there is the same request.
#[test]
fn reserved_parameters_are_ignored() {
    fn same<T>(rows: &str, at: usize, value: &T, read: impl Fn(&[u8]) -> String)
    where
        T: oxwire_rpc::ndr::NdrEncode + std::fmt::Debug,
    {
        let mut stub = encode_stub(value).unwrap().to_vec();
        stub[at..at + 4].copy_from_slice(&[0, 0, 0, 0x80]);
        assert_eq!(read(&stub), format!("{value:?}"), "{rows}");
    }
    macro_rules! same {
        ($rows:literal, $type:ty, $at:expr, $value:expr) => {
            same($rows, $at, &$value, |stub| {
                format!("{:?}", decode_stub::<$type>(stub, LE, &Limits::DEFAULT).unwrap().0)
            })
        };
    }
    let state = Some(stat());
    same!("MS-OXNSPI_R1673", UnbindRequest, 20, UnbindRequest { handle: handle() });
    let update = request(UpdateStatRequest { state, delta_requested: true, auxiliary_buffer: AUX });
    same!("MS-OXNSPI_R1676", Request<UpdateStatRequest<'_>>, 20, update);
    same!("MS-OXNSPI_R1872", Request<UpdateStatRequest<'_>>, 64, update);
    let columns = request(QueryColumnsRequest { mapi_flags: QueryColumnsFlags::NONE, auxiliary_buffer: AUX });
    same!("MS-OXNSPI_R1922", Request<QueryColumnsRequest<'_>>, 20, columns);
    let seek = request(SeekEntriesRequest {
        state,
        target: Some(target()),
        explicit_table: None,
        columns: None,
        auxiliary_buffer: AUX,
    });
    same!("MS-OXNSPI_R1702", Request<SeekEntriesRequest<'_>>, 20, seek);
    let mut bare = matches();
    (bare.filter, bare.body.property_name, bare.body.columns) = (None, None, None);
    same!("MS-OXNSPI_R1899", GetMatchesRequest<'_>, 64, bare);
    let resort = request(ResortRestrictionRequest { state, minimal_ids: Some(ids()), auxiliary_buffer: AUX });
    same!("MS-OXNSPI_R1915", Request<ResortRestrictionRequest<'_>>, 20, resort);
    let mut stub = encode_stub(&resort).unwrap().to_vec();
    stub.truncate(stub.len() - 4);
    stub.extend_from_slice(&[PTR0, TAGS_R].concat());
    let (read, _) = decode_stub::<Request<ResortRestrictionRequest<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
    assert_eq!(read, resort, "{}", "MS-OXNSPI_R1870");
    let compare =
        request(CompareMIdsRequest { state, minimal_id_1: IDS[0], minimal_id_2: IDS[1], auxiliary_buffer: AUX });
    same!("MS-OXNSPI_R1699", Request<CompareMIdsRequest<'_>>, 20, compare);
    let names = request(DnToMIdRequest { names: Some(Strings::new(&[b"/o=A"])), auxiliary_buffer: AUX });
    same!("MS-OXNSPI_R1700", Request<DnToMIdRequest<'_>>, 20, names);
}

/// What a server answers when it returns a failure, whatever it was given: null, and the STAT as it came.
#[test]
fn a_failure_returns_null_and_leaves_the_stat() {
    let error_code = ErrorCode::GENERAL_FAILURE;
    let failure = error_code.0.to_le_bytes();
    let state = answered();
    let minimal_ids = Some(Matches::received(ids()));
    let (rows, property_tags) = (Some(rows()), Some(tags()));
    macro_rules! returns {
        ($ids:literal, $parts:expr, $body:expr) => {
            assert_eq!(encode_stub(&Response($body)).unwrap()[..], [$parts, &failure].concat()[..], $ids)
        };
    }
    let one = [STAT, ZERO].concat();
    let two = [STAT, ZERO, ZERO].concat();
    returns!("MS-OXNSPI_R784", &one[..], UpdateStatSuccess { error_code, state, delta: None, auxiliary_buffer: AUX });
    returns!(
        "MS-OXNSPI_R943 MS-OXNSPI_R1762",
        &one[..],
        QueryRowsSuccess { error_code, state, rows, auxiliary_buffer: AUX }
    );
    returns!(
        "MS-OXNSPI_R1630 MS-OXNSPI_R1631",
        &one[..],
        SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer: AUX }
    );
    returns!(
        "MS-OXNSPI_R1635 MS-OXNSPI_R1756 MS-OXNSPI_R1636",
        &two[..],
        GetMatchesSuccess { error_code, state, minimal_ids, rows, auxiliary_buffer: AUX }
    );
    returns!(
        "MS-OXNSPI_R1189 MS-OXNSPI_R1757",
        &one[..],
        ResortRestrictionSuccess { error_code, state, minimal_ids, auxiliary_buffer: AUX }
    );
    let special = GetSpecialTableSuccess {
        error_code,
        code_page: 0,
        version: Some(7),
        rows: Some(lists()),
        auxiliary_buffer: AUX,
    };
    returns!("MS-OXNSPI_R736", &[ZERO, ZERO].concat()[..], special);
    returns!("MS-OXNSPI_R840", ZERO, GetPropListSuccess { error_code, property_tags, auxiliary_buffer: AUX });
    let props = GetPropsSuccess { error_code, code_page: 0, property_values: Some(list()), auxiliary_buffer: AUX };
    returns!("MS-OXNSPI_R877", ZERO, props);
    returns!("MS-OXNSPI_R1255", ZERO, DnToMIdSuccess { error_code, minimal_ids: Some(ids()), auxiliary_buffer: AUX });
    returns!("MS-OXNSPI_R814", ZERO, QueryColumnsSuccess { error_code, columns: property_tags, auxiliary_buffer: AUX });
    let template = GetTemplateInfoSuccess { error_code, code_page: 0, row: Some(list()), auxiliary_buffer: AUX };
    returns!("MS-OXNSPI_R1462", ZERO, template);
    let names = ResolveNamesSuccess { error_code, code_page: 0, minimal_ids: Some(ids()), rows, auxiliary_buffer: AUX };
    returns!("MS-OXNSPI_R1367 MS-OXNSPI_R1760 MS-OXNSPI_R1418 MS-OXNSPI_R1761", &[ZERO, ZERO].concat()[..], names);
}

/// [MS-OXNSPI] 2.1, 2.2.10, 3.
#[test]
fn oxnspi_r8_r9_r413_r1592_the_interface_and_its_handle() {
    use oxwire_mapirpc::nspi::NSPI;
    assert_eq!(NSPI.uuid, "f5cc5a18-4264-101a-8c59-08002b2f8426".parse::<Guid>().unwrap());
    assert_eq!(NSPI.version, 56);
    let stub = encode_stub(&UnbindRequest { handle: handle() }).unwrap();
    assert_eq!(stub[..20], *HANDLE);
}
