//! Explicit Tables made by a restriction: NspiGetMatches, [MS-OXNSPI] 3.1.4.1.10.

use oxwire::core::{Reader, utf16_le_bytes};
use oxwire::mapi::nspi::{
    GetMatchesRequest, GetMatchesSuccess, MinimalEntryId, PropertyFlags, QueryRowsRequest, QueryRowsSuccess, SortType,
    Stat,
};
use oxwire::mapi::property::{CountWidth, ErrorCode, PropertyTag, PropertyTags, Restriction};

use super::super::calls;
use super::{
    ADA, BERT, BERTA, EVE, NAME, NAME_AND_ID, NOBODY, answered, at, book, elsewhere, names, query, refused, stat,
    table, told, unicode, users,
};

/// Restrictions by hand from [MS-OXCDATA] 2.12 and [MS-OXCMAPIHTTP] 2.2.1.1: a string has HasValue in front.
fn text(of: &str) -> Vec<u8> {
    [&[0xFF][..], &utf16_le_bytes(of), &[0, 0]].concat()
}

fn named(rel_op: u8, of: &str) -> Vec<u8> {
    let tag = PropertyTag::DISPLAY_NAME.0.to_le_bytes();
    [&[0x04, rel_op][..], &tag, &tag, &text(of)].concat()
}

fn contains(fuzzy_level_low: u8, of: &str) -> Vec<u8> {
    let tag = PropertyTag::DISPLAY_NAME.0.to_le_bytes();
    [&[0x03, fuzzy_level_low, 0, 1, 0][..], &tag, &tag, &text(of)].concat()
}

fn exists(tag: PropertyTag) -> Vec<u8> {
    [&[0x08][..], &tag.0.to_le_bytes()].concat()
}

/// AndRestriction is 0, OrRestriction 1: the count has 32 bits here.
fn of_several(kind: u8, all: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(all.len()).unwrap().to_le_bytes();
    [&[kind][..], &count, &all.concat()].concat()
}

fn not(one: &[u8]) -> Vec<u8> {
    [&[0x02][..], one].concat()
}

fn decoded(filter: &[u8]) -> Restriction<'_> {
    Restriction::decode(&mut Reader::new(filter), CountWidth::AddressBook).unwrap()
}

fn matching<'a>(
    filter: Option<&'a [u8]>,
    state: Stat,
    row_count: u32,
    columns: &'a [PropertyTag],
) -> GetMatchesRequest<'a> {
    GetMatchesRequest {
        state: Some(state),
        minimal_ids: None,
        filter: filter.map(decoded),
        property_name: None,
        row_count,
        columns: Some(PropertyTags::new(columns)),
        auxiliary_buffer: &[],
    }
}

#[test]
fn restrictions() {
    let users = users();
    let book = book(&users);
    let title = exists(PropertyTag::TITLE);
    let anyone = exists(PropertyTag::DISPLAY_NAME);
    let cases: [(&str, Vec<u8>, &[MinimalEntryId]); 12] = [
        ("MS-OXNSPI_R1908 MS-OXNSPI_R1913", of_several(0, &[contains(2, "ber"), named(5, "bert")]), &[BERTA]),
        ("MS-OXNSPI_R1908", of_several(0, &[]), &[ADA, BERT, BERTA, EVE]),
        ("MS-OXNSPI_R1909 MS-OXNSPI_R1913", of_several(1, &[named(4, "EVE"), named(4, "ada")]), &[ADA, EVE]),
        ("MS-OXNSPI_R1909", of_several(1, &[]), &[]),
        ("MS-OXNSPI_R1910 MS-OXNSPI_R1913", not(&contains(1, "e")), &[ADA]),
        ("MS-OXNSPI_R1911 MS-OXNSPI_R1913", contains(1, "RT"), &[BERT, BERTA]),
        ("MS-OXNSPI_R1911", contains(2, "e"), &[EVE]),
        ("MS-OXNSPI_R1911", contains(0, "bert"), &[BERT]),
        ("MS-OXNSPI_R1912 MS-OXNSPI_R1913", named(1, "bert"), &[ADA, BERT]),
        ("MS-OXNSPI_R1912", named(3, "berta"), &[BERTA, EVE]),
        ("MS-OXNSPI_R1914 MS-OXNSPI_R1913", anyone, &[ADA, BERT, BERTA, EVE]),
        ("MS-OXNSPI_R1914", title, &[]),
    ];
    for (rows, filter, expected) in cases {
        let request = matching(Some(&filter), stat(), 10, &NAME);
        answered!(GetMatchesSuccess, rows, |to| calls::get_matches(&book, &request, to), |found| {
            let ids: Vec<_> = found.minimal_ids.unwrap().ids().iter().collect();
            assert_eq!((ids.as_slice(), found.rows.unwrap().len()), (expected, expected.len()), "{rows}");
        });
    }
}

#[test]
fn the_explicit_table_and_the_stat() {
    let users = users();
    let book = book(&users);
    let ber = contains(2, "ber");
    let rows = "MS-OXNSPI_R1077 MS-OXNSPI_R1144 MS-OXNSPI_R1146 MS-OXNSPI_R1147 MS-OXNSPI_R1155 MS-OXNSPI_R1165 MS-OXNSPI_R1166 MS-OXNSPI_R1167 MS-OXNSPI_R1696";
    // Delta and the rest stay as they came: only ContainerID changes, with rows and without.
    let asked = Stat { num_pos: 3, total_recs: 5, ..at(NOBODY, -7) };
    let request = matching(Some(&ber), asked, 2, &NAME_AND_ID);
    answered!(GetMatchesSuccess, rows, |to| calls::get_matches(&book, &request, to), |found| {
        let expected = Stat { container_id: NOBODY, ..asked };
        assert_eq!(found.state.unwrap().stat(), &expected, "{rows}");
        let ids: Vec<_> = found.minimal_ids.unwrap().ids().iter().collect();
        assert_eq!(ids, [BERT, BERTA], "{rows}");
        let there = found.rows.unwrap();
        assert_eq!(names(there), ["Bert", "berta"], "{rows}");
        // The rows are those of NspiQueryRows for that table, with fEphID.
        let query = QueryRowsRequest {
            flags: PropertyFlags::EPHEMERAL_IDS,
            explicit_table: table(&ids),
            ..query(expected, 2, &NAME_AND_ID)
        };
        answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &query, to), |page| {
            assert_eq!(told(there), told(page.rows.unwrap()), "{rows}");
        });
    });
    let request = GetMatchesRequest { columns: None, ..request };
    answered!(GetMatchesSuccess, rows, |to| calls::get_matches(&book, &request, to), |found| {
        assert_eq!(found.state.unwrap().stat(), &Stat { container_id: NOBODY, ..asked }, "{rows}");
        assert_eq!((found.minimal_ids.unwrap().ids().len(), found.rows), (2, None), "{rows}");
    });
}

#[test]
fn refusals() {
    let users = users();
    let book = book(&users);
    let ber = contains(2, "ber");
    let filter = Some(&ber[..]);
    let by = |sort_type| Stat { sort_type, ..stat() };
    let writable = |state: Stat| Stat { sort_type: SortType::DISPLAY_NAME_W, ..state };
    for (rows, request, code) in [
        ("MS-OXNSPI_R1101", matching(filter, unicode(), 9, &NAME), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1105", matching(filter, by(SortType::DISPLAY_NAME_RO), 9, &NAME), ErrorCode::GENERAL_FAILURE),
        ("MS-OXNSPI_R1122", matching(filter, elsewhere(), 9, &NAME), ErrorCode::INVALID_BOOKMARK),
        ("MS-OXNSPI_R1149", matching(filter, stat(), 1, &NAME), ErrorCode::TABLE_TOO_BIG),
        // By the values of a property: the object is looked for whatever container and Delta say.
        ("MS-OXNSPI_R1138", matching(None, at(NOBODY, 0), 9, &NAME), ErrorCode::GENERAL_FAILURE),
        (
            "MS-OXNSPI_R1131 MS-OXNSPI_R1140",
            matching(None, Stat { container_id: NOBODY, ..at(ADA, 5) }, 9, &NAME),
            ErrorCode::NOT_SUPPORTED,
        ),
        ("MS-OXNSPI_R1139", matching(None, writable(at(ADA, 0)), 9, &NAME), ErrorCode::NOT_SUPPORTED),
    ] {
        refused(rows, code, |to| calls::get_matches(&book, &request, to));
    }
}
