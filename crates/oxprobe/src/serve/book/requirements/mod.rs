//! Row by row: what an address book server does with a call, [MS-OXNSPI] 3.1.4. Every answer is written and read in both encodings.
//!
//! The book has four users, whose names sort in another order than they were added in.

mod identity;
mod matches;
mod objects;
mod positions;
mod rows;
mod strings;

use bytes::Bytes;
use oxwire::core::{Decode, FileTime, Guid, Limits, SecretString, decode_all};
use oxwire::mapi::nspi::{ExplicitTable, MinimalEntryId, MinimalEntryIds, PropertyFlags, QueryRowsRequest, Row, Stat};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyType, PropertyValue};
use oxwire::mapirpc::nspi::Response;
use oxwire::rpc::ndr::{NdrDecode, decode_stub};
use oxwire::rpc::pdu::DataRepresentation;

use super::super::users::Users;
use super::Book;
use super::calls::{Encoding, Outcome};

pub(crate) const PROVIDER: Guid = Guid::from_wire([9; 16]);
const BOTH: [Encoding; 2] = [Encoding::MapiHttp, Encoding::Rpc];

/// In the order of the table.
pub(crate) const ADA: MinimalEntryId = MinimalEntryId(0x12);
pub(crate) const BERT: MinimalEntryId = MinimalEntryId(0x11);
pub(crate) const BERTA: MinimalEntryId = MinimalEntryId(0x13);
pub(crate) const EVE: MinimalEntryId = MinimalEntryId(0x10);
pub(crate) const NOBODY: MinimalEntryId = MinimalEntryId(0x99);
const BEGIN: MinimalEntryId = MinimalEntryId::BEGINNING_OF_TABLE;
const CURRENT: MinimalEntryId = MinimalEntryId::CURRENT;
const END: MinimalEntryId = MinimalEntryId::END_OF_TABLE;

pub(crate) const NAME: [PropertyTag; 1] = [PropertyTag::DISPLAY_NAME];
pub(crate) const NAME_AND_ID: [PropertyTag; 2] = [PropertyTag::DISPLAY_NAME, PropertyTag::ENTRY_ID];

/// CP_WINUNICODE, which is no code page of 8 bits.
const UNICODE: u32 = 0x04B0;

/// The return values of [MS-OXNSPI] 2.2.1.2, of which a server answers one where nothing else is said.
const CODES: [u32; 18] = [
    0x0000_0000,
    0x0000_0001,
    0x0000_0002,
    0x0004_0380,
    0x8000_4005,
    0x8004_0102,
    0x8004_0108,
    0x8004_010E,
    0x8004_010F,
    0x8004_0111,
    0x8004_0117,
    0x8004_011E,
    0x8004_011F,
    0x8004_0403,
    0x8004_0405,
    0x8007_0005,
    0x8007_000E,
    0x8007_0057,
];

pub(crate) fn users() -> Users {
    let mut users = Users::default();
    for (number, name) in [(1, "eve"), (2, "Bert"), (3, "ada"), (4, "berta")] {
        let guid = Guid::from_wire([number; 16]);
        let wall = FileTime::from_intervals(1 << 57);
        users.add(&format!("{name}@oxwire.test"), SecretString::from("x"), [guid, guid], wall);
    }
    users
}

/// A container, a place in it, and locales that differ.
pub(crate) fn stat() -> Stat {
    Stat { code_page: 1252, template_locale: 0x407, sort_locale: 0x409, ..Stat::default() }
}

pub(crate) fn at(current_rec: MinimalEntryId, delta: i32) -> Stat {
    Stat { current_rec, delta, ..stat() }
}

fn elsewhere() -> Stat {
    Stat { container_id: NOBODY, ..stat() }
}

fn unicode() -> Stat {
    Stat { code_page: UNICODE, ..stat() }
}

pub(crate) fn query(state: Stat, row_count: u32, columns: &[PropertyTag]) -> QueryRowsRequest<'_> {
    QueryRowsRequest {
        flags: PropertyFlags::NONE,
        state: Some(state),
        explicit_table: ExplicitTable::default(),
        row_count,
        columns: Some(PropertyTags::new(columns)),
        auxiliary_buffer: &[],
    }
}

fn table(mids: &[MinimalEntryId]) -> ExplicitTable<'_> {
    ExplicitTable(MinimalEntryIds::new(mids))
}

/// What the client reads.
fn read<'de, S>(bytes: &'de Bytes, encoding: Encoding) -> S
where
    S: Decode<'de>,
    Response<S>: NdrDecode<'de>,
{
    match encoding {
        Encoding::MapiHttp => decode_all(bytes, &Limits::DEFAULT).unwrap(),
        Encoding::Rpc => {
            decode_stub::<Response<S>>(bytes, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).unwrap().0.0
        }
    }
}

/// Runs a check on the answer to a call, read from each encoding; the answer is one of success.
macro_rules! answered {
    ($success:ident, $rows:expr, |$to:ident| $call:expr, |$answer:ident| $check:expr) => {
        for $to in $crate::serve::book::requirements::BOTH {
            let (bytes, code) = $call.expect($rows);
            let $answer: $success<'_> = $crate::serve::book::requirements::read(&bytes, $to);
            assert_eq!(($answer.error_code, code.is_failure()), (code, false), "{}", $rows);
            $check
        }
    };
}
pub(crate) use answered;

/// The call is refused with that code, which is one of [MS-OXNSPI] 2.2.1.2.
fn refused(rows: &str, code: ErrorCode, call: impl Fn(Encoding) -> Outcome) {
    for to in BOTH {
        assert_eq!(call(to).unwrap_err(), code, "{rows}");
    }
    assert!(CODES.contains(&code.0), "{rows}");
}

pub(crate) fn name(row: &Row<'_>) -> String {
    match row.cell(PropertyTag::DISPLAY_NAME).unwrap().unwrap().value() {
        Some(PropertyValue::String(text)) => text.to_string(),
        Some(PropertyValue::String8(text)) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("{other:?}"),
    }
}

/// The names in some rows.
fn names(rows: oxwire::mapi::nspi::ColumnsAndRows<'_>) -> Vec<String> {
    rows.rows().map(|row| name(&row.unwrap())).collect()
}

/// Tags and values of some rows, as text, whatever the encoding.
fn told(rows: oxwire::mapi::nspi::ColumnsAndRows<'_>) -> Vec<Vec<String>> {
    let row = |row: Row<'_>| {
        let cells = row.cells().map(Result::unwrap);
        cells.map(|(tag, cell)| format!("{:04x} {:?}", tag.id(), cell.value().map(bytes_of))).collect()
    };
    rows.rows().map(|each| row(each.unwrap())).collect()
}

/// A value's type, and its bytes: both encodings read strings as views of their own.
fn bytes_of(value: PropertyValue<'_>) -> (PropertyType, Vec<u8>) {
    let bytes = match value {
        PropertyValue::String(text) => text.as_bytes().to_vec(),
        PropertyValue::String8(text) => text.to_vec(),
        PropertyValue::Binary(bytes) => bytes.to_vec(),
        PropertyValue::Integer32(number) => number.to_le_bytes().to_vec(),
        PropertyValue::Boolean(yes) => vec![u8::from(yes)],
        PropertyValue::ErrorCode(code) => code.0.to_le_bytes().to_vec(),
        other => panic!("{other:?}"),
    };
    (value.property_type(), bytes)
}

pub(crate) fn book(users: &Users) -> Book<'_> {
    Book::new(users, PROVIDER)
}
