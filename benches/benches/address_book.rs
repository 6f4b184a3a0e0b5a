//! Bodies of the address book endpoint and NSPI calls, read and written, against a copy of the same bytes.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use oxwire::core::{Encode, Limits, decode_all, encode_to_bytes};
use oxwire::mapi::nspi::{
    BindFlags, BindRequest, ColumnsAndRows, ColumnsAndRowsWriter, DnToMIdRequest, GetPropsSuccess, MinimalEntryId,
    PropertyFlags, QueryRowsRequest, QueryRowsSuccess, ResolveNamesRequest, SeekEntriesRequest, Stat, StatAnswer,
    Strings, TaggedValue, ValueList, WideStrings,
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

macro_rules! body {
    ($group:expr, $type:ty, $value:expr) => {{
        let value: $type = $value;
        let body = encoded(&value);
        $group.throughput(Throughput::Bytes(body.len() as u64));
        let mut bodies = Cycle::of(&body);
        $group.bench_function(format!("{}, {} bytes, read", stringify!($type), body.len()), |b| {
            b.iter(|| black_box(decode_all::<$type>(&bodies.next_buffer(), &Limits::DEFAULT).is_ok()));
        });
        $group.bench_function(format!("{}, {} bytes, written", stringify!($type), body.len()), |b| {
            b.iter(|| black_box(encoded(black_box(&value))));
        });
    }};
}

fn bodies(c: &mut Criterion) {
    let mut group = c.benchmark_group("address_book_body");
    memcpy(&mut group, 64);
    let state = Some(stat());
    body!(group, BindRequest<'_>, BindRequest { flags: BindFlags::NONE, state, auxiliary_buffer: &[] });
    body!(group, QueryRowsRequest<'_>, query_rows(22));
    let dn: &[&[u8]] = &[b"/o=First Organization/ou=Exchange Administrative Group/cn=Recipients/cn=alexandra"];
    body!(group, DnToMIdRequest<'_>, DnToMIdRequest { names: Some(Strings::new(dn)), auxiliary_buffer: &[] });
    let names = Some(WideStrings::new(&["alexandra", "zo\u{EB}"]));
    let property_tags = Some(columns());
    body!(group, ResolveNamesRequest<'_>, ResolveNamesRequest { state, property_tags, names, auxiliary_buffer: &[] });
    let target = Some(TaggedValue::new(COLUMNS[0], PropertyValue::Str("alex")));
    body!(
        group,
        SeekEntriesRequest<'_>,
        SeekEntriesRequest { state, target, explicit_table: None, columns: property_tags, auxiliary_buffer: &[] }
    );
    let values = [
        TaggedValue::new(COLUMNS[0], PropertyValue::Str("Alexandra Exemplar")),
        TaggedValue::new(COLUMNS[1], PropertyValue::Binary(&[7; 32])),
        TaggedValue::new(COLUMNS[4], PropertyValue::Integer32(0)),
    ];
    let property_values = Some(ValueList::new(&values));
    let props =
        GetPropsSuccess { error_code: ErrorCode::SUCCESS, code_page: 1252, property_values, auxiliary_buffer: &[] };
    body!(group, GetPropsSuccess<'_>, props);
    group.finish();
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

criterion_group!(benches, bodies, tables);
criterion_main!(benches);
