//! Connections whose bytes are delayed, chopped and cut, and the clock that moves them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, HttpEvent, HttpLimits, HttpTransmit};
use oxwire::mapihttp::client::ContextState;

use crate::Fault;
use crate::world::{World, user};

/// One transport connection: both HTTP ends, and what is left of it before it is cut.
pub(crate) struct Link {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    /// Bytes that still get through, each way.
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) last_up: Instant,
    pub(crate) last_down: Instant,
    pub(crate) cut: bool,
}

pub(crate) enum Arrival {
    Up(Bytes),
    Down(Bytes),
    /// The other end is gone.
    ServerLost,
    ClientLost,
}

impl World {
    pub(crate) fn schedule(&mut self, at: Instant, conn: ConnectionId, arrival: Arrival) {
        self.sequence += 1;
        self.arrivals.insert((at, self.sequence), (conn, arrival));
    }

    /// Moves everything that can move without time passing.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for _ in 0..10_000 {
            let mut moved = false;
            while let Some(transmit) = self.client.poll_transmit(self.now) {
                moved = true;
                self.on_client_transmit(transmit);
            }
            while let Some(transmit) = self.server.poll_transmit(self.now) {
                moved = true;
                match transmit {
                    HttpTransmit::Event { conn, event } => {
                        if let Some(link) = self.links.get_mut(&conn) {
                            link.server.send(self.now, event).ok();
                        }
                    }
                    HttpTransmit::Close { conn } => {
                        self.links.get_mut(&conn).into_iter().for_each(|link| link.server.close(self.now));
                    }
                    HttpTransmit::Abort { conn } => {
                        self.links.get_mut(&conn).into_iter().for_each(|link| link.server.abort(self.now));
                    }
                    other => return Err(format!("a server opens nothing: {other:?}")),
                }
            }
            let conns: Vec<ConnectionId> = self.links.keys().copied().collect();
            for conn in conns {
                moved |= self.move_link(conn);
            }
            while let Some(event) = self.server.poll_event() {
                moved = true;
                self.on_server_event(event)?;
            }
            while let Some(event) = self.client.poll_event() {
                moved = true;
                self.on_client_event(event)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Err("it never comes to rest".to_owned())
    }

    pub(crate) fn on_client_transmit(&mut self, transmit: HttpTransmit) {
        match transmit {
            HttpTransmit::Open { conn, .. } => {
                let dies_up = self.rough && self.rng.one_in(4);
                let dies_down = self.rough && self.rng.one_in(4);
                let link = Link {
                    client: Connection::client(conn, HttpLimits::default()),
                    server: Connection::server(self.now, conn, HttpLimits::default()),
                    up: if dies_up { self.rng.below(1800) } else { u64::MAX },
                    down: if dies_down { self.rng.below(1800) } else { u64::MAX },
                    last_up: self.now,
                    last_down: self.now,
                    cut: false,
                };
                self.links.insert(conn, link);
            }
            HttpTransmit::Event { conn, event } => {
                if let HttpEvent::Head(oxwire::http::Head::Request(head)) = &event {
                    let id = head.fields().text("X-RequestId").unwrap().to_owned();
                    self.reach.resent += u32::from(!self.seen_ids.insert(id));
                }
                if let Some(link) = self.links.get_mut(&conn) {
                    link.client.send(self.now, event).ok();
                }
            }
            HttpTransmit::Close { conn } => {
                self.links.get_mut(&conn).into_iter().for_each(|link| link.client.close(self.now));
            }
            HttpTransmit::Abort { conn } => {
                self.links.get_mut(&conn).into_iter().for_each(|link| link.client.abort(self.now));
            }
            other => panic!("{other:?}"),
        }
    }

    /// Bytes out of both ends of a connection, and events out of them.
    pub(crate) fn move_link(&mut self, conn: ConnectionId) -> bool {
        let mut moved = false;
        let (mut gone_up, mut gone_down) = (false, false);
        loop {
            let Some(link) = self.links.get_mut(&conn) else { return moved };
            let Some(transmit) = link.client.poll_transmit(self.now) else { break };
            moved = true;
            match transmit {
                Transmit::Send { head, body, .. } => {
                    let bytes = Bytes::from([head.as_slice(), &body].concat());
                    let through = (bytes.len() as u64).min(link.up);
                    link.up -= through;
                    let unwritten = bytes.len() as u64 - through;
                    let through = usize::try_from(through).unwrap();
                    self.carry(conn, bytes.slice(..through), true);
                    if unwritten > 0 {
                        self.cut(conn, unwritten);
                    }
                }
                _ => gone_up = true,
            }
        }
        loop {
            let Some(link) = self.links.get_mut(&conn) else { return moved };
            let Some(transmit) = link.server.poll_transmit(self.now) else { break };
            moved = true;
            match transmit {
                Transmit::Send { head, body, .. } => {
                    let bytes = Bytes::from([head.as_slice(), &body].concat());
                    let through = (bytes.len() as u64).min(link.down);
                    link.down -= through;
                    let over = bytes.len() as u64 > through;
                    self.carry(conn, bytes.slice(..usize::try_from(through).unwrap()), false);
                    if over {
                        self.cut(conn, 0);
                    }
                }
                _ => gone_down = true,
            }
        }
        let Some(link) = self.links.get_mut(&conn) else { return moved };
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while let Some(event) = link.client.poll_event() {
            down.push(event);
        }
        while let Some(event) = link.server.poll_event() {
            up.push(event);
        }
        moved |= !up.is_empty() || !down.is_empty();
        for event in down {
            self.deliver_to_client(conn, event);
        }
        for event in up {
            if let HttpEvent::Head(oxwire::http::Head::Request(head)) = &event {
                self.reach.pings += u32::from(head.fields().text("X-RequestType") == Some("PING"));
                let bare = head.fields().text("Cookie").is_none();
                let connects = head.fields().text("X-RequestType") == Some("Connect");
                let replaces = self.client.state() == ContextState::Reconnecting;
                self.reach.reconnected_bare += u32::from(bare && connects && replaces);
            }
            self.server.handle(self.now, conn, Some(&user()), event).unwrap();
        }
        if gone_up {
            self.schedule(self.now + Duration::from_millis(30), conn, Arrival::ServerLost);
        }
        if gone_down {
            self.schedule(self.now + Duration::from_millis(30), conn, Arrival::ClientLost);
        }
        moved
    }

    pub(crate) fn deliver_to_client(&mut self, conn: ConnectionId, event: HttpEvent) {
        let event = match event {
            HttpEvent::Reset(mut reset) => {
                match reset.request {
                    oxwire::http::RequestFate::NotSent => self.reach.cuts_before_sent += 1,
                    oxwire::http::RequestFate::Unknown => self.reach.cuts_after_sent += 1,
                }
                if self.fault == Fault::LiesAboutSending {
                    reset.request = oxwire::http::RequestFate::NotSent;
                }
                HttpEvent::Reset(reset)
            }
            event => event,
        };
        // A peer fault is told as an event too.
        self.client.handle(self.now, conn, event).ok();
    }

    /// Bytes under way: chopped, delayed, in order.
    pub(crate) fn carry(&mut self, conn: ConnectionId, mut bytes: Bytes, up: bool) {
        while !bytes.is_empty() {
            let size = if self.rng.one_in(3) { 1 + self.rng.below(60) } else { 4096 };
            let piece = bytes.split_to(usize::try_from(size).unwrap().min(bytes.len()));
            let delay = Duration::from_millis(1 + self.rng.below(40));
            let Some(link) = self.links.get_mut(&conn) else { return };
            let last = if up { &mut link.last_up } else { &mut link.last_down };
            *last = (*last).max(self.now + delay);
            let at = *last;
            self.schedule(at, conn, if up { Arrival::Up(piece) } else { Arrival::Down(piece) });
        }
    }

    /// The connection breaks. Both ends learn of it, what is under way may or may not get there.
    pub(crate) fn cut(&mut self, conn: ConnectionId, unwritten: u64) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        if link.cut {
            return;
        }
        link.cut = true;
        link.client.handle_lost(self.now, unwritten, "cut");
        let after = link.last_up.max(self.now) + Duration::from_millis(1);
        self.schedule(after, conn, Arrival::ServerLost);
    }

    pub(crate) fn on_arrival(&mut self, conn: ConnectionId, arrival: Arrival) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&conn) else { return };
        match arrival {
            Arrival::Up(bytes) => {
                link.server.handle(now, bytes).ok();
            }
            Arrival::Down(bytes) if !link.cut => {
                link.client.handle(now, bytes).ok();
            }
            Arrival::Down(_) => {}
            Arrival::ServerLost => link.server.handle_lost(now, 0, "the client is gone"),
            Arrival::ClientLost => link.client.handle_lost(now, 0, "the server is gone"),
        }
    }

    /// Time goes on to the next thing that happens, at most to `limit`.
    pub(crate) fn advance(&mut self, limit: Instant) -> Result<(), String> {
        self.settle()?;
        let mut due = vec![limit];
        due.extend(self.arrivals.first_key_value().map(|((at, _), _)| *at));
        due.extend(self.later.first_key_value().map(|((at, _), _)| *at));
        due.extend(self.client.poll_timeout());
        due.extend(self.server.poll_timeout());
        due.extend(self.links.values().filter_map(|link| link.client.poll_timeout()));
        due.extend(self.links.values().filter_map(|link| link.server.poll_timeout()));
        self.now = due.into_iter().min().unwrap_or(limit).max(self.now);
        while let Some(entry) = self.arrivals.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (conn, arrival) = entry.remove();
            self.on_arrival(conn, arrival);
        }
        self.on_due();
        for link in self.links.values_mut() {
            link.client.handle_timeout(self.now);
            link.server.handle_timeout(self.now);
        }
        self.server.handle_timeout(self.now);
        self.client.handle_timeout(self.now);
        if self.client.poll_timeout().is_some_and(|at| at <= self.now) {
            return Err("a timer of the client is due after handle_timeout".to_owned());
        }
        self.settle()
    }

    pub(crate) fn run_for(&mut self, duration: Duration) -> Result<(), String> {
        let limit = self.now + duration;
        while self.now < limit {
            self.advance(limit)?;
        }
        Ok(())
    }
}
