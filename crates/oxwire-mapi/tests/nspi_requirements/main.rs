//! Row by row: the address book of [MS-OXCMAPIHTTP] 2.2.1 and 2.2.5.
//!
//! Every case is bytes put together by hand from the row's text, and the value that they mean. It holds both ways, so that a
//! field read or written in another place, width or order turns its row red.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod position;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod structures;
#[cfg(test)]
mod successes;
#[cfg(test)]
mod values;

use std::fmt::Debug;

use bytes::BytesMut;
use oxwire_core::{Decode, DecodeErrorKind, Encode, Guid, Limits, Reader, Utf16, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    ColumnsAndRows, ColumnsAndRowsWriter, MinimalEntryId, QueryRowsRequest, SortType, Stat, TaggedValue,
};
use oxwire_mapi::property::{Cell, CountWidth, ErrorCode, PropertyTag, PropertyTags, PropertyValue, Restriction};

/// An RPC_HEADER_EXT with the Last flag and one AUX_EXORGINFO: 16 bytes.
const AUX: &[u8] = b"\0\0\x04\0\x08\0\x08\0\x08\0\x01\x17\x01\0\0\0";
/// Another one, whose payload is a byte longer: 17 bytes, to tell a size that is read from one that is assumed.
const AUX_17: &[u8] = b"\0\0\x04\0\x09\0\x09\0\x09\0\x01\x55\x01\x02\x03\x04\x05";
const AUX_SIZE: &[u8] = &[16, 0, 0, 0];
const AUX_17_SIZE: &[u8] = &[17, 0, 0, 0];
const NONE: &[u8] = &[0, 0, 0, 0];
const FALSE: &[u8] = &[0];
const TRUE: &[u8] = &[0xFF];

/// A STAT whose fields all differ.
const STAT: &[u8] =
    b"\xE8\x03\0\0\x20\0\0\0\x10\0\0\0\xFD\xFF\xFF\xFF\x05\0\0\0\x09\0\0\0\xE4\x04\0\0\x07\x04\0\0\x09\x04\0\0";
const GUID: &[u8] = b"\x33\x22\x11\0\x55\x44\x77\x66\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF";
const IDS: [MinimalEntryId; 2] = [MinimalEntryId(0x10), MinimalEntryId(0x11)];
/// PidTagDisplayName and PidTagEntryId.
const TAGS: [PropertyTag; 2] = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102)];
/// RowCount 2; a row that is whole, and one whose second cell is the error NotFound.
const ROWS: &[u8] = b"\x02\0\0\0\0\xFFa\0\0\0\xFF\x01\0\0\0\x77\x01\0\xFFb\0\0\0\x0A\x0F\x01\x04\x80";
/// PropertyValueCount 2: a Unicode string and an error.
const LIST: &[u8] = b"\x02\0\0\0\x1F\0\x01\x30\xFFa\0\0\0\x0A\0\xFF\x0F\x0F\x01\x04\x80";
const EPHEMERAL: &[u8] =
    b"\x87\0\0\0\x33\x22\x11\0\x55\x44\x77\x66\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF\x01\0\0\0\0\x01\0\0\x10\0\0\0";
const PERMANENT: &[u8] =
    b"\0\0\0\0\xDC\xA7\x40\xC8\xC0\x42\x10\x1A\xB4\xB9\x08\0\x2B\x2F\xE1\x82\x01\0\0\0\x06\0\0\0/\0";

/// Rows, the fields of the body in order, and what they mean.
type Case<'a, T> = (&'a str, &'a [&'a [u8]], T);

#[cfg(test)]
fn check<'de, T: Decode<'de> + Encode + PartialEq + Debug>((rows, fields, value): &Case<'_, T>) {
    let wire: &'static [u8] = fields.concat().leak();
    assert_eq!(encode_to_bytes(value).as_deref(), Ok(wire), "{rows}: encoded");
    assert_eq!(value.encoded_len(), wire.len(), "{rows}: encoded_len");
    assert_eq!(decode_all::<T>(wire, &Limits::DEFAULT).as_ref(), Ok(value), "{rows}: decoded");
    for len in 0..wire.len() {
        let cut = decode_all::<T>(&wire[..len], &Limits::DEFAULT);
        assert!(cut.is_err(), "{rows}: cut off at {len}: {cut:?}");
    }
    let longer: &'static [u8] = [wire, &[0]].concat().leak();
    let error = decode_all::<T>(longer, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.kind), (wire.len(), DecodeErrorKind::Trailing { left: 1 }), "{rows}: trailing");
    for at in 0..wire.len() {
        for mask in [0x01, 0x80, 0xFF] {
            let mut bad = wire.to_vec();
            bad[at] ^= mask;
            // Whatever it says, it says it, and what it reads can be looked at.
            let _ = decode_all::<T>(bad.leak(), &Limits::DEFAULT).map(|value| format!("{value:?}"));
        }
    }
}

#[cfg(test)]
fn stat() -> Stat {
    Stat {
        sort_type: SortType::DISPLAY_NAME_RO,
        container_id: MinimalEntryId(0x20),
        current_rec: MinimalEntryId(0x10),
        delta: -3,
        num_pos: 5,
        total_recs: 9,
        code_page: 1252,
        template_locale: 0x0407,
        sort_locale: 0x0409,
    }
}

#[cfg(test)]
fn guid() -> Guid {
    "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap()
}

#[cfg(test)]
fn wide(bytes: &[u8]) -> Utf16<'_> {
    Utf16::new(bytes).unwrap()
}

#[cfg(test)]
fn target() -> TaggedValue<'static> {
    TaggedValue { tag: TAGS[0], value: PropertyValue::String(wide(b"a\0")) }
}

#[cfg(test)]
fn values() -> [TaggedValue<'static>; 2] {
    let error = TaggedValue::new(TAGS[1], PropertyValue::ErrorCode(ErrorCode::NOT_FOUND));
    assert_eq!(error.tag, PropertyTag(0x0FFF_000A), "a value that is not there has a tag that says so");
    [target(), error]
}

/// An ExistRestriction of PidTagDisplayName.
#[cfg(test)]
fn exist() -> Restriction<'static> {
    Restriction::decode(&mut Reader::new(b"\x08\x1F\0\x01\x30"), CountWidth::AddressBook).unwrap()
}

/// The rows of `ROWS`, for a request that asks for as many.
#[cfg(test)]
fn rows(out: &mut BytesMut) -> ColumnsAndRows<'_> {
    let limit = QueryRowsRequest { row_count: 2, ..query_rows() }.row_limit();
    let mut writer = ColumnsAndRowsWriter::new(out, PropertyTags::new(&TAGS), limit, usize::MAX);
    let first = [Cell::Value(PropertyValue::Str("a")), Cell::Value(PropertyValue::Binary(b"w"))];
    let second = [Cell::Value(PropertyValue::Str("b")), Cell::Error(ErrorCode::NOT_FOUND)];
    for row in [first, second] {
        assert_eq!(writer.push(|index, _| row[index]), Ok(true));
    }
    writer.finish()
}

#[cfg(test)]
fn query_rows() -> QueryRowsRequest<'static> {
    QueryRowsRequest {
        flags: oxwire_mapi::nspi::PropertyFlags::NONE,
        state: None,
        explicit_table: oxwire_mapi::nspi::ExplicitTable::default(),
        row_count: 0,
        columns: None,
        auxiliary_buffer: b"",
    }
}
