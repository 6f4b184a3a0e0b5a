//! Any order of verbs is safe, and any cutting of a response gives the same events.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::ConnectionId;
use oxwire_http::{Head, HttpEvent, Reset};
use proptest::prelude::*;

use super::{Answer, Bench, Received, WALL, config, start};
use crate::client::{Client, Event, RequestHandle};

/// What has become of the accepted requests: how many completions each has.
#[derive(Default)]
struct Ledger {
    accepted: BTreeMap<RequestHandle, u32>,
}

impl Ledger {
    fn take(&mut self, bench: &mut Bench) {
        bench.settle();
        for event in bench.events.drain(..) {
            let (completed, accepted) = match event {
                Event::Completed(done) => (Some(done.handle), None),
                Event::EventPending { execute, .. } => (None, execute),
                Event::Redirect { handle, .. } => {
                    // Every other one is followed; the rest run into their deadline.
                    if handle.0 % 2 == 0 {
                        bench.client.follow_redirect(bench.now, handle).ok();
                    }
                    (None, None)
                }
                _ => (None, None),
            };
            if let Some(handle) = accepted {
                // Its completion may have been in front of this, where a caller closed the client.
                self.accepted.entry(handle).or_default();
            }
            if let Some(handle) = completed {
                let count = self.accepted.entry(handle).or_default();
                *count += 1;
                assert_eq!(*count, 1, "{handle:?} completed twice");
            }
        }
    }
}

fn answer_for(kind: u8) -> Answer {
    match kind % 12 {
        0 | 1 => Answer::connected(),
        2 => Answer::connected().with("Connection", "close"),
        3 => Answer::ok(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).with("X-ExpirationInfo", "1"),
        4 => Answer::refused(10).with("Set-Cookie", "MapiContext="),
        5 => Answer::refused(u32::from(kind)),
        6 => Answer::status(302).with("Location", "https://other.test/x"),
        7 => Answer::status(503).with("Retry-After", "9"),
        8 => Answer { body: Bytes::from_static(b"PROCESSING\r\nnonsense"), ..Answer::ok(b"") },
        9 => Answer::ok(b"").with("X-RequestId", "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:1"),
        10 => Answer::status(100),
        _ => Answer::ok(&[0xEB; 20]).with("X-PendingPeriod", "0"),
    }
}

/// One step of a sequence.
fn step(bench: &mut Bench, ledger: &mut Ledger, sent: &mut Vec<Received>, op: u8, arg: u8) {
    let now = bench.now;
    let body = Bytes::from(vec![arg; usize::from(arg % 4)]);
    let accepted = match op % 16 {
        0 => bench.client.connect(now, body).ok(),
        1 | 2 => bench.client.execute(now, body).ok(),
        3 => bench.client.notification_wait(now, body).ok(),
        4 => bench.client.ping(now).ok(),
        5 => bench.client.disconnect(now, body).ok(),
        6 => {
            bench.client.reconnect(now).ok();
            None
        }
        7 => {
            bench.wait_for(Duration::from_secs(u64::from(arg) * 7));
            None
        }
        8 => {
            if bench.client.poll_timeout().is_some() {
                bench.next_deadline();
            }
            None
        }
        // Some transmits are taken, and no more.
        9 => {
            let _taken = bench.client.poll_event();
            if let Some(Event::Completed(done)) = _taken {
                *ledger.accepted.entry(done.handle).or_default() += 1;
            }
            None
        }
        10 => {
            let paused = bench.client.pause(now, WALL).unwrap();
            let mut named: Vec<RequestHandle> = paused.in_flight().iter().map(|request| request.handle).collect();
            named.sort();
            let open = ledger.accepted.iter().filter(|(_, count)| **count == 0).map(|(handle, _)| *handle);
            assert_eq!(named, open.collect::<Vec<_>>(), "what is in flight is named, once");
            bench.settle();
            let events = std::mem::take(&mut bench.events);
            let now = start();
            let away = Duration::from_secs(u64::from(arg) * 3600);
            *bench = Bench::over(Client::resume(paused, now, WALL.saturating_add(away)).unwrap(), now);
            bench.events = events;
            sent.clear();
            None
        }
        _ => {
            bench.settle();
            sent.append(&mut bench.requests);
            respond(bench, sent, op, arg);
            None
        }
    };
    if let Some(handle) = accepted {
        assert!(ledger.accepted.insert(handle, 0).is_none(), "{handle:?} given twice");
    }
}

/// The server does something: an answer whole or in part, an end of a connection, an event from nowhere.
fn respond(bench: &mut Bench, sent: &mut Vec<Received>, op: u8, arg: u8) {
    let now = bench.now;
    if sent.is_empty() {
        let conn = ConnectionId::new(u64::from(arg % 5));
        bench.client.handle(now, conn, HttpEvent::End).ok();
        return;
    }
    let request = sent.remove(usize::from(arg) % sent.len());
    let mut answer = answer_for(arg);
    if !answer.headers.iter().any(|(name, _)| name == "X-RequestId") {
        answer = answer.with("X-RequestId", request.header("X-RequestId").unwrap());
    }
    let head = HttpEvent::Head(Head::Response(answer.head()));
    let body = HttpEvent::Body(answer.body.clone());
    let whole = [head, body, HttpEvent::End];
    let (events, reset) = match op % 16 {
        11 => (0, Some(Reset::not_sent("cut"))),
        12 => (usize::from(arg) % 3, Some(Reset::unknown("cut"))),
        13 => (usize::from(arg) % 3, Some(Reset::not_sent("cut"))),
        _ => (3, None),
    };
    for event in whole.into_iter().take(events) {
        bench.client.handle(now, request.conn, event).ok();
    }
    if let Some(reset) = reset {
        bench.client.handle(now, request.conn, HttpEvent::Reset(reset)).ok();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_of_verbs_is_safe(ops in prop::collection::vec((any::<u8>(), any::<u8>()), 1..80)) {
        let mut bench = Bench::connected(config());
        let mut ledger = Ledger::default();
        let mut sent = Vec::new();
        for (op, arg) in ops {
            step(&mut bench, &mut ledger, &mut sent, op, arg);
            ledger.take(&mut bench);
            sent.append(&mut bench.requests);
        }
        // At rest, every request has ended: nothing waits for ever.
        for _ in 0..200 {
            if bench.client.poll_timeout().is_none() {
                break;
            }
            bench.next_deadline();
            ledger.take(&mut bench);
        }
        for (handle, count) in &ledger.accepted {
            assert_eq!(*count, 1, "{handle:?} was never reported");
        }
    }

    #[test]
    fn any_cutting_of_a_response_gives_the_same_events(
        cuts in prop::collection::vec(1_usize..40, 1..60),
        body in prop::collection::vec(any::<u8>(), 0..2000),
        pending in 0_usize..5,
    ) {
        let stream = [b"PROCESSING\r\n".to_vec(), b"PENDING\r\n".repeat(pending), b"DONE\r\nX-A: b\r\n\r\n".to_vec(), body]
            .concat();
        let answer = Answer { body: stream.into(), ..Answer::ok(b"") };
        let mut whole = Bench::connected(config());
        let mut cut = Bench::connected(config());
        for bench in [&mut whole, &mut cut] {
            bench.execute(b"rops");
        }
        let request = whole.request();
        whole.answer(&request, &answer);
        let request = cut.request();
        cut.head(&request, &answer);
        let mut rest = &answer.body[..];
        for size in cuts {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            if !piece.is_empty() {
                cut.body(&request, piece);
            }
        }
        if !rest.is_empty() {
            cut.body(&request, rest);
        }
        cut.end(&request);
        prop_assert_eq!(whole.events, cut.events);
    }
}
