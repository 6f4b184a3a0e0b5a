//! bind, alter_context and the legs of security, of a client. [MS-RPCE] 3.3.1.5.2.1, 3.3.1.5.3, 3.3.1.5.6

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Error, FileTime, Misuse, SecurityContext, Step, encode_to_bytes};

use super::super::security::{Protection, Secured, effective, security_error};
use super::super::{ContextId, MUST_RECV_FRAG_SIZE, SecurityId, peer_fault};
use super::{Association, Context, ContextOutcome, Event, Now, Security, State};
use crate::pdu::{
    AuthType, Bind, BindAck, BindNak, BindTimeFeatures, Body, ContextList, ContextResult, FaultStatus, Pdu, PfcFlags,
    Ptype, SecTrailer, SyntaxIdentifier, TRANSFER_SYNTAX_NDR,
};

/// A bind or an alter_context under way.
#[derive(Debug)]
pub(super) struct Negotiation {
    /// PTYPE of the answer that is waited for; `None` while the security context is pending.
    waiting_for: Option<Ptype>,
    /// The PDU that goes out next.
    next: Ptype,
    call_id: u32,
    offered: Vec<ContextId>,
    /// Whether the last element offered is bind-time features.
    features: Option<BindTimeFeatures>,
    security: Option<SecurityId>,
    pub(super) deadline: Instant,
}

impl<S: SecurityContext> Association<S> {
    /// Sends the bind: a presentation context for each interface, and the first leg of security. Gives the contexts' ids, in the
    /// order of `interfaces`.
    ///
    /// # Errors
    /// [`Error::Misuse`] when it is not the first thing sent, without an interface, with more than
    /// [`Config::max_contexts`](super::super::Config::max_contexts), or for a level that is none; those of the security context;
    /// [`Error::Closed`].
    pub fn bind(
        &mut self,
        now: Instant,
        wall: FileTime,
        interfaces: &[SyntaxIdentifier],
        security: Option<Security<S>>,
    ) -> Result<Vec<ContextId>, Error> {
        match &self.state {
            State::Unbound => {}
            State::Closed(closed) => return Err(closed.clone().into()),
            state => return Err(Misuse { call: "bind", state: state.name(), advice: "alter instead" }.into()),
        }
        let offered = self.begin("bind", Ptype::BIND, &Now { now, wall }, interfaces, security)?;
        self.state = State::Binding;
        Ok(offered)
    }

    /// Sends an alter_context: more presentation contexts, another security context, or both. Calls wait for its end.
    ///
    /// Without an interface the first context is offered again, since the PDU has to offer one.
    ///
    /// # Errors
    /// As [`Association::bind`], and [`Error::Misuse`] before a bind is through and while another alter_context is under way.
    pub fn alter(
        &mut self,
        now: Instant,
        wall: FileTime,
        interfaces: &[SyntaxIdentifier],
        security: Option<Security<S>>,
    ) -> Result<Vec<ContextId>, Error> {
        match &self.state {
            State::Bound if self.negotiation.is_none() => {}
            State::Closed(closed) => return Err(closed.clone().into()),
            state => {
                let advice = "wait for Event::Bound";
                return Err(Misuse { call: "alter", state: state.name(), advice }.into());
            }
        }
        self.begin("alter", Ptype::ALTER_CONTEXT, &Now { now, wall }, interfaces, security)
    }

    fn begin(
        &mut self,
        verb: &'static str,
        ptype: Ptype,
        now: &Now,
        interfaces: &[SyntaxIdentifier],
        security: Option<Security<S>>,
    ) -> Result<Vec<ContextId>, Error> {
        let misuse = |state, advice| Err(Misuse { call: verb, state, advice }.into());
        let again = interfaces.is_empty() && security.is_some() && !self.contexts.is_empty();
        if interfaces.is_empty() && !again {
            return misuse("nothing to offer", "name an interface");
        }
        let total = self.contexts.len().saturating_add(interfaces.len());
        // One element is kept for the features, and n_context_elem has eight bits.
        if total > self.config.max_contexts || interfaces.len() > 254 {
            return misuse("too many presentation contexts", "open another connection, or raise Config::max_contexts");
        }
        if security.is_some() && self.securities.len() >= self.config.max_security_contexts {
            return misuse(
                "too many security contexts",
                "open another connection, or raise Config::max_security_contexts",
            );
        }
        let mut offered = Vec::with_capacity(interfaces.len());
        if again {
            offered.push(ContextId(0));
        }
        let security = match security {
            None => None,
            Some(security) => Some(self.add_security(security)?),
        };
        for interface in interfaces {
            let id = u16::try_from(self.contexts.len()).unwrap_or(u16::MAX);
            self.contexts.push(Context { interface: *interface, outcome: None, used: false });
            offered.push(ContextId(id));
        }
        let features = if ptype == Ptype::BIND { self.config.features } else { None };
        let deadline = now.now.checked_add(self.config.negotiation_timeout).unwrap_or(now.now);
        let call_id = self.next_call;
        self.next_call = self.next_call.saturating_add(1);
        let negotiation = Negotiation {
            waiting_for: None,
            next: ptype,
            call_id,
            offered: offered.clone(),
            features,
            security,
            deadline,
        };
        self.negotiation = Some(negotiation);
        let begun = match security {
            None => self.send_leg(None),
            Some(id) => self.step(id, None, now),
        };
        match begun {
            Ok(()) => Ok(offered),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn add_security(&mut self, security: Security<S>) -> Result<SecurityId, Error> {
        let Security { auth_type, level, context, header_signing } = security;
        let level = effective(level);
        let id = SecurityId(self.next_security);
        let Some(secured) = Secured::new(id, auth_type, level, context) else {
            let advice = "connect, call, pkt, pkt_integrity or pkt_privacy; for none pass no security";
            return Err(Misuse { call: "bind", state: "no such authentication level", advice }.into());
        };
        self.next_security = self.next_security.saturating_add(1);
        if header_signing && secured.protection != Protection::None {
            self.agreed.header_sign_offered = true;
        }
        self.securities.push(secured);
        Ok(id)
    }

    /// Goes on after [`Event::SecurityPending`].
    ///
    /// # Errors
    /// [`Error::Misuse`] when nothing is pending; those of the security context, after which the association has ended.
    pub fn resume_security(&mut self, now: Instant, wall: FileTime, id: SecurityId) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        match &self.negotiation {
            Some(Negotiation { waiting_for: None, security: Some(pending), .. }) if *pending == id => {}
            _ => {
                let advice = "wait for Event::SecurityPending";
                return Err(Misuse { call: "resume_security", state: "nothing pending", advice }.into());
            }
        }
        self.step(id, None, &Now { now, wall }).map_err(|error| self.fail(error))
    }

    /// One step of the security context, and the PDU that carries what it gave.
    fn step(&mut self, id: SecurityId, token: Option<&[u8]>, now: &Now) -> Result<(), Error> {
        let Some(secured) = self.securities.iter_mut().find(|secured| secured.id == id) else { return Ok(()) };
        let auth_type = secured.auth_type;
        let step = secured.context.step(token, now.wall, &mut *self.entropy).map_err(security_error)?;
        if matches!(step, Step::Complete(_)) && !secured.is_capable() {
            // The lack of a capability is an error of the mechanism, [MS-RPCE] 3.3.1.5.2.2.
            let advice = "ask the mechanism for signing, or use level connect";
            return Err(Misuse { call: "bind", state: "a level that the mechanism did not negotiate", advice }.into());
        }
        let first = self.negotiation.as_ref().is_some_and(|negotiation| negotiation.next == Ptype::BIND);
        match step {
            Step::Continue(token) => self.send_leg(Some(&token)),
            // The last leg of a mechanism with an odd number of them, [MS-RPCE] 3.3.1.5.2.1 and its note 98: nobody answers.
            Step::Complete(Some(token)) if three_legs(auth_type) && !first => self.send_auth_3(id, &token),
            Step::Complete(Some(token)) => self.send_leg(Some(&token)),
            Step::Complete(None) if self.answered() => {
                self.bound();
                Ok(())
            }
            Step::Complete(None) => self.send_leg(None),
            _ => {
                self.events.push_back(Event::SecurityPending { security: id });
                Ok(())
            }
        }
    }

    /// Whether the server has answered the contexts that are offered.
    fn answered(&self) -> bool {
        self.negotiation.as_ref().is_some_and(|negotiation| {
            negotiation.offered.iter().all(|id| self.outcome_of(*id).is_some())
                && negotiation.next == Ptype::ALTER_CONTEXT
        })
    }

    fn outcome_of(&self, id: ContextId) -> Option<ContextOutcome> {
        self.contexts.get(usize::from(id.0)).and_then(|context| context.outcome)
    }

    /// Sends a bind or an alter_context, the latter for every leg but the first. p_context_elem is the same each time.
    fn send_leg(&mut self, token: Option<&[u8]>) -> Result<(), Error> {
        let Some(negotiation) = &mut self.negotiation else { return Ok(()) };
        let ptype = negotiation.next;
        let mut elements = Vec::with_capacity(negotiation.offered.len().saturating_add(1));
        let ndr = [TRANSFER_SYNTAX_NDR];
        let features = negotiation.features.map(|features| [features.to_syntax()]);
        for id in &negotiation.offered {
            let interface = self.contexts.get(usize::from(id.0)).map(|context| context.interface);
            elements.push((id.0, interface.unwrap_or_default(), &ndr[..]));
        }
        if let Some(features) = &features {
            // The abstract syntax of the element before, [MS-RPCE] 3.3.1.5.3; an id that no context has.
            let interface = elements.last().map(|(_, interface, _)| *interface).unwrap_or_default();
            let id = u16::try_from(self.contexts.len()).unwrap_or(u16::MAX);
            elements.push((id, interface, &features[..]));
        }
        let bind = Bind {
            max_xmit_frag: self.config.xmit(),
            max_recv_frag: self.config.recv(),
            assoc_group_id: self.agreed.assoc_group_id,
            contexts: ContextList::Given(&elements),
        };
        let mut flags = PfcFlags::WHOLE;
        if self.config.concurrent_multiplexing {
            flags = flags.with(PfcFlags::CONC_MPX);
        }
        if self.agreed.header_sign_offered && token.is_some() {
            flags = flags.with(PfcFlags::SUPPORT_HEADER_SIGN);
        }
        let body = if ptype == Ptype::BIND { Body::Bind(bind) } else { Body::AlterContext(bind) };
        let mut pdu = Pdu { pfc_flags: flags, call_id: negotiation.call_id, body, auth: None };
        let secured = self.securities.iter().find(|secured| Some(secured.id) == negotiation.security);
        if let (Some(secured), Some(token)) = (secured, token) {
            // Without padding, as in Windows: the body is aligned to 4 by itself.
            pdu.auth = Some(trailer(secured, token));
        }
        self.control.push_back(encode_to_bytes(&pdu)?);
        let answer = if ptype == Ptype::BIND { Ptype::BIND_ACK } else { Ptype::ALTER_CONTEXT_RESP };
        negotiation.waiting_for = Some(answer);
        negotiation.next = Ptype::ALTER_CONTEXT;
        Ok(())
    }

    fn send_auth_3(&mut self, id: SecurityId, token: &[u8]) -> Result<(), Error> {
        let Some(negotiation) = &self.negotiation else { return Ok(()) };
        let Some(secured) = self.securities.iter().find(|secured| secured.id == id) else { return Ok(()) };
        let mut flags = PfcFlags::WHOLE;
        if self.config.concurrent_multiplexing {
            flags = flags.with(PfcFlags::CONC_MPX);
        }
        if self.agreed.header_sign_offered {
            flags = flags.with(PfcFlags::SUPPORT_HEADER_SIGN);
        }
        let pdu = Pdu { pfc_flags: flags, call_id: negotiation.call_id, body: Body::RpcAuth3, auth: None };
        // The sec_trailer stands right behind pad, [MS-RPCE] 2.2.2.10: no padding, whatever the alignment.
        let pdu = Pdu { auth: Some(trailer(secured, token)), ..pdu };
        self.control.push_back(encode_to_bytes(&pdu)?);
        self.bound();
        Ok(())
    }

    /// bind_ack or alter_context_resp.
    pub(super) fn on_ack(
        &mut self,
        now: &Now,
        ptype: Ptype,
        flags: PfcFlags,
        call_id: u32,
        ack: &BindAck<'_>,
        auth: Option<SecTrailer<'_>>,
    ) -> Result<(), Error> {
        let Some(negotiation) = self.negotiation.as_mut().filter(|negotiation| negotiation.waiting_for == Some(ptype))
        else {
            return Err(unexpected(&self.state, ptype));
        };
        if call_id != negotiation.call_id {
            let (expected, found) = (negotiation.call_id.to_string(), call_id.to_string());
            return Err(peer_fault("binding", format!("call_id {expected}"), found, "[C706] 12.6.3.5"));
        }
        negotiation.waiting_for = None;
        let elements = negotiation.offered.len().saturating_add(usize::from(negotiation.features.is_some()));
        if ack.results.len() != elements {
            let (expected, found) = (format!("{elements} results"), ack.results.len().to_string());
            return Err(peer_fault("binding", expected, found, "[MS-RPCE] 3.3.1.5.6"));
        }
        let mut results = ack.results.iter();
        for (id, (result, reason, _)) in negotiation.offered.iter().zip(results.by_ref()) {
            let outcome = match result {
                ContextResult::ACCEPTANCE => ContextOutcome::Accepted,
                _ => ContextOutcome::Rejected { result, reason },
            };
            if let Some(context) = self.contexts.get_mut(usize::from(id.0)) {
                // A leg that offers an accepted context again does not take it away.
                context.outcome =
                    context.outcome.filter(|before| *before == ContextOutcome::Accepted).or(Some(outcome));
            }
        }
        if let (Some(offered), Some((ContextResult::NEGOTIATE_ACK, reason, _))) = (negotiation.features, results.next())
        {
            self.agreed.features = offered.intersection(BindTimeFeatures(reason.0));
        }
        negotiation.features = None;
        if ptype == Ptype::BIND_ACK {
            if ack.max_recv_frag < MUST_RECV_FRAG_SIZE {
                let found = ack.max_recv_frag.to_string();
                return Err(peer_fault("binding", "max_recv_frag of at least 1432", found, "[C706] 12.6.3.1"));
            }
            self.agreed.max_xmit_frag = self.config.xmit().min(ack.max_recv_frag);
            self.agreed.assoc_group_id = ack.assoc_group_id;
            self.agreed.multiplexing = self.config.concurrent_multiplexing && flags.contains(PfcFlags::CONC_MPX);
        }
        if auth.is_some() || ptype == Ptype::BIND_ACK {
            self.agreed.header_signing |=
                self.agreed.header_sign_offered && flags.contains(PfcFlags::SUPPORT_HEADER_SIGN);
        }
        let security = negotiation.security;
        let Some(secured) = self.securities.iter().find(|secured| Some(secured.id) == security) else {
            self.bound();
            return Ok(());
        };
        let id = secured.id;
        match auth {
            None if secured.context.is_complete() => {
                self.bound();
                Ok(())
            }
            None => Err(peer_fault("binding", "a token of the security context", "none", "[MS-RPCE] 3.3.1.5.2.1")),
            Some(auth) => {
                if (auth.auth_type, auth.auth_context_id) != (secured.auth_type, id.0) {
                    let expected = format!("auth_type {:?}, auth_context_id {}", secured.auth_type, id.0);
                    let found = format!("{:?}, {}", auth.auth_type, auth.auth_context_id);
                    return Err(peer_fault("binding", expected, found, "[MS-RPCE] 2.2.2.11"));
                }
                self.step(id, Some(auth.token), now)
            }
        }
    }

    /// The negotiation is through.
    fn bound(&mut self) {
        let Some(negotiation) = self.negotiation.take() else { return };
        self.state = State::Bound;
        let outcome = |id: &ContextId| {
            let context = self.contexts.get(usize::from(id.0))?;
            Some((*id, context.interface, context.outcome?))
        };
        let event = Event::Bound {
            contexts: negotiation.offered.iter().filter_map(outcome).collect(),
            security: negotiation.security,
            assoc_group_id: self.agreed.assoc_group_id,
            features: self.agreed.features,
        };
        self.events.push_back(event);
    }

    pub(super) fn on_bind_nak(&mut self, nak: &BindNak<'_>) -> Result<(), Error> {
        if self.negotiation.as_ref().is_none_or(|n| n.waiting_for != Some(Ptype::BIND_ACK)) {
            return Err(unexpected(&self.state, Ptype::BIND_NAK));
        }
        let extended_error = nak.extended_error.map(Bytes::copy_from_slice);
        self.events.push_back(Event::Refused { reason: nak.reason, extended_error });
        self.close(&format!("the server refused the bind: {:?}", nak.reason));
        Ok(())
    }

    /// Whether a fault of this call_id answers the negotiation. The contexts and the security that it was about are gone then.
    pub(super) fn on_negotiation_fault(&mut self, call_id: u32, status: FaultStatus) -> bool {
        if !self.negotiation.as_ref().is_some_and(|n| n.waiting_for.is_some() && n.call_id == call_id) {
            return false;
        }
        if matches!(self.state, State::Binding) {
            self.close(&format!("the server answered the bind with a fault: {status:?}"));
            return true;
        }
        let Some(negotiation) = self.negotiation.take() else { return true };
        self.securities.retain(|secured| Some(secured.id) != negotiation.security);
        self.events.push_back(Event::AlterRefused { contexts: negotiation.offered, status });
        true
    }
}

fn trailer<'a, S>(secured: &Secured<S>, token: &'a [u8]) -> SecTrailer<'a> {
    SecTrailer {
        auth_type: secured.auth_type,
        auth_level: secured.level,
        auth_pad_length: 0,
        auth_context_id: secured.id.0,
        token,
    }
}

/// Mechanisms whose last token nobody answers: note 98 of [MS-RPCE] 3.3.1.5.2.1 names NTLM and Netlogon.
const fn three_legs(auth_type: AuthType) -> bool {
    matches!(auth_type, AuthType::WINNT | AuthType::NETLOGON)
}

pub(super) fn unexpected(state: &State, ptype: Ptype) -> Error {
    peer_fault(state.name(), "a PDU that answers what was sent", format!("{ptype:?}"), "[C706] 11.1.3")
}
