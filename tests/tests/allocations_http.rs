//! Allocation budgets of oxwire-http: the body path of an Execute exchange, 32 KiB each way in three chunks, allocates nothing a
//! chunk and copies nothing; a head takes its index and no more.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, Head, HttpEvent, HttpLimits, RequestHead, ResponseHead};
use oxwire_tests::allocations;

/// 32 KiB in three.
const CHUNKS: [usize; 3] = [10_922, 10_923, 10_923];

fn request_head() -> RequestHead {
    RequestHead::builder("POST", "/mapi/emsmdb/")
        .field("Host", "mail.test")
        .field("Transfer-Encoding", "chunked")
        .request()
        .unwrap()
}

fn response_head() -> ResponseHead {
    ResponseHead::builder(200, "OK").field("Transfer-Encoding", "chunked").response().unwrap()
}

/// As a driver's read buffer gives it.
fn shared(bytes: &[u8]) -> Bytes {
    let mut buffer = BytesMut::with_capacity(bytes.len());
    buffer.put_slice(bytes);
    buffer.split().freeze()
}

/// Both ends with a chunked body open in both directions, their queues as large as they will be.
fn exchange(now: Instant) -> (Connection, Connection) {
    let conn = ConnectionId::new(1);
    let mut client = Connection::client(conn, HttpLimits::DEFAULT);
    let mut server = Connection::server(now, conn, HttpLimits::DEFAULT);
    client.send(now, HttpEvent::Head(Head::Request(request_head()))).unwrap();
    server.handle(now, shared(request_head().as_bytes())).unwrap();
    server.send(now, HttpEvent::Head(Head::Response(response_head()))).unwrap();
    while client.poll_transmit(now).is_some() {}
    client.handle(now, shared(response_head().as_bytes())).unwrap();
    for end in [&mut client, &mut server] {
        for _ in 0..8 {
            end.send(now, HttpEvent::Body(Bytes::from_static(b"warm"))).unwrap();
        }
        while end.poll_transmit(now).is_some() {}
        for _ in 0..8 {
            end.handle(now, Bytes::from_static(b"4\r\nwarm\r\n")).unwrap();
        }
        while end.poll_event().is_some() {}
    }
    (client, server)
}

fn payloads() -> Vec<Bytes> {
    CHUNKS.iter().map(|len| shared(&vec![7; *len])).collect()
}

#[test]
fn sending_chunks_allocates_and_copies_nothing() {
    let now = Instant::now();
    let (mut client, mut server) = exchange(now);
    let payloads = payloads();
    for end in [&mut client, &mut server] {
        let (made, sent) = allocations(|| {
            let mut sent = [None, None, None];
            for payload in &payloads {
                end.send(now, HttpEvent::Body(payload.clone())).unwrap();
            }
            for place in &mut sent {
                let Some(Transmit::Send { head, body, .. }) = end.poll_transmit(now) else { panic!("nothing to send") };
                assert!(head.as_slice().ends_with(b"2aaa\r\n") || head.as_slice().ends_with(b"2aab\r\n"));
                *place = Some(body);
            }
            assert!(end.poll_transmit(now).is_some(), "the CRLF behind the last chunk");
            sent
        });
        assert_eq!(made.count, 0, "{made:?}");
        for (sent, given) in sent.iter().flatten().zip(&payloads) {
            assert_eq!((sent.as_ptr(), sent.len()), (given.as_ptr(), given.len()), "copied");
        }
    }
}

fn frame(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_slice(format!("{:x}\r\n", payload.len()).as_bytes());
    frame.put_slice(payload);
    frame.put_slice(b"\r\n");
    frame.split().freeze()
}

#[test]
fn receiving_chunks_allocates_and_copies_nothing() {
    let now = Instant::now();
    let (mut client, mut server) = exchange(now);
    let frames: Vec<Bytes> = payloads().iter().map(|payload| frame(payload)).collect();
    for end in [&mut client, &mut server] {
        let (made, received) = allocations(|| {
            let mut received = [None, None, None];
            for (frame, place) in frames.iter().zip(&mut received) {
                end.handle(now, frame.clone()).unwrap();
                let Some(HttpEvent::Body(bytes)) = end.poll_event() else { panic!("nothing received") };
                *place = Some(bytes);
            }
            received
        });
        assert_eq!(made.count, 0, "{made:?}");
        for ((received, given), len) in received.iter().flatten().zip(&frames).zip(CHUNKS) {
            assert_eq!((received.as_ptr(), received.len()), (given[6..].as_ptr(), len), "copied");
        }
    }
}

/// A chunk that arrives in segments is not put together: each piece is a slice of its segment.
#[test]
fn a_split_chunk_is_not_copied_either() {
    let now = Instant::now();
    let (mut client, _) = exchange(now);
    let whole = frame(&vec![7; 32 << 10]);
    let (made, received) = allocations(|| {
        let mut received = 0;
        for at in (0..whole.len()).step_by(1460) {
            let segment = whole.slice(at..whole.len().min(at + 1460));
            let range = segment.as_ptr() as usize..=segment.as_ptr() as usize + segment.len();
            client.handle(now, segment).unwrap();
            while let Some(HttpEvent::Body(bytes)) = client.poll_event() {
                assert!(range.contains(&(bytes.as_ptr() as usize)), "copied");
                received += bytes.len();
            }
        }
        received
    });
    assert_eq!((made.count, received), (0, 32 << 10), "{made:?}");
}

/// A head that arrives whole: one allocation, for its index. The text is a slice of the input.
#[test]
fn a_head_takes_one_allocation() {
    let text = shared(request_head().as_bytes());
    let (made, head) = allocations(|| {
        let mut input = text.clone();
        RequestHead::parse(&mut input, &HttpLimits::DEFAULT)
    });
    let head = head.unwrap().unwrap();
    assert_eq!(made.count, 1, "{made:?}");
    assert_eq!(head.as_bytes().as_ptr(), text.as_ptr(), "copied");
}
