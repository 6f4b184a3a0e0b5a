//! The client's end. \[C706\] 9.3, [MS-RPCE] 3.3.2
//!
//! ```text
//! Association::new(config, entropy)
//!   bind(now, wall, &[interfaces], security)      → Event::Bound, Event::Refused
//!   alter(now, wall, &[interfaces], security)     → Event::Bound, Event::AlterRefused
//!   call(now, Call::new(context, opnum), stub)    → Event::Response, Event::Fault, Event::Undelivered
//!   cancel(now, call), orphan(now, call)
//! ```
//!
//! Calls that are made while an alter_context is under way wait for its end. Where the server does not multiplex, a call waits for
//! the answer to the one before.

mod calls;
mod event;
mod negotiation;
mod receive;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Closed, Entropy, Error, FileTime, Misuse, SecurityContext, encode_to_bytes};

pub use event::{Call, ContextOutcome, Event, Fate, Refused, Security};

use self::calls::Calls;
use self::negotiation::Negotiation;
use super::outgoing::{Framing, Kind, Message};
use super::security::{Protection, Secured};
use super::{CallId, Config, ContextId, OutgoingPdu, SecurityId, Verification};
use crate::pdu::{
    AuthType, BindTimeFeatures, Body, DataRepresentation, Pdu, PfcFlags, SyntaxIdentifier, TRANSFER_SYNTAX_NDR,
};

/// The client's end of one connection.
pub struct Association<S = Box<dyn SecurityContext + Send>> {
    config: Config,
    entropy: Box<dyn Entropy + Send>,
    state: State,
    negotiation: Option<Negotiation>,
    contexts: Vec<Context>,
    securities: Vec<Secured<S>>,
    next_security: u32,
    next_call: u32,
    calls: Calls,
    agreed: Agreed,
    /// Whole PDUs that go before the queue: bind, alter_context, rpc_auth_3, co_cancel, orphaned.
    control: VecDeque<Bytes>,
    events: VecDeque<Event>,
    scratch: BytesMut,
}

#[derive(Debug, Clone)]
enum State {
    /// No bind sent.
    Unbound,
    /// A bind is under way.
    Binding,
    /// Calls can be made.
    Bound,
    Closed(Closed),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Binding => "binding",
            Self::Bound => "bound",
            Self::Closed(_) => "closed",
        }
    }
}

/// A presentation context that was offered.
#[derive(Debug)]
struct Context {
    interface: SyntaxIdentifier,
    outcome: Option<ContextOutcome>,
    /// Whether a request of it went out, with the trailer of the first one.
    used: bool,
}

/// What both ends have agreed on.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    max_xmit_frag: u16,
    assoc_group_id: u32,
    features: BindTimeFeatures,
    multiplexing: bool,
    /// Whether a PDU of this end had PFC_SUPPORT_HEADER_SIGN.
    header_sign_offered: bool,
    header_signing: bool,
    /// Whether a verification trailer with the bitmask went out.
    bitmask_sent: bool,
}

impl<S> fmt::Debug for Association<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("state", &self.state.name())
            .field("contexts", &self.contexts)
            .field("securities", &self.securities)
            .field("agreed", &self.agreed)
            .field("calls", &self.calls.in_flight.len())
            .finish_non_exhaustive()
    }
}

impl<S: SecurityContext> Association<S> {
    /// An association that has sent nothing. `entropy` is for the security contexts.
    #[must_use]
    pub fn new(config: Config, entropy: Box<dyn Entropy + Send>) -> Self {
        let agreed = Agreed {
            max_xmit_frag: config.xmit(),
            assoc_group_id: config.assoc_group_id,
            features: BindTimeFeatures(0),
            multiplexing: false,
            header_sign_offered: false,
            header_signing: false,
            bitmask_sent: false,
        };
        Self {
            config,
            entropy,
            state: State::Unbound,
            negotiation: None,
            contexts: Vec::new(),
            securities: Vec::new(),
            next_security: 1,
            next_call: 1,
            calls: Calls::default(),
            agreed,
            control: VecDeque::new(),
            events: VecDeque::new(),
            scratch: BytesMut::with_capacity(64),
        }
    }

    /// Makes a call. It goes out when `poll_transmit` takes it, in the order of the calls.
    ///
    /// # Errors
    /// [`Refused`] with the stub data: [`Error::Misuse`] for a context that is not accepted, a security context that is not
    /// complete, and a full queue; [`Error::Closed`].
    pub fn call(&mut self, now: Instant, call: Call, stub: Bytes) -> Result<CallId, Refused> {
        let checked = self.check_call(&call, stub.len());
        let (interface, security) = match checked {
            Ok(checked) => checked,
            Err(error) => return Err(Refused { stub, error: Box::new(error) }),
        };
        let call_id = self.next_call;
        self.next_call = self.next_call.saturating_add(1);
        let kind = Kind::Request { context_id: call.context.0, opnum: call.opnum, object: call.object };
        let verification = Verification {
            interface,
            transfer_syntax: TRANSFER_SYNTAX_NDR,
            drep: DataRepresentation::LITTLE_ENDIAN,
            call_id,
            context_id: call.context.0,
            opnum: call.opnum,
            header_sign: self.agreed.header_sign_offered,
        };
        let trailer = self.trailer(&verification, call.context, security, stub.len());
        let deadline = now.checked_add(call.timeout.unwrap_or(self.config.call_timeout));
        self.calls.add(Message::new(call_id, kind, security, stub, trailer), deadline);
        Ok(CallId(call_id))
    }

    fn check_call(&self, call: &Call, len: usize) -> Result<(SyntaxIdentifier, Option<SecurityId>), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        let misuse = |state, advice| Err(Misuse { call: "call", state, advice }.into());
        let Some(Context { interface, outcome: Some(ContextOutcome::Accepted), .. }) =
            self.contexts.get(usize::from(call.context.0))
        else {
            return misuse("context not accepted", "bind or alter to the interface first, and wait for Event::Bound");
        };
        if self.calls.in_flight.len() >= self.config.max_calls {
            return misuse("as many calls as are allowed", "wait for answers, or raise Config::max_calls");
        }
        if self.calls.queued.saturating_add(len) > self.config.max_queued {
            return misuse("queue full", "take out what is queued, or raise Config::max_queued");
        }
        if self.next_call > i32::MAX.unsigned_abs() {
            // Servers in the field refuse what is above, [MS-RPCE] 3.3.3.5.2 note 123.
            return misuse("call_ids used up", "open another connection");
        }
        let complete = |secured: &&Secured<S>| secured.context.is_complete();
        let security = match call.security {
            None => self.securities.iter().rev().find(complete),
            Some(id) => match self.securities.iter().filter(complete).find(|secured| secured.id == id) {
                None => return misuse("security context not complete", "wait for the Event::Bound that names it"),
                found => found,
            },
        };
        Ok((*interface, security.map(|secured| secured.id)))
    }

    /// The verification trailer, [MS-RPCE] 2.2.2.13.2 to .4: the bitmask in the first request of the connection, the presentation
    /// context in its first request, the header where nothing signs it.
    fn trailer(
        &mut self,
        verification: &Verification,
        context: ContextId,
        security: Option<SecurityId>,
        stub_len: usize,
    ) -> Bytes {
        let Some(secured) = self.securities.iter().find(|secured| Some(secured.id) == security) else {
            return Bytes::new();
        };
        if !self.config.verification_trailers || secured.protection == Protection::None {
            return Bytes::new();
        }
        let known = [AuthType::GSS_NEGOTIATE, AuthType::WINNT, AuthType::GSS_KERBEROS, AuthType::NETLOGON];
        let header2 = !self.agreed.header_signing && !known.contains(&secured.auth_type);
        let bitmask = !std::mem::replace(&mut self.agreed.bitmask_sent, true);
        let used = self.contexts.get_mut(usize::from(context.0)).map(|context| &mut context.used);
        let first = used.is_some_and(|used| !std::mem::replace(used, true));
        verification.trailer(stub_len, bitmask, first, header2)
    }

    /// Asks the server to give a call up (co_cancel). It still ends in an answer or a fault, and is orphaned after
    /// [`Config::cancel_timeout`]. One that nothing was sent of is ended here, [`Fate::NotSent`].
    ///
    /// # Errors
    /// [`Error::Misuse`] for a call that is not in flight, [`Error::Closed`].
    pub fn cancel(&mut self, now: Instant, call: CallId) -> Result<(), Error> {
        self.known("cancel", call)?;
        if self.calls.unqueue(call.0).is_some() {
            self.undelivered(call.0, Fate::NotSent, "cancelled before it was sent");
            return Ok(());
        }
        self.send_control(Body::CoCancel, call.0)?;
        let at = now.checked_add(self.config.cancel_timeout);
        if let Some(in_flight) = self.calls.in_flight.get_mut(&call.0) {
            in_flight.orphan_at = in_flight.orphan_at.or(at);
        }
        Ok(())
    }

    /// Gives a call up (orphaned). It ends here, [`Fate::Unknown`], or [`Fate::NotSent`] where nothing was sent of it. Where the
    /// server did not agree to keep the connection ([MS-RPCE] 3.3.1.5.10), the association ends.
    ///
    /// # Errors
    /// As [`Association::cancel`].
    pub fn orphan(&mut self, _now: Instant, call: CallId) -> Result<(), Error> {
        self.known("orphan", call)?;
        if self.calls.unqueue(call.0).is_some() {
            self.undelivered(call.0, Fate::NotSent, "orphaned before it was sent");
            return Ok(());
        }
        self.orphan_sent(call.0, "orphaned")
    }

    fn orphan_sent(&mut self, call_id: u32, reason: &str) -> Result<(), Error> {
        self.calls.drop_queued(call_id);
        self.send_control(Body::Orphaned, call_id)?;
        self.abandon(call_id, reason);
        if !self.agreed.features.contains(BindTimeFeatures::KEEP_CONNECTION_ON_ORPHAN) {
            let last = self.control.pop_back();
            self.close("a call was orphaned, and the server does not keep the connection then ([MS-RPCE] 3.3.1.5.10)");
            self.control.extend(last);
        }
        Ok(())
    }

    /// Tells the caller that a call has ended, and keeps its call_id until the server is done with it, too.
    fn abandon(&mut self, call_id: u32, reason: &str) {
        if let Some(in_flight) = self.calls.in_flight.get_mut(&call_id)
            && !std::mem::replace(&mut in_flight.abandoned, true)
        {
            let (call, reason) = (CallId(call_id), Arc::from(reason));
            self.events.push_back(Event::Undelivered { call, fate: Fate::Unknown, reason });
        }
    }

    fn undelivered(&mut self, call_id: u32, fate: Fate, reason: &str) {
        if self.calls.end(call_id) {
            self.events.push_back(Event::Undelivered { call: CallId(call_id), fate, reason: Arc::from(reason) });
        }
    }

    fn known(&self, verb: &'static str, call: CallId) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        match self.calls.in_flight.get(&call.0) {
            Some(in_flight) if !in_flight.abandoned => Ok(()),
            _ => {
                Err(Misuse { call: verb, state: "call not in flight", advice: "it has ended: its event says how" }
                    .into())
            }
        }
    }

    fn send_control(&mut self, body: Body<'_>, call_id: u32) -> Result<(), Error> {
        let pdu = Pdu { pfc_flags: PfcFlags::WHOLE, call_id, body, auth: None };
        self.control.push_back(encode_to_bytes(&pdu)?);
        Ok(())
    }

    /// The next PDU. It is signed and sealed now: what is taken has to be sent, in this order.
    ///
    /// # Errors
    /// Those of the security context, after which the association has ended.
    pub fn poll_transmit(&mut self, _now: Instant) -> Result<Option<OutgoingPdu>, Error> {
        if let Some(pdu) = self.control.pop_front() {
            return Ok(Some(OutgoingPdu::whole(pdu)));
        }
        if !matches!(self.state, State::Bound) || self.negotiation.is_some() {
            return Ok(None);
        }
        let Some(message) = self.calls.queue.front_mut() else { return Ok(None) };
        let alone = self.agreed.multiplexing || message.is_started();
        if !alone && self.calls.in_flight.values().any(|call| call.sent) {
            return Ok(None);
        }
        let framing = Framing {
            max_frag: self.agreed.max_xmit_frag,
            header_signing: self.agreed.header_signing,
            needs_token: self.securities.len() > 1,
        };
        let secured = self.securities.iter_mut().find(|secured| Some(secured.id) == message.security);
        let before = message.left();
        if let Some(in_flight) = self.calls.in_flight.get_mut(&message.call_id) {
            in_flight.sent = true;
        }
        match message.next(framing, secured, &mut self.scratch) {
            Ok((pdu, last)) => {
                self.calls.queued = self.calls.queued.saturating_sub(before.saturating_sub(message.left()));
                if last {
                    self.calls.queue.pop_front();
                }
                Ok(Some(pdu))
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Association::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if matches!(self.state, State::Closed(_)) {
            return None;
        }
        let negotiation = self.negotiation.as_ref().map(|negotiation| negotiation.deadline);
        [negotiation, self.calls.next_timeout()].into_iter().flatten().min()
    }

    /// Acts on what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        if self.negotiation.as_ref().is_some_and(|negotiation| negotiation.deadline <= now) {
            self.close("the server did not answer a bind or an alter_context in time");
            return;
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let mut calls: Vec<_> = self
            .calls
            .in_flight
            .iter()
            .filter(|(_, call)| !call.abandoned && (due(call.deadline) || due(call.orphan_at)))
            .map(|(call_id, call)| (*call_id, due(call.orphan_at)))
            .collect();
        calls.sort_unstable();
        for (call_id, cancelled) in calls {
            if matches!(self.state, State::Closed(_)) {
                return;
            }
            let reason = if cancelled { "the server did not act on its cancel in time" } else { "no answer in time" };
            if self.calls.unqueue(call_id).is_some() {
                self.undelivered(call_id, Fate::NotSent, reason);
            } else if cancelled || self.calls.queue.front().is_some_and(|message| message.call_id == call_id) {
                // A request that is not out whole cannot be cancelled and left: its last fragment would be missing.
                let _encodes = self.orphan_sent(call_id, reason);
            } else {
                let _encodes = self.send_control(Body::CoCancel, call_id);
                self.abandon(call_id, reason);
            }
        }
    }

    /// The carrier is gone: every call in flight is reported, and the association ends.
    pub fn handle_lost(&mut self, _now: Instant, reason: &str) {
        self.close(reason);
    }

    /// Ends the association: every call in flight is reported. Nothing is sent for it; close the connection.
    fn close(&mut self, reason: &str) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        let reason: Arc<str> = Arc::from(reason);
        self.state = State::Closed(Closed { reason: reason.clone() });
        self.negotiation = None;
        self.control.clear();
        self.events.extend(self.calls.end_all(&reason));
        self.events.push_back(Event::Closed { reason });
    }

    /// Ends the association for an error, which is given back.
    fn fail(&mut self, error: Error) -> Error {
        self.close(&error.to_string());
        error
    }

    /// The security context of `id`, for a caller who answers its question.
    pub fn security_mut(&mut self, id: SecurityId) -> Option<&mut S> {
        self.securities.iter_mut().find(|secured| secured.id == id).map(|secured| &mut secured.context)
    }

    /// The context that an accepted bind gave an interface.
    #[must_use]
    pub fn context_of(&self, interface: SyntaxIdentifier) -> Option<ContextId> {
        let accepted =
            |context: &Context| context.interface == interface && context.outcome == Some(ContextOutcome::Accepted);
        self.contexts.iter().position(accepted).and_then(|at| u16::try_from(at).ok()).map(ContextId)
    }

    /// assoc_group_id as the server gave it.
    #[must_use]
    pub const fn assoc_group_id(&self) -> u32 {
        self.agreed.assoc_group_id
    }

    /// The largest PDU that goes out: this end's wish, or the server's where that is less.
    #[must_use]
    pub const fn max_xmit_frag(&self) -> u16 {
        self.agreed.max_xmit_frag
    }

    /// Whether header signing was agreed on.
    #[must_use]
    pub const fn signs_headers(&self) -> bool {
        self.agreed.header_signing
    }

    /// Calls in flight, abandoned ones included that the server has not ended.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.calls.in_flight.len()
    }

    /// Whether the association has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }
}

/// For the verbs that a security context takes part in.
struct Now {
    now: Instant,
    wall: FileTime,
}
