//! Time, lost connections, and what became of a request.

use bytes::Bytes;
use oxwire_core::{ConnectionId, Transmit};
use oxwire_http::{Connection, Fault, HttpEvent, HttpLimits, Reset, ResetCause};

use crate::common::*;

/// The fate that a client tells after `handle_lost(taken bytes not written)`, having sent the first `events` of a request and
/// taken everything.
fn fate(sent: &[HttpEvent], unwritten: u64) -> String {
    let now = start();
    let mut client = client();
    for event in sent {
        client.send(now, event.clone()).unwrap();
    }
    wire(&mut client, now);
    client.handle_lost(now, unwritten, "reset by peer");
    assert_eq!(client.ended(), Some("reset by peer"));
    assert_eq!(wire(&mut client, now).1, ["abort"]);
    told(&events(&mut client)).concat()
}

/// [MS-OXCMAPIHTTP] 3.1.7.1: a failure before or while the request body is streamed lets the request go out again as it is.
#[test]
fn r1205_a_request_not_fully_written_was_not_sent() {
    let head = || request("POST", "/mapi/emsmdb/", &[("Content-Length", "10")]);
    let chunked = || request("POST", "/mapi/emsmdb/", &[("Transfer-Encoding", "chunked")]);
    for (sent, unwritten, expected) in [
        (vec![], 0, "reset NotSent"),
        (vec![head()], 0, "reset NotSent"),
        (vec![head(), body("01234")], 0, "reset NotSent"),
        (vec![head(), body("0123456789")], 0, "reset Unknown"),
        (vec![head(), body("0123456789"), HttpEvent::End], 0, "reset Unknown"),
        (vec![head(), body("0123456789"), HttpEvent::End], 1, "reset NotSent"),
        (vec![head(), body("0123456789"), HttpEvent::End], 10_000, "reset NotSent"),
        (vec![chunked(), body("0123456789")], 0, "reset NotSent"),
        (vec![chunked(), body("0123456789"), HttpEvent::End], 0, "reset Unknown"),
        (vec![chunked(), body("0123456789"), HttpEvent::End], 1, "reset NotSent"),
        (vec![get(), HttpEvent::End], 0, "reset Unknown"),
        (vec![get()], 0, "reset Unknown"),
        (vec![get(), HttpEvent::End], 1, "reset NotSent"),
    ] {
        assert_eq!(fate(&sent, unwritten), expected, "{sent:?} {unwritten}");
    }
}

/// What the driver took while the connection was being opened went nowhere, and the cause goes through.
#[test]
fn a_connection_that_does_not_open_sent_nothing() {
    let now = start();
    let mut client = client();
    client.send(now, get()).unwrap();
    client.send(now, HttpEvent::End).unwrap();
    wire(&mut client, now);
    client.handle_not_opened(now, ResetCause::Certificate, "for another name");
    client.handle_lost(now, 0, "late");
    let reset = Reset::not_sent("for another name").with_cause(ResetCause::Certificate);
    assert_eq!(events(&mut client), [HttpEvent::Reset(reset)]);
    assert_eq!(wire(&mut client, now), (vec![], vec!["abort"]));
}

#[test]
fn r1205_what_was_not_taken_was_not_sent() {
    let now = start();
    let mut client = client();
    client.send(now, request("POST", "/", &[("Content-Length", "5")])).unwrap();
    client.send(now, body("hello")).unwrap();
    client.send(now, HttpEvent::End).unwrap();
    // The head is taken, the body is not.
    assert!(matches!(client.poll_transmit(now), Some(Transmit::Send { .. })));
    client.handle_lost(now, 0, "reset by peer");
    assert_eq!(told(&events(&mut client)), ["reset NotSent"]);
    assert_eq!(wire(&mut client, now), (vec![], vec!["abort"]));
}

#[test]
fn r1205_the_second_request_has_a_fate_of_its_own() {
    let now = start();
    let mut c = client();
    let first = |c: &mut Connection| {
        c.send(now, get()).unwrap();
        c.send(now, HttpEvent::End).unwrap();
        wire(c, now);
        c.handle(now, Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).unwrap();
        assert_eq!(told(&events(c)), ["200 OK", "end"]);
    };
    first(&mut c);
    c.send(now, get()).unwrap();
    c.handle_eof(now);
    assert_eq!(told(&events(&mut c)), ["reset NotSent"]);

    let mut c = client();
    first(&mut c);
    c.handle_eof(now);
    assert_eq!(told(&events(&mut c)), ["reset NotSent"], "an idle connection closed");

    let mut c = client();
    first(&mut c);
    c.send(now, get()).unwrap();
    wire(&mut c, now);
    c.handle_eof(now);
    assert_eq!(told(&events(&mut c)), ["reset Unknown"]);
}

#[test]
fn slow_loris_is_cut_off() {
    let start = start();
    let mut s = server(start);
    assert_eq!(s.poll_timeout(), Some(at(start, 30)));
    for second in 0..30 {
        s.handle(at(start, second), Bytes::from_static(b"G")).unwrap();
        s.handle_timeout(at(start, second));
        assert_eq!(s.poll_timeout(), Some(at(start, 30)), "bytes do not move the deadline");
    }
    s.handle_timeout(at(start, 30));
    assert_eq!(s.fault(), Some(Fault::HeadTimeout));
    assert_eq!(told(&events(&mut s)), ["reset NotSent"]);
    let (bytes, acts) = wire(&mut s, at(start, 30));
    assert!(bytes.starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(acts, ["finish"]);
    // The peer does not close: neither does that take for ever.
    assert_eq!(s.poll_timeout(), Some(at(start, 32)));
    s.handle(at(start, 31), Bytes::from_static(b"late")).unwrap();
    s.handle_timeout(at(start, 32));
    assert_eq!(wire(&mut s, at(start, 32)).1, ["close"]);
    assert_eq!(s.poll_timeout(), None);
    s.handle(at(start, 33), Bytes::from_static(b"later")).unwrap_err();
}

#[test]
fn slow_trailers_are_cut_off() {
    let start = start();
    let mut s = server(start);
    s.handle(start, Bytes::from_static(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX"))
        .unwrap();
    assert_eq!(s.poll_timeout(), Some(at(start, 30)));
    for second in 1..=30 {
        let _ = s.handle(at(start, second), Bytes::from_static(b"X"));
        s.handle_timeout(at(start, second));
    }
    assert_eq!(s.fault(), Some(Fault::HeadTimeout));
}

#[test]
fn silent_and_idle_clients_are_closed() {
    let start = start();
    let mut s = server(start);
    s.handle_timeout(at(start, 29));
    assert_eq!(s.ended(), None);
    s.handle_timeout(at(start, 30));
    assert_eq!(s.fault(), Some(Fault::IdleTimeout));
    assert_eq!(wire(&mut s, at(start, 30)), (vec![], vec!["close"]));

    let mut s = server(start);
    s.handle(start, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    assert_eq!(s.poll_timeout(), None, "the caller has all the time it wants for the answer");
    s.send(at(start, 5), response(200, &[("Content-Length", "0")])).unwrap();
    s.send(at(start, 5), HttpEvent::End).unwrap();
    assert_eq!(s.poll_timeout(), Some(at(start, 905)));
    s.handle(at(start, 800), Bytes::from_static(b"G")).unwrap();
    assert_eq!(s.poll_timeout(), Some(at(start, 830)));

    let mut s = server(start);
    s.handle(start, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    s.send(start, response(200, &[("Content-Length", "0")])).unwrap();
    s.send(start, HttpEvent::End).unwrap();
    wire(&mut s, start);
    s.handle_timeout(at(start, 900));
    assert_eq!(s.fault(), Some(Fault::IdleTimeout));
    assert_eq!(wire(&mut s, at(start, 900)), (vec![], vec!["close"]), "nobody asked, nothing is answered");

    let limits = HttpLimits::DEFAULT.with_idle_timeout(None).with_stall_timeout(None);
    let mut s = Connection::server(start, ConnectionId::new(1), limits);
    s.handle(start, Bytes::from_static(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")).unwrap();
    assert_eq!(s.poll_timeout(), None);
}

#[test]
fn a_body_that_stalls_ends_the_connection() {
    let start = start();
    let mut c = client();
    c.send(start, get()).unwrap();
    c.send(start, HttpEvent::End).unwrap();
    wire(&mut c, start);
    assert_eq!(c.poll_timeout(), None, "the machine above has the deadline for the answer");
    c.handle(at(start, 1), Bytes::from_static(b"HTTP/1.1 200 OK\r\n")).unwrap();
    assert_eq!(c.poll_timeout(), Some(at(start, 31)));
    c.handle(at(start, 2), Bytes::from_static(b"Content-Length: 5\r\n\r\n")).unwrap();
    assert_eq!(c.poll_timeout(), Some(at(start, 902)));
    c.handle(at(start, 100), Bytes::from_static(b"1")).unwrap();
    assert_eq!(c.poll_timeout(), Some(at(start, 1000)));
    c.handle_timeout(at(start, 1000));
    assert_eq!(c.fault(), Some(Fault::StallTimeout));
    assert_eq!(told(&events(&mut c)), ["200 OK", "body 1", "reset Unknown"]);
}

#[test]
fn time_does_not_go_back() {
    let start = start();
    let mut s = server(at(start, 100));
    s.handle(at(start, 110), Bytes::from_static(b"G")).unwrap();
    s.handle_timeout(start);
    s.handle(start, Bytes::from_static(b"E")).unwrap();
    assert_eq!(s.poll_timeout(), Some(at(start, 130)));
    s.handle_timeout(at(start, 130));
    assert!(s.poll_timeout().is_none_or(|due| due > at(start, 130)));
}

fn expecting(connection: &mut Connection, now: std::time::Instant) {
    connection.send(now, request("POST", "/", &[("Content-Length", "5"), ("Expect", "100-continue")])).unwrap();
    connection.send(now, body("hello")).unwrap();
    connection.send(now, HttpEvent::End).unwrap();
    assert!(sent(connection, now).ends_with("\r\n\r\n"), "the body waits");
}

#[test]
fn a_body_waits_for_continue() {
    let start = start();
    let mut c = client();
    expecting(&mut c, start);
    assert_eq!(c.poll_timeout(), Some(at(start, 1)));
    c.handle(start, Bytes::from_static(b"HTTP/1.1 102 Processing\r\n\r\n")).unwrap();
    assert_eq!(sent(&mut c, start), "");
    c.handle(start, Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n")).unwrap();
    assert_eq!(sent(&mut c, start), "hello");
    assert_eq!(c.poll_timeout(), None);
}

#[test]
fn a_body_does_not_wait_when_told_so() {
    let start = start();
    let limits = HttpLimits::DEFAULT.with_continue_timeout(None);
    let mut c = Connection::client(ConnectionId::new(1), limits);
    c.send(start, request("POST", "/", &[("Content-Length", "5"), ("Expect", "100-continue")])).unwrap();
    c.send(start, body("hello")).unwrap();
    assert!(sent(&mut c, start).ends_with("\r\n\r\nhello"));
}

#[test]
fn a_refused_body_stays_here_and_costs_the_connection() {
    let start = start();
    let mut c = client();
    expecting(&mut c, start);
    c.handle(start, Bytes::from_static(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")).unwrap();
    assert_eq!(told(&events(&mut c)), ["401 No", "end", "reset NotSent"]);
    assert_eq!(wire(&mut c, start), (vec![], vec!["close"]));

    // Still being given: taken and dropped until the response has ended.
    let mut c = client();
    c.send(start, request("POST", "/", &[("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])).unwrap();
    c.send(start, body("hello")).unwrap();
    wire(&mut c, start);
    c.handle(start, Bytes::from_static(b"HTTP/1.1 417 No\r\nContent-Length: 3\r\n\r\n")).unwrap();
    c.send(start, body("more")).unwrap();
    c.send(start, HttpEvent::End).unwrap();
    assert_eq!(sent(&mut c, start), "");
    c.handle(start, Bytes::from_static(b"abc")).unwrap();
    assert_eq!(told(&events(&mut c)), ["417 No", "body abc", "end", "reset NotSent"]);

    // A good answer takes the body all the same.
    let mut c = client();
    expecting(&mut c, start);
    c.handle(start, Bytes::from_static(b"HTTP/1.1 200 Success\r\nContent-Length: 0\r\n\r\n")).unwrap();
    assert_eq!(sent(&mut c, start), "hello");
    assert!(c.is_idle());
}

#[test]
fn a_server_continues_by_itself_or_is_told() {
    let now = start();
    let text = Bytes::from_static(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
    let mut s = server(now);
    s.handle(now, text.clone()).unwrap();
    assert_eq!(sent(&mut s, now), "HTTP/1.1 100 Continue\r\n\r\n");

    let limits = HttpLimits::DEFAULT.with_auto_continue(false);
    let mut s = Connection::server(now, ConnectionId::new(1), limits);
    s.handle(now, text.clone()).unwrap();
    assert_eq!(sent(&mut s, now), "");
    s.send(now, response(100, &[])).unwrap();
    assert_eq!(sent(&mut s, now), "HTTP/1.1 100 Success\r\n\r\n");
    s.handle(now, Bytes::from_static(b"hello")).unwrap();
    assert_eq!(told(&events(&mut s)), ["POST /", "body hello", "end"]);

    // Refused without the body: the response closes, and what comes of the body all the same is dropped.
    let mut s = Connection::server(now, ConnectionId::new(1), limits);
    s.handle(now, text).unwrap();
    s.send(now, response(401, &[("Content-Length", "0"), ("Connection", "close")])).unwrap();
    s.send(now, HttpEvent::End).unwrap();
    let (bytes, acts) = wire(&mut s, now);
    assert!(bytes.starts_with(b"HTTP/1.1 401 "));
    assert_eq!(acts, ["finish"]);
    assert_eq!(told(&events(&mut s)), ["POST /", "reset NotSent"]);
    s.handle(now, Bytes::from_static(b"hello")).unwrap();
    s.handle_eof(now);
    assert_eq!(wire(&mut s, now), (vec![], vec!["close"]));
    assert_eq!(s.poll_event(), None);

    // HTTP/1.0 knows no interim response.
    let mut s = server(now);
    s.handle(now, Bytes::from_static(b"POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")).unwrap();
    assert_eq!(sent(&mut s, now), "");
}

#[test]
fn endless_interim_responses_are_cut_off() {
    let now = start();
    let mut c = client();
    c.send(now, get()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    wire(&mut c, now);
    let mut result = Ok(());
    for _ in 0..17 {
        result = c.handle(now, Bytes::from_static(b"HTTP/1.1 102 Processing\r\n\r\n"));
    }
    result.unwrap_err();
    assert_eq!(c.fault(), Some(Fault::TooManyInterim));
}

#[test]
fn an_answer_to_nothing_ends_the_connection() {
    let now = start();
    let answer = Bytes::from_static(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    let mut c = client();
    c.handle(now, answer.clone()).unwrap_err();
    assert_eq!((c.fault(), told(&events(&mut c))), (Some(Fault::Unsolicited), vec!["reset NotSent".to_owned()]));
    // The request is queued and has not left: the answer cannot be to it, and the request may go out again.
    let mut c = client();
    c.send(now, get()).unwrap();
    c.send(now, HttpEvent::End).unwrap();
    c.handle(now, answer).unwrap_err();
    assert_eq!((c.fault(), told(&events(&mut c))), (Some(Fault::Unsolicited), vec!["reset NotSent".to_owned()]));
}

#[test]
fn pipelined_requests_wait_their_turn() {
    let now = start();
    let mut s = server(now);
    s.handle(now, Bytes::from_static(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /"))
        .unwrap();
    assert_eq!(told(&events(&mut s)), ["GET /1", "end"]);
    assert!(!s.wants_input());
    let answer = |s: &mut Connection| {
        s.send(now, response(200, &[("Content-Length", "0")])).unwrap();
        s.send(now, HttpEvent::End).unwrap();
    };
    answer(&mut s);
    assert_eq!(told(&events(&mut s)), ["GET /2", "end"]);
    answer(&mut s);
    assert_eq!(told(&events(&mut s)), [""; 0]);
    assert!(s.wants_input());
    s.handle(now, Bytes::from_static(b"3 HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    assert_eq!(told(&events(&mut s)), ["GET /3", "end"]);
    // A fault in a held request is told once its turn comes.
    s.handle(now, Bytes::from_static(b"nonsense\r\n\r\n")).unwrap();
    answer(&mut s);
    assert_eq!((s.fault(), told(&events(&mut s))), (Some(Fault::StartLine), vec!["reset NotSent".to_owned()]));
}

#[test]
fn a_flood_of_pipelined_requests_is_cut_off() {
    let now = start();
    let mut s = Connection::server(now, ConnectionId::new(1), HttpLimits::DEFAULT.with_held_bytes(1000));
    s.handle(now, Bytes::from_static(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
    s.handle(now, Bytes::from(vec![b'x'; 1000])).unwrap();
    s.handle(now, Bytes::from_static(b"y")).unwrap_err();
    assert_eq!(s.fault(), Some(Fault::TooMuchPipelined));
}

/// Any order of calls is safe, and after the end the reason stands.
#[test]
fn calls_after_the_end_do_nothing() {
    let now = start();
    for closing in [Connection::close, Connection::abort] {
        let mut s = server(now);
        s.handle(now, Bytes::from_static(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap();
        events(&mut s);
        closing(&mut s, now);
        let (_, acts) = wire(&mut s, now);
        assert_eq!(acts.len(), 1);
        s.handle_eof(now);
        s.handle_lost(now, 0, "late");
        s.handle_timeout(at(now, 10_000));
        closing(&mut s, now);
        assert!(s.handle(now, Bytes::from_static(b"x")).is_err());
        assert_eq!((s.poll_event(), s.poll_timeout()), (None, None));
        assert_eq!(wire(&mut s, now), (vec![], vec![]));
    }
}
