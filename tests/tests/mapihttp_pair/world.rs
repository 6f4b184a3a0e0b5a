//! The two applications, and the model that knows what was executed where.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, FileTime, Principal, Utf16, encode_to_bytes};
use oxwire::mapi::mapihttp::{ConnectSuccess, DisconnectSuccess, ExecuteFlags, ExecuteRequest, ExecuteSuccess};
use oxwire::mapihttp::client::{Client, Config, ContextState, Event, Fate, Outcome, RequestHandle};
use oxwire::mapihttp::server::{self, ContextId, Server, ServerConfig};

use crate::network::{Arrival, Link};
use crate::{Fault, Reach, Rng, WALL};

/// An Execute of the application's, as the model knows it.
#[derive(Debug)]
pub(crate) struct Op {
    /// The context that it was meant for.
    pub(crate) believed: u64,
    pub(crate) ended: Option<&'static str>,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) fault: Fault,
    pub(crate) now: Instant,
    pub(crate) client: Client,
    pub(crate) server: Server<u64>,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) arrivals: BTreeMap<(Instant, u64), (ConnectionId, Arrival)>,
    pub(crate) sequence: u64,
    /// Whether cuts happen.
    pub(crate) rough: bool,
    // The server's application.
    pub(crate) contexts: BTreeMap<ContextId, u64>,
    pub(crate) next_context: u64,
    pub(crate) executed: Vec<(u64, u64)>,
    pub(crate) later: BTreeMap<(Instant, u64), (server::RequestHandle, u64)>,
    pub(crate) last_body: Bytes,
    pub(crate) seen_ids: BTreeSet<String>,
    // The client's application.
    pub(crate) ops: BTreeMap<RequestHandle, (u64, Op)>,
    pub(crate) others: BTreeMap<RequestHandle, u32>,
    pub(crate) next_op: u64,
    pub(crate) believed: Option<u64>,
    pub(crate) wants_repeat: VecDeque<u64>,
    pub(crate) away: Duration,
    pub(crate) reach: Reach,
}
pub(crate) fn entropy(seed: u64) -> impl FnMut(&mut [u8]) + Send + 'static {
    let mut rng = Rng(seed | 1);
    move |out: &mut [u8]| out.iter_mut().for_each(|byte| *byte = rng.next().to_le_bytes()[0])
}

pub(crate) fn user() -> Principal {
    Principal::new("alice@mail.test")
}

pub(crate) fn connect_success(context: u64) -> Bytes {
    let prefix = context.to_string();
    let body = ConnectSuccess {
        error_code: 0,
        polls_max: 60_000,
        retry_count: 4,
        retry_delay: 2_000,
        dn_prefix: prefix.as_bytes(),
        display_name: Utf16::new(b"A\0").unwrap(),
        auxiliary_buffer: &[],
    };
    encode_to_bytes(&body).unwrap()
}

pub(crate) fn execute_body(believed: u64, op: u64) -> Bytes {
    let rop_buffer = format!("{believed} {op}");
    let flags = ExecuteFlags::default();
    let body = ExecuteRequest { flags, rop_buffer: rop_buffer.as_bytes(), max_rop_out: 65_544, auxiliary_buffer: &[] };
    encode_to_bytes(&body).unwrap()
}

pub(crate) fn execute_success(rop_buffer: &[u8]) -> Bytes {
    encode_to_bytes(&ExecuteSuccess { error_code: 0, rop_buffer, auxiliary_buffer: &[] }).unwrap()
}
impl World {
    pub(crate) fn new(seed: u64, fault: Fault) -> Self {
        let now = Instant::now();
        let config = Config::new("https://mail.test/mapi/emsmdb/?MailboxId=a@mail.test", &mut entropy(seed));
        let mut server = ServerConfig::default();
        if fault == Fault::LiesAboutSending {
            server.table.answers_per_context = 0;
        }
        Self {
            rng: Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            fault,
            now,
            client: Client::new(config, now, WALL).unwrap(),
            server: Server::new(now, WALL, server, entropy(seed + 1)).unwrap(),
            links: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            sequence: 0,
            rough: true,
            contexts: BTreeMap::new(),
            next_context: 1,
            executed: Vec::new(),
            later: BTreeMap::new(),
            last_body: Bytes::new(),
            seen_ids: BTreeSet::new(),
            ops: BTreeMap::new(),
            others: BTreeMap::new(),
            next_op: 1,
            believed: None,
            wants_repeat: VecDeque::new(),
            away: Duration::ZERO,
            reach: Reach::default(),
        }
    }

    pub(crate) fn wall(&self, start: Instant) -> FileTime {
        WALL.saturating_add(self.now - start).saturating_add(self.away)
    }

    pub(crate) fn on_server_event(&mut self, event: server::Event<u64>) -> Result<(), String> {
        match event {
            server::Event::Connect(request) => {
                let serial = self.next_context;
                self.next_context += 1;
                self.contexts.insert(request.context, serial);
                let body = connect_success(serial);
                self.server.accept(self.now, request.handle, serial, &[body]).map_err(|error| format!("{error}"))?;
            }
            server::Event::Execute(request) => {
                let text = request.body.slice(8..request.body.len() - 8);
                let text = String::from_utf8_lossy(&text).into_owned();
                let serial = self.contexts.get(&request.context).copied().unwrap_or(0);
                let op = match text.split_once(' ').map(|(b, o)| (b.parse::<u64>(), o.parse::<u64>())) {
                    Some((Ok(believed), Ok(op))) => {
                        self.executed.push((serial, op));
                        if believed != serial {
                            return Err(format!("op {op} for context {believed} was executed in {serial}"));
                        }
                        op
                    }
                    // The machine's own, with an empty ROP list.
                    _ => {
                        self.reach.events_fetched += 1;
                        0
                    }
                };
                let delay = match self.rng.below(8) {
                    0 => Duration::from_secs(1 + self.rng.below(70)),
                    1 => Duration::from_millis(self.rng.below(300)),
                    _ => Duration::ZERO,
                };
                self.sequence += 1;
                self.later.insert((self.now + delay, self.sequence), (request.handle, op));
            }
            server::Event::Disconnect(request) => {
                let body = encode_to_bytes(&DisconnectSuccess::default()).unwrap();
                self.server.respond(self.now, request.handle, &[body]).map_err(|error| error.to_string())?;
            }
            server::Event::Ended { removed, .. } => {
                self.contexts.retain(|_, serial| Some(*serial) != removed.state);
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn on_due(&mut self) {
        while let Some(((at, _), _)) = self.later.first_key_value() {
            if *at > self.now {
                return;
            }
            let Some((_, (handle, op))) = self.later.pop_first() else { return };
            let mut body = execute_success(op.to_string().as_bytes());
            if self.fault == Fault::MixesAnswers && self.rng.one_in(5) && !self.last_body.is_empty() {
                body = self.last_body.clone();
            }
            self.last_body = body.clone();
            self.server.respond(self.now, handle, &[body]).ok();
        }
    }

    pub(crate) fn on_client_event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Completed(done) => {
                if self.fault == Fault::LosesAnEvent && self.rng.one_in(20) {
                    return Ok(());
                }
                self.on_completed(done.handle, done.outcome)?;
            }
            Event::ContextReplaced { response } => {
                let serial = serial_of(&response.body.into_bytes())?;
                if self.believed.is_some_and(|before| serial <= before) {
                    return Err(format!("context {serial} replaces {:?}", self.believed));
                }
                self.believed = Some(serial);
                self.reach.replaced += 1;
                if self.fault == Fault::RepeatsInNewContext {
                    while let Some(op) = self.wants_repeat.pop_front() {
                        self.client.execute(self.now, execute_body(serial, op)).ok();
                    }
                }
            }
            Event::ContextLost { .. } => {
                self.believed = None;
                self.reach.lost += 1;
            }
            Event::EventPending { execute: Some(execute), .. } => {
                self.others.insert(execute, 0);
            }
            Event::Redirect { .. } => return Err("nobody redirected".to_owned()),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn on_completed(&mut self, handle: RequestHandle, outcome: Outcome) -> Result<(), String> {
        let Some((number, op)) = self.ops.get_mut(&handle) else {
            let count = self.others.entry(handle).or_default();
            *count += 1;
            if *count > 1 {
                return Err(format!("{handle:?} completed twice"));
            }
            return self.on_other(outcome);
        };
        let number = *number;
        if let Some(before) = op.ended {
            return Err(format!("op {number} ended twice: {before}, then {outcome:?}"));
        }
        let times = self.executed.iter().filter(|(_, op)| *op == number).count();
        let ended = match outcome {
            Outcome::Answered(response) => {
                let body = response.body.into_bytes();
                let answered = String::from_utf8_lossy(&body.slice(16..body.len() - 4)).into_owned();
                if answered != number.to_string() {
                    return Err(format!("op {number} got the answer of {answered}"));
                }
                if times != 1 {
                    return Err(format!("op {number} was answered and executed {times} times"));
                }
                self.reach.answered += 1;
                "answered"
            }
            Outcome::Unanswered { .. } => {
                self.wants_repeat.push_back(number);
                self.reach.unanswered += 1;
                "unanswered"
            }
            Outcome::NotSent { body, .. } => {
                if body != execute_body(op.believed, number) {
                    return Err(format!("op {number} came back with another body"));
                }
                self.reach.not_sent += 1;
                "not sent"
            }
            // 15: behind a response that was lost with its sequence cookie.
            // Behind DONE: it was under way when the context was ended.
            Outcome::Refused { code, response } if code.number() == 10 && !response.additional.is_empty() => {
                self.reach.gone += 1;
                "ended under way"
            }
            Outcome::Refused { code, .. } if matches!(code.number(), 10 | 15) => {
                self.reach.gone += 1;
                "context gone"
            }
            other => return Err(format!("op {number}: {other:?}")),
        };
        if matches!(ended, "not sent" | "context gone") && times != 0 {
            return Err(format!("op {number} was executed, and told as {ended}"));
        }
        op.ended = Some(ended);
        Ok(())
    }

    /// Of a Connect, a Disconnect, a NotificationWait, a fetch of events.
    pub(crate) fn on_other(&mut self, outcome: Outcome) -> Result<(), String> {
        if let Outcome::Answered(response) = outcome {
            let kind = response.header("X-RequestType").map(<[u8]>::to_ascii_lowercase).unwrap_or_default();
            match &kind[..] {
                b"connect" => self.believed = Some(serial_of(&response.body.into_bytes())?),
                b"disconnect" => {
                    self.believed = None;
                    self.reach.disconnects += 1;
                }
                b"notificationwait" => self.reach.waits_answered += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// One thing that the client's application does.
    pub(crate) fn act(&mut self, start: Instant) -> Result<(), String> {
        let now = self.now;
        match self.rng.below(20) {
            0..=8 => {
                let Some(believed) = self.believed else { return self.connect() };
                let number = self.next_op;
                if let Ok(handle) = self.client.execute(now, execute_body(believed, number)) {
                    self.next_op += 1;
                    self.ops.insert(handle, (number, Op { believed, ended: None }));
                }
            }
            9 | 10 => {
                if let Ok(handle) = self.client.notification_wait(now, Bytes::from_static(&[0; 8])) {
                    self.others.insert(handle, 0);
                }
            }
            11 | 12 => {
                let contexts: Vec<ContextId> = self.contexts.keys().copied().collect();
                if let Some(context) = contexts.last() {
                    self.server.notify(now, *context);
                }
            }
            13 => {
                if let Ok(handle) = self.client.disconnect(now, Bytes::from_static(&[0; 4])) {
                    self.others.insert(handle, 0);
                }
            }
            14 => {
                // The server restarts, or tidies up.
                if self.rng.one_in(3)
                    && let Some((context, _)) = self.contexts.pop_last()
                {
                    self.server.end_context(now, context);
                }
            }
            15 => self.pause(start)?,
            16 => {
                let idle = Duration::from_secs(60 + self.rng.below(400));
                self.run_for(idle)?;
            }
            17 => {
                // An idle or busy connection breaks.
                let conns: Vec<ConnectionId> = self.links.keys().copied().collect();
                if self.rough && !conns.is_empty() {
                    let at = usize::try_from(self.rng.below(conns.len() as u64)).unwrap();
                    self.cut(conns[at], 0);
                }
            }
            18 if self.rng.one_in(4) => {
                self.client.reconnect(now).ok();
            }
            _ => self.connect()?,
        }
        Ok(())
    }

    pub(crate) fn connect(&mut self) -> Result<(), String> {
        match self.client.state() {
            ContextState::None => {
                let body = connect_request();
                let handle = self.client.connect(self.now, body).map_err(|error| error.to_string())?;
                self.others.insert(handle, 0);
            }
            ContextState::Lost => self.client.reconnect(self.now).map_err(|error| error.to_string())?,
            _ => {}
        }
        Ok(())
    }

    /// The client sleeps, its sockets die; it goes on after some time.
    pub(crate) fn pause(&mut self, start: Instant) -> Result<(), String> {
        let wall = self.wall(start);
        let paused = self.client.pause(self.now, wall).map_err(|closed| closed.to_string())?;
        self.reach.pauses += 1;
        let under_way = paused.in_flight().iter().filter(|request| request.fate == Fate::Unanswered);
        self.reach.in_flight_at_pause += u32::try_from(under_way.count()).unwrap();
        let conns: Vec<ConnectionId> = self.links.keys().copied().collect();
        for conn in conns {
            self.cut(conn, 0);
            self.move_link(conn);
            self.links.get_mut(&conn).into_iter().for_each(|link| while link.client.poll_event().is_some() {});
        }
        let away = match self.rng.below(3) {
            0 => Duration::from_secs(self.rng.below(20)),
            1 => Duration::from_secs(120 + self.rng.below(600)),
            _ => Duration::from_secs(1200),
        };
        // The server lives on meanwhile, and a client's clock stands still while it sleeps.
        let end = self.now + away;
        let wall = wall.saturating_add(away);
        let asleep = Client::new(self.config(), self.now, wall).map_err(|error| error.to_string())?;
        self.client = asleep;
        self.run_for(end - self.now)?;
        self.client = Client::resume(paused, self.now, wall).map_err(|error| error.to_string())?;
        Ok(())
    }

    pub(crate) fn config(&self) -> Config {
        Config::new("https://mail.test/mapi/emsmdb/", &mut entropy(1))
    }

    /// The last word: with a calm network everything ends.
    pub(crate) fn finish(mut self) -> Result<Reach, String> {
        self.rough = false;
        for link in self.links.values_mut() {
            (link.up, link.down) = (u64::MAX, u64::MAX);
        }
        self.run_for(Duration::from_secs(3600))?;
        let open: Vec<_> = self.ops.values().filter(|(_, op)| op.ended.is_none()).collect();
        if !open.is_empty() {
            return Err(format!("never ended: {open:?}"));
        }
        if let Some((handle, count)) = self.others.iter().find(|(_, count)| **count != 1) {
            return Err(format!("{handle:?} was completed {count} times"));
        }
        let mut seen = BTreeSet::new();
        for (_, op) in &self.executed {
            if !seen.insert(*op) {
                return Err(format!("op {op} was executed twice"));
            }
        }
        // And it can go on.
        self.connect()?;
        self.run_for(Duration::from_secs(600))?;
        if self.client.state() != ContextState::Established {
            return Err(format!("no way back: {:?}", self.client.state()));
        }
        Ok(self.reach)
    }
}

pub(crate) fn connect_request() -> Bytes {
    use oxwire::mapi::mapihttp::{ConnectFlags, ConnectRequest};
    let body = ConnectRequest {
        user_dn: b"/o=oxwire/cn=alice",
        flags: ConnectFlags::default(),
        default_code_page: 1252,
        lcid_sort: 1033,
        lcid_string: 1033,
        auxiliary_buffer: &[],
    };
    encode_to_bytes(&body).unwrap()
}

/// The context's number: DnPrefix, behind five numbers of four bytes.
pub(crate) fn serial_of(body: &[u8]) -> Result<u64, String> {
    let digits: Vec<u8> = body.iter().skip(20).copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&digits).parse().map_err(|_| format!("no number in a Connect response: {body:?}"))
}
