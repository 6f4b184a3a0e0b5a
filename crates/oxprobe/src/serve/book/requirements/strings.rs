//! Strings of both kinds, and names that are resolved: [MS-OXNSPI] 3.1.4.1.16, 3.1.4.1.17, 3.1.4.3, 3.1.4.7.

use oxwire::core::{Reader, utf16_le_bytes};
use oxwire::mapi::nspi::{
    GetMatchesRequest, GetMatchesSuccess, GetPropsRequest, GetPropsSuccess, PropertyFlags, QueryRowsSuccess,
    ResolveNamesSuccess, RowLimit, SeekEntriesRequest, SeekEntriesSuccess, Stat, TaggedValue,
};
use oxwire::mapi::property::{
    CountWidth, ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue, Restriction,
};

use super::super::Book;
use super::super::calls::{self, Encoding, Outcome};
use super::{ADA, NAME, answered, at, book, bytes_of, elsewhere, names, query, refused, stat, unicode, users};
use crate::serve::users::user_dn;

/// How a property is asked for: its native type, the type asked for, and what its value is for ada.
fn forms() -> [(PropertyTag, PropertyType, Vec<u8>); 6] {
    let (name, dn) = ("ada", user_dn("ada@oxwire.test"));
    let (by_nature_wide, by_nature_in_8_bits) = (PropertyTag::DISPLAY_NAME, PropertyTag::EMAIL_ADDRESS);
    [
        (by_nature_wide, PropertyType::STRING8, name.as_bytes().to_vec()),
        (by_nature_wide, PropertyType::STRING, utf16_le_bytes(name).to_vec()),
        (by_nature_in_8_bits, PropertyType::STRING, utf16_le_bytes(&dn).to_vec()),
        (by_nature_in_8_bits, PropertyType::STRING8, dn.as_bytes().to_vec()),
        // Any type will do: it is the native one.
        (by_nature_wide, PropertyType::UNSPECIFIED, utf16_le_bytes(name).to_vec()),
        (by_nature_in_8_bits, PropertyType::UNSPECIFIED, dn.as_bytes().to_vec()),
    ]
}

/// Ada's row as a call answers it.
type Call = fn(&Book<'_>, PropertyTags<'_>, Encoding) -> Vec<(PropertyType, Vec<u8>)>;

fn values(row: oxwire::mapi::nspi::Row<'_>) -> Vec<(PropertyType, Vec<u8>)> {
    row.cells().map(|cell| bytes_of(cell.unwrap().1.value().unwrap())).collect()
}

fn get_props(book: &Book<'_>, tags: PropertyTags<'_>, to: Encoding) -> Vec<(PropertyType, Vec<u8>)> {
    let (flags, state, property_tags) = (PropertyFlags::NONE, Some(at(ADA, 0)), Some(tags));
    let request = GetPropsRequest { flags, state, property_tags, auxiliary_buffer: &[] };
    let (bytes, _) = calls::get_props(book, &request, to).unwrap();
    let answer: GetPropsSuccess<'_> = super::read(&bytes, to);
    answer.property_values.unwrap().iter().map(|each| bytes_of(each.value)).collect()
}

fn query_rows(book: &Book<'_>, tags: PropertyTags<'_>, to: Encoding) -> Vec<(PropertyType, Vec<u8>)> {
    let columns: Vec<PropertyTag> = tags.iter().collect();
    let (bytes, _) = calls::query_rows(book, &query(stat(), 1, &columns), to).unwrap();
    let answer: QueryRowsSuccess<'_> = super::read(&bytes, to);
    values(answer.rows.unwrap().rows().next().unwrap().unwrap())
}

fn get_matches(book: &Book<'_>, tags: PropertyTags<'_>, to: Encoding) -> Vec<(PropertyType, Vec<u8>)> {
    // An ExistRestriction of PidTagDisplayName.
    let filter = Restriction::decode(&mut Reader::new(b"\x08\x1F\0\x01\x30"), CountWidth::AddressBook).unwrap();
    let request = GetMatchesRequest {
        state: Some(stat()),
        minimal_ids: None,
        filter: Some(filter),
        property_name: None,
        row_count: 9,
        columns: Some(tags),
        auxiliary_buffer: &[],
    };
    let (bytes, _) = calls::get_matches(book, &request, to).unwrap();
    let answer: GetMatchesSuccess<'_> = super::read(&bytes, to);
    values(answer.rows.unwrap().rows().next().unwrap().unwrap())
}

fn seek_entries(book: &Book<'_>, tags: PropertyTags<'_>, to: Encoding) -> Vec<(PropertyType, Vec<u8>)> {
    let request = SeekEntriesRequest {
        state: Some(stat()),
        target: Some(TaggedValue::new(PropertyTag::DISPLAY_NAME, PropertyValue::Str("a"))),
        explicit_table: None,
        columns: Some(tags),
        auxiliary_buffer: &[],
    };
    let (bytes, _) = calls::seek_entries(book, &request, to).unwrap();
    let answer: SeekEntriesSuccess<'_> = super::read(&bytes, to);
    values(answer.rows.unwrap().rows().next().unwrap().unwrap())
}

fn resolve(book: &Book<'_>, state: Stat, columns: PropertyTags<'_>, names: &[&str], to: Encoding) -> Outcome {
    let limit = RowLimit::for_names(names.len());
    calls::resolve_names(book, Some(state), Some(columns), (names.iter().map(|name| (*name).to_owned()), limit), to)
}

fn resolve_names(book: &Book<'_>, tags: PropertyTags<'_>, to: Encoding) -> Vec<(PropertyType, Vec<u8>)> {
    let (bytes, _) = resolve(book, stat(), tags, &["ada"], to).unwrap();
    let answer: ResolveNamesSuccess<'_> = super::read(&bytes, to);
    values(answer.rows.unwrap().rows().next().unwrap().unwrap())
}

#[test]
fn strings_come_as_they_were_asked_for() {
    let users = users();
    let book = book(&users);
    let forms = forms();
    // Of each call: a Unicode property in 8 bits, the same in Unicode, one of 8 bits in Unicode, the same in 8 bits.
    let cases: [(Call, [&str; 4]); 5] = [
        (
            get_props,
            [
                "MS-OXNSPI_R446 MS-OXNSPI_R1934 MS-OXNSPI_R1969 MS-OXNSPI_R433 MS-OXNSPI_R455",
                "MS-OXNSPI_R447 MS-OXNSPI_R1942 MS-OXNSPI_R1968 MS-OXNSPI_R433 MS-OXNSPI_R455",
                "MS-OXNSPI_R448 MS-OXNSPI_R1950 MS-OXNSPI_R1968",
                "MS-OXNSPI_R450 MS-OXNSPI_R1958 MS-OXNSPI_R1969",
            ],
        ),
        (
            query_rows,
            [
                "MS-OXNSPI_R446 MS-OXNSPI_R1935 MS-OXNSPI_R1971",
                "MS-OXNSPI_R447 MS-OXNSPI_R1943 MS-OXNSPI_R1970",
                "MS-OXNSPI_R448 MS-OXNSPI_R1951 MS-OXNSPI_R1970",
                "MS-OXNSPI_R450 MS-OXNSPI_R1959 MS-OXNSPI_R1971",
            ],
        ),
        (
            get_matches,
            [
                "MS-OXNSPI_R446 MS-OXNSPI_R1936 MS-OXNSPI_R1973",
                "MS-OXNSPI_R447 MS-OXNSPI_R1944 MS-OXNSPI_R1972",
                "MS-OXNSPI_R448 MS-OXNSPI_R1952 MS-OXNSPI_R1972",
                "MS-OXNSPI_R450 MS-OXNSPI_R1960 MS-OXNSPI_R1973",
            ],
        ),
        (
            seek_entries,
            [
                "MS-OXNSPI_R446 MS-OXNSPI_R1937 MS-OXNSPI_R1975",
                "MS-OXNSPI_R447 MS-OXNSPI_R1945 MS-OXNSPI_R1974",
                "MS-OXNSPI_R448 MS-OXNSPI_R1953 MS-OXNSPI_R1974",
                "MS-OXNSPI_R450 MS-OXNSPI_R1961 MS-OXNSPI_R1975",
            ],
        ),
        (
            // Both calls: how the names came makes no difference to the rows.
            resolve_names,
            [
                "MS-OXNSPI_R446 MS-OXNSPI_R459 MS-OXNSPI_R460 MS-OXNSPI_R1938 MS-OXNSPI_R1977 MS-OXNSPI_R1939 MS-OXNSPI_R1979",
                "MS-OXNSPI_R447 MS-OXNSPI_R1946 MS-OXNSPI_R1976 MS-OXNSPI_R1947 MS-OXNSPI_R1978",
                "MS-OXNSPI_R448 MS-OXNSPI_R1954 MS-OXNSPI_R1976 MS-OXNSPI_R1955 MS-OXNSPI_R1978",
                "MS-OXNSPI_R450 MS-OXNSPI_R1962 MS-OXNSPI_R1977 MS-OXNSPI_R1963 MS-OXNSPI_R1979",
            ],
        ),
    ];
    for (call, rows) in cases {
        for to in super::BOTH {
            for ((tag, asked, bytes), rows) in forms.iter().zip(rows) {
                let tags = [tag.with_type(*asked)];
                assert_eq!(call(&book, PropertyTags::new(&tags), to), [(*asked, bytes.clone())], "{rows} {to:?}");
            }
        }
    }
}

/// A client that leaves the type open gets the type that the property has by nature, which does not change.
#[test]
fn oxnspi_r36_r1597_any_type_is_the_native_one() {
    let users = users();
    for _ in 0..2 {
        let book = book(&users);
        for call in [get_props as Call, query_rows, get_matches, seek_entries, resolve_names] {
            for to in super::BOTH {
                for ((tag, asked, bytes), native) in
                    forms().into_iter().skip(4).zip([PropertyType::STRING, PropertyType::STRING8])
                {
                    let tags = [tag.with_type(asked)];
                    assert_eq!(call(&book, PropertyTags::new(&tags), to), [(native, bytes)], "{to:?}");
                }
            }
        }
    }
}

/// Ambiguous name resolution, and the rows of who was found.
#[test]
fn names_are_resolved() {
    let users = users();
    let book = book(&users);
    let dn = user_dn("eve@oxwire.test");
    const FOUND: u32 = 2;
    const SEVERAL: u32 = 1;
    const NOBODY: u32 = 0;
    for (rows, given, expected) in [
        ("MS-OXNSPI_R616 MS-OXNSPI_R622 MS-OXNSPI_R1375 MS-OXNSPI_R1426", "ADA", FOUND),
        ("MS-OXNSPI_R622", "berta@oxwire.test", FOUND),
        ("MS-OXNSPI_R622", &dn, FOUND),
        ("MS-OXNSPI_R616 MS-OXNSPI_R620", "ber", SEVERAL),
        ("MS-OXNSPI_R616 MS-OXNSPI_R618", "nobody", NOBODY),
        ("MS-OXNSPI_R624", "", NOBODY),
    ] {
        answered!(
            ResolveNamesSuccess,
            rows,
            |to| resolve(&book, stat(), PropertyTags::new(&NAME), &[given], to),
            |answer| {
                let mids: Vec<u32> = answer.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
                let count = usize::from(expected == FOUND);
                assert_eq!((mids, answer.rows.unwrap().len()), (vec![expected], count), "{rows}");
            }
        );
    }
    // One id for each name, in their order, and a row for each that was found.
    let rows = "MS-OXNSPI_R1393 MS-OXNSPI_R1394 MS-OXNSPI_R1395 MS-OXNSPI_R1425 MS-OXNSPI_R1428 MS-OXNSPI_R1430 MS-OXNSPI_R1443";
    let given = ["eve", "nobody", "Bert", "ber", "ada"];
    answered!(ResolveNamesSuccess, rows, |to| resolve(&book, stat(), PropertyTags::new(&NAME), &given, to), |answer| {
        assert_eq!(answer.error_code, ErrorCode::SUCCESS, "{rows}");
        let mids: Vec<u32> = answer.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
        assert_eq!(mids, [FOUND, NOBODY, FOUND, SEVERAL, FOUND], "{rows}");
        assert_eq!(names(answer.rows.unwrap()), ["eve", "Bert", "ada"], "{rows}");
    });
    for (rows, state, code) in [
        ("MS-OXNSPI_R1359 MS-OXNSPI_R1410", unicode(), ErrorCode::INVALID_CODE_PAGE),
        ("MS-OXNSPI_R1372 MS-OXNSPI_R1423", elsewhere(), ErrorCode::INVALID_BOOKMARK),
    ] {
        refused(rows, code, |to| resolve(&book, state, PropertyTags::new(&NAME), &["ada"], to));
    }
}
