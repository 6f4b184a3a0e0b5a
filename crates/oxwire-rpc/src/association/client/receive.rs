//! PDUs as they come, of a client.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{Error, FileTime, Limits, Reader, SecurityContext, decode_all};

use super::super::reassembly::Reassembly;
use super::super::security::{Protection, Received, SecurityId, protected_range};
use super::super::{CallId, peer_fault};
use super::event::Event;
use super::negotiation::unexpected;
use super::{Association, Now, State};
use crate::pdu::{Body, CommonHeader, DataRepresentation, FaultStatus, Pdu, PfcFlags, Ptype};

/// What a fault said.
struct Faulted {
    status: FaultStatus,
    did_not_execute: bool,
    extended_error: Option<Bytes>,
}

impl<S: SecurityContext> Association<S> {
    /// Takes a whole PDU of the server's.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Peer`] and those of a security context end the association: calls in flight are reported,
    /// and [`Event::Closed`] comes last. [`Error::Closed`] after the end.
    pub fn handle_pdu(&mut self, now: Instant, wall: FileTime, pdu: Bytes) -> Result<(), Error> {
        if let State::Closed(closed) = &self.state {
            return Err(closed.clone().into());
        }
        self.on_pdu(&Now { now, wall }, pdu).map_err(|error| self.fail(error))
    }

    fn on_pdu(&mut self, now: &Now, bytes: Bytes) -> Result<(), Error> {
        let header = Reader::new(&bytes).structure::<CommonHeader>()?;
        if header.frag_length > self.config.recv() {
            let expected = format!("a PDU of at most {} bytes", self.config.recv());
            return Err(peer_fault(self.state.name(), expected, header.frag_length.to_string(), "[C706] 12.6.3.1"));
        }
        let pdu = decode_all::<Pdu<'_>>(&bytes, &Limits::DEFAULT)?;
        let (flags, call_id, drep) = (pdu.pfc_flags, pdu.call_id, header.drep);
        match pdu.body {
            Body::BindAck(ack) => self.on_ack(now, Ptype::BIND_ACK, flags, call_id, &ack, pdu.auth),
            Body::AlterContextResp(ack) => self.on_ack(now, Ptype::ALTER_CONTEXT_RESP, flags, call_id, &ack, pdu.auth),
            Body::BindNak(nak) => self.on_bind_nak(&nak),
            Body::Response(_) => {
                let received = pdu.auth.as_ref().map(Received::of);
                let stub = match (received, pdu.sealed()) {
                    (Some(received), Some(range)) => self.unprotect(bytes.clone(), range, &received)?,
                    _ => {
                        let start = CommonHeader::LEN.saturating_add(8).min(bytes.len());
                        bytes.slice(start..)
                    }
                };
                self.on_response(flags, call_id, drep, received.map(|received| received.id), stub)
            }
            Body::Fault(fault) => {
                let extended_error = fault.extended_error.map(Bytes::copy_from_slice);
                let did_not_execute = flags.contains(PfcFlags::DID_NOT_EXECUTE);
                let faulted = Faulted { status: fault.status, did_not_execute, extended_error };
                if let (Some(auth), Some(range)) = (&pdu.auth, protected_range(&pdu, bytes.len())) {
                    self.verify_fault(&bytes, range, &Received::of(auth))?;
                }
                self.on_fault(call_id, faulted)
            }
            Body::Shutdown => {
                self.events.push_back(Event::Shutdown);
                Ok(())
            }
            other => Err(unexpected(&self.state, other.ptype())),
        }
    }

    fn unprotect(&mut self, bytes: Bytes, range: std::ops::Range<usize>, received: &Received) -> Result<Bytes, Error> {
        let header_signing = self.agreed.header_signing;
        let Some(secured) = self.securities.iter_mut().find(|secured| secured.id == received.id) else {
            let found = received.id.0.to_string();
            return Err(peer_fault("bound", "the auth_context_id of a security context", found, "[MS-RPCE] 2.2.2.11"));
        };
        secured.unprotect(bytes, range, received, header_signing)
    }

    /// A fault that carries a signature is held against it; most servers send none.
    fn verify_fault(&mut self, bytes: &Bytes, range: std::ops::Range<usize>, received: &Received) -> Result<(), Error> {
        let header_signing = self.agreed.header_signing;
        match self.securities.iter_mut().find(|secured| secured.id == received.id) {
            Some(secured) if secured.context.is_complete() => {
                secured.verify_signed(bytes, range, received, header_signing)
            }
            // Of a security context that did not come to be: nothing to hold it against.
            _ => Ok(()),
        }
    }

    fn on_response(
        &mut self,
        flags: PfcFlags,
        call_id: u32,
        drep: DataRepresentation,
        security: Option<SecurityId>,
        stub: Bytes,
    ) -> Result<(), Error> {
        self.check_answer(call_id, security)?;
        let Some(call) = self.calls.in_flight.get_mut(&call_id) else {
            return Err(unexpected(&self.state, Ptype::RESPONSE));
        };
        let first = flags.contains(PfcFlags::FIRST_FRAG);
        if first == call.incoming.is_some() {
            let expected = if first { "a fragment that is not the first" } else { "PFC_FIRST_FRAG" };
            return Err(peer_fault("bound", expected, format!("flags {:#04x}", flags.0), "[C706] 12.6.3.1"));
        }
        let last = flags.contains(PfcFlags::LAST_FRAG);
        if call.abandoned {
            // Kept only so that the fragments are told from those of nobody.
            call.incoming.get_or_insert_with(|| (Reassembly::default(), drep));
            if last {
                self.calls.end(call_id);
            }
            return Ok(());
        }
        let total = self.calls.reassembling.saturating_add(stub.len());
        if !(first && last) && total > self.config.max_reassembly {
            let expected = format!("at most {} bytes of answers that are not whole", self.config.max_reassembly);
            return Err(peer_fault("bound", expected, total.to_string(), "[MS-RPCE] 3.3.2.5.2"));
        }
        self.calls.reassembling = total;
        let (incoming, _) = call.incoming.get_or_insert_with(|| (Reassembly::default(), drep));
        incoming.push(stub);
        if !last {
            return Ok(());
        }
        let (incoming, drep) = call.incoming.take().unwrap_or_else(|| (Reassembly::default(), drep));
        self.calls.reassembling = self.calls.reassembling.saturating_sub(incoming.len());
        self.calls.drop_queued(call_id);
        self.calls.end(call_id);
        self.events.push_back(Event::Response { call: CallId(call_id), stub: incoming.finish(), drep });
        Ok(())
    }

    /// An answer comes for a call that was sent, under the security that it was sent with.
    fn check_answer(&self, call_id: u32, security: Option<SecurityId>) -> Result<(), Error> {
        let Some(call) = self.calls.in_flight.get(&call_id).filter(|call| call.sent) else {
            let found = format!("a response to call_id {call_id}");
            return Err(peer_fault("bound", "the call_id of a call in flight", found, "[MS-RPCE] 3.3.2.5.2"));
        };
        let sent_with = self.securities.iter().find(|secured| Some(secured.id) == call.security);
        let signed = sent_with.is_some_and(|secured| secured.protection != Protection::None);
        if signed && security != call.security {
            let expected = "a response under the security context of its request";
            let found = security.map_or_else(|| "none".into(), |id| format!("auth_context_id {}", id.0));
            return Err(peer_fault("bound", expected, found, "[MS-RPCE] 3.3.1.5.2.2"));
        }
        Ok(())
    }

    fn on_fault(&mut self, call_id: u32, faulted: Faulted) -> Result<(), Error> {
        if self.on_negotiation_fault(call_id, faulted.status) {
            return Ok(());
        }
        if !self.calls.in_flight.get(&call_id).is_some_and(|call| call.sent) {
            let found = format!("a fault of call_id {call_id}, {:?}", faulted.status);
            return Err(peer_fault(self.state.name(), "the call_id of a call in flight", found, "[MS-RPCE] 3.3.2.5.1"));
        }
        self.calls.drop_queued(call_id);
        if self.calls.end(call_id) {
            let Faulted { status, did_not_execute, extended_error } = faulted;
            self.events.push_back(Event::Fault { call: CallId(call_id), status, did_not_execute, extended_error });
        }
        Ok(())
    }
}
