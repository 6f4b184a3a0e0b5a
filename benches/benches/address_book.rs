//! Rows of the address book, over HTTP and over RPC, read and written, against a copy of the same bytes. The bodies of each kind are in
//! `body_kinds`.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use oxwire::core::{Encode, Limits, decode_all, encode_to_bytes};
use oxwire::mapi::nspi::{
    ColumnsAndRows, ColumnsAndRowsWriter, MinimalEntryId, PropertyFlags, QueryRowsRequest, QueryRowsSuccess, Stat,
    StatAnswer,
};
use oxwire::mapi::property::{Cell, ErrorCode, PropertyTag, PropertyTags, PropertyValue};
use oxwire::mapirpc::nspi::{Request, Response};
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, decode_stub, encode_stub};
use oxwire::rpc::pdu::DataRepresentation;
use oxwire_benches::Cycle;

/// What Outlook asks for in a list: display name, entry id, account, address, display type.
const COLUMNS: [PropertyTag; 5] = [
    PropertyTag(0x3001_001F),
    PropertyTag(0x0FFF_0102),
    PropertyTag(0x3A00_001F),
    PropertyTag(0x39FE_001F),
    PropertyTag(0x3900_0003),
];

fn columns() -> PropertyTags<'static> {
    PropertyTags::new(&COLUMNS)
}

fn stat() -> Stat {
    Stat { container_id: MinimalEntryId(0x20), total_recs: 500, code_page: 1252, ..Stat::default() }
}

fn query_rows(row_count: u32) -> QueryRowsRequest<'static> {
    QueryRowsRequest {
        flags: PropertyFlags::EPHEMERAL_IDS,
        state: Some(stat()),
        explicit_table: oxwire::mapi::nspi::ExplicitTable::default(),
        row_count,
        columns: Some(columns()),
        auxiliary_buffer: &[],
    }
}

fn rows(out: &mut BytesMut, count: u32) -> ColumnsAndRows<'_> {
    let mut writer = ColumnsAndRowsWriter::new(out, columns(), query_rows(count).row_limit(), usize::MAX);
    for _ in 0..count {
        let pushed = writer.push(|index, _| {
            Cell::Value(match index {
                0 => PropertyValue::Str("Alexandra Exemplar"),
                1 => PropertyValue::Binary(&[7; 32]),
                2 => PropertyValue::Str("aexemplar"),
                3 => PropertyValue::Str("alexandra.exemplar@example.test"),
                _ => PropertyValue::Integer32(0),
            })
        });
        assert_eq!(pushed, Ok(true));
    }
    writer.finish()
}

fn answer(rows: ColumnsAndRows<'_>) -> QueryRowsSuccess<'_> {
    let state = Some(StatAnswer::received(stat()));
    QueryRowsSuccess { error_code: ErrorCode::SUCCESS, state, rows: Some(rows), auxiliary_buffer: &[] }
}

fn encoded(body: &impl Encode) -> Bytes {
    encode_to_bytes(body).unwrap_or_default()
}

fn memcpy(group: &mut BenchmarkGroup<'_, WallTime>, len: usize) {
    let mut sample = Cycle::filled(len);
    let mut to = vec![0; len];
    group.throughput(Throughput::Bytes(len as u64));
    group.bench_function(format!("memcpy of {len} bytes"), |b| {
        b.iter(|| black_box(sample.memcpy(black_box(&mut to))));
    });
}

/// Every cell of every row, text counted.
fn walk(rows: ColumnsAndRows<'_>) -> usize {
    let values =
        |row: oxwire::mapi::nspi::Row<'_>| row.cells().filter(|cell| matches!(cell, Ok((_, Cell::Value(_))))).count();
    rows.rows().flatten().map(values).sum()
}

fn tables(c: &mut Criterion) {
    const LE: DataRepresentation = DataRepresentation::LITTLE_ENDIAN;
    let mut group = c.benchmark_group("address_book_rows");
    for count in [22, 500] {
        let mut out = BytesMut::new();
        let success = answer(rows(&mut out, count));
        let body = encoded(&success);
        memcpy(&mut group, body.len());
        group.bench_function(format!("{count} rows written"), |b| {
            let mut out = BytesMut::with_capacity(body.len());
            b.iter(|| {
                out.clear();
                black_box(rows(&mut out, count).len())
            });
        });
        let mut bodies = Cycle::of(&body);
        group.bench_function(format!("{count} rows read"), |b| {
            b.iter(|| {
                let body = bodies.next_buffer();
                let read = decode_all::<QueryRowsSuccess<'_>>(&body, &Limits::DEFAULT).ok();
                black_box(read.and_then(|read| read.rows).map(walk))
            });
        });
        let stub = encode_stub(&Response(success)).unwrap_or_default();
        memcpy(&mut group, stub.len());
        group.bench_function(format!("{count} rows written over RPC"), |b| {
            b.iter(|| black_box(encode_stub(&Response(black_box(success)))));
        });
        let mut stubs = Cycle::of(&stub);
        group.bench_function(format!("{count} rows read over RPC"), |b| {
            b.iter(|| {
                let stub = stubs.next_buffer();
                let read = decode_stub::<Response<QueryRowsSuccess<'_>>>(&stub, LE, &Limits::DEFAULT).ok();
                black_box(read.and_then(|(Response(read), _)| read.rows).map(walk))
            });
        });
    }
    let request = Request { handle: ContextHandle::NIL, body: query_rows(22) };
    let stub = encode_stub(&request).unwrap_or_default();
    group.throughput(Throughput::Bytes(stub.len() as u64));
    group.bench_function("NspiQueryRows request read", |b| {
        b.iter(|| black_box(reads::<Request<QueryRowsRequest<'_>>>(&stub)));
    });
    group.finish();
}

fn reads<'de, T: NdrDecode<'de>>(stub: &'de [u8]) -> bool {
    decode_stub::<T>(stub, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).is_ok()
}

criterion_group!(benches, tables);
criterion_main!(benches);
