//! HTTP/1.1: heads against `httparse` alone on the same bytes, and the body path of an Execute exchange, 32 KiB each way in
//! three chunks, against a copy of the same bytes.

use std::hint::black_box;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, Head, HttpEvent, HttpLimits, RequestHead, ResponseHead};
use oxwire_benches::Cycle;

/// An Execute of [MS-OXCMAPIHTTP] 2.2.2.1, with the fields that Outlook sends.
const REQUEST: &[u8] = b"POST /mapi/emsmdb/?MailboxId=2f9a3b51-6c1d-4d2e-9d2c-0c5d8a6f1e77@mail.test HTTP/1.1\r\n\
Cache-Control: no-cache\r\nConnection: Keep-Alive\r\nPragma: no-cache\r\nContent-Type: application/mapi-http\r\n\
User-Agent: Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)\r\n\
X-RequestType: Execute\r\nX-ClientInfo: {7A3C5F60-3E8B-4F5F-9C43-8B7DD0E1A4C5}:12\r\n\
X-RequestId: {C715155F-2BE8-44E0-BD34-2960067874C8}:37\r\nX-ClientApplication: Outlook/16.0.17328.20068\r\n\
X-User-Identity: ada@mail.test\r\nClient-Request-Id: {5B0F9E5E-9E85-4C0B-A2C8-2B8D7F0B4D7D}\r\n\
Cookie: MapiRouting=UlVNOjZiZDE0ZGI0LTM5ZTMtNDk4Mi1hOTQ2; MapiContext=MAPIAAAAAN2Xj8qFy4LWkw==; MapiSequence=12-4iZdZg==\r\n\
Content-Length: 342\r\nHost: mail.test\r\n\r\n";

/// Its response, as Exchange Server SE sends it.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nTransfer-Encoding: chunked\r\n\
Content-Type: application/mapi-http\r\nSet-Cookie: MapiContext=MAPIAAAAAN2Xj8qFy4LWkw==; path=/mapi/emsmdb; secure; HttpOnly\r\n\
Set-Cookie: MapiSequence=13-8nRk3A==; path=/mapi/emsmdb; secure; HttpOnly\r\nServer: Microsoft-IIS/10.0\r\n\
request-id: 2b8d7f0b-4d7d-4c0b-a2c8-5b0f9e5e9e85\r\nX-CalculatedBETarget: ex1.mail.test\r\nX-ServerApplication: Exchange/15.02.2562.017\r\n\
X-RequestId: {C715155F-2BE8-44E0-BD34-2960067874C8}:37\r\nX-ClientInfo: {7A3C5F60-3E8B-4F5F-9C43-8B7DD0E1A4C5}:12\r\n\
X-RequestType: Execute\r\nX-ResponseCode: 0\r\nX-PendingPeriod: 30000\r\nX-ExpirationInfo: 900000\r\nX-DiagInfo: EX1\r\nX-BEServer: EX1\r\n\
Date: Fri, 21 Nov 2025 10:00:00 GMT\r\n\r\n";

fn heads(c: &mut Criterion) {
    let mut group = c.benchmark_group("http heads");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    group.bench_function("request, httparse alone", |b| {
        b.iter(|| {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut request = httparse::Request::new(&mut headers);
            black_box(request.parse(black_box(REQUEST)).is_ok())
        });
    });
    let whole = Bytes::copy_from_slice(REQUEST);
    group.bench_function("request", |b| {
        b.iter(|| {
            let mut input = black_box(&whole).clone();
            black_box(RequestHead::parse(&mut input, &HttpLimits::DEFAULT).is_ok())
        });
    });
    group.throughput(Throughput::Bytes(RESPONSE.len() as u64));
    group.bench_function("response, httparse alone", |b| {
        b.iter(|| {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            black_box(response.parse(black_box(RESPONSE)).is_ok())
        });
    });
    let whole = Bytes::copy_from_slice(RESPONSE);
    group.bench_function("response", |b| {
        b.iter(|| {
            let mut input = black_box(&whole).clone();
            black_box(ResponseHead::parse(&mut input, &HttpLimits::DEFAULT).is_ok())
        });
    });
    group.finish();
}

/// 32 KiB in three chunks; each way.
const CHUNK: usize = (32 << 10) / 3;

/// What a connection with a chunked body open in both directions has been through.
fn opened(now: Instant) -> (Connection, Connection) {
    let conn = ConnectionId::new(1);
    let mut client = Connection::client(conn, HttpLimits::DEFAULT);
    let mut server = Connection::server(now, conn, HttpLimits::DEFAULT);
    let request = RequestHead::builder("POST", "/mapi/emsmdb/")
        .field("Host", "mail.test")
        .field("Transfer-Encoding", "chunked")
        .request()
        .expect("a sound head");
    let response =
        ResponseHead::builder(200, "OK").field("Transfer-Encoding", "chunked").response().expect("a sound head");
    let (request_text, response_text) = (request.as_bytes().clone(), response.as_bytes().clone());
    client.send(now, HttpEvent::Head(Head::Request(request))).expect("idle");
    server.handle(now, request_text).expect("HTTP");
    server.send(now, HttpEvent::Head(Head::Response(response))).expect("asked");
    while client.poll_transmit(now).is_some() {}
    client.handle(now, response_text).expect("HTTP");
    for end in [&mut client, &mut server] {
        while end.poll_event().is_some() {}
        while end.poll_transmit(now).is_some() {}
    }
    (client, server)
}

/// One way: what the sender hands to the socket, and what the receiver makes of what came from it. The socket's own copies are
/// not part of it.
fn one_way(
    sender: &mut Connection,
    receiver: &mut Connection,
    now: Instant,
    payloads: &mut Cycle,
    wire: &mut Cycle,
    segment: usize,
) -> usize {
    let mut total = 0;
    for _ in 0..3 {
        sender.send(now, HttpEvent::Body(payloads.next_buffer())).expect("room");
        while let Some(Transmit::Send { head, body, .. }) = sender.poll_transmit(now) {
            black_box((head, body));
        }
        let mut frame = wire.next_buffer();
        while !frame.is_empty() {
            let piece = frame.split_to(segment.min(frame.len()));
            receiver.handle(now, piece).expect("HTTP");
            while let Some(HttpEvent::Body(bytes)) = receiver.poll_event() {
                total += black_box(bytes).len();
            }
        }
    }
    total
}

fn bodies(c: &mut Criterion) {
    let mut group = c.benchmark_group("http bodies");
    group.throughput(Throughput::Bytes(6 * CHUNK as u64));
    let mut payloads = Cycle::filled(CHUNK);
    let mut to = vec![0; CHUNK];
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            for _ in 0..6 {
                black_box(payloads.memcpy(black_box(&mut to)));
            }
        });
    });
    let mut frame = BytesMut::new();
    frame.put_slice(format!("{CHUNK:x}\r\n").as_bytes());
    frame.put_slice(&payloads.next_buffer());
    frame.put_slice(b"\r\n");
    let mut wire = Cycle::of(&frame);
    let now = Instant::now();
    for (name, segment) in [("Execute, both ways", usize::MAX), ("Execute, both ways, in segments of 1460 bytes", 1460)]
    {
        let (mut client, mut server) = opened(now);
        group.bench_function(name, |b| {
            b.iter(|| {
                let asked = one_way(&mut client, &mut server, now, &mut payloads, &mut wire, segment);
                let answered = one_way(&mut server, &mut client, now, &mut payloads, &mut wire, segment);
                assert_eq!(asked + answered, 6 * CHUNK);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
