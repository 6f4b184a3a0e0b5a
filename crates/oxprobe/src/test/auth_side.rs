//! Authentication over HTTP events, as the stacks of both transports have it.

use std::collections::VecDeque;
use std::time::Instant;

use oxwire::auth::ChannelBinding;
use oxwire::auth::client::{CallHandle, ClientEvent, ClientLayer};
use oxwire::core::ConnectionId;
use oxwire::http::HttpTransmit;

use crate::kerberos::{Helper, work};
use crate::net::driver::{Call, Done, Work};
use crate::net::socket::Opened;

/// The layer, and the answers to what it asks.
pub(crate) struct AuthSide {
    /// The layer.
    pub(super) layer: ClientLayer,
    /// Whether connections are bound to their TLS channel.
    binding: bool,
    binding_problem: Option<String>,
    kerberos: Option<Helper>,
    work: VecDeque<Work>,
    events: VecDeque<ClientEvent>,
}

impl AuthSide {
    /// Of a layer that has its credentials.
    pub(super) const fn new(layer: ClientLayer, binding: bool, kerberos: Option<Helper>) -> Self {
        Self { layer, binding, binding_problem: None, kerberos, work: VecDeque::new(), events: VecDeque::new() }
    }

    /// The next fact.
    pub(super) fn poll_event(&mut self) -> Option<ClientEvent> {
        self.answer_questions();
        self.events.pop_front()
    }

    /// Answers what the layer asks. The driver waits for sockets once nothing is left to send, so this comes before.
    fn answer_questions(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            match &event {
                // There is one password, and it was given: a second guess could lock the account.
                ClientEvent::CredentialsNeeded { handle, .. } => drop(self.layer.refuse(Instant::now(), *handle)),
                ClientEvent::MechanismNeeded { handle, .. } => self.call(*handle),
                _ => {}
            }
            self.events.push_back(event);
        }
    }

    /// What the layer has to send, once its questions are answered.
    pub(super) fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.answer_questions();
        self.layer.poll_transmit(now)
    }

    /// Passes on what the machine wants done; what the layer does not take ends the connection, which is then to be sent.
    pub(super) fn pass(&mut self, now: Instant, transmit: HttpTransmit) -> Option<HttpTransmit> {
        let conn = transmit.conn();
        self.layer.handle_outgoing(now, transmit).is_err().then_some(HttpTransmit::Abort { conn })
    }

    /// A step of Kerberos, for another thread.
    fn call(&mut self, handle: CallHandle) {
        let (Some(helper), Some(wanted)) = (&self.kerberos, self.layer.take_call(handle)) else { return };
        let context = wanted.call.needs_context().then(|| helper.initiator(&wanted.service, &wanted.binding));
        self.work.push_back(work(Call::Client(handle), wanted.call, context));
    }

    /// Why there is no channel binding, where there should be one.
    pub(super) fn binding_problem(&self) -> Option<&str> {
        self.binding_problem.as_deref()
    }

    /// A connection is open: what TLS told decides the channel binding.
    pub(super) fn on_open(&mut self, conn: ConnectionId, opened: &Opened) {
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
        let _ = self.layer.set_channel_binding(conn, binding);
    }

    /// Has something run that blocks.
    pub(super) fn run(&mut self, work: Work) {
        self.work.push_back(work);
    }

    /// Something that blocks, to be run on another thread.
    pub(super) fn take_work(&mut self) -> Option<Work> {
        self.work.pop_front()
    }

    /// It has been run.
    pub(super) fn on_work_done(&mut self, now: Instant, done: Done) {
        if let Call::Client(handle) = done.call {
            // Refused only for a handle that was not given out.
            let _ = self.layer.finish_call(now, handle, done.reply);
        }
    }
}
