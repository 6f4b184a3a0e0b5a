//! bind, alter_context, rpc_auth_3 and the decisions about them, of a server. [MS-RPCE] 3.3.1.5.2.1, 3.3.1.5.3, 3.3.1.5.6

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Error, FileTime, Misuse, SecurityContext, SecurityError, Step};

use super::super::security::{Protection, Secured, SecurityId, effective};
use super::super::{MUST_RECV_FRAG_SIZE, peer_fault};
use super::event::{Acceptance, Event, Negotiate};
use super::{Association, Now, Party, Standing, State};
use crate::pdu::{
    AuthLevel, AuthType, Bind, BindAck, BindNak, Body, ContextElement, ContextResult, ContextResults, FaultStatus, Pdu,
    PfcFlags, RejectReason, ResultReason, SecTrailer, SyntaxIdentifier, TRANSFER_SYNTAX_NDR,
};

/// Something that the caller was asked.
#[derive(Debug)]
pub(super) enum Decision {
    /// [`Event::Negotiate`].
    Negotiate(Leg),
    /// [`Event::SecurityPending`].
    Security { id: SecurityId, then: Then },
}

/// What a step of a security context answers.
#[derive(Debug)]
pub(super) enum Then {
    Answer(Leg),
    /// rpc_auth_3 has no answer.
    Nothing,
}

/// A bind or an alter_context whose answer is not out.
#[derive(Debug)]
pub(super) struct Leg {
    is_bind: bool,
    call_id: u32,
    flags: PfcFlags,
    max_xmit_frag: u16,
    max_recv_frag: u16,
    assoc_group_id: u32,
    results: Vec<(ContextResult, ResultReason, SyntaxIdentifier)>,
    accepted: Vec<(u16, SyntaxIdentifier)>,
    auth: Option<Auth>,
}

#[derive(Debug)]
struct Auth {
    id: SecurityId,
    auth_type: AuthType,
    level: AuthLevel,
    token: Bytes,
}

impl Auth {
    fn of(auth: &SecTrailer<'_>) -> Self {
        Self {
            id: SecurityId(auth.auth_context_id),
            auth_type: auth.auth_type,
            level: auth.auth_level,
            token: Bytes::copy_from_slice(auth.token),
        }
    }
}

impl<S: SecurityContext> Association<S> {
    pub(super) fn on_bind(&mut self, now: &Now, is_bind: bool, pdu: &Pdu<'_>, bind: &Bind<'_>) -> Result<(), Error> {
        let mut leg = Leg {
            is_bind,
            call_id: pdu.call_id,
            flags: pdu.pfc_flags,
            max_xmit_frag: bind.max_xmit_frag,
            max_recv_frag: bind.max_recv_frag,
            assoc_group_id: bind.assoc_group_id,
            results: Vec::with_capacity(bind.contexts.len()),
            accepted: Vec::new(),
            auth: pdu.auth.as_ref().map(Auth::of),
        };
        if is_bind && (bind.max_recv_frag < MUST_RECV_FRAG_SIZE || bind.contexts.is_empty()) {
            return self.nak(&leg, RejectReason::PROTOCOL_VERSION_NOT_SPECIFIED);
        }
        for element in bind.contexts.iter() {
            let result = self.result_of(&element, &mut leg.accepted);
            leg.results.push(result);
        }
        let new = leg.accepted.iter().filter(|(id, _)| !self.contexts.contains_key(id)).count();
        if self.contexts.len().saturating_add(new) > self.config.max_contexts {
            return self.nak(&leg, RejectReason::LOCAL_LIMIT_EXCEEDED);
        }
        let known = |auth: &Auth| self.securities.iter().any(|party| party.secured.id == auth.id);
        let wanted = match &leg.auth {
            Some(auth) if known(auth) => return self.next_leg(now, leg),
            None if !is_bind => return self.answer(leg, None),
            Some(auth) if Protection::of(auth.level).is_none() => {
                return self.deny(leg, RejectReason::NOT_SPECIFIED, FaultStatus::ACCESS_DENIED);
            }
            Some(_) if self.securities.len() >= self.config.max_security_contexts => {
                return self.deny(leg, RejectReason::LOCAL_LIMIT_EXCEEDED, FaultStatus::PROTOCOL_ERROR);
            }
            auth => auth.as_ref().map(|auth| (auth.id, auth.auth_type, effective(auth.level))),
        };
        self.events.push_back(Event::Negotiate(Negotiate {
            is_bind,
            assoc_group_id: leg.assoc_group_id,
            interfaces: leg.accepted.iter().map(|(_, interface)| *interface).collect(),
            security: wanted,
        }));
        self.decide(now, Decision::Negotiate(leg));
        Ok(())
    }

    fn decide(&mut self, now: &Now, decision: Decision) {
        self.deadline = now.now.checked_add(self.config.negotiation_timeout);
        self.decision = Some(decision);
    }

    /// One element of p_cont_elem, [MS-RPCE] 3.3.1.5.3 and 3.3.1.5.6.
    fn result_of(
        &self,
        element: &ContextElement<'_>,
        accepted: &mut Vec<(u16, SyntaxIdentifier)>,
    ) -> (ContextResult, ResultReason, SyntaxIdentifier) {
        let rejected = |reason| (ContextResult::PROVIDER_REJECTION, reason, SyntaxIdentifier::default());
        if let Some(offered) = element.features() {
            let Some(features) = self.config.features else {
                return rejected(ResultReason::TRANSFER_SYNTAXES_NOT_SUPPORTED);
            };
            let granted = ResultReason(offered.intersection(features).0);
            return (ContextResult::NEGOTIATE_ACK, granted, SyntaxIdentifier::default());
        }
        let Some(interface) = self.interfaces.iter().find(|interface| serves(interface, &element.abstract_syntax))
        else {
            return rejected(ResultReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
        };
        if !element.transfer_syntaxes.clone().any(|syntax| syntax == TRANSFER_SYNTAX_NDR) {
            return rejected(ResultReason::TRANSFER_SYNTAXES_NOT_SUPPORTED);
        }
        // An id stands for one interface as long as the connection lasts.
        if self.contexts.get(&element.context_id).is_some_and(|before| before != interface) {
            return rejected(ResultReason::NOT_SPECIFIED);
        }
        accepted.push((element.context_id, *interface));
        (ContextResult::ACCEPTANCE, ResultReason::NOT_SPECIFIED, TRANSFER_SYNTAX_NDR)
    }

    /// Lets a [`Negotiate`] through.
    ///
    /// # Errors
    /// [`Error::Misuse`] when nothing is to be decided, for a group of 0, and without a context for the security that was asked
    /// for; [`Error::Closed`]. Those of the PDUs that were held, after which the association has ended.
    pub fn accept(&mut self, now: Instant, wall: FileTime, acceptance: Acceptance<S>) -> Result<(), Error> {
        let now = &Now { now, wall };
        let mut leg = self.take_leg("accept")?;
        let Acceptance { assoc_group_id, security } = acceptance;
        let state = if leg.is_bind && assoc_group_id == 0 {
            "an association group of 0"
        } else if leg.auth.is_some() != security.is_some() {
            "security asked for and none given, or the reverse"
        } else {
            leg.assoc_group_id = assoc_group_id;
            let added = match (security, &leg.auth) {
                (Some(context), Some(auth)) => Secured::new(auth.id, auth.auth_type, auth.level, context),
                _ => None,
            };
            self.securities.extend(added.map(|secured| Party { secured, standing: Standing::Building }));
            let done = if leg.auth.is_some() { self.next_leg(now, leg) } else { self.answer(leg, None) };
            return done.and_then(|()| self.resume_held(now)).map_err(|error| self.fail(error));
        };
        self.decision = Some(Decision::Negotiate(leg));
        Err(Misuse { call: "accept", state, advice: "give what Negotiate names, or refuse" }.into())
    }

    /// Turns a [`Negotiate`] down: bind_nak with `reason`, which ends the association, or for an alter_context a fault.
    /// [`RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED`] for security that is not to be had.
    ///
    /// # Errors
    /// As [`Association::accept`].
    pub fn refuse(&mut self, now: Instant, wall: FileTime, reason: RejectReason) -> Result<(), Error> {
        let leg = self.take_leg("refuse")?;
        let status = match reason {
            RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED => FaultStatus::UNKNOWN_AUTHN_SERVICE,
            _ => FaultStatus::ACCESS_DENIED,
        };
        let done = self.deny(leg, reason, status).and_then(|()| self.resume_held(&Now { now, wall }));
        done.map_err(|error| self.fail(error))
    }

    fn take_leg(&mut self, verb: &'static str) -> Result<Leg, Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        match self.decision.take() {
            Some(Decision::Negotiate(leg)) => {
                self.deadline = None;
                Ok(leg)
            }
            other => {
                self.decision = other;
                Err(Misuse { call: verb, state: "nothing to decide", advice: "answer each Event::Negotiate once" }
                    .into())
            }
        }
    }

    /// Goes on after [`Event::SecurityPending`].
    ///
    /// # Errors
    /// [`Error::Misuse`] when it is not pending; [`Error::Closed`]. Those of the PDUs that were held, after which the association
    /// has ended.
    pub fn resume_security(&mut self, now: Instant, wall: FileTime, id: SecurityId) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        let then = match self.decision.take() {
            Some(Decision::Security { id: pending, then }) if pending == id => then,
            other => {
                self.decision = other;
                let advice = "wait for Event::SecurityPending";
                return Err(Misuse { call: "resume_security", state: "nothing pending", advice }.into());
            }
        };
        self.deadline = None;
        let now = &Now { now, wall };
        self.step(now, id, None, then).and_then(|()| self.resume_held(now)).map_err(|error| self.fail(error))
    }

    /// A leg with a token for a security context that is there.
    fn next_leg(&mut self, now: &Now, leg: Leg) -> Result<(), Error> {
        let Some(auth) = &leg.auth else { return self.answer(leg, None) };
        let (id, token) = (auth.id, auth.token.clone());
        let found = format!("{:?}, {:?}", auth.auth_type, auth.level);
        let Some(party) = self.securities.iter().find(|party| party.secured.id == id) else { return Ok(()) };
        let secured = &party.secured;
        if (secured.auth_type, secured.level) != (auth.auth_type, auth.level) || party.standing != Standing::Building {
            let expected = format!("a leg of {:?}, {:?} that is being built", secured.auth_type, secured.level);
            return Err(peer_fault(self.state.name(), expected, found, "[MS-RPCE] 3.3.1.5.2.1"));
        }
        self.step(now, id, Some(&token), Then::Answer(leg))
    }

    /// rpc_auth_3: the last leg, which has no answer.
    pub(super) fn on_auth_3(&mut self, now: &Now, auth: Option<SecTrailer<'_>>) -> Result<(), Error> {
        let building = |auth: &SecTrailer<'_>| {
            let id = SecurityId(auth.auth_context_id);
            self.securities.iter().any(|p| p.secured.id == id && p.standing == Standing::Building)
        };
        let Some(auth) = auth.filter(building) else {
            let expected = "rpc_auth_3 with a token for a security context that is being built";
            return Err(peer_fault(self.state.name(), expected, "none", "[MS-RPCE] 2.2.2.10"));
        };
        self.step(now, SecurityId(auth.auth_context_id), Some(auth.token), Then::Nothing)
    }

    fn step(&mut self, now: &Now, id: SecurityId, token: Option<&[u8]>, then: Then) -> Result<(), Error> {
        let Some(party) = self.securities.iter_mut().find(|party| party.secured.id == id) else { return Ok(()) };
        let step = party.secured.context.step(token, now.wall, &mut *self.entropy);
        let token = match step {
            Ok(Step::Continue(token)) if matches!(then, Then::Answer(_)) => Some(token),
            // A capability that the level needs and the mechanism does not have is an error of the mechanism, [MS-RPCE] 3.3.1.5.2.2.
            Ok(Step::Complete(_)) if !party.secured.is_capable() => {
                return self.security_failed(id, then, "the client did not negotiate that messages are signed");
            }
            Ok(Step::Complete(token)) => {
                party.standing = Standing::Complete;
                let level = effective(party.secured.level);
                let peer = party.secured.context.peer_name().map(std::borrow::Cow::into_owned);
                self.events.push_back(Event::Authenticated { security: id, level, peer });
                token
            }
            Ok(Step::Pending) => {
                self.events.push_back(Event::SecurityPending { security: id });
                self.decide(now, Decision::Security { id, then });
                return Ok(());
            }
            Ok(_) => return self.security_failed(id, then, "a leg is missing behind rpc_auth_3"),
            Err(SecurityError::Misuse(misuse)) => return Err(misuse.into()),
            Err(error) => return self.security_failed(id, then, &error.to_string()),
        };
        match then {
            Then::Answer(leg) => self.answer(leg, token.as_deref()),
            Then::Nothing => Ok(()),
        }
    }

    /// The mechanism refuses the client: bind_nak or fault, or a fault on the first request behind rpc_auth_3.
    fn security_failed(&mut self, id: SecurityId, then: Then, reason: &str) -> Result<(), Error> {
        self.events.push_back(Event::SecurityFailed { security: id, reason: Arc::from(reason) });
        match then {
            Then::Answer(leg) => {
                self.securities.retain(|party| party.secured.id != id);
                self.deny(leg, RejectReason::INVALID_CHECKSUM, FaultStatus::ACCESS_DENIED)
            }
            Then::Nothing => {
                if let Some(party) = self.securities.iter_mut().find(|party| party.secured.id == id) {
                    party.standing = Standing::Failed(FaultStatus::ACCESS_DENIED);
                }
                Ok(())
            }
        }
    }

    /// bind_ack or alter_context_resp.
    fn answer(&mut self, leg: Leg, token: Option<&[u8]>) -> Result<(), Error> {
        let mut address = BytesMut::new();
        if leg.is_bind {
            self.agreed.max_xmit_frag = self.config.xmit().min(leg.max_recv_frag);
            self.agreed.assoc_group_id = leg.assoc_group_id;
            self.agreed.multiplexing = self.config.concurrent_multiplexing && leg.flags.contains(PfcFlags::CONC_MPX);
            if !self.config.secondary_address.is_empty() {
                address.extend_from_slice(&self.config.secondary_address);
                address.extend_from_slice(&[0]);
            }
        }
        // The bit says that this end can, whatever the mechanism: all that are given in can.
        if leg.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) {
            (self.agreed.header_sign_offered, self.agreed.header_signing) = (true, true);
        }
        self.contexts.extend(leg.accepted.iter().copied());
        let ack = BindAck {
            max_xmit_frag: self.agreed.max_xmit_frag,
            max_recv_frag: self.config.recv().min(leg.max_xmit_frag.max(MUST_RECV_FRAG_SIZE)),
            assoc_group_id: self.agreed.assoc_group_id,
            secondary_address: &address,
            results: ContextResults::Given(&leg.results),
        };
        let mut flags = PfcFlags::WHOLE;
        if self.agreed.multiplexing {
            flags = flags.with(PfcFlags::CONC_MPX);
        }
        if leg.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) {
            flags = flags.with(PfcFlags::SUPPORT_HEADER_SIGN);
        }
        let body = if leg.is_bind { Body::BindAck(ack) } else { Body::AlterContextResp(ack) };
        let mut pdu = Pdu { pfc_flags: flags, call_id: leg.call_id, body, auth: None };
        if let (Some(auth), Some(token)) = (&leg.auth, token.filter(|token| !token.is_empty())) {
            // Without padding, as in Windows: the body is aligned to 4 by itself, and impacket reads the sec_trailer right behind it.
            pdu.auth = Some(SecTrailer {
                auth_type: auth.auth_type,
                auth_level: auth.level,
                auth_pad_length: 0,
                auth_context_id: auth.id.0,
                token,
            });
        }
        self.send_control(pdu)?;
        (self.state, self.deadline) = (State::Negotiated, None);
        Ok(())
    }

    fn deny(&mut self, leg: Leg, reason: RejectReason, status: FaultStatus) -> Result<(), Error> {
        if leg.is_bind {
            return self.nak(&leg, reason);
        }
        self.send_fault(leg.call_id, 0, status, PfcFlags::DID_NOT_EXECUTE, None)
    }

    /// bind_nak: ends an association that is not bound. The limit of presentation contexts is answered so to an alter_context, too
    /// ([MS-RPCE] 3.3.3.5.5), and leaves what was bound.
    fn nak(&mut self, leg: &Leg, reason: RejectReason) -> Result<(), Error> {
        let body = Body::BindNak(BindNak { reason, versions: &[5, 0], extended_error: None });
        self.send_control(Pdu { pfc_flags: PfcFlags::WHOLE, call_id: leg.call_id, body, auth: None })?;
        if leg.is_bind {
            self.close(&format!("bind refused: {reason:?}"));
        }
        Ok(())
    }
}

/// Whether an interface of this version serves a client of that one: the same major version, and a minor one that is not below.
/// \[C706\] 6.1.2
fn serves(ours: &SyntaxIdentifier, asked: &SyntaxIdentifier) -> bool {
    let (major, minor) = (ours.version & 0xFFFF, ours.version >> 16);
    ours.uuid == asked.uuid && major == asked.version & 0xFFFF && minor >= asked.version >> 16
}
