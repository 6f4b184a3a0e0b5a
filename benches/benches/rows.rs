//! 500 rows of 4 columns read as views, against a copy of the same bytes; a ROP list of four operations and the whole Execute body
//! around it built.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::{Limits, Reader, decode_all, encode_to_bytes};
use oxwire::mapi::mapihttp::{ExecuteRequest, ExecuteRequestBuilder};
use oxwire::mapi::property::{Cell, CountWidth, PropertyTag, PropertyTags, PropertyValue, RowsWriter};
use oxwire::mapi::rop::{
    AsynchronousFlags, Bookmark, Handle, QueryRowsFlags, QueryRowsRequest, QueryRowsResponse, ReleaseRequest,
    RequestBuilder, SetColumnsRequest,
};

const COLUMNS: [PropertyTag; 4] =
    [PropertyTag::SUBJECT, PropertyTag::SENDER_NAME, PropertyTag::MID, PropertyTag::MESSAGE_FLAGS];

fn response() -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let mut rows = RowsWriter::new(&mut bytes, PropertyTags::new(&COLUMNS), CountWidth::RopBuffer, 64 << 10);
    for _ in 0..500 {
        let pushed = rows.push(|index, _| {
            Cell::Value(match index {
                0 => PropertyValue::Str("Quarterly report"),
                1 => PropertyValue::Str("A. Sender"),
                2 => PropertyValue::Integer64(1),
                _ => PropertyValue::Integer32(1),
            })
        });
        assert_eq!(pushed, Ok(true));
    }
    let response = QueryRowsResponse { input_handle_index: 0, origin: Bookmark::END, rows: rows.finish() };
    encode_to_bytes(&response).unwrap_or_default().to_vec()
}

fn views(bytes: &[u8]) -> usize {
    let Ok(response) = QueryRowsResponse::decode(&mut Reader::new(bytes), Some(PropertyTags::new(&COLUMNS))) else {
        return 0;
    };
    response.rows.flatten().flat_map(|row| row.cells()).filter(|cell| black_box(cell).is_ok()).count()
}

fn build(out: &mut BytesMut) -> bool {
    let mut requests = RequestBuilder::new(out);
    let property_tags = PropertyTags::new(&COLUMNS);
    let set_columns_flags = AsynchronousFlags::SYNCHRONOUS;
    let columns = SetColumnsRequest { logon_id: 0, input_handle_index: 0, set_columns_flags, property_tags };
    let query_rows_flags = QueryRowsFlags::ADVANCE;
    let rows =
        QueryRowsRequest { logon_id: 0, input_handle_index: 0, query_rows_flags, forward_read: true, row_count: 50 };
    let release = ReleaseRequest { logon_id: 0, input_handle_index: 0 };
    requests.push(&columns).is_ok()
        && requests.push(&rows).is_ok()
        && requests.push(&rows).is_ok()
        && requests.push(&release).is_ok()
        && requests.finish(&[Handle(1)]).is_ok()
}

fn build_execute(payload: &mut BytesMut) -> Option<Bytes> {
    payload.clear();
    if !build(payload) {
        return None;
    }
    let body = ExecuteRequestBuilder::default().build(payload.len(), |w| {
        w.bytes(payload);
        Ok(())
    });
    body.ok()
}

fn rows(c: &mut Criterion) {
    let bytes = response();
    assert_eq!(views(&bytes), 2000);
    let mut group = c.benchmark_group("rows");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    let mut out = vec![0; bytes.len()];
    group.bench_function("memcpy", |b| b.iter(|| black_box(&mut out).copy_from_slice(black_box(&bytes))));
    group.bench_function("500 rows of 4 cells", |b| b.iter(|| views(black_box(&bytes))));
    group.finish();
    let mut out = BytesMut::with_capacity(4096);
    c.bench_function("rop list of four", |b| {
        b.iter(|| {
            out.clear();
            assert!(build(black_box(&mut out)));
        });
    });
    let body = build_execute(&mut out).unwrap_or_default();
    assert!(decode_all::<ExecuteRequest<'_>>(&body, &Limits::DEFAULT).is_ok());
    let mut group = c.benchmark_group("execute");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("body of four", |b| b.iter(|| build_execute(black_box(&mut out))));
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
