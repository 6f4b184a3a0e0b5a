//! What the address book answers, held against the processing rules of [MS-OXNSPI] 3.1.4.1 and what is known to crash Outlook.

use bytes::Bytes;
use oxwire::core::{Limits, Reader, Utf16, decode_all, encode_to_bytes, utf16_le_bytes};
use oxwire::mapi::nspi::{
    AddressBookRequest, CP_WINUNICODE, CompareMIdsRequest, CompareMIdsResponse, DnToMIdRequest, DnToMIdResponse,
    EntryId, ExplicitTable, GUID_NSPI, GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetMailboxUrlRequest,
    GetMailboxUrlResponse, GetMatchesRequest, GetMatchesResponse, GetPropListRequest, GetPropListResponse,
    GetPropsRequest, GetPropsResponse, GetSpecialTableRequest, GetSpecialTableResponse, MinimalEntryId,
    MinimalEntryIds, PropertyFlags, QueryColumnsFlags, QueryColumnsRequest, QueryColumnsResponse, QueryRowsRequest,
    QueryRowsResponse, ResolveNamesRequest, ResolveNamesResponse, ResortRestrictionRequest, ResortRestrictionResponse,
    Row, SeekEntriesRequest, SeekEntriesResponse, SortType, SpecialTableFlags, Stat, Strings, TaggedValue,
    UpdateStatRequest, UpdateStatResponse, WideStrings,
};
use oxwire::mapi::property::{
    CountWidth, ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue, Restriction,
};

use super::super::autodiscover::Offers;
use super::super::book::requirements::{
    self, ADA, BERT, BERTA, EVE, NAME, NAME_AND_ID, NOBODY, PROVIDER, at, book, name, stat, users,
};
use super::super::users::user_dn;
use super::answers::answer;
use crate::args::Schemes;

fn offers() -> Offers {
    let mut offers = Offers::new("mail.oxwire.test:8443", true, Schemes::DEFAULT);
    offers.address_book = Some(super::PATH);
    offers
}

/// The response body.
fn ask<R: AddressBookRequest>(request: &R) -> Bytes {
    let (users, body) = (users(), encode_to_bytes(request).unwrap());
    let book = book(&users);
    answer(&book, &users, &offers(), R::REQUEST_TYPE, &body).unwrap().unwrap().body
}

macro_rules! success {
    ($response:ident, $body:expr) => {
        match decode_all(&$body, &Limits::DEFAULT).unwrap() {
            $response::Success(success) => success,
            $response::Failure(failure) => panic!("{failure:?}"),
        }
    };
}

/// StatusCode 0, the ErrorCode, and nothing but zeros behind it.
fn refused<R: AddressBookRequest>(request: &R, code: ErrorCode) {
    let body = ask(request);
    let mut r = Reader::new(&body);
    assert_eq!((r.u32_le("StatusCode").unwrap(), ErrorCode(r.u32_le("ErrorCode").unwrap())), (0, code), "{body:?}");
    assert!(r.peek_rest().iter().all(|byte| *byte == 0), "{body:?}");
}

fn query(state: Stat, row_count: u32) -> QueryRowsRequest<'static> {
    requirements::query(state, row_count, &NAME)
}

/// Names, and the STAT behind them: CurrentRec, NumPos, TotalRecs.
fn page(request: &QueryRowsRequest<'_>) -> (Vec<String>, (MinimalEntryId, u32, u32)) {
    let body = ask(request);
    let success = success!(QueryRowsResponse, body);
    assert_eq!(success.error_code, ErrorCode::SUCCESS);
    let state = *success.state.unwrap().stat();
    assert_eq!(state.delta, 0);
    let names = success.rows.unwrap().rows().map(|row| name(&row.unwrap())).collect();
    (names, (state.current_rec, state.num_pos, state.total_recs))
}

#[test]
fn rows_come_in_the_order_of_names_and_the_stat_goes_with_them() {
    const END: MinimalEntryId = MinimalEntryId::END_OF_TABLE;
    for (state, count, names, place) in [
        (stat(), 10, &["ada", "Bert", "berta", "eve"][..], (END, 4, 4)),
        (stat(), 2, &["ada", "Bert"], (BERTA, 2, 4)),
        (at(BERTA, 0), 1, &["berta"], (EVE, 3, 4)),
        (at(BERTA, -2), 2, &["ada", "Bert"], (BERTA, 2, 4)),
        (at(BERTA, -9), 1, &["ada"], (BERT, 1, 4)),
        (at(END, 0), 5, &[], (END, 4, 4)),
        // Half of the table.
        (Stat { num_pos: 5, total_recs: 10, ..at(MinimalEntryId::CURRENT, 0) }, 1, &["berta"], (EVE, 3, 4)),
    ] {
        let (found, after) = page(&query(state, count));
        assert_eq!(
            (found.as_slice(), after),
            (names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>().as_slice(), place)
        );
    }
}

/// An Explicit Table is answered row by row; one that is not there has no property, and the STAT stays.
#[test]
fn rows_of_an_explicit_table() {
    let mids = [EVE, NOBODY, ADA];
    let table = ExplicitTable(MinimalEntryIds::new(&mids));
    let body = ask(&QueryRowsRequest { explicit_table: table, ..query(at(NOBODY, 3), 10) });
    let success = success!(QueryRowsResponse, body);
    assert_eq!(*success.state.unwrap().stat(), at(NOBODY, 3));
    let rows: Vec<_> = success.rows.unwrap().rows().map(Result::unwrap).collect();
    assert_eq!((rows.len(), name(&rows[0]), name(&rows[2])), (3, "eve".to_owned(), "ada".to_owned()));
    assert!(rows[1].cell(PropertyTag::DISPLAY_NAME).unwrap().unwrap().value().is_none());
    // No more than were asked for.
    let body = ask(&QueryRowsRequest { explicit_table: table, row_count: 1, ..query(stat(), 1) });
    assert_eq!(success!(QueryRowsResponse, body).rows.unwrap().len(), 1);
}

#[test]
fn what_query_rows_refuses() {
    refused(&query(stat(), 0), ErrorCode::INVALID_PARAMETER);
    refused(&QueryRowsRequest { state: None, ..query(stat(), 1) }, ErrorCode::INVALID_PARAMETER);
    refused(&query(at(NOBODY, 0), 1), ErrorCode::NOT_FOUND);
    refused(&query(Stat { code_page: CP_WINUNICODE, ..stat() }, 1), ErrorCode::INVALID_CODE_PAGE);
    refused(&query(Stat { container_id: NOBODY, ..stat() }, 1), ErrorCode::INVALID_BOOKMARK);
}

/// Entry ids are permanent unless the client asks for ephemeral ones; those of ResolveNames always are.
#[test]
fn entry_ids_are_of_the_kind_that_was_asked_for() {
    let dn = user_dn("ada@oxwire.test");
    let permanent = |bytes: &[u8]| match decode_all(bytes, &Limits::DEFAULT).unwrap() {
        EntryId::Permanent { distinguished_name, .. } => distinguished_name == dn.as_bytes(),
        EntryId::Ephemeral { provider_uid, mid, .. } => {
            assert_eq!((provider_uid, mid), (PROVIDER, ADA));
            false
        }
    };
    let id = |row: &Row<'_>| match row.cell(PropertyTag::ENTRY_ID).unwrap().unwrap().value() {
        Some(PropertyValue::Binary(bytes)) => permanent(bytes),
        other => panic!("{other:?}"),
    };
    let columns = Some(PropertyTags::new(&NAME_AND_ID));
    for (flags, expected) in [(PropertyFlags::NONE, true), (PropertyFlags::EPHEMERAL_IDS, false)] {
        let body = ask(&QueryRowsRequest { flags, columns, ..query(stat(), 1) });
        let row = success!(QueryRowsResponse, body).rows.unwrap().rows().next().unwrap().unwrap();
        assert_eq!(id(&row), expected);
    }
    let names = ["ada@oxwire.test"];
    let body = ask(&ResolveNamesRequest {
        state: Some(stat()),
        property_tags: columns,
        names: Some(WideStrings::new(&names)),
        auxiliary_buffer: &[],
    });
    assert!(id(&success!(ResolveNamesResponse, body).rows.unwrap().rows().next().unwrap().unwrap()));
}

#[test]
fn names_resolve_to_one_to_several_or_to_nobody() {
    let dn = user_dn("eve@oxwire.test").to_uppercase();
    // `Bert` is somebody's whole name, and so does not stand for berta; `ber` stands for both.
    let names = ["ADA", "Bert", "ber", "nobody", "", "=ber", "=SMTP:Eve@oxwire.test", &dn];
    let body = ask(&ResolveNamesRequest {
        state: Some(stat()),
        property_tags: Some(PropertyTags::new(&NAME)),
        names: Some(WideStrings::new(&names)),
        auxiliary_buffer: &[],
    });
    let success = success!(ResolveNamesResponse, body);
    let mids: Vec<u32> = success.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
    assert_eq!(mids, [2, 2, 1, 0, 0, 0, 2, 2]);
    let found: Vec<String> = success.rows.unwrap().rows().map(|row| name(&row.unwrap())).collect();
    assert_eq!(found, ["ada", "Bert", "eve", "eve"]);
}

#[test]
fn seek_goes_to_the_first_that_does_not_stand_before() {
    let seek = |state: Stat, tag: PropertyTag, text: &'static str| SeekEntriesRequest {
        state: Some(state),
        target: Some(TaggedValue::new(tag, PropertyValue::Str(text))),
        explicit_table: None,
        columns: None,
        auxiliary_buffer: &[],
    };
    for (target, mid, index) in [("", ADA, 0), ("B", BERT, 1), ("bertA", BERTA, 2), ("c", EVE, 3)] {
        let body = ask(&seek(stat(), PropertyTag::DISPLAY_NAME, target));
        let success = success!(SeekEntriesResponse, body);
        let state = *success.state.unwrap().stat();
        assert_eq!((state.current_rec, state.num_pos, state.total_recs, success.rows), (mid, index, 4, None));
    }
    let table = [BERTA, EVE];
    let request = SeekEntriesRequest {
        explicit_table: Some(ExplicitTable(MinimalEntryIds::new(&table))),
        columns: Some(PropertyTags::new(&NAME)),
        ..seek(stat(), PropertyTag::DISPLAY_NAME, "c")
    };
    let body = ask(&request);
    let success = success!(SeekEntriesResponse, body);
    let state = *success.state.unwrap().stat();
    assert_eq!((state.current_rec, state.num_pos, state.total_recs), (EVE, 1, 2));
    assert_eq!(success.rows.unwrap().rows().map(|row| name(&row.unwrap())).collect::<Vec<_>>(), ["eve"]);
    refused(&seek(stat(), PropertyTag::DISPLAY_NAME, "f"), ErrorCode::NOT_FOUND);
    refused(&seek(stat(), PropertyTag::SMTP_ADDRESS, "a"), ErrorCode::GENERAL_FAILURE);
    let phonetic = Stat { sort_type: SortType::PHONETIC_DISPLAY_NAME, ..stat() };
    refused(&seek(phonetic, PropertyTag::DISPLAY_NAME, "a"), ErrorCode::GENERAL_FAILURE);
}

#[test]
fn update_stat_says_how_far_it_went() {
    for (state, asked, mid, index, delta) in [
        (at(ADA, 2), true, BERTA, 2, Some(2)),
        (at(EVE, -9), true, ADA, 0, Some(-3)),
        (at(EVE, 9), false, MinimalEntryId::END_OF_TABLE, 4, None),
    ] {
        let body = ask(&UpdateStatRequest { state: Some(state), delta_requested: asked, auxiliary_buffer: &[] });
        let success = success!(UpdateStatResponse, body);
        let state = *success.state.unwrap().stat();
        assert_eq!((state.current_rec, state.num_pos, state.total_recs, success.delta), (mid, index, 4, delta));
    }
    let request = UpdateStatRequest { state: Some(at(NOBODY, 0)), delta_requested: true, auxiliary_buffer: &[] };
    refused(&request, ErrorCode::NOT_FOUND);
}

/// A restriction's bytes, put together by hand from [MS-OXCDATA] 2.12 and [MS-OXCMAPIHTTP] 2.2.1.1: the operator, the column, and
/// the value with HasValue in front.
fn property_restriction(rel_op: u8, tag: PropertyTag, text: &str) -> Vec<u8> {
    let mut bytes = vec![0x04, rel_op];
    for _ in 0..2 {
        bytes.extend(tag.0.to_le_bytes());
    }
    bytes.push(0xFF);
    bytes.extend(utf16_le_bytes(text));
    bytes.extend([0, 0]);
    bytes
}

fn matches_of(filter: Option<&[u8]>, state: Stat, row_count: u32) -> Bytes {
    let limits = Limits::DEFAULT;
    let filter = filter
        .map(|bytes| Restriction::decode(&mut Reader::with_limits(bytes, &limits), CountWidth::AddressBook).unwrap());
    ask(&GetMatchesRequest {
        state: Some(state),
        minimal_ids: None,
        filter,
        property_name: None,
        row_count,
        columns: Some(PropertyTags::new(&NAME)),
        auxiliary_buffer: &[],
    })
}

#[test]
fn matches_are_those_of_the_filter_and_no_more_than_asked_for() {
    let anr = PropertyTag::new(0x360C, PropertyType::STRING);
    for (rel_op, tag, text, expected) in [
        (4, anr, "ber", &["Bert", "berta"][..]),
        (4, PropertyTag::DISPLAY_NAME, "BERT", &["Bert"]),
        (2, PropertyTag::DISPLAY_NAME, "bert", &["berta", "eve"]),
        (4, PropertyTag::TITLE, "x", &[]),
    ] {
        let filter = property_restriction(rel_op, tag, text);
        let body = matches_of(Some(&filter), at(NOBODY, 0), 10);
        let success = success!(GetMatchesResponse, body);
        let names: Vec<String> = success.rows.unwrap().rows().map(|row| name(&row.unwrap())).collect();
        assert_eq!(
            (names.as_slice(), success.minimal_ids.unwrap().ids().len()),
            (expected.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>().as_slice(), expected.len())
        );
        // CurrentRec names the Explicit Table.
        assert_eq!(success.state.unwrap().stat().container_id, NOBODY);
    }
    let code = |body: Bytes| ErrorCode(u32::from_le_bytes(body[4..8].try_into().unwrap()));
    let ber = property_restriction(4, anr, "ber");
    assert_eq!(code(matches_of(Some(&ber), stat(), 1)), ErrorCode::TABLE_TOO_BIG);
    assert_eq!(code(matches_of(None, at(ADA, 0), 1)), ErrorCode::NOT_SUPPORTED);
    assert_eq!(code(matches_of(None, at(NOBODY, 0), 1)), ErrorCode::GENERAL_FAILURE);
    // A BitMaskRestriction.
    let mut mask = vec![0x06, 0x00];
    mask.extend(PropertyTag::OBJECT_TYPE.0.to_le_bytes());
    mask.extend([1, 0, 0, 0]);
    assert_eq!(code(matches_of(Some(&mask), stat(), 1)), ErrorCode::TOO_COMPLEX);
}

#[test]
fn properties_in_the_order_asked_for_and_errors_for_those_that_are_not_there() {
    let tags =
        [PropertyTag::TITLE, PropertyTag::DISPLAY_NAME.with_type(PropertyType::STRING8), PropertyTag::DISPLAY_TYPE];
    let request = |state, tags| GetPropsRequest {
        flags: PropertyFlags::NONE,
        state: Some(state),
        property_tags: tags,
        auxiliary_buffer: &[],
    };
    let body = ask(&request(at(ADA, 0), Some(PropertyTags::new(&tags))));
    let success = success!(GetPropsResponse, body);
    assert_eq!((success.error_code, success.code_page), (ErrorCode::ERRORS_RETURNED, 1252));
    let values: Vec<TaggedValue<'_>> = success.property_values.unwrap().iter().collect();
    assert_eq!(values[0].tag, PropertyTag::TITLE.with_type(PropertyType::ERROR_CODE));
    assert_eq!(values[1].value, PropertyValue::String8(b"ada"));
    assert_eq!(values[2].value, PropertyValue::Integer32(0));
    // Without tags those of GetPropList, all of which are there.
    let body = ask(&request(at(ADA, 0), None));
    let success = success!(GetPropsResponse, body);
    assert_eq!(success.error_code, ErrorCode::SUCCESS);
    let got: Vec<PropertyTag> = success.property_values.unwrap().iter().map(|value| value.tag).collect();
    let (flags, minimal_id) = (PropertyFlags::NONE, ADA);
    let listed = ask(&GetPropListRequest { flags, minimal_id, code_page: 1252, auxiliary_buffer: &[] });
    let listed = success!(GetPropListResponse, listed).property_tags.unwrap();
    assert_eq!(got, listed.iter().collect::<Vec<_>>());
    assert!(listed.iter().all(|tag| tag.property_type() != PropertyType::STRING));
    refused(&request(Stat { code_page: CP_WINUNICODE, ..at(ADA, 0) }, None), ErrorCode::INVALID_CODE_PAGE);
    refused(&request(Stat { container_id: NOBODY, ..at(ADA, 0) }, None), ErrorCode::INVALID_BOOKMARK);
}

#[test]
fn columns_have_the_type_of_string_that_was_asked_for() {
    for (mapi_flags, wanted) in
        [(QueryColumnsFlags::UNICODE_PROPTYPES, PropertyType::STRING), (QueryColumnsFlags::NONE, PropertyType::STRING8)]
    {
        let body = ask(&QueryColumnsRequest { mapi_flags, auxiliary_buffer: &[] });
        let columns = success!(QueryColumnsResponse, body).columns.unwrap();
        assert!(columns.iter().any(|tag| tag == PropertyTag::SMTP_ADDRESS.with_type(wanted)));
    }
}

#[test]
fn the_hierarchy_has_one_container() {
    let table =
        |flags, version| ask(&GetSpecialTableRequest { flags, state: Some(stat()), version, auxiliary_buffer: &[] });
    let body = table(SpecialTableFlags::UNICODE_STRINGS, Some(0));
    let success = success!(GetSpecialTableResponse, body);
    let rows = success.rows.unwrap();
    assert_eq!((rows.len(), success.version), (1, Some(1)));
    let row = rows.iter().next().unwrap();
    let Some(PropertyValue::Binary(id)) = row.value(PropertyTag::ENTRY_ID) else { panic!("{row:?}") };
    assert_eq!((&id[4..20], &id[24..]), (&GUID_NSPI.to_wire()[..], &[0x00, 0x01, 0x00, 0x00, b'/', 0][..]));
    // Who has this version gets no rows; there are no templates to create addresses by.
    let body = table(SpecialTableFlags::UNICODE_STRINGS, Some(1));
    assert!(success!(GetSpecialTableResponse, body).rows.unwrap().is_empty());
    let body = table(SpecialTableFlags::ADDRESS_CREATION_TEMPLATES, None);
    assert!(success!(GetSpecialTableResponse, body).rows.unwrap().is_empty());
}

#[test]
fn ids_by_dn_by_order_and_sorted() {
    let dn = user_dn("bert@oxwire.test").to_uppercase();
    let names = [dn.as_bytes(), b"/o=elsewhere"];
    let body = ask(&DnToMIdRequest { names: Some(Strings::new(&names)), auxiliary_buffer: &[] });
    let mids: Vec<_> = success!(DnToMIdResponse, body).minimal_ids.unwrap().iter().collect();
    assert_eq!(mids, [BERT, MinimalEntryId::UNRESOLVED]);

    let compare = |minimal_id_1, minimal_id_2| CompareMIdsRequest {
        state: Some(stat()),
        minimal_id_1,
        minimal_id_2,
        auxiliary_buffer: &[],
    };
    for (first, second, sign) in [(ADA, EVE, -1), (EVE, BERT, 1), (BERTA, BERTA, 0)] {
        let body = ask(&compare(first, second));
        assert_eq!(success!(CompareMIdsResponse, body).result.signum(), sign);
    }
    refused(&compare(ADA, NOBODY), ErrorCode::GENERAL_FAILURE);

    let given = [EVE, NOBODY, ADA];
    let resort = |state| ResortRestrictionRequest {
        state: Some(state),
        minimal_ids: Some(MinimalEntryIds::new(&given)),
        auxiliary_buffer: &[],
    };
    for (current, expected) in [(EVE, (EVE, 1, 2)), (BERT, (MinimalEntryId::BEGINNING_OF_TABLE, 0, 2))] {
        let body = ask(&resort(at(current, 0)));
        let success = success!(ResortRestrictionResponse, body);
        let state = *success.state.unwrap().stat();
        assert_eq!((state.current_rec, state.num_pos, state.total_recs), expected);
        assert_eq!(success.minimal_ids.unwrap().ids().iter().collect::<Vec<_>>(), [ADA, EVE]);
    }
}

#[test]
fn both_urls_are_those_of_autodiscover() {
    let users = users();
    let ada = users.of_address("ada@oxwire.test").unwrap();
    let server_dn = utf16_le_bytes(&ada.server_dn());
    let body = ask(&GetMailboxUrlRequest { server_dn: Utf16::from_truncated(&server_dn), auxiliary_buffer: &[] });
    let url = success!(GetMailboxUrlResponse, body).server_url.to_string();
    assert_eq!(url, format!("https://mail.oxwire.test:8443/mapi/emsmdb/?MailboxId={}", ada.mailbox_id()));
    let dn = utf16_le_bytes(&ada.dn);
    let body = ask(&GetAddressBookUrlRequest { user_dn: Utf16::from_truncated(&dn), auxiliary_buffer: &[] });
    let url = success!(GetAddressBookUrlResponse, body).server_url.to_string();
    assert_eq!(url, format!("https://mail.oxwire.test:8443/mapi/nspi/?MailboxId={}", ada.mailbox_id()));
    let other = utf16_le_bytes("/o=elsewhere");
    refused(
        &GetMailboxUrlRequest { server_dn: Utf16::from_truncated(&other), auxiliary_buffer: &[] },
        ErrorCode::NOT_FOUND,
    );
}
