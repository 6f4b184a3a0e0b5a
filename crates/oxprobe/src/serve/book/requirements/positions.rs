//! Where a call stands in a table, and how it moves: [MS-OXNSPI] 3.1.4.1.4, 3.1.4.1.9, 3.1.4.1.11, 3.1.4.1.12.

use oxwire::mapi::nspi::{
    CompareMIdsRequest, CompareMIdsSuccess, MinimalEntryIds, PropertyFlags, QueryRowsRequest, QueryRowsSuccess,
    ResortRestrictionRequest, ResortRestrictionSuccess, SeekEntriesRequest, SeekEntriesSuccess, SortType, Stat,
    TaggedValue, UpdateStatRequest, UpdateStatSuccess,
};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};

use super::super::calls;
use super::{
    ADA, BEGIN, BERT, BERTA, CURRENT, END, EVE, NAME_AND_ID, NOBODY, answered, at, book, elsewhere, names, query,
    refused, stat, table, told, unicode, users,
};

fn update(state: Stat, delta_requested: bool) -> UpdateStatRequest<'static> {
    UpdateStatRequest { state: Some(state), delta_requested, auxiliary_buffer: &[] }
}

#[test]
fn update_stat() {
    let users = users();
    let book = book(&users);
    let half = Stat { num_pos: 5, total_recs: 10, ..at(CURRENT, 0) };
    for (rows, asked, wanted, (current_rec, num_pos), delta) in [
        (
            "MS-OXNSPI_R768 MS-OXNSPI_R791 MS-OXNSPI_R795 MS-OXNSPI_R796 MS-OXNSPI_R797 MS-OXNSPI_R798 MS-OXNSPI_R800",
            at(ADA, 2),
            true,
            (BERTA, 2),
            Some(2),
        ),
        ("MS-OXNSPI_R791 MS-OXNSPI_R795", at(END, -9), true, (ADA, 0), Some(-4)),
        ("MS-OXNSPI_R793 MS-OXNSPI_R327", half, true, (BERTA, 2), Some(0)),
        ("MS-OXNSPI_R793 MS-OXNSPI_R795", Stat { delta: 9, ..half }, true, (END, 4), Some(2)),
        ("MS-OXNSPI_R1868", at(ADA, 1), false, (BERT, 1), None),
        ("MS-OXNSPI_R1763 MS-OXNSPI_R332 MS-OXNSPI_R333", at(BEGIN, 0), true, (ADA, 0), Some(0)),
        // The number of rows that the client believes in says nothing about the answer.
        ("MS-OXNSPI_R332 MS-OXNSPI_R333", Stat { total_recs: 77, ..at(BERT, 0) }, true, (BERT, 1), Some(0)),
    ] {
        answered!(UpdateStatSuccess, rows, |to| calls::update_stat(&book, &update(asked, wanted), to), |answer| {
            // R799: and nothing else.
            let expected = Stat { current_rec, num_pos, total_recs: 4, delta: 0, ..asked };
            assert_eq!((answer.state.unwrap().stat(), answer.delta), (&expected, delta), "{rows} {}", "MS-OXNSPI_R799");
        });
    }
    for (rows, asked, code) in [
        ("MS-OXNSPI_R780", unicode(), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R789", elsewhere(), ErrorCode::INVALID_BOOKMARK),
        ("MS-OXNSPI_R792", at(NOBODY, 0), ErrorCode::NOT_FOUND),
    ] {
        refused(rows, code, |to| calls::update_stat(&book, &update(asked, true), to));
    }
}

fn seek<'a>(
    state: Stat,
    tag: PropertyTag,
    text: &'a str,
    columns: Option<&'a [PropertyTag]>,
) -> SeekEntriesRequest<'a> {
    let value = match tag.property_type() {
        PropertyType::STRING8 => PropertyValue::String8(text.as_bytes()),
        _ => PropertyValue::Str(text),
    };
    SeekEntriesRequest {
        state: Some(state),
        target: Some(TaggedValue::new(tag, value)),
        explicit_table: None,
        columns: columns.map(PropertyTags::new),
        auxiliary_buffer: &[],
    }
}

#[test]
fn seek_entries() {
    let users = users();
    let book = book(&users);
    let in_8_bits = PropertyTag::DISPLAY_NAME.with_type(PropertyType::STRING8);
    for (rows, tag, text, (current_rec, num_pos)) in [
        (
            "MS-OXNSPI_R998 MS-OXNSPI_R1050 MS-OXNSPI_R1051 MS-OXNSPI_R1054 MS-OXNSPI_R1076",
            PropertyTag::DISPLAY_NAME,
            "B",
            (BERT, 1),
        ),
        ("MS-OXNSPI_R998 MS-OXNSPI_R1051", in_8_bits, "berta", (BERTA, 2)),
        ("MS-OXNSPI_R998 MS-OXNSPI_R1051", PropertyTag::DISPLAY_NAME, "bertb", (EVE, 3)),
    ] {
        let asked = Stat { delta: 7, num_pos: 70, total_recs: 700, ..at(EVE, 0) };
        let request = seek(asked, tag, text, None);
        answered!(SeekEntriesSuccess, rows, |to| calls::seek_entries(&book, &request, to), |answer| {
            let expected = Stat { current_rec, num_pos, total_recs: 4, delta: 0, ..asked };
            assert_eq!((answer.state.unwrap().stat(), answer.rows), (&expected, None), "{rows} {}", "MS-OXNSPI_R1055");
        });
    }
    // In an Explicit Table the place is exact, and the table is that one.
    let mids = [BERT, BERTA, EVE];
    let request = SeekEntriesRequest {
        explicit_table: Some(table(&mids)),
        ..seek(at(END, 0), PropertyTag::DISPLAY_NAME, "bertaa", None)
    };
    let rows = "MS-OXNSPI_R1051 MS-OXNSPI_R1052 MS-OXNSPI_R1054";
    answered!(SeekEntriesSuccess, rows, |to| calls::seek_entries(&book, &request, to), |answer| {
        let expected = Stat { current_rec: EVE, num_pos: 2, total_recs: 3, ..stat() };
        assert_eq!(answer.state.unwrap().stat(), &expected, "{rows}");
    });
    // A table that is not sorted may be searched to any end; this server searches it as it is.
    let mids = [EVE, ADA];
    let request =
        SeekEntriesRequest { explicit_table: Some(table(&mids)), ..seek(stat(), PropertyTag::DISPLAY_NAME, "b", None) };
    answered!(SeekEntriesSuccess, "MS-OXNSPI_R1020", |to| calls::seek_entries(&book, &request, to), |answer| {
        assert_eq!(answer.state.unwrap().stat().current_rec, EVE);
    });
    let name = PropertyTag::DISPLAY_NAME;
    let phonetic = Stat { sort_type: SortType::PHONETIC_DISPLAY_NAME, ..stat() };
    for (rows, request, code) in [
        ("MS-OXNSPI_R1016", seek(unicode(), name, "a", None), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1033", seek(elsewhere(), name, "a", None), ErrorCode::INVALID_BOOKMARK),
        ("MS-OXNSPI_R1039", seek(phonetic, name, "a", None), ErrorCode::GENERAL_FAILURE),
        ("MS-OXNSPI_R1043", seek(stat(), PropertyTag::SMTP_ADDRESS, "a", None), ErrorCode::GENERAL_FAILURE),
        ("MS-OXNSPI_R1048", seek(stat(), name, "f", None), ErrorCode::NOT_FOUND),
    ] {
        refused(rows, code, |to| calls::seek_entries(&book, &request, to));
    }
}

/// The rows of NspiSeekEntries are those that NspiQueryRows answers to what NspiSeekEntries answered.
#[test]
fn seek_entries_has_the_rows_of_query_rows() {
    let users = users();
    let book = book(&users);
    let mids = [BERT, BERTA, EVE];
    for (rows, explicit, from_there, expected) in [
        ("MS-OXNSPI_R1058 MS-OXNSPI_R1695 MS-OXNSPI_R105801", None, &[][..], &["berta", "eve"][..]),
        ("MS-OXNSPI_R1058 MS-OXNSPI_R1755 MS-OXNSPI_R105801", Some(table(&mids)), &mids[1..], &["berta", "eve"]),
    ] {
        let request = SeekEntriesRequest {
            explicit_table: explicit,
            ..seek(stat(), PropertyTag::DISPLAY_NAME, "berta", Some(&NAME_AND_ID))
        };
        answered!(SeekEntriesSuccess, rows, |to| calls::seek_entries(&book, &request, to), |found| {
            let query = QueryRowsRequest {
                flags: PropertyFlags::EPHEMERAL_IDS,
                explicit_table: table(from_there),
                ..query(*found.state.unwrap().stat(), 2, &NAME_AND_ID)
            };
            let there = found.rows.unwrap();
            assert_eq!(names(there), expected, "{rows}");
            answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &query, to), |page| {
                assert_eq!(told(there), told(page.rows.unwrap()), "{rows}");
            });
        });
    }
}

#[test]
fn compare_mids() {
    let users = users();
    let book = book(&users);
    let compare = |state, minimal_id_1, minimal_id_2| CompareMIdsRequest {
        state: Some(state),
        minimal_id_1,
        minimal_id_2,
        auxiliary_buffer: &[],
    };
    for (rows, first, second, sign) in [
        ("MS-OXNSPI_R1210 MS-OXNSPI_R1236 MS-OXNSPI_R1242", ADA, EVE, -1),
        ("MS-OXNSPI_R1210 MS-OXNSPI_R1238", EVE, BERT, 1),
        ("MS-OXNSPI_R1210 MS-OXNSPI_R1240", BERTA, BERTA, 0),
    ] {
        let request = compare(at(END, 3), first, second);
        answered!(CompareMIdsSuccess, rows, |to| calls::compare_mids(&book, &request, to), |answer| {
            assert_eq!(answer.result.signum(), sign, "{rows}");
        });
    }
    for (rows, request, code) in [
        ("MS-OXNSPI_R1223", compare(unicode(), ADA, EVE), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1230", compare(elsewhere(), ADA, EVE), ErrorCode::INVALID_BOOKMARK),
        ("MS-OXNSPI_R1234 MS-OXNSPI_R899", compare(stat(), NOBODY, EVE), ErrorCode::GENERAL_FAILURE),
        ("MS-OXNSPI_R1234 MS-OXNSPI_R899", compare(stat(), ADA, NOBODY), ErrorCode::GENERAL_FAILURE),
    ] {
        refused(rows, code, |to| calls::compare_mids(&book, &request, to));
    }
}

#[test]
fn resort_restriction() {
    let users = users();
    let book = book(&users);
    let given = [EVE, NOBODY, ADA, BERTA];
    let resort = |state| ResortRestrictionRequest {
        state: Some(state),
        minimal_ids: Some(MinimalEntryIds::new(&given)),
        auxiliary_buffer: &[],
    };
    for (rows, asked, (current_rec, num_pos)) in [
        (
            "MS-OXNSPI_R1168 MS-OXNSPI_R1197 MS-OXNSPI_R1198 MS-OXNSPI_R1201 MS-OXNSPI_R1204 MS-OXNSPI_R1209",
            at(EVE, 0),
            (EVE, 2),
        ),
        ("MS-OXNSPI_R1205 MS-OXNSPI_R1759", Stat { num_pos: 3, ..at(BERT, 0) }, (BEGIN, 0)),
    ] {
        answered!(
            ResortRestrictionSuccess,
            rows,
            |to| calls::resort_restriction(&book, &resort(asked), to),
            |answer| {
                let sorted: Vec<_> = answer.minimal_ids.unwrap().ids().iter().collect();
                assert_eq!(sorted, [ADA, BERTA, EVE], "{rows}");
                let expected = Stat { current_rec, num_pos, total_recs: 3, ..asked };
                assert_eq!(answer.state.unwrap().stat(), &expected, "{rows} {}", "MS-OXNSPI_R1207");
            }
        );
    }
    let by = |sort_type| Stat { sort_type, ..stat() };
    for (rows, asked, code) in [
        ("MS-OXNSPI_R1181", unicode(), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1185 MS-OXNSPI_R1194001", by(SortType::DISPLAY_NAME_W), ErrorCode::GENERAL_FAILURE),
        ("MS-OXNSPI_R1194001", by(SortType::PHONETIC_DISPLAY_NAME), ErrorCode::GENERAL_FAILURE),
    ] {
        refused(rows, code, |to| calls::resort_restriction(&book, &resort(asked), to));
    }
}
