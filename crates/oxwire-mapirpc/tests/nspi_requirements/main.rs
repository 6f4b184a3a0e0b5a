//! Row by row: the calls and structures of [MS-OXNSPI] 2 and 3.
//!
//! Every case is stub data put together by hand from the interface definition, part by part with the rows that speak of it, and
//! what it means. It holds both ways, so that a parameter read or written in another place, width or order turns its row red.

/// It reads as the value, and the value is written as it.
macro_rules! call {
    ($type:ty, $section:literal, $parts:expr, $value:expr $(,)?) => {{
        let parts: &[crate::Part<'_>] = $parts;
        let stub: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let rows: Vec<&str> = parts.iter().map(|(rows, _)| *rows).collect();
        let value: $type = $value;
        assert_eq!(encode_stub(&value).as_deref(), Ok(&stub[..]), "{}: {rows:?}", $section);
        let (read, end) = decode_stub::<$type>(&stub, LE, &Limits::DEFAULT).expect($section);
        assert_eq!((format!("{read:?}"), end), (format!("{value:?}"), stub.len()), "{}: {rows:?}", $section);
        for len in 0..stub.len() {
            assert!(decode_stub::<$type>(&stub[..len], LE, &Limits::DEFAULT).is_err(), "{}: cut at {len}", $section);
        }
    }};
}

#[cfg(test)]
mod calls;
#[cfg(test)]
mod consistency;
#[cfg(test)]
mod structures;

use oxwire_core::{Guid, Reader, Utf16};
use oxwire_mapi::nspi::{
    ColumnsAndRows, MinimalEntryId, MinimalEntryIds, PropertyName, Stat, StatAnswer, TaggedValue, ValueList, ValueLists,
};
use oxwire_mapi::property::{CountWidth, ErrorCode, PropertyTag, PropertyTags, PropertyValue as V, Restriction};
use oxwire_mapirpc::nspi::{Filter, GetMatchesRequest, Request};
use oxwire_rpc::ndr::ContextHandle;
use oxwire_rpc::pdu::DataRepresentation;

const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
const OK: ErrorCode = ErrorCode::SUCCESS;
const AUX: &[u8] = b"";
const GUID: Guid = Guid::from_wire([7; 16]);

const HANDLE: &[u8] = b"\0\0\0\0\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09";
const ZERO: &[u8] = &[0; 4];
const PTR0: &[u8] = &[0, 0, 2, 0];
const PTR1: &[u8] = &[4, 0, 2, 0];
const PTR2: &[u8] = &[8, 0, 2, 0];
const PTR3: &[u8] = &[12, 0, 2, 0];
/// A STAT whose fields all differ.
const STAT: &[u8] =
    b"\xE8\x03\0\0\x20\0\0\0\x10\0\0\0\xFD\xFF\xFF\xFF\x05\0\0\0\x09\0\0\0\xE4\x04\0\0\x07\x04\0\0\x09\x04\0\0";
/// A PropertyTagArray_r of two: maximum count 3, cValues, offset, actual count, the values.
const TAGS_R: &[u8] = b"\x03\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F";
const IDS_R: &[u8] = b"\x03\0\0\0\x02\0\0\0\0\0\0\0\x02\0\0\0\x10\0\0\0\x11\0\0\0";
const IDS_W: &[u8] = b"\x10\0\0\0\x11\0\0\0";
/// A PropertyValue_r of PtypString "a": tag, reserved, discriminant, pointer, and the string.
const TARGET: &[u8] = b"\x1F\0\x01\x30\0\0\0\0\x1F\0\0\0\0\0\x02\0\x02\0\0\0\0\0\0\0\x02\0\0\0a\0\0\0";
/// An ExistRestriction_r in a Restriction_r.
const EXIST: &[u8] = b"\x08\0\0\0\x08\0\0\0\0\0\0\0\x1F\0\x01\x30\0\0\0\0";
/// A StringsArray_r of one, behind no other pointer and behind one.
const STRINGS: &[u8] = b"\x01\0\0\0\x01\0\0\0\0\0\x02\0\x05\0\0\0\0\0\0\0\x05\0\0\0/o=A\0";
const STRINGS1: &[u8] = b"\x01\0\0\0\x01\0\0\0\x04\0\x02\0\x05\0\0\0\0\0\0\0\x05\0\0\0/o=A\0";
const WSTRINGS1: &[u8] = b"\x01\0\0\0\x01\0\0\0\x04\0\x02\0\x02\0\0\0\0\0\0\0\x02\0\0\0\xEB\0\0\0";
const STRING: &[u8] = b"\x05\0\0\0\0\0\0\0\x05\0\0\0/o=A\0";
/// A BinaryArray_r of one.
const BINARIES: &[u8] = b"\x01\0\0\0\0\0\x02\0\x01\0\0\0\x04\0\0\0\x04\0\x02\0\x04\0\0\0abcd";
/// A PropertyRow_r of one PtypInteger32, behind one pointer.
const ROW: &[u8] = b"\0\0\0\0\x01\0\0\0\x04\0\x02\0\x01\0\0\0\x03\0\xFE\x0F\0\0\0\0\x03\0\0\0\x06\0\0\0";
const ROW1: &[u8] = ROW;
/// A PropertyRowSet_r of that row.
const ROWS: &[u8] =
    b"\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x04\0\x02\0\x01\0\0\0\x03\0\xFE\x0F\0\0\0\0\x03\0\0\0\x06\0\0\0";

/// Rows, and the bytes that they speak of.
type Part<'a> = (&'a str, &'a [u8]);

#[cfg(test)]
fn handle() -> ContextHandle {
    ContextHandle::new(Guid::from_wire([9; 16]))
}

#[cfg(test)]
fn stat() -> Stat {
    Stat {
        sort_type: oxwire_mapi::nspi::SortType::DISPLAY_NAME_RO,
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

const IDS: [MinimalEntryId; 2] = [MinimalEntryId(0x10), MinimalEntryId(0x11)];
const TAGS: [PropertyTag; 2] = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102)];
const OBJECT_TYPE: [TaggedValue<'static>; 1] = [TaggedValue { tag: PropertyTag(0x0FFE_0003), value: V::Integer32(6) }];
const LISTS: [ValueList<'static>; 1] = [ValueList::new(&OBJECT_TYPE)];

#[cfg(test)]
fn ids() -> MinimalEntryIds<'static> {
    MinimalEntryIds::new(&IDS)
}

#[cfg(test)]
fn tags() -> PropertyTags<'static> {
    PropertyTags::new(&TAGS)
}

#[cfg(test)]
fn list() -> ValueList<'static> {
    LISTS[0]
}

#[cfg(test)]
fn lists() -> ValueLists<'static> {
    ValueLists::new(&LISTS)
}

#[cfg(test)]
fn rows() -> ColumnsAndRows<'static> {
    ColumnsAndRows::tagged(lists())
}

#[cfg(test)]
fn target() -> TaggedValue<'static> {
    TaggedValue { tag: TAGS[0], value: V::String(wide(b"a\0")) }
}

#[cfg(test)]
fn answered() -> Option<StatAnswer> {
    Some(StatAnswer::received(stat()))
}

#[cfg(test)]
const fn wide(bytes: &[u8]) -> Utf16<'_> {
    match Utf16::new(bytes) {
        Some(text) => text,
        None => panic!("half a code unit"),
    }
}

#[cfg(test)]
fn request<B>(body: B) -> Request<B> {
    Request { handle: handle(), body }
}

#[cfg(test)]
fn matches() -> GetMatchesRequest<'static> {
    let exist = Restriction::decode(&mut Reader::new(b"\x08\x1F\0\x01\x30"), CountWidth::AddressBook).unwrap();
    let body = oxwire_mapi::nspi::GetMatchesRequest {
        state: Some(stat()),
        minimal_ids: None,
        filter: None,
        property_name: Some(PropertyName { guid: GUID, id: 0x8009 }),
        row_count: 50,
        columns: Some(tags()),
        auxiliary_buffer: AUX,
    };
    GetMatchesRequest { handle: handle(), body, filter: Some(Filter::from(&exist)) }
}
