//! Requests as they come, of a server. [MS-RPCE] 3.3.3.5

use bytes::Bytes;
use oxwire_core::{Error, Guid, SecurityContext};

use super::super::reassembly::Reassembly;
use super::super::security::{Protection, Received, SecurityId, effective};
use super::super::{CallId, ContextId, Verification};
use super::event::{Event, Request};
use super::{Association, Standing};
use crate::pdu::{
    AuthLevel, CommonHeader, FaultStatus, Pdu, PfcFlags, Request as RequestPdu, SyntaxIdentifier, TRANSFER_SYNTAX_NDR,
};

/// A request of which the last fragment has not come. There is one at most: a client sends all fragments of a request before the
/// next one's ([MS-RPCE] 3.3.1.5.8).
#[derive(Debug)]
pub(super) struct Receiving {
    call_id: u32,
    context_id: u16,
    opnum: u16,
    object: Option<Guid>,
    interface: SyntaxIdentifier,
    security: Option<(SecurityId, AuthLevel)>,
    stub: Reassembly,
}

/// A request that was handed up and is not answered.
#[derive(Debug)]
pub(super) struct Dispatched {
    pub(super) context_id: u16,
    pub(super) security: Option<SecurityId>,
}

/// How far behind the current call_id a late fragment is dropped without a word, [MS-RPCE] 3.3.3.5.6.
const OLD_CALLS: u32 = 150;
/// What Windows takes as a call_id, [MS-RPCE] 3.3.3.5.2 note 123.
const MAX_CALL_ID: u32 = i32::MAX.unsigned_abs();

impl<S: SecurityContext> Association<S> {
    pub(super) fn on_request(
        &mut self,
        bytes: &Bytes,
        header: &CommonHeader,
        pdu: &Pdu<'_>,
        request: &RequestPdu<'_>,
    ) -> Result<(), Error> {
        let call_id = header.call_id;
        let (stub, security) = match self.unprotect(bytes, pdu, request)? {
            Ok(unprotected) => unprotected,
            Err(_) if !pdu.pfc_flags.contains(PfcFlags::FIRST_FRAG) && self.is_old(call_id) => return Ok(()),
            Err(status) => {
                self.current_call_id = self.current_call_id.max(Some(call_id));
                return self.refuse_call(call_id, request.context_id, status);
            }
        };
        let flags = pdu.pfc_flags;
        if flags.contains(PfcFlags::FIRST_FRAG) {
            if let Err(status) = self.first_fragment(call_id, request, security) {
                return self.refuse_call(call_id, request.context_id, status);
            }
        } else if self.receiving.as_ref().is_none_or(|receiving| receiving.call_id != call_id) {
            if self.is_old(call_id) {
                return Ok(());
            }
            return self.refuse_call(call_id, request.context_id, FaultStatus::NCA_PROTO_ERROR);
        }
        let Some(receiving) = &mut self.receiving else { return Ok(()) };
        let same = (receiving.context_id, receiving.opnum, receiving.security);
        if same != (request.context_id, request.opnum, security) {
            return self.refuse_call(call_id, request.context_id, FaultStatus::NCA_PROTO_ERROR);
        }
        let total = receiving.stub.len().saturating_add(stub.len());
        if total > self.config.max_request || total > self.config.max_reassembly {
            return self.refuse_call(call_id, request.context_id, FaultStatus::ACCESS_DENIED);
        }
        receiving.stub.push(stub);
        if flags.contains(PfcFlags::LAST_FRAG) {
            self.dispatch(header, flags);
        }
        Ok(())
    }

    /// Whether a fragment that is not the first is dropped without a word: of a call that was faulted or orphaned while it came.
    /// [MS-RPCE] 3.3.3.5.6
    fn is_old(&self, call_id: u32) -> bool {
        self.current_call_id.and_then(|current| current.checked_sub(call_id)).is_some_and(|behind| behind < OLD_CALLS)
    }

    /// Takes the security off. The inner error is a status for the client; the outer one ends the association, for after a
    /// signature that does not verify nothing that follows would.
    #[expect(clippy::type_complexity, reason = "two layers of failure, named above, in one place")]
    fn unprotect(
        &mut self,
        bytes: &Bytes,
        pdu: &Pdu<'_>,
        request: &RequestPdu<'_>,
    ) -> Result<Result<(Bytes, Option<(SecurityId, AuthLevel)>), FaultStatus>, Error> {
        let Some(auth) = &pdu.auth else {
            let fixed = if request.object.is_some() { 40 } else { 24 };
            let stub = bytes.slice(fixed.min(bytes.len())..);
            let complete = || self.securities.iter().filter(|party| party.standing == Standing::Complete);
            return Ok(match complete().next_back() {
                None if self.securities.is_empty() => Ok((stub, None)),
                // rpc_auth_3 failed, or never came.
                None => Err(self.securities.iter().find_map(failure).unwrap_or(FaultStatus::ACCESS_DENIED)),
                // The only security context, at level connect, is meant where none is named ([MS-RPCE] 3.3.1.5.4). impacket names
                // none where there are several, too: the newest is meant.
                Some(newest) if complete().all(|party| party.secured.protection == Protection::None) => {
                    Ok((stub, Some((newest.secured.id, effective(newest.secured.level)))))
                }
                Some(_) => Err(FaultStatus::ACCESS_DENIED),
            });
        };
        let received = Received::of(auth);
        let header_signing = self.agreed.header_signing;
        let Some(party) = self.securities.iter_mut().find(|party| party.secured.id == received.id) else {
            return Ok(Err(FaultStatus::ACCESS_DENIED));
        };
        match party.standing {
            Standing::Building => return Ok(Err(FaultStatus::NCA_PROTO_ERROR)),
            Standing::Failed(status) => return Ok(Err(status)),
            Standing::Complete => {}
        }
        let range = pdu.sealed().unwrap_or_default();
        let security = Some((received.id, effective(party.secured.level)));
        match party.secured.unprotect(bytes.clone(), range, &received, header_signing) {
            Ok(stub) => Ok(Ok((stub, security))),
            Err(error) => {
                let status = FaultStatus::SEC_PKG_ERROR;
                self.send_fault(pdu.call_id, request.context_id, status, PfcFlags::DID_NOT_EXECUTE, None)?;
                Err(error)
            }
        }
    }

    fn first_fragment(
        &mut self,
        call_id: u32,
        request: &RequestPdu<'_>,
        security: Option<(SecurityId, AuthLevel)>,
    ) -> Result<(), FaultStatus> {
        // call_ids go up, [MS-RPCE] 3.3.3.5.2; and a request is sent whole before the next, 3.3.1.5.8.
        let old = self.current_call_id.is_some_and(|current| call_id <= current) || call_id > MAX_CALL_ID;
        let waits = !self.agreed.multiplexing && !self.calls.is_empty();
        if old || waits || self.receiving.is_some() {
            return Err(FaultStatus::NCA_PROTO_ERROR);
        }
        self.current_call_id = Some(call_id);
        if self.calls.len() >= self.config.max_calls {
            return Err(FaultStatus::NCA_SERVER_TOO_BUSY);
        }
        let interface = *self.contexts.get(&request.context_id).ok_or(FaultStatus::NCA_UNK_IF)?;
        self.receiving = Some(Receiving {
            call_id,
            context_id: request.context_id,
            opnum: request.opnum,
            object: request.object,
            interface,
            security,
            stub: Reassembly::default(),
        });
        Ok(())
    }

    fn dispatch(&mut self, header: &CommonHeader, flags: PfcFlags) {
        let Some(receiving) = self.receiving.take() else { return };
        let Receiving { call_id, context_id, opnum, object, interface, security, stub } = receiving;
        self.calls.insert(call_id, Dispatched { context_id, security: security.map(|(id, _)| id) });
        self.events.push_back(Event::Request(Request {
            call: CallId(call_id),
            context: ContextId(context_id),
            interface,
            opnum,
            object,
            drep: header.drep,
            security,
            maybe: flags.contains(PfcFlags::MAYBE),
            verification: Verification {
                interface,
                transfer_syntax: TRANSFER_SYNTAX_NDR,
                drep: header.drep,
                call_id,
                context_id,
                opnum,
                header_sign: self.agreed.header_sign_offered,
            },
            stub: stub.finish(),
        }));
        if flags.contains(PfcFlags::PENDING_CANCEL) {
            self.events.push_back(Event::Cancel { call: CallId(call_id) });
        }
    }

    /// Faults a request that was not handed up, and forgets what came of it.
    fn refuse_call(&mut self, call_id: u32, context_id: u16, status: FaultStatus) -> Result<(), Error> {
        if self.receiving.as_ref().is_some_and(|receiving| receiving.call_id == call_id) {
            self.receiving = None;
        }
        self.send_fault(call_id, context_id, status, PfcFlags::DID_NOT_EXECUTE, None)
    }

    pub(super) fn on_orphaned(&mut self, call_id: u32) {
        if self.receiving.as_ref().is_some_and(|receiving| receiving.call_id == call_id) {
            self.receiving = None;
        }
        self.queue.retain(|message| message.call_id != call_id);
        if self.calls.remove(&call_id).is_some() {
            self.events.push_back(Event::Abandoned { call: CallId(call_id) });
        }
    }
}

fn failure<S>(party: &super::Party<S>) -> Option<FaultStatus> {
    match party.standing {
        Standing::Failed(status) => Some(status),
        _ => None,
    }
}
