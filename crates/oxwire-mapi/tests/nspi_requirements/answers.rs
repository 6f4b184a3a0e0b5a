//! What crashes clients is not written.

use bytes::BytesMut;
use oxwire_core::{Encode, Guid, Limits, Reader, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    BindRequest, BindSuccess, ColumnsAndRowsWriter, CompareMIdsSuccess, DisplayType, DnToMIdSuccess, EntryId,
    ExplicitTable, GUID_NSPI, GetMailboxUrlSuccess, GetMatchesRequest, GetMatchesSuccess, GetPropsSuccess,
    GetSpecialTableSuccess, GetTemplateInfoSuccess, Matches, MinimalEntryId, MinimalEntryIds, Place, QueryRowsRequest,
    QueryRowsSuccess, ResolveNamesRequest, ResolveNamesSuccess, ResortRestrictionRequest, SeekEntriesRequest,
    SeekEntriesSuccess, StatAnswer, UpdateStatSuccess, ValueList, WideStrings,
};
use oxwire_mapi::property::{Cell, ErrorCode, PropertyTags, PropertyValue};

use super::{EPHEMERAL, IDS, PERMANENT, STAT, TAGS, guid, query_rows, rows, stat, values, wide};

/// quirks: Outlook crashes at more rows than it asked for in QueryRows.
#[test]
fn outlook_gets_no_more_rows_than_it_asked_for() {
    for asked in [0_u32, 1, 22] {
        let request = QueryRowsRequest { row_count: asked, ..query_rows() };
        let mut out = BytesMut::new();
        let mut writer = ColumnsAndRowsWriter::new(&mut out, PropertyTags::new(&TAGS), request.row_limit(), usize::MAX);
        let pushed = (0..30).filter(|_| writer.push(|_, _| Cell::Absent).unwrap()).count();
        assert_eq!(pushed, usize::try_from(asked).unwrap());
        assert_eq!(writer.finish().len(), pushed);
    }
    let request = QueryRowsRequest { row_count: u32::MAX, ..query_rows() };
    assert_eq!(request.row_limit().get(), 100_000, "the most that an answer can have");
}

/// A row that does not fit leaves no trace, nor does one that is refused.
#[test]
fn rows_stop_at_the_bytes_too() {
    let mut out = BytesMut::new();
    let request = QueryRowsRequest { row_count: 22, ..query_rows() };
    let mut writer = ColumnsAndRowsWriter::new(&mut out, PropertyTags::new(&TAGS), request.row_limit(), 7);
    assert_eq!(writer.push(|_, _| Cell::Absent), Ok(true));
    assert!(writer.push(|_, _| Cell::Value(PropertyValue::Null)).is_err());
    assert_eq!(writer.push(|_, _| Cell::Absent), Ok(true));
    assert_eq!(writer.push(|_, _| Cell::Absent), Ok(false));
    assert_eq!(writer.len(), 2);
    let rows = writer.finish();
    assert!(rows.rows().all(|row| row.unwrap().cells().all(|cell| cell.unwrap().1 == Cell::Absent)));
    assert_eq!(out[..], [1, 1, 1, 1, 1, 1]);
}

/// quirks: and at more matches than it asked for in GetMatches.
#[test]
fn outlook_gets_no_more_matches_than_it_asked_for() {
    let request = GetMatchesRequest {
        state: None,
        minimal_ids: None,
        filter: None,
        property_name: None,
        row_count: 1,
        columns: None,
        auxiliary_buffer: b"",
    };
    assert_eq!(Matches::new(MinimalEntryIds::new(&IDS), request.row_limit()), None);
    let one = MinimalEntryIds::new(&IDS[..1]);
    assert_eq!(Matches::new(one, request.row_limit()).map(Matches::ids), Some(one));
    let resort = ResortRestrictionRequest { state: None, minimal_ids: Some(one), auxiliary_buffer: b"" };
    assert_eq!(Matches::new(MinimalEntryIds::new(&IDS), resort.row_limit()), None);
    let names = ResolveNamesRequest {
        state: None,
        property_tags: None,
        names: Some(WideStrings::new(&["a", "b"])),
        auxiliary_buffer: b"",
    };
    assert_eq!(names.row_limit().get(), 2);
    let seek = SeekEntriesRequest {
        state: None,
        target: None,
        explicit_table: Some(ExplicitTable(one)),
        columns: None,
        auxiliary_buffer: b"",
    };
    assert_eq!(seek.row_limit().get(), 1);
}

/// quirks: on error all out-parameters are zero.
#[test]
fn a_failed_call_is_answered_without_out_parameters() {
    fn nothing<T: Encode>(body: &T, out: &[u8]) {
        let wire = [&[0; 4][..], &[0x05, 0x40, 0x00, 0x80], out, &[0; 4]].concat();
        assert_eq!(encode_to_bytes(body).as_deref(), Ok(&wire[..]), "{}", T::NAME);
        assert_eq!(body.encoded_len(), wire.len(), "{}", T::NAME);
    }
    let error_code = ErrorCode::GENERAL_FAILURE;
    let auxiliary_buffer = &b""[..];
    let state = Some(StatAnswer::received(stat()));
    let ids = MinimalEntryIds::new(&IDS);
    let mut out = BytesMut::new();
    let some_rows = rows(&mut out);
    let rows = Some(some_rows);
    let list = values();
    let list = Some(ValueList::new(&list));
    let minimal_ids = Some(Matches::received(ids));
    nothing(&BindSuccess { error_code, server_guid: guid(), auxiliary_buffer }, &[0; 16]);
    nothing(&CompareMIdsSuccess { error_code, result: 1, auxiliary_buffer }, &[0; 4]);
    nothing(&DnToMIdSuccess { error_code, minimal_ids: Some(ids), auxiliary_buffer }, &[0]);
    nothing(&GetMatchesSuccess { error_code, state, minimal_ids, rows, auxiliary_buffer }, &[0; 3]);
    nothing(&GetPropsSuccess { error_code, code_page: 1252, property_values: list, auxiliary_buffer }, &[0; 5]);
    let special =
        GetSpecialTableSuccess { error_code, code_page: 1252, version: Some(1), rows: None, auxiliary_buffer };
    nothing(&special, &[0; 6]);
    nothing(&GetTemplateInfoSuccess { error_code, code_page: 1252, row: list, auxiliary_buffer }, &[0; 5]);
    nothing(&QueryRowsSuccess { error_code, state, rows, auxiliary_buffer }, &[0; 2]);
    let minimal_ids = Some(ids);
    nothing(&ResolveNamesSuccess { error_code, code_page: 1252, minimal_ids, rows, auxiliary_buffer }, &[0; 6]);
    nothing(&SeekEntriesSuccess { error_code, state, rows, auxiliary_buffer }, &[0; 2]);
    nothing(&UpdateStatSuccess { error_code, state, delta: Some(1), auxiliary_buffer }, &[0; 2]);
    nothing(&GetMailboxUrlSuccess { error_code, server_url: wide(b"h\0"), auxiliary_buffer }, &[0; 2]);
    nothing(&QueryRowsSuccess::failed(error_code), &[0; 2]);

    // With a warning they are there.
    let warned = QueryRowsSuccess { error_code: ErrorCode::ERRORS_RETURNED, state, rows, auxiliary_buffer };
    let wire = encode_to_bytes(&warned).unwrap();
    assert_eq!(decode_all(&wire, &Limits::DEFAULT), Ok(warned));
}

/// quirks: a wrong TotalRecs after SeekEntries crashes Outlook.
#[test]
fn a_place_is_inside_its_table_and_only_what_a_server_may_change_changes() {
    let place = Place { current_rec: MinimalEntryId(0x44), num_pos: 3, total_recs: 4 };
    let answer = stat().answer(place).unwrap();
    let expected =
        oxwire_mapi::nspi::Stat { current_rec: MinimalEntryId(0x44), delta: 0, num_pos: 3, total_recs: 4, ..stat() };
    assert_eq!(*answer.stat(), expected);
    let container = answer.in_container(MinimalEntryId(0x55));
    assert_eq!(container.stat().container_id, MinimalEntryId(0x55));
    let end = Place { current_rec: MinimalEntryId::END_OF_TABLE, num_pos: 4, total_recs: 4 };
    assert!(stat().answer(end).is_ok());
    let error = stat().answer(Place { num_pos: 5, ..end }).unwrap_err();
    assert_eq!(error.field, "NumPos");
}

/// Outlook sends 0x80000000 as Reserved of ResolveNames; any other reserved field is ignored too.
#[test]
fn outlook_reserved_fields_are_ignored() {
    let wire = [&[0, 0, 0, 0x80][..], &[0; 3], &[0; 4]].concat();
    let request = decode_all::<ResolveNamesRequest<'_>>(&wire, &Limits::DEFAULT).unwrap();
    assert_eq!(request.names, None);
    assert_eq!(encode_to_bytes(&request).unwrap()[..4], [0; 4]);
    let wire = [&[1, 2, 3, 4][..], &[0; 2], &[5, 6, 7, 8], &[0; 2], &[9, 0, 0, 0], &[0; 5]].concat();
    let request = decode_all::<GetMatchesRequest<'_>>(&wire, &Limits::DEFAULT).unwrap();
    assert_eq!(request.row_count, 9);
}

/// Any byte but 0 says that a field is there: Microsoft's test suite writes 1, gromox 0xFF.
#[test]
fn any_byte_but_zero_is_true() {
    for byte in [1, 2, 0xFF] {
        let wire = [&[0; 4][..], &[byte], STAT, &[0; 4]].concat();
        let request = decode_all::<BindRequest<'_>>(&wire, &Limits::DEFAULT).unwrap();
        assert_eq!(request.state, Some(stat()));
    }
}

#[test]
fn entry_ids_of_both_kinds() {
    let ephemeral =
        EntryId::Ephemeral { provider_uid: guid(), display_type: DisplayType::CONTAINER, mid: MinimalEntryId(0x10) };
    let permanent = EntryId::Permanent { display_type: DisplayType::REMOTE_MAILUSER, distinguished_name: b"/" };
    for (wire, id) in [(EPHEMERAL, ephemeral), (PERMANENT, permanent)] {
        assert_eq!(encode_to_bytes(&id).as_deref(), Ok(wire));
        assert_eq!(id.encoded_len(), wire.len());
        assert_eq!(decode_all(wire, &Limits::DEFAULT), Ok(id));
        for len in 0..wire.len() {
            assert!(decode_all::<EntryId<'_>>(&wire[..len], &Limits::DEFAULT).is_err());
        }
    }
    assert_eq!(GUID_NSPI, "c840a7dc-42c0-1a10-b4b9-08002b2fe182".parse::<Guid>().unwrap());
    let mut other = PERMANENT.to_vec();
    other[4] ^= 1;
    assert!(decode_all::<EntryId<'_>>(&other, &Limits::DEFAULT).is_err(), "another provider's");
    let mut r = Reader::new(&[0x42; 40]);
    assert_eq!(r.structure::<EntryId<'_>>().unwrap_err().field, "ID Type");
}

/// quirks: EntryID type 0x8c is accepted.
#[test]
fn outlook_entry_id_of_type_8c_is_ephemeral() {
    let mut wire = EPHEMERAL.to_vec();
    wire[0] = 0x8C;
    let read = decode_all::<EntryId<'_>>(&wire, &Limits::DEFAULT).unwrap();
    assert_eq!(encode_to_bytes(&read).as_deref(), Ok(EPHEMERAL));
}
