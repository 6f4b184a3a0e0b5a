//! Any chunking of one stream gives the same events, on both ends.

use bytes::Bytes;
use oxwire_http::{Connection, HttpEvent};
use proptest::prelude::*;

use crate::common::*;

const REQUESTS: &[u8] =
    b"\r\nPOST /mapi/emsmdb/ HTTP/1.1\r\nHost: mail.test\r\nCookie: a=b\r\nCookie: c=d\r\nContent-Length: 7\r\n\r\n\
Connect\
POST /mapi/emsmdb/ HTTP/1.1\r\nHost: mail.test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n\
5;name=value\r\nhello\r\n1\r\n \r\nA \r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n\
GET /last HTTP/1.0\r\n\r\n";

const RESPONSES: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n\
c\r\nPROCESSING\r\n\r\n9\r\nPENDING\r\n\r\n6\r\nDONE\r\n\r\n0\r\nX: y\r\n\r\n";

/// Feeds `text` cut at `cuts`, answering every request as soon as it has ended.
fn fed(connection: &mut Connection, text: &[u8], cuts: &[usize], answer: bool) -> Vec<HttpEvent> {
    let now = start();
    let mut all = Vec::new();
    let mut from = 0;
    for to in cuts.iter().copied().chain([text.len()]) {
        let piece = Bytes::copy_from_slice(&text[from..to]);
        from = to;
        let result = connection.handle(now, piece);
        loop {
            let new = events(connection);
            if new.is_empty() {
                break;
            }
            for event in new {
                let ended = event == HttpEvent::End;
                all.push(event);
                if ended && answer {
                    connection.send(now, response(200, &[("Content-Length", "0")])).unwrap();
                    connection.send(now, HttpEvent::End).unwrap();
                }
            }
        }
        if result.is_err() {
            break;
        }
    }
    all
}

fn asking() -> Connection {
    let now = start();
    let mut client = client();
    client.send(now, get()).unwrap();
    client.send(now, HttpEvent::End).unwrap();
    wire(&mut client, now);
    client
}

fn cuts(len: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..=len, 0..40).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

#[test]
fn byte_by_byte_and_whole() {
    let expected = [
        "POST /mapi/emsmdb/",
        "body Connect",
        "end",
        "POST /mapi/emsmdb/",
        "body hello 0123456789",
        "trailers {\"X-Trailer\": t}",
        "end",
        "GET /last",
        "end",
        "reset Unknown",
    ];
    let whole = told(&fed(&mut server(start()), REQUESTS, &[], true));
    assert_eq!(whole, expected);
    let every: Vec<usize> = (1..REQUESTS.len()).collect();
    assert_eq!(told(&fed(&mut server(start()), REQUESTS, &every, true)), expected);
    let every: Vec<usize> = (1..RESPONSES.len()).collect();
    assert_eq!(told(&fed(&mut asking(), RESPONSES, &every, false)), told(&fed(&mut asking(), RESPONSES, &[], false)));
}

proptest! {
    #[test]
    fn requests_in_any_chunking(cuts in cuts(REQUESTS.len())) {
        let whole = told(&fed(&mut server(start()), REQUESTS, &[], true));
        prop_assert_eq!(told(&fed(&mut server(start()), REQUESTS, &cuts, true)), whole);
    }

    #[test]
    fn responses_in_any_chunking(cuts in cuts(RESPONSES.len())) {
        let whole = told(&fed(&mut asking(), RESPONSES, &[], false));
        prop_assert_eq!(told(&fed(&mut asking(), RESPONSES, &cuts, false)), whole);
    }

    /// Damaged streams too: the same events, up to the same fault.
    #[test]
    fn damaged_requests_in_any_chunking(
        cuts in cuts(REQUESTS.len()), at in 0..REQUESTS.len(), byte in any::<u8>(),
    ) {
        let mut text = REQUESTS.to_vec();
        text[at] = byte;
        let (mut one, mut other) = (server(start()), server(start()));
        let whole = told(&fed(&mut one, &text, &[], true));
        prop_assert_eq!(told(&fed(&mut other, &text, &cuts, true)), whole);
        prop_assert_eq!(one.fault(), other.fault());
    }

    #[test]
    fn damaged_responses_in_any_chunking(
        cuts in cuts(RESPONSES.len()), at in 0..RESPONSES.len(), byte in any::<u8>(),
    ) {
        let mut text = RESPONSES.to_vec();
        text[at] = byte;
        let (mut one, mut other) = (asking(), asking());
        let whole = told(&fed(&mut one, &text, &[], false));
        prop_assert_eq!(told(&fed(&mut other, &text, &cuts, false)), whole);
        prop_assert_eq!(one.fault(), other.fault());
    }

    /// What one end sends, the other end hears, whatever the pieces.
    #[test]
    fn bodies_survive_the_way(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..20),
        chunked in any::<bool>(),
        step in 1..500_usize,
    ) {
        let now = start();
        let (mut c, mut s) = (client(), server(now));
        let whole = pieces.concat();
        let framing = if chunked { ("Transfer-Encoding", "chunked".to_owned()) } else { ("Content-Length", whole.len().to_string()) };
        c.send(now, request("POST", "/", &[(framing.0, &framing.1)])).unwrap();
        for piece in &pieces {
            c.send(now, HttpEvent::Body(Bytes::copy_from_slice(piece))).unwrap();
        }
        c.send(now, HttpEvent::End).unwrap();
        prop_assert_eq!(c.queued_bytes() > 0, true);
        let announced = c.queued_bytes();
        let (bytes, _) = wire(&mut c, now);
        prop_assert_eq!(bytes.len(), announced);
        for piece in bytes.chunks(step) {
            s.handle(now, Bytes::copy_from_slice(piece)).unwrap();
        }
        let heard = events(&mut s);
        prop_assert_eq!(heard.last(), Some(&HttpEvent::End));
        let body: Vec<u8> = heard.iter().filter_map(|event| match event {
            HttpEvent::Body(bytes) => Some(bytes.to_vec()),
            _ => None,
        }).flatten().collect();
        prop_assert_eq!(body, whole);
    }
}
