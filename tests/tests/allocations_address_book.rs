//! Allocation budgets of the address book, in both encodings.

use bytes::BytesMut;
use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::mapi::nspi::{
    ColumnsAndRows, ColumnsAndRowsWriter, ExplicitTable, MinimalEntryId, MinimalEntryIds, PropertyFlags,
    QueryRowsRequest, QueryRowsSuccess, Stat, StatAnswer,
};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyValue};
use oxwire::mapirpc::nspi::{Request, Response};
use oxwire::rpc::ndr::{ContextHandle, decode_stub, encode_stub};
use oxwire::rpc::pdu::DataRepresentation;
use oxwire_tests::allocations;

const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
const COLUMNS: [PropertyTag; 3] = [PropertyTag(0x3001_001F), PropertyTag(0x0FFF_0102), PropertyTag(0x3900_0003)];
const IDS: [MinimalEntryId; 3] = [MinimalEntryId(0x10), MinimalEntryId(0x11), MinimalEntryId(0x12)];

fn request() -> QueryRowsRequest<'static> {
    QueryRowsRequest {
        flags: PropertyFlags::EPHEMERAL_IDS,
        state: Some(Stat::default()),
        explicit_table: ExplicitTable(MinimalEntryIds::new(&IDS)),
        row_count: 500,
        columns: Some(PropertyTags::new(&COLUMNS)),
        auxiliary_buffer: &[],
    }
}

fn write(out: &mut BytesMut) -> ColumnsAndRows<'_> {
    let mut writer = ColumnsAndRowsWriter::new(out, PropertyTags::new(&COLUMNS), request().row_limit(), usize::MAX);
    for _ in 0..500 {
        let pushed = writer.push(|index, _| {
            Cell::Value(match index {
                0 => PropertyValue::Str("Alexandra"),
                1 => PropertyValue::Binary(&[7; 32]),
                _ => PropertyValue::Integer32(0),
            })
        });
        assert_eq!(pushed, Ok(true));
    }
    writer.finish()
}

/// Cells, and characters of text.
fn walk(rows: ColumnsAndRows<'_>) -> (usize, usize) {
    let (mut cells, mut characters) = (0, 0);
    for row in rows.rows() {
        for cell in row.unwrap().cells() {
            cells += 1;
            if let Cell::Value(PropertyValue::String(text)) = cell.unwrap().1 {
                characters += text.chars().count();
            }
        }
    }
    (cells, characters)
}

#[test]
fn rows_of_500_by_3_are_read_without_an_allocation_in_either_encoding() {
    let mut out = BytesMut::new();
    let state = Some(StatAnswer::received(Stat::default()));
    let rows = Some(write(&mut out));
    let success = QueryRowsSuccess { error_code: ErrorCode::SUCCESS, state, rows, auxiliary_buffer: &[] };
    let body = encode_to_bytes(&success).unwrap();
    let (made, walked) = allocations(|| {
        let read: QueryRowsSuccess<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
        walk(read.rows.unwrap())
    });
    assert_eq!((walked, made.count), ((1500, 500 * 9), 0), "{made:?}");
    let stub = encode_stub(&Response(success)).unwrap();
    let (made, walked) = allocations(|| {
        let (Response(read), _) = decode_stub::<Response<QueryRowsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).unwrap();
        walk(read.rows.unwrap())
    });
    assert_eq!((walked, made.count), ((1500, 500 * 9), 0), "{made:?}");
}

#[test]
fn a_request_is_read_without_an_allocation_and_written_with_one() {
    let (made, body) = allocations(|| encode_to_bytes(&request()).unwrap());
    assert!(made.count <= 2, "{made:?}: the buffer, and what shares it");
    let (made, read) = allocations(|| decode_all::<QueryRowsRequest<'_>>(&body, &Limits::DEFAULT).is_ok());
    assert_eq!((read, made.count), (true, 0), "{made:?}");
    let stub = encode_stub(&Request { handle: ContextHandle::NIL, body: request() }).unwrap();
    let (made, read) =
        allocations(|| decode_stub::<Request<QueryRowsRequest<'_>>>(&stub, LE, &Limits::DEFAULT).is_ok());
    assert_eq!((read, made.count), (true, 0), "{made:?}");
}

#[test]
fn rows_are_written_into_a_buffer_of_the_callers_without_an_allocation() {
    let mut out = BytesMut::with_capacity(64 << 10);
    let (made, count) = allocations(|| write(&mut out).len());
    assert_eq!((count, made.count), (500, 0), "{made:?}");
}
