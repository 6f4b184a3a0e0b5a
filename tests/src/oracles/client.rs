//! oxwire-mapihttp's client machine, by sequences of operations.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, FileTime};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset, ResponseHead};
use oxwire::mapihttp::client::{Client, Config, Event, RequestHandle};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("client_machine", client_machine)];

/// The bytes that steer a run.
struct Steps<'a>(&'a [u8]);

impl Steps<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, most: usize) -> Bytes {
        let length = usize::from(self.byte().unwrap_or(0)).min(most).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        Bytes::copy_from_slice(taken)
    }
}

/// A client, a server that answers anything at all, and what the client promises.
struct Run {
    client: Client,
    now: Instant,
    /// Requests that reached the server: the connection, X-RequestId, whether in sequence.
    sent: Vec<(ConnectionId, String, bool)>,
    heads: BTreeMap<ConnectionId, (String, bool)>,
    accepted: BTreeMap<RequestHandle, u32>,
}

impl Run {
    /// Takes all that the client says, and holds it against what it promises.
    fn settle(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            match transmit {
                HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) } => {
                    let id = head.fields().text("X-RequestId").expect("on every request").to_owned();
                    let waits = head.fields().text("X-RequestType") == Some("NotificationWait");
                    assert!(head.fields().first("Cookie").is_none_or(|cookie| !cookie.is_empty()), "an empty cookie");
                    assert!(self.heads.insert(conn, (id, waits)).is_none(), "a request inside another");
                }
                HttpTransmit::Event { conn, event: HttpEvent::End } => {
                    let (id, waits) = self.heads.remove(&conn).expect("an end without a head");
                    self.sent.push((conn, id, waits));
                    for waits in [false, true] {
                        let beside = self.sent.iter().filter(|(.., other)| *other == waits).count();
                        assert!(beside <= 1, "{beside} requests at a time: {:?}", self.sent);
                    }
                }
                HttpTransmit::Close { conn } | HttpTransmit::Abort { conn } => {
                    self.heads.remove(&conn);
                    self.sent.retain(|(other, ..)| *other != conn);
                }
                _ => {}
            }
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Completed(done) => {
                    let count = self.accepted.entry(done.handle).or_default();
                    *count += 1;
                    assert_eq!(*count, 1, "{:?} completed twice", done.handle);
                }
                Event::EventPending { execute: Some(execute), .. } => {
                    self.accepted.entry(execute).or_default();
                }
                Event::Redirect { handle, location, .. } if location.len() % 2 == 0 => {
                    self.client.follow_redirect(self.now, handle).ok();
                }
                _ => {}
            }
        }
    }

    fn verb(&mut self, op: u8, body: Bytes) {
        let now = self.now;
        let accepted = match op {
            0 => self.client.connect(now, body),
            1 => self.client.execute(now, body),
            2 => self.client.notification_wait(now, body),
            3 => self.client.ping(now),
            _ => self.client.disconnect(now, body),
        };
        match accepted {
            Ok(handle) => assert!(self.accepted.insert(handle, 0).is_none(), "{handle:?} given twice"),
            Err(rejected) => drop(rejected),
        }
    }

    fn event(&mut self, conn: ConnectionId, event: HttpEvent) {
        let ends = matches!(event, HttpEvent::End | HttpEvent::Reset(_));
        self.client.handle(self.now, conn, event).ok();
        if ends {
            self.sent.retain(|(other, ..)| *other != conn);
            self.heads.remove(&conn);
        }
    }

    /// One event on one of the connections: a head made of a few known headers, a body of any bytes.
    fn answer(&mut self, op: u8, steps: &mut Steps<'_>) {
        let at = usize::from(steps.byte().unwrap_or(0));
        let (conn, id) = match self.sent.get(at % self.sent.len().max(1)) {
            Some((conn, id, _)) => (*conn, id.clone()),
            None => (ConnectionId::new(at as u64), String::new()),
        };
        match op {
            6 => {
                let kind = steps.byte().unwrap_or(0);
                let status = [200, 200, 200, 200, 302, 503, 401, 100][usize::from(kind % 8)];
                let mut head = ResponseHead::builder(status, "x").field("X-RequestId", id);
                if kind & 8 == 0 {
                    head = head.field("X-ResponseCode", "0");
                }
                while let Some(name) = steps.byte().filter(|name| name % 16 != 0) {
                    let names = [
                        "Set-Cookie",
                        "X-ResponseCode",
                        "X-PendingPeriod",
                        "X-ExpirationInfo",
                        "Retry-After",
                        "Location",
                        "Connection",
                        "Date",
                        "Content-Type",
                        "X-RequestId",
                        "X-DeviceInfo",
                    ];
                    let value: Vec<u8> = steps.bytes(40).iter().map(|byte| byte & 0x7F).collect();
                    head = head.field(names[usize::from(name) % names.len()], value);
                }
                if let Ok(head) = head.response() {
                    self.event(conn, HttpEvent::Head(Head::Response(head)));
                }
            }
            7 => {
                let body = steps.bytes(255);
                if !body.is_empty() {
                    self.event(conn, HttpEvent::Body(body));
                }
            }
            8 => self.event(
                conn,
                HttpEvent::Body(Bytes::from_static(b"PROCESSING\r\nDONE\r\n\r\n\0\0\0\0\0\0\0\0\x01\0\0\0")),
            ),
            9 => self.event(conn, HttpEvent::End),
            10 => self.event(conn, HttpEvent::Reset(Reset::not_sent("cut"))),
            _ => self.event(conn, HttpEvent::Reset(Reset::unknown("cut"))),
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.client.handle_timeout(self.now);
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a timer is due after handle_timeout");
    }
}

/// Any verbs, answers, cuts, pauses and times in any order: no panic; one request at a time, and one NotificationWait beside it;
/// every accepted request ends in one `Completed`; nothing waits without a deadline.
pub fn client_machine(data: &[u8]) {
    let mut steps = Steps(data);
    let now = Instant::now();
    let wall = FileTime::from_intervals(134_117_856_000_000_000);
    let config = Config::new("https://mail.test/mapi/emsmdb/?MailboxId=x", &mut |out: &mut [u8]| out.fill(7));
    let client = Client::new(config, now, wall).expect("the settings are right");
    let mut run = Run { client, now, sent: Vec::new(), heads: BTreeMap::new(), accepted: BTreeMap::new() };
    while let Some(op) = steps.byte() {
        match op % 16 {
            op @ 0..=4 => {
                let body = steps.bytes(4);
                run.verb(op, body);
            }
            5 => {
                run.client.reconnect(run.now).ok();
            }
            op @ 6..=11 => run.answer(op, &mut steps),
            12 => {
                let seconds = steps.byte().unwrap_or(0);
                run.pass(Duration::from_secs(u64::from(seconds) * 5));
            }
            13 => {
                let due = run.client.poll_timeout();
                run.pass(due.map_or(Duration::ZERO, |at| at.saturating_duration_since(run.now)));
            }
            14 => {
                let away = Duration::from_secs(u64::from(steps.byte().unwrap_or(0)) * 600);
                let paused = run.client.pause(run.now, wall).expect("not closed");
                run.settle();
                run.client = Client::resume(paused, run.now, wall.saturating_add(away)).expect("the same version");
                run.sent.clear();
                run.heads.clear();
            }
            // Nothing is taken from the client this time: its queues fill.
            _ => continue,
        }
        run.settle();
    }
    for _ in 0..1_000 {
        let Some(at) = run.client.poll_timeout() else { break };
        // A context that is kept alive is kept alive for ever: what matters is that requests end.
        if run.accepted.values().all(|count| *count == 1) {
            break;
        }
        run.pass(at.saturating_duration_since(run.now));
        run.settle();
    }
    assert!(run.accepted.values().all(|count| *count == 1), "a request never ended: {:?}", run.accepted);
    run.client.close(run.now, "done");
    run.settle();
    assert_eq!(run.client.poll_timeout(), None);
}
