//! The server's end. \[C706\] 9.3, [MS-RPCE] 3.3.3
//!
//! ```text
//! Association::new(config, interfaces, entropy, now)
//!   Event::Negotiate         accept(now, wall, Acceptance { assoc_group_id, security }), refuse(reason)
//!   Event::SecurityPending   security_mut(id) …, resume_security(now, wall, id)
//!   Event::Request           respond(call, stub), fault(call, status)
//! ```
//!
//! While a decision is awaited, PDUs that come are held, up to [`Config::max_reassembly`] bytes.

mod event;
mod negotiation;
mod requests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire_core::{
    Closed, Entropy, Error, FileTime, Limits, Misuse, Reader, SecurityContext, decode_all, encode_to_bytes,
};

pub use event::{Acceptance, Event, Negotiate, Request};

use self::negotiation::Decision;
use self::requests::{Dispatched, Receiving};
use super::outgoing::{Framing, Kind, Message};
use super::security::Secured;
use super::{CallId, Config, OutgoingPdu, SecurityId, peer_fault};
use crate::pdu::{Body, CommonHeader, Fault, FaultStatus, Pdu, PfcFlags, SyntaxIdentifier};

/// The server's end of one connection.
pub struct Association<S = Box<dyn SecurityContext + Send>> {
    config: Config,
    interfaces: Vec<SyntaxIdentifier>,
    entropy: Box<dyn Entropy + Send>,
    state: State,
    decision: Option<Decision>,
    /// When the client has to have sent its bind, or the caller to have answered.
    deadline: Option<Instant>,
    /// PDUs that came while a decision was awaited.
    held: VecDeque<Bytes>,
    held_bytes: usize,
    contexts: BTreeMap<u16, SyntaxIdentifier>,
    securities: Vec<Party<S>>,
    agreed: Agreed,
    receiving: Option<Receiving>,
    /// Current call_id, [MS-RPCE] 3.3.3.1.1: the highest that came in a request.
    current_call_id: Option<u32>,
    calls: HashMap<u32, Dispatched>,
    queue: VecDeque<Message>,
    /// Whole PDUs that go before the queue.
    control: VecDeque<Bytes>,
    events: VecDeque<Event>,
    scratch: BytesMut,
}

#[derive(Debug, Clone)]
enum State {
    /// No bind yet.
    Established,
    /// CONTEXT_NEGOTIATED, and what is beyond.
    Negotiated,
    Closed(Closed),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Established => "ESTABLISHED",
            Self::Negotiated => "CONTEXT_NEGOTIATED",
            Self::Closed(_) => "closed",
        }
    }
}

/// A security context and how far it is.
struct Party<S> {
    secured: Secured<S>,
    standing: Standing,
}

impl<S> fmt::Debug for Party<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Party").field(&self.secured).field(&self.standing).finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Building,
    Complete,
    /// rpc_auth_3 was refused: the first request that uses it is answered so. [MS-RPCE] 3.3.1.5.2.1
    Failed(FaultStatus),
}

/// What both ends have agreed on.
#[derive(Debug, Clone, Copy)]
struct Agreed {
    max_xmit_frag: u16,
    assoc_group_id: u32,
    multiplexing: bool,
    header_signing: bool,
    /// Whether the client's bind had PFC_SUPPORT_HEADER_SIGN.
    header_sign_offered: bool,
}

struct Now {
    now: Instant,
    wall: FileTime,
}

impl<S> fmt::Debug for Association<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("state", &self.state.name())
            .field("contexts", &self.contexts)
            .field("securities", &self.securities)
            .field("agreed", &self.agreed)
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}

impl<S: SecurityContext> Association<S> {
    /// An association that waits for its bind, [`Config::negotiation_timeout`] long. It offers `interfaces`; a client's minor version
    /// may be lower than theirs. `entropy` is for the security contexts.
    #[must_use]
    pub fn new(
        config: Config,
        interfaces: Vec<SyntaxIdentifier>,
        entropy: Box<dyn Entropy + Send>,
        now: Instant,
    ) -> Self {
        let agreed = Agreed {
            max_xmit_frag: config.xmit(),
            assoc_group_id: 0,
            multiplexing: false,
            header_signing: false,
            header_sign_offered: false,
        };
        Self {
            deadline: now.checked_add(config.negotiation_timeout),
            config,
            interfaces,
            entropy,
            state: State::Established,
            decision: None,
            held: VecDeque::new(),
            held_bytes: 0,
            contexts: BTreeMap::new(),
            securities: Vec::new(),
            agreed,
            receiving: None,
            current_call_id: None,
            calls: HashMap::new(),
            queue: VecDeque::new(),
            control: VecDeque::new(),
            events: VecDeque::new(),
            scratch: BytesMut::with_capacity(64),
        }
    }

    /// Takes a whole PDU of the client's.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Peer`] and those of a security context end the association: calls that are not answered
    /// are reported [`Event::Abandoned`], and [`Event::Closed`] comes last. [`Error::Closed`] after the end.
    pub fn handle_pdu(&mut self, now: Instant, wall: FileTime, pdu: Bytes) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        if self.decision.is_some() {
            self.held_bytes = self.held_bytes.saturating_add(pdu.len());
            if self.held_bytes > self.config.max_reassembly {
                let expected = format!("at most {} bytes before an answer", self.config.max_reassembly);
                let fault = peer_fault(self.state.name(), expected, self.held_bytes.to_string(), "[MS-RPCE] 3.3.3");
                return Err(self.fail(fault));
            }
            self.held.push_back(pdu);
            return Ok(());
        }
        self.on_pdu(&Now { now, wall }, pdu).map_err(|error| self.fail(error))
    }

    /// Goes on with what was held, until the next decision.
    fn resume_held(&mut self, now: &Now) -> Result<(), Error> {
        while self.decision.is_none()
            && let Some(pdu) = self.held.pop_front()
        {
            self.held_bytes = self.held_bytes.saturating_sub(pdu.len());
            if matches!(self.state, State::Closed(_)) {
                return Ok(());
            }
            self.on_pdu(now, pdu)?;
        }
        Ok(())
    }

    fn on_pdu(&mut self, now: &Now, bytes: Bytes) -> Result<(), Error> {
        let header = Reader::new(&bytes).structure::<CommonHeader>()?;
        if header.frag_length > self.config.recv() {
            let expected = format!("a PDU of at most {} bytes", self.config.recv());
            return Err(peer_fault(self.state.name(), expected, header.frag_length.to_string(), "[C706] 12.6.3.1"));
        }
        let pdu = decode_all::<Pdu<'_>>(&bytes, &Limits::DEFAULT)?;
        let bound = matches!(self.state, State::Negotiated);
        match pdu.body {
            Body::Bind(bind) if !bound => self.on_bind(now, true, &pdu, &bind),
            Body::AlterContext(bind) if bound => self.on_bind(now, false, &pdu, &bind),
            Body::RpcAuth3 if bound => self.on_auth_3(now, pdu.auth),
            Body::Request(request) if bound => self.on_request(&bytes, &header, &pdu, &request),
            Body::CoCancel if bound => {
                if self.calls.contains_key(&pdu.call_id) {
                    self.events.push_back(Event::Cancel { call: CallId(pdu.call_id) });
                }
                Ok(())
            }
            Body::Orphaned if bound => {
                self.on_orphaned(pdu.call_id);
                Ok(())
            }
            other => {
                let expected = if bound { "alter_context, rpc_auth_3, request, co_cancel or orphaned" } else { "bind" };
                let found = format!("{:?}", other.ptype());
                Err(peer_fault(self.state.name(), expected, found, "[MS-RPCE] 3.3.3"))
            }
        }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a call that is not to be answered (any more), [`Error::Closed`].
    pub fn respond(&mut self, call: CallId, stub: Bytes) -> Result<(), Error> {
        let dispatched = self.take_call("respond", call)?;
        let kind = Kind::Response { context_id: dispatched.context_id, cancel_count: 0 };
        self.queue.push_back(Message::new(call.0, kind, dispatched.security, stub, Bytes::new()));
        Ok(())
    }

    /// Answers a call with a fault.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a call that is not to be answered (any more), and for a status that
    /// [may not be sent](FaultStatus::may_be_sent); [`Error::Closed`].
    pub fn fault(&mut self, call: CallId, status: FaultStatus) -> Result<(), Error> {
        self.fault_with(call, status, None)
    }

    /// As [`Association::fault`], with extended error information ([MS-EERR]), encoded by the caller.
    ///
    /// # Errors
    /// As [`Association::fault`], and [`Error::Encode`] for information that does not fit a PDU.
    pub fn fault_with(
        &mut self,
        call: CallId,
        status: FaultStatus,
        extended_error: Option<&[u8]>,
    ) -> Result<(), Error> {
        if !status.may_be_sent() {
            let advice = "choose a status that [MS-RPCE] 3.3.3.5.1 lets servers send";
            return Err(Misuse { call: "fault", state: "a status that may not be sent", advice }.into());
        }
        let dispatched = self.take_call("fault", call)?;
        self.send_fault(call.0, dispatched.context_id, status, PfcFlags(0), extended_error)
    }

    fn take_call(&mut self, verb: &'static str, call: CallId) -> Result<Dispatched, Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        let advice = "answer each Event::Request once, and none that was abandoned";
        self.calls.remove(&call.0).ok_or_else(|| Misuse { call: verb, state: "no such call", advice }.into())
    }

    fn send_fault(
        &mut self,
        call_id: u32,
        context_id: u16,
        status: FaultStatus,
        flags: PfcFlags,
        extended_error: Option<&[u8]>,
    ) -> Result<(), Error> {
        let body = Body::Fault(Fault { context_id, cancel_count: 0, status, extended_error });
        self.send_control(Pdu { pfc_flags: PfcFlags::WHOLE.with(flags), call_id, body, auth: None })
    }

    fn send_control(&mut self, pdu: Pdu<'_>) -> Result<(), Error> {
        self.control.push_back(encode_to_bytes(&pdu)?);
        Ok(())
    }

    /// Asks the client to end the connection once the calls in flight are through (shutdown). \[C706\] 12.6.4.11
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn shutdown(&mut self) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        self.send_control(Pdu { pfc_flags: PfcFlags::WHOLE, call_id: 0, body: Body::Shutdown, auth: None })
    }

    /// The next PDU. It is signed and sealed now: what is taken has to be sent, in this order.
    ///
    /// # Errors
    /// Those of the security context, after which the association has ended.
    pub fn poll_transmit(&mut self, _now: Instant) -> Result<Option<OutgoingPdu>, Error> {
        if let Some(pdu) = self.control.pop_front() {
            return Ok(Some(OutgoingPdu::whole(pdu)));
        }
        let Some(message) = self.queue.front_mut() else { return Ok(None) };
        let framing = Framing {
            max_frag: self.agreed.max_xmit_frag,
            header_signing: self.agreed.header_signing,
            needs_token: self.securities.len() > 1,
        };
        let parties = self.securities.iter_mut().map(|party| &mut party.secured);
        let secured = parties.into_iter().find(|secured| Some(secured.id) == message.security);
        match message.next(framing, secured, &mut self.scratch) {
            Ok((pdu, last)) => {
                if last {
                    self.queue.pop_front();
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
        if matches!(self.state, State::Closed(_)) { None } else { self.deadline }
    }

    /// Acts on what is due at `now`: ends an association whose bind did not come, or whose decision nobody made.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|at| at <= now) && !matches!(self.state, State::Closed(_)) {
            self.close("no bind, or no answer to it, in time");
        }
    }

    /// The carrier is gone: calls that are not answered are reported, and the association ends.
    pub fn handle_lost(&mut self, _now: Instant, reason: &str) {
        self.control.clear();
        self.close(reason);
    }

    /// Ends the association. What is in `control` still goes out: the answer that says why.
    fn close(&mut self, reason: &str) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        let reason: Arc<str> = Arc::from(reason);
        self.state = State::Closed(Closed { reason: reason.clone() });
        (self.decision, self.receiving, self.deadline) = (None, None, None);
        self.held.clear();
        self.queue.clear();
        let mut calls: Vec<_> = std::mem::take(&mut self.calls).into_keys().collect();
        calls.sort_unstable();
        self.events.extend(calls.into_iter().map(|call_id| Event::Abandoned { call: CallId(call_id) }));
        self.events.push_back(Event::Closed { reason });
    }

    fn fail(&mut self, error: Error) -> Error {
        self.close(&error.to_string());
        error
    }

    /// The security context of `id`, for a caller who answers its question.
    pub fn security_mut(&mut self, id: SecurityId) -> Option<&mut S> {
        self.securities.iter_mut().find(|party| party.secured.id == id).map(|party| &mut party.secured.context)
    }

    /// The security context of `id`.
    #[must_use]
    pub fn security(&self, id: SecurityId) -> Option<&S> {
        self.securities.iter().find(|party| party.secured.id == id).map(|party| &party.secured.context)
    }

    /// The association group, once bound.
    #[must_use]
    pub const fn assoc_group_id(&self) -> u32 {
        self.agreed.assoc_group_id
    }

    /// Calls that are received and not answered.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.calls.len()
    }

    /// Whether the association has ended.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }
}
