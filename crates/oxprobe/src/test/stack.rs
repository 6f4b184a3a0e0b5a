//! The client's layers as the driver sees them: authentication over HTTP events, and the machine above it.

use std::time::Instant;

use oxwire::auth::client::ClientEvent;
use oxwire::core::{ConnectionId, Error};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset, name};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapihttp::client::{Client, Event};

use super::auth_side::AuthSide;
use crate::net::driver::{Done, Stack, Work};
use crate::net::socket::Opened;

/// A fact, from whichever layer.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Of authentication.
    Auth(ClientEvent),
    /// Of the session.
    Machine(Event),
}

/// Authentication and machine.
pub(crate) struct ClientStack {
    /// Authentication.
    pub(super) auth: AuthSide,
    /// The machine.
    pub(crate) machine: Client,
    /// The connection that carried the last request of the one lane, and of NotificationWait.
    main: Option<ConnectionId>,
    waiting: Option<ConnectionId>,
    cutting: Cutting,
}

/// A cut in the middle of a response: armed, then done when the head of a response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cutting {
    No,
    Armed,
    /// The driver is to cut this connection.
    Due(ConnectionId),
    /// It was cut: nothing of it goes to the machine but its end.
    Done(ConnectionId),
}

impl ClientStack {
    /// Of both.
    pub(crate) const fn new(auth: AuthSide, machine: Client) -> Self {
        Self { auth, machine, main: None, waiting: None, cutting: Cutting::No }
    }

    /// The next fact.
    pub(crate) fn poll_event(&mut self) -> Option<Happening> {
        if let Some(event) = self.auth.poll_event() {
            return Some(Happening::Auth(event));
        }
        self.machine.poll_event().map(Happening::Machine)
    }

    /// The connection that carries requests in their order.
    pub(crate) const fn main_connection(&self) -> Option<ConnectionId> {
        self.main
    }

    /// The connection that carries NotificationWait.
    pub(crate) const fn waiting_connection(&self) -> Option<ConnectionId> {
        self.waiting
    }

    /// The next request's connection breaks once the head of its response has come.
    pub(crate) fn cut_next_response(&mut self) {
        self.cutting = Cutting::Armed;
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some((conn, event)) = self.auth.layer.poll_deliver() {
            let event = match (self.cutting, event) {
                (Cutting::Due(cut) | Cutting::Done(cut), HttpEvent::Reset(reset)) if cut == conn => {
                    self.cutting = Cutting::No;
                    // The request was sent whole, and the rest of its response is lost to the machine.
                    HttpEvent::Reset(Reset::unknown(reset.reason))
                }
                (Cutting::Due(cut) | Cutting::Done(cut), _) if cut == conn => continue,
                (Cutting::Armed, event @ HttpEvent::Head(Head::Response(_))) if self.main == Some(conn) => {
                    self.cutting = Cutting::Due(conn);
                    event
                }
                (_, event) => event,
            };
            let result = self.machine.handle(now, conn, event);
            if first.is_ok() {
                first = result;
            }
        }
        first
    }

    fn note(&mut self, transmit: &HttpTransmit) {
        let HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) } = transmit else { return };
        let kind = head.fields().first(name::X_REQUEST_TYPE).map(RequestType::parse);
        if kind == Some(Ok(RequestType::NotificationWait)) {
            self.waiting = Some(*conn);
        } else {
            self.main = Some(*conn);
        }
    }
}

impl Stack for ClientStack {
    fn on_open(&mut self, _now: Instant, conn: ConnectionId, opened: &Opened) {
        self.auth.on_open(conn, opened);
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.auth.layer.handle(now, conn, event)?;
        self.deliver(now)
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            if let Some(transmit) = self.auth.poll_transmit(now) {
                return Some(transmit);
            }
            // What the layer has for the machine may make the machine speak, and the other way round.
            let _ = self.deliver(now);
            let transmit = self.machine.poll_transmit(now)?;
            self.note(&transmit);
            if let Some(abort) = self.auth.pass(now, transmit) {
                return Some(abort);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.auth.layer.handle_timeout(now);
        let _ = self.deliver(now);
        self.machine.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.auth.layer.poll_timeout().into_iter().chain(self.machine.poll_timeout()).min()
    }

    fn take_work(&mut self) -> Option<Work> {
        self.auth.take_work()
    }

    fn on_work_done(&mut self, now: Instant, done: Done) {
        self.auth.on_work_done(now, done);
    }

    fn take_cut(&mut self) -> Option<ConnectionId> {
        let Cutting::Due(conn) = self.cutting else { return None };
        self.cutting = Cutting::Done(conn);
        Some(conn)
    }
}
