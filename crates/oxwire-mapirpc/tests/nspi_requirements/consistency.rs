//! What the RPC runtime is asked to check ([MS-OXNSPI] 2.2, 3.1.4, 3.2.4), and what may stand in a call at all (2.2.1.1).

use bytes::BytesMut;
use oxwire_core::{DecodeError, FileTime, Limits, Writer, decode_all, encode_to_bytes};
use oxwire_mapi::nspi::{
    DnToMIdRequest, GetPropsRequest, GetPropsSuccess, ModPropsRequest, PropertyFlags, QueryRowsRequest,
    QueryRowsSuccess, SeekEntriesRequest, TaggedValue, ValueList,
};
use oxwire_mapi::property::{
    CountWidth, ErrorCode, MultipleBinary, MultipleString8, PropertyTag, PropertyTags, PropertyType,
    PropertyValue as V, Restriction,
};
use oxwire_mapirpc::nspi::{Filter, GetMatchesRequest, Request, Response};
use oxwire_rpc::ndr::{decode_stub, encode_stub};

use super::{
    AUX, EXIST, HANDLE, IDS_W, LE, OK, PTR0, PTR1, PTR2, ROW, ROWS, STAT, STRINGS, TAGS_R, TARGET, ZERO, matches,
    request, stat, tags, target,
};

const ID: PropertyTag = PropertyTag(0x8001_0000);

type Decoder = fn(&[u8]) -> Result<(), DecodeError>;

/// Rows, what reads it, the stub data, where a byte is added to, how much, and the field of the error.
type Bad<'a> = (&'a str, Decoder, &'a [u8], usize, u8, &'a str);

fn query_rows(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Request<QueryRowsRequest<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn seek_entries(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Request<SeekEntriesRequest<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn get_matches(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<GetMatchesRequest<'_>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn dn_to_mid(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Request<DnToMIdRequest<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn mod_props(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Request<ModPropsRequest<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn props(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Response<GetPropsSuccess<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

fn rows(stub: &[u8]) -> Result<(), DecodeError> {
    decode_stub::<Response<QueryRowsSuccess<'_>>>(stub, LE, &Limits::DEFAULT).map(drop)
}

/// [MS-RPCE] 3.1.1.5.3: a count that does not agree with its array, an offset that is not 0, a union of another type than its
/// switch, a null pointer to an array that is not empty.
#[test]
fn stub_data_that_does_not_agree_with_itself_is_refused() {
    let query = [HANDLE, ZERO, STAT, &[2, 0, 0, 0], PTR0, &[2, 0, 0, 0], IDS_W, &[22, 0, 0, 0], ZERO].concat();
    let no_table = [HANDLE, ZERO, STAT, &[2, 0, 0, 0], ZERO, &[22, 0, 0, 0], ZERO].concat();
    let an_empty_table = [HANDLE, ZERO, STAT, ZERO, ZERO, &[22, 0, 0, 0], ZERO].concat();
    let seek = [HANDLE, ZERO, STAT, TARGET, ZERO, PTR1, TAGS_R].concat();
    let matches = [HANDLE, ZERO, STAT, ZERO, ZERO, PTR0, EXIST, ZERO, &[50, 0, 0, 0], ZERO].concat();
    let names = [HANDLE, ZERO, STRINGS].concat();
    let change = [HANDLE, ZERO, STAT, ZERO, ROW].concat();
    let binary = [PTR0, ZERO, &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0], b"\x02\x01\x01\x80", ZERO, b"\x02\x01\0\0"].concat();
    let binary = [&binary[..], &[4, 0, 0, 0], PTR2, &[4, 0, 0, 0], b"abcd", ZERO].concat();
    let several = [PTR0, ZERO, &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0], b"\x03\x10\x01\x80", ZERO, b"\x03\x10\0\0"].concat();
    let several = [&several[..], &[1, 0, 0, 0], PTR2, &[1, 0, 0, 0], &[7, 0, 0, 0], ZERO].concat();
    let row = [PTR0, ROW, ZERO].concat();
    let set = [STAT, PTR0, ROWS, ZERO].concat();
    assert_eq!((query_rows(&query), query_rows(&an_empty_table)), (Ok(()), Ok(())));
    // In the request.
    let cases: &[Bad<'_>] = &[
        ("MS-OXNSPI_R636", query_rows, &query, 68, 1, "lpETable"),
        ("MS-OXNSPI_R636", query_rows, &no_table, 0, 0, "lpETable"),
        ("MS-OXNSPI_R636", dn_to_mid, &names, 24, 1, "Count"),
        ("MS-OXNSPI_R636", dn_to_mid, &names, 40, 1, "Offset"),
        ("MS-OXNSPI_R636", seek_entries, &seek, 68, 1, "Value"),
        ("MS-OXNSPI_R636", seek_entries, &seek, 80, 1, "ActualCount"),
        ("MS-OXNSPI_R636", seek_entries, &seek, 108, 1, "pPropTags"),
        ("MS-OXNSPI_R636", seek_entries, &seek, 112, 9, "pPropTags"),
        ("MS-OXNSPI_R636", get_matches, &matches, 76, 1, "res"),
        ("MS-OXNSPI_R636", mod_props, &change, 76, 1, "lpProps"),
        // In the answer.
        ("MS-OXNSPI_R1497", props, &row, 16, 1, "lpProps"),
        ("MS-OXNSPI_R1497", props, &row, 28, 1, "Value"),
        ("MS-OXNSPI_R1497", props, &binary, 40, 1, "MaximumCount"),
        ("MS-OXNSPI_R1497", props, &several, 40, 1, "MaximumCount"),
        ("MS-OXNSPI_R1497", rows, &set, 44, 1, "cRows"),
    ];
    for (index, (rows, read, stub, at, by, field)) in cases.iter().enumerate() {
        let mut bad = stub.to_vec();
        bad[*at] += by;
        if *by != 0 {
            assert_eq!(read(stub), Ok(()), "{rows}: {index}");
        }
        assert_eq!(read(&bad).map_err(|error| error.field), Err(*field), "{rows}: {index}");
    }
}

/// ms_union, [MS-RPCE] 2.2.4.5: the arm, and each element of an array, aligned as the largest arm is, to 4 bytes.
#[test]
fn oxnspi_r130_short_arms_leave_the_next_value_aligned() {
    let fixed = |tag: u16, arm: &[u8]| {
        let [a, b] = tag.to_le_bytes();
        [&[a, b, 1, 0x80], ZERO, &[a, b, 0, 0], arm].concat()
    };
    let values = [V::Boolean(true), V::Integer16(-2), V::Integer32(7)].map(|value| TaggedValue::new(ID, value));
    let arms = [fixed(0x0B, &[1, 0, 0, 0]), fixed(0x02, &[0xFE, 0xFF, 0, 0]), fixed(0x03, &[7, 0, 0, 0])].concat();
    let stub = [PTR0, ZERO, &[3, 0, 0, 0], PTR1, &[3, 0, 0, 0], &arms, ZERO].concat();
    let property_values = Some(ValueList::new(&values));
    let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    assert_eq!(encode_stub(&Response(body)).as_deref(), Ok(&stub[..]));
    let (Response(read), _) = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
    assert_eq!(read, body);
}

/// The ten types that a server has to be able to answer, in one row, in both encodings.
#[test]
fn oxnspi_r1656_r1658_the_types_of_an_answer() {
    let types: [u16; 10] = [0x03, 0x0B, 0x1E, 0x0102, 0x1F, 0x40, 0x0A, 0x101E, 0x1102, 0x101F];
    let values = [
        V::Integer32(-2),
        V::Boolean(true),
        V::String8(b"al"),
        V::Binary(b"abc"),
        V::Str("\u{EB}"),
        V::Time(FileTime::from_intervals(0x0102_0304_0506_0708)),
        V::ErrorCode(ErrorCode::NOT_FOUND),
        V::MultipleString8(MultipleString8::new(&[b"a", b"b"])),
        V::MultipleBinary(MultipleBinary::new(&[b"ab", b""])),
        V::MultipleStr(&["a", "b"]),
    ]
    .map(|value| TaggedValue::new(ID, value));
    let property_values = Some(ValueList::new(&values));
    let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    let stub = encode_stub(&Response(body)).unwrap();
    let (Response(over_rpc), _) = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
    let wire = encode_to_bytes(&body).unwrap();
    let over_http = decode_all::<GetPropsSuccess<'_>>(&wire, &Limits::DEFAULT).unwrap();
    let as_bytes = |value: V<'_>| {
        let mut out = BytesMut::new();
        value.encode(&mut Writer::new(&mut out), CountWidth::AddressBook).unwrap();
        out
    };
    for (how, read) in [("RPC", over_rpc), ("MAPI/HTTP", over_http)] {
        let read: Vec<TaggedValue<'_>> = read.property_values.unwrap().iter().collect();
        assert_eq!(read.len(), 10, "{how}");
        for ((read, written), number) in read.iter().zip(&values).zip(types) {
            assert_eq!(read.tag, ID.with_type(PropertyType(number)), "{how}");
            assert_eq!(as_bytes(read.value), as_bytes(written.value), "{how}: {number:#06x}");
        }
    }
}

/// PtypEmbeddedTable is read as a number of four bytes, and what stands behind them is still in its place.
#[test]
fn oxnspi_r31_an_embedded_table_is_four_bytes() {
    let table = [b"\x0D\0\x09\x80", ZERO, b"\x0D\0\0\0", &[9, 9, 9, 9][..]].concat();
    let after = [b"\x03\0\xFE\x0F", ZERO, b"\x03\0\0\0", &[6, 0, 0, 0][..]].concat();
    let stub = [PTR0, ZERO, &[2, 0, 0, 0], PTR1, &[2, 0, 0, 0], &table, &after, ZERO].concat();
    let (Response(read), end) = decode_stub::<Response<GetPropsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
    let read: Vec<TaggedValue<'_>> = read.property_values.unwrap().iter().collect();
    assert_eq!(read[0], TaggedValue { tag: PropertyTag(0x8009_000D), value: V::EmbeddedTable(0x0909_0909) });
    assert_eq!((read[1].value, end), (V::Integer32(6), stub.len()));
}

/// PropertyValue_r, field by field: ulPropTag, ulReserved, Value.
#[test]
fn a_property_value_field_by_field() {
    let values = [TaggedValue::new(PropertyTag::OBJECT_TYPE, V::Integer32(6))];
    let property_values = Some(ValueList::new(&values));
    let body = GetPropsSuccess { error_code: OK, code_page: 0, property_values, auxiliary_buffer: AUX };
    let stub = encode_stub(&Response(body)).unwrap();
    for (rows, at, bytes) in [
        ("MS-OXNSPI_R456", 20, [0x03, 0x00, 0xFE, 0x0F]),
        ("MS-OXNSPI_R457", 24, [0; 4]),
        ("MS-OXNSPI_R458", 28, [3, 0, 0, 0]),
        ("MS-OXNSPI_R458", 32, [6, 0, 0, 0]),
    ] {
        assert_eq!(stub[at..at + 4], bytes, "{rows}");
    }
}

/// PtypNull is what a server answers for a value that cannot be expressed; a client does not send it, as a value or as a type
/// that it asks for.
#[test]
fn oxnspi_r33_no_null_in_a_request() {
    let null = TaggedValue::new(ID, V::Null);
    let not_expressible = TaggedValue::new(ID, V::Integer64(1));
    for value in [null, not_expressible] {
        let seek = SeekEntriesRequest {
            state: Some(stat()),
            target: Some(value),
            explicit_table: None,
            columns: None,
            auxiliary_buffer: AUX,
        };
        assert_eq!(encode_stub(&request(seek)).unwrap_err().field, "Value");
        let values = [value];
        let change = ModPropsRequest {
            state: Some(stat()),
            property_tags: None,
            property_values: Some(ValueList::new(&values)),
            auxiliary_buffer: AUX,
        };
        assert_eq!(encode_stub(&request(change)).unwrap_err().field, "Value");
    }
    // A PropertyRestriction of PtypInteger64.
    let wire = b"\x04\x04\x14\0\x01\x80\x14\0\x01\x80\x01\0\0\0\0\0\0\0";
    let mut r = oxwire_core::Reader::new(wire);
    let mut filtered = matches();
    filtered.filter = Some(Filter::from(&Restriction::decode(&mut r, CountWidth::AddressBook).unwrap()));
    assert_eq!(encode_stub(&filtered).unwrap_err().field, "Value");
    let tags = [PropertyTag::DISPLAY_NAME, PropertyTag(0x3001_0001)];
    let props = GetPropsRequest {
        flags: PropertyFlags::NONE,
        state: Some(stat()),
        property_tags: Some(PropertyTags::new(&tags)),
        auxiliary_buffer: AUX,
    };
    assert_eq!(encode_stub(&request(props)).unwrap_err().field, "pPropTags");
}

/// A PropertyRow_r of a request with text in it.
#[test]
fn oxnspi_r468_text_in_mod_props() {
    let values = [target()];
    let change = ModPropsRequest {
        state: Some(stat()),
        property_tags: Some(tags()),
        property_values: Some(ValueList::new(&values)),
        auxiliary_buffer: AUX,
    };
    let text = [&TARGET[..12], PTR2, &TARGET[16..]].concat();
    let stub = [HANDLE, ZERO, STAT, PTR0, TAGS_R, ZERO, &[1, 0, 0, 0], PTR1, &[1, 0, 0, 0], &text].concat();
    let written = encode_stub(&request(change)).unwrap();
    assert_eq!(written[..], stub[..]);
    let (read, _) = decode_stub::<Request<ModPropsRequest<'_>>>(&written, LE, &Limits::DEFAULT).unwrap();
    assert_eq!(read, request(change));
}

/// A client that names rows asks for at least one of them.
#[test]
fn oxnspi_r960_no_count_of_0_with_an_explicit_table() {
    let query = QueryRowsRequest {
        flags: PropertyFlags::NONE,
        state: Some(stat()),
        explicit_table: oxwire_mapi::nspi::ExplicitTable(super::ids()),
        row_count: 0,
        columns: None,
        auxiliary_buffer: AUX,
    };
    assert_eq!(encode_stub(&request(query)).unwrap_err().field, "Count");
    assert!(encode_stub(&request(QueryRowsRequest { row_count: 1, ..query })).is_ok());
}
