//! Every call of NSPI and RFR, both directions.

use bytes::BytesMut;
use oxwire_core::{DecodeErrorKind, FileTime, Guid, Limits, Reader, Utf16};
use oxwire_mapi::nspi::{
    BindFlags, ColumnsAndRows, ColumnsAndRowsWriter, CompareMIdsRequest, CompareMIdsSuccess, DisplayType,
    DnToMIdRequest, DnToMIdSuccess, EntryIds, ExplicitTable, GetMatchesSuccess, GetPropListRequest, GetPropListSuccess,
    GetPropsRequest, GetPropsSuccess, GetSpecialTableRequest, GetSpecialTableSuccess, GetTemplateInfoRequest,
    GetTemplateInfoSuccess, Matches, MinimalEntryId, MinimalEntryIds, ModLinkAttRequest, ModLinkAttSuccess,
    ModLinkFlags, ModPropsRequest, ModPropsSuccess, PropertyFlags, PropertyName, QueryColumnsFlags,
    QueryColumnsRequest, QueryColumnsSuccess, QueryRowsRequest, QueryRowsSuccess, ResolveNamesSuccess,
    ResortRestrictionRequest, ResortRestrictionSuccess, SeekEntriesRequest, SeekEntriesSuccess, SpecialTableFlags,
    Stat, StatAnswer, Strings, TaggedValue, TemplateFlags, UNBIND_SUCCESS, UpdateStatRequest, UpdateStatSuccess,
    ValueList, ValueLists, WideStrings,
};
use oxwire_mapi::property::{
    Cell, CountWidth, ErrorCode, Multiple, MultipleBinary, MultipleString8, PropertyTag, PropertyTags,
    PropertyValue as V, Restriction, RestrictionKind,
};
use oxwire_mapirpc::Operation;
use oxwire_mapirpc::nspi::{
    BindRequest, BindResponse, Filter, GetMatchesRequest, NSPI, Request, ResolveNamesRequest, Response, UnbindRequest,
    UnbindResponse,
};
use oxwire_mapirpc::rfr::{
    GetFqdnFromServerDnRequest, GetFqdnFromServerDnResponse, GetNewDsaRequest, GetNewDsaResponse, RFR,
};
use oxwire_rpc::ndr::{ContextHandle, decode_stub, encode_stub};
use oxwire_rpc::pdu::DataRepresentation;

const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
const GUID: Guid = Guid::from_wire([7; 16]);
const OK: ErrorCode = ErrorCode::SUCCESS;
const AUX: &[u8] = b"";

fn handle() -> ContextHandle {
    ContextHandle::new(Guid::from_wire([9; 16]))
}

fn stat() -> Stat {
    Stat { container_id: MinimalEntryId(0x20), delta: -3, total_recs: 9, code_page: 1252, ..Stat::default() }
}

fn answered() -> Option<StatAnswer> {
    Some(StatAnswer::received(stat()))
}

const IDS: [MinimalEntryId; 2] = [MinimalEntryId(0x10), MinimalEntryId(0x11)];
const TIMES: [FileTime; 1] = [FileTime::from_intervals(5)];
const TAGS: [PropertyTag; 2] = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102)];

/// It comes back; every truncation is an error; a flip of a byte is an error or another value, and never a panic.
#[cfg(test)]
macro_rules! comes_back {
    ($type:ty, $value:expr) => {{
        let value: $type = $value;
        let stub = encode_stub(&value).expect(stringify!($type));
        let (read, end) = decode_stub::<$type>(&stub, LE, &Limits::DEFAULT).expect(stringify!($type));
        assert_eq!(read, value, stringify!($type));
        assert_eq!(end, stub.len(), stringify!($type));
        for len in 0..stub.len() {
            let cut = decode_stub::<$type>(&stub[..len], LE, &Limits::DEFAULT);
            assert!(cut.is_err(), "{} cut off at {len}: {cut:?}", stringify!($type));
        }
        for at in 0..stub.len() {
            for mask in [0x01, 0x80, 0xFF] {
                let mut bad = stub.to_vec();
                bad[at] ^= mask;
                let _ = decode_stub::<$type>(&bad, LE, &Limits::DEFAULT).map(|(read, _)| format!("{read:?}"));
            }
        }
        stub
    }};
}

#[test]
fn sessions() {
    for server_guid in [None, Some(GUID)] {
        comes_back!(BindRequest, BindRequest { flags: BindFlags::ANONYMOUS_LOGIN, stat: stat(), server_guid });
        comes_back!(BindResponse, BindResponse { server_guid, handle: handle(), error_code: OK });
    }
    comes_back!(UnbindRequest, UnbindRequest { handle: handle() });
    comes_back!(UnbindResponse, UnbindResponse { handle: ContextHandle::NIL, error_code: UNBIND_SUCCESS });
    for delta_requested in [false, true] {
        let body = UpdateStatRequest { state: Some(stat()), delta_requested, auxiliary_buffer: AUX };
        comes_back!(Request<UpdateStatRequest<'_>>, Request { handle: handle(), body });
    }
    for delta in [None, Some(-22)] {
        let body = UpdateStatSuccess { error_code: OK, state: answered(), delta, auxiliary_buffer: AUX };
        comes_back!(Response<UpdateStatSuccess<'_>>, Response(body));
    }
}

#[cfg(test)]
fn values() -> Vec<TaggedValue<'static>> {
    let value = |id: u32, value| TaggedValue::new(PropertyTag(id << 16), value);
    vec![
        value(0x3001, V::String(Utf16::new(b"o\0d\0d\0").unwrap())),
        value(0x3A00, V::String8(b"al")),
        value(0x0FFE, V::Integer32(6)),
        value(0x3A40, V::Boolean(true)),
        value(0x3A41, V::Integer16(-1)),
        value(0x3002, V::ErrorCode(ErrorCode::NOT_FOUND)),
        value(0x3007, V::Time(FileTime::from_intervals(0x0123_4567_89AB_CDEF))),
        value(0x8C6D, V::Guid(GUID)),
        value(0x0FFF, V::Binary(b"abc")),
        value(0x0FF6, V::Binary(b"")),
        value(0x800F, V::MultipleString8(MultipleString8::new(&[b"smtp:a@b", b""]))),
        value(0x8010, V::MultipleBinary(MultipleBinary::new(&[b"a", b"", b"bcd"]))),
        value(0x8011, V::MultipleInteger32(Multiple::new(&[1, 2, 3]))),
        value(0x8012, V::MultipleInteger16(Multiple::new(&[1, 2, 3]))),
        value(0x8013, V::MultipleGuid(Multiple::new(&[GUID, GUID]))),
        value(0x8014, V::MultipleTime(Multiple::new(&TIMES))),
        value(0x8015, V::Null),
    ]
}

/// Rows as they are read from RPC, so that they can be compared.
#[cfg(test)]
fn read_rows(stub: &[u8]) -> ColumnsAndRows<'_> {
    let (Response(read), _) = decode_stub::<Response<QueryRowsSuccess<'_>>>(stub, LE, &Limits::DEFAULT).unwrap();
    read.rows.unwrap()
}

#[cfg(test)]
fn written_rows() -> Vec<u8> {
    let mut out = BytesMut::new();
    let request = QueryRowsRequest { row_count: 3, ..query_rows() };
    let mut writer = ColumnsAndRowsWriter::new(&mut out, PropertyTags::new(&TAGS), request.row_limit(), usize::MAX);
    let cells = [
        [Cell::Value(V::Str("odd")), Cell::Value(V::Binary(b"x"))],
        [Cell::Absent, Cell::Error(ErrorCode::OUT_OF_MEMORY)],
        [Cell::Value(V::Str("")), Cell::Value(V::Binary(b""))],
    ];
    for row in cells {
        assert_eq!(writer.push(|index, _| row[index]), Ok(true));
    }
    let rows = Some(writer.finish());
    let body = QueryRowsSuccess { error_code: OK, state: answered(), rows, auxiliary_buffer: AUX };
    encode_stub(&Response(body)).unwrap().to_vec()
}

#[cfg(test)]
fn query_rows() -> QueryRowsRequest<'static> {
    QueryRowsRequest {
        flags: PropertyFlags::EPHEMERAL_IDS,
        state: Some(stat()),
        explicit_table: ExplicitTable(MinimalEntryIds::new(&IDS)),
        row_count: 22,
        columns: Some(PropertyTags::new(&TAGS)),
        auxiliary_buffer: AUX,
    }
}

#[test]
fn tables() {
    comes_back!(Request<QueryRowsRequest<'_>>, Request { handle: handle(), body: query_rows() });
    let body = QueryRowsRequest { explicit_table: ExplicitTable::default(), columns: None, ..query_rows() };
    comes_back!(Request<QueryRowsRequest<'_>>, Request { handle: handle(), body });

    let stub = written_rows();
    let rows = read_rows(&stub);
    let cells: Vec<Vec<_>> =
        rows.rows().map(|row| row.unwrap().cells().map(Result::unwrap).collect::<Vec<_>>()).collect();
    let text = |text| Cell::Value(V::String(Utf16::new(text).unwrap()));
    let expected = vec![
        vec![(TAGS[0], text(b"o\0d\0d\0")), (TAGS[1], Cell::Value(V::Binary(b"x")))],
        // What is absent has no form of its own over RPC.
        vec![
            (PropertyTag(0x3001_000A), Cell::Error(ErrorCode::NOT_FOUND)),
            (PropertyTag(0x0FFF_000A), Cell::Error(ErrorCode::OUT_OF_MEMORY)),
        ],
        vec![(TAGS[0], text(b"")), (TAGS[1], Cell::Value(V::Binary(b"")))],
    ];
    assert_eq!(cells, expected);

    let rows = Some(rows);
    let body = QueryRowsSuccess { error_code: OK, state: answered(), rows, auxiliary_buffer: AUX };
    assert_eq!(comes_back!(Response<QueryRowsSuccess<'_>>, Response(body)), stub);
    let target = Some(TaggedValue::new(TAGS[0], V::String(Utf16::new(b"o\0").unwrap())));
    for (explicit_table, columns) in
        [(None, None), (Some(ExplicitTable(MinimalEntryIds::new(&IDS))), Some(PropertyTags::new(&TAGS)))]
    {
        let body = SeekEntriesRequest { state: Some(stat()), target, explicit_table, columns, auxiliary_buffer: AUX };
        comes_back!(Request<SeekEntriesRequest<'_>>, Request { handle: handle(), body });
    }
    let body = SeekEntriesSuccess { error_code: OK, state: answered(), rows, auxiliary_buffer: AUX };
    comes_back!(Response<SeekEntriesSuccess<'_>>, Response(body));
    let minimal_ids = Some(Matches::received(MinimalEntryIds::new(&IDS)));
    let body = GetMatchesSuccess { error_code: OK, state: answered(), minimal_ids, rows, auxiliary_buffer: AUX };
    comes_back!(Response<GetMatchesSuccess<'_>>, Response(body));
    let ids = Some(MinimalEntryIds::new(&IDS));
    let body = ResortRestrictionRequest { state: Some(stat()), minimal_ids: ids, auxiliary_buffer: AUX };
    comes_back!(Request<ResortRestrictionRequest<'_>>, Request { handle: handle(), body });
    let body = ResortRestrictionSuccess { error_code: OK, state: answered(), minimal_ids, auxiliary_buffer: AUX };
    comes_back!(Response<ResortRestrictionSuccess<'_>>, Response(body));
    let body = GetSpecialTableRequest {
        flags: SpecialTableFlags::UNICODE_STRINGS,
        state: Some(stat()),
        version: Some(7),
        auxiliary_buffer: AUX,
    };
    comes_back!(Request<GetSpecialTableRequest<'_>>, Request { handle: handle(), body });
    let values = values();
    let lists = [ValueList::new(&values), ValueList::new(&[]), ValueList::new(&values[..3])];
    for rows in [None, Some(ValueLists::new(&[])), Some(ValueLists::new(&lists))] {
        let body =
            GetSpecialTableSuccess { error_code: OK, code_page: 0, version: Some(8), rows, auxiliary_buffer: AUX };
        comes_back!(Response<GetSpecialTableSuccess<'_>>, Response(body));
    }
}

/// Of each kind that [MS-OXNSPI] 2.3.4 has, nested, as MAPI over HTTP lays it out.
const RESTRICTION: &[u8] = b"\0\x07\0\0\0\
    \x02\x08\x1F\0\x01\x30\
    \x03\x02\0\x01\0\x1F\0\0\x3A\xFF\x1F\0\0\x3A\xFFa\0\0\0\
    \x04\x04\x1F\0\0\x3A\xFF\x1E\0\0\x3A\xFFab\0\
    \x05\x01\x03\0\x01\x30\x03\0\x02\x30\
    \x06\x01\x03\0\x01\x30\x80\0\0\0\
    \x01\x02\0\0\0\x07\x02\x02\x01\xFF\x0F\x10\0\0\0\x01\0\0\0\0\
    \x09\x0D\0\x12\x0E\x08\x03\0\x15\x0C";

#[test]
fn matches_with_a_restriction_of_every_kind() {
    let restriction = Restriction::decode(&mut Reader::new(RESTRICTION), CountWidth::AddressBook).unwrap();
    assert_eq!(restriction.as_bytes(), RESTRICTION);
    let body = oxwire_mapi::nspi::GetMatchesRequest {
        state: Some(stat()),
        minimal_ids: None,
        filter: None,
        property_name: Some(PropertyName { guid: GUID, id: 0x8009 }),
        row_count: 50,
        columns: Some(PropertyTags::new(&TAGS)),
        auxiliary_buffer: AUX,
    };
    let filter = Some(Filter::from(&restriction));
    let request = GetMatchesRequest { handle: handle(), body, filter };
    let stub = comes_back!(GetMatchesRequest<'_>, request.clone());
    let (read, _) = decode_stub::<GetMatchesRequest<'_>>(&stub, LE, &Limits::DEFAULT).unwrap();
    let read = read.filter.unwrap();
    assert_eq!(read.restriction().unwrap().as_bytes(), RESTRICTION);
    let Ok(RestrictionKind::And(all)) = read.restriction().unwrap().kind() else { panic!("an And") };
    assert_eq!(all.len(), 7);

    // Taken from the body where there is no other.
    let body = oxwire_mapi::nspi::GetMatchesRequest { filter: Some(restriction), ..body };
    assert_eq!(encode_stub(&GetMatchesRequest { handle: handle(), body, filter: None }).unwrap(), stub);
    assert_eq!(request.row_limit().get(), 50);

    // Neither Comment nor Count is there over RPC.
    let count = b"\x0B\x01\0\0\0\x08\x1F\0\x01\x30";
    let count = Restriction::decode(&mut Reader::new(count), CountWidth::AddressBook).unwrap();
    let filter = Some(Filter::from(&count));
    assert!(encode_stub(&GetMatchesRequest { handle: handle(), filter, ..request.clone() }).is_err());

    let none = GetMatchesRequest { filter: None, ..request };
    let body = oxwire_mapi::nspi::GetMatchesRequest {
        filter: None,
        property_name: None,
        columns: None,
        minimal_ids: Some(MinimalEntryIds::new(&IDS)),
        ..none.body
    };
    comes_back!(GetMatchesRequest<'_>, GetMatchesRequest { body, ..none });
}

#[test]
fn nesting_is_bounded() {
    let mut wire = vec![2; 29];
    wire.extend_from_slice(b"\x08\x1F\0\x01\x30");
    let restriction = Restriction::decode(&mut Reader::new(&wire), CountWidth::AddressBook).unwrap();
    let body = oxwire_mapi::nspi::GetMatchesRequest {
        state: Some(stat()),
        minimal_ids: None,
        filter: Some(restriction),
        property_name: None,
        row_count: 1,
        columns: None,
        auxiliary_buffer: AUX,
    };
    let stub = encode_stub(&GetMatchesRequest { handle: handle(), body, filter: None }).unwrap();
    assert!(decode_stub::<GetMatchesRequest<'_>>(&stub, LE, &Limits::DEFAULT).is_ok());
    let limits = Limits::DEFAULT.with_depth(10);
    let error = decode_stub::<GetMatchesRequest<'_>>(&stub, LE, &limits).unwrap_err();
    assert!(matches!(error.kind, DecodeErrorKind::Limit { limit: "depth", .. }), "{error}");
}

#[test]
fn objects() {
    let body = GetPropListRequest {
        flags: PropertyFlags::SKIP_OBJECTS,
        minimal_id: IDS[0],
        code_page: 1252,
        auxiliary_buffer: AUX,
    };
    comes_back!(Request<GetPropListRequest<'_>>, Request { handle: handle(), body });
    let tags = Some(PropertyTags::new(&TAGS));
    for property_tags in [None, Some(PropertyTags::EMPTY), tags] {
        let body = GetPropListSuccess { error_code: OK, property_tags, auxiliary_buffer: AUX };
        comes_back!(Response<GetPropListSuccess<'_>>, Response(body));
        let flags = PropertyFlags::EPHEMERAL_IDS;
        let body = GetPropsRequest { flags, state: Some(stat()), property_tags, auxiliary_buffer: AUX };
        comes_back!(Request<GetPropsRequest<'_>>, Request { handle: handle(), body });
        let body = QueryColumnsSuccess { error_code: OK, columns: property_tags, auxiliary_buffer: AUX };
        comes_back!(Response<QueryColumnsSuccess<'_>>, Response(body));
    }
    let values = values();
    for property_values in [None, Some(ValueList::new(&values))] {
        for error_code in [OK, ErrorCode::ERRORS_RETURNED] {
            let body = GetPropsSuccess { error_code, code_page: 0, property_values, auxiliary_buffer: AUX };
            comes_back!(Response<GetPropsSuccess<'_>>, Response(body));
            let body = GetTemplateInfoSuccess { error_code, code_page: 0, row: property_values, auxiliary_buffer: AUX };
            comes_back!(Response<GetTemplateInfoSuccess<'_>>, Response(body));
        }
    }
    // Text of the caller's is written too, and read as UTF-16.
    let text = [TaggedValue::new(TAGS[0], V::Str("odd")), TaggedValue::new(TAGS[0], V::MultipleStr(&["a", "bcd", ""]))];
    let row = Some(ValueList::new(&text));
    let body = GetTemplateInfoSuccess { error_code: OK, code_page: 0, row, auxiliary_buffer: AUX };
    let stub = encode_stub(&Response(body)).unwrap();
    let (Response(read), _) = decode_stub::<Response<GetTemplateInfoSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
    let read: Vec<_> = read.row.unwrap().iter().collect();
    let [one, many] = &read[..] else { panic!("{read:?}") };
    assert!(matches!(one.value, V::String(text) if text.to_string() == "odd"));
    let V::MultipleString(many) = many.value else { panic!("{many:?}") };
    assert_eq!(many.iter().map(|text| text.to_string()).collect::<Vec<_>>(), ["a", "bcd", ""]);

    let body =
        CompareMIdsRequest { state: Some(stat()), minimal_id_1: IDS[0], minimal_id_2: IDS[1], auxiliary_buffer: AUX };
    comes_back!(Request<CompareMIdsRequest<'_>>, Request { handle: handle(), body });
    let body = CompareMIdsSuccess { error_code: OK, result: -1, auxiliary_buffer: AUX };
    comes_back!(Response<CompareMIdsSuccess<'_>>, Response(body));
    // PtypNull, which is last, is not for requests.
    let (_, asked) = values.split_last().unwrap();
    let property_values = Some(ValueList::new(asked));
    let body = ModPropsRequest { state: Some(stat()), property_tags: tags, property_values, auxiliary_buffer: AUX };
    comes_back!(Request<ModPropsRequest<'_>>, Request { handle: handle(), body });
    comes_back!(Response<ModPropsSuccess<'_>>, Response(ModPropsSuccess { error_code: OK, auxiliary_buffer: AUX }));
    for template_dn in [None, Some(&b"/o=A"[..])] {
        let body = GetTemplateInfoRequest {
            flags: TemplateFlags::SCRIPT,
            display_type: DisplayType::DISTLIST,
            template_dn,
            code_page: 1252,
            locale_id: 0x0409,
            auxiliary_buffer: AUX,
        };
        comes_back!(Request<GetTemplateInfoRequest<'_>>, Request { handle: handle(), body });
    }
    let body = ModLinkAttRequest {
        flags: ModLinkFlags::DELETE,
        property_tag: PropertyTag(0x8009_000D),
        minimal_id: IDS[0],
        entry_ids: Some(EntryIds::new(&[b"entry", b"id"])),
        auxiliary_buffer: AUX,
    };
    comes_back!(Request<ModLinkAttRequest<'_>>, Request { handle: handle(), body });
    let body = ModLinkAttSuccess { error_code: OK, auxiliary_buffer: AUX };
    comes_back!(Response<ModLinkAttSuccess<'_>>, Response(body));
    let body = QueryColumnsRequest { mapi_flags: QueryColumnsFlags::UNICODE_PROPTYPES, auxiliary_buffer: AUX };
    comes_back!(Request<QueryColumnsRequest<'_>>, Request { handle: handle(), body });
}

#[test]
fn names() {
    let names = Some(Strings::new(&[b"/o=A/cn=bob", b"", b"/"]));
    let body = DnToMIdRequest { names, auxiliary_buffer: AUX };
    comes_back!(Request<DnToMIdRequest<'_>>, Request { handle: handle(), body });
    let minimal_ids = Some(MinimalEntryIds::new(&IDS));
    let body = DnToMIdSuccess { error_code: OK, minimal_ids, auxiliary_buffer: AUX };
    comes_back!(Response<DnToMIdSuccess<'_>>, Response(body));
    let property_tags = Some(PropertyTags::new(&TAGS));
    let request =
        ResolveNamesRequest { handle: handle(), stat: stat(), property_tags, names: Strings::new(&[b"a", b"bob"]) };
    assert_eq!(request.row_limit().get(), 2);
    comes_back!(ResolveNamesRequest<'_>, request);
    let body = oxwire_mapi::nspi::ResolveNamesRequest {
        state: Some(stat()),
        property_tags: None,
        names: Some(WideStrings::new(&["alice", "zo\u{EB}", ""])),
        auxiliary_buffer: AUX,
    };
    comes_back!(Request<oxwire_mapi::nspi::ResolveNamesRequest<'_>>, Request { handle: handle(), body });
    let stub = written_rows();
    let rows = Some(read_rows(&stub));
    let body = ResolveNamesSuccess { error_code: OK, code_page: 0, minimal_ids, rows, auxiliary_buffer: AUX };
    comes_back!(Response<ResolveNamesSuccess<'_>>, Response(body));
}

#[test]
fn referrals() {
    for server_wanted in [false, true] {
        comes_back!(GetNewDsaRequest<'_>, GetNewDsaRequest { user_dn: b"/o=A/cn=bob", server_wanted });
    }
    comes_back!(GetNewDsaResponse<'_>, GetNewDsaResponse { server: Some(b"mbx1.test"), error_code: 0 });
    comes_back!(GetNewDsaResponse<'_>, GetNewDsaResponse { server: None, error_code: 0x8000_4005 });
    comes_back!(GetFqdnFromServerDnRequest<'_>, GetFqdnFromServerDnRequest { server_dn: b"/o=A/cn=mbx1" });
    let response = GetFqdnFromServerDnResponse { server_fqdn: Some(b"mbx1.test"), error_code: 0 };
    comes_back!(GetFqdnFromServerDnResponse<'_>, response);
    // [MS-OXABREF] 3.1.4.2: range(10, 1024), the NUL included.
    assert!(encode_stub(&GetFqdnFromServerDnRequest { server_dn: b"/o=A/cn=" }).is_err());
    assert!(encode_stub(&GetFqdnFromServerDnRequest { server_dn: &[b'a'; 1024] }).is_err());
    let failed = GetFqdnFromServerDnResponse { error_code: 5, ..response };
    assert_eq!(encode_stub(&failed).unwrap()[..], [0, 0, 0, 0, 5, 0, 0, 0]);
}

/// quirks: on error all out-parameters are zero; the STAT stays as it came ([MS-OXNSPI] 3.1.4.1.8).
#[test]
fn a_failed_call_is_answered_with_null() {
    let error_code = ErrorCode::GENERAL_FAILURE;
    let failure = error_code.0.to_le_bytes();
    let stub = written_rows();
    let rows = Some(read_rows(&stub));
    let ids = MinimalEntryIds::new(&IDS);
    let minimal_ids = Some(Matches::received(ids));
    let state = answered();
    let tags = Some(PropertyTags::new(&TAGS));
    let values = values();
    let list = Some(ValueList::new(&values));
    let lists = [ValueList::new(&values)];
    let stat = encode_stub(&Request {
        handle: ContextHandle::NIL,
        body: UpdateStatRequest { state: Some(stat()), delta_requested: false, auxiliary_buffer: AUX },
    })
    .unwrap()[24..60]
        .to_vec();
    let nulls = |count: usize| [vec![0; count * 4], failure.to_vec()].concat();
    let with_stat = |count: usize| [stat.clone(), nulls(count)].concat();
    let cases = [
        (encode_stub(&Response(QueryRowsSuccess { error_code, state, rows, auxiliary_buffer: AUX })), with_stat(1)),
        (encode_stub(&Response(SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer: AUX })), with_stat(1)),
        (
            encode_stub(&Response(GetMatchesSuccess { error_code, state, minimal_ids, rows, auxiliary_buffer: AUX })),
            with_stat(2),
        ),
        (
            encode_stub(&Response(ResortRestrictionSuccess { error_code, state, minimal_ids, auxiliary_buffer: AUX })),
            with_stat(1),
        ),
        (
            encode_stub(&Response(GetSpecialTableSuccess {
                error_code,
                code_page: 0,
                version: Some(7),
                rows: Some(ValueLists::new(&lists)),
                auxiliary_buffer: AUX,
            })),
            nulls(2),
        ),
        (
            encode_stub(&Response(GetPropsSuccess {
                error_code,
                code_page: 0,
                property_values: list,
                auxiliary_buffer: AUX,
            })),
            nulls(1),
        ),
        (
            encode_stub(&Response(GetTemplateInfoSuccess {
                error_code,
                code_page: 0,
                row: list,
                auxiliary_buffer: AUX,
            })),
            nulls(1),
        ),
        (
            encode_stub(&Response(GetPropListSuccess { error_code, property_tags: tags, auxiliary_buffer: AUX })),
            nulls(1),
        ),
        (encode_stub(&Response(QueryColumnsSuccess { error_code, columns: tags, auxiliary_buffer: AUX })), nulls(1)),
        (
            encode_stub(&Response(DnToMIdSuccess { error_code, minimal_ids: Some(ids), auxiliary_buffer: AUX })),
            nulls(1),
        ),
        (encode_stub(&Response(CompareMIdsSuccess { error_code, result: 1, auxiliary_buffer: AUX })), nulls(1)),
        (
            encode_stub(&Response(ResolveNamesSuccess {
                error_code,
                code_page: 0,
                minimal_ids: Some(ids),
                rows,
                auxiliary_buffer: AUX,
            })),
            nulls(2),
        ),
        (encode_stub(&BindResponse { server_guid: None, handle: handle(), error_code }), nulls(6)),
    ];
    for (written, expected) in cases {
        assert_eq!(written.unwrap()[..], expected[..]);
    }
}

/// What RPC does not have is refused, and not left out.
#[test]
fn what_rpc_does_not_have_is_refused() {
    let no_stat = QueryRowsRequest { state: None, ..query_rows() };
    assert_eq!(encode_stub(&Request { handle: handle(), body: no_stat }).unwrap_err().field, "pStat");
    let auxiliary = QueryRowsRequest { auxiliary_buffer: b"12345678", ..query_rows() };
    assert_eq!(encode_stub(&Request { handle: handle(), body: auxiliary }).unwrap_err().field, "AuxiliaryBuffer");
    let body = SeekEntriesRequest {
        state: Some(stat()),
        target: None,
        explicit_table: None,
        columns: None,
        auxiliary_buffer: AUX,
    };
    assert_eq!(encode_stub(&Request { handle: handle(), body }).unwrap_err().field, "pTarget");
}

#[test]
fn big_endian_stub_data_is_named_and_not_misread() {
    let stub = encode_stub(&Request { handle: handle(), body: query_rows() }).unwrap();
    let read = decode_stub::<Request<QueryRowsRequest<'_>>>(&stub, DataRepresentation::BIG_ENDIAN, &Limits::DEFAULT);
    assert!(matches!(read.unwrap_err().kind, DecodeErrorKind::Unsupported { what: "big-endian stub data" }));
}

#[test]
fn operations() {
    // [MS-OXNSPI] 3.1.4.1, [MS-OXABREF] 3.1.4.
    assert_eq!(NSPI.uuid, "f5cc5a18-4264-101a-8c59-08002b2f8426".parse::<Guid>().unwrap());
    assert_eq!((NSPI.version, RFR.version), (56, 1));
    assert_eq!(RFR.uuid, "1544f5e0-613c-11d1-93df-00c04fd7bd09".parse::<Guid>().unwrap());
    let opnums = [
        BindRequest::OPNUM,
        UnbindRequest::OPNUM,
        Request::<UpdateStatRequest<'_>>::OPNUM,
        Request::<QueryRowsRequest<'_>>::OPNUM,
        Request::<SeekEntriesRequest<'_>>::OPNUM,
        GetMatchesRequest::OPNUM,
        Request::<ResortRestrictionRequest<'_>>::OPNUM,
        Request::<DnToMIdRequest<'_>>::OPNUM,
        Request::<GetPropListRequest<'_>>::OPNUM,
        Request::<GetPropsRequest<'_>>::OPNUM,
        Request::<CompareMIdsRequest<'_>>::OPNUM,
        Request::<ModPropsRequest<'_>>::OPNUM,
        Request::<GetSpecialTableRequest<'_>>::OPNUM,
        Request::<GetTemplateInfoRequest<'_>>::OPNUM,
        Request::<ModLinkAttRequest<'_>>::OPNUM,
        Request::<QueryColumnsRequest<'_>>::OPNUM,
        ResolveNamesRequest::OPNUM,
        Request::<oxwire_mapi::nspi::ResolveNamesRequest<'_>>::OPNUM,
    ];
    assert_eq!(opnums, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 19, 20]);
    assert_eq!((GetNewDsaRequest::OPNUM, GetFqdnFromServerDnRequest::OPNUM), (0, 1));
}
