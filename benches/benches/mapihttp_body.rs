//! The body path of an Execute exchange, 32 KiB each way, against a copy of the same bytes.
//!
//! The response arrives in three chunks, so one copy of its body is forced: a view wants contiguous bytes.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::{Limits, decode_all};
use oxwire::mapi::mapihttp::{
    ExecuteRequest, ExecuteRequestBuilder, ExecuteResponse, ExecuteSuccessBuilder, ResponseParser, ResponsePart,
};
use oxwire::mapi::rpc_header_ext::PayloadForm;
use oxwire_benches::Cycle;

const PAYLOAD: usize = 32 << 10;
const HEAD: &[u8] = b"PROCESSING\r\nPENDING\r\nDONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 31\r\n\
    X-StartTime: Fri, 08 Feb 2013 03:05:10 GMT\r\n\r\n";

fn request(payload: &[u8], form: PayloadForm) -> Bytes {
    let builder = ExecuteRequestBuilder { form, ..Default::default() };
    let body = builder.build(payload.len(), |w| {
        w.bytes(payload);
        Ok(())
    });
    body.unwrap_or_default()
}

fn response(payload: &[u8], form: PayloadForm) -> Vec<u8> {
    let builder = ExecuteSuccessBuilder { form, ..Default::default() };
    let body = builder.build(payload.len(), |w| {
        w.bytes(payload);
        Ok(())
    });
    [HEAD, &body.unwrap_or_default()].concat()
}

/// Meta-tags and headers off three chunks, each piece of the body handed to `piece`.
fn parse(stream: &Bytes, mut piece: impl FnMut(Bytes)) {
    let third = stream.len() / 3;
    let mut parser = ResponseParser::default();
    for mut chunk in [stream.slice(..third), stream.slice(third..2 * third), stream.slice(2 * third..)] {
        while let Ok(Some(part)) = parser.parse(&mut chunk) {
            if let ResponsePart::Body(body) = part {
                piece(body);
            }
        }
    }
    assert_eq!(parser.finish(), Ok(()));
}

fn joined(stream: &Bytes) -> Bytes {
    let mut body = BytesMut::with_capacity(stream.len());
    parse(stream, |piece| body.extend_from_slice(&piece));
    body.freeze()
}

fn payload_of_response(body: &Bytes) -> Bytes {
    match decode_all(body, &Limits::DEFAULT) {
        Ok(ExecuteResponse::Success(success)) => success.rop_payload(body).unwrap_or_default(),
        _ => Bytes::new(),
    }
}

fn payload_of_request(body: &Bytes) -> Bytes {
    let request: Result<ExecuteRequest<'_>, _> = decode_all(body, &Limits::DEFAULT);
    request.and_then(|request| request.rop_payload(body)).unwrap_or_default()
}

fn exchange(c: &mut Criterion) {
    let mut group = c.benchmark_group("mapihttp_body");
    group.throughput(Throughput::Bytes(PAYLOAD as u64));

    let mut payloads = Cycle::filled(PAYLOAD);
    let mut to = vec![0; PAYLOAD];
    group.bench_function("memcpy", |b| b.iter(|| black_box(payloads.memcpy(black_box(&mut to)))));
    group.bench_function("memcpy into a new buffer", |b| {
        b.iter(|| black_box(Bytes::copy_from_slice(&payloads.next_buffer())));
    });

    group.bench_function("request built", |b| {
        b.iter(|| black_box(request(&payloads.next_buffer(), PayloadForm::Plain)));
    });
    group.bench_function("request built, XorMagic", |b| {
        b.iter(|| black_box(request(&payloads.next_buffer(), PayloadForm::XorMagic)));
    });
    for (name, form) in [("plain", PayloadForm::Plain), ("XorMagic", PayloadForm::XorMagic)] {
        let payload = payloads.next_buffer();
        let mut requests = Cycle::of(&request(&payload, form));
        group.bench_function(format!("request taken apart, {name}"), |b| {
            b.iter(|| black_box(payload_of_request(&requests.next_buffer())));
        });
        let mut streams = Cycle::of(&response(&payload, form));
        assert_eq!(payload_of_response(&joined(&streams.next_buffer())), payload);
        group.bench_function(format!("response in three chunks, joined and taken apart, {name}"), |b| {
            b.iter(|| black_box(payload_of_response(&joined(&streams.next_buffer()))));
        });
    }
    let mut streams = Cycle::of(&response(&payloads.next_buffer(), PayloadForm::Plain));
    group.bench_function("meta-tags and headers off three chunks", |b| {
        b.iter(|| {
            let mut len = 0;
            parse(&streams.next_buffer(), |piece| len += black_box(piece).len());
            black_box(len)
        });
    });
    group.finish();
}

criterion_group!(benches, exchange);
criterion_main!(benches);
