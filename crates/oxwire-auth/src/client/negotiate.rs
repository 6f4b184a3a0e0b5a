//! Negotiate: SPNEGO's initiator, the mechanisms of the caller's, the last token.

use std::time::Instant;

use oxwire_core::{Error, Misuse, SecretString, SecurityContext, Step as SecurityStep};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Reset, ResponseHead, name};

use super::choice::{Choice, offered};
use super::connection::{Attempt, Connection, Kind, Next, Side, Step, Wire};
use super::{CallHandle, ClientCall, ClientEvent, ClientLayer, FailReason, LastToken};
use crate::ntlm::{self, MessageType};
use crate::spnego::{Initiator, MechType, Mechanism, MechanismReply, Refusal};
use crate::trace::event;
use crate::{AuthScheme, ChannelBinding, Credentials, token_value};

const SCHEME: AuthScheme = AuthScheme::Negotiate;

/// What a success says of the authentication that it answers.
pub(super) enum LastWord {
    /// It stands.
    Stands(LastToken),
    /// A mechanism of the caller's has to look at it first.
    Asked,
    /// The last token is wrong.
    Wrong(FailReason),
}

impl ClientLayer {
    /// The first token, or a call for it.
    pub(super) fn begin_negotiate(
        &mut self,
        now: Instant,
        c: &Connection,
        side: Side,
        credentials: &Credentials,
    ) -> Result<Attempt, FailReason> {
        let mut mechanisms = Vec::new();
        // A proxy's service has no name here.
        if side == Side::Origin {
            let outside = self.config.outside_mechanisms.iter();
            mechanisms.extend(outside.map(|mech| Mechanism::outside(*mech, None)));
        }
        let ntlm = match credentials {
            Credentials::Password { user, password } => Some((user, ntlm::nt_hash(password.expose()))),
            Credentials::NtHash { user, hash } => Some((user, hash.clone())),
            Credentials::Outside { .. } | Credentials::Bearer(_) => None,
        };
        if let Some((user, hash)) = ntlm {
            let mut config = self.ntlm_config(c, side, user, hash);
            // Without it nothing protects the list of mechanisms.
            config.sign = true;
            mechanisms.push(Mechanism::ntlm_client(config));
        }
        self.step_negotiate(now, c, side, Box::new(Initiator::new(mechanisms)), None)
    }

    fn step_negotiate(
        &mut self,
        now: Instant,
        c: &Connection,
        side: Side,
        mut initiator: Box<Initiator>,
        token: Option<&[u8]>,
    ) -> Result<Attempt, FailReason> {
        if side == Side::Origin {
            initiator.set_binding(&c.binding);
        }
        let proved = initiator.has_proved();
        match initiator.step(token, self.wall.at(now), &mut *self.entropy) {
            Ok(SecurityStep::Continue(token) | SecurityStep::Complete(Some(token))) => {
                if !proved && initiator.has_proved() {
                    self.tell_mechanism(c, side, &initiator);
                }
                let value = SecretString::new(token_value(SCHEME.as_str(), &token));
                let mech = initiator.mech();
                let known = mech.is_some() && self.target(c, side).mech == mech;
                let channel = c.exchange.as_ref().is_some_and(|exchange| exchange.kind == Kind::Channel);
                // NTLM's first token is never the last one; another mechanism's may be. The endless body of a channel follows only a
                // mechanism that this server is known to take.
                let leg = if mech == Some(MechType::NTLM) { !initiator.has_proved() } else { channel && !known };
                Ok(Attempt::Negotiate { initiator, value, leg })
            }
            Ok(SecurityStep::Pending) => Ok(self.call_out(c, side, initiator)),
            Ok(_) => Err(FailReason::NoToken),
            Err(error) => Err(refusal_of(&initiator, &error)),
        }
    }

    fn call_out(&mut self, c: &Connection, side: Side, initiator: Box<Initiator>) -> Attempt {
        let handle = CallHandle(self.next_handle);
        self.next_handle += 1;
        self.calls.insert(handle, (c.id, side));
        if c.binding_said {
            self.tell_call(c, side, handle);
        }
        Attempt::Calling { initiator, handle }
    }

    fn tell_call(&mut self, c: &Connection, side: Side, handle: CallHandle) {
        event!(trace, conn = c.id.number(), "mechanism called for");
        let target = Self::target_of(c, side);
        self.events.push_back(ClientEvent::MechanismNeeded { handle, conn: c.id, target });
    }

    /// Tells of the call that waited for the channel binding.
    pub(super) fn on_binding(&mut self, c: &mut Connection, binding: ChannelBinding) {
        c.binding = binding;
        if std::mem::replace(&mut c.binding_said, true) {
            return;
        }
        if let Attempt::Calling { handle, .. } = c.server.attempt {
            self.tell_call(c, Side::Origin, handle);
        }
    }

    fn tell_mechanism(&mut self, c: &Connection, side: Side, initiator: &Initiator) {
        let Some(mechanism) = initiator.mech() else { return };
        event!(debug, conn = c.id.number(), mechanism = %mechanism, "mechanism chosen");
        self.events.push_back(ClientEvent::MechanismChosen {
            conn: c.id,
            target: Self::target_of(c, side),
            mechanism,
            instead_of: initiator.fallback_from(),
            skipped: initiator.skipped().to_vec(),
        });
    }

    /// Goes on after a 401 or 407.
    pub(super) fn continue_negotiate(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        initiator: Box<Initiator>,
        response: &ResponseHead,
    ) -> Choice {
        let proved = initiator.has_proved();
        let Some(token) = self.token_of(side, response) else {
            if proved {
                return Choice::Next(self.rejected(c, side, SCHEME, response));
            }
            return self.scheme_failed(now, c, side, SCHEME, Refusal::Rejected.into(), response);
        };
        match self.step_negotiate(now, c, side, initiator, Some(&token)) {
            Ok(attempt) => {
                let next = attempt.next();
                c.side(side).attempt = attempt;
                Choice::Next(next)
            }
            // In words, what a 401 without a token says.
            Err(FailReason::Negotiate(Refusal::Rejected)) if proved => {
                Choice::Next(self.rejected(c, side, SCHEME, response))
            }
            Err(reason) if proved => Choice::Fail(Some(SCHEME), reason),
            Err(reason) => self.scheme_failed(now, c, side, SCHEME, reason, response),
        }
    }

    /// The token of a Negotiate challenge; one of NTLM under the name NTLM is taken too.
    fn token_of(&self, side: Side, response: &ResponseHead) -> Option<Vec<u8>> {
        let max = self.config.token_bytes;
        let named = |name: &'static str| {
            offered(side, response).filter(move |challenge| challenge.is(name)).find_map(|c| c.token_bytes(max))
        };
        let is_challenge = |token: &Vec<u8>| ntlm::message_type(token) == Some(MessageType::Challenge);
        named(SCHEME.as_str()).or_else(|| named("NTLM").filter(is_challenge))
    }

    /// Leaves a scheme that came to nothing before anything was said that proves the user, and goes on with the next one, if there
    /// is one.
    pub(super) fn scheme_failed(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        scheme: AuthScheme,
        reason: FailReason,
        response: &ResponseHead,
    ) -> Choice {
        self.target(c, side).failed.push(scheme);
        if self.usable(c, side, response).is_empty() {
            return Choice::Fail(Some(scheme), reason);
        }
        self.fail(c, side, Some(scheme), reason);
        self.choose(now, c, side, response)
    }

    /// Looks at the last token of a success.
    pub(super) fn last_word(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        response: &ResponseHead,
    ) -> LastWord {
        let Attempt::Negotiate { initiator, .. } = &mut c.side(side).attempt else {
            return LastWord::Stands(LastToken::NotUsed);
        };
        if initiator.is_complete() {
            // The last word was this end's, in answer to the server's proof.
            return LastWord::Stands(LastToken::Verified);
        }
        let Some(token) = self.token_of(side, response) else {
            return match initiator.finish_without_token() {
                Err(refusal) if self.config.require_last_token => LastWord::Wrong(refusal.into()),
                Ok(()) if self.config.require_last_token && !initiator.is_list_verified() => {
                    LastWord::Wrong(Refusal::EndedEarly(initiator.mech().unwrap_or(MechType::SPNEGO)).into())
                }
                _ => LastWord::Stands(LastToken::Missing),
            };
        };
        match initiator.step(Some(&token), self.wall.at(now), &mut *self.entropy) {
            Ok(SecurityStep::Complete(_)) => LastWord::Stands(LastToken::Verified),
            Ok(SecurityStep::Pending) => {
                if let Attempt::Negotiate { initiator, .. } = std::mem::take(&mut c.side(side).attempt) {
                    c.side(side).attempt = self.call_out(c, side, initiator);
                }
                LastWord::Asked
            }
            // The server serves, and would negotiate on: there is no request left for that.
            Ok(_) if !self.config.require_last_token => LastWord::Stands(LastToken::Missing),
            Ok(_) => LastWord::Wrong(Refusal::EndedEarly(initiator.mech().unwrap_or(MechType::SPNEGO)).into()),
            Err(error) => LastWord::Wrong(refusal_of(initiator, &error)),
        }
    }

    /// A success whose last token is wrong: whoever answers is not who took part in the authentication.
    pub(super) fn on_wrong_last_word(&mut self, c: &mut Connection, side: Side, reason: FailReason) {
        self.fail(c, side, Some(SCHEME), reason);
        self.transmits.push_back(HttpTransmit::Abort { conn: c.id });
        self.deliver(c.id, HttpEvent::Reset(Reset::unknown("the last token of the authentication is wrong")));
        c.gone = true;
    }

    /// What is to be run for a [`ClientEvent::MechanismNeeded`]; `None` when that is over, and the second time.
    pub fn take_call(&mut self, handle: CallHandle) -> Option<ClientCall> {
        let (conn, side) = *self.calls.get(&handle)?;
        let connection = self.connections.get_mut(&conn)?;
        let Attempt::Calling { initiator, handle: current } = &mut connection.side(side).attempt else { return None };
        if *current != handle {
            return None;
        }
        let call = initiator.take_call()?;
        let service = match &self.config.target_name {
            Some(name) => name.clone(),
            None => ["HTTP/", &connection.origin.host].concat().into(),
        };
        Some(ClientCall { call, service, binding: connection.binding.clone() })
    }

    /// Takes what came of a call. One that is over (the connection ended, time passed) does nothing.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that was not given out, or a reply that is another call's.
    pub fn finish_call(&mut self, now: Instant, handle: CallHandle, reply: MechanismReply) -> Result<(), Error> {
        if handle.0 >= self.next_handle {
            let advice = "answer with the handle of a `MechanismNeeded`";
            return Err(Misuse { call: "finish_call", state: "no such call", advice }.into());
        }
        let Some((conn, side)) = self.calls.get(&handle).copied() else { return Ok(()) };
        self.on_connection(now, conn, "finish_call", |this, c| this.on_call_done(now, c, side, handle, reply))
    }

    fn on_call_done(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        handle: CallHandle,
        reply: MechanismReply,
    ) -> Result<(), Error> {
        let mut initiator = match std::mem::take(&mut c.side(side).attempt) {
            Attempt::Calling { initiator, handle: current } if current == handle => initiator,
            attempt => {
                c.side(side).attempt = attempt;
                return Ok(());
            }
        };
        if let Err(misuse) = initiator.finish_call(reply) {
            c.side(side).attempt = Attempt::Calling { initiator, handle };
            return Err(misuse.into());
        }
        self.calls.remove(&handle);
        if matches!(c.step, Step::Verifying { .. }) {
            self.on_verified(now, c, side, initiator);
            return Ok(());
        }
        c.side(side).attempt = match self.step_negotiate(now, c, side, initiator, None) {
            Ok(attempt) => attempt,
            Err(reason) => Attempt::Failed(reason),
        };
        if matches!(c.step, Step::Calling { .. }) {
            self.after_call(now, c);
        }
        Ok(())
    }

    /// The mechanism has looked at the last token.
    fn on_verified(&mut self, now: Instant, c: &mut Connection, side: Side, mut initiator: Box<Initiator>) {
        let Step::Verifying { wire, head, events, .. } = std::mem::replace(&mut c.step, Step::Idle) else { return };
        let step = initiator.step(None, self.wall.at(now), &mut *self.entropy);
        if let Err(error) = step {
            let reason = refusal_of(&initiator, &error);
            return self.on_wrong_last_word(c, side, reason);
        }
        let value = SecretString::default();
        c.side(side).attempt = Attempt::Negotiate { initiator, value, leg: false };
        c.step = Step::Awaiting { wire, deadline: None };
        let kind = c.exchange.as_ref().map_or(Kind::Exchange, |exchange| exchange.kind);
        self.accepted(c, side, LastToken::Verified, persists(&head));
        self.after_answer(now, c, wire, kind, head);
        for event in events {
            if !c.gone {
                self.on_incoming(now, c, event);
            }
        }
    }

    /// Goes on with what the call came to.
    pub(super) fn after_call(&mut self, now: Instant, c: &mut Connection) {
        let Step::Calling { side, response, .. } = std::mem::replace(&mut c.step, Step::Idle) else { return };
        let next = match std::mem::take(&mut c.side(side).attempt) {
            Attempt::Failed(reason) => match response {
                Some(response) => {
                    let choice = self.scheme_failed(now, c, side, SCHEME, reason, &response);
                    return self.settle(now, c, side, response, choice);
                }
                None => {
                    self.target(c, side).failed.push(SCHEME);
                    self.fail(c, side, Some(SCHEME), reason);
                    let channel = c.exchange.as_ref().is_some_and(|exchange| exchange.kind == Kind::Channel);
                    if channel { Next::Leg } else { Next::Full }
                }
            },
            attempt @ Attempt::Calling { .. } => {
                c.side(side).attempt = attempt;
                c.step = Step::Calling { side, response, deadline: self.answer_deadline(now) };
                return;
            }
            attempt => {
                let next = attempt.next();
                c.side(side).attempt = attempt;
                next
            }
        };
        match next {
            Next::Leg => self.send_leg(now, c),
            _ => self.send_full(c),
        }
    }

    /// What was chosen once the refusal has been read.
    pub(super) fn settle(
        &mut self,
        now: Instant,
        c: &mut Connection,
        side: Side,
        response: ResponseHead,
        choice: Choice,
    ) {
        match choice {
            Choice::Next(next) => {
                let deadline = self.leg_deadline(now);
                c.step = Step::Draining { side, response, next, drained: true, close: c.dead, deadline };
                self.go_on(now, c);
            }
            Choice::Fail(scheme, reason) => {
                self.fail(c, side, scheme, reason);
                self.hand_over(c, response);
            }
        }
    }

    /// A call that nobody brought back.
    pub(super) fn on_call_timeout(&mut self, now: Instant, c: &mut Connection) {
        let (side, verifying) = match c.step {
            Step::Calling { side, .. } => (side, false),
            Step::Verifying { side, .. } => (side, true),
            _ => return,
        };
        self.forget_call(c, side);
        if verifying {
            return self.on_wrong_last_word(c, side, FailReason::CallTimeout);
        }
        c.side(side).attempt = Attempt::Failed(FailReason::CallTimeout);
        self.after_call(now, c);
    }

    pub(super) fn forget_call(&mut self, c: &mut Connection, side: Side) {
        if let Attempt::Calling { handle, .. } = c.side(side).attempt {
            self.calls.remove(&handle);
        }
    }

    /// Keeps what comes behind a response that is not verified yet.
    pub(super) fn keep_behind(&mut self, c: &mut Connection, event: HttpEvent) {
        let max = self.config.held_bytes;
        let Step::Verifying { side, events, held_bytes, .. } = &mut c.step else { return };
        if let HttpEvent::Body(bytes) = &event {
            *held_bytes = held_bytes.saturating_add(bytes.len()).saturating_add(64);
        }
        events.push(event);
        if *held_bytes > max {
            let side = *side;
            self.forget_call(c, side);
            self.on_wrong_last_word(c, side, FailReason::BodyTooLarge { limit: max });
        }
    }

    /// The next event of a connection, as [`handle`](Self::handle) takes it.
    pub(super) fn on_incoming(&mut self, now: Instant, c: &mut Connection, event: HttpEvent) {
        match event {
            HttpEvent::Reset(reset) => self.on_reset(c, reset),
            event if matches!(c.step, Step::Verifying { .. }) => self.keep_behind(c, event),
            HttpEvent::Head(Head::Response(head)) => self.on_response(now, c, head),
            HttpEvent::End => self.on_response_end(now, c),
            event => match c.step {
                Step::Draining { .. } | Step::Parked { .. } | Step::Calling { .. } => {}
                _ => self.deliver(c.id, event),
            },
        }
    }

    /// Begins the wait for a last token's verdict.
    pub(super) fn verify(&mut self, now: Instant, c: &mut Connection, side: Side, wire: Wire, head: ResponseHead) {
        let deadline = self.answer_deadline(now);
        c.step = Step::Verifying { side, wire, head, events: Vec::new(), held_bytes: 0, deadline };
    }

    pub(super) fn answer_deadline(&self, now: Instant) -> Instant {
        now.checked_add(self.config.answer_timeout).unwrap_or(now)
    }
}

/// `Persistent-Auth` of a success ([MS-N2HT] 3.2.5): whether the next request on the connection needs no header.
pub(super) fn persists(head: &ResponseHead) -> Option<bool> {
    let value = head.fields().text(name::PERSISTENT_AUTH)?.trim();
    [("true", true), ("false", false)].into_iter().find(|(text, _)| value.eq_ignore_ascii_case(text)).map(|(_, is)| is)
}

fn refusal_of(initiator: &Initiator, error: &oxwire_core::SecurityError) -> FailReason {
    match initiator.refusal() {
        Some(refusal) => refusal.clone().into(),
        None => FailReason::Token(error.to_string().into()),
    }
}
