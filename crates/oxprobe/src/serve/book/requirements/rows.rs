//! Rows of a table: NspiQueryRows, [MS-OXNSPI] 3.1.4.1.8.

use oxwire::mapi::nspi::{
    GetPropsRequest, GetPropsSuccess, MinimalEntryId, PropertyFlags, QueryRowsRequest, QueryRowsSuccess, Stat,
    TaggedValue, UpdateStatRequest, UpdateStatSuccess,
};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyType};

use super::super::calls::{self, Encoding};
use super::{
    ADA, BERT, BERTA, CURRENT, END, EVE, NAME, NAME_AND_ID, NOBODY, answered, at, book, bytes_of, elsewhere, names,
    query, refused, stat, table, told, unicode, users,
};

#[test]
fn query_rows() {
    let users = users();
    let book = book(&users);
    let half = Stat { num_pos: 5, total_recs: 10, ..at(CURRENT, 0) };
    for (rows, asked, count, expected, (current_rec, num_pos)) in [
        (
            "MS-OXNSPI_R916 MS-OXNSPI_R955 MS-OXNSPI_R967 MS-OXNSPI_R983 MS-OXNSPI_R988 MS-OXNSPI_R997 MS-OXNSPI_R1749",
            stat(),
            10,
            &["ada", "Bert", "berta", "eve"][..],
            (END, 4),
        ),
        ("MS-OXNSPI_R494 MS-OXNSPI_R496 MS-OXNSPI_R480", stat(), 3, &["ada", "Bert", "berta"], (EVE, 3)),
        ("MS-OXNSPI_R962 MS-OXNSPI_R988", at(BERTA, -1), 1, &["Bert"], (BERTA, 2)),
        ("MS-OXNSPI_R955 MS-OXNSPI_R967", half, 1, &["berta"], (EVE, 3)),
        // Nothing behind the end: success, and the end again.
        ("MS-OXNSPI_R986", at(END, 0), 5, &[], (END, 4)),
    ] {
        let request = query(asked, count, &NAME);
        answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &request, to), |page| {
            let expected = (expected, Stat { current_rec, num_pos, total_recs: 4, delta: 0, ..asked });
            let found = names(page.rows.unwrap());
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), *page.state.unwrap().stat()),
                expected,
                "{rows}"
            );
        });
    }
    let any = |flags, state, count| QueryRowsRequest { flags, ..query(state, count, &NAME) };
    for (rows, request, code) in [
        ("MS-OXNSPI_R935", any(PropertyFlags::NONE, unicode(), 1), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R939", any(PropertyFlags::NONE, stat(), 0), ErrorCode::INVALID_PARAMETER),
        ("MS-OXNSPI_R955", any(PropertyFlags::NONE, elsewhere(), 1), ErrorCode::INVALID_BOOKMARK),
        ("MS-OXNSPI_R955", any(PropertyFlags::NONE, at(NOBODY, 0), 1), ErrorCode::NOT_FOUND),
    ] {
        refused(rows, code, |to| calls::query_rows(&book, &request, to));
    }
    // Other bits than fSkipObjects and fEphID: the same answer, byte for byte.
    for to in [Encoding::MapiHttp, Encoding::Rpc] {
        let plain = calls::query_rows(&book, &any(PropertyFlags::NONE, stat(), 3), to);
        let other = calls::query_rows(&book, &any(PropertyFlags::from_bits(0xFFFF_FFFC), stat(), 3), to);
        assert_eq!(plain, other, "{}", "MS-OXNSPI_R1926");
    }
}

#[test]
fn columns() {
    let users = users();
    let book = book(&users);
    let reversed = [PropertyTag::ENTRY_ID, PropertyTag::DISPLAY_NAME];
    answered!(
        QueryRowsSuccess,
        "MS-OXNSPI_R951",
        |to| calls::query_rows(&book, &query(stat(), 1, &reversed), to),
        |page| {
            let row = page.rows.unwrap().rows().next().unwrap().unwrap();
            let tags: Vec<_> = row.cells().map(|cell| cell.unwrap().0).collect();
            assert_eq!(tags, reversed);
        }
    );
    // Who names none gets seven, strings among them in 8 bits. Three of them a user does not have.
    let request = QueryRowsRequest { columns: None, ..query(stat(), 1, &[]) };
    let expected: [u32; 7] =
        [0xFFFD_0003, 0x0FFE_0003, 0x3900_0003, 0x3001_001E, 0x3A1A_001E, 0x3A18_001E, 0x3A19_001E];
    answered!(QueryRowsSuccess, "MS-OXNSPI_R1627", |to| calls::query_rows(&book, &request, to), |page| {
        let row = page.rows.unwrap().rows().next().unwrap().unwrap();
        let cells: Vec<_> = row.cells().map(Result::unwrap).collect();
        assert_eq!(cells.len(), 7);
        for ((tag, cell), expected) in cells.into_iter().zip(expected.map(PropertyTag)) {
            assert_eq!(tag.id(), expected.id());
            match cell {
                Cell::Value(value) => assert_eq!(value.property_type(), expected.property_type()),
                _ => assert!([0x3A1A, 0x3A18, 0x3A19].contains(&tag.id())),
            }
        }
    });
    // A property that no row has: rows as asked for, each with an error in it.
    let none = [PropertyTag::TITLE];
    let rows = "MS-OXNSPI_R985 MS-OXNSPI_R986";
    answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &query(stat(), 3, &none), to), |page| {
        let cells: Vec<_> =
            page.rows.unwrap().rows().map(|row| row.unwrap().cells().next().unwrap().unwrap().1).collect();
        assert_eq!(cells, [Cell::Error(ErrorCode::NOT_FOUND); 3]);
    });
    // So many columns GetProps does not answer, and so no row has them.
    let many = vec![PropertyTag::DISPLAY_NAME; 4097];
    let props = GetPropsRequest {
        flags: PropertyFlags::NONE,
        state: Some(at(ADA, 0)),
        property_tags: Some(PropertyTags::new(&many)),
        auxiliary_buffer: &[],
    };
    let rows = "MS-OXNSPI_R982";
    refused(rows, ErrorCode::TABLE_TOO_BIG, |to| calls::get_props(&book, &props, to));
    refused(rows, ErrorCode::TABLE_TOO_BIG, |to| calls::query_rows(&book, &query(stat(), 1, &many), to));
}

/// An Explicit Table is the table; the one of the STAT is not looked at.
#[test]
fn an_explicit_table() {
    let users = users();
    let book = book(&users);
    let mids = [EVE, ADA, BERT];
    let rows = "MS-OXNSPI_R958 MS-OXNSPI_R967";
    let request = QueryRowsRequest {
        explicit_table: table(&mids),
        ..query(Stat { container_id: NOBODY, ..at(NOBODY, 3) }, 9, &NAME)
    };
    answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &request, to), |page| {
        assert_eq!(names(page.rows.unwrap()), ["eve", "ada", "Bert"], "{rows}");
        assert_eq!(page.state.unwrap().stat(), &request.state.unwrap(), "{rows}");
    });
    // Rows that are not there have errors for values.
    let mids = [NOBODY, MinimalEntryId(0x98)];
    let rows = "MS-OXNSPI_R985 MS-OXNSPI_R986";
    let request = QueryRowsRequest { explicit_table: table(&mids), ..query(stat(), 2, &NAME) };
    answered!(QueryRowsSuccess, rows, |to| calls::query_rows(&book, &request, to), |page| {
        let cells: Vec<_> =
            page.rows.unwrap().rows().map(|row| row.unwrap().cells().next().unwrap().unwrap().1).collect();
        assert_eq!(cells, [Cell::Error(ErrorCode::NOT_FOUND); 2], "{rows}");
    });
}

/// An error is a value in the answer to NspiGetProps, and a cell without one in a row.
fn there(each: TaggedValue<'_>) -> Option<(PropertyType, Vec<u8>)> {
    (each.tag.property_type() != PropertyType::ERROR_CODE).then(|| bytes_of(each.value))
}

/// Each row is what NspiGetProps answers of that object.
#[test]
fn oxnspi_r1694_rows_are_those_of_get_props() {
    let users = users();
    let book = book(&users);
    let tags = [PropertyTag::ENTRY_ID, PropertyTag::TITLE, PropertyTag::DISPLAY_NAME];
    for flags in [PropertyFlags::NONE, PropertyFlags::EPHEMERAL_IDS] {
        let request = QueryRowsRequest { flags, ..query(stat(), 4, &tags) };
        answered!(QueryRowsSuccess, "MS-OXNSPI_R1694", |to| calls::query_rows(&book, &request, to), |page| {
            let rows = told(page.rows.unwrap());
            assert_eq!(rows.len(), 4);
            for (row, mid) in rows.iter().zip([ADA, BERT, BERTA, EVE]) {
                let props = GetPropsRequest {
                    flags,
                    state: Some(at(mid, 0)),
                    property_tags: Some(PropertyTags::new(&tags)),
                    auxiliary_buffer: &[],
                };
                answered!(GetPropsSuccess, "MS-OXNSPI_R1694", |to| calls::get_props(&book, &props, to), |object| {
                    let values = object.property_values.unwrap().iter();
                    let object: Vec<_> =
                        values.map(|each| format!("{:04x} {:?}", each.tag.id(), there(each))).collect();
                    assert_eq!(row, &object);
                });
            }
        });
    }
}

/// The STAT behind the rows is the one that NspiUpdateStat gives for as many rows further on.
#[test]
fn oxnspi_r1701_the_place_behind_rows_is_that_of_update_stat() {
    let users = users();
    let book = book(&users);
    for (asked, count) in
        [(stat(), 2), (at(BERT, 1), 1), (at(EVE, -2), 9), (Stat { num_pos: 1, total_recs: 2, ..at(CURRENT, 0) }, 1)]
    {
        answered!(
            QueryRowsSuccess,
            "MS-OXNSPI_R1701",
            |to| calls::query_rows(&book, &query(asked, count, &NAME_AND_ID), to),
            |page| {
                let passed = i32::try_from(page.rows.unwrap().len()).unwrap();
                let further = Stat { delta: asked.delta + passed, ..asked };
                let update = UpdateStatRequest { state: Some(further), delta_requested: false, auxiliary_buffer: &[] };
                answered!(UpdateStatSuccess, "MS-OXNSPI_R1701", |to| calls::update_stat(&book, &update, to), |moved| {
                    assert_eq!(page.state, moved.state);
                });
            }
        );
    }
}
