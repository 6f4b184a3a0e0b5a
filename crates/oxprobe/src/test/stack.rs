//! The client's layers as the driver sees them: authentication over HTTP events, and the machine above it.

use std::collections::VecDeque;
use std::time::Instant;

use oxwire::auth::ChannelBinding;
use oxwire::auth::client::{CallHandle, ClientEvent, ClientLayer};
use oxwire::core::{ConnectionId, Error};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Reset, name};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapihttp::client::{Client, Event};

use crate::kerberos::{Helper, work};
use crate::net::driver::{Call, Done, Stack, Work};
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
    auth: ClientLayer,
    /// The machine.
    pub(crate) machine: Client,
    /// Whether connections are bound to their TLS channel.
    binding: bool,
    /// The connection that carried the last request of the one lane, and of NotificationWait.
    main: Option<ConnectionId>,
    waiting: Option<ConnectionId>,
    cutting: Cutting,
    binding_problem: Option<String>,
    kerberos: Option<Helper>,
    work: VecDeque<Work>,
    events: VecDeque<ClientEvent>,
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
    /// Of a layer that has its credentials, and a machine.
    pub(crate) const fn new(auth: ClientLayer, machine: Client, binding: bool, kerberos: Option<Helper>) -> Self {
        Self {
            auth,
            machine,
            binding,
            main: None,
            waiting: None,
            cutting: Cutting::No,
            binding_problem: None,
            kerberos,
            work: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The next fact.
    pub(crate) fn poll_event(&mut self) -> Option<Happening> {
        self.take_auth_events();
        if let Some(event) = self.events.pop_front() {
            return Some(Happening::Auth(event));
        }
        self.machine.poll_event().map(Happening::Machine)
    }

    /// Answers what the layer asks. The driver waits for sockets once nothing is left to send, so this comes before.
    fn take_auth_events(&mut self) {
        while let Some(event) = self.auth.poll_event() {
            match &event {
                // There is one password, and it was given: a second guess could lock the account.
                ClientEvent::CredentialsNeeded { handle, .. } => drop(self.auth.refuse(Instant::now(), *handle)),
                ClientEvent::MechanismNeeded { handle, .. } => self.call(*handle),
                _ => {}
            }
            self.events.push_back(event);
        }
    }

    /// A step of Kerberos, for another thread.
    fn call(&mut self, handle: CallHandle) {
        let (Some(helper), Some(wanted)) = (&self.kerberos, self.auth.take_call(handle)) else { return };
        let context = wanted.call.needs_context().then(|| helper.initiator(&wanted.service, &wanted.binding));
        self.work.push_back(work(Call::Client(handle), wanted.call, context));
    }

    /// The connection that carries requests in their order.
    pub(crate) const fn main_connection(&self) -> Option<ConnectionId> {
        self.main
    }

    /// The connection that carries NotificationWait.
    pub(crate) const fn waiting_connection(&self) -> Option<ConnectionId> {
        self.waiting
    }

    /// Why there is no channel binding, where there should be one.
    pub(crate) fn binding_problem(&self) -> Option<&str> {
        self.binding_problem.as_deref()
    }

    /// The next request's connection breaks once the head of its response has come.
    pub(crate) fn cut_next_response(&mut self) {
        self.cutting = Cutting::Armed;
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some((conn, event)) = self.auth.poll_deliver() {
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
        let tls = opened.tls.as_ref().filter(|_| self.binding);
        let certificate = tls.and_then(|tls| tls.certificate.as_ref());
        let binding = match certificate.map(|certificate| ChannelBinding::of_certificate(certificate)) {
            Some(Ok(binding)) => binding,
            Some(Err(error)) => {
                self.binding_problem = Some(error.to_string());
                ChannelBinding::None
            }
            None => ChannelBinding::None,
        };
        // Refused only for a connection that the machine has given up meanwhile.
        let _ = self.auth.set_channel_binding(conn, binding);
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.auth.handle(now, conn, event)?;
        self.deliver(now)
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            self.take_auth_events();
            if let Some(transmit) = self.auth.poll_transmit(now) {
                return Some(transmit);
            }
            // What the layer has for the machine may make the machine speak, and the other way round.
            let _ = self.deliver(now);
            let transmit = self.machine.poll_transmit(now)?;
            self.note(&transmit);
            let conn = transmit.conn();
            if self.auth.handle_outgoing(now, transmit).is_err() {
                return Some(HttpTransmit::Abort { conn });
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.auth.handle_timeout(now);
        let _ = self.deliver(now);
        self.machine.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.auth.poll_timeout().into_iter().chain(self.machine.poll_timeout()).min()
    }

    fn take_work(&mut self) -> Option<Work> {
        self.work.pop_front()
    }

    fn on_work_done(&mut self, now: Instant, done: Done) {
        if let Call::Client(handle) = done.call {
            // Refused only for a handle that was not given out.
            let _ = self.auth.finish_call(now, handle, done.reply);
        }
    }

    fn take_cut(&mut self) -> Option<ConnectionId> {
        let Cutting::Due(conn) = self.cutting else { return None };
        self.cutting = Cutting::Done(conn);
        Some(conn)
    }
}
