//! Allocation budgets of the client machine: the body path of an Execute exchange, 32 KiB each way in three chunks.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use oxwire::core::{ConnectionId, FileTime};
use oxwire::http::{Head, HttpEvent, HttpTransmit, ResponseHead};
use oxwire::mapihttp::client::{Client, Config, Event, Outcome};
use oxwire_tests::{Allocations, allocations};

const BODY: usize = 32 << 10;

/// Takes what the client sends; the connection and X-RequestId of the request, and its body.
fn sent(client: &mut Client, now: Instant) -> (ConnectionId, String, Bytes) {
    let (mut found, mut body) = (None, Bytes::new());
    while let Some(transmit) = client.poll_transmit(now) {
        match transmit {
            HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) } => {
                found = Some((conn, head.fields().text("X-RequestId").unwrap().to_owned()));
            }
            HttpTransmit::Event { event: HttpEvent::Body(piece), .. } => body = piece,
            _ => {}
        }
    }
    let (conn, id) = found.unwrap();
    (conn, id, body)
}

fn head(id: &str) -> HttpEvent {
    let head = ResponseHead::builder(200, "OK")
        .field("X-RequestId", id)
        .field("X-ResponseCode", "0")
        .field("Set-Cookie", "MapiContext=c; path=/mapi/emsmdb")
        .field("Content-Type", "application/mapi-http");
    HttpEvent::Head(Head::Response(head.response().unwrap()))
}

/// The allocations of the chunks of one response, after its head.
fn body_of(client: &mut Client, now: Instant, cuts: &[usize]) -> Allocations {
    let request = Bytes::from(vec![7; BODY]);
    client.execute(now, request.clone()).unwrap();
    let (conn, id, body) = sent(client, now);
    assert_eq!(body.as_ptr(), request.as_ptr(), "the request's body is not copied");
    let mut stream = BytesMut::from(&b"PROCESSING\r\nDONE\r\nX-ResponseCode: 0\r\n\r\n"[..]);
    stream.resize(stream.len() + BODY, 9);
    let mut rest = stream.freeze();
    let mut chunks: Vec<Bytes> = cuts.iter().map(|cut| rest.split_to(*cut)).collect();
    chunks.push(rest);
    let from: Vec<*const u8> = chunks.iter().map(|chunk| chunk.as_ptr()).collect();
    client.handle(now, conn, head(&id)).unwrap();
    let (made, ()) = allocations(|| {
        for chunk in chunks {
            client.handle(now, conn, HttpEvent::Body(chunk)).unwrap();
        }
    });
    client.handle(now, conn, HttpEvent::End).unwrap();
    let Some(Event::Completed(done)) = client.poll_event() else { panic!() };
    let Outcome::Answered(response) = done.outcome else { panic!("{:?}", done.outcome) };
    assert_eq!(response.body.len(), BODY);
    // The pieces are those that came: no byte was copied.
    let pieces: Vec<*const u8> = response.body.pieces().map(<[u8]>::as_ptr).collect();
    assert_eq!(pieces.len(), from.len());
    assert_eq!(pieces[1..], from[1..]);
    made
}

#[test]
fn a_chunk_costs_no_allocation() {
    let now = Instant::now();
    let config = Config::new("https://mail.test/mapi/emsmdb/?MailboxId=x", &mut |out: &mut [u8]| out.fill(7));
    let mut client = Client::new(config, now, FileTime::default()).unwrap();
    client.connect(now, Bytes::new()).unwrap();
    let (conn, id, _) = sent(&mut client, now);
    client.handle(now, conn, head(&id)).unwrap();
    client.handle(now, conn, HttpEvent::Body(Bytes::from_static(b"DONE\r\n\r\n\0\0\0\0\0\0\0\0"))).unwrap();
    client.handle(now + Duration::from_millis(1), conn, HttpEvent::End).unwrap();
    client.poll_event().unwrap();
    let one = body_of(&mut client, now, &[]);
    let three = body_of(&mut client, now, &[11_000, 11_000]);
    // The list of additional headers and the list of pieces; a lone `Bytes` makes its counter with its first slice.
    assert!(three.count <= one.count, "{one:?} {three:?}");
    assert!(three.count <= 2 && three.bytes < 1024, "{three:?}");
}
