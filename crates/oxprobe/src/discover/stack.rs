//! The search as the driver sees it: authentication over HTTP events, and the machine above it.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use oxwire::auth::client::{CallHandle, ClientEvent, ClientLayer, Target};
use oxwire::auth::{ChannelBinding, Credentials};
use oxwire::autodiscover::discovery::Discovery;
use oxwire::core::{ConnectionId, Error};
use oxwire::http::{HttpEvent, HttpTransmit, Origin};

use crate::kerberos::{Helper, work};
use crate::net::driver::{Call, Done, Stack, Work};
use crate::net::socket::Opened;

/// Authentication and the search.
pub(crate) struct SearchStack {
    auth: ClientLayer,
    /// The search.
    pub(crate) machine: Discovery,
    credentials: Credentials,
    /// Whether connections are bound to their TLS channel.
    binding: bool,
    /// Origins that the layer has the credentials for.
    known: HashSet<Origin>,
    kerberos: Option<Helper>,
    work: VecDeque<Work>,
}

impl SearchStack {
    /// Of a layer without credentials, and a machine.
    pub(crate) fn new(
        auth: ClientLayer,
        machine: Discovery,
        credentials: Credentials,
        binding: bool,
        kerberos: Option<Helper>,
    ) -> Self {
        Self { auth, machine, credentials, binding, known: HashSet::new(), kerberos, work: VecDeque::new() }
    }

    /// The next fact of authentication.
    pub(crate) fn poll_auth(&mut self) -> Option<ClientEvent> {
        let event = self.auth.poll_event()?;
        match &event {
            // There is one password, and it was given: a second guess could lock the account.
            ClientEvent::CredentialsNeeded { handle, .. } => drop(self.auth.refuse(Instant::now(), *handle)),
            ClientEvent::MechanismNeeded { handle, .. } => self.call(*handle),
            _ => {}
        }
        Some(event)
    }

    /// A step of Kerberos, for another thread.
    fn call(&mut self, handle: CallHandle) {
        let (Some(helper), Some(wanted)) = (&self.kerberos, self.auth.take_call(handle)) else { return };
        let context = wanted.call.needs_context().then(|| helper.initiator(&wanted.service, &wanted.binding));
        self.work.push_back(work(Call::Client(handle), wanted.call, context));
    }

    fn deliver(&mut self, now: Instant) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some((conn, event)) = self.auth.poll_deliver() {
            let result = self.machine.handle(now, conn, event);
            if first.is_ok() {
                first = result;
            }
        }
        first
    }

    /// The machine opens a connection: it has the credentials, or nobody asks it for any.
    fn on_open_asked(&mut self, now: Instant, conn: ConnectionId, origin: Origin) {
        if !self.machine.may_authenticate(conn) {
            // Refused only for a connection that the layer does not know.
            let _ = self.auth.keep_anonymous(conn);
        } else if self.known.insert(origin.clone()) {
            self.auth.set_credentials(now, Target::Origin(origin), self.credentials.clone());
        }
    }
}

impl Stack for SearchStack {
    fn on_open(&mut self, _now: Instant, conn: ConnectionId, opened: &Opened) {
        let certificate = opened.tls.as_ref().filter(|_| self.binding).and_then(|tls| tls.certificate.as_ref());
        let binding = certificate.and_then(|certificate| ChannelBinding::of_certificate(certificate).ok());
        // Refused only for a connection that the machine has given up meanwhile.
        let _ = self.auth.set_channel_binding(conn, binding.unwrap_or(ChannelBinding::None));
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.auth.handle(now, conn, event)?;
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
            let conn = transmit.conn();
            let opens = match &transmit {
                HttpTransmit::Open { origin, .. } => Some(origin.clone()),
                _ => None,
            };
            if self.auth.handle_outgoing(now, transmit).is_err() {
                return Some(HttpTransmit::Abort { conn });
            }
            if let Some(origin) = opens {
                self.on_open_asked(now, conn, origin);
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
}
